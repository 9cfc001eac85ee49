use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};

use super::hosts::certificate_covers;
use super::ingress_classes::{Classes, Engine, IngressClassRow, class_of};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{INGRESS_CLASSES, INGRESSES, SERVICES};
use crate::model::{Evidence, ObjectRef, Unseen, UnseenKind};

table! {
    /// One row per Ingress and host that it publishes. Rules without a host, and the default backend, answer for any host and are one
    /// row with an empty host.
    pub struct IngressRow as "ingresses" counting "hosts of Ingresses" from [INGRESSES] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// The host as written, perhaps with a wildcard; empty for any host.
        host: String, at "/spec/rules";
        /// The host as a sentence says it: `any host` where it is empty.
        host_text: String, at "/spec/rules";
        /// Class: `spec.ingressClassName`, or the annotation `kubernetes.io/ingress.class` where that is unset; empty when there is
        /// neither.
        class: String, at "/spec/ingressClassName";
        /// The controller that serves that class.
        controller: Known<String>, at "/spec/ingressClassName", needs [INGRESS_CLASSES];
        /// Whether the host is served with TLS: `spec.tls` covers it, or an annotation asks the controller for it in the controller's
        /// own way. With the AWS controller `spec.tls` alone opens no HTTPS port and does not count. Unknown where TLS may be set up in
        /// a place that is not read, and where no class says which controller serves the Ingress and that decides.
        tls: Known<bool>, at "/spec/tls", needs [INGRESS_CLASSES, SERVICES];
        /// What provides TLS: `spec.tls` or the annotation; empty when nothing known does.
        tls_by: String, at "/spec/tls";
        /// The Secret with the certificate; empty when the controller's own is used. The Secret itself is never read.
        secret: String, at "/spec/tls";
        /// What the Ingress says about plain HTTP beside TLS: `switched off`, `switched on` or `left to the controller`.
        redirect: &'static str, at "/metadata/annotations";
        /// How the controller speaks to the pods, as the annotation says; empty when it is not set, which is plain HTTP.
        backend_protocol: String, at "/metadata/annotations";
        /// Annotations with raw configuration for the controller, sorted. What they say is never stored.
        snippets: Vec<String>, at "/metadata/annotations";
        /// Networks from which it may be used, as annotations say, sorted.
        source_ranges: Vec<String>, at "/metadata/annotations";
        /// Services behind it, sorted; `Kind/name` for other resources.
        backends: Vec<String>, at "/spec";
        /// Addresses and names at which it is published, sorted.
        addresses: Vec<String>, at "/status/loadBalancer/ingress";
    }
}

pub(in crate::facts) const FAMILY: Family =
    Family { schemas: || vec![IngressRow::schema(), IngressClassRow::schema()], rows: |context, _| rows(context) };

type Annotations = BTreeMap<String, String>;

const SNIPPETS: &[&str] = &[
    "nginx.ingress.kubernetes.io/server-snippet",
    "nginx.ingress.kubernetes.io/configuration-snippet",
    "nginx.ingress.kubernetes.io/stream-snippet",
    "nginx.ingress.kubernetes.io/auth-snippet",
    "nginx.ingress.kubernetes.io/modsecurity-snippet",
];
const BACKEND_PROTOCOLS: &[&str] = &["nginx.ingress.kubernetes.io/backend-protocol", "alb.ingress.kubernetes.io/backend-protocol"];
const SOURCE_RANGES: &[&str] = &[
    "nginx.ingress.kubernetes.io/whitelist-source-range",
    "nginx.ingress.kubernetes.io/allowlist-source-range",
    "alb.ingress.kubernetes.io/inbound-cidrs",
];
/// Annotations that name a certificate to a cloud's load balancer; that they are there is enough.
const GOOGLE_CERTIFICATES: &[&str] = &["ingress.gcp.kubernetes.io/pre-shared-cert", "networking.gke.io/managed-certificates"];
/// What `tls_by` says where the Ingress itself names the host and a certificate.
const SPEC_TLS: &str = "spec.tls";
const LISTEN_PORTS: &str = "alb.ingress.kubernetes.io/listen-ports";
const CERTIFICATE_ARN: &str = "alb.ingress.kubernetes.io/certificate-arn";
const TRAEFIK_TLS: &str = "traefik.ingress.kubernetes.io/router.tls";
const ROUTE_TERMINATION: &str = "route.openshift.io/termination";

