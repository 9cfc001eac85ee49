//! Services that are reachable from outside by themselves, and what goes through their ports.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::entrances::{Behind, Entrance};
use super::load_balancers::{Controller, addresses};
use crate::facts::FactsError;
use crate::facts::Known;
use crate::facts::context::Context;
use crate::model::Unseen;
use crate::model::annotations::{TLS_OF_PROVIDERS, one_of};

type Annotations = BTreeMap<String, String>;

/// Ports that IANA assigns to protocols which are not HTTP and which are met in clusters: what speaks there is no entrance for HTTP.
const OTHER_PROTOCOLS: &[i32] = &[
    21, 22, 25, 53, 88, 104, 110, 111, 143, 389, 445, 465, 514, 587, 636, 873, 989, 990, 993, 995, 1433, 1521, 1812, 1883, 2049, 2181,
    2379, 2380, 2575, 2761, 2762, 3268, 3269, 3306, 3389, 4222, 5060, 5061, 5432, 5671, 5672, 5900, 6379, 6514, 8883, 9042, 9092, 11112,
    27017,
];

/// What stands behind a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// One that answers for itself.
    Own,
    /// One that serves Ingresses or routes of others, which say what is answered.
    ServesRoutes,
}

/// The labels of pods that serve routes of others, by namespace.
pub(super) struct Programs<'a>(BTreeMap<&'a str, Vec<&'a BTreeMap<String, String>>>);

impl<'a> Programs<'a> {
    pub(super) fn of(context: &'a Context<'a>) -> Result<Self, FactsError> {
        let mut all: BTreeMap<&str, Vec<&BTreeMap<String, String>>> = BTreeMap::new();
        for group in context.pods()?.iter().filter(|group| group.serves_routes.is_some() && !group.is_finished()) {
            all.entry(group.namespace()).or_default().push(&group.labels);
        }
        Ok(Self(all))
    }

    pub(super) fn behind(&self, service: &Service) -> Program {
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        let Some(selector) = service.spec.as_ref().and_then(|spec| spec.selector.as_ref()).filter(|selector| !selector.is_empty()) else {
            return Program::Own;
        };
        let selected = |labels: &&&BTreeMap<String, String>| selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        match self.0.get(namespace).into_iter().flatten().find(selected) {
            Some(_) => Program::ServesRoutes,
            None => Program::Own,
        }
    }
}

/// What a port of such a program answers.
pub(super) fn served(what: &str) -> Known<bool> {
    Known::Unknown(Unseen::not_visible(
        format!("whether {what} serves plain HTTP"),
        "a program is behind it that serves Ingresses or routes: these, and its own settings, say what it answers",
        "See what is said of its Ingresses and routes (transmission/ingress-redirect, ingress-tls, gateway-tls), and ask for its own settings.",
    ))
}

/// The entrances that a Service opens: one per TCP port, where something may speak HTTP there.
/// `unjudged` says why what the annotations leave unsaid is not known.
pub(super) fn of_service(service: &Service, behind: Program, unjudged: Option<&Unseen>) -> Vec<Entrance> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    let outside = matches!(kind, "LoadBalancer" | "NodePort") || answers_external_ips(spec);
    if kind == "ExternalName" || !outside {
        return Vec::new();
    }
    let none = Annotations::new();
    let annotations = service.metadata.annotations.as_ref().unwrap_or(&none);
    let ports = spec.ports.iter().flatten().enumerate();
    ports
        .filter_map(|(number, port)| entrance(service, behind, kind, annotations, number, port))
        .map(|mut entrance| {
            if let (Some(unseen), "at the load balancer") = (unjudged, entrance.tls.as_str()) {
                entrance.plain = Known::Unknown(unseen.clone());
            }
            entrance
        })
        .collect()
}

