//! Policies: the API server's own, and those of installed engines.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::bindings::{Binding, Policy, applies, escapes, is_selected, of_both};
use super::conditions::{Asked, conditions_not_read};
use super::engines::{self, EnginePolicy};
use super::parameters::Parameters;
use super::scope::Scope;
use super::webhooks::unknown_operator;
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    ENGINE_POLICIES, MUTATING_POLICIES, MUTATING_POLICY_BINDINGS, NAMESPACES, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS,
};
use crate::model::{Evidence, ObjectRef, SourceId};

type Labels = BTreeMap<String, String>;

table! {
    /// One row per binding of a ValidatingAdmissionPolicy or MutatingAdmissionPolicy, and one more for each namespace with whether it
    /// applies there, unless its rules are only about what Kubernetes keeps in no namespace (rows of one binding count once); one row per
    /// policy without a binding, which does nothing; and one row per policy of an installed engine (Gatekeeper constraints, Kyverno
    /// policies that validate or verify images, Kubewarden's policies, sigstore's image policies) with whether it refuses or only
    /// reports: what these do in each namespace stands in `engine_policies`, which also holds those that refuse in some namespaces only. Policies that the server loads from files (from 1.36) are
    /// not listed by the API.
    pub struct PolicyRow as "admission_policies" counting "admission policies" from [VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS, MUTATING_POLICIES, MUTATING_POLICY_BINDINGS, NAMESPACES] + ENGINE_POLICIES {
        /// `Kubernetes`, `Gatekeeper`, `Kyverno`, `Kubewarden` or `sigstore`.
        engine: &'static str;
        /// `validating` (may refuse) or `mutating` (changes objects on their way in).
        kind: &'static str;
        /// Name of the policy; for a constraint, and for a policy of an engine with several kinds, its kind and name.
        policy: String;
        /// Name of the binding; empty for engines without bindings, and for a policy that nothing binds.
        binding: String;
        /// The namespace that this row is about; empty for the row about the policy itself.
        namespace: String;
        /// Whether binding and policy take that namespace, by selectors and match conditions; true in the row about the policy itself.
        applies: Known<bool>, at "/spec/matchResources";
        /// Whether this or another binding of the policy takes that namespace; true in the row about the policy itself.
        reaches: Known<bool>, at "/spec/matchResources";
        /// Why it does nothing anywhere, in words: nothing binds it, its policy is not there, its binding takes nothing of what it is about,
        /// no namespace is taken, or its parameters cannot be had. Empty where it takes something.
        idle: Known<String>, at "/spec/matchResources";
        /// What it is about, as its binding narrows it: `resource` or `resource.group`, sorted; `*` is everything.
        resources: Vec<String>, at "/spec/matchConstraints";
        /// Whether it is about anything that Kubernetes itself keeps, and not only about an operator's own kinds.
        guards_kubernetes: bool, at "/spec/matchConstraints";
        /// What happens to an object that breaks it, sorted, as the engine writes it: `Deny`, `Warn`, `Audit`, `dryrun`, `Enforce`.
        actions: Known<Vec<String>>, at "/spec/validationActions";
        /// Whether such an object is refused. For the API server's own policies also when another binding of the policy refuses it there,
        /// with the same parameters and without narrowing what it is about; unknown where parameters, which are not read, may be missing
        /// and a missing one lets everything past; false where their kind is not installed and failures are ignored. For Kyverno whether every rule refuses; one for background scans only does not.
        denies: Known<bool>, at "/spec/validationActions";
        /// What happens when it cannot be evaluated: `Fail` (the default) refuses, `Ignore` lets past; empty for engines, and for a
        /// binding to a policy that is not there.
        failure_policy: Known<String>;
        /// When objects get past it unchecked, in words: when it cannot be evaluated (`failurePolicy: Ignore`), when its parameter is not
        /// there (`parameterNotFoundAction: Allow`).
        lets_past: Known<Vec<String>>;
        /// Whether objects can escape it by their labels or by conditions.
        conditional: Known<bool>, at "/spec/matchResources";
        /// Where labels or annotations of the object itself decide whether it is asked about it, sorted: `matchConditions`,
        /// `objectSelector`. Whoever makes an object chooses them. Empty where another binding of the policy refuses without asking for any.
        escapes: Known<Vec<String>>, at "/spec/matchResources/objectSelector";
    }
}

/// The two kinds of policies that the API server evaluates itself.
struct Kind {
    word: &'static str,
    policy: &'static str,
    binding: &'static str,
    policies: SourceId,
    bindings: SourceId,
}

