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
use crate::model::sources::VELERO_CONFIG_MAPS;
use crate::model::{SourceId, SourceRecord, SourceState};

const NAMESPACES: SourceId = SourceId::core("namespaces");
const PODS: SourceId = SourceId::core("pods");
const CLAIMS: SourceId = SourceId::core("persistentvolumeclaims");
const VOLUMES: SourceId = SourceId::core("persistentvolumes");
const REPLICA_SETS: SourceId = SourceId::group("apps", "replicasets");
const STATEFUL_SETS: SourceId = SourceId::group("apps", "statefulsets");
const JOBS: SourceId = SourceId::group("batch", "jobs");
const ROLE_BINDINGS: SourceId = SourceId::group("rbac.authorization.k8s.io", "rolebindings");
const CLUSTER_ROLE_BINDINGS: SourceId = SourceId::group("rbac.authorization.k8s.io", "clusterrolebindings");
const INGRESSES: SourceId = SourceId::group("networking.k8s.io", "ingresses");
const STORAGE_CLASSES: SourceId = SourceId::group("storage.k8s.io", "storageclasses");
const ADMISSION: &str = "admissionregistration.k8s.io";

const fn gateway(resource: &'static str) -> SourceId {
    SourceId::group("gateway.networking.k8s.io", resource)
}

/// What is referred to, and what refers to it. What stands further down is referred to by what stands above.
const REFERRED: &[(SourceId, &[SourceId])] = &[
    (SourceId::core("nodes"), &[PODS]),
    (SourceId::core("serviceaccounts"), &[PODS, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS]),
    (
        SourceId::core("services"),
        &[
            INGRESSES,
            gateway("httproutes"),
            gateway("grpcroutes"),
            gateway("tlsroutes"),
            gateway("tcproutes"),
            SourceId::group(ADMISSION, "validatingwebhookconfigurations"),
            SourceId::group(ADMISSION, "mutatingwebhookconfigurations"),
            SourceId::group("apiregistration.k8s.io", "apiservices"),
        ],
    ),
    (CLAIMS, &[PODS]),
    (SourceId::core("replicationcontrollers"), &[PODS]),
    (REPLICA_SETS, &[PODS]),
    (STATEFUL_SETS, &[PODS]),
    (SourceId::group("apps", "daemonsets"), &[PODS]),
    (JOBS, &[PODS]),
    (SourceId::group("node.k8s.io", "runtimeclasses"), &[PODS]),
    (SourceId::group("scheduling.k8s.io", "priorityclasses"), &[PODS]),
    (SourceId::group("rbac.authorization.k8s.io", "roles"), &[ROLE_BINDINGS]),
    (SourceId::group("rbac.authorization.k8s.io", "clusterroles"), &[ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS]),
    (SourceId::group("networking.k8s.io", "ingressclasses"), &[INGRESSES]),
    (SourceId::group(ADMISSION, "validatingadmissionpolicies"), &[SourceId::group(ADMISSION, "validatingadmissionpolicybindings")]),
    (SourceId::group(ADMISSION, "mutatingadmissionpolicies"), &[SourceId::group(ADMISSION, "mutatingadmissionpolicybindings")]),
    (
        gateway("gateways"),
        &[gateway("httproutes"), gateway("grpcroutes"), gateway("tlsroutes"), gateway("tcproutes"), gateway("udproutes")],
    ),
    (SourceId::group("cert-manager.io", "issuers"), &[SourceId::group("cert-manager.io", "certificates")]),
    (SourceId::group("cert-manager.io", "clusterissuers"), &[SourceId::group("cert-manager.io", "certificates")]),
    (SourceId::group("external-secrets.io", "secretstores"), &[SourceId::group("external-secrets.io", "externalsecrets")]),
    (SourceId::group("external-secrets.io", "clustersecretstores"), &[SourceId::group("external-secrets.io", "externalsecrets")]),
    (SourceId::group("velero.io", "schedules"), &[SourceId::group("velero.io", "backups")]),
    (SourceId::group("velero.io", "backupstoragelocations"), &[SourceId::group("velero.io", "backups")]),
    (SourceId::group("kyverno.io", "clusterpolicies"), &[SourceId::group("kyverno.io", "policyexceptions")]),
    (SourceId::group("kyverno.io", "policies"), &[SourceId::group("kyverno.io", "policyexceptions")]),
    (VOLUMES, &[CLAIMS]),
    (SourceId::group("apps", "deployments"), &[REPLICA_SETS]),
    (SourceId::group("batch", "cronjobs"), &[JOBS]),
    (gateway("gatewayclasses"), &[gateway("gateways")]),
    (STORAGE_CLASSES, &[CLAIMS, VOLUMES, STATEFUL_SETS]),
    (SourceId::group("storage.k8s.io", "csidrivers"), &[VOLUMES, STORAGE_CLASSES]),
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