fn entrance(
    service: &Service,
    behind: Program,
    kind: &str,
    annotations: &Annotations,
    number: usize,
    port: &ServicePort,
) -> Option<Entrance> {
    if port.protocol.as_deref().is_some_and(|protocol| protocol != "TCP") {
        return None;
    }
    let of_annotations = || "/metadata/annotations".to_owned();
    let (tls, plain, pointer) = if kind == "LoadBalancer" && ends_tls(Controller::of_service(service), annotations, port) {
        ("at the load balancer", Known::Known(false), of_annotations())
    } else {
        let at = format!("/spec/ports/{number}");
        match speaks(port) {
            Speaks::Plain if behind == Program::ServesRoutes => ("", served(&format!("the Service {}", display(service))), at),
            Speaks::Plain
                if kind == "LoadBalancer"
                    && let Some(name) = tls_of_a_provider(service, annotations) =>
            {
                ("", may_end_tls(service, port, name), of_annotations())
            }
            Speaks::Plain => ("", Known::Known(true), at),
            Speaks::Tls if !leads_to_tls(port) => (
                "",
                unknown(service, port, "by its name or number it is for TLS, and what speaks on the port that it leads to is not said"),
                at,
            ),
            Speaks::Tls => ("by the program", Known::Known(false), at),
            Speaks::Other if leads_to_plain(port) => {
                ("", unknown(service, port, "its number is that of another protocol, and it leads to a port for plain HTTP"), at)
            }
            Speaks::Other => return None,
            Speaks::Unknown => {
                ("", unknown(service, port, "neither its number, its name nor its appProtocol says what goes through it"), at)
            }
        }
    };
    Some(Entrance {
        part: port.port.to_string(),
        pointer,
        hosts: addresses(service)
            .into_iter()
            .chain(service.spec.iter().flat_map(|spec| spec.external_ips.iter().flatten().cloned()))
            .collect(),
        tls: tls.to_owned(),
        plain,
        counts_to: service.metadata.namespace.clone(),
        // What is behind it, whoever joins ways with workloads asks the Service itself.
        behind: Vec::<Behind>::new(),
    })
}

enum Speaks {
    Plain,
    Tls,
    Other,
    Unknown,
}

/// Whether what a port leads to speaks TLS as well, so that nothing ends it on the way: no load balancer or node makes TLS out of a plain
/// port. What the application's protocol is said to be counts more, and so does a name where both ports are one.
fn leads_to_tls(port: &ServicePort) -> bool {
    let of_tls = |number: &i32| TLS_PORTS.contains(number);
    port.app_protocol.is_some()
        || match &port.target_port {
            Some(IntOrString::Int(number)) => *number == port.port || of_tls(number),
            Some(IntOrString::String(name)) => is_named_for(&name.to_ascii_lowercase(), TLS_WORDS),
            None => true,
        }
}

/// Whether the port of the pods is one that is known for plain HTTP.
fn leads_to_plain(port: &ServicePort) -> bool {
    match &port.target_port {
        Some(IntOrString::Int(number)) => PLAIN_PORTS.contains(number),
        Some(IntOrString::String(name)) => is_named_for(&name.to_ascii_lowercase(), PLAIN_WORDS),
        None => false,
    }
}

/// An annotation by which a provider may end TLS, or redirect, at the load balancer.
fn tls_of_a_provider(service: &Service, annotations: &Annotations) -> Option<&'static str> {
    let said = || annotations.iter().filter(|(_, value)| !value.is_empty()).find_map(|(name, _)| one_of(TLS_OF_PROVIDERS, name));
    Controller::of_service(service).may_end_tls().then(said).flatten()
}

/// Whether nodes answer for `externalIPs`: a Service without an address of its own is left out of everything (kube-proxy,
/// ShouldSkipService).
pub(super) fn answers_external_ips(spec: &ServiceSpec) -> bool {
    spec.cluster_ip.as_deref() != Some("None") && spec.external_ips.as_ref().is_some_and(|all| !all.is_empty())
}

const PLAIN_PORTS: &[i32] = &[80, 8000, 8008, 8080, 8081, 8088];
const TLS_PORTS: &[i32] = &[443, 4443, 6443, 8443, 9443, 10443];
const TLS_WORDS: &[&str] = &["https", "wss", "tls", "grpcs", "ssl"];
const PLAIN_WORDS: &[&str] = &["http", "http2", "h2c", "ws", "web", "grpc", "http1"];

