//! Policies of Kyverno (`kyverno.io/v1`): whether they refuse or only report.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use serde_json::Value;

use super::super::conditions::{self, Asked, Condition as GivenCondition};
use super::super::rules::Kind;
use super::selection::{Match, Taken, wildcard};
use super::{EnginePolicy, Verdict, Within, not_understood, preconditions, undecided};
use crate::facts::context::Context;
use crate::facts::custom::{Conditions, Says};
use crate::facts::labels as selector;
use crate::facts::table::read::Readable;
use crate::facts::{FactsError, Known};
use crate::model::Unseen;
use crate::model::sources::{KYVERNO_CLUSTER_POLICIES, KYVERNO_POLICIES};

type Labels = BTreeMap<String, String>;

/// A policy: `Audit` unless `validationFailureAction` says `Enforce`; since 1.13 each rule may say so itself.
#[derive(Deserialize)]
struct Kyverno {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Conditions,
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
    validation_failure_action_overrides: Vec<Override>,
    webhook_configuration: WebhookConfiguration,
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Rule {
    r#match: Match,
    exclude: Match,
    preconditions: Option<Value>,
    cel_preconditions: Vec<GivenCondition>,
    validate: Option<Validate>,
    verify_images: Vec<VerifyImages>,
    mutate: Option<Value>,
    generate: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Validate {
    failure_action: Option<String>,
    failure_action_overrides: Vec<Override>,
    pod_security: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VerifyImages {
    failure_action: Option<String>,
}

/// How its own webhook is made: conditions of its own are conditions of the policy.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WebhookConfiguration {
    match_conditions: Vec<GivenCondition>,
}

/// Another action for some namespaces.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Override {
    #[serde(default)]
    action: String,
    namespaces: Option<Vec<String>>,
    namespace_selector: Option<LabelSelector>,
}

/// The namespace that is asked about: its name and labels.
type Place<'a> = Option<(&'a str, &'a Labels)>;

/// What one rule does with what breaks it.
struct Judged {
    action: Known<String, ()>,
    /// Where that stands.
    at: String,
    /// Whether it judges objects at all is known.
    certain: bool,
}

impl Judged {
    fn enforces(&self) -> Option<bool> {
        self.action.known().map(|action| enforces(action))
    }
}

fn enforces(action: &str) -> bool {
    action.eq_ignore_ascii_case("enforce")
}

/// The first override that takes a namespace (Kyverno pkg/engine/api/engineresponse.go): it needs a known action, and the selector
/// has to hold beside the names. Without a namespace, overrides leave the answer open where they say another thing than `usual`.
/// Nothing where none takes it.
fn overridden(overrides: &[Override], place: Place<'_>, usual: &str, at: &str) -> Option<(Known<String, ()>, String)> {
    let known = |one: &&(usize, &Override)| matches!(one.1.action.as_str(), "Enforce" | "enforce" | "Audit" | "audit");
    let numbered: Vec<(usize, &Override)> = overrides.iter().enumerate().collect();
    for (number, one) in numbered.iter().filter(known) {
        let place_of = || format!("{at}/{number}/action");
        let Some((namespace, labels)) = place else {
            if enforces(&one.action) != enforces(usual) {
                return Some((Known::Unknown(()), place_of()));
            }
            continue;
        };
        // `namespaces: []` names none, as it is not the same as leaving it out.
        let named = match &one.namespaces {
            None => true,
            Some(patterns) => patterns.iter().any(|pattern| wildcard(pattern, namespace)),
        };
        match selector::matches(one.namespace_selector.as_ref(), labels) {
            None if named => return Some((Known::Unknown(()), place_of())),
            Some(true) if named => return Some((Known::Known(one.action.clone()), place_of())),
            _ => {}
        }
    }
    None
}

impl Rule {
    /// Nothing for a rule that only changes or makes objects.
    fn judged(&self, number: usize, spec: &Spec, place: Place<'_>) -> Option<Judged> {
        let at = format!("/spec/rules/{number}");
        let of_policy = spec.validation_failure_action.as_deref().unwrap_or("Audit");
        let (own, certain) = if self.verify_images.is_empty() {
            let validate = self.validate.as_ref()?;
            let usual = validate.failure_action.as_deref().unwrap_or(of_policy);
            let own = overridden(&validate.failure_action_overrides, place, usual, &format!("{at}/validate/failureActionOverrides"))
                .or_else(|| validate.failure_action.clone().map(|action| (Known::Known(action), format!("{at}/validate/failureAction"))));
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
            (first.map(|(i, action)| (Known::Known((*action).clone()), format!("{at}/verifyImages/{i}/failureAction"))), true)
        };
        let (action, at) = own
            .or_else(|| overridden(&spec.validation_failure_action_overrides, place, of_policy, "/spec/validationFailureActionOverrides"))
            .unwrap_or_else(|| (Known::Known(of_policy.to_owned()), "/spec/validationFailureAction".to_owned()));
        Some(Judged { action, at, certain })
    }

