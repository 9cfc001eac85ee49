//! The shape of `assessment.json` where it differs from what the program works with, and what a file must meet to be shown again: a report
//! says nothing that its file does not prove.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Answer, Assessment, BenchmarkItem, Finding, LookedAt, Outcome, OutcomeCounts, OutcomeWord, ParameterValue, Proof, Question, Severity,
    SeverityCounts, Undecided, Unseen,
};
use crate::model::{Applies, Claimed, NonEmpty, QuestionCounts, mapping_sha256};

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
    /// Numbers of its that an organization may set, with what counted.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    parameters: Cow<'a, [ParameterValue]>,
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
    /// Which things could not be decided; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undecided: Option<Cow<'a, Undecided>>,
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
    /// What people answered to its question, or about what it did not see: the newest first. No outcome rests on it.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    answers: Cow<'a, [Answer]>,
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
            parameters: Cow::Borrowed(&control.parameters),
            because: Cow::Borrowed(&control.because),
            fix: Cow::Borrowed(&control.fix),
            limits: Cow::Borrowed(&control.limits),
            looked_at: control.looked_at,
            counts: Cow::Borrowed(&control.counts),
            fails: Cow::Borrowed(&control.fails),
            examined: control.examined,
            failed: control.failed,
            unknown: control.unknown,
            undecided: control.undecided.as_ref().map(Cow::Borrowed),
            findings: Cow::Borrowed(control.findings()),
            proof: control.proof().map(Cow::Borrowed),
            unseen: Cow::Borrowed(control.unseen()),
            question: control.question().map(Cow::Borrowed),
            answers: Cow::Borrowed(&control.answers),
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
            parameters: saved.parameters.into_owned(),
            because: saved.because.into_owned(),
            fix: saved.fix.into_owned(),
            limits: saved.limits.into_owned(),
            looked_at: saved.looked_at,
            counts: saved.counts.into_owned(),
            fails: saved.fails.into_owned(),
            examined: saved.examined,
            failed: saved.failed,
            unknown: saved.unknown,
            undecided: saved.undecided.map(Cow::into_owned),
            outcome,
            answers: saved.answers.into_owned(),
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
    let again: BTreeMap<&str, OutcomeWord> =
        assessment.proposed.iter().flat_map(|section| &section.asked_again).map(|one| (one.control.as_str(), one.outcome)).collect();
    let proposed = assessment.proposed.iter().flat_map(|section| &section.paragraphs).map(|paragraph| (paragraph, true));
    for (paragraph, proposed) in assessment.paragraphs.iter().map(|paragraph| (paragraph, false)).chain(proposed) {
        let mut counts = OutcomeCounts::default();
        for support in &paragraph.controls {
            let word = words.get(support.control.as_str()).ok_or_else(|| {
                Contradiction::Reference(format!(
                    "paragraph {} names control {}, which does not stand there",
                    paragraph.id, support.control
                ))
            })?;
            // With the numbers of a proposed rule it is asked again.
            let word = again.get(support.control.as_str()).filter(|_| proposed && !support.parameters.is_empty()).unwrap_or(word);
            // What concerns nobody, as far as people declared it, has no outcomes.
            if paragraph.applies.is_yes() {
                counts.add(*word);
            }
        }
        same(&format!("paragraph {} counts controls as", paragraph.id), &paragraph.counts, &counts)?;
    }
    mappings(assessment)?;
    scope(assessment)?;
    if let Some(people) = &assessment.people {
        let mut counts = QuestionCounts::default();
        people.asked.iter().for_each(|question| counts.add(question.state));
        same("what people handed in counts questions as", &people.questions, &counts)?;
    }
    Ok(())
}

/// Whether the paragraphs are those of the mapping that is named, and concern whom the declaration says.
fn mappings(assessment: &Assessment) -> Result<(), Contradiction> {
    let main = assessment.mapping.iter().map(|mapping| (mapping, assessment.paragraphs.as_slice()));
    let proposed = assessment.proposed.iter().map(|section| (&section.mapping, section.paragraphs.as_slice()));
    for (mapping, paragraphs) in main.chain(proposed) {
        let held = mapping_sha256(paragraphs.iter().map(Claimed::from));
        same(&format!("the mapping {} has the digest", mapping.id), &mapping.sha256, &held)?;
    }
    let entity = assessment.declarations.as_ref().and_then(|declared| declared.entity).unwrap_or_default();
    for paragraph in &assessment.paragraphs {
        same(
            &format!("paragraph {} says of whom it concerns", paragraph.id),
            &paragraph.applies,
            &Applies::of(paragraph.condition, entity),
        )?;
    }
    Ok(())
}

/// Whether each namespace has one place.
fn scope(assessment: &Assessment) -> Result<(), Contradiction> {
    let scope = &assessment.scope;
    let within = |name: &String| scope.ephi_namespaces.contains(name);
    if let Some(name) = scope.roles.keys().find(|name| !within(name)) {
        return Err(Contradiction::Reference(format!("the scope gives {name} a role, which is not in scope")));
    }
    if let Some(name) = scope.other_namespaces.iter().find(|name| within(name)) {
        return Err(Contradiction::Reference(format!("the scope holds {name} both in and out of scope")));
    }
    if let Some(one) = scope.undeclared.iter().find(|one| !scope.other_namespaces.contains(&one.namespace)) {
        return Err(Contradiction::Reference(format!("the scope calls {} undeclared, which is not among the others", one.namespace)));
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
