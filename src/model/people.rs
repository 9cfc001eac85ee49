//! What people declared, answered, accepted and decided. It stands beside what was observed; no outcome rests on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccessReview, Role};

/// The workspace whose files were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceUsed {
    /// SHA-256 over paths and digests of all files below, in the order of the paths.
    pub sha256: String,
    /// Digest of each file that was read, by its path below the workspace; one that a command was given by `--import` as `imports/NAME`.
    pub files: BTreeMap<String, String>,
}

/// Somebody with the role in which they speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// A name.
    pub name: String,
    /// A role.
    pub role: String,
}

/// A file that an answer or a decision names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedFile {
    /// Its path below the workspace.
    pub file: String,
    /// Its SHA-256; absent where it was not there and nobody had written it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why it shows nothing: it was missing or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// What an answer is worth on the day of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerState {
    /// It holds.
    InForce,
    /// Its last day has passed.
    Expired,
    /// A file that it names is missing or was changed, so that it counts as not given.
    Unsupported,
    /// Its day is after that of the snapshot.
    NotYet,
    /// It is a review of the access to another cluster.
    OtherCluster,
}

impl AnswerState {
    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Expired => "expired",
            Self::Unsupported => "its evidence is missing or was changed",
            Self::NotYet => "given after the snapshot was taken",
            Self::OtherCluster => "about another cluster",
        }
    }
}

/// An answer of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The file in the workspace.
    pub file: String,
    /// The id of the question.
    pub question: String,
    /// The question as it was asked, where the file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The answer.
    pub statement: String,
    /// Who answered.
    pub answered_by: Person,
    /// When, as a date.
    pub answered_on: String,
    /// The last day on which it holds.
    pub valid_until: String,
    /// What it is worth on the day of the snapshot.
    pub state: AnswerState,
    /// Files that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<NamedFile>,
    /// What shows it elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What a waiver is worth on the day of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverState {
    /// It holds.
    InForce,
    /// Its first day has not come.
    NotYet,
    /// Its last day has passed.
    Expired,
    /// Its days have come, and nobody else approved it, or it is about a whole control in the whole cluster, or the finding is not the one
    /// that was accepted: the gate does not count it.
    NotEffective,
}

impl WaiverState {
    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::NotYet => "not yet in force",
            Self::Expired => "expired",
            Self::NotEffective => "without effect on the gate",
        }
    }
}

/// Somebody lives with a finding for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    /// The file in the workspace.
    pub file: String,
    /// Why.
    pub reason: String,
    /// What is done in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensating: Option<String>,
    /// Who answers for the risk.
    pub owner: String,
    /// Who approved it.
    pub approved_by: String,
    /// The first day on which it holds, as a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last one.
    pub until: String,
    /// What it is worth on the day of the snapshot.
    pub state: WaiverState,
}

/// What was decided about an addressable specification (45 CFR 164.306(d)(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is implemented.
    Implemented,
    /// An equivalent measure takes its place.
    Alternative,
    /// It is not reasonable and appropriate here.
    NotReasonable,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Implemented, Self::Alternative, Self::NotReasonable];

    /// As it is written in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Implemented => "implemented",
            Self::Alternative => "alternative",
            Self::NotReasonable => "not_reasonable",
        }
    }

    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Implemented => "implemented",
            Self::Alternative => "equivalent alternative (documented)",
            Self::NotReasonable => "not reasonable and appropriate (documented)",
        }
    }

    /// The one that is written so.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.word() == word)
    }
}

/// Whether a decision is to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DispositionState {
    /// It holds.
    InForce,
    /// The day of its review has passed.
    ReviewDue,
    /// A document that it names is missing or was changed.
    Unsupported,
    /// It was taken after the snapshot.
    NotYet,
}

impl DispositionState {
    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::ReviewDue => "its review is overdue",
            Self::Unsupported => "a document of it is missing or was changed",
            Self::NotYet => "taken after the snapshot",
        }
    }
}

/// A decision with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disposition {
    /// The file in the workspace.
    pub file: String,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub rationale: String,
    /// What was weighed (45 CFR 164.306(d)(3)(i)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<String>,
    /// The equivalent measure that takes its place (45 CFR 164.306(d)(3)(ii)(B)(2)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
    /// Files that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<NamedFile>,
    /// Who decided.
    pub decided_by: String,
    /// When, as a date.
    pub decided_on: String,
    /// The day by which it is looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<String>,
    /// Whether that day has passed.
    pub state: DispositionState,
}

/// Questions by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionCounts {
    /// With an answer in force.
    pub answered: u64,
    /// With answers of which the last one has expired.
    pub expired: u64,
    /// Without an answer.
    pub open: u64,
}

impl QuestionCounts {
    /// Counts one more.
    pub fn add(&mut self, state: QuestionState) {
        match state {
            QuestionState::Answered => self.answered += 1,
            QuestionState::Expired => self.expired += 1,
            QuestionState::Open => self.open += 1,
        }
    }
}

