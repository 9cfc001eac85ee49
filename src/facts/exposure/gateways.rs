use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::published::Way;
use super::routes::{self, Door, Route, Routes};
use crate::facts::context::Context;
use crate::facts::table::read::Odd;
use crate::facts::table::read::Readable;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{GATEWAYS, GRPC_ROUTES, HTTP_ROUTES, NAMESPACES, TCP_ROUTES, TLS_ROUTES, UDP_ROUTES};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per listener of a Gateway and namespace whose routes it carries, counted to that namespace: a Gateway often stands in a
    /// namespace of its own. A listener without routes is one row in the Gateway's namespace.
    pub struct GatewayRow as "gateways" counting "listeners of Gateways, by namespace" from
        [GATEWAYS, HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES, NAMESPACES] {
        /// Namespace of the Gateway.
        namespace: String, at "/metadata/namespace";
        /// Name of the Gateway.
        name: String, at "/metadata/name";
        /// Class of the Gateway.
        class: String, at "/spec/gatewayClassName";
        /// Name of the listener.
        listener: String, at "/spec/listeners";
        /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP` or a protocol of the implementation.
        protocol: String, at "/spec/listeners";
        /// Port.
        port: i64, at "/spec/listeners";
        /// Hostname, perhaps with a wildcard; empty for any host.
        hostname: String, at "/spec/listeners";
        /// `Terminate` or `Passthrough` for listeners with TLS (unset is `Terminate`); empty for others.
        tls_mode: String, at "/spec/listeners";
        /// Where its certificates are, as `Kind namespace/name`, sorted. Secrets themselves are never read.
        certificates: Vec<String>, at "/spec/listeners";
        /// TLS options of the implementation as `name=value`, sorted.
        tls_options: Vec<String>, at "/spec/listeners";
        /// Whether what goes through the listener is encrypted. Unknown for `TCP`, `UDP` and protocols of an implementation: the
        /// listener passes on what it gets, and what that is cannot be seen.
        encrypted: Known<bool>, at "/spec/listeners";
        /// Routes of the row's namespace that attach to it, as `Kind namespace/name`, sorted.
        routes: Vec<String>, needs [HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES, NAMESPACES];
        /// Namespace of these routes; empty when there are none.
        routes_namespace: String, needs [HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES, NAMESPACES];
        /// Whether these are HTTPRoutes of which every rule only redirects to HTTPS.
        only_redirects: bool, needs [HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES, NAMESPACES];
    }
}

pub(in crate::facts) const FAMILY: Family = Family { schemas: || vec![GatewayRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

#[derive(Debug, Deserialize)]
struct Gateway {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: GatewaySpec,
}

impl Readable for Gateway {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GatewaySpec {
    gateway_class_name: String,
    #[serde(default)]
    listeners: Vec<Listener>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listener {
    name: String,
    hostname: Option<String>,
    port: i64,
    protocol: String,
    tls: Option<ListenerTls>,
    allowed_routes: Option<AllowedRoutes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListenerTls {
    mode: Option<String>,
    #[serde(default)]
    certificate_refs: Vec<CertificateRef>,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct CertificateRef {
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
}

#[derive(Debug, Deserialize)]
struct AllowedRoutes {
    namespaces: Option<RouteNamespaces>,
    #[serde(default)]
    kinds: Vec<RouteKind>,
}

#[derive(Debug, Deserialize)]
struct RouteNamespaces {
    from: Option<String>,
    selector: Option<LabelSelector>,
}

#[derive(Debug, Deserialize)]
struct RouteKind {
    kind: String,
}

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    Ok(read(context)?.0)
}

/// The ways in that routes at Gateways open.
pub(super) fn ways(context: &Context<'_>) -> Result<Vec<Way>, FactsError> {
    Ok(read(context)?.1)
}

fn read(context: &Context<'_>) -> Result<(Vec<Row>, Vec<Way>), FactsError> {
    let Routes { all: routes, odd } = routes::read(&context.reader)?;
    let labels = context.namespaces()?.labels();
    let (mut rows, mut ways, mut odd_gateways) = (Vec::new(), Vec::new(), Vec::new());
    let take = |gateway: Gateway, origin: Evidence| {
        for (number, listener) in gateway.spec.listeners.iter().enumerate() {
            let origin = origin.at("");
            rows.extend(of_listener(&gateway, listener, number, &origin, &routes, &labels, &mut ways));
        }
    };
    context.reader.each_or_odd::<Gateway>(&GATEWAYS, take, |one| odd_gateways.push(one))?;
    for gateway in odd_gateways {
        if gateway.name.is_none() {
            context.reader.give_up(&GATEWAYS, gateway);
            continue;
        }
        rows.extend(of_odd(&gateway, &routes, &mut ways));
    }
    for (kind, one) in &odd {
        let about = labels.keys().chain(&one.namespace).filter(|namespace| one.may_be_about(namespace));
        ways.extend(about.map(|namespace| perhaps(namespace, None, one.text(kind), &one.unseen, &one.origin)));
    }
    for route in routes.iter() {
        if let Some(set) = route.listener_set() {
            let unseen = Unseen::not_understood(
                format!("the listeners that carry the {} {}/{}", route.kind, route.namespace, route.name),
                format!("it attaches to the ListenerSet {set}, and ListenerSets are not read"),
                "Look at the listeners by hand: kubectl get listenersets -A -o yaml.",
            );
            ways.extend(route.backends.iter().map(|(of, service)| {
                let text = format!("{} {}/{} at the ListenerSet {set}, Service {service}", route.kind, route.namespace, route.name);
                perhaps(of, Some(service), text, &unseen, &route.origin)
            }));
        }
    }
    Ok((rows, ways))
}

/// A way in of which it is not known whether it is one over plain HTTP.
fn perhaps(namespace: &str, service: Option<&String>, text: String, unseen: &Unseen, origin: &Evidence) -> Way {
    Way {
        namespace: namespace.to_owned(),
        text: if service.is_some() { text } else { format!("perhaps {text}") },
        service: service.cloned(),
        plain: Known::Unknown(unseen.clone()),
        origin: origin.clone(),
    }
}

/// A Gateway that was not understood: routes that name it may be carried by any listener. Without such routes it carries nothing.
fn of_odd(gateway: &Odd, routes: &[Route], ways: &mut Vec<Way>) -> Vec<Row> {
    let (namespace, name) = (gateway.namespace.clone().unwrap_or_default(), gateway.name.clone().unwrap_or_default());
    let mut by_namespace: BTreeMap<&str, Vec<&Route>> = BTreeMap::from([(namespace.as_str(), Vec::new())]);
    for route in routes.iter().filter(|route| route.is_for((&namespace, &name))) {
        by_namespace.entry(&route.namespace).or_default().push(route);
        ways.extend(route.backends.iter().map(|(of, service)| {
            let text = format!("{} {}/{} at the Gateway {namespace}/{name}, Service {service}", route.kind, route.namespace, route.name);
            let plain = if route.only_redirects { Known::Known(false) } else { Known::Unknown(gateway.unseen.clone()) };
            Way { plain, ..perhaps(of, Some(service), text, &gateway.unseen, &route.origin) }
        }));
    }
    let row = |(of, attached): (&str, Vec<&Route>)| {
        let typed = GatewayRow {
            namespace: namespace.clone(),
            name: name.clone(),
            class: String::new(),
            listener: String::new(),
            protocol: String::new(),
            port: 0,
            hostname: String::new(),
            tls_mode: String::new(),
            certificates: Vec::new(),
            tls_options: Vec::new(),
            encrypted: Known::Unknown(gateway.unseen.clone()),
            routes: sorted_owned(attached.iter().map(|route| format!("{} {}/{}", route.kind, route.namespace, route.name))),
            routes_namespace: of.to_owned(),
            only_redirects: !attached.is_empty() && attached.iter().all(|route| route.only_redirects),
        };
        let subject = ObjectRef {
            kind: "Gateway".to_owned(),
            group: "gateway.networking.k8s.io".to_owned(),
            namespace: Some(namespace.clone()),
            name: name.clone(),
            uid: None,
        };
        Row::new(format!("{namespace}/{name}//{of}"), subject, vec![gateway.origin.clone()], typed).in_namespace(Some(of.to_owned()))
    };
    by_namespace.into_iter().map(row).collect()
}

fn of_listener(
    gateway: &Gateway,
    listener: &Listener,
    number: usize,
    origin: &Evidence,
    routes: &[Route],
    labels: &BTreeMap<String, BTreeMap<String, String>>,
    ways: &mut Vec<Way>,
) -> Vec<Row> {
    let namespace = gateway.metadata.namespace.clone().unwrap_or_default();
    let name = gateway.metadata.name.clone().unwrap_or_default();
    let allowed = listener.allowed_routes.as_ref();
    let from = allowed.and_then(|allowed| allowed.namespaces.as_ref());
    let door = Door {
        gateway: (&namespace, &name),
        listener: &listener.name,
        port: listener.port,
        protocol: &listener.protocol,
        hostname: listener.hostname.as_deref().unwrap_or(""),
        from: from.and_then(|from| from.from.as_deref()).unwrap_or("Same"),
        selector: from.and_then(|from| from.selector.as_ref()),
        kinds: allowed.into_iter().flat_map(|allowed| &allowed.kinds).map(|kind| kind.kind.as_str()).collect(),
    };
    let mut by_namespace: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    for route in routes.iter().filter(|route| route.attaches(&door, labels)) {
        by_namespace.entry(&route.namespace).or_default().push(route);
    }
    if by_namespace.is_empty() {
        by_namespace.insert("", Vec::new());
    }
    let encrypted = encrypted(&listener.protocol, &format!("{namespace}/{name}"), &listener.name);
    for route in by_namespace.values().flatten() {
        let plain = if route.only_redirects { Known::Known(false) } else { encrypted.clone().map(|encrypted| !encrypted) };
        ways.extend(route.backends.iter().map(|(of, service)| Way {
            namespace: of.clone(),
            service: Some(service.clone()),
            text: format!(
                "{} {}/{} at the listener {} of the Gateway {namespace}/{name}, Service {service}",
                route.kind, route.namespace, route.name, listener.name
            ),
            plain: plain.clone(),
            origin: route.origin.at("/spec"),
        }));
    }
    let tls = listener.tls.as_ref().filter(|_| encrypted != Known::Known(false));
    let place = origin.at(format!("/spec/listeners/{number}/protocol"));
    let row = |(of, attached): (&str, Vec<&Route>)| {
        let typed = GatewayRow {
            class: gateway.spec.gateway_class_name.clone(),
            listener: listener.name.clone(),
            protocol: listener.protocol.clone(),
            port: listener.port,
            hostname: door.hostname.to_owned(),
            tls_mode: tls.map(|tls| tls.mode.clone().unwrap_or_else(|| "Terminate".to_owned())).unwrap_or_default(),
            certificates: sorted_owned(tls.iter().flat_map(|tls| &tls.certificate_refs).map(|at| {
                let kind = at.kind.as_deref().unwrap_or("Secret");
                format!("{kind} {}/{}", at.namespace.as_deref().unwrap_or(&namespace), at.name)
            })),
            tls_options: sorted_owned(tls.iter().flat_map(|tls| &tls.options).map(|(name, value)| format!("{name}={value}"))),
            encrypted: encrypted.clone(),
            routes: sorted_owned(attached.iter().map(|route| format!("{} {}/{}", route.kind, route.namespace, route.name))),
            routes_namespace: of.to_owned(),
            only_redirects: !attached.is_empty() && attached.iter().all(|route| route.only_redirects),
            namespace: namespace.clone(),
            name: name.clone(),
        };
        let subject = ObjectRef {
            kind: "Gateway".to_owned(),
            group: "gateway.networking.k8s.io".to_owned(),
            namespace: Some(namespace.clone()),
            name: name.clone(),
            uid: gateway.metadata.uid.clone(),
        };
        let counted_to = if of.is_empty() { namespace.clone() } else { of.to_owned() };
        let evidence = || attached.iter().map(|route| route.origin.at("/spec")).take(3);
        Row::new(format!("{namespace}/{name}/{}/{of}", listener.name), subject, vec![origin.clone()], typed)
            .in_namespace(Some(counted_to))
            .related_to(attached.iter().filter_map(|route| route.origin.reading.object.clone()).take(5))
            .evidenced("protocol", [place.clone()])
            .evidenced("encrypted", [place.clone()])
            .evidenced("routes", evidence())
            .evidenced("only_redirects", evidence())
    };
    by_namespace.into_iter().map(row).collect()
}

/// `gateway/v1` ProtocolType.
fn encrypted(protocol: &str, gateway: &str, listener: &str) -> Known<bool> {
    match protocol {
        "HTTPS" | "TLS" => Known::Known(true),
        "HTTP" => Known::Known(false),
        other => Known::Unknown(Unseen::not_visible(
            format!("encryption of what goes through the listener {listener} of the Gateway {gateway}"),
            format!("a listener of the protocol {other} passes on what it gets, and whether that is encrypted cannot be seen"),
            "Ask whether the programs at both ends use TLS, or use a listener of the protocol TLS.",
        )),
    }
}
