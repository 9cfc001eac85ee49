//! How the collector ends when a server does what servers do: every case in its documented state.

mod faults;
mod source_kinds;

use crate::support::fake_server as fake;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use fake::{FakeServer, Reply, object, pods};
use kube_hipaa::collect::{Can, CollectError, CollectOptions, Retries, collect_with, preflight_with};
use kube_hipaa::model::{RequestRecord, SnapshotIndex, SourceId, SourceState, ToolIdentity};
use kube_hipaa::snapshot::{Snapshot, SnapshotWriter};
use serde_json::{Value, json};

const PODS: SourceId = SourceId::core("pods");
const PODS_PATH: &str = "/api/v1/pods";
const CALICO: SourceId = SourceId::group("projectcalico.org", "tiers");

fn options() -> CollectOptions {
    let tool = ToolIdentity { name: "kube-hipaa".into(), version: "0".into(), commit: "unknown".into() };
    let retries = Retries { attempts: 3, first_wait: Duration::from_millis(1), longest_wait: Duration::from_millis(5) };
    CollectOptions { retries, ..CollectOptions::new("fake".into(), tool) }
}

struct Done {
    index: SnapshotIndex,
    folder: tempfile::TempDir,
}

impl Done {
    fn state(&self, source: &SourceId) -> &SourceState {
        &self.index.record(source).unwrap().state
    }
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("snapshot")
    }
    fn objects(&self, source: &SourceId) -> Vec<Value> {
        let snapshot = Snapshot::open(&self.path()).unwrap();
        assert_eq!(snapshot.index(), &self.index);
        snapshot.objects(source).unwrap().map(|object| serde_json::from_str(&object.unwrap().json).unwrap()).collect()
    }
    fn names(&self, source: &SourceId) -> Vec<String> {
        self.objects(source).iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

async fn try_collect(server: &FakeServer, options: CollectOptions) -> (Result<SnapshotIndex, CollectError>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).unwrap();
    (collect_with(server.clients(), options, &(), writer).await, folder)
}

async fn collect(server: &FakeServer) -> Done {
    let (collection, folder) = try_collect(server, options()).await;
    Done { index: collection.unwrap(), folder }
}

/// Collects with pods answered as scripted, and gives the state of pods.
async fn pods_with(n: usize, always: bool, replies: Vec<Reply>) -> (SourceState, Done) {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(n));
    if always {
        server.always(PODS_PATH, replies)
    } else {
        server.first(PODS_PATH, replies)
    }
    let done = collect(&server).await;
    (done.state(&PODS).clone(), done)
}

fn why(state: &SourceState) -> &str {
    state.why().unwrap_or("")
}

fn all_pods(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("pod-{i:05}")).collect()
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page_and_each_object_knows_its_request() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(1203));
    let done = collect(&server).await;
    assert_eq!(*done.state(&PODS), SourceState::Read { count: 1203, resource_version: Some("4711".into()) });
    assert_eq!(server.asked_for(PODS_PATH), 3);
    assert_eq!(done.names(&PODS), all_pods(1203));
    let record = done.index.record(&PODS).unwrap();
    assert_eq!(record.pages.iter().map(|page| page.items).collect::<Vec<_>>(), [500, 500, 203]);
    for page in &record.pages {
        let request = &done.index.requests[usize::try_from(page.request).unwrap() - 1];
        assert_eq!((request.id, request.items, request.status), (page.request, Some(page.items), Some(200)));
        assert!(request.path.starts_with(PODS_PATH), "{}", request.path);
    }
    let pod = &done.objects(&PODS)[0];
    assert_eq!((pod["apiVersion"].as_str(), pod["kind"].as_str()), (Some("v1"), Some("Pod")));
    assert_eq!(pod["spec"]["containers"][0]["env"], json!([{"name": "PASSWORD", "value": "[redacted] a credential by its name"}]));
}

