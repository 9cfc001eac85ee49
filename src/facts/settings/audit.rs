//! What is known of the API server's audit log.

use std::collections::BTreeSet;

use super::not_visible;
use super::openshift::{Audit, OpenShiftServer, openshift_servers};
use super::places::Place;
use super::seen::api_server;
use super::servers::{ApiServers, Server};
use crate::facts::audit_policy::{Policy, handed_over, levels};
use crate::facts::context::Context;
use crate::facts::metrics::{Metrics, Sample};
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, METRICS, NODES, OPENSHIFT_API_SERVERS, PODS, VERSION};
use crate::model::{AUDIT_POLICIES, AuditLevel, Evidence, Unseen};

table! {
    /// One row per API server and per statement about its audit log. `setting`: the flags that name a policy and a destination, one
    /// row per API server that was seen; there is no default for either. `metrics`: what the server that answered has really
    /// recorded since its process started (grade A). Kubernetes counts `apiserver_audit_level_total` only where both a policy and a
    /// destination are active, and the request that reads the counters is judged by the policy before it is answered; so a page on
    /// which `apiserver_audit_event_total` is 0 and no level was counted is that of a server that records nothing; with levels, its
    /// policy leaves out every stage of every request. `OpenShift`: the
    /// audit profile and its rules for groups. `import`: an audit policy that somebody handed over (grade D), of which the table
    /// `audit_policy` says what it makes of single requests; no API shows that file.
    pub struct AuditRow as "audit" counting "statements on auditing", always from [METRICS, FLAGZ, PODS, NODES, KUBEADM_CONFIG, LEASES, VERSION, OPENSHIFT_API_SERVERS] consulting [AUDIT_POLICIES] {
        /// Where: a mirror pod, `/flagz`, `/metrics`, an object, a file; empty for API servers that no source shows.
        instance: String;
        /// Who says so: `setting`, `metrics`, `OpenShift` or `import`.
        from: &'static str;
        /// Whether an audit policy is in use.
        has_policy: Known<bool>;
        /// Where events go, as far as is known: `log` (a file that stays when the process ends), `stdout`, `webhook`, `container` (a
        /// file that is under no mounted directory and ends with its container), `device` (such as /dev/null). Empty when there is
        /// no destination. Whether a file is under a mount is known where the server's pod is seen.
        backends: Known<Vec<String>>;
        /// The path of the log file; empty when there is none.
        log_path: Known<String>;
        /// For how many days rotation keeps a log file; 0 is without limit.
        log_max_age: Known<Option<i64>>;
        /// How many files rotation keeps; 0 is without limit.
        log_max_backups: Known<Option<i64>>;
        /// Whether events are recorded: above the level None for at least one request.
        records: Known<bool>;
        /// The levels at which requests were judged since the process started, or to which a policy that was handed over can come; sorted.
        levels: Known<Vec<String>>;
        /// How many requests were judged since the process started, at least: in steps of 1, 2 and 5. Unset where no policy is active.
        judged: Known<Option<i64>>;
        /// How many percent of them were left out, which is the level None: rounded up, so that it is never less than it was. Unset where
        /// no policy is active; unknown below 500 requests, which are those of a process that starts.
        left_out_percent: Known<Option<i64>>;
        /// Whether events were lost since the process started, because writing or sending them failed.
        lost_events: Known<bool>;
        /// Whether settings and effect disagree; unset where there are not two sides, or where both say that nothing is recorded. Of a policy
        /// that was handed over it is not known where there is more than one API server.
        contradiction: Known<Option<bool>>;
    }
}

