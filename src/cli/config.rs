//! The configuration file: values for flags that were not given, so that a schedule is one file. A flag wins over a variable of the
//! environment, and that over the file. No file is read that was not named.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};

use super::args::Cli;
use super::error::CliError;
use super::log::LogFormat;
use super::nearest::there_are;
use super::{inputs, log};
use crate::catalog::{ConfigPlace as Place, Problem, Setting, read_config_file};

/// The variable that names the file where no flag does.
pub(super) const VARIABLE: &str = "KUBE_HIPAA_CONFIG";

/// No configuration file comes near this.
const MOST: u64 = 1024 * 1024;

/// The arguments of the process with what a configuration file adds to them.
pub(super) struct Configured {
    /// All arguments, the name of the program first.
    pub(super) arguments: Vec<OsString>,
    /// The file with the flags that were taken from it: a sentence.
    pub(super) used: Option<String>,
    /// Only errors are wanted.
    pub(super) quiet: bool,
}

/// Looks for the file in the arguments and the environment, reads it, and adds the flags that nobody gave.
pub(super) fn configured(given: Vec<OsString>) -> Result<Configured, CliError> {
    let none = |arguments| Configured { arguments, used: None, quiet: false };
    // Also where the parser does not get that far: what is wrong is then said in this form, too.
    let words = given.iter().take_while(|word| *word != "--").collect::<Vec<_>>();
    if words.iter().any(|word| *word == "--log-format=json") || words.windows(2).any(|pair| pair == ["--log-format", "json"]) {
        log::choose(LogFormat::Json);
    }
    // What is wrong with the arguments is said when they are read in earnest.
    let Ok(matches) = Cli::command().ignore_errors(true).try_get_matches_from(&given) else { return Ok(none(given)) };
    let Some(path) = matches.get_one::<PathBuf>("config") else { return Ok(none(given)) };
    let Some((name, _)) = matches.subcommand() else { return Ok(none(given)) };
    let settings = read(path)?;
    let mut root = Cli::command();
    root.build();
    let (command, found) = deepest(&root, &matches);
    let chosen = chosen(&settings, name, command, found).map_err(|problems| CliError::Problems { path: path.clone(), problems })?;
    if let Some(format) = chosen.iter().find(|(arg, _)| arg.get_id() == "log_format").and_then(|(_, setting)| setting.values.first()) {
        log::choose(if format.text == "json" { LogFormat::Json } else { LogFormat::Text });
    }
    let quiet = found.try_get_one::<bool>("quiet").is_ok_and(|quiet| quiet == Some(&true))
        || chosen.iter().any(|(arg, setting)| arg.get_id() == "quiet" && setting.values.iter().any(|value| value.text == "true"));
    let names: BTreeSet<&str> = chosen.iter().map(|(_, setting)| setting.flag.text.as_str()).collect();
    let names = if names.is_empty() { "none of its flags".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") };
    let used = Some(format!("note: from {}: {names}", path.display()));
    Ok(Configured { arguments: with(given, &chosen), used, quiet })
}

fn read(path: &Path) -> Result<Vec<Setting>, CliError> {
    let bytes = inputs::read_file(path, MOST)?;
    let text = String::from_utf8(bytes).map_err(|error| CliError::read(path)(std::io::Error::other(error)))?;
    let shown = path.display().to_string();
    let wrong = |problems| CliError::Problems { path: path.to_owned(), problems };
    let settings = read_config_file(&shown, &text).map_err(wrong)?;
    let mut root = Cli::command();
    root.build();
    let mut problems: Vec<Problem> = settings.iter().flat_map(|setting| problems(&shown, setting, &root)).collect();
    let mut seen = BTreeSet::new();
    for setting in &settings {
        if !seen.insert((setting.command.as_ref().map(|place| &place.text), &setting.flag.text)) {
            problems.push(setting.flag.problem(&shown, format!("`{}` stands twice", setting.flag.text)));
        }
    }
    problems.sort();
    if problems.is_empty() { Ok(settings) } else { Err(wrong(problems)) }
}

/// The flags of a command and of those below it that take values from a file.
fn flags(command: &Command) -> Vec<&Arg> {
    let settable = |arg: &&Arg| {
        arg.get_long().is_some() && !arg.is_positional() && matches!(arg.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue)
            // A file that names another would be read without having been named.
            && arg.get_id() != "config"
    };
    let own = command.get_arguments().filter(settable);
    own.chain(command.get_subcommands().flat_map(flags)).collect()
}

fn long(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

fn named<'a>(command: &'a Command, flag: &str) -> Vec<&'a Arg> {
    flags(command).into_iter().filter(|arg| long(arg) == flag).collect()
}

