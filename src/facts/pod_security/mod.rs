//! The Pod Security Standards, decided exactly as Kubernetes decides them.
//!
//! A port of `k8s.io/pod-security-admission` (`policy/*.go`): same checks, same identifiers, same policy versions, same
//! overrides. The tests marked as needing the oracle compare every answer with that code itself.
//!
//! Three limits that callers must know:
//!
//! * Pods are judged as the API server stores them, with its defaults set. In a manifest from a file a volume without a source
//!   still fails, and `hostNetwork` does not yet make host ports of all ports.
//! * Each server decides with the rules that *it* shipped. These are the rules of the releases 1.36 and 1.37 for all older
//!   policy versions; a server older than 1.35 with the gate `UserNamespacesPodSecurityStandards` on, or one that predates a
//!   volume kind, may differ in those places.
//! * Rules newer than [`NEWEST_KNOWN_MINOR`] are not known here; see [`PolicyVersion::is_known`].

mod baseline;
mod containers;
mod describe;
mod namespace;
mod registry;
mod restricted;
#[cfg(test)]
mod tests;
mod version;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;

pub(in crate::facts) use baseline::baseline_allows_capability;
pub use namespace::{Defaults, How, ModeDefault, ModePolicy, NamespacePolicy, namespace_policy, namespace_policy_with};
pub use version::{Level, NEWEST_KNOWN_MINOR, ParseLevelError, ParseVersionError, PolicyVersion};

/// One failed check of a policy, with every place in the pod that fails it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The identifier of the check in Kubernetes' registry, such as `privileged` or `capabilities_restricted`.
    pub check: &'static str,
    /// What is wrong, in plain words. Values from the cluster are quoted and control characters in them are escaped.
    pub message: String,
    /// JSON pointers relative to the root of the pod *spec*, in the order Kubernetes visits containers (init, regular,
    /// ephemeral). A pointer names an absent field when the absence is the violation.
    pub pointers: Vec<String>,
    /// Keys of the pod's *annotations* that violate the check, sorted; empty for checks that read only the spec.
    pub annotations: Vec<String>,
}

/// The checks of `level` at `version` that the pod fails, in Kubernetes' order: baseline checks by identifier, then
/// restricted ones. Empty means that Kubernetes would admit the pod; always empty for [`Level::Privileged`].
///
/// `version` is taken as given: cap it at the server's minor first with [`PolicyVersion::capped_at`], because a server applies its
/// own newest rules to every later version. A version beyond [`NEWEST_KNOWN_MINOR`] is judged by the newest rules known here.
///
/// Source: `policy/registry.go` (`EvaluatePod`, `populate`).
#[must_use]
pub fn evaluate(annotations: &BTreeMap<String, String>, spec: &PodSpec, level: Level, version: PolicyVersion) -> Vec<Violation> {
    let pod = containers::Pod { annotations, spec };
    registry::checks(level, version).into_iter().filter_map(|(check, run)| run(&pod).map(|found| found.into_violation(check))).collect()
}

/// The most restrictive level whose policy at `version` admits the pod.
///
/// Levels are not strictly nested in Kubernetes: from 1.25 a pod with `os.name: windows` skips `capabilities_restricted`,
/// which replaces `capabilities_baseline`, so a stored pod can meet restricted while it fails baseline. API validation
/// refuses such pods; if one is seen, the answer here is still the one of the restricted policy.
///
/// Source: `policy/registry.go`.
#[must_use]
pub fn level_of(annotations: &BTreeMap<String, String>, spec: &PodSpec, version: PolicyVersion) -> Level {
    strictest(|level| evaluate(annotations, spec, level, version).is_empty())
}

/// The same, of a pod of which somebody knows which levels it meets.
pub(in crate::facts) fn strictest(meets: impl Fn(Level) -> bool) -> Level {
    [Level::Restricted, Level::Baseline].into_iter().find(|level| meets(*level)).unwrap_or(Level::Privileged)
}
