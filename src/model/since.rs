//! `since.json`: since when each finding stands, carried from bundle to bundle, and what moved since the one before.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the format and its version.
pub const SINCE_SCHEMA: &str = "kube-hipaa/since/v1";

/// The bundle before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BundleBefore {
    /// The name of its file.
    pub name: String,
    /// Its id, 64 hex digits, or their first twelve.
    pub id: String,
    /// When it was collected, RFC 3339 UTC.
    pub finished: String,
}

/// A finding that is not known to be gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstSeen {
    /// Its control.
    pub control: String,
    /// When it was first seen, RFC 3339 UTC.
    pub first: String,
}

/// What stands beside an assessment that is kept in a store. It depends on the bundles before and is no part of the assessment, which
/// depends on the snapshot alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Since {
    /// [`SINCE_SCHEMA`].
    pub schema: String,
    /// The bundle before; absent in the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<BundleBefore>,
    /// When the first bundle was collected from which this is carried on: what was found then may be older.
    pub beginning: String,
    /// Findings that the bundle before has not.
    pub new: Vec<String>,
    /// How many that one has are gone.
    pub gone: u64,
    /// How many that one has are not seen any more, without being gone.
    pub no_longer_seen: u64,
    /// By fingerprint: all findings, and those that are not known to be gone.
    pub first_seen: BTreeMap<String, FirstSeen>,
}

impl Since {
    /// What moved since the bundle before, in a sentence.
    pub fn sentence(&self) -> String {
        match &self.previous {
            None => "This is the first bundle of its store: nothing is known of the time before.".to_owned(),
            Some(previous) => format!(
                "Since {} ({}): {} new, {} gone, {} no longer seen.",
                previous.finished.split('T').next().unwrap_or(&previous.finished),
                previous.name,
                self.new.len(),
                self.gone,
                self.no_longer_seen
            ),
        }
    }
    /// Since when a finding stands, in words.
    pub fn of(&self, fingerprint: &str) -> Option<String> {
        let first = &self.first_seen.get(fingerprint)?.first;
        let day = first.split('T').next().unwrap_or(first);
        Some(match (*first == self.beginning, self.new.iter().any(|new| new == fingerprint)) {
            (true, _) => format!("since {day} or before"),
            (false, true) => "new".to_owned(),
            (false, false) => format!("since {day}"),
        })
    }
}
