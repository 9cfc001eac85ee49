use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Known;
use super::Accounts;
use super::columns::with_reach;
use super::kinds::Kind;
use super::policy::{ANONYMOUS, AUTHENTICATED, SERVICE_ACCOUNTS_GROUP, UNAUTHENTICATED, Who};
use super::resolved::{Grant, Resolved};
use super::rules::describe;
use super::standing::Holders;
use crate::facts::table::schema::Row;
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, METRICS, ROLE_BINDINGS, ROLES, SERVERS_SEEN, SERVICE_ACCOUNTS, STATEFUL_SETS,
    VERSION,
};
use crate::model::{Evidence, ObjectRef};

/// How many rules of a role stand in one row.
const RULES: usize = 6;

with_reach! {
    /// One row per binding and subject: who holds which role through which binding. Columns about reach say what this grant gives by
    /// itself or together with what else its subject holds there, beyond what Kubernetes and kubeadm ship. Other authorizers and
    /// certificates of the group system:masters are not seen.
    pub struct GrantRow as "grants" counting "grants" from [CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG, METRICS] {
        /// `RoleBinding` or `ClusterRoleBinding`.
        binding_kind: &'static str;
        /// Namespace of a RoleBinding; not set for a ClusterRoleBinding, but where a row is about what it gives on the object of one namespace
        /// that a rule names.
        namespace: Option<String>;
        /// Name of the binding.
        binding: String;
        /// `Role` or `ClusterRole`.
        role_kind: String;
        /// Name of the role.
        role: String;
        /// `User`, `Group` or `ServiceAccount`, as the identity is known to the server: a user named `system:serviceaccount:NS:NAME` is a
        /// service account. Not set for a binding that names nobody.
        subject_kind: Option<&'static str>;
        /// Namespace of a service account.
        subject_namespace: Option<String>;
        /// Name of the subject.
        subject: Option<String>;
        /// The subject in words, such as `ServiceAccount delivery/deploy-runner`.
        who: String;
        /// The derivation in words, such as `RoleBinding imaging/engineers → ClusterRole edit`.
        via: String;
        /// Whether it holds in the whole cluster: a ClusterRoleBinding.
        cluster_wide: bool;
        /// Whether the binding names nobody, or something that matches no identity.
        empty: bool;
        /// Whether the role that it refers to does not exist.
        dangling: Known<bool>;
        /// Whether it gives nothing: its role does not exist, or has no rules.
        gives_nothing: Known<bool>;
        /// Why it gives nothing, in words; not set where it gives something.
        nothing_because: Known<Option<String>>;
        /// Whether the role is put together by aggregation; its rules are read as stored.
        aggregated: bool;
        /// Whether the subject is nobody in particular: requests without credentials (system:anonymous, system:unauthenticated).
        anonymous: bool;
        /// Whether the subject is every identity (system:authenticated) or every service account (system:serviceaccounts).
        everyone: bool;
        /// Whether the subject is the service account `default` of a namespace, or the group of all service accounts of one
        /// (system:serviceaccounts:NAMESPACE), which that account is in.
        default_account: bool;
        /// Whether the service account exists; not set for users and groups, which no API lists.
        account_exists: Known<Option<bool>>, needs [SERVICE_ACCOUNTS];
        /// `kubernetes` or `kubeadm` where binding, role and subject are exactly what these ship; `provider` where the name is one that
        /// cloud providers use, which proves nothing; else `own`.
        origin: &'static str;
        /// Whether binding, role and subject are exactly what Kubernetes or kubeadm ships.
        shipped: bool;
        /// Whether it gives anything beyond what is shipped: it is not shipped, or its role holds more than is shipped.
        beyond_shipped: Known<bool>;
        /// Rules of the role in words, the first six.
        rules: Vec<String>;
        /// Dangerous rights that are restricted to named objects, sorted; the columns below leave them out.
        named: Vec<String>;
        /// ConfigMaps of kube-system with settings of the cluster's own parts that it may write by name, sorted.
        named_settings: Vec<String>;
    }
}

