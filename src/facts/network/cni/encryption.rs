//! Whether each plugin encrypts what goes between nodes.

use serde_json::Value;

use super::settings::{Map, Objects, Settings};
use crate::facts::Known;
use crate::facts::agents::Agent;
use crate::model::{Evidence, Unseen, UnseenKind};

/// `wireguard`, `ipsec` or `none`, with where that stands.
type Encryption = (Known<&'static str>, Vec<Evidence>);

fn unknown(engine: &str, why: &str, how: &str) -> Encryption {
    let unseen = Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("whether {engine} encrypts traffic between nodes"),
        why: why.to_owned(),
        how_to_see: how.to_owned(),
        source: None,
        missing_rule: None,
    };
    (Known::Unknown(unseen), Vec::new())
}

fn none() -> Encryption {
    (Known::Known("none"), Vec::new())
}

/// What a plugin with a DaemonSet does.
pub(super) fn of(agent: &Agent, settings: &Settings) -> Encryption {
    match agent.engine {
        "Calico" => calico(agent, settings),
        "Canal" => canal(agent, settings),
        "Cilium" => cilium(&settings.cilium),
        "Flannel" => flannel(agent, settings),
        "Antrea" => antrea(&settings.antrea),
        "OVN-Kubernetes" => openshift(&settings.openshift),
        "Weave Net" if agent.has_env("WEAVE_PASSWORD") => (Known::Known("ipsec"), vec![agent.origin.clone()]),
        "Weave Net" | "kindnet" | "kube-network-policies" | "kube-router" => none(),
        "Amazon VPC CNI" => unknown(
            agent.engine,
            "it does not encrypt itself; some instance types do between themselves, which the cluster does not show",
            "Ask whoever operates the nodes whether their instance type encrypts traffic between instances.",
        ),
        _ => unknown(agent.engine, "its settings are not in the cluster", "Ask the provider whether traffic between nodes is encrypted."),
    }
}

/// What switches WireGuard on for IPv4, and for IPv6.
const WIREGUARD: [&str; 2] = ["/spec/wireguardEnabled", "/spec/wireguardEnabledV6"];

/// One family of addresses.
struct Family {
    field: &'static str,
    on: bool,
    /// Whether pods have such addresses.
    used: bool,
}

/// What the FelixConfiguration `default` says for each family of addresses. Another one is for a single node; an environment variable
/// wins over both.
fn calico(agent: &Agent, settings: &Settings) -> Encryption {
    let objects = match &settings.felix {
        Known::Known(objects) => objects,
        Known::Unknown(unseen) => return (Known::Unknown(unseen.clone()), Vec::new()),
    };
    let how = "Ask for the FelixConfiguration default (wireguardEnabled).";
    if agent.has_env("FELIX_WIREGUARDENABLED") || agent.has_env("FELIX_WIREGUARDENABLEDV6") {
        return unknown(agent.engine, "an environment variable of its agent decides, whose value is not stored", how);
    }
    let written = |object: &Value| WIREGUARD.map(|field| object.pointer(field).and_then(Value::as_bool));
    let name = |object: &Value| object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("").to_owned();
    let Some((default, origin)) = objects.iter().find(|(object, _)| name(object) == "default") else {
        return unknown(agent.engine, "there is no FelixConfiguration default in the cluster", how);
    };
    let families = WIREGUARD.into_iter().zip(written(default)).zip(settings.pod_families);
    let families = families.map(|((field, value), used)| Family { field, on: value == Some(true), used });
    let (on, off): (Vec<Family>, Vec<Family>) = families.partition(|family| family.on);
    let at = |families: &[Family], all: bool| -> Vec<Evidence> {
        families.iter().filter(|family| all || family.used).map(|family| origin.at(family.field)).collect()
    };
    let off_in_use = off.iter().any(|family| family.used);
    if off_in_use || on.is_empty() {
        return (Known::Known("none"), at(&off, !off_in_use));
    }
    let switched_off = |object: &Value| name(object) != "default" && written(object).contains(&Some(false));
    if objects.iter().any(|(object, _)| switched_off(object)) {
        return unknown(agent.engine, "it is switched on, and off again for single nodes", "Look at the FelixConfigurations of nodes.");
    }
    match (&settings.pods_gap, off.is_empty()) {
        (_, true) => (Known::Known("wireguard"), at(&on, true)),
        (Some(unseen), false) => (Known::Unknown(unseen.clone()), Vec::new()),
        (None, false) if !on.iter().any(|family| family.used) => unknown(
            agent.engine,
            "it is switched on for one of IPv4 and IPv6, and no pod shows which of them is in use",
            "Look at wireguardEnabled and wireguardEnabledV6 of the FelixConfiguration default.",
        ),
        (None, false) => (Known::Known("wireguard"), at(&on, true)),
    }
}

/// Calico only decides about policies here: Flannel carries the traffic, and may encrypt it where Calico does not.
fn canal(agent: &Agent, settings: &Settings) -> Encryption {
    match calico(agent, settings) {
        (Known::Known("none"), _) => unknown(
            agent.engine,
            "the back end of Flannel in it decides, and the ConfigMap that names it is not read",
            "Look at net-conf.json in the ConfigMap of Canal.",
        ),
        known_or_not => known_or_not,
    }
}

