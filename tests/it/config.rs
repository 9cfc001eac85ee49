//! The configuration file and the log for programs: what wins, what is refused and where, and that nothing is read that was not named.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

const CLINIC: &str = "examples/clinic-snapshot.zip";

/// Runs the program in a folder with this environment and no other.
fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("kube-hipaa").expect("built");
    command.current_dir(folder).args(arguments).env_clear().envs(environment.iter().copied());
    command.output().expect("runs")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

/// A folder with a configuration file, and the path of the clinic's snapshot.
fn with(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("kube-hipaa.yaml"), format!("schema: kube-hipaa/config/v1\n{text}")).expect("written");
    let clinic = std::env::current_dir().expect("here").join(CLINIC).display().to_string();
    (folder, clinic)
}

#[test]
fn flags_win_over_variables_and_they_over_the_file() {
    let (folder, clinic) = with("ephi-namespace: [billing]\nassess:\n  output: evidence\n  format: [json]\n");
    let here = folder.path();
    let config = [("KUBE_HIPAA_CONFIG", "kube-hipaa.yaml")];
    let scope = |name: &str| -> Value {
        let text = std::fs::read(here.join(name).join("assessment.json")).expect("written");
        serde_json::from_slice::<Value>(&text).expect("JSON")["scope"]["ephi_namespaces"].clone()
    };
    let output = run(here, &["assess", &clinic], &config);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(err(&output).contains("note: from kube-hipaa.yaml: ephi-namespace, format, output"), "{}", err(&output));
    assert_eq!(scope("evidence"), serde_json::json!(["billing"]));
    assert!(!here.join("evidence/report.html").exists(), "only what the file asks for");
    // A flag; also a flag that cannot stand beside what the file says.
    let output = run(here, &["assess", &clinic, "--ephi-namespace", "imaging", "-o", "other"], &config);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(scope("other"), serde_json::json!(["imaging"]));
    std::fs::write(here.join("scope.yaml"), "ephi:\n  namespaces: [patient-records]\n").expect("written");
    let output = run(here, &["assess", "-o", "third", "--scope", "scope.yaml", "--", &clinic], &config);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(scope("third"), serde_json::json!(["patient-records"]));
    // The flag that names the file wins over the variable.
    std::fs::write(
        here.join("two.yaml"),
        "schema: kube-hipaa/config/v1\nassess: {output: fourth, format: json, ephi-selector: 'clinic.example/ephi=true'}\n",
    )
    .expect("written");
    let output = run(here, &["--config", "two.yaml", "assess", &clinic], &config);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(scope("fourth").as_array().map(Vec::len), Some(4));
    // Without a name, no file is read: not this one either, which lies where everybody would look.
    let output = run(here, &["assess", &clinic, "--format", "json"], &[]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(!err(&output).contains("kube-hipaa.yaml"));
    let whole: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(whole["scope"]["source"], "default");
}

#[test]
fn switches_and_what_stands_below_a_command() {
    let (folder, clinic) = with("quiet: true\nallow-incomplete: false\ntimeout: 5m\nassess:\n  quiet: false\n  verbose: true\n");
    let here = folder.path();
    // Below the command wins; and `timeout` is for commands that ask a cluster.
    let output = run(here, &["assess", &clinic, "--config", "kube-hipaa.yaml"], &[]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("deployments.apps"), "every source is listed");
    let output = run(here, &["render", &clinic, "-o", "x", "--config", "kube-hipaa.yaml"], &[]);
    assert!(!err(&output).contains("note:"), "quiet: {}", err(&output));
    // A flag that was given puts out what cannot stand beside it.
    std::fs::write(here.join("kube-hipaa.yaml"), "schema: kube-hipaa/config/v1\nverbose: true\n").expect("written");
    let output = run(here, &["assess", &clinic, "--quiet", "--config", "kube-hipaa.yaml"], &[]);
    assert_eq!((code(&output), output.stdout.len(), err(&output).as_str()), (0, 0, ""));
    // Two flags of a file that cannot stand together.
    std::fs::write(here.join("kube-hipaa.yaml"), "schema: kube-hipaa/config/v1\nverbose: true\nquiet: true\n").expect("written");
    let output = run(here, &["assess", &clinic, "--config", "kube-hipaa.yaml"], &[]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("kube-hipaa.yaml:3:1: `quiet` cannot stand beside `verbose` of line 2"), "{}", err(&output));
}

/// All at once, each with line and column, whichever command runs; nothing is asked of a cluster.
#[test]
fn mistakes_are_refused_with_line_and_column() {
    let text = "\
timout: 5m
concurrency: 900
page-size: many
quiet: perhaps
format: [html, json]
scna: {output: x}
scan:
  outptu: x
  fail-on: severe
  cluster-name: [a, b]
demo:
  kubeconfig: x
config: other.yaml
output: evidence
quiet: true
";
    // The second `quiet` is not even YAML.
    let (folder, _) = with(text);
    let output = run(folder.path(), &["scan", "--config", "kube-hipaa.yaml"], &[]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("kube-hipaa.yaml:16:1: "), "{}", err(&output));
    let (folder, _) = with(text.trim_end().trim_end_matches("quiet: true"));
    let output = run(folder.path(), &["scan", "--config", "kube-hipaa.yaml"], &[]);
    let said = err(&output);
    assert_eq!(code(&output), 2, "{said}");
    for expected in [
        "kube-hipaa.yaml:2:1: there is no flag `timout`. Did you mean `timeout`?",
        "kube-hipaa.yaml:3:14: invalid value '900' for '--concurrency <N>'",
        "kube-hipaa.yaml:4:12: invalid value 'many' for '--page-size <N>'",
        "kube-hipaa.yaml:5:8: `quiet` is true or false",
        "kube-hipaa.yaml:6:1: `format` does not mean the same to every command",
        "kube-hipaa.yaml:7:1: there is no command `scna`. Did you mean `scan`?",
        "kube-hipaa.yaml:9:3: `scan` has no flag `outptu`. Did you mean `output`?",
        "kube-hipaa.yaml:10:12: invalid value 'severe' for '--fail-on <SEVERITY>'",
        "kube-hipaa.yaml:11:21: `cluster-name` takes one value",
        "kube-hipaa.yaml:13:3: `demo` has no flag `kubeconfig`.",
        "kube-hipaa.yaml:14:1: a configuration file cannot name another one",
        "kube-hipaa.yaml:15:1: `output` does not mean the same to every command, and preflight would refuse this",
        "nothing was asked of the cluster",
    ] {
        assert!(said.contains(expected), "{expected}\nis not in\n{said}");
    }
    assert_eq!(said.matches("kube-hipaa.yaml:").count(), 12, "{said}");
}

#[test]
fn files_that_are_none_are_refused() {
    let (folder, clinic) = with("");
    let here = folder.path();
    for (name, content, what) in [
        ("bytes.yaml", &b"\xff\xfe"[..], "cannot read bytes.yaml"),
        ("empty.yaml", b"", "empty.yaml:1"),
        ("other.yaml", b"schema: kube-hipaa/scope/v1\n", "this version reads `kube-hipaa/config/v1`"),
    ] {
        std::fs::write(here.join(name), content).expect("written");
        let output = run(here, &["assess", &clinic, "--config", name], &[]);
        assert_eq!(code(&output), 2, "{name}");
        assert!(err(&output).contains(what), "{name}: {}", err(&output));
    }
    for (name, what) in [("missing.yaml", "cannot read missing.yaml"), ("/dev/zero", "not a regular file"), (".", "not a regular file")] {
        let output = run(here, &["assess", &clinic], &[("KUBE_HIPAA_CONFIG", name)]);
        assert_eq!(code(&output), 2, "{name}");
        assert!(err(&output).contains(what) && err(&output).contains("try: "), "{name}: {}", err(&output));
    }
    // Help and version need no file.
    assert_eq!(code(&run(here, &["--version"], &[("KUBE_HIPAA_CONFIG", "missing.yaml")])), 0);
    assert_eq!(code(&run(here, &["scan", "--help"], &[("KUBE_HIPAA_CONFIG", "missing.yaml")])), 0);
}

fn lines(output: &Output) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    err(output).lines().map(line).collect()
}

