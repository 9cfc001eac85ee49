//! Label selectors as apimachinery reads them: the only reading of them. NetworkPolicies, webhooks, settings of agents for some nodes
//! and the scope all ask this one.

use core::fmt;
use core::str::FromStr;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use serde::Deserialize;

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// `metav1.LabelSelector` as it stands in objects, read strictly: a field that is not known could be one that narrows it.
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
pub struct Selector {
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

impl Requirement {
    /// What apimachinery makes of it, or why it refuses it: `In` and `NotIn` need values, `Exists` and `DoesNotExist` take none
    /// (`labels.NewRequirement`).
    fn read(key: &str, operator: &str, values: BTreeSet<String>) -> Result<Self, String> {
        let key = key.to_owned();
        match (operator, values.is_empty()) {
            ("In", false) => Ok(Self::In(key, values)),
            ("NotIn", false) => Ok(Self::NotIn(key, values)),
            ("Exists", true) => Ok(Self::Exists(key)),
            ("DoesNotExist", true) => Ok(Self::DoesNotExist(key)),
            ("In" | "NotIn", true) => Err(format!("the selector on {key} has no values")),
            ("Exists" | "DoesNotExist", false) => Err(format!("the selector on {key} has values that its operator does not take")),
            (operator, _) => Err(format!("the selector on {key} has the unknown operator {operator}")),
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::In(key, _) | Self::NotIn(key, _) | Self::Exists(key) | Self::DoesNotExist(key) => key,
        }
    }

    /// Whether it also takes what lacks the label: it leaves out, and chooses nothing.
    fn is_negative(&self) -> bool {
        matches!(self, Self::NotIn(..) | Self::DoesNotExist(_))
    }

    fn holds(&self, labels: &Labels) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
        }
    }

    fn values(&self) -> impl Iterator<Item = &String> {
        let values = match self {
            Self::In(_, values) | Self::NotIn(_, values) => Some(values),
            Self::Exists(_) | Self::DoesNotExist(_) => None,
        };
        values.into_iter().flatten()
    }
}

impl Selector {
    /// What apimachinery makes of one as it is written, or why it refuses it.
    pub(super) fn read(file: &SelectorFile) -> Result<Self, String> {
        let equal = |(key, value): (&String, &String)| Requirement::In(key.clone(), BTreeSet::from([value.clone()]));
        let mut requirements: Vec<Requirement> = file.match_labels.iter().flatten().map(equal).collect();
        for ExpressionFile { key, operator, values } in file.match_expressions.iter().flatten() {
            requirements.push(Requirement::read(key, operator, values.iter().flatten().cloned().collect())?);
        }
        Ok(Self::of_requirements(requirements))
    }

    /// The same of one in JSON; none of what apimachinery would refuse.
    pub fn of_json(selector: &serde_json::Value) -> Option<Self> {
        let file: SelectorFile = serde_json::from_value(selector.clone()).ok()?;
        Self::read(&file).ok()
    }

    /// The same of a typed one.
    pub(super) fn of(selector: &LabelSelector) -> Result<Self, String> {
        let equal = |(key, value): (&String, &String)| Requirement::In(key.clone(), BTreeSet::from([value.clone()]));
        let mut requirements: Vec<Requirement> = selector.match_labels.iter().flatten().map(equal).collect();
        for LabelSelectorRequirement { key, operator, values } in selector.match_expressions.iter().flatten() {
            requirements.push(Requirement::read(key, operator, values.iter().flatten().cloned().collect())?);
        }
        Ok(Self::of_requirements(requirements))
    }

    fn of_requirements(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort();
        requirements.dedup();
        Self { requirements }
    }

