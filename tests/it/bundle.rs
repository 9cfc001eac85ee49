//! Sealing: what is sealed, what is refused, and that the same evidence gives the same bytes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use kube_hipaa::catalog::built_in_files;
use serde_json::Value;

use crate::cli::{assert_error, code, run, stderr, stdout};
use crate::support::bundles::{self, by_shell, evidence, read, seal, sealed, write};
use crate::support::chance::Chance;
use crate::support::signing::{Authority, made};

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

#[test]
fn what_was_observed_is_sealed_with_the_rules_that_judged_it() {
    let files = sealed("clinic");
    for name in ["data/report.html", "data/assessment.json", "data/requests.jsonl", "data/snapshot/core.pods.jsonl.gz", "data/summary.json"]
    {
        assert!(files.contains_key(name), "{name}");
    }
    assert_eq!(files["data/previous.json"], b"null\n");
    assert_eq!(files["bagit.txt"], b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    let catalog: BTreeSet<String> =
        files.keys().filter_map(|name| name.strip_prefix("data/catalog/built-in/")).map(str::to_owned).collect();
    assert_eq!(catalog, built_in_files().into_iter().map(|(path, _)| path).collect());
    let summary: Value = serde_json::from_slice(&files["data/summary.json"]).unwrap();
    let assessment: Value = serde_json::from_slice(&files["data/assessment.json"]).unwrap();
    for key in ["tool", "catalog", "cluster", "collected", "totals", "snapshot_sha256"] {
        assert_eq!(summary[key], assessment[key], "{key}");
    }
    let info = String::from_utf8(files["bag-info.txt"].clone()).unwrap();
    let day = &assessment["collected"]["finished"].as_str().unwrap()[..10];
    assert!(info.contains(&format!("Bagging-Date: {day}\n")), "not the day of sealing: {info}");
    assert!(info.contains(&format!("External-Identifier: {}\n", assessment["cluster"]["uid"].as_str().unwrap())), "{info}");
}

#[test]
fn the_same_evidence_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let one = evidence("empty", folder.path());
    let other = folder.path().join("elsewhere");
    write(&other, &read(&one));
    std::fs::write(other.join(".DS_Store"), "left by a desktop").unwrap();
    for name in ["a.zip", "b.zip", "a", "b"] {
        seal(if name.starts_with('a') { &one } else { &other }, &folder.path().join(name), &[]);
    }
    assert!(std::fs::read(folder.path().join("a.zip")).unwrap() == std::fs::read(folder.path().join("b.zip")).unwrap());
    assert!(read(&folder.path().join("a")) == read(&folder.path().join("b")));
    // And the archive holds the folder.
    let id = |name: &str| json(&run(&["verify", &path(&folder, name), "--format", "json"]))["id"].clone();
    assert_eq!(id("a.zip"), id("a"));
    let left: BTreeSet<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["a", "a.zip", "b", "b.zip", "elsewhere", "empty"].map(str::to_owned).into(), "nothing half-written is left");
}

