//! What is read of pods, nodes and reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use crate::facts::table::read::Readable;

/// What of a pod matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Pod {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: Spec,
    pub(super) status: Option<Status>,
}

impl Readable for Pod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) node_name: Option<String>,
    pub(super) containers: Vec<Container>,
    pub(super) init_containers: Option<Vec<Container>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Option<String>,
    pub(super) container_statuses: Option<Vec<Started>>,
    pub(super) init_container_statuses: Option<Vec<Started>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Started {
    pub(super) name: String,
    #[serde(default, rename = "imageID")]
    pub(super) image_id: String,
}

/// `aquasecurity.github.io/v1alpha1` VulnerabilityReport (trivy-operator, pkg/apis/aquasecurity/v1alpha1/vulnerability_types.go).
#[derive(Debug, Deserialize)]
pub(super) struct VulnerabilityReport {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) report: Report,
}

impl Readable for VulnerabilityReport {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) update_timestamp: String,
    pub(super) artifact: Artifact,
    #[serde(default)]
    pub(super) registry: Registry,
    pub(super) scanner: Scanner,
    pub(super) summary: Summary,
    pub(super) os: Option<Os>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Artifact {
    #[serde(default)]
    pub(super) repository: String,
    #[serde(default)]
    pub(super) digest: String,
    #[serde(default)]
    pub(super) tag: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Registry {
    #[serde(default)]
    pub(super) server: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scanner {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) critical_count: u32,
    pub(super) high_count: u32,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Os {
    #[serde(default)]
    pub(super) family: String,
    #[serde(default)]
    pub(super) name: String,
    /// Left out where it is false (`omitempty`).
    #[serde(default)]
    pub(super) eosl: bool,
}

/// What a node says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) status: Option<NodeStatus>,
}

impl Readable for Node {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeStatus {
    pub(super) node_info: Option<NodeInfo>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NodeInfo {
    pub(super) architecture: Option<String>,
}

/// The platform that the operator's scans are for: it names none, and the library that fetches images then takes this one
/// (go-containerregistry, `pkg/v1/remote`, defaultPlatform; trivy-operator issues 1469 and 2763).
pub(super) const SCANNED: &str = "amd64";
