//! What a stranger does first: the demo, and the excerpt of it in the README.

use assert_cmd::Command;

const START: &str = "<!-- demo:start -->";
const END: &str = "<!-- demo:end -->";

fn demo(folder: &std::path::Path) -> String {
    let output = Command::cargo_bin("kube-hipaa")
        .expect("the program is built with its tests")
        .current_dir(folder)
        .env_clear()
        .env("COLUMNS", "100")
        .arg("demo")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text is UTF-8")
}

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = demo(folder.path());
    for file in ["report.html", "report.md", "assessment.json", "requests.jsonl"] {
        assert!(folder.path().join("kube-hipaa-demo").join(file).is_file(), "{file}");
    }
    let readme = std::fs::read_to_string("README.md").expect("readable");
    let (before, rest) = readme.split_once(START).expect("a place for the excerpt");
    let (shown, after) = rest.split_once(END).expect("an end of the excerpt");
    let expected = format!("\n```text\n{}\n```\n", summary.trim_end());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write("README.md", format!("{before}{START}{expected}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(shown, expected, "run `UPDATE_DOCS=1 cargo test --test it demo::`");
}

#[test]
fn the_demo_does_not_overwrite() {
    let folder = tempfile::tempdir().expect("a folder");
    demo(folder.path());
    let again =
        Command::cargo_bin("kube-hipaa").expect("built").current_dir(folder.path()).env_clear().arg("demo").output().expect("starts");
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
}
