use std::path::PathBuf;

use crate::model::SNAPSHOT_FORMAT;

/// Why a snapshot cannot be read or written. Every text says what failed, on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Nothing is there.
    #[error("cannot open the snapshot {place}: there is no such file or folder; check the path")]
    NotFound {
        /// The path as given.
        place: String,
    },
    /// Something is there, but not a snapshot.
    #[error("{place} is not a snapshot: {why}; give a folder or a .zip file that `kube-hipaa collect` wrote")]
    NotASnapshot {
        /// The path as given.
        place: String,
        /// What was found instead.
        why: String,
    },
    /// The format is not the one of this program.
    #[error(
        "cannot read the snapshot {place}: its format is `{found}` and this program reads `{SNAPSHOT_FORMAT}`; use the version of kube-hipaa that wrote it, or a newer one"
    )]
    OtherFormat {
        /// The path as given.
        place: String,
        /// The format that it declares.
        found: String,
    },
    /// It was a snapshot once.
    #[error("the snapshot {place} is damaged: {file}: {why}; copy it again from where it was collected, or collect anew")]
    Damaged {
        /// The path as given.
        place: String,
        /// The file inside.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The folder to write into is missing.
    #[error("cannot write the snapshot to {}: there is no folder {}; create it first", .path.display(), .parent.display())]
    NoParent {
        /// What was to be written.
        path: PathBuf,
        /// The folder.
        parent: PathBuf,
    },
    /// The disk said no.
    #[error("cannot {what} {}: the system refused; check the path, its permissions and the free space", .path.display())]
    Io {
        /// `read`, `write`, ...
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// The zip file could not be written.
    #[error("cannot pack the snapshot into {}: the archive could not be written; check the free space or write a folder instead", .path.display())]
    Pack {
        /// Where.
        path: PathBuf,
        /// The packer's words.
        #[source]
        source: zip::result::ZipError,
    },
    /// `index.json` could not be serialised.
    #[error("cannot write {}: the index could not be serialised; please report this", .path.display())]
    Index {
        /// Where.
        path: PathBuf,
        /// The serialiser's words.
        #[source]
        source: serde_json::Error,
    },
    /// Existing output is not overwritten.
    #[error("cannot write the snapshot to {}: something is there already; choose another place or say --force", .path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// What is there was written by somebody else.
    #[error("will not replace {} with a snapshot: {why}; choose another place, or remove it yourself first", .path.display())]
    NotOurs {
        /// Where.
        path: PathBuf,
        /// What was found there.
        why: String,
    },
    /// An interrupt came before the last step.
    #[error("did not write {}: it was interrupted before it was complete; run it again", .path.display())]
    Interrupted {
        /// Where it would have been.
        path: PathBuf,
    },
    /// An archive of another form than zip.
    #[error("cannot write the snapshot to {}: it is written as a folder or as a .zip file; give a name that ends in .zip, or in no such ending", .path.display())]
    Archive {
        /// The path as given.
        path: PathBuf,
    },
    /// The path has no name to write to.
    #[error("cannot write the snapshot to {}: that is not a place for a new file or folder; give a path that ends in a name", .path.display())]
    NoName {
        /// The path as given.
        path: PathBuf,
    },
}
