//! One row per namespace and direction.

use std::collections::{BTreeMap, BTreeSet};

use super::foreign::Effect;
use super::isolation::NetworkIsolationRow;
use super::openness::Openness;
use super::policy::{Direction, Policy, Rule, allow_everything};
use super::ports::PortSet;
use super::world::{Enforcement, World};
use crate::facts::Known;
use crate::facts::labels::Selector;
use crate::facts::namespaces::SYSTEM_NAMESPACES;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::model::sources::{DAEMON_SETS, FOREIGN_POLICIES, NAMESPACES, NETWORK_PLUGIN_SETTINGS, NETWORK_POLICIES, NODES, PODS};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per namespace and direction (ingress, egress), with whether NetworkPolicies deny that direction by default to every pod,
    /// those to come too: policies that select every pod have it among their `policyTypes`, whether or not they have rules for it, and
    /// they do not allow everything themselves. Policies add up, so that one policy with rules is judged as two with the same rules.
    /// What is allowed beside the default is another question; only where there is no workload yet, to which `network_isolation` would
    /// answer it, the direction is not denied where anybody, or every namespace, is let through on most ports.
    pub struct NamespaceIsolationRow as "namespace_isolation" counting "namespaces" from [NAMESPACES, NODES, DAEMON_SETS, NETWORK_POLICIES] + FOREIGN_POLICIES
        consulting [] + NETWORK_PLUGIN_SETTINGS {
        /// Name.
        namespace: String, at "/metadata/name";
        /// Whether it is one of kube-system, kube-public and kube-node-lease.
        system: bool, at "/metadata/name";
        /// `ingress` or `egress`.
        direction: &'static str;
        /// The NetworkPolicies that together select every pod of the namespace for the direction, sorted.
        default_deny_by: Vec<String>;
        /// Whether the direction is denied by default in effect: by a NetworkPolicy, on a cluster that enforces it. Unknown where a
        /// policy of another API may be about every pod of the namespace, and where every workload of it uses the node's network, which
        /// policies do not cover.
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
    /// Whether there is a workload, running or not, on the node's network.
    on_the_node: bool,
    /// Whether there is one on the cluster's.
    on_the_cluster: bool,
}

/// The rows; `isolation` are those of `network_isolation`.
pub(super) fn rows(world: &World<'_>, isolation: &[Row]) -> Vec<Row> {
    let counts = count(isolation);
    let openness = Openness::new(world);
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
            rows.push(row(world, &openness, &subject, origin, direction, &counts));
        }
    }
    rows
}

type AllCounts = BTreeMap<(String, String), Counts>;

fn row(
    world: &World<'_>,
    openness: &Openness<'_>,
    subject: &ObjectRef,
    origin: &Evidence,
    direction: Direction,
    counts: &AllCounts,
) -> Row {
    let name = &subject.name;
    let default = ForAll::of(world.policies(name), direction);
    let counts = counts.get(&(name.clone(), direction.as_str().to_owned())).copied().unwrap_or(Counts { ..Counts::default() });
    let counted = |number: i64| world.context().reader.known_in(name, &PODS, || number);
    let because =
        because(world, name, direction, &default).and_then(|why| match why.is_empty() && counts.on_the_node && !counts.on_the_cluster {
            true => Known::Unknown(Unseen::not_visible(
                format!("what keeps {} traffic of {name} in bounds", direction.as_str()),
                "all of its workloads use the node's network, which NetworkPolicies do not cover",
                "Ask what filters the traffic of the nodes.",
            )),
            // What is allowed to workloads, `network_isolation` says of each of them.
            false if why.is_empty() && !counts.on_the_node && !counts.on_the_cluster => {
                Known::Known(default.open_in_effect(openness, direction).unwrap_or_default())
            }
            false => Known::Known(why),
        });
    let typed = NamespaceIsolationRow {
        namespace: name.clone(),
        system: SYSTEM_NAMESPACES.contains(&name.as_str()),
        direction: direction.as_str(),
        default_deny_by: default.policies.iter().map(|(policy, _)| policy.name.clone()).collect(),
        default_deny: because.clone().map(|why| why.is_empty()),
        because,
        pods: counted(counts.isolated + counts.open + counts.unknown),
        isolated_pods: counted(counts.isolated),
        open_pods: counted(counts.open),
        unknown_pods: counted(counts.unknown),
        host_network_pods: counted(counts.host_network),
    };
    let evidence = default.policies.iter().map(|(_, origin)| origin.at("/spec/podSelector"));
    Row::new(name.clone(), subject.clone(), vec![origin.clone()], typed)
        .in_namespace(Some(name.clone()))
        .evidenced("default_deny", evidence)
}

/// What the NetworkPolicies of a namespace make the default for its pods.
struct ForAll<'w> {
    /// Those that together select every pod, those to come too; empty where they leave some out.
    policies: Vec<&'w (Policy, Evidence)>,
    /// Those of them that together allow everything, where they do.
    open: Vec<&'w str>,
}

