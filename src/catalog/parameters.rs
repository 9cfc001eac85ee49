//! Numbers of a control that an organization may set in its scope file: how old a backup may be, for how long a log is kept. Every rule
//! that demands such a number names another one, and the Security Rule names none.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::model::{ParameterValue, Stricter};

/// A parameter as a control file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterFile {
    default: i64,
    /// The smallest and the largest that make sense.
    range: (i64, i64),
    stricter: Stricter,
    unit: String,
    means: String,
}

/// A number that the organization may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name within its control.
    pub name: String,
    /// What counts where nobody set it.
    pub default: i64,
    /// The smallest and the largest that make sense.
    pub range: (i64, i64),
    /// In which direction the control asks for more.
    pub stricter: Stricter,
    /// In what it is counted, in the plural.
    pub unit: String,
    /// What it says, as a clause.
    pub means: String,
}

/// The parameters of one control with the values that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, i64>);

impl Values {
    /// Those of a control without parameters.
    pub fn none() -> &'static Self {
        static NONE: Values = Values(BTreeMap::new());
        &NONE
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.0.get(name).copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text with each `{param.name}` in it replaced by the value.
    pub fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{param.{name}}}"), &value.to_string()))
    }
}

/// The values that count: what was set, and the defaults.
pub(super) fn values(parameters: &[Parameter], set: Option<&BTreeMap<String, i64>>) -> Values {
    let value = |one: &Parameter| set.and_then(|set| set.get(&one.name)).copied().unwrap_or(one.default);
    Values(parameters.iter().map(|one| (one.name.clone(), value(one))).collect())
}

/// The same, for an assessment.
pub(super) fn described(parameters: &[Parameter], values: &Values) -> Vec<ParameterValue> {
    let one = |one: &Parameter| ParameterValue {
        name: one.name.clone(),
        value: values.get(&one.name).unwrap_or(one.default),
        default: one.default,
        stricter: one.stricter,
        unit: one.unit.clone(),
        means: one.means.clone(),
    };
    parameters.iter().map(one).collect()
}

/// Reads those of a control file; `problem` takes line and message.
pub(super) fn read(written: &BTreeMap<String, Spanned<ParameterFile>>, problem: &mut impl FnMut(u64, String)) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for (name, at) in written {
        let line = at.referenced.line();
        let ParameterFile { default, range, stricter, unit, means } = &at.value;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(good) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            problem(line, format!("a parameter is called in lower case, digits and `_`, and `{name}` is not"));
        }
        if range.0 > range.1 || *default < range.0 || *default > range.1 {
            problem(line, format!("the default of `{name}` is {default}, outside of {} to {}", range.0, range.1));
        }
        for (key, text) in [("unit", unit), ("means", means)] {
            if text.trim().is_empty() {
                problem(line, format!("`{key}` of the parameter `{name}` must not be empty"));
            }
        }
        parameters.push(Parameter {
            name: name.clone(),
            default: *default,
            range: *range,
            stricter: *stricter,
            unit: unit.clone(),
            means: means.clone(),
        });
    }
    parameters
}

/// What is written in `{param.…}` of a text and is no parameter.
pub(super) fn unknown(text: &str, parameters: &[Parameter]) -> Option<String> {
    let names = text.match_indices("{param.").filter_map(|(at, opening)| text.get(at + opening.len()..)?.split_once('}'));
    let known = |name: &str| parameters.iter().any(|one| one.name == name);
    names.map(|(name, _)| name).find(|name| !known(name)).map(str::to_owned)
}