    /// Whether its preconditions hold for what is made in a namespace, and by which they do not; nothing where that cannot be told.
    fn skipped(&self, namespace: &str, kinds: Option<&[Kind]>) -> Option<Option<&'static str>> {
        let given = preconditions::hold(self.preconditions.as_ref(), namespace);
        let cel = conditions::take(&self.cel_preconditions, namespace, &Asked::any_made(kinds));
        match (given, cel) {
            (Some(false), _) => Some(Some("preconditions")),
            (_, Some(false)) => Some(Some("celPreconditions")),
            (Some(true), Some(true)) => Some(None),
            _ => None,
        }
    }

    /// How it takes the objects of a namespace, and which of its fields leaves them out; nothing where a selector is not understood.
    fn takes(&self, namespace: &str, labels: &Labels) -> Option<(Taken, Option<&'static str>)> {
        let kinds = self.r#match.kinds();
        if let Some(Some(field)) = self.skipped(namespace, kinds.as_deref()) {
            return Some((Taken::No, Some(field)));
        }
        if kinds.as_ref().is_some_and(|kinds| kinds.iter().all(Kind::is_cluster_scoped)) {
            return Some((Taken::All, None));
        }
        let taken = if self.r#match.is_empty() { Taken::All } else { self.r#match.takes(namespace, labels, kinds.as_deref())? };
        if taken == Taken::No {
            return Some((Taken::No, None));
        }
        let excluded = self.exclude.takes(namespace, labels, kinds.as_deref())?;
        Some(if excluded == Taken::All { (Taken::No, Some("exclude")) } else { (taken, None) })
    }

    fn narrows(&self) -> bool {
        self.r#match.narrows() || self.exclude.narrows() || self.preconditions.is_some() || !self.cel_preconditions.is_empty()
    }
}

/// Sorted and without doubles.
fn set<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let all: BTreeSet<&String> = texts.collect();
    all.into_iter().cloned().collect()
}

impl Kyverno {
    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Why it may not be in force: its own status says so, and speaks of the policy as it is now.
    fn not_ready(&self) -> Option<Unseen> {
        matches!(self.status.says("Ready", &self.metadata), Says::False(_)).then(|| {
            not_understood(
                format!("whether Kyverno's policy {} refuses anything", self.name()),
                "its condition Ready is False: Kyverno has not set it up, and what it does with objects is not known",
                "Look at status.conditions of the policy and at the logs of Kyverno's admission controller.",
            )
        })
    }

