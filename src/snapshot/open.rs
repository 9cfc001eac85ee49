//! Opening: everything that can be wrong with a snapshot is said here, before anything is assessed.

#![expect(clippy::disallowed_methods, reason = "the archive is files")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::budget::{Budget, MAX_UNPACKED};
use super::store::Store;
use super::{INDEX_FILE, Snapshot, SnapshotError, zipped};
use crate::digest::Hasher;
use crate::model::{SNAPSHOT_FORMAT, SnapshotIndex, SourceRecord, SourceState};

/// An index holds a few hundred bytes per source and per request: more than this is not one of ours.
const MAX_INDEX: u64 = 128 * 1024 * 1024;
/// Those of large clusters have as many bytes.
const USUAL_INDEX: u64 = 4 * 1024 * 1024;
const FORMAT_FAMILY: &str = "kube-hipaa/snapshot/";
/// The record that counts the kinds of a group instead of objects: each kind has a record of its own.
const KINDS: &str = "*";

#[derive(Deserialize)]
struct Head {
    format: Option<String>,
}

impl Snapshot {
    /// Opens a folder or a `.zip` file and verifies every file in it. Refuses what is not a snapshot, another format, and damage.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        Self::verified(store_at(path)?, MAX_UNPACKED)
    }

    /// [`Snapshot::open`] with another limit.
    #[cfg(test)]
    pub(super) fn open_within(path: &Path, most: u64) -> Result<Self, SnapshotError> {
        Self::verified(store_at(path)?, most)
    }

    /// A snapshot whose zip archive is already in memory, such as the one of `demo`.
    pub fn from_zip_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, SnapshotError> {
        let bytes = bytes.into();
        let store = Store::ZipBytes { bytes: Cow::Borrowed(&[]), entries: BTreeMap::new() };
        let entries = zipped::entries(&store.place(), Cursor::new(bytes.as_ref()))?;
        Self::verified(Store::ZipBytes { bytes, entries }, MAX_UNPACKED)
    }

    fn verified(store: Store, most: u64) -> Result<Self, SnapshotError> {
        let place = store.place();
        let not_ours = |why: String| SnapshotError::NotASnapshot { place: place.clone(), why };
        let damaged = |file: &str, why: String| SnapshotError::Damaged { place: place.clone(), file: file.to_owned(), why };

        let mut bytes = Vec::new();
        let read = |mut file: Box<dyn Read + Send + '_>| {
            file.by_ref().take(USUAL_INDEX).read_to_end(&mut bytes)?;
            if bytes.len() as u64 == USUAL_INDEX {
                // Room is made once: a vector that doubles holds what it had and what it gets at the same time.
                bytes.reserve_exact(usize::try_from(MAX_INDEX + 1 - USUAL_INDEX).unwrap_or(usize::MAX));
                file.take(MAX_INDEX + 1 - USUAL_INDEX).read_to_end(&mut bytes)?;
            }
            Ok(())
        };
        match store.file(INDEX_FILE).and_then(read) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_ours(format!("it holds no {INDEX_FILE}"))),
            Err(error) => return Err(damaged(INDEX_FILE, format!("cannot be read ({error})"))),
        }
        if bytes.len() as u64 > MAX_INDEX {
            return Err(not_ours(format!("its {INDEX_FILE} is larger than 128 MiB")));
        }
        match serde_json::from_slice::<Head>(&bytes) {
            Ok(Head { format: Some(format) }) if format == SNAPSHOT_FORMAT => {}
            Ok(Head { format: Some(found) }) if found.starts_with(FORMAT_FAMILY) => {
                return Err(SnapshotError::OtherFormat { place: place.clone(), found });
            }
            Ok(_) => return Err(not_ours(format!("its {INDEX_FILE} does not name the format {SNAPSHOT_FORMAT}"))),
            Err(error) => return Err(not_ours(format!("its {INDEX_FILE} is not JSON ({error})"))),
        }
        let index: SnapshotIndex = serde_json::from_slice(&bytes).map_err(|error| damaged(INDEX_FILE, error.to_string()))?;

        check_index(&index).map_err(|why| damaged(INDEX_FILE, why))?;
        // A deflated archive of nothing can be as endless as the objects in it.
        let packed = Budget::new(most);
        for record in &index.sources {
            let (Some(file), Some(expected)) = (&record.file, &record.sha256) else { continue };
            let actual = store.file(file).and_then(|from| digest(packed.counted(file, from))).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => damaged(file, "is missing".to_owned()),
                _ => damaged(file, format!("cannot be read ({error})")),
            })?;
            if actual != *expected {
                return Err(damaged(file, format!("does not match the digest in {INDEX_FILE}")));
            }
        }
        Ok(Self {
            index,
            index_sha256: crate::digest::sha256_hex(&bytes),
            store: Arc::new(store),
            unpacked: Arc::new(Budget::new(most)),
            laid: Arc::default(),
            shown: BTreeMap::new(),
            seed: None,
        })
    }
}

