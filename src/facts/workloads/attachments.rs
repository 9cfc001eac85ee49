//! Further networks that a pod is attached to, beside the cluster's own.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;

/// Annotations that attach a pod to networks, as the collector reduces them: names, joined by commas. Of the last two, only what is not
/// the cluster's own network. (Network Plumbing Working Group, *Kubernetes Network Custom Resource Definition De-facto Standard* 1.3; GKE
/// multi-networking; DANM.)
const ANNOTATIONS: [&str; 8] = [
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
    "envoyproxy/envoy",
    "istio/proxyv2",
    "cilium/cilium-envoy",
    "openshift/origin-haproxy-router",
];

/// Whether a container runs one of them.
pub(in crate::facts) fn serves_routes(spec: &PodSpec) -> bool {
    let images = spec.containers.iter().filter_map(|container| container.image.as_deref());
    let mut names = images.map(crate::facts::agents::repository);
    // Images of the library are mostly written without it.
    names.any(|name| {
        ENTRANCES.iter().any(|end| name.ends_with(end)) || matches!(name, "traefik" | "kong" | "docker.io/traefik" | "docker.io/kong")
    })
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
    let written = ANNOTATIONS.iter().filter_map(|name| annotations.get(*name));
    let names = written.flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let mut all: Vec<String> = names.map(str::to_owned).collect();
    all.sort();
    all.dedup();
    all
}
