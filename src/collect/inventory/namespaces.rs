//! Namespaces.

use super::Entry;
use super::entries::list;
use crate::model::sources;

pub(super) fn entries() -> Vec<Entry> {
    vec![list(
        sources::NAMESPACES,
        "Namespace",
        "metadata{$meta} status{phase}",
        "Scope of ePHI, Pod Security labels, and the identity of the cluster (uid of kube-system).",
    )]
}
