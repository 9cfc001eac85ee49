//! The Rust examples of CONTRIBUTING.md are code of this program, word for word, so that they compile.

use std::path::Path;

fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push((path.display().to_string(), plain(&std::fs::read_to_string(&path).expect("readable"))));
        }
    }
}

/// Lines without their indentation.
fn plain(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_rust_example_is_code_that_compiles() {
    let mut all = Vec::new();
    sources(Path::new("src"), &mut all);
    let text = std::fs::read_to_string("CONTRIBUTING.md").expect("readable");
    let mut found = 0;
    for block in text.split("```rust\n").skip(1) {
        let example = block.split("```").next().expect("split gives one part at least");
        let wanted = plain(example);
        assert!(all.iter().any(|(_, source)| source.contains(&wanted)), "no source file holds this example:\n{example}");
        found += 1;
    }
    assert!(found >= 3, "only {found} examples");
}

/// What is a dependency is used; those of tests, too.
#[test]
fn every_dependency_is_used() {
    let cargo = std::fs::read_to_string("Cargo.toml").expect("readable");
    let mut all = Vec::new();
    for folder in ["src", "tests/it"] {
        sources(Path::new(folder), &mut all);
    }
    all.push(("build.rs".to_owned(), std::fs::read_to_string("build.rs").expect("readable")));
    let mut section = "";
    for line in cargo.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            continue;
        }
        let Some((name, _)) = line.split_once(" = ").filter(|_| section.ends_with("dependencies")) else { continue };
        let name = name.trim().replace('-', "_");
        let used = |source: &str| {
            source.match_indices(&name).any(|(at, _)| {
                let before = source[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
                let after = source[at + name.len()..].chars().next();
                before && matches!(after, Some(':' | ';' | ' ' | '!'))
            })
        };
        assert!(all.iter().any(|(_, source)| used(source)), "nothing uses {name}");
    }
}
