use std::collections::BTreeSet;

use super::agents::{Agent, Cluster, State};
use super::mounts::{Sees, sees};
use super::programs::reads_as_root;
use crate::facts::context::Context;
use crate::facts::settings::{AuditFile, AuditFiles, Written};
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{DAEMON_SETS, FLAGZ, LEASES, NODES, PODS, VERSION};
use crate::model::{Evidence, Grade, ObjectRef, Unseen};

table! {
    /// One row per API server that is seen on a node (by its mirror pod, or by what k3s publishes): where it writes its audit log, and which log
    /// shippers on that node see the directory. A shipper is a container that runs a program of a list (docs: `detection/audit-log-shipped`)
    /// from an image of that program's name and is kept on the node by a DaemonSet or a kubelet. It counts while it is ready and mounts
    /// the directory, or one above it, from the node. API servers that no source shows have a row of their own, in which everything is
    /// unknown. What a shipper does with the file is not shown.
    pub struct LogShipperRow as "log_shippers" counting "API servers", always from [PODS, NODES, DAEMON_SETS, FLAGZ, LEASES, VERSION] {
        /// Name of the mirror pod or of the k3s node; empty for API servers that are not seen.
        instance: String;
        /// The node that it runs on.
        node: String, at "/spec/nodeName";
        /// Whether it writes its audit log onto that node: it has an audit policy, and the path leads to a directory of the node, or to the
        /// output of a container, which the kubelet keeps. False as well for a file that ends with its container.
        writes_file: Known<bool>;
        /// Whether it sends events to a webhook.
        sends_away: Known<bool>;
        /// The directory that the log is in, as a path of the node; empty where nothing is written there.
        directory: Known<String>;
        /// Shippers that are ready there and see that directory, sorted. Unknown like `sensors` of `node_sensors`; and where a shipper does
        /// not run as root (or its image may not), or mounts a part of a volume whose name its environment says.
        shippers: Known<Vec<String>>;
        /// Shippers that are ready on that node and do not see it, sorted.
        elsewhere: Vec<String>;
        /// What is there or is not, as a sentence about the node goes on.
        why: String;
    }
}

/// The rows of the table.
pub(super) fn rows(context: &Context<'_>, cluster: &Cluster) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let all = AuditFiles::read(context)?;
    let complete = |source| reader.known_if_complete(source, || ());
    let judge = Judge {
        cluster,
        pods_read: complete(&PODS),
        sets_read: complete(&DAEMON_SETS),
        nowhere: (!cluster.shippers.runs_anywhere()).then(nowhere),
    };
    let mut rows: Vec<Row> = all.files.iter().map(|file| judge.row(file)).collect();
    if let Some(why) = &all.others {
        let seen = reader.single(&VERSION)?;
        let origin = seen.map(|stored| reader.origin(&VERSION, &Default::default(), &stored, Grade::EffectiveConfiguration));
        rows.push(unseen_row(why, origin));
    }
    Ok(rows)
}

struct Judge<'a> {
    cluster: &'a Cluster,
    pods_read: Known<()>,
    sets_read: Known<()>,
    /// Why nothing is known of any node, where no shipper was found.
    nowhere: Option<Unseen>,
}

impl Judge<'_> {
    fn row(&self, file: &AuditFile) -> Row {
        let here: Vec<&Agent> = self.cluster.shippers.on(&file.node).collect();
        let written = file.written.as_ref().map(|written| written.as_ref());
        let seeing = |written: &Written| -> Vec<(&Agent, Sees)> {
            let look = |agent: &Agent| sees(&agent.container, &agent.volumes, &written.directory, written.file.as_deref());
            here.iter().map(|agent| (*agent, look(agent))).collect()
        };
        let looked = written.known().copied().flatten().map(seeing).unwrap_or_default();
        let ready = |wanted: &dyn Fn(Sees) -> bool| -> BTreeSet<String> {
            let of = looked.iter().filter(|(agent, sees)| agent.state == State::Ready && wanted(*sees));
            of.map(|(agent, _)| agent.program.to_owned()).collect()
        };
        let (seen_by, past) = (ready(&|sees| sees == Sees::Yes), ready(&|sees| sees != Sees::Yes));
        let elsewhere: Vec<String> = past.difference(&seen_by).cloned().collect();
        let shippers = match &file.written {
            Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
            Known::Known(None) => Known::Known(Vec::new()),
            Known::Known(Some(written)) => self.shippers(file, written, &looked),
        };
        let typed = LogShipperRow {
            instance: file.instance.clone(),
            node: file.node.clone(),
            writes_file: file.written.clone().map(|written| written.is_some()),
            sends_away: file.sends.clone(),
            directory: file.written.clone().map(|written| written.map(|written| written.directory).unwrap_or_default()),
            why: why(file, &looked, &seen_by, &elsewhere),
            shippers,
            elsewhere,
        };
        let reading = looked.iter().filter(|(agent, sees)| agent.state == State::Ready && *sees == Sees::Yes);
        let reading: Vec<Evidence> = reading.map(|(agent, _)| agent.origin.at("/spec/volumes")).collect();
        // About the cluster, not about the namespace that its pod is in.
        Row::new(file.instance.clone(), file.subject.clone(), file.evidence.clone(), typed)
            .in_namespace(None)
            .evidenced("shippers", reading)
    }

    fn shippers(&self, file: &AuditFile, written: &Written, looked: &[(&Agent, Sees)]) -> Known<Vec<String>> {
        if let Known::Unknown(unseen) = &self.sets_read {
            return Known::Unknown(unseen.clone());
        }
        let closed = self.cluster.machines.get(&file.node).and_then(|machine| machine.closed("log shippers"));
        if let Some(unseen) = closed {
            return Known::Unknown(unseen);
        }
        let is_root = |agent: &Agent| reads_as_root(&agent.container, agent.security.as_ref(), agent.image_is_root);
        let counts = |(agent, sees): &&(&Agent, Sees)| agent.state == State::Ready && *sees == Sees::Yes && is_root(agent);
        let named: BTreeSet<String> = looked.iter().filter(counts).map(|(agent, _)| agent.program.to_owned()).collect();
        if !named.is_empty() {
            return Known::Known(named.into_iter().collect());
        }
        if let Known::Unknown(unseen) = &self.pods_read {
            return Known::Unknown(unseen.clone());
        }
        let doubt = looked.iter().find_map(|(agent, sees)| unsettled(agent, *sees, &file.node, &written.directory));
        let settling = || self.cluster.machines.get(&file.node).and_then(|machine| machine.settling("log shippers"));
        match doubt.or_else(settling).or_else(|| self.nowhere.clone()) {
            Some(unseen) => Known::Unknown(unseen),
            None => Known::Known(Vec::new()),
        }
    }
}

