//! Configuration documents in ConfigMaps, of which the collector stores the allowed part as JSON.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use crate::facts::table::read::Reader;
use crate::model::{Evidence, Grade, SourceId};
use crate::snapshot::StoredObject;

#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// The text under one key.
pub(super) fn key(stored: &StoredObject, name: &str) -> Result<Option<String>, String> {
    let map: ConfigMap = serde_json::from_str(&stored.json).map_err(|error| error.to_string())?;
    Ok(map.data.get(name).cloned())
}

/// Where it stands: a reported copy, because the component reads a file and not the ConfigMap.
pub(super) fn origin(reader: &Reader<'_>, source: &SourceId, stored: &StoredObject, pointer: &str) -> Evidence {
    let metadata = serde_json::from_str::<ConfigMap>(&stored.json).map(|map| map.metadata).ok();
    let origin = match &metadata {
        Some(metadata) => reader.origin(source, metadata, stored, Grade::ReportedCopy),
        None => reader.origin(source, &ObjectMeta::default(), stored, Grade::ReportedCopy),
    };
    origin.at(pointer.to_owned())
}
