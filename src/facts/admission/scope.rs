//! What a policy and its binding are about together. The server asks a policy about a request that the rules of both take and the rules of
//! neither leave out (apiserver pkg/admission/plugin/policy/matching, `Matcher.Matches`: what is left out wins).

use std::collections::BTreeSet;

use super::bindings::{Binding, Policy, Resources};
use super::conditions::Asked;
use super::rules::{Kind, Rule};

/// One piece of what rules are about; what is absent may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub(super) asked: Asked,
    pub(super) version: Option<String>,
    /// `Cluster` or `Namespaced`.
    pub(super) scope: Option<String>,
    /// The names of the objects; of any name where there is none.
    pub(super) names: Option<BTreeSet<String>>,
}

/// Both may be anything, or are the same.
fn both(a: &Option<String>, b: &Option<String>) -> Option<Option<String>> {
    match (a, b) {
        (None, other) | (other, None) => Some(other.clone()),
        (Some(a), Some(b)) => (a == b).then(|| Some(a.clone())),
    }
}

/// Names that both have; nothing where there is none.
fn both_names(a: &Option<BTreeSet<String>>, b: &Option<BTreeSet<String>>) -> Option<Option<BTreeSet<String>>> {
    match (a, b) {
        (None, other) | (other, None) => Some(other.clone()),
        (Some(a), Some(b)) => {
            let names: BTreeSet<String> = a.intersection(b).cloned().collect();
            (!names.is_empty()).then_some(Some(names))
        }
    }
}

impl Piece {
    /// What is in both.
    fn within(&self, other: &Self) -> Option<Self> {
        Some(Self {
            asked: Asked {
                group: both(&self.asked.group, &other.asked.group)?,
                resource: both(&self.asked.resource, &other.asked.resource)?,
                subresource: both(&self.asked.subresource, &other.asked.subresource)?,
                operation: both(&self.asked.operation, &other.asked.operation)?,
            },
            version: both(&self.version, &other.version)?,
            scope: both(&self.scope, &other.scope)?,
            names: both_names(&self.names, &other.names)?,
        })
    }

    /// Whether all of it is in the other.
    fn is_in(&self, other: &Self) -> bool {
        self.within(other).as_ref() == Some(self)
    }

    /// Whether no request is ever like it: what workloads are made of is in namespaces and served in v1, and in no other version.
    fn is_nothing(&self) -> bool {
        let (Some(group), Some(resource)) = (&self.asked.group, &self.asked.resource) else { return false };
        let kind = Kind { group: Some(group.clone()), resource: resource.clone() };
        let other_version = self.version.as_deref().is_some_and(|version| version != "v1");
        (kind.is_own() && (other_version || self.scope.as_deref() == Some("Cluster")))
            || (self.scope.as_deref() == Some("Namespaced") && kind.is_cluster_scoped())
    }

    fn is_namespaced(&self) -> bool {
        let Asked { group, resource, .. } = &self.asked;
        let cluster = |resource: &String| Kind { group: group.clone(), resource: resource.clone() }.is_cluster_scoped() && group.is_some();
        self.scope.as_deref() != Some("Cluster") && !resource.as_ref().is_some_and(cluster)
    }

    fn name(&self) -> String {
        let Asked { group, resource, subresource, .. } = &self.asked;
        let star = || "*".to_owned();
        let resource = match (resource.clone().unwrap_or_else(star), subresource.as_deref()) {
            (resource, Some("")) => resource,
            (resource, subresource) => format!("{resource}/{}", subresource.unwrap_or("*")),
        };
        match group.as_deref() {
            Some("") => resource,
            None if resource.starts_with('*') => star(),
            group => format!("{resource}.{}", group.unwrap_or("*")),
        }
    }
}

fn pieces(rules: &[Rule]) -> Vec<Piece> {
    rules.iter().flat_map(Rule::pieces).collect()
}

