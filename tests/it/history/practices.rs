//! What a record shows of practices: days, gaps, and checks that became others.

use kube_hipaa::model::history::PracticeState;

use super::*;

/// Gives every check of the record this outcome, and this version where one is said.
fn all(assessment: &mut Value, outcome: &str, version: Option<u32>) {
    for control in assessment["controls"].as_array_mut().unwrap() {
        if control["outcome"] == "manual" {
            continue;
        }
        control["outcome"] = json!(outcome);
        control["findings"] = json!([]);
        control["unseen"] = json!([]);
        if let Some(version) = version {
            control["version"] = json!(version);
        }
    }
}

fn one(assessment: &mut Value, id: &str, outcome: &str) {
    let control = assessment["controls"].as_array_mut().unwrap().iter_mut().find(|control| control["id"] == id).unwrap();
    control["outcome"] = json!(outcome);
}

#[test]
fn a_practice_is_told_day_by_day_and_changed_checks_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    let id = "storage/volume-encrypted";
    template.night(&store, "2026-03-01T02:00:00Z", |assessment| all(assessment, "pass", None));
    template.night(&store, "2026-03-02T02:00:00Z", |assessment| all(assessment, "pass", None));
    template.night(&store, "2026-03-03T02:00:00Z", |assessment| {
        all(assessment, "pass", None);
        one(assessment, id, "not_assessed");
    });
    // Nothing for a week, then a stricter check that notes an exception.
    template.night(&store, "2026-03-10T02:00:00Z", |assessment| {
        all(assessment, "pass", Some(99));
        one(assessment, id, "fail");
    });
    let found = history(here, &["--as-of", "2026-03-10T12:00:00Z"]);
    let practice = found.practices.iter().find(|practice| practice.practice.controls.iter().any(|control| control == id)).unwrap();
    let states: Vec<_> = practice.spans.iter().map(|span| (span.was.state, span.nights)).collect();
    assert_eq!(states, [(PracticeState::Observed, 2), (PracticeState::NotSeen, 1), (PracticeState::Exceptions, 1)]);
    let rules: Vec<&str> = practice.spans.iter().map(|span| span.was.rules.as_str()).collect();
    assert!(rules[0] == rules[1] && rules[1] != rules[2], "{rules:?}");
    // One whose checks did not change their outcome changes with their versions all the same.
    let other =
        found.practices.iter().find(|practice| practice.spans.len() == 2 && practice.practice.controls.iter().all(|control| control != id));
    assert!(other.is_some_and(|other| other.spans.iter().all(|span| span.was.state == PracticeState::Observed)));

    let output = run_in(here, &["history", "store", "--as-of", "2026-03-10T12:00:00Z", "-o", "out", "--quiet"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = std::fs::read_to_string(here.join("out/history.html")).unwrap();
    for part in [
        "Recognized security practices",
        "not less than the previous twelve months",
        "checks or scope are others than before",
        "have a report of this cluster",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let mut reader = csv::Reader::from_path(here.join("out/history-practices.csv")).unwrap();
    let heads = reader.headers().unwrap().clone();
    let at = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let of: Vec<(&str, &str)> = rows
        .iter()
        .filter(|row| row[at("practice")] == practice.practice.id)
        .map(|row| (&row[at("state")], &row[at("checks_changed")]))
        .collect();
    assert_eq!(of, [("observed", "false"), ("not seen", "false"), ("exceptions noted", "true")]);
}
