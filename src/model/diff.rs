//! `kube-hipaa/diff/v1`: what changed between two assessments, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CatalogIdentity, ClusterIdentity, Collected, Hypothetical, ObjectRef, OutcomeCounts, OutcomeWord, Scope, Severity, SeverityCounts,
    SourceId, ToolIdentity,
};

/// The name of the format and its version.
pub const DIFF_SCHEMA: &str = "kube-hipaa/diff/v1";

/// What became of a control or a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DiffStatus {
    /// Only the new side has it.
    #[serde(rename = "new")]
    New,
    /// It is not seen any more, and nothing shows that it is gone.
    #[serde(rename = "no longer seen")]
    NoLongerSeen,
    /// Both sides have it, and it says something else.
    #[serde(rename = "changed")]
    Changed,
    /// The new side saw everything, and does not have it.
    #[serde(rename = "gone")]
    Gone,
    /// Both sides have it, and it says the same.
    #[serde(rename = "same")]
    Same,
}

impl DiffStatus {
    /// All, in the order in which documents show them.
    pub const ALL: [Self; 5] = [Self::New, Self::NoLongerSeen, Self::Changed, Self::Gone, Self::Same];
    /// The word used everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NoLongerSeen => "no longer seen",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Same => "same",
        }
    }
}

/// Why something is otherwise than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffCause {
    /// The cluster is otherwise.
    Cluster,
    /// The rules are: another version of a control, or of the program that applies it.
    Catalog,
    /// More or less of the cluster was seen.
    Coverage,
    /// Other namespaces are declared to hold ePHI.
    Scope,
    /// People answered, accepted or decided something, or what they said ended.
    People,
}

impl DiffCause {
    /// All, in a fixed order.
    pub const ALL: [Self; 5] = [Self::Cluster, Self::Catalog, Self::Coverage, Self::Scope, Self::People];
    /// The word used everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Catalog => "catalog",
            Self::Coverage => "coverage",
            Self::Scope => "scope",
            Self::People => "people",
        }
    }
}

/// What the causes rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffMethod {
    /// Rules and scope are the same on both sides: what differs is the cluster, or what was seen of it.
    SameRules,
    /// The old snapshot was assessed again with the rules and the scope of the new side.
    AssessedAgain,
    /// Both sides differ in rules or scope, and the old snapshot was not assessed again: causes are concluded from versions of controls,
    /// declarations of scope and what was seen.
    Concluded,
}

/// What one side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffKind {
    /// A snapshot, which was assessed for this.
    Snapshot,
    /// An assessment.json alone.
    Assessment,
    /// An evidence folder.
    Evidence,
    /// A sealed bundle, which was verified.
    Bundle,
}

/// One of the two sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DiffSide {
    /// What it was read from.
    pub kind: DiffKind,
    /// The id of a bundle, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// Which program assessed.
    pub tool: ToolIdentity,
    /// By which rules.
    pub catalog: CatalogIdentity,
    /// Digest of the snapshot's index.
    pub snapshot_sha256: String,
    /// Manifests that were laid over the snapshot, where it was not assessed as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothetical: Option<Hypothetical>,
    /// Which cluster.
    pub cluster: ClusterIdentity,
    /// When and by whom it was read.
    pub collected: Collected,
    /// Which namespaces count as holding ePHI.
    pub scope: Scope,
    /// Controls per outcome.
    pub controls: OutcomeCounts,
    /// Findings per severity.
    pub findings: SeverityCounts,
}

/// How many of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffCounts {
    /// Only on the new side.
    pub new: u64,
    /// Not seen any more.
    #[serde(rename = "no longer seen")]
    pub no_longer_seen: u64,
    /// Otherwise than they were.
    pub changed: u64,
    /// Not there any more.
    pub gone: u64,
    /// As they were.
    pub same: u64,
}

impl DiffCounts {
    /// Counts one more.
    pub fn add(&mut self, status: DiffStatus) {
        match status {
            DiffStatus::New => self.new += 1,
            DiffStatus::NoLongerSeen => self.no_longer_seen += 1,
            DiffStatus::Changed => self.changed += 1,
            DiffStatus::Gone => self.gone += 1,
            DiffStatus::Same => self.same += 1,
        }
    }
    /// The count of one status.
    pub fn get(&self, status: DiffStatus) -> u64 {
        match status {
            DiffStatus::New => self.new,
            DiffStatus::NoLongerSeen => self.no_longer_seen,
            DiffStatus::Changed => self.changed,
            DiffStatus::Gone => self.gone,
            DiffStatus::Same => self.same,
        }
    }
}

/// Counts over both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffTotals {
    /// Findings.
    pub findings: DiffCounts,
    /// Controls.
    pub controls: DiffCounts,
    /// Findings that are new, per severity.
    pub new: SeverityCounts,
    /// Findings that are gone, per severity.
    pub gone: SeverityCounts,
}

/// A value that is another than it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffValue {
    /// What is another: `severity`, `statement`, `exposure`, `namespaces`, `waiver`, or the name of a column.
    pub what: String,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
}