const KINDS: &[Kind] = &[
    Kind {
        word: "validating",
        policy: "ValidatingAdmissionPolicy",
        binding: "ValidatingAdmissionPolicyBinding",
        policies: VALIDATING_POLICIES,
        bindings: VALIDATING_POLICY_BINDINGS,
    },
    Kind {
        word: "mutating",
        policy: "MutatingAdmissionPolicy",
        binding: "MutatingAdmissionPolicyBinding",
        policies: MUTATING_POLICIES,
        bindings: MUTATING_POLICY_BINDINGS,
    },
];

fn subject(kind: &str, metadata: &ObjectMeta) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        group: VALIDATING_POLICIES.api_group().to_owned(),
        namespace: None,
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone(),
    }
}

pub(super) fn rows(context: &Context<'_>, of_engines: &[EnginePolicy]) -> Result<Vec<Row>, FactsError> {
    let namespaces = context.namespaces()?.labels();
    let listed = context.reader.known_if_complete(&NAMESPACES, || namespaces.keys().cloned().collect());
    let mut rows = Vec::new();
    for kind in KINDS {
        let read = Read::new(kind, &context.reader, listed.clone())?;
        for bound in &read.bindings {
            let namespaced = bound.scope.is_namespaced();
            let idle = read.idle(bound, namespaced.then_some(&namespaces));
            rows.push(read.bound(bound, None, idle.clone()));
            if namespaced {
                rows.extend(namespaces.iter().map(|namespace| read.bound(bound, Some(namespace), idle.clone())));
            }
        }
        rows.extend(read.unbound());
    }
    rows.extend(engines::rows(of_engines));
    Ok(rows)
}

/// A binding with what it and its policy are about.
struct Bound {
    binding: Binding,
    origin: Evidence,
    scope: Scope,
    /// What is asked of conditions.
    asked: Vec<Asked>,
    parameters: Parameters,
}

/// Policies and bindings of one kind as read.
struct Read {
    kind: &'static Kind,
    policies: BTreeMap<String, (Policy, Evidence)>,
    /// Sorted by name.
    bindings: Vec<Bound>,
    /// Whether those are all policies.
    all_policies: Known<()>,
    /// Whether those are all bindings.
    all_bindings: Known<()>,
    /// The namespaces that there are.
    namespaces: Known<BTreeSet<String>>,
}

impl Read {
    fn new(kind: &'static Kind, reader: &Reader<'_>, namespaces: Known<BTreeSet<String>>) -> Result<Self, FactsError> {
        let mut policies = BTreeMap::new();
        reader.each::<Policy>(&kind.policies, |policy, origin| {
            policies.insert(policy.metadata.name.clone().unwrap_or_default(), (policy, origin));
        })?;
        let mut bindings: Vec<(Binding, Evidence)> = Vec::new();
        reader.each::<Binding>(&kind.bindings, |binding, origin| bindings.push((binding, origin)))?;
        bindings.sort_by(|(a, _), (b, _)| a.metadata.name.cmp(&b.metadata.name));
        let listed = |name: &str| namespaces.known().map(|all| all.contains(name));
        let parameters = |policy: &Policy, binding: &Binding| Parameters::of(policy, binding, reader, listed);
        Ok(Self {
            kind,
            bindings: bound(&policies, bindings, parameters),
            policies,
            all_policies: reader.known_if_complete(&kind.policies, || ()),
            all_bindings: reader.known_if_complete(&kind.bindings, || ()),
            namespaces,
        })
    }

    /// The policy of a binding.
    fn policy_of(&self, binding: &Binding) -> Option<&(Policy, Evidence)> {
        self.policies.get(&binding.spec.policy_name)
    }

    /// The bindings of the same policy that take a namespace.
    fn taking<'s>(&'s self, binding: &'s Binding, (name, labels): (&'s String, &'s Labels)) -> impl Iterator<Item = &'s Bound> {
        let policy = self.policy_of(binding).map(|(policy, _)| policy);
        self.bindings.iter().filter(move |other| {
            other.binding.spec.policy_name == binding.spec.policy_name
                && other.scope.is_namespaced()
                && applies(policy, &other.binding, &other.asked, name, labels) == Some(true)
        })
    }

