//! The input for a risk analysis: everything that an assessment holds is there, what was not seen is a row, and what people rate is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::support::program::{kube_hipaa, said};
use kube_hipaa::model::{Assessment, OutcomeWord};

fn written(here: &Path) -> Assessment {
    let output = kube_hipaa(["demo", "--quiet", "-o", &here.join("out").display().to_string(), "--format", "json,risk-analysis"]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&std::fs::read(here.join("out/assessment.json")).expect("written")).expect("an assessment")
}

/// The rows of a list, each by the names of its columns.
fn rows(here: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(here.join("out").join(name)).expect("written");
    let heads: Vec<String> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    let row = |record: csv::StringRecord| heads.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| row(record.expect("a row"))).collect()
}

#[test]
fn what_was_found_and_what_was_not_seen_are_rows() {
    let here = tempfile::tempdir().expect("a folder");
    let assessment = written(here.path());
    let of =
        |name: &str, column: &str| -> BTreeSet<String> { rows(here.path(), name).into_iter().map(|row| row[column].clone()).collect() };
    let with = |word: OutcomeWord| -> BTreeSet<String> {
        assessment.controls.iter().filter(|control| control.word() == word).map(|control| control.id.clone()).collect()
    };
    assert_eq!(of("risk-vulnerabilities.csv", "control"), with(OutcomeWord::Fail));
    assert_eq!(of("risk-measures.csv", "control"), with(OutcomeWord::Pass));
    let unseen: BTreeSet<String> = assessment.controls.iter().flat_map(|control| control.unseen()).map(|one| one.what.clone()).collect();
    assert_eq!(of("risk-unknown.csv", "what was not seen"), unseen);
    assert!(!unseen.is_empty());
    for namespace in &assessment.scope.ephi_namespaces {
        assert!(of("risk-systems.csv", "namespace").contains(namespace), "{namespace}");
    }
    let volumes = &assessment.exhibits.at_rest.as_ref().expect("computed").volumes;
    assert_eq!(rows(here.path(), "risk-data-at-rest.csv").len(), volumes.len());
    assert!(volumes.iter().all(|one| assessment.scope.ephi_namespaces.contains(&one.namespace)));
    let reaching = assessment.exhibits.accesses.as_ref().expect("computed").accesses.iter().filter(|one| !one.reach.is_empty()).count();
    assert_eq!(rows(here.path(), "risk-identities.csv").len(), reaching);
    let events = rows(here.path(), "risk-threat-events.csv");
    assert!(events.len() > 15 && events.iter().any(|row| !row["weaknesses observed that would serve it"].is_empty()));
    // What people rate stays theirs.
    for name in ["risk-vulnerabilities.csv", "risk-unknown.csv", "risk-threat-events.csv"] {
        for row in rows(here.path(), name) {
            for column in ["likelihood", "impact", "level of risk"] {
                assert_eq!(row[column], "", "{name}");
            }
        }
    }
    let text = std::fs::read_to_string(here.path().join("out/risk-vulnerabilities.csv")).expect("written");
    assert!(!text.contains("\"critical\"") && !text.contains("\"high\""), "severity is neither likelihood nor impact");
}

#[test]
fn what_a_state_of_encryption_means_stands_beside_it() {
    let here = tempfile::tempdir().expect("a folder");
    written(here.path());
    let all = rows(here.path(), "risk-data-at-rest.csv");
    let states: BTreeSet<&str> = all.iter().map(|row| row["encrypted"].as_str()).collect();
    assert_eq!(states, BTreeSet::from(["no", "unknown", "yes"]), "the clinic has all three");
    for row in &all {
        let (says, part) = (
            &row["what this says"],
            match row["encrypted"].as_str() {
                "yes" => "Supports the organization's own determination",
                "no" => "would be unsecured in the sense of 164.402 if it were acquired in this form",
                _ => "cannot serve as a record that PHI here was encrypted",
            },
        );
        assert!(says.contains(part), "{says}");
    }
}

#[test]
#[ignore = "openpyxl is among the Python packages that make setup installs"]
fn a_spreadsheet_reads_every_cell_as_text() {
    let built = Command::new("sh").arg("tests/oscal/build.sh").output().expect("sh runs");
    assert!(built.status.success(), "{}", said(&built));
    let here = tempfile::tempdir().expect("a folder");
    written(here.path());
    let python = Path::new(String::from_utf8_lossy(&built.stdout).trim()).join("venv/bin/python");
    let script = "import openpyxl, sys\nbook = openpyxl.load_workbook(sys.argv[1])\nprint(len(book.sheetnames))\n\
        for sheet in book:\n  for row in sheet.iter_rows():\n    for cell in row:\n      assert cell.value is None or (cell.data_type == 's' and isinstance(cell.value, str)), (sheet.title, cell.coordinate)\n\
        print(book['Vulnerabilities observed'].max_row)\n";
    let output = Command::new(python).args(["-c", script]).arg(here.path().join("out/risk-analysis.xlsx")).output().expect("Python runs");
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let counts: Vec<usize> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(counts, [9, rows(here.path(), "risk-vulnerabilities.csv").len() + 1]);
}
