//! Whether a host of an Ingress is served with TLS, and whether plain HTTP stays open beside it: each controller in its own words.

use k8s_openapi::api::networking::v1::{Ingress, IngressSpec, IngressTLS};

use super::annotations::{
    Annotations, CERTIFICATE_ARN, CONTOUR_FORCE, GOOGLE_FRONTEND, GOOGLE_HTTP, GOOGLE_MANAGED, GOOGLE_PRE_SHARED, HAPROXY_INGRESS,
    HAPROXY_TECHNOLOGIES, KONG_OVERRIDE, KONG_PROTOCOLS, LISTEN_PORTS, MERGEABLE, NGINX_FORCE, NGINX_ORG, NGINX_PASSTHROUGH,
    ROUTE_TERMINATION, TRAEFIK_TLS, kong_serves_plain, said, truth,
};
use super::aws::{Groups, Seen, redirects_all};
use super::controllers::{Engine, Settings, left};
use super::hosts::certificate_covers;
use super::ingress_nginx::{Certificate, Said, covering, says};
use crate::facts::Known;
use crate::facts::table::read::Reader;
use crate::model::Unseen;
use crate::model::annotations::{HOST_ALIASES, REDIRECTS};

const DEFAULT_CERTIFICATE: &str =
    "no plain request is answered, and what HTTPS shows is a certificate of the controller's own, of which nothing is seen";
/// What `tls_by` says where the Ingress itself names the host and a certificate.
pub(super) const SPEC_TLS: &str = "spec.tls";
pub(super) const OFF: &str = "switched off";
pub(super) const ON: &str = "switched on";

/// One host of an Ingress with what decides about it.
pub(super) struct Asked<'a> {
    pub(super) ingress: &'a Ingress,
    pub(super) spec: &'a IngressSpec,
    pub(super) annotations: &'a Annotations,
    pub(super) engine: Engine,
    pub(super) class: &'a str,
    pub(super) host: &'a str,
    pub(super) settings: &'a Settings,
    pub(super) reader: &'a Reader<'a>,
    /// The name by which ingress-nginx knows the class.
    pub(super) instance: &'a str,
    /// What ingress-nginx makes of it together with the other Ingresses for the host, where that serves it.
    pub(super) nginx: Option<(Certificate, Option<Said>)>,
    /// What the AWS controller makes of it, where that serves it.
    pub(super) aws: Option<&'a Seen>,
    pub(super) groups: &'a Groups,
    /// Whether ingress-nginx may be told to pass TLS on to the pods of the Ingresses that ask for it.
    pub(super) passthrough: bool,
    /// Hosts that some Ingress of the same controller names in its `spec.tls`, letter by letter.
    pub(super) named_elsewhere: bool,
}

pub(super) fn has_secret(entry: &IngressTLS) -> bool {
    entry.secret_name.as_deref().is_some_and(|name| !name.is_empty())
}

/// Whether the entry lists the host letter by letter, with a Secret.
pub(super) fn names_with_secret(entry: &IngressTLS, host: &str) -> bool {
    !host.is_empty() && has_secret(entry) && entry.hosts.iter().flatten().any(|listed| listed == host)
}

/// The annotation by which an Ingress publishes further hosts, where its controller reads one, or may.
pub(super) fn host_alias(engine: Engine, annotations: &Annotations) -> Option<&'static str> {
    let reads = |name: &&str| match engine {
        Engine::IngressNginx => name.starts_with("nginx.ingress.kubernetes.io/"),
        Engine::HaproxyIngress => name.starts_with("haproxy-ingress.github.io/") || name.starts_with("ingress.kubernetes.io/"),
        Engine::Kong => name.starts_with("konghq.com/"),
        Engine::Other => true,
        _ => false,
    };
    HOST_ALIASES.iter().copied().filter(reads).find(|name| annotations.get(*name).is_some_and(|value| !value.is_empty()))
}

