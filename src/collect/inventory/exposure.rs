//! What is published, and whether with TLS.

use super::entries::{ConfigMapLine, Line, addons, config_maps, list, whole};
use super::{Entry, Part};
use crate::model::{SourceId, sources};

const ROUTE: &str = "metadata{$meta} spec{parentRefs hostnames rules{backendRefs{group kind name namespace port}}}";
const GRPC_ROUTE: &str = "metadata{$meta} spec{parentRefs hostnames rules{backendRefs{group kind name namespace port
    filters{type requestMirror{backendRef{group kind name namespace}}}} filters{type requestMirror{backendRef{group kind name namespace}}}}}";
const GATEWAY: &str = "What is published through gateways, and whether with TLS.";
const ENTRANCES: &str = "What is published through an API beside Ingress and Gateway API, and whether with TLS.";
const TRAEFIK_ROUTE: &str = "metadata{$meta} spec{routes{services{name kind namespace}} tls{}}";
const TRAEFIK_TCP: &str = "metadata{$meta} spec{routes{services{name namespace}} tls{}}";
/// Which rules there are, for which servers, and where they lead; not which requests they are for.
const VIRTUAL_SERVICE: &str = "metadata{$meta} spec{hosts gateways exportTo
    http{match{gateways port} redirect{scheme} directResponse{status} delegate{name namespace} route{destination{host port{number}}}}
    tls{match{gateways port} route{destination{host port{number}}}} tcp{match{gateways port} route{destination{host port{number}}}}}";
const AWS_CLASS: &str = "metadata{$meta} spec{group{name} scheme sslRedirectPort certificateArn:redacted listeners{protocol port}}";
const CERTIFICATES: &str = "Certificates, how long they last and who issues them.";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::GATEWAYS, "Gateway", &["v1", "v1beta1"], "metadata{$meta} spec{gatewayClassName addresses listeners{name hostname port protocol allowedRoutes tls{$gatewaytls}} tls}", GATEWAY),
    (sources::GATEWAY_CLASSES, "GatewayClass", &["v1", "v1beta1"], "metadata{$meta} spec{controllerName parametersRef{group kind name namespace}}", GATEWAY),
    (sources::HTTP_ROUTES, "HTTPRoute", &["v1", "v1beta1"], "metadata{$meta} spec{parentRefs hostnames rules{backendRefs{group kind name namespace port filters{type requestMirror{backendRef{group kind name namespace}}}} filters{type requestRedirect{scheme statusCode} requestMirror{backendRef{group kind name namespace}}}}}", GATEWAY),
    (sources::GRPC_ROUTES, "GRPCRoute", &["v1", "v1alpha2"], GRPC_ROUTE, GATEWAY),
    (sources::TLS_ROUTES, "TLSRoute", &["v1", "v1alpha3", "v1alpha2"], ROUTE, GATEWAY),
    (sources::TCP_ROUTES, "TCPRoute", &["v1", "v1alpha2"], ROUTE, GATEWAY),
    (sources::UDP_ROUTES, "UDPRoute", &["v1", "v1alpha2"], ROUTE, GATEWAY),
    (SourceId::group("gateway.networking.k8s.io", "backendtlspolicies"), "BackendTLSPolicy", &["v1", "v1alpha3"], "metadata{$meta} spec{targetRefs{group kind name sectionName} validation{caCertificateRefs{group kind name} hostname wellKnownCACertificates subjectAltNames}}", GATEWAY),
    (sources::OPENSHIFT_ROUTES, "Route", &["v1"], "metadata{$meta} spec{host to{kind name} alternateBackends{kind name} tls{termination insecureEdgeTerminationPolicy}}", ENTRANCES),
    (sources::ISTIO_GATEWAYS, "Gateway", &["v1", "v1beta1"], "metadata{$meta} spec{servers{port{number name protocol} hosts name tls{mode httpsRedirect}}}", ENTRANCES),
    (sources::VIRTUAL_SERVICES, "VirtualService", &["v1", "v1beta1"], VIRTUAL_SERVICE, ENTRANCES),
    (sources::INGRESS_CLASS_PARAMS, "IngressClassParams", &["v1beta1"], AWS_CLASS, ENTRANCES),
    (sources::INGRESS_CLASS_PARAMS_EKS, "IngressClassParams", &["v1"], AWS_CLASS, ENTRANCES),
    (sources::FRONTEND_CONFIGS, "FrontendConfig", &["v1beta1"], "metadata{$meta} spec{sslPolicy redirectToHttps{enabled}}", ENTRANCES),
    (sources::INGRESS_ROUTES, "IngressRoute", &["v1alpha1"], TRAEFIK_ROUTE, ENTRANCES),
    (sources::INGRESS_ROUTE_TCPS, "IngressRouteTCP", &["v1alpha1"], TRAEFIK_TCP, ENTRANCES),
    (sources::OLD_INGRESS_ROUTES, "IngressRoute", &["v1alpha1"], TRAEFIK_ROUTE, ENTRANCES),
    (sources::OLD_INGRESS_ROUTE_TCPS, "IngressRouteTCP", &["v1alpha1"], TRAEFIK_TCP, ENTRANCES),
    (sources::HTTP_PROXIES, "HTTPProxy", &["v1"], "metadata{$meta} spec{virtualhost{fqdn tls{}} routes{permitInsecure requestRedirectPolicy{scheme} services{name}} tcpproxy{services{name} include{name namespace} includes{name namespace}} includes{name namespace}}", ENTRANCES),
    (sources::CERTIFICATES, "Certificate", &["v1"], "metadata{$meta} spec{commonName dnsNames duration renewBefore isCA issuerRef secretName usages privateKey{algorithm size rotationPolicy}} status{notBefore notAfter renewalTime $conditions}", CERTIFICATES),
    (sources::ISSUERS, "Issuer", &["v1"], "metadata{$meta} spec{*{}} status{$conditions}", CERTIFICATES),
    (sources::CLUSTER_ISSUERS, "ClusterIssuer", &["v1"], "metadata{$meta} spec{*{}} status{$conditions}", CERTIFICATES),
];

