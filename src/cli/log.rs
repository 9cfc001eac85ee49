//! What goes to standard error: sentences for people, or with `--log-format json` one object a line for programs.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::error::{CliError, Exit};
use crate::report::escape::terminal_lines;

/// How to write to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Sentences
    Text,
    /// One JSON object a line
    Json,
}

static JSON: AtomicBool = AtomicBool::new(false);

/// From now on.
pub(super) fn choose(format: LogFormat) {
    JSON.store(format == LogFormat::Json, Ordering::Relaxed);
}

/// Whether programs read along.
pub(super) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// A sentence.
pub(super) fn tell(text: &str) {
    match is_json() {
        true => object("info", [("message", terminal_lines(text).into())]),
        false => line(&terminal_lines(text)),
    }
}

/// What failed, on what, why, and what to do.
pub(super) fn explain(error: &CliError) {
    let message = error.to_string();
    let mut causes: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let line = source.to_string();
        if !message.contains(&line) && !causes.iter().any(|known| known.contains(&line)) {
            causes.push(line);
        }
        cause = source.source();
    }
    let advice = error.advice();
    if is_json() {
        let because: Vec<Value> = causes.iter().map(|line| terminal_lines(line).into()).collect();
        let fields = [("message", terminal_lines(&message).into()), ("because", because.into()), ("try", terminal_lines(&advice).into())];
        return object("error", fields);
    }
    let mut text = format!("error: {message}");
    causes.iter().for_each(|line| text.push_str(&format!("\n  because: {line}")));
    if !advice.is_empty() {
        text.push_str(&format!("\n  try: {advice}"));
    }
    line(&terminal_lines(&text));
}

/// What the parser of the command line says; help and version are no errors and go to standard output.
pub(super) fn parser(error: &clap::Error, beside: Option<&str>) {
    if is_json() && error.use_stderr() {
        let mut text = error.render().to_string();
        text.extend(beside);
        object("error", [("message", terminal_lines(text.trim_end()).into())]);
        return;
    }
    let _ = error.print();
    if let Some(beside) = beside.filter(|_| error.use_stderr()) {
        line(&terminal_lines(beside));
    }
}

/// Something that happened, for programs only.
pub(super) fn event(name: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    if is_json() {
        object("info", [("event", name.into())].into_iter().chain(fields));
    }
}

/// The last line: how it ended.
pub(super) fn finished(command: &str, exit: Exit, seconds: f64) {
    if is_json() {
        let level = match exit {
            Exit::Done => "info",
            Exit::Gate | Exit::Incomplete => "warning",
            Exit::Usage | Exit::NothingCollected | Exit::NotWhole => "error",
        };
        let fields = [("event", "finished".into()), ("command", command.into()), ("exit", exit.code().into())];
        object(level, fields.into_iter().chain([("seconds", ((seconds * 1000.0).round() / 1000.0).into())]));
    }
}

fn object(level: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let time = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let head = [("time", time.into()), ("level", level.into())];
    let object: Map<String, Value> = head.into_iter().chain(fields).map(|(name, value)| (name.to_owned(), value)).collect();
    line(&Value::Object(object).to_string());
}

fn line(text: &str) {
    let mut err = std::io::stderr().lock();
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(err, "{text}");
}