/// The column of each kind of reach, here and in the table `reach`.
pub const COLUMNS: [(Kind, &str); 24] = [
    (Kind::Everything, "everything"),
    (Kind::Impersonate, "impersonates"),
    (Kind::Escalate, "escalates"),
    (Kind::ProxyNodes, "proxies_nodes"),
    (Kind::ApproveCertificates, "approves_certificates"),
    (Kind::ChangeApis, "changes_apis"),
    (Kind::CreateVolumes, "creates_volumes"),
    (Kind::ChangePolicies, "changes_policies"),
    (Kind::ChangeNodes, "changes_nodes"),
    (Kind::ChangeSystemConfig, "changes_system_config"),
    (Kind::ReadSecrets, "reads_secrets"),
    (Kind::BecomeServiceAccounts, "becomes_service_accounts"),
    (Kind::ImpersonateNamed, "impersonates_named"),
    (Kind::DeployByTools, "deploys_by_tools"),
    (Kind::Exec, "execs"),
    (Kind::EphemeralContainers, "adds_containers"),
    (Kind::WriteWorkloads, "writes_workloads"),
    (Kind::ChangeSecrets, "changes_secrets"),
    (Kind::RedirectTraffic, "redirects_traffic"),
    (Kind::ChangeNetworkPolicies, "changes_network_policies"),
    (Kind::DeleteData, "deletes_data"),
    (Kind::DeleteBackups, "deletes_backups"),
    (Kind::ReadLogs, "reads_logs"),
    (Kind::DeleteEvidence, "deletes_evidence"),
];

pub(super) fn rows(resolved: &Resolved<'_>, holders: &Holders<'_, '_>, accounts: &Accounts) -> Vec<Row> {
    let mut known = BTreeMap::new();
    resolved.grants.iter().map(|grant| row(resolved, holders, grant, accounts, &mut known)).collect()
}

