//! Everything that decides about traffic, read once: policies, those of other APIs, pods, and what enforces them.

use std::collections::{BTreeMap, BTreeSet};

use super::cni::Cni;
use super::foreign::{self, Effect, Foreign};
use super::policy::{Direction, Policy, PolicyFile};
use crate::facts::context::Context;
use crate::facts::namespaces::Namespaces;
use crate::facts::table::read::MetaOnly;
use crate::facts::workloads::pass::PodGroup;
use crate::facts::{FactsError, Known};
use crate::model::sources::NETWORK_POLICIES;
use crate::model::{self, Evidence, Grade, Judged, Unseen};

/// Whether NetworkPolicies have an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Enforcement {
    Enforcing,
    /// On some nodes; on others nothing does, or only logs.
    Partly,
    NotEnforcing,
    /// What policies deny is logged and let through.
    Audit,
}

impl Enforcement {
    pub(super) fn as_str(self) -> &'static str {
        model::Enforcement::from(self).words()
    }
}

impl From<Enforcement> for model::Enforcement {
    fn from(known: Enforcement) -> Self {
        match known {
            Enforcement::Enforcing => Self::Enforcing,
            Enforcement::Partly => Self::Partly,
            Enforcement::NotEnforcing => Self::NotEnforcing,
            Enforcement::Audit => Self::Audit,
        }
    }
}

/// A NetworkPolicy that was not understood, and whose name is known.
pub(super) struct OddPolicy {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) origin: Evidence,
    pub(super) unseen: Unseen,
}

/// What decides about traffic.
pub(super) struct World<'a> {
    context: &'a Context<'a>,
    /// NetworkPolicies by namespace, sorted by name.
    policies: BTreeMap<String, Vec<(Policy, Evidence)>>,
    foreign: Vec<Foreign>,
    pods: &'a [PodGroup],
    namespaces: &'a Namespaces,
    odd: Vec<OddPolicy>,
    labels: BTreeMap<String, BTreeMap<String, String>>,
    no_labels: BTreeMap<String, String>,
    gap_of_policies: Option<Unseen>,
    gap_of_others: Option<Unseen>,
    pub(super) cni: Cni,
}

impl<'a> World<'a> {
    /// Why it is not known to which further networks pods are attached, in a snapshot that does not tell.
    pub(super) fn unjudged_networks(&self) -> Option<Unseen> {
        self.context.reader.unjudged(Judged::Networks)
    }

