//! What people hand over beside a snapshot: files that no API shows. Each is laid over the snapshot as an object of a source of its own.

use serde::{Deserialize, Serialize};

use super::SourceId;

/// Audit policies (`audit.k8s.io/v1`), one object a file.
pub const AUDIT_POLICIES: SourceId = SourceId::group("import", "audit-policies");

/// The folder of a workspace, and of the files that a command names.
pub const IMPORTS: &str = "imports";

/// A file that was handed over, as tables read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// What it is called.
    pub metadata: ImportedName,
    /// SHA-256 of its bytes, 64 hex digits.
    pub sha256: String,
    /// What it says.
    pub policy: AuditPolicy,
}

/// Where a file lies below the workspace, such as `imports/audit-policy.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedName {
    /// The path.
    pub name: String,
}

/// An audit policy that was read whole (k8s.io/apiserver/pkg/apis/audit/v1). The names of fields are its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditPolicy {
    /// The rules in their order: the first that fits a request decides.
    pub rules: Vec<AuditRule>,
    /// Stages of which no event is made, whichever rule decides.
    pub omit_stages: Vec<String>,
    /// Whether managed fields are left out of bodies.
    pub omit_managed_fields: bool,
}

/// One rule: a request has to fit every list that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditRule {
    /// How much is recorded.
    pub level: AuditLevel,
    /// Names of users.
    pub users: Vec<String>,
    /// Groups, of which the user has to be in one.
    pub user_groups: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// Resources.
    pub resources: Vec<AuditResources>,
    /// Namespaces; the empty one stands for what has none.
    pub namespaces: Vec<String>,
    /// Paths; a `*` at the end stands for any rest.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
    /// Stages of which no event is made.
    pub omit_stages: Vec<String>,
    /// Whether managed fields are left out; where it is not set, the policy says.
    pub omit_managed_fields: Option<bool>,
}

/// Resources of one API group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditResources {
    /// The group; empty for the core group, `*` for every one.
    pub group: String,
    /// Resources: `pods`, `pods/log`, `pods/*`, `*/scale`, `*`; none means all.
    pub resources: Vec<String>,
    /// Names of objects; none means all.
    pub resource_names: Vec<String>,
}

/// How much of a request is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AuditLevel {
    /// Nothing.
    #[default]
    None,
    /// Who, what, when, and how it ended.
    Metadata,
    /// And the body of the request.
    Request,
    /// And the body of the answer.
    RequestResponse,
}

impl AuditLevel {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::None, Self::Metadata, Self::Request, Self::RequestResponse];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

/// The stages of a request, in their order.
pub const AUDIT_STAGES: [&str; 4] = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];
