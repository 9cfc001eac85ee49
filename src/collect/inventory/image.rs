//! What images hold, as scanners that report in the cluster say.

use super::entries::{Line, addons, metadata_only};
use super::{Entry, METADATA};
use crate::model::{SourceId, sources};

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::VULNERABILITY_REPORTS, "VulnerabilityReport", &["v1alpha1"], "metadata{$meta} report{updateTimestamp artifact{repository tag digest} registry{server} scanner{name version} summary{criticalCount highCount} os{family name eosl}}", "Known vulnerabilities of images."),
];

/// Large, and only counted: the server is asked for metadata only.
#[rustfmt::skip]
const METADATA_ONLY: &[Line] = &[
    (SourceId::group("aquasecurity.github.io", "sbomreports"), "SbomReport", &["v1alpha1"], METADATA, "Which workloads have a software bill of materials."),
];

pub(super) fn entries() -> Vec<Entry> {
    addons(LINES).chain(metadata_only(METADATA_ONLY)).collect()
}
