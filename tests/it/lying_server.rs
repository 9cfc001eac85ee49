//! What a server says is not taken for more than it is: an answer that is no list, a discovery that leaves out what every Kubernetes
//! has, rights that were not told completely.

use crate::support::fake_server as fake;
use std::time::Duration;

use fake::{FakeServer, Reply, object, pods};
use kube_hipaa::collect::{Can, CollectOptions, Retries, collect_with, preflight_with};
use kube_hipaa::model::{SnapshotIndex, SourceId, SourceState, ToolIdentity};
use kube_hipaa::snapshot::SnapshotWriter;
use serde_json::{Value, json};

const PODS: SourceId = SourceId::core("pods");
const PODS_PATH: &str = "/api/v1/pods";
const RULES_PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

fn options() -> CollectOptions {
    let tool = ToolIdentity { name: "kube-hipaa".into(), version: "0".into(), commit: "unknown".into() };
    let retries = Retries { attempts: 2, first_wait: Duration::from_millis(1), longest_wait: Duration::from_millis(5) };
    CollectOptions { retries, timeout: Duration::from_secs(20), ..CollectOptions::new("fake".into(), tool) }
}

async fn collect(server: &FakeServer) -> SnapshotIndex {
    let folder = tempfile::tempdir().unwrap();
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).unwrap();
    collect_with(server.clients(), options(), &(), writer).await.unwrap()
}

/// The state of a source when a path is always answered so.
async fn state(source: &SourceId, path: &str, answer: Value) -> SourceState {
    let server = FakeServer::new();
    server.page(path, Reply::Json(200, answer));
    collect(&server).await.record(source).unwrap().state.clone()
}

fn why(state: &SourceState) -> &str {
    state.why().unwrap_or("")
}

#[tokio::test]
async fn a_list_without_items_is_failed_and_not_an_empty_list() {
    let found = state(&PODS, PODS_PATH, json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}})).await;
    assert!(matches!(found, SourceState::Failed { .. }), "{found:?}");
    let found = state(&PODS, PODS_PATH, json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": null})).await;
    assert_eq!(found, SourceState::Read { count: 0, resource_version: None });
}

