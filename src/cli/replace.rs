//! What `--force` may replace: what this program wrote, and what holds nothing.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use super::error::CliError;
use crate::bundle::{Digested, MANIFEST, is_list};
use crate::model::{RequestRecord, SINCE_SCHEMA};
use crate::report::FORMATS;
use crate::snapshot::is_snapshot;
use crate::snapshot::{DESKTOP, foreign_file};

/// The requests beside the documents.
pub(super) const REQUESTS: &str = "requests.jsonl";
/// Since when findings stand, beside the documents, where there is a store.
pub(super) const SINCE: &str = "since.json";
/// The snapshot beside the documents.
pub(super) const SNAPSHOT: &str = "snapshot";
/// The workspace beside the documents.
pub(super) const WORKSPACE: &str = "workspace";
/// How the names of sheets begin that people fill in.
const SHEETS: &str = "risk-";
/// No list of digests is larger.
const MOST_LIST: u64 = 16 * 1024 * 1024;
/// Any version of our assessments.
const SCHEMA_FAMILY: &str = "kube-hipaa/assessment/";
/// How much of a document is looked at.
const HEAD: u64 = 64 * 1024;

/// An error unless `target` is not there, holds nothing, is a snapshot, or is an evidence folder that holds nothing else.
pub(super) fn replaceable(target: &Path) -> Result<(), CliError> {
    let Ok(metadata) = target.symlink_metadata() else { return Ok(()) };
    let not_ours = |why: String| Err(CliError::NotOurs { path: target.to_owned(), why });
    if metadata.is_symlink() {
        return not_ours("it is a symbolic link".to_owned());
    }
    if metadata.is_file() {
        return if metadata.len() == 0 || is_snapshot(target) { Ok(()) } else { not_ours("it is a file and not a snapshot".to_owned()) };
    }
    if !metadata.is_dir() {
        return not_ours("it is neither a folder nor a file".to_owned());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(target).map_err(CliError::read(target))? {
        names.push(entry.map_err(CliError::read(target))?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !DESKTOP.contains(&name.as_str()));
    names.sort();
    if names.is_empty() {
        return Ok(());
    }
    if is_snapshot(target) {
        return match foreign_file(target) {
            Some(name) => not_ours(format!("beside a snapshot it holds {name}")),
            None => Ok(()),
        };
    }
    let inside = target.join(SNAPSHOT);
    if names.iter().any(|name| name == SNAPSHOT)
        && inside.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
        && let Some(name) = foreign_file(&inside)
    {
        return not_ours(format!("its snapshot folder holds {name}, which is no part of a snapshot"));
    }
    match foreign_in_evidence(target, &names) {
        Some(name) => not_ours(format!("it holds {name}, which is no part of the evidence that kube-hipaa writes")),
        None => Ok(()),
    }
}

/// Whether these words stand near the beginning of a regular file.
pub(super) fn begins_with(path: &Path, mark: &str) -> bool {
    head(path).is_some_and(|text| text.contains(mark))
}

/// An error unless `target` is not there, is an empty file, or one that `is_ours` knows by its beginning.
pub(super) fn replaceable_document(target: &Path, is_ours: fn(&str) -> bool) -> Result<(), CliError> {
    let Ok(metadata) = target.symlink_metadata() else { return Ok(()) };
    if metadata.is_file() && (metadata.len() == 0 || head(target).is_some_and(|text| is_ours(&text))) {
        return Ok(());
    }
    Err(CliError::NotOurs { path: target.to_owned(), why: "it is no such document of kube-hipaa".to_owned() })
}

/// The first of these names in a folder that is not called or does not look like what is written into an evidence folder.
pub(super) fn foreign_in_evidence<'n>(folder: &Path, names: &'n [String]) -> Option<&'n String> {
    names.iter().find(|name| !is_ours(&folder.join(name), name))
}

/// Whether a file or folder of an evidence folder has the name and the look of what is written there.
fn is_ours(path: &Path, name: &str) -> bool {
    if name == SNAPSHOT {
        return path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) && is_snapshot(path);
    }
    if name == WORKSPACE {
        return path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) && is_listed(path);
    }
    match head(path) {
        Some(text) if name == REQUESTS => {
            text.is_empty() || text.lines().next().is_some_and(|line| serde_json::from_str::<RequestRecord>(line).is_ok())
        }
        Some(text) if name == MANIFEST => is_list(&text),
        Some(text) if name == "assessment.json" => is_assessment(&text),
        Some(text) if name == SINCE => text.contains(SINCE_SCHEMA),
        // People write into these sheets: one that is not as it was written is theirs.
        Some(_) if name.starts_with(SHEETS) => is_as_listed(path, name),
        Some(text) => FORMATS.iter().flat_map(|format| format.files()).any(|file| file.name == name && text.contains(file.mark)),
        None => false,
    }
}

/// Whether every file below a folder is named by the list of digests beside it: then this program put it there.
fn is_listed(folder: &Path) -> bool {
    let Some(beside) = folder.parent().map(|parent| parent.join(MANIFEST)) else { return false };
    let Ok(bytes) = super::inputs::read_file(&beside, MOST_LIST) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    let listed: BTreeSet<&str> = text.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name).collect();
    let mut folders = vec![(folder.to_owned(), WORKSPACE.to_owned())];
    while let Some((place, prefix)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&place) else { return false };
        for entry in entries {
            let Ok(entry) = entry else { return false };
            let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push((entry.path(), name)),
                Ok(kind) if kind.is_file() && listed.contains(name.as_str()) => {}
                _ => return false,
            }
        }
    }
    true
}

/// Whether the list of digests beside a file names it with the digest that it has.
fn is_as_listed(path: &Path, name: &str) -> bool {
    let Some(list) = path.parent().map(|parent| parent.join(MANIFEST)) else { return false };
    let Ok(bytes) = super::inputs::read_file(&list, MOST_LIST) else { return false };
    let Ok(digested) = std::fs::File::open(path).and_then(Digested::of) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter_map(|line| line.split_once("  ")).any(|(digest, listed)| listed == name && digest == digested.sha256)
}

/// By the first field, which names the format: the rest may be large.
fn is_assessment(beginning: &str) -> bool {
    let signs = ["{", "\"schema\"", ":", "\""];
    let schema = signs.into_iter().try_fold(beginning, |text, sign| text.trim_start().strip_prefix(sign));
    schema.is_some_and(|schema| schema.starts_with(SCHEMA_FAMILY))
}

/// The beginning of a regular file.
fn head(path: &Path) -> Option<String> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
