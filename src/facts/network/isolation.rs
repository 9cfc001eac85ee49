//! One row per workload and direction.

use super::flows::HalfOpen;
use super::foreign::{Effect, Foreign};
use super::openness::{Openness, Taken};
use super::policy::{Direction, Policy, Rule};
use super::world::{Enforcement, World};
use crate::facts::Known;
use crate::facts::table::merged::Merged;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::pass::PodGroup;
use crate::model::sources::{FOREIGN_POLICIES, NAMESPACES, NETWORK_PLUGIN_SETTINGS, NETWORK_POLICIES, NODES, WORKLOADS};
use crate::model::{Evidence, Unseen};

table! {
    /// One row per workload and direction (ingress, egress), with what `networking.k8s.io/v1` NetworkPolicies do for its pods. Pods
    /// that have finished are left out. Whether a policy has an effect depends on the network plugin: cells that speak of the effect
    /// are unknown where it is not known whether policies are enforced; that no policy selects a pod is known whatever runs. A policy
    /// of another API (AdminNetworkPolicy, Cilium, Calico, Antrea, EKS) that may select the pods, and whose engine may run, makes
    /// those cells unknown that it could change, because what it allows is not computed yet.
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
        /// Further networks that the pods are attached to, beside the cluster's own: annotations of Multus, of GKE and of DANM, sorted.
        /// NetworkPolicies say nothing about them. Unknown where a resource claim, or a resource of a device plug-in, may hand them a network device.
        other_networks: Known<Vec<String>>;
        /// NetworkPolicies that select them for this direction, sorted.
        policies: Vec<String>;
        /// Policies of other APIs that may select them for this direction, by kind and name, sorted.
        other_policies: Vec<String>;
        /// Whether at least one NetworkPolicy selects them for this direction: only then anything is denied.
        selected: Known<bool>;
        /// Whether they are isolated in effect: selected by a NetworkPolicy, on a cluster that enforces it, and with no other network.
        isolated: Known<bool>;
        /// Why not, in a few words; empty when they are.
        because: Known<String>;
        /// Whether what the NetworkPolicies allow is all that is allowed: true where all of them were read and nothing of another API
        /// adds to them, else unknown.
        policies_known: Known<bool>;
        /// Whether a rule allows everything: no peers and no ports. Also true of pods that are not isolated.
        allows_all: Known<bool>;
        /// Whether anybody outside the cluster is allowed, on some port: a rule without peers, or with blocks of addresses that together
        /// are more than half of the IPv4 or IPv6 Internet, exceptions aside. Also true of pods that are not isolated.
        allows_any_address: Known<bool>;
        /// The policies with such rules, with the ports, sorted; and why, where nothing enforces policies.
        any_address_by: Vec<String>;
        /// Whether a rule allows pods of every namespace, those to come too, on some port: its selectors are empty or only leave out, or
        /// its blocks of addresses hold every pod of the cluster. Rules that allow any address are not meant.
        allows_every_namespace: Known<bool>;
        /// The policies with such rules, with the ports, sorted.
        every_namespace_by: Vec<String>;
        /// Other namespaces of which rules allow every pod, whatever its labels are, on some port; sorted. Rules that allow any address
        /// are not meant.
        whole_namespaces: Known<Vec<String>>;
        /// Namespaces whose pods a rule names here, and whose own policies do not let any of that traffic through at their end; with
        /// what is shut, sorted.
        half_open: Known<Vec<String>>;
        /// What the policies allow: peers with ports, sorted. Long lists are cut.
        allowed_peers: Known<Vec<String>>;
    }
}

/// How many entries of `allowed_peers` are listed.
const PEERS: usize = 20;

/// The rows of all workloads.
pub(super) fn rows(world: &World<'_>, half_open: &Known<HalfOpen>) -> Vec<Row> {
    let mut rows = Merged::counting(NetworkIsolationRow::columns().pods);
    let openness = Openness::new(world);
    for (number, group) in world.groups().enumerate() {
        for direction in Direction::BOTH {
            let nothing = || Known::Known(Vec::new());
            let half_open = half_open.as_ref().and_then(|all| all.get(&(number, direction)).cloned().unwrap_or_else(nothing));
            rows.add_one(row(world, &openness, group, direction, half_open));
        }
    }
    rows.into_rows()
}

