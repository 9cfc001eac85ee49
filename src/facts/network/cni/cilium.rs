//! What the agent of Cilium runs with on each node.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::engines::Judged;
use super::settings::{NodeFacts, Settings};
use super::{Encryption, Enforcement};
use crate::facts::agents::Agent;
use crate::facts::custom::Custom;
use crate::facts::labels::{Selector, SelectorFile};
use crate::facts::table::read::Reader;
use crate::facts::times::Change;
use crate::facts::{FactsError, Known};
use crate::model::sources::{CILIUM_CONFIG, CILIUM_NODE_CONFIGS};
use crate::model::{Evidence, Unseen};

/// The settings that decide; each can be set in every one of the places that [`effective`] looks at.
const KEYS: [&str; 5] = ["enable-policy", "policy-audit-mode", "enable-k8s-networkpolicy", "enable-wireguard", "enable-ipsec"];

/// A CiliumNodeConfig: settings for the nodes that it selects. Without a selector it is for no node (`cilium.io/v2`, cnc_types.go).
pub(super) struct NodeConfig {
    namespace: String,
    name: String,
    selector: Option<Selector>,
    defaults: BTreeMap<String, String>,
    changed: Change,
    origin: Evidence,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeConfigSpec {
    defaults: Option<BTreeMap<String, String>>,
    node_selector: Option<SelectorFile>,
}

/// Every CiliumNodeConfig, sorted by name: of those that select a node, the last one wins (pkg/option/resolver).
pub(super) fn node_configs(reader: &Reader<'_>) -> Result<Known<Vec<NodeConfig>>, FactsError> {
    let (mut found, mut odd) = (Vec::new(), None);
    reader.each::<Custom<NodeConfigSpec>>(&CILIUM_NODE_CONFIGS, |object, origin| {
        let Custom { metadata, spec: Some(spec), .. } = object else { return };
        let selector = spec.known.node_selector.as_ref().map(Selector::read).transpose();
        let changed = Change::last(&metadata);
        let name = metadata.name.unwrap_or_default();
        match selector {
            Ok(selector) => found.push(NodeConfig {
                namespace: metadata.namespace.unwrap_or_default(),
                name,
                selector,
                defaults: spec.known.defaults.unwrap_or_default(),
                changed,
                origin,
            }),
            // Those of another namespace than the agents' are nobody's.
            Err(_) if metadata.namespace.as_deref() != Some("kube-system") => {}
            Err(why) => {
                odd = Some(Unseen::not_understood(
                    format!("which nodes the CiliumNodeConfig {name} is for"),
                    why,
                    "Look at its nodeSelector.",
                ));
            }
        }
    })?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(match odd {
        Some(unseen) => Known::Unknown(unseen),
        None => reader.known_in("kube-system", &CILIUM_NODE_CONFIGS, || found),
    })
}

/// A setting in effect, with the place that it has it from.
struct Setting {
    value: String,
    /// The place in words, where it is not the ConfigMap.
    by: Option<String>,
    at: Evidence,
}

/// The settings in effect on one node.
struct OnNode<'s> {
    /// None where the cluster has no nodes to ask.
    node: Option<&'s NodeFacts>,
    settings: BTreeMap<&'static str, Setting>,
}

impl OnNode<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|setting| setting.value.as_str())
    }
}

/// Arguments by which an agent takes its settings from elsewhere (`cilium-dbg build-config`): other objects, annotations
/// `config.cilium.io/…` of nodes, or only some of the keys of each.
const SOURCES: [&str; 3] = ["--source", "--allow-config-keys", "--deny-config-keys"];

/// Where the agent reads what `build-config` has put together.
const CONFIG_DIR: &str = "/tmp/cilium/config-map";

