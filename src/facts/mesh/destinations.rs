use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::facts::context::Context;
use crate::facts::custom::Custom;
use crate::facts::table::read::MetaOnly;
use crate::facts::table::schema::{Row, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Known};
use crate::model::sources::{DESTINATION_RULES, SERVICES};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per part of a DestinationRule of Istio that says by which TLS its clients connect (the rule itself, a port, a subset, a port of
    /// a subset), and per namespace of the Services that its host stands for; it is counted to that namespace. A host that is no Service of
    /// the cluster has one row, counted to the namespace of the rule. A rule that no client reads (`exportTo: ["~"]`) has none.
    pub struct MeshDestinationRuleRow as "mesh_destination_rules" counting "rules for connections" from [DESTINATION_RULES, SERVICES] {
        /// Namespace of the rule.
        namespace: String, at "/metadata/namespace";
        /// Name of the rule.
        name: String, at "/metadata/name";
        /// Its host, as it stands there.
        host: String, at "/spec/host";
        /// Services of one namespace that the host stands for, as `namespace/name`, sorted; empty where it stands for none.
        services: Vec<String>, at "/spec/host";
        /// Which part: empty for the rule itself, or such as `port 5432`, `subset v1`, `subset v1, port 5432`.
        part: String;
        /// `DISABLE`, `SIMPLE`, `MUTUAL` or `ISTIO_MUTUAL`. Where `tls` is there and names none, it is DISABLE. Unknown where it is another one.
        mode: Known<String>;
        /// Whether connections are encrypted by the proxies that read it. Not with DISABLE; nor with a credentialName in a rule without a
        /// workloadSelector, for which sidecars use no TLS at all.
        encrypted: Known<bool>;
        /// Whether the certificate of the other end is looked at: not without encryption, and not with insecureSkipVerify. Unknown for that
        /// beside ISTIO_MUTUAL, where it depends on how proxies get their certificates.
        verified: Known<bool>;
        /// What that comes to, as a sentence about the rule goes on.
        why: String;
        /// Namespaces whose clients read it, as `exportTo` names them; `*` for all.
        clients: Vec<String>, at "/spec/exportTo";
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    host: String,
    export_to: Option<Vec<String>>,
    // Of another shape than it should be, it still is about its host alone.
    traffic_policy: Option<Value>,
    subsets: Option<Vec<Subset>>,
    /// Which clients of its namespace read it; where it is there, Secrets that it names are used.
    workload_selector: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subset {
    name: String,
    traffic_policy: Option<Value>,
}

/// `istio.networking.v1.TrafficPolicy`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    tls: Option<Tls>,
    port_level_settings: Option<Vec<OfPort>>,
}

#[derive(Debug, Deserialize)]
struct OfPort {
    port: Option<Number>,
    tls: Option<Tls>,
}

#[derive(Debug, Deserialize)]
struct Number {
    number: i64,
}

/// `istio.networking.v1.ClientTLSSettings`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tls {
    mode: Option<Value>,
    insecure_skip_verify: Option<bool>,
    credential_name: Option<String>,
}

/// A part of a rule that says something about TLS.
struct Part {
    text: String,
    pointer: String,
    mode: Known<String>,
    encrypted: Known<bool>,
    verified: Known<bool>,
}

impl Part {
    fn why(&self, host: &str) -> String {
        let part = if self.text.is_empty() { String::new() } else { format!(", {}", self.text) };
        let says = |mode: &str| format!("sets {mode} for {host}{part}");
        match (&self.mode, &self.encrypted, &self.verified) {
            (Known::Known(mode), Known::Known(false), _) => format!("{}: connections are not encrypted", says(mode)),
            (Known::Known(mode), _, Known::Known(false)) => format!("{}: certificates are not looked at", says(mode)),
            (Known::Known(mode), Known::Known(true), Known::Known(true)) => {
                format!("{}: connections are encrypted and certificates are looked at", says(mode))
            }
            (Known::Unknown(unseen), ..) | (_, Known::Unknown(unseen), _) | (.., Known::Unknown(unseen)) => {
                format!("says of {host}{part} what is not known: {}", unseen.why)
            }
        }
    }
}

/// The names of the Services of each namespace.
type Services = BTreeMap<String, BTreeSet<String>>;

/// The rows of the table.
pub(super) fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut services = Services::new();
    context.reader.each::<MetaOnly>(&SERVICES, |service, _| {
        let (namespace, name) = (service.metadata.namespace.unwrap_or_default(), service.metadata.name.unwrap_or_default());
        services.entry(namespace).or_default().insert(name);
    })?;
    let mut rows = Vec::new();
    context.reader.each::<Custom<Spec>>(&DESTINATION_RULES, |rule, origin| match &rule.spec {
        Some(spec) => rows.extend(of_rule(&rule.metadata, &spec.known, &origin, &services)),
        None => {
            let name = rule.metadata.name.clone().unwrap_or_default();
            context.reader.not_decoded(&DESTINATION_RULES, None, name, "it has no spec");
        }
    })?;
    Ok(rows)
}

