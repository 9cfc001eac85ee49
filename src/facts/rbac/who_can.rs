//! Who may do something, through which binding and rule.

use std::collections::BTreeMap;

use serde::Serialize;

use super::policy::{Action, MASTERS, Policy, Who, allows};
use super::rules::describe;
use crate::facts::FactsError;
use crate::facts::table::read::Reader;
use crate::model::Unseen;
use crate::model::sources;
use crate::snapshot::Snapshot;

/// What is asked: a verb on a resource or on a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The verb.
    pub verb: String,
    /// What it is done to.
    pub target: Target,
    /// In which namespace; absent for anywhere.
    pub namespace: Option<String>,
}

/// What a verb is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource.
    Resource {
        /// The API group; empty for the core group.
        group: String,
        /// The plural.
        resource: String,
        /// The subresource; empty for none.
        subresource: String,
        /// The name of one object; empty for none.
        name: String,
    },
    /// A path of the API server.
    Url(String),
}

/// A question that cannot be asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QuestionError {
    /// The resource is not written as one.
    #[error("`{0}` is not a resource; write it as secrets, deployments.apps, pods/exec, or a URL such as /metrics")]
    Resource(String),
    /// A URL is not in a namespace and has no names.
    #[error("`{0}` is a URL: it has no name and is in no namespace")]
    Url(String),
}

/// Who may.
#[derive(Debug)]
pub struct Answer {
    /// Everything that it rests on was read.
    pub gaps: Vec<Unseen>,
    /// Sorted by kind, namespace and name.
    pub subjects: Vec<Allowed>,
}

/// One subject with the ways in which it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// The namespace of a service account.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// Through what.
    pub via: Vec<Via>,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Via {
    /// The binding, such as `RoleBinding imaging/engineers`.
    pub binding: String,
    /// The role, such as `ClusterRole edit`.
    pub role: String,
    /// The first rule that allows it: its place in the role and what it says.
    pub rule: String,
}

/// Resources outside the core group that are often written without their group, and those without a namespace.
const KNOWN: &[(&str, &str, bool)] = &[
    ("apiservices", "apiregistration.k8s.io", true),
    ("certificatesigningrequests", "certificates.k8s.io", true),
    ("signers", "certificates.k8s.io", true),
    ("clusterrolebindings", "rbac.authorization.k8s.io", true),
    ("clusterroles", "rbac.authorization.k8s.io", true),
    ("cronjobs", "batch", false),
    ("csidrivers", "storage.k8s.io", true),
    ("customresourcedefinitions", "apiextensions.k8s.io", true),
    ("daemonsets", "apps", false),
    ("deployments", "apps", false),
    ("endpointslices", "discovery.k8s.io", false),
    ("horizontalpodautoscalers", "autoscaling", false),
    ("ingressclasses", "networking.k8s.io", true),
    ("ingresses", "networking.k8s.io", false),
    ("jobs", "batch", false),
    ("leases", "coordination.k8s.io", false),
    ("mutatingadmissionpolicies", "admissionregistration.k8s.io", true),
    ("mutatingadmissionpolicybindings", "admissionregistration.k8s.io", true),
    ("mutatingwebhookconfigurations", "admissionregistration.k8s.io", true),
    ("networkpolicies", "networking.k8s.io", false),
    ("nodes", "", true),
    ("persistentvolumes", "", true),
    ("poddisruptionbudgets", "policy", false),
    ("priorityclasses", "scheduling.k8s.io", true),
    ("replicasets", "apps", false),
    ("rolebindings", "rbac.authorization.k8s.io", false),
    ("roles", "rbac.authorization.k8s.io", false),
    ("runtimeclasses", "node.k8s.io", true),
    ("statefulsets", "apps", false),
    ("storageclasses", "storage.k8s.io", true),
    ("validatingadmissionpolicies", "admissionregistration.k8s.io", true),
    ("validatingadmissionpolicybindings", "admissionregistration.k8s.io", true),
    ("validatingwebhookconfigurations", "admissionregistration.k8s.io", true),
    ("volumeattachments", "storage.k8s.io", true),
];

/// Whether a resource of Kubernetes itself has no namespace, so that a RoleBinding gives no right to it.
pub fn is_cluster_scoped(group: &str, resource: &str) -> bool {
    // `users` and `groups` are asked for at cluster scope by impersonation.
    (group.is_empty() && matches!(resource, "users" | "groups"))
        || KNOWN.iter().any(|&(known, of, cluster)| cluster && known == resource && of == group)
}

