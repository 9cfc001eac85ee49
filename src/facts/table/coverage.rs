use std::collections::BTreeMap;

use crate::model::{NonEmpty, SourceId, SourceRecord, SourceState, Unseen};

/// What a table rests on: the state of each source, and the objects that were read but could not be understood.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    sources: BTreeMap<SourceId, SourceRecord>,
    doubts: Doubts,
}

/// What is in doubt of each source although it was read.
pub(in crate::facts) type Doubts = BTreeMap<SourceId, Vec<Doubt>>;

/// Something that was read and not understood, and how far what it could have decided reaches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct Doubt {
    /// The one namespace that it could have decided about; none where it could have been about anything.
    pub(in crate::facts) namespace: Option<String>,
    /// It is not even in the snapshot.
    pub(in crate::facts) left_out: bool,
    pub(in crate::facts) unseen: Unseen,
}

/// What a question about a source is about: a doubt that could not have decided it does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::facts) enum About<'a> {
    /// Whether the list was read to its end, for whoever looks at what was left out of it himself.
    Reading,
    /// Which objects there are. Those that were not understood are known to be there; those that were left out, nobody meets.
    Existence,
    /// One namespace.
    Namespace(&'a str),
    /// Everything in it.
    Everything,
}

/// Proof that everything in a list of sources was read completely and understood. Only [`Coverage`] makes one.
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
    pub(in crate::facts) fn new(records: &[SourceRecord], doubts: &Doubts) -> Self {
        Self { sources: records.iter().map(|record| (record.source.clone(), record.clone())).collect(), doubts: doubts.clone() }
    }

    /// The coverage of these records alone, for tests.
    #[cfg(test)]
    pub fn of(records: &[SourceRecord]) -> Self {
        Self::new(records, &Doubts::new())
    }

    /// Proof that all of `needed` was read completely and understood, or everything that was not.
    pub fn complete(&self, needed: &[SourceId]) -> Result<CompleteCoverage, NonEmpty<Unseen>> {
        self.complete_within(needed, &[], |_| true)
    }

    /// The same for a question that is only about namespaces that `concern` it: an object that could have decided about another one
    /// only, and was not understood, leaves the proof as it is. What was left out of the sources in `anywhere` could have been about every
    /// namespace: nobody has read which ones it names.
    pub fn complete_within(
        &self,
        needed: &[SourceId],
        anywhere: &[SourceId],
        concern: impl Fn(&str) -> bool,
    ) -> Result<CompleteCoverage, NonEmpty<Unseen>> {
        let mut gaps = Vec::new();
        let mut sources = Vec::new();
        for source in needed {
            match state(self.sources.get(source), source) {
                Ok(state) => sources.push((source.clone(), state.clone())),
                Err(unseen) => gaps.push(unseen),
            }
            let doubts = self.doubts.get(source).into_iter().flatten();
            let counts = |doubt: &&Doubt| doubt.namespace.as_deref().is_none_or(&concern) || (doubt.left_out && anywhere.contains(source));
            gaps.extend(doubts.filter(counts).map(|doubt| doubt.unseen.clone()));
        }
        match NonEmpty::new(gaps) {
            Some(gaps) => Err(gaps),
            None => Ok(CompleteCoverage { sources }),
        }
    }
}

/// Why `source` does not answer a question, where it does not: the one place that decides it.
pub(in crate::facts) fn gap(record: Option<&SourceRecord>, source: &SourceId, doubts: &Doubts, about: About<'_>) -> Option<Unseen> {
    if let Err(unseen) = state(record, source) {
        return Some(unseen);
    }
    let counts = |doubt: &&Doubt| match (about, doubt.namespace.as_deref()) {
        (About::Reading, _) => false,
        (About::Existence, _) => doubt.left_out,
        (About::Everything, _) | (About::Namespace(_), None) => true,
        (About::Namespace(asked), Some(namespace)) => asked == namespace,
    };
    doubts.get(source)?.iter().find(counts).map(|doubt| doubt.unseen.clone())
}

/// The state of a source that was read completely. One that the snapshot has no record of was not read.
fn state<'r>(record: Option<&'r SourceRecord>, source: &SourceId) -> Result<&'r SourceState, Unseen> {
    match record {
        Some(record) if record.state.is_complete() => Ok(&record.state),
        Some(record) => Err(unseen_source(record)),
        None => Err(Unseen::read_failed(
            source.to_string(),
            "the snapshot has no record of it: it was taken by a version that did not read it",
            "Collect again with this version.",
        )
        .of(source)),
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
    Unseen::read_failed(source.to_string(), why, how).of(source).granting(record.missing_rule.clone())
}
