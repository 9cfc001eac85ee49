//! The sources that tables rest on. The collector's inventory holds each of them; a test compares the two.

use super::SourceId;

/// AdminNetworkPolicies: allow, deny or pass before NetworkPolicies.
pub const ADMIN_NETWORK_POLICIES: SourceId = SourceId::group("policy.networking.k8s.io", "adminnetworkpolicies");
/// Settings of the network plugin of EKS.
pub const AMAZON_CONFIG: SourceId = SourceId::config_map("kube-system", "amazon-vpc-cni");
/// One request without credentials, and how the server answered it.
pub const ANONYMOUS_REQUEST: SourceId = SourceId::probe("anonymous-request");
/// Network policies of Antrea without a namespace.
pub const ANTREA_CLUSTER_NETWORK_POLICIES: SourceId = SourceId::group("crd.antrea.io", "clusternetworkpolicies");
/// APIServices: which groups other servers offer.
pub const API_SERVICES: SourceId = SourceId::group("apiregistration.k8s.io", "apiservices");
/// Settings of Antrea's agent.
pub const ANTREA_CONFIG: SourceId = SourceId::config_map("kube-system", "antrea-config");
/// Network policies of Antrea.
pub const ANTREA_NETWORK_POLICIES: SourceId = SourceId::group("crd.antrea.io", "networkpolicies");
/// Velero's backups and how they ended.
pub const BACKUPS: SourceId = SourceId::group("velero.io", "backups");
/// Where Velero keeps backups.
pub const BACKUP_LOCATIONS: SourceId = SourceId::group("velero.io", "backupstoragelocations");
/// Velero's schedules.
pub const BACKUP_SCHEDULES: SourceId = SourceId::group("velero.io", "schedules");
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
/// Certificates that cert-manager keeps.
pub const CERTIFICATES: SourceId = SourceId::group("cert-manager.io", "certificates");
/// Network policies of Cilium without a namespace.
pub const CILIUM_CLUSTERWIDE_NETWORK_POLICIES: SourceId = SourceId::group("cilium.io", "ciliumclusterwidenetworkpolicies");
/// Settings of Cilium's agent.
pub const CILIUM_CONFIG: SourceId = SourceId::config_map("kube-system", "cilium-config");
/// Network policies of Cilium.
pub const CILIUM_NETWORK_POLICIES: SourceId = SourceId::group("cilium.io", "ciliumnetworkpolicies");
/// Settings of Cilium for single nodes.
pub const CILIUM_NODE_CONFIGS: SourceId = SourceId::group("cilium.io", "ciliumnodeconfigs");
/// Issuers of certificates for the whole cluster.
pub const CLUSTER_ISSUERS: SourceId = SourceId::group("cert-manager.io", "clusterissuers");
/// ClusterNetworkPolicies: both of these in one kind.
pub const CLUSTER_NETWORK_POLICIES: SourceId = SourceId::group("policy.networking.k8s.io", "clusternetworkpolicies");
/// ClusterRoles: their rules as stored.
pub const CLUSTER_ROLES: SourceId = SourceId::group("rbac.authorization.k8s.io", "clusterroles");
/// ClusterRoleBindings: who holds which ClusterRole everywhere.
pub const CLUSTER_ROLE_BINDINGS: SourceId = SourceId::group("rbac.authorization.k8s.io", "clusterrolebindings");
/// CustomResourceDefinitions: which kinds were added.
pub const CUSTOM_RESOURCE_DEFINITIONS: SourceId = SourceId::group("apiextensions.k8s.io", "customresourcedefinitions");
/// What kinds of constraints Gatekeeper knows, and whether it understands them.
pub const CONSTRAINT_TEMPLATES: SourceId = SourceId::group("templates.gatekeeper.sh", "constrainttemplates");
/// How Istio's clients connect to hosts.
pub const DESTINATION_RULES: SourceId = SourceId::group("networking.istio.io", "destinationrules");
/// CronJobs: templates and owners of Jobs.
pub const CRON_JOBS: SourceId = SourceId::group("batch", "cronjobs");
/// DaemonSets: templates.
pub const DAEMON_SETS: SourceId = SourceId::group("apps", "daemonsets");
/// Snapshots whose data Velero moved away, one object per claim and backup.
pub const DATA_UPLOADS: SourceId = SourceId::group("velero.io", "datauploads");
/// Deployments: templates.
pub const DEPLOYMENTS: SourceId = SourceId::group("apps", "deployments");
/// Network policies of EKS that name hosts too.
pub const EKS_APPLICATION_NETWORK_POLICIES: SourceId = SourceId::group("networking.k8s.aws", "applicationnetworkpolicies");
/// Network policies of EKS without a namespace.
pub const EKS_CLUSTER_NETWORK_POLICIES: SourceId = SourceId::group("networking.k8s.aws", "clusternetworkpolicies");
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
/// Constraints of Gatekeeper: every constraint is a kind of its own.
pub const GATEKEEPER: SourceId = SourceId::group("constraints.gatekeeper.sh", "*");
/// Gatekeeper's own settings: namespaces that it leaves out.
pub const GATEKEEPER_CONFIGS: SourceId = SourceId::group("config.gatekeeper.sh", "configs");
/// Settings of GKE's load balancers that Ingresses name.
pub const FRONTEND_CONFIGS: SourceId = SourceId::group("networking.gke.io", "frontendconfigs");
/// Gateways: listeners and their TLS.
pub const GATEWAYS: SourceId = SourceId::group("gateway.networking.k8s.io", "gateways");
/// Routes for gRPC: what a listener carries.
pub const GRPC_ROUTES: SourceId = SourceId::group("gateway.networking.k8s.io", "grpcroutes");
/// HTTPProxies of Contour.
pub const HTTP_PROXIES: SourceId = SourceId::group("projectcontour.io", "httpproxies");
/// Routes for HTTP: what a listener carries, and whether it only redirects.
pub const HTTP_ROUTES: SourceId = SourceId::group("gateway.networking.k8s.io", "httproutes");
/// Ingresses: hosts that are published, and their TLS.
pub const INGRESSES: SourceId = SourceId::group("networking.k8s.io", "ingresses");
/// Classes of Ingresses: which controller serves them.
pub const INGRESS_CLASSES: SourceId = SourceId::group("networking.k8s.io", "ingressclasses");
/// Settings of the AWS Load Balancer Controller that classes name.
pub const INGRESS_CLASS_PARAMS: SourceId = SourceId::group("elbv2.k8s.aws", "ingressclassparams");
/// The same of EKS Auto Mode.
pub const INGRESS_CLASS_PARAMS_EKS: SourceId = SourceId::group("eks.amazonaws.com", "ingressclassparams");
/// Settings of the community's ingress-nginx where it was installed under its own name.
pub const INGRESS_NGINX_CONFIG: SourceId = SourceId::config_map("ingress-nginx", "ingress-nginx-controller");
/// IngressRoutes of Traefik.
pub const INGRESS_ROUTES: SourceId = SourceId::group("traefik.io", "ingressroutes");
/// IngressRouteTCPs of Traefik.
pub const INGRESS_ROUTE_TCPS: SourceId = SourceId::group("traefik.io", "ingressroutetcps");
/// Issuers of certificates.
pub const ISSUERS: SourceId = SourceId::group("cert-manager.io", "issuers");
/// Settings of Istio's mesh where it was installed under its own names.
pub const ISTIO_CONFIG: SourceId = SourceId::config_map("istio-system", "istio");
/// Gateways of Istio.
pub const ISTIO_GATEWAYS: SourceId = SourceId::group("networking.istio.io", "gateways");
/// Jobs: templates, and the owners behind their pods.
pub const JOBS: SourceId = SourceId::group("batch", "jobs");
/// kubeadm's ClusterConfiguration: what was asked for at installation.
pub const KUBEADM_CONFIG: SourceId = SourceId::config_map("kube-system", "kubeadm-config");
/// The template of the kubelet's configuration (kubeadm): what new nodes get.
pub const KUBELET_CONFIG: SourceId = SourceId::config_map("kube-system", "kubelet-config");
/// Groups of policies of Kubewarden for the whole cluster.
pub const KUBEWARDEN_CLUSTER_GROUPS: SourceId = SourceId::group("policies.kubewarden.io", "clusteradmissionpolicygroups");
/// Policies of Kubewarden for the whole cluster.
pub const KUBEWARDEN_CLUSTER_POLICIES: SourceId = SourceId::group("policies.kubewarden.io", "clusteradmissionpolicies");
/// Groups of policies of Kubewarden for one namespace.
pub const KUBEWARDEN_GROUPS: SourceId = SourceId::group("policies.kubewarden.io", "admissionpolicygroups");
/// Policies of Kubewarden for one namespace.
pub const KUBEWARDEN_POLICIES: SourceId = SourceId::group("policies.kubewarden.io", "admissionpolicies");
/// The configuration of kube-proxy (kubeadm).
pub const KUBE_PROXY_CONFIG: SourceId = SourceId::config_map("kube-system", "kube-proxy");
/// Exceptions from policies of Kyverno's newer kinds.
pub const KYVERNO_CEL_EXCEPTIONS: SourceId = SourceId::group("policies.kyverno.io", "policyexceptions");
/// Cluster-wide policies of Kyverno.
pub const KYVERNO_CLUSTER_POLICIES: SourceId = SourceId::group("kyverno.io", "clusterpolicies");
/// What Kyverno leaves out.
pub const KYVERNO_CONFIG: SourceId = SourceId::config_map("kyverno", "kyverno");
/// Exceptions from policies of Kyverno.
pub const KYVERNO_EXCEPTIONS: SourceId = SourceId::group("kyverno.io", "policyexceptions");
/// Policies of Kyverno's newer kinds about signatures of images.
pub const KYVERNO_IMAGE_VALIDATING_POLICIES: SourceId = SourceId::group("policies.kyverno.io", "imagevalidatingpolicies");
/// Policies of Kyverno's newer kinds about signatures of images, for one namespace.
pub const KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICIES: SourceId =
    SourceId::group("policies.kyverno.io", "namespacedimagevalidatingpolicies");