/// What a policy with a binding, or alone, is about.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pieces: Vec<Piece>,
    /// Whether something of it that is made is left out by its name.
    left_out_by_name: bool,
}

/// What is left of some pieces without others.
fn without(own: BTreeSet<Piece>, left_out: &[Piece]) -> Scope {
    let pieces: Vec<Piece> = own.into_iter().filter(|piece| !piece.is_nothing() && !left_out.iter().any(|out| piece.is_in(out))).collect();
    let named = |piece: &Piece, out: &Piece| out.names.is_some() && piece.within(out).is_some_and(|both| both.asked.is_made());
    let left_out_by_name = pieces.iter().any(|piece| left_out.iter().any(|out| named(piece, out)));
    Scope { pieces, left_out_by_name }
}

impl Scope {
    /// Of a policy that was not read, and of one without rules, everything.
    pub(super) fn of(policy: Option<&Policy>, binding: Option<&Binding>) -> Self {
        let constraints = policy.and_then(|policy| policy.spec.match_constraints.as_ref());
        let narrowing = binding.and_then(|binding| binding.spec.match_resources.as_ref());
        let rules = |resources: Option<&Resources>| match resources {
            Some(resources) if !resources.resource_rules.is_empty() => pieces(&resources.resource_rules),
            _ => vec![Piece::default()],
        };
        let left_out: Vec<Piece> =
            [constraints, narrowing].into_iter().flatten().flat_map(|resources| pieces(&resources.exclude_resource_rules)).collect();
        let (own, narrowed) = (rules(constraints), rules(narrowing));
        let mut found: BTreeSet<Piece> = BTreeSet::new();
        for piece in &own {
            found.extend(narrowed.iter().filter_map(|other| piece.within(other)));
        }
        without(found, &left_out)
    }

    /// Of rules, and rules about what is left out of them.
    pub(super) fn of_rules(rules: &[Rule], left_out: &[Rule]) -> Self {
        let own = if rules.is_empty() { vec![Piece::default()] } else { pieces(rules) };
        without(own.into_iter().collect(), &pieces(left_out))
    }

    /// Whether no request is ever taken.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether what is made escapes it by its name: whoever makes an object chooses that.
    pub(super) fn is_escaped_by_name(&self) -> bool {
        let mut made = self.pieces.iter().filter(|piece| piece.asked.is_made()).peekable();
        made.peek().is_some() && made.all(|piece| piece.names.is_some())
    }

    /// Whether an object that is made is left out by its name.
    pub(super) fn leaves_out_by_name(&self) -> bool {
        self.left_out_by_name
    }

    /// Whether it is about objects of some names only.
    pub(super) fn is_by_name(&self) -> bool {
        !self.pieces.is_empty() && self.pieces.iter().all(|piece| piece.names.is_some())
    }

    /// Whether it is about anything that is in a namespace, or about namespaces.
    pub(super) fn is_namespaced(&self) -> bool {
        self.pieces.iter().any(Piece::is_namespaced)
    }

    /// Whether it is about anything that Kubernetes itself keeps.
    pub(super) fn is_about_kubernetes(&self) -> bool {
        self.pieces.iter().any(|piece| piece.asked.group.as_deref().is_none_or(super::rules::is_own_group))
    }

