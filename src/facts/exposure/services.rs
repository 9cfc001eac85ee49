use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::load_balancers::{Controller, all_private, is_private};
use super::remedies;
use super::service_entrances::answers_external_ips;
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::workloads::pass::PodGroup;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{SERVICES, WORKLOADS};
use crate::model::{Evidence, ObjectRef};

table! {
    /// One row per Service: how far it publishes the workloads behind it.
    pub struct ServiceRow as "services" counting "Services" from [SERVICES] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
        kind: String, at "/spec/type";
        /// How far it can be reached: `internal`, `node port`, `load balancer`, `external ip` (the farthest of them), or
        /// `external name` where it is only another name for something.
        exposure: &'static str, at "/spec";
        /// Whether it has no address of its own (`clusterIP: None`).
        headless: bool, at "/spec/clusterIP";
        /// Its ports as `port/protocol`, with `name:` before it where it has one and `-> target` where that differs; sorted.
        ports: Vec<String>, at "/spec/ports";
        /// Ports that it opens on every node, as `number/protocol`, sorted.
        node_ports: Vec<String>, at "/spec/ports";
        /// Whether it opens ports on every node: type NodePort, and LoadBalancer unless `allocateLoadBalancerNodePorts` is false.
        opens_node_ports: bool, at "/spec/ports";
        /// `allocateLoadBalancerNodePorts` of a LoadBalancer; unset is true. Null for other types.
        allocates_node_ports: Option<bool>, at "/spec/allocateLoadBalancerNodePorts";
        /// What asks for an internal load balancer: the annotation; empty when nothing known does. Unknown where the controller of AWS
        /// decides and nothing tells it.
        internal_by: Known<String>, at "/metadata/annotations";
        /// Class of the load balancer; empty when none is written.
        load_balancer_class: String, at "/spec/loadBalancerClass";
        /// Addresses and names that the load balancer was given, sorted.
        addresses: Vec<String>, at "/status/loadBalancer/ingress";
        /// Whether it was given addresses, and all of them are of private networks. Unknown where a name stands beside a private one.
        private_addresses: Known<bool>, at "/status/loadBalancer/ingress";
        /// Whether it was given an address that is not of a private network. Of names only those of AWS count that say it.
        public_address: bool, at "/status/loadBalancer/ingress";
        /// Networks from which the load balancer may be used: the field, or the annotation where the field is empty; sorted.
        source_ranges: Vec<String>, at "/spec/loadBalancerSourceRanges";
        /// Whether these leave more than half of the Internet out, in each family of addresses that the Service has. Unknown where an annotation
        /// names security groups (AWS) or further callers (Azure) beside them.
        limits_sources: Known<bool>, at "/spec/loadBalancerSourceRanges";
        /// `externalIPs`: addresses of nobody in particular that every node then answers for; sorted.
        external_ips: Vec<String>, at "/spec/externalIPs";
        /// `externalName`: what it is another name for.
        external_name: String, at "/spec/externalName";
        /// Selector as `key=value`, sorted; empty when endpoints are written by hand.
        selector: Vec<String>, at "/spec/selector";
        /// What keeps strangers away from its load balancer; empty for other types.
        to_change: &'static str, at "/spec/loadBalancerSourceRanges";
        /// Workloads with pods, or templates of pods, that it selects; sorted.
        workloads: Known<Vec<String>>, at "/spec/selector",
            needs [] + WORKLOADS;
    }
}

