use std::collections::{BTreeMap, BTreeSet};

use super::super::Known;
use super::Accounts;
use super::grants::exists;
use super::kinds::Kind;
use super::policy::Who;
use super::resolved::{Grant, Held, Resolved};
use super::standing::{Holders, Standing};
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, METRICS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS, VERSION,
};
use crate::model::{Evidence, ObjectRef};

/// Bindings that one row carries as evidence.
const ORIGINS: usize = 2;

table! {
    /// One row per user, group and service account that a binding names, in whichever spelling, and per service account that a binding
    /// reaches through one of its groups beyond what is shipped.
    pub struct SubjectRow as "subjects" counting "subjects" from [CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG, METRICS] {
        /// `User`, `Group` or `ServiceAccount`.
        kind: &'static str;
        /// Namespace of a service account.
        namespace: Option<String>;
        /// Name.
        name: String;
        /// In words, such as `ServiceAccount delivery/deploy-runner`.
        who: String;
        /// Whether the service account exists; not set for users and groups, which no API lists.
        exists: Known<Option<bool>>, needs [SERVICE_ACCOUNTS];
        /// Whether a binding spells the service account as the user `system:serviceaccount:NS:NAME`.
        spelt_as_user: bool;
        /// Number of ClusterRoleBindings that name it.
        cluster_role_bindings: i64;
        /// Number of RoleBindings that name it.
        role_bindings: i64;
        /// Number of bindings that reach a service account through one of its groups, beyond what is shipped.
        bindings_by_group: i64;
        /// Namespaces of its RoleBindings, sorted.
        namespaces: Vec<String>;
        /// Roles that it holds, in words, sorted.
        roles: Vec<String>;
        /// Whether it holds any verb on any resource in the whole cluster, as cluster-admin does, shipped or not, by its own bindings or those
        /// of the groups that the server puts it into.
        cluster_admin: Known<bool>;
        /// Whether it can act as other users, groups or nodes, all its bindings taken together, beyond what is shipped.
        impersonates: Known<bool>, needs [VERSION];
        /// Whether it can act as users that a role names, all its bindings taken together, beyond what is shipped; whoever can act as any
        /// user can do that, too.
        impersonates_named: Known<bool>, needs [VERSION];
        /// Whether it can approve or sign client certificates, all its bindings taken together, beyond what is shipped.
        approves_certificates: Known<bool>;
        /// Whether no binding names it: what it holds comes from groups that the server puts it into, which have rows of their own.
        by_group_only: bool;
        /// Whether every binding that names it is exactly what Kubernetes or kubeadm ships.
        shipped: bool;
    }
}

#[derive(Default)]
struct Gathered<'g, 'p> {
    own: Vec<&'g Grant<'p>>,
    by_group: Vec<&'g Grant<'p>>,
}

pub(super) fn rows(resolved: &Resolved<'_>, holders: &Holders<'_, '_>, accounts: &Accounts) -> Vec<Row> {
    let mut all: BTreeMap<Who, Gathered<'_, '_>> = BTreeMap::new();
    let mut groups: BTreeMap<&str, Vec<&Grant<'_>>> = BTreeMap::new();
    for grant in &resolved.grants {
        let Some(who) = &grant.who else { continue };
        if who.kind == "Group" && !grant.is_shipped() {
            groups.entry(&who.name).or_default().push(grant);
        }
        all.entry(who.clone()).or_default().own.push(grant);
    }
    let listed = accounts.known().into_iter().flatten().map(|(namespace, name)| Who {
        kind: "ServiceAccount",
        namespace: Some(namespace.clone()),
        name: name.clone(),
    });
    let mut members: BTreeSet<Who> = listed.collect();
    members.extend(all.keys().filter(|who| who.kind == "ServiceAccount").cloned());
    for who in members {
        let by_group: Vec<&Grant<'_>> =
            who.implied_groups().iter().filter_map(|group| groups.get(group.as_str())).flatten().copied().collect();
        if !by_group.is_empty() {
            all.entry(who).or_default().by_group = by_group;
        }
    }
    all.into_iter().map(|(who, gathered)| row(resolved, who, &gathered, holders, accounts)).collect()
}

