//! The view: everything that HTML and Markdown show, in words and in order, so that templates only place it.
//!
//! A view is computed from an [`Assessment`] alone. Its strings are raw: escaping is the business of each format.

mod access;
mod benchmark;
mod evidence;
mod filters;
mod findings;
mod hypothetical;
mod isolation;
mod overview;
mod parts;
mod people;
mod picture;
mod proposed;
mod regulation;
mod unseen;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Assessment, Grade, OutcomeWord, Quoted, Severity, Since, SourceState};
use parts::{Mark, Ref, State, anchor, digits, left_out};
use words::{GLOSSARY, Linker, METHOD, OTHERS_INTRO, PARAGRAPHS_INTRO, Prose};

pub(crate) use findings::{Group, groups};
pub(crate) use hypothetical::said as hypothetical_said;
pub(crate) use overview::{paragraph_counts, unread, unseen_line};
pub(crate) use parts::{Digest, many, time};
pub(crate) use people::in_short as people_in_short;

/// The mapping whose texts are the regulation's own.
const HIPAA: &str = "hipaa";

/// Numbers of the chapters.
const SUMMARY: usize = 1;
const UNSEEN: usize = 2;
const FINDINGS: usize = 3;
const PARAGRAPHS: usize = 4;
const CONTROLS: usize = 5;
const MATRICES: usize = 6;

/// Numbers of the chapters behind them: where people handed something in, a chapter about it comes first.
#[derive(Clone, Copy, Debug, Serialize)]
struct Numbers {
    people: usize,
    coverage: usize,
    evidence: usize,
    method: usize,
    words: usize,
}

impl Numbers {
    fn of(assessment: &Assessment) -> Self {
        let shift = usize::from(people::is_there(assessment));
        let after = |place: usize| MATRICES + shift + place;
        Self { people: MATRICES + 1, coverage: after(1), evidence: after(2), method: after(3), words: after(4) }
    }
}

/// Where paragraphs and controls stand in the document.
pub(crate) struct Refs {
    controls: BTreeMap<String, Ref>,
    paragraphs: BTreeMap<String, Ref>,
}

impl Refs {
    fn new(assessment: &Assessment) -> Self {
        let controls = assessment
            .controls
            .iter()
            .enumerate()
            .map(|(i, control)| {
                let link = Ref { number: format!("{CONTROLS}.{}", i + 1), anchor: anchor("c", &control.id), text: control.title.clone() };
                (control.id.clone(), link)
            })
            .collect();
        let paragraphs = assessment
            .paragraphs
            .iter()
            .map(|paragraph| {
                let link = Ref { number: paragraph.id.clone(), anchor: anchor("p", &paragraph.id), text: paragraph.title.clone() };
                (paragraph.id.clone(), link)
            })
            .collect();
        Self { controls, paragraphs }
    }
    /// The control's place; one that is not in the assessment has none, and its id stands for its title.
    fn control(&self, id: &str) -> Ref {
        self.controls.get(id).cloned().unwrap_or_else(|| Ref { number: String::new(), anchor: String::new(), text: id.to_owned() })
    }
    fn paragraph(&self, id: &str) -> Ref {
        self.paragraphs.get(id).cloned().unwrap_or_else(|| Ref { number: id.to_owned(), anchor: String::new(), text: String::new() })
    }
}

/// One chapter with its entries, for the contents.
#[derive(Debug, Serialize)]
struct Chapter {
    number: usize,
    anchor: &'static str,
    title: &'static str,
    entries: Vec<Ref>,
}

/// One line of the chapter on coverage.
#[derive(Debug, Serialize)]
struct Covered {
    source: String,
    state: State,
    count: Option<String>,
    version: Option<String>,
    needed_by: usize,
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct Coverage {
    intro: Prose,
    /// Sources that the cluster has, or that could not be established.
    rows: Vec<Covered>,
    /// Names of sources that it does not have.
    not_served: Vec<String>,
    snapshot: Digest,
}

#[derive(Debug, Serialize)]
struct Part {
    number: String,
    title: &'static str,
    paragraphs: Vec<Prose>,
}

#[derive(Debug, Serialize)]
struct Explained {
    anchor: String,
    term: &'static str,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct OutcomeLegend {
    mark: Mark,
    meaning: &'static str,
}

/// Words of the regulation itself.
#[derive(Debug, Serialize)]
struct Defined {
    id: String,
    title: String,
    text: Vec<String>,
}

impl Defined {
    fn all(quoted: &[Quoted]) -> Vec<Self> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        quoted.iter().map(|one| Self { id: one.id.clone(), title: one.title.clone(), text: lines(&one.text) }).collect()
    }
}

