//! `assessment.json`, schema `kube-hipaa/assessment/v1`. Where the file is shaped otherwise than what the program works with, [`v1`] has the
//! file's shape.

mod scope;
pub mod v1;

use std::sync::Arc;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AccessRule, Answer, Applies, Ask, Benchmark, BenchmarkItem, ClusterIdentity, Collected, Condition, Declarations, Disposition, Evidence,
    Exhibits, Exposure, Extent, Facts, Hypothetical, Implementation, LeftOut, LookedAt, MappingIdentity, ObjectRef, Outcome, OutcomeCounts,
    OutcomeWord, ParagraphKind, ParameterValue, People, RiskInput, Role, Severity, SharedWaiver, SourceId, SourceState, Supports,
    ToolIdentity, Undecided, Unseen, WaiverState, WorkspaceUsed,
};

pub use scope::*;

/// The name of the format and its version.
pub const ASSESSMENT_SCHEMA: &str = "kube-hipaa/assessment/v1";

/// The whole result: everything that any document shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assessment {
    /// [`ASSESSMENT_SCHEMA`].
    pub schema: String,
    /// Which program assessed.
    pub tool: ToolIdentity,
    /// Which controls were used.
    pub catalog: CatalogIdentity,
    /// Which mapping says what the controls are evidence for; absent in assessments of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<MappingIdentity>,
    /// Digest of the snapshot's `index.json`, 64 hex digits, which in turn names every file by digest.
    pub snapshot_sha256: String,
    /// Manifests that were laid over the snapshot before it was assessed; absent where it was assessed as it is. Then
    /// `snapshot_sha256` is that of no snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothetical: Option<Hypothetical>,
    /// Which cluster.
    pub cluster: ClusterIdentity,
    /// When and by whom it was read.
    pub collected: Collected,
    /// Which namespaces count as holding ePHI, and who said so.
    pub scope: Scope,
    /// The workspace whose files were read, and files that were handed over; absent where none was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceUsed>,
    /// Counts.
    pub totals: Totals,
    /// Every source with its state.
    pub coverage: Vec<SourceCoverage>,
    /// Every control with its outcome.
    pub controls: Vec<ControlResult>,
    /// Every paragraph of 164.308 to 164.316.
    pub paragraphs: Vec<Paragraph>,
    /// A proposed rule that was asked for: outside of all counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<ProposedSection>,
    /// What a risk analysis can take from the findings; absent in assessments of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_input: Option<RiskInput>,
    /// The benchmark whose numbers stand beside controls; absent in assessments of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<Benchmark>,
    /// Matrices of access and isolation; empty in assessments of older versions.
    #[serde(default)]
    pub exhibits: Exhibits,
    /// What the scope file says beyond where ePHI is, set against what was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declarations: Option<Declarations>,
    /// What people handed in; absent where no workspace was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<People>,
}

/// Identity of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogIdentity {
    /// Version of the built-in catalog.
    pub version: String,
    /// SHA-256 over all control and framework files in use.
    pub sha256: String,
    /// Folders of the user's own controls, in the order given, each with its digest and the built-in ids it replaces.
    pub overlays: Vec<Overlay>,
}

/// A folder of controls that the user added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overlay {
    /// The folder's name as given, without its parents.
    pub name: String,
    /// SHA-256 over its files.
    pub sha256: String,
    /// Ids of the controls it adds.
    pub adds: Vec<String>,
    /// Ids of built-in controls that it replaces.
    pub replaces: Vec<String>,
}

/// The paragraphs of a rule that is not in force, with the outcomes of the checks that are relevant to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposedSection {
    /// The mapping, with how the rule stands.
    pub mapping: MappingIdentity,
    /// Its paragraphs, in our own words.
    pub paragraphs: Vec<Paragraph>,
    /// Checks that were asked again with its numbers, where these are others than those of the assessment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_again: Vec<AskedAgain>,
}

/// What a check comes to with other numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedAgain {
    /// The check.
    pub control: String,
    /// Its parameters as they counted here.
    pub parameters: Vec<ParameterValue>,
    /// What became of it.
    pub outcome: OutcomeWord,
    /// Things in scope.
    pub examined: u64,
    /// Things that fail.
    pub failed: u64,
    /// Things that could not be decided.
    pub unknown: u64,
}

/// Number of findings per severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeverityCounts {
    /// Critical findings.
    pub critical: u64,
    /// High findings.
    pub high: u64,
    /// Medium findings.
    pub medium: u64,
    /// Low findings.
    pub low: u64,
}