    /// Why a binding does nothing; `namespaces` are those among which it chooses.
    fn idle(
        &self,
        Bound { binding, scope, asked, parameters, .. }: &Bound,
        namespaces: Option<&BTreeMap<String, Labels>>,
    ) -> Known<String> {
        let Some((policy, _)) = self.policy_of(binding) else {
            return self.all_policies.clone().map(|()| "the policy that its binding names is not there".to_owned());
        };
        if scope.is_empty() {
            return Known::Known("its binding takes nothing of what it is about".to_owned());
        }
        if let Some(why) = parameters.idle(policy) {
            return Known::Known(why);
        }
        let Some(namespaces) = namespaces else { return Known::Known(String::new()) };
        let mut answers = namespaces.iter().map(|(name, labels)| applies(Some(policy), binding, asked, name, labels));
        if answers.any(|answer| answer != Some(false)) {
            return Known::Known(String::new());
        }
        self.namespaces.as_ref().map(|_| "its binding and it take no namespace that there is".to_owned())
    }

    /// The row of one binding, about itself or about a namespace.
    fn bound(&self, bound: &Bound, namespace: Option<(&String, &Labels)>, idle: Known<String>) -> Row {
        let Bound { binding, origin, scope, asked, parameters } = bound;
        let found = self.policy_of(binding);
        let policy = found.map(|(policy, _)| policy);
        let applies = match namespace.map_or(Some(true), |(name, labels)| applies(policy, binding, asked, name, labels)) {
            // What was not read may leave out more.
            Some(true) if policy.is_none() && namespace.is_some() => self.all_policies.clone().map(|()| true),
            Some(applies) => Known::Known(applies),
            None => Known::Unknown(match namespace {
                Some((_, labels)) if is_selected(policy, binding, labels).is_some() => conditions_not_read(&binding.spec.policy_name),
                _ => unknown_operator(&binding.spec.policy_name),
            }),
        };
        let others = || namespace.into_iter().flat_map(|place| self.taking(binding, place));
        let reaches = match &applies {
            Known::Known(false) if others().next().is_some() => Known::Known(true),
            Known::Known(false) => self.all_bindings.clone().map(|()| false),
            applies => applies.clone(),
        };
        let refusing = || others().find(|other| other.binding.denies_for(binding));
        let elsewhere = if binding.denies() { None } else { refusing() };
        let mut denies_at: Vec<Evidence> = elsewhere.map(|other| other.origin.at("/spec/validationActions")).into_iter().collect();
        match policy {
            None => denies_at.push(origin.at("/spec/policyName")),
            Some(_) => denies_at.insert(0, origin.at("/spec/validationActions")),
        }
        let denies = match policy {
            // A binding to a policy that is not there does nothing.
            None => self.all_policies.clone().map(|()| false),
            Some(policy) if policy.only_notes() => {
                denies_at.extend(found.map(|(_, origin)| origin.at("/spec/auditAnnotations")));
                Known::Known(false)
            }
            Some(policy) if binding.denies() || elsewhere.is_some() => {
                match parameters {
                    Parameters::Broken(_) => denies_at.extend(found.map(|(_, origin)| origin.at("/spec/paramKind"))),
                    Parameters::Missing(_) => denies_at.insert(0, origin.at("/spec/paramRef/namespace")),
                    Parameters::Decide | Parameters::NotRead => {}
                }
                parameters.refuse(policy, binding)
            }
            // Another one that was not read may refuse.
            Some(_) if namespace.is_some() => self.all_bindings.clone().map(|()| false),
            Some(_) => Known::Known(false),
        };
        let mut actions = binding.spec.validation_actions.clone();
        actions.sort();
        let narrowed = of_both(policy, binding, |resources| selector::narrows(resources.object_selector.as_ref()));
        let escapes = match escapes(policy, Some(binding)) {
            found if found.is_empty() && policy.is_none() => self.all_policies.clone().map(|()| found),
            // Where only this binding asks for labels, another one that refuses takes every object.
            found if !found.is_empty() && escapes(policy, None).is_empty() && refusing().is_some() => Known::Known(Vec::new()),
            found => Known::Known(found),
        };
        let typed = PolicyRow {
            engine: "Kubernetes",
            kind: self.kind.word,
            policy: binding.spec.policy_name.clone(),
            binding: binding.metadata.name.clone().unwrap_or_default(),
            namespace: namespace.map(|(name, _)| name.clone()).unwrap_or_default(),
            applies,
            reaches,
            idle,
            resources: scope.names(),
            guards_kubernetes: scope.is_about_kubernetes(),
            actions: Known::Known(actions),
            denies,
            escapes,
            failure_policy: match policy {
                Some(policy) => Known::Known(policy.failure_policy().to_owned()),
                None => self.all_policies.clone().map(|()| String::new()),
            },
            lets_past: match policy {
                Some(policy) => Known::Known(lets_past(policy, binding)),
                None => self.all_policies.clone().map(|()| Vec::new()),
            },
            conditional: match policy {
                _ if narrowed.contains(&true) => Known::Known(true),
                Some(policy) => Known::Known(!policy.spec.match_conditions.is_empty()),
                None => self.all_policies.clone().map(|()| false),
            },
        };
        let related = policy.map(|policy| subject(self.kind.policy, &policy.metadata));
        let key = format!("{}/{}/{}", self.key(), binding.spec.policy_name, typed.binding);
        let mut past_at: Vec<Evidence> = found.map(|(_, origin)| origin.at("/spec/failurePolicy")).into_iter().collect();
        past_at.extend(binding.not_found_action().map(|_| origin.at("/spec/paramRef/parameterNotFoundAction")));
        let about_at = found.map(|(_, origin)| origin.at("/spec/matchConstraints"));
        Row::new(key, subject(self.kind.binding, &binding.metadata), vec![origin.clone()], typed)
            .in_namespace(namespace.map(|(name, _)| name.clone()))
            .related_to(related)
            .evidenced("denies", denies_at)
            .evidenced("lets_past", past_at)
            .evidenced("resources", about_at.clone())
            .evidenced("guards_kubernetes", about_at)
            .evidenced("failure_policy", found.map(|(_, origin)| origin.at("/spec/failurePolicy")))
    }

