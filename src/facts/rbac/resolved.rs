//! Bindings with their subjects and roles, each grant told apart from what Kubernetes ships.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::super::Known;
use super::kinds::Kind;
use super::leads::Leads;
use super::policy::{Binding, Policy, Role, Who};
use super::rights::{Atom, Bound, Rights};
use super::rules::{covers, describe};
use super::served::Served;
use super::server::Server;
use super::shipped::{Origin, Shipped, is_provider};
use super::standing::{Standing, rule_of};
use crate::model::{Evidence, Unseen};

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
    /// Why it may be shipped by a version that this program does not know.
    maybe_shipped: Option<Unseen>,
    /// Where the subject stands in the binding.
    pub(super) here: Arc<Evidence>,
    /// Of a ClusterRoleBinding, the namespace about whose object alone this is: a rule that names it gives there what a rule without
    /// names gives everywhere.
    pub(super) within: Option<String>,
}

/// All of it.
pub(super) struct Resolved<'p> {
    pub(super) policy: &'p Policy,
    pub(super) roles: Vec<RoleInfo>,
    pub(super) grants: Vec<Grant<'p>>,
    pub(super) server: Server,
    pub(super) shipped: Shipped,
}

/// Whether a kind of reach is held, and where that stands.
pub(super) struct Held {
    pub(super) value: Known<bool>,
    pub(super) evidence: Vec<Arc<Evidence>>,
}

impl<'p> Resolved<'p> {
    pub(super) fn new(policy: &'p Policy, mut server: Server, served: Served, kubeadm: Known<bool>) -> Self {
        let shipped = Shipped::of(&server.minor, kubeadm);
        let rights: Vec<Rights> = policy.roles.iter().map(|role| Rights::of(&role.rules, &served)).collect();
        let leads = Leads::of(policy.roles.iter().map(|role| (role.namespace.as_deref(), role.name.as_str())).zip(&rights));
        let roles: Vec<RoleInfo> =
            policy.roles.iter().zip(&rights).map(|(role, rights)| RoleInfo::new(role, rights.clone(), &shipped, &leads, &served)).collect();
        let mut grants = Vec::new();
        for binding in &policy.bindings {
            let grant = |place: Option<usize>, within: Option<String>| {
                let subject = place.and_then(|place| binding.subjects.get(place));
                Grant {
                    binding,
                    place,
                    who: subject.and_then(|subject| binding.who(subject)),
                    role: binding.role.and_then(|index| policy.roles.get(index).map(|role| (role, index))),
                    dangling: policy.dangling(binding),
                    origin: shipped.triple(binding, subject),
                    maybe_shipped: shipped.doubt_of_binding(binding, subject).cloned(),
                    here: Arc::new(here(binding, place)),
                    within,
                }
            };
            if binding.subjects.is_empty() {
                grants.push(grant(None, None));
            }
            let spaces = binding.role.filter(|_| binding.namespace.is_none()).and_then(|index| roles.get(index));
            let spaces = spaces.map(|info| info.rights.named_spaces()).into_iter().flatten();
            let places: Vec<Option<String>> = std::iter::once(None).chain(spaces.map(|space| Some(space.to_owned()))).collect();
            for place in 0..binding.subjects.len() {
                grants.extend(places.iter().map(|within| grant(Some(place), within.clone())));
            }
        }
        server.bootstrap = bootstrap(&grants, &roles, &server);
        Self { policy, roles, grants, server, shipped }
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
            return grant.maybe_shipped.clone().map_or(Known::Known(true), Known::Unknown);
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

    /// Whether a grant gives nothing: its role is missing, or has no rules.
    pub(super) fn gives_nothing(&self, grant: &Grant<'_>) -> Known<bool> {
        match grant.role {
            Some((role, _)) => Known::Known(role.rules.is_empty()),
            None => grant.dangling.clone(),
        }
    }

    /// Whether one grant gives a kind of reach beyond what is shipped, by itself or with what else its subject holds where the grant does.
    /// `standing` is what its subject holds; a binding for nobody has none, and gives none.
    pub(super) fn gives(&self, grant: &Grant<'_>, kind: Kind, standing: Option<&Standing<'_, '_, '_>>) -> Held {
        let none = Held { value: Known::Known(false), evidence: Vec::new() };
        let Some(standing) = standing else { return none };
        let Some((role, _)) = grant.role else {
            let value = match &grant.dangling {
                Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
                Known::Known(_) => Known::Known(false),
            };
            return Held { value, ..none };
        };
        let Some(rights) = self.beyond(grant) else { return none };
        let namespace = grant.namespace();
        let rule = |atom: Atom| rule_of(Some(rights), grant, atom);
        let other = |atom: Atom| standing.counting_in(namespace).find_map(|other| Some((other, rule_of(self.rights(other), other, atom)?)));
        match kind.held(&self.server, |atom| rule(atom).is_some() || other(atom).is_some(), |atom| rule(atom).is_some()) {
            Known::Known(None) => match rights.doubt_of(kind) {
                Some(unseen) => Held { value: Known::Unknown(unseen.clone()), ..none },
                None => none,
            },
            Known::Unknown(unseen) => Held { value: Known::Unknown(unseen), ..none },
            Known::Known(Some(atoms)) => match self.doubt(grant) {
                Some(unseen) => Held { value: Known::Unknown(unseen), ..none },
                None => {
                    let mut places: Vec<usize> = atoms.iter().filter_map(|&atom| rule(atom)).collect();
                    places.dedup();
                    let mut evidence: Vec<Arc<Evidence>> = places.into_iter().filter_map(|place| role.rule_evidence(place)).collect();
                    evidence.push(Arc::clone(&grant.here));
                    for (other, place) in atoms.iter().filter(|atom| rule(**atom).is_none()).filter_map(|&atom| other(atom)) {
                        evidence.extend(other.role.and_then(|(role, _)| role.rule_evidence(place)));
                        evidence.push(Arc::clone(&other.here));
                    }
                    Held { value: Known::Known(true), evidence }
                }
            },
        }
    }
}

impl Grant<'_> {
    /// The namespace in which it counts; none for the whole cluster.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.within.as_deref().or(self.binding.namespace.as_deref())
    }

    /// Whether binding, role and subject are what Kubernetes or kubeadm ships.
    pub(super) fn is_shipped(&self) -> bool {
        matches!(self.origin, Origin::Kubernetes | Origin::Kubeadm)
    }
}

