//! Runs a document from start to end: files from its YAML blocks that begin with their name, commands from its console blocks.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::control_plane::kubectl;
use super::program::said;

/// What a document tells its reader to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A file to write.
    File { name: String, text: String },
    /// A command to run, with the line on which it stands.
    Command { line: usize, text: String },
}

/// The steps of a Markdown text, in order. A YAML block without a name and blocks of other languages are for reading only.
pub fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut block: Option<(String, Vec<(usize, &str)>)> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(language)) => block = Some((language.to_owned(), Vec::new())),
            (Some((_, lines)), None) => lines.push((number + 1, line)),
            (None, None) => {}
            (Some(_), Some(_)) => {
                let (language, lines) = block.take().expect("it is one");
                let head = lines.first().and_then(|(_, line)| line.strip_prefix("# "));
                match (language.as_str(), head) {
                    ("yaml", Some(name)) if !name.contains(' ') => {
                        let text = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
                        steps.push(Step::File { name: name.to_owned(), text });
                    }
                    ("console", _) => {
                        let commands = lines.iter().filter_map(|(line, text)| Some((line, text.strip_prefix("$ ")?)));
                        steps.extend(commands.map(|(line, text)| Step::Command { line: *line, text: text.to_owned() }));
                    }
                    _ => {}
                }
            }
        }
    }
    steps
}

/// Does all of it in `folder`, and gives what each command printed.
pub fn walk(document: &str, folder: &Path, kubeconfig: &Path) -> Vec<(String, String)> {
    let bin = folder.join(".bin");
    std::fs::create_dir(&bin).unwrap_or_else(|error| panic!("{}: {error}", bin.display()));
    let with_program = kubectl();
    let words: Vec<String> = std::iter::once(with_program.get_program())
        .chain(with_program.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    for (name, words) in [("kube-hipaa", format!("'{}'", env!("CARGO_BIN_EXE_kube-hipaa"))), ("kubectl", words.join(" "))] {
        let script = bin.join(name);
        std::fs::write(&script, format!("#!/bin/sh\nexec {words} \"$@\"\n")).unwrap_or_else(|error| panic!("{name}: {error}"));
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let examples = std::path::absolute("examples").unwrap_or_else(|error| panic!("examples: {error}"));
    std::os::unix::fs::symlink(&examples, folder.join("examples")).unwrap_or_else(|error| panic!("examples: {error}"));
    let text = std::fs::read_to_string(document).unwrap_or_else(|error| panic!("{document}: {error}"));
    let mut environment = vec![
        ("PATH".to_owned(), format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display())),
        ("HOME".to_owned(), folder.display().to_string()),
        ("KUBECONFIG".to_owned(), kubeconfig.display().to_string()),
    ];
    let mut printed = Vec::new();
    for step in steps(&text) {
        match step {
            Step::File { name, text } => std::fs::write(folder.join(&name), text).unwrap_or_else(|error| panic!("{name}: {error}")),
            Step::Command { line, text } => {
                if let Some((name, value)) = text.strip_prefix("export ").and_then(|rest| rest.split_once('=')) {
                    environment.push((name.to_owned(), value.to_owned()));
                    continue;
                }
                // A failure in front of a pipe counts, too.
                let mut command = Command::new("bash");
                command.args(["-o", "pipefail", "-c", &text]).current_dir(folder).env_clear().envs(environment.iter().cloned());
                let output = command.output().unwrap_or_else(|error| panic!("bash: {error}"));
                assert!(output.status.success(), "{document}:{line}: {text}\n{}", said(&output));
                printed.push((text, said(&output)));
            }
        }
    }
    printed
}

#[test]
fn steps_are_read_in_order() {
    let text = "# T\n\n```yaml\n# a.yaml\nx: 1\n```\n```yaml\nonly: shown\n```\n```console\n$ one | two\nits output\n$ three\n```\n```sh\nnot run\n```\n";
    let command = |line, text: &str| Step::Command { line, text: text.to_owned() };
    let file = Step::File { name: "a.yaml".to_owned(), text: "# a.yaml\nx: 1\n".to_owned() };
    assert_eq!(steps(text), [file, command(11, "one | two"), command(13, "three")]);
}
