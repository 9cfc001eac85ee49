//! What a record over time is made of: of each control what became of it, of each finding what it says. It stands in `summary.json`, so
//! that a year is read without a single whole assessment; bundles of older versions have it in their assessment only.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::content::MOST_SUMMARY;
use super::record_people::{LeanAnswer, LeanParagraph, LeanPeople, LeanWaiver, RecordPeople};
use crate::model::history::Waived;
use crate::model::{ObjectRef, OutcomeWord, ParameterValue, ScopeRole, ScopeSource, Severity, SourceId, Undecided};

/// What of an assessment stands in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who said which namespaces hold ePHI.
    pub scope: RecordScope,
    /// Every control, in the assessment's order.
    #[serde(deserialize_with = "stored")]
    pub controls: Vec<RecordControl>,
    /// Sources that were asked for and did not come whole, with their state.
    pub unread: Vec<RecordSource>,
    /// What people handed in; absent where no workspace was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<RecordPeople>,
}

/// The scope of ePHI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordScope {
    /// Who said so.
    pub source: ScopeSource,
    /// Digest of the declaration.
    pub sha256: String,
    /// How many namespaces hold ePHI.
    pub ephi: u64,
    /// How many do not.
    pub other: u64,
    /// Those that hold ePHI, sorted; empty in bundles of older versions.
    #[serde(default, deserialize_with = "few", skip_serializing_if = "Vec::is_empty")]
    pub ephi_namespaces: Vec<String>,
    /// Those that do not.
    #[serde(default, deserialize_with = "few", skip_serializing_if = "Vec::is_empty")]
    pub other_namespaces: Vec<String>,
    /// What those have to do with ePHI that do not keep it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, ScopeRole>,
}

impl RecordScope {
    /// Whether the namespaces are named, as bundles of older versions and those that could not read them do not.
    pub fn names_them(&self) -> bool {
        !self.ephi_namespaces.is_empty() || !self.other_namespaces.is_empty()
    }

    /// Whether a namespace holds ePHI; none where it is not known to the bundle.
    pub fn holds(&self, namespace: &str) -> Option<bool> {
        let knows = |all: &[String]| all.iter().any(|name| name == namespace);
        if knows(&self.ephi_namespaces) { Some(true) } else { knows(&self.other_namespaces).then_some(false) }
    }
}

/// A source that did not come whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSource {
    /// The source.
    pub source: SourceId,
    /// Its state in one word.
    pub state: String,
}

/// One control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordControl {
    /// Its id.
    pub id: String,
    /// Version of its meaning.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Severity of its findings.
    pub severity: Severity,
    /// Paragraphs it is evidence for.
    pub paragraphs: Vec<String>,
    /// What became of it.
    pub outcome: OutcomeWord,
    /// Its parameters that were set otherwise than the catalog has them, with what counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, i64>,
    /// Whether everything that it rests on was seen, so that what it does not find is not there.
    pub whole: bool,
    /// Where it is not whole: which things could not be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Undecided>,
    /// Sources that it needs, or that its table looks at, and that did not come whole, sorted: what it then finds may be called otherwise
    /// than where they are seen. Empty in bundles of older versions, too.
    #[serde(default, deserialize_with = "few", skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<SourceId>,
    /// Its findings.
    #[serde(deserialize_with = "few")]
    pub findings: Vec<RecordFinding>,
}

