//! Which workloads mount which claims, and which volumes pods reach without a claim.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Volume;

use super::drivers::NFS;
use crate::facts::workloads::Shape;
use crate::model::{Evidence, ObjectRef};

/// Gathered while pods are read.
#[derive(Debug, Default)]
pub(in crate::facts) struct VolumeUses {
    /// Workloads by namespace and name of the claim.
    pub(super) claims: BTreeMap<(String, String), BTreeSet<String>>,
    /// Volumes of pods that name a storage themselves, by namespace, workload and name of the volume.
    pub(super) direct: BTreeMap<(String, String, String), Direct>,
}

/// A volume without a claim.
#[derive(Debug)]
pub(super) struct Direct {
    pub(super) workload: ObjectRef,
    /// The driver, or the type of the volume.
    pub(super) driver: &'static str,
    pub(super) origin: Evidence,
}

impl VolumeUses {
    /// Adds the volumes of one shape; finished pods mount nothing any more.
    pub(in crate::facts) fn add(&mut self, shape: &Shape<'_>) {
        if matches!(shape.phase, "Succeeded" | "Failed") {
            return;
        }
        for (number, volume) in shape.spec.volumes.iter().flatten().enumerate() {
            if let Some(claim) = claim(volume, shape) {
                self.claims.entry((shape.namespace(), claim)).or_default().insert(shape.workload_text());
            }
            if let Some(driver) = direct(volume) {
                let key = (shape.namespace(), shape.workload_text(), volume.name.clone());
                self.direct.entry(key).or_insert_with(|| Direct {
                    workload: shape.workload.clone(),
                    driver,
                    origin: shape.origin.at(format!("{}/volumes/{number}", shape.origin.pointer)),
                });
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

/// Volume types that reach storage without a claim. `hostPath` is not among them: `pod/host-path` speaks of it.
fn direct(volume: &Volume) -> Option<&'static str> {
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
}