    /// Whether it selects everything.
    pub(super) fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether it selects something with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(labels))
    }

    /// Whether it takes what nobody has chosen: something that has no label but those that everything has (`given`).
    pub(super) fn takes_strangers(&self, given: &[&str]) -> bool {
        let everybody = |one: &Requirement| matches!(one, Requirement::Exists(key) if given.contains(&key.as_str()));
        self.requirements.iter().all(|one| {
            everybody(one) || (one.is_negative() && !matches!(one, Requirement::DoesNotExist(key) if given.contains(&key.as_str())))
        })
    }

    /// Whether the selectors together select everything, whatever its labels are. Each of their keys is absent, or has one of the values
    /// that they name, or another one: every combination is tried, where these are not too many; else those of single keys.
    pub(super) fn cover_everything<'s>(selectors: impl IntoIterator<Item = &'s Self>) -> bool {
        let all: Vec<&Self> = selectors.into_iter().collect();
        if all.iter().any(|one| one.is_empty()) {
            return true;
        }
        let mut cases: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
        for requirement in all.iter().flat_map(|one| &one.requirements) {
            let of_key = cases.entry(requirement.key()).or_insert_with(|| BTreeSet::from([None, Some(ANOTHER)]));
            of_key.extend(requirement.values().map(|value| Some(value.as_str())));
        }
        let number = cases.values().try_fold(1, |number: usize, of_key| number.checked_mul(of_key.len()));
        if number.is_some_and(|number| number <= MOST_CASES) {
            return covers(&all, &cases);
        }
        let about = |one: &&&Self, key: &str| one.keys().all(|own| own == key);
        cases.iter().any(|(key, values)| {
            let of_key: Vec<&Self> = all.iter().filter(|one| about(one, key)).copied().collect();
            values.len() <= MOST_CASES && covers(&of_key, &BTreeMap::from([(*key, values.clone())]))
        })
    }

    /// Whether it leaves things out by a label that they carry.
    pub(super) fn excludes(&self) -> bool {
        self.requirements.iter().any(Requirement::is_negative)
    }

    /// The label (`key=value`) by which these labels are left out, where everything else would take them.
    pub(super) fn excluded_by(&self, labels: &Labels) -> Option<String> {
        let wanted = self.requirements.iter().filter(|one| !one.is_negative()).all(|one| one.holds(labels));
        let against = self.requirements.iter().filter(|one| one.is_negative()).find(|one| !one.holds(labels))?;
        let value = labels.get(against.key())?;
        wanted.then(|| format!("{}={value}", against.key()))
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
        self.requirements.iter().map(Requirement::key)
    }
}

/// A value that no label has: it stands for every one that no selector names.
const ANOTHER: &str = "\0";
/// How many combinations of labels are tried.
const MOST_CASES: usize = 4096;

/// Whether each combination of the cases of the keys is taken by one of the selectors.
fn covers(selectors: &[&Selector], cases: &BTreeMap<&str, BTreeSet<Option<&str>>>) -> bool {
    let mut open: Vec<Labels> = vec![Labels::new()];
    for (key, values) in cases {
        let with = |labels: &Labels, value: &Option<&str>| {
            let mut labels = labels.clone();
            labels.extend(value.map(|value| ((*key).to_owned(), value.to_owned())));
            labels
        };
        open = open.iter().flat_map(|labels| values.iter().map(|value| with(labels, value)).collect::<Vec<_>>()).collect();
    }
    !selectors.is_empty() && open.iter().all(|labels| selectors.iter().any(|selector| selector.matches(labels)))
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// The text is not a selector.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a label selector: {why}; write it as `key=value`, `key!=value`, `key` or `!key`, joined with commas")]
pub struct SelectorError {
    text: String,
    why: String,
}

impl FromStr for Selector {
    type Err = SelectorError;

    /// The equality-based and existence forms of apimachinery's `labels.Parse`.
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let fail = |why: &str| SelectorError { text: text.to_owned(), why: why.to_owned() };
        let key = |key: &str| {
            let key = key.trim();
            if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "=!()<>,".contains(c)) {
                Err(fail("a key is empty or has characters that labels cannot have"))
            } else {
                Ok(key.to_owned())
            }
        };
        let value = |value: &str| {
            let value = value.trim();
            if value.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)) {
                Err(fail("a value has characters that labels cannot have"))
            } else {
                Ok(BTreeSet::from([value.to_owned()]))
            }
        };
        let requirement = |part: &str| {
            if let Some((k, v)) = part.split_once("!=") {
                Ok(Requirement::NotIn(key(k)?, value(v)?))
            } else if let Some((k, v)) = part.split_once("==").or_else(|| part.split_once('=')) {
                Ok(Requirement::In(key(k)?, value(v)?))
            } else if let Some(k) = part.trim().strip_prefix('!') {
                Ok(Requirement::DoesNotExist(key(k)?))
            } else {
                Ok(Requirement::Exists(key(part)?))
            }
        };
        Ok(Self::of_requirements(text.split(',').map(requirement).collect::<Result<_, _>>()?))
    }
}

/// Whether a selector that may be left out takes these labels; without one, and with an empty one, it takes everything
/// (`admissionregistration.k8s.io/v1`). `None` where apimachinery would refuse it.
pub(super) fn matches(selector: Option<&LabelSelector>, labels: &Labels) -> Option<bool> {
    let Some(selector) = selector else { return Some(true) };
    Some(Selector::of(selector).ok()?.matches(labels))
}

/// Whether a selector that may be left out says anything.
pub(super) fn narrows(selector: Option<&LabelSelector>) -> bool {
    // One that is not understood may.
    selector.is_some_and(|selector| !Selector::of(selector).is_ok_and(|selector| selector.is_empty()))
}

