//! What the API server shows of callers and decisions by its counters, and by its answer to one request without credentials.

use serde::Deserialize;

use super::context::Context;
use super::metrics::{Metrics, Sample};
use super::table::schema::{Row, TableRow, table};
use super::{FactsError, Family, Known};
use crate::model::sources::{ANONYMOUS_REQUEST, LEASES, METRICS, VERSION};
use crate::model::{Evidence, Grade, ObjectRef, Unseen, UnseenKind};

table! {
    /// One row per effect that matters and that the API server counts (grade A): whether it has been seen since the process of the one
    /// server that answered `/metrics` started. `false` is said only of counters that the server writes at 0 before anything
    /// happens, or of which a neighbour shows that they count; a series that is merely not there proves nothing and is unknown. The
    /// effects: `legacy-token` (a service account token that never expires was accepted; where such tokens were presented and the
    /// server does not count which it accepted, that is unknown), `long-lived-certificate` (a client certificate with more than 360
    /// days left was presented), `pod-security-exemption` (a pod was let past Pod Security by an exemption in a file that no API
    /// shows), `other-authorizer` (something else than Node and RBAC decided), `webhook-fail-open` (a request was let past an
    /// admission webhook that did not answer), `policy-error-ignored` (a request was let past a ValidatingAdmissionPolicy whose
    /// expressions could not be evaluated; a parameter that is missing is not counted), `impersonation` (somebody acted as somebody else), `policies-from-files` (webhooks or policies were loaded
    /// from files, KEP-5793: the API does not list them).
    pub struct EffectRow as "api_server_effects" counting "effects that the API server counts", always from [METRICS, LEASES, VERSION] {
        /// Name of the effect.
        effect: &'static str;
        /// `/metrics`, or empty for the API servers that did not answer.
        instance: &'static str;
        /// Whether it has been seen since the process started.
        seen: Known<bool>;
        /// Where and how, by the labels of the series: names of webhooks, policies, authorizers. Sorted.
        details: Known<Vec<String>>;
    }
}

table! {
    /// How the API server answered one request without credentials (a list of one namespace, grade A): 401 says that such requests
    /// are refused; anything else that they are let in as `system:anonymous`, and 403 that this one then lacked the right. An answer
    /// that no Kubernetes API gave (a proxy, a login page) says nothing, and everything is unknown.
    pub struct AnonymousRow as "anonymous_access" counting "requests", always from [ANONYMOUS_REQUEST] {
        /// The status code; absent when there was no answer.
        status: Known<i64>, at "/status";
        /// Whether a caller without credentials is let in.
        accepted: Known<bool>, at "/status";
        /// Whether it was given what it asked for.
        answered: Known<bool>, at "/status";
    }
}

pub(super) const FAMILY: Family = Family {
    schemas: || vec![EffectRow::schema(), AnonymousRow::schema()],
    rows: |context, _| Ok(vec![effects(context)?, anonymous(context)?]),
};

/// One effect: its series, which of them count, and what tells that none of them has happened.
struct Effect {
    name: &'static str,
    /// What it is that happened or did not, as a clause.
    words: &'static str,
    families: &'static [&'static str],
    /// Which series are the effect.
    is: fn(&Sample) -> bool,
    /// Labels that say where.
    labels: &'static [&'static str],
    /// A series that also counts what is not the effect, and why nothing is known where it alone has moved.
    vague: Option<(&'static str, &'static str)>,
    /// Series whose presence shows that the counters would be there (the server writes them at 0, or they count the ordinary case).
    witness: &'static [&'static str],
    silent: &'static str,
}

