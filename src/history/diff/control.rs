//! One control on both sides.

use std::collections::BTreeSet;

use super::{Between, Of, finding};
use crate::model::{ControlDiff, ControlResult, ControlSide, DiffCause, DiffStatus, LookedAt, OutcomeWord};

fn state(control: &ControlResult) -> ControlSide {
    ControlSide {
        version: control.version,
        outcome: control.word(),
        examined: control.examined,
        failed: control.failed,
        unknown: control.unknown,
        whole: control.is_whole(),
    }
}

/// Compares a control that stands on one side at least.
pub(super) fn compare(between: &Between<'_>, of: &Of<'_>) -> ControlDiff {
    let findings = finding::compare(between, of);
    let mut causes: BTreeSet<DiffCause> = findings.iter().filter_map(|finding| finding.cause).collect();
    let (status, because) = match (of.old, of.new) {
        (None, _) => {
            causes = BTreeSet::from([DiffCause::Catalog]);
            (DiffStatus::New, "the old catalog does not have this control".to_owned())
        }
        (_, None) => {
            causes = BTreeSet::from([DiffCause::Catalog]);
            (DiffStatus::NoLongerSeen, "the new catalog does not have this control, so nothing was looked at".to_owned())
        }
        (Some(old), Some(new)) => moved(between, of, old, new, !findings.iter().all(finding::is_same), &mut causes),
    };
    let shown = of.new.or(of.old);
    ControlDiff {
        id: shown.map(|control| control.id.clone()).unwrap_or_default(),
        title: shown.map(|control| control.title.clone()).unwrap_or_default(),
        severity: shown.map_or(crate::model::Severity::Low, |control| control.severity),
        paragraphs: shown.map(|control| control.paragraphs.clone()).unwrap_or_default(),
        status,
        causes: causes.into_iter().collect(),
        because,
        old: of.old.map(state),
        new: of.new.map(state),
        findings,
    }
}

/// What became of a control that both sides have, and why.
fn moved(
    between: &Between<'_>,
    of: &Of<'_>,
    old: &ControlResult,
    new: &ControlResult,
    any_finding: bool,
    causes: &mut BTreeSet<DiffCause>,
) -> (DiffStatus, String) {
    let (was, is) = ((old.word(), old.is_whole()), (new.word(), new.is_whole()));
    let answered = old.answers != new.answers;
    if answered {
        causes.insert(DiffCause::People);
    }
    if was == is {
        let because = if answered { "what people answered is otherwise, or its days have passed" } else { "" };
        return (if any_finding || answered { DiffStatus::Changed } else { DiffStatus::Same }, because.to_owned());
    }
    let blind = is.0 == OutcomeWord::NotAssessed && was.0 != OutcomeWord::NotAssessed;
    let status = if blind { DiffStatus::NoLongerSeen } else { DiffStatus::Changed };
    let mut why = Vec::new();
    if let Some((rules, scope)) = of.again {
        let mut last = was;
        for (step, cause) in [(rules, DiffCause::Catalog), (scope, DiffCause::Scope)] {
            let Some(step) = step else { continue };
            let now = (step.word(), step.is_whole());
            if now != last {
                why.push((cause, format!("the old snapshot comes out as {} with the new {}", said(step), of_what(cause))));
                last = now;
            }
        }
        if last != is {
            why.push(last_step(between, last, new));
        }
    } else if old.version != new.version {
        why.push((DiffCause::Catalog, format!("version {} of the control, and {} before", new.version, old.version)));
    } else if let Some(set) = set_otherwise(old, new) {
        why.push((DiffCause::Scope, set));
    } else if !between.same_scope && new.looked_at == LookedAt::Ephi && !blind && was.1 && is.1 && causes.contains(&DiffCause::Scope) {
        why.push((DiffCause::Scope, "other namespaces are declared to hold ePHI".to_owned()));
    } else {
        why.push(last_step(between, was, new));
    }
    causes.extend(why.iter().map(|(cause, _)| *cause));
    (status, why.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("; "))
}

/// Parameters of a control that count with other values than before, in words; none where all are the same. One that the old side does
/// not have is the catalog's matter.
pub(super) fn set_otherwise(old: &ControlResult, new: &ControlResult) -> Option<String> {
    let pairs = new.parameters.iter().filter_map(|is| Some((is, old.parameters.iter().find(|was| was.name == is.name)?)));
    let each: Vec<String> = pairs
        .filter(|(is, was)| is.value != was.value)
        .map(|(is, was)| format!("{} is {} {} now and was {}", is.name, is.value, is.unit, was.value))
        .collect();
    (!each.is_empty()).then(|| each.join(", "))
}

fn of_what(cause: DiffCause) -> &'static str {
    if cause == DiffCause::Catalog { "rules" } else { "scope" }
}

fn said(control: &ControlResult) -> String {
    let label = control.word().label();
    if control.word() == OutcomeWord::Fail && !control.is_whole() { format!("{label}, not wholly seen") } else { label.to_owned() }
}

/// With the same rules and scope it is the cluster, or what was seen of it.
fn last_step(between: &Between<'_>, last: (OutcomeWord, bool), new: &ControlResult) -> (DiffCause, String) {
    let is = new.is_whole();
    if last.1 && !is {
        let unseen = new.unseen().first().map_or_else(String::new, |unseen| format!(": {}: {}", unseen.what, unseen.why));
        return (DiffCause::Coverage, format!("not everything that it rests on was seen{unseen}"));
    }
    if !last.1 && is && last.0 != OutcomeWord::Manual {
        return (DiffCause::Coverage, "everything that it rests on was seen, which it was not before".to_owned());
    }
    if let Some(seen) = between.otherwise_seen.get(new.id.as_str()) {
        let all = seen.old_only.iter().chain(&seen.new_only).map(ToString::to_string).collect::<Vec<_>>();
        return (DiffCause::Coverage, format!("more or less was seen of {}", all.join(", ")));
    }
    (DiffCause::Cluster, "what it looks at is otherwise in the cluster".to_owned())
}