    pub(super) fn read(context: &'a Context<'a>) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let mut policies: BTreeMap<String, Vec<(Policy, Evidence)>> = BTreeMap::new();
        let (mut foreign, mut odd) = (BTreeSet::new(), Vec::new());
        let mut names = BTreeSet::new();
        reader.each_stored(&NETWORK_POLICIES, |stored| {
            let file: Result<PolicyFile, String> = serde_json::from_str(&stored.json).map_err(|error| error.to_string());
            let understood = file.and_then(|file| {
                names.extend(file.metadata.namespace.clone().zip(file.metadata.name.clone()));
                Ok((Policy::read(&file)?, reader.origin(&NETWORK_POLICIES, &file.metadata, &stored, Grade::EffectiveConfiguration)))
            });
            match understood {
                Ok((policy, origin)) => policies.entry(policy.namespace.clone()).or_default().push((policy, origin)),
                Err(error) => {
                    let meta: MetaOnly = match serde_json::from_str::<foreign::Named>(&stored.json) {
                        Ok(named) => named.into(),
                        // Not even its namespace is known.
                        Err(_) => {
                            reader.not_understood(&NETWORK_POLICIES, &stored, &error);
                            MetaOnly { metadata: Default::default() }
                        }
                    };
                    let policy = Foreign::not_understood(&meta, &error);
                    if let (Some(namespace), Some(name)) = (meta.metadata.namespace.clone(), meta.metadata.name.clone()) {
                        let origin = reader.origin(&NETWORK_POLICIES, &meta.metadata, &stored, Grade::EffectiveConfiguration);
                        odd.push(OddPolicy { namespace, name, origin, unseen: policy.unseen() });
                    }
                    foreign.insert(policy);
                }
            }
        })?;
        let gap_of_policies = match reader.left_out_of(&NETWORK_POLICIES) {
            Err(unseen) => Some(unseen),
            // Its name and namespace are known: it reaches no further than that.
            Ok(left_out) => {
                foreign.extend(left_out.iter().map(|object| Foreign::not_understood(&MetaOnly::called(object), &object.why)));
                None
            }
        };
        policies.values_mut().for_each(|of_namespace| of_namespace.sort_by(|a, b| a.0.name.cmp(&b.0.name)));
        let kubernetes = |namespace: &str, name: &str| names.contains(&(namespace.to_owned(), name.to_owned()));
        let cni = Cni::read(context)?;
        let others = foreign::read(reader, kubernetes, |engine| cni.is_absent(engine))?;
        foreign.extend(others.policies);
        // A policy that was not understood is known by its name and namespace: it does not make the others unknown.
        Ok(Self {
            gap_of_policies,
            gap_of_others: others.gap,
            namespaces: context.namespaces()?,
            labels: context.namespaces()?.labels(),
            no_labels: BTreeMap::new(),
            foreign: foreign.into_iter().collect(),
            pods: context.pods()?,
            odd,
            context,
            policies,
            cni,
        })
    }

    /// The workloads that have, or will have, pods.
    pub(super) fn groups(&self) -> impl Iterator<Item = &'a PodGroup> {
        self.pods.iter().filter(|group| !group.is_finished())
    }

    pub(super) fn context(&self) -> &'a Context<'a> {
        self.context
    }

    pub(super) fn namespaces(&self) -> &'a Namespaces {
        self.namespaces
    }

    /// NetworkPolicies of a namespace.
    pub(super) fn policies(&self, namespace: &str) -> &[(Policy, Evidence)] {
        self.policies.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// All of them.
    pub(super) fn all_policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values().flatten().map(|(policy, _)| policy)
    }

    pub(super) fn labels(&self, namespace: &str) -> &BTreeMap<String, String> {
        self.labels.get(namespace).unwrap_or(&self.no_labels)
    }

    /// The NetworkPolicies that isolate the pods of a group in a direction.
    pub(super) fn selecting(&self, group: &PodGroup, direction: Direction) -> Vec<(&Policy, &Evidence)> {
        let selects =
            |(policy, _): &&(Policy, Evidence)| policy.rules(direction).is_some() && policy.selects(group.namespace(), &group.labels);
        self.policies(group.namespace()).iter().filter(selects).map(|(policy, origin)| (policy, origin)).collect()
    }

    /// The policies of other APIs, and those that were not understood, that may select them.
    pub(super) fn foreign_of(&self, group: &PodGroup, direction: Direction) -> Vec<&Foreign> {
        let namespace = (group.namespace(), self.labels(group.namespace()));
        self.foreign.iter().filter(|one| one.may_select(direction, namespace, &group.labels)).collect()
    }

    /// Why one that may be about every pod of a namespace may change what NetworkPolicies say there.
    pub(super) fn foreign_default(&self, namespace: &str, direction: Direction, how: impl Fn(Effect) -> bool) -> Option<Unseen> {
        let about = |one: &&Foreign| how(one.effect(direction)) && one.may_select_all(direction, (namespace, self.labels(namespace)));
        self.foreign.iter().find(about).map(Foreign::unseen)
    }

    /// Why what policies do is not known where they are enforced on some nodes only.
    pub(super) fn partly(&self) -> Unseen {
        Unseen::not_visible(
            "on which nodes NetworkPolicies are enforced for these pods",
            format!("they are not enforced on every node ({})", self.cni.because),
            "Give the agents of all nodes the same settings.",
        )
    }

    /// Labels of every namespace that was read.
    pub(super) fn all_labels(&self) -> &BTreeMap<String, BTreeMap<String, String>> {
        &self.labels
    }

    /// NetworkPolicies that were not understood.
    pub(super) fn odd_policies(&self) -> &[OddPolicy] {
        &self.odd
    }

    /// Every NetworkPolicy with its place.
    pub(super) fn every_policy(&self) -> impl Iterator<Item = &(Policy, Evidence)> {
        self.policies.values().flatten()
    }

    /// Why NetworkPolicies may be missing.
    pub(super) fn gap_of_policies(&self) -> Option<Unseen> {
        self.gap_of_policies.clone()
    }

    /// Why policies of other APIs may be missing.
    pub(super) fn gap_of_others(&self) -> Option<Unseen> {
        self.gap_of_others.clone()
    }

    pub(super) fn enforcement(&self) -> &Known<Enforcement> {
        &self.cni.enforcement
    }
}
