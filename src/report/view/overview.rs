//! The cover block and the chapter that fits on one page.

use std::collections::BTreeSet;

use serde::Serialize;

use super::findings::Group;
use super::parts::{Count, Digest, Mark, Object, Ref, counts, digits, list, many, time};
use super::words::{DISCLAIMER, Linker, Prose};
use crate::model::{Assessment, OutcomeCounts, OutcomeWord, ParagraphKind, ScopeSource};
use crate::report::escape::clip;

/// The first block of the document.
#[derive(Debug, Serialize)]
pub(super) struct Cover {
    cluster: String,
    rows: Vec<Row>,
    disclaimer: &'static str,
    warnings: Vec<String>,
}

/// One line of the cover.
#[derive(Debug, Serialize)]
struct Row {
    label: &'static str,
    values: Vec<Cell>,
}

/// One value: words, a name (set in monospace), or a digest.
#[derive(Debug, Default, Serialize)]
struct Cell {
    text: Option<String>,
    name: Option<String>,
    digest: Option<Digest>,
}

fn words(text: impl Into<String>) -> Cell {
    Cell { text: Some(text.into()), ..Cell::default() }
}
fn name(text: &str) -> Cell {
    Cell { name: Some(text.to_owned()), ..Cell::default() }
}
fn digest(text: &str) -> Cell {
    Cell { digest: Some(Digest::new(text)), ..Cell::default() }
}
/// At most twelve names with commas between them; how many there are beyond that.
fn names(all: &[String]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (i, one) in all.iter().take(12).enumerate() {
        if i > 0 {
            cells.push(words(", "));
        }
        cells.push(name(one));
    }
    if all.len() > 12 {
        cells.push(words(format!(" and {} more", all.len() - 12)));
    }
    cells
}

impl Cover {
    pub(super) fn new(assessment: &Assessment) -> Self {
        let Assessment { cluster, collected, scope, tool, catalog, .. } = assessment;
        let or_unknown = |value: &Option<String>, why: &str| value.as_deref().map_or_else(|| words(why), name);
        let mut about = vec![or_unknown(&cluster.version, "version not read")];
        about.push(words(format!(
            ", {}, {}",
            cluster.distribution.as_deref().unwrap_or("distribution not recognised"),
            cluster.nodes.map_or_else(|| "nodes not read".into(), |nodes| many(nodes, "node", "nodes"))
        )));
        let mut who = vec![or_unknown(&collected.identity.user, "the server did not say")];
        if !collected.identity.groups.is_empty() {
            who.push(words(" in the groups "));
            who.extend(names(&collected.identity.groups));
        }
        let mut server = vec![name(&cluster.server)];
        match &cluster.ca_sha256 {
            Some(sha256) if !cluster.tls_unverified => server.extend([words(", certificate authority "), digest(sha256)]),
            _ => {}
        }
        let said = match scope.source {
            ScopeSource::File => "declared in a scope file",
            ScopeSource::Flags => "declared on the command line",
            ScopeSource::Default => "nobody declared it: every namespace but the system ones is treated as holding ePHI",
        };
        let all = scope.ephi_namespaces.len() + scope.other_namespaces.len();
        let mut ephi = vec![words(format!("{} of {}", scope.ephi_namespaces.len(), many(all as u64, "namespace", "namespaces")))];
        if !scope.ephi_namespaces.is_empty() {
            ephi.push(words(": "));
            ephi.extend(names(&scope.ephi_namespaces));
        }
        ephi.push(words(format!("; {said}")));
        for (word, value) in [(" by ", &scope.declared_by), (" on ", &scope.declared_on)] {
            if let Some(value) = value {
                ephi.extend([words(word), name(value)]);
            }
        }
        ephi.extend([words(", digest "), digest(&scope.sha256)]);
        let mut catalog_row = vec![words(format!("{}, digest ", catalog.version)), digest(&catalog.sha256)];
        for overlay in &catalog.overlays {
            let replaced = if overlay.replaces.is_empty() { String::new() } else { format!(", replaces {}", list(&overlay.replaces)) };
            catalog_row.extend([words("; added controls "), name(&overlay.name)]);
            catalog_row.extend([words(format!(" ({} new{replaced}), digest ", overlay.adds.len())), digest(&overlay.sha256)]);
        }
        let row = |label, values| Row { label, values };
        let rows = vec![
            row("Cluster id", vec![or_unknown(&cluster.uid, "not read: the namespace kube-system could not be seen")]),
            row("Version", about),
            row("Server", server),
            row(
                "Collected",
                vec![words(format!(
                    "{} to {}, {}",
                    time(&collected.started),
                    time(&collected.finished),
                    many(collected.requests, "request", "requests")
                ))],
            ),
            row("By", who),
            row("ePHI", ephi),
            row("Tool", vec![words(format!("{} {}, commit ", tool.name, tool.version)), name(&tool.commit)]),
            row("Catalog", catalog_row),
            row("Snapshot", vec![words("digest "), digest(&assessment.snapshot_sha256)]),
        ];
        Self { cluster: clip(&cluster.name, 120), rows, disclaimer: DISCLAIMER, warnings: warnings(assessment) }
    }
}

