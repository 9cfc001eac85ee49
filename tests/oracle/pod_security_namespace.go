package main

import (
	"k8s.io/pod-security-admission/api"
)

func init() {
	register("pod_security_namespace", answerPodSecurityNamespace)
}

type modeDefault struct {
	Level   string `json:"level"`
	Version string `json:"version"`
}

func (d modeDefault) parse() (api.LevelVersion, error) {
	level, err := api.ParseLevel(d.Level)
	if err != nil {
		return api.LevelVersion{}, err
	}
	version, err := api.ParseVersion(d.Version)
	return api.LevelVersion{Level: level, Version: version}, err
}

func toMode(lv api.LevelVersion) modeDefault {
	return modeDefault{Level: string(lv.Level), Version: lv.Version.String()}
}

// answerPodSecurityNamespace: the policy that a server with these defaults reads from these namespace labels.
func answerPodSecurityNamespace(raw []byte) (any, error) {
	var question struct {
		Op       string            `json:"op"`
		Labels   map[string]string `json:"labels"`
		Defaults struct {
			Enforce modeDefault `json:"enforce"`
			Audit   modeDefault `json:"audit"`
			Warn    modeDefault `json:"warn"`
		} `json:"defaults"`
	}
	if err := decode(raw, &question); err != nil {
		return nil, err
	}
	var defaults api.Policy
	var err error
	if defaults.Enforce, err = question.Defaults.Enforce.parse(); err != nil {
		return nil, err
	}
	if defaults.Audit, err = question.Defaults.Audit.parse(); err != nil {
		return nil, err
	}
	if defaults.Warn, err = question.Defaults.Warn.parse(); err != nil {
		return nil, err
	}
	policy, invalid := api.PolicyToEvaluate(question.Labels, defaults)
	labels := []string{}
	for _, one := range invalid {
		labels = append(labels, one.Field)
	}
	return map[string]any{
		"enforce": toMode(policy.Enforce),
		"audit":   toMode(policy.Audit),
		"warn":    toMode(policy.Warn),
		"invalid": labels,
	}, nil
}