impl SeverityCounts {
    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
        }
    }
}

/// The totals; conformity and coverage are never merged into one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Controls per outcome.
    pub controls: OutcomeCounts,
    /// Findings per severity.
    pub findings: SeverityCounts,
    /// Sources per state word.
    pub sources: BTreeMap<String, u64>,
    /// Requests per verb, as requests.jsonl holds them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, u64>,
}

/// One source, its state, and who needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceCoverage {
    /// The source as it is named everywhere.
    pub source: SourceId,
    /// Plural resource name or URL path.
    pub resource: String,
    /// API group.
    pub group: String,
    /// What became of it.
    #[serde(flatten)]
    pub state: SourceState,
    /// The rule that would allow it, where it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_rule: Option<AccessRule>,
    /// Ids of the controls that need it, and of those whose table looks at it too.
    pub needed_by: Vec<String>,
    /// Objects of it that came and could not be stored: what they could have decided is in doubt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl SourceCoverage {
    /// Whether it was asked for and did not come whole, or objects of it had to be left out.
    pub fn has_gap(&self) -> bool {
        self.state.is_failed_read() || !self.left_out.is_empty()
    }
}

/// One object that does not meet a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Hash of control id, table and row key: survives redeploys. 16 hex digits.
    pub fingerprint: String,
    /// The control's severity.
    pub severity: Severity,
    /// Severity × exposure × ePHI scope, from 1 to 243; it ranks findings and is never added up (`docs/scoring.md`).
    #[serde(default)]
    pub risk: u32,
    /// How far what it shows can be reached, as it entered the risk.
    #[serde(default)]
    pub exposure: Exposure,
    /// The fact in one sentence.
    pub statement: String,
    /// The object it is about.
    // Shared with other findings about it, as those that take part are.
    pub subject: Arc<ObjectRef>,
    /// The namespace that it counts to, where that is not the subject's: a listener of a Gateway counts to that of its routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// All namespaces that it counts to, sorted, where there are several: those in which a binding holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Other objects that take part.
    pub related: Vec<Arc<ObjectRef>>,
    /// The values that decided it.
    pub facts: Facts,
    /// Where they stand in the cluster; at least one.
    pub evidence: Vec<Evidence>,
    /// Who lives with it until when. Of several waivers the one that is worth most; it changes nothing about the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<SharedWaiver>,
}

impl Finding {
    /// The namespace that it counts to; none for what concerns the whole cluster.
    pub fn place(&self) -> Option<&String> {
        self.namespace.as_ref().or_else(|| self.subject.place())
    }

    /// Whether a waiver is in force beside it.
    pub fn is_waived(&self) -> bool {
        self.waiver.as_ref().is_some_and(|waiver| waiver.state == WaiverState::InForce)
    }

    /// All namespaces that it counts to; none for what concerns the whole cluster.
    pub fn places(&self) -> impl Iterator<Item = &String> {
        let only = if self.namespaces.is_empty() { self.place() } else { None };
        self.namespaces.iter().chain(only)
    }
}

/// One object that meets a check, shown as a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The object.
    pub subject: Arc<ObjectRef>,
    /// The values that decided it.
    pub facts: Facts,
    /// Where they stand in the cluster.
    pub evidence: Vec<Evidence>,
}

/// What a pass or a not applicable rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// The sources that were read completely (or are not served).
    pub sources: Vec<SourceProof>,
    /// Things that were in scope and met the check.
    pub examined: u64,
    /// Things that the table holds in all.
    pub rows: u64,
    /// The first rows in their fixed order, at most five.
    pub sample: Vec<Sample>,
}

/// One source that a proof rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceProof {
    /// The source.
    pub source: SourceId,
    /// Its state.
    #[serde(flatten)]
    pub state: SourceState,
}

/// A question that only a person can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// The question.
    pub ask: String,
    /// What would be acceptable evidence.
    pub evidence: String,
    /// Who is expected to know.
    pub who: String,
    /// The part that they play, of a short list, so that one letter can be written to each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// For which time evidence is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// When it is to be asked at all, where that is not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_when: Option<String>,
    /// How often it is to be answered again, where that is suggested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how_often: Option<String>,
}

