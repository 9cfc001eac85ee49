//! A record over time, bundle by bundle, oldest first. Nothing of a bundle is kept but what the result holds, so that a year fits.

mod days;
mod findings;
mod people;
mod practices;
mod spans;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::links::{Linked, links};
use crate::bundle::{Previous, Record, Summary};
use crate::model::history::{
    ControlHistory, ControlState, Gap, HISTORY_SCHEMA, History, Night, ParagraphHistory, PracticeSought, Retention, Schedule, Unreadable,
};
use crate::model::{OutcomeCounts, Severity, ToolIdentity};
use findings::Findings;
use people::Said;
use practices::Practices;
use spans::Spans;

/// 45 CFR 164.316(b)(2)(i): six years from the date of its creation or the date when it last was in effect.
const YEARS: u64 = 6;
/// A bundle may come half as late again as the schedule says.
const LATE: (u64, u64) = (3, 2);
/// Where one bundle alone tells no schedule.
const NIGHTLY: u64 = 24;

/// One bundle of the record.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The name of its file in the store.
    pub name: String,
    /// Its id, 64 hex digits.
    pub id: String,
    /// The size of its file.
    pub bytes: u64,
    /// What it says, with its record.
    pub summary: Summary,
    /// The bundle that it follows, as it says.
    pub previous: Option<Previous>,
}

/// A bundle that was met, with what it says of the one before.
#[derive(Debug)]
struct Met {
    name: String,
    time: String,
    id: Option<String>,
    previous: Option<Previous>,
}

impl Met {
    fn linked(&self) -> Linked<'_> {
        // Of one that cannot be read no time is known, which nothing can lie before.
        Linked { name: &self.name, time: &self.time, id: self.id.as_deref(), previous: self.previous.as_ref(), whole: self.id.is_some() }
    }
}

/// How the record is looked at.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster's uid.
    pub cluster: String,
    /// When: what was collected later is left out.
    pub as_of: DateTime<Utc>,
    /// The last time at which a bundle may have been collected.
    pub until: DateTime<Utc>,
    /// Times of bundles that are left out because they are older than was asked for.
    pub earlier: Vec<DateTime<Utc>>,
    /// Hours between two bundles, where that was said.
    pub every_hours: Option<u64>,
    /// Titles of paragraphs, by id.
    pub paragraphs: BTreeMap<String, String>,
    /// Practices that are looked for.
    pub practices: Vec<PracticeSought>,
    /// Who looks.
    pub tool: ToolIdentity,
}

/// A control over time, while it is built.
#[derive(Debug)]
struct Control {
    title: String,
    severity: Severity,
    paragraphs: Vec<String>,
    spans: Spans<ControlState>,
}

/// Takes bundles one after the other, oldest first.
#[derive(Debug)]
pub struct Timeline {
    options: Options,
    name: String,
    nights: Vec<Night>,
    times: Vec<DateTime<Utc>>,
    unreadable: Vec<Unreadable>,
    controls: BTreeMap<String, Control>,
    paragraphs: BTreeMap<String, Spans<OutcomeCounts>>,
    findings: Findings,
    said: Said,
    practices: Practices,
    chain: Vec<Met>,
    /// Bundles that were met, readable or not.
    number: u64,
    /// Bundles that were collected after the time that is looked at.
    later: Vec<String>,
    /// How often more was seen than the time before, with findings that were new then.
    opened: u64,
    warnings: Vec<String>,
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

impl Timeline {
    /// Nothing yet.
    pub fn new(mut options: Options) -> Self {
        let practices = Practices::of(std::mem::take(&mut options.practices));
        Self {
            options,
            name: String::new(),
            nights: Vec::new(),
            times: Vec::new(),
            unreadable: Vec::new(),
            controls: BTreeMap::new(),
            paragraphs: BTreeMap::new(),
            findings: Findings::default(),
            said: Said::default(),
            practices,
            chain: Vec::new(),
            number: 0,
            later: Vec::new(),
            opened: 0,
            warnings: Vec::new(),
        }
    }

    /// A bundle that cannot be read is told, and is no evidence of anything.
    pub fn unreadable(&mut self, bundle: String, why: String) {
        self.number += 1;
        self.chain.push(Met { name: bundle.clone(), time: String::new(), id: None, previous: None });
        self.unreadable.push(Unreadable { bundle, why });
    }