/// The beginning of the names of all groups that a bootstrap token may name (`k8s.io/cluster-bootstrap/token/api`).
const BOOTSTRAPPERS: &str = "system:bootstrappers";

/// Whether whoever makes a bootstrap token has certificates of nodes by it: the server takes such tokens, and their groups, taken together
/// because one token may name all of them, may ask for a node's certificate and have it approved, as kubeadm lets them.
fn bootstrap(grants: &[Grant<'_>], roles: &[RoleInfo], server: &Server) -> Known<bool> {
    let of_groups = |grant: &&Grant<'_>| {
        let is_one = |who: &Who| who.kind == "Group" && (who.name == BOOTSTRAPPERS || who.name.starts_with("system:bootstrappers:"));
        grant.namespace().is_none() && grant.who.as_ref().is_some_and(is_one)
    };
    let held: Vec<&Grant<'_>> = grants.iter().filter(of_groups).collect();
    let has =
        |atom: Atom| held.iter().any(|grant| grant.role.and_then(|(_, index)| roles.get(index)).is_some_and(|info| info.rights.has(atom)));
    let certificates = Kind::ApproveCertificates.held(server, has, has);
    match (certificates, has(Atom::Everything)) {
        (_, true) | (Known::Known(Some(_)), _) => server.bootstrap.clone(),
        (Known::Known(None), false) => match held.iter().find_map(|grant| grant.dangling.unseen()) {
            Some(unseen) if server.bootstrap != Known::Known(false) => Known::Unknown(unseen.clone()),
            _ => Known::Known(false),
        },
        (Known::Unknown(unseen), false) => Known::Unknown(unseen),
    }
}

/// Where one subject of a binding stands, or that it has none.
fn here(binding: &Binding, place: Option<usize>) -> Evidence {
    let pointer = place.map_or_else(|| "/subjects".to_owned(), |place| format!("/subjects/{place}"));
    binding.origin.at(pointer)
}

impl RoleInfo {
    fn new(role: &Role, rights: Rights, shipped: &Shipped, leads: &Leads<'_>, served: &Served) -> Self {
        let place = role.namespace.as_deref();
        let given = |atom: Atom, bound: &Bound| match atom {
            Atom::GrantPods => {
                leads.gives(place, bound, &[Atom::Everything, Atom::WriteWorkloads, Atom::EphemeralContainers, Atom::GrantPods])
            }
            Atom::ReadLogs => leads.gives(place, bound, &[Atom::ReadLogs]),
            _ => leads.worth((place, &role.name), bound),
        };
        let rights = rights.weighed(given);
        let Some((origin, rules)) = shipped.role(role) else {
            let origin = if is_provider(&role.name) { Origin::Provider } else { Origin::Own };
            // A role that a version beyond those that are known may ship is not known to be somebody's own.
            let widened = shipped.doubt_of_role(role).cloned().map_or(Known::Known(false), Known::Unknown);
            return Self { origin, rights, extra: Vec::new(), extra_rights: Rights::default(), widened };
        };
        let added = |(index, rule): (usize, &PolicyRule)| (!rules.contains(rule) && !covers(rules, rule)).then_some(index);
        let extra: Vec<usize> = role.rules.iter().enumerate().filter_map(added).collect();
        let mut extra_rights = rights_at(role, &extra, served).weighed(given);
        // What the shipped rules give anyway is not added.
        extra_rights.remove(&Rights::of(rules, served).weighed(given));
        // Aggregated roles are made to be extended: only what gives a new kind of reach is drift, by itself or with what was there.
        // So is one on named objects of a kind on which the shipped rules give none.
        let harmless = !Kind::any(|atom| rights.has(atom), |atom| extra_rights.has(atom)) && extra_rights.named.is_empty();
        let widened = if extra.is_empty() || (role.selectors.is_some() && harmless) {
            Known::Known(false)
        } else {
            match shipped.doubt() {
                None => Known::Known(true),
                // Another version may ship other rules; those that lead nowhere are not worth a doubt.
                Some(_) if harmless => Known::Known(false),
                Some(unseen) => Known::Unknown(unseen.clone()),
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
fn rights_at(role: &Role, places: &[usize], served: &Served) -> Rights {
    let nothing = PolicyRule::default();
    let rules: Vec<PolicyRule> =
        role.rules.iter().enumerate().map(|(index, rule)| if places.contains(&index) { rule.clone() } else { nothing.clone() }).collect();
    Rights::of(&rules, served)
}
