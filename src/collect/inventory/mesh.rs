//! Encryption and authorization between workloads.

use super::entries::{ConfigMapLine, Line, addons, config_maps, fields};
use super::{Entry, Part};
use crate::model::{SourceId, sources};

const ISTIO: &str = "Encryption and authorization between workloads (Istio).";
const LINKERD: &str = "Encryption and authorization between workloads (Linkerd).";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::PEER_AUTHENTICATIONS, "PeerAuthentication", &["v1", "v1beta1"], "metadata{$meta} spec{selector mtls portLevelMtls}", ISTIO),
    (SourceId::group("security.istio.io", "authorizationpolicies"), "AuthorizationPolicy", &["v1", "v1beta1"], "metadata{$meta} spec{selector targetRef targetRefs action provider{name} rules{from{source{principals notPrincipals namespaces notNamespaces serviceAccounts notServiceAccounts ipBlocks notIpBlocks remoteIpBlocks notRemoteIpBlocks requestPrincipals:redacted notRequestPrincipals:redacted}} to{operation{hosts notHosts ports notPorts methods notMethods paths:redacted notPaths:redacted}} when{key}}}", ISTIO),
    (sources::DESTINATION_RULES, "DestinationRule", &["v1", "v1beta1"], "metadata{$meta} spec{host exportTo workloadSelector trafficPolicy{tls{mode sni insecureSkipVerify credentialName} portLevelSettings{port tls{mode sni insecureSkipVerify credentialName}}} subsets{name labels trafficPolicy{tls{mode sni insecureSkipVerify credentialName} portLevelSettings{port tls{mode sni insecureSkipVerify credentialName}}}}}", ISTIO),
    (sources::LINKERD_SERVERS, "Server", &["v1beta3", "v1beta1"], "metadata{$meta} spec{podSelector externalWorkloadSelector port proxyProtocol accessPolicy}", LINKERD),
    (sources::LINKERD_AUTHORIZATION_POLICIES, "AuthorizationPolicy", &["v1alpha1"], "metadata{$meta} spec{targetRef{$ref} requiredAuthenticationRefs{$ref}}", LINKERD),
    (sources::LINKERD_SERVER_AUTHORIZATIONS, "ServerAuthorization", &["v1beta1"], "metadata{$meta} spec{server{name selector} client{networks{cidr except} unauthenticated meshTLS{unauthenticatedTLS identities serviceAccounts{name namespace}}}}", LINKERD),
    (SourceId::group("policy.linkerd.io", "meshtlsauthentications"), "MeshTLSAuthentication", &["v1alpha1"], "metadata{$meta} spec{identities identityRefs{$ref}}", LINKERD),
];

const CONFIG_MAPS: &[ConfigMapLine] = &[
    (
        "istio-system",
        "istio",
        &[fields("mesh", "rootNamespace")],
        Part::Addons,
        "In which namespace a PeerAuthentication is one for the whole mesh.",
    ),
    (
        "linkerd",
        "linkerd-config",
        &[fields("values", "proxy{defaultInboundPolicy}")],
        Part::Addons,
        "What pods in Linkerd's mesh take where no policy says more.",
    ),
];

pub(super) fn entries() -> Vec<Entry> {
    addons(LINES).chain(config_maps(CONFIG_MAPS)).collect()
}
