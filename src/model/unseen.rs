//! What was not seen, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccessRule, SourceId};

/// Which of two things happened when something was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnseenKind {
    /// A read was denied, failed, or ended half way: granting or repeating it helps.
    ReadFailed,
    /// It cannot be seen through this API at all: somebody has to be asked.
    NotVisible,
    /// It was read and could not be understood.
    NotUnderstood,
}

/// Things of a control that could not be decided, and whether those are all: then what is not among them was decided, and what was not
/// found is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
    /// The fingerprints that they would have as findings, sorted.
    pub fingerprints: Vec<String>,
    /// True when everything that the control rests on was read, so that every other thing was decided.
    pub others_decided: bool,
}

/// Something that a verdict would have needed and that was not seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unseen {
    /// Which of the cases it is.
    pub kind: UnseenKind,
    /// What was not seen.
    pub what: String,
    /// Why not.
    pub why: String,
    /// What would make it visible: a rule to grant, a person to ask.
    pub how_to_see: String,
    /// The source, where one is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// The exact rule to grant, where that would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // Boxed: an unseen cell stands where a value would, in every row.
    pub missing_rule: Option<Box<AccessRule>>,
}

/// What stands behind the number of rows that are not listed.
const REMAINDER: &str = "more rows of the table";

impl Unseen {
    /// A read was denied, failed, or ended half way.
    pub fn read_failed(what: impl Into<String>, why: impl Into<String>, how_to_see: impl Into<String>) -> Self {
        Self::new(UnseenKind::ReadFailed, what, why, how_to_see)
    }
    /// It cannot be seen through this API at all.
    pub fn not_visible(what: impl Into<String>, why: impl Into<String>, how_to_see: impl Into<String>) -> Self {
        Self::new(UnseenKind::NotVisible, what, why, how_to_see)
    }
    /// It was read and could not be understood.
    pub fn not_understood(what: impl Into<String>, why: impl Into<String>, how_to_see: impl Into<String>) -> Self {
        Self::new(UnseenKind::NotUnderstood, what, why, how_to_see)
    }
    /// More rows of a table than are listed, each with a reason of its own.
    pub fn remainder(kind: UnseenKind, more: u64, table: &str) -> Self {
        Self::new(
            kind,
            format!("{more} {REMAINDER} {table}"),
            "each has a reason of its own; only the first are listed",
            format!("List them with `kube-hipaa facts SNAPSHOT {table}`."),
        )
    }
    /// Whether it only says that there is more.
    pub fn is_remainder(&self) -> bool {
        self.what.split_once(' ').is_some_and(|(_, rest)| rest.starts_with(REMAINDER))
    }
    /// The same, counted to an already known kind.
    pub fn new(kind: UnseenKind, what: impl Into<String>, why: impl Into<String>, how_to_see: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: why.into(), how_to_see: how_to_see.into(), source: None, missing_rule: None }
    }
    /// The same, of a source.
    #[must_use]
    pub fn of(self, source: &SourceId) -> Self {
        Self { source: Some(source.clone()), ..self }
    }
    /// The same, with the rule that would have to be granted.
    #[must_use]
    pub fn granting(self, rule: Option<AccessRule>) -> Self {
        Self { missing_rule: rule.map(Box::new), ..self }
    }
}
