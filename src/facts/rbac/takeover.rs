//! Where reach leads by further steps: whoever can act as a service account holds what the account holds, in whichever namespace, and can
//! take the account's own steps from there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::super::Known;
use super::kinds::{Kind, SHELL};
use super::policy::Who;
use super::resolved::{Grant, Resolved};
use super::rights::Atom;
use super::standing::{Holders, Standing, rule_of};
use super::steps;
use super::things::IDENTITIES;
use crate::model::Unseen;

/// Namespace and name.
pub(super) type Account = (String, String);

/// What is known of service accounts beside what they hold.
pub(super) struct Population {
    /// All that there are.
    pub(super) existing: Known<BTreeSet<Account>>,
    /// Those whose token is in a running pod.
    pub(super) running: Known<BTreeSet<Account>>,
    /// Accounts by namespace and name of a Secret that they list.
    pub(super) listed_secrets: BTreeMap<Account, Vec<String>>,
}

/// Whom a step makes its holder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Start {
    /// Any service account of a namespace, or of all; `makes` where the holder may create accounts that a binding already names.
    Accounts { namespace: Option<String>, makes: bool },
    /// Any whose token is in a running pod there.
    Running(Option<String>),
    /// One identity.
    One(Who),
}

/// A kind of reach with the way to it in words.
pub(super) type Kinds = BTreeMap<Kind, String>;
/// Kinds by the place in which they hold; `None` is the whole cluster.
pub(super) type ByPlace = BTreeMap<Option<String>, Kinds>;

/// What something leads to.
#[derive(Clone, Debug, Default)]
pub(super) struct Leads {
    pub(super) kinds: ByPlace,
    /// Further kinds, and why it is not known whether it leads to them.
    pub(super) perhaps: BTreeMap<Option<String>, BTreeMap<Kind, Unseen>>,
    /// The way to a right on APIs of some name, of which it is not known what it is worth.
    pub(super) apis: Option<String>,
    /// Why it may be more, wherever.
    pub(super) doubt: Option<Unseen>,
}

/// What one identity holds, and where it gets to from there.
#[derive(Default)]
struct Direct {
    kinds: ByPlace,
    /// Kinds that it has by rights on named objects which are as good as the whole right.
    by_name: ByPlace,
    /// A right on APIs of some name.
    apis: Option<String>,
    perhaps: Vec<(Option<String>, Kind, Unseen)>,
    starts: BTreeSet<Start>,
    /// Steps that it may have or not.
    maybe: Vec<(Start, Unseen)>,
    doubt: Option<Unseen>,
}

/// One step with what it is in words.
pub(super) struct Step {
    pub(super) start: Start,
    pub(super) how: &'static str,
    /// Whether it is restricted to named objects.
    pub(super) named: bool,
    /// Why it is not known whether it is one.
    pub(super) maybe: Option<Unseen>,
}

/// Kinds of reach that make their holder any service account of the place, and how.
const BY_KIND: &[(Kind, &str)] = &[
    (Kind::Everything, "any verb on any resource"),
    (Kind::Escalate, "rights that it gives itself"),
    (Kind::BecomeServiceAccounts, "a token or impersonation"),
    (Kind::WriteWorkloads, "a pod that runs as the account"),
    (Kind::ReadSecrets, "a token that is kept in a Secret"),
];
/// Whether a kind of reach in a place is a step. Whoever reads every Secret of the cluster is called dangerous for that; which accounts keep
/// a token in one is not visible, and to take all of them for it would say too much.
fn is_step(kind: Kind, namespace: Option<&str>) -> bool {
    BY_KIND.iter().any(|(by, _)| *by == kind) && (kind != Kind::ReadSecrets || namespace.is_some())
}
const BY_SHELL: &str = "a shell in a pod that holds its token";

