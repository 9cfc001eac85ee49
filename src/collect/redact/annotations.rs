//! Which annotations enter a snapshot. All others stay out, name and value: they hold whole manifests, notes and tokens.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::arguments::{REDACTED, argument_list};
use super::flags::is_known_flag;
use super::prune::{compact, push_text};
use super::secret::looks_secret;
use super::special::origin;
use crate::model::annotations::{
    AWS_SECURITY_GROUPS, AZURE_RANGES, AZURE_TAGS, FURTHER_NETWORKS, HOST_ALIASES, INJECTING, REDIRECTS, SNIPPETS, TLS_OF_PROVIDERS, one_of,
};

/// Kept with their value.
const KEPT: &[&str] = &[
    // Mirror pods (evidence grade C) and their identity.
    "kubernetes.io/config.hash",
    "kubernetes.io/config.mirror",
    "kubernetes.io/config.seen",
    "kubernetes.io/config.source",
    // From which template of a workload a ReplicaSet or a pod was made.
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    // The same of controllers of other projects: which of their ReplicaSets or ReplicationControllers is the newest.
    "rollout.argoproj.io/revision",
    "openshift.io/deployment-config.latest-version",
    // Pod Security.
    "seccomp.security.alpha.kubernetes.io/pod",
    // RBAC defaults that were switched to manual.
    "rbac.authorization.kubernetes.io/autoupdate",
    // Storage.
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
    "snapshot.storage.kubernetes.io/is-default-class",
    "ingressclass.kubernetes.io/is-default-class",
    "kubernetes.io/ingress.class",
    "kubernetes.io/ingress.allow-http",
    "pv.kubernetes.io/provisioned-by",
    "kubernetes.io/enforce-mountable-secrets",
    // Which volumes of a pod Velero copies as files.
    "backup.velero.io/backup-volumes",
    "backup.velero.io/backup-volumes-excludes",
    // Nodes.
    "k3s.io/node-config-hash",
    "flannel.alpha.coreos.com/backend-type",
    "projectcalico.org/WireguardPublicKey",
    "projectcalico.org/WireguardPublicKeyV6",
    "network.cilium.io/wg-pub-key",
    "cluster.x-k8s.io/cluster-name",
    // Meshes and injectors.
    "sidecar.istio.io/inject",
    "sidecar.istio.io/status",
    "sidecar.istio.io/interceptionMode",
    "istio.io/rev",
    "ambient.istio.io/redirection",
    "ambient.istio.io/bypass-inbound-capture",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "linkerd.io/inject",
    "config.linkerd.io/default-inbound-policy",
    "config.linkerd.io/skip-inbound-ports",
    "config.linkerd.io/skip-outbound-ports",
    "vault.hashicorp.com/agent-inject",
    "vault.hashicorp.com/agent-inject-status",
    "vault.hashicorp.com/agent-pre-populate-only",
    "vault.hashicorp.com/tls-skip-verify",
    "sealedsecrets.bitnami.com/cluster-wide",
    "sealedsecrets.bitnami.com/namespace-wide",
    // Ingress and load balancers.
    "nginx.ingress.kubernetes.io/canary",
    "nginx.ingress.kubernetes.io/force-ssl-redirect",
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "nginx.ingress.kubernetes.io/ssl-ciphers",
    "nginx.ingress.kubernetes.io/backend-protocol",
    "nginx.ingress.kubernetes.io/proxy-ssl-verify",
    "nginx.ingress.kubernetes.io/auth-tls-verify-client",
    "nginx.ingress.kubernetes.io/auth-type",
    "nginx.ingress.kubernetes.io/whitelist-source-range",
    "nginx.ingress.kubernetes.io/allowlist-source-range",
    "cert-manager.io/cluster-issuer",
    "cert-manager.io/issuer",
    "alb.ingress.kubernetes.io/ssl-policy",
    "alb.ingress.kubernetes.io/scheme",
    "alb.ingress.kubernetes.io/listen-ports",
    "alb.ingress.kubernetes.io/ssl-redirect",
    "alb.ingress.kubernetes.io/backend-protocol",
    "alb.ingress.kubernetes.io/inbound-cidrs",
    "service.beta.kubernetes.io/aws-load-balancer-internal",
    "service.beta.kubernetes.io/aws-load-balancer-scheme",
    "service.beta.kubernetes.io/aws-load-balancer-type",
    "service.beta.kubernetes.io/aws-load-balancer-ssl-negotiation-policy",
    "service.beta.kubernetes.io/aws-load-balancer-source-ranges",
    "service.beta.kubernetes.io/load-balancer-source-ranges",
    "service.beta.kubernetes.io/azure-load-balancer-internal",
    AZURE_TAGS,
    "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type",
    "service.beta.kubernetes.io/openstack-internal-load-balancer",
    "service.beta.kubernetes.io/cce-load-balancer-internal-vpc",
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type",
    "service.beta.kubernetes.io/oci-load-balancer-internal",
    "networking.gke.io/load-balancer-type",
    "cloud.google.com/load-balancer-type",
    "networking.gke.io/v1beta1.FrontendConfig",
    "traefik.ingress.kubernetes.io/router.tls",
    "traefik.ingress.kubernetes.io/router.entrypoints",
    "traefik.ingress.kubernetes.io/router.tls.options",
    "route.openshift.io/termination",
    "alb.ingress.kubernetes.io/group.name",
    "ingress.kubernetes.io/force-ssl-redirect",
    "konghq.com/protocols",
    "nginx.org/redirect-to-https",
    "nginx.org/mergeable-ingress-type",
    "nginx.org/ssl-services",
    "service.beta.kubernetes.io/aws-load-balancer-ssl-ports",
    "service.beta.kubernetes.io/aws-load-balancer-backend-protocol",
];