/// What TLS is provided by, where something does.
pub(super) enum Tls {
    By(&'static str),
    None,
    Unknown(Unseen),
}

impl Asked<'_> {
    fn text(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("the Ingress {}/{}", part(&self.ingress.metadata.namespace), part(&self.ingress.metadata.name))
    }

    fn unknown(&self, why: &str, how_to_see: &str) -> Tls {
        Tls::Unknown(Unseen::not_visible(format!("TLS of {}", self.text()), why.to_owned(), how_to_see.to_owned()))
    }

    /// Whether an annotation is there and says something.
    fn has(&self, name: &'static str) -> Option<&'static str> {
        self.annotations.get(name).is_some_and(|value| !value.is_empty()).then_some(name)
    }

    /// See [`covering`].
    pub(super) fn covering(&self) -> Option<Option<&str>> {
        covering(self.spec, self.host)
    }

    /// Whether `spec.tls` lists the host as it is written.
    fn named(&self) -> bool {
        !self.host.is_empty() && self.spec.tls.iter().flatten().any(|entry| entry.hosts.iter().flatten().any(|listed| listed == self.host))
    }

    /// Whether `spec.tls` lists the host as it is written, with a Secret.
    fn named_with_secret(&self) -> bool {
        self.spec.tls.iter().flatten().any(|entry| names_with_secret(entry, self.host))
    }

    /// Whether an entry of `spec.tls` for a name that covers the host has a Secret; an entry without hosts is for none.
    fn covered_with_secret(&self) -> bool {
        let covers = |entry: &&IngressTLS| entry.hosts.iter().flatten().any(|listed| certificate_covers(listed, self.host));
        !self.host.is_empty() && self.spec.tls.iter().flatten().filter(covers).any(has_secret)
    }

    pub(super) fn tls(&self) -> Tls {
        let covered = self.covering().is_some();
        let by = |is: bool| if is { Tls::By(SPEC_TLS) } else { Tls::None };
        match self.engine {
            // AWS Load Balancer Controller, *Certificate Discovery*: spec.tls chooses certificates, and only listen-ports (or a certificate
            // that is named) opens a port for HTTPS. Where the group redirects, its plain port serves nothing.
            Engine::AwsLoadBalancer => match self.aws {
                Some(Known::Unknown(unseen)) => Tls::Unknown(unseen.clone()),
                Some(Known::Known(member)) if member.https => Tls::By(member.by),
                Some(Known::Known(member)) if self.groups.redirects(member) => Tls::By("the redirect of its group"),
                _ => Tls::None,
            },
            // route-controller-manager, referencesSecret and tlsEnabled: the host of the rule has to be listed as it is written, and other
            // values of the annotation, and other letters, are ignored.
            Engine::OpenShift => {
                let known = |value: &String| matches!(value.as_str(), "edge" | "passthrough" | "reencrypt");
                match self.annotations.get(ROUTE_TERMINATION) {
                    _ if self.named() => Tls::By(SPEC_TLS),
                    Some(value) if known(value) => Tls::By(ROUTE_TERMINATION),
                    _ => Tls::None,
                }
            }
            // `internal/dag/ingress_processor.go`: a host is served with TLS where some spec.tls lists it letter by letter; the host `*` never is.
            // Without a Secret there is no secure virtual host.
            Engine::Contour => by(self.named_with_secret() || (self.named_elsewhere && !self.host.is_empty())),
            // nginx/kubernetes-ingress, addSSLConfig: letter by letter.
            Engine::NginxOrg if self.annotations.get(MERGEABLE).is_some_and(|kind| kind == "minion") && !self.named() => self.unknown(
                "it is a minion, and TLS is part of its master",
                "Look at spec.tls of the Ingress with nginx.org/mergeable-ingress-type: master for this host.",
            ),
            Engine::NginxOrg if self.named() && !self.named_with_secret() => self.unknown(
                "its entry in spec.tls has no Secret, and whether the controller was given one for all hosts is not seen",
                "Set secretName in spec.tls, or ask for -wildcard-tls-secret of the controller.",
            ),
            Engine::NginxOrg => by(self.named()),
            // Traefik's provider for Ingresses takes only certificates from spec.tls; the router has TLS by this annotation or by its entry points.
            Engine::Traefik if self.annotations.get(TRAEFIK_TLS).is_some_and(|value| value == "true") => Tls::By(TRAEFIK_TLS),
            Engine::Traefik => self.unknown(
                "spec.tls only gives Traefik a certificate, and whether the entry points have TLS stands in its own configuration",
                "Set traefik.ingress.kubernetes.io/router.tls: \"true\", or ask for Traefik's entryPoints configuration.",
            ),
            // `pkg/translator/translator.go`, NewEnv: certificates come from the Secrets, whatever hosts are listed, and serve all of the
            // load balancer; an entry without a Secret is passed over.
            Engine::GoogleCloud if self.spec.tls.iter().flatten().any(has_secret) => Tls::By(SPEC_TLS),
            Engine::GoogleCloud if self.has(GOOGLE_PRE_SHARED).is_some() => Tls::By(GOOGLE_PRE_SHARED),
            // Without a certificate there is no listener for HTTPS, and without plain HTTP nothing else either.
            Engine::GoogleCloud if self.has(GOOGLE_MANAGED).is_some() => match said(self.annotations, &[GOOGLE_HTTP]) {
                Some(false) => Tls::By(GOOGLE_MANAGED),
                _ => self.unknown(
                    "it names a ManagedCertificate, and whether that is there and active is not seen: until it is, only plain HTTP is served",
                    "Look at status.certificateStatus of the ManagedCertificate, which has to be Active.",
                ),
            },
            Engine::GoogleCloud => Tls::None,
            Engine::IngressNginx if !self.host.is_empty() => match self.nginx.map(|(certificate, _)| certificate) {
                Some(Certificate::Named { own: true }) => Tls::By(SPEC_TLS),
                Some(Certificate::Named { own: false }) => Tls::By("spec.tls of another Ingress for the host"),
                Some(Certificate::Overruled) => self.unknown(
                    "an older Ingress for the host has spec.tls without it, and ingress-nginx takes the certificate from there",
                    "Write the host into spec.tls of the oldest Ingress that has the host, or look at which certificate is shown.",
                ),
                Some(Certificate::NotListed | Certificate::None) | None if self.passed_through() => {
                    self.unknown("ingress-nginx passes TLS on to the pods, which end it", "Look at the certificate that the pods show.")
                }
                Some(Certificate::NotListed) => self.unknown(
                    "its TLS section does not list the host, and ingress-nginx takes a certificate of the section that names it, or one of its own",
                    "Write the host into spec.tls, or look at which certificate is shown.",
                ),
                Some(Certificate::None) | None if self.forced().known() != Some(&false) => {
                    self.unknown(DEFAULT_CERTIFICATE, "Write the host and secretName into spec.tls.")
                }
                Some(Certificate::None) | None => Tls::None,
            },
            // `pkg/converters/ingress/ingress.go`: only the very names of spec.tls get an HTTPS host.
            Engine::HaproxyIngress => by(self.named()),
            // `pkg/store/convert.go` of HAProxy Technologies, `parser/translators` of Kong: entries are kept by host, with their Secrets. Without
            // either, what answers on the HTTPS port is a certificate that the controller may have been given.
            Engine::HaproxyTechnologies | Engine::Kong if self.covered_with_secret() => Tls::By(SPEC_TLS),
            Engine::Kong if self.forced().known() != Some(&false) => {
                self.unknown(DEFAULT_CERTIFICATE, "Write the host and secretName into spec.tls.")
            }
            Engine::HaproxyTechnologies | Engine::Kong if covered => self.unknown(
                "its entry in spec.tls names no host or no Secret, and whether the controller has a certificate of its own is not seen",
                "Write the host and secretName into spec.tls.",
            ),
            Engine::IngressNginx | Engine::HaproxyTechnologies | Engine::Kong => by(covered),
            Engine::Other => self.of_a_stranger(covered),
        }
    }

    /// Nobody says which controller serves it, or it is one whose words are not known.
    fn of_a_stranger(&self, covered: bool) -> Tls {
        let resolve = "Set spec.ingressClassName (on GKE the annotation kubernetes.io/ingress.class), or ask which controller serves it.";
        if covered {
            return match self.class {
                "" => self.unknown("it names no class, and what spec.tls does depends on the controller that serves it", resolve),
                class => self.unknown(
                    &format!("what the controller of the class {class} makes of spec.tls is not known here"),
                    "Ask whether the controller serves the host with TLS, and look at what it answers.",
                ),
            };
        }
        let termination =
            self.annotations.get(ROUTE_TERMINATION).filter(|value| matches!(value.as_str(), "edge" | "passthrough" | "reencrypt"));
        let listens = self
            .annotations
            .get(LISTEN_PORTS)
            .is_some_and(|ports| super::annotations::listen_ports(ports).iter().any(|(protocol, _)| protocol == "HTTPS"));
        let hint = termination
            .map(|_| ROUTE_TERMINATION)
            .or_else(|| listens.then_some(LISTEN_PORTS))
            .or_else(|| [CERTIFICATE_ARN, GOOGLE_PRE_SHARED, GOOGLE_MANAGED].into_iter().find_map(|name| self.has(name)));
        let traefik = self.annotations.get(TRAEFIK_TLS).filter(|value| *value == "true").map(|_| TRAEFIK_TLS);
        match hint.or(traefik) {
            Some(hint) if self.class.is_empty() => {
                self.unknown(&format!("it names no class, and what {hint} means for TLS depends on the controller that serves it"), resolve)
            }
            _ => Tls::None,
        }
    }

    /// Whether ingress-nginx passes TLS of the host on to the pods: the Ingress asks for it, and the controller was told that it may
    /// (its *TLS/HTTPS*, SSL Passthrough).
    pub(super) fn passed_through(&self) -> bool {
        self.engine == Engine::IngressNginx
            && self.passthrough
            && !self.host.is_empty()
            && said(self.annotations, &[NGINX_PASSTHROUGH]) == Some(true)
    }

    /// Whether no plain request is answered with anything but a redirect, whatever certificate there is: ingress-nginx with
    /// force-ssl-redirect (`lua_ingress.lua`), Kong with routes for HTTPS alone.
    pub(super) fn forced(&self) -> Known<bool> {
        match self.engine {
            Engine::IngressNginx => {
                let own = self.nginx.map_or(Some(says(self.annotations)), |(_, said)| said);
                let forces = matches!(own, Some((Some(true), _)))
                    || (matches!(own, Some((None, _))) && self.settings.ingress_nginx_forces(self.instance));
                match forces {
                    true => self.settings.never_redirected(self.instance).map(|paths| paths.is_none()),
                    false => Known::Known(false),
                }
            }
            Engine::Kong => Known::Known(!self.annotations.contains_key(KONG_OVERRIDE) && !kong_serves_plain(self.annotations)),
            _ => Known::Known(false),
        }
    }

    /// Of ingress-nginx: what becomes of a redirect by the paths that it never redirects.
    fn but_for_some_paths(&self, redirects: Known<bool>) -> Known<&'static str> {
        match redirects {
            Known::Known(true) => {}
            Known::Known(false) => return Known::Known(OFF),
            Known::Unknown(unseen) => return Known::Unknown(unseen),
        }
        match self.settings.never_redirected(self.instance) {
            Known::Known(None) => Known::Known(ON),
            Known::Known(Some(paths)) if paths.split(',').any(|path| path.trim() == "/") => Known::Known(OFF),
            Known::Known(Some(paths)) => Known::Unknown(left(
                &self.text(),
                &format!("no-tls-redirect-locations of the controller leaves plain HTTP open for paths that begin with {paths}"),
                "or take the paths out of no-tls-redirect-locations",
            )),
            Known::Unknown(unseen) => Known::Unknown(unseen),
        }
    }

