//! `networking.k8s.io/v1` NetworkPolicies as they are enforced.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::block::{Block, Cidr};
use super::ports::{PortRule, PortSet, Protocol};
use crate::facts::labels::{Selector, SelectorFile};

/// A policy as it stands in the snapshot. A field that is not known could allow or deny more than is understood here.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyFile {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    spec: SpecFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SpecFile {
    pod_selector: Option<SelectorFile>,
    ingress: Option<Vec<IngressFile>>,
    egress: Option<Vec<EgressFile>>,
    policy_types: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IngressFile {
    from: Option<Vec<PeerFile>>,
    ports: Option<Vec<PortFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EgressFile {
    to: Option<Vec<PeerFile>>,
    ports: Option<Vec<PortFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PeerFile {
    pod_selector: Option<SelectorFile>,
    namespace_selector: Option<SelectorFile>,
    ip_block: Option<BlockFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockFile {
    cidr: String,
    except: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PortFile {
    protocol: Option<String>,
    port: Option<NumberOrName>,
    end_port: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NumberOrName {
    Number(i64),
    Name(String),
}

/// Which way traffic goes, seen from the pods that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    pub(super) const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// A policy that was understood.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) selector: Selector,
    /// The rules of a direction that it isolates; none for a direction that it leaves alone.
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

/// What one rule allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Who it is about: nobody in particular when empty, which is everyone.
    pub(super) peers: Vec<Peer>,
    /// On which ports: every one when empty.
    pub(super) ports: Vec<PortRule>,
}

/// One entry of `from` or `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// Pods, in namespaces with those labels, or in the policy's own where there is no selector.
    Pods { namespaces: Option<Selector>, pods: Selector },
    /// Addresses.
    Block(Block),
}

impl Policy {
    /// The rules for a direction, where the policy isolates it.
    pub(super) fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    pub(super) fn selects(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.namespace == namespace && self.selector.matches(labels)
    }

    /// What is written, with the defaults that the API server fills in (`SetDefaults_NetworkPolicy`): without `policyTypes` a policy
    /// is about ingress, and about egress when it has at least one egress rule. What validation refuses is not understood.
    pub(super) fn read(file: &PolicyFile) -> Result<Self, String> {
        let spec = &file.spec;
        let (Some(name), Some(namespace)) = (&file.metadata.name, &file.metadata.namespace) else {
            return Err("it has no name or no namespace".to_owned());
        };
        let has_egress = spec.egress.as_ref().is_some_and(|rules| !rules.is_empty());
        let (mut for_ingress, mut for_egress) = (false, false);
        match spec.policy_types.as_deref() {
            None | Some([]) => (for_ingress, for_egress) = (true, has_egress),
            Some(types) => {
                for of in types {
                    match of.as_str() {
                        "Ingress" => for_ingress = true,
                        "Egress" => for_egress = true,
                        other => return Err(format!("it has the unknown policy type {other}")),
                    }
                }
            }
        }
        let ingress = spec.ingress.iter().flatten().map(|rule| read_rule(rule.from.as_deref(), rule.ports.as_deref()));
        let egress = spec.egress.iter().flatten().map(|rule| read_rule(rule.to.as_deref(), rule.ports.as_deref()));
        let (ingress, egress) = (ingress.collect::<Result<Vec<_>, _>>()?, egress.collect::<Result<Vec<_>, _>>()?);
        Ok(Self {
            namespace: namespace.clone(),
            name: name.clone(),
            selector: optional(spec.pod_selector.as_ref())?,
            ingress: for_ingress.then_some(ingress),
            egress: for_egress.then_some(egress),
        })
    }
}

/// A selector that may be left out and then selects everything.
fn optional(file: Option<&SelectorFile>) -> Result<Selector, String> {
    file.map_or_else(|| Ok(Selector::default()), Selector::read)
}

fn read_rule(peers: Option<&[PeerFile]>, ports: Option<&[PortFile]>) -> Result<Rule, String> {
    Ok(Rule {
        peers: peers.into_iter().flatten().map(read_peer).collect::<Result<_, _>>()?,
        ports: ports.into_iter().flatten().map(read_port).collect::<Result<_, _>>()?,
    })
}

fn read_peer(file: &PeerFile) -> Result<Peer, String> {
    match (&file.ip_block, &file.namespace_selector, &file.pod_selector) {
        (Some(block), None, None) => Ok(Peer::Block(read_block(block)?)),
        (None, None, None) => Err("a peer says neither which pods nor which addresses".to_owned()),
        (None, namespaces, pods) => {
            Ok(Peer::Pods { namespaces: namespaces.as_ref().map(Selector::read).transpose()?, pods: optional(pods.as_ref())? })
        }
        (Some(_), _, _) => Err("a peer has both addresses and a selector".to_owned()),
    }
}

fn read_block(file: &BlockFile) -> Result<Block, String> {
    let except: Vec<String> = file.except.iter().flatten().cloned().collect();
    let text = if except.is_empty() { file.cidr.clone() } else { format!("{} except {}", file.cidr, except.join(", ")) };
    Ok(Block { cidr: Cidr::read(&file.cidr)?, except: except.iter().map(|cidr| Cidr::read(cidr)).collect::<Result<_, _>>()?, text })
}

fn read_port(file: &PortFile) -> Result<PortRule, String> {
    let protocol = Protocol::read(file.protocol.as_deref())
        .ok_or_else(|| format!("a port has the unknown protocol {}", file.protocol.as_deref().unwrap_or("")))?;
    let number = |value: i64| u16::try_from(value).ok().filter(|port| *port > 0).ok_or_else(|| format!("{value} is no port"));
    match (&file.port, file.end_port) {
        (None, None) => Ok(PortRule::Every(protocol)),
        (Some(NumberOrName::Name(name)), None) => Ok(PortRule::Named(protocol, name.clone())),
        (Some(NumberOrName::Number(port)), None) => number(*port).map(|port| PortRule::Range(protocol, port, port)),
        (Some(NumberOrName::Number(port)), Some(end)) if end >= *port => Ok(PortRule::Range(protocol, number(*port)?, number(end)?)),
        _ => Err("a port has an endPort that does not fit it".to_owned()),
    }
}

impl Peer {
    /// Whether it chooses pods by labels, or those of its own namespace: it was written for somebody.
    pub(super) fn chooses(&self) -> bool {
        match self {
            Self::Block(_) => false,
            Self::Pods { namespaces: None, .. } => true,
            Self::Pods { namespaces: Some(selector), pods } => !selector.takes_strangers(&[]) || !pods.takes_strangers(&[]),
        }
    }

    /// In words, for lists.
    pub(super) fn describe(&self, own_namespace: &str) -> String {
        match self {
            Self::Block(block) => block.text.clone(),
            Self::Pods { namespaces, pods } => {
                let pods = if pods.is_empty() { "all pods".to_owned() } else { format!("pods {pods}") };
                match namespaces {
                    None => format!("{pods} of {own_namespace}"),
                    Some(all) if all.is_empty() => format!("{pods} of every namespace"),
                    Some(some) => format!("{pods} of namespaces {some}"),
                }
            }
        }
    }
}

impl Rule {
    /// Whether it lets in, or out, whoever is outside the cluster: no peers at all, or blocks that are most of the world.
    pub(super) fn is_open_to_the_world(&self) -> bool {
        self.peers.is_empty() || super::block::most_of_the_world(self.blocks())
    }

    /// Whether it leaves nobody out.
    pub(super) fn takes_everybody(&self) -> bool {
        self.peers.is_empty() || super::block::whole_world(self.blocks())
    }

    /// The blocks of addresses among its peers.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.peers.iter().filter_map(|peer| match peer {
            Peer::Block(block) => Some(block),
            Peer::Pods { .. } => None,
        })
    }

    /// Its ports in words.
    pub(super) fn describe_ports(&self) -> String {
        if self.ports.is_empty() {
            return "every port".to_owned();
        }
        self.ports.iter().map(PortRule::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Whether rules that add up allow everything: together on every port, whoever is at the other end.
pub(super) fn allow_everything<'r>(rules: impl Iterator<Item = &'r Rule>) -> bool {
    let rules: Vec<&Rule> = rules.collect();
    let mut ports = PortSet::default();
    rules.iter().filter(|rule| rule.takes_everybody()).for_each(|rule| ports.union(PortSet::of(&rule.ports, &[])));
    let full = |rule: &&&Rule| PortSet::of(&rule.ports, &[]).is_full();
    let blocks = rules.iter().filter(full).flat_map(|rule| rule.blocks());
    ports.is_full() || super::block::whole_world(blocks)
}
