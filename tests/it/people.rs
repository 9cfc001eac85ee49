//! What people declare, answer, accept and decide: written by commands and by hand, read back, laid beside what was observed, sealed with it.
//! Nothing of it changes an outcome.

mod days;
mod kept;
mod prompts;
mod properties;
mod refusals;
mod review;
mod worth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kube_hipaa::assess::{Input, ScopeDeclaration, Workspace, assess, lay_beside};
use kube_hipaa::catalog::{Catalog, PeopleContext, PeopleKind, PeopleText, read_people};
use kube_hipaa::facts::Computation;
use kube_hipaa::model::{Assessment, Finding, ToolIdentity, questions};
use kube_hipaa::snapshot::Snapshot;
use serde_json::Value;

use crate::cli::{assert_error, code, run_in, stderr, stdout};

fn snapshot_path() -> PathBuf {
    std::env::current_dir().expect("a folder").join("examples/clinic-snapshot.zip")
}

/// The clinic as assessed without a word of anybody, once for all tests.
fn clinic() -> &'static Assessment {
    static CLINIC: OnceLock<Assessment> = OnceLock::new();
    CLINIC.get_or_init(|| {
        let (catalog, snapshot) = (catalog(), Snapshot::open(&snapshot_path()).expect("readable"));
        let scope = ScopeDeclaration::Declared {
            source: kube_hipaa::model::ScopeSource::Flags,
            namespaces: Vec::new(),
            selectors: vec!["clinic.example/ephi=true".parse().expect("a selector")],
            sha256: None,
            declared: Default::default(),
        };
        assess(Input {
            index: snapshot.index(),
            index_sha256: snapshot.index_sha256(),
            tables: Computation::begin(&snapshot),
            catalog,
            framework: catalog.framework("hipaa").expect("built in"),
            scope: &scope,
            workspace: None,
            tool: ToolIdentity { name: "kube-hipaa".into(), version: "0".into(), commit: "0".into() },
        })
        .expect("readable")
    })
}

fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::without_built_in_cases(&[]).expect("no problems"))
}

/// The day of the snapshot, so that a new one changes no test.
fn day() -> String {
    clinic().collected.finished.chars().take(10).collect()
}

/// A day of another year.
fn in_years(years: i32) -> String {
    let day = day();
    let (year, rest) = day.split_once('-').expect("a date");
    format!("{:04}-{}", year.parse::<i32>().expect("a year") + years, rest.replace("02-29", "02-28"))
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// `assess` of the clinic with the workspace `hipaa`, as JSON.
fn assessed(here: &Path, more: &[&str]) -> Value {
    let snapshot = snapshot_path().display().to_string();
    let output = run_in(here, &[&["assess", &snapshot, "-w", "hipaa", "--format", "json"], more].concat());
    assert!(code(&output) <= 1, "{}", stderr(&output));
    json(&output)
}

fn kinds(assessment: &Value) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for problem in assessment["people"]["problems"].as_array().expect("a list") {
        *kinds.entry(problem["kind"].as_str().expect("a word").to_owned()).or_default() += 1;
    }
    kinds
}

fn first_finding(control: &str) -> &'static Finding {
    clinic().controls.iter().find(|one| one.id == control).and_then(|one| one.findings().first()).expect("the clinic has one")
}

fn object(finding: &Finding) -> String {
    let place = finding.subject.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>();
    format!("{}/{place}{}", finding.subject.kind, finding.subject.name)
}

const PRIVILEGED: &str = "pod/privileged-container";