impl RecordControl {
    /// Whether it is known that it does not find this, because it is whole or because this thing was decided.
    pub fn has_decided(&self, fingerprint: &str) -> bool {
        let decided = |undecided: &Undecided| undecided.others_decided && !undecided.fingerprints.iter().any(|one| one == fingerprint);
        self.whole || self.undecided.as_ref().is_some_and(decided)
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFinding {
    /// As in the assessment.
    pub fingerprint: String,
    /// The fact in one sentence.
    pub statement: String,
    /// The object it is about, as `NAMESPACE/KIND/NAME`.
    pub object: String,
    /// The waiver beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waived>,
}

impl RecordFinding {
    /// The namespace of its object.
    pub fn namespace(&self) -> Option<&str> {
        // Names of Kubernetes hold no slash, so that there are two of them only where there is a namespace.
        self.object.split_once('/').filter(|(_, rest)| rest.contains('/')).map(|(namespace, _)| namespace)
    }
}

/// The parts of an assessment that are looked at; what is not named here is passed over.
#[derive(Deserialize)]
struct Lean {
    scope: LeanScope,
    #[serde(deserialize_with = "few")]
    coverage: Vec<LeanSource>,
    #[serde(deserialize_with = "controls")]
    controls: Vec<(RecordControl, Vec<LeanAnswer>)>,
    #[serde(deserialize_with = "few")]
    paragraphs: Vec<LeanParagraph>,
    #[serde(default)]
    people: Option<LeanPeople>,
}

#[derive(Deserialize)]
struct LeanScope {
    source: ScopeSource,
    sha256: String,
    #[serde(deserialize_with = "few")]
    ephi_namespaces: Vec<String>,
    #[serde(deserialize_with = "few")]
    other_namespaces: Vec<String>,
    #[serde(default, deserialize_with = "roles")]
    roles: BTreeMap<String, ScopeRole>,
}

#[derive(Deserialize)]
struct LeanSource {
    source: SourceId,
    state: String,
    #[serde(default)]
    needed_by: Vec<String>,
    #[serde(default)]
    left_out: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct LeanControl {
    id: String,
    version: u32,
    title: String,
    severity: Severity,
    paragraphs: Vec<String>,
    outcome: OutcomeWord,
    #[serde(default, deserialize_with = "few")]
    parameters: Vec<ParameterValue>,
    unknown: u64,
    #[serde(default)]
    undecided: Option<Undecided>,
    unseen: Vec<IgnoredAny>,
    #[serde(deserialize_with = "findings")]
    findings: Vec<RecordFinding>,
    #[serde(default, deserialize_with = "few")]
    answers: Vec<LeanAnswer>,
}

#[derive(Deserialize)]
struct LeanFinding {
    fingerprint: String,
    statement: String,
    subject: ObjectRef,
    #[serde(default)]
    waiver: Option<LeanWaiver>,
}

/// States of a source that was asked for and came whole, or was not asked for.
const WHOLE: [&str; 3] = ["read", "not_served", "not_requested"];

/// Things of one kind that a record holds: ten times those of a large cluster. More would take memory, and be no record.
const MOST_THINGS: usize = 200_000;
/// Bytes of the texts of all findings: with more the summary would be larger than any.
const MOST_TEXT: u64 = MOST_SUMMARY;

/// What is kept of the elements of an array, one after the other, while it is not too much. `weigh` says how many things it is, and how
/// many bytes.
fn kept<'de, D: Deserializer<'de>, L: Deserialize<'de>, T>(
    from: D,
    keep: impl Fn(L) -> T,
    weigh: impl Fn(&T) -> (usize, u64),
) -> Result<Vec<T>, D::Error> {
    struct All<L, K, W>(K, W, PhantomData<L>);
    impl<'de, L: Deserialize<'de>, T, K: Fn(L) -> T, W: Fn(&T) -> (usize, u64)> Visitor<'de> for All<L, K, W> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let Self(keep, weigh, _) = self;
            let (mut kept, mut things, mut text) = (Vec::new(), 0_usize, 0_u64);
            while let Some(one) = all.next_element::<L>()? {
                let one = keep(one);
                let (more, bytes) = weigh(&one);
                (things, text) = (things.saturating_add(more), text.saturating_add(bytes));
                if things > MOST_THINGS || text > MOST_TEXT {
                    return Err(A::Error::custom("it holds more than any record does"));
                }
                kept.push(one);
            }
            Ok(kept)
        }
    }
    from.deserialize_seq(All(keep, weigh, PhantomData))
}

pub(super) fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    kept(from, |one: T| one, |_| (1, 0))
}

fn roles<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, ScopeRole>, D::Error> {
    struct Roles;
    impl<'de> Visitor<'de> for Roles {
        type Value = BTreeMap<String, ScopeRole>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("namespaces with what they do with ePHI")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let mut roles = BTreeMap::new();
            while let Some((namespace, role)) = all.next_entry()? {
                if roles.len() == MOST_THINGS {
                    return Err(A::Error::custom("it holds more than any record does"));
                }
                roles.insert(namespace, role);
            }
            Ok(roles)
        }
    }
    from.deserialize_map(Roles)
}

fn findings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<RecordFinding>, D::Error> {
    kept(from, |finding: LeanFinding| RecordFinding::from(finding), |finding: &RecordFinding| (1, finding.text()))
}

