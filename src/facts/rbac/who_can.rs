//! Who may do something, through which binding and rule.

use std::collections::BTreeMap;

use serde::Serialize;

use super::names::{self, NotFound};
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
    /// There is no such resource, subresource, verb or namespace.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// What was written.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Neither one object nor all of them.
    #[error("the name of the object is empty")]
    EmptyName,
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

impl Allowed {
    /// Whether this is a part of Kubernetes itself that holds it through Kubernetes' own bindings. Whoever else stands in a binding of
    /// such a name is not, and neither is a group that holds everybody.
    pub fn is_of_the_system(&self) -> bool {
        const EVERYBODY: [&str; 4] = ["system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts"];
        let own = match self.kind.as_str() {
            "ServiceAccount" => self.namespace.as_deref() == Some("kube-system"),
            _ => {
                let everybody = EVERYBODY.contains(&self.name.as_str()) || self.name.starts_with("system:serviceaccount");
                (self.name.starts_with("system:") && !everybody) || self.name == "kubeadm:cluster-admins"
            }
        };
        own && self.via.iter().all(Via::is_of_the_system)
    }
}

impl Via {
    fn is_of_the_system(&self) -> bool {
        // `ClusterRoleBinding NAME` or `RoleBinding NAMESPACE/NAME`; no role: what the API server allows without asking.
        let name = self.binding.split_once(' ').map_or("", |(_, place)| place.rsplit('/').next().unwrap_or(place));
        self.role.is_empty() || name == "cluster-admin" || name.starts_with("system:") || name.starts_with("kubeadm:")
    }
}

impl Question {
    /// `resource` is `secrets`, `deployments.apps`, `pods/exec`, `deployments.apps/scale` or a URL; a resource of Kubernetes itself may
    /// be written without its group.
    pub fn parse(verb: &str, resource: &str, name: Option<&str>, namespace: Option<&str>) -> Result<Self, QuestionError> {
        if name == Some("") {
            return Err(QuestionError::EmptyName);
        }
        let target = if resource.starts_with('/') {
            if name.is_some() || namespace.is_some() {
                return Err(QuestionError::Url(resource.to_owned()));
            }
            Target::Url(resource.to_owned())
        } else {
            let (head, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let (written, group) = match head.split_once('.') {
                Some((written, group)) => (written, Some(group)),
                None => (head, None),
            };
            let complete = !written.is_empty() && !head.ends_with('.') && !resource.ends_with('/');
            if !complete || resource.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(QuestionError::Resource(resource.to_owned()));
            }
            let (plural, group) = match names::find(written, group) {
                Some(known) => (known.plural, known.group),
                None => (written, group.unwrap_or_default()),
            };
            Target::Resource {
                group: group.to_owned(),
                resource: plural.to_owned(),
                subresource: subresource.to_owned(),
                name: name.unwrap_or("").to_owned(),
            }
        };
        Ok(Self { verb: verb.to_owned(), target, namespace: namespace.map(str::to_owned) })
    }

    /// The question as this cluster understands it: a custom resource may be written without its group. An error where it asks about
    /// something that does not exist, which everybody may do and nobody can.
    pub fn on(mut self, snapshot: &Snapshot) -> Result<Result<Self, QuestionError>, FactsError> {
        let unknown = |name: &str, found: NotFound| QuestionError::Unknown { what: found.what, name: name.to_owned(), known: found.known };
        let policy = Policy::read(&Reader::new(snapshot))?;
        let in_roles = policy.roles.iter().flat_map(|role| &role.rules).flat_map(|rule| &rule.verbs);
        if let Err(found) = names::verb_exists(&self.verb, in_roles) {
            return Ok(Err(unknown(&self.verb, found)));
        }
        if let Target::Resource { group, resource, subresource, .. } = &mut self.target {
            let written = (!group.is_empty()).then_some(group.as_str());
            if names::find(resource, written).is_none()
                && let Some((plural, of)) = names::custom(snapshot, &resource.to_lowercase(), written)?
            {
                (*resource, *group) = (plural, of);
            }
            if let Err(found) = names::exists(snapshot, group, resource, subresource)? {
                let full = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
                let name = if found.what == "subresource" { subresource.clone() } else { full };
                return Ok(Err(unknown(&name, found)));
            }
        }
        if let Some(namespace) = self.namespace.as_deref()
            && let Err(found) = names::namespace_exists(snapshot, namespace)?
        {
            return Ok(Err(unknown(namespace, found)));
        }
        Ok(Ok(self))
    }

    /// Everybody who may, by RBAC. With a namespace: in it. Without: in any, which each way says.
    pub fn ask(&self, snapshot: &Snapshot) -> Result<Answer, FactsError> {
        let reader = Reader::new(snapshot);
        let policy = Policy::read(&reader)?;
        let needed = [sources::CLUSTER_ROLE_BINDINGS, sources::CLUSTER_ROLES, sources::ROLE_BINDINGS, sources::ROLES];
        let gaps = reader.coverage().complete(&needed).err().map(|gaps| gaps.as_slice().to_vec()).unwrap_or_default();
        let at_cluster_scope = match &self.target {
            Target::Url(_) => true,
            Target::Resource { group, resource, .. } => names::is_cluster_scoped_on(snapshot, group, resource),
        };
        Ok(Answer { gaps, subjects: self.subjects(&policy, at_cluster_scope) })
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
    fn is_given_in(&self, namespace: &str, at_cluster_scope: bool) -> bool {
        match &self.target {
            Target::Url(_) => false,
            // The Namespace object of that name is a request in that namespace.
            Target::Resource { group, resource, name, .. } if group.is_empty() && resource == "namespaces" => {
                !name.is_empty() && name == namespace && self.namespace.as_deref().is_none_or(|asked| asked == namespace)
            }
            Target::Resource { .. } => !at_cluster_scope && self.namespace.as_deref().is_none_or(|asked| asked == namespace),
        }
    }

    fn subjects(&self, policy: &Policy, at_cluster_scope: bool) -> Vec<Allowed> {
        let mut ways: BTreeMap<Who, Vec<Via>> = BTreeMap::new();
        ways.entry(Who::named("Group", MASTERS)).or_default().push(Via {
            binding: "none: the API server allows this group everything before it asks any authorizer".to_owned(),
            role: String::new(),
            rule: String::new(),
        });
        for binding in &policy.bindings {
            if binding.namespace.as_deref().is_some_and(|namespace| !self.is_given_in(namespace, at_cluster_scope)) {
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