/// What is known beside the Ingresses themselves.
struct Surroundings<'a> {
    context: &'a Context<'a>,
    classes: &'a Classes,
    /// A load balancer that ends TLS before any Ingress controller, where there is one.
    tls_before: Known<Option<String>>,
}

fn rows(context: &Context<'_>) -> Result<Vec<Vec<Row>>, FactsError> {
    let classes = Classes::read(&context.reader)?;
    let mut before: BTreeSet<String> = BTreeSet::new();
    context.reader.each::<Service>(&SERVICES, |service, _| {
        let ends_tls = |all: &Annotations| all.contains_key("service.beta.kubernetes.io/aws-load-balancer-ssl-cert");
        if service.metadata.annotations.as_ref().is_some_and(ends_tls) {
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            before.insert(format!("{}/{}", part(&service.metadata.namespace), part(&service.metadata.name)));
        }
    })?;
    let tls_before = context.reader.known_if_complete(&SERVICES, || before.first().cloned());
    let surroundings = Surroundings { context, classes: &classes, tls_before };
    let mut rows = Vec::new();
    let mut used = Vec::new();
    context.reader.each::<Ingress>(&INGRESSES, |ingress, origin| {
        used.push((class_of(&ingress), origin.clone()));
        rows.extend(of_ingress(&ingress, &origin, &surroundings));
    })?;
    Ok(vec![rows, classes.rows(&context.reader, &used)])
}

fn of_ingress(ingress: &Ingress, origin: &Evidence, around: &Surroundings<'_>) -> Vec<Row> {
    let none = Annotations::new();
    let annotations = ingress.metadata.annotations.as_ref().unwrap_or(&none);
    let empty = IngressSpec { ..IngressSpec::default() };
    let spec = ingress.spec.as_ref().unwrap_or(&empty);
    let namespace = ingress.metadata.namespace.clone().unwrap_or_default();
    let name = ingress.metadata.name.clone().unwrap_or_default();
    let class = class_of(ingress);
    let engine = around.classes.engine(&class);
    let guesses = if class.is_empty() { guesses(annotations) } else { Vec::new() };
    let status = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref()).and_then(|status| status.ingress.as_ref());
    let subject = ObjectRef {
        kind: "Ingress".to_owned(),
        group: "networking.k8s.io".to_owned(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
        uid: ingress.metadata.uid.clone(),
    };
    let row = |(host, backends): (String, BTreeSet<String>)| {
        let covering = covering(spec, &host);
        let named = spec.tls.iter().flatten().any(|entry| entry.hosts.iter().flatten().any(|listed| *listed == host));
        let by = |engine: Engine| tls_by(covering.is_some(), named, annotations, engine);
        let doubtful = guesses.iter().find(|(other, _)| by(*other).is_some() != by(engine).is_some());
        let (tls_by, tls) = match (doubtful, by(engine)) {
            (Some((_, hint)), _) => (None, Known::Unknown(no_class_decides(&namespace, &name, hint))),
            (None, None) => (None, without_visible_tls(&namespace, &name, annotations, engine, around)),
            (None, by) => (by, Known::Known(true)),
        };
        let typed = IngressRow {
            host_text: if host.is_empty() { "any host".to_owned() } else { format!("the host {host}") },
            controller: around.classes.controller(&around.context.reader, &class),
            tls,
            tls_by: tls_by.unwrap_or_default().to_owned(),
            secret: covering.flatten().filter(|_| tls_by == Some(SPEC_TLS)).unwrap_or_default().to_owned(),
            redirect: redirect(annotations, engine),
            backend_protocol: first(annotations, BACKEND_PROTOCOLS).unwrap_or_default(),
            snippets: SNIPPETS.iter().filter(|name| annotations.contains_key(**name)).map(|name| (*name).to_owned()).collect(),
            source_ranges: source_ranges(annotations),
            backends: backends.into_iter().collect(),
            addresses: sorted_owned(status.into_iter().flatten().flat_map(|at| at.ip.clone().into_iter().chain(at.hostname.clone()))),
            class: class.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            host: host.clone(),
        };
        Row::new(format!("{namespace}/{name}/{host}"), subject.clone(), vec![origin.clone()], typed)
            .evidenced("controller", around.classes.evidence(&class))
    };
    hosts(spec).into_iter().map(row).collect()
}

