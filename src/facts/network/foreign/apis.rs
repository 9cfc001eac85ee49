//! The APIs of other network policies: whose they are, which pods a policy of them may select, and what it can do there. One more API
//! is one more entry here, its name among the sources, and its line in the collector's inventory.

use serde_json::Value;

use super::{Effect, Scope};
use crate::facts::labels::{Selector, SelectorFile};
use crate::facts::network::policy::Direction;
use crate::model::SourceId;
use crate::model::sources::{
    ADMIN_NETWORK_POLICIES, ANTREA_CLUSTER_NETWORK_POLICIES, ANTREA_NETWORK_POLICIES, BASELINE_ADMIN_NETWORK_POLICIES,
    CALICO_API_GLOBAL_NETWORK_POLICIES, CALICO_API_NETWORK_POLICIES, CALICO_GLOBAL_NETWORK_POLICIES, CALICO_NETWORK_POLICIES,
    CILIUM_CLUSTERWIDE_NETWORK_POLICIES, CILIUM_NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES, EKS_APPLICATION_NETWORK_POLICIES,
    EKS_CLUSTER_NETWORK_POLICIES, OVN_EGRESS_FIREWALLS,
};

/// One kind of policy.
pub(super) struct Api {
    pub(super) source: SourceId,
    /// Its name for people.
    pub(super) kind: &'static str,
    /// The engines that act on it; none where nobody can say which do.
    pub(super) engines: &'static [&'static str],
    /// The pods that a spec may select; all that it could be about where its selector is not a simple one. None when it is about
    /// nodes.
    pub(super) scopes: fn(&Value) -> Vec<Scope>,
    /// What a spec can do in a direction.
    pub(super) effect: fn(&Value, Direction) -> Effect,
}

const CILIUM: &[&str] = &["Cilium", "GKE Dataplane V2"];
const CALICO: &[&str] = &["Calico", "Canal"];
const ANTREA: &[&str] = &["Antrea"];
// EKS Auto Mode enforces them without a DaemonSet: see `Cni::absent`.
const AMAZON: &[&str] = &["Amazon VPC CNI"];
const OVN: &[&str] = &["OVN-Kubernetes"];

/// All of them. `StagedNetworkPolicy` of Calico and its kin say what would happen and do nothing: they are not here.
pub(super) const APIS: &[Api] = &[
    Api { source: ADMIN_NETWORK_POLICIES, kind: "AdminNetworkPolicy", engines: &[], scopes: subject, effect: tiered },
    Api { source: BASELINE_ADMIN_NETWORK_POLICIES, kind: "BaselineAdminNetworkPolicy", engines: &[], scopes: subject, effect: baseline },
    Api { source: CLUSTER_NETWORK_POLICIES, kind: "ClusterNetworkPolicy", engines: &[], scopes: subject, effect: tiered },
    Api { source: CILIUM_NETWORK_POLICIES, kind: "CiliumNetworkPolicy", engines: CILIUM, scopes: cilium, effect: of_cilium },
    Api {
        source: CILIUM_CLUSTERWIDE_NETWORK_POLICIES,
        kind: "CiliumClusterwideNetworkPolicy",
        engines: CILIUM,
        scopes: cilium,
        effect: of_cilium,
    },
    Api { source: CALICO_NETWORK_POLICIES, kind: "Calico NetworkPolicy", engines: CALICO, scopes: calico, effect: of_calico },
    Api { source: CALICO_GLOBAL_NETWORK_POLICIES, kind: "Calico GlobalNetworkPolicy", engines: CALICO, scopes: calico, effect: of_calico },
    Api { source: CALICO_API_NETWORK_POLICIES, kind: "Calico NetworkPolicy", engines: CALICO, scopes: calico, effect: of_calico },
    Api {
        source: CALICO_API_GLOBAL_NETWORK_POLICIES,
        kind: "Calico GlobalNetworkPolicy",
        engines: CALICO,
        scopes: calico,
        effect: of_calico,
    },
    Api { source: ANTREA_NETWORK_POLICIES, kind: "Antrea NetworkPolicy", engines: ANTREA, scopes: antrea, effect: tiered },
    Api { source: ANTREA_CLUSTER_NETWORK_POLICIES, kind: "Antrea ClusterNetworkPolicy", engines: ANTREA, scopes: antrea, effect: tiered },
    Api {
        source: EKS_APPLICATION_NETWORK_POLICIES,
        kind: "EKS ApplicationNetworkPolicy",
        engines: AMAZON,
        scopes: pod_selector,
        effect: additive,
    },
    Api { source: EKS_CLUSTER_NETWORK_POLICIES, kind: "EKS ClusterNetworkPolicy", engines: AMAZON, scopes: subject, effect: tiered },
    Api { source: OVN_EGRESS_FIREWALLS, kind: "EgressFirewall", engines: OVN, scopes: whole_namespace, effect: narrows_egress },
];

