package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/generator"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// state is the world after one step of a conformance case.
type state struct {
	Case string `json:"case"`
	Step int    `json:"step"`
	World
}

type casesAnswer struct {
	Cases  int      `json:"cases"`
	States []*state `json:"states"`
}

var namespaces = []string{"x", "y", "z"}

// cases plays all conformance cases of cyclonus over the cluster that they are written for: three pods in each of three
// namespaces, each with two ports for each protocol.
func cases() (any, error) {
	// The address of the pod z/c, as `addresses` gives it; blocks in the cases are written around it.
	all := generator.NewTestCaseGenerator(true, address(8), namespaces, nil, nil).GenerateAllTestCases()
	answer := casesAnswer{Cases: len(all)}
	for i, testCase := range all {
		world := start()
		for number, step := range testCase.Steps {
			for _, action := range step.Actions {
				if err := act(world, action); err != nil {
					return nil, fmt.Errorf("case %d, step %d: %w", i+1, number+1, err)
				}
			}
			answer.States = append(answer.States, &state{
				Case:  fmt.Sprintf("%d: %s", i+1, testCase.Description),
				Step:  number + 1,
				World: copied(world),
			})
		}
	}
	return answer, nil
}

func address(pod int) string {
	return fmt.Sprintf("192.168.%d.%d", 100+pod/3, 10+pod)
}

func start() *World {
	world := &World{Namespaces: map[string]map[string]string{}}
	for _, namespace := range namespaces {
		world.Namespaces[namespace] = map[string]string{"ns": namespace, "kubernetes.io/metadata.name": namespace}
		for _, name := range []string{"a", "b", "c"} {
			world.Pods = append(world.Pods, newPod(namespace, name, map[string]string{"pod": name}, address(len(world.Pods))))
		}
	}
	return world
}

// newPod has the ports that cyclonus gives its servers (pkg/connectivity/probe/pod.go).
func newPod(namespace, name string, labels map[string]string, ip string) *Pod {
	pod := &Pod{Namespace: namespace, Name: name, Labels: labels, IP: ip}
	for _, port := range []int{80, 81} {
		for _, protocol := range []v1.Protocol{v1.ProtocolTCP, v1.ProtocolUDP, v1.ProtocolSCTP} {
			pod.Ports = append(pod.Ports, Port{
				Name: fmt.Sprintf("serve-%d-%s", port, strings.ToLower(string(protocol))), Port: port, Protocol: protocol,
			})
		}
	}
	return pod
}

func copied(world *World) World {
	copy := World{Namespaces: map[string]map[string]string{}}
	for name, labels := range world.Namespaces {
		copy.Namespaces[name] = maps.Clone(labels)
	}
	for _, pod := range world.Pods {
		own := *pod
		own.Labels = maps.Clone(pod.Labels)
		copy.Pods = append(copy.Pods, &own)
	}
	for _, policy := range world.Policies {
		copy.Policies = append(copy.Policies, policy.DeepCopy())
	}
	return copy
}

func act(world *World, action *generator.Action) error {
	is := func(policy *networkingv1.NetworkPolicy) func(*networkingv1.NetworkPolicy) bool {
		return func(other *networkingv1.NetworkPolicy) bool {
			return other.Namespace == policy.Namespace && other.Name == policy.Name
		}
	}
	named := func(namespace, name string) *Pod {
		for _, pod := range world.Pods {
			if pod.Namespace == namespace && pod.Name == name {
				return pod
			}
		}
		return nil
	}
	switch {
	case action.CreatePolicy != nil:
		world.Policies = append(world.Policies, action.CreatePolicy.Policy)
	case action.UpdatePolicy != nil:
		policy := action.UpdatePolicy.Policy
		i := slices.IndexFunc(world.Policies, is(policy))
		if i < 0 {
			return fmt.Errorf("there is no policy %s/%s", policy.Namespace, policy.Name)
		}
		world.Policies[i] = policy
	case action.DeletePolicy != nil:
		gone := &networkingv1.NetworkPolicy{}
		gone.Namespace, gone.Name = action.DeletePolicy.Namespace, action.DeletePolicy.Name
		world.Policies = slices.DeleteFunc(world.Policies, is(gone))
	case action.CreateNamespace != nil:
		world.Namespaces[action.CreateNamespace.Namespace] = action.CreateNamespace.Labels
	case action.SetNamespaceLabels != nil:
		world.Namespaces[action.SetNamespaceLabels.Namespace] = action.SetNamespaceLabels.Labels
	case action.DeleteNamespace != nil:
		gone := action.DeleteNamespace.Namespace
		delete(world.Namespaces, gone)
		world.Pods = slices.DeleteFunc(world.Pods, func(pod *Pod) bool { return pod.Namespace == gone })
	case action.ReadNetworkPolicies != nil:
	case action.CreatePod != nil:
		create := action.CreatePod
		ip := fmt.Sprintf("192.168.200.%d", 10+len(world.Pods))
		world.Pods = append(world.Pods, newPod(create.Namespace, create.Pod, create.Labels, ip))
	case action.SetPodLabels != nil:
		set := action.SetPodLabels
		pod := named(set.Namespace, set.Pod)
		if pod == nil {
			return fmt.Errorf("there is no pod %s/%s", set.Namespace, set.Pod)
		}
		pod.Labels = set.Labels
	case action.DeletePod != nil:
		gone := named(action.DeletePod.Namespace, action.DeletePod.Pod)
		world.Pods = slices.DeleteFunc(world.Pods, func(pod *Pod) bool { return pod == gone })
	default:
		return fmt.Errorf("an action that is not known: %+v", action)
	}
	return nil
}
