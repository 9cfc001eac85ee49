//! Every answer of a server, broken in every way that can be noticed: no source says that it is whole when it is not what it was without the
//! fault.

use std::collections::BTreeMap;

use kube_hipaa::collect::{CollectOptions, Retries, collect_with};
use kube_hipaa::model::{SnapshotIndex, SourceId, SourceRecord, SourceState};
use kube_hipaa::snapshot::SnapshotWriter;
use serde_json::{Value, json};

use super::fake::{FakeServer, Reply, object, pods};
use super::{PODS_PATH, options};

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
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).unwrap();
    let retries = Retries { attempts: 1, ..options().retries };
    collect_with(server.clients(), CollectOptions { retries, page_size: 2, ..options() }, &(), writer).await.ok()
}

/// A text in which `change` was made to the JSON of `body`; none where it does not apply.
fn changed(body: &[u8], change: impl Fn(&mut Value) -> Option<()>) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    change(&mut value)?;
    // In the order of a server: what a list says of itself first.
    Some(value.to_string().into_bytes())
}

fn first_item(value: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    value.get_mut("items")?.as_array_mut()?.first_mut()?.as_object_mut()
}

/// Name and answer of everything that can go wrong with one answer.
fn faults(code: u16, kind: &'static str, body: &[u8], other: &[u8]) -> Vec<(&'static str, Reply)> {
    let raw = |bytes: Vec<u8>| Reply::Raw(code, kind, bytes);
    let text = |code: u16, kind: &'static str, text: &str| Reply::Raw(code, kind, text.as_bytes().to_vec());
    let mut all = vec![
        ("refused connection", Reply::Refused),
        ("broken off", Reply::BreaksOff),
        ("cut off", Reply::CutOff),
        ("page of a proxy", text(200, "text/html", "<html>log in</html>")),
        ("not found by a proxy", text(404, "text/html", "<html>404 page not found</html>")),
        ("not found in plain text", text(404, "text/plain", "404 page not found")),
        ("not acceptable by a proxy", text(406, "text/html", "no")),
        ("not found without a kind", text(404, "application/json", "{}")),
        ("server error", Reply::Status(500, "boom")),
        ("gateway error", text(502, "text/html", "bad gateway")),
        ("forbidden", Reply::Status(403, "no")),
        ("success without content", text(200, "application/json", r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#)),
        ("nothing", text(200, "application/json", "")),
        ("null", text(200, "application/json", "null")),
        ("an empty object", text(200, "application/json", "{}")),
        ("an empty list", text(200, "application/json", "[]")),
        ("the answer to another question", Reply::Raw(200, "application/json", other.to_vec())),
    ];
    let json_faults: [(&'static str, &dyn Fn(&mut Value) -> Option<()>); 14] = [
        ("another kind", &|value| value.get_mut("items").map(|_| ()).map(|()| value["kind"] = json!("EventList"))),
        ("no kind", &|value| value.as_object_mut()?.remove("kind").map(drop)),
        ("another version", &|value| value.get_mut("items").map(|_| ()).map(|()| value["apiVersion"] = json!("example.org/v9"))),
        ("no items", &|value| value.as_object_mut()?.remove("items").map(drop)),
        ("items that are no list", &|value| value.get_mut("items").map(|items| *items = json!({}))),
        ("items withheld", &|value| {
            value.get_mut("items")?;
            value["metadata"]["remainingItemCount"] = json!(9);
            value["metadata"]["continue"] = json!("");
            Some(())
        }),
        ("null items, and announced ones", &|value| {
            value["items"].as_array().filter(|items| !items.is_empty())?;
            value["items"] = Value::Null;
            value["metadata"]["remainingItemCount"] = json!(1);
            value["metadata"]["continue"] = json!("");
            Some(())
        }),
        ("an object twice", &|value| {
            let first = value["items"].as_array()?.first()?.clone();
            value["metadata"].get("resourceVersion")?;
            value["items"].as_array_mut()?.push(first);
            Some(())
        }),
        ("an object without name", &|value| first_item(value)?.get_mut("metadata")?.as_object_mut()?.remove("name").map(drop)),
        ("an object of another kind", &|value| {
            first_item(value)?.get("metadata")?.get("uid")?;
            first_item(value)?.insert("kind".to_owned(), json!("Odd"));
            Some(())
        }),
        ("an object of another version", &|value| {
            first_item(value)?.get("metadata")?.get("uid")?;
            first_item(value)?.insert("apiVersion".to_owned(), json!("odd/v1"));
            Some(())
        }),
        ("an object in no place or another", &|value| {
            let metadata = first_item(value)?.get_mut("metadata")?.as_object_mut()?;
            metadata.get("uid")?;
            let place = if metadata.get("namespace").is_some_and(Value::is_string) { Value::Null } else { json!("records") };
            metadata.insert("namespace".to_owned(), place);
            Some(())
        }),
        ("no groups", &|value| (value["kind"] == "APIGroupDiscoveryList").then(|| value["items"] = json!([]))),
        ("half of the groups", &|value| {
            let _many = value["items"].as_array().filter(|groups| groups.len() > 2)?;
            (value["kind"] == "APIGroupDiscoveryList").then_some(())?;
            let half = value["items"].as_array()?.len() / 2;
            value["items"].as_array_mut()?.truncate(half);
            Some(())
        }),
    ];
    for (name, change) in json_faults {
        all.extend(changed(body, change).map(|bytes| (name, raw(bytes))));
    }
    let written = String::from_utf8_lossy(body).into_owned();
    if written.contains("\"uid\":") && written.contains("\"items\"") {
        all.push(("a field twice", raw(written.replacen("\"uid\":", "\"uid\":\"x\",\"uid\":", 1).into_bytes())));
        let mut bytes = body.to_vec();
        if let Some(at) = written.find("uid-of-") {
            bytes[at] = 0xff;
            all.push(("bytes that are no text", raw(bytes)));
        }
    }
    all
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
            let answered = |record: &&SourceRecord| record.state.is_complete() && record.source != SourceId::probe("anonymous-request");
            for record in index.sources.iter().filter(answered) {
                let same = known.get(&record.source).is_some_and(|(state, sha256)| **state == record.state && **sha256 == record.sha256);
                // A namespace that was not listed whole may be there: then the server is asked, and says that there is none.
                let none = record.source.object().is_some()
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
