//! What a scope file says beyond where ePHI is, and what was observed of it. No outcome rests on it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who it is about, and what was declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declarations {
    /// For whom the evidence is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Why it is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Who runs the cluster: who is asked about what the API does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Namespaces by environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<String, Vec<String>>,
    /// Where images for namespaces with ePHI may come from: registries, or beginnings of repositories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_registries: Vec<String>,
    /// Identities for emergencies, as `KIND/NAMESPACE/NAME` or `KIND/NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<String>,
    /// Kinds of reach that nobody is to hold together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Duty>,
    /// For how many years evidence is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_years: Option<u32>,
    /// What the organization is under the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
    /// Namespaces that were looked at and left out, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Exclusion>,
    /// Namespaces by the part of the organization, or the customer, that they belong to: parts that are kept from one another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, Vec<String>>,
    /// Identities of vendors, as `KIND/NAMESPACE/NAME` or `KIND/NAME`: they are not workforce (45 CFR 160.103).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendors: Vec<String>,
    /// What was observed of it.
    pub observed: Vec<Observed>,
}

/// What a namespace has to do with ePHI (45 CFR 164.306(a)(1), 164.312(a)(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeRole {
    /// It creates, receives or keeps ePHI.
    Maintains,
    /// ePHI passes through it: entrances, queues, shippers of logs.
    Transmits,
    /// It holds none and can reach what does: operators, backup programs, monitoring.
    Administers,
}

impl ScopeRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Maintains, Self::Transmits, Self::Administers];

    /// The word used in files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Maintains => "maintains",
            Self::Transmits => "transmits",
            Self::Administers => "administers",
        }
    }
}

/// Why a namespace is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionReason {
    /// There is no ePHI in it.
    NoEphi,
    /// Its data is de-identified (45 CFR 164.514(a) and (b)).
    DeIdentified,
    /// Its data was made up.
    Synthetic,
}

impl ExclusionReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NoEphi, Self::DeIdentified, Self::Synthetic];

    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoEphi => "no_ephi",
            Self::DeIdentified => "de_identified",
            Self::Synthetic => "synthetic",
        }
    }

    /// For a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoEphi => "no ePHI",
            Self::DeIdentified => "de-identified under 45 CFR 164.514",
            Self::Synthetic => "synthetic data",
        }
    }
}

/// A namespace that was looked at and left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Exclusion {
    /// Its name.
    pub namespace: String,
    /// Why.
    pub reason: ExclusionReason,
    /// How that is known.
    pub because: String,
    /// Who says so.
    pub by: String,
    /// Since when, as a date.
    pub on: String,
}

/// What an organization is under the rule (45 CFR 160.103).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A health plan, a clearinghouse, or a provider that transmits standard transactions.
    CoveredEntity,
    /// It works for such a one.
    BusinessAssociate,
    /// Both.
    Both,
}

impl EntityKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::CoveredEntity, Self::BusinessAssociate, Self::Both];

    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::CoveredEntity => "covered_entity",
            Self::BusinessAssociate => "business_associate",
            Self::Both => "both",
        }
    }
}

/// What the organization is, as far as it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entity {
    /// What it is under the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntityKind>,
    /// Whether a health care clearinghouse is part of it (45 CFR 164.308(a)(4)(ii)(A)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clearinghouse: Option<bool>,
    /// Whether it is a group health plan (45 CFR 164.314(b)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_health_plan: Option<bool>,
    /// Whether it is a hybrid entity, of which the rule concerns the health care components (45 CFR 164.103, 164.105).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hybrid: Option<bool>,
}

/// Kinds of reach that nobody is to hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Duty {
    /// What is kept apart, in words.
    pub name: String,
    /// Ids of kinds of reach, as the legend of the access matrix has them: whoever holds all of them in one place holds too much.
    pub apart: Vec<String>,
}

/// What was observed of a declaration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// The key of the scope file.
    pub declaration: String,
    /// Whether it is as declared; absent where not everything that it rests on was read, and nothing else was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agrees: Option<bool>,
    /// What was observed, as a sentence.
    pub statement: String,
    /// What it is about, the first of them, sorted.
    pub items: Vec<String>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: u64,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}
