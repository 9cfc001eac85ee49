//! The program as a user meets it: help, errors in three parts, exit statuses, files.

#![expect(clippy::disallowed_methods, clippy::expect_used, reason = "a test: it reads and writes files and may fail loudly")]

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn run(arguments: &[&str]) -> Output {
    run_in(Path::new("."), arguments)
}

/// With an environment in which no cluster can be found by accident.
fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::cargo_bin("kube-hipaa")
        .expect("the program is built with its tests")
        .current_dir(folder)
        .env_clear()
        .env("HOME", "/nonexistent")
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text is UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text is UTF-8")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

/// What failed and on what in the first line, and what to do in another.
fn assert_error(output: &Output, exit: i32, what: &str, advice: &str) {
    let text = stderr(output);
    assert_eq!(code(output), exit, "{text}");
    assert!(text.lines().next().is_some_and(|line| line.starts_with("error: ") && line.contains(what)), "{text}");
    assert!(text.contains(advice), "{text}");
    assert_eq!(stdout(output), "", "an error writes nothing to standard output");
}

#[test]
fn without_arguments_it_helps() {
    let output = run(&[]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("Usage: kube-hipaa"));
    let help = run(&["--help"]);
    assert_eq!(code(&help), 0);
    for part in ["scan", "demo", "preflight", "Exit status:", "not assessed"] {
        assert!(stdout(&help).contains(part), "{part}");
    }
}

#[test]
fn the_program_can_be_a_kubectl_plugin() {
    for command in ["scan", "collect", "preflight"] {
        let help = stdout(&run(&[command, "--help"]));
        for flag in ["--kubeconfig", "--context", "--as ", "--as-group"] {
            assert!(help.contains(flag), "{command} {flag}");
        }
    }
}

#[test]
fn no_cluster_is_exit_3_with_advice() {
    let output = run(&["scan"]);
    assert_error(&output, 3, "there is no cluster to ask", "kube-hipaa demo");
}

#[test]
fn a_cluster_that_does_not_answer_is_exit_3() {
    let folder = tempfile::tempdir().expect("a folder");
    // Port 9 (discard) of the loopback interface: nothing listens.
    let config = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n\
                  contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\n";
    std::fs::write(folder.path().join("config"), config).expect("written");
    let output = run_in(folder.path(), &["scan", "--kubeconfig", "config", "-o", "evidence", "--no-progress"]);
    assert_error(&output, 3, "cannot reach the API server https://127.0.0.1:9", "check");
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing half-written is left");
    let output = run_in(folder.path(), &["scan", "--kubeconfig", "config", "--context", "nope"]);
    assert_error(&output, 3, "no context `nope`", "Contexts are: c.");
    let output = run_in(folder.path(), &["scan", "--kubeconfig", "missing"]);
    assert_error(&output, 3, "cannot use the kubeconfig missing", "--kubeconfig");
}

#[test]
fn wrong_input_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join("there")).expect("made");
    std::fs::write(here.join("scope.yaml"), "ephi: {namespace: [records]}\n").expect("written");
    for (arguments, what, advice) in [
        (vec!["scan", "-o", "there"], "there already exists", "--force"),
        (vec!["scan", "-o", "no/such/folder"], "there is no folder no/such", "mkdir -p"),
        (vec!["scan", "--format", "pdf", "-o", "x"], "there is no format `pdf`", "Formats are html, markdown, json"),
        (vec!["scan", "-o", "-"], "3 formats were asked for", "--format json"),
        (vec!["scan", "--scope", "nowhere.yaml"], "cannot read nowhere.yaml", "Check the path"),
        (vec!["scan", "--scope", "scope.yaml"], "scope.yaml has 1 problem(s)", "scope.yaml:1: "),
        (vec!["scan", "--ephi-selector", "a b"], "`a b` is not a label selector", "key=value"),
        (vec!["scan", "--controls", "nowhere"], "cannot read nowhere", "Check the path"),
        (vec!["scan", "--framework", "iso"], "there is no framework `iso`", "There are: hipaa"),
        (vec!["assess", "nowhere"], "cannot open the snapshot nowhere", "check the path"),
        (vec!["assess", "there"], "is not a snapshot", "kube-hipaa collect"),
        (vec!["render", "scope.yaml", "-o", "x"], "scope.yaml cannot be read as an assessment", "assessment.json"),
        (vec!["controls", "show", "pod/nope"], "there is no control `pod/nope`", "pod/privileged-container"),
        (vec!["controls", "test", "pod/nope"], "`pod/nope`", "controls list"),
    ] {
        assert_error(&run_in(here, &arguments), 2, what, advice);
    }
    assert_eq!(std::fs::read_dir(here).expect("readable").count(), 2, "nothing was written");
}

