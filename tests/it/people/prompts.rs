//! What is asked for on a terminal: `script` makes one.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::*;

/// A command on a terminal.
struct Session {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Session {
    fn begin(here: &Path, arguments: &str) -> Self {
        let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_kube-hipaa")).expect("built");
        let mut child = Command::new("script")
            // Without `exec` some shells wait beside the program, are interrupted with it and end by a number of their own.
            .args(["-qefc", &format!("exec {} {arguments}", program.display()), "/dev/null"])
            .env("SHELL", "/bin/sh")
            .current_dir(here)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script of util-linux is there");
        let (input, mut from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (tell, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                if tell.send(bytes[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, input, output, seen: String::new() }
    }

    /// Waits until something is on the screen that was not there before, and types.
    fn on(&mut self, text: &str, typed: &str) -> &mut Self {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.seen.contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            let more = self.output.recv_timeout(left).unwrap_or_else(|error| panic!("no `{text}` ({error}) in {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
        let end = self.seen.find(text).map_or(0, |place| place + text.len());
        self.seen.drain(..end);
        self.input.write_all(typed.as_bytes()).expect("typed");
        self
    }

    /// How it ended, and what was still said.
    fn end(mut self) -> (Option<i32>, String) {
        let until = Instant::now() + Duration::from_secs(60);
        let status = loop {
            match self.child.try_wait().expect("a child") {
                Some(status) => break status.code(),
                None if Instant::now() > until => {
                    self.child.kill().expect("ended");
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        while let Ok(more) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
        (status, self.seen)
    }
}

fn fresh() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("hipaa")).expect("made");
    folder
}

const ANSWER: &str = "answer manual/audit-log-review -w hipaa";

#[test]
fn every_prompt_can_be_interrupted() {
    for (arguments, prompt) in [
        (ANSWER, "The answer"),
        ("waive pod/privileged-container -w hipaa", "Why the risk is taken"),
        ("dispose '164.312(a)(2)(iv)' -w hipaa", "or not_reasonable"),
    ] {
        let folder = fresh();
        let mut session = Session::begin(folder.path(), arguments);
        session.on(prompt, "\u{3}");
        let (status, said) = session.end();
        assert_eq!(status, Some(3), "{arguments}: {said}");
        assert!(said.contains("interrupted; nothing was written"), "{said}");
        assert!(files(&folder.path().join("hipaa")).is_empty());
    }
}

#[test]
fn a_text_of_several_lines_is_one_answer() {
    let folder = fresh();
    let until = in_years(1);
    let mut session = Session::begin(folder.path(), ANSWER);
    // As it is pasted: an empty line within does not end it.
    session
        .on("ends it): ", "First paragraph.\n\nSecond paragraph,\nthird line.\n")
        .on("third line.", "\n")
        .on("(name): ", "A. Reviewer\n")
        .on("(role): ", "Security\nand more\n")
        .on("none was taken", "")
        .on("(role): ", "Security operations\n")
        // Each answer is looked at when it is given.
        .on("such as ", "30.11.2027\n")
        .on("is not a date such as", "")
        .on("The last day", "")
        .on(": ", "2020-01-01\n")
        .on("is before ", "")
        .on("The last day", "")
        .on(": ", &format!("{until}\n"));
    let (status, said) = session.end();
    assert_eq!(status, Some(0), "{said}");
    let text = std::fs::read_to_string(folder.path().join("hipaa/answers/manual-audit-log-review.yaml")).expect("written");
    assert!(text.contains("statement: \"First paragraph.\\n\\nSecond paragraph,\\nthird line.\""), "{text}");
    assert!(text.contains("name: \"A. Reviewer\"") && text.contains("role: \"Security operations\""), "{text}");
}

#[test]
fn a_line_that_a_terminal_cuts_off_is_not_taken() {
    let folder = fresh();
    let mut session = Session::begin(folder.path(), "dispose '164.312(a)(2)(iv)' -w hipaa");
    session
        .on("or not_reasonable: ", "perhaps\n")
        .on("`perhaps` is no decision", "")
        .on("or not_reasonable: ", "implemented\n")
        .on("ends it): ", &format!("{}\n", "x".repeat(6000)))
        .on("xxx", "\n")
        .on("of which a terminal keeps no more", "")
        .on("ends it): ", "Short.\n")
        .on("Short.", "\n")
        .on("Who decided: ", "B. Decider\n")
        .on("looked at again", "\n");
    let (status, said) = session.end();
    assert_eq!(status, Some(0), "{said}");
    let text = std::fs::read_to_string(folder.path().join("hipaa/dispositions/164-312-a-2-iv.yaml")).expect("written");
    assert!(text.contains("rationale: \"Short.\"") && text.contains("decided_by: \"B. Decider\""), "{text}");
    // What is wrong before anybody types is said before.
    let mut session = Session::begin(folder.path(), "dispose '164.312(a)(1)' -w hipaa");
    session.on("will not write this", "");
    assert_eq!(session.end().0, Some(2));
}
