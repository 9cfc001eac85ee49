use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ServiceAccount;

use super::containers::sorted_owned;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{POD_OWNERS, PODS, SERVICE_ACCOUNTS, VERSION};
use crate::model::{Evidence, ObjectRef, Unseen};

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
        /// Secrets that the account lists: the older, non-expiring tokens, sorted. The secrets themselves are never read. From Kubernetes 1.24
        /// the server lists none by itself, so that an account without any may have some all the same: that is unknown.
        legacy_secrets: Known<Vec<String>>, at "/secrets", needs [VERSION];
        /// Secrets with registry credentials, sorted.
        image_pull_secrets: Vec<String>, at "/imagePullSecrets";
        /// Number of running pods that use it.
        pods: Known<i64>, needs [PODS];
        /// Workloads whose running pods use it, sorted.
        workloads: Known<Vec<String>>, needs [] + POD_OWNERS;
        /// Those of them whose pods hold a token of it that was mounted when they were made, sorted. What the account says now counts
        /// for pods that are made next.
        workloads_mounting_token: Known<Vec<String>>, needs [] + POD_OWNERS;
    }
}

pub(in crate::facts) const FAMILY: Family = Family {
    schemas: || vec![ServiceAccountRow::schema()],
    rows: |context, _| Ok(vec![context.accounts()?.rows(context.usages()?, context.server_minor()?)]),
};

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
    /// Whether some running pod holds its token in any way.
    pub(in crate::facts) held: bool,
    /// Workloads whose pods hold a token that admission mounted, and where one of their pods does.
    pub(super) mounting: BTreeMap<String, Evidence>,
}

impl Usage {
    /// A pod of a workload holds a token; `place` is where its mount stands.
    pub(in crate::facts) fn mounts(&mut self, workload: String, place: Evidence) {
        // The first by name, so that the order of the input does not matter.
        let first = self.mounting.entry(workload).or_insert_with(|| place.clone());
        if place.object() < first.object() {
            *first = place;
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

    /// Where an account was read.
    pub(in crate::facts) fn origin(&self, namespace: &str, name: &str) -> Option<&Evidence> {
        let wanted = |account: &ServiceAccount| {
            account.metadata.namespace.as_deref() == Some(namespace) && account.metadata.name.as_deref() == Some(name)
        };
        self.objects.iter().find(|(account, _)| wanted(account)).map(|(_, origin)| origin)
    }

    /// Names of the accounts that list a Secret, by its namespace and name.
    pub(in crate::facts) fn listed_secrets(&self) -> BTreeMap<(String, String), Vec<String>> {
        let mut all: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for (account, _) in &self.objects {
            let (namespace, name) = identity(account);
            for secret in account.secrets.iter().flatten().filter_map(|secret| secret.name.clone()) {
                all.entry((namespace.clone(), secret)).or_default().push(name.clone());
            }
        }
        all
    }

    /// The accounts whose token some running pod holds.
    pub(in crate::facts) fn running(&self, usages: &Usages) -> BTreeSet<(String, String)> {
        let holds = |usage: &Usage| usage.held;
        usages.iter().filter(|(_, usage)| holds(usage)).map(|(place, _)| place.clone()).collect()
    }

    fn rows(&self, usages: &Known<Usages>, minor: &Known<u32>) -> Vec<Row> {
        self.objects.iter().cloned().map(|(account, origin)| row(account, origin, usages, minor)).collect()
    }
}

fn identity(account: &ServiceAccount) -> (String, String) {
    (account.metadata.namespace.clone().unwrap_or_default(), account.metadata.name.clone().unwrap_or_default())
}

fn automount(account: &ServiceAccount) -> Automount {
    account.automount_service_account_token.map_or(Automount::Unset, Automount::Written)
}

/// The first minor version whose controllers make no token of their own for an account (LegacyServiceAccountTokenNoAutoGeneration).
const LISTS_NO_TOKENS: u32 = 24;

fn legacy_secrets(account: &ServiceAccount, minor: &Known<u32>) -> Known<Vec<String>> {
    let listed = sorted_owned(account.secrets.iter().flatten().filter_map(|secret| secret.name.clone()));
    match minor {
        _ if !listed.is_empty() => Known::Known(listed),
        Known::Known(minor) if *minor < LISTS_NO_TOKENS => Known::Known(listed),
        Known::Known(_) => Known::Unknown(Unseen::not_visible(
            "whether Secrets hold tokens of service accounts without expiry",
            "from Kubernetes 1.24 an account does not list the Secrets that hold its tokens, and Secrets are never read",
            "Ask for kubectl get secrets -A --field-selector type=kubernetes.io/service-account-token.",
        )),
        Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
    }
}

fn row(account: ServiceAccount, origin: Evidence, usages: &Known<Usages>, minor: &Known<u32>) -> Row {
    let (namespace, name) = identity(&account);
    let automount = automount(&account);
    let usage = usages.as_ref().map(|all| all.get(&(namespace.clone(), name.clone())).cloned().unwrap_or(Usage { ..Usage::default() }));
    let mounting: Known<BTreeMap<String, Evidence>> = usage.as_ref().map(|usage| usage.mounting.clone());
    let places: Vec<Evidence> = mounting.known().into_iter().flat_map(BTreeMap::values).take(PLACES).cloned().collect();
    let typed = ServiceAccountRow {
        is_default: name == "default",
        automount: match automount {
            Automount::Written(true) => "true",
            Automount::Written(false) => "false",
            Automount::Unset => "unset",
        },
        automounts: automount.automounts(),
        legacy_secrets: legacy_secrets(&account, minor),
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
