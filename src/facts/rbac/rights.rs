//! The single rights that lead to ePHI or to the whole cluster, and which rules give them.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::asked::{ASKED, AUTHENTICATION, Asked, Names, ON, Place, URLS};
use super::interference::INTERFERENCE;
use super::kinds::Kind;
use super::rules::{ALL, has, list, names, reaches_url, verb_matches};
use super::served::Served;
use super::things::{MADE_ONCE, SETTINGS, TEMPLATES};
use crate::facts::Known;
use crate::model::Unseen;

/// One right that a rule gives or does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Atom {
    Everything,
    ImpersonateUsers,
    ImpersonateMasters,
    ImpersonateNamed,
    ImpersonateANode,
    ImpersonateNodes,
    ImpersonateAnAccount,
    ImpersonateAccounts,
    UserInfo,
    UserInfoNamed,
    OnUserInfo,
    ServiceAccountMode,
    OnServiceAccountMode,
    AnyNode,
    OnAnyNode,
    OwnNode,
    OnOwnNode,
    EscalateOrBind,
    /// Grant a right to run containers on nodes, of which [`Self::EscalateOrBind`] says nothing where roles are bound by name.
    GrantPods,
    NodesProxy,
    ApproveRequests,
    ApproveForSigner,
    CreateRequests,
    NodeClient,
    SignRequests,
    SignForSigner,
    WriteVolumes,
    WriteApis,
    AdmissionPolicies,
    ChangeNamespaces,
    SteerPods,
    SystemConfig,
    TrustBundles,
    ReadSecrets,
    ReadASecret,
    CreateSecrets,
    BootstrapTokens,
    ChangeSecrets,
    CreateTokens,
    CreateAccounts,
    ShellCreate,
    ShellGet,
    ForwardCreate,
    ForwardGet,
    Proxy,
    EphemeralContainers,
    WriteWorkloads,
    ChangePods,
    RedirectTraffic,
    NetworkPolicies,
    StopWorkloads,
    WriteConfig,
    AnInterceptor,
    AnApi,
    DeleteData,
    ScaleSets,
    DeleteBackups,
    DeployByTools,
    ReadLogs,
    DeleteEvidence,
}

impl Atom {
    /// Whether it is a right about kube-system only.
    pub(super) fn is_of_system_only(self) -> bool {
        matches!(self, Self::SystemConfig | Self::BootstrapTokens)
    }
}

/// A right on named objects that makes its holder somebody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NamedStep {
    /// Tokens of these service accounts.
    Accounts(Vec<String>),
    /// Requests in the name of these service accounts, whether they are there or not: the server asks nobody.
    AsAccounts(Vec<String>),
    /// The same, and of users, in the constrained way (KEP-5284), which needs a right on what is then asked for beside it.
    AsAccountsFor(Vec<String>),
    AsUsersFor(Vec<String>),
    /// The content of these Secrets.
    Secrets(Vec<String>),
    /// Templates of pods, which may name any account: of which kind, and the names.
    Templates(&'static str, Vec<String>),
    /// Programs of one's own in these pods.
    Pods(Vec<String>),
    /// Requests in the name of these users.
    Users(Vec<String>),
    /// Requests in the name of members of these groups.
    Groups(Vec<String>),
}

/// Roles that may be bound by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bound {
    /// Of Roles, those of the namespace where the binding is made.
    pub(super) roles: bool,
    pub(super) cluster_roles: bool,
    pub(super) names: Vec<String>,
}

/// What the rules of one role give: each right with the place of the first rule that gives it.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    first: BTreeMap<Atom, usize>,
    /// The same for those that only hold at cluster scope.
    cluster_only: BTreeMap<Atom, usize>,
    /// Rules that let somebody bind named roles: of which kind, and the names.
    binds: Vec<(usize, Bound)>,
    /// Rights that are restricted to names, in words, sorted.
    pub(super) named: Vec<String>,
    /// ConfigMaps of kube-system with settings of the cluster that they may write by name, sorted.
    settings: Vec<String>,
    /// Rights that are the whole right in each of these namespaces: on the Namespace objects of these names, or because of what is there.
    spaces: Vec<(Atom, usize, Vec<String>)>,
    /// Why it is not known whether scaling, which they allow, deletes data.
    shrinking: Option<Unseen>,
    /// Rights on named objects that lead to other identities, with their rules.
    pub(super) steps: Vec<(usize, NamedStep)>,
}

