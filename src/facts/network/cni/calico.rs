//! Whether Calico encrypts what goes between nodes.

use serde_json::Value;

use super::Encryption;
use super::cilium::short;
use super::settings::{NodeFacts, Settings};
use crate::facts::Known;
use crate::facts::agents::Agent;
use crate::model::{Evidence, Unseen};

/// One family of addresses: what switches WireGuard on for it, where a node shows its key for it, and the variable that wins.
struct Family {
    field: &'static str,
    key: &'static str,
    variable: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family { field: "wireguardEnabled", key: "projectcalico.org/WireguardPublicKey", variable: "FELIX_WIREGUARDENABLED" },
    Family { field: "wireguardEnabledV6", key: "projectcalico.org/WireguardPublicKeyV6", variable: "FELIX_WIREGUARDENABLEDV6" },
];

const HOW: &str = "Ask for the FelixConfiguration default (wireguardEnabled).";

fn unknown(agent: &Agent, why: &str, how: &str) -> Encryption {
    Encryption::unknown(Unseen::not_visible(format!("whether {} encrypts traffic between nodes", agent.engine), why, how))
}

fn name(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("")
}

fn written(object: &Value, family: &Family) -> Option<bool> {
    object.get("spec")?.get(family.field)?.as_bool()
}

/// Whether WireGuard is asked for on a node: the FelixConfiguration `node.<name>` wins over `default` (felix, configuration of
/// resources), and where that is written.
fn asked(objects: &[(Value, Evidence)], node: &NodeFacts, family: &Family) -> (bool, Option<Evidence>) {
    let own = format!("node.{}", node.name());
    let found = |wanted: &str| {
        let object = objects.iter().find(|(object, _)| name(object) == wanted)?;
        Some((written(&object.0, family)?, object.1.at(format!("/spec/{}", family.field))))
    };
    match found(&own).or_else(|| found("default")) {
        Some((on, at)) => (on, Some(at)),
        None => (false, None),
    }
}

/// Why Calico's rules may not be reached, whatever its policies say: with `chainInsertMode: Append` they stand behind those of others, and
/// with another `interfacePrefix` they are about other interfaces than the pods' (Felix, configuration reference). A variable wins over
/// what is written for a node, and that over the default.
pub(super) fn bypassed(agent: &Agent, settings: &Settings) -> Result<Option<String>, Unseen> {
    const SETTINGS: [(&str, &str); 2] = [("chainInsertMode", "FELIX_CHAININSERTMODE"), ("interfacePrefix", "FELIX_INTERFACEPREFIX")];
    let harmless = |field: &str, value: &str| match field {
        "chainInsertMode" => value.eq_ignore_ascii_case("insert"),
        _ => value.split(',').any(|prefix| fits(prefix.trim(), settings)),
    };
    let so = |field: &str| match field {
        "chainInsertMode" => "rules of others may come before its own",
        _ => "its rules are about interfaces whose names begin so, and whether those of pods do is not seen",
    };
    for (field, variable) in SETTINGS {
        match agent.env(variable) {
            Some(Some(value)) if harmless(field, &value) => continue,
            Some(Some(value)) => return Ok(Some(format!("{variable} of its agent is {value}: {}", so(field)))),
            Some(None) => return Ok(Some(format!("{variable} of its agent decides, and its value is not stored"))),
            None => {}
        }
        let objects = match &settings.felix {
            Known::Known(objects) => objects,
            Known::Unknown(unseen) => return Err(unseen.clone()),
        };
        for (object, _) in objects {
            let written = object.pointer(&format!("/spec/{field}")).and_then(Value::as_str);
            if let Some(value) = written.filter(|value| !harmless(field, value)) {
                let what = name(object);
                return Ok(Some(format!("{field} of the FelixConfiguration {what} is {value}: {}", so(field))));
            }
        }
    }
    Ok(None)
}

/// Whether the interfaces of pods are called so: Calico's own, and those of the plugin that connects the pods where Calico is for policies
/// only (tigera/operator, pkg/render/node.go: eni, gke, azv).
fn fits(prefix: &str, settings: &Settings) -> bool {
    let on_every_node = |label: &str| !settings.nodes.is_empty() && settings.nodes.iter().all(|node| node.labels.contains_key(label));
    match prefix {
        "cali" => true,
        "eni" => settings.vpc_cni,
        "gke" => on_every_node("cloud.google.com/gke-nodepool"),
        "azv" => on_every_node("kubernetes.azure.com/cluster"),
        _ => false,
    }
}

