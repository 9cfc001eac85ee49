//! What Kubernetes and kubeadm themselves create, exactly: roles with their rules, bindings with their subjects.
//!
//! `shipped.json` holds the bootstrap policy of every minor version that is supported (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`,
//! with every setting of the feature gates) and what kubeadm adds (`cmd/kubeadm/app/phases`). `tests/bootstrap-policy` writes it from
//! Kubernetes' own modules; a live test compares it with them and with fresh servers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};
use serde::Deserialize;

use super::super::Known;
use super::policy::{Binding, Role};
use crate::model::Unseen;

static TEXT: &str = include_str!("shipped.json");

#[derive(Deserialize)]
struct File {
    oldest: u32,
    newest: u32,
    roles: Vec<ShippedRole>,
    bindings: Vec<ShippedBinding>,
}

/// Something with the first and the last minor version that ship it.
#[derive(Deserialize)]
struct Span<T>(u32, u32, T);

#[derive(Deserialize)]
struct ShippedRole {
    from: String,
    namespace: Option<String>,
    name: String,
    minors: Vec<Span<u32>>,
    rules: Vec<Span<PolicyRule>>,
    /// Names of the roles whose rules the controller puts into it.
    #[serde(default)]
    aggregates: Vec<Span<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShippedBinding {
    from: String,
    namespace: Option<String>,
    name: String,
    role_kind: String,
    role_name: String,
    minors: Vec<Span<u32>>,
    subjects: Vec<Span<Subject>>,
}

type Place = (Option<String>, String);

/// The policy of one minor version by namespace and name.
pub(super) struct Shipped {
    roles: BTreeMap<Place, (Origin, Vec<PolicyRule>)>,
    bindings: BTreeMap<Place, ShippedGrant>,
    /// Whether kubeadm made the cluster: on another one its names are anybody's.
    kubeadm: Known<bool>,
    /// Why another version may ship more than this.
    doubt: Option<Unseen>,
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

/// The file; read once.
fn file() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    FILE.get_or_init(|| {
        // A test reads the file; without it nothing would count as shipped, which only adds findings.
        serde_json::from_str(TEXT).unwrap_or(File { oldest: 0, newest: 0, roles: Vec::new(), bindings: Vec::new() })
    })
}

fn origin(from: &str) -> Origin {
    if from == "kubeadm" { Origin::Kubeadm } else { Origin::Kubernetes }
}

/// The minor versions of which something has to be shipped to count.
#[derive(Clone, Copy)]
struct Minors {
    first: u32,
    last: u32,
}

impl Minors {
    /// A version that is not known ships at least what all versions ship.
    fn of(minor: &Known<u32>, file: &File) -> Self {
        match minor {
            Known::Known(minor) => {
                let near = (*minor).clamp(file.oldest, file.newest);
                Self { first: near, last: near }
            }
            Known::Unknown(_) => Self { first: file.oldest, last: file.newest },
        }
    }
    fn among<T>(self, spans: &[Span<T>]) -> impl Iterator<Item = &T> {
        spans.iter().filter(move |Span(from, to, _)| *from <= self.first && self.last <= *to).map(|Span(.., value)| value)
    }
    fn has<T>(self, spans: &[Span<T>]) -> bool {
        self.among(spans).next().is_some()
    }
}

impl Shipped {
    /// What a minor version ships; of one that is not known, the nearest that is, with a doubt. What kubeadm adds belongs to it where that
    /// made the cluster.
    pub(super) fn of(minor: &Known<u32>, kubeadm: Known<bool>) -> Self {
        let file = file();
        let minors = Minors::of(minor, file);
        let by_name: BTreeMap<&str, &ShippedRole> =
            file.roles.iter().filter(|role| role.namespace.is_none()).map(|role| (role.name.as_str(), role)).collect();
        let role = |role: &ShippedRole| {
            let mut rules = Vec::new();
            gather(role, minors, &by_name, &mut BTreeSet::new(), &mut rules);
            ((role.namespace.clone(), role.name.clone()), (origin(&role.from), rules))
        };
        let grant = |binding: &ShippedBinding| {
            let subject = |subject: &Subject| (subject.kind.clone(), subject.namespace.clone(), subject.name.clone());
            let grant = ShippedGrant {
                origin: origin(&binding.from),
                role: (binding.role_kind.clone(), binding.role_name.clone()),
                subjects: minors.among(&binding.subjects).map(subject).collect(),
            };
            ((binding.namespace.clone(), binding.name.clone()), grant)
        };
        let there = |from: &Origin| *from != Origin::Kubeadm || kubeadm != Known::Known(false);
        Self {
            roles: file.roles.iter().filter(|role| minors.has(&role.minors)).map(role).filter(|(_, (from, _))| there(from)).collect(),
            bindings: file
                .bindings
                .iter()
                .filter(|binding| minors.has(&binding.minors))
                .map(grant)
                .filter(|(_, grant)| there(&grant.origin))
                .collect(),
            kubeadm: kubeadm.clone(),
            doubt: match minor {
                Known::Unknown(unseen) => Some(unseen.clone()),
                Known::Known(minor) if (file.oldest..=file.newest).contains(minor) => None,
                Known::Known(minor) => Some(other_version(*minor, file)),
            },
        }
    }

    /// Why what is not in here may be shipped all the same.
    pub(super) fn doubt(&self) -> Option<&Unseen> {
        self.doubt.as_ref()
    }

