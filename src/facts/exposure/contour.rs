//! HTTPProxies of Contour: a root has a host, and includes parts of any namespace, which follow it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::entrances::{Behind, CONTOUR, Entrance, Object, Read};
use crate::facts::{FactsError, Known};
use crate::model::Evidence;
use crate::model::sources::HTTP_PROXIES;

#[derive(Debug, Deserialize)]
struct Proxy {
    virtualhost: Option<VirtualHost>,
    routes: Option<Vec<ProxyRoute>>,
    tcpproxy: Option<TcpProxy>,
    includes: Option<Vec<Include>>,
}

#[derive(Debug, Deserialize)]
struct VirtualHost {
    fqdn: Option<String>,
    /// That it is there is enough.
    tls: Option<BTreeMap<String, IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProxyRoute {
    permit_insecure: Option<bool>,
    request_redirect_policy: Option<RedirectPolicy>,
    services: Option<Vec<ProxyService>>,
}

/// A Service of the proxy's own namespace.
#[derive(Debug, Deserialize)]
struct ProxyService {
    name: String,
}

/// Connections of a root with TLS, as they are.
#[derive(Debug, Deserialize)]
struct TcpProxy {
    services: Option<Vec<ProxyService>>,
    include: Option<Include>,
    /// The older spelling.
    includes: Option<Include>,
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

    /// Whether it answers plain requests below a root with TLS, or without.
    fn answers_plain(&self, tls: bool) -> bool {
        !self.redirects() && (!tls || self.permit_insecure == Some(true))
    }
}

impl Proxy {
    /// What it includes, by namespace (none for its own) and name.
    fn parts(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let tcp = self.tcpproxy.iter().flat_map(|tcp| tcp.include.iter().chain(&tcp.includes));
        let all = self.includes.iter().flatten().chain(tcp);
        all.map(|part| (part.namespace.as_deref().filter(|name| !name.is_empty()), part.name.as_str()))
    }
}

type Place = (String, String);

/// For each proxy that is served, whether by a root with TLS, or without, or by both.
fn served(all: &[(Object<Proxy>, Evidence)]) -> BTreeMap<Place, BTreeSet<bool>> {
    let by_place: BTreeMap<Place, &Object<Proxy>> = all.iter().map(|(object, _)| (place(object), object)).collect();
    let mut served: BTreeMap<Place, BTreeSet<bool>> = BTreeMap::new();
    let mut open: Vec<(Place, bool)> = Vec::new();
    for (object, _) in all {
        open.extend(object.spec.virtualhost.iter().map(|root| (place(object), root.tls.is_some())));
    }
    while let Some((at, tls)) = open.pop() {
        if served.entry(at.clone()).or_default().insert(tls) {
            for (namespace, name) in by_place.get(&at).into_iter().flat_map(|object| object.spec.parts()) {
                open.push(((namespace.unwrap_or(&at.0).to_owned(), name.to_owned()), tls));
            }
        }
    }
    served
}

fn place(object: &Object<Proxy>) -> Place {
    (object.namespace().to_owned(), object.name().to_owned())
}

/// The rows of HTTPProxies; a part that no root leads to serves nothing.
pub(super) fn read(read: &mut Read<'_>) -> Result<(), FactsError> {
    let all: Vec<(Object<Proxy>, Evidence)> = read.objects(&HTTP_PROXIES, &CONTOUR)?;
    let served = served(&all);
    for (object, origin) in &all {
        if let Some(roots) = served.get(&place(object)) {
            read.add(&CONTOUR, &HTTP_PROXIES, &object.metadata, origin, contour(object, roots));
        }
    }
    Ok(())
}

/// `projectcontour.io/v1` HTTPProxy: below a root (with `virtualhost`) without `tls`, routes serve plain HTTP; below one with it plain
/// requests are redirected but for routes with `permitInsecure`; a route whose `requestRedirectPolicy` leads to HTTPS serves nothing.
fn contour(object: &Object<Proxy>, roots: &BTreeSet<bool>) -> Entrance {
    let proxy = &object.spec;
    let routes = proxy.routes.as_deref().unwrap_or_default();
    let answers = |route: &ProxyRoute| roots.iter().any(|tls| route.answers_plain(*tls));
    let open = routes.iter().position(answers);
    let own_tls = proxy.virtualhost.as_ref().is_some_and(|root| root.tls.is_some());
    // A root without TLS that has nothing of its own answers by what it includes, which has rows of its own.
    let empty = proxy.virtualhost.is_some() && !own_tls && routes.is_empty() && proxy.parts().next().is_none();
    let pointer = match open {
        Some(route) if own_tls || proxy.virtualhost.is_none() => match routes.get(route).and_then(|route| route.permit_insecure) {
            Some(true) => format!("/spec/routes/{route}/permitInsecure"),
            _ => format!("/spec/routes/{route}"),
        },
        _ if proxy.virtualhost.is_some() => "/spec/virtualhost/tls".to_owned(),
        _ => "/spec/routes".to_owned(),
    };
    let behind = |service: &ProxyService, plain: bool| Behind {
        namespace: object.namespace().to_owned(),
        service: Some(service.name.clone()),
        plain: Known::Known(plain),
    };
    let by_routes = routes.iter().flat_map(|route| route.services.iter().flatten().map(move |service| (service, route)));
    let by_tcp = proxy.tcpproxy.iter().flat_map(|tcp| tcp.services.iter().flatten());
    Entrance {
        part: String::new(),
        pointer,
        hosts: proxy.virtualhost.iter().filter_map(|root| root.fqdn.clone()).filter(|host| !host.is_empty()).collect(),
        tls: if own_tls { "tls".to_owned() } else { String::new() },
        plain: Known::Known(open.is_some() || empty),
        counts_to: Some(object.namespace().to_owned()),
        behind: by_routes
            .map(|(service, route)| behind(service, answers(route)))
            .chain(by_tcp.map(|service| behind(service, roots.contains(&false))))
            .collect(),
    }
}
