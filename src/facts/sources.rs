//! The sources that tables rest on. The collector's inventory holds each of them; a test compares the two.

use crate::model::SourceId;

/// One request without credentials, and how the server answered it.
pub const ANONYMOUS_REQUEST: SourceId = SourceId::probe("anonymous-request");
/// CronJobs: templates and owners of Jobs.
pub const CRON_JOBS: SourceId = SourceId::group("batch", "cronjobs");
/// DaemonSets: templates.
pub const DAEMON_SETS: SourceId = SourceId::group("apps", "daemonsets");
/// Deployments: templates.
pub const DEPLOYMENTS: SourceId = SourceId::group("apps", "deployments");
/// Effective flags of the API server that answers (KEP-4828).
pub const FLAGZ: SourceId = SourceId::url("/flagz");
/// Constraints of Gatekeeper: every constraint is a kind of its own.
pub const GATEKEEPER: SourceId = SourceId::group("constraints.gatekeeper.sh", "*");
/// Jobs: templates, and the owners behind their pods.
pub const JOBS: SourceId = SourceId::group("batch", "jobs");
/// kubeadm's ClusterConfiguration: what was asked for at installation.
pub const KUBEADM_CONFIG: SourceId = SourceId::config_map("kube-system", "kubeadm-config");
/// The template of the kubelet's configuration (kubeadm): what new nodes get.
pub const KUBELET_CONFIG: SourceId = SourceId::config_map("kube-system", "kubelet-config");
/// The configuration of kube-proxy (kubeadm).
pub const KUBE_PROXY_CONFIG: SourceId = SourceId::config_map("kube-system", "kube-proxy");
/// Cluster-wide policies of Kyverno.
pub const KYVERNO_CLUSTER_POLICIES: SourceId = SourceId::group("kyverno.io", "clusterpolicies");
/// Policies of Kyverno for one namespace.
pub const KYVERNO_POLICIES: SourceId = SourceId::group("kyverno.io", "policies");
/// Leases in kube-system: one for each API server (KEP-1965).
pub const LEASES: SourceId = SourceId::group("coordination.k8s.io", "leases");
/// Counters of the API server that answers: live effects of settings that no API shows.
pub const METRICS: SourceId = SourceId::url("/metrics");
/// Webhooks that change objects on their way in.
pub const MUTATING_WEBHOOKS: SourceId = SourceId::group("admissionregistration.k8s.io", "mutatingwebhookconfigurations");
/// Namespaces: scope and Pod Security labels.
pub const NAMESPACES: SourceId = SourceId::core("namespaces");
/// Nodes: which mirror pods can be believed.
pub const NODES: SourceId = SourceId::core("nodes");
/// Settings of the API server on OpenShift: audit profile and encryption.
pub const OPENSHIFT_API_SERVERS: SourceId = SourceId::group("config.openshift.io", "apiservers");
/// Pods: what really runs.
pub const PODS: SourceId = SourceId::core("pods");
/// ReplicaSets, metadata only: the owners behind pods.
pub const REPLICA_SETS: SourceId = SourceId::group("apps", "replicasets");
/// ReplicationControllers: templates.
pub const REPLICATION_CONTROLLERS: SourceId = SourceId::core("replicationcontrollers");
/// Service accounts: what they say about tokens.
pub const SERVICE_ACCOUNTS: SourceId = SourceId::core("serviceaccounts");
/// Services: where webhooks are.
pub const SERVICES: SourceId = SourceId::core("services");
/// Which images must be signed (sigstore's policy controller).
pub const SIGSTORE: SourceId = SourceId::group("policy.sigstore.dev", "clusterimagepolicies");
/// StatefulSets: templates.
pub const STATEFUL_SETS: SourceId = SourceId::group("apps", "statefulsets");
/// Policies that the API server evaluates itself.
pub const VALIDATING_POLICIES: SourceId = SourceId::group("admissionregistration.k8s.io", "validatingadmissionpolicies");
/// Where such policies apply, and whether they deny.
pub const VALIDATING_POLICY_BINDINGS: SourceId = SourceId::group("admissionregistration.k8s.io", "validatingadmissionpolicybindings");
/// Webhooks that refuse objects on their way in.
pub const VALIDATING_WEBHOOKS: SourceId = SourceId::group("admissionregistration.k8s.io", "validatingwebhookconfigurations");
/// The server's version: which rules it applies.
pub const VERSION: SourceId = SourceId::url("/version");