/// The closure of reach.
pub(super) struct Takeover<'r, 'p> {
    pub(super) resolved: &'r Resolved<'p>,
    holders: &'r Holders<'r, 'p>,
    pub(super) population: &'r Population,
    /// Accounts that bindings name, by namespace.
    named: BTreeMap<&'r str, Vec<&'r Who>>,
    /// Namespaces whose accounts hold something of their own, one by one or as a group; and `default`, for what all accounts hold.
    pub(super) holding: BTreeSet<&'r str>,
    /// Namespaces of the accounts that there are, by their name.
    pub(super) by_name: BTreeMap<&'r str, Vec<&'r str>>,
    direct: RefCell<BTreeMap<Who, Rc<Direct>>>,
    leads: RefCell<BTreeMap<Start, Rc<Leads>>>,
}

impl<'r, 'p> Takeover<'r, 'p> {
    pub(super) fn new(resolved: &'r Resolved<'p>, holders: &'r Holders<'r, 'p>, population: &'r Population) -> Self {
        let mut named: BTreeMap<&str, Vec<&Who>> = BTreeMap::new();
        for who in holders.everybody() {
            if let ("ServiceAccount", Some(namespace)) = (who.kind, &who.namespace) {
                named.entry(namespace).or_default().push(who);
            }
        }
        let groups = holders.everybody().filter(|who| who.kind == "Group");
        let of_groups = groups.filter_map(|who| who.name.strip_prefix("system:serviceaccounts:"));
        let holding = named.keys().copied().chain(of_groups).chain(["default"]).collect();
        let by_name = steps::by_name(population.existing.known().into_iter().flatten());
        Self { resolved, holders, population, named, holding, by_name, direct: RefCell::default(), leads: RefCell::default() }
    }