/// Policies of Kyverno's newer kinds for one namespace.
pub const KYVERNO_NAMESPACED_VALIDATING_POLICIES: SourceId = SourceId::group("policies.kyverno.io", "namespacedvalidatingpolicies");
/// Policies of Kyverno for one namespace.
pub const KYVERNO_POLICIES: SourceId = SourceId::group("kyverno.io", "policies");
/// Cluster-wide policies of Kyverno's newer kinds.
pub const KYVERNO_VALIDATING_POLICIES: SourceId = SourceId::group("policies.kyverno.io", "validatingpolicies");
/// Leases in kube-system: one for each API server (KEP-1965).
pub const LEASES: SourceId = SourceId::group("coordination.k8s.io", "leases");
/// What may connect to Servers of Linkerd, and how it has to show who it is.
pub const LINKERD_AUTHORIZATION_POLICIES: SourceId = SourceId::group("policy.linkerd.io", "authorizationpolicies");
/// What Linkerd was installed with, where it was installed under its own names.
pub const LINKERD_CONFIG: SourceId = SourceId::config_map("linkerd", "linkerd-config");
/// Ports of pods for which Linkerd has policies.
pub const LINKERD_SERVERS: SourceId = SourceId::group("policy.linkerd.io", "servers");
/// The same as Linkerd's AuthorizationPolicies in an older kind.
pub const LINKERD_SERVER_AUTHORIZATIONS: SourceId = SourceId::group("policy.linkerd.io", "serverauthorizations");
/// Counters of the API server that answers: live effects of settings that no API shows.
pub const METRICS: SourceId = SourceId::url("/metrics");
/// Policies by which the API server itself changes objects.
pub const MUTATING_POLICIES: SourceId = SourceId::group("admissionregistration.k8s.io", "mutatingadmissionpolicies");
/// Where such policies apply.
pub const MUTATING_POLICY_BINDINGS: SourceId = SourceId::group("admissionregistration.k8s.io", "mutatingadmissionpolicybindings");
/// Webhooks that change objects on their way in.
pub const MUTATING_WEBHOOKS: SourceId = SourceId::group("admissionregistration.k8s.io", "mutatingwebhookconfigurations");
/// Namespaces: scope and Pod Security labels.
pub const NAMESPACES: SourceId = SourceId::core("namespaces");
/// NetworkPolicies: who may talk to whom.
pub const NETWORK_POLICIES: SourceId = SourceId::group("networking.k8s.io", "networkpolicies");
/// Nodes: which mirror pods can be believed.
pub const NODES: SourceId = SourceId::core("nodes");
/// IngressRoutes of Traefik before version 3.
pub const OLD_INGRESS_ROUTES: SourceId = SourceId::group("traefik.containo.us", "ingressroutes");
/// IngressRouteTCPs of Traefik before version 3.
pub const OLD_INGRESS_ROUTE_TCPS: SourceId = SourceId::group("traefik.containo.us", "ingressroutetcps");
/// Settings of the API server on OpenShift: audit profile and encryption.
pub const OPENSHIFT_API_SERVERS: SourceId = SourceId::group("config.openshift.io", "apiservers");
/// The network that OpenShift's operator sets up.
pub const OPENSHIFT_NETWORKS: SourceId = SourceId::group("operator.openshift.io", "networks");
/// Routes of OpenShift.
pub const OPENSHIFT_ROUTES: SourceId = SourceId::group("route.openshift.io", "routes");
/// What pods of a namespace may reach outside (OVN-Kubernetes).
pub const OVN_EGRESS_FIREWALLS: SourceId = SourceId::group("k8s.ovn.org", "egressfirewalls");
/// Whether workloads in Istio's mesh take connections without mutual TLS.
pub const PEER_AUTHENTICATIONS: SourceId = SourceId::group("security.istio.io", "peerauthentications");
/// Volumes behind the claims.
pub const PERSISTENT_VOLUMES: SourceId = SourceId::core("persistentvolumes");
/// Claims: where workloads keep data.
pub const PERSISTENT_VOLUME_CLAIMS: SourceId = SourceId::core("persistentvolumeclaims");
/// What Velero copied as files, one object per volume of a pod and backup.
pub const POD_VOLUME_BACKUPS: SourceId = SourceId::group("velero.io", "podvolumebackups");
/// Pods: what really runs.
pub const PODS: SourceId = SourceId::core("pods");
/// ReplicationControllers: templates.
pub const REPLICATION_CONTROLLERS: SourceId = SourceId::core("replicationcontrollers");
/// ReplicaSets, metadata only: the owners behind pods.
pub const REPLICA_SETS: SourceId = SourceId::group("apps", "replicasets");
/// Roles: their rules.
pub const ROLES: SourceId = SourceId::group("rbac.authorization.k8s.io", "roles");
/// RoleBindings: who holds which role in a namespace.
pub const ROLE_BINDINGS: SourceId = SourceId::group("rbac.authorization.k8s.io", "rolebindings");
/// Services: how workloads can be reached.
pub const SERVICES: SourceId = SourceId::core("services");
/// Service accounts: what they say about tokens.
pub const SERVICE_ACCOUNTS: SourceId = SourceId::core("serviceaccounts");
/// Which images must be signed (sigstore's policy controller).
pub const SIGSTORE: SourceId = SourceId::group("policy.sigstore.dev", "clusterimagepolicies");
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
/// Policies that the API server evaluates itself.
pub const VALIDATING_POLICIES: SourceId = SourceId::group("admissionregistration.k8s.io", "validatingadmissionpolicies");
/// Where such policies apply, and whether they deny.
pub const VALIDATING_POLICY_BINDINGS: SourceId = SourceId::group("admissionregistration.k8s.io", "validatingadmissionpolicybindings");
/// Webhooks that refuse objects on their way in.
pub const VALIDATING_WEBHOOKS: SourceId = SourceId::group("admissionregistration.k8s.io", "validatingwebhookconfigurations");
/// What Gateways of Istio serve.
pub const VIRTUAL_SERVICES: SourceId = SourceId::group("networking.istio.io", "virtualservices");
/// ConfigMaps beside Velero, for its resource policies.
pub const VELERO_CONFIG_MAPS: SourceId = SourceId::core("configmaps");
/// Of which drivers' volumes snapshots can be made.
pub const VOLUME_SNAPSHOT_CLASSES: SourceId = SourceId::group("snapshot.storage.k8s.io", "volumesnapshotclasses");
/// The server's version: which rules it applies.
pub const VERSION: SourceId = SourceId::url("/version");
/// What the Trivy operator knows to be wrong with images.
pub const VULNERABILITY_REPORTS: SourceId = SourceId::group("aquasecurity.github.io", "vulnerabilityreports");
/// Where the External Secrets Operator takes secrets from, for every namespace.
pub const CLUSTER_SECRET_STORES: SourceId = SourceId::group("external-secrets.io", "clustersecretstores");
/// CSIDrivers: what storage drivers say of themselves.
pub const CSI_DRIVERS: SourceId = SourceId::group("storage.k8s.io", "csidrivers");
/// Secrets that the External Secrets Operator fills.
pub const EXTERNAL_SECRETS: SourceId = SourceId::group("external-secrets.io", "externalsecrets");
/// Which controller serves which Gateways.
pub const GATEWAY_CLASSES: SourceId = SourceId::group("gateway.networking.k8s.io", "gatewayclasses");
/// PriorityClasses: which pods go first.
pub const PRIORITY_CLASSES: SourceId = SourceId::group("scheduling.k8s.io", "priorityclasses");
/// RuntimeClasses: how containers are run.
pub const RUNTIME_CLASSES: SourceId = SourceId::group("node.k8s.io", "runtimeclasses");
/// Where the External Secrets Operator takes secrets from.
pub const SECRET_STORES: SourceId = SourceId::group("external-secrets.io", "secretstores");

