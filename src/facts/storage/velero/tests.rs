use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::claims::Claim;
use super::super::kept::{Kept, VolumeKind};
use super::super::volumes::Volume;
use super::policy::Policies;
use super::{Backup, Copies, Done, Held, Location, Schedule, Velero};
use crate::facts::Known;
use crate::facts::workloads::volume_uses::Mount;
use crate::model::sources::BACKUPS;
use crate::model::{Evidence, Grade, Reading};

const DISK: VolumeKind = VolumeKind::Csi { left_out: false };

fn origin() -> Evidence {
    let reading = Reading {
        source: BACKUPS,
        object: None,
        resource_version: None,
        sha256: String::new(),
        collected_at: Arc::from(""),
        request: None,
    };
    Evidence { grade: Grade::EffectiveConfiguration, reading: Arc::new(reading), pointer: Cow::Borrowed("") }
}

fn claim(name: &str) -> Claim {
    Claim {
        restored: false,
        namespace: "records".to_owned(),
        name: name.to_owned(),
        uid: Some(format!("uid-{name}")),
        class: Some("fast".to_owned()),
        volume: "pv".to_owned(),
        phase: "Bound".to_owned(),
        labels: BTreeMap::from([("app".to_owned(), "db".to_owned())]),
        left_out: false,
        created: Some("2025-12-01T00:00:00Z".to_owned()),
        origin: origin(),
    }
}

fn running() -> Mount {
    Mount { labels: BTreeMap::new(), running: true, left_out: false, opted_in: false, opted_out: false, mounted: true, device: false }
}

fn kept<'a>(claim: &'a Claim, kind: VolumeKind, mounts: &'a [Mount]) -> Kept<'a> {
    Kept { claim, volume: None, kind, namespace_left_out: Known::Known(false), mounts: Known::Known(mounts), snapshots: Known::Known(true) }
}

fn velero() -> Velero {
    let location =
        json!({"metadata": {"namespace": "velero", "name": "default"}, "spec": {"default": true}, "status": {"phase": "Available"}});
    let location: Location = serde_json::from_value(location).unwrap();
    Velero {
        schedules: Vec::new(),
        done: Vec::new(),
        locations: BTreeMap::from([(("velero".to_owned(), "default".to_owned()), location)]),
        locations_read: Known::Known(()),
        schedules_read: Known::Known(()),
        copies_read: Known::Known(()),
        policies: Policies::of(&[]),
        collected: "2026-01-01T00:00:00Z".to_owned(),
        any: true,
        unclaimed: 0,
    }
}

fn word(held: &Held) -> &'static str {
    match held {
        Held::Yes => "yes",
        Held::No(_) => "no",
        Held::Unclear(_) => "unclear",
    }
}

/// Whether a schedule covers a claim of a CSI volume that a running pod mounts.
fn covers(template: &Value) -> &'static str {
    let schedule = json!({"metadata": {"namespace": "velero", "name": "s"}, "spec": {"schedule": "0 2 * * *", "template": template}, "status": {"phase": "Enabled"}});
    let schedule: Schedule = serde_json::from_value(schedule).unwrap();
    let (claim, mounts) = (claim("data"), [running()]);
    word(&velero().covers(&schedule, &kept(&claim, DISK, &mounts)))
}

fn done(spec: &Value, status: &Value, copies: Copies) -> Done {
    let mut object = json!({"metadata": {"namespace": "velero", "name": "b"}, "spec": spec, "status": {"phase": "Completed", "completionTimestamp": "2025-12-31T00:00:00Z"}});
    for (name, value) in status.as_object().unwrap() {
        object["status"][name] = value.clone();
    }
    let backup: Backup = serde_json::from_value(object).unwrap();
    Done { backup, origin: origin(), hours: 24, expired: false, copies }
}

