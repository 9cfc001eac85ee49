//! The API server's own policies and what binds them, as they are stored.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::conditions::{self, Condition};
use super::rules::Rule;
use crate::facts::labels as selector;
use crate::facts::table::read::Readable;

type Labels = BTreeMap<String, String>;

#[derive(Deserialize)]
pub(super) struct Policy {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: PolicySpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicySpec {
    pub(super) failure_policy: Option<String>,
    pub(super) param_kind: Option<serde_json::Value>,
    pub(super) match_constraints: Option<Resources>,
    #[serde(default)]
    pub(super) match_conditions: Vec<Condition>,
    #[serde(default)]
    validations: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    audit_annotations: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Binding {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: BindingSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BindingSpec {
    pub(super) policy_name: String,
    #[serde(default)]
    pub(super) validation_actions: Vec<String>,
    pub(super) match_resources: Option<Resources>,
    pub(super) param_ref: Option<Parameters>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    selector: Option<LabelSelector>,
    parameter_not_found_action: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resources {
    namespace_selector: Option<LabelSelector>,
    pub(super) object_selector: Option<LabelSelector>,
    #[serde(default)]
    pub(super) resource_rules: Vec<Rule>,
    #[serde(default)]
    exclude_resource_rules: Vec<Rule>,
}

impl Readable for Policy {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Readable for Binding {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Policy {
    /// Whether it writes notes into the audit log and demands nothing.
    pub(super) fn only_notes(&self) -> bool {
        self.spec.validations.is_empty() && !self.spec.audit_annotations.is_empty()
    }

    pub(super) fn failure_policy(&self) -> &str {
        self.spec.failure_policy.as_deref().unwrap_or("Fail")
    }
}

impl Binding {
    pub(super) fn denies(&self) -> bool {
        self.spec.validation_actions.iter().any(|action| action == "Deny")
    }

    pub(super) fn not_found_action(&self) -> Option<&str> {
        self.spec.param_ref.as_ref().and_then(|parameters| parameters.parameter_not_found_action.as_deref())
    }

    /// Whether it refuses whatever `other`, of the same policy, takes in a namespace that both take: it has the same parameters, and
    /// takes every object.
    pub(super) fn denies_for(&self, other: &Self) -> bool {
        let narrows = |resources: &Resources| {
            selector::narrows(resources.object_selector.as_ref())
                || !resources.resource_rules.is_empty()
                || !resources.exclude_resource_rules.is_empty()
        };
        self.denies() && self.spec.param_ref == other.spec.param_ref && !self.spec.match_resources.as_ref().is_some_and(narrows)
    }
}

/// Whether nothing may be refused for want of a parameter: without one the binding is skipped, unless that counts as a failure, and
/// failures refuse (`parameterNotFoundAction` in `admissionregistration.k8s.io/v1`).
pub(super) fn hangs_on_parameters(policy: &Policy, binding: &Binding) -> bool {
    let refuses_without = binding.not_found_action() == Some("Deny") && policy.failure_policy() == "Fail";
    policy.spec.param_kind.is_some() && !refuses_without
}

pub(super) fn of_both<T>(policy: Option<&Policy>, binding: &Binding, take: impl Fn(&Resources) -> T) -> Vec<T> {
    let resources = [policy.and_then(|policy| policy.spec.match_constraints.as_ref()), binding.spec.match_resources.as_ref()];
    resources.into_iter().flatten().map(take).collect()
}

/// Whether both the policy and the binding take a namespace, as far as selectors and conditions say; nothing where one of them is not
/// understood.
pub(super) fn applies(policy: Option<&Policy>, binding: &Binding, namespace: &str, labels: &Labels) -> Option<bool> {
    let given = policy.map_or(&[][..], |policy| policy.spec.match_conditions.as_slice());
    let met = match conditions::take(given, namespace) {
        None if !conditions::may_name_namespaces(given) => Some(true),
        met => met,
    };
    let selected = of_both(policy, binding, |resources| selector::matches(resources.namespace_selector.as_ref(), labels));
    // One that leaves it out decides, whatever the others would say.
    if met == Some(false) || selected.contains(&Some(false)) {
        return Some(false);
    }
    selected.into_iter().chain([met]).try_fold(true, |all, answer| answer.map(|answer| all && answer))
}

/// Whether policy and binding are about anything that is in a namespace, as far as their rules say.
pub(super) fn is_namespaced(policy: Option<&Policy>, binding: &Binding) -> bool {
    let namespaced =
        |resources: &Resources| resources.resource_rules.is_empty() || resources.resource_rules.iter().any(Rule::is_namespaced);
    of_both(policy, binding, namespaced).into_iter().all(|namespaced| namespaced)
}
