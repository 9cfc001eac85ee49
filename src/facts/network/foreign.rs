//! Policies of other APIs. What they allow is not computed yet: which pods they may select is, so that those pods are known to be
//! not known.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::policy::Direction;
use crate::facts::FactsError;
use crate::facts::labels::{Selector, SelectorFile};
use crate::facts::table::read::{MetaOnly, Reader};
use crate::model::sources::{
    ADMIN_NETWORK_POLICIES, ANTREA_CLUSTER_NETWORK_POLICIES, ANTREA_NETWORK_POLICIES, BASELINE_ADMIN_NETWORK_POLICIES,
    CALICO_API_GLOBAL_NETWORK_POLICIES, CALICO_API_NETWORK_POLICIES, CALICO_GLOBAL_NETWORK_POLICIES, CALICO_NETWORK_POLICIES,
    CILIUM_CLUSTERWIDE_NETWORK_POLICIES, CILIUM_NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES, EKS_APPLICATION_NETWORK_POLICIES,
    EKS_CLUSTER_NETWORK_POLICIES,
};
use crate::model::{SourceId, Unseen, UnseenKind};

/// How the kinds of one API say which pods they are about.
#[derive(Clone, Copy)]
enum Form {
    /// `policy.networking.k8s.io`, and EKS after it: `subject.namespaces`, or `subject.pods` with two selectors.
    Subject,
    /// `cilium.io`: `endpointSelector` in `spec` or in each of `specs`; with `nodeSelector` instead it is about nodes.
    Cilium,
    /// Calico: an expression in `selector`.
    Calico,
    /// Antrea: `appliedTo`.
    Antrea,
    /// Those of EKS with a namespace: `podSelector`, as in a NetworkPolicy.
    PodSelector,
}

/// The sources with the kind that each holds.
const KINDS: [(&SourceId, &str, Form); 13] = [
    (&ADMIN_NETWORK_POLICIES, "AdminNetworkPolicy", Form::Subject),
    (&BASELINE_ADMIN_NETWORK_POLICIES, "BaselineAdminNetworkPolicy", Form::Subject),
    (&CLUSTER_NETWORK_POLICIES, "ClusterNetworkPolicy", Form::Subject),
    (&CILIUM_NETWORK_POLICIES, "CiliumNetworkPolicy", Form::Cilium),
    (&CILIUM_CLUSTERWIDE_NETWORK_POLICIES, "CiliumClusterwideNetworkPolicy", Form::Cilium),
    (&CALICO_NETWORK_POLICIES, "Calico NetworkPolicy", Form::Calico),
    (&CALICO_GLOBAL_NETWORK_POLICIES, "Calico GlobalNetworkPolicy", Form::Calico),
    (&CALICO_API_NETWORK_POLICIES, "Calico NetworkPolicy", Form::Calico),
    (&CALICO_API_GLOBAL_NETWORK_POLICIES, "Calico GlobalNetworkPolicy", Form::Calico),
    (&ANTREA_NETWORK_POLICIES, "Antrea NetworkPolicy", Form::Antrea),
    (&ANTREA_CLUSTER_NETWORK_POLICIES, "Antrea ClusterNetworkPolicy", Form::Antrea),
    (&EKS_APPLICATION_NETWORK_POLICIES, "EKS ApplicationNetworkPolicy", Form::PodSelector),
    (&EKS_CLUSTER_NETWORK_POLICIES, "EKS ClusterNetworkPolicy", Form::Subject),
];

/// One policy of another API, or a NetworkPolicy that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Foreign {
    /// Kind and name.
    name: String,
    /// Its namespace; none when it is about all of them.
    namespace: Option<String>,
    /// Which pods it may select, any one of these.
    scopes: BTreeSet<Scope>,
    ingress: bool,
    egress: bool,
    why: String,
}

/// Pods that a policy may select: those where both selectors hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    namespaces: Selector,
    pods: Selector,
}

impl Foreign {
    /// A NetworkPolicy that could not be understood: it may select every pod of its namespace, or of the cluster when not even that
    /// is known.
    pub(super) fn not_understood(meta: &MetaOnly, why: &str) -> Self {
        Self {
            name: format!("NetworkPolicy {}", display(meta)),
            namespace: meta.metadata.namespace.clone(),
            scopes: BTreeSet::from([Scope::default()]),
            ingress: true,
            egress: true,
            why: format!("it could not be understood ({why})"),
        }
    }

