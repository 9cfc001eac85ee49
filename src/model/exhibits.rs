//! The matrices of an assessment: who reaches what in the namespaces with ePHI, and what is isolated there. They show what was
//! computed, beside the controls; no outcome rests on them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ObjectRef, Unseen};

/// The matrices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exhibits {
    /// Subject × namespace with ePHI × dangerous reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessMatrix>,
    /// Namespace × direction × isolation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<IsolationMatrix>,
    /// Every access that is not Kubernetes' own: who holds which role through which binding. It is what a review of access looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accesses: Option<AccessList>,
    /// Claims and volumes of namespaces in scope: where ePHI may rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rest: Option<AtRestList>,
}

/// Where ePHI may rest, as far as claims and volumes show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AtRestList {
    /// Why some may be missing; empty when everything that it rests on was read.
    pub unseen: Vec<Unseen>,
    /// One for each claim, template of claims or volume, sorted by namespace and name.
    pub volumes: Vec<AtRest>,
}

/// One claim or volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AtRest {
    /// Its namespace.
    pub namespace: String,
    /// What it is, such as `Claim films`.
    pub title: String,
    /// What it lies on, in words.
    pub storage: String,
    /// Whether that is encrypted, as far as driver, class and volume show; absent where the layer below decides or something was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// Why that is not known, and whom to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// Whether the parameters name a key of the customer; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<bool>,
    /// Workloads that mount it, sorted.
    pub workloads: Vec<String>,
}

/// Who has which dangerous reach into which namespace with ePHI, by RBAC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessMatrix {
    /// Why subjects or reaches may be missing; empty when everything that it rests on was read.
    pub unseen: Vec<Unseen>,
    /// The columns: namespaces with ePHI, sorted.
    pub namespaces: Vec<String>,
    /// The kinds of reach, gravest first: the legend.
    pub reaches: Vec<ReachKind>,
    /// The rows, gravest first. Shipped defaults and subjects without any dangerous reach are left out.
    pub subjects: Vec<SubjectAccess>,
    /// How many subjects with dangerous reach are left out because all of it comes from bindings that Kubernetes ships.
    pub shipped: u64,
}

/// One kind of dangerous reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReachKind {
    /// Its id, such as `read-secrets`.
    pub id: String,
    /// In two or three words, such as `read Secrets`.
    pub label: String,
    /// What it lets the subject do, in one sentence.
    pub meaning: String,
}

/// One subject's reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectAccess {
    /// A User, Group or ServiceAccount.
    pub subject: ObjectRef,
    /// One cell per namespace into which it reaches, in the order of the columns.
    pub cells: Vec<AccessCell>,
}

/// What one subject can do in one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessCell {
    /// The column.
    pub namespace: String,
    /// Ids of the kinds of reach, in the order of the legend; at least one.
    pub reaches: Vec<String>,
    /// The bindings it comes from, such as `RoleBinding imaging/imaging-engineers-edit → ClusterRole edit`, sorted.
    pub via: Vec<String>,
}

/// Every access that is not Kubernetes' own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessList {
    /// Why accesses may be missing, or why what they give is not wholly known; empty when everything that it rests on was read.
    pub unseen: Vec<Unseen>,
    /// One for each identity and binding, sorted.
    pub accesses: Vec<Access>,
    /// How many are left out because binding, role and identity are exactly what Kubernetes ships.
    pub shipped: u64,
}

/// One identity, one binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// The identity in words, such as `ServiceAccount delivery/deploy-runner`.
    pub identity: String,
    /// The binding and the role, such as `RoleBinding imaging/engineers → ClusterRole edit`.
    pub access: String,
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// Namespace of a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Whether it holds in the whole cluster.
    pub everywhere: bool,
    /// Namespaces with ePHI in which it holds, sorted.
    pub ephi_namespaces: Vec<String>,
    /// Dangerous reach that it gives beyond what Kubernetes ships, by id as in the legend of the matrix; empty for one that gives none.
    pub reach: Vec<String>,
    /// The first rules of the role in words.
    pub rules: Vec<String>,
}

/// What NetworkPolicies isolate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IsolationMatrix {
    /// Why namespaces, pods or policies may be missing; empty when everything that it rests on was read.
    pub unseen: Vec<Unseen>,
    /// The network plugins that were found, such as `Calico`; empty when none was recognised.
    pub engines: Vec<String>,
    /// Whether the policies have an effect.
    pub enforcement: Enforcement,
    /// Why, in one sentence.
    pub enforcement_because: String,
    /// The rows: namespaces with ePHI first, then the others that have pods, each sorted.
    pub namespaces: Vec<NamespaceIsolation>,
    /// How many further namespaces are left out, because the matrix grows with their square.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

/// Whether NetworkPolicies have an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Enforcement {
    /// Everywhere.
    #[serde(rename = "enforcing")]
    Enforcing,
    /// On some nodes; on others nothing does, or only logs.
    #[serde(rename = "not on every node")]
    Partly,
    /// Nowhere.
    #[serde(rename = "not enforcing")]
    NotEnforcing,
    /// What policies deny is logged and let through.
    #[serde(rename = "audit mode")]
    Audit,
    /// Not known.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
}

impl Enforcement {
    /// The words used in files and reports.
    pub fn words(self) -> &'static str {
        match self {
            Self::Enforcing => "enforcing",
            Self::Partly => "not on every node",
            Self::NotEnforcing => "not enforcing",
            Self::Audit => "audit mode",
            Self::Unknown => "unknown",
        }
    }
}

/// One namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamespaceIsolation {
    /// Its name.
    pub namespace: String,
    /// Whether it holds ePHI.
    pub ephi: bool,
    /// Pods that count below: those not finished and not on the node's network.
    pub pods: u64,
    /// Pods on the node's network, which policies do not cover.
    pub host_network: u64,
    /// What may reach its pods.
    pub ingress: DirectionIsolation,
    /// What its pods may reach.
    pub egress: DirectionIsolation,
    /// Whether its pods can reach those of each namespace of the matrix, in the order of the rows.
    pub reaches: Vec<NamespaceFlow>,
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionIsolation {
    /// Whether a policy denies this direction for every pod of the namespace, future ones too; absent when not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_deny: Option<bool>,
    /// Pods that at least one policy isolates.
    pub isolated: u64,
    /// Pods that none does.
    pub open: u64,
    /// Pods of which that is not known.
    pub unknown: u64,
}

/// Whether traffic gets from the pods of one namespace to those of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamespaceFlow {
    /// The other namespace.
    pub to: String,
    /// How much of it.
    pub flow: Flow,
}

/// How much of the traffic between two groups of pods the policies allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Every pair of pods, on every port.
    All,
    /// Some pairs, or some ports.
    Some,
    /// None.
    None,
    /// One of the two has no pods.
    NoPods,
    /// Not known.
    Unknown,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
