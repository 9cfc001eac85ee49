//! Which kinds a cluster serves: a right on one that it does not serve gives nothing.

use std::collections::BTreeSet;

use crate::facts::table::read::Reader;
use crate::model::sources::KUBERNETES_GROUPS;

/// The kinds of groups that are not Kubernetes' own, as discovery lists them; everything where it was not kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Served(Option<Discovered>);

#[derive(Clone, Debug)]
struct Discovered {
    kinds: BTreeSet<(String, String)>,
    /// Groups whose kinds may not be all; `*` for every one.
    gaps: BTreeSet<String>,
}

impl Served {
    pub(super) fn of(reader: &Reader<'_>) -> Self {
        Self(reader.discovered().map(|discovered| Discovered {
            kinds: discovered.kinds.iter().map(|kind| (kind.group.clone(), kind.resource.clone())).collect(),
            gaps: discovered.gaps.iter().map(|gap| gap.group.clone()).collect(),
        }))
    }

    /// Whether it is sure that nothing answers to this name. Of Kubernetes' own groups RBAC also speaks of names that are no kinds, and a
    /// server of subresources lists no kinds.
    pub(super) fn lacks(&self, group: &str, resource: &str) -> bool {
        let Some(Discovered { kinds, gaps }) = &self.0 else { return false };
        !KUBERNETES_GROUPS.contains(&group)
            && !group.starts_with("subresources.")
            && !gaps.contains("*")
            && !gaps.contains(group)
            && !kinds.contains(&(group.to_owned(), resource.to_owned()))
    }
}
