//! The record of one cluster, as HTML, JSON and CSV; for a terminal see `history_terminal.rs`.

use serde::Serialize;

use super::Look;
use super::diff::{noted, severities};
use super::history_people::{self, People};
use super::history_practices;
use super::plots::{Piece, Plot, day, strip};
use crate::model::history::{ControlHistory, FindingHistory, FindingState, HISTORY_SCHEMA, History, Night};
use crate::model::{OutcomeCounts, OutcomeWord, Severity, SeverityCounts};
use crate::report::ReportError;
use crate::report::escape::clip;
use crate::report::view::{many, time};

pub use super::history_csv::{controls_csv, findings_csv, nights_csv};
pub use super::history_people::people_csv;
pub use super::history_practices::practices_csv;

/// For a terminal, ending with a line feed.
pub fn terminal(history: &History, look: Look) -> String {
    super::history_terminal::text(history, look)
}

/// In the look of report.html.
pub fn html(history: &History) -> Result<Vec<u8>, ReportError> {
    let view = View::new(history);
    super::page("history.html", &view, &view.footer)
}

/// For programs.
pub fn json(history: &History) -> Vec<u8> {
    super::json(history)
}

/// The JSON Schema (2020-12) of a history, generated from the model.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(History);
    schema.insert("title".to_owned(), "kube-hipaa history".into());
    if let Some(field) = schema.pointer_mut("/properties/schema").and_then(serde_json::Value::as_object_mut) {
        field.insert("const".to_owned(), HISTORY_SCHEMA.into());
    }
    schema.to_value()
}

/// The count of one severity.
pub(super) fn of(counts: &SeverityCounts, severity: Severity) -> u64 {
    match severity {
        Severity::Critical => counts.critical,
        Severity::High => counts.high,
        Severity::Medium => counts.medium,
        Severity::Low => counts.low,
    }
}

/// Sources that were asked for and did not come whole.
pub(super) fn not_whole(night: &Night) -> u64 {
    night
        .sources
        .iter()
        .filter(|(state, _)| !["read", "not_served", "not_requested"].contains(&state.as_str()))
        .map(|(_, count)| count)
        .sum()
}

/// Days in words.
pub(super) fn days(days: u64) -> String {
    many(days, "day", "days")
}

fn class(outcome: OutcomeWord) -> &'static str {
    match outcome {
        OutcomeWord::Fail => "fail",
        OutcomeWord::NotAssessed => "blind",
        OutcomeWord::Manual => "manual",
        OutcomeWord::Pass => "pass",
        OutcomeWord::NotApplicable => "na",
    }
}

/// The look of a piece beside a citation: no colour says good or bad.
fn cited_class(outcome: OutcomeWord) -> &'static str {
    match outcome {
        OutcomeWord::Fail => "bar",
        OutcomeWord::NotAssessed => "blind",
        OutcomeWord::Manual | OutcomeWord::Pass | OutcomeWord::NotApplicable => "none",
    }
}

/// The outcome that a paragraph is shown by: the first that any of its controls has, in the order of all documents.
fn worst(counts: &OutcomeCounts) -> OutcomeWord {
    OutcomeWord::ALL.into_iter().find(|outcome| counts.get(*outcome) > 0).unwrap_or(OutcomeWord::NotApplicable)
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: &'static str,
    statement: String,
    object: String,
    control: String,
    state: &'static str,
    first: String,
    last: String,
    gone: String,
    days: u64,
    again: u64,
    fingerprint: String,
}

/// One thing over time: a control, a paragraph, something that people said.
#[derive(Debug, Serialize)]
pub(super) struct Strip {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) now: String,
    pub(super) class: &'static str,
    pub(super) since: String,
    pub(super) pieces: Vec<Piece>,
    pub(super) folded: bool,
    pub(super) spans: Vec<Told>,
}

/// What held for a time, and under which version and parameters where these differ: two lines, since the column is narrow on paper.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    said: String,
    by: String,
}

impl From<String> for Told {
    fn from(said: String) -> Self {
        Self { said, by: String::new() }
    }
}

