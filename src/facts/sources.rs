//! The sources that tables rest on. The collector's inventory holds each of them; a test compares the two.

use crate::model::SourceId;

/// Velero's backups and how they ended.
pub const BACKUPS: SourceId = SourceId::group("velero.io", "backups");
/// Where Velero keeps backups.
pub const BACKUP_LOCATIONS: SourceId = SourceId::group("velero.io", "backupstoragelocations");
/// Velero's schedules.
pub const BACKUP_SCHEDULES: SourceId = SourceId::group("velero.io", "schedules");
/// Certificates that cert-manager keeps.
pub const CERTIFICATES: SourceId = SourceId::group("cert-manager.io", "certificates");
/// Issuers of certificates for the whole cluster.
pub const CLUSTER_ISSUERS: SourceId = SourceId::group("cert-manager.io", "clusterissuers");
/// CronJobs: templates and owners of Jobs.
pub const CRON_JOBS: SourceId = SourceId::group("batch", "cronjobs");
/// DaemonSets: templates.
pub const DAEMON_SETS: SourceId = SourceId::group("apps", "daemonsets");
/// Deployments: templates.
pub const DEPLOYMENTS: SourceId = SourceId::group("apps", "deployments");
/// Effective flags of the API server that answers (KEP-4828).
pub const FLAGZ: SourceId = SourceId::url("/flagz");
/// Gateways: listeners and their TLS.
pub const GATEWAYS: SourceId = SourceId::group("gateway.networking.k8s.io", "gateways");
/// Routes for gRPC: what a listener carries.
pub const GRPC_ROUTES: SourceId = SourceId::group("gateway.networking.k8s.io", "grpcroutes");
/// Routes for HTTP: what a listener carries, and whether it only redirects.
pub const HTTP_ROUTES: SourceId = SourceId::group("gateway.networking.k8s.io", "httproutes");
/// Ingresses: hosts that are published, and their TLS.
pub const INGRESSES: SourceId = SourceId::group("networking.k8s.io", "ingresses");
/// Classes of Ingresses: which controller serves them.
pub const INGRESS_CLASSES: SourceId = SourceId::group("networking.k8s.io", "ingressclasses");
/// Issuers of certificates.
pub const ISSUERS: SourceId = SourceId::group("cert-manager.io", "issuers");
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
/// Volumes behind the claims.
pub const PERSISTENT_VOLUMES: SourceId = SourceId::core("persistentvolumes");
/// Claims: where workloads keep data.
pub const PERSISTENT_VOLUME_CLAIMS: SourceId = SourceId::core("persistentvolumeclaims");
/// Pods: what really runs.
pub const PODS: SourceId = SourceId::core("pods");
/// ReplicationControllers: templates.
pub const REPLICATION_CONTROLLERS: SourceId = SourceId::core("replicationcontrollers");
/// ReplicaSets, metadata only: the owners behind pods.
pub const REPLICA_SETS: SourceId = SourceId::group("apps", "replicasets");
/// Services: how workloads can be reached.
pub const SERVICES: SourceId = SourceId::core("services");
/// Service accounts: what they say about tokens.
pub const SERVICE_ACCOUNTS: SourceId = SourceId::core("serviceaccounts");
/// StatefulSets: templates.
pub const STATEFUL_SETS: SourceId = SourceId::group("apps", "statefulsets");
/// Storage classes: how volumes are made.
pub const STORAGE_CLASSES: SourceId = SourceId::group("storage.k8s.io", "storageclasses");
/// Routes for TCP: what a listener carries.
pub const TCP_ROUTES: SourceId = SourceId::group("gateway.networking.k8s.io", "tcproutes");
/// Routes for TLS: what a listener carries.
pub const TLS_ROUTES: SourceId = SourceId::group("gateway.networking.k8s.io", "tlsroutes");
/// Routes for UDP: what a listener carries.
pub const UDP_ROUTES: SourceId = SourceId::group("gateway.networking.k8s.io", "udproutes");
/// The server's version: which rules it applies.
pub const VERSION: SourceId = SourceId::url("/version");
