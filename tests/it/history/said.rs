//! What people said over time.

use serde_json::{Value, json};

use super::{Template, history};
use crate::cli::{code, run_in, stderr, stdout};

/// A workspace with one question, one waiver and one decision, as an assessment tells of it.
fn hand_in(assessment: &mut Value, state: &str, decided: bool) {
    let asked = json!([{"id": "manual/audit-log-review", "paragraphs": ["164.308(a)(1)(ii)(D)"], "controls": ["manual/audit-log-review"],
        "question": "Who reads the log?", "answered_by": "Security official", "evidence_wanted": "minutes", "how_often": "yearly", "state": state}]);
    let count = |is: &str| u64::from(state == is);
    assessment["people"] = json!({"questions": {"answered": count("answered"), "expired": count("expired"), "open": count("open")},
        "waivers": {"in_force": 1, "expired": 0, "unused": 0, "not_yet": 0, "not_effective": 0},
        "dispositions": {"decided": u64::from(decided), "due": 0, "open": 3}, "problems": [], "asked": asked});
    let controls = assessment["controls"].as_array_mut().unwrap();
    if state != "open" {
        let control = controls.iter_mut().find(|control| control["id"] == "manual/audit-log-review").unwrap();
        control["answers"] = json!([{"file": "answers/log.yaml", "question": "manual/audit-log-review", "statement": "<b>We do</b>.",
            "answered_by": {"name": "A. <i>Reviewer</i>", "role": "Security official"}, "answered_on": "2026-11-02", "valid_until": "2026-11-04",
            "state": "in_force"}]);
    }
    let control = controls.iter_mut().find(|control| control["findings"].as_array().is_some_and(|all| !all.is_empty())).unwrap();
    control["findings"][0]["waiver"] = json!({"file": "waivers/one.yaml", "reason": "r", "owner": "C. Owner", "approved_by": "D. Approver",
        "until": "2026-12-31", "state": "in_force"});
    if decided {
        let all = assessment["paragraphs"].as_array_mut().unwrap();
        let paragraph = all.iter_mut().find(|paragraph| paragraph["id"] == "164.312(a)(2)(iv)").unwrap();
        paragraph["disposition"] = json!({"file": "dispositions/one.yaml", "decision": "alternative", "rationale": "r", "decided_by": "E. Official",
            "decided_on": "2026-11-02", "state": "in_force"});
    }
}

/// What people say stands as long as bundles hold it; a bundle without a workspace says nothing, and nothing is drawn through it.
#[test]
fn what_people_said_is_told_from_bundle_to_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    let nights = [Some(("open", false)), Some(("answered", true)), None, Some(("answered", true)), Some(("expired", true))];
    for (day, said) in (1..).zip(nights) {
        template.night(&store, &format!("2026-11-0{day}T02:00:00Z"), |assessment| {
            if let Some((state, decided)) = said {
                hand_in(assessment, state, decided);
            }
        });
    }
    let as_of = ["--as-of", "2026-11-05T12:00:00Z"];
    let record = history(here, &as_of);
    let days = |from: &str, to: &str, nights: u64| (from[8..10].to_owned(), to[8..10].to_owned(), nights);
    let [question] = record.questions.as_slice() else { panic!("{:#?}", record.questions) };
    let stood: Vec<_> = question.spans.iter().map(|span| (span.was.state.word(), days(&span.from, &span.to, span.nights))).collect();
    let day = |from: u8, to: u8, nights: u64| (format!("0{from}"), format!("0{to}"), nights);
    let expected = [("open", day(1, 1, 1)), ("answered", day(2, 2, 1)), ("answered", day(4, 4, 1)), ("expired", day(5, 5, 1))];
    assert_eq!(stood, expected);
    assert_eq!(question.spans[1].was.answer.as_ref().map(|answer| answer.by.role.as_str()), Some("Security official"));
    assert!(question.spans[0].was.answer.is_none());
    let [decision] = record.decisions.as_slice() else { panic!("{:#?}", record.decisions) };
    let stood: Vec<_> = decision.spans.iter().map(|span| days(&span.from, &span.to, span.nights)).collect();
    assert_eq!(stood, [day(2, 2, 1), day(4, 5, 2)]);
    assert!(!decision.title.is_empty());
    let waived: Vec<_> = record.findings.iter().filter(|finding| !finding.waived.is_empty()).collect();
    let [finding] = waived.as_slice() else { panic!("{waived:#?}") };
    let stood: Vec<_> = finding.waived.iter().map(|span| days(&span.from, &span.to, span.nights)).collect();
    assert_eq!(stood, [day(1, 2, 2), day(4, 5, 2)]);
    assert!(record.nights[2].people.is_none() && record.nights[4].people.is_some_and(|people| people.questions.expired == 1));

    let said = |format: &str| stdout(&run_in(here, &[&["history", "store", "--format", format][..], &as_of].concat()));
    let table = said("table");
    for part in [
        "1 bundle was made without a workspace",
        "Of 1 question in the newest bundle, 0 answered, 1 expired, 0 open",
        "expired; the newest answer by A. <i>",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let html = said("html");
    assert!(html.contains("What people handed in") && html.contains("A. &lt;i&gt;Reviewer") && !html.contains("<i>Reviewer"));
    let output = run_in(here, &[&["history", "store", "-o", "out", "--quiet"][..], &as_of].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let rows = std::fs::read_to_string(here.join("out/history-people.csv")).unwrap();
    assert_eq!(rows.lines().count(), 1 + 4 + 2 + 2, "{rows}");

    // Where nobody ever handed in anything, nothing is said of it.
    let without = tempfile::tempdir().unwrap();
    template.night(&without.path().join("store"), "2026-11-01T02:00:00Z", |_| {});
    let output = run_in(without.path(), &["history", "store", "--format", "html"]);
    assert!(!stdout(&output).contains("What people handed in"));
}

/// A night that cannot be read says nothing: what stands on both sides of it is not drawn through.
#[test]
fn a_night_that_cannot_be_read_ends_what_people_said() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    template.night(&store, "2026-11-01T02:00:00Z", |assessment| hand_in(assessment, "answered", false));
    let damaged = template.night(&store, "2026-11-02T02:00:00Z", |_| {});
    template.night(&store, "2026-11-03T02:00:00Z", |assessment| hand_in(assessment, "answered", false));
    std::fs::write(&damaged, "cut").unwrap();
    let record = history(here, &["--as-of", "2026-11-03T12:00:00Z"]);
    assert_eq!(record.questions[0].spans.len(), 2);
    assert_eq!(record.unreadable.len(), 1);
}
