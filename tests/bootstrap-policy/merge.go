package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
)

// Something that is shipped in some minor versions: the text of a rule, of a subject, of a role that is taken in.
type ranged map[string]map[int]bool

func (r ranged) add(minor int, value any) {
	text, err := json.Marshal(value)
	check(err)
	if r[string(text)] == nil {
		r[string(text)] = map[int]bool{}
	}
	r[string(text)][minor] = true
}

// `[from, to, value]` for each run of minor versions, sorted.
func (r ranged) spans() []json.RawMessage {
	keys := make([]string, 0, len(r))
	for key := range r {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	spans := []json.RawMessage{}
	for _, key := range keys {
		var minors []int
		for minor := range r[key] {
			minors = append(minors, minor)
		}
		slices.Sort(minors)
		for start := 0; start < len(minors); {
			end := start
			for end+1 < len(minors) && minors[end+1] == minors[end]+1 {
				end++
			}
			text, err := json.Marshal([]any{minors[start], minors[end], json.RawMessage(key)})
			check(err)
			spans = append(spans, text)
			start = end + 1
		}
	}
	return spans
}

type mergedRole struct {
	From       string            `json:"from"`
	Namespace  string            `json:"namespace,omitempty"`
	Name       string            `json:"name"`
	Minors     []json.RawMessage `json:"minors"`
	Rules      []json.RawMessage `json:"rules"`
	Aggregates []json.RawMessage `json:"aggregates,omitempty"`
	minors     ranged
	rules      ranged
	aggregates ranged
}

type mergedBinding struct {
	From      string            `json:"from"`
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name"`
	RoleKind  string            `json:"roleKind"`
	RoleName  string            `json:"roleName"`
	Minors    []json.RawMessage `json:"minors"`
	Subjects  []json.RawMessage `json:"subjects"`
	minors    ranged
	subjects  ranged
}

type merged struct {
	minors   []int
	roles    map[[2]string]*mergedRole
	bindings map[[2]string]*mergedBinding
}

func newMerged() *merged {
	return &merged{roles: map[[2]string]*mergedRole{}, bindings: map[[2]string]*mergedBinding{}}
}

func (m *merged) add(minor int, from string, found policy) {
	if !slices.Contains(m.minors, minor) {
		m.minors = append(m.minors, minor)
	}
	for _, role := range found.Roles {
		key := [2]string{role.Namespace, role.Name}
		known := m.roles[key]
		if known == nil {
			known = &mergedRole{From: from, Namespace: role.Namespace, Name: role.Name, minors: ranged{}, rules: ranged{}, aggregates: ranged{}}
			m.roles[key] = known
		}
		known.minors.add(minor, 0)
		for _, rule := range role.Rules {
			known.rules.add(minor, rule)
		}
		for _, other := range found.Roles {
			for _, selector := range role.Selectors {
				if selects(selector, other.Labels) {
					known.aggregates.add(minor, other.Name)
				}
			}
		}
	}
	for _, binding := range found.Bindings {
		key := [2]string{binding.Namespace, binding.Name}
		known := m.bindings[key]
		if known == nil {
			known = &mergedBinding{From: from, Namespace: binding.Namespace, Name: binding.Name, RoleKind: binding.RoleKind,
				RoleName: binding.RoleName, minors: ranged{}, subjects: ranged{}}
			m.bindings[key] = known
		}
		known.minors.add(minor, 0)
		for _, subject := range binding.Subjects {
			known.subjects.add(minor, subject)
		}
	}
}

func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

// One role or binding a line, sorted.
func (m *merged) text() []byte {
	roles, bindings := []any{}, []any{}
	for _, key := range keys(m.roles) {
		role := m.roles[key]
		role.Minors, role.Rules, role.Aggregates = role.minors.spans(), role.rules.spans(), role.aggregates.spans()
		roles = append(roles, role)
	}
	for _, key := range keys(m.bindings) {
		binding := m.bindings[key]
		binding.Minors, binding.Subjects = binding.minors.spans(), binding.subjects.spans()
		bindings = append(bindings, binding)
	}
	var out bytes.Buffer
	line := func(value any, end string) {
		text, err := json.Marshal(value)
		check(err)
		out.Write(text)
		out.WriteString(end)
	}
	list := func(name string, values []any, end string) {
		out.WriteString("\"" + name + "\":[\n")
		for index, value := range values {
			if index+1 < len(values) {
				line(value, ",\n")
			} else {
				line(value, "\n")
			}
		}
		out.WriteString("]" + end)
	}
	slices.Sort(m.minors)
	out.WriteString("{\"oldest\":")
	line(m.minors[0], ",\"newest\":")
	line(m.minors[len(m.minors)-1], ",\n")
	list("roles", roles, ",\n")
	list("bindings", bindings, "}\n")
	return out.Bytes()
}

func keys[V any](values map[[2]string]V) [][2]string {
	all := make([][2]string, 0, len(values))
	for key := range values {
		all = append(all, key)
	}
	slices.SortFunc(all, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return all
}