/// Sources: pkg/serviceaccount/metrics.go (plain counters, written at 0; `legacy_tokens_total` counts in jwt.go before a token is
/// validated, the two of uses in legacy.go after the last reason to refuse it, and only with `--service-account-lookup`), apiserver
/// pkg/authentication/request/x509 (histogram; the last bound is 360 days), pod-security-admission metrics (written at 0), apiserver
/// pkg/authorization/metrics and kubeapiserver/authorizer/reload.go (type as configured; only decisions that end the chain),
/// pkg/admission/metrics (a series appears with the first event), pkg/admission/plugin/policy/validating/dispatcher.go (`allow` is
/// counted only for an error of an expression that failurePolicy Ignore lets pass; generic/policy_dispatcher.go counts no error of
/// configuration), KEP-5793 for policies from files.
const EFFECTS: &[Effect] = &[
    Effect {
        name: "legacy-token",
        words: "tokens that never expire were used",
        families: &["serviceaccount_legacy_auto_token_uses_total", "serviceaccount_legacy_manual_token_uses_total"],
        is: |_| true,
        labels: &[],
        vague: Some(("serviceaccount_legacy_tokens_total", "such tokens were presented; whether any was accepted is not counted")),
        witness: &["serviceaccount_legacy_tokens_total"],
        silent: "the server does not count tokens that never expire",
    },
    Effect {
        name: "long-lived-certificate",
        words: "client certificates that are valid for a year or more were used",
        families: &["apiserver_client_certificate_expiration_seconds_bucket"],
        is: |sample| sample.label("le") == "+Inf",
        labels: &[],
        vague: None,
        witness: &["apiserver_client_certificate_expiration_seconds_bucket"],
        silent: "no client certificate was counted",
    },
    Effect {
        name: "pod-security-exemption",
        words: "objects were exempted from Pod Security",
        families: &["pod_security_exemptions_total"],
        is: |_| true,
        labels: &["request_operation", "resource"],
        vague: None,
        witness: &["pod_security_exemptions_total"],
        silent: "the server does not count exemptions from Pod Security",
    },
    Effect {
        name: "other-authorizer",
        words: "authorizers other than RBAC and Node have decided",
        families: &["apiserver_authorization_decisions_total"],
        is: |sample| !matches!(sample.label("type"), "Node" | "RBAC"),
        labels: &["type", "name", "decision"],
        vague: None,
        witness: &["apiserver_authorization_decisions_total"],
        silent: "the server does not count decisions by authorizer (from 1.30)",
    },
    Effect {
        name: "webhook-fail-open",
        words: "requests were let past because a webhook did not answer",
        families: &["apiserver_admission_webhook_fail_open_count"],
        is: |_| true,
        labels: &["name", "type"],
        vague: None,
        witness: &["apiserver_admission_webhook_admission_duration_seconds_count", "apiserver_admission_webhook_request_total"],
        silent: "no webhook has been called since the server started",
    },
    Effect {
        name: "policy-error-ignored",
        words: "errors of admission policies were passed over",
        families: &["apiserver_validating_admission_policy_check_total"],
        is: |sample| sample.label("enforcement_action") == "allow",
        labels: &["policy", "policy_binding", "error_type"],
        vague: None,
        witness: &["apiserver_validating_admission_policy_check_total"],
        silent: "no ValidatingAdmissionPolicy has counted anything since the server started",
    },
    Effect {
        name: "impersonation",
        words: "anybody has acted as another identity",
        families: &["apiserver_impersonation_attempts_total"],
        is: |_| true,
        labels: &["mode", "decision"],
        vague: None,
        witness: &[],
        silent: "no attempt was counted, which older servers never do",
    },
    Effect {
        name: "policies-from-files",
        words: "admission policies or webhooks are loaded from files",
        families: &[
            "apiserver_manifest_admission_config_controller_last_config_info",
            "apiserver_manifest_admission_config_controller_automatic_reloads_total",
        ],
        is: |_| true,
        labels: &["plugin"],
        vague: None,
        witness: &[],
        silent: "nothing was counted, which servers without such files never do",
    },
];

fn server(name: &str) -> ObjectRef {
    ObjectRef { kind: "APIServer".to_owned(), group: String::new(), namespace: None, name: name.to_owned(), uid: None }
}

fn effects(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let metrics = Metrics::read(reader)?;
    let counted = super::settings::counted_servers(reader)?;
    let fallback =
        reader.single(&VERSION)?.map(|stored| reader.origin(&VERSION, &Default::default(), &stored, Grade::EffectiveConfiguration));
    let origins = |at: Option<&Evidence>| -> Vec<Evidence> { at.or(fallback.as_ref()).into_iter().cloned().collect() };
    let mut rows = Vec::new();
    for effect in EFFECTS {
        let (seen, details, evidence) = look(effect, &metrics);
        let typed = EffectRow { effect: effect.name, instance: "/metrics", seen, details };
        rows.push(
            Row::new(format!("{}@/metrics", effect.name), server("/metrics"), origins(metrics.any()), typed).evidenced("seen", evidence),
        );
        let why = match counted {
            _ if metrics.any().is_none() => continue,
            0 => "no Lease in kube-system names an API server, so that it is not known how many there are".to_owned(),
            1 => continue,
            all => format!("1 of {all} API servers answered with its counters; the others may have counted it"),
        };
        let unseen = not_seen(effect.name, &why, "Collect from each API server by its own address.");
        let typed = EffectRow { effect: effect.name, instance: "", seen: Known::Unknown(unseen.clone()), details: Known::Unknown(unseen) };
        rows.push(Row::new(format!("{}@", effect.name), server("kube-apiserver"), origins(None), typed));
    }
    Ok(rows)
}

