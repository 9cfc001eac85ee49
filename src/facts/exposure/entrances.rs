use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::facts::containers::sorted_owned;
use crate::facts::context::Context;
use crate::facts::read::{Readable, Reader};
use crate::facts::schema::{Row, TableRow, table};
use crate::facts::sources::{
    HTTP_PROXIES, INGRESS_ROUTE_TCPS, INGRESS_ROUTES, ISTIO_GATEWAYS, OLD_INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES, OPENSHIFT_ROUTES,
};
use crate::facts::{FactsError, Family, Known};
use crate::model::{Evidence, ObjectRef, SourceId, Unseen, UnseenKind};

table! {
    /// One row per entrance that an API of its own opens, beside Ingress and Gateway API: a Route of OpenShift, a server of a Gateway of
    /// Istio, an IngressRoute or IngressRouteTCP of Traefik, an HTTPProxy of Contour (a part only where another one
    /// includes it). What OpenShift made from an Ingress is one too: what is served stands in the Route. A Gateway of Istio serves whatever VirtualServices say, in any namespace, so its rows belong to none.
    pub struct EntranceRow as "entrances" counting "entrances of other APIs" from
        [OPENSHIFT_ROUTES, ISTIO_GATEWAYS, INGRESS_ROUTES, INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES, OLD_INGRESS_ROUTE_TCPS, HTTP_PROXIES] {
        /// Namespace of the object.
        namespace: String, at "/metadata/namespace";
        /// Name of the object.
        name: String, at "/metadata/name";
        /// What opens it: `OpenShift`, `Istio`, `Traefik` or `Contour`.
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

pub(in crate::facts) const FAMILY: Family = Family { schemas: || vec![EntranceRow::schema()], rows: |context| Ok(vec![rows(context)?]) };

/// Any of the objects: every kind is read by its own function.
#[derive(Debug, Deserialize)]
struct Object {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Value,
}

impl Readable for Object {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// One entrance of an object.
struct Entrance {
    /// Tells several of one object apart; part of the key.
    part: String,
    /// JSON pointer to what decides.
    pointer: String,
    hosts: Vec<String>,
    tls: String,
    plain: Known<bool>,
}

type Read = fn(&Object, &str) -> Vec<Entrance>;

/// Source, engine, kind, whether its rows belong to the namespace of the object, and how it is read.
const KINDS: [(&SourceId, &str, &str, bool, Read); 7] = [
    (&OPENSHIFT_ROUTES, "OpenShift", "Route", true, openshift),
    (&ISTIO_GATEWAYS, "Istio", "Gateway", false, istio),
    (&INGRESS_ROUTES, "Traefik", "IngressRoute", true, traefik),
    (&INGRESS_ROUTE_TCPS, "Traefik", "IngressRouteTCP", true, traefik),
    (&OLD_INGRESS_ROUTES, "Traefik", "IngressRoute", true, traefik),
    (&OLD_INGRESS_ROUTE_TCPS, "Traefik", "IngressRouteTCP", true, traefik),
    (&HTTP_PROXIES, "Contour", "HTTPProxy", true, contour),
];

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut rows = Vec::new();
    let included = included(&context.reader)?;
    for (source, engine, kind, own, read) in KINDS {
        let place = Place { reader: &context.reader, source, engine, kind, own, included: &included };
        place.reader.each::<Object>(source, |object, origin| rows.extend(place.rows(&object, &origin, read)))?;
    }
    Ok(rows)
}

/// Namespace and name of every HTTPProxy that another one includes.
fn included(reader: &Reader<'_>) -> Result<BTreeSet<(String, String)>, FactsError> {
    let mut all = BTreeSet::new();
    reader.each::<Object>(&HTTP_PROXIES, |object, _| {
        let own = object.metadata.namespace.unwrap_or_default();
        for part in object.spec.get("includes").and_then(Value::as_array).into_iter().flatten() {
            let namespace = Some(text(part, "/namespace")).filter(|name| !name.is_empty()).unwrap_or_else(|| own.clone());
            all.insert((namespace, text(part, "/name")));
        }
    })?;
    Ok(all)
}

struct Place<'a> {
    reader: &'a Reader<'a>,
    /// Parts that nothing includes serve nothing.
    included: &'a BTreeSet<(String, String)>,
    source: &'a SourceId,
    engine: &'static str,
    kind: &'static str,
    own: bool,
}

impl Place<'_> {
    fn rows(&self, object: &Object, origin: &Evidence, read: Read) -> Vec<Row> {
        let (namespace, name) = (object.metadata.namespace.clone().unwrap_or_default(), object.metadata.name.clone().unwrap_or_default());
        let what = format!("{} {namespace}/{name}", self.kind);
        if !object.spec.is_object() {
            self.reader.doubt(self.source, format!("the spec of the {what}"), "the object came without one", "Look at the object by hand.");
            return Vec::new();
        }
        let is_part = *self.source == HTTP_PROXIES && !object.spec.get("virtualhost").is_some_and(Value::is_object);
        if is_part && !self.included.contains(&(namespace.clone(), name.clone())) {
            return Vec::new();
        }
        let subject = ObjectRef {
            kind: self.kind.to_owned(),
            group: self.source.api_group().to_owned(),
            namespace: object.metadata.namespace.clone(),
            name: name.clone(),
            uid: object.metadata.uid.clone(),
        };
        let row = |entrance: Entrance| {
            let typed = EntranceRow {
                namespace: namespace.clone(),
                name: name.clone(),
                engine: self.engine,
                hosts: sorted_owned(entrance.hosts),
                tls: entrance.tls,
                plain: entrance.plain,
            };
            let key = format!("{}/{namespace}/{}/{name}/{}", self.source.api_group(), self.kind, entrance.part);
            let counted_to = self.own.then(|| namespace.clone());
            Row::new(key, subject.clone(), vec![origin.clone()], typed)
                .in_namespace(counted_to)
                .evidenced("plain", [origin.at(entrance.pointer)])
        };
        read(object, &what).into_iter().map(row).collect()
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned()
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

/// `route/v1` RouteSpec: without `tls` the router serves plain HTTP; with it, plain requests get what `insecureEdgeTerminationPolicy`
/// says, which is nothing when it is not set.
fn openshift(object: &Object, what: &str) -> Vec<Entrance> {
    let tls = object.spec.get("tls").filter(|tls| tls.is_object());
    let termination = text(&object.spec, "/tls/termination");
    let policy = tls.map(|_| text(&object.spec, "/tls/insecureEdgeTerminationPolicy"));
    let plain = match (policy.as_deref(), termination.as_str()) {
        (None | Some("Allow"), _) => Known::Known(true),
        (Some("" | "None" | "Redirect"), "edge" | "reencrypt" | "passthrough") => Known::Known(false),
        (Some(_), _) => {
            unknown(what, "its termination or insecureEdgeTerminationPolicy is none that is known", "Look at the Route by hand.")
        }
    };
    let pointer = if tls.is_some() { "/spec/tls/insecureEdgeTerminationPolicy" } else { "/spec/tls" };
    let host = text(&object.spec, "/host");
    vec![Entrance {
        part: String::new(),
        pointer: pointer.to_owned(),
        hosts: (!host.is_empty()).then_some(host).into_iter().collect(),
        tls: termination,
        plain,
    }]
}

/// `networking/v1` Gateway: a server of an HTTP protocol is plain unless it only redirects, one with `tls` of another protocol is
/// encrypted, unless it passes on whatever comes for any host. Which namespaces stand behind a plain one is for VirtualServices to say.
fn istio(object: &Object, what: &str) -> Vec<Entrance> {
    let servers = object.spec.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let server = |(number, server): (usize, &Value)| {
        let protocol = text(server, "/port/protocol");
        let mode = text(server, "/tls/mode");
        let redirects = server.pointer("/tls/httpsRedirect") == Some(&Value::Bool(true));
        let with_tls = server.get("tls").is_some_and(Value::is_object);
        let hosts = server.get("hosts").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let hosts = sorted_owned(hosts);
        // Unset is PASSTHROUGH. For any host, a VirtualService may take connections whose name nobody looks at.
        let any_host = hosts.iter().any(|host| host.rsplit('/').next() == Some("*"));
        let looks = !(any_host && matches!(mode.as_str(), "" | "PASSTHROUGH" | "AUTO_PASSTHROUGH"));
        let plain = match protocol.to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" if redirects => Known::Known(false),
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" => unknown(
                what,
                &format!("its server {} takes plain HTTP, and what it carries stands in VirtualServices, which are not read", number + 1),
                "Set tls.httpsRedirect: true on the server, or ask what the VirtualServices of this Gateway serve there.",
            ),
            _ if with_tls && looks => Known::Known(false),
            _ => unknown(
                what,
                &format!("its server {} passes on what it gets ({protocol})", number + 1),
                "Ask whether the programs at both ends use TLS.",
            ),
        };
        let port = server.pointer("/port/number").map(ToString::to_string).unwrap_or_default();
        Entrance {
            // By what it is, because servers change their places.
            part: format!("{protocol} {port} {}", hosts.join(" ")),
            pointer: format!("/spec/servers/{number}"),
            hosts,
            tls: mode,
            plain,
        }
    };
    servers.iter().enumerate().map(server).collect()
}

