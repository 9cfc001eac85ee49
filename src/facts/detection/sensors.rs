use std::collections::BTreeSet;

use super::agents::{Agent, Cluster, Found, State};
use crate::facts::Known;
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{DAEMON_SETS, NODES, PODS};
use crate::model::{Evidence, Unseen};

table! {
    /// One row per node, and per node that only a pod names: whose pods run on it, and which runtime sensors watch it. A sensor is a container
    /// that runs a program of a list (docs: `detection/sensor-on-node`) from an image of that program's name, may look at the node (it is
    /// privileged or has a capability for it), and is kept there by a DaemonSet or a kubelet. It counts while it is ready. Names of pods and
    /// containers say nothing.
    pub struct NodeSensorRow as "node_sensors" counting "nodes" from [NODES, PODS, DAEMON_SETS] {
        /// Name of the node.
        node: String, at "/metadata/name";
        /// Namespaces of the pods that are bound to it and have not finished, sorted.
        namespaces: Known<Vec<String>>;
        /// Sensors of which a pod is ready there, sorted. Unknown on virtual nodes, on nodes with Windows and on nodes that are not ready; where
        /// a pod has been starting or going, or the node has been there, for less than ten minutes; where what a pod runs is not stored, or its
        /// image only has a name that ends alike; and on every node where no known sensor runs anywhere: one may run outside of Kubernetes.
        sensors: Known<Vec<String>>;
        /// Sensors of which there is a pod that is not ready, sorted.
        not_ready: Vec<String>;
        /// What keeps the sensors there, as `DaemonSet namespace/name`, sorted.
        workloads: Vec<String>;
        /// What is there or is not, as a sentence about the node goes on.
        why: String;
    }
}

/// How many reasons why a DaemonSet leaves a node out are said.
const REASONS: usize = 2;

/// The rows of the table.
pub(super) fn rows(context: &Context<'_>, cluster: &Cluster) -> Vec<Row> {
    let names: BTreeSet<&String> = cluster.machines.keys().chain(cluster.namespaces.keys()).collect();
    let judge = Judge::new(context, cluster);
    names.into_iter().map(|name| judge.row(name)).collect()
}

struct Judge<'a> {
    cluster: &'a Cluster,
    pods_read: Known<()>,
    nodes_read: Known<()>,
    sets_read: Known<()>,
    /// Why nothing is known of any node, where no sensor was found.
    nowhere: Option<Unseen>,
    /// `Falco, which watches 2 of 3 nodes`.
    elsewhere: String,
}

impl<'a> Judge<'a> {
    fn new(context: &Context<'_>, cluster: &'a Cluster) -> Self {
        let complete = |source| context.reader.known_if_complete(source, || ());
        let sensors = &cluster.sensors;
        Self {
            cluster,
            pods_read: complete(&PODS),
            nodes_read: complete(&NODES),
            sets_read: complete(&DAEMON_SETS),
            nowhere: (!sensors.runs_anywhere()).then(|| nowhere(sensors)),
            elsewhere: elsewhere(sensors, cluster.machines.len().max(cluster.namespaces.len())),
        }
    }

    fn row(&self, name: &str) -> Row {
        let here: Vec<&Agent> = self.cluster.sensors.on(name).collect();
        let named =
            |state: State| -> BTreeSet<&str> { here.iter().filter(|agent| agent.state == state).map(|agent| agent.program).collect() };
        let (ready, waiting) = (named(State::Ready), named(State::NotReady));
        let not_ready: Vec<String> = waiting.difference(&ready).map(|name| (*name).to_owned()).collect();
        let workloads: BTreeSet<&String> =
            here.iter().filter(|agent| matches!(agent.state, State::Ready | State::NotReady)).map(|agent| &agent.workload).collect();
        let of_node = self.cluster.namespaces.get(name);
        let typed = NodeSensorRow {
            node: name.to_owned(),
            namespaces: match &self.pods_read {
                Known::Known(()) => Known::Known(of_node.into_iter().flatten().cloned().collect()),
                Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
            },
            why: self.why(name, &ready, &not_ready),
            sensors: self.sensors(name, &here, &ready),
            not_ready,
            workloads: workloads.into_iter().cloned().collect(),
        };
        let (subject, origins) = self.cluster.node(name);
        let watching: Vec<Evidence> = here.iter().filter(|agent| agent.state == State::Ready).map(|agent| agent.origin.clone()).collect();
        Row::new(name.to_owned(), subject, origins, typed).evidenced("sensors", watching)
    }

