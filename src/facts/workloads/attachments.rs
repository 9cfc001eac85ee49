//! Further networks that a pod is attached to, beside the cluster's own.

use std::collections::BTreeMap;

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

/// The networks that the annotations of a pod name, sorted.
pub(in crate::facts) fn further_networks(annotations: &BTreeMap<String, String>) -> Vec<String> {
    let written = ANNOTATIONS.iter().filter_map(|name| annotations.get(*name));
    let names = written.flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let mut all: Vec<String> = names.map(str::to_owned).collect();
    all.sort();
    all.dedup();
    all
}
