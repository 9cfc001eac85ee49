package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// Pod is one end of connections; without a namespace it is an address outside the cluster.
type Pod struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	IP        string            `json:"ip"`
	Ports     []Port            `json:"ports"`
}

// Port is a container port.
type Port struct {
	Name     string      `json:"name"`
	Port     int         `json:"port"`
	Protocol v1.Protocol `json:"protocol"`
}

// World is what policies act on.
type World struct {
	Namespaces map[string]map[string]string  `json:"namespaces"`
	Pods       []*Pod                        `json:"pods"`
	Policies   []*networkingv1.NetworkPolicy `json:"policies"`
}

type reachQuestion struct {
	Op string `json:"op"`
	World
	Ports     []int         `json:"ports"`
	Protocols []v1.Protocol `json:"protocols"`
}

// reachAnswer holds one digit for each connection, in the order from × to × port × protocol: 1 when the destination lets it in,
// plus 2 when the source lets it out.
type reachAnswer struct {
	Verdicts string `json:"verdicts"`
	// How many requirements of selectors apimachinery answered in the simulator's place, and how often the two differ.
	Requirements int `json:"requirements"`
	Differ       int `json:"differ"`
}

func reach(raw []byte) (any, error) {
	var question reachQuestion
	decoder := json.NewDecoder(bytes.NewReader(raw))
	// A misspelt field must not make both sides agree on nothing.
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&question); err != nil {
		return nil, err
	}
	setDefaults(question.Policies)
	corrected, err := correct(&question.World)
	if err != nil {
		return nil, err
	}
	policies := matcher.BuildNetworkPolicies(false, question.Policies)
	peers := make([]*matcher.TrafficPeer, len(question.Pods))
	for i, pod := range question.Pods {
		peers[i] = &matcher.TrafficPeer{IP: pod.IP}
		if pod.Namespace == "" {
			continue
		}
		labels, known := question.Namespaces[pod.Namespace]
		if !known {
			return nil, fmt.Errorf("there is no namespace %q", pod.Namespace)
		}
		peers[i].Internal = &matcher.InternalPeer{PodLabels: pod.Labels, Namespace: pod.Namespace, NamespaceLabels: labels}
	}
	var verdicts bytes.Buffer
	for _, from := range peers {
		for i, to := range peers {
			for _, port := range question.Ports {
				for _, protocol := range question.Protocols {
					verdicts.WriteByte('0' + verdict(policies, from, to, names(question.Pods[i], port, protocol), port, protocol))
				}
			}
		}
	}
	return reachAnswer{Verdicts: verdicts.String(), Requirements: corrected.requirements, Differ: corrected.differ}, nil
}

// verdict asks once for every name that the port has: the simulator knows one name per port, a pod may give it several.
func verdict(policies *matcher.Policy, from, to *matcher.TrafficPeer, names []string, port int, protocol v1.Protocol) byte {
	ingress, egress := false, false
	for _, name := range names {
		allowed := policies.IsTrafficAllowed(&matcher.Traffic{
			Source: from, Destination: to, ResolvedPort: port, ResolvedPortName: name, Protocol: protocol,
		})
		ingress = ingress || allowed.Ingress.IsAllowed()
		egress = egress || allowed.Egress.IsAllowed()
	}
	digit := byte(0)
	if ingress {
		digit++
	}
	if egress {
		digit += 2
	}
	return digit
}

// names lists what the destination calls the port. cyclonus' own probes look a name up by number alone; the API says that a
// container port is a number with a protocol.
func names(pod *Pod, port int, protocol v1.Protocol) []string {
	var found []string
	for _, own := range pod.Ports {
		if own.Port == port && own.Protocol == protocol && own.Name != "" {
			found = append(found, own.Name)
		}
	}
	if len(found) == 0 {
		return []string{""}
	}
	return found
}

// setDefaults does what the API server does before it stores a policy (SetDefaults_NetworkPolicy in pkg/apis/networking/v1); the
// simulator refuses policies without types.
func setDefaults(policies []*networkingv1.NetworkPolicy) {
	for _, policy := range policies {
		if len(policy.Spec.PolicyTypes) == 0 {
			policy.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(policy.Spec.Egress) != 0 {
				policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			}
		}
	}
}
