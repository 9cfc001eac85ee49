//! Roles and bindings as they are stored, and what the RBAC authorizer makes of them
//! (`k8s.io/kubernetes/pkg/registry/rbac/validation/rule.go`, `VisitRulesFor`).

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role as NamespacedRole, RoleBinding, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::super::{Coverage, FactsError, Known};
use super::rules::{allows_resource, allows_url};
use crate::facts::table::read::Reader;
use crate::model::sources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES};
use crate::model::{Evidence, ObjectRef, Unseen};

/// The API group of roles and bindings.
pub(super) const RBAC: &str = "rbac.authorization.k8s.io";
/// The group that every request of a client with such a certificate is allowed before any authorizer is asked.
pub const MASTERS: &str = "system:masters";
/// Every identity that the server knows.
pub(super) const AUTHENTICATED: &str = "system:authenticated";
/// Every request without credentials.
pub(super) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user of a request without credentials.
pub(super) const ANONYMOUS: &str = "system:anonymous";
/// Every service account.
pub(super) const SERVICE_ACCOUNTS_GROUP: &str = "system:serviceaccounts";

/// A Role or ClusterRole with its rules as stored: the controller writes those of an aggregated role there.
#[derive(Debug)]
pub struct Role {
    /// The namespace of a Role; absent for a ClusterRole.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    pub(super) rules: Vec<PolicyRule>,
    pub(super) selectors: Option<Vec<LabelSelector>>,
    pub(super) labels: BTreeMap<String, String>,
    /// The annotation `rbac.authorization.kubernetes.io/autoupdate` says `false`.
    pub(super) manual: bool,
    /// It carries the label of what the server makes when it starts; anybody can write it.
    pub(super) bootstrapping: bool,
    pub(super) origin: Evidence,
    /// Where each rule stands, made when somebody asks and shared by all who do.
    places: Vec<OnceLock<Arc<Evidence>>>,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Debug)]
pub struct Binding {
    /// The namespace of a RoleBinding; absent for a ClusterRoleBinding.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// `Role` or `ClusterRole`.
    pub role_kind: String,
    /// The name of the role that it refers to.
    pub role_name: String,
    pub(super) subjects: Vec<Subject>,
    /// It carries the label of what the server makes when it starts; anybody can write it.
    pub(super) bootstrapping: bool,
    /// The role, where it exists.
    pub(super) role: Option<usize>,
    pub(super) origin: Evidence,
}

/// Who is given something: one identity, however it is spelt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: &'static str,
    /// The namespace of a service account.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The user's name.
    pub user: &'a str,
    /// The user's groups.
    pub groups: &'a [&'a str],
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// A verb on a resource. Empty texts mean that the request has none.
    Resource {
        /// The verb.
        verb: &'a str,
        /// The API group; empty for the core group.
        group: &'a str,
        /// The resource in the plural.
        resource: &'a str,
        /// The subresource.
        subresource: &'a str,
        /// The object's name.
        name: &'a str,
        /// The namespace; empty for a request at cluster scope.
        namespace: &'a str,
    },
    /// A verb on a URL that is no resource.
    Url {
        /// The verb: an HTTP method in lower case.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// The first grant that allows a request.
#[derive(Debug)]
pub enum Decision<'p> {
    /// By this rule of this binding's role.
    Allowed {
        /// The binding.
        binding: &'p Binding,
        /// The rule's place in the role.
        rule: usize,
    },
    /// The group system:masters is allowed everything.
    Masters,
    /// RBAC has no opinion, which refuses unless another authorizer allows.
    NoOpinion,
}

impl Decision<'_> {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        !matches!(self, Self::NoOpinion)
    }
}

/// All roles and bindings of a cluster.
#[derive(Debug)]
pub struct Policy {
    pub(super) roles: Vec<Role>,
    pub(super) bindings: Vec<Binding>,
    /// Places of the bindings of each namespace, and of ClusterRoleBindings under `None`.
    by_namespace: BTreeMap<Option<String>, Vec<usize>>,
    /// What was read and understood of roles.
    coverage: Coverage,
    missing_cluster_roles: Option<Unseen>,
}

