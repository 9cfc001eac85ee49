//! What engines do in each namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::{Answer, Engines};
use super::{EnginePolicy, Labels, not_understood};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    ENGINE_POLICIES, MUTATING_WEBHOOKS, NAMESPACES, SERVERS_SEEN, SERVICES, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS,
    VALIDATING_WEBHOOKS, WORKLOADS,
};
use crate::model::{Evidence, ObjectRef};

table! {
    /// One row per policy of an installed engine (Gatekeeper constraints, Kyverno policies that validate objects or verify images,
    /// Kubewarden's policies, sigstore's image policies) and namespace, with what it does there. A policy that is in a namespace has a
    /// row for that one only; one about what is in no namespace applies to all, because all share it. Selectors by namespace are
    /// computed; which single objects those by label or name take is not.
    pub struct EnginePolicyRow as "engine_policies" counting "policies of engines" from [NAMESPACES] + ENGINE_POLICIES {
        /// `Gatekeeper`, `Kyverno`, `Kubewarden` or `sigstore`.
        engine: &'static str;
        /// Name of the policy, with its kind where the engine has several.
        policy: String, at "/metadata/name";
        /// The namespace that this row is about.
        namespace: String;
        /// Whether the policy selects anything there.
        applies: Known<bool>;
        /// What happens to an object that breaks it, sorted, as the engine writes it, with the overrides for that namespace.
        actions: Known<Vec<String>>;
        /// Whether the policy says that such an object is refused there: every rule that selects something there refuses. Unknown where
        /// conditions decide that nobody evaluates, and where labels, annotations or names of the objects themselves decide, or groups and roles
        /// of those who make them.
        denies: Known<bool>;
        /// Whether such an object is refused there. Unknown where the policy says so and nobody asks the engine, or where not every API server
        /// is seen to run the admission plugin by which it is asked; `policy_engines` tells.
        enforced: Known<bool>, needs [VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS, SERVICES] + WORKLOADS, consulting [] + SERVERS_SEEN;
        /// Whether objects can escape it by their labels, names or by conditions.
        conditional: bool;
    }
}

table! {
    /// One row per installed engine and namespace where some policy of it refuses something by its own words: whether the API server asks
    /// the engine there, or refuses by a policy of its own that the engine made. It does when a webhook of the engine names the kinds of the policy, its selector and conditions take the
    /// namespace, and a pod that is ready answers, or the request is refused where none does (failurePolicy: Fail); and when the API servers
    /// run the admission plugin by which they ask. An engine is recognised by the names of its webhooks and by the images behind them.
    pub struct EngineRow as "policy_engines" counting "engines in a namespace" from [NAMESPACES, VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS, VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS, SERVICES] + ENGINE_POLICIES + WORKLOADS {
        /// The engine.
        engine: &'static str;
        /// The namespace.
        namespace: String, at "/metadata/name";
        /// Its policies that refuse something there by their own words, sorted.
        policies: Vec<String>;
        /// Whether it is asked about all of them.
        asked: Known<bool>, consulting [] + SERVERS_SEEN;
        /// Those of them about which it is not asked, sorted.
        unasked: Known<Vec<String>>, consulting [] + SERVERS_SEEN;
        /// Why not; empty where it is.
        why: Known<String>, consulting [] + SERVERS_SEEN;
        /// The webhooks that ask it, sorted.
        webhooks: Vec<String>;
    }
}

/// What an engine does with its policies in one namespace.
#[derive(Default)]
struct State {
    policies: BTreeSet<String>,
    unasked: BTreeSet<String>,
    why: Option<String>,
    webhooks: BTreeSet<String>,
    origins: Vec<Evidence>,
    unknown: Option<crate::model::Unseen>,
}

