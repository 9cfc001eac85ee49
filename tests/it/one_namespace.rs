//! An identity that may read in one namespace only gets a report of that namespace.

use std::time::Duration;

use kube_hipaa::collect::{CollectOptions, Retries, collect_with};
use kube_hipaa::model::{SourceId, SourceState, ToolIdentity};
use kube_hipaa::snapshot::SnapshotWriter;

use crate::support::fake_server::{FakeServer, Reply, pods};

async fn collected(namespace: Option<&str>) -> (Option<SourceState>, Vec<String>) {
    let server = FakeServer::new();
    for path in ["/api/v1/namespaces", "/api/v1/pods", "/api/v1/services", "/apis/apps/v1/deployments", "/api/v1/nodes"] {
        server.always(path, vec![Reply::Status(403, "you may not")]);
    }
    server.list("/api/v1/namespaces/records/pods", "Pod", pods(7));
    let tool = ToolIdentity { name: "kube-hipaa".into(), version: "0".into(), commit: "unknown".into() };
    let retries = Retries { attempts: 1, first_wait: Duration::from_millis(1), longest_wait: Duration::from_millis(5) };
    let options = CollectOptions { retries, namespace: namespace.map(str::to_owned), ..CollectOptions::new("fake".into(), tool) };
    let folder = tempfile::tempdir().expect("a folder");
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).expect("free");
    let index = collect_with(server.clients(), options, &(), writer).await.expect("something was read");
    let asked = server.asked().iter().map(|asked| asked.path.clone()).filter(|path| path.contains("/namespaces/records/")).collect();
    (index.record(&SourceId::core("pods")).map(|record| record.state.clone()), asked)
}

#[tokio::test]
async fn what_was_refused_everywhere_is_read_where_it_may_be() {
    let (state, asked) = collected(Some("records")).await;
    let Some(SourceState::Partial { read: 7, why }) = &state else { panic!("{state:?}") };
    assert!(why.contains("you may not") && why.ends_with("read was the namespace records"), "{why}");
    assert!(asked.iter().any(|path| path.starts_with("/api/v1/namespaces/records/pods")), "{asked:?}");
    assert!(!asked.iter().any(|path| path.contains("/nodes") || path.contains("configmaps")), "{asked:?}");
    let (state, asked) = collected(None).await;
    assert!(matches!(state, Some(SourceState::Forbidden { .. })) && asked.is_empty(), "{state:?} {asked:?}");
}