/// Where a snapshot lies; what is neither a folder nor a file is not opened, because a pipe may never end.
fn store_at(path: &Path) -> Result<Store, SnapshotError> {
    let place = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => SnapshotError::NotFound { place: place.clone() },
        _ => SnapshotError::Io { what: "read", path: path.to_owned(), source },
    })?;
    if metadata.is_dir() {
        return Ok(Store::Folder(path.to_owned()));
    }
    if !metadata.is_file() {
        return Err(SnapshotError::NotASnapshot { place, why: "it is neither a folder nor a regular file".to_owned() });
    }
    let file = File::open(path).map_err(|source| SnapshotError::Io { what: "read", path: path.to_owned(), source })?;
    let entries = zipped::entries(&place, BufReader::new(file))?;
    Ok(Store::ZipFile { path: path.to_owned(), entries })
}

/// Whether a folder or a zip file is a snapshot of any version of this program, whole or not.
pub(super) fn is_snapshot(path: &Path) -> bool {
    let head = || {
        let mut bytes = Vec::new();
        store_at(path).ok()?.file(INDEX_FILE).ok()?.take(MAX_INDEX).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice::<Head>(&bytes).ok()?.format
    };
    head().is_some_and(|format| format.starts_with(FORMAT_FAMILY))
}

/// What an index says must agree with itself: a count that nothing stands behind would make absence look like knowledge.
fn check_index(index: &SnapshotIndex) -> Result<(), String> {
    let requests: BTreeSet<u64> = index.requests.iter().map(|request| request.id).collect();
    let mut seen = BTreeSet::new();
    for record in &index.sources {
        let source = &record.source;
        if !seen.insert(source) {
            return Err(format!("{source} has two records"));
        }
        if record.file.is_some() != record.sha256.is_some() {
            return Err(format!("{source} has a file without a digest, or the reverse"));
        }
        // Also keeps a hostile index from naming a file elsewhere.
        if let Some(file) = record.file.as_ref().filter(|file| **file != source.file_name()) {
            return Err(format!("the file of {source} is called {file:?}"));
        }
        if record.file.is_some() && !matches!(record.state, SourceState::Read { .. } | SourceState::Partial { .. }) {
            return Err(format!("{source} has a file and its state is {}", record.state.word()));
        }
        if let Some(page) = record.pages.iter().find(|page| !requests.contains(&page.request)) {
            return Err(format!("a page of {source} names the request {}, which is not among the requests", page.request));
        }
        check_count(index, record)?;
    }
    Ok(())
}

fn check_count(index: &SnapshotIndex, record: &SourceRecord) -> Result<(), String> {
    let (source, count) = (&record.source, record.state.count());
    if source.resource() == KINDS {
        let kinds = index.sources.iter().filter(|other| other.source.api_group() == source.api_group()).count() as u64 - 1;
        let counts = matches!(record.state, SourceState::Read { .. });
        return match counts && count != kinds {
            true => Err(format!("{source} counts {count} kinds, and {kinds} have a record")),
            false => Ok(()),
        };
    }
    if count > 0 && record.file.is_none() {
        return Err(format!("{source} has {count} objects and no file"));
    }
    let items = record.pages.iter().try_fold(0_u64, |sum, page| sum.checked_add(page.items));
    if items != Some(count) {
        let items = items.map_or_else(|| "more than can be counted".to_owned(), |items| items.to_string());
        return Err(format!("{source} has {count} objects and its pages {items}"));
    }
    Ok(())
}

fn digest(mut file: impl Read) -> io::Result<String> {
    let mut hash = Hasher::default();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.finish()),
            Ok(n) => hash.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// See [`super::foreign_file`]. An index of another version is read for the names of its files only.
pub(super) fn foreign_file(folder: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let read = Store::Folder(folder.to_owned()).file(INDEX_FILE).and_then(|file| file.take(MAX_INDEX).read_to_end(&mut bytes));
    let index: serde_json::Value = match read {
        Ok(_) => serde_json::from_slice(&bytes).ok()?,
        Err(_) => return Some(INDEX_FILE.to_owned()),
    };
    let sources = index.get("sources").and_then(serde_json::Value::as_array);
    let named: BTreeSet<&str> = sources.into_iter().flatten().filter_map(|source| source.get("file")?.as_str()).collect();
    let ours = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // A link of one of our names leads to what somebody else keeps.
        (name == INDEX_FILE || named.contains(name.as_ref())) && entry.file_type().is_ok_and(|kind| kind.is_file())
            || super::DESKTOP.contains(&name.as_ref())
    };
    let mut foreign: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| !ours(entry))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    foreign.sort();
    foreign.into_iter().next()
}