fn row(world: &World<'_>, openness: &Openness<'_>, group: &PodGroup, direction: Direction, half_open: Known<Vec<String>>) -> Row {
    let selecting = world.selecting(group, direction);
    let foreign = world.foreign_of(group, direction);
    let facts = Facts { world, direction, group, selecting: &selecting, foreign: &foreign };
    let open = facts.open_rules();
    let taken = openness.taken(&facts.rules());
    let isolated = facts.isolated();
    let typed = NetworkIsolationRow {
        namespace: group.namespace().to_owned(),
        workload: group.workload_text(),
        direction: direction.as_str(),
        observed_in: group.observed_in,
        pods: group.pods,
        host_network: group.host_network,
        other_networks: facts.other_networks(),
        policies: selecting.iter().map(|(policy, _)| policy.name.clone()).collect(),
        other_policies: foreign.iter().map(|one| one.name().to_owned()).collect(),
        selected: facts.selected(),
        isolated: isolated.clone().map(|why| why.is_empty()),
        because: isolated,
        policies_known: facts.policies_known(),
        allows_all: facts.effect(|| facts.rules().iter().any(|(_, rule, _)| rule.peers.is_empty() && rule.ports.is_empty())),
        allows_any_address: facts.effect(|| !open.is_empty()),
        any_address_by: open.iter().map(|(text, _)| text.clone()).chain(facts.not_enforced()).collect(),
        allows_every_namespace: facts.by_rule(!taken.every_namespace.is_empty()),
        every_namespace_by: taken.every_namespace.iter().map(|(text, _)| text.clone()).collect(),
        whole_namespaces: facts.unless_closed(|| taken.whole.iter().cloned().collect()),
        half_open: facts.unless_closed(|| ()).and_then(|()| half_open),
        allowed_peers: facts.allowed_peers(),
    };
    let key = format!("{}/{}", group.namespace(), group.workload_text());
    let of_selection: Vec<Evidence> = selecting.iter().map(|(_, origin)| origin.at("/spec/podSelector")).collect();
    let Taken { every_namespace, whole_by, .. } = taken;
    Row::new(key, group.workload.clone(), group.origins.clone(), typed)
        .evidenced("selected", of_selection.clone())
        .evidenced("isolated", of_selection.clone())
        .evidenced("half_open", of_selection)
        .evidenced("allows_any_address", open.into_iter().map(|(_, evidence)| evidence))
        .evidenced("allows_every_namespace", every_namespace.into_iter().map(|(_, evidence)| evidence))
        .evidenced("whole_namespaces", whole_by)
}

/// What is known of one workload in one direction.
struct Facts<'a> {
    world: &'a World<'a>,
    direction: Direction,
    group: &'a PodGroup,
    selecting: &'a [(&'a Policy, &'a Evidence)],
    /// Policies of other APIs, and those that were not understood, that may select it.
    foreign: &'a [&'a Foreign],
}

impl<'a> Facts<'a> {
    /// The rules of the policies that select it, with the places where they stand.
    fn rules(&self) -> Vec<(&'a Policy, &'a Rule, Evidence)> {
        let mut all = Vec::new();
        for (policy, origin) in self.selecting {
            for (i, rule) in policy.rules(self.direction).unwrap_or_default().iter().enumerate() {
                all.push((*policy, rule, origin.at(format!("/spec/{}/{i}", self.direction.as_str()))));
            }
        }
        all
    }

    /// What makes all cells unknown that speak of policies.
    fn on_the_node(&self) -> Option<Unseen> {
        let of = || format!("what isolates {} of {}", self.group.workload_text(), self.group.namespace());
        self.group.host_network.then(|| {
            Unseen::not_visible(
                of(),
                "its pods use the node's network, which NetworkPolicies do not cover",
                "Ask what filters the traffic of the nodes.",
            )
        })
    }

    /// Why a policy of another API, or one that was not understood, may change what NetworkPolicies say.
    fn changed_by(&self, how: impl Fn(Effect) -> bool) -> Option<Unseen> {
        let found = self.foreign.iter().find(|one| how(one.effect(self.direction)));
        found.map(|one| one.unseen()).or_else(|| self.world.gap_of_others())
    }