fn of_rule(metadata: &ObjectMeta, spec: &Spec, origin: &Evidence, services: &Services) -> Vec<Row> {
    let clients = match &spec.export_to {
        Some(to) if !to.is_empty() => sorted_owned(to.iter().cloned()),
        _ => vec!["*".to_owned()],
    };
    if clients.iter().all(|to| to == "~") {
        return Vec::new();
    }
    let (namespace, name) = (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default());
    let subject = ObjectRef {
        kind: "DestinationRule".to_owned(),
        group: DESTINATION_RULES.api_group().to_owned(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
        uid: metadata.uid.clone(),
    };
    let meant = meant(&spec.host, &namespace, services);
    let mut rows = Vec::new();
    for part in parts(spec, &format!("DestinationRule {namespace}/{name}")) {
        for (of, found) in &meant {
            let typed = MeshDestinationRuleRow {
                namespace: namespace.clone(),
                name: name.clone(),
                host: spec.host.clone(),
                services: found.iter().map(|service| format!("{of}/{service}")).collect(),
                part: part.text.clone(),
                mode: part.mode.clone(),
                encrypted: part.encrypted.clone(),
                verified: part.verified.clone(),
                why: part.why(&spec.host),
                clients: clients.clone(),
            };
            let at = || [origin.at(part.pointer.clone())];
            let key = format!("{namespace}/{name}/{of}/{}", part.text);
            rows.push(
                Row::new(key, subject.clone(), vec![origin.clone()], typed)
                    .in_namespace(Some(of.clone()))
                    .evidenced("mode", at())
                    .evidenced("encrypted", at())
                    .evidenced("verified", at()),
            );
        }
    }
    rows
}

/// By namespace, the Services that a host stands for: a name without dots is one of the rule's own namespace, `name.namespace.svc.DOMAIN` is
/// written out, and a star stands for any beginning (istio/istio, `pilot/pkg/model/config.go`, `ResolveShortnameToFQDN`; `pkg/config/host/name.go`).
/// Where it stands for none, the namespace of the rule.
fn meant(host: &str, own: &str, services: &Services) -> BTreeMap<String, BTreeSet<String>> {
    let in_namespace = |namespace: &str| services.get(namespace).map(|names| (namespace.to_owned(), names.clone()));
    let found: BTreeMap<String, BTreeSet<String>> = match host.strip_prefix('*') {
        Some(rest) => {
            let labels: Vec<&str> = rest.split('.').filter(|label| !label.is_empty()).collect();
            match labels.iter().position(|label| *label == "svc") {
                // `*.namespace.svc.DOMAIN`.
                Some(at) if at > 0 => labels.get(at - 1).and_then(|namespace| in_namespace(namespace)).into_iter().collect(),
                Some(_) => services.clone(),
                None if labels.is_empty() || labels == ["local"] || labels == ["cluster", "local"] => services.clone(),
                None => BTreeMap::new(),
            }
        }
        None => {
            let labels: Vec<&str> = host.split('.').collect();
            let place = match labels.iter().position(|label| *label == "svc") {
                Some(at) if at >= 2 => labels.get(at - 2).zip(labels.get(at - 1)).map(|(name, namespace)| (*namespace, *name)),
                _ if labels.len() == 1 => Some((own, host)),
                _ => None,
            };
            let is_there = |(namespace, name): &(&str, &str)| services.get(*namespace).is_some_and(|names| names.contains(*name));
            let one = |(namespace, name): (&str, &str)| (namespace.to_owned(), BTreeSet::from([name.to_owned()]));
            place.filter(is_there).map(one).into_iter().collect()
        }
    };
    if found.is_empty() { BTreeMap::from([(own.to_owned(), BTreeSet::new())]) } else { found }
}

fn parts(spec: &Spec, what: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let what = Rule { what, for_some: spec.workload_selector.as_ref().is_some_and(|selector| !selector.is_null()) };
    if let Some(policy) = &spec.traffic_policy {
        of_policy(policy, "", "/spec/trafficPolicy", what, &mut parts);
    }
    for (number, subset) in spec.subsets.iter().flatten().enumerate() {
        if let Some(policy) = &subset.traffic_policy {
            let pointer = format!("/spec/subsets/{number}/trafficPolicy");
            of_policy(policy, &format!("subset {}", subset.name), &pointer, what, &mut parts);
        }
    }
    parts
}

/// What stands for a port takes the place of everything that stands for the host (`istio.networking.v1.TrafficPolicy`), so that each part is
/// judged by itself.
fn of_policy(policy: &Value, before: &str, pointer: &str, rule: Rule<'_>, parts: &mut Vec<Part>) {
    if policy.is_null() {
        return;
    }
    let policy = match serde_json::from_value::<Policy>(policy.clone()) {
        Ok(policy) => policy,
        Err(error) => {
            let unseen = not_understood(rule.what, &error.to_string());
            parts.push(Part {
                text: before.to_owned(),
                pointer: pointer.to_owned(),
                mode: Known::Unknown(unseen.clone()),
                encrypted: Known::Unknown(unseen.clone()),
                verified: Known::Unknown(unseen),
            });
            return;
        }
    };
    if let Some(tls) = &policy.tls {
        parts.push(of_tls(tls, before.to_owned(), format!("{pointer}/tls"), rule));
    }
    for (number, one) in policy.port_level_settings.iter().flatten().enumerate() {
        if let Some(tls) = &one.tls {
            let port = one.port.as_ref().map_or_else(|| "?".to_owned(), |port| port.number.to_string());
            let text = if before.is_empty() { format!("port {port}") } else { format!("{before}, port {port}") };
            parts.push(of_tls(tls, text, format!("{pointer}/portLevelSettings/{number}/tls"), rule));
        }
    }
}

/// The rule that a part is of.
#[derive(Clone, Copy)]
struct Rule<'a> {
    /// `DestinationRule namespace/name`.
    what: &'a str,
    /// Whether it has a workloadSelector.
    for_some: bool,
}