/// Every line is one object with a time and a level; the last one says how it ended. Standard output is as without.
#[test]
fn the_log_is_one_object_a_line() {
    let (folder, clinic) = with("log-format: json\n");
    let here = folder.path();
    let plain = run(here, &["assess", &clinic], &[("COLUMNS", "90")]);
    for (arguments, environment) in [
        (vec!["assess", &clinic, "--log-format", "json"], vec![("COLUMNS", "90")]),
        (vec!["assess", &clinic], vec![("COLUMNS", "90"), ("KUBE_HIPAA_CONFIG", "kube-hipaa.yaml")]),
    ] {
        let output = run(here, &arguments, &environment);
        assert_eq!(code(&output), 0, "{}", err(&output));
        assert_eq!(output.stdout, plain.stdout);
        let lines = lines(&output);
        for line in &lines {
            chrono::DateTime::parse_from_rfc3339(line["time"].as_str().expect("a time")).expect("RFC 3339");
            assert!(["info", "warning", "error"].contains(&line["level"].as_str().expect("a level")), "{line}");
        }
        let event = |name: &str| lines.iter().find(|line| line["event"] == name).unwrap_or_else(|| panic!("no {name}: {lines:?}"));
        assert_eq!(event("started")["command"], "assess");
        assert!(event("assessed")["findings"]["critical"].as_u64() > Some(0), "{lines:?}");
        let last = lines.last().expect("a line");
        assert_eq!((&last["event"], &last["exit"], &last["level"]), (&"finished".into(), &0.into(), &"info".into()));
    }
    let output = run(here, &["assess", &clinic, "--log-format=json", "-q", "--fail-on", "high"], &[]);
    assert_eq!(code(&output), 1);
    assert!(lines(&output).iter().any(|line| line["message"].as_str().is_some_and(|text| text.starts_with("the gate is not met"))));
    assert_eq!(lines(&output).last().map(|line| line["level"].clone()), Some("warning".into()));
}

#[test]
fn errors_are_objects_too() {
    let (folder, _) = with("");
    let here = folder.path();
    let output = run(here, &["assess", "missing\u{1b}[31m\u{202e}", "--log-format", "json"], &[]);
    assert_eq!(code(&output), 2);
    let said = lines(&output);
    let error = said.iter().find(|line| line["level"] == "error").expect("an error");
    assert!(error["message"].is_string() && error["because"].is_array() && error["try"].is_string(), "{error}");
    assert!(!err(&output).contains(['\u{1b}', '\u{202e}']), "names are made visible: {error}");
    // What the parser of the command line says, too.
    for wrong in [&["scan", "--nonsense", "--log-format", "json"][..], &["--log-format=json", "scan", "--timeout", "soon"]] {
        let output = run(here, wrong, &[]);
        assert_eq!(code(&output), 2);
        let said = lines(&output);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0]["message"].as_str().is_some_and(|text| text.starts_with("error: ")), "{said:?}");
    }
}
