use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};

use super::annotations::Annotations;
use super::aws::{Groups, Member, Seen};
use super::controllers::{Engine, Settings};
use super::ingress_classes::{Classes, IngressClassRow, class_of};
use super::ingress_nginx::Merged;
use super::ingress_tls::{Asked, ON, SPEC_TLS, Tls, has_secret, host_alias};
use super::load_balancers;
use super::published::Way;
use super::remedies;
use super::service_entrances::{Program, Programs, ends_tls_somewhere};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Family, Known};
use crate::model::annotations::{INJECTING, SNIPPETS};
use crate::model::sources::{
    FRONTEND_CONFIGS, INGRESS_CLASS_PARAMS, INGRESS_CLASS_PARAMS_EKS, INGRESS_CLASSES, INGRESS_NGINX_CONFIG, INGRESSES, SERVICES, WORKLOADS,
};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per Ingress and host that it publishes, and one for the hosts that an annotation adds (`server-alias`, `host-aliases`). Rules without a host, and the default backend, answer for any host and are one
    /// row with an empty host.
    pub struct IngressRow as "ingresses" counting "hosts of Ingresses" from [INGRESSES] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// The host as written, perhaps with a wildcard; empty for any host. Of hosts that an annotation adds, whose names are not stored,
        /// the name of the annotation.
        host: String, at "/spec/rules";
        /// The host as a sentence says it: `any host` where it is empty.
        host_text: String, at "/spec/rules";
        /// Class: `spec.ingressClassName`, or the annotation `kubernetes.io/ingress.class` where that is unset; empty when there is
        /// neither.
        class: String, at "/spec/ingressClassName";
        /// The controller that serves that class.
        controller: Known<String>, at "/spec/ingressClassName", needs [INGRESS_CLASSES];
        /// Whether the host is served with TLS, as its controller reads `spec.tls` and its own annotations: the AWS controller opens no
        /// HTTPS port for `spec.tls` alone, Contour and the controller of nginx.org want the very host in it, Traefik takes only certificates
        /// from it, ingress-nginx from the oldest Ingress for the host that has `spec.tls`. Unknown where TLS may be set up in a place that is not read, where no class says which controller serves the
        /// Ingress, and where the words of that controller are not known.
        tls: Known<bool>, at "/spec/tls", needs [INGRESS_CLASSES, SERVICES, INGRESS_CLASS_PARAMS, INGRESS_CLASS_PARAMS_EKS, INGRESS_NGINX_CONFIG] + WORKLOADS;
        /// What gives the host TLS, in the words of its controller; empty where it has TLS.
        tls_change: String, at "/spec/tls";
        /// What provides TLS: `spec.tls` or the annotation; empty when nothing known does.
        tls_by: String, at "/spec/tls";
        /// The Secret with the certificate; empty when the controller's own is used, as ingress-nginx does for any host. The Secret itself is never read.
        secret: String, at "/spec/tls";
        /// The redirect from plain HTTP to HTTPS beside TLS, by what the Ingress says in its controller's words and by what the controller
        /// does where it says nothing: `switched off` where plain HTTP is answered, `switched on` where it is redirected or closed. Unknown
        /// where the controller's own settings decide that are not read, and where its words are not known.
        redirect: Known<&'static str>, at "/metadata/annotations",
            needs [INGRESS_CLASSES, INGRESS_CLASS_PARAMS, INGRESS_CLASS_PARAMS_EKS, FRONTEND_CONFIGS, INGRESS_NGINX_CONFIG];
        /// What closes plain HTTP, in the words of its controller; empty where it is closed.
        redirect_change: String, at "/metadata/annotations";
        /// How the controller speaks to the pods, as the annotation says; empty when it is not set, which is plain HTTP.
        backend_protocol: String, at "/metadata/annotations";
        /// Annotations with raw configuration for the controller, sorted. What they say is never stored.
        snippets: Vec<String>, at "/metadata/annotations";
        /// Annotations of ingress-nginx whose value its template puts into the configuration, and which it calls of high risk or through
        /// which configuration was injected before; sorted. What they say is never stored.
        injecting: Vec<String>, at "/metadata/annotations";
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

