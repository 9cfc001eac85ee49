//! Nights that look at a cluster in another way, or not at all: nothing was mended by that.

use kube_hipaa::bundle::{AssessmentHead, Record, Summary};
use kube_hipaa::history::since::{Before, since as history_since};
use kube_hipaa::history::timeline::{Bundle, Options, Timeline};
use kube_hipaa::model::history::{FindingState, History};
use kube_hipaa::model::{Assessment, BundleBefore};
use serde_json::{Value, json};

use super::{Template, UID, failing, history, without_first};

/// A namespace that does not count as holding ePHI any more is not looked at: nothing in it was mended, tonight and on every night after.
#[test]
fn what_fell_out_of_the_scope_is_not_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    let controls = template.0["controls"].as_array().unwrap();
    let seen = |control: &Value| control["outcome"] == "fail" && control["unseen"] == json!([]) && control["unknown"] == 0;
    let placed = |control: &Value| control["findings"][0]["subject"]["namespace"].is_string();
    let at = controls.iter().position(|control| seen(control) && placed(control)).expect("a finding in a namespace");
    let finding = template.0["controls"][at]["findings"][0].clone();
    let namespace = finding["subject"]["namespace"].as_str().unwrap().to_owned();
    let leave = |assessment: &mut Value| {
        without_first(assessment, at);
        let scope = &mut assessment["scope"];
        scope["ephi_namespaces"].as_array_mut().unwrap().retain(|name| *name != namespace.as_str());
        scope["other_namespaces"].as_array_mut().unwrap().push(json!(namespace));
    };
    template.night(&store, "2026-11-01T02:00:00Z", |_| {});
    template.night(&store, "2026-11-02T02:00:00Z", leave);
    template.night(&store, "2026-11-03T02:00:00Z", leave);
    let record = history(here, &["--as-of", "2026-11-03T12:00:00Z"]);
    let print = finding["fingerprint"].as_str().unwrap();
    let found = record.findings.iter().find(|one| one.fingerprint == print).unwrap();
    assert_eq!(found.state, FindingState::GoneOtherwise);

    // A run that is kept says as much of the night before.
    let now = |change: &dyn Fn(&mut Value)| -> Assessment {
        let mut assessment = template.0.clone();
        change(&mut assessment);
        // What does not add up is refused: only what `since` looks at is changed afterwards.
        serde_json::from_value::<Assessment>(template.0.clone()).map_or_else(
            |error| panic!("{error}"),
            |mut whole| {
                whole.scope = serde_json::from_value(assessment["scope"].clone()).unwrap();
                if whole.scope.other_namespaces.contains(&namespace)
                    && let kube_hipaa::model::Outcome::Fail(findings, _) = &mut whole.controls[at].outcome
                {
                    findings.each_mut(|finding| {
                        if finding.fingerprint == print {
                            finding.fingerprint = "0000000000000000".to_owned();
                        }
                    });
                }
                whole
            },
        )
    };
    let bytes = serde_json::to_vec(&template.0).unwrap();
    let bundle = BundleBefore { name: "a.zip".to_owned(), id: "0".repeat(64), finished: "2026-11-01T02:00:00Z".to_owned() };
    let whole: Assessment = serde_json::from_slice(&bytes).unwrap();
    let (catalog, tool) = (whole.catalog.sha256, whole.tool);
    let before = Before { bundle, catalog, tool, record: Record::of(&bytes).unwrap(), since: None };
    let since = history_since(Some(&before), &now(&leave));
    assert_eq!((since.gone, since.no_longer_seen), (0, 1));
}

/// A bundle of an older version names neither the namespaces of its scope nor what each control could not see: what is not known shows nothing.
#[test]
fn what_an_older_bundle_does_not_say_shows_nothing() {
    let template = Template::new();
    let at = failing(&template.0);
    let mut first: Value = template.0.clone();
    first["collected"]["finished"] = json!("2026-11-01T02:00:00Z");
    let mut second = template.0.clone();
    second["collected"]["finished"] = json!("2026-11-02T02:00:00Z");
    without_first(&mut second, at);
    let print = template.0["controls"][at]["findings"][0]["fingerprint"].as_str().unwrap();
    let state = |older: bool| {
        let as_of = "2026-11-02T12:00:00Z".parse().unwrap();
        let tool: Assessment = serde_json::from_value(template.0.clone()).unwrap();
        let mut timeline = Timeline::new(Options {
            cluster: UID.to_owned(),
            as_of,
            until: as_of,
            earlier: Vec::new(),
            every_hours: None,
            paragraphs: std::collections::BTreeMap::new(),
            practices: Vec::new(),
            tool: tool.tool,
        });
        for (number, assessment) in [&first, &second].into_iter().enumerate() {
            let bytes = serde_json::to_vec(assessment).unwrap();
            let mut record = Record::of(&bytes).unwrap();
            if older {
                record.scope.ephi_namespaces.clear();
                record.scope.other_namespaces.clear();
            }
            let summary = Summary { record: Some(record), ..Summary::of(&AssessmentHead::read(bytes.as_slice()).unwrap()) };
            timeline.add(Bundle { name: format!("{number}.zip"), id: format!("{number:064}"), bytes: 1, summary, previous: None });
        }
        timeline.finish().findings.into_iter().find(|finding| finding.fingerprint == print).unwrap().state
    };
    assert_eq!((state(false), state(true)), (FindingState::Fixed, FindingState::GoneOtherwise));
}

