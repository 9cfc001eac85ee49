//! The control plane of the live tests works, and a developer can keep one running.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::control_plane::{ControlPlane, Encryption, Options};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// As kubeadm writes it, shortened.
const API_SERVER_POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
  namespace: kube-system
  labels: {component: kube-apiserver, tier: control-plane}
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.36.3
    command:
    - kube-apiserver
    - --anonymous-auth=true
    - --authorization-mode=Node,RBAC
    - --profiling=true
";

const CLINIC: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: records, namespace: clinic}
spec:
  replicas: 2
  selector: {matchLabels: {app: records}}
  template:
    metadata: {labels: {app: records}}
    spec:
      containers:
      - {name: web, image: registry.example/records:1.0}
---
# Out of order on purpose: the fixture puts it first.
apiVersion: v1
kind: Namespace
metadata: {name: clinic}
";

#[test]
#[ignore = "needs the control plane: make test"]
fn a_plane_runs_pods_knows_identities_and_keeps_an_audit_log() {
    let plane = ControlPlane::start(&Options {
        with_controller_manager: true,
        with_scheduler: true,
        kubelets: vec![("cp-1".to_owned(), vec![API_SERVER_POD.to_owned()])],
        kubelet_configs: [("cp-1".to_owned(), "authentication: {anonymous: {enabled: true}}".to_owned())].into(),
        ..Options::default()
    });
    assert_eq!(plane.api("GET", "/version", None).1["gitVersion"], "v1.36.3");

    plane.apply(CLINIC);
    plane.wait_until("two pods of the Deployment run", MINUTE, || {
        let pods = plane.api("GET", "/api/v1/namespaces/clinic/pods", None).1;
        let running = pods["items"].as_array()?.iter().filter(|pod| pod["status"]["phase"] == "Running").count();
        (running == 2).then_some(())
    });

    let mirror = plane.wait_until("the kubelet mirrors its static pod", MINUTE, || {
        let (status, pod) = plane.api("GET", "/api/v1/namespaces/kube-system/pods/kube-apiserver-cp-1", None);
        (status == 200).then_some(pod)
    });
    assert_eq!(mirror["metadata"]["annotations"]["kubernetes.io/config.source"], "file");
    assert_eq!(mirror["metadata"]["ownerReferences"][0]["kind"], "Node");
    assert_eq!(mirror["metadata"]["ownerReferences"][0]["controller"], true);

    let (status, configz) = plane.api("GET", "/api/v1/nodes/cp-1/proxy/configz", None);
    assert_eq!(status, 200, "{configz}");
    assert_eq!(configz["kubeletconfig"]["authentication"]["anonymous"]["enabled"], true);

    // Two groups, because the certificate library knows only one: see the fixture.
    let auditor = plane.kubeconfig_for_user("auditor", &["clinic:readers", "clinic:auditors"]);
    let (status, refusal) = plane.api_as(&auditor, "GET", "/api/v1/namespaces/clinic/secrets", None);
    assert_eq!(status, 403, "{refusal}");
    let service_account = plane.kubeconfig_for_service_account("clinic", "default");
    assert_eq!(who(&plane, &service_account)["username"], "system:serviceaccount:clinic:default");
    let groups = who(&plane, &auditor)["groups"].clone();
    assert_eq!(groups, json!(["clinic:readers", "clinic:auditors", "system:authenticated"]));

    let line = plane.wait_until("the refusal is in the audit log", MINUTE, || {
        // Components that start are refused, too, until the bootstrap roles exist.
        let of_auditor = |event: &Value| event["user"]["username"] == "auditor" && event["responseStatus"]["code"] == 403;
        plane.audit_events().into_iter().find(of_auditor)
    });
    assert_eq!(line["verb"], "list");
    assert_eq!(line["level"], "Metadata");
}

#[test]
#[ignore = "needs the control plane: make test"]
fn the_api_server_alone_takes_flags_encryption_and_custom_resources() {
    let plane = ControlPlane::start(&Options {
        api_server_flags: vec!["--profiling=false".to_owned()],
        encryption: Encryption::Secretbox,
        anonymous_auth: Some(false),
        feature_gates: vec![("ComponentFlagz".to_owned(), true)],
        ..Options::default()
    });
    let stored = plane.apply(SEAL_BEFORE_ITS_DEFINITION);
    assert_eq!(stored[1]["status"]["ready"], true);
    // Only the server's own YAML rules make this octal.
    assert_eq!(stored[1]["spec"]["mode"], 0o644);

    // Hostile names are legal in RBAC; they reach the right object.
    let name = "<b>\n\u{202e}role";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": []
    });
    assert_eq!(plane.apply(&role.to_string())[0]["metadata"]["name"], name);

    plane.apply("{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {key: value}}");
    let metrics = plane.api("GET", "/metrics", None).1;
    let metrics = metrics.as_str().unwrap_or_default();
    let sealed = metrics.lines().any(|line| {
        line.starts_with("apiserver_storage_transformation_operations_total") && line.contains("secretbox") && line.contains("to_storage")
    });
    assert!(sealed, "no secret was written with secretbox");
}

#[test]
#[ignore = "needs the control plane: make test"]
#[should_panic(expected = "unknown flag: --no-such-flag")]
fn a_component_that_ends_at_once_is_reported_with_its_log() {
    ControlPlane::start(&Options { api_server_flags: vec!["--no-such-flag".to_owned()], ..Options::default() });
}

#[test]
#[ignore = "needs the control plane: make test"]
fn applying_again_changes_the_object() {
    let plane = ControlPlane::start(&Options::default());
    let settings = |value: &str| {
        let item = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"key": value}});
        plane.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [item]}).to_string())
    };
    let (first, second) = (settings("one").remove(0), settings("two").remove(0));
    assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);
    assert_eq!(second["metadata"]["namespace"], "default");
    assert_eq!(second["data"]["key"], "two");
}

const SEAL_BEFORE_ITS_DEFINITION: &str = "
apiVersion: example.com/v1
kind: Seal
metadata: {name: blue}
spec: {mode: 0644}
status: {ready: true}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: seals.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {plural: seals, singular: seal, kind: Seal}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// Not a test: keeps a plane for a developer.
///
/// `KUBE_HIPAA_STOP` names a file; when it exists, the plane ends. `KUBE_HIPAA_APPLY` may name a file or folder of
/// manifests.
#[test]
#[ignore = "keeps a plane running for a developer: set KUBE_HIPAA_STOP"]
#[expect(clippy::print_stderr, reason = "the developer has to learn where the kubeconfig is")]
fn keep_running() {
    let stop = std::env::var_os("KUBE_HIPAA_STOP").map(PathBuf::from).expect("set KUBE_HIPAA_STOP to a file that does not exist yet");
    let plane = ControlPlane::start(&Options {
        with_controller_manager: true,
        with_scheduler: true,
        kubelets: vec![("cp-1".to_owned(), vec![API_SERVER_POD.to_owned()])],
        ..Options::default()
    });
    if let Some(manifests) = std::env::var_os("KUBE_HIPAA_APPLY") {
        plane.apply_path(Path::new(&manifests));
    }
    eprintln!("export KUBECONFIG={}", plane.kubeconfig_admin().display());
    eprintln!("ends when this file exists: {}", stop.display());
    while !stop.exists() {
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The server's own word on an identity.
fn who(plane: &ControlPlane, kubeconfig: &Path) -> Value {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    plane.api_as(kubeconfig, "POST", path, Some(&review)).1["status"]["userInfo"].clone()
}