fn not_seen(what: &str, why: &str, how_to_see: &str) -> Unseen {
    Unseen::not_visible(format!("whether the API servers have counted: {what}"), why.to_owned(), how_to_see.to_owned())
}

fn look(effect: &Effect, metrics: &Metrics) -> (Known<bool>, Known<Vec<String>>, Vec<Evidence>) {
    let series = |names: &[&'static str]| -> Vec<&Sample> { names.iter().flat_map(|name| metrics.family(name)).collect() };
    let happened: Vec<&Sample> = series(effect.families).into_iter().filter(|sample| sample.moved() && (effect.is)(sample)).collect();
    if !happened.is_empty() {
        let described = |sample: &&Sample| {
            let parts: Vec<&str> = effect.labels.iter().map(|label| sample.label(label)).filter(|value| !value.is_empty()).collect();
            parts.join(" ")
        };
        let mut details: Vec<String> = happened.iter().map(described).filter(|text| !text.is_empty()).collect();
        details.sort();
        details.dedup();
        let evidence = happened.iter().map(|sample| sample.origin.clone()).collect();
        return (Known::Known(true), Known::Known(details), evidence);
    }
    let unknown = |why: &str, how_to_see: &str| {
        let unseen = metrics.unseen(&format!("whether {}, which the API server counts", effect.words), why, how_to_see);
        (Known::Unknown(unseen.clone()), Known::Unknown(unseen), Vec::new())
    };
    if let Some((name, why)) = effect.vague.filter(|(name, _)| metrics.family(name).iter().any(Sample::moved)) {
        return unknown(why, &format!("Look into the audit log for what {name} counted."));
    }
    let witnesses = series(effect.witness);
    if witnesses.is_empty() {
        return unknown(effect.silent, "Collect again after a day of ordinary use.");
    }
    (Known::Known(false), Known::Known(Vec::new()), witnesses.into_iter().map(|sample| sample.origin.clone()).collect())
}

fn anonymous(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    #[derive(Deserialize)]
    struct Answer {
        status: i64,
        from_api: Option<bool>,
    }
    let reader = &context.reader;
    let subject = server("anonymous-request");
    let unseen = |why: &str| Unseen {
        kind: UnseenKind::NotVisible,
        what: "how the API server answers a request without credentials".to_owned(),
        why: why.to_owned(),
        how_to_see: "Collect without --no-anonymous-request, or send one by hand: curl -k https://SERVER/api/v1/namespaces?limit=1"
            .to_owned(),
        source: None,
        missing_rule: None,
    };
    let row = |typed: AnonymousRow, origins: Vec<Evidence>| Row::new("anonymous-request".to_owned(), subject.clone(), origins, typed);
    let unknown = |unseen: Unseen| {
        let typed = AnonymousRow {
            status: Known::Unknown(unseen.clone()),
            accepted: Known::Unknown(unseen.clone()),
            answered: Known::Unknown(unseen),
        };
        row(typed, Vec::new())
    };
    let mut rows = Vec::new();
    reader.each_stored(&ANONYMOUS_REQUEST, |stored| match serde_json::from_str::<Answer>(&stored.json) {
        Ok(Answer { status: code @ (200..=299 | 401 | 403), from_api: Some(true) }) => {
            let typed = AnonymousRow {
                status: Known::Known(code),
                accepted: Known::Known(code != 401),
                answered: Known::Known((200..300).contains(&code)),
            };
            let origin = reader.origin(&ANONYMOUS_REQUEST, &Default::default(), &stored, Grade::LiveEffect);
            rows.push(row(typed, vec![origin]));
        }
        Ok(Answer { status, from_api: Some(true) }) => {
            rows.push(unknown(unseen(&format!("it was answered with status {status}, which says neither"))));
        }
        // A redirect, a proxy's page: nothing that a kube-apiserver says about a caller.
        Ok(Answer { status, from_api: Some(false) }) => {
            let who = "not in the form of a Kubernetes API, so that something in between may have given the answer";
            rows.push(unknown(unseen(&format!("it was answered with status {status}, {who}"))));
        }
        Ok(Answer { status, from_api: None }) => {
            let who = "and the snapshot, made by an earlier version, does not say whether a Kubernetes API gave the answer";
            rows.push(unknown(unseen(&format!("it was answered with status {status}, {who}"))));
        }
        Err(error) => reader.not_understood(&ANONYMOUS_REQUEST, &stored, &error.to_string()),
    })?;
    if rows.is_empty() {
        rows.push(unknown(
            reader.gap(&ANONYMOUS_REQUEST).unwrap_or_else(|| unseen("no such request was made, or its answer is not known")),
        ));
    }
    Ok(rows)
}
