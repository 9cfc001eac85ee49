//! Settings of the control plane, and what it says of itself.

use super::entries::{ConfigMapLine, Line, SYSTEM, addons, config_maps, fields, list, presence, url, whole};
use super::{Amount, Entry, Part, Reach};
use crate::model::{SourceId, sources};

const OPENSHIFT: &str = "Settings of the control plane on OpenShift: audit profile, encryption, identity providers.";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::OPENSHIFT_API_SERVERS, "APIServer", &["v1"], "metadata{$meta} spec{audit{profile customRules} encryption{type} tlsSecurityProfile clientCA}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "oauths"), "OAuth", &["v1"], "metadata{$meta} spec{identityProviders{name type mappingMethod} tokenConfig}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "authentications"), "Authentication", &["v1"], "metadata{$meta} spec{type oidcProviders{name issuer{issuerURL audiences}} serviceAccountIssuer}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "images"), "Image", &["v1"], "metadata{$meta} spec{allowedRegistriesForImport registrySources}", OPENSHIFT),
    (SourceId::group("config.openshift.io", "networks"), "Network", &["v1"], "metadata{$meta} spec{networkType clusterNetwork serviceNetwork externalIP}", OPENSHIFT),
    (SourceId::group("operator.openshift.io", "kubeapiservers"), "KubeAPIServer", &["v1"], "metadata{$meta} spec{managementState logLevel} status{$conditions}", OPENSHIFT),
];

const CONFIG_MAPS: &[ConfigMapLine] = &[
    (
        SYSTEM,
        "kubeadm-config",
        &[fields(
            "ClusterConfiguration",
            "apiVersion kind kubernetesVersion clusterName certificatesDir encryptionAlgorithm featureGates networking
             apiServer{extraArgs certSANs} controllerManager{extraArgs} scheduler{extraArgs}
             etcd{local{extraArgs dataDir} external{caFile certFile keyFile}}",
        )],
        Part::Core,
        "Flags of the control plane as kubeadm was told to set them: intent, not live state.",
    ),
    (
        SYSTEM,
        "kubelet-config",
        &[fields(
            "kubelet",
            "apiVersion kind authentication authorization readOnlyPort tlsCertFile tlsPrivateKeyFile tlsCipherSuites tlsMinVersion
             serverTLSBootstrap rotateCertificates seccompDefault podPidsLimit eventRecordQPS protectKernelDefaults
             makeIPTablesUtilChains streamingConnectionIdleTimeout featureGates enableDebuggingHandlers staticPodPath failSwapOn
             enableProfilingHandler containerLogMaxSize containerLogMaxFiles imageMinimumGCAge cgroupDriver",
        )],
        Part::Core,
        "The kubelet's settings that new nodes get.",
    ),
    (
        SYSTEM,
        "kube-proxy",
        &[fields("config.conf", "apiVersion kind mode bindAddress metricsBindAddress healthzBindAddress clusterCIDR featureGates")],
        Part::Core,
        "Where kube-proxy offers its metrics.",
    ),
    (
        SYSTEM,
        "extension-apiserver-authentication",
        &[whole("client-ca-file"), whole("requestheader-*")],
        Part::Core,
        "Certificates (public) of the authorities whose client certificates are accepted.",
    ),
    ("kube-public", "cluster-info", &[presence("kubeconfig")], Part::Core, "Whether the bootstrap information is published."),
];

pub(super) fn entries() -> Vec<Entry> {
    let own = vec![
        Entry {
            reach: Reach::In("kube-system"),
            ..list(
                sources::LEASES,
                "Lease",
                "metadata{$quietmeta} spec{holderIdentity leaseDurationSeconds}",
                "How many API servers there are, so that \"one of N was asked\" can be said.",
            )
        },
        Entry {
            source: sources::ANONYMOUS_REQUEST,
            kind: "",
            versions: &[],
            reach: Reach::Anonymous,
            amount: Amount::Status,
            part: Part::Core,
            always: false,
            why: "Whether the API answers without credentials: no setting shows it as surely as one request.",
        },
        url(
            "/version",
            "application/json",
            Amount::Fields("major minor gitVersion! emulationMajor emulationMinor minCompatibilityMajor minCompatibilityMinor platform"),
            "Version of the API server.",
        ),
        // The text form of /flagz and /statusz changes its delimiter at random so that nobody parses it (KEP-4828, KEP-4827): only the
        // structured form is asked for.
        url(
            "/flagz",
            "application/json;as=Flagz;v=v1beta1;g=config.k8s.io, application/json;as=Flagz;v=v1alpha1;g=config.k8s.io",
            Amount::Fields("kind! apiVersion! flags!:flags"),
            "The effective value of every flag of the API server, defaults included (from 1.35; on by default since 1.36).",
        ),
        url(
            "/statusz",
            "application/json;as=Statusz;v=v1beta1;g=config.k8s.io, application/json;as=Statusz;v=v1alpha1;g=config.k8s.io",
            Amount::Fields("kind apiVersion startTime binaryVersion emulationVersion minimumCompatibilityVersion"),
            "Start time and versions of the API server that answered.",
        ),
        url(
            "/metrics",
            "text/plain;version=0.0.4",
            Amount::Series,
            "Live effects of settings in files that no API shows: auditing, encryption, admission, authorization.",
        ),
    ];
    own.into_iter().chain(addons(LINES)).chain(config_maps(CONFIG_MAPS)).collect()
}
