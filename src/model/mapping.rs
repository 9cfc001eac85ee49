//! What a mapping says of itself: why a control is evidence for a paragraph, on whose word, and what an auditor asks for.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Condition, Implementation, Paragraph, ParagraphKind, Support};

/// How a control supports a paragraph, in the vocabulary of NIST IR 8477 for supportive relationships.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Supports {
    /// One way among others to do what is asked.
    #[default]
    #[serde(rename = "example of")]
    ExampleOf,
    /// What is asked cannot be done without it.
    #[serde(rename = "integral to")]
    IntegralTo,
    /// It has to be there before what is asked can be done.
    #[serde(rename = "precedes")]
    Precedes,
}

impl Supports {
    /// The word used in files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::ExampleOf => "example of",
            Self::IntegralTo => "integral to",
            Self::Precedes => "precedes",
        }
    }
}

/// What kind of text an authority is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityKind {
    /// The words of the rule.
    Rule,
    /// The audit protocol of the Office for Civil Rights.
    Protocol,
    /// Guidance or a newsletter of HHS or its Office for Civil Rights.
    Guidance,
    /// A publication of NIST.
    Publication,
    /// A mapping of NIST's online informative references.
    Reference,
    /// Nobody but this project.
    Ours,
}

/// Somebody whose word a relation rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Its id, such as `ocr-protocol`.
    pub id: String,
    /// What kind of text it is.
    pub kind: AuthorityKind,
    /// Its title, as it is cited.
    pub title: String,
    /// Its date or edition; none for the rule, whose date the mapping has, and for ourselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<String>,
}

/// A rule by which relations are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Its id, such as `object`.
    pub id: String,
    /// The rule.
    pub rule: String,
}

/// A word as the regulation defines it, or a paragraph that others rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    /// The citation.
    pub id: String,
    /// The word that is defined, or the paragraph's heading.
    pub title: String,
    /// The regulation's own words.
    pub text: String,
    /// What it is carried for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A rule that is proposed and not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    /// Where it was published.
    pub citation: String,
    /// Its regulation identifier number.
    pub rin: String,
    /// The docket of the comments.
    pub docket: String,
    /// When it was published, as a date.
    pub published: String,
    /// How it stands.
    pub status: String,
    /// When that was looked up, as a date.
    pub checked_on: String,
}

/// Whose an ask is that the protocol does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskOrigin {
    /// This project's: a row of the protocol broken down to what a cluster has, or what the rule asks without a row.
    Ours,
}

/// Something that the audit protocol asks to be handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Its id, for ever, such as `ocr/164.312-b/1`.
    pub id: String,
    /// What to hand over, in our own words.
    pub ask: String,
    /// Whose it is; absent for those of the protocol's rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<AskOrigin>,
    /// Controls, questions (`manual/…`) and parts of the report (`exhibit/…`) that answer it, or have a place for the answer.
    #[serde(default)]
    pub answered_by: Vec<String>,
    /// Why nothing here answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nobody: Option<String>,
}

/// The mapping that an assessment was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MappingIdentity {
    /// Its id, such as `hipaa`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its version; it changes with every relation.
    pub version: String,
    /// The date of the text that it follows.
    pub as_of: String,
    /// SHA-256 over its paragraphs, relations and asks.
    pub sha256: String,
    /// Set where it follows a rule that is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Proposed>,
    /// The rules by which its relations are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Criterion>,
    /// Whose word relations rest on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<Authority>,
    /// Words as the regulation defines them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<Quoted>,
    /// Paragraphs that the others rest on, and that no control speaks to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Quoted>,
}

/// The parts of a report that an ask may name, with what they are called there.
pub const EXHIBITS: [(&str, &str); 8] = [
    ("exhibit/access-matrix", "the access matrix: who has which dangerous reach into which namespace in scope"),
    ("exhibit/identities", "the list of every access that is not Kubernetes' own, also as a sheet for a review"),
    ("exhibit/isolation", "the isolation matrix: which namespaces are shut off on the network"),
    ("exhibit/coverage", "the list of what was read and what was not"),
    ("exhibit/scope", "what is declared about ePHI, by whom and when"),
    ("exhibit/requests", "the list of every request that the program made"),
    ("exhibit/history", "the series of sealed reports: dates, gaps, what was found and mended when"),
    ("exhibit/report", "this dated report as a whole"),
];

