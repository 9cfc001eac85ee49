//! Routes of the Gateway API, and to which listeners they attach.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::facts::labels as selector;
use serde::Deserialize;

use super::hosts::intersect;
use crate::facts::FactsError;
use crate::facts::table::read::{Odd, Readable, Reader};
use crate::model::sources::{GRPC_ROUTES, HTTP_ROUTES, TCP_ROUTES, TLS_ROUTES, UDP_ROUTES};
use crate::model::{Evidence, SourceId};

/// Every kind of route with its source.
const KINDS: [(&str, SourceId); 5] =
    [("HTTPRoute", HTTP_ROUTES), ("GRPCRoute", GRPC_ROUTES), ("TLSRoute", TLS_ROUTES), ("TCPRoute", TCP_ROUTES), ("UDPRoute", UDP_ROUTES)];

#[derive(Debug, Deserialize)]
struct RouteObject {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: RouteSpec,
}

impl Readable for RouteObject {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteSpec {
    #[serde(default)]
    parent_refs: Vec<ParentRef>,
    #[serde(default)]
    hostnames: Vec<String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParentRef {
    group: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
    section_name: Option<String>,
    port: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    backend_refs: Vec<BackendRef>,
}

/// `gateway/v1` BackendRef: a Service of the route's own namespace unless it says otherwise.
#[derive(Debug, Deserialize)]
struct BackendRef {
    group: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
    filters: Option<Vec<Filter>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(rename = "type")]
    kind: String,
    request_redirect: Option<Redirect>,
    request_mirror: Option<Mirror>,
}

/// Who gets every request as well.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mirror {
    backend_ref: Option<Box<BackendRef>>,
}

impl Rule {
    /// The backends, and those to which requests are mirrored (`gateway/v1` HTTPRequestMirrorFilter).
    fn backends(&self) -> impl Iterator<Item = &BackendRef> {
        let of_backends = self.backend_refs.iter().flat_map(|to| to.filters.iter().flatten());
        let mirrors = self.filters.iter().chain(of_backends).filter_map(|filter| filter.request_mirror.as_ref()?.backend_ref.as_deref());
        self.backend_refs.iter().chain(mirrors)
    }
}

#[derive(Debug, Deserialize)]
struct Redirect {
    scheme: Option<String>,
}

/// One route.
pub(super) struct Route {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) origin: Evidence,
    parents: Vec<ParentRef>,
    hostnames: Vec<String>,
    /// Services behind it, as namespace and name.
    pub(super) backends: Vec<(String, String)>,
    /// Whether every rule answers with a redirect to HTTPS.
    pub(super) only_redirects: bool,
}

/// What was read of routes.
pub(super) struct Routes {
    pub(super) all: Vec<Route>,
    /// Those that were not understood, with their kinds. Each is in doubt in its own namespace already.
    pub(super) odd: Vec<(&'static str, Odd)>,
}

/// What a listener says about the routes that it takes.
pub(super) struct Door<'a> {
    pub(super) gateway: (&'a str, &'a str),
    pub(super) listener: &'a str,
    pub(super) port: i64,
    pub(super) protocol: &'a str,
    pub(super) hostname: &'a str,
    /// `Same`, `All`, `Selector` or `None`; unset is `Same`.
    pub(super) from: &'a str,
    pub(super) selector: Option<&'a LabelSelector>,
    /// Kinds that are named; empty leaves it to the protocol.
    pub(super) kinds: Vec<&'a str>,
}

/// All routes.
pub(super) fn read(reader: &Reader<'_>) -> Result<Routes, FactsError> {
    let (mut routes, mut odd) = (Vec::new(), Vec::new());
    for (kind, source) in KINDS {
        let mut of_kind = Vec::new();
        let take = |object: RouteObject, origin: Evidence| {
            let only_redirects = kind == "HTTPRoute" && !object.spec.rules.is_empty() && object.spec.rules.iter().all(redirects_to_https);
            let namespace = object.metadata.namespace.unwrap_or_default();
            let name = object.metadata.name.unwrap_or_default();
            if let Some(parent) = object.spec.parent_refs.iter().find(|parent| parent.is_listener_set()) {
                reader.doubt_in(
                    &source,
                    &namespace,
                    format!("the listeners that carry the {kind} {namespace}/{name}"),
                    &format!("it attaches to the ListenerSet {}, and ListenerSets are not read", parent.name),
                    "Look at the listeners by hand: kubectl get listenersets -A -o yaml.",
                );
            }
            let is_service =
                |to: &&BackendRef| to.group.as_deref().unwrap_or("").is_empty() && to.kind.as_deref().is_none_or(|kind| kind == "Service");
            let to = object.spec.rules.iter().flat_map(Rule::backends).filter(is_service);
            let backends = to.map(|to| (to.namespace.clone().unwrap_or_else(|| namespace.clone()), to.name.clone())).collect();
            of_kind.push(Route {
                backends,
                kind,
                namespace,
                name,
                origin,
                parents: object.spec.parent_refs,
                hostnames: object.spec.hostnames,
                only_redirects,
            });
        };
        reader.each_or_odd::<RouteObject>(&source, take, |one| {
            reader.not_decoded_in(&source, &one);
            odd.push((kind, one));
        })?;
        // Of many routes only some are shown as evidence: the same ones in whatever order they were read.
        of_kind.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        routes.append(&mut of_kind);
    }
    Ok(Routes { all: routes, odd })
}