/// WireGuard is asked for in FelixConfigurations, and done on nodes: each that does it writes its public key into an annotation, and
/// the others send to a node without one in the clear.
pub(super) fn encryption(agent: &Agent, settings: &Settings) -> Encryption {
    let objects = match &settings.felix {
        Known::Known(objects) => objects,
        Known::Unknown(unseen) => return Encryption::unknown(unseen.clone()),
    };
    if FAMILIES.iter().any(|family| agent.env(family.variable).is_some()) {
        return unknown(agent, "an environment variable of its agent decides over the FelixConfigurations", HOW);
    }
    let Some((default, origin)) = objects.iter().find(|(object, _)| name(object) == "default") else {
        return unknown(agent, "there is no FelixConfiguration default in the cluster", HOW);
    };
    let used: Vec<&Family> = FAMILIES.iter().zip(settings.pod_families).filter(|(_, used)| *used).map(|(family, _)| family).collect();
    let on: Vec<&Family> = FAMILIES.iter().filter(|family| written(default, family) == Some(true)).collect();
    let at =
        |families: &[&Family]| -> Vec<Evidence> { families.iter().map(|family| origin.at(format!("/spec/{}", family.field))).collect() };
    if on.is_empty() && !objects.iter().any(|(object, _)| FAMILIES.iter().any(|family| written(object, family) == Some(true))) {
        return Encryption::none("WireGuard is not switched on".to_owned(), at(&FAMILIES.iter().collect::<Vec<_>>()));
    }
    let off: Vec<&Family> = used.iter().copied().filter(|family| written(default, family) != Some(true)).collect();
    if let Some(family) = off.first().filter(|_| settings.nodes.is_empty()) {
        return Encryption::none(format!("pods have addresses of both families, and {} is not true", family.field), at(&off));
    }
    if let Some(gap) = &settings.nodes_gap {
        return Encryption::unknown(gap.clone());
    }
    if settings.nodes.is_empty() {
        return unknown(
            agent,
            "no node shows whether it has a key",
            "Look at the annotation projectcalico.org/WireguardPublicKey of nodes.",
        );
    }
    // A family that no pod uses carries nothing; which are used is known only when all pods are.
    let asked_for: Vec<&Family> = if used.is_empty() { on.clone() } else { used };
    for family in &asked_for {
        let mut clear: Vec<(&NodeFacts, bool, Option<Evidence>)> = Vec::new();
        for node in settings.nodes.iter() {
            let (on, at) = asked(objects, node, family);
            if !on || !node.annotations.contains_key(family.key) {
                clear.push((node, on, at));
            }
        }
        let names: Vec<&str> = clear.iter().map(|(node, ..)| node.name()).collect();
        if let Some((_, false, place)) = clear.iter().find(|(_, on, _)| !on) {
            let off: Vec<&str> = clear.iter().filter(|(_, on, _)| !on).map(|(node, ..)| node.name()).collect();
            let because = format!("{} is not true for {} of {} nodes ({})", family.field, off.len(), settings.nodes.len(), short(&off));
            return Encryption::none(because, vec![place.clone().unwrap_or_else(|| origin.at(format!("/spec/{}", family.field)))]);
        }
        if let Some((node, ..)) = clear.first() {
            if clear.len() == settings.nodes.len() && !settings.felix_stored {
                // With a datastore of its own, Calico keeps the keys there.
                let why = "no node shows a key: Calico may keep them in a datastore of its own";
                return unknown(agent, why, "Ask calicoctl for the status.wireguardPublicKey of nodes.");
            }
            let because = format!(
                "it is switched on, and {} of {} nodes have no WireGuard key ({}): what goes to them is sent in the clear",
                names.len(),
                settings.nodes.len(),
                short(&names)
            );
            return Encryption::none(because, vec![node.origin.at("/metadata/annotations")]);
        }
    }
    match &settings.pods_gap {
        Some(unseen) if on.len() < FAMILIES.len() => Encryption::unknown(unseen.clone()),
        None if on.len() < FAMILIES.len() && settings.pod_families == [false; 2] => unknown(
            agent,
            "it is switched on for one of IPv4 and IPv6, and no pod shows which of them is in use",
            "Look at wireguardEnabled and wireguardEnabledV6 of the FelixConfiguration default.",
        ),
        _ => Encryption::known("wireguard", at(&on)),
    }
}
