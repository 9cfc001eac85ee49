//! Ways to get the program without a compiler: the archives, the manifest for krew, the formula, the Debian package. What a release would
//! publish is made here of the program that the tests run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kube_hipaa::digest::sha256_hex;
use serde_json::Value;

use crate::support::deploy_tools::{program, verdict};
use crate::support::image::as_root;
use crate::support::program::said;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kube-hipaa");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const ADDRESS: &str = "https://forge.example/team/kube-hipaa";
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

fn sh(arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(arguments).env("SOURCE_DATE_EPOCH", "1795867200");
    command.output().unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn good(output: Output) -> String {
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A release of this program, as if it were built for both targets. The debug build is large, so that each is packed once.
fn release(folder: &Path) -> PathBuf {
    let place = folder.join("dist");
    // Both in one: what is tested is what is made of it.
    let stand_in = folder.join("program");
    std::fs::write(&stand_in, format!("#!/bin/sh\nexec {PROGRAM} \"$@\"\n")).expect("written");
    std::fs::set_permissions(&stand_in, PermissionsExt::from_mode(0o755)).expect("made executable");
    let pair = |target: &str| format!("{target}={}", stand_in.display());
    good(sh(&["scripts/release.sh", &place.display().to_string(), ADDRESS, &pair(TARGETS[0]), &pair(TARGETS[1])]));
    place
}

#[test]
#[ignore = "needs krew, built by tests/deploy-tools, and what the scripts need: make test"]
fn a_release_is_whole_and_krew_installs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let dist = release(folder.path());
    let mut names: Vec<String> = std::fs::read_dir(&dist)
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut expected = vec!["SHA256SUMS".to_owned(), "hipaa.yaml".to_owned(), "kube-hipaa.rb".to_owned()];
    for target in TARGETS {
        expected.extend([format!("kube-hipaa-{target}.tar.gz"), format!("kube-hipaa-{target}.cdx.json")]);
    }
    expected.sort();
    assert_eq!(names, expected);
    good(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&dist).output().expect("sha256sum"));
    let sums = std::fs::read_to_string(dist.join("SHA256SUMS")).expect("readable");
    assert_eq!(sums.lines().count(), names.len() - 1, "every file has its line");

    // The same again, byte for byte.
    let again = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder.path().join("program"), again.path().join("program")).expect("copied");
    let second = release(again.path());
    assert_eq!(std::fs::read_to_string(second.join("SHA256SUMS")).expect("readable"), sums);

    // What binstall expects where, by Cargo.toml.
    let manifest = std::fs::read_to_string("Cargo.toml").expect("readable");
    let setting = |name: &str| {
        let section = manifest.split("[package.metadata.binstall]").nth(1).expect("a section");
        let line = section.lines().find_map(|line| line.strip_prefix(&format!("{name} = \""))).expect("a setting");
        line.trim_end_matches('"').to_owned()
    };
    for target in TARGETS {
        let filled = |name: &str| {
            let words = [("repo", ADDRESS), ("version", VERSION), ("name", "kube-hipaa"), ("target", target), ("bin", "kube-hipaa")];
            words.iter().fold(setting(name), |text, (word, value)| text.replace(&format!("{{ {word} }}"), value))
        };
        let url = filled("pkg-url");
        let archive = dist.join(url.rsplit('/').next().expect("a name"));
        assert!(url.starts_with(&format!("{ADDRESS}/releases/download/v{VERSION}/")) && archive.is_file(), "{url}");
        let listed = good(Command::new("tar").arg("-tzf").arg(&archive).output().expect("tar"));
        let inside = filled("bin-dir");
        assert!(listed.lines().any(|line| line == inside), "{inside} is not in {listed}");
        for file in ["LICENSE", "man/man1/kube-hipaa.1", "man/man1/kube-hipaa-verify.1", "completions/kube-hipaa.fish"] {
            assert!(listed.lines().any(|line| line.ends_with(&format!("{target}/{file}"))), "{file} is not in {listed}");
        }
    }
    krew(&dist, folder.path());
    formula(&dist);
}

/// The manifest is judged by krew's own check, and krew itself installs the program with it.
fn krew(dist: &Path, folder: &Path) {
    let manifest = dist.join("hipaa.yaml");
    let check = program("validate-krew-manifest");
    let (is_good, words) = verdict(Command::new(&check).args(["-skip-install", "-manifest"]).arg(&manifest));
    assert!(is_good && words.contains("structural validation OK"), "{words}");
    let text = std::fs::read_to_string(&manifest).expect("readable");
    let wrong = folder.join("hipaa.yaml");
    for (from, to) in
        [("sha256: ", "sha256: 1"), ("name: hipaa", "name: other"), ("shortDescription:", "short:"), ("arch: arm64", "arch: amd64")]
    {
        std::fs::write(&wrong, text.replacen(from, to, 1)).expect("written");
        let (is_good, words) = verdict(Command::new(&check).args(["-skip-install", "-manifest"]).arg(&wrong));
        assert!(!is_good, "{from} → {to}: {words}");
    }
    let root = folder.join("krew");
    let mut install = Command::new(program("krew"));
    install.args(["install", "--manifest"]).arg(&manifest).arg("--archive").arg(dist.join(format!("kube-hipaa-{}.tar.gz", TARGETS[0])));
    install.env("KREW_ROOT", &root).env("KREW_OS", "linux").env("KREW_ARCH", "amd64").env("KREW_NO_UPGRADE_CHECK", "1");
    let (is_good, words) = verdict(&mut install);
    assert!(is_good, "{words}");
    let version = Command::new(root.join("bin/kubectl-hipaa")).arg("--version").output().expect("installed");
    assert_eq!(good(version), format!("kube-hipaa {VERSION}"));
}

