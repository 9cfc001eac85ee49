//! What answers for webhooks about Kubernetes' own kinds: their Services, and the workloads behind these with what they run as and read.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::webhooks::Configuration;
use crate::facts::context::Context;
use crate::facts::table::read::Readable;
use crate::facts::{FactsError, Known};
use crate::model::Unseen;
use crate::model::sources::{DAEMON_SETS, DEPLOYMENTS, MUTATING_WEBHOOKS, SERVICES, STATEFUL_SETS, VALIDATING_WEBHOOKS};

type Labels = BTreeMap<String, String>;

/// What answers for webhooks in one namespace.
#[derive(Clone, Debug, Default)]
pub(in crate::facts) struct Guard {
    /// Names of the webhooks.
    pub(in crate::facts) webhooks: BTreeSet<String>,
    /// Names of the Services that they name.
    pub(in crate::facts) services: BTreeSet<String>,
    /// Names of the workloads behind these.
    pub(in crate::facts) workloads: BTreeSet<String>,
    /// Service accounts of these.
    pub(in crate::facts) accounts: BTreeSet<String>,
    /// ConfigMaps and Secrets that these mount or take variables from.
    pub(in crate::facts) configs: BTreeSet<String>,
    pub(in crate::facts) secrets: BTreeSet<String>,
    /// Why there may be more workloads.
    pub(in crate::facts) unseen: Option<Unseen>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceSpec {
    selector: Labels,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Vec<String>,
}

/// A Deployment, StatefulSet or DaemonSet, as far as it matters here.
#[derive(Deserialize)]
struct Controller {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    template: Template,
}

#[derive(Deserialize)]
struct Template {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: PodSpec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    service_account_name: Option<String>,
    containers: Vec<Container>,
    init_containers: Vec<Container>,
    volumes: Vec<Mounted>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    env_from: Vec<Mounted>,
    env: Vec<Variable>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Variable {
    value_from: Mounted,
}

/// Where something is taken from, in each of its spellings: a volume, one source of a projected volume, a variable or all of them.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Mounted {
    #[serde(alias = "configMapRef", alias = "configMapKeyRef")]
    config_map: Option<Reference>,
    #[serde(alias = "secretRef", alias = "secretKeyRef")]
    secret: Option<Reference>,
    projected: Option<Projected>,
}

#[derive(Deserialize)]
struct Projected {
    #[serde(default)]
    sources: Vec<Mounted>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default, alias = "secretName")]
    name: String,
}

