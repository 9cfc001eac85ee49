//! The sources that tables rest on. The collector's inventory holds each of them; a test compares the two.

use crate::model::SourceId;

pub const CRON_JOBS: SourceId = SourceId::group("batch", "cronjobs");
pub const DAEMON_SETS: SourceId = SourceId::group("apps", "daemonsets");
pub const DEPLOYMENTS: SourceId = SourceId::group("apps", "deployments");
pub const FLAGZ: SourceId = SourceId::url("/flagz");
pub const JOBS: SourceId = SourceId::group("batch", "jobs");
pub const KUBEADM_CONFIG: SourceId = SourceId::config_map("kube-system", "kubeadm-config");
pub const NAMESPACES: SourceId = SourceId::core("namespaces");
pub const NODES: SourceId = SourceId::core("nodes");
pub const PODS: SourceId = SourceId::core("pods");
pub const REPLICA_SETS: SourceId = SourceId::group("apps", "replicasets");
pub const REPLICATION_CONTROLLERS: SourceId = SourceId::core("replicationcontrollers");
pub const SERVICE_ACCOUNTS: SourceId = SourceId::core("serviceaccounts");
pub const STATEFUL_SETS: SourceId = SourceId::group("apps", "statefulsets");
pub const VERSION: SourceId = SourceId::url("/version");
