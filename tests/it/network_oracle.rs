//! What NetworkPolicies allow, against the simulator of cyclonus: its own conformance cases, and random clusters.
//!
//! Cyclonus is not asked where it reads policies differently from Kubernetes' API documentation and code; `tests/oracle-network`
//! says which requirements of selectors apimachinery answers in its place, and this counts them. Connections of a pod with itself
//! are left out on both sides: "a pod cannot block access to itself" (Kubernetes' documentation; its own conformance tests ignore
//! them too).

use crate::support::oracle;
use crate::support::small_clusters;
use crate::support::worlds;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use kube_hipaa::cli::cases;
use kube_hipaa::facts::Tables;
use kube_hipaa::facts::network::Protocol;
use kube_hipaa::facts::network::simulate::{End, Pod, Policies};
use kube_hipaa::model::Flow;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use serde::Deserialize;
use serde_json::{Value, json};

use oracle::{Failure, Oracle};
use small_clusters::case;

const PORTS: [u16; 5] = [79, 80, 81, 443, 65535];
/// cyclonus v0.5.6 generates so many.
const CASES: usize = 230;

#[derive(Debug, Deserialize)]
struct World {
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    pods: Vec<Place>,
    policies: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct Place {
    namespace: String,
    name: String,
    labels: Option<BTreeMap<String, String>>,
    ip: IpAddr,
    ports: Option<Vec<Port>>,
}

#[derive(Debug, Deserialize)]
struct Port {
    name: String,
    port: u16,
    protocol: String,
}

#[derive(Debug, Deserialize)]
struct Reach {
    verdicts: String,
    requirements: usize,
    differ: usize,
}

/// What was compared.
#[derive(Debug, Default)]
struct Seen {
    worlds: usize,
    verdicts: usize,
    allowed: usize,
    denied_in: usize,
    denied_out: usize,
    requirements: usize,
    differ: usize,
}

fn start() -> Result<Oracle, Failure> {
    Oracle::start_in(Path::new("tests/oracle-network"))
}

fn ends<'a>(world: &World, pods: &'a [Option<Pod>]) -> Vec<End<'a>> {
    world.pods.iter().zip(pods).map(|(place, pod)| pod.as_ref().map_or(End::Outside(place.ip), End::Pod)).collect()
}

fn pods(world: &World) -> Result<Vec<Option<Pod>>, Failure> {
    let none = BTreeMap::new();
    let pod = |place: &Place| -> Result<Option<Pod>, Failure> {
        if place.namespace.is_empty() {
            return Ok(None);
        }
        let labels = world.namespaces.get(&place.namespace).ok_or("a pod without its namespace")?;
        let port = |port: &Port| Protocol::read(Some(&port.protocol)).map(|protocol| (port.name.clone(), port.port, protocol));
        let ports: Option<Vec<_>> = place.ports.iter().flatten().map(port).collect();
        let ports = ports.ok_or("an unknown protocol")?;
        Ok(Some(Pod::new((&place.namespace, labels), place.labels.as_ref().unwrap_or(&none), &ports, place.ip)))
    };
    world.pods.iter().map(pod).collect()
}

/// Asks both about every connection between any two of the pods and hosts.
fn compare(oracle: &mut Oracle, raw: &Value, seen: &mut Seen) -> Result<(), Failure> {
    let world: World = serde_json::from_value(raw.clone())?;
    let mut question = json!({"op": "reach", "ports": PORTS, "protocols": Protocol::ALL.map(Protocol::as_str)});
    for field in ["namespaces", "pods", "policies"] {
        question[field] = raw[field].clone();
    }
    let theirs: Reach = oracle.ask(&question)?;
    let policies = Policies::read(world.policies.as_deref().unwrap_or_default())?;
    let pods = pods(&world)?;
    let ends = ends(&world, &pods);
    let mut digits = theirs.verdicts.bytes();
    for (i, from) in ends.iter().enumerate() {
        for (j, to) in ends.iter().enumerate() {
            for port in PORTS {
                for protocol in Protocol::ALL {
                    let digit = digits.next().ok_or("too few verdicts")? - b'0';
                    if i == j {
                        continue;
                    }
                    let ours = policies.verdict(*from, *to, protocol, port);
                    let theirs = (digit & 1 == 1, digit & 2 == 2);
                    if (ours.ingress, ours.egress) != theirs {
                        let name = |k: usize| format!("{}/{} ({})", world.pods[k].namespace, world.pods[k].name, world.pods[k].ip);
                        let what = format!("{} → {} {} {port}", name(i), name(j), protocol.as_str());
                        return Err(format!("{what}: cyclonus (in, out) {theirs:?}, we {ours:?}").into());
                    }
                    seen.verdicts += 1;
                    seen.denied_in += usize::from(!ours.ingress);
                    seen.denied_out += usize::from(!ours.egress);
                    seen.allowed += usize::from(ours.ingress && ours.egress);
                }
            }
        }
    }
    if digits.next().is_some() {
        return Err("too many verdicts".into());
    }
    seen.worlds += 1;
    seen.requirements += theirs.requirements;
    seen.differ += theirs.differ;
    Ok(())
}

