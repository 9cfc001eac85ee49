//! The mapping as others read it: one JSON file, lists for spreadsheets, and OSCAL.

mod lists;
mod oscal;

use serde::Serialize;

use super::{Catalog, ControlKind, Framework, Mapping, TextSource};
use crate::model::{Ask, Condition, Implementation, MappingIdentity, ParagraphKind, ParameterValue, Support};

/// The schema of [`PublishedMapping`].
pub const MAPPING_SCHEMA: &str = "kube-hipaa/mapping/v1";

/// One list: its file's name without ending, and its rows with the names of the columns first.
pub struct List {
    /// Such as `relations`.
    pub name: &'static str,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

/// Everything that is published of a framework.
pub struct Published {
    /// The whole of it.
    pub mapping: PublishedMapping,
    /// Parts of it as lists.
    pub lists: Vec<List>,
    /// Documents of OSCAL: the file's name without ending, and the document.
    pub oscal: Vec<(&'static str, serde_json::Value)>,
}

/// A mapping as one document.
#[derive(Debug, Serialize)]
pub struct PublishedMapping {
    schema: &'static str,
    #[serde(flatten)]
    identity: MappingIdentity,
    /// SHA-256 over which controls stand where, and how far.
    relations_sha256: String,
    paragraphs: Vec<PublishedParagraph>,
    controls: Vec<PublishedControl>,
    unmapped: Vec<PublishedUnmapped>,
}

#[derive(Debug, Serialize)]
struct PublishedParagraph {
    id: String,
    title: String,
    section: String,
    standard: String,
    kind: ParagraphKind,
    required: Implementation,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    text: String,
    text_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_source: Option<TextSource>,
    relations: Vec<Support>,
    cluster_shows: String,
    cluster_cannot_show: String,
    ask_for: Vec<String>,
    asks: Vec<Ask>,
}

#[derive(Debug, Serialize)]
struct PublishedControl {
    id: String,
    version: u32,
    kind: &'static str,
    title: String,
    limits: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<ParameterValue>,
}

#[derive(Debug, Serialize)]
struct PublishedUnmapped {
    control: String,
    why: String,
}

/// What is published of a framework.
pub fn published(catalog: &Catalog, framework: &Framework) -> Published {
    Published { mapping: mapping(catalog, framework), lists: lists::lists(catalog, framework), oscal: oscal::documents(catalog, framework) }
}

/// What a control is for those who read the mapping.
fn kind(kind: &ControlKind) -> &'static str {
    match kind {
        ControlKind::Check(_) => "check",
        ControlKind::Manual(_) => "question",
    }
}

fn mapping(catalog: &Catalog, framework: &Framework) -> PublishedMapping {
    let paragraph = |one: &super::FrameworkParagraph| PublishedParagraph {
        id: one.id.value.clone(),
        title: one.title.clone(),
        section: one.section.clone(),
        standard: one.standard.clone(),
        kind: one.kind,
        required: one.required,
        continues: one.continues.clone(),
        part_of: one.part_of.clone(),
        condition: one.condition,
        note: one.note.clone(),
        text_sha256: one.text_sha256(),
        text_source: framework.text_source(one).cloned(),
        text: one.text.clone(),
        relations: one.controls.iter().map(Mapping::support).collect(),
        cluster_shows: one.cluster_shows.trim().to_owned(),
        cluster_cannot_show: one.cluster_cannot_show.trim().to_owned(),
        ask_for: one.ask_for(),
        asks: one.asks.clone(),
    };
    let mapped = framework.paragraphs_of();
    PublishedMapping {
        schema: MAPPING_SCHEMA,
        identity: framework.identity(),
        relations_sha256: framework.relations_sha256(),
        paragraphs: framework.paragraphs.iter().map(paragraph).collect(),
        controls: catalog
            .controls()
            .iter()
            .filter(|control| mapped.contains_key(control.id.as_str()))
            .map(|control| PublishedControl {
                id: control.id.clone(),
                version: control.version,
                kind: kind(&control.kind),
                title: control.title.clone(),
                limits: control.limits.clone(),
                parameters: control.described(&control.values(None)),
            })
            .collect(),
        unmapped: framework
            .unmapped
            .iter()
            .map(|one| PublishedUnmapped { control: one.control.value.clone(), why: one.why.clone() })
            .collect(),
    }
}