fn controls<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(RecordControl, Vec<LeanAnswer>)>, D::Error> {
    let keep = |mut control: LeanControl| {
        let answers = std::mem::take(&mut control.answers);
        (RecordControl::from(control), answers)
    };
    kept(from, keep, |(control, answers)| {
        (1 + control.findings.len() + answers.len(), control.findings.iter().map(RecordFinding::text).sum())
    })
}

/// Controls of a record as a summary holds them.
fn stored<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<RecordControl>, D::Error> {
    kept(from, |control: RecordControl| control, |control| (1 + control.findings.len(), 0))
}

impl RecordFinding {
    /// Bytes of its texts.
    fn text(&self) -> u64 {
        (self.fingerprint.len() + self.statement.len() + self.object.len()) as u64
    }
}

impl From<LeanFinding> for RecordFinding {
    fn from(finding: LeanFinding) -> Self {
        Self {
            fingerprint: finding.fingerprint,
            statement: finding.statement,
            object: finding.subject.to_string(),
            waiver: finding.waiver.map(Waived::from),
        }
    }
}

impl Record {
    /// Sources that a control needs or looks at and that did not come whole. Bundles of older versions do not say for which control: then
    /// all of them.
    pub fn missing_for<'a>(&'a self, control: &'a RecordControl) -> Vec<&'a SourceId> {
        if self.controls.iter().any(|control| !control.missing.is_empty()) {
            return control.missing.iter().collect();
        }
        self.unread.iter().map(|unread| &unread.source).collect()
    }

    /// Of an `assessment.json`, without keeping the rest of it.
    pub fn read(from: impl Read) -> io::Result<Self> {
        let lean: Lean = serde_json::from_reader(BufReader::with_capacity(128 * 1024, from))?;
        Ok(lean.into())
    }

    /// The same of bytes in memory.
    pub fn of(bytes: &[u8]) -> io::Result<Self> {
        let lean: Lean = serde_json::from_slice(bytes)?;
        Ok(lean.into())
    }
}

impl From<Lean> for Record {
    fn from(mut lean: Lean) -> Self {
        let answers: Vec<LeanAnswer> = lean.controls.iter_mut().flat_map(|(_, answers)| std::mem::take(answers)).collect();
        let unread: Vec<LeanSource> =
            lean.coverage.into_iter().filter(|source| !WHOLE.contains(&source.state.as_str()) || !source.left_out.is_empty()).collect();
        let mut missing: BTreeMap<String, Vec<SourceId>> = BTreeMap::new();
        for source in &unread {
            source.needed_by.iter().for_each(|id| missing.entry(id.clone()).or_default().push(source.source.clone()));
        }
        let control = |(mut control, _): (RecordControl, Vec<LeanAnswer>)| {
            control.missing = missing.get(&control.id).cloned().unwrap_or_default();
            control.missing.sort();
            control
        };
        Self {
            scope: RecordScope {
                source: lean.scope.source,
                sha256: lean.scope.sha256,
                ephi: lean.scope.ephi_namespaces.len() as u64,
                other: lean.scope.other_namespaces.len() as u64,
                ephi_namespaces: lean.scope.ephi_namespaces,
                other_namespaces: lean.scope.other_namespaces,
                roles: lean.scope.roles,
            },
            unread: unread.iter().map(|source| RecordSource { source: source.source.clone(), state: source.state.clone() }).collect(),
            controls: lean.controls.into_iter().map(control).collect(),
            people: lean.people.map(|people| RecordPeople::of(people, &answers, lean.paragraphs)),
        }
    }
}

impl From<LeanControl> for RecordControl {
    fn from(control: LeanControl) -> Self {
        let whole = match control.outcome {
            OutcomeWord::Pass | OutcomeWord::NotApplicable => true,
            OutcomeWord::Fail => control.unseen.is_empty() && control.unknown == 0,
            OutcomeWord::NotAssessed | OutcomeWord::Manual => false,
        };
        Self {
            id: control.id,
            version: control.version,
            title: control.title,
            severity: control.severity,
            paragraphs: control.paragraphs,
            outcome: control.outcome,
            parameters: control.parameters.into_iter().filter(ParameterValue::is_set).map(|one| (one.name, one.value)).collect(),
            whole,
            undecided: control.undecided.filter(|_| !whole),
            missing: Vec::new(),
            findings: control.findings,
        }
    }
}