impl Rights {
    /// Those of rules by themselves: a right to bind named roles counts only once these are weighed.
    pub(super) fn of(rules: &[PolicyRule], served: &Served) -> Self {
        let mut rights = Self::default();
        for (index, rule) in rules.iter().enumerate() {
            if has(&rule.verbs, ALL)
                && has(list(rule.api_groups.as_ref()), ALL)
                && has(list(rule.resources.as_ref()), ALL)
                && list(rule.resource_names.as_ref()).is_empty()
            {
                rights.first.entry(Atom::Everything).or_insert(index);
            }
            let speaks = !list(rule.resources.as_ref()).is_empty() || !list(rule.non_resource_urls.as_ref()).is_empty();
            for &(atom, prefix) in ON {
                if speaks && rule.verbs.iter().any(|verb| verb == ALL || verb.starts_with(prefix)) {
                    rights.first.entry(atom).or_insert(index);
                }
            }
            for &(atom, verb, below) in URLS {
                if reaches_url(rule, verb, below) {
                    rights.cluster_only.entry(atom).or_insert(index);
                }
            }
            for asked in ASKED.iter().chain(INTERFERENCE) {
                rights.ask(asked, rule, index, served);
            }
            rights.steps.extend(named_steps(rule).into_iter().map(|step| (index, step)));
        }
        for words in [&mut rights.named, &mut rights.settings] {
            words.sort();
            words.dedup();
        }
        rights
    }

    fn ask(&mut self, asked: &Asked, rule: &PolicyRule, index: usize, served: &Served) {
        for &(group, resource, subresource) in asked.resources {
            let Some(names) = names(rule, group, resource, subresource).filter(|_| !served.lacks(group, resource)) else { continue };
            // A request without a name has the empty one, which a list may hold (`ResourceNameMatches`).
            let nameless = has(names, "")
                && subresource.is_empty()
                && asked.verbs.iter().any(|verb| NAMELESS.contains(verb) && verb_matches(rule, verb));
            let named = |verb: &&&str| names.is_empty() || has_name(rule, verb, subresource);
            if !nameless && !asked.verbs.iter().filter(named).any(|verb| verb_matches(rule, verb)) {
                continue;
            }
            if asked.atom == Atom::ScaleSets {
                let of_sets = subresource == "scale" && !names.is_empty() && !nameless;
                match served.shrinks(of_sets.then_some(names)) {
                    Known::Known(spaces) if spaces.is_empty() => {}
                    Known::Known(spaces) => self.spaces.push((Atom::DeleteData, index, spaces)),
                    Known::Unknown(unseen) => self.shrinking = Some(unseen),
                }
                continue;
            }
            let whole = names.is_empty()
                || nameless
                || match asked.names {
                    Names::Restricted | Names::Roles => false,
                    Names::Enough | Names::Named => true,
                    Names::Beginning(start) => names.iter().any(|name| name.starts_with(start)),
                    Names::AnyOf(some) => names.iter().any(|name| some.contains(&name.as_str())),
                };
            if whole {
                let map = if asked.place == Place::Cluster { &mut self.cluster_only } else { &mut self.first };
                map.entry(asked.atom).or_insert(index);
                if asked.atom == Atom::EscalateOrBind {
                    map.entry(Atom::GrantPods).or_insert(index);
                }
            } else if matches!(asked.names, Names::Restricted) {
                let resource = if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
                if group.is_empty() && resource.split('/').next() == Some("namespaces") {
                    self.spaces.push((asked.atom, index, names.to_vec()));
                }
                self.named.push(format!("{resource}: {}", names.join(", ")));
                if asked.atom == Atom::SystemConfig {
                    self.settings.extend(names.iter().filter(|name| SETTINGS.contains(&name.as_str())).cloned());
                }
            } else if matches!(asked.names, Names::Roles) {
                let cluster_roles = resource == "clusterroles";
                match self.binds.last_mut() {
                    Some((last, bound)) if *last == index => {
                        bound.roles |= !cluster_roles;
                        bound.cluster_roles |= cluster_roles;
                    }
                    _ => self.binds.push((index, Bound { roles: !cluster_roles, cluster_roles, names: names.to_vec() })),
                }
            }
        }
    }