    fn sensors(&self, name: &str, here: &[&Agent], ready: &BTreeSet<&str>) -> Known<Vec<String>> {
        if let Known::Unknown(unseen) = &self.sets_read {
            return Known::Unknown(unseen.clone());
        }
        let closed = match (self.cluster.machines.get(name), &self.nodes_read) {
            (Some(machine), _) => machine.closed("runtime sensors"),
            (None, Known::Unknown(unseen)) => Some(unseen.clone()),
            (None, Known::Known(())) => Some(Unseen::read_failed(
                format!("the node {name}"),
                "pods are bound to it, and it was not among the nodes that were read: it was made or removed during collection",
                "Collect again.",
            )),
        };
        if let Some(unseen) = closed {
            return Known::Unknown(unseen);
        }
        if !ready.is_empty() {
            return Known::Known(ready.iter().map(|name| (*name).to_owned()).collect());
        }
        if let Known::Unknown(unseen) = &self.pods_read {
            return Known::Unknown(unseen.clone());
        }
        let settling = || self.cluster.machines.get(name).and_then(|machine| machine.settling("runtime sensors"));
        match here.iter().find_map(|agent| unsettled(agent, name)).or_else(settling).or_else(|| self.nowhere.clone()) {
            Some(unseen) => Known::Unknown(unseen),
            None => Known::Known(Vec::new()),
        }
    }

    fn why(&self, name: &str, ready: &BTreeSet<&str>, not_ready: &[String]) -> String {
        let list = |names: Vec<&str>| names.join(" and ");
        if !ready.is_empty() {
            return format!("is watched by {}", list(ready.iter().copied().collect()));
        }
        if !not_ready.is_empty() {
            return format!("has a pod of {} that is not ready", list(not_ready.iter().map(String::as_str).collect()));
        }
        let perhaps: BTreeSet<&str> = self.cluster.sensors.on(name).map(|agent| agent.program).collect();
        if !perhaps.is_empty() {
            return format!("has a pod that may be of {}", list(perhaps.into_iter().collect()));
        }
        let machine = self.cluster.machines.get(name);
        let running = |program: &str| self.cluster.sensors.agents.iter().any(|agent| agent.program == program);
        let reasons = self.cluster.sensors.templates.iter().filter(|template| running(template.program)).filter_map(|template| {
            let reason = machine?.refuses(&template.spec)?;
            Some(format!("{}: {reason}", template.workload))
        });
        let reasons: Vec<String> = reasons.take(REASONS).collect();
        let said = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
        match self.elsewhere.as_str() {
            "" => "has no pod of a known runtime sensor".to_owned(),
            elsewhere => format!("has no pod of {elsewhere}{said}"),
        }
    }
}

/// Why a pod that is there neither counts nor does not.
fn unsettled(agent: &Agent, node: &str) -> Option<Unseen> {
    let Agent { program, workload, .. } = agent;
    let (why, how) = match agent.state {
        State::Ready | State::NotReady => return None,
        State::Settling => (
            format!("a pod of {workload} ({program}) was made or is going, less than ten minutes before, and is not ready"),
            "Collect again in some minutes.".to_owned(),
        ),
        State::Unclear => (
            format!("{workload} has the image of {program} and starts it by words that are not stored"),
            format!("Look at what the container {} of {workload} runs.", agent.container.name),
        ),
        State::Alike => (
            format!("{workload} has an image whose name ends like that of {program}, and is not known to be a copy of it"),
            format!("Look at where the image of the container {} of {workload} comes from.", agent.container.name),
        ),
        State::Passing => (
            format!("{workload} runs {program}, and neither a DaemonSet nor the kubelet keeps it there"),
            format!("Look at what makes {workload}, and whether it makes one on every node."),
        ),
    };
    Some(Unseen::not_visible(format!("which runtime sensors run on the node {node}"), why, how))
}

fn nowhere(sensors: &Found) -> Unseen {
    let templates: BTreeSet<&str> = sensors.templates.iter().map(|template| template.workload.as_str()).collect();
    let idle = match templates.len() {
        0 => String::new(),
        _ => format!(
            " ({} {} the image of one, and no pod of it that may look at its node runs it)",
            templates.iter().copied().collect::<Vec<_>>().join(", "),
            if templates.len() == 1 { "has" } else { "have" }
        ),
    };
    Unseen::not_visible(
        "whether anything watches the programs on the nodes",
        format!(
            "no pod of a runtime sensor that is known here runs in the cluster{idle}; one may run on the hosts, belong to the provider, or \
             be one that is not known"
        ),
        "Ask which runtime sensor watches the nodes, and keep a list of the nodes that its console shows beside the list of the cluster's.",
    )
}

/// Which sensors run elsewhere, and on how many nodes.
fn elsewhere(sensors: &Found, nodes: usize) -> String {
    let kept = |agent: &&Agent| matches!(agent.state, State::Ready | State::Settling | State::NotReady);
    let programs: BTreeSet<&str> = sensors.agents.iter().filter(kept).map(|agent| agent.program).collect();
    let said = |program: &str| {
        let on: BTreeSet<&str> = sensors
            .agents
            .iter()
            .filter(|agent| agent.program == program && agent.state == State::Ready)
            .map(|agent| agent.node.as_str())
            .collect();
        format!("{program}, which is ready on {} of {nodes} nodes", on.len())
    };
    programs.into_iter().map(said).collect::<Vec<_>>().join(", or of ")
}
