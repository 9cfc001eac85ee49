//! The API server's own policies and what binds them, as they are stored.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::conditions::{self, Asked, Condition};
use super::parameters::{ParamKind, ParamRef};
use super::rules::Rule;
use super::scope::Scope;
use crate::facts::labels as selector;
use crate::facts::table::read::Readable;

type Labels = BTreeMap<String, String>;
/// What conditions say about something of what they are asked about in a namespace: [`conditions::take`] or [`conditions::take_made`].
type Take = fn(&[Condition], &str, &[Asked]) -> Option<bool>;

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
    pub(super) param_kind: Option<ParamKind>,
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
    pub(super) param_ref: Option<ParamRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resources {
    namespace_selector: Option<LabelSelector>,
    pub(super) object_selector: Option<LabelSelector>,
    #[serde(default)]
    pub(super) resource_rules: Vec<Rule>,
    #[serde(default)]
    pub(super) exclude_resource_rules: Vec<Rule>,
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

pub(super) fn of_both<T>(policy: Option<&Policy>, binding: &Binding, take: impl Fn(&Resources) -> T) -> Vec<T> {
    let resources = [policy.and_then(|policy| policy.spec.match_constraints.as_ref()), binding.spec.match_resources.as_ref()];
    resources.into_iter().flatten().map(take).collect()
}

/// By what labels or names of an object keep it away from a policy, as the policy itself says, and its binding where one is given.
pub(super) fn escapes(policy: Option<&Policy>, binding: Option<&Binding>) -> Vec<String> {
    let constraints = policy.and_then(|policy| policy.spec.match_constraints.as_ref());
    let narrowing = binding.and_then(|binding| binding.spec.match_resources.as_ref());
    let by_selector = [constraints, narrowing].into_iter().flatten().any(|resources| selector::narrows(resources.object_selector.as_ref()));
    let by_condition = policy.is_some_and(|policy| conditions::read_own_labels(&policy.spec.match_conditions));
    let named = |is: bool, name: &str| is.then(|| name.to_owned());
    let scope = Scope::of(policy, binding);
    let by_name = scope.is_escaped_by_name() || scope.leaves_out_by_name();
    let found = [(by_condition, "matchConditions"), (by_selector, "objectSelector"), (by_name, "resourceNames")];
    found.into_iter().filter_map(|(is, name)| named(is, name)).collect()
}

/// Whether the selectors of both take a namespace; nothing where one is not understood.
pub(super) fn is_selected(policy: Option<&Policy>, binding: &Binding, labels: &Labels) -> Option<bool> {
    let selected = of_both(policy, binding, |resources| selector::matches(resources.namespace_selector.as_ref(), labels));
    if selected.contains(&Some(false)) {
        return Some(false);
    }
    selected.into_iter().try_fold(true, |all, answer| answer.map(|answer| all && answer))
}

/// Whether both the policy and the binding take something in a namespace, as far as selectors and conditions say; nothing where one of them
/// is not understood. `asked` is what both are about.
pub(super) fn asks(
    take: Take,
    policy: Option<&Policy>,
    binding: &Binding,
    asked: &[Asked],
    namespace: &str,
    labels: &Labels,
) -> Option<bool> {
    let given = policy.map_or(&[][..], |policy| policy.spec.match_conditions.as_slice());
    // One that leaves it out decides, whatever the other would say.
    match (is_selected(policy, binding, labels), take(given, namespace, asked)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// The same of namespaces alone: conditions that do not speak of them count as met.
pub(super) fn applies(policy: Option<&Policy>, binding: &Binding, asked: &[Asked], namespace: &str, labels: &Labels) -> Option<bool> {
    let silent = policy.is_none_or(|policy| !conditions::may_name_namespaces(&policy.spec.match_conditions));
    asks(conditions::take, policy, binding, asked, namespace, labels).or_else(|| is_selected(policy, binding, labels).filter(|_| silent))
}
