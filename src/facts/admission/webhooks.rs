//! Admission webhooks.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::backends::Backends;
use super::conditions::{self, Asked, Condition};
use super::rules::{Kind, Rule};
use super::scope::Scope;
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::settings::Plugins;
use crate::facts::table::placed;
use crate::facts::table::read::Readable;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{MUTATING_WEBHOOKS, NAMESPACES, SERVERS_SEEN, SERVICES, VALIDATING_WEBHOOKS, WORKLOADS};
use crate::model::{Evidence, ObjectRef, SourceId, Unseen};

type Labels = BTreeMap<String, String>;

table! {
    /// One row per admission webhook, and one more for each namespace with whether it is asked there, unless it is only asked about what
    /// Kubernetes keeps in no namespace (nodes, volumes, cluster roles); rows of one webhook count once.
    /// A webhook is asked about an object when its rules name the kind and operation, and its selectors and conditions take the object
    /// and its namespace (`admissionregistration.k8s.io/v1`). Webhooks that the server loads from files (from 1.36) are not listed by
    /// the API.
    pub struct WebhookRow as "webhooks" counting "webhooks" from [VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS, NAMESPACES] {
        /// `validating` (may refuse) or `mutating` (may change and refuse).
        kind: &'static str;
        /// Name of the configuration object.
        configuration: String, at "/metadata/name";
        /// Name of the webhook in it.
        name: String, at "/name";
        /// The namespace that this row is about; empty for the row about the webhook itself.
        namespace: String;
        /// Whether its namespace selector and its match conditions take that namespace; true in the row about the webhook itself.
        applies: Known<bool>, at "/namespaceSelector";
        /// Whether the API server asks it about what is made there: its admission plugin is on, some version that its rules name is served,
        /// and its match conditions hold for everybody whom they do not name one by one. Unknown where they cannot be evaluated, where they
        /// leave out a group or accounts by how their names begin (but for system:masters, system:nodes and those of kube-system), where they
        /// take only what is changed, or where not every API server is seen to run the plugin. In the row about the webhook itself, whether the
        /// plugin is on.
        asked: Known<bool>, at "/matchConditions", consulting [] + SERVERS_SEEN;
        /// Whether objects can escape it by their labels (`objectSelector`) or by conditions (`matchConditions`).
        conditional: bool, at "/matchConditions";
        /// Whether labels or annotations of the object itself decide: whoever makes an object chooses them.
        by_label: placed::Placed<bool>, at "/objectSelector";
        /// Where that is said: `matchConditions`, `objectSelector`.
        escapes: Vec<String>, at "/objectSelector";
        /// What happens when it does not answer: `Fail` (the default) refuses the request, `Ignore` lets it past.
        failure_policy: String, at "/failurePolicy";
        /// When it is left out of a request that it is meant for, in words: when it does not answer (`failurePolicy: Ignore`), where
        /// labels or annotations keep an object away from it, and always where no API server serves what its rules name. A webhook that
        /// changes objects and takes only those whose labels ask for it is meant for no others.
        left_out_when: placed::Placed<Vec<String>>, at "/failurePolicy";
        /// What becomes of a request when nobody answers, in words.
        unanswered: &'static str, at "/failurePolicy";
        /// How long the server waits for it, in seconds (10 unless set).
        timeout: i64, at "/timeoutSeconds";
        /// What it is asked about: `resource` or `resource.group`, sorted; `*` is everything.
        resources: Vec<String>, at "/rules";
        /// Whether it is asked when a pod is made.
        guards_pods: bool, at "/rules";
        /// Whether it is asked about anything that Kubernetes itself keeps; one about an operator's own kinds guards nothing else.
        guards_kubernetes: bool, at "/rules";
        /// Whether it is outside the cluster: named by a URL instead of a Service, and not by one of the API server's own machine (a
        /// loopback address); or by a Service of type ExternalName, which stands for a host elsewhere.
        outside: Known<bool>, at "/clientConfig", needs [SERVICES];
        /// Where it is: the URL as stored, or `namespace/name` of the Service, with the host that one of type ExternalName stands for.
        address: String, at "/clientConfig";
        /// Whether that Service is there; absent for a URL.
        service_exists: Known<Option<bool>>, at "/clientConfig/service", needs [SERVICES];
        /// Whether a pod that is ready stands behind that Service, as the counts of its Deployments, StatefulSets and DaemonSets say, and the
        /// webhook says which certificates are accepted of it. Unknown for a URL.
        ready: Known<bool>, at "/clientConfig/service", needs [SERVICES] + WORKLOADS;
        /// Why nobody answers, in words: the Service is not there, has no such port, no pod behind it is ready, or no
        /// certificate of it is accepted. Empty where somebody may.
        silent: String, at "/clientConfig/service";
        /// The workloads behind that Service, as `Kind/name`, sorted.
        workloads: Vec<String>, at "/clientConfig/service";
        /// Whether a certificate authority is given by which the server knows it; without one, those of the machine count.
        has_authority: bool, at "/clientConfig/caBundle";
    }
}

