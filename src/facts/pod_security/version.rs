//! Levels and policy versions, read as Kubernetes reads them (`api/helpers.go`).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The newest minor whose rules are in this module; later policy versions may hold checks that are not known here.
pub const NEWEST_KNOWN_MINOR: u64 = 37;

/// A Pod Security level; ordered from the least to the most restrictive, as `CompareLevels` in `api/helpers.go`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing is refused.
    Privileged,
    /// Known privilege escalations are refused.
    Baseline,
    /// Baseline plus hardening.
    Restricted,
}

impl Level {
    /// The spelling used in namespace labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A level that Kubernetes does not know; matching is exact, so `Restricted` or ` baseline` are unknown too.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Pod Security level {0:?} is not one of privileged, baseline, restricted")]
pub struct ParseLevelError(pub String);

impl FromStr for Level {
    type Err = ParseLevelError;

    /// `ParseLevel` in `api/helpers.go`.
    fn from_str(written: &str) -> Result<Self, Self::Err> {
        match written {
            "privileged" => Ok(Self::Privileged),
            "baseline" => Ok(Self::Baseline),
            "restricted" => Ok(Self::Restricted),
            _ => Err(ParseLevelError(written.to_owned())),
        }
    }
}

/// A policy version; ordered, with `Latest` newer than every number, as `Older` in `api/helpers.go`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyVersion {
    /// `v1.N`.
    V1(u64),
    /// `latest`: the newest rules of whichever server decides.
    Latest,
}

impl PolicyVersion {
    /// What a server of this minor applies for the policy version: `latest` and everything newer than the server are the
    /// server's own newest rules. The answer is always a number.
    ///
    /// With an emulated version (`--emulated-version`) pass the emulated minor.
    ///
    /// Source: `policy/registry.go` (`NewEvaluator`, `EvaluatePod`).
    #[must_use]
    pub fn capped_at(self, server_minor: u32) -> Self {
        let server = u64::from(server_minor);
        match self {
            Self::V1(minor) => Self::V1(minor.min(server)),
            Self::Latest => Self::V1(server),
        }
    }

    /// Whether every rule of this version is in this module. `false` for `Latest`: cap it first.
    #[must_use]
    pub fn is_known(self) -> bool {
        match self {
            Self::V1(minor) => minor <= NEWEST_KNOWN_MINOR,
            Self::Latest => false,
        }
    }

    /// The minor that selects rules; `Latest` selects the newest.
    pub(super) fn rule_minor(self) -> u64 {
        match self {
            Self::V1(minor) => minor,
            Self::Latest => u64::MAX,
        }
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1(minor) => write!(f, "v1.{minor}"),
            Self::Latest => f.write_str("latest"),
        }
    }
}

/// A version that Kubernetes does not accept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Pod Security version {0:?} is neither \"latest\" nor \"v1.N\" without leading zeros")]
pub struct ParseVersionError(pub String);

impl FromStr for PolicyVersion {
    type Err = ParseVersionError;

    /// `ParseVersion` in `api/helpers.go`: `latest`, or `^v1\.([0-9]|[1-9][0-9]*)$` that fits Go's 64-bit int.
    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let refused = || ParseVersionError(written.to_owned());
        if written == "latest" {
            return Ok(Self::Latest);
        }
        let digits = written.strip_prefix("v1.").ok_or_else(refused)?;
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
        if !plain {
            return Err(refused());
        }
        // An empty string fails here too, as do numbers that overflow Go's int.
        let minor: i64 = digits.parse().map_err(|_| refused())?;
        u64::try_from(minor).map(Self::V1).map_err(|_| refused())
    }
}
