//! What changed, as Markdown, HTML, JSON and for a terminal.

use serde::Serialize;

use super::Look;
use crate::model::{
    ControlDiff, DIFF_SCHEMA, Diff, DiffCounts, DiffKind, DiffSide, DiffStatus, FindingDiff, ObjectRef, OutcomeCounts, OutcomeWord,
    SaidDiff, SaidKind, Severity, SeverityCounts,
};
use crate::report::escape::clip;
use crate::report::view::{many, time};
use crate::report::{ReportError, view::Digest};

/// For a terminal, ending with a line feed.
pub fn terminal(diff: &Diff, look: Look) -> String {
    super::diff_terminal::text(diff, look)
}

/// For a pull request or a mail.
pub fn markdown(diff: &Diff) -> Result<Vec<u8>, ReportError> {
    super::markdown("diff.md", &View::new(diff))
}

/// In the look of report.html.
pub fn html(diff: &Diff) -> Result<Vec<u8>, ReportError> {
    let view = View::new(diff);
    super::page("diff.html", &view, &view.footer)
}

/// For programs.
pub fn json(diff: &Diff) -> Vec<u8> {
    super::json(diff)
}

/// The JSON Schema (2020-12) of a diff, generated from the model.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Diff);
    schema.insert("title".to_owned(), "kube-hipaa diff".into());
    if let Some(field) = schema.pointer_mut("/properties/schema").and_then(serde_json::Value::as_object_mut) {
        field.insert("const".to_owned(), DIFF_SCHEMA.into());
    }
    schema.to_value()
}

/// One line about both sides.
#[derive(Debug, Serialize)]
struct Row {
    label: &'static str,
    old: Cell,
    new: Cell,
}

/// Words, or a digest.
#[derive(Debug, Serialize)]
struct Cell {
    text: String,
    digest: Option<Digest>,
}

/// One number with its word.
#[derive(Debug, Serialize)]
struct Tally {
    key: &'static str,
    label: &'static str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Object {
    kind: String,
    namespace: Option<String>,
    name: String,
}

#[derive(Debug, Serialize)]
struct Value {
    what: String,
    old: String,
    new: String,
}

#[derive(Debug, Serialize)]
struct Item {
    severity: &'static str,
    statement: String,
    object: Object,
    control: String,
    cause: &'static str,
    because: String,
    concluded: bool,
    fingerprint: String,
    values: Vec<Value>,
}

/// All findings of one status.
#[derive(Debug, Serialize)]
struct Section {
    anchor: String,
    title: &'static str,
    intro: &'static str,
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Moved {
    id: String,
    title: String,
    outcomes: String,
    causes: String,
    because: String,
}

#[derive(Debug, Serialize)]
struct Source {
    source: String,
    old: String,
    new: String,
    why: String,
    needed_by: u64,
    lost: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Standing {
    pub(super) id: String,
    title: String,
    pub(super) old: String,
    pub(super) new: String,
}

#[derive(Debug, Serialize)]
struct Version {
    control: String,
    old: String,
    new: String,
}

/// Everything that a document about a diff shows, in words and in order.
#[derive(Debug, Serialize)]
struct View {
    title: String,
    cluster: String,
    footer: String,
    generator: String,
    warnings: Vec<String>,
    method: String,
    rows: Vec<Row>,
    tally: Vec<Tally>,
    sections: Vec<Section>,
    moved: Vec<Moved>,
    sources: Vec<Source>,
    added: Vec<String>,
    removed: Vec<String>,
    versions: Vec<Version>,
    standings: Vec<Standing>,
    said: Vec<Standing>,
    nothing: bool,
}

/// What a status means, for people.
pub(super) fn meaning(status: DiffStatus) -> &'static str {
    match status {
        DiffStatus::New => "Found now, and not before.",
        DiffStatus::NoLongerSeen => "Found before, and not seen any more. Nothing shows that it is gone.",
        DiffStatus::Changed => "Found on both sides, and it says something else now.",
        DiffStatus::Gone => "Found before; it was looked at and decided now, and is not there.",
        DiffStatus::Same => "Found on both sides, and it says the same.",
    }
}

/// The heading of a status.
pub(super) fn heading(status: DiffStatus) -> &'static str {
    match status {
        DiffStatus::New => "New",
        DiffStatus::NoLongerSeen => "No longer seen",
        DiffStatus::Changed => "Changed",
        DiffStatus::Gone => "Gone",
        DiffStatus::Same => "Same",
    }
}

