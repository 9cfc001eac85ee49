//! What if: manifests laid over a snapshot, as if they had been applied and controllers had done their work.
//!
//! Nothing is simulated that only a server can know: what admission would refuse or change, and which fields it would not let be changed.

mod aggregate;
mod defaults;
mod follow;
mod merge;
mod state;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::CliError;
use super::inputs::read_file;
use crate::collect::{Manifest, NotStored, manifests, source_of, stored_object};
use crate::digest::sha256_hex;
use crate::model::sources::PODS;
use crate::model::{Hypothetical, LaidFile, LaidNote, ObjectRef, SourceId, SourceState};
use crate::snapshot::Snapshot;
use state::{State, object_ref};

/// No file of manifests comes near this.
const MOST: u64 = 64 * 1024 * 1024;
/// Files in a folder.
const MOST_FILES: usize = 10_000;
/// Where objects lie that do not say where, as for kubectl.
const DEFAULT_NAMESPACE: &str = "default";

/// Why manifests cannot be laid over a snapshot: everything that is wrong with all of them.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// Files or objects that are wrong.
    #[error("the manifests have {} problem(s):\n{}", .0.len(), .0.iter().map(|one| format!("  {one}")).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<String>),
    /// Nothing to lay.
    #[error("{} holds no manifest: no file that ends in .yaml, .yml or .json with an object in it", .0.display())]
    Empty(PathBuf),
}

impl WhatIfError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Problems(_) => {
                "Correct them; nothing was assessed. `kubectl apply --dry-run=server` asks a server what it would refuse.".to_owned()
            }
            Self::Empty(_) => {
                "Name the file or the folder that holds the manifests; folders in it are not looked into, as for kubectl.".to_owned()
            }
        }
    }
}

/// An object of a file, with the words by which problems name it.
struct One {
    manifest: Manifest,
    place: String,
}

/// A snapshot with the manifests of these files and folders laid over it, and what that is.
pub(super) fn lay(snapshot: &Snapshot, paths: &[PathBuf]) -> Result<(Snapshot, Hypothetical), CliError> {
    let mut problems = Vec::new();
    let (files, objects) = read(paths, &mut problems)?;
    let mut state = State::new(snapshot);
    for one in objects {
        if let Err(problem) = put(&mut state, &one) {
            problems.push(format!("{}: {problem}", one.place));
        }
    }
    problems.extend(state.homeless()?);
    if !problems.is_empty() {
        return Err(WhatIfError::Problems(problems).into());
    }
    aggregate::aggregate(&mut state)?;
    follow::deletions(&mut state)?;
    follow::rollouts(&mut state)?;
    Ok(state.finish(files))
}

/// All files of the paths, in their order, taken apart.
fn read(paths: &[PathBuf], problems: &mut Vec<String>) -> Result<(Vec<LaidFile>, Vec<One>), CliError> {
    let (mut files, mut objects) = (Vec::new(), Vec::new());
    for path in paths {
        let mut found = 0;
        for (file, name) in listed(path)? {
            let bytes = read_file(&file, MOST)?;
            files.push(LaidFile { name: name.clone(), sha256: sha256_hex(&bytes) });
            let Ok(text) = String::from_utf8(bytes) else {
                problems.push(format!("{name}: it is not UTF-8"));
                continue;
            };
            match manifests(&text) {
                Ok(all) => {
                    found += all.len();
                    objects.extend(all.into_iter().map(|manifest| One { place: place(&name, &manifest), manifest }));
                }
                Err(error) => problems.push(format!("{name}: {error}")),
            }
        }
        if found == 0 && problems.is_empty() {
            return Err(WhatIfError::Empty(path.clone()).into());
        }
    }
    Ok((files, objects))
}

fn place(file: &str, manifest: &Manifest) -> String {
    let text = |pointer: &str| manifest.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{file}, document {} ({} {})", manifest.document, text("/kind"), text("/metadata/name"))
}

/// A file, or the files of a folder by name, as kubectl takes them: no folder in it.
fn listed(path: &Path) -> Result<Vec<(PathBuf, String)>, CliError> {
    let name = |path: &Path| path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    if !path.is_dir() {
        return Ok(vec![(path.to_owned(), name(path))]);
    }
    let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(CliError::read(path))?.collect();
    let mut files: Vec<PathBuf> = entries.map_err(CliError::read(path))?.into_iter().map(|entry| entry.path()).collect();
    let is_manifest =
        |file: &PathBuf| file.is_file() && file.extension().is_some_and(|end| ["yaml", "yml", "json"].contains(&&*end.to_string_lossy()));
    files.retain(is_manifest);
    files.sort();
    if files.len() > MOST_FILES {
        return Err(WhatIfError::Problems(vec![format!("{}: it holds more than {MOST_FILES} files", path.display())]).into());
    }
    Ok(files.into_iter().map(|file| (file.clone(), name(&file))).collect())
}

/// Lays one object over what is there; an error is a problem of the manifest.
fn put(state: &mut State<'_>, one: &One) -> Result<(), String> {
    let mut object = one.manifest.object.clone();
    state.set_namespace(&mut object);
    let reference = object_ref(&object);
    let note = |state: &mut State<'_>, why: String| {
        state.not_looked_at.push(LaidNote { object: reference.clone(), why });
    };
    let (source, _) = match source_of(&object) {
        Ok(found) => found,
        Err(why @ (NotStored::Unread { .. } | NotStored::Elsewhere { .. })) => {
            note(state, format!("{why}, so that no control looks at it"));
            return Ok(());
        }
        Err(why) => return Err(why.to_string()),
    };
    if let Some(why) = state.unseen(&source, state::text(&object, "/apiVersion"), &reference) {
        note(state, why);
        return Ok(());
    }
    let key = (reference.namespace.clone(), reference.name.clone());
    let there = state.current(&source, &key).map_err(|error| error.to_string())?;
    if one.manifest.delete {
        match there {
            // A pod that somebody deletes is made again; what deletes its owner goes with that.
            Some(object) if source == PODS && follow::is_made_again(&object) => {
                note(state, "who makes it makes it again: the kubelet of its node, or its controller".to_owned());
            }
            Some(_) => {
                state.kinds.entry(source.clone()).or_insert_with(|| reference.kind.clone());
                state.lay(&source, key, None);
            }
            None => note(state, "it is to be deleted, and is not there".to_owned()),
        }
        return Ok(());
    }
    defaults::fill(&mut object);
    let stored = stored_object(&object).map_err(|why| why.to_string())?;
    let mut laid: Value = serde_json::from_str(&stored.json).map_err(|error| error.to_string())?;
    merge::graft(&mut laid, there.as_ref(), &object);
    if let Some(partition) = follow::partition(&source, &object) {
        state.partitions.insert(key.clone(), partition);
    }
    state.kinds.insert(source.clone(), stored.kind);
    state.lay(&source, key, Some(laid));
    Ok(())
}

/// Why nothing can be said of objects of a source; none where they were looked at.
fn unread(source: &SourceId, state: Option<&SourceState>) -> Option<String> {
    match state {
        Some(SourceState::Read { .. } | SourceState::Partial { .. }) => None,
        Some(SourceState::NotServed) => Some(format!("the cluster does not serve {source}: a server would refuse it")),
        Some(other) => Some(format!("{source} was not read ({}), and what is laid over it is not looked at, either", other.word())),
        None => Some(format!("the snapshot does not know {source}")),
    }
}

/// As findings name an object.
fn of(kind: &str, group: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.to_owned(), group: group.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned(), uid: None }
}
