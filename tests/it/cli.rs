//! The program as a user meets it: help, errors in three parts, exit statuses, files.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::{Value, json};

pub(crate) fn run(arguments: &[&str]) -> Output {
    run_in(Path::new("."), arguments)
}

/// With an environment in which no cluster can be found by accident.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::cargo_bin("kube-hipaa")
        .expect("the program is built with its tests")
        .current_dir(folder)
        .env_clear()
        .env("HOME", "/nonexistent")
        .args(arguments)
        .output()
        .expect("the program starts")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text is UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text is UTF-8")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

/// What failed and on what in the first line, and what to do in another.
pub(crate) fn assert_error(output: &Output, exit: i32, what: &str, advice: &str) {
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
        (vec!["scan", "--scope", "scope.yaml"], "scope.yaml has 1 problem(s)", "scope.yaml:1:"),
        (vec!["scan", "--ephi-selector", "a b"], "`a b` is not a label selector", "key=value"),
        (vec!["scan", "--controls", "nowhere"], "cannot read nowhere", "Check the path"),
        (vec!["scan", "--framework", "iso"], "there is no framework `iso`", "There are: hipaa"),
        (vec!["scan", "--format", "json,csv"], "2 formats were asked for", "--format json"),
        (vec!["scan", "--force"], "--force does nothing here", "-o DIR"),
        (vec!["scan", "-o", "evidence.zip"], "the name of an archive", "NAME.zip"),
        (vec!["collect", "-o", "evidence.tar.gz"], "as a folder or as a .zip file", "ends in .zip"),
        (vec!["assess", "nowhere"], "cannot open the snapshot nowhere", "check the path"),
        (vec!["assess", "there"], "is not a snapshot", "kube-hipaa collect"),
        (vec!["render", "there", "-o", "x"], "there holds no assessment.json", "evidence folder"),
        (vec!["render", "scope.yaml", "-o", "x"], "scope.yaml cannot be read as an assessment", "assessment.json"),
        (vec!["who-can", "get", "pods/", "--from", "nowhere"], "`pods/` is not a resource", "who-can get secrets"),
        (vec!["who-can", "get", "/metrics", "-n", "x", "--from", "nowhere"], "`/metrics` is a URL", "who-can get secrets"),
        (vec!["who-can", "get", "pods", "--from", "nowhere"], "cannot open the snapshot nowhere", "check the path"),
        (vec!["controls", "show", "pod/nope"], "there is no control `pod/nope`", "pod/privileged-container"),
        (vec!["controls", "show", "pod/privileged-contaner"], "there is no control", "Did you mean `pod/privileged-container`?"),
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
    assert_eq!(with(&["--fail-on", "critical"]), 1);
    let empty = run(&["assess", "tests/golden/empty-cluster.zip", "--quiet", "--fail-on", "critical"]);
    assert_eq!(code(&empty), 0, "an empty cluster has no critical finding");
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
fn who_can_names_subjects_with_binding_role_and_rule() {
    let ask = |more: &[&str]| run(&[&["who-can", "--from", "examples/clinic-snapshot.zip", "--format", "json"], more].concat());
    let answer = |more: &[&str]| -> Value { serde_json::from_slice(&ask(more).stdout).expect("JSON") };
    let named = |answer: &Value| -> Vec<String> {
        let subjects = answer["subjects"].as_array().expect("a list");
        subjects.iter().map(|subject| subject["name"].as_str().expect("a name").to_owned()).collect()
    };
    let secrets = answer(&["list", "secrets", "-n", "billing"]);
    assert_eq!(secrets["complete"], true);
    let names = named(&secrets);
    for name in ["system:masters", "support-desk", "deploy-runner", "platform-engineers"] {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
    assert!(!names.iter().any(|found| found == "imaging-engineers"), "another namespace: {names:?}");
    let subjects = secrets["subjects"].as_array().expect("a list");
    let desk = subjects.iter().find(|subject| subject["name"] == "support-desk").expect("the desk");
    let via = json!([{"binding": "RoleBinding billing/support-read", "role": "Role billing/support-read", "rule": "/rules/0: get, list on configmaps, secrets"}]);
    assert_eq!(desk, &json!({"kind": "Group", "namespace": null, "name": "support-desk", "via": via}));
    let masters = subjects.iter().find(|subject| subject["name"] == "system:masters").expect("the masters");
    assert!(masters["via"].to_string().contains("before it asks any authorizer"), "{masters}");
    // Without a namespace: anywhere. By name, by subresource, by URL.
    assert!(named(&answer(&["list", "secrets"])).iter().any(|found| found == "imaging-engineers"));
    let rotation = |name: &str| named(&answer(&["get", "secrets", name, "-n", "integration-engine"]));
    assert!(rotation("partner-tls").iter().any(|found| found == "oncall-admin"));
    assert!(!rotation("another").iter().any(|found| found == "oncall-admin"));
    assert!(named(&answer(&["create", "pods/exec", "-n", "patient-records"])).iter().any(|found| found == "records-engineers"));
    assert!(
        named(&answer(&["get", "deployments", "-n", "billing"])).iter().any(|found| found == "billing-engineers"),
        "the group is known"
    );
    assert!(named(&answer(&["get", "/metrics"])).iter().any(|found| found == "metrics-store"));
    assert!(!named(&answer(&["list", "nodes"])).iter().any(|found| found == "imaging-engineers"), "a RoleBinding gives no nodes");
    let table = stdout(&run(&["who-can", "get", "/metrics", "--from", "examples/clinic-snapshot.zip"]));
    assert!(table.contains("metrics-store") && table.contains("by RBAC"), "{table}");
}

#[test]
fn who_can_says_when_it_did_not_see_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    clinic(folder.path(), |index| {
        let source = "rolebindings.rbac.authorization.k8s.io";
        *record(index, source) = json!({"source": source, "state": "forbidden", "why": "not allowed"});
    });
    let output = run_in(folder.path(), &["who-can", "list", "secrets", "--from", "clinic", "--format", "json"]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["complete"], false);
    assert!(answer["subjects"].as_array().is_some_and(|subjects| subjects.len() > 1), "what was seen is said");
    assert!(stderr(&output).contains("rolebindings.rbac.authorization.k8s.io"), "{}", stderr(&output));
}

#[test]
fn documents_can_be_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(code(&run(&["assess", "examples/clinic-snapshot.zip", "--format", "html,markdown,json,csv", "-o", &at("one"), "-q"])), 0);
    let again = run(&["render", &format!("{}/assessment.json", at("one")), "--format", "html,markdown,json,csv", "-o", &at("two"), "-q"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    for file in ["report.html", "report.md", "assessment.json", "findings.csv"] {
        let read = |name: &str| std::fs::read(folder.path().join(name).join(file)).expect("written");
        assert!(read("one") == read("two"), "{file} differs");
    }
}

/// The help says what is written when nobody chooses, and that is what is written.
#[test]
fn the_default_documents_are_those_that_the_help_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    assert_eq!(code(&run_in(here, &["demo", "-o", "evidence", "-q"])), 0);
    let entries = std::fs::read_dir(here.join("evidence")).expect("readable");
    let mut files: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    assert_eq!(files, ["assessment.json", "manifest-sha256.txt", "report.html", "report.md", "requests.jsonl", "snapshot"]);
    let names: Vec<&str> = kube_hipaa::report::DEFAULTS.iter().map(|format| format.name()).collect();
    let help = stdout(&run(&["demo", "--help"]));
    assert!(help.contains(&format!("[default: {}]", names.join(","))), "{help}");
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

/// The clinic's snapshot as a folder `clinic` in `here`, with its index changed.
pub(crate) fn clinic(here: &Path, change: impl FnOnce(&mut Value)) {
    let place = here.join("clinic");
    std::fs::create_dir(&place).expect("made");
    let file = std::fs::File::open("examples/clinic-snapshot.zip").expect("readable");
    let mut archive = zip::ZipArchive::new(file).expect("a zip file");
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("readable");
        std::fs::write(place.join(entry.name()), bytes).expect("written");
    }
    let path = place.join("index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
    change(&mut index);
    std::fs::write(path, index.to_string()).expect("written");
}

pub(crate) fn record<'a>(index: &'a mut Value, source: &str) -> &'a mut Value {
    let all = index["sources"].as_array_mut().expect("a list");
    all.iter_mut().find(|record| record["source"] == source).expect("the clinic has it")
}

