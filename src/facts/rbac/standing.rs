//! What each subject holds, all its bindings and those of the groups that the server puts it into taken together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Known;
use super::kinds::{Kind, Way, first_way};
use super::policy::Who;
use super::resolved::{Grant, Held, Resolved};
use super::rights::{Atom, Rights};
use crate::model::Unseen;

/// Grants by the namespace of their binding; `None` for ClusterRoleBindings.
pub(super) type Places<'g, 'p> = BTreeMap<Option<String>, Vec<&'g Grant<'p>>>;

/// Everything that each subject holds.
pub(super) struct Holders<'g, 'p>(BTreeMap<&'g Who, Places<'g, 'p>>);

/// Everything that one subject holds.
#[derive(Default)]
pub(super) struct Standing<'h, 'g, 'p> {
    own: Option<&'h Places<'g, 'p>>,
    /// Grants of the groups that it is in by nature.
    implied: Vec<&'h Places<'g, 'p>>,
}

impl<'g, 'p> Holders<'g, 'p> {
    pub(super) fn of(resolved: &'g Resolved<'p>) -> Self {
        let mut holders: BTreeMap<&Who, Places<'_, '_>> = BTreeMap::new();
        for grant in &resolved.grants {
            if let Some(who) = &grant.who {
                holders.entry(who).or_default().entry(grant.namespace().map(str::to_owned)).or_default().push(grant);
            }
        }
        Self(holders)
    }

    /// Everybody whom a binding names.
    pub(super) fn everybody(&self) -> impl Iterator<Item = &'g Who> {
        self.0.keys().copied()
    }

    /// What somebody holds, whether a binding names it or not.
    pub(super) fn standing(&self, who: &Who) -> Standing<'_, 'g, 'p> {
        let group = |name: &String| self.0.get(&Who::named("Group", name));
        Standing { own: self.0.get(who), implied: who.implied_groups().iter().filter_map(group).collect() }
    }
}

