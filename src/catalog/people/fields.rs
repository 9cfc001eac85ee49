//! Takes the keys of a file one by one, and gathers everything that is wrong with them.

use serde_saphyr::Spanned;

use super::node::{Node, Value};
use crate::catalog::lint::Problems;

/// Characters of a text. No statement that somebody reads is longer.
const MOST_TEXT: usize = 20_000;
/// Entries of a list.
const MOST_ENTRIES: usize = 15_000;

/// A line and a column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl Place {
    fn of<T>(at: &Spanned<T>) -> Self {
        // Of what stands nowhere (a document without a line), the beginning.
        Self { line: at.referenced.line().max(1), column: at.referenced.column().max(1) }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// A file and what is wrong with it.
pub(in crate::catalog) struct Reading<'f> {
    pub(in crate::catalog) file: &'f str,
    pub(in crate::catalog) problems: &'f mut Problems,
}

impl Reading<'_> {
    pub(in crate::catalog) fn wrong(&mut self, place: Place, message: impl Into<String>) {
        self.problems.placed(self.file, place.line, place.column, message);
    }

    /// The keys of a document; a problem where it is none.
    pub(in crate::catalog) fn document(&mut self, text: &str) -> Option<Fields> {
        match serde_saphyr::from_str::<Value>(text) {
            Ok(value) => self.map(value, "a file"),
            Err(error) => {
                self.problems.yaml(self.file, &error);
                None
            }
        }
    }

    /// A value with keys; `what` has them.
    pub(in crate::catalog) fn map(&mut self, value: Value, what: &str) -> Option<Fields> {
        let place = Place::of(&value);
        match value.value {
            Node::Map(entries) => Some(Fields { place, entries, known: Vec::new(), there: Vec::new() }),
            other => {
                self.wrong(place, format!("here stands {}, and {what} has keys with values", other.what()));
                None
            }
        }
    }

    /// A text that says something, without space around it.
    pub(in crate::catalog) fn text(&mut self, value: Value, what: &str) -> Option<Placed<String>> {
        let place = Place::of(&value);
        match value.value {
            Node::Text(text) if text.chars().count() > MOST_TEXT => {
                self.wrong(place, format!("`{what}` has more than {MOST_TEXT} characters; put the rest into a file under evidence/"));
                None
            }
            Node::Text(text) if text.trim().is_empty() => {
                self.wrong(place, format!("`{what}` says nothing"));
                None
            }
            Node::Text(text) => Some(Placed { value: text.trim().to_owned(), place }),
            Node::Plain(_) => {
                self.wrong(place, format!("`{what}` is a number, or true or false, to YAML; write it in quotes"));
                None
            }
            other => {
                self.wrong(place, format!("`{what}` is {}, and a text is wanted", other.what()));
                None
            }
        }
    }

    /// A date.
    pub(in crate::catalog) fn date(&mut self, value: Value, what: &str) -> Option<Placed<String>> {
        let date = self.text(value, what)?;
        if is_date(&date.value) {
            return Some(date);
        }
        self.wrong(date.place, format!("`{}` is not a date such as 2026-11-28", shown(&date.value)));
        None
    }

    /// A whole number, which may be below zero.
    pub(in crate::catalog) fn integer(&mut self, value: Value, what: &str) -> Option<Placed<i64>> {
        let place = Place::of(&value);
        match &value.value {
            Node::Plain(text) if text.parse::<i64>().is_ok() => text.parse().ok().map(|value| Placed { value, place }),
            _ => {
                self.wrong(place, format!("`{}` is to be a whole number", shown(what)));
                None
            }
        }
    }

    /// The entries of a list.
    pub(in crate::catalog) fn list(&mut self, value: Value, what: &str) -> Vec<Value> {
        let place = Place::of(&value);
        match value.value {
            Node::List(items) if items.len() > MOST_ENTRIES => {
                self.wrong(place, format!("`{what}` has more than {MOST_ENTRIES} entries"));
                Vec::new()
            }
            Node::List(items) => items,
            Node::Nothing => Vec::new(),
            other => {
                self.wrong(place, format!("`{what}` is {}, and a list is wanted", other.what()));
                Vec::new()
            }
        }
    }
}

/// The keys of one part of a file.
pub(in crate::catalog) struct Fields {
    pub(in crate::catalog) place: Place,
    entries: Vec<(Spanned<String>, Value)>,
    known: Vec<&'static str>,
    /// Those of them that say something.
    there: Vec<&'static str>,
}

