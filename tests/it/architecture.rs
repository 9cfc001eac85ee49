//! Holds the modules apart, as CONTRIBUTING.md draws them, and keeps the habits that a parser can see. Every rule is shown to fail on
//! a small bad sample, so that a rule that sees nothing cannot stay green.

use crate::support::architecture_rules;
use crate::support::rust_source;
use std::path::{Path, PathBuf};

use architecture_rules as rules;
use architecture_rules::Wrong;
use rust_source::Source;

type Rule = fn(&Source) -> Vec<Wrong>;

/// Rules for the program.
const PROGRAM: &[Rule] =
    &[rules::arrows, rules::crates, rules::outside_world, rules::processes, rules::outcomes, rules::swallowed, rules::attributes];

/// Cargo runs tests in the folder of the package; a path compiled in would lead to another copy that shares the build folder.
fn package() -> PathBuf {
    PathBuf::from(".")
}

/// Files below a folder whose names end so, as paths below the package, sorted.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
            if path.is_dir() {
                if !path.ends_with("node_modules") {
                    walk(&path, into);
                }
            } else {
                into.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&package().join(folder), &mut found);
    let mut paths: Vec<String> = found
        .iter()
        .filter_map(|path| path.strip_prefix(package()).ok())
        .map(|path| path.to_string_lossy().replace('\\', "/"))
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "there is nothing to check in {folder}");
    paths
}

