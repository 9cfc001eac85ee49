//! Label selectors as apimachinery reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// `metav1.LabelSelector` as it stands in objects. A field that is not known could be one that narrows it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SelectorFile {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<ExpressionFile>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpressionFile {
    key: String,
    operator: String,
    values: Option<Vec<String>>,
}

/// A selector that was understood: all requirements have to hold (`metav1.LabelSelectorAsSelector`). Without any it selects
/// everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Requirement {
    In(String, BTreeSet<String>),
    /// Also holds where the key is absent (`labels.Requirement.Matches`).
    NotIn(String, BTreeSet<String>),
    Exists(String),
    DoesNotExist(String),
}

impl Selector {
    /// What apimachinery makes of it, or why it refuses it: `In` and `NotIn` need values, `Exists` and `DoesNotExist` take none
    /// (`labels.NewRequirement`).
    pub(super) fn read(file: &SelectorFile) -> Result<Self, String> {
        let equal = |(key, value): (&String, &String)| Requirement::In(key.clone(), BTreeSet::from([value.clone()]));
        let mut requirements: Vec<Requirement> = file.match_labels.iter().flatten().map(equal).collect();
        for expression in file.match_expressions.iter().flatten() {
            requirements.push(expression.read()?);
        }
        requirements.sort();
        requirements.dedup();
        Ok(Self { requirements })
    }

    /// Whether it selects everything.
    pub(super) fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::DoesNotExist(key) => !labels.contains_key(key),
        })
    }

    /// The same with other names for its keys; none when one has no other name.
    pub(super) fn with_keys(self, name: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let renamed = |requirement| {
            Some(match requirement {
                Requirement::In(key, values) => Requirement::In(name(&key)?, values),
                Requirement::NotIn(key, values) => Requirement::NotIn(name(&key)?, values),
                Requirement::Exists(key) => Requirement::Exists(name(&key)?),
                Requirement::DoesNotExist(key) => Requirement::DoesNotExist(name(&key)?),
            })
        };
        Some(Self { requirements: self.requirements.into_iter().map(renamed).collect::<Option<_>>()? })
    }

    /// The keys that it asks about.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.requirements.iter().map(|requirement| match requirement {
            Requirement::In(key, _) | Requirement::NotIn(key, _) | Requirement::Exists(key) | Requirement::DoesNotExist(key) => {
                key.as_str()
            }
        })
    }
}

impl ExpressionFile {
    fn read(&self) -> Result<Requirement, String> {
        let values: BTreeSet<String> = self.values.iter().flatten().cloned().collect();
        let key = self.key.clone();
        match (self.operator.as_str(), values.is_empty()) {
            ("In", false) => Ok(Requirement::In(key, values)),
            ("NotIn", false) => Ok(Requirement::NotIn(key, values)),
            ("Exists", true) => Ok(Requirement::Exists(key)),
            ("DoesNotExist", true) => Ok(Requirement::DoesNotExist(key)),
            ("In" | "NotIn", true) => Err(format!("the selector on {key} has no values")),
            ("Exists" | "DoesNotExist", false) => Err(format!("the selector on {key} has values that its operator does not take")),
            (operator, _) => Err(format!("the selector on {key} has the unknown operator {operator}")),
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(", ");
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            match requirement {
                Requirement::In(key, values) if values.len() == 1 => write!(f, "{key}={}", list(values))?,
                Requirement::In(key, values) => write!(f, "{key} in ({})", list(values))?,
                Requirement::NotIn(key, values) => write!(f, "{key} not in ({})", list(values))?,
                Requirement::Exists(key) => write!(f, "{key} set")?,
                Requirement::DoesNotExist(key) => write!(f, "{key} not set")?,
            }
        }
        Ok(())
    }
}
