//! The sources that tables rest on. The collector's inventory holds each of them; a test compares the two.

use crate::model::SourceId;

/// AdminNetworkPolicies: allow, deny or pass before NetworkPolicies.
pub const ADMIN_NETWORK_POLICIES: SourceId = SourceId::group("policy.networking.k8s.io", "adminnetworkpolicies");
/// Network policies of Antrea without a namespace.
pub const ANTREA_CLUSTER_NETWORK_POLICIES: SourceId = SourceId::group("crd.antrea.io", "clusternetworkpolicies");
/// Settings of Antrea's agent.
pub const ANTREA_CONFIG: SourceId = SourceId::config_map("kube-system", "antrea-config");
/// Network policies of Antrea.
pub const ANTREA_NETWORK_POLICIES: SourceId = SourceId::group("crd.antrea.io", "networkpolicies");
/// BaselineAdminNetworkPolicies: decide where no NetworkPolicy does.
pub const BASELINE_ADMIN_NETWORK_POLICIES: SourceId = SourceId::group("policy.networking.k8s.io", "baselineadminnetworkpolicies");
/// Network policies of Calico without a namespace, as its own API shows them.
pub const CALICO_API_GLOBAL_NETWORK_POLICIES: SourceId = SourceId::group("projectcalico.org", "globalnetworkpolicies");
/// Network policies of Calico, as its own API shows them.
pub const CALICO_API_NETWORK_POLICIES: SourceId = SourceId::group("projectcalico.org", "networkpolicies");
/// Network policies of Calico without a namespace, as it stores them.
pub const CALICO_GLOBAL_NETWORK_POLICIES: SourceId = SourceId::group("crd.projectcalico.org", "globalnetworkpolicies");
/// Network policies of Calico, as it stores them.
pub const CALICO_NETWORK_POLICIES: SourceId = SourceId::group("crd.projectcalico.org", "networkpolicies");
/// Network policies of Cilium without a namespace.
pub const CILIUM_CLUSTERWIDE_NETWORK_POLICIES: SourceId = SourceId::group("cilium.io", "ciliumclusterwidenetworkpolicies");
/// Settings of Cilium's agent.
pub const CILIUM_CONFIG: SourceId = SourceId::config_map("kube-system", "cilium-config");
/// Network policies of Cilium.
pub const CILIUM_NETWORK_POLICIES: SourceId = SourceId::group("cilium.io", "ciliumnetworkpolicies");
/// ClusterNetworkPolicies: both of these in one kind.
pub const CLUSTER_NETWORK_POLICIES: SourceId = SourceId::group("policy.networking.k8s.io", "clusternetworkpolicies");
/// CronJobs: templates and owners of Jobs.
pub const CRON_JOBS: SourceId = SourceId::group("batch", "cronjobs");
/// DaemonSets: templates.
pub const DAEMON_SETS: SourceId = SourceId::group("apps", "daemonsets");
/// Deployments: templates.
pub const DEPLOYMENTS: SourceId = SourceId::group("apps", "deployments");
/// Settings of Calico's agent, as its own API shows them.
pub const FELIX_API_CONFIGURATIONS: SourceId = SourceId::group("projectcalico.org", "felixconfigurations");
/// Settings of Calico's agent, as it stores them.
pub const FELIX_CONFIGURATIONS: SourceId = SourceId::group("crd.projectcalico.org", "felixconfigurations");
/// Effective flags of the API server that answers (KEP-4828).
pub const FLAGZ: SourceId = SourceId::url("/flagz");
/// Settings of Flannel.
pub const FLANNEL_CONFIG: SourceId = SourceId::config_map("kube-flannel", "kube-flannel-cfg");
/// Settings of Flannel where it was installed into kube-system.
pub const FLANNEL_SYSTEM_CONFIG: SourceId = SourceId::config_map("kube-system", "kube-flannel-cfg");
/// Jobs: templates, and the owners behind their pods.
pub const JOBS: SourceId = SourceId::group("batch", "jobs");
/// kubeadm's ClusterConfiguration: what was asked for at installation.
pub const KUBEADM_CONFIG: SourceId = SourceId::config_map("kube-system", "kubeadm-config");
/// Leases in kube-system: one for each API server (KEP-1965).
pub const LEASES: SourceId = SourceId::group("coordination.k8s.io", "leases");
/// Namespaces: scope and Pod Security labels.
pub const NAMESPACES: SourceId = SourceId::core("namespaces");
/// NetworkPolicies: who may talk to whom.
pub const NETWORK_POLICIES: SourceId = SourceId::group("networking.k8s.io", "networkpolicies");
/// Nodes: which mirror pods can be believed.
pub const NODES: SourceId = SourceId::core("nodes");
/// The network that OpenShift's operator sets up.
pub const OPENSHIFT_NETWORKS: SourceId = SourceId::group("operator.openshift.io", "networks");
/// Pods: what really runs.
pub const PODS: SourceId = SourceId::core("pods");
/// ReplicationControllers: templates.
pub const REPLICATION_CONTROLLERS: SourceId = SourceId::core("replicationcontrollers");
/// ReplicaSets, metadata only: the owners behind pods.
pub const REPLICA_SETS: SourceId = SourceId::group("apps", "replicasets");
/// Service accounts: what they say about tokens.
pub const SERVICE_ACCOUNTS: SourceId = SourceId::core("serviceaccounts");
/// StatefulSets: templates.
pub const STATEFUL_SETS: SourceId = SourceId::group("apps", "statefulsets");
/// The server's version: which rules it applies.
pub const VERSION: SourceId = SourceId::url("/version");
