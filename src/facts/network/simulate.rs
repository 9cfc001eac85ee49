//! The verdict about one packet, as a reference: what the matrix of namespaces computes for groups, this says for two pods.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::policy::{Direction, Peer, Policy, PolicyFile};
use super::ports::{PortSet, Protocol};
use crate::facts::workloads::pass::PodPort;

/// A pod as policies see it.
#[derive(Clone, Debug)]
pub struct Pod {
    namespace: String,
    namespace_labels: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    ports: Vec<PodPort>,
    address: IpAddr,
}

impl Pod {
    /// A pod of a namespace, with the labels of both, its container ports by name, and its address.
    pub fn new(
        namespace: (&str, &BTreeMap<String, String>),
        labels: &BTreeMap<String, String>,
        ports: &[(String, u16, Protocol)],
        address: IpAddr,
    ) -> Self {
        let port = |(name, number, protocol): &(String, u16, Protocol)| PodPort {
            name: name.clone(),
            number: i32::from(*number),
            protocol: protocol.as_str().to_owned(),
            host_port: 0,
        };
        Self {
            namespace: namespace.0.to_owned(),
            namespace_labels: namespace.1.clone(),
            labels: labels.clone(),
            ports: ports.iter().map(port).collect(),
            address,
        }
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// A pod.
    Pod(&'a Pod),
    /// An address outside the cluster.
    Outside(IpAddr),
}

/// What policies say to one connection. It is made when both ends allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the destination lets it in.
    pub ingress: bool,
    /// Whether the source lets it out.
    pub egress: bool,
}

/// NetworkPolicies that were understood.
#[derive(Clone, Debug)]
pub struct Policies {
    policies: Vec<Policy>,
}

impl Policies {
    /// Reads `networking.k8s.io/v1` objects.
    pub fn read(objects: &[serde_json::Value]) -> Result<Self, String> {
        let read = |object: &serde_json::Value| {
            let file: PolicyFile = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
            Policy::read(&file)
        };
        Ok(Self { policies: objects.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Whether a connection between two different ends is allowed. (A pod always reaches itself, whatever policies say.)
    pub fn verdict(&self, from: End<'_>, to: End<'_>, protocol: Protocol, port: u16) -> Verdict {
        let side = |direction, own, peer| match own {
            // Nobody can say what hosts outside send or take.
            End::Outside(_) => true,
            End::Pod(pod) => self.allowed(direction, pod, peer, to).contains(protocol, port),
        };
        Verdict { ingress: side(Direction::Ingress, to, from), egress: side(Direction::Egress, from, to) }
    }

    /// The ports on which `pod` may talk with `peer`: every one unless a policy isolates it, else what any rule allows.
    fn allowed(&self, direction: Direction, pod: &Pod, peer: End<'_>, destination: End<'_>) -> PortSet {
        let ports_of: &[PodPort] = match destination {
            End::Pod(pod) => &pod.ports,
            End::Outside(_) => &[],
        };
        let mut isolated = false;
        let mut allowed = PortSet::default();
        for policy in self.policies.iter().filter(|policy| policy.selects(&pod.namespace, &pod.labels)) {
            for rule in policy.rules(direction).inspect(|_| isolated = true).into_iter().flatten() {
                if rule.peers.is_empty() || rule.peers.iter().any(|one| matches(one, &policy.namespace, peer)) {
                    allowed.union(PortSet::of(&rule.ports, ports_of));
                }
            }
        }
        if isolated { allowed } else { PortSet::every() }
    }
}

fn matches(peer: &Peer, own_namespace: &str, end: End<'_>) -> bool {
    match (peer, end) {
        (Peer::Block(block), End::Pod(pod)) => block.contains(&pod.address),
        (Peer::Block(block), End::Outside(address)) => block.contains(&address),
        (Peer::Pods { .. }, End::Outside(_)) => false,
        (Peer::Pods { namespaces, pods }, End::Pod(pod)) => {
            let namespace = match namespaces {
                None => pod.namespace == own_namespace,
                Some(selector) => selector.matches(&pod.namespace_labels),
            };
            namespace && pods.matches(&pod.labels)
        }
    }
}
