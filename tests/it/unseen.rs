//! Clusters in which something that matters is not where one would look for it, is half there, or is made to look harmless: none of
//! them may come out as pass or as not applicable.

use crate::support::small_clusters;
use kube_hipaa::cli::cases;
use kube_hipaa::model::{OutcomeWord, SourceId};
use serde_json::{Value, json};
use small_clusters::{case, not_clean, outcome_of, outcome_on};

const PRIVILEGED: &str = "pod/privileged-container";
const LEVEL: &str = "pod/meets-enforced-level";

fn outcome(control: &str, objects: Vec<Value>) -> OutcomeWord {
    outcome_of(&case(control, objects, &json!({}), "v1.36.3"))
}

/// With one more object in the list of pods, given as text.
fn outcome_with_pod(control: &str, objects: Vec<Value>, pod: &str) -> OutcomeWord {
    let case = case(control, objects, &json!({}), "v1.36.3");
    outcome_on(&case, &cases::snapshot_with(&case, &SourceId::core("pods"), pod))
}

fn spec(privileged: bool) -> Value {
    json!({"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": privileged}}]})
}

fn template(privileged: bool) -> Value {
    json!({"metadata": {}, "spec": spec(privileged)})
}

fn owned(kind: &str, version: &str, name: &str, owner: (&str, &str, &str, &str)) -> Value {
    let (owner_version, owner_kind, owner_name, owner_uid) = owner;
    let owners = json!([{"apiVersion": owner_version, "kind": owner_kind, "name": owner_name, "uid": owner_uid, "controller": true}]);
    let metadata = json!({"name": name, "namespace": "records", "uid": format!("uid-of-{name}"), "ownerReferences": owners});
    json!({"apiVersion": version, "kind": kind, "metadata": metadata})
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}

fn pod_of(owner: (&str, &str, &str, &str), privileged: bool, phase: &str) -> Value {
    with(with(owned("Pod", "v1", "a-pod", owner), "spec", spec(privileged)), "status", json!({"phase": phase}))
}

fn plain(kind: &str, version: &str, name: &str, uid: &str, spec: Value, status: Value) -> Value {
    let metadata = json!({"name": name, "namespace": "records", "uid": uid, "generation": 2});
    json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, "status": status})
}

#[test]
fn the_template_of_a_controller_that_something_else_owns_is_judged() {
    let database = ("db.example/v1", "Database", "db", "u");
    let stateful_set = owned("StatefulSet", "apps/v1", "db", database);
    let spec = json!({"replicas": 0, "serviceName": "db", "selector": {}, "template": template(true)});
    not_clean(outcome(PRIVILEGED, vec![with(stateful_set, "spec", spec)]));
    let job = owned("Job", "batch/v1", "w-0", ("jobset.x-k8s.io/v1alpha2", "JobSet", "w", "u"));
    not_clean(outcome(PRIVILEGED, vec![with(job, "spec", json!({"suspend": true, "template": template(true)}))]));
}

#[test]
fn a_job_that_is_not_finished_will_start_its_template_again() {
    let job =
        |uid: &str| plain("Job", "batch/v1", "etl", uid, json!({"backoffLimit": 6, "template": template(true)}), json!({"failed": 1}));
    not_clean(outcome(PRIVILEGED, vec![job("j"), pod_of(("batch/v1", "Job", "etl", "j"), true, "Failed")]));
    // A pod of an earlier Job of the same name says nothing about this one.
    not_clean(outcome(PRIVILEGED, vec![job("new"), pod_of(("batch/v1", "Job", "etl", "old"), false, "Running")]));
}

#[test]
fn a_job_that_failed_for_good_starts_nothing() {
    let status = json!({"conditions": [{"type": "Failed", "status": "True"}]});
    let job = plain("Job", "batch/v1", "etl", "j", json!({"template": template(true)}), status);
    assert_eq!(outcome(PRIVILEGED, vec![job]), OutcomeWord::NotApplicable);
}

