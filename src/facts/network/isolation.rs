//! One row per workload and direction.

use super::policy::{Direction, Policy};
use super::world::{Enforcement, World};
use crate::facts::Known;
use crate::facts::table::merged::Merged;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::pass::PodGroup;
use crate::model::sources::{FOREIGN_POLICIES, NAMESPACES, NETWORK_PLUGIN_SETTINGS, NETWORK_POLICIES, NODES, WORKLOADS};
use crate::model::{Evidence, Unseen, UnseenKind};

table! {
    /// One row per workload and direction (ingress, egress), with what `networking.k8s.io/v1` NetworkPolicies do for its pods. Pods
    /// that have finished are left out. Whether a policy has an effect depends on the network plugin: cells that speak of the effect
    /// are unknown where it is not known whether policies are enforced. A policy of another API (AdminNetworkPolicy, Cilium, Calico,
    /// Antrea, EKS) that may select the pods makes them unknown too, because what it allows is not computed yet.
    pub struct NetworkIsolationRow as "network_isolation" counting "workloads" from [NODES, NAMESPACES, NETWORK_POLICIES] + WORKLOADS + FOREIGN_POLICIES
        consulting [] + NETWORK_PLUGIN_SETTINGS {
        /// Namespace.
        namespace: String;
        /// The controller at the end of the owner chain, or the pod itself, as `Kind/name`.
        workload: String;
        /// `ingress` (who may reach its pods) or `egress` (what they may reach).
        direction: &'static str;
        /// `running`, or `template` where no live pod of the current template was seen.
        observed_in: &'static str;
        /// Number of pods; 0 for a template.
        pods: i64;
        /// Whether they use the node's network: policies do not cover them, and the cells that speak of policies are unknown.
        host_network: bool, at "/hostNetwork";
        /// NetworkPolicies that select them for this direction, sorted.
        policies: Vec<String>;
        /// Policies of other APIs that may select them for this direction, by kind and name, sorted.
        other_policies: Vec<String>;
        /// Whether at least one NetworkPolicy selects them for this direction: only then anything is denied.
        selected: Known<bool>;
        /// Whether they are isolated in effect: selected by a NetworkPolicy, on a cluster that enforces it.
        isolated: Known<bool>;
        /// Why not, in a few words; empty when they are.
        because: Known<String>;
        /// Whether a rule allows everything: no peers and no ports. Also true of pods that are not isolated.
        allows_all: Known<bool>;
        /// Whether anybody outside the cluster is allowed, on some port: a rule without peers, or with blocks of addresses that together
        /// are as wide as IPv4 or IPv6, exceptions aside. Also true of pods that are not isolated.
        allows_any_address: Known<bool>;
        /// The policies with such rules, with the ports, sorted; and why, where nothing enforces policies.
        any_address_by: Vec<String>;
        /// What the policies allow: peers with ports, sorted. Long lists are cut.
        allowed_peers: Known<Vec<String>>;
    }
}

/// How many entries of `allowed_peers` are listed.
const PEERS: usize = 20;

/// The rows of all workloads.
pub(super) fn rows(world: &World<'_>) -> Vec<Row> {
    let mut rows = Merged::new(NetworkIsolationRow::schema());
    for group in world.groups() {
        for direction in Direction::BOTH {
            rows.add_one(row(world, group, direction));
        }
    }
    rows.into_rows()
}

fn row(world: &World<'_>, group: &PodGroup, direction: Direction) -> Row {
    let selecting = world.selecting(group, direction);
    let foreign = world.foreign_of(group, direction);
    let facts = Facts { world, direction, selecting: &selecting, doubt: doubt(world, group, &foreign) };
    let open = facts.open_rules();
    let typed = NetworkIsolationRow {
        namespace: group.namespace().to_owned(),
        workload: group.workload_text(),
        direction: direction.as_str(),
        observed_in: group.observed_in,
        pods: group.pods,
        host_network: group.host_network,
        policies: selecting.iter().map(|(policy, _)| policy.name.clone()).collect(),
        other_policies: foreign.iter().map(|one| one.name().to_owned()).collect(),
        selected: facts.selected(),
        isolated: facts.isolated().map(|why| why.is_empty()),
        because: facts.isolated(),
        allows_all: facts.effect(|| {
            selecting.iter().any(|(policy, _)| rules(policy, direction).iter().any(|rule| rule.peers.is_empty() && rule.ports.is_empty()))
        }),
        allows_any_address: facts.effect(|| !open.is_empty()),
        any_address_by: open.iter().map(|(text, _)| text.clone()).chain(facts.not_enforced()).collect(),
        allowed_peers: facts.allowed_peers(),
    };
    let key = format!("{}/{}", group.namespace(), group.workload_text());
    let evidence = |(policy, origin): &(&Policy, &Evidence), pointer: String| {
        let isolates = policy.rules(direction).is_some();
        isolates.then(|| origin.at(pointer))
    };
    let of_selection: Vec<Evidence> = selecting.iter().filter_map(|one| evidence(one, "/spec/podSelector".to_owned())).collect();
    Row::new(key, group.workload.clone(), group.origins.clone(), typed)
        .evidenced("selected", of_selection.clone())
        .evidenced("isolated", of_selection)
        .evidenced("allows_any_address", open.into_iter().map(|(_, evidence)| evidence))
}

