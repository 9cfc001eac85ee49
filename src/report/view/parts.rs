//! Small pieces that several chapters show.

use serde::Serialize;

use crate::model::{ControlResult, FactValue, Facts, ObjectRef, OutcomeCounts, OutcomeWord, SourceCoverage, SourceState};

/// An outcome with its word and its shape.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Mark {
    key: &'static str,
    label: &'static str,
    shape: &'static str,
}

impl Mark {
    /// The word that style sheets know it by.
    pub(super) fn key(&self) -> &'static str {
        self.key
    }
    /// Beside a citation: the same shape in no colour of good or bad, and other words.
    pub(super) fn cited(outcome: OutcomeWord) -> Self {
        let key = match outcome {
            OutcomeWord::Fail => "noted",
            OutcomeWord::NotAssessed => "unexamined",
            OutcomeWord::Manual => "asked",
            OutcomeWord::Pass => "none",
            OutcomeWord::NotApplicable => "nothing",
        };
        Self { key, label: outcome.cited(), shape: outcome.shape() }
    }
    pub(super) fn of(outcome: OutcomeWord) -> Self {
        let key = match outcome {
            OutcomeWord::Fail => "fail",
            OutcomeWord::NotAssessed => "blind",
            OutcomeWord::Manual => "manual",
            OutcomeWord::Pass => "pass",
            OutcomeWord::NotApplicable => "na",
        };
        Self { key, label: outcome.label(), shape: outcome.shape() }
    }
}

/// The number of controls of one outcome.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Count {
    mark: Mark,
    count: u64,
}

/// All five, in the fixed order.
pub(super) fn counts(counts: &OutcomeCounts) -> Vec<Count> {
    OutcomeWord::ALL.into_iter().map(|outcome| Count { mark: Mark::of(outcome), count: counts.get(outcome) }).collect()
}

/// A link to another part of the document: its number (printed, where links cannot be followed), anchor and words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Ref {
    pub(super) number: String,
    pub(super) anchor: String,
    pub(super) text: String,
}

/// A digest: its first twelve digits, and the whole.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Digest {
    short: String,
    whole: String,
}

impl Digest {
    /// Of its 64 hex digits.
    pub(crate) fn new(whole: &str) -> Self {
        Self { short: whole.chars().take(12).collect(), whole: whole.to_owned() }
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Object {
    kind: String,
    namespace: Option<String>,
    name: String,
    uid: Option<String>,
}

impl Object {
    pub(super) fn new(object: &ObjectRef) -> Self {
        Self { kind: object.kind.clone(), namespace: object.namespace.clone(), name: object.name.clone(), uid: object.uid.clone() }
    }
}

/// One field with its value.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fact {
    name: String,
    value: String,
}

/// The fields that say more than the object's own name does, without those in `shared`.
pub(super) fn facts(facts: &Facts, subject: &ObjectRef, shared: &Facts) -> Vec<Fact> {
    let said = |name: &str, value: &FactValue| {
        let FactValue::Text(value) = value else { return false };
        match name {
            "namespace" => subject.namespace.as_ref() == Some(value),
            "name" => subject.name == *value,
            "workload" => value.split_once('/') == Some((subject.kind.as_str(), subject.name.as_str())),
            _ => false,
        }
    };
    facts
        .iter()
        .filter(|(name, value)| !said(name, value) && !shared.contains_key(*name))
        .map(|(name, value)| Fact { name: name.replace('_', " "), value: value.to_string() })
        .collect()
}

/// The fields that have the same value in all of several.
pub(super) fn shared<'a>(mut all: impl Iterator<Item = &'a Facts>) -> Facts {
    let (Some(first), Some(second)) = (all.next(), all.next()) else { return Facts::new() };
    let mut shared = first.clone();
    for other in std::iter::once(second).chain(all) {
        shared.retain(|name, value| other.get(name) == Some(value));
    }
    shared
}