/// Kept with their value when they begin so (a container's name follows).
const KEPT_PREFIXES: &[&str] = &["container.apparmor.security.beta.kubernetes.io/", "container.seccomp.security.alpha.kubernetes.io/"];

/// That they are there matters, what they say does not. Beside these, whatever raw text gets into the configuration of a controller.
const PRESENT: &[&str] = &[
    "konghq.com/override",
    "service.beta.kubernetes.io/aws-load-balancer-ssl-cert",
    "alb.ingress.kubernetes.io/certificate-arn",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "networking.gke.io/managed-certificates",
    "nginx.ingress.kubernetes.io/auth-secret",
    "nginx.ingress.kubernetes.io/auth-tls-secret",
    AZURE_RANGES,
];

/// Where the agent of Vault in a pod finds Vault: of it, scheme, host and port are kept.
const VAULT_SERVICE: &str = "vault.hashicorp.com/service";

/// JSON lists of command-line words (k3s and RKE2 publish a node's arguments so).
const ARGUMENTS: &[&str] = &["k3s.io/node-args", "rke2.io/node-args"];

/// Appends `"name":value` when the annotation may stay.
pub(super) fn keep(name: &str, value: &RawValue, out: &mut String) -> bool {
    let start = out.len();
    push_text(name, out);
    out.push(':');
    if KEPT.contains(&name) || REDIRECTS.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        let text = serde_json::from_str::<Cow<'_, str>>(value.get());
        if text.is_ok_and(|text| looks_secret(&text)) { push_text(REDACTED, out) } else { compact(value.get(), out) }
    } else if [PRESENT, SNIPPETS, INJECTING, HOST_ALIASES, AWS_SECURITY_GROUPS].iter().any(|list| list.contains(&name))
        || one_of(TLS_OF_PROVIDERS, name).is_some()
        || name.starts_with("alb.ingress.kubernetes.io/conditions.")
    {
        // An empty one is, to whoever reads it, none.
        push_text(if value.get() == "\"\"" { "" } else { REDACTED }, out);
    } else if name == VAULT_SERVICE {
        let address = serde_json::from_str::<Cow<'_, str>>(value.get());
        push_text(&address.map_or_else(|_| REDACTED.to_owned(), |address| origin(&address)), out);
    } else if FURTHER_NETWORKS.contains(&name) {
        push_text(&networks(name, value).unwrap_or_else(|| REDACTED.to_owned()), out);
    } else if name.starts_with("alb.ingress.kubernetes.io/actions.") {
        push_text(&redirect_action(value).unwrap_or_else(|| REDACTED.to_owned()), out);
    } else if ARGUMENTS.contains(&name) {
        push_text(&node_arguments(value).unwrap_or_else(|| REDACTED.to_owned()), out);
    } else {
        out.truncate(start);
        return false;
    }
    true
}