#[tokio::test]
async fn every_source_has_a_record_and_nothing_secret_is_stored_or_told() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(3));
    let done = collect(&server).await;
    let index = &done.index;
    for entry in kube_hipaa::collect::inventory::inventory() {
        assert!(index.record(&entry.source).is_some(), "{}", entry.source);
    }
    assert!(index.sources.is_sorted_by_key(|record| record.source.clone()));
    assert_eq!(index.cluster.uid.as_deref(), Some("uid-of-kube-system"));
    assert_eq!(index.cluster.version.as_deref(), Some("v1.36.3"));
    assert_eq!(index.collected.identity.user.as_deref(), Some("scanner"));
    assert_eq!(index.collected.identity.groups, ["auditors", "system:authenticated"]);
    assert!(index.collected.server_clock_ahead_seconds.is_some());
    for file in std::fs::read_dir(done.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let mut text = String::new();
        if std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).is_err() {
            text = String::from_utf8(bytes).unwrap();
        }
        assert!(!text.contains("secret-marker"), "{text}");
    }
    let asked = server.asked();
    assert_eq!(asked.len() as u64, index.collected.requests);
    assert!(asked.iter().all(|asked| !asked.path.contains("secret")));
    assert!(asked.iter().all(|asked| asked.method == "GET" || asked.path.contains("/selfsubject")));
    let told: Vec<&str> = index.requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), asked.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>().iter().collect());
    assert_eq!(index.requests.iter().map(|request| request.id).collect::<Vec<_>>(), (1..=index.collected.requests).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unchanged_cluster_gives_the_same_files_twice() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(700));
    let (one, two) = (collect(&server).await, collect(&server).await);
    let files = |folder: &Path| -> Vec<_> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| !path.ends_with("index.json")).collect();
        names.sort();
        names.into_iter().map(|path| (path.file_name().unwrap().to_owned(), std::fs::read(path).unwrap())).collect()
    };
    let (one, two) = (files(&one.path()), files(&two.path()));
    assert!(one.len() > 3);
    assert!(one == two);
}

#[tokio::test]
async fn refused_is_forbidden_with_the_servers_words_and_the_missing_rule() {
    let (state, done) = pods_with(9, true, vec![Reply::Status(403, "pods is forbidden: User \"scanner\" cannot list")]).await;
    assert_eq!(state, SourceState::Forbidden { why: "pods is forbidden: User \"scanner\" cannot list".into() });
    let record = done.index.record(&PODS).unwrap();
    assert_eq!(record.missing_rule.as_ref().unwrap().to_string(), "list pods");
    assert_eq!(record.file, None);
}

#[tokio::test]
async fn refused_in_the_middle_is_partial() {
    let (state, done) = pods_with(900, true, vec![Reply::Normal, Reply::Status(403, "no longer")]).await;
    assert!(matches!(state, SourceState::Partial { read: 500, .. }), "{state:?}");
    assert!(why(&state).contains("403: no longer"), "{state:?}");
    assert_eq!(done.names(&PODS), all_pods(500));
}

#[tokio::test]
async fn a_group_that_discovery_does_not_list_is_not_served_and_not_asked_for() {
    let server = FakeServer::new();
    let done = collect(&server).await;
    assert_eq!(*done.state(&SourceId::group("kyverno.io", "clusterpolicies")), SourceState::NotServed);
    let newer = SourceId::group("admissionregistration.k8s.io", "mutatingadmissionpolicies");
    assert_eq!(*done.state(&newer), SourceState::NotServed);
    assert!(server.asked().iter().all(|asked| !asked.path.contains("kyverno")));
}

#[tokio::test]
async fn not_found_is_never_not_served() {
    let (state, _) = pods_with(0, true, vec![Reply::Raw(404, "text/plain", b"404 page not found".to_vec())]).await;
    assert!(matches!(state, SourceState::Failed { .. }), "{state:?}");
}

#[tokio::test]
async fn without_discovery_everything_is_tried_and_nothing_is_not_served() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(2));
    server.always("/api", vec![Reply::Status(500, "boom")]);
    server.always("/apis", vec![Reply::Raw(200, "text/html", b"<html>".to_vec())]);
    let done = collect(&server).await;
    assert_eq!(*done.state(&PODS), SourceState::Read { count: 2, resource_version: Some("4711".into()) });
    assert!(matches!(done.state(&SourceId::group("kyverno.io", "clusterpolicies")), SourceState::Failed { why } if why.contains("404")));
    assert!(matches!(done.state(&SourceId::group("constraints.gatekeeper.sh", "*")), SourceState::Failed { .. }));
    // ConfigMaps lie where a namespace is that this cluster does not have.
    let is_list = |entry: &&kube_hipaa::collect::inventory::Entry| entry.is_resource() && entry.kind != "ConfigMap";
    for entry in kube_hipaa::collect::inventory::inventory().iter().filter(is_list) {
        assert_ne!(*done.state(&entry.source), SourceState::NotServed, "{}", entry.source);
    }
}

