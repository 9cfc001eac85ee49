//! Settings of network plugins, each from the one place where it stands.

use core::net::IpAddr;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Node};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::cilium::{NodeConfig, node_configs};
use crate::facts::agents::Agent;
use crate::facts::context::Context;
use crate::facts::table::read::Reader;
use crate::facts::times::{Change, apart};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    AMAZON_CONFIG, ANTREA_CONFIG, CILIUM_CONFIG, FELIX_API_CONFIGURATIONS, FELIX_CONFIGURATIONS, FLANNEL_CONFIG, FLANNEL_SYSTEM_CONFIG,
    NODES, OPENSHIFT_NETWORKS, PODS,
};
use crate::model::{Evidence, Grade, Judged, ObjectRef, SourceId, Unseen};

/// A ConfigMap, or nothing where there is none; unknown where it was not read.
pub(super) type Map = Known<Option<(BTreeMap<String, String>, Evidence)>>;
/// Objects with where they stand; unknown where they were not all read.
pub(super) type Objects = Known<Vec<(Value, Evidence)>>;

/// What may matter for one plugin or another.
pub(super) struct Settings {
    pub(super) nodes: Vec<NodeFacts>,
    /// Why nodes may be missing.
    pub(super) nodes_gap: Option<Unseen>,
    /// Whether the VPC CNI of Amazon connects pods.
    pub(super) vpc_cni: bool,
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
    /// When each ConfigMap was last changed.
    changes: BTreeMap<SourceId, Change>,
    /// By the agents that were found: when the oldest pod of each was made; nothing where none was seen.
    started: BTreeMap<ObjectRef, Known<Option<Time>>>,
    /// Why nothing is known of changes, in a snapshot that does not tell.
    changes_unjudged: Option<Unseen>,
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
    /// `agents` are those that were found.
    pub(super) fn read(context: &Context<'_>, agents: &[Agent]) -> Result<Self, FactsError> {
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
        let mut changes = BTreeMap::new();
        let mut map = |source: &SourceId| config_map(reader, source, &mut changes);
        Ok(Self {
            nodes,
            nodes_gap: reader.gap(&NODES),
            vpc_cni: agents.iter().any(|agent| agent.engine == "Amazon VPC CNI"),
            pod_families: [has(IpAddr::is_ipv4), has(IpAddr::is_ipv6)],
            pods_gap,
            amazon: map(&AMAZON_CONFIG)?,
            cilium: map(&CILIUM_CONFIG)?,
            flannel: map(&FLANNEL_CONFIG)?,
            flannel_system: map(&FLANNEL_SYSTEM_CONFIG)?,
            antrea: map(&ANTREA_CONFIG)?,
            cilium_nodes: node_configs(reader)?,
            felix,
            felix_stored,
            openshift: objects(reader, &OPENSHIFT_NETWORKS)?,
            started: started(context, agents)?,
            changes_unjudged: reader.unjudged(Judged::Changes),
            changes,
        })
    }
}

/// How many seconds may lie between the objects of one installation.
const INSTALLATION: i64 = 600;

impl Settings {
    /// That agents which read a ConfigMap when they start run with what stands in it now.
    pub(super) fn is_in_effect(&self, agent: &Agent, source: &SourceId) -> Result<(), Unseen> {
        let name = source.object().map_or_else(String::new, |(namespace, name)| format!("the ConfigMap {namespace}/{name}"));
        self.changes.get(source).map_or(Ok(()), |change| self.began_after(agent, &name, change, true))
    }

    /// The same of any object. A DaemonSet does not start its pods anew when what they read is changed (Cilium, *ConfigMap drift detection*
    /// and *per-node configuration*; Antrea and Flannel mount theirs and read it once).
    pub(super) fn began_after(&self, agent: &Agent, what: &str, change: &Change, waited_for: bool) -> Result<(), Unseen> {
        let unseen = |why: String| {
            let how = format!("Ask for the settings that the agents run with, or restart the DaemonSet {}.", agent.display());
            Unseen::not_visible(format!("the settings with which the agents of {} run", agent.engine), why, how)
        };
        let (changed, made) = match change {
            Change::Timeless => return Ok(()),
            _ if self.changes_unjudged.is_some() => return self.changes_unjudged.clone().map_or(Ok(()), Err),
            Change::Untold => {
                return Err(unseen(format!("{what} does not say when it was last changed, and agents read it only when they start")));
            }
            Change::At { last, made } => (last, made),
        };
        // No pod is older than the DaemonSet that made it; and where the one was made with the other and not changed since, the pods waited
        // for it: no container starts without the ConfigMap that its pod mounts, or that it asks for.
        let within = |from: &Time, to: &Time, most: i64| apart(from, to).is_some_and(|seconds| seconds <= most);
        if let Some(agents) = &agent.metadata.creation_timestamp
            && (changed.0 <= agents.0
                || waited_for && made.as_ref().is_some_and(|made| within(made, changed, 2) && within(agents, made, INSTALLATION)))
        {
            return Ok(());
        }
        match self.started.get(&agent.subject) {
            Some(Known::Unknown(gap)) => Err(gap.clone()),
            Some(Known::Known(Some(oldest))) if changed.0 <= oldest.0 => Ok(()),
            Some(Known::Known(Some(_))) => Err(unseen(format!(
                "{what} was changed after agents were started that are still there, and they read it only when they start"
            ))),
            Some(Known::Known(None)) | None => {
                Err(unseen(format!("{what} was changed after the DaemonSet {} was made, and no pod of it was seen", agent.display())))
            }
        }
    }
}

/// When the oldest pod of each agent was made.
fn started(context: &Context<'_>, agents: &[Agent]) -> Result<BTreeMap<ObjectRef, Known<Option<Time>>>, FactsError> {
    let mut all = BTreeMap::new();
    for agent in agents {
        let own = |workload: &ObjectRef| {
            let named = |of: &ObjectRef| (of.kind.clone(), of.namespace.clone(), of.name.clone());
            workload.uid == agent.subject.uid && named(workload) == named(&agent.subject)
        };
        let pods = context.pods()?.iter().filter(|group| group.pods > 0 && !group.is_finished() && own(&group.workload));
        let oldest = pods.filter_map(|group| group.oldest.clone()).min_by(|a, b| a.0.cmp(&b.0));
        all.insert(agent.subject.clone(), context.reader.known_in(agent.namespace(), &PODS, || oldest));
    }
    Ok(all)
}

fn config_map(reader: &Reader<'_>, source: &SourceId, changes: &mut BTreeMap<SourceId, Change>) -> Result<Map, FactsError> {
    let mut found = None;
    reader.each_stored(source, |stored| match serde_json::from_str::<ConfigMap>(&stored.json) {
        Ok(map) => {
            let origin = reader.origin(source, &map.metadata, &stored, Grade::EffectiveConfiguration);
            changes.insert(source.clone(), Change::last(&map.metadata));
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