/// The question that has a place for a decision about an addressable specification (45 CFR 164.306(d)(3)). It belongs to each of
/// them, and is therefore listed under none.
pub const DECISIONS: &str = "manual/addressable-decisions";

/// Who is asked: the parts that people play in an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Answers for the Security Rule (45 CFR 164.308(a)(2)).
    #[serde(rename = "security official")]
    SecurityOfficial,
    /// Answers for the Privacy Rule (45 CFR 164.530(a)(1)).
    #[serde(rename = "privacy official")]
    PrivacyOfficial,
    /// Runs the cluster.
    #[serde(rename = "cluster owner")]
    ClusterOwner,
    /// Answers for an application and its data.
    #[serde(rename = "application owner")]
    ApplicationOwner,
    /// Runs the identity provider.
    #[serde(rename = "identity team")]
    IdentityTeam,
    /// Watches and responds.
    #[serde(rename = "security operations")]
    SecurityOperations,
    /// Runs machines, disks and networks.
    #[serde(rename = "infrastructure")]
    Infrastructure,
    /// Knows who joins, moves and leaves.
    #[serde(rename = "human resources")]
    HumanResources,
    /// Makes contracts.
    #[serde(rename = "procurement or lawyer")]
    ProcurementOrLawyer,
    /// Decides and accepts.
    #[serde(rename = "management")]
    Management,
}

impl Role {
    /// The word used in files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::SecurityOfficial => "security official",
            Self::PrivacyOfficial => "privacy official",
            Self::ClusterOwner => "cluster owner",
            Self::ApplicationOwner => "application owner",
            Self::IdentityTeam => "identity team",
            Self::SecurityOperations => "security operations",
            Self::Infrastructure => "infrastructure",
            Self::HumanResources => "human resources",
            Self::ProcurementOrLawyer => "procurement or lawyer",
            Self::Management => "management",
        }
    }
}

/// What a mapping says of one paragraph, as its digest takes it.
pub struct Claimed<'a> {
    /// The citation.
    pub id: &'a str,
    /// Standard or implementation specification.
    pub kind: ParagraphKind,
    /// Required, addressable, or left to the specifications of a standard.
    pub required: Implementation,
    /// What has to be so for it to concern anybody.
    pub condition: Option<Condition>,
    /// The text.
    pub text: &'a str,
    /// The controls that are relevant to it.
    pub relations: Cow<'a, [Support]>,
    /// What is asked for.
    pub asks: &'a [Ask],
}

impl<'a> From<&'a Paragraph> for Claimed<'a> {
    fn from(paragraph: &'a Paragraph) -> Self {
        Self {
            id: &paragraph.id,
            kind: paragraph.kind,
            required: paragraph.required,
            condition: paragraph.condition,
            text: &paragraph.text,
            relations: Cow::Borrowed(&paragraph.controls),
            asks: &paragraph.asks,
        }
    }
}

/// SHA-256 over what a mapping claims: paragraphs with their texts (every run of white space as one space), relations with their reasons,
/// and asks, in their order.
pub fn mapping_sha256<'a>(paragraphs: impl Iterator<Item = Claimed<'a>>) -> String {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut push = |text: &str| parts.push(text.as_bytes().to_vec());
    for paragraph in paragraphs {
        push(paragraph.id);
        // By the words of the saved format, which stay.
        push(&json!([paragraph.kind, paragraph.required, paragraph.condition]).to_string());
        push(&paragraph.text.split_whitespace().collect::<Vec<_>>().join(" "));
        for one in paragraph.relations.iter() {
            let at = one.at.as_deref().unwrap_or_default();
            [&one.control, one.extent.word(), one.supports.word(), &one.because, &one.authority, at].into_iter().for_each(&mut push);
        }
        for ask in paragraph.asks {
            [&ask.id, &ask.ask].into_iter().for_each(|text| push(text));
            ask.answered_by.iter().for_each(|id| push(id));
            push(ask.nobody.as_deref().unwrap_or_default());
            push(if ask.origin.is_some() { "ours" } else { "protocol" });
        }
    }
    crate::digest::sha256_parts(parts.iter().map(Vec::as_slice))
}

/// What of ePHI something concerns (45 CFR 164.306(a)(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// That nobody learns it who may not.
    Confidentiality,
    /// That nobody changes it who may not.
    Integrity,
    /// That it is there when it is needed.
    Availability,
}

impl Concern {
    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confidentiality => "confidentiality",
            Self::Integrity => "integrity",
            Self::Availability => "availability",
        }
    }
}