/// Whether a selector that may be left out takes only what asks for it by a label: whatever it leaves out of that, it leaves out by labels
/// of the same vocabulary, as injectors do (Istio takes pods with `istio.io/rev` and without `sidecar.istio.io/inject: "false"`).
pub(super) fn only_asked_for(selector: Option<&LabelSelector>) -> bool {
    let asks = |selector: Selector| {
        let (out, wanted): (Vec<_>, Vec<_>) = selector.requirements.iter().partition(|one| one.is_negative());
        !wanted.is_empty() && out.iter().all(|out| wanted.iter().any(|one| same_vocabulary(out.key(), one.key())))
    };
    selector.is_some_and(|selector| Selector::of(selector).is_ok_and(asks))
}

/// Whether two keys are one, or have prefixes in one domain that is not that of the labels that everybody uses.
fn same_vocabulary(a: &str, b: &str) -> bool {
    a == b || domain(a).zip(domain(b)).is_some_and(|(a, b)| a == b && !matches!(a, "kubernetes.io" | "k8s.io"))
}

/// The last two parts of the prefix of a key.
fn domain(key: &str) -> Option<&str> {
    let (prefix, _) = key.split_once('/')?;
    let start = prefix.rmatch_indices('.').nth(1).map_or(0, |(dot, _)| dot + 1);
    prefix.get(start..)
}

/// Whether a selector that may be left out leaves things out by a label that they carry.
pub(super) fn excludes(selector: Option<&LabelSelector>) -> bool {
    selector.is_some_and(|selector| Selector::of(selector).is_ok_and(|selector| selector.excludes()))
}