impl<'w> ForAll<'w> {
    fn of(policies: &'w [(Policy, Evidence)], direction: Direction) -> Self {
        let isolating = || policies.iter().filter(|(policy, _)| policy.rules(direction).is_some());
        let for_all: Vec<&(Policy, Evidence)> = isolating().filter(|(policy, _)| policy.selector.is_empty()).collect();
        let together: Vec<&(Policy, Evidence)> = if !for_all.is_empty() {
            for_all
        } else if Selector::cover_everything(isolating().map(|(policy, _)| &policy.selector)) {
            isolating().collect()
        } else {
            Vec::new()
        };
        let wide = |policy: &Policy| policy.rules(direction).unwrap_or_default().iter().any(Rule::takes_everybody);
        let rules = together.iter().flat_map(|(policy, _)| policy.rules(direction).unwrap_or_default());
        let open = if allow_everything(rules) {
            let alone = together.iter().any(|(policy, _)| wide(policy));
            let part = |policy: &Policy| if alone { wide(policy) } else { policy.rules(direction).is_some_and(|rules| !rules.is_empty()) };
            together.iter().filter(|(policy, _)| part(policy)).map(|(policy, _)| policy.name.as_str()).collect()
        } else {
            Vec::new()
        };
        Self { policies: together, open }
    }
}

impl ForAll<'_> {
    /// Whom policies that select every pod let through on most ports although nobody chose them, in a few words.
    fn open_in_effect(&self, openness: &Openness<'_>, direction: Direction) -> Option<String> {
        let mut rules = Vec::new();
        for (policy, origin) in &self.policies {
            let of_policy = policy.rules(direction).unwrap_or_default().iter().enumerate();
            rules.extend(of_policy.map(|(i, rule)| (policy, rule, origin.at(format!("/spec/{}/{i}", direction.as_str())))));
        }
        // Policies add up: what each lets through on some ports, they let through on all of these together.
        let mut found = [(PortSet::default(), BTreeSet::new()), (PortSet::default(), BTreeSet::new())];
        for one in &rules {
            let (policy, rule, _) = one;
            let everywhere = !openness.taken(std::slice::from_ref(one)).every_namespace.is_empty();
            for ((ports, names), open) in found.iter_mut().zip([rule.is_open_to_the_world(), everywhere]) {
                if open {
                    ports.union(PortSet::of(&rule.ports, &[]));
                    names.insert(policy.name.as_str());
                }
            }
        }
        let words = match direction {
            Direction::Ingress => ["lets anybody in", "lets pods of every namespace in"],
            Direction::Egress => ["lets every pod out to anybody", "lets every pod out to pods of every namespace"],
        };
        let (what, (_, names)) = words.into_iter().zip(found).find(|(_, (ports, _))| ports.holds_most())?;
        let names: Vec<&str> = names.into_iter().collect();
        Some(format!("what selects every pod {what} on most ports ({})", names.join(", ")))
    }
}

/// Why a namespace does not deny by default; empty when it does.
fn because(world: &World<'_>, namespace: &str, direction: Direction, default: &ForAll<'_>) -> Known<String> {
    if let Known::Known(Enforcement::NotEnforcing | Enforcement::Audit) = world.enforcement() {
        return Known::Known("nothing enforces NetworkPolicies".to_owned());
    }
    let changed_by = |how: fn(Effect) -> bool| world.foreign_default(namespace, direction, how).or_else(|| world.gap_of_others());
    let denies = !default.policies.is_empty() && default.open.is_empty();
    let doubt = if denies { changed_by(|effect| effect.overrides || effect.opens) } else { changed_by(|effect| effect.closes) };
    if let Some(unseen) = doubt {
        return Known::Unknown(unseen);
    }
    let open = match default.open.as_slice() {
        [] => format!("no NetworkPolicy denies {} to every pod", direction.as_str()),
        open => format!("what selects every pod allows everything for {} ({})", direction.as_str(), open.join(", ")),
    };
    match (denies, world.gap_of_policies(), world.enforcement()) {
        // One that was not read could allow everything.
        (true, Some(gap), _) | (false, Some(gap), _) => Known::Unknown(gap),
        (true, None, Known::Known(Enforcement::Partly)) => Known::Unknown(world.partly()),
        (true, None, Known::Known(_)) => Known::Known(String::new()),
        (true, None, Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
        (false, None, Known::Unknown(_)) => Known::Known(format!("{open}, and which network plugin runs makes no difference to that")),
        (false, None, Known::Known(_)) => Known::Known(open),
    }
}

/// Pods by namespace and direction.
fn count(isolation: &[Row]) -> AllCounts {
    let columns = NetworkIsolationRow::columns();
    let mut counts = AllCounts::new();
    for row in isolation {
        let (Some(direction), Some(pods)) = (columns.direction.of(row), columns.pods.of(row)) else { continue };
        let of = counts.entry((row.namespace.clone().unwrap_or_default(), direction.to_owned())).or_default();
        let on_the_node = columns.host_network.of(row) == Some(true);
        of.on_the_node |= on_the_node;
        of.on_the_cluster |= !on_the_node;
        match (on_the_node, columns.isolated.of(row)) {
            (true, _) => of.host_network += pods,
            (_, Some(Known::Known(true))) => of.isolated += pods,
            (_, Some(Known::Known(false))) => of.open += pods,
            _ => of.unknown += pods,
        }
    }
    counts
}
