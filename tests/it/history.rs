//! A record over time: what stood since when, what was mended and how fast, what was not seen, and what is missing.

mod otherwise;
mod practices;
mod said;

use std::path::{Path, PathBuf};

use kube_hipaa::bundle::{AssessmentHead, Record, Summary};
use kube_hipaa::digest::sha256_hex;
use kube_hipaa::history::since::{Before, since as history_since};
use kube_hipaa::model::history::{FindingState, History};
use kube_hipaa::model::{Assessment, BundleBefore, Since};
use kube_hipaa::report::time::{Look, history as document};
use serde_json::{Value, json};

use crate::cli::{assert_error, code, run_in, stderr, stdout};
use crate::support::bundles::{sealed, with_lists_rewritten, zipped};
use crate::support::sample_assessment::{hostile, sample};

const UID: &str = "8a0b6c55-9f43-4d57-8c2e-0d1f0a1b2c3d";

/// The clinic's bundle without its snapshot, as text that can be changed.
struct Template(Value);

impl Template {
    fn new() -> Self {
        let mut assessment: Value = serde_json::from_slice(&sealed("clinic")["data/assessment.json"]).unwrap();
        assessment["cluster"]["uid"] = json!(UID);
        Self(assessment)
    }

    /// Lays a bundle of this time into the store.
    fn night(&self, store: &Path, time: &str, change: impl Fn(&mut Value)) -> PathBuf {
        let mut assessment = self.0.clone();
        assessment["collected"]["finished"] = json!(time);
        assessment["collected"]["started"] = json!(time);
        change(&mut assessment);
        keep(store, &assessment, true)
    }
}

/// Lays an assessment into the store as a bundle, with or without the record that older bundles do not have.
fn keep(store: &Path, assessment: &Value, with_record: bool) -> PathBuf {
    let bytes = serde_json::to_vec_pretty(assessment).unwrap();
    let head = AssessmentHead::read(bytes.as_slice()).unwrap();
    let record = with_record.then(|| Record::of(&bytes).unwrap());
    let summary = serde_json::to_vec_pretty(&Summary { record, ..Summary::of(&head) }).unwrap();
    let mut files = sealed("empty");
    files.retain(|name, _| !name.starts_with("data/"));
    files.insert("data/assessment.json".to_owned(), bytes);
    files.insert("data/summary.json".to_owned(), summary);
    files.insert("data/previous.json".to_owned(), b"null\n".to_vec());
    let files = with_lists_rewritten(files);
    let id = sha256_hex(&files["tagmanifest-sha256.txt"]);
    let time: String = assessment["collected"]["finished"].as_str().unwrap().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let folder = store.join(assessment["cluster"]["uid"].as_str().unwrap_or(UID));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{time}-{}.zip", &id[..12]));
    std::fs::write(&path, zipped(&files)).unwrap();
    path
}