/// Which account of Vault the Vault Secrets Operator signs in with, and who may use it.
pub const VAULT_AUTHS: SourceId = SourceId::group("secrets.hashicorp.com", "vaultauths");
/// What several of these share.
pub const VAULT_AUTH_GLOBALS: SourceId = SourceId::group("secrets.hashicorp.com", "vaultauthglobals");
/// Where the Vault Secrets Operator finds Vault.
pub const VAULT_CONNECTIONS: SourceId = SourceId::group("secrets.hashicorp.com", "vaultconnections");
/// Secrets that Vault makes on request.
pub const VAULT_DYNAMIC_SECRETS: SourceId = SourceId::group("secrets.hashicorp.com", "vaultdynamicsecrets");
/// Certificates that Vault issues.
pub const VAULT_PKI_SECRETS: SourceId = SourceId::group("secrets.hashicorp.com", "vaultpkisecrets");
/// Secrets that Vault keeps.
pub const VAULT_STATIC_SECRETS: SourceId = SourceId::group("secrets.hashicorp.com", "vaultstaticsecrets");
/// Secrets of Vault that a driver of volumes mounts.
pub const CSI_SECRETS: SourceId = SourceId::group("secrets.hashicorp.com", "csisecrets");
/// What the Secrets Store CSI Driver mounts.
pub const SECRET_PROVIDER_CLASSES: SourceId = SourceId::group("secrets-store.csi.x-k8s.io", "secretproviderclasses");
/// Secrets that stand encrypted in an object of Sealed Secrets.
pub const SEALED_SECRETS: SourceId = SourceId::group("bitnami.com", "sealedsecrets");
/// Secrets that stand encrypted in an object of the SOPS operator.
pub const SOPS_SECRETS: SourceId = SourceId::group("isindir.github.com", "sopssecrets");