/// How many of each, in one line.
pub(super) fn counted(counts: &DiffCounts) -> String {
    DiffStatus::ALL.map(|status| format!("{} {}", counts.get(status), status.word())).join(" · ")
}

/// Findings per severity in words.
pub(super) fn severities(counts: &SeverityCounts) -> String {
    let count = |severity: Severity| match severity {
        Severity::Critical => counts.critical,
        Severity::High => counts.high,
        Severity::Medium => counts.medium,
        Severity::Low => counts.low,
    };
    let all: u64 = Severity::ALL.into_iter().map(count).sum();
    let parts: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| count(*severity) > 0)
        .map(|severity| format!("{} {}", count(severity), severity.word()))
        .collect();
    if parts.is_empty() { "none".to_owned() } else { format!("{all}: {}", parts.join(", ")) }
}

/// Controls per outcome in words.
pub(super) fn outcomes(counts: &OutcomeCounts) -> String {
    OutcomeWord::ALL.map(|outcome| format!("{} {}", counts.get(outcome), outcome.label())).join(", ")
}

/// The same beside a citation: what the checks noted that are relevant to it.
pub(super) fn noted(counts: &OutcomeCounts) -> String {
    OutcomeWord::ALL.map(|outcome| format!("{} {}", counts.get(outcome), outcome.cited())).join(", ")
}

/// Which namespaces, in words.
pub(super) fn scope(side: &DiffSide) -> String {
    let all = side.scope.ephi_namespaces.len() + side.scope.other_namespaces.len();
    format!("{} of {}", side.scope.ephi_namespaces.len(), many(all as u64, "namespace", "namespaces"))
}

fn kind(kind: DiffKind) -> &'static str {
    match kind {
        DiffKind::Snapshot => "snapshot, assessed for this comparison",
        DiffKind::Assessment => "assessment.json",
        DiffKind::Evidence => "evidence folder",
        DiffKind::Bundle => "sealed bundle, verified",
    }
}

fn object(object: &ObjectRef) -> Object {
    Object { kind: object.kind.clone(), namespace: object.namespace.clone(), name: object.name.clone() }
}

fn item((control, finding): &(&ControlDiff, &FindingDiff)) -> Item {
    Item {
        severity: finding.severity.word(),
        statement: finding.statement.clone(),
        object: object(&finding.subject),
        control: control.id.clone(),
        cause: finding.cause.map_or("", |cause| cause.word()),
        because: finding.because.clone(),
        concluded: !finding.proven,
        fingerprint: finding.fingerprint.clone(),
        values: finding
            .values
            .iter()
            .map(|value| Value { what: value.what.replace('_', " "), old: clip(&value.old, 400), new: clip(&value.new, 400) })
            .collect(),
    }
}

fn rows(diff: &Diff) -> Vec<Row> {
    let plain = |text: String| Cell { text, digest: None };
    let digest = |text: &str| Cell { text: String::new(), digest: Some(Digest::new(text)) };
    let row = |label, cell: &dyn Fn(&DiffSide) -> Cell| Row { label, old: cell(&diff.old), new: cell(&diff.new) };
    let mut rows = vec![
        row("Read from", &|side| plain(kind(side.kind).to_owned())),
        row("Observed", &|side| plain(time(&side.collected.finished))),
        row("Findings", &|side| plain(severities(&side.findings))),
        row("Controls", &|side| plain(outcomes(&side.controls))),
        row("ePHI", &|side| plain(scope(side))),
        row("Catalog", &|side| digest(&side.catalog.sha256)),
        row("Program", &|side| plain(format!("{} {}", side.tool.name, side.tool.version))),
        row("Snapshot", &|side| digest(&side.snapshot_sha256)),
    ];
    if diff.old.bundle.is_some() || diff.new.bundle.is_some() {
        rows.push(row("Bundle id", &|side| side.bundle.as_deref().map_or_else(|| plain("not sealed".to_owned()), digest)));
    }
    rows
}

