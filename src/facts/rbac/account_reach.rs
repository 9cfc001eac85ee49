use std::collections::BTreeSet;

use super::policy::Who;
use super::takeover::Takeover;
use super::takeovers::of_cluster;
use crate::facts::Known;
use crate::facts::table::schema::{Row, table};
use crate::facts::workloads::service_accounts::{ServiceAccounts, Usages};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, JOBS, METRICS, POD_OWNERS, PODS, REPLICA_SETS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS, VERSION,
};

table! {
    /// One row per service account as which pods run, with what its holder can do to the cluster: by what the account holds, by its groups,
    /// and by the accounts that it can take over from there.
    pub struct AccountReachRow as "account_reach" counting "service accounts of running pods" from [CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, PODS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS] consulting [METRICS] + POD_OWNERS {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// Number of running pods.
        pods: i64;
        /// Workloads whose running pods use it, sorted.
        workloads: Vec<String>, needs [JOBS, REPLICA_SETS];
        /// Kinds of reach, in the whole cluster or in kube-system, with which it can take over the cluster, by id, gravest first.
        cluster_kinds: Known<Vec<String>>, needs [VERSION];
        /// The ways to these, sorted.
        cluster_via: Known<Vec<String>>, needs [VERSION];
    }
}

pub(super) fn rows(takeover: &Takeover<'_, '_>, accounts: &ServiceAccounts, usages: &Known<Usages>) -> Vec<Row> {
    let Known::Known(usages) = usages else { return Vec::new() };
    let used = usages.iter().filter(|(_, usage)| usage.pods > 0);
    used.filter_map(|((namespace, name), usage)| {
        let origin = accounts.origin(namespace, name)?;
        let who = Who::account(namespace, name);
        let leads = takeover.all(&who);
        let found = of_cluster(&leads.kinds);
        let known = |values: Vec<String>| match &leads.doubt {
            Some(unseen) if values.is_empty() => Known::Unknown(unseen.clone()),
            _ => Known::Known(values),
        };
        let typed = AccountReachRow {
            namespace: namespace.clone(),
            name: name.clone(),
            pods: usage.pods,
            workloads: usage.workloads.iter().cloned().collect(),
            cluster_kinds: known(found.keys().map(|kind| kind.id().to_owned()).collect()),
            cluster_via: known(found.into_values().collect::<BTreeSet<_>>().into_iter().collect()),
        };
        Some(Row::new(format!("{namespace}/{name}"), who.object(), vec![origin.clone()], typed))
    })
    .collect()
}