#[test]
fn filters_of_namespaces() {
    for (template, word) in [
        (json!({}), "yes"),
        (json!({"includedNamespaces": ["records"]}), "yes"),
        (json!({"includedNamespaces": ["*"], "excludedNamespaces": ["kube-*", "portal"]}), "yes"),
        (json!({"includedNamespaces": ["portal"]}), "no"),
        (json!({"excludedNamespaces": ["records"]}), "no"),
        (json!({"excludedNamespaces": ["*"]}), "no"),
        (json!({"includedNamespaces": ["rec*"]}), "unclear"),
        (json!({"excludedNamespaces": ["rec*"]}), "unclear"),
        (json!({"excludedNamespaces": ["r[a-f]c?rds"]}), "unclear"),
        (json!({"excludedNamespaces": ["{records,portal}"]}), "unclear"),
        (json!({"includedNamespaces": ["rec*", "records"]}), "yes"),
        (json!({"includedNamespaces": ["*-portal", "lab-?"]}), "no"),
    ] {
        assert_eq!(covers(&template), word, "{template}");
    }
}

#[test]
fn filters_of_resources_and_labels() {
    for (template, word) in [
        (json!({"includedNamespaceScopedResources": ["deployments.apps"]}), "no"),
        (json!({"excludedNamespaceScopedResources": ["persistentvolumeclaims"]}), "no"),
        (json!({"excludedNamespaceScopedResources": ["*"]}), "no"),
        (json!({"includedNamespaceScopedResources": ["PersistentVolumeClaims", "pods"]}), "yes"),
        (json!({"includedResources": ["pvc"], "defaultVolumesToFsBackup": false}), "unclear"),
        (json!({"includedResources": ["pvc", "pv", "pods"]}), "yes"),
        (json!({"excludedResources": ["persistentvolume*"]}), "unclear"),
        (json!({"excludedResources": ["events.events.k8s.io"]}), "yes"),
        (json!({"excludedResources": ["persistentvolumes"], "defaultVolumesToFsBackup": false}), "unclear"),
        (json!({"includeClusterResources": false, "defaultVolumesToFsBackup": false}), "unclear"),
        (json!({"includeClusterResources": false, "defaultVolumesToFsBackup": true}), "yes"),
        (json!({"labelSelector": {}}), "yes"),
        (json!({"labelSelector": {"matchLabels": {}}}), "yes"),
        // The claim has the label and the pod has not: as files it would not be copied.
        (json!({"labelSelector": {"matchLabels": {"app": "db"}}}), "unclear"),
        (json!({"labelSelector": {"matchLabels": {"app": "db"}}, "defaultVolumesToFsBackup": false}), "yes"),
        (json!({"labelSelector": {"matchLabels": {"app": "x"}}}), "no"),
        (json!({"orLabelSelectors": [{"matchLabels": {"app": "x"}}]}), "no"),
        (
            json!({"orLabelSelectors": [{"matchLabels": {"app": "x"}}, {"matchLabels": {"app": "db"}}], "defaultVolumesToFsBackup": false}),
            "yes",
        ),
        (json!({"labelSelector": {"matchExpressions": [{"key": "app", "operator": "Near"}]}}), "unclear"),
        (json!({"resourcePolicy": {"kind": "configmap", "name": "x"}}), "no"),
        (json!({"resourcePolicy": {}, "excludedNamespaces": ["records"]}), "no"),
        (json!({"storageLocation": "offsite"}), "no"),
    ] {
        assert_eq!(covers(&template), word, "{template}");
    }
}

#[test]
fn ways_to_copy_data() {
    let (files, pods) = ("defaultVolumesToFsBackup", json!(["pods"]));
    for (template, word) in [
        (json!({"snapshotVolumes": false, files: false}), "no"),
        (json!({"snapshotVolumes": false}), "unclear"),
        (json!({"snapshotVolumes": false, files: true}), "yes"),
        (json!({"snapshotVolumes": false, "defaultVolumesToRestic": true}), "yes"),
        (json!({"snapshotVolumes": false, "defaultVolumesToRestic": false}), "unclear"),
        (json!({"snapshotVolumes": false, files: true, "excludedResources": pods}), "no"),
        (json!({files: true, "excludedResources": pods}), "no"),
        (json!({files: false, "excludedResources": pods}), "yes"),
        (json!({files: true, "snapshotMoveData": true}), "unclear"),
    ] {
        assert_eq!(covers(&template), word, "{template}");
    }
}