/// The state of a source in words, with the shape that outcomes of the same meaning have.
#[derive(Clone, Debug, Serialize)]
pub(super) struct State {
    key: &'static str,
    shape: &'static str,
    label: &'static str,
}

impl State {
    pub(super) fn label(&self) -> &'static str {
        self.label
    }
    /// The same of a source of which objects may have been left out.
    pub(super) fn of_source(source: &SourceCoverage) -> Self {
        match source.state {
            SourceState::Read { .. } if !source.left_out.is_empty() => Self::marked(OutcomeWord::NotAssessed, "read but for some objects"),
            _ => Self::of(&source.state),
        }
    }
    pub(super) fn of(state: &SourceState) -> Self {
        let (mark, label) = match state {
            SourceState::Read { .. } => (OutcomeWord::Pass, "read"),
            SourceState::NotServed => (OutcomeWord::NotApplicable, "not served"),
            SourceState::NotRequested { .. } => (OutcomeWord::NotApplicable, "not asked"),
            SourceState::Partial { .. } => (OutcomeWord::NotAssessed, "read in part"),
            SourceState::Forbidden { .. } => (OutcomeWord::NotAssessed, "denied"),
            SourceState::Stale { .. } => (OutcomeWord::NotAssessed, "stale"),
            SourceState::Failed { .. } => (OutcomeWord::NotAssessed, "failed"),
        };
        Self::marked(mark, label)
    }
    fn marked(mark: OutcomeWord, label: &'static str) -> Self {
        let Mark { key, shape, .. } = Mark::of(mark);
        Self { key, shape, label }
    }
}

/// Which objects of a source were left out and why, where any were: the first, and how many more.
pub(super) fn left_out(source: &SourceCoverage) -> Option<String> {
    let first = source.left_out.first()?;
    let more = match source.left_out.len() - 1 {
        0 => String::new(),
        more => format!("; {} more", digits(more as u64)),
    };
    Some(format!("left out because it could not be kept: {first} ({}){more}", first.why))
}

/// `2026-11-20T22:41:03Z` as `2026-11-20 22:41:03 UTC`; anything else unchanged.
pub(crate) fn time(rfc3339: &str) -> String {
    match rfc3339.strip_suffix('Z').and_then(|rest| rest.split_once('T')) {
        Some((date, clock)) => format!("{date} {} UTC", clock.split('.').next().unwrap_or(clock)),
        None => rfc3339.to_owned(),
    }
}

/// An anchor that is the same for the same thing in every report: `prefix` and the text with all but letters, digits, `.` and `-`
/// written as `_` and the hexadecimal code; brackets and slashes, common in ids, as `-`.
pub(super) fn anchor(prefix: &str, text: &str) -> String {
    let mut out = format!("{prefix}-");
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '.' || c == '-' => out.push(c),
            '(' | '/' => out.push('-'),
            ')' => {}
            c => out.push_str(&format!("_{:x}", u32::from(c))),
        }
    }
    out
}

/// `1 control`, `12 controls`; thousands are kept apart with a comma.
pub(crate) fn many(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", digits(count), if count == 1 { one } else { several })
}

/// What a control counts, in the plural; assessments of the first days do not say.
pub(super) fn noun(control: &ControlResult) -> &str {
    if control.counts.is_empty() { "objects" } else { &control.counts }
}

/// A number with commas between thousands.
pub(super) fn digits(number: u64) -> String {
    let plain = number.to_string();
    let mut out = String::new();
    for (i, c) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_words() {
        assert_eq!(anchor("p", "164.312(a)(2)(iv)"), "p-164.312-a-2-iv");
        assert_eq!(anchor("c", "a b/c"), "c-a_20b-c");
        assert_eq!(time("2026-11-20T22:41:03.250Z"), "2026-11-20 22:41:03 UTC");
        assert_eq!(digits(1_234_567), "1,234,567");
        assert_eq!(many(1, "control", "controls"), "1 control");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