impl Policy {
    pub(in crate::facts) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut roles = Vec::new();
        reader.each::<ClusterRole>(&CLUSTER_ROLES, |role, origin| {
            let selectors = role.aggregation_rule.map(|rule| rule.cluster_role_selectors.into_iter().flatten().collect());
            roles.push(Role::new(role.metadata, role.rules, selectors, origin));
        })?;
        reader.each::<NamespacedRole>(&ROLES, |role, origin| roles.push(Role::new(role.metadata, role.rules, None, origin)))?;
        let places: BTreeMap<(Option<String>, String), usize> =
            roles.iter().enumerate().map(|(index, role)| ((role.namespace.clone(), role.name.clone()), index)).collect();
        let mut bindings = Vec::new();
        let mut bind = |metadata: ObjectMeta, role: (String, String), subjects: Option<Vec<Subject>>, origin| {
            let (role_kind, role_name) = role;
            let bootstrapping = is_bootstrapping(&metadata);
            let namespace = metadata.namespace;
            let place = match (role_kind.as_str(), &namespace) {
                ("ClusterRole", _) => Some((None, role_name.clone())),
                ("Role", Some(namespace)) => Some((Some(namespace.clone()), role_name.clone())),
                // A ClusterRoleBinding finds no Role, and there are no other kinds.
                _ => None,
            };
            bindings.push(Binding {
                role: place.and_then(|place| places.get(&place).copied()),
                name: metadata.name.unwrap_or_default(),
                subjects: subjects.into_iter().flatten().collect(),
                bootstrapping,
                namespace,
                role_kind,
                role_name,
                origin,
            });
        };
        reader.each::<ClusterRoleBinding>(&CLUSTER_ROLE_BINDINGS, |binding, origin| {
            bind(
                ObjectMeta { namespace: None, ..binding.metadata },
                (binding.role_ref.kind, binding.role_ref.name),
                binding.subjects,
                origin,
            );
        })?;
        reader.each::<RoleBinding>(&ROLE_BINDINGS, |binding, origin| {
            bind(binding.metadata, (binding.role_ref.kind, binding.role_ref.name), binding.subjects, origin);
        })?;
        let mut by_namespace: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
        for (index, binding) in bindings.iter().enumerate() {
            by_namespace.entry(binding.namespace.clone()).or_default().push(index);
        }
        let coverage = reader.coverage();
        let missing = coverage.complete(std::slice::from_ref(&CLUSTER_ROLES)).err().map(|gaps| gaps.first().clone());
        Ok(Self { roles, bindings, by_namespace, coverage, missing_cluster_roles: missing })
    }

    /// What the RBAC authorizer answers: ClusterRoleBindings first, then the RoleBindings of the request's namespace; the first rule
    /// that allows wins, a role that is missing gives nothing, and nothing refuses.
    pub fn decide(&self, asker: &Asker<'_>, action: &Action<'_>) -> Decision<'_> {
        if asker.groups.contains(&MASTERS) {
            return Decision::Masters;
        }
        let namespace = match action {
            Action::Resource { namespace, .. } if !namespace.is_empty() => Some(Some((*namespace).to_owned())),
            _ => None,
        };
        for place in std::iter::once(None).chain(namespace) {
            for &index in self.by_namespace.get(&place).into_iter().flatten() {
                let Some(binding) = self.bindings.get(index) else { continue };
                if !binding.subjects.iter().any(|subject| applies(subject, asker, place.as_deref())) {
                    continue;
                }
                if let Some(rule) = self.role(binding).and_then(|role| role.rules.iter().position(|rule| allows(rule, action))) {
                    return Decision::Allowed { binding, rule };
                }
            }
        }
        Decision::NoOpinion
    }

    /// The role that a binding refers to.
    pub(super) fn role(&self, binding: &Binding) -> Option<&Role> {
        self.roles.get(binding.role?)
    }

    /// Whether a binding's role is missing; unknown where not all roles were read.
    pub(super) fn dangling(&self, binding: &Binding) -> Known<bool> {
        if binding.role.is_some() {
            return Known::Known(false);
        }
        if binding.role_kind != "Role" {
            return self.missing_cluster_roles.clone().map_or(Known::Known(true), Known::Unknown);
        }
        // A Role that was not understood can only be one of its own namespace.
        let here = |namespace: &str| binding.namespace.as_deref() == Some(namespace);
        match self.coverage.complete_within(std::slice::from_ref(&ROLES), &[], here) {
            Ok(_) => Known::Known(true),
            Err(gaps) => Known::Unknown(gaps.first().clone()),
        }
    }
}

