//! Routes of OpenShift and routers of Traefik: each object says for itself whether it is served with TLS.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::entrances::{Behind, Entrance, Object, unknown};
use crate::facts::Known;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Route {
    host: Option<String>,
    to: Option<Target>,
    alternate_backends: Option<Vec<Target>>,
    tls: Option<RouteTls>,
}

/// A Service of the route's own namespace; there is no other kind (`route/v1` RouteTargetReference).
#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteTls {
    termination: Option<String>,
    insecure_edge_termination_policy: Option<String>,
}

/// `route/v1` RouteSpec: without `tls` the router serves plain HTTP; with it, plain requests get what `insecureEdgeTerminationPolicy`
/// says, which is nothing when it is not set.
pub(super) fn openshift(object: &Object<Route>, what: &str) -> Vec<Entrance> {
    let route = &object.spec;
    let said = |tls: &RouteTls| {
        let policy = tls.insecure_edge_termination_policy.as_deref().unwrap_or_default();
        match (policy, tls.termination.as_deref()) {
            ("Allow", _) => Known::Known(true),
            ("" | "None" | "Redirect", Some("edge" | "reencrypt" | "passthrough")) => Known::Known(false),
            _ => unknown(what, "its termination or insecureEdgeTerminationPolicy is none that is known", "Look at the Route by hand."),
        }
    };
    let plain = route.tls.as_ref().map_or(Known::Known(true), said);
    let behind = route.to.iter().chain(route.alternate_backends.iter().flatten()).map(|to| Behind {
        namespace: object.namespace().to_owned(),
        service: Some(to.name.clone()),
        plain: plain.clone(),
    });
    vec![Entrance {
        part: String::new(),
        pointer: if route.tls.is_some() { "/spec/tls/insecureEdgeTerminationPolicy" } else { "/spec/tls" }.to_owned(),
        hosts: route.host.iter().filter(|host| !host.is_empty()).cloned().collect(),
        tls: route.tls.as_ref().and_then(|tls| tls.termination.clone()).unwrap_or_default(),
        behind: behind.collect(),
        plain: plain.clone(),
        counts_to: Some(object.namespace().to_owned()),
    }]
}

#[derive(Debug, Deserialize)]
pub(super) struct Router {
    routes: Option<Vec<Rule>>,
    /// That it is there is enough.
    tls: Option<BTreeMap<String, IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    services: Option<Vec<RuleService>>,
}

/// `traefik.io/v1alpha1` LoadBalancerSpec: a Service, or a TraefikService that leads to others.
#[derive(Debug, Deserialize)]
struct RuleService {
    name: String,
    kind: Option<String>,
    namespace: Option<String>,
}

/// Traefik: a router with `tls` takes encrypted requests only; one without takes what its entry points let in, which may have TLS or a
/// redirect of their own in the static configuration.
pub(super) fn traefik(object: &Object<Router>, what: &str) -> Vec<Entrance> {
    let (tls, plain) = match object.spec.tls {
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
    let services = object.spec.routes.iter().flatten().flat_map(|rule| rule.services.iter().flatten());
    let behind = services.map(|to| Behind {
        namespace: to.namespace.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| object.namespace().to_owned()),
        // Which Services a TraefikService leads to is not read.
        service: (to.kind.as_deref().unwrap_or("Service") == "Service").then(|| to.name.clone()),
        plain: plain.clone(),
    });
    vec![Entrance {
        part: String::new(),
        pointer: "/spec/tls".to_owned(),
        hosts: Vec::new(),
        tls: tls.to_owned(),
        behind: behind.collect(),
        plain: plain.clone(),
        counts_to: Some(object.namespace().to_owned()),
    }]
}
