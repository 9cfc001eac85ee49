//! What a risk analysis can take from an assessment: weaknesses in nouns, and events that they would serve. People rate both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Concern;

/// What of the catalog belongs to the findings of an assessment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskInput {
    /// One weakness for each control that found something, or that could not be decided.
    pub weaknesses: Vec<WeaknessOf>,
    /// Events to consider, with those of these controls whose findings would serve them.
    pub events: Vec<EventServed>,
}

/// The weakness that a finding of a control is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeaknessOf {
    /// The control.
    pub control: String,
    /// The weakness, as a noun.
    pub noun: String,
    /// What it concerns.
    pub concerns: Vec<Concern>,
    /// The section of NIST SP 800-190 that is about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_800_190: Option<String>,
}

/// Something that may happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventServed {
    /// Its id.
    pub id: String,
    /// What happens.
    pub title: String,
    /// `adversarial`, `accidental`, `structural` or `environmental` (NIST SP 800-30).
    pub kind: String,
    /// What it concerns.
    pub concerns: Vec<Concern>,
    /// Controls of this assessment whose findings, or whose blindness, would serve it.
    pub served_by: Vec<String>,
}