/// Traefik: a router with `tls` takes encrypted requests only; one without takes what its entry points let in, which may have TLS or a
/// redirect of their own in the static configuration.
fn traefik(object: &Object, what: &str) -> Vec<Entrance> {
    let tls = object.spec.get("tls").is_some_and(Value::is_object);
    let plain = if tls {
        Known::Known(false)
    } else {
        unknown(
            what,
            "it has no tls, and whether its entry points have TLS or a redirect stands in Traefik's own configuration",
            "Ask for Traefik's entryPoints configuration, or set spec.tls.",
        )
    };
    let tls = if tls { "tls".to_owned() } else { String::new() };
    vec![Entrance { part: String::new(), pointer: "/spec/tls".to_owned(), hosts: Vec::new(), tls, plain }]
}

/// `projectcontour.io/v1` HTTPProxy: a root (with `virtualhost`) without `tls` serves plain HTTP; with it plain requests are redirected
/// but for routes with `permitInsecure`; a route whose `requestRedirectPolicy` leads to HTTPS serves nothing. What is included into a
/// root follows the root.
fn contour(object: &Object, what: &str) -> Vec<Entrance> {
    let root = object.spec.get("virtualhost").filter(|host| host.is_object());
    let tls = root.and_then(|root| root.get("tls")).is_some_and(Value::is_object);
    let routes = object.spec.get("routes").and_then(Value::as_array);
    let redirects = |route: &Value| text(route, "/requestRedirectPolicy/scheme") == "https";
    let permits = |route: &Value| route.get("permitInsecure") == Some(&Value::Bool(true)) && !redirects(route);
    let open = routes.and_then(|routes| routes.iter().position(permits));
    let only_redirects = routes.is_some_and(|routes| !routes.is_empty() && routes.iter().all(redirects));
    let includes = object.spec.get("includes").and_then(Value::as_array).is_some_and(|parts| !parts.is_empty());
    let (plain, pointer) = match (root, tls, open) {
        (_, _, Some(route)) if root.is_none() || tls => (Known::Known(true), format!("/spec/routes/{route}/permitInsecure")),
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
    let host = root.map(|root| text(root, "/fqdn")).filter(|host| !host.is_empty());
    let tls = if tls { "tls".to_owned() } else { String::new() };
    vec![Entrance { part: String::new(), pointer, hosts: host.into_iter().collect(), tls, plain }]
}
