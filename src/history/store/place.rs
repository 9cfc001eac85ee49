//! What every kind of store can do.

use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::retention::Retention;

/// One file below a cluster's folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// What became of writing a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// It was not there and is now.
    New,
    /// Something is there under this name.
    Exists,
}

/// A folder, or a bucket.
pub(super) trait Place: Send + Sync + std::fmt::Debug {
    /// How people know it. No credential stands in it.
    fn shown(&self) -> &str;

    /// Whether it answers. Costs the same whatever it holds.
    fn ready(&self) -> Result<(), StoreError>;

    /// Folders and files at the top, each sorted.
    fn top(&self) -> Result<(Vec<String>, Vec<String>), StoreError>;

    /// Files in a cluster's folder, sorted; only those whose names sort behind `after`. What stands deeper is listed with its folder.
    fn list(&self, cluster: &str, after: Option<&str>) -> Result<Vec<Listed>, StoreError>;

    /// Bytes of a file from `start` on.
    fn range(&self, path: &str, start: u64, length: usize) -> Result<Vec<u8>, StoreError>;

    /// Writes the whole of a file into `to`, and says what the store says of its retention.
    fn copy(&self, path: &str, to: &mut dyn std::io::Write) -> Result<Retention, StoreError>;

    /// The file itself, where it lies on this machine: it need not be copied to be read.
    fn local(&self, path: &str) -> Option<PathBuf>;

    /// Makes a file that holds what `from` holds, unless one is there. It gets its name when it is complete.
    fn create(&self, path: &str, from: &Path) -> Result<Created, StoreError>;

    /// What the store says of how long everything in it is kept.
    fn rules(&self) -> Retention;
}
