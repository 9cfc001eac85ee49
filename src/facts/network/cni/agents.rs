//! How the agents of network plugins are known.

use std::collections::BTreeSet;

use crate::facts::FactsError;
use crate::facts::agents::{Agent, Marks, controllers, daemon_sets};
use crate::facts::table::read::Reader;
use crate::model::Unseen;
use crate::model::sources::DEPLOYMENTS;

const fn marks(
    engine: &'static str,
    names: &'static [&'static str],
    images: &'static [&'static str],
    words: &'static [&'static str],
) -> Marks {
    Marks { engine, names, images, words, owners: &[], beside_others: false }
}

/// Several plugins are made of the images of others: their own names come first.
const AGENTS: &[Marks] = &[
    marks("Canal", &["canal", "rke2-canal"], &[], &["calico"]),
    marks("Calico", &["calico-node"], &["calico/node", "hardened-calico"], &["calico", "tigera"]),
    marks("Cilium", &["cilium"], &["cilium/cilium", "cilium/cilium-enterprise", "mirrored-cilium-cilium"], &["cilium"]),
    marks("GKE Dataplane V2", &["anetd"], &[], &["cilium", "anetd"]),
    marks("Amazon VPC CNI", &["aws-node"], &["amazon-k8s-cni"], &["amazon-k8s-cni", "aws-vpc-cni"]),
    marks("Azure NPM", &["azure-npm"], &["containernetworking/azure-npm"], &["azure-npm"]),
    marks("Flannel", &["kube-flannel-ds", "kube-flannel"], &["flannel/flannel", "flannel-io/flannel", "coreos/flannel"], &["flannel"]),
    marks("kindnet", &["kindnet"], &["kindest/kindnetd"], &["kindnetd"]),
    Marks {
        beside_others: true,
        ..marks("kube-network-policies", &["kube-network-policies"], &["networking/kube-network-policies"], &["kube-network-policies"])
    },
    marks("kube-router", &["kube-router"], &["cloudnativelabs/kube-router"], &["kube-router"]),
    Marks {
        engine: "OVN-Kubernetes",
        names: &["ovnkube-node"],
        images: &[],
        words: &["ovn-kube", "ovn-kubernetes"],
        // OpenShift's images are named by digest alone.
        owners: &[("operator.openshift.io", "Network")],
        beside_others: false,
    },
    marks("Antrea", &["antrea-agent"], &["antrea/antrea-agent-ubuntu", "antrea/antrea-agent-ubi"], &["antrea"]),
    marks("Kube-OVN", &["kube-ovn-cni"], &[], &["kube-ovn"]),
    marks("Weave Net", &["weave-net"], &["weaveworks/weave-kube"], &["weave"]),
];

/// The DaemonSets that are network plugins, and the plugins of which there is any trace.
pub(super) fn agents(reader: &Reader<'_>) -> Result<(Vec<Agent>, BTreeSet<&'static str>), FactsError> {
    let (mut found, traces) = daemon_sets(reader, AGENTS)?;
    // One that cannot change the network of its node is the engine's image put to another use: a trace, and no agent.
    found.retain(Agent::may_work_on_the_node);
    Ok((found, traces))
}

/// What tells agents of an engine what to do, where they do nothing new without it (antrea, docs/design/architecture.md).
const CONTROLLERS: &[Marks] =
    &[marks("Antrea", &["antrea-controller"], &["antrea/antrea-controller-ubuntu", "antrea/antrea-controller-ubi"], &["antrea"])];

/// Why it is not known that the controller works which an engine's agents need, where they need one.
pub(super) fn controller_missing(reader: &Reader<'_>, agent: &Agent) -> Result<Option<Unseen>, FactsError> {
    let engine = agent.engine;
    if !CONTROLLERS.iter().any(|marks| marks.engine == engine) {
        return Ok(None);
    }
    if let Some(gap) = reader.gap(&DEPLOYMENTS) {
        return Ok(Some(gap));
    }
    let found = controllers(reader, CONTROLLERS)?;
    let works = |agent: &&Agent| agent.engine == engine && agent.ready.is_some_and(|ready| ready > 0);
    Ok(found.iter().find(works).is_none().then(|| {
        Unseen::not_visible(
            format!("whether NetworkPolicies are enforced by {engine}"),
            "its controller, which gives policies to the agents, is not ready or not there",
            format!("Look at the Deployment of its controller beside the DaemonSet {}.", agent.display()),
        )
    }))
}