const CONFIG_MAPS: &[ConfigMapLine] = &[(
    "ingress-nginx",
    "ingress-nginx-controller",
    &[
        whole("ssl-*"),
        whole("hsts*"),
        whole("force-ssl-redirect"),
        whole("no-tls-redirect-locations"),
        whole("allow-snippet-annotations"),
        whole("annotations-risk-level"),
        whole("use-forwarded-headers"),
        whole("enable-modsecurity"),
        whole("enable-owasp-modsecurity-crs"),
    ],
    Part::Addons,
    "TLS versions and ciphers of the ingress controller.",
)];

pub(super) fn entries() -> Vec<Entry> {
    let own = vec![
        list(
            sources::SERVICES,
            "Service",
            "metadata{$meta} spec!{type clusterIP clusterIPs externalIPs externalName externalTrafficPolicy internalTrafficPolicy
             ipFamilies loadBalancerClass loadBalancerSourceRanges allocateLoadBalancerNodePorts ports{name protocol port targetPort nodePort appProtocol} selector
             publishNotReadyAddresses} status{loadBalancer{ingress{ip hostname}}}",
            "How workloads can be reached, from inside and from outside.",
        ),
        list(
            sources::INGRESSES,
            "Ingress",
            "metadata{$meta} spec!{ingressClassName defaultBackend{$backend} tls{hosts secretName} rules{host http{paths{path:path pathType backend{$backend}}}}} status{loadBalancer{ingress{ip hostname}}}",
            "What is published, and whether with TLS.",
        ),
        list(sources::INGRESS_CLASSES, "IngressClass", "metadata{$meta} spec{controller parameters{$ref scope}}", "Which controller publishes it."),
    ];
    own.into_iter().chain(addons(LINES)).chain(config_maps(CONFIG_MAPS)).collect()
}