    /// Origin and rules of a role that is shipped under that name.
    pub(super) fn role(&self, role: &Role) -> Option<(Origin, &[PolicyRule])> {
        self.roles.get(&(role.namespace.clone(), role.name.clone())).map(|(origin, rules)| (*origin, rules.as_slice()))
    }

    /// Where the triple of binding, role and subject comes from; a binding without subjects is shipped where one is.
    pub(super) fn triple(&self, binding: &Binding, subject: Option<&Subject>) -> Origin {
        match self.named(binding, subject) {
            Some(Origin::Kubeadm) if self.kubeadm != Known::Known(true) => Origin::Own,
            Some(origin) => origin,
            None if is_provider(&binding.name) => Origin::Provider,
            None => Origin::Own,
        }
    }

    /// Who ships what is called so, by name alone.
    fn named(&self, binding: &Binding, subject: Option<&Subject>) -> Option<Origin> {
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
        shipped.map(|grant| grant.origin)
    }

    /// Why a binding that is not in here may be shipped: it is one of kubeadm's where nobody can say whether that made the cluster; or one
    /// that a version beyond those that are known ships, because it looks as Kubernetes' own do, for a subject as these have it. On a version
    /// that is known such looks say nothing.
    pub(super) fn doubt_of_binding(&self, binding: &Binding, subject: Option<&Subject>) -> Option<&Unseen> {
        if let (Known::Unknown(unseen), Some(Origin::Kubeadm)) = (&self.kubeadm, self.named(binding, subject)) {
            return Some(unseen);
        }
        let system = |name: &str| name.starts_with("system:");
        let looks = binding.bootstrapping
            && system(&binding.name)
            && system(&binding.role_name)
            && subject.is_none_or(|subject| match subject.kind.as_str() {
                "ServiceAccount" => subject.namespace.as_deref() == Some("kube-system"),
                _ => system(&subject.name),
            });
        self.doubt.as_ref().filter(|_| looks)
    }

    /// The same of a role.
    pub(super) fn doubt_of_role(&self, role: &Role) -> Option<&Unseen> {
        self.doubt.as_ref().filter(|_| role.bootstrapping && role.name.starts_with("system:"))
    }
}

/// The rules of a role, those of the roles that it takes in among them.
fn gather<'f>(
    role: &'f ShippedRole,
    minors: Minors,
    all: &BTreeMap<&str, &'f ShippedRole>,
    seen: &mut BTreeSet<&'f str>,
    rules: &mut Vec<PolicyRule>,
) {
    if !seen.insert(&role.name) {
        return;
    }
    rules.extend(minors.among(&role.rules).cloned());
    for part in minors.among(&role.aggregates).filter_map(|name| all.get(name.as_str())) {
        gather(part, minors, all, seen, rules);
    }
}

fn other_version(minor: u32, file: &File) -> Unseen {
    Unseen::not_understood(
        format!("which roles and bindings Kubernetes 1.{minor} ships"),
        format!("this program knows what Kubernetes 1.{} to 1.{} ship, and this differs from it", file.oldest, file.newest),
        format!(
            "Compare it with the bootstrap policy of Kubernetes 1.{minor} (plugin/pkg/auth/authorizer/rbac/bootstrappolicy), or use a newer kube-hipaa."
        ),
    )
}

pub(super) fn is_provider(name: &str) -> bool {
    PROVIDER_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || PROVIDER_NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(minor: u32) -> Shipped {
        Shipped::of(&Known::Known(minor), Known::Known(true))
    }

    fn rules<'s>(shipped: &'s Shipped, name: &str) -> Option<&'s Vec<PolicyRule>> {
        shipped.roles.get(&(None, name.to_owned())).map(|(_, rules)| rules)
    }

    #[test]
    fn every_minor_version_has_its_policy() {
        let file: File = serde_json::from_str(TEXT).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((file.oldest, file.newest), (30, 37));
        for minor in file.oldest..=file.newest {
            let shipped = of(minor);
            assert!(shipped.doubt().is_none());
            assert!(shipped.roles.len() > 70 && shipped.bindings.len() > 60, "1.{minor}: {}", shipped.roles.len());
            assert!(rules(&shipped, "admin").is_some_and(|rules| rules.len() > 20), "the aggregated roles are filled");
        }
        let migrator = "system:controller:storage-version-migrator-controller";
        assert!(rules(&of(37), migrator).is_some(), "a controller behind a gate");
        let binder = |minor| rules(&of(minor), "system:controller:persistent-volume-binder").map(Vec::len);
        assert_ne!(binder(31), binder(36), "rules that a later version no longer ships");
    }

    #[test]
    fn what_kubeadm_adds_is_there_where_kubeadm_made_the_cluster() {
        let without = Shipped::of(&Known::Known(36), Known::Known(false));
        assert!(rules(&of(36), "kubeadm:get-nodes").is_some());
        assert!(rules(&without, "kubeadm:get-nodes").is_none() && rules(&without, "admin").is_some());
        assert!(without.bindings.len() < of(36).bindings.len());
    }

    #[test]
    fn a_version_beyond_those_known_is_like_the_nearest_with_a_doubt() {
        assert!(of(99).doubt().is_some() && of(3).doubt().is_some());
        assert_eq!(of(99).roles.len(), of(37).roles.len());
        assert_eq!(of(3).roles.len(), of(30).roles.len());
    }
}