    /// The same with the right to bind named roles where `leads` says that these give anything of a right: of any grave kind, of logs, of
    /// containers on nodes.
    #[must_use]
    pub(super) fn weighed(mut self, leads: impl Fn(Atom, &Bound) -> bool) -> Self {
        let found = |atom: Atom| self.binds.iter().find(|(_, bound)| leads(atom, bound)).map(|(index, _)| *index);
        let given = [Atom::EscalateOrBind, Atom::ReadLogs, Atom::GrantPods].map(|atom| (atom, found(atom)));
        for (atom, index) in given {
            if let Some(index) = index {
                self.first.entry(atom).and_modify(|first| *first = index.min(*first)).or_insert(index);
            }
        }
        self
    }

    /// All rights among them that hold in a namespace, too.
    pub(super) fn anywhere(&self) -> impl Iterator<Item = Atom> {
        self.first.keys().copied()
    }

    /// Those that only hold at cluster scope.
    pub(super) fn at_cluster_scope(&self) -> impl Iterator<Item = Atom> {
        self.cluster_only.keys().copied()
    }

    /// The roles that they let somebody bind by name.
    pub(super) fn bound(&self) -> impl Iterator<Item = &Bound> {
        self.binds.iter().map(|(_, bound)| bound)
    }

    /// Which rule gives a right to whoever is bound in that namespace; `None` is a ClusterRoleBinding.
    pub(super) fn rule_for(&self, atom: Atom, namespace: Option<&str>) -> Option<usize> {
        let system_only = atom.is_of_system_only() && !is_of_system(namespace);
        let anywhere = self.first.get(&atom).filter(|_| !system_only);
        let cluster = self.cluster_only.get(&atom).filter(|_| namespace.is_none());
        let here = namespace.and_then(|namespace| self.space_rule(atom, namespace));
        anywhere.into_iter().chain(cluster).copied().chain(here).min()
    }

    /// The rule that gives a right on the Namespace object of that name.
    pub(super) fn space_rule(&self, atom: Atom, namespace: &str) -> Option<usize> {
        let found = self.spaces.iter().find(|(of, _, names)| *of == atom && has(names, namespace));
        found.map(|(_, index, _)| *index)
    }

    /// Why a kind may be held that is not seen to be.
    pub(super) fn doubt_of(&self, kind: Kind) -> Option<&Unseen> {
        self.shrinking.as_ref().filter(|_| kind == Kind::DeleteData)
    }

    /// The namespaces whose objects they name.
    pub(super) fn named_spaces(&self) -> std::collections::BTreeSet<&str> {
        self.spaces.iter().flat_map(|(_, _, names)| names).map(String::as_str).filter(|name| !name.is_empty()).collect()
    }

    /// The ConfigMaps with settings of the cluster that whoever is bound in that namespace may write by name.
    pub(super) fn settings(&self, namespace: Option<&str>) -> &[String] {
        if is_of_system(namespace) { &self.settings } else { &[] }
    }

    /// Whether a right is among them, wherever it holds.
    pub(super) fn has(&self, atom: Atom) -> bool {
        self.first.contains_key(&atom) || self.cluster_only.contains_key(&atom)
    }

    /// Whether they may let their holder act as somebody else.
    pub(super) fn leads_on(&self) -> bool {
        !self.steps.is_empty() || STEPS.iter().any(|&atom| self.has(atom))
    }

    /// Takes out what another set of rights holds.
    pub(super) fn remove(&mut self, other: &Self) {
        self.first.retain(|atom, _| !other.first.contains_key(atom));
        self.cluster_only.retain(|atom, _| !other.cluster_only.contains_key(atom));
        self.named.retain(|text| !other.named.contains(text));
        self.spaces.retain(|(atom, _, names)| !other.spaces.iter().any(|(of, _, known)| of == atom && known == names));
        self.settings.retain(|name| !other.settings.contains(name));
        self.shrinking = self.shrinking.take().filter(|_| other.shrinking.is_none());
        self.steps.retain(|(_, step)| !other.steps.iter().any(|(_, known)| known == step));
    }
}

