//! Since when each finding stands, carried on from the bundle before, so that a night costs the same however long the record is.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::{Record, RecordFinding};
use crate::model::{Assessment, BundleBefore, ControlResult, FirstSeen, SINCE_SCHEMA, Since, SourceId, ToolIdentity};

/// The bundle before, as far as it is needed.
#[derive(Clone, Debug)]
pub struct Before {
    /// Which it is.
    pub bundle: BundleBefore,
    /// Digest of the rules by which it was assessed.
    pub catalog: String,
    /// The program that applied them.
    pub tool: ToolIdentity,
    /// What it found.
    pub record: Record,
    /// What it carries; none where it was sealed without a store.
    pub since: Option<Since>,
}

impl Before {
    /// Whether a finding is looked for as it was in the bundle before: by the same version of its control, in the same scope. Otherwise
    /// nothing shows that it was mended.
    fn same_rules(&self, print: &str, control: &str, now: &Assessment) -> bool {
        let Some(was) = self.record.controls.iter().find(|was| was.id == control) else { return false };
        let version = now.controls.iter().find(|now| now.id == control).map(|now| now.version);
        let scope = &self.record.scope;
        let holds = |name: &str| {
            let knows = |all: &[String]| all.iter().any(|one| one == name);
            if knows(&now.scope.ephi_namespaces) { Some(true) } else { knows(&now.scope.other_namespaces).then_some(false) }
        };
        let stays = |name: &str| match (scope.holds(name), holds(name)) {
            (Some(was), Some(is)) => was == is && scope.roles.get(name) == now.scope.roles.get(name),
            // One that is not there any more, where all that there are were read.
            (Some(_), None) => now.scope.complete,
            (None, _) => false,
        };
        let namespace = was.findings.iter().find(|finding| finding.fingerprint == print).and_then(RecordFinding::namespace);
        let place = match namespace {
            Some(name) => stays(name),
            None => scope.names_them() && scope.ephi_namespaces.iter().chain(&scope.other_namespaces).all(|name| stays(name)),
        };
        // What was found while something was not seen may be called otherwise where it is.
        let whole = |source: &SourceId| {
            let row = now.coverage.iter().find(|row| row.source == *source);
            row.is_some_and(|row| row.state.is_complete() && row.left_out.is_empty())
        };
        let opened = self.record.missing_for(was).into_iter().any(whole);
        let rules = self.catalog == now.catalog.sha256 && self.tool == now.tool;
        rules && Some(was.version) == version && scope.sha256 == now.scope.sha256 && place && !opened
    }

    /// What it found, and what it carries on: nothing of it was known to be gone then.
    fn known(&self) -> BTreeMap<&str, FirstSeen> {
        let seen = |control: &str, first: &str| FirstSeen { control: control.to_owned(), first: first.to_owned() };
        let found = self.record.controls.iter().flat_map(|control| control.findings.iter().map(move |finding| (control, finding)));
        let mut known: BTreeMap<&str, FirstSeen> =
            found.map(|(control, finding)| (finding.fingerprint.as_str(), seen(&control.id, &self.bundle.finished))).collect();
        let carried = self.since.iter().flat_map(|since| &since.first_seen);
        known.extend(carried.map(|(print, first)| (print.as_str(), first.clone())));
        known
    }
}

/// What stands beside an assessment that follows a bundle, or is the first of its store.
pub fn since(before: Option<&Before>, now: &Assessment) -> Since {
    let finished = &now.collected.finished;
    let findings = now.controls.iter().flat_map(|control| control.findings().iter().map(move |finding| (control, finding)));
    let found: BTreeMap<&str, &str> = findings.map(|(control, finding)| (finding.fingerprint.as_str(), control.id.as_str())).collect();
    let mut since = Since {
        schema: SINCE_SCHEMA.to_owned(),
        previous: before.map(|before| before.bundle.clone()),
        beginning: match before {
            None => finished.clone(),
            Some(before) => before.since.as_ref().map_or_else(|| before.bundle.finished.clone(), |since| since.beginning.clone()),
        },
        new: Vec::new(),
        gone: 0,
        no_longer_seen: 0,
        first_seen: BTreeMap::new(),
    };
    let controls: BTreeMap<&str, &ControlResult> = now.controls.iter().map(|control| (control.id.as_str(), control)).collect();
    // Findings of the bundle before itself: of those that it only carries nothing new is to be said.
    let was: BTreeSet<&str> = before
        .into_iter()
        .flat_map(|before| &before.record.controls)
        .flat_map(|control| control.findings.iter().map(|finding| finding.fingerprint.as_str()))
        .collect();
    for (print, first) in before.map(Before::known).unwrap_or_default() {
        let is_there = found.contains_key(print);
        let decided = controls.get(first.control.as_str()).is_some_and(|control| control.has_decided(print));
        let is_gone = !is_there && decided && before.is_some_and(|before| before.same_rules(print, &first.control, now));
        match (is_gone, is_there, was.contains(print)) {
            (true, _, counted) => since.gone += u64::from(counted),
            (false, there, counted) => {
                since.no_longer_seen += u64::from(counted && !there);
                since.first_seen.insert(print.to_owned(), first);
            }
        }
    }
    for (print, control) in found {
        if !since.first_seen.contains_key(print) {
            since.first_seen.insert(print.to_owned(), FirstSeen { control: control.to_owned(), first: finished.clone() });
            if before.is_some() {
                since.new.push(print.to_owned());
            }
        }
    }
    since
}
