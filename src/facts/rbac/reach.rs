use std::collections::{BTreeMap, BTreeSet};

use super::super::Known;
use super::columns::with_reach;
use super::grants::COLUMNS;
use super::kinds::Kind;
use super::policy::Who;
use super::resolved::{Held, Resolved};
use super::standing::{Holders, Standing};
use super::takeover::{Kinds, Leads, Takeover};
use crate::facts::table::schema::Row;
use crate::model::Evidence;
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, METRICS, PODS, ROLE_BINDINGS, ROLES, SERVERS_SEEN, SERVICE_ACCOUNTS,
    STATEFUL_SETS, VERSION, WORKLOADS,
};

with_reach! {
    /// One row per subject and place in which it has dangerous reach: without a namespace for what it holds in the whole cluster, else for
    /// what RoleBindings of that namespace add. Several bindings of one subject count together, with those of the groups that the server
    /// puts it into; membership in other groups is known to the identity provider only. Columns about reach leave out what Kubernetes and
    /// kubeadm ship. What is reached by taking over other identities stands in columns of its own.
    pub struct ReachRow as "reach" counting "subjects and namespaces" from [CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG, METRICS] + WORKLOADS {
        /// Namespace; not set for the whole cluster.
        namespace: Option<String>;
        /// `User`, `Group` or `ServiceAccount`.
        subject_kind: &'static str;
        /// Namespace of a service account.
        subject_namespace: Option<String>;
        /// Name.
        subject: String;
        /// In words, such as `ServiceAccount delivery/deploy-runner`.
        who: String;
        /// Kinds of reach beyond what is shipped, by id, gravest first.
        kinds: Vec<String>;
        /// Further kinds that it reaches by acting as service accounts or users that it can take over, by id, gravest first.
        kinds_by_takeover: Known<Vec<String>>, needs [PODS, SERVICE_ACCOUNTS, VERSION];
        /// The ways to these, one for each kind.
        takeover_via: Known<Vec<String>>, needs [PODS, SERVICE_ACCOUNTS, VERSION];
        /// Kinds of reach that come from shipped bindings alone, by id.
        shipped_kinds: Vec<String>;
        /// The bindings that give the kinds beyond what is shipped, sorted.
        via: Vec<String>;
    }
}

/// Grants that one subject holds in one place.
struct Place {
    cells: BTreeMap<Kind, Known<bool>>,
    kinds: Vec<String>,
    shipped_kinds: Vec<String>,
    via: BTreeSet<String>,
    evidence: Vec<(&'static str, Vec<std::sync::Arc<Evidence>>)>,
}

pub(super) fn rows(resolved: &Resolved<'_>, holders: &Holders<'_, '_>, takeover: &Takeover<'_, '_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for who in holders.everybody() {
        let standing = holders.standing(who);
        let gain = gain(resolved, takeover, who, &standing);
        let own: BTreeSet<Option<String>> = standing.own_places().cloned().collect();
        let mut places = standing.places();
        places.extend(gain.kinds.keys().chain(gain.perhaps.keys()).cloned());
        for namespace in places {
            let place = if own.contains(&namespace) {
                Place::of(resolved, &standing, namespace.as_deref(), |kind| standing.beyond(resolved, kind, namespace.as_deref()))
            } else {
                Place::of(resolved, &standing, namespace.as_deref(), |kind| match &namespace {
                    Some(here) => standing.beyond_with_groups(resolved, kind, here),
                    None => (Held { value: Known::Known(false), evidence: Vec::new() }, Vec::new()),
                })
            };
            rows.extend(row(who, namespace.as_deref(), &standing, place, &gain));
        }
    }
    rows
}

/// What somebody reaches by further steps beyond what is shipped.
fn gain(resolved: &Resolved<'_>, takeover: &Takeover<'_, '_>, who: &Who, standing: &Standing<'_, '_, '_>) -> Leads {
    let mut all = Vec::new();
    let mut doubt = None;
    for namespace in standing.own_places() {
        for grant in standing.own_at(namespace.as_deref()).filter(|grant| resolved.beyond(grant).is_some_and(|rights| rights.leads_on())) {
            let (steps, unseen) = takeover.steps(grant);
            all.extend(steps);
            doubt = doubt.or(unseen);
        }
    }
    let gain = takeover.gain(who, all.iter().map(|step| (&step.start, step.maybe.as_ref())));
    Leads { doubt: gain.doubt.clone().or(doubt), ..gain }
}

