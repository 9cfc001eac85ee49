//! Bindings with their subjects and roles, each grant told apart from what Kubernetes ships.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::super::Known;
use super::kinds::Kind;
use super::leads::Leads;
use super::policy::{Binding, Policy, Role, Who};
use super::rights::{Atom, Rights};
use super::rules::{covers, describe};
use super::shipped::{MINOR, Origin, is_provider, shipped};
use crate::model::{Evidence, Unseen, UnseenKind};

/// What is known of one role beside its rules.
pub(super) struct RoleInfo {
    pub(super) origin: Origin,
    pub(super) rights: Rights,
    /// Rules that a shipped role holds and Kubernetes does not ship, by place.
    pub(super) extra: Vec<usize>,
    /// What those give.
    extra_rights: Rights,
    /// Whether a shipped role gives more than is shipped.
    pub(super) widened: Known<bool>,
}

/// One binding for one of its subjects.
pub(super) struct Grant<'p> {
    pub(super) binding: &'p Binding,
    /// The subject's place; absent for a binding without subjects.
    pub(super) place: Option<usize>,
    /// Who it is; absent for nobody.
    pub(super) who: Option<Who>,
    pub(super) role: Option<(&'p Role, usize)>,
    pub(super) dangling: Known<bool>,
    pub(super) origin: Origin,
    /// Where the subject stands in the binding.
    pub(super) here: Arc<Evidence>,
}

/// All of it.
pub(super) struct Resolved<'p> {
    pub(super) policy: &'p Policy,
    pub(super) roles: Vec<RoleInfo>,
    pub(super) grants: Vec<Grant<'p>>,
    pub(super) minor: Known<u32>,
}

/// Whether a kind of reach is held, and where that stands.
pub(super) struct Held {
    pub(super) value: Known<bool>,
    pub(super) evidence: Vec<Arc<Evidence>>,
}

impl<'p> Resolved<'p> {
    pub(super) fn new(policy: &'p Policy, minor: &Known<u32>) -> Self {
        let rights: Vec<Rights> = policy.roles.iter().map(|role| Rights::of(&role.rules)).collect();
        let leads = Leads::of(policy.roles.iter().map(|role| role.name.as_str()).zip(&rights));
        let roles: Vec<RoleInfo> =
            policy.roles.iter().zip(rights).map(|(role, rights)| RoleInfo::new(role, rights, minor, &leads)).collect();
        let mut grants = Vec::new();
        for binding in &policy.bindings {
            let grant = |place: Option<usize>| {
                let subject = place.and_then(|place| binding.subjects.get(place));
                Grant {
                    binding,
                    place,
                    who: subject.and_then(|subject| binding.who(subject)),
                    role: binding.role.and_then(|index| policy.roles.get(index).map(|role| (role, index))),
                    dangling: policy.dangling(binding),
                    origin: shipped().triple(binding, subject),
                    here: Arc::new(here(binding, place)),
                }
            };
            if binding.subjects.is_empty() {
                grants.push(grant(None));
            }
            grants.extend((0..binding.subjects.len()).map(|place| grant(Some(place))));
        }
        Self { policy, roles, grants, minor: minor.clone() }
    }

    fn info(&self, grant: &Grant<'_>) -> Option<&RoleInfo> {
        self.roles.get(grant.role?.1)
    }

    /// The rights of a grant beyond what is shipped: all of them, or those of added rules where the grant itself is shipped.
    pub(super) fn beyond(&self, grant: &Grant<'_>) -> Option<&Rights> {
        let info = self.info(grant)?;
        Some(if grant.is_shipped() { &info.extra_rights } else { &info.rights })
    }

    /// The rights of a grant, shipped or not.
    pub(super) fn rights(&self, grant: &Grant<'_>) -> Option<&Rights> {
        self.info(grant).map(|info| &info.rights)
    }

