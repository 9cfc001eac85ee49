//! The cover block and the chapter that fits on one page.

use std::collections::BTreeMap;

use serde::Serialize;

use super::findings::Group;
use super::parts::{Count, Digest, Mark, Object, Ref, counts, digits, list, many, time};
use super::words::{DISCLAIMER, Linker, Prose};
use crate::model::{
    AnswerState, Assessment, ControlResult, Declarations, OutcomeCounts, OutcomeWord, Paragraph, ParagraphKind, ParameterValue, Role,
    Scope, ScopeRole, ScopeSource, Undeclared,
};
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
            ScopeSource::Default => "nobody declared it: every namespace but the system ones is treated as if it held ePHI",
        };
        let all = scope.ephi_namespaces.len() + scope.other_namespaces.len();
        let mut ephi = vec![words(format!("{} of {}", scope.ephi_namespaces.len(), many(all as u64, "namespace", "namespaces")))];
        if !scope.ephi_namespaces.is_empty() {
            ephi.push(words(": "));
            ephi.extend(names(&scope.ephi_namespaces));
        }
        for role in [ScopeRole::Transmits, ScopeRole::Administers] {
            let of: Vec<String> = scope.roles.iter().filter(|(_, known)| **known == role).map(|(name, _)| name.clone()).collect();
            if !of.is_empty() {
                ephi.push(words(match role {
                    ScopeRole::Transmits => "; of these only pass it on: ",
                    _ => "; of these only administer: ",
                }));
                ephi.extend(names(&of));
            }
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
        let mut rows = vec![
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
            row("Mapping", mapping(assessment)),
            row("Snapshot", vec![words("digest "), digest(&assessment.snapshot_sha256)]),
        ];
        if let Some(used) = &assessment.workspace {
            let count = many(used.files.len() as u64, "file", "files");
            rows.push(row("Workspace", vec![words(format!("{count}, digest ")), digest(&used.sha256)]));
        }
        let set: Vec<String> = set(assessment).map(|(control, value)| format!("{}: {}", control.id, value.said())).collect();
        if !set.is_empty() {
            rows.push(row("Parameters set", vec![words(set.join("; "))]));
        }
        if let Some(said) = &assessment.declarations {
            rows.extend(left_out(said, scope).map(|text| row("Left out", vec![words(text)])));
            for (label, value) in [("For", &said.organisation), ("Purpose", &said.purpose), ("Run by", &said.operator)] {
                rows.extend(value.as_ref().map(|value| row(label, vec![words(clip(value, 400))])));
            }
        }
        Self { cluster: clip(&cluster.name, 120), rows, disclaimer: DISCLAIMER, warnings: warnings(assessment) }
    }
}

/// Numbers of controls for which the scope file has another value than the catalog.
fn set(assessment: &Assessment) -> impl Iterator<Item = (&ControlResult, &ParameterValue)> {
    assessment.controls.iter().flat_map(|control| control.parameters.iter().map(move |one| (control, one))).filter(|(_, one)| one.is_set())
}

/// Namespaces that were looked at and left out: each with the reason, by whom, and when. One that a label takes in is in scope.
fn left_out(said: &Declarations, scope: &Scope) -> Option<String> {
    const NAMED: usize = 20;
    let each: Vec<String> = said
        .excluded
        .iter()
        .take(NAMED)
        .map(|one| {
            let place = match () {
                () if scope.ephi_namespaces.contains(&one.namespace) => "; in scope all the same, by a label",
                () if scope.complete && !scope.other_namespaces.contains(&one.namespace) => "; not in the cluster",
                () => "",
            };
            let text = |text: &str| clip(text, 120);
            format!("{} ({}: {}; {}, {}{place})", text(&one.namespace), one.reason.words(), text(&one.because), text(&one.by), one.on)
        })
        .collect();
    let more = said.excluded.len().saturating_sub(NAMED) as u64;
    let rest = if more > 0 { format!("; and {} more", digits(more)) } else { String::new() };
    (!each.is_empty()).then(|| format!("{}{rest}", each.join("; ")))
}

/// The mapping with which paragraphs are spoken to.
fn mapping(assessment: &Assessment) -> Vec<Cell> {
    match &assessment.mapping {
        Some(mapping) => {
            vec![words(format!("{} {}, text of {}, digest ", mapping.id, mapping.version, mapping.as_of)), digest(&mapping.sha256)]
        }
        None => vec![words("not said: an assessment of an older version")],
    }
}

