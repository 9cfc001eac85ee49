//! Where the files of a bundle lie, and what there is.

#![expect(clippy::disallowed_methods, reason = "a bundle is files")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::archive::{Archive, Bytes};
use super::verify::{Problem, ProblemKind};

/// Files in a bundle. That of a large cluster has a tenth of it.
pub const MOST_FILES: usize = 20_000;
/// Folders in one another.
const DEEPEST: usize = 32;

/// The files of a bundle, or of documents that are not sealed.
#[derive(Debug)]
pub struct Bag(Store);

#[derive(Debug)]
enum Store {
    Folder(PathBuf),
    Zip(Archive),
    Memory(BTreeMap<String, Vec<u8>>),
}

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file of this size.
    File(u64),
    /// Something else; a problem says what.
    Other,
}

impl Bag {
    /// A folder or an archive. Nothing is verified; an error is one of the system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Ok(Self(Store::Folder(path.to_owned())));
        }
        if !metadata.is_file() {
            return Err(io::Error::other("it is neither a folder nor a regular file"));
        }
        Ok(Self(Store::Zip(Archive::open(Bytes::File(path.to_owned()))?)))
    }

    /// An archive that is in memory.
    pub fn from_zip_bytes(bytes: Vec<u8>) -> io::Result<Self> {
        Ok(Self(Store::Zip(Archive::open(Bytes::Memory(bytes))?)))
    }

    /// Files that are in memory.
    pub fn in_memory(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self(Store::Memory(files))
    }

    /// The names of all files, sorted. What no bundle has is left out: [`super::verify()`] says it.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let found = self.listing(&mut Vec::new())?;
        Ok(found.into_iter().filter(|(_, found)| matches!(found, Found::File(_))).map(|(name, _)| name).collect())
    }

    /// Bytes that all files together may have.
    pub(super) fn most_bytes(&self) -> u64 {
        match &self.0 {
            // A folder takes the space that it says; an archive can say anything.
            Store::Zip(_) => u64::from(u32::MAX),
            _ => 16 * 1024 * 1024 * 1024,
        }
    }

    /// Everything that there is, and what no bundle has.
    pub(super) fn listing(&self, problems: &mut Vec<Problem>) -> io::Result<BTreeMap<String, Found>> {
        match &self.0 {
            Store::Memory(files) => Ok(files.iter().map(|(name, bytes)| (name.clone(), Found::File(bytes.len() as u64))).collect()),
            Store::Zip(archive) => {
                problems.extend(archive.problems.iter().cloned());
                Ok(archive.found.clone())
            }
            Store::Folder(folder) => {
                let mut found = BTreeMap::new();
                let mut walk = Walk { found: &mut found, problems };
                walk.folder(folder, "", DEEPEST)?;
                Ok(found)
            }
        }
    }

    /// The bytes of a file.
    pub fn read(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        match &self.0 {
            Store::Folder(folder) => {
                let path = folder.join(name);
                // A link may lead anywhere, and a pipe may never end.
                if !path.symlink_metadata()?.is_file() {
                    return Err(io::Error::other("it is not a regular file"));
                }
                Ok(Box::new(File::open(path)?))
            }
            Store::Zip(archive) => archive.read(name),
            Store::Memory(files) => files.get(name).map(|bytes| Box::new(bytes.as_slice()) as Box<dyn Read>).ok_or_else(missing),
        }
    }
}

struct Walk<'a> {
    found: &'a mut BTreeMap<String, Found>,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    fn problem(&mut self, file: &str, kind: ProblemKind, what: &str) {
        self.problems.push(Problem { file: file.to_owned(), kind, what: what.to_owned() });
    }

    /// `prefix` is empty or ends with a slash.
    fn folder(&mut self, folder: &Path, prefix: &str, deeper: usize) -> io::Result<()> {
        let mut empty = true;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            empty = false;
            if self.found.len() > MOST_FILES {
                // Who counts says it.
                return Ok(());
            }
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if entry.file_name().to_str().is_none() {
                self.problem(&name, ProblemKind::Name, "its name is not UTF-8");
                self.found.insert(name, Found::Other);
            } else if kind.is_dir() && deeper > 0 {
                self.folder(&entry.path(), &format!("{name}/"), deeper - 1)?;
            } else if kind.is_dir() {
                self.problem(&name, ProblemKind::Name, "its folders are deeper than those of any bundle");
            } else if kind.is_file() {
                self.found.insert(name, Found::File(entry.metadata()?.len()));
            } else {
                let what = if kind.is_symlink() { "it is a symbolic link" } else { "it is not a regular file" };
                self.problem(&name, ProblemKind::Added, what);
                self.found.insert(name, Found::Other);
            }
        }
        if empty && !prefix.is_empty() {
            self.problem(prefix, ProblemKind::Added, "it is an empty folder");
        }
        Ok(())
    }
}