    /// Whether a grant gives anything beyond what is shipped.
    pub(super) fn is_beyond(&self, grant: &Grant<'_>) -> Known<bool> {
        if !grant.is_shipped() {
            return Known::Known(true);
        }
        match (self.info(grant), &grant.dangling) {
            (Some(info), _) => info.widened.clone(),
            (None, Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
            (None, Known::Known(_)) => Known::Known(false),
        }
    }

    /// Why it is not known whether what a grant gives is shipped.
    pub(super) fn doubt(&self, grant: &Grant<'_>) -> Option<Unseen> {
        match (self.is_beyond(grant), &grant.dangling) {
            (Known::Unknown(unseen), _) => Some(unseen),
            (_, Known::Unknown(unseen)) => Some(unseen.clone()),
            _ => None,
        }
    }

    /// Whether one grant by itself gives a kind of reach beyond what is shipped. A binding for nobody gives none.
    pub(super) fn gives(&self, grant: &Grant<'_>, kind: Kind) -> Held {
        let none = Held { value: Known::Known(false), evidence: Vec::new() };
        if grant.who.is_none() {
            return none;
        }
        let Some((role, _)) = grant.role else {
            let value = match &grant.dangling {
                Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
                Known::Known(_) => Known::Known(false),
            };
            return Held { value, ..none };
        };
        let Some(rights) = self.beyond(grant) else { return none };
        let rule = |atom: Atom| rights.rule_for(atom, grant.binding.namespace.as_deref());
        match kind.held(&self.minor, |atom| rule(atom).is_some(), |_| true) {
            Known::Known(None) => none,
            Known::Unknown(unseen) => Held { value: Known::Unknown(unseen), ..none },
            Known::Known(Some(atoms)) => match self.doubt(grant) {
                Some(unseen) => Held { value: Known::Unknown(unseen), ..none },
                None => {
                    let mut places: Vec<usize> = atoms.iter().filter_map(|&atom| rule(atom)).collect();
                    places.dedup();
                    let mut evidence: Vec<Arc<Evidence>> = places.into_iter().filter_map(|place| role.rule_evidence(place)).collect();
                    evidence.push(Arc::clone(&grant.here));
                    Held { value: Known::Known(true), evidence }
                }
            },
        }
    }
}

impl Grant<'_> {
    /// Whether binding, role and subject are what Kubernetes or kubeadm ships.
    pub(super) fn is_shipped(&self) -> bool {
        matches!(self.origin, Origin::Kubernetes | Origin::Kubeadm)
    }
}

/// Where one subject of a binding stands, or that it has none.
fn here(binding: &Binding, place: Option<usize>) -> Evidence {
    let pointer = place.map_or_else(|| "/subjects".to_owned(), |place| format!("/subjects/{place}"));
    binding.origin.at(pointer)
}

impl RoleInfo {
    fn new(role: &Role, rights: Rights, minor: &Known<u32>, leads: &Leads<'_>) -> Self {
        let worth = |names: &[String]| leads.worth(&role.name, names);
        let rights = rights.weighed(worth);
        let Some((origin, rules)) = shipped().role(role) else {
            let origin = if is_provider(&role.name) { Origin::Provider } else { Origin::Own };
            return Self { origin, rights, extra: Vec::new(), extra_rights: Rights::default(), widened: Known::Known(false) };
        };
        let added = |(index, rule): (usize, &PolicyRule)| (!rules.contains(rule) && !covers(rules, rule)).then_some(index);
        let extra: Vec<usize> = role.rules.iter().enumerate().filter_map(added).collect();
        let mut extra_rights = rights_at(role, &extra).weighed(worth);
        // What the shipped rules give anyway is not added.
        extra_rights.remove(&Rights::of(rules).weighed(worth));
        // Aggregated roles are made to be extended: only what gives a new kind of reach is drift, by itself or with what was there.
        let harmless = !Kind::any(|atom| rights.has(atom), |atom| extra_rights.has(atom));
        let widened = if extra.is_empty() || (role.selectors.is_some() && harmless) {
            Known::Known(false)
        } else {
            match minor {
                Known::Known(minor) if *minor == MINOR => Known::Known(true),
                // Another version may ship other rules; those that lead nowhere are not worth a doubt.
                Known::Known(_) if harmless => Known::Known(false),
                Known::Known(minor) => Known::Unknown(other_version(role, *minor)),
                Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
            }
        };
        Self { origin, rights, extra, extra_rights, widened }
    }

    /// The added rules in words.
    pub(super) fn extra_text(&self, role: &Role) -> Vec<String> {
        self.extra.iter().filter_map(|&index| role.rules.get(index)).map(describe).collect()
    }
}

/// The rights of some rules of a role, at their places in it.
fn rights_at(role: &Role, places: &[usize]) -> Rights {
    let nothing = PolicyRule::default();
    let rules: Vec<PolicyRule> =
        role.rules.iter().enumerate().map(|(index, rule)| if places.contains(&index) { rule.clone() } else { nothing.clone() }).collect();
    Rights::of(&rules)
}

fn other_version(role: &Role, minor: u32) -> Unseen {
    Unseen {
        kind: UnseenKind::NotUnderstood,
        what: format!("whether Kubernetes 1.{minor} ships all rules of the {} {}", role.kind(), role.name),
        why: format!("this program knows what Kubernetes 1.{MINOR} ships, and the role holds rules beyond that"),
        how_to_see: format!(
            "Compare its rules with the bootstrap policy of Kubernetes 1.{minor} (plugin/pkg/auth/authorizer/rbac/bootstrappolicy)."
        ),
        source: None,
        missing_rule: None,
    }
}