    /// Whether plain HTTP stays open beside TLS.
    pub(super) fn redirect(&self) -> Known<&'static str> {
        let word = |redirects: bool| Known::Known(if redirects { ON } else { OFF });
        let what = self.text();
        let unread = |why: &str, say: &str| Known::Unknown(left(&what, why, say));
        let own = |names: &[&str], program: &str| match said(self.annotations, names) {
            Some(redirects) => word(redirects),
            None => unread(
                &format!("{program} redirects unless its ConfigMap says otherwise, which is not read"),
                &format!("{}: \"true\"", names[0]),
            ),
        };
        match self.engine {
            // Its annotations documentation: force-ssl-redirect redirects in any case, ssl-redirect where TLS is set. The server for any host has
            // no certificate under the name that is asked for (`certificate.lua`, configured_for_current_request).
            Engine::IngressNginx if self.host.is_empty() => match says(self.annotations).0 {
                Some(forces) => self.but_for_some_paths(Known::Known(forces)),
                None => self.but_for_some_paths(self.settings.ingress_nginx_may_force(&what, self.instance)),
            },
            Engine::IngressNginx => match self.nginx.map_or(Some(says(self.annotations)), |(_, said)| said) {
                Some((Some(true), _) | (_, Some(true))) => self.but_for_some_paths(Known::Known(true)),
                Some((_, Some(false))) => word(false),
                Some((_, None)) => self.but_for_some_paths(self.settings.ingress_nginx_redirects(&what, self.instance)),
                None => unread(
                    "each of its paths is another Ingress's for the host, whose annotations count",
                    "nginx.ingress.kubernetes.io/ssl-redirect: \"true\", on each Ingress for the host",
                ),
            },
            Engine::NginxOrg => own(NGINX_ORG, "the controller of nginx.org"),
            Engine::HaproxyTechnologies => own(HAPROXY_TECHNOLOGIES, "the controller of haproxy.org"),
            Engine::HaproxyIngress => own(HAPROXY_INGRESS, "HAProxy Ingress"),
            Engine::AwsLoadBalancer => match self.aws {
                Some(Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
                Some(Known::Known(member)) => {
                    let closed = !member.http || self.groups.redirects(member) || redirects_all(self.spec, self.host, self.annotations);
                    word(closed)
                }
                None => unread("what the AWS controller makes of it is not known", "alb.ingress.kubernetes.io/ssl-redirect: \"443\""),
            },
            // `pkg/annotations/ingress.go`, AllowHTTP: unset, and what is no truth value, is yes; a FrontendConfig may redirect, but not at an
            // internal load balancer (`pkg/loadbalancers/url_maps.go`).
            Engine::GoogleCloud if said(self.annotations, &[GOOGLE_HTTP]) == Some(false) => word(true),
            Engine::GoogleCloud if self.class == "gce-internal" => word(false),
            Engine::GoogleCloud => match self.annotations.get(GOOGLE_FRONTEND) {
                None => word(false),
                Some(name) => {
                    let namespace = self.ingress.metadata.namespace.as_deref().unwrap_or_default();
                    self.settings.frontend(self.reader, namespace, name).and_then(|redirects| match redirects {
                        Some(redirects) => word(redirects),
                        None => unread(
                            &format!("the FrontendConfig {name} that it names is not there"),
                            "kubernetes.io/ingress.allow-http: \"false\"",
                        ),
                    })
                }
            },
            // `internal/annotation`: plain HTTP is served beside TLS unless one of these says otherwise.
            Engine::Contour => {
                let closed = self.annotations.get(GOOGLE_HTTP).is_some_and(|value| value == "false");
                let forced = self.annotations.get(CONTOUR_FORCE).is_some_and(|value| value == "true");
                word(closed || forced)
            }
            Engine::Kong if self.annotations.contains_key(KONG_OVERRIDE) => {
                unread("a KongIngress that it names may set the protocols, and is not read", "konghq.com/protocols: \"https\"")
            }
            Engine::Kong => word(!kong_serves_plain(self.annotations)),
            // A router with TLS takes no plain requests.
            Engine::Traefik if self.annotations.get(TRAEFIK_TLS).is_some_and(|value| value == "true") => word(true),
            Engine::Traefik => unread(
                "whether the entry points redirect stands in Traefik's own configuration",
                "traefik.ingress.kubernetes.io/router.tls: \"true\"",
            ),
            // What is served stands in the Route that OpenShift makes of it, which the table `entrances` holds: one that redirects.
            Engine::OpenShift => word(true),
            Engine::Other if self.asks_some_controller_not_to() => word(false),
            Engine::Other => {
                unread("it is not known which controller serves it, or what that does with plain HTTP", "in the words of its controller")
            }
        }
    }

