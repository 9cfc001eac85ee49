//! What watches running programs.

use super::entries::{ConfigMapLine, Line, addons, config_maps, fields};
use super::{Entry, METADATA, Part};
use crate::model::SourceId;

const TETRAGON: &str = "Runtime observation by Tetragon.";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (SourceId::group("cilium.io", "tracingpolicies"), "TracingPolicy", &["v1alpha1"], METADATA, TETRAGON),
    (SourceId::group("cilium.io", "tracingpoliciesnamespaced"), "TracingPolicyNamespaced", &["v1alpha1"], METADATA, TETRAGON),
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
    addons(LINES).chain(config_maps(CONFIG_MAPS)).collect()
}
