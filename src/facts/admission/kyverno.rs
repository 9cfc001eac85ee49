//! Policies of Kyverno (`kyverno.io/v1`): whether they refuse or only report.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::engines::Verdict;
use crate::facts::Known;
use crate::facts::table::read::Readable;
use crate::model::{Unseen, UnseenKind};

/// A policy: `Audit` unless `validationFailureAction` says `Enforce`; since 1.13 each rule may say so itself.
#[derive(Deserialize)]
pub(super) struct Kyverno {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Spec,
}

impl Readable for Kyverno {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    admission: Option<bool>,
    validation_failure_action: Option<String>,
    validation_failure_action_overrides: Vec<Value>,
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Rule {
    validate: Option<Validate>,
    verify_images: Vec<VerifyImages>,
    mutate: Option<Value>,
    generate: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Validate {
    failure_action: Option<String>,
    failure_action_overrides: Vec<Value>,
    pod_security: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VerifyImages {
    failure_action: Option<String>,
}

/// What one rule does with what breaks it.
struct Judged {
    action: String,
    /// Where that stands.
    at: String,
    /// Whether it judges objects at all is known.
    certain: bool,
}

impl Judged {
    fn enforces(&self) -> bool {
        enforces(&self.action)
    }
}

fn enforces(action: &str) -> bool {
    action.eq_ignore_ascii_case("enforce")
}

impl Rule {
    /// Nothing for a rule that only changes or makes objects.
    fn judged(&self, number: usize, of_policy: &str) -> Option<Judged> {
        let place = format!("/spec/rules/{number}");
        let (own, certain) = if self.verify_images.is_empty() {
            let validate = self.validate.as_ref()?;
            let own = validate.failure_action.clone().map(|action| (action, format!("{place}/validate/failureAction")));
            // Kyverno 1.7 wrote `validate: {}` into rules that change objects. What a rule demands is not collected, so that one that
            // validates looks the same.
            let other = self.mutate.is_some() || self.generate.is_some();
            let says = own.is_some() || validate.pod_security.is_some() || !validate.failure_action_overrides.is_empty();
            (own, says || !other)
        } else {
            // One entry that enforces is enough, else the first that says anything counts (Kyverno pkg/engine/api/engineresponse.go).
            let actions: Vec<(usize, &String)> =
                self.verify_images.iter().enumerate().filter_map(|(i, images)| Some((i, images.failure_action.as_ref()?))).collect();
            let first = actions.iter().find(|(_, action)| enforces(action)).or(actions.first());
            (first.map(|(i, action)| ((*action).clone(), format!("{place}/verifyImages/{i}/failureAction"))), true)
        };
        let (action, at) = own.unwrap_or_else(|| (of_policy.to_owned(), "/spec/validationFailureAction".to_owned()));
        Some(Judged { action, at, certain })
    }
}

/// Sorted and without doubles.
fn set<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let all: BTreeSet<&String> = texts.collect();
    all.into_iter().cloned().collect()
}

impl Kyverno {
    /// Nothing for a policy that only changes or makes objects.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let spec = &self.spec;
        let of_policy = spec.validation_failure_action.as_deref().unwrap_or("Audit");
        let rules: Vec<Judged> = spec.rules.iter().enumerate().filter_map(|(i, rule)| rule.judged(i, of_policy)).collect();
        if rules.is_empty() {
            return None;
        }
        let known = || rules.iter().filter(|rule| rule.certain);
        let auditing = set(known().filter(|rule| !rule.enforces()).map(|rule| &rule.at));
        let everywhere = set(known().map(|rule| &rule.at));
        let (denies, denies_at) = if known().count() == 0 {
            (None, everywhere.clone())
        } else if spec.admission == Some(false) {
            (Some(false), vec!["/spec/admission".to_owned()])
        } else if !auditing.is_empty() {
            (Some(false), auditing)
        } else {
            (rules.iter().all(Judged::enforces).then_some(true), everywhere.clone())
        };
        let unseen = || self.rules_not_told_apart();
        let overridden = |rule: &Rule| rule.validate.as_ref().is_some_and(|validate| !validate.failure_action_overrides.is_empty());
        Some(Verdict {
            engine: "Kyverno",
            actions: if denies.is_some() { Known::Known(set(known().map(|rule| &rule.action))) } else { Known::Unknown(unseen()) },
            denies: denies.map_or_else(|| Known::Unknown(unseen()), Known::Known),
            conditional: !spec.validation_failure_action_overrides.is_empty() || spec.rules.iter().any(overridden),
            denies_at,
            actions_at: everywhere,
        })
    }

    fn rules_not_told_apart(&self) -> Unseen {
        Unseen {
            kind: UnseenKind::NotVisible,
            what: format!("whether Kyverno's policy {} refuses anything", self.metadata.name.as_deref().unwrap_or_default()),
            why:
                "its rules hold both `validate` and `mutate` or `generate`, as Kyverno 1.7 wrote into every rule, and what a rule demands \
                  is not collected"
                    .to_owned(),
            how_to_see: "Apply the policy again from its source, so that each rule holds only what it does, then collect again.".to_owned(),
            source: None,
            missing_rule: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it refuses, where that stands, and its actions.
    fn verdict(spec: &str) -> Option<(Option<bool>, Vec<String>, Option<Vec<String>>)> {
        let policy: Kyverno = serde_json::from_str(&format!(r#"{{"metadata":{{"name":"p"}},"spec":{spec}}}"#)).unwrap();
        policy.verdict().map(|one| (one.denies.known().copied(), one.denies_at, one.actions.known().cloned()))
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn evidence_stands_where_the_rule_that_audits_says_so() {
        let spec = r#"{"validationFailureAction":"Enforce","rules":[{"validate":{}},{"validate":{"failureAction":"Audit"}}]}"#;
        let expected = (Some(false), texts(&["/spec/rules/1/validate/failureAction"]), Some(texts(&["Audit", "Enforce"])));
        assert_eq!(verdict(spec), Some(expected));
    }

    #[test]
    fn a_policy_for_background_scans_refuses_nothing() {
        let spec = r#"{"admission":false,"validationFailureAction":"Enforce","rules":[{"validate":{}}]}"#;
        assert_eq!(verdict(spec), Some((Some(false), texts(&["/spec/admission"]), Some(texts(&["Enforce"])))));
    }

    #[test]
    fn signatures_of_images_are_judged_too() {
        let spec = r#"{"validationFailureAction":"Enforce","rules":[{"verifyImages":[{},{"failureAction":"Audit"}]}]}"#;
        let expected = (Some(false), texts(&["/spec/rules/0/verifyImages/1/failureAction"]), Some(texts(&["Audit"])));
        assert_eq!(verdict(spec), Some(expected));
        let spec = r#"{"rules":[{"verifyImages":[{"failureAction":"Audit"},{"failureAction":"Enforce"}],"validate":{},"mutate":{}}]}"#;
        let expected = (Some(true), texts(&["/spec/rules/0/verifyImages/1/failureAction"]), Some(texts(&["Enforce"])));
        assert_eq!(verdict(spec), Some(expected));
    }

    #[test]
    fn an_empty_validation_beside_a_mutation_tells_nothing() {
        assert_eq!(verdict(r#"{"rules":[{"mutate":{}}]}"#), None);
        assert_eq!(verdict(r#"{"rules":[{"validate":{},"mutate":{},"generate":{}}]}"#), Some((None, Vec::new(), None)));
        let with = |action: &str, rule: &str| {
            let spec = format!(r#"{{"validationFailureAction":"{action}","rules":[{{"validate":{{}},"mutate":{{}}}},{rule}]}}"#);
            verdict(&spec).and_then(|(denies, ..)| denies)
        };
        assert_eq!(with("Enforce", r#"{"validate":{}}"#), Some(true));
        assert_eq!(with("Audit", r#"{"validate":{}}"#), Some(false));
        assert_eq!(with("Audit", r#"{"validate":{"failureAction":"Enforce"}}"#), None);
    }
}