const LEVELS: &str = "apiserver_audit_level_total";
const EVENTS: &str = "apiserver_audit_event_total";
const ERRORS: &str = "apiserver_audit_error_total";
/// Reckoned by the collector from the levels.
const LEFT_OUT: &str = "apiserver_audit_level_total:left_out_percent";
const JUDGED: &str = "apiserver_audit_level_total:judged_at_least";
/// Below this, what was judged is the start of a process and not its days.
const YOUNG: i64 = 500;

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
        (false, _, true) => (Known::Known(true), Known::Known(true), recorded),
        // Judged above None, and not one event was made: the policy leaves out every stage (omitStages; pkg/audit/context.go).
        (false, _, false) => (Known::Known(false), Known::Known(true), nothing_sent.into_iter().chain(recorded).collect()),
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
    let profiles = openshift_servers(reader)?;
    let settings: Vec<Settings> = servers.list.iter().map(|server| Settings::of(servers, server)).collect();
    let effect = effect(&metrics).reaching(&settings);
    let comparable = comparable(servers, &settings);
    // Where something else says what ought to be, settings that nobody sees are not missed for the comparison.
    let missed = |why: &Unseen| if profiles.is_empty() { Known::Unknown(why.clone()) } else { Known::Known(None) };
    let mut rows: Vec<Row> =
        servers.list.iter().zip(settings).map(|(server, settings)| setting_row(servers, server, settings, &effect, &comparable)).collect();
    if servers.list.is_empty() {
        let why = servers.gap("audit-policy-file");
        rows.push(unseen_row("setting", &why, missed(&why), servers));
    }
    if let Some(why) = servers.unseen() {
        let why = not_visible("kube-apiserver", "audit-policy-file", &why);
        rows.push(unseen_row("setting", &why, missed(&why), servers));
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
        rows.push(unseen_row("metrics", &unseen, Known::Known(None), servers));
    }
    for (name, spec, origin) in profiles {
        rows.push(openshift_row(&name, spec, origin, &effect));
    }
    match handed_over(reader)? {
        Known::Known(policies) => rows.extend(policies.iter().map(|policy| import_row(policy, &effect, &alone(servers)))),
        Known::Unknown(why) => rows.push(unseen_row("import", &why, Known::Unknown(why.clone()), servers)),
    }
    Ok(rows)
}

/// How many requests were judged, and the share of them that was left out.
fn shares(metrics: &Metrics, effect: &Effect) -> (Known<Option<i64>>, Known<Option<i64>>) {
    let number = |name: &str| metrics.family(name).first().and_then(|sample| sample.value.parse::<i64>().ok());
    let unknown = |why: &str, how: &str| {
        let unseen = Unseen::not_visible("the share of requests that the audit policy left out", why, how);
        (Known::Unknown(unseen.clone()), Known::Unknown(unseen))
    };
    match (&effect.active, number(JUDGED), number(LEFT_OUT)) {
        (Known::Unknown(unseen), ..) => (Known::Unknown(unseen.clone()), Known::Unknown(unseen.clone())),
        (Known::Known(false), ..) => (Known::Known(None), Known::Known(None)),
        (Known::Known(true), Some(judged), Some(share)) if judged >= YOUNG => (Known::Known(Some(judged)), Known::Known(Some(share))),
        (Known::Known(true), Some(judged), Some(_)) => {
            let (_, young) = unknown(
                &format!("the process of the API server has judged fewer than {YOUNG} requests since it started"),
                "Collect again when it has run for a day.",
            );
            (Known::Known(Some(judged)), young)
        }
        (Known::Known(true), ..) => unknown(
            "it is not in the snapshot: that was taken by a version that did not keep it, or not every line of /metrics could be read",
            "Collect again with this version.",
        ),
    }
}

/// A policy that was handed over: what it can come to, beside what the counters of the one server that answered show.
fn import_row(policy: &Policy, effect: &Effect, alone: &Known<()>) -> Row {
    let able: Vec<&str> = levels(&policy.policy).into_iter().map(AuditLevel::word).collect();
    let unsaid = |what: &str| Unseen {
        what: what.to_owned(),
        how_to_see: "See the row of /metrics.".to_owned(),
        ..not_visible("kube-apiserver", "audit-policy-file", "a file that was handed over does not say whether an API server uses it")
    };
    let fits = |counted: &Vec<String>| counted.iter().all(|level| able.contains(&level.as_str()));
    let contradiction = effect.active.clone().and_then(|active| {
        alone.clone().and_then(|()| match active {
            true => effect.levels.clone().map(|counted| Some(!fits(&counted))),
            // A policy that no server uses, or whose events go nowhere, is not the one that is in use.
            false => Known::Known(Some(true)),
        })
    });
    let typed = AuditRow {
        instance: policy.file.clone(),
        from: "import",
        has_policy: Known::Unknown(unsaid("whether the API server uses the policy that was handed over")),
        backends: Known::Unknown(unsaid("where audit events go")),
        log_path: Known::Unknown(unsaid("the path of the audit log")),
        log_max_age: Known::Unknown(unsaid("how long audit logs are kept")),
        log_max_backups: Known::Unknown(unsaid("how many audit logs are kept")),
        records: Known::Unknown(unsaid("whether audit events are recorded")),
        levels: Known::Known(able.iter().map(|level| (*level).to_owned()).collect()),
        judged: Known::Unknown(unsaid("how many requests were judged")),
        left_out_percent: Known::Unknown(unsaid("the share of requests that the audit policy left out")),
        lost_events: Known::Unknown(unsaid("whether audit events were lost")),
        contradiction,
    };
    Row::new(format!("import@{}", policy.file), policy.subject(), vec![policy.origin.clone()], typed)
        .evidenced("contradiction", [policy.origin.at("/rules")].into_iter().chain(effect.why_records.iter().cloned()))
}

