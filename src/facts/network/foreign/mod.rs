//! Policies of other APIs. What they allow is not computed yet: which pods they may select, and whether they can open or close
//! anything there, is, so that exactly those pods are known to be not known.

mod apis;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use self::apis::{APIS, Api};
use super::policy::Direction;
use crate::facts::FactsError;
use crate::facts::labels::Selector;
use crate::facts::table::read::{MetaOnly, Reader};
use crate::model::sources::CALICO_API_NETWORK_POLICIES;
use crate::model::{LeftOut, Unseen};

/// One policy of another API, or a NetworkPolicy that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Foreign {
    /// Kind and name.
    name: String,
    /// Its namespace; none when it is about all of them.
    namespace: Option<String>,
    /// Which pods it may select, any one of these.
    scopes: BTreeSet<Scope>,
    ingress: Effect,
    egress: Effect,
    why: String,
    of_kubernetes: bool,
}

/// What a policy can do to the pods that it selects, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Effect {
    /// It can let through what NetworkPolicies deny.
    pub(super) overrides: bool,
    /// It can let through more beside them, as one more NetworkPolicy would.
    pub(super) opens: bool,
    /// It can refuse what they do not.
    pub(super) closes: bool,
}

impl Effect {
    const ANY: Self = Self { overrides: true, opens: true, closes: true };

    fn does_nothing(self) -> bool {
        self == Self::default()
    }

    fn or(self, other: Self) -> Self {
        Self { overrides: self.overrides || other.overrides, opens: self.opens || other.opens, closes: self.closes || other.closes }
    }
}

/// Pods that a policy may select: those where both selectors hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    namespaces: Selector,
    pods: Selector,
}

impl Foreign {
    /// A NetworkPolicy that could not be understood: it may select every pod of its namespace, or of the cluster when not even that
    /// is known. What it is meant to do there is not known either.
    pub(super) fn not_understood(meta: &MetaOnly, why: &str) -> Self {
        Self {
            name: format!("NetworkPolicy {}", display(meta)),
            namespace: meta.metadata.namespace.clone(),
            scopes: BTreeSet::from([Scope::default()]),
            ingress: Effect::ANY,
            egress: Effect::ANY,
            why: format!("it could not be understood ({why})"),
            of_kubernetes: true,
        }
    }

    /// A policy of another API that could not be understood.
    fn odd(api: &Api, meta: &MetaOnly, why: &str) -> Self {
        Self {
            name: format!("{} {}", api.kind, display(meta)),
            namespace: meta.metadata.namespace.clone(),
            scopes: BTreeSet::from([Scope::default()]),
            ingress: Effect::ANY,
            egress: Effect::ANY,
            why: format!("it could not be understood ({why})"),
            of_kubernetes: false,
        }
    }

    /// Whether it is a NetworkPolicy, and was not understood.
    pub(super) fn is_of_kubernetes(&self) -> bool {
        self.of_kubernetes
    }

    /// Kind and name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it can do in a direction.
    pub(super) fn effect(&self, direction: Direction) -> Effect {
        match direction {
            Direction::Ingress => self.ingress,
            Direction::Egress => self.egress,
        }
    }

    fn is_about(&self, direction: Direction, namespace: &str) -> bool {
        !self.effect(direction).does_nothing() && self.namespace.as_deref().is_none_or(|own| own == namespace)
    }

    /// Whether it may select a pod.
    pub(super) fn may_select(
        &self,
        direction: Direction,
        namespace: (&str, &BTreeMap<String, String>),
        labels: &BTreeMap<String, String>,
    ) -> bool {
        let selects = |scope: &Scope| scope.namespaces.matches(namespace.1) && scope.pods.matches(labels);
        self.is_about(direction, namespace.0) && self.scopes.iter().any(selects)
    }

    /// Whether it may select every pod of the namespace, those to come too: it may be a default of its own, or undo one.
    pub(super) fn may_select_all(&self, direction: Direction, namespace: (&str, &BTreeMap<String, String>)) -> bool {
        let all = |scope: &Scope| scope.pods.takes_strangers(&[]) && scope.namespaces.matches(namespace.1);
        self.is_about(direction, namespace.0) && self.scopes.iter().any(all)
    }

    /// Why what it does is not known.
    pub(super) fn unseen(&self) -> Unseen {
        Unseen::not_understood(
            format!("what the {} allows", self.name),
            self.why.clone(),
            "Look at the policy by hand, together with the NetworkPolicies that select the same pods.",
        )
    }
}