#[tokio::test]
async fn a_list_that_expires_once_starts_again() {
    let (state, done) = pods_with(1100, false, vec![Reply::Normal, Reply::Normal, Reply::Expired]).await;
    assert_eq!(state, SourceState::Read { count: 1100, resource_version: Some("4711".into()) });
    assert_eq!(done.names(&PODS), all_pods(1100));
}

#[tokio::test]
async fn a_list_that_expires_twice_goes_on_and_is_partial() {
    let (state, done) = pods_with(1100, false, vec![Reply::Normal, Reply::Expired, Reply::Normal, Reply::Expired]).await;
    assert!(matches!(state, SourceState::Partial { read: 1100, .. }), "{state:?}");
    assert!(why(&state).contains("expired twice"), "{state:?}");
    assert_eq!(done.names(&PODS), all_pods(1100));
}

#[tokio::test]
async fn a_list_that_keeps_expiring_ends() {
    let (state, _) = pods_with(1100, true, vec![Reply::Normal, Reply::Expired, Reply::Normal, Reply::Expired]).await;
    assert!(matches!(state, SourceState::Partial { read: 500, .. }), "{state:?}");
    assert!(why(&state).contains("410"), "{state:?}");
}

#[tokio::test]
async fn too_many_requests_waits_as_long_as_the_server_says() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(2));
    server.first(PODS_PATH, vec![Reply::TooMany(1)]);
    let mut options = options();
    options.retries.longest_wait = Duration::from_secs(2);
    let before = Instant::now();
    let (collection, _folder) = try_collect(&server, options).await;
    assert!(before.elapsed() >= Duration::from_secs(1), "{:?}", before.elapsed());
    let index = collection.unwrap();
    assert_eq!(index.record(&PODS).unwrap().state.word(), "read");
    let statuses: Vec<_> =
        index.requests.iter().filter(|request| request.path.starts_with(PODS_PATH)).map(|request| request.status).collect();
    assert_eq!(statuses, [Some(429), Some(200)]);
}

#[tokio::test]
async fn retry_after_is_bounded_and_so_are_attempts() {
    let before = Instant::now();
    let (state, done) = pods_with(2, true, vec![Reply::TooMany(3600)]).await;
    assert!(before.elapsed() < Duration::from_secs(60));
    assert!(matches!(state, SourceState::Failed { .. }) && why(&state).contains("429"), "{state:?}");
    assert_eq!(done.index.requests.iter().filter(|request| request.path.starts_with(PODS_PATH)).count(), 3);
}

#[tokio::test]
async fn server_errors_are_tried_again_then_failed_or_partial() {
    let (state, _) = pods_with(2, false, vec![Reply::Status(500, "boom"), Reply::Status(503, "away")]).await;
    assert_eq!(state.word(), "read");
    let (state, _) = pods_with(2, true, vec![Reply::Status(500, "boom")]).await;
    assert_eq!(state, SourceState::Failed { why: "the server answered 500: boom".into() });
    let (state, done) = pods_with(900, true, vec![Reply::Normal, Reply::Status(502, "gone")]).await;
    assert_eq!(state, SourceState::Partial { read: 500, why: "the server answered 502: gone".into() });
    assert_eq!(done.names(&PODS), all_pods(500));
}

#[tokio::test]
async fn a_stale_aggregated_api_is_stale_and_not_absent() {
    for plain in [false, true] {
        let server = FakeServer::new();
        server.stale("projectcalico.org", "v3");
        if plain {
            server.plain_discovery();
        }
        let done = collect(&server).await;
        for resource in ["tiers", "networkpolicies", "globalnetworkpolicies", "felixconfigurations"] {
            let state = done.state(&SourceId::group("projectcalico.org", resource));
            assert!(matches!(state, SourceState::Stale { why } if why.contains("projectcalico.org/v3")), "{plain} {resource} {state:?}");
        }
        assert_eq!(server.asked().iter().filter(|asked| asked.path.contains("projectcalico.org/v3/")).count(), 0);
        assert_eq!(done.state(&SourceId::group("apps", "deployments")).word(), "read");
    }
}

