//! The command line: arguments, files, clock, progress and exit codes.

#![expect(clippy::disallowed_methods, reason = "files and environment are for the command line")]

mod args;
mod bundle;
pub mod cases;
mod catalog_commands;
mod color;
mod error;
mod grid;
mod inputs;
mod live;
mod man;
mod narrow;
mod nearest;
mod output;
mod replace;
mod run;
mod signals;
mod sources;
mod tables;
mod verify;
mod who_can;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use args::{Cli, Command};
pub use error::{CliError, Exit};
pub use sources::needed_today;

use crate::model::ToolIdentity;
use crate::snapshot::Finishing;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and go to standard output.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() });
        }
    };
    color::choose(cli.color);
    let command = cli.command;
    match signals::interruptible(move |finishing| run(&command, finishing)) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            explain(&error);
            ExitCode::from(error.exit().code())
        }
    }
}

fn run(command: &Command, finishing: &Finishing) -> Result<Exit, CliError> {
    match command {
        Command::Scan(args) => live::scan(args, finishing),
        Command::Demo(args) => run::demo(args, finishing),
        Command::Collect(args) => live::collect(args, finishing),
        Command::Assess(args) => run::assess_saved(args, finishing),
        Command::Facts(args) => tables::run(args),
        Command::WhoCan(args) => who_can::run(args, finishing),
        Command::Render(args) => run::render(args, finishing),
        Command::Bundle(args) => bundle::run(args, finishing),
        Command::Verify(args) => verify::run(args),
        Command::Permissions(args) => live::permissions(args),
        Command::Preflight(args) => live::preflight(args, finishing),
        Command::Controls(args) => catalog_commands::run(args),
        Command::Man { command } => man::print(command.as_deref()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "kube-hipaa", &mut script);
            output::print(&script)?;
            Ok(Exit::Done)
        }
    }
}

/// What failed, on what, why, and what to do.
fn explain(error: &CliError) {
    let mut text = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let line = source.to_string();
        if !text.contains(&line) {
            text.push_str(&format!("\n  because: {line}"));
        }
        cause = source.source();
    }
    let advice = error.advice();
    if !advice.is_empty() {
        text.push_str(&format!("\n  try: {advice}"));
    }
    tell(&text);
}

/// A line to standard error, which is for people.
fn tell(text: &str) {
    let mut err = std::io::stderr().lock();
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(err, "{}", crate::report::escape::terminal_lines(text));
}

/// Columns of the terminal: its own width, else COLUMNS, else 100.
fn terminal_width() -> u16 {
    match terminal_size::terminal_size() {
        Some((terminal_size::Width(width), _)) => width,
        None => std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(100),
    }
}

/// This program.
pub(crate) fn tool() -> ToolIdentity {
    ToolIdentity {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("KUBE_HIPAA_COMMIT").unwrap_or("unknown").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_status_has_a_number_of_its_own() {
        let numbers: std::collections::BTreeSet<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(numbers.len(), Exit::ALL.len());
    }
}
