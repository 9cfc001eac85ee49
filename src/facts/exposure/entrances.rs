use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::service_entrances::of_service;
use crate::facts::context::Context;
use crate::facts::table::read::{Readable, Reader};
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{
    HTTP_PROXIES, INGRESS_ROUTE_TCPS, INGRESS_ROUTES, ISTIO_GATEWAYS, OLD_INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES, OPENSHIFT_ROUTES,
    SERVICES,
};
use crate::model::{Evidence, Judged, ObjectRef, SourceId, Unseen, UnseenKind};

table! {
    /// One row per entrance that an API of its own opens, beside Ingress and Gateway API: a Route of OpenShift, a server of a Gateway of
    /// Istio, an IngressRoute or IngressRouteTCP of Traefik, an HTTPProxy of Contour (a part only where another one
    /// includes it); and a TCP port of a Service that is reachable from outside by itself, unless its number is that of another protocol
    /// than HTTP. What OpenShift made from an Ingress is one too: what is served stands in the Route. A Gateway of Istio serves whatever VirtualServices say, in any namespace, so its rows belong to none.
    pub struct EntranceRow as "entrances" counting "entrances of other APIs" from
        [OPENSHIFT_ROUTES, ISTIO_GATEWAYS, INGRESS_ROUTES, INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES, OLD_INGRESS_ROUTE_TCPS, HTTP_PROXIES, SERVICES] {
        /// Namespace of the object.
        namespace: String, at "/metadata/namespace";
        /// Name of the object.
        name: String, at "/metadata/name";
        /// What opens it: `OpenShift`, `Istio`, `Traefik`, `Contour` or `Service`.
        engine: &'static str, at "/kind";
        /// Hosts that it serves, sorted; empty where they stand in a rule that is not read (Traefik), in another object (a part of an
        /// HTTPProxy), or nowhere.
        hosts: Vec<String>, at "/spec";
        /// TLS in the object's own words, such as `edge`, `SIMPLE`, `tls`; empty for none.
        tls: String, at "/spec";
        /// Whether it answers requests without encryption with anything but a redirect. Unknown where that is decided by settings of the
        /// engine, by another object, or by the programs at both ends.
        plain: Known<bool>, at "/spec";
    }
}

