//! Waivers beside the findings that they are about.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Problems, same_person};
use crate::catalog::WaiverFile;
use crate::model::{Assessment, Finding, ObjectRef, People, PeopleProblemKind, Waiver, WaiverState};

/// A file with what lies beside the findings that it is about.
struct Laid<'f> {
    file: &'f WaiverFile,
    waiver: Arc<Waiver>,
    /// The same for a finding that is not what was accepted.
    outgrown: Arc<Waiver>,
}

/// What a waiver is worth, whatever it stands beside.
fn waiver_state(file: &WaiverFile, today: &str) -> WaiverState {
    if file.until.as_str() < today {
        WaiverState::Expired
    } else if file.from.as_deref().is_some_and(|from| from > today) {
        WaiverState::NotYet
    } else if is_too_wide(file) || is_self_approved(file) {
        WaiverState::NotEffective
    } else {
        WaiverState::InForce
    }
}

fn is_too_wide(file: &WaiverFile) -> bool {
    file.fingerprint.is_none() && file.objects.is_empty()
}

fn is_self_approved(file: &WaiverFile) -> bool {
    same_person(&file.owner, &file.approved_by)
}

/// Whether a finding is not any more what was accepted, as far as that was written down.
fn is_outgrown(file: &WaiverFile, finding: &Finding) -> bool {
    !file.statements.is_empty() && !file.statements.iter().any(|accepted| accepted.trim() == finding.statement.trim())
}

/// `KIND/NAMESPACE/NAME`, or `KIND/NAME` where it is in no namespace.
fn written(object: &ObjectRef) -> String {
    let place = object.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>();
    format!("{}/{place}{}", object.kind, object.name)
}

fn is_about(file: &WaiverFile, control: &str, finding: &Finding) -> bool {
    if file.control.as_deref().is_some_and(|id| id != control) {
        return false;
    }
    match &file.fingerprint {
        Some(fingerprint) => *fingerprint == finding.fingerprint,
        None if file.objects.is_empty() => true,
        None => file.objects.contains(&written(&finding.subject)),
    }
}

fn outgrown(file: &WaiverFile, finding: &Finding) -> String {
    let accepted: Vec<String> = file.statements.iter().map(|text| format!("`{text}`")).collect();
    format!("accepted was {}; it is `{}` now, and --fail-on counts it", accepted.join(" and "), finding.statement)
}

pub(super) fn lay(files: &[WaiverFile], today: &str, assessment: &mut Assessment, people: &mut People, problems: &mut Problems) {
    let all: Vec<Laid<'_>> = files
        .iter()
        .map(|file| {
            let waiver = Waiver {
                file: file.path.clone(),
                reason: file.reason.clone(),
                compensating: file.compensating.clone(),
                owner: file.owner.clone(),
                approved_by: file.approved_by.clone(),
                from: file.from.clone(),
                until: file.until.clone(),
                state: waiver_state(file, today),
            };
            let state = if waiver.state == WaiverState::InForce { WaiverState::NotEffective } else { waiver.state };
            let outgrown = Waiver { state, ..waiver.clone() };
            Laid { file, waiver: Arc::new(waiver), outgrown: Arc::new(outgrown) }
        })
        .collect();
    let (mut used, mut holding): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    let mut objects: BTreeSet<(&str, String)> = BTreeSet::new();
    for control in &mut assessment.controls {
        let id = control.id.clone();
        let of: Vec<&Laid<'_>> = all.iter().filter(|one| one.file.control.as_ref().is_none_or(|of| *of == id)).collect();
        if of.is_empty() {
            continue;
        }
        control.outcome.lay_waivers(|finding| {
            let best = of.iter().filter(|one| is_about(one.file, &id, finding)).map(|one| {
                used.insert(&one.file.path);
                objects.insert((&one.file.path, written(&finding.subject)));
                let is_outgrown = is_outgrown(one.file, finding);
                if is_outgrown && one.waiver.state == WaiverState::InForce {
                    problems.add(PeopleProblemKind::Outgrown, &one.file.path, outgrown(one.file, finding));
                } else if !is_outgrown {
                    holding.insert(&one.file.path);
                }
                (one.file, if is_outgrown { &one.outgrown } else { &one.waiver })
            });
            // What is worth most, then what holds longest, then the first file.
            best.min_by(|(a, one), (b, other)| (one.state, &other.until, &a.path).cmp(&(other.state, &one.until, &b.path)))
                .map(|(_, one)| Arc::clone(one))
        });
    }
    for Laid { file, waiver, .. } in &all {
        let is_used = used.contains(file.path.as_str());
        let of = file.control.as_deref().or(file.fingerprint.as_deref()).unwrap_or_default();
        match waiver.state {
            WaiverState::Expired => {
                people.waivers.expired += 1;
                if is_used {
                    problems.add(
                        PeopleProblemKind::Expired,
                        &file.path,
                        format!("the waiver of {of} ended on {}, and what it waived is still there", file.until),
                    );
                }
            }
            _ if !is_used => {}
            WaiverState::InForce if holding.contains(file.path.as_str()) => people.waivers.in_force += 1,
            WaiverState::InForce => people.waivers.not_effective += 1,
            WaiverState::NotYet => people.waivers.not_yet += 1,
            WaiverState::NotEffective => people.waivers.not_effective += 1,
        }
        if !is_used {
            people.waivers.unused += u64::from(waiver.state != WaiverState::Expired);
            problems.add(
                PeopleProblemKind::Unused,
                &file.path,
                format!("no finding of this snapshot is the one that the waiver of {of} is about"),
            );
        }
        if is_too_wide(file) {
            problems.add(
                PeopleProblemKind::TooWide,
                &file.path,
                format!("it waives {of} in the whole cluster; --fail-on does not count it. Name objects or a fingerprint"),
            );
        }
        if is_self_approved(file) {
            problems.add(
                PeopleProblemKind::SelfApproved,
                &file.path,
                format!("{} answers for the risk and approved it; --fail-on does not count it", file.owner),
            );
        }
        for object in file.objects.iter().filter(|object| is_used && !objects.contains(&(file.path.as_str(), (*object).clone()))) {
            problems.add(PeopleProblemKind::Unused, &file.path, format!("no finding of {of} is about {object}"));
        }
    }
}