#[test]
#[ignore = "needs the network oracle: make test"]
fn agrees_on_all_conformance_cases() -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Cases {
        cases: usize,
        states: Vec<Value>,
    }
    let mut oracle = start()?;
    let all: Cases = oracle.ask(&json!({"op": "cases"}))?;
    let mut seen = Seen::default();
    for state in &all.states {
        compare(&mut oracle, state, &mut seen).map_err(|failure| format!("{failure}\nin {state}"))?;
    }
    eprintln!("{} conformance cases: {seen:?}", all.cases);
    assert_eq!(all.cases, CASES, "another version of cyclonus generates other cases");
    assert_eq!(seen.worlds, all.states.len());
    exercised(&seen);
    Ok(())
}

#[test]
#[ignore = "needs the network oracle: make test"]
fn agrees_on_random_clusters() -> Result<(), Failure> {
    const RUNS: u32 = 1500;
    let oracle = RefCell::new(start()?);
    let seen = RefCell::new(Seen::default());
    let config = Config { cases: RUNS, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let result = TestRunner::new(config).run(&worlds::world(), |world| {
        let compared = compare(&mut oracle.borrow_mut(), &world, &mut seen.borrow_mut());
        compared.map_err(|failure| TestCaseError::fail(format!("{failure}\nin {world}")))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => return Err(reason.to_string().into()),
        Err(TestError::Abort(reason)) => return Err(format!("aborted: {reason}").into()),
    }
    let seen = seen.into_inner();
    eprintln!("random clusters: {seen:?}");
    assert_eq!(seen.worlds, usize::try_from(RUNS)?);
    assert!(seen.requirements > 300 && seen.differ > 1000, "what cyclonus reads differently hardly occurs: {seen:?}");
    exercised(&seen);
    Ok(())
}

/// Agreement where everything is allowed, or nothing, would say little.
fn exercised(seen: &Seen) {
    for part in [seen.allowed, seen.denied_in, seen.denied_out] {
        assert!(part * 20 > seen.verdicts && part * 20 < seen.verdicts * 19, "{seen:?}");
    }
}

/// Ports on both sides of every border that the rules of random clusters have.
const BORDERS: [u16; 11] = [1, 2, 79, 80, 81, 82, 443, 444, 500, 501, 65535];

/// The matrix of namespaces is computed for whole groups of pods; here every pair of pods is asked on every port that matters.
#[test]
fn the_matrix_of_namespaces_says_what_single_connections_say() -> Result<(), Failure> {
    let counts = RefCell::new(BTreeMap::<String, usize>::new());
    let config = Config { cases: 300, failure_persistence: None, max_shrink_iters: 512, ..Config::default() };
    let result = TestRunner::new(config).run(&worlds::world(), |raw| {
        let compared = compare_matrix(&raw, &mut counts.borrow_mut());
        compared.map_err(|failure| TestCaseError::fail(format!("{failure}\nin {raw}")))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => return Err(reason.to_string().into()),
        Err(TestError::Abort(reason)) => return Err(format!("aborted: {reason}").into()),
    }
    let counts = counts.into_inner();
    eprintln!("flows between namespaces: {counts:?}");
    for flow in ["All", "Some", "None", "NoPods"] {
        assert!(counts.get(flow).copied().unwrap_or(0) >= 20, "{flow} hardly occurs: {counts:?}");
    }
    assert!(!counts.contains_key("Unknown"), "everything is known in these clusters");
    Ok(())
}

fn compare_matrix(raw: &Value, counts: &mut BTreeMap<String, usize>) -> Result<(), Failure> {
    let mut world: World = serde_json::from_value(raw.clone())?;
    world.pods.retain(|place| !place.namespace.is_empty());
    let policies = Policies::read(world.policies.as_deref().unwrap_or_default())?;
    let pods = pods(&world)?;
    let ends = ends(&world, &pods);
    let tables = Tables::compute(&cases::snapshot(&case("network/policies-enforced", objects(&world), &json!({}), "v1.36.3")))?;
    for from in world.namespaces.keys() {
        for to in world.namespaces.keys() {
            let of = |name: &String| {
                let inside = world.pods.iter().enumerate().filter(|(_, place)| place.namespace == *name);
                inside.map(|(i, _)| i).collect::<Vec<_>>()
            };
            let (sources, destinations) = (of(from), of(to));
            let mut allowed = Vec::new();
            for (&a, &b) in sources.iter().flat_map(|a| destinations.iter().map(move |b| (a, b))).filter(|(a, b)| a != b) {
                for (port, protocol) in BORDERS.iter().flat_map(|port| Protocol::ALL.map(|protocol| (*port, protocol))) {
                    let verdict = policies.verdict(ends[a], ends[b], protocol, port);
                    allowed.push(verdict.ingress && verdict.egress);
                }
            }
            let expected = match (allowed.contains(&true), allowed.contains(&false)) {
                _ if sources.is_empty() || destinations.is_empty() => Flow::NoPods,
                (true, true) => Flow::Some,
                (false, true) => Flow::None,
                (_, false) => Flow::All,
            };
            let ours = tables.network().flows.between(from, to);
            if ours != expected {
                return Err(format!("{from} → {to}: single connections say {expected:?}, the matrix {ours:?}").into());
            }
            *counts.entry(format!("{ours:?}")).or_default() += 1;
        }
    }
    Ok(())
}

/// The world as a cluster holds it.
fn objects(world: &World) -> Vec<Value> {
    let namespace = |(name, labels): (&String, &BTreeMap<String, String>)| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
    let mut objects: Vec<Value> = world.namespaces.iter().map(namespace).collect();
    for place in &world.pods {
        let ports: Vec<Value> = place
            .ports
            .iter()
            .flatten()
            .map(|port| json!({"name": port.name, "containerPort": port.port, "protocol": port.protocol}))
            .collect();
        let spec = json!({"containers": [{"name": "c", "image": "i", "ports": ports}]});
        let metadata = json!({"name": place.name, "namespace": place.namespace, "labels": place.labels});
        let status = json!({"phase": "Running", "podIPs": [{"ip": place.ip}]});
        objects.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}));
    }
    for policy in world.policies.iter().flatten() {
        let mut policy = policy.clone();
        policy["apiVersion"] = json!("networking.k8s.io/v1");
        policy["kind"] = json!("NetworkPolicy");
        objects.push(policy);
    }
    objects
}