fn selector(value: Option<&Value>) -> Option<Selector> {
    let file: SelectorFile = serde_json::from_value(value?.clone()).ok()?;
    Selector::read(&file).ok()
}

fn rules(spec: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().filter_map(|name| spec.get(name)).filter_map(Value::as_array).flatten().cloned().collect()
}

fn name_of(direction: Direction) -> &'static str {
    direction.as_str()
}

/// The actions of rules in lower case; none where one has none.
fn actions(rules: &[Value]) -> Option<Vec<String>> {
    rules.iter().map(|rule| Some(rule.get("action")?.as_str()?.to_ascii_lowercase())).collect()
}

/// `policy.networking.k8s.io` (v1alpha1: Allow, Deny, Pass; v1alpha2 and v1beta1: Accept, Deny, Pass), EKS and Antrea (Allow, Drop,
/// Reject, Pass): rules have actions, and without a rule nothing changes. `Pass` leaves it to NetworkPolicies.
fn tiered(spec: &Value, direction: Direction) -> Effect {
    let written = rules(spec, &[name_of(direction)]);
    let Some(actions) = actions(&written) else { return Effect::ANY };
    let has = |names: &[&str]| actions.iter().any(|action| names.contains(&action.as_str()));
    let known = ["allow", "accept", "deny", "drop", "reject", "pass", "log"];
    if actions.iter().any(|action| !known.contains(&action.as_str())) {
        return Effect::ANY;
    }
    let allows = has(&["allow", "accept"]);
    // What stands below NetworkPolicies cannot undo what they decide.
    let below = spec.get("tier").and_then(Value::as_str).is_some_and(|tier| tier.eq_ignore_ascii_case("baseline"));
    Effect { overrides: allows && !below, opens: allows && !below, closes: has(&["deny", "drop", "reject"]) }
}

/// A NetworkPolicy that selects a pod decides finally; this one is asked for the others only.
fn baseline(spec: &Value, direction: Direction) -> Effect {
    Effect { overrides: false, opens: false, ..tiered(spec, direction) }
}

/// `cilium.io`: rules allow, and their presence denies the rest unless `enableDefaultDeny` says no. They add up with NetworkPolicies
/// (`pkg/policy/api/rule.go`).
fn of_cilium(spec: &Value, direction: Direction) -> Effect {
    let (allow, deny) = match direction {
        Direction::Ingress => ("ingress", "ingressDeny"),
        Direction::Egress => ("egress", "egressDeny"),
    };
    let has = |name: &str| spec.get(name).is_some_and(|value| !value.is_null());
    let allows = !rules(spec, &[allow]).is_empty();
    let default = spec.get("enableDefaultDeny").and_then(|value| value.get(name_of(direction))).and_then(Value::as_bool);
    let closes = (has(allow) || has(deny)) && (default != Some(false) || !rules(spec, &[deny]).is_empty());
    Effect { overrides: allows, opens: allows, closes: closes || default == Some(true) }
}