/// Objects by which operators bring secrets into the cluster.
pub const SECRET_BRINGERS: &[SourceId] = &[
    CSI_SECRETS,
    EXTERNAL_SECRETS,
    SEALED_SECRETS,
    SECRET_PROVIDER_CLASSES,
    SOPS_SECRETS,
    VAULT_DYNAMIC_SECRETS,
    VAULT_PKI_SECRETS,
    VAULT_STATIC_SECRETS,
];

/// Where these get them from, and as whom.
pub const SECRET_SOURCES: &[SourceId] = &[CLUSTER_SECRET_STORES, SECRET_STORES, VAULT_AUTHS, VAULT_AUTH_GLOBALS, VAULT_CONNECTIONS];

/// What shows how the API server writes Secrets to etcd.
pub const ENCRYPTION_SHOWN: &[SourceId] = &[FLAGZ, KUBEADM_CONFIG, LEASES, METRICS, NODES, OPENSHIFT_API_SERVERS, PODS, VERSION];

/// Sources whose objects decide only about the namespace that they are in: where one cannot be understood, verdicts on other
/// namespaces stand. Whoever may write there must not be able to blind the view on everybody else. Controllers that agents of the whole cluster come from (DaemonSets, Deployments, StatefulSets) are
/// not among them.
pub const DECIDE_ONLY_THEIR_NAMESPACE: &[SourceId] = &[
    ANTREA_NETWORK_POLICIES,
    CALICO_API_NETWORK_POLICIES,
    CALICO_NETWORK_POLICIES,
    CERTIFICATES,
    CILIUM_NETWORK_POLICIES,
    CILIUM_NODE_CONFIGS,
    CRON_JOBS,
    EKS_APPLICATION_NETWORK_POLICIES,
    FRONTEND_CONFIGS,
    INGRESS_ROUTES,
    INGRESS_ROUTE_TCPS,
    ISSUERS,
    JOBS,
    KUBEWARDEN_GROUPS,
    KUBEWARDEN_POLICIES,
    KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICIES,
    KYVERNO_NAMESPACED_VALIDATING_POLICIES,
    KYVERNO_POLICIES,
    LINKERD_AUTHORIZATION_POLICIES,
    LINKERD_SERVERS,
    LINKERD_SERVER_AUTHORIZATIONS,
    NETWORK_POLICIES,
    OLD_INGRESS_ROUTES,
    OLD_INGRESS_ROUTE_TCPS,
    OPENSHIFT_ROUTES,
    OVN_EGRESS_FIREWALLS,
    // One of the mesh's root namespace decides about all: whoever reads these asks for that namespace, too.
    PEER_AUTHENTICATIONS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    REPLICATION_CONTROLLERS,
    REPLICA_SETS,
    ROLES,
    ROLE_BINDINGS,
    SERVICE_ACCOUNTS,
    SERVICES,
    CSI_SECRETS,
    EXTERNAL_SECRETS,
    SEALED_SECRETS,
    SECRET_PROVIDER_CLASSES,
    SECRET_STORES,
    SOPS_SECRETS,
    VAULT_DYNAMIC_SECRETS,
    VAULT_PKI_SECRETS,
    VAULT_STATIC_SECRETS,
];