    /// Kind and name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn is_about(&self, direction: Direction, namespace: &str) -> bool {
        let about = match direction {
            Direction::Ingress => self.ingress,
            Direction::Egress => self.egress,
        };
        about && self.namespace.as_deref().is_none_or(|own| own == namespace)
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
        let all = |scope: &Scope| scope.pods.is_empty() && scope.namespaces.matches(namespace.1);
        self.is_about(direction, namespace.0) && self.scopes.iter().any(all)
    }

    /// Why what it selects is not known.
    pub(super) fn unseen(&self) -> Unseen {
        Unseen {
            kind: UnseenKind::NotUnderstood,
            what: format!("what the {} allows", self.name),
            why: self.why.clone(),
            how_to_see: "Look at the policy by hand, together with the NetworkPolicies that select the same pods.".to_owned(),
            source: None,
            missing_rule: None,
        }
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

/// Every policy of another API. `kubernetes` says whether there is a NetworkPolicy of that namespace and name: Calico's own API
/// shows each of them a second time, as `knp.default.<name>`.
pub(super) fn read(reader: &Reader<'_>, kubernetes: impl Fn(&str, &str) -> bool) -> Result<Vec<Foreign>, FactsError> {
    let mut found = BTreeSet::new();
    for (source, kind, form) in KINDS {
        reader.each_stored(source, |stored| {
            let policy: AnyPolicy = match serde_json::from_str(&stored.json) {
                Ok(policy) => policy,
                Err(error) => return reader.not_understood(source, &stored, &error.to_string()),
            };
            if !policy.spec.iter().chain(policy.specs.iter().flatten()).all(Value::is_object) {
                return reader.not_understood(source, &stored, "its spec is none");
            }
            let (namespace, name) = (policy.meta.metadata.namespace.as_deref(), policy.meta.metadata.name.as_deref());
            let copy = name.and_then(|name| name.strip_prefix("knp.default."));
            if let (true, Some(namespace), Some(original)) = (source == &CALICO_API_NETWORK_POLICIES, namespace, copy)
                && kubernetes(namespace, original)
            {
                return;
            }
            found.extend(one(kind, form, &policy));
        })?;
    }
    Ok(found.into_iter().collect())
}

fn one(kind: &str, form: Form, policy: &AnyPolicy) -> Option<Foreign> {
    let specs: Vec<&Value> = policy.spec.iter().chain(policy.specs.iter().flatten()).collect();
    let mut scopes = BTreeSet::new();
    let (mut ingress, mut egress) = (false, false);
    for spec in &specs {
        let of_spec = scopes_of(form, spec);
        if of_spec.is_empty() {
            continue;
        }
        scopes.extend(of_spec);
        let (into, out) = directions(form, spec);
        ingress |= into;
        egress |= out;
    }
    if specs.is_empty() {
        scopes.insert(Scope::default());
        (ingress, egress) = (true, true);
    }
    (!scopes.is_empty()).then(|| Foreign {
        name: format!("{kind} {}", display(&policy.meta)),
        namespace: policy.meta.metadata.namespace.clone(),
        scopes,
        ingress,
        egress,
        why: "policies of its kind are not modelled yet".to_owned(),
    })
}

fn directions(form: Form, spec: &Value) -> (bool, bool) {
    let has = |names: &[&str]| names.iter().any(|name| spec.get(name).is_some_and(|value| !value.is_null()));
    let (ingress, egress) = (has(&["ingress", "ingressDeny"]), has(&["egress", "egressDeny"]));
    let types = if matches!(form, Form::PodSelector) { "policyTypes" } else { "types" };
    let types = spec.get(types).and_then(Value::as_array);
    match (form, types) {
        (Form::Calico | Form::PodSelector, Some(types)) if !types.is_empty() => {
            let says = |name: &str| types.iter().any(|one| one.as_str().is_some_and(|text| text.eq_ignore_ascii_case(name)));
            (says("ingress"), says("egress"))
        }
        (Form::PodSelector, _) => (true, egress),
        // A policy without rules may still deny.
        _ if !ingress && !egress => (true, true),
        _ => (ingress, egress),
    }
}

/// The pods that a spec may select; all that it could be about where its selector is not a simple one. None when it is about nodes.
fn scopes_of(form: Form, spec: &Value) -> Vec<Scope> {
    let selector = |value: Option<&Value>| -> Option<Selector> {
        let file: SelectorFile = serde_json::from_value(value?.clone()).ok()?;
        Selector::read(&file).ok()
    };
    let simple = match form {
        Form::Subject => subject(spec, selector),
        Form::Cilium if spec.get("nodeSelector").is_some() && spec.get("endpointSelector").is_none() => return Vec::new(),
        Form::Cilium => selector(spec.get("endpointSelector")).and_then(cilium_labels),
        Form::Calico => calico(spec),
        Form::Antrea => return antrea(spec, selector),
        Form::PodSelector => selector(spec.get("podSelector")).map(|pods| Scope { namespaces: Selector::default(), pods }),
    };
    vec![simple.unwrap_or_default()]
}

fn subject(spec: &Value, selector: impl Fn(Option<&Value>) -> Option<Selector>) -> Option<Scope> {
    let subject = spec.get("subject")?;
    match (subject.get("namespaces"), subject.get("pods")) {
        (Some(namespaces), None) => Some(Scope { namespaces: selector(Some(namespaces))?, pods: Selector::default() }),
        (None, Some(pods)) => {
            Some(Scope { namespaces: selector(pods.get("namespaceSelector"))?, pods: selector(pods.get("podSelector"))? })
        }
        _ => None,
    }
}

fn antrea(spec: &Value, selector: impl Fn(Option<&Value>) -> Option<Selector>) -> Vec<Scope> {
    let simple = |applied: &Value| -> Option<Scope> {
        let fields = applied.as_object()?;
        fields.keys().all(|key| key == "podSelector" || key == "namespaceSelector").then_some(())?;
        let optional = |name: &str| fields.get(name).map_or_else(|| Some(Selector::default()), |value| selector(Some(value)));
        Some(Scope { namespaces: optional("namespaceSelector")?, pods: optional("podSelector")? })
    };
    // Where the policy has no appliedTo, each of its rules has one.
    let applied: Vec<&Value> = spec.get("appliedTo").and_then(Value::as_array).into_iter().flatten().collect();
    let scopes: Option<Vec<Scope>> = applied.into_iter().map(simple).collect();
    scopes.filter(|scopes| !scopes.is_empty()).unwrap_or_else(|| vec![Scope::default()])
}

/// Cilium's keys carry where a label comes from: `k8s:app` and `any:app` ask for the pod's own label `app`. Its own labels, such as
/// that of the namespace, are not among the pod's.
fn cilium_labels(selector: Selector) -> Option<Scope> {
    let own = |key: &str| {
        let bare = key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key);
        let simple = !bare.contains(':') && !bare.starts_with("io.kubernetes.") && !bare.starts_with("io.cilium.");
        simple.then(|| bare.to_owned())
    };
    Some(Scope { namespaces: Selector::default(), pods: selector.with_keys(own)? })
}

