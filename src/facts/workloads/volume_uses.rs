//! Which workloads mount which claims, and which volumes pods reach without a claim.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Volume;

use super::shapes::Shape;
use crate::model::{Evidence, ObjectRef};

/// Gathered while pods are read.
#[derive(Debug, Default)]
pub(in crate::facts) struct VolumeUses {
    /// Workloads by namespace and name of the claim.
    pub(in crate::facts) claims: BTreeMap<(String, String), BTreeSet<String>>,
    /// Pods that mount a claim, running or not, by namespace and name of the claim.
    pub(in crate::facts) mounts: BTreeMap<(String, String), Vec<Mount>>,
    /// Ephemeral volumes of templates, whose claims are made together with the pods.
    pub(in crate::facts) ephemeral: BTreeMap<DirectKey, Ephemeral>,
    /// Namespaces with a server of Velero that is told to apply a resource policy to every backup.
    pub(in crate::facts) global_policies: BTreeSet<String>,
    /// Volumes of pods that name a storage themselves.
    pub(in crate::facts) direct: BTreeMap<DirectKey, Direct>,
}

/// The label that leaves an object out of every backup of Velero (`velero.io/v1` ExcludeFromBackupLabel).
const LEFT_OUT: &str = "velero.io/exclude-from-backup";

/// The argument that names it (velero `pkg/cmd/server/config`).
const GLOBAL_POLICY: &str = "--global-backup-volume-policies";

/// Whether the label is set: Velero takes no other word than `true`.
pub(in crate::facts) fn is_left_out(labels: &BTreeMap<String, String>) -> bool {
    labels.get(LEFT_OUT).is_some_and(|value| value == "true")
}

/// A pod that mounts a claim, as far as it matters to whoever copies the volume through it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct Mount {
    pub(in crate::facts) labels: BTreeMap<String, String>,
    pub(in crate::facts) running: bool,
    /// Whether the pod has the label that leaves it out of backups.
    pub(in crate::facts) left_out: bool,
    /// Whether the pod's annotation asks for a copy of this volume as files, or asks for none.
    pub(in crate::facts) opted_in: bool,
    pub(in crate::facts) opted_out: bool,
    /// Whether a container mounts it, or has it as a device.
    pub(in crate::facts) mounted: bool,
    pub(in crate::facts) device: bool,
}

/// The claim that a template asks for.
#[derive(Debug)]
pub(in crate::facts) struct Ephemeral {
    pub(in crate::facts) at: Direct,
    pub(in crate::facts) class: Option<String>,
}

/// What a volume without a claim is. While a workload is changed, its pods can have different storage under one name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct DirectKey {
    pub(in crate::facts) namespace: String,
    pub(in crate::facts) workload: String,
    pub(in crate::facts) name: String,
    /// The driver, or the type of the volume.
    pub(in crate::facts) driver: String,
}

impl DirectKey {
    fn new(shape: &Shape<'_>, volume: &Volume, driver: &str) -> Self {
        Self { namespace: shape.namespace(), workload: shape.workload_text(), name: volume.name.clone(), driver: driver.to_owned() }
    }
}

/// Where a volume without a claim was seen.
#[derive(Debug)]
pub(in crate::facts) struct Direct {
    pub(in crate::facts) workload: ObjectRef,
    pub(in crate::facts) origin: Evidence,
}

impl Direct {
    fn new(shape: &Shape<'_>, number: usize) -> Self {
        Self { workload: shape.workload.clone(), origin: shape.origin.at(format!("{}/volumes/{number}", shape.origin.pointer)) }
    }

    fn place(&self) -> (Option<&ObjectRef>, &str) {
        (self.origin.object(), &self.origin.pointer)
    }
}

impl VolumeUses {
    /// Adds the volumes of one shape; finished pods mount nothing any more.
    pub(in crate::facts) fn add(&mut self, shape: &Shape<'_>) {
        if shape.observed_in == "running" {
            for volume in shape.spec.volumes.iter().flatten() {
                if let Some(claim) = claim(volume, shape) {
                    self.mounts.entry((shape.namespace(), claim)).or_default().push(mount(volume, shape));
                }
            }
        }
        if matches!(shape.phase, "Succeeded" | "Failed") {
            return;
        }
        let words = || shape.spec.containers.iter().flat_map(|one| one.command.iter().chain(&one.args).flatten());
        if words().any(|word| word.starts_with(GLOBAL_POLICY)) {
            self.global_policies.insert(shape.namespace());
        }
        for (number, volume) in shape.spec.volumes.iter().flatten().enumerate() {
            if let Some(claim) = claim(volume, shape) {
                self.claims.entry((shape.namespace(), claim)).or_default().insert(shape.workload_text());
            }
            if shape.observed_in == "template"
                && let Some(template) = volume.ephemeral.as_ref().and_then(|ephemeral| ephemeral.volume_claim_template.as_ref())
            {
                let key = DirectKey::new(shape, volume, "");
                let class = template.spec.storage_class_name.clone();
                self.ephemeral.entry(key).or_insert_with(|| Ephemeral { at: Direct::new(shape, number), class });
            }
            if let Some(driver) = direct(volume) {
                let key = DirectKey::new(shape, volume, driver);
                let here = Direct::new(shape, number);
                // The first place in a fixed order, so that the order of the input does not matter.
                match self.direct.entry(key) {
                    Entry::Vacant(free) => drop(free.insert(here)),
                    Entry::Occupied(mut known) if here.place() < known.get().place() => drop(known.insert(here)),
                    Entry::Occupied(_) => {}
                }
            }
        }
    }
}