#[tokio::test]
async fn a_list_of_another_kind_is_failed_and_says_what_came() {
    for kind in ["EventList", "List", "PartialObjectMetadataList", "PodTemplateList"] {
        let found = state(&PODS, PODS_PATH, json!({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": []})).await;
        assert!(matches!(found, SourceState::Failed { .. }), "{kind} {found:?}");
        assert!(why(&found).contains(kind) && why(&found).contains("PodList"), "{found:?}");
    }
    let found = state(&PODS, PODS_PATH, json!({"kind": "<b>secret-marker</b>List", "metadata": {}, "items": []})).await;
    assert!(matches!(found, SourceState::Failed { .. }) && !why(&found).contains("secret-marker"), "{found:?}");
    // Where only metadata is asked for, a server may answer with either.
    for (kind, version) in [("CustomResourceDefinitionList", "apiextensions.k8s.io/v1"), ("PartialObjectMetadataList", "meta.k8s.io/v1")] {
        let source = SourceId::group("apiextensions.k8s.io", "customresourcedefinitions");
        let list = json!({"kind": kind, "apiVersion": version, "metadata": {}, "items": []});
        assert_eq!(state(&source, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", list).await.word(), "read", "{kind}");
    }
    // The list of one kind of an add-on is not that of another, and one version is not another.
    for (kind, version) in
        [("NetworkPolicyList", "projectcalico.org/v3"), ("TierList", "projectcalico.org/v1"), ("TierList", "v1"), ("TierList", "")]
    {
        let source = SourceId::group("projectcalico.org", "tiers");
        let list = json!({"kind": kind, "apiVersion": version, "metadata": {}, "items": []});
        let found = state(&source, "/apis/projectcalico.org/v3/tiers", list).await;
        assert!(matches!(found, SourceState::Failed { .. }), "{kind} {version} {found:?}");
    }
}

#[tokio::test]
async fn remaining_items_without_a_token_are_partial() {
    let list = |metadata: Value| json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": pods(2)});
    let found = state(&PODS, PODS_PATH, list(json!({"remainingItemCount": 7}))).await;
    assert!(matches!(found, SourceState::Partial { read: 2, .. }) && why(&found).contains("7 more"), "{found:?}");
    let found = state(&PODS, PODS_PATH, list(json!({"remainingItemCount": 0}))).await;
    assert_eq!(found.word(), "read");
}

#[tokio::test]
async fn continue_tokens_in_a_circle_end_the_list() {
    let server = FakeServer::new();
    let page =
        |token: &str| Reply::Json(200, json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": token}, "items": pods(1)}));
    // Longer than the time of this test lets pass one by one, and only two tokens.
    server.always(PODS_PATH, (0..5000).map(|i| page(if i % 2 == 0 { "a-0" } else { "b-0" })).collect());
    let index = collect(&server).await;
    let found = &index.record(&PODS).unwrap().state;
    assert!(matches!(found, SourceState::Partial { .. }) && why(found).contains("does not advance"), "{found:?}");
    // One page more may have been asked for before the one before it had ended; nothing of it is kept.
    assert_eq!(index.record(&PODS).unwrap().pages.len(), 3);
    assert!((3..=4).contains(&server.asked_for(PODS_PATH)), "{}", server.asked_for(PODS_PATH));
}

#[tokio::test]
async fn what_every_kubernetes_has_is_failed_and_not_absent_when_discovery_leaves_it_out() {
    let server = FakeServer::new();
    let empty = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": []});
    server.page("/api", Reply::Json(200, empty));
    let index = collect(&server).await;
    for source in [PODS, SourceId::core("namespaces"), SourceId::core("services"), SourceId::config_map("kube-system", "kubeadm-config")] {
        let found = &index.record(&source).unwrap().state;
        assert!(matches!(found, SourceState::Failed { .. }), "{source} {found:?}");
        assert_eq!(why(found), "discovery does not list it, and every Kubernetes has it");
    }
    assert_eq!(index.record(&SourceId::group("apps", "deployments")).unwrap().state.word(), "read");
    // What else it leaves out may be there.
    for source in [SourceId::group("admissionregistration.k8s.io", "mutatingadmissionpolicies"), SourceId::group("kyverno.io", "policies")]
    {
        let found = &index.record(&source).unwrap().state;
        assert!(matches!(found, SourceState::Failed { .. }) && why(found).contains("which every Kubernetes has"), "{source} {found:?}");
    }
    assert_eq!(index.discovery.as_ref().unwrap().gap("kyverno.io").map(|gap| gap.group.as_str()), Some("*"));
    let found = preflight_with(server.clients(), options()).await.unwrap();
    let check = found.checks.iter().find(|check| check.source == PODS).unwrap();
    assert!(matches!(&check.can, Can::Unknown { why } if why.contains("every Kubernetes has it")), "{check:?}");
}

#[tokio::test]
async fn any_freshness_but_current_is_stale() {
    for (freshness, served) in [(json!("Current"), true), (Value::Null, true), (json!("Unknown"), false), (json!(""), false)] {
        let server = FakeServer::new();
        let resources = json!([{"resource": "pods", "responseKind": {"group": "", "version": "v1", "kind": "Pod"}}]);
        let version = json!({"version": "v1", "freshness": freshness, "resources": resources});
        let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": [{"metadata": {"name": ""}, "versions": [version]}]});
        server.page("/api", Reply::Json(200, list));
        let found = collect(&server).await.record(&PODS).unwrap().state.clone();
        assert_eq!(matches!(found, SourceState::Stale { .. }), !served, "{freshness} {found:?}");
    }
}

#[tokio::test]
async fn rights_that_the_server_could_not_list_are_not_no_rights() {
    let review = |status: Value| json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {}, "status": status});
    let incomplete = review(
        json!({"resourceRules": null, "nonResourceRules": null, "incomplete": true, "evaluationError": "webhook authorizer does not support user rule resolution"}),
    );
    let odd = review(json!({"resourceRules": [{"verbs": "secret-marker"}], "incomplete": false}));
    let without = json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {}});
    let refused = json!({"kind": "Status", "message": "no"});
    let answers =
        [(201, incomplete, "webhook authorizer"), (201, odd, "cannot be read"), (201, without, "it has no status"), (403, refused, "no")];
    for (code, answer, reason) in answers {
        let server = FakeServer::new();
        server.list(PODS_PATH, "Pod", vec![object("a", Some("records"))]);
        server.page(RULES_PATH, Reply::Json(code, answer));
        let told = collect(&server).await.collected.excess_rights;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("could not list this identity's rights completely") && told[0].contains(reason), "{told:?}");
        assert!(!told[0].contains("secret-marker"), "{told:?}");
        let found = preflight_with(server.clients(), options()).await.unwrap();
        assert_eq!(found.excess_rights.iter().map(ToString::to_string).collect::<Vec<_>>(), told);
    }
}

/// `/apis` without groups, with some of them, or with versions that list nothing: what is missing there may be in the cluster.
#[tokio::test]
async fn a_discovery_that_is_cut_short_proves_nothing_about_add_ons() {
    let groups =
        |items: Value| json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    let apps = json!({"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current", "resources": []}]});
    for items in [json!([]), json!([apps])] {
        let server = FakeServer::new();
        server.page("/apis", Reply::Json(200, groups(items.clone())));
        let index = collect(&server).await;
        for (group, resource) in [("apps", "deployments"), ("kyverno.io", "clusterpolicies"), ("constraints.gatekeeper.sh", "*")] {
            let found = &index.record(&SourceId::group(group, resource)).unwrap().state;
            assert!(matches!(found, SourceState::Failed { .. } | SourceState::Stale { .. }), "{items} {resource} {found:?}");
        }
    }
}

