//! Whether each plugin enforces NetworkPolicies.

use super::encryption::k3s;
use super::settings::{NodeFacts, Settings};
use super::{Enforcement, Engine, calico, cilium};
use crate::facts::Known;
use crate::facts::agents::Agent;
use crate::model::{Evidence, Unseen};

/// The verdict about one plugin.
pub(super) struct Judged {
    pub(super) enforcement: Known<Enforcement>,
    pub(super) because: String,
    /// Where settings stand that decided.
    pub(super) evidence: Vec<Evidence>,
}

fn known(enforcement: Enforcement, because: &str) -> Judged {
    Judged { enforcement: Known::Known(enforcement), because: because.to_owned(), evidence: Vec::new() }
}

pub(super) fn unknown(engine: &str, why: &str, how: &str) -> Judged {
    let unseen = Unseen::not_visible(format!("whether NetworkPolicies are enforced by {engine}"), why, how);
    Judged { because: unseen.why.clone(), enforcement: Known::Unknown(unseen), evidence: Vec::new() }
}

const ALWAYS: &str = "it enforces NetworkPolicies wherever its agent runs";

/// What a plugin with a DaemonSet does.
pub(super) fn of_agent(agent: &Agent, settings: &Settings) -> Judged {
    match agent.engine {
        "Flannel" => known(Enforcement::NotEnforcing, "it connects pods and enforces no policies"),
        "Cilium" => cilium::judge(agent, settings),
        "Amazon VPC CNI" => amazon(agent, settings),
        "kindnet" => kindnet(agent),
        "kube-router" => match agent.flag("run-firewall").as_deref() {
            Some("true") => known(Enforcement::Enforcing, "its agent runs with --run-firewall=true"),
            Some("false") => known(Enforcement::NotEnforcing, "its agent runs with --run-firewall=false"),
            _ => unknown(agent.engine, "its agent does not write --run-firewall", "Ask for the setting --run-firewall of its agent."),
        },
        "Kube-OVN" => {
            let how = "Look at the argument --enable-np of its controller.";
            unknown(agent.engine, "its controller's argument --enable-np decides, and is not read", how)
        }
        "Weave Net" if agent.container("weave-npc").is_none() => {
            known(Enforcement::NotEnforcing, "its policy controller (the container weave-npc) is not there")
        }
        // `if config.NPC` of net/bridge.go: without it nothing leads to the controller's rules.
        "Weave Net" => match agent.env("EXPECT_NPC") {
            None => known(Enforcement::Enforcing, ALWAYS),
            Some(Some(value)) if value == "0" => known(Enforcement::NotEnforcing, "its agent runs with EXPECT_NPC=0"),
            Some(Some(value)) if value == "1" || value.is_empty() => known(Enforcement::Enforcing, ALWAYS),
            Some(_) => {
                unknown(agent.engine, "EXPECT_NPC of its agent decides, and is not seen to be 0 or 1", "Ask for EXPECT_NPC of its agent.")
            }
        },
        "Calico" | "Canal" => match calico::bypassed(agent, settings) {
            Ok(None) => known(Enforcement::Enforcing, ALWAYS),
            Ok(Some(why)) => {
                let how = "Look how the interfaces of pods are called on a node and which rules stand before those of Calico (iptables -S FORWARD).";
                unknown(agent.engine, &why, how)
            }
            Err(unseen) => Judged { because: unseen.why.clone(), enforcement: Known::Unknown(unseen), evidence: Vec::new() },
        },
        _ => known(Enforcement::Enforcing, ALWAYS),
    }
}

/// Two have to be switched on: the node agent, and the controller that tells it what to do. The controller runs where nobody sees it,
/// and makes nothing of policies unless `amazon-vpc-cni` says `true`, word for word.
fn amazon(agent: &Agent, settings: &Settings) -> Judged {
    match (agent.container("aws-eks-nodeagent"), agent.flag("enable-network-policy").as_deref()) {
        (Some(_), Some("true")) => amazon_controller(agent, settings),
        (Some(_), _) => known(Enforcement::NotEnforcing, "its node agent runs without --enable-network-policy=true"),
        (None, _) => known(Enforcement::NotEnforcing, "it runs without the node agent that enforces policies"),
    }
}

