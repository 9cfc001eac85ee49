//! Frameworks: the paragraphs of a regulation, which controls are evidence for each and why, and what an auditor asks for.

mod extension;
mod lint;
mod parts;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

pub(super) use extension::Extension;
pub(super) use parts::{Part, join};

use crate::digest::sha256_hex;
use crate::model::{
    Ask, Authority, Claimed, Condition, Criterion, Extent, Implementation, MappingIdentity, ParagraphKind, Proposed, Quoted, Support,
    Supports, mapping_sha256,
};

/// A framework file: the only place where citations live.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its id, such as `hipaa`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The version of the mapping (semantic): it changes with every relation.
    #[serde(default = "first_version")]
    pub version: String,
    /// The date of the text it follows.
    pub as_of: String,
    /// Where the texts come from, by section of the rule.
    #[serde(default)]
    pub texts: Vec<TextSource>,
    /// The day of this version of the mapping.
    pub changed_on: Option<String>,
    /// Set where it follows a rule that is not in force.
    pub proposed: Option<Proposed>,
    /// The rules by which relations are made.
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    /// Whose word relations rest on.
    #[serde(default)]
    pub authorities: Vec<Authority>,
    /// Words as the regulation defines them.
    #[serde(default)]
    pub definitions: Vec<Quoted>,
    /// Paragraphs that the others rest on, and that no control speaks to.
    #[serde(default)]
    pub context: Vec<Quoted>,
    /// Its paragraphs in the framework's own order; those of its parts follow.
    #[serde(default)]
    pub paragraphs: Vec<FrameworkParagraph>,
    /// Controls that are evidence for no paragraph, with the reason.
    #[serde(default)]
    pub unmapped: Vec<Unmapped>,
}

/// Where the texts of a section come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSource {
    /// The section, such as `164.312`.
    pub section: String,
    /// The publication that was read.
    pub source: String,
    /// For which day or month it gives the text.
    pub as_of: String,
    /// Where the section was published and last amended, as the Code of Federal Regulations says below it.
    pub published: String,
}

fn first_version() -> String {
    "1.0.0".to_owned()
}

/// One paragraph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameworkParagraph {
    /// The exact citation.
    pub id: Spanned<String>,
    /// Its title: the regulation's heading, with ours in brackets where it has none.
    pub title: String,
    /// The section it stands in.
    pub section: String,
    /// The standard it belongs to; itself for a standard.
    pub standard: String,
    /// Standard or implementation specification.
    pub kind: ParagraphKind,
    /// Required, addressable, or left to the specifications of a standard.
    pub required: Implementation,
    /// The text.
    pub text: String,
    /// The standard that it continues and is not counted beside.
    pub continues: Option<String>,
    /// The specification of which it is one element and is not counted beside.
    pub part_of: Option<String>,
    /// What has to be so for it to concern anybody.
    pub condition: Option<Condition>,
    /// Something that a careful reader would otherwise take for a mistake.
    pub note: Option<String>,
    /// How sure the wording is, for texts that are not the regulation's own.
    pub confidence: Option<String>,
    /// Controls that are evidence for it.
    #[serde(default)]
    pub controls: Vec<Mapping>,
    /// What a cluster shows; empty when nothing.
    #[serde(default)]
    pub cluster_shows: String,
    /// What it does not show.
    pub cluster_cannot_show: String,
    /// What an auditor asks for, and what answers it.
    #[serde(default)]
    pub asks: Vec<Ask>,
    /// What to ask for, where no asks are written.
    #[serde(default)]
    pub ask_for: Vec<String>,
    /// The file it stands in, where that is a part of the framework.
    #[serde(skip)]
    pub(super) file: Option<String>,
}

impl FrameworkParagraph {
    /// What to ask for.
    pub fn ask_for(&self) -> Vec<String> {
        let asked = self.asks.iter().map(|ask| ask.ask.clone());
        asked.chain(self.ask_for.iter().cloned()).collect()
    }

    /// SHA-256 of its text with every run of white space as one space, so that a change of the regulation is noticed by anybody who
    /// has its text in whatever lines.
    pub fn text_sha256(&self) -> String {
        sha256_hex(normalised(&self.text).as_bytes())
    }
}