#[derive(Debug, Serialize)]
struct Line {
    time: String,
    cells: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct Fix {
    severity: &'static str,
    fixed: u64,
    median: String,
    longest: String,
    open: u64,
    oldest: String,
}

#[derive(Debug, Serialize)]
struct Range {
    from: String,
    to: String,
    length: String,
    note: &'static str,
}

#[derive(Debug, Serialize)]
struct Bundle {
    time: String,
    name: String,
    id: String,
    catalog: String,
}

#[derive(Debug, Serialize)]
struct Unread {
    bundle: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct Table {
    plot: Option<Plot>,
    heads: Vec<&'static str>,
}

/// Everything that the page shows, in words and in order.
#[derive(Debug, Serialize)]
struct View {
    title: String,
    cluster: String,
    uid: String,
    footer: String,
    generator: String,
    stale: Option<String>,
    warnings: Vec<String>,
    sentences: Vec<String>,
    severities: Table,
    outcomes: Table,
    coverage: Table,
    nights: Vec<Line>,
    of_outcomes: Vec<Line>,
    of_coverage: Vec<Line>,
    calendar: Vec<Piece>,
    uncovered: Vec<Range>,
    gaps: Vec<Range>,
    open: Vec<Finding>,
    unseen: Vec<Finding>,
    over: Vec<Finding>,
    all_over: usize,
    cut: bool,
    fixes: Vec<Fix>,
    controls: Vec<Strip>,
    steady: Vec<Strip>,
    paragraphs: Vec<Strip>,
    people: Option<People>,
    practices: Vec<Strip>,
    months: String,
    bundles: Vec<Bundle>,
    unreadable: Vec<Unread>,
    past: Vec<String>,
    years: u64,
}

/// Findings that are over and stand in the page; the CSV file has all.
const OVER: usize = 500;

fn finding(finding: &FindingHistory) -> Finding {
    Finding {
        severity: finding.severity.word(),
        statement: finding.statement.clone(),
        object: finding.object.clone(),
        control: finding.control.clone(),
        state: finding.state.word(),
        first: format!("{}{}", if finding.since_the_beginning { "before " } else { "" }, day(&finding.first_seen)),
        last: day(&finding.last_seen),
        gone: finding.gone_at.as_deref().map(day).unwrap_or_default(),
        days: finding.days_open,
        again: finding.came_again,
        fingerprint: finding.fingerprint.clone(),
    }
}

fn control(control: &ControlHistory, nights: &[Night]) -> Strip {
    let last = control.spans.last();
    let outcome = last.map_or(OutcomeWord::NotAssessed, |span| span.was.outcome);
    let several = control.spans.iter().any(|span| Some(span.was.version) != last.map(|last| last.was.version));
    let said = |span: &crate::model::history::Span<crate::model::history::ControlState>| {
        let version = several.then(|| format!("version {}", span.was.version));
        let set = (!span.was.parameters.is_empty()).then(|| format!("with {}", span.was.set()));
        Told {
            said: format!("{} {} to {}", span.was.outcome.label(), day(&span.from), day(&span.to)),
            by: version.into_iter().chain(set).collect::<Vec<_>>().join(", "),
        }
    };
    Strip {
        id: control.id.clone(),
        title: control.title.clone(),
        now: outcome.label().to_owned(),
        class: class(outcome),
        since: last.map(|span| day(&span.from)).unwrap_or_default(),
        pieces: strip(&control.spans, nights, |state| class(state.outcome)),
        folded: control.spans.len() > 4,
        spans: control.spans.iter().map(said).collect(),
    }
}

/// What the record says, in whole sentences.
pub(super) fn sentences(history: &History) -> Vec<String> {
    let mut said = Vec::new();
    let (Some(first), Some(last)) = (history.nights.first(), history.nights.last()) else { return said };
    said.push(format!("{} from {} to {}.", many(history.nights.len() as u64, "bundle", "bundles"), time(&first.time), time(&last.time)));
    let back = &history.look_back;
    let before: u64 = back.uncovered.iter().filter(|range| range.before_the_record).map(|range| range.days).sum();
    let begun = if before > 0 { format!("; on {} of them the record had not begun", many(before, "day", "days")) } else { String::new() };
    let without = back.days - back.covered;
    let have = |days: u64| if days == 1 { "has" } else { "have" };
    said.push(format!(
        "Of the {} days of the last twelve months, {} {} a bundle and {without} {} none{begun}.",
        back.days,
        back.covered,
        have(back.covered),
        have(without)
    ));
    let schedule = &history.schedule;
    let every = many(schedule.every_hours, "hour", "hours");
    let comes = match (schedule.stated, schedule.assumed) {
        (true, _) => format!("A bundle comes every {every} (as stated)"),
        (false, true) => format!("The record does not say how often bundles come, and {every} are taken (--every says it)"),
        (false, false) => format!("A bundle comes every {every} (the usual time between two of them)"),
    };
    said.push(format!(
        "{comes}; {}.",
        match schedule.gaps.len() {
            0 => "there is no gap".to_owned(),
            1 => "there is 1 gap".to_owned(),
            gaps => format!("there are {gaps} gaps"),
        }
    ));
    let count = |state: FindingState| history.findings.iter().filter(|finding| finding.state == state).count() as u64;
    said.push(format!(
        "{} open, {} no longer seen, {} fixed, {} gone with other rules, scope or coverage.",
        many(count(FindingState::Open), "finding is", "findings are"),
        count(FindingState::NoLongerSeen),
        count(FindingState::Fixed),
        count(FindingState::GoneOtherwise)
    ));
    said.extend(history_people::sentence(history));
    said.push("Whether the bundles are what was sealed is not examined here: `kube-hipaa verify STORE` does that.".to_owned());
    let past = history.retention.past.len() as u64;
    said.push(match past {
        0 => format!(
            "No bundle is older than {} years, the time that documentation is kept (45 CFR 164.316(b)(2)(i)).",
            history.retention.years
        ),
        past => format!(
            "{} older than {} years, the time that documentation is kept (45 CFR 164.316(b)(2)(i)); nothing was deleted.",
            many(past, "bundle is", "bundles are"),
            history.retention.years
        ),
    });
    said
}

/// The twelve months as a strip.
fn calendar(history: &History) -> Vec<Piece> {
    let back = &history.look_back;
    let mut pieces = vec![Piece::new(0, 1000, "bar")];
    let mut at = |range: &crate::model::history::Days| {
        let number = |day: &str| chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").ok();
        let (Some(first), Some(from)) = (number(&back.from), number(&range.from)) else { return };
        let before = u64::try_from((from - first).num_days()).unwrap_or(0);
        let all = back.days.max(1);
        pieces.push(Piece::new(before * 1000 / all, (range.days * 1000 / all).max(1), "none"));
    };
    back.uncovered.iter().for_each(&mut at);
    pieces
}

impl View {
    fn new(history: &History) -> Self {
        let nights = &history.nights;
        let cluster = clip(&history.cluster, 120);
        let shown = |state: FindingState| history.findings.iter().filter(move |finding| finding.state == state);
        let over: Vec<&FindingHistory> = shown(FindingState::Fixed).chain(shown(FindingState::GoneOtherwise)).collect();
        let (changed, steady): (Vec<&ControlHistory>, Vec<&ControlHistory>) =
            history.controls.iter().partition(|control| control.spans.len() > 1);
        let lines = |cells: &dyn Fn(&Night) -> Vec<u64>| -> Vec<Line> {
            nights.iter().map(|night| Line { time: time(&night.time), cells: cells(night) }).collect()
        };
        let stale = history.schedule.stale.then(|| history.warnings.first().cloned().unwrap_or_default());
        let optional = |value: Option<u64>| value.map(days).unwrap_or_else(|| "–".to_owned());
        Self {
            title: format!("The record of cluster {cluster}"),
            footer: format!("{cluster} · record as of {}{}", time(&history.as_of), if history.schedule.stale { " · STALE" } else { "" }),
            generator: format!("{} {}", history.tool.name, history.tool.version),
            uid: history.cluster_uid.clone(),
            cluster,
            warnings: history.warnings.iter().skip(usize::from(stale.is_some())).cloned().collect(),
            stale,
            sentences: sentences(history),
            severities: Table {
                plot: Plot::new(
                    "findings-plot",
                    "Open findings by severity",
                    nights,
                    &[
                        ("critical", "fail", &|night| night.findings.critical),
                        ("high", "blind", &|night| night.findings.high),
                        ("medium", "plain", &|night| night.findings.medium),
                        ("low", "pass", &|night| night.findings.low),
                    ],
                ),
                heads: vec!["critical", "high", "medium", "low", "new", "gone", "no longer seen"],
            },
            outcomes: Table {
                plot: Plot::new(
                    "controls-plot",
                    "Controls by outcome",
                    nights,
                    &[
                        ("fail", "fail", &|night| night.controls.fail),
                        ("not assessed", "blind", &|night| night.controls.not_assessed),
                        ("pass", "pass", &|night| night.controls.pass),
                    ],
                ),
                heads: OutcomeWord::ALL.map(OutcomeWord::label).into(),
            },
            coverage: Table {
                plot: Plot::new(
                    "coverage-plot",
                    "Sources that were asked for and not read whole",
                    nights,
                    &[("not read whole", "blind", &not_whole)],
                ),
                heads: vec!["read", "not read whole", "not served", "not requested"],
            },
            nights: lines(&|night| {
                let mut cells: Vec<u64> = Severity::ALL.map(|severity| of(&night.findings, severity)).into();
                cells.extend([night.new, night.gone, night.no_longer_seen]);
                cells
            }),
            of_outcomes: lines(&|night| OutcomeWord::ALL.map(|outcome| night.controls.get(outcome)).into()),
            of_coverage: lines(&|night| {
                let state = |name: &str| night.sources.get(name).copied().unwrap_or(0);
                vec![state("read"), not_whole(night), state("not_served"), state("not_requested")]
            }),
            calendar: calendar(history),
            uncovered: history
                .look_back
                .uncovered
                .iter()
                .map(|range| Range {
                    from: range.from.clone(),
                    to: range.to.clone(),
                    length: days(range.days),
                    note: if range.before_the_record { "the record had not begun" } else { "no bundle was collected" },
                })
                .collect(),
            gaps: history
                .schedule
                .gaps
                .iter()
                .map(|gap| Range {
                    from: time(&gap.from),
                    to: time(&gap.to),
                    length: format!("{} hours, {} missing", gap.hours, many(gap.missed, "bundle", "bundles")),
                    note: "",
                })
                .collect(),
            open: shown(FindingState::Open).map(finding).collect(),
            unseen: shown(FindingState::NoLongerSeen).map(finding).collect(),
            all_over: over.len(),
            cut: over.len() > OVER,
            over: over.into_iter().take(OVER).map(finding).collect(),
            fixes: history
                .fixes
                .iter()
                .map(|fix| Fix {
                    severity: fix.severity.word(),
                    fixed: fix.fixed,
                    median: optional(fix.median_days),
                    longest: optional(fix.longest_days),
                    open: fix.open,
                    oldest: optional(fix.oldest_open_days),
                })
                .collect(),
            controls: changed.into_iter().map(|one| control(one, nights)).collect(),
            steady: steady.into_iter().map(|one| control(one, nights)).collect(),
            paragraphs: history
                .paragraphs
                .iter()
                .map(|paragraph| {
                    let last = paragraph.spans.last();
                    let outcome = last.map_or(OutcomeWord::NotApplicable, |span| worst(&span.was));
                    Strip {
                        id: paragraph.id.clone(),
                        title: paragraph.title.clone(),
                        now: outcome.cited().to_owned(),
                        class: "",
                        since: last.map(|span| noted(&span.was)).unwrap_or_default(),
                        pieces: strip(&paragraph.spans, nights, |counts| cited_class(worst(counts))),
                        folded: paragraph.spans.len() > 4,
                        spans: paragraph
                            .spans
                            .iter()
                            .map(|span| format!("{}: {} to {}", noted(&span.was), day(&span.from), day(&span.to)).into())
                            .collect(),
                    }
                })
                .collect(),
            people: history_people::people(history),
            practices: history_practices::practices(history),
            months: history_practices::months(history),
            bundles: nights
                .iter()
                .map(|night| Bundle {
                    time: time(&night.time),
                    name: night.bundle.clone(),
                    id: night.id.clone(),
                    catalog: night.catalog.clone(),
                })
                .collect(),
            unreadable: history.unreadable.iter().map(|one| Unread { bundle: one.bundle.clone(), why: one.why.clone() }).collect(),
            past: history.retention.past.clone(),
            years: history.retention.years,
        }
    }
}

/// Findings of one night in words.
pub(super) fn findings_said(counts: &SeverityCounts) -> String {
    severities(counts)
}
