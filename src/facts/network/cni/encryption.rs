//! Whether each plugin encrypts what goes between nodes.

use serde_json::Value;

use super::settings::{Objects, Settings};
use super::{calico, cilium};
use crate::facts::Known;
use crate::facts::agents::Agent;
use crate::model::sources::{ANTREA_CONFIG, FLANNEL_CONFIG, FLANNEL_SYSTEM_CONFIG};
use crate::model::{Evidence, Unseen};

/// Whether a plugin encrypts what goes between nodes.
#[derive(Clone, Debug)]
pub(super) struct Encryption {
    /// `wireguard`, `ipsec` or `none`.
    pub(super) how: Known<&'static str>,
    /// Why, in a few words.
    pub(super) because: String,
    /// Where that stands.
    pub(super) evidence: Vec<Evidence>,
}

impl Encryption {
    pub(super) fn known(how: &'static str, evidence: Vec<Evidence>) -> Self {
        Self { how: Known::Known(how), because: format!("{how} is switched on"), evidence }
    }
    pub(super) fn none(because: String, evidence: Vec<Evidence>) -> Self {
        Self { how: Known::Known("none"), because, evidence }
    }
    pub(super) fn unknown(unseen: Unseen) -> Self {
        Self { because: unseen.why.clone(), how: Known::Unknown(unseen), evidence: Vec::new() }
    }
}

fn unknown(engine: &str, why: &str, how: &str) -> Encryption {
    Encryption::unknown(Unseen::not_visible(format!("whether {engine} encrypts traffic between nodes"), why, how))
}

fn never(engine: &str) -> Encryption {
    Encryption::none(format!("{engine} does not encrypt"), Vec::new())
}

/// Why a ConfigMap that was read is not the one that an agent runs with.
fn other_config(agent: &Agent, namespace: &str, name: &str) -> Option<String> {
    let mounted: Vec<&str> = agent.config_maps().collect();
    if agent.namespace() != namespace {
        return Some(format!("its agents run in the namespace {}, whose ConfigMap is not read", agent.namespace()));
    }
    let another = !mounted.is_empty() && !mounted.contains(&name);
    another.then(|| format!("its agents mount {} and not {name}, which is the one that is read", mounted.join(", ")))
}

/// What a plugin with a DaemonSet does.
pub(super) fn of(agent: &Agent, settings: &Settings) -> Encryption {
    match agent.engine {
        "Calico" => calico::encryption(agent, settings),
        "Canal" => canal(agent, settings),
        "Cilium" => cilium::encryption(agent, settings),
        "Flannel" => flannel(agent, settings),
        "Antrea" => antrea(agent, settings),
        "OVN-Kubernetes" => openshift(&settings.openshift),
        "Weave Net" if agent.has_env("WEAVE_PASSWORD") => match agent.env("WEAVE_PASSWORD") {
            // An empty one is none.
            Some(Some(value)) if value.is_empty() => never(agent.engine),
            _ if agent.may_lack("WEAVE_PASSWORD") => unknown(
                agent.engine,
                "its password is in a Secret that may be absent",
                "Ask whether the Secret that WEAVE_PASSWORD names is there.",
            ),
            _ => Encryption::known("ipsec", vec![agent.origin.clone()]),
        },
        "Weave Net" | "kindnet" | "kube-network-policies" | "kube-router" => never(agent.engine),
        "Amazon VPC CNI" => unknown(
            agent.engine,
            "it does not encrypt itself; some instance types do between themselves, which the cluster does not show",
            "Ask whoever operates the nodes whether their instance type encrypts traffic between instances.",
        ),
        _ => unknown(agent.engine, "its settings are not in the cluster", "Ask the provider whether traffic between nodes is encrypted."),
    }
}