const BACKEND_PROTOCOLS: &[&str] = &["nginx.ingress.kubernetes.io/backend-protocol", "alb.ingress.kubernetes.io/backend-protocol"];
const SOURCE_RANGES: &[&str] = &[
    "nginx.ingress.kubernetes.io/whitelist-source-range",
    "nginx.ingress.kubernetes.io/allowlist-source-range",
    "alb.ingress.kubernetes.io/inbound-cidrs",
];

/// A Service whose load balancer ends TLS.
struct EndsTls {
    text: String,
    addresses: BTreeSet<String>,
    /// Whether it leads to a program that serves Ingresses.
    entrance: bool,
}

/// What is known beside the Ingresses themselves.
struct Surroundings<'a> {
    context: &'a Context<'a>,
    classes: &'a Classes,
    settings: &'a Settings,
    groups: &'a Groups,
    nginx: &'a Merged,
    /// Hosts that Ingresses of Contour list in `spec.tls`.
    contour: &'a BTreeSet<String>,
    /// Whether ingress-nginx may be told to pass TLS on to pods.
    passthrough: bool,
    /// Load balancers that end TLS, before an Ingress controller perhaps.
    tls_before: Known<Vec<EndsTls>>,
}

fn rows(context: &Context<'_>) -> Result<Vec<Vec<Row>>, FactsError> {
    let (rows, classes, used) = read(context)?;
    Ok(vec![rows.into_iter().map(|(row, _)| row).collect(), classes.rows(&context.reader, &used)])
}

/// The ways in that Ingresses open.
pub(super) fn ways(context: &Context<'_>) -> Result<Vec<Way>, FactsError> {
    Ok(read(context)?.0.into_iter().flat_map(|(_, ways)| ways).collect())
}

