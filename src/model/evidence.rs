use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ObjectRef, SmallMap, SourceId};

/// How serious a finding is when it is true and in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Direct reach to ePHI or to the whole cluster.
    Critical,
    /// One step away from that.
    High,
    /// Weakens a layer.
    Medium,
    /// Hygiene.
    Low,
}

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];
    /// The word used everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// How directly a fact was observed, printed with every finding (A to E).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Grade {
    /// A live effect: a metric, a handshake, a probe.
    #[serde(rename = "A")]
    LiveEffect,
    /// Effective configuration: an API object, `/flagz`.
    #[serde(rename = "B")]
    EffectiveConfiguration,
    /// A reported copy: a mirror pod, a ConfigMap, a node annotation.
    #[serde(rename = "C")]
    ReportedCopy,
    /// An imported file, with its hash and date.
    #[serde(rename = "D")]
    ImportedFile,
    /// A person's statement.
    #[serde(rename = "E")]
    Attestation,
}

impl Grade {
    /// All grades, best first.
    pub const ALL: [Self; 5] = [Self::LiveEffect, Self::EffectiveConfiguration, Self::ReportedCopy, Self::ImportedFile, Self::Attestation];
    /// A, B, C, D or E.
    pub fn letter(self) -> &'static str {
        match self {
            Self::LiveEffect => "A",
            Self::EffectiveConfiguration => "B",
            Self::ReportedCopy => "C",
            Self::ImportedFile => "D",
            Self::Attestation => "E",
        }
    }
    /// What the letter means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::LiveEffect => "live effect",
            Self::EffectiveConfiguration => "effective configuration",
            Self::ReportedCopy => "reported copy",
            Self::ImportedFile => "imported file",
            Self::Attestation => "attestation",
        }
    }
}

/// Where exactly one observation stands in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// How directly it was observed.
    pub grade: Grade,
    /// The object that it stands in, as it was read.
    // Shared: one object decides rows of several tables, and each of them findings of many controls.
    #[serde(flatten)]
    pub reading: Arc<Reading>,
    /// RFC 6901 JSON pointer into the stored object; empty for the whole object. It may name a field that is not there: then its
    /// absence is what was observed.
    pub pointer: Cow<'static, str>,
}

impl Evidence {
    /// The same reading, at another place in the object.
    #[must_use]
    pub fn at(&self, pointer: impl Into<Cow<'static, str>>) -> Self {
        Self { grade: self.grade, reading: Arc::clone(&self.reading), pointer: pointer.into() }
    }
    /// A place below this one; `below` is a pointer too.
    #[must_use]
    pub fn below(&self, below: &'static str) -> Self {
        // Most rows stand for a whole object, and then nothing has to be put together.
        self.at(match self.pointer.as_ref() {
            "" => Cow::Borrowed(below),
            pointer => Cow::Owned(format!("{pointer}{below}")),
        })
    }
    /// The same place, observed in another way.
    #[must_use]
    pub fn graded(self, grade: Grade) -> Self {
        Self { grade, ..self }
    }
    /// The object that was read, where the source holds objects.
    pub fn object(&self) -> Option<&ObjectRef> {
        self.reading.object.as_deref()
    }
}

/// One object as it was read, or the answer of a source that holds none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// The source that was read.
    pub source: SourceId,
    /// The object that was read, where the source holds objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // Shared with the rows and findings that are about it.
    pub object: Option<Arc<ObjectRef>>,
    /// `metadata.resourceVersion` of that object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// SHA-256 of the redacted object as stored in the snapshot, 64 hex digits.
    pub sha256: String,
    /// When the page that held it was received, RFC 3339 UTC.
    pub collected_at: Arc<str>,
    /// The number of the request in `requests.jsonl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
}

/// A value of a column as it stands in findings and in `facts`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FactValue {
    /// The field is not set, which is itself known.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A list of texts, in a fixed order.
    List(Vec<String>),
    /// The column could not be established.
    Unknown {
        /// Why not.
        unknown: String,
    },
}

impl std::fmt::Display for FactValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("not set"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) if value.is_empty() => f.write_str("not set"),
            Self::Text(value) => f.write_str(value),
            Self::List(values) if values.is_empty() => f.write_str("none"),
            Self::List(values) => f.write_str(&values.join(", ")),
            Self::Unknown { unknown } => write!(f, "unknown ({unknown})"),
        }
    }
}

/// Column name to value.
pub type Facts = SmallMap<Cow<'static, str>, FactValue>;
