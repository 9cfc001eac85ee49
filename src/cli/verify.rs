//! `verify`: whether a bundle is what was sealed.

use super::args::{VerifyArgs, VerifyFormat};
use super::bundle::SealError;
use super::error::{CliError, Exit};
use super::output::print;
use super::terminal_width;
use crate::bundle::{Bag, Expected, Mark, Problem, Verdict, verify};
use crate::report::escape;

/// Problems that the table lists; JSON has all.
const SHOWN: usize = 40;

/// `verify`.
pub(super) fn run(args: &VerifyArgs) -> Result<Exit, CliError> {
    let previous = match &args.previous {
        None => None,
        Some(path) => {
            let verdict = Bag::open(path).and_then(|bag| verify(&bag, Expected::default())).map_err(CliError::read(path))?;
            match (verdict.whole, verdict.id) {
                (true, Some(id)) => Some(id),
                _ => return Err(SealError::Previous { path: path.clone(), why: "it is not whole, or not sealed".to_owned() }.into()),
            }
        }
    };
    let expected = Expected { id: args.id.as_deref(), previous: previous.as_deref() };
    let verdict = Bag::open(&args.bundle).and_then(|bag| verify(&bag, expected)).map_err(CliError::read(&args.bundle))?;
    if !verdict.sealed && (args.id.is_some() || args.previous.is_some()) {
        let flag = if args.id.is_some() { "--id" } else { "--previous" };
        return Err(CliError::Pointless { flag, why: "this is evidence that was not sealed" });
    }
    match args.format {
        VerifyFormat::Json => {
            let mut text = serde_json::to_string_pretty(&verdict).map_err(|error| CliError::Stdout(error.into()))?;
            text.push('\n');
            print(text.as_bytes())?;
        }
        VerifyFormat::Table => print(table(&verdict, &args.bundle.display().to_string(), args.id.is_some()).as_bytes())?,
    }
    Ok(if verdict.whole { Exit::Done } else { Exit::NotWhole })
}

fn table(verdict: &Verdict, name: &str, id_is_known: bool) -> String {
    let mut rows: Vec<(&str, String)> = vec![(if verdict.sealed { "Bundle" } else { "Evidence" }, name.to_owned())];
    rows.extend(verdict.id.clone().map(|id| ("Id", id)));
    if let Some(summary) = &verdict.summary {
        let uid = summary.cluster.uid.as_deref().map_or_else(String::new, |uid| format!(", {uid}"));
        rows.push(("Cluster", format!("{}{uid}", summary.cluster.name)));
        rows.push(("Observed", format!("{} to {}", summary.collected.started, summary.collected.finished)));
    }
    rows.push(("Files", format!("{}, {}", verdict.files, size(verdict.bytes))));
    if verdict.sealed {
        rows.push(("Before", verdict.previous.as_ref().map_or_else(|| "none named".to_owned(), |before| before.name.clone())));
        if let Some(before) = &verdict.previous {
            rows.push(("", before.id.clone()));
        }
        for (what, mark) in [("Signature", verdict.signature), ("Timestamp", verdict.timestamp)] {
            rows.extend((mark != Mark::None).then(|| (what, mark.words().to_owned())));
        }
    }
    let mut text: String = rows.iter().map(|(label, value)| format!("{label:<9} {}\n", escape::terminal(value))).collect();
    text.push('\n');
    text.push_str(&ending(verdict, id_is_known));
    text
}

/// The verdict itself.
fn ending(verdict: &Verdict, id_is_known: bool) -> String {
    if verdict.whole {
        let text = match (verdict.sealed, id_is_known) {
            (true, true) => "Whole: it is the bundle of this id, and every file is as it was sealed.",
            (true, false) => {
                "Whole: every file is as it was sealed under this id.\nCompare the id with the one that was noted then: --id ID does it."
            }
            (false, _) => {
                "Every file is as this list of digests says. It is not sealed: whoever can\nchange a file can change the list, too. `kube-hipaa bundle` seals it."
            }
        };
        return format!("{text}\n");
    }
    let number = verdict.problems.len();
    let mut text = format!("Not what it claims to be: {number} problem{}\n", if number == 1 { "" } else { "s" });
    for Problem { file, kind, what } in verdict.problems.iter().take(SHOWN) {
        let file = if file.is_empty() { "the whole" } else { file };
        text.push_str(&format!("  {:<8} {}\n", kind.word(), escape::terminal(file)));
        for line in wrapped(&escape::terminal(what), usize::from(terminal_width()).clamp(40, 100) - 11) {
            text.push_str(&format!("           {line}\n"));
        }
    }
    if number > SHOWN {
        text.push_str(&format!("  and {} more; --format json has all\n", number - SHOWN));
    }
    text
}

/// Lines of at most so many characters, where words allow it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

/// A number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}