/// A host, what is behind it, and the annotation that adds it.
type Host = (String, BTreeSet<String>, Option<&'static str>);

/// Rows with the ways in that they open, the classes, and which class each Ingress is of.
type Read = (Vec<(Row, Vec<Way>)>, Classes, Vec<(String, Evidence)>);

fn read(context: &Context<'_>) -> Result<Read, FactsError> {
    let classes = Classes::read(&context.reader)?;
    let settings = Settings::read(&context.reader)?;
    let mut before = Vec::new();
    let programs = Programs::of(context)?;
    context.reader.each::<Service>(&SERVICES, |service, _| {
        before.extend(ends_tls(&service, programs.behind(&service) == Program::ServesRoutes));
    })?;
    before.sort_by(|a: &EndsTls, b| a.text.cmp(&b.text));
    let tls_before = context.reader.known_if_complete(&SERVICES, || before);
    let (mut ingresses, mut groups, mut contour) = (Vec::new(), Groups::default(), BTreeSet::new());
    let mut nginx = Merged::default();
    context.reader.each::<Ingress>(&INGRESSES, |ingress, origin| {
        let class = class_of(&ingress);
        let engine = classes.engine(&class);
        let none = Annotations::new();
        let aws: Option<Seen> = (engine == Engine::AwsLoadBalancer).then(|| {
            let annotations = ingress.metadata.annotations.as_ref().unwrap_or(&none);
            settings.of_class(classes.object(&class)).map(|params| Member::new(&ingress, annotations, &params))
        });
        if let Some(Known::Known(member)) = &aws {
            groups.add(member.clone());
        }
        if engine == Engine::IngressNginx {
            nginx.add(classes.instance(&class), &ingress, ingress.metadata.annotations.as_ref().unwrap_or(&none));
        }
        if engine == Engine::Contour {
            let tls = ingress.spec.iter().flat_map(|spec| spec.tls.iter().flatten());
            contour.extend(tls.filter(|entry| has_secret(entry)).flat_map(|entry| entry.hosts.iter().flatten().cloned()));
        }
        ingresses.push((ingress, origin, aws));
    })?;
    nginx.sort();
    let passthrough =
        context.pods()?.iter().any(|group| !group.is_finished() && group.serves_routes.is_some_and(|serves| serves.passthrough));
    let surroundings = Surroundings {
        context,
        classes: &classes,
        settings: &settings,
        groups: &groups,
        nginx: &nginx,
        contour: &contour,
        passthrough,
        tls_before,
    };
    let mut rows = Vec::new();
    let mut used = Vec::new();
    for (ingress, origin, aws) in &ingresses {
        used.push((class_of(ingress), origin.clone()));
        rows.extend(of_ingress(ingress, origin, aws.as_ref(), &surroundings));
    }
    Ok((rows, classes, used))
}

fn ends_tls(service: &Service, entrance: bool) -> Option<EndsTls> {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    ends_tls_somewhere(service).then(|| EndsTls {
        text: format!("{}/{}", part(&service.metadata.namespace), part(&service.metadata.name)),
        addresses: load_balancers::addresses(service).into_iter().collect(),
        entrance,
    })
}

fn of_ingress(ingress: &Ingress, origin: &Evidence, aws: Option<&Seen>, around: &Surroundings<'_>) -> Vec<(Row, Vec<Way>)> {
    let none = Annotations::new();
    let annotations = ingress.metadata.annotations.as_ref().unwrap_or(&none);
    let empty = IngressSpec { ..IngressSpec::default() };
    let spec = ingress.spec.as_ref().unwrap_or(&empty);
    let namespace = ingress.metadata.namespace.clone().unwrap_or_default();
    let name = ingress.metadata.name.clone().unwrap_or_default();
    let class = class_of(ingress);
    let engine = around.classes.engine(&class);
    let status = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref()).and_then(|status| status.ingress.as_ref());
    let addresses = sorted_owned(status.into_iter().flatten().flat_map(|at| at.ip.clone().into_iter().chain(at.hostname.clone())));
    let subject = ObjectRef {
        kind: "Ingress".to_owned(),
        group: "networking.k8s.io".to_owned(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
        uid: ingress.metadata.uid.clone(),
    };
    let mut all: Vec<Host> = hosts(spec).into_iter().map(|(host, backends)| (host, backends, None)).collect();
    if let Some(alias) = host_alias(engine, annotations) {
        let backends = all.iter().flat_map(|(_, backends, _)| backends.iter().cloned()).collect();
        all.push((alias.to_owned(), backends, Some(alias)));
    }
    let instance = around.classes.instance(&class);
    let row = |(host, backends, alias): &Host| {
        // Of hosts that an annotation adds, the Ingress says what it says of any host.
        let (alias, backends) = (*alias, backends.clone());
        let asked_host: &str = if alias.is_some() { "" } else { host };
        let asked = Asked {
            ingress,
            spec,
            annotations,
            engine,
            class: &class,
            host: asked_host,
            settings: around.settings,
            reader: &around.context.reader,
            instance,
            nginx: (engine == Engine::IngressNginx && !asked_host.is_empty())
                .then(|| (around.nginx.certificate(instance, asked_host, ingress), around.nginx.says(instance, asked_host, ingress))),
            aws,
            groups: around.groups,
            passthrough: around.passthrough,
            named_elsewhere: around.contour.contains(asked_host),
        };
        let (tls_by, tls) = match (alias, asked.tls()) {
            (Some(alias), _) => ("", Known::Unknown(asked.tls_of_alias(alias))),
            (None, Tls::By(by)) => (by, Known::Known(true)),
            (None, Tls::Unknown(unseen)) => ("", Known::Unknown(unseen)),
            (None, Tls::None) => ("", without_visible_tls(&namespace, &name, &addresses, around)),
        };
        let redirect = resolved(around, &class).and_then(|()| match alias {
            Some(alias) => asked.redirect_of_alias(alias),
            None => asked.redirect(),
        });
        let plain = match (alias, &redirect) {
            (Some(_), Known::Known(word)) => Known::Known(*word != ON),
            (Some(_), Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
            (None, redirect) => asked.plain(&tls, redirect),
        };
        let host_text = match (alias, host.as_str()) {
            (Some(alias), _) => format!("the hosts of its annotation {alias}"),
            (None, "") => "any host".to_owned(),
            (None, host) => format!("the host {host}"),
        };
        let ways = backends.iter().map(|service| Way {
            namespace: namespace.clone(),
            service: Some(service.clone()),
            text: format!("Ingress {name}, {host_text}, Service {service}"),
            plain: plain.clone(),
            origin: origin.at("/spec"),
        });
        let ways = ways.collect();
        // For any host, ingress-nginx shows a certificate of its own (createServers).
        let is_shown = tls_by == SPEC_TLS && !(engine == Engine::IngressNginx && host.is_empty());
        let secret = asked.covering().flatten().filter(|_| is_shown).unwrap_or_default().to_owned();
        // They are said once, beside the hosts of its rules.
        let present = |names: &[&str]| {
            names.iter().filter(|name| alias.is_none() && annotations.contains_key(**name)).map(|name| (*name).to_owned()).collect()
        };
        let typed = IngressRow {
            host_text,
            tls_change: match alias {
                _ if tls == Known::Known(true) => String::new(),
                Some(alias) => remedies::alias(alias),
                None => remedies::tls(engine, host),
            },
            redirect_change: if redirect == Known::Known(ON) {
                String::new()
            } else if let Some(alias) = alias {
                remedies::alias(alias)
            } else {
                remedies::redirect(
                    engine,
                    host,
                    around.settings.never_redirected(around.classes.instance(&class)).known().is_some_and(Option::is_some),
                )
            },
            controller: around.classes.controller(&around.context.reader, &class),
            tls,
            tls_by: tls_by.to_owned(),
            secret,
            redirect,
            backend_protocol: first(annotations, BACKEND_PROTOCOLS).unwrap_or_default(),
            snippets: present(SNIPPETS),
            injecting: present(INJECTING),
            source_ranges: source_ranges(annotations),
            backends: backends.into_iter().collect(),
            addresses: addresses.clone(),
            class: class.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            host: host.clone(),
        };
        let row = Row::new(format!("{namespace}/{name}/{host}"), subject.clone(), vec![origin.clone()], typed)
            .evidenced("controller", around.classes.evidence(&class));
        (row, ways)
    };
    all.iter().map(row).collect()
}

/// Whether it is known which controller a class means: an IngressClass that was not read may say so.
fn resolved(around: &Surroundings<'_>, class: &str) -> Known<()> {
    match around.classes.object(class) {
        Some(_) => Known::Known(()),
        None => around.context.reader.known_if_complete(&INGRESS_CLASSES, || ()),
    }
}

/// Nothing in the Ingress provides TLS: either it is not there, or it is ended before requests come in.
fn without_visible_tls(namespace: &str, name: &str, addresses: &[String], around: &Surroundings<'_>) -> Known<bool> {
    if let Known::Unknown(unseen) = around.context.reader.known_if_complete(&INGRESS_CLASSES, || ()) {
        return Known::Unknown(unseen);
    }
    let before = |all: &Vec<EndsTls>| {
        let at = |one: &&EndsTls| {
            if addresses.is_empty() || one.addresses.is_empty() {
                one.entrance
            } else {
                addresses.iter().any(|at| one.addresses.contains(at))
            }
        };
        all.iter().find(at).map(|one| one.text.clone())
    };
    match around.tls_before.as_ref().map(before) {
        Known::Unknown(unseen) => Known::Unknown(unseen),
        Known::Known(None) => Known::Known(false),
        Known::Known(Some(service)) => Known::Unknown(Unseen::not_visible(
            format!("TLS of the Ingress {namespace}/{name}"),
            format!(
                "nothing in it provides TLS for the host, and the load balancer of the Service {service} ends TLS before requests come in"
            ),
            "Ask whether every request to the host passes that load balancer, and whether its plain HTTP port is closed.",
        )),
    }
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

fn first(annotations: &Annotations, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| annotations.get(*name).cloned())
}

fn source_ranges(annotations: &Annotations) -> Vec<String> {
    let lists = SOURCE_RANGES.iter().filter_map(|name| annotations.get(*name));
    sorted_owned(lists.flat_map(|list| list.split(',')).map(|range| range.trim().to_owned()).filter(|range| !range.is_empty()))
}
