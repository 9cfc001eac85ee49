//! Which namespaces count as holding ePHI, and who said so.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ScopeRole, SetParameters};

/// Who said which namespaces hold ePHI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeSource {
    /// A scope file.
    File,
    /// `--ephi-namespace` or `--ephi-selector`.
    Flags,
    /// Nobody: every namespace but the system ones.
    Default,
}

/// The scope of ePHI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// Who said so.
    pub source: ScopeSource,
    /// Who declared it, as the scope file says: a role or a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_by: Option<String>,
    /// The date of the declaration, as the scope file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_on: Option<String>,
    /// The namespaces, sorted.
    pub ephi_namespaces: Vec<String>,
    /// Namespaces seen in the cluster that are not in that list, sorted.
    pub other_namespaces: Vec<String>,
    /// What those that only pass ePHI on or only administer have to do with it; the others of the list keep it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, ScopeRole>,
    /// Namespaces that nobody declared anything about, with what speaks for ePHI in each; empty where nobody declared a scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<Undeclared>,
    /// Names and selectors of the declaration that match no namespace that was read, sorted.
    pub unmatched: Vec<String>,
    /// False when the namespaces could not be read, so that the list may be too short.
    pub complete: bool,
    /// Numbers of controls that the declaration sets, by control and name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: SetParameters,
    /// SHA-256 of the declaration (file bytes or flags in canonical form).
    pub sha256: String,
}

/// A namespace that nobody declared anything about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undeclared {
    /// Its name.
    pub namespace: String,
    /// What speaks for ePHI in it, each as a clause; it decides nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaks_for: Vec<String>,
}
