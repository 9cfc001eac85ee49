//! Writing: everything goes to a folder beside the target that nobody else can read, and takes its name only when it is whole.

#![expect(clippy::disallowed_methods, reason = "the archive is files")]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use tempfile::{NamedTempFile, TempDir};

use super::{DESKTOP, Finishing, INDEX_FILE, SnapshotError, foreign_file, index_bytes, is_snapshot, line, private, zipped};
use crate::digest::Hasher;
use crate::model::{Page, SnapshotIndex, SourceId};

const TEMP_PREFIX: &str = ".kube-hipaa-";

/// A snapshot that is being written. Dropped before [`SnapshotWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct SnapshotWriter {
    folder: TempDir,
    target: PathBuf,
    force: bool,
    /// Everybody may read it: only on demand.
    world_readable: bool,
    /// False for what is only looked at and goes away: it need not be on the disk.
    kept: bool,
    finishing: Finishing,
}

/// Endings of archives that are not written, in lower case.
pub const OTHER_ARCHIVES: [&str; 12] = [".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".7z", ".rar"];

impl SnapshotWriter {
    /// Starts a snapshot at `target`: a zip file when the name ends in `.zip`, else a folder. What is there already is replaced at
    /// the end, only with `force`, and only when it is empty or a snapshot.
    pub fn create(target: &Path, force: bool) -> Result<Self, SnapshotError> {
        let Some(name) = target.file_name() else { return Err(SnapshotError::NoName { path: target.to_owned() }) };
        // Who names an archive means one file, and of those there is one form.
        let name = name.to_string_lossy().to_ascii_lowercase();
        if OTHER_ARCHIVES.iter().any(|end| name.ends_with(end)) {
            return Err(SnapshotError::Archive { path: target.to_owned() });
        }
        if !force && target.symlink_metadata().is_ok() {
            return Err(SnapshotError::Exists { path: target.to_owned() });
        }
        replaceable(target)?;
        let parent = parent(target);
        if !parent.is_dir() {
            return Err(SnapshotError::NoParent { path: target.to_owned(), parent: parent.to_owned() });
        }
        let folder = private::scratch(TEMP_PREFIX, "", parent).map_err(|source| SnapshotError::Io {
            what: "create a folder in",
            path: parent.to_owned(),
            source,
        })?;
        let finishing = Finishing::default();
        Ok(Self { folder, target: target.to_owned(), force, world_readable: false, kept: true, finishing })
    }

    /// The same, for whoever listens for an interrupt: one that comes before [`SnapshotWriter::finish`] wins.
    #[must_use]
    pub fn interrupted_by(self, finishing: &Finishing) -> Self {
        finishing.watch(self.folder.path());
        Self { finishing: finishing.clone(), ..self }
    }

    /// The same, readable for everybody on this machine.
    #[must_use]
    pub fn world_readable(self, everybody: bool) -> Self {
        Self { world_readable: everybody, ..self }
    }

    /// The same, for a snapshot that nobody keeps.
    #[must_use]
    pub fn not_kept(self) -> Self {
        Self { kept: false, ..self }
    }

    /// Starts the file of one source. Several may be open at a time.
    pub fn source(&self, source: &SourceId) -> Result<SourceWriter, SnapshotError> {
        let name = source.file_name();
        let path = self.folder.path().join(&name);
        let gzip = gzip(&path)?;
        Ok(SourceWriter { name, path, gzip, buffer: Vec::new(), pages: Vec::new(), items: 0, in_page: 0 })
    }

    /// Writes `index.json` and gives the whole its name. Files that the index does not name are left out.
    pub fn finish(self, index: &SnapshotIndex) -> Result<(), SnapshotError> {
        let path = self.folder.path().join(INDEX_FILE);
        let bytes = index_bytes(index).map_err(|source| SnapshotError::Index { path: self.target.clone(), source })?;
        let written = private::create(&path).and_then(|mut file| file.write_all(&bytes));
        written.map_err(|source| SnapshotError::Io { what: "write", path, source })?;
        let settled = if self.kept { private::settle(self.folder.path(), self.world_readable) } else { Ok(()) };
        settled.map_err(|source| SnapshotError::Io { what: "write", path: self.target.clone(), source })?;
        if !self.finishing.begin() {
            return Err(SnapshotError::Interrupted { path: self.target });
        }
        if self.target.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
            self.finish_zip(index)
        } else {
            self.finish_folder()
        }
    }

    fn finish_zip(self, index: &SnapshotIndex) -> Result<(), SnapshotError> {
        let mut names: Vec<String> = index.sources.iter().filter_map(|record| record.file.clone()).collect();
        names.push(INDEX_FILE.to_owned());
        names.sort();
        let parent = parent(&self.target);
        let io = |source| SnapshotError::Io { what: "write", path: self.target.clone(), source };
        let (file, path) = NamedTempFile::with_prefix_in(TEMP_PREFIX, parent).map_err(io)?.into_parts();
        zipped::pack(self.folder.path(), &names, file, &self.target)?.sync_all().map_err(io)?;
        private::set_mode(&path, if self.world_readable { 0o644 } else { 0o600 }).map_err(io)?;
        if self.force {
            replaceable(&self.target)?;
            path.persist(&self.target).map_err(|error| io(error.error))
        } else {
            path.persist_noclobber(&self.target).map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => SnapshotError::Exists { path: self.target.clone() },
                _ => io(error.error),
            })
        }
    }

    fn finish_folder(self) -> Result<(), SnapshotError> {
        let io = |source| SnapshotError::Io { what: "write", path: self.target.clone(), source };
        // What is there steps aside first, so that there is never a mixture of two snapshots under one name.
        let aside = if self.target.symlink_metadata().is_ok() {
            if !self.force {
                return Err(SnapshotError::Exists { path: self.target });
            }
            replaceable(&self.target)?;
            let aside = private::scratch(TEMP_PREFIX, "", parent(&self.target)).map_err(io)?;
            fs::rename(&self.target, aside.path().join("replaced")).map_err(io)?;
            Some(aside)
        } else {
            None
        };
        match fs::rename(self.folder.path(), &self.target) {
            Ok(()) => {
                // The folder has moved: there is nothing left to clean up.
                let _moved = self.folder.keep();
                private::sync_folder(parent(&self.target));
                Ok(())
            }
            Err(source) => {
                if let Some(aside) = aside {
                    // Best effort: the error that matters is the first one.
                    let _restored = fs::rename(aside.path().join("replaced"), &self.target);
                }
                Err(io(source))
            }
        }
    }
}

