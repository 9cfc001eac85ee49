//! `/metrics`, line by line: only the families that answer a question are kept, one JSON line per series.
//!
//! Counters move with every request, so that their values would make two snapshots of an unchanged cluster differ; what they show
//! is that something happens. Of a counter, `0` or `>0` is kept; of a gauge the server's own text. Of the certificate histogram,
//! `>0` marks the buckets that hold more than the one below.
//!
//! Of the requests that the audit policy judged, the share that it left out is kept, too, in whole percent rounded up, and how many they
//! are at least, in steps of 1, 2 and 5: two series of our own, with a colon in their name as rules of Prometheus have it and no
//! component does. They move seldom.

use std::collections::BTreeMap;

use super::redact::push_text;
use super::request::Sink;

/// What is kept of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// The text as the server writes it.
    Exact,
    /// `0` or `>0`.
    Moved,
    /// Cumulative buckets: `>0` where this bucket adds something.
    Bucket,
}

/// Names of the samples (evidence sources, section 1.4). A `*` at the end stands for any rest.
const FAMILIES: &[(&str, Value)] = &[
    ("process_start_time_seconds", Value::Exact),
    ("kubernetes_build_info", Value::Exact),
    ("kubernetes_feature_enabled", Value::Exact),
    ("apiserver_audit_event_total", Value::Moved),
    ("apiserver_audit_level_total", Value::Moved),
    (LEFT_OUT, Value::Exact),
    (JUDGED, Value::Exact),
    ("apiserver_audit_error_total", Value::Moved),
    ("apiserver_audit_requests_rejected_total", Value::Moved),
    ("apiserver_storage_transformation_operations_total", Value::Moved),
    ("apiserver_envelope_encryption_key_id_hash_total", Value::Moved),
    ("apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds", Value::Moved),
    ("apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds", Value::Moved),
    ("apiserver_envelope_encryption_invalid_key_id_from_status_total", Value::Moved),
    ("apiserver_envelope_encryption_kms_operations_latency_seconds_count", Value::Moved),
    ("apiserver_envelope_encryption_dek_source_cache_size", Value::Moved),
    ("apiserver_encryption_config_controller_automatic_reloads_total", Value::Moved),
    ("apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds", Value::Exact),
    ("apiserver_encryption_config_controller_last_config_info", Value::Exact),
    ("apiserver_admission_controller_admission_duration_seconds_count", Value::Moved),
    ("apiserver_admission_webhook_admission_duration_seconds_count", Value::Moved),
    ("apiserver_admission_webhook_request_total", Value::Moved),
    ("apiserver_admission_webhook_rejection_count", Value::Moved),
    ("apiserver_admission_webhook_fail_open_count", Value::Moved),
    ("apiserver_validating_admission_policy_check_total", Value::Moved),
    ("apiserver_manifest_admission_config_controller_last_config_info", Value::Exact),
    ("apiserver_manifest_admission_config_controller_automatic_reloads_total", Value::Moved),
    ("pod_security_evaluations_total", Value::Moved),
    ("pod_security_exemptions_total", Value::Moved),
    ("pod_security_errors_total", Value::Moved),
    ("apiserver_authorization_decisions_total", Value::Moved),
    ("apiserver_authentication_config_controller_automatic_reloads_total", Value::Moved),
    ("apiserver_authentication_config_controller_last_config_info", Value::Exact),
    ("apiserver_authorization_config_controller_automatic_reloads_total", Value::Moved),
    ("apiserver_authorization_config_controller_last_config_info", Value::Exact),
    ("apiserver_authentication_jwt_authenticator_latency_seconds_count", Value::Moved),
    ("apiserver_authentication_jwt_authenticator_jwks_fetch_last_timestamp_seconds", Value::Moved),
    ("authentication_attempts", Value::Moved),
    ("authenticated_user_requests", Value::Moved),
    ("apiserver_client_certificate_expiration_seconds_bucket", Value::Bucket),
    ("serviceaccount_legacy_tokens_total", Value::Moved),
    ("serviceaccount_stale_tokens_total", Value::Moved),
    ("serviceaccount_valid_tokens_total", Value::Moved),
    ("serviceaccount_legacy_auto_token_uses_total", Value::Moved),
    ("serviceaccount_legacy_manual_token_uses_total", Value::Moved),
    ("apiserver_impersonation_attempts_total", Value::Moved),
];

/// Requests by the level at which the audit policy judged them.
const AUDIT_LEVELS: &str = "apiserver_audit_level_total";
/// Of these, percent at the level None.
const LEFT_OUT: &str = "apiserver_audit_level_total:left_out_percent";
/// Of these, how many there are at least.
const JUDGED: &str = "apiserver_audit_level_total:judged_at_least";

/// No line of a metrics page comes near this.
const MAX_LINE: usize = 64 * 1024;

/// Reads a metrics page as it comes and keeps what is known.
#[derive(Debug, Default)]
pub(super) struct Series {
    line: Vec<u8>,
    too_long: bool,
    buckets: BTreeMap<String, f64>,
    /// Requests that the audit policy judged, and those of them at the level None.
    audited: (f64, f64),
    kept: Vec<String>,
    samples: u64,
    /// Lines that are no sample: what they would have said is not known.
    odd: u64,
}