/// What the flags of one server say (kube-apiserver reference; apiserver pkg/server/options/audit.go).
struct Settings {
    has_policy: Known<bool>,
    backends: Known<Vec<String>>,
    log_path: Known<String>,
    max_age: Known<Option<i64>>,
    max_backups: Known<Option<i64>>,
}

const LOG: &str = "audit-log-path";
const WEBHOOK: &str = "audit-webhook-config-file";

impl Settings {
    fn of(servers: &ApiServers, server: &Server) -> Self {
        let text = |flag: &str| servers.value(server, flag, Some("")).map(|(value, _)| value);
        let number = |flag: &str| servers.value(server, flag, servers.default_of(flag)).map(|(value, _)| value.parse().ok());
        let log_path = text(LOG);
        let log = log_path.clone().and_then(|path| match path.is_empty() {
            true => Known::Known(None),
            false => servers.place(server, LOG, &path).and_then(|place| {
                // Into whatever file a wrapper writes the output: the API server does not rotate it, and it stays its output.
                let redirected = servers.resolved(server, LOG, &path).map(|resolved| resolved != path);
                redirected.map(|redirected| Some(if redirected && place == Place::Kept { word(Place::Output) } else { word(place) }))
            }),
        });
        let webhook = text(WEBHOOK).map(|file| (!file.is_empty()).then_some("webhook"));
        let (mut named, mut unseen) = (Vec::new(), None);
        for destination in [log, webhook] {
            match destination {
                Known::Known(name) => named.extend(name.map(str::to_owned)),
                Known::Unknown(why) => unseen = Some(why),
            }
        }
        let backends = match unseen {
            // One that keeps something is enough to know that there is one.
            Some(unseen) if !named.iter().any(|name| lasts(name)) => Known::Unknown(unseen),
            _ => Known::Known(named),
        };
        Self {
            has_policy: text("audit-policy-file").map(|file| !file.is_empty()),
            backends,
            log_path,
            max_age: number("audit-log-maxage"),
            max_backups: number("audit-log-maxbackup"),
        }
    }

    /// Whether the server counts events: with a policy and a destination, whatever that does with them.
    fn counts(&self) -> Known<bool> {
        self.has_policy.clone().and_then(|policy| self.backends.clone().map(|backends| policy && !backends.is_empty()))
    }

    /// Whether what is recorded goes where nothing is kept.
    fn discards(&self) -> bool {
        self.backends.known().is_some_and(|backends| !backends.is_empty() && backends.iter().all(|name| name == word(Place::Device)))
    }

    /// Whether nothing is recorded: without a policy, without a destination, or with none that keeps anything.
    fn is_off(&self) -> bool {
        self.has_policy == Known::Known(false) || self.backends == Known::Known(Vec::new()) || self.discards()
    }
}

fn word(place: Place) -> &'static str {
    match place {
        Place::Kept => "log",
        Place::Output => "stdout",
        Place::Container => "container",
        Place::Device => "device",
    }
}

fn lasts(name: &str) -> bool {
    matches!(name, "log" | "stdout" | "webhook")
}

impl Effect {
    /// What comes of it where the settings are known: events that go to a device are counted and not recorded.
    fn reaching(mut self, settings: &[Settings]) -> Self {
        let discards = settings.iter().filter(|settings| settings.discards()).count();
        if self.records == Known::Known(true) && discards > 0 {
            self.records = match discards == settings.len() {
                true => Known::Known(false),
                false => Known::Unknown(Unseen {
                    what: "whether audit events are recorded".to_owned(),
                    ..not_visible(
                        "kube-apiserver",
                        LOG,
                        "one of the API servers writes them to a device, and any of them may have answered",
                    )
                }),
            };
        }
        self
    }
}

