use std::collections::BTreeMap;

use crate::model::{NonEmpty, SourceId, SourceRecord, SourceState, Unseen, UnseenKind};

/// What a table rests on: the state of each source, and the objects that were read but could not be understood.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    sources: BTreeMap<SourceId, SourceRecord>,
    not_understood: BTreeMap<SourceId, Vec<Unseen>>,
}

/// Proof that everything in a list of sources was read completely and understood. Only [`Coverage::complete`] makes one.
#[derive(Clone, Debug)]
pub struct CompleteCoverage {
    sources: Vec<(SourceId, SourceState)>,
}

impl CompleteCoverage {
    /// The sources with their states.
    pub fn sources(&self) -> &[(SourceId, SourceState)] {
        &self.sources
    }
}

impl Coverage {
    pub(in crate::facts) fn new(records: &[SourceRecord], not_understood: &BTreeMap<SourceId, Vec<Unseen>>) -> Self {
        Self {
            sources: records.iter().map(|record| (record.source.clone(), record.clone())).collect(),
            not_understood: not_understood.clone(),
        }
    }

    /// The coverage of these records alone, for tests.
    #[cfg(test)]
    pub fn of(records: &[SourceRecord]) -> Self {
        Self::new(records, &BTreeMap::new())
    }

    /// Why one of the sources was not read completely; what could not be understood in it does not count here.
    pub(in crate::facts) fn unread(&self, needed: &[SourceId]) -> Option<Unseen> {
        needed.iter().find_map(|source| match self.sources.get(source) {
            Some(record) if record.state.is_complete() => None,
            Some(record) => Some(unseen_source(record)),
            None => Some(unrecorded(source)),
        })
    }

    /// Proof that all of `needed` was read completely, or everything that was not.
    pub fn complete(&self, needed: &[SourceId]) -> Result<CompleteCoverage, NonEmpty<Unseen>> {
        let mut gaps = Vec::new();
        let mut sources = Vec::new();
        for source in needed {
            match self.sources.get(source) {
                Some(record) if record.state.is_complete() => sources.push((source.clone(), record.state.clone())),
                Some(record) => gaps.push(unseen_source(record)),
                None => gaps.push(unrecorded(source)),
            }
            gaps.extend(self.not_understood.get(source).into_iter().flatten().cloned());
        }
        match NonEmpty::new(gaps) {
            Some(gaps) => Err(gaps),
            None => Ok(CompleteCoverage { sources }),
        }
    }
}

fn unrecorded(source: &SourceId) -> Unseen {
    Unseen {
        kind: UnseenKind::ReadFailed,
        what: source.to_string(),
        why: "the snapshot has no record of it: it was taken by a version that did not read it".to_owned(),
        how_to_see: "Collect again with this version.".to_owned(),
        source: Some(source.clone()),
        missing_rule: None,
    }
}

/// What the state of a source that was not read completely means for whoever needed it.
pub fn unseen_source(record: &SourceRecord) -> Unseen {
    let source = &record.source;
    let (why, how) = match &record.state {
        SourceState::Forbidden { why } => (
            format!("the server refused it: {why}"),
            match &record.missing_rule {
                Some(rule) => format!("Grant: {rule}."),
                None => "Grant the right to read it.".to_owned(),
            },
        ),
        SourceState::Partial { read, why } => (format!("only {read} objects were read: {why}"), "Collect again.".to_owned()),
        SourceState::Stale { why } => (
            format!("its API is registered but does not answer: {why}"),
            format!("Repair or remove the APIService of {}, then collect again.", source.api_group()),
        ),
        SourceState::Failed { why } => (why.clone(), "Remove the cause, then collect again.".to_owned()),
        SourceState::NotRequested { why } => (format!("it was not asked for: {why}"), "Collect again without that option.".to_owned()),
        SourceState::Read { .. } | SourceState::NotServed => ("it was read".to_owned(), String::new()),
    };
    Unseen {
        kind: UnseenKind::ReadFailed,
        what: source.to_string(),
        why,
        how_to_see: how,
        source: Some(source.clone()),
        missing_rule: record.missing_rule.clone().map(Box::new),
    }
}