    /// The steps that a grant gives its subject beyond what is shipped, alone or with what else it holds in the place; and why there may
    /// be more.
    pub(super) fn steps(&self, grant: &Grant<'_>) -> (Vec<Step>, Option<Unseen>) {
        let mut steps = Vec::new();
        let (Some(who), Some(rights)) = (&grant.who, self.resolved.beyond(grant)) else { return (steps, None) };
        let namespace = grant.binding.namespace.clone();
        let standing = self.holders.standing(who);
        let mut add = |start: Start, how: &'static str, held: Known<bool>| {
            let maybe = match held {
                Known::Known(true) => None,
                Known::Known(false) => return,
                Known::Unknown(unseen) => Some(unseen),
            };
            steps.push(Step { start, how, named: false, maybe });
        };
        for &(kind, how) in BY_KIND.iter().filter(|(kind, _)| is_step(*kind, namespace.as_deref())) {
            let held = self.resolved.gives(grant, kind, Some(&standing)).value;
            if held != Known::Known(false) {
                let makes = self.makes(&standing, namespace.as_deref());
                add(Start::Accounts { namespace: namespace.clone(), makes }, how, held);
            }
        }
        if SHELL_ATOMS.iter().any(|&atom| rule_of(Some(rights), grant, atom).is_some()) {
            let held = standing.by_ways(self.resolved, SHELL, namespace.as_deref()).map(|grant| grant.is_some());
            add(Start::Running(namespace.clone()), BY_SHELL, held);
        }
        for (_, step) in &rights.steps {
            let found = self.named(step, namespace.as_deref(), &standing);
            steps.extend(found.into_iter().map(|(start, how, maybe)| Step { start, how, named: true, maybe }));
        }
        (steps, grant.dangling.unseen().cloned())
    }

    /// What an identity gains by some steps beyond what it holds itself, the same kinds in the same place left out.
    pub(super) fn gain<'s>(&self, who: &Who, steps: impl Iterator<Item = (&'s Start, Option<&'s Unseen>)>) -> Leads {
        let mut gain = Leads::default();
        for (start, maybe) in steps {
            gain.take(&self.leads(start), maybe);
        }
        if gain.kinds.is_empty() && gain.perhaps.is_empty() {
            return gain;
        }
        let own = self.direct(who);
        let all_of = |kinds: &ByPlace| kinds.get(&None).into_iter().flat_map(BTreeMap::keys).copied().collect::<BTreeSet<Kind>>();
        let everywhere = all_of(&gain.kinds);
        let has = |place: &Option<String>, kind: Kind| own.kinds.get(place).is_some_and(|kinds| kinds.contains_key(&kind));
        let all = has(&None, Kind::Everything);
        let holds = |place: &Option<String>, kind: Kind| all || has(&None, kind) || has(place, kind) || has(place, Kind::Everything);
        let perhaps_everywhere: BTreeSet<Kind> = gain.perhaps.get(&None).into_iter().flat_map(BTreeMap::keys).copied().collect();
        let sure = &gain.kinds;
        for (place, kinds) in &mut gain.perhaps {
            let is_sure = |kind: Kind| everywhere.contains(&kind) || sure.get(place).is_some_and(|kinds| kinds.contains_key(&kind));
            kinds.retain(|&kind, _| !(holds(place, kind) || is_sure(kind) || (place.is_some() && perhaps_everywhere.contains(&kind))));
        }
        for (place, kinds) in &mut gain.kinds {
            kinds.retain(|&kind, _| !(holds(place, kind) || (place.is_some() && everywhere.contains(&kind))));
        }
        gain.kinds.retain(|_, kinds| !kinds.is_empty());
        gain.perhaps.retain(|_, kinds| !kinds.is_empty());
        gain
    }

    /// Everything that an identity can do, by what it holds and by further steps.
    pub(super) fn all(&self, who: &Who) -> Leads {
        let direct = self.direct(who);
        let surely = direct.starts.iter().map(|start| (start, None));
        let mut all = self.gain(who, surely.chain(direct.maybe.iter().map(|(start, unseen)| (start, Some(unseen)))));
        for (place, kinds) in direct.kinds.iter().chain(&direct.by_name) {
            all.kinds.entry(place.clone()).or_default().extend(kinds.iter().map(|(&kind, via)| (kind, via.clone())));
        }
        for (place, kind, unseen) in &direct.perhaps {
            all.perhaps.entry(place.clone()).or_default().entry(*kind).or_insert_with(|| unseen.clone());
        }
        all.apis = direct.apis.clone().or(all.apis);
        all.doubt = direct.doubt.clone().or(all.doubt);
        all
    }

    fn direct(&self, who: &Who) -> Rc<Direct> {
        if let Some(known) = self.direct.borrow().get(who) {
            return Rc::clone(known);
        }
        let found = Rc::new(self.compute_direct(who));
        self.direct.borrow_mut().insert(who.clone(), Rc::clone(&found));
        found
    }

    fn compute_direct(&self, who: &Who) -> Direct {
        let standing = self.holders.standing(who);
        let mut direct = Direct::default();
        for place in standing.places() {
            let namespace = place.as_deref();
            let makes = self.makes(&standing, namespace);
            let mut kinds = Kinds::new();
            for kind in Kind::ALL {
                let start = || Start::Accounts { namespace: place.clone(), makes };
                match standing.in_fact(self.resolved, kind, namespace) {
                    Known::Known(Some(grant)) => {
                        kinds.insert(kind, grant.binding.via());
                        if is_step(kind, namespace) {
                            direct.starts.insert(start());
                        }
                    }
                    Known::Known(None) => {}
                    Known::Unknown(unseen) => {
                        if is_step(kind, namespace) {
                            direct.maybe.push((start(), unseen.clone()));
                        }
                        direct.perhaps.push((place.clone(), kind, unseen));
                    }
                }
            }
            let by_name = self.by_name(&standing, namespace);
            if !by_name.is_empty() {
                direct.by_name.insert(place.clone(), by_name);
            }
            if !kinds.is_empty() {
                direct.kinds.insert(place.clone(), kinds);
            }
            match standing.by_ways(self.resolved, SHELL, namespace) {
                Known::Known(Some(_)) => {
                    direct.starts.insert(Start::Running(place.clone()));
                }
                Known::Known(None) => {}
                Known::Unknown(unseen) => direct.maybe.push((Start::Running(place.clone()), unseen)),
            }
            for grant in standing.at(namespace) {
                if let Known::Unknown(unseen) = &grant.dangling {
                    direct.doubt = Some(unseen.clone());
                }
                let named = |atom: Atom| rule_of(self.resolved.rights(grant), grant, atom).is_some();
                if namespace.is_none() && named(Atom::AnApi) {
                    direct.apis = direct.apis.take().or_else(|| Some(grant.binding.via()));
                }
                for (_, step) in self.resolved.rights(grant).into_iter().flat_map(|rights| &rights.steps) {
                    for (start, _, maybe) in self.named(step, namespace, &standing) {
                        match maybe {
                            None => drop(direct.starts.insert(start)),
                            // Of what is shipped, the name is that of Kubernetes' own object.
                            Some(_) if grant.is_shipped() => {}
                            Some(unseen) => direct.maybe.push((start, unseen)),
                        }
                    }
                }
            }
        }
        direct
    }

    /// Kinds of which a right on one object of the right name is as good as the whole.
    fn by_name(&self, standing: &Standing<'_, '_, '_>, namespace: Option<&str>) -> Kinds {
        let words = |grant: &Grant<'_>| format!("{} (by name)", grant.binding.via());
        let find = |is: &dyn Fn(&Grant<'_>) -> bool| standing.at(namespace).find(|grant| is(grant)).map(words);
        let intercepts = |grant: &Grant<'_>| rule_of(self.resolved.rights(grant), grant, Atom::AnInterceptor).is_some();
        let maps = |grant: &Grant<'_>| {
            let rights = self.resolved.rights(grant).filter(|_| grant.within.is_none());
            rights.is_some_and(|rights| rights.settings(namespace).iter().any(|name| name == IDENTITIES))
        };
        let found = [(Kind::ChangePolicies, find(&intercepts)), (Kind::ChangeSystemConfig, find(&maps))];
        found.into_iter().filter_map(|(kind, via)| Some((kind, via?))).collect()
    }

    /// Whom a start is, and why there may be more of them.
    fn members(&self, start: &Start) -> (Vec<Who>, Option<Unseen>) {
        let existing = &self.population.existing;
        match start {
            Start::One(who) => (vec![who.clone()], None),
            Start::Running(namespace) => match &self.population.running {
                Known::Known(running) => {
                    let here = |(space, _): &&Account| namespace.as_ref().is_none_or(|namespace| namespace == space);
                    (running.iter().filter(here).map(|(space, name)| Who::account(space, name)).collect(), None)
                }
                Known::Unknown(unseen) => (Vec::new(), Some(unseen.clone())),
            },
            Start::Accounts { namespace, makes } => {
                // Every namespace has an account `default`, which holds what the groups of service accounts hold.
                let spaces: BTreeSet<&str> = match namespace {
                    Some(namespace) => BTreeSet::from([namespace.as_str()]),
                    None => self.holding.clone(),
                };
                let mut members: BTreeSet<Who> = spaces.iter().map(|space| Who::account(space, "default")).collect();
                let mut doubt = None;
                for who in spaces.iter().filter_map(|space| self.named.get(space)).flatten() {
                    let known = existing
                        .as_ref()
                        .map(|all| who.namespace.as_ref().is_some_and(|namespace| all.contains(&(namespace.clone(), who.name.clone()))));
                    match known {
                        _ if *makes => {
                            members.insert((*who).clone());
                        }
                        Known::Known(true) => {
                            members.insert((*who).clone());
                        }
                        Known::Known(false) => {}
                        Known::Unknown(unseen) => doubt = Some(unseen),
                    }
                }
                (members.into_iter().collect(), doubt)
            }
        }
    }

    /// Everything that a start leads to.
    fn leads(&self, start: &Start) -> Rc<Leads> {
        if let Some(known) = self.leads.borrow().get(start) {
            return Rc::clone(known);
        }
        let mut found = Leads::default();
        let mut walk = Walk::default();
        walk.enter(self, start, "", None);
        while let Some((who, chain, _)) = walk.queue.pop_front() {
            let direct = self.direct(&who);
            walk.doubt = walk.doubt.take().or_else(|| direct.doubt.clone());
            for (place, kinds) in direct.kinds.iter().chain(&direct.by_name) {
                for (&kind, via) in kinds {
                    found.kinds.entry(place.clone()).or_default().entry(kind).or_insert_with(|| format!("{chain} → {via}"));
                }
            }
            found.apis = found.apis.take().or_else(|| direct.apis.as_ref().map(|via| format!("{chain} → {via}")));
            found.unsure(&direct.perhaps);
            for next in &direct.starts {
                walk.enter(self, next, &chain, None);
            }
            walk.maybe.extend(direct.maybe.iter().cloned());
        }
        // Only then the steps of which it is not known whether they are any: what is sure is not in doubt.
        for (next, unseen) in std::mem::take(&mut walk.maybe) {
            walk.enter(self, &next, "", Some(unseen));
        }
        while let Some((who, chain, Some(unseen))) = walk.queue.pop_front() {
            let direct = self.direct(&who);
            walk.doubt = walk.doubt.take().or_else(|| direct.doubt.clone());
            let kinds = direct.kinds.iter().chain(&direct.by_name);
            let held = kinds.flat_map(|(place, kinds)| kinds.keys().map(|&kind| (place.clone(), kind, unseen.clone())));
            found.unsure(&held.collect::<Vec<_>>());
            found.unsure(&direct.perhaps);
            found.apis = found.apis.take().or_else(|| direct.apis.as_ref().map(|via| format!("{chain} → {via}")));
            for next in direct.starts.iter().chain(direct.maybe.iter().map(|(next, _)| next)) {
                walk.enter(self, next, &chain, Some(unseen.clone()));
            }
        }
        found.doubt = walk.doubt;
        let found = Rc::new(found);
        self.leads.borrow_mut().insert(start.clone(), Rc::clone(&found));
        found
    }
}

