//! What people handed in, as it stands in a record: states, names and days, and not the texts, which lie in `data/workspace/`.

use serde::{Deserialize, Serialize};

use super::record::few;
use crate::model::history::{AnswerGiven, AnswerWas, DecisionWas, HandedIn, Waived};
use crate::model::{Disposition, DispositionCounts, Person, QuestionCounts, QuestionState, WaiverCounts, WaiverState};

/// What people handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPeople {
    /// Counts by state.
    pub counts: HandedIn,
    /// Every question, in the assessment's order.
    pub questions: Vec<RecordQuestion>,
    /// Addressable specifications that somebody decided about, in the order of the regulation.
    pub decisions: Vec<RecordDecision>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordQuestion {
    /// Its id.
    pub id: String,
    /// The question.
    pub question: String,
    /// Paragraphs that it belongs to.
    pub paragraphs: Vec<String>,
    /// Whether it has an answer.
    #[serde(flatten)]
    pub was: AnswerWas,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordDecision {
    /// The paragraph.
    pub paragraph: String,
    /// What was decided.
    #[serde(flatten)]
    pub was: DecisionWas,
}

/// The part of an assessment that people handed in.
#[derive(Deserialize)]
pub(super) struct LeanPeople {
    questions: QuestionCounts,
    waivers: WaiverCounts,
    dispositions: DispositionCounts,
    #[serde(deserialize_with = "few")]
    asked: Vec<LeanQuestion>,
}

#[derive(Deserialize)]
struct LeanQuestion {
    id: String,
    paragraphs: Vec<String>,
    question: String,
    state: QuestionState,
    #[serde(default)]
    file: Option<String>,
}

/// An answer beside a control.
#[derive(Deserialize)]
pub(super) struct LeanAnswer {
    file: String,
    question: String,
    answered_by: Person,
    answered_on: String,
    valid_until: String,
}

#[derive(Deserialize)]
pub(super) struct LeanParagraph {
    id: String,
    #[serde(default)]
    disposition: Option<Disposition>,
}

/// A waiver beside a finding.
#[derive(Deserialize)]
pub(super) struct LeanWaiver {
    file: String,
    owner: String,
    approved_by: String,
    until: String,
    state: WaiverState,
}

impl From<LeanWaiver> for Waived {
    fn from(waiver: LeanWaiver) -> Self {
        let LeanWaiver { file, owner, approved_by, until, state } = waiver;
        Self { file, owner, approved_by, until, state }
    }
}

impl RecordPeople {
    /// Joins what stands in three places of an assessment; `answers` are those of all controls, which repeat one that several ask for.
    pub(super) fn of(people: LeanPeople, answers: &[LeanAnswer], paragraphs: Vec<LeanParagraph>) -> Self {
        // The one that the state rests on may be about a control that asks the question, and need not be the newest.
        let counted = |asked: &LeanQuestion| {
            let named = answers.iter().find(|answer| asked.file.as_ref() == Some(&answer.file));
            let of = answers.iter().filter(|answer| answer.question == asked.id);
            named.or_else(|| of.reduce(|a, b| if b.answered_on > a.answered_on { b } else { a }))
        };
        let given = |answer: &LeanAnswer| AnswerGiven {
            file: answer.file.clone(),
            by: answer.answered_by.clone(),
            on: answer.answered_on.clone(),
            until: answer.valid_until.clone(),
        };
        let question = |asked: LeanQuestion| RecordQuestion {
            was: AnswerWas { state: asked.state, answer: counted(&asked).map(given) },
            id: asked.id,
            question: asked.question,
            paragraphs: asked.paragraphs,
        };
        let decision = |paragraph: LeanParagraph| {
            let Disposition { decision, decided_by: by, decided_on: on, state, .. } = paragraph.disposition?;
            Some(RecordDecision { paragraph: paragraph.id, was: DecisionWas { decision, by, on, state } })
        };
        Self {
            counts: HandedIn { questions: people.questions, waivers: people.waivers, dispositions: people.dispositions },
            questions: people.asked.into_iter().map(question).collect(),
            decisions: paragraphs.into_iter().filter_map(decision).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_question_is_the_one_that_its_state_rests_on() {
        let person = serde_json::json!({"name": "a", "role": "r"});
        let answer = |file: &str, question: &str, on: &str| {
            serde_json::from_value::<LeanAnswer>(serde_json::json!({
                "file": file, "question": question, "answered_by": person, "answered_on": on, "valid_until": "2030-01-01"
            }))
            .expect("an answer")
        };
        let answers =
            [answer("later", "manual/x", "2029-01-01"), answer("now", "manual/x", "2026-01-01"), answer("whole", "pod/y", "2026-01-01")];
        let asked = |id: &str, file: Option<&str>| serde_json::json!({"id": id, "paragraphs": [], "question": "q", "state": "answered", "file": file});
        let people: LeanPeople = serde_json::from_value(serde_json::json!({
            "questions": QuestionCounts::default(), "waivers": WaiverCounts::default(), "dispositions": DispositionCounts::default(),
            "asked": [asked("manual/x", Some("now")), asked("unseen/y", Some("whole")), asked("manual/x", None), asked("manual/z", Some("waits"))],
        }))
        .expect("people");
        let record = RecordPeople::of(people, &answers, Vec::new());
        let files: Vec<Option<&str>> =
            record.questions.iter().map(|one| one.was.answer.as_ref().map(|answer| answer.file.as_str())).collect();
        assert_eq!(files, [Some("now"), Some("whole"), Some("later"), None]);
    }
}
