//! Snapshots as they might have been: what only tests need.

use super::{Snapshot, digest_of};
use crate::model::{LeftOut, SourceId, SourceRecord, SourceState};

/// The same snapshot with something changed. Nothing is written.
pub trait Changed: Sized {
    /// This snapshot with one source's state replaced. Its objects are gone, unless the state is
    /// [`SourceState::Read`] (then all stay) or [`SourceState::Partial`] (then the first half stays).
    #[must_use]
    fn with_state(&self, source: &SourceId, state: SourceState) -> Self;
    /// The same objects, as if a version had collected them that wrote neither what it judged nor what discovery listed.
    #[must_use]
    fn of_an_older_version(&self) -> Self;
    /// This snapshot, without an object that the collector met and could not store.
    #[must_use]
    fn with_left_out(&self, source: &SourceId, object: LeftOut) -> Self;
    /// The same objects, each with its own provenance, in another order. The index stays as it is.
    #[must_use]
    fn shuffled(&self, seed: u64) -> Self;
}

impl Changed for Snapshot {
    fn with_state(&self, source: &SourceId, state: SourceState) -> Self {
        let mut changed = self.clone();
        let held = self.index.record(source).map_or(0, |record| record.state.count());
        let shown = match &state {
            SourceState::Read { .. } => None,
            SourceState::Partial { .. } => Some(held / 2),
            _ => Some(0),
        };
        match shown {
            Some(limit) => changed.shown.insert(source.clone(), limit),
            None => changed.shown.remove(source),
        };
        match changed.index.sources.iter_mut().find(|record| &record.source == source) {
            Some(record) => {
                record.state = state;
                record.missing_rule = None;
            }
            None => {
                let record = SourceRecord {
                    source: source.clone(),
                    version: None,
                    kind: None,
                    state,
                    missing_rule: None,
                    file: None,
                    sha256: None,
                    left_out: Vec::new(),
                    pages: Vec::new(),
                };
                let at = changed.index.sources.partition_point(|other| other.source < record.source);
                changed.index.sources.insert(at, record);
            }
        }
        changed.index_sha256 = digest_of(&changed.index);
        changed
    }

    fn of_an_older_version(&self) -> Self {
        let mut changed = self.clone();
        (changed.index.judged, changed.index.discovery) = (None, None);
        changed.index_sha256 = digest_of(&changed.index);
        changed
    }

    fn with_left_out(&self, source: &SourceId, object: LeftOut) -> Self {
        let mut changed = self.clone();
        changed.index.sources.iter_mut().filter(|record| &record.source == source).for_each(|record| record.left_out.push(object.clone()));
        changed.index_sha256 = digest_of(&changed.index);
        changed
    }

    fn shuffled(&self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self.clone() }
    }
}
