//! Services that are reachable from outside by themselves, and what goes through their ports.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::entrances::Entrance;
use crate::facts::Known;
use crate::model::{Unseen, UnseenKind};

type Annotations = BTreeMap<String, String>;

/// Ports that IANA assigns to protocols which are not HTTP and which are met in clusters: what speaks there is no entrance for HTTP.
const OTHER_PROTOCOLS: &[i32] = &[
    21, 22, 25, 53, 88, 104, 110, 111, 143, 389, 445, 465, 514, 587, 636, 873, 989, 990, 993, 995, 1433, 1521, 1812, 1883, 2049, 2181,
    2379, 2380, 2575, 2761, 2762, 3268, 3269, 3306, 3389, 4222, 5060, 5061, 5432, 5671, 5672, 5900, 6379, 6514, 8883, 9042, 9092, 11112,
    27017,
];

/// The entrances that a Service opens: one per TCP port, where something may speak HTTP there.
/// `unjudged` says why what the annotations leave unsaid is not known.
pub(super) fn of_service(service: &Service, unjudged: Option<&Unseen>) -> Vec<Entrance> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    let outside = matches!(kind, "LoadBalancer" | "NodePort") || spec.external_ips.as_ref().is_some_and(|all| !all.is_empty());
    if kind == "ExternalName" || !outside {
        return Vec::new();
    }
    let none = Annotations::new();
    let annotations = service.metadata.annotations.as_ref().unwrap_or(&none);
    let ports = spec.ports.iter().flatten().enumerate();
    ports
        .filter_map(|(number, port)| entrance(service, spec, kind, annotations, number, port))
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
    spec: &ServiceSpec,
    kind: &str,
    annotations: &Annotations,
    number: usize,
    port: &ServicePort,
) -> Option<Entrance> {
    if port.protocol.as_deref().is_some_and(|protocol| protocol != "TCP") {
        return None;
    }
    let (tls, plain, pointer) = if kind == "LoadBalancer" && ends_tls(annotations, port) {
        ("at the load balancer", Known::Known(false), "/metadata/annotations".to_owned())
    } else {
        let at = format!("/spec/ports/{number}");
        match speaks(port) {
            Speaks::Plain => ("", Known::Known(true), at),
            Speaks::Tls => ("by the program", Known::Known(false), at),
            Speaks::Other => return None,
            Speaks::Unknown => ("", unknown(service, port), at),
        }
    };
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref()).and_then(|status| status.ingress.as_ref());
    let addresses = status.into_iter().flatten().flat_map(|at| at.ip.clone().into_iter().chain(at.hostname.clone()));
    Some(Entrance {
        part: port.port.to_string(),
        pointer,
        hosts: addresses.chain(spec.external_ips.iter().flatten().cloned()).collect(),
        tls: tls.to_owned(),
        plain,
    })
}

enum Speaks {
    Plain,
    Tls,
    Other,
    Unknown,
}

/// By the protocol of the application (`core/v1` ServicePort, appProtocol), by the name of the port, and by its number.
fn speaks(port: &ServicePort) -> Speaks {
    let named = |name: &str, word: &str| name == word || name.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'));
    let words = [port.app_protocol.as_deref(), port.name.as_deref()].into_iter().flatten().map(str::to_ascii_lowercase);
    for word in words {
        let word = word.strip_prefix("kubernetes.io/").unwrap_or(&word);
        if ["https", "wss", "tls", "grpcs", "ssl"].iter().any(|tls| named(word, tls)) {
            return Speaks::Tls;
        }
        if ["http", "http2", "h2c", "ws", "web", "grpc", "http1"].iter().any(|plain| named(word, plain)) {
            return Speaks::Plain;
        }
    }
    match port.port {
        80 | 8000 | 8008 | 8080 | 8081 | 8088 => Speaks::Plain,
        443 | 4443 | 8443 | 9443 => Speaks::Tls,
        other if OTHER_PROTOCOLS.contains(&other) => Speaks::Other,
        _ => Speaks::Unknown,
    }
}

/// cloud-provider-aws and the AWS Load Balancer Controller: with a certificate, TLS ends on the ports that are listed by number or name, or
/// on all.
fn ends_tls(annotations: &Annotations, port: &ServicePort) -> bool {
    if !annotations.contains_key("service.beta.kubernetes.io/aws-load-balancer-ssl-cert") {
        return false;
    }
    let listed = annotations.get("service.beta.kubernetes.io/aws-load-balancer-ssl-ports").map(String::as_str).unwrap_or("*");
    let is_this = |word: &str| word == "*" || word == port.port.to_string() || port.name.as_deref() == Some(word);
    listed.split(',').map(str::trim).any(is_this)
}

fn unknown(service: &Service, port: &ServicePort) -> Known<bool> {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) => format!(" (of the pods {number})"),
        Some(IntOrString::String(name)) => format!(" (of the pods {name})"),
        None => String::new(),
    };
    Known::Unknown(Unseen {
        kind: UnseenKind::NotVisible,
        what: format!(
            "whether the port {}{target} of the Service {}/{} serves plain HTTP",
            port.port,
            part(&service.metadata.namespace),
            part(&service.metadata.name)
        ),
        why: "neither its number, its name nor its appProtocol says what goes through it".to_owned(),
        how_to_see: "Ask whether the program speaks TLS there, and set spec.ports[].appProtocol: https or http.".to_owned(),
        source: None,
        missing_rule: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plain(annotations: Value, kind: &str, port: Value) -> Option<Option<bool>> {
        let service = json!({"metadata": {"name": "web", "namespace": "records", "annotations": annotations},
            "spec": {"type": kind, "ports": [port]}});
        let service: Service = serde_json::from_value(service).unwrap();
        of_service(&service, None).first().map(|entrance| entrance.plain.known().copied())
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
            (json!({"port": 5432, "name": "main"}), None),
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
    }
}