#[tokio::test]
async fn plain_discovery_finds_the_same() {
    let server = FakeServer::new();
    server.plain_discovery();
    let (plain, aggregated) = (collect(&server).await, collect(&FakeServer::new()).await);
    let states = |done: &Done| {
        done.index.sources.iter().map(|record| (record.source.clone(), record.state.clone(), record.kind.clone())).collect::<Vec<_>>()
    };
    assert_eq!(states(&plain), states(&aggregated));
    assert_eq!(plain.state(&CALICO).word(), "read");
}

#[tokio::test]
async fn what_is_not_read_by_the_deadline_says_so() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(900));
    server.list("/apis/apps/v1/deployments", "Deployment", vec![object("d", Some("records"))]);
    server.always(PODS_PATH, vec![Reply::Normal, Reply::Slow(Duration::from_secs(3600))]);
    server.always("/apis/apps/v1/deployments", vec![Reply::Slow(Duration::from_secs(3600))]);
    let options = CollectOptions { timeout: Duration::from_secs(4), ..options() };
    let before = Instant::now();
    let (collection, folder) = try_collect(&server, options).await;
    assert!(before.elapsed() < Duration::from_secs(30));
    let done = Done { index: collection.unwrap(), folder };
    let state = done.state(&PODS);
    assert!(matches!(state, SourceState::Partial { read: 500, .. }) && why(state).contains("deadline"), "{state:?}");
    let state = done.state(&SourceId::group("apps", "deployments"));
    assert!(matches!(state, SourceState::Failed { .. }) && why(state).contains("deadline"), "{state:?}");
    assert_eq!(done.state(&SourceId::core("services")).word(), "read");
}

#[tokio::test]
async fn one_slow_request_is_tried_again() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(2));
    server.first(PODS_PATH, vec![Reply::Slow(Duration::from_secs(3600))]);
    let options = CollectOptions { request_timeout: Duration::from_millis(200), ..options() };
    let (collection, _folder) = try_collect(&server, options).await;
    let index = collection.unwrap();
    assert_eq!(index.record(&PODS).unwrap().state.word(), "read");
    assert!(index.requests.iter().any(|request| request.error.as_deref() == Some("no answer within 0.2 s")));
}

#[tokio::test]
async fn truncated_answers_are_tried_again_then_failed() {
    for broken in [Reply::BreaksOff, Reply::CutOff] {
        let (state, done) = pods_with(40, false, vec![broken.clone()]).await;
        assert_eq!(state, SourceState::Read { count: 40, resource_version: Some("4711".into()) });
        assert_eq!(done.names(&PODS), all_pods(40));
        let (state, _) = pods_with(40, true, vec![broken.clone()]).await;
        assert!(matches!(state, SourceState::Failed { .. }), "{broken:?} {state:?}");
        let (state, done) = pods_with(900, true, vec![Reply::Normal, broken.clone()]).await;
        assert!(matches!(state, SourceState::Partial { read: 500, .. }), "{broken:?} {state:?}");
        assert_eq!(done.names(&PODS), all_pods(500));
    }
}

#[tokio::test]
async fn garbage_is_failed_and_its_text_is_not_stored() {
    let html = b"<html>Please log in, secret-marker</html>".to_vec();
    let (state, _) = pods_with(2, true, vec![Reply::Raw(200, "text/html", html.clone())]).await;
    assert!(matches!(state, SourceState::Failed { .. }) && why(&state).contains("text/html"), "{state:?}");
    assert!(!why(&state).contains("secret-marker"));
    let (state, _) = pods_with(2, true, vec![Reply::Raw(502, "text/html", html)]).await;
    assert_eq!(state, SourceState::Failed { why: "the server answered 502: (no reason given, text/html)".into() });
    for wrong in [json!({"kind": "Status", "status": "Success"}), json!([]), json!({"kind": "PodList", "items": 7})] {
        let (state, _) = pods_with(2, true, vec![Reply::Json(200, wrong.clone())]).await;
        assert!(matches!(state, SourceState::Failed { .. }), "{wrong} {state:?}");
    }
}

