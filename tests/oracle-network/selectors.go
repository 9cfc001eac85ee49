package main

import (
	"fmt"
	"maps"

	"github.com/mattfenwick/cyclonus/pkg/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// correction counts what the simulator was not asked.
type correction struct {
	requirements int
	differ       int
}

// correct takes two kinds of requirements away from the simulator, because it reads them differently from Kubernetes
// (k8s.io/apimachinery/pkg/labels, Requirement.Matches):
//
//   - NotIn holds where the key is absent; pkg/kube/labelselector.go says that it does not.
//   - matchLabels with an empty value asks for the key to be there; pkg/kube/labelselector.go takes an absent key for an empty value.
//
// Each becomes a mark that apimachinery puts on the pods or namespaces for which it holds, and Exists on that mark. Everything else
// stays with the simulator.
func correct(world *World) (*correction, error) {
	done := &correction{}
	// Marks are added to copies, and requirements read the labels as they were.
	plainPods := make([]map[string]string, len(world.Pods))
	for i, pod := range world.Pods {
		plainPods[i] = pod.Labels
		pod.Labels = cloned(pod.Labels)
	}
	plainNamespaces := world.Namespaces
	world.Namespaces = map[string]map[string]string{}
	for name, own := range plainNamespaces {
		world.Namespaces[name] = cloned(own)
	}
	onPods := func(selector *metav1.LabelSelector) error {
		return done.replace(selector, func(mark string, plain metav1.LabelSelector, holds labels.Selector) {
			for i, pod := range world.Pods {
				done.mark(pod.Labels, plainPods[i], mark, plain, holds)
			}
		})
	}
	onNamespaces := func(selector *metav1.LabelSelector) error {
		return done.replace(selector, func(mark string, plain metav1.LabelSelector, holds labels.Selector) {
			for name, own := range world.Namespaces {
				done.mark(own, plainNamespaces[name], mark, plain, holds)
			}
		})
	}
	for i := range world.Policies {
		policy := world.Policies[i].DeepCopy()
		world.Policies[i] = policy
		if err := onPods(&policy.Spec.PodSelector); err != nil {
			return nil, err
		}
		for _, rule := range policy.Spec.Ingress {
			for _, peer := range rule.From {
				if err := both(peer.PodSelector, onPods, peer.NamespaceSelector, onNamespaces); err != nil {
					return nil, err
				}
			}
		}
		for _, rule := range policy.Spec.Egress {
			for _, peer := range rule.To {
				if err := both(peer.PodSelector, onPods, peer.NamespaceSelector, onNamespaces); err != nil {
					return nil, err
				}
			}
		}
	}
	return done, nil
}

type replacer func(*metav1.LabelSelector) error

func both(pods *metav1.LabelSelector, onPods replacer, namespaces *metav1.LabelSelector, onNamespaces replacer) error {
	if pods != nil {
		if err := onPods(pods); err != nil {
			return err
		}
	}
	if namespaces != nil {
		return onNamespaces(namespaces)
	}
	return nil
}

func cloned(from map[string]string) map[string]string {
	if from == nil {
		return map[string]string{}
	}
	return maps.Clone(from)
}

// replace moves the requirements in question out of the selector; put marks where each of them holds.
func (c *correction) replace(selector *metav1.LabelSelector, put func(string, metav1.LabelSelector, labels.Selector)) error {
	var taken []metav1.LabelSelector
	for key, value := range selector.MatchLabels {
		if value == "" {
			taken = append(taken, metav1.LabelSelector{MatchLabels: map[string]string{key: value}})
			delete(selector.MatchLabels, key)
		}
	}
	var kept []metav1.LabelSelectorRequirement
	for _, requirement := range selector.MatchExpressions {
		if requirement.Operator == metav1.LabelSelectorOpNotIn {
			taken = append(taken, metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{requirement}})
		} else {
			kept = append(kept, requirement)
		}
	}
	for _, plain := range taken {
		holds, err := metav1.LabelSelectorAsSelector(&plain)
		if err != nil {
			return err
		}
		c.requirements++
		mark := fmt.Sprintf("oracle/%d", c.requirements)
		put(mark, plain, holds)
		kept = append(kept, metav1.LabelSelectorRequirement{Key: mark, Operator: metav1.LabelSelectorOpExists})
	}
	selector.MatchExpressions = kept
	return nil
}

func (c *correction) mark(own, plainLabels map[string]string, mark string, plain metav1.LabelSelector, holds labels.Selector) {
	kubernetes := holds.Matches(labels.Set(plainLabels))
	if kubernetes {
		own[mark] = ""
	}
	if kubernetes != kube.IsLabelsMatchLabelSelector(plainLabels, plain) {
		c.differ++
	}
}