fn history(here: &Path, more: &[&str]) -> History {
    let output = run_in(here, &[&["history", "store", "--format", "json"], more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The control at a place in the list, which fails and was seen whole.
fn failing(assessment: &Value) -> usize {
    let all = assessment["controls"].as_array().unwrap();
    let whole = |control: &Value| control["outcome"] == "fail" && control["unseen"] == json!([]) && control["unknown"] == 0;
    all.iter().position(|control| whole(control) && control["findings"].as_array().unwrap().len() > 2).unwrap()
}

fn without_first(assessment: &mut Value, at: usize) {
    assessment["controls"][at]["findings"].as_array_mut().unwrap().remove(0);
}

/// In a folder of a store only bundles of that cluster are evidence of it.
#[test]
fn a_bundle_that_does_not_say_of_which_cluster_it_is_counts_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let (here, template) = (folder.path(), Template::new());
    let store = here.join("store");
    template.night(&store, "2026-11-01T02:00:00Z", |_| ());
    for uid in [Value::Null, json!("9b0b6c55-9f43-4d57-8c2e-0d1f0a1b2c3d")] {
        let path = template.night(&here.join("elsewhere"), "2026-11-02T02:00:00Z", |assessment| assessment["cluster"]["uid"] = uid.clone());
        std::fs::rename(&path, store.join(UID).join(path.file_name().unwrap())).unwrap();
    }
    let found = history(here, &["--as-of", "2026-11-02T12:00:00Z"]);
    assert_eq!((found.nights.len(), found.unreadable.len()), (1, 2), "{:?}", found.unreadable);
}

/// A finding that is mended, one that comes again, one that is lost from sight, and one whose rule changes.
#[test]
fn a_finding_stands_from_the_first_bundle_that_has_it_to_the_one_that_shows_that_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let template = Template::new();
    let at = failing(&template.0);
    let print = template.0["controls"][at]["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    let blind = |assessment: &mut Value| {
        let control = &mut assessment["controls"][at];
        control["outcome"] = json!("not_assessed");
        control["findings"] = json!([]);
        control["unseen"] = json!([{"kind": "read_failed", "what": "pods", "why": "no", "how_to_see": "grant it"}]);
    };
    let state = |more: &[&str]| {
        let found = history(folder.path(), more);
        let finding = found.findings.iter().find(|finding| finding.fingerprint == print).unwrap().clone();
        (finding.state, finding.days_open, finding.came_again, finding.since_the_beginning, finding.gone_at)
    };
    let as_of = ["--as-of", "2026-03-09T00:00:00Z"];
    let day = |day: u32| format!("2026-03-{day:02}T02:00:00Z");
    template.night(&store, &day(1), |assessment| without_first(assessment, at));
    template.night(&store, &day(2), |_| {});
    assert_eq!(state(&as_of), (FindingState::Open, 0, 0, false, None));
    template.night(&store, &day(3), blind);
    assert_eq!(state(&as_of), (FindingState::NoLongerSeen, 1, 0, false, None));
    template.night(&store, &day(4), |_| {});
    assert_eq!(state(&as_of), (FindingState::Open, 2, 0, false, None));
    template.night(&store, &day(5), |assessment| without_first(assessment, at));
    assert_eq!(state(&as_of), (FindingState::Fixed, 3, 0, false, Some(day(5))));
    template.night(&store, &day(6), |_| {});
    template.night(&store, &day(7), |_| {});
    assert_eq!(state(&as_of), (FindingState::Open, 4, 1, false, None));
    template.night(&store, &day(8), |assessment| {
        without_first(assessment, at);
        assessment["controls"][at]["version"] = json!(99);
    });
    assert_eq!(state(&as_of), (FindingState::GoneOtherwise, 4, 1, false, None));
    // Of all that stays, the first bundle says nothing about how old it is.
    let found = history(folder.path(), &as_of);
    let open = found.findings.iter().find(|finding| finding.state == FindingState::Open).unwrap();
    assert!(open.since_the_beginning && open.days_open == 7, "{open:?}");
    assert_eq!(
        found.nights.iter().map(|night| (night.new, night.gone, night.no_longer_seen > 0)).collect::<Vec<_>>()[..5],
        [(0, 0, false), (1, 0, false), (0, 0, true), (0, 0, false), (0, 1, false)]
    );
    let control = found.controls.iter().find(|control| control.id == template.0["controls"][at]["id"]).unwrap();
    assert_eq!(control.spans.iter().map(|span| span.nights).collect::<Vec<_>>(), [2, 1, 4, 1]);
    let fixed: u64 = found.fixes.iter().map(|fix| fix.fixed).sum();
    assert_eq!(fixed, 0, "what ended with another version is not called fixed");
    assert!(
        found.warnings.iter().any(|warning| warning.contains("not called fixed"))
            || found.nights.windows(2).all(|pair| pair[0].catalog == pair[1].catalog)
    );
}

#[test]
fn gaps_and_staleness_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let template = Template::new();
    for day in [1, 2, 3, 4, 8, 9, 10] {
        template.night(&store, &format!("2026-03-{day:02}T02:00:00Z"), |_| {});
    }
    let here = folder.path();
    let fresh = history(here, &["--as-of", "2026-03-10T20:00:00Z"]);
    assert_eq!((fresh.schedule.every_hours, fresh.schedule.stale, fresh.schedule.gaps.len()), (24, false, 1));
    assert_eq!((fresh.schedule.gaps[0].hours, fresh.schedule.gaps[0].missed), (96, 3));
    assert_eq!((fresh.look_back.days, fresh.look_back.covered), (365, 7));
    let ranges: Vec<(&str, u64, bool)> =
        fresh.look_back.uncovered.iter().map(|range| (range.from.as_str(), range.days, range.before_the_record)).collect();
    assert_eq!(ranges, [("2025-03-11", 355, true), ("2026-03-05", 3, false)]);
    assert_eq!(fresh.retention.past, Vec::<String>::new());
    let stale = history(here, &["--as-of", "2026-03-14T00:00:00Z"]);
    assert!(
        stale.schedule.stale && stale.warnings[0].starts_with("STALE: the newest bundle was collected 3 days ago"),
        "{:?}",
        stale.warnings
    );
    assert!(!history(here, &["--as-of", "2026-03-14T00:00:00Z", "--every", "168"]).schedule.stale);
    let old = history(here, &["--as-of", "2032-03-04T12:00:00Z"]);
    assert_eq!(old.retention.past.len(), 4);
    assert_eq!(history(here, &["--since", "2026-03-05", "--as-of", "2026-03-10T20:00:00Z"]).nights.len(), 3);
    let table = stdout(&run_in(here, &["history", "store", "--as-of", "2026-03-14T00:00:00Z"]));
    assert!(table.contains("█████") && table.contains("STALE"), "{table}");
    let html = run_in(here, &["history", "store", "--as-of", "2026-03-14T00:00:00Z", "--format", "html"]);
    assert!(stdout(&html).contains("<p class=\"loud\">STALE"));
    // The same store looked at from the same time gives the same bytes.
    assert_eq!(html.stdout, run_in(here, &["history", "store", "--as-of", "2026-03-14T00:00:00Z", "--format", "html"]).stdout);
}

