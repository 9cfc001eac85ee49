use std::collections::BTreeSet;

use super::policy::Who;
use super::takeover::Takeover;
use super::takeovers::{doubt_of_cluster, of_cluster};
use crate::facts::Known;
use crate::facts::table::schema::{Row, table};
use crate::facts::workloads::pass::TemplateAccounts;
use crate::facts::workloads::service_accounts::{ServiceAccounts, Usage, Usages};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, ROLE_BINDINGS, ROLES, SERVERS_SEEN, SERVICE_ACCOUNTS, VERSION, WORKLOADS,
};

table! {
    /// One row per service account as which pods run, or which the template of a workload without pods names (a CronJob between two runs, a
    /// Deployment that is scaled to nothing), with what its holder can do to the cluster: by what the account holds, by its groups,
    /// and by the accounts that it can take over from there.
    pub struct AccountReachRow as "account_reach" counting "service accounts of workloads" from [CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS] + WORKLOADS consulting [KUBEADM_CONFIG] + SERVERS_SEEN {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// Number of running pods.
        pods: i64;
        /// Workloads whose pods or templates use it, sorted.
        workloads: Vec<String>;
        /// Those of them of which there is a template and no pod at the moment, sorted.
        templates: Vec<String>;
        /// Kinds of reach, in the whole cluster or in kube-system, with which it can take over the cluster, by id, gravest first.
        cluster_kinds: Known<Vec<String>>, needs [VERSION];
        /// The ways to these, sorted.
        cluster_via: Known<Vec<String>>, needs [VERSION];
    }
}

pub(super) fn rows(
    takeover: &Takeover<'_, '_>,
    accounts: &ServiceAccounts,
    usages: &Known<Usages>,
    templates: &TemplateAccounts,
) -> Vec<Row> {
    // Where they are not known, the coverage of the table says so.
    let usages: Usages = usages.known().cloned().unwrap_or_else(Usages::new);
    let (none, nothing) = (BTreeSet::new(), Usage::default());
    let running = usages.iter().filter(|(_, usage)| usage.pods > 0).map(|(place, _)| place);
    let used: BTreeSet<&(String, String)> = running.chain(templates.keys()).collect();
    used.into_iter()
        .filter_map(|place| {
            let (namespace, name) = place;
            let (usage, templates) = (usages.get(place).unwrap_or(&nothing), templates.get(place).unwrap_or(&none));
            let origin = accounts.origin(namespace, name)?;
            let who = Who::account(namespace, name);
            let leads = takeover.all(&who);
            let found = of_cluster(&leads.kinds);
            let doubt = doubt_of_cluster(&leads);
            let known = |values: Vec<String>| match &doubt {
                Some(unseen) if values.is_empty() => Known::Unknown(unseen.clone()),
                _ => Known::Known(values),
            };
            let typed = AccountReachRow {
                namespace: namespace.clone(),
                name: name.clone(),
                pods: usage.pods,
                workloads: usage.workloads.union(templates).cloned().collect(),
                templates: templates.difference(&usage.workloads).cloned().collect(),
                cluster_kinds: known(found.keys().map(|kind| kind.id().to_owned()).collect()),
                cluster_via: known(found.into_values().collect::<BTreeSet<_>>().into_iter().collect()),
            };
            Some(Row::new(format!("{namespace}/{name}"), who.object(), vec![origin.clone()], typed))
        })
        .collect()
}