#[derive(Deserialize)]
pub(super) struct Configuration {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) webhooks: Vec<Webhook>,
}

impl Readable for Configuration {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    pub(super) name: String,
    client_config: Client,
    #[serde(default)]
    rules: Vec<Rule>,
    failure_policy: Option<String>,
    timeout_seconds: Option<i64>,
    pub(super) namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    #[serde(default)]
    pub(super) match_conditions: Vec<Condition>,
    /// What of its rules some API server serves: every namespace asks.
    #[serde(skip)]
    served: OnceLock<Vec<Asked>>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    url: Option<String>,
    service: Option<Service>,
    ca_bundle: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Service {
    namespace: String,
    name: String,
    port: Option<i64>,
}

impl Webhook {
    pub(super) fn guards_kubernetes(&self) -> bool {
        self.rules.iter().any(Rule::is_about_kubernetes)
    }

    pub(super) fn takes(&self, kind: &Kind) -> bool {
        self.rules.iter().any(|rule| rule.takes(kind))
    }

    /// Whether it says whose certificates the server accepts; without that, no Service of the cluster can answer.
    pub(super) fn has_authority(&self) -> bool {
        self.client_config.ca_bundle.as_deref().is_some_and(|bundle| !bundle.is_empty())
    }

    pub(super) fn failure_policy(&self) -> &str {
        self.failure_policy.as_deref().unwrap_or("Fail")
    }

    /// Namespace, name and port of its Service.
    pub(super) fn service(&self) -> Option<(&str, &str, i64)> {
        // The server takes the URL where both are given.
        self.client_config
            .service
            .as_ref()
            .filter(|_| self.client_config.url.is_none())
            .map(|one| (one.namespace.as_str(), one.name.as_str(), one.port.unwrap_or(443)))
    }

    /// The host of its URL, where it is named by one.
    pub(super) fn host(&self) -> Option<&str> {
        self.client_config.url.as_deref().and_then(host)
    }

    /// Whether its selector and conditions take something that is made in a namespace; nothing where one of them is not understood.
    fn takes_there(&self, name: &str, labels: &Labels) -> Option<bool> {
        let met = conditions::take_made(&self.match_conditions, name, self.asked());
        match (selector::matches(self.namespace_selector.as_ref(), labels), met) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }

    /// Whether its selector takes a namespace, and its conditions do not leave it out.
    fn takes_namespace(&self, name: &str, labels: &Labels) -> Known<bool> {
        match (self.takes_there(name, labels), selector::matches(self.namespace_selector.as_ref(), labels)) {
            (Some(takes), _) => Known::Known(takes),
            (None, None) => Known::Unknown(unknown_operator(&self.name)),
            (None, Some(_)) if conditions::may_name_namespaces(&self.match_conditions) => {
                Known::Unknown(conditions::conditions_not_read(&self.name))
            }
            // Of a condition about something else the worst is assumed: that it takes the namespace. Whether it is asked is `asked`.
            (None, Some(_)) => Known::Known(true),
        }
    }

    /// What it is asked about; nothing where no API server serves what its rules name.
    pub(super) fn asked(&self) -> &[Asked] {
        self.served.get_or_init(|| Scope::of_rules(&self.rules, &[]).asked())
    }