/// Rights that may let their holder act as somebody else.
const STEPS: &[Atom] = &[
    Atom::Everything,
    Atom::EscalateOrBind,
    Atom::CreateTokens,
    Atom::ImpersonateAccounts,
    Atom::ServiceAccountMode,
    Atom::OnServiceAccountMode,
    Atom::CreateSecrets,
    Atom::BootstrapTokens,
    Atom::ReadASecret,
    Atom::ReadSecrets,
    Atom::ShellCreate,
    Atom::ShellGet,
    Atom::EphemeralContainers,
    Atom::ChangePods,
    Atom::WriteWorkloads,
];

/// In kube-system, or everywhere.
pub(super) fn is_of_system(namespace: Option<&str>) -> bool {
    namespace.is_none_or(|namespace| namespace == "kube-system")
}

/// Whether a request of that verb can match a rule with names. One that creates an object or deletes a collection has none, except on a
/// subresource of an object that is there; a server-side apply asks for `patch` and `create` with the name
/// (`apiserver/pkg/endpoints/handlers/patch.go`).
fn has_name(rule: &PolicyRule, verb: &str, subresource: &str) -> bool {
    match verb {
        "create" => !subresource.is_empty() || verb_matches(rule, "patch"),
        "deletecollection" => !subresource.is_empty(),
        _ => true,
    }
}

/// Verbs of requests that name no object.
const NAMELESS: &[&str] = &["create", "list", "watch", "deletecollection"];

/// What a rule with names leads to, taken alone.
fn named_steps(rule: &PolicyRule) -> Vec<NamedStep> {
    let of = |group: &str, resource: &str, subresource: &str| names(rule, group, resource, subresource).filter(|names| !names.is_empty());
    let mut steps = Vec::new();
    let may = |verbs: &[&str]| verbs.iter().any(|verb| verb_matches(rule, verb));
    if may(&["create"])
        && let Some(names) = of("", "serviceaccounts", "token")
    {
        steps.push(NamedStep::Accounts(names.to_vec()));
    }
    if may(&["impersonate"]) {
        steps.extend(of("", "serviceaccounts", "").map(|names| NamedStep::AsAccounts(names.to_vec())));
        steps.extend(of("", "users", "").map(|names| NamedStep::Users(names.to_vec())));
        steps.extend(of("", "groups", "").map(|names| NamedStep::Groups(names.to_vec())));
    }
    if may(&["impersonate:serviceaccount"]) {
        steps.extend(of(AUTHENTICATION, "serviceaccounts", "").map(|names| NamedStep::AsAccountsFor(names.to_vec())));
    }
    if may(&["impersonate:user-info"]) {
        steps.extend(of(AUTHENTICATION, "users", "").map(|names| NamedStep::AsUsersFor(names.to_vec())));
    }
    for (verbs, subresource) in [
        (&["create", "get"][..], "exec"),
        (&["create", "get"], "attach"),
        (&["update", "patch"], "ephemeralcontainers"),
        (&["update", "patch"], ""),
    ] {
        if may(verbs)
            && let Some(names) = of("", "pods", subresource)
        {
            steps.push(NamedStep::Pods(names.to_vec()));
        }
    }
    if may(&["get", "list", "watch", "patch", "delete"]) {
        steps.extend(of("", "secrets", "").map(|names| NamedStep::Secrets(names.to_vec())));
    }
    for &(group, resource, _) in TEMPLATES {
        if may(&["update", "patch"])
            && let Some(names) = of(group, resource, "")
        {
            steps.push(NamedStep::Templates(resource, names.to_vec()));
        }
    }
    // The account of what is made once is fixed: to choose it, it has to be made.
    for &(group, resource, _) in MADE_ONCE {
        if verb_matches(rule, "create")
            && verb_matches(rule, "patch")
            && let Some(names) = of(group, resource, "")
        {
            steps.push(NamedStep::Templates(resource, names.to_vec()));
        }
    }
    steps
}
