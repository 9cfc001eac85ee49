//! Which traffic between pods is allowed, and what encrypts it.

use super::entries::{ConfigMapLine, Line, SYSTEM, addons, config_maps, fields, list, whole};
use super::{Entry, Part};
use crate::model::{SourceId, sources};

const CLUSTER_POLICIES: &str = "Cluster-wide network policies, which can override the namespaced ones.";
const CILIUM: &str = "Network policies of Cilium.";
const CALICO: &str = "Network policies of Calico.";
const ANTREA: &str = "Network policies of Antrea.";
const EKS: &str = "Network policies of EKS.";
const OPENSHIFT: &str = "Settings of the control plane on OpenShift: audit profile, encryption, identity providers.";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::CLUSTER_NETWORK_POLICIES, "ClusterNetworkPolicy", &["v1beta1", "v1alpha2"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    (sources::ADMIN_NETWORK_POLICIES, "AdminNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    (sources::BASELINE_ADMIN_NETWORK_POLICIES, "BaselineAdminNetworkPolicy", &["v1alpha1"], "metadata{$meta} spec{$clusterpolicy}", CLUSTER_POLICIES),
    (sources::CILIUM_NETWORK_POLICIES, "CiliumNetworkPolicy", &["v2"], "metadata{$meta} spec{$ciliumpolicy} specs{$ciliumpolicy}", CILIUM),
    (sources::CILIUM_CLUSTERWIDE_NETWORK_POLICIES, "CiliumClusterwideNetworkPolicy", &["v2"], "metadata{$meta} spec{$ciliumpolicy} specs{$ciliumpolicy}", CILIUM),
    (sources::CILIUM_NODE_CONFIGS, "CiliumNodeConfig", &["v2", "v2alpha1"], "metadata{$meta managedFields{time}} spec{nodeSelector defaults{enable-policy policy-audit-mode enable-k8s-networkpolicy enable-wireguard enable-ipsec}}", "Settings of Cilium for single nodes, which win over its ConfigMap."),
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
    (sources::OPENSHIFT_NETWORKS, "Network", &["v1"], "metadata{$meta} spec{defaultNetwork{type ovnKubernetesConfig{ipsecConfig}}}", OPENSHIFT),
];

const CONFIG_MAPS: &[ConfigMapLine] = &[
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
        "amazon-vpc-cni",
        &[whole("enable-network-policy-controller"), whole("enable-windows-ipam")],
        Part::Addons,
        "Whether the network plugin of EKS enforces policies.",
    ),
];

pub(super) fn entries() -> Vec<Entry> {
    let own = vec![list(
        sources::NETWORK_POLICIES,
        "NetworkPolicy",
        "metadata{$meta} spec!{podSelector policyTypes ingress{from{$peer} ports{$peerport}} egress{to{$peer} ports{$peerport}}}",
        "Who may talk to whom.",
    )];
    own.into_iter().chain(addons(LINES)).chain(config_maps(CONFIG_MAPS)).collect()
}