/// The tables of a world, on a cluster whose plugin enforces policies.
fn enforced(world: &World) -> Result<Tables, Failure> {
    let spec = json!({"hostNetwork": true, "containers": [{"name": "calico-node", "image": "docker.io/calico/node:v3.30.4"}]});
    let status = json!({"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0});
    let metadata = json!({"name": "calico-node", "namespace": "kube-system"});
    let agent = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": {"selector": {"matchLabels": {"k8s-app": "calico-node"}}, "template": {"metadata": {"labels": {"k8s-app": "calico-node"}}, "spec": spec}}, "status": status});
    let mut all = objects(world);
    all.push(agent);
    Ok(Tables::compute(&cases::snapshot(&case("network/policies-enforced", all, &json!({}), "v1.36.3")))?)
}

/// The cells of a table by key and direction, as they are printed.
fn cells(tables: &Tables, table: &str, columns: &[&str]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let table = tables.get(table).ok_or("no such table")?;
    let index = |name: &str| table.schema.column(name).map(|(index, _)| index).ok_or("no such column");
    let direction = index("direction")?;
    let columns: Vec<usize> = columns.iter().map(|name| index(name)).collect::<Result<_, _>>()?;
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &table.rows {
        let of_row = columns.iter().map(|index| format!("{:?}", row.fact(*index)));
        all.entry(format!("{} {:?}", row.key, row.fact(direction))).or_default().extend(of_row);
    }
    Ok(all)
}

fn run(worlds_tried: u32, judge: impl Fn(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
    let config = Config { cases: worlds_tried, failure_persistence: None, max_shrink_iters: 512, ..Config::default() };
    let result = TestRunner::new(config)
        .run(&worlds::world(), |raw| judge(&raw).map_err(|failure| TestCaseError::fail(format!("{failure}\nin {raw}"))));
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, _)) => Err(reason.to_string().into()),
        Err(TestError::Abort(reason)) => Err(format!("aborted: {reason}").into()),
    }
}