/// Of those, the ones that may lead into another namespace by its name: a Service of type ExternalName, a route of Traefik.
pub const LEAD_ELSEWHERE: &[SourceId] = &[INGRESS_ROUTES, INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES, OLD_INGRESS_ROUTE_TCPS, SERVICES];

/// Controllers and pods: everything that can hold a pod's spec.
pub const WORKLOADS: &[SourceId] = &[PODS, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, JOBS, CRON_JOBS, REPLICATION_CONTROLLERS];

/// Policies of engines that are installed beside Kubernetes, and what tells whether they are understood.
pub const ENGINE_POLICIES: &[SourceId] = &[
    CONSTRAINT_TEMPLATES,
    GATEKEEPER,
    KUBEWARDEN_CLUSTER_GROUPS,
    KUBEWARDEN_CLUSTER_POLICIES,
    KUBEWARDEN_GROUPS,
    KUBEWARDEN_POLICIES,
    KYVERNO_CLUSTER_POLICIES,
    KYVERNO_IMAGE_VALIDATING_POLICIES,
    KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICIES,
    KYVERNO_NAMESPACED_VALIDATING_POLICIES,
    KYVERNO_POLICIES,
    KYVERNO_VALIDATING_POLICIES,
    SIGSTORE,
];

/// What tells which workload a pod belongs to.
pub const POD_OWNERS: &[SourceId] = &[PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, JOBS];