impl Role {
    fn new(metadata: ObjectMeta, rules: Option<Vec<PolicyRule>>, selectors: Option<Vec<LabelSelector>>, origin: Evidence) -> Self {
        let bootstrapping = is_bootstrapping(&metadata);
        let annotations = metadata.annotations.unwrap_or_default();
        let rules: Vec<PolicyRule> = rules.into_iter().flatten().collect();
        Self {
            namespace: metadata.namespace,
            name: metadata.name.unwrap_or_default(),
            places: rules.iter().map(|_| OnceLock::new()).collect(),
            rules,
            selectors,
            labels: metadata.labels.unwrap_or_default(),
            manual: annotations.get("rbac.authorization.kubernetes.io/autoupdate").is_some_and(|value| value == "false"),
            bootstrapping,
            origin,
        }
    }
    pub(super) fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "Role" } else { "ClusterRole" }
    }
    pub(super) fn object(&self) -> Arc<ObjectRef> {
        object(self.kind(), self.namespace.as_ref(), &self.name, &self.origin)
    }
    /// Where one of its rules stands; `None` for a rule that it does not have.
    pub(super) fn rule_evidence(&self, index: usize) -> Option<Arc<Evidence>> {
        let place = || Arc::new(self.origin.at(format!("/rules/{index}")));
        self.places.get(index).map(|known| Arc::clone(known.get_or_init(place)))
    }
}

impl Binding {
    pub(super) fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" }
    }
    pub(super) fn object(&self) -> Arc<ObjectRef> {
        object(self.kind(), self.namespace.as_ref(), &self.name, &self.origin)
    }
    /// Such as `RoleBinding imaging/imaging-engineers-edit`.
    pub fn text(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("RoleBinding {namespace}/{}", self.name),
            None => format!("ClusterRoleBinding {}", self.name),
        }
    }
    /// Such as `ClusterRole edit`.
    pub fn role_text(&self) -> String {
        match &self.namespace {
            Some(namespace) if self.role_kind == "Role" => format!("Role {namespace}/{}", self.role_name),
            _ => format!("{} {}", self.role_kind, self.role_name),
        }
    }
    /// Such as `RoleBinding imaging/imaging-engineers-edit → ClusterRole edit`.
    pub fn via(&self) -> String {
        format!("{} → {} {}", self.text(), self.role_kind, self.role_name)
    }
    /// Who one of its subjects is; `None` for one that matches no identity.
    pub(super) fn who(&self, subject: &Subject) -> Option<Who> {
        match subject.kind.as_str() {
            "User" => Some(Who::user(&subject.name)),
            "Group" => Some(Who::named("Group", &subject.name)),
            "ServiceAccount" => {
                let written = subject.namespace.as_ref().filter(|namespace| !namespace.is_empty());
                let namespace = written.or(self.namespace.as_ref())?;
                Some(Who { kind: "ServiceAccount", namespace: Some(namespace.clone()), name: subject.name.clone() })
            }
            _ => None,
        }
    }
}

/// `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`, Label.
fn is_bootstrapping(metadata: &ObjectMeta) -> bool {
    metadata.labels.as_ref().and_then(|labels| labels.get("kubernetes.io/bootstrapping")).is_some_and(|value| value == "rbac-defaults")
}

