//! The list of rights that lead to ePHI or to the whole cluster. It begins with Kubernetes' own *RBAC Good Practices* and the CIS
//! benchmark, section 5.1, and goes on with what was shown on a running API server to lead there too.
//!
//! Beyond its end: a verb or resource that is not here is not dangerous as far as this program knows. What it leaves out on purpose:
//! nodes/metrics, nodes/stats and nodes/configz (no content), pods/eviction and `*/scale` (availability; of StatefulSets that lose their
//! claims by it, scaling is `ScaleSets`), pods/resize and
//! pods/ephemeralcontainers for metadata (their strategies reset it), custom resources that are not named below.

use super::policy::RBAC;
use super::rights::Atom;
use super::rules::ALL;
use super::things::{ADMISSION, APIS, MADE_ONCE, TEMPLATES};

/// Where the request is made that the right is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Without a namespace: a RoleBinding never gives it.
    Cluster,
    /// In a namespace, or in all of them.
    Anywhere,
    /// In kube-system, or in all namespaces.
    System,
}

/// What a rule gives that is restricted to names.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// Only that object: told apart from the right itself.
    Restricted,
    /// The right itself: one is enough.
    AnyOf(&'static [&'static str]),
    /// The right itself where a name begins so.
    Beginning(&'static str),
    /// The right itself, whatever the names.
    Enough,
    /// The right itself where the roles are worth having.
    Roles,
    /// The right is one on named objects: a rule without names gives it too.
    Named,
}

pub(super) struct Asked {
    pub(super) atom: Atom,
    pub(super) verbs: &'static [&'static str],
    /// Group, resource, subresource.
    pub(super) resources: &'static [(&'static str, &'static str, &'static str)],
    pub(super) place: Place,
    pub(super) names: Names,
}

pub(super) const fn anywhere(
    atom: Atom,
    verbs: &'static [&'static str],
    resources: &'static [(&'static str, &'static str, &'static str)],
) -> Asked {
    Asked { atom, verbs, resources, place: Place::Anywhere, names: Names::Restricted }
}

pub(super) const fn cluster(
    atom: Atom,
    verbs: &'static [&'static str],
    resources: &'static [(&'static str, &'static str, &'static str)],
) -> Asked {
    Asked { atom, verbs, resources, place: Place::Cluster, names: Names::Restricted }
}

const fn system(atom: Atom, verbs: &'static [&'static str], resources: &'static [(&'static str, &'static str, &'static str)]) -> Asked {
    Asked { atom, verbs, resources, place: Place::System, names: Names::Restricted }
}

impl Asked {
    pub(super) const fn named(self, names: Names) -> Self {
        Self { names, ..self }
    }
}

pub(super) const WRITE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
pub(super) const MAKE: &[&str] = &["create", "update", "patch"];
pub(super) const CHANGE: &[&str] = &["update", "patch"];
pub(super) const DELETE: &[&str] = &["delete", "deletecollection"];
const HTTP: &[&str] = &["get", "create", "update", "patch", "delete"];
/// Verbs whose answer holds what was stored. A patch answers with the whole object, a deleted collection with its objects, and a deletion
/// that waits (propagationPolicy Foreground) with the object, all of them with dryRun too
/// (`apiserver/pkg/registry/generic/registry/store.go`). An update answers with what was sent.
const SHOWS: &[&str] = &["get", "list", "watch", "patch", "delete", "deletecollection"];
const ROLES: &[(&str, &str, &str)] = &[(RBAC, "roles", ""), (RBAC, "clusterroles", "")];
const CERTIFICATES: &str = "certificates.k8s.io";
pub(super) const AUTHENTICATION: &str = "authentication.k8s.io";
pub(super) const CUSTOM: &str = "apiextensions.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const GATEWAYS: &str = "gateway.networking.k8s.io";
const ISTIO: &str = "networking.istio.io";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io";
const GROUP_SNAPSHOTS: &str = "groupsnapshot.storage.k8s.io";
/// Signers of client certificates, by name or by their domain (`pkg/certauthorization`).
const CLIENT_SIGNERS: &[&str] = &["kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/*"];
const SHELLS: &[(&str, &str, &str)] = &[("", "pods", "exec"), ("", "pods", "attach")];
const FORWARDS: &[(&str, &str, &str)] = &[("", "pods", "portforward")];
const PODS: &[(&str, &str, &str)] = &[("", "pods", "")];

