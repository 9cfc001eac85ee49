//! Who may stop or reconfigure what answers for admission webhooks: with it, what these refuse or add is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::guarded;
use super::kinds::Kind;
use super::policy::Who;
use super::resolved::{Grant, Resolved};
use super::rights::Atom;
use super::standing::{Holders, rule_of};
use crate::facts::admission::Guard;
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, DAEMON_SETS, DEPLOYMENTS, KUBEADM_CONFIG, MUTATING_WEBHOOKS, NAMESPACES, ROLE_BINDINGS, ROLES,
    SERVERS_SEEN, SERVICES, STATEFUL_SETS, VALIDATING_WEBHOOKS, VERSION,
};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per namespace in which the Service of an admission webhook about Kubernetes' own kinds is, with who may stop or reconfigure what
    /// answers there by RoleBindings of that namespace. A URL of a webhook that is the name or address of a Service stands for it.
    /// Administrators of the whole cluster, the service accounts of the namespace itself and what Kubernetes and kubeadm ship are left out, and
    /// so is kube-system.
    pub struct GuardWriterRow as "guard_writers" counting "namespaces of admission webhooks" from [NAMESPACES, SERVICES, VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG] + SERVERS_SEEN {
        /// Name of the namespace.
        namespace: String, at "/metadata/name";
        /// Names of the webhooks, sorted.
        webhooks: Vec<String>;
        /// Who may stop or reconfigure what answers, in words with what lets them, sorted: change, scale or delete workloads there, write
        /// ConfigMaps, Secrets, Services, NetworkPolicies or what the engine is told, act as its accounts, grant rights. Of rights on named objects
        /// those count that are on what stands behind the Services, and on what can be made to. Unknown where that cannot be told of the only ones.
        holders: Known<Vec<String>>, needs [VERSION], consulting [DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS];
    }
}

/// The rights, and what they are in words.
const BY_KIND: &[(Kind, &str)] = &[
    (Kind::WriteWorkloads, guarded::CHANGE_WORKLOADS),
    (Kind::EphemeralContainers, guarded::CONTAINERS),
    (Kind::Exec, guarded::ENTER),
    (Kind::ChangeSecrets, guarded::SECRETS),
    (Kind::RedirectTraffic, guarded::TRAFFIC),
    (Kind::ChangeNetworkPolicies, guarded::ISOLATION),
    (Kind::BecomeServiceAccounts, guarded::ACCOUNTS),
    (Kind::Escalate, "grant rights"),
    (Kind::DeployByTools, "tell its deployment tool"),
];
const BY_ATOM: &[(Atom, &str)] = &[
    (Atom::StopWorkloads, guarded::STOP),
    (Atom::WriteConfig, guarded::CONFIG),
    // Exceptions and settings that an engine takes from its own namespace.
    (Atom::AdmissionPolicies, "write policies, exceptions or settings of the engine"),
];

/// Who may do what in one namespace.
#[derive(Default)]
struct Holding {
    who: BTreeMap<String, BTreeSet<&'static str>>,
    origins: Vec<Evidence>,
    doubt: Option<Unseen>,
}

/// Whether somebody belongs to that namespace.
fn lives_there(who: &Who, namespace: &str) -> bool {
    match who.kind {
        "ServiceAccount" => who.namespace.as_deref() == Some(namespace),
        "Group" => who.name.strip_prefix("system:serviceaccounts:") == Some(namespace),
        _ => false,
    }
}

/// What a grant lets its subject do to what answers there, and why that may be more.
fn may(resolved: &Resolved<'_>, holders: &Holders<'_, '_>, grant: &Grant<'_>, guard: &Guard) -> (BTreeSet<&'static str>, Option<Unseen>) {
    let (mut words, mut doubt) = (BTreeSet::new(), None);
    let standing = grant.who.as_ref().map(|who| holders.standing(who));
    for &(kind, word) in BY_KIND {
        match resolved.gives(grant, kind, standing.as_ref()).value {
            Known::Known(true) => drop(words.insert(word)),
            Known::Known(false) => {}
            Known::Unknown(unseen) => doubt = Some(unseen),
        }
    }
    for &(atom, word) in BY_ATOM {
        if rule_of(resolved.beyond(grant), grant, atom).is_some() {
            match resolved.doubt(grant) {
                None => drop(words.insert(word)),
                unseen => doubt = unseen,
            }
        }
    }
    // What is shipped by Kubernetes names its own objects.
    for rule in grant.role.filter(|_| !grant.is_shipped()).iter().flat_map(|(role, _)| &role.rules) {
        let (named, unseen) = guarded::by_name(rule, guard);
        words.extend(named);
        doubt = doubt.or(unseen);
    }
    (words, doubt)
}

pub(super) fn rows(context: &Context<'_>, resolved: &Resolved<'_>, holders: &Holders<'_, '_>) -> Result<Vec<Row>, FactsError> {
    let guards = crate::facts::admission::guards(context)?;
    let mut all: BTreeMap<&str, Holding> = BTreeMap::new();
    for grant in &resolved.grants {
        let (Some(namespace), Some(who)) = (grant.binding.namespace.as_deref(), &grant.who) else { continue };
        let Some(guard) = guards.get(namespace).filter(|_| !lives_there(who, namespace)) else { continue };
        if matches!(holders.standing(who).in_fact(resolved, Kind::Everything, None), Known::Known(Some(_))) {
            continue;
        }
        let (words, doubt) = may(resolved, holders, grant, guard);
        let holding = all.entry(namespace).or_default();
        if !words.is_empty() {
            holding.who.entry(who.text()).or_default().extend(words);
            holding.origins.push((*grant.here).clone());
        }
        holding.doubt = holding.doubt.take().or(doubt);
    }
    let mut rows = Vec::new();
    for (name, _, uid, origin) in context.namespaces()?.each() {
        let Some(guard) = guards.get(&name).filter(|_| name != "kube-system") else { continue };
        let Holding { who, mut origins, doubt } = all.remove(name.as_str()).unwrap_or_default();
        origins.sort_by(|a, b| (a.object(), &a.pointer).cmp(&(b.object(), &b.pointer)));
        origins.truncate(4);
        let text = |(who, words): (String, BTreeSet<&'static str>)| format!("{who} ({})", words.into_iter().collect::<Vec<_>>().join(", "));
        let typed = GuardWriterRow {
            namespace: name.clone(),
            webhooks: guard.webhooks.iter().cloned().collect(),
            holders: match doubt {
                Some(unseen) if who.is_empty() => Known::Unknown(unseen),
                _ => Known::Known(who.into_iter().map(text).collect()),
            },
        };
        let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: name.clone(), uid };
        rows.push(Row::new(name.clone(), subject, vec![origin], typed).in_namespace(Some(name)).evidenced("holders", origins));
    }
    Ok(rows)
}