/// Whether the settings that are seen are those of the server whose counters are: of one server, or of several that are alike.
fn comparable(servers: &ApiServers, settings: &[Settings]) -> Known<()> {
    let alike = settings.iter().zip(settings.iter().skip(1)).all(|(one, next)| one.counts() == next.counts());
    let why = match servers.unseen() {
        Some(why) => why,
        None if alike => return Known::Known(()),
        None => "the API servers are not alike, and any of them may have answered with its counters".to_owned(),
    };
    Known::Unknown(not_visible("kube-apiserver", "audit-policy-file", &why))
}

/// Whether a file that was handed over may be set against the counters: only one server answers with them, and of several each has a file of
/// its own, which settings that are alike do not make the same.
fn alone(servers: &ApiServers) -> Known<()> {
    let why = match servers.others(1) {
        Some(why) => why.replace("were seen", "answered with its counters"),
        None if servers.list.len() < 2 => return Known::Known(()),
        None => "several API servers were seen, and any of them may have answered with its counters".to_owned(),
    };
    Known::Unknown(Unseen {
        what: "whether the policy that was handed over is that of the API server that answered".to_owned(),
        how_to_see: "Collect from each API server by its own address, with its own file of --audit-policy-file.".to_owned(),
        ..not_visible("kube-apiserver", "audit-policy-file", &why)
    })
}

fn setting_row(servers: &ApiServers, server: &Server, settings: Settings, effect: &Effect, comparable: &Known<()>) -> Row {
    let unsaid = |what: &str| Unseen {
        what: what.to_owned(),
        how_to_see: "See the row of /metrics.".to_owned(),
        ..not_visible("kube-apiserver", "audit-policy-file", "flags do not say it: the policy is a file that the API does not show")
    };
    let contradiction = match (&effect.active, settings.counts()) {
        (Known::Known(false), Known::Known(false)) => Known::Known(None),
        (active, counts) => comparable.clone().and_then(|()| active.clone().and_then(|active| counts.map(|counts| Some(active != counts)))),
    };
    let off = settings.is_off();
    let typed = AuditRow {
        instance: server.name.clone(),
        from: "setting",
        records: if off { Known::Known(false) } else { Known::Unknown(unsaid("whether audit events are recorded")) },
        levels: Known::Unknown(unsaid("at which levels requests are recorded")),
        judged: Known::Unknown(unsaid("how many requests were judged")),
        left_out_percent: Known::Unknown(unsaid("the share of requests that the audit policy left out")),
        lost_events: Known::Unknown(unsaid("whether audit events were lost")),
        has_policy: settings.has_policy,
        backends: settings.backends,
        log_path: settings.log_path,
        log_max_age: settings.max_age,
        log_max_backups: settings.max_backups,
        contradiction,
    };
    let policy = servers.evidence(server, "audit-policy-file");
    let destinations: Vec<Evidence> = [LOG, WEBHOOK].iter().flat_map(|flag| servers.evidence(server, flag)).collect();
    Row::new(format!("setting@{}", server.name), server.subject.clone(), policy.clone(), typed)
        .in_namespace(None)
        .evidenced("has_policy", policy.clone())
        .evidenced("backends", destinations)
        .evidenced("log_path", servers.evidence(server, LOG))
        .evidenced("log_max_age", servers.evidence(server, "audit-log-maxage"))
        .evidenced("log_max_backups", servers.evidence(server, "audit-log-maxbackup"))
        .evidenced("contradiction", policy.into_iter().chain(effect.why_records.iter().cloned()))
}

fn metrics_row(metrics: &Metrics, effect: &Effect, servers: &ApiServers) -> Row {
    let of_flags = |what: &str| Unseen {
        what: what.to_owned(),
        ..not_visible("kube-apiserver", LOG, "the counters show that there is a destination, not which")
    };
    let (judged, left_out_percent) = shares(metrics, effect);
    let of_share: Vec<Evidence> =
        [LEFT_OUT, JUDGED].iter().flat_map(|name| metrics.family(name)).map(|sample| sample.origin.clone()).collect();
    let typed = AuditRow {
        instance: "/metrics".to_owned(),
        from: "metrics",
        has_policy: effect.active.clone(),
        backends: effect.active.clone().and_then(|active| match active {
            true => Known::Unknown(of_flags("where audit events go")),
            false => Known::Known(Vec::new()),
        }),
        log_path: Known::Unknown(of_flags("the path of the audit log")),
        log_max_age: Known::Unknown(of_flags("how long audit logs are kept")),
        log_max_backups: Known::Unknown(of_flags("how many audit logs are kept")),
        records: effect.records.clone(),
        levels: effect.levels.clone(),
        judged,
        left_out_percent,
        lost_events: effect.lost.clone(),
        // One side of what is compared in the rows of settings.
        contradiction: Known::Known(None),
    };
    let origins = metrics.any().or(servers.fallback.as_ref()).cloned().into_iter().collect();
    Row::new("metrics@/metrics".to_owned(), api_server("/metrics"), origins, typed)
        .evidenced("records", effect.why_records.clone())
        .evidenced("levels", effect.why_records.clone())
        .evidenced("left_out_percent", of_share)
        .evidenced("lost_events", effect.why_lost.clone())
}

