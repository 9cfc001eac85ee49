//! The paragraphs of the regulation in their order, and every control once.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::evidence::{Cited, Index};
use super::findings::Group;
use super::parts::{Fact, Mark, Object, Ref, State, anchor, digits, facts, noun, shared};
use super::unseen::NotSeen;
use super::words::{Linker, Prose};
use crate::model::{
    Applies, Ask, Assessment, ControlResult, Evidence, Facts, Implementation, LookedAt, OutcomeWord, Paragraph, ParagraphKind,
    ParameterValue, Proof, Sample, SourceState, stands,
};

/// How many of the things that meet a control documents show; assessment.json may hold more.
const SAMPLE: usize = 3;

/// One section, such as 164.312.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) anchor: String,
    pub(super) number: String,
    paragraphs: Vec<ParagraphView>,
}

#[derive(Debug, Serialize)]
struct ParagraphView {
    id: String,
    anchor: String,
    title: String,
    standard: bool,
    designation: String,
    addressable: bool,
    text: Vec<String>,
    shows: Prose,
    cannot: Prose,
    ask_for: Vec<String>,
    asks: Vec<AskLine>,
    note: Option<String>,
    applies: Option<String>,
    controls: Vec<Line>,
    /// Its specifications, for a standard.
    specifications: Vec<Ref>,
    /// The matrices that show the same from the other side.
    matrices: Vec<Ref>,
    /// What was decided about it.
    decision: Option<String>,
    /// What people answered to the questions of its controls.
    answers: Vec<String>,
}

/// One control within a paragraph.
#[derive(Debug, Serialize)]
struct Line {
    control: Ref,
    mark: Mark,
    extent: &'static str,
    said: String,
    /// Why it stands here, and on whose word.
    because: String,
    authority: String,
}

/// Something that an auditor asks for.
#[derive(Debug, Serialize)]
struct AskLine {
    id: String,
    ask: String,
    ours: bool,
    /// Checks with what they came to.
    checks: Vec<Standing>,
    /// Parts of the report that are evidence for it.
    parts: Vec<Ref>,
    /// Questions with what was supplied.
    people: Vec<Standing>,
    nobody: Option<String>,
}

/// Something that stands for an ask, with what it came to.
#[derive(Debug, Serialize)]
struct Standing {
    control: Ref,
    came_to: &'static str,
}

impl AskLine {
    fn new(
        ask: &Ask,
        paragraph: &Paragraph,
        controls: &BTreeMap<&str, &ControlResult>,
        numbers: super::Numbers,
        refs: &super::Refs,
    ) -> Self {
        let (parts, others): (Vec<&String>, Vec<&String>) = ask.answered_by.iter().partition(|id| id.starts_with("exhibit/"));
        let known = others.into_iter().filter_map(|id| controls.get(id.as_str()).copied());
        let (people, checks): (Vec<&ControlResult>, Vec<&ControlResult>) = known.partition(|control| control.question().is_some());
        // What concerns nobody, as far as people declared it, shows no outcomes.
        let shown = paragraph.applies.is_yes();
        let standing =
            |control: &ControlResult| Some(Standing { control: refs.control(&control.id), came_to: stands(paragraph, control)? });
        Self {
            id: ask.id.clone(),
            ask: ask.ask.clone(),
            ours: ask.origin.is_some(),
            checks: checks.into_iter().filter_map(standing).collect(),
            parts: parts.into_iter().filter(|_| shown).map(|id| part(id, numbers)).collect(),
            people: people.into_iter().filter_map(standing).collect(),
            nobody: ask.nobody.clone(),
        }
    }
}

/// Where a part of the report that an ask names stands.
fn part(id: &str, numbers: super::Numbers) -> Ref {
    let matrix = |number: usize| format!("{}.{number}", super::MATRICES);
    let (number, anchor, text) = match id {
        "exhibit/access-matrix" => (matrix(1), "access", "access matrix"),
        "exhibit/isolation" => (matrix(2), "isolation", "isolation matrix"),
        "exhibit/coverage" => (numbers.coverage.to_string(), "coverage", "coverage"),
        "exhibit/scope" => (String::new(), "top", "the scope on the first page"),
        "exhibit/identities" => {
            (String::new(), "", "every access: exhibits.accesses of assessment.json, and the sheet of the access review")
        }
        "exhibit/requests" => (String::new(), "", "every request: requests.jsonl beside this report"),
        "exhibit/history" => (String::new(), "", "the series of sealed reports (kube-hipaa history)"),
        _ => (String::new(), "", "this report as a whole"),
    };
    Ref { number, anchor: anchor.to_owned(), text: text.to_owned() }
}