#[test]
fn what_cannot_be_read_is_told_and_older_bundles_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (here, store) = (folder.path(), folder.path().join("store"));
    let template = Template::new();
    template.night(&store, "2026-03-01T02:00:00Z", |_| {});
    let mut old = template.0.clone();
    old["collected"]["finished"] = json!("2026-03-02T02:00:00Z");
    keep(&store, &old, false);
    std::fs::write(store.join(UID).join("20260303T020000Z-000000000000.zip"), "no archive").unwrap();
    std::fs::write(store.join(UID).join("notes.txt"), "mine").unwrap();
    let found = history(here, &["--as-of", "2026-03-03T02:00:00Z"]);
    assert_eq!((found.nights.len(), found.unreadable.len()), (2, 1));
    assert!(
        found.findings.iter().all(|finding| finding.state == FindingState::Open && finding.days_open == 1),
        "the older bundle says the same"
    );
    assert!(found.warnings.iter().any(|warning| warning.contains("could not be read")));
    // Another cluster beside it has to be chosen.
    let mut other = template.0.clone();
    other["cluster"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    keep(&store, &other, true);
    let output = run_in(here, &["history", "store"]);
    assert_error(&output, 2, "one cluster in the store", "--cluster UID");
    assert_eq!(history(here, &["--cluster", UID, "--as-of", "2026-03-03T02:00:00Z"]).nights.len(), 2);
    let output = run_in(here, &["history", "store", "--cluster", "8a0b6c55"]);
    assert_error(&output, 2, "cluster in the store", UID);
}

#[test]
fn the_folder_holds_the_documents_and_nothing_else_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (here, store) = (folder.path(), folder.path().join("store"));
    let template = Template::new();
    for day in 1..5 {
        template.night(&store, &format!("2026-03-{day:02}T02:00:00Z"), |assessment| {
            if day % 2 == 0 {
                without_first(assessment, failing(assessment));
            }
        });
    }
    let write =
        |more: &[&str]| run_in(here, &[&["history", "store", "-q", "-o", "record", "--as-of", "2026-03-05T00:00:00Z"], more].concat());
    assert_eq!(code(&write(&[])), 0);
    let names: Vec<String> = crate::support::bundles::read(&here.join("record")).into_keys().collect();
    assert_eq!(
        names,
        [
            "history-bundles.csv",
            "history-controls.csv",
            "history-findings.csv",
            "history-people.csv",
            "history-practices.csv",
            "history.html",
            "history.json"
        ]
    );
    assert_eq!((code(&write(&[])), code(&write(&["--force"]))), (2, 0));
    std::fs::write(here.join("record/mine.txt"), "mine").unwrap();
    let refused = write(&["--force"]);
    assert_error(&refused, 2, "it holds mine.txt", "");
    let html = std::fs::read_to_string(here.join("record/history.html")).unwrap();
    let page = scraper::Html::parse_document(&html);
    let count = |selector: &str| page.select(&scraper::Selector::parse(selector).unwrap()).count();
    assert_eq!((count("script"), count("[style]"), count("img")), (0, 0, 0));
    // Beside each plot stands its table.
    assert!(
        count("svg[role=img]") >= 4 && count("table") >= count("svg[role=img]"),
        "{} plots, {} tables",
        count("svg[role=img]"),
        count("table")
    );
    let json: Value = serde_json::from_slice(&std::fs::read(here.join("record/history.json")).unwrap()).unwrap();
    let problems: Vec<String> =
        jsonschema::validator_for(&document::json_schema()).unwrap().iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

