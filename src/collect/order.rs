//! What is read before what.
//!
//! A list says what there was at one moment. What refers to something is read to its end first, then what it refers to: so "the role of this
//! binding does not exist" is true when it is said, whatever was made while the cluster was read.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::inventory::Reach;
use super::pages::Task;
use crate::model::sources::{
    API_SERVICES, BACKUP_LOCATIONS, BACKUP_SCHEDULES, BACKUPS, CERTIFICATES, CLUSTER_ISSUERS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES,
    CLUSTER_SECRET_STORES, CRON_JOBS, CSI_DRIVERS, DAEMON_SETS, DEPLOYMENTS, EXTERNAL_SECRETS, GATEWAY_CLASSES, GATEWAYS, GRPC_ROUTES,
    HTTP_ROUTES, INGRESS_CLASSES, INGRESSES, ISSUERS, JOBS, KYVERNO_CLUSTER_POLICIES, KYVERNO_EXCEPTIONS, KYVERNO_POLICIES,
    MUTATING_POLICIES, MUTATING_POLICY_BINDINGS, MUTATING_WEBHOOKS, NAMESPACES, NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS,
    PRIORITY_CLASSES, REPLICA_SETS, REPLICATION_CONTROLLERS, ROLE_BINDINGS, ROLES, RUNTIME_CLASSES, SECRET_STORES, SERVICE_ACCOUNTS,
    SERVICES, STATEFUL_SETS, STORAGE_CLASSES, TCP_ROUTES, TLS_ROUTES, UDP_ROUTES, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS,
    VALIDATING_WEBHOOKS, VELERO_CONFIG_MAPS,
};
use crate::model::{SourceId, SourceRecord, SourceState};

/// What is referred to, and what refers to it. What stands further down is referred to by what stands above.
const REFERRED: &[(SourceId, &[SourceId])] = &[
    (NODES, &[PODS]),
    (SERVICE_ACCOUNTS, &[PODS, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS]),
    (SERVICES, &[INGRESSES, HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS, API_SERVICES]),
    (PERSISTENT_VOLUME_CLAIMS, &[PODS]),
    (REPLICATION_CONTROLLERS, &[PODS]),
    (REPLICA_SETS, &[PODS]),
    (STATEFUL_SETS, &[PODS]),
    (DAEMON_SETS, &[PODS]),
    (JOBS, &[PODS]),
    (RUNTIME_CLASSES, &[PODS]),
    (PRIORITY_CLASSES, &[PODS]),
    (ROLES, &[ROLE_BINDINGS]),
    (CLUSTER_ROLES, &[ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS]),
    (INGRESS_CLASSES, &[INGRESSES]),
    (VALIDATING_POLICIES, &[VALIDATING_POLICY_BINDINGS]),
    (MUTATING_POLICIES, &[MUTATING_POLICY_BINDINGS]),
    (GATEWAYS, &[HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES]),
    (ISSUERS, &[CERTIFICATES]),
    (CLUSTER_ISSUERS, &[CERTIFICATES]),
    (SECRET_STORES, &[EXTERNAL_SECRETS]),
    (CLUSTER_SECRET_STORES, &[EXTERNAL_SECRETS]),
    (BACKUP_SCHEDULES, &[BACKUPS]),
    (BACKUP_LOCATIONS, &[BACKUPS]),
    (KYVERNO_CLUSTER_POLICIES, &[KYVERNO_EXCEPTIONS]),
    (KYVERNO_POLICIES, &[KYVERNO_EXCEPTIONS]),
    (PERSISTENT_VOLUMES, &[PERSISTENT_VOLUME_CLAIMS]),
    (DEPLOYMENTS, &[REPLICA_SETS]),
    (CRON_JOBS, &[JOBS]),
    (GATEWAY_CLASSES, &[GATEWAYS]),
    (STORAGE_CLASSES, &[PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STATEFUL_SETS]),
    (CSI_DRIVERS, &[PERSISTENT_VOLUMES, STORAGE_CLASSES]),
];