pub(in crate::facts) const FAMILY: Family = Family { schemas: || vec![EntranceRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

/// An object with the part of its spec that is read. What has another shape is not understood, and nothing passes then.
#[derive(Debug, Deserialize)]
struct Object<S> {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: S,
}

impl<S: DeserializeOwned + Send> Readable for Object<S> {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// An object of which only matters that it is there.
type Present = BTreeMap<String, IgnoredAny>;

/// One entrance of an object.
pub(super) struct Entrance {
    /// Tells several of one object apart; part of the key.
    pub(super) part: String,
    /// JSON pointer to what decides.
    pub(super) pointer: String,
    pub(super) hosts: Vec<String>,
    pub(super) tls: String,
    pub(super) plain: Known<bool>,
}

/// A kind of object that opens entrances.
struct Engine {
    name: &'static str,
    kind: &'static str,
    /// Whether its rows belong to the namespace of the object.
    own: bool,
}

const OPENSHIFT: Engine = Engine { name: "OpenShift", kind: "Route", own: true };
const ISTIO: Engine = Engine { name: "Istio", kind: "Gateway", own: false };
const TRAEFIK: Engine = Engine { name: "Traefik", kind: "IngressRoute", own: true };
const TRAEFIK_TCP: Engine = Engine { name: "Traefik", kind: "IngressRouteTCP", own: true };
const SERVICE: Engine = Engine { name: "Service", kind: "Service", own: true };
const CONTOUR: Engine = Engine { name: "Contour", kind: "HTTPProxy", own: true };

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let mut rows = of(reader, &OPENSHIFT_ROUTES, &OPENSHIFT, openshift)?;
    rows.extend(of(reader, &ISTIO_GATEWAYS, &ISTIO, istio)?);
    for (routes, tcp) in [(&INGRESS_ROUTES, &INGRESS_ROUTE_TCPS), (&OLD_INGRESS_ROUTES, &OLD_INGRESS_ROUTE_TCPS)] {
        rows.extend(of(reader, routes, &TRAEFIK, traefik)?);
        rows.extend(of(reader, tcp, &TRAEFIK_TCP, traefik)?);
    }
    rows.extend(proxies(reader)?);
    let unjudged = reader.unjudged(Judged::Entrances);
    reader.each::<Service>(&SERVICES, |service, origin| {
        let found = of_service(&service, unjudged.as_ref());
        rows.extend(found.into_iter().map(|entrance| SERVICE.row(&SERVICES, &service.metadata, &origin, entrance)));
    })?;
    Ok(rows)
}

/// The rows of every object of a source.
fn of<S: DeserializeOwned + Send>(
    reader: &Reader<'_>,
    source: &SourceId,
    engine: &Engine,
    entrances: fn(&S, &str) -> Vec<Entrance>,
) -> Result<Vec<Row>, FactsError> {
    let mut rows = Vec::new();
    reader.each::<Object<S>>(source, |object, origin| {
        let found = entrances(&object.spec, &engine.text(&object.metadata));
        rows.extend(found.into_iter().map(|entrance| engine.row(source, &object.metadata, &origin, entrance)));
    })?;
    Ok(rows)
}

/// The rows of HTTPProxies; a part that no other one includes serves nothing.
fn proxies(reader: &Reader<'_>) -> Result<Vec<Row>, FactsError> {
    let mut all: Vec<(Object<Proxy>, Evidence)> = Vec::new();
    reader.each::<Object<Proxy>>(&HTTP_PROXIES, |object, origin| all.push((object, origin)))?;
    let included: BTreeSet<(Option<&str>, &str)> = all
        .iter()
        .flat_map(|(object, _)| object.spec.includes.iter().flatten().map(|part| (part, object.metadata.namespace.as_deref())))
        .map(|(part, own)| (part.namespace.as_deref().filter(|name| !name.is_empty()).or(own), part.name.as_str()))
        .collect();
    let serves = |object: &Object<Proxy>| {
        let place = (object.metadata.namespace.as_deref(), object.metadata.name.as_deref().unwrap_or_default());
        object.spec.virtualhost.is_some() || included.contains(&place)
    };
    let row = |(object, origin): &(Object<Proxy>, Evidence)| {
        let entrance = contour(&object.spec, &CONTOUR.text(&object.metadata));
        CONTOUR.row(&HTTP_PROXIES, &object.metadata, origin, entrance)
    };
    Ok(all.iter().filter(|(object, _)| serves(object)).map(row).collect())
}

impl Engine {
    fn text(&self, meta: &ObjectMeta) -> String {
        format!("{} {}/{}", self.kind, meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }

    fn row(&self, source: &SourceId, meta: &ObjectMeta, origin: &Evidence, entrance: Entrance) -> Row {
        let (namespace, name) = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        let key = format!("{}/{namespace}/{}/{name}/{}", source.api_group(), self.kind, entrance.part);
        let subject = ObjectRef {
            kind: self.kind.to_owned(),
            group: source.api_group().to_owned(),
            namespace: meta.namespace.clone(),
            name: name.clone(),
            uid: meta.uid.clone(),
        };
        let typed = EntranceRow {
            namespace: namespace.clone(),
            name,
            engine: self.name,
            hosts: sorted_owned(entrance.hosts),
            tls: entrance.tls,
            plain: entrance.plain,
        };
        Row::new(key, subject, vec![origin.clone()], typed)
            .in_namespace(self.own.then_some(namespace))
            .evidenced("plain", [origin.at(entrance.pointer)])
    }
}

fn unknown(what: &str, why: &str, how_to_see: &str) -> Known<bool> {
    Known::Unknown(Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("whether the {what} serves plain HTTP"),
        why: why.to_owned(),
        how_to_see: how_to_see.to_owned(),
        source: None,
        missing_rule: None,
    })
}

#[derive(Debug, Deserialize)]
struct Route {
    host: Option<String>,
    tls: Option<RouteTls>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteTls {
    termination: Option<String>,
    insecure_edge_termination_policy: Option<String>,
}

/// `route/v1` RouteSpec: without `tls` the router serves plain HTTP; with it, plain requests get what `insecureEdgeTerminationPolicy`
/// says, which is nothing when it is not set.
fn openshift(route: &Route, what: &str) -> Vec<Entrance> {
    let said = |tls: &RouteTls| {
        let policy = tls.insecure_edge_termination_policy.as_deref().unwrap_or_default();
        match (policy, tls.termination.as_deref()) {
            ("Allow", _) => Known::Known(true),
            ("" | "None" | "Redirect", Some("edge" | "reencrypt" | "passthrough")) => Known::Known(false),
            _ => unknown(what, "its termination or insecureEdgeTerminationPolicy is none that is known", "Look at the Route by hand."),
        }
    };
    vec![Entrance {
        part: String::new(),
        pointer: if route.tls.is_some() { "/spec/tls/insecureEdgeTerminationPolicy" } else { "/spec/tls" }.to_owned(),
        hosts: route.host.iter().filter(|host| !host.is_empty()).cloned().collect(),
        tls: route.tls.as_ref().and_then(|tls| tls.termination.clone()).unwrap_or_default(),
        plain: route.tls.as_ref().map_or(Known::Known(true), said),
    }]
}

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

/// `networking/v1` Gateway: a server of an HTTP protocol is plain unless it only redirects, one with `tls` of another protocol is
/// encrypted, unless it passes on whatever comes for any host. Which namespaces stand behind a plain one is for VirtualServices to say.
fn istio(gateway: &Gateway, what: &str) -> Vec<Entrance> {
    let server = |(number, server): (usize, &Server)| {
        let protocol = &server.port.protocol;
        // Unset is PASSTHROUGH.
        let mode = server.tls.as_ref().map(|tls| tls.mode.as_deref().unwrap_or("PASSTHROUGH"));
        let hosts = sorted_owned(server.hosts.iter().cloned());
        // Then a VirtualService may take connections whose name nobody looks at.
        let any_host = hosts.is_empty() || hosts.iter().any(|host| host.rsplit('/').next() == Some("*"));
        let plain = match (protocol.to_ascii_uppercase().as_str(), mode) {
            ("HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB", _) if server.tls.as_ref().is_some_and(|tls| tls.https_redirect == Some(true)) => {
                Known::Known(false)
            }
            ("HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB", _) => unknown(
                what,
                &format!("its server {} takes plain HTTP, and what it carries stands in VirtualServices, which are not read", number + 1),
                "Set tls.httpsRedirect: true on the server, or ask what the VirtualServices of this Gateway serve there.",
            ),
            (_, Some("SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" | "ISTIO_MUTUAL")) => Known::Known(false),
            (_, Some("PASSTHROUGH" | "AUTO_PASSTHROUGH")) if !any_host => Known::Known(false),
            _ => unknown(
                what,
                &format!("its server {} passes on what it gets ({protocol})", number + 1),
                "Ask whether the programs at both ends use TLS.",
            ),
        };
        Entrance {
            // By what it is, because servers change their places.
            part: format!("{protocol} {} {}", server.port.number, hosts.join(" ")),
            pointer: format!("/spec/servers/{number}"),
            hosts,
            tls: mode.unwrap_or_default().to_owned(),
            plain,
        }
    };
    gateway.servers.iter().enumerate().map(server).collect()
}

#[derive(Debug, Deserialize)]
struct Router {
    tls: Option<Present>,
}

/// Traefik: a router with `tls` takes encrypted requests only; one without takes what its entry points let in, which may have TLS or a
/// redirect of their own in the static configuration.
fn traefik(router: &Router, what: &str) -> Vec<Entrance> {
    let (tls, plain) = match router.tls {
        Some(_) => ("tls", Known::Known(false)),
        None => (
            "",
            unknown(
                what,
                "it has no tls, and whether its entry points have TLS or a redirect stands in Traefik's own configuration",
                "Ask for Traefik's entryPoints configuration, or set spec.tls.",
            ),
        ),
    };
    vec![Entrance { part: String::new(), pointer: "/spec/tls".to_owned(), hosts: Vec::new(), tls: tls.to_owned(), plain }]
}

#[derive(Debug, Deserialize)]
struct Proxy {
    virtualhost: Option<VirtualHost>,
    routes: Option<Vec<ProxyRoute>>,
    includes: Option<Vec<Include>>,
}

#[derive(Debug, Deserialize)]
struct VirtualHost {
    fqdn: Option<String>,
    tls: Option<Present>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProxyRoute {
    permit_insecure: Option<bool>,
    request_redirect_policy: Option<RedirectPolicy>,
}

#[derive(Debug, Deserialize)]
struct RedirectPolicy {
    scheme: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Include {
    name: String,
    namespace: Option<String>,
}

impl ProxyRoute {
    /// Whether it only sends to HTTPS.
    fn redirects(&self) -> bool {
        self.request_redirect_policy.as_ref().is_some_and(|policy| policy.scheme.as_deref() == Some("https"))
    }
    fn answers_plain(&self) -> bool {
        self.permit_insecure == Some(true) && !self.redirects()
    }
}

/// `projectcontour.io/v1` HTTPProxy: a root (with `virtualhost`) without `tls` serves plain HTTP; with it plain requests are redirected
/// but for routes with `permitInsecure`; a route whose `requestRedirectPolicy` leads to HTTPS serves nothing. What is included into a
/// root follows the root.
fn contour(proxy: &Proxy, what: &str) -> Entrance {
    let tls = proxy.virtualhost.as_ref().is_some_and(|root| root.tls.is_some());
    let routes = proxy.routes.as_deref().unwrap_or_default();
    let open = routes.iter().position(ProxyRoute::answers_plain);
    let only_redirects = !routes.is_empty() && routes.iter().all(ProxyRoute::redirects);
    let includes = proxy.includes.as_ref().is_some_and(|parts| !parts.is_empty());
    let (plain, pointer) = match (&proxy.virtualhost, tls, open) {
        (root, _, Some(route)) if root.is_none() || tls => (Known::Known(true), format!("/spec/routes/{route}/permitInsecure")),
        (Some(_), true, _) => (Known::Known(false), "/spec/virtualhost/tls".to_owned()),
        (Some(_), false, _) if only_redirects && includes => (
            unknown(what, "its own routes only redirect, and what it includes may not", "Look at the HTTPProxies that it includes."),
            "/spec/includes".to_owned(),
        ),
        (Some(_), false, _) => (Known::Known(!only_redirects), "/spec/virtualhost/tls".to_owned()),
        (None, ..) => (
            unknown(
                what,
                "it is a part of another HTTPProxy, whose TLS decides",
                "Look which HTTPProxy includes it, and whether that has TLS.",
            ),
            "/spec/virtualhost".to_owned(),
        ),
    };
    Entrance {
        part: String::new(),
        pointer,
        hosts: proxy.virtualhost.iter().filter_map(|root| root.fqdn.clone()).filter(|host| !host.is_empty()).collect(),
        tls: if tls { "tls".to_owned() } else { String::new() },
        plain,
    }
}
