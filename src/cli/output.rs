//! Files: nothing is overwritten without being asked, and nothing half-written is left behind.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{TempDir, TempPath};

use super::args::OutputArgs;
use super::error::CliError;
use super::replace::{SINCE, replaceable};
use crate::bundle::{Counting, Digested, MANIFEST, list};
use crate::model::{Assessment, RequestRecord, Since};
use crate::report::{DEFAULTS, Document, FORMATS, Format, Reported};
use crate::snapshot::{Finishing, OTHER_ARCHIVES, private};

/// Where the documents go.
pub(super) enum Destination {
    /// Only the summary.
    Nowhere,
    /// One document to standard output.
    Stdout(&'static dyn Format),
    /// A folder with these documents.
    Folder(Staged, Vec<&'static dyn Format>),
}

impl Destination {
    /// Checks everything before the cluster is asked anything. One format without a place goes to standard output.
    pub(super) fn prepare(args: &OutputArgs, finishing: &Finishing) -> Result<Self, CliError> {
        Self::prepare_in(None, args, finishing)
    }

    /// The same, into `usual` where no place was named.
    pub(super) fn prepare_in(usual: Option<&Path>, args: &OutputArgs, finishing: &Finishing) -> Result<Self, CliError> {
        let formats = &args.format;
        let chosen =
            if formats.is_empty() { DEFAULTS.to_vec() } else { formats.iter().map(|name| format(name)).collect::<Result<Vec<_>, _>>()? };
        let folder = args.output.as_deref().or(usual).filter(|path| *path != Path::new("-"));
        if let Some(path) = folder {
            let staged = Staged::new(path, args.force, finishing)?.readable(args.world_readable);
            return Ok(Self::Folder(staged, chosen));
        }
        for (given, flag) in [(args.force, "--force"), (args.world_readable, "--world-readable")] {
            if given {
                return Err(CliError::Pointless { flag, why: "no folder is written" });
            }
        }
        match (args.output.is_some(), formats.as_slice(), chosen.as_slice()) {
            (false, [], _) => Ok(Self::Nowhere),
            (_, [_], [_]) if args.verbose => {
                Err(CliError::Pointless { flag: "--verbose", why: "the document on standard output holds every source" })
            }
            (_, [_], [one]) => Ok(Self::Stdout(*one)),
            _ => Err(CliError::OneFormat(chosen.len())),
        }
    }
}

pub(super) fn format(name: &str) -> Result<&'static dyn Format, CliError> {
    crate::report::format(name).ok_or_else(|| CliError::Format {
        name: name.to_owned(),
        known: FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", "),
    })
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Names by which people mean one file. A folder of that name would be taken for it.
fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".zip") || OTHER_ARCHIVES.iter().any(|end| name.ends_with(end))
}

/// A folder that is made beside its place and moved there when it is complete.
pub(super) struct Staged {
    target: PathBuf,
    force: bool,
    folder: TempDir,
    finishing: Finishing,
    /// Everybody may read it: only on demand.
    readable: bool,
    /// Says what `force` may replace.
    check: fn(&Path) -> Result<(), CliError>,
    /// Of files that were written here, so that they need not be read again.
    digests: Mutex<BTreeMap<String, String>>,
}

impl Staged {
    /// `target` must not exist (with `force` it may, when it is ours), its parent must.
    pub(super) fn new(target: &Path, force: bool, finishing: &Finishing) -> Result<Self, CliError> {
        Self::new_for(target, force, finishing, replaceable)
    }

    /// For a folder, of which `check` says whether it may be replaced.
    pub(super) fn new_for(
        target: &Path,
        force: bool,
        finishing: &Finishing,
        check: fn(&Path) -> Result<(), CliError>,
    ) -> Result<Self, CliError> {
        let name = target.file_name().ok_or_else(|| CliError::NoName(target.to_owned()))?.to_string_lossy().into_owned();
        if is_archive(&name) {
            return Err(CliError::Archive(target.to_owned()));
        }
        Self::beside(target, &name, force, finishing, check)
    }

