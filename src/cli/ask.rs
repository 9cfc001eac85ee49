//! Asking on a terminal for what was not said as a flag.

use std::io::{self, BufRead, IsTerminal, Write};

use super::error::CliError;
use crate::report::escape;

/// What a terminal keeps of one line; the rest it throws away without a word.
const LONGEST_LINE: usize = if cfg!(target_os = "macos") { 1023 } else { 4095 };
/// How long the parts of a pasted text may take to come one after another.
const PASTED: std::time::Duration = std::time::Duration::from_millis(50);

/// Gathers what is missing, and asks for it where somebody is there.
pub(super) struct Asking {
    missing: Vec<&'static str>,
    terminal: bool,
}

/// What is wrong with an answer, as a sentence.
pub(super) type Check<'c> = &'c dyn Fn(&str) -> Result<(), String>;

impl Asking {
    /// Somebody is there when both input and error output are a terminal.
    pub(super) fn new() -> Self {
        Self { missing: Vec::new(), terminal: io::stdin().is_terminal() && io::stderr().is_terminal() }
    }

    /// What was said, or the answer to the question, in one line. Where nobody is there, the flag is noted as missing.
    pub(super) fn get(&mut self, said: Option<&String>, flag: &'static str, question: &str) -> Result<String, CliError> {
        self.get_checked(said, flag, question, &|_| Ok(()))
    }

    /// The same; an answer that is wrong is asked for again. What was said as a flag is for the caller to look at.
    pub(super) fn get_checked(
        &mut self,
        said: Option<&String>,
        flag: &'static str,
        question: &str,
        check: Check<'_>,
    ) -> Result<String, CliError> {
        match said {
            Some(text) if !text.trim().is_empty() => Ok(text.clone()),
            _ if !self.terminal => {
                self.missing.push(flag);
                Ok(String::new())
            }
            _ => one_line(question, None, check),
        }
    }

    /// The same, with what is taken when nothing is typed.
    pub(super) fn get_or(&mut self, said: Option<&String>, question: &str, default: &str, check: Check<'_>) -> Result<String, CliError> {
        match said {
            Some(text) => Ok(text.clone()),
            None if !self.terminal => Ok(default.to_owned()),
            None => one_line(question, Some(default), check),
        }
    }

    /// The same for a text of several lines.
    pub(super) fn get_text(&mut self, said: Option<&String>, flag: &'static str, question: &str) -> Result<String, CliError> {
        match said {
            Some(text) if !text.trim().is_empty() => Ok(text.clone()),
            _ if !self.terminal => {
                self.missing.push(flag);
                Ok(String::new())
            }
            _ => several_lines(question),
        }
    }

    /// Says something to whoever is asked.
    pub(super) fn tell(&self, text: &str) {
        if self.terminal {
            super::tell(text);
        }
    }

    /// An error that names everything that was not said.
    pub(super) fn finish(self) -> Result<(), CliError> {
        if self.missing.is_empty() { Ok(()) } else { Err(CliError::NotSaid(self.missing)) }
    }
}

/// One line of what was typed.
enum Line {
    Text(String),
    /// It cannot be taken; why.
    Odd(String),
    /// Nothing more comes.
    End,
}

fn one_line(question: &str, default: Option<&str>, check: Check<'_>) -> Result<String, CliError> {
    let prompt = match default {
        Some(default) => format!("{question} [{default}]: "),
        None => format!("{question}: "),
    };
    loop {
        show(&prompt);
        let text = match line()? {
            Line::End => return Err(CliError::InputEnded),
            Line::Odd(why) => {
                super::tell(&why);
                continue;
            }
            Line::Text(text) => text.trim().to_owned(),
        };
        // Lines of a pasted text are no answers to the questions that come next.
        if is_more_waiting() {
            while is_more_waiting() && !matches!(line()?, Line::End) {}
            super::tell("Several lines came, and one is wanted; none was taken.");
            continue;
        }
        let text = if text.is_empty() { default.unwrap_or_default().to_owned() } else { text };
        if text.is_empty() {
            continue;
        }
        match check(&text) {
            Ok(()) => return Ok(text),
            Err(why) => super::tell(&why),
        }
    }
}

/// An empty line within a text that was pasted does not end it.
fn several_lines(question: &str) -> Result<String, CliError> {
    loop {
        show(&format!("{question} (an empty line ends it): "));
        let (mut lines, mut odd) = (Vec::new(), None);
        loop {
            match line()? {
                Line::End if lines.is_empty() => return Err(CliError::InputEnded),
                Line::End => break,
                Line::Odd(why) => {
                    odd.get_or_insert(why);
                    lines.push(String::new());
                }
                Line::Text(text) if !text.trim().is_empty() => lines.push(text.trim_end().to_owned()),
                Line::Text(_) if lines.is_empty() || !is_more_waiting() => break,
                Line::Text(_) => lines.push(String::new()),
            }
        }
        let text = lines.join("\n").trim().to_owned();
        match odd {
            Some(why) => super::tell(&why),
            None if text.is_empty() => {}
            None => return Ok(text),
        }
    }
}

/// Nobody is left to be asked when standard error is closed; reading says so. It is free again before anybody waits: whoever interrupts
/// is told so there.
fn show(prompt: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(escape::terminal(prompt).as_bytes()).and_then(|()| err.flush());
}

fn line() -> Result<Line, CliError> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_until(b'\n', &mut bytes);
    read.map_err(|source| CliError::Read { path: "standard input".into(), source })?;
    if bytes.is_empty() {
        return Ok(Line::End);
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if text.len() >= LONGEST_LINE {
        return Ok(Line::Odd(format!(
            "The line may be longer than {LONGEST_LINE} bytes, of which a terminal keeps no more; break it into several, or say it as a flag. It is asked for again."
        )));
    }
    Ok(match std::str::from_utf8(text) {
        Ok(text) => Line::Text(text.to_owned()),
        Err(_) => Line::Odd("The line is not UTF-8. It is asked for again.".to_owned()),
    })
}

/// Whether more was typed or pasted than what was read.
#[cfg(unix)]
fn is_more_waiting() -> bool {
    std::thread::sleep(PASTED);
    rustix::io::ioctl_fionread(io::stdin()).is_ok_and(|bytes| bytes > 0)
}

#[cfg(not(unix))]
fn is_more_waiting() -> bool {
    std::thread::sleep(PASTED);
    false
}