fn object(kind: &str, namespace: Option<&String>, name: &str, origin: &Evidence) -> Arc<ObjectRef> {
    let same =
        |read: &&Arc<ObjectRef>| read.kind == kind && read.group == RBAC && read.namespace.as_ref() == namespace && read.name == name;
    if let Some(read) = origin.reading.object.as_ref().filter(same) {
        return Arc::clone(read);
    }
    Arc::new(ObjectRef {
        kind: kind.to_owned(),
        group: RBAC.to_owned(),
        namespace: namespace.cloned(),
        name: name.to_owned(),
        uid: origin.object().and_then(|object| object.uid.clone()),
    })
}

impl Who {
    pub(super) fn named(kind: &'static str, name: &str) -> Self {
        Self { kind, namespace: None, name: name.to_owned() }
    }
    pub(super) fn account(namespace: &str, name: &str) -> Self {
        Self { kind: "ServiceAccount", namespace: Some(namespace.to_owned()), name: name.to_owned() }
    }
    /// A user by its name, which may be that of a service account.
    pub(super) fn user(name: &str) -> Self {
        account_of(name).unwrap_or_else(|| Self::named("User", name))
    }
    /// Such as `ServiceAccount delivery/deploy-runner` or `Group developers`.
    pub fn text(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }
    pub(super) fn object(&self) -> ObjectRef {
        let group = if self.kind == "ServiceAccount" { "" } else { RBAC };
        ObjectRef {
            kind: self.kind.to_owned(),
            group: group.to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: None,
        }
    }
    /// Groups that the server puts it into whatever it is (`serviceaccount.MakeGroupNames`, the authenticated and unauthenticated groups).
    pub(super) fn implied_groups(&self) -> Vec<String> {
        match (self.kind, &self.namespace, self.name.as_str()) {
            ("ServiceAccount", Some(namespace), _) => {
                vec![format!("{SERVICE_ACCOUNTS_GROUP}:{namespace}"), SERVICE_ACCOUNTS_GROUP.to_owned(), AUTHENTICATED.to_owned()]
            }
            ("User", _, ANONYMOUS) => vec![UNAUTHENTICATED.to_owned()],
            ("Group", _, AUTHENTICATED | UNAUTHENTICATED) => Vec::new(),
            ("Group", _, SERVICE_ACCOUNTS_GROUP) => vec![AUTHENTICATED.to_owned()],
            ("Group", _, name) if name.starts_with("system:serviceaccounts:") => {
                vec![SERVICE_ACCOUNTS_GROUP.to_owned(), AUTHENTICATED.to_owned()]
            }
            _ => vec![AUTHENTICATED.to_owned()],
        }
    }
}

/// The service account that a user's name stands for (`serviceaccount.SplitUsername`).
fn account_of(user: &str) -> Option<Who> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    // DNS-1123 label and subdomain, which are the names that service accounts can have.
    let word = |text: &str, more: &str| {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || more.contains(c))
    };
    (word(namespace, "-") && word(name, "-.")).then(|| Who {
        kind: "ServiceAccount",
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    })
}

/// `appliesToUser`: the namespace is that of the binding, absent for a ClusterRoleBinding.
fn applies(subject: &Subject, asker: &Asker<'_>, namespace: Option<&str>) -> bool {
    match subject.kind.as_str() {
        "User" => subject.name == asker.user,
        "Group" => asker.groups.contains(&subject.name.as_str()),
        "ServiceAccount" => {
            let written = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty());
            written.or(namespace).is_some_and(|namespace| {
                let rest = asker.user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.strip_prefix(namespace));
                rest.and_then(|rest| rest.strip_prefix(':')) == Some(subject.name.as_str())
            })
        }
        _ => false,
    }
}

pub(super) fn allows(rule: &PolicyRule, action: &Action<'_>) -> bool {
    match *action {
        Action::Resource { verb, group, resource, subresource, name, .. } => {
            allows_resource(rule, verb, group, resource, subresource, name)
        }
        Action::Url { verb, path } => allows_url(rule, verb, path),
    }
}
