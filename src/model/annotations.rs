//! Names of annotations that decide: the collector keeps what they say, or that they are there, and tables judge by it. Each list stands once,
//! so that neither can look for what the other leaves out.

/// Raw configuration for the controller of an Ingress, of which only the presence is kept.
pub const SNIPPETS: &[&str] = &[
    // `nginx/kubernetes-ingress`, annotations.go.
    "nginx.org/server-snippets",
    "nginx.org/location-snippets",
    // HAProxy Technologies and the community's HAProxy Ingress.
    "haproxy.org/backend-config-snippet",
    "haproxy.org/frontend-config-snippet",
    "haproxy.org/global-config-snippet",
    "haproxy.org/stats-config-snippet",
    "haproxy-ingress.github.io/config-backend",
    "haproxy-ingress.github.io/config-defaults",
    "haproxy-ingress.github.io/config-frontend",
    "haproxy-ingress.github.io/config-global",
    "haproxy-ingress.github.io/config-proxy",
    "haproxy-ingress.github.io/config-sections",
    "haproxy-ingress.github.io/config-tcp",
    "haproxy-ingress.github.io/config-tcp-service",
    "nginx.ingress.kubernetes.io/server-snippet",
    "nginx.ingress.kubernetes.io/configuration-snippet",
    "nginx.ingress.kubernetes.io/stream-snippet",
    "nginx.ingress.kubernetes.io/auth-snippet",
    "nginx.ingress.kubernetes.io/modsecurity-snippet",
];

/// Annotations of ingress-nginx of the risk `High` (its *Annotations Scope and Risk*), and those through which its configuration was
/// injected (CVE-2023-5044, CVE-2025-24514, CVE-2025-1097, CVE-2025-1098, CVE-2026-1580, CVE-2026-24513).
pub const INJECTING: &[&str] = &[
    "nginx.ingress.kubernetes.io/auth-method",
    "nginx.ingress.kubernetes.io/auth-signin",
    "nginx.ingress.kubernetes.io/auth-tls-error-page",
    "nginx.ingress.kubernetes.io/auth-tls-match-cn",
    "nginx.ingress.kubernetes.io/auth-url",
    "nginx.ingress.kubernetes.io/custom-http-errors",
    "nginx.ingress.kubernetes.io/mirror-host",
    "nginx.ingress.kubernetes.io/mirror-target",
    "nginx.ingress.kubernetes.io/permanent-redirect",
    "nginx.ingress.kubernetes.io/modsecurity-transaction-id",
    "nginx.ingress.kubernetes.io/proxy-ssl-name",
    "nginx.ingress.kubernetes.io/server-alias",
    "nginx.ingress.kubernetes.io/upstream-hash-by",
];

/// Every spelling by which some controller is asked to redirect plain HTTP, or not to.
pub const REDIRECTS: &[&str] = &[
    "nginx.ingress.kubernetes.io/ssl-redirect",
    "haproxy.org/ssl-redirect",
    "haproxy.com/ssl-redirect",
    "haproxy-ingress.github.io/ssl-redirect",
    "ingress.kubernetes.io/ssl-redirect",
    "nginx.org/ssl-redirect",
    "ingress.cilium.io/force-https",
    "appgw.ingress.kubernetes.io/ssl-redirect",
];

/// Annotations that attach a pod to networks, as the collector reduces them: names, joined by commas. Of the last two, only what is not
/// the cluster's own network. (Network Plumbing Working Group, *Kubernetes Network Custom Resource Definition De-facto Standard* 1.3; GKE
/// multi-networking; DANM.)
pub const FURTHER_NETWORKS: &[&str] = &[
    "k8s.v1.cni.cncf.io/networks",
    // In place of the cluster's own.
    "v1.multus-cni.io/default-network",
    "networking.gke.io/default-interface",
    "networking.gke.io/interfaces",
    "danm.k8s.io/interfaces",
    // The same under its former name.
    "danm.k8s.io/clusternetworks",
    // What the pod was given, asked for or not.
    "k8s.v1.cni.cncf.io/network-status",
    "k8s.v1.cni.cncf.io/networks-status",
];