/// One finding on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingDiff {
    /// As in the assessments.
    pub fingerprint: String,
    /// What became of it.
    pub status: DiffStatus,
    /// Why; absent where nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<DiffCause>,
    /// From what that is known, in a sentence; empty where nothing changed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// Whether the cause is shown by assessing the same snapshot in two ways or by rules that are the same, and not only concluded.
    pub proven: bool,
    /// As on the new side, or as it was.
    pub severity: Severity,
    /// As on the new side, or as it was.
    pub statement: String,
    /// The object it is about.
    pub subject: ObjectRef,
    /// What it says otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<DiffValue>,
}

/// A control on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlSide {
    /// Version of its meaning.
    pub version: u32,
    /// What became of it.
    pub outcome: OutcomeWord,
    /// Things in scope.
    pub examined: u64,
    /// Things that fail.
    pub failed: u64,
    /// Things that could not be decided.
    pub unknown: u64,
    /// Whether everything that it rests on was seen.
    pub whole: bool,
}

/// One control on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlDiff {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Severity of its findings.
    pub severity: Severity,
    /// Paragraphs it is evidence for.
    pub paragraphs: Vec<String>,
    /// What became of it.
    pub status: DiffStatus,
    /// Why, sorted; several where several things changed.
    pub causes: Vec<DiffCause>,
    /// From what that is known, in a sentence; empty where the findings below say it, or nothing changed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// On the old side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<ControlSide>,
    /// On the new side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<ControlSide>,
    /// Its findings on either side, in a fixed order.
    pub findings: Vec<FindingDiff>,
}

impl ControlDiff {
    /// The outcome in words: `fail`, or `fail → pass`.
    pub fn outcomes(&self) -> String {
        let word = |side: &Option<ControlSide>| side.as_ref().map_or("not in the catalog", |side| side.outcome.label());
        let (old, new) = (word(&self.old), word(&self.new));
        if old == new { new.to_owned() } else { format!("{old} → {new}") }
    }
}

/// A source of which more or less was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceDiff {
    /// The source.
    pub source: SourceId,
    /// Its state on the old side; absent where that side does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// Its state on the new side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Whether it was seen wholly and is not any more.
    pub lost: bool,
    /// Why it was not seen, on the new side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How many controls rest on it.
    pub needed_by: u64,
}

/// What was declared otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScopeDiff {
    /// Whether the declaration is another.
    pub declared_otherwise: bool,
    /// Namespaces that hold ePHI and did not.
    pub added: Vec<String>,
    /// Namespaces that held ePHI and do not any more, or are not there.
    pub removed: Vec<String>,
}

/// A control whose version differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionDiff {
    /// Its id.
    pub control: String,
    /// The version on the old side; absent where it is not in the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<u32>,
    /// The version on the new side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<u32>,
}

/// A paragraph of which the controls came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParagraphDiff {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The outcomes of its controls as they were; absent where that side does not tell of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<OutcomeCounts>,
    /// As they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<OutcomeCounts>,
}

/// What kind of thing people said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaidKind {
    /// A question, with whether it is answered.
    Question,
    /// A decision on an addressable specification.
    Decision,
}

/// Something that people say otherwise. Waivers and answers stand beside findings and controls, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaidDiff {
    /// What it is.
    pub kind: SaidKind,
    /// Id of the question, or the paragraph.
    pub id: String,
    /// The question, or the title of the paragraph.
    pub title: String,
    /// What it was; absent where the old side has no such question or decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// What changed between two assessments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// [`DIFF_SCHEMA`].
    pub schema: String,
    /// Which program compared.
    pub tool: ToolIdentity,
    /// What it was.
    pub old: DiffSide,
    /// What it is.
    pub new: DiffSide,
    /// What the causes rest on.
    pub method: DiffMethod,
    /// The same in words.
    pub method_said: String,
    /// What a reader must know before believing anything else.
    pub warnings: Vec<String>,
    /// Counts.
    pub totals: DiffTotals,
    /// What was declared otherwise.
    pub scope: ScopeDiff,
    /// Controls that mean something else, or are on one side only.
    pub versions: Vec<VersionDiff>,
    /// Sources of which more or less was seen.
    pub sources: Vec<SourceDiff>,
    /// Paragraphs of which the controls came out otherwise.
    pub paragraphs: Vec<ParagraphDiff>,
    /// What people answered and decided otherwise.
    #[serde(default)]
    pub said: Vec<SaidDiff>,
    /// Every control of either side, by id.
    pub controls: Vec<ControlDiff>,
}

impl Diff {
    /// The findings of one status with their controls, worst first.
    pub fn findings(&self, status: DiffStatus) -> Vec<(&ControlDiff, &FindingDiff)> {
        let all = self.controls.iter().flat_map(|control| control.findings.iter().map(move |finding| (control, finding)));
        let mut found: Vec<_> = all.filter(|(_, finding)| finding.status == status).collect();
        found.sort_by(|(a, x), (b, y)| {
            (x.severity, &a.id, &x.subject, &x.fingerprint).cmp(&(y.severity, &b.id, &y.subject, &y.fingerprint))
        });
        found
    }
    /// Controls that are not as they were by themselves: their outcome, or what was seen for it.
    pub fn moved(&self) -> impl Iterator<Item = &ControlDiff> {
        self.controls.iter().filter(|control| {
            let side = |side: &Option<ControlSide>| side.as_ref().map(|side| (side.outcome, side.whole));
            side(&control.old) != side(&control.new)
        })
    }
}