fn read(path: &str) -> String {
    std::fs::read_to_string(package().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn check(paths: &[String], rule: impl Fn(&str, &str) -> Vec<Wrong>) {
    let mut wrong = Vec::new();
    for path in paths {
        let found = rule(path, &read(path));
        wrong.extend(found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")));
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} places against the rules of the house (CONTRIBUTING.md says why):\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_program_keeps_the_rules() {
    check(&files("src", &[".rs"]), |path, text| {
        let source = Source::new(path, text);
        PROGRAM.iter().flat_map(|rule| rule(&source)).collect()
    });
}

/// `SourceId::…(…)` with nothing but texts between its brackets, outside of tests, and the line.
fn written_sources(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate() {
        for part in line.split("SourceId::").skip(1) {
            let Some((call, _)) = part.split_once(')') else { continue };
            let Some((_, arguments)) = call.split_once('(') else { continue };
            if arguments.split(", ").all(|one| one.len() > 2 && one.starts_with('"') && one.ends_with('"')) {
                found.push((number + 1, format!("SourceId::{call})")));
            }
        }
    }
    found
}

/// What a source is called stands in one place: where two files write it, one of them will be forgotten.
#[test]
fn every_source_is_written_once() {
    let mut places: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for path in files("src", &[".rs"]).iter().filter(|path| !path.contains("/tests")) {
        for (line, source) in written_sources(&read(path)) {
            places.entry(source).or_default().push(format!("{path}:{line}"));
        }
    }
    assert!(places.len() > 150, "{} sources", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
    let twice = r#"const A: SourceId = SourceId::core("pods"); f(SourceId::group(group, "x"), SourceId::group("a", "b"))"#;
    assert_eq!(written_sources(twice), [(1, r#"SourceId::core("pods")"#.to_owned()), (1, r#"SourceId::group("a", "b")"#.to_owned())]);
}

/// What is read and what is made of it stand under the same names.
#[test]
fn the_inventory_and_the_tables_have_the_same_subjects() {
    // Read, and judged by no table yet.
    const STOCKED: &[&str] = &["identity", "runtime"];
    let mut subjects = Vec::new();
    for path in files("src/collect/inventory", &[".rs"]) {
        if read(&path).contains("fn entries() -> Vec<Entry>") {
            subjects.push(path.trim_start_matches("src/collect/inventory/").trim_end_matches(".rs").to_owned());
        }
    }
    assert!(subjects.len() > 10, "{subjects:?}");
    for subject in subjects {
        let judged =
            [format!("src/facts/{subject}/mod.rs"), format!("src/facts/{subject}.rs")].iter().any(|path| package().join(path).is_file());
        assert_eq!(judged, !STOCKED.contains(&subject.as_str()), "{subject}");
    }
}

#[test]
fn tests_give_reasons_too() {
    check(&files("tests", &[".rs"]), |path, text| rules::attributes(&Source::new(path, text)));
}

/// A quotation mark in a program of jq ends the word of the shell around it, far from where it is noticed.
#[test]
fn every_script_can_be_read_by_the_shell() {
    let mut scripts: Vec<String> = ["scripts", "tests", "examples"].iter().flat_map(|folder| files(folder, &[".sh"])).collect();
    scripts.push(".ci/run".to_owned());
    let unreadable = |path: &&String| !std::process::Command::new("sh").arg("-n").arg(path).status().is_ok_and(|status| status.success());
    assert_eq!(scripts.iter().filter(unreadable).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn no_file_is_too_long() {
    let endings = [".rs", ".go", ".mjs", ".sh", ".html", ".css", ".md"];
    for folder in ["src", "tests", "scripts", "templates"] {
        let mut written = files(folder, &endings);
        // What the program wrote is as long as it is.
        written.retain(|path| !path.starts_with("tests/golden/"));
        check(&written, |_, text| rules::length(text));
    }
}

#[test]
fn templates_escape_everything() {
    check(&files("templates", &[""]), |_, text| rules::unescaped(text));
}

#[test]
fn every_row_of_the_table_is_a_module() {
    for module in rules::MODULES {
        let exists =
            [format!("src/{}/mod.rs", module.name), format!("src/{}.rs", module.name)].iter().any(|path| package().join(path).is_file());
        assert!(exists, "there is no module `{}`: remove its row", module.name);
        for used in module.may_use {
            assert!(rules::MODULES.iter().any(|module| module.name == *used), "`{}` may use `{used}`, which has no row", module.name);
        }
    }
}

/// No row may allow what another one forbids by going the other way round.
#[test]
fn the_arrows_make_no_circle() {
    let mut left: Vec<&rules::Module> = rules::MODULES.iter().collect();
    while !left.is_empty() {
        let names: Vec<&str> = left.iter().map(|module| module.name).collect();
        let before = left.len();
        left.retain(|module| module.may_use.iter().any(|used| names.contains(used)));
        assert!(left.len() < before, "a circle among {names:?}");
    }
}

/// Lines of the sample in which the rule finds something.
fn lines(rule: Rule, path: &str, text: &str) -> Vec<usize> {
    let mut lines: Vec<usize> = rule(&Source::new(path, text)).into_iter().map(|(line, _)| line).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn arrows_are_seen_however_a_path_is_written() {
    let all = |path: &str, text: &str| lines(rules::arrows, path, text);
    assert_eq!(all("src/report/html.rs", "use crate::model::X;\nuse crate::facts::Tables;"), [2]);
    assert_eq!(all("src/report/html.rs", "use crate::{model::X, facts::{Row, Table}};"), [1]);
    assert_eq!(all("src/report/html.rs", "fn f() { crate::snapshot::open(); }"), [1]);
    assert_eq!(all("src/report/html.rs", "fn f() { let x = 1;\n format!(\"{}\", crate::facts::sources::PODS); }"), [2]);
    assert_eq!(all("src/report/mod.rs", "use super::facts::Row;"), [1]);
    assert_eq!(all("src/report/view/mod.rs", "use super::super::facts::Row;\nuse super::facts::Row;"), [1], "report::facts is its own");
    assert_eq!(all("src/report/mod.rs", "mod inner { use super::super::assess::Outcome; }"), [1]);
    assert_eq!(all("src/report/mod.rs", "fn f(x: crate::assess::Outcome) {}"), [1]);
    assert_eq!(all("src/model/mod.rs", "use crate::snapshot::Snapshot;"), [1]);
    assert_eq!(all("src/assess/mod.rs", "use crate::collect::inventory;"), [1]);
    assert_eq!(all("src/collect/mod.rs", "use crate::cli::Exit;"), [1]);
    assert_eq!(all("src/catalog/mod.rs", "use crate::facts::{TableSchema, schemas};\nuse crate::facts::Tables;"), [2]);
    assert_eq!(all("src/catalog/mod.rs", "use crate::facts;"), [1], "the module whole would open all of it");
    assert_eq!(all("src/main.rs", "fn main() { kube_hipaa::cli::main(); kube_hipaa::assess::assess(); }"), [1]);
    assert_eq!(all("src/newcomer/mod.rs", ""), [1]);
    assert!(
        all("src/report/html.rs", "// use crate::facts::Tables;\n/// crate::facts\nconst X: &str = \"crate::facts::Tables\";").is_empty()
    );
    assert!(all("src/cli/run.rs", "use crate::{assess::assess, facts::Tables, report::FORMATS};").is_empty());
}

#[test]
fn crates_are_seen_where_they_do_not_belong() {
    let all = |path: &str, text: &str| lines(rules::crates, path, text);
    assert_eq!(all("src/facts/pods.rs", "use kube::Api;\nuse k8s_openapi::api::core::v1::Pod;"), [1]);
    assert_eq!(all("src/assess/mod.rs", "use ::sha2::Sha256;"), [1]);
    assert_eq!(all("src/report/json.rs", "use flate2;"), [1]);
    assert_eq!(all("src/model/mod.rs", "use {serde::Serialize, cel::Program};"), [1]);
    assert_eq!(all("src/model/mod.rs", "#[derive(clap::ValueEnum)] enum X { A }"), [1]);
    assert_eq!(all("src/facts/mod.rs", "fn f() { vec![tokio::spawn(x)]; }"), [1]);
    assert_eq!(all("src/snapshot/mod.rs", "use sha2::Digest;"), [1]);
    assert!(all("src/assess/mod.rs", "fn f() { a.iter().zip(b); let http = 1; g(http); }").is_empty());
    assert!(all("src/collect/mod.rs", "use kube::Client;").is_empty());
}

#[test]
fn the_outside_world_is_seen() {
    let all = |text: &str| lines(rules::outside_world, "src/assess/mod.rs", text);
    for bad in [
        "use std::time::Instant; fn f() { Instant::now(); }",
        "fn f() { std::time::SystemTime::now(); }",
        "fn f() { chrono::Utc::now(); }",
        "use std::fs;",
        "use std::{collections::BTreeMap, fs::File};",
        "fn f() { std::env::var(\"HOME\"); }",
        "use tempfile::TempDir;",
        "use std::hash::RandomState;",
        "fn f() { std::net::TcpStream::connect(x); }",
        "fn f() { vec![std::fs::read(x)]; }",
    ] {
        assert_eq!(all(bad), [1], "{bad}");
    }
    assert!(all("use std::time::Duration; const V: &str = env!(\"CARGO_PKG_VERSION\");").is_empty());
    assert!(lines(rules::outside_world, "src/cli/mod.rs", "use std::fs;").is_empty());
    assert_eq!(all("fn f() { std::thread::scope(x); }"), [1]);
    assert!(lines(rules::outside_world, "src/parallel.rs", "fn f() { std::thread::scope(x); }").is_empty());
    assert_eq!(lines(rules::outside_world, "src/parallel.rs", "use std::fs;"), [1]);
    assert_eq!(lines(rules::processes, "src/cli/run.rs", "fn f() { std::process::Command::new(x); }"), [1]);
    assert!(lines(rules::processes, "src/cli/run.rs", "use clap::Command; fn f() { Command::new(\"x\"); }").is_empty());
}

#[test]
fn outcomes_made_elsewhere_are_seen() {
    let all = |text: &str| lines(rules::outcomes, "src/assess/evaluate.rs", text);
    for bad in [
        "fn f() -> Outcome { Outcome::Pass(proof) }",
        "fn f() -> O { super::verdict::Outcome::Manual(q) }",
        "fn f() { Outcome::Fail { findings } }",
        "fn f() { xs.map(Outcome::Manual) }",
        "fn f() { vec![Outcome::Pass(x)] }",
        "fn f() { assert!(matches!(x, Outcome::Pass(_)) && g(Outcome::Pass(y))) }",
        "use super::verdict::Outcome::*;",
        "use super::verdict::Outcome::{Pass, Fail};",
        "use super::verdict::Outcome as O;",
        "impl Outcome { fn f() -> Self { Self::Pass(x) } }",
    ] {
        assert_eq!(all(bad), [1], "{bad}");
    }
    for good in [
        "fn f(o: &Outcome) { match o { Outcome::Pass(_) => 1, Outcome::Fail(f, _) if f > 1 => 2, _ => 3 } }",
        "fn f() { if let Outcome::Pass(x) = y {} let z = matches!(y, Outcome::Fail(..)); assert!(matches!(y, Outcome::Fail(..))); }",
        "fn f() { OutcomeWord::Pass; Outcome::from_counts(1) }",
        "use crate::assess::Outcome;",
    ] {
        assert!(all(good).is_empty(), "{good}");
    }
    let made = "fn f() -> Outcome { Outcome::Pass(proof) }";
    assert!(lines(rules::outcomes, rules::VERDICT, made).is_empty() && lines(rules::outcomes, rules::SAVED, made).is_empty());
    assert_eq!(lines(rules::outcomes, "src/model/outcome.rs", made), [1]);
}

#[test]
fn swallowed_answers_are_seen() {
    let all = |path: &str, text: &str| lines(rules::swallowed, path, text);
    for bad in
        ["x.unwrap_or(false)", "x.unwrap_or( true )", "xs.filter_map(Result::ok)", "y(|| x.unwrap_or(false))", "vec![x.unwrap_or(false)]"]
    {
        for top in ["facts", "collect", "assess"] {
            assert_eq!(all(&format!("src/{top}/x.rs"), &format!("fn f() {{ {bad} }}")), [1], "{bad}");
        }
    }
    assert!(all("src/cli/x.rs", "fn f() { x.unwrap_or(false) }").is_empty());
    assert!(all("src/facts/x.rs", "fn f() { x.unwrap_or(0); // .unwrap_or(false)\n }").is_empty());
}

#[test]
fn attributes_without_reasons_are_seen() {
    let all = |text: &str| lines(rules::attributes, "src/cli/x.rs", text);
    for bad in [
        "#[allow(dead_code)] fn f() {}",
        "#![allow(dead_code)]",
        "fn f() { #[allow(x)] let y = 1; }",
        "#[cfg_attr(test, allow(x))] fn f() {}",
        "#[expect(dead_code)] fn f() {}",
        "#[ignore] fn f() {}",
        "#[expect(clippy::disallowed_types, reason = \"x\")] fn f() {}",
    ] {
        assert_eq!(all(bad), [1], "{bad}");
    }
    assert!(all("#[expect(dead_code, reason = \"x\")] #[ignore = \"needs y\"] fn f() { allow(x); }").is_empty());
}

#[test]
fn long_files_and_unescaped_templates_are_seen() {
    assert_eq!(rules::length(&"x\n".repeat(rules::LONGEST + 1)).len(), 1);
    assert!(rules::length(&"x\n".repeat(rules::LONGEST)).is_empty());
    for bad in ["{{ x | safe }}", "{{x|safe}}", "{{ x | trim | safe }}", "{% autoescape false %}"] {
        assert_eq!(rules::unescaped(bad).len(), 1, "{bad}");
    }
    assert!(rules::unescaped("{{ x | safely }} | is safe").is_empty());
}
