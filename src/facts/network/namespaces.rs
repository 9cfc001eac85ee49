//! One row per namespace and direction.

use std::collections::BTreeMap;

use super::policy::{Direction, Policy};
use super::world::{Enforcement, World};
use crate::facts::Known;
use crate::facts::namespaces::SYSTEM_NAMESPACES;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::model::sources::{DAEMON_SETS, FOREIGN_POLICIES, NAMESPACES, NETWORK_PLUGIN_SETTINGS, NETWORK_POLICIES, NODES, PODS};
use crate::model::{Evidence, FactValue, ObjectRef};

table! {
    /// One row per namespace and direction (ingress, egress), with whether a NetworkPolicy denies that direction to every pod, those
    /// to come too: its `podSelector` is empty, the direction is among its `policyTypes`, and it has no rule for it. Others may still
    /// allow single flows; that is how it is meant.
    pub struct NamespaceIsolationRow as "namespace_isolation" counting "namespaces" from [NAMESPACES, NODES, DAEMON_SETS, NETWORK_POLICIES] + FOREIGN_POLICIES
        consulting [] + NETWORK_PLUGIN_SETTINGS {
        /// Name.
        namespace: String, at "/metadata/name";
        /// Whether it is one of kube-system, kube-public and kube-node-lease.
        system: bool, at "/metadata/name";
        /// `ingress` or `egress`.
        direction: &'static str;
        /// The NetworkPolicies that deny the direction to every pod, sorted.
        default_deny_by: Vec<String>;
        /// Whether the direction is denied by default in effect: by a NetworkPolicy, on a cluster that enforces it. Unknown where a
        /// policy of another API may be about every pod of the namespace.
        default_deny: Known<bool>;
        /// Why not, in a few words; empty when it is.
        because: Known<String>;
        /// Number of pods that count below: those not finished and not on the node's network.
        pods: Known<i64>, needs [PODS];
        /// Pods that at least one policy isolates in this direction, as `network_isolation` says.
        isolated_pods: Known<i64>, needs [PODS];
        /// Pods that none does.
        open_pods: Known<i64>, needs [PODS];
        /// Pods of which that is not known.
        unknown_pods: Known<i64>, needs [PODS];
        /// Pods on the node's network, which policies do not cover.
        host_network_pods: Known<i64>, needs [PODS];
    }
}

/// Pods of one namespace in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    isolated: i64,
    open: i64,
    unknown: i64,
    host_network: i64,
}

/// The rows; `isolation` are those of `network_isolation`.
pub(super) fn rows(world: &World<'_>, isolation: &[Row]) -> Vec<Row> {
    let counts = count(isolation);
    let mut rows = Vec::new();
    for (namespace, origin) in world.namespaces().objects() {
        let Some(name) = &namespace.metadata.name else { continue };
        let subject = ObjectRef {
            kind: "Namespace".to_owned(),
            group: String::new(),
            namespace: None,
            name: name.clone(),
            uid: namespace.metadata.uid.clone(),
        };
        for direction in Direction::BOTH {
            rows.push(row(world, &subject, origin, direction, &counts));
        }
    }
    rows
}

type AllCounts = BTreeMap<(String, String), Counts>;

fn row(world: &World<'_>, subject: &ObjectRef, origin: &Evidence, direction: Direction, counts: &AllCounts) -> Row {
    let name = &subject.name;
    let denying: Vec<&(Policy, Evidence)> = world.policies(name).iter().filter(|(policy, _)| policy.is_default_deny(direction)).collect();
    let counts = counts.get(&(name.clone(), direction.as_str().to_owned())).copied().unwrap_or(Counts { ..Counts::default() });
    let counted = |number: i64| world.context().reader.known_in(name, &PODS, || number);
    let because = because(world, name, direction, !denying.is_empty());
    let typed = NamespaceIsolationRow {
        namespace: name.clone(),
        system: SYSTEM_NAMESPACES.contains(&name.as_str()),
        direction: direction.as_str(),
        default_deny_by: denying.iter().map(|(policy, _)| policy.name.clone()).collect(),
        default_deny: because.clone().map(|why| why.is_empty()),
        because,
        pods: counted(counts.isolated + counts.open + counts.unknown),
        isolated_pods: counted(counts.isolated),
        open_pods: counted(counts.open),
        unknown_pods: counted(counts.unknown),
        host_network_pods: counted(counts.host_network),
    };
    let evidence = denying.iter().map(|(_, origin)| origin.at("/spec/podSelector"));
    Row::new(name.clone(), subject.clone(), vec![origin.clone()], typed)
        .in_namespace(Some(name.clone()))
        .evidenced("default_deny", evidence)
}

/// Why a namespace does not deny by default; empty when it does.
fn because(world: &World<'_>, namespace: &str, direction: Direction, denies: bool) -> Known<String> {
    let foreign = world.foreign_default(namespace, direction).map(super::foreign::Foreign::unseen);
    if let Some(unseen) = foreign.or_else(|| world.gap_of_others()) {
        return Known::Unknown(unseen);
    }
    if let Known::Known(Enforcement::NotEnforcing | Enforcement::Audit) = world.enforcement() {
        return Known::Known("nothing enforces NetworkPolicies".to_owned());
    }
    match (denies, world.gap_of_policies(), world.enforcement()) {
        (true, _, Known::Known(_)) => Known::Known(String::new()),
        (true, _, Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
        (false, Some(gap), _) => Known::Unknown(gap),
        (false, None, _) => Known::Known(format!("no NetworkPolicy denies {} to every pod", direction.as_str())),
    }
}

/// Pods by namespace and direction.
fn count(isolation: &[Row]) -> AllCounts {
    let schema = super::isolation::NetworkIsolationRow::schema();
    let index = |name: &str| schema.column(name).map(|(index, _)| index);
    let mut counts = AllCounts::new();
    for row in isolation {
        let cell = |name: &str| index(name).and_then(|index| row.cells.get(index));
        let (Some(Known::Known(FactValue::Text(direction))), Some(Known::Known(FactValue::Int(pods)))) = (cell("direction"), cell("pods"))
        else {
            continue;
        };
        let of = counts.entry((row.namespace.clone().unwrap_or_default(), direction.clone())).or_default();
        match (cell("host_network"), cell("isolated")) {
            (Some(Known::Known(FactValue::Bool(true))), _) => of.host_network += pods,
            (_, Some(Known::Known(FactValue::Bool(true)))) => of.isolated += pods,
            (_, Some(Known::Known(FactValue::Bool(false)))) => of.open += pods,
            _ => of.unknown += pods,
        }
    }
    counts
}
