//! Who answers for a webhook: the Service that it names, and whether a pod behind it is ready.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use crate::facts::context::Context;
use crate::facts::table::read::Readable;
use crate::facts::{FactsError, Known};
use crate::model::sources::{DAEMON_SETS, DEPLOYMENTS, SERVICES, STATEFUL_SETS};
use crate::model::{Evidence, Unseen};

type Labels = BTreeMap<String, String>;
/// Namespace and name.
type Name = (String, String);

/// What stands behind a Service.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    /// Whether a pod is ready to answer.
    pub(super) ready: Known<bool>,
    /// Why nobody answers, in words, where that is known.
    pub(super) why: String,
    /// The workloads that its selector takes, as `Kind/name`, sorted.
    pub(super) workloads: Vec<String>,
    /// Images of their containers, as written.
    pub(super) images: BTreeSet<String>,
    /// Where it stands how many of their pods are ready.
    pub(super) origins: Vec<Evidence>,
}

/// Services, and the workloads whose pods they can lead to.
pub(super) struct Backends {
    services: Known<BTreeMap<Name, ServiceSpec>>,
    workloads: Known<Vec<Workload>>,
    /// Labels of running pods of other controllers, or of none, by namespace.
    others: BTreeMap<String, Vec<Labels>>,
}

struct Workload {
    namespace: String,
    text: String,
    labels: Labels,
    ready: Known<bool>,
    images: BTreeSet<String>,
    origin: Evidence,
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
    r#type: String,
    external_name: String,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Vec<String>,
    selector: Labels,
    ports: Vec<ServicePort>,
}

#[derive(Deserialize)]
struct ServicePort {
    port: i64,
}

/// A Deployment, StatefulSet or DaemonSet, as far as it matters here.
#[derive(Deserialize)]
struct Controller {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Spec {
    replicas: Option<i64>,
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
#[serde(default)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    image: String,
}

/// Counts that are 0 are not written (`apps/v1`), except those that say so: a count that is not there is 0 only where another one
/// shows that counts were collected.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    replicas: Option<i64>,
    ready_replicas: Option<i64>,
    /// Of Deployments: written unless 0.
    unavailable_replicas: Option<i64>,
    /// Of StatefulSets: always written.
    available_replicas: Option<i64>,
    /// Of DaemonSets: always written.
    number_ready: Option<i64>,
    desired_number_scheduled: Option<i64>,
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

impl Controller {
    fn ready(&self) -> Option<bool> {
        let status = &self.status;
        if let Some(ready) = status.number_ready.or(status.ready_replicas) {
            return Some(ready > 0);
        }
        let none = self.spec.replicas == Some(0)
            || status.replicas.is_none_or(|replicas| replicas == 0)
            || status.unavailable_replicas.is_some_and(|pods| pods > 0)
            || status.available_replicas.is_some();
        (none && status.desired_number_scheduled.is_none()).then_some(false)
    }
}

impl Backends {
    pub(super) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let mut services = BTreeMap::new();
        reader.each::<Service>(&SERVICES, |service, _| {
            let metadata = service.metadata;
            services.insert((metadata.namespace.unwrap_or_default(), metadata.name.unwrap_or_default()), service.spec);
        })?;
        let mut workloads = Vec::new();
        let mut complete = Known::Known(());
        for (source, kind) in [(&DEPLOYMENTS, "Deployment"), (&STATEFUL_SETS, "StatefulSet"), (&DAEMON_SETS, "DaemonSet")] {
            reader.each::<Controller>(source, |controller, origin| {
                let name = controller.metadata.name.clone().unwrap_or_default();
                let text = format!("{kind}/{name}");
                let ready = match controller.ready() {
                    Some(ready) => Known::Known(ready),
                    None => Known::Unknown(not_counted(&text)),
                };
                workloads.push(Workload {
                    namespace: controller.metadata.namespace.clone().unwrap_or_default(),
                    labels: controller.spec.template.metadata.labels.clone().unwrap_or_default(),
                    images: controller.spec.template.spec.containers.iter().map(|container| container.image.clone()).collect(),
                    ready,
                    text,
                    origin,
                });
            })?;
            complete = complete.and_then(|()| reader.known_if_complete(source, || ()));
        }
        let mut others: BTreeMap<String, Vec<Labels>> = BTreeMap::new();
        for group in context.pods()?.iter().filter(|group| group.pods > 0 && !group.is_finished()) {
            // Others have kinds that are called so.
            let own = group.workload.group == "apps";
            if !own || !matches!(group.workload.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
                others.entry(group.namespace().to_owned()).or_default().push(group.labels.clone());
            }
        }
        Ok(Self { services: reader.known_if_complete(&SERVICES, || services), workloads: complete.map(|()| workloads), others })
    }

    /// Whether the Service is there.
    pub(super) fn exists(&self, namespace: &str, name: &str) -> Known<bool> {
        self.services.as_ref().map(|services| services.contains_key(&(namespace.to_owned(), name.to_owned())))
    }

