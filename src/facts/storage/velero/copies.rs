//! What Velero copied volume by volume: of each there is an object, as long as the backup.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::{Phase, label, place};
use crate::facts::FactsError;
use crate::facts::storage::kept::Kept;
use crate::facts::table::read::{Readable, Reader};
use crate::model::sources::{DATA_UPLOADS, POD_VOLUME_BACKUPS};

const BACKUP_NAME: &str = "velero.io/backup-name";
const CLAIM_UID: &str = "velero.io/pvc-uid";

/// What was copied as files: one object per volume of a pod and backup.
#[derive(Debug, Deserialize)]
struct PodVolumeBackup {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    status: Phase,
}

/// A snapshot whose data was moved away: one object per claim and backup.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataUpload {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: DataUploadSpec,
    #[serde(default)]
    status: Phase,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataUploadSpec {
    source_namespace: String,
    #[serde(rename = "sourcePVC")]
    source_pvc: String,
}

impl Readable for PodVolumeBackup {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Readable for DataUpload {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Claims that a backup copied one by one, and whether that was completed: by uid, and by namespace and name.
#[derive(Debug, Default)]
pub(super) struct Copies {
    pub(super) by_uid: BTreeMap<String, bool>,
    pub(super) by_name: BTreeMap<(String, String), bool>,
}

impl Copies {
    /// No such objects of a backup.
    pub(super) const NONE: Self = Self { by_uid: BTreeMap::new(), by_name: BTreeMap::new() };

    pub(super) fn of(&self, kept: &Kept<'_>) -> Option<bool> {
        let by_uid = kept.claim.uid.as_ref().and_then(|uid| self.by_uid.get(uid));
        by_uid.or_else(|| self.by_name.get(&(kept.claim.namespace.clone(), kept.claim.name.clone()))).copied()
    }
}

/// What was copied one by one, by namespace and name of the backup.
pub(super) fn read(reader: &Reader<'_>) -> Result<BTreeMap<(String, String), Copies>, FactsError> {
    let mut all: BTreeMap<(String, String), Copies> = BTreeMap::new();
    reader.each::<PodVolumeBackup>(&POD_VOLUME_BACKUPS, |one, _| {
        if let Some(backup) = label(&one.metadata, BACKUP_NAME) {
            let of = all.entry(place(&one.metadata, backup)).or_default();
            let completed = one.status.phase == "Completed";
            // Of a volume without a claim it is enough that there is one.
            let uid = label(&one.metadata, CLAIM_UID).cloned().unwrap_or_default();
            *of.by_uid.entry(uid).or_insert(completed) |= completed;
        }
    })?;
    reader.each::<DataUpload>(&DATA_UPLOADS, |one, _| {
        if let Some(backup) = label(&one.metadata, BACKUP_NAME) {
            let of = all.entry(place(&one.metadata, backup)).or_default();
            let completed = one.status.phase == "Completed";
            *of.by_name.entry((one.spec.source_namespace, one.spec.source_pvc)).or_insert(completed) |= completed;
        }
    })?;
    Ok(all)
}