#[test]
fn all_problems_of_a_catalog_are_reported_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("own/team");
    std::fs::create_dir_all(&own).expect("made");
    let control = |id: &str, require: &str| {
        format!(
            "id: {id}\nversion: 1\nlifecycle: {{status: stable, since: 0.1.0}}\ntitle: T\nseverity: low\nseverity_because: S\nover: containers\n\
             scope: ephi\nrequire: \"{require}\"\nbecause: B\nfails: being odd\nfinding: \"F {{row.name}}\"\nshow: [name]\nfix: X\nlimits: L\n"
        )
    };
    std::fs::write(own.join("one.yaml"), control("team/one", "!row.privilegd && has(row.image)")).expect("written");
    std::fs::write(own.join("two.yaml"), control("team/other", "row.pods == 'x'")).expect("written");
    std::fs::write(own.join("three.yaml"), control("team/three", "!row.privileged").replace("severity: low", "severty: low"))
        .expect("written");
    let output = run_in(folder.path(), &["controls", "lint", "--controls", "own"]);
    let text = stderr(&output);
    assert_eq!(code(&output), 2, "{text}");
    for part in [
        "did you mean `privileged`?",
        "`has()` is not allowed",
        "expected `team/two`",
        "compare values of one type",
        "own/team/three.yaml:",
        "severty",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn own_controls_are_laid_over_the_built_in_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("own/pod");
    std::fs::create_dir_all(&own).expect("made");
    let built_in = std::fs::read_to_string("controls/pod/privileged-container.yaml").expect("readable");
    std::fs::write(own.join("privileged-container.yaml"), &built_in).expect("written");
    let refused = run_in(folder.path(), &["controls", "lint", "--controls", "own"]);
    assert_error(&refused, 2, "1 problem(s)", "replaces: true");
    std::fs::write(own.join("privileged-container.yaml"), format!("{built_in}replaces: true\n")).expect("written");
    let accepted = run_in(folder.path(), &["controls", "lint", "--controls", "own"]);
    assert_eq!(code(&accepted), 0, "{}", stderr(&accepted));
}

#[test]
fn a_saved_snapshot_is_assessed_offline_and_as_the_schema_says() {
    let arguments = ["assess", "examples/clinic-snapshot.zip", "--scope", "examples/scope.yaml", "--format", "json", "-o", "-"];
    let output = run(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let assessment: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(assessment["scope"]["source"], "file");
    let schema = std::fs::read_to_string("docs/schemas/assessment-v1.schema.json").expect("shipped");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a JSON Schema");
    let wrong: Vec<String> = validator.iter_errors(&assessment).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // And the validator bites.
    let mut spoilt = assessment;
    spoilt["totals"]["controls"]["pass"] = "many".into();
    assert!(!validator.is_valid(&spoilt));
}

#[test]
fn the_gate_decides_the_exit_status() {
    let with = |more: &[&str]| code(&run(&[&["assess", "examples/clinic-snapshot.zip", "--quiet"], more].concat()));
    assert_eq!(with(&[]), 0);
    assert_eq!(with(&["--fail-on", "high"]), 1);
    assert_eq!(with(&["--fail-on", "critical"]), 0, "the clinic has no critical finding");
}

#[test]
fn facts_are_printed_for_people_and_for_programs() {
    let facts = |more: &[&str]| run(&[&["facts", "examples/clinic-snapshot.zip"], more].concat());
    assert!(stdout(&facts(&[])).contains("containers"));
    let rows: serde_json::Value =
        serde_json::from_str(&stdout(&facts(&["containers", "--where", "row.privileged", "--format", "json"]))).expect("JSON");
    let rows = rows.as_array().expect("a list of rows");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["privileged"] == true));
    let csv = stdout(&facts(&["namespaces", "--format", "csv"]));
    assert!(csv.starts_with("\"name\",") && csv.contains("\"patient-records\""), "{csv}");
    assert_error(&facts(&["containers", "--where", "row.nope"]), 2, "--where has 1 problem(s)", "lists them");
    assert_error(&facts(&["nothing"]), 2, "there is no table `nothing`", "containers");
}

#[test]
fn documents_can_be_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(code(&run(&["assess", "examples/clinic-snapshot.zip", "-o", &at("one"), "-q"])), 0);
    let again = run(&["render", &format!("{}/assessment.json", at("one")), "-o", &at("two"), "-q"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    for file in ["report.html", "report.md", "assessment.json"] {
        let read = |name: &str| std::fs::read(folder.path().join(name).join(file)).expect("written");
        assert!(read("one") == read("two"), "{file} differs");
    }
}

#[test]
fn the_catalog_can_be_read() {
    let list = stdout(&run(&["controls", "list"]));
    let show = stdout(&run(&["controls", "show", "pod/privileged-container"]));
    assert!(list.contains("pod/privileged-container"));
    for part in ["Why it matters", "Passes when", "Needs to read", "What it does not show", "164.3"] {
        assert!(show.contains(part), "{part}: {show}");
    }
    assert!(stdout(&run(&["controls", "test", "pod/privileged-container"])).contains("came out as written"));
}

#[test]
fn permissions_never_name_secrets_or_writing_verbs() {
    let manifests = stdout(&run(&["permissions", "-A"]));
    assert!(manifests.contains("kind: ClusterRole"));
    for word in ["\"secrets\"", "create", "update", "patch", "delete", "watch", "escalate", "impersonate", "/proxy", "/exec", "/log"] {
        assert!(!manifests.contains(word), "{word}");
    }
    for line in manifests.lines().filter(|line| line.trim_start().starts_with("verbs:")) {
        assert!(["verbs: [\"list\"]", "verbs: [\"get\"]"].contains(&line.trim()), "{line}");
    }
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(&["completions", shell])).contains("kube-hipaa"), "{shell}");
    }
}
