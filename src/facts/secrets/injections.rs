use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::bringer::{World, unknown};
use super::classes::CLASS;
use super::providers::{Scheme, scheme};
use crate::facts::context::Context;
use crate::facts::table::read::Readable;
use crate::facts::table::schema::{Row, table};
use crate::facts::workloads::owners::workload_text;
use crate::facts::workloads::secret_uses::{AgentContainer, SecretUse, VAULT_OPERATOR, VaultAgent, Way};
use crate::facts::{FactsError, Known};
use crate::model::sources::{MUTATING_WEBHOOKS, SECRET_PROVIDER_CLASSES, WORKLOADS};
use crate::model::{Evidence, Judged, Unseen};

table! {
    /// One row per way in which the pods of a workload, or its template where it has no pod, ask for secrets that are brought into them: the agent of
    /// Vault (annotation `vault.hashicorp.com/agent-inject`), and each volume of a driver that mounts secrets. Equal pods are one
    /// row; finished ones have none. Templates of controllers of other projects are not among them.
    pub struct SecretInjectionRow as "secret_injections" counting "requests for secrets" from [] + WORKLOADS {
        /// Kind and name of the workload.
        workload: String;
        /// Namespace.
        namespace: String;
        /// `running` for pods, `template` for a controller of which no pod was seen.
        observed_in: &'static str;
        /// Phase of the pods; empty for a template.
        phase: String;
        /// How many pods.
        pods: i64;
        /// `Vault Agent`, or the name of the driver.
        way: String;
        /// The SecretProviderClass that the volume names; empty for others.
        class: String;
        /// Whether it is there: a container of the agent is in the pod, from an image of Vault or OpenBao; the pod runs, which it does not before its
        /// volumes are mounted. Unknown before the pod runs, for templates (unless nothing could bring it), and where an image does not
        /// say what it is.
        there: Known<bool>, needs [SECRET_PROVIDER_CLASSES, MUTATING_WEBHOOKS];
        /// What is there or is not, as a sentence about the workload goes on.
        why: String;
        /// Whether the agent of Vault checks the certificate, as far as annotations say it: false where `tls-skip-verify` is set, or where `service`
        /// is an address with `http://`. Null for volumes.
        verifies_tls: Known<Option<bool>>;
        /// What is told to it, as a sentence about the workload goes on; empty where nothing is wrong.
        told: String;
    }
}

/// The rows of the table.
pub(super) fn rows(context: &Context<'_>, world: &World) -> Result<Vec<Row>, FactsError> {
    let judge = Judge { context, world, changed: changed(context)? };
    Ok(context.secret_uses()?.iter().map(|(of, pods, places)| judge.row(of, pods, places)).collect())
}

#[derive(Debug, Deserialize)]
struct Configuration {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    webhooks: Option<Vec<Webhook>>,
}

impl Readable for Configuration {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
struct Webhook {
    rules: Option<Vec<Rule>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    operations: Option<Vec<String>>,
    api_groups: Option<Vec<String>>,
    resources: Option<Vec<String>>,
}

impl Rule {
    /// Whether it takes pods that are made (`admissionregistration.k8s.io/v1` RuleWithOperations).
    fn takes_new_pods(&self) -> bool {
        let any = |list: &Option<Vec<String>>, words: &[&str]| list.iter().flatten().any(|one| words.contains(&one.as_str()));
        any(&self.operations, &["CREATE", "*"]) && any(&self.api_groups, &["", "*"]) && any(&self.resources, &["pods", "*", "*/*"])
    }
}

/// Whether something may change pods when they are made, by a webhook that the API lists.
fn changed(context: &Context<'_>) -> Result<Known<bool>, FactsError> {
    let mut found = false;
    context.reader.each::<Configuration>(&MUTATING_WEBHOOKS, |configuration, _| {
        found |= configuration.webhooks.iter().flatten().flat_map(|one| one.rules.iter().flatten()).any(Rule::takes_new_pods);
    })?;
    Ok(if found { Known::Known(true) } else { context.reader.known_if_complete(&MUTATING_WEBHOOKS, || false) })
}

struct Judge<'a> {
    context: &'a Context<'a>,
    world: &'a World,
    /// Whether something changes pods when they are made.
    changed: Known<bool>,
}