/// For each node: an argument of the agent wins over its environment, that over the CiliumNodeConfigs of its namespace, and these over the
/// ConfigMap (pkg/option/resolver; the agent reads flags and environment by viper). Annotations of nodes count only where an argument
/// says so.
fn effective<'s>(agent: &Agent, settings: &'s Settings) -> Result<Vec<OnNode<'s>>, Unseen> {
    // What stands beside the agent in its pods says nothing for it.
    let agent = &agent.only("cilium-agent");
    let unseen = |why: &str, how: &str| Unseen::not_visible("the settings of Cilium's agents", why, how);
    if agent.namespace() != "kube-system" {
        let why = format!("its agents run in the namespace {}, whose ConfigMap cilium-config is not read", agent.namespace());
        return Err(unseen(&why, "Ask for the settings of its agent."));
    }
    let told = agent.spec.init_containers.iter().flatten().flat_map(|one| one.command.iter().flatten().chain(one.args.iter().flatten()));
    if let Some(word) = told.filter_map(|word| SOURCES.iter().find(|source| word.starts_with(**source))).next() {
        let why = format!("its agents are told by {word} which settings to take, and its value is not stored");
        return Err(unseen(&why, "Ask for the settings of its agent."));
    }
    if agent.option("config-dir").is_some_and(|dir| dir != CONFIG_DIR) {
        return Err(unseen("its agents read another folder than the usual one (--config-dir)", "Ask for the settings of its agent."));
    }
    if let Some(name) = agent.config_map_at(CONFIG_DIR).filter(|name| *name != "cilium-config") {
        let why = format!("its agents mount the ConfigMap {name} as their settings, which is not read");
        return Err(unseen(&why, "Ask for the settings of its agent."));
    }
    let elsewhere = agent.spec.init_containers.iter().flatten().flat_map(|one| one.env.iter().flatten()).find(|variable| {
        variable.name == "CILIUM_K8S_NAMESPACE" && variable.value.as_deref().is_some_and(|value| value != agent.namespace())
    });
    let told = agent.spec.init_containers.iter().flatten().flat_map(|one| one.command.iter().flatten().chain(one.args.iter().flatten()));
    if elsewhere.is_some() || told.into_iter().any(|word| word.starts_with("--k8s-namespace") || word.starts_with("--config-map")) {
        let why = "its agents are told to take their settings from another namespace or ConfigMap";
        return Err(unseen(why, "Ask for the settings of its agent."));
    }
    let (data, origin) = match &settings.cilium {
        Known::Known(Some(map)) => map,
        Known::Known(None) => {
            return Err(unseen("there is no ConfigMap kube-system/cilium-config", "Ask for the settings of its agent."));
        }
        Known::Unknown(unseen) => return Err(unseen.clone()),
    };
    let configs = match &settings.cilium_nodes {
        Known::Known(configs) => configs,
        Known::Unknown(unseen) => return Err(unseen.clone()),
    };
    if let Some(gap) = &settings.nodes_gap {
        return Err(gap.clone());
    }
    // Which of them selected which nodes when the agents started, their present selector does not say.
    settings.is_in_effect(agent, &CILIUM_CONFIG)?;
    for config in configs.iter().filter(|config| config.namespace == agent.namespace()) {
        settings.began_after(agent, &format!("the CiliumNodeConfig {}", config.name), &config.changed, false)?;
    }
    let mut all = Vec::new();
    let nodes: Vec<Option<&NodeFacts>> = settings.nodes.iter().map(Some).collect();
    for node in if nodes.is_empty() { vec![None] } else { nodes } {
        let mut of_node = BTreeMap::new();
        for key in KEYS {
            let mut setting = data.get(key).map(|value| Setting { value: value.clone(), by: None, at: origin.at(format!("/data/{key}")) });
            let none = BTreeMap::new();
            let labels = node.map_or(&none, |node| &node.labels);
            for config in configs.iter().filter(|config| config.namespace == agent.namespace()) {
                if let (Some(selector), Some(value)) = (&config.selector, config.defaults.get(key))
                    && selector.matches(labels)
                {
                    let by = Some(format!("the CiliumNodeConfig {}", config.name));
                    setting = Some(Setting { value: value.clone(), by, at: config.origin.at(format!("/spec/defaults/{key}")) });
                }
            }
            let variable = format!("CILIUM_{}", key.to_ascii_uppercase().replace('-', "_"));
            match agent.env(&variable) {
                None => {}
                Some(Some(value)) => {
                    setting = Some(Setting { value, by: Some(format!("the variable {variable} of its agent")), at: agent.origin.clone() });
                }
                Some(None) => {
                    let why = format!("the variable {variable} of its agent decides, and its value is not stored");
                    return Err(unseen(&why, "Ask for the settings of its agent."));
                }
            }
            if let Some(value) = agent.option(key) {
                setting = Some(Setting { value, by: Some(format!("the argument --{key} of its agent")), at: agent.origin.clone() });
            }
            if let Some(setting) = setting {
                of_node.insert(key, setting);
            }
        }
        all.push(OnNode { node, settings: of_node });
    }
    Ok(all)
}

/// `enable-policy` is `default` unless it is written (`never` switches enforcement off), `policy-audit-mode` lets everything through,
/// `enable-k8s-networkpolicy` is `true` unless it is written.
fn enforcement(on: &OnNode<'_>) -> (Option<Enforcement>, String) {
    let by = |key: &str| on.settings.get(key).and_then(|setting| setting.by.as_ref()).map_or(String::new(), |by| format!(" ({by})"));
    match (on.value("enable-policy"), on.value("policy-audit-mode"), on.value("enable-k8s-networkpolicy")) {
        (Some("never"), _, _) => (Some(Enforcement::NotEnforcing), format!("enable-policy is never{}", by("enable-policy"))),
        (_, Some("true"), _) => {
            (Some(Enforcement::Audit), format!("policy-audit-mode is on{}: what policies deny is let through", by("policy-audit-mode")))
        }
        (_, _, Some("false")) => {
            (Some(Enforcement::NotEnforcing), format!("enable-k8s-networkpolicy is false{}", by("enable-k8s-networkpolicy")))
        }
        (None | Some("default" | "always"), None | Some("false"), None | Some("true")) => {
            let why = "neither enable-policy nor policy-audit-mode nor enable-k8s-networkpolicy switches it off";
            (Some(Enforcement::Enforcing), why.to_owned())
        }
        _ => (None, "a setting of its agents has a value that is not known".to_owned()),
    }
}