/// Said of a paragraph that depends on what an organization is.
fn applies(paragraph: &Paragraph) -> Option<String> {
    let condition = paragraph.condition?.words();
    match paragraph.applies {
        Applies::Yes => Some(format!("Concerns the organization: it is declared that {condition}.")),
        Applies::No => Some(format!("Does not concern the organization: it is declared not to be so that {condition}.")),
        Applies::NotDeclared => {
            Some(format!("Concerns the organization only where {condition}. Nobody declared whether that is so; no outcome is shown here."))
        }
    }
}

/// What a control saw, in one line.
fn said(control: &ControlResult) -> String {
    let noun = noun(control);
    match control.word() {
        OutcomeWord::Fail => {
            let unknown = if control.unknown > 0 { format!("; {} undecided", digits(control.unknown)) } else { String::new() };
            let fails = if control.fails.is_empty() { "not meeting it" } else { &control.fails };
            format!("{} of {} {noun}: {fails}{unknown}", digits(control.failed), digits(control.examined))
        }
        OutcomeWord::Pass if control.examined == 1 => format!("the one in scope meets it ({noun})"),
        OutcomeWord::Pass => format!("all {} {noun} in scope meet it", digits(control.examined)),
        OutcomeWord::NotApplicable => format!("no {noun} of this kind in scope"),
        OutcomeWord::Manual => control.question().map_or_else(String::new, |question| question.ask.clone()),
        OutcomeWord::NotAssessed => {
            let mut what: Vec<&str> = control.unseen().iter().map(|unseen| unseen.what.as_str()).collect();
            what.dedup();
            format!("not seen: {}", what.join("; "))
        }
    }
}

/// `required`, `addressable`, or what stands for a standard that has specifications.
fn designation(paragraph: &Paragraph) -> String {
    use {Implementation as I, ParagraphKind as K};
    if let Some(other) = &paragraph.continues {
        return format!("continues {other}");
    }
    if let Some(other) = &paragraph.part_of {
        return format!("part of {other}");
    }
    let word = match (paragraph.required, paragraph.kind) {
        (I::Required, K::Standard) => "standard without specifications",
        (I::Required, K::ImplementationSpecification) => "required",
        (I::Addressable, _) => "addressable",
        (I::BySpecification, K::Standard) => "standard",
        (I::BySpecification, K::ImplementationSpecification) => "",
    };
    word.to_owned()
}

/// The number of a section within the chapter, such as `164.312`.
fn section_of(id: &str) -> &str {
    id.split('(').next().unwrap_or(id)
}

/// The same within a paragraph, where the control's title stands beside it.
fn briefly(control: &ControlResult) -> String {
    match (control.word(), control.question()) {
        (OutcomeWord::Fail, _) => {
            let unknown = if control.unknown > 0 { format!(", {} undecided", digits(control.unknown)) } else { String::new() };
            format!("{} of {} {}{unknown}", digits(control.failed), digits(control.examined), noun(control))
        }
        (OutcomeWord::Manual, Some(question)) => question.who.clone(),
        _ => said(control),
    }
}

/// The matrices that were computed and that speak about what this paragraph is about.
fn matrices(assessment: &Assessment, paragraph: &str) -> Vec<Ref> {
    let about = |paragraphs: &[&str]| paragraphs.iter().any(|prefix| paragraph.starts_with(prefix));
    let mut found = Vec::new();
    if assessment.exhibits.access.is_some() && about(&["164.308(a)(3)(i)", "164.308(a)(4)", "164.312(a)(1)"]) {
        found.push(Ref {
            number: format!("{}.1", super::MATRICES),
            anchor: "access".into(),
            text: "who reaches what in namespaces with ePHI".into(),
        });
    }
    if assessment.exhibits.isolation.is_some() && about(&["164.312(a)(1)"]) {
        found.push(Ref {
            number: format!("{}.2", super::MATRICES),
            anchor: "isolation".into(),
            text: "what is isolated on the network".into(),
        });
    }
    found
}

/// What people answered to the questions of these controls, each answer once.
fn answers<'a>(controls: impl Iterator<Item = &'a ControlResult>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = controls.flat_map(|control| &control.answers);
    all.filter(|answer| seen.insert(&answer.file)).map(super::people::answer).collect()
}

