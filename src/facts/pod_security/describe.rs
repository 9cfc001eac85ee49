//! What a check collects while it looks, and the words it is told in.

use std::collections::BTreeSet;

use super::Violation;

/// How many values are spelled out in a message; hostile objects can hold thousands.
const SPELLED_OUT: usize = 5;

/// Places and values that fail one check.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pointers: Vec<String>,
    annotations: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Failures {
    /// A place whose value needs no spelling out.
    pub(super) fn at(&mut self, pointer: impl Into<String>) {
        self.pointers.push(pointer.into());
    }

    /// A place and the value found there.
    pub(super) fn value_at(&mut self, pointer: impl Into<String>, value: impl Into<String>) {
        self.pointers.push(pointer.into());
        self.values.insert(value.into());
    }

    /// An annotation and its value.
    pub(super) fn annotation(&mut self, key: &str, value: &str) {
        self.annotations.insert(key.to_owned());
        self.values.insert(value.to_owned());
    }

    /// `None` when nothing failed, otherwise the failures told with `words`; values follow after a colon.
    pub(super) fn told(self, words: &str) -> Option<Found> {
        if self.pointers.is_empty() && self.annotations.is_empty() {
            return None;
        }
        let message = match quoted(&self.values) {
            Some(values) => format!("{words}: {values}"),
            None => words.to_owned(),
        };
        Some(Found { message, pointers: self.pointers, annotations: self.annotations.into_iter().collect() })
    }
}

/// A failed check that does not yet know its identifier.
#[derive(Debug)]
pub(super) struct Found {
    message: String,
    pointers: Vec<String>,
    annotations: Vec<String>,
}

impl Found {
    /// The same failure with more places and words of another part of the check.
    pub(super) fn and(mut self, more: Option<Self>) -> Self {
        if let Some(more) = more {
            self.message = format!("{}; {}", self.message, more.message);
            self.pointers.extend(more.pointers);
            self.annotations.extend(more.annotations);
        }
        self
    }

    pub(super) fn into_violation(self, check: &'static str) -> Violation {
        Violation { check, message: self.message, pointers: self.pointers, annotations: self.annotations }
    }
}

/// The first values, each in quotes with control and invisible characters escaped, then how many are left out.
fn quoted(values: &BTreeSet<String>) -> Option<String> {
    if values.is_empty() {
        return None;
    }
    let shown: Vec<String> = values.iter().take(SPELLED_OUT).map(|value| format!("{value:?}")).collect();
    let shown = shown.join(", ");
    let left = values.len().saturating_sub(SPELLED_OUT);
    Some(if left == 0 { shown } else { format!("{shown} and {left} more") })
}