/// Calico: `types` says which directions it is about; without, ingress, and egress where it has such rules (libcalico-go
/// `ConvertPolicyV3ToV1`). What no policy of a tier allows is denied at its end.
fn of_calico(spec: &Value, direction: Direction) -> Effect {
    let written = rules(spec, &[name_of(direction)]);
    let types = spec.get("types").and_then(Value::as_array).filter(|types| !types.is_empty());
    let about = match types {
        Some(types) => types.iter().any(|one| one.as_str().is_some_and(|text| text.eq_ignore_ascii_case(name_of(direction)))),
        None => !written.is_empty() || (direction == Direction::Ingress && rules(spec, &["egress"]).is_empty()),
    };
    if !about {
        return Effect::default();
    }
    let Some(actions) = actions(&written) else { return Effect::ANY };
    // `Pass` ends this tier, and with it what stands behind in it.
    let opens = actions.iter().any(|action| !matches!(action.as_str(), "deny" | "log"));
    Effect { overrides: opens, opens, closes: true }
}

/// As a NetworkPolicy: rules allow, and selection denies the rest.
fn additive(spec: &Value, direction: Direction) -> Effect {
    let written = !rules(spec, &[name_of(direction)]).is_empty();
    let types = spec.get("policyTypes").and_then(Value::as_array).filter(|types| !types.is_empty());
    let about = match types {
        Some(types) => types.iter().any(|one| one.as_str().is_some_and(|text| text.eq_ignore_ascii_case(name_of(direction)))),
        None => direction == Direction::Ingress || written,
    };
    Effect { overrides: about && written, opens: about && written, closes: about }
}

/// OVN-Kubernetes `EgressFirewall`: what pods of its namespace may reach outside, in order; `Allow` only keeps a later `Deny` away.
fn narrows_egress(_: &Value, direction: Direction) -> Effect {
    Effect { closes: direction == Direction::Egress, ..Effect::default() }
}

fn whole_namespace(_: &Value) -> Vec<Scope> {
    vec![Scope::default()]
}

fn pod_selector(spec: &Value) -> Vec<Scope> {
    let simple = selector(spec.get("podSelector")).map(|pods| Scope { namespaces: Selector::default(), pods });
    vec![simple.unwrap_or_default()]
}

/// `subject.namespaces`, or `subject.pods` with two selectors.
fn subject(spec: &Value) -> Vec<Scope> {
    let simple = || {
        let subject = spec.get("subject")?;
        match (subject.get("namespaces"), subject.get("pods")) {
            (Some(namespaces), None) => Some(Scope { namespaces: selector(Some(namespaces))?, pods: Selector::default() }),
            (None, Some(pods)) => {
                Some(Scope { namespaces: selector(pods.get("namespaceSelector"))?, pods: selector(pods.get("podSelector"))? })
            }
            _ => None,
        }
    };
    vec![simple().unwrap_or_default()]
}

/// `endpointSelector` in `spec` or in each of `specs`; with `nodeSelector` instead it is about nodes. Cilium's keys carry where a label
/// comes from: `k8s:app` and `any:app` ask for the pod's own label `app`. Its own labels, such as that of the namespace, are not among
/// the pod's.
fn cilium(spec: &Value) -> Vec<Scope> {
    if spec.get("nodeSelector").is_some() && spec.get("endpointSelector").is_none() {
        return Vec::new();
    }
    let own = |key: &str| {
        let bare = key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key);
        let simple = !bare.contains(':') && !bare.starts_with("io.kubernetes.") && !bare.starts_with("io.cilium.");
        simple.then(|| bare.to_owned())
    };
    let pods = selector(spec.get("endpointSelector")).and_then(|selector| selector.with_keys(own));
    vec![pods.map(|pods| Scope { namespaces: Selector::default(), pods }).unwrap_or_default()]
}

