//! What people declared, answered, accepted and decided: in lines beside what it is about, in one block on the first page, and in a chapter
//! of its own.

use serde::Serialize;

use super::parts::{Digest, digits, many};
use super::words::{Linker, Prose};
use crate::model::{
    AccessReview, Answer, Assessment, Disposition, Finding, NamedFile, People, PeopleProblem, QuestionState, ReviewedStill, Waiver,
    WaiverState,
};
use crate::report::escape::clip;

/// Problems on the first page.
const FIRST: usize = 8;
/// Problems, accesses and questions in the chapter; assessment.json holds all.
const MOST: usize = 200;

/// One problem in words.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    kind: &'static str,
    file: String,
    what: String,
}

impl Item {
    fn new(problem: &PeopleProblem) -> Self {
        Self { kind: problem.kind.label(), file: problem.file.clone(), what: clip(&problem.what, 400) }
    }
}

/// The block of the first page.
#[derive(Debug, Serialize)]
pub(super) struct Brief {
    said: String,
    problems: Vec<Item>,
    more: u64,
}

impl Brief {
    pub(super) fn new(assessment: &Assessment) -> Option<Self> {
        let people = assessment.people.as_ref()?;
        let problems = first(&people.problems);
        Some(Self { said: said(people), more: (people.problems.len() - problems.len()) as u64, problems })
    }
}

/// What of the problems stands on the first page: the first of each kind, and beyond those as many as there is room for. No kind is hidden
/// behind how many there are of another.
fn first(problems: &[PeopleProblem]) -> Vec<Item> {
    let is_first = |place: usize| place == 0 || problems.get(place - 1).map(|one| one.kind) != problems.get(place).map(|one| one.kind);
    let mut room = FIRST.saturating_sub((0..problems.len()).filter(|place| is_first(*place)).count());
    let mut chosen = Vec::new();
    for (place, problem) in problems.iter().enumerate() {
        if is_first(place) {
            chosen.push(problem);
        } else if room > 0 {
            room -= 1;
            chosen.push(problem);
        }
    }
    chosen.into_iter().map(Item::new).collect()
}

/// What fits a line of a terminal.
pub(crate) fn in_short(people: &People) -> String {
    let People { questions, waivers, problems, .. } = people;
    let asked = questions.answered + questions.expired + questions.open;
    let all = waivers.in_force + waivers.expired + waivers.unused + waivers.not_yet + waivers.not_effective;
    let waived =
        if all > 0 { format!(", {} of {} in force", digits(waivers.in_force), many(all, "waiver", "waivers")) } else { String::new() };
    let wrong = match problems.len() as u64 {
        0 => String::new(),
        count => format!(", {}", many(count, "problem", "problems")),
    };
    format!("People: {} of {} answered{waived}{wrong}", digits(questions.answered), many(asked, "question", "questions"))
}

/// All counts in one line of sentences.
fn said(people: &People) -> String {
    let People { questions, waivers, dispositions, problems, access_review, .. } = people;
    let asked = questions.answered + questions.expired + questions.open;
    let is = |count: u64| if count == 1 { "is" } else { "are" };
    let mut text = format!(
        "Of {} {} {} answered, {} with an answer that has expired, {} open.",
        many(asked, "question", "questions"),
        digits(questions.answered),
        is(questions.answered),
        digits(questions.expired),
        digits(questions.open)
    );
    let all = waivers.in_force + waivers.expired + waivers.unused + waivers.not_yet + waivers.not_effective;
    if all > 0 {
        text.push_str(&format!(
            " Of {} {} {} in force, {} expired, {} about nothing that is there",
            many(all, "waiver", "waivers"),
            digits(waivers.in_force),
            is(waivers.in_force),
            digits(waivers.expired),
            digits(waivers.unused)
        ));
        for (count, what) in [(waivers.not_yet, "not yet in force"), (waivers.not_effective, "without effect on the gate")] {
            if count > 0 {
                text.push_str(&format!(", {} {what}", digits(count)));
            }
        }
        text.push('.');
    }
    let addressable = dispositions.decided + dispositions.due + dispositions.open;
    text.push_str(&format!(
        " Of {} {} {} decided, {} with a decision that is due again.",
        many(addressable, "addressable specification", "addressable specifications"),
        digits(dispositions.decided),
        is(dispositions.decided),
        digits(dispositions.due)
    ));
    if let Some(review) = access_review {
        text.push_str(&format!(
            " The review of access of {} decided on {}: {} to be removed {} still there, {} more than was reviewed.",
            review.on,
            many(review.reviewed, "access", "accesses"),
            digits(review.still_there.len() as u64),
            is(review.still_there.len() as u64),
            match review.grown.len() as u64 {
                1 => "1 gives".to_owned(),
                count => format!("{} give", digits(count)),
            }
        ));
    }
    match problems.len() as u64 {
        // What is not yet in force is neither.
        0 if waivers.not_yet > 0 => {}
        0 => text.push_str(" Nothing that was handed in is out of date or out of place."),
        count => text.push_str(&format!(" {}:", many(count, "problem", "problems"))),
    }
    text
}