#[test]
fn a_pod_stands_only_for_the_template_that_it_was_made_from() {
    let controller =
        plain("ReplicationController", "v1", "old", "r", json!({"replicas": 1, "template": template(true)}), json!({"replicas": 1}));
    not_clean(outcome(PRIVILEGED, vec![controller, pod_of(("v1", "ReplicationController", "old", "r"), false, "Running")]));

    let deployment = |revision: &str, privileged: bool| {
        let status = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1});
        let spec = json!({"replicas": 1, "selector": {}, "template": template(privileged)});
        let mut object = plain("Deployment", "apps/v1", "api", "d", spec, status);
        object["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": revision});
        object
    };
    let replica_set = |revision: &str| {
        let mut object = owned("ReplicaSet", "apps/v1", "api-1", ("apps/v1", "Deployment", "api", "d"));
        object["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": revision});
        object
    };
    let owner = ("apps/v1", "ReplicaSet", "api-1", "uid-of-api-1");
    // The pods were listed before the rollout, the Deployments after it.
    not_clean(outcome(PRIVILEGED, vec![deployment("2", true), replica_set("1"), pod_of(owner, false, "Running")]));
    // The only pod that was listed has failed; the next one comes from the template.
    not_clean(outcome(PRIVILEGED, vec![deployment("1", true), replica_set("1"), pod_of(owner, true, "Failed")]));
    // The pod was made from it, and the template says more than the pod shows.
    not_clean(outcome(PRIVILEGED, vec![deployment("1", true), replica_set("1"), pod_of(owner, false, "Running")]));
    assert_eq!(outcome(PRIVILEGED, vec![deployment("1", false), replica_set("1"), pod_of(owner, false, "Running")]), OutcomeWord::Pass);
}

#[test]
fn a_replica_set_without_controller_and_pods_has_a_template_that_was_not_read() {
    let object = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "bare", "namespace": "records", "uid": "r"}});
    not_clean(outcome(PRIVILEGED, vec![object]));
}

#[test]
fn a_pod_without_containers_was_not_read_whole() {
    for rest in ["", r#","spec":{}"#, r#","spec":{"containers":null}"#, r#","spec":{"containers":[]}"#] {
        let pod = format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a","namespace":"records"}}{rest}}}"#);
        not_clean(outcome_with_pod(PRIVILEGED, vec![], &pod));
    }
}

#[test]
fn a_pod_that_claims_a_node_that_is_not_there_is_no_mirror_pod() {
    let owners = json!([{"apiVersion": "v1", "kind": "Node", "name": "ghost", "uid": "nobody", "controller": true}]);
    let annotations = json!({"kubernetes.io/config.mirror": "h", "kubernetes.io/config.source": "file"});
    let metadata = json!({"name": "kube-x", "namespace": "kube-system", "annotations": annotations, "ownerReferences": owners});
    let mut spec = spec(true);
    spec["nodeName"] = json!("ghost");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp-1", "uid": "n"}, "spec": {}});
    not_clean(outcome(PRIVILEGED, vec![node, pod]));
}

#[test]
fn a_windows_container_on_the_node_itself_is_privileged() {
    let container = json!({"name": "c", "image": "i", "securityContext": {"windowsOptions": {"hostProcess": true}}});
    let spec = json!({"os": {"name": "windows"}, "hostNetwork": true, "containers": [container]});
    not_clean(outcome(PRIVILEGED, vec![plain("Pod", "v1", "a", "p", spec, json!({"phase": "Running"}))]));
}

#[test]
fn a_namespace_that_was_not_listed_is_not_one_that_enforces_nothing() {
    let pod = r#"{"metadata":{"name":"a","namespace":"made-mid-scan"},"spec":{"containers":[{"name":"c","image":"i"}]},"status":{"phase":"Running"}}"#;
    for control in [LEVEL, "namespace/pod-security-enforced"] {
        let listed = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}});
        not_clean(outcome_with_pod(control, vec![listed], pod));
    }
}

fn restricted() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "records", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
}

fn restricted_pod(host_users: bool) -> Value {
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let mut pod_context = json!({"seccompProfile": {"type": "RuntimeDefault"}});
    if host_users {
        pod_context["runAsNonRoot"] = json!(true);
    }
    let mut spec = json!({"securityContext": pod_context, "containers": [{"name": "c", "image": "i", "securityContext": context}]});
    if !host_users {
        spec["hostUsers"] = json!(false);
    }
    plain("Pod", "v1", "a", "p", spec, json!({"phase": "Running"}))
}

#[test]
fn rules_that_are_newer_than_this_program_are_not_known() {
    assert_eq!(outcome(LEVEL, vec![restricted(), restricted_pod(true)]), OutcomeWord::Pass);
    not_clean(outcome_of(&case(LEVEL, vec![restricted(), restricted_pod(true)], &json!({}), "v1.40.0")));
}

#[test]
fn an_emulating_server_applies_the_rules_of_the_version_that_it_emulates() {
    // From 1.35 a pod with a user namespace of its own may run as root; 1.34 refuses it.
    let version = |minor: &str, emulated: &str| json!({"/version": {"major": "1", "minor": minor, "gitVersion": "v1.37.0", "emulationMajor": "1", "emulationMinor": emulated}});
    let objects = || vec![restricted(), restricted_pod(false)];
    assert_eq!(outcome_of(&case(LEVEL, objects(), &version("37", "37"), "v1.37.0")), OutcomeWord::Pass);
    assert_eq!(outcome_of(&case(LEVEL, objects(), &version("37", "34"), "v1.37.0")), OutcomeWord::Fail);
}
