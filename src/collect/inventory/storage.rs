//! Volumes, and their copies.

use super::entries::{Line, addons, list};
use super::{Amount, Entry, Part, Reach};
use crate::model::{SourceId, sources};

const VELERO: &str = "Backups, their schedule, their result and where they lie.";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::BACKUPS, "Backup", &["v1"], "metadata{$meta} spec{$backupspec} $backupstatus", VELERO),
    (sources::BACKUP_SCHEDULES, "Schedule", &["v1"], "metadata{$meta} spec{schedule paused template{$backupspec}} $backupstatus", VELERO),
    (sources::POD_VOLUME_BACKUPS, "PodVolumeBackup", &["v1"], "metadata{$meta} status{phase}", VELERO),
    (sources::DATA_UPLOADS, "DataUpload", &["v2alpha1"], "metadata{$meta} spec{sourceNamespace sourcePVC} status{phase}", VELERO),
    (SourceId::group("velero.io", "restores"), "Restore", &["v1"], "metadata{$meta} spec{backupName scheduleName includedNamespaces excludedNamespaces} $backupstatus", VELERO),
    (sources::BACKUP_LOCATIONS, "BackupStorageLocation", &["v1"], "metadata{$meta} spec{provider accessMode default objectStorage{bucket prefix} config:parameters} status{phase}", VELERO),
    (sources::VOLUME_SNAPSHOT_CLASSES, "VolumeSnapshotClass", &["v1"], "metadata{$meta} driver deletionPolicy parameters:parameters", "Snapshots of volumes."),
];

pub(super) fn entries() -> Vec<Entry> {
    let own = vec![
        list(
            sources::PERSISTENT_VOLUMES,
            "PersistentVolume",
            "metadata{$meta} spec!{accessModes capacity claimRef{$ref uid} persistentVolumeReclaimPolicy storageClassName volumeMode
             mountOptions:mountoptions csi{driver fsType readOnly volumeHandle:redacted volumeAttributes:parameters nodeStageSecretRef{$ref}}
             hostPath local nfs{server path readOnly} *{}} status{phase}",
            "Where data lies and whether its volume is encrypted.",
        ),
        list(
            sources::PERSISTENT_VOLUME_CLAIMS,
            "PersistentVolumeClaim",
            "metadata{$meta} spec!{accessModes resources storageClassName volumeMode volumeName dataSource dataSourceRef{apiGroup kind}} status{phase capacity}",
            "Which workloads keep data, and on which class of storage.",
        ),
        list(
            sources::STORAGE_CLASSES,
            "StorageClass",
            "metadata{$meta} provisioner! parameters:parameters reclaimPolicy volumeBindingMode allowVolumeExpansion
             mountOptions:mountoptions",
            "Encryption of volumes.",
        ),
        list(sources::CSI_DRIVERS, "CSIDriver", "metadata{$meta} spec!{attachRequired podInfoOnMount volumeLifecycleModes tokenRequests{audience expirationSeconds} fsGroupPolicy requiresRepublish seLinuxMount storageCapacity}", "Storage and secrets drivers."),
        // Whoever writes a Backup gives the ConfigMap a name of his own.
        Entry {
        source: sources::VELERO_CONFIG_MAPS,
        kind: "ConfigMap",
        versions: &["v1"],
        reach: Reach::In("velero"),
        amount: Amount::Fields("metadata{$meta managedFields{time}} data{*:volumepolicies}"),
        part: Part::Addons,
        always: false,
        why: "Resource policies: which volumes Velero skips, or copies in which way.",
    },
    ];
    own.into_iter().chain(addons(LINES)).collect()
}
