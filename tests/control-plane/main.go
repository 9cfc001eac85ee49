// Command control-plane is a whole Kubernetes control plane in one binary, with kubectl, for tests only.
//
// Its first argument names the component; the rest are that component's own flags.
// Nothing is mocked: each component is the code that Kubernetes ships. The kubelet is
// the real kubelet over a fake container runtime (upstream's "hollow node").
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/configz"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	remote "k8s.io/cri-client/pkg"
	fakeremote "k8s.io/cri-client/pkg/fake"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubelet/server"
	"k8s.io/kubernetes/pkg/kubemark"
	"sigs.k8s.io/yaml"
)

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 newKubeletCommand,
}

// When set, the component ends as soon as its standard input does. The test program holds
// the other end of that pipe, so that nothing is left behind even when it is killed.
const endWithStdin = "KUBE_HIPAA_END_WITH_STDIN"

// When set, rootFolder names the folder that becomes the root of the file system for the
// component, and hostName the host on which it believes to run (Linux only).
const (
	rootFolder = "KUBE_HIPAA_ROOT"
	hostName   = "KUBE_HIPAA_HOSTNAME"
	inside     = "KUBE_HIPAA_INSIDE"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	if os.Getenv(endWithStdin) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	name := os.Args[1]
	// The components read os.Args themselves: hide the dispatching argument from them.
	os.Args = append([]string{name}, os.Args[2:]...)
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	if name == "kubectl" {
		kubectlutil.CheckErr(cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()))
		return
	}
	command, known := components[name]
	if !known {
		usage()
	}
	if root := os.Getenv(rootFolder); root != "" {
		if os.Getenv(inside) == "" {
			os.Exit(runInside(name))
		}
		if err := enter(root, os.Getenv(hostName)); err != nil {
			fmt.Fprintf(os.Stderr, "%s=%s cannot become the root folder of %s: %v\n", rootFolder, root, name, err)
			os.Exit(1)
		}
	}
	os.Exit(cli.Run(command()))
}

// enter makes folder the root of the file system for this process, so that flags can name
// the paths that they name on a real node, and gives it that node's name.
func enter(folder, host string) error {
	if host != "" {
		if err := syscall.Sethostname([]byte(host)); err != nil {
			return fmt.Errorf("host name %s: %w", host, err)
		}
	}
	if err := syscall.Chroot(folder); err != nil {
		return err
	}
	return os.Chdir("/")
}

// runInside starts this program again with a host name of its own, and when the caller is
// not root in a user namespace where it is, because only root may do what enter does. It
// gives back the exit code.
func runInside(name string) int {
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	// The death signal is tied to the thread that starts the process.
	runtime.LockOSThread()
	child := exec.Command("/proc/self/exe", append([]string{name}, os.Args[1:]...)...)
	child.Env = append(os.Environ(), inside+"=1")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = attributes
	var ended *exec.ExitError
	switch err := child.Run(); {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.ExitCode()
	default:
		fmt.Fprintf(os.Stderr, "%s needs a root folder of its own, and this user may not make namespaces: %v\n", name, err)
		return 1
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kubelet|kubectl [flags]")
	os.Exit(2)
}

type kubeletOptions struct {
	kubeconfig, name, root, config, certificate, key string
	port                                             int
}

// newKubeletCommand follows the "kubelet" morph of upstream's cmd/kubemark, which puts its
// folders and its runtime's socket in /tmp under random names, never removes them, and
// takes no configuration file.
func newKubeletCommand() *cobra.Command {
	var o kubeletOptions
	command := &cobra.Command{
		Use:          "kubelet",
		Short:        "the kubelet over a fake container runtime: every image runs",
		SilenceUsage: true,
		Args:         cobra.NoArgs,
		RunE:         func(command *cobra.Command, _ []string) error { return runKubelet(command.Context(), o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of the node")
	flags.StringVar(&o.name, "name", "", "name of the node")
	flags.StringVar(&o.root, "root-dir", "", "existing folder for all files; static pods are read from static-pods in it")
	flags.StringVar(&o.config, "config", "", "KubeletConfiguration laid over the defaults (optional)")
	flags.StringVar(&o.certificate, "tls-cert-file", "", "certificate of the kubelet's API")
	flags.StringVar(&o.key, "tls-private-key-file", "", "key of the kubelet's API")
	flags.IntVar(&o.port, "port", 0, "port of the kubelet's API, on every interface: the API server proxies to no loopback address")
	return command
}

func runKubelet(ctx context.Context, o kubeletOptions) error {
	if ctx == nil {
		ctx = context.Background()
	}
	clientConfig, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return fmt.Errorf("kubeconfig %s: %w", o.kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(clientConfig)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}

	flags, configuration := kubemark.GetHollowKubeletConfig(&kubemark.HollowKubeletOptions{
		NodeName: o.name, KubeletPort: o.port, MaxPods: 110,
	})
	_ = os.RemoveAll(flags.RootDirectory) // The folder in /tmp that was just made for it.
	flags.RootDirectory = o.root
	configuration.StaticPodPath = filepath.Join(o.root, "static-pods")
	configuration.PodLogsDir = filepath.Join(o.root, "pod-logs")
	if err := finish(configuration, o.config); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	for _, folder := range []string{configuration.StaticPodPath, configuration.PodLogsDir} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}

	endpoint := "unix://" + filepath.Join(o.root, "runtime.sock")
	containers := fakeremote.NewFakeRemoteRuntime()
	if err := containers.Start(endpoint); err != nil {
		return fmt.Errorf("fake runtime: %w", err)
	}
	runtimeService, err := remote.NewRemoteRuntimeService(ctx, endpoint, 15*time.Second, noop.NewTracerProvider(), false)
	if err != nil {
		return fmt.Errorf("fake runtime: %w", err)
	}
	kubelet := kubemark.NewHollowKubelet(flags, configuration, client, client,
		&cadvisortest.Fake{NodeName: o.name}, containers.ImageService, runtimeService, cm.NewStubContainerManager())
	// Upstream's serves plain HTTP, which the API server's node proxy does not speak.
	kubelet.KubeletDeps.TLSOptions = &server.TLSOptions{
		MinVersion: tls.VersionTLS12, CertFile: o.certificate, KeyFile: o.key,
	}
	kubelet.Run(ctx)
	return nil
}

// finish sets what the file names, keeps the rest, and shows the result at /configz, as
// the kubelet's own command does.
func finish(configuration *config.KubeletConfiguration, file string) error {
	scheme, _, err := kubeletscheme.NewSchemeAndCodecs()
	if err != nil {
		return err
	}
	var external kubeletv1beta1.KubeletConfiguration
	if err := scheme.Convert(configuration, &external, nil); err != nil {
		return err
	}
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := yaml.UnmarshalStrict(content, &external); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	external.SetGroupVersionKind(kubeletv1beta1.SchemeGroupVersion.WithKind("KubeletConfiguration"))
	shown, err := configz.New("kubeletconfig")
	if err != nil {
		return err
	}
	if err := shown.Set(&external); err != nil {
		return err
	}
	return scheme.Convert(&external, configuration, nil)
}