    /// Of the rules that take a namespace, or of all of them. Nothing for a policy that only changes or makes objects.
    fn verdict(&self, place: Place<'_>) -> Option<Verdict> {
        let spec = &self.spec;
        let takes =
            |rule: &Rule| place.is_none_or(|(namespace, labels)| rule.takes(namespace, labels).is_none_or(|(taken, _)| taken != Taken::No));
        let rules: Vec<Judged> =
            spec.rules.iter().enumerate().filter(|(_, rule)| takes(rule)).filter_map(|(i, rule)| rule.judged(i, spec, place)).collect();
        if rules.is_empty() {
            return None;
        }
        let known = || rules.iter().filter(|rule| rule.certain);
        let auditing = set(known().filter(|rule| rule.enforces() == Some(false)).map(|rule| &rule.at));
        let open = set(known().filter(|rule| rule.enforces().is_none()).map(|rule| &rule.at));
        let everywhere = set(known().map(|rule| &rule.at));
        let differs = place.is_none() && auditing.is_empty() && !open.is_empty();
        let (denies, denies_at) = if known().count() == 0 {
            (Err(self.rules_not_told_apart()), everywhere.clone())
        } else if spec.admission == Some(false) {
            (Ok(false), vec!["/spec/admission".to_owned()])
        } else if !auditing.is_empty() {
            (Ok(false), auditing)
        } else if !open.is_empty() {
            (Err(self.differs_by_namespace()), open)
        } else if let Some(unseen) = self.not_ready() {
            (Err(unseen), everywhere.clone())
        } else if rules.iter().all(|rule| rule.enforces() == Some(true)) {
            (Ok(true), everywhere.clone())
        } else {
            (Err(self.rules_not_told_apart()), everywhere.clone())
        };
        let actions: Vec<&String> = known().filter_map(|rule| rule.action.known()).collect();
        Some(Verdict {
            actions: match &denies {
                Err(unseen) if known().count() == 0 => Known::Unknown(unseen.clone()),
                _ => Known::Known(set(actions.into_iter())),
            },
            denies: denies.map_or_else(Known::Unknown, Known::Known),
            conditional: spec.rules.iter().any(Rule::narrows) || !spec.webhook_configuration.match_conditions.is_empty(),
            differs,
            denies_at,
            actions_at: everywhere,
        })
    }