/// Hostile names come from assessments; no document obeys them.
#[test]
fn names_of_a_record_are_shown_and_never_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let (here, store) = (folder.path(), folder.path().join("store"));
    let mut assessment = serde_json::to_value(hostile()).unwrap();
    assessment["cluster"]["uid"] = json!(UID);
    for day in 1..4 {
        assessment["collected"]["finished"] = json!(format!("2026-03-{day:02}T02:00:00Z"));
        if day == 3 {
            assessment["controls"][0]["findings"] = json!([]);
        }
        keep(&store, &assessment, true);
    }
    let found = history(here, &["--as-of", "2026-03-03T12:00:00Z"]);
    assert!(found.findings.len() > 10);
    let html = String::from_utf8(document::html(&found).unwrap()).unwrap();
    let page = scraper::Html::parse_document(&html);
    for element in page.tree.values().filter_map(scraper::Node::as_element) {
        assert!(!["script", "img", "iframe", "link", "object", "form"].contains(&element.name()), "{element:?}");
        assert!(element.attrs().all(|(name, value)| !name.starts_with("on") && !value.contains("javascript:")), "{element:?}");
    }
    for width in [80, 120] {
        let text = document::terminal(&found, Look { width, color: false });
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= usize::from(width), "{widest} of {width}");
    }
    for csv in [document::findings_csv(&found), document::nights_csv(&found), document::controls_csv(&found)] {
        let mut rows = csv::ReaderBuilder::new().from_reader(csv.as_slice());
        for record in rows.records() {
            for cell in &record.unwrap() {
                assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell:?}");
            }
        }
    }
}

/// What a bundle carries to the next: since when, what is new, and what is gone only where that was decided.
#[test]
fn since_when_a_finding_stands_is_carried_from_bundle_to_bundle() {
    let first = sample();
    let at = first.controls.iter().position(|control| control.is_whole() && control.findings().len() > 1).expect("one that fails twice");
    let print = first.controls[at].findings()[0].fingerprint.clone();
    let changed = |time: &str, change: &dyn Fn(&mut Value)| -> Assessment {
        let mut value = serde_json::to_value(&first).unwrap();
        value["collected"]["finished"] = json!(time);
        change(&mut value["controls"][at]);
        serde_json::from_value(value).unwrap()
    };
    let carried = |before: &Assessment, since: &Since, now: &Assessment| {
        let record = Record::of(&serde_json::to_vec(before).unwrap()).unwrap();
        let bundle = BundleBefore { name: "a.zip".to_owned(), id: "0".repeat(64), finished: before.collected.finished.clone() };
        let (catalog, tool) = (before.catalog.sha256.clone(), before.tool.clone());
        history_since(Some(&Before { bundle, catalog, tool, record, since: Some(since.clone()) }), now)
    };
    let day = |day: u32| format!("2026-03-{day:02}T02:00:00Z");
    let gone = |control: &mut Value| drop(control["findings"].as_array_mut().unwrap().remove(0));
    let blind = |control: &mut Value| {
        control["findings"].as_array_mut().unwrap().remove(0);
        control["unseen"] = json!([{"kind": "read_failed", "what": "pods", "why": "no", "how_to_see": "grant it"}]);
    };
    let one = changed(&day(1), &gone);
    let since_one = history_since(None, &one);
    assert!(since_one.new.is_empty() && !since_one.first_seen.contains_key(&print) && since_one.sentence().contains("first bundle"));
    let two = changed(&day(2), &|_| {});
    let since_two = carried(&one, &since_one, &two);
    assert_eq!((since_two.new.as_slice(), since_two.gone, since_two.of(&print).as_deref()), ([print.clone()].as_slice(), 0, Some("new")));
    let three = changed(&day(3), &blind);
    let since_three = carried(&two, &since_two, &three);
    assert_eq!((since_three.gone, since_three.no_longer_seen), (0, 1));
    let four = changed(&day(4), &|_| {});
    let since_four = carried(&three, &since_three, &four);
    assert_eq!((since_four.new.len(), since_four.of(&print).as_deref()), (0, Some("since 2026-03-02")), "it was only not seen");
    let five = changed(&day(5), &gone);
    let since_five = carried(&four, &since_four, &five);
    assert_eq!((since_five.gone, since_five.no_longer_seen, since_five.of(&print)), (1, 0, None));
    let other = first.controls[at].findings()[1].fingerprint.clone();
    assert_eq!(since_five.of(&other).as_deref(), Some("since 2026-03-01 or before"));
    let six = carried(&five, &since_five, &changed(&day(6), &|_| {}));
    assert_eq!(six.new, [print]);
    // Documents say it; without it they are what they are from an assessment alone.
    for format in ["html", "markdown"] {
        let format = kube_hipaa::report::format(format).unwrap();
        let text = |since: Option<&Since>| {
            let reported = kube_hipaa::report::Reported::new(&four).with(since);
            let document = format.render(&reported).unwrap().into_iter().next().unwrap();
            String::from_utf8(document.bytes().unwrap()).unwrap()
        };
        let (with, without) = (text(Some(&since_four)), text(None));
        assert!(with.contains("Since 2026-03-03 (a") && with.contains("since 2026-03-02") && with.contains("since 2026-03-01 or before"));
        assert!(!without.contains("since 2026-03-0"));
    }
}