impl Judge<'_> {
    fn row(&self, of: &SecretUse, pods: i64, places: &[Evidence]) -> Row {
        let namespace = of.workload.namespace.clone().unwrap_or_default();
        let text = workload_text(&of.workload);
        let (way, class) = match &of.way {
            Way::Agent(_) => ("Vault Agent".to_owned(), String::new()),
            Way::Volume { driver, class, .. } => (driver.clone(), class.clone().unwrap_or_default()),
        };
        let part = match &of.way {
            Way::Agent(_) => "agent of Vault".to_owned(),
            Way::Volume { name, .. } => format!("volume {name}"),
        };
        let (there, why) = match &of.way {
            Way::Agent(agent) => self.agent(of, agent, &text),
            Way::Volume { name, driver, class } => self.volume(of, name, driver, class.as_deref(), &text),
        };
        let (verifies_tls, told) = match &of.way {
            Way::Agent(agent) => self.tls(agent, &text),
            Way::Volume { .. } => (Known::Known(None), String::new()),
        };
        let typed = SecretInjectionRow {
            workload: text.clone(),
            observed_in: of.observed_in,
            phase: of.phase.clone(),
            pods,
            way,
            class,
            there,
            why,
            verifies_tls,
            told,
            namespace: namespace.clone(),
        };
        Row::new(format!("{namespace}/{text}/{part}"), of.workload.clone(), places.to_vec(), typed)
    }

    fn agent(&self, of: &SecretUse, agent: &VaultAgent, text: &str) -> (Known<bool>, String) {
        const HOW: &str = "Look at the containers of the pod, and at what the injector of Vault logs.";
        let doubt = |why: &str| {
            (Known::Unknown(unknown(format!("whether {text} has the agent of Vault that it asks for"), why, HOW)), String::new())
        };
        let without = || "asks for the agent of Vault, and ".to_owned();
        match (agent.container, of.observed_in) {
            (AgentContainer::There, "running") => (Known::Known(true), "has the agent of Vault".to_owned()),
            (AgentContainer::Unclear, _) => doubt("a container has the agent's name, and its image is not one of Vault by its name"),
            (AgentContainer::Absent, "running") if !agent.readable => {
                doubt("its annotation agent-inject is a word that the injector does not read")
            }
            (AgentContainer::Absent, "running") => {
                let but = if agent.says_injected { "says that it was put in, but " } else { "" };
                (Known::Known(false), format!("{}{but}no container of it is in the pod", without()))
            }
            // A template holds none of its own: the injector changes pods.
            _ => match &self.changed {
                Known::Known(false) => {
                    (Known::Known(false), format!("{}no webhook that the API lists changes pods when they are made", without()))
                }
                Known::Known(true) => doubt("no pod of it was seen: the agent is put into pods, and not into templates"),
                Known::Unknown(unseen) => (Known::Unknown(unseen.clone()), String::new()),
            },
        }
    }

    fn volume(&self, of: &SecretUse, name: &str, driver: &str, class: Option<&str>, text: &str) -> (Known<bool>, String) {
        if of.observed_in == "running" && of.phase == "Running" {
            // The kubelet starts no container before each volume of the pod is mounted (kubelet, WaitForAttachAndMount).
            return (Known::Known(true), format!("has the volume {name}"));
        }
        let missing = if driver == VAULT_OPERATOR { Known::Known(None) } else { self.missing(of, class) };
        match missing {
            Known::Known(Some(what)) => (Known::Known(false), format!("asks for the volume {name}, and {what}")),
            Known::Known(None) => {
                let why = match of.observed_in {
                    "running" => "the pod does not run, so that its volumes may not be mounted",
                    _ => "no pod of it was seen",
                };
                let how = "Look at the events of the pod (kubectl describe pod), and collect again when it runs.";
                (Known::Unknown(unknown(format!("whether {text} has the volume {name} that it asks for"), why, how)), String::new())
            }
            Known::Unknown(unseen) => (Known::Unknown(unseen), String::new()),
        }
    }

    /// What keeps the driver from mounting anything, where that is seen.
    fn missing(&self, of: &SecretUse, class: Option<&str>) -> Known<Option<String>> {
        const REDACTED: &str = "[redacted]";
        let namespace = of.workload.namespace.as_deref().unwrap_or("");
        let Some(class) = class else {
            return Known::Known(Some("the volume names no SecretProviderClass".to_owned()));
        };
        if class == REDACTED || self.classes(namespace).contains(class) {
            return Known::Known(None);
        }
        self.context
            .reader
            .known_in(namespace, &SECRET_PROVIDER_CLASSES, || Some(format!("there is no SecretProviderClass {class} in its namespace")))
    }

    fn classes(&self, namespace: &str) -> BTreeSet<&str> {
        let here = |own: Option<&str>| own == Some(namespace);
        let read = self.world.stores.iter().filter(|one| one.kind == CLASS && here(one.subject.namespace.as_deref()));
        let odd = self.world.odd_stores.iter().filter(|one| one.kind == CLASS && here(one.odd.namespace.as_deref()));
        read.map(|one| one.subject.name.as_str()).chain(odd.filter_map(|one| one.odd.name.as_deref())).collect()
    }

    /// What annotations tell the agent of the connection. Where they say nothing, it checks, at an address that the injector has (vault-k8s
    /// agent-inject/agent/annotations.go, tlsSkipVerify and AnnotationVaultService).
    fn tls(&self, agent: &VaultAgent, text: &str) -> (Known<Option<bool>>, String) {
        if agent.skips_verify == Some(true) {
            return (Known::Known(Some(false)), "tells the agent of Vault not to check the certificate (tls-skip-verify)".to_owned());
        }
        if let Some(address) = agent.address.as_deref().filter(|address| matches!(scheme(address), Scheme::Http)) {
            return (Known::Known(Some(false)), format!("tells the agent of Vault to use plain HTTP ({address})"));
        }
        // Snapshots of older versions hold neither annotation.
        if let Some(unseen) = self.context.reader.unjudged(Judged::Secrets) {
            return (Known::Unknown(unseen), String::new());
        }
        let unclear = |why: &str| -> Unseen {
            unknown(format!("whether the agent of Vault in {text} checks the certificate"), why, "Look at the annotations of the pod.")
        };
        if agent.skips_verify.is_none() {
            let why = "its annotation tls-skip-verify is a word that the injector does not read";
            return (Known::Unknown(unclear(why)), String::new());
        }
        match agent.address.as_deref().map(scheme) {
            Some(Scheme::Unclear) => {
                let why = "its annotation service is not stored as an address with a scheme that is known here";
                (Known::Unknown(unclear(why)), String::new())
            }
            _ => (Known::Known(Some(true)), String::new()),
        }
    }
}