    fn other_networks(&self) -> Known<Vec<String>> {
        let of = || format!("which networks {} of {} is attached to", self.group.workload_text(), self.group.namespace());
        if self.group.networks.is_empty() && self.group.claims_devices {
            return Known::Unknown(Unseen::not_visible(
                of(),
                "it asks for devices (by resource claims, or by a resource of a device plug-in), and one may be a network interface",
                "Look at the ResourceClaims of the pod (a device with status.devices.networkData is an interface), and at what its device plug-in gives.",
            ));
        }
        match self.world.unjudged_networks() {
            // A collector that did not look for them left the annotations out.
            Some(unseen) if self.group.networks.is_empty() => Known::Unknown(unseen),
            _ => Known::Known(self.group.networks.clone()),
        }
    }

    /// Whether a NetworkPolicy selects it. That none does is known only when all were read and understood.
    fn selected(&self) -> Known<bool> {
        if let Some(unseen) = self.on_the_node() {
            return Known::Unknown(unseen);
        }
        let odd = self.foreign.iter().find(|one| one.is_of_kubernetes()).map(|one| one.unseen());
        match (self.selecting, self.world.gap_of_policies().or(odd)) {
            ([], Some(gap)) => Known::Unknown(gap),
            (selecting, _) => Known::Known(!selecting.is_empty()),
        }
    }

    /// Why it is not isolated; empty when it is.
    fn isolated(&self) -> Known<String> {
        let on_the_cluster = self.isolated_on_the_cluster();
        match (&on_the_cluster, self.other_networks()) {
            (Known::Known(why), _) if !why.is_empty() => on_the_cluster,
            (Known::Known(_), Known::Unknown(unseen)) => Known::Unknown(unseen),
            (Known::Known(_), Known::Known(others)) if !others.is_empty() => Known::Unknown(Unseen::not_visible(
                format!("what isolates {} of {}", self.group.workload_text(), self.group.namespace()),
                format!("it is attached to further networks ({}), about which NetworkPolicies say nothing", others.join(", ")),
                "Ask what filters the traffic of these networks.",
            )),
            _ => on_the_cluster,
        }
    }

    /// The same, of the cluster's own network.
    fn isolated_on_the_cluster(&self) -> Known<String> {
        if let Some(unseen) = self.on_the_node() {
            return Known::Unknown(unseen);
        }
        let open = format!("no NetworkPolicy selects it for {}", self.direction.as_str());
        match (self.world.enforcement(), self.selected()) {
            (Known::Known(Enforcement::NotEnforcing | Enforcement::Audit), _) => {
                Known::Known("nothing enforces NetworkPolicies".to_owned())
            }
            (_, Known::Unknown(unseen)) => Known::Unknown(unseen),
            (enforcement, Known::Known(false)) => match (self.changed_by(|effect| effect.closes), enforcement) {
                (Some(unseen), _) => Known::Unknown(unseen),
                // It is open whatever plugin runs.
                (None, Known::Unknown(_)) => Known::Known(format!("{open}, and which network plugin runs makes no difference to that")),
                (None, Known::Known(_)) => Known::Known(open),
            },
            (Known::Unknown(unseen), Known::Known(true)) => Known::Unknown(unseen.clone()),
            (Known::Known(Enforcement::Partly), Known::Known(true)) => Known::Unknown(self.world.partly()),
            (Known::Known(Enforcement::Enforcing), Known::Known(true)) => {
                let doubt = self
                    .changed_by(|effect| effect.overrides)
                    .or_else(|| self.passed_over_by_cilium())
                    .or_else(|| self.passed_over_by_amazon());
                doubt.map_or_else(|| Known::Known(String::new()), Known::Unknown)
            }
        }
    }

    /// Why Cilium, where it is what enforces, may not have these pods in its hands, or may not see what selects them.
    fn passed_over_by_cilium(&self) -> Option<Unseen> {
        let cilium = self.world.cni.cilium.as_ref()?;
        let of = format!("what isolates {} of {}", self.group.workload_text(), self.group.namespace());
        if let (Some(since), Some(oldest)) = (&cilium.since, &self.group.oldest)
            && oldest.0 < since.0
        {
            return Some(Unseen::not_visible(
                of,
                "a pod of it is older than the agents of Cilium, which look after pods only whose network they made",
                "Restart the pods that have no CiliumEndpoint.",
            ));
        }
        let seen = |policy: &Policy| !policy.selector.keys().any(|key| cilium.may_drop(key));
        (!self.selecting.iter().any(|(policy, _)| seen(policy))).then(|| {
            Unseen::not_visible(
                of,
                "the policies that select it do so by labels that Cilium may leave out of the identity by which it judges pods",
                "Look at `labels` of cilium-config, and select by a label of the application.",
            )
        })
    }

