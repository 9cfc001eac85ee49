//! The shape of `assessment.json` where it differs from what the program works with, and what a file must meet to be shown again: a report
//! says nothing that its file does not prove.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Assessment, BenchmarkItem, Finding, LookedAt, Outcome, OutcomeCounts, OutcomeWord, Proof, Question, Severity, SeverityCounts, Unseen,
};
use crate::model::NonEmpty;

/// One control with its outcome.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ControlResult<'a> {
    /// Stable id, `area/name`.
    id: Cow<'a, str>,
    /// Version of its meaning.
    version: u32,
    /// The check as a fact that ought to hold.
    title: Cow<'a, str>,
    /// Severity of its findings.
    severity: Severity,
    /// The id's first part.
    area: Cow<'a, str>,
    /// The table it looks at; empty for questions.
    table: Cow<'a, str>,
    /// The outcome.
    outcome: OutcomeWord,
    /// Paragraphs it is evidence for.
    paragraphs: Cow<'a, [String]>,
    /// Items of the benchmark that it speaks to.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    benchmark: Cow<'a, [BenchmarkItem]>,
    /// Why it matters, in one or two sentences.
    because: Cow<'a, str>,
    /// What to change.
    fix: Cow<'a, str>,
    /// What the check does not show.
    limits: Cow<'a, str>,
    /// Whether only namespaces with ePHI were looked at (`ephi`) or everything (`cluster`); empty for questions.
    looked_at: LookedAt,
    /// What is counted below, in the plural: `workloads`, `containers`, `namespaces`, ...; empty for questions.
    #[serde(default)]
    counts: Cow<'a, str>,
    /// What things that do not meet the check are doing: "`failed` of `examined` `counts` `fails`" is a sentence.
    #[serde(default)]
    fails: Cow<'a, str>,
    /// Things in scope.
    examined: u64,
    /// Things that fail.
    failed: u64,
    /// Things that could not be decided.
    unknown: u64,
    /// The findings, in a fixed order.
    findings: Cow<'a, [Finding]>,
    /// For a pass and for not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<Cow<'a, Proof>>,
    /// What was not seen; also present on a fail that might be larger than what was seen.
    unseen: Cow<'a, [Unseen]>,
    /// For manual controls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    question: Option<Cow<'a, Question>>,
}

impl Serialize for super::ControlResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ControlResult::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for super::ControlResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(ControlResult::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for super::ControlResult {
    fn schema_name() -> Cow<'static, str> {
        ControlResult::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        ControlResult::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ControlResult::json_schema(generator)
    }
}

impl<'a> From<&'a super::ControlResult> for ControlResult<'a> {
    fn from(control: &'a super::ControlResult) -> Self {
        Self {
            id: Cow::Borrowed(&control.id),
            version: control.version,
            title: Cow::Borrowed(&control.title),
            severity: control.severity,
            area: Cow::Borrowed(&control.area),
            table: Cow::Borrowed(&control.table),
            outcome: control.word(),
            paragraphs: Cow::Borrowed(&control.paragraphs),
            benchmark: Cow::Borrowed(&control.benchmark),
            because: Cow::Borrowed(&control.because),
            fix: Cow::Borrowed(&control.fix),
            limits: Cow::Borrowed(&control.limits),
            looked_at: control.looked_at,
            counts: Cow::Borrowed(&control.counts),
            fails: Cow::Borrowed(&control.fails),
            examined: control.examined,
            failed: control.failed,
            unknown: control.unknown,
            findings: Cow::Borrowed(control.findings()),
            proof: control.proof().map(Cow::Borrowed),
            unseen: Cow::Borrowed(control.unseen()),
            question: control.question().map(Cow::Borrowed),
        }
    }
}

/// A file says what cannot be so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A control's outcome and what it rests on do not agree.
    #[error("control {control} is said to be {outcome} {why}")]
    Outcome {
        /// Its id.
        control: String,
        /// What the file says.
        outcome: &'static str,
        /// What does not agree with it.
        why: &'static str,
    },
    /// A number is not that of what it counts.
    #[error("{what} {said} and the file holds {held}")]
    Count {
        /// Which number.
        what: String,
        /// What the file says.
        said: String,
        /// What it holds.
        held: String,
    },
    /// Something that should stand in the file does not, or stands there twice.
    #[error("{0}")]
    Reference(String),
}