#[test]
fn a_bundle_is_whole_by_every_reader() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = evidence("clinic", folder.path());
    let zip = folder.path().join("clinic.zip");
    let said = stdout(&seal(&evidence, &zip, &[]));
    let id = said.lines().find_map(|line| line.strip_prefix("Id       ")).unwrap().to_owned();
    let output = run(&["verify", zip.to_str().unwrap(), "--id", &id]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{text}");
    assert!(text.contains("Whole: it is the bundle of this id") && text.contains(&id), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.starts_with("Bundle")), "{text}");
    let output = run(&["verify", zip.to_str().unwrap(), "--format", "json"]);
    let verdict = json(&output);
    assert_eq!((&verdict["whole"], &verdict["sealed"], &verdict["id"]), (&true.into(), &true.into(), &id.clone().into()));
    let none = Value::from("none");
    assert_eq!((&verdict["signature"]["state"], &verdict["timestamp"]["state"], &verdict["previous"]), (&none, &none, &Value::Null));
    assert_eq!(verdict["problems"], Value::Array(Vec::new()));
    let shell = by_shell(&zip, &[&id]);
    assert_eq!(shell.status.code(), Some(0), "{}", String::from_utf8_lossy(&shell.stdout));
    // As README.txt says, with nothing else.
    let steps = "unzip -q clinic.zip && cd kube-hipaa-* && sha256sum --strict --quiet -c tagmanifest-sha256.txt && \
                 sha256sum --strict --quiet -c manifest-sha256.txt && find data -type f | sort > ../there && \
                 cut -c67- manifest-sha256.txt | sort > ../listed && comm -3 ../there ../listed && find . ! -type f ! -type d";
    let output = Command::new("sh").args(["-c", steps]).current_dir(folder.path()).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", bundles_said(&output));
    // One that somebody unpacked and packed again with another program holds the same bundle.
    let again = "zip -q -r again.zip kube-hipaa-*";
    assert!(Command::new("sh").args(["-c", again]).current_dir(folder.path()).status().unwrap().success());
    let output = run(&["verify", &path(&folder, "again.zip"), "--id", &id]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

fn bundles_said(output: &std::process::Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

/// The recipe of README.txt: from a piece of evidence to the object that was stored.
#[test]
fn the_digest_of_an_object_is_recomputed_with_usual_tools() {
    let files = sealed("clinic");
    let assessment: Value = serde_json::from_slice(&files["data/assessment.json"]).unwrap();
    let findings =
        assessment["controls"].as_array().unwrap().iter().flat_map(|control| control["findings"].as_array().cloned().unwrap_or_default());
    let evidence =
        findings.flat_map(|finding| finding["evidence"].as_array().cloned().unwrap()).find(|one| one["source"] == "pods").unwrap();
    let digest = evidence["sha256"].as_str().unwrap();
    let readme = String::from_utf8(files["README.txt"].clone()).unwrap();
    let recipe: Vec<&str> =
        readme.lines().skip_while(|line| !line.contains("gzip -dc")).take_while(|line| !line.contains("cat /tmp/line")).collect();
    let recipe: String = recipe.into_iter().filter(|line| line.starts_with("     ")).map(|line| format!("{}\n", line.trim())).collect();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &files);
    let recipe = recipe.replace("/tmp/", "");
    let output = Command::new("sh").args(["-c", &recipe]).env("DIGEST", digest).current_dir(folder.path()).output().unwrap();
    assert_eq!(stdout(&output).split_whitespace().next(), Some(digest), "{recipe}{}", bundles_said(&output));
}

#[test]
fn bundles_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (clinic, empty) = (evidence("clinic", folder.path()), evidence("empty", folder.path()));
    let at = |name: &str| path(&folder, name);
    seal(&clinic, Path::new(&at("one.zip")), &[]);
    seal(&clinic, Path::new(&at("two.zip")), &["--previous", &at("one.zip")]);
    let verdict = json(&run(&["verify", &at("two.zip"), "--previous", &at("one.zip"), "--format", "json"]));
    assert_eq!(verdict["whole"], true);
    assert_eq!(verdict["previous"]["name"], "one.zip");
    assert_eq!(verdict["previous"]["id"], json(&run(&["verify", &at("one.zip"), "--format", "json"]))["id"]);
    // One that was sealed again is another one, and the next does not name it.
    seal(&clinic, Path::new(&at("forged.zip")), &["--previous", &at("two.zip")]);
    let output = run(&["verify", &at("two.zip"), "--previous", &at("forged.zip")]);
    assert_eq!(code(&output), 5);
    assert!(stdout(&output).contains("data/previous.json"), "{}", stdout(&output));
    // What cannot be the one before.
    let sealing =
        |evidence: &Path, previous: &str| run(&["bundle", evidence.to_str().unwrap(), "-o", &at("x"), "--previous", &at(previous)]);
    assert_error(&sealing(&empty, "one.zip"), 2, "it is of another cluster", "kube-hipaa verify");
    std::fs::write(at("broken.zip"), &std::fs::read(at("one.zip")).unwrap()[..1000]).unwrap();
    assert_error(&sealing(&clinic, "broken.zip"), 2, "it is not whole", "kube-hipaa verify");
    assert_error(&sealing(&clinic, "clinic"), 2, "it is not sealed", "--previous");
    let output = run(&["verify", &at("one.zip"), "--id", &"0".repeat(64)]);
    assert_eq!(code(&output), 5, "{}", stdout(&output));
    assert_eq!(code(&run(&["verify", &at("clinic"), "--id", &"0".repeat(64)])), 5, "what has no id is not the bundle of one");
}

