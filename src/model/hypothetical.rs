//! What was laid over a snapshot before it was assessed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ObjectRef;

/// A file of manifests that was laid over a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct LaidFile {
    /// Its name without the folders before the one that was named.
    pub name: String,
    /// SHA-256 of its bytes, 64 hex digits.
    pub sha256: String,
}

/// An object of the manifests that decides nothing, or one whose pods are another matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct LaidNote {
    /// The object.
    pub object: ObjectRef,
    /// What is so.
    pub why: String,
}

/// Says that an assessment is not of a cluster as it was seen, and how it differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hypothetical {
    /// Digest of the index of the snapshot over which manifests were laid.
    pub snapshot_sha256: String,
    /// The files, in the order in which they were laid.
    pub manifests: Vec<LaidFile>,
    /// Objects that the cluster did not have, sorted.
    pub created: Vec<ObjectRef>,
    /// Objects that are otherwise, sorted.
    pub replaced: Vec<ObjectRef>,
    /// Objects that are not there any more, sorted.
    pub deleted: Vec<ObjectRef>,
    /// Objects that went with one that was deleted, or that their controller replaces, with the reason; sorted.
    pub left_out: Vec<LaidNote>,
    /// Objects that stay although what made them is otherwise, with the reason; sorted.
    pub kept: Vec<LaidNote>,
    /// Objects of the manifests that nothing looks at, with the reason; sorted.
    pub not_looked_at: Vec<LaidNote>,
}

impl Hypothetical {
    /// In one sentence.
    pub fn said(&self) -> String {
        let many = |count: usize, word: &str| format!("{count} {word}");
        format!(
            "Hypothetical: {} of manifests laid over a snapshot ({}, {}, {}). No cluster was seen like this.",
            if self.manifests.len() == 1 { "1 file".to_owned() } else { many(self.manifests.len(), "files") },
            many(self.created.len(), "created"),
            many(self.replaced.len(), "replaced"),
            many(self.deleted.len(), "deleted"),
        )
    }
}