/// What is wrong with one setting, whichever command runs.
fn problems(file: &str, setting: &Setting, root: &Command) -> Vec<Problem> {
    let Setting { command, flag, values } = setting;
    let commands = || root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    if let Some(place) = command {
        let Some(command) = commands().find(|command| command.get_name() == place.text) else {
            let known = there_are(&place.text, commands().map(Command::get_name));
            return vec![place.problem(file, format!("there is no command `{}`. {known}", place.text))];
        };
        let Some(arg) = named(command, &flag.text).into_iter().next() else {
            let known: BTreeSet<&str> = flags(command).into_iter().map(long).collect();
            let known = there_are(&flag.text, known);
            return vec![flag.problem(file, format!("`{}` has no flag `{}`. {known}", place.text, flag.text))];
        };
        return refusals(file, arg, values);
    }
    let users: Vec<(&str, &Arg)> =
        commands().flat_map(|one| named(one, &flag.text).into_iter().take(1).map(move |arg| (one.get_name(), arg))).collect();
    if users.is_empty() && flag.text == "config" {
        return vec![flag.problem(file, "a configuration file cannot name another one; say --config, or KUBE_HIPAA_CONFIG".to_owned())];
    }
    if users.is_empty() {
        let known: BTreeSet<&str> = commands().flat_map(flags).map(long).chain(["schema"]).collect();
        let message = match commands().any(|command| command.get_name() == flag.text) {
            true => format!("`{}` is a command: below it stand flags and their values", flag.text),
            false => format!("there is no flag `{}`. {}", flag.text, there_are(&flag.text, known)),
        };
        return vec![flag.problem(file, message)];
    }
    let refused: Vec<(&str, Vec<Problem>)> =
        users.iter().map(|(name, arg)| (*name, refusals(file, arg, values))).filter(|(_, found)| !found.is_empty()).collect();
    match refused.as_slice() {
        [] => Vec::new(),
        // It says the same everywhere, so it is wrong everywhere.
        all if all.len() == users.len() => all.iter().take(1).flat_map(|(_, found)| found.clone()).collect(),
        some => {
            let others: Vec<&str> =
                users.iter().map(|(name, _)| *name).filter(|name| !some.iter().any(|(other, _)| other == name)).collect();
            let these: Vec<&str> = some.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "`{}` does not mean the same to every command, and {} would refuse this: put it below the command that is meant ({})",
                flag.text,
                these.join(", "),
                others.join(", ")
            );
            vec![flag.problem(file, message)]
        }
    }
}

/// What the parser of this flag says to each value.
fn refusals(file: &str, arg: &Arg, values: &[Place]) -> Vec<Problem> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        let not_a_switch = |value: &&Place| value.text != "true" && value.text != "false";
        return values.iter().filter(not_a_switch).map(|value| value.problem(file, format!("`{}` is true or false", long(arg)))).collect();
    }
    let mut found = Vec::new();
    let many = matches!(arg.get_action(), ArgAction::Append) || arg.get_value_delimiter().is_some();
    if let Some(second) = values.get(1).filter(|_| !many) {
        found.push(second.problem(file, format!("`{}` takes one value", long(arg))));
    }
    // Made anew, because the other flags that it may need or refuse are not here; its id stands for its name.
    let id = arg.get_id();
    let alone = Arg::new(id.clone()).long(id.clone()).value_parser(arg.get_value_parser().clone()).action(ArgAction::Append);
    let alone = alone.value_names(arg.get_value_names().unwrap_or_default().to_vec()).value_delimiter(arg.get_value_delimiter());
    let command = Command::new("kube-hipaa").no_binary_name(true).arg(alone);
    for value in values {
        if let Err(error) = command.clone().try_get_matches_from([format!("--{id}={}", value.text)]) {
            let words = error.render().to_string();
            let words = words.lines().map(str::trim).take_while(|line| !line.starts_with("For more")).filter(|line| !line.is_empty());
            let words = words.collect::<Vec<_>>().join(" ");
            found.push(value.problem(file, words.trim_start_matches("error: ").replace(&format!("--{id}"), &format!("--{}", long(arg)))));
        }
    }
    found
}