    /// For a file or folder; `name` is that of the target.
    pub(super) fn beside(
        target: &Path,
        name: &str,
        force: bool,
        finishing: &Finishing,
        check: fn(&Path) -> Result<(), CliError>,
    ) -> Result<Self, CliError> {
        let parent = parent(target);
        if !parent.is_dir() {
            return Err(CliError::NoParent(parent.to_owned()));
        }
        if !force && target.symlink_metadata().is_ok() {
            return Err(CliError::Exists(target.to_owned()));
        }
        check(target)?;
        let made = finishing.make(|| private::scratch(&format!(".{name}."), ".partial", parent)).ok_or(CliError::Interrupted)?;
        let folder = made.map_err(CliError::write(parent))?;
        let (target, finishing) = (target.to_owned(), finishing.clone());
        Ok(Self { target, force, folder, finishing, readable: false, check, digests: Mutex::default() })
    }

    pub(super) fn readable(mut self, everybody: bool) -> Self {
        self.readable = everybody;
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        self.write_with(name, |out| out.write_all(bytes)).map(drop)
    }

    /// Writes a file, unless an interrupt comes in between, and says what it holds. Its folders are made.
    pub(super) fn write_with(&self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Digested, CliError> {
        let place = self.target.join(name);
        let path = self.path().join(name);
        let made =
            self.finishing.step(|| std::fs::create_dir_all(path.parent().unwrap_or(self.path())).and_then(|()| private::create(&path)));
        let file = made.ok_or(CliError::Interrupted)?.map_err(CliError::write(&place))?;
        let mut counting = Counting::new(Guarded { file, finishing: &self.finishing });
        match write(&mut counting) {
            Err(_) if self.finishing.is_interrupted() => Err(CliError::Interrupted),
            Err(error) => Err(CliError::write(&place)(error)),
            Ok(()) => {
                let digested = counting.finish();
                self.digests.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), digested.sha256.clone());
                Ok(digested)
            }
        }
    }

    /// A file that is written here and there, such as an archive.
    pub(super) fn create(&self, name: &str) -> Result<Guarded<'_>, CliError> {
        let made = self.finishing.step(|| private::create(&self.path().join(name))).ok_or(CliError::Interrupted)?;
        Ok(Guarded { file: made.map_err(CliError::write(&self.target))?, finishing: &self.finishing })
    }

    /// Whether an error while writing was an interrupt.
    pub(super) fn failed(&self, source: io::Error) -> CliError {
        if self.finishing.is_interrupted() { CliError::Interrupted } else { CliError::Write { path: self.target.clone(), source } }
    }

    /// The list of digests of everything that is in the folder.
    fn write_list(&self) -> Result<(), CliError> {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let snapshot = self.path().join(super::replace::SNAPSHOT);
        if snapshot.is_dir() {
            for entry in std::fs::read_dir(&snapshot).map_err(CliError::read(&snapshot))? {
                let entry = entry.map_err(CliError::read(&snapshot))?;
                let name = format!("{}/{}", super::replace::SNAPSHOT, entry.file_name().to_string_lossy());
                if let Entry::Vacant(unknown) = digests.entry(name) {
                    let read = File::open(entry.path()).and_then(Digested::of);
                    unknown.insert(read.map_err(CliError::read(&entry.path()))?.sha256);
                }
            }
        }
        self.write(MANIFEST, list(&digests).as_bytes())
    }

    /// Writes the list of digests, and moves the folder to its place.
    pub(super) fn commit_listed(self) -> Result<PathBuf, CliError> {
        self.write_list()?;
        self.commit()
    }

    /// Moves the folder to its place; what was there before goes only when the new one is there.
    pub(super) fn commit(self) -> Result<PathBuf, CliError> {
        self.commit_only(None)
    }

    /// The same; with a name, what gets the place is this file in the folder.
    pub(super) fn commit_only(self, file: Option<&str>) -> Result<PathBuf, CliError> {
        let fail = |source| CliError::Write { path: self.target.clone(), source };
        private::settle(self.folder.path(), self.readable).map_err(fail)?;
        if !self.finishing.begin() {
            return Err(CliError::Interrupted);
        }
        let mut old = None;
        if self.target.symlink_metadata().is_ok() {
            if !self.force {
                return Err(CliError::Exists(self.target.clone()));
            }
            // Again: it may have come there since.
            (self.check)(&self.target)?;
            // Beside our own folder, so that it is on the same file system.
            let aside = self.folder.path().with_extension("old");
            std::fs::rename(&self.target, &aside).map_err(fail)?;
            old = Some(aside);
        }
        let made = self.folder.keep();
        let moved = match file {
            // Somebody else may have come first.
            Some(name) => {
                TempPath::try_from_path(made.join(name)).and_then(|path| path.persist_noclobber(&self.target).map_err(|error| error.error))
            }
            None => std::fs::rename(&made, &self.target),
        };
        if let Err(source) = moved {
            // Put the old one back: nothing must be lost.
            if let Some(aside) = &old {
                let _ = std::fs::rename(aside, &self.target);
            }
            let _ = std::fs::remove_dir_all(&made);
            return Err(CliError::Write { path: self.target, source });
        }
        if let Some(aside) = old {
            let removed = if aside.is_dir() { std::fs::remove_dir_all(&aside) } else { std::fs::remove_file(&aside) };
            removed.map_err(CliError::write(&aside))?;
        }
        if file.is_some() {
            std::fs::remove_dir_all(&made).map_err(CliError::write(&made))?;
        }
        private::sync_folder(parent(&self.target));
        Ok(self.target)
    }
}