impl Readable for Service {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Readable for Controller {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Guard {
    fn take(&mut self, name: String, pod: &PodSpec) {
        self.workloads.insert(name);
        self.accounts.insert(pod.service_account_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned()));
        let containers = pod.containers.iter().chain(&pod.init_containers);
        let variables = containers.flat_map(|one| one.env_from.iter().chain(one.env.iter().map(|variable| &variable.value_from)));
        for mounted in variables.chain(&pod.volumes) {
            let projected = mounted.projected.iter().flat_map(|projected| &projected.sources);
            for one in projected.chain([mounted]) {
                self.configs.extend(one.config_map.iter().map(|reference| reference.name.clone()));
                self.secrets.extend(one.secret.iter().map(|reference| reference.name.clone()));
            }
        }
    }
}

/// Namespaces with the Services of webhooks about what Kubernetes itself keeps, whether these are named as such or by a URL.
pub(in crate::facts) fn guards(context: &Context<'_>) -> Result<BTreeMap<String, Guard>, FactsError> {
    let reader = &context.reader;
    let mut services: BTreeMap<(String, String), ServiceSpec> = BTreeMap::new();
    reader.each::<Service>(&SERVICES, |service, _| {
        services.insert((service.metadata.namespace.unwrap_or_default(), service.metadata.name.unwrap_or_default()), service.spec);
    })?;
    let mut guards: BTreeMap<String, Guard> = BTreeMap::new();
    for source in [&VALIDATING_WEBHOOKS, &MUTATING_WEBHOOKS] {
        reader.each::<Configuration>(source, |configuration, _| {
            for webhook in configuration.webhooks.iter().filter(|webhook| webhook.guards_kubernetes()) {
                let place = match webhook.service() {
                    Some((namespace, name, _)) => Some((namespace.to_owned(), name.to_owned())),
                    None => webhook.host().and_then(|host| of_host(host, &services)),
                };
                if let Some((namespace, name)) = place {
                    let guard = guards.entry(namespace).or_default();
                    guard.webhooks.insert(webhook.name.clone());
                    guard.services.insert(name);
                }
            }
        })?;
    }
    let mut complete = Known::Known(());
    for source in [&DEPLOYMENTS, &STATEFUL_SETS, &DAEMON_SETS] {
        reader.each::<Controller>(source, |controller, _| {
            let namespace = controller.metadata.namespace.unwrap_or_default();
            let Some(guard) = guards.get_mut(&namespace) else { return };
            let labels = controller.spec.template.metadata.labels.unwrap_or_default();
            let takes = |name: &String| {
                let selector = services.get(&(namespace.clone(), name.clone())).map(|service| &service.selector);
                selector.is_some_and(|selector| !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
            };
            if guard.services.iter().any(takes) {
                guard.take(controller.metadata.name.unwrap_or_default(), &controller.spec.template.spec);
            }
        })?;
        complete = complete.and_then(|()| reader.known_if_complete(source, || ()));
    }
    for (namespace, guard) in &mut guards {
        guard.unseen = match &complete {
            Known::Unknown(unseen) => Some(unseen.clone()),
            Known::Known(()) => guard.workloads.is_empty().then(|| not_found(namespace)),
        };
    }
    Ok(guards)
}

/// The Service that a host stands for: its name (`name.namespace.svc`), or one of its addresses.
fn of_host(host: &str, services: &BTreeMap<(String, String), ServiceSpec>) -> Option<(String, String)> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if let [name, namespace, "svc", ..] = host.split('.').collect::<Vec<_>>().as_slice() {
        return Some(((*namespace).to_owned(), (*name).to_owned()));
    }
    services.iter().find(|(_, service)| service.cluster_ips.contains(&host)).map(|(place, _)| place.clone())
}

fn not_found(namespace: &str) -> Unseen {
    Unseen::not_visible(
        format!("which objects of the namespace {namespace} belong to what answers for admission webhooks"),
        "a role names objects there, and no Deployment, StatefulSet or DaemonSet stands behind the Service of the webhooks",
        "Compare the names in the role with what answers there.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_reads_is_found_in_every_spelling() {
        let pod: PodSpec = serde_json::from_str(
            r#"{"serviceAccountName":"engine","volumes":[{"name":"a","configMap":{"name":"c1"}},{"name":"b","secret":{"secretName":"s1"}},
            {"name":"c","projected":{"sources":[{"configMap":{"name":"c2"}},{"secret":{"name":"s2"}},{"serviceAccountToken":{"path":"t"}}]}}],
            "initContainers":[{"envFrom":[{"configMapRef":{"name":"c3"}},{"secretRef":{"name":"s3"}}]}],
            "containers":[{"env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"c4","key":"k"}}},
            {"name":"B","valueFrom":{"secretKeyRef":{"name":"s4","key":"k"}}},{"name":"C","value":"v"}]}]}"#,
        )
        .unwrap();
        let mut guard = Guard::default();
        guard.take("engine".to_owned(), &pod);
        let text = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!((text(&guard.configs).as_str(), text(&guard.secrets).as_str()), ("c1 c2 c3 c4", "s1 s2 s3 s4"));
        assert_eq!(text(&guard.accounts), "engine");
    }

    #[test]
    fn a_url_that_names_a_service_is_one_of_it() {
        let mut services = BTreeMap::new();
        let spec = ServiceSpec { cluster_ips: vec!["10.96.3.4".to_owned()], ..ServiceSpec::default() };
        services.insert(("policy".to_owned(), "engine".to_owned()), spec);
        let place = |host: &str| of_host(host, &services).map(|(namespace, name)| format!("{namespace}/{name}"));
        for host in ["engine.policy.svc", "Engine.policy.svc.cluster.local.", "10.96.3.4"] {
            assert_eq!(place(host).as_deref(), Some("policy/engine"), "{host}");
        }
        assert_eq!(place("engine.policy.example.org"), None);
        assert_eq!(place("10.96.3.5"), None);
    }
}