impl Place {
    fn of(
        resolved: &Resolved<'_>,
        standing: &Standing<'_, '_, '_>,
        namespace: Option<&str>,
        held: impl Fn(Kind) -> (Held, Vec<String>),
    ) -> Self {
        let mut place =
            Self { cells: BTreeMap::new(), kinds: Vec::new(), shipped_kinds: Vec::new(), via: BTreeSet::new(), evidence: Vec::new() };
        let has_shipped = standing.own_at(namespace).any(|grant| grant.is_shipped());
        for (kind, column) in COLUMNS {
            let (held, bindings) = held(kind);
            match &held.value {
                Known::Known(true) => {
                    place.kinds.push(kind.id().to_owned());
                    place.via.extend(bindings);
                }
                Known::Known(false) if has_shipped && standing.by_shipped(resolved, kind, namespace) => {
                    place.shipped_kinds.push(kind.id().to_owned())
                }
                Known::Known(false) | Known::Unknown(_) => {}
            }
            place.evidence.push((column, held.evidence));
            place.cells.insert(kind, held.value);
        }
        place
    }
}

fn row(who: &Who, namespace: Option<&str>, standing: &Standing<'_, '_, '_>, place: Place, gain: &Leads) -> Option<Row> {
    let Place { mut cells, kinds, shipped_kinds, via, evidence } = place;
    let unknown = cells.values().any(|cell| matches!(cell, Known::Unknown(_)));
    let nothing = Kinds::new();
    let here = namespace.map(str::to_owned);
    let further = gain.kinds.get(&here).unwrap_or(&nothing);
    let perhaps = gain.perhaps.get(&here).and_then(|kinds| kinds.values().next());
    let unknown = unknown || perhaps.is_some();
    if kinds.is_empty() && shipped_kinds.is_empty() && further.is_empty() && !unknown {
        return None;
    }
    // What is reached for certain is said; a doubt is about what may come to it.
    let known = |values: Vec<String>| match perhaps.or(gain.doubt.as_ref()) {
        Some(unseen) if values.is_empty() => Known::Unknown(unseen.clone()),
        _ => Known::Known(values),
    };
    let mut take = |kind: Kind| cells.remove(&kind).unwrap_or(Known::Known(false));
    let typed = ReachRow {
        namespace: namespace.map(str::to_owned),
        subject_kind: who.kind,
        subject_namespace: who.namespace.clone(),
        subject: who.name.clone(),
        who: who.text(),
        kinds,
        kinds_by_takeover: known(further.keys().map(|kind| kind.id().to_owned()).collect()),
        takeover_via: known(further.values().cloned().collect::<BTreeSet<_>>().into_iter().collect()),
        shipped_kinds,
        via: via.into_iter().collect(),
        everything: take(Kind::Everything),
        impersonates: take(Kind::Impersonate),
        escalates: take(Kind::Escalate),
        proxies_nodes: take(Kind::ProxyNodes),
        approves_certificates: take(Kind::ApproveCertificates),
        changes_apis: take(Kind::ChangeApis),
        creates_volumes: take(Kind::CreateVolumes),
        changes_policies: take(Kind::ChangePolicies),
        changes_nodes: take(Kind::ChangeNodes),
        changes_system_config: take(Kind::ChangeSystemConfig),
        reads_secrets: take(Kind::ReadSecrets),
        becomes_service_accounts: take(Kind::BecomeServiceAccounts),
        impersonates_named: take(Kind::ImpersonateNamed),
        deploys_by_tools: take(Kind::DeployByTools),
        execs: take(Kind::Exec),
        adds_containers: take(Kind::EphemeralContainers),
        writes_workloads: take(Kind::WriteWorkloads),
        changes_secrets: take(Kind::ChangeSecrets),
        redirects_traffic: take(Kind::RedirectTraffic),
        changes_network_policies: take(Kind::ChangeNetworkPolicies),
        deletes_data: take(Kind::DeleteData),
        deletes_backups: take(Kind::DeleteBackups),
        reads_logs: take(Kind::ReadLogs),
        deletes_evidence: take(Kind::DeleteEvidence),
    };
    let mut origins: Vec<Evidence> = standing.own_at(namespace).map(|grant| (*grant.here).clone()).collect();
    if origins.is_empty() {
        // Reached from another place, or through a group: what it holds there is where it begins.
        origins = standing.own_places().flat_map(|place| standing.own_at(place.as_deref())).map(|grant| (*grant.here).clone()).collect();
    }
    origins.sort_by(|a, b| (a.object(), &a.pointer).cmp(&(b.object(), &b.pointer)));
    origins.truncate(2);
    let place = namespace.map_or_else(|| "the whole cluster".to_owned(), str::to_owned);
    let row = Row::new(format!("{} in {place}", who.text()), who.object(), origins, typed).in_namespace(namespace.map(str::to_owned));
    Some(evidence.into_iter().fold(row, |row, (column, evidence)| row.evidenced(column, evidence)))
}
