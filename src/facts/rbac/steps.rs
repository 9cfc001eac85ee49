//! Single steps by which somebody becomes somebody else, where a rule names the objects.

use super::super::Known;
use super::kinds::CONSTRAINED;
use super::policy::Who;
use super::resolved::Grant;
use super::rights::{Atom, NamedStep};
use super::standing::{Standing, rule_of};
use super::takeover::{Account, Start, Takeover};
use crate::model::Unseen;

/// Whom a step makes its holder, how, and why that is not known for certain.
pub(super) type Found = (Start, &'static str, Option<Unseen>);

const TOKEN: &str = "a token";
const IMPERSONATION: &str = "impersonation";
const KEPT: &str = "a token that is kept in a Secret";

impl Takeover<'_, '_> {
    /// Whether somebody may create service accounts in a place.
    pub(super) fn makes(&self, standing: &Standing<'_, '_, '_>, namespace: Option<&str>) -> bool {
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

    /// Accounts of these names in a namespace. A right in the whole cluster is one in every namespace: then those of namespaces whose accounts
    /// hold something of their own, named one by one or as a group, and one that speaks for all the others, which hold the same.
    fn called(&self, namespace: Option<&str>, names: &[String], there: impl Fn(&str, &str) -> bool) -> Vec<Start> {
        let mut found = Vec::new();
        for name in names {
            match namespace {
                Some(space) => found.extend(there(space, name).then(|| Who::account(space, name))),
                None => {
                    found.extend(self.holding.iter().filter(|space| there(space, name)).map(|space| Who::account(space, name)));
                    let mut others = self.by_name.get(name.as_str()).into_iter().flatten();
                    found.extend(others.find(|space| !self.holding.contains(*space)).map(|space| Who::account(space, name)));
                }
            }
        }
        found.into_iter().map(Start::One).collect()
    }

    /// Whom a step on named objects makes its holder.
    pub(super) fn named(&self, step: &NamedStep, namespace: Option<&str>, standing: &Standing<'_, '_, '_>) -> Vec<Found> {
        let surely = |starts: Vec<Start>, how: &'static str| starts.into_iter().map(|start| (start, how, None)).collect::<Vec<_>>();
        let perhaps = |starts: Vec<Start>, how: &'static str, unseen: &Unseen| {
            starts.into_iter().map(|start| (start, how, Some(unseen.clone()))).collect::<Vec<_>>()
        };
        let users = |names: &[String]| names.iter().map(|name| Start::One(Who::user(name))).collect::<Vec<_>>();
        let gated = |half: Atom, starts: Vec<Start>| match self.constrained(standing, half) {
            Known::Known(true) => surely(starts, IMPERSONATION),
            Known::Known(false) => Vec::new(),
            Known::Unknown(unseen) => perhaps(starts, IMPERSONATION, &unseen),
        };
        let any = |_: &str, _: &str| true;
        match step {
            // Whoever may make an account that is not there yet has its token then.
            NamedStep::Accounts(names) => match &self.population.existing {
                _ if self.makes(standing, namespace) => surely(self.called(namespace, names, any), TOKEN),
                Known::Known(existing) => {
                    let there = |space: &str, name: &str| existing.contains(&(space.to_owned(), name.to_owned()));
                    surely(self.called(namespace, names, there), TOKEN)
                }
                Known::Unknown(unseen) => perhaps(self.called(namespace, names, any), TOKEN, unseen),
            },
            NamedStep::AsAccounts(names) => surely(self.called(namespace, names, any), IMPERSONATION),
            NamedStep::AsAccountsFor(names) => gated(Atom::OnServiceAccountMode, self.called(namespace, names, any)),
            NamedStep::AsUsersFor(names) => gated(Atom::OnUserInfo, users(names)),
            NamedStep::Secrets(names) => self.secrets(names, namespace),
            NamedStep::Templates(..) => {
                let start = Start::Accounts { namespace: namespace.map(str::to_owned), makes: self.makes(standing, namespace) };
                surely(vec![start], "the template of a workload, which names the account")
            }
            // As which account a pod of that name runs is not followed.
            NamedStep::Pods(names) => {
                perhaps(vec![Start::Running(namespace.map(str::to_owned))], "a shell in a pod of that name", &pods_by_name(names))
            }
            NamedStep::Users(names) => surely(users(names), IMPERSONATION),
            // A request that names groups names a user too.
            NamedStep::Groups(names) => {
                let somebody = |grant: &Grant<'_>| {
                    [Atom::ImpersonateNamed, Atom::ImpersonateAnAccount]
                        .iter()
                        .any(|&atom| rule_of(self.resolved.rights(grant), grant, atom).is_some())
                };
                let groups = names.iter().map(|name| Start::One(Who::named("Group", name))).collect();
                if standing.counting_in(namespace).any(somebody) { surely(groups, IMPERSONATION) } else { Vec::new() }
            }
        }
    }

    /// Whose tokens Secrets of these names hold.
    fn secrets(&self, names: &[String], namespace: Option<&str>) -> Vec<Found> {
        let mut found = Vec::new();
        let mut listed = Vec::new();
        for ((space, secret), accounts) in &self.population.listed_secrets {
            if namespace.is_none_or(|namespace| namespace == space) && names.contains(secret) {
                listed.push(secret);
                found.extend(accounts.iter().map(|name| (Start::One(Who::account(space, name)), KEPT, None)));
            }
        }
        // A Secret that somebody made is listed nowhere; its name may say that it holds a token, and whose.
        for name in names.iter().filter(|name| !listed.contains(name)) {
            let doubt = secret_by_name(name);
            let starts = match name.contains("token") {
                true => vec![Start::Accounts { namespace: namespace.map(str::to_owned), makes: false }],
                false => self.called_as(name, namespace),
            };
            found.extend(starts.into_iter().map(|start| (start, KEPT, Some(doubt.clone()))));
        }
        found
    }

    /// Accounts after which a Secret may be called: it has their name, or begins with it and a hyphen.
    fn called_as(&self, secret: &str, namespace: Option<&str>) -> Vec<Start> {
        let stems = secret.match_indices('-').filter_map(|(end, _)| secret.get(..end)).chain([secret]);
        let names: Vec<String> = stems.filter(|stem| !stem.is_empty()).map(str::to_owned).collect();
        let there = |space: &str, name: &str| match &self.population.existing {
            Known::Known(existing) => existing.contains(&(space.to_owned(), name.to_owned())),
            Known::Unknown(_) => true,
        };
        self.called(namespace, &names, there)
    }
}

/// Existing accounts by their name.
pub(super) fn by_name<'r>(existing: impl Iterator<Item = &'r Account>) -> std::collections::BTreeMap<&'r str, Vec<&'r str>> {
    let mut by_name: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for (namespace, name) in existing {
        by_name.entry(name).or_default().push(namespace);
    }
    by_name
}

fn secret_by_name(name: &str) -> Unseen {
    Unseen::not_visible(
        format!("whether the Secret {name} holds the token of a service account"),
        "a role lets somebody read a Secret of this name, which may be the token of an account there that leads on; Secrets are never read",
        "Look at its type: kubectl get secrets --field-selector type=kubernetes.io/service-account-token.",
    )
}

fn pods_by_name(names: &[String]) -> Unseen {
    Unseen::not_understood(
        format!("as which service accounts the pods {} run", names.join(", ")),
        "a role gives a shell in pods by name, and an account of a running pod there leads on",
        "Look at spec.serviceAccountName of these pods, and at what the account holds (kube-hipaa facts SNAPSHOT reach).",
    )
}
