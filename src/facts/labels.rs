//! Label selectors (`meta/v1` LabelSelector) as the API server applies them to namespaces. NetworkPolicies, where a field that is not known
//! could widen what is allowed, are read more strictly: see `network`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

type Labels = BTreeMap<String, String>;

/// Whether one requirement holds (apimachinery pkg/labels/selector.go: `NotIn` and `DoesNotExist` hold for a label that is not there);
/// `None` for an operator that is not known.
fn holds(requirement: &LabelSelectorRequirement, labels: &Labels) -> Option<bool> {
    let value = labels.get(&requirement.key);
    let listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|one| one == value));
    Some(match requirement.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => return None,
    })
}

fn negative(requirement: &LabelSelectorRequirement) -> bool {
    matches!(requirement.operator.as_str(), "NotIn" | "DoesNotExist")
}

/// Whether a selector takes these labels; without one, and with an empty one, it takes everything (`admissionregistration.k8s.io/v1`).
pub(super) fn matches(selector: Option<&LabelSelector>, labels: &Labels) -> Option<bool> {
    let Some(selector) = selector else { return Some(true) };
    let mut all = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    for requirement in selector.match_expressions.iter().flatten() {
        all &= holds(requirement, labels)?;
    }
    Some(all)
}

/// Whether a selector says anything.
pub(super) fn narrows(selector: Option<&LabelSelector>) -> bool {
    selector.is_some_and(|selector| {
        selector.match_labels.as_ref().is_some_and(|labels| !labels.is_empty())
            || selector.match_expressions.as_ref().is_some_and(|expressions| !expressions.is_empty())
    })
}

/// Whether a selector leaves namespaces out by a label that they carry.
pub(super) fn excludes(selector: Option<&LabelSelector>) -> bool {
    selector.is_some_and(|selector| selector.match_expressions.iter().flatten().any(negative))
}

/// The label (`key=value`) by which these labels are left out, where everything else would take them.
pub(super) fn excluded_by(selector: Option<&LabelSelector>, labels: &Labels) -> Option<String> {
    let selector = selector?;
    let wanted = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().flatten().filter(|one| !negative(one)).all(|one| holds(one, labels) == Some(true));
    let against = selector.match_expressions.iter().flatten().filter(|one| negative(one)).find(|one| holds(one, labels) == Some(false))?;
    let value = labels.get(&against.key)?;
    wanted.then(|| format!("{}={value}", against.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(json: &str) -> LabelSelector {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"))
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
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
}
