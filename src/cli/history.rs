//! `history`: the record of one cluster over time.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::args::{HistoryArgs, HistoryFormat};
use super::error::{CliError, Exit};
use super::inputs::MOST_ASSESSMENT;
use super::nearest::there_are;
use super::output::{Staged, print};
use super::{color, terminal_width, tool};
use crate::bundle::{MOST_SUMMARY, Members, Previous, Record, Summary};
use crate::catalog::Catalog;
use crate::history::store::{Entry, Ranged, Store};
use crate::history::timeline::{Bundle, Options, Timeline};
use crate::model::history::{History, PracticeSought};
use crate::report::time::{Look, history as document};
use crate::snapshot::Finishing;

/// Files of the folder, with words near their beginning by which they are known as ours.
const FILES: [(&str, &str); 7] = [
    ("history.html", "A record over time"),
    ("history.json", "kube-hipaa/history/"),
    ("history-findings.csv", "\"cluster_uid\",\"cluster\",\"fingerprint\""),
    ("history-bundles.csv", "\"cluster_uid\",\"cluster\",\"collected\""),
    ("history-controls.csv", "\"cluster_uid\",\"cluster\",\"control\""),
    ("history-people.csv", "\"cluster_uid\",\"cluster\",\"what\""),
    ("history-practices.csv", "\"cluster_uid\",\"cluster\",\"practice\""),
];

/// `history`.
pub(super) fn run(args: &HistoryArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    // Before the store is read: that may take long.
    let staged = match &args.output {
        Some(path) => Some(Staged::new_for(path, args.force, finishing, replaceable)?.readable(args.world_readable)),
        None => None,
    };
    let history = history(args)?;
    let Some(staged) = staged else {
        print(&rendered(&history, args.format.unwrap_or(HistoryFormat::Table))?)?;
        return Ok(Exit::Done);
    };
    let all = args.format.is_none();
    let wants = |format: HistoryFormat| all || args.format == Some(format);
    if args.format == Some(HistoryFormat::Table) {
        return Err(CliError::Pointless { flag: "--format table", why: "a folder holds html, json and csv" });
    }
    let [html, json, findings, bundles, controls, people, practices] = FILES.map(|(name, _)| name);
    if wants(HistoryFormat::Html) {
        staged.write(html, &document::html(&history)?)?;
    }
    if wants(HistoryFormat::Json) {
        staged.write(json, &document::json(&history))?;
    }
    if wants(HistoryFormat::Csv) {
        staged.write(findings, &document::findings_csv(&history))?;
        staged.write(bundles, &document::nights_csv(&history))?;
        staged.write(controls, &document::controls_csv(&history))?;
        staged.write(people, &document::people_csv(&history))?;
        staged.write(practices, &document::practices_csv(&history))?;
    }
    staged.commit()?;
    if !args.quiet {
        print(&rendered(&history, HistoryFormat::Table)?)?;
    }
    Ok(Exit::Done)
}

/// Only a folder that holds nothing else than such documents.
fn replaceable(target: &Path) -> Result<(), CliError> {
    if !target.is_dir() {
        return super::replace::replaceable_document(target, |_| false);
    }
    for entry in std::fs::read_dir(target).map_err(CliError::read(target))? {
        let entry = entry.map_err(CliError::read(target))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let mark = FILES.iter().find(|(known, _)| *known == name).map(|(_, mark)| *mark);
        let ours =
            mark.is_some_and(|mark| super::replace::begins_with(&entry.path(), mark)) || crate::snapshot::DESKTOP.contains(&name.as_str());
        if !ours {
            return Err(CliError::NotOurs { path: target.to_owned(), why: format!("it holds {name}, which is no document of `history`") });
        }
    }
    Ok(())
}

fn rendered(history: &History, format: HistoryFormat) -> Result<Vec<u8>, CliError> {
    Ok(match format {
        HistoryFormat::Table => document::terminal(history, Look { width: terminal_width(), color: color::stdout() }).into_bytes(),
        HistoryFormat::Html => document::html(history)?,
        HistoryFormat::Json => document::json(history),
        HistoryFormat::Csv => document::findings_csv(history),
    })
}

/// Titles of the paragraphs, and the practices that are looked for, as the catalog of this program has them.
fn known() -> Result<(BTreeMap<String, String>, Vec<PracticeSought>), CliError> {
    let catalog = Catalog::without_built_in_cases(&[])?;
    let in_force = catalog.frameworks().iter().filter(|framework| framework.proposed.is_none());
    let paragraphs = in_force.flat_map(|framework| &framework.paragraphs);
    let practices = catalog.reference().practices.iter().map(|practice| PracticeSought {
        id: practice.id.clone(),
        title: practice.title.clone(),
        csf: practice.csf.clone(),
        hicp: practice.hicp.clone(),
        controls: practice.controls.clone(),
        says: practice.says.clone(),
        not: practice.not.clone(),
    });
    Ok((paragraphs.map(|paragraph| (paragraph.id.value.clone(), paragraph.title.clone())).collect(), practices.collect()))
}

