//! Words of which the regulation and the mapping make few, and on which documents decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of a paragraph a control speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// A substantial part of what a cluster can show.
    Substantial,
    /// A part.
    Partial,
    /// Only in support of other evidence.
    Supporting,
}

impl Extent {
    /// The word used in files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Substantial => "substantial",
            Self::Partial => "partial",
            Self::Supporting => "supporting",
        }
    }
}

/// What a paragraph is (45 CFR 164.306(c) and (d)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ParagraphKind {
    /// A standard.
    Standard,
    /// An implementation specification of a standard.
    ImplementationSpecification,
}

/// Whether a paragraph has to be implemented (45 CFR 164.306(d)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Implementation {
    /// It must be.
    #[serde(rename = "required")]
    Required,
    /// It must be assessed, and implemented where reasonable and appropriate.
    #[serde(rename = "addressable")]
    Addressable,
    /// A standard whose specifications say so one by one.
    #[serde(rename = "n/a")]
    BySpecification,
}

/// Which rows a control looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LookedAt {
    /// Those in namespaces that hold ePHI, and those of cluster-scoped things.
    #[serde(rename = "ephi")]
    Ephi,
    /// All of them.
    #[serde(rename = "cluster")]
    Cluster,
    /// None: a question.
    #[serde(rename = "")]
    Nothing,
}

impl LookedAt {
    /// The word used in files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ephi => "ephi",
            Self::Cluster => "cluster",
            Self::Nothing => "",
        }
    }
}
