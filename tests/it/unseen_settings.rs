//! Command lines and sources that say less than they seem to: a setting passes only when it is really known.

use crate::support::small_clusters;
use kube_hipaa::cli::cases;
use kube_hipaa::model::{OutcomeWord, SourceId, SourceState};
use kube_hipaa::snapshot::testing::Changed;
use serde_json::{Value, json};
use small_clusters::{case, not_clean, outcome_of, outcome_on};

fn outcome(control: &str, objects: Vec<Value>, urls: Value) -> OutcomeWord {
    outcome_of(&case(control, objects, &urls, "v1.36.3"))
}

fn node() -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp-1", "uid": "node-uid"}, "spec": {}})
}

fn mirror_pod(words: &[&str]) -> Value {
    let owners = json!([{"apiVersion": "v1", "kind": "Node", "name": "cp-1", "uid": "node-uid", "controller": true}]);
    let annotations = json!({"kubernetes.io/config.mirror": "h", "kubernetes.io/config.hash": "h", "kubernetes.io/config.source": "file"});
    let labels = json!({"component": "kube-apiserver", "tier": "control-plane"});
    let metadata = json!({"name": "kube-apiserver-cp-1", "namespace": "kube-system", "labels": labels, "annotations": annotations, "ownerReferences": owners});
    let spec = json!({"nodeName": "cp-1", "containers": [{"name": "kube-apiserver", "image": "x", "command": words}]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}})
}

fn started_with(control: &str, words: &[&str]) -> OutcomeWord {
    outcome(control, vec![node(), mirror_pod(words)], json!({}))
}

fn flagz(flags: Value) -> Value {
    json!({"/flagz": {"kind": "Flagz", "flags": flags}})
}

#[test]
fn the_plain_spelling_is_decided() {
    assert_eq!(started_with("api-server/tls-min-version", &["kube-apiserver", "--tls-min-version=VersionTLS12"]), OutcomeWord::Pass);
    assert_eq!(started_with("api-server/tls-min-version", &["kube-apiserver", "--tls-min-version=VersionTLS10"]), OutcomeWord::Fail);
}

#[test]
fn other_spellings_are_understood() {
    assert_eq!(started_with("api-server/tls-min-version", &["kube-apiserver", "--tls_min_version=VersionTLS10"]), OutcomeWord::Fail);
    let twice = ["kube-apiserver", "--authorization-mode=AlwaysAllow", "--authorization-mode=Node,RBAC"];
    assert_eq!(started_with("api-server/authorization-mode", &twice), OutcomeWord::Fail);
}

#[test]
fn words_that_are_not_stored_may_be_flags() {
    not_clean(started_with("api-server/anonymous-auth", &["kube-apiserver", "--anonymous-auth=false", "[redacted]"]));
    not_clean(started_with("api-server/tls-min-version", &["kube-apiserver", "[redacted]"]));
    not_clean(started_with("api-server/anonymous-auth", &["kube-apiserver", "--external-hostname=x --anonymous-auth=false"]));
    not_clean(started_with("api-server/tls-min-version", &["sh", "-c", "[redacted]"]));
}

#[test]
fn a_value_that_is_not_shown_is_not_a_value() {
    not_clean(started_with("api-server/encryption-at-rest", &["kube-apiserver", "--encryption-provider-config=$(ENC)"]));
    not_clean(started_with("api-server/encryption-at-rest", &["kube-apiserver", "--encryption-provider-config=[redacted]"]));
    not_clean(outcome("api-server/encryption-at-rest", vec![node()], flagz(json!({"encryption-provider-config": "CLASSIFIED"}))));
}

#[test]
fn a_mirror_pod_that_does_not_run_says_nothing() {
    let mut pod = mirror_pod(&["kube-apiserver", "--profiling=false"]);
    pod["status"]["phase"] = json!("Failed");
    not_clean(outcome("api-server/profiling", vec![node(), pod], json!({})));
}

#[test]
fn without_any_lease_the_number_of_servers_is_not_known() {
    let other =
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "scheduler", "namespace": "kube-system"}});
    not_clean(outcome("api-server/profiling", vec![node(), other, mirror_pod(&["kube-apiserver", "--profiling=false"])], json!({})));
}

#[test]
fn agreement_is_claimed_only_where_it_was_compared() {
    let agree = "api-server/settings-agree";
    let configuration = r#"{"apiServer":{"extraArgs":{"profiling":"true"}}}"#;
    let kubeadm = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubeadm-config", "namespace": "kube-system"}, "data": {"ClusterConfiguration": configuration}});
    // kubeadm against /flagz alone.
    assert_eq!(outcome(agree, vec![node(), kubeadm], flagz(json!({"profiling": "false"}))), OutcomeWord::Fail);
    // A value of one side that cannot be compared.
    let pod = mirror_pod(&["kube-apiserver", "--etcd-servers=https://a:2379"]);
    not_clean(outcome(agree, vec![node(), pod], flagz(json!({"etcd-servers": "[redacted]"}))));
    // A manifest that is silent says the default, and the process says something else.
    assert_eq!(outcome(agree, vec![node(), mirror_pod(&["kube-apiserver"])], flagz(json!({"profiling": "false"}))), OutcomeWord::Fail);
}

