//! What is installed beside Kubernetes: one line per kind. A group that discovery does not list is not served, and nothing is missing.

use super::{Amount, Entry, METADATA, Part, Reach};
use crate::model::SourceId;
use crate::model::sources::VELERO_CONFIG_MAPS;

/// Group, plural, kind, versions, what of it, why.
type Line = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, &'static str);

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
    ("policy.networking.k8s.io", "clusternetworkpolicies", "ClusterNetworkPolicy", &["v1beta1", "v1alpha2"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    ("policy.networking.k8s.io", "adminnetworkpolicies", "AdminNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    ("policy.networking.k8s.io", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    ("cilium.io", "ciliumnetworkpolicies", "CiliumNetworkPolicy", &["v2"], "metadata{$meta} spec{$ciliumpolicy} specs{$ciliumpolicy}", CILIUM),
    ("cilium.io", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", &["v2"], "metadata{$meta} spec{$ciliumpolicy} specs{$ciliumpolicy}", CILIUM),
    ("cilium.io", "ciliumnodeconfigs", "CiliumNodeConfig", &["v2", "v2alpha1"], "metadata{$meta managedFields{time}} spec{nodeSelector defaults{enable-policy policy-audit-mode enable-k8s-networkpolicy enable-wireguard enable-ipsec}}", "Settings of Cilium for single nodes, which win over its ConfigMap."),
    ("cilium.io", "tracingpolicies", "TracingPolicy", &["v1alpha1"], METADATA, TETRAGON),
    ("cilium.io", "tracingpoliciesnamespaced", "TracingPolicyNamespaced", &["v1alpha1"], METADATA, TETRAGON),
    ("crd.projectcalico.org", "networkpolicies", "NetworkPolicy", &["v1"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    ("crd.projectcalico.org", "globalnetworkpolicies", "GlobalNetworkPolicy", &["v1"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    ("crd.projectcalico.org", "tiers", "Tier", &["v1"], "metadata{$meta} spec{order defaultAction}", CALICO),
    ("crd.projectcalico.org", "felixconfigurations", "FelixConfiguration", &["v1"], "metadata{$meta} spec{chainInsertMode interfacePrefix wireguardEnabled wireguardEnabledV6 defaultEndpointToHostAction}", CALICO),
    ("projectcalico.org", "networkpolicies", "NetworkPolicy", &["v3"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    ("projectcalico.org", "globalnetworkpolicies", "GlobalNetworkPolicy", &["v3"], "metadata{$meta} spec{$calicopolicy}", CALICO),
    ("projectcalico.org", "tiers", "Tier", &["v3"], "metadata{$meta} spec{order defaultAction}", CALICO),
    ("projectcalico.org", "felixconfigurations", "FelixConfiguration", &["v3"], "metadata{$meta} spec{chainInsertMode interfacePrefix wireguardEnabled wireguardEnabledV6 defaultEndpointToHostAction}", CALICO),
    ("crd.antrea.io", "networkpolicies", "NetworkPolicy", &["v1beta1"], "metadata{$meta} spec{$antreapolicy}", ANTREA),
    ("crd.antrea.io", "clusternetworkpolicies", "ClusterNetworkPolicy", &["v1beta1"], "metadata{$meta} spec{$antreapolicy}", ANTREA),
    ("k8s.ovn.org", "egressfirewalls", "EgressFirewall", &["v1"], "metadata{$meta} spec{egress{type}}", "What pods of a namespace may reach outside (OVN-Kubernetes)."),
    ("networking.k8s.aws", "applicationnetworkpolicies", "ApplicationNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{podSelector policyTypes ingress{from{$peer} ports{$peerport}} egress{to{$peer domainNames} ports{$peerport}}}", EKS),
    ("networking.k8s.aws", "clusternetworkpolicies", "ClusterNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", EKS),
    ("security.istio.io", "peerauthentications", "PeerAuthentication", &["v1", "v1beta1"], "metadata{$meta} spec{selector mtls portLevelMtls}", ISTIO),
    ("security.istio.io", "authorizationpolicies", "AuthorizationPolicy", &["v1", "v1beta1"], "metadata{$meta} spec{selector targetRef targetRefs action provider{name} rules{from{source{principals notPrincipals namespaces notNamespaces serviceAccounts notServiceAccounts ipBlocks notIpBlocks remoteIpBlocks notRemoteIpBlocks requestPrincipals:redacted notRequestPrincipals:redacted}} to{operation{hosts notHosts ports notPorts methods notMethods paths:redacted notPaths:redacted}} when{key}}}", ISTIO),
    ("networking.istio.io", "destinationrules", "DestinationRule", &["v1", "v1beta1"], "metadata{$meta} spec{host exportTo workloadSelector trafficPolicy{tls{mode sni insecureSkipVerify} portLevelSettings{port tls{mode sni insecureSkipVerify}}} subsets{name labels trafficPolicy{tls{mode}}}}", ISTIO),
    ("policy.linkerd.io", "servers", "Server", &["v1beta3", "v1beta1"], "metadata{$meta} spec{podSelector externalWorkloadSelector port proxyProtocol accessPolicy}", LINKERD),
    ("policy.linkerd.io", "authorizationpolicies", "AuthorizationPolicy", &["v1alpha1"], "metadata{$meta} spec{targetRef{$ref} requiredAuthenticationRefs{$ref}}", LINKERD),
    ("policy.linkerd.io", "meshtlsauthentications", "MeshTLSAuthentication", &["v1alpha1"], "metadata{$meta} spec{identities identityRefs{$ref}}", LINKERD),
    ("gateway.networking.k8s.io", "gateways", "Gateway", &["v1", "v1beta1"], "metadata{$meta} spec{gatewayClassName addresses listeners{name hostname port protocol allowedRoutes tls{$gatewaytls}} tls}", GATEWAY),
    ("gateway.networking.k8s.io", "gatewayclasses", "GatewayClass", &["v1", "v1beta1"], "metadata{$meta} spec{controllerName parametersRef{group kind name namespace}}", GATEWAY),
    ("gateway.networking.k8s.io", "httproutes", "HTTPRoute", &["v1", "v1beta1"], "metadata{$meta} spec{parentRefs hostnames rules{backendRefs{group kind name namespace port filters{type requestMirror{backendRef{group kind name namespace}}}} filters{type requestRedirect{scheme statusCode} requestMirror{backendRef{group kind name namespace}}}}}", GATEWAY),
    ("gateway.networking.k8s.io", "grpcroutes", "GRPCRoute", &["v1", "v1alpha2"], GRPC_ROUTE, GATEWAY),
    ("gateway.networking.k8s.io", "tlsroutes", "TLSRoute", &["v1", "v1alpha3", "v1alpha2"], ROUTE, GATEWAY),
    ("gateway.networking.k8s.io", "tcproutes", "TCPRoute", &["v1", "v1alpha2"], ROUTE, GATEWAY),
    ("gateway.networking.k8s.io", "udproutes", "UDPRoute", &["v1", "v1alpha2"], ROUTE, GATEWAY),
    ("gateway.networking.k8s.io", "backendtlspolicies", "BackendTLSPolicy", &["v1", "v1alpha3"], "metadata{$meta} spec{targetRefs{group kind name sectionName} validation{caCertificateRefs{group kind name} hostname wellKnownCACertificates subjectAltNames}}", GATEWAY),
    ("route.openshift.io", "routes", "Route", &["v1"], "metadata{$meta} spec{host to{kind name} alternateBackends{kind name} tls{termination insecureEdgeTerminationPolicy}}", ENTRANCES),
    ("networking.istio.io", "gateways", "Gateway", &["v1", "v1beta1"], "metadata{$meta} spec{servers{port{number name protocol} hosts name tls{mode httpsRedirect}}}", ENTRANCES),
    ("networking.istio.io", "virtualservices", "VirtualService", &["v1", "v1beta1"], VIRTUAL_SERVICE, ENTRANCES),
    ("elbv2.k8s.aws", "ingressclassparams", "IngressClassParams", &["v1beta1"], AWS_CLASS, ENTRANCES),
    ("eks.amazonaws.com", "ingressclassparams", "IngressClassParams", &["v1"], AWS_CLASS, ENTRANCES),
    ("networking.gke.io", "frontendconfigs", "FrontendConfig", &["v1beta1"], "metadata{$meta} spec{sslPolicy redirectToHttps{enabled}}", ENTRANCES),
    ("traefik.io", "ingressroutes", "IngressRoute", &["v1alpha1"], TRAEFIK_ROUTE, ENTRANCES),
    ("traefik.io", "ingressroutetcps", "IngressRouteTCP", &["v1alpha1"], TRAEFIK_TCP, ENTRANCES),
    ("traefik.containo.us", "ingressroutes", "IngressRoute", &["v1alpha1"], TRAEFIK_ROUTE, ENTRANCES),
    ("traefik.containo.us", "ingressroutetcps", "IngressRouteTCP", &["v1alpha1"], TRAEFIK_TCP, ENTRANCES),
    ("projectcontour.io", "httpproxies", "HTTPProxy", &["v1"], "metadata{$meta} spec{virtualhost{fqdn tls{}} routes{permitInsecure requestRedirectPolicy{scheme} services{name}} tcpproxy{services{name} include{name namespace} includes{name namespace}} includes{name namespace}}", ENTRANCES),
    ("templates.gatekeeper.sh", "constrainttemplates", "ConstraintTemplate", &["v1", "v1beta1"], "metadata{$meta} spec{crd{spec{names{kind}}} targets{target}} status{created byPod{errors{code} observedGeneration}}", "Which policies Gatekeeper knows."),
    ("config.gatekeeper.sh", "configs", "Config", &["v1alpha1"], "metadata{$meta} spec{match{excludedNamespaces processes}}", "Which namespaces Gatekeeper leaves out."),
    ("kyverno.io", "clusterpolicies", "ClusterPolicy", &["v1"], KYVERNO_POLICY, KYVERNO),
    ("kyverno.io", "policies", "Policy", &["v1"], KYVERNO_POLICY, KYVERNO),
    ("kyverno.io", "policyexceptions", "PolicyException", &["v2", "v2beta1"], "metadata{$meta} spec{exceptions match background podSecurity conditions{}}", KYVERNO),
    ("policies.kyverno.io", "validatingpolicies", "ValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    ("policies.kyverno.io", "mutatingpolicies", "MutatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    ("policies.kyverno.io", "imagevalidatingpolicies", "ImageValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    ("policies.kyverno.io", "namespacedvalidatingpolicies", "NamespacedValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    ("policies.kyverno.io", "namespacedimagevalidatingpolicies", "NamespacedImageValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    ("policies.kyverno.io", "policyexceptions", "PolicyException", &["v1", "v1beta1", "v1alpha1"], "metadata{$meta} spec{policyRefs{kind name} matchConditions{$condition} images allowedValues expiresAt}", KYVERNO),
    ("policies.kubewarden.io", "clusteradmissionpolicies", "ClusterAdmissionPolicy", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    ("policies.kubewarden.io", "admissionpolicies", "AdmissionPolicy", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    ("policies.kubewarden.io", "clusteradmissionpolicygroups", "ClusterAdmissionPolicyGroup", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    ("policies.kubewarden.io", "admissionpolicygroups", "AdmissionPolicyGroup", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    ("policy.sigstore.dev", "clusterimagepolicies", "ClusterImagePolicy", &["v1beta1", "v1alpha1"], "metadata{$meta} spec{mode images match authorities{name static{action} keyless{url:url identities} key{hashAlgorithm kms:redacted}}}", "Which images must be signed, and by whom."),
    ("external-secrets.io", "externalsecrets", "ExternalSecret", &["v1", "v1beta1"], EXTERNAL_SECRET, EXTERNAL),
    ("external-secrets.io", "clusterexternalsecrets", "ClusterExternalSecret", &["v1", "v1beta1"], CLUSTER_EXTERNAL_SECRET, EXTERNAL),
    ("external-secrets.io", "secretstores", "SecretStore", &["v1", "v1beta1"], STORE, EXTERNAL),
    ("external-secrets.io", "clustersecretstores", "ClusterSecretStore", &["v1", "v1beta1"], STORE, EXTERNAL),
    ("secrets.hashicorp.com", "vaultauths", "VaultAuth", &["v1beta1"], "metadata{$meta} spec{method mount namespace vaultConnectionRef}", VAULT),
    ("secrets.hashicorp.com", "vaultconnections", "VaultConnection", &["v1beta1"], "metadata{$meta} spec{address:url skipTLSVerify tlsServerName caCertSecretRef}", VAULT),
    ("secrets.hashicorp.com", "vaultstaticsecrets", "VaultStaticSecret", &["v1beta1"], VAULT_SECRET, VAULT),
    ("secrets.hashicorp.com", "vaultdynamicsecrets", "VaultDynamicSecret", &["v1beta1"], VAULT_SECRET, VAULT),
    ("secrets.hashicorp.com", "vaultpkisecrets", "VaultPKISecret", &["v1beta1"], VAULT_SECRET, VAULT),
    ("secrets.hashicorp.com", "csisecrets", "CSISecrets", &["v1beta1"], VAULT_SECRET, VAULT),
    ("secrets-store.csi.x-k8s.io", "secretproviderclasses", "SecretProviderClass", &["v1"], "metadata{$meta} spec{provider secretObjects{secretName type}}", "Secrets that are mounted from an external store, and which of them become Secrets again."),
    ("cert-manager.io", "certificates", "Certificate", &["v1"], "metadata{$meta} spec{commonName dnsNames duration renewBefore isCA issuerRef secretName usages privateKey{algorithm size rotationPolicy}} status{notBefore notAfter renewalTime $conditions}", CERTIFICATES),
    ("cert-manager.io", "issuers", "Issuer", &["v1"], "metadata{$meta} spec{*{}} status{$conditions}", CERTIFICATES),
    ("cert-manager.io", "clusterissuers", "ClusterIssuer", &["v1"], "metadata{$meta} spec{*{}} status{$conditions}", CERTIFICATES),
    ("velero.io", "backups", "Backup", &["v1"], "metadata{$meta} spec{$backupspec} $backupstatus", VELERO),
    ("velero.io", "schedules", "Schedule", &["v1"], "metadata{$meta} spec{schedule paused template{$backupspec}} $backupstatus", VELERO),
    ("velero.io", "podvolumebackups", "PodVolumeBackup", &["v1"], "metadata{$meta} status{phase}", VELERO),
    ("velero.io", "datauploads", "DataUpload", &["v2alpha1"], "metadata{$meta} spec{sourceNamespace sourcePVC} status{phase}", VELERO),
    ("velero.io", "restores", "Restore", &["v1"], "metadata{$meta} spec{backupName scheduleName includedNamespaces excludedNamespaces} $backupstatus", VELERO),
    ("velero.io", "backupstoragelocations", "BackupStorageLocation", &["v1"], "metadata{$meta} spec{provider accessMode default objectStorage{bucket prefix} config:parameters} status{phase}", VELERO),
    ("snapshot.storage.k8s.io", "volumesnapshotclasses", "VolumeSnapshotClass", &["v1"], "metadata{$meta} driver deletionPolicy parameters:parameters", "Snapshots of volumes."),
    ("aquasecurity.github.io", "vulnerabilityreports", "VulnerabilityReport", &["v1alpha1"], "metadata{$meta} report{updateTimestamp artifact{repository tag digest} registry{server} scanner{name version} summary os{family name eosl}}", "Known vulnerabilities of images."),
    ("config.openshift.io", "apiservers", "APIServer", &["v1"], "metadata{$meta} spec{audit{profile customRules} encryption{type} tlsSecurityProfile clientCA}", OPENSHIFT),
    ("config.openshift.io", "oauths", "OAuth", &["v1"], "metadata{$meta} spec{identityProviders{name type mappingMethod} tokenConfig}", OPENSHIFT),
    ("config.openshift.io", "authentications", "Authentication", &["v1"], "metadata{$meta} spec{type oidcProviders{name issuer{issuerURL audiences}} serviceAccountIssuer}", OPENSHIFT),
    ("config.openshift.io", "images", "Image", &["v1"], "metadata{$meta} spec{allowedRegistriesForImport registrySources}", OPENSHIFT),
    ("config.openshift.io", "networks", "Network", &["v1"], "metadata{$meta} spec{networkType clusterNetwork serviceNetwork externalIP}", OPENSHIFT),
    ("operator.openshift.io", "kubeapiservers", "KubeAPIServer", &["v1"], "metadata{$meta} spec{managementState logLevel} status{$conditions}", OPENSHIFT),
    ("operator.openshift.io", "networks", "Network", &["v1"], "metadata{$meta} spec{defaultNetwork{type ovnKubernetesConfig{ipsecConfig}}}", OPENSHIFT),
];

/// Large or only counted: the server is asked for metadata only.
#[rustfmt::skip]
const METADATA_ONLY: &[Line] = &[
    ("aquasecurity.github.io", "sbomreports", "SbomReport", &["v1alpha1"], METADATA, "Which workloads have a software bill of materials."),
    ("actions.github.com", "autoscalingrunnersets", "AutoscalingRunnerSet", &["v1alpha1"], METADATA, MAKERS),
    ("apps.kruise.io", "advancedcronjobs", "AdvancedCronJob", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    ("apps.kruise.io", "broadcastjobs", "BroadcastJob", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    ("apps.kruise.io", "clonesets", "CloneSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    ("apps.kruise.io", "daemonsets", "DaemonSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    ("apps.kruise.io", "statefulsets", "StatefulSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    ("argoproj.io", "cronworkflows", "CronWorkflow", &["v1alpha1"], METADATA, MAKERS),
    ("argoproj.io", "rollouts", "Rollout", &["v1alpha1"], METADATA, MAKERS),
    ("batch.volcano.sh", "cronjobs", "CronJob", &["v1alpha1"], METADATA, MAKERS),
    ("keda.sh", "scaledjobs", "ScaledJob", &["v1alpha1"], METADATA, MAKERS),
    ("kubevirt.io", "virtualmachineinstancereplicasets", "VirtualMachineInstanceReplicaSet", &["v1", "v1alpha3"], METADATA, MAKERS),
    ("kubevirt.io", "virtualmachines", "VirtualMachine", &["v1", "v1alpha3"], METADATA, MAKERS),
    ("pool.kubevirt.io", "virtualmachinepools", "VirtualMachinePool", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    ("ray.io", "rayclusters", "RayCluster", &["v1", "v1alpha1"], METADATA, MAKERS),
    ("sparkoperator.k8s.io", "scheduledsparkapplications", "ScheduledSparkApplication", &["v1beta2"], METADATA, MAKERS),
];

pub(super) fn entries() -> Vec<Entry> {
    let entry = |line: &Line, amount| Entry {
        source: SourceId::group(line.0, line.1),
        kind: line.2,
        versions: line.3,
        reach: Reach::Everywhere,
        amount,
        part: Part::Addons,
        always: false,
        why: line.5,
    };
    let mut all: Vec<Entry> = LINES.iter().map(|line| entry(line, Amount::Fields(line.4))).collect();
    all.extend(METADATA_ONLY.iter().map(|line| entry(line, Amount::Metadata)));
    // Whoever writes a Backup gives the ConfigMap a name of his own.
    all.push(Entry {
        source: VELERO_CONFIG_MAPS,
        kind: "ConfigMap",
        versions: &["v1"],
        reach: Reach::In("velero"),
        amount: Amount::Fields("metadata{$meta managedFields{time}} data{*:volumepolicies}"),
        part: Part::Addons,
        always: false,
        why: "Resource policies: which volumes Velero skips, or copies in which way.",
    });
    all.push(Entry {
        source: SourceId::group("constraints.gatekeeper.sh", "*"),
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
