//! Workloads that something outside the cluster can reach, with every way in.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;

use super::service_entrances::{Program, Programs, answers_external_ips, of_node_port, of_service, served};
use super::{entrances, gateways, ingresses};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::workloads::pass::PodGroup;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{
    CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, FRONTEND_CONFIGS, GATEWAYS, GRPC_ROUTES, HTTP_PROXIES, HTTP_ROUTES, INGRESS_CLASS_PARAMS,
    INGRESS_CLASS_PARAMS_EKS, INGRESS_CLASSES, INGRESS_NGINX_CONFIG, INGRESS_ROUTE_TCPS, INGRESS_ROUTES, INGRESSES, ISTIO_GATEWAYS, JOBS,
    NAMESPACES, OLD_INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES, OPENSHIFT_ROUTES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES,
    STATEFUL_SETS, TCP_ROUTES, TLS_ROUTES, UDP_ROUTES, VIRTUAL_SERVICES,
};
use crate::model::{Evidence, Judged, ObjectRef, Unseen};

table! {
    /// One row per workload that something outside the cluster can reach: through a Service that is published by itself (a load balancer,
    /// a port of every node, external addresses), an Ingress, a route at a Gateway, a Route of OpenShift, a VirtualService at a Gateway of
    /// Istio, a router of Traefik or an HTTPProxy of Contour, and the Services behind these; or through a port of its own on the nodes.
    /// Where a program that serves routes passes ports on by a ConfigMap, which is not read, every workload may be one, and where a Service
    /// without a selector is published in the clear, whose endpoints somebody else writes.
    pub struct PublishedRow as "published_workloads" counting "published workloads" from
        [SERVICES, INGRESSES, GATEWAYS, HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES, OPENSHIFT_ROUTES, ISTIO_GATEWAYS,
         VIRTUAL_SERVICES, INGRESS_ROUTES, INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES, OLD_INGRESS_ROUTE_TCPS, HTTP_PROXIES, PODS, REPLICA_SETS, DEPLOYMENTS,
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
    /// None where any workload of the namespace may be meant.
    pub(super) service: Option<String>,
    /// What opens it, as a sentence says it.
    pub(super) text: String,
    /// Whether it answers plain HTTP with anything but a redirect.
    pub(super) plain: Known<bool>,
    pub(super) origin: Evidence,
}

/// What a Service leads to.
enum Leads {
    /// To the pods with these labels.
    Selects(BTreeMap<String, String>),
    /// To the Service that its `externalName` is a name of; none for a name of something outside.
    To(Option<(String, String)>),
    /// To endpoints that somebody else writes, which are not read.
    ByHand,
}

type Services = BTreeMap<(String, String), Leads>;

/// Names of Services lead on at most this often.
const HOPS: usize = 4;

impl Leads {
    fn of(service: &Service) -> Self {
        let Some(spec) = &service.spec else { return Self::ByHand };
        if spec.type_.as_deref() == Some("ExternalName") {
            let name = spec.external_name.as_deref().unwrap_or_default().trim_end_matches('.');
            let mut labels = name.split('.').map(str::to_owned);
            return Self::To(match (labels.next(), labels.next(), labels.next().as_deref()) {
                (Some(name), Some(namespace), Some("svc")) => Some((namespace, name)),
                _ => None,
            });
        }
        match spec.selector.clone().unwrap_or_default() {
            selector if selector.is_empty() => Self::ByHand,
            selector => Self::Selects(selector),
        }
    }
}

/// Whom a way leads to.
enum Target<'s> {
    Pods(&'s str, &'s BTreeMap<String, String>),
    /// Perhaps any workload of the namespace.
    Perhaps(&'s str),
    /// Perhaps any workload at all: endpoints that are written by hand may be the addresses of pods of any namespace (CVE-2021-25740).
    Anybody,
    Nobody,
}

fn target<'s>(way: &'s Way, services: &'s Services) -> Target<'s> {
    let Some(service) = &way.service else { return Target::Perhaps(&way.namespace) };
    let mut at = (way.namespace.clone(), service.clone());
    for _ in 0..HOPS {
        match services.get_key_value(&at) {
            Some(((namespace, _), Leads::Selects(selector))) => return Target::Pods(namespace, selector),
            Some((_, Leads::ByHand)) => return Target::Anybody,
            Some((_, Leads::To(Some(next)))) => at = next.clone(),
            Some((_, Leads::To(None))) | None => return Target::Nobody,
        }
    }
    Target::Nobody
}

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut ways = ingresses::ways(context)?;
    ways.extend(gateways::ways(context)?);
    ways.extend(entrances::ways(context)?);
    let mut services = Services::new();
    let unjudged = context.reader.unjudged(Judged::Entrances);
    let programs = Programs::of(context)?;
    context.reader.each::<Service>(&SERVICES, |service, origin| {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let (namespace, name) = (part(&service.metadata.namespace), part(&service.metadata.name));
        ways.extend(by_itself(&service, programs.behind(&service), &namespace, &name, &origin, unjudged.as_ref()));
        services.insert((namespace, name), Leads::of(&service));
    })?;
    ways.extend(passed_on(context)?);
    let on_nodes: Vec<(&PodGroup, Way)> = context.pods()?.iter().filter(|group| !group.is_finished()).flat_map(on_the_nodes).collect();
    let mut by_workload: BTreeMap<&ObjectRef, (Vec<&Evidence>, Vec<&Way>)> = BTreeMap::new();
    for (group, way) in &on_nodes {
        let (origins, found) = by_workload.entry(&group.workload).or_default();
        origins.extend(group.origins.first());
        found.push(way);
    }
    let mut groups: BTreeMap<&str, Vec<&PodGroup>> = BTreeMap::new();
    for group in context.pods()?.iter().filter(|group| !group.is_finished()) {
        groups.entry(group.namespace()).or_default().push(group);
    }
    let namespaces: Vec<&str> = groups.keys().copied().collect();
    let by_hand: Vec<(String, Way)> = ways.iter().flat_map(|way| perhaps(way, &services, &namespaces)).collect();
    let sure = ways.iter().filter_map(|way| match target(way, &services) {
        Target::Pods(namespace, selector) => Some((namespace, Some(selector), way)),
        Target::Perhaps(_) | Target::Anybody | Target::Nobody => None,
    });
    let open = by_hand.iter().map(|(namespace, way)| (namespace.as_str(), None, way));
    for (namespace, selector, way) in sure.chain(open) {
        for group in groups.get(namespace).into_iter().flatten() {
            if selector.into_iter().flatten().all(|(key, value)| group.labels.get(key) == Some(value)) {
                let (origins, found) = by_workload.entry(&group.workload).or_default();
                origins.extend(group.origins.first());
                found.push(way);
            }
        }
    }
    Ok(by_workload.into_iter().filter_map(|(workload, (origins, ways))| row(workload, &origins, &ways)).collect())
}

