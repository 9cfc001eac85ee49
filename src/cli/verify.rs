//! `verify`: whether a bundle is what was sealed.

use super::args::{VerifyArgs, VerifyFormat};
use super::bundle::SealError;
use super::error::{CliError, Exit};
use super::marks;
use super::output::print;
use super::terminal_width;
use crate::bundle::{Bag, Expected, MarkState, Problem, SignatureVerdict, TimestampVerdict, Verdict, verify};
use crate::history::store::Store;
use crate::report::{escape, prometheus};

/// Problems that the table lists; JSON has all.
const SHOWN: usize = 40;

/// `verify`.
pub(super) fn run(args: &VerifyArgs) -> Result<Exit, CliError> {
    if let Some(text) = args.bundle.to_str().filter(|text| Store::is_meant(text)) {
        return super::verify_store::run(args, text);
    }
    if args.cluster.is_some() {
        return Err(CliError::Pointless { flag: "--cluster", why: "this is no store" });
    }
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
    let signers = args.allowed_signers.as_deref().map(marks::signers).transpose()?;
    let authorities = args.tsa_ca.as_deref().map(marks::authorities).transpose()?;
    let expected = Expected {
        id: args.id.as_deref(),
        previous: previous.as_deref(),
        signers: signers.as_ref(),
        authorities: authorities.as_ref(),
        signature_required: args.require_signature,
        timestamp_required: args.require_timestamp,
    };
    let verdict = Bag::open(&args.bundle).and_then(|bag| verify(&bag, expected)).map_err(CliError::read(&args.bundle))?;
    // What is required is a problem of what has it not; what only says with whom to compare does nothing.
    let given = [(args.allowed_signers.is_some(), "--allowed-signers"), (args.tsa_ca.is_some(), "--tsa-ca")];
    let requires = args.id.is_some() || args.previous.is_some() || args.require_signature || args.require_timestamp;
    if let (false, false, Some((_, flag))) = (verdict.sealed, requires, given.into_iter().find(|(is_given, _)| *is_given)) {
        return Err(CliError::Pointless { flag, why: "this is evidence that was not sealed" });
    }
    match args.format {
        VerifyFormat::Json => {
            let mut text = serde_json::to_string_pretty(&verdict).map_err(|error| CliError::Stdout(error.into()))?;
            text.push('\n');
            print(text.as_bytes())?;
        }
        VerifyFormat::Prometheus => print(numbers(&verdict, args.previous.is_some()).as_bytes())?,
        VerifyFormat::Table => print(table(&verdict, &args.bundle.display().to_string(), args.id.is_some()).as_bytes())?,
    }
    Ok(if verdict.whole { Exit::Done } else { Exit::NotWhole })
}

/// The state of the chain as far as it was looked at: this bundle, and the one before it where it was named. What is no bundle is none.
fn numbers(verdict: &Verdict, with_previous: bool) -> String {
    let summary = verdict.summary.as_ref();
    let chain = prometheus::Chain {
        cluster_uid: summary.and_then(|summary| summary.cluster.uid.as_deref()).unwrap_or_default(),
        cluster: summary.map(|summary| summary.cluster.name.as_str()).unwrap_or_default(),
        intact: verdict.whole && verdict.sealed,
        bundles: if verdict.id.is_some() { 1 + u64::from(with_previous) } else { 0 },
        newest: summary.map(|summary| summary.collected.finished.as_str()).unwrap_or_default(),
    };
    prometheus::chains(&[chain])
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
        rows.extend(signature(&verdict.signature).map(|words| ("Signature", words)));
        rows.extend(timestamp(&verdict.timestamp).map(|words| ("Timestamp", words)));
    }
    let mut text: String = rows.iter().map(|(label, value)| format!("{label:<9} {}\n", escape::terminal(value))).collect();
    text.push('\n');
    text.push_str(&ending(verdict, id_is_known));
    text
}

/// What is said of a signature; nothing where there is none.
fn signature(verdict: &SignatureVerdict) -> Option<String> {
    let key = verdict.key.as_deref().unwrap_or("a key that cannot be read");
    match verdict.state {
        MarkState::None => None,
        MarkState::Bad => Some(format!("not good; it names {key}")),
        MarkState::Valid => Some(format!("signed by {key}, not checked against a list")),
        MarkState::Trusted => Some(format!("signed by {}, {key}", verdict.signers.join(", "))),
    }
}

/// What is said of a timestamp; nothing where there is none.
fn timestamp(verdict: &TimestampVerdict) -> Option<String> {
    let of = format!("{} by {}", verdict.time.as_deref().unwrap_or("no time"), verdict.authority.as_deref().unwrap_or("nobody"));
    match verdict.state {
        MarkState::None => None,
        MarkState::Bad => Some("not good".to_owned()),
        MarkState::Valid => Some(format!("{of}, not checked against an authority")),
        MarkState::Trusted => Some(of),
    }
}

/// The verdict itself.
fn ending(verdict: &Verdict, id_is_known: bool) -> String {
    if verdict.whole {
        let text = match (verdict.sealed, id_is_known) {
            (true, true) => "Whole: it is the bundle of this id, and every file is as it was sealed.",
            // Who was named stands behind the id.
            (true, false) if [verdict.signature.state, verdict.timestamp.state].contains(&MarkState::Trusted) => {
                "Whole: every file is as it was sealed under this id, and what stands above\nwas made over it."
            }
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
        text.push_str(&format!("  {:<9} {}\n", kind.word(), escape::terminal(file)));
        for line in wrapped(&escape::terminal(what), usize::from(terminal_width()).clamp(40, 100) - 12) {
            text.push_str(&format!("            {line}\n"));
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