/// One document in a file of its own. With `force` it may replace what `is_ours` knows by its beginning.
pub(super) fn write_document(
    target: &Path,
    bytes: &[u8],
    force: bool,
    readable: bool,
    finishing: &Finishing,
    is_ours: fn(&str) -> bool,
) -> Result<PathBuf, CliError> {
    const FILE: &str = "document";
    let name = target.file_name().ok_or_else(|| CliError::NoName(target.to_owned()))?.to_string_lossy().into_owned();
    if force {
        super::replace::replaceable_document(target, is_ours)?;
    }
    let staged = Staged::beside(target, &name, force, finishing, |_| Ok(()))?.readable(readable);
    staged.write(FILE, bytes)?;
    staged.commit_only(Some(FILE))
}

/// A file to which nothing is written after an interrupt.
pub(super) struct Guarded<'a> {
    file: File,
    finishing: &'a Finishing,
}

impl Write for Guarded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Not `ErrorKind::Interrupted`, after which writing would be tried again.
        self.finishing.step(|| self.file.write(bytes)).unwrap_or_else(|| Err(io::Error::other("interrupted")))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl io::Seek for Guarded<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// `requests.jsonl`.
pub(super) fn requests_jsonl(requests: &[RequestRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for request in requests {
        if serde_json::to_writer(&mut bytes, request).is_ok() {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// The documents, rendered into a folder.
pub(super) fn write_documents(
    folder: &Staged,
    formats: &[&'static dyn Format],
    assessment: &Assessment,
    since: Option<&Since>,
) -> Result<(), CliError> {
    let (reported, written) = (Reported::new(assessment).with(since), Mutex::new(BTreeSet::new()));
    if let Some(since) = since {
        let bytes = serde_json::to_vec_pretty(since).map_err(|error| CliError::write(Path::new(SINCE))(error.into()))?;
        folder.write(SINCE, &[bytes.as_slice(), b"\n"].concat())?;
    }
    let write = |format: &'static dyn Format| {
        for document in format.render(&reported)? {
            // What one format attaches may be another's own file: the bytes are the same.
            if written.lock().unwrap_or_else(PoisonError::into_inner).insert(document.name) {
                folder.write_with(document.name, |out| document.write_to(out))?;
            }
        }
        Ok(())
    };
    // At the same time, because they are long.
    std::thread::scope(|scope| {
        let started: Vec<_> = formats.iter().map(|format| scope.spawn(|| write(*format))).collect();
        started.into_iter().try_for_each(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Text to standard output; a reader that has gone away (`| head`) is no error.
pub(super) fn print(bytes: &[u8]) -> Result<(), CliError> {
    to_stdout(|out| out.write_all(bytes))
}

/// One document to standard output.
pub(super) fn print_document(document: &Document<'_>) -> Result<(), CliError> {
    to_stdout(|out| document.write_to(out))
}

fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Stdout(error)),
        _ => Ok(()),
    }
}
