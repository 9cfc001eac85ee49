//! What is written about the program is true of it: generated pages do not drift, and commands in documents exist.

use crate::support::reference;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use kube_hipaa::catalog::{Catalog, OverlayFile, OverlayFolder};
use kube_hipaa::cli::{Cli, cases};
use kube_hipaa::model::OutcomeWord;

/// Cargo runs tests in the folder of the package; a path compiled in would lead to another copy that shares the build folder.
fn package() -> PathBuf {
    PathBuf::from(".")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn generated_pages_are_current() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut stale = Vec::new();
    for (path, content) in reference::pages() {
        let place = package().join(path);
        // A missing page is stale; any other trouble shows when it is written.
        if std::fs::read_to_string(&place).is_ok_and(|written| written == content) {
            continue;
        }
        if update {
            let folder = place.parent().unwrap_or_else(|| panic!("{path} has no folder"));
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&place, content))
                .unwrap_or_else(|error| panic!("{path}: {error}"));
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "not what the program says: {}\nrun `make docs` and read the difference", stale.join(", "));
}

#[test]
fn there_is_no_page_that_nothing_writes() {
    let written: Vec<&str> = reference::pages().into_iter().map(|(path, _)| path).collect();
    let mut folders = vec![package().join("docs")];
    let mut left_over = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = read(&path);
            let below = path.strip_prefix(package()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if text.contains("Generated from the program") && !written.contains(&below.as_str()) {
                left_over.push(below);
            }
        }
    }
    assert!(left_over.is_empty(), "nothing writes these any more, remove them: {left_over:?}");
}

/// Documents that people read: at the top, and beside the examples and controls.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(package(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() && (depth > 0 || ["examples", "controls", "deploy", "docs"].contains(&name.as_str())) {
                folders.push((path, depth + 1));
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The command lines in the shell blocks of a Markdown text, with their line numbers; continued lines are joined.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut shell = None;
    let mut joined = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(info) = line.strip_prefix("```") {
            shell = match shell {
                None => Some(["", "sh", "bash", "console", "shell"].contains(&info)),
                Some(_) => None,
            };
            continue;
        }
        if shell != Some(true) {
            continue;
        }
        joined.push_str(line.strip_prefix("$ ").unwrap_or(line));
        if joined.ends_with('\\') {
            joined.pop();
            continue;
        }
        let command = std::mem::take(&mut joined);
        for start in ["kube-hipaa ", "kubectl hipaa ", "cargo run --release -- ", "cargo run -- "] {
            if let Some(rest) = command.strip_prefix(start) {
                found.push((number + 1, rest.to_owned()));
            }
        }
    }
    found
}

/// The words of a command, up to a pipe, a redirection, a comment or the next command. `…` and `[…]` are not for parsing.
fn words(command: &str) -> Vec<String> {
    let mut words = vec!["kube-hipaa".to_owned()];
    let mut word = String::new();
    let mut quote = None;
    for c in command.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '>' | ';' | '&' | '#') => break,
            (None, ' ') => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, c) => word.push(c),
        }
    }
    words
}

/// Why the program would not understand a command.
fn refused(command: &str) -> Option<String> {
    match Cli::command().try_get_matches_from(words(command)) {
        Ok(_) => None,
        // Help and version are understood.
        Err(error) if !error.use_stderr() => None,
        Err(error) => Some(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

#[test]
fn commands_in_documents_exist() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in documents() {
        for (line, command) in commands(&read(&path)) {
            seen += 1;
            if let Some(why) = refused(&command) {
                wrong.push(format!("{}:{line}: kube-hipaa {command}\n    {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "commands that the program does not understand:\n{}", wrong.join("\n"));
    assert!(seen > 0, "no document shows a command");
}

#[test]
fn wrong_commands_would_be_seen() {
    let text = "```sh\n$ kube-hipaa scna -o x\nkube-hipaa facts s \\\n  pods --where 'row.x | y' | head  # and so on\n```\n```yaml\nkube-hipaa no\n```\n";
    let found = commands(text);
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(words(&found[1].1), ["kube-hipaa", "facts", "s", "pods", "--where", "row.x | y"]);
    assert!(refused(&found[0].1).is_some());
    assert!(refused(&found[1].1).is_none());
    assert!(refused("demo --no-such-flag").is_some());
    assert!(refused("--help").is_none());
}

/// The blocks of CONTRIBUTING.md that begin with a comment naming a file below controls/.
fn example_controls() -> Vec<OverlayFile> {
    let text = read(&package().join("CONTRIBUTING.md"));
    let blocks = text.split("```yaml\n# controls/").skip(1).filter_map(|block| block.split("\n```").next());
    let file = |block: &str| {
        let (path, text) = block.split_once('\n')?;
        Some(OverlayFile { path: path.to_owned(), text: text.to_owned() })
    };
    blocks.filter_map(file).collect()
}

#[test]
fn the_control_in_contributing_works() {
    let folder = OverlayFolder { name: "example".to_owned(), shown: "CONTRIBUTING.md".to_owned(), files: example_controls() };
    let catalog = Catalog::load(&[folder]).unwrap_or_else(|error| panic!("{error}"));
    let mut expected = Vec::new();
    for case in catalog.cases().iter().filter(|case| case.control_id() == "namespace/audit-level") {
        let result = cases::run(&catalog, case).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(result.difference, None, "{}", case.name);
        expected.push(case.expect);
    }
    assert_eq!(expected, [OutcomeWord::Fail, OutcomeWord::Pass, OutcomeWord::NotApplicable]);
}

/// Links between documents lead somewhere.
#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in documents() {
        let text = read(&path);
        let parser = pulldown_cmark::Parser::new(&text);
        for event in parser {
            let pulldown_cmark::Event::Start(pulldown_cmark::Tag::Link { dest_url, .. } | pulldown_cmark::Tag::Image { dest_url, .. }) =
                event
            else {
                continue;
            };
            let target = dest_url.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:") || target.starts_with("../../");
            let folder = path.parent().unwrap_or(&path);
            if !target.is_empty() && !outside && !folder.join(target).exists() {
                broken.push(format!("{}: {dest_url}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// Whoever compares two reports learns from the changelog which controls mean something else.
#[test]
fn the_changelog_names_every_raised_version() {
    let text = read(&package().join("CHANGELOG.md"));
    let catalog = Catalog::built_in().expect("no problems");
    let raised = catalog.controls().iter().filter(|control| control.version > 1);
    let silent: Vec<String> =
        raised.map(|control| format!("{} {}", control.id, control.version)).filter(|words| !text.contains(&format!("`{words}`"))).collect();
    assert!(silent.is_empty(), "not under \"Versions of controls\" of CHANGELOG.md: {}", silent.join(", "));
}
