//! `kube-hipaa/history/v1`: what was so over time, in the record of one cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Decision, DispositionCounts, DispositionState, OutcomeCounts, OutcomeWord, Person, QuestionCounts, QuestionState, Severity,
    SeverityCounts, ToolIdentity, WaiverCounts, WaiverState,
};

/// The name of the format and its version.
pub const HISTORY_SCHEMA: &str = "kube-hipaa/history/v1";

/// One bundle of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Night {
    /// When collection ended, RFC 3339 UTC.
    pub time: String,
    /// The name of its file in the store.
    pub bundle: String,
    /// The first twelve digits of its id.
    pub id: String,
    /// The size of its file.
    pub bytes: u64,
    /// The catalog's version and digest.
    pub catalog: String,
    /// Digest of the declaration of scope; absent where the bundle cannot say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Controls per outcome.
    pub controls: OutcomeCounts,
    /// Findings per severity.
    pub findings: SeverityCounts,
    /// Sources per state.
    pub sources: BTreeMap<String, u64>,
    /// Findings that were not there the time before.
    pub new: u64,
    /// Findings that were there the time before, and are gone.
    pub gone: u64,
    /// Findings that were seen the time before, and are not any more, without being gone.
    pub no_longer_seen: u64,
    /// What people handed in; absent where the bundle was made without a workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<HandedIn>,
}

/// What people handed in for one bundle, by state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandedIn {
    /// Questions.
    pub questions: QuestionCounts,
    /// Waivers.
    pub waivers: WaiverCounts,
    /// Addressable specifications.
    pub dispositions: DispositionCounts,
}

/// A bundle that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreadable {
    /// The name of its file in the store.
    pub bundle: String,
    /// Why not.
    pub why: String,
}

/// A time without a bundle that is longer than the schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The bundle before.
    pub from: String,
    /// The bundle after.
    pub to: String,
    /// Hours between them.
    pub hours: u64,
    /// How many bundles of the schedule are missing.
    pub missed: u64,
}

/// How often bundles come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// Hours between two bundles.
    pub every_hours: u64,
    /// Whether that was said, or is the usual time between the bundles of the record.
    pub stated: bool,
    /// Whether neither is so, and a night is taken, because the bundles do not tell.
    #[serde(default)]
    pub assumed: bool,
    /// Times without a bundle that are longer.
    pub gaps: Vec<Gap>,
    /// Hours since the newest bundle.
    pub newest_is_hours_old: u64,
    /// Whether the newest bundle is older than the schedule.
    pub stale: bool,
}

/// Days of which a range is meant, both ends included, as `2026-11-28`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Days {
    /// The first.
    pub from: String,
    /// The last.
    pub to: String,
    /// How many.
    pub days: u64,
    /// Whether the record had not begun.
    pub before_the_record: bool,
}

/// The last twelve months, day by day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LookBack {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Days in it.
    pub days: u64,
    /// Days on which a bundle was collected.
    pub covered: u64,
    /// Days on which none was.
    pub uncovered: Vec<Days>,
}

/// A time in which something stayed as it was, from bundle to bundle, without a bundle in between that does not say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span<T> {
    /// What it was.
    pub was: T,
    /// The first bundle that says so.
    pub from: String,
    /// The last bundle that says so.
    pub to: String,
    /// How many bundles say so.
    pub nights: u64,
}

/// What became of a control, by its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlState {
    /// The outcome.
    pub outcome: OutcomeWord,
    /// Version of the control.
    pub version: u32,
    /// Its parameters that were set otherwise than the catalog has them, with what counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, i64>,
}

impl ControlState {
    /// Its parameters that were set, for people; empty where none was.
    pub fn set(&self) -> String {
        self.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// One control over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlHistory {
    /// Its id.
    pub id: String,
    /// Its title, as it was last.
    pub title: String,
    /// Severity of its findings.
    pub severity: Severity,
    /// Paragraphs it is evidence for.
    pub paragraphs: Vec<String>,
    /// What it was when.
    pub spans: Vec<Span<ControlState>>,
}

/// One paragraph over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParagraphHistory {
    /// Its id.
    pub id: String,
    /// Its title; empty where nobody knows it any more.
    pub title: String,
    /// The outcomes of its controls.
    pub spans: Vec<Span<OutcomeCounts>>,
}

/// The answer that counted for a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerGiven {
    /// The file in the workspace.
    pub file: String,
    /// Who answered.
    pub by: Person,
    /// When, as a date.
    pub on: String,
    /// The last day on which it holds.
    pub until: String,
}

/// How a question stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerWas {
    /// Whether it had an answer.
    pub state: QuestionState,
    /// The newest answer; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerGiven>,
}

/// One question over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionHistory {
    /// Its id.
    pub id: String,
    /// The question, as it was asked last.
    pub question: String,
    /// Paragraphs that it belongs to.
    pub paragraphs: Vec<String>,
    /// How it stood when; times without a workspace are in no span.
    pub spans: Vec<Span<AnswerWas>>,
}

/// What was decided about an addressable specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionWas {
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub by: String,
    /// When, as a date.
    pub on: String,
    /// What it was worth.
    pub state: DispositionState,
}

/// The decisions about one addressable specification over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionHistory {
    /// The paragraph.
    pub paragraph: String,
    /// Its title; empty where nobody knows it any more.
    pub title: String,
    /// What was decided when; times without a decision are in no span.
    pub spans: Vec<Span<DecisionWas>>,
}

/// A waiver beside a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waived {
    /// The file in the workspace.
    pub file: String,
    /// Who answers for the risk.
    pub owner: String,
    /// Who approved it.
    pub approved_by: String,
    /// The last day on which it holds.
    pub until: String,
    /// What it was worth.
    pub state: WaiverState,
}