impl TryFrom<ControlResult<'_>> for super::ControlResult {
    type Error = Contradiction;

    fn try_from(saved: ControlResult<'_>) -> Result<Self, Contradiction> {
        let said = saved.outcome;
        let wrong = |why| Contradiction::Outcome { control: saved.id.to_string(), outcome: said.label(), why };
        let refuse = |is: bool, why| if is { Err(wrong(why)) } else { Ok(()) };
        let complete = |proof: &Proof| {
            refuse(proof.examined != saved.examined, "and its proof counts other things than it examined")?;
            refuse(proof.sources.iter().any(|source| !source.state.is_complete()), "on a source that was not read to its end")?;
            refuse(!saved.unseen.is_empty() || saved.unknown > 0, "with something that was not seen")
        };
        if said != OutcomeWord::Fail {
            refuse(!saved.findings.is_empty() || saved.failed > 0, "with findings")?;
        }
        refuse(said != OutcomeWord::Manual && saved.question.is_some(), "with a question to a person")?;
        refuse(!matches!(said, OutcomeWord::Pass | OutcomeWord::NotApplicable) && saved.proof.is_some(), "with a proof")?;
        let outcome = match said {
            OutcomeWord::Pass => {
                let proof = saved.proof.ok_or_else(|| wrong("without a proof"))?.into_owned();
                refuse(proof.examined == 0, "and examined nothing")?;
                complete(&proof)?;
                Outcome::Pass(proof)
            }
            OutcomeWord::NotApplicable => {
                let proof = saved.proof.ok_or_else(|| wrong("without a proof"))?.into_owned();
                refuse(proof.examined > 0, "and examined something")?;
                complete(&proof)?;
                Outcome::NotApplicable(proof)
            }
            OutcomeWord::Fail => {
                let findings = NonEmpty::new(saved.findings.into_owned()).ok_or_else(|| wrong("without a finding"))?;
                let without = findings.as_slice().iter().any(|finding| finding.evidence.is_empty());
                refuse(without, "with a finding that has no evidence")?;
                refuse(saved.failed == 0 || saved.failed > saved.examined, "and counts otherwise")?;
                Outcome::Fail(findings, saved.unseen.into_owned())
            }
            OutcomeWord::NotAssessed => {
                Outcome::NotAssessed(NonEmpty::new(saved.unseen.into_owned()).ok_or_else(|| wrong("without a reason"))?)
            }
            OutcomeWord::Manual => Outcome::Manual(saved.question.ok_or_else(|| wrong("without a question"))?.into_owned()),
        };
        Ok(Self {
            id: saved.id.into_owned(),
            version: saved.version,
            title: saved.title.into_owned(),
            severity: saved.severity,
            area: saved.area.into_owned(),
            table: saved.table.into_owned(),
            paragraphs: saved.paragraphs.into_owned(),
            benchmark: saved.benchmark.into_owned(),
            because: saved.because.into_owned(),
            fix: saved.fix.into_owned(),
            limits: saved.limits.into_owned(),
            looked_at: saved.looked_at,
            counts: saved.counts.into_owned(),
            fails: saved.fails.into_owned(),
            examined: saved.examined,
            failed: saved.failed,
            unknown: saved.unknown,
            outcome,
        })
    }
}

/// Whether the numbers of an assessment are those of what stands in it.
pub fn agrees(assessment: &Assessment) -> Result<(), Contradiction> {
    let mut words: BTreeMap<&str, OutcomeWord> = BTreeMap::new();
    let (mut outcomes, mut findings) = (OutcomeCounts::default(), SeverityCounts::default());
    for control in &assessment.controls {
        if words.insert(&control.id, control.word()).is_some() {
            return Err(Contradiction::Reference(format!("control {} stands there twice", control.id)));
        }
        outcomes.add(control.word());
        control.findings().iter().for_each(|finding| findings.add(finding.severity));
    }
    let totals = &assessment.totals;
    let mut sources: BTreeMap<String, u64> = BTreeMap::new();
    assessment.coverage.iter().for_each(|source| *sources.entry(source.state.word().to_owned()).or_default() += 1);
    same("the totals count controls as", &totals.controls, &outcomes)?;
    same("the totals count findings as", &totals.findings, &findings)?;
    same("the totals count sources as", &totals.sources, &sources)?;
    for paragraph in &assessment.paragraphs {
        let mut counts = OutcomeCounts::default();
        for support in &paragraph.controls {
            let word = words.get(support.control.as_str()).ok_or_else(|| {
                Contradiction::Reference(format!(
                    "paragraph {} names control {}, which does not stand there",
                    paragraph.id, support.control
                ))
            })?;
            counts.add(*word);
        }
        same(&format!("paragraph {} counts controls as", paragraph.id), &paragraph.counts, &counts)?;
    }
    Ok(())
}

fn same<T: PartialEq + Serialize>(what: &str, said: &T, held: &T) -> Result<(), Contradiction> {
    if said == held {
        return Ok(());
    }
    let text = |value: &T| serde_json::to_string(value).unwrap_or_else(|why| why.to_string());
    Err(Contradiction::Count { what: what.to_owned(), said: text(said), held: text(held) })
}