#[derive(Debug, Serialize)]
struct GradeLegend {
    letter: &'static str,
    label: &'static str,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct SeverityLegend {
    word: &'static str,
    meaning: &'static str,
}

/// The matrices; absent where they were not computed.
#[derive(Debug, Serialize)]
struct Matrices {
    intro: Prose,
    access: Option<access::Access>,
    isolation: Option<isolation::Isolation>,
}

/// The evidence index.
#[derive(Debug, Serialize)]
struct EvidenceIndex {
    intro: Prose,
    answers: Vec<evidence::Answer>,
}

/// Everything that a document shows.
#[derive(Debug, Serialize)]
pub struct View {
    title: String,
    footer: String,
    generator: String,
    since: Option<String>,
    cover: overview::Cover,
    chapters: Vec<Chapter>,
    summary: overview::Summary,
    unseen: unseen::Chapter,
    findings: findings::Chapter,
    paragraphs_intro: Prose,
    law: &'static str,
    sections: Vec<regulation::Section>,
    controls_intro: Prose,
    controls: Vec<regulation::ControlView>,
    absent: Vec<regulation::AbsentView>,
    matrices: Matrices,
    people: Option<people::Chapter>,
    proposed: Option<proposed::Chapter>,
    numbers: Numbers,
    coverage: Coverage,
    evidence: EvidenceIndex,
    filters: filters::Filters,
    method: Vec<Part>,
    glossary: Vec<Explained>,
    defined: Vec<Defined>,
    rests_on: Vec<Defined>,
    outcomes: Vec<OutcomeLegend>,
    cited: Vec<OutcomeLegend>,
    grades: Vec<GradeLegend>,
    severities: Vec<SeverityLegend>,
}

impl View {
    /// What stands at the foot of each printed page.
    pub(crate) fn footer(&self) -> &str {
        &self.footer
    }

    /// Whether lists go on in the files of [`super::csv`], which then have to lie beside the document.
    pub(crate) fn attached(&self) -> bool {
        self.findings.attached()
            || self.matrices.access.as_ref().is_some_and(access::Access::attached)
            || self.matrices.isolation.as_ref().is_some_and(isolation::Isolation::attached)
    }
}

/// How many requests of which verb there were.
fn requests_by_verb(assessment: &Assessment) -> String {
    let counts = &assessment.totals.requests;
    if counts.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = counts.iter().map(|(verb, count)| format!("{count} {verb}")).collect();
    let create = if counts.contains_key("create") {
        "; each create is a question about the identity and the rights of the program itself, which the server answers and does not store"
    } else {
        ""
    };
    format!(" ({}{create})", parts.join(", "))
}

fn coverage(assessment: &Assessment, linker: &mut Linker) -> Coverage {
    let rows = assessment
        .coverage
        .iter()
        .filter(|row| row.state != SourceState::NotServed)
        .map(|row| {
            let version = match &row.state {
                SourceState::Read { resource_version, .. } => resource_version.clone(),
                _ => None,
            };
            Covered {
                source: row.source.to_string(),
                state: State::of_source(row),
                count: matches!(row.state, SourceState::Read { .. } | SourceState::Partial { .. }).then(|| digits(row.state.count())),
                version,
                needed_by: row.needed_by.len(),
                why: row.state.why().map(str::to_owned).or_else(|| left_out(row)),
            }
        })
        .collect();
    let intro = linker.prose("Every source that the program knows, whether it was read or not. “Not served” means that the cluster does not have it, established by the server's own list of what it serves.");
    let absent = assessment.coverage.iter().filter(|row| row.state == SourceState::NotServed);
    let not_served = absent.map(|row| row.source.to_string()).collect();
    Coverage { intro, rows, not_served, snapshot: Digest::new(&assessment.snapshot_sha256) }
}

