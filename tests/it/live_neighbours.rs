//! What stands beside an object is changed after the object was made, and the program is asked what the object is. The truth is what
//! the server itself shows in the pod's or the controller's own spec at that moment.

use std::error::Error;
use std::time::Duration;

use kube_hipaa::model::{Assessment, FactValue};
use serde_json::{Value, json};

use crate::support::control_plane::{ControlPlane, Options};
use crate::support::program;

const NAMESPACE: &str = "records";
const PATIENCE: Duration = Duration::from_secs(60);
const TOKEN_PLACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn cluster() -> String {
    let template = |app: &str| json!({"metadata": {"labels": {"app": app}}, "spec": {"serviceAccountName": "reader", "containers": [{"name": "app", "image": "registry.clinic.example/a:1"}]}});
    let object = |version: &str, kind: &str, name: &str| {
        let mut spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template(name)});
        if kind == "StatefulSet" {
            spec["serviceName"] = json!(name);
            spec["updateStrategy"] = json!({"type": "OnDelete"});
        }
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
    };
    let items = json!([
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": NAMESPACE}},
        object("apps/v1", "Deployment", "paused"),
        object("apps/v1", "Deployment", "plain"),
        object("apps/v1", "ReplicaSet", "bare"),
        object("apps/v1", "StatefulSet", "by-hand"),
    ]);
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn get(plane: &ControlPlane, path: &str) -> Value {
    let (status, answer) = plane.api("GET", path, None);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

fn pods(plane: &ControlPlane) -> Vec<Value> {
    let list = get(plane, &format!("/api/v1/namespaces/{NAMESPACE}/pods"));
    list["items"].as_array().cloned().unwrap_or_else(|| panic!("no items: {list}"))
}

fn has_token(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array();
    containers.into_iter().flatten().flat_map(|c| c["volumeMounts"].as_array().into_iter().flatten()).any(|m| m["mountPath"] == TOKEN_PLACE)
}

fn is_privileged(spec: &Value) -> bool {
    spec.pointer("/containers/0/securityContext/privileged") == Some(&json!(true))
}

/// Workloads with a finding of this control.
fn found(assessment: &Assessment, control: &str) -> Vec<String> {
    let findings = assessment.controls.iter().filter(|one| one.id == control).flat_map(|one| one.findings());
    let workload = |facts: &kube_hipaa::model::Facts| match facts.iter().find(|(name, _)| name.as_ref() == "workload") {
        Some((_, FactValue::Text(workload))) => Some(workload.clone()),
        _ => None,
    };
    let mut found: Vec<String> = findings.filter_map(|finding| workload(&finding.facts)).collect();
    found.sort();
    found.dedup();
    found
}

fn scan(plane: &ControlPlane) -> Result<Assessment, Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    Ok(program::scan(&program::scanner(plane), &scratch.path().join("evidence"), &["--ephi-namespace", NAMESPACE]).1)
}

/// Which workloads hold a token, and which are or would be privileged, as the objects themselves say.
fn compare(plane: &ControlPlane, step: &str) -> Result<(), Box<dyn Error>> {
    let assessment = scan(plane)?;
    let running = pods(plane);
    let of = |pod: &Value| pod["metadata"]["labels"]["app"].as_str().unwrap_or_default().to_owned();
    let kind = |name: &str| match name {
        "bare" => "ReplicaSet/bare".to_owned(),
        "by-hand" => "StatefulSet/by-hand".to_owned(),
        other => format!("Deployment/{other}"),
    };
    let tokens = found(&assessment, "service-account/token-automounted");
    let privileged = found(&assessment, "pod/privileged-container");
    for pod in &running {
        let workload = kind(&of(pod));
        assert!(!has_token(pod) || tokens.contains(&workload), "{step}: {workload} holds a token, and it is not among {tokens:?}");
        assert!(
            !is_privileged(&pod["spec"]) || privileged.contains(&workload),
            "{step}: a pod of {workload} is privileged: {privileged:?}"
        );
    }
    for (resource, name) in [("deployments", "paused"), ("deployments", "plain"), ("replicasets", "bare"), ("statefulsets", "by-hand")] {
        let object = get(plane, &format!("/apis/apps/v1/namespaces/{NAMESPACE}/{resource}/{name}"));
        let pods_are = running.iter().filter(|pod| of(pod) == name).any(|pod| is_privileged(&pod["spec"]));
        let truth = pods_are || is_privileged(&object["spec"]["template"]["spec"]);
        assert_eq!(privileged.contains(&kind(name)), truth, "{step}: {name} among {privileged:?}");
    }
    Ok(())
}

/// Merge patches one after the other; after each, the program has to agree with what the server shows.
#[test]
#[ignore = "needs the control plane: make test"]
fn neighbours_that_change_later_change_no_object() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    plane.apply(&cluster());
    plane.wait_until("a pod of each workload", PATIENCE, || (pods(&plane).len() == 4).then_some(()));
    compare(&plane, "as it was made")?;

    let workload = |kind: &str, name: &str| format!("/apis/apps/v1/namespaces/{NAMESPACE}/{kind}/{name}");
    let privileged = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "securityContext": {"privileged": true}}]}}}});
    let settled = |name: &str, kind: &str| {
        plane.wait_until("the controller has seen the change", PATIENCE, || {
            let object = get(&plane, &workload(kind, name));
            (object["status"]["observedGeneration"] == object["metadata"]["generation"]).then_some(())
        });
    };

    // The account says no; the pods keep what they were given.
    plane.patch(&format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/reader"), &json!({"automountServiceAccountToken": false}));
    assert!(pods(&plane).iter().all(has_token), "the server shows the tokens in the pods");
    compare(&plane, "the account says no")?;

    plane.patch(&workload("deployments", "paused"), &json!({"spec": {"paused": true}}));
    settled("paused", "deployments");
    plane.patch(&workload("deployments", "paused"), &privileged);
    settled("paused", "deployments");
    compare(&plane, "the template of a paused Deployment")?;

    plane.patch(&workload("replicasets", "bare"), &privileged);
    settled("bare", "replicasets");
    compare(&plane, "the template of a ReplicaSet that nobody controls")?;

    plane.patch(&workload("statefulsets", "by-hand"), &privileged);
    settled("by-hand", "statefulsets");
    compare(&plane, "the template of a StatefulSet that is updated by hand")?;

    // A pod that carries the mark of the new template was still not made from it.
    let set = get(&plane, &workload("statefulsets", "by-hand"));
    let mark = json!({"metadata": {"labels": {"controller-revision-hash": set["status"]["updateRevision"]}}});
    plane.patch(&format!("/api/v1/namespaces/{NAMESPACE}/pods/by-hand-0"), &mark);
    compare(&plane, "a pod with the mark of another template")?;

    // A pod is changed in place: its image, which its Deployment does not see.
    let plain = pods(&plane).into_iter().find(|pod| pod["metadata"]["labels"]["app"] == "plain").ok_or("no pod")?;
    let name = plain["metadata"]["name"].as_str().unwrap_or_default();
    let moving = json!({"spec": {"containers": [{"name": "app", "image": "registry.clinic.example/a:latest"}]}});
    plane.patch(&format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}"), &moving);
    let latest = found(&scan(&plane)?, "image/latest-tag");
    assert_eq!(latest, ["Deployment/plain"], "the pod is judged by itself");
    Ok(())
}