#[test]
fn an_object_that_could_not_be_understood_is_no_failed_read() {
    let folder = tempfile::tempdir().expect("a folder");
    clinic(folder.path(), |index| {
        let file = folder.path().join("clinic/core.pods.jsonl.gz");
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(&file).expect("there")).read_to_string(&mut text).expect("UTF-8");
        let object = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"odd","namespace":"records"},"spec":7}"#;
        text.push_str(&format!("{{\"sha256\":\"{}\",\"object\":{object}}}\n", kube_hipaa::digest::sha256_hex(object.as_bytes())));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).expect("in memory");
        let bytes = gzip.finish().expect("in memory");
        std::fs::write(&file, &bytes).expect("written");
        let pods = record(index, "pods");
        pods["sha256"] = json!(kube_hipaa::digest::sha256_hex(&bytes));
        pods["count"] = json!(pods["count"].as_u64().expect("a number") + 1);
        let page = pods["pages"].as_array_mut().and_then(|pages| pages.last_mut()).expect("a page");
        page["items"] = json!(page["items"].as_u64().expect("a number") + 1);
    });
    let output = run_in(folder.path(), &["assess", "clinic", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let assessment: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let unseen = |control: &Value| control["unseen"].to_string().contains("records/odd");
    assert!(assessment["controls"].as_array().expect("a list").iter().any(unseen), "the report says it");
}

#[test]
fn a_source_that_the_snapshot_does_not_know_makes_a_run_incomplete() {
    let folder = tempfile::tempdir().expect("a folder");
    clinic(folder.path(), |index| index["sources"].as_array_mut().expect("a list").retain(|record| record["source"] != "pods"));
    assert_eq!(code(&run_in(folder.path(), &["assess", "clinic"])), 4);
    assert_eq!(code(&run_in(folder.path(), &["assess", "clinic", "--allow-incomplete"])), 0);
}

#[test]
fn what_the_user_switched_off_does_not_make_a_run_incomplete() {
    let folder = tempfile::tempdir().expect("a folder");
    clinic(folder.path(), |index| {
        let source = "anonymous-request.probe";
        *record(index, source) = json!({"source": source, "state": "not_requested", "why": "switched off"});
    });
    let output = run_in(folder.path(), &["assess", "clinic"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_scope_that_matches_nothing_is_never_a_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    clinic(folder.path(), |_| {});
    for (flag, value) in [("--ephi-namespace", "recrods"), ("--ephi-selector", "clinic.example/ehpi=true")] {
        let output = run_in(folder.path(), &["assess", "clinic", flag, value, "-o", "-", "--format", "json"]);
        assert_eq!(code(&output), 4, "{}", stderr(&output));
        let assessment: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(assessment["scope"]["unmatched"], json!([value]));
        let of_ephi = assessment["controls"].as_array().expect("a list").iter().filter(|control| control["looked_at"] == "ephi");
        for control in of_ephi.clone() {
            // What is in no namespace reaches those that were meant, whichever they are.
            let outside = |finding: &Value| finding["subject"]["namespace"].is_null();
            let found = control["findings"].as_array().expect("a list");
            let outcome = if found.is_empty() { "not_assessed" } else { "fail" };
            assert_eq!(control["outcome"], outcome, "{}", control["id"]);
            assert!(found.iter().all(outside), "{control}");
            assert!(!found.is_empty() || control["unseen"].to_string().contains(value), "{control}");
        }
        assert!(of_ephi.count() > 5);
        let summary = stdout(&run_in(folder.path(), &["assess", "clinic", flag, value]));
        assert!(summary.contains(&format!("no namespace that was read matches: {value}")), "{summary}");
    }
}

#[test]
fn force_does_not_delete_what_is_not_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join("home")).expect("made");
    std::fs::write(here.join("home/thesis.txt"), "ten years").expect("written");
    std::fs::write(here.join("thesis"), "ten years").expect("written");
    assert_error(
        &run_in(here, &["demo", "-o", "home", "--force"]),
        2,
        "will not replace home: it holds thesis.txt",
        "Choose another place",
    );
    assert_error(&run_in(here, &["demo", "-o", "thesis", "--force"]), 2, "will not replace thesis: it is a file", "Choose another place");
    assert_error(&run_in(here, &["collect", "-o", "home", "--force"]), 2, "it holds thesis.txt", "choose another place");
    assert!(here.join("home/thesis.txt").is_file());
    // Nor what somebody laid beside our own files.
    assert_eq!(code(&run_in(here, &["demo", "-o", "evidence"])), 0);
    std::fs::write(here.join("evidence/notes.txt"), "mine").expect("written");
    assert_error(&run_in(here, &["demo", "-o", "evidence", "--force"]), 2, "it holds notes.txt", "remove it yourself");
    assert!(here.join("evidence/notes.txt").is_file());
    assert_eq!(std::fs::read_dir(here).expect("readable").count(), 3, "nothing half-written is left");
}

#[test]
fn force_replaces_what_is_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join("evidence")).expect("made");
    for formats in [&["html"][..], &["markdown"], &["json"], &["html", "markdown", "json"], &["json"]] {
        let mut arguments = vec!["demo", "-o", "evidence", "--force", "--quiet"];
        formats.iter().for_each(|format| arguments.extend(["--format", format]));
        let output = run_in(here, &arguments);
        assert_eq!(code(&output), 0, "{formats:?}: {}", stderr(&output));
        // Beside them the requests, the digests and the snapshot.
        assert_eq!(std::fs::read_dir(here.join("evidence")).expect("readable").count(), formats.len() + 3, "{formats:?}");
    }
    // As `scan` leaves it, looked at on a desktop.
    clinic(&here.join("evidence"), |_| {});
    std::fs::remove_dir_all(here.join("evidence/snapshot")).expect("removed");
    std::fs::rename(here.join("evidence/clinic"), here.join("evidence/snapshot")).expect("renamed");
    std::fs::write(here.join("evidence/.DS_Store"), "").expect("written");
    assert_eq!(code(&run_in(here, &["demo", "-o", "evidence", "--force"])), 0);
    assert_eq!(std::fs::read_dir(here).expect("readable").count(), 1, "nothing else is left");
}

