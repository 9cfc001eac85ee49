//! What became of a control, in one word and with what it rests on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, NonEmpty, Proof, Question, SharedWaiver, Unseen};

/// The result of one control in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeWord {
    /// At least one object does not meet the check.
    Fail,
    /// Something that the check needs was not seen.
    NotAssessed,
    /// A question to a person.
    Manual,
    /// Everything in scope was seen and meets the check.
    Pass,
    /// Everything was seen and nothing of the kind is in scope.
    NotApplicable,
}

impl OutcomeWord {
    /// In the order in which every document shows them.
    pub const ALL: [Self; 5] = [Self::Fail, Self::NotAssessed, Self::Manual, Self::Pass, Self::NotApplicable];
    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::NotAssessed => "not assessed",
            Self::Manual => "manual",
            Self::Pass => "pass",
            Self::NotApplicable => "not applicable",
        }
    }
    /// Those of checks: all but a question to people.
    pub const OF_CHECKS: [Self; 4] = [Self::Fail, Self::NotAssessed, Self::Pass, Self::NotApplicable];

    /// What stands beside a citation in its place: what became of a check says nothing of a paragraph, as auditors of controls word it.
    pub fn cited(self) -> &'static str {
        match self {
            Self::Fail => "exceptions noted",
            Self::NotAssessed => "not examined",
            Self::Manual => "to be answered",
            Self::Pass => "none noted",
            Self::NotApplicable => "nothing in scope",
        }
    }
    /// The shape that stands beside the word in every document, so that colour is never alone.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Fail => "■",
            Self::NotAssessed => "▲",
            Self::Manual => "◆",
            Self::Pass => "●",
            Self::NotApplicable => "○",
        }
    }
}

/// Number of controls per outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeCounts {
    /// Controls that fail.
    pub fail: u64,
    /// Controls not assessed.
    pub not_assessed: u64,
    /// Controls that ask a person.
    pub manual: u64,
    /// Controls that pass.
    pub pass: u64,
    /// Controls with nothing in scope.
    pub not_applicable: u64,
}

impl OutcomeCounts {
    /// Counts one more.
    pub fn add(&mut self, outcome: OutcomeWord) {
        match outcome {
            OutcomeWord::Fail => self.fail += 1,
            OutcomeWord::NotAssessed => self.not_assessed += 1,
            OutcomeWord::Manual => self.manual += 1,
            OutcomeWord::Pass => self.pass += 1,
            OutcomeWord::NotApplicable => self.not_applicable += 1,
        }
    }
    /// The count of one outcome.
    pub fn get(&self, outcome: OutcomeWord) -> u64 {
        match outcome {
            OutcomeWord::Fail => self.fail,
            OutcomeWord::NotAssessed => self.not_assessed,
            OutcomeWord::Manual => self.manual,
            OutcomeWord::Pass => self.pass,
            OutcomeWord::NotApplicable => self.not_applicable,
        }
    }
    /// All controls.
    pub fn total(&self) -> u64 {
        OutcomeWord::ALL.iter().map(|&outcome| self.get(outcome)).sum()
    }
}

/// What became of one control, with what it rests on: a fail without a finding, or a pass with one, cannot be written.
///
/// Only `assess::verdict` decides one; only `v1` reads one back, from a file that it has examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was seen, and everything in scope meets the check.
    Pass(Proof),
    /// At least one object does not meet the check. What was not seen is kept beside it: there may be more.
    Fail(NonEmpty<Finding>, Vec<Unseen>),
    /// Everything was seen, and nothing of the kind is in scope.
    NotApplicable(Proof),
    /// Nothing that fails was seen, and something that could hold it was not seen.
    NotAssessed(NonEmpty<Unseen>),
    /// A question to a person.
    Manual(Question),
}

impl Outcome {
    /// In one word.
    pub fn word(&self) -> OutcomeWord {
        match self {
            Self::Pass(_) => OutcomeWord::Pass,
            Self::Fail(..) => OutcomeWord::Fail,
            Self::NotApplicable(_) => OutcomeWord::NotApplicable,
            Self::NotAssessed(_) => OutcomeWord::NotAssessed,
            Self::Manual(_) => OutcomeWord::Manual,
        }
    }
    /// The findings of a fail.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Fail(findings, _) => findings.as_slice(),
            _ => &[],
        }
    }
    /// Lays waivers beside findings. Whatever is laid there, the outcome and the findings stay what they are.
    pub fn lay_waivers(&mut self, mut of: impl FnMut(&Finding) -> Option<SharedWaiver>) {
        if let Self::Fail(findings, _) = self {
            findings.each_mut(|finding| finding.waiver = of(finding));
        }
    }
    /// What was not seen, of a fail and of not assessed.
    pub fn unseen(&self) -> &[Unseen] {
        match self {
            Self::Fail(_, unseen) => unseen,
            Self::NotAssessed(unseen) => unseen.as_slice(),
            _ => &[],
        }
    }
    /// What a pass or a not applicable rests on.
    pub fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Pass(proof) | Self::NotApplicable(proof) => Some(proof),
            _ => None,
        }
    }
    /// What a person is asked.
    pub fn question(&self) -> Option<&Question> {
        match self {
            Self::Manual(question) => Some(question),
            _ => None,
        }
    }
}
