//! Istio's ambient mode: which nodes have its proxy, and whether a pod's traffic goes through it.

use std::collections::BTreeMap;

use super::proxies::{Container, Pod, annotation_at};
use crate::facts::Known;
use crate::facts::times::seconds_between;
use crate::model::{Evidence, Unseen};

/// Written by Istio's agent on the node once the pod's traffic is led through the node's proxy (istio/istio, `cni/pkg/util/podutil.go`,
/// `PodFullyEnrolled`).
const REDIRECTION: &str = "ambient.istio.io/redirection";
/// How long the agent may take.
const SETTLING_SECONDS: i64 = 600;

/// The proxy of one node.
#[derive(Clone, Debug)]
struct OnNode {
    ready: bool,
    revision: Option<String>,
    origin: Evidence,
}

/// The proxies of the nodes: containers with the image of ztunnel that a DaemonSet keeps and that may enter the network of pods, by the name
/// of the node (istio/istio, `manifests/charts/ztunnel/templates/daemonset.yaml`).
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes(BTreeMap<String, OnNode>);

/// What is known of a pod.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Its traffic is led through the proxy of its node, whose control plane is of that revision.
    Led {
        revision: String,
        at: Vec<Evidence>,
    },
    /// It is not, and why, as a sentence about the pod goes on; empty where nothing speaks of it.
    Not(String),
    Unclear(Unseen),
}

impl Nodes {
    pub(super) fn of<'p>(pods: impl Iterator<Item = &'p (Pod, Evidence)>) -> Self {
        let mut nodes = BTreeMap::new();
        for (pod, origin) in pods {
            let Some(node) = pod.spec.node_name.clone().filter(|node| !node.is_empty()) else { continue };
            let Some(container) = pod.spec.containers.iter().find(|container| is_ztunnel(container)) else { continue };
            let kept =
                pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "DaemonSet" && owner.controller == Some(true));
            if !kept {
                continue;
            }
            let states = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
            let ready = states.into_iter().any(|state| state.name == container.name && state.ready == Some(true));
            let found = OnNode { ready, revision: pod.annotation("istio.io/rev").map(str::to_owned), origin: origin.clone() };
            // While one is replaced by another, the one that is ready counts.
            let place = nodes.entry(node).or_insert_with(|| found.clone());
            if found.ready && !place.ready {
                *place = found;
            }
        }
        Self(nodes)
    }

    /// Whether a pod's traffic is led through the proxy of its node. `wanted` says whether a label asks for it.
    pub(super) fn state(&self, pod: &Pod, origin: &Evidence, wanted: bool, pods_read: &Known<()>, collected: &str) -> State {
        let unclear = |why: String, how: &str| {
            State::Unclear(Unseen::not_visible(
                format!("whether the traffic of {} goes through Istio's ambient mode", pod.display()),
                why,
                how,
            ))
        };
        match pod.annotation(REDIRECTION) {
            Some("enabled") => {}
            Some("pending") => {
                return unclear("Istio's agent is still setting it up".to_owned(), "Collect again in some minutes.");
            }
            _ if wanted && is_young(pod, collected) => {
                let why = "the pod was made less than ten minutes before, and Istio's agent may still be setting it up".to_owned();
                return unclear(why, "Collect again in some minutes.");
            }
            _ => return State::Not(String::new()),
        }
        let Some(node) = pod.spec.node_name.as_deref().filter(|node| !node.is_empty()) else {
            return unclear("it does not say on which node it is".to_owned(), "Collect again.");
        };
        match self.0.get(node) {
            Some(proxy) if proxy.ready => State::Led {
                revision: proxy.revision.clone().unwrap_or_else(|| "default".to_owned()),
                at: vec![annotation_at(origin, REDIRECTION), proxy.origin.clone()],
            },
            Some(_) => unclear(format!("the proxy of its node {node} is not ready"), "Look at the pod of ztunnel on that node."),
            None => match pods_read {
                Known::Unknown(unseen) => State::Unclear(unseen.clone()),
                Known::Known(()) if self.0.is_empty() => unclear(
                    format!("it says {REDIRECTION}: enabled, and no node runs the proxy of that mode (ztunnel) that is known here"),
                    "Look at what runs the ambient mode, or whether Istio was removed.",
                ),
                Known::Known(()) => State::Not(format!("says {REDIRECTION}: enabled, and its node {node} has no pod of ztunnel")),
            },
        }
    }
}

fn is_ztunnel(container: &Container) -> bool {
    let Some(security) = &container.security_context else { return false };
    let added = security.capabilities.iter().flat_map(|all| all.add.iter().flatten());
    let enters = security.privileged == Some(true) || added.into_iter().any(|name| name.trim_start_matches("CAP_") == "SYS_ADMIN");
    enters && container.image_name().contains("ztunnel")
}

fn is_young(pod: &Pod, collected: &str) -> bool {
    let created = pod.metadata.creation_timestamp.as_ref();
    let age = created.and_then(|time| seconds_between(&time.0.to_string(), collected));
    pod.phase() == "Pending" || age.is_some_and(|seconds| seconds < SETTLING_SECONDS)
}