/// Starts the program, waits until it has begun to write beside `things` other entries, sends it a signal, and gives what it said.
#[cfg(unix)]
fn interrupted(here: &Path, arguments: &[&str], things: usize, signal: &str) -> Output {
    use std::process::{Command, Stdio};
    let child = Command::new(assert_cmd::cargo::cargo_bin("kube-hipaa"))
        .current_dir(here)
        .env_clear()
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    while std::fs::read_dir(here).expect("readable").count() == things {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().expect("a Unix");
    assert!(sent.success());
    child.wait_with_output().expect("it ends")
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    // Nobody answers at the port: the program waits, with its folder begun. (A pipe is refused, see flags.rs.)
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = silent.local_addr().expect("an address");
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'https://{server}'}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n"
    );
    std::fs::write(here.join("config"), config).expect("written");
    for arguments in
        [&["scan", "--kubeconfig", "config", "-o", "evidence"][..], &["collect", "--kubeconfig", "config", "-o", "snapshot.zip"]]
    {
        for signal in ["TERM", "INT"] {
            assert_error(&interrupted(here, arguments, 1, signal), 3, "interrupted; nothing was written", "Run it again");
            assert_eq!(std::fs::read_dir(here).expect("readable").count(), 1, "{arguments:?}");
        }
    }
}
