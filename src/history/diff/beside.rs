//! What stands beside the controls: declarations, versions, sources, paragraphs, and what a reader must know first.

use std::collections::{BTreeMap, BTreeSet};

use super::{Between, OtherwiseSeen};
use crate::model::{
    Assessment, ControlResult, DiffMethod, OutcomeCounts, ParagraphDiff, ScopeDiff, SourceCoverage, SourceDiff, SourceId, VersionDiff,
};

/// What the causes rest on, in words.
pub(super) fn method_said(between: &Between<'_>, method: DiffMethod) -> String {
    match method {
        DiffMethod::SameRules => {
            "Both sides were assessed by the same rules and with the same scope: what differs is the cluster, or what was seen of it."
                .to_owned()
        }
        DiffMethod::AssessedAgain => {
            "The old snapshot was assessed again with the rules and then with the scope of the new side: what changed in which step shows \
             what caused it."
                .to_owned()
        }
        DiffMethod::Concluded => {
            let what = match (between.same_rules, between.same_scope) {
                (false, false) => "rules and scope",
                (false, true) => "rules",
                _ => "scope",
            };
            format!(
                "The two sides differ in {what}, and the old snapshot could not be assessed again by the new ones: causes are concluded from \
                 versions of controls, from what was declared and from what was seen."
            )
        }
    }
}

/// What a reader must know before believing anything else.
pub(super) fn warnings(between: &Between<'_>) -> Vec<String> {
    let (old, new) = (between.old, between.new);
    let mut warnings = Vec::new();
    for assessment in [old, new] {
        warnings.extend(assessment.hypothetical.as_ref().map(|hypothetical| hypothetical.said()));
    }
    match (&old.cluster.uid, &new.cluster.uid) {
        (Some(a), Some(b)) if a != b => warnings.push(
            "These are two clusters: their kube-system namespaces have different uids. What differs is no change over time.".to_owned(),
        ),
        (Some(_), Some(_)) => {}
        _ => warnings.push(
            "Nothing shows that both sides are of one cluster: the uid of the namespace kube-system was not read on both.".to_owned(),
        ),
    }
    // RFC 3339 in UTC, as the collector writes it, sorts by time.
    if old.collected.finished > new.collected.finished {
        warnings.push(format!(
            "The old side was collected after the new one ({} and {}): what is called new was there before.",
            old.collected.finished, new.collected.finished
        ));
    }
    warnings.extend(super::said::warning(between));
    let lost = lost(between).count();
    if lost > 0 {
        warnings.push(format!(
            "Less was seen than before: {lost} {} wholly read before and not any more. What rests on them is unknown, not gone.",
            if lost == 1 { "source was" } else { "sources were" }
        ));
    }
    warnings
}

/// What was declared otherwise.
pub(super) fn scope(between: &Between<'_>) -> ScopeDiff {
    let set = |assessment: &Assessment| assessment.scope.ephi_namespaces.iter().cloned().collect::<BTreeSet<String>>();
    let (old, new) = (set(between.old), set(between.new));
    ScopeDiff {
        declared_otherwise: between.old.scope.sha256 != between.new.scope.sha256,
        added: new.difference(&old).cloned().collect(),
        removed: old.difference(&new).cloned().collect(),
    }
}

/// Controls that mean something else.
pub(super) fn versions(old: &BTreeMap<&str, &ControlResult>, new: &BTreeMap<&str, &ControlResult>) -> Vec<VersionDiff> {
    let ids: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let version = |side: &BTreeMap<&str, &ControlResult>, id: &str| side.get(id).map(|control| control.version);
    let each = ids.into_iter().map(|id| VersionDiff { control: id.to_owned(), old: version(old, id), new: version(new, id) });
    each.filter(|each| each.old != each.new).collect()
}

fn by_source(assessment: &Assessment) -> BTreeMap<&SourceId, &SourceCoverage> {
    assessment.coverage.iter().map(|row| (&row.source, row)).collect()
}

fn is_whole(row: &SourceCoverage) -> bool {
    row.state.is_complete() && row.left_out.is_empty()
}

/// Of each control, the sources of which one side saw more than the other.
pub(super) fn otherwise_seen<'a>(old: &'a Assessment, new: &'a Assessment) -> BTreeMap<&'a str, OtherwiseSeen<'a>> {
    let (was, is) = (by_source(old), by_source(new));
    let mut all: BTreeMap<&str, OtherwiseSeen<'_>> = BTreeMap::new();
    for source in was.keys().chain(is.keys()).copied().collect::<BTreeSet<_>>() {
        let rows = [was.get(source), is.get(source)];
        let [before, now] = rows.map(|row| row.is_some_and(|row| is_whole(row)));
        if before == now {
            continue;
        }
        for id in rows.into_iter().flatten().flat_map(|row| &row.needed_by).map(String::as_str).collect::<BTreeSet<_>>() {
            let of = all.entry(id).or_default();
            if before { of.old_only.push(source) } else { of.new_only.push(source) }
        }
    }
    all
}

/// Sources that were seen wholly and are not any more.
fn lost<'a>(between: &Between<'a>) -> impl Iterator<Item = &'a SourceId> {
    let old = by_source(between.old);
    let row = |row: &&'a SourceCoverage| !is_whole(row) && old.get(&row.source).is_some_and(|old| is_whole(old));
    between.new.coverage.iter().filter(row).map(|row| &row.source).collect::<Vec<_>>().into_iter()
}

/// Sources of which more or less was seen.
pub(super) fn sources(between: &Between<'_>) -> Vec<SourceDiff> {
    let (old, new) = (by_source(between.old), by_source(between.new));
    let ids: BTreeSet<&SourceId> = old.keys().chain(new.keys()).copied().collect();
    let state = |row: Option<&&SourceCoverage>| {
        row.map(|row| match row.left_out.len() {
            0 => row.state.word().to_owned(),
            n => format!("{}, {n} left out", row.state.word()),
        })
    };
    let each = ids.into_iter().map(|id| {
        let (was, is) = (old.get(id), new.get(id));
        let left_out = is.and_then(|row| row.left_out.first()).map(|object| object.why.clone());
        SourceDiff {
            source: id.clone(),
            old: state(was),
            new: state(is),
            lost: was.is_some_and(|was| is_whole(was)) && is.is_none_or(|is| !is_whole(is)),
            why: is.and_then(|row| row.state.why()).map(str::to_owned).or(left_out),
            needed_by: is.or(was).map_or(0, |row| row.needed_by.len()) as u64,
        }
    });
    each.filter(|each| each.old != each.new).collect()
}

/// Paragraphs of which the controls came out otherwise, in the order of the regulation as the new side has it; then those that only the old
/// side has.
pub(super) fn paragraphs(between: &Between<'_>) -> Vec<ParagraphDiff> {
    let by_id = |assessment: &Assessment| -> BTreeMap<String, OutcomeCounts> {
        assessment.paragraphs.iter().map(|paragraph| (paragraph.id.clone(), paragraph.counts)).collect()
    };
    let (old, new) = (by_id(between.old), by_id(between.new));
    let only_old = between.old.paragraphs.iter().filter(|paragraph| !new.contains_key(&paragraph.id));
    let each = between.new.paragraphs.iter().chain(only_old).map(|paragraph| ParagraphDiff {
        id: paragraph.id.clone(),
        title: paragraph.title.clone(),
        old: old.get(&paragraph.id).copied(),
        new: new.get(&paragraph.id).copied(),
    });
    each.filter(|each| each.old != each.new).collect()
}