/// `all()`, nothing, or `key == 'value'` and `has(key)` joined by `&&`; everything else counts as able to select any pod.
fn calico(spec: &Value) -> Option<Scope> {
    let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or("");
    if !text("serviceAccountSelector").is_empty() {
        return None;
    }
    Some(Scope { namespaces: expression(text("namespaceSelector"))?, pods: expression(text("selector"))? })
}

fn expression(text: &str) -> Option<Selector> {
    let text = text.trim();
    if text.is_empty() || text == "all()" {
        return Some(Selector::default());
    }
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let mut equal = serde_json::Map::new();
    let mut exist = Vec::new();
    for term in text.split("&&").map(str::trim) {
        let key = if let Some(key) = term.strip_prefix("has(").and_then(|rest| rest.strip_suffix(')')) {
            exist.push(serde_json::json!({"key": key.trim(), "operator": "Exists"}));
            key.trim()
        } else {
            let (key, value) = term.split_once("==")?;
            let value = value.trim();
            let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            let value = quoted('\'').or_else(|| quoted('"'))?;
            plain(value).then_some(())?;
            // Two values for one key select nothing; rather than to say so, all is taken as possible.
            equal.insert(key.trim().to_owned(), Value::from(value)).is_none().then_some(())?;
            key.trim()
        };
        // Calico gives pods labels of its own, which are not among theirs.
        let of_calico = ["projectcalico.org/", "pcns.", "pcsa."].iter().any(|prefix| key.starts_with(prefix));
        (plain(key) && !of_calico).then_some(())?;
    }
    let file: SelectorFile = serde_json::from_value(serde_json::json!({"matchLabels": equal, "matchExpressions": exist})).ok()?;
    Selector::read(&file).ok()
}
