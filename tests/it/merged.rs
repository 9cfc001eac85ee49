//! What holds in four namespaces with ePHI says four, wherever it is told.

use kube_hipaa::collect::{CollectOptions, collect_with};
use kube_hipaa::model::ToolIdentity;
use kube_hipaa::snapshot::SnapshotWriter;
use serde_json::{Value, json};

use crate::cli::{code, run_in, stderr, stdout};
use crate::support::fake_server::{FakeServer, object};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const PLACES: [&str; 4] = ["archive", "billing", "imaging", "records"];

/// A group that reads Secrets: by a binding of the same name in four namespaces, and one by a binding of the cluster.
fn server(everywhere: bool) -> FakeServer {
    let server = FakeServer::new();
    let namespaces = PLACES.iter().chain(&["kube-system", "web"]).map(|name| object(name, None)).collect();
    server.list("/api/v1/namespaces", "Namespace", namespaces);
    let rule = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]);
    let metadata = |name: &str, namespace: Option<&str>| json!({"name": name, "namespace": namespace, "uid": format!("uid-{name}-{}", namespace.unwrap_or("")), "resourceVersion": "5"});
    let role = json!({"metadata": metadata("secret-reader", None), "rules": rule});
    server.list(&format!("{RBAC}/clusterroles"), "ClusterRole", vec![role]);
    let binding = |namespace: Option<&str>| {
        json!({"metadata": metadata("support", namespace),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "secret-reader"},
            "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "support-team"}]})
    };
    if everywhere {
        server.list(&format!("{RBAC}/clusterrolebindings"), "ClusterRoleBinding", vec![binding(None)]);
    } else {
        server.list(&format!("{RBAC}/rolebindings"), "RoleBinding", PLACES.iter().map(|place| binding(Some(place))).collect());
    }
    server
}

async fn told(everywhere: bool) -> (Value, [String; 4]) {
    let folder = tempfile::tempdir().unwrap();
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).unwrap();
    let tool = ToolIdentity { name: "kube-hipaa".into(), version: "0".into(), commit: "unknown".into() };
    collect_with(server(everywhere).clients(), CollectOptions::new("four".into(), tool), &(), writer).await.unwrap();
    let here = folder.path();
    let mut arguments = vec!["assess", "snapshot", "--allow-incomplete", "--format", "html,markdown,csv,json", "-o", "out"];
    arguments.extend(["--control", "access/secrets-readable"]);
    PLACES.iter().for_each(|place| arguments.extend(["--ephi-namespace", place]));
    let output = run_in(here, &arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let read = |name: &str| std::fs::read_to_string(here.join("out").join(name)).unwrap();
    let assessment: Value = serde_json::from_str(&read("assessment.json")).unwrap();
    let control =
        assessment["controls"].as_array().unwrap().iter().find(|control| control["id"] == "access/secrets-readable").unwrap().clone();
    (control, [read("report.html"), read("report.md"), read("findings.csv"), stdout(&output)])
}

/// The lines of a text that are about the binding.
fn about<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(word)).collect()
}

#[tokio::test]
async fn a_binding_in_four_namespaces_says_four_in_every_document() {
    for everywhere in [false, true] {
        let (control, [html, markdown, csv, terminal]) = told(everywhere).await;
        let findings = control["findings"].as_array().unwrap();
        let of_support: Vec<String> = findings.iter().map(ToString::to_string).filter(|finding| finding.contains("support-team")).collect();
        assert_eq!(of_support.len(), if everywhere { 1 } else { PLACES.len() }, "{findings:#?}");
        for (name, text) in [("HTML", &html), ("Markdown", &markdown), ("CSV", &csv), ("terminal", &terminal)] {
            assert!(text.contains("support-team"), "{name} says nothing of it\n{text:.2000}");
        }
        if everywhere {
            continue;
        }
        for place in PLACES {
            assert!(of_support.iter().any(|finding| finding.contains(place)), "{place}: {of_support:#?}");
            for (name, text) in [("HTML", &html), ("Markdown", &markdown), ("terminal", &terminal)] {
                assert!(text.contains(place), "{place} is not in {name}\n{}", about(text, "support").join("\n"));
            }
            let rows = about(&csv, "support-team");
            assert!(rows.iter().any(|row| row.contains(place)), "{place} is not in CSV: {rows:#?}");
        }
        // The number beside the names.
        for (name, text) in [("HTML", &html), ("Markdown", &markdown)] {
            let plain = text.replace("<b>", "").replace("</b>", "").replace("**", "");
            assert!(
                plain.contains("4 namespaces with ePHI (archive, billing, imaging and records)"),
                "{name} says no 4: {}",
                about(text, "support").join("\n")
            );
        }
    }
}
