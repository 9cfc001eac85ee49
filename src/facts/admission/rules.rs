//! Rules of webhooks and of the API server's own policies: which objects they are about.

use serde::Deserialize;

use super::conditions::Asked;
use super::scope::Piece;
use crate::facts::rbac::is_cluster_scoped_anywhere;
use crate::model::sources::{KUBERNETES_GROUPS, SELDOM_SERVED_GROUPS};

/// A kind of objects, by group (any, where there is none) and plural; `*` is every kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) group: Option<String>,
    pub(super) resource: String,
}

impl Kind {
    /// Of the name of a kind, as engines write it (`Pod`, `NetworkPolicy`): with the plural that Kubernetes' own generators make
    /// (k8s.io/gengo namer, `pluralNamer`).
    pub(super) fn named(group: Option<&str>, kind: &str) -> Self {
        let name = kind.to_ascii_lowercase();
        let resource = match name.as_bytes() {
            _ if name == "*" || name == "endpoints" => name,
            [.., before, b'y'] if !b"aeiou".contains(before) => format!("{}ies", &name[..name.len() - 1]),
            [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{name}es"),
            _ => format!("{name}s"),
        };
        Self { group: group.map(str::to_owned), resource }
    }

    /// Whether it is kept in no namespace; namespaces themselves count as what is in them.
    pub(super) fn is_cluster_scoped(&self) -> bool {
        match &self.group {
            Some(group) => is_cluster_scoped(group, &self.resource),
            None => is_kept_in_none(&self.resource),
        }
    }

    /// Whether it is one of those that workloads are made of and reached by, whose plural is sure.
    pub(super) fn is_own(&self) -> bool {
        OF_WORKLOADS.contains(&self.resource.as_str()) && self.group.as_deref().is_none_or(is_own_group)
    }
}

const OF_WORKLOADS: &[&str] = &[
    "configmaps",
    "cronjobs",
    "daemonsets",
    "deployments",
    "ingresses",
    "jobs",
    "networkpolicies",
    "persistentvolumeclaims",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "rolebindings",
    "roles",
    "secrets",
    "serviceaccounts",
    "services",
    "statefulsets",
];

/// Which objects a webhook or a policy is about (`RuleWithOperations` in `admissionregistration.k8s.io/v1`).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    api_versions: Vec<String>,
    #[serde(default)]
    operations: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    /// Of policies and bindings: the names of the objects that they take; of any name where there is none (`NamedRuleWithOperations`).
    #[serde(default)]
    resource_names: Vec<String>,
    scope: Option<String>,
}

/// Whether Kubernetes itself serves the kinds of a group.
pub(super) fn is_own_group(group: &str) -> bool {
    KUBERNETES_GROUPS.contains(&group) || SELDOM_SERVED_GROUPS.contains(&group)
}

/// Whether some kind of that name is in no namespace. Namespaces themselves do not count: a selector of namespaces is asked about them as
/// about what is in them.
fn is_kept_in_none(resource: &str) -> bool {
    resource != "namespaces" && (is_cluster_scoped_anywhere(resource) || resource == "podsecuritypolicies")
}

/// A resource and its subresource as a rule writes them; empty is no subresource.
fn split(resource: &str) -> (&str, &str) {
    resource.split_once('/').unwrap_or((resource, ""))
}

/// Whether nothing that is in a namespace is meant. Rules name groups and resources apart, so that a resource of one group of Kubernetes may
/// stand beside another one, which serves nothing of that name.
fn is_cluster_scoped(group: &str, resource: &str) -> bool {
    let (name, _) = split(resource);
    is_own_group(group) && is_kept_in_none(name)
}

impl Rule {
    /// Whether it is about pods that are made. `pods/*` is, too (apiserver pkg/admission/plugin/webhook/predicates/rules): the
    /// asterisk stands for no subresource as well.
    pub(super) fn takes_new_pods(&self) -> bool {
        let any = |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
        let pods = |resource: &String| {
            let (name, subresource) = split(resource);
            matches!(name, "*" | "pods") && matches!(subresource, "" | "*")
        };
        any(&self.api_groups, "")
            && (self.api_versions.is_empty() || any(&self.api_versions, "v1"))
            && any(&self.operations, "CREATE")
            && self.resources.iter().any(pods)
            && self.scope.as_deref() != Some("Cluster")
    }

    /// Whether it is about anything that is in a namespace, or about namespaces.
    pub(super) fn is_namespaced(&self) -> bool {
        let namespaced = |group: &String| self.resources.iter().any(|resource| !is_cluster_scoped(group, resource));
        self.scope.as_deref() != Some("Cluster") && self.api_groups.iter().any(namespaced)
    }

    /// Whether it is about anything that Kubernetes itself keeps: a webhook about an operator's own kinds alone checks how these are
    /// written and guards nothing else.
    pub(super) fn is_about_kubernetes(&self) -> bool {
        self.api_groups.iter().any(|group| group == "*" || is_own_group(group))
    }