/// Who was found on the way, and where it goes on.
#[derive(Default)]
struct Walk {
    started: BTreeSet<Start>,
    seen: BTreeSet<Who>,
    /// With the way in words, and why it is not sure.
    queue: VecDeque<(Who, String, Option<Unseen>)>,
    maybe: Vec<(Start, Unseen)>,
    doubt: Option<Unseen>,
}

impl Walk {
    fn enter(&mut self, takeover: &Takeover<'_, '_>, start: &Start, chain: &str, maybe: Option<Unseen>) {
        if !self.started.insert(start.clone()) {
            return;
        }
        let (members, doubt) = takeover.members(start);
        self.doubt = self.doubt.take().or(doubt);
        for who in members {
            if self.seen.insert(who.clone()) {
                let text = if chain.is_empty() { who.text() } else { format!("{chain} → {}", who.text()) };
                self.queue.push_back((who, text, maybe.clone()));
            }
        }
    }
}

impl Leads {
    /// Adds what a step leads to, for sure or perhaps.
    fn take(&mut self, leads: &Self, maybe: Option<&Unseen>) {
        self.doubt = self.doubt.take().or_else(|| leads.doubt.clone());
        self.apis = self.apis.take().or_else(|| leads.apis.clone());
        for (place, kinds) in &leads.kinds {
            for (&kind, path) in kinds {
                match maybe {
                    None => drop(self.kinds.entry(place.clone()).or_default().entry(kind).or_insert_with(|| path.clone())),
                    Some(unseen) => self.unsure(&[(place.clone(), kind, unseen.clone())]),
                }
            }
        }
        for (place, kinds) in &leads.perhaps {
            let unseen = |own: &Unseen| maybe.unwrap_or(own).clone();
            self.unsure(&kinds.iter().map(|(&kind, own)| (place.clone(), kind, unseen(own))).collect::<Vec<_>>());
        }
    }

    fn unsure(&mut self, kinds: &[(Option<String>, Kind, Unseen)]) {
        for (place, kind, unseen) in kinds {
            self.perhaps.entry(place.clone()).or_default().entry(*kind).or_insert_with(|| unseen.clone());
        }
    }
}

const SHELL_ATOMS: &[Atom] = &[Atom::ShellCreate, Atom::ShellGet, Atom::EphemeralContainers, Atom::ChangePods];