#[test]
fn init_writes_what_is_new_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let snapshot = snapshot_path().display().to_string();
    let init = || run_in(here, &["init", "-w", "hipaa", "--from", &snapshot]);
    let first = init();
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let root = here.join("hipaa");
    let scope = std::fs::read_to_string(root.join("scope.yaml")).expect("written");
    for namespace in clinic().scope.ephi_namespaces.iter().chain(&clinic().scope.other_namespaces) {
        assert!(scope.contains(&format!("- {namespace}\n")) || scope.contains(&format!("- \"{namespace}\"\n")), "{namespace}");
    }
    assert!(
        scope.contains("for: labels clinic.example/ephi=true")
            && scope.contains(" that keep data: ")
            && scope.contains("identities reach its Secrets"),
        "{scope}"
    );
    let asked = json(&run_in(here, &["questions", "-w", "hipaa", "--from", &snapshot, "--format", "json"]));
    let asked = asked.as_array().expect("a list");
    assert!(
        asked.iter().any(|one| one["id"] == "manual/access-review")
            && asked.iter().any(|one| one["id"].as_str().is_some_and(|id| id.starts_with("unseen/")))
    );
    for question in asked {
        assert_eq!(question["state"], "open");
        let file = question["file"].as_str().unwrap_or_else(|| panic!("no file for {question}"));
        assert!(root.join(file).is_file(), "{file}");
        assert!(
            // Duties to notify stand in subpart D, beside the Security Rule.
            question["paragraphs"].as_array().expect("a list").is_empty() == (question["id"] == "manual/unsecured-phi-record")
                && question["answered_by"] != ""
                && question["evidence_wanted"] != "",
            "{question}"
        );
    }
    let before: BTreeMap<PathBuf, Vec<u8>> = files(&root);
    let second = init();
    assert!(stdout(&second).starts_with("Nothing is new"), "{}", stdout(&second));
    assert_eq!(files(&root), before);
    // Somebody has decided, answered and thrown away; a namespace came that nobody decided about.
    write(&root, "scope.yaml", "ephi: {namespaces: [billing]}\n# namespaces:\n# - imaging\n# - patient-records\n");
    std::fs::remove_file(root.join("answers/manual-access-review.yaml")).expect("removed");
    write(&root, "README.md", "ours\n");
    let third = stdout(&init());
    assert!(third.contains("scope-new-namespaces.yaml") && third.contains("answers/manual-access-review.yaml"), "{third}");
    assert!(third.contains("new namespaces: ") && !third.contains("README.md"), "{third}");
    let new = std::fs::read_to_string(root.join("scope-new-namespaces.yaml")).expect("written");
    assert!(new.contains("integration-engine") && !new.contains("# - billing\n") && !new.contains("# - imaging\n"), "{new}");
    assert_eq!(std::fs::read_to_string(root.join("README.md")).expect("there"), "ours\n");
    assert!(stdout(&init()).starts_with("Nothing is new"));
    // What init wrote is a workspace that can be used.
    let assessment = assessed(here, &[]);
    assert_eq!(assessment["scope"]["ephi_namespaces"], serde_json::json!(["billing"]));
    assert!(assessment["people"]["questions"]["open"].as_u64() > Some(6));
}

fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(&path).expect("readable"));
            }
        }
    }
    found
}