    /// The next bundle.
    pub fn add(&mut self, bundle: Bundle) {
        let Bundle { name, id, bytes, summary, previous } = bundle;
        let refuse = |this: &mut Self, why: &str| this.unreadable(name.clone(), why.to_owned());
        let Some(at) = time(&summary.collected.finished) else { return refuse(self, "it does not say when it was collected") };
        if summary.cluster.uid.as_ref() != Some(&self.options.cluster) {
            return refuse(self, "it is of another cluster, or does not say of which");
        }
        let Some(record) = &summary.record else { return refuse(self, "it holds no record") };
        if at > self.options.until {
            self.later.push(name);
            return;
        }
        // Within a second the chain says which comes first, and fractions may go back.
        if self.times.last().is_some_and(|last| last.timestamp() > at.timestamp()) {
            return refuse(self, "it was collected before the bundle that stands before it");
        }
        self.name.clone_from(&summary.cluster.name);
        let now = summary.collected.finished.clone();
        let rules = format!("{} {}", summary.catalog.version, summary.catalog.sha256.chars().take(12).collect::<String>());
        let by = format!("{} {} {}", summary.catalog.sha256, summary.tool.version, summary.tool.commit);
        self.number += 1;
        self.chain.push(Met { name: name.clone(), time: now.clone(), id: Some(id.clone()), previous });
        self.controls(record, &now);
        self.practices.night(record, &summary.catalog.overlays, &now, self.number);
        let moved = self.findings.night(record, &by, (&now, at), self.number);
        self.opened += u64::from(moved.new > 0 && moved.opened);
        if let Some(people) = &record.people {
            self.said.night(people, &now, self.number);
        }
        self.times.push(at);
        self.nights.push(Night {
            time: now,
            bundle: name,
            id: id.chars().take(12).collect(),
            bytes,
            catalog: rules,
            scope: Some(record.scope.sha256.clone()),
            controls: summary.totals.controls,
            findings: summary.totals.findings,
            sources: summary.totals.sources.clone(),
            new: moved.new,
            gone: moved.gone,
            no_longer_seen: moved.no_longer_seen,
            people: record.people.as_ref().map(|people| people.counts),
        });
    }

    fn controls(&mut self, record: &Record, now: &str) {
        let number = self.number;
        let mut paragraphs: BTreeMap<&str, OutcomeCounts> = BTreeMap::new();
        for control in &record.controls {
            let known = self.controls.entry(control.id.clone()).or_insert_with(|| Control {
                title: String::new(),
                severity: control.severity,
                paragraphs: Vec::new(),
                spans: Spans::default(),
            });
            known.title.clone_from(&control.title);
            known.paragraphs.clone_from(&control.paragraphs);
            known.severity = control.severity;
            let state = ControlState { outcome: control.outcome, version: control.version, parameters: control.parameters.clone() };
            known.spans.add(state, now, number);
            for paragraph in &control.paragraphs {
                paragraphs.entry(paragraph).or_default().add(control.outcome);
            }
        }
        for (paragraph, counts) in paragraphs {
            self.paragraphs.entry(paragraph.to_owned()).or_default().add(counts, now, number);
        }
    }

    /// Everything that was taken.
    pub fn finish(mut self) -> History {
        let schedule = self.schedule();
        self.warn(&schedule);
        let Self { options, name, nights, times, unreadable, controls, paragraphs, findings, said, practices, warnings, .. } = self;
        let (questions, decisions) = said.finish(&options.paragraphs);
        let as_of = options.as_of;
        let past = nights.iter().zip(&times).filter(|(_, time)| days::years_before(as_of, YEARS).is_some_and(|limit| **time < limit));
        let retention = Retention { years: YEARS, past: past.map(|(night, _)| night.bundle.clone()).collect() };
        let findings = findings.finish();
        History {
            schema: HISTORY_SCHEMA.to_owned(),
            tool: options.tool,
            cluster_uid: options.cluster,
            cluster: name,
            as_of: days::text(as_of),
            warnings,
            unreadable,
            schedule,
            look_back: days::look_back(options.earlier.iter().chain(&times), as_of),
            retention,
            controls: controls
                .into_iter()
                .map(|(id, control)| ControlHistory {
                    id,
                    title: control.title,
                    severity: control.severity,
                    paragraphs: control.paragraphs,
                    spans: control.spans.finish(),
                })
                .collect(),
            paragraphs: paragraphs
                .into_iter()
                .map(|(id, spans)| ParagraphHistory {
                    title: options.paragraphs.get(&id).cloned().unwrap_or_default(),
                    id,
                    spans: spans.finish(),
                })
                .collect(),
            questions,
            decisions,
            practices: practices.finish(),
            fixes: findings::fixes(&findings),
            findings,
            nights,
        }
    }