    /// `resource` or `resource.group`, sorted; `*` is everything.
    pub(super) fn names(&self) -> Vec<String> {
        self.pieces.iter().map(Piece::name).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What conditions are asked about.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.pieces.iter().map(|piece| piece.asked.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn scope(constraints: Value, resources: Value) -> Scope {
        let policy: Policy = serde_json::from_value(json!({"spec": {"matchConstraints": constraints}})).expect("a policy");
        let binding: Binding =
            serde_json::from_value(json!({"spec": {"policyName": "p", "matchResources": resources}})).expect("a binding");
        Scope::of(Some(&policy), Some(&binding))
    }

    fn rule(groups: Value, versions: Value, operations: Value, resources: Value) -> Value {
        json!({"apiGroups": groups, "apiVersions": versions, "operations": operations, "resources": resources})
    }

    fn pods() -> Value {
        json!({"resourceRules": [rule(json!([""]), json!(["v1"]), json!(["CREATE", "UPDATE"]), json!(["pods"]))]})
    }

    #[test]
    fn a_binding_takes_what_both_take() {
        let all = || json!({});
        assert_eq!(scope(pods(), all()).names(), ["pods"]);
        let of = |binding: Value| scope(pods(), binding).is_empty();
        let star = || json!(["*"]);
        assert!(of(json!({"excludeResourceRules": [rule(star(), star(), star(), star())]})));
        assert!(of(json!({"excludeResourceRules": [rule(json!([""]), star(), json!(["CREATE", "UPDATE"]), json!(["pods"]))]})));
        assert!(
            !of(json!({"excludeResourceRules": [rule(json!([""]), star(), json!(["CREATE"]), json!(["pods"]))]})),
            "an update is taken"
        );
        assert!(of(json!({"resourceRules": [rule(json!([""]), json!(["v1"]), json!(["CREATE"]), json!(["configmaps"]))]})));
        assert!(of(json!({"resourceRules": [rule(json!([""]), json!(["v1"]), json!(["DELETE"]), json!(["pods"]))]})));
        assert!(!of(json!({"resourceRules": [rule(json!([""]), star(), json!(["UPDATE"]), json!(["*"]))]})));
        // Those of the policy itself count, too.
        let mut own = pods();
        own["excludeResourceRules"] = json!([rule(star(), star(), star(), json!(["*/*"]))]);
        assert!(scope(own, all()).is_empty());
    }

    #[test]
    fn names_of_objects_narrow_what_is_taken_and_what_is_left_out() {
        let named = |operations: Value, names: Value| {
            let mut rule = rule(json!([""]), json!(["v1"]), operations, json!(["pods"]));
            rule["resourceNames"] = names;
            json!({"resourceRules": [rule]})
        };
        let one = || named(json!(["CREATE", "UPDATE"]), json!(["one"]));
        assert!(scope(one(), json!({})).is_escaped_by_name());
        assert!(scope(pods(), one()).is_escaped_by_name());
        assert!(!scope(pods(), json!({})).is_escaped_by_name());
        assert!(scope(one(), named(json!(["CREATE"]), json!(["another"]))).is_empty());
        // An object that is there has its name.
        let changed = scope(named(json!(["UPDATE", "DELETE"]), json!(["one"])), json!({}));
        assert!(!changed.is_escaped_by_name() && changed.is_by_name());
        let out = json!({"excludeResourceRules": one()["resourceRules"]});
        let out = scope(pods(), out);
        assert!(!out.is_empty() && out.leaves_out_by_name(), "objects of other names are taken");
        let out = json!({"excludeResourceRules": named(json!(["UPDATE"]), json!(["one"]))["resourceRules"]});
        assert!(!scope(pods(), out).leaves_out_by_name(), "an object that is there has its name");
    }

    #[test]
    fn what_nothing_serves_is_nothing() {
        let beta = json!({"resourceRules": [rule(json!([""]), json!(["v1beta1"]), json!(["CREATE"]), json!(["pods"]))]});
        assert!(scope(beta, json!({})).is_empty());
        let own = json!({"resourceRules": [rule(json!(["example.org"]), json!(["v1beta1"]), json!(["CREATE"]), json!(["widgets"]))]});
        assert!(!scope(own, json!({})).is_empty());
        let mut cluster = pods();
        cluster["resourceRules"][0]["scope"] = json!("Cluster");
        assert!(scope(cluster, json!({})).is_empty(), "pods are in namespaces");
        let nodes = json!({"resourceRules": [rule(json!([""]), json!(["v1"]), json!(["CREATE"]), json!(["nodes"]))]});
        assert!(!scope(nodes.clone(), json!({})).is_namespaced());
        assert!(!scope(nodes, json!({})).is_empty());
    }
}
