//! Decisions beside the paragraphs that they are about.

use std::collections::BTreeMap;

use super::{Problems, Written, broken, named};
use crate::catalog::DispositionFile;
use crate::model::{Assessment, Decision, Disposition, DispositionState, Implementation, People, PeopleProblemKind};

pub(super) fn lay(files: &[DispositionFile], today: &str, assessment: &mut Assessment, people: &mut People, problems: &mut Problems) {
    let mut of: BTreeMap<&str, Vec<&DispositionFile>> = BTreeMap::new();
    for file in files {
        broken(&file.documents, &file.path, problems);
        if file.decided_on.as_str() > today {
            let what = format!("the decision on {} is of {}, after the snapshot: it does not count yet", file.paragraph, file.decided_on);
            problems.add(PeopleProblemKind::NotYet, &file.path, what);
        }
        of.entry(&file.paragraph).or_default().push(file);
    }
    for all in of.values_mut() {
        // The newest first, those of a later day than the snapshot last.
        all.sort_by_cached_key(|file| {
            std::cmp::Reverse((file.decided_on.as_str() <= today, file.decided_on.clone(), Written::of(&file.path)))
        });
    }
    for paragraph in assessment.paragraphs.iter_mut().filter(|paragraph| paragraph.required == Implementation::Addressable) {
        let all = of.get(paragraph.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let Some((file, others)) = all.split_first() else {
            people.dispositions.open += 1;
            continue;
        };
        for other in others.iter().filter(|other| other.decided_on == file.decided_on && differ(other, file)) {
            let what = format!(
                "two decisions on {} are of {}: {} says otherwise, and this one is the later",
                paragraph.id, file.decided_on, other.path
            );
            problems.add(PeopleProblemKind::Contradiction, &file.path, what);
        }
        if let Some(lacks) = lacks(file) {
            let what = format!("the decision on {} does not say {lacks}", paragraph.id);
            problems.add(PeopleProblemKind::Undocumented, &file.path, what);
        }
        let state = state(file, today, &paragraph.id, problems);
        match state {
            DispositionState::InForce => people.dispositions.decided += 1,
            DispositionState::ReviewDue | DispositionState::Unsupported => people.dispositions.due += 1,
            DispositionState::NotYet => people.dispositions.open += 1,
        }
        paragraph.disposition = Some(Disposition {
            file: file.path.clone(),
            decision: file.decision,
            rationale: file.rationale.clone(),
            assessment: file.assessment.clone(),
            alternative: file.alternative.clone(),
            documents: file.documents.iter().map(named).collect(),
            decided_by: file.decided_by.clone(),
            decided_on: file.decided_on.clone(),
            review_by: file.review_by.clone(),
            state,
        });
    }
}

/// What is to be documented where a specification is not implemented as written, and is not there (45 CFR 164.306(d)(3)).
fn lacks(file: &DispositionFile) -> Option<&'static str> {
    match (file.decision, &file.assessment, &file.alternative) {
        (Decision::Implemented, ..) | (Decision::NotReasonable, Some(_), _) | (Decision::Alternative, Some(_), Some(_)) => None,
        (Decision::Alternative, None, None) => {
            Some("what was weighed (`assessment`, 45 CFR 164.306(d)(3)(i)), and not which measure takes its place (`alternative`)")
        }
        (Decision::Alternative, Some(_), None) => Some("which measure takes its place (`alternative`, 45 CFR 164.306(d)(3)(ii)(B)(2))"),
        (_, None, _) => Some("what was weighed (`assessment`, 45 CFR 164.306(d)(3)(i))"),
    }
}

fn state(file: &DispositionFile, today: &str, paragraph: &str, problems: &mut Problems) -> DispositionState {
    if file.decided_on.as_str() > today {
        return DispositionState::NotYet;
    }
    if file.documents.iter().any(|document| document.broken.is_some()) {
        return DispositionState::Unsupported;
    }
    match file.review_by.as_deref().filter(|day| *day < today) {
        Some(day) => {
            let what = format!("the decision on {paragraph} was to be looked at again by {day}");
            problems.add(PeopleProblemKind::ReviewDue, &file.path, what);
            DispositionState::ReviewDue
        }
        None => DispositionState::InForce,
    }
}

fn differ(one: &DispositionFile, other: &DispositionFile) -> bool {
    let said = |file: &DispositionFile| {
        let texts = (file.rationale.clone(), file.assessment.clone(), file.alternative.clone());
        (file.decision, texts, file.decided_by.clone(), file.review_by.clone(), file.documents.clone())
    };
    said(one) != said(other)
}
