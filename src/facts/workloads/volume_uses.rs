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
    /// Volumes of pods that name a storage themselves.
    pub(in crate::facts) direct: BTreeMap<DirectKey, Direct>,
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

/// Where a volume without a claim was seen.
#[derive(Debug)]
pub(in crate::facts) struct Direct {
    pub(in crate::facts) workload: ObjectRef,
    pub(in crate::facts) origin: Evidence,
}

impl Direct {
    fn place(&self) -> (Option<&ObjectRef>, &str) {
        (self.origin.object(), &self.origin.pointer)
    }
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
                let key = DirectKey {
                    namespace: shape.namespace(),
                    workload: shape.workload_text(),
                    name: volume.name.clone(),
                    driver: driver.to_owned(),
                };
                let here = Direct {
                    workload: shape.workload.clone(),
                    origin: shape.origin.at(format!("{}/volumes/{number}", shape.origin.pointer)),
                };
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