    /// Whether the host is answered over plain HTTP with anything but a redirect.
    pub(super) fn plain(&self, tls: &Known<bool>, redirect: &Known<&'static str>) -> Known<bool> {
        let has_some_certificate = self.nginx.is_some_and(|(certificate, _)| certificate.is_some());
        match self.forced() {
            // Whatever certificate there is.
            Known::Known(true) => Known::Known(false),
            Known::Unknown(unseen) => Known::Unknown(unseen),
            Known::Known(false) if has_some_certificate => redirect.clone().map(|word| word != ON),
            // Without a certificate of its own the host is not redirected, and plain requests are passed on beside (`lua_ingress.lua`).
            Known::Known(false) if self.passed_through() && tls.known() != Some(&true) => Known::Known(true),
            Known::Known(false) => match (tls, redirect) {
                (Known::Known(false), _) | (Known::Unknown(_), Known::Known(OFF)) => Known::Known(true),
                (Known::Known(true), redirect) => redirect.clone().map(|word| word != ON),
                (Known::Unknown(unseen), _) => Known::Unknown(unseen.clone()),
            },
        }
    }

    /// TLS of the hosts that such an annotation adds; their names are not stored.
    pub(super) fn tls_of_alias(&self, name: &str) -> Unseen {
        Unseen::not_visible(
            format!("TLS of further hosts of {}", self.text()),
            format!(
                "its annotation {name} publishes hosts that are not stored, and they get its certificate only where that is valid for them"
            ),
            "Write the hosts into rules and spec.tls in place of the annotation.",
        )
    }

