//! Which rules let in more than somebody chose: pods of every namespace, or every pod of one.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use super::block::{Block, whole_world};
use super::policy::{Peer, Policy, Rule};
use super::world::World;
use crate::facts::labels::Selector;
use crate::model::Evidence;

/// The label that every namespace has (apiserver admission `NamespaceLifecycle`, KEP-2161).
const GIVEN: [&str; 1] = ["kubernetes.io/metadata.name"];

/// What rules are asked with: the namespaces, and the addresses of their pods.
pub(super) struct Openness<'w> {
    labels: &'w BTreeMap<String, BTreeMap<String, String>>,
    /// By namespace, of the pods that are not on the node's network and have addresses: one that waits for its own says nothing.
    addresses: BTreeMap<&'w str, Vec<&'w Vec<IpAddr>>>,
    /// Whether blocks of addresses are asked for pods (see [`super::cni::Cni::blocks_hold_pods`]).
    blocks: bool,
}

/// What the rules of one workload take in one direction.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The policies with a rule that takes pods of every namespace, with the ports, and where it stands.
    pub(super) every_namespace: Vec<(String, Evidence)>,
    /// Namespaces of which every pod is taken, those to come too.
    pub(super) whole: BTreeSet<String>,
    /// Where the rules stand that take them.
    pub(super) whole_by: Vec<Evidence>,
}

impl<'w> Openness<'w> {
    pub(super) fn new(world: &'w World<'_>) -> Self {
        let mut addresses: BTreeMap<&str, Vec<&Vec<IpAddr>>> = BTreeMap::new();
        for group in world.groups().filter(|group| !group.host_network && !group.addresses.is_empty()) {
            addresses.entry(group.namespace()).or_default().extend(&group.addresses);
        }
        Self { labels: world.all_labels(), addresses, blocks: world.cni.blocks_hold_pods() }
    }

    /// What the rules take; `rules` are those of one direction with their policy and the places where they stand.
    pub(super) fn taken(&self, rules: &[(&Policy, &Rule, Evidence)]) -> Taken {
        let mut taken = Taken::default();
        let named = |policy: &Policy, rule: &Rule| format!("{} ({})", policy.name, rule.describe_ports());
        let mut strangers: Vec<&Selector> = Vec::new();
        for (policy, rule, place) in rules {
            if !rule.is_open_to_the_world() && rule.peers.iter().any(|peer| self.takes_every_namespace(peer)) {
                taken.every_namespace.push((named(policy, rule), place.clone()));
            }
            for peer in &rule.peers {
                if let Peer::Pods { namespaces: Some(selector), pods } = peer
                    && pods.takes_strangers(&[])
                {
                    strangers.push(selector);
                }
                let whole: Vec<&str> = self.whole(peer).into_iter().filter(|name| *name != policy.namespace).collect();
                if !whole.is_empty() {
                    taken.whole.extend(whole.into_iter().map(str::to_owned));
                    taken.whole_by.push(place.clone());
                }
            }
        }
        // Two rules that leave nothing between them are as wide as one.
        if taken.every_namespace.is_empty() && Selector::cover_everything(strangers) {
            let wide = |rule: &Rule| rule.peers.iter().any(|peer| matches!(peer, Peer::Pods { namespaces: Some(_), .. }));
            taken.every_namespace = rules
                .iter()
                .filter(|(_, rule, _)| !rule.is_open_to_the_world() && wide(rule))
                .map(|(policy, rule, place)| (named(policy, rule), place.clone()))
                .collect();
        }
        // So do blocks of addresses.
        let blocks: Vec<&Block> = rules.iter().flat_map(|(_, rule, _)| rule.blocks()).collect();
        if !whole_world(blocks.iter().copied()) {
            let with_blocks = || rules.iter().filter(|(_, rule, _)| rule.blocks().next().is_some());
            let held: Vec<&str> = self.addresses.iter().filter(|(_, pods)| self.hold(&blocks, pods)).map(|(name, _)| *name).collect();
            let own = |name: &&&str| rules.iter().all(|(policy, _, _)| policy.namespace != **name);
            let new: Vec<&&str> = held.iter().filter(own).filter(|name| !taken.whole.contains(**name)).collect();
            if !new.is_empty() {
                taken.whole.extend(new.into_iter().map(|name| (*name).to_owned()));
                taken.whole_by.extend(with_blocks().map(|(_, _, place)| place.clone()));
            }
            if taken.every_namespace.is_empty() && held.len() > 1 && held.len() == self.addresses.len() {
                taken.every_namespace = with_blocks().map(|(policy, rule, place)| (named(policy, rule), place.clone())).collect();
            }
        }
        taken.every_namespace.sort_by(|a, b| a.0.cmp(&b.0));
        taken
    }

    /// Whether a peer takes pods of every namespace, those to come too, whatever their labels are.
    fn takes_every_namespace(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Pods { namespaces, pods } => {
                namespaces.as_ref().is_some_and(|selector| selector.takes_strangers(&GIVEN)) && pods.takes_strangers(&[])
            }
            Peer::Block(block) => self.addresses.len() > 1 && self.addresses.values().all(|pods| self.holds(block, pods)),
        }
    }

    /// The namespaces of which a peer takes every pod.
    fn whole(&self, peer: &Peer) -> Vec<&str> {
        match peer {
            Peer::Pods { namespaces: Some(selector), pods } if pods.takes_strangers(&[]) => {
                self.labels.iter().filter(|(_, labels)| selector.matches(labels)).map(|(name, _)| name.as_str()).collect()
            }
            Peer::Pods { .. } => Vec::new(),
            // Of the whole world, another question asks.
            Peer::Block(block) if whole_world(std::iter::once(block)) => Vec::new(),
            Peer::Block(block) => self.addresses.iter().filter(|(_, pods)| self.holds(block, pods)).map(|(name, _)| *name).collect(),
        }
    }

    /// Whether blocks together hold an address of each of these pods, of which there are some.
    fn hold(&self, blocks: &[&Block], pods: &[&Vec<IpAddr>]) -> bool {
        let inside = |address: &IpAddr| blocks.iter().any(|block| block.contains(address));
        self.blocks && !pods.is_empty() && pods.iter().all(|addresses| addresses.iter().any(inside))
    }

    /// Whether the block holds an address of each of these pods, of which there are some.
    fn holds(&self, block: &Block, pods: &[&Vec<IpAddr>]) -> bool {
        self.blocks && !pods.is_empty() && pods.iter().all(|addresses| addresses.iter().any(|address| block.contains(address)))
    }
}
