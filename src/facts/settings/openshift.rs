//! What OpenShift's own object says of the API server: audit and encryption (openshift/api config/v1/types_apiserver.go).

use serde::Deserialize;

use super::encryption::OpenShiftEncryption;
use crate::facts::FactsError;
use crate::facts::table::read::{Readable, Reader};
use crate::model::Evidence;
use crate::model::sources::OPENSHIFT_API_SERVERS;

/// An APIServer of OpenShift (`config.openshift.io/v1`).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct OpenShiftServer {
    pub(super) encryption: Option<OpenShiftEncryption>,
    pub(super) audit: Option<Audit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Audit {
    /// Empty is `Default`.
    #[serde(default)]
    pub(super) profile: String,
    #[serde(default)]
    pub(super) custom_rules: Vec<CustomRule>,
}

#[derive(Deserialize)]
pub(super) struct CustomRule {
    pub(super) group: String,
    pub(super) profile: String,
}

impl Audit {
    pub(super) fn unset() -> Self {
        Self { profile: String::new(), custom_rules: Vec::new() }
    }
}

#[derive(Deserialize)]
struct OpenShiftObject {
    #[serde(default)]
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    #[serde(default)]
    spec: OpenShiftServer,
}

/// Name, settings and place of every such object; there is one, called `cluster`.
pub(super) fn openshift_servers(reader: &Reader<'_>) -> Result<Vec<(String, OpenShiftServer, Evidence)>, FactsError> {
    let mut all = Vec::new();
    reader.each::<OpenShiftObject>(&OPENSHIFT_API_SERVERS, |object, origin| {
        all.push((object.metadata.name.clone().unwrap_or_default(), object.spec, origin));
    })?;
    Ok(all)
}

impl Readable for OpenShiftObject {
    fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        &self.metadata
    }
}
