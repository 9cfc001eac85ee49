//! The requests by which an audit policy is judged: what somebody does to ePHI, or to what keeps it apart, through the API server.
//!
//! Verbs are those of the API server (apiserver pkg/endpoints/request/requestinfo.go): a command in a container is `create` over SPDY (POST)
//! and `get` over WebSocket (GET), so both count. An impersonated request has no request of its own: the policy judges the user who
//! impersonates, because auditing stands before impersonation in the chain of handlers (apiserver pkg/server/config.go), and the event
//! names both.
//!
//! What lists and watches over all namespaces is asked without a namespace (apiserver pkg/endpoints/installer.go serves these two so, and no
//! other verb), and a rule that names namespaces does not fit it; so both are asked in that way, too.

/// Which body of a request holds a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// None.
    Nowhere,
    /// What is sent, from the level Request on.
    Sent,
    /// What comes back, at the level RequestResponse.
    Answered,
}

/// Where a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In each namespace.
    Namespaced,
    /// On each namespace itself: the server counts such a request to the namespace.
    OnNamespace,
    /// Outside of namespaces.
    Cluster,
}

/// Requests of one kind.
pub(super) struct Documented {
    /// What they do, as a noun.
    pub(super) about: &'static str,
    pub(super) verbs: &'static [&'static str],
    pub(super) group: &'static str,
    /// With the subresource, if any.
    pub(super) resources: &'static [&'static str],
    pub(super) place: Place,
    /// Whether a policy is to record them.
    pub(super) wanted: bool,
    /// Whether they come without any valid credential, so that there is no user.
    pub(super) nobody: bool,
    /// By verb: where a credential is.
    pub(super) credential: fn(&str) -> Credential,
}

/// Whether a request has a stage at all, whatever a policy leaves out. The answer's beginning is a stage of what runs long only, and of what
/// fails authentication the only one (apiserver pkg/endpoints/filters/audit.go and authn_audit.go).
pub(super) fn has_stage(stage: &str, verb: &str, subresource: &str, nobody: bool) -> bool {
    match nobody {
        true => stage == "ResponseStarted",
        false => stage != "ResponseStarted" || runs_long(verb, subresource),
    }
}

/// As kube-apiserver is built (kubernetes pkg/controlplane/apiserver/config.go, LongRunningFunc): logs with and without `follow`.
fn runs_long(verb: &str, subresource: &str) -> bool {
    matches!(verb, "watch" | "proxy") || matches!(subresource, "attach" | "exec" | "proxy" | "log" | "portforward")
}

/// Verbs that a path without a namespace takes for what lives in namespaces.
pub(super) fn spans_namespaces(verb: &str) -> bool {
    matches!(verb, "list" | "watch")
}

const CHANGES: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const READS: &[&str] = &["get", "list", "watch"];
/// POST over SPDY, GET over WebSocket.
const STREAMS: &[&str] = &["create", "get"];
/// A proxy passes every method on.
const PASSED_ON: &[&str] = &["create", "get", "update", "patch", "delete"];
const UPDATES: &[&str] = &["update", "patch"];

fn nowhere(_: &str) -> Credential {
    Credential::Nowhere
}

fn of_secrets(verb: &str) -> Credential {
    match verb {
        "create" | "update" | "patch" => Credential::Sent,
        // A watch has no body that is recorded. What is deleted comes back whole where it waits for a finalizer, as with the propagation
        // in the foreground or to orphans (pkg/registry/generic/registry/store.go), and otherwise as a status: whoever asks chooses.
        "get" | "list" | "delete" | "deletecollection" => Credential::Answered,
        _ => Credential::Nowhere,
    }
}

fn answered(_: &str) -> Credential {
    Credential::Answered
}

fn sent(_: &str) -> Credential {
    Credential::Sent
}

const fn in_namespaces(
    about: &'static str,
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
) -> Documented {
    Documented { about, verbs, group, resources, place: Place::Namespaced, wanted: true, nobody: false, credential: nowhere }
}

const fn in_cluster(
    about: &'static str,
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
) -> Documented {
    Documented { place: Place::Cluster, ..in_namespaces(about, verbs, group, resources) }
}

const WORKLOADS: &str = "changes of workloads";
const ACCESS: &str = "changes of access rights";
const TOKENS: &str = "credentials of service accounts";
const NAMESPACES: &str = "changes of namespaces and their labels";
const PROXIED: &str = "connections through the API server's proxy";
const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) const REQUESTS: &[Documented] = &[
    in_namespaces(WORKLOADS, CHANGES, "", &["pods", "replicationcontrollers"]),
    in_namespaces(WORKLOADS, UPDATES, "", &["pods/resize", "replicationcontrollers/scale"]),
    in_namespaces(WORKLOADS, &["create"], "", &["pods/eviction", "pods/binding", "bindings"]),
    in_namespaces(WORKLOADS, CHANGES, "apps", &["deployments", "statefulsets", "daemonsets", "replicasets"]),
    in_namespaces(WORKLOADS, UPDATES, "apps", &["deployments/scale", "statefulsets/scale", "replicasets/scale"]),
    in_namespaces(WORKLOADS, CHANGES, "batch", &["jobs", "cronjobs"]),
    in_namespaces("commands in containers", STREAMS, "", &["pods/exec", "pods/attach"]),
    in_namespaces("ports that are forwarded", STREAMS, "", &["pods/portforward"]),
    in_namespaces("containers that are added to running pods", UPDATES, "", &["pods/ephemeralcontainers"]),
    in_namespaces(PROXIED, PASSED_ON, "", &["pods/proxy", "services/proxy"]),
    in_cluster(PROXIED, PASSED_ON, "", &["nodes/proxy"]),
    in_namespaces("reads of what containers print", &["get"], "", &["pods/log"]),
    Documented { credential: of_secrets, ..in_namespaces("reads of Secrets", READS, "", &["secrets"]) },
    Documented { credential: of_secrets, ..in_namespaces("changes of Secrets", CHANGES, "", &["secrets"]) },
    in_namespaces("reads of ConfigMaps", READS, "", &["configmaps"]),
    in_namespaces("changes of ConfigMaps", CHANGES, "", &["configmaps"]),
    Documented { credential: answered, ..in_namespaces(TOKENS, &["create"], "", &["serviceaccounts/token"]) },
    in_namespaces(TOKENS, CHANGES, "", &["serviceaccounts"]),
    in_namespaces(ACCESS, CHANGES, RBAC, &["roles", "rolebindings"]),
    in_cluster(ACCESS, CHANGES, RBAC, &["clusterroles", "clusterrolebindings"]),
    in_namespaces("changes of network policies", CHANGES, "networking.k8s.io", &["networkpolicies"]),
    in_namespaces("changes of claims to storage", CHANGES, "", &["persistentvolumeclaims"]),
    in_cluster(NAMESPACES, &["create"], "", &["namespaces"]),
    Documented { place: Place::OnNamespace, ..in_namespaces(NAMESPACES, &["update", "patch", "delete"], "", &["namespaces"]) },
    in_cluster(
        "changes of admission rules",
        CHANGES,
        "admissionregistration.k8s.io",
        &[
            "validatingwebhookconfigurations",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
        ],
    ),
    in_cluster("certificates that are approved", UPDATES, "certificates.k8s.io", &["certificatesigningrequests/approval"]),
    Documented { nobody: true, ..in_namespaces("requests without a valid credential", &["list", "create"], "", &["pods"]) },
    Documented {
        wanted: false,
        credential: sent,
        ..in_cluster("tokens that are checked", &["create"], "authentication.k8s.io", &["tokenreviews"])
    },
];
