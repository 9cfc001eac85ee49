//! Files of the workspace that answers and decisions name.

use super::Context;
use super::fields::{Fields, Placed, Reading, shown};
use super::node::{Node, Value};
use crate::catalog::lint::Problems;

/// What was found under the name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedState {
    /// A file with this digest.
    There {
        /// SHA-256.
        sha256: String,
    },
    /// Nothing that can be read; why.
    Missing(String),
    /// Something that must not be read, such as a link that leaves the workspace; why.
    Refused(String),
}

/// A file that is named as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its path below the workspace.
    pub file: String,
    /// Its digest, as it was written down or as it is.
    pub sha256: Option<String>,
    /// What it is, in words.
    pub title: Option<String>,
    /// Why it does not show what it was to show: it is not there, or was changed.
    pub broken: Option<String>,
}

/// What is wrong with a path by itself.
fn odd(path: &str) -> Option<&'static str> {
    if path.starts_with('/') || path.contains('\\') || path.chars().any(char::is_control) {
        Some("it is to be a path below the workspace, such as evidence/review.pdf")
    } else if path.split('/').any(|part| matches!(part, ".." | "." | "")) {
        Some("it leads out of the workspace or goes by ways that do; write it as evidence/review.pdf")
    } else {
        None
    }
}

/// The files of the key, which are `{file, sha256, title}` each.
pub(super) fn read(fields: &mut Fields, key: &'static str, reading: &mut Reading<'_>, context: &Context<'_>) -> Vec<Attached> {
    let Some(value) = fields.take(key) else { return Vec::new() };
    let items = reading.list(value, key);
    items.into_iter().filter_map(|item| one(item, key, reading, context)).collect()
}

fn one(item: Value, key: &'static str, reading: &mut Reading<'_>, context: &Context<'_>) -> Option<Attached> {
    let mut fields = reading.map(item, &format!("an entry of `{key}`"))?;
    let file = fields.text("file", reading);
    let sha256 = fields.text("sha256", reading).and_then(|digest| checked_digest(digest, reading));
    let title = fields.text("title", reading).map(|title| title.value);
    let file = fields.needed(file, "file", reading);
    fields.finish(reading);
    let file = file?;
    let broken = state(&file, sha256.as_ref(), reading, context)?;
    let as_is = match context.attached.get(&file.value) {
        Some(AttachedState::There { sha256 }) => Some(sha256.clone()),
        _ => None,
    };
    Some(Attached { file: file.value, sha256: sha256.map(|digest| digest.value).or(as_is), title, broken })
}

fn checked_digest(digest: Placed<String>, reading: &mut Reading<'_>) -> Option<Placed<String>> {
    let is_hex = digest.value.len() == 64 && digest.value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex {
        return Some(digest);
    }
    reading.wrong(digest.place, "`sha256` is not 64 lower-case hex digits, as `sha256sum` prints them");
    None
}

/// `Some(None)` where the file is what it is said to be; `Some(why)` where it is not and that is allowed.
fn state(
    file: &Placed<String>,
    digest: Option<&Placed<String>>,
    reading: &mut Reading<'_>,
    context: &Context<'_>,
) -> Option<Option<String>> {
    if let Some(why) = odd(&file.value) {
        reading.wrong(file.place, format!("`{}`: {why}", shown(&file.value)));
        return None;
    }
    let (place, why) = match (context.attached.get(&file.value), digest) {
        (Some(AttachedState::There { sha256 }), Some(said)) if *sha256 != said.value => {
            (said.place, "it was changed: its digest is not the one that is written here".to_owned())
        }
        (Some(AttachedState::There { .. }), _) => return Some(None),
        (Some(AttachedState::Refused(why)), _) => {
            reading.wrong(file.place, format!("the file {} is not read: {why}", shown(&file.value)));
            return None;
        }
        (Some(AttachedState::Missing(why)), _) => (file.place, format!("it cannot be read: {why}")),
        (None, _) => (file.place, "it was not looked for".to_owned()),
    };
    if !context.allow_missing {
        reading.wrong(
            place,
            format!("the file {}: {why} (--allow-missing-evidence goes on and counts it on the first page)", shown(&file.value)),
        );
        return None;
    }
    Some(Some(why))
}

/// Every `file` of `evidence` and `documents` in a text.
pub(super) fn named(text: &str) -> Vec<String> {
    let mut problems = Problems::default();
    let mut reading = Reading { file: "", problems: &mut problems };
    let Some(mut fields) = reading.document(text) else { return Vec::new() };
    let lists = ["evidence", "documents"].map(|key| fields.take(key));
    let mut named = Vec::new();
    for list in lists.into_iter().flatten() {
        for item in reading.list(list, "") {
            if let Node::Map(entries) = item.value {
                let files = entries.into_iter().filter(|(key, _)| key.value == "file").map(|(_, value)| value.value);
                named.extend(files.filter_map(|value| match value {
                    Node::Text(path) => Some(path.trim().to_owned()).filter(|path| odd(path).is_none()),
                    _ => None,
                }));
            }
        }
    }
    named
}
