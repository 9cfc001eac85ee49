// Writes src/facts/rbac/shipped.json: the roles and bindings that each minor version of Kubernetes ships.
//
// The policy of a version is code (plugin/pkg/auth/authorizer/rbac/bootstrappolicy of the module k8s.io/kubernetes). Its three files are
// compiled against the few types in stub/ instead of against all of Kubernetes, which takes a second instead of minutes, and run with
// every feature gate on, off, alone, and alone off: what is shipped with some setting of the gates is shipped.
//
//	go run . versions.txt kubeadm.json > ../../src/facts/rbac/shipped.json
package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

//go:embed stub/stub.go.txt stub/probe.go.txt
var stubs embed.FS

const policyFolder = "plugin/pkg/auth/authorizer/rbac/bootstrappolicy"

// A rule as the probe prints it; all lists are sorted.
type rule struct {
	APIGroups       []string `json:"apiGroups,omitempty"`
	NonResourceURLs []string `json:"nonResourceURLs,omitempty"`
	ResourceNames   []string `json:"resourceNames,omitempty"`
	Resources       []string `json:"resources,omitempty"`
	Verbs           []string `json:"verbs"`
}

type role struct {
	Namespace  string              `json:"namespace,omitempty"`
	Name       string              `json:"name"`
	Labels     map[string]string   `json:"labels,omitempty"`
	Selectors  []map[string]string `json:"selectors,omitempty"`
	Aggregates []string            `json:"aggregates,omitempty"`
	Rules      []rule              `json:"rules"`
}

type subject struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

type binding struct {
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	RoleKind  string    `json:"roleKind"`
	RoleName  string    `json:"roleName"`
	Subjects  []subject `json:"subjects"`
}

type policy struct {
	Roles    []role    `json:"roles"`
	Bindings []binding `json:"bindings"`
}

func main() {
	versions, err := os.ReadFile(os.Args[1])
	check(err)
	merged := newMerged()
	for _, version := range strings.Fields(string(versions)) {
		minor, err := strconv.Atoi(strings.Split(version, ".")[1])
		check(err)
		for _, found := range ofVersion(version) {
			merged.add(minor, "kubernetes", found)
		}
	}
	// What kubeadm adds (cmd/kubeadm/app/phases) has been the same since 1.29.
	text, err := os.ReadFile(os.Args[2])
	check(err)
	var kubeadm policy
	check(json.Unmarshal(text, &kubeadm))
	for _, minor := range merged.minors {
		merged.add(minor, "kubeadm", kubeadm)
	}
	_, err = os.Stdout.Write(merged.text())
	check(err)
}

// One policy for each setting of the gates.
func ofVersion(version string) []policy {
	var module struct{ Dir string }
	check(json.Unmarshal(run(".", nil, "go", "mod", "download", "-json", "k8s.io/kubernetes@v"+version), &module))
	folder, err := os.MkdirTemp("", "bootstrap-policy-")
	check(err)
	defer os.RemoveAll(folder)
	write := func(path string, text []byte) {
		path = filepath.Join(folder, path)
		check(os.MkdirAll(filepath.Dir(path), 0o700))
		check(os.WriteFile(path, text, 0o600))
	}
	gates := map[string]bool{}
	source := func(from, to string) {
		text, err := os.ReadFile(filepath.Join(module.Dir, from))
		check(err)
		for _, found := range regexp.MustCompile(`\b\w*features\.([A-Z]\w*)`).FindAllSubmatch(text, -1) {
			gates[string(found[1])] = true
		}
		write(to, ours(text))
	}
	for _, name := range []string{"policy.go", "controller_policy.go", "namespace_policy.go"} {
		source(policyFolder+"/"+name, "bootstrappolicy/"+name)
	}
	source("pkg/apis/rbac/v1/helpers.go", "helpers/helpers.go")
	names := make([]string, 0, len(gates))
	for gate := range gates {
		names = append(names, gate)
	}
	sort.Strings(names)
	constants := "package stub\n"
	for _, gate := range names {
		constants += fmt.Sprintf("const %s = %q\n", gate, gate)
	}
	write("stub/gates.go", []byte(constants))
	write("helpers/group.go", []byte("package v1\n\nconst GroupName = \"rbac.authorization.k8s.io\"\n"))
	write("go.mod", []byte("module probe\n\ngo 1.26.0\n"))
	for from, to := range map[string]string{"stub/stub.go.txt": "stub/stub.go", "stub/probe.go.txt": "main.go"} {
		text, err := stubs.ReadFile(from)
		check(err)
		write(to, text)
	}
	program := filepath.Join(folder, "probe-program")
	run(folder, nil, "go", "build", "-o", program, ".")
	settings := [][]string{nil, names}
	for index, gate := range names {
		settings = append(settings, []string{gate}, slices.Delete(slices.Clone(names), index, index+1))
	}
	var all []policy
	for _, setting := range settings {
		var found policy
		check(json.Unmarshal(run(folder, []string{"GATES=" + strings.Join(setting, ",")}, program), &found))
		all = append(all, found)
	}
	return all
}

// The source with Kubernetes' packages replaced by the stub, under the names that it uses.
func ours(text []byte) []byte {
	imported := regexp.MustCompile(`(?m)^\t(?:(\w+) )?"(k8s\.io/[^"]+)"$`)
	return imported.ReplaceAllFunc(text, func(line []byte) []byte {
		found := imported.FindSubmatch(line)
		alias, path := string(found[1]), string(found[2])
		if alias == "" {
			alias = filepath.Base(strings.TrimSuffix(path, "/v2"))
		}
		target := "probe/stub"
		if path == "k8s.io/kubernetes/pkg/apis/rbac/v1" {
			target = "probe/helpers"
		}
		return []byte(fmt.Sprintf("\t%s %q", alias, target))
	})
}

func run(folder string, environment []string, program string, arguments ...string) []byte {
	command := exec.Command(program, arguments...)
	command.Dir, command.Stderr = folder, os.Stderr
	command.Env = append(os.Environ(), environment...)
	var output bytes.Buffer
	command.Stdout = &output
	check(command.Run())
	return output.Bytes()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