pub(in crate::facts) const FAMILY: Family = Family { schemas: || vec![ServiceRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

/// Groups of pods by their namespace.
type Groups<'a> = BTreeMap<&'a str, Vec<&'a PodGroup>>;

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut groups = Groups::new();
    for group in context.pods()?.iter().filter(|group| !group.is_finished()) {
        groups.entry(group.namespace()).or_default().push(group);
    }
    let groups = match context.reader.coverage().complete(WORKLOADS) {
        Ok(_) => Known::Known(groups),
        Err(gaps) => Known::Unknown(gaps.first().clone()),
    };
    let mut rows = Vec::new();
    context.reader.each::<Service>(&SERVICES, |service, origin| rows.push(row(service, origin, &groups)))?;
    Ok(rows)
}

fn row(service: Service, origin: Evidence, groups: &Known<Groups<'_>>) -> Row {
    let namespace = service.metadata.namespace.unwrap_or_default();
    let name = service.metadata.name.unwrap_or_default();
    let annotations = service.metadata.annotations.unwrap_or_default();
    let spec = service.spec.unwrap_or(ServiceSpec { ..ServiceSpec::default() });
    // `core/v1` ServiceSpec: unset is ClusterIP.
    let kind = spec.type_.clone().unwrap_or_else(|| "ClusterIP".to_owned());
    let is_load_balancer = kind == "LoadBalancer";
    let allocates_node_ports = is_load_balancer.then(|| spec.allocate_load_balancer_node_ports != Some(false));
    let ports = || spec.ports.iter().flatten();
    let node_ports = sorted_owned(ports().filter_map(|port| Some(format!("{}/{}", port.node_port.filter(|n| *n != 0)?, protocol(port)))));
    let status = service.status.and_then(|status| status.load_balancer).and_then(|status| status.ingress);
    let addresses = sorted_owned(status.iter().flatten().flat_map(|at| at.ip.clone().into_iter().chain(at.hostname.clone())));
    let controller = Controller::of(spec.load_balancer_class.as_deref(), &annotations, &addresses);
    let what = format!("the Service {namespace}/{name}");
    let mut source_ranges = controller.source_ranges(spec.load_balancer_source_ranges.as_ref(), &annotations);
    source_ranges.sort();
    let external_ips = sorted_owned(spec.external_ips.clone().into_iter().flatten());
    let selector = spec.selector.clone().unwrap_or_default();
    let typed = ServiceRow {
        exposure: exposure(&kind, answers_external_ips(&spec)),
        headless: spec.cluster_ip.as_deref() == Some("None"),
        ports: sorted_owned(ports().map(port_text)),
        opens_node_ports: !node_ports.is_empty() || kind == "NodePort" || allocates_node_ports == Some(true),
        node_ports,
        allocates_node_ports,
        internal_by: if is_load_balancer { controller.internal_by(&annotations, &what) } else { Known::Known(String::new()) },
        load_balancer_class: spec.load_balancer_class.clone().unwrap_or_default(),
        to_change: if is_load_balancer {
            remedies::load_balancer(spec.load_balancer_class.as_deref().unwrap_or_default(), &addresses)
        } else {
            ""
        },
        private_addresses: all_private(&addresses, &what),
        public_address: addresses.iter().any(|address| is_private(address) == Some(false)),
        addresses,
        limits_sources: controller.limits_sources(&source_ranges, spec.ip_families.as_deref().unwrap_or_default(), &annotations, &what),
        source_ranges,
        external_ips,
        external_name: spec.external_name.clone().unwrap_or_default(),
        workloads: groups.as_ref().map(|groups| selected(groups.get(namespace.as_str()), &selector)),
        selector: sorted_owned(selector.iter().map(|(key, value)| format!("{key}={value}"))),
        kind,
        namespace: namespace.clone(),
        name: name.clone(),
    };
    let subject = ObjectRef {
        kind: "Service".to_owned(),
        group: String::new(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
        uid: service.metadata.uid,
    };
    Row::new(format!("{namespace}/{name}"), subject, vec![origin], typed)
}

/// An ExternalName is a CNAME of the cluster's DNS: it forwards nothing, and its other fields are without effect.
fn exposure(kind: &str, external_ips: bool) -> &'static str {
    match kind {
        "ExternalName" => "external name",
        _ if external_ips => "external ip",
        "LoadBalancer" => "load balancer",
        "NodePort" => "node port",
        _ => "internal",
    }
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

fn port_text(port: &ServicePort) -> String {
    let name = port.name.as_ref().map(|name| format!("{name}:")).unwrap_or_default();
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) if *number != port.port => format!(" -> {number}"),
        Some(IntOrString::String(name)) => format!(" -> {name}"),
        _ => String::new(),
    };
    format!("{name}{}/{}{target}", port.port, protocol(port))
}

/// A selector that is empty selects nothing (`core/v1` ServiceSpec: endpoints are then somebody else's).
fn selected(groups: Option<&Vec<&PodGroup>>, selector: &BTreeMap<String, String>) -> Vec<String> {
    if selector.is_empty() {
        return Vec::new();
    }
    let matches = |group: &&&PodGroup| selector.iter().all(|(key, value)| group.labels.get(key) == Some(value));
    let workloads: BTreeSet<String> = groups.into_iter().flatten().filter(matches).map(|group| group.workload_text()).collect();
    workloads.into_iter().collect()
}
