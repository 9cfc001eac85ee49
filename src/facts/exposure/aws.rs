//! The AWS Load Balancer Controller: Ingresses of a group share one load balancer (`pkg/ingress/model_builder.go`, `group_loader.go`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{HTTPIngressPath, Ingress, IngressSpec};

use super::annotations::{
    AWS_CONDITIONS, AWS_GROUP, AWS_REDIRECT, Annotations, CERTIFICATE_ARN, LISTEN_PORTS, listen_ports, redirects_by_action,
};
use super::controllers::ClassParamsSpec;
use crate::facts::Known;

/// What one Ingress adds to its load balancer.
#[derive(Clone, Debug)]
pub(super) struct Member {
    group: String,
    /// Whether a port for plain HTTP, or for HTTPS, answers for its rules.
    pub(super) http: bool,
    pub(super) https: bool,
    https_ports: BTreeSet<i32>,
    redirect: Option<i32>,
    /// What opens the HTTPS port.
    pub(super) by: &'static str,
}

impl Member {
    pub(super) fn new(ingress: &Ingress, annotations: &Annotations, params: &ClassParamsSpec) -> Self {
        let own = || {
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{}/{}", part(&ingress.metadata.namespace), part(&ingress.metadata.name))
        };
        let group = params.group().map(str::to_owned).or_else(|| annotations.get(AWS_GROUP).cloned());
        let certificate = params.has_certificate() || annotations.get(CERTIFICATE_ARN).is_some_and(|value| !value.is_empty());
        let (ports, by) = match annotations.get(LISTEN_PORTS) {
            Some(ports) => (listen_ports(ports), LISTEN_PORTS),
            None if params.has_certificate() => (vec![("HTTPS".to_owned(), 443)], "the parameters of its class"),
            None if certificate => (vec![("HTTPS".to_owned(), 443)], CERTIFICATE_ARN),
            None => (vec![("HTTP".to_owned(), 80)], ""),
        };
        let of = |wanted: &str| ports.iter().filter(|(protocol, _)| protocol == wanted).map(|(_, port)| *port).collect::<BTreeSet<i32>>();
        let https_ports = of("HTTPS");
        // What the class says counts more than the annotation.
        let redirect = params.redirect_port().or_else(|| annotations.get(AWS_REDIRECT).and_then(|port| port.parse().ok()));
        Self { group: group.unwrap_or_else(own), http: !of("HTTP").is_empty(), https: !https_ports.is_empty(), https_ports, redirect, by }
    }
}

/// All Ingresses of the controller, by group.
#[derive(Default)]
pub(super) struct Groups {
    members: BTreeMap<String, Vec<Member>>,
}

impl Groups {
    pub(super) fn add(&mut self, member: Member) {
        self.members.entry(member.group.clone()).or_default().push(member);
    }

    /// Whether every plain request to the load balancer is redirected: one port is named for it, and it is one for HTTPS. With two,
    /// or with another one, the controller changes nothing.
    pub(super) fn redirects(&self, member: &Member) -> bool {
        let members = self.members.get(&member.group).map(Vec::as_slice).unwrap_or_default();
        let ports: BTreeSet<i32> = members.iter().filter_map(|member| member.redirect).collect();
        let mut ports = ports.into_iter();
        match (ports.next(), ports.next()) {
            (Some(port), None) => members.iter().any(|member| member.https_ports.contains(&port)),
            _ => false,
        }
    }
}

/// Whether every plain request for the host is redirected by an action, without conditions: the controller puts exact paths first, then
/// prefixes, the longest first, then the others as they are written (`model_build_listener_rules.go`), and what stands behind a path for
/// everything is not reached (`rule_optimizer.go`).
pub(super) fn redirects_all(spec: &IngressSpec, host: &str, annotations: &Annotations) -> bool {
    let paths: Vec<&HTTPIngressPath> = spec
        .rules
        .iter()
        .flatten()
        .filter(|rule| rule.host.as_deref().unwrap_or("") == host)
        .flat_map(|rule| rule.http.iter().flat_map(|http| &http.paths))
        .collect();
    let written = |path: &HTTPIngressPath| path.path.clone().unwrap_or_else(|| "/".to_owned());
    let by_action = |path: &HTTPIngressPath| {
        path.backend.service.as_ref().is_some_and(|service| {
            let named = service.port.as_ref().is_some_and(|port| port.name.as_deref() == Some("use-annotation"));
            let conditions = annotations.contains_key(&format!("{AWS_CONDITIONS}{}", service.name));
            named && !conditions && redirects_by_action(annotations, &service.name)
        })
    };
    let of_type = |wanted: &'static str| paths.iter().filter(move |path| path.path_type == wanted);
    let root = |path: &&&HTTPIngressPath| written(path) == "/";
    let before = of_type("Exact").chain(of_type("Prefix").filter(|path| !root(path)));
    if !before.into_iter().all(|path| by_action(path)) {
        return false;
    }
    match of_type("Prefix").find(root) {
        Some(path) => by_action(path),
        None => {
            let mut rest = paths.iter().filter(|path| !matches!(path.path_type.as_str(), "Exact" | "Prefix"));
            rest.next().is_some_and(|path| written(path) == "/*" && by_action(path))
        }
    }
}

/// What is known of an Ingress of the controller.
pub(super) type Seen = Known<Member>;