/// Only what this program wrote is replaced, or what holds nothing.
fn replaceable(target: &Path) -> Result<(), SnapshotError> {
    let Ok(metadata) = target.symlink_metadata() else { return Ok(()) };
    let not_ours = |why: &str| Err(SnapshotError::NotOurs { path: target.to_owned(), why: why.to_owned() });
    if metadata.is_symlink() {
        return not_ours("it is a symbolic link");
    }
    if metadata.is_file() {
        return if metadata.len() == 0 || is_snapshot(target) { Ok(()) } else { not_ours("it is a file and not a snapshot") };
    }
    if !metadata.is_dir() {
        return not_ours("it is neither a folder nor a file");
    }
    let entries = fs::read_dir(target).map_err(|source| SnapshotError::Io { what: "read", path: target.to_owned(), source })?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !DESKTOP.contains(&name.as_str())).collect();
    names.sort();
    let foreign = if is_snapshot(target) { foreign_file(target) } else { names.into_iter().next() };
    match foreign {
        Some(name) => not_ours(&format!("it holds {name}, which is no part of a snapshot")),
        None => Ok(()),
    }
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The file of one source that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Name and SHA-256 of the file; absent when it would hold nothing.
    pub file: Option<(String, String)>,
    /// The pages in order.
    pub pages: Vec<Page>,
    /// Number of objects.
    pub items: u64,
}

/// The file of one source that is being written, page by page.
pub struct SourceWriter {
    name: String,
    path: PathBuf,
    gzip: GzEncoder<Hashing>,
    buffer: Vec<u8>,
    pages: Vec<Page>,
    items: u64,
    in_page: u64,
}

impl std::fmt::Debug for SourceWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SourceWriter({})", self.name)
    }
}

impl SourceWriter {
    /// Adds one redacted object: JSON without a newline.
    pub fn push(&mut self, object: &str) -> Result<(), SnapshotError> {
        debug_assert!(!object.contains('\n'), "a line is one object");
        self.buffer.clear();
        line::write(object, &mut self.buffer);
        self.gzip.write_all(&self.buffer).map_err(|source| self.io(source))?;
        self.items += 1;
        self.in_page += 1;
        Ok(())
    }

    /// Ends a page: the objects since the last one came with this request.
    pub fn end_page(&mut self, request: u64, received: String) {
        self.pages.push(Page { request, items: self.in_page, received });
        self.in_page = 0;
    }

    /// Forgets everything, for a list that starts again.
    pub fn restart(&mut self) -> Result<(), SnapshotError> {
        // The old encoder must have nothing left to say before the file is cut: it would write into the new one when dropped.
        self.gzip.try_finish().and_then(|()| self.gzip.get_mut().flush()).map_err(|source| self.io(source))?;
        self.gzip = gzip(&self.path)?;
        self.pages.clear();
        self.items = 0;
        self.in_page = 0;
        Ok(())
    }

    /// Number of objects so far.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Closes the file. A file that would hold nothing is removed; its pages are still told.
    pub fn finish(self) -> Result<SourceFile, SnapshotError> {
        let Self { name, path, gzip, pages, items, .. } = self;
        let io = |source| SnapshotError::Io { what: "write", path: path.clone(), source };
        let mut hashing = gzip.finish().map_err(io)?;
        hashing.file.flush().map_err(io)?;
        let sha256 = hashing.hash.finish();
        if items == 0 {
            fs::remove_file(&path).map_err(|source| SnapshotError::Io { what: "remove", path: path.clone(), source })?;
            return Ok(SourceFile { file: None, pages, items });
        }
        Ok(SourceFile { file: Some((name, sha256)), pages, items })
    }

    fn io(&self, source: io::Error) -> SnapshotError {
        SnapshotError::Io { what: "write", path: self.path.clone(), source }
    }
}

/// No time, no name, no operating system, one level: the same objects give the same bytes.
fn gzip(path: &Path) -> Result<GzEncoder<Hashing>, SnapshotError> {
    let file = private::create(path).map_err(|source| SnapshotError::Io { what: "create", path: path.to_owned(), source })?;
    let hashing = Hashing { file: BufWriter::with_capacity(64 * 1024, file), hash: Hasher::default() };
    Ok(GzBuilder::new().mtime(0).operating_system(255).write(hashing, Compression::fast()))
}

struct Hashing {
    file: BufWriter<File>,
    hash: Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