#[tokio::test]
async fn one_broken_object_among_good_ones_is_named_and_costs_nothing_else() {
    for wrong in [json!(7), json!({"metadata": {}})] {
        let server = FakeServer::new();
        let mut list = pods(5);
        list.insert(2, wrong.clone());
        server.list(PODS_PATH, "Pod", list);
        let done = collect(&server).await;
        let state = done.state(&PODS);
        assert!(matches!(state, SourceState::Partial { read: 5, .. }), "{wrong} {state:?}");
        assert!(why(state).contains("one object was left out because it cannot be read"), "{state:?}");
        assert!(why(state).contains("object 3 of a page"), "{state:?}");
        assert_eq!(done.names(&PODS), all_pods(5));
    }
}

#[tokio::test]
async fn an_object_of_another_shape_is_left_out_by_name_and_the_list_was_read() {
    let odd = json!({"metadata": {"name": "odd", "namespace": "records", "uid": "u", "labels": {"app": "odd"}}, "spec": {"containers": "secret-marker"}});
    let server = FakeServer::new();
    let mut list = pods(5);
    list.insert(2, odd);
    server.list(PODS_PATH, "Pod", list);
    let done = collect(&server).await;
    assert!(matches!(done.state(&PODS), SourceState::Read { count: 5, .. }), "{:?}", done.state(&PODS));
    let left_out = &done.index.record(&PODS).unwrap().left_out;
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert_eq!((left_out[0].to_string().as_str(), left_out[0].why.contains("secret-marker")), ("records/odd", false));
    assert_eq!(done.names(&PODS), all_pods(5));
}

#[tokio::test]
async fn bytes_that_are_not_text_cost_one_object() {
    let server = FakeServer::new();
    let mut bytes = rendered_pods(3);
    let at = bytes.windows(9).position(|window| window == b"pod-00001").unwrap();
    bytes[at] = 0xff;
    server.always(PODS_PATH, vec![Reply::Raw(200, "application/json", bytes)]);
    let done = collect(&server).await;
    assert!(matches!(done.state(&PODS), SourceState::Partial { read: 2, .. }), "{:?}", done.state(&PODS));
}

/// The head of an answer names the next page before the answer is whole.
#[tokio::test]
async fn a_page_that_was_asked_for_ahead_is_used_once_or_said_to_be_unused() {
    // Whatever else the machine does: the first page does not break off before the second one was asked for.
    let (state, done) = pods_with(1203, false, vec![Reply::BreaksOffLate]).await;
    assert_eq!(state, SourceState::Read { count: 1203, resource_version: Some("4711".into()) });
    assert_eq!(done.names(&PODS), all_pods(1203));
    let used: Vec<u64> = done.index.record(&PODS).unwrap().pages.iter().map(|page| page.request).collect();
    let asked = |done: &Done| -> Vec<RequestRecord> {
        done.index.requests.iter().filter(|request| request.path.starts_with(PODS_PATH)).cloned().collect()
    };
    // The second page was on its way while the first one came again.
    let second = asked(&done).iter().position(|request| request.path.contains("continue=")).unwrap();
    assert_eq!(second, 1, "{:#?}", asked(&done));
    for request in asked(&done) {
        assert_eq!(request.error.is_none(), used.contains(&request.id), "{request:#?}");
    }

    let (state, done) = pods_with(900, true, vec![Reply::BreaksOffLate, Reply::Normal, Reply::BreaksOff]).await;
    assert!(matches!(state, SourceState::Failed { .. }), "{state:?}");
    let ahead: Vec<_> = asked(&done).into_iter().filter(|request| request.path.contains("continue=")).collect();
    assert!(!ahead.is_empty());
    for request in ahead {
        assert!(request.error.as_deref().is_some_and(|why| why.starts_with("not ")), "{request:#?}");
    }
}

