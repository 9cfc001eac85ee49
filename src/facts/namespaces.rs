use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;

use super::pod_security::{How, Level, ModePolicy, PolicyVersion, namespace_policy};
use super::table::read::Reader;
use super::table::schema::{Row, table};
use super::workloads::containers::sorted_owned;
use super::{FactsError, Known};
use crate::model::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, NAMESPACES, NODES, POD_OWNERS, PODS, SERVERS_SEEN, VERSION};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per namespace, with its Pod Security labels as they stand and as the server reads them.
    pub struct NamespaceRow as "namespaces" counting "namespaces" from [NAMESPACES] {
        /// Name.
        name: String, at "/metadata/name";
        /// `Active` or `Terminating`.
        phase: String, at "/status/phase";
        /// Whether it is one of kube-system, kube-public and kube-node-lease.
        system: bool, at "/metadata/name";
        /// Value of the label `pod-security.kubernetes.io/enforce`; empty when it is not set.
        enforce: String, at "/metadata/labels/pod-security.kubernetes.io~1enforce";
        /// Value of the label `pod-security.kubernetes.io/enforce-version`; empty when it is not set: then
        /// the server's default counts, which is `latest` unless its AdmissionConfiguration says otherwise.
        enforce_version: String, at "/metadata/labels/pod-security.kubernetes.io~1enforce-version";
        /// Value of the label `pod-security.kubernetes.io/audit`; empty when it is not set.
        audit: String, at "/metadata/labels/pod-security.kubernetes.io~1audit";
        /// Value of the label `pod-security.kubernetes.io/audit-version`; empty when it is not set.
        audit_version: String, at "/metadata/labels/pod-security.kubernetes.io~1audit-version";
        /// Value of the label `pod-security.kubernetes.io/warn`; empty when it is not set.
        warn: String, at "/metadata/labels/pod-security.kubernetes.io~1warn";
        /// Value of the label `pod-security.kubernetes.io/warn-version`; empty when it is not set.
        warn_version: String, at "/metadata/labels/pod-security.kubernetes.io~1warn-version";
        /// The level that the server enforces: a label that it does not accept counts as `restricted`. Unknown without a label,
        /// because the server's default stands in a file on its host (AdmissionConfiguration).
        enforce_effective: Known<&'static str>, at "/metadata/labels/pod-security.kubernetes.io~1enforce";
        /// The minor version of the rules that the server applies: the label's, but never newer than the server. Without a label unknown where
        /// an API server is given an AdmissionConfiguration file, or where that cannot be seen.
        enforce_effective_minor: Known<Option<i64>>, at "/metadata/labels/pod-security.kubernetes.io~1enforce-version", needs [FLAGZ, KUBEADM_CONFIG, LEASES, NODES, PODS, VERSION];
        /// Why nothing of the level baseline or above is enforced by its label, in words: it has none, or `privileged`, or the API server has
        /// the admission plugin PodSecurity, which alone acts on labels, switched off. Empty where its label is enforced; unknown where
        /// not every API server is seen to run the plugin.
        unenforced: Known<String>, at "/metadata/labels/pod-security.kubernetes.io~1enforce", consulting [] + SERVERS_SEEN;
        /// All labels as `key=value`, sorted.
        labels: Vec<String>, at "/metadata/labels";
        /// Number of pods in it.
        pods: Known<i64>, needs [PODS];
        /// Number of workloads that have pods in it.
        workloads: Known<i64>, needs [] + POD_OWNERS;
        /// Whether it is being deleted.
        finalizing: bool, at "/metadata/deletionTimestamp";
    }
}

/// What each namespace's label enforces, at which version of the rules; namespaces without the label are absent.
pub(super) type EnforcedLevels = BTreeMap<String, (Level, PolicyVersion)>;

/// Namespaces that belong to Kubernetes itself.
pub const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// What decides at the API server what labels mean.
pub(super) struct Server<'a> {
    pub(super) minor: &'a Known<u32>,
    /// Whether it reads an AdmissionConfiguration.
    pub(super) file: Known<bool>,
    /// Whether the plugin runs that acts on labels.
    pub(super) plugin: Known<bool>,
}

/// All namespaces as read, before rows are made of them.
pub(super) struct Namespaces {
    objects: Vec<(Namespace, Evidence)>,
}

impl Namespaces {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut objects = Vec::new();
        reader.each::<Namespace>(&NAMESPACES, |namespace, origin| objects.push((namespace, origin)))?;
        Ok(Self { objects })
    }

    /// Every namespace that was read.
    pub(super) fn objects(&self) -> &[(Namespace, Evidence)] {
        &self.objects
    }

    /// Name, labels, uid and place of every namespace that was read.
    pub(super) fn each(&self) -> impl Iterator<Item = (String, BTreeMap<String, String>, Option<String>, Evidence)> {
        self.objects.iter().filter_map(|(namespace, origin)| {
            let metadata = &namespace.metadata;
            Some((metadata.name.clone()?, metadata.labels.clone().unwrap_or_default(), metadata.uid.clone(), origin.clone()))
        })
    }

    /// Name and labels of every namespace that was read.
    pub(super) fn labels(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let entry = |(namespace, _): &(Namespace, Evidence)| {
            Some((namespace.metadata.name.clone()?, namespace.metadata.labels.clone().unwrap_or_default()))
        };
        self.objects.iter().filter_map(entry).collect()
    }

    /// What the labels enforce on a server of that minor version.
    pub(super) fn enforced(&self, server_minor: u32) -> EnforcedLevels {
        self.labels()
            .into_iter()
            .map(|(name, labels)| (name, namespace_policy(&labels, server_minor).enforce))
            .filter(|(_, mode)| mode.level_how != How::DefaultedUnset)
            .map(|(name, mode)| (name, (mode.level, mode.applied)))
            .collect()
    }

    /// The rows; `pods` counts pods and workloads per namespace.
    pub(super) fn rows(&self, server: &Server<'_>, pods: &Known<BTreeMap<String, (i64, i64)>>) -> Vec<Row> {
        self.objects.iter().cloned().map(|(namespace, origin)| row(namespace, origin, server, pods)).collect()
    }
}

