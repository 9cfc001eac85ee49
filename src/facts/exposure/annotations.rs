//! Annotations of Ingresses that controllers read.

use std::collections::BTreeMap;

use serde::Deserialize;

pub(super) type Annotations = BTreeMap<String, String>;

/// Names a certificate of the cloud; that it is there is enough.
pub(super) const GOOGLE_PRE_SHARED: &str = "ingress.gcp.kubernetes.io/pre-shared-cert";
/// Names an object by which a certificate is asked for.
pub(super) const GOOGLE_MANAGED: &str = "networking.gke.io/managed-certificates";
pub(super) const GOOGLE_HTTP: &str = "kubernetes.io/ingress.allow-http";
pub(super) const GOOGLE_FRONTEND: &str = "networking.gke.io/v1beta1.FrontendConfig";
pub(super) const LISTEN_PORTS: &str = "alb.ingress.kubernetes.io/listen-ports";
pub(super) const CERTIFICATE_ARN: &str = "alb.ingress.kubernetes.io/certificate-arn";
pub(super) const AWS_GROUP: &str = "alb.ingress.kubernetes.io/group.name";
pub(super) const AWS_REDIRECT: &str = "alb.ingress.kubernetes.io/ssl-redirect";
/// Which requests an action is for; the name of the action follows.
pub(super) const AWS_CONDITIONS: &str = "alb.ingress.kubernetes.io/conditions.";
pub(super) const AWS_ACTION: &str = "alb.ingress.kubernetes.io/actions.";
pub(super) const TRAEFIK_TLS: &str = "traefik.ingress.kubernetes.io/router.tls";
pub(super) const ROUTE_TERMINATION: &str = "route.openshift.io/termination";
pub(super) const NGINX_CANARY: &str = "nginx.ingress.kubernetes.io/canary";
pub(super) const NGINX_REDIRECT: &str = "nginx.ingress.kubernetes.io/ssl-redirect";
pub(super) const NGINX_PASSTHROUGH: &str = "nginx.ingress.kubernetes.io/ssl-passthrough";
pub(super) const NGINX_FORCE: &str = "nginx.ingress.kubernetes.io/force-ssl-redirect";
pub(super) const CONTOUR_FORCE: &str = "ingress.kubernetes.io/force-ssl-redirect";
pub(super) const KONG_PROTOCOLS: &str = "konghq.com/protocols";
pub(super) const KONG_OVERRIDE: &str = "konghq.com/override";
pub(super) const MERGEABLE: &str = "nginx.org/mergeable-ingress-type";

/// Spellings of one setting: the first that is there and says something counts (HAProxy Technologies `annotationsPrefixes`; HAProxy Ingress
/// `--annotations-prefix`; nginx/kubernetes-ingress `annotations.go`).
pub(super) const HAPROXY_TECHNOLOGIES: &[&str] =
    &["haproxy.org/ssl-redirect", "ingress.kubernetes.io/ssl-redirect", "haproxy.com/ssl-redirect"];
pub(super) const HAPROXY_INGRESS: &[&str] = &["haproxy-ingress.github.io/ssl-redirect", "ingress.kubernetes.io/ssl-redirect"];
pub(super) const NGINX_ORG: &[&str] = &["nginx.org/ssl-redirect", "ingress.kubernetes.io/ssl-redirect"];

/// A truth value as controllers written in Go read it (`strconv.ParseBool`); they ignore an annotation with another word.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// What the first of several spellings says that says something.
pub(super) fn said(annotations: &Annotations, names: &[&str]) -> Option<bool> {
    names.iter().find_map(|name| annotations.get(*name).and_then(|value| truth(value)))
}

/// Protocols of Kong's routes, and whether plain HTTP is among them. Unset is both (Kong's own default of a route), and so is a list with
/// a word that is none, which is left out as a whole (`kongstate/route.go`, overrideProtocols).
pub(super) fn kong_serves_plain(annotations: &Annotations) -> bool {
    const KNOWN: &[&str] = &["http", "https", "grpc", "grpcs", "ws", "wss", "tls", "tcp", "tls_passthrough", "udp"];
    let written = annotations.get(KONG_PROTOCOLS).map(String::as_str).unwrap_or("");
    let words: Vec<&str> = written.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    words.is_empty() || words.iter().any(|word| !KNOWN.contains(word) || matches!(*word, "http" | "grpc" | "ws"))
}

/// Ports that `listen-ports` of the AWS controller opens, with their protocols: a JSON list of objects. The controller refuses anything
/// else, and opens nothing then.
pub(super) fn listen_ports(ports: &str) -> Vec<(String, i32)> {
    serde_json::from_str::<Vec<BTreeMap<String, i32>>>(ports).map(|entries| entries.into_iter().flatten().collect()).unwrap_or_default()
}

/// An action that the AWS controller is given in an annotation. Its fields are read in any case.
#[derive(Debug, Deserialize)]
struct Action {
    #[serde(alias = "Type", rename = "type")]
    kind: String,
    #[serde(alias = "RedirectConfig", rename = "redirectConfig")]
    redirect: Option<ActionRedirect>,
}

#[derive(Debug, Deserialize)]
struct ActionRedirect {
    #[serde(alias = "Protocol")]
    protocol: Option<String>,
}

/// Whether the action of that name answers with a redirect to HTTPS.
pub(super) fn redirects_by_action(annotations: &Annotations, name: &str) -> bool {
    let written = annotations.get(&format!("{AWS_ACTION}{name}"));
    let action = written.and_then(|text| serde_json::from_str::<Action>(text).ok());
    action.is_some_and(|action| action.kind == "redirect" && action.redirect.is_some_and(|to| to.protocol.as_deref() == Some("HTTPS")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotations(name: &str, value: &str) -> Annotations {
        Annotations::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn kong_serves_both_unless_it_is_told_otherwise() {
        for (protocols, plain) in [("http,https", true), ("https", false), (" https , grpcs", false), ("", true), ("https,smtp", true)] {
            assert_eq!(kong_serves_plain(&annotations(KONG_PROTOCOLS, protocols)), plain, "{protocols}");
        }
        assert!(kong_serves_plain(&Annotations::new()));
    }

    #[test]
    fn an_action_redirects_only_to_https() {
        let to = |text: &str| redirects_by_action(&annotations("alb.ingress.kubernetes.io/actions.up", text), "up");
        assert!(to(r#"{"Type":"redirect","RedirectConfig":{"Protocol":"HTTPS"}}"#));
        assert!(to(r#"{"type":"redirect","redirectConfig":{"protocol":"HTTPS","port":"443"}}"#));
        for other in [r#"{"type":"redirect","redirectConfig":{"protocol":"HTTP"}}"#, r#"{"type":"forward"}"#, "[redacted]"] {
            assert!(!to(other), "{other}");
        }
        assert!(!redirects_by_action(&Annotations::new(), "up"));
    }
}