fn cilium(map: &Map) -> Encryption {
    let (data, origin) = match map {
        Known::Known(Some((data, origin))) => (data, origin),
        Known::Known(None) => return unknown("Cilium", "there is no ConfigMap kube-system/cilium-config", "Ask for its settings."),
        Known::Unknown(unseen) => return (Known::Unknown(unseen.clone()), Vec::new()),
    };
    let on = |key: &str| data.get(key).is_some_and(|value| value == "true");
    let how = if on("enable-wireguard") {
        ("wireguard", "enable-wireguard")
    } else if on("enable-ipsec") {
        ("ipsec", "enable-ipsec")
    } else {
        return (Known::Known("none"), vec![origin.clone()]);
    };
    (Known::Known(how.0), vec![origin.at(format!("/data/{}", how.1))])
}

/// `Backend.Type` in `net-conf.json`, as the collector stores it, of the ConfigMap beside the agent: in another namespace it is left
/// over.
fn flannel(agent: &Agent, settings: &Settings) -> Encryption {
    let map = match agent.subject.namespace.as_deref() {
        Some("kube-flannel") => &settings.flannel,
        Some("kube-system") => &settings.flannel_system,
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
        Known::Unknown(unseen) => return (Known::Unknown(unseen.clone()), Vec::new()),
    };
    let (data, origin) = map;
    let parsed = data.get("net-conf.json").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let back_end = parsed.as_ref().and_then(|value| value.pointer("/Backend/Type")).and_then(Value::as_str);
    let evidence = vec![origin.at("/data/net-conf.json")];
    match back_end {
        Some(name) => (Known::Known(of_back_end(name)), evidence),
        None => unknown("Flannel", "its ConfigMap names no back end", "Look at net-conf.json of its ConfigMap."),
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
fn antrea(map: &Map) -> Encryption {
    let (data, origin) = match map {
        Known::Known(Some((data, origin))) => (data, origin),
        Known::Known(None) => {
            return unknown("Antrea", "there is no ConfigMap kube-system/antrea-config", "Ask for trafficEncryptionMode.");
        }
        Known::Unknown(unseen) => return (Known::Unknown(unseen.clone()), Vec::new()),
    };
    let Some(text) = data.get("antrea-agent.conf") else {
        return unknown("Antrea", "its ConfigMap does not hold antrea-agent.conf", "Ask for trafficEncryptionMode.");
    };
    let Ok(settings) = serde_json::from_str::<Value>(text) else {
        return unknown("Antrea", "antrea-agent.conf could not be understood", "Look at trafficEncryptionMode in it.");
    };
    let evidence = vec![origin.at("/data/antrea-agent.conf")];
    match settings.get("trafficEncryptionMode").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        None | Some("none" | "") => (Known::Known("none"), evidence),
        Some("wireguard") => (Known::Known("wireguard"), evidence),
        Some("ipsec") => (Known::Known("ipsec"), evidence),
        Some(_) => unknown("Antrea", "trafficEncryptionMode has a value that is not known", "Look at its ConfigMap."),
    }
}

/// `spec.defaultNetwork.ovnKubernetesConfig.ipsecConfig.mode` of the operator: `Full` is between all nodes.
fn openshift(networks: &Objects) -> Encryption {
    let objects = match networks {
        Known::Known(objects) => objects,
        Known::Unknown(unseen) => return (Known::Unknown(unseen.clone()), Vec::new()),
    };
    let how = "Ask for ipsecConfig of the network operator.";
    let Some((network, origin)) = objects.first() else {
        return unknown("OVN-Kubernetes", "its settings are not in the cluster", how);
    };
    let config = network.pointer("/spec/defaultNetwork/ovnKubernetesConfig/ipsecConfig");
    let pointer = "/spec/defaultNetwork/ovnKubernetesConfig/ipsecConfig".to_owned();
    let evidence = vec![origin.at(pointer)];
    match config.map(|config| config.get("mode").and_then(Value::as_str)) {
        None | Some(Some("Disabled" | "External")) => (Known::Known("none"), evidence),
        Some(Some("Full")) => (Known::Known("ipsec"), evidence),
        // Older versions switched it on by an empty object.
        Some(_) => unknown("OVN-Kubernetes", "ipsecConfig says no mode", how),
    }
}

/// The back end that k3s writes on every node.
pub(super) fn k3s(settings: &Settings) -> Encryption {
    let types = settings.nodes.iter().map(|node| (node.annotations.get("flannel.alpha.coreos.com/backend-type"), &node.origin));
    let all: Option<Vec<(&String, &Evidence)>> = types.map(|(name, origin)| Some((name?, origin))).collect();
    match (all, &settings.nodes_gap) {
        (Some(all), None) if !all.is_empty() => {
            let kinds: Vec<&'static str> = all.iter().map(|(name, _)| of_back_end(name)).collect();
            let weakest = if kinds.contains(&"none") { "none" } else { kinds.first().copied().unwrap_or("none") };
            let pointer = "/metadata/annotations/flannel.alpha.coreos.com~1backend-type".to_owned();
            (Known::Known(weakest), all.first().map(|(_, origin)| origin.at(pointer)).into_iter().collect())
        }
        _ => unknown("k3s", "not every node says which back end it uses", "Ask for --flannel-backend of the servers."),
    }
}
