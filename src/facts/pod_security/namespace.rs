//! The policy of a namespace from its labels (`PolicyToEvaluate` in `api/helpers.go`).

use std::collections::BTreeMap;

use super::version::{Level, PolicyVersion};

/// The three modes of one namespace.
///
/// Exemptions of the server (users, runtime classes, namespaces) are not visible in labels and not considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespacePolicy {
    /// Violating pods are refused. Only pods themselves, never their controllers.
    pub enforce: ModePolicy,
    /// Violations are noted in the audit log.
    pub audit: ModePolicy,
    /// Violations are told to the client.
    pub warn: ModePolicy,
}

/// One mode of a namespace, and where each half comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModePolicy {
    /// The level in effect.
    pub level: Level,
    /// Where the level comes from.
    pub level_how: How,
    /// The version in effect, as written: it may be newer than the server.
    pub version: PolicyVersion,
    /// Where the version comes from.
    pub version_how: How,
    /// The version whose rules the server applies: `version` capped at the server's minor. Always `v1.N`; pass it to
    /// [`super::evaluate`].
    pub applied: PolicyVersion,
}

/// Where a level or version comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// A valid label.
    Set,
    /// No label: the default of the server. Only a guess unless the server's AdmissionConfiguration was seen.
    DefaultedUnset,
    /// No `warn` label, and a valid `enforce` label that is stricter than the default of `warn`: it follows `enforce`.
    FollowsEnforce,
    /// A label that Kubernetes does not accept: an `enforce` level falls to restricted, an `audit` or `warn` level to
    /// privileged, a version to `latest`. Where the admission plugin runs it refuses to write such a label, but leaves
    /// one that was there before.
    InvalidFallsBack {
        /// The label's value.
        written: String,
    },
}

/// The default level and version of one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeDefault {
    /// Level where no label is set.
    pub level: Level,
    /// Version where no label is set.
    pub version: PolicyVersion,
}

/// The defaults of the server's AdmissionConfiguration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// For `enforce`.
    pub enforce: ModeDefault,
    /// For `audit`.
    pub audit: ModeDefault,
    /// For `warn`.
    pub warn: ModeDefault,
}

impl Defaults {
    /// What a server uses without configuration: privileged and latest for all modes (`admission/api/v1/defaults.go`).
    pub const BUILT_IN: Self = {
        let mode = ModeDefault { level: Level::Privileged, version: PolicyVersion::Latest };
        Self { enforce: mode, audit: mode, warn: mode }
    };
}

/// The policy of a namespace on a server with built-in defaults; see [`namespace_policy_with`].
#[must_use]
pub fn namespace_policy(labels: &BTreeMap<String, String>, server_minor: u32) -> NamespacePolicy {
    namespace_policy_with(labels, &Defaults::BUILT_IN, server_minor)
}

/// The policy of a namespace with these labels, on a server with these defaults and this minor (the emulated minor where
/// `--emulated-version` is set).
///
/// Source: `api/helpers.go` (`PolicyToEvaluate`) and `policy/registry.go` (the cap).
#[must_use]
pub fn namespace_policy_with(labels: &BTreeMap<String, String>, defaults: &Defaults, server_minor: u32) -> NamespacePolicy {
    let mode = |name: &str, invalid: Level, default: ModeDefault| {
        let (level, level_how) = read(labels.get(&format!("pod-security.kubernetes.io/{name}")), invalid, default.level);
        let (version, version_how) =
            read(labels.get(&format!("pod-security.kubernetes.io/{name}-version")), PolicyVersion::Latest, default.version);
        ModePolicy { level, level_how, version, version_how, applied: version.capped_at(server_minor) }
    };
    let enforce = mode("enforce", Level::Restricted, defaults.enforce);
    let audit = mode("audit", Level::Privileged, defaults.audit);
    let mut warn = mode("warn", Level::Privileged, defaults.warn);
    // An invalid enforce label does not pull warn along, nor does a default that is merely stricter.
    if warn.level_how == How::DefaultedUnset && enforce.level_how == How::Set && enforce.level > warn.level {
        warn.level = enforce.level;
        warn.level_how = How::FollowsEnforce;
        if warn.version_how == How::DefaultedUnset {
            warn.version = enforce.version;
            warn.version_how = How::FollowsEnforce;
            warn.applied = enforce.applied;
        }
    }
    NamespacePolicy { enforce, audit, warn }
}

fn read<T: std::str::FromStr>(label: Option<&String>, invalid: T, default: T) -> (T, How) {
    match label.map(|written| (written, written.parse())) {
        None => (default, How::DefaultedUnset),
        Some((_, Ok(value))) => (value, How::Set),
        Some((written, Err(_))) => (invalid, How::InvalidFallsBack { written: written.clone() }),
    }
}
