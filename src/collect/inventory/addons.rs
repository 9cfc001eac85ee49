//! What is installed beside Kubernetes: one line per kind. A group that discovery does not list is not served, and nothing is missing.

use super::{Amount, Entry, METADATA, Part, Reach};
use crate::model::{SourceId, sources};

/// Source, kind, versions, what of it, why.
type Line = (SourceId, &'static str, &'static [&'static str], &'static str, &'static str);

const CLUSTER_POLICIES: &str = "Cluster-wide network policies, which can override the namespaced ones.";
const CILIUM: &str = "Network policies of Cilium.";
const CALICO: &str = "Network policies of Calico.";
const ANTREA: &str = "Network policies of Antrea.";
const EKS: &str = "Network policies of EKS.";
const TETRAGON: &str = "Runtime observation by Tetragon.";
const ISTIO: &str = "Encryption and authorization between workloads (Istio).";
const LINKERD: &str = "Encryption and authorization between workloads (Linkerd).";
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
const KYVERNO: &str = "Policies of Kyverno and exceptions from them.";
const KUBEWARDEN: &str = "Policies of Kubewarden.";
const EXTERNAL: &str = "Secrets that come from an external store, and how often they are renewed.";
const VAULT: &str = "Secrets that come from Vault.";
const VELERO: &str = "Backups, their schedule, their result and where they lie.";
const CERTIFICATES: &str = "Certificates, how long they last and who issues them.";
const MAKERS: &str = "Controllers of other projects that make pods later: that they are there, and where.";
const OPENSHIFT: &str = "Settings of the control plane on OpenShift: audit profile, encryption, identity providers.";

const KYVERNO_POLICY: &str = "metadata{$meta} spec{admission background emitWarning failurePolicy validationFailureAction
    validationFailureActionOverrides webhookConfiguration{failurePolicy matchConditions{$condition} timeoutSeconds} applyRules
    rules{name match exclude preconditions:preconditions celPreconditions{$condition} validate{failureAction failureActionOverrides allowExistingViolations podSecurity}
    verifyImages{type imageReferences skipImageReferences required mutateDigest verifyDigest failureAction} mutate{} generate{}}}
    status{$conditions}";
const KYVERNO_CEL: &str =
    "metadata{$meta} spec{failurePolicy validationActions matchConstraints{$matching} matchConditions{$condition} evaluation
    validationConfigurations webhookConfiguration{timeoutSeconds} variables{name}
    validations{expression:expression} autogen} status{generated conditionStatus{ready $conditions}}";