/// Policies add up: one with several rules is the same to every packet as a default that denies beside one policy for each rule.
#[test]
fn policies_that_mean_the_same_are_judged_the_same() -> Result<(), Failure> {
    let denied = RefCell::new(0);
    run(150, |raw| {
        let mut world: World = serde_json::from_value(raw.clone())?;
        world.pods.retain(|place| !place.namespace.is_empty());
        let isolation = [
            "selected",
            "isolated",
            "because",
            "allows_all",
            "allows_any_address",
            "allows_every_namespace",
            "whole_namespaces",
            "half_open",
        ];
        let before = enforced(&world)?;
        let split: Vec<Value> = world.policies.iter().flatten().flat_map(split_policy).collect();
        let after = enforced(&World { policies: Some(split), ..world })?;
        for (table, columns) in
            [("network_isolation", &isolation[..]), ("namespace_isolation", &["default_deny", "isolated_pods", "open_pods"])]
        {
            let (one, two) = (cells(&before, table, columns)?, cells(&after, table, columns)?);
            if let Some((key, value)) = one.iter().find(|(key, value)| two.get(*key) != Some(value)) {
                return Err(format!("{table} {key}: {columns:?} {value:?}, split {:?}", two.get(key)).into());
            }
            *denied.borrow_mut() += one.values().filter(|cells| table == "namespace_isolation" && cells[0].contains("true")).count();
        }
        Ok(())
    })?;
    let denied = denied.into_inner();
    assert!(denied > 50, "a default that denies hardly occurs: {denied}");
    Ok(())
}

/// One policy for each rule, beside one without rules.
fn split_policy(policy: &Value) -> Vec<Value> {
    let spec = &policy["spec"];
    let rules = |field: &str| spec[field].as_array().cloned().unwrap_or_default();
    let types = match spec["policyTypes"].as_array() {
        Some(types) if !types.is_empty() => json!(types),
        _ if rules("egress").is_empty() => json!(["Ingress"]),
        _ => json!(["Ingress", "Egress"]),
    };
    let has = |name: &str| types.as_array().is_some_and(|types| types.iter().any(|one| one == name));
    let named = |number: usize, types: Value, field: Option<(&str, &Value)>| {
        let mut spec = json!({"podSelector": spec.get("podSelector").cloned().unwrap_or_else(|| json!({})), "policyTypes": types});
        if let Some((field, rule)) = field {
            spec[field] = json!([rule]);
        }
        let name = format!("{}-{number}", policy["metadata"]["name"].as_str().unwrap_or(""));
        json!({"metadata": {"name": name, "namespace": policy["metadata"]["namespace"]}, "spec": spec})
    };
    let mut all = vec![named(0, types.clone(), None)];
    for (field, kind) in [("ingress", "Ingress"), ("egress", "Egress")] {
        if has(kind) {
            for rule in rules(field) {
                all.push(named(all.len(), json!([kind]), Some((field, &rule))));
            }
        }
    }
    all
}