impl Fields {
    /// The value of a key. A key without a value, or with nothing but space, is as if it were not there: files that are to be filled in
    /// have such.
    pub(in crate::catalog) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, _)| name.value == key)?;
        let (_, value) = self.entries.remove(at);
        let says = match &value.value {
            Node::Nothing => false,
            Node::Text(text) => !text.trim().is_empty(),
            _ => true,
        };
        says.then(|| {
            self.there.push(key);
            value
        })
    }

    /// A whole number.
    pub(in crate::catalog) fn number(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Placed<u32>> {
        let value = self.take(key)?;
        let place = Place::of(&value);
        match &value.value {
            Node::Plain(text) if text.parse::<u32>().is_ok() => text.parse().ok().map(|value| Placed { value, place }),
            _ => {
                reading.wrong(place, format!("`{key}` is to be a whole number"));
                None
            }
        }
    }

    /// `true` or `false`.
    pub(in crate::catalog) fn flag(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<bool> {
        let value = self.take(key)?;
        let place = Place::of(&value);
        match &value.value {
            Node::Plain(text) if text.parse::<bool>().is_ok() => text.parse().ok(),
            _ => {
                reading.wrong(place, format!("`{key}` is to be true or false"));
                None
            }
        }
    }

    /// The keys that are left, each with its value: where users choose the names.
    pub(in crate::catalog) fn rest(self) -> Vec<(Placed<String>, Value)> {
        self.entries.into_iter().map(|(name, value)| (Placed { place: Place::of(&name), value: name.value }, value)).collect()
    }

    /// An optional text.
    pub(in crate::catalog) fn text(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Placed<String>> {
        self.take(key).and_then(|value| reading.text(value, key))
    }

    /// The same, of a date.
    pub(in crate::catalog) fn date(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Placed<String>> {
        self.take(key).and_then(|value| reading.date(value, key))
    }

    /// An optional list of texts, none twice.
    pub(in crate::catalog) fn texts(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Vec<Placed<String>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let mut texts: Vec<Placed<String>> = Vec::new();
        for item in reading.list(value, key) {
            let Some(text) = reading.text(item, key) else { continue };
            if texts.iter().any(|known| known.value == text.value) {
                reading.wrong(text.place, format!("`{}` stands twice", shown(&text.value)));
            } else {
                texts.push(text);
            }
        }
        texts
    }

    /// A text, or several in a list, none twice.
    pub(in crate::catalog) fn one_or_more(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Vec<Placed<String>> {
        let is_list = self.entries.iter().any(|(name, value)| name.value == key && matches!(value.value, Node::List(_)));
        if is_list { self.texts(key, reading) } else { self.text(key, reading).into_iter().collect() }
    }

    /// Whether a key was written, with a value or without, and was not taken yet.
    pub(in crate::catalog) fn is_there(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name.value == key)
    }

    /// Everything that was not asked for is a problem: a misspelt key must not do nothing.
    pub(in crate::catalog) fn finish(self, reading: &mut Reading<'_>) {
        for (name, _) in &self.entries {
            let near = self.known.iter().map(|known| (strsim::osa_distance(known, &name.value), known)).min();
            let meant = match near {
                Some((distance, known)) if distance <= 2 => format!("; did you mean `{known}`?"),
                _ => format!("; there are {}", self.known.join(", ")),
            };
            reading.wrong(Place::of(name), format!("there is no key `{}` here{meant}", shown(&name.value)));
        }
    }

    /// A problem where a key that is needed is not there. What was there and wrong has been said already.
    pub(in crate::catalog) fn needed<T>(&self, value: Option<T>, key: &'static str, reading: &mut Reading<'_>) -> Option<T> {
        if value.is_none() && !self.there.contains(&key) {
            reading.wrong(self.place, format!("`{key}` is missing"));
        }
        value
    }
}

/// For a message: no line of a file is so long that a terminal fills.
pub(in crate::catalog) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// Whether it is a day of the calendar, written as 2026-11-28.
pub fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |text: &str, digits: usize| {
        if text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u32>().ok() } else { None }
    };
    match parts.as_slice() {
        [year, month, day] => {
            let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else { return false };
            let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            let days = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                1..=12 => 31,
                _ => 0,
            };
            year > 0 && (1..=days).contains(&day)
        }
        _ => false,
    }
}
