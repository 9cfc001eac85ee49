//! What is known of the API server's audit log.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::encryption::OpenShiftEncryption;
use super::not_visible;
use super::seen::api_server;
use super::servers::{ApiServers, Server};
use crate::facts::context::Context;
use crate::facts::metrics::{Metrics, Sample};
use crate::facts::table::read::{Readable, Reader};
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, METRICS, NODES, OPENSHIFT_API_SERVERS, PODS, VERSION};
use crate::model::{Evidence, Unseen};

table! {
    /// One row per API server and per statement about its audit log. `setting`: the flags that name a policy and a destination, one
    /// row per API server that was seen; there is no default for either. `metrics`: what the server that answered has really
    /// recorded since its process started (grade A). Kubernetes counts `apiserver_audit_level_total` only where both a policy and a
    /// destination are active, and the request that reads the counters is judged by the policy before it is answered; so a page on
    /// which `apiserver_audit_event_total` is 0 and no level was counted is that of a server that records nothing. `OpenShift`: the
    /// audit profile. What the policy says of single requests is a file that no API shows.
    pub struct AuditRow as "audit" counting "statements on auditing", always from [METRICS, FLAGZ, PODS, NODES, KUBEADM_CONFIG, LEASES, VERSION, OPENSHIFT_API_SERVERS] {
        /// Where: a mirror pod, `/flagz`, `/metrics`, an object; empty for API servers that no source shows.
        instance: String;
        /// Who says so: `setting`, `metrics` or `OpenShift`.
        from: &'static str;
        /// Whether an audit policy is in use.
        has_policy: Known<bool>;
        /// Where events go, as far as is known: `log`, `webhook`. Empty when there is no destination.
        backends: Known<Vec<String>>;
        /// Whether events are recorded: above the level None for at least one request.
        records: Known<bool>;
        /// The levels at which requests were judged since the process started, sorted.
        levels: Known<Vec<String>>;
        /// Whether events were lost since the process started, because writing or sending them failed.
        lost_events: Known<bool>;
        /// Whether settings and effect disagree.
        contradiction: Known<bool>;
    }
}

const LEVELS: &str = "apiserver_audit_level_total";
const EVENTS: &str = "apiserver_audit_event_total";
const ERRORS: &str = "apiserver_audit_error_total";

/// What the counters of one server show.
struct Effect {
    records: Known<bool>,
    levels: Known<Vec<String>>,
    lost: Known<bool>,
    /// Whether policy and destination are active.
    active: Known<bool>,
    why_records: Vec<Evidence>,
    why_lost: Vec<Evidence>,
}

fn effect(metrics: &Metrics) -> Effect {
    let moved = |name: &str| -> Vec<&Sample> { metrics.family(name).iter().filter(|sample| sample.moved()).collect() };
    let levels = moved(LEVELS);
    let names: BTreeSet<String> = levels.iter().map(|sample| sample.label("level").to_owned()).collect();
    let recorded: Vec<Evidence> =
        levels.iter().filter(|sample| sample.label("level") != "None").map(|sample| sample.origin.clone()).collect();
    let nothing_sent: Vec<Evidence> =
        metrics.family(EVENTS).iter().filter(|sample| !sample.moved()).map(|sample| sample.origin.clone()).collect();
    let silent = |what: &str| {
        metrics.unseen(
            what,
            "its counters say neither that events were recorded nor that none was",
            "Ask whoever operates the control plane for the audit policy and for a recent event.",
        )
    };
    let errors = moved(ERRORS);
    let lost = match (errors.is_empty(), levels.is_empty()) {
        (false, _) => Known::Known(true),
        // The series of a destination appears with its first error (pkg/audit/metrics.go).
        (true, false) => Known::Known(false),
        (true, true) => Known::Unknown(silent("whether audit events were lost")),
    };
    let why_lost = match errors.is_empty() {
        false => errors.iter().map(|sample| sample.origin.clone()).collect(),
        true => levels.iter().map(|sample| sample.origin.clone()).collect(),
    };
    let (records, active, why_records) = match (recorded.is_empty(), levels.is_empty(), nothing_sent.is_empty()) {
        (false, _, _) => (Known::Known(true), Known::Known(true), recorded),
        // A policy is active and has judged everything so far at the level None.
        (true, false, _) => (Known::Known(false), Known::Known(true), levels.iter().map(|sample| sample.origin.clone()).collect()),
        (true, true, false) => (Known::Known(false), Known::Known(false), nothing_sent),
        (true, true, true) => {
            let unseen = silent("whether audit events are recorded");
            (Known::Unknown(unseen.clone()), Known::Unknown(unseen), Vec::new())
        }
    };
    let levels = match &active {
        Known::Known(_) => Known::Known(names.into_iter().collect()),
        Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
    };
    Effect { records, levels, lost, active, why_records, why_lost }
}