    /// The same of the VPC CNI of Amazon: its controller finds pods by what controls them (its documentation, *Limit Pod traffic with
    /// Kubernetes network policies*, considerations: pods without ownerReferences have no policies applied to them).
    fn passed_over_by_amazon(&self) -> Option<Unseen> {
        let workload = &self.group.workload;
        (self.world.cni.leaves_bare_pods && workload.kind == "Pod" && workload.group.is_empty()).then(|| {
            Unseen::not_visible(
                format!("what isolates {} of {}", self.group.workload_text(), self.group.namespace()),
                "nothing controls this pod, and the VPC CNI of Amazon applies no policies to such pods",
                "Run it by a Deployment or another controller; try a connection that the policies forbid.",
            )
        })
    }

    fn policies_known(&self) -> Known<bool> {
        let doubt = self.on_the_node().or_else(|| self.world.gap_of_policies()).or_else(|| self.changed_by(|effect| effect.opens));
        doubt.map_or(Known::Known(true), Known::Unknown)
    }

    /// Whether something is allowed in effect: by a rule, or because nothing is denied. That nothing is allowed is known only when
    /// all policies were read and are enforced.
    fn effect(&self, by_rule: impl Fn() -> bool) -> Known<bool> {
        if by_rule() {
            return self.unless_closed(|| true);
        }
        match self.isolated_on_the_cluster() {
            Known::Known(why) if !why.is_empty() => Known::Known(true),
            Known::Unknown(unseen) => Known::Unknown(unseen),
            Known::Known(_) => self.policies_known().map(|_| false),
        }
    }

    /// Whether a rule allows something; that none does is known only when all policies were.
    fn by_rule(&self, allows: bool) -> Known<bool> {
        if allows { self.unless_closed(|| true) } else { self.policies_known().map(|_| false) }
    }

    /// What rules allow, where nothing of another API may refuse it all the same.
    fn unless_closed<T>(&self, allowed: impl FnOnce() -> T) -> Known<T> {
        match self.on_the_node().or_else(|| self.changed_by(|effect| effect.closes)) {
            Some(unseen) => Known::Unknown(unseen),
            None => Known::Known(allowed()),
        }
    }

    /// The rules that let in, or out, anybody outside: as text, and where they stand.
    fn open_rules(&self) -> Vec<(String, Evidence)> {
        let open = |(_, rule, _): &(&Policy, &Rule, Evidence)| rule.is_open_to_the_world();
        let named = |(policy, rule, place): (&Policy, &Rule, Evidence)| (format!("{} ({})", policy.name, rule.describe_ports()), place);
        let mut open: Vec<(String, Evidence)> = self.rules().into_iter().filter(open).map(named).collect();
        // Policies add up: blocks of several rules may be most of the world together.
        if open.is_empty() {
            let rules = self.rules();
            if super::block::most_of_the_world(rules.iter().flat_map(|(_, rule, _)| rule.blocks())) {
                open = rules.into_iter().filter(|(_, rule, _)| rule.blocks().next().is_some()).map(named).collect();
            }
        }
        open.sort();
        open
    }

    /// Why the policies have no effect.
    fn not_enforced(&self) -> Option<String> {
        let nothing = matches!(self.world.enforcement(), Known::Known(Enforcement::NotEnforcing | Enforcement::Audit));
        (nothing && !self.group.host_network).then(|| format!("nothing enforces NetworkPolicies ({})", self.world.cni.because))
    }

    fn allowed_peers(&self) -> Known<Vec<String>> {
        if let Known::Unknown(unseen) = self.policies_known() {
            return Known::Unknown(unseen);
        }
        if self.selecting.is_empty() {
            return self.unless_closed(|| vec!["everything: no policy selects it".to_owned()]);
        }
        let mut all = Vec::new();
        for (policy, rule, _) in self.rules() {
            let ports = rule.describe_ports();
            if rule.peers.is_empty() {
                all.push(format!("anybody ({ports})"));
            }
            all.extend(rule.peers.iter().map(|peer| format!("{} ({ports})", peer.describe(&policy.namespace))));
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
