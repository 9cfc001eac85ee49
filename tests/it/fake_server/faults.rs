//! Every answer of a server, broken in every way that can be noticed: no source says that it is whole when it is not what it was without the
//! fault.

use std::collections::BTreeMap;

use kube_hipaa::collect::{CollectOptions, Retries, collect_with};
use kube_hipaa::model::{SnapshotIndex, SourceId, SourceRecord, SourceState};
use kube_hipaa::snapshot::SnapshotWriter;
use serde_json::json;

use super::fake::{FakeServer, object, pods};
use super::{PODS_PATH, options};
use crate::support::faults::faults;

/// A server with an object of every kind, and pods on three pages.
fn server(kinds: &[(String, String, bool)]) -> FakeServer {
    let server = FakeServer::new();
    for (path, kind, namespaced) in kinds {
        let mut one = object("one", namespaced.then_some("records"));
        one["roleRef"] = json!({"kind": "Role", "name": "one"});
        one["rules"] = json!([]);
        one["value"] = json!(1);
        one["handler"] = json!("h");
        one["provisioner"] = json!("p");
        one["spec"]["schedule"] = json!("0 0 * * *");
        one["spec"]["jobTemplate"] = json!({"spec": {"template": {"spec": {}}}});
        server.list(path, kind, vec![one]);
    }
    server.list("/api/v1/namespaces", "Namespace", vec![object("kube-system", None), object("records", None)]);
    server.list(PODS_PATH, "Pod", pods(5));
    server
}

async fn collected(server: &FakeServer) -> Option<SnapshotIndex> {
    let folder = tempfile::tempdir().unwrap();
    // Nobody keeps it, so that nothing has to be on the disk.
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).unwrap().not_kept();
    let retries = Retries { attempts: 1, ..options().retries };
    collect_with(server.clients(), CollectOptions { retries, page_size: 2, ..options() }, &(), writer).await.ok()
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "the number of faults is for people, with --nocapture")]
async fn a_broken_answer_is_never_a_whole_source() {
    let first = collected(&FakeServer::new()).await.unwrap();
    let lists: Vec<(String, String, bool)> = first
        .discovery
        .as_ref()
        .unwrap()
        .kinds
        .iter()
        .filter(|kind| !kind.resource.ends_with("reviews") && kind.resource != "configmaps" && kind.resource != "leases")
        .map(|kind| {
            let base =
                if kind.group.is_empty() { format!("/api/{}", kind.version) } else { format!("/apis/{}/{}", kind.group, kind.version) };
            (format!("{base}/{}", kind.resource), kind.kind.clone(), kind.namespaced == Some(true))
        })
        .collect();
    let clean_server = server(&lists);
    let clean = collected(&clean_server).await.unwrap();
    let whole: Vec<&SourceId> =
        clean.sources.iter().filter(|record| matches!(record.state, SourceState::Read { .. })).map(|record| &record.source).collect();
    assert!(whole.len() > 30, "{whole:?}");
    let known: BTreeMap<&SourceId, _> = clean.sources.iter().map(|record| (&record.source, (&record.state, &record.sha256))).collect();
    let mut positions: Vec<String> = clean_server
        .asked()
        .into_iter()
        .filter(|asked| asked.authorized && asked.method == "GET")
        .map(|asked| asked.path.split('?').next().unwrap_or("").to_owned())
        .collect();
    positions.sort();
    positions.dedup();
    let (mut tried, mut wrong) = (0, Vec::new());
    for path in &positions {
        let (code, kind, body) = clean_server.answer(&format!("{path}?limit=2"));
        let other = clean_server.answer(if path == PODS_PATH { "/api/v1/services" } else { PODS_PATH }).2;
        for (name, reply) in faults(code, kind, &body, &other) {
            let server = server(&lists);
            server.always(path, vec![reply]);
            tried += 1;
            let Some(index) = collected(&server).await else { continue };
            // Of the one request without credentials, whatever came is the answer.
            let answered = |record: &&SourceRecord| {
                record.state.is_complete() && record.left_out.is_empty() && record.source != SourceId::probe("anonymous-request")
            };
            for record in index.sources.iter().filter(answered) {
                let same = known.get(&record.source).is_some_and(|(state, sha256)| **state == record.state && **sha256 == record.sha256);
                // A namespace that was not listed whole may be there: then the server is asked, and says that there is none.
                let none = (record.source.object().is_some() || record.source.resource() == "configmaps")
                    && matches!(record.state, SourceState::Read { count: 0, .. })
                    && known.get(&record.source).is_some_and(|(state, _)| **state == SourceState::NotServed);
                if !same && !none {
                    wrong.push(format!("{path}: {name}: {} is {:?}", record.source, record.state));
                }
            }
        }
    }
    eprintln!("faults: {tried} tried at {} positions", positions.len());
    assert!(tried >= 1000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