#[test]
fn a_volume_and_the_pods_that_mount_it_decide() {
    let files = json!({"snapshotVolumes": false, "defaultVolumesToFsBackup": true});
    let snapshots = json!({"defaultVolumesToFsBackup": false});
    let stopped = || Mount { running: false, ..running() };
    for (spec, kind, mounts, expected) in [
        (&files, DISK, vec![running()], "yes"),
        (&files, VolumeKind::Local, vec![running()], "yes"),
        (&files, VolumeKind::Nfs, vec![running()], "yes"),
        (&files, VolumeKind::HostPath, vec![running()], "no"),
        (&files, VolumeKind::NotBound, vec![running()], "unclear"),
        (&files, DISK, vec![], "no"),
        (&files, DISK, vec![stopped()], "no"),
        (&files, DISK, vec![stopped(), running()], "yes"),
        (&files, DISK, vec![Mount { left_out: true, ..running() }], "no"),
        (&files, DISK, vec![Mount { device: true, mounted: false, ..running() }], "no"),
        (&files, DISK, vec![Mount { mounted: false, ..running() }], "no"),
        (&files, DISK, vec![Mount { opted_out: true, ..running() }], "no"),
        (&snapshots, DISK, vec![], "yes"),
        (&snapshots, VolumeKind::Disk, vec![running()], "yes"),
        (&snapshots, VolumeKind::Csi { left_out: true }, vec![], "unclear"),
        (&snapshots, VolumeKind::HostPath, vec![running()], "no"),
        (&snapshots, VolumeKind::Nfs, vec![running()], "no"),
        (&snapshots, VolumeKind::Nfs, vec![Mount { opted_in: true, ..running() }], "yes"),
        (&snapshots, VolumeKind::Local, vec![running()], "no"),
        (&snapshots, VolumeKind::Other("iscsi".to_owned()), vec![running()], "unclear"),
        // Nobody copies the files, and no snapshot is made because a pod asks for files.
        (&snapshots, DISK, vec![Mount { opted_in: true, ..stopped() }], "no"),
    ] {
        let claim = claim("data");
        let mut schedule = json!({"metadata": {"namespace": "velero", "name": "s"}, "spec": {"schedule": "@daily", "template": spec}});
        schedule["status"] = json!({"phase": "Enabled"});
        let schedule: Schedule = serde_json::from_value(schedule).unwrap();
        let held = velero().covers(&schedule, &kept(&claim, kind.clone(), &mounts));
        assert_eq!(word(&held), expected, "{spec} {kind:?} {mounts:?}: {held:?}");
    }
}

#[test]
fn a_backup_holds_data_only_if_it_says_so() {
    let (files, pods) = ("defaultVolumesToFsBackup", json!(["pods"]));
    let plain = json!({files: false});
    for (spec, status, expected) in [
        (&json!({}), json!({}), "unclear"),
        (&plain, json!({"volumeSnapshotsAttempted": 2}), "unclear"),
        (&plain, json!({"volumeSnapshotsCompleted": 2}), "yes"),
        (&plain, json!({"csiVolumeSnapshotsCompleted": 2}), "yes"),
        (&plain, json!({"csiVolumeSnapshotsCompleted": 1}), "unclear"),
        (&plain, json!({"csiVolumeSnapshotsCompleted": 2, "warnings": 1}), "unclear"),
        (&plain, json!({"backupItemOperationsCompleted": 2}), "unclear"),
        (&json!({files: false, "snapshotMoveData": true}), json!({"backupItemOperationsCompleted": 2}), "yes"),
        (&plain, json!({"csiVolumeSnapshotsCompleted": 2, "csiVolumeSnapshotsAttempted": 3}), "unclear"),
        // Of each volume whose files were copied there is an object.
        (&json!({files: true}), json!({}), "no"),
        (&json!({files: true}), json!({"csiVolumeSnapshotsCompleted": 2}), "unclear"),
        (&json!({files: true, "snapshotVolumes": false}), json!({"csiVolumeSnapshotsCompleted": 2}), "no"),
        (&json!({files: true, "excludedResources": pods}), json!({}), "no"),
        (&json!({"snapshotVolumes": false, files: false}), json!({}), "no"),
        (&json!({"includedNamespaces": ["portal"]}), json!({}), "no"),
        (&json!({files: true, "storageLocation": "offsite"}), json!({}), "no"),
        (&json!({files: true}), json!({"startTimestamp": "2025-11-30T00:00:00Z"}), "no"),
    ] {
        let (one, other, mounts) = (claim("data"), claim("more"), [running()]);
        let all = [kept(&one, DISK, &mounts), kept(&other, DISK, &mounts)];
        let done = done(spec, &status, Copies::NONE);
        let held = velero().holds(&done, &all[0], &all);
        assert_eq!(word(&held), expected, "{spec} {status}: {held:?}");
    }
}