impl Route {
    /// The ListenerSet that it attaches to, where it does.
    pub(super) fn listener_set(&self) -> Option<&str> {
        self.parents.iter().find(|parent| parent.is_listener_set()).map(|parent| parent.name.as_str())
    }

    /// Whether it names a Gateway.
    pub(super) fn is_for(&self, gateway: (&str, &str)) -> bool {
        let named = |parent: &&ParentRef| parent.namespace.as_deref().unwrap_or(&self.namespace) == gateway.0 && parent.name == gateway.1;
        self.parents.iter().filter(|parent| !parent.is_listener_set()).any(|parent| named(&parent))
    }
}

impl ParentRef {
    /// Its listeners stand beside a Gateway's own (`gateway/v1` ListenerSet; `XListenerSet` while it was an experiment). Other kinds,
    /// such as a Service, are parents within a mesh and publish nothing.
    fn is_listener_set(&self) -> bool {
        matches!(self.kind.as_deref(), Some("ListenerSet" | "XListenerSet"))
    }
}

/// `gateway/v1` HTTPRequestRedirectFilter: an empty scheme keeps the scheme of the request.
fn redirects_to_https(rule: &Rule) -> bool {
    let to_https = |redirect: &Redirect| redirect.scheme.as_deref().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    rule.filters.iter().any(|filter| filter.kind == "RequestRedirect" && filter.request_redirect.as_ref().is_some_and(to_https))
}

impl Route {
    /// Whether the listener takes the route (`gateway/v1` ParentReference, AllowedRoutes, Listener hostname). What decides whether the
    /// route then works (its status, grants for its backends) is left out: it may work tomorrow.
    pub(super) fn attaches(&self, door: &Door<'_>, labels: &BTreeMap<String, BTreeMap<String, String>>) -> bool {
        self.parents.iter().any(|parent| self.names(parent, door))
            && self.is_of_its_kinds(door)
            && self.comes_from_where_it_may(door, labels)
            && (door.hostname.is_empty() || self.hostnames.is_empty() || self.hostnames.iter().any(|host| intersect(door.hostname, host)))
    }

    fn names(&self, parent: &ParentRef, door: &Door<'_>) -> bool {
        let (namespace, name) = door.gateway;
        parent.group.as_deref().is_none_or(|group| group == "gateway.networking.k8s.io")
            && parent.kind.as_deref().is_none_or(|kind| kind == "Gateway")
            && parent.namespace.as_deref().unwrap_or(&self.namespace) == namespace
            && parent.name == name
            && parent.section_name.as_deref().is_none_or(|section| section == door.listener)
            && parent.port.is_none_or(|port| port == door.port)
    }

    fn is_of_its_kinds(&self, door: &Door<'_>) -> bool {
        if !door.kinds.is_empty() {
            return door.kinds.contains(&self.kind);
        }
        match door.protocol {
            "HTTP" | "HTTPS" => matches!(self.kind, "HTTPRoute" | "GRPCRoute"),
            "TLS" => matches!(self.kind, "TLSRoute" | "TCPRoute"),
            "TCP" => self.kind == "TCPRoute",
            "UDP" => self.kind == "UDPRoute",
            // A protocol of one implementation: nobody else knows what it carries.
            _ => true,
        }
    }

    fn comes_from_where_it_may(&self, door: &Door<'_>, labels: &BTreeMap<String, BTreeMap<String, String>>) -> bool {
        match door.from {
            "All" => true,
            "None" => false,
            "Selector" => match (door.selector, labels.get(&self.namespace)) {
                // A requirement that is not known may let it in.
                (Some(selector), Some(labels)) => selector::matches(Some(selector), labels) != Some(false),
                _ => false,
            },
            _ => self.namespace == door.gateway.0,
        }
    }
}
