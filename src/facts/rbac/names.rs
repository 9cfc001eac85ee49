//! Names of resources as people write them: plural, singular, kind or short name, with or without the group (as kubectl's discovery
//! mapper has them, `k8s.io/kubectl/pkg/util`, `kubectl api-resources`), and what a cluster is known to have beside Kubernetes' own.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{SourceId, SourceRecord, SourceState, sources};
use crate::snapshot::{Snapshot, SnapshotError};

/// A resource of Kubernetes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Its plural, by which RBAC knows it.
    pub(super) plural: &'static str,
    /// Its kind; the singular is that in lower case. Empty where no object has it.
    kind: &'static str,
    /// Short names, separated by spaces.
    short: &'static str,
    /// Its group; empty for the core group.
    pub(super) group: &'static str,
    /// Whether it has no namespace.
    pub(super) cluster: bool,
    /// Its subresources beside `status` and `scale`, separated by spaces.
    subresources: &'static str,
}

const fn known(group: &'static str, plural: &'static str, kind: &'static str, short: &'static str, subresources: &'static str) -> Known {
    Known { plural, kind, short, group, cluster: false, subresources }
}

const fn cluster(group: &'static str, plural: &'static str, kind: &'static str, short: &'static str, subresources: &'static str) -> Known {
    Known { cluster: true, ..known(group, plural, kind, short, subresources) }
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const RESOURCE: &str = "resource.k8s.io";
const STORAGE: &str = "storage.k8s.io";

/// Kubernetes 1.30 to 1.37 (`kubectl api-resources` of each). Where two groups have one name, kubectl takes the first here.
const KNOWN: &[Known] = &[
    known("", "bindings", "Binding", "", ""),
    cluster("", "componentstatuses", "ComponentStatus", "cs", ""),
    known("", "configmaps", "ConfigMap", "cm", ""),
    known("", "endpoints", "Endpoints", "ep", ""),
    known("", "events", "Event", "ev", ""),
    known("", "limitranges", "LimitRange", "limits", ""),
    cluster("", "namespaces", "Namespace", "ns", "finalize"),
    cluster("", "nodes", "Node", "no", "proxy metrics stats log spec checkpoint configz healthz pods"),
    known("", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", ""),
    cluster("", "persistentvolumes", "PersistentVolume", "pv", ""),
    known("", "pods", "Pod", "po", "attach binding ephemeralcontainers eviction exec log portforward proxy resize"),
    known("", "podtemplates", "PodTemplate", "", ""),
    known("", "replicationcontrollers", "ReplicationController", "rc", ""),
    known("", "resourcequotas", "ResourceQuota", "quota", ""),
    known("", "secrets", "Secret", "", ""),
    known("", "serviceaccounts", "ServiceAccount", "sa", "token"),
    known("", "services", "Service", "svc", "proxy"),
    // Asked for by impersonation, at cluster scope; nothing has these kinds.
    cluster("", "users", "", "", ""),
    cluster("", "groups", "", "", ""),
    cluster(AUTHENTICATION, "userextras", "", "", "*"),
    cluster(AUTHENTICATION, "uids", "", "", ""),
    // Of constrained impersonation (KEP-5284): impersonate:user-info, :serviceaccount, :arbitrary-node, :associated-node.
    cluster(AUTHENTICATION, "users", "", "", ""),
    cluster(AUTHENTICATION, "groups", "", "", ""),
    known(AUTHENTICATION, "serviceaccounts", "", "", ""),
    cluster(AUTHENTICATION, "nodes", "", "", ""),
    cluster(CERTIFICATES, "signers", "", "", ""),
    cluster(ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy", "", ""),
    cluster(ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", "", ""),
    cluster(ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "", ""),
    cluster(ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", "", ""),
    cluster(ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", "", ""),
    cluster(ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "", ""),
    cluster("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", "crd crds", ""),
    cluster("apiregistration.k8s.io", "apiservices", "APIService", "", ""),
    known("apps", "controllerrevisions", "ControllerRevision", "", ""),
    known("apps", "daemonsets", "DaemonSet", "ds", ""),
    known("apps", "deployments", "Deployment", "deploy", "rollback"),
    known("apps", "replicasets", "ReplicaSet", "rs", ""),
    known("apps", "statefulsets", "StatefulSet", "sts", ""),
    cluster(AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview", "", ""),
    cluster(AUTHENTICATION, "tokenreviews", "TokenReview", "", ""),
    known(AUTHORIZATION, "localsubjectaccessreviews", "LocalSubjectAccessReview", "", ""),
    cluster(AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview", "", ""),
    cluster(AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview", "", ""),
    cluster(AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview", "", ""),
    known("autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", ""),
    known("batch", "cronjobs", "CronJob", "cj", ""),
    known("batch", "jobs", "Job", "", ""),
    cluster(CERTIFICATES, "certificatesigningrequests", "CertificateSigningRequest", "csr", "approval"),
    cluster(CERTIFICATES, "clustertrustbundles", "ClusterTrustBundle", "", ""),
    known(CERTIFICATES, "podcertificaterequests", "PodCertificateRequest", "", ""),
    known("coordination.k8s.io", "leasecandidates", "LeaseCandidate", "", ""),
    known("coordination.k8s.io", "leases", "Lease", "", ""),
    known("discovery.k8s.io", "endpointslices", "EndpointSlice", "", "restricted"),
    known("events.k8s.io", "events", "Event", "ev", ""),
    cluster("flowcontrol.apiserver.k8s.io", "flowschemas", "FlowSchema", "", ""),
    cluster("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "PriorityLevelConfiguration", "", ""),
    cluster("internal.apiserver.k8s.io", "storageversions", "StorageVersion", "", ""),
    cluster(NETWORKING, "ingressclasses", "IngressClass", "", ""),
    known(NETWORKING, "ingresses", "Ingress", "ing", ""),
    cluster(NETWORKING, "ipaddresses", "IPAddress", "ip", ""),
    known(NETWORKING, "networkpolicies", "NetworkPolicy", "netpol", ""),
    cluster(NETWORKING, "servicecidrs", "ServiceCIDR", "", ""),
    cluster("node.k8s.io", "runtimeclasses", "RuntimeClass", "", ""),
    known("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", ""),
    cluster(RBAC, "clusterrolebindings", "ClusterRoleBinding", "", ""),
    cluster(RBAC, "clusterroles", "ClusterRole", "", ""),
    known(RBAC, "rolebindings", "RoleBinding", "", ""),
    known(RBAC, "roles", "Role", "", ""),
    cluster(RESOURCE, "deviceclasses", "DeviceClass", "", ""),
    cluster(RESOURCE, "devicetaintrules", "DeviceTaintRule", "", ""),
    known(RESOURCE, "resourceclaims", "ResourceClaim", "", "binding driver"),
    known(RESOURCE, "resourceclaimtemplates", "ResourceClaimTemplate", "", ""),
    cluster(RESOURCE, "resourceslices", "ResourceSlice", "", ""),
    cluster("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", ""),
    cluster(STORAGE, "csidrivers", "CSIDriver", "", ""),
    cluster(STORAGE, "csinodes", "CSINode", "", ""),
    known(STORAGE, "csistoragecapacities", "CSIStorageCapacity", "", ""),
    cluster(STORAGE, "storageclasses", "StorageClass", "sc", ""),
    cluster(STORAGE, "volumeattachments", "VolumeAttachment", "", ""),
    cluster(STORAGE, "volumeattributesclasses", "VolumeAttributesClass", "vac", ""),
    cluster("storagemigration.k8s.io", "storageversionmigrations", "StorageVersionMigration", "", ""),
];

/// Verbs of the API server, of RBAC's own checks and of HTTP.
const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "*",
    "impersonate",
    "bind",
    "escalate",
    "approve",
    "sign",
    "attest",
    "use",
    "post",
    "put",
    "head",
    "options",
];

impl Known {
    fn is_called(&self, name: &str) -> bool {
        self.plural == name
            || (!self.kind.is_empty() && self.kind.to_lowercase() == name)
            || self.short.split(' ').any(|short| short == name && !short.is_empty())
    }
    /// Whether it has this subresource, as far as is known.
    fn has(&self, subresource: &str) -> bool {
        ["", "*", "status", "scale"].contains(&subresource)
            || self.subresources.split(' ').any(|known| known == subresource || known == "*")
    }
}

/// The resource of Kubernetes that is called so, in any of its spellings. `group` is what was written: nothing, or a group, which may
/// be preceded by a version (`deployments.v1.apps`).
pub(super) fn find(name: &str, group: Option<&str>) -> Option<&'static Known> {
    let name = name.to_lowercase();
    let group = group.map(|group| match group.split_once('.') {
        Some((version, rest)) if is_version(version) => rest,
        _ if is_version(group) => "",
        _ => group,
    });
    KNOWN.iter().filter(|known| group.is_none_or(|group| known.group == group)).find(|known| known.is_called(&name))
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Whether a resource of Kubernetes itself has no namespace, so that a RoleBinding gives no right to it.
pub fn is_cluster_scoped(group: &str, resource: &str) -> bool {
    KNOWN.iter().any(|known| known.cluster && known.plural == resource && known.group == group)
}

/// Whether objects of some resource of that name, in whatever group of Kubernetes itself, have no namespace. Names that only RBAC speaks of
/// (users, signers) have no objects.
pub fn is_cluster_scoped_anywhere(resource: &str) -> bool {
    KNOWN.iter().any(|known| known.cluster && !known.kind.is_empty() && known.plural == resource)
}

/// The same as [`is_cluster_scoped`] on the cluster of a snapshot, where its discovery says more.
pub(super) fn is_cluster_scoped_on(snapshot: &Snapshot, group: &str, resource: &str) -> bool {
    let discovered = snapshot.index().discovery.as_ref().and_then(|discovery| discovery.find(group, resource)?.namespaced);
    discovered.map_or_else(|| is_cluster_scoped(group, resource), |namespaced| !namespaced)
}

/// What a name could not be found among.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotFound {
    pub(super) what: &'static str,
    pub(super) known: Vec<String>,
}

/// Whether a resource exists on the cluster of a snapshot, as far as that can be known: Kubernetes' own, those of its
/// CustomResourceDefinitions, and all of a group that another server offers.
pub(super) fn exists(snapshot: &Snapshot, group: &str, resource: &str, subresource: &str) -> Result<Result<(), NotFound>, SnapshotError> {
    if resource == "*" {
        return Ok(Ok(()));
    }
    // What discovery lists is what there is; RBAC also speaks of names that nothing serves (users, signers).
    if let Some(discovery) = snapshot.index().discovery.as_ref().filter(|discovery| discovery.is_complete()) {
        if let Some(kind) = discovery.find(group, resource) {
            let listed = kind.subresources.iter().any(|known| known == subresource);
            let own = KNOWN.iter().any(|known| known.plural == resource && known.group == group && known.has(subresource));
            let there = subresource.is_empty() || subresource == "*" || listed || own;
            return Ok(if there { Ok(()) } else { Err(NotFound { what: "subresource", known: kind.subresources.clone() }) });
        }
        if KNOWN.iter().any(|known| known.kind.is_empty() && known.plural == resource && known.group == group) {
            return Ok(Ok(()));
        }
        let spellings = discovery.kinds.iter().flat_map(|kind| {
            let full = if kind.group.is_empty() { kind.resource.clone() } else { format!("{}.{}", kind.resource, kind.group) };
            [full, kind.resource.clone(), kind.kind.to_lowercase()].into_iter().chain(kind.short_names.clone())
        });
        let known = spellings.filter(|name| !name.is_empty()).collect::<BTreeSet<_>>().into_iter().collect();
        return Ok(Err(NotFound { what: "resource", known }));
    }
    if let Some(own) = KNOWN.iter().find(|known| known.plural == resource && known.group == group) {
        let mut subresources: Vec<String> = own.subresources.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        subresources.extend(["status".to_owned(), "scale".to_owned()]);
        return Ok(if own.has(subresource) { Ok(()) } else { Err(NotFound { what: "subresource", known: subresources }) });
    }
    let index = snapshot.index();
    let is_read = |source: &SourceId| index.record(source).is_some_and(SourceRecord::is_whole);
    let custom = names(snapshot, &sources::CUSTOM_RESOURCE_DEFINITIONS)?;
    let read = index.sources.iter().filter(|record| matches!(record.state, SourceState::Read { .. } | SourceState::Partial { .. }));
    let read: BTreeSet<String> = read.map(|record| record.source.to_string()).collect();
    let full = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    // An APIService is called VERSION.GROUP; one that another server answers can offer anything.
    let services = names(snapshot, &sources::API_SERVICES)?;
    let served = |name: &String| name.split_once('.').is_some_and(|(_, of)| of == group && !group.is_empty());
    let own_group = KNOWN.iter().any(|known| known.group == group);
    let by_another = !own_group && services.iter().any(served) && !custom.iter().any(|name| name.ends_with(&format!(".{group}")));
    let unknowable = !is_read(&sources::CUSTOM_RESOURCE_DEFINITIONS) || !is_read(&sources::API_SERVICES);
    if custom.contains(&full) || read.contains(&full) || by_another || (unknowable && !own_group) {
        return Ok(Ok(()));
    }
    let spellings = KNOWN.iter().flat_map(|known| {
        let kind = (!known.kind.is_empty()).then(|| known.kind.to_lowercase());
        std::iter::once(known.plural.to_owned())
            .chain(kind)
            .chain(known.short.split(' ').filter(|short| !short.is_empty()).map(str::to_owned))
    });
    let known = spellings.chain(custom).collect::<BTreeSet<_>>().into_iter().collect();
    Ok(Err(NotFound { what: "resource", known }))
}

/// The custom resource that is called so by its plural alone, or by plural or singular and group, where there is one.
pub(super) fn custom(snapshot: &Snapshot, name: &str, group: Option<&str>) -> Result<Option<(String, String)>, SnapshotError> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    if let Some(discovery) = &snapshot.index().discovery {
        let word = group.map_or_else(|| name.to_owned(), |group| format!("{name}.{group}"));
        // Of several, kubectl takes the first that discovery names.
        if let [first, ..] = discovery.named(&word).as_slice() {
            return Ok(Some((first.resource.clone(), first.group.clone())));
        }
    }
    for full in names(snapshot, &sources::CUSTOM_RESOURCE_DEFINITIONS)? {
        let Some((plural, of)) = full.split_once('.') else { continue };
        let singular = plural.strip_suffix("ies").map(|stem| format!("{stem}y")).or_else(|| plural.strip_suffix('s').map(str::to_owned));
        let is_called = plural == name || singular.as_deref() == Some(name);
        if is_called && group.is_none_or(|group| group == of) {
            found.insert(of.to_owned(), plural.to_owned());
        }
    }
    // Of several groups, kubectl takes the first that discovery names; which that is, is not stored.
    Ok(if found.len() == 1 { found.into_iter().next().map(|(of, plural)| (plural, of)) } else { None })
}

/// Whether there is such a namespace; true where not all of them are known.
pub(super) fn namespace_exists(snapshot: &Snapshot, name: &str) -> Result<Result<(), NotFound>, SnapshotError> {
    let complete = snapshot.index().record(&sources::NAMESPACES).is_some_and(SourceRecord::is_whole);
    let known = names(snapshot, &sources::NAMESPACES)?;
    let there = !complete || known.contains(name);
    Ok(if there { Ok(()) } else { Err(NotFound { what: "namespace", known: known.into_iter().collect() }) })
}

/// Whether a verb is one of Kubernetes, or one that some role of the cluster speaks of.
pub(super) fn verb_exists<'r>(verb: &str, mut in_roles: impl Iterator<Item = &'r String>) -> Result<(), NotFound> {
    let constrained = ["impersonate:", "impersonate-on:"].iter().any(|prefix| verb.starts_with(prefix));
    if VERBS.contains(&verb) || constrained || in_roles.any(|known| known == verb) {
        return Ok(());
    }
    Err(NotFound { what: "verb", known: VERBS.iter().filter(|verb| **verb != "*").map(|verb| (*verb).to_owned()).collect() })
}

/// The names of the objects of a source.
fn names(snapshot: &Snapshot, source: &SourceId) -> Result<BTreeSet<String>, SnapshotError> {
    let mut names = BTreeSet::new();
    for stored in snapshot.objects(source)? {
        let object: Option<serde_json::Value> = serde_json::from_str(&stored?.json).ok();
        let name = object.as_ref().and_then(|object| object.pointer("/metadata/name")?.as_str().map(str::to_owned));
        names.extend(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_kubectl_finds_the_resource() {
        for (written, group, plural, of) in [
            ("secret", None, "secrets", ""),
            ("Secret", None, "secrets", ""),
            ("po", None, "pods", ""),
            ("deploy", None, "deployments", "apps"),
            ("deployment", Some("apps"), "deployments", "apps"),
            ("deployments", Some("v1.apps"), "deployments", "apps"),
            ("pods", Some("v1"), "pods", ""),
            ("ev", Some("events.k8s.io"), "events", "events.k8s.io"),
            ("ingress", None, "ingresses", "networking.k8s.io"),
            ("netpol", None, "networkpolicies", "networking.k8s.io"),
            ("endpoints", None, "endpoints", ""),
            ("groups", None, "groups", ""),
        ] {
            let found = find(written, group).unwrap_or_else(|| panic!("{written}"));
            assert_eq!((found.plural, found.group), (plural, of), "{written}");
        }
        for nothing in [("nosuchthing", None), ("secret", Some("apps")), ("", None)] {
            assert_eq!(find(nothing.0, nothing.1), None, "{nothing:?}");
        }
    }

    #[test]
    fn no_name_is_given_twice_in_one_group() {
        let mut seen = BTreeSet::new();
        for known in KNOWN {
            assert!(seen.insert((known.group, known.plural)), "{known:?}");
            for short in known.short.split(' ').filter(|short| !short.is_empty()) {
                assert!(seen.insert((known.group, short)), "{known:?}");
            }
        }
    }
}
