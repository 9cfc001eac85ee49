//! How the agents of network plugins are known.

use std::collections::BTreeSet;

use crate::facts::FactsError;
use crate::facts::agents::{Agent, Marks, Runs, controllers, daemon_sets};
use crate::facts::table::read::Reader;
use crate::model::Unseen;
use crate::model::sources::DEPLOYMENTS;

const fn marks(
    engine: &'static str,
    names: &'static [&'static str],
    images: &'static [&'static str],
    words: &'static [&'static str],
    programs: &'static [&'static str],
) -> Marks {
    Marks { engine, names, images, words, owners: &[], beside_others: false, programs }
}

/// Several plugins are made of the images of others: their own names come first.
const AGENTS: &[Marks] = &[
    marks("Canal", &["canal", "rke2-canal"], &[], &["calico"], &["start_runit", "calico-node", "flanneld"]),
    marks("Calico", &["calico-node"], &["calico/node", "hardened-calico"], &["calico", "tigera"], &["start_runit", "calico-node"]),
    marks("Cilium", &["cilium"], &["cilium/cilium", "cilium/cilium-enterprise", "mirrored-cilium-cilium"], &["cilium"], &["cilium-agent"]),
    marks("GKE Dataplane V2", &["anetd"], &[], &["cilium", "anetd"], &["cilium-agent"]),
    marks("Amazon VPC CNI", &["aws-node"], &["amazon-k8s-cni"], &["amazon-k8s-cni", "aws-vpc-cni"], &[]),
    marks("Azure NPM", &["azure-npm"], &["containernetworking/azure-npm"], &["azure-npm"], &["azure-npm"]),
    marks(
        "Flannel",
        &["kube-flannel-ds", "kube-flannel"],
        &["flannel/flannel", "flannel-io/flannel", "coreos/flannel"],
        &["flannel"],
        &["flanneld"],
    ),
    marks("kindnet", &["kindnet"], &["kindest/kindnetd"], &["kindnetd"], &["kindnetd"]),
    Marks {
        beside_others: true,
        ..marks(
            "kube-network-policies",
            &["kube-network-policies"],
            &["networking/kube-network-policies"],
            &["kube-network-policies"],
            &["netpol", "kube-network-policies"],
        )
    },
    marks("kube-router", &["kube-router"], &["cloudnativelabs/kube-router"], &["kube-router"], &["kube-router"]),
    Marks {
        engine: "OVN-Kubernetes",
        names: &["ovnkube-node"],
        images: &[],
        words: &["ovn-kube", "ovn-kubernetes"],
        // OpenShift's images are named by digest alone.
        owners: &[("operator.openshift.io", "Network")],
        beside_others: false,
        programs: &["ovnkube.sh"],
    },
    marks("Antrea", &["antrea-agent"], &["antrea/antrea-agent-ubuntu", "antrea/antrea-agent-ubi"], &["antrea"], &["antrea-agent"]),
    marks("Kube-OVN", &["kube-ovn-cni"], &[], &["kube-ovn"], &[]),
    marks("Weave Net", &["weave-net"], &["weaveworks/weave-kube"], &["weave"], &["launch.sh", "weave-npc"]),
];

/// The DaemonSets that are network plugins, and the plugins of which there is any trace.
pub(super) fn agents(reader: &Reader<'_>) -> Result<(Vec<Agent>, BTreeSet<&'static str>), FactsError> {
    let (mut found, traces) = daemon_sets(reader, AGENTS)?;
    // One that cannot change the network of its node is the engine's image put to another use: a trace, and no agent.
    found.retain(Agent::may_work_on_the_node);
    Ok((found, traces))
}

/// What tells agents of an engine what to do, where they do nothing new without it (antrea, docs/design/architecture.md). Calico's agents
/// read policies from the API themselves, unless its datastore is an etcd: then the controllers copy them there (its documentation,
/// *Configuring the Calico Kubernetes controllers*, policy controller).
const CONTROLLERS: &[Marks] = &[
    marks("Antrea", &["antrea-controller"], &["antrea/antrea-controller-ubuntu", "antrea/antrea-controller-ubi"], &["antrea"], &[]),
    marks("Calico", &["calico-kube-controllers"], &["calico/kube-controllers"], &["calico"], &[]),
];

/// Why it is not known that the controller works which an engine's agents need, where they need one.
pub(super) fn controller_missing(reader: &Reader<'_>, agent: &Agent) -> Result<Option<Unseen>, FactsError> {
    let engine = if agent.engine == "Canal" { "Calico" } else { agent.engine };
    let needs_none = match (engine, agent.env("DATASTORE_TYPE")) {
        ("Calico", Some(Some(kind))) => kind == "kubernetes",
        // Where it is not written, the manifests for the API's own datastore are the usual ones.
        ("Calico", None) => true,
        _ => false,
    };
    if needs_none || !CONTROLLERS.iter().any(|marks| marks.engine == engine) {
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

/// Namespaces in which the manifests of network plugins put them.
fn is_home(namespace: &str) -> bool {
    const HOMES: &[&str] = &["calico-system", "tigera-operator", "cilium", "kube-flannel", "kube-router", "kube-system"];
    HOMES.contains(&namespace) || namespace.starts_with("openshift-")
}

/// Why it is not known that an agent does the work of its engine: it runs something else, or lies where nobody installs one, beside what
/// connects the pods. Whoever may make a DaemonSet on the node's network could otherwise say that policies are enforced.
pub(super) fn doubtful(agent: &Agent, all: &[Place]) -> Option<Unseen> {
    let what = format!("whether {} works", agent.engine);
    let how = format!("Look at what the DaemonSet {} is for, and who made it.", agent.display());
    if agent.runs == Runs::SomethingElse {
        let why = "the container with its image has a command that is not known to be the program of the engine";
        return Some(Unseen::not_visible(what, why, how));
    }
    let beside = all.iter().find(|(engine, namespace)| *engine != agent.engine && is_home(namespace))?;
    (!is_home(agent.namespace())).then(|| {
        let why = format!("it lies in the namespace {}, and {} in {} connects the pods", agent.namespace(), beside.0, beside.1);
        Unseen::not_visible(what, why, how)
    })
}

/// Engine and namespace of an agent.
pub(super) type Place = (&'static str, String);
