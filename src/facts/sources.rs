//! The sources that tables rest on. The collector's inventory holds each of them; a test compares the two.

use crate::model::SourceId;

/// ClusterRoleBindings: who holds which ClusterRole everywhere.
pub const CLUSTER_ROLE_BINDINGS: SourceId = SourceId::group("rbac.authorization.k8s.io", "clusterrolebindings");
/// ClusterRoles: their rules as stored.
pub const CLUSTER_ROLES: SourceId = SourceId::group("rbac.authorization.k8s.io", "clusterroles");
/// CronJobs: templates and owners of Jobs.
pub const CRON_JOBS: SourceId = SourceId::group("batch", "cronjobs");
/// DaemonSets: templates.
pub const DAEMON_SETS: SourceId = SourceId::group("apps", "daemonsets");
/// Deployments: templates.
pub const DEPLOYMENTS: SourceId = SourceId::group("apps", "deployments");
/// Effective flags of the API server that answers (KEP-4828).
pub const FLAGZ: SourceId = SourceId::url("/flagz");
/// Jobs: templates, and the owners behind their pods.
pub const JOBS: SourceId = SourceId::group("batch", "jobs");
/// kubeadm's ClusterConfiguration: what was asked for at installation.
pub const KUBEADM_CONFIG: SourceId = SourceId::config_map("kube-system", "kubeadm-config");
/// Leases in kube-system: one for each API server (KEP-1965).
pub const LEASES: SourceId = SourceId::group("coordination.k8s.io", "leases");
/// Namespaces: scope and Pod Security labels.
pub const NAMESPACES: SourceId = SourceId::core("namespaces");
/// Nodes: which mirror pods can be believed.
pub const NODES: SourceId = SourceId::core("nodes");
/// Pods: what really runs.
pub const PODS: SourceId = SourceId::core("pods");
/// ReplicaSets, metadata only: the owners behind pods.
pub const REPLICA_SETS: SourceId = SourceId::group("apps", "replicasets");
/// ReplicationControllers: templates.
pub const REPLICATION_CONTROLLERS: SourceId = SourceId::core("replicationcontrollers");
/// RoleBindings: who holds which role in a namespace.
pub const ROLE_BINDINGS: SourceId = SourceId::group("rbac.authorization.k8s.io", "rolebindings");
/// Roles: their rules.
pub const ROLES: SourceId = SourceId::group("rbac.authorization.k8s.io", "roles");
/// Service accounts: what they say about tokens.
pub const SERVICE_ACCOUNTS: SourceId = SourceId::core("serviceaccounts");
/// StatefulSets: templates.
pub const STATEFUL_SETS: SourceId = SourceId::group("apps", "statefulsets");
/// The server's version: which rules it applies.
pub const VERSION: SourceId = SourceId::url("/version");