/// A pod that nobody has thought of, in a namespace that is there or in one that is yet to be made: where a single connection of it is
/// allowed, the columns on what rules open say so.
#[test]
fn whoever_is_let_in_without_being_chosen_is_said() -> Result<(), Failure> {
    let seen = RefCell::new([0usize; 3]);
    run(200, |raw| {
        let mut world: World = serde_json::from_value(raw.clone())?;
        world.pods.retain(|place| !place.namespace.is_empty());
        let policies = Policies::read(world.policies.as_deref().unwrap_or_default())?;
        let pods = pods(&world)?;
        let columns = ["selected", "allows_any_address", "allows_every_namespace", "whole_namespaces"];
        let said = cells(&enforced(&world)?, "network_isolation", &columns)?;
        let new = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), "new".to_owned())]);
        let strange: Vec<(&str, &BTreeMap<String, String>)> =
            world.namespaces.iter().map(|(name, labels)| (name.as_str(), labels)).chain([("new", &new)]).collect();
        for (place, pod) in world.pods.iter().zip(pods.iter().flatten()) {
            for (namespace, labels) in strange.iter().filter(|(name, _)| *name != place.namespace) {
                // An address in no block but the widest ones.
                let stranger = Pod::new((namespace, labels), &BTreeMap::new(), &[], "198.51.100.9".parse()?);
                let allowed = |direction: usize| {
                    BORDERS.iter().flat_map(|port| Protocol::ALL.map(|protocol| (*port, protocol))).any(|(port, protocol)| {
                        let ends = [(End::Pod(&stranger), End::Pod(pod)), (End::Pod(pod), End::Pod(&stranger))];
                        let verdict = policies.verdict(ends[direction].0, ends[direction].1, protocol, port);
                        [verdict.ingress, verdict.egress][direction]
                    })
                };
                for (at, direction) in ["ingress", "egress"].into_iter().enumerate() {
                    let key = format!("{}/Pod/{} Text(\"{direction}\")", place.namespace, place.name);
                    let row = said.get(&key).ok_or_else(|| format!("no row {key} among {:?}", said.keys()))?;
                    let yes = |cell: usize| row[cell].contains("true");
                    let listed = row[3].contains(&format!("\"{namespace}\""));
                    let flagged = !yes(0) || yes(1) || if *namespace == "new" { yes(2) } else { listed };
                    if allowed(at) && !flagged {
                        return Err(format!("{key}: a stranger of {namespace} is allowed, and {columns:?} say {row:?}").into());
                    }
                    let mut seen = seen.borrow_mut();
                    seen[0] += usize::from(allowed(at));
                    seen[1] += usize::from(yes(0) && yes(2) && !yes(1));
                    seen[2] += usize::from(yes(0) && listed && !yes(1));
                }
            }
        }
        Ok(())
    })?;
    let seen = seen.into_inner();
    eprintln!("strangers let in, rules for every namespace, whole namespaces: {seen:?}");
    // Worlds are drawn anew in every run: a few of them are enough to have tried what the columns say.
    assert!(seen.iter().all(|count| *count > 20), "hardly occurs: {seen:?}");
    Ok(())
}

/// Two pods that are both on a further network may reach one another there, whatever NetworkPolicies deny on the cluster's own.
#[test]
fn what_policies_deny_two_on_further_networks_is_not_known() -> Result<(), Failure> {
    let pod = |namespace: &str, networks: Option<&str>| {
        let annotations = networks.map_or_else(|| json!({}), |networks| json!({"k8s.v1.cni.cncf.io/networks": networks}));
        let metadata = json!({"name": "a", "namespace": namespace, "annotations": annotations});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]},
            "status": {"phase": "Running"}})
    };
    let deny = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny", "namespace": "records"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}});
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let mut objects: Vec<Value> = ["records", "lab", "web"].into_iter().map(namespace).collect();
    objects.extend([pod("records", Some("storage")), pod("lab", Some("backbone")), pod("web", None), deny]);
    let tables = Tables::compute(&cases::snapshot(&case("network/policies-enforced", objects, &json!({}), "v1.36.3")))?;
    let flow = |from, to| tables.network().flows.between(from, to);
    assert_eq!(flow("lab", "records"), Flow::Unknown);
    assert_eq!(flow("records", "lab"), Flow::Unknown);
    assert_eq!(flow("web", "records"), Flow::None, "it is on one network only");
    assert_eq!(flow("lab", "web"), Flow::All);
    Ok(())
}