/// The command that runs, and what was given to it.
fn deepest<'a>(mut command: &'a Command, mut matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    while let Some((name, below)) = matches.subcommand() {
        let Some(next) = command.find_subcommand(name) else { break };
        (command, matches) = (next, below);
    }
    (command, matches)
}

/// The settings that count for this command, with its flags.
fn chosen<'a>(
    settings: &'a [Setting],
    name: &str,
    command: &'a Command,
    given: &ArgMatches,
) -> Result<Vec<(&'a Arg, &'a Setting)>, Vec<Problem>> {
    let here = |setting: &&Setting| setting.command.as_ref().is_none_or(|place| place.text == name);
    let arg = |setting: &'a Setting| {
        command.get_arguments().find(|arg| arg.get_long() == Some(setting.flag.text.as_str())).map(|arg| (arg, setting))
    };
    let all: Vec<(&Arg, &Setting)> = settings.iter().filter(here).filter_map(arg).collect();
    let was_given: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| matches!(given.value_source(arg.get_id().as_str()), Some(ValueSource::CommandLine | ValueSource::EnvVariable)))
        .collect();
    let is_on = |setting: &Setting| setting.values.iter().any(|value| value.text != "false");
    // A flag that was given also wins over those that cannot stand beside it.
    let mut left: Vec<(&Arg, &Setting)> = all
        .iter()
        .copied()
        .filter(|(arg, _)| !was_given.iter().any(|other| other.get_id() == arg.get_id() || clash(command, arg, other)))
        .collect();
    // What stands below the command wins over what is for all.
    let own: Vec<(&Arg, &Setting)> = left.iter().copied().filter(|(_, setting)| setting.command.is_some()).collect();
    left.retain(|(arg, setting)| {
        setting.command.is_some()
            || !own
                .iter()
                .any(|(other, theirs)| other.get_id() == arg.get_id() || (is_on(theirs) && is_on(setting) && clash(command, arg, other)))
    });
    let mut problems = Vec::new();
    for (i, (arg, setting)) in left.iter().enumerate().filter(|(_, (_, setting))| is_on(setting)) {
        for (other, theirs) in left.iter().take(i).filter(|(other, theirs)| is_on(theirs) && clash(command, arg, other)) {
            let message = format!("`{}` cannot stand beside `{}` of line {}", long(arg), long(other), theirs.flag.line);
            problems.push((setting, message));
        }
    }
    let file = given.try_get_one::<PathBuf>("config").ok().flatten().map_or_else(String::new, |path| path.display().to_string());
    let problems: Vec<Problem> = problems.into_iter().map(|(setting, message)| setting.flag.problem(&file, message)).collect();
    if problems.is_empty() { Ok(left) } else { Err(problems) }
}

fn clash(command: &Command, one: &Arg, other: &Arg) -> bool {
    let against = |a: &Arg, b: &Arg| command.get_arg_conflicts_with(a).iter().any(|found| found.get_id() == b.get_id());
    against(one, other) || against(other, one)
}

/// The arguments with these flags behind them, or in front of `--`, behind which there are no flags.
fn with(given: Vec<OsString>, chosen: &[(&Arg, &Setting)]) -> Vec<OsString> {
    let end = given.iter().position(|word| word == "--").unwrap_or(given.len());
    let added = chosen.iter().flat_map(|(arg, setting)| {
        setting.values.iter().filter_map(move |value| match (arg.get_action(), value.text.as_str()) {
            (ArgAction::SetTrue, "true") => Some(OsString::from(format!("--{}", long(arg)))),
            (ArgAction::SetTrue, _) => None,
            (_, text) => Some(OsString::from(format!("--{}={text}", long(arg)))),
        })
    });
    let added: Vec<OsString> = added.collect();
    let mut arguments = given;
    arguments.splice(end..end, added);
    arguments
}