/// In which turn a source begins: after everything that it waits for.
pub(super) fn turn(source: &SourceId, reach: Reach) -> usize {
    match (reach, REFERRED.iter().position(|(referred, _)| referred == source)) {
        (Reach::ConfigMap, _) => REFERRED.len() + 2,
        _ if *source == VELERO_CONFIG_MAPS => REFERRED.len() + 2,
        _ if *source == NAMESPACES => REFERRED.len() + 1,
        (_, place) => place.map_or(0, |place| place + 1),
    }
}

/// Who waits for whom.
pub(super) struct Order {
    /// The lists that are read.
    lists: BTreeSet<SourceId>,
    done: watch::Sender<BTreeSet<SourceId>>,
    /// No one is waited for longer: what is never answered must not keep everything else from being read.
    until: Option<Instant>,
    /// Lists for which was not waited to the end.
    late: Mutex<BTreeSet<SourceId>>,
}

impl Order {
    pub(super) fn new(tasks: &[Task], until: Option<Instant>) -> Self {
        let is_list = |task: &&Task| {
            matches!(task.entry.reach, Reach::Everywhere | Reach::In(_) | Reach::KindsOf) && task.source != VELERO_CONFIG_MAPS
        };
        let lists = tasks.iter().filter(is_list).map(|task| task.source.clone()).collect();
        Self { lists, done: watch::Sender::default(), until, late: Mutex::default() }
    }

    /// What has to be read before a source.
    fn before(&self, task: &Task) -> BTreeSet<SourceId> {
        let lists = || self.lists.iter();
        match task.entry.reach {
            // Only where its namespace exists.
            reach if reach == Reach::ConfigMap || task.source == VELERO_CONFIG_MAPS => {
                lists().filter(|source| **source == NAMESPACES).cloned().collect()
            }
            // Everything lies in one.
            _ if task.source == NAMESPACES => lists().filter(|source| **source != NAMESPACES).cloned().collect(),
            _ => {
                let referrers = REFERRED.iter().find(|(referred, _)| *referred == task.source).map_or(&[][..], |(_, referrers)| *referrers);
                lists().filter(|source| referrers.contains(source)).cloned().collect()
            }
        }
    }

    /// Waits for what refers to a source.
    pub(super) async fn wait(&self, task: &Task) {
        let before = self.before(task);
        if before.is_empty() {
            return;
        }
        let mut done = self.done.subscribe();
        let all = async {
            // The sender lives as long as this.
            let _done = done.wait_for(|done| before.is_subset(done)).await;
        };
        match self.until {
            None => all.await,
            Some(until) => {
                if tokio::time::timeout_at(until, all).await.is_err() {
                    let done = self.done.borrow();
                    let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
                    late.extend(before.difference(&done).cloned());
                }
            }
        }
    }

    /// A source was read, or was not.
    pub(super) fn done(&self, source: SourceId) {
        self.done.send_modify(|done| {
            done.insert(source);
        });
    }

    /// Lists that came after what they refer to are not whole: what they refer to may be newer than what was read of it.
    pub(super) fn name_late(&self, records: &mut [SourceRecord]) {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records.iter_mut().filter(|record| late.contains(&record.source)) {
            if let SourceState::Read { count, .. } = record.state {
                let why = "it took so long that what it refers to was read before it".to_owned();
                record.state = SourceState::Partial { read: count, why };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_what_begins_later() {
        for (referred, referrers) in REFERRED {
            for referrer in *referrers {
                assert!(turn(referrer, Reach::Everywhere) < turn(referred, Reach::Everywhere), "{referrer} before {referred}");
            }
        }
    }

    #[test]
    fn what_is_named_here_is_read() {
        for source in REFERRED.iter().flat_map(|(referred, referrers)| referrers.iter().chain([referred])) {
            assert!(super::super::inventory::inventory().iter().any(|entry| entry.source == *source), "{source}");
        }
    }
}