const KUBEWARDEN_POLICY: &str =
    "metadata{$meta} spec{policyServer mode rules failurePolicy matchPolicy matchConditions{$condition} namespaceSelector
    objectSelector backgroundAudit timeoutSeconds} status{policyStatus mode $conditions}";
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
    (sources::CLUSTER_NETWORK_POLICIES, "ClusterNetworkPolicy", &["v1beta1", "v1alpha2"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    (sources::ADMIN_NETWORK_POLICIES, "AdminNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    (sources::BASELINE_ADMIN_NETWORK_POLICIES, "BaselineAdminNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    (sources::CILIUM_NETWORK_POLICIES, "CiliumNetworkPolicy", &["v2"], "metadata{$meta} spec{$ciliumpolicy} specs{$ciliumpolicy}", CILIUM),
    (sources::CILIUM_CLUSTERWIDE_NETWORK_POLICIES, "CiliumClusterwideNetworkPolicy", &["v2"], "metadata{$meta} spec{$ciliumpolicy} specs{$ciliumpolicy}", CILIUM),
    (sources::CILIUM_NODE_CONFIGS, "CiliumNodeConfig", &["v2", "v2alpha1"], "metadata{$meta managedFields{time}} spec{nodeSelector defaults{enable-policy policy-audit-mode enable-k8s-networkpolicy enable-wireguard enable-ipsec}}", "Settings of Cilium for single nodes, which win over its ConfigMap."),
    (SourceId::group("cilium.io", "tracingpolicies"), "TracingPolicy", &["v1alpha1"], METADATA, TETRAGON),
    (SourceId::group("cilium.io", "tracingpoliciesnamespaced"), "TracingPolicyNamespaced", &["v1alpha1"], METADATA, TETRAGON),
    (sources::CALICO_NETWORK_POLICIES, "NetworkPolicy", &["v1"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    (sources::CALICO_GLOBAL_NETWORK_POLICIES, "GlobalNetworkPolicy", &["v1"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    (SourceId::group("crd.projectcalico.org", "tiers"), "Tier", &["v1"], "metadata{$meta} spec{order defaultAction}", CALICO),
    (sources::FELIX_CONFIGURATIONS, "FelixConfiguration", &["v1"], "metadata{$meta} spec{chainInsertMode interfacePrefix wireguardEnabled wireguardEnabledV6 defaultEndpointToHostAction}", CALICO),
    (sources::CALICO_API_NETWORK_POLICIES, "NetworkPolicy", &["v3"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    (sources::CALICO_API_GLOBAL_NETWORK_POLICIES, "GlobalNetworkPolicy", &["v3"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    (SourceId::group("projectcalico.org", "tiers"), "Tier", &["v3"], "metadata{$meta} spec{order defaultAction}", CALICO),
    (sources::FELIX_API_CONFIGURATIONS, "FelixConfiguration", &["v3"], "metadata{$meta} spec{chainInsertMode interfacePrefix wireguardEnabled wireguardEnabledV6 defaultEndpointToHostAction}", CALICO),
    (sources::ANTREA_NETWORK_POLICIES, "NetworkPolicy", &["v1beta1"], "metadata{$meta} spec{$antreapolicy}", ANTREA),
    (sources::ANTREA_CLUSTER_NETWORK_POLICIES, "ClusterNetworkPolicy", &["v1beta1"], "metadata{$meta} spec{$antreapolicy}", ANTREA),
    (sources::OVN_EGRESS_FIREWALLS, "EgressFirewall", &["v1"], "metadata{$meta} spec{egress{type}}", "What pods of a namespace may reach outside (OVN-Kubernetes)."),
    (sources::EKS_APPLICATION_NETWORK_POLICIES, "ApplicationNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{podSelector policyTypes ingress{from{$peer} ports{$peerport}} egress{to{$peer domainNames} ports{$peerport}}}", EKS),
    (sources::EKS_CLUSTER_NETWORK_POLICIES, "ClusterNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", EKS),
    (SourceId::group("security.istio.io", "peerauthentications"), "PeerAuthentication", &["v1", "v1beta1"], "metadata{$meta} spec{selector mtls portLevelMtls}", ISTIO),
    (SourceId::group("security.istio.io", "authorizationpolicies"), "AuthorizationPolicy", &["v1", "v1beta1"], "metadata{$meta} spec{selector targetRef targetRefs action provider{name} rules{from{source{principals notPrincipals namespaces notNamespaces serviceAccounts notServiceAccounts ipBlocks notIpBlocks remoteIpBlocks notRemoteIpBlocks requestPrincipals:redacted notRequestPrincipals:redacted}} to{operation{hosts notHosts ports notPorts methods notMethods paths:redacted notPaths:redacted}} when{key}}}", ISTIO),
    (SourceId::group("networking.istio.io", "destinationrules"), "DestinationRule", &["v1", "v1beta1"], "metadata{$meta} spec{host exportTo workloadSelector trafficPolicy{tls{mode sni insecureSkipVerify} portLevelSettings{port tls{mode sni insecureSkipVerify}}} subsets{name labels trafficPolicy{tls{mode}}}}", ISTIO),
    (SourceId::group("policy.linkerd.io", "servers"), "Server", &["v1beta3", "v1beta1"], "metadata{$meta} spec{podSelector externalWorkloadSelector port proxyProtocol accessPolicy}", LINKERD),
    (SourceId::group("policy.linkerd.io", "authorizationpolicies"), "AuthorizationPolicy", &["v1alpha1"], "metadata{$meta} spec{targetRef{$ref} requiredAuthenticationRefs{$ref}}", LINKERD),
    (SourceId::group("policy.linkerd.io", "meshtlsauthentications"), "MeshTLSAuthentication", &["v1alpha1"], "metadata{$meta} spec{identities identityRefs{$ref}}", LINKERD),
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
    (sources::CONSTRAINT_TEMPLATES, "ConstraintTemplate", &["v1", "v1beta1"], "metadata{$meta} spec{crd{spec{names{kind}}} targets{target}} status{created byPod{errors{code} observedGeneration}}", "Which policies Gatekeeper knows."),
    (sources::GATEKEEPER_CONFIGS, "Config", &["v1alpha1"], "metadata{$meta} spec{match{excludedNamespaces processes}}", "Which namespaces Gatekeeper leaves out."),
    (sources::KYVERNO_CLUSTER_POLICIES, "ClusterPolicy", &["v1"], KYVERNO_POLICY, KYVERNO),
    (sources::KYVERNO_POLICIES, "Policy", &["v1"], KYVERNO_POLICY, KYVERNO),
    (sources::KYVERNO_EXCEPTIONS, "PolicyException", &["v2", "v2beta1"], "metadata{$meta} spec{exceptions match background podSecurity conditions{}}", KYVERNO),
    (sources::KYVERNO_VALIDATING_POLICIES, "ValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (SourceId::group("policies.kyverno.io", "mutatingpolicies"), "MutatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_IMAGE_VALIDATING_POLICIES, "ImageValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_NAMESPACED_VALIDATING_POLICIES, "NamespacedValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICIES, "NamespacedImageValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_CEL_EXCEPTIONS, "PolicyException", &["v1", "v1beta1", "v1alpha1"], "metadata{$meta} spec{policyRefs{kind name} matchConditions{$condition} images allowedValues expiresAt}", KYVERNO),
    (sources::KUBEWARDEN_CLUSTER_POLICIES, "ClusterAdmissionPolicy", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::KUBEWARDEN_POLICIES, "AdmissionPolicy", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::KUBEWARDEN_CLUSTER_GROUPS, "ClusterAdmissionPolicyGroup", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::KUBEWARDEN_GROUPS, "AdmissionPolicyGroup", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::SIGSTORE, "ClusterImagePolicy", &["v1beta1", "v1alpha1"], "metadata{$meta} spec{mode images match authorities{name static{action} keyless{url:url identities} key{hashAlgorithm kms:redacted}}}", "Which images must be signed, and by whom."),
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
    (sources::CERTIFICATES, "Certificate", &["v1"], "metadata{$meta} spec{commonName dnsNames duration renewBefore isCA issuerRef secretName usages privateKey{algorithm size rotationPolicy}} status{notBefore notAfter renewalTime $conditions}", CERTIFICATES),
    (sources::ISSUERS, "Issuer", &["v1"], "metadata{$meta} spec{*{}} status{$conditions}", CERTIFICATES),
    (sources::CLUSTER_ISSUERS, "ClusterIssuer", &["v1"], "metadata{$meta} spec{*{}} status{$conditions}", CERTIFICATES),
    (sources::BACKUPS, "Backup", &["v1"], "metadata{$meta} spec{$backupspec} $backupstatus", VELERO),
    (sources::BACKUP_SCHEDULES, "Schedule", &["v1"], "metadata{$meta} spec{schedule paused template{$backupspec}} $backupstatus", VELERO),
    (sources::POD_VOLUME_BACKUPS, "PodVolumeBackup", &["v1"], "metadata{$meta} status{phase}", VELERO),
    (sources::DATA_UPLOADS, "DataUpload", &["v2alpha1"], "metadata{$meta} spec{sourceNamespace sourcePVC} status{phase}", VELERO),
    (SourceId::group("velero.io", "restores"), "Restore", &["v1"], "metadata{$meta} spec{backupName scheduleName includedNamespaces excludedNamespaces} $backupstatus", VELERO),
    (sources::BACKUP_LOCATIONS, "BackupStorageLocation", &["v1"], "metadata{$meta} spec{provider accessMode default objectStorage{bucket prefix} config:parameters} status{phase}", VELERO),
    (sources::VOLUME_SNAPSHOT_CLASSES, "VolumeSnapshotClass", &["v1"], "metadata{$meta} driver deletionPolicy parameters:parameters", "Snapshots of volumes."),
    (SourceId::group("aquasecurity.github.io", "vulnerabilityreports"), "VulnerabilityReport", &["v1alpha1"], "metadata{$meta} report{updateTimestamp artifact{repository tag digest} registry{server} scanner{name version} summary os{family name eosl}}", "Known vulnerabilities of images."),
    (sources::OPENSHIFT_API_SERVERS, "APIServer", &["v1"], "metadata{$meta} spec{audit{profile customRules} encryption{type} tlsSecurityProfile clientCA}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "oauths"), "OAuth", &["v1"], "metadata{$meta} spec{identityProviders{name type mappingMethod} tokenConfig}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "authentications"), "Authentication", &["v1"], "metadata{$meta} spec{type oidcProviders{name issuer{issuerURL audiences}} serviceAccountIssuer}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "images"), "Image", &["v1"], "metadata{$meta} spec{allowedRegistriesForImport registrySources}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "networks"), "Network", &["v1"], "metadata{$meta} spec{networkType clusterNetwork serviceNetwork externalIP}", OPENSHIFT),
    (SourceId::group("operator.openshift.io", "kubeapiservers"), "KubeAPIServer", &["v1"], "metadata{$meta} spec{managementState logLevel} status{$conditions}", OPENSHIFT),
    (sources::OPENSHIFT_NETWORKS, "Network", &["v1"], "metadata{$meta} spec{defaultNetwork{type ovnKubernetesConfig{ipsecConfig}}}", OPENSHIFT),
];

/// Large or only counted: the server is asked for metadata only.
#[rustfmt::skip]
const METADATA_ONLY: &[Line] = &[
    (SourceId::group("aquasecurity.github.io", "sbomreports"), "SbomReport", &["v1alpha1"], METADATA, "Which workloads have a software bill of materials."),
    (sources::GITHUB_RUNNER_SETS, "AutoscalingRunnerSet", &["v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_CRON_JOBS, "AdvancedCronJob", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_BROADCAST_JOBS, "BroadcastJob", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_CLONE_SETS, "CloneSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_DAEMON_SETS, "DaemonSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_STATEFUL_SETS, "StatefulSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::ARGO_CRON_WORKFLOWS, "CronWorkflow", &["v1alpha1"], METADATA, MAKERS),
    (sources::ARGO_ROLLOUTS, "Rollout", &["v1alpha1"], METADATA, MAKERS),
    (sources::VOLCANO_CRON_JOBS, "CronJob", &["v1alpha1"], METADATA, MAKERS),
    (sources::KEDA_SCALED_JOBS, "ScaledJob", &["v1alpha1"], METADATA, MAKERS),
    (sources::KUBEVIRT_REPLICA_SETS, "VirtualMachineInstanceReplicaSet", &["v1", "v1alpha3"], METADATA, MAKERS),
    (sources::KUBEVIRT_MACHINES, "VirtualMachine", &["v1", "v1alpha3"], METADATA, MAKERS),
    (sources::KUBEVIRT_POOLS, "VirtualMachinePool", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::RAY_CLUSTERS, "RayCluster", &["v1", "v1alpha1"], METADATA, MAKERS),
    (sources::SPARK_SCHEDULES, "ScheduledSparkApplication", &["v1beta2"], METADATA, MAKERS),
];

pub(super) fn entries() -> Vec<Entry> {
    let entry = |line: &Line, amount| Entry {
        source: line.0.clone(),
        kind: line.1,
        versions: line.2,
        reach: Reach::Everywhere,
        amount,
        part: Part::Addons,
        always: false,
        why: line.4,
    };
    let mut all: Vec<Entry> = LINES.iter().map(|line| entry(line, Amount::Fields(line.3))).collect();
    all.extend(METADATA_ONLY.iter().map(|line| entry(line, Amount::Metadata)));
    // Whoever writes a Backup gives the ConfigMap a name of his own.
    all.push(Entry {
        source: sources::VELERO_CONFIG_MAPS,
        kind: "ConfigMap",
        versions: &["v1"],
        reach: Reach::In("velero"),
        amount: Amount::Fields("metadata{$meta managedFields{time}} data{*:volumepolicies}"),
        part: Part::Addons,
        always: false,
        why: "Resource policies: which volumes Velero skips, or copies in which way.",
    });
    all.push(Entry {
        source: sources::GATEKEEPER,
        kind: "",
        versions: &["v1beta1"],
        reach: Reach::KindsOf,
        amount: Amount::Fields("metadata{$meta} spec{enforcementAction scopedEnforcementActions match} status{totalViolations byPod{enforced observedGeneration operations}}"),
        part: Part::Addons,
        always: false,
        why: "Policies of Gatekeeper: every constraint is a kind of its own.",
    });
    all
}
