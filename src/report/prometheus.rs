//! `kube_hipaa.prom`: numbers for the textfile collector of the node exporter, in the text format of Prometheus.
//!
//! Every line is of one cluster. A number that is not known is left out, so that an alert can say that it is missing; no zero stands for it.

use std::fmt::{Display, Write};

use chrono::DateTime;

use super::{Document, File, Format, ReportError, Reported, escape};
use crate::model::{Assessment, OutcomeWord, Severity};

/// `kube_hipaa.prom`.
pub(super) struct Prometheus;

const FILE: &str = "kube_hipaa.prom";

impl Format for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }
    fn files(&self) -> &'static [File] {
        &[File { name: FILE, mark: "# HELP kube_hipaa_" }]
    }
    fn description(&self) -> &'static str {
        "counts and times for the textfile collector of Prometheus' node exporter; alert rules are in deploy/alerts.yaml"
    }
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
        Ok(vec![Document::whole(FILE, assessed(reported.assessment).into_bytes())])
    }
}

/// What is known of the chain of sealed bundles of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Which cluster: uid of kube-system; empty where it could not be read.
    pub cluster_uid: &'a str,
    /// The cluster's name.
    pub cluster: &'a str,
    /// Every bundle is whole and names the one before it.
    pub intact: bool,
    /// Bundles that were looked at.
    pub bundles: u64,
    /// When the collecting of the newest one ended, RFC 3339.
    pub newest: &'a str,
}

/// The state of chains, for `verify`.
pub fn chains(chains: &[Chain<'_>]) -> String {
    let mut text = Text::default();
    let labels = |chain: &Chain<'_>| [("cluster_uid", chain.cluster_uid.to_owned()), ("cluster", chain.cluster.to_owned())];
    text.family("kube_hipaa_chain_intact", "1 where every sealed bundle is whole and names the one before it, else 0.");
    for chain in chains {
        text.sample(&labels(chain), u8::from(chain.intact));
    }
    text.family("kube_hipaa_chain_bundles", "Sealed bundles that were verified.");
    for chain in chains {
        text.sample(&labels(chain), chain.bundles);
    }
    text.family("kube_hipaa_chain_newest_timestamp_seconds", "When the collecting of the newest sealed bundle ended, in Unix time.");
    for chain in chains {
        text.times(&labels(chain), chain.newest);
    }
    text.out
}

fn assessed(assessment: &Assessment) -> String {
    let cluster = [("cluster_uid", assessment.cluster.uid.clone().unwrap_or_default()), ("cluster", assessment.cluster.name.clone())];
    let with = |name: &'static str, value: &str| {
        let mut labels = cluster.to_vec();
        labels.push((name, value.to_owned()));
        labels
    };
    let mut text = Text::default();
    text.family("kube_hipaa_info", "Which program and which catalog assessed which version of Kubernetes; always 1.");
    let mut labels = cluster.to_vec();
    labels.extend([
        ("version", assessment.tool.version.clone()),
        ("catalog_version", assessment.catalog.version.clone()),
        ("catalog_sha256", assessment.catalog.sha256.clone()),
        ("kubernetes", assessment.cluster.version.clone().unwrap_or_default()),
    ]);
    text.sample(&labels, 1);
    text.family("kube_hipaa_last_success_timestamp_seconds", "When the collecting that was assessed ended, in Unix time.");
    text.times(&cluster, &assessment.collected.finished);

    let totals = &assessment.totals;
    text.family("kube_hipaa_controls", "Controls by outcome; what was not assessed or is asked of people is no pass.");
    let counts = &totals.controls;
    for (outcome, count) in [
        ("fail", counts.fail),
        ("not_assessed", counts.not_assessed),
        ("manual", counts.manual),
        ("pass", counts.pass),
        ("not_applicable", counts.not_applicable),
    ] {
        text.sample(&with("outcome", outcome), count);
    }
    // Two numbers of what was seen, apart from what was found: they are never one.
    let looks = counts.fail + counts.not_assessed + counts.pass + counts.not_applicable;
    text.family("kube_hipaa_coverage_ratio", "Of the controls that look at the cluster, the share that could be assessed: 0 to 1.");
    if let Some(seen) = looks.checked_sub(counts.not_assessed).filter(|_| looks > 0) {
        text.sample(&cluster, Ratio { part: seen, of: looks });
    }
    text.family("kube_hipaa_coverage_gaps", "Sources that were asked for and did not come whole.");
    text.sample(&cluster, assessment.coverage.iter().filter(|source| source.has_gap()).count());
    text.family("kube_hipaa_sources", "Sources by what became of them.");
    for (state, count) in &totals.sources {
        text.sample(&with("state", state), count);
    }

    text.family("kube_hipaa_findings", "Findings by severity.");
    let findings = &totals.findings;
    for (severity, count) in [
        (Severity::Critical, findings.critical),
        (Severity::High, findings.high),
        (Severity::Medium, findings.medium),
        (Severity::Low, findings.low),
    ] {
        text.sample(&with("severity", severity.word()), count);
    }
    text.family(
        "kube_hipaa_control_findings",
        "Findings of each control that could be assessed; more may be hidden where something was not seen.",
    );
    for control in &assessment.controls {
        // Of what was not assessed the number of findings is not known: it is not zero.
        if matches!(control.word(), OutcomeWord::Manual | OutcomeWord::NotAssessed) {
            continue;
        }
        let mut labels = with("control", &control.id);
        labels.push(("severity", control.severity.word().to_owned()));
        text.sample(&labels, control.findings().len());
    }
    text.out
}