    fn schedule(&self) -> Schedule {
        // To the nearest hour: nights with some minutes between are nights. What comes more often comes every hour, unless it says nothing.
        let hours = |from: DateTime<Utc>, to: DateTime<Utc>| {
            let minutes = u64::try_from((to - from).num_minutes()).unwrap_or(0);
            ((minutes + 30) / 60).max(u64::from(minutes >= 15))
        };
        let mut between: Vec<u64> = self.times.windows(2).filter_map(|pair| Some(hours(*pair.first()?, *pair.last()?))).collect();
        let steps = between.clone();
        between.sort_unstable();
        // Of an even number the shorter one: a hole must not make the schedule that it is measured by.
        let usual = between.get(between.len().saturating_sub(1) / 2).copied().filter(|hours| *hours > 0);
        let every = self.options.every_hours.or(usual).unwrap_or(NIGHTLY);
        let late = every * LATE.0 / LATE.1;
        let gaps = self
            .nights
            .windows(2)
            .zip(steps)
            .filter(|(_, hours)| *hours > late)
            .filter_map(|(pair, hours)| {
                let (from, to) = (pair.first()?.time.clone(), pair.last()?.time.clone());
                Some(Gap { from, to, hours, missed: ((hours + every / 2) / every).saturating_sub(1).max(1) })
            })
            .collect();
        let age = self.times.last().map_or(0, |newest| u64::try_from((self.options.as_of - *newest).num_minutes()).unwrap_or(0) / 60);
        Schedule {
            every_hours: every,
            stated: self.options.every_hours.is_some(),
            assumed: self.options.every_hours.or(usual).is_none(),
            gaps,
            newest_is_hours_old: age,
            stale: self.times.is_empty() || age > late,
        }
    }

    fn warn(&mut self, schedule: &Schedule) {
        let left_out = self.options.earlier.len();
        match self.nights.last() {
            None if left_out > 0 => {
                self.warnings.push("No bundle of the part that is looked at can be read; older ones are left out.".to_owned());
            }
            None => self.warnings.push("The record holds no bundle that can be read.".to_owned()),
            Some(newest) if schedule.stale => self.warnings.push(format!(
                "STALE: the newest bundle was collected {} ago ({}), and one comes every {}. What the cluster is like since then is not known.",
                days::long(schedule.newest_is_hours_old),
                newest.time,
                if schedule.every_hours == 1 { "hour".to_owned() } else { format!("{} hours", schedule.every_hours) }
            )),
            Some(_) => {}
        }
        if !self.later.is_empty() {
            self.warnings.push(format!(
                "{} collected after the time that is looked at ({}) and {} left out: a clock is wrong, or --as-of lies before.",
                bundles(self.later.len(), "was", "were"),
                few(&self.later),
                if self.later.len() == 1 { "is" } else { "are" }
            ));
        }
        if left_out > 0 {
            self.warnings.push(format!(
                "{} left out, older than was asked for: what stood then may be older than is said here, and was not looked at.",
                bundles(left_out, "is", "are")
            ));
        }
        if !self.unreadable.is_empty() {
            self.warnings.push(format!(
                "{} of the store could not be read: `kube-hipaa verify STORE` says what is wrong. Nothing is known of their time.",
                bundles(self.unreadable.len(), "", "").trim_end()
            ));
        }
        let all: Vec<Linked<'_>> = self.chain.iter().map(Met::linked).collect();
        let problems = links(&all, left_out == 0);
        if let Some((number, _, what)) = problems.first() {
            let name = all.get(*number).map_or("", |one| one.name);
            let more = if problems.len() > 1 { format!(", and {} more", problems.len() - 1) } else { String::new() };
            self.warnings.push(format!(
                "The chain is broken: of {name}, {what}{more}. `kube-hipaa verify STORE` names everything; what is said here may be of bundles \
                 that were put in or taken out."
            ));
        }
        let rules = |night: &Night| (night.catalog.clone(), night.scope.clone());
        let changes = self.nights.windows(2).filter(|pair| pair.first().map(rules) != pair.last().map(rules)).count();
        if changes > 0 {
            self.warnings.push(format!(
                "Rules or scope were changed {} in this record: a finding that ended then is not called fixed.",
                if changes == 1 { "once".to_owned() } else { format!("{changes} times") }
            ));
        }
        if self.opened > 0 {
            self.warnings.push(format!(
                "{} more was seen than the time before: findings that were new then may be older, and one that ended then is not called fixed.",
                if self.opened == 1 { "Once".to_owned() } else { format!("{} times", self.opened) }
            ));
        }
    }
}

/// The first of these names, and how many more there are.
fn few(names: &[String]) -> String {
    let first = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 3 { format!("{first} and {} more", names.len() - 3) } else { first }
}

fn bundles(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 bundle {one}") } else { format!("{count} bundles {several}") }
}
