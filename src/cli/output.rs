//! Files: nothing is overwritten without being asked, and nothing half-written is left behind.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::CliError;
use super::replace::replaceable;
use crate::model::{Assessment, RequestRecord};
use crate::report::{FORMATS, Format};
use crate::snapshot::Finishing;

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
    /// Checks everything before the cluster is asked anything.
    pub(super) fn prepare(output: Option<&Path>, formats: &[String], force: bool, finishing: &Finishing) -> Result<Self, CliError> {
        let chosen =
            if formats.is_empty() { FORMATS.to_vec() } else { formats.iter().map(|name| format(name)).collect::<Result<Vec<_>, _>>()? };
        match output {
            None => Ok(Self::Nowhere),
            Some(path) if path == Path::new("-") => match (formats, chosen.as_slice()) {
                ([_], [one]) => Ok(Self::Stdout(*one)),
                _ => Err(CliError::OneFormat(chosen.len())),
            },
            Some(path) => Ok(Self::Folder(Staged::new(path, force, finishing)?, chosen)),
        }
    }
}

fn format(name: &str) -> Result<&'static dyn Format, CliError> {
    crate::report::format(name).ok_or_else(|| CliError::Format {
        name: name.to_owned(),
        known: FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", "),
    })
}

/// A folder that is made beside its place and moved there when it is complete.
pub(super) struct Staged {
    target: PathBuf,
    force: bool,
    folder: TempDir,
    finishing: Finishing,
}

impl Staged {
    /// `target` must not exist (with `force` it may, when it is ours), its parent must.
    pub(super) fn new(target: &Path, force: bool, finishing: &Finishing) -> Result<Self, CliError> {
        let name = target.file_name().ok_or(CliError::NeedsFolder)?.to_string_lossy().into_owned();
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !parent.is_dir() {
            return Err(CliError::NoParent(parent.to_owned()));
        }
        if !force && target.symlink_metadata().is_ok() {
            return Err(CliError::Exists(target.to_owned()));
        }
        replaceable(target)?;
        let folder =
            tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".partial").tempdir_in(parent).map_err(CliError::write(parent))?;
        finishing.watch(folder.path());
        Ok(Self { target: target.to_owned(), force, folder, finishing: finishing.clone() })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        let path = self.path().join(name);
        let written = self.finishing.step(|| std::fs::write(&path, bytes)).ok_or(CliError::Interrupted)?;
        written.map_err(CliError::write(&self.target.join(name)))
    }

    /// Moves the folder to its place; what was there before goes only when the new one is there.
    pub(super) fn commit(self) -> Result<PathBuf, CliError> {
        let fail = |source| CliError::Write { path: self.target.clone(), source };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(self.folder.path(), std::fs::Permissions::from_mode(0o755)).map_err(fail)?;
        }
        if !self.finishing.begin() {
            return Err(CliError::Interrupted);
        }
        let mut old = None;
        if self.target.symlink_metadata().is_ok() {
            if !self.force {
                return Err(CliError::Exists(self.target.clone()));
            }
            // Again: it may have come there since.
            replaceable(&self.target)?;
            // Beside our own folder, so that it is on the same file system.
            let aside = self.folder.path().with_extension("old");
            std::fs::rename(&self.target, &aside).map_err(fail)?;
            old = Some(aside);
        }
        let made = self.folder.keep();
        if let Err(source) = std::fs::rename(&made, &self.target) {
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
        Ok(self.target)
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
pub(super) fn write_documents(folder: &Staged, formats: &[&'static dyn Format], assessment: &Assessment) -> Result<(), CliError> {
    let mut written = BTreeSet::new();
    for format in formats {
        for document in format.render(assessment)? {
            // What one format attaches may be another's own file: the bytes are the same.
            if written.insert(document.name) {
                folder.write(document.name, &document.bytes)?;
            }
        }
    }
    Ok(())
}

/// Text to standard output; a reader that has gone away (`| head`) is no error.
pub(super) fn print(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Stdout(error)),
        _ => Ok(()),
    }
}
