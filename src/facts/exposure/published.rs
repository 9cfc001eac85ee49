//! Workloads that something outside the cluster can reach, with every way in.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;

use super::service_entrances::of_service;
use super::{gateways, ingresses};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::workloads::pass::PodGroup;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{
    CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, FRONTEND_CONFIGS, GATEWAYS, GRPC_ROUTES, HTTP_ROUTES, INGRESS_CLASS_PARAMS,
    INGRESS_CLASS_PARAMS_EKS, INGRESS_CLASSES, INGRESS_NGINX_CONFIG, INGRESSES, JOBS, NAMESPACES, PODS, REPLICA_SETS,
    REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS, TCP_ROUTES, TLS_ROUTES, UDP_ROUTES,
};
use crate::model::{Evidence, Judged, ObjectRef, Unseen};

table! {
    /// One row per workload that something outside the cluster can reach: through a Service that is published by itself (a load balancer,
    /// a port of every node, external addresses), an Ingress, or a route at a Gateway, and the Services behind these.
    pub struct PublishedRow as "published_workloads" counting "published workloads" from
        [SERVICES, INGRESSES, GATEWAYS, HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES, PODS, REPLICA_SETS, DEPLOYMENTS,
         STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS, REPLICATION_CONTROLLERS, NAMESPACES] {
        /// Namespace of the workload.
        namespace: String, at "";
        /// The workload as `Kind/name`.
        workload: String, at "";
        /// Every way in, such as `Ingress portal, the host portal.clinic.example, Service web`; sorted.
        ways: Vec<String>, at "";
        /// Those of them that answer plain HTTP, sorted.
        plain_ways: Vec<String>, at "";
        /// Whether one of them answers plain HTTP with anything but a redirect. Unknown where none is certain to, and one may.
        plain: Known<bool>, at "",
            needs [INGRESS_CLASSES, INGRESS_CLASS_PARAMS, INGRESS_CLASS_PARAMS_EKS, FRONTEND_CONFIGS, INGRESS_NGINX_CONFIG];
    }
}

pub(in crate::facts) const FAMILY: Family =
    Family { schemas: || vec![PublishedRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

/// A way in, to a Service.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) namespace: String,
    pub(super) service: String,
    /// What opens it, as a sentence says it.
    pub(super) text: String,
    /// Whether it answers plain HTTP with anything but a redirect.
    pub(super) plain: Known<bool>,
    pub(super) origin: Evidence,
}

/// A Service: what it selects.
type Selectors = BTreeMap<(String, String), BTreeMap<String, String>>;

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut ways = ingresses::ways(context)?;
    ways.extend(gateways::ways(context)?);
    let mut selectors = Selectors::new();
    let unjudged = context.reader.unjudged(Judged::Entrances);
    context.reader.each::<Service>(&SERVICES, |service, origin| {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let (namespace, name) = (part(&service.metadata.namespace), part(&service.metadata.name));
        ways.extend(by_itself(&service, &namespace, &name, &origin, unjudged.as_ref()));
        let selector = service.spec.and_then(|spec| spec.selector).unwrap_or_default();
        selectors.insert((namespace, name), selector);
    })?;
    let mut by_workload: BTreeMap<&ObjectRef, (Vec<&Evidence>, Vec<&Way>)> = BTreeMap::new();
    let mut groups: BTreeMap<&str, Vec<&PodGroup>> = BTreeMap::new();
    for group in context.pods()?.iter().filter(|group| !group.is_finished()) {
        groups.entry(group.namespace()).or_default().push(group);
    }
    for way in &ways {
        let Some(selector) = selectors.get(&(way.namespace.clone(), way.service.clone())).filter(|selector| !selector.is_empty()) else {
            continue;
        };
        for group in groups.get(way.namespace.as_str()).into_iter().flatten() {
            if selector.iter().all(|(key, value)| group.labels.get(key) == Some(value)) {
                let (origins, found) = by_workload.entry(&group.workload).or_default();
                origins.extend(group.origins.first());
                found.push(way);
            }
        }
    }
    Ok(by_workload.into_iter().filter_map(|(workload, (origins, ways))| row(workload, &origins, &ways)).collect())
}

/// A Service that is published by itself: each port that may speak HTTP, or the Service as a whole where none does.
fn by_itself(service: &Service, namespace: &str, name: &str, origin: &Evidence, unjudged: Option<&Unseen>) -> Vec<Way> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    let external = spec.external_ips.as_ref().is_some_and(|all| !all.is_empty());
    let by = match kind {
        "LoadBalancer" => "a load balancer",
        "NodePort" => "a port of every node",
        "ExternalName" => return Vec::new(),
        _ if external => "external addresses",
        _ => return Vec::new(),
    };
    let way = |text: String, plain: Known<bool>| Way {
        namespace: namespace.to_owned(),
        service: name.to_owned(),
        text,
        plain,
        origin: origin.at("/spec"),
    };
    let entrances = of_service(service, unjudged);
    if entrances.is_empty() {
        return vec![way(format!("Service {name} with {by}"), Known::Known(false))];
    }
    entrances.into_iter().map(|entrance| way(format!("Service {name} with {by}, port {}", entrance.part), entrance.plain)).collect()
}

fn row(workload: &ObjectRef, origins: &[&Evidence], ways: &[&Way]) -> Option<Row> {
    let origin = (*origins.iter().min()?).clone();
    let namespace = workload.namespace.clone().unwrap_or_default();
    let text = format!("{}/{}", workload.kind, workload.name);
    let is_plain = |way: &&&Way| way.plain == Known::Known(true);
    let unclear = ways.iter().find_map(|way| match &way.plain {
        Known::Unknown(unseen) => Some(unseen.clone()),
        Known::Known(_) => None,
    });
    let plain = match (ways.iter().any(|way| is_plain(&way)), unclear) {
        (true, _) => Known::Known(true),
        (false, Some(unseen)) => Known::Unknown(unseen),
        (false, None) => Known::Known(false),
    };
    let texts = |ways: Vec<&&Way>| {
        let texts: BTreeSet<String> = ways.into_iter().map(|way| way.text.clone()).collect();
        sorted_owned(texts)
    };
    let evidence: BTreeSet<&Evidence> = match plain {
        Known::Known(true) => ways.iter().filter(is_plain).map(|way| &way.origin).collect(),
        _ => ways.iter().map(|way| &way.origin).collect(),
    };
    let typed = PublishedRow {
        namespace: namespace.clone(),
        workload: text.clone(),
        ways: texts(ways.iter().collect()),
        plain_ways: texts(ways.iter().filter(is_plain).collect()),
        plain,
    };
    let evidence: Vec<Evidence> = evidence.into_iter().take(3).cloned().collect();
    Some(
        Row::new(format!("{namespace}/{text}"), workload.clone(), vec![origin], typed)
            .evidenced("ways", evidence.iter().cloned())
            .evidenced("plain", evidence.iter().cloned()),
    )
}
