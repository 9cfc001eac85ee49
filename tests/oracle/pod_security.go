package main

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func init() {
	register("pod_security", answerPodSecurity)
	register("pod_security_all", answerPodSecurityAll)
}

// podSecurity runs the evaluator and remembers which checks failed: results carry reasons, but not identifiers.
type podSecurity struct {
	evaluator policy.Evaluator
	failed    *[]policy.CheckID
}

// newPodSecurity wraps every revision of every check so that it reports its identifier; the registry with its versions,
// overrides and order stays Kubernetes' own. server is the minor of the emulated server, or nil for the newest rules.
func newPodSecurity(server *int) (*podSecurity, error) {
	failed := &[]policy.CheckID{}
	checks := policy.DefaultChecks()
	for i := range checks {
		id := checks[i].ID
		for j := range checks[i].Versions {
			original := checks[i].Versions[j].CheckPod
			checks[i].Versions[j].CheckPod = func(meta *metav1.ObjectMeta, spec *corev1.PodSpec) policy.CheckResult {
				result := original(meta, spec)
				if !result.Allowed {
					*failed = append(*failed, id)
				}
				return result
			}
		}
	}
	var emulation *api.Version
	if server != nil {
		version := api.MajorMinorVersion(1, *server)
		emulation = &version
	}
	evaluator, err := policy.NewEvaluator(checks, emulation)
	if err != nil {
		return nil, err
	}
	return &podSecurity{evaluator: evaluator, failed: failed}, nil
}

var podSecurityOfNewest = sync.OnceValues(func() (*podSecurity, error) { return newPodSecurity(nil) })

type podSecurityAnswer struct {
	Allowed bool             `json:"allowed"`
	Checks  []policy.CheckID `json:"checks"`
}

func (p *podSecurity) ask(level, version string, pod *corev1.Pod) (podSecurityAnswer, error) {
	parsedLevel, err := api.ParseLevel(level)
	if err != nil {
		return podSecurityAnswer{}, fmt.Errorf("level %q: %w", level, err)
	}
	parsedVersion, err := api.ParseVersion(version)
	if err != nil {
		return podSecurityAnswer{}, fmt.Errorf("version %q: %w", version, err)
	}
	*p.failed = []policy.CheckID{}
	results := p.evaluator.EvaluatePod(api.LevelVersion{Level: parsedLevel, Version: parsedVersion}, &pod.ObjectMeta, &pod.Spec)
	return podSecurityAnswer{Allowed: policy.AggregateCheckResults(results).Allowed, Checks: *p.failed}, nil
}

// answerPodSecurity: does the policy admit the pod, and if not, which checks fail?
func answerPodSecurity(raw []byte) (any, error) {
	var question struct {
		Op      string     `json:"op"`
		Level   string     `json:"level"`
		Version string     `json:"version"`
		Server  *int       `json:"server"`
		Pod     corev1.Pod `json:"pod"`
	}
	if err := decode(raw, &question); err != nil {
		return nil, err
	}
	evaluator, err := podSecurityOfNewest()
	if question.Server != nil {
		evaluator, err = newPodSecurity(question.Server)
	}
	if err != nil {
		return nil, err
	}
	return evaluator.ask(question.Level, question.Version, &question.Pod)
}

// answerPodSecurityAll: the same for many policies, so that the pod travels once.
func answerPodSecurityAll(raw []byte) (any, error) {
	var question struct {
		Op       string     `json:"op"`
		Levels   []string   `json:"levels"`
		Versions []string   `json:"versions"`
		Server   *int       `json:"server"`
		Pod      corev1.Pod `json:"pod"`
	}
	if err := decode(raw, &question); err != nil {
		return nil, err
	}
	evaluator, err := podSecurityOfNewest()
	if question.Server != nil {
		evaluator, err = newPodSecurity(question.Server)
	}
	if err != nil {
		return nil, err
	}
	answers := []podSecurityAnswer{}
	for _, level := range question.Levels {
		for _, version := range question.Versions {
			answer, err := evaluator.ask(level, version, &question.Pod)
			if err != nil {
				return nil, err
			}
			answers = append(answers, answer)
		}
	}
	return map[string]any{"answers": answers}, nil
}
