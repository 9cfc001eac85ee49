//! Constraints of Gatekeeper.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use serde_json::Value;

use super::super::rules::Kind;
use super::super::webhooks::unknown_operator;
use super::generated::Made;
use super::selection::glob;
use super::{EnginePolicy, Verdict, Within, escapable, kind_and_name, not_understood};
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::read::Readable;
use crate::facts::{FactsError, Known};
use crate::model::Unseen;
use crate::model::sources::{CONSTRAINT_TEMPLATES, GATEKEEPER};

type Labels = BTreeMap<String, String>;

/// A constraint: `deny` unless it says otherwise; with `scoped`, what the admission webhook does stands in
/// `scopedEnforcementActions` (Gatekeeper documentation, "Enforcement Points").
#[derive(Deserialize)]
struct Constraint {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ConstraintSpec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConstraintSpec {
    enforcement_action: Option<String>,
    scoped_enforcement_actions: Vec<Scoped>,
    r#match: Match,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scoped {
    action: String,
    #[serde(default)]
    enforcement_points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    name: String,
}

/// All of what it names has to hold (gatekeeper pkg/mutation/match).
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Match {
    kinds: Vec<Kinds>,
    scope: Option<String>,
    namespaces: Vec<String>,
    excluded_namespaces: Vec<String>,
    label_selector: Option<LabelSelector>,
    namespace_selector: Option<LabelSelector>,
    name: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kinds {
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    kinds: Vec<String>,
}

/// What each of Gatekeeper's pods says about it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    by_pod: Vec<ByPod>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ByPod {
    #[serde(default)]
    enforced: Option<bool>,
    observed_generation: Option<i64>,
    #[serde(default)]
    operations: Vec<String>,
}

/// A ConstraintTemplate: what a kind of constraints checks.
#[derive(Deserialize)]
struct Template {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: TemplateSpec,
    #[serde(default)]
    status: TemplateStatus,
}

#[derive(Deserialize)]
struct TemplateSpec {
    crd: TemplateCrd,
}

#[derive(Deserialize)]
struct TemplateCrd {
    spec: TemplateCrdSpec,
}

#[derive(Deserialize)]
struct TemplateCrdSpec {
    names: TemplateNames,
}

#[derive(Deserialize)]
struct TemplateNames {
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TemplateStatus {
    by_pod: Vec<TemplatePod>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TemplatePod {
    #[serde(default)]
    errors: Vec<Value>,
    observed_generation: Option<i64>,
}

impl Readable for Constraint {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Readable for Template {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Of every kind of constraints that has a template: whether a pod of Gatekeeper could not take the template as it is now.
type Templates = Known<BTreeMap<String, bool>>;

fn templates(context: &Context<'_>) -> Result<Templates, FactsError> {
    let mut broken = BTreeMap::new();
    context.reader.each::<Template>(&CONSTRAINT_TEMPLATES, |template, _| {
        let now = template.metadata.generation;
        let current = |pod: &&TemplatePod| pod.observed_generation.zip(now).is_none_or(|(seen, now)| seen >= now);
        let fails = template.status.by_pod.iter().filter(current).any(|pod| !pod.errors.is_empty());
        broken.insert(template.spec.crd.spec.names.kind, fails);
    })?;
    Ok(context.reader.known_if_complete(&CONSTRAINT_TEMPLATES, || broken))
}

impl Constraint {
    /// What its words say.
    fn says(&self) -> Verdict {
        let action = self.spec.enforcement_action.clone().filter(|action| !action.is_empty()).unwrap_or_else(|| "deny".to_owned());
        let scoped = self.denies_at(&["*", "validation.gatekeeper.sh", "vap.k8s.io"]);
        let matches = &self.spec.r#match;
        // What somebody makes is Original (gatekeeper pkg/webhook/policy.go); Generated is what templates of workloads would make.
        let generated = matches.source.as_deref() == Some("Generated");
        let denies = (action == "deny" || (action == "scoped" && scoped)) && !generated;
        let pointer = match action.as_str() {
            _ if generated => "/spec/match/source",
            "scoped" => "/spec/scopedEnforcementActions",
            _ => "/spec/enforcementAction",
        };
        let narrows = selector::narrows(matches.label_selector.as_ref()) || matches.name.is_some() || generated;
        Verdict { conditional: narrows, ..Verdict::at(action, denies, pointer) }
    }

    /// Whether it refuses at one of these enforcement points by `scopedEnforcementActions`.
    fn denies_at(&self, points: &[&str]) -> bool {
        let named = |scoped: &Scoped| scoped.enforcement_points.iter().any(|point| points.contains(&point.name.as_str()));
        self.spec.scoped_enforcement_actions.iter().any(|scoped| scoped.action == "deny" && named(scoped))
    }

    /// What the API server has to have where only its own policies shall refuse: a policy of the template, which Gatekeeper makes of CEL and
    /// never of Rego, and a binding (gatekeeper pkg/drivers/k8scel/transform/make_vap_objects.go; bindings had a shorter name before 3.19).
    fn generated(&self, kind: &str) -> Option<Made> {
        let scoped = self.spec.enforcement_action.as_deref() == Some("scoped");
        if !scoped || self.denies_at(&["*", "validation.gatekeeper.sh"]) || !self.denies_at(&["vap.k8s.io"]) {
            return None;
        }
        let (kind, own) = (kind.to_ascii_lowercase(), self.metadata.name.as_deref().unwrap_or_default());
        let bindings = vec![format!("gatekeeper-{kind}-{own}"), format!("gatekeeper-{own}")];
        Some(Made { policy: format!("gatekeeper-{kind}"), bindings, at: "/spec/scopedEnforcementActions" })
    }

    /// What it does, as far as Gatekeeper's own status and its template tell.
    fn verdict(&self, name: &str, kind: &str, templates: &Templates) -> Verdict {
        let mut verdict = self.says();
        if verdict.denies != Known::Known(true) {
            return verdict;
        }
        let doubt = match templates.known().map(|templates| templates.get(kind)) {
            None => templates.clone().map(|_| true),
            // Gatekeeper takes constraints of the kinds of its templates only; the kind stays served when the template is gone.
            Some(None) => {
                verdict.denies_at = vec!["/kind".to_owned()];
                Known::Known(false)
            }
            Some(Some(true)) => Known::Unknown(template_fails(name)),
            Some(Some(false)) => Known::Known(true),
        };
        let unsure = || self.not_enforced(name).or_else(|| self.escape().map(|field| escapable(name, field)));
        verdict.denies = doubt.and_then(|denies| match unsure() {
            Some(unseen) if denies => Known::Unknown(unseen),
            _ => Known::Known(denies),
        });
        verdict
    }

    /// By what whoever makes an object keeps it away from the constraint.
    fn escape(&self) -> Option<&'static str> {
        let matches = &self.spec.r#match;
        let by_label = selector::narrows(matches.label_selector.as_ref()).then_some("match.labelSelector");
        by_label.or_else(|| matches.name.as_deref().is_some_and(|name| !matches!(name, "" | "*")).then_some("match.name"))
    }

    /// Pods that answer admission say whether they enforce it; where none says so of the constraint as it is now, nobody knows.
    fn not_enforced(&self, name: &str) -> Option<Unseen> {
        let pods = &self.status.by_pod;
        let current = |pod: &&ByPod| pod.observed_generation.zip(self.metadata.generation).is_none_or(|(seen, now)| seen >= now);
        let answers = |pod: &ByPod| pod.operations.is_empty() || pod.operations.iter().any(|one| one == "webhook" || one == "generate");
        let enforced = pods.iter().filter(current).any(|pod| answers(pod) && pod.enforced == Some(true));
        (!pods.is_empty() && !enforced).then(|| {
            not_understood(
                format!("whether Gatekeeper's {name} refuses anything"),
                "its status names no pod that answers admission and enforces the constraint as it is now",
                "Look at status.byPod of the constraint and at the logs of Gatekeeper's controller.",
            )
        })
    }

    /// Nothing where it may be about any kind.
    fn kinds(&self) -> Option<Vec<Kind>> {
        let mut all = Vec::new();
        for one in &self.spec.r#match.kinds {
            for kind in &one.kinds {
                let named = |group: Option<&str>| Kind::named(group, kind);
                if one.api_groups.is_empty() || one.api_groups.iter().any(|group| group == "*") {
                    all.push(named(None));
                } else {
                    all.extend(one.api_groups.iter().map(|group| named(Some(group))));
                }
            }
        }
        (!all.is_empty()).then_some(all)
    }

    fn within(&self, name: &str, verdict: Verdict, namespace: &str, labels: &Labels) -> Within {
        let matches = &self.spec.r#match;
        let in_none = matches.scope.as_deref() == Some("Cluster")
            || self.kinds().is_some_and(|kinds| kinds.iter().all(|kind| kind.resource != "*" && kind.is_cluster_scoped()));
        let any = |patterns: &[String]| patterns.iter().any(|pattern| glob(pattern, namespace));
        let named = matches.namespaces.is_empty() || any(&matches.namespaces);
        let excluded = any(&matches.excluded_namespaces);
        let applies = match selector::matches(matches.namespace_selector.as_ref(), labels) {
            _ if in_none => Known::Known(true),
            _ if !named || excluded => Known::Known(false),
            Some(selected) => Known::Known(selected),
            None => Known::Unknown(unknown_operator(name)),
        };
        let taken_out_at = (named && excluded && !in_none).then(|| "/spec/match/excludedNamespaces".to_owned());
        Within { applies, verdict, taken_out_at }
    }
}

fn template_fails(name: &str) -> Unseen {
    not_understood(
        format!("whether Gatekeeper's {name} refuses anything"),
        "a pod of Gatekeeper reports errors in its ConstraintTemplate, and may not evaluate it",
        "Look at status.byPod of the ConstraintTemplate.",
    )
}

pub(super) fn read(context: &Context<'_>, all: &mut Vec<EnginePolicy>) -> Result<(), FactsError> {
    let templates = templates(context)?;
    let reader = &context.reader;
    for source in reader.sources_in(GATEKEEPER.api_group()) {
        reader.each::<Constraint>(&source, |constraint, origin| {
            let name = kind_and_name(&source, &constraint.metadata, &origin);
            let kind = name.split('/').next().unwrap_or_default().to_owned();
            let verdict = constraint.verdict(&name, &kind, &templates);
            let generated = constraint.generated(&kind);
            let (stated, named) = (verdict.clone(), name.clone());
            all.push(EnginePolicy {
                engine: "Gatekeeper",
                name,
                metadata: constraint.metadata.clone(),
                origin,
                verdict,
                kinds: constraint.kinds(),
                also_mutating: false,
                webhook: None,
                generated,
                within: Box::new(move |namespace, labels| constraint.within(&named, stated.clone(), namespace, labels)),
            });
        })?;
        // One kind of constraint that was not read or understood leaves the whole list incomplete.
        if let Known::Unknown(gap) = reader.known_if_complete(&source, || ()) {
            reader.pass_on(&GATEKEEPER, gap);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(json: &str) -> Constraint {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"))
    }

    fn denies(json: &str, templates: &[(&str, bool)]) -> Option<bool> {
        let templates = Known::Known(templates.iter().map(|(kind, broken)| ((*kind).to_owned(), *broken)).collect());
        constraint(json).verdict("Labels/a", "Labels", &templates).denies.known().copied()
    }

    #[test]
    fn a_constraint_needs_a_template_that_gatekeeper_understands() {
        assert_eq!(denies("{}", &[("Labels", false)]), Some(true));
        assert_eq!(denies("{}", &[("Labels", true)]), None);
        assert_eq!(denies("{}", &[]), Some(false));
        assert_eq!(denies(r#"{"spec":{"enforcementAction":"warn"}}"#, &[]), Some(false));
    }

    #[test]
    fn a_constraint_that_labels_or_names_of_objects_decide_about_is_not_certain() {
        let with = |matches: &str| denies(&format!(r#"{{"spec":{{"match":{matches}}}}}"#), &[("Labels", false)]);
        assert_eq!(with(r#"{"labelSelector":{"matchExpressions":[{"key":"skip","operator":"DoesNotExist"}]}}"#), None);
        assert_eq!(with(r#"{"name":"web-*"}"#), None);
        assert_eq!(with(r#"{"labelSelector":{},"namespaceSelector":{"matchLabels":{"a":"b"}}}"#), Some(true));
    }

    #[test]
    fn what_its_pods_say_counts_for_the_generation_that_they_saw() {
        let with = |pods: &str| denies(&format!(r#"{{"metadata":{{"generation":2}},"status":{{"byPod":{pods}}}}}"#), &[("Labels", false)]);
        assert_eq!(with(r#"[{"enforced":true,"observedGeneration":2,"operations":["webhook"]}]"#), Some(true));
        assert_eq!(with(r#"[{"enforced":true,"observedGeneration":1,"operations":["webhook"]}]"#), None);
        assert_eq!(with(r#"[{"enforced":true,"observedGeneration":2,"operations":["audit"]}]"#), None);
        assert_eq!(with(r#"[{"enforced":false,"observedGeneration":2,"operations":["webhook"]}]"#), None);
        assert_eq!(with("[]"), Some(true));
    }

    #[test]
    fn a_constraint_refuses_at_the_points_that_it_names_and_what_somebody_makes() {
        let of = |spec: &str| {
            let one = constraint(&format!(r#"{{"metadata":{{"name":"a"}},"spec":{spec}}}"#));
            (one.says().denies.known().copied(), one.generated("Labels").map(|made| made.policy))
        };
        let scoped = |points: &str| {
            of(&format!(
                r#"{{"enforcementAction":"scoped","scopedEnforcementActions":[{{"action":"deny","enforcementPoints":[{points}]}},{{"action":"dryrun","enforcementPoints":[{{"name":"validation.gatekeeper.sh"}}]}}]}}"#
            ))
        };
        assert_eq!(scoped(r#"{"name":"validation.gatekeeper.sh"}"#), (Some(true), None));
        assert_eq!(scoped(r#"{"name":"vap.k8s.io"}"#), (Some(true), Some("gatekeeper-labels".to_owned())), "where the server has them");
        assert_eq!(scoped(r#"{"name":"audit.gatekeeper.sh"}"#), (Some(false), None));
        assert_eq!(of(r#"{"match":{"source":"Generated"}}"#), (Some(false), None));
        assert_eq!(of(r#"{"match":{"source":"All"}}"#), (Some(true), None));
    }

    #[test]
    fn namespaces_are_selected_by_name_pattern_and_label() {
        let within = |matches: &str| {
            let one = constraint(&format!(r#"{{"spec":{{"match":{matches}}}}}"#));
            let within = one.within("c", one.says(), "records", &Labels::new());
            (within.applies.known().copied(), within.taken_out_at.is_some())
        };
        assert_eq!(within("{}"), (Some(true), false));
        assert_eq!(within(r#"{"namespaces":["rec*"]}"#), (Some(true), false));
        assert_eq!(within(r#"{"namespaces":["shop"],"excludedNamespaces":["records"]}"#), (Some(false), false));
        assert_eq!(within(r#"{"excludedNamespaces":["*cords"]}"#), (Some(false), true));
        assert_eq!(within(r#"{"namespaceSelector":{"matchLabels":{"a":"b"}}}"#), (Some(false), false));
        assert_eq!(within(r#"{"scope":"Cluster","excludedNamespaces":["records"]}"#), (Some(true), false));
    }
}
