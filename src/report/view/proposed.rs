//! A rule that is not in force, in a chapter of its own: nothing of it enters a count.

use std::collections::BTreeMap;

use serde::Serialize;

use super::parts::{Digest, Mark, Ref, digits};
use crate::model::{AskedAgain, Assessment, ControlResult, Paragraph, ParameterValue};

/// The chapter.
#[derive(Debug, Serialize)]
pub(super) struct Chapter {
    number: usize,
    title: String,
    status: String,
    version: String,
    digest: Digest,
    paragraphs: Vec<ParagraphView>,
}

#[derive(Debug, Serialize)]
struct ParagraphView {
    id: String,
    title: String,
    text: Vec<String>,
    controls: Vec<Line>,
    shows: String,
    cannot: String,
    ask_for: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    control: Ref,
    mark: Mark,
    extent: &'static str,
    because: String,
    /// What it came to with the numbers of the rule, where these are others.
    again: Option<String>,
}

/// What a check came to with the numbers of the rule.
fn said(again: &AskedAgain, own: &ControlResult) -> String {
    let set = |one: &&ParameterValue| own.parameters.iter().find(|own| own.name == one.name).is_none_or(|own| own.value != one.value);
    let numbers: Vec<String> = again.parameters.iter().filter(set).map(|one| format!("{} {}", one.value, one.unit)).collect();
    let own: Vec<String> = own
        .parameters
        .iter()
        .filter(|own| again.parameters.iter().any(|one| one.name == own.name && one.value != own.value))
        .map(|one| format!("{} {}", one.value, one.unit))
        .collect();
    format!(
        "Asked again with {} (the report has {}): of {} in scope, {} do not meet it{}.",
        numbers.join(", "),
        own.join(", "),
        digits(again.examined),
        digits(again.failed),
        if again.unknown > 0 { format!(", and {} could not be decided", digits(again.unknown)) } else { String::new() }
    )
}

impl Chapter {
    /// None where nobody asked for one.
    pub(super) fn new(assessment: &Assessment, number: usize, refs: &super::Refs) -> Option<Self> {
        let section = assessment.proposed.as_ref()?;
        let rule = section.mapping.proposed.as_ref()?;
        let controls: BTreeMap<&str, &ControlResult> = assessment.controls.iter().map(|one| (one.id.as_str(), one)).collect();
        let paragraph = |one: &Paragraph| ParagraphView {
            id: one.id.clone(),
            title: one.title.clone(),
            text: one.text.lines().map(str::to_owned).collect(),
            controls: one
                .controls
                .iter()
                .filter_map(|support| {
                    let control = controls.get(support.control.as_str())?;
                    let again = section.asked_again.iter().find(|one| one.control == control.id && !support.parameters.is_empty());
                    Some(Line {
                        control: refs.control(&control.id),
                        mark: Mark::cited(again.map_or_else(|| control.word(), |again| again.outcome)),
                        extent: support.extent.word(),
                        because: support.because.clone(),
                        again: again.map(|again| said(again, control)),
                    })
                })
                .collect(),
            shows: one.cluster_shows.clone(),
            cannot: one.cluster_cannot_show.clone(),
            ask_for: one.ask_for.clone(),
        };
        Some(Self {
            number,
            title: section.mapping.title.clone(),
            status: format!(
                "{} (RIN {}, docket {}), published {}. {} Looked up on {}.",
                rule.citation, rule.rin, rule.docket, rule.published, rule.status, rule.checked_on
            ),
            version: format!("{} {}", section.mapping.id, section.mapping.version),
            digest: Digest::new(&section.mapping.sha256),
            paragraphs: section.paragraphs.iter().map(paragraph).collect(),
        })
    }
}