/// Waivers by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaiverCounts {
    /// In force, and standing beside a finding.
    pub in_force: u64,
    /// Past their last day.
    pub expired: u64,
    /// Standing beside nothing: no finding is left that they are about.
    pub unused: u64,
    /// Before their first day.
    pub not_yet: u64,
    /// Within their days, and not counted by the gate: approved by their own owner, about a whole control, or outgrown by what they accepted.
    pub not_effective: u64,
}

/// Addressable specifications by what was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DispositionCounts {
    /// With a decision.
    pub decided: u64,
    /// With a decision whose review is overdue, or whose documents are missing.
    pub due: u64,
    /// Without one.
    pub open: u64,
}

/// What is wrong with what people handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeopleProblemKind {
    /// Its last day has passed.
    Expired,
    /// It stands beside nothing.
    Unused,
    /// A whole control in the whole cluster.
    TooWide,
    /// Its owner approved it.
    SelfApproved,
    /// A file that it names is missing or was changed.
    Evidence,
    /// The day of its review has passed.
    ReviewDue,
    /// A decision not to implement as written that does not say all that the rule wants documented.
    Undocumented,
    /// It was to be removed or changed, and is as it was.
    StillThere,
    /// An access that gives more than what was reviewed.
    Grown,
    /// A finding that is not any more what was accepted.
    Outgrown,
    /// It came after the last review and nobody looked at it.
    NotReviewed,
    /// A scope of which nobody says who declared it, and when.
    DeclaredByNobody,
    /// What is declared and what was observed do not agree.
    Declaration,
    /// It was said after the snapshot was taken.
    NotYet,
    /// Of one day, and it says otherwise than another one.
    Contradiction,
    /// A review of another cluster, or of one that nobody named.
    OtherCluster,
    /// A control of people's own that stands in the place of a built-in one.
    Replaces,
    /// Files of the workspace that this version does not read.
    NotRead,
}

impl PeopleProblemKind {
    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Unused => "about nothing that is there",
            Self::TooWide => "too wide",
            Self::SelfApproved => "approved by its own owner",
            Self::Evidence => "evidence missing or changed",
            Self::ReviewDue => "review overdue",
            Self::Undocumented => "not documented as the rule asks",
            Self::StillThere => "still there",
            Self::Grown => "more than was reviewed",
            Self::Outgrown => "not what was accepted",
            Self::NotReviewed => "not reviewed",
            Self::DeclaredByNobody => "declared by nobody who is named",
            Self::Declaration => "declared otherwise than observed",
            Self::NotYet => "later than the snapshot",
            Self::Contradiction => "said in two ways on one day",
            Self::OtherCluster => "of another cluster, or of none that is named",
            Self::Replaces => "a built-in control was replaced",
            Self::NotRead => "not read",
        }
    }
}

/// One thing that is wrong with what people handed in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PeopleProblem {
    /// What kind of problem.
    pub kind: PeopleProblemKind,
    /// The file in the workspace; empty for the workspace as a whole.
    pub file: String,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// What people handed in, beside what was observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct People {
    /// Questions by state.
    pub questions: QuestionCounts,
    /// Waivers by state.
    pub waivers: WaiverCounts,
    /// Decisions by state.
    pub dispositions: DispositionCounts,
    /// Everything that is wrong, sorted.
    pub problems: Vec<PeopleProblem>,
    /// Every question with its state, in the order of the regulation.
    pub asked: Vec<AskedQuestion>,
    /// The last review of access that was handed in, set against what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_review: Option<AccessReview>,
}

/// Whether a question has an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionState {
    /// None that counts.
    #[default]
    Open,
    /// One that has expired.
    Expired,
    /// One in force.
    Answered,
}

impl QuestionState {
    /// The word of files and lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Expired => "expired",
            Self::Answered => "answered",
        }
    }
}

/// One question with its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedQuestion {
    /// Stable id: that of a manual control, or `unseen/…` for something that was not seen.
    pub id: String,
    /// Paragraphs that it belongs to.
    pub paragraphs: Vec<String>,
    /// Controls that ask it, or that are undecided for want of it.
    pub controls: Vec<String>,
    /// The question.
    pub question: String,
    /// Who is expected to know.
    pub answered_by: String,
    /// What would be acceptable evidence.
    pub evidence_wanted: String,
    /// The part that they play, of a short list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// For which time evidence is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// When it is to be asked at all, where that is not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_when: Option<String>,
    /// Which asks of the audit protocol it serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
    /// How often it is to be answered again.
    pub how_often: String,
    /// Whether it is answered.
    pub state: QuestionState,
    /// The file of the answer that its state rests on, of the newest where none counts, or of the one that waits to be filled in.
    #[serde(default)]
    pub file: Option<String>,
}

/// A waiver that several findings share.
pub type SharedWaiver = Arc<Waiver>;
