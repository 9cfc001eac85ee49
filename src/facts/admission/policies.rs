//! Policies: the API server's own, and those of installed engines.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::bindings::{Binding, Policy, applies, asks, escapes, is_selected, of_both};
use super::conditions::{self, Asked, conditions_not_read};
use super::engines::{self, EnginePolicy};
use super::parameters::Parameters;
use super::scope::Scope;
use super::webhooks::unknown_operator;
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::settings::Plugins;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    ENGINE_POLICIES, MUTATING_POLICIES, MUTATING_POLICY_BINDINGS, NAMESPACES, SERVERS_SEEN, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS,
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
        /// Whether the API server asks it about what is made there: its admission plugin is on, and its match conditions hold for everybody
        /// whom they do not name one by one. Unknown where they cannot be evaluated, where they leave out a group or accounts by how their
        /// names begin (but for system:masters, system:nodes and those of kube-system), where they take only what is changed, or where not
        /// every API server is seen to run the plugin. In the row about the policy itself, whether it is asked anywhere.
        asked: Known<bool>, at "/spec/matchConditions", consulting [] + SERVERS_SEEN;
        /// Whether this or another binding of the policy takes that namespace; true in the row about the policy itself.
        reaches: Known<bool>, at "/spec/matchResources", consulting [] + SERVERS_SEEN;
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
        /// Whether objects can escape it by their labels, by their names or by conditions.
        conditional: Known<bool>, at "/spec/matchResources";
        /// Where labels, annotations or the name of the object itself decide whether it is asked about it, sorted: `matchConditions`,
        /// `objectSelector`, `resourceNames`. Whoever makes an object chooses them. Empty where another binding of the policy refuses without asking for any.
        escapes: Known<Vec<String>>, at "/spec/matchResources/objectSelector";
    }
}

/// The two kinds of policies that the API server evaluates itself.
struct Kind {
    word: &'static str,
    /// The admission plugin that evaluates it.
    plugin: &'static str,
    policy: &'static str,
    binding: &'static str,
    policies: SourceId,
    bindings: SourceId,
}

const KINDS: &[Kind] = &[
    Kind {
        word: "validating",
        plugin: "ValidatingAdmissionPolicy",
        policy: "ValidatingAdmissionPolicy",
        binding: "ValidatingAdmissionPolicyBinding",
        policies: VALIDATING_POLICIES,
        bindings: VALIDATING_POLICY_BINDINGS,
    },
    Kind {
        word: "mutating",
        plugin: "MutatingAdmissionPolicy",
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

pub(super) fn rows(context: &Context<'_>, of_engines: &[EnginePolicy], plugins: &Plugins) -> Result<Vec<Row>, FactsError> {
    let namespaces = context.namespaces()?.labels();
    let listed = context.reader.known_if_complete(&NAMESPACES, || namespaces.keys().cloned().collect());
    let mut rows = Vec::new();
    for kind in KINDS {
        let read = Read::new(kind, &context.reader, listed.clone(), plugins.runs(kind.plugin))?;
        for bound in &read.bindings {
            let namespaced = bound.scope.is_namespaced();
            let idle = read.idle(bound, namespaced.then_some(&namespaces));
            rows.push(read.bound(bound, None, idle.clone(), read.asked(bound, namespaced.then(|| namespaces.iter()), false)));
            if namespaced {
                let one = |place| read.bound(bound, Some(place), idle.clone(), read.asked(bound, Some([place].into_iter()), true));
                rows.extend(namespaces.iter().map(one));
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
    /// Whether the API server evaluates policies of this kind at all.
    plugin: Known<bool>,
}

impl Read {
    fn new(kind: &'static Kind, reader: &Reader<'_>, namespaces: Known<BTreeSet<String>>, plugin: Known<bool>) -> Result<Self, FactsError> {
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
            plugin,
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
        if self.plugin == Known::Known(false) {
            return Known::Known(format!("the admission plugin {} is switched off at the API server", self.kind.plugin));
        }
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

    /// Whether the server asks the policy in one of some namespaces; without any, about what is in none. `made` asks about what is made there.
    fn asked<'n>(
        &self,
        Bound { binding, asked, .. }: &Bound,
        namespaces: Option<impl Iterator<Item = (&'n String, &'n Labels)>>,
        made: bool,
    ) -> Known<bool> {
        let Some((policy, _)) = self.policy_of(binding) else { return self.all_policies.clone().map(|()| false) };
        let (conditions, namespaced) = (&policy.spec.match_conditions, namespaces.is_some());
        // Of the policy on the whole: one that checks changes alone does something.
        let take = if made { conditions::take_made } else { conditions::take };
        let asks = |name: &str, labels: &Labels| asks(take, Some(policy), binding, asked, name, labels);
        // Of the policy on the whole: a namespace that was not read may be one in which it is asked.
        let not_asked = || match (&self.namespaces, namespaced && !made) {
            (Known::Unknown(unseen), true) => Known::Unknown(unseen.clone()),
            _ => Known::Known(false),
        };
        let mut answers: Vec<(Option<bool>, &str)> = match namespaces {
            Some(all) => all.map(|(name, labels)| (asks(name, labels), name.as_str())).collect(),
            None => vec![(take(conditions, "", asked), "")],
        };
        // Any that is sure decides, and one that is open is nearer to it than one that is out.
        answers.sort_by_key(|(answer, _)| answer.map_or(1, |asked| if asked { 0 } else { 2 }));
        match (&self.plugin, answers.first()) {
            (Known::Known(false), _) => Known::Known(false),
            (_, None | Some((Some(false), _))) => not_asked(),
            (plugin, Some((Some(true), _))) => plugin.clone(),
            (_, Some((None, namespace))) => Known::Unknown(conditions::undecided(&binding.spec.policy_name, conditions, namespace, asked)),
        }
    }

    /// The row of one binding, about itself or about a namespace.
    fn bound(&self, bound: &Bound, namespace: Option<(&String, &Labels)>, idle: Known<String>, is_asked: Known<bool>) -> Row {
        let Bound { binding, origin, scope, asked, parameters } = bound;
        let found = self.policy_of(binding);
        let policy = found.map(|(policy, _)| policy);
        let applies = match namespace.map_or(Some(true), |(name, labels)| applies(policy, binding, asked, name, labels)) {
            Some(_) if namespace.is_some() && self.plugin == Known::Known(false) => Known::Known(false),
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
            Known::Known(true) if namespace.is_some() && policy.is_some() => is_asked.clone(),
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
            asked: is_asked,
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
                _ if narrowed.contains(&true) || scope.is_by_name() => Known::Known(true),
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
                asked: self.all_bindings.clone().map(|()| false),
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
mod tests;