#[tokio::test]
async fn a_group_whose_version_lists_no_resource_is_not_absent() {
    let server = FakeServer::new();
    let mut groups = server.discovery();
    groups["items"].as_array_mut().unwrap().push(json!({"metadata": {"name": "kyverno.io"}, "versions": [{"version": "v1"}]}));
    server.page("/apis", Reply::Json(200, groups));
    let index = collect(&server).await;
    let found = &index.record(&SourceId::group("kyverno.io", "clusterpolicies")).unwrap().state;
    assert!(matches!(found, SourceState::Stale { why } if why.contains("kyverno.io/v1 without any resource")), "{found:?}");
    assert_eq!(index.record(&SourceId::group("velero.io", "backups")).unwrap().state, SourceState::NotServed);
}

#[tokio::test]
async fn what_discovery_lists_is_kept_and_a_kind_that_nobody_knows_is_marked() {
    let server = FakeServer::new();
    let mut groups = server.discovery();
    let resource = json!({"resource": "newpolicies", "singularResource": "newpolicy", "shortNames": ["npol"], "scope": "Cluster", "verbs": ["list", "get"],
        "responseKind": {"group": "kyverno.io", "version": "v9", "kind": "NewPolicy"}, "subresources": [{"subresource": "status"}]});
    groups["items"].as_array_mut().unwrap().push(
        json!({"metadata": {"name": "kyverno.io"}, "versions": [{"version": "v9", "freshness": "Current", "resources": [resource]}]}),
    );
    server.page("/apis", Reply::Json(200, groups));
    let index = collect(&server).await;
    let told = index.discovery.as_ref().unwrap();
    assert!(told.is_complete(), "{:?}", told.gaps);
    let unknown: Vec<_> = index.unknown_kinds("kyverno.io").collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(
        (unknown[0].kind.as_str(), unknown[0].namespaced, unknown[0].subresources.as_slice()),
        ("NewPolicy", Some(false), &["status".to_owned()][..])
    );
    assert_eq!(unknown[0].verbs, ["get", "list"]);
    assert_eq!(told.named("npol").len(), 1);
    assert_eq!(told.find("", "pods").unwrap().namespaced, Some(true));
    assert_eq!(told.kinds.iter().filter(|kind| kind.unknown).count(), 1, "{:?}", told.kinds);
}

