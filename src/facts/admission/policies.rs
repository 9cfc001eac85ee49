//! Policies: the API server's own, and those of installed engines.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::engines;
use super::rules::Rule;
use super::webhooks::unknown_operator;
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::read::{Readable, Reader};
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    GATEKEEPER, KYVERNO_CLUSTER_POLICIES, KYVERNO_IMAGE_VALIDATING_POLICIES, KYVERNO_NAMESPACED_VALIDATING_POLICIES, KYVERNO_POLICIES,
    KYVERNO_VALIDATING_POLICIES, NAMESPACES, SIGSTORE, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS,
};
use crate::model::{Evidence, ObjectRef, Unseen, UnseenKind};

type Labels = BTreeMap<String, String>;

table! {
    /// One row per binding of a ValidatingAdmissionPolicy, and one more for each namespace with whether it applies there, unless its rules
    /// are only about what Kubernetes keeps in no namespace (rows of one binding count once); one row per policy without a binding,
    /// which does nothing; and one row per policy of an installed engine (Gatekeeper constraints, Kyverno policies that validate or
    /// verify images, sigstore's image policies) with whether it refuses or only reports. Policies that the server loads from files
    /// (from 1.36) are not listed by the API. Whom an engine's policy selects is not computed.
    pub struct PolicyRow as "admission_policies" counting "admission policies" from [
        VALIDATING_POLICIES,
        VALIDATING_POLICY_BINDINGS,
        NAMESPACES,
        GATEKEEPER,
        KYVERNO_CLUSTER_POLICIES,
        KYVERNO_POLICIES,
        KYVERNO_VALIDATING_POLICIES,
        KYVERNO_NAMESPACED_VALIDATING_POLICIES,
        KYVERNO_IMAGE_VALIDATING_POLICIES,
        SIGSTORE,
    ] {
        /// `Kubernetes`, `Gatekeeper`, `Kyverno` or `sigstore`.
        engine: &'static str;
        /// Name of the policy; for a constraint, and for a policy of `policies.kyverno.io`, its kind and name.
        policy: String;
        /// Name of the binding; empty for engines without bindings, and for a policy that nothing binds.
        binding: String;
        /// The namespace that this row is about; empty for the row about the policy itself.
        namespace: String;
        /// Whether binding and policy take that namespace; true in the row about the policy itself.
        applies: Known<bool>, at "/spec/matchResources";
        /// What happens to an object that breaks it, sorted, as the engine writes it: `Deny`, `Warn`, `Audit`, `dryrun`, `Enforce`.
        actions: Known<Vec<String>>, at "/spec/validationActions";
        /// Whether such an object is refused. For the API server's own policies also when another binding of the policy refuses it there,
        /// with the same parameters and without narrowing what it is about; unknown where parameters, which are not read, may be missing
        /// and a missing one lets everything past. For Kyverno whether every rule refuses; one for background scans only does not.
        denies: Known<bool>, at "/spec/validationActions";
        /// What happens when it cannot be evaluated: `Fail` (the default) refuses, `Ignore` lets past; empty for engines, and for a
        /// binding to a policy that is not there.
        failure_policy: Known<String>;
        /// Whether objects are let past when the parameters that the binding names are not there.
        skips_without_parameters: bool, at "/spec/paramRef/parameterNotFoundAction";
        /// Whether objects can escape it by their labels or by conditions.
        conditional: Known<bool>, at "/spec/matchResources";
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
    param_kind: Option<serde_json::Value>,
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

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    name: Option<String>,
    namespace: Option<String>,
    selector: Option<LabelSelector>,
    parameter_not_found_action: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    #[serde(default)]
    resource_rules: Vec<Rule>,
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
    fn failure_policy(&self) -> &str {
        self.spec.failure_policy.as_deref().unwrap_or("Fail")
    }
}

impl Binding {
    fn denies(&self) -> bool {
        self.spec.validation_actions.iter().any(|action| action == "Deny")
    }

    fn not_found_action(&self) -> Option<&str> {
        self.spec.param_ref.as_ref().and_then(|parameters| parameters.parameter_not_found_action.as_deref())
    }

    /// Whether it refuses whatever `other`, of the same policy, takes in a namespace that both take: it has the same parameters, and
    /// takes every object.
    fn denies_for(&self, other: &Self) -> bool {
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
fn hangs_on_parameters(policy: &Policy, binding: &Binding) -> bool {
    let refuses_without = binding.not_found_action() == Some("Deny") && policy.failure_policy() == "Fail";
    policy.spec.param_kind.is_some() && !refuses_without
}

fn parameters_not_read(binding: &Binding) -> Unseen {
    Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("whether {} refuses anything", binding.metadata.name.as_deref().unwrap_or_default()),
        why: "its policy takes parameters, which are not read: where they are missing, everything is let past".to_owned(),
        how_to_see: "Look whether the objects that spec.paramRef of the binding names are there, or set parameterNotFoundAction: Deny in \
                     the binding and failurePolicy: Fail in the policy."
            .to_owned(),
        source: None,
        missing_rule: None,
    }
}

fn of_both<T>(policy: Option<&Policy>, binding: &Binding, take: impl Fn(&Resources) -> T) -> Vec<T> {
    let resources = [policy.and_then(|policy| policy.spec.match_constraints.as_ref()), binding.spec.match_resources.as_ref()];
    resources.into_iter().flatten().map(take).collect()
}

/// Whether both the policy and the binding take a namespace.
fn applies(policy: Option<&Policy>, binding: &Binding, labels: &Labels) -> Option<bool> {
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

/// Whether policy and binding are about anything that is in a namespace, as far as their rules say.
fn is_namespaced(policy: Option<&Policy>, binding: &Binding) -> bool {
    let namespaced =
        |resources: &Resources| resources.resource_rules.is_empty() || resources.resource_rules.iter().any(Rule::is_namespaced);
    of_both(policy, binding, namespaced).into_iter().all(|namespaced| namespaced)
}

pub(super) fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let read = Read::new(&context.reader)?;
    let namespaces = context.namespaces()?.labels();
    let mut rows = Vec::new();
    for bound in &read.bindings {
        rows.push(read.bound(bound, None));
        if is_namespaced(read.policy_of(&bound.0).map(|(policy, _)| policy), &bound.0) {
            rows.extend(namespaces.iter().map(|namespace| read.bound(bound, Some(namespace))));
        }
    }
    rows.extend(read.unbound());
    rows.extend(engines::rows(context)?);
    Ok(rows)
}

/// Policies and bindings as read.
struct Read {
    policies: BTreeMap<String, (Policy, Evidence)>,
    /// Sorted by name.
    bindings: Vec<(Binding, Evidence)>,
    /// Whether those are all policies.
    all_policies: Known<()>,
    /// Whether those are all bindings.
    all_bindings: Known<()>,
}

impl Read {
    fn new(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut policies = BTreeMap::new();
        reader.each::<Policy>(&VALIDATING_POLICIES, |policy, origin| {
            policies.insert(policy.metadata.name.clone().unwrap_or_default(), (policy, origin));
        })?;
        let mut bindings: Vec<(Binding, Evidence)> = Vec::new();
        reader.each::<Binding>(&VALIDATING_POLICY_BINDINGS, |binding, origin| bindings.push((binding, origin)))?;
        bindings.sort_by(|(a, _), (b, _)| a.metadata.name.cmp(&b.metadata.name));
        Ok(Self {
            policies,
            bindings,
            all_policies: reader.known_if_complete(&VALIDATING_POLICIES, || ()),
            all_bindings: reader.known_if_complete(&VALIDATING_POLICY_BINDINGS, || ()),
        })
    }

    fn policy_of(&self, binding: &Binding) -> Option<&(Policy, Evidence)> {
        self.policies.get(&binding.spec.policy_name)
    }

    /// The binding that refuses in a namespace what this one does not.
    fn refusing_for(&self, binding: &Binding, labels: &Labels) -> Option<&(Binding, Evidence)> {
        let policy = self.policy_of(binding).map(|(policy, _)| policy);
        self.bindings.iter().find(|(other, _)| {
            other.spec.policy_name == binding.spec.policy_name && other.denies_for(binding) && applies(policy, other, labels) == Some(true)
        })
    }

    /// The row of one binding, about itself or about a namespace.
    fn bound(&self, (binding, origin): &(Binding, Evidence), namespace: Option<(&String, &Labels)>) -> Row {
        let found = self.policy_of(binding);
        let policy = found.map(|(policy, _)| policy);
        let applies = match namespace.map_or(Some(true), |(_, labels)| applies(policy, binding, labels)) {
            // What was not read may leave out more.
            Some(true) if policy.is_none() && namespace.is_some() => self.all_policies.clone().map(|()| true),
            Some(applies) => Known::Known(applies),
            None => Known::Unknown(unknown_operator(&binding.spec.policy_name)),
        };
        let elsewhere = namespace.filter(|_| !binding.denies()).and_then(|(_, labels)| self.refusing_for(binding, labels));
        let denies = match policy {
            // A binding to a policy that is not there does nothing.
            None => self.all_policies.clone().map(|()| false),
            Some(policy) if binding.denies() || elsewhere.is_some() => {
                if hangs_on_parameters(policy, binding) {
                    Known::Unknown(parameters_not_read(binding))
                } else {
                    Known::Known(true)
                }
            }
            // Another one that was not read may refuse.
            Some(_) if namespace.is_some() => self.all_bindings.clone().map(|()| false),
            Some(_) => Known::Known(false),
        };
        let mut denies_at: Vec<Evidence> = elsewhere.map(|(_, origin)| origin.at("/spec/validationActions")).into_iter().collect();
        match policy {
            None => denies_at.push(origin.at("/spec/policyName")),
            Some(_) => denies_at.insert(0, origin.at("/spec/validationActions")),
        }
        let mut actions = binding.spec.validation_actions.clone();
        actions.sort();
        let narrowed = of_both(policy, binding, |resources| selector::narrows(resources.object_selector.as_ref()));
        let typed = PolicyRow {
            engine: "Kubernetes",
            policy: binding.spec.policy_name.clone(),
            binding: binding.metadata.name.clone().unwrap_or_default(),
            namespace: namespace.map(|(name, _)| name.clone()).unwrap_or_default(),
            applies,
            actions: Known::Known(actions),
            denies,
            failure_policy: match policy {
                Some(policy) => Known::Known(policy.failure_policy().to_owned()),
                None => self.all_policies.clone().map(|()| String::new()),
            },
            skips_without_parameters: binding.not_found_action() == Some("Allow"),
            conditional: match policy {
                _ if narrowed.contains(&true) => Known::Known(true),
                Some(policy) => Known::Known(!policy.spec.match_conditions.is_empty()),
                None => self.all_policies.clone().map(|()| false),
            },
        };
        let related = policy.map(|policy| subject("ValidatingAdmissionPolicy", &policy.metadata));
        let key = format!("Kubernetes/{}/{}", binding.spec.policy_name, typed.binding);
        Row::new(key, subject("ValidatingAdmissionPolicyBinding", &binding.metadata), vec![origin.clone()], typed)
            .in_namespace(namespace.map(|(name, _)| name.clone()))
            .related_to(related)
            .evidenced("denies", denies_at)
            .evidenced("failure_policy", found.map(|(_, origin)| origin.at("/spec/failurePolicy")))
    }

    /// Rows of policies that nothing binds.
    fn unbound(&self) -> Vec<Row> {
        let bound: BTreeSet<&str> = self.bindings.iter().map(|(binding, _)| binding.spec.policy_name.as_str()).collect();
        let row = |(name, (policy, origin)): (&String, &(Policy, Evidence))| {
            let typed = PolicyRow {
                engine: "Kubernetes",
                policy: name.clone(),
                binding: String::new(),
                namespace: String::new(),
                applies: self.all_bindings.clone().map(|()| false),
                actions: self.all_bindings.clone().map(|()| Vec::new()),
                denies: self.all_bindings.clone().map(|()| false),
                failure_policy: Known::Known(policy.failure_policy().to_owned()),
                skips_without_parameters: false,
                conditional: Known::Known(false),
            };
            let subject = subject("ValidatingAdmissionPolicy", &policy.metadata);
            Row::new(format!("Kubernetes/{name}/"), subject, vec![origin.clone()], typed)
        };
        self.policies.iter().filter(|(name, _)| !bound.contains(name.as_str())).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::TableRow;
    use crate::model::{FactValue, Grade, Reading, SourceId};
    use serde_json::{Value, json};

    fn evidence(source: &SourceId, name: &str) -> Evidence {
        let reading = Reading {
            source: source.clone(),
            object: Some(subject("", &ObjectMeta { name: Some(name.to_owned()), ..Default::default() }).into()),
            resource_version: None,
            sha256: String::new(),
            collected_at: "".into(),
            request: Some(1),
        };
        Evidence { grade: Grade::EffectiveConfiguration, reading: Arc::new(reading), pointer: "".into() }
    }

    fn unread() -> Known<()> {
        Known::Unknown(unknown_operator("not read"))
    }

    fn read(policies: &[(&str, Value)], bindings: &[(&str, Value)]) -> Read {
        let object = |(name, spec): &(&str, Value)| json!({"metadata": {"name": name}, "spec": spec});
        let policy =
            |one: &(&str, Value)| (one.0.to_owned(), (serde_json::from_value(object(one)).unwrap(), evidence(&VALIDATING_POLICIES, one.0)));
        let binding = |one: &(&str, Value)| (serde_json::from_value(object(one)).unwrap(), evidence(&VALIDATING_POLICY_BINDINGS, one.0));
        Read {
            policies: policies.iter().map(policy).collect(),
            bindings: bindings.iter().map(binding).collect(),
            all_policies: Known::Known(()),
            all_bindings: Known::Known(()),
        }
    }

    fn cell(row: &Row, column: &str) -> Option<FactValue> {
        let (index, _) = PolicyRow::schema().column(column).unwrap();
        row.cells[index].known().cloned()
    }

    fn places(row: &Row) -> Vec<String> {
        let one = |evidence: &Arc<Evidence>| format!("{}{}", evidence.object().unwrap().name, evidence.pointer);
        row.cell_evidence["denies"].iter().map(one).collect()
    }

    fn in_records(read: &Read, binding: usize) -> Row {
        read.bound(&read.bindings[binding], Some((&"records".to_owned(), &Labels::new())))
    }

    #[test]
    fn evidence_of_a_refusal_names_the_binding_that_refuses() {
        let warns = ("a", json!({"policyName": "p", "validationActions": ["Warn"]}));
        let refuses = ("b", json!({"policyName": "p", "validationActions": ["Deny"]}));
        let row = in_records(&read(&[("p", json!({}))], &[warns, refuses]), 0);
        assert_eq!(cell(&row, "denies"), Some(FactValue::Bool(true)));
        assert_eq!(places(&row), ["a/spec/validationActions", "b/spec/validationActions"]);
    }

    #[test]
    fn evidence_of_a_policy_that_is_not_there_is_its_name() {
        let row = in_records(&read(&[], &[("a", json!({"policyName": "p", "validationActions": ["Deny"]}))]), 0);
        assert_eq!(cell(&row, "denies"), Some(FactValue::Bool(false)));
        assert_eq!(cell(&row, "failure_policy"), Some(FactValue::Text(String::new())));
        assert_eq!(places(&row), ["a/spec/policyName"]);
    }

    #[test]
    fn of_a_policy_that_was_not_read_nothing_is_said() {
        let mut read = read(&[], &[("a", json!({"policyName": "p", "validationActions": ["Deny"]}))]);
        read.all_policies = unread();
        for column in ["denies", "applies", "failure_policy", "conditional"] {
            assert_eq!(cell(&in_records(&read, 0), column), None, "{column}");
        }
    }

    #[test]
    fn without_all_bindings_nobody_knows_what_binds_a_policy() {
        let mut read = read(&[("p", json!({})), ("q", json!({}))], &[("a", json!({"policyName": "q", "validationActions": ["Warn"]}))]);
        assert_eq!(cell(&read.unbound()[0], "denies"), Some(FactValue::Bool(false)));
        read.all_bindings = unread();
        for column in ["denies", "applies", "actions"] {
            assert_eq!(cell(&read.unbound()[0], column), None, "{column}");
        }
        assert_eq!(cell(&in_records(&read, 0), "denies"), None, "another binding may refuse");
    }
}