/// Calico only decides about policies here: Flannel carries the traffic, and may encrypt it where Calico does not.
fn canal(agent: &Agent, settings: &Settings) -> Encryption {
    match calico::encryption(agent, settings) {
        Encryption { how: Known::Known("none"), .. } => unknown(
            agent.engine,
            "the back end of Flannel in it decides, and the ConfigMap that names it is not read",
            "Look at net-conf.json in the ConfigMap of Canal.",
        ),
        known_or_not => known_or_not,
    }
}

/// `Backend.Type` in `net-conf.json`, as the collector stores it, of the ConfigMap beside the agent: in another namespace it is left
/// over.
fn flannel(agent: &Agent, settings: &Settings) -> Encryption {
    if let Some(why) = other_config(agent, agent.namespace(), "kube-flannel-cfg") {
        return unknown("Flannel", &why, "Look at net-conf.json in its ConfigMap.");
    }
    let (map, source) = match agent.subject.namespace.as_deref() {
        Some("kube-flannel") => (&settings.flannel, &FLANNEL_CONFIG),
        Some("kube-system") => (&settings.flannel_system, &FLANNEL_SYSTEM_CONFIG),
        _ => {
            let how = "Look at net-conf.json in its ConfigMap.";
            return unknown("Flannel", "its agent runs in a namespace whose ConfigMaps are not read", how);
        }
    };
    let map = match map {
        Known::Known(Some(map)) => map,
        Known::Known(None) => {
            return unknown("Flannel", "there is no ConfigMap kube-flannel-cfg beside its agent", "Ask for its back end.");
        }
        Known::Unknown(unseen) => return Encryption::unknown(unseen.clone()),
    };
    if let Err(unseen) = settings.is_in_effect(agent, source) {
        return Encryption::unknown(unseen);
    }
    let (data, origin) = map;
    let parsed = data.get("net-conf.json").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let back_end = parsed.as_ref().and_then(|value| value.pointer("/Backend/Type")).and_then(Value::as_str);
    let evidence = vec![origin.at("/data/net-conf.json")];
    match back_end {
        Some(name) => of_back_end_at(name, evidence),
        None => unknown("Flannel", "its ConfigMap names no back end", "Look at net-conf.json of its ConfigMap."),
    }
}

fn of_back_end_at(name: &str, evidence: Vec<Evidence>) -> Encryption {
    match of_back_end(name) {
        "none" => Encryption::none(format!("its back end is {name}"), evidence),
        how => Encryption::known(how, evidence),
    }
}

fn of_back_end(name: &str) -> &'static str {
    match name {
        "wireguard" | "wireguard-native" | "extension-wireguard" => "wireguard",
        "ipsec" => "ipsec",
        _ => "none",
    }
}

/// `trafficEncryptionMode` in `antrea-agent.conf`; unset is none.
fn antrea(agent: &Agent, settings: &Settings) -> Encryption {
    if let Some(why) = other_config(agent, "kube-system", "antrea-config") {
        return unknown("Antrea", &why, "Ask for trafficEncryptionMode.");
    }
    let (data, origin) = match &settings.antrea {
        Known::Known(Some((data, origin))) => (data, origin),
        Known::Known(None) => {
            return unknown("Antrea", "there is no ConfigMap kube-system/antrea-config", "Ask for trafficEncryptionMode.");
        }
        Known::Unknown(unseen) => return Encryption::unknown(unseen.clone()),
    };
    if let Err(unseen) = settings.is_in_effect(agent, &ANTREA_CONFIG) {
        return Encryption::unknown(unseen);
    }
    let Some(text) = data.get("antrea-agent.conf") else {
        return unknown("Antrea", "its ConfigMap does not hold antrea-agent.conf", "Ask for trafficEncryptionMode.");
    };
    let Ok(written) = serde_json::from_str::<Value>(text) else {
        return unknown("Antrea", "antrea-agent.conf could not be understood", "Look at trafficEncryptionMode in it.");
    };
    let evidence = vec![origin.at("/data/antrea-agent.conf")];
    match written.get("trafficEncryptionMode").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        None | Some("none" | "") => Encryption::none("trafficEncryptionMode is not set".to_owned(), evidence),
        Some("wireguard") => Encryption::known("wireguard", evidence),
        Some("ipsec") => Encryption::known("ipsec", evidence),
        Some(_) => unknown("Antrea", "trafficEncryptionMode has a value that is not known", "Look at its ConfigMap."),
    }
}

