//! What watches running programs, and what images hold.

use super::entries::{ConfigMapLine, Line, addons, config_maps, fields, metadata_only};
use super::{Entry, METADATA, Part};
use crate::model::SourceId;

const TETRAGON: &str = "Runtime observation by Tetragon.";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (SourceId::group("cilium.io", "tracingpolicies"), "TracingPolicy", &["v1alpha1"], METADATA, TETRAGON),
    (SourceId::group("cilium.io", "tracingpoliciesnamespaced"), "TracingPolicyNamespaced", &["v1alpha1"], METADATA, TETRAGON),
    (SourceId::group("aquasecurity.github.io", "vulnerabilityreports"), "VulnerabilityReport", &["v1alpha1"], "metadata{$meta} report{updateTimestamp artifact{repository tag digest} registry{server} scanner{name version} summary os{family name eosl}}", "Known vulnerabilities of images."),
];

/// Large or only counted: the server is asked for metadata only.
#[rustfmt::skip]
const METADATA_ONLY: &[Line] = &[
    (SourceId::group("aquasecurity.github.io", "sbomreports"), "SbomReport", &["v1alpha1"], METADATA, "Which workloads have a software bill of materials."),
];

const CONFIG_MAPS: &[ConfigMapLine] = &[(
    "falco",
    "falco",
    &[fields(
        "falco.yaml",
        "engine{kind} json_output priority rules_files file_output{enabled} http_output{enabled} stdout_output{enabled}
             syslog_output{enabled} program_output{enabled}",
    )],
    Part::Addons,
    "Where Falco sends what it sees.",
)];

pub(super) fn entries() -> Vec<Entry> {
    addons(LINES).chain(metadata_only(METADATA_ONLY)).chain(config_maps(CONFIG_MAPS)).collect()
}