/// One control with its outcome. In the file it is flat: [`v1::ControlResult`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlResult {
    /// Stable id, `area/name`.
    pub id: String,
    /// Version of its meaning.
    pub version: u32,
    /// The check as a fact that ought to hold.
    pub title: String,
    /// Severity of its findings.
    pub severity: Severity,
    /// The id's first part.
    pub area: String,
    /// The table it looks at; empty for questions.
    pub table: String,
    /// Paragraphs it is evidence for.
    pub paragraphs: Vec<String>,
    /// Items of the benchmark that it speaks to.
    pub benchmark: Vec<BenchmarkItem>,
    /// Numbers of its that an organization may set, with what counted.
    pub parameters: Vec<ParameterValue>,
    /// Why it matters, in one or two sentences.
    pub because: String,
    /// What to change.
    pub fix: String,
    /// What the check does not show.
    pub limits: String,
    /// Which rows were looked at.
    pub looked_at: LookedAt,
    /// What is counted below, in the plural: `workloads`, `containers`, `namespaces`, ...; empty for questions.
    pub counts: String,
    /// What things that do not meet the check are doing: "`failed` of `examined` `counts` `fails`" is a sentence.
    pub fails: String,
    /// Things in scope.
    pub examined: u64,
    /// Things that fail.
    pub failed: u64,
    /// Things that could not be decided.
    pub unknown: u64,
    /// Which these are; absent where there are none, and in assessments of older versions.
    pub undecided: Option<Undecided>,
    /// What became of it, with what it rests on.
    pub outcome: Outcome,
    /// What people answered to its question, or about what it did not see: the newest first.
    pub answers: Vec<Answer>,
}

impl ControlResult {
    /// The outcome in one word.
    pub fn word(&self) -> OutcomeWord {
        self.outcome.word()
    }
    /// Whether everything that it rests on was seen, so that what it does not find is not there.
    pub fn is_whole(&self) -> bool {
        match self.word() {
            OutcomeWord::Pass | OutcomeWord::NotApplicable => true,
            OutcomeWord::Fail => self.unseen().is_empty() && self.unknown == 0,
            OutcomeWord::NotAssessed | OutcomeWord::Manual => false,
        }
    }
    /// Whether it is known that it does not find this, because it is whole or because this thing was decided.
    pub fn has_decided(&self, fingerprint: &str) -> bool {
        let decided = |undecided: &Undecided| undecided.others_decided && !undecided.fingerprints.iter().any(|one| one == fingerprint);
        self.is_whole() || self.undecided.as_ref().is_some_and(decided)
    }
    /// The findings, in a fixed order.
    pub fn findings(&self) -> &[Finding] {
        self.outcome.findings()
    }
    /// What was not seen; also present on a fail that might be larger than what was seen.
    pub fn unseen(&self) -> &[Unseen] {
        self.outcome.unseen()
    }
    /// What a pass or a not applicable rests on.
    pub fn proof(&self) -> Option<&Proof> {
        self.outcome.proof()
    }
    /// What a person is asked.
    pub fn question(&self) -> Option<&Question> {
        self.outcome.question()
    }
}

/// What one control contributes to one paragraph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Support {
    /// The control.
    pub control: String,
    /// How much of the paragraph it speaks to.
    pub extent: Extent,
    /// In which way (NIST IR 8477).
    #[serde(default)]
    pub supports: Supports,
    /// Why, in one sentence; empty in assessments of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// On whose word: an authority of the mapping.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authority: String,
    /// Where that one says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Parameters of the control that the paragraph has numbers for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, i64>,
}

/// One paragraph of the regulation with what a cluster shows about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Paragraph {
    /// The exact CFR paragraph, such as `164.312(a)(1)`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The section's heading, such as `Technical safeguards`.
    pub section: String,
    /// The standard it belongs to (itself, for a standard).
    pub standard: String,
    /// Standard or implementation specification.
    pub kind: ParagraphKind,
    /// Whether it is required or addressable (45 CFR 164.306(d)).
    pub required: Implementation,
    /// The regulation's text.
    pub text: String,
    /// The standard that it continues and is not counted beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<String>,
    /// The specification of which it is one element and is not counted beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// What has to be so for it to concern anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Whether it concerns the organization, as far as people declared it.
    #[serde(default, skip_serializing_if = "Applies::is_yes")]
    pub applies: Applies,
    /// Something that a careful reader would otherwise take for a mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Ids of the controls that are evidence for it, with their extent.
    pub controls: Vec<Support>,
    /// Their outcomes.
    pub counts: OutcomeCounts,
    /// What the cluster can show; empty when nothing.
    pub cluster_shows: String,
    /// What it cannot show.
    pub cluster_cannot_show: String,
    /// What to ask for instead.
    pub ask_for: Vec<String>,
    /// The same as the audit protocol asks it, each with what answers it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Ask>,
    /// What was decided about it, where it is addressable and a decision was handed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}