fn rules(policy: &Policy, direction: Direction) -> &[super::policy::Rule] {
    policy.rules(direction).unwrap_or_default()
}

/// What makes the cells of a row unknown, whatever the NetworkPolicies say.
fn doubt(world: &World<'_>, group: &PodGroup, foreign: &[&super::foreign::Foreign]) -> Option<Unseen> {
    if group.host_network {
        return Some(Unseen {
            kind: UnseenKind::NotVisible,
            what: format!("what isolates {} of {}", group.workload_text(), group.namespace()),
            why: "its pods use the node's network, which NetworkPolicies do not cover".to_owned(),
            how_to_see: "Ask what filters the traffic of the nodes.".to_owned(),
            source: None,
            missing_rule: None,
        });
    }
    foreign.first().map(|one| one.unseen()).or_else(|| world.gap_of_others())
}

/// What is known of one workload in one direction.
struct Facts<'a> {
    world: &'a World<'a>,
    direction: Direction,
    selecting: &'a [(&'a Policy, &'a Evidence)],
    doubt: Option<Unseen>,
}

impl Facts<'_> {
    /// Whether a NetworkPolicy selects it. That none does is known only when all were read.
    fn selected(&self) -> Known<bool> {
        match (self.selecting, self.world.gap_of_policies(), &self.doubt) {
            (_, _, Some(doubt)) => Known::Unknown(doubt.clone()),
            ([], Some(gap), None) => Known::Unknown(gap),
            (selecting, _, None) => Known::Known(!selecting.is_empty()),
        }
    }

    /// Why it is not isolated; empty when it is.
    fn isolated(&self) -> Known<String> {
        if let Some(doubt) = &self.doubt {
            return Known::Unknown(doubt.clone());
        }
        match (self.world.enforcement(), self.selected()) {
            (Known::Known(Enforcement::NotEnforcing | Enforcement::Audit), _) => {
                Known::Known("nothing enforces NetworkPolicies".to_owned())
            }
            (_, Known::Known(false)) => Known::Known(format!("no NetworkPolicy selects it for {}", self.direction.as_str())),
            (Known::Known(Enforcement::Enforcing), Known::Known(true)) => Known::Known(String::new()),
            (_, Known::Unknown(unseen)) => Known::Unknown(unseen),
            (Known::Unknown(unseen), Known::Known(true)) => Known::Unknown(unseen.clone()),
        }
    }

    /// Whether something is allowed in effect: by a rule, or because nothing is denied. That nothing is allowed is known only when
    /// all policies were read and are enforced.
    fn effect(&self, by_rule: impl Fn() -> bool) -> Known<bool> {
        if let Some(doubt) = &self.doubt {
            return Known::Unknown(doubt.clone());
        }
        if by_rule() {
            return Known::Known(true);
        }
        match (self.isolated(), self.world.gap_of_policies()) {
            (Known::Known(why), _) if !why.is_empty() => Known::Known(true),
            (Known::Unknown(unseen), _) | (Known::Known(_), Some(unseen)) => Known::Unknown(unseen),
            (Known::Known(_), None) => Known::Known(false),
        }
    }

    /// The rules that let in, or out, anybody outside: as text, and where they stand.
    fn open_rules(&self) -> Vec<(String, Evidence)> {
        let mut open = Vec::new();
        for (policy, origin) in self.selecting {
            for (i, rule) in rules(policy, self.direction).iter().enumerate() {
                if rule.is_open_to_the_world() {
                    let pointer = format!("/spec/{}/{i}", self.direction.as_str());
                    open.push((format!("{} ({})", policy.name, rule.describe_ports()), origin.at(pointer)));
                }
            }
        }
        open.sort();
        open
    }

    /// Why the policies have no effect.
    fn not_enforced(&self) -> Option<String> {
        let nothing = matches!(self.world.enforcement(), Known::Known(Enforcement::NotEnforcing | Enforcement::Audit));
        (nothing && self.doubt.is_none()).then(|| format!("nothing enforces NetworkPolicies ({})", self.world.cni.because))
    }

    fn allowed_peers(&self) -> Known<Vec<String>> {
        if let Some(unseen) = self.doubt.clone().or_else(|| self.world.gap_of_policies()) {
            return Known::Unknown(unseen);
        }
        if self.selecting.is_empty() {
            return Known::Known(vec!["everything: no policy selects it".to_owned()]);
        }
        let mut all = Vec::new();
        for (policy, _) in self.selecting {
            for rule in rules(policy, self.direction) {
                let ports = rule.describe_ports();
                if rule.peers.is_empty() {
                    all.push(format!("anybody ({ports})"));
                }
                all.extend(rule.peers.iter().map(|peer| format!("{} ({ports})", peer.describe(&policy.namespace))));
            }
        }
        all.sort();
        all.dedup();
        if let Some(more) = all.len().checked_sub(PEERS).filter(|more| *more > 0) {
            all.truncate(PEERS);
            all.push(format!("and {more} more"));
        }
        Known::Known(all)
    }
}
