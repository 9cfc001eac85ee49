//! `kube_hipaa.prom` says what the assessment says, whatever names stand in it; promtool reads it, and the alert rules do what they say.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use kube_hipaa::model::{Assessment, OutcomeWord};
use kube_hipaa::report::prometheus::{Chain, chains};
use kube_hipaa::report::{Reported, format};

use crate::support::deploy_tools::{program, verdict};
use crate::support::sample_assessment::{hostile, quiet, sample};

fn rendered(assessment: &Assessment) -> String {
    let documents = format("prometheus").expect("a format").render(&Reported::new(assessment)).expect("renders");
    let bytes = documents.into_iter().map(|document| document.bytes().expect("in memory")).next().expect("one document");
    String::from_utf8(bytes).expect("UTF-8")
}

/// Samples by name and labels; a reader of the text format that shares nothing with the writer.
fn read(text: &str) -> BTreeMap<(String, BTreeMap<String, String>), f64> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once('{').unwrap_or_else(|| panic!("no labels: {line}"));
        let mut labels = BTreeMap::new();
        let mut rest = rest.chars();
        loop {
            let label: String = rest.by_ref().take_while(|c| *c != '=').collect();
            assert_eq!(rest.next(), Some('"'), "{line}");
            let mut value = String::new();
            loop {
                match rest.next().unwrap_or_else(|| panic!("a label does not end: {line}")) {
                    '"' => break,
                    '\\' => value.push(match rest.next() {
                        Some('n') => '\n',
                        Some(c @ ('"' | '\\')) => c,
                        other => panic!("no escape: {other:?} in {line}"),
                    }),
                    c => value.push(c),
                }
            }
            assert!(labels.insert(label, value).is_none(), "a label twice: {line}");
            match rest.next() {
                Some(',') => {}
                Some('}') => break,
                other => panic!("{other:?} behind a label: {line}"),
            }
        }
        let value = rest.as_str().trim_start().parse().unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(samples.insert((name.to_owned(), labels), value).is_none(), "twice: {line}");
    }
    samples
}

#[test]
fn the_numbers_are_those_of_the_assessment() {
    for assessment in [sample(), hostile(), quiet()] {
        let samples = read(&rendered(&assessment));
        let one = |name: &str, label: Option<(&str, &str)>| -> f64 {
            let found: Vec<f64> = samples
                .iter()
                .filter(|((metric, labels), _)| {
                    metric == name && label.is_none_or(|(label, value)| labels.get(label).is_some_and(|found| found == value))
                })
                .map(|(_, value)| *value)
                .collect();
            assert_eq!(found.len(), 1, "{name} {label:?}");
            found[0]
        };
        let findings = &assessment.totals.findings;
        for (word, count) in [("critical", findings.critical), ("high", findings.high), ("medium", findings.medium), ("low", findings.low)]
        {
            assert_eq!(one("kube_hipaa_findings", Some(("severity", word))), count as f64, "{word}");
        }
        for word in OutcomeWord::ALL {
            let count = assessment.totals.controls.get(word) as f64;
            assert_eq!(one("kube_hipaa_controls", Some(("outcome", &word.label().replace(' ', "_")))), count, "{word:?}");
        }
        for control in &assessment.controls {
            let known = !matches!(control.word(), OutcomeWord::Manual | OutcomeWord::NotAssessed);
            let found = samples.keys().any(|(name, labels)| name == "kube_hipaa_control_findings" && labels["control"] == control.id);
            assert_eq!(found, known, "{}: of what was not assessed no number is known", control.id);
            if known {
                assert_eq!(one("kube_hipaa_control_findings", Some(("control", &control.id))), control.findings().len() as f64);
            }
        }
        let gaps = assessment.coverage.iter().filter(|source| source.has_gap()).count();
        assert_eq!(one("kube_hipaa_coverage_gaps", None), gaps as f64);
        let time = chrono::DateTime::parse_from_rfc3339(&assessment.collected.finished).expect("a time");
        assert_eq!(one("kube_hipaa_last_success_timestamp_seconds", None), time.timestamp() as f64);
        let ratio = one("kube_hipaa_coverage_ratio", None);
        let whole = assessment.totals.controls.not_assessed == 0;
        assert!((0.0..=1.0).contains(&ratio) && (ratio == 1.0) == whole, "{ratio}");
    }
}

