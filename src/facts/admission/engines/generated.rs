//! Policies that engines hand over to the API server: each becomes a ValidatingAdmissionPolicy with a binding, and only these refuse
//! anything. That the engine says it made them is no more than that.

use std::collections::BTreeMap;

use super::super::bindings::{self, Binding, Policy};
use super::super::conditions;
use super::super::rules::Kind;
use super::super::scope::Scope;
use super::Labels;
use crate::facts::table::read::Reader;
use crate::facts::{FactsError, Known};
use crate::model::sources::{VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS};

/// What an engine makes for the API server.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// The name of the ValidatingAdmissionPolicy.
    pub(super) policy: String,
    /// The names that the binding may have; any of the policy's, where none is given.
    pub(super) bindings: Vec<String>,
    /// Where it stands that the engine does so.
    pub(super) at: &'static str,
}

/// The API server's own policies with what binds them.
pub(super) struct Generated {
    policies: BTreeMap<String, Policy>,
    bindings: Vec<Binding>,
    complete: Known<()>,
}

impl Generated {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut policies = BTreeMap::new();
        reader.each::<Policy>(&VALIDATING_POLICIES, |policy, _| {
            policies.insert(policy.metadata.name.clone().unwrap_or_default(), policy);
        })?;
        let mut bindings = Vec::new();
        reader.each::<Binding>(&VALIDATING_POLICY_BINDINGS, |binding, _| bindings.push(binding))?;
        let complete = reader
            .known_if_complete(&VALIDATING_POLICIES, || ())
            .and_then(|()| reader.known_if_complete(&VALIDATING_POLICY_BINDINGS, || ()));
        Ok(Self { policies, bindings, complete })
    }

    pub(super) fn has(&self, policy: &str) -> bool {
        self.policies.contains_key(policy)
    }

    /// Why the API server refuses nothing of these kinds in a namespace by it; nothing where it does.
    pub(super) fn idle(&self, made: &Made, kinds: &[Option<Kind>], namespace: &str, labels: &Labels) -> Known<Option<String>> {
        let name = &made.policy;
        let Some(policy) = self.policies.get(name) else {
            let why = format!("the ValidatingAdmissionPolicy {name}, by which the API server would evaluate it, is not there");
            return self.complete.clone().map(|()| Some(why));
        };
        let mut why = format!("no binding of the ValidatingAdmissionPolicy {name} refuses anything (validationActions: [Deny])");
        let mut open = None;
        for binding in self.bindings.iter().filter(|binding| {
            let own = binding.metadata.name.as_ref().is_some_and(|own| made.bindings.contains(own));
            binding.spec.policy_name == *name && binding.denies() && (made.bindings.is_empty() || own)
        }) {
            let scope = Scope::of(Some(policy), Some(binding));
            let asked = scope.asked();
            let takes = |kind: &Kind| asked.iter().any(|asked| asked.takes_made(kind));
            if let Some(left) = kinds.iter().flatten().find(|kind| !takes(kind)) {
                why = format!("the ValidatingAdmissionPolicy {name} with its binding is not about {}", left.resource);
                continue;
            }
            if scope.is_empty() {
                why = format!("the ValidatingAdmissionPolicy {name} with its binding is about nothing");
                continue;
            }
            match bindings::asks(conditions::take_made, Some(policy), binding, &asked, namespace, labels) {
                Some(true) => return Known::Known(None),
                Some(false) => why = format!("the ValidatingAdmissionPolicy {name} with its binding leaves the namespace out"),
                None => open = Some(conditions::undecided(name, &policy.spec.match_conditions, namespace, &asked)),
            }
        }
        match open {
            Some(unseen) => Known::Unknown(unseen),
            None => self.complete.clone().map(|()| Some(why)),
        }
    }
}