/// Pages that bring fewer than the first announced, or the same again.
#[tokio::test]
async fn fewer_than_announced_is_partial() {
    let page = |items: Value, token: &str, remaining: Option<u64>, version: &str| {
        let mut metadata = json!({"resourceVersion": version, "continue": token});
        if let Some(remaining) = remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        Reply::Json(200, json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}))
    };
    let all = || pods(4);
    let (first, second) = (json!(all()[..2].to_vec()), json!(all()[2..].to_vec()));
    let half = json!(all()[2..3].to_vec());
    for (name, last, expected) in [
        ("none", page(json!([]), "", None, "1"), Some("announced 4 and gave 2")),
        ("null", page(json!(null), "", None, "1"), Some("announced 4 and gave 2")),
        ("half", page(half, "", None, "1"), Some("announced 4 and gave 3")),
        ("again", page(first.clone(), "", None, "1"), Some("it came twice in one list")),
        ("later", page(second.clone(), "", None, "2"), Some("different moments")),
        ("all", page(second.clone(), "", None, "1"), None),
    ] {
        let server = FakeServer::new();
        server.list(PODS_PATH, "Pod", pods(4));
        server.always(PODS_PATH, vec![page(first.clone(), "next-2", Some(2), "1"), last]);
        let found = collect(&server).await.record(&PODS).unwrap().state.clone();
        match expected {
            Some(text) => assert!(matches!(found, SourceState::Partial { .. }) && why(&found).contains(text), "{name} {found:?}"),
            None => assert_eq!(found.count(), 4, "{found:?}"),
        }
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_of_the_list_is_left_out_by_name() {
    let odd = |change: &dyn Fn(&mut Value)| {
        let mut pod = pods(9).pop().unwrap();
        change(&mut pod);
        pod
    };
    let cases = [
        (odd(&|pod| pod["metadata"]["uid"] = json!("uid-of-pod-00000")), "it came twice"),
        (odd(&|pod| pod["metadata"]["name"] = json!("pod-00001")), "it came twice"),
        (odd(&|pod| pod["metadata"]["namespace"] = json!(null)), "it lies in no namespace"),
        (odd(&|pod| pod["kind"] = json!("Service")), "another kind"),
        (odd(&|pod| pod["apiVersion"] = json!("v2")), "another kind or version"),
        (odd(&|pod| drop(pod.as_object_mut().unwrap().remove("spec"))), "it has no spec"),
        (odd(&|pod| pod["spec"] = json!(null)), "null"),
    ];
    for (pod, expected) in cases {
        let server = FakeServer::new();
        let mut list = pods(3);
        list.push(pod.clone());
        server.list(PODS_PATH, "Pod", list);
        let found = collect(&server).await.record(&PODS).unwrap().state.clone();
        assert!(matches!(found, SourceState::Partial { read: 3, .. }) && why(&found).contains(expected), "{pod} {found:?}");
    }
}

#[tokio::test]
async fn a_key_that_stands_twice_makes_the_object_unreadable() {
    let text = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods(2)}).to_string();
    for (once, twice) in [
        ("\"status\":{", "\"spec\":{\"hostPID\":true},\"status\":{"),
        ("\"image\":\"i\"", "\"image\":\"i\",\"image\":\"other\""),
        ("\"value\":\"secret-marker\"", "\"value\":\"secret-marker\",\"value\":\"\""),
    ] {
        assert!(text.contains(once), "{once}");
        let server = FakeServer::new();
        server.always(PODS_PATH, vec![Reply::Raw(200, "application/json", text.replacen(once, twice, 1).into_bytes())]);
        let found = collect(&server).await.record(&PODS).unwrap().state.clone();
        assert!(matches!(found, SourceState::Partial { read: 1, .. }) && why(&found).contains("twice"), "{twice} {found:?}");
    }
}

/// A page of something in between is no answer of a Kubernetes API.
#[tokio::test]
async fn not_found_counts_only_when_a_kubernetes_api_says_it() {
    for path in ["/flagz", "/statusz", "/metrics", "/version", "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"] {
        let source = match path.strip_prefix("/api/v1/") {
            Some(_) => SourceId::config_map("kube-system", "kubeadm-config"),
            None => path.parse().unwrap(),
        };
        for (code, kind, body) in [
            (404, "text/html", "<html>404 page not found</html>"),
            (406, "text/plain", "no"),
            (404, "application/json", "{}"),
            (404, "text/plain", "404 page not found"),
        ] {
            let server = FakeServer::new();
            server.page(path, Reply::Raw(code, kind, body.as_bytes().to_vec()));
            let found = collect(&server).await.record(&source).unwrap().state.clone();
            assert!(matches!(found, SourceState::Failed { .. }), "{path} {kind} {found:?}");
        }
    }
    // One that speaks of the path and not of the object.
    let server = FakeServer::new();
    server.page(
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config",
        Reply::Status(404, "the server could not find the requested resource"),
    );
    let found = collect(&server).await;
    assert_eq!(found.record(&SourceId::config_map("kube-system", "kubeadm-config")).unwrap().state.word(), "failed");
}

