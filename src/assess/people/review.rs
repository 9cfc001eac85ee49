//! The last review of access, set against who has what now. What is not seen is never gone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problems, Written, answers, counted};
use crate::catalog::{AnswerFile, Answered, ReviewedAccess};
use crate::digest::sha256_hex;
use crate::model::{ACCESS_REVIEW, Access, AccessReview, AnswerState, Assessment, PeopleProblemKind, ReviewDecision, ReviewedStill};

/// How many accesses of a kind are named one by one among the problems.
const NAMED: usize = 20;
/// Stands for every namespace.
const EVERYWHERE: &str = "*";

/// The newest review in force among the answers, and what became of what it decided.
pub(super) fn last(files: &[AnswerFile], today: &str, assessment: &Assessment, problems: &mut Problems) -> Option<AccessReview> {
    let cluster = assessment.cluster.uid.as_deref();
    let reviews = files.iter().filter(|file| file.question == ACCESS_REVIEW).filter_map(|file| Some((file, file.answered.as_ref()?)));
    let mut last: Option<(&AnswerFile, &Answered)> = None;
    for (file, said) in reviews.filter(|(_, said)| !said.review.is_empty()) {
        match answers::state(said, today, cluster) {
            AnswerState::InForce => {
                let when = |(file, said): (&AnswerFile, &Answered)| (said.on.clone(), Written::of(&file.path));
                last = last.into_iter().chain([(file, said)]).max_by_key(|one| when(*one));
            }
            AnswerState::OtherCluster => {
                let of = said.cluster_uid.as_deref().unwrap_or_default();
                let what = format!("it reviews the access to the cluster {of}, which is not this one: it does not count");
                problems.add(PeopleProblemKind::OtherCluster, &file.path, what);
            }
            _ => {}
        }
    }
    let (file, said) = last?;
    let mut review = AccessReview {
        file: file.path.clone(),
        by: said.name.clone(),
        on: said.on.clone(),
        reviewed: said.review.len() as u64,
        ..AccessReview::default()
    };
    let list = assessment.exhibits.accesses.as_ref();
    review.not_seen = match list {
        Some(list) => list.unseen.iter().map(|unseen| format!("{}: {}", unseen.what, unseen.why)).collect(),
        None => vec!["who has access: this assessment holds no list of it".to_owned()],
    };
    review.not_seen.dedup();
    if said.cluster_uid.is_none() || cluster.is_none() {
        let why = if cluster.is_none() { "the id of this cluster was not read" } else { "the review does not say it" };
        review.not_seen.push(format!("whether the review is of this cluster: {why}"));
        let what = format!("nobody knows whether it reviews the access to this cluster: {why}");
        problems.add(PeopleProblemKind::OtherCluster, &file.path, what);
    }
    let now: BTreeMap<(&str, &str), &Access> =
        list.iter().flat_map(|list| &list.accesses).map(|access| ((access.identity.as_str(), access.access.as_str()), access)).collect();
    for one in &said.review {
        decided(one, now.get(&(one.identity.as_str(), one.access.as_str())).copied(), &mut review, problems);
    }
    let reviewed: BTreeSet<(&str, &str)> = said.review.iter().map(|one| (one.identity.as_str(), one.access.as_str())).collect();
    let new = now.keys().filter(|key| !reviewed.contains(*key));
    review.not_reviewed = new.map(|(identity, access)| format!("{identity} by {access}")).collect();
    let on = &said.on;
    some(PeopleProblemKind::NotReviewed, &review, &review.not_reviewed, &format!("not in the review of {on}"), problems);
    review.grown.sort();
    for one in review.grown.iter().take(NAMED) {
        problems.add(PeopleProblemKind::Grown, &file.path, one.clone());
    }
    if let Some(more) = review.grown.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let more = counted(more, "more access gives", "more accesses give");
        problems.add(PeopleProblemKind::Grown, &file.path, format!("{more} more than was reviewed on {on}"));
    }
    Some(review)
}

/// The first of these as problems, and how many more there are.
fn some(kind: PeopleProblemKind, review: &AccessReview, all: &[String], what: &str, problems: &mut Problems) {
    for one in all.iter().take(NAMED) {
        problems.add(kind, &review.file, format!("{one} is {what}"));
    }
    if let Some(more) = all.len().checked_sub(NAMED).filter(|more| *more > 0) {
        problems.add(kind, &review.file, format!("{} {what}", counted(more, "more access is", "more accesses are")));
    }
}