/// A text with every run of white space as one space.
pub(super) fn normalised(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One control's contribution to a paragraph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The control.
    pub control: Spanned<String>,
    /// How much of the paragraph it speaks to.
    pub extent: Extent,
    /// In which way (NIST IR 8477).
    #[serde(default)]
    pub supports: Supports,
    /// Why, in one sentence.
    #[serde(default)]
    pub because: String,
    /// On whose word: an authority of the framework.
    #[serde(default = "ours")]
    pub authority: String,
    /// Where that one says it.
    pub at: Option<String>,
    /// Parameters of the control that the paragraph has numbers for: a proposed rule that names an age.
    #[serde(default)]
    pub parameters: BTreeMap<String, i64>,
}

impl Mapping {
    /// As documents show it.
    pub fn support(&self) -> Support {
        Support {
            control: self.control.value.clone(),
            extent: self.extent,
            supports: self.supports,
            because: self.because.trim().to_owned(),
            authority: self.authority.clone(),
            at: self.at.clone(),
            parameters: self.parameters.clone(),
        }
    }
}

/// The authority of relations that nobody but their author argues for.
pub(super) const OURS: &str = "ours";

fn ours() -> String {
    OURS.to_owned()
}

/// A control that is evidence for no paragraph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmapped {
    /// The control.
    pub control: Spanned<String>,
    /// Why.
    pub why: String,
}

impl Framework {
    /// Where the text of a paragraph comes from.
    pub fn text_source(&self, paragraph: &FrameworkParagraph) -> Option<&TextSource> {
        let section = paragraph.id.value.split('(').next().unwrap_or_default();
        self.texts.iter().find(|text| text.section == section)
    }

    /// Paragraphs per control.
    pub fn paragraphs_of(&self) -> BTreeMap<&str, Vec<String>> {
        let mut map: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for paragraph in &self.paragraphs {
            for mapping in &paragraph.controls {
                map.entry(&mapping.control.value).or_default().push(paragraph.id.value.clone());
            }
        }
        map
    }

    /// The paragraphs that each question or control concerns, by its id, in the order of the regulation: those that it supports, and
    /// those of what it answers.
    pub fn concerned_by(&self) -> BTreeMap<&str, Vec<String>> {
        let mut map: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for paragraph in &self.paragraphs {
            let supports = paragraph.controls.iter().map(|mapping| mapping.control.value.as_str());
            let answers = paragraph.asks.iter().flat_map(|ask| &ask.answered_by).map(String::as_str);
            for id in supports.chain(answers).collect::<BTreeSet<_>>() {
                map.entry(id).or_default().push(paragraph.id.value.clone());
            }
        }
        map
    }

    /// The asks that each question or control answers, by its id.
    pub fn asks_of(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for ask in self.paragraphs.iter().flat_map(|paragraph| &paragraph.asks) {
            for id in &ask.answered_by {
                map.entry(id).or_default().push(&ask.id);
            }
        }
        map
    }

    /// What it says of itself, for documents that are made with it.
    pub fn identity(&self) -> MappingIdentity {
        MappingIdentity {
            id: self.id.clone(),
            title: self.title.clone(),
            version: self.version.clone(),
            as_of: self.as_of.clone(),
            sha256: self.sha256(),
            proposed: self.proposed.clone(),
            criteria: self.criteria.clone(),
            authorities: self.authorities.clone(),
            definitions: self.definitions.clone(),
            context: self.context.clone(),
        }
    }

    /// SHA-256 over what the mapping claims; see [`mapping_sha256`].
    pub fn sha256(&self) -> String {
        mapping_sha256(self.paragraphs.iter().map(|paragraph| Claimed {
            id: &paragraph.id.value,
            kind: paragraph.kind,
            required: paragraph.required,
            condition: paragraph.condition,
            text: &paragraph.text,
            relations: Cow::Owned(paragraph.controls.iter().map(Mapping::support).collect()),
            asks: &paragraph.asks,
        }))
    }

    /// SHA-256 over which controls stand under which paragraphs and how far, without the words about it: what a version of the
    /// mapping stands for.
    pub fn relations_sha256(&self) -> String {
        let mut lines: Vec<String> = self
            .paragraphs
            .iter()
            .flat_map(|paragraph| {
                paragraph
                    .controls
                    .iter()
                    .map(|mapping| format!("{} {} {}\n", paragraph.id.value, mapping.control.value, mapping.extent.word()))
            })
            .collect();
        lines.sort();
        sha256_hex(lines.concat().as_bytes())
    }
}
