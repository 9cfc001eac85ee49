//! Policies of Kubewarden (`policies.kubewarden.io`): every policy has a webhook of its own.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::super::conditions::{self, Condition};
use super::super::rules::{Kind, Rule};
use super::super::scope::Scope;
use super::super::webhooks::unknown_operator;
use super::{EnginePolicy, Verdict, Within, escapable, kind_and_name, not_understood, undecided};
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::read::Readable;
use crate::facts::{FactsError, Known};
use crate::model::sources::{KUBEWARDEN_CLUSTER_GROUPS, KUBEWARDEN_CLUSTER_POLICIES, KUBEWARDEN_GROUPS, KUBEWARDEN_POLICIES};

type Labels = BTreeMap<String, String>;

/// A policy or a group of policies: `protect` unless its mode is `monitor` (kubewarden-controller api/policies/v1).
#[derive(Deserialize)]
struct Policy {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    mode: Option<String>,
    #[serde(default)]
    rules: Vec<Rule>,
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    #[serde(default)]
    match_conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    /// `unscheduled`, `scheduled`, `pending` or `active`.
    policy_status: Option<String>,
    /// The mode in which it runs, which may not yet be the one that is asked for.
    mode: Option<String>,
}

impl Readable for Policy {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Policy {
    fn verdict(&self, name: &str) -> Verdict {
        let mode = self.spec.mode.clone().filter(|mode| !mode.is_empty()).unwrap_or_else(|| "protect".to_owned());
        let mut verdict = Verdict::at(mode.clone(), mode == "protect", "/spec/mode");
        verdict.conditional = selector::narrows(self.spec.object_selector.as_ref()) || !self.spec.match_conditions.is_empty();
        if mode != "protect" {
            return verdict;
        }
        if self.status.mode.as_deref() == Some("monitor") {
            verdict.denies = Known::Known(false);
            verdict.denies_at = vec!["/status/mode".to_owned()];
        } else if let Some(state) = self.status.policy_status.as_deref().filter(|state| *state != "active") {
            verdict.denies = Known::Unknown(not_understood(
                format!("whether Kubewarden's {name} refuses anything"),
                &format!("its status is {state}: no policy server evaluates it yet"),
                "Look at status.conditions of the policy and at its PolicyServer.",
            ));
        }
        verdict
    }

    fn within(&self, name: &str, namespace: &str, labels: &Labels) -> Within {
        let in_none = !self.spec.rules.is_empty() && !self.spec.rules.iter().any(Rule::is_namespaced);
        let asked = Scope::of_rules(&self.spec.rules, &[]).asked();
        let met = conditions::take_made(&self.spec.match_conditions, namespace, &asked);
        let applies = match (selector::matches(self.spec.namespace_selector.as_ref(), labels), met) {
            _ if in_none => Known::Known(true),
            (Some(false), _) | (_, Some(false)) => Known::Known(false),
            (None, _) => Known::Unknown(unknown_operator(name)),
            (_, None) if conditions::may_name_namespaces(&self.spec.match_conditions) => {
                Known::Unknown(conditions::conditions_not_read(name))
            }
            _ => Known::Known(true),
        };
        let taken_out_at = (met == Some(false)).then(|| "/spec/matchConditions".to_owned());
        let mut verdict = self.verdict(name);
        if met.is_none() && verdict.denies == Known::Known(true) {
            verdict.denies = Known::Unknown(undecided(name, "matchConditions"));
        } else if verdict.denies == Known::Known(true) && selector::narrows(self.spec.object_selector.as_ref()) {
            verdict.denies = Known::Unknown(escapable(name, "objectSelector"));
        }
        Within { applies, verdict, taken_out_at }
    }
}

pub(super) fn read(context: &Context<'_>, all: &mut Vec<EnginePolicy>) -> Result<(), FactsError> {
    for (source, group) in [
        (&KUBEWARDEN_CLUSTER_POLICIES, ""),
        (&KUBEWARDEN_POLICIES, ""),
        (&KUBEWARDEN_CLUSTER_GROUPS, "group-"),
        (&KUBEWARDEN_GROUPS, "group-"),
    ] {
        context.reader.each::<Policy>(source, |policy, origin| {
            let name = kind_and_name(source, &policy.metadata, &origin);
            let own = policy.metadata.name.as_deref().unwrap_or_default();
            // kubewarden-controller api/policies/v1, GetUniqueName.
            let unique = match &policy.metadata.namespace {
                Some(namespace) => format!("namespaced-{group}{namespace}-{own}"),
                None => format!("clusterwide-{group}{own}"),
            };
            let kinds: Vec<Kind> = policy.spec.rules.iter().flat_map(Rule::kinds).collect();
            all.push(EnginePolicy {
                engine: "Kubewarden",
                verdict: policy.verdict(&name),
                name: name.clone(),
                metadata: policy.metadata.clone(),
                origin,
                kinds: (!kinds.is_empty()).then_some(kinds),
                also_mutating: true,
                webhook: Some(format!("{unique}.kubewarden.admission")),
                generated: None,
                within: Box::new(move |namespace, labels| policy.within(&name, namespace, labels)),
            });
        })?;
    }
    Ok(())
}