/// Words the chapter. `number` is that of the chapter.
pub(super) fn sections(
    assessment: &Assessment,
    number: usize,
    numbers: super::Numbers,
    linker: &mut Linker,
    refs: &super::Refs,
) -> Vec<Section> {
    let controls: BTreeMap<&str, &ControlResult> = assessment.controls.iter().map(|control| (control.id.as_str(), control)).collect();
    let mut sections: Vec<Section> = Vec::new();
    for paragraph in &assessment.paragraphs {
        let id = section_of(&paragraph.id);
        if sections.last().is_none_or(|last| last.id != id) {
            sections.push(Section {
                id: id.to_owned(),
                title: paragraph.section.clone(),
                anchor: anchor("s", id),
                number: format!("{number}.{}", sections.len() + 1),
                paragraphs: Vec::new(),
            });
        }
        let lines = paragraph
            .controls
            .iter()
            .filter(|_| paragraph.applies.is_yes())
            .filter_map(|support| {
                let control = controls.get(support.control.as_str())?;
                Some(Line {
                    control: refs.control(&control.id),
                    mark: Mark::cited(control.word()),
                    extent: support.extent.word(),
                    said: briefly(control),
                    because: support.because.clone(),
                    authority: match &support.at {
                        Some(at) => format!("{}, {at}", support.authority),
                        None => support.authority.clone(),
                    },
                })
            })
            .collect();
        let view = ParagraphView {
            id: paragraph.id.clone(),
            anchor: refs.paragraph(&paragraph.id).anchor,
            title: paragraph.title.clone(),
            standard: paragraph.kind == ParagraphKind::Standard,
            designation: designation(paragraph),
            addressable: paragraph.required == Implementation::Addressable,
            text: paragraph.text.lines().map(str::to_owned).collect(),
            shows: linker.prose(&paragraph.cluster_shows),
            cannot: linker.prose(&paragraph.cluster_cannot_show),
            ask_for: if paragraph.asks.is_empty() { paragraph.ask_for.clone() } else { Vec::new() },
            asks: paragraph.asks.iter().map(|ask| AskLine::new(ask, paragraph, &controls, numbers, refs)).collect(),
            note: paragraph.note.clone(),
            applies: applies(paragraph),
            controls: lines,
            specifications: assessment
                .paragraphs
                .iter()
                .filter(|other| other.standard == paragraph.id && other.id != paragraph.id)
                .filter(|other| other.continues.is_none() && other.part_of.is_none())
                .map(|other| refs.paragraph(&other.id))
                .collect(),
            matrices: if paragraph.applies.is_yes() { matrices(assessment, &paragraph.id) } else { Vec::new() },
            decision: paragraph.disposition.as_ref().map(super::people::disposition),
            answers: answers(paragraph.controls.iter().filter_map(|support| controls.get(support.control.as_str()).copied())),
        };
        if let Some(last) = sections.last_mut() {
            last.paragraphs.push(view);
        }
    }
    sections
}

/// What a pass rests on.
#[derive(Debug, Serialize)]
struct ProofView {
    sources: Vec<SourceRead>,
    examined: String,
    shared: Vec<Fact>,
    sample: Vec<Shown>,
}

/// One source, briefly: the chapter on coverage says all of it.
#[derive(Debug, Serialize)]
struct SourceRead {
    source: String,
    /// How many objects it held, or what became of it where it was not read.
    said: String,
}

impl SourceRead {
    fn all(proof: &Proof) -> Vec<Self> {
        let said = |state: &SourceState| match state {
            SourceState::Read { count, .. } => digits(*count),
            other => State::of(other).label().to_owned(),
        };
        proof.sources.iter().map(|source| Self { source: source.source.to_string(), said: said(&source.state) }).collect()
    }
}

/// One object of a sample.
#[derive(Debug, Serialize)]
struct Shown {
    subject: Object,
    facts: Vec<Fact>,
    evidence: Vec<Cited>,
}

impl Shown {
    fn new(sample: &Sample, shared: &Facts, index: &Index<'_>) -> Self {
        Self {
            subject: Object::new(&sample.subject),
            facts: facts(&sample.facts, &sample.subject, shared),
            evidence: index.cite(&sample.evidence, &sample.subject),
        }
    }
}

/// The evidence of all samples that documents show.
pub(super) fn evidence(assessment: &Assessment) -> impl Iterator<Item = &Evidence> {
    let proofs = assessment.controls.iter().filter_map(|control| control.proof());
    proofs.flat_map(|proof| proof.sample.iter().take(SAMPLE)).flat_map(|sample| &sample.evidence)
}