pub(super) fn rows(context: &Context<'_>, servers: &ApiServers) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let metrics = Metrics::read(reader)?;
    let effect = effect(&metrics);
    let mut rows: Vec<Row> = servers.list.iter().map(|server| setting_row(servers, server, &effect)).collect();
    if servers.list.is_empty() {
        rows.push(unseen_row("setting", &servers.gap("audit-policy-file"), servers));
    }
    if let Some(why) = servers.unseen() {
        rows.push(unseen_row("setting", &not_visible("kube-apiserver", "audit-policy-file", &why), servers));
    }
    rows.push(metrics_row(&metrics, &effect, servers));
    if metrics.any().is_some()
        && let Some(why) = servers.others(1)
    {
        let unseen = Unseen {
            what: "what the other API servers record".to_owned(),
            how_to_see: "Collect from each API server by its own address.".to_owned(),
            ..not_visible("kube-apiserver", "audit-policy-file", &why.replace("were seen", "answered with its counters"))
        };
        rows.push(unseen_row("metrics", &unseen, servers));
    }
    for (name, spec, origin) in openshift_servers(reader)? {
        rows.push(openshift_row(&name, spec, origin, &effect));
    }
    Ok(rows)
}

/// The policy and the destinations that flags name (kube-apiserver reference; apiserver pkg/server/options/audit.go).
fn setting_row(servers: &ApiServers, server: &Server, effect: &Effect) -> Row {
    const DESTINATIONS: [(&str, &str); 2] = [("audit-log-path", "log"), ("audit-webhook-config-file", "webhook")];
    let set = |flag: &str| servers.value(server, flag, Some("")).map(|(value, _)| !value.is_empty());
    let has_policy = set("audit-policy-file");
    let (mut named, mut unseen) = (Vec::new(), None);
    for (flag, name) in DESTINATIONS {
        match set(flag) {
            Known::Known(true) => named.push(name.to_owned()),
            Known::Known(false) => {}
            Known::Unknown(why) => unseen = Some(why),
        }
    }
    let backends = match unseen {
        Some(unseen) if named.is_empty() => Known::Unknown(unseen),
        _ => Known::Known(named),
    };
    let off = has_policy == Known::Known(false) || backends == Known::Known(Vec::new());
    let unsaid = |what: &str| Unseen {
        what: what.to_owned(),
        how_to_see: "See the row of /metrics.".to_owned(),
        ..not_visible("kube-apiserver", "audit-policy-file", "flags do not say it: the policy is a file that the API does not show")
    };
    // Only where one server is both the one that was asked and the one whose settings these are.
    let contradiction = match (&effect.active, &has_policy, &backends, servers.counted) {
        (Known::Known(active), Known::Known(policy), Known::Known(backends), 1) => {
            Known::Known(*active != (*policy && !backends.is_empty()))
        }
        _ => Known::Known(false),
    };
    let typed = AuditRow {
        instance: server.name.clone(),
        from: "setting",
        records: if off { Known::Known(false) } else { Known::Unknown(unsaid("whether audit events are recorded")) },
        levels: Known::Unknown(unsaid("at which levels requests are recorded")),
        lost_events: Known::Unknown(unsaid("whether audit events were lost")),
        has_policy,
        backends,
        contradiction,
    };
    let policy = servers.evidence(server, "audit-policy-file");
    let destinations: Vec<Evidence> = DESTINATIONS.iter().flat_map(|(flag, _)| servers.evidence(server, flag)).collect();
    Row::new(format!("setting@{}", server.name), server.subject.clone(), policy.clone(), typed)
        .in_namespace(None)
        .evidenced("has_policy", policy.clone())
        .evidenced("backends", destinations)
        .evidenced("contradiction", policy.into_iter().chain(effect.why_records.iter().cloned()))
}

