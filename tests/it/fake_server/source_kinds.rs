//! Each kind of source in its own form: pages, ConfigMaps by name, kinds that users define, metadata, metrics, the one request without
//! credentials.

use kube_hipaa::collect::CollectOptions;
use kube_hipaa::model::{SourceId, SourceState};
use serde_json::{Value, json};

use super::fake::{FakeServer, Reply, object};
use super::{collect, options, try_collect};

const FLAGZ: SourceId = SourceId::url("/flagz");

#[tokio::test]
async fn flagz_in_a_form_that_cannot_be_read_is_not_served() {
    for reply in [
        Reply::Status(406, "only the following media types will be accepted"),
        Reply::Raw(404, "text/plain", b"404 page not found\n".to_vec()),
        Reply::Raw(200, "text/plain; charset=utf-8", b"kube-apiserver flagz\nanonymous-auth=false\n".to_vec()),
    ] {
        let server = FakeServer::new();
        server.page("/flagz", reply.clone());
        assert_eq!(*collect(&server).await.state(&FLAGZ), SourceState::NotServed, "{reply:?}");
    }
    let server = FakeServer::new();
    server.page("/flagz", Reply::Status(403, "no"));
    let done = collect(&server).await;
    assert_eq!(*done.state(&FLAGZ), SourceState::Forbidden { why: "no".into() });
    assert_eq!(done.index.record(&FLAGZ).unwrap().missing_rule.as_ref().unwrap().to_string(), "get /flagz");
    let flags = json!({"anonymous-auth": "false", "some-new-flag": "secret-marker", "etcd-servers": "https://u:p@e", "v": "2"});
    server.page(
        "/flagz",
        Reply::Json(200, json!({"kind": "Flagz", "apiVersion": "config.k8s.io/v1beta1", "metadata": {"name": "x"}, "flags": flags})),
    );
    let done = collect(&server).await;
    let kept = json!({"anonymous-auth": "false", "some-new-flag": "[redacted]", "etcd-servers": "[redacted]", "v": "2"});
    assert_eq!(done.objects(&FLAGZ), [json!({"kind": "Flagz", "apiVersion": "config.k8s.io/v1beta1", "flags": kept})]);
}

#[tokio::test]
async fn the_request_without_credentials_stores_its_status_and_can_be_switched_off() {
    let probe = SourceId::probe("anonymous-request");
    let server = FakeServer::new();
    let done = collect(&server).await;
    assert_eq!(done.objects(&probe), [json!({"status": 200, "from_api": true})]);
    let bare: Vec<_> = server.asked().into_iter().filter(|asked| !asked.authorized).collect();
    assert_eq!(bare.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(), ["/api/v1/namespaces?limit=1"]);
    let marked: Vec<_> = done.index.requests.iter().filter(|request| request.anonymous).collect();
    assert_eq!(marked.len(), 1);

    let server = FakeServer::new();
    let options = CollectOptions { anonymous_request: false, ..options() };
    let (collection, _folder) = try_collect(&server, options).await;
    assert!(matches!(collection.unwrap().record(&probe).unwrap().state, SourceState::NotRequested { .. }));
    assert!(server.asked().iter().all(|asked| asked.authorized));
}

#[tokio::test]
async fn the_request_without_credentials_stores_who_answered_it() {
    let rancher = json!({"type": "error", "status": "401", "message": "must authenticate"});
    let answers = [
        (Reply::Status(401, "Unauthorized"), 401, true),
        (Reply::Status(403, "no"), 403, true),
        (Reply::Json(401, rancher), 401, false),
        (Reply::Raw(403, "text/html", b"<html>blocked</html>".to_vec()), 403, false),
        (Reply::Raw(200, "text/html", b"<html>please log in</html>".to_vec()), 200, false),
        (Reply::Json(200, json!({"kind": "Status", "status": "Success"})), 200, false),
        (Reply::Raw(302, "text/html", Vec::new()), 302, false),
    ];
    for (reply, status, from_api) in answers {
        let server = FakeServer::new();
        server.page("/api/v1/namespaces", reply.clone());
        let stored = collect(&server).await.objects(&SourceId::probe("anonymous-request"));
        assert_eq!(stored, [json!({"status": status, "from_api": from_api})], "{reply:?}");
    }
}

#[tokio::test]
async fn config_maps_are_asked_for_by_name_and_only_where_they_can_be() {
    let kubeadm = SourceId::config_map("kube-system", "kubeadm-config");
    let server = FakeServer::new();
    let done = collect(&server).await;
    assert_eq!(*done.state(&kubeadm), SourceState::Read { count: 0, resource_version: None });
    assert_eq!(*done.state(&SourceId::config_map("falco", "falco")), SourceState::NotServed);
    assert!(server.asked().iter().all(|asked| !asked.path.contains("/falco")));

    let text = "apiServer:\n  extraArgs:\n  - name: audit-log-path\n    value: /var/log/audit.log\n  - name: odd\n    value: secret-marker\netcd:\n  external:\n    endpoints: [secret-marker]\n    caFile: /ca\n";
    let mut map = object("kubeadm-config", Some("kube-system"));
    map["data"] = json!({"ClusterConfiguration": text, "Other": "secret-marker"});
    map["kind"] = json!("ConfigMap");
    map["apiVersion"] = json!("v1");
    server.page("/api/v1/namespaces/kube-system/configmaps/kubeadm-config", Reply::Json(200, map));
    let done = collect(&server).await;
    let stored = &done.objects(&kubeadm)[0];
    assert!(!stored.to_string().contains("secret-marker"), "{stored}");
    let configuration: Value = serde_json::from_str(stored["data"]["ClusterConfiguration"].as_str().unwrap()).unwrap();
    assert_eq!(
        configuration["apiServer"]["extraArgs"],
        json!([{"name": "audit-log-path", "value": "/var/log/audit.log"}, {"name": "odd", "value": "[redacted]"}])
    );
    assert_eq!(configuration["etcd"], json!({"external": {"caFile": "/ca"}}));
    assert_eq!(done.index.cluster.distribution.as_deref(), Some("kubeadm"));
}

