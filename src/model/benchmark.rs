use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Extent;

/// The benchmark whose numbers stand beside controls, and why this version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmark {
    /// `cis-kubernetes`, or that of a managed platform such as `cis-eks`.
    pub framework: String,
    /// Its title.
    pub title: String,
    /// The version that was chosen.
    pub version: String,
    /// Why that version, and which of its numbers are another version's, in words.
    pub why: String,
}

/// One item of a benchmark that a control speaks to. A number means nothing without its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BenchmarkItem {
    /// `cis-kubernetes`, or that of a managed platform such as `cis-eks`.
    pub framework: String,
    /// The version in which the item has this number.
    pub version: String,
    /// The number.
    pub id: String,
    /// The profile level, 1 or 2; absent where no source gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// What the item is about, in this project's own words.
    pub about: String,
    /// How much of the item the control speaks to.
    pub extent: Extent,
    /// In which way the control asks for more, less or something else; empty where it does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub differs: String,
}