/// `appliedTo`; where the policy has none, each of its rules has one.
fn antrea(spec: &Value) -> Vec<Scope> {
    let simple = |applied: &Value| -> Option<Scope> {
        let fields = applied.as_object()?;
        fields.keys().all(|key| key == "podSelector" || key == "namespaceSelector").then_some(())?;
        let optional = |name: &str| fields.get(name).map_or_else(|| Some(Selector::default()), |value| selector(Some(value)));
        Some(Scope { namespaces: optional("namespaceSelector")?, pods: optional("podSelector")? })
    };
    let applied: Vec<&Value> = spec.get("appliedTo").and_then(Value::as_array).into_iter().flatten().collect();
    let scopes: Option<Vec<Scope>> = applied.into_iter().map(simple).collect();
    scopes.filter(|scopes| !scopes.is_empty()).unwrap_or_else(|| vec![Scope::default()])
}

/// An expression in `selector`: `all()`, nothing, or `key == 'value'` and `has(key)` joined by `&&`; everything else counts as able to
/// select any pod.
fn calico(spec: &Value) -> Vec<Scope> {
    let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or("");
    let simple = || {
        text("serviceAccountSelector").is_empty().then_some(())?;
        Some(Scope { namespaces: expression(text("namespaceSelector"))?, pods: expression(text("selector"))? })
    };
    vec![simple().unwrap_or_default()]
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn effect(of: fn(&Value, Direction) -> Effect, spec: Value) -> (Effect, Effect) {
        (of(&spec, Direction::Ingress), of(&spec, Direction::Egress))
    }

    const NOTHING: Effect = Effect { overrides: false, opens: false, closes: false };
    const CLOSES: Effect = Effect { closes: true, ..NOTHING };
    const OPENS: Effect = Effect { overrides: true, opens: true, closes: false };
    const ANY: Effect = Effect::ANY;

    #[test]
    fn a_policy_can_only_do_what_its_rules_say() {
        let rule = |action: &str| json!([{"action": action}]);
        assert_eq!(effect(tiered, json!({"tier": "Admin", "ingress": rule("Accept"), "egress": rule("Deny")})), (OPENS, CLOSES));
        assert_eq!(effect(tiered, json!({"tier": "Baseline", "ingress": rule("Accept")})), (NOTHING, NOTHING));
        assert_eq!(effect(tiered, json!({"ingress": rule("Pass"), "egress": rule("Shrug")})), (NOTHING, ANY));
        assert_eq!(effect(baseline, json!({"ingress": rule("Allow"), "egress": rule("Deny")})), (NOTHING, CLOSES));
        assert_eq!(effect(of_calico, json!({"types": ["Ingress"], "ingress": rule("Allow")})), (ANY, NOTHING));
        assert_eq!(effect(of_calico, json!({"types": ["Ingress", "Egress"], "ingress": rule("Deny")})), (CLOSES, CLOSES));
        assert_eq!(effect(of_calico, json!({"egress": rule("Pass")})), (NOTHING, ANY));
        assert_eq!(effect(of_cilium, json!({"ingress": [{}], "egressDeny": [{}]})), (ANY, CLOSES));
        let default = json!({"ingress": false});
        assert_eq!(effect(of_cilium, json!({"ingress": [{}], "enableDefaultDeny": default})), (OPENS, NOTHING));
        assert_eq!(effect(additive, json!({"policyTypes": ["Egress"], "egress": [{}]})), (NOTHING, ANY));
        assert_eq!(effect(narrows_egress, json!({"egress": [{"type": "Allow"}]})), (NOTHING, CLOSES));
    }

    #[test]
    fn every_source_of_other_policies_is_here() {
        use crate::model::sources::{FOREIGN_POLICIES, NETWORK_PLUGIN_SETTINGS};
        let here = |source: &SourceId| APIS.iter().any(|api| api.source == *source);
        assert!(FOREIGN_POLICIES.iter().all(here));
        assert!(APIS.iter().all(|api| FOREIGN_POLICIES.contains(&api.source) || NETWORK_PLUGIN_SETTINGS.contains(&api.source)));
    }
}
