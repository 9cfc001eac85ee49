//! What objects of Velero say about whose data they copy (velero.io, *Resource filtering* and *File system backup*).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::facts::Known;
use crate::facts::table::read::Readable;
use crate::model::UnseenKind;

/// Why something cannot be told from the object.
pub(super) type Doubt = (UnseenKind, &'static str);

/// Whether something is so, or why that is not known.
pub(super) type Judged = Known<bool, Doubt>;

const PATTERN: Doubt =
    (UnseenKind::NotUnderstood, "its filter has a pattern, which not every version of Velero reads, and not all in the same way");
const POLICY: Doubt = (UnseenKind::NotVisible, "its resource policy can leave out volumes, and is in a ConfigMap that is not read");
const SERVER: Doubt =
    (UnseenKind::NotVisible, "it makes no snapshots, and whether volumes are copied as files is left to a setting of Velero's server");
const NO_VOLUMES: Doubt =
    (UnseenKind::NotUnderstood, "it leaves out PersistentVolumes, and whether their data is copied all the same is not known");
const NO_PODS: Doubt = (UnseenKind::NotUnderstood, "it leaves out pods, and with them volumes that are copied as files");
const NO_DATA: Doubt =
    (UnseenKind::NotVisible, "it says of no volume that its data was copied: Velero leaves out what it cannot snapshot, and completes");

/// Names under which resources are filtered.
const CLAIMS: &[&str] = &["persistentvolumeclaims", "persistentvolumeclaim", "pvc"];
const VOLUMES: &[&str] = &["persistentvolumes", "persistentvolume", "pv"];
const PODS: &[&str] = &["pods", "pod", "po"];

/// What a Schedule and a Backup share.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Template {
    included_namespaces: Vec<String>,
    excluded_namespaces: Vec<String>,
    included_resources: Vec<String>,
    excluded_resources: Vec<String>,
    included_namespace_scoped_resources: Vec<String>,
    excluded_namespace_scoped_resources: Vec<String>,
    included_cluster_scoped_resources: Vec<String>,
    excluded_cluster_scoped_resources: Vec<String>,
    include_cluster_resources: Option<bool>,
    label_selector: Option<Value>,
    or_label_selectors: Vec<Value>,
    resource_policy: Option<Value>,
    snapshot_volumes: Option<bool>,
    snapshot_move_data: Option<bool>,
    default_volumes_to_fs_backup: Option<bool>,
    default_volumes_to_restic: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Schedule {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    spec: ScheduleSpec,
    #[serde(default)]
    status: ScheduleStatus,
}

#[derive(Debug, Deserialize)]
struct ScheduleSpec {
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ScheduleStatus {
    phase: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Backup {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    spec: Template,
    #[serde(default)]
    pub(super) status: BackupStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BackupStatus {
    pub(super) phase: String,
    pub(super) completion_timestamp: Option<String>,
    volume_snapshots_completed: i64,
    csi_volume_snapshots_completed: i64,
    backup_item_operations_completed: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Location {
    #[serde(default)]
    metadata: ObjectMeta,
}

macro_rules! readable {
    ($($Type:ty),*) => { $( impl Readable for $Type { fn meta(&self) -> &ObjectMeta { &self.metadata } } )* };
}
readable!(Schedule, Backup, Location);

impl Schedule {
    /// Whether Velero makes backups by it.
    pub(super) fn active(&self) -> bool {
        !self.spec.paused && self.status.phase != "FailedValidation"
    }

    /// Whether its backups are to hold all claims of the namespace with what is on their volumes.
    pub(super) fn covers(&self, namespace: &str) -> Judged {
        all([self.spec.template.takes_all_of(namespace), self.spec.template.copies()])
    }
}

impl Backup {
    /// Whether all claims of the namespace are in it, and data of volumes.
    pub(super) fn holds(&self, namespace: &str) -> Judged {
        let (asked, done) = (&self.spec, &self.status);
        let as_files = all([asked.files(), asked.takes(PODS)]) == Known::Known(true);
        // Snapshots whose data is moved are counted as operations only.
        let moved = asked.snapshot_move_data == Some(true) && done.backup_item_operations_completed > 0;
        if as_files || moved || done.volume_snapshots_completed > 0 || done.csi_volume_snapshots_completed > 0 {
            return asked.takes_all_of(namespace);
        }
        all([asked.takes_all_of(namespace), asked.copies(), Known::Unknown(NO_DATA)])
    }
}

impl Template {
    /// Whether all claims of the namespace pass the filters.
    fn takes_all_of(&self, namespace: &str) -> Judged {
        all([
            passes(&[&self.included_namespaces], &[&self.excluded_namespaces], &[namespace]),
            self.takes(CLAIMS),
            Known::Known(self.label_selector.is_none() && self.or_label_selectors.is_empty()),
            if self.resource_policy.is_some() { Known::Unknown(POLICY) } else { Known::Known(true) },
        ])
    }

    /// Whether resources of namespaces with one of these names pass.
    fn takes(&self, names: &[&str]) -> Judged {
        let included = [&self.included_resources, &self.included_namespace_scoped_resources];
        let excluded = [&self.excluded_resources, &self.excluded_namespace_scoped_resources];
        passes(&included.map(Vec::as_slice), &excluded.map(Vec::as_slice), names)
    }

    fn takes_volumes(&self) -> Judged {
        all([
            Known::Known(self.include_cluster_resources != Some(false)),
            passes(&[&self.included_resources], &[&self.excluded_resources], VOLUMES),
            passes(&[&self.included_cluster_scoped_resources], &[&self.excluded_cluster_scoped_resources], VOLUMES),
        ])
    }

    /// Whether volumes are copied as files unless a pod says otherwise.
    fn files(&self) -> Judged {
        match (self.default_volumes_to_fs_backup, self.default_volumes_to_restic) {
            (Some(true), _) | (_, Some(true)) => Known::Known(true),
            (Some(false), _) => Known::Known(false),
            (None, _) => Known::Unknown(SERVER),
        }
    }

    /// Whether data of volumes is to be copied in one way or the other.
    fn copies(&self) -> Judged {
        either(self.snapshots(), all([self.files(), self.takes(PODS)]))
    }

    /// Whether snapshots are to be made; unset is yes, wherever something can make them.
    fn snapshots(&self) -> Judged {
        if self.snapshot_volumes == Some(false) {
            Known::Known(false)
        } else if self.takes_volumes() != Known::Known(true) {
            Known::Unknown(NO_VOLUMES)
        } else if self.files() != Known::Known(false) && self.takes(PODS) != Known::Known(true) {
            // No snapshot is made of a volume that a pod would have had copied as files.
            Known::Unknown(NO_PODS)
        } else {
            Known::Known(true)
        }
    }
}

/// Whether what has these names is let through: an empty list includes everything.
fn passes(included: &[&[String]], excluded: &[&[String]], names: &[&str]) -> Judged {
    let inside = if included.iter().all(|list| list.is_empty()) { Known::Known(true) } else { listed(included, names) };
    let outside = match listed(excluded, names) {
        Known::Known(found) => Known::Known(!found),
        unclear => unclear,
    };
    all([inside, outside])
}

fn listed(lists: &[&[String]], names: &[&str]) -> Judged {
    let mut pattern = false;
    for entry in lists.iter().copied().flatten().map(|entry| entry.to_ascii_lowercase()) {
        if entry == "*" || names.contains(&entry.as_str()) {
            return Known::Known(true);
        }
        pattern |= names.iter().any(|name| may_match(&entry, name));
    }
    if pattern { Known::Unknown(PATTERN) } else { Known::Known(false) }
}

/// Whether the entry is a pattern whose beginning and end fit. Between them anything may be meant.
fn may_match(entry: &str, name: &str) -> bool {
    let mut literal = entry.split(['*', '?', '[', ']', '{', '}']);
    match (literal.next(), literal.next_back()) {
        (Some(beginning), Some(end)) => name.starts_with(beginning) && name.ends_with(end),
        _ => false,
    }
}

/// Whether all of them are so; one that is not decides.
fn all<const N: usize>(parts: [Judged; N]) -> Judged {
    parts.into_iter().fold(Known::Known(true), |so_far, part| match (so_far, part) {
        (Known::Known(false), _) | (_, Known::Known(false)) => Known::Known(false),
        (Known::Unknown(doubt), _) | (_, Known::Unknown(doubt)) => Known::Unknown(doubt),
        _ => Known::Known(true),
    })
}

fn either(one: Judged, other: Judged) -> Judged {
    match (one, other) {
        (Known::Known(true), _) | (_, Known::Known(true)) => Known::Known(true),
        (Known::Unknown(doubt), _) | (_, Known::Unknown(doubt)) => Known::Unknown(doubt),
        _ => Known::Known(false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const YES: Judged = Known::Known(true);
    const NO: Judged = Known::Known(false);

    fn covers(template: Value) -> Judged {
        let schedule = json!({"metadata": {"name": "s"}, "spec": {"template": template}});
        serde_json::from_value::<Schedule>(schedule).unwrap().covers("records")
    }

    fn holds(spec: Value, status: Value) -> Judged {
        serde_json::from_value::<Backup>(json!({"metadata": {"name": "b"}, "spec": spec, "status": status})).unwrap().holds("records")
    }

    #[test]
    fn filters_of_namespaces() {
        for (template, judged) in [
            (json!({}), YES),
            (json!({"includedNamespaces": ["records"]}), YES),
            (json!({"includedNamespaces": ["*"], "excludedNamespaces": ["kube-*", "portal"]}), YES),
            (json!({"includedNamespaces": ["portal"]}), NO),
            (json!({"excludedNamespaces": ["records"]}), NO),
            (json!({"excludedNamespaces": ["*"]}), NO),
            (json!({"includedNamespaces": ["rec*"]}), Known::Unknown(PATTERN)),
            (json!({"excludedNamespaces": ["rec*"]}), Known::Unknown(PATTERN)),
            (json!({"excludedNamespaces": ["r[a-f]c?rds"]}), Known::Unknown(PATTERN)),
            (json!({"excludedNamespaces": ["{records,portal}"]}), Known::Unknown(PATTERN)),
            (json!({"includedNamespaces": ["rec*", "records"]}), YES),
            (json!({"includedNamespaces": ["*-portal", "lab-?"]}), NO),
        ] {
            assert_eq!(covers(template.clone()), judged, "{template}");
        }
    }

    #[test]
    fn filters_of_resources_old_and_new() {
        let volumes = Known::Unknown(NO_VOLUMES);
        for (template, judged) in [
            (json!({"includedNamespaceScopedResources": ["deployments.apps"]}), NO),
            (json!({"excludedNamespaceScopedResources": ["persistentvolumeclaims"]}), NO),
            (json!({"excludedNamespaceScopedResources": ["*"]}), NO),
            (json!({"includedNamespaceScopedResources": ["PersistentVolumeClaims", "pods"]}), YES),
            (json!({"includedResources": ["pvc"]}), volumes.clone()),
            (json!({"includedResources": ["pvc", "pv", "pods"]}), YES),
            (json!({"excludedResources": ["persistentvolume*"]}), Known::Unknown(PATTERN)),
            (json!({"excludedResources": ["events.events.k8s.io"]}), YES),
            (json!({"excludedResources": ["persistentvolumes"]}), volumes.clone()),
            (json!({"excludedClusterScopedResources": ["*"]}), volumes.clone()),
            (json!({"includedClusterScopedResources": ["storageclasses.storage.k8s.io"]}), volumes.clone()),
            (json!({"includeClusterResources": false}), volumes),
            (json!({"includeClusterResources": false, "defaultVolumesToFsBackup": true}), YES),
            (json!({"labelSelector": {"matchLabels": {"app": "x"}}}), NO),
            (json!({"orLabelSelectors": [{"matchLabels": {"app": "x"}}]}), NO),
            (json!({"resourcePolicy": {"kind": "configmap", "name": "x"}}), Known::Unknown(POLICY)),
            (json!({"resourcePolicy": {}, "excludedNamespaces": ["records"]}), NO),
        ] {
            assert_eq!(covers(template.clone()), judged, "{template}");
        }
    }

    #[test]
    fn ways_to_copy_data() {
        let (files, pods) = ("defaultVolumesToFsBackup", json!(["pods"]));
        for (template, judged) in [
            (json!({"snapshotVolumes": false, files: false}), NO),
            (json!({"snapshotVolumes": false}), Known::Unknown(SERVER)),
            (json!({"snapshotVolumes": false, files: true}), YES),
            (json!({"snapshotVolumes": false, "defaultVolumesToRestic": true}), YES),
            (json!({"snapshotVolumes": false, "defaultVolumesToRestic": false}), Known::Unknown(SERVER)),
            (json!({"snapshotVolumes": false, files: true, "excludedResources": pods}), NO),
            (json!({files: true, "excludedResources": pods}), Known::Unknown(NO_PODS)),
            (json!({files: false, "excludedResources": pods}), YES),
        ] {
            assert_eq!(covers(template.clone()), judged, "{template}");
        }
    }

    #[test]
    fn a_backup_holds_data_only_if_it_says_so() {
        let none = || Known::Unknown(NO_DATA);
        let (files, pods) = ("defaultVolumesToFsBackup", json!(["pods"]));
        for (spec, status, judged) in [
            (json!({}), json!({}), none()),
            (json!({files: false}), json!({"volumeSnapshotsAttempted": 2}), none()),
            (json!({}), json!({"volumeSnapshotsCompleted": 2}), YES),
            (json!({}), json!({"csiVolumeSnapshotsCompleted": 1}), YES),
            (json!({}), json!({"backupItemOperationsCompleted": 1}), none()),
            (json!({"snapshotMoveData": true}), json!({"backupItemOperationsCompleted": 1}), YES),
            (json!({"snapshotMoveData": true}), json!({}), none()),
            (json!({files: true}), json!({}), YES),
            (json!({files: true, "includeClusterResources": false}), json!({}), YES),
            (json!({files: true, "excludedResources": pods}), json!({}), Known::Unknown(NO_PODS)),
            (json!({"excludedResources": ["pv"]}), json!({"csiVolumeSnapshotsCompleted": 1}), YES),
            (json!({"snapshotVolumes": false, files: false}), json!({}), NO),
            (json!({"includedNamespaces": ["portal"]}), json!({}), NO),
            (json!({"includedNamespaces": ["rec*"]}), json!({"volumeSnapshotsCompleted": 2}), Known::Unknown(PATTERN)),
        ] {
            assert_eq!(holds(spec.clone(), status.clone()), judged, "{spec} {status}");
        }
    }

    #[test]
    fn a_schedule_that_does_not_run_is_not_active() {
        for (spec, status, active) in [
            (json!({}), json!({}), true),
            (json!({}), json!({"phase": "Enabled"}), true),
            (json!({"paused": true}), json!({"phase": "Enabled"}), false),
            (json!({}), json!({"phase": "FailedValidation"}), false),
        ] {
            let schedule: Schedule = serde_json::from_value(json!({"metadata": {}, "spec": spec, "status": status})).unwrap();
            assert_eq!(schedule.active(), active, "{status}");
        }
    }
}
