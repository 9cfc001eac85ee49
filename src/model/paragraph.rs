//! Words of which the regulation and the mapping make few, and on which documents decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Entity;

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

/// Something that has to be so for a paragraph to concern anybody. It is a fact about the organization, which people declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A health care clearinghouse is part of a larger organization (45 CFR 164.308(a)(4)(ii)(A)).
    Clearinghouse,
    /// The organization is a group health plan (45 CFR 164.314(b)).
    GroupHealthPlan,
}

impl Condition {
    /// What has to be so, as the subject of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Clearinghouse => "a health care clearinghouse is part of a larger organization",
            Self::GroupHealthPlan => "the organization is a group health plan",
        }
    }
}

/// Whether a paragraph concerns the organization, as far as people declared it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// It does, or it concerns everybody.
    #[default]
    Yes,
    /// Declared: it does not.
    No,
    /// Nobody declared what it depends on.
    NotDeclared,
}

impl Applies {
    /// By what a paragraph depends on, and what the organization says that it is.
    pub fn of(condition: Option<Condition>, entity: Entity) -> Self {
        let declared = match condition {
            None => Some(true),
            Some(Condition::Clearinghouse) => entity.clearinghouse,
            Some(Condition::GroupHealthPlan) => entity.group_health_plan,
        };
        declared.map_or(Self::NotDeclared, |applies| if applies { Self::Yes } else { Self::No })
    }
    /// Whether it concerns everybody, or the organization by what was declared.
    pub fn is_yes(&self) -> bool {
        *self == Self::Yes
    }
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
