//! What Kubernetes and kubeadm themselves create, exactly: roles with their rules, bindings with their subjects.
//!
//! `shipped.json` holds the bootstrap policy of Kubernetes 1.36.3 (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`, the objects of its
//! test data with and without feature gates, aggregated roles filled as the controller fills them) and what kubeadm of that version
//! adds (`cmd/kubeadm/app/phases`). A live test compares it with a fresh server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};
use serde::Deserialize;

use super::policy::{Binding, Role};

/// The minor version whose policy is known.
pub(super) const MINOR: u32 = 36;

static TEXT: &str = include_str!("shipped.json");

#[derive(Deserialize)]
struct File {
    roles: Vec<ShippedRole>,
    bindings: Vec<ShippedBinding>,
}

#[derive(Deserialize)]
struct ShippedRole {
    from: String,
    namespace: Option<String>,
    name: String,
    rules: Vec<PolicyRule>,
}

#[derive(Deserialize)]
struct ShippedBinding {
    from: String,
    namespace: Option<String>,
    name: String,
    #[serde(rename = "roleRef")]
    role_ref: RoleName,
    subjects: Vec<Subject>,
}

#[derive(Deserialize)]
struct RoleName {
    kind: String,
    name: String,
}

type Place = (Option<String>, String);

/// The policy by namespace and name.
pub(super) struct Shipped {
    roles: BTreeMap<Place, (Origin, Vec<PolicyRule>)>,
    bindings: BTreeMap<Place, ShippedGrant>,
}

struct ShippedGrant {
    origin: Origin,
    role: (String, String),
    subjects: BTreeSet<(String, Option<String>, String)>,
}

/// Where a role or binding comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Kubernetes,
    Kubeadm,
    /// Named as a cloud provider or a distribution names its own: nothing proves it.
    Provider,
    Own,
}

impl Origin {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Kubeadm => "kubeadm",
            Self::Provider => "provider",
            Self::Own => "own",
        }
    }
}

/// How providers name what they create (EKS, GKE, AKS, OpenShift); a name proves nothing, so nothing is left out because of it.
const PROVIDER_PREFIXES: &[&str] =
    &["eks:", "gce:", "gke-", "system:gke-", "system:gcp-", "aks-", "system:aks-", "omsagent", "container-health-", "system:openshift:"];
const PROVIDER_NAMES: &[&str] = &["aws-node", "self-provisioners", "vpc-resource-controller-role"];

/// The policy; read once.
pub(super) fn shipped() -> &'static Shipped {
    static SHIPPED: OnceLock<Shipped> = OnceLock::new();
    SHIPPED.get_or_init(|| match serde_json::from_str::<File>(TEXT) {
        Ok(file) => Shipped::new(file),
        // A test reads the file; without it nothing would count as shipped, which only adds findings.
        Err(_) => Shipped { roles: BTreeMap::new(), bindings: BTreeMap::new() },
    })
}

fn origin(from: &str) -> Origin {
    if from == "kubeadm" { Origin::Kubeadm } else { Origin::Kubernetes }
}

impl Shipped {
    fn new(file: File) -> Self {
        let roles = file.roles.into_iter().map(|role| ((role.namespace, role.name), (origin(&role.from), role.rules))).collect();
        let grant = |binding: ShippedBinding| {
            let subject = |subject: Subject| (subject.kind, subject.namespace, subject.name);
            let grant = ShippedGrant {
                origin: origin(&binding.from),
                role: (binding.role_ref.kind, binding.role_ref.name),
                subjects: binding.subjects.into_iter().map(subject).collect(),
            };
            ((binding.namespace, binding.name), grant)
        };
        Self { roles, bindings: file.bindings.into_iter().map(grant).collect() }
    }

    /// Origin and rules of a role that is shipped under that name.
    pub(super) fn role(&self, role: &Role) -> Option<(Origin, &[PolicyRule])> {
        self.roles.get(&(role.namespace.clone(), role.name.clone())).map(|(origin, rules)| (*origin, rules.as_slice()))
    }

    /// Where the triple of binding, role and subject comes from; a binding without subjects is shipped where one is.
    pub(super) fn triple(&self, binding: &Binding, subject: Option<&Subject>) -> Origin {
        let shipped = self.bindings.get(&(binding.namespace.clone(), binding.name.clone())).filter(|grant| {
            grant.role.0 == binding.role_kind
                && grant.role.1 == binding.role_name
                && match subject {
                    Some(subject) => {
                        let namespace = subject.namespace.clone().filter(|namespace| !namespace.is_empty());
                        grant.subjects.contains(&(subject.kind.clone(), namespace, subject.name.clone()))
                    }
                    None => grant.subjects.is_empty(),
                }
        });
        match shipped {
            Some(grant) => grant.origin,
            None if is_provider(&binding.name) => Origin::Provider,
            None => Origin::Own,
        }
    }
}

pub(super) fn is_provider(name: &str) -> bool {
    PROVIDER_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || PROVIDER_NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policy_can_be_read() {
        let file: File = serde_json::from_str(TEXT).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((file.roles.len(), file.bindings.len()), (83, 69));
        let admin = file.roles.iter().find(|role| role.name == "admin").expect("admin");
        assert!(admin.rules.len() > 20, "the aggregated roles are filled");
    }
}
