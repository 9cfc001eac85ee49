//! The archive between collecting and assessing.
//!
//! A snapshot is a folder, or the same files in a `.zip`: `index.json` ([`crate::model::SnapshotIndex`]: format version, cluster identity, every request,
//! one record per source) and one `<group>.<resource>.jsonl.gz` per source. A line of such a file is
//!
//! ```json
//! {"sha256":"<64 hex digits>","object":{...}}
//! ```
//!
//! where the digest is over the exact bytes of the redacted object that follows, so that a finding can name the object it rests on
//! and anyone can check it with `zcat` and `sha256sum`. Nothing in these files depends on when or where they were written: gzip
//! members carry no time and no name, and times and request numbers stand in `index.json` only.
//!
//! Reading and writing are streaming; what is read is verified: the digest of every file when the snapshot is opened, the digest of
//! every object when it is read.

mod budget;
mod error;
mod finishing;
pub mod laid;
mod line;
pub mod measure;
mod objects;
mod open;
pub mod private;
mod store;
pub mod testing;
#[cfg(test)]
mod tests;
mod writer;
mod zipped;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub use error::SnapshotError;
pub use finishing::Finishing;
pub use objects::{Objects, StoredObject};
pub use writer::{OTHER_ARCHIVES, SnapshotWriter, SourceFile, SourceWriter};

use crate::model::{SnapshotIndex, SourceId};
use budget::{Budget, MAX_UNPACKED};
use store::Store;

/// Files that desktops leave in folders that somebody looked at.
pub const DESKTOP: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// `index.json`: the file that says what the others are.
pub const INDEX_FILE: &str = "index.json";

/// What was read from a cluster, ready to be assessed as often as wanted. Shared by reference between threads.
#[derive(Clone, Debug)]
pub struct Snapshot {
    index: SnapshotIndex,
    index_sha256: String,
    store: Arc<Store>,
    unpacked: Arc<Budget>,
    /// Objects that are laid over those that were read.
    laid: Arc<laid::LaidOver>,
    /// For tests: how many objects of a source are shown.
    shown: BTreeMap<SourceId, u64>,
    /// For tests: another order.
    seed: Option<u64>,
}

impl Snapshot {
    /// A snapshot that was never written: one JSON text per object. For the cases beside a control and for tests.
    pub fn in_memory(index: SnapshotIndex, objects: BTreeMap<SourceId, Vec<String>>) -> Self {
        let index_sha256 = digest_of(&index);
        Self {
            index,
            index_sha256,
            store: Arc::new(Store::Memory(objects)),
            unpacked: Arc::new(Budget::new(MAX_UNPACKED)),
            laid: Arc::default(),
            shown: BTreeMap::new(),
            seed: None,
        }
    }

    /// `index.json`.
    pub fn index(&self) -> &SnapshotIndex {
        &self.index
    }

    /// SHA-256 of the bytes of `index.json`, 64 hex digits. It names every other file by digest, so it stands for the whole snapshot.
    pub fn index_sha256(&self) -> &str {
        &self.index_sha256
    }

    /// The names of its files, sorted.
    pub fn files(&self) -> Vec<String> {
        let of_sources = self.index.sources.iter().filter_map(|record| record.file.clone());
        let mut names: Vec<String> = of_sources.chain([INDEX_FILE.to_owned()]).collect();
        names.sort();
        names
    }

    /// Writes the bytes of one of its files.
    pub fn copy(&self, name: &str, to: &mut dyn std::io::Write) -> std::io::Result<()> {
        std::io::copy(&mut self.store.file(name)?, to).map(drop)
    }

    /// The objects of one source, one at a time, in the order of the file. Empty where nothing was read: whether that means that
    /// there is nothing is for the source's state to say.
    pub fn objects(&self, source: &SourceId) -> Result<Objects<'_>, SnapshotError> {
        let objects = Objects::open(&self.store, &self.unpacked, &self.index, source)?;
        let objects = match self.laid.get(source) {
            Some(laid) => objects.laid_over(laid, &self.index.collected.finished),
            None => objects,
        };
        let objects = match self.shown.get(source) {
            Some(&limit) => objects.limited(limit),
            None => objects,
        };
        match self.seed {
            Some(seed) => objects.shuffled(seed),
            None => Ok(objects),
        }
    }
}

/// The first file in a folder that is a snapshot by its index, and that the index does not name: somebody else put it there.
pub fn foreign_file(folder: &Path) -> Option<String> {
    open::foreign_file(folder)
}

/// Whether a folder or a zip file is a snapshot of any version of this program, whole or not.
pub fn is_snapshot(path: &Path) -> bool {
    open::is_snapshot(path)
}

/// The bytes of `index.json`: indented, because people open it; one newline at the end.
fn index_bytes(index: &SnapshotIndex) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(index)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn digest_of(index: &SnapshotIndex) -> String {
    // Serialising plain data with string keys cannot fail; an empty digest would be seen by every reader.
    index_bytes(index).map_or_else(|_| String::new(), |bytes| crate::digest::sha256_hex(&bytes))
}
