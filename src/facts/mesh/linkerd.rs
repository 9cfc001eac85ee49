//! Policies of Linkerd, by the rules of linkerd/linkerd2 `policy-controller/k8s/index/src/inbound/index.rs` (`reindex_servers`,
//! `client_authzs`, `policy_client_authz`, `default_inbound_server`), `inbound/workload.rs`, `inbound/server_authorization.rs` and `defaults.rs`.
//! Between two pods with its proxy Linkerd always uses mutual TLS; what is in question is whether a pod takes anything else.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;

use super::judged::{Exception, Judged};
use super::proxies::{Pod, annotation_at};
use crate::facts::custom::Custom;
use crate::facts::labels::{Selector, SelectorFile};
use crate::facts::table::read::Reader;
use crate::facts::{FactsError, Known};
use crate::model::sources::{LINKERD_AUTHORIZATION_POLICIES, LINKERD_CONFIG, LINKERD_SERVER_AUTHORIZATIONS, LINKERD_SERVERS};
use crate::model::{Evidence, SourceId, Unseen};

/// On a pod: what it takes where no Server speaks of a port. The injector copies it from the namespace.
const DEFAULT_POLICY: &str = "config.linkerd.io/default-inbound-policy";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerSpec {
    pod_selector: Option<SelectorFile>,
    port: IntOrString,
    access_policy: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct ServerAuthorizationSpec {
    server: ByName,
    client: Client,
}

#[derive(Clone, Debug, Deserialize)]
struct ByName {
    name: Option<String>,
    selector: Option<SelectorFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    unauthenticated: Option<bool>,
    #[serde(rename = "meshTLS")]
    mesh_tls: Option<MeshTls>,
}

#[derive(Clone, Debug, Deserialize)]
struct MeshTls {
    #[serde(rename = "unauthenticatedTLS")]
    unauthenticated_tls: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicySpec {
    target_ref: Ref,
    required_authentication_refs: Option<Vec<Ref>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Ref {
    group: Option<String>,
    kind: String,
    name: String,
}

/// A port of some pods.
struct Server {
    metadata: ObjectMeta,
    /// None where it is about something outside of the cluster.
    selector: Option<Selector>,
    port: IntOrString,
    access_policy: Option<String>,
    origin: Evidence,
}

/// What lets in clients of a Server that do not show by a certificate who they are.
struct Opening {
    namespace: String,
    target: Target,
    /// `AuthorizationPolicy records/probes asks for no identity`.
    text: String,
    at: Evidence,
}

enum Target {
    Named(String),
    Labelled(Selector),
    Namespace,
    /// A route; of which Server, its own object says.
    Route,
}

/// Everything of Linkerd that decides what pods in its mesh take.
pub(super) struct Linkerd {
    servers: Vec<Server>,
    openings: Vec<Opening>,
    /// What is not known of the policies, by the namespace that it could be about.
    doubts: Vec<(Option<String>, Unseen)>,
    /// What Linkerd was installed with.
    default: Known<(String, Evidence)>,
}

impl Linkerd {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let (mut servers, mut openings) = (Vec::new(), Vec::new());
        let strange = |source: &SourceId, meta: &ObjectMeta, why: &str| {
            let name = format!("{}/{}", meta.namespace.as_deref().unwrap_or("?"), meta.name.as_deref().unwrap_or("?"));
            reader.not_decoded(source, meta.namespace.clone(), name, why);
        };
        reader.each::<Custom<ServerSpec>>(&LINKERD_SERVERS, |object, origin| {
            let Some(spec) = object.spec.map(|spec| spec.known) else {
                return strange(&LINKERD_SERVERS, &object.metadata, "it has no spec");
            };
            match spec.pod_selector.as_ref().map(Selector::read).transpose() {
                Ok(selector) => {
                    servers.push(Server { metadata: object.metadata, selector, port: spec.port, access_policy: spec.access_policy, origin })
                }
                Err(why) => strange(&LINKERD_SERVERS, &object.metadata, &why),
            }
        })?;
        reader.each::<Custom<ServerAuthorizationSpec>>(&LINKERD_SERVER_AUTHORIZATIONS, |object, origin| {
            match object.spec.map(|spec| opened_by_authorization(spec.known, &object.metadata, &origin)) {
                Some(Ok(found)) => openings.extend(found),
                Some(Err(why)) => strange(&LINKERD_SERVER_AUTHORIZATIONS, &object.metadata, &why),
                None => strange(&LINKERD_SERVER_AUTHORIZATIONS, &object.metadata, "it has no spec"),
            }
        })?;
        reader.each::<Custom<PolicySpec>>(&LINKERD_AUTHORIZATION_POLICIES, |object, origin| {
            match object.spec.map(|spec| opened_by_policy(&spec.known, &object.metadata, &origin)) {
                Some(Ok(found)) => openings.extend(found),
                Some(Err(why)) => strange(&LINKERD_AUTHORIZATION_POLICIES, &object.metadata, &why),
                None => strange(&LINKERD_AUTHORIZATION_POLICIES, &object.metadata, "it has no spec"),
            }
        })?;
        let mut doubts = Vec::new();
        for source in [&LINKERD_SERVERS, &LINKERD_SERVER_AUTHORIZATIONS, &LINKERD_AUTHORIZATION_POLICIES] {
            match reader.known_if_read(source, || ()) {
                Known::Known(()) => doubts.extend(reader.doubts_of(source)),
                Known::Unknown(unseen) => doubts.push((None, unseen)),
            }
        }
        // Of two for one port the older counts, of one age the first by name.
        let age =
            |server: &Server| (server.metadata.creation_timestamp.as_ref().map(|time| time.0.to_owned()), server.metadata.name.clone());
        servers.sort_by_key(age);
        openings.sort_by(|a, b| (&a.namespace, &a.text).cmp(&(&b.namespace, &b.text)));
        Ok(Self { servers, openings, doubts, default: installed_with(reader)? })
    }

    /// What holds for a pod with Linkerd's proxy.
    pub(super) fn judge(&self, pod: &Pod, origin: &Evidence) -> Judged {
        let own = pod.namespace();
        let (policy, by, at) = match (pod.annotation(DEFAULT_POLICY), &self.default) {
            (Some(policy), _) => {
                (policy.to_owned(), format!("the annotation {DEFAULT_POLICY}"), vec![annotation_at(origin, DEFAULT_POLICY)])
            }
            (None, Known::Known((policy, at))) => (policy.clone(), "the default of the installation".to_owned(), vec![at.clone()]),
            (None, Known::Unknown(unseen)) => return Judged { exceptions: self.exceptions(pod, own), ..Judged::unknown(unseen) },
        };
        let strict = match authenticated_only(&policy) {
            Some(strict) => Known::Known(strict),
            None => Known::Unknown(policy_unseen(&format!("the default policy of {}", pod.display()), &policy)),
        };
        Judged { mode: strict.clone().map(|_| policy), strict, by, at, exceptions: self.exceptions(pod, own) }
    }

    fn exceptions(&self, pod: &Pod, own: &str) -> Known<Vec<Exception>> {
        let counts = |namespace: &Option<String>| namespace.as_deref().is_none_or(|namespace| namespace == own);
        if let Some((_, unseen)) = self.doubts.iter().find(|(namespace, _)| counts(namespace)) {
            return Known::Unknown(unseen.clone());
        }
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        let (mut taken, mut found, mut gap): (BTreeSet<i64>, Vec<Exception>, Option<Unseen>) = (BTreeSet::new(), Vec::new(), None);
        let of_pod = |server: &&Server| {
            server.metadata.namespace.as_deref() == Some(own) && server.selector.as_ref().is_some_and(|selector| selector.matches(&labels))
        };
        for server in self.servers.iter().filter(of_pod) {
            let ports = match &server.port {
                IntOrString::Int(port) => vec![i64::from(*port)],
                IntOrString::String(name) => match name.parse::<i64>() {
                    Ok(port) => vec![port],
                    Err(_) => pod.ports_named(name),
                },
            };
            for port in ports.into_iter().filter(|port| taken.insert(*port)) {
                self.opened(server, port, &mut found, &mut gap);
            }
        }
        match gap {
            // One port that is known to let in more is enough.
            Some(unseen) if found.is_empty() => Known::Unknown(unseen),
            _ => Known::Known(found),
        }
    }

    /// What lets clients without an identity into one port, where a Server speaks of it.
    fn opened(&self, server: &Server, port: i64, found: &mut Vec<Exception>, gap: &mut Option<Unseen>) {
        let (namespace, name) = (server.metadata.namespace.as_deref().unwrap_or(""), server.metadata.name.as_deref().unwrap_or(""));
        let labels = server.metadata.labels.clone().unwrap_or_default();
        match server.access_policy.as_deref().map(|policy| (policy, authenticated_only(policy))) {
            // Without one nobody gets in whom no authorization lets in.
            None | Some((_, Some(true))) => {}
            Some((policy, Some(false))) => {
                let text = format!("port {port}: {policy} (Server {namespace}/{name})");
                found.push(Exception { text, at: server.origin.at("/spec/accessPolicy") });
            }
            Some((policy, None)) => {
                *gap = gap.take().or_else(|| Some(policy_unseen(&format!("the access policy of Server {namespace}/{name}"), policy)));
            }
        }
        for opening in self.openings.iter().filter(|opening| opening.namespace == namespace) {
            let applies = match &opening.target {
                Target::Named(target) => target == name,
                Target::Labelled(selector) => selector.matches(&labels),
                Target::Namespace => true,
                Target::Route => {
                    *gap = gap.take().or_else(|| {
                        Some(Unseen::not_visible(
                            format!("whether Server {namespace}/{name} takes connections without an identity"),
                            format!("{} for a route, and which Server the route belongs to is not read", opening.text),
                            "Look at parentRefs of the route.",
                        ))
                    });
                    false
                }
            };
            if applies {
                found.push(Exception { text: format!("port {port}: {}", opening.text), at: opening.at.clone() });
            }
        }
    }
}

/// Whether a policy takes mutual TLS alone; none where it is not known (`DefaultPolicy`).
fn authenticated_only(policy: &str) -> Option<bool> {
    match policy {
        "all-authenticated" | "cluster-authenticated" | "deny" => Some(true),
        "all-unauthenticated" | "cluster-unauthenticated" | "audit" => Some(false),
        _ => None,
    }
}

fn policy_unseen(what: &str, policy: &str) -> Unseen {
    let how = "Look at what Linkerd makes of it; a newer version of kube-hipaa may know it.";
    Unseen::not_understood(what.to_owned(), format!("{policy} is no policy that is known"), how)
}

fn opened_by_authorization(spec: ServerAuthorizationSpec, meta: &ObjectMeta, origin: &Evidence) -> Result<Option<Opening>, String> {
    let namespace = meta.namespace.clone().unwrap_or_default();
    let display = format!("ServerAuthorization {namespace}/{}", meta.name.as_deref().unwrap_or(""));
    let tls = spec.client.mesh_tls.as_ref().is_some_and(|tls| tls.unauthenticated_tls == Some(true));
    let (text, pointer) = match (spec.client.unauthenticated, tls) {
        (Some(true), _) => (format!("{display} lets in clients without TLS"), "/spec/client/unauthenticated"),
        (_, true) => (format!("{display} lets in clients without an identity"), "/spec/client/meshTLS/unauthenticatedTLS"),
        // Without either, it lets in nobody (`client_authz`).
        _ => return Ok(None),
    };
    // The name wins over a selector; an empty selector takes every Server.
    let target = match (spec.server.name, spec.server.selector) {
        (Some(name), _) => Target::Named(name),
        (None, selector) => Target::Labelled(selector.as_ref().map(Selector::read).transpose()?.unwrap_or_default()),
    };
    Ok(Some(Opening { namespace, target, text, at: origin.at(pointer) }))
}

/// An AuthorizationPolicy that asks for an identity opens nothing; one that asks for networks alone, or for nothing, does.
fn opened_by_policy(spec: &PolicySpec, meta: &ObjectMeta, origin: &Evidence) -> Result<Option<Opening>, String> {
    let is = |one: &Ref, group: &str, kind: &str| {
        one.group.as_deref().unwrap_or("").eq_ignore_ascii_case(group) && one.kind.eq_ignore_ascii_case(kind)
    };
    const LINKERD: &str = "policy.linkerd.io";
    let core = |one: &Ref, kind: &str| is(one, "", kind) || is(one, "core", kind);
    let refs = || spec.required_authentication_refs.iter().flatten();
    let identity = |one: &&Ref| is(one, LINKERD, "MeshTLSAuthentication") || core(one, "ServiceAccount");
    let network = |one: &&Ref| is(one, LINKERD, "NetworkAuthentication");
    if let Some(other) = refs().find(|one| !identity(one) && !network(one)) {
        return Err(format!("it asks for an authentication of the kind {}, which is not known", other.kind));
    }
    if refs().any(|one| identity(&one)) {
        return Ok(None);
    }
    let namespace = meta.namespace.clone().unwrap_or_default();
    let target = match &spec.target_ref {
        target if is(target, LINKERD, "Server") => Target::Named(target.name.clone()),
        target if core(target, "Namespace") => Target::Namespace,
        target if target.kind.ends_with("Route") => Target::Route,
        target => return Err(format!("it is about an object of the kind {}, which is not known", target.kind)),
    };
    let text = format!("AuthorizationPolicy {namespace}/{} asks for no identity", meta.name.as_deref().unwrap_or(""));
    Ok(Some(Opening { namespace, target, text, at: origin.at("/spec/requiredAuthenticationRefs") }))
}

/// The default of the installation: the chart gives one value to the policy controller and to the proxies (linkerd/linkerd2,
/// `charts/linkerd-control-plane/templates/destination.yaml`, `config.yaml`).
fn installed_with(reader: &Reader<'_>) -> Result<Known<(String, Evidence)>, FactsError> {
    #[derive(Deserialize)]
    struct Values {
        proxy: Option<ProxyValues>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ProxyValues {
        default_inbound_policy: Option<String>,
    }
    let mut found = None;
    reader.each::<ConfigMap>(&LINKERD_CONFIG, |map, origin| found = Some((map.data.unwrap_or_default(), origin)))?;
    let unseen = |why: &str| {
        Known::Unknown(Unseen::not_visible(
            "what pods in Linkerd's mesh take by default",
            why,
            "Look at --default-policy of the policy controller, or set the annotation config.linkerd.io/default-inbound-policy.",
        ))
    };
    let read = reader.known_if_complete(&LINKERD_CONFIG, || ());
    Ok(read.and_then(|()| {
        let Some((data, origin)) = found else { return unseen("there is no ConfigMap linkerd/linkerd-config") };
        let values = data.get("values").and_then(|text| serde_json::from_str::<Values>(text).ok());
        match values.and_then(|values| values.proxy?.default_inbound_policy) {
            Some(policy) => Known::Known((policy, origin.at("/data/values"))),
            None => unseen("the ConfigMap linkerd/linkerd-config does not say it"),
        }
    }))
}