/// Network policies of other APIs than Kubernetes' own.
pub const FOREIGN_POLICIES: &[SourceId] = &[
    ADMIN_NETWORK_POLICIES,
    ANTREA_CLUSTER_NETWORK_POLICIES,
    ANTREA_NETWORK_POLICIES,
    BASELINE_ADMIN_NETWORK_POLICIES,
    CALICO_API_GLOBAL_NETWORK_POLICIES,
    CALICO_API_NETWORK_POLICIES,
    CALICO_GLOBAL_NETWORK_POLICIES,
    CALICO_NETWORK_POLICIES,
    CILIUM_CLUSTERWIDE_NETWORK_POLICIES,
    CILIUM_NETWORK_POLICIES,
    CLUSTER_NETWORK_POLICIES,
    EKS_APPLICATION_NETWORK_POLICIES,
    EKS_CLUSTER_NETWORK_POLICIES,
];

/// What network plugins are told: each decides only where its plugin runs.
pub const NETWORK_PLUGIN_SETTINGS: &[SourceId] = &[
    AMAZON_CONFIG,
    ANTREA_CONFIG,
    CILIUM_CONFIG,
    CILIUM_NODE_CONFIGS,
    FELIX_API_CONFIGURATIONS,
    FELIX_CONFIGURATIONS,
    FLANNEL_CONFIG,
    FLANNEL_SYSTEM_CONFIG,
    OPENSHIFT_NETWORKS,
    OVN_EGRESS_FIREWALLS,
    // Whether the controller of an engine whose agents need one is there.
    DEPLOYMENTS,
];