/// `spec.defaultNetwork.ovnKubernetesConfig.ipsecConfig.mode` of the operator: `Full` is between all nodes.
fn openshift(networks: &Objects) -> Encryption {
    let objects = match networks {
        Known::Known(objects) => objects,
        Known::Unknown(unseen) => return Encryption::unknown(unseen.clone()),
    };
    let how = "Ask for ipsecConfig of the network operator.";
    let Some((network, origin)) = objects.first() else {
        return unknown("OVN-Kubernetes", "its settings are not in the cluster", how);
    };
    let config = network.pointer("/spec/defaultNetwork/ovnKubernetesConfig/ipsecConfig");
    let pointer = "/spec/defaultNetwork/ovnKubernetesConfig/ipsecConfig".to_owned();
    let evidence = vec![origin.at(pointer)];
    match config.map(|config| config.get("mode").and_then(Value::as_str)) {
        None | Some(Some("Disabled" | "External")) => Encryption::none("ipsecConfig.mode is not Full".to_owned(), evidence),
        Some(Some("Full")) => Encryption::known("ipsec", evidence),
        // Older versions switched it on by an empty object.
        Some(_) => unknown("OVN-Kubernetes", "ipsecConfig says no mode", how),
    }
}

/// The back end that k3s writes on every node.
pub(super) fn k3s(settings: &Settings) -> Encryption {
    let pointer = "/metadata/annotations/k3s.io~1node-args";
    let mut unread = false;
    for node in &settings.nodes {
        let Some(text) = node.annotations.get("k3s.io/node-args") else { continue };
        let Ok(words) = serde_json::from_str::<Vec<String>>(text) else {
            unread = true;
            continue;
        };
        let inline = words.iter().any(|word| word.trim_start_matches('-') == "flannel-backend=none");
        let mut pairs = words.windows(2);
        let two = pairs.any(|pair| matches!(pair, [flag, value] if flag.trim_start_matches('-') == "flannel-backend" && value == "none"));
        // Flannel does not run then, and what it wrote on nodes before is left over.
        if inline || two {
            return Encryption::none("its Flannel is switched off (--flannel-backend=none)".to_owned(), vec![node.origin.at(pointer)]);
        }
    }
    if unread {
        return unknown("k3s", "what a node was started with cannot be read", "Ask for --flannel-backend of the servers.");
    }
    let types = settings.nodes.iter().map(|node| (node.annotations.get("flannel.alpha.coreos.com/backend-type"), &node.origin));
    let all: Option<Vec<(&String, &Evidence)>> = types.map(|(name, origin)| Some((name?, origin))).collect();
    match (all, &settings.nodes_gap) {
        (Some(all), None) if !all.is_empty() => {
            let kinds: Vec<&'static str> = all.iter().map(|(name, _)| of_back_end(name)).collect();
            let weakest = if kinds.contains(&"none") { "none" } else { kinds.first().copied().unwrap_or("none") };
            let pointer = "/metadata/annotations/flannel.alpha.coreos.com~1backend-type".to_owned();
            let evidence: Vec<Evidence> = all.first().map(|(_, origin)| origin.at(pointer)).into_iter().collect();
            match weakest {
                "none" => Encryption::none("a node's back end does not encrypt".to_owned(), evidence),
                how => Encryption::known(how, evidence),
            }
        }
        _ => unknown("k3s", "not every node says which back end it uses", "Ask for --flannel-backend of the servers."),
    }
}