/// What a reader must know before believing anything else.
fn warnings(assessment: &Assessment) -> Vec<String> {
    let Assessment { cluster, scope, collected, .. } = assessment;
    let mut warnings = Vec::new();
    if cluster.tls_unverified {
        warnings.push("The server's certificate was not verified (the kubeconfig switches verification off). Nothing shows that this was the cluster meant.".into());
    }
    if scope.source == ScopeSource::Default {
        warnings.push("Nobody declared which namespaces hold ePHI. Every namespace but the system ones is treated as holding it.".into());
    }
    if !scope.complete {
        warnings.push("The list of namespaces could not be read, so the scope may be too small.".into());
    }
    if !scope.unmatched.is_empty() {
        let names: Vec<String> = scope.unmatched.iter().map(|name| clip(name, 63)).collect();
        let verb = if names.len() == 1 { "matches" } else { "match" };
        warnings.push(format!("Declared as holding ePHI, but {} {verb} no namespace that was read.", list(&names)));
    }
    if let Some((first, others)) = collected.excess_rights.split_first() {
        let others = match others.len() as u64 {
            0 => String::new(),
            others => format!(", and {}", many(others, "other right", "other rights")),
        };
        warnings.push(format!(
            "Rights of the identity that collected, beyond reading: {}{others}. None of them was used; take an identity that can only read.",
            clip(first, 200)
        ));
    }
    if let Some(seconds) = collected.server_clock_ahead_seconds.filter(|seconds| seconds.abs() > 60) {
        let way = if seconds > 0 { "ahead of" } else { "behind" };
        warnings.push(format!(
            "The server's clock is {} {way} the clock of the machine that collected.",
            many(seconds.unsigned_abs(), "second", "seconds")
        ));
    }
    warnings
}

/// One part of a bar.
#[derive(Debug, Serialize)]
struct Part {
    key: Mark,
    x: String,
    width: String,
}

/// One standard of the regulation with the outcomes of its controls.
#[derive(Debug, Serialize)]
struct Standard {
    id: String,
    title: String,
    anchor: String,
    counts: Vec<Count>,
    bar: Vec<Part>,
}

/// The standards that have a control with the outcomes of those, in the order of the regulation, and the ids of those that have none.
fn by_standard(assessment: &Assessment) -> (Vec<(&str, &str, OutcomeCounts)>, Vec<&str>) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for paragraph in assessment.paragraphs.iter().filter(|paragraph| paragraph.kind == ParagraphKind::Standard) {
        let ids: BTreeSet<&str> = assessment
            .paragraphs
            .iter()
            .filter(|other| other.standard == paragraph.id)
            .flat_map(|other| &other.controls)
            .map(|support| support.control.as_str())
            .collect();
        let mut sum = OutcomeCounts::default();
        assessment.controls.iter().filter(|control| ids.contains(control.id.as_str())).for_each(|control| sum.add(control.word()));
        if sum.total() == 0 {
            without.push(paragraph.id.as_str());
        } else {
            with.push((paragraph.id.as_str(), paragraph.title.as_str(), sum));
        }
    }
    (with, without)
}

/// Id, title and outcomes of each standard that has a control.
pub(crate) fn standard_counts(assessment: &Assessment) -> Vec<(String, String, [u64; 5])> {
    let (with, _) = by_standard(assessment);
    with.into_iter().map(|(id, title, sum)| (id.to_owned(), title.to_owned(), OutcomeWord::ALL.map(|outcome| sum.get(outcome)))).collect()
}

fn standards(assessment: &Assessment, refs: &super::Refs) -> (Vec<Standard>, Vec<Ref>) {
    let (with, without) = by_standard(assessment);
    let without = without.into_iter().map(|id| refs.paragraph(id)).collect();
    // One scale for all: the longest bar is that of the standard with the most controls.
    let most = with.iter().map(|(.., sum)| sum.total()).max().unwrap_or(1).max(1);
    let rows = with
        .into_iter()
        .map(|(id, title, sum)| Standard {
            id: id.to_owned(),
            title: title.to_owned(),
            anchor: refs.paragraph(id).anchor,
            counts: counts(&sum),
            bar: bar(&sum, most),
        })
        .collect();
    (rows, without)
}