/// By flags, as scripts do it: what was said stands beside what it is about, and is sealed with it.
#[test]
fn what_was_said_stands_beside_what_was_observed_and_is_sealed_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let snapshot = snapshot_path().display().to_string();
    let good = |arguments: &[&str]| {
        let output = run_in(here, arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    good(&["init", "-w", "hipaa", "--from", &snapshot]);
    write(
        &here.join("hipaa"),
        "scope.yaml",
        "ephi: {selectors: ['clinic.example/ephi=true']}\ndeclared_by: security official\ndeclared_on: 2026-11-20\norganisation: An example clinic\n",
    );
    write(here, "review of logs.pdf", "signed");
    let (until, day) = (in_years(1), day());
    let who = ["--by", "A. Reviewer", "--role", "Security operations", "--on", &day, "--until", &until];
    let said = good(
        &[
            &[
                "answer",
                "manual/audit-log-review",
                "-w",
                "hipaa",
                "--statement",
                "Reviewed weekly: \"yes\"",
                "--evidence",
                "review of logs.pdf",
                "--reference",
                "TICKET-1",
            ][..],
            &who,
        ]
        .concat(),
    );
    assert_eq!(said, "Wrote hipaa/answers/manual-audit-log-review.yaml\n");
    let answer = std::fs::read_to_string(here.join("hipaa/answers/manual-audit-log-review.yaml")).expect("written");
    assert!(answer.starts_with("# manual/audit-log-review 164.") && answer.contains("file: \"evidence/review-of-logs.pdf\""), "{answer}");
    let unseen = questions(clinic()).into_iter().find(|one| one.id.starts_with("unseen/")).expect("the clinic leaves something open");
    good(&[&["answer", &unseen.id, "-w", "hipaa", "--statement", "The provider says so"][..], &who].concat());
    let finding = first_finding(PRIVILEGED);
    good(&[
        "waive",
        PRIVILEGED,
        "-w",
        "hipaa",
        "--from",
        &snapshot,
        "--object",
        &object(finding),
        "--reason",
        "A driver needs it",
        "--owner",
        "Imaging",
        "--approved-by",
        "Security official",
        "--starting",
        &day,
        "--until",
        &until,
    ]);
    good(&[
        "dispose",
        "164.312(a)(2)(iv)",
        "-w",
        "hipaa",
        "--decision",
        "not_reasonable",
        "--assessment",
        "small, and the array encrypts",
        "--rationale",
        "The storage does it",
        "--by",
        "Security official",
        "--on",
        &day,
    ]);

    good(&["assess", &snapshot, "-w", "hipaa", "-o", "evidence", "--format", "html,markdown,json"]);
    let text = std::fs::read(here.join("evidence/assessment.json")).expect("written");
    let assessment: Value = serde_json::from_slice(&text).expect("JSON");
    let people = &assessment["people"];
    assert_eq!(
        (&people["questions"]["answered"], &people["waivers"]["in_force"], &people["dispositions"]["decided"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!(people["problems"], serde_json::json!([]), "{}", people["problems"]);
    let control = |id: &str| assessment["controls"].as_array().expect("a list").iter().find(|one| one["id"] == id).expect("there").clone();
    assert_eq!(control("manual/audit-log-review")["answers"][0]["evidence"][0]["file"], "evidence/review-of-logs.pdf");
    assert_eq!(control(&unseen.controls[0])["answers"][0]["question"], unseen.id.as_str());
    let findings = control(PRIVILEGED)["findings"].clone();
    let waived: Vec<&Value> = findings.as_array().expect("a list").iter().filter(|one| one.get("waiver").is_some()).collect();
    assert!(
        !waived.is_empty()
            && waived.iter().all(|one| one["subject"]["name"] == finding.subject.name.as_str() && one["waiver"]["state"] == "in_force")
    );
    let decided = assessment["paragraphs"].as_array().expect("a list").iter().find(|one| one["id"] == "164.312(a)(2)(iv)").expect("there");
    assert_eq!(decided["disposition"]["decision"], "not_reasonable");
    let parts =
        ["Reviewed weekly", "A driver needs it", "not reasonable and appropriate (documented): The storage does it", "An example clinic"];
    for name in ["report.md", "report.html"] {
        let report = std::fs::read_to_string(here.join("evidence").join(name)).expect("written");
        for part in parts {
            assert!(report.contains(part), "{name}: {part}");
        }
    }
    // Assessing again gives the same bytes, and the workspace as it was used lies beside.
    good(&["assess", &snapshot, "-w", "hipaa", "-o", "again", "--format", "json"]);
    assert_eq!(std::fs::read(here.join("again/assessment.json")).expect("written"), text);
    for (path, sha256) in assessment["workspace"]["files"].as_object().expect("files") {
        let bytes = std::fs::read(here.join("evidence/workspace").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(kube_hipaa::digest::sha256_hex(&bytes), sha256.as_str().expect("a digest"), "{path}");
    }
    assert!(here.join("evidence/workspace/evidence/review-of-logs.pdf").is_file());
    good(&["assess", &snapshot, "-w", "hipaa", "-o", "evidence", "--force", "--quiet"]);
    assert!(stdout(&run_in(here, &["verify", "evidence"])).contains("whole") || code(&run_in(here, &["verify", "evidence"])) == 0);
    seal_and_tamper(here);
}

/// A bundle holds the workspace, and no file of it can be changed, removed or added, even by somebody who writes the lists again.
fn seal_and_tamper(here: &Path) {
    let snapshot = Snapshot::open(&snapshot_path()).expect("readable");
    std::fs::create_dir_all(here.join("evidence/snapshot")).expect("made");
    for name in snapshot.files() {
        let mut file = std::fs::File::create(here.join("evidence/snapshot").join(&name)).expect("made");
        snapshot.copy(&name, &mut file).expect("copied");
    }
    list_again(&here.join("evidence"));
    let sealed = run_in(here, &["bundle", "evidence", "-o", "bundle"]);
    assert_eq!(code(&sealed), 0, "{}", stderr(&sealed));
    assert!(here.join("bundle/data/workspace/scope.yaml").is_file());
    assert_eq!(code(&run_in(here, &["verify", "bundle"])), 0);
    let answer = here.join("evidence/workspace/answers/manual-audit-log-review.yaml");
    let good = std::fs::read(&answer).expect("there");
    std::fs::write(&answer, String::from_utf8_lossy(&good).replace("weekly", "daily")).expect("written");
    list_again(&here.join("evidence"));
    let told = run_in(here, &["verify", "evidence"]);
    assert_eq!(code(&told), 5, "{}", stdout(&told));
    assert!(stdout(&told).contains("workspace/answers/manual-audit-log-review.yaml"), "{}", stdout(&told));
    std::fs::write(&answer, good).expect("written");
    std::fs::write(here.join("evidence/workspace/answers/added.yaml"), "x").expect("written");
    list_again(&here.join("evidence"));
    assert!(stdout(&run_in(here, &["verify", "evidence"])).contains("workspace/answers/added.yaml"));
    std::fs::remove_file(here.join("evidence/workspace/answers/added.yaml")).expect("removed");
    std::fs::remove_file(here.join("evidence/workspace/scope.yaml")).expect("removed");
    list_again(&here.join("evidence"));
    assert!(stdout(&run_in(here, &["verify", "evidence"])).contains("workspace/scope.yaml"));
}

/// The list of digests of an evidence folder, written again by somebody who can change it.
fn list_again(evidence: &Path) {
    let mut lines: Vec<String> = files(evidence)
        .into_iter()
        .filter_map(|(path, bytes)| {
            let name = path.strip_prefix(evidence).expect("inside").to_string_lossy().into_owned();
            (name != "manifest-sha256.txt").then(|| format!("{}  {name}\n", kube_hipaa::digest::sha256_hex(&bytes)))
        })
        .collect();
    lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
    std::fs::write(evidence.join("manifest-sha256.txt"), lines.concat()).expect("written");
}

#[test]
fn the_gate_leaves_out_what_has_a_waiver_in_force_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let snapshot = snapshot_path().display().to_string();
    let (past, until) = (in_years(-1), in_years(1));
    let critical: Vec<(&str, String)> = clinic()
        .controls
        .iter()
        .flat_map(|control| control.findings().iter().map(|one| (control.id.as_str(), one)))
        .filter(|(_, one)| one.severity.word() == "critical")
        .map(|(control, one)| (control, one.fingerprint.clone()))
        .collect();
    assert!(critical.len() > 2);
    let waiver = |fingerprint: &str, until: &str, approver: &str| {
        format!("fingerprint: {fingerprint:?}\nreason: r\nowner: Imaging\napproved_by: {approver}\nuntil: {until}\n")
    };
    for (number, (_, fingerprint)) in critical.iter().enumerate() {
        write(&here.join("hipaa"), &format!("waivers/{number}.yaml"), &waiver(fingerprint, &until, "Official"));
    }
    let scope = ["--ephi-selector", "clinic.example/ephi=true"];
    let gate = |more: &[&str]| {
        code(&run_in(here, &[&["assess", &snapshot, "-w", "hipaa", "-q", "--fail-on", "critical"], &scope[..], more].concat()))
    };
    assert_eq!(gate(&[]), 0);
    assert_eq!(gate(&["--strict-waivers"]), 1);
    // One that has ended, one that its owner approved, one that is about a whole control: the gate counts what they are about.
    for bad in [
        waiver(&critical[0].1, &past, "Official"),
        waiver(&critical[0].1, &until, "IMAGING "),
        format!("control: {}\nreason: r\nowner: Imaging\napproved_by: Official\nuntil: {until}\n", critical[0].0),
    ] {
        write(&here.join("hipaa"), "waivers/0.yaml", &bad);
        let output = run_in(here, &[&["assess", &snapshot, "-w", "hipaa", "-q", "--fail-on", "critical"], &scope[..]].concat());
        assert_eq!(code(&output), 1, "{bad}");
        assert!(stderr(&output).contains("more have a waiver in force)"), "{}", stderr(&output));
    }
    let assessment = assessed(here, &scope);
    assert_eq!(kinds(&assessment).get("too_wide"), Some(&1), "{}", assessment["people"]["problems"]);
}

#[test]
fn what_is_out_of_date_or_out_of_place_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("hipaa");
    let (past, before, until) = (in_years(-1), in_years(-2), in_years(1));
    let answer = |question: &str, on: &str, until: &str, more: &str| {
        format!("question: {question}\nstatement: s\nanswered_by: {{name: a, role: r}}\nanswered_on: {on}\nvalid_until: {until}\n{more}")
    };
    write(
        &root,
        "scope.yaml",
        "ephi: {selectors: ['clinic.example/ephi=true']}\nretention: {years: 3}\nallowed_registries: [registry.example]\nbreak_glass: [User/nobody-of-that-name]\n",
    );
    write(&root, "answers/expired.yaml", &answer("manual/access-review", &before, &past, ""));
    write(&root, "answers/unused.yaml", &answer("unseen/something-that-is-no-more-0123abcd", &past, &until, ""));
    write(&root, "answers/broken.yaml", &answer("manual/audit-log-review", &past, &until, "evidence: [{file: evidence/gone.pdf}]\n"));
    write(&root, "answers/good.yaml", &answer("manual/backup-restore-test", &past, &until, ""));
    write(
        &root,
        "waivers/unused.yaml",
        &format!("control: {PRIVILEGED}\nobjects: [Pod/nowhere/none]\nreason: r\nowner: a\napproved_by: b\nuntil: {until}\n"),
    );
    write(
        &root,
        "waivers/own.yaml",
        &format!(
            "control: {PRIVILEGED}\nobjects: [{}]\nreason: r\nowner: A. Owner\napproved_by: a owner\nuntil: {until}\n",
            object(first_finding(PRIVILEGED))
        ),
    );
    write(&root, "waivers/wide.yaml", &format!("control: {PRIVILEGED}\nreason: r\nowner: a\napproved_by: b\nuntil: {until}\n"));
    write(
        &root,
        "waivers/later.yaml",
        &format!(
            "control: {PRIVILEGED}\nobjects: [{}]\nreason: r\nowner: a\napproved_by: b\nfrom: {until}\nuntil: {until}\n",
            object(first_finding(PRIVILEGED))
        ),
    );
    write(
        &root,
        "waivers/ended.yaml",
        &format!(
            "control: {PRIVILEGED}\nobjects: [{}]\nreason: r\nowner: a\napproved_by: b\nuntil: {past}\n",
            object(first_finding(PRIVILEGED))
        ),
    );
    write(
        &root,
        "dispositions/due.yaml",
        &format!(
            "paragraph: 164.312(a)(2)(iii)\ndecision: implemented\nrationale: r\ndecided_by: b\ndecided_on: {before}\nreview_by: {past}\n"
        ),
    );
    let snapshot = snapshot_path().display().to_string();
    let refused = run_in(folder.path(), &["assess", &snapshot, "-w", "hipaa"]);
    assert_error(&refused, 2, "hipaa has 1 problem", "nothing was asked");
    assert!(
        stderr(&refused).contains("hipaa/answers/broken.yaml:6:19: the file evidence/gone.pdf: it cannot be read"),
        "{}",
        stderr(&refused)
    );
    let assessment = assessed(folder.path(), &["--allow-missing-evidence"]);
    let people = &assessment["people"];
    assert_eq!(people["questions"]["answered"], 1, "{}", people["questions"]);
    assert_eq!(people["questions"]["expired"], 1);
    assert_eq!(people["waivers"], serde_json::json!({"in_force": 0, "expired": 1, "unused": 1, "not_yet": 1, "not_effective": 2}));
    assert_eq!((&people["dispositions"]["decided"], &people["dispositions"]["due"]), (&0.into(), &1.into()));
    let kinds = kinds(&assessment);
    for (kind, least) in
        [("expired", 2), ("unused", 2), ("too_wide", 1), ("self_approved", 1), ("evidence", 1), ("review_due", 1), ("declaration", 3)]
    {
        assert!(kinds.get(kind).copied().unwrap_or_default() >= least, "{kind}: {kinds:?}");
    }
    // And said on the first page of each document, and on the terminal.
    let text = stdout(&run_in(folder.path(), &["assess", &snapshot, "-w", "hipaa", "--allow-missing-evidence"]));
    assert!(text.contains("▲ People: 1 of ") && text.contains(" in force, ") && text.contains(" problems\n"), "{text}");
    for (format, until) in [("markdown", "## 2 "), ("html", "id=\"unseen\"")] {
        let text = stdout(&run_in(folder.path(), &["assess", &snapshot, "-w", "hipaa", "--allow-missing-evidence", "--format", format]));
        let page = text.split(until).next().expect("a first page");
        assert!(page.contains("What people handed in") && page.contains("evidence/gone.pdf"), "{format}");
    }
}

/// The workspace among the examples is used as it is.
#[test]
fn the_example_workspace_works() {
    let snapshot = snapshot_path().display().to_string();
    let output = run_in(Path::new("."), &["assess", &snapshot, "-w", "examples/workspace", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let assessment = json(&output);
    let people = &assessment["people"];
    assert!(people["questions"]["answered"].as_u64() >= Some(2), "{}", people["questions"]);
    assert_eq!(people["waivers"]["in_force"], 1, "{}", people["problems"]);
    assert_eq!(people["dispositions"]["decided"], 1);
    assert_eq!(assessment["scope"]["declared_by"], "security official");
    let asked = run_in(Path::new("."), &["questions", "-w", "examples/workspace", "--from", &snapshot, "--format", "markdown"]);
    assert!(stdout(&asked).contains("## For: ") && !stdout(&asked).contains("### manual/audit-log-review"), "{}", stdout(&asked));
}