/// One question in a line.
#[derive(Debug, Serialize)]
struct Question {
    id: String,
    state: &'static str,
    key: &'static str,
    question: String,
    who: String,
    paragraphs: String,
    file: Option<String>,
}

/// A review of access.
#[derive(Debug, Serialize)]
struct Review {
    said: String,
    /// Whether there is anything to list.
    open: bool,
    still: Vec<String>,
    unchanged: Vec<String>,
    grown: Vec<String>,
    more_grown: u64,
    not_reviewed: Vec<String>,
    more: u64,
    not_seen: Vec<String>,
}

/// A declaration of the scope file, with what was observed.
#[derive(Debug, Serialize)]
struct Declared {
    name: String,
    mark: &'static str,
    key: &'static str,
    statement: String,
    items: Vec<String>,
    more: u64,
}

/// A file of the workspace.
#[derive(Debug, Serialize)]
struct UsedFile {
    file: String,
    digest: Digest,
}

/// The chapter.
#[derive(Debug, Serialize)]
pub(super) struct Chapter {
    intro: Prose,
    said: Option<String>,
    problems: Vec<Item>,
    more: u64,
    questions: Vec<Question>,
    more_questions: u64,
    review: Option<Review>,
    declared: Vec<Declared>,
    workspace: Option<Digest>,
    files: Vec<UsedFile>,
}

/// Whether there is anything to say.
pub(super) fn is_there(assessment: &Assessment) -> bool {
    assessment.people.is_some() || assessment.declarations.is_some()
}

impl Chapter {
    pub(super) fn new(assessment: &Assessment, linker: &mut Linker) -> Option<Self> {
        if !is_there(assessment) {
            return None;
        }
        let people = assessment.people.as_ref();
        let asked = people.map(|people| people.asked.as_slice()).unwrap_or_default();
        let problems = people.map(|people| people.problems.as_slice()).unwrap_or_default();
        let used = assessment.workspace.as_ref();
        Some(Self {
            intro: linker.prose(&intro(assessment)),
            said: people.map(said),
            problems: problems.iter().take(MOST).map(Item::new).collect(),
            more: problems.len().saturating_sub(MOST) as u64,
            questions: asked.iter().take(MOST).map(question).collect(),
            more_questions: asked.len().saturating_sub(MOST) as u64,
            review: people.and_then(|people| people.access_review.as_ref()).map(review),
            declared: declared(assessment),
            workspace: used.map(|used| Digest::new(&used.sha256)),
            files: used
                .into_iter()
                .flat_map(|used| &used.files)
                .take(MOST)
                .map(|(file, sha256)| UsedFile { file: file.clone(), digest: Digest::new(sha256) })
                .collect(),
        })
    }
}

/// What the chapter is worth. Controls of people's own are rules, by which outcomes are decided: what is said of answers is not true of these.
fn intro(assessment: &Assessment) -> String {
    let mut text = "What people said stands beside what was observed, with who said it and until when it holds. No outcome rests on answers, waivers and decisions: a control that fails still fails, and what was not seen is still not seen.".to_owned();
    let own = assessment.catalog.overlays.iter().map(|overlay| (overlay.adds.len() as u64, overlay.replaces.len() as u64));
    let (adds, replaces) = own.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    if adds + replaces > 0 {
        text.push_str(&format!(
            " The outcomes of {} rest on rules that people of their own wrote; {} of these {} the place of a built-in one.",
            many(adds + replaces, "control", "controls"),
            digits(replaces),
            if replaces == 1 { "takes" } else { "take" }
        ));
    }
    text
}

fn question(asked: &crate::model::AskedQuestion) -> Question {
    Question {
        id: asked.id.clone(),
        state: asked.state.word(),
        key: match asked.state {
            QuestionState::Answered => "pass",
            QuestionState::Expired => "blind",
            QuestionState::Open => "manual",
        },
        question: clip(&asked.question, 400),
        who: asked.answered_by.clone(),
        paragraphs: asked.paragraphs.join(", "),
        file: asked.file.clone(),
    }
}

fn review(review: &AccessReview) -> Review {
    let still = |one: &ReviewedStill| {
        let note = one.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("{} by {} (decided by {} on {}{note})", one.identity, one.access, one.by, one.on)
    };
    let gone = if review.not_seen.is_empty() {
        format!("{} of them gone", digits(review.removed))
    } else {
        "how many of them are gone is not known, because not everything was read".to_owned()
    };
    Review {
        said: format!(
            "The review {} by {} on {}: {} reviewed, {} to stay, {} to be changed, {} to be removed; {gone}, {} still there.",
            review.file,
            review.by,
            review.on,
            many(review.reviewed, "access", "accesses"),
            digits(review.keep),
            digits(review.change),
            digits(review.remove),
            digits(review.still_there.len() as u64)
        ),
        open: !(review.still_there.is_empty()
            && review.unchanged.is_empty()
            && review.grown.is_empty()
            && review.not_reviewed.is_empty()
            && review.not_seen.is_empty()),
        still: review.still_there.iter().take(MOST).map(still).collect(),
        unchanged: review.unchanged.iter().take(MOST).map(still).collect(),
        grown: review.grown.iter().take(MOST).cloned().collect(),
        more_grown: review.grown.len().saturating_sub(MOST) as u64,
        not_reviewed: review.not_reviewed.iter().take(MOST).cloned().collect(),
        more: review.not_reviewed.len().saturating_sub(MOST) as u64,
        not_seen: review.not_seen.clone(),
    }
}

