use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ServiceAccount;

use super::containers::sorted_owned;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{JOBS, PODS, REPLICA_SETS, SERVICE_ACCOUNTS};
use crate::model::{Evidence, ObjectRef};

table! {
    /// One row per service account, with what it says about tokens and who uses it.
    pub struct ServiceAccountRow as "service_accounts" counting "service accounts" from [SERVICE_ACCOUNTS] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// Whether it is the account `default`, which pods get that name none.
        is_default: bool, at "/metadata/name";
        /// `automountServiceAccountToken` as written: `true`, `false` or `unset`.
        automount: &'static str, at "/automountServiceAccountToken";
        /// Whether its token is mounted into pods that do not say otherwise; unset is true.
        automounts: bool, at "/automountServiceAccountToken";
        /// Secrets that the account lists: the older, non-expiring tokens, sorted. The secrets themselves are never read.
        legacy_secrets: Vec<String>, at "/secrets";
        /// Secrets with registry credentials, sorted.
        image_pull_secrets: Vec<String>, at "/imagePullSecrets";
        /// Number of running pods that use it.
        pods: Known<i64>, needs [PODS];
        /// Workloads whose running pods use it, sorted.
        workloads: Known<Vec<String>>, needs [PODS, REPLICA_SETS, JOBS];
        /// Those of them whose pods get its token mounted automatically, sorted.
        workloads_mounting_token: Known<Vec<String>>, needs [PODS, REPLICA_SETS, JOBS];
    }
}

pub(in crate::facts) const FAMILY: Family =
    Family { schemas: || vec![ServiceAccountRow::schema()], rows: |context, _| Ok(vec![context.accounts()?.rows(context.usages()?)]) };

/// What an account says about mounting its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::facts) enum Automount {
    Written(bool),
    Unset,
}

impl Automount {
    /// Unset is true (`core/v1` ServiceAccount).
    pub(in crate::facts) fn automounts(self) -> bool {
        match self {
            Self::Written(value) => value,
            Self::Unset => true,
        }
    }
}

/// Who uses an account, gathered while pods are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::facts) struct Usage {
    pub(in crate::facts) pods: i64,
    pub(in crate::facts) workloads: BTreeSet<String>,
    /// Workloads whose pods leave mounting to the account, and where one of their pods says nothing.
    pub(in crate::facts) leave_it_to_account: BTreeMap<String, Evidence>,
    /// Workloads whose pods ask for the token, and where one of them does.
    pub(in crate::facts) ask_for_token: BTreeMap<String, Evidence>,
}

impl Usage {
    /// What a pod of a workload says about the token (`PodSpec.automountServiceAccountToken`); `origin` is where its spec stands.
    pub(in crate::facts) fn says(&mut self, workload: String, automount: Option<bool>, origin: &Evidence) {
        let places = match automount {
            None => &mut self.leave_it_to_account,
            Some(true) => &mut self.ask_for_token,
            Some(false) => return,
        };
        let here = origin.at(format!("{}/automountServiceAccountToken", origin.pointer));
        // The first by name, so that the order of the input does not matter.
        let first = places.entry(workload).or_insert_with(|| here.clone());
        if here.object() < first.object() {
            *first = here;
        }
    }
}

/// Workloads of which the evidence stands with a row.
const PLACES: usize = 3;

/// Usage by namespace and account.
pub(in crate::facts) type Usages = BTreeMap<(String, String), Usage>;

/// All accounts as read.
pub(in crate::facts) struct ServiceAccounts {
    objects: Vec<(ServiceAccount, Evidence)>,
}

impl ServiceAccounts {
    pub(in crate::facts) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut objects = Vec::new();
        reader.each::<ServiceAccount>(&SERVICE_ACCOUNTS, |account, origin| objects.push((account, origin)))?;
        Ok(Self { objects })
    }

    pub(in crate::facts) fn automount(&self) -> BTreeMap<(String, String), Automount> {
        self.objects.iter().map(|(account, _)| (identity(account), automount(account))).collect()
    }

    fn rows(&self, usages: &Known<Usages>) -> Vec<Row> {
        self.objects.iter().cloned().map(|(account, origin)| row(account, origin, usages)).collect()
    }
}

fn identity(account: &ServiceAccount) -> (String, String) {
    (account.metadata.namespace.clone().unwrap_or_default(), account.metadata.name.clone().unwrap_or_default())
}

fn automount(account: &ServiceAccount) -> Automount {
    account.automount_service_account_token.map_or(Automount::Unset, Automount::Written)
}

fn row(account: ServiceAccount, origin: Evidence, usages: &Known<Usages>) -> Row {
    let (namespace, name) = identity(&account);
    let automount = automount(&account);
    let usage = usages.as_ref().map(|all| all.get(&(namespace.clone(), name.clone())).cloned().unwrap_or(Usage { ..Usage::default() }));
    let mut mounting: Known<BTreeMap<String, Evidence>> = usage.as_ref().map(|usage| usage.ask_for_token.clone());
    if automount.automounts()
        && let (Known::Known(mounting), Known::Known(usage)) = (&mut mounting, &usage)
    {
        for (workload, evidence) in &usage.leave_it_to_account {
            mounting.entry(workload.clone()).or_insert_with(|| evidence.clone());
        }
    }
    let mut places: Vec<Evidence> = mounting.known().into_iter().flat_map(BTreeMap::values).take(PLACES).cloned().collect();
    if !places.is_empty() {
        places.push(origin.at("/automountServiceAccountToken"));
    }
    let typed = ServiceAccountRow {
        is_default: name == "default",
        automount: match automount {
            Automount::Written(true) => "true",
            Automount::Written(false) => "false",
            Automount::Unset => "unset",
        },
        automounts: automount.automounts(),
        legacy_secrets: sorted_owned(account.secrets.iter().flatten().filter_map(|secret| secret.name.clone())),
        image_pull_secrets: sorted_owned(account.image_pull_secrets.iter().flatten().map(|secret| secret.name.clone())),
        pods: usage.as_ref().map(|usage| usage.pods),
        workloads: usage.map(|usage| usage.workloads.into_iter().collect()),
        workloads_mounting_token: mounting.map(|mounting| mounting.into_keys().collect()),
        namespace: namespace.clone(),
        name: name.clone(),
    };
    let key = format!("{namespace}/{name}");
    let subject =
        ObjectRef { kind: "ServiceAccount".to_owned(), group: String::new(), namespace: Some(namespace), name, uid: account.metadata.uid };
    Row::new(key, subject, vec![origin], typed).evidenced("workloads_mounting_token", places)
}