/// `known` are the subjects of rows before: most have several grants.
fn row<'r>(
    resolved: &'r Resolved<'_>,
    holders: &Holders<'_, '_>,
    grant: &'r Grant<'_>,
    accounts: &Accounts,
    known: &mut BTreeMap<&'r Who, Arc<ObjectRef>>,
) -> Row {
    let binding = grant.binding;
    let mut evidence: Vec<(&'static str, Vec<Arc<Evidence>>)> = Vec::new();
    let standing = grant.who.as_ref().map(|who| holders.standing(who));
    let mut gives = |kind: Kind| {
        let held = resolved.gives(grant, kind, standing.as_ref());
        if let Some((_, column)) = COLUMNS.iter().find(|(of, _)| *of == kind)
            && !held.evidence.is_empty()
        {
            evidence.push((column, held.evidence));
        }
        held.value
    };
    let is = |kind: &str, names: &[&str]| grant.who.as_ref().is_some_and(|who| who.kind == kind && names.contains(&who.name.as_str()));
    let written = grant.place.and_then(|place| binding.subjects.get(place));
    let who = match (&grant.who, written) {
        (Some(who), _) => who.text(),
        (None, Some(subject)) => format!("{} {} (matches no identity)", subject.kind, subject.name),
        (None, None) => "nobody".to_owned(),
    };
    let rules = grant.role.map(|(role, _)| role.rules.as_slice()).unwrap_or_default();
    let mut shown: Vec<String> = rules.iter().take(RULES).map(describe).collect();
    if rules.len() > RULES {
        shown.push(format!("and {} more", rules.len() - RULES));
    }
    let typed = GrantRow {
        binding_kind: binding.kind(),
        namespace: grant.namespace().map(str::to_owned),
        binding: binding.name.clone(),
        role_kind: binding.role_kind.clone(),
        role: binding.role_name.clone(),
        subject_kind: grant.who.as_ref().map(|who| who.kind),
        subject_namespace: grant.who.as_ref().and_then(|who| who.namespace.clone()),
        subject: grant.who.as_ref().map(|who| who.name.clone()),
        via: binding.via(),
        cluster_wide: grant.namespace().is_none(),
        empty: grant.who.is_none(),
        dangling: grant.dangling.clone(),
        gives_nothing: resolved.gives_nothing(grant),
        nothing_because: nothing_because(grant, &resolved.gives_nothing(grant)),
        aggregated: grant.role.is_some_and(|(role, _)| role.selectors.is_some()),
        anonymous: is("User", &[ANONYMOUS]) || is("Group", &[UNAUTHENTICATED]),
        everyone: is("Group", &[AUTHENTICATED, SERVICE_ACCOUNTS_GROUP]),
        default_account: is("ServiceAccount", &["default"])
            || grant.who.as_ref().is_some_and(|who| who.kind == "Group" && who.name.starts_with("system:serviceaccounts:")),
        account_exists: exists(grant.who.as_ref(), accounts),
        origin: grant.origin.word(),
        shipped: grant.is_shipped(),
        beyond_shipped: resolved.is_beyond(grant),
        rules: shown,
        named: resolved.beyond(grant).map(|rights| rights.named.clone()).unwrap_or_default(),
        named_settings: resolved.beyond(grant).map(|rights| rights.settings(grant.namespace()).to_vec()).unwrap_or_default(),
        everything: gives(Kind::Everything),
        impersonates: gives(Kind::Impersonate),
        escalates: gives(Kind::Escalate),
        proxies_nodes: gives(Kind::ProxyNodes),
        approves_certificates: gives(Kind::ApproveCertificates),
        changes_apis: gives(Kind::ChangeApis),
        creates_volumes: gives(Kind::CreateVolumes),
        changes_policies: gives(Kind::ChangePolicies),
        changes_nodes: gives(Kind::ChangeNodes),
        changes_system_config: gives(Kind::ChangeSystemConfig),
        reads_secrets: gives(Kind::ReadSecrets),
        becomes_service_accounts: gives(Kind::BecomeServiceAccounts),
        impersonates_named: gives(Kind::ImpersonateNamed),
        deploys_by_tools: gives(Kind::DeployByTools),
        execs: gives(Kind::Exec),
        adds_containers: gives(Kind::EphemeralContainers),
        writes_workloads: gives(Kind::WriteWorkloads),
        changes_secrets: gives(Kind::ChangeSecrets),
        redirects_traffic: gives(Kind::RedirectTraffic),
        changes_network_policies: gives(Kind::ChangeNetworkPolicies),
        deletes_data: gives(Kind::DeleteData),
        deletes_backups: gives(Kind::DeleteBackups),
        reads_logs: gives(Kind::ReadLogs),
        deletes_evidence: gives(Kind::DeleteEvidence),
        who: who.clone(),
    };
    let mut related: Vec<Arc<ObjectRef>> = grant.role.map(|(role, _)| role.object()).into_iter().collect();
    related.extend(grant.who.as_ref().map(|who| Arc::clone(known.entry(who).or_insert_with(|| Arc::new(who.object())))));
    let role_ref = binding.origin.at("/roleRef");
    let key = format!("{} for {who}", binding.text());
    let missing = grant.dangling == Known::Known(true);
    let row = Row::new(key, binding.object(), vec![(*grant.here).clone()], typed)
        .related_to(related)
        .evidenced("dangling", missing.then_some(role_ref));
    let row = match &grant.within {
        Some(namespace) => row.in_namespace(Some(namespace.clone())),
        None => row,
    };
    evidence.into_iter().fold(row, |row, (column, evidence)| row.evidenced(column, evidence))
}

fn nothing_because(grant: &Grant<'_>, gives_nothing: &Known<bool>) -> Known<Option<String>> {
    let why = match (&grant.who, grant.place) {
        (None, None) => Some("because it names nobody"),
        (None, Some(_)) => Some("because what it names matches no identity"),
        (Some(_), _) => None,
    };
    if let Some(why) = why {
        return Known::Known(Some(why.to_owned()));
    }
    let role = if grant.role.is_some() { "because its role has no rules" } else { "because its role does not exist" };
    gives_nothing.as_ref().map(|nothing| nothing.then(|| role.to_owned()))
}

/// Whether a service account exists; not set for what is none.
pub(super) fn exists(who: Option<&Who>, accounts: &Accounts) -> Known<Option<bool>> {
    match who {
        Some(Who { kind: "ServiceAccount", namespace: Some(namespace), name }) => {
            accounts.as_ref().map(|all| Some(all.contains(&(namespace.clone(), name.clone()))))
        }
        _ => Known::Known(None),
    }
}
