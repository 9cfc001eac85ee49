//! Settings of network plugins, each from the one place where it stands.

use core::net::IpAddr;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Node};
use serde_json::Value;

use super::cilium::{NodeConfig, node_configs};
use crate::facts::context::Context;
use crate::facts::table::read::Reader;
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    AMAZON_CONFIG, ANTREA_CONFIG, CILIUM_CONFIG, FELIX_API_CONFIGURATIONS, FELIX_CONFIGURATIONS, FLANNEL_CONFIG, FLANNEL_SYSTEM_CONFIG,
    NODES, OPENSHIFT_NETWORKS, PODS,
};
use crate::model::{Evidence, Grade, ObjectRef, SourceId, Unseen};

/// A ConfigMap, or nothing where there is none; unknown where it was not read.
pub(super) type Map = Known<Option<(BTreeMap<String, String>, Evidence)>>;
/// Objects with where they stand; unknown where they were not all read.
pub(super) type Objects = Known<Vec<(Value, Evidence)>>;

/// What may matter for one plugin or another.
pub(super) struct Settings {
    pub(super) nodes: Vec<NodeFacts>,
    /// Why nodes may be missing.
    pub(super) nodes_gap: Option<Unseen>,
    /// Whether a pod that is not on the node's network has an address of IPv4, and one of IPv6.
    pub(super) pod_families: [bool; 2],
    /// Why pods may be missing.
    pub(super) pods_gap: Option<Unseen>,
    pub(super) amazon: Map,
    pub(super) cilium: Map,
    pub(super) flannel: Map,
    pub(super) flannel_system: Map,
    pub(super) antrea: Map,
    /// CiliumNodeConfigs.
    pub(super) cilium_nodes: Known<Vec<NodeConfig>>,
    pub(super) felix: Objects,
    /// Whether these are the objects that Calico stores in the cluster, and not what its API shows of a datastore of its own.
    pub(super) felix_stored: bool,
    pub(super) openshift: Objects,
}

/// What network plugins write on a node.
pub(super) struct NodeFacts {
    pub(super) subject: ObjectRef,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Whether its kubelet says that it is, or says nothing.
    pub(super) ready: bool,
    pub(super) origin: Evidence,
}

impl NodeFacts {
    pub(super) fn name(&self) -> &str {
        &self.subject.name
    }
}

impl Settings {
    pub(super) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let mut nodes = Vec::new();
        reader.each::<Node>(&NODES, |node, origin| {
            let subject = ObjectRef {
                kind: "Node".to_owned(),
                group: String::new(),
                namespace: None,
                name: node.metadata.name.clone().unwrap_or_default(),
                uid: node.metadata.uid.clone(),
            };
            let written = |texts: Option<BTreeMap<String, String>>| texts.unwrap_or_default();
            let (annotations, labels) = (written(node.metadata.annotations), written(node.metadata.labels));
            let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
            let ready = conditions.filter(|one| one.type_ == "Ready").all(|one| one.status == "True");
            nodes.push(NodeFacts { subject, annotations, labels, ready, origin });
        })?;
        // Calico's own API shows the objects that it stores a second time.
        let stored = objects(reader, &FELIX_CONFIGURATIONS)?;
        let felix_stored = stored.known().is_some_and(|found| !found.is_empty());
        let felix = match (stored, objects(reader, &FELIX_API_CONFIGURATIONS)?) {
            (Known::Known(found), _) | (_, Known::Known(found)) if !found.is_empty() => Known::Known(found),
            (Known::Unknown(unseen), _) | (_, Known::Unknown(unseen)) => Known::Unknown(unseen),
            (none, _) => none,
        };
        let pods = context.pods()?;
        let has = |family: fn(&IpAddr) -> bool| {
            let groups = pods.iter().filter(|group| !group.host_network && !group.is_finished());
            groups.flat_map(|group| group.addresses.iter().flatten()).any(family)
        };
        let pods_gap = match reader.known_if_complete(&PODS, || ()) {
            Known::Known(()) => None,
            Known::Unknown(unseen) => Some(unseen),
        };
        Ok(Self {
            nodes,
            nodes_gap: reader.gap(&NODES),
            pod_families: [has(IpAddr::is_ipv4), has(IpAddr::is_ipv6)],
            pods_gap,
            amazon: config_map(reader, &AMAZON_CONFIG)?,
            cilium: config_map(reader, &CILIUM_CONFIG)?,
            flannel: config_map(reader, &FLANNEL_CONFIG)?,
            flannel_system: config_map(reader, &FLANNEL_SYSTEM_CONFIG)?,
            antrea: config_map(reader, &ANTREA_CONFIG)?,
            cilium_nodes: node_configs(reader)?,
            felix,
            felix_stored,
            openshift: objects(reader, &OPENSHIFT_NETWORKS)?,
        })
    }
}

fn config_map(reader: &Reader<'_>, source: &SourceId) -> Result<Map, FactsError> {
    let mut found = None;
    reader.each_stored(source, |stored| match serde_json::from_str::<ConfigMap>(&stored.json) {
        Ok(map) => {
            let origin = reader.origin(source, &map.metadata, &stored, Grade::EffectiveConfiguration);
            found = Some((map.data.unwrap_or_default(), origin.at("/data")));
        }
        Err(error) => reader.not_understood(source, &stored, &error.to_string()),
    })?;
    Ok(reader.known_if_complete(source, || found))
}

fn objects(reader: &Reader<'_>, source: &SourceId) -> Result<Objects, FactsError> {
    let mut found = Vec::new();
    reader.each_stored(source, |stored| {
        let meta = serde_json::from_str::<crate::facts::table::read::MetaOnly>(&stored.json);
        match (meta, serde_json::from_str::<Value>(&stored.json)) {
            (Ok(meta), Ok(value)) => {
                let origin = reader.origin(source, &meta.metadata, &stored, Grade::EffectiveConfiguration);
                found.push((value, origin));
            }
            (Err(error), _) | (_, Err(error)) => reader.not_understood(source, &stored, &error.to_string()),
        }
    })?;
    Ok(reader.known_if_complete(source, || found))
}