/// A k3s server and the words that it was started with.
fn k3s(words: &[&str]) -> Vec<Value> {
    let words = serde_json::to_string(words).unwrap_or_default();
    let metadata = json!({"name": "server-1", "uid": "s", "annotations": {"k3s.io/node-args": words}});
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a", "namespace": "kube-system", "labels": {"apiserver.kubernetes.io/identity": "kube-apiserver"}}});
    vec![json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}), lease]
}

#[test]
fn k3s_says_what_was_changed_and_nothing_of_its_defaults() {
    let profiling = "api-server/profiling";
    assert_eq!(outcome(profiling, k3s(&["server", "--kube-apiserver-arg", "profiling=true"]), json!({})), OutcomeWord::Fail);
    assert_eq!(outcome(profiling, k3s(&["server", "--kube-apiserver-arg=profiling=false"]), json!({})), OutcomeWord::Pass);
    assert_eq!(outcome(profiling, k3s(&["server", "--secrets-encryption"]), json!({})), OutcomeWord::NotAssessed);
    assert_eq!(outcome(profiling, k3s(&["agent", "--kube-apiserver-arg=profiling=false"]), json!({})), OutcomeWord::NotAssessed);
    let hidden = k3s(&["server", "--kube-apiserver-arg", "[redacted]", "--kube-apiserver-arg=profiling=false"]);
    assert_eq!(outcome(profiling, hidden, json!({})), OutcomeWord::NotAssessed);
}

#[test]
fn a_component_is_not_known_by_the_pod_of_another() {
    let mut etcd = mirror_pod(&["etcd", "--client-cert-auth=true", "--listen-client-urls=https://192.0.2.1:2379"]);
    etcd["metadata"]["name"] = json!("etcd-cp-1");
    etcd["spec"]["containers"][0]["name"] = json!("etcd");
    let server = mirror_pod(&["kube-apiserver"]);
    assert_eq!(outcome("component/etcd-client-certificates", vec![node(), server.clone(), etcd.clone()], json!({})), OutcomeWord::Pass);
    not_clean(outcome("component/service-account-credentials", vec![node(), server, etcd.clone()], json!({})));
    etcd["metadata"]["annotations"]["kubernetes.io/config.source"] = json!("api");
    not_clean(outcome("component/etcd-client-certificates", vec![node(), etcd], json!({})));
}

fn agent(name: &str, containers: Value) -> Value {
    let metadata = json!({"name": name, "namespace": "kube-system"});
    let status = json!({"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0});
    let template = json!({"metadata": {}, "spec": {"hostNetwork": true, "containers": containers}});
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": {"selector": {}, "template": template}, "status": status})
}

/// A cluster that passes, and no more without a source that its plugin's settings rest on.
fn rests_on(control: &str, objects: Vec<Value>, source: &SourceId) {
    let case = case(control, objects, &json!({}), "v1.36.3");
    let whole = cases::snapshot(&case);
    assert_eq!(outcome_on(&case, &whole), OutcomeWord::Pass);
    let gone = "removed by the test".to_owned();
    for state in [
        SourceState::Forbidden { why: gone.clone() },
        SourceState::Partial { read: 0, why: gone.clone() },
        SourceState::Stale { why: gone.clone() },
        SourceState::Failed { why: gone.clone() },
        SourceState::NotRequested { why: gone },
    ] {
        let word = state.word();
        assert_eq!(outcome_on(&case, &whole.with_state(source, state)), OutcomeWord::NotAssessed, "{word}");
    }
}

#[test]
fn eks_enforces_only_where_its_controller_is_known_to_be_switched_on() {
    let containers = json!([{"name": "aws-node", "image": "amazon-k8s-cni:v1"}, {"name": "aws-eks-nodeagent", "image": "agent:v1", "args": ["--enable-network-policy=true"]}]);
    let settings = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "amazon-vpc-cni", "namespace": "kube-system"}, "data": {"enable-network-policy-controller": value}});
    let objects = |value: &str| vec![node(), agent("aws-node", containers.clone()), settings(value)];
    rests_on("network/policies-enforced", objects("true"), &SourceId::config_map("kube-system", "amazon-vpc-cni"));
    // The controller compares the word.
    assert_eq!(outcome("network/policies-enforced", objects("True"), json!({})), OutcomeWord::NotAssessed);
}

#[test]
fn wireguard_for_one_family_rests_on_the_addresses_of_all_pods() {
    let felix = json!({"apiVersion": "crd.projectcalico.org/v1", "kind": "FelixConfiguration", "metadata": {"name": "default"}, "spec": {"wireguardEnabled": true}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "records"}, "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running", "podIPs": [{"ip": "10.0.1.7"}]}});
    let calico = agent("calico-node", json!([{"name": "calico-node", "image": "calico/node:v3.30.4"}]));
    let mut node = node();
    node["metadata"]["annotations"] = json!({"projectcalico.org/WireguardPublicKey": "wiGRl1cV4Y0vJ7kVJqkVJqkVJqkVJqkVJqkVJqkVJqk="});
    rests_on("network/node-traffic-encrypted", vec![node, calico, felix, pod], &SourceId::core("pods"));
}