/// What people say otherwise, in words.
pub(super) fn otherwise(one: &SaidDiff) -> Standing {
    let side = |words: &Option<String>| {
        words.clone().unwrap_or_else(|| if one.kind == SaidKind::Question { "not asked" } else { "not decided" }.to_owned())
    };
    Standing { id: one.id.clone(), title: one.title.clone(), old: side(&one.old), new: side(&one.new) }
}

impl View {
    fn new(diff: &Diff) -> Self {
        let cluster = clip(&diff.new.cluster.name, 120);
        let tally = |status: DiffStatus| {
            let key = match status {
                DiffStatus::New => "fail",
                DiffStatus::NoLongerSeen => "blind",
                DiffStatus::Changed => "manual",
                DiffStatus::Gone => "pass",
                DiffStatus::Same => "na",
            };
            Tally { key, label: status.word(), count: diff.totals.findings.get(status) }
        };
        let shown = DiffStatus::ALL.into_iter().filter(|status| *status != DiffStatus::Same);
        let sections: Vec<Section> = shown
            .map(|status| Section {
                anchor: status.word().replace(' ', "-"),
                title: heading(status),
                intro: meaning(status),
                items: diff.findings(status).iter().map(item).collect(),
            })
            .filter(|section| !section.items.is_empty())
            .collect();
        let moved: Vec<Moved> = diff
            .moved()
            .map(|control| Moved {
                id: control.id.clone(),
                title: control.title.clone(),
                outcomes: control.outcomes(),
                causes: control.causes.iter().map(|cause| cause.word()).collect::<Vec<_>>().join(", "),
                because: control.because.clone(),
            })
            .collect();
        let state = |state: &Option<String>| state.as_deref().unwrap_or("not known to that side").replace('_', " ");
        let sources: Vec<Source> = diff
            .sources
            .iter()
            .map(|source| Source {
                source: source.source.to_string(),
                old: state(&source.old),
                new: state(&source.new),
                why: source.why.clone().unwrap_or_default(),
                needed_by: source.needed_by,
                lost: source.lost,
            })
            .collect();
        let version = |version: Option<u32>| version.map_or_else(|| "not in it".to_owned(), |version| version.to_string());
        let nothing = sections.is_empty() && moved.is_empty() && sources.is_empty() && diff.said.is_empty();
        Self {
            title: format!("What changed in cluster {cluster}"),
            footer: format!("{cluster} · {} to {}", time(&diff.old.collected.finished), time(&diff.new.collected.finished)),
            generator: format!("{} {}", diff.tool.name, diff.tool.version),
            cluster,
            warnings: diff.warnings.clone(),
            method: diff.method_said.clone(),
            rows: rows(diff),
            tally: DiffStatus::ALL.map(tally).into(),
            sections,
            moved,
            sources,
            added: diff.scope.added.clone(),
            removed: diff.scope.removed.clone(),
            versions: diff
                .versions
                .iter()
                .map(|one| Version { control: one.control.clone(), old: version(one.old), new: version(one.new) })
                .collect(),
            standings: diff
                .paragraphs
                .iter()
                .map(|one| {
                    let side = |counts: &Option<OutcomeCounts>| counts.as_ref().map_or_else(|| "not told on that side".to_owned(), noted);
                    Standing { id: one.id.clone(), title: one.title.clone(), old: side(&one.old), new: side(&one.new) }
                })
                .collect(),
            said: diff.said.iter().map(otherwise).collect(),
            nothing,
        }
    }
}
