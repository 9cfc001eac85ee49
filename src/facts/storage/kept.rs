//! Claims with everything on which it depends whether their data is in a backup.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::behind::not_there;
use super::claims::Claim;
use super::volumes::{Volume, Volumes};
use crate::facts::context::Context;
use crate::facts::table::read::Readable;
use crate::facts::times::seconds_between;
use crate::facts::workloads::volume_uses::{Mount, is_left_out};
use crate::facts::{FactsError, Known};
use crate::model::sources::{NAMESPACES, PERSISTENT_VOLUMES, PODS, VOLUME_SNAPSHOT_CLASSES};
use crate::model::{Evidence, Unseen};

/// Whether a time is earlier than another one; times that are none are not.
pub(super) fn is_before(one: &str, other: &str) -> bool {
    seconds_between(one, other).is_some_and(|seconds| seconds > 0)
}

/// What a claim's volume is to whoever copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VolumeKind {
    /// Of a CSI driver; whether the PersistentVolume has the label that leaves it out.
    Csi {
        left_out: bool,
    },
    /// A disk of a cloud under its old type.
    Disk,
    HostPath,
    Local,
    Nfs,
    Other(String),
    NotBound,
    NotSeen(Unseen),
}

/// Old types of volumes of which Velero's own plugins can make snapshots.
const DISKS: &[&str] = &["awsElasticBlockStore", "gcePersistentDisk", "azureDisk", "vsphereVolume", "cinder", "portworxVolume"];

/// One claim.
pub(super) struct Kept<'a> {
    pub(super) claim: &'a Claim,
    pub(super) volume: Option<&'a Volume>,
    pub(super) kind: VolumeKind,
    pub(super) namespace_left_out: Known<bool>,
    /// Pods that mount it.
    pub(super) mounts: Known<&'a [Mount]>,
    /// Whether something is known that makes snapshots of such a volume: a VolumeSnapshotClass for its CSI driver, or a plug-in of
    /// Velero's own.
    pub(super) snapshots: Known<bool>,
}

/// CSI drivers of whose disks plug-ins of Velero's project make snapshots without a VolumeSnapshotClass
/// (velero-plugin-for-{aws,gcp,microsoft-azure,vsphere}).
const BY_PLUGIN: &[&str] =
    &["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "pd.csi.storage.gke.io", "disk.csi.azure.com", "csi.vsphere.vmware.com"];

/// Only the driver of a VolumeSnapshotClass matters.
#[derive(Debug, Deserialize)]
struct SnapshotClass {
    #[serde(default)]
    metadata: ObjectMeta,
    driver: String,
}

impl Readable for SnapshotClass {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// PersistentVolumes of which snapshots may be made, and that none of the claims holds: they may be among those that a backup counts.
pub(super) fn unclaimed(claims: &[Claim], volumes: &Volumes) -> usize {
    let held: BTreeSet<&str> = claims.iter().map(|claim| claim.volume.as_str()).collect();
    let free = |(volume, _): &&(Volume, Evidence)| !held.contains(volume.name());
    volumes.values().filter(free).filter(|(volume, _)| matches!(kind(volume), VolumeKind::Csi { .. } | VolumeKind::Disk)).count()
}

/// Every claim, in the order of the claims.
pub(super) fn kept<'a>(context: &'a Context<'_>, claims: &'a [Claim], volumes: &'a Volumes) -> Result<Vec<Kept<'a>>, FactsError> {
    let volume_uses = context.volume_uses()?;
    let namespaces = context.namespaces()?;
    let volumes_read = context.reader.known_if_complete(&PERSISTENT_VOLUMES, || ());
    let labels = context.reader.known_if_complete(&NAMESPACES, || namespaces.labels());
    let mut drivers = BTreeSet::new();
    context.reader.each::<SnapshotClass>(&VOLUME_SNAPSHOT_CLASSES, |class, _| {
        drivers.insert(class.driver);
    })?;
    let classes = context.reader.known_if_complete(&VOLUME_SNAPSHOT_CLASSES, || drivers);
    let kept = |claim: &'a Claim| {
        let kind = match (claim.volume.as_str(), volumes.get(&claim.volume)) {
            ("", _) => VolumeKind::NotBound,
            (_, Some((volume, _))) => kind(volume),
            (_, None) => match &volumes_read {
                Known::Unknown(unseen) => VolumeKind::NotSeen(unseen.clone()),
                Known::Known(()) => VolumeKind::NotSeen(not_there(&format!("the claim {}/{}", claim.namespace, claim.name), &claim.volume)),
            },
        };
        let of = volume_uses.mounts.get(&(claim.namespace.clone(), claim.name.clone()));
        let driver = volumes.get(&claim.volume).and_then(|(volume, _)| volume.spec.csi.as_ref()).map(|csi| csi.driver.as_str());
        Kept {
            claim,
            volume: volumes.get(&claim.volume).map(|(volume, _)| volume),
            kind,
            snapshots: match driver {
                Some(driver) if !BY_PLUGIN.contains(&driver) => classes.as_ref().map(|drivers| drivers.contains(driver)),
                _ => Known::Known(true),
            },
            namespace_left_out: labels.as_ref().map(|all| all.get(&claim.namespace).is_some_and(is_left_out)),
            // An odd pod elsewhere mounts nothing here.
            mounts: context.reader.known_in(&claim.namespace, &PODS, || of.map(Vec::as_slice).unwrap_or_default()),
        }
    };
    Ok(claims.iter().map(kept).collect())
}

fn kind(volume: &Volume) -> VolumeKind {
    let left_out = volume.metadata.labels.as_ref().is_some_and(is_left_out);
    if volume.spec.csi.is_some() {
        return VolumeKind::Csi { left_out };
    }
    match volume.spec.source() {
        Some("hostPath") => VolumeKind::HostPath,
        Some("local") => VolumeKind::Local,
        Some("nfs") => VolumeKind::Nfs,
        // Such a snapshot is made when the PersistentVolume is copied.
        Some(disk) if DISKS.contains(&disk) && left_out => {
            VolumeKind::Other(format!("{disk}, with the label velero.io/exclude-from-backup"))
        }
        Some(disk) if DISKS.contains(&disk) => VolumeKind::Disk,
        Some(other) => VolumeKind::Other(other.to_owned()),
        None => VolumeKind::Other("that is not known here".to_owned()),
    }
}
