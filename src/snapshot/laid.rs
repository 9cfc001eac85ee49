//! A snapshot with other objects laid over it, in memory: what would be read if they were in the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::{Snapshot, StoredObject};
use crate::digest::{sha256_hex, sha256_parts};
use crate::model::{SourceId, SourceRecord, SourceState};

/// Namespace, where it has one, and name.
pub type Key = (Option<String>, String);

/// What stands under a name of a source: the object as it is stored, or nothing any more.
pub type LaidOver = BTreeMap<SourceId, BTreeMap<Key, Option<String>>>;

#[derive(Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

/// The key of a stored object; none of one without a name, which nothing can be laid over.
pub fn key(json: &str) -> Option<Key> {
    let Named { metadata } = serde_json::from_str(json).ok()?;
    Some((metadata.namespace, metadata.name?))
}

impl Snapshot {
    /// The same snapshot with these objects in place of those of their names. The states of its sources stay, but for their counts: what
    /// was not read is not read by this, either. `counts` says how many objects each of the sources has then, and of which kind.
    #[must_use]
    pub fn with_laid(&self, laid: LaidOver, counts: &BTreeMap<SourceId, (u64, String)>) -> Self {
        let mut changed = self.clone();
        for record in &mut changed.index.sources {
            let Some((now, kind)) = counts.get(&record.source) else { continue };
            record.kind.get_or_insert_with(|| kind.clone());
            match &mut record.state {
                SourceState::Read { count, .. } => *count = *now,
                SourceState::Partial { read, .. } => *read = *now,
                _ => {}
            }
        }
        let mut parts: Vec<Vec<u8>> = vec![b"what if".to_vec(), self.index_sha256.as_bytes().to_vec()];
        for (source, objects) in &laid {
            for ((namespace, name), json) in objects {
                let namespace = namespace.clone().unwrap_or_default();
                parts.extend([source.to_string(), namespace, name.clone(), json.clone().unwrap_or_default()].map(String::into_bytes));
            }
        }
        // No snapshot has this digest, so that nothing of it can be taken for what was seen.
        changed.index_sha256 = sha256_parts(parts.iter().map(Vec::as_slice));
        changed.laid = Arc::new(laid);
        changed
    }

    /// The same snapshot with what people handed over beside it, as a source of its own. What was collected is what it was: the digest
    /// stays, and whoever assesses names the files.
    #[must_use]
    pub fn with_handed_over(&self, source: &SourceId, (kind, version): (&str, &str), objects: BTreeMap<String, String>) -> Self {
        let mut changed = self.clone();
        let record = SourceRecord {
            source: source.clone(),
            version: Some(version.to_owned()),
            kind: Some(kind.to_owned()),
            state: SourceState::Read { count: objects.len() as u64, resource_version: None },
            missing_rule: None,
            file: None,
            sha256: None,
            left_out: Vec::new(),
            pages: Vec::new(),
        };
        changed.index.sources.retain(|other| other.source != record.source);
        let at = changed.index.sources.partition_point(|other| other.source < record.source);
        changed.index.sources.insert(at, record);
        let mut laid = LaidOver::clone(&self.laid);
        laid.insert(source.clone(), objects.into_iter().map(|(name, json)| ((None, name), Some(json))).collect());
        changed.laid = Arc::new(laid);
        changed
    }
}

/// Objects without those that something was laid over, and then what was laid.
pub(super) fn over<'a, E: 'a>(
    base: impl Iterator<Item = Result<StoredObject, E>> + Send + 'a,
    laid: &'a BTreeMap<Key, Option<String>>,
    collected: &'a str,
) -> impl Iterator<Item = Result<StoredObject, E>> + Send + 'a {
    let stays = move |stored: &Result<StoredObject, E>| match stored {
        Ok(stored) => key(&stored.json).is_none_or(|key| !laid.contains_key(&key)),
        Err(_) => true,
    };
    let added = laid.values().flatten().map(move |json| {
        Ok(StoredObject { json: json.clone(), sha256: sha256_hex(json.as_bytes()), request: None, collected_at: collected.into() })
    });
    base.filter(stays).chain(added)
}