#[tokio::test]
async fn pages_that_are_asked_for_ahead_count_as_requests() {
    let server = FakeServer::new();
    let slow = || vec![Reply::Slow(Duration::from_millis(20))];
    for (path, kind) in [(PODS_PATH, "Pod"), ("/api/v1/services", "Service"), ("/api/v1/serviceaccounts", "ServiceAccount")] {
        server.list(path, kind, pods(1203));
        server.always(path, slow());
    }
    for (parallelism, at_once) in [(1, 1..=1), (3, 2..=3)] {
        let (done, _folder) = try_collect(&server, CollectOptions { parallelism, ..options() }).await;
        assert!(matches!(done.unwrap().record(&PODS).unwrap().state, SourceState::Read { count: 1203, .. }));
        assert!(at_once.contains(&server.most_at_once()), "{} of {parallelism}", server.most_at_once());
    }
}

fn rendered_pods(n: usize) -> Vec<u8> {
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": pods(n)}).to_string().into_bytes()
}

#[tokio::test]
async fn a_list_that_does_not_advance_ends() {
    let stuck = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "again-0"}, "items": pods(1)});
    let (state, _) = pods_with(0, true, vec![Reply::Json(200, stuck)]).await;
    assert!(matches!(state, SourceState::Partial { .. }) && why(&state).contains("does not advance"), "{state:?}");
}

#[tokio::test]
async fn nothing_at_all_is_an_error_and_leaves_nothing() {
    let server = FakeServer::new();
    server.always("/version", vec![Reply::Refused]);
    let (result, folder) = try_collect(&server, options()).await;
    let error = result.unwrap_err();
    assert!(matches!(error, CollectError::Unreachable { .. }) && error.is_nothing_collected(), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let server = FakeServer::new();
    server.always("/apis/authentication.k8s.io/v1/selfsubjectreviews", vec![Reply::Status(401, "Unauthorized")]);
    let (result, _folder) = try_collect(&server, options()).await;
    assert!(matches!(result.unwrap_err(), CollectError::Unauthenticated { .. }));

    let server = FakeServer::new();
    let (ok, _folder) = try_collect(&server, options()).await;
    for request in ok.unwrap().requests.iter().filter(|request| request.verb == "list") {
        server.always(request.path.split('?').next().unwrap(), vec![Reply::Status(403, "you may not")]);
    }
    let (result, folder) = try_collect(&server, options()).await;
    let error = result.unwrap_err();
    assert!(matches!(&error, CollectError::NothingReadable { why, .. } if why == "you may not"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_interrupted_collection_leaves_nothing() {
    let server = FakeServer::new();
    server.list(PODS_PATH, "Pod", pods(900));
    server.always(PODS_PATH, vec![Reply::Normal, Reply::Slow(Duration::from_secs(3600))]);
    let folder = tempfile::tempdir().unwrap();
    let writer = SnapshotWriter::create(&folder.path().join("snapshot.zip"), false).unwrap();
    let running = collect_with(server.clients(), options(), &(), writer);
    assert!(tokio::time::timeout(Duration::from_millis(500), running).await.is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn preflight_reads_nothing_and_names_the_missing_rules() {
    let server = FakeServer::new();
    let found = preflight_with(server.clients(), options()).await.unwrap();
    let can = |source: &SourceId| &found.checks.iter().find(|check| &check.source == source).unwrap().can;
    assert_eq!(*can(&PODS), Can::Read);
    assert!(matches!(can(&SourceId::core("nodes")), Can::Refused { missing_rule, .. } if missing_rule.to_string() == "list nodes"));
    assert!(matches!(can(&SourceId::url("/metrics")), Can::Refused { missing_rule, .. } if missing_rule.to_string() == "get /metrics"));
    assert_eq!(*can(&SourceId::group("kyverno.io", "policies")), Can::NotServed);
    assert_eq!(found.identity.user.as_deref(), Some("scanner"));
    assert_eq!(found.excess_rights, []);
    assert_eq!(*can(&SourceId::config_map("falco", "falco")), Can::NotServed);
    assert_eq!(*can(&SourceId::config_map("kube-system", "aws-auth")), Can::Read);
    let read: Vec<_> = server.asked().into_iter().filter(|asked| asked.path.starts_with("/api/v1/")).map(|asked| asked.path).collect();
    assert_eq!(read, ["/api/v1/namespaces?limit=500"], "nothing but names of namespaces was read");
}
