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

/// Annotations of Services by which security groups or lists of prefixes decide who may use a load balancer of AWS, of which only the
/// presence is kept: those of its controller and of its older cloud provider.
pub const AWS_SECURITY_GROUPS: &[&str] = &[
    "service.beta.kubernetes.io/aws-load-balancer-security-groups",
    "service.beta.kubernetes.io/aws-load-balancer-extra-security-groups",
    "service.beta.kubernetes.io/aws-load-balancer-security-group-prefix-lists",
    "service.beta.kubernetes.io/aws-load-balancer-disable-nlb-sg",
];

/// Names of groups of addresses that Azure lets in; `Internet` is everybody.
pub const AZURE_TAGS: &str = "service.beta.kubernetes.io/azure-allowed-service-tags";
/// Networks that Azure lets in, of which only the presence is kept.
pub const AZURE_RANGES: &str = "service.beta.kubernetes.io/azure-allowed-ip-ranges";

/// Words of Services by which load balancers of other providers than AWS end TLS or redirect, of which only the presence is kept. One that ends
/// with `-` is followed by the number of a port.
pub const TLS_OF_PROVIDERS: &[&str] = &[
    // DigitalOcean, `do_loadbalancers.go`.
    "service.beta.kubernetes.io/do-loadbalancer-certificate-id",
    "service.beta.kubernetes.io/do-loadbalancer-certificate-name",
    "service.beta.kubernetes.io/do-loadbalancer-redirect-http-to-https",
    "service.beta.kubernetes.io/do-loadbalancer-tls-passthrough",
    // Hetzner, `internal/annotation/load_balancer.go`.
    "load-balancer.hetzner.cloud/http-certificates",
    "load-balancer.hetzner.cloud/http-managed-certificate-domains",
    "load-balancer.hetzner.cloud/http-redirect-http",
    // Oracle, `load_balancer_spec.go`.
    "service.beta.kubernetes.io/oci-load-balancer-ssl-ports",
    "service.beta.kubernetes.io/oci-load-balancer-tls-secret",
    // Scaleway, `loadbalancers_annotations.go`.
    "service.beta.kubernetes.io/scw-loadbalancer-certificate-ids",
    "service.beta.kubernetes.io/scw-loadbalancer-redirect-http-to-https",
    // Linode, `cloud/annotations`.
    "service.beta.kubernetes.io/linode-loadbalancer-port-",
    "service.beta.kubernetes.io/linode-loadbalancer-tls",
    // Alibaba, *Annotations of Services*.
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cert-id",
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-forward-port",
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-protocol-port",
    // Huawei, *LoadBalancer*.
    "kubernetes.io/elb.cert-id",
    "kubernetes.io/elb.protocol-port",
    // OpenStack (Octavia), `loadbalancer.go`.
    "loadbalancer.openstack.org/default-tls-container-ref",
    // Vultr, `load_balancers.go`.
    "service.beta.kubernetes.io/vultr-loadbalancer-ssl",
    "service.beta.kubernetes.io/vultr-loadbalancer-ssl-redirect",
    "service.beta.kubernetes.io/vultr-loadbalancer-ssl-pass-through",
    // UpCloud: the load balancer as a whole.
    "service.beta.kubernetes.io/upcloud-load-balancer-config",
    // Brightbox.
    "service.beta.kubernetes.io/brightbox-load-balancer-ssl-domains",
];

/// The word of a list of names, of which some end with `-`, that an annotation is.
pub fn one_of(list: &[&'static str], name: &str) -> Option<&'static str> {
    list.iter().copied().find(|known| *known == name || (known.ends_with('-') && name.starts_with(known)))
}

/// Annotations of Ingresses that publish further hosts, of which only the presence is kept: of ingress-nginx, HAProxy Ingress and Kong.
pub const HOST_ALIASES: &[&str] = &[
    "nginx.ingress.kubernetes.io/server-alias",
    "haproxy-ingress.github.io/server-alias",
    "haproxy-ingress.github.io/server-alias-regex",
    "ingress.kubernetes.io/server-alias",
    "ingress.kubernetes.io/server-alias-regex",
    "konghq.com/host-aliases",
];
