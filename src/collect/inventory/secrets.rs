//! Where Secrets come from, without their content.

use super::Entry;
use super::entries::{Line, addons};
use crate::model::{SourceId, sources};

const EXTERNAL: &str = "Secrets that come from an external store, and how often they are renewed.";
const VAULT: &str = "Secrets that come from Vault.";
const STORE: &str =
    "metadata{$meta} spec{provider{*{}} refreshInterval conditions{namespaces namespaceSelector}} status{conditions{type status reason}}";
const EXTERNAL_SECRET: &str = "metadata{$meta} spec{refreshInterval refreshPolicy secretStoreRef target{name creationPolicy
    deletionPolicy immutable}} status{conditions{type status reason}}";
const CLUSTER_EXTERNAL_SECRET: &str =
    "metadata{$meta} spec{externalSecretName namespaceSelector namespaces refreshTime} status{conditions{type status}}";
const VAULT_SECRET: &str = "metadata{$meta} spec{vaultAuthRef destination{name create} refreshAfter renewalPercent type
    rolloutRestartTargets hmacSecretData} status{$conditions}";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::EXTERNAL_SECRETS, "ExternalSecret", &["v1", "v1beta1"], EXTERNAL_SECRET, EXTERNAL),
    (SourceId::group("external-secrets.io", "clusterexternalsecrets"), "ClusterExternalSecret", &["v1", "v1beta1"], CLUSTER_EXTERNAL_SECRET, EXTERNAL),
    (sources::SECRET_STORES, "SecretStore", &["v1", "v1beta1"], STORE, EXTERNAL),
    (sources::CLUSTER_SECRET_STORES, "ClusterSecretStore", &["v1", "v1beta1"], STORE, EXTERNAL),
    (SourceId::group("secrets.hashicorp.com", "vaultauths"), "VaultAuth", &["v1beta1"], "metadata{$meta} spec{method mount namespace vaultConnectionRef}", VAULT),
    (SourceId::group("secrets.hashicorp.com", "vaultconnections"), "VaultConnection", &["v1beta1"], "metadata{$meta} spec{address:url skipTLSVerify tlsServerName caCertSecretRef}", VAULT),
    (SourceId::group("secrets.hashicorp.com", "vaultstaticsecrets"), "VaultStaticSecret", &["v1beta1"], VAULT_SECRET, VAULT),
    (SourceId::group("secrets.hashicorp.com", "vaultdynamicsecrets"), "VaultDynamicSecret", &["v1beta1"], VAULT_SECRET, VAULT),
    (SourceId::group("secrets.hashicorp.com", "vaultpkisecrets"), "VaultPKISecret", &["v1beta1"], VAULT_SECRET, VAULT),
    (SourceId::group("secrets.hashicorp.com", "csisecrets"), "CSISecrets", &["v1beta1"], VAULT_SECRET, VAULT),
    (SourceId::group("secrets-store.csi.x-k8s.io", "secretproviderclasses"), "SecretProviderClass", &["v1"], "metadata{$meta} spec{provider secretObjects{secretName type}}", "Secrets that are mounted from an external store, and which of them become Secrets again."),
];

pub(super) fn entries() -> Vec<Entry> {
    addons(LINES).collect()
}