fn amazon_controller(agent: &Agent, settings: &Settings) -> Judged {
    let key = "enable-network-policy-controller";
    match &settings.amazon {
        Known::Known(Some((data, origin))) if data.get(key).is_some_and(|value| value == "true") => Judged {
            evidence: vec![agent.origin.clone(), origin.at(format!("/data/{key}"))],
            ..known(
                Enforcement::Enforcing,
                "its node agent runs with --enable-network-policy=true, and amazon-vpc-cni switches the controller on",
            )
        },
        Known::Known(_) => unknown(
            agent.engine,
            "amazon-vpc-cni does not switch the policy controller on; a controller of one's own may run with --enable-configmap-check=false",
            "Look at enable-network-policy-controller in the ConfigMap kube-system/amazon-vpc-cni, and whether there are PolicyEndpoints.",
        ),
        Known::Unknown(unseen) => Judged { because: unseen.why.clone(), enforcement: Known::Unknown(unseen.clone()), evidence: Vec::new() },
    }
}

/// Policies came with kind 0.24 (images from 2024-08-13 on; the tag begins with the date).
fn kindnet(agent: &Agent) -> Judged {
    let date = agent.tag("kindnetd").and_then(|tag| tag.strip_prefix('v')?.get(..8)?.parse::<u32>().ok());
    match date {
        Some(date) if date >= 20_240_813 => known(Enforcement::Enforcing, "its version is of kind 0.24 or newer, which enforces policies"),
        Some(_) => known(Enforcement::NotEnforcing, "its version is older than kind 0.24 and enforces no policies"),
        None => unknown("kindnet", "its image says no version", "Ask for the version of kind; from 0.24 on it enforces policies."),
    }
}

/// Plugins without a DaemonSet, by what they write on nodes.
pub(super) const NODE_ENGINES: [fn(&Settings) -> Option<Engine>; 1] = [k3s_engine];

/// k3s runs Flannel and the policy controller of kube-router inside its own process, unless a server has `--disable-network-policy`.
fn k3s_engine(settings: &Settings) -> Option<Engine> {
    let arguments = |node: &NodeFacts| node.annotations.get("k3s.io/node-args").cloned();
    let with: Vec<(&NodeFacts, String)> = settings.nodes.iter().filter_map(|node| Some((node, arguments(node)?))).collect();
    let (first, _) = with.first()?;
    let words: Option<Vec<Vec<String>>> = with.iter().map(|(_, text)| serde_json::from_str(text).ok()).collect();
    let servers: Option<Vec<Vec<String>>> =
        words.map(|all| all.into_iter().filter(|words| words.first().is_some_and(|word| word == "server")).collect());
    let disabled = |words: &Vec<String>| {
        let at = words.iter().position(|word| word.trim_start_matches('-').starts_with("disable-network-policy"));
        at.is_some_and(|at| {
            let off = |word: &String| word == "false";
            !words.get(at).is_some_and(|word| word.ends_with("=false")) && !words.get(at + 1).is_some_and(off)
        })
    };
    let judged = match servers {
        Some(servers) if servers.iter().any(disabled) => known(Enforcement::NotEnforcing, "a server runs with --disable-network-policy"),
        _ if settings.nodes_gap.is_some() || with.len() < settings.nodes.len() => {
            unknown("k3s", "not every node shows its arguments", "Ask for the arguments of every k3s server.")
        }
        Some(servers) if !servers.is_empty() => {
            known(Enforcement::Enforcing, "no server runs with --disable-network-policy, so that the built-in controller enforces policies")
        }
        _ => unknown("k3s", "no node shows the arguments of a server", "Ask for the arguments of every k3s server."),
    };
    Some(Engine {
        name: "k3s",
        found_by: "annotation k3s.io/node-args of nodes".to_owned(),
        subject: first.subject.clone(),
        origins: vec![first.origin.clone()],
        scheduled: None,
        ready: None,
        judged,
        encryption: k3s(settings),
    })
}
