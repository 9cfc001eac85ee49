//! Where Secrets come from, without their content: no value, and neither the path nor the key under which a store keeps one.

use super::Entry;
use super::entries::{Line, addons};
use crate::model::{SourceId, sources};

const EXTERNAL: &str = "Secrets that come from an external store, and how often they are renewed.";
const VAULT: &str = "Secrets that come from Vault.";
const CARRIED: &str = "Secrets that stand encrypted in an object, and become Secrets.";

/// Which provider a store has, and of those that are told where it is and whether to believe it, these two. A provider that is not named here
/// shows by its name alone.
const STORE: &str = "metadata{$meta} spec{controller
    provider{
        akeyless{akeylessGWApiURL:url} azurekv{vaultUrl:url} barbican{authURL:url} beyondtrust{server{apiUrl:url verifyCA}}
        beyondtrustworkloadcredentials{server{apiUrl:url}} bitwardensecretsmanager{apiURL:url identityURL:url bitwardenServerSDKURL:url}
        chef{serverUrl:url} conjur{url:url} crd{server{url:url}} delinea{urlTemplate:url} dvls{serverUrl:url insecure} fortanix{apiUrl:url}
        github{url:url uploadURL:url} gitlab{url:url} ibm{serviceUrl:url} infisical{hostAPI:url} kubernetes{server{url:url}}
        ngrok{apiUrl:url} onboardbase{apiHost:url} onepassword{connectHost:url} openBao{server:url} ovh{server:url} passbolt{host:url}
        passworddepot{host:url} previder{baseUri:url} pulumi{apiUrl:url} scaleway{apiUrl:url} secretserver{serverURL:url} senhasegura{url:url ignoreSslCertificate}
        vault{server:url} webhook{url:url} *{}}
    refreshInterval conditions{namespaces namespaceSelector namespaceRegexes}} status{conditions{type status reason}}";
const EXTERNAL_SECRET: &str = "metadata{$meta} spec{refreshInterval refreshPolicy syncWindows{} secretStoreRef{name kind}
    target{name creationPolicy deletionPolicy immutable manifest{apiVersion kind}}
    data{sourceRef{storeRef{name kind} generatorRef{apiVersion kind name}}}
    dataFrom{sourceRef{storeRef{name kind} generatorRef{apiVersion kind name}}}}
    status{refreshTime syncedResourceVersion conditions{type status reason}}";
const CLUSTER_EXTERNAL_SECRET: &str =
    "metadata{$meta} spec{externalSecretName namespaceSelector namespaces refreshTime} status{conditions{type status}}";
const VAULT_SECRET: &str = "metadata{$meta} spec{vaultAuthRef destination{name create} refreshAfter renewalPercent type allowStaticCreds
    syncConfig{instantUpdates} rolloutRestartTargets hmacSecretData} status{lastGeneration secretLease{duration} $conditions}";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::EXTERNAL_SECRETS, "ExternalSecret", &["v1", "v1beta1"], EXTERNAL_SECRET, EXTERNAL),
    (SourceId::group("external-secrets.io", "clusterexternalsecrets"), "ClusterExternalSecret", &["v1", "v1beta1"], CLUSTER_EXTERNAL_SECRET, EXTERNAL),
    (sources::SECRET_STORES, "SecretStore", &["v1", "v1beta1"], STORE, EXTERNAL),
    (sources::CLUSTER_SECRET_STORES, "ClusterSecretStore", &["v1", "v1beta1"], STORE, EXTERNAL),
    (sources::VAULT_AUTHS, "VaultAuth", &["v1beta1"], "metadata{$meta} spec{method mount namespace vaultConnectionRef vaultAuthGlobalRef{name namespace allowDefault} allowedNamespaces}", VAULT),
    (sources::VAULT_AUTH_GLOBALS, "VaultAuthGlobal", &["v1beta1"], "metadata{$meta} spec{vaultConnectionRef allowedNamespaces}", VAULT),
    (sources::VAULT_CONNECTIONS, "VaultConnection", &["v1beta1"], "metadata{$meta} spec{address:url skipTLSVerify tlsServerName caCertSecretRef} status{valid}", VAULT),
    (sources::VAULT_STATIC_SECRETS, "VaultStaticSecret", &["v1beta1"], VAULT_SECRET, VAULT),
    (sources::VAULT_DYNAMIC_SECRETS, "VaultDynamicSecret", &["v1beta1"], VAULT_SECRET, VAULT),
    (sources::VAULT_PKI_SECRETS, "VaultPKISecret", &["v1beta1"], VAULT_SECRET, VAULT),
    (sources::CSI_SECRETS, "CSISecrets", &["v1beta1"], "metadata{$meta} spec{vaultAuthRef{name namespace}} status{$conditions}", VAULT),
    (sources::SECRET_PROVIDER_CLASSES, "SecretProviderClass", &["v1"], "metadata{$meta} spec{provider parameters{vaultAddress:url vaultSkipTLSVerify} secretObjects{secretName type}}", "Secrets that are mounted from an external store, and which of them become Secrets again."),
    (sources::SEALED_SECRETS, "SealedSecret", &["v1alpha1"], "metadata{$meta} spec{template{metadata{name} type}} status{observedGeneration conditions{type status reason}}", CARRIED),
    (sources::SOPS_SECRETS, "SopsSecret", &["v1alpha3"], "metadata{$meta} spec{suspend secretTemplates{}} sops{mac:redacted version lastmodified}", CARRIED),
];

pub(super) fn entries() -> Vec<Entry> {
    addons(LINES).collect()
}