/// The snapshot of the empty cluster as a folder, collected at this time.
fn collected_at(here: &Path, name: &str, time: &str) {
    let snapshot = kube_hipaa::snapshot::Snapshot::open(Path::new("tests/golden/empty-cluster.zip")).unwrap();
    let folder = here.join(name);
    std::fs::create_dir(&folder).unwrap();
    for file in snapshot.files() {
        snapshot.copy(&file, &mut std::fs::File::create(folder.join(&file)).unwrap()).unwrap();
    }
    let mut index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    (index["collected"]["started"], index["collected"]["finished"]) = (json!(time), json!(time));
    std::fs::write(folder.join("index.json"), serde_json::to_vec_pretty(&index).unwrap()).unwrap();
}

#[test]
fn a_run_that_is_kept_says_what_is_new_and_since_when_the_rest_stands() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("store")).unwrap();
    collected_at(here, "one", "2026-03-01T02:00:00Z");
    collected_at(here, "two", "2026-03-02T02:00:00Z");
    collected_at(here, "three", "2026-03-03T02:00:00Z");
    let keep = |snapshot: &str, more: &[&str]| {
        let output = run_in(here, &[&["assess", snapshot, "--allow-incomplete", "--store", "store"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    // Other namespaces hold ePHI from the second night on.
    let first = keep("one", &["--ephi-namespace", "kube-public"]);
    assert!(first.contains("This is the first bundle of its store"), "{first}");
    let second = keep("two", &["--ephi-namespace", "kube-public", "--ephi-namespace", "kube-system", "-o", "out"]);
    let said = second.lines().find(|line| line.starts_with("Since 2026-03-01 (20260301T020000Z-")).expect("it says what moved");
    assert!(!said.contains(": 0 new") && second.contains("  new  "), "{second}");
    let since: Since = serde_json::from_slice(&std::fs::read(here.join("out/since.json")).unwrap()).unwrap();
    let old = since.first_seen.values().filter(|seen| seen.first == "2026-03-01T02:00:00Z").count();
    assert!(old > 0 && old + since.new.len() == since.first_seen.len(), "{since:?}");
    let third = keep("three", &["--ephi-namespace", "kube-public", "--ephi-namespace", "kube-system"]);
    assert!(third.contains("Since 2026-03-02") && third.contains(": 0 new, 0 gone, 0 no longer seen"), "{third}");
    // The same again is the same bundle.
    assert!(keep("three", &["--ephi-namespace", "kube-public", "--ephi-namespace", "kube-system"]).contains("it was there already"));
    let verified = run_in(here, &["verify", "store"]);
    assert_eq!(code(&verified), 0, "{}{}", stdout(&verified), stderr(&verified));
    let found = history(here, &["--as-of", "2026-03-03T12:00:00Z"]);
    assert_eq!(found.nights.len(), 3);
    assert_eq!((found.nights[1].new, found.nights[2].new), (since.new.len() as u64, 0));
    // Written again, it says the same.
    assert_eq!(code(&run_in(here, &["render", "out", "-o", "again"])), 0);
    let read = |name: &str| std::fs::read_to_string(here.join(name)).unwrap();
    assert_eq!(read("again/report.html"), read("out/report.html"));
    // What cannot be read is not taken for nothing.
    std::fs::write(here.join("out/since.json"), r#"{"schema": "kube-hipaa/since/v1", "first_seen": 1}"#).unwrap();
    let broken = run_in(here, &["render", "out", "-o", "broken"]);
    assert_error(&broken, 2, "since.json cannot be read: it does not say since when findings stand", "render assessment.json alone");
    assert!(read("out/report.md").contains("**Since 2026-03-01") && read("out/report.html").contains("since 2026-03-01 or before"));
}