#[tokio::test]
async fn what_a_definition_or_an_api_service_names_is_not_absent() {
    let server = FakeServer::new();
    server.list(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "CustomResourceDefinition",
        vec![object("backups.velero.io", None)],
    );
    server.list("/apis/apiregistration.k8s.io/v1/apiservices", "APIService", vec![object("v1.kyverno.io", None)]);
    let index = collect(&server).await;
    for (group, resource, expected) in
        [("velero.io", "backups", "failed"), ("velero.io", "schedules", "not_served"), ("kyverno.io", "policies", "failed")]
    {
        assert_eq!(index.record(&SourceId::group(group, resource)).unwrap().state.word(), expected, "{resource}");
    }
}

/// What refers to something is read to its end before what it refers to.
#[tokio::test]
async fn what_is_referred_to_is_not_older_than_what_refers_to_it() {
    const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
    let server = FakeServer::new();
    for path in [format!("{RBAC}/rolebindings"), format!("{RBAC}/clusterrolebindings"), PODS_PATH.to_owned()] {
        server.always(&path, vec![Reply::Slow(Duration::from_millis(150))]);
    }
    let index = collect(&server).await;
    let asked: Vec<String> = server.asked().iter().map(|asked| asked.path.split('?').next().unwrap_or("").to_owned()).collect();
    let at = |path: &str| asked.iter().rposition(|asked| asked == path).unwrap();
    for (first, then) in [
        (format!("{RBAC}/rolebindings"), format!("{RBAC}/roles")),
        (format!("{RBAC}/clusterrolebindings"), format!("{RBAC}/clusterroles")),
        (PODS_PATH.to_owned(), "/api/v1/serviceaccounts".to_owned()),
        (PODS_PATH.to_owned(), "/apis/apps/v1/replicasets".to_owned()),
        ("/apis/apps/v1/replicasets".to_owned(), "/apis/apps/v1/deployments".to_owned()),
        ("/api/v1/persistentvolumeclaims".to_owned(), "/api/v1/persistentvolumes".to_owned()),
        ("/api/v1/persistentvolumes".to_owned(), "/apis/storage.k8s.io/v1/storageclasses".to_owned()),
        ("/apis/apps/v1/deployments".to_owned(), "/api/v1/namespaces".to_owned()),
    ] {
        assert!(at(&first) < at(&then), "{first} before {then}");
        let received = |path: &str| {
            let record = index.sources.iter().find(|record| {
                record.pages.iter().any(|page| {
                    index
                        .requests
                        .iter()
                        .any(|request| request.id == page.request && !request.anonymous && request.path.starts_with(&format!("{path}?")))
                })
            });
            record.and_then(|record| record.pages.last()).map(|page| page.received.clone())
        };
        let sent = index
            .requests
            .iter()
            .find(|request| !request.anonymous && request.path.starts_with(&format!("{then}?")))
            .map(|request| request.time.clone());
        assert!(received(&first) <= sent, "{then} was asked for before {first} had come");
    }
}

/// No API server reads so many levels, so that none can have such an object.
#[tokio::test]
async fn a_page_that_is_nested_without_end_is_no_answer() {
    for (levels, is_answer) in [(9_990, true), (20_000, false)] {
        let server = FakeServer::new();
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let text = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods(2)}).to_string();
        let text = text.replacen("\"status\":{", &format!("\"future\":{deep},\"status\":{{"), 1);
        server.always(PODS_PATH, vec![Reply::Raw(200, "application/json", text.into_bytes())]);
        let found = collect(&server).await.record(&PODS).unwrap().state.clone();
        match is_answer {
            // A field that nobody keeps.
            true => assert_eq!(found.count(), 2, "{found:?}"),
            false => assert!(matches!(&found, SourceState::Failed { why } if why.contains("nested deeper than 10000 levels")), "{found:?}"),
        }
    }
}

/// What takes more memory than any object may is left out by name, and costs nothing else.
#[tokio::test]
async fn an_object_that_is_too_much_is_left_out_by_name() {
    for (field, expected) in
        [(json!("x".repeat(17 * 1024 * 1024)), "it is larger than 16 MiB"), (json!(vec![0; 600_000]), "it has more than 500000 values")]
    {
        let server = FakeServer::new();
        let mut list = pods(3);
        list[1]["future"] = field;
        server.list(PODS_PATH, "Pod", list);
        let index = collect(&server).await;
        let record = index.record(&PODS).unwrap();
        assert!(matches!(record.state, SourceState::Read { count: 2, .. }), "{:?}", record.state);
        let left_out: Vec<(String, &str)> = record.left_out.iter().map(|object| (object.to_string(), object.why.as_str())).collect();
        assert_eq!(left_out, [("records/pod-00001".to_owned(), expected)]);
    }
}