#[test]
fn only_whole_evidence_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = read(&evidence("empty", folder.path()));
    let out = path(&folder, "out.zip");
    let refused = |name: &str, change: &dyn Fn(&mut bundles::Files), what: &str, advice: &str| {
        let place = folder.path().join(name);
        let mut files = whole.clone();
        change(&mut files);
        write(&place, &files);
        let output = run(&["bundle", place.to_str().unwrap(), "-o", &out]);
        assert_error(&output, 2, "will not seal", advice);
        assert!(stderr(&output).contains(what), "{name}: {}", stderr(&output));
    };
    refused("thesis", &|files| drop(files.insert("thesis.md".into(), b"ten years".to_vec())), "it holds thesis.md", "nothing else in it");
    for name in ["assessment.json", "manifest-sha256.txt", "requests.jsonl"] {
        refused(&format!("no-{name}"), &|files| drop(files.remove(name)), &format!("it holds no {name}"), "scan -o DIR");
    }
    refused("no-snapshot", &|files| files.retain(|name, _| !name.starts_with("snapshot/")), "it holds no snapshot", "scan -o DIR");
    refused("changed", &|files| files.get_mut("report.md").unwrap().push(b' '), "report.md: it was changed", "as it was written");
    refused("gone", &|files| drop(files.remove("report.md")), "report.md: manifest-sha256.txt names it", "as it was written");
    let other_index: &dyn Fn(&mut bundles::Files) = &|files| {
        let index = String::from_utf8(files["snapshot/index.json"].clone()).unwrap();
        files.insert("snapshot/index.json".into(), index.replacen("https://", "https://x", 1).into_bytes());
        files.remove("manifest-sha256.txt");
        let text = bundles::listed(files);
        files.insert("manifest-sha256.txt".to_owned(), text);
    };
    refused("swapped", other_index, "snapshot/index.json: it is not the one that assessment.json was made of", "as it was written");
    let other_catalog: &dyn Fn(&mut bundles::Files) = &|files| {
        let text = String::from_utf8(files["assessment.json"].clone()).unwrap();
        let catalog = text.find("\"sha256\": \"").unwrap() + 11;
        files.insert("assessment.json".into(), format!("{}{}{}", &text[..catalog], "0".repeat(64), &text[catalog + 64..]).into_bytes());
        files.remove("manifest-sha256.txt");
        let text = bundles::listed(files);
        files.insert("manifest-sha256.txt".to_owned(), text);
    };
    refused("catalog", other_catalog, "another built-in catalog", "assess its snapshot again");
    assert!(!Path::new(&out).exists(), "nothing was written");
    let empty = folder.path().join("empty");
    for (output, what, advice) in [
        (path(&folder, "empty/inside.zip"), "it is in the evidence", "another place"),
        (path(&folder, "no/such/place"), "there is no folder", "mkdir -p"),
        (path(&folder, "catalog"), "already exists", "--force"),
        (path(&folder, "x.tar.gz"), "name of an archive", ""),
    ] {
        assert_error(&run(&["bundle", empty.to_str().unwrap(), "-o", &output]), 2, what, advice);
    }
    // What is no bundle is not replaced, with --force neither.
    for other in ["catalog", "empty/report.md"] {
        let output = run(&["bundle", empty.to_str().unwrap(), "-o", &path(&folder, other), "--force"]);
        assert_eq!(code(&output), 2, "{other}: {}", stderr(&output));
    }
    for name in ["out.zip", "out"] {
        seal(&empty, &folder.path().join(name), &[]);
        seal(&empty, &folder.path().join(name), &["--force"]);
        assert_eq!(code(&run(&["verify", &path(&folder, name)])), 0);
    }
    std::fs::write(folder.path().join("out/notes.txt"), "mine").unwrap();
    let output = run(&["bundle", empty.to_str().unwrap(), "-o", &path(&folder, "out"), "--force"]);
    assert_error(&output, 2, "will not replace", "remove it yourself");
}

