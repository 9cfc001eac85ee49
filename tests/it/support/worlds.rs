//! Random clusters for the oracle of NetworkPolicies: few names and values, so that selectors meet pods and one another.

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::Union;
use serde_json::{Value, json};

const NAMESPACES: [&str; 3] = ["records", "billing", "web"];

fn labels() -> impl Strategy<Value = Value> {
    btree_map(select(vec!["app", "tier", "quarantine"]), select(vec!["a", "b", ""]), 0..=3).prop_map(|labels| json!(labels))
}

fn selector() -> impl Strategy<Value = Value> {
    let key = || select(vec!["app", "tier", "quarantine", "kubernetes.io/metadata.name"]);
    let values = || vec(select(vec!["a", "b", "", "records", "billing"]), 1..=2);
    let with = (key(), select(vec!["In", "NotIn"]), values());
    let without = (key(), select(vec!["Exists", "DoesNotExist"]));
    let expression = Union::new(vec![
        with.prop_map(|(key, operator, values)| json!({"key": key, "operator": operator, "values": values})).boxed(),
        without.prop_map(|(key, operator)| json!({"key": key, "operator": operator})).boxed(),
    ]);
    let equal = btree_map(key(), select(vec!["a", "b", "", "records", "web"]), 0..=2);
    let any = (equal, vec(expression, 0..=2)).prop_map(|(equal, expressions)| {
        let mut selector = json!({});
        if !equal.is_empty() {
            selector["matchLabels"] = json!(equal);
        }
        if !expressions.is_empty() {
            selector["matchExpressions"] = json!(expressions);
        }
        selector
    });
    let simple = (key(), select(vec!["a", "b"])).prop_map(|(key, value)| json!({"matchLabels": {key: value}}));
    Union::new_weighted(vec![(3, Just(json!({})).boxed()), (3, simple.boxed()), (3, any.boxed())])
}

fn block() -> impl Strategy<Value = Value> {
    // The pods are in 10.0.0.0/24 and fd00::/64, the hosts outside are not.
    let blocks = select(vec![
        ("0.0.0.0/0", vec!["10.0.0.0/8"]),
        ("10.0.0.0/24", vec!["10.0.0.0/30", "10.0.0.7/32"]),
        ("10.0.0.4/30", vec!["10.0.0.5/32"]),
        ("203.0.113.0/24", vec!["203.0.113.64/26"]),
        ("10.0.0.3/32", vec![]),
        ("::/0", vec!["fd00::/64"]),
        ("fd00::/120", vec!["fd00::2/127"]),
        ("2001:db8::/32", vec![]),
    ]);
    (blocks, any::<bool>()).prop_map(|((cidr, except), with)| {
        if with && !except.is_empty() { json!({"cidr": cidr, "except": except}) } else { json!({"cidr": cidr}) }
    })
}

fn peer() -> impl Strategy<Value = Value> {
    let pods = selector().prop_map(|pods| json!({"podSelector": pods}));
    let namespaces = selector().prop_map(|namespaces| json!({"namespaceSelector": namespaces}));
    let both = (selector(), selector()).prop_map(|(pods, namespaces)| json!({"podSelector": pods, "namespaceSelector": namespaces}));
    let block = block().prop_map(|block| json!({"ipBlock": block}));
    Union::new(vec![pods.boxed(), namespaces.boxed(), both.boxed(), block.boxed()])
}

fn port() -> impl Strategy<Value = Value> {
    let protocol = || of(select(vec!["TCP", "UDP", "SCTP"]));
    let number = Union::new(vec![
        Just(json!({})).boxed(),
        select(vec![80, 81, 443]).prop_map(|port| json!({"port": port})).boxed(),
        select(vec!["http", "dns", "nobody"]).prop_map(|name| json!({"port": name})).boxed(),
        select(vec![(79, 80), (80, 81), (1, 65535), (443, 443), (82, 500)])
            .prop_map(|(port, end)| json!({"port": port, "endPort": end}))
            .boxed(),
    ]);
    (protocol(), number).prop_map(|(protocol, mut port)| {
        if let Some(protocol) = protocol {
            port["protocol"] = json!(protocol);
        }
        port
    })
}

fn rules(peers: &'static str) -> impl Strategy<Value = Value> {
    let rule = (of(vec(peer(), 0..=2)), of(vec(port(), 0..=2))).prop_map(move |(from, ports)| {
        let mut rule = json!({});
        if let Some(from) = from {
            rule[peers] = json!(from);
        }
        if let Some(ports) = ports {
            rule["ports"] = json!(ports);
        }
        rule
    });
    vec(rule, 0..=2).prop_map(|rules| json!(rules))
}

fn policy(number: usize) -> impl Strategy<Value = Value> {
    let types = select(vec![None, Some(vec![]), Some(vec!["Ingress"]), Some(vec!["Egress"]), Some(vec!["Ingress", "Egress"])]);
    (select(NAMESPACES.to_vec()), of(selector()), of(rules("from")), of(rules("to")), types).prop_map(
        move |(namespace, pods, ingress, egress, types)| {
            let mut spec = json!({});
            for (field, value) in [("podSelector", pods), ("ingress", ingress), ("egress", egress)] {
                if let Some(value) = value {
                    spec[field] = value;
                }
            }
            if let Some(types) = types {
                spec["policyTypes"] = json!(types);
            }
            json!({"metadata": {"name": format!("p{number}"), "namespace": namespace}, "spec": spec})
        },
    )
}

fn pod(number: usize) -> impl Strategy<Value = Value> {
    let port = (select(vec!["http", "dns", "other"]), select(vec![80, 81, 443]), select(vec!["TCP", "UDP", "SCTP"]))
        .prop_map(|(name, port, protocol)| json!({"name": name, "port": port, "protocol": protocol}));
    (select(NAMESPACES.to_vec()), labels(), vec(port, 0..=3), any::<bool>()).prop_map(move |(namespace, labels, ports, v6)| {
        let ip = if v6 { format!("fd00::{}", number + 1) } else { format!("10.0.0.{}", number + 1) };
        json!({"namespace": namespace, "name": format!("pod{number}"), "labels": labels, "ip": ip, "ports": ports})
    })
}

/// Namespaces, pods, two hosts outside, and up to six policies.
pub(crate) fn world() -> impl Strategy<Value = Value> {
    let namespaces = [labels(), labels(), labels()];
    let pods: Vec<_> = (0..8).map(pod).collect();
    let policies: Vec<_> = (0..6).map(policy).collect();
    (namespaces, pods, policies, 1usize..=6).prop_map(|(labels, mut pods, mut policies, number)| {
        policies.truncate(number);
        let outside = |ip: &str| json!({"namespace": "", "name": "", "labels": null, "ip": ip, "ports": null});
        pods.extend([outside("203.0.113.70"), outside("2001:db8::1")]);
        let namespaces: serde_json::Map<String, Value> = NAMESPACES
            .iter()
            .zip(labels)
            .map(|(name, mut labels)| {
                labels["kubernetes.io/metadata.name"] = json!(name);
                ((*name).to_owned(), labels)
            })
            .collect();
        json!({"namespaces": namespaces, "pods": pods, "policies": policies})
    })
}