pub(super) const ASKED: &[Asked] = &[
    cluster(Atom::ImpersonateUsers, &["impersonate"], &[("", "users", "")]),
    // A request that names groups has to name a user too (`apiserver/pkg/endpoints/filters/impersonation`); whoever may be anybody, and a
    // member of the group of unlimited administrators, needs no more.
    cluster(Atom::ImpersonateMasters, &["impersonate"], &[("", "groups", "")]).named(Names::AnyOf(&[super::policy::MASTERS])),
    cluster(Atom::ImpersonateNamed, &["impersonate"], &[("", "users", "")]).named(Names::Named),
    // A node reads the Secrets of the pods on it and has tokens of their accounts; its authorizer is not RBAC
    // (`plugin/pkg/auth/authorizer/node`), and asks for the group beside the name.
    cluster(Atom::ImpersonateANode, &["impersonate"], &[("", "users", "")]).named(Names::Beginning("system:node:")),
    cluster(Atom::ImpersonateNodes, &["impersonate"], &[("", "groups", "")]).named(Names::AnyOf(&["system:nodes"])),
    anywhere(Atom::ImpersonateAnAccount, &["impersonate"], &[("", "serviceaccounts", "")]).named(Names::Named),
    anywhere(Atom::ImpersonateAccounts, &["impersonate"], &[("", "serviceaccounts", "")]),
    cluster(Atom::UserInfo, &["impersonate:user-info"], &[(AUTHENTICATION, "users", "")]),
    cluster(Atom::UserInfoNamed, &["impersonate:user-info"], &[(AUTHENTICATION, "users", "")]).named(Names::Named),
    anywhere(Atom::ServiceAccountMode, &["impersonate:serviceaccount"], &[(AUTHENTICATION, "serviceaccounts", "")]),
    cluster(Atom::AnyNode, &["impersonate:arbitrary-node"], &[(AUTHENTICATION, "nodes", "")]).named(Names::Enough),
    cluster(Atom::OwnNode, &["impersonate:associated-node"], &[(AUTHENTICATION, "nodes", "")]).named(Names::AnyOf(&[ALL])),
    // Whoever may write more into a role than it holds itself is not bound by what stands there today (`RoleEscalationAuthorized`).
    anywhere(Atom::EscalateOrBind, &["escalate"], &[(RBAC, "roles", "")]).named(Names::Enough),
    cluster(Atom::EscalateOrBind, &["escalate"], &[(RBAC, "clusterroles", "")]).named(Names::Enough),
    anywhere(Atom::EscalateOrBind, &["bind"], ROLES).named(Names::Roles),
    cluster(Atom::NodesProxy, HTTP, &[("", "nodes", "proxy")]).named(Names::Enough),
    cluster(Atom::ApproveRequests, CHANGE, &[(CERTIFICATES, "certificatesigningrequests", "approval")]).named(Names::Enough),
    cluster(Atom::ApproveForSigner, &["approve"], &[(CERTIFICATES, "signers", "")]).named(Names::AnyOf(CLIENT_SIGNERS)),
    // Anybody may be named in a request; who approves it is another question.
    cluster(Atom::CreateRequests, &["create"], &[(CERTIFICATES, "certificatesigningrequests", "")]),
    cluster(Atom::NodeClient, &["create"], &[(CERTIFICATES, "certificatesigningrequests", "nodeclient")]),
    cluster(Atom::SignRequests, CHANGE, &[(CERTIFICATES, "certificatesigningrequests", "status")]).named(Names::Enough),
    cluster(Atom::SignForSigner, &["sign"], &[(CERTIFICATES, "signers", "")]).named(Names::AnyOf(CLIENT_SIGNERS)),
    // A changed claimRef hands a volume to another claim; a content of a snapshot is another way to the data of any volume.
    cluster(Atom::WriteVolumes, MAKE, &[("", "persistentvolumes", "")]),
    cluster(Atom::WriteVolumes, MAKE, &[(SNAPSHOTS, "volumesnapshotcontents", ""), (GROUP_SNAPSHOTS, "volumegroupsnapshotcontents", "")]),
    // A restore writes claims and Secrets of one namespace into another.
    anywhere(Atom::WriteVolumes, &["create"], &[("velero.io", "restores", ""), ("k8up.io", "restores", "")]),
    // A backup of k8up goes to whatever storage it names itself.
    anywhere(Atom::WriteVolumes, MAKE, &[("k8up.io", "backups", ""), ("k8up.io", "archives", "")]),
    // Whoever may clone a claim of another namespace (`cdi.kubevirt.io`).
    anywhere(Atom::WriteVolumes, &["create"], &[("cdi.kubevirt.io", "datavolumes", "source")]),
    // An APIService and the conversion webhook of a CustomResourceDefinition stand between the API server and objects of a group. The
    // status strategy of the latter keeps metadata as sent, which injectors of certificates go by.
    cluster(Atom::WriteApis, MAKE, &[(APIS, "apiservices", "")]),
    cluster(Atom::WriteApis, CHANGE, &[(CUSTOM, "customresourcedefinitions", ""), (CUSTOM, "customresourcedefinitions", "status")]),
    cluster(
        Atom::AdmissionPolicies,
        WRITE,
        &[
            (ADMISSION, "validatingwebhookconfigurations", ""),
            (ADMISSION, "mutatingwebhookconfigurations", ""),
            (ADMISSION, "validatingadmissionpolicies", ""),
            (ADMISSION, "validatingadmissionpolicybindings", ""),
            (ADMISSION, "mutatingadmissionpolicies", ""),
            (ADMISSION, "mutatingadmissionpolicybindings", ""),
        ],
    ),
    // Engines whose rules are custom resources; Kyverno's also copy objects, Secrets among them, from one namespace into another.
    cluster(
        Atom::AdmissionPolicies,
        WRITE,
        &[
            ("kyverno.io", "clusterpolicies", ""),
            ("policies.kyverno.io", "validatingpolicies", ""),
            ("policies.kyverno.io", "mutatingpolicies", ""),
            ("policies.kyverno.io", "generatingpolicies", ""),
            ("policies.kyverno.io", "imagevalidatingpolicies", ""),
            ("policies.kyverno.io", "deletingpolicies", ""),
            ("kyverno.io", "clustercleanuppolicies", ""),
            ("templates.gatekeeper.sh", "constrainttemplates", ""),
            ("mutations.gatekeeper.sh", "assign", ""),
            ("mutations.gatekeeper.sh", "assignmetadata", ""),
            ("mutations.gatekeeper.sh", "assignimage", ""),
            ("mutations.gatekeeper.sh", "modifyset", ""),
            ("policies.kubewarden.io", "clusteradmissionpolicies", ""),
            ("policies.kubewarden.io", "clusteradmissionpolicygroups", ""),
            ("policies.kubewarden.io", "policyservers", ""),
            ("policy.sigstore.dev", "clusterimagepolicies", ""),
            // Its webhook adds a container to pods of every namespace.
            ("apps.kruise.io", "sidecarsets", ""),
            ("security.openshift.io", "securitycontextconstraints", ""),
        ],
    ),
    anywhere(
        Atom::AdmissionPolicies,
        WRITE,
        &[
            ("kyverno.io", "policies", ""),
            ("kyverno.io", "policyexceptions", ""),
            ("policies.kyverno.io", "policyexceptions", ""),
            ("policies.kyverno.io", "namespacedvalidatingpolicies", ""),
            ("policies.kyverno.io", "namespacedmutatingpolicies", ""),
            ("policies.kyverno.io", "namespacedimagevalidatingpolicies", ""),
            ("policies.kyverno.io", "namespacedgeneratingpolicies", ""),
            ("policies.kyverno.io", "namespaceddeletingpolicies", ""),
            ("kyverno.io", "cleanuppolicies", ""),
            ("policies.kubewarden.io", "admissionpolicies", ""),
            ("policies.kubewarden.io", "admissionpolicygroups", ""),
            ("config.gatekeeper.sh", "configs", ""),
        ],
    ),
    // The Namespace object of that name is a request in that namespace. Its subresources keep spec and status apart, not metadata.
    anywhere(Atom::ChangeNamespaces, CHANGE, &[("", "namespaces", ""), ("", "namespaces", "status"), ("", "namespaces", "finalize")]),
    // Labels and taints steer pods, and the status says where the API server finds the kubelet.
    cluster(Atom::SteerPods, MAKE, &[("", "nodes", "")]),
    cluster(Atom::SteerPods, CHANGE, &[("", "nodes", "status")]),
    anywhere(Atom::SteerPods, &["create"], &[("", "pods", "binding"), ("", "bindings", "")]),
    system(Atom::SystemConfig, WRITE, &[("", "configmaps", "")]),
    cluster(Atom::TrustBundles, WRITE, &[(CERTIFICATES, "clustertrustbundles", "")]),
    anywhere(Atom::ReadSecrets, SHOWS, &[("", "secrets", "")]),
    // What is pushed to a store outside is read there.
    anywhere(Atom::ReadSecrets, MAKE, &[("external-secrets.io", "pushsecrets", "")]),
    cluster(Atom::ReadSecrets, MAKE, &[("external-secrets.io", "clusterpushsecrets", "")]),
    // The status of a download of Velero holds the address of what a backup contains, Secrets among it.
    anywhere(Atom::ReadSecrets, &["create"], &[("velero.io", "downloadrequests", "")]),
    anywhere(Atom::ReadASecret, SHOWS, &[("", "secrets", "")]).named(Names::Named),
    anywhere(Atom::CreateSecrets, &["create"], &[("", "secrets", "")]).named(Names::Enough),
    // The server looks for bootstrap tokens by this name.
    system(Atom::BootstrapTokens, &["create"], &[("", "secrets", "")]).named(Names::Beginning("bootstrap-token-")),
    anywhere(Atom::ChangeSecrets, &["update", "patch", "delete", "deletecollection"], &[("", "secrets", "")]),
    anywhere(Atom::CreateTokens, &["create"], &[("", "serviceaccounts", "token")]),
    // Nothing by itself: a binding may name an account that is not there yet.
    anywhere(Atom::CreateAccounts, &["create"], &[("", "serviceaccounts", "")]),
    anywhere(Atom::ShellCreate, &["create"], SHELLS),
    anywhere(Atom::ShellGet, &["get"], SHELLS),
    anywhere(Atom::ForwardCreate, &["create"], FORWARDS),
    anywhere(Atom::ForwardGet, &["get"], FORWARDS),
    // The API server sends the request on to a port of the pod; each HTTP method is a verb, and each reaches it.
    anywhere(Atom::Proxy, HTTP, &[("", "pods", "proxy"), ("", "services", "proxy")]),
    // The screen and the console of a virtual machine.
    anywhere(
        Atom::Proxy,
        &["get"],
        &[
            ("subresources.kubevirt.io", "virtualmachineinstances", "console"),
            ("subresources.kubevirt.io", "virtualmachineinstances", "vnc"),
            ("subresources.kubevirt.io", "virtualmachineinstances", "portforward"),
        ],
    ),
    anywhere(Atom::EphemeralContainers, CHANGE, &[("", "pods", "ephemeralcontainers")]),
    // Kruise adds the container in the writer's place.
    anywhere(Atom::EphemeralContainers, MAKE, &[("apps.kruise.io", "ephemeraljobs", "")]),
    anywhere(Atom::WriteWorkloads, &["create"], MADE_ONCE),
    anywhere(Atom::WriteWorkloads, MAKE, TEMPLATES),
    // Of what a pod runs as, its images alone can be changed (`ValidatePodUpdate`): a program of one's own where the old one was.
    anywhere(Atom::ChangePods, CHANGE, PODS),
    // A build of OpenShift runs what was sent.
    anywhere(
        Atom::WriteWorkloads,
        &["create"],
        &[("build.openshift.io", "buildconfigs", "instantiate"), ("build.openshift.io", "buildconfigs", "instantiatebinary")],
    ),
    // Names resolve to Services, these lead to what EndpointSlices name, and those follow the labels and addresses in pods/status. The
    // status of a Service names addresses that kube-proxy takes for it; that of an Ingress keeps annotations as sent.
    anywhere(
        Atom::RedirectTraffic,
        MAKE,
        &[
            ("", "services", ""),
            ("", "endpoints", ""),
            ("discovery.k8s.io", "endpointslices", ""),
            (NETWORKING, "ingresses", ""),
            ("extensions", "ingresses", ""),
            (GATEWAYS, "gateways", ""),
            (GATEWAYS, "httproutes", ""),
            (GATEWAYS, "grpcroutes", ""),
            (GATEWAYS, "tlsroutes", ""),
            (GATEWAYS, "tcproutes", ""),
            (GATEWAYS, "udproutes", ""),
            (GATEWAYS, "referencegrants", ""),
            (GATEWAYS, "listenersets", ""),
            ("route.openshift.io", "routes", ""),
            ("traefik.io", "ingressroutes", ""),
            ("traefik.io", "ingressroutetcps", ""),
            ("traefik.io", "ingressrouteudps", ""),
            ("traefik.io", "traefikservices", ""),
            ("traefik.io", "middlewares", ""),
            ("traefik.containo.us", "ingressroutes", ""),
            ("traefik.containo.us", "ingressroutetcps", ""),
            ("traefik.containo.us", "ingressrouteudps", ""),
            ("traefik.containo.us", "traefikservices", ""),
            ("traefik.containo.us", "middlewares", ""),
            (GATEWAYS, "backendtlspolicies", ""),
            (ISTIO, "workloadentries", ""),
            (ISTIO, "sidecars", ""),
            ("projectcontour.io", "httpproxies", ""),
            (ISTIO, "virtualservices", ""),
            (ISTIO, "gateways", ""),
            (ISTIO, "destinationrules", ""),
            (ISTIO, "serviceentries", ""),
            (ISTIO, "envoyfilters", ""),
            ("cilium.io", "ciliumenvoyconfigs", ""),
            ("cilium.io", "ciliumlocalredirectpolicies", ""),
            ("externaldns.k8s.io", "dnsendpoints", ""),
        ],
    ),
    anywhere(Atom::RedirectTraffic, CHANGE, &[("", "services", "status"), ("", "pods", "status"), (NETWORKING, "ingresses", "status")]),
    cluster(
        Atom::RedirectTraffic,
        MAKE,
        &[("cilium.io", "ciliumclusterwideenvoyconfigs", ""), (NETWORKING, "ingressclasses", ""), (GATEWAYS, "gatewayclasses", "")],
    ),
    anywhere(
        Atom::NetworkPolicies,
        WRITE,
        &[
            (NETWORKING, "networkpolicies", ""),
            ("extensions", "networkpolicies", ""),
            ("crd.projectcalico.org", "networkpolicies", ""),
            ("projectcalico.org", "networkpolicies", ""),
            ("cilium.io", "ciliumnetworkpolicies", ""),
            ("crd.antrea.io", "networkpolicies", ""),
            ("network.openshift.io", "egressnetworkpolicies", ""),
            ("k8s.ovn.org", "egressfirewalls", ""),
            ("networking.k8s.aws", "applicationnetworkpolicies", ""),
            ("crd.projectcalico.org", "networksets", ""),
            ("projectcalico.org", "networksets", ""),
            ("crd.antrea.io", "groups", ""),
            ("cilium.io", "ciliumnodeconfigs", ""),
            ("cilium.io", "ciliumendpoints", ""),
            ("security.istio.io", "authorizationpolicies", ""),
            ("security.istio.io", "peerauthentications", ""),
            ("policy.linkerd.io", "servers", ""),
            ("policy.linkerd.io", "authorizationpolicies", ""),
        ],
    ),
    cluster(
        Atom::NetworkPolicies,
        WRITE,
        &[
            ("crd.projectcalico.org", "globalnetworkpolicies", ""),
            ("projectcalico.org", "globalnetworkpolicies", ""),
            ("cilium.io", "ciliumclusterwidenetworkpolicies", ""),
            ("crd.antrea.io", "clusternetworkpolicies", ""),
            ("policy.networking.k8s.io", "adminnetworkpolicies", ""),
            ("policy.networking.k8s.io", "baselineadminnetworkpolicies", ""),
            ("policy.networking.k8s.io", "clusternetworkpolicies", ""),
            ("networking.k8s.aws", "clusternetworkpolicies", ""),
            ("crd.projectcalico.org", "felixconfigurations", ""),
            ("crd.projectcalico.org", "globalnetworksets", ""),
            ("crd.projectcalico.org", "hostendpoints", ""),
            ("crd.projectcalico.org", "tiers", ""),
            ("projectcalico.org", "felixconfigurations", ""),
            ("projectcalico.org", "globalnetworksets", ""),
            ("projectcalico.org", "hostendpoints", ""),
            ("projectcalico.org", "tiers", ""),
            ("operator.tigera.io", "installations", ""),
            ("cilium.io", "ciliumcidrgroups", ""),
            ("cilium.io", "ciliumegressgatewaypolicies", ""),
            ("cilium.io", "ciliumidentities", ""),
            ("crd.antrea.io", "clustergroups", ""),
            ("crd.antrea.io", "tiers", ""),
        ],
    ),
    // Owner references in the metadata of a claim let the garbage collector delete it, and its status keeps them as sent.
    anywhere(Atom::DeleteData, &["update", "patch", "delete", "deletecollection"], &[("", "persistentvolumeclaims", "")]),
    // The same of other objects, and of those whose status strategy keeps metadata as sent (`pkg/registry/*/strategy.go`).
    anywhere(
        Atom::DeleteData,
        CHANGE,
        &[
            ("", "persistentvolumeclaims", "status"),
            ("", "namespaces", ""),
            ("", "namespaces", "status"),
            ("", "namespaces", "finalize"),
            ("apps", "statefulsets", ""),
            ("apps", "statefulsets", "status"),
            (SNAPSHOTS, "volumesnapshots", ""),
            (GROUP_SNAPSHOTS, "volumegroupsnapshots", ""),
        ],
    ),
    cluster(
        Atom::DeleteData,
        CHANGE,
        &[
            ("", "persistentvolumes", ""),
            ("", "persistentvolumes", "status"),
            (SNAPSHOTS, "volumesnapshotcontents", ""),
            (GROUP_SNAPSHOTS, "volumegroupsnapshotcontents", ""),
            (CUSTOM, "customresourcedefinitions", ""),
            (CUSTOM, "customresourcedefinitions", "status"),
        ],
    ),
    // A controller of Kyverno deletes what they match.
    anywhere(Atom::DeleteData, MAKE, &[("kyverno.io", "cleanuppolicies", ""), ("policies.kyverno.io", "namespaceddeletingpolicies", "")]),
    cluster(Atom::DeleteData, MAKE, &[("kyverno.io", "clustercleanuppolicies", ""), ("policies.kyverno.io", "deletingpolicies", "")]),
    anywhere(
        Atom::DeleteData,
        DELETE,
        &[
            // The Namespace object of that name is a request in that namespace.
            ("", "namespaces", ""),
            ("apps", "statefulsets", ""),
            (SNAPSHOTS, "volumesnapshots", ""),
            (GROUP_SNAPSHOTS, "volumegroupsnapshots", ""),
        ],
    ),
    // A StatefulSet may say that the claims of pods that it no longer needs are deleted (KEP-1847); an autoscaler scales what it names.
    anywhere(Atom::ScaleSets, CHANGE, &[("apps", "statefulsets", "scale")]),
    anywhere(Atom::ScaleSets, MAKE, &[("autoscaling", "horizontalpodautoscalers", ""), ("keda.sh", "scaledobjects", "")])
        .named(Names::Enough),
    // Backups live in the namespace of their tool and hold the data of all others.
    anywhere(
        Atom::DeleteBackups,
        &["update", "patch", "delete", "deletecollection"],
        &[
            ("velero.io", "backups", ""),
            ("velero.io", "backupstoragelocations", ""),
            ("velero.io", "backuprepositories", ""),
            ("velero.io", "schedules", ""),
            ("k8up.io", "schedules", ""),
            ("k8up.io", "snapshots", ""),
        ],
    ),
    anywhere(Atom::DeleteBackups, &["create"], &[("velero.io", "deletebackuprequests", ""), ("k8up.io", "prunes", "")]),
    // A controller carries these out with its own rights, whatever the writer holds. Tools beyond this list are not followed.
    anywhere(
        Atom::DeployByTools,
        MAKE,
        &[
            ("argoproj.io", "applications", ""),
            ("argoproj.io", "applicationsets", ""),
            ("argoproj.io", "appprojects", ""),
            ("helm.toolkit.fluxcd.io", "helmreleases", ""),
            ("kustomize.toolkit.fluxcd.io", "kustomizations", ""),
            ("source.toolkit.fluxcd.io", "gitrepositories", ""),
            ("source.toolkit.fluxcd.io", "helmrepositories", ""),
            ("source.toolkit.fluxcd.io", "ocirepositories", ""),
            ("source.toolkit.fluxcd.io", "buckets", ""),
            ("infra.contrib.fluxcd.io", "terraforms", ""),
            ("helm.cattle.io", "helmcharts", ""),
            ("helm.cattle.io", "helmchartconfigs", ""),
            ("k3s.cattle.io", "addons", ""),
            ("fleet.cattle.io", "gitrepos", ""),
            ("fleet.cattle.io", "bundles", ""),
            ("operators.coreos.com", "subscriptions", ""),
            ("operators.coreos.com", "clusterserviceversions", ""),
            ("operators.coreos.com", "catalogsources", ""),
            ("operators.coreos.com", "installplans", ""),
            ("operators.coreos.com", "operatorgroups", ""),
            ("core.oam.dev", "applications", ""),
            // The controller runs its pods on nodes, privileged and with the root of the node.
            ("upgrade.cattle.io", "plans", ""),
            ("work.open-cluster-management.io", "manifestworks", ""),
            ("template.openshift.io", "templateinstances", ""),
        ],
    ),
    cluster(
        Atom::DeployByTools,
        MAKE,
        &[
            ("kubernetes.crossplane.io", "objects", ""),
            ("pkg.crossplane.io", "providers", ""),
            ("pkg.crossplane.io", "configurations", ""),
            ("pkg.crossplane.io", "functions", ""),
            ("pkg.crossplane.io", "deploymentruntimeconfigs", ""),
            ("apiextensions.crossplane.io", "compositions", ""),
            ("helm.crossplane.io", "releases", ""),
            ("kro.run", "resourcegraphdefinitions", ""),
            ("olm.operatorframework.io", "clusterextensions", ""),
        ],
    ),
    cluster(
        Atom::DeleteData,
        DELETE,
        &[
            ("", "persistentvolumes", ""),
            (SNAPSHOTS, "volumesnapshotcontents", ""),
            (GROUP_SNAPSHOTS, "volumegroupsnapshotcontents", ""),
            (CUSTOM, "customresourcedefinitions", ""),
        ],
    ),
    anywhere(Atom::ReadLogs, &["get"], &[("", "pods", "log")]),
    // Files below /var/log of a node: the logs of all its pods.
    cluster(Atom::ReadLogs, &["get"], &[("", "nodes", "log")]).named(Names::Enough),
    anywhere(
        Atom::DeleteEvidence,
        &["update", "patch", "delete", "deletecollection"],
        &[("", "events", ""), ("events.k8s.io", "events", "")],
    ),
    anywhere(Atom::DeleteEvidence, DELETE, &[("coordination.k8s.io", "leases", "")]),
    // A DaemonSet by an owner that is not there, too; whoever elects a leader updates a Lease, and that removes no trace.
    anywhere(Atom::DeleteEvidence, &["update", "patch", "delete", "deletecollection"], &[("apps", "daemonsets", "")]),
    anywhere(Atom::DeleteEvidence, CHANGE, &[("apps", "daemonsets", "status")]),
];

/// Rights on URLs of the API server itself: the files below /var/log of its node, the audit log among them
/// (`apiserver/pkg/server/routes`, Logs).
pub(super) const URLS: &[(Atom, &str, &str)] = &[(Atom::ReadLogs, "get", "/logs/")];

/// The second halves of constrained impersonation (KEP-5284): any request while being somebody else.
pub(super) const ON: &[(Atom, &str)] = &[
    (Atom::OnUserInfo, "impersonate-on:user-info:"),
    (Atom::OnServiceAccountMode, "impersonate-on:serviceaccount:"),
    (Atom::OnAnyNode, "impersonate-on:arbitrary-node:"),
    (Atom::OnOwnNode, "impersonate-on:associated-node:"),
];