    /// The redirect of such hosts. ingress-nginx leaves out those for which the certificate is not valid (`nginx.go`,
    /// configureCertificates); of Kong, the protocols are those of all its hosts.
    pub(super) fn redirect_of_alias(&self, name: &str) -> Known<&'static str> {
        let certain = match self.engine {
            Engine::Kong => true,
            Engine::IngressNginx => self.forced() == Known::Known(true) || says(self.annotations) == (None, Some(false)),
            _ => said(self.annotations, HAPROXY_INGRESS) == Some(false),
        };
        match self.redirect() {
            Known::Known(_) if !certain => Known::Unknown(left(
                &format!("further hosts of {}", self.text()),
                &format!("its annotation {name} publishes hosts that are not stored, and those without a certificate are not redirected"),
                "in rules and spec.tls, in place of the annotation",
            )),
            redirect => redirect,
        }
    }

    /// Whether it asks in the words of any controller for plain HTTP to stay open.
    fn asks_some_controller_not_to(&self) -> bool {
        let forced = said(self.annotations, &[NGINX_FORCE]) == Some(true);
        let off = REDIRECTS.iter().any(|name| self.annotations.get(*name).and_then(|value| truth(value)) == Some(false));
        let both = self.annotations.contains_key(KONG_PROTOCOLS) && kong_serves_plain(self.annotations);
        (off || both) && !forced
    }
}
