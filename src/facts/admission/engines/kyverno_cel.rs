//! Policies of Kyverno's newer kinds (`policies.kyverno.io`): those that validate objects or the signatures of images. The other kinds
//! of the group change, make or delete objects, and refuse none.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::super::conditions::{self, Condition};
use super::super::rules::{Kind, Rule};
use super::super::scope::Scope;
use super::super::webhooks::unknown_operator;
use super::generated::Made;
use super::{EnginePolicy, Verdict, Within, escapable, kind_and_name, not_understood, undecided};
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::read::Readable;
use crate::facts::{FactsError, Known};
use crate::model::Unseen;
use crate::model::sources::{
    KYVERNO_IMAGE_VALIDATING_POLICIES, KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICIES, KYVERNO_NAMESPACED_VALIDATING_POLICIES,
    KYVERNO_VALIDATING_POLICIES,
};

type Labels = BTreeMap<String, String>;

/// What all of these kinds share (github.com/kyverno/api, policies.kyverno.io/v1beta1; the same in v1 and v1alpha1).
#[derive(Deserialize)]
struct Policy {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

impl Readable for Policy {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    /// `Deny` where there is none.
    #[serde(default)]
    validation_actions: Vec<String>,
    #[serde(default)]
    evaluation: Evaluation,
    #[serde(default)]
    match_constraints: Constraints,
    #[serde(default)]
    match_conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Evaluation {
    admission: Admission,
    /// `JSON` is for documents that are no objects of a cluster.
    mode: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Admission {
    enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Constraints {
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    resource_rules: Vec<Rule>,
    exclude_resource_rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    /// Whether the API server evaluates it, by a ValidatingAdmissionPolicy that Kyverno made from it.
    generated: Option<bool>,
    condition_status: ConditionStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConditionStatus {
    ready: Option<bool>,
    conditions: Vec<Seen>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    #[serde(default)]
    observed_generation: Option<i64>,
}

impl Policy {
    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Why it may not be in force: its own status says so, and speaks of the policy as it is now.
    fn not_ready(&self, name: &str) -> Option<Unseen> {
        let status = &self.status.condition_status;
        let now = self.metadata.generation;
        let old = status.conditions.iter().any(|one| one.observed_generation.zip(now).is_some_and(|(seen, now)| seen < now));
        (status.ready == Some(false) && !old).then(|| {
            not_understood(
                format!("whether Kyverno's {name} refuses anything"),
                "its status says that it is not ready: Kyverno has not set it up, and what it does with objects is not known",
                "Look at status.conditionStatus of the policy and at the logs of Kyverno's admission controller.",
            )
        })
    }

    fn verdict(&self, name: &str) -> Verdict {
        let spec = &self.spec;
        let actions = if spec.validation_actions.is_empty() { vec!["Deny".to_owned()] } else { spec.validation_actions.clone() };
        let constraints = &spec.match_constraints;
        let mut verdict = Verdict {
            denies: Known::Known(actions.iter().any(|action| action == "Deny")),
            actions: Known::Known({
                let mut actions = actions;
                actions.sort();
                actions
            }),
            conditional: !spec.match_conditions.is_empty()
                || selector::narrows(constraints.object_selector.as_ref())
                || !constraints.exclude_resource_rules.is_empty(),
            differs: false,
            denies_at: vec!["/spec/validationActions".to_owned()],
            actions_at: vec!["/spec/validationActions".to_owned()],
        };
        if spec.evaluation.admission.enabled == Some(false) {
            verdict.denies = Known::Known(false);
            verdict.denies_at = vec!["/spec/evaluation/admission/enabled".to_owned()];
        } else if verdict.denies == Known::Known(true) && constraints.exclude_resource_rules.is_empty() && self.scope().is_empty() {
            // No API server serves what its rules name, so that nobody asks.
            verdict.denies = Known::Known(false);
            verdict.denies_at = vec!["/spec/matchConstraints/resourceRules".to_owned()];
        } else if verdict.denies == Known::Known(true)
            && let Some(unseen) = self.not_ready(name)
        {
            verdict.denies = Known::Unknown(unseen);
        }
        verdict
    }

    fn kinds(&self) -> Vec<Kind> {
        self.spec.match_constraints.resource_rules.iter().flat_map(Rule::kinds).collect()
    }

    /// What it is about: what is left out wins, as for the API server's own policies.
    fn scope(&self) -> Scope {
        let constraints = &self.spec.match_constraints;
        Scope::of_rules(&constraints.resource_rules, &constraints.exclude_resource_rules)
    }

    /// By what whoever makes an object keeps it away from the policy.
    fn escape(&self) -> Option<&'static str> {
        let by_label = selector::narrows(self.spec.match_constraints.object_selector.as_ref());
        let scope = self.scope();
        let by_name = || (scope.is_escaped_by_name() || scope.leaves_out_by_name()).then_some("matchConstraints (resourceNames)");
        by_label.then_some("matchConstraints.objectSelector").or_else(by_name)
    }

    fn within(&self, name: &str, namespace: &str, labels: &Labels) -> Within {
        let kinds = self.kinds();
        let constraints = &self.spec.match_constraints;
        let scope = self.scope();
        let made = scope.asked().iter().any(|asked| asked.operation.as_deref().is_none_or(|operation| operation == "CREATE"));
        let nothing = !constraints.exclude_resource_rules.is_empty() && !made;
        let selected = selector::matches(self.spec.match_constraints.namespace_selector.as_ref(), labels);
        let met = conditions::take_made(&self.spec.match_conditions, namespace, &scope.asked());
        let in_none = !kinds.is_empty() && kinds.iter().all(Kind::is_cluster_scoped);
        let applies = match (selected, met) {
            _ if nothing => Known::Known(false),
            _ if in_none => Known::Known(true),
            (Some(false), _) | (_, Some(false)) => Known::Known(false),
            (None, _) => Known::Unknown(unknown_operator(name)),
            (_, None) if conditions::may_name_namespaces(&self.spec.match_conditions) => {
                Known::Unknown(conditions::conditions_not_read(name))
            }
            _ => Known::Known(true),
        };
        let taken_out_at = match met {
            _ if nothing => Some("/spec/matchConstraints/excludeResourceRules".to_owned()),
            Some(false) => Some("/spec/matchConditions".to_owned()),
            _ => None,
        };
        let mut verdict = self.verdict(name);
        if met.is_none() && verdict.denies == Known::Known(true) {
            verdict.denies = Known::Unknown(undecided(name, "matchConditions"));
        } else if let Some(field) = self.escape().filter(|_| verdict.denies == Known::Known(true)) {
            verdict.denies = Known::Unknown(escapable(name, field));
        }
        Within { applies, verdict, taken_out_at }
    }
}

pub(super) fn read(context: &Context<'_>, all: &mut Vec<EnginePolicy>) -> Result<(), FactsError> {
    for source in [
        &KYVERNO_VALIDATING_POLICIES,
        &KYVERNO_NAMESPACED_VALIDATING_POLICIES,
        &KYVERNO_IMAGE_VALIDATING_POLICIES,
        &KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICIES,
    ] {
        context.reader.each::<Policy>(source, |policy, origin| {
            if policy.spec.evaluation.mode.as_deref() == Some("JSON") {
                return;
            }
            let name = kind_and_name(source, &policy.metadata, &origin);
            // Kyverno pkg/admissionpolicy/builder.go.
            let generated = (policy.status.generated == Some(true)).then(|| Made {
                policy: format!("vpol-{}", policy.name()),
                bindings: Vec::new(),
                at: "/status/generated",
            });
            let kinds = policy.kinds();
            all.push(EnginePolicy {
                engine: "Kyverno",
                verdict: policy.verdict(&name),
                name: name.clone(),
                metadata: policy.metadata.clone(),
                origin,
                kinds: (!kinds.is_empty()).then_some(kinds),
                also_mutating: false,
                webhook: None,
                generated,
                within: Box::new(move |namespace, labels| policy.within(&name, namespace, labels)),
            });
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(spec: &str, status: &str) -> Policy {
        serde_json::from_str(&format!(r#"{{"metadata":{{"name":"p","generation":3}},"spec":{spec},"status":{status}}}"#)).unwrap()
    }

    fn denies(spec: &str, status: &str) -> Option<bool> {
        policy(spec, status).verdict("p").denies.known().copied()
    }

    #[test]
    fn a_policy_denies_unless_it_says_otherwise() {
        assert_eq!(denies("{}", "{}"), Some(true));
        assert_eq!(denies(r#"{"validationActions":["Audit"]}"#, "{}"), Some(false));
        assert_eq!(denies(r#"{"validationActions":["Warn","Deny"]}"#, "{}"), Some(true));
        assert_eq!(denies(r#"{"evaluation":{"admission":{"enabled":false}}}"#, "{}"), Some(false));
    }

    #[test]
    fn a_policy_that_is_not_ready_is_not_believed_and_an_old_status_says_nothing() {
        assert_eq!(denies("{}", r#"{"conditionStatus":{"ready":false}}"#), None);
        assert_eq!(denies("{}", r#"{"conditionStatus":{"ready":false,"conditions":[{"type":"x","observedGeneration":2}]}}"#), Some(true));
        assert_eq!(denies("{}", r#"{"conditionStatus":{"ready":true}}"#), Some(true));
        assert_eq!(denies(r#"{"validationActions":["Audit"]}"#, r#"{"conditionStatus":{"ready":false}}"#), Some(false));
    }

    #[test]
    fn selectors_and_conditions_take_a_namespace_out() {
        let applies = |spec: &str| {
            let within = policy(spec, "{}").within("p", "records", &Labels::new());
            (within.applies.known().copied(), within.taken_out_at.is_some())
        };
        assert_eq!(applies("{}"), (Some(true), false));
        assert_eq!(applies(r#"{"matchConstraints":{"namespaceSelector":{"matchLabels":{"a":"b"}}}}"#), (Some(false), false));
        assert_eq!(
            applies(r#"{"matchConditions":[{"name":"n","expression":"object.metadata.namespace != 'records'"}]}"#),
            (Some(false), true)
        );
        assert_eq!(applies(r#"{"matchConditions":[{"name":"n","expression":"request.namespace.matches('x')"}]}"#), (None, false));
        let rules = r#""resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["pods"]}]"#;
        let without = |operations: &str| {
            applies(&format!(
                r#"{{"matchConstraints":{{{rules},"excludeResourceRules":[{{"apiGroups":["*"],"apiVersions":["*"],"operations":["{operations}"],"resources":["*"]}}]}}}}"#
            ))
        };
        assert_eq!(without("*"), (Some(false), true));
        assert_eq!(without("CREATE"), (Some(false), true));
        assert_eq!(without("UPDATE"), (Some(true), false));
        assert_eq!(applies(r#"{"matchConditions":[{"name":"n","expression":"request.userInfo.username != 'x'"}]}"#), (Some(true), false));
    }
}