/// The names of networks, joined by commas, without that of the cluster's own network.
fn networks(annotation: &str, value: &RawValue) -> Option<String> {
    let text: Cow<'_, str> = serde_json::from_str(value.get()).ok()?;
    let text = text.trim();
    if !text.starts_with(['[', '{']) {
        // `namespace/name@interface`.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@, ".contains(c);
        return text.chars().all(plain).then(|| text.to_owned());
    }
    let all: serde_json::Value = serde_json::from_str(text).ok()?;
    let (mut names, mut owns) = (Vec::new(), Vec::new());
    for one in all.as_array()? {
        let field = |name: &str| one.get(name).and_then(serde_json::Value::as_str);
        let name = ["name", "network", "tenantNetwork", "clusterNetwork"].iter().find_map(|name| field(name))?;
        // What Multus writes of the cluster's own network, and how GKE and DANM name it. In a list of wishes both words are nobody's.
        let own = match annotation {
            "k8s.v1.cni.cncf.io/network-status" | "k8s.v1.cni.cncf.io/networks-status" => {
                one.get("default").and_then(serde_json::Value::as_bool) == Some(true)
            }
            "k8s.v1.cni.cncf.io/networks" | "v1.multus-cni.io/default-network" => false,
            _ => field("network") == Some("default"),
        };
        let name = field("namespace").map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"));
        if own { owns.push(name) } else { names.push(name) }
    }
    // A second interface of the cluster's own network, as OVN-Kubernetes gives it for a namespace with a primary network of users.
    names.retain(|name| !owns.contains(name));
    Some(names.join(", "))
}

/// Of an action of the AWS controller, that it redirects, and to which protocol; the others hold pages, URLs and accounts.
fn redirect_action(value: &RawValue) -> Option<String> {
    const PROTOCOLS: [&str; 3] = ["HTTP", "HTTPS", "#{protocol}"];
    let text: Cow<'_, str> = serde_json::from_str(value.get()).ok()?;
    let action: serde_json::Value = serde_json::from_str(&text).ok()?;
    let field = |of: &serde_json::Value, name: &str| {
        of.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    if field(&action, "type")?.as_str()? != "redirect" {
        return None;
    }
    let config = field(&action, "redirectConfig")?;
    let protocol = field(&config, "protocol").and_then(|protocol| protocol.as_str().map(str::to_owned));
    let protocol = protocol.filter(|protocol| PROTOCOLS.contains(&protocol.as_str())).unwrap_or_else(|| REDACTED.to_owned());
    Some(serde_json::json!({"type": "redirect", "redirectConfig": {"protocol": protocol}}).to_string())
}

fn node_arguments(value: &RawValue) -> Option<String> {
    let text: Cow<'_, str> = serde_json::from_str(value.get()).ok()?;
    let words: Vec<String> = serde_json::from_str(&text).ok()?;
    serde_json::to_string(&nested(&words)).ok()
}

/// `--kube-apiserver-arg` and its like carry a flag as their value.
fn nested(words: &[String]) -> Vec<String> {
    const CARRIERS: [&str; 6] = [
        "--kube-apiserver-arg",
        "--kube-controller-manager-arg",
        "--kube-scheduler-arg",
        "--kubelet-arg",
        "--kube-proxy-arg",
        "--etcd-arg",
    ];
    let inner = |value: &str| {
        let bare = value.trim_start_matches('-');
        argument_list(&[format!("--{bare}")], false, true).concat().trim_start_matches('-').to_owned()
    };
    let mut out = Vec::new();
    let mut carried = false;
    for (i, word) in words.iter().enumerate() {
        if std::mem::take(&mut carried) && !word.starts_with("--") {
            out.push(inner(word));
            continue;
        }
        match word.split_once('=') {
            Some((carrier, value)) if CARRIERS.contains(&carrier) => out.push(format!("{carrier}={}", inner(value))),
            None if CARRIERS.contains(&word.as_str()) => {
                carried = true;
                out.push(word.clone());
            }
            _ if i == 0 && (word == "server" || word == "agent") => out.push(word.clone()),
            _ => {
                // The word before decides whether a bare word is the value of a known flag.
                let from = i.saturating_sub(1);
                // k3s writes switches as two words.
                let follows_switch = || words[from].strip_prefix("--").is_some_and(is_known_flag);
                if (word == "true" || word == "false") && follows_switch() {
                    out.push(word.clone());
                    continue;
                }
                out.extend(argument_list(&words[from..=i], false, true).pop());
            }
        }
    }
    out
}
