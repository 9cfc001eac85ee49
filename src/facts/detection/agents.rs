//! Which of the known programs run where: read from pods, because a DaemonSet says how many nodes it fits and not which.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Container, PodSecurityContext, PodSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::machines::{Machine, machines};
use super::programs::{Program, Runs, SENSORS, SHIPPERS, sees_the_node};
use crate::facts::FactsError;
use crate::facts::table::read::{Readable, Reader};
use crate::facts::times::seconds_between;
use crate::model::sources::{DAEMON_SETS, PODS};
use crate::model::{Evidence, ObjectRef};

/// For how long a pod may take to become ready, or to go, before it is taken for one that does not work.
const SETTLING_SECONDS: i64 = 600;

/// What of a pod matters here.
#[derive(Debug, Deserialize)]
struct Pod {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Spec,
    status: Option<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
    containers: Vec<Container>,
    init_containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
    security_context: Option<PodSecurityContext>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    phase: Option<String>,
    container_statuses: Option<Vec<ContainerState>>,
    init_container_statuses: Option<Vec<ContainerState>>,
}

#[derive(Debug, Deserialize)]
struct ContainerState {
    name: String,
    ready: Option<bool>,
}

impl Readable for Pod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// How far one pod of a program is known to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Its container is ready.
    Ready,
    /// It was made, or is being removed, within the last minutes.
    Settling,
    /// Not for longer than that.
    NotReady,
    /// What it runs is not stored.
    Unclear,
    /// The name of its image ends like one of the program's, and is none of them: a mirror of it, or something else.
    Alike,
    /// Nothing keeps it on this node: it is no pod of a DaemonSet.
    Passing,
}

/// One container of a known program on a node.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) program: &'static str,
    /// `Kind namespace/name` of what keeps it there, or of the pod.
    pub(super) workload: String,
    pub(super) node: String,
    pub(super) state: State,
    pub(super) container: Container,
    pub(super) volumes: Vec<Volume>,
    pub(super) security: Option<PodSecurityContext>,
    /// Whether its image is known to run as root where nothing else is said.
    pub(super) image_is_root: bool,
    /// Whether it may look at what others do on its node.
    sees_the_node: bool,
    /// The pod.
    pub(super) origin: Evidence,
}

/// The template of a DaemonSet, and how many nodes it fits.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) program: &'static str,
    /// `DaemonSet namespace/name`.
    pub(super) workload: String,
    pub(super) spec: PodSpec,
}

/// What was found of one list of programs.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) agents: Vec<Agent>,
    pub(super) templates: Vec<Template>,
}

impl Found {
    /// Whether a pod that a DaemonSet keeps runs one of the programs on any node, ready or not.
    pub(super) fn runs_anywhere(&self) -> bool {
        self.agents.iter().any(|agent| matches!(agent.state, State::Ready | State::Settling | State::NotReady))
    }

    pub(super) fn on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Agent> {
        self.agents.iter().filter(move |agent| agent.node == node)
    }
}

/// Every node, the namespaces whose pods run on it, and the programs that run there.
pub(super) struct Cluster {
    pub(super) machines: BTreeMap<String, Machine>,
    pub(super) namespaces: BTreeMap<String, BTreeSet<String>>,
    /// A pod of each node, as evidence for one that was not read.
    pub(super) seen_at: BTreeMap<String, Evidence>,
    pub(super) sensors: Found,
    pub(super) shippers: Found,
}

impl Cluster {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let machines = machines(reader, SETTLING_SECONDS)?;
        let (mut sensors, mut shippers) = (Found::default(), Found::default());
        let sets = daemon_sets(reader, &mut sensors, &mut shippers)?;
        let mut namespaces: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut seen_at: BTreeMap<String, Evidence> = BTreeMap::new();
        let collected = reader.collected().to_owned();
        reader.each::<Pod>(&PODS, |pod, origin| {
            let Some(node) = pod.spec.node_name.clone().filter(|node| !node.is_empty()) else { return };
            if matches!(pod.phase(), "Succeeded" | "Failed") {
                return;
            }
            let namespace = pod.metadata.namespace.clone().unwrap_or_default();
            namespaces.entry(node.clone()).or_default().insert(namespace);
            let kept_by = pod.kept_by(&sets, machines.get(&node));
            if pod.spec.containers().any(sees_the_node) {
                let mut agents = pod.agents(SENSORS, &node, kept_by.as_ref(), &collected, &origin);
                agents.retain(|agent| agent.sees_the_node);
                sensors.agents.extend(agents);
            }
            // One that a team runs for its own logs sees nothing of the node.
            if pod.spec.volumes.iter().flatten().any(|volume| volume.host_path.is_some()) {
                shippers.agents.extend(pod.agents(SHIPPERS, &node, kept_by.as_ref(), &collected, &origin));
            }
            seen_at.entry(node).or_insert(origin);
        })?;
        for found in [&mut sensors, &mut shippers] {
            found.agents.sort_by(|a, b| (a.program, &a.workload, &a.node, a.state).cmp(&(b.program, &b.workload, &b.node, b.state)));
            found.templates.sort_by(|a, b| (a.program, &a.workload).cmp(&(b.program, &b.workload)));
        }
        Ok(Self { machines, namespaces, seen_at, sensors, shippers })
    }

    /// The subject of a row about a node, and where it was seen.
    pub(super) fn node(&self, name: &str) -> (ObjectRef, Vec<Evidence>) {
        match self.machines.get(name) {
            Some(machine) => (machine.subject.clone(), vec![machine.origin.clone()]),
            None => {
                let subject =
                    ObjectRef { kind: "Node".to_owned(), group: String::new(), namespace: None, name: name.to_owned(), uid: None };
                let seen = self.seen_at.get(name).map(|origin| origin.at("/spec/nodeName"));
                (subject, seen.into_iter().collect())
            }
        }
    }
}

