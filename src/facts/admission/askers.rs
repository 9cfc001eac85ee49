//! Who asks: those for whom a rule has to hold before it counts as one for everybody.
//!
//! Accounts that are named one by one are somebody else. Whom a group holds is not known, so that nobody can say of a person that he is not in
//! one: only the groups of Kubernetes' own parts, and of those who may change every rule anyhow, are those of others.

use super::conditions::Asked;

/// Somebody who asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    /// A person, whose groups are not known.
    Person,
    /// A service account of a namespace other than kube-system, as pipelines and tools have them.
    Account,
    /// A part of Kubernetes, with its name and all its groups.
    Part(&'static str, &'static [&'static str]),
}

/// What names of Kubernetes' own users and groups begin with.
const SYSTEM: &str = "system:";
/// What names of service accounts begin with, and after it the namespace.
const ACCOUNT: &str = "system:serviceaccount:";
const KUBE_ACCOUNT: &str = "system:serviceaccount:kube-system:";
const ACCOUNTS: &str = "system:serviceaccounts";
const AUTHENTICATED: &str = "system:authenticated";

/// Groups in which no person is of whom a rule has to hold: those who may change the rule itself, nodes, and nobody.
const OF_OTHERS: [&str; 3] = ["system:masters", "system:nodes", "system:unauthenticated"];

impl Asker {
    /// Whether that is his name; one that was not kept is that of somebody else.
    pub(super) fn is_called(self, name: &str) -> bool {
        matches!(self, Self::Part(own, _) if own == name)
    }

    /// Whether his name begins so.
    pub(super) fn begins(self, text: &str) -> Option<bool> {
        match self {
            _ if text.is_empty() => Some(true),
            Self::Part(name, _) => Some(name.starts_with(text)),
            Self::Person => text.starts_with(SYSTEM).then_some(false),
            Self::Account if ACCOUNT.starts_with(text) => Some(true),
            // Those of some namespaces.
            Self::Account if text.starts_with(ACCOUNT) => text.starts_with(KUBE_ACCOUNT).then_some(false),
            Self::Account => Some(false),
        }
    }

    /// The groups in which he is for certain.
    pub(super) fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Person => &[AUTHENTICATED],
            Self::Account => &[AUTHENTICATED, ACCOUNTS],
            Self::Part(_, groups) => groups,
        }
    }

    /// Whether he is in that group; nothing is one whose name was not kept, which is none of Kubernetes' own.
    pub(super) fn is_in(self, group: Option<&str>) -> Option<bool> {
        let group = group.unwrap_or_default();
        match self {
            _ if self.groups().contains(&group) => Some(true),
            Self::Part(..) => Some(false),
            Self::Account if group == "system:serviceaccounts:kube-system" => Some(false),
            Self::Account => (!group.starts_with(ACCOUNTS)).then_some(false),
            Self::Person => (OF_OTHERS.contains(&group) || group.starts_with(ACCOUNTS)).then_some(false),
        }
    }
}

/// Accounts of the controllers that make pods, and behind them of those that make what makes pods, or claims.
const CONTROLLERS: [&str; 8] = [
    "system:serviceaccount:kube-system:replicaset-controller",
    "system:serviceaccount:kube-system:replication-controller",
    "system:serviceaccount:kube-system:daemon-set-controller",
    "system:serviceaccount:kube-system:job-controller",
    "system:serviceaccount:kube-system:statefulset-controller",
    "system:serviceaccount:kube-system:deployment-controller",
    "system:serviceaccount:kube-system:cronjob-controller",
    "system:serviceaccount:kube-system:ephemeral-volume-controller",
];

const CONTROLLER_GROUPS: &[&str] = &[AUTHENTICATED, ACCOUNTS, "system:serviceaccounts:kube-system"];

impl Asked {
    /// Those who make such objects: persons, tools, and for others the controllers of Kubernetes
    /// (plugin/pkg/auth/authorizer/rbac/bootstrappolicy, controller_policy.go), by accounts of their own or all as one user
    /// (`--use-service-account-credentials`).
    pub(super) fn askers(&self) -> impl Iterator<Item = Asker> {
        let controllers = match self.resource.as_deref() {
            None => &CONTROLLERS[..],
            Some("pods") => &CONTROLLERS[..5],
            Some("replicasets" | "jobs" | "persistentvolumeclaims") => &CONTROLLERS[2..],
            Some(_) => &[],
        };
        let one = (!controllers.is_empty()).then_some(Asker::Part("system:kube-controller-manager", &[AUTHENTICATED]));
        let made = controllers.iter().map(|name| Asker::Part(name, CONTROLLER_GROUPS));
        [Asker::Person, Asker::Account].into_iter().chain(one).chain(made)
    }
}