/// Bundles that are read before the next are: what one night says is taken in at once. Memory holds so many summaries, of which none is
/// larger than `MOST_SUMMARY`.
const BATCH: usize = 8;
/// By how much the clock of whoever collects may be ahead.
const CLOCKS: TimeDelta = TimeDelta::minutes(10);
/// What says which bundle is followed.
const MOST_PREVIOUS: u64 = 64 * 1024;

fn history(args: &HistoryArgs) -> Result<History, CliError> {
    let store = Store::open(&args.store)?;
    let clusters = store.clusters()?;
    let cluster = match (&args.cluster, clusters.as_slice()) {
        (Some(uid), all) if all.contains(uid) => uid.clone(),
        (Some(uid), all) => {
            return Err(CliError::Unknown {
                what: "cluster in the store",
                name: uid.clone(),
                known: there_are(uid, all.iter().map(String::as_str)),
            });
        }
        (None, [only]) => only.clone(),
        (None, []) => return Err(CliError::Lacks { path: args.store.clone().into(), what: "bundle" }),
        (None, several) => {
            let known = format!("It holds {}: say which one with --cluster UID, such as --cluster {}.", several.len(), several[0]);
            return Err(CliError::Unknown { what: "one cluster in the store", name: args.store.clone(), known });
        }
    };
    let as_of = args.as_of.unwrap_or_else(Utc::now);
    let since = args.since.map(|since| since.format("%Y%m%dT%H%M%SZ").to_string());
    let (entries, older): (Vec<Entry>, Vec<Entry>) =
        store.bundles(&cluster)?.into_iter().partition(|entry| since.as_ref().is_none_or(|since| entry.time >= *since));
    let named = |entry: &Entry| NaiveDateTime::parse_from_str(&entry.time, "%Y%m%dT%H%M%SZ").ok().map(|time| time.and_utc());
    let earlier = older.iter().filter_map(named).collect();
    // Clocks of two machines differ a little; where a time was said, it is meant.
    let until = args.as_of.unwrap_or(as_of + CLOCKS);
    let (paragraphs, practices) = known()?;
    let options = Options { cluster: cluster.clone(), as_of, until, earlier, every_hours: args.every, paragraphs, practices, tool: tool() };
    let mut timeline = Timeline::new(options);
    for batch in entries.chunks(BATCH) {
        for (entry, read) in batch.iter().zip(store.each(batch, |entry| read(&store, entry))) {
            let (name, bytes) = (entry.name.clone(), entry.bytes);
            match read {
                Ok((id, summary, previous)) => timeline.add(Bundle { name, id, bytes, summary, previous }),
                Err(why) => timeline.unreadable(name, why),
            }
        }
    }
    Ok(timeline.finish())
}

/// The id of a bundle, what it says, and which one it follows.
fn read(store: &Store, entry: &Entry) -> Result<(String, Summary, Option<Previous>), String> {
    let members = store.members(entry).map_err(|error| said(&error))?;
    let summary = summary_of(&members)?;
    let previous = members.read("data/previous.json", MOST_PREVIOUS).map_err(|error| said(&error))?;
    let previous = serde_json::from_slice(&previous).map_err(|error| format!("its previous.json cannot be read: {error}"))?;
    Ok((members.id().to_owned(), summary, previous))
}

/// A time on the command line: RFC 3339, or a day.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.with_timezone(&Utc))
        .ok()
        .or_else(day)
        .ok_or_else(|| "a time is written as 2026-11-28 or 2026-11-28T02:00:00Z".to_owned())
}

/// What a bundle says, with its record; why not, where it cannot be read.
pub(super) fn summary(store: &Store, entry: &Entry) -> Result<Summary, String> {
    summary_of(&store.members(entry).map_err(|error| said(&error))?)
}

fn said(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn summary_of(members: &Members<Ranged<'_>>) -> Result<Summary, String> {
    let bytes = members.read("data/summary.json", MOST_SUMMARY).map_err(|error| said(&error))?;
    let mut summary: Summary = serde_json::from_slice(&bytes).map_err(|error| format!("its summary.json cannot be read: {error}"))?;
    if summary.record.is_none() {
        // Of an older version, which wrote less into the summary.
        let bytes = members.read("data/assessment.json", MOST_ASSESSMENT).map_err(|error| said(&error))?;
        let record = Record::of(&bytes).map_err(|error| format!("its assessment.json cannot be read: {error}"))?;
        summary.record = Some(record);
    }
    Ok(summary)
}