/// What was found while something was not seen may be called otherwise where it is: that it is not there under the old name shows nothing.
#[test]
fn what_was_found_half_blind_is_not_fixed_by_seeing() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    let at = failing(&template.0);
    let control = &template.0["controls"][at];
    let print = control["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    let needs = |row: &Value| row["needed_by"].as_array().unwrap().contains(&control["id"]) && row["state"] == "read";
    let row = template.0["coverage"].as_array().unwrap().iter().position(needs).expect("a source that it needs");
    let blind = |assessment: &mut Value| {
        assessment["coverage"][row]["state"] = json!("forbidden");
        assessment["coverage"][row]["why"] = json!("no");
    };
    template.night(&store, "2026-11-01T02:00:00Z", blind);
    template.night(&store, "2026-11-02T02:00:00Z", |assessment| without_first(assessment, at));
    template.night(&store, "2026-11-03T02:00:00Z", |assessment| without_first(assessment, at));
    let record = history(here, &["--as-of", "2026-11-03T12:00:00Z"]);
    let found = record.findings.iter().find(|one| one.fingerprint == print).unwrap();
    assert_eq!((found.state, found.gone_at.as_deref(), found.days_open), (FindingState::GoneOtherwise, None, 0));
    assert_eq!((record.nights[1].gone, record.nights[1].no_longer_seen), (0, 1));
    // Where as little is seen afterwards, it was looked for in the same way.
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    template.night(&store, "2026-11-01T02:00:00Z", blind);
    template.night(&store, "2026-11-02T02:00:00Z", |assessment| {
        blind(assessment);
        without_first(assessment, at);
    });
    let record = history(folder.path(), &["--as-of", "2026-11-03T12:00:00Z"]);
    assert_eq!(record.findings.iter().find(|one| one.fingerprint == print).unwrap().state, FindingState::Fixed);
}

/// Other rules under the same version of a control, a scope that leaves and comes back: nothing shows that anything was mended.
#[test]
fn what_other_rules_do_not_find_is_not_fixed_and_does_not_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    let at = failing(&template.0);
    let print = template.0["controls"][at]["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    template.night(&store, "2026-11-01T02:00:00Z", |_| {});
    template.night(&store, "2026-11-02T02:00:00Z", |assessment| {
        assessment["catalog"]["sha256"] = json!("0".repeat(64));
        without_first(assessment, at);
    });
    template.night(&store, "2026-11-30T02:00:00Z", |_| {});
    let record = history(here, &["--as-of", "2026-11-30T12:00:00Z"]);
    let found = record.findings.iter().find(|one| one.fingerprint == print).unwrap();
    assert_eq!((found.state, found.came_again, found.days_open), (FindingState::Open, 0, 29));
    assert_eq!(record.nights.iter().map(|night| (night.gone, night.no_longer_seen)).collect::<Vec<_>>(), [(0, 0), (0, 1), (0, 0)]);
}

/// A hole does not make the schedule by which it is measured; a clock that is ahead does not make a record fresh; what --since and --as-of
/// leave out is told.
#[test]
fn what_is_left_out_and_what_is_missing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    for day in ["2026-09-01T02:00:00Z", "2026-09-02T02:07:00Z", "2026-10-20T02:00:00Z"] {
        template.night(&store, day, |_| {});
    }
    let ahead = template.night(&store, "2030-01-01T02:00:00Z", |_| {});
    let record = history(here, &["--as-of", "2026-11-20T12:00:00Z"]);
    assert_eq!((record.schedule.every_hours, record.schedule.gaps.len(), record.schedule.stale), (24, 1, true));
    assert_eq!(record.schedule.gaps[0].missed, 47);
    assert_eq!(record.nights.len(), 3);
    let name = ahead.file_name().unwrap().to_string_lossy().into_owned();
    assert!(record.warnings.iter().any(|warning| warning.contains(&name) && warning.contains("left out")), "{:#?}", record.warnings);
    // Nights before are days with evidence, although nobody looks into them.
    let part = history(here, &["--as-of", "2026-11-20T12:00:00Z", "--since", "2026-10-01"]);
    assert_eq!((part.nights.len(), part.look_back.covered), (1, 3));
    let told = |record: &History, what: &str| record.warnings.iter().any(|warning| warning.contains(what));
    assert!(told(&part, "2 bundles are left out"), "{:#?}", part.warnings);
    let none = history(here, &["--as-of", "2026-11-20T12:00:00Z", "--since", "2026-11-01"]);
    assert!(told(&none, "older ones are left out") && !told(&none, "holds no bundle"), "{:#?}", none.warnings);
}