fn metrics_row(metrics: &Metrics, effect: &Effect, servers: &ApiServers) -> Row {
    let typed = AuditRow {
        instance: "/metrics".to_owned(),
        from: "metrics",
        has_policy: effect.active.clone(),
        backends: effect.active.clone().and_then(|active| match active {
            true => Known::Unknown(Unseen {
                what: "where audit events go".to_owned(),
                ..not_visible("kube-apiserver", "audit-log-path", "the counters show that there is a destination, not which")
            }),
            false => Known::Known(Vec::new()),
        }),
        records: effect.records.clone(),
        levels: effect.levels.clone(),
        lost_events: effect.lost.clone(),
        // What is not known contradicts nothing and agrees with nothing.
        contradiction: effect.records.clone().map(|_| false),
    };
    let origins = metrics.any().or(servers.fallback.as_ref()).cloned().into_iter().collect();
    Row::new("metrics@/metrics".to_owned(), api_server("/metrics"), origins, typed)
        .evidenced("records", effect.why_records.clone())
        .evidenced("levels", effect.why_records.clone())
        .evidenced("lost_events", effect.why_lost.clone())
}

/// The profile `None` records nothing; every other records at least metadata (openshift/api config/v1/types_apiserver.go).
fn openshift_row(name: &str, spec: OpenShiftServer, origin: Evidence, effect: &Effect) -> Row {
    let profile = spec.audit.unwrap_or_default().profile;
    let unsaid = |what: &str| Unseen {
        what: what.to_owned(),
        ..not_visible("kube-apiserver", "audit-policy-file", "the audit profile does not say it")
    };
    let records = match profile.as_str() {
        "None" => Known::Known(false),
        "" | "Default" | "WriteRequestBodies" | "AllRequestBodies" => Known::Known(true),
        _ => Known::Unknown(unsaid("whether requests are recorded")),
    };
    let typed = AuditRow {
        instance: name.to_owned(),
        from: "OpenShift",
        has_policy: records.clone(),
        backends: records.clone().map(|records| if records { vec!["log".to_owned()] } else { Vec::new() }),
        records: records.clone(),
        levels: Known::Unknown(unsaid("at which levels requests are recorded")),
        lost_events: Known::Unknown(unsaid("whether audit events were lost")),
        contradiction: match (&effect.records, &records) {
            (Known::Known(recorded), Known::Known(said)) => Known::Known(recorded != said),
            _ => Known::Known(false),
        },
    };
    let subject = origin.object().cloned().unwrap_or_else(|| api_server(name));
    let origin = origin.at("/spec/audit/profile");
    Row::new(format!("OpenShift@{name}"), subject, vec![origin], typed)
}

fn unseen_row(from: &'static str, why: &Unseen, servers: &ApiServers) -> Row {
    let typed = AuditRow {
        instance: String::new(),
        from,
        has_policy: Known::Unknown(why.clone()),
        backends: Known::Unknown(why.clone()),
        records: Known::Unknown(why.clone()),
        levels: Known::Unknown(why.clone()),
        lost_events: Known::Unknown(why.clone()),
        contradiction: Known::Known(false),
    };
    Row::new(format!("{from}@"), api_server("kube-apiserver"), servers.fallback.iter().cloned().collect(), typed)
}

/// An APIServer of OpenShift (`config.openshift.io/v1`).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct OpenShiftServer {
    pub(super) encryption: Option<OpenShiftEncryption>,
    audit: Option<Audit>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Audit {
    profile: String,
}

#[derive(Deserialize)]
struct OpenShiftObject {
    #[serde(default)]
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    #[serde(default)]
    spec: OpenShiftServer,
}

/// Name, settings and place of every such object; there is one, called `cluster`.
pub(super) fn openshift_servers(reader: &Reader<'_>) -> Result<Vec<(String, OpenShiftServer, Evidence)>, FactsError> {
    let mut all = Vec::new();
    reader.each::<OpenShiftObject>(&OPENSHIFT_API_SERVERS, |object, origin| {
        all.push((object.metadata.name.clone().unwrap_or_default(), object.spec, origin));
    })?;
    Ok(all)
}

impl Readable for OpenShiftObject {
    fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        &self.metadata
    }
}
