//! Snapshots of older versions: what they do not tell although it was read. "Could not see is never a pass" holds for a collector that did
//! not look, too.

use super::coverage::{Doubt, Doubts};
use crate::model::sources::{EVERY_KIND_ALONE, KUBERNETES_GROUPS};
use crate::model::{Judged, SnapshotIndex, SourceId, SourceRecord, SourceState, Unseen};

const HOW: &str = "Collect again with this version.";

/// Why a judgement is not there.
pub(super) fn unseen(what: Judged) -> Unseen {
    Unseen::read_failed(what.what(), "the snapshot does not say that this was looked at: it was taken by a version that did not", HOW)
}

/// Sources whose objects say less than they seem to, because the collector did not keep what decides.
pub(super) fn doubts(index: &SnapshotIndex) -> Doubts {
    let mut doubts = Doubts::new();
    let mut add = |source: &SourceId, unseen: Unseen| {
        doubts.entry(source.clone()).or_default().push(Doubt { namespace: None, left_out: false, unseen: unseen.of(source) });
    };
    for what in Judged::ALL.into_iter().filter(|what| !index.has_judged(*what)) {
        let wanted = what.sources();
        // A kind that users define stands under a name of its own, in the group of the source.
        let is_of = |record: &&SourceRecord| {
            wanted
                .iter()
                .any(|source| *source == record.source || (source.resource() == "*" && source.api_group() == record.source.api_group()))
        };
        for record in index.sources.iter().filter(is_of).filter(|record| record.state.count() > 0) {
            add(&record.source, unseen(what));
        }
    }
    if index.discovery.is_none() {
        // Which kinds Kubernetes itself has is known by its version. Of a group that somebody else defines, nobody can say whether it has
        // a kind that changes what those mean that were read.
        let is_foreign = |group: &str| !KUBERNETES_GROUPS.contains(&group) && !EVERY_KIND_ALONE.contains(&group);
        let served = index.sources.iter().filter(|record| !record.source.is_url() && record.source.object().is_none());
        for record in served.filter(|record| is_foreign(record.source.api_group()) && matches!(record.state, SourceState::Read { .. })) {
            let group = record.source.api_group();
            let why = "the snapshot does not hold what discovery listed: it was taken by a version that did not keep it";
            add(&record.source, Unseen::read_failed(format!("which kinds the group {group} has"), why, HOW));
        }
    }
    doubts
}