/// Hosts with what is behind them.
fn hosts(spec: &IngressSpec) -> BTreeMap<String, BTreeSet<String>> {
    let mut hosts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let backend = |backend: &k8s_openapi::api::networking::v1::IngressBackend| match (&backend.service, &backend.resource) {
        (Some(service), _) => service.name.clone(),
        (None, Some(resource)) => format!("{}/{}", resource.kind, resource.name),
        (None, None) => String::new(),
    };
    for rule in spec.rules.iter().flatten() {
        let behind = hosts.entry(rule.host.clone().unwrap_or_default()).or_default();
        let paths = rule.http.iter().flat_map(|http| &http.paths);
        behind.extend(paths.map(|path| backend(&path.backend)).filter(|text| !text.is_empty()));
    }
    if let Some(default) = &spec.default_backend {
        hosts.entry(String::new()).or_default().insert(backend(default));
    }
    hosts
}

/// The `spec.tls` entry that covers the host, as its Secret's name (`None` inside when it names none). An entry without hosts stands
/// for whatever the controller's certificate names, and covers every host (`networking/v1` IngressTLS, hosts).
fn covering<'a>(spec: &'a IngressSpec, host: &str) -> Option<Option<&'a str>> {
    let covers = |hosts: &[String]| hosts.is_empty() || (!host.is_empty() && hosts.iter().any(|listed| certificate_covers(listed, host)));
    let entry = spec.tls.iter().flatten().find(|entry| covers(entry.hosts.as_deref().unwrap_or(&[])))?;
    Some(entry.secret_name.as_deref().filter(|name| !name.is_empty()))
}

/// What provides TLS, where anything does. `covered` is by a name in `spec.tls` or its wildcard, `named` by the very name.
fn tls_by(covered: bool, named: bool, annotations: &Annotations, engine: Engine) -> Option<&'static str> {
    let annotated = annotated_tls(annotations, engine);
    match engine {
        // AWS Load Balancer Controller, *Certificate Discovery*: spec.tls chooses certificates, and only listen-ports (or a certificate
        // that is named) opens a port for HTTPS.
        Engine::AwsLoadBalancer => annotated,
        // route-controller-manager, referencesSecret: the host of the rule has to be listed as it is written.
        Engine::OpenShift if named => Some(SPEC_TLS),
        Engine::OpenShift => annotated,
        _ if covered => Some(SPEC_TLS),
        _ => annotated,
    }
}

/// For whom an Ingress without a class may be meant: an annotation that only this controller reads says so. Charts write those of
/// several, so that it is a guess and no answer.
fn guesses(annotations: &Annotations) -> Vec<(Engine, &'static str)> {
    let hints = [
        (Engine::AwsLoadBalancer, LISTEN_PORTS),
        (Engine::AwsLoadBalancer, CERTIFICATE_ARN),
        (Engine::OpenShift, ROUTE_TERMINATION),
        (Engine::Traefik, TRAEFIK_TLS),
    ];
    let google = GOOGLE_CERTIFICATES.iter().map(|name| (Engine::GoogleCloud, *name));
    hints.into_iter().chain(google).filter(|(_, name)| annotations.contains_key(*name)).collect()
}

fn no_class_decides(namespace: &str, name: &str, hint: &str) -> Unseen {
    Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("TLS of the Ingress {namespace}/{name}"),
        why: format!("it names no class, and what {hint} means for TLS depends on the controller that serves it"),
        how_to_see: "Set spec.ingressClassName (on GKE the annotation kubernetes.io/ingress.class), or ask which controller serves it."
            .to_owned(),
        source: None,
        missing_rule: None,
    }
}

/// The annotation by which the controller itself is asked for TLS, where it knows one.
fn annotated_tls(annotations: &Annotations, engine: Engine) -> Option<&'static str> {
    let has = |name: &'static str| annotations.contains_key(name).then_some(name);
    match engine {
        Engine::AwsLoadBalancer => match annotations.get(LISTEN_PORTS) {
            Some(ports) => listens(ports, "HTTPS").then_some(LISTEN_PORTS),
            None => has(CERTIFICATE_ARN),
        },
        Engine::GoogleCloud => GOOGLE_CERTIFICATES.iter().find_map(|name| has(name)),
        Engine::Traefik => annotations.get(TRAEFIK_TLS).is_some_and(|value| value == "true").then_some(TRAEFIK_TLS),
        // route-controller-manager, tlsEnabled: other values, and other letters, are ignored.
        Engine::OpenShift => {
            let known = |value: &String| matches!(value.as_str(), "edge" | "passthrough" | "reencrypt");
            annotations.get(ROUTE_TERMINATION).is_some_and(known).then_some(ROUTE_TERMINATION)
        }
        Engine::IngressNginx | Engine::Other => None,
    }
}

