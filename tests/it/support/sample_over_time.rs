//! Documents about more than one moment, made of the samples: everything that such a page can show.

use std::collections::BTreeMap;

use kube_hipaa::bundle::{AssessmentHead, Previous, Record, Summary};
use kube_hipaa::history::diff::{Side, diff};
use kube_hipaa::history::timeline::{Bundle, Options, Timeline};
use kube_hipaa::model::history::{History, PracticeSought};
use kube_hipaa::model::{Assessment, Diff, DiffKind, Outcome, QuestionState, SourceState};

/// The same cluster some time later: a finding less, one that says something else, a source that is not seen, answers that expired.
fn later(before: &Assessment) -> Assessment {
    let mut after = before.clone();
    after.catalog.sha256 = "0".repeat(64);
    let mut failing = after.controls.iter_mut().filter_map(|control| match &mut control.outcome {
        Outcome::Fail(findings, _) => Some(findings),
        _ => None,
    });
    if let Some(findings) = failing.next() {
        findings.each_mut(|finding| finding.fingerprint = finding.fingerprint.chars().rev().collect());
    }
    if let Some(findings) = failing.next() {
        findings.each_mut(|finding| finding.statement.push_str(", and more"));
    }
    if let Some(row) = after.coverage.iter_mut().find(|row| row.state.is_complete()) {
        row.state = SourceState::Forbidden { why: "no right to <list>".to_owned() };
    }
    if let Some(people) = &mut after.people {
        people.asked.iter_mut().for_each(|asked| asked.state = QuestionState::Expired);
    }
    if let Some(paragraph) = after.paragraphs.iter_mut().find(|paragraph| paragraph.disposition.is_some()) {
        paragraph.disposition = None;
    }
    after.scope.ephi_namespaces.pop().into_iter().for_each(|name| after.scope.other_namespaces.push(name));
    after
}

/// What changed in a sample.
pub fn difference(before: &Assessment) -> Diff {
    let after = later(before);
    let side = |assessment| Side { kind: DiffKind::Evidence, bundle: None, assessment };
    diff(side(before), side(&after), None, before.tool.clone())
}

/// The record of a sample: nights with a gap, one that cannot be read, one that was put in, and a stale end.
pub fn record(sample: &Assessment) -> History {
    let as_of = "2026-11-28T12:00:00Z".parse().expect("a time");
    let mut timeline = Timeline::new(Options {
        cluster: "u".to_owned(),
        as_of,
        until: as_of,
        earlier: Vec::new(),
        every_hours: None,
        paragraphs: BTreeMap::new(),
        practices: vec![PracticeSought {
            id: "access".to_owned(),
            title: sample.cluster.name.clone(),
            csf: vec!["PR.AA-01".to_owned()],
            hicp: vec!["3".to_owned()],
            controls: sample.controls.iter().take(5).map(|control| control.id.clone()).collect(),
            says: "Who has which rights.".to_owned(),
            not: "Who these people are.".to_owned(),
        }],
        tool: sample.tool.clone(),
    });
    let other = later(sample);
    for (number, time) in ["2026-10-01", "2026-10-02", "2026-10-03", "2026-10-20", "2026-10-21", "2030-01-01"].into_iter().enumerate() {
        let mut assessment = if number % 3 == 1 { other.clone() } else { sample.clone() };
        assessment.cluster.uid = Some("u".to_owned());
        assessment.collected.finished = format!("{time}T02:00:00Z");
        if number == 3 {
            assessment.people = None;
        }
        let bytes = serde_json::to_vec(&assessment).expect("JSON");
        let head = AssessmentHead::read(bytes.as_slice()).expect("a head");
        let summary = Summary { record: Some(Record::of(&bytes).expect("a record")), ..Summary::of(&head) };
        let previous = (number > 0).then(|| Previous { name: "elsewhere.zip".to_owned(), id: "1".repeat(64) });
        timeline.add(Bundle { name: format!("{time}.zip"), id: format!("{number:012}"), bytes: 1000, summary, previous });
    }
    timeline.unreadable("cut.zip".to_owned(), "it ends <before> its end".to_owned());
    timeline.finish()
}
