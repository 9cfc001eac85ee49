//! A review of access, set against what is there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control that a review of access answers.
pub const ACCESS_REVIEW: &str = "manual/access-review";

/// What a review decides of one access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewDecision {
    /// It stays.
    Keep,
    /// It is to be made smaller.
    Change,
    /// It is to go.
    Remove,
}

impl ReviewDecision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Change, Self::Remove];
    /// As it is written in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }
    /// The one that is written so.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.word() == word)
    }
}

/// A review of access, set against what is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessReview {
    /// The file in the workspace.
    pub file: String,
    /// Who answered for it.
    pub by: String,
    /// When, as a date.
    pub on: String,
    /// Accesses that were reviewed.
    pub reviewed: u64,
    /// Of these: to stay as they are.
    pub keep: u64,
    /// To be changed.
    pub change: u64,
    /// To be removed.
    pub remove: u64,
    /// To be removed, and gone.
    pub removed: u64,
    /// To be removed, and still there.
    pub still_there: Vec<ReviewedStill>,
    /// To be changed, and giving no less than they gave.
    pub unchanged: Vec<ReviewedStill>,
    /// To stay or to be changed, and giving more than what was reviewed: in words, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grown: Vec<String>,
    /// There now, and not in the review: in words, sorted.
    pub not_reviewed: Vec<String>,
    /// Why what is there now is not wholly known; then nothing is said to be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_seen: Vec<String>,
}

/// An access about which a review decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ReviewedStill {
    /// The identity in words.
    pub identity: String,
    /// The binding and the role.
    pub access: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub on: String,
    /// Why, or how it was to be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
