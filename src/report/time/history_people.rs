//! What people answered, accepted and decided over time: rows for the page, lines for a terminal, and a list for spreadsheets.

use serde::Serialize;

use super::history::Strip;
use super::plots::{day, strip};
use crate::model::history::{AnswerWas, DecisionWas, History, Night, Span, Waived};
use crate::model::{DispositionState, QuestionState, WaiverState};
use crate::report::csv;
use crate::report::view::many;

/// Counts of one bundle, and whether a workspace was named.
#[derive(Debug, Serialize)]
pub(super) struct Counted {
    time: String,
    cells: Vec<String>,
}

/// The heads of those counts.
pub(super) const HEADS: [&str; 7] =
    ["answered", "expired", "open", "waivers in force", "waivers that do not count", "decisions", "decisions due"];

/// Everything that the page shows.
#[derive(Debug, Serialize)]
pub(super) struct People {
    pub(super) questions: Vec<Strip>,
    pub(super) decisions: Vec<Strip>,
    pub(super) waivers: Vec<Strip>,
    pub(super) heads: [&'static str; 7],
    pub(super) nights: Vec<Counted>,
}

/// The look of a piece of a strip. Those of outcomes are not used for what people say, but for what is overdue.
fn question_class(state: QuestionState) -> &'static str {
    match state {
        QuestionState::Answered => "bar",
        QuestionState::Expired => "blind",
        QuestionState::Open => "none",
    }
}

fn answered(was: &AnswerWas) -> String {
    let by = was.answer.as_ref().map(|answer| {
        format!("; the newest answer by {}, {}, on {}, until {} ({})", answer.by.name, answer.by.role, answer.on, answer.until, answer.file)
    });
    format!("{}{}", was.state.word(), by.unwrap_or_default())
}

fn decided(was: &DecisionWas) -> String {
    let due = if was.state == DispositionState::InForce { String::new() } else { format!("; {}", was.state.label()) };
    format!("{} by {} on {}{due}", was.decision.label(), was.by, was.on)
}

fn waived(was: &Waived) -> String {
    format!("{}: owner {}, approved by {}, until {} ({})", was.state.label(), was.owner, was.approved_by, was.until, was.file)
}

/// Whether the newest bundle says it, too: what people do not say any more is not what is so now.
fn stands<T>(spans: &[Span<T>], nights: &[Night]) -> bool {
    spans.last().map(|span| &span.to) == nights.last().map(|night| &night.time)
}

/// How one kind of thing is told.
struct Telling<T> {
    short: fn(&T) -> String,
    whole: fn(&T) -> String,
    class: fn(&T) -> &'static str,
}

impl<T> Telling<T> {
    fn row(&self, id: &str, title: &str, spans: &[Span<T>], nights: &[Night]) -> Strip {
        let last = spans.last().filter(|_| stands(spans, nights));
        let line = |span: &Span<T>| format!("{} to {}: {}", day(&span.from), day(&span.to), (self.whole)(&span.was));
        Strip {
            id: id.to_owned(),
            title: title.to_owned(),
            now: last.map_or_else(|| "not in the newest bundle".to_owned(), |span| (self.short)(&span.was)),
            class: "",
            since: last.map(|span| format!("since {}", day(&span.from))).unwrap_or_default(),
            pieces: strip(spans, nights, self.class),
            folded: spans.len() > 4,
            spans: spans.iter().map(line).map(Into::into).collect(),
        }
    }
}

fn decision_class(was: &DecisionWas) -> &'static str {
    if was.state == DispositionState::InForce { "bar" } else { "blind" }
}

fn waiver_class(was: &Waived) -> &'static str {
    if was.state == WaiverState::InForce { "bar" } else { "blind" }
}

/// None where nobody handed in anything.
pub(super) fn people(history: &History) -> Option<People> {
    let nights = &history.nights;
    if nights.iter().all(|night| night.people.is_none()) {
        return None;
    }
    let questions =
        Telling::<AnswerWas> { short: |was| was.state.word().to_owned(), whole: answered, class: |was| question_class(was.state) };
    let decisions = Telling::<DecisionWas> { short: |was| was.decision.label().to_owned(), whole: decided, class: decision_class };
    let waivers = Telling::<Waived> { short: |was| was.state.label().to_owned(), whole: waived, class: waiver_class };
    let accepted = history.findings.iter().filter(|finding| !finding.waived.is_empty());
    Some(People {
        questions: history.questions.iter().map(|one| questions.row(&one.id, &one.question, &one.spans, nights)).collect(),
        decisions: history.decisions.iter().map(|one| decisions.row(&one.paragraph, &one.title, &one.spans, nights)).collect(),
        waivers: accepted.map(|one| waivers.row(&one.fingerprint, &one.statement, &one.waived, nights)).collect(),
        heads: HEADS,
        nights: nights.iter().map(counted).collect(),
    })
}