    /// Whether no API server serves anything that its rules name.
    fn is_about_nothing(&self) -> bool {
        self.asked().is_empty()
    }

    /// Whether labels of an object decide whether it is asked about it.
    pub(super) fn is_by_label(&self) -> bool {
        selector::narrows(self.object_selector.as_ref())
    }

    /// By what labels of an object keep it away from the webhook.
    fn escapes(&self) -> Vec<String> {
        let by_selector = self.is_by_label().then(|| "objectSelector".to_owned());
        let by_condition = conditions::read_own_labels(&self.match_conditions).then(|| "matchConditions".to_owned());
        by_condition.into_iter().chain(by_selector).collect()
    }

    pub(super) fn guards_pods(&self) -> bool {
        self.rules.iter().any(Rule::takes_new_pods)
    }

    /// Whether its Service is in that namespace.
    pub(super) fn lives_in(&self, namespace: &str) -> bool {
        self.client_config.service.as_ref().is_some_and(|service| service.namespace == namespace)
    }

    fn resources(&self) -> Vec<String> {
        let all: BTreeSet<String> = self.rules.iter().flat_map(Rule::names).collect();
        all.into_iter().collect()
    }

    /// Whether it is outside the cluster. A loopback address is the machine of the API server itself (EKS keeps a webhook there).
    fn outside(&self) -> Known<bool> {
        let unknown = |why: &str| {
            Known::Unknown(Unseen::not_understood(
                format!("where the webhook {} is", self.name),
                why.to_owned(),
                "Look at its clientConfig by hand; report it as a bug of kube-hipaa if it is valid.",
            ))
        };
        match (&self.client_config.url, &self.client_config.service) {
            (Some(url), _) => match host(url) {
                Some(host) => Known::Known(!is_own_machine(host)),
                None => unknown("its URL has no host that could be read"),
            },
            (None, Some(_)) => Known::Known(false),
            (None, None) => unknown("its clientConfig has neither a URL nor a Service"),
        }
    }
}

/// The host of a URL, without brackets.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.contains('@'))?;
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

fn is_own_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// One webhook with its place.
pub(super) struct Placed {
    pub(super) kind: &'static str,
    pub(super) configuration: ObjectRef,
    pub(super) webhook: Webhook,
    pub(super) origin: Evidence,
    /// Whether the API server asks webhooks of this kind at all.
    pub(super) plugin: Known<bool>,
}

impl Placed {
    /// Identity of the webhook.
    pub(super) fn key(&self) -> String {
        format!("{}/{}/{}", self.kind, self.configuration.name, self.webhook.name)
    }

    fn left_out_when(&self) -> placed::Placed<Vec<String>> {
        let (webhook, mut when) = (&self.webhook, placed::Placed::here(Vec::new()));
        let mut add = |words: String, field: &str| {
            when.value.push(words);
            when.at.push(format!("{}/{field}", self.origin.pointer));
        };
        if webhook.failure_policy() == "Ignore" {
            add("when it does not answer (failurePolicy: Ignore)".to_owned(), "failurePolicy");
        }
        let asks_for_it = |field: &String| {
            field == "objectSelector" && self.kind == "mutating" && selector::only_asked_for(webhook.object_selector.as_ref())
        };
        for field in webhook.escapes().iter().filter(|field| !asks_for_it(field)) {
            add(format!("where labels or annotations of the object itself say so ({field})"), field);
        }
        if webhook.is_about_nothing() {
            add("always, as no API server serves the versions that its rules name (rules)".to_owned(), "rules");
        }
        when
    }

    /// Whether it takes a namespace, for all that is known.
    pub(super) fn may_take(&self, name: &str, labels: &Labels) -> bool {
        self.webhook.takes_there(name, labels) != Some(false) && !self.webhook.is_about_nothing()
    }

    fn applies(&self, name: &str, labels: &Labels) -> Known<bool> {
        if self.plugin == Known::Known(false) { Known::Known(false) } else { self.webhook.takes_namespace(name, labels) }
    }

