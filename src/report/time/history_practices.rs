//! What a record shows of practices, for the page and as a list. It supports a demonstration for one cluster and for the days with a
//! report; whether a practice was in place, for how long and throughout an enterprise, people demonstrate.

use super::history::Strip;
use super::plots::{day, strip};
use crate::model::history::{History, PracticeHistory, PracticeState, PracticeWas, Span};
use crate::report::csv;
use crate::report::view::many;

fn class(state: PracticeState) -> &'static str {
    match state {
        PracticeState::Observed | PracticeState::InPart => "bar",
        PracticeState::Exceptions => "fail",
        PracticeState::NotSeen => "blind",
        PracticeState::NothingInScope => "none",
    }
}

/// Spans in a line each; where the checks are others than in the one before, that is said.
fn lines(practice: &PracticeHistory) -> Vec<String> {
    let mut before: Option<&Span<PracticeWas>> = None;
    let mut lines = Vec::new();
    for span in &practice.spans {
        let counts = &span.was.counts;
        let rules = match before {
            Some(before) if before.was.rules != span.was.rules => "; checks or scope are others than before: a change here may be theirs",
            _ => "",
        };
        lines.push(format!(
            "{} to {}: {} ({} with exceptions, {} without, {} not seen, {} with nothing to look at, {}){rules}",
            day(&span.from),
            day(&span.to),
            span.was.state.words(),
            counts.fail,
            counts.pass,
            counts.not_assessed,
            counts.not_applicable,
            many(span.nights, "report", "reports"),
        ));
        before = Some(span);
    }
    lines
}

/// The practices that a control of the record shows something of.
pub(super) fn practices(history: &History) -> Vec<Strip> {
    let shown = history.practices.iter().filter(|practice| !practice.practice.controls.is_empty() && !practice.spans.is_empty());
    let row = |practice: &PracticeHistory| {
        let last = practice.spans.last();
        let numbers: Vec<String> = practice
            .practice
            .csf
            .iter()
            .map(|id| format!("CSF {id}"))
            .chain(practice.practice.hicp.iter().map(|id| format!("HICP {id}")))
            .collect();
        Strip {
            id: practice.practice.id.clone(),
            title: format!(
                "{} ({}). {} Not shown: {}",
                practice.practice.title,
                numbers.join(", "),
                practice.practice.says,
                practice.practice.not
            ),
            now: last.map_or_else(String::new, |span| span.was.state.words().to_owned()),
            class: "",
            since: last.map(|span| format!("since {}", day(&span.from))).unwrap_or_default(),
            pieces: strip(&practice.spans, &history.nights, |was| class(was.state)),
            folded: practice.spans.len() > 4,
            spans: lines(practice).into_iter().map(Into::into).collect(),
        }
    };
    shown.map(row).collect()
}

/// What the twelve months hold, in a sentence: the longest time without a report stands beside every practice.
pub(super) fn months(history: &History) -> String {
    let look = &history.look_back;
    let longest = look.uncovered.iter().map(|days| days.days).max().unwrap_or(0);
    let gap = match longest {
        0 => "no day of them is without one".to_owned(),
        days => format!("the longest time without one is {}", many(days, "day", "days")),
    };
    format!(
        "From {} to {}, {} of {} have a report of this cluster; {gap}. It supports a demonstration that these practices were in place, for this cluster and for the days with a report; policies, responsible people, training and other clusters are demonstrated elsewhere.",
        look.from,
        look.to,
        look.covered,
        many(look.days, "day", "days")
    )
}

/// Every time in which a practice stayed as it was, one a row.
pub fn practices_csv(history: &History) -> Vec<u8> {
    let header = [
        "cluster_uid",
        "cluster",
        "practice",
        "title",
        "csf",
        "hicp",
        "state",
        "from",
        "to",
        "reports",
        "with_exceptions",
        "without",
        "not_seen",
        "nothing_to_look_at",
        "checks",
        "checks_changed",
        "not_shown",
    ];
    let mut rows = Vec::new();
    for practice in &history.practices {
        let mut before: Option<&str> = None;
        let sought = &practice.practice;
        for span in &practice.spans {
            let counts = &span.was.counts;
            let changed = before.is_some_and(|before| before != span.was.rules);
            rows.push(vec![
                history.cluster_uid.clone(),
                history.cluster.clone(),
                sought.id.clone(),
                sought.title.clone(),
                sought.csf.join(" "),
                sought.hicp.join(" "),
                span.was.state.words().to_owned(),
                span.from.clone(),
                span.to.clone(),
                span.nights.to_string(),
                counts.fail.to_string(),
                counts.pass.to_string(),
                counts.not_assessed.to_string(),
                counts.not_applicable.to_string(),
                span.was.rules.clone(),
                changed.to_string(),
                sought.not.clone(),
            ]);
            before = Some(&span.was.rules);
        }
    }
    csv::list(&header, rows.into_iter())
}
