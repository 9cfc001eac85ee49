//! ingress-nginx puts the Ingresses for one host together (`internal/ingress/controller/controller.go`, createServers, getBackendServers
//! and extractTLSSecretName; `store/store.go`, sortIngressSlice): the oldest one with a TLS section decides the certificate of the host for
//! all of them, each path belongs to the oldest one that has it, with its annotations, and a canary is only another backend of a path.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};

use super::annotations::{Annotations, NGINX_CANARY, NGINX_FORCE, NGINX_REDIRECT, said};
use super::hosts::certificate_covers;

/// The `spec.tls` entry that covers a host, as its Secret's name (`None` inside when it names none). An entry without hosts stands for
/// whatever the controller's certificate names, and covers every host (`networking/v1` IngressTLS, hosts).
pub(super) fn covering<'s>(spec: &'s IngressSpec, host: &str) -> Option<Option<&'s str>> {
    let covers = |hosts: &[String]| hosts.is_empty() || (!host.is_empty() && hosts.iter().any(|listed| certificate_covers(listed, host)));
    let entry = spec.tls.iter().flatten().find(|entry| covers(entry.hosts.as_deref().unwrap_or(&[])))?;
    Some(entry.secret_name.as_deref().filter(|name| !name.is_empty()))
}

/// What an Ingress says of redirects: `force-ssl-redirect`, then `ssl-redirect`.
pub(super) type Said = (Option<bool>, Option<bool>);

pub(super) fn says(annotations: &Annotations) -> Said {
    (said(annotations, &[NGINX_FORCE]), said(annotations, &[NGINX_REDIRECT]))
}

/// A path with its type.
type Path = (String, String);

/// One Ingress for a host.
#[derive(Debug)]
struct Part {
    created: Option<String>,
    place: (String, String),
    canary: bool,
    /// Whether its TLS section covers the host; none where it has none.
    covers: Option<bool>,
    paths: BTreeSet<Path>,
    says: Said,
}

/// Which certificate a host gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    /// One that is named for the host: by the Ingress that is asked about, or by another one.
    Named { own: bool },
    /// An older Ingress has a TLS section without the host, and a later one has the host: what the older one has decides.
    Overruled,
    /// No entry of the TLS sections that there are names it: it gets a certificate of the section that fits, or the controller's own.
    NotListed,
    /// No Ingress for it has a TLS section.
    None,
}

impl Certificate {
    /// Whether the host has some certificate, whichever: then plain requests are redirected.
    pub(super) fn is_some(self) -> bool {
        self != Self::None
    }
}

/// Ingresses of ingress-nginx, by instance of the controller and host.
#[derive(Debug, Default)]
pub(super) struct Merged {
    hosts: BTreeMap<(String, String), Vec<Part>>,
}

fn place(ingress: &Ingress) -> (String, String) {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    (part(&ingress.metadata.namespace), part(&ingress.metadata.name))
}

impl Merged {
    /// Adds an Ingress of an instance of the controller, which is known by the name that its class has for it.
    pub(super) fn add(&mut self, instance: &str, ingress: &Ingress, annotations: &Annotations) {
        let Some(spec) = &ingress.spec else { return };
        let mut paths: BTreeMap<String, BTreeSet<Path>> = BTreeMap::new();
        for rule in spec.rules.iter().flatten() {
            let of_host = paths.entry(rule.host.clone().unwrap_or_default()).or_default();
            of_host.extend(rule.http.iter().flat_map(|http| &http.paths).map(|path| {
                let written = path.path.clone().filter(|path| !path.is_empty());
                (written.unwrap_or_else(|| "/".to_owned()), path.path_type.clone())
            }));
        }
        let has_tls = spec.tls.as_ref().is_some_and(|tls| !tls.is_empty());
        for (host, paths) in paths {
            let part = Part {
                created: ingress.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string()),
                place: place(ingress),
                canary: said(annotations, &[NGINX_CANARY]) == Some(true),
                covers: has_tls.then(|| covering(spec, &host).is_some()),
                paths,
                says: says(annotations),
            };
            self.hosts.entry((instance.to_owned(), host)).or_default().push(part);
        }
    }

    /// Puts the oldest first; of two of the same second, the one whose name comes later.
    pub(super) fn sort(&mut self) {
        for parts in self.hosts.values_mut() {
            parts.sort_by(|a, b| (&a.created, &b.place).cmp(&(&b.created, &a.place)));
        }
    }

    /// The Ingresses for a host that make it what it is, the oldest first.
    fn parts(&self, instance: &str, host: &str) -> impl Iterator<Item = &Part> {
        let found = self.hosts.get(&(instance.to_owned(), host.to_owned()));
        found.into_iter().flatten().filter(|part| !part.canary)
    }

    /// The certificate of a host, where one Ingress of it is asked about.
    pub(super) fn certificate(&self, instance: &str, host: &str, ingress: &Ingress) -> Certificate {
        let first = self.parts(instance, host).find(|part| part.covers.is_some());
        let any = self.parts(instance, host).any(|part| part.covers == Some(true));
        match first {
            Some(first) if first.covers == Some(true) => Certificate::Named { own: first.place == place(ingress) },
            Some(_) if any => Certificate::Overruled,
            Some(_) => Certificate::NotListed,
            None => Certificate::None,
        }
    }

    /// What counts for the redirect of an Ingress's paths of a host: its own words, of a canary those of whose paths it shares. None where
    /// that is another Ingress's: every path of it belongs to an older one, or it is a canary of nothing.
    pub(super) fn says(&self, instance: &str, host: &str, ingress: &Ingress) -> Option<Said> {
        let place = place(ingress);
        let all = self.hosts.get(&(instance.to_owned(), host.to_owned()));
        let own = all.into_iter().flatten().find(|part| part.place == place)?;
        if own.canary {
            return self.parts(instance, host).find(|part| !part.paths.is_disjoint(&own.paths)).map(|part| part.says);
        }
        let older = || self.parts(instance, host).take_while(|part| part.place != place);
        let lost = |path: &Path| older().any(|part| part.paths.contains(path));
        (own.paths.is_empty() || !own.paths.iter().all(lost)).then_some(own.says)
    }
}