/// The containers that run as long as their pod: an init container that restarts always is a sidecar (KEP-753).
fn lasting(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten().filter(|container| is_sidecar(container)))
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

impl Spec {
    /// The same of a pod.
    fn containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().chain(self.init_containers.iter().flatten().filter(|container| is_sidecar(container)))
    }
}

/// Namespace and name of every DaemonSet by uid. Those of known programs are added to what was found.
type Sets = BTreeMap<String, (String, String)>;

fn daemon_sets(reader: &Reader<'_>, sensors: &mut Found, shippers: &mut Found) -> Result<Sets, FactsError> {
    let mut sets = Sets::new();
    reader.each::<DaemonSet>(&DAEMON_SETS, |set, _| {
        let (namespace, name) = (set.metadata.namespace.unwrap_or_default(), set.metadata.name.unwrap_or_default());
        let workload = format!("DaemonSet {namespace}/{name}");
        if let Some(spec) = &set.spec.template.spec {
            for (list, found) in [(SENSORS, &mut *sensors), (SHIPPERS, &mut *shippers)] {
                let has = |program: &&Program| lasting(spec).any(|container| program.has_image(container, &name));
                found.templates.extend(list.iter().filter(has).map(|program| Template {
                    program: program.name,
                    workload: workload.clone(),
                    spec: spec.clone(),
                }));
            }
        }
        if let Some(uid) = set.metadata.uid {
            sets.insert(uid, (namespace, name));
        }
    })?;
    Ok(sets)
}

/// What keeps a pod on its node: the name of its DaemonSet, or none for the copy of a static pod, which a kubelet keeps.
struct KeptBy {
    workload: String,
    name: String,
}

impl Pod {
    fn phase(&self) -> &str {
        self.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("")
    }

    /// By an object that was read, with the uid that the pod says: anybody may write a name.
    fn kept_by(&self, sets: &Sets, machine: Option<&Machine>) -> Option<KeptBy> {
        let owner = self.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
        let namespace = self.metadata.namespace.as_deref().unwrap_or("");
        if owner.kind == "DaemonSet" && owner.api_version.starts_with("apps/") {
            let (of, name) = sets.get(&owner.uid)?;
            return (of == namespace).then(|| KeptBy { workload: format!("DaemonSet {namespace}/{name}"), name: name.clone() });
        }
        let of_node = owner.kind == "Node" && owner.api_version == "v1";
        let same = machine.is_some_and(|machine| machine.subject.uid.as_deref() == Some(owner.uid.as_str()));
        let name = self.metadata.name.clone().unwrap_or_default();
        (of_node && same).then(|| KeptBy { workload: format!("static Pod {namespace}/{name}"), name: String::new() })
    }

    fn agents(&self, list: &'static [Program], node: &str, kept_by: Option<&KeptBy>, collected: &str, origin: &Evidence) -> Vec<Agent> {
        let workload_name = kept_by.map_or("", |by| by.name.as_str());
        let mut agents = Vec::new();
        let all: Vec<&Container> = self.spec.containers().collect();
        for container in self.spec.containers() {
            let is_known = list.iter().any(|program| program.has_image(container, workload_name));
            let fits = |program: &&Program| program.has_image(container, workload_name) || (!is_known && program.resembles(container));
            for program in list.iter().filter(fits) {
                let state = match (program.runs(container), kept_by) {
                    (Runs::SomethingElse, _) => continue,
                    (_, None) => State::Passing,
                    (_, Some(_)) if !is_known => State::Alike,
                    (Runs::Unclear, Some(_)) => State::Unclear,
                    (Runs::Itself, Some(_)) => self.state(&container.name, collected),
                };
                agents.push(Agent {
                    program: program.name,
                    workload: kept_by.map_or_else(|| self.display(), |by| by.workload.clone()),
                    node: node.to_owned(),
                    state,
                    container: container.clone(),
                    volumes: self.spec.volumes.clone().unwrap_or_default(),
                    security: self.spec.security_context.clone(),
                    image_is_root: program.is_root(container),
                    sees_the_node: program.looks_at_the_node(container, &all, workload_name),
                    origin: origin.clone(),
                });
            }
        }
        agents
    }

    fn display(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        format!("Pod {}/{}", part(&self.metadata.namespace), part(&self.metadata.name))
    }

    /// What the kubelet says of the container itself: a pod has others, whose state says nothing of this one.
    fn state(&self, container: &str, collected: &str) -> State {
        let recent = |time: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
            let seconds = time.and_then(|time| seconds_between(&time.0.to_string(), collected));
            seconds.is_some_and(|seconds| seconds < SETTLING_SECONDS)
        };
        if let Some(going) = &self.metadata.deletion_timestamp {
            return if recent(Some(going)) { State::Settling } else { State::NotReady };
        }
        let states =
            self.status.iter().flat_map(|status| status.container_statuses.iter().chain(&status.init_container_statuses).flatten());
        let ready = states.into_iter().any(|state| state.name == container && state.ready == Some(true));
        match (self.phase() == "Running" && ready, recent(self.metadata.creation_timestamp.as_ref())) {
            (true, _) => State::Ready,
            (false, true) => State::Settling,
            (false, false) => State::NotReady,
        }
    }
}
