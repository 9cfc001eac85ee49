//! What is read from a cluster, how much of it, and why: the one list from which the requests, the shipped ClusterRoles,
//! `preflight`, `permissions` and the documentation come.

// What is read for each subject, as the folders of `facts/` name them.
mod admission;
mod exposure;
mod identity;
mod image;
mod mesh;
mod namespaces;
mod network;
mod nodes;
mod rbac;
mod runtime;
mod secrets;
mod settings;
mod storage;
mod workloads;

mod beside;
mod config_keys;
mod entries;
mod fragments;
mod manifests;
mod rights;

use std::sync::OnceLock;

pub(super) use beside::is_unknown;
pub use config_keys::{ConfigKey, ConfigText};
pub(super) use fragments::fragment;
pub use manifests::{ManifestNames, manifests, missing_manifests};
pub use rights::{AccessRules, access_rules};

use crate::model::{AccessRule, SourceId};

/// How a source is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A list over the whole cluster.
    Everywhere,
    /// A list in one namespace.
    In(&'static str),
    /// Every kind that a group serves: users define them.
    KindsOf,
    /// One ConfigMap by name.
    ConfigMap,
    /// A URL of the API server; the accepted media type decides the answer's form.
    Url {
        /// `Accept`.
        accept: &'static str,
    },
    /// A question about the identity that asks (`create` of a review that is answered and never stored).
    SelfReview,
    /// One request without credentials.
    Anonymous,
}

/// How much of a source enters the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// The fields that the allow-list names (see [`super::redact`]).
    Fields(&'static str),
    /// `metadata` only: the server is asked for no more (`PartialObjectMetadataList`).
    Metadata,
    /// The keys of a ConfigMap that are listed with it.
    Keys(&'static [ConfigKey]),
    /// Known families of metrics, one line per series.
    Series,
    /// The status code of the answer, and whether a Kubernetes API gave it.
    Status,
}

/// Which of the two shipped ClusterRoles holds the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What every cluster has.
    Core,
    /// What is installed beside it.
    Addons,
}

/// One source.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub source: SourceId,
    /// The kind of its objects; empty where they have none.
    pub kind: &'static str,
    /// API versions that the allow-list was written for, best first.
    pub versions: &'static [&'static str],
    /// How it is asked for.
    pub reach: Reach,
    /// How much of it is stored.
    pub amount: Amount,
    /// Which role holds the right.
    pub part: Part,
    /// Every Kubernetes that is in use serves the resource: where discovery does not list it, discovery is wrong.
    pub always: bool,
    /// Why it is read.
    pub why: &'static str,
}

impl Entry {
    /// The rule that allows reading it; `None` for what needs no rule of its own.
    pub fn rule(&self) -> Option<AccessRule> {
        let mut rule = AccessRule {
            verbs: vec!["list".to_owned()],
            api_groups: Vec::new(),
            resources: Vec::new(),
            resource_names: Vec::new(),
            non_resource_urls: Vec::new(),
            namespace: None,
        };
        match self.reach {
            Reach::SelfReview | Reach::Anonymous => return None,
            Reach::Url { .. } => {
                rule.verbs = vec!["get".to_owned()];
                rule.non_resource_urls = vec![self.source.resource().to_owned()];
                return Some(rule);
            }
            Reach::Everywhere | Reach::KindsOf => {}
            Reach::In(namespace) => rule.namespace = Some(namespace.to_owned()),
            Reach::ConfigMap => {
                let (namespace, name) = self.source.object()?;
                rule.verbs = vec!["get".to_owned()];
                rule.namespace = Some(namespace.to_owned());
                rule.resource_names = vec![name.to_owned()];
            }
        }
        rule.api_groups = vec![self.source.api_group().to_owned()];
        rule.resources = vec![self.source.resource().to_owned()];
        Some(rule)
    }

    /// Whether discovery says if the cluster has it: true for resources, false for URLs and questions.
    pub fn is_resource(&self) -> bool {
        matches!(self.reach, Reach::Everywhere | Reach::In(_) | Reach::KindsOf | Reach::ConfigMap)
    }

    /// The path of the request, for the given API version.
    pub fn path(&self, version: &str) -> String {
        let group = match self.source.api_group() {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        let resource = self.source.resource();
        match (self.reach, self.source.object()) {
            (Reach::Url { .. }, _) => resource.to_owned(),
            (Reach::Anonymous, _) => "/api/v1/namespaces?limit=1".to_owned(),
            (Reach::ConfigMap, Some((namespace, name))) => format!("{group}/namespaces/{namespace}/{resource}/{name}"),
            (Reach::In(namespace), _) => format!("{group}/namespaces/{namespace}/{resource}"),
            _ => format!("{group}/{resource}"),
        }
    }
}

/// The whole inventory, sorted by source.
pub fn inventory() -> &'static [Entry] {
    static ALL: OnceLock<Vec<Entry>> = OnceLock::new();
    ALL.get_or_init(|| {
        let subjects = [
            admission::entries,
            exposure::entries,
            identity::entries,
            image::entries,
            mesh::entries,
            namespaces::entries,
            network::entries,
            nodes::entries,
            rbac::entries,
            runtime::entries,
            secrets::entries,
            settings::entries,
            storage::entries,
            workloads::entries,
        ];
        let mut all: Vec<Entry> = subjects.iter().flat_map(|entries| entries()).collect();
        all.sort_by(|a, b| a.source.cmp(&b.source));
        all
    })
}

/// The entry of a source; a kind that users define falls under the entry of its group.
pub fn entry(source: &SourceId) -> Option<&'static Entry> {
    inventory()
        .iter()
        .find(|entry| &entry.source == source)
        .or_else(|| inventory().iter().find(|entry| entry.reach == Reach::KindsOf && entry.source.api_group() == source.api_group()))
}

/// The allow-list of what is stored as metadata only.
pub const METADATA: &str = "metadata{$meta}";

/// That of the metadata of ConfigMaps that are read by name: whoever runs may have read them before they were changed.
pub const CONFIG_METADATA: &str = "metadata{$meta managedFields{time}}";