/// A way of which it is not known to which workloads of which namespaces it leads: where it is not encrypted, any of them may be reached
/// over plain HTTP.
fn perhaps(way: &Way, services: &Services, namespaces: &[&str]) -> Vec<(String, Way)> {
    let target = target(way, services);
    let (among, by_hand) = match &target {
        Target::Perhaps(namespace) => (std::slice::from_ref(namespace), false),
        Target::Anybody => (namespaces, true),
        Target::Pods(..) | Target::Nobody => return Vec::new(),
    };
    let unseen = match &way.plain {
        Known::Known(false) => return Vec::new(),
        Known::Unknown(unseen) if !by_hand => unseen.clone(),
        _ => Unseen::not_visible(
            format!("whom the way in by {} leads to", way.in_its_namespace()),
            "its Service has no selector: whoever writes its endpoints decides, and may write the addresses of pods of any namespace; these are not read",
            format!("Look at the EndpointSlices of the Service (kubectl get endpointslices -n {}).", way.namespace),
        ),
    };
    let text = if way.text.starts_with("perhaps ") { way.text.clone() } else { format!("perhaps {}", way.text) };
    let to = |namespace: &&str| {
        let text = if *namespace == way.namespace { text.clone() } else { format!("{text} of the namespace {}", way.namespace) };
        ((*namespace).to_owned(), Way { plain: Known::Unknown(unseen.clone()), text, ..way.clone() })
    };
    among.iter().map(to).collect()
}

