//! What people answered and decided, on both sides.

use std::collections::BTreeMap;

use super::Between;
use crate::model::{Assessment, Disposition, DispositionState, SaidDiff, SaidKind};

/// Questions and addressable specifications of which something else is said. Where one side was assessed without a workspace nothing is
/// compared: a warning says so.
pub(super) fn said(between: &Between<'_>) -> Vec<SaidDiff> {
    let (Some(old), Some(new)) = (&between.old.people, &between.new.people) else { return Vec::new() };
    let states = |people: &crate::model::People| -> BTreeMap<String, (String, String)> {
        people.asked.iter().map(|one| (one.id.clone(), (one.question.clone(), one.state.word().to_owned()))).collect()
    };
    let mut all = merged(SaidKind::Question, &states(old), &states(new));
    all.extend(merged(SaidKind::Decision, &decisions(between.old), &decisions(between.new)));
    all
}

/// Why nothing is compared.
pub(super) fn warning(between: &Between<'_>) -> Option<String> {
    let side = match (&between.old.people, &between.new.people) {
        (None, Some(_)) => "old",
        (Some(_), None) => "new",
        _ => return None,
    };
    Some(format!("The {side} side was assessed without a workspace: what people answered, accepted and decided is not part of it."))
}

fn decisions(assessment: &Assessment) -> BTreeMap<String, (String, String)> {
    let each = assessment.paragraphs.iter().filter_map(|paragraph| {
        let decision = paragraph.disposition.as_ref()?;
        Some((paragraph.id.clone(), (paragraph.title.clone(), in_words(decision))))
    });
    each.collect()
}

fn in_words(disposition: &Disposition) -> String {
    let Disposition { decision, decided_by, decided_on, state, .. } = disposition;
    let due = if *state == DispositionState::InForce { String::new() } else { format!("; {}", state.label()) };
    format!("{} by {decided_by} on {decided_on}{due}", decision.label())
}

type Words = BTreeMap<String, (String, String)>;

fn merged(kind: SaidKind, old: &Words, new: &Words) -> Vec<SaidDiff> {
    let ids = old.keys().chain(new.keys().filter(|id| !old.contains_key(*id)));
    let mut all: Vec<SaidDiff> = ids
        .filter_map(|id| {
            let (was, is) = (old.get(id), new.get(id));
            let words = |side: Option<&(String, String)>| side.map(|(_, words)| words.clone());
            (words(was) != words(is)).then(|| SaidDiff {
                kind,
                id: id.clone(),
                title: is.or(was).map(|(title, _)| title.clone()).unwrap_or_default(),
                old: words(was),
                new: words(is),
            })
        })
        .collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}
