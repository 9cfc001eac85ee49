//! Opening: everything that can be wrong with a snapshot is said here, before anything is assessed.

#![expect(clippy::disallowed_methods, reason = "the archive is files")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::store::Store;
use super::{INDEX_FILE, Snapshot, SnapshotError, zipped};
use crate::digest::Hasher;
use crate::model::{SNAPSHOT_FORMAT, SnapshotIndex};

/// An index holds a few hundred bytes per source and per request: more than this is not one of ours.
const MAX_INDEX: u64 = 128 * 1024 * 1024;
const FORMAT_FAMILY: &str = "kube-hipaa/snapshot/";

#[derive(Deserialize)]
struct Head {
    format: Option<String>,
}

impl Snapshot {
    /// Opens a folder or a `.zip` file and verifies every file in it. Refuses what is not a snapshot, another format, and damage.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        let place = path.display().to_string();
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SnapshotError::NotFound { place: place.clone() },
            _ => SnapshotError::Io { what: "read", path: path.to_owned(), source },
        })?;
        if metadata.is_dir() {
            return Self::verified(Store::Folder(path.to_owned()));
        }
        let file = File::open(path).map_err(|source| SnapshotError::Io { what: "read", path: path.to_owned(), source })?;
        let entries = zipped::entries(&place, BufReader::new(file))?;
        Self::verified(Store::ZipFile { path: path.to_owned(), entries })
    }

    /// A snapshot whose zip archive is already in memory, such as the one of `demo`.
    pub fn from_zip_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, SnapshotError> {
        let bytes = bytes.into();
        let store = Store::ZipBytes { bytes: Cow::Borrowed(&[]), entries: BTreeMap::new() };
        let entries = zipped::entries(&store.place(), Cursor::new(bytes.as_ref()))?;
        Self::verified(Store::ZipBytes { bytes, entries })
    }

    fn verified(store: Store) -> Result<Self, SnapshotError> {
        let place = store.place();
        let not_ours = |why: String| SnapshotError::NotASnapshot { place: place.clone(), why };
        let damaged = |file: &str, why: String| SnapshotError::Damaged { place: place.clone(), file: file.to_owned(), why };

        let mut bytes = Vec::new();
        match store.file(INDEX_FILE).and_then(|file| file.take(MAX_INDEX + 1).read_to_end(&mut bytes)) {
            Ok(_) => {}
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

        for record in &index.sources {
            match (&record.file, &record.sha256) {
                (None, None) => {}
                (Some(file), Some(expected)) => {
                    // Also keeps a hostile index from naming a file elsewhere.
                    if *file != record.source.file_name() {
                        return Err(damaged(INDEX_FILE, format!("the file of {} is called {file:?}", record.source)));
                    }
                    let actual = store.file(file).and_then(digest).map_err(|error| match error.kind() {
                        io::ErrorKind::NotFound => damaged(file, "is missing".to_owned()),
                        _ => damaged(file, format!("cannot be read ({error})")),
                    })?;
                    if actual != *expected {
                        return Err(damaged(file, format!("does not match the digest in {INDEX_FILE}")));
                    }
                }
                _ => return Err(damaged(INDEX_FILE, format!("{} has a file without a digest, or the reverse", record.source))),
            }
        }
        Ok(Self { index, index_sha256: crate::digest::sha256_hex(&bytes), store: Arc::new(store), shown: BTreeMap::new(), seed: None })
    }
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
