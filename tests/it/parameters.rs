//! Numbers of controls that a scope file sets, and those that a proposed rule asks for.

use std::path::Path;

use kube_hipaa::assess::{Declared, Input, ScopeDeclaration, Selector, asked_again, assess, proposed};
use kube_hipaa::catalog::Catalog;
use kube_hipaa::facts::{Computation, Tables};
use kube_hipaa::model::{OutcomeWord, ScopeSource, ToolIdentity};
use kube_hipaa::report::json;
use serde_json::Value;

use crate::support::program::{kube_hipaa, said};

const CONTROL: &str = "api-server/audit-retention";

fn out(here: &Path, scope: &str, name: &str) -> (Value, String) {
    let evidence = here.join("evidence").display().to_string();
    if !here.join("evidence").is_dir() {
        assert!(kube_hipaa(["demo", "--quiet", "-o", &evidence]).status.success());
    }
    std::fs::write(here.join("scope.yaml"), scope).expect("written");
    let at = |name: &str| here.join(name).display().to_string();
    let output = kube_hipaa([
        "assess",
        &format!("{evidence}/snapshot"),
        "--quiet",
        "--scope",
        &at("scope.yaml"),
        "-o",
        &at(name),
        "--format",
        "json,markdown,html",
    ]);
    assert!(output.status.success(), "{}", said(&output));
    let assessment = serde_json::from_slice(&std::fs::read(here.join(name).join("assessment.json")).expect("written")).expect("JSON");
    (assessment, std::fs::read_to_string(here.join(name).join("report.md")).expect("written"))
}

fn control(assessment: &Value) -> &Value {
    assessment["controls"].as_array().expect("controls").iter().find(|one| one["id"] == CONTROL).expect("there")
}

#[test]
fn what_is_set_decides_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let scope = |more: &str| {
        format!("ephi: {{selectors: ['clinic.example/ephi=true']}}\ndeclared_by: security official\ndeclared_on: \"2026-11-01\"\n{more}")
    };
    let (plain, page) = out(here, &scope(""), "plain");
    assert_eq!((control(&plain)["outcome"].as_str(), plain["scope"].get("parameters")), (Some("pass"), None));
    assert!(page.contains("- Parameter: for how long files of the audit log are kept on the node: 30 days\n"));
    assert!(!page.contains("| Parameters set |"));

    let (strict, page) = out(here, &scope(&format!("parameters: {{{CONTROL}: {{min_days: 3650}}}}\n")), "strict");
    assert_eq!(control(&strict)["outcome"], "fail");
    assert_eq!(control(&strict)["title"], "The rotation limits of the audit log are not below 3650 days and 10 files");
    assert!(control(&strict)["fix"].as_str().is_some_and(|fix| fix.contains("--audit-log-maxage=3650")));
    assert_eq!(strict["scope"]["parameters"][CONTROL]["min_days"], 3650);
    let first = page.split("## 2 ").next().expect("a first page");
    assert!(first.contains("| Parameters set | api-server/audit-retention: for how long"), "{first}");
    assert!(first.contains("3650 days, set in the scope file (30 where nothing is set)"), "{first}");
    assert!(!first.contains("asks for less"), "{first}");

    let (loose, page) = out(here, &scope(&format!("parameters: {{{CONTROL}: {{min_days: 1, min_files: 1}}}}\n")), "loose");
    assert_eq!(control(&loose)["outcome"], "pass");
    let first = page.split("## 2 ").next().expect("a first page");
    assert!(first.contains("▲ api-server/audit-retention asks for less than it does where nothing is set"), "{first}");

    // What was asked is told beside what changed, with and without the snapshot at hand.
    let at = |name: &str| here.join(name).display().to_string();
    let diff = kube_hipaa(["diff", &at("plain/assessment.json"), &at("strict/assessment.json"), "--format", "json"]);
    let diff: Value = serde_json::from_slice(&diff.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&diff)));
    let changed = diff["controls"].as_array().expect("controls").iter().find(|one| one["id"] == CONTROL).expect("compared");
    assert_eq!(changed["causes"], serde_json::json!(["scope"]), "{changed:#}");
    assert!(changed["because"].as_str().is_some_and(|why| why.contains("min_days is 3650 days now and was 30")), "{changed:#}");

    let misspelt = here.join("scope.yaml");
    std::fs::write(&misspelt, scope("parameters: {api-server/audit-retention: {days: 3}}\n")).expect("written");
    let refused = kube_hipaa(["assess", &at("evidence/snapshot"), "--scope", &at("scope.yaml")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("scope.yaml:4:43: api-server/audit-retention has no parameter `days`"), "{}", said(&refused));
}

#[test]
fn a_proposed_rule_is_asked_with_its_own_numbers() {
    let catalog = Catalog::built_in().expect("good");
    let name = "files are copied through a pod that runs";
    let mut case =
        catalog.cases().iter().find(|case| case.control_id() == "storage/backup-current" && case.name == name).expect("there").clone();
    for object in &mut case.objects {
        if object["kind"] == "Backup" {
            object["status"]["startTimestamp"] = "2025-12-29T02:00:00Z".into();
            object["status"]["completionTimestamp"] = "2025-12-29T02:10:00Z".into();
        }
    }
    let snapshot = kube_hipaa::cli::cases::snapshot(&case);
    let (hipaa, nprm) = (catalog.framework("hipaa").expect("built in"), catalog.framework("nprm-2025").expect("built in"));
    let of = |hours: Option<i64>| {
        let scope = ScopeDeclaration::Declared {
            source: ScopeSource::Flags,
            namespaces: vec!["records".to_owned()],
            selectors: Vec::<Selector>::new(),
            sha256: None,
            declared: Declared {
                parameters: hours
                    .map(|hours| ("storage/backup-current".to_owned(), [("max_age_hours".to_owned(), hours)].into()))
                    .into_iter()
                    .collect(),
                ..Declared::default()
            },
        };
        let tool = ToolIdentity { name: "kube-hipaa".into(), version: "0.0.0".into(), commit: "test".into() };
        let mut assessment = assess(Input {
            index: snapshot.index(),
            index_sha256: snapshot.index_sha256(),
            tables: Computation::begin(&snapshot),
            catalog: &catalog,
            framework: hipaa,
            scope: &scope,
            workspace: None,
            tool,
        })
        .expect("readable");
        let again = asked_again(&catalog, nprm, |wanted| Tables::those(&snapshot, wanted), &scope).expect("readable");
        assessment.proposed = Some(proposed(nprm, &assessment, again));
        let own = assessment.controls.iter().find(|one| one.id == "storage/backup-current").expect("there").word();
        let section = assessment.proposed.clone().expect("asked for");
        // What is saved is read again: the counts are those of what was asked again.
        let mut bytes = Vec::new();
        json::write(&assessment, &mut bytes).expect("written");
        json::read(&bytes).unwrap_or_else(|error| panic!("{error}"));
        let counted = section.paragraphs.iter().find(|one| one.id == "164.312(i)").expect("there").counts.fail;
        (own, section.asked_again.first().map(|one| (one.outcome, one.failed, one.examined)), counted)
    };
    assert_eq!(of(None), (OutcomeWord::Pass, Some((OutcomeWord::Fail, 1, 1)), 1), "three days are young enough, and too old as proposed");
    assert_eq!(of(Some(12)), (OutcomeWord::Fail, Some((OutcomeWord::Fail, 1, 1)), 1));
    assert_eq!(of(Some(48)), (OutcomeWord::Fail, None, 1), "the same number is not asked twice");
}
