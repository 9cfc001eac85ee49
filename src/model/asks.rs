//! What the audit protocol asks for, each with what answers it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AnswerState, AskOrigin, Assessment, ControlResult, DispositionState, EXHIBITS, OutcomeWord, Paragraph};

/// Something that answers an ask, or has a place for the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskAnswer {
    /// The id of a control, a question or a part of the report.
    pub id: String,
    /// What it is.
    pub title: String,
    /// What it came to, in a word; absent where no evidence is at hand, and for parts of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// One ask with its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskState {
    /// Its id, for ever.
    pub id: String,
    /// The paragraph.
    pub paragraph: String,
    /// What to hand over.
    pub ask: String,
    /// Whose it is; absent for those of the protocol's rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<AskOrigin>,
    /// What answers it.
    pub answered_by: Vec<AskAnswer>,
    /// Why nothing here does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nobody: Option<String>,
}

/// What a control came to for somebody who asks; a question only where somebody answered it.
fn came_to(control: &ControlResult) -> &'static str {
    match control.word() {
        OutcomeWord::Manual if control.answers.iter().any(|answer| answer.state == AnswerState::InForce) => "answered",
        OutcomeWord::Manual => "not supplied with this report",
        word => word.cited(),
    }
}

/// What stands for an ask of a paragraph came to; nothing is said of checks where the paragraph concerns nobody, as far as people declared.
pub fn stands(paragraph: &Paragraph, control: &ControlResult) -> Option<&'static str> {
    // The question about decisions is answered paragraph by paragraph.
    let decided = paragraph.disposition.as_ref().is_some_and(|decision| decision.state == DispositionState::InForce);
    match (control.question().is_some(), paragraph.applies.is_yes()) {
        (true, _) if control.id == super::DECISIONS && decided => Some("decided"),
        (true, _) | (false, true) => Some(came_to(control)),
        (false, false) => None,
    }
}

/// The asks of an assessment in the order of the regulation.
pub fn answered_asks(assessment: &Assessment) -> Vec<AskState> {
    let controls: BTreeMap<&str, &ControlResult> = assessment.controls.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut all = Vec::new();
    for paragraph in &assessment.paragraphs {
        for ask in &paragraph.asks {
            let answer = |id: &String| {
                let exhibit = EXHIBITS.iter().find(|(exhibit, _)| exhibit == id).map(|(_, title)| (*title).to_owned());
                let control = controls.get(id.as_str());
                let outcome = control.and_then(|control| stands(paragraph, control));
                AskAnswer {
                    title: exhibit.or_else(|| control.map(|control| control.title.clone())).unwrap_or_default(),
                    outcome: outcome.map(str::to_owned),
                    id: id.clone(),
                }
            };
            all.push(AskState {
                id: ask.id.clone(),
                paragraph: paragraph.id.clone(),
                ask: ask.ask.clone(),
                origin: ask.origin,
                answered_by: ask.answered_by.iter().map(answer).collect(),
                nobody: ask.nobody.clone(),
            });
        }
    }
    all
}