    /// The name outside of the cluster's own Services that a Service stands for (`type: ExternalName`): the API server calls that host
    /// (`k8s.io/apiserver/pkg/util/proxy`, ResolveCluster). None for any other Service.
    pub(super) fn external(&self, namespace: &str, name: &str) -> Known<Option<String>> {
        self.services.as_ref().map(|services| {
            let service = services.get(&(namespace.to_owned(), name.to_owned()))?;
            let host = service.external_name.trim_end_matches('.').to_ascii_lowercase();
            let is_own = host == "localhost" || host.ends_with(".svc") || host.contains(".svc.");
            (service.r#type == "ExternalName" && !host.is_empty() && !is_own).then_some(host)
        })
    }

    /// Whether a host is the address or the name (`name.namespace.svc`) of a Service of the cluster that is no name of another host.
    pub(super) fn is_service(&self, host: &str) -> Known<bool> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let labels: Vec<&str> = host.split('.').collect();
        self.services.as_ref().map(|services| {
            let named = match labels.as_slice() {
                [name, namespace, "svc", ..] => services.get(&((*namespace).to_owned(), (*name).to_owned())),
                _ => None,
            };
            let addressed = || services.values().any(|service| service.cluster_ips.contains(&host));
            named.is_some_and(|service| service.r#type != "ExternalName") || addressed()
        })
    }

    /// What stands behind a port of a Service; one that is not there has nothing behind it.
    pub(super) fn of(&self, namespace: &str, name: &str, port: i64) -> Backend {
        let nothing =
            |ready, why: &str| Backend { ready, why: why.to_owned(), workloads: Vec::new(), images: BTreeSet::new(), origins: Vec::new() };
        let (services, workloads) = match (&self.services, &self.workloads) {
            (Known::Known(services), Known::Known(workloads)) => (services, workloads),
            (Known::Unknown(unseen), _) | (_, Known::Unknown(unseen)) => return nothing(Known::Unknown(unseen.clone()), ""),
        };
        let Some(service) = services.get(&(namespace.to_owned(), name.to_owned())) else {
            return nothing(Known::Known(false), "the Service does not exist");
        };
        let is_external = service.r#type == "ExternalName";
        // The server looks for the number among the ports of the Service (ResolveEndpoint, ResolveCluster).
        let has_ports = !is_external && !service.ports.is_empty();
        let no_port = (has_ports && service.ports.iter().all(|one| one.port != port)).then(|| format!("the Service has no port {port}"));
        let selector = &service.selector;
        if selector.is_empty() {
            let why = "it has no selector: its endpoints are written by somebody else and are not read";
            return match no_port {
                Some(why) => nothing(Known::Known(false), &why),
                None => nothing(Known::Unknown(who_answers(namespace, name, why)), ""),
            };
        }
        let takes = |labels: &Labels| selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let mut behind: Vec<&Workload> = workloads.iter().filter(|one| one.namespace == namespace && takes(&one.labels)).collect();
        behind.sort_by(|a, b| a.text.cmp(&b.text));
        let ready = if no_port.is_some() {
            Known::Known(false)
        } else if behind.iter().any(|one| one.ready == Known::Known(true)) {
            Known::Known(true)
        } else if let Some(unseen) = behind.iter().find_map(|one| if let Known::Unknown(unseen) = &one.ready { Some(unseen) } else { None })
        {
            Known::Unknown(unseen.clone())
        } else if self.others.get(namespace).is_some_and(|pods| pods.iter().any(takes)) {
            let why = "its pods belong to no Deployment, StatefulSet or DaemonSet, and whether a single pod is ready is not collected";
            Known::Unknown(who_answers(namespace, name, why))
        } else {
            Known::Known(false)
        };
        Backend {
            ready,
            why: no_port.unwrap_or_else(|| "no pod behind it is ready".to_owned()),
            workloads: behind.iter().map(|one| one.text.clone()).collect(),
            images: behind.iter().flat_map(|one| one.images.clone()).collect(),
            origins: behind.iter().map(|one| one.origin.at("/status")).collect(),
        }
    }
}

fn who_answers(namespace: &str, name: &str, why: &str) -> Unseen {
    Unseen::not_visible(
        format!("whether a pod answers for the Service {namespace}/{name}"),
        why.to_owned(),
        format!("Look at kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}."),
    )
}

fn not_counted(workload: &str) -> Unseen {
    Unseen::not_visible(
        format!("how many pods of {workload} are ready"),
        "its status does not say: the snapshot was taken by a version that did not collect it, or its controller has not counted yet",
        "Collect again with this version.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(json: &str) -> Option<bool> {
        let controller: Controller = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"));
        controller.ready()
    }

    #[test]
    fn a_count_that_is_not_there_is_zero_only_where_counts_were_collected() {
        let with =
            |replicas: &str, status: &str| ready(&format!(r#"{{"spec":{{"replicas":{replicas},"template":{{}}}},"status":{status}}}"#));
        assert_eq!(with("3", r#"{"replicas":3,"readyReplicas":1}"#), Some(true));
        assert_eq!(with("3", r#"{"replicas":3,"unavailableReplicas":3}"#), Some(false));
        assert_eq!(with("3", r#"{"replicas":3}"#), None, "an old snapshot");
        assert_eq!(with("3", r#"{"replicas":3,"availableReplicas":0}"#), Some(false), "a StatefulSet");
        assert_eq!(with("0", "{}"), Some(false));
        assert_eq!(with("3", "{}"), Some(false), "no pod was made yet");
        assert_eq!(ready(r#"{"spec":{"template":{}},"status":{"desiredNumberScheduled":2,"numberReady":0}}"#), Some(false));
        assert_eq!(ready(r#"{"spec":{"template":{}},"status":{"desiredNumberScheduled":2}}"#), None);
    }
}
