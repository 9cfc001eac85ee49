//! How findings are ranked. `docs/scoring.md` argues the numbers; there is no total.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Severity;

/// How far what a finding shows can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// By whoever already acts inside the one namespace.
    #[default]
    Namespace,
    /// From anywhere in the cluster, or in all of it.
    Cluster,
    /// From outside the cluster, or by every identity: what the control's `exposed` says.
    Open,
}

impl Exposure {
    /// The factor.
    pub fn weight(self) -> u32 {
        match self {
            Self::Namespace => 1,
            Self::Cluster => 2,
            Self::Open => 3,
        }
    }
    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Namespace => "within the namespace",
            Self::Cluster => "cluster-wide",
            Self::Open => "open to the outside or to every identity",
        }
    }
}

/// Where a finding stands towards ePHI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EphiScope {
    /// In a namespace that is not declared to hold ePHI.
    Elsewhere,
    /// In no namespace: it concerns those with ePHI as well as all others.
    ClusterWide,
    /// In a namespace with ePHI.
    Ephi,
}

impl EphiScope {
    /// The factor.
    pub fn weight(self) -> u32 {
        match self {
            Self::Elsewhere => 1,
            Self::ClusterWide => 2,
            Self::Ephi => 3,
        }
    }
}

impl Severity {
    /// The factor: each step weighs three times the one below, as much as the widest step of another factor, so that neither exposure
    /// nor scope alone lifts a finding over the next severity.
    pub fn weight(self) -> u32 {
        match self {
            Self::Critical => 27,
            Self::High => 9,
            Self::Medium => 3,
            Self::Low => 1,
        }
    }
}

/// Severity × exposure × ePHI scope: from 1 to 243.
pub fn risk(severity: Severity, exposure: Exposure, scope: EphiScope) -> u32 {
    severity.weight() * exposure.weight() * scope.weight()
}