    /// Whether the server asks it about what is made in a namespace.
    fn is_asked(&self, name: &str, labels: &Labels) -> Known<bool> {
        match (&self.plugin, self.webhook.takes_there(name, labels)) {
            (Known::Known(false), _) | (_, Some(false)) => Known::Known(false),
            _ if self.webhook.is_about_nothing() => Known::Known(false),
            (plugin, Some(true)) => plugin.clone(),
            (_, None) => {
                let webhook = &self.webhook;
                Known::Unknown(conditions::undecided(&webhook.name, &webhook.match_conditions, name, webhook.asked()))
            }
        }
    }
}

pub(super) fn read(context: &Context<'_>, plugins: &Plugins) -> Result<Vec<Placed>, FactsError> {
    let kinds: [(&'static str, &'static str, &SourceId, &'static str); 2] = [
        ("validating", "ValidatingWebhookConfiguration", &VALIDATING_WEBHOOKS, "ValidatingAdmissionWebhook"),
        ("mutating", "MutatingWebhookConfiguration", &MUTATING_WEBHOOKS, "MutatingAdmissionWebhook"),
    ];
    let mut all = Vec::new();
    for (kind, object_kind, source, plugin) in kinds {
        let plugin = plugins.runs(plugin);
        context.reader.each::<Configuration>(source, |configuration, origin| {
            let subject = ObjectRef {
                kind: object_kind.to_owned(),
                group: source.api_group().to_owned(),
                namespace: None,
                name: configuration.metadata.name.clone().unwrap_or_default(),
                uid: configuration.metadata.uid.clone(),
            };
            all.extend(configuration.webhooks.into_iter().enumerate().map(|(i, webhook)| Placed {
                kind,
                configuration: subject.clone(),
                webhook,
                origin: origin.at(format!("/webhooks/{i}")),
                plugin: plugin.clone(),
            }));
        })?;
    }
    Ok(all)
}

pub(super) fn rows(context: &Context<'_>, webhooks: &[Placed], backends: &Backends) -> Result<Vec<Row>, FactsError> {
    let namespaces = context.namespaces()?.labels();
    let mut rows = Vec::new();
    for placed in webhooks {
        rows.push(row(placed, None, Known::Known(true), placed.plugin.clone(), backends));
        if !placed.webhook.rules.iter().any(Rule::is_namespaced) {
            continue;
        }
        for (namespace, labels) in &namespaces {
            let (applies, asked) = (placed.applies(namespace, labels), placed.is_asked(namespace, labels));
            rows.push(row(placed, Some(namespace), applies, asked, backends));
        }
    }
    Ok(rows)
}

/// A selector with an operator that this program does not know.
pub(super) fn unknown_operator(name: &str) -> Unseen {
    Unseen::not_understood(
        format!("to which namespaces {name} applies"),
        "its selector has an operator that is not known",
        "Look at the object by hand; report it as a bug of kube-hipaa if it is valid.",
    )
}

/// No authority of a machine signs for names of Services (`NAME.NAMESPACE.svc`), and those are what the server asks for
/// (`k8s.io/apiserver/pkg/util/webhook`, ClientManager).
const NO_AUTHORITY: &str = "it gives no certificate authority (clientConfig.caBundle), so that no certificate of the Service is accepted";

fn by_url(name: &str) -> Unseen {
    Unseen::not_visible(
        format!("whether somebody answers for the webhook {name}"),
        "it is named by a URL, and what stands there is not visible",
        "Ask who runs what answers there, or run it in the cluster and name it by a Service.",
    )
}

fn row(placed: &Placed, namespace: Option<&String>, applies: Known<bool>, asked: Known<bool>, backends: &Backends) -> Row {
    let webhook = &placed.webhook;
    let address = match (&webhook.client_config.url, &webhook.client_config.service) {
        (Some(url), _) => url.clone(),
        (None, Some(service)) => format!("{}/{}", service.namespace, service.name),
        (None, None) => String::new(),
    };
    let (service_exists, backend) = match webhook.service() {
        None => (Known::Known(None), None),
        Some((namespace, name, port)) => (backends.exists(namespace, name).map(Some), Some(backends.of(namespace, name, port))),
    };
    let refused = backend.is_some() && !webhook.has_authority();
    let elsewhere = webhook.service().map(|(namespace, name, _)| backends.external(namespace, name));
    let silent = backend.as_ref().filter(|backend| backend.ready == Known::Known(false)).map(|backend| backend.why.clone());
    let silent = silent.or_else(|| refused.then(|| NO_AUTHORITY.to_owned()));
    let escapes = webhook.escapes();
    let origins = backend.as_ref().map(|backend| backend.origins.clone()).unwrap_or_default();
    let typed = WebhookRow {
        kind: placed.kind,
        configuration: placed.configuration.name.clone(),
        name: webhook.name.clone(),
        namespace: namespace.cloned().unwrap_or_default(),
        applies,
        asked,
        conditional: webhook.is_by_label() || !webhook.match_conditions.is_empty(),
        by_label: placed::Placed {
            value: !escapes.is_empty(),
            at: escapes.iter().map(|field| format!("{}/{field}", placed.origin.pointer)).collect(),
        },
        escapes,
        failure_policy: webhook.failure_policy().to_owned(),
        left_out_when: placed.left_out_when(),
        unanswered: match (webhook.failure_policy(), placed.kind) {
            ("Ignore", "mutating") => "every request that it should change goes on as it is",
            ("Ignore", _) => "every request that it should check goes on unchecked",
            (_, "mutating") => "every request that it should change is refused",
            _ => "every request that it should check is refused",
        },
        timeout: webhook.timeout_seconds.unwrap_or(10),
        resources: webhook.resources(),
        guards_pods: webhook.guards_pods(),
        guards_kubernetes: webhook.guards_kubernetes(),
        address: match &elsewhere {
            Some(Known::Known(Some(host))) => format!("{address} (ExternalName {host})"),
            _ => address,
        },
        outside: match elsewhere {
            Some(elsewhere) => elsewhere.map(|host| host.is_some()),
            // A URL may name what is in the cluster.
            None => match (webhook.outside(), webhook.client_config.url.as_deref().and_then(host)) {
                (Known::Known(true), Some(host)) => backends.is_service(host).map(|inside| !inside),
                (outside, _) => outside,
            },
        },
        silent: silent.unwrap_or_else(String::new),
        service_exists,
        ready: match refused {
            true => Known::Known(false),
            false => backend.as_ref().map_or_else(|| Known::Unknown(by_url(&webhook.name)), |backend| backend.ready.clone()),
        },
        workloads: backend.map(|backend| backend.workloads).unwrap_or_default(),
        has_authority: webhook.has_authority(),
    };
    Row::new(placed.key(), placed.configuration.clone(), vec![placed.origin.clone()], typed)
        .in_namespace(namespace.cloned())
        .evidenced("ready", origins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_machine_of_the_server_is_not_outside() {
        for (config, outside) in [
            (r#"{"url":"https://127.0.0.1:23443/mutate"}"#, Some(false)),
            (r#"{"url":"https://127.9.9.9"}"#, Some(false)),
            (r#"{"url":"https://[::1]:8443/"}"#, Some(false)),
            (r#"{"url":"https://[::ffff:127.0.0.1]"}"#, Some(false)),
            (r#"{"url":"https://LocalHost:8443"}"#, Some(false)),
            (r#"{"url":"https://127.0.0.1.example.org/"}"#, Some(true)),
            (r#"{"url":"https://localhost.example.org/"}"#, Some(true)),
            (r#"{"url":"https://10.0.0.1:8443?at=127.0.0.1"}"#, Some(true)),
            (r#"{"url":"https://127.0.0.1@example.org/"}"#, None),
            (r#"{"url":"[redacted]"}"#, None),
            (r#"{"service":{"namespace":"a","name":"b"}}"#, Some(false)),
            ("{}", None),
        ] {
            let webhook: Webhook = serde_json::from_str(&format!(r#"{{"name":"w","clientConfig":{config}}}"#)).unwrap();
            assert_eq!(webhook.outside().known().copied(), outside, "{config}");
        }
    }
}