/// What was declared: what stands by itself, then what was set against the cluster.
fn declared(assessment: &Assessment) -> Vec<Declared> {
    let Some(said) = &assessment.declarations else { return Vec::new() };
    let plain = |name: &str, statement: String| Declared {
        name: name.to_owned(),
        mark: "declared",
        key: "manual",
        statement,
        items: Vec::new(),
        more: 0,
    };
    let mut all = Vec::new();
    for (name, value) in [("organisation", &said.organisation), ("purpose", &said.purpose), ("operator", &said.operator)] {
        all.extend(value.as_ref().map(|value| plain(name, value.clone())));
    }
    for (environment, namespaces) in &said.environments {
        all.push(plain("environments", format!("{environment}: {}", namespaces.join(", "))));
    }
    if !said.allowed_registries.is_empty() {
        all.push(plain("allowed_registries", said.allowed_registries.join(", ")));
    }
    if !said.break_glass.is_empty() {
        all.push(plain("break_glass", said.break_glass.join(", ")));
    }
    for observed in &said.observed {
        let (mark, key) = match observed.agrees {
            Some(true) => ("as declared", "pass"),
            Some(false) => ("otherwise", "fail"),
            None => ("not known", "blind"),
        };
        all.push(Declared {
            name: observed.declaration.clone(),
            mark,
            key,
            statement: observed.statement.clone(),
            items: observed.items.clone(),
            more: observed.more,
        });
    }
    all
}

fn files(named: &[NamedFile]) -> String {
    let one = |file: &NamedFile| {
        let title = file.title.as_ref().map(|title| format!("{title}, ")).unwrap_or_default();
        let digest =
            file.sha256.as_ref().map(|sha256| format!(" sha256 {}", sha256.chars().take(12).collect::<String>())).unwrap_or_default();
        let broken = file.broken.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{title}{}{digest}{broken}", file.file)
    };
    named.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// An answer in one line.
pub(super) fn answer(answer: &Answer) -> String {
    let evidence = if answer.evidence.is_empty() { String::new() } else { format!("; evidence: {}", files(&answer.evidence)) };
    let reference = answer.reference.as_ref().map(|text| format!("; {text}")).unwrap_or_default();
    format!(
        "{} — {}, {}, {}; valid until {}, {}{evidence}{reference}; {}",
        answer.statement,
        answer.answered_by.name,
        answer.answered_by.role,
        answer.answered_on,
        answer.valid_until,
        answer.state.label(),
        answer.file
    )
}

/// A decision in one line.
pub(super) fn disposition(decision: &Disposition) -> String {
    let documents = if decision.documents.is_empty() { String::new() } else { format!("; documents: {}", files(&decision.documents)) };
    let review = decision.review_by.as_ref().map(|day| format!("; to be looked at again by {day}")).unwrap_or_default();
    let part = |what: &str, text: &Option<String>| text.as_ref().map(|text| format!("; {what}: {text}")).unwrap_or_default();
    let (weighed, instead) = (part("what was weighed", &decision.assessment), part("in its place", &decision.alternative));
    format!(
        "{}: {}{weighed}{instead} — {}, {}{review}, {}{documents}; {}",
        decision.decision.label(),
        decision.rationale,
        decision.decided_by,
        decision.decided_on,
        decision.state.label(),
        decision.file
    )
}

/// A waiver in one line.
pub(super) fn waiver(waiver: &Waiver) -> String {
    let instead = waiver.compensating.as_ref().map(|text| format!("; in its place: {text}")).unwrap_or_default();
    let from = waiver.from.as_ref().map(|day| format!("from {day} ")).unwrap_or_default();
    format!(
        "Accepted by {} {from}until {} ({}), approved by {}: {}{instead}; {}",
        waiver.owner,
        waiver.until,
        waiver.state.label(),
        waiver.approved_by,
        waiver.reason,
        waiver.file
    )
}

/// How many of these findings somebody lives with.
pub(super) fn accepted(findings: &[&Finding]) -> Option<String> {
    let count = findings.iter().filter(|finding| finding.is_waived()).count() as u64;
    let other =
        findings.iter().filter(|finding| finding.waiver.as_ref().is_some_and(|one| one.state != WaiverState::InForce)).count() as u64;
    let all = digits(findings.len() as u64);
    match (count, other) {
        (0, 0) => None,
        (0, other) => Some(format!("{} of {all} with a waiver that is not in force", digits(other))),
        (count, _) => Some(format!("{} of {all} accepted for a time", digits(count))),
    }
}
