//! ConfigMaps, each by name; RBAC can allow exactly these (`resourceNames`). Beside them, only those of Velero's namespace are read (see
//! `addons.rs`).

use super::{Amount, Entry, Part, Reach};
use crate::model::SourceId;

/// One key of a ConfigMap that may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigKey {
    /// The key; a `*` at the end stands for any rest.
    pub name: &'static str,
    /// How much of its text.
    pub text: ConfigText,
}

/// How much of a text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigText {
    /// All of it: one setting, or public certificates.
    Whole,
    /// That it is there.
    Presence,
    /// These fields of the YAML or JSON document in it.
    Fields(&'static str),
}

impl ConfigKey {
    /// Whether this speaks about the key `name`.
    pub fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.name == name,
        }
    }
}

const fn whole(name: &'static str) -> ConfigKey {
    ConfigKey { name, text: ConfigText::Whole }
}
const fn presence(name: &'static str) -> ConfigKey {
    ConfigKey { name, text: ConfigText::Presence }
}
const fn fields(name: &'static str, text: &'static str) -> ConfigKey {
    ConfigKey { name, text: ConfigText::Fields(text) }
}

const SYSTEM: &str = "kube-system";

/// Namespace, name, keys, part, why.
type Line = (&'static str, &'static str, &'static [ConfigKey], Part, &'static str);

const LINES: &[Line] = &[
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
    (
        SYSTEM,
        "cilium-config",
        &[
            whole("enable-policy"),
            whole("policy-audit-mode"),
            whole("enable-k8s-networkpolicy"),
            whole("enable-cilium-network-policy"),
            whole("enable-cilium-clusterwide-network-policy"),
            whole("enable-wireguard"),
            whole("enable-ztunnel"),
            whole("labels"),
            whole("enable-ipsec"),
            whole("encrypt-node"),
            whole("encryption-strict-mode-*"),
            whole("enable-encryption-strict-mode*"),
            whole("mesh-auth-enabled"),
            whole("enable-host-firewall"),
            whole("kube-proxy-replacement"),
            whole("routing-mode"),
            whole("tunnel-protocol"),
            whole("enable-hubble"),
            whole("hubble-disable-tls"),
        ],
        Part::Addons,
        "Whether Cilium enforces policies and encrypts traffic.",
    ),
    (
        SYSTEM,
        "kube-flannel-cfg",
        &[fields("net-conf.json", "Network EnableIPv4 EnableIPv6 Backend{Type}")],
        Part::Addons,
        "Whether Flannel encrypts traffic (it enforces no policies).",
    ),
    (
        "kube-flannel",
        "kube-flannel-cfg",
        &[fields("net-conf.json", "Network EnableIPv4 EnableIPv6 Backend{Type}")],
        Part::Addons,
        "Whether Flannel encrypts traffic (it enforces no policies).",
    ),
    (
        SYSTEM,
        "antrea-config",
        &[
            fields("antrea-agent.conf", "featureGates trafficEncapMode trafficEncryptionMode tunnelType"),
            fields("antrea-controller.conf", "featureGates"),
        ],
        Part::Addons,
        "Whether Antrea enforces policies and encrypts traffic.",
    ),
    (
        SYSTEM,
        "aws-auth",
        &[fields("mapRoles", "rolearn username groups"), fields("mapUsers", "userarn username groups"), fields("mapAccounts", "*")],
        Part::Addons,
        "Which cloud identities are which users and groups (EKS).",
    ),
    (
        SYSTEM,
        "amazon-vpc-cni",
        &[whole("enable-network-policy-controller"), whole("enable-windows-ipam")],
        Part::Addons,
        "Whether the network plugin of EKS enforces policies.",
    ),
    (
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
    ),
    (
        "falco",
        "falco",
        &[fields(
            "falco.yaml",
            "engine{kind} json_output priority rules_files file_output{enabled} http_output{enabled} stdout_output{enabled}
             syslog_output{enabled} program_output{enabled}",
        )],
        Part::Addons,
        "Where Falco sends what it sees.",
    ),
    (
        "kyverno",
        "kyverno",
        &[whole("resourceFilters"), whole("excludeGroups"), whole("excludeUsernames"), whole("excludeRoles"), whole("webhooks")],
        Part::Addons,
        "What Kyverno leaves out.",
    ),
];

pub(super) fn entries() -> Vec<Entry> {
    LINES
        .iter()
        .map(|&(namespace, name, keys, part, why)| Entry {
            source: SourceId::config_map(namespace, name),
            kind: "ConfigMap",
            versions: &["v1"],
            reach: Reach::ConfigMap,
            amount: Amount::Keys(keys),
            part,
            always: true,
            why,
        })
        .collect()
}