fn row(resolved: &Resolved<'_>, who: Who, gathered: &Gathered<'_, '_>, holders: &Holders<'_, '_>, accounts: &Accounts) -> Row {
    let own = &gathered.own;
    let standing = holders.standing(&who);
    let group = |name: &String| Who::named("Group", name);
    // What a group gives holds for its members: by the group's own standing where no binding names the member.
    let reach = |kind: Kind| {
        if !own.is_empty() {
            return standing.anywhere(resolved, kind);
        }
        let of_groups = who.implied_groups().iter().map(|name| holders.standing(&group(name)).anywhere(resolved, kind)).collect::<Vec<_>>();
        let best = of_groups.into_iter().min_by_key(|held| match held.value {
            Known::Known(true) => 0,
            Known::Unknown(_) => 1,
            Known::Known(false) => 2,
        });
        best.unwrap_or(Held { value: Known::Known(false), evidence: Vec::new() })
    };
    let (impersonates, named, approves) = (reach(Kind::Impersonate), reach(Kind::ImpersonateNamed), reach(Kind::ApproveCertificates));
    let names = |grant: &&&Grant<'_>| {
        let subject = grant.place.and_then(|place| grant.binding.subjects.get(place));
        subject.is_some_and(|subject| subject.kind == "User")
    };
    let bindings = |cluster: bool| {
        let named: BTreeSet<String> =
            own.iter().filter(|grant| grant.binding.namespace.is_none() == cluster).map(|grant| grant.binding.text()).collect();
        i64::try_from(named.len()).unwrap_or(i64::MAX)
    };
    let namespaces: BTreeSet<String> = own.iter().filter_map(|grant| grant.binding.namespace.clone()).collect();
    let roles: BTreeSet<String> = own.iter().map(|grant| grant.binding.role_text()).collect();
    let typed = SubjectRow {
        kind: who.kind,
        namespace: who.namespace.clone(),
        name: who.name.clone(),
        who: who.text(),
        exists: exists(Some(&who), accounts),
        spelt_as_user: who.kind == "ServiceAccount" && own.iter().any(|grant| names(&grant)),
        cluster_role_bindings: bindings(true),
        role_bindings: bindings(false),
        bindings_by_group: i64::try_from(gathered.by_group.len()).unwrap_or(i64::MAX),
        namespaces: namespaces.into_iter().collect(),
        roles: roles.into_iter().collect(),
        cluster_admin: cluster_admin(resolved, &standing),
        impersonates: impersonates.value,
        impersonates_named: named.value,
        approves_certificates: approves.value,
        by_group_only: own.is_empty(),
        shipped: own.iter().all(|grant| grant.is_shipped()) && gathered.by_group.is_empty(),
    };
    let mut origins: Vec<Evidence> = own.iter().chain(&gathered.by_group).map(|grant| (*grant.here).clone()).collect();
    origins.sort_by(|a, b| (a.object(), &a.pointer).cmp(&(b.object(), &b.pointer)));
    origins.truncate(ORIGINS);
    let subject: ObjectRef = who.object();
    // What it holds is not bounded by the namespace that it lives in.
    Row::new(who.text(), subject, origins, typed)
        .in_namespace(None)
        .evidenced("impersonates", impersonates.evidence)
        .evidenced("impersonates_named", named.evidence)
        .evidenced("approves_certificates", approves.evidence)
}

/// Whether one of the grants is everything, everywhere.
fn cluster_admin(resolved: &Resolved<'_>, standing: &Standing<'_, '_, '_>) -> Known<bool> {
    let held = standing.in_fact(resolved, Kind::Everything, None);
    if matches!(held, Known::Known(Some(_))) {
        return Known::Known(true);
    }
    let unread = standing.at(None).find_map(|grant| match &grant.dangling {
        Known::Unknown(unseen) => Some(unseen.clone()),
        Known::Known(_) => None,
    });
    unread.map_or(Known::Known(false), Known::Unknown)
}
