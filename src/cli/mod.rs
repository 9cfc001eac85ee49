//! The command line: arguments, files, clock, progress and exit codes.

#![expect(clippy::disallowed_methods, reason = "files and environment are for the command line")]

mod access_review;
mod answer;
mod args;
mod ask;
mod asks;
mod bundle;
pub mod cases;
mod catalog_commands;
mod color;
mod config;
mod diff;
mod dispose;
mod error;
mod evidence;
mod export;
mod grid;
mod history;
mod imports;
mod init;
mod inputs;
mod live;
mod log;
mod man;
mod marks;
mod narrow;
mod nearest;
mod output;
mod passphrase;
mod people;
mod questions;
mod record;
mod replace;
mod run;
mod sheet;
mod sides;
mod signals;
mod sources;
mod tables;
mod verify;
mod verify_store;
mod waive;
mod what_if;
mod who_can;
mod workspace;
mod yaml;

use std::process::ExitCode;
use std::time::Instant;

use clap::{CommandFactory, Parser};

pub use args::{Cli, Command};
pub use error::{CliError, Exit};
pub use sources::needed_today;

use crate::model::ToolIdentity;
use crate::snapshot::Finishing;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let configured = match config::configured(std::env::args_os().collect()) {
        Ok(configured) => configured,
        Err(error) => {
            log::explain(&error);
            return ExitCode::from(error.exit().code());
        }
    };
    let cli = match Cli::try_parse_from(&configured.arguments) {
        Ok(cli) => cli,
        Err(error) => {
            log::parser(&error, configured.used.as_deref());
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() });
        }
    };
    color::choose(cli.color);
    log::choose(cli.log_format);
    if let Some(used) = configured.used.filter(|_| !configured.quiet) {
        tell(&used);
    }
    let (begun, name) = (Instant::now(), name(&configured.arguments));
    log::event("started", [("command", name.clone().into()), ("version", tool().version.into())]);
    let command = cli.command;
    let exit = match signals::interruptible(move |finishing| run(&command, finishing)) {
        Ok(exit) => exit,
        Err(error) => {
            log::explain(&error);
            error.exit()
        }
    };
    log::finished(&name, exit, begun.elapsed().as_secs_f64());
    ExitCode::from(exit.code())
}

/// What the command is called.
fn name(arguments: &[std::ffi::OsString]) -> String {
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(arguments).ok();
    matches.as_ref().and_then(|matches| matches.subcommand_name()).unwrap_or_default().to_owned()
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
        Command::People(command) => people::run(command, finishing),
        Command::Bundle(args) => bundle::run(args, finishing),
        Command::Verify(args) => verify::run(args),
        Command::Diff(args) => diff::run(args, finishing),
        Command::History(args) => history::run(args, finishing),
        Command::Permissions(args) => live::permissions(args),
        Command::Preflight(args) => live::preflight(args, finishing),
        Command::Controls(args) => catalog_commands::run(args, finishing),
        Command::Man { command } => man::print(command.as_deref()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "kube-hipaa", &mut script);
            output::print(&script)?;
            Ok(Exit::Done)
        }
    }
}

/// A line to standard error, which is for people.
fn tell(text: &str) {
    log::tell(text);
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