    fn within(&self, namespace: &str, labels: &Labels) -> Within {
        let judging: Vec<(usize, &Rule)> =
            self.spec.rules.iter().enumerate().filter(|(i, rule)| rule.judged(*i, &self.spec, None).is_some()).collect();
        let taken: Vec<(usize, Option<(Taken, Option<&'static str>)>)> =
            judging.iter().map(|(i, rule)| (*i, rule.takes(namespace, labels))).collect();
        let given = &self.spec.webhook_configuration.match_conditions;
        let kinds: Option<Vec<Vec<Kind>>> = judging.iter().map(|(_, rule)| rule.r#match.kinds()).collect();
        let met = conditions::take(given, namespace, &Asked::any_made(kinds.map(|kinds| kinds.concat()).as_deref()));
        let taken_out_at = taken.iter().find_map(|(i, taken)| Some(format!("/spec/rules/{i}/{}", taken.as_ref()?.1?)));
        let taken_out_at = if met == Some(false) { Some("/spec/webhookConfiguration/matchConditions".to_owned()) } else { taken_out_at };
        let applies = if met == Some(false) {
            Known::Known(false)
        } else if met.is_none() && conditions::may_name_namespaces(given) {
            Known::Unknown(conditions::conditions_not_read(self.name()))
        } else if taken.iter().any(|(_, taken)| matches!(taken, Some((Taken::Some | Taken::All, _)))) {
            Known::Known(true)
        } else if taken.iter().any(|(_, taken)| taken.is_none()) {
            Known::Unknown(super::super::webhooks::unknown_operator(self.name()))
        } else {
            Known::Known(false)
        };
        let mut verdict = self.verdict(Some((namespace, labels))).unwrap_or_else(|| Verdict::at(String::new(), false, "/spec/rules"));
        // A rule whose conditions say more than that is skipped for whoever knows how.
        let open = judging.iter().zip(&taken).find(|((_, rule), (_, taken))| {
            !matches!(taken, Some((Taken::No, _))) && rule.skipped(namespace, rule.r#match.kinds().as_deref()).is_none()
        });
        if verdict.denies == Known::Known(true) {
            if met.is_none() {
                verdict.denies = Known::Unknown(undecided(self.name(), "webhookConfiguration.matchConditions"));
            } else if let Some(((number, _), _)) = open {
                verdict.denies = Known::Unknown(undecided(self.name(), &format!("preconditions (rule {})", number + 1)));
            }
        }
        Within { applies, verdict, taken_out_at }
    }

    fn differs_by_namespace(&self) -> Unseen {
        not_understood(
            format!("whether Kyverno's policy {} refuses anything", self.name()),
            "it refuses in some namespaces and only reports in others (failureActionOverrides)",
            "Look at the table engine_policies, which has a row for each namespace.",
        )
    }

    fn rules_not_told_apart(&self) -> Unseen {
        Unseen::not_visible(
            format!("whether Kyverno's policy {} refuses anything", self.name()),
            "its rules hold both `validate` and `mutate` or `generate`, as Kyverno 1.7 wrote into every rule, and what a rule demands \
                  is not collected",
            "Apply the policy again from its source, so that each rule holds only what it does, then collect again.",
        )
    }
}

pub(super) fn read(context: &Context<'_>, all: &mut Vec<EnginePolicy>) -> Result<(), FactsError> {
    for source in [&KYVERNO_CLUSTER_POLICIES, &KYVERNO_POLICIES] {
        context.reader.each::<Kyverno>(source, |policy, origin| {
            let Some(verdict) = policy.verdict(None) else { return };
            let judging = policy.spec.rules.iter().enumerate().filter(|(i, rule)| rule.judged(*i, &policy.spec, None).is_some());
            // One rule about any kind makes it a policy about any kind.
            let kinds: Option<Vec<Vec<Kind>>> = judging.map(|(_, rule)| rule.r#match.kinds()).collect();
            all.push(EnginePolicy {
                engine: "Kyverno",
                name: policy.name().to_owned(),
                metadata: policy.metadata.clone(),
                origin,
                verdict,
                kinds: kinds.map(|kinds| kinds.into_iter().flatten().collect()),
                also_mutating: policy.spec.rules.iter().any(|rule| !rule.verify_images.is_empty()),
                webhook: None,
                generated: None,
                within: Box::new(move |namespace, labels| policy.within(namespace, labels)),
            });
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it refuses, where that stands, and its actions.
    fn verdict(spec: &str) -> Option<(Option<bool>, Vec<String>, Option<Vec<String>>)> {
        let policy: Kyverno = serde_json::from_str(&format!(r#"{{"metadata":{{"name":"p"}},"spec":{spec}}}"#)).unwrap();
        policy.verdict(None).map(|one| (one.denies.known().copied(), one.denies_at, one.actions.known().cloned()))
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

    fn in_records(spec: &str) -> (Option<bool>, Option<bool>, Option<String>) {
        let policy: Kyverno = serde_json::from_str(&format!(r#"{{"metadata":{{"name":"p"}},"spec":{spec}}}"#)).unwrap();
        let labels = Labels::from([("tier".to_owned(), "a".to_owned())]);
        let within = policy.within("records", &labels);
        (within.applies.known().copied(), within.verdict.denies.known().copied(), within.taken_out_at)
    }

    #[test]
    fn overrides_decide_in_the_namespaces_that_they_name() {
        let rule =
            |overrides: &str| format!(r#"{{"rules":[{{"validate":{{"failureAction":"Enforce","failureActionOverrides":{overrides}}}}}]}}"#);
        let denies = |overrides: &str| in_records(&rule(overrides)).1;
        assert_eq!(denies(r#"[{"action":"Audit","namespaces":["rec*"]}]"#), Some(false));
        assert_eq!(denies(r#"[{"action":"Audit","namespaces":["shop"]}]"#), Some(true));
        assert_eq!(denies(r#"[{"action":"Audit","namespaceSelector":{"matchLabels":{"tier":"a"}}}]"#), Some(false));
        assert_eq!(denies(r#"[{"action":"Audit","namespaces":["records"],"namespaceSelector":{"matchLabels":{"tier":"b"}}}]"#), Some(true));
        assert_eq!(denies(r#"[{"action":"Audit"}]"#), Some(false), "for all namespaces");
        assert_eq!(denies(r#"[{"action":"Audit","namespaces":[]}]"#), Some(true), "for none");
        assert_eq!(denies(r#"[{"action":"Enforce","namespaces":["records"]},{"action":"Audit"}]"#), Some(true), "the first decides");
        assert_eq!(denies(r#"[{"action":"Audit","namespaceSelector":{"matchExpressions":[{"key":"a","operator":"Gt"}]}}]"#), None);
        let of_policy = r#"{"validationFailureAction":"Audit","validationFailureActionOverrides":[{"action":"enforce","namespaces":["records"]}],"rules":[{"validate":{}}]}"#;
        assert_eq!(in_records(of_policy).1, Some(true));
        assert_eq!(verdict(of_policy).and_then(|(denies, ..)| denies), None, "on the whole it depends on the namespace");
        assert_eq!(verdict(&rule(r#"[{"action":"Audit","namespaces":["shop"]}]"#)).and_then(|(denies, ..)| denies), None);
    }

    #[test]
    fn only_rules_that_take_a_namespace_count_there() {
        let spec = |exclude: &str| {
            format!(
                r#"{{"rules":[{{"match":{{"any":[{{"resources":{{"kinds":["Pod"]}}}}]}},"exclude":{exclude},"validate":{{"failureAction":"Enforce"}}}},
                {{"match":{{"any":[{{"resources":{{"kinds":["Pod"],"namespaces":["shop"]}}}}]}},"validate":{{"failureAction":"Audit"}}}}]}}"#
            )
        };
        assert_eq!(in_records(&spec("{}")), (Some(true), Some(true), None));
        let out = in_records(&spec(r#"{"any":[{"resources":{"namespaces":["records"]}}]}"#));
        assert_eq!(out, (Some(false), Some(false), Some("/spec/rules/0/exclude".to_owned())));
        assert_eq!(in_records(r#"{"rules":[{"match":{"any":[{"resources":{"kinds":["ClusterRole"]}}]},"validate":{}}]}"#).0, Some(true));
    }

    #[test]
    fn conditions_of_its_own_webhook_take_a_namespace_out() {
        let with = |expression: &str| {
            in_records(&format!(
                r#"{{"webhookConfiguration":{{"matchConditions":[{{"name":"n","expression":"{expression}"}}]}},"rules":[{{"validate":{{"failureAction":"Enforce"}}}}]}}"#
            ))
        };
        let (applies, _, at) = with("request.namespace != 'records'");
        assert_eq!((applies, at.as_deref()), (Some(false), Some("/spec/webhookConfiguration/matchConditions")));
        assert_eq!(with("request.namespace != 'shop'").0, Some(true));
        assert_eq!(with("request.namespace.matches('r')").0, None);
    }

    #[test]
    fn preconditions_take_a_namespace_out_or_leave_it_open() {
        let with = |fields: &str| in_records(&format!(r#"{{"rules":[{{{fields},"validate":{{"failureAction":"Enforce"}}}}]}}"#));
        let of_namespace = |operator: &str, value: &str| {
            with(&format!(r#""preconditions":{{"all":[{{"key":"request.namespace","operator":"{operator}","value":"{value}"}}]}}"#))
        };
        assert_eq!(of_namespace("NotEquals", "records"), (Some(false), Some(false), Some("/spec/rules/0/preconditions".to_owned())));
        assert_eq!(of_namespace("NotEquals", "shop"), (Some(true), Some(true), None));
        assert_eq!(
            with(r#""preconditions":{"all":[{"key":"[redacted]","operator":"Equals","value":"[redacted]"}]}"#),
            (Some(true), None, None)
        );
        assert_eq!(with(r#""preconditions":{}"#), (Some(true), None, None));
        let cel = |expression: &str| with(&format!(r#""celPreconditions":[{{"name":"n","expression":"{expression}"}}]"#));
        assert_eq!(cel("request.namespace != 'records'").2.as_deref(), Some("/spec/rules/0/celPreconditions"));
        assert_eq!(cel("has(object.metadata.labels)"), (Some(true), None, None));
    }

    #[test]
    fn a_policy_that_is_not_ready_is_not_believed() {
        let denies = |status: &str| {
            let policy: Kyverno = serde_json::from_str(&format!(
                r#"{{"metadata":{{"name":"p","generation":2}},"spec":{{"rules":[{{"validate":{{"failureAction":"Enforce"}}}}]}},"status":{status}}}"#
            ))
            .unwrap();
            policy.verdict(None).and_then(|one| one.denies.known().copied())
        };
        assert_eq!(denies(r#"{"conditions":[{"type":"Ready","status":"False"}]}"#), None);
        assert_eq!(denies(r#"{"conditions":[{"type":"Ready","status":"True"}]}"#), Some(true));
        assert_eq!(denies("{}"), Some(true));
    }
}