    /// Of keys: those of validating policies are older than the other kind.
    fn key(&self) -> &'static str {
        if self.kind.word == "validating" { "Kubernetes" } else { "Kubernetes/mutating" }
    }

    /// Rows of policies that nothing binds.
    fn unbound(&self) -> Vec<Row> {
        let bound: BTreeSet<&str> = self.bindings.iter().map(|bound| bound.binding.spec.policy_name.as_str()).collect();
        let row = |(name, (policy, origin)): (&String, &(Policy, Evidence))| {
            let scope = Scope::of(Some(policy), None);
            let typed = PolicyRow {
                engine: "Kubernetes",
                kind: self.kind.word,
                policy: name.clone(),
                binding: String::new(),
                namespace: String::new(),
                applies: self.all_bindings.clone().map(|()| false),
                reaches: self.all_bindings.clone().map(|()| false),
                idle: self.all_bindings.clone().map(|()| "nothing binds it".to_owned()),
                resources: scope.names(),
                guards_kubernetes: scope.is_about_kubernetes(),
                actions: self.all_bindings.clone().map(|()| Vec::new()),
                denies: self.all_bindings.clone().map(|()| false),
                failure_policy: Known::Known(policy.failure_policy().to_owned()),
                lets_past: Known::Known(Vec::new()),
                conditional: Known::Known(false),
                escapes: Known::Known(Vec::new()),
            };
            let subject = subject(self.kind.policy, &policy.metadata);
            Row::new(format!("{}/{name}/", self.key()), subject, vec![origin.clone()], typed)
        };
        self.policies.iter().filter(|(name, _)| !bound.contains(name.as_str())).map(row).collect()
    }
}

/// Bindings with what they mean for their policies.
fn bound(
    policies: &BTreeMap<String, (Policy, Evidence)>,
    bindings: Vec<(Binding, Evidence)>,
    parameters: impl Fn(&Policy, &Binding) -> Parameters,
) -> Vec<Bound> {
    let of = |(binding, origin): (Binding, Evidence)| {
        let policy = policies.get(&binding.spec.policy_name).map(|(policy, _)| policy);
        let scope = Scope::of(policy, Some(&binding));
        let parameters = policy.map_or(Parameters::Decide, |policy| parameters(policy, &binding));
        Bound { asked: scope.asked(), scope, parameters, binding, origin }
    };
    bindings.into_iter().map(of).collect()
}

/// When objects get past a policy unchecked.
fn lets_past(policy: &Policy, binding: &Binding) -> Vec<String> {
    let mut when = Vec::new();
    if policy.failure_policy() == "Ignore" {
        when.push("it cannot be evaluated (failurePolicy: Ignore)".to_owned());
    }
    if policy.spec.param_kind.is_some() && binding.not_found_action() == Some("Allow") {
        when.push("its parameter is not there (parameterNotFoundAction: Allow)".to_owned());
    }
    when
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
        let policies: BTreeMap<String, (Policy, Evidence)> = policies.iter().map(policy).collect();
        Read {
            kind: &KINDS[0],
            namespaces: Known::Known(BTreeSet::from(["records".to_owned()])),
            bindings: bound(&policies, bindings.iter().map(binding).collect(), |_, _| Parameters::Decide),
            policies,
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
        read.bound(&read.bindings[binding], Some((&"records".to_owned(), &Labels::new())), Known::Known(String::new()))
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