#[tokio::test]
async fn resource_policies_are_read_where_velero_may_be() {
    let maps = SourceId::core("configmaps");
    let server = FakeServer::new();
    assert_eq!(*collect(&server).await.state(&maps), SourceState::NotServed);
    assert!(server.asked().iter().all(|asked| !asked.path.contains("/velero")));

    server.list("/api/v1/namespaces", "Namespace", vec![object("kube-system", None), object("velero", None)]);
    let mut map = object("volumes", Some("velero"));
    map["data"] = json!({"policy": "version: v1\nvolumePolicies:\n- conditions: {storageClass: [scratch]}\n  action: {type: skip}\nsecret-marker: x\n", "notes": "secret-marker"});
    server.list("/api/v1/namespaces/velero/configmaps", "ConfigMap", vec![map]);
    let done = collect(&server).await;
    let stored = &done.objects(&maps)[0];
    assert!(!stored.to_string().contains("secret-marker"), "{stored}");
    let policy: Value = serde_json::from_str(stored["data"]["policy"].as_str().unwrap()).unwrap();
    let rules = json!([{"conditions": {"storageClass": ["scratch"]}, "action": {"type": "skip"}}]);
    assert_eq!(policy, json!({"version": "v1", "other": true, "volumePolicies": rules}));
}

#[tokio::test]
async fn kinds_that_users_define_are_found_by_discovery() {
    let server = FakeServer::new();
    let mut constraint = object("must-have-owner", None);
    constraint["spec"] = json!({"enforcementAction": "deny", "parameters": {"x": "secret-marker"}});
    server.list("/apis/constraints.gatekeeper.sh/v1beta1/requiredlabels", "RequiredLabels", vec![constraint]);
    let done = collect(&server).await;
    let source = SourceId::dynamic("constraints.gatekeeper.sh", "requiredlabels");
    assert_eq!(done.state(&source).count(), 1);
    let stored = &done.objects(&source)[0];
    assert_eq!((stored["kind"].as_str(), &stored["spec"]), (Some("RequiredLabels"), &json!({"enforcementAction": "deny"})));
    assert_eq!(done.state(&SourceId::group("constraints.gatekeeper.sh", "*")).count(), 1);
}

#[tokio::test]
async fn definitions_are_asked_for_metadata_only() {
    let server = FakeServer::new();
    let mut definition = object("rollouts.argoproj.io", None);
    definition["spec"] = json!({"group": "argoproj.io"});
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    server.list(path, "CustomResourceDefinition", vec![definition]);
    let done = collect(&server).await;
    let asked = server.asked();
    let asked = asked.iter().find(|asked| asked.path.starts_with(path)).unwrap();
    assert!(asked.accept.starts_with("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), "{}", asked.accept);
    let stored = &done.objects(&SourceId::group("apiextensions.k8s.io", "customresourcedefinitions"))[0];
    assert_eq!((stored["kind"].as_str(), stored.get("spec")), (Some("CustomResourceDefinition"), None));
}

#[tokio::test]
async fn replica_sets_are_stored_whole_whoever_controls_them() {
    let server = FakeServer::new();
    let set = |name: &str, owner: Option<(&str, &str)>| {
        let mut set = object(name, Some("records"));
        set["spec"] = json!({"replicas": 3, "template": {"spec": {"hostNetwork": true, "containers": [{"name": "app", "image": "registry.example/app:1", "env": [{"name": "A", "value": "x"}]}]}}});
        if let Some((version, kind)) = owner {
            set["metadata"]["ownerReferences"] =
                json!([{"apiVersion": version, "kind": kind, "name": "a", "uid": "u", "controller": true}]);
        }
        set
    };
    let sets = vec![set("a", Some(("apps/v1", "Deployment"))), set("b", None), set("c", Some(("argoproj.io/v1alpha1", "Rollout")))];
    server.list("/apis/apps/v1/replicasets", "ReplicaSet", sets);
    let done = collect(&server).await;
    for stored in done.objects(&SourceId::group("apps", "replicasets")) {
        assert_eq!(stored["spec"]["replicas"], 3);
        let template = &stored["spec"]["template"]["spec"];
        assert_eq!((&template["hostNetwork"], &template["containers"][0]["image"]), (&json!(true), &json!("registry.example/app:1")));
        assert_eq!(template["containers"][0]["env"][0]["value"], "[redacted]");
    }
}

#[tokio::test]
async fn metrics_keep_known_series_and_other_pages_fail() {
    let metrics = SourceId::url("/metrics");
    let server = FakeServer::new();
    let done = collect(&server).await;
    assert_eq!(done.objects(&metrics), [json!({"name": "process_start_time_seconds", "labels": {}, "value": "1.5"})]);
    server.page("/metrics", Reply::Raw(200, "text/html", b"<html>hello</html>".to_vec()));
    assert_eq!(collect(&server).await.state(&metrics).word(), "failed");
    server.page("/metrics", Reply::Status(403, "no"));
    assert_eq!(collect(&server).await.state(&metrics).word(), "forbidden");
}