/// The text format, version 0.0.4.
#[derive(Default)]
struct Text {
    out: String,
    family: &'static str,
}

impl Text {
    /// Begins a metric. All are gauges: a scan says how things stand.
    fn family(&mut self, name: &'static str, help: &str) {
        self.family = name;
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} gauge");
    }
    fn sample(&mut self, labels: &[(&str, String)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape::prometheus_label(value))).collect();
        let _ = writeln!(self.out, "{}{{{}}} {value}", self.family, labels.join(","));
    }
    /// A time; one that cannot be read is left out.
    fn times(&mut self, labels: &[(&str, String)], rfc3339: &str) {
        if let Ok(time) = DateTime::parse_from_rfc3339(rfc3339) {
            self.sample(labels, time.timestamp());
        }
    }
}

/// A part of a whole with four digits, rounded down: all is only all.
struct Ratio {
    part: u64,
    of: u64,
}

impl Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = u128::from(self.part) * 10_000 / u128::from(self.of.max(1));
        write!(f, "{}.{:04}", parts / 10_000, parts % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_only_all() {
        let ratio = |part, of| Ratio { part, of }.to_string();
        assert_eq!(ratio(3, 3), "1.0000");
        assert_eq!(ratio(99_999, 100_000), "0.9999");
        assert_eq!(ratio(0, 7), "0.0000");
        assert_eq!(ratio(u64::MAX, u64::MAX), "1.0000");
    }

    #[test]
    fn chains_stand_side_by_side() {
        let of = |cluster, intact, newest| Chain { cluster_uid: "u", cluster, intact, bundles: 3, newest };
        let text = chains(&[of("a", true, "2026-11-28T16:03:00Z"), of("b\"\\\n", false, "no time")]);
        assert!(text.contains("kube_hipaa_chain_intact{cluster_uid=\"u\",cluster=\"a\"} 1\n"), "{text}");
        assert!(text.contains("kube_hipaa_chain_intact{cluster_uid=\"u\",cluster=\"b\\\"\\\\␊\"} 0\n"), "{text}");
        assert!(text.contains("kube_hipaa_chain_newest_timestamp_seconds{cluster_uid=\"u\",cluster=\"a\"} 1795881780\n"), "{text}");
        assert_eq!(text.matches("newest_timestamp_seconds{").count(), 1, "a time that is not known has no number: {text}");
    }
}
