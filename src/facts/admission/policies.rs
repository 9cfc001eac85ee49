//! Policies: the API server's own, and those of installed engines.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::engines;
use super::webhooks::unknown_operator;
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::read::Readable;
use crate::facts::schema::{Row, table};
use crate::facts::sources::{
    GATEKEEPER, KYVERNO_CLUSTER_POLICIES, KYVERNO_POLICIES, NAMESPACES, SIGSTORE, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS,
};
use crate::facts::{FactsError, Known};
use crate::model::{Evidence, ObjectRef};

table! {
    /// One row per binding of a ValidatingAdmissionPolicy, and one more for each namespace with whether it applies there (rows of one
    /// binding count once); one row per policy without a binding, which does nothing; and one row per policy of an installed engine
    /// (Gatekeeper constraints, Kyverno policies that validate, sigstore's image policies) with whether it refuses or only reports.
    /// Policies that the server loads from files (from 1.36) are not listed by the API. Whom an engine's policy selects is not
    /// computed.
    pub struct PolicyRow as "admission_policies" counting "admission policies" from [VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS, NAMESPACES, GATEKEEPER, KYVERNO_CLUSTER_POLICIES, KYVERNO_POLICIES, SIGSTORE] {
        /// `Kubernetes`, `Gatekeeper`, `Kyverno` or `sigstore`.
        engine: &'static str;
        /// Name of the policy; for a constraint its kind and name.
        policy: String;
        /// Name of the binding; empty for engines without bindings, and for a policy that nothing binds.
        binding: String;
        /// The namespace that this row is about; empty for the row about the policy itself.
        namespace: String;
        /// Whether binding and policy take that namespace; true in the row about the policy itself.
        applies: Known<bool>, at "/spec/matchResources";
        /// What happens to an object that breaks it, sorted, as the engine writes it: `Deny`, `Warn`, `Audit`, `dryrun`, `Enforce`.
        actions: Known<Vec<String>>, at "/spec/validationActions";
        /// Whether such an object is refused. For the API server's own policies also when another binding of the policy refuses it there.
        denies: Known<bool>, at "/spec/validationActions";
        /// What happens when it cannot be evaluated: `Fail` (the default) refuses, `Ignore` lets past; empty for engines.
        failure_policy: String;
        /// Whether objects are let past when the parameters that the binding names are not there.
        skips_without_parameters: bool, at "/spec/paramRef/parameterNotFoundAction";
        /// Whether objects can escape it by their labels or by conditions.
        conditional: bool, at "/spec/matchResources";
    }
}

