//! The isolation matrix: what NetworkPolicies isolate, and which namespaces reach those with ePHI.

use serde::Serialize;

use super::parts::{digits, list, many};
use super::picture::Picture;
use super::unseen::NotSeen;
use super::words::{Linker, Prose};
use crate::model::{DirectionIsolation, Enforcement, Flow, IsolationMatrix, NamespaceIsolation, OutcomeWord};
use crate::report::escape::clip;

/// Columns of the table of flows.
const COLUMNS: usize = 12;
/// Rows of one document; all are in isolation.csv.
const ROWS: usize = 200;

/// One direction of one namespace.
#[derive(Debug, Serialize)]
struct Direction {
    /// Whether everything is denied that no policy allows.
    deny: &'static str,
    /// The class that says the same to the eye.
    key: &'static str,
    isolated: String,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    ephi: bool,
    pods: String,
    host_network: String,
    ingress: Direction,
    egress: Direction,
}

/// How traffic goes, as a sign with a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Traffic {
    pub(super) key: &'static str,
    pub(super) word: &'static str,
}

impl Traffic {
    pub(super) fn of(flow: Flow) -> Self {
        let (key, word) = match flow {
            Flow::All => ("all", "all"),
            Flow::Some => ("some", "some"),
            Flow::None => ("none", "none"),
            Flow::NoPods => ("nopods", "no pods"),
            Flow::Unknown => ("unknown", "not known"),
        };
        Self { key, word }
    }
}

/// From one namespace to those with ePHI.
#[derive(Debug, Serialize)]
struct From {
    name: String,
    ephi: bool,
    to: Vec<Traffic>,
}

/// The matrix.
#[derive(Debug, Serialize)]
pub(super) struct Isolation {
    intro: Prose,
    engines: String,
    enforcement: &'static str,
    because: String,
    /// The mark of an outcome for the enforcement: known to act, known not to, not known.
    key: &'static str,
    rows: Vec<Row>,
    omitted: String,
    /// Heads of the table of flows; empty where there are too many namespaces with ePHI.
    targets: Vec<String>,
    upright: bool,
    flows: Vec<From>,
    picture: Option<Picture>,
    unseen: Vec<NotSeen>,
}

fn direction(of: &DirectionIsolation) -> Direction {
    let (deny, key) = match of.default_deny {
        Some(true) => ("yes", "pass"),
        Some(false) => ("no", "fail"),
        None => ("not known", "blind"),
    };
    let all = of.isolated + of.open + of.unknown;
    let unknown = if of.unknown > 0 { format!(", {} not known", digits(of.unknown)) } else { String::new() };
    let isolated = if all == 0 { "no pods".to_owned() } else { format!("{} of {}{unknown}", digits(of.isolated), digits(all)) };
    Direction { deny, key, isolated }
}

/// How traffic goes between two namespaces of the matrix.
fn flow(from: &NamespaceIsolation, to: &str) -> Flow {
    from.reaches.iter().find(|flow| flow.to == to).map_or(Flow::Unknown, |flow| flow.flow)
}

impl Isolation {
    pub(super) fn new(matrix: &IsolationMatrix, linker: &mut Linker) -> Self {
        let ephi: Vec<&NamespaceIsolation> = matrix.namespaces.iter().filter(|row| row.ephi).collect();
        let targets: Vec<&NamespaceIsolation> = if ephi.len() > COLUMNS { Vec::new() } else { ephi.clone() };
        let key = match matrix.enforcement {
            Enforcement::Enforcing => OutcomeWord::Pass,
            Enforcement::NotEnforcing | Enforcement::Partly | Enforcement::Audit => OutcomeWord::Fail,
            Enforcement::Unknown => OutcomeWord::NotAssessed,
        };
        let omitted = matrix.namespaces.len().saturating_sub(ROWS) as u64;
        let rows = matrix.namespaces.iter().take(ROWS);
        let engines: Vec<String> = matrix.engines.iter().map(|name| clip(name, 63)).collect();
        Self {
            intro: linker.prose(&format!(
                "Computed from the NetworkPolicies of {}: for each direction, the pods that at least one policy isolates. A pod that none isolates can be reached from, and can reach, everything. A namespace denies by default where a policy selects all of its pods, future ones too.",
                many(matrix.namespaces.len() as u64, "namespace", "namespaces"),
            )),
            engines: if engines.is_empty() { "none was recognised".to_owned() } else { list(&engines) },
            enforcement: matrix.enforcement.words(),
            because: matrix.enforcement_because.clone(),
            key: super::parts::Mark::of(key).key(),
            rows: rows
                .clone()
                .map(|row| Row {
                    name: row.namespace.clone(),
                    ephi: row.ephi,
                    pods: digits(row.pods),
                    host_network: digits(row.host_network),
                    ingress: direction(&row.ingress),
                    egress: direction(&row.egress),
                })
                .collect(),
            omitted: if omitted == 0 { String::new() } else { many(omitted, "more namespace", "more namespaces") },
            targets: targets.iter().map(|row| row.namespace.clone()).collect(),
            upright: targets.len() > 5,
            flows: rows
                .filter(|_| !targets.is_empty())
                .map(|row| From {
                    name: row.namespace.clone(),
                    ephi: row.ephi,
                    to: targets
                        .iter()
                        .map(|to| {
                            let traffic = Traffic::of(flow(row, &to.namespace));
                            // Traffic within a namespace is no way into it.
                            if to.namespace == row.namespace { Traffic { key: "self", ..traffic } } else { traffic }
                        })
                        .collect(),
                })
                .collect(),
            picture: Picture::new(
                &matrix.namespaces.iter().map(|row| (row.namespace.as_str(), row.ephi)).collect::<Vec<_>>(),
                &targets.iter().map(|row| row.namespace.as_str()).collect::<Vec<_>>(),
                |from, to| matrix.namespaces.get(from).map_or(Flow::Unknown, |row| flow(row, to)),
            ),
            unseen: matrix.unseen.iter().map(NotSeen::new).collect(),
        }
    }

    pub(super) fn attached(&self) -> bool {
        !self.omitted.is_empty() || self.targets.is_empty() && self.rows.iter().any(|row| row.ephi)
    }
}