/// How relations between controls and paragraphs were made, and on whose word.
fn mapped(assessment: &Assessment, number: String, linker: &mut Linker) -> Option<Part> {
    let mapping = assessment.mapping.as_ref().filter(|mapping| !mapping.criteria.is_empty())?;
    let mut paragraphs = vec![linker.prose(&format!(
        "Which control stands under which paragraph, and how far it speaks to it, is version {} of the mapping `{}`. Each relation has a reason and says on whose word it rests. They follow from these rules:",
        mapping.version, mapping.id
    ))];
    paragraphs.extend(mapping.criteria.iter().map(|criterion| linker.prose(criterion.rule.trim())));
    let cited: Vec<String> = mapping.authorities.iter().map(|one| format!("{}: {}", one.id, one.title)).collect();
    paragraphs.push(linker.prose(&format!("Authorities: {}.", cited.join("; "))));
    Some(Part { number, title: "How the mapping was made", paragraphs })
}

/// The view of an assessment.
pub fn build(assessment: &Assessment) -> View {
    build_since(assessment, None)
}

/// The same with what is known of the bundles before.
pub fn build_since(assessment: &Assessment, since: Option<&Since>) -> View {
    let refs = Refs::new(assessment);
    let numbers = Numbers::of(assessment);
    let mut linker = Linker::default();
    let groups = groups(assessment);
    let index = evidence::Index::new(findings::evidence(&groups).chain(regulation::evidence(assessment)));
    let filters = filters::Filters::new(assessment, &groups);
    // In the order in which documents show them: the first use of a word is marked.
    let invisible = unseen::Chapter::new(assessment, UNSEEN, &mut Linker::default(), &refs).invisible();
    let summary = overview::Summary::new(assessment, &groups, FINDINGS, invisible, &mut linker, &refs);
    let unseen = unseen::Chapter::new(assessment, UNSEEN, &mut linker, &refs);
    let mut findings = findings::chapter(assessment, &groups, FINDINGS, &mut linker, &refs, &index, &filters);
    findings.stand(since);
    let paragraphs_intro = linker.prose(match assessment.mapping.as_ref() {
        Some(mapping) if mapping.id != HIPAA => OTHERS_INTRO,
        _ => PARAGRAPHS_INTRO,
    });
    let sections = regulation::sections(assessment, PARAGRAPHS, numbers, &mut linker, &refs);
    let controls_intro = linker.prose(&format!(
        "Each control once, whatever its outcome: what was examined, on which sources that rests, and a sample of the evidence; those that found nothing of their kind stand last, in one line each. What was read of each source says chapter {}.{}",
        numbers.coverage,
        benchmark::intro(assessment)
    ));
    let controls = regulation::controls(assessment, &groups, FINDINGS, &mut linker, &refs, &index);
    let matrices = Matrices {
        intro: linker.prose("What was computed for the namespaces with ePHI as a whole. No outcome rests on this chapter; it shows the same facts from the other side."),
        access: assessment.exhibits.access.as_ref().map(|matrix| access::Access::new(matrix, &mut linker)),
        isolation: assessment.exhibits.isolation.as_ref().map(|matrix| isolation::Isolation::new(matrix, &mut linker)),
    };
    let people = people::Chapter::new(assessment, &mut linker);
    let coverage = coverage(assessment, &mut linker);
    let evidence = EvidenceIndex {
        intro: linker.prose("Every object that a finding or a sample of this report rests on, once, under the answer of the API server that brought it. The digest is the SHA-256 of the object as it stands in the snapshot; the request is the line of requests.jsonl. Letters are grades of evidence, explained in the last chapter."),
        answers: index.answers(),
    };
    let mut method: Vec<Part> = METHOD
        .iter()
        .enumerate()
        .map(|(i, (title, paragraphs))| Part {
            number: format!("{}.{}", numbers.method, i + 1),
            title,
            paragraphs: paragraphs.iter().map(|text| linker.prose(&text.replace("{requests}", &requests_by_verb(assessment)))).collect(),
        })
        .collect();
    method.extend(mapped(assessment, format!("{}.{}", numbers.method, METHOD.len() + 1), &mut linker));
    let entries = sections
        .iter()
        .map(|section| Ref {
            number: section.number.clone(),
            anchor: section.anchor.clone(),
            text: format!("{} {}", section.id, section.title),
        })
        .collect();
    let chapter = |number, anchor, title, entries| Chapter { number, anchor, title, entries };
    let mut chapters = vec![
        chapter(SUMMARY, "summary", "On one page", vec![]),
        chapter(UNSEEN, "unseen", "What could not be seen", vec![]),
        chapter(FINDINGS, "findings", "Findings", vec![]),
        chapter(PARAGRAPHS, "paragraphs", "By paragraph", entries),
        chapter(CONTROLS, "controls", "By control", vec![]),
        chapter(MATRICES, "matrices", "Access and isolation", vec![]),
        chapter(numbers.coverage, "coverage", "Coverage", vec![]),
        chapter(numbers.evidence, "evidence", "Evidence index", vec![]),
        chapter(numbers.method, "method", "Method and limits", vec![]),
        chapter(numbers.words, "words", "Words and marks", vec![]),
    ];
    let proposed = proposed::Chapter::new(assessment, numbers.words + 1, &refs);
    if proposed.is_some() {
        chapters.push(chapter(numbers.words + 1, "proposed", "Proposed rule, not in force", vec![]));
    }
    if people.is_some() {
        chapters.insert(MATRICES, chapter(numbers.people, "people", "What people handed in", vec![]));
    }
    let cluster = crate::report::escape::clip(&assessment.cluster.name, 80);
    View {
        title: format!("{} cluster {cluster}", if assessment.hypothetical.is_some() { "What if: hypothetical" } else { "Evidence from" }),
        footer: format!(
            "{}{cluster} · collected {}",
            if assessment.hypothetical.is_some() { "HYPOTHETICAL · " } else { "" },
            time(&assessment.collected.finished)
        ),
        generator: format!("{} {}", assessment.tool.name, assessment.tool.version),
        since: since.map(Since::sentence),
        cover: overview::Cover::new(assessment),
        chapters,
        summary,
        unseen,
        findings,
        paragraphs_intro,
        law: match assessment.mapping.as_ref() {
            Some(mapping) if mapping.id != HIPAA => "Text of the framework, as its file tells it",
            _ => "Text of the regulation",
        },
        sections,
        controls_intro,
        controls,
        absent: regulation::absent(assessment, &refs),
        matrices,
        people,
        proposed,
        numbers,
        coverage,
        evidence,
        filters,
        method,
        glossary: GLOSSARY
            .iter()
            .map(|word| Explained { anchor: words::term_anchor(word.term), term: word.term, meaning: word.meaning })
            .collect(),
        defined: assessment.mapping.as_ref().map(|mapping| Defined::all(&mapping.definitions)).unwrap_or_default(),
        rests_on: assessment.mapping.as_ref().map(|mapping| Defined::all(&mapping.context)).unwrap_or_default(),
        cited: OutcomeWord::ALL
            .into_iter()
            .zip(words::CITED_MEANINGS)
            .map(|(outcome, meaning)| OutcomeLegend { mark: Mark::cited(outcome), meaning })
            .collect(),
        outcomes: OutcomeWord::ALL
            .into_iter()
            .zip(words::OUTCOME_MEANINGS)
            .map(|(outcome, meaning)| OutcomeLegend { mark: Mark::of(outcome), meaning })
            .collect(),
        grades: Grade::ALL
            .into_iter()
            .zip(words::GRADE_MEANINGS)
            .map(|(grade, meaning)| GradeLegend { letter: grade.letter(), label: grade.meaning(), meaning })
            .collect(),
        severities: Severity::ALL
            .into_iter()
            .zip(words::SEVERITY_MEANINGS)
            .map(|(severity, meaning)| SeverityLegend { word: severity.word(), meaning })
            .collect(),
    }
}
