//! Gateways of Istio: what a server carries stands in VirtualServices, of any namespace (`networking/v1` Gateway, VirtualService).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::entrances::{Behind, Entrance, ISTIO, Object, Read, VIRTUAL_SERVICE, unknown};
use super::hosts::intersect;
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Known};
use crate::model::Evidence;
use crate::model::sources::{ISTIO_GATEWAYS, VIRTUAL_SERVICES};

#[derive(Debug, Deserialize)]
struct Gateway {
    servers: Vec<Server>,
}

#[derive(Debug, Deserialize)]
struct Server {
    port: ServerPort,
    hosts: Vec<String>,
    tls: Option<ServerTls>,
}

#[derive(Debug, Deserialize)]
struct ServerPort {
    number: i64,
    protocol: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerTls {
    mode: Option<String>,
    https_redirect: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VirtualService {
    hosts: Option<Vec<String>>,
    gateways: Option<Vec<String>>,
    export_to: Option<Vec<String>>,
    http: Option<Vec<Rule>>,
    tls: Option<Vec<Rule>>,
    tcp: Option<Vec<Rule>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(rename = "match")]
    matches: Option<Vec<Match>>,
    redirect: Option<Redirect>,
    direct_response: Option<IgnoredAny>,
    delegate: Option<Delegate>,
    route: Option<Vec<To>>,
}

#[derive(Debug, Deserialize)]
struct Match {
    gateways: Option<Vec<String>>,
    port: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Redirect {
    scheme: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delegate {
    name: String,
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
struct To {
    destination: Destination,
}

#[derive(Debug, Deserialize)]
struct Destination {
    host: String,
}

type All = [(Object<VirtualService>, Evidence)];

/// The rows of Gateways: one per server and namespace to which VirtualServices lead.
pub(super) fn read(read: &mut Read<'_>) -> Result<(), FactsError> {
    let services: Vec<(Object<VirtualService>, Evidence)> = read.objects(&VIRTUAL_SERVICES, &VIRTUAL_SERVICE)?;
    let gateways: Vec<(Object<Gateway>, Evidence)> = read.objects(&ISTIO_GATEWAYS, &ISTIO)?;
    for (gateway, origin) in &gateways {
        for (number, server) in gateway.spec.servers.iter().enumerate() {
            for entrance in of_server(gateway, number, server, &services) {
                read.add(&ISTIO, &ISTIO_GATEWAYS, &gateway.metadata, origin, entrance);
            }
        }
    }
    Ok(())
}

/// What a server does with what comes, apart from what VirtualServices say.
enum Takes {
    /// Plain HTTP.
    Plain,
    /// Nothing that is not encrypted, or only redirects; or it is not known.
    Other(Known<bool>),
}

/// A server of an HTTP protocol is plain unless it only redirects, one with `tls` of another protocol is encrypted, unless it passes on
/// whatever comes for any host.
fn takes(server: &Server, number: usize, hosts: &[String], what: &str) -> Takes {
    let protocol = &server.port.protocol;
    // Unset is PASSTHROUGH.
    let mode = server.tls.as_ref().map(|tls| tls.mode.as_deref().unwrap_or("PASSTHROUGH"));
    // Then a VirtualService may take connections whose name nobody looks at.
    let any_host = hosts.is_empty() || hosts.iter().any(|host| host.rsplit('/').next() == Some("*"));
    Takes::Other(match (protocol.to_ascii_uppercase().as_str(), mode) {
        ("HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB", _) if server.tls.as_ref().is_some_and(|tls| tls.https_redirect == Some(true)) => {
            Known::Known(false)
        }
        ("HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB", _) => return Takes::Plain,
        (_, Some("SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" | "ISTIO_MUTUAL")) => Known::Known(false),
        (_, Some("PASSTHROUGH" | "AUTO_PASSTHROUGH")) if !any_host => Known::Known(false),
        _ => unknown(
            what,
            &format!("its server {} passes on what it gets ({protocol})", number + 1),
            "Ask whether the programs at both ends use TLS.",
        ),
    })
}

fn of_server(gateway: &Object<Gateway>, number: usize, server: &Server, services: &All) -> Vec<Entrance> {
    let hosts = sorted_owned(server.hosts.iter().cloned());
    let takes = takes(server, number, &hosts, &ISTIO.text(&gateway.metadata));
    let door = Door { gateway, hosts: &hosts, port: server.port.number };
    let mut by_namespace: BTreeMap<String, Vec<Behind>> = BTreeMap::new();
    for (service, _) in services.iter().filter(|(service, _)| door.takes(service)) {
        let lists = [&service.spec.http, &service.spec.tls, &service.spec.tcp];
        for rule in lists.into_iter().flat_map(|list| list.iter().flatten()).filter(|rule| door.is_about(rule, service)) {
            for behind in led_to(rule, service, services, &takes) {
                by_namespace.entry(behind.namespace.clone()).or_default().push(behind);
            }
        }
    }
    let entrance = |counts_to: Option<String>, plain: Known<bool>, behind: Vec<Behind>| Entrance {
        // By what it is, because servers change their places.
        part: [server.port.protocol.clone(), server.port.number.to_string(), hosts.join(" "), counts_to.clone().unwrap_or_default()]
            .join(" "),
        pointer: format!("/spec/servers/{number}"),
        hosts: hosts.clone(),
        tls: server.tls.as_ref().map(|tls| tls.mode.as_deref().unwrap_or("PASSTHROUGH")).unwrap_or_default().to_owned(),
        plain,
        counts_to,
        behind,
    };
    if by_namespace.is_empty() {
        return match takes {
            // Nothing is served there.
            Takes::Plain => Vec::new(),
            Takes::Other(plain) => vec![entrance(None, plain, Vec::new())],
        };
    }
    let row = |(namespace, behind): (String, Vec<Behind>)| {
        let plain = match &takes {
            Takes::Plain => Known::Known(behind.iter().any(|one| one.plain == Known::Known(true))),
            Takes::Other(plain) => plain.clone(),
        };
        let named = behind.into_iter().filter(|one| one.service.is_some()).collect();
        entrance(Some(namespace), plain, named)
    };
    by_namespace.into_iter().map(row).collect()
}

/// A server, as VirtualServices name it.
struct Door<'a> {
    gateway: &'a Object<Gateway>,
    hosts: &'a [String],
    port: i64,
}

impl Door<'_> {
    /// Whether a name in a VirtualService means this Gateway: `namespace/name`, or `name` in the namespace of the VirtualService.
    fn is_named(&self, name: &str, service: &Object<VirtualService>) -> bool {
        let (namespace, name) = name.split_once('/').unwrap_or((service.namespace(), name));
        let namespace = if namespace == "." { service.namespace() } else { namespace };
        namespace == self.gateway.namespace() && name == self.gateway.name()
    }

    /// Whether the server takes what the VirtualService says. One that names no Gateway is for the mesh alone.
    fn takes(&self, service: &Object<VirtualService>) -> bool {
        let named = service.spec.gateways.iter().flatten().any(|name| self.is_named(name, service));
        let exported = service.spec.export_to.as_deref().is_none_or(|to| {
            to.is_empty()
                || to.iter().any(|to| match to.as_str() {
                    "*" => true,
                    "." => service.namespace() == self.gateway.namespace(),
                    namespace => namespace == self.gateway.namespace(),
                })
        });
        let of_host = |server: &String| {
            let (namespace, host) = server.split_once('/').unwrap_or(("*", server));
            let namespace_fits = match namespace {
                "*" => true,
                "." => service.namespace() == self.gateway.namespace(),
                namespace => namespace == service.namespace(),
            };
            let any = |host: &str| host == "*";
            namespace_fits && service.spec.hosts.iter().flatten().any(|own| any(host) || any(own) || intersect(host, own))
        };
        named && exported && self.hosts.iter().any(of_host)
    }

    /// Whether a rule is about requests that come through the server.
    fn is_about(&self, rule: &Rule, service: &Object<VirtualService>) -> bool {
        let fits = |one: &Match| {
            let by_gateway =
                one.gateways.as_deref().is_none_or(|all| all.is_empty() || all.iter().any(|name| self.is_named(name, service)));
            by_gateway && one.port.is_none_or(|port| port == self.port)
        };
        rule.matches.as_deref().is_none_or(|all| all.is_empty() || all.iter().any(fits))
    }
}

/// Where a rule leads, and whether over plain HTTP. What a rule answers by itself is the VirtualService's own.
fn led_to(rule: &Rule, service: &Object<VirtualService>, services: &All, takes: &Takes) -> Vec<Behind> {
    if let Some(delegate) = &rule.delegate {
        let namespace = delegate.namespace.as_deref().filter(|name| !name.is_empty()).unwrap_or(service.namespace());
        let found = services.iter().map(|(one, _)| one).find(|one| one.namespace() == namespace && one.name() == delegate.name);
        // A delegate may not name another one.
        let rules = found.into_iter().flat_map(|one| one.spec.http.iter().flatten().map(move |rule| (one, rule)));
        let own = rules.filter(|(_, rule)| rule.delegate.is_none());
        return own.flat_map(|(one, rule)| led_to(rule, one, services, takes)).collect();
    }
    let to_https = rule.redirect.as_ref().is_some_and(|to| to.scheme.as_deref() == Some("https"));
    let plain = match takes {
        Takes::Plain => Known::Known(!to_https),
        Takes::Other(plain) => plain.clone(),
    };
    let places: BTreeSet<(String, Option<String>)> =
        rule.route.iter().flatten().filter_map(|to| place_of(&to.destination.host, service.namespace())).collect();
    if places.is_empty() || rule.direct_response.is_some() {
        return vec![Behind { namespace: service.namespace().to_owned(), service: None, plain }];
    }
    places.into_iter().map(|(namespace, service)| Behind { namespace, service, plain: plain.clone() }).collect()
}

/// The Service that a host stands for: a short name is one of the VirtualService's own namespace, `name.namespace.svc.DOMAIN` is written
/// out. Another name is something outside, or a name that a ServiceEntry gives.
fn place_of(host: &str, own: &str) -> Option<(String, Option<String>)> {
    let mut labels = host.split('.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some(name), None, _) => Some((own.to_owned(), Some(name.to_owned()))),
        (Some(name), Some(namespace), Some("svc")) => Some((namespace.to_owned(), Some(name.to_owned()))),
        _ => None,
    }
}
