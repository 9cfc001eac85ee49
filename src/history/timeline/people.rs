//! What people answered and decided, bundle by bundle.

use std::collections::BTreeMap;

use super::spans::Spans;
use crate::bundle::RecordPeople;
use crate::model::history::{AnswerWas, DecisionHistory, DecisionWas, QuestionHistory};

/// A question while the record is read.
#[derive(Debug, Default)]
struct Question {
    question: String,
    paragraphs: Vec<String>,
    spans: Spans<AnswerWas>,
}

/// All that people said.
#[derive(Debug, Default)]
pub(super) struct Said {
    questions: BTreeMap<String, Question>,
    decisions: BTreeMap<String, Spans<DecisionWas>>,
}

impl Said {
    /// The next bundle.
    pub(super) fn night(&mut self, people: &RecordPeople, now: &str, number: u64) {
        for question in &people.questions {
            let known = self.questions.entry(question.id.clone()).or_default();
            known.question.clone_from(&question.question);
            known.paragraphs.clone_from(&question.paragraphs);
            known.spans.add(question.was.clone(), now, number);
        }
        for decision in &people.decisions {
            self.decisions.entry(decision.paragraph.clone()).or_default().add(decision.was.clone(), now, number);
        }
    }

    /// Everything, by id.
    pub(super) fn finish(self, titles: &BTreeMap<String, String>) -> (Vec<QuestionHistory>, Vec<DecisionHistory>) {
        let question = |(id, one): (String, Question)| QuestionHistory {
            id,
            question: one.question,
            paragraphs: one.paragraphs,
            spans: one.spans.finish(),
        };
        let decision = |(paragraph, spans): (String, Spans<DecisionWas>)| DecisionHistory {
            title: titles.get(&paragraph).cloned().unwrap_or_default(),
            paragraph,
            spans: spans.finish(),
        };
        (self.questions.into_iter().map(question).collect(), self.decisions.into_iter().map(decision).collect())
    }
}