#[derive(Debug, Serialize)]
struct Asked {
    ask: String,
    evidence: String,
    who: String,
    period: Option<String>,
    how_often: Option<String>,
    applies_when: Option<String>,
}

/// One control, shown once.
#[derive(Debug, Serialize)]
pub(super) struct ControlView {
    number: String,
    anchor: String,
    id: String,
    version: u32,
    title: String,
    mark: Mark,
    severity: &'static str,
    scope: &'static str,
    said: String,
    because: Prose,
    limits: String,
    /// Numbers that can be set, with what counted.
    parameters: Vec<String>,
    paragraphs: Vec<Ref>,
    benchmark: Vec<super::benchmark::ItemView>,
    groups: Vec<Ref>,
    proof: Option<ProofView>,
    unseen: Vec<NotSeen>,
    question: Option<Asked>,
    answers: Vec<String>,
}

/// A control that found nothing of its kind: shown in one line, because there is nothing to say about what is not there.
#[derive(Debug, Serialize)]
pub(super) struct AbsentView {
    number: String,
    anchor: String,
    id: String,
    version: u32,
    title: String,
    severity: &'static str,
    said: String,
    sources: Vec<SourceRead>,
    paragraphs: Vec<Ref>,
}

/// The controls to which nothing in the cluster belongs.
pub(super) fn absent(assessment: &Assessment, refs: &super::Refs) -> Vec<AbsentView> {
    let view = |control: &ControlResult| {
        let link = refs.control(&control.id);
        AbsentView {
            number: link.number,
            anchor: link.anchor,
            id: control.id.clone(),
            version: control.version,
            title: control.title.clone(),
            severity: control.severity.word(),
            said: said(control),
            sources: control.proof().map(SourceRead::all).unwrap_or_default(),
            paragraphs: control.paragraphs.iter().map(|id| refs.paragraph(id)).collect(),
        }
    };
    assessment.controls.iter().filter(|control| control.word() == OutcomeWord::NotApplicable).map(view).collect()
}

/// Every other control once, in the order of the assessment.
pub(super) fn controls(
    assessment: &Assessment,
    groups: &[Group<'_>],
    findings: usize,
    linker: &mut Linker,
    refs: &super::Refs,
    index: &Index<'_>,
) -> Vec<ControlView> {
    assessment
        .controls
        .iter()
        .filter(|control| control.word() != OutcomeWord::NotApplicable)
        .map(|control| {
            let link = refs.control(&control.id);
            let noun = noun(control);
            let same =
                control.proof().map(|proof| shared(proof.sample.iter().take(SAMPLE).map(|sample| &sample.facts))).unwrap_or_default();
            ControlView {
                number: link.number,
                anchor: link.anchor,
                id: control.id.clone(),
                version: control.version,
                title: control.title.clone(),
                mark: Mark::of(control.word()),
                severity: control.severity.word(),
                scope: match control.looked_at {
                    LookedAt::Cluster => "the whole cluster",
                    LookedAt::Ephi | LookedAt::Nothing => "namespaces with ePHI",
                },
                said: if control.word() == OutcomeWord::Manual { String::new() } else { said(control) },
                because: linker.prose(&control.because),
                limits: control.limits.clone(),
                parameters: control.parameters.iter().map(ParameterValue::said).collect(),
                paragraphs: control.paragraphs.iter().map(|id| refs.paragraph(id)).collect(),
                benchmark: super::benchmark::items(assessment, control),
                groups: groups
                    .iter()
                    .enumerate()
                    .filter(|(_, group)| group.control.id == control.id)
                    .map(|(i, group)| Ref { number: format!("{findings}.{}", i + 1), anchor: group.anchor(), text: group.title() })
                    .collect(),
                proof: control.proof().map(|proof| ProofView {
                    sources: SourceRead::all(proof),
                    examined: format!("{} of {} {noun} were in scope and examined", digits(proof.examined), digits(proof.rows)),
                    shared: proof.sample.first().map(|first| facts(&same, &first.subject, &Facts::new())).unwrap_or_default(),
                    sample: proof.sample.iter().take(SAMPLE).map(|sample| Shown::new(sample, &same, index)).collect(),
                }),
                unseen: control.unseen().iter().map(NotSeen::new).collect(),
                question: control.question().map(|question| Asked {
                    ask: question.ask.clone(),
                    evidence: question.evidence.clone(),
                    who: question.who.clone(),
                    period: question.period.clone(),
                    how_often: question.how_often.clone(),
                    applies_when: question.applies_when.clone(),
                }),
                answers: answers(std::iter::once(control)),
            }
        })
        .collect()
}
