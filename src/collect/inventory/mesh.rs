//! Encryption and authorization between workloads.

use super::Entry;
use super::entries::{Line, addons};
use crate::model::SourceId;

const ISTIO: &str = "Encryption and authorization between workloads (Istio).";
const LINKERD: &str = "Encryption and authorization between workloads (Linkerd).";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (SourceId::group("security.istio.io", "peerauthentications"), "PeerAuthentication", &["v1", "v1beta1"], "metadata{$meta} spec{selector mtls portLevelMtls}", ISTIO),
    (SourceId::group("security.istio.io", "authorizationpolicies"), "AuthorizationPolicy", &["v1", "v1beta1"], "metadata{$meta} spec{selector targetRef targetRefs action provider{name} rules{from{source{principals notPrincipals namespaces notNamespaces serviceAccounts notServiceAccounts ipBlocks notIpBlocks remoteIpBlocks notRemoteIpBlocks requestPrincipals:redacted notRequestPrincipals:redacted}} to{operation{hosts notHosts ports notPorts methods notMethods paths:redacted notPaths:redacted}} when{key}}}", ISTIO),
    (SourceId::group("networking.istio.io", "destinationrules"), "DestinationRule", &["v1", "v1beta1"], "metadata{$meta} spec{host exportTo workloadSelector trafficPolicy{tls{mode sni insecureSkipVerify} portLevelSettings{port tls{mode sni insecureSkipVerify}}} subsets{name labels trafficPolicy{tls{mode}}}}", ISTIO),
    (SourceId::group("policy.linkerd.io", "servers"), "Server", &["v1beta3", "v1beta1"], "metadata{$meta} spec{podSelector externalWorkloadSelector port proxyProtocol accessPolicy}", LINKERD),
    (SourceId::group("policy.linkerd.io", "authorizationpolicies"), "AuthorizationPolicy", &["v1alpha1"], "metadata{$meta} spec{targetRef{$ref} requiredAuthenticationRefs{$ref}}", LINKERD),
    (SourceId::group("policy.linkerd.io", "meshtlsauthentications"), "MeshTLSAuthentication", &["v1alpha1"], "metadata{$meta} spec{identities identityRefs{$ref}}", LINKERD),
];

pub(super) fn entries() -> Vec<Entry> {
    addons(LINES).collect()
}
