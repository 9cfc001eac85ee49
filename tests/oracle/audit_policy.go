package main

import (
	"sort"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

func init() {
	register("audit_policy", auditPolicy)
}

type auditRequest struct {
	User        *string  `json:"user"`
	Groups      []string `json:"groups"`
	Verb        string   `json:"verb"`
	Path        string   `json:"path"`
	Group       string   `json:"group"`
	Resource    string   `json:"resource"`
	Subresource string   `json:"subresource"`
	Namespace   string   `json:"namespace"`
	Name        string   `json:"name"`
}

type auditDecision struct {
	Level             string   `json:"level"`
	Stages            []string `json:"stages"`
	OmitManagedFields bool     `json:"omit_managed_fields"`
}

// auditPolicy reads the text of a policy as the API server's strict decoder and its loader do, and puts requests to it. The API server
// itself goes on without a field that its strict decoder refuses; "refused" counts both.
func auditPolicy(raw []byte) (any, error) {
	var question struct {
		Op       string         `json:"op"`
		Policy   string         `json:"policy"`
		Requests []auditRequest `json:"requests"`
	}
	if err := decode(raw, &question); err != nil {
		return nil, err
	}
	strict := serializer.NewCodecFactory(audit.Scheme, serializer.EnableStrict).UniversalDecoder()
	if _, _, err := strict.Decode([]byte(question.Policy), nil, &auditinternal.Policy{}); err != nil {
		return map[string]any{"refused": err.Error()}, nil
	}
	loaded, err := policy.LoadPolicyFromBytes([]byte(question.Policy))
	if err != nil {
		return map[string]any{"refused": err.Error()}, nil
	}
	evaluator := policy.NewPolicyRuleEvaluator(loaded)
	decisions := make([]auditDecision, 0, len(question.Requests))
	for _, request := range question.Requests {
		attributes := authorizer.AttributesRecord{
			Verb: request.Verb, Path: request.Path, ResourceRequest: request.Path == "", APIGroup: request.Group,
			Resource: request.Resource, Subresource: request.Subresource, Namespace: request.Namespace, Name: request.Name,
		}
		if request.User != nil {
			attributes.User = &user.DefaultInfo{Name: *request.User, Groups: request.Groups}
		}
		config := evaluator.EvaluatePolicyRule(attributes)
		stages := policy.ConvertStagesToStrings(policy.InvertStages(config.OmitStages))
		sort.Strings(stages)
		decisions = append(decisions, auditDecision{string(config.Level), stages, config.OmitManagedFields})
	}
	return map[string]any{"decisions": decisions}, nil
}