#[test]
fn own_controls_are_sealed_as_they_were_used() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own/team");
    std::fs::create_dir_all(&own).unwrap();
    let control = "id: team/one\nversion: 1\nlifecycle: {status: stable, since: 0.1.0}\ntitle: T\nseverity: low\nseverity_because: S\nover: containers\n\
                   scope: ephi\nrequire: \"!row.privileged\"\nbecause: B\nfails: being odd\nfinding: \"F {row.name}\"\nshow: [name]\nfix: X\nlimits: L\n";
    std::fs::write(own.join("one.yaml"), control).unwrap();
    let (own, place) = (path(&folder, "own"), path(&folder, "evidence"));
    let output = run(&["demo", "-q", "-o", &place, "--controls", &own]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let sealing = |more: &[&str]| run(&[&["bundle", &place, "-o", &path(&folder, "out.zip")], more].concat());
    assert_error(&sealing(&[]), 2, "own controls in own", "--controls DIR");
    std::fs::write(folder.path().join("own/team/one.yaml"), control.replace("title: T", "title: U")).unwrap();
    assert_error(&sealing(&["--controls", &own]), 2, "are not those by which it was assessed", "--controls DIR");
    std::fs::write(folder.path().join("own/team/one.yaml"), control).unwrap();
    let output = sealing(&["--controls", &own]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = run(&["verify", &path(&folder, "out.zip")]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    let listing = Command::new("unzip").args(["-Z1", &path(&folder, "out.zip")]).output().unwrap();
    assert!(stdout(&listing).contains("data/catalog/overlay-1/team/one.yaml"));
    let shell = by_shell(Path::new(&path(&folder, "out.zip")), &[]);
    assert_eq!(code(&shell), 0, "{}", stdout(&shell));
    // Whatever the folder is called.
    for (number, odd) in ["o\"wn", "o\\wn", "a%sb $(id)", "m\u{fc}ller"].into_iter().enumerate() {
        std::fs::rename(folder.path().join("own"), folder.path().join(odd)).unwrap();
        let (odd_own, place, zip) =
            (path(&folder, odd), path(&folder, &format!("evidence-{number}")), path(&folder, &format!("{number}.zip")));
        assert_eq!(code(&run(&["demo", "-q", "-o", &place, "--controls", &odd_own])), 0, "{odd}");
        let output = run(&["bundle", &place, "-o", &zip, "--controls", &odd_own]);
        assert_eq!(code(&output), 0, "{odd}: {}", stderr(&output));
        for output in [run(&["verify", &zip]), by_shell(Path::new(&zip), &[])] {
            assert_eq!(code(&output), 0, "{odd}: {}", stdout(&output));
        }
        std::fs::rename(folder.path().join(odd), folder.path().join("own")).unwrap();
    }
}

#[test]
fn evidence_that_is_not_sealed_has_a_list_of_digests() {
    let folder = tempfile::tempdir().unwrap();
    let place = evidence("empty", folder.path());
    let output = run(&["verify", place.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).contains("It is not sealed"), "{}", stdout(&output));
    // As the program wrote it, with a snapshot and without.
    let demo = evidence("clinic", folder.path());
    let assessed = path(&folder, "assessed");
    assert_eq!(code(&run(&["assess", "tests/golden/empty-cluster.zip", "-q", "-o", &assessed, "--format", "json,csv"])), 0);
    for place in [demo.to_str().unwrap(), &assessed] {
        let verdict = json(&run(&["verify", place, "--format", "json"]));
        assert_eq!((&verdict["whole"], &verdict["sealed"], &verdict["id"]), (&true.into(), &false.into(), &Value::Null), "{verdict}");
    }
    // And may be replaced by the program.
    assert_eq!(code(&run(&["assess", "tests/golden/empty-cluster.zip", "-q", "-o", &assessed, "--force"])), 0);
    std::fs::write(place.join("report.md"), "changed").unwrap();
    std::fs::write(place.join("more.txt"), "added").unwrap();
    std::fs::remove_file(place.join("requests.jsonl")).unwrap();
    let output = run(&["verify", place.to_str().unwrap(), "--format", "json"]);
    assert_eq!(code(&output), 5);
    let found: Vec<String> = json(&output)["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["file"].as_str().unwrap()))
        .collect();
    assert_eq!(found, ["added more.txt", "altered report.md", "missing requests.jsonl"]);
}

/// `assess` leaves the snapshot where it was.
#[test]
fn evidence_without_its_snapshot_is_sealed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, place) = ("tests/golden/empty-cluster.zip", path(&folder, "assessed"));
    assert_eq!(code(&run(&["assess", snapshot, "-q", "-o", &place])), 0);
    let sealing = |to: &str, more: &[&str]| run(&[&["bundle", &place, "-o", &path(&folder, to)], more].concat());
    assert_error(&sealing("x.zip", &[]), 2, "it holds no snapshot", "--snapshot SNAPSHOT");
    assert_error(&sealing("x.zip", &["--snapshot", "examples/clinic-snapshot.zip"]), 2, "was not made of the snapshot that", "");
    assert_error(&sealing("x.zip", &["--snapshot", "tests"]), 2, "tests", "");
    let output = sealing("a.zip", &["--snapshot", snapshot]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // The same bundle, whether the snapshot lies in a file, in a folder, or in the evidence.
    let unpacked = Command::new("unzip").args(["-q", snapshot, "-d", &path(&folder, "unpacked")]).status().unwrap();
    assert!(unpacked.success());
    assert_eq!(code(&sealing("b.zip", &["--snapshot", &path(&folder, "unpacked")])), 0);
    let bytes = |name: &str| std::fs::read(path(&folder, name)).unwrap();
    assert!(bytes("a.zip") == bytes("b.zip"));
    for output in [run(&["verify", &path(&folder, "a.zip")]), by_shell(Path::new(&path(&folder, "a.zip")), &[])] {
        assert_eq!(code(&output), 0, "{}", stdout(&output));
    }
    let kept = evidence("empty", folder.path());
    let output = run(&["bundle", kept.to_str().unwrap(), "-o", &path(&folder, "y.zip"), "--snapshot", snapshot]);
    assert_error(&output, 2, "--snapshot does nothing here", "");
}

const VECTOR: &str = "examples/bundle-vector.zip";

/// The test vector of docs/bundle.md is a bundle, and what the page shows of it is in it.
#[test]
fn the_documented_bundle_is_one() {
    let files = bundles::small(None);
    let id = bundles::verified(&files).id.unwrap();
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    if update {
        std::fs::write(VECTOR, bundles::zipped(&files)).unwrap();
    }
    let output = run(&["verify", VECTOR, "--id", &id]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    let mut shown = format!("\nIts id is `{id}`.\n");
    for name in ["tagmanifest-sha256.txt", "manifest-sha256.txt", "bag-info.txt", "data/assessment.json", "data/snapshot/index.json"] {
        let text = String::from_utf8(files[name].clone()).unwrap();
        let language = if name.ends_with(".json") { "json" } else { "text" };
        shown.push_str(&format!("\n`{name}`:\n\n```{language}\n{text}```\n"));
    }
    let page = std::fs::read_to_string("docs/bundle.md").unwrap();
    let (before, rest) = page.split_once("<!-- vector:start -->").unwrap();
    let (written, after) = rest.split_once("<!-- vector:end -->").unwrap();
    if update {
        std::fs::write("docs/bundle.md", format!("{before}<!-- vector:start -->{shown}<!-- vector:end -->{after}")).unwrap();
    } else {
        assert_eq!(written, shown, "run `UPDATE_DOCS=1 cargo test --test it bundle::`");
    }
}

/// Killed at 104 moments: under the name there is nothing, or a whole bundle; with --force the one before, or a whole bundle. Half of them
/// seal, sign and stamp evidence, half sign and stamp a bundle that was sealed before; as folders and as archives.
#[cfg(unix)]
#[test]
#[ignore = "needs ssh-keygen and openssl: make test"]
fn whoever_is_killed_leaves_no_half_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let sources = [evidence("empty", folder.path()).display().to_string(), path(&folder, "sealed")];
    write(Path::new(&sources[1]), &sealed("empty"));
    let authority = Authority::honest();
    let (key, signers, root) = (made().path("ed25519"), made().signers("ops", "ed25519"), made().path("root.pem"));
    let sealing = |source: &str, name: &str, more: &[&str]| {
        let to = path(&folder, name);
        let marks = ["--sign-key", &key, "--timestamp-url", &authority.url];
        let arguments = [&["bundle", source, "-o", &to], &marks[..], more].concat();
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("kube-hipaa"));
        command.args(arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    // How long it takes here, so that the moments meet the work on any machine.
    let began = std::time::Instant::now();
    let times = sources.each_ref().map(|source| {
        let begins = std::time::Instant::now();
        assert!(sealing(source, "measured.zip", &["--force"]).wait().unwrap().success());
        begins.elapsed()
    });
    let (mut chance, mut none, mut whole, mut share) = (Chance::new(0x6b), 0, 0, 1100_u32);
    for round in 0..104 {
        let (source, name) = (round % 2, ["out", "out.zip"][round / 2 % 2]);
        let mut child = sealing(&sources[source], name, if round % 8 < 4 { &["--force"] } else { &[] });
        std::thread::sleep(times[source] * u32::try_from(chance.below(share as usize)).unwrap() / 1000);
        // It may have ended.
        let _ = child.kill();
        child.wait().unwrap();
        let there = path(&folder, name);
        if Path::new(&there).exists() {
            whole += 1;
            // What runs beside it makes the work longer and shorter: the moments follow.
            share = (share * 9 / 10).max(500);
            let marks = ["--allowed-signers", &signers, "--require-signature", "--tsa-ca", &root, "--require-timestamp"];
            let output = run(&[&["verify", &there], &marks[..]].concat());
            assert_eq!(code(&output), 0, "after {round}: {}", stdout(&output));
        } else {
            none += 1;
            share = (share * 21 / 20).min(8000);
        }
        // What was begun has names that begin with a dot; whoever killed it removes it.
        for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            assert!(name.starts_with('.') || ["empty", "sealed", "measured.zip", "out", "out.zip"].contains(&name.as_str()), "{name}");
            if name.starts_with('.') || (name.starts_with("out") && chance.one_in(3)) {
                let removed =
                    if entry.path().is_dir() { std::fs::remove_dir_all(entry.path()) } else { std::fs::remove_file(entry.path()) };
                removed.unwrap();
            }
        }
    }
    eprintln!("killed 104 times within {times:?}: {none} times nothing, {whole} times a bundle, in {:?}", began.elapsed());
    assert!(none > 10 && whole > 10, "{none} times nothing, {whole} times a bundle: the moments do not meet the work");
}

/// An interrupt leaves nothing behind, unless the bundle was there already.
#[cfg(unix)]
#[test]
fn an_interrupted_bundle_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = evidence("clinic", folder.path());
    for (round, name) in ["a", "b.zip", "c", "d.zip", "e", "f.zip"].iter().enumerate() {
        let child = Command::new(assert_cmd::cargo::cargo_bin("kube-hipaa"))
            .args(["bundle", place.to_str().unwrap(), "-o", &path(&folder, name)])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // It listens for signals before it begins to write.
        let began = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().as_encoded_bytes()[0] == b'.';
        while !folder.path().join(name).exists() && !std::fs::read_dir(folder.path()).unwrap().any(began) {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        std::thread::sleep(std::time::Duration::from_millis(40 * round as u64));
        let _ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        if folder.path().join(name).exists() {
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            assert_eq!(code(&run(&["verify", &path(&folder, name)])), 0);
        } else {
            assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
            assert!(stderr(&output).contains("interrupted; nothing was written"), "{}", stderr(&output));
        }
        let left =
            std::fs::read_dir(folder.path()).unwrap().filter(|entry| entry.as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.');
        assert_eq!(left.count(), 0, "{name}");
    }
}

/// Whoever is killed leaves what has no name of a bundle, or a bundle that is not whole.
#[test]
fn no_beginning_of_a_bundle_is_one() {
    let whole = bundles::small(None);
    let names: Vec<&String> = whole.keys().collect();
    for number in 0..names.len() {
        let begun: bundles::Files = names.iter().take(number).map(|name| ((*name).clone(), whole[*name].clone())).collect();
        assert!(!bundles::verified(&begun).whole, "{number} files");
        // And with the next one half written.
        let mut half = begun;
        let next = &whole[names[number]];
        half.insert(names[number].clone(), next[..next.len() / 2].to_vec());
        assert!(!bundles::verified(&half).whole, "{number} files and a half");
    }
    let zip = bundles::zipped(&whole);
    for end in 0..zip.len() {
        assert!(!bundles::verified_zip(zip[..end].to_vec()).whole, "{end} of {} bytes", zip.len());
    }
    assert!(bundles::verified_zip(zip).whole);
}