/// See [`Selector::excluded_by`].
pub(super) fn excluded_by(selector: Option<&LabelSelector>, labels: &Labels) -> Option<String> {
    Selector::of(selector?).ok()?.excluded_by(labels)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn selector(json: &str) -> LabelSelector {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"))
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn read(selector: &Value) -> Selector {
        let file: SelectorFile = serde_json::from_value(selector.clone()).unwrap_or_else(|error| panic!("{error}"));
        Selector::read(&file).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn selectors_read_labels_as_apimachinery_does() {
        let labels = labels(&[("app", "api"), ("empty", "")]);
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"app": "api"}}), true),
            (json!({"matchLabels": {"absent": ""}}), false),
            (json!({"matchLabels": {"empty": ""}}), true),
            (json!({"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["x"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api", "x"]}]}), false),
            (json!({"matchExpressions": [{"key": "absent", "operator": "In", "values": [""]}]}), false),
            (json!({"matchExpressions": [{"key": "absent", "operator": "DoesNotExist"}]}), true),
            (json!({"matchLabels": {"app": "api"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), false),
        ] {
            assert_eq!(read(&selector).matches(&labels), expected, "{selector}");
            let typed: LabelSelector = serde_json::from_value(selector.clone()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(matches(Some(&typed), &labels), Some(expected), "{selector}");
        }
    }

    #[test]
    fn a_selector_that_only_leaves_out_takes_strangers() {
        let given = &["kubernetes.io/metadata.name"];
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["lab"]}]}), true),
            (json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "Exists"}]}), true),
            (json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"}]}), false),
            (json!({"matchExpressions": [{"key": "restricted", "operator": "DoesNotExist"}]}), true),
            (json!({"matchLabels": {"team": "a"}}), false),
            (json!({"matchExpressions": [{"key": "team", "operator": "Exists"}]}), false),
        ] {
            assert_eq!(read(&selector).takes_strangers(given), expected, "{selector}");
        }
    }

    #[test]
    fn two_that_leave_nothing_between_them_select_everything() {
        let one = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
        for (first, second, expected) in [
            (one("Exists", json!([])), one("DoesNotExist", json!([])), true),
            (one("In", json!(["a"])), one("NotIn", json!(["a"])), true),
            (one("In", json!(["a", "b"])), one("NotIn", json!(["a"])), true),
            (one("In", json!(["a"])), one("NotIn", json!(["a", "b"])), false),
            (one("NotIn", json!(["a"])), one("NotIn", json!(["b"])), true),
            (one("Exists", json!([])), one("NotIn", json!(["b"])), true),
            (one("In", json!(["a"])), one("In", json!(["b"])), false),
            (one("In", json!(["a"])), json!({}), true),
        ] {
            assert_eq!(Selector::cover_everything([&read(&first), &read(&second)]), expected, "{first} {second}");
        }
    }

    #[test]
    fn several_that_leave_nothing_between_them_select_everything() {
        let one = |key: &str, operator: &str, values: Value| json!({"key": key, "operator": operator, "values": values});
        let cover = |all: &[Value]| {
            let all: Vec<Selector> = all.iter().map(|requirements| read(&json!({"matchExpressions": requirements}))).collect();
            Selector::cover_everything(&all)
        };
        let (a1, a2, a_rest) = (one("a", "In", json!(["1"])), one("a", "In", json!(["2"])), one("a", "NotIn", json!(["1", "2"])));
        assert!(cover(&[json!([a1]), json!([a2]), json!([a_rest])]));
        assert!(!cover(&[json!([a1]), json!([a_rest])]));
        let (b, no_b) = (one("b", "Exists", json!([])), one("b", "DoesNotExist", json!([])));
        assert!(cover(&[json!([a1, b]), json!([a1, no_b]), json!([a2]), json!([a_rest])]));
        assert!(!cover(&[json!([a1, b]), json!([a2]), json!([a_rest])]));
        // Too many keys to try: those about one key alone still cover it.
        let mut many: Vec<Value> = (0..20).map(|key| json!([one(&format!("k{key}"), "In", json!(["1"]))])).collect();
        assert!(!cover(&many));
        many.push(json!([one("k7", "NotIn", json!(["1"]))]));
        assert!(cover(&many));
    }

    #[test]
    fn what_is_not_there_is_not_in_anything() {
        let unless = selector(r#"{"matchExpressions":[{"key":"skip","operator":"NotIn","values":["yes"]}]}"#);
        assert_eq!(matches(Some(&unless), &labels(&[])), Some(true));
        assert_eq!(matches(Some(&unless), &labels(&[("skip", "no")])), Some(true));
        assert_eq!(matches(Some(&unless), &labels(&[("skip", "yes")])), Some(false));
        assert_eq!(matches(None, &labels(&[])), Some(true));
        assert_eq!(matches(Some(&selector(r#"{"matchExpressions":[{"key":"a","operator":"Gt"}]}"#)), &labels(&[])), None);
    }

    #[test]
    fn a_namespace_is_excluded_by_a_label_and_not_by_one_that_it_lacks() {
        let opt_out = selector(r#"{"matchExpressions":[{"key":"ignore","operator":"DoesNotExist"}]}"#);
        assert_eq!(excluded_by(Some(&opt_out), &labels(&[("ignore", "1")])).as_deref(), Some("ignore=1"));
        assert_eq!(excluded_by(Some(&opt_out), &labels(&[])), None);
        let opt_in = selector(r#"{"matchLabels":{"team":"a"}}"#);
        assert_eq!(excluded_by(Some(&opt_in), &labels(&[])), None);
        let both = selector(r#"{"matchLabels":{"team":"a"},"matchExpressions":[{"key":"ignore","operator":"DoesNotExist"}]}"#);
        assert_eq!(excluded_by(Some(&both), &labels(&[("ignore", "1")])), None, "it would not be taken anyway");
    }

    #[test]
    fn a_label_that_leaves_out_counts_beside_one_that_asks_unless_both_are_of_one_vocabulary() {
        let asks = |wanted: &str, out: &str| {
            let out = format!(r#"{{"key":"{out}","operator":"DoesNotExist"}}"#);
            only_asked_for(Some(&selector(&format!(r#"{{"matchLabels":{{"{wanted}":"x"}},"matchExpressions":[{out}]}}"#))))
        };
        assert!(asks("istio.io/rev", "sidecar.istio.io/inject"));
        assert!(asks("mesh.example/inject", "mesh.example/inject"));
        assert!(!asks("tier", "skip"));
        assert!(!asks("mesh.example/inject", "skip"));
        assert!(!asks("mesh.example/inject", "other.example/skip"));
        assert!(!asks("app.kubernetes.io/name", "app.kubernetes.io/component"), "everybody uses these");
        assert!(only_asked_for(Some(&selector(r#"{"matchLabels":{"tier":"x"}}"#))));
        assert!(!only_asked_for(Some(&selector(r#"{"matchExpressions":[{"key":"skip","operator":"DoesNotExist"}]}"#))));
        assert!(!only_asked_for(Some(&selector("{}"))));
    }

    #[test]
    fn the_text_form_follows_kubernetes() {
        let selector = |text: &str| text.parse::<Selector>().unwrap_or_else(|error| panic!("{error}"));
        let ephi = labels(&[("data", "ephi"), ("team", "records")]);
        assert!(selector("data=ephi").matches(&ephi));
        assert!(selector("data == ephi, team").matches(&ephi));
        assert!(selector("tier!=web").matches(&ephi), "!= selects what lacks the key");
        assert!(selector("!tier").matches(&ephi));
        assert!(!selector("data!=ephi").matches(&ephi));
        assert!(!selector("data=ephi,tier").matches(&ephi));
        for wrong in ["", "a b=c", "=x", "a=b c", "a in (b)"] {
            assert!(wrong.parse::<Selector>().is_err(), "{wrong}");
        }
    }
}