#[test]
fn what_was_copied_one_by_one_decides() {
    let by_uid = |uid: &str, completed| Copies { by_uid: BTreeMap::from([(uid.to_owned(), completed)]), by_name: BTreeMap::new() };
    let (claim, mounts) = (claim("data"), [running()]);
    let all = [kept(&claim, DISK, &mounts)];
    let spec = json!({"defaultVolumesToFsBackup": true});
    for (copies, expected) in [(by_uid("uid-data", true), "yes"), (by_uid("uid-data", false), "no"), (by_uid("uid-other", true), "no")] {
        let held = velero().holds(&done(&spec, &json!({"warnings": 2}), copies), &all[0], &all);
        assert_eq!(word(&held), expected, "{held:?}");
    }
    let moved = Copies { by_uid: BTreeMap::new(), by_name: BTreeMap::from([(("records".to_owned(), "data".to_owned()), true)]) };
    let spec = json!({"defaultVolumesToFsBackup": false, "snapshotMoveData": true});
    assert_eq!(word(&velero().holds(&done(&spec, &json!({}), moved), &all[0], &all)), "yes");
}

#[test]
fn a_schedule_that_does_not_run_covers_nothing() {
    let (claim, mounts) = (claim("data"), [running()]);
    for (spec, status, expected) in [
        (json!({"schedule": "0 2 * * *"}), json!({"phase": "Enabled", "lastBackup": "2025-12-31T02:00:00Z"}), "yes"),
        (json!({"schedule": "0 2 * * *"}), json!({"phase": "Enabled", "lastBackup": "2025-12-29T02:00:00Z"}), "no"),
        (json!({"schedule": "0 2 * * *"}), json!({"phase": "Enabled"}), "no"),
        (json!({"schedule": "0 2 * * 0"}), json!({"phase": "Enabled"}), "yes"),
        (json!({"schedule": "0 2 * * *"}), json!({}), "no"),
        (json!({"schedule": "0 2 * * 0"}), json!({}), "unclear"),
        (json!({"schedule": "0 2 1 1 *"}), json!({"phase": "Enabled"}), "no"),
        (json!({"schedule": "at night"}), json!({"phase": "Enabled"}), "unclear"),
        (json!({"schedule": "0 2 * * *", "paused": true}), json!({"phase": "Enabled"}), "no"),
        (json!({"schedule": "0 2 * * *"}), json!({"phase": "FailedValidation"}), "no"),
    ] {
        let made = "2025-12-29T00:00:00Z";
        let schedule = json!({"metadata": {"namespace": "velero", "creationTimestamp": made}, "spec": spec, "status": status});
        let schedule: Schedule = serde_json::from_value(schedule).unwrap();
        assert_eq!(word(&velero().covers(&schedule, &kept(&claim, DISK, &mounts))), expected, "{status}");
    }
}

#[test]
fn a_location_has_to_be_there_and_writable() {
    let (claim, mounts) = (claim("data"), [running()]);
    for (spec, phase, writes, reads) in [
        (json!({"default": true}), "Available", "yes", "yes"),
        (json!({"default": true, "accessMode": "ReadOnly"}), "Available", "no", "yes"),
        (json!({"default": true}), "Unavailable", "no", "no"),
        (json!({"default": true}), "", "unclear", "unclear"),
        (json!({}), "Available", "unclear", "unclear"),
    ] {
        let mut velero = velero();
        let location = json!({"metadata": {"namespace": "velero", "name": "default"}, "spec": spec, "status": {"phase": phase}});
        velero.locations.insert(("velero".to_owned(), "default".to_owned()), serde_json::from_value(location).unwrap());
        let template = json!({"defaultVolumesToFsBackup": true});
        let schedule = json!({"metadata": {"namespace": "velero"}, "spec": {"schedule": "@weekly", "template": template}, "status": {"phase": "Enabled"}});
        let schedule: Schedule = serde_json::from_value(schedule).unwrap();
        let all = [kept(&claim, DISK, &mounts)];
        assert_eq!(word(&velero.covers(&schedule, &all[0])), writes, "{spec} {phase}");
        let copies = Copies { by_uid: BTreeMap::from([("uid-data".to_owned(), true)]), by_name: BTreeMap::new() };
        assert_eq!(word(&velero.holds(&done(&template, &json!({}), copies), &all[0], &all)), reads, "{spec} {phase}");
    }
}