pub(in super::super) fn policy_rows(
    context: &Context<'_>,
    policies: &[EnginePolicy],
    engines: &Engines<'_>,
) -> Result<Vec<Row>, FactsError> {
    let mut rows = Vec::new();
    for (namespace, labels) in &context.namespaces()?.labels() {
        for policy in policies {
            if let Some(row) = policy_row(policy, engines, namespace, labels) {
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

fn policy_row(policy: &EnginePolicy, engines: &Engines<'_>, namespace: &str, labels: &Labels) -> Option<Row> {
    let within = policy.within(namespace, labels)?;
    let verdict = within.verdict;
    let enforced = match verdict.denies.clone() {
        Known::Known(true) => engines.asked(policy, namespace, labels).and_then(|answer| match answer.asked {
            true => Known::Known(true),
            false => Known::Unknown(not_understood(
                format!("whether {} refuses anything in {namespace}", policy.name),
                &format!("nobody asks {}: {}", policy.engine, answer.why),
                "See the finding of admission/engine-asked.",
            )),
        }),
        denies => denies,
    };
    let typed = EnginePolicyRow {
        engine: policy.engine,
        policy: policy.name.clone(),
        namespace: namespace.to_owned(),
        applies: within.applies,
        actions: verdict.actions,
        denies: verdict.denies,
        enforced,
        conditional: verdict.conditional,
    };
    let places = |pointers: Vec<String>| -> Vec<Evidence> { pointers.into_iter().map(|pointer| policy.origin.at(pointer)).collect() };
    let denies_at = places(verdict.denies_at);
    Some(
        Row::new(policy.key(), policy.subject(), vec![policy.origin.clone()], typed)
            .in_namespace(Some(namespace.to_owned()))
            .evidenced("denies", denies_at.clone())
            .evidenced("enforced", denies_at)
            .evidenced("actions", places(verdict.actions_at)),
    )
}

pub(in super::super) fn engine_rows(
    context: &Context<'_>,
    policies: &[EnginePolicy],
    engines: &Engines<'_>,
) -> Result<Vec<Row>, FactsError> {
    let mut rows = Vec::new();
    for (name, labels, uid, origin) in context.namespaces()?.each() {
        let mut states: BTreeMap<&'static str, State> = BTreeMap::new();
        for policy in policies {
            let Some(within) = policy.within(&name, &labels) else { continue };
            if within.applies == Known::Known(false) || within.verdict.denies == Known::Known(false) {
                continue;
            }
            states.entry(policy.engine).or_default().add(policy, engines.asked(policy, &name, &labels));
        }
        let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: name.clone(), uid };
        for (engine, state) in states {
            rows.push(state.row(engine, &name, &subject, &origin));
        }
    }
    Ok(rows)
}

impl State {
    fn add(&mut self, policy: &EnginePolicy, answer: Known<Answer>) {
        self.policies.insert(policy.name.clone());
        match answer {
            Known::Known(answer) if answer.asked => self.webhooks.extend(answer.by),
            Known::Known(answer) => {
                self.unasked.insert(policy.name.clone());
                if self.why.is_none() {
                    self.origins = answer.origins;
                    self.why = Some(answer.why);
                }
            }
            Known::Unknown(unseen) => self.unknown = self.unknown.take().or(Some(unseen)),
        }
    }

    fn row(self, engine: &'static str, namespace: &str, subject: &ObjectRef, origin: &Evidence) -> Row {
        let sure = self.unasked.is_empty();
        let open = |unknown: &Option<crate::model::Unseen>| unknown.clone().filter(|_| sure);
        let asked = open(&self.unknown).map_or(Known::Known(sure), Known::Unknown);
        let typed = EngineRow {
            engine,
            namespace: namespace.to_owned(),
            policies: self.policies.into_iter().collect(),
            unasked: asked.clone().map(|_| self.unasked.iter().cloned().collect()),
            why: asked.clone().map(|_| self.why.unwrap_or_default()),
            asked,
            webhooks: self.webhooks.into_iter().collect(),
        };
        Row::new(format!("{engine}/{namespace}"), subject.clone(), vec![origin.clone()], typed)
            .in_namespace(Some(namespace.to_owned()))
            .evidenced("asked", self.origins.clone())
            .evidenced("why", self.origins)
    }
}
