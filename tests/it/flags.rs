//! What flags and outputs promise: nothing that does nothing, nothing that others can read, nothing replaced that is not ours.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{assert_error, clinic, code, record, run, run_in, stderr, stdout};

const CLINIC: &str = "examples/clinic-snapshot.zip";

#[test]
fn one_format_without_a_folder_goes_to_standard_output() {
    let output = run(&["assess", CLINIC, "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let assessment: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(assessment["schema"], "kube-hipaa/assessment/v1");
    assert_error(&run(&["assess", CLINIC, "--format", "json", "--verbose"]), 2, "--verbose does nothing here", "Leave it out");
}

/// What would change nothing is refused: narrowing where no findings are shown, and how to collect where nothing is collected.
#[test]
fn flags_that_do_nothing_are_refused() {
    for (arguments, flag, why) in [
        (vec!["--format", "json", "-n", "billing"], "--namespace", "standard output is of the whole"),
        (vec!["-o", "-", "--format", "csv", "--control", "pod/privileged-container"], "--control", "standard output is of the whole"),
        (vec!["-q", "--min-severity", "high"], "--min-severity", "--quiet shows no findings"),
    ] {
        for command in [vec!["assess", CLINIC], vec!["scan"]] {
            let output = run(&[&command[..], &arguments].concat());
            assert_error(&output, 2, &format!("{flag} does nothing here: "), "Leave it out");
            assert!(stderr(&output).contains(why), "{}", stderr(&output));
        }
    }
    for arguments in [
        vec!["preflight", "--page-size", "7"],
        vec!["preflight", "--no-anonymous-request"],
        vec!["preflight", "--cluster-name", "a"],
        vec!["who-can", "get", "secrets", "--cluster-name", "a"],
        vec!["who-can", "get", "secrets", "--from", CLINIC, "--page-size", "7"],
        vec!["who-can", "get", "secrets", "--from", CLINIC, "--timeout", "7s"],
    ] {
        assert_eq!(code(&run(&arguments)), 2, "{arguments:?}");
    }
}

/// A document on standard output says nothing of the gate; standard error does.
#[test]
fn a_gate_that_is_not_met_is_said_beside_a_document() {
    let output = run(&["assess", CLINIC, "--format", "json", "--fail-on", "high"]);
    assert_eq!(code(&output), 1);
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
    assert!(stderr(&output).starts_with("the gate is not met: ") && stderr(&output).lines().count() == 1, "{}", stderr(&output));
}

/// What is narrowed is what is shown; verdicts and the exit status are of the whole.
#[test]
fn narrowing_shows_less_and_says_so() {
    let assess = |more: &[&str]| run(&[&["assess", CLINIC, "--ephi-selector", "clinic.example/ephi=true"], more].concat());
    let whole: Value = serde_json::from_slice(&assess(&["--format", "json"]).stdout).expect("JSON");
    let critical = whole["totals"]["findings"]["critical"].as_u64().expect("a number");
    let all: u64 = whole["totals"]["findings"].as_object().expect("counts").values().filter_map(Value::as_u64).sum();
    let text = stdout(&assess(&["--min-severity", "critical"]));
    assert!(text.contains(&format!("{critical} of {all} findings shown; the whole cluster was judged")), "{text}");
    let here = stdout(&assess(&["-n", "billing"]));
    assert!(here.contains("billing") && !here.contains("pod/privileged-container  imaging"), "{here}");
    let one = stdout(&assess(&["--control", "pod/privileged-container", "-n", "imaging"]));
    assert!(!one.contains("network/"), "{one}");
    assert_eq!(code(&assess(&["-n", "billing", "--fail-on", "critical"])), code(&assess(&["--fail-on", "critical"])));
    assert_error(&assess(&["-n", "biling"]), 2, "there is no namespace `biling`", "Did you mean `billing`?");
    assert_error(&assess(&["--control", "pod/nope"]), 2, "there is no control `pod/nope`", "There are: ");
}

#[test]
fn a_quiet_run_that_does_not_end_well_says_one_line() {
    let quiet = run(&["assess", CLINIC, "--quiet", "--fail-on", "high"]);
    assert_eq!((code(&quiet), stdout(&quiet).as_str()), (1, ""));
    let said = stderr(&quiet);
    assert!(said.starts_with("the gate is not met: ") && said.ends_with("findings at or above high\n"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    without_pods(folder.path());
    let incomplete = run_in(folder.path(), &["assess", "clinic", "--quiet"]);
    assert_eq!(code(&incomplete), 4);
    assert_eq!(stderr(&incomplete).lines().count(), 1, "{}", stderr(&incomplete));
    assert_eq!(stderr(&run(&["assess", CLINIC, "--quiet"])), "");
}

fn without_pods(here: &Path) {
    clinic(here, |index| *record(index, "pods") = json!({"source": "pods", "state": "forbidden", "why": "not allowed"}));
}

/// A source on which no control rests loses no verdict when it is refused.
#[test]
fn a_refused_read_without_a_verdict_is_no_exit_4() {
    let catalog = kube_hipaa::catalog::Catalog::built_in().expect("no problems");
    let today: Vec<String> = kube_hipaa::cli::needed_today(&catalog).iter().map(ToString::to_string).collect();
    let needed = |source: &str| today.iter().any(|one| one == source);
    let folder = tempfile::tempdir().expect("a folder");
    let mut refused = 0;
    clinic(folder.path(), |index| {
        for source in index["sources"].as_array_mut().expect("a list") {
            let name = source["source"].as_str().expect("a name").to_owned();
            if !needed(&name) && !name.starts_with('/') && source["state"] == "read" && !name.ends_with(".authentication.k8s.io") {
                *source = json!({"source": name, "state": "forbidden", "why": "not allowed"});
                refused += 1;
            }
        }
    });
    assert!(refused > 5, "{refused} sources are stocked for later");
    let output = run_in(folder.path(), &["assess", "clinic"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

#[test]
fn what_is_written_is_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let modes = |name: &str| {
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let mut all = vec![mode(&here.join(name))];
        all.extend(std::fs::read_dir(here.join(name)).expect("readable").map(|entry| mode(&entry.expect("an entry").path())));
        all.sort_unstable();
        all.dedup();
        all
    };
    assert_eq!(code(&run_in(here, &["demo", "-o", "mine", "-q"])), 0);
    assert_eq!(modes("mine"), [0o600, 0o700]);
    assert_eq!(code(&run_in(here, &["demo", "-o", "ours", "-q", "--world-readable"])), 0);
    assert_eq!(modes("ours"), [0o644, 0o755]);
    // Whatever the shell would take away or leave.
    for umask in ["000", "027", "077"] {
        for (flags, expected) in [("", [0o600, 0o700]), ("--world-readable", [0o644, 0o755])] {
            let name = format!("evidence-{umask}{flags}");
            let command = format!("umask {umask}; exec \"$0\" demo -q -o {name} {flags}");
            let status = std::process::Command::new("sh")
                .args(["-c", &command])
                .arg(assert_cmd::cargo::cargo_bin("kube-hipaa"))
                .current_dir(here)
                .status()
                .expect("a shell");
            assert!(status.success());
            assert_eq!(modes(&name), expected, "umask {umask} {flags}");
        }
    }
}

#[test]
fn force_looks_into_the_snapshot() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    assert_eq!(code(&run_in(here, &["demo", "-o", "evidence", "-q"])), 0);
    clinic(&here.join("evidence"), |_| {});
    std::fs::remove_dir_all(here.join("evidence/snapshot")).expect("removed");
    std::fs::rename(here.join("evidence/clinic"), here.join("evidence/snapshot")).expect("renamed");
    for name in ["thesis.txt", "thesis.jsonl.gz"] {
        let mine = here.join("evidence/snapshot").join(name);
        std::fs::write(&mine, "ten years").expect("written");
        let output = run_in(here, &["demo", "-o", "evidence", "--force"]);
        assert_error(&output, 2, &format!("its snapshot folder holds {name}"), "Choose another place");
        let output = run_in(here, &["collect", "-o", "evidence/snapshot", "--force"]);
        assert_error(&output, 2, &format!("it holds {name}"), "choose another place");
        assert!(mine.is_file());
        std::fs::remove_file(mine).expect("removed");
    }
    assert_eq!(code(&run_in(here, &["demo", "-o", "evidence", "--force", "-q"])), 0);
}

#[test]
fn pipes_and_devices_are_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir_all(here.join("controls/team")).expect("made");
    let pipe = here.join("controls/team/pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
    let pipe = pipe.display().to_string();
    let what = "it is not a regular file";
    assert_error(&run_in(here, &["controls", "list", "--controls", "controls"]), 2, what, "Save it to a file");
    assert_error(&run_in(here, &["assess", "nothing", "--scope", &pipe]), 2, what, "Save it to a file");
    assert_error(&run_in(here, &["render", &pipe, "-o", "x"]), 2, what, "Save it to a file");
    assert_error(&run_in(here, &["render", "/dev/zero", "-o", "x"]), 2, what, "Save it to a file");
    assert_error(&run_in(here, &["facts", &pipe]), 2, "neither a folder nor a regular file", "");
    // A folder that contains itself is walked once.
    std::fs::remove_file(&pipe).expect("removed");
    std::os::unix::fs::symlink("..", here.join("controls/team/again")).expect("linked");
    assert_eq!(code(&run_in(here, &["controls", "list", "--controls", "controls"])), 0);
}

#[test]
fn who_can_does_not_answer_for_what_does_not_exist() {
    let ask = |arguments: &[&str]| run(&[&["who-can", "--from", CLINIC], arguments].concat());
    for (arguments, what, advice) in [
        (vec!["get", "secrets/db"], "there is no subresource `db`", "It has none"),
        (vec!["get", "secrets", ""], "the name of the object is empty", "For example"),
        (vec!["get", "nosuchthing"], "there is no resource `nosuchthing`", "kubectl api-resources"),
        (vec!["get", "secrts"], "there is no resource `secrts`", "Did you mean `secrets`?"),
        (vec!["lst", "secrets"], "there is no verb `lst`", "Did you mean `list`?"),
        (vec!["get", "secrets", "-n", "bilingg"], "there is no namespace `bilingg`", "Did you mean `billing`?"),
        (vec!["create", "pods/exce"], "there is no subresource `exce`", "Did you mean `exec`?"),
        (vec!["get", "secret.apps"], "there is no resource `secret.apps`", "Did you mean"),
    ] {
        assert_error(&ask(&arguments), 2, what, advice);
    }
    let json = |arguments: &[&str]| -> Value {
        let output = ask(&[arguments, &["--format", "json"]].concat());
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let secrets = json(&["get", "secrets", "db"]);
    for spelling in ["secret", "Secret", "SECRETS"] {
        assert_eq!(json(&["get", spelling, "db"]), secrets, "{spelling}");
    }
    assert_eq!(json(&["get", "po"]), json(&["get", "pods"]));
    assert_eq!(json(&["get", "deploy"]), json(&["get", "deployments.apps"]));
    assert_eq!(json(&["get", "deployments.v1.apps"]), json(&["get", "deployments.apps"]));
}

/// Own grants are listed, Kubernetes' own are counted, and JSON holds all.
#[test]
fn who_can_folds_what_comes_with_kubernetes() {
    let ask = |more: &[&str]| stdout(&run(&[&["who-can", "get", "secrets", "--from", CLINIC], more].concat()));
    let (folded, all) = (ask(&[]), ask(&["--all"]));
    assert!(folded.contains("of Kubernetes itself") && !folded.contains("system:masters"), "{folded}");
    assert!(all.contains("system:masters") && !all.contains("of Kubernetes itself"), "{all}");
    let count = |text: &str| text.lines().last().unwrap_or_default().to_owned();
    assert_eq!(count(&folded), count(&all));
}

#[test]
fn own_frameworks_and_mappings_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir_all(here.join("own/frameworks")).expect("made");
    let paragraph = "id: house-1\n  title: Containers\n  section: house\n  standard: house-1\n  kind: standard\n  required: required\n  \
                     text: T\n  controls: [{control: pod/privileged-container, extent: partial, because: It looks at containers.}]\n  cluster_shows: S\n  \
                     cluster_cannot_show: N\n  ask_for: [A]\n";
    std::fs::write(
        here.join("own/frameworks/house.yaml"),
        format!("id: house\ntitle: House rules\nas_of: 2026-01-01\nparagraphs:\n- {paragraph}"),
    )
    .expect("written");
    let mapping = "extends: hipaa\nparagraphs:\n- id: 164.312(b)\n  controls: [{control: pod/privileged-container, extent: supporting, because: It looks at containers.}]\n";
    std::fs::write(here.join("own/frameworks/more.yaml"), mapping).expect("written");
    let clinic = std::env::current_dir().expect("here").join(CLINIC).display().to_string();
    let json = |framework: &str| -> Value {
        let output = run_in(here, &["assess", &clinic, "--controls", "own", "--framework", framework, "--format", "json"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let house = json("house");
    assert_eq!(house["paragraphs"][0]["id"], "house-1");
    let hipaa = json("hipaa");
    let audit = hipaa["paragraphs"].as_array().expect("a list").iter().find(|one| one["id"] == "164.312(b)").expect("it is there");
    assert!(audit["controls"].to_string().contains("pod/privileged-container"), "{audit}");
    std::fs::write(here.join("own/frameworks/more.yaml"), mapping.replace("164.312(b)", "164.999").replace("privileged-c", "privileged-k"))
        .expect("written");
    let wrong = run_in(here, &["controls", "lint", "--controls", "own"]);
    assert_error(&wrong, 2, "the catalog has 1 problem(s)", "more.yaml:3:7: the framework `hipaa` has no paragraph `164.999`");
}

/// Every command has two examples in its help, and a page of the manual.
#[test]
fn every_command_shows_two_examples() {
    let help = stdout(&run(&["--help"]));
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help" && name.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .filter(|name| help.contains(&format!("\n  {name} ")))
        .collect();
    assert!(commands.len() >= 11, "{commands:?}");
    for command in commands {
        let help = stdout(&run(&[command, "--help"]));
        let examples = help.split_once("Examples:").map(|(_, rest)| rest.matches("kube-hipaa").count()).unwrap_or_default();
        assert!(examples >= 2, "{command}: {help}");
        let page = stdout(&run(&["man", command]));
        assert!(page.starts_with(".ie") || page.contains(".TH"), "{command}: {page}");
    }
    for command in ["list", "show", "lint", "test"] {
        let help = stdout(&run(&["controls", command, "--help"]));
        assert!(help.split_once("Examples:").is_some_and(|(_, rest)| rest.matches("kube-hipaa").count() >= 2), "{command}: {help}");
    }
    assert!(stdout(&run(&["man"])).contains(".TH kube-hipaa"));
    assert_error(&run(&["man", "scn"]), 2, "there is no command `scn`", "Did you mean `scan`?");
}

/// Least right is asked for by the regulation itself (45 CFR 164.312(a)(1)): what no control rests on is granted on demand only.
#[test]
fn permissions_for_later_stand_apart() {
    let (today, later) = (stdout(&run(&["permissions", "-A"])), stdout(&run(&["permissions", "-A", "--for-later"])));
    assert!(later.starts_with(today.trim_end()) && later.len() > today.len(), "what is needed today does not change");
    let extra = &later[today.trim_end().len()..];
    assert!(extra.contains("kube-hipaa-later") && extra.contains("horizontalpodautoscalers") == later.contains("horizontalpodautoscalers"));
    assert!(!today.contains("kube-hipaa-later"));
    let catalog = kube_hipaa::catalog::Catalog::built_in().expect("no problems");
    for source in catalog.controls().iter().filter_map(|control| control.check()).flat_map(|check| check.sources()) {
        let named = source.object().map_or(source.resource(), |(_, name)| name).to_owned();
        let has_rule = kube_hipaa::collect::inventory::entry(&source).is_some_and(|entry| entry.rule().is_some());
        assert!(!has_rule || today.contains(&format!("\"{named}\"")), "{source} is needed and not granted");
    }
}

/// Who names an archive means one file: it is written, or the name is refused before anything is asked or made.
#[test]
fn names_of_archives_are_honoured_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let clinic = std::env::current_dir().expect("here").join(CLINIC).display().to_string();
    assert_eq!(code(&run_in(here, &["assess", &clinic, "-o", "evidence", "-q"])), 0);
    for name in ["x.zip", "x.tar.gz", "x.tgz", "x.tar", "X.ZIP", "x.tar.zst", "x.txz"] {
        for command in [vec!["scan"], vec!["demo"], vec!["assess", &clinic], vec!["render", "evidence"]] {
            let output = run_in(here, &[&command[..], &["-o", name]].concat());
            let said = format!("will not write a folder with the name of an archive, {name}");
            assert_error(&output, 2, &said, "`kube-hipaa collect -o NAME.zip` writes a snapshot as one file");
        }
        let collected = run_in(here, &["collect", "--kubeconfig", "nothing", "-o", name]);
        match name.to_ascii_lowercase().ends_with(".zip") {
            // Honoured: what is missing is the cluster.
            true => assert_eq!(code(&collected), 3, "{}", stderr(&collected)),
            false => assert_error(&collected, 2, "it is written as a folder or as a .zip file", "give a name that ends in .zip"),
        }
    }
    for snapshot in [clinic.as_str(), "evidence"] {
        let output = run_in(here, &["facts", snapshot, "containers"]);
        assert_eq!(code(&output), if snapshot == "evidence" { 2 } else { 0 }, "{}", stderr(&output));
    }
    assert_error(&run_in(here, &["render", &clinic, "-o", "again"]), 2, "holds no assessment.json", "of a snapshot, `kube-hipaa assess");
    let left: Vec<_> = std::fs::read_dir(here).expect("readable").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["evidence"]);
}

/// The last lines of a table are for whoever is still there.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::{Command, Stdio};
    for arguments in [vec!["facts", CLINIC], vec!["assess", CLINIC], vec!["controls", "list"], vec!["permissions", "-A"]] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("kube-hipaa"))
            .args(&arguments)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Names of folders are other people's.
#[test]
fn weird_names_of_folders_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    for name in ["with space", "-dash", "é—ö", "new\nline", "\u{1b}[31mred", "a.b.c"] {
        let output = run_in(here, &["demo", &format!("--output={name}")]);
        assert_eq!(code(&output), 0, "{name:?}: {}", stderr(&output));
        assert!(here.join(name).join("report.html").is_file(), "{name:?}");
        assert!(!stdout(&output).contains('\u{1b}'), "{name:?}");
        assert_eq!(code(&run_in(here, &["facts", "--", &format!("./{name}")])), 0, "it holds the snapshot");
        let sealed = run_in(here, &["bundle", &format!("--output=sealed-{name}"), "--", &format!("./{name}")]);
        assert_eq!(code(&sealed), 0, "{name:?}: {}", stderr(&sealed));
        let verified = run_in(here, &["verify", "--", &format!("sealed-{name}")]);
        assert_eq!(code(&verified), 0, "{name:?}: {}", stdout(&verified));
        assert!(![&sealed, &verified].iter().any(|output| stdout(output).contains('\u{1b}')), "{name:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_said_before_anything_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("file"), "x").expect("written");
    assert_error(&run_in(here, &["scan", "-o", "file/evidence"]), 2, "there is no folder file", "mkdir");
    assert_error(&run_in(here, &["scan", "-o", "/proc/evidence"]), 2, "cannot write /proc", "permissions");
    assert_error(&run_in(here, &["collect", "-o", "/proc/snapshot"]), 2, "cannot create a folder in /proc", "permissions");
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(&["completions", shell])).contains("kube-hipaa"), "{shell}");
    }
}