/// The rules of a policy decide by what the volume is; what is not known of it decides only where it could.
#[test]
fn the_first_rule_that_fits_decides() {
    let volume = |spec: Value| -> Volume { serde_json::from_value(json!({"metadata": {"name": "pv"}, "spec": spec})).unwrap() };
    let disk = volume(json!({"capacity": {"storage": "20Gi"}, "storageClassName": "fast", "csi": {"driver": "ebs.csi.aws.com"}}));
    let share = volume(json!({"capacity": {"storage": "20Gi"}, "nfs": {"server": "192.0.2.9", "path": "/x"}}));
    let (claim, mounts) = (claim("data"), [running()]);
    for (volume, conditions, expected) in [
        (&disk, json!({}), "no"),
        (&disk, json!({"capacity": "0,10Gi"}), "yes"),
        (&disk, json!({"capacity": "10Gi,"}), "no"),
        (&disk, json!({"capacity": ",20Gi"}), "no"),
        (&disk, json!({"capacity": "20.5Gi,1Ti"}), "yes"),
        (&disk, json!({"capacity": "10000m,"}), "unclear"),
        (&disk, json!({"capacity": "10Gi"}), "unclear"),
        (&disk, json!({"storageClass": ["slow", "fast"]}), "no"),
        (&disk, json!({"storageClass": ["slow"]}), "yes"),
        (&disk, json!({"storageClass": []}), "no"),
        (&share, json!({"storageClass": ["slow"]}), "yes"),
        (&disk, json!({"csi": {}}), "no"),
        (&disk, json!({"csi": {"driver": "ebs.csi.aws.com"}}), "no"),
        (&disk, json!({"csi": {"driver": "other"}}), "yes"),
        (&disk, json!({"csi": {"driver": "ebs.csi.aws.com", "volumeAttributes": "[redacted]"}}), "unclear"),
        (&disk, json!({"nfs": {"server": "[redacted]"}}), "yes"),
        (&share, json!({"nfs": {}}), "no"),
        (&share, json!({"nfs": {"path": "[redacted]"}}), "unclear"),
        (&share, json!({"csi": {}}), "yes"),
        (&disk, json!({"volumeTypes": ["nfs", "csi"]}), "no"),
        (&disk, json!({"volumeTypes": ["nfs"]}), "yes"),
        (&disk, json!({"pvcLabels": {"app": "db"}}), "no"),
        (&disk, json!({"pvcLabels": {"app": "db", "tier": "x"}}), "yes"),
        (&disk, json!({"pvcPhase": ["Pending"]}), "yes"),
        (&disk, json!({"pvcPhase": ["Bound"]}), "no"),
        (&disk, json!({"pvcVolumeMode": "Block"}), "unclear"),
        (&disk, json!({"pvcVolumeMode": "Block", "storageClass": ["slow"]}), "yes"),
        (&disk, json!({"other": true}), "unclear"),
        (&disk, json!({"other": true, "csi": {"driver": "other"}}), "yes"),
    ] {
        let policy = json!({"version": "v1", "volumePolicies": [{"conditions": conditions, "action": {"type": "skip"}}]});
        let map = json!({"metadata": {"name": "volumes", "namespace": "velero"}, "data": {"policy": policy.to_string()}});
        let velero = Velero { policies: Policies::of(&[map]), ..velero() };
        let template = json!({"defaultVolumesToFsBackup": true, "resourcePolicy": {"kind": "configmap", "name": "volumes"}});
        let schedule = json!({"metadata": {"namespace": "velero", "name": "s"}, "spec": {"schedule": "@daily", "template": template}, "status": {"phase": "Enabled"}});
        let schedule: Schedule = serde_json::from_value(schedule).unwrap();
        let kept = Kept { volume: Some(volume), ..kept(&claim, DISK, &mounts) };
        let held = velero.covers(&schedule, &kept);
        assert_eq!(word(&held), expected, "{conditions}: {held:?}");
    }
}