/// What became of one access that was decided on.
fn decided(one: &ReviewedAccess, there: Option<&Access>, review: &mut AccessReview, problems: &mut Problems) {
    let more = there.and_then(|access| more(access, one));
    let file = review.file.clone();
    match one.decision {
        ReviewDecision::Keep => review.keep += 1,
        ReviewDecision::Change => {
            review.change += 1;
            if let Some(access) = there.filter(|access| !is_less(access, one)) {
                let what = format!(
                    "{} by {} was to be changed ({} on {}), and gives no less than it gave",
                    access.identity, access.access, one.by, one.on
                );
                problems.add(PeopleProblemKind::StillThere, &file, what);
                review.unchanged.push(still(one));
            }
        }
        ReviewDecision::Remove => {
            review.remove += 1;
            if there.is_some() {
                let what = format!("{} by {} was to be removed ({} on {}), and is still there", one.identity, one.access, one.by, one.on);
                problems.add(PeopleProblemKind::StillThere, &file, what);
                review.still_there.push(still(one));
            } else if review.not_seen.is_empty() {
                review.removed += 1;
            }
        }
    }
    // What was to go is reported as that.
    if let Some(more) = more.filter(|_| one.decision != ReviewDecision::Remove) {
        review.grown.push(format!("{} by {} {more}", one.identity, one.access));
    }
}

type Set<'a> = BTreeSet<&'a str>;

fn set(ids: &[String]) -> Set<'_> {
    ids.iter().map(String::as_str).collect()
}

/// Where an access holds.
fn places(access: &Access) -> Set<'_> {
    if access.everywhere { Set::from([EVERYWHERE]) } else { set(&access.ephi_namespaces) }
}

/// Digest of what a role grants, as far as an access shows it.
fn rules(access: &Access) -> String {
    sha256_hex(access.rules.join("\n").trim().as_bytes())
}

/// What an access gives beyond what was reviewed, as the end of a sentence; nothing where it gives no more.
fn more(now: &Access, then: &ReviewedAccess) -> Option<String> {
    let listed = |ids: Vec<&str>| ids.join(", ");
    let (known, held) = (set(&then.reach), then.namespaces.as_deref().map(set));
    let reach: Vec<&str> = now.reach.iter().map(String::as_str).filter(|id| !known.contains(id)).collect();
    let new =
        |held: &Set<'_>| places(now).into_iter().filter(|name| !held.contains(name) && !held.contains(EVERYWHERE)).collect::<Vec<_>>();
    let places = held.as_ref().map(new).unwrap_or_default();
    let mut said = Vec::new();
    if !reach.is_empty() {
        said.push(format!("reaches what was not reviewed: {}", listed(reach)));
    }
    if places.contains(&EVERYWHERE) {
        said.push("holds in the whole cluster, which was not reviewed".to_owned());
    } else if !places.is_empty() {
        said.push(format!("holds where it was not reviewed: {}", listed(places)));
    }
    // Rules cannot be weighed by their words: others than those that were reviewed may give more.
    if said.is_empty() && !is_less(now, then) && then.rules_sha256.as_ref().is_some_and(|digest| *digest != rules(now)) {
        said.push("has a role with other rules than were reviewed".to_owned());
    }
    (!said.is_empty()).then(|| said.join(", and "))
}

/// Whether an access gives less than what was reviewed, and nothing beyond it.
fn is_less(now: &Access, then: &ReviewedAccess) -> bool {
    let (reach, known) = (set(&now.reach), set(&then.reach));
    let places = places(now);
    let (within, fewer) = match then.namespaces.as_deref().map(set) {
        Some(held) if held.contains(EVERYWHERE) => (true, !places.contains(EVERYWHERE)),
        Some(held) => (places.is_subset(&held), places.len() < held.len()),
        None => (true, false),
    };
    reach.is_subset(&known) && within && (reach.len() < known.len() || fewer)
}

fn still(one: &ReviewedAccess) -> ReviewedStill {
    let ReviewedAccess { identity, access, by, on, note, .. } = one.clone();
    ReviewedStill { identity, access, by, on, note }
}
