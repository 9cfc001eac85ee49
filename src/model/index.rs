//! What a snapshot says about itself: `index.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccessRule, Discovered, SourceId, SourceState};

/// Which program wrote a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolIdentity {
    /// Always `kube-hipaa`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Source revision that the program was built from, `unknown` where the build had none.
    pub commit: String,
}

/// Which cluster was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterIdentity {
    /// The name the operator gave (`--cluster-name`, else the kubeconfig context).
    pub name: String,
    /// `metadata.uid` of the namespace kube-system, the usual identity of a cluster; absent when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The URL that was asked.
    pub server: String,
    /// SHA-256 of the CA certificate (DER) that the server was verified with; absent when the system's trust store was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_sha256: Option<String>,
    /// True when the kubeconfig switches certificate verification off: then nothing shows that this was the cluster meant.
    #[serde(default)]
    pub tls_unverified: bool,
    /// `gitVersion` of `/version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The distribution as recognised from version and nodes (`kubeadm`, `EKS`, ...), absent when nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
    /// Number of Node objects, absent when they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u64>,
}

/// As whom the cluster was read (SelfSubjectReview).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The user name as the server sees it; absent when the server did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The groups, sorted.
    pub groups: Vec<String>,
}

/// When and by whom the snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Collected {
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// End, RFC 3339 UTC.
    pub finished: String,
    /// The identity.
    pub identity: Identity,
    /// Number of requests that were sent, retries included.
    pub requests: u64,
    /// Rights of that identity beyond reading, in words (SelfSubjectRulesReview); nothing of them was used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excess_rights: Vec<String>,
    /// Seconds by which the API server's clock was ahead of this one (`Date` header), absent when it sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_clock_ahead_seconds: Option<i64>,
}

/// One request to the API server, as written to `requests.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestRecord {
    /// Number, from 1, in order of sending.
    pub id: u64,
    /// When it was sent, RFC 3339 UTC with milliseconds.
    pub time: String,
    /// The Kubernetes verb: `get`, `list` or (for selfsubject reviews only) `create`.
    pub verb: String,
    /// Path and query.
    pub path: String,
    /// HTTP status; absent when no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Objects in the answer, where it was a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// Bytes of the answer's body after decompression.
    pub bytes: u64,
    /// True for the one request that is sent without credentials.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// Why no usable answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Which request brought which objects of a file: `items` lines, following those of the pages before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// The request's number.
    pub request: u64,
    /// Number of lines it brought.
    pub items: u64,
    /// When the answer was received, RFC 3339 UTC.
    pub received: String,
}

/// What became of one source, with what is needed to check its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceRecord {
    /// The source.
    pub source: SourceId,
    /// The API version that was asked, such as `v1`; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The kind of its objects, such as `Pod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub state: SourceState,
    /// The rule that would allow it, where it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_rule: Option<AccessRule>,
    /// The file beside `index.json`; absent where nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of that file's bytes as they stand on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The pages in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<Page>,
    /// Objects of it that came and could not be stored. The rest of it was read as its state says; what each of these could have decided is in doubt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl SourceRecord {
    /// Whether every object that there is of it is known: what is not among them does not exist.
    pub fn is_whole(&self) -> bool {
        self.state.is_complete() && self.left_out.is_empty()
    }
}

/// An object that a server has and a snapshot does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Its namespace, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Why it could not be stored; never a word of what it holds.
    pub why: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The name of the snapshot format and its version; a reader refuses any other.
pub const SNAPSHOT_FORMAT: &str = "kube-hipaa/snapshot/v1";

/// `index.json` of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotIndex {
    /// [`SNAPSHOT_FORMAT`].
    pub format: String,
    /// Who wrote it.
    pub tool: ToolIdentity,
    /// Which cluster.
    pub cluster: ClusterIdentity,
    /// When, and by whom.
    pub collected: Collected,
    /// What discovery listed; absent in snapshots that were taken before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovered>,
    /// What was judged while values were left out, and what was kept, beyond what the first version did: names of [`super::Judged`],
    /// sorted. Absent in snapshots that were taken before it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Vec<String>>,
    /// One record per source of the inventory, sorted by source.
    pub sources: Vec<SourceRecord>,
    /// Every request that was made.
    pub requests: Vec<RequestRecord>,
}

impl SnapshotIndex {
    /// The record of a source, if the snapshot knows of it.
    pub fn record(&self, source: &SourceId) -> Option<&SourceRecord> {
        self.sources.iter().find(|record| &record.source == source)
    }
}
