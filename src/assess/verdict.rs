//! The only place that decides an [`Outcome`]. Everything here serves one rule: *could not see is never a pass*.

use crate::facts::CompleteCoverage;
use crate::model::{Finding, NonEmpty, Outcome, Proof, Question, Sample, SourceProof, Unseen};

/// What was decided of one control: an [`Outcome`] that was made here and nowhere else, since nothing else can fill it. A pass needs
/// [`CompleteCoverage`] and at least one examined row.
#[derive(Debug)]
pub struct Conclusion(Outcome);

/// What became of the rows of one control.
#[derive(Debug)]
pub struct Tally {
    /// Rows that do not meet the check.
    pub findings: Vec<Finding>,
    /// Rows in scope, whatever became of them.
    pub examined: u64,
    /// What kept rows from being decided, and rows from being known to be in or out of scope.
    pub undecided: Vec<Unseen>,
    /// Rows of the table, in scope or not.
    pub rows: u64,
    /// Some of the rows that meet the check.
    pub sample: Vec<Sample>,
}

/// The outcome of a check: a violation that was seen fails whatever else was not seen; without one, any gap means that nothing can
/// be said; with none, zero rows are not applicable and anything else passes.
pub fn of_check(tally: Tally, coverage: Result<CompleteCoverage, NonEmpty<Unseen>>) -> Conclusion {
    let Tally { findings, examined, mut undecided, rows, sample } = tally;
    let complete = match coverage {
        Ok(complete) => Some(complete),
        Err(gaps) => {
            undecided.extend(gaps.into_vec());
            None
        }
    };
    undecided.sort();
    undecided.dedup();
    if let Some(findings) = NonEmpty::new(findings) {
        return Conclusion(Outcome::Fail(findings, undecided));
    }
    Conclusion(match (NonEmpty::new(undecided), complete) {
        (Some(unseen), _) => Outcome::NotAssessed(unseen),
        (None, None) => Outcome::NotAssessed(NonEmpty::one(nothing_said_why())),
        (None, Some(complete)) => {
            let sources =
                complete.sources().iter().map(|(source, state)| SourceProof { source: source.clone(), state: state.clone() }).collect();
            let proof = Proof { sources, examined, rows, sample };
            if examined == 0 { Outcome::NotApplicable(proof) } else { Outcome::Pass(proof) }
        }
    })
}

/// The outcome of a question.
pub fn of_question(question: Question) -> Conclusion {
    Conclusion(Outcome::Manual(question))
}

impl Conclusion {
    /// What was decided.
    pub fn outcome(&self) -> &Outcome {
        &self.0
    }

    /// As it stands in an assessment.
    pub fn into_outcome(self) -> Outcome {
        self.0
    }
}

fn nothing_said_why() -> Unseen {
    Unseen::not_understood("a source", "it was incomplete and nothing said why", "Report this as a bug of kube-hipaa.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Exposure, Facts, ObjectRef, OutcomeWord, Severity, SourceId, SourceRecord, SourceState, UnseenKind};

    fn finding() -> Finding {
        let subject = ObjectRef { kind: "Pod".into(), group: String::new(), namespace: None, name: "p".into(), uid: None };
        Finding {
            fingerprint: "f".into(),
            severity: Severity::Low,
            risk: 1,
            exposure: Exposure::Namespace,
            statement: "S".into(),
            subject: subject.into(),
            namespace: None,
            namespaces: Vec::new(),
            related: Vec::new(),
            facts: Facts::default(),
            evidence: Vec::new(),
            waiver: None,
        }
    }

    /// Coverage over one source in that state; a proof of it can only be made by [`crate::facts::Coverage::complete`].
    fn coverage(state: SourceState) -> Result<CompleteCoverage, NonEmpty<Unseen>> {
        let record = SourceRecord {
            source: SourceId::core("pods"),
            version: None,
            kind: None,
            state,
            missing_rule: None,
            file: None,
            sha256: None,
            left_out: Vec::new(),
            pages: Vec::new(),
        };
        crate::facts::Coverage::of(&[record]).complete(&[SourceId::core("pods")])
    }

    #[test]
    fn what_follows_from_what_was_seen() {
        use OutcomeWord::{Fail, NotApplicable, NotAssessed, Pass};
        let read = || SourceState::Read { count: 1, resource_version: None };
        let refused = || SourceState::Forbidden { why: "no".into() };
        let half = || SourceState::Partial { read: 1, why: "no".into() };
        let unseen = Unseen { kind: UnseenKind::NotVisible, ..nothing_said_why() };
        // Findings, examined rows, undecided rows, the source: the outcome, and how many reasons stand beside it.
        let rows: &[(usize, u64, usize, SourceState, OutcomeWord, usize)] = &[
            (0, 1, 0, read(), Pass, 0),
            (0, 0, 0, read(), NotApplicable, 0),
            (1, 1, 0, read(), Fail, 0),
            (0, 1, 1, read(), NotAssessed, 1),
            (0, 0, 1, read(), NotAssessed, 1),
            (1, 2, 1, read(), Fail, 1),
            (0, 1, 0, SourceState::NotServed, Pass, 0),
            (0, 0, 0, SourceState::NotServed, NotApplicable, 0),
            (0, 1, 0, refused(), NotAssessed, 1),
            (0, 0, 0, refused(), NotAssessed, 1),
            (1, 1, 0, refused(), Fail, 1),
            (0, 1, 1, refused(), NotAssessed, 2),
            (0, 1, 0, half(), NotAssessed, 1),
            (0, 0, 0, SourceState::Stale { why: "no".into() }, NotAssessed, 1),
            (0, 0, 0, SourceState::Failed { why: "no".into() }, NotAssessed, 1),
            (0, 0, 0, SourceState::NotRequested { why: "no".into() }, NotAssessed, 1),
        ];
        for (findings, examined, undecided, state, expected, reasons) in rows {
            let tally = Tally {
                findings: (0..*findings).map(|_| finding()).collect(),
                examined: *examined,
                undecided: (0..*undecided).map(|_| unseen.clone()).collect(),
                rows: *examined,
                sample: Vec::new(),
            };
            let outcome = of_check(tally, coverage(state.clone()));
            let row = format!("{findings} findings, {examined} examined, {undecided} undecided, {}", state.word());
            let outcome = outcome.into_outcome();
            assert_eq!((outcome.word(), outcome.findings().len(), outcome.unseen().len()), (*expected, *findings, *reasons), "{row}");
            assert_eq!(outcome.proof().is_some(), matches!(expected, Pass | NotApplicable), "{row}");
            assert!(outcome.question().is_none(), "{row}");
        }
    }

    /// Coverage that failed and says nothing is no coverage: there is no way to make an empty list of reasons.
    #[test]
    fn a_question_is_manual() {
        let question = Question {
            ask: "A".into(),
            evidence: "E".into(),
            who: "W".into(),
            role: None,
            period: None,
            applies_when: None,
            how_often: None,
        };
        assert_eq!(of_question(question).outcome().word(), OutcomeWord::Manual);
    }
}
