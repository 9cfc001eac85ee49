//! The record of one cluster as lists for spreadsheets.

use super::history::{not_whole, of};
use crate::model::history::History;
use crate::model::{OutcomeWord, Severity};
use crate::report::csv;

/// Every finding, one a row.
pub fn findings_csv(history: &History) -> Vec<u8> {
    let header = [
        "cluster_uid",
        "cluster",
        "fingerprint",
        "control",
        "severity",
        "state",
        "object",
        "statement",
        "first_seen",
        "since_the_beginning",
        "last_seen",
        "gone_at",
        "days_open",
        "came_again",
    ];
    csv::list(
        &header,
        history.findings.iter().map(|finding| {
            vec![
                history.cluster_uid.clone(),
                history.cluster.clone(),
                finding.fingerprint.clone(),
                finding.control.clone(),
                finding.severity.word().to_owned(),
                finding.state.word().to_owned(),
                finding.object.clone(),
                finding.statement.clone(),
                finding.first_seen.clone(),
                finding.since_the_beginning.to_string(),
                finding.last_seen.clone(),
                finding.gone_at.clone().unwrap_or_default(),
                finding.days_open.to_string(),
                finding.came_again.to_string(),
            ]
        }),
    )
}

/// Every bundle, one a row.
pub fn nights_csv(history: &History) -> Vec<u8> {
    let header = [
        "cluster_uid",
        "cluster",
        "collected",
        "bundle",
        "id",
        "bytes",
        "catalog",
        "fail",
        "not_assessed",
        "manual",
        "pass",
        "not_applicable",
        "critical",
        "high",
        "medium",
        "low",
        "new",
        "gone",
        "no_longer_seen",
        "sources_not_whole",
    ];
    csv::list(
        &header,
        history.nights.iter().map(|night| {
            let mut row = vec![
                history.cluster_uid.clone(),
                history.cluster.clone(),
                night.time.clone(),
                night.bundle.clone(),
                night.id.clone(),
                night.bytes.to_string(),
                night.catalog.clone(),
            ];
            row.extend(OutcomeWord::ALL.map(|outcome| night.controls.get(outcome).to_string()));
            row.extend(Severity::ALL.map(|severity| of(&night.findings, severity).to_string()));
            row.extend([night.new, night.gone, night.no_longer_seen, not_whole(night)].map(|count| count.to_string()));
            row
        }),
    )
}

/// Every time in which a control stayed as it was, one a row.
pub fn controls_csv(history: &History) -> Vec<u8> {
    let header = ["cluster_uid", "cluster", "control", "version", "severity", "outcome", "from", "to", "bundles", "parameters"];
    let rows = history.controls.iter().flat_map(|control| control.spans.iter().map(move |span| (control, span)));
    csv::list(
        &header,
        rows.map(|(control, span)| {
            vec![
                history.cluster_uid.clone(),
                history.cluster.clone(),
                control.id.clone(),
                span.was.version.to_string(),
                control.severity.word().to_owned(),
                span.was.outcome.label().to_owned(),
                span.from.clone(),
                span.to.clone(),
                span.nights.to_string(),
                span.was.set(),
            ]
        }),
    )
}