/// The claim that a volume mounts. An ephemeral volume has one of its own, named after pod and volume (`core/v1`
/// EphemeralVolumeSource).
fn claim(volume: &Volume, shape: &Shape<'_>) -> Option<String> {
    if let Some(claim) = &volume.persistent_volume_claim {
        return Some(claim.claim_name.clone());
    }
    let pod = shape.origin.object().filter(|_| shape.observed_in == "running")?;
    volume.ephemeral.as_ref().map(|_| format!("{}-{}", pod.name, volume.name))
}

/// Velero reads the two annotations as names with commas between them, and nothing else (`util/podvolume`).
fn mount(volume: &Volume, shape: &Shape<'_>) -> Mount {
    let named = |annotation: &str| shape.annotations.get(annotation).is_some_and(|names| names.split(',').any(|name| name == volume.name));
    let containers = &shape.spec.containers;
    Mount {
        labels: shape.labels.clone(),
        running: shape.phase == "Running",
        left_out: is_left_out(shape.labels),
        opted_in: named("backup.velero.io/backup-volumes"),
        opted_out: named("backup.velero.io/backup-volumes-excludes"),
        mounted: containers.iter().any(|one| one.volume_mounts.iter().flatten().any(|mount| mount.name == volume.name)),
        device: containers.iter().any(|one| one.volume_devices.iter().flatten().any(|device| device.name == volume.name)),
    }
}

/// The name of the volume source without a driver that a server of files stands behind.
pub(in crate::facts) const NFS: &str = "nfs";

/// CSI drivers whose inline volumes are no storage: Secrets, certificates, identities and programs that are put into the pod.
const NO_STORAGE: &[&str] = &[
    "secrets-store.csi.k8s.io",
    "secrets-store-gke.csi.k8s.io",
    "csi.sharedresource.openshift.io",
    "csi.cert-manager.io",
    "spiffe.csi.cert-manager.io",
    "csi.spiffe.io",
    "csi.oneagent.dynatrace.com",
    "k8s.csi.datadoghq.com",
];

/// The driver or type of a volume that reaches storage without a claim. `hostPath` is not among them: `pod/host-path` speaks of it.
fn direct(volume: &Volume) -> Option<&str> {
    let of = |is: bool, driver: &'static str| is.then_some(driver);
    of(volume.nfs.is_some(), NFS)
        .or_else(|| of(volume.aws_elastic_block_store.is_some(), "kubernetes.io/aws-ebs"))
        .or_else(|| of(volume.gce_persistent_disk.is_some(), "kubernetes.io/gce-pd"))
        .or_else(|| of(volume.azure_disk.is_some(), "kubernetes.io/azure-disk"))
        .or_else(|| of(volume.azure_file.is_some(), "kubernetes.io/azure-file"))
        .or_else(|| of(volume.vsphere_volume.is_some(), "kubernetes.io/vsphere-volume"))
        .or_else(|| of(volume.cinder.is_some(), "kubernetes.io/cinder"))
        .or_else(|| of(volume.portworx_volume.is_some(), "kubernetes.io/portworx-volume"))
        .or_else(|| of(volume.cephfs.is_some(), "cephfs"))
        .or_else(|| of(volume.rbd.is_some(), "rbd"))
        .or_else(|| of(volume.glusterfs.is_some(), "glusterfs"))
        .or_else(|| of(volume.iscsi.is_some(), "iscsi"))
        .or_else(|| of(volume.fc.is_some(), "fc"))
        .or_else(|| of(volume.flex_volume.is_some(), "flexVolume"))
        .or_else(|| volume.csi.as_ref().map(|csi| csi.driver.as_str()).filter(|driver| !NO_STORAGE.contains(driver)))
}
