//! Where the bytes of a snapshot lie.

#![expect(clippy::disallowed_methods, reason = "the archive is files")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use flate2::read::DeflateDecoder;

use super::zipped::{Entry, Packing};
use crate::model::SourceId;

/// The files of a snapshot, or its objects.
pub(super) enum Store {
    Folder(PathBuf),
    ZipFile { path: PathBuf, entries: BTreeMap<String, Entry> },
    ZipBytes { bytes: Cow<'static, [u8]>, entries: BTreeMap<String, Entry> },
    Memory(BTreeMap<SourceId, Vec<String>>),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())
    }
}

impl Store {
    /// How errors name it.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Folder(path) | Self::ZipFile { path, .. } => path.display().to_string(),
            Self::ZipBytes { .. } => "embedded in this program".to_owned(),
            Self::Memory(_) => "in memory".to_owned(),
        }
    }

    /// The bytes of one file; an error of kind `NotFound` when there is none.
    pub(super) fn file(&self, name: &str) -> io::Result<Box<dyn Read + Send + '_>> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                // A link may lead anywhere, and a pipe may never end.
                if !path.symlink_metadata()?.is_file() {
                    return Err(io::Error::other("it is not a regular file"));
                }
                Ok(Box::new(File::open(path)?))
            }
            Self::ZipFile { path, entries } => {
                let entry = entries.get(name).ok_or_else(missing)?;
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(entry.start))?;
                Ok(unpacked(file, entry))
            }
            Self::ZipBytes { bytes, entries } => {
                let entry = entries.get(name).ok_or_else(missing)?;
                let mut cursor = Cursor::new(bytes.as_ref());
                cursor.set_position(entry.start);
                Ok(unpacked(cursor, entry))
            }
            Self::Memory(_) => Err(missing()),
        }
    }
}

/// An entry's bytes. The zip checksum is not looked at: every file is verified by its SHA-256.
fn unpacked<'a>(from: impl Read + Send + 'a, entry: &Entry) -> Box<dyn Read + Send + 'a> {
    let packed = BufReader::new(from.take(entry.packed_size));
    match entry.packing {
        Packing::Stored => Box::new(packed),
        Packing::Deflated => Box::new(DeflateDecoder::new(packed)),
    }
}