/// Why a shipper that may see the directory neither counts nor does not.
fn unsettled(agent: &Agent, sees: Sees, node: &str, directory: &str) -> Option<Unseen> {
    if !matches!(sees, Sees::Yes | Sees::Perhaps) {
        return None;
    }
    let Agent { program, workload, .. } = agent;
    let (why, how) = match (agent.state, sees) {
        (State::NotReady, _) => return None,
        (State::Settling, _) => (
            format!("a pod of {workload} ({program}) was made or is going, less than ten minutes before, and is not ready"),
            "Collect again in some minutes.".to_owned(),
        ),
        (State::Unclear, _) => (
            format!("{workload} has the image of {program} and starts it by words that are not stored"),
            format!("Look at what the container {} of {workload} runs.", agent.container.name),
        ),
        (State::Alike, _) => (
            format!(
                "{workload} mounts {directory} and has an image whose name ends like that of {program}, and is not known to be a copy of it"
            ),
            format!("Look at where the image of the container {} of {workload} comes from.", agent.container.name),
        ),
        (State::Passing, _) => (
            format!("{workload} runs {program} and mounts {directory}, and neither a DaemonSet nor the kubelet keeps it there"),
            format!("Look at what makes {workload}, and whether it makes one on every node with an API server."),
        ),
        (State::Ready, Sees::Perhaps) => (
            format!(
                "{workload} ({program}) mounts what may show {directory}: its environment names a part (subPathExpr), or another mount lies over \
                 the directory or its file"
            ),
            format!("Look into the container {} of {workload} for the audit log.", agent.container.name),
        ),
        (State::Ready, _) => (
            format!(
                "{workload} ({program}) mounts {directory} and is not seen to run as root, and the API server writes a file that only its owner may read"
            ),
            format!(
                "Look at the owner and the mode of the files in {directory}, and whether recent events are where the shipper sends them."
            ),
        ),
    };
    Some(Unseen::not_visible(format!("whether a log shipper reads {directory} on the node {node}"), why, how))
}

fn why(file: &AuditFile, looked: &[(&Agent, Sees)], seen_by: &BTreeSet<String>, elsewhere: &[String]) -> String {
    let Known::Known(Some(written)) = &file.written else { return String::new() };
    let directory = &written.directory;
    let list = |names: &[String]| names.join(" and ");
    if !seen_by.is_empty() {
        let names: Vec<String> = seen_by.iter().cloned().collect();
        return format!("has {} with {directory}", list(&names));
    }
    if looked.iter().any(|(agent, sees)| agent.state == State::Ready && *sees == Sees::FileAlone) {
        return format!("has {}, which mounts the log file alone and not {directory}, where it is rotated", list(elsewhere));
    }
    if !elsewhere.is_empty() {
        return format!("has {}, which does not mount {directory}", list(elsewhere));
    }
    let waiting: BTreeSet<&str> =
        looked.iter().filter(|(agent, _)| agent.state == State::NotReady).map(|(agent, _)| agent.program).collect();
    match waiting.is_empty() {
        true => format!("has no pod of a known log shipper, and its audit log lies in {directory}"),
        false => format!(
            "has a pod of {} that is not ready, and its audit log lies in {directory}",
            waiting.into_iter().collect::<Vec<_>>().join(" and ")
        ),
    }
}

fn nowhere() -> Unseen {
    Unseen::not_visible(
        "whether anything carries the audit log away from its node",
        "no pod of a log shipper that is known here runs in the cluster; one may run on the hosts, or be one that is not known",
        "Ask how the audit log leaves the nodes of the control plane, and keep an event of each API server from where it is kept.",
    )
}

fn unseen_row(why: &Unseen, origin: Option<Evidence>) -> Row {
    let typed = LogShipperRow {
        instance: String::new(),
        node: String::new(),
        writes_file: Known::Unknown(why.clone()),
        sends_away: Known::Unknown(why.clone()),
        directory: Known::Unknown(why.clone()),
        shippers: Known::Unknown(why.clone()),
        elsewhere: Vec::new(),
        why: String::new(),
    };
    let subject =
        ObjectRef { kind: "APIServer".to_owned(), group: String::new(), namespace: None, name: "kube-apiserver".to_owned(), uid: None };
    Row::new(String::new(), subject, origin.into_iter().collect(), typed)
}
