//! Further networks that a pod is attached to, beside the cluster's own.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::model::annotations::FURTHER_NETWORKS;

/// Beginnings of the names of devices that are known to be none of a network; what has no domain is Kubernetes' own.
const NO_NETWORK: &[&str] = &[
    "nvidia.com/gpu",
    "nvidia.com/mig-",
    "amd.com/gpu",
    "gpu.intel.com/",
    "qat.intel.com/",
    "sgx.intel.com/",
    "fpga.intel.com/",
    "habana.ai/",
    "google.com/tpu",
    "cloud-tpus.google.com/",
    "aws.amazon.com/neuron",
    "devices.kubevirt.io/kvm",
    "kubernetes.io/",
    "hugepages-",
];

/// Ends of the names of images of the programs that serve Ingresses, Gateways and their own kinds of routes, as their projects publish
/// them.
const ENTRANCES: &[&str] = &[
    "ingress-nginx/controller",
    "rancher/nginx-ingress-controller",
    "bitnami/nginx-ingress-controller",
    "nginx/nginx-ingress",
    "nginx/nginx-gateway-fabric/nginx",
    "kong/kong-gateway",
    "library/kong",
    "haproxytech/kubernetes-ingress",
    "jcmoraisjr/haproxy-ingress",
    "library/traefik",
    "rancher/mirrored-library-traefik",
    "cilium/cilium-envoy",
    "openshift/origin-haproxy-router",
];

/// The proxy of Istio, which is an entrance alone in its pod, and a sidecar beside an application (Istio, *Installing Gateways*; what tells
/// them apart, `proxy router`, is a word that is not stored).
const OF_ISTIO: &[&str] = &["istio/proxyv2"];
/// A proxy for everything, which is a sidecar where another container of the pod has ports of its own. What serves it (of Contour and Envoy
/// Gateway the `shutdown-manager`) writes none down that an application would.
const PROXIES: &[&str] = &["envoyproxy/envoy"];
const SERVES_A_PROXY: &[&str] = &["projectcontour/contour", "envoyproxy/gateway"];

/// Arguments by which such a program passes TCP connections on to Services as they come: a ConfigMap names port and Service (ingress-nginx,
/// *Exposing TCP and UDP services*; HAProxy Technologies and HAProxy Ingress, command-line arguments).
const PASSING_ON: &[&str] = &["tcp-services-configmap", "configmap-tcp-services"];

/// An argument of ingress-nginx by which Ingresses may ask that TLS be passed on to the pods.
const PASSTHROUGH: &str = "enable-ssl-passthrough";

/// What a program that serves routes of others is told to do beside that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct Serves {
    /// The argument that names a ConfigMap of ports that it passes on.
    pub(in crate::facts) passes_on: Option<&'static str>,
    /// Whether Ingresses may ask that TLS be passed on to the pods.
    pub(in crate::facts) passthrough: bool,
}

/// What a container is told that runs one of them; none where none does.
pub(in crate::facts) fn serves_routes(spec: &PodSpec) -> Option<Serves> {
    // Images of the library are mostly written without it.
    let is_one = |name: &str| {
        ENTRANCES.iter().any(|end| name.ends_with(end)) || matches!(name, "traefik" | "kong" | "docker.io/traefik" | "docker.io/kong")
    };
    let is = |container: &Container, ends: &[&str]| {
        let name = container.image.as_deref().map(crate::facts::agents::repository);
        name.is_some_and(|name| ends.iter().any(|end| name.ends_with(end)))
    };
    let has_ports = |container: &Container| container.ports.as_ref().is_some_and(|ports| !ports.is_empty());
    let alone = spec.containers.len() == 1;
    let before_applications = |container: &Container| {
        spec.containers.iter().any(|other| other.name != container.name && has_ports(other) && !is(other, SERVES_A_PROXY))
    };
    let runs = |container: &&Container| {
        container.image.as_deref().map(crate::facts::agents::repository).is_some_and(is_one)
            || (is(container, OF_ISTIO) && alone)
            || (is(container, PROXIES) && !before_applications(container))
    };
    let mut serves: Option<Serves> = None;
    for container in spec.containers.iter().filter(runs) {
        let own = serves.get_or_insert(Serves { passes_on: None, passthrough: false });
        for word in container.command.iter().flatten().chain(container.args.iter().flatten()) {
            let Some(option) = word.strip_prefix('-').map(|rest| rest.trim_start_matches('-')) else { continue };
            let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            own.passes_on = own.passes_on.or_else(|| PASSING_ON.iter().copied().find(|known| *known == name && value != Some("")));
            // A value that is not stored may be yes; the last one counts (pflag).
            if name == PASSTHROUGH {
                own.passthrough = !matches!(value, Some("0" | "f" | "F" | "false" | "FALSE" | "False"));
            }
        }
    }
    serves
}

/// Whether it asks for a device that may be an interface of a network, as those of SR-IOV and RDMA plug-ins are.
pub(in crate::facts) fn asks_for_devices(spec: &PodSpec) -> bool {
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let resources = containers.filter_map(|container| container.resources.as_ref());
    let names = resources.flat_map(|all| all.limits.iter().chain(&all.requests).flat_map(|list| list.keys()));
    names.into_iter().any(|name| name.contains('/') && !NO_NETWORK.iter().any(|known| name.starts_with(known)))
}

/// The networks that the annotations of a pod name, sorted.
pub(in crate::facts) fn further_networks(annotations: &BTreeMap<String, String>) -> Vec<String> {
    let written = FURTHER_NETWORKS.iter().filter_map(|name| annotations.get(*name));
    let names = written.flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let mut all: Vec<String> = names.map(str::to_owned).collect();
    all.sort();
    all.dedup();
    all
}