/// What is not known has no number, not zero: an alert sees that it is missing.
#[test]
fn what_is_not_known_is_left_out() {
    let mut assessment = sample();
    assessment.collected.finished = "yesterday".to_owned();
    assessment.controls.clear();
    assessment.totals.controls = Default::default();
    let samples = read(&rendered(&assessment));
    let has = |name: &str| samples.keys().any(|(metric, _)| metric == name);
    assert!(!has("kube_hipaa_last_success_timestamp_seconds") && !has("kube_hipaa_coverage_ratio"));
    assert!(has("kube_hipaa_info"));
}

fn metrics_are_good(promtool: &std::path::Path, text: &str) -> (bool, String) {
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool starts");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[ignore = "needs promtool, built by tests/deploy-tools: make test"]
fn promtool_reads_the_numbers() {
    let promtool = program("promtool");
    let of = |cluster, intact| Chain { cluster_uid: "u", cluster, intact, bundles: 3, newest: "2026-11-28T16:03:00Z" };
    let assessed = [sample(), hostile(), quiet()].map(|assessment| rendered(&assessment));
    let texts = assessed.into_iter().chain([chains(&[of("a", true), of("b\"\\", false)])]);
    for text in texts {
        let (good, words) = metrics_are_good(&promtool, &text);
        assert!(good && words.is_empty(), "{words}\n{text}");
    }
    let (good, words) = metrics_are_good(&promtool, "# TYPE kube_hipaa_findings counter\nkube_hipaa_findings{a=\"b\"} 1\n");
    assert!(!good && words.contains("_total") && words.contains("help"), "it would complain: {words}");
}

#[test]
#[ignore = "needs promtool, built by tests/deploy-tools: make test"]
fn alert_rules_do_what_they_say() {
    let promtool = program("promtool");
    let check = |arguments: &[&str]| verdict(Command::new(&promtool).args(arguments));
    let (good, words) = check(&["check", "rules", "--lint=all", "--lint-fatal", "deploy/alerts.yaml"]);
    assert!(good, "{words}");
    let (good, words) = check(&["test", "rules", "deploy/alerts.test.yaml"]);
    assert!(good, "{words}");

    // Each rule is proven: without it, and where it is always on, the tests fail.
    let rules = std::fs::read_to_string("deploy/alerts.yaml").expect("readable");
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy("deploy/alerts.test.yaml", folder.path().join("alerts.test.yaml")).expect("copied");
    let test = folder.path().join("alerts.test.yaml").display().to_string();
    for name in &names {
        for always in ["vector(1) < 0", "vector(1) > 0"] {
            let changed = with_expression(&rules, name, always);
            assert_ne!(changed, rules);
            std::fs::write(folder.path().join("alerts.yaml"), changed).expect("written");
            let (good, words) = check(&["test", "rules", &test]);
            assert!(!good && words.contains(name), "{name} with `{always}`: {words}");
        }
    }
    // The numbers that the rules ask for are those that are written.
    let written: Vec<String> = rendered(&sample())
        .lines()
        .chain(chains(&[]).lines())
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned))
        .collect();
    for word in rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("kube_hipaa_")) {
        assert!(word == "kube_hipaa_" || word == "kube_hipaa" || written.iter().any(|name| name == word), "nothing writes {word}");
    }
}

/// The rules with another expression in one of them.
fn with_expression(rules: &str, name: &str, expression: &str) -> String {
    let (before, rest) = rules.split_once(&format!("- alert: {name}\n")).expect("the rule");
    let (head, rest) = rest.split_once("    expr: ").expect("its expression");
    let end =
        rest.match_indices('\n').map(|(at, _)| at).find(|at| rest[at + 1..].starts_with("    ") && !rest[at + 1..].starts_with("     "));
    format!("{before}- alert: {name}\n{head}    expr: {expression}{}", &rest[end.expect("more follows")..])
}