/// Where a finding stands at the end of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum FindingState {
    /// The newest bundle has it.
    #[serde(rename = "open")]
    Open,
    /// It is not seen any more, and nothing shows that it is gone.
    #[serde(rename = "no longer seen")]
    NoLongerSeen,
    /// Everything was seen, by the same rules and with the same scope, and it is not there.
    #[serde(rename = "fixed")]
    Fixed,
    /// It is not there any more, and rules or scope were changed since, or more is seen than then, so that it may be called otherwise: that
    /// it was mended is not shown.
    #[serde(rename = "gone with other rules, scope or coverage")]
    GoneOtherwise,
}

impl FindingState {
    /// The word used everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::NoLongerSeen => "no longer seen",
            Self::Fixed => "fixed",
            Self::GoneOtherwise => "gone with other rules, scope or coverage",
        }
    }
}

/// One finding over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingHistory {
    /// As in the assessments.
    pub fingerprint: String,
    /// Its control.
    pub control: String,
    /// As it was last.
    pub severity: Severity,
    /// As it was last.
    pub statement: String,
    /// The object it is about, as `NAMESPACE/KIND/NAME`.
    pub object: String,
    /// Where it stands.
    pub state: FindingState,
    /// The first bundle that has it.
    pub first_seen: String,
    /// Whether that is the first bundle of the record: then it may be older.
    pub since_the_beginning: bool,
    /// The last bundle that has it.
    pub last_seen: String,
    /// The first bundle that shows that it was mended; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<String>,
    /// Days from when it was first seen to when it was seen to be gone, or to the newest bundle; times in between in which it was gone
    /// do not count.
    pub days_open: u64,
    /// How often it came again after it had been gone.
    pub came_again: u64,
    /// Waivers that stood beside it; times without one are in no span.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<Span<Waived>>,
}

/// How long it took to mend findings of one severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FixTimes {
    /// The severity.
    pub severity: Severity,
    /// How many were fixed.
    pub fixed: u64,
    /// Days for the middle one of them; absent when none was fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_days: Option<u64>,
    /// Days for the slowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_days: Option<u64>,
    /// How many are open.
    pub open: u64,
    /// Days that the oldest open one stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_open_days: Option<u64>,
}

/// What is older than it has to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retention {
    /// Years that documentation is kept (45 CFR 164.316(b)(2)(i)).
    pub years: u64,
    /// Bundles that are older, by the name of their file. Nothing is deleted.
    pub past: Vec<String>,
}

/// A practice of which a record may show that it was in place, and the controls that show something of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PracticeSought {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Subcategories of the NIST Cybersecurity Framework 2.0.
    pub csf: Vec<String>,
    /// Practices of the Health Industry Cybersecurity Practices, 2023.
    pub hicp: Vec<String>,
    /// Controls that show something of it.
    pub controls: Vec<String>,
    /// What they show.
    pub says: String,
    /// What they do not.
    pub not: String,
}

/// What a bundle shows of a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PracticeState {
    /// Everything was seen, every check of it found something to look at, and none noted an exception.
    Observed,
    /// The same, but some of its checks found nothing to look at.
    InPart,
    /// A check of it noted an exception.
    Exceptions,
    /// No exception was noted, and something was not seen.
    NotSeen,
    /// The cluster had nothing that these checks look at, or they were not in the catalog.
    NothingInScope,
}

impl PracticeState {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::InPart => "observed in part",
            Self::Exceptions => "exceptions noted",
            Self::NotSeen => "not seen",
            Self::NothingInScope => "nothing in scope",
        }
    }
}

/// How a practice stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PracticeWas {
    /// What was shown of it.
    pub state: PracticeState,
    /// Outcomes of its checks.
    pub counts: OutcomeCounts,
    /// The first twelve digits of a digest over these checks with their versions, controls of somebody's own and the scope: where it
    /// changes, these did, so that a check that got stricter does not look like a lapse.
    pub rules: String,
}

/// A practice over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PracticeHistory {
    /// What was looked for.
    #[serde(flatten)]
    pub practice: PracticeSought,
    /// What was shown when. A span goes from report to report: the days between that have none are in the look-back.
    pub spans: Vec<Span<PracticeWas>>,
}

/// The record of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// [`HISTORY_SCHEMA`].
    pub schema: String,
    /// Which program made this.
    pub tool: ToolIdentity,
    /// The cluster's uid.
    pub cluster_uid: String,
    /// The cluster's name, as it was last.
    pub cluster: String,
    /// The time at which the record was looked at, RFC 3339 UTC: staleness and look-back end there.
    pub as_of: String,
    /// What a reader must know before believing anything else.
    pub warnings: Vec<String>,
    /// The bundles, oldest first.
    pub nights: Vec<Night>,
    /// Bundles that could not be read.
    pub unreadable: Vec<Unreadable>,
    /// How often they come.
    pub schedule: Schedule,
    /// The last twelve months.
    pub look_back: LookBack,
    /// What is older than it has to be kept.
    pub retention: Retention,
    /// Every control that the record has, by id.
    pub controls: Vec<ControlHistory>,
    /// Every paragraph that one of them is evidence for, in order.
    pub paragraphs: Vec<ParagraphHistory>,
    /// Every finding, open ones first, by severity.
    pub findings: Vec<FindingHistory>,
    /// How long it took to mend findings.
    pub fixes: Vec<FixTimes>,
    /// Every question that a workspace of the record has, by id.
    #[serde(default)]
    pub questions: Vec<QuestionHistory>,
    /// Every addressable specification that somebody decided about, in order.
    #[serde(default)]
    pub decisions: Vec<DecisionHistory>,
    /// What the record shows of practices, in their order.
    #[serde(default)]
    pub practices: Vec<PracticeHistory>,
}