/// Nothing in the Ingress provides TLS: either it is not there, or it is set up where nobody can see it through this API.
fn without_visible_tls(namespace: &str, name: &str, annotations: &Annotations, engine: Engine, around: &Surroundings<'_>) -> Known<bool> {
    let unknown = |why: String, how_to_see: &str| {
        Known::Unknown(Unseen {
            kind: UnseenKind::NotVisible,
            what: format!("TLS of the Ingress {namespace}/{name}"),
            why,
            how_to_see: how_to_see.to_owned(),
            source: None,
            missing_rule: None,
        })
    };
    let resolved = around.context.reader.known_if_complete(&INGRESS_CLASSES, || ());
    if let Known::Unknown(unseen) = resolved {
        return Known::Unknown(unseen);
    }
    match engine {
        Engine::Traefik => {
            return unknown(
                "spec.tls does not cover the host, and Traefik's own configuration can give every host of an entry point TLS".to_owned(),
                "Ask for Traefik's entryPoints configuration, or add the host to spec.tls.",
            );
        }
        Engine::AwsLoadBalancer if !annotations.contains_key(LISTEN_PORTS) => {
            return unknown(
                "no annotation names a certificate or HTTPS, and the parameters of its IngressClass, which are not read, can".to_owned(),
                "Ask for the IngressClassParams, or set alb.ingress.kubernetes.io/listen-ports.",
            );
        }
        _ => {}
    }
    match &around.tls_before {
        Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
        Known::Known(None) => Known::Known(false),
        Known::Known(Some(service)) => unknown(
            format!("spec.tls does not cover the host, and the load balancer of the Service {service} ends TLS before requests come in"),
            "Ask whether every request to the host passes that load balancer, and whether its plain HTTP port is closed.",
        ),
    }
}

/// What the Ingress says about plain HTTP beside TLS.
///
/// ingress-nginx redirects to HTTPS where TLS is set unless `ssl-redirect` is `false`; `force-ssl-redirect` redirects in any case (its
/// annotations documentation). The AWS controller opens what `listen-ports` lists and redirects when `ssl-redirect` is there. GKE closes
/// HTTP with `kubernetes.io/ingress.allow-http: "false"`.
fn redirect(annotations: &Annotations, engine: Engine) -> &'static str {
    const LEFT: &str = "left to the controller";
    const OFF: &str = "switched off";
    const ON: &str = "switched on";
    let says = |name: &str, wanted: &str| annotations.get(name).is_some_and(|value| value == wanted);
    match engine {
        Engine::AwsLoadBalancer
            if annotations.get("alb.ingress.kubernetes.io/ssl-redirect").is_some_and(|port| port.parse::<u16>().is_ok()) =>
        {
            ON
        }
        Engine::AwsLoadBalancer => match annotations.get(LISTEN_PORTS) {
            Some(ports) if listens(ports, "HTTP") && listens(ports, "HTTPS") => OFF,
            _ => LEFT,
        },
        Engine::GoogleCloud if says("kubernetes.io/ingress.allow-http", "false") => ON,
        Engine::GoogleCloud | Engine::Traefik | Engine::OpenShift => LEFT,
        // The annotations of ingress-nginx are read by its forks as well, under class names of their own.
        Engine::IngressNginx | Engine::Other => {
            let said = |name: &str| annotations.get(name).and_then(|value| truth(value));
            match (said("nginx.ingress.kubernetes.io/force-ssl-redirect"), said("nginx.ingress.kubernetes.io/ssl-redirect")) {
                (Some(true), _) | (_, Some(true)) => ON,
                (_, Some(false)) => OFF,
                (_, None) => LEFT,
            }
        }
    }
}

/// A truth value as ingress-nginx reads it (Go's `strconv.ParseBool`); it ignores an annotation with another word.
fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Whether `listen-ports` of the AWS controller opens a port for a protocol: a JSON list of objects from protocol to port. The controller
/// refuses anything else, and opens nothing then.
fn listens(ports: &str, protocol: &str) -> bool {
    serde_json::from_str::<Vec<BTreeMap<String, i32>>>(ports).is_ok_and(|entries| entries.iter().any(|entry| entry.contains_key(protocol)))
}

fn first(annotations: &Annotations, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| annotations.get(*name).cloned())
}

fn source_ranges(annotations: &Annotations) -> Vec<String> {
    let lists = SOURCE_RANGES.iter().filter_map(|name| annotations.get(*name));
    sorted_owned(lists.flat_map(|list| list.split(',')).map(|range| range.trim().to_owned()).filter(|range| !range.is_empty()))
}