fn display(meta: &MetaOnly) -> String {
    let name = meta.metadata.name.as_deref().unwrap_or("without a name");
    meta.metadata.namespace.as_ref().map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

#[derive(Deserialize)]
struct AnyPolicy {
    #[serde(flatten)]
    meta: MetaOnly,
    spec: Option<Value>,
    specs: Option<Vec<Value>>,
}

/// What is known of the policies of other APIs.
pub(super) struct Read {
    pub(super) policies: BTreeSet<Foreign>,
    /// Why some may be missing.
    pub(super) gap: Option<Unseen>,
}

/// Every policy of another API whose engine may run. `kubernetes` says whether there is a NetworkPolicy of that namespace and name:
/// Calico's own API shows each of them a second time, as `knp.default.<name>`. `absent` says of which engines it is known that they
/// do not run: nobody acts on their policies.
pub(super) fn read(
    reader: &Reader<'_>,
    kubernetes: impl Fn(&str, &str) -> bool,
    absent: impl Fn(&str) -> bool,
) -> Result<Read, FactsError> {
    let mut found = BTreeSet::new();
    let mut gap = None;
    for api in APIS {
        if !api.engines.is_empty() && api.engines.iter().all(|engine| absent(engine)) {
            reader.forgive(&api.source);
            continue;
        }
        let source = &api.source;
        match reader.left_out_of(source) {
            Err(unseen) => gap = gap.or(Some(unseen)),
            // Its name and namespace are known: it reaches no further than that.
            Ok(left_out) => found.extend(left_out.iter().map(|object| Foreign::odd(api, &MetaOnly::called(object), &object.why))),
        }
        reader.each_stored(source, |stored| {
            let policy: AnyPolicy = match serde_json::from_str(&stored.json) {
                Ok(policy) => policy,
                Err(error) => match serde_json::from_str::<Named>(&stored.json) {
                    // Its name and namespace are known: it reaches no further than that.
                    Ok(named) => {
                        found.insert(Foreign::odd(api, &named.into(), &error.to_string()));
                        return;
                    }
                    Err(_) => return reader.not_understood(source, &stored, &error.to_string()),
                },
            };
            if !policy.spec.iter().chain(policy.specs.iter().flatten()).all(Value::is_object) {
                found.insert(Foreign::odd(api, &policy.meta, "its spec is none"));
                return;
            }
            let (namespace, name) = (policy.meta.metadata.namespace.as_deref(), policy.meta.metadata.name.as_deref());
            let copy = name.and_then(|name| name.strip_prefix("knp.default."));
            if let (true, Some(namespace), Some(original)) = (*source == CALICO_API_NETWORK_POLICIES, namespace, copy)
                && kubernetes(namespace, original)
            {
                return;
            }
            found.extend(one(api, &policy));
        })?;
    }
    Ok(Read { policies: found, gap })
}

/// What is left of an object whose other fields are odd.
#[derive(Deserialize)]
pub(super) struct Named {
    metadata: NameOnly,
}

#[derive(Deserialize)]
struct NameOnly {
    name: String,
    namespace: Option<String>,
}

impl MetaOnly {
    /// What is known of an object that was left out.
    pub(in crate::facts::network) fn called(object: &LeftOut) -> Self {
        let (namespace, name) = (object.namespace.clone(), object.name.clone());
        Named { metadata: NameOnly { name, namespace } }.into()
    }
}

impl From<Named> for MetaOnly {
    fn from(Named { metadata: NameOnly { name, namespace } }: Named) -> Self {
        let mut meta = Self { metadata: Default::default() };
        (meta.metadata.name, meta.metadata.namespace) = (Some(name), namespace);
        meta
    }
}

fn one(api: &Api, policy: &AnyPolicy) -> Option<Foreign> {
    let specs: Vec<&Value> = policy.spec.iter().chain(policy.specs.iter().flatten()).collect();
    let mut scopes = BTreeSet::new();
    let mut effects = [Effect::default(); 2];
    for spec in &specs {
        let of_spec = (api.scopes)(spec);
        if of_spec.is_empty() {
            continue;
        }
        scopes.extend(of_spec);
        for (effect, direction) in effects.iter_mut().zip(Direction::BOTH) {
            *effect = effect.or((api.effect)(spec, direction));
        }
    }
    if specs.is_empty() {
        scopes.insert(Scope::default());
        effects = [Effect::ANY; 2];
    }
    let [ingress, egress] = effects;
    (!scopes.is_empty()).then(|| Foreign {
        name: format!("{} {}", api.kind, display(&policy.meta)),
        namespace: policy.meta.metadata.namespace.clone(),
        scopes,
        ingress,
        egress,
        why: "policies of its kind are not modelled yet".to_owned(),
        of_kubernetes: false,
    })
}
