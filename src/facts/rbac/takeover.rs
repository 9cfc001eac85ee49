//! Where reach leads by further steps: whoever can act as a service account holds what the account holds, in whichever namespace, and can
//! take the account's own steps from there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::super::Known;
use super::kinds::{CONSTRAINED, Kind, SHELL};
use super::policy::Who;
use super::resolved::{Grant, Resolved};
use super::rights::{Atom, NamedStep};
use super::standing::{Holders, Standing, rule_of};
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
    /// Why it may be more.
    pub(super) doubt: Option<Unseen>,
}

/// What one identity holds, and where it gets to from there.
struct Direct {
    kinds: ByPlace,
    starts: BTreeSet<Start>,
    doubt: Option<Unseen>,
}

/// One step with what it is in words.
pub(super) struct Step {
    pub(super) start: Start,
    pub(super) how: &'static str,
    /// Whether it is restricted to named objects.
    pub(super) named: bool,
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
    resolved: &'r Resolved<'p>,
    holders: &'r Holders<'r, 'p>,
    population: &'r Population,
    /// Accounts that bindings name, by namespace.
    named: BTreeMap<&'r str, Vec<&'r Who>>,
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
        Self { resolved, holders, population, named, direct: RefCell::default(), leads: RefCell::default() }
    }

    /// The steps that a grant gives its subject beyond what is shipped, alone or with what else it holds in the place; and why there may
    /// be more.
    pub(super) fn steps(&self, grant: &Grant<'_>) -> (Vec<Step>, Option<Unseen>) {
        let (mut steps, mut doubt) = (Vec::new(), None);
        let (Some(who), Some(rights)) = (&grant.who, self.resolved.beyond(grant)) else { return (steps, doubt) };
        let namespace = grant.binding.namespace.clone();
        let standing = self.holders.standing(who);
        for &(kind, how) in BY_KIND.iter().filter(|(kind, _)| is_step(*kind, namespace.as_deref())) {
            match self.resolved.gives(grant, kind, Some(&standing)).value {
                Known::Known(true) => {
                    let makes = self.makes(&standing, namespace.as_deref());
                    steps.push(Step { start: Start::Accounts { namespace: namespace.clone(), makes }, how, named: false });
                }
                Known::Known(false) => {}
                Known::Unknown(unseen) => doubt = Some(unseen),
            }
        }
        if SHELL_ATOMS.iter().any(|&atom| rule_of(Some(rights), grant, atom).is_some()) {
            match standing.by_ways(self.resolved, SHELL, namespace.as_deref()) {
                Known::Known(Some(_)) => steps.push(Step { start: Start::Running(namespace.clone()), how: BY_SHELL, named: false }),
                Known::Known(None) => {}
                Known::Unknown(unseen) => doubt = Some(unseen),
            }
        }
        for (_, step) in &rights.steps {
            if let NamedStep::Pods(names) = step {
                // As which account a pod of that name runs is not followed: a doubt only where some account there would lead on.
                let running = [Start::Running(namespace.clone())];
                if !self.gain(who, running.iter()).kinds.is_empty() {
                    doubt = Some(pods_by_name(names));
                }
            }
            let (found, open) = self.named(step, namespace.as_deref(), &standing);
            steps.extend(found.into_iter().map(|(start, how)| Step { start, how, named: true }));
            doubt = open.or(doubt);
        }
        (steps, self.resolved.doubt(grant).or(doubt))
    }

    /// Where steps of somebody lead, without what that holds anyway.
    pub(super) fn gain<'s>(&self, who: &Who, starts: impl Iterator<Item = &'s Start>) -> Leads {
        let mut gain = Leads::default();
        for start in starts {
            let leads = self.leads(start);
            gain.doubt = gain.doubt.or_else(|| leads.doubt.clone());
            for (place, kinds) in &leads.kinds {
                for (&kind, path) in kinds {
                    gain.kinds.entry(place.clone()).or_default().entry(kind).or_insert_with(|| path.clone());
                }
            }
        }
        if gain.kinds.is_empty() {
            return gain;
        }
        let own = self.direct(who);
        let everywhere: BTreeSet<Kind> = gain.kinds.get(&None).into_iter().flat_map(BTreeMap::keys).copied().collect();
        let has = |place: &Option<String>, kind: Kind| own.kinds.get(place).is_some_and(|kinds| kinds.contains_key(&kind));
        let all = has(&None, Kind::Everything);
        for (place, kinds) in &mut gain.kinds {
            let here = place.is_some();
            kinds.retain(|&kind, _| {
                !(all || has(&None, kind) || has(place, kind) || has(place, Kind::Everything) || (here && everywhere.contains(&kind)))
            });
        }
        gain.kinds.retain(|_, kinds| !kinds.is_empty());
        gain
    }

    /// Everything that an identity can do, by what it holds and by further steps.
    pub(super) fn all(&self, who: &Who) -> Leads {
        let direct = self.direct(who);
        let mut all = self.gain(who, direct.starts.iter());
        for (place, kinds) in &direct.kinds {
            all.kinds.entry(place.clone()).or_default().extend(kinds.iter().map(|(&kind, via)| (kind, via.clone())));
        }
        all.doubt = direct.doubt.clone().or(all.doubt);
        all
    }

    /// Whether somebody may create service accounts in a place.
    fn makes(&self, standing: &Standing<'_, '_, '_>, namespace: Option<&str>) -> bool {
        standing.counting_in(namespace).any(|grant| rule_of(self.resolved.rights(grant), grant, Atom::CreateAccounts).is_some())
    }

    /// Whether somebody holds the second half of constrained impersonation, on whatever is then asked for and wherever.
    fn constrained(&self, standing: &Standing<'_, '_, '_>, half: Atom) -> Known<bool> {
        let held = standing
            .places()
            .iter()
            .any(|place| standing.at(place.as_deref()).any(|grant| self.resolved.rights(grant).is_some_and(|rights| rights.has(half))));
        if held { self.resolved.server.leaves_open(&CONSTRAINED) } else { Known::Known(false) }
    }

    /// Whom a step on named objects makes its holder, and why there may be more.
    fn named(
        &self,
        step: &NamedStep,
        namespace: Option<&str>,
        standing: &Standing<'_, '_, '_>,
    ) -> (Vec<(Start, &'static str)>, Option<Unseen>) {
        let one = |who: Who, how| (Start::One(who), how);
        // A right in the whole cluster on named objects is one in every namespace.
        let spaces: Vec<&str> = match namespace {
            Some(namespace) => vec![namespace],
            None => self.named.keys().copied().collect(),
        };
        let accounts = |names: &[String], how: &'static str, there: &dyn Fn(&str, &str) -> bool| {
            let of =
                |space: &&str| names.iter().filter(|name| there(space, name)).map(|name| Who::account(space, name)).collect::<Vec<_>>();
            spaces.iter().flat_map(of).map(|who| one(who, how)).collect::<Vec<_>>()
        };
        let gated = |half: Atom, found: Vec<(Start, &'static str)>| match self.constrained(standing, half) {
            Known::Known(true) => (found, None),
            Known::Known(false) => (Vec::new(), None),
            Known::Unknown(unseen) => (Vec::new(), Some(unseen)),
        };
        let found = match step {
            // Whoever may make an account that is not there yet has its token then.
            NamedStep::Accounts(names) => match &self.population.existing {
                _ if self.makes(standing, namespace) => accounts(names, "a token", &|_, _| true),
                Known::Known(existing) => {
                    accounts(names, "a token", &|space, name| existing.contains(&(space.to_owned(), name.to_owned())))
                }
                Known::Unknown(unseen) => return (Vec::new(), Some(unseen.clone())),
            },
            NamedStep::AsAccounts(names) => accounts(names, "impersonation", &|_, _| true),
            NamedStep::AsAccountsFor(names) => {
                return gated(Atom::OnServiceAccountMode, accounts(names, "impersonation", &|_, _| true));
            }
            NamedStep::AsUsersFor(names) => {
                return gated(Atom::OnUserInfo, names.iter().map(|name| one(Who::user(name), "impersonation")).collect());
            }
            NamedStep::Secrets(names) => {
                let listing = |(namespace, secret): &Account| spaces.contains(&namespace.as_str()) && names.contains(secret);
                let found = self.population.listed_secrets.iter().filter(|(place, _)| listing(place));
                let found: Vec<_> = found
                    .flat_map(|((namespace, _), accounts)| accounts.iter().map(|name| Who::account(namespace, name)))
                    .map(|who| one(who, "a token that is kept in a Secret"))
                    .collect();
                // A Secret that somebody made is listed nowhere; its name may say that it holds a token.
                let tokens: Vec<&String> = names.iter().filter(|name| found.is_empty() && self.may_hold_a_token(name, &spaces)).collect();
                let doubt = (!tokens.is_empty()).then(|| secrets_by_name(&tokens));
                return (found, doubt);
            }
            NamedStep::Templates(..) => {
                let makes = self.makes(standing, namespace);
                vec![(
                    Start::Accounts { namespace: namespace.map(str::to_owned), makes },
                    "the template of a workload, which names the account",
                )]
            }
            NamedStep::Pods(_) => Vec::new(),
            NamedStep::Users(names) => names.iter().map(|name| one(Who::user(name), "impersonation")).collect(),
            // A request that names groups names a user too.
            NamedStep::Groups(names) => {
                let somebody = |grant: &Grant<'_>| {
                    [Atom::ImpersonateNamed, Atom::ImpersonateAnAccount]
                        .iter()
                        .any(|&atom| rule_of(self.resolved.rights(grant), grant, atom).is_some())
                };
                if !standing.counting_in(namespace).any(somebody) {
                    return (Vec::new(), None);
                }
                names.iter().map(|name| one(Who::named("Group", name), "impersonation")).collect()
            }
        };
        (found, None)
    }

    /// Whether a Secret of that name may hold the token of an account that holds something: it is called so, or after the account.
    fn may_hold_a_token(&self, name: &str, spaces: &[&str]) -> bool {
        let mut accounts = spaces.iter().filter_map(|space| self.named.get(space)).flatten();
        accounts.any(|who| name.contains("token") || name == who.name || name.starts_with(&format!("{}-", who.name)))
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
        let mut direct = Direct { kinds: BTreeMap::new(), starts: BTreeSet::new(), doubt: None };
        for place in standing.places() {
            let namespace = place.as_deref();
            let makes = self.makes(&standing, namespace);
            let mut kinds = Kinds::new();
            for kind in Kind::ALL {
                match standing.in_fact(self.resolved, kind, namespace) {
                    Known::Known(Some(grant)) => {
                        kinds.insert(kind, grant.binding.via());
                        if is_step(kind, namespace) {
                            direct.starts.insert(Start::Accounts { namespace: place.clone(), makes });
                        }
                    }
                    Known::Known(None) => {}
                    Known::Unknown(unseen) => direct.doubt = Some(unseen),
                }
            }
            if !kinds.is_empty() {
                direct.kinds.insert(place.clone(), kinds);
            }
            match standing.by_ways(self.resolved, SHELL, namespace) {
                Known::Known(Some(_)) => {
                    direct.starts.insert(Start::Running(place.clone()));
                }
                Known::Known(None) => {}
                Known::Unknown(unseen) => direct.doubt = Some(unseen),
            }
            for grant in standing.at(namespace) {
                if let Known::Unknown(unseen) = &grant.dangling {
                    direct.doubt = Some(unseen.clone());
                }
                for (_, step) in self.resolved.rights(grant).into_iter().flat_map(|rights| &rights.steps) {
                    let (found, doubt) = self.named(step, namespace, &standing);
                    direct.starts.extend(found.into_iter().map(|(start, _)| start));
                    // Of what is shipped, the name is that of Kubernetes' own object.
                    if !grant.is_shipped() && doubt.is_some() {
                        direct.doubt = doubt;
                    }
                }
            }
        }
        direct
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
                    None => {
                        let groups = self.holders.everybody().filter(|who| who.kind == "Group");
                        let of_groups = groups.filter_map(|who| who.name.strip_prefix("system:serviceaccounts:"));
                        self.named.keys().copied().chain(of_groups).chain(["default"]).collect()
                    }
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
        let mut started: BTreeSet<Start> = BTreeSet::from([start.clone()]);
        let mut seen: BTreeSet<Who> = BTreeSet::new();
        let mut queue: VecDeque<(Who, String)> = VecDeque::new();
        let mut enter = |start: &Start, chain: &str, queue: &mut VecDeque<(Who, String)>, found: &mut Leads| {
            let (members, doubt) = self.members(start);
            if found.doubt.is_none() {
                found.doubt = doubt;
            }
            for who in members {
                if seen.insert(who.clone()) {
                    let text = if chain.is_empty() { who.text() } else { format!("{chain} → {}", who.text()) };
                    queue.push_back((who, text));
                }
            }
        };
        enter(start, "", &mut queue, &mut found);
        while let Some((who, chain)) = queue.pop_front() {
            let direct = self.direct(&who);
            if found.doubt.is_none() {
                found.doubt.clone_from(&direct.doubt);
            }
            for (place, kinds) in &direct.kinds {
                for (&kind, via) in kinds {
                    found.kinds.entry(place.clone()).or_default().entry(kind).or_insert_with(|| format!("{chain} → {via}"));
                }
            }
            for next in &direct.starts {
                if started.insert(next.clone()) {
                    enter(next, &chain, &mut queue, &mut found);
                }
            }
        }
        let found = Rc::new(found);
        self.leads.borrow_mut().insert(start.clone(), Rc::clone(&found));
        found
    }
}

fn secrets_by_name(names: &[&String]) -> Unseen {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    Unseen::not_visible(
        format!("whether the Secrets {} hold tokens of service accounts", names.join(", ")),
        "a role lets somebody read Secrets of these names, which may be tokens of an account there; Secrets are never read",
        "Look at their type: kubectl get secrets --field-selector type=kubernetes.io/service-account-token.",
    )
}

fn pods_by_name(names: &[String]) -> Unseen {
    Unseen::not_understood(
        format!("as which service accounts the pods {} run", names.join(", ")),
        "a role gives a shell in pods by name, and an account of a running pod there leads on",
        "Look at spec.serviceAccountName of these pods, and at what the account holds (kube-hipaa facts SNAPSHOT reach).",
    )
}

const SHELL_ATOMS: &[Atom] = &[Atom::ShellCreate, Atom::ShellGet, Atom::EphemeralContainers];
