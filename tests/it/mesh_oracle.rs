//! Which mode of mutual TLS a pod has, against Istio's own `ComposePeerAuthentication`, on random PeerAuthentications.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use kube_hipaa::cli::cases;
use kube_hipaa::facts::Tables;
use kube_hipaa::model::FactValue;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::{Just, Strategy};
use proptest::sample::select;
use proptest::strategy::Union;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::oracle::{Failure, Oracle};
use crate::support::small_clusters::case;

const NAMESPACES: [&str; 3] = ["records", "istio-system", "mesh-root"];

#[derive(Debug, Deserialize)]
struct Theirs {
    mode: String,
    ports: BTreeMap<String, String>,
}

fn mtls() -> impl Strategy<Value = Value> {
    let mode = select(vec!["STRICT", "PERMISSIVE", "DISABLE", "UNSET"]).prop_map(|mode| json!({"mode": mode}));
    Union::new_weighted(vec![(6, mode.boxed()), (1, Just(json!({})).boxed())])
}

fn labels(most: usize) -> impl Strategy<Value = BTreeMap<&'static str, &'static str>> {
    btree_map(select(vec!["app", "tier"]), select(vec!["a", "b"]), 0..=most)
}

fn policy() -> impl Strategy<Value = Value> {
    let ports = btree_map(select(vec!["80", "443", "5432"]), mtls(), 1..=3);
    (
        select(vec!["records", "records", "istio-system", "mesh-root"]),
        select(vec!["a", "b", "c", "d"]),
        0..3u8,
        of(labels(1)),
        of(mtls()),
        of(ports),
    )
        .prop_map(|(namespace, name, day, selector, mtls, ports)| {
            let mut spec = json!({});
            if let Some(labels) = selector {
                spec["selector"] = json!({"matchLabels": labels});
            }
            if let Some(mtls) = mtls {
                spec["mtls"] = mtls;
            }
            if let Some(ports) = ports {
                spec["portLevelMtls"] = json!(ports);
            }
            let created = format!("2026-01-0{}T00:00:00Z", day + 1);
            json!({"metadata": {"name": name, "namespace": namespace, "creationTimestamp": created}, "spec": spec})
        })
}

/// The root namespace, the labels of the pod, and the policies, of which no two have one name in one namespace.
fn world() -> impl Strategy<Value = (&'static str, &'static str, BTreeMap<&'static str, &'static str>, Vec<Value>)> {
    let of_one_name = |policies: Vec<Value>| {
        let key = |policy: &Value| (policy["metadata"]["namespace"].to_string(), policy["metadata"]["name"].to_string());
        policies.into_iter().map(|policy| (key(&policy), policy)).collect::<BTreeMap<_, _>>().into_values().collect()
    };
    let pods_in = select(vec!["records", "records", "istio-system"]);
    (select(vec!["istio-system", "mesh-root"]), pods_in, labels(2), vec(policy(), 0..=7).prop_map(of_one_name))
}

#[derive(Debug, Default)]
struct Seen {
    worlds: usize,
    strict: usize,
    ports: usize,
}

/// The row of the pod: its mode, its exceptions, and whether it takes mutual TLS alone.
fn ours(
    root: &str,
    namespace: &str,
    labels: &BTreeMap<&str, &str>,
    policies: &[Value],
) -> Result<(FactValue, FactValue, FactValue), Failure> {
    let init = json!({"name": "istio-init", "image": "docker.io/istio/proxyv2:1", "args": ["istio-iptables", "-b", "*", "-d", "15090"]});
    let proxy = json!({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1"});
    let spec = json!({"initContainers": [init], "containers": [{"name": "app", "image": "registry.example/app:1"}, proxy]});
    let annotations = json!({"istio.io/rev": "default"});
    let metadata = json!({"name": "app", "namespace": namespace, "labels": labels, "annotations": annotations});
    let mut objects: Vec<Value> = NAMESPACES
        .iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}}))
        .collect();
    objects.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}}));
    let settings = json!({"mesh": format!("rootNamespace: {root}\n")});
    objects.push(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}, "data": settings}),
    );
    for policy in policies {
        let mut policy = policy.clone();
        policy["apiVersion"] = json!("security.istio.io/v1");
        policy["kind"] = json!("PeerAuthentication");
        objects.push(policy);
    }
    let snapshot = cases::snapshot(&case("mesh/only-mutual-tls", objects, &json!({}), "v1.36.3"));
    let tables = Tables::those(&snapshot, &|name| name == "mesh_pods")?;
    let table = tables.get("mesh_pods").ok_or("no such table")?;
    let [row] = table.rows.as_slice() else { return Err("there is one pod, and not one row".into()) };
    let fact = |name: &str| table.schema.column(name).map(|(index, _)| row.fact(index)).ok_or("no such column");
    Ok((fact("mode")?, fact("exceptions")?, fact("only_mutual_tls")?))
}

fn compare(
    oracle: &mut Oracle,
    (root, namespace, labels, policies): &(&str, &str, BTreeMap<&str, &str>, Vec<Value>),
    seen: &mut Seen,
) -> Result<(), Failure> {
    let question = json!({"root": root, "namespace": namespace, "labels": labels, "policies": policies});
    let theirs: Theirs = oracle.ask(&question)?;
    let (mode, exceptions, only) = ours(root, namespace, labels, policies)?;
    let open: Vec<&String> = theirs.ports.iter().filter(|(_, mode)| *mode != "STRICT").map(|(port, _)| port).collect();
    let strict = theirs.mode == "STRICT" && open.is_empty();
    if mode != FactValue::Text(theirs.mode.clone()) || only != FactValue::Bool(strict) {
        return Err(format!("Istio says {theirs:?}, the table {mode:?}, {exceptions:?}, {only:?}").into());
    }
    // A port without a mode of its own has that of the others, and is no exception to it.
    let FactValue::List(texts) = exceptions else { return Err(format!("{exceptions:?}").into()) };
    let is_named = |port: &str| texts.iter().any(|text| text.starts_with(&format!("port {port}:")));
    for (port, their_mode) in &theirs.ports {
        let wanted = their_mode != "STRICT";
        if is_named(port) != wanted && !(wanted && *their_mode == theirs.mode) {
            return Err(format!("Istio says {theirs:?}, the table names {texts:?}").into());
        }
        seen.ports += 1;
    }
    seen.worlds += 1;
    seen.strict += usize::from(strict);
    Ok(())
}

#[test]
#[ignore = "needs the mesh oracle: make test"]
fn istio_gives_pods_the_mode_that_the_table_says() -> Result<(), Failure> {
    const RUNS: u32 = 3000;
    let oracle = RefCell::new(Oracle::start_in(Path::new("tests/oracle-mesh"))?);
    let seen = RefCell::new(Seen::default());
    let config = Config { cases: RUNS, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let result = TestRunner::new(config).run(&world(), |world| {
        let compared = compare(&mut oracle.borrow_mut(), &world, &mut seen.borrow_mut());
        compared.map_err(|failure| TestCaseError::fail(format!("{failure}\nin {world:?}")))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => return Err(reason.to_string().into()),
        Err(TestError::Abort(reason)) => return Err(format!("aborted: {reason}").into()),
    }
    let seen = seen.into_inner();
    eprintln!("random meshes: {seen:?}");
    assert_eq!(seen.worlds, usize::try_from(RUNS)?);
    assert!(seen.strict * 20 > seen.worlds && seen.ports * 50 > seen.worlds, "what is strict hardly occurs: {seen:?}");
    Ok(())
}
