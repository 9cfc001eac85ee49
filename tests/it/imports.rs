//! Files that people hand over: read strictly, laid beside the snapshot, named, sealed, and taken again by what compares.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{assert_error, code, run_in, stderr, stdout};

fn snapshot() -> String {
    std::env::current_dir().expect("a folder").join("examples/clinic-snapshot.zip").display().to_string()
}

const POLICY: &str = "# keeps everything\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n";

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, text).expect("written");
    path
}

fn outcome<'a>(assessment: &'a Value, id: &str) -> &'a Value {
    let controls = assessment["controls"].as_array().expect("controls");
    &controls.iter().find(|control| control["id"] == id).expect("the control")["outcome"]
}

fn assessed(here: &Path, more: &[&str]) -> Value {
    let output = run_in(here, &[&["assess", &snapshot(), "--format", "json"], more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

#[test]
fn what_is_handed_over_is_assessed_named_and_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    write(here, "audit.yaml", POLICY);
    let without = assessed(here, &[]);
    assert_eq!(outcome(&without, "audit/policy-records"), "not_assessed");
    let with = assessed(here, &["--import", "audit.yaml"]);
    assert_eq!(outcome(&with, "audit/policy-records"), "pass");
    assert_eq!(outcome(&with, "audit/no-credential-bodies"), "pass");
    // The snapshot is what it was, and the file is named.
    assert_eq!(with["snapshot_sha256"], without["snapshot_sha256"]);
    assert!(with["workspace"]["files"]["imports/audit.yaml"].is_string() && with["people"].is_null(), "{}", with["workspace"]);
    assert_eq!(with, assessed(here, &["--import", "audit.yaml"]));
    // It lies beside the evidence as it was, is sealed with it, and a copy that somebody changed is found.
    let scope = ["--import", "audit.yaml", "-o", "evidence", "--quiet"];
    let output = run_in(here, &[&["assess", &snapshot()], &scope[..]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let kept = here.join("evidence/workspace/imports/audit.yaml");
    assert_eq!(std::fs::read_to_string(&kept).expect("kept"), POLICY);
    let sealed = run_in(here, &["bundle", "evidence", "--snapshot", &snapshot(), "-o", "bundle"]);
    assert_eq!(code(&sealed), 0, "{}", stderr(&sealed));
    assert_eq!(code(&run_in(here, &["verify", "bundle"])), 0);
    // What compares has the file, too.
    let diff = run_in(here, &["diff", "bundle", "bundle", "--format", "json"]);
    assert_eq!(code(&diff), 0, "{}", stderr(&diff));
    write(here, "bundle/data/workspace/imports/audit.yaml", &POLICY.replace("Metadata", "Request"));
    assert_eq!(code(&run_in(here, &["verify", "bundle"])), 5);
    // By way of a workspace it is the same.
    write(here, "hipaa/imports/other-name", POLICY);
    let by_workspace = assessed(here, &["-w", "hipaa"]);
    assert_eq!(outcome(&by_workspace, "audit/policy-records"), "pass");
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    for (text, place) in [
        ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  user: [a]\n", "odd.yaml:5:"),
        ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: All\n", "odd.yaml:4:10"),
        ("apiVersion: v1\nkind: Secret\ndata: {a: b}\n", "odd.yaml:1:1"),
        ("", "odd.yaml:1"),
    ] {
        write(here, "odd.yaml", text);
        let output = run_in(here, &["assess", &snapshot(), "--import", "odd.yaml"]);
        assert_error(&output, 2, "odd.yaml has", "nothing was asked");
        assert!(stderr(&output).contains(place), "{text}: {}", stderr(&output));
        write(here, "hipaa/imports/odd.yaml", text);
        let output = run_in(here, &["assess", &snapshot(), "-w", "hipaa"]);
        assert!(code(&output) == 2 && stderr(&output).contains(place), "{text}: {}", stderr(&output));
    }
    write(here, "a/audit.yaml", POLICY);
    write(here, "b/audit.yaml", POLICY);
    let output = run_in(here, &["assess", &snapshot(), "--import", "a/audit.yaml", "--import", "b/audit.yaml"]);
    assert!(code(&output) == 2 && stderr(&output).contains("is called audit.yaml, too"), "{}", stderr(&output));
    let output = run_in(here, &["assess", &snapshot(), "--import", "a"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
}

#[test]
fn what_was_taken_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "audit.yaml", POLICY);
    let output = run_in(folder.path(), &["assess", &snapshot(), "--import", "audit.yaml", "--explain-imports", "--quiet"]);
    assert!(stderr(&output).contains("imports/audit.yaml: an audit policy") && stderr(&output).contains("1 rule;"), "{}", stderr(&output));
    let output = run_in(folder.path(), &["assess", &snapshot(), "--explain-imports", "--quiet"]);
    assert!(stderr(&output).contains("No file was handed over"), "{}", stderr(&output));
}
