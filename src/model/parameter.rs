//! Numbers of controls that an organization set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a scope file sets: by control, by name.
pub type SetParameters = BTreeMap<String, BTreeMap<String, i64>>;

/// In which direction a control asks for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stricter {
    /// Less of it is stricter: the age of a backup.
    Less,
    /// More of it is stricter: days for which a log is kept.
    More,
}

/// A number of a control, with the value that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParameterValue {
    /// Its name within the control.
    pub name: String,
    /// What counted.
    pub value: i64,
    /// What counts where nobody sets it.
    pub default: i64,
    /// In which direction the control asks for more.
    pub stricter: Stricter,
    /// In what it is counted, in the plural.
    pub unit: String,
    /// What it says, as a clause.
    pub means: String,
}

impl ParameterValue {
    /// Whether the scope file set another value than that of the catalog.
    pub fn is_set(&self) -> bool {
        self.value != self.default
    }

    /// For people: what it says and what counted.
    pub fn said(&self) -> String {
        let Self { means, value, unit, default, .. } = self;
        let beside = if self.is_set() { format!(", set in the scope file ({default} where nothing is set)") } else { String::new() };
        format!("{means}: {value} {unit}{beside}")
    }

    /// Whether less was asked for than with `other`.
    pub fn is_looser_than(&self, other: i64) -> bool {
        match self.stricter {
            Stricter::Less => self.value > other,
            Stricter::More => self.value < other,
        }
    }
}