/// What a metrics page held.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// One JSON text per series, in a fixed order.
    pub(super) lines: Vec<String>,
    /// Whether the page looked like one at all.
    pub(super) is_page: bool,
    /// Why these may not be all.
    pub(super) why_not_all: Option<String>,
}

/// No page that an API server writes has more series of the families that are kept.
const MOST_SERIES: usize = 200_000;

impl Series {
    pub(super) fn finish(mut self) -> Found {
        let series = |json: &str| json.rsplit_once(",\"value\":").map(|(series, _)| series.to_owned());
        self.kept.sort();
        // One series has one value.
        let twice = self.kept.windows(2).any(|pair| matches!(pair, [a, b] if series(a) == series(b)));
        let (all, left_out) = self.audited;
        // Of a page with a hole in it nobody knows the share: the line that is missing may be one of these.
        if self.odd == 0 && !twice && all >= 1.0 && all.is_finite() {
            self.kept.push(written(LEFT_OUT, Vec::new(), &format!("{:.0}", (left_out * 100.0 / all).ceil())));
            self.kept.push(written(JUDGED, Vec::new(), &format!("{:.0}", at_least(all))));
        }
        self.kept.sort();
        let why_not_all = match self.odd {
            0 if twice => Some("a series stands twice on the page".to_owned()),
            0 => None,
            1 => Some("one line of the page cannot be read".to_owned()),
            odd => Some(format!("{odd} lines of the page cannot be read")),
        };
        Found { lines: self.kept, is_page: self.samples > 0, why_not_all }
    }

    fn line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            self.odd += 1;
            return;
        }
        let Ok(line) = std::str::from_utf8(&line) else {
            self.odd += 1;
            return;
        };
        if line.starts_with('#') || line.trim().is_empty() {
            return;
        }
        let Some(sample) = parse(line) else {
            self.odd += 1;
            return;
        };
        self.samples += 1;
        if let Some(json) = self.keep(&sample) {
            if self.kept.len() < MOST_SERIES {
                self.kept.push(json);
            } else {
                self.odd += 1;
            }
        }
    }

    fn keep(&mut self, sample: &Sample) -> Option<String> {
        let (_, how) = FAMILIES.iter().find(|(name, _)| *name == sample.name)?;
        let number: f64 = sample.value.parse().ok()?;
        let value = match how {
            Value::Exact => sample.value.as_str(),
            Value::Moved => moved(number),
            Value::Bucket => {
                let others: Vec<String> =
                    sample.labels.iter().filter(|(name, _)| name != "le").map(|(name, value)| format!("{name}={value}")).collect();
                let below = self.buckets.insert(others.join(","), number).unwrap_or(0.0);
                moved(number - below)
            }
        };
        if sample.name == AUDIT_LEVELS {
            self.audited.0 += number;
            if sample.labels.iter().any(|(name, value)| name == "level" && value == "None") {
                self.audited.1 += number;
            }
        }
        Some(written(&sample.name, sample.labels.iter().collect(), value))
    }
}

fn written(name: &str, mut labels: Vec<&(String, String)>, value: &str) -> String {
    labels.sort();
    let mut json = String::from("{\"name\":");
    push_text(name, &mut json);
    json.push_str(",\"labels\":{");
    for (i, (name, value)) in labels.into_iter().enumerate() {
        if i > 0 {
            json.push(',');
        }
        push_text(name, &mut json);
        json.push(':');
        push_text(value, &mut json);
    }
    json.push_str("},\"value\":");
    push_text(value, &mut json);
    json.push('}');
    json
}

/// The largest of 1, 2, 5, 10, 20, 50 and so on that is not above a number.
fn at_least(number: f64) -> f64 {
    let (mut best, mut ten) = (1.0, 1.0);
    while ten <= number {
        for step in [ten, 2.0 * ten, 5.0 * ten] {
            best = if step <= number { step } else { best };
        }
        ten *= 10.0;
    }
    best
}

fn moved(number: f64) -> &'static str {
    if number > 0.0 { ">0" } else { "0" }
}

impl Sink for Series {
    fn begin(&mut self) {
        *self = Self::default();
    }
    fn bytes(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            if self.line.len() + text.len() > MAX_LINE {
                self.too_long = true;
            } else {
                self.line.extend_from_slice(text);
            }
            if ends {
                self.line();
            }
        }
    }
    fn end(&mut self) {
        self.line();
    }
}

#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: String,
}