impl<'g, 'p> Standing<'_, 'g, 'p> {
    /// Places of the bindings that name it.
    pub(super) fn own_places(&self) -> impl Iterator<Item = &Option<String>> {
        self.own.into_iter().flat_map(BTreeMap::keys)
    }

    /// Places of all bindings that give it something.
    pub(super) fn places(&self) -> BTreeSet<Option<String>> {
        self.own_places().chain(self.implied.iter().flat_map(|places| places.keys())).cloned().collect()
    }

    /// Grants of bindings of exactly that place that name it.
    pub(super) fn own_at(&self, namespace: Option<&str>) -> impl Iterator<Item = &'g Grant<'p>> {
        let key = namespace.map(str::to_owned);
        self.own.and_then(|places| places.get(&key)).into_iter().flatten().copied()
    }

    /// Grants of bindings of exactly that place, those of its groups too.
    pub(super) fn at(&self, namespace: Option<&str>) -> impl Iterator<Item = &'g Grant<'p>> {
        let key = namespace.map(str::to_owned);
        self.own.into_iter().chain(self.implied.iter().copied()).filter_map(move |places| places.get(&key)).flatten().copied()
    }

    /// Grants that count in a place: those of the place itself, and everywhere those of ClusterRoleBindings.
    pub(super) fn counting_in(&self, namespace: Option<&str>) -> impl Iterator<Item = &'g Grant<'p>> {
        let here = namespace.map(|namespace| self.at(Some(namespace)));
        here.into_iter().flatten().chain(self.at(None))
    }

    /// Whether it has a kind of reach in a place beyond what is shipped: all rights of one way are there, and one that is not shipped
    /// comes from a binding of this place that names it. With the bindings that give it.
    pub(super) fn beyond(&self, resolved: &Resolved<'_>, kind: Kind, namespace: Option<&str>) -> (Held, Vec<String>) {
        self.made_of(resolved, namespace, |held, decisive| kind.held(&resolved.server, held, decisive))
    }

    fn made_of(
        &self,
        resolved: &Resolved<'_>,
        namespace: Option<&str>,
        ask: impl Fn(&dyn Fn(Atom) -> bool, &dyn Fn(Atom) -> bool) -> Known<Option<&'static [Atom]>>,
    ) -> (Held, Vec<String>) {
        let all = || self.counting_in(namespace);
        let here = || self.own_at(namespace);
        let gives = |grant: &Grant<'_>, atom: Atom| rule_of(resolved.rights(grant), grant, atom).is_some();
        let adds = |grant: &Grant<'_>, atom: Atom| rule_of(resolved.beyond(grant), grant, atom).is_some();
        let held = ask(&|atom| all().any(|grant| gives(grant, atom)), &|atom| here().any(|grant| adds(grant, atom)));
        let none = |value| (Held { value, evidence: Vec::new() }, Vec::new());
        let atoms = match held {
            Known::Unknown(unseen) => return none(Known::Unknown(unseen)),
            Known::Known(None) => {
                let unread: Option<Unseen> = here().find_map(|grant| match &grant.dangling {
                    Known::Unknown(unseen) => Some(unseen.clone()),
                    Known::Known(_) => None,
                });
                return none(unread.map_or(Known::Known(false), Known::Unknown));
            }
            Known::Known(Some(atoms)) => atoms,
        };
        // What is certain decides; a shipped role with rules of which that is not known leaves a doubt.
        let certain = |grant: &&Grant<'_>| resolved.doubt(grant).is_none();
        let decided = atoms.iter().any(|&atom| here().filter(certain).any(|grant| adds(grant, atom)));
        if !decided
            && let Some(unseen) = here().filter(|grant| atoms.iter().any(|&atom| adds(grant, atom))).find_map(|grant| resolved.doubt(grant))
        {
            return none(Known::Unknown(unseen));
        }
        let mut evidence = Vec::new();
        let mut bindings = Vec::new();
        for &atom in atoms {
            // The grant of this place first, because it is what makes the difference; then any other that gives the right.
            let best = here().find(|grant| adds(grant, atom)).or_else(|| all().find(|grant| gives(grant, atom)));
            if let Some(grant) = best
                && let Some(rule) = rule_of(resolved.rights(grant), grant, atom)
                && let Some((role, _)) = grant.role
            {
                evidence.extend(role.rule_evidence(rule));
                evidence.push(Arc::clone(&grant.here));
            }
            bindings.extend(all().filter(|grant| gives(grant, atom)).map(|grant| grant.binding.via()));
        }
        (Held { value: Known::Known(true), evidence }, bindings)
    }

    /// The same where no binding of the place names it: what it holds in the whole cluster makes up the kind only with what one of its
    /// groups holds in this place.
    pub(super) fn beyond_with_groups(&self, resolved: &Resolved<'_>, kind: Kind, namespace: &str) -> (Held, Vec<String>) {
        let gives = |grant: &Grant<'_>, atom: Atom| rule_of(resolved.rights(grant), grant, atom).is_some();
        let adds = |grant: &Grant<'_>, atom: Atom| rule_of(resolved.beyond(grant), grant, atom).is_some();
        let own = |atom: Atom| self.own_at(None).any(|grant| adds(grant, atom));
        let everywhere = kind.held(&resolved.server, |atom| self.at(None).any(|grant| gives(grant, atom)), own);
        let here = kind.held(&resolved.server, |atom| self.counting_in(Some(namespace)).any(|grant| gives(grant, atom)), own);
        let none = Held { value: Known::Known(false), evidence: Vec::new() };
        let (Known::Known(None), Known::Known(Some(atoms))) = (everywhere, here) else { return (none, Vec::new()) };
        let givers: Vec<&Grant<'_>> =
            self.counting_in(Some(namespace)).filter(|grant| atoms.iter().any(|&atom| gives(grant, atom))).collect();
        let mut evidence = Vec::new();
        for grant in &givers {
            let rules = atoms.iter().filter_map(|&atom| rule_of(resolved.rights(grant), grant, atom));
            evidence.extend(rules.filter_map(|rule| grant.role.and_then(|(role, _)| role.rule_evidence(rule))));
            evidence.push(Arc::clone(&grant.here));
        }
        (Held { value: Known::Known(true), evidence }, givers.iter().map(|grant| grant.binding.via()).collect())
    }

    /// Whether a kind of reach is held anywhere beyond what is shipped.
    pub(super) fn anywhere(&self, resolved: &Resolved<'_>, kind: Kind) -> Held {
        let mut doubt = None;
        for namespace in self.own_places() {
            let (held, _) = self.beyond(resolved, kind, namespace.as_deref());
            match held.value {
                Known::Known(true) => return held,
                Known::Known(false) => {}
                Known::Unknown(_) => doubt = Some(held),
            }
        }
        doubt.unwrap_or(Held { value: Known::Known(false), evidence: Vec::new() })
    }

    /// Whether shipped bindings of this place alone give it.
    pub(super) fn by_shipped(&self, resolved: &Resolved<'_>, kind: Kind, namespace: Option<&str>) -> bool {
        let here = || self.own_at(namespace).filter(|grant| grant.is_shipped());
        let gives = |atom: Atom| here().any(|grant| rule_of(resolved.rights(grant), grant, atom).is_some());
        matches!(kind.held(&resolved.server, gives, gives), Known::Known(Some(_)))
    }

    /// Everything that it can do in a place, shipped or not, to which a binding of that place contributes: a binding that does.
    pub(super) fn in_fact(&self, resolved: &Resolved<'_>, kind: Kind, namespace: Option<&str>) -> Known<Option<&'g Grant<'p>>> {
        self.fact(resolved, namespace, |held, decisive| kind.held(&resolved.server, held, decisive))
    }

    /// The same of ways that are no kind of their own.
    pub(super) fn by_ways(&self, resolved: &Resolved<'_>, ways: &'static [Way], namespace: Option<&str>) -> Known<Option<&'g Grant<'p>>> {
        self.fact(resolved, namespace, |held, decisive| first_way(ways, &resolved.server, held, decisive))
    }

    fn fact(
        &self,
        resolved: &Resolved<'_>,
        namespace: Option<&str>,
        ask: impl Fn(&dyn Fn(Atom) -> bool, &dyn Fn(Atom) -> bool) -> Known<Option<&'static [Atom]>>,
    ) -> Known<Option<&'g Grant<'p>>> {
        let gives = |grant: &Grant<'_>, atom: Atom| rule_of(resolved.rights(grant), grant, atom).is_some();
        let held = ask(&|atom| self.counting_in(namespace).any(|grant| gives(grant, atom)), &|atom| {
            self.at(namespace).any(|grant| gives(grant, atom))
        });
        held.map(|atoms| atoms.and_then(|atoms| self.at(namespace).find(|grant| atoms.iter().any(|&atom| gives(grant, atom)))))
    }
}

/// The rule of a grant's rights that gives a right where the grant holds.
pub(super) fn rule_of(rights: Option<&Rights>, grant: &Grant<'_>, atom: Atom) -> Option<usize> {
    match &grant.within {
        Some(namespace) => rights?.space_rule(atom, namespace),
        None => rights?.rule_for(atom, grant.namespace()),
    }
}
