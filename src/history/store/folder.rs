//! A store in a folder.

#![expect(clippy::disallowed_methods, reason = "a store in a folder is files")]

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::{Failure, StoreError};
use super::names::{Entry, is_cluster, is_uid};
use super::place::{Created, Listed, Place};
use super::retention::Retention;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    shown: String,
}

/// What a file is called until it is complete; a killed run can leave one.
const PARTIAL: (&str, &str) = (".", ".partial");

impl Folder {
    /// An existing folder. A missing one is an error: what usually holds the record may not be mounted.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { path: path.to_owned(), shown }),
            Ok(_) => Err(StoreError::Address { text: shown, why: "it is a file".to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing { place: shown }),
            Err(error) => Err(failed(&shown, "look".to_owned(), error)),
        }
    }

    fn fail(&self, what: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
        let what = what.into();
        move |error| failed(&self.shown, what, error)
    }

    /// An error where the folder of a cluster lies elsewhere.
    fn no_link(&self, cluster: &str) -> io::Result<()> {
        if self.path.join(cluster).symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(io::Error::other(format!("{cluster} is a symbolic link, and a record lies in one place")));
        }
        Ok(())
    }

    /// A file that is one: a link may lead anywhere, a pipe may never end.
    fn file(&self, path: &str) -> io::Result<File> {
        let path = self.path.join(path);
        if !path.symlink_metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        File::open(path)
    }
}

fn failed(shown: &str, what: String, source: io::Error) -> StoreError {
    let kind = match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Failure::Refused,
        io::ErrorKind::NotFound => Failure::Missing,
        io::ErrorKind::AlreadyExists => Failure::Exists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::Full,
        _ => Failure::Other,
    };
    StoreError::Failed { what, place: shown.to_owned(), kind, source }
}

/// The name of an entry; one that is neither what is looked for nor UTF-8 gets a name that no bundle has.
fn name(entry: &fs::DirEntry, is_wanted: bool) -> String {
    let name = entry.file_name();
    match name.to_str() {
        Some(name) if is_wanted => name.to_owned(),
        _ => format!("{}/", name.to_string_lossy()),
    }
}

impl Place for Folder {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn ready(&self) -> Result<(), StoreError> {
        fs::read_dir(&self.path).map(drop).map_err(self.fail("list the clusters"))
    }

    fn top(&self) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.path).map_err(self.fail("list the clusters"))? {
            let entry = entry.map_err(self.fail("list the clusters"))?;
            let is_folder = entry.file_type().map_err(self.fail("list the clusters"))?.is_dir();
            if is_folder && entry.file_name().to_str().is_some() {
                folders.push(name(&entry, true));
            } else {
                files.push(name(&entry, !is_folder));
            }
        }
        folders.sort();
        files.sort();
        Ok((folders, files))
    }

    fn list(&self, cluster: &str, after: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        let what = || format!("list the bundles of {cluster}");
        self.no_link(cluster).map_err(self.fail(what()))?;
        let entries = match fs::read_dir(self.path.join(cluster)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.shown, what(), error)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(self.fail(what()))?;
            let is_file = entry.file_type().map_err(self.fail(what()))?.is_file();
            let name = name(&entry, is_file);
            if after.is_none_or(|after| name.as_str() > after) {
                let bytes = match entry.metadata() {
                    Ok(metadata) => {
                        if is_file {
                            metadata.len()
                        } else {
                            0
                        }
                    }
                    // What another run was writing has its name by now.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(failed(&self.shown, what(), error)),
                };
                listed.push(Listed { name, bytes });
            }
        }
        listed.sort();
        Ok(listed)
    }

    fn range(&self, path: &str, start: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let read = || {
            let mut file = self.file(path)?;
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(length as u64).read_to_end(&mut bytes)?;
            if bytes.len() == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        };
        read().map_err(self.fail(format!("read {path}")))
    }

    fn copy(&self, path: &str, to: &mut dyn Write) -> Result<Retention, StoreError> {
        self.file(path).and_then(|mut file| io::copy(&mut file, to)).map_err(self.fail(format!("read {path}")))?;
        Ok(self.rules())
    }

    fn local(&self, path: &str) -> Option<PathBuf> {
        let path = self.path.join(path);
        path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()).then_some(path)
    }

    fn create(&self, path: &str, from: &Path) -> Result<Created, StoreError> {
        let target = self.path.join(path);
        let folder = target.parent().unwrap_or(&self.path).to_owned();
        let write = || {
            // The store ends at its folder: what lies behind a link, `verify` would not look at.
            if let Some(cluster) = folder.file_name() {
                self.no_link(&cluster.to_string_lossy())?;
            }
            if let Err(error) = make_folder(&folder)
                && error.kind() != io::ErrorKind::AlreadyExists
            {
                return Err(error);
            }
            sync(&self.path);
            // Beside its place, complete and on the disk before it gets its name.
            let mut made = tempfile::Builder::new().prefix(PARTIAL.0).suffix(PARTIAL.1).tempfile_in(&folder)?;
            io::copy(&mut File::open(from)?, made.as_file_mut())?;
            made.as_file().sync_all()?;
            match made.persist_noclobber(&target) {
                Ok(_) => {}
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Exists),
                Err(error) => return Err(error.error),
            }
            sync(&folder);
            Ok(Created::New)
        };
        write().map_err(self.fail(format!("write {path}")))
    }

    fn rules(&self) -> Retention {
        Retention::not_seen("a folder does not say how long its files are kept")
    }
}

/// Whether a folder looks like a store: something in it is called like a cluster, and holds a bundle by its name, or can be nothing else.
/// What else lies beside it does not matter: two files must not turn a record into evidence, whose bundles nobody looks into.
pub(super) fn is_store(path: &Path) -> bool {
    let of_cluster = |entry: &fs::DirEntry| {
        let cluster = entry.file_name().to_string_lossy().into_owned();
        let is_bundle = |file: &fs::DirEntry| Entry::parse(&cluster, &file.file_name().to_string_lossy(), 0).is_some();
        let holds_one = || fs::read_dir(entry.path()).is_ok_and(|files| files.flatten().any(|file| is_bundle(&file)));
        is_uid(&cluster) && entry.path().is_dir() || is_cluster(&cluster) && holds_one()
    };
    fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(|entry| of_cluster(&entry)))
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Names are on the disk, too, where the system can do that.
fn sync(folder: &Path) {
    // Some file systems refuse to open or to sync a folder; the files in it are safe either way.
    let _synced = File::open(folder).and_then(|folder| folder.sync_all());
}
