// The mesh oracle answers which mode of mutual TLS Istio itself gives to a pod, by its own ComposePeerAuthentication, so that our reading
// of PeerAuthentications can be compared with Istio's. It is a module of its own because Istio needs other versions of what the other
// oracles need.
//
// One question is one line of JSON on standard input; one answer is one line on standard output, in the same order. A question that cannot
// be answered gets {"error": "..."}, and the program goes on.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"istio.io/api/security/v1beta1"
	"istio.io/istio/pilot/pkg/security/authn"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/labels"
	"istio.io/istio/pkg/config/schema/gvk"
)

type object struct {
	Metadata struct {
		Name              string    `json:"name"`
		Namespace         string    `json:"namespace"`
		CreationTimestamp time.Time `json:"creationTimestamp"`
	} `json:"metadata"`
	Spec json.RawMessage `json:"spec"`
}

type question struct {
	Root      string            `json:"root"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Policies  []object          `json:"policies"`
}

type reply struct {
	Mode  string            `json:"mode"`
	Ports map[string]string `json:"ports"`
}

// As pilot/pkg/model/config.go, configCompareByCreationTime, which is not exported.
func older(a, b *config.Config) int {
	if r := a.CreationTimestamp.Compare(b.CreationTimestamp); r != 0 {
		return r
	}
	if r := strings.Compare(a.Name, b.Name); r != 0 {
		return r
	}
	return strings.Compare(a.Namespace, b.Namespace)
}

func answer(raw []byte) (result any, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("Istio refuses: %v", reason)
		}
	}()
	var asked question
	if err := json.Unmarshal(raw, &asked); err != nil {
		return nil, fmt.Errorf("not a question: %w", err)
	}
	var configs []*config.Config
	for _, one := range asked.Policies {
		spec := &v1beta1.PeerAuthentication{}
		if err := spec.UnmarshalJSON(one.Spec); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", one.Metadata.Namespace, one.Metadata.Name, err)
		}
		// As pilot/pkg/model/authentication.go, getConfigsForWorkload, which is not exported.
		here := one.Metadata.Namespace == asked.Namespace || one.Metadata.Namespace == asked.Root
		if !here || !labels.Instance(spec.GetSelector().GetMatchLabels()).SubsetOf(asked.Labels) {
			continue
		}
		configs = append(configs, &config.Config{
			Meta: config.Meta{
				GroupVersionKind:  gvk.PeerAuthentication,
				Name:              one.Metadata.Name,
				Namespace:         one.Metadata.Namespace,
				CreationTimestamp: one.Metadata.CreationTimestamp,
			},
			Spec: spec,
		})
	}
	slices.SortFunc(configs, older)
	merged := authn.ComposePeerAuthentication(asked.Root, configs)
	ports := map[string]string{}
	for port, mode := range merged.PerPort {
		ports[fmt.Sprint(port)] = mode.String()
	}
	return reply{Mode: merged.Mode.String(), Ports: ports}, nil
}

func serve(in io.Reader, out io.Writer) error {
	questions := bufio.NewReaderSize(in, 1<<20)
	answers := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(answers)
	for {
		line, readErr := questions.ReadBytes('\n')
		if len(line) > 1 {
			result, err := answer(line)
			if err != nil {
				result = map[string]string{"error": err.Error()}
			}
			if err := encoder.Encode(result); err != nil {
				return err
			}
			if err := answers.Flush(); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return readErr
		}
	}
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle-mesh: cannot exchange questions and answers on standard input and output:", err)
		os.Exit(1)
	}
}
