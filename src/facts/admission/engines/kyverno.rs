//! Policies of Kyverno (`kyverno.io/v1`): whether they refuse or only report.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use serde_json::Value;

use super::super::conditions::{self, Asked, Condition as GivenCondition};
use super::super::rules::Kind;
use super::selection::{Made, Match, Taken, wildcard};
use super::{EnginePolicy, Verdict, Within, escapable, not_understood, preconditions, undecided};
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
    /// Where it names no kind that any API server serves.
    about_nothing: Option<String>,
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
        let about_nothing = self.r#match.is_about_nothing().then(|| format!("/spec/rules/{number}/match"));
        Some(Judged { action, at, certain, about_nothing })
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
        let all = excluded == Taken::All || self.reach(namespace, labels) == Reach::Nothing;
        Some(if all { (Taken::No, Some("exclude")) } else { (taken, None) })
    }

    /// How much of what is made of its kinds in a namespace it looks at.
    fn reach(&self, namespace: &str, labels: &Labels) -> Reach {
        let kinds = self.r#match.kinds().unwrap_or_else(|| vec![Kind::named(None, "*")]);
        // Where nobody is named, one stands for all.
        let askers = if self.r#match.names_askers() || self.exclude.names_askers() { usize::MAX } else { 1 };
        let (mut left_out, mut looked_at, mut open) = (false, false, None);
        for kind in &kinds {
            let made = |asker| Made { namespace, labels, kind, asker };
            let taken = |asker| if self.r#match.is_empty() { Some(true) } else { self.r#match.holds(&made(asker), false) };
            if taken(None) == Some(false) {
                continue;
            }
            let of = |asker| (taken(Some(asker)), self.exclude.holds(&made(Some(asker)), true));
            let all: Vec<(Option<bool>, Option<bool>)> = Asked::made(kind).askers().take(askers).map(of).collect();
            if all.iter().all(|(_, out)| *out == Some(true)) {
                left_out = true;
                continue;
            }
            looked_at = true;
            let field = |(taken, out): &(Option<bool>, Option<bool>)| match (taken, out) {
                (Some(true), Some(false)) => None,
                (Some(true), _) => Some("exclude"),
                _ => Some("match"),
            };
            open = open.or_else(|| all.iter().find_map(field));
        }
        match open {
            _ if left_out && !looked_at => Reach::Nothing,
            Some(field) => Reach::Part(field),
            None => Reach::All,
        }
    }

    fn narrows(&self) -> bool {
        self.r#match.narrows() || self.exclude.narrows() || self.preconditions.is_some() || !self.cel_preconditions.is_empty()
    }
}

/// How much of what is made a rule looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    All,
    /// More than namespace, kind and single accounts decides, in a field.
    Part(&'static str),
    /// It leaves out whatever it would take.
    Nothing,
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
        let about_nothing = set(known().filter_map(|rule| rule.about_nothing.as_ref()));
        let differs = place.is_none() && auditing.is_empty() && !open.is_empty();
        let (denies, denies_at) = if known().count() == 0 {
            (Err(self.rules_not_told_apart()), everywhere.clone())
        } else if spec.admission == Some(false) {
            (Ok(false), vec!["/spec/admission".to_owned()])
        } else if !auditing.is_empty() {
            (Ok(false), auditing)
        } else if !about_nothing.is_empty() {
            (Ok(false), about_nothing)
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
            } else if let Some((number, field)) =
                judging.iter().zip(&taken).find_map(|((number, rule), (_, taken))| match (taken, rule.reach(namespace, labels)) {
                    (Some((Taken::No, _)), _) | (_, Reach::All | Reach::Nothing) => None,
                    (_, Reach::Part(field)) => Some((number, field)),
                })
            {
                verdict.denies = Known::Unknown(escapable(self.name(), &format!("{field} (rule {})", number + 1)));
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
mod tests;