#[derive(Deserialize)]
struct Policy {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: PolicySpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicySpec {
    failure_policy: Option<String>,
    match_constraints: Option<Resources>,
    #[serde(default)]
    match_conditions: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Binding {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: BindingSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BindingSpec {
    policy_name: String,
    #[serde(default)]
    validation_actions: Vec<String>,
    match_resources: Option<Resources>,
    param_ref: Option<Parameters>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    parameter_not_found_action: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
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

impl Binding {
    fn denies(&self) -> bool {
        self.spec.validation_actions.iter().any(|action| action == "Deny")
    }
}

fn of_both<T>(policy: Option<&Policy>, binding: &Binding, take: impl Fn(&Resources) -> T) -> Vec<T> {
    let resources = [policy.and_then(|policy| policy.spec.match_constraints.as_ref()), binding.spec.match_resources.as_ref()];
    resources.into_iter().flatten().map(take).collect()
}

/// Whether both the policy and the binding take a namespace.
fn applies(policy: Option<&Policy>, binding: &Binding, labels: &BTreeMap<String, String>) -> Option<bool> {
    let answers = of_both(policy, binding, |resources| selector::matches(resources.namespace_selector.as_ref(), labels));
    answers.into_iter().try_fold(true, |all, answer| answer.map(|answer| all && answer))
}

fn subject(kind: &str, metadata: &ObjectMeta) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        group: VALIDATING_POLICIES.api_group().to_owned(),
        namespace: None,
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone(),
    }
}

pub(super) fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let mut policies: BTreeMap<String, (Policy, Evidence)> = BTreeMap::new();
    reader.each::<Policy>(&VALIDATING_POLICIES, |policy, origin| {
        policies.insert(policy.metadata.name.clone().unwrap_or_default(), (policy, origin));
    })?;
    let mut bindings: Vec<(Binding, Evidence)> = Vec::new();
    reader.each::<Binding>(&VALIDATING_POLICY_BINDINGS, |binding, origin| bindings.push((binding, origin)))?;
    let namespaces = context.namespaces.labels();
    let mut rows = Vec::new();
    for (binding, origin) in &bindings {
        let policy = policies.get(&binding.spec.policy_name);
        rows.push(binding_row(binding, origin, policy, None, Known::Known(true), binding.denies()));
        for (namespace, labels) in &namespaces {
            let of_policy = policy.map(|(policy, _)| policy);
            let applies_here = match applies(of_policy, binding, labels) {
                Some(applies) => Known::Known(applies),
                None => Known::Unknown(unknown_operator(&binding.spec.policy_name)),
            };
            let elsewhere = bindings.iter().any(|(other, _)| {
                other.spec.policy_name == binding.spec.policy_name && other.denies() && applies(of_policy, other, labels) == Some(true)
            });
            rows.push(binding_row(binding, origin, policy, Some(namespace), applies_here, binding.denies() || elsewhere));
        }
    }
    let bound: BTreeSet<&str> = bindings.iter().map(|(binding, _)| binding.spec.policy_name.as_str()).collect();
    for (name, (policy, origin)) in policies.iter().filter(|(name, _)| !bound.contains(name.as_str())) {
        let typed = PolicyRow {
            engine: "Kubernetes",
            policy: name.clone(),
            binding: String::new(),
            namespace: String::new(),
            applies: Known::Known(false),
            actions: Known::Known(Vec::new()),
            denies: Known::Known(false),
            failure_policy: policy.spec.failure_policy.clone().unwrap_or_else(|| "Fail".to_owned()),
            skips_without_parameters: false,
            conditional: false,
        };
        let subject = subject("ValidatingAdmissionPolicy", &policy.metadata);
        rows.push(Row::new(format!("Kubernetes/{name}/"), subject, vec![origin.clone()], typed));
    }
    rows.extend(engines::rows(context)?);
    Ok(rows)
}

fn binding_row(
    binding: &Binding,
    origin: &Evidence,
    policy: Option<&(Policy, Evidence)>,
    namespace: Option<&String>,
    applies: Known<bool>,
    denies: bool,
) -> Row {
    let of_policy = policy.map(|(policy, _)| policy);
    let mut actions = binding.spec.validation_actions.clone();
    actions.sort();
    let narrowed = of_both(of_policy, binding, |resources| selector::narrows(resources.object_selector.as_ref()));
    let typed = PolicyRow {
        engine: "Kubernetes",
        policy: binding.spec.policy_name.clone(),
        binding: binding.metadata.name.clone().unwrap_or_default(),
        namespace: namespace.cloned().unwrap_or_default(),
        applies,
        actions: Known::Known(actions),
        // A binding to a policy that is not there does nothing.
        denies: Known::Known(denies && policy.is_some()),
        failure_policy: of_policy.and_then(|policy| policy.spec.failure_policy.clone()).unwrap_or_else(|| "Fail".to_owned()),
        skips_without_parameters: binding
            .spec
            .param_ref
            .as_ref()
            .is_some_and(|parameters| parameters.parameter_not_found_action.as_deref() == Some("Allow")),
        conditional: narrowed.contains(&true) || of_policy.is_some_and(|policy| !policy.spec.match_conditions.is_empty()),
    };
    let related = of_policy.map(|policy| subject("ValidatingAdmissionPolicy", &policy.metadata)).into_iter().collect();
    let key = format!("Kubernetes/{}/{}", binding.spec.policy_name, typed.binding);
    Row::new(key, subject("ValidatingAdmissionPolicyBinding", &binding.metadata), vec![origin.clone()], typed)
        .in_namespace(namespace.cloned())
        .related_to(related)
        .evidenced("failure_policy", policy.map(|(_, origin)| origin.at("/spec/failurePolicy")))
}