/// One line of the Prometheus text format: `name{label="value",...} value [timestamp]`.
fn parse(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, mut rest) = line.split_at(end);
    let valid = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    if !valid(name) {
        return None;
    }
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once("=\"")?;
            if !valid(label) {
                return None;
            }
            let (mut value, mut escaped, mut closed) = (String::new(), false, None);
            for (i, c) in after.char_indices() {
                match (escaped, c) {
                    (true, 'n') => value.push('\n'),
                    (true, c) => value.push(c),
                    (false, '\\') => {
                        escaped = true;
                        continue;
                    }
                    (false, '"') => {
                        closed = Some(i + 1);
                        break;
                    }
                    (false, c) => value.push(c),
                }
                escaped = false;
            }
            rest = after.get(closed?..)?;
            labels.push((label.to_owned(), value));
        }
    }
    let value = rest.split_whitespace().next()?;
    value.parse::<f64>().ok()?;
    Some(Sample { name: name.to_owned(), labels, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str, chunk: usize) -> Vec<String> {
        let mut series = Series::default();
        series.begin();
        for part in text.as_bytes().chunks(chunk) {
            series.bytes(part);
        }
        series.end();
        series.finish().lines
    }

    const PAGE: &str = "# HELP apiserver_audit_level_total counter\n# TYPE apiserver_audit_level_total counter\n\
        apiserver_audit_level_total{level=\"Metadata\"} 12\napiserver_audit_level_total{level=\"None\"} 0\n\
        go_goroutines 5\nprocess_start_time_seconds 1.76e+09\n\
        apiserver_storage_objects{resource=\"secrets\"} 3\n\
        kubernetes_feature_enabled{name=\"A\\\"\\\\\\nB\",stage=\"BETA\"} 1\n\
        apiserver_client_certificate_expiration_seconds_bucket{le=\"0\"} 0\n\
        apiserver_client_certificate_expiration_seconds_bucket{le=\"3600\"} 2\n\
        apiserver_client_certificate_expiration_seconds_bucket{le=\"+Inf\"} 2\nbroken{x=\"1\n";

    #[test]
    fn only_known_families_and_nothing_that_moves_by_itself() {
        let all = series(PAGE, 1000);
        let found: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(
            found,
            [
                r#"{"name":"apiserver_audit_level_total","labels":{"level":"Metadata"},"value":">0"}"#,
                r#"{"name":"apiserver_audit_level_total","labels":{"level":"None"},"value":"0"}"#,
                r#"{"name":"apiserver_client_certificate_expiration_seconds_bucket","labels":{"le":"+Inf"},"value":"0"}"#,
                r#"{"name":"apiserver_client_certificate_expiration_seconds_bucket","labels":{"le":"0"},"value":"0"}"#,
                r#"{"name":"apiserver_client_certificate_expiration_seconds_bucket","labels":{"le":"3600"},"value":">0"}"#,
                r#"{"name":"kubernetes_feature_enabled","labels":{"name":"A\"\\\nB","stage":"BETA"},"value":"1"}"#,
                r#"{"name":"process_start_time_seconds","labels":{},"value":"1.76e+09"}"#,
            ]
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_and_a_series_with_two_values_are_said() {
        let why = |text: &str| {
            let mut series = Series::default();
            series.bytes(text.as_bytes());
            series.end();
            series.finish().why_not_all
        };
        assert_eq!(why("a 1\n# x\n\nb{l=\"\"} +Inf 17\n"), None);
        assert!(why(PAGE).is_some_and(|why| why.contains("one line")));
        assert!(why("kubernetes_build_info{a=\"b\"} 1\nkubernetes_build_info{a=\"b\"} 0\n").is_some_and(|why| why.contains("twice")));
    }

    #[test]
    fn of_what_the_audit_policy_left_out_the_share_is_kept() {
        let kept = |page: &str| series(page, 100_000).into_iter().filter(|line| line.contains("total:")).collect::<Vec<_>>();
        let page = "apiserver_audit_level_total{level=\"None\"} 814\napiserver_audit_level_total{level=\"Metadata\"} 171\n";
        assert_eq!(
            kept(page),
            [
                r#"{"name":"apiserver_audit_level_total:judged_at_least","labels":{},"value":"500"}"#,
                r#"{"name":"apiserver_audit_level_total:left_out_percent","labels":{},"value":"83"}"#,
            ]
        );
        // One in a million is not nothing.
        let page = "apiserver_audit_level_total{level=\"None\"} 1\napiserver_audit_level_total{level=\"Request\"} 1e+06\n";
        assert!(kept(page)[0].contains("\"1000000\"") && kept(page)[1].contains("\"1\""));
        assert!(kept("apiserver_audit_level_total{level=\"None\"} 0\n").is_empty());
        // The second level is cut off, or the first stands twice: the share of what came is that of nothing.
        assert!(kept("apiserver_audit_level_total{level=\"None\"} 814\napiserver_audit_level_total{level=\"Meta").is_empty());
        assert!(kept("apiserver_audit_level_total{level=\"None\"} 8\napiserver_audit_level_total{level=\"None\"} 9\n").is_empty());
        assert_eq!([1.0, 4.0, 5.0, 9.0, 10.0, 99.0].map(at_least), [1.0, 2.0, 5.0, 5.0, 10.0, 50.0]);
    }

    #[test]
    fn pieces_do_not_matter() {
        for chunk in 1..40 {
            assert_eq!(series(PAGE, chunk), series(PAGE, 100_000));
        }
    }
}