fn counted(night: &Night) -> Counted {
    let cells = match &night.people {
        None => vec!["–".to_owned(); HEADS.len()],
        Some(people) => {
            let waivers = &people.waivers;
            let idle = waivers.expired + waivers.unused + waivers.not_yet + waivers.not_effective;
            let (questions, decisions) = (&people.questions, &people.dispositions);
            [questions.answered, questions.expired, questions.open, waivers.in_force, idle, decisions.decided, decisions.due]
                .map(|count| count.to_string())
                .into()
        }
    };
    Counted { time: crate::report::view::time(&night.time), cells }
}

/// What the newest bundle holds of people, in one sentence; none where no bundle ever had a workspace.
pub(super) fn sentence(history: &History) -> Option<String> {
    let without = history.nights.iter().filter(|night| night.people.is_none()).count() as u64;
    if without == history.nights.len() as u64 {
        return None;
    }
    let absent = match without {
        0 => String::new(),
        _ => format!(" {} made without a workspace.", many(without, "bundle was", "bundles were")),
    };
    let newest = history.nights.last().and_then(|night| night.people.as_ref());
    Some(match newest {
        None => format!("The newest bundle was made without a workspace: nothing is known of what people say today.{absent}"),
        Some(people) => format!(
            "Of {} in the newest bundle, {} answered, {} expired, {} open; {} in force, {} about addressable specifications.{absent}",
            many(people.questions.answered + people.questions.expired + people.questions.open, "question", "questions"),
            people.questions.answered,
            people.questions.expired,
            people.questions.open,
            many(people.waivers.in_force, "waiver is", "waivers are"),
            many(people.dispositions.decided, "decision", "decisions"),
        ),
    })
}

/// What changed in what people said, the latest first: when, and what.
pub(super) fn changes(history: &History) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let begun = history.nights.first().map(|night| &night.time);
    for question in &history.questions {
        for span in &question.spans {
            if question.spans.len() > 1 || (Some(&span.from) != begun && span.was.answer.is_some()) {
                all.push((span.from.clone(), format!("{}: {}", question.id, answered(&span.was))));
            }
        }
    }
    for decision in &history.decisions {
        let spans = decision.spans.iter().filter(|span| decision.spans.len() > 1 || Some(&span.from) != begun);
        all.extend(spans.map(|span| (span.from.clone(), format!("{}: {}", decision.paragraph, decided(&span.was)))));
    }
    for finding in &history.findings {
        let spans = finding.waived.iter().filter(|span| finding.waived.len() > 1 || Some(&span.from) != begun);
        all.extend(spans.map(|span| (span.from.clone(), format!("waiver beside {}: {}", finding.fingerprint, waived(&span.was)))));
    }
    all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    all
}

/// Every time in which something that people said stayed as it was, one a row.
pub fn people_csv(history: &History) -> Vec<u8> {
    let header = ["cluster_uid", "cluster", "what", "id", "state", "said", "from", "to", "bundles"];
    let mut rows = Vec::new();
    let mut push = |what: &str, id: &str, state: &str, said: String, (from, to, nights): (&str, &str, u64)| {
        let cells = [&history.cluster_uid, &history.cluster, what, id, state, &said, from, to, &nights.to_string()];
        rows.push(cells.map(str::to_owned).to_vec());
    };
    for one in &history.questions {
        for span in &one.spans {
            push("question", &one.id, span.was.state.word(), answered(&span.was), (&span.from, &span.to, span.nights));
        }
    }
    for one in &history.decisions {
        for span in &one.spans {
            push("decision", &one.paragraph, span.was.state.label(), decided(&span.was), (&span.from, &span.to, span.nights));
        }
    }
    for one in &history.findings {
        for span in &one.waived {
            push("waiver", &one.fingerprint, span.was.state.label(), waived(&span.was), (&span.from, &span.to, span.nights));
        }
    }
    csv::list(&header, rows.into_iter())
}
