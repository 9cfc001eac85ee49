//! Manual pages, for packages.

use clap::CommandFactory;

use super::args::Cli;
use super::error::{CliError, Exit};
use super::nearest::there_are;

/// The page of the program, or of one command.
pub(super) fn print(name: Option<&str>) -> Result<Exit, CliError> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let page = match name {
        None => clap_mangen::Man::new(program),
        Some(name) => {
            let commands: Vec<&clap::Command> = program.get_subcommands().filter(|command| !command.is_hide_set()).collect();
            let found = commands.iter().find(|command| command.get_name() == name).map(|command| (*command).clone());
            let known = || there_are(name, commands.iter().map(|command| command.get_name()));
            let found = found.ok_or_else(|| CliError::Unknown { what: "command", name: name.to_owned(), known: known() })?;
            // `man kube-hipaa-scan`, as git and kubectl have it.
            let title = format!("kube-hipaa-{name}");
            clap_mangen::Man::new(found.display_name(title.clone()).bin_name(format!("kube-hipaa {name}"))).title(title)
        }
    };
    let mut bytes = Vec::new();
    page.render(&mut bytes).map_err(CliError::Stdout)?;
    super::output::print(&bytes)?;
    Ok(Exit::Done)
}
