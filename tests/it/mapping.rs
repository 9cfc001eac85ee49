//! The mapping as others read it: what is written out says what the catalog says, refers to what is there, and is taken by the judges of
//! its formats.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::program::{kube_hipaa, said};
use kube_hipaa::catalog::{Catalog, ControlKind};
use kube_hipaa::model::{DECISIONS, Extent, Implementation, ParagraphKind};

fn catalog() -> Catalog {
    Catalog::built_in().unwrap_or_else(|error| panic!("{error}"))
}

fn exported(into: &Path, framework: &str) -> PathBuf {
    let folder = into.join(framework);
    let output = kube_hipaa(["controls", "export", "-o", &folder.display().to_string(), "--framework", framework]);
    assert!(output.status.success(), "{}", said(&output));
    folder
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("written")).expect("JSON")
}

/// Every value under a key, wherever it stands.
fn all<'v>(value: &'v Value, key: &str, into: &mut Vec<&'v Value>) {
    match value {
        Value::Object(map) => {
            for (name, below) in map {
                if name == key {
                    into.push(below);
                }
                all(below, key, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|below| all(below, key, into)),
        _ => {}
    }
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    all(value, key, &mut found);
    found.into_iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

#[test]
fn what_is_written_refers_to_what_is_there() {
    let into = tempfile::tempdir().expect("a folder");
    let folder = exported(into.path(), "hipaa");
    let listed = Command::new("sha256sum").args(["--check", "--strict", "--quiet", "manifest-sha256.txt"]).current_dir(&folder).output();
    let listed = listed.expect("sha256sum runs");
    assert!(listed.status.success(), "{}", said(&listed));

    let mapping = json(&folder.join("mapping.json"));
    let controls: BTreeSet<String> = mapping["controls"].as_array().expect("a list").iter().map(|one| one["id"].to_string()).collect();
    let authorities: BTreeSet<String> =
        mapping["authorities"].as_array().expect("a list").iter().map(|one| one["id"].to_string()).collect();
    let (mut relations, mut asks) = (0, BTreeSet::new());
    for paragraph in mapping["paragraphs"].as_array().expect("a list") {
        for relation in paragraph["relations"].as_array().expect("a list") {
            relations += 1;
            assert!(controls.contains(&relation["control"].to_string()), "{relation}");
            assert!(authorities.contains(&relation["authority"].to_string()), "{relation}");
            assert!(relation["because"].as_str().is_some_and(|why| !why.is_empty()), "{relation}");
        }
        for ask in paragraph["asks"].as_array().expect("a list") {
            assert!(asks.insert(ask["id"].to_string()), "{ask} stands twice");
        }
    }
    assert!(relations > 350 && asks.len() > 250, "{relations} relations, {} asks", asks.len());

    // None of the judges below looks at these.
    let regulation = json(&folder.join("oscal/catalog.json"));
    let ids = texts(&regulation, "id");
    let known: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(known.len(), ids.len(), "an id stands twice");
    let components = json(&folder.join("oscal/component-definition.json"));
    let wanted = texts(&components, "control-id");
    assert_eq!(wanted.len(), relations);
    let crosswalk = json(&folder.join("oscal/mapping-collection.json"));
    let mut sources = Vec::new();
    all(&crosswalk, "sources", &mut sources);
    let crossed: Vec<String> = sources.into_iter().flat_map(|one| texts(one, "id-ref")).collect();
    assert!(crossed.len() > 250, "{}", crossed.len());
    for id in wanted.iter().chain(&crossed) {
        assert!(known.contains(id), "{id} is in no catalogue");
    }
    let mut uuids = BTreeSet::new();
    for document in [&regulation, &components, &crosswalk] {
        for uuid in texts(document, "uuid") {
            assert!(uuids.insert(uuid.clone()), "{uuid} stands twice");
        }
    }

    // Again, and in its place: the same bytes.
    let before = std::fs::read(folder.join("manifest-sha256.txt")).expect("written");
    let again = |force: &[&str]| {
        let place = folder.display().to_string();
        kube_hipaa(["controls", "export", "-o", &place].iter().chain(force).copied())
    };
    assert_eq!(again(&[]).status.code(), Some(2));
    assert!(again(&["--force"]).status.success());
    assert_eq!(std::fs::read(folder.join("manifest-sha256.txt")).expect("written"), before);
    std::fs::write(folder.join("notes.txt"), "mine").expect("written");
    let refused = again(&["--force"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("notes.txt"), "{}", said(&refused));
    assert!(folder.join("notes.txt").is_file(), "nothing of others is replaced");
}

#[test]
#[ignore = "the judges are Python packages that make setup installs"]
fn oscal_and_trestle_accept_what_is_written() {
    let built = Command::new("sh").arg("tests/oscal/build.sh").output().expect("sh runs");
    assert!(built.status.success(), "{}", said(&built));
    let judges = PathBuf::from(String::from_utf8_lossy(&built.stdout).trim()).join("venv/bin");
    let into = tempfile::tempdir().expect("a folder");
    for framework in ["hipaa", "nprm-2025"] {
        let oscal = exported(into.path(), framework).join("oscal");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&oscal).expect("written").map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        assert!(files.len() >= 2);
        let run = |program: &str, arguments: &[&std::ffi::OsStr], place: &Path| {
            let output = Command::new(judges.join(program)).args(arguments).current_dir(place).output().expect("the judge runs");
            (output.status.success(), said(&output))
        };
        let judge = std::fs::canonicalize("tests/oscal/judge.py").expect("there");
        let arguments = |files: &[PathBuf]| -> Vec<std::ffi::OsString> {
            std::iter::once(judge.clone().into_os_string()).chain(files.iter().map(|file| file.clone().into_os_string())).collect()
        };
        let given = arguments(&files);
        let (good, why) = run("python", &given.iter().map(std::ffi::OsString::as_os_str).collect::<Vec<_>>(), &oscal);
        assert!(good, "{why}");
        // Each judge notices what it looks at: `oscal` data types, though none of controls within controls, and trestle those of ids, too.
        let text = std::fs::read_to_string(oscal.join("catalog.json")).expect("written");
        let spoilt = |name: &str, from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            let file = into.path().join(format!("{framework}-{name}.json"));
            std::fs::write(&file, text.replacen(from, to, 1)).expect("written");
            file
        };
        let given = arguments(&[spoilt("uuid", "\"uuid\": \"", "\"uuid\": \"z")]);
        assert!(!run("python", &given.iter().map(std::ffi::OsString::as_os_str).collect::<Vec<_>>(), &oscal).0, "nothing was noticed");

        let work = into.path().join(format!("trestle-{framework}"));
        std::fs::create_dir(&work).expect("made");
        let trestle = |arguments: &[&str]| run("trestle", &arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>(), &work);
        assert!(trestle(&["init"]).0);
        let no_token = spoilt("id", "\"id\": \"", "\"id\": \"1 ");
        assert!(!trestle(&["import", "-f", &no_token.display().to_string(), "-o", "spoilt"]).0, "nothing was noticed");
        for file in &files {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            let (good, why) = trestle(&["import", "-f", &file.display().to_string(), "-o", &name]);
            assert!(good, "{why}");
        }
        let (good, why) = trestle(&["validate", "-a"]);
        assert!(good && why.matches("VALID: Model").count() == files.len(), "{why}");
    }
}

/// The counts of Appendix A to Subpart C and of the protocol, so that nobody loses a paragraph.
#[test]
fn the_mapping_has_the_shape_of_the_rule() {
    let catalog = catalog();
    let hipaa = catalog.framework("hipaa").expect("built in");
    let standards = hipaa.paragraphs.iter().filter(|one| one.kind == ParagraphKind::Standard && one.continues.is_none()).count();
    let addressable = hipaa.paragraphs.iter().filter(|one| one.required == Implementation::Addressable).count();
    assert_eq!((hipaa.paragraphs.len(), standards, addressable), (73, 22, 22));
    let evaluation = hipaa.paragraphs.iter().find(|one| one.id.value == "164.308(a)(8)").expect("there");
    assert!(evaluation.controls.iter().all(|one| one.control.value.starts_with("manual/")), "two sources that agree are no evaluation");
    let relations: Vec<_> = hipaa.paragraphs.iter().flat_map(|one| &one.controls).collect();
    // By the criteria no single check is most of what a paragraph asks.
    assert!(relations.iter().all(|one| one.extent != Extent::Substantial));
    // Each paragraph has controls, questions, or asks that say why nobody answers.
    for paragraph in &hipaa.paragraphs {
        let silent = paragraph.controls.is_empty();
        assert!(
            !silent
                || paragraph.asks.iter().any(|ask| ask.nobody.is_some())
                || paragraph.asks.iter().any(|ask| ask.answered_by == [DECISIONS]),
            "{}",
            paragraph.id.value
        );
    }
    // Each question serves an ask, and asks somebody of the short list about a time.
    let served = hipaa.asks_of();
    let mut questions = 0;
    for control in catalog.controls() {
        let ControlKind::Manual(question) = &control.kind else { continue };
        questions += 1;
        assert!(question.role.is_some() && question.period.is_some() && question.how_often.is_some(), "{}", control.id);
        let outside = hipaa.unmapped.iter().any(|one| one.control.value == control.id);
        assert!(outside || served.contains_key(control.id.as_str()), "{} serves no ask", control.id);
    }
    assert_eq!(questions, 40);
}

#[test]
fn asks_are_listed_with_what_answers_them() {
    let output = kube_hipaa(["asks", "--format", "json"]);
    assert!(output.status.success(), "{}", said(&output));
    let asks: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let by_id: BTreeMap<&str, &Value> = asks.iter().map(|one| (one["id"].as_str().expect("an id"), one)).collect();
    assert_eq!(by_id.len(), asks.len());
    let recorded = by_id["ocr/164.312-b/6"];
    let answers: Vec<&str> = recorded["answered_by"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    assert!(answers.contains(&"audit/events-recorded"), "{recorded}");
    assert!(recorded["answered_by"][0].get("outcome").is_none(), "nothing was looked at");

    // With evidence: what each came to; a question that nobody answered is "not supplied".
    let into = tempfile::tempdir().expect("a folder");
    let evidence = into.path().join("evidence").display().to_string();
    assert!(kube_hipaa(["demo", "--quiet", "-o", &evidence]).status.success());
    let output = kube_hipaa(["asks", "--format", "json", "--from", &evidence, "--paragraph", "164.312(b)"]);
    let asks: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(asks.iter().all(|one| one["paragraph"] == "164.312(b)") && !asks.is_empty());
    let outcomes = texts(&Value::Array(asks), "outcome");
    assert!(outcomes.iter().any(|one| one == "not supplied with this report"), "{outcomes:?}");
    assert!(outcomes.iter().any(|one| one == "exceptions noted" || one == "none noted"), "{outcomes:?}");
    assert!(!outcomes.iter().any(|one| one == "pass" || one == "fail"), "{outcomes:?}");

    let output = kube_hipaa(["asks", "--paragraph", "164.312(f)"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let output = kube_hipaa(["asks", "--format", "csv"]);
    let mut rows = csv::Reader::from_reader(output.stdout.as_slice());
    assert!(rows.headers().expect("a head").iter().eq(["id", "paragraph", "ask", "origin", "answered_by", "nobody"]));
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), by_id.len());
}

/// A rule that is not in force changes no count and no other chapter.
#[test]
fn a_proposed_rule_stands_apart() {
    let into = tempfile::tempdir().expect("a folder");
    let at = |name: &str| into.path().join(name).display().to_string();
    assert!(kube_hipaa(["demo", "--quiet", "-o", &at("plain")]).status.success());
    let snapshot = format!("{}/snapshot", at("plain"));
    let output =
        kube_hipaa(["assess", &snapshot, "--quiet", "-o", &at("with"), "--proposed", "nprm-2025", "--format", "json,html,markdown"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = kube_hipaa(["assess", &snapshot, "--quiet", "-o", &at("without"), "--format", "json,html,markdown"]);
    assert!(output.status.success(), "{}", said(&output));
    let (mut with, without) = (json(&into.path().join("with/assessment.json")), json(&into.path().join("without/assessment.json")));
    let section = with.as_object_mut().expect("an object").remove("proposed").expect("asked for");
    assert_eq!(with, without, "nothing else changes");
    assert_eq!(section["paragraphs"].as_array().map(Vec::len), Some(49));
    // A configuration scan is offered as neither.
    for id in ["164.312(h)(2)(i)", "164.312(h)(2)(iii)"] {
        let all = section["paragraphs"].as_array().expect("a list");
        let scans: Vec<&Value> = all.iter().filter(|one| one["id"] == id).collect();
        assert!(!scans.is_empty() && scans.iter().all(|one| one["controls"] == serde_json::json!([])), "{id}");
    }
    let page = std::fs::read_to_string(into.path().join("with/report.md")).expect("written");
    let (before, chapter) = page.split_once("Proposed rule, not in force\n").expect("a chapter");
    assert!(chapter.contains("90 FR 898") && chapter.contains("Looked up on 2026-10-07"));
    assert!(!before.contains("90 FR 898"));
    let output = kube_hipaa(["assess", &snapshot, "--proposed", "hipaa"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    // The saved assessment is shown again as it was.
    let output = kube_hipaa(["render", &at("with"), "--format", "markdown"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), page);
}
