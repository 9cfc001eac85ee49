//! Who may stop or reconfigure what answers for admission webhooks: with it, what these refuse or add is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Kind;
use super::policy::Who;
use super::resolved::{Grant, Resolved};
use super::rights::Atom;
use super::standing::{Holders, rule_of};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known, SYSTEM_NAMESPACES};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, METRICS, MUTATING_WEBHOOKS, NAMESPACES, ROLE_BINDINGS, ROLES, VALIDATING_WEBHOOKS,
};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per namespace in which the Service of an admission webhook about Kubernetes' own kinds is, with who may stop or reconfigure what
    /// answers there by RoleBindings of that namespace. Administrators of the whole cluster, the service accounts of the namespace itself and
    /// what Kubernetes and kubeadm ship are left out, and so are the namespaces of Kubernetes itself.
    pub struct GuardWriterRow as "guard_writers" counting "namespaces of admission webhooks" from [NAMESPACES, VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG, METRICS] {
        /// Name of the namespace.
        namespace: String, at "/metadata/name";
        /// Names of the webhooks, sorted.
        webhooks: Vec<String>;
        /// Who may stop or reconfigure what answers, in words with what lets them, sorted: change or delete workloads, scale them, write
        /// ConfigMaps, Secrets, Services or NetworkPolicies there.
        holders: Known<Vec<String>>;
    }
}

/// The rights, and what they are in words.
const BY_KIND: &[(Kind, &str)] = &[
    (Kind::WriteWorkloads, "change workloads"),
    (Kind::EphemeralContainers, "add containers"),
    (Kind::Exec, "enter pods"),
    (Kind::ChangeSecrets, "overwrite Secrets"),
    (Kind::RedirectTraffic, "redirect traffic"),
    (Kind::ChangeNetworkPolicies, "write NetworkPolicies"),
];
const BY_ATOM: &[(Atom, &str)] = &[(Atom::StopWorkloads, "scale or delete workloads"), (Atom::WriteConfig, "write ConfigMaps")];

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
fn may(resolved: &Resolved<'_>, holders: &Holders<'_, '_>, grant: &Grant<'_>) -> (BTreeSet<&'static str>, Option<Unseen>) {
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
    (words, doubt)
}

pub(super) fn rows(context: &Context<'_>, resolved: &Resolved<'_>, holders: &Holders<'_, '_>) -> Result<Vec<Row>, FactsError> {
    let guards = crate::facts::admission::guards(context)?;
    let mut all: BTreeMap<&str, Holding> = BTreeMap::new();
    for grant in &resolved.grants {
        let (Some(namespace), Some(who)) = (grant.binding.namespace.as_deref(), &grant.who) else { continue };
        if !guards.contains_key(namespace) || lives_there(who, namespace) {
            continue;
        }
        if matches!(holders.standing(who).in_fact(resolved, Kind::Everything, None), Known::Known(Some(_))) {
            continue;
        }
        let (words, doubt) = may(resolved, holders, grant);
        let holding = all.entry(namespace).or_default();
        if !words.is_empty() {
            holding.who.entry(who.text()).or_default().extend(words);
            holding.origins.push((*grant.here).clone());
        }
        holding.doubt = holding.doubt.take().or(doubt);
    }
    let mut rows = Vec::new();
    for (name, _, uid, origin) in context.namespaces()?.each() {
        let Some(webhooks) = guards.get(&name).filter(|_| !SYSTEM_NAMESPACES.contains(&name.as_str())) else { continue };
        let Holding { who, mut origins, doubt } = all.remove(name.as_str()).unwrap_or_default();
        origins.sort_by(|a, b| (a.object(), &a.pointer).cmp(&(b.object(), &b.pointer)));
        origins.truncate(4);
        let text = |(who, words): (String, BTreeSet<&'static str>)| format!("{who} ({})", words.into_iter().collect::<Vec<_>>().join(", "));
        let typed = GuardWriterRow {
            namespace: name.clone(),
            webhooks: webhooks.iter().cloned().collect(),
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