/// Whether it enforces NetworkPolicies.
pub(super) fn judge(agent: &Agent, settings: &Settings) -> Judged {
    let nodes = match effective(agent, settings) {
        Ok(nodes) => nodes,
        Err(unseen) => return Judged { because: unseen.why.clone(), enforcement: Known::Unknown(unseen), evidence: Vec::new() },
    };
    let judged: Vec<(Option<Enforcement>, String)> = nodes.iter().map(enforcement).collect();
    let at = |keep: &dyn Fn(Option<Enforcement>) -> bool| -> Vec<Evidence> {
        let mut found: Vec<Evidence> = Vec::new();
        for (node, _) in nodes.iter().zip(&judged).filter(|(_, (one, _))| keep(*one)) {
            for key in &KEYS[..3] {
                found.extend(node.settings.get(key).map(|setting| setting.at.clone()).filter(|at| !found.contains(at)));
            }
        }
        found
    };
    let Some((first, because)) = judged.first().cloned() else {
        return super::engines::unknown(agent.engine, "the cluster has no nodes", "Look at kube-system/cilium-config.");
    };
    if judged.iter().any(|(one, _)| one.is_none()) {
        return super::engines::unknown(agent.engine, "a setting of its agents has a value that is not known", "Look at cilium-config.");
    }
    match first {
        Some(first) if judged.iter().all(|(one, _)| *one == Some(first)) => {
            Judged { enforcement: Known::Known(first), because, evidence: at(&|_| true) }
        }
        _ => {
            let weak = |one: Option<Enforcement>| one != Some(Enforcement::Enforcing);
            let names: Vec<&str> =
                nodes.iter().zip(&judged).filter(|(_, (one, _))| weak(*one)).filter_map(|(on, _)| Some(on.node?.name())).collect();
            let why = judged.iter().find(|(one, _)| weak(*one)).map_or(because, |(_, why)| why.clone());
            let because = format!("on {} of {} nodes ({}): {why}", names.len(), judged.len(), short(&names));
            let enforcement = if names.len() == judged.len() { Enforcement::NotEnforcing } else { Enforcement::Partly };
            Judged { enforcement: Known::Known(enforcement), because, evidence: at(&weak) }
        }
    }
}

/// Whether it encrypts what goes between nodes: the weakest node decides.
pub(super) fn encryption(agent: &Agent, settings: &Settings) -> Encryption {
    let nodes = match effective(agent, settings) {
        Ok(nodes) => nodes,
        Err(unseen) => return Encryption::unknown(unseen),
    };
    if let Some(value) = settings.cilium.known().and_then(Option::as_ref).and_then(|(data, _)| data.get("enable-ztunnel"))
        && value == "true"
    {
        return Encryption::unknown(Unseen::not_visible(
            "whether Cilium encrypts traffic between nodes",
            "enable-ztunnel is true: it encrypts what goes between pods of the namespaces that are enrolled, and no other",
            "Look at the label io.cilium/mtls-enabled of namespaces.",
        ));
    }
    let how = |on: &OnNode<'_>| match (on.value("enable-wireguard"), on.value("enable-ipsec")) {
        (Some("true"), _) => "wireguard",
        (_, Some("true")) => "ipsec",
        _ => "none",
    };
    let at = |on: &OnNode<'_>| -> Vec<Evidence> {
        let written = KEYS[3..].iter().filter_map(|key| on.settings.get(key));
        written.map(|setting| setting.at.clone()).collect()
    };
    let open: Vec<&OnNode<'_>> = nodes.iter().filter(|on| how(on) == "none").collect();
    match (open.first(), nodes.first()) {
        (Some(first), _) => {
            let because = if open.len() == nodes.len() {
                "neither enable-wireguard nor enable-ipsec is true".to_owned()
            } else {
                let names: Vec<&str> = open.iter().filter_map(|on| Some(on.node?.name())).collect();
                format!("neither enable-wireguard nor enable-ipsec is true on {} of {} nodes ({})", names.len(), nodes.len(), short(&names))
            };
            let mut evidence = at(first);
            if let (true, Known::Known(Some((_, origin)))) = (evidence.is_empty(), &settings.cilium) {
                evidence.push(origin.clone());
            }
            Encryption::none(because, evidence)
        }
        (None, Some(first)) => Encryption::known(how(first), at(first)),
        (None, None) => Encryption::unknown(Unseen::not_visible(
            "the settings of Cilium's agents",
            "the cluster has no nodes",
            "Look at cilium-config.",
        )),
    }
}

/// The first few names.
pub(super) fn short(names: &[&str]) -> String {
    const MOST: usize = 3;
    let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{shown}, …") } else { shown }
}