fn formula(dist: &Path) {
    let path = dist.join("kube-hipaa.rb");
    let (is_good, words) = verdict(Command::new("ruby").args(["-c", "-W:no-deprecated"]).arg(&path));
    assert!(is_good && words.contains("Syntax OK"), "{words}");
    let text = std::fs::read_to_string(&path).expect("readable");
    for target in TARGETS {
        let name = format!("kube-hipaa-{target}.tar.gz");
        let sum = sha256_hex(&std::fs::read(dist.join(&name)).expect("readable"));
        let stands = format!("url \"{ADDRESS}/releases/download/v{VERSION}/{name}\"\n      sha256 \"{sum}\"");
        assert!(text.contains(&stands), "{stands}\nis not in\n{text}");
    }
}

#[test]
#[ignore = "needs cargo-deb and dpkg, and root: make test"]
fn the_debian_package_is_installed_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    // As in a release, without what a debugger wants.
    let program = here.join("program");
    good(Command::new("strip").arg("-o").arg(&program).arg(PROGRAM).output().expect("strip"));
    let pack = |place: &str| -> PathBuf {
        let mut command = Command::new("sh");
        command
            .arg("scripts/deb.sh")
            .arg(&program)
            .arg(here.join(place))
            .env("SOURCE_DATE_EPOCH", "1795867200")
            .env("KUBE_HIPAA_DEB", "--fast");
        PathBuf::from(good(command.output().expect("a shell")))
    };
    let package = pack("one");
    assert_eq!(package.extension().and_then(|end| end.to_str()), Some("deb"), "{}", package.display());
    assert_eq!(
        sha256_hex(&std::fs::read(&package).expect("readable")),
        sha256_hex(&std::fs::read(pack("two")).expect("readable")),
        "twice the same"
    );

    let field = |name: &str| good(Command::new("dpkg-deb").arg("--field").arg(&package).arg(name).output().expect("dpkg-deb"));
    assert_eq!(field("Package"), "kube-hipaa");
    assert!(field("Version").starts_with(VERSION), "{}", field("Version"));
    assert!(field("Description").contains("HIPAA"));
    // Into a root of its own: nothing of this machine changes.
    let root = here.join("root");
    for part in ["updates", "info"] {
        std::fs::create_dir_all(root.join("var/lib/dpkg").join(part)).expect("made");
    }
    std::fs::write(root.join("var/lib/dpkg/status"), "").expect("written");
    let dpkg = |arguments: &[&str]| {
        let words: Vec<String> = as_root().into_iter().chain(["dpkg".to_owned()]).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        // What it depends on is on this machine, and not in that root.
        command.arg(format!("--root={}", root.display())).args(["--force-depends", "--log=/dev/null"]).args(arguments);
        good(command.output().expect("dpkg"))
    };
    dpkg(&["--install", &package.display().to_string()]);
    let files = dpkg(&["--listfiles", "kube-hipaa"]);
    for file in [
        "/usr/bin/kube-hipaa",
        "/usr/bin/kubectl-hipaa",
        "/usr/share/man/man1/kube-hipaa-scan.1.gz",
        "/usr/share/bash-completion/completions/kube-hipaa",
        "/usr/share/zsh/vendor-completions/_kube-hipaa",
        "/usr/share/fish/vendor_completions.d/kube-hipaa.fish",
        "/usr/share/doc/kube-hipaa/copyright",
    ] {
        assert!(files.lines().any(|line| line == file), "{file} is not in {files}");
        assert!(root.join(&file[1..]).exists(), "{file}");
    }
    for name in ["kube-hipaa", "kubectl-hipaa"] {
        let version = Command::new(root.join("usr/bin").join(name)).arg("--version").output().expect("it runs");
        assert_eq!(good(version), format!("kube-hipaa {VERSION}"));
    }
    dpkg(&["--purge", "kube-hipaa"]);
    assert!(!root.join("usr/bin/kube-hipaa").exists() && !root.join("usr/share/doc/kube-hipaa").exists(), "nothing is left");
}

/// What the release workflow runs are scripts that are here; actions are named by commit.
#[test]
fn the_release_workflow_names_what_there_is() {
    let text = std::fs::read_to_string(".github/workflows/release.yml").expect("readable");
    let workflow: Value = serde_saphyr::from_str(&text).expect("YAML");
    let jobs = workflow["jobs"].as_object().expect("jobs");
    let mut scripts = 0;
    for step in jobs.values().flat_map(|job| job["steps"].as_array().into_iter().flatten()) {
        if let Some(action) = step["uses"].as_str() {
            let commit = action.split_once('@').map(|(_, commit)| commit).unwrap_or_default();
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action} is named by commit");
        }
        for word in step["run"].as_str().unwrap_or_default().split_whitespace().filter(|word| word.starts_with("scripts/")) {
            scripts += 1;
            let mode = std::fs::metadata(word).unwrap_or_else(|error| panic!("{word}: {error}")).permissions().mode();
            assert!(mode & 0o111 != 0, "{word} can be run");
        }
    }
    assert!(scripts >= 4, "{scripts}");
    let built: Vec<&str> = jobs["build"]["strategy"]["matrix"]["include"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["target"].as_str())
        .collect();
    assert_eq!(built, TARGETS);
    assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}), "more only where it is needed");
}