impl Way {
    fn in_its_namespace(&self) -> String {
        format!("{} of the namespace {}", self.text, self.namespace)
    }
}

/// Ports that a program which serves routes passes on to Services as they come, by a ConfigMap that its arguments name and that is not
/// read: they may lead to any workload of any namespace.
fn passed_on(context: &Context<'_>) -> Result<Vec<Way>, FactsError> {
    let mut ways = Vec::new();
    let told = context.pods()?.iter().filter(|group| !group.is_finished());
    for (group, argument) in told.filter_map(|group| Some((group, group.serves_routes?.passes_on?))) {
        let Some(origin) = group.origins.first() else { continue };
        let program = format!("{} of {}", group.workload_text(), group.namespace());
        for namespace in context.namespaces()?.labels().into_keys() {
            let unseen = Unseen::not_visible(
                format!("whom the ports lead to that {program} passes on"),
                format!("its argument --{argument} names a ConfigMap of ports and Services, which is not read"),
                format!("Look at the ConfigMap that --{argument} names, and at which ports the Services in it have."),
            );
            ways.push(Way {
                namespace,
                service: None,
                text: format!("perhaps a port that {program} passes on"),
                plain: Known::Unknown(unseen),
                origin: origin.clone(),
            });
        }
    }
    Ok(ways)
}

/// A Service that is published by itself: each port that may speak HTTP, or the Service as a whole where none does.
fn by_itself(service: &Service, behind: Program, namespace: &str, name: &str, origin: &Evidence, unjudged: Option<&Unseen>) -> Vec<Way> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    let external = answers_external_ips(spec);
    let by = match kind {
        "LoadBalancer" => "a load balancer",
        "NodePort" => "a port of every node",
        "ExternalName" => return Vec::new(),
        _ if external => "external addresses",
        _ => return Vec::new(),
    };
    let way = |text: String, plain: Known<bool>| Way {
        namespace: namespace.to_owned(),
        service: Some(name.to_owned()),
        text,
        plain,
        origin: origin.at("/spec"),
    };
    let entrances = of_service(service, behind, unjudged);
    if entrances.is_empty() {
        return vec![way(format!("Service {name} with {by}"), Known::Known(false))];
    }
    entrances.into_iter().map(|entrance| way(format!("Service {name} with {by}, port {}", entrance.part), entrance.plain)).collect()
}

/// Ports of the nodes that pods take for themselves: `hostPort`, and every port of a pod on the node's network, of which those that are
/// not written down are not seen.
fn on_the_nodes(group: &PodGroup) -> Vec<(&PodGroup, Way)> {
    let Some(origin) = group.origins.first() else { return Vec::new() };
    let way = |text: String, plain: Known<bool>| {
        let namespace = group.namespace().to_owned();
        (group, Way { namespace, service: None, text, plain, origin: origin.clone() })
    };
    let taken = group.ports.iter().filter(|port| port.host_port != 0 && port.protocol == "TCP");
    let mut ways: Vec<(&PodGroup, Way)> = taken
        .map(|port| {
            let plain = of_node_port(&port.name, port.host_port, port.number);
            let plain = if group.serves_routes.is_some() {
                plain.and_then(|plain| if plain { served(&group.workload_text()) } else { Known::Known(false) })
            } else {
                plain
            };
            way(format!("the port {} of the node", port.host_port), plain)
        })
        .collect();
    // A port that is not written down is open all the same (`core/v1` Container, ports).
    if group.host_network {
        let why = match group.ports.is_empty() {
            true => "its pods use the node's network, and write no port down",
            false => "its pods use the node's network, where every port is open that the programs open, written down or not",
        };
        let unseen = Unseen::not_visible(
            format!("whether {} of {} serves plain HTTP on its nodes", group.workload_text(), group.namespace()),
            why,
            "Ask which ports the program opens, and what it speaks there.",
        );
        ways.push(way("ports of the node, which are not written down".to_owned(), Known::Unknown(unseen)));
    }
    ways
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