/// The server's default version of the rules stands in a file that the API does not show.
fn default_not_seen() -> Unseen {
    Unseen::not_visible(
        "by the rules of which version Pod Security is enforced where no label says it",
        "the API server is given an AdmissionConfiguration file, which may set another default than the newest rules",
        "Ask the operators of the control plane for the PodSecurity section of that file, or set the label enforce-version.",
    )
}

/// Why the label of each namespace enforces nothing of the level baseline or above; empty where it does.
pub(super) fn unenforced_by_label(namespaces: &Namespaces, plugin: &Known<bool>) -> BTreeMap<String, Known<String>> {
    let of = |(name, labels): (String, BTreeMap<String, String>)| {
        let written = labels.get("pod-security.kubernetes.io/enforce").map_or("", String::as_str).to_owned();
        let why = unenforced(&namespace_policy(&labels, 0).enforce, &written, plugin);
        (name, why)
    };
    namespaces.labels().into_iter().map(of).collect()
}

/// Why the label of a namespace enforces nothing of the level baseline or above.
fn unenforced(enforce: &ModePolicy, written: &str, plugin: &Known<bool>) -> Known<String> {
    if enforce.level_how == How::DefaultedUnset {
        return Known::Known("it has no label pod-security.kubernetes.io/enforce".to_owned());
    }
    if enforce.level == Level::Privileged {
        return Known::Known(format!("its label pod-security.kubernetes.io/enforce says {written}, which refuses nothing"));
    }
    plugin.clone().map(|runs| match runs {
        true => String::new(),
        false => format!("the API server has the admission plugin PodSecurity switched off, so that its label {written} refuses nothing"),
    })
}

fn row(namespace: Namespace, origin: Evidence, server: &Server<'_>, pods: &Known<BTreeMap<String, (i64, i64)>>) -> Row {
    let name = namespace.metadata.name.clone().unwrap_or_default();
    let labels = namespace.metadata.labels.unwrap_or_default();
    let label = |mode: &str| labels.get(&format!("pod-security.kubernetes.io/{mode}")).cloned().unwrap_or_default();
    // The level never depends on the server's version, only the rules behind it do.
    let enforce: ModePolicy = namespace_policy(&labels, 0).enforce;
    let enforce_effective = match enforce.level_how {
        How::DefaultedUnset => Known::Unknown(Unseen::not_visible(
            format!("the Pod Security level in force in the namespace {name}"),
            "it has no enforce label, and the server's default stands in its AdmissionConfiguration file, which the API does not show",
            "Ask the operators of the control plane for the PodSecurity section of the AdmissionConfiguration file, or set the label.",
        )),
        _ => Known::Known(enforce.level.as_str()),
    };
    let enforce_effective_minor = match enforce.level_how {
        How::DefaultedUnset => Known::Known(None),
        _ => {
            let minor = server.minor.clone().map(|minor| match namespace_policy(&labels, minor).enforce.applied {
                PolicyVersion::V1(minor) => i64::try_from(minor).ok(),
                PolicyVersion::Latest => None,
            });
            match (&enforce.version_how, &server.file) {
                (How::DefaultedUnset, Known::Known(true)) => Known::Unknown(default_not_seen()),
                (How::DefaultedUnset, Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
                _ => minor,
            }
        }
    };
    let typed = NamespaceRow {
        phase: namespace.status.and_then(|status| status.phase).unwrap_or_default(),
        system: SYSTEM_NAMESPACES.contains(&name.as_str()),
        enforce: label("enforce"),
        enforce_version: label("enforce-version"),
        audit: label("audit"),
        audit_version: label("audit-version"),
        warn: label("warn"),
        warn_version: label("warn-version"),
        enforce_effective,
        enforce_effective_minor,
        unenforced: unenforced(&enforce, &label("enforce"), &server.plugin),
        pods: pods.as_ref().map(|counts| counts.get(&name).map_or(0, |count| count.0)),
        workloads: pods.as_ref().map(|counts| counts.get(&name).map_or(0, |count| count.1)),
        finalizing: namespace.metadata.deletion_timestamp.is_some(),
        labels: sorted_owned(labels.iter().map(|(key, value)| format!("{key}={value}"))),
        name: name.clone(),
    };
    let subject =
        ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: name.clone(), uid: namespace.metadata.uid };
    Row::new(name.clone(), subject, vec![origin], typed).in_namespace(Some(name))
}