/// API groups of which every kind is a thing of its own: one that is not read changes nothing about those that are.
pub const EVERY_KIND_ALONE: [&str; 15] = [
    "actions.github.com",
    "apps.kruise.io",
    "aquasecurity.github.io",
    "argoproj.io",
    "batch.volcano.sh",
    "config.openshift.io",
    "eks.amazonaws.com",
    "elbv2.k8s.aws",
    "keda.sh",
    "kubevirt.io",
    "networking.gke.io",
    "operator.openshift.io",
    "pool.kubevirt.io",
    "ray.io",
    "sparkoperator.k8s.io",
];

/// Further API groups of Kubernetes itself, which most servers do not serve: of gates that are off, and of versions that are gone.
pub const SELDOM_SERVED_GROUPS: [&str; 3] = ["extensions", "internal.apiserver.k8s.io", "storagemigration.k8s.io"];

/// API groups of Kubernetes itself: which kinds they have is decided by the server's version, and known for those that are read.
pub const KUBERNETES_GROUPS: [&str; 21] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Runners of GitHub Actions.
pub const GITHUB_RUNNER_SETS: SourceId = SourceId::group("actions.github.com", "autoscalingrunnersets");
/// AdvancedCronJobs of Kruise.
pub const KRUISE_CRON_JOBS: SourceId = SourceId::group("apps.kruise.io", "advancedcronjobs");
/// BroadcastJobs of Kruise.
pub const KRUISE_BROADCAST_JOBS: SourceId = SourceId::group("apps.kruise.io", "broadcastjobs");
/// CloneSets of Kruise.
pub const KRUISE_CLONE_SETS: SourceId = SourceId::group("apps.kruise.io", "clonesets");
/// DaemonSets of Kruise.
pub const KRUISE_DAEMON_SETS: SourceId = SourceId::group("apps.kruise.io", "daemonsets");
/// StatefulSets of Kruise.
pub const KRUISE_STATEFUL_SETS: SourceId = SourceId::group("apps.kruise.io", "statefulsets");
/// CronWorkflows of Argo.
pub const ARGO_CRON_WORKFLOWS: SourceId = SourceId::group("argoproj.io", "cronworkflows");
/// Rollouts of Argo.
pub const ARGO_ROLLOUTS: SourceId = SourceId::group("argoproj.io", "rollouts");
/// CronJobs of Volcano.
pub const VOLCANO_CRON_JOBS: SourceId = SourceId::group("batch.volcano.sh", "cronjobs");
/// ScaledJobs of KEDA.
pub const KEDA_SCALED_JOBS: SourceId = SourceId::group("keda.sh", "scaledjobs");
/// VirtualMachineInstanceReplicaSets of KubeVirt.
pub const KUBEVIRT_REPLICA_SETS: SourceId = SourceId::group("kubevirt.io", "virtualmachineinstancereplicasets");
/// VirtualMachines of KubeVirt.
pub const KUBEVIRT_MACHINES: SourceId = SourceId::group("kubevirt.io", "virtualmachines");
/// VirtualMachinePools of KubeVirt.
pub const KUBEVIRT_POOLS: SourceId = SourceId::group("pool.kubevirt.io", "virtualmachinepools");
/// RayClusters.
pub const RAY_CLUSTERS: SourceId = SourceId::group("ray.io", "rayclusters");
/// ScheduledSparkApplications.
pub const SPARK_SCHEDULES: SourceId = SourceId::group("sparkoperator.k8s.io", "scheduledsparkapplications");

/// Controllers of other projects that make pods when it is time, somebody asks, or they are scaled up: until then no pod, no ReplicaSet and no
/// Job shows that they are there. Kinds whose templates always stand in a kind of Kubernetes as well (Knative, OpenShift, JobSet,
/// Prometheus) are none of them, and neither are those that run once and are over (Workflow, TaskRun).
pub const POD_MAKERS: &[SourceId] = &[
    GITHUB_RUNNER_SETS,
    KRUISE_CRON_JOBS,
    KRUISE_BROADCAST_JOBS,
    KRUISE_CLONE_SETS,
    KRUISE_DAEMON_SETS,
    KRUISE_STATEFUL_SETS,
    ARGO_CRON_WORKFLOWS,
    ARGO_ROLLOUTS,
    VOLCANO_CRON_JOBS,
    KEDA_SCALED_JOBS,
    KUBEVIRT_REPLICA_SETS,
    KUBEVIRT_MACHINES,
    KUBEVIRT_POOLS,
    RAY_CLUSTERS,
    SPARK_SCHEDULES,
];

/// What shows how many API servers there are and how each was started, and what the one that answered does.
pub const SERVERS_SEEN: &[SourceId] = &[FLAGZ, LEASES, METRICS, NODES, PODS];