/// What proxies make of one setting (istio/istio, `pilot/pkg/networking/core/cluster_tls.go`, `buildUpstreamClusterTLSContext`,
/// `constructUpstreamTLS`).
fn of_tls(tls: &Tls, text: String, pointer: String, rule: Rule<'_>) -> Part {
    let skips = tls.insecure_skip_verify == Some(true);
    // A Secret is for gateways, and for sidecars that the rule selects; other sidecars build no TLS at all then.
    let in_secret = tls.credential_name.as_deref().is_some_and(|name| !name.is_empty() && !name.starts_with("configmap://"));
    let plain = in_secret && !rule.for_some;
    let known = |mode: &str, encrypted: bool, verified: bool| {
        (Known::Known(mode.to_owned()), Known::Known(encrypted), Known::Known(encrypted && verified))
    };
    let (mode, encrypted, verified) = match &tls.mode {
        // The first value of the enumeration is the one that is not written.
        None | Some(Value::Null) => known("DISABLE", false, false),
        Some(Value::String(mode)) if mode == "DISABLE" => known("DISABLE", false, false),
        Some(Value::String(mode)) if mode == "SIMPLE" || mode == "MUTUAL" => known(mode, !plain, !skips),
        Some(Value::String(mode)) if mode == "ISTIO_MUTUAL" && !skips => known(mode, true, true),
        Some(Value::String(mode)) if mode == "ISTIO_MUTUAL" => {
            let unseen = Unseen::not_visible(
                format!("whether certificates are looked at by {}", rule.what),
                "insecureSkipVerify stands beside ISTIO_MUTUAL, and counts where proxies are given certificates from files",
                "Take insecureSkipVerify away.",
            );
            (Known::Known(mode.clone()), Known::Known(true), Known::Unknown(unseen))
        }
        Some(other) => {
            let unseen = not_understood(rule.what, &format!("{other} is no mode that is known"));
            (Known::Unknown(unseen.clone()), Known::Unknown(unseen.clone()), Known::Unknown(unseen))
        }
    };
    Part { text, pointer, mode, encrypted, verified }
}

fn not_understood(what: &str, why: &str) -> Unseen {
    Unseen::not_understood(format!("how TLS is set in {what}"), why.to_owned(), "Look at the object by hand.").of(&DESTINATION_RULES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_for_services_as_istio_reads_it() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let services = Services::from([("records".to_owned(), names(&["db", "api"])), ("lab".to_owned(), names(&["db"]))]);
        let of = |host: &str| {
            let found = meant(host, "lab", &services).into_iter();
            found.map(|(namespace, names)| format!("{namespace}:{}", names.into_iter().collect::<Vec<_>>().join(","))).collect::<Vec<_>>()
        };
        assert_eq!(of("db"), ["lab:db"]);
        assert_eq!(of("db.records.svc.cluster.local"), ["records:db"]);
        assert_eq!(of("db-0.db.records.svc.example.internal"), ["records:db"]);
        assert_eq!(of("*.records.svc.cluster.local"), ["records:api,db"]);
        for all in ["*", "*.local", "*.svc.cluster.local", "*.cluster.local"] {
            assert_eq!(of(all), ["lab:db", "records:api,db"], "{all}");
        }
        for outside in ["partner.example", "*.example", "db.records", "gone", "gone.records.svc.cluster.local"] {
            assert_eq!(of(outside), ["lab:"], "{outside}");
        }
    }
}