/// Whether a name is one of these words, or begins with one and a dash.
fn is_named_for(name: &str, words: &[&str]) -> bool {
    words.iter().any(|word| name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

/// Whether a port of the node that a pod takes serves plain HTTP: by its name, its number, and the number of the container's port.
pub(super) fn of_node_port(name: &str, on_node: i32, in_pod: i32) -> Known<bool> {
    let named = (!name.is_empty()).then(|| name.to_owned());
    let port = |number: i32| ServicePort {
        name: named.clone(),
        port: number,
        target_port: Some(IntOrString::Int(in_pod)),
        ..ServicePort::default()
    };
    let said = match speaks(&port(on_node)) {
        Speaks::Unknown => speaks(&port(in_pod)),
        said => said,
    };
    match said {
        Speaks::Plain => Known::Known(true),
        // The name is that of the pod's own port.
        Speaks::Tls
            if leads_to_tls(&port(on_node)) || (is_named_for(&name.to_ascii_lowercase(), TLS_WORDS) && !PLAIN_PORTS.contains(&in_pod)) =>
        {
            Known::Known(false)
        }
        Speaks::Other => Known::Known(false),
        Speaks::Tls | Speaks::Unknown => Known::Unknown(Unseen::not_visible(
            format!("whether the port {on_node} of the node serves plain HTTP"),
            "neither its number nor its name says what goes through it",
            "Ask whether the program speaks TLS there.",
        )),
    }
}

/// By the protocol of the application (`core/v1` ServicePort, appProtocol), by the name of the port, and by its number.
fn speaks(port: &ServicePort) -> Speaks {
    let words = [port.app_protocol.as_deref(), port.name.as_deref()].into_iter().flatten().map(str::to_ascii_lowercase);
    for word in words {
        let word = word.strip_prefix("kubernetes.io/").unwrap_or(&word);
        if is_named_for(word, TLS_WORDS) {
            return Speaks::Tls;
        }
        if is_named_for(word, PLAIN_WORDS) {
            return Speaks::Plain;
        }
    }
    match port.port {
        plain if PLAIN_PORTS.contains(&plain) => Speaks::Plain,
        tls if TLS_PORTS.contains(&tls) => Speaks::Tls,
        other if OTHER_PROTOCOLS.contains(&other) => Speaks::Other,
        _ => Speaks::Unknown,
    }
}

/// cloud-provider-aws and the AWS Load Balancer Controller: with a certificate, TLS ends on the ports that are listed by number or name, or
/// on all where none are. `*` is every port to the provider, and none to the controller (its annotations of Services, ssl-ports).
fn ends_tls(controller: Controller, annotations: &Annotations, port: &ServicePort) -> bool {
    // An empty one is none.
    if !controller.reads_tls_of_aws() || annotations.get(AWS_CERTIFICATE).is_none_or(String::is_empty) {
        return false;
    }
    let Some(listed) = annotations.get("service.beta.kubernetes.io/aws-load-balancer-ssl-ports") else { return true };
    let every = |word: &str| word == "*" && controller != Controller::Aws;
    let is_this = |word: &str| every(word) || word == port.port.to_string() || port.name.as_deref() == Some(word);
    listed.split(',').map(str::trim).any(is_this)
}

const AWS_CERTIFICATE: &str = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert";

/// Whether the load balancer of a Service ends TLS on some port.
pub(super) fn ends_tls_somewhere(service: &Service) -> bool {
    let spec = service.spec.as_ref().filter(|spec| spec.type_.as_deref() == Some("LoadBalancer"));
    let Some((spec, annotations)) = spec.zip(service.metadata.annotations.as_ref()) else { return false };
    let controller = Controller::of_service(service);
    spec.ports.iter().flatten().any(|port| ends_tls(controller, annotations, port)) || tls_of_a_provider(service, annotations).is_some()
}

fn may_end_tls(service: &Service, port: &ServicePort, name: &str) -> Known<bool> {
    Known::Unknown(Unseen::not_visible(
        format!("whether the port {} of the Service {} serves plain HTTP", port.port, display(service)),
        format!("the load balancer may end TLS or redirect there: {name} is set, and what the provider makes of it is not known here"),
        "Ask for the port over plain HTTP, or look at the listeners of the load balancer.",
    ))
}

fn display(service: &Service) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", part(&service.metadata.namespace), part(&service.metadata.name))
}

fn unknown(service: &Service, port: &ServicePort, why: &str) -> Known<bool> {
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) => format!(" (of the pods {number})"),
        Some(IntOrString::String(name)) => format!(" (of the pods {name})"),
        None => String::new(),
    };
    Known::Unknown(Unseen::not_visible(
        format!("whether the port {}{target} of the Service {} serves plain HTTP", port.port, display(service)),
        why,
        "Ask whether the program speaks TLS there, and set spec.ports[].appProtocol: https or http.",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plain(annotations: Value, kind: &str, port: Value) -> Option<Option<bool>> {
        let service = json!({"metadata": {"name": "web", "namespace": "records", "annotations": annotations},
            "spec": {"type": kind, "ports": [port]}});
        let service: Service = serde_json::from_value(service).unwrap();
        of_service(&service, Program::Own, None).first().map(|entrance| entrance.plain.known().copied())
    }

    #[test]
    fn what_goes_through_a_port() {
        for (port, said) in [
            (json!({"port": 80}), Some(Some(true))),
            (json!({"port": 7000, "name": "http"}), Some(Some(true))),
            (json!({"port": 443, "name": "http-web"}), Some(Some(true))),
            (json!({"port": 80, "appProtocol": "https"}), Some(Some(false))),
            (json!({"port": 7000, "appProtocol": "kubernetes.io/h2c"}), Some(Some(true))),
            (json!({"port": 8443}), Some(Some(false))),
            (json!({"port": 7000, "name": "main"}), Some(None)),
            (json!({"port": 443, "targetPort": 8080}), Some(None)),
            (json!({"port": 443, "name": "https", "targetPort": "http"}), Some(None)),
            (json!({"port": 443, "name": "https", "targetPort": 8443}), Some(Some(false))),
            (json!({"port": 443, "appProtocol": "https", "targetPort": 8080}), Some(Some(false))),
            (json!({"port": 443, "targetPort": 3000}), Some(None)),
            (json!({"port": 443, "name": "https", "targetPort": "app"}), Some(None)),
            (json!({"port": 443, "targetPort": "https-web"}), Some(Some(false))),
            (json!({"port": 443, "targetPort": 443}), Some(Some(false))),
            (json!({"port": 9000, "name": "https", "targetPort": 9000}), Some(Some(false))),
            (json!({"port": 5432, "name": "main"}), None),
            (json!({"port": 5432, "targetPort": 8080}), Some(None)),
            (json!({"port": 5432, "targetPort": 5433}), None),
            (json!({"port": 80, "protocol": "UDP"}), None),
        ] {
            assert_eq!(plain(json!({}), "LoadBalancer", port.clone()), said, "{port}");
            assert_eq!(plain(json!({}), "ClusterIP", port.clone()), None, "{port}");
        }
        let certificate = |ports: &str| {
            json!({"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn",
            "service.beta.kubernetes.io/aws-load-balancer-ssl-ports": ports})
        };
        assert_eq!(plain(certificate("80"), "LoadBalancer", json!({"port": 80})), Some(Some(false)));
        assert_eq!(plain(certificate("443,https"), "LoadBalancer", json!({"port": 80})), Some(Some(true)));
        assert_eq!(plain(certificate("*"), "NodePort", json!({"port": 80})), Some(Some(true)));
        assert_eq!(plain(certificate("*"), "LoadBalancer", json!({"port": 80})), Some(Some(false)));
        let mut of_the_controller = certificate("*");
        of_the_controller["service.beta.kubernetes.io/aws-load-balancer-type"] = json!("external");
        assert_eq!(plain(of_the_controller.clone(), "LoadBalancer", json!({"port": 80})), Some(Some(true)));
        of_the_controller["service.beta.kubernetes.io/aws-load-balancer-ssl-ports"] = json!("80");
        assert_eq!(plain(of_the_controller, "LoadBalancer", json!({"port": 80})), Some(Some(false)));
        let of_digital_ocean = json!({"service.beta.kubernetes.io/do-loadbalancer-redirect-http-to-https": "[redacted]"});
        assert_eq!(plain(of_digital_ocean.clone(), "LoadBalancer", json!({"port": 80})), Some(None));
        assert_eq!(plain(of_digital_ocean, "NodePort", json!({"port": 80})), Some(Some(true)));
    }

    #[test]
    fn what_a_port_of_the_node_serves() {
        for (name, on_node, in_pod, said) in [
            ("", 443, 3000, None),
            ("https", 443, 3000, Some(false)),
            ("https", 443, 8080, None),
            ("", 443, 8443, Some(false)),
            ("", 80, 8443, Some(true)),
            ("", 7000, 5432, Some(false)),
        ] {
            assert_eq!(of_node_port(name, on_node, in_pod).known().copied(), said, "{name} {on_node} {in_pod}");
        }
    }
}
