//! `verify STORE`: whether a whole record is what was put into it.

use super::args::{VerifyArgs, VerifyFormat};
use super::error::{CliError, Exit};
use super::marks;
use super::output::print;
use super::record::kept_lines;
use super::verify::size;
use crate::bundle::{Expected, verify};
use crate::history::store::{ClusterVerdict, Kept, Link, PARAGRAPH, Store, StoreVerdict};
use crate::report::{escape, prometheus};

/// Problems of one cluster that the table lists; JSON has all.
const SHOWN: usize = 40;
/// Names of other files that the table lists.
const STRAYS: usize = 5;

pub(super) fn run(args: &VerifyArgs, text: &str) -> Result<Exit, CliError> {
    if args.previous.is_some() {
        return Err(CliError::Pointless { flag: "--previous", why: "in a store every bundle is compared with the one before" });
    }
    let store = Store::open(text)?;
    let signers = args.allowed_signers.as_deref().map(marks::signers).transpose()?;
    let authorities = args.tsa_ca.as_deref().map(marks::authorities).transpose()?;
    let expected = Expected {
        signers: signers.as_ref(),
        authorities: authorities.as_ref(),
        signature_required: args.require_signature,
        timestamp_required: args.require_timestamp,
        ..Expected::default()
    };
    let verdict = store.check(args.cluster.as_deref(), args.id.as_deref(), |bag| verify(bag, expected))?;
    match args.format {
        VerifyFormat::Json => {
            let mut text = serde_json::to_string_pretty(&verdict).map_err(|error| CliError::Stdout(error.into()))?;
            text.push('\n');
            print(text.as_bytes())?;
        }
        VerifyFormat::Prometheus => print(numbers(&verdict).as_bytes())?,
        VerifyFormat::Table => print(table(&verdict, args.id.as_deref()).as_bytes())?,
    }
    Ok(if verdict.whole { Exit::Done } else { Exit::NotWhole })
}

/// The state of every chain, for an alert.
fn numbers(verdict: &StoreVerdict) -> String {
    let chain = |cluster: &ClusterVerdict| {
        let newest = cluster.bundles.last().map(|bundle| bundle.collected.clone()).unwrap_or_default();
        // What is wrong with the store as a whole may have to do with any of its chains.
        (
            cluster.cluster.clone(),
            cluster.name.clone().unwrap_or_default(),
            cluster.whole && verdict.problems.is_empty(),
            cluster.bundles.len(),
            newest,
        )
    };
    let all: Vec<_> = verdict.clusters.iter().map(chain).collect();
    let chains: Vec<prometheus::Chain<'_>> = all
        .iter()
        .map(|(cluster_uid, cluster, intact, bundles, newest)| prometheus::Chain {
            cluster_uid,
            cluster,
            intact: *intact,
            bundles: *bundles as u64,
            newest,
        })
        .collect();
    prometheus::chains(&chains)
}

fn plural(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

fn row(label: &str, text: &str) -> String {
    format!("{label:<9} {}\n", escape::terminal(text))
}

fn table(verdict: &StoreVerdict, id: Option<&str>) -> String {
    let mut text = row("Store", &verdict.store);
    text.push_str(&row(
        "Holds",
        &format!(
            "{} of {}, {}",
            plural(usize::try_from(verdict.bundles).unwrap_or(usize::MAX), "bundle"),
            plural(verdict.clusters.len(), "cluster"),
            size(verdict.bytes)
        ),
    ));
    for (label, line) in kept_lines(&verdict.retention, &verdict.retention, "") {
        text.push_str(&row(label, &line));
    }
    strays(&mut text, "", &verdict.strays);
    for cluster in &verdict.clusters {
        text.push('\n');
        text.push_str(&of_cluster(cluster));
    }
    text.push('\n');
    for problem in &verdict.problems {
        text.push_str(&row("▲", problem));
    }
    text.push_str(match (verdict.whole, id) {
        (true, Some(_)) => {
            "Whole: every bundle is as it was sealed, every one names the one before, and the bundle of this id is among them.\n"
        }
        (true, None) => {
            "Whole: every bundle is as it was sealed, and every one names the one before.\n\
             That the newest was removed a store cannot show: note its id elsewhere, and say --id ID.\n"
        }
        (false, _) => "Not what it claims to be: see the lines above.\n",
    });
    text
}

fn of_cluster(cluster: &ClusterVerdict) -> String {
    let name = cluster.name.as_deref().map_or_else(|| cluster.cluster.clone(), |name| format!("{name}, {}", cluster.cluster));
    let mut text = row("Cluster", &name);
    if let (Some(first), Some(last)) = (cluster.bundles.first(), cluster.bundles.last()) {
        text.push_str(&row("Bundles", &format!("{}, {} to {}", cluster.bundles.len(), first.collected, last.collected)));
        text.push_str(&row("Newest", &last.name));
        text.push_str(&row("", last.id.as_deref().unwrap_or("without an id")));
    } else {
        text.push_str(&row("Bundles", "none"));
    }
    kept(&mut text, cluster);
    strays(&mut text, &format!("{}/", cluster.cluster), &cluster.strays);
    if cluster.whole {
        text.push_str(&row("Chain", "whole"));
        return text;
    }
    let mut lines: Vec<String> = Vec::new();
    for bundle in cluster.bundles.iter().filter(|bundle| !bundle.whole) {
        for problem in &bundle.problems {
            let file = if problem.file.is_empty() { "the whole" } else { &problem.file };
            lines.push(format!("{}\n    {:<9} {file}: {}", bundle.name, problem.kind.word(), problem.what));
        }
    }
    lines.extend(cluster.chain.iter().map(|Link { bundle, kind, what }| format!("{bundle}\n    {:<9} {what}", kind.word())));
    text.push_str(&row("Chain", &format!("▲ {}", plural(lines.len(), "problem"))));
    for line in lines.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", escape::terminal_lines(line).trim_end()));
    }
    if lines.len() > SHOWN {
        text.push_str(&format!("  and {} more; --format json has all\n", lines.len() - SHOWN));
    }
    text
}

/// What the store says of the bundles of a cluster, where it says anything.
fn kept(text: &mut String, cluster: &ClusterVerdict) {
    let until = |bundle: &&crate::history::store::BundleVerdict| matches!(bundle.retention.kept, Kept::Until { .. });
    let locked = cluster.bundles.iter().filter(until).count();
    if locked == 0 {
        return;
    }
    let enough = cluster.bundles.iter().filter(|bundle| bundle.retention.reaches_six_years(&bundle.collected) == Some(true)).count();
    let all = cluster.bundles.len();
    text.push_str(&row("Locked", &format!("{locked} of {all}, and {enough} for six years or longer ({PARAGRAPH}, grade A)")));
    if let Some(last) = cluster.bundles.iter().rev().find(until) {
        text.push_str(&row("", &format!("the newest of them {}", last.retention.words())));
    }
}

/// Files that are no bundles.
fn strays(text: &mut String, folder: &str, strays: &[String]) {
    for name in strays.iter().take(STRAYS) {
        text.push_str(&row("Beside", &format!("{folder}{name} is no bundle, and was not read")));
    }
    if strays.len() > STRAYS {
        text.push_str(&row("", &format!("and {} more; --format json has all", strays.len() - STRAYS)));
    }
}