    /// Whether it is about objects of that kind when they are made: what is asked only when they are changed lets every new one past.
    pub(super) fn takes(&self, kind: &Kind) -> bool {
        let group = self.api_groups.iter().any(|group| group == "*" || kind.group.as_ref().is_none_or(|wanted| wanted == group));
        let resource = |resource: &String| {
            let (name, subresource) = split(resource);
            (name == "*" || kind.resource == "*" || name == kind.resource) && matches!(subresource, "" | "*")
        };
        // What workloads are made of is served in v1 and no other version.
        let version = !kind.is_own() || self.api_versions.is_empty() || self.api_versions.iter().any(|one| one == "*" || one == "v1");
        group
            && version
            && (self.scope.as_deref() != Some("Cluster") || kind.is_cluster_scoped())
            && self.operations.iter().any(|operation| matches!(operation.as_str(), "*" | "CREATE"))
            && self.resources.iter().any(resource)
    }

    /// The kinds that it names.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.api_groups.iter().flat_map(|group| {
            let group = (group != "*").then(|| group.clone());
            self.resources.iter().map(move |resource| Kind { group: group.clone(), resource: split(resource).0.to_owned() })
        })
    }

    /// What it is about, piece by piece. A rule without versions is about every one, as far as that decides anything.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let open = |text: &str| (text != "*").then(|| text.to_owned());
        let every = ["*".to_owned()];
        let versions = if self.api_versions.is_empty() { &every[..] } else { &self.api_versions };
        let scope = self.scope.as_deref().and_then(open);
        let names = (!self.resource_names.is_empty()).then(|| self.resource_names.iter().cloned().collect());
        let mut all = Vec::new();
        for group in &self.api_groups {
            for resource in &self.resources {
                let (resource, subresource) = split(resource);
                for operation in &self.operations {
                    let asked =
                        Asked { group: open(group), resource: open(resource), subresource: open(subresource), operation: open(operation) };
                    let piece = |version: &String| Piece {
                        asked: asked.clone(),
                        version: open(version),
                        scope: scope.clone(),
                        names: Clone::clone(&names),
                    };
                    all.extend(versions.iter().map(piece));
                }
            }
        }
        all
    }

    /// What it is about: `resource` or `resource.group`; `*` is everything.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.api_groups.iter().flat_map(|group| {
            self.resources.iter().map(move |resource| match group.as_str() {
                "" => resource.clone(),
                "*" if resource.starts_with('*') => "*".to_owned(),
                group => format!("{resource}.{group}"),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &[&str], resources: &[&str]) -> Rule {
        let json = serde_json::json!({"apiGroups": groups, "operations": ["CREATE"], "resources": resources, "scope": "*"});
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_asterisk_is_no_subresource_too() {
        for (resource, pods) in [("pods", true), ("pods/*", true), ("*", true), ("*/*", true), ("pods/exec", false), ("*/scale", false)] {
            assert_eq!(rule(&[""], &[resource]).takes_new_pods(), pods, "{resource}");
        }
        assert!(!rule(&["apps"], &["pods"]).takes_new_pods());
    }

    #[test]
    fn a_rule_takes_pods_only_in_the_scope_and_version_that_they_have() {
        let takes = |json: &str| {
            let rule: Rule = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"));
            rule.takes(&Kind::named(Some(""), "Pod"))
        };
        let with = |rest: &str| takes(&format!(r#"{{"apiGroups":["*"],"resources":["*"],{rest}}}"#));
        assert!(with(r#""apiVersions":["*"],"operations":["CREATE"]"#));
        assert!(with(r#""apiVersions":["v1"],"operations":["*"],"scope":"Namespaced""#));
        assert!(!with(r#""apiVersions":["*"],"operations":["CREATE"],"scope":"Cluster""#));
        assert!(!with(r#""apiVersions":["v1beta1"],"operations":["CREATE"]"#));
        assert!(!with(r#""apiVersions":["*"],"operations":["DELETE","CONNECT"]"#));
        assert!(!with(r#""apiVersions":["*"],"operations":["UPDATE"]"#));
        assert!(!takes(r#"{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods/exec"]}"#));
    }

    #[test]
    fn rules_about_what_is_in_no_namespace_are_about_no_namespace() {
        assert!(!rule(&["", "rbac.authorization.k8s.io"], &["nodes", "nodes/status", "clusterroles"]).is_namespaced());
        assert!(!rule(&["storage.k8s.io"], &["storageclasses"]).is_namespaced());
        assert!(rule(&["", "rbac.authorization.k8s.io"], &["nodes", "roles"]).is_namespaced());
        assert!(rule(&[""], &["namespaces"]).is_namespaced(), "a namespace with ePHI is one of them");
        assert!(rule(&["*"], &["nodes"]).is_namespaced(), "another group may have nodes that are in namespaces");
        assert!(rule(&[""], &["*"]).is_namespaced());
        assert!(rule(&["example.org"], &["nodes"]).is_namespaced());
        assert!(rule(&[""], &["serviceaccounts"]).is_namespaced());
        assert!(!rule(&["storage.k8s.io", "apiregistration.k8s.io"], &["csidrivers", "apiservices"]).is_namespaced());
    }
}
