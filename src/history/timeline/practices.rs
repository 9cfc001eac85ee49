//! Practices over time: what a record can show of what section 13412 of the HITECH Act (42 U.S.C. 17941) asks for, that practices were in
//! place for not less than the previous twelve months. It shows days with a report and what was seen on them, and no more.

use std::collections::BTreeMap;

use super::spans::Spans;
use crate::bundle::Record;
use crate::digest::sha256_parts;
use crate::model::history::{PracticeHistory, PracticeSought, PracticeState, PracticeWas};
use crate::model::{OutcomeCounts, Overlay};

/// One practice, while its record is read.
#[derive(Debug)]
struct Practice {
    sought: PracticeSought,
    spans: Spans<PracticeWas>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Practices(Vec<Practice>);

impl Practices {
    pub(super) fn of(sought: Vec<PracticeSought>) -> Self {
        // Of those without a check no record shows anything.
        let sought = sought.into_iter().filter(|practice| !practice.controls.is_empty());
        Self(sought.map(|sought| Practice { sought, spans: Spans::default() }).collect())
    }

    /// What one bundle says of each.
    pub(super) fn night(&mut self, record: &Record, overlays: &[Overlay], now: &str, number: u64) {
        let known: BTreeMap<&str, (crate::model::OutcomeWord, u32)> =
            record.controls.iter().map(|control| (control.id.as_str(), (control.outcome, control.version))).collect();
        for practice in &mut self.0 {
            let (mut counts, mut rules) = (OutcomeCounts::default(), Vec::new());
            for id in &practice.sought.controls {
                if let Some((outcome, version)) = known.get(id.as_str()) {
                    counts.add(*outcome);
                    rules.push(format!("{id} {version}"));
                }
            }
            let state = match counts {
                counts if counts.fail > 0 => PracticeState::Exceptions,
                counts if counts.not_assessed > 0 => PracticeState::NotSeen,
                counts if counts.pass > 0 && counts.not_applicable > 0 => PracticeState::InPart,
                counts if counts.pass > 0 => PracticeState::Observed,
                _ => PracticeState::NothingInScope,
            };
            // Controls of somebody's own may stand in the place of these, and another scope shows them other things.
            rules.extend(overlays.iter().map(|overlay| format!("{} {}", overlay.name, overlay.sha256)));
            rules.push(record.scope.sha256.clone());
            let rules = sha256_parts(rules.iter().map(String::as_bytes)).chars().take(12).collect();
            practice.spans.add(PracticeWas { state, counts, rules }, now, number);
        }
    }

    pub(super) fn finish(self) -> Vec<PracticeHistory> {
        let one = |practice: Practice| PracticeHistory { practice: practice.sought, spans: practice.spans.finish() };
        self.0.into_iter().map(one).collect()
    }
}