impl Question {
    /// `resource` is `secrets`, `deployments.apps`, `pods/exec`, `deployments.apps/scale` or a URL; a resource of Kubernetes itself may
    /// be written without its group.
    pub fn parse(verb: &str, resource: &str, name: Option<&str>, namespace: Option<&str>) -> Result<Self, QuestionError> {
        let target = if resource.starts_with('/') {
            if name.is_some() || namespace.is_some() {
                return Err(QuestionError::Url(resource.to_owned()));
            }
            Target::Url(resource.to_owned())
        } else {
            let (head, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let (plural, group) = match head.split_once('.') {
                Some((plural, group)) => (plural, group),
                None => (head, KNOWN.iter().find(|(known, ..)| *known == head).map_or("", |(_, group, _)| group)),
            };
            let complete = !plural.is_empty() && !head.ends_with('.') && !resource.ends_with('/');
            if !complete || resource.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(QuestionError::Resource(resource.to_owned()));
            }
            Target::Resource {
                group: group.to_owned(),
                resource: plural.to_owned(),
                subresource: subresource.to_owned(),
                name: name.unwrap_or("").to_owned(),
            }
        };
        Ok(Self { verb: verb.to_owned(), target, namespace: namespace.map(str::to_owned) })
    }

    /// Everybody who may, by RBAC. With a namespace: in it. Without: in any, which each way says.
    pub fn ask(&self, snapshot: &Snapshot) -> Result<Answer, FactsError> {
        let reader = Reader::new(snapshot);
        let policy = Policy::read(&reader)?;
        let needed = [sources::CLUSTER_ROLE_BINDINGS, sources::CLUSTER_ROLES, sources::ROLE_BINDINGS, sources::ROLES];
        let gaps = reader.coverage().complete(&needed).err().map(|gaps| gaps.as_slice().to_vec()).unwrap_or_default();
        Ok(Answer { gaps, subjects: self.subjects(&policy) })
    }

    fn action<'q>(&'q self, namespace: &'q str) -> Action<'q> {
        match &self.target {
            Target::Url(path) => Action::Url { verb: &self.verb, path },
            Target::Resource { group, resource, subresource, name } => {
                Action::Resource { verb: &self.verb, group, resource, subresource, name, namespace }
            }
        }
    }

    /// Whether a RoleBinding of that namespace can give it.
    fn is_given_in(&self, namespace: &str) -> bool {
        match &self.target {
            Target::Url(_) => false,
            // The Namespace object of that name is a request in that namespace.
            Target::Resource { group, resource, name, .. } if group.is_empty() && resource == "namespaces" => {
                !name.is_empty() && name == namespace && self.namespace.as_deref().is_none_or(|asked| asked == namespace)
            }
            Target::Resource { group, resource, .. } => {
                !is_cluster_scoped(group, resource) && self.namespace.as_deref().is_none_or(|asked| asked == namespace)
            }
        }
    }

    fn subjects(&self, policy: &Policy) -> Vec<Allowed> {
        let mut ways: BTreeMap<Who, Vec<Via>> = BTreeMap::new();
        ways.entry(Who::named("Group", MASTERS)).or_default().push(Via {
            binding: "none: the API server allows this group everything before it asks any authorizer".to_owned(),
            role: String::new(),
            rule: String::new(),
        });
        for binding in &policy.bindings {
            if binding.namespace.as_deref().is_some_and(|namespace| !self.is_given_in(namespace)) {
                continue;
            }
            let action = self.action(binding.namespace.as_deref().or(self.namespace.as_deref()).unwrap_or(""));
            let Some(role) = policy.role(binding) else { continue };
            let Some((index, rule)) = role.rules.iter().enumerate().find(|(_, rule)| allows(rule, &action)) else { continue };
            for who in binding.subjects.iter().filter_map(|subject| binding.who(subject)) {
                let way = Via { binding: binding.text(), role: binding.role_text(), rule: format!("/rules/{index}: {}", describe(rule)) };
                ways.entry(who).or_default().push(way);
            }
        }
        ways.into_iter()
            .map(|(who, mut via)| {
                via.sort();
                via.dedup();
                Allowed { kind: who.kind.to_owned(), namespace: who.namespace, name: who.name, via }
            })
            .collect()
    }
}