fn bar(sum: &OutcomeCounts, most: u64) -> Vec<Part> {
    // Hundredths of a percent, so that no floating point number decides a byte of the output.
    let share = |count: u64| count * 10_000 / most;
    let percent = |share: u64| format!("{}.{:02}%", share / 100, share % 100);
    let mut before = 0;
    let mut parts = Vec::new();
    for outcome in OutcomeWord::ALL {
        let count = sum.get(outcome);
        if count > 0 {
            let (from, to) = (share(before), share(before + count));
            parts.push(Part { key: Mark::of(outcome), x: percent(from), width: percent(to - from) });
        }
        before += count;
    }
    parts
}

/// One of the findings that matter most.
#[derive(Debug, Serialize)]
struct Top {
    severity: &'static str,
    object: Option<Object>,
    others: u64,
    fact: String,
    rank: String,
    link: Ref,
}

/// A question to a person.
#[derive(Debug, Serialize)]
struct Asked {
    ask: String,
    who: String,
    control: Ref,
}

/// The chapter.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    intro: Prose,
    counts: Vec<Count>,
    standards: Vec<Standard>,
    without: Vec<Ref>,
    top: Vec<Top>,
    more: u64,
    unseen: String,
    invisible: String,
    blind: bool,
    asked: String,
    questions: Vec<Asked>,
}

impl Summary {
    pub(super) fn new(
        assessment: &Assessment,
        groups: &[Group<'_>],
        number: usize,
        invisible: usize,
        linker: &mut Linker,
        refs: &super::Refs,
    ) -> Self {
        let total = assessment.totals.controls.total();
        let intro = linker.prose(&format!(
            "{} looked at the cluster. Each has one of five outcomes; what they mean stands in the last chapter.",
            many(total, "control", "controls")
        ));
        let top = groups
            .iter()
            .take(5)
            .enumerate()
            .map(|(i, group)| {
                let (object, others) = group.objects();
                Top {
                    severity: group.severity().word(),
                    object: object.map(Object::new),
                    others,
                    fact: group.title(),
                    rank: group.rank(true),
                    link: Ref { number: format!("{number}.{}", i + 1), anchor: group.anchor(), text: group.title() },
                }
            })
            .collect();
        let questions: Vec<Asked> = assessment
            .controls
            .iter()
            .filter_map(|control| {
                let question = control.question()?;
                Some(Asked { ask: control.title.clone(), who: question.who.clone(), control: refs.control(&control.id) })
            })
            .collect();
        let (standards, without) = standards(assessment, refs);
        let asked = match questions.len() as u64 {
            0 => "No control of this catalog asks a person.".to_owned(),
            1 => "1 question waits for an answer.".to_owned(),
            several => format!("{several} questions wait for an answer."),
        };
        Self {
            intro,
            counts: counts(&assessment.totals.controls),
            standards,
            without,
            top,
            more: groups.len().saturating_sub(5) as u64,
            blind: unread(assessment) > 0,
            unseen: unseen_line(assessment),
            invisible: match invisible as u64 {
                0 => String::new(),
                1 => "1 more thing cannot be seen through any API; somebody has to be asked.".to_owned(),
                several => format!("{} more things cannot be seen through any API; somebody has to be asked.", digits(several)),
            },
            asked,
            questions,
        }
    }
}

/// Number of sources that were asked for and not wholly received.
pub(crate) fn unread(assessment: &Assessment) -> u64 {
    assessment.coverage.iter().filter(|source| source.has_gap()).count() as u64
}

/// What could not be read, in one line with its count.
pub(crate) fn unseen_line(assessment: &Assessment) -> String {
    let failed = unread(assessment);
    let blind = assessment.totals.controls.not_assessed;
    let all = assessment.coverage.len() as u64;
    let controls = many(blind, "control is", "controls are");
    match (failed, blind) {
        (0, 0) => format!("All {} were read completely or are not served by this cluster.", many(all, "source", "sources")),
        (0, _) => format!("Every source that was asked for was read completely; {controls} not assessed for other reasons."),
        (failed, blind) => {
            let sources = if failed == 1 { "source" } else { "sources" };
            let cost = if blind == 0 { "no control lost its outcome by it".to_owned() } else { format!("{controls} not assessed") };
            format!("{} of {all} {sources} could not be read completely; {cost}.", digits(failed))
        }
    }
}