/// Namespaces that nobody declared anything about, as a warning.
fn undeclared(all: &[Undeclared]) -> Option<String> {
    const NAMED: usize = 5;
    if all.is_empty() {
        return None;
    }
    let (speaking, silent): (Vec<&Undeclared>, Vec<&Undeclared>) = all.iter().partition(|one| !one.speaks_for.is_empty());
    let named: Vec<String> = speaking
        .iter()
        .take(NAMED)
        .map(|one| format!("{} ({})", clip(&one.namespace, 63), clip(&one.speaks_for.join("; "), 200)))
        .chain(silent.iter().take(NAMED.saturating_sub(speaking.len())).map(|one| clip(&one.namespace, 63)))
        .collect();
    let more = match all.len().saturating_sub(named.len()) as u64 {
        0 => String::new(),
        more => format!(", and {} more", digits(more)),
    };
    let verb = if all.len() == 1 { "is" } else { "are" };
    Some(format!(
        "{} {verb} neither declared as having to do with ePHI nor left out by declaration; brackets hold what speaks for ePHI in them: {}{more}.",
        many(all.len() as u64, "namespace", "namespaces"),
        named.join(", ")
    ))
}

/// What a reader must know before believing anything else.
fn warnings(assessment: &Assessment) -> Vec<String> {
    let Assessment { cluster, scope, collected, .. } = assessment;
    let mut warnings = Vec::new();
    if let Some(hypothetical) = &assessment.hypothetical {
        warnings.extend(super::hypothetical::said(hypothetical));
    }
    if cluster.tls_unverified {
        warnings.push("The server's certificate was not verified (the kubeconfig switches verification off). Nothing shows that this was the cluster meant.".into());
    }
    if scope.source == ScopeSource::Default {
        warnings
            .push("Nobody declared which namespaces hold ePHI. Every namespace but the system ones is treated as if it held it.".into());
    }
    warnings.extend(undeclared(&scope.undeclared));
    if let Some(proposed) = assessment.mapping.as_ref().and_then(|mapping| mapping.proposed.as_ref()) {
        warnings.push(format!(
            "The paragraphs of this report are those of a proposed rule, {} (RIN {}), which is not in force. {} Looked up on {}.",
            proposed.citation, proposed.rin, proposed.status, proposed.checked_on
        ));
    }
    if scope.source == ScopeSource::File && (scope.declared_by.is_none() || scope.declared_on.is_none()) {
        warnings.push("The scope file does not say who declared which namespaces hold ePHI, and when.".into());
    }
    if !scope.complete {
        warnings.push("The list of namespaces could not be read, so the scope may be too small.".into());
    }
    if !scope.unmatched.is_empty() {
        let names: Vec<String> = scope.unmatched.iter().map(|name| clip(name, 63)).collect();
        let verb = if names.len() == 1 { "matches" } else { "match" };
        warnings.push(format!("Declared to be in scope, but {} {verb} no namespace that was read.", list(&names)));
    }
    for (control, value) in set(assessment).filter(|(_, value)| value.is_looser_than(value.default)) {
        warnings.push(format!("{} asks for less than it does where nothing is set: {}.", control.id, value.said()));
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

/// One paragraph of the regulation with the outcomes of the checks that are relevant to it.
#[derive(Debug, Serialize)]
struct Spoken {
    id: String,
    title: String,
    anchor: String,
    counts: Vec<u64>,
    bar: Vec<Part>,
}

/// The paragraphs to which a check speaks, with the outcomes of those, in the order of the regulation. What was found under a
/// specification is said of it, and never under the name of its standard.
fn by_paragraph(assessment: &Assessment) -> Vec<(&Paragraph, OutcomeCounts)> {
    let checks: BTreeMap<&str, OutcomeWord> = assessment
        .controls
        .iter()
        .filter(|control| control.word() != OutcomeWord::Manual)
        .map(|control| (control.id.as_str(), control.word()))
        .collect();
    let concerning = assessment.paragraphs.iter().filter(|paragraph| paragraph.applies.is_yes());
    concerning
        .map(|paragraph| {
            let mut sum = OutcomeCounts::default();
            paragraph.controls.iter().filter_map(|support| checks.get(support.control.as_str())).for_each(|word| sum.add(*word));
            (paragraph, sum)
        })
        .filter(|(_, sum)| sum.total() > 0)
        .collect()
}

/// Id, title and outcomes of each paragraph to which a check speaks.
pub(crate) fn paragraph_counts(assessment: &Assessment) -> Vec<(String, String, [u64; 4])> {
    let one = |(paragraph, sum): (&Paragraph, OutcomeCounts)| {
        (paragraph.id.clone(), paragraph.title.clone(), OutcomeWord::OF_CHECKS.map(|outcome| sum.get(outcome)))
    };
    by_paragraph(assessment).into_iter().map(one).collect()
}

/// Standards to which nothing speaks, no question either.
fn without(assessment: &Assessment, refs: &super::Refs) -> Vec<Ref> {
    let silent = |paragraph: &&Paragraph| {
        paragraph.kind == ParagraphKind::Standard
            && paragraph.continues.is_none()
            && assessment.paragraphs.iter().filter(|other| other.standard == paragraph.id).all(|other| other.controls.is_empty())
    };
    assessment.paragraphs.iter().filter(silent).map(|paragraph| refs.paragraph(&paragraph.id)).collect()
}

fn spoken(assessment: &Assessment, refs: &super::Refs) -> Vec<Spoken> {
    let all = by_paragraph(assessment);
    // One scale for all: the longest bar is that of the paragraph with the most checks.
    let most = all.iter().map(|(_, sum)| sum.total()).max().unwrap_or(1).max(1);
    all.into_iter()
        .map(|(paragraph, sum)| Spoken {
            id: paragraph.id.clone(),
            title: paragraph.title.clone(),
            anchor: refs.paragraph(&paragraph.id).anchor,
            counts: OutcomeWord::OF_CHECKS.map(|outcome| sum.get(outcome)).to_vec(),
            bar: bar(&sum, most),
        })
        .collect()
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
            parts.push(Part { key: Mark::cited(outcome), x: percent(from), width: percent(to - from) });
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

/// The questions to one role.
#[derive(Debug, Serialize)]
struct Asked {
    role: String,
    questions: Vec<Ref>,
}

/// The chapter.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    intro: Prose,
    counts: Vec<Count>,
    paragraphs: Vec<Spoken>,
    /// What its columns are called.
    cited: Vec<Mark>,
    without: Vec<Ref>,
    top: Vec<Top>,
    more: u64,
    unseen: String,
    invisible: String,
    blind: bool,
    asked: String,
    questions: Vec<Asked>,
    people: Option<super::people::Brief>,
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
        let questions = assessment.totals.controls.manual;
        let checks = assessment.totals.controls.total().saturating_sub(questions);
        let intro = linker.prose(&format!(
            "{} looked at the cluster; {} to people. Both are controls of this catalog; what their outcomes mean stands in the last chapter.",
            many(checks, "check", "checks"),
            if questions == 1 { "1 question goes".to_owned() } else { format!("{} questions go", digits(questions)) }
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
        let mut roles: BTreeMap<(Option<Role>, &str), Vec<Ref>> = BTreeMap::new();
        for control in &assessment.controls {
            let Some(question) = control.question() else { continue };
            if !control.answers.iter().any(|answer| answer.state == AnswerState::InForce) {
                let who: &str = match question.role {
                    Some(role) => role.word(),
                    None => &question.who,
                };
                roles.entry((question.role, who)).or_default().push(refs.control(&control.id));
            }
        }
        let open = roles.values().map(Vec::len).sum::<usize>();
        let questions = roles.into_iter().map(|((_, role), questions)| Asked { role: role.to_owned(), questions }).collect();
        let none = match assessment.controls.iter().any(|control| control.question().is_some()) {
            true => "Every question of the controls has an answer in force.".to_owned(),
            false => "No control of this catalog asks a person.".to_owned(),
        };
        let asked = match open as u64 {
            0 => none,
            1 => "1 question waits for an answer.".to_owned(),
            several => format!("{several} questions wait for an answer, by the role of who is expected to know:"),
        };
        Self {
            intro,
            counts: counts(&assessment.totals.controls),
            paragraphs: spoken(assessment, refs),
            cited: OutcomeWord::OF_CHECKS.map(Mark::cited).to_vec(),
            without: without(assessment, refs),
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
            people: super::people::Brief::new(assessment),
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