/// The profile `None` records nothing; every other records at least metadata (openshift/api config/v1/types_apiserver.go). A rule for a
/// group takes the place of the profile for whoever is in it.
fn openshift_row(name: &str, spec: OpenShiftServer, origin: Evidence, effect: &Effect) -> Row {
    let audit = spec.audit.unwrap_or_else(Audit::unset);
    let profile = audit.profile;
    let unsaid = |what: &str, why: &str| Unseen { what: what.to_owned(), ..not_visible("kube-apiserver", "audit-policy-file", why) };
    let leaves_out: Vec<&str> = audit.custom_rules.iter().filter(|rule| rule.profile == "None").map(|rule| rule.group.as_str()).collect();
    let what = "whether requests are recorded";
    let records = match profile.as_str() {
        "None" if audit.custom_rules.iter().all(|rule| rule.profile == "None") => Known::Known(false),
        "None" => Known::Unknown(unsaid(what, "the audit profile is None, and only what custom rules name is recorded")),
        "" | "Default" | "WriteRequestBodies" | "AllRequestBodies" if leaves_out.is_empty() => Known::Known(true),
        "" | "Default" | "WriteRequestBodies" | "AllRequestBodies" => {
            Known::Unknown(unsaid(what, &format!("custom rules leave out what these groups do: {}", leaves_out.join(", "))))
        }
        _ => Known::Unknown(unsaid(what, &format!("`{profile}` is not an audit profile that this program knows"))),
    };
    let silent = |what: &str| Known::Unknown(unsaid(what, "the audit profile does not say it"));
    let silent_number = |what: &str| Known::Unknown(unsaid(what, "the audit profile does not say it"));
    let typed = AuditRow {
        instance: name.to_owned(),
        from: "OpenShift",
        has_policy: records.clone(),
        backends: records.clone().map(|records| if records { vec!["log".to_owned()] } else { Vec::new() }),
        log_path: silent("the path of the audit log"),
        log_max_age: Known::Unknown(unsaid("how long audit logs are kept", "the audit profile does not say it")),
        log_max_backups: Known::Unknown(unsaid("how many audit logs are kept", "the audit profile does not say it")),
        records: records.clone(),
        levels: Known::Unknown(unsaid("at which levels requests are recorded", "the audit profile does not say it")),
        judged: silent_number("how many requests were judged"),
        left_out_percent: silent_number("the share of requests that the audit policy left out"),
        lost_events: Known::Unknown(unsaid("whether audit events were lost", "the audit profile does not say it")),
        contradiction: match (&effect.records, &records) {
            (Known::Known(false), Known::Known(false)) => Known::Known(None),
            (recorded, said) => recorded.clone().and_then(|recorded| said.clone().map(|said| Some(recorded != said))),
        },
    };
    let subject = origin.object().cloned().unwrap_or_else(|| api_server(name));
    let origin = origin.at("/spec/audit");
    Row::new(format!("OpenShift@{name}"), subject, vec![origin], typed)
}

fn unseen_row(from: &'static str, why: &Unseen, contradiction: Known<Option<bool>>, servers: &ApiServers) -> Row {
    let typed = AuditRow {
        instance: String::new(),
        from,
        has_policy: Known::Unknown(why.clone()),
        backends: Known::Unknown(why.clone()),
        log_path: Known::Unknown(why.clone()),
        log_max_age: Known::Unknown(why.clone()),
        log_max_backups: Known::Unknown(why.clone()),
        records: Known::Unknown(why.clone()),
        levels: Known::Unknown(why.clone()),
        judged: Known::Unknown(why.clone()),
        left_out_percent: Known::Unknown(why.clone()),
        lost_events: Known::Unknown(why.clone()),
        contradiction,
    };
    Row::new(format!("{from}@"), api_server("kube-apiserver"), servers.fallback.iter().cloned().collect(), typed)
}
