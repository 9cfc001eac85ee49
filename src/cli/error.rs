use std::path::{Path, PathBuf};

use crate::catalog::{CatalogError, Problem};
use crate::facts::FactsError;
use crate::snapshot::SnapshotError;

/// Exit statuses; the contract of scripts and gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; the gate, if one was set, is met.
    Done,
    /// Done; a finding at or above `--fail-on`.
    Gate,
    /// Usage, scope, catalog or file error.
    Usage,
    /// Nothing could be collected, or it was interrupted.
    NothingCollected,
    /// Done, but reads failed and verdicts are missing.
    Incomplete,
    /// A bundle or a record is not what it claims to be.
    NotWhole,
}

impl Exit {
    /// Every status with its meaning, for documentation.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Done, "Done; the gate, if one was set with --fail-on, is met."),
        (Self::Gate, "Done; there is a finding at or above --fail-on."),
        (
            Self::Usage,
            "A usage, scope or catalog error, found before anything was asked of the cluster; or a file that cannot be read or written.",
        ),
        (
            Self::NothingCollected,
            "Nothing could be collected: no cluster, no identity, or no right at all. Also where it was interrupted: nothing was written.",
        ),
        (Self::Incomplete, "Done, but reads failed and verdicts are missing (not with --allow-incomplete); comes before 1."),
        (Self::NotWhole, "`verify`: the bundle or the record is not what it claims to be."),
    ];
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Gate => 1,
            Self::Usage => 2,
            Self::NothingCollected => 3,
            Self::Incomplete => 4,
            Self::NotWhole => 5,
        }
    }
}

/// What can go wrong for a user: each says what failed, on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Standard output is closed or full.
    #[error("cannot write to standard output")]
    Stdout(#[source] std::io::Error),
    /// The output is already there.
    #[error("{} already exists", .0.display())]
    Exists(PathBuf),
    /// What is there was written by somebody else.
    #[error("will not replace {}: {why}", .path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
        /// What was found there.
        why: String,
    },
    /// The output's parent folder is missing.
    #[error("there is no folder {} to write into", .0.display())]
    NoParent(PathBuf),
    /// No such document format.
    #[error("there is no format `{name}`")]
    Format {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// `-o -` with several formats.
    #[error("standard output takes one document, and {0} formats were asked for")]
    OneFormat(usize),
    /// Documents without a place.
    #[error("no place was named for the documents")]
    NeedsFolder,
    /// A path that ends in no name, such as `/` or `.`.
    #[error("will not write to {}: it names no folder that could be made", .0.display())]
    NoName(PathBuf),
    /// Something is wrong in the catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Something is wrong in a file of the user.
    #[error("{} has {} problem(s):\n{}", .path.display(), .problems.len(), .problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
    Problems {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// A label selector is not one.
    #[error(transparent)]
    Selector(#[from] crate::assess::SelectorError),
    /// No such framework, control, table, resource, verb or namespace.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What is called nearly so, or what there is: a whole sentence.
        known: String,
    },
    /// A flag that would do nothing.
    #[error("{flag} does nothing here: {why}")]
    Pointless {
        /// The flag.
        flag: &'static str,
        /// Why.
        why: &'static str,
    },
    /// The name of an archive where a folder is written.
    #[error("will not write a folder with the name of an archive, {}", .0.display())]
    Archive(PathBuf),
    /// A pipe, a device, a socket where a file is read.
    #[error("will not read {}: it is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// A file that is larger than any of its kind.
    #[error("will not read {}: it is larger than {most} bytes", .path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The limit.
        most: u64,
    },
    /// A workspace that is no folder.
    #[error("{} is no folder, and a workspace is one", .0.display())]
    NotAWorkspace(PathBuf),
    /// A file that was read is another one now.
    #[error("{} was changed while it was used", .0.display())]
    ChangedMeanwhile(PathBuf),
    /// Both a workspace and the command line say where ePHI is.
    #[error("both {} and the command line say which namespaces hold ePHI", .0.display())]
    TwoScopes(PathBuf),
    /// What people are to say was not said, and nobody can be asked.
    #[error("missing: {}", .0.join(", "))]
    NotSaid(Vec<&'static str>),
    /// Nothing is read any more from whoever is asked.
    #[error("no answer: the input ended")]
    InputEnded,
    /// What was to be written would not be read again.
    #[error("will not write this:\n{}", .0.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
    WouldNotBeRead(Vec<String>),
    /// A sheet of accesses is not one.
    #[error(transparent)]
    Sheet(#[from] super::access_review::SheetError),
    /// A folder that holds no assessment or no snapshot.
    #[error("{} holds no {what}", .path.display())]
    Lacks {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// An expression of `--where` is wrong.
    #[error("the expression of --where has {} problem(s):\n{}", .0.len(), .0.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
    Where(Vec<String>),
    /// `--where` could not be decided for a row.
    #[error("the expression of --where cannot be decided for {row}: {why}")]
    WhereUndecided {
        /// The row's key.
        row: String,
        /// Why not.
        why: String,
    },
    /// What `who-can` is asked is no question.
    #[error(transparent)]
    Question(#[from] crate::facts::rbac::QuestionError),
    /// A snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Evidence cannot be sealed.
    #[error(transparent)]
    Seal(#[from] super::bundle::SealError),
    /// A bundle cannot be signed, stamped or checked.
    #[error(transparent)]
    Mark(#[from] super::marks::MarkError),
    /// A store cannot be read or written.
    #[error(transparent)]
    Store(#[from] crate::history::store::StoreError),
    /// Manifests cannot be laid over a snapshot.
    #[error(transparent)]
    WhatIf(#[from] super::what_if::WhatIfError),
    /// A saved assessment cannot be read.
    #[error("{} cannot be read as an assessment", .path.display())]
    Assessment {
        /// The file.
        path: PathBuf,
        /// Why.
        source: crate::report::json::ReadError,
    },
    /// An assessment of a snapshot over which manifests were laid.
    #[error("{} is hypothetical: manifests were laid over the snapshot, and no cluster was seen like this", .0.display())]
    Hypothetical(PathBuf),
    /// What lies beside an assessment of a run that was kept.
    #[error("{} cannot be read: it does not say since when findings stand", .path.display())]
    Since {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A bundle that was changed is no side of a comparison.
    #[error("{} is not what was sealed: {problem}{}", .path.display(), if *.all > 1 { format!(", and {} more", .all - 1) } else { String::new() })]
    NotWhole {
        /// Which.
        path: PathBuf,
        /// The first problem.
        problem: String,
        /// How many there are.
        all: usize,
    },
    /// A document cannot be rendered.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
    /// The cluster could not be asked.
    #[error(transparent)]
    Collect(#[from] crate::collect::CollectError),
    /// The cluster cannot be reached with this configuration.
    #[error(transparent)]
    Connect(#[from] crate::collect::ConnectError),
    /// The runtime could not be started.
    #[error("cannot start the asynchronous runtime")]
    Runtime(#[source] std::io::Error),
    /// A command could not be run beside the listener for signals.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// Cases of the catalog came out otherwise.
    #[error("{failed} of {all} cases came out otherwise than written")]
    CasesFailed {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
}

impl From<FactsError> for CliError {
    fn from(error: FactsError) -> Self {
        match error {
            FactsError::Snapshot(error) => Self::Snapshot(error),
        }
    }
}

impl CliError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Read { .. } => "Check the path and its permissions.".to_owned(),
            Self::Write { .. } => "Check the path, its permissions and the free space.".to_owned(),
            Self::Stdout(_) => "Write to a folder with -o DIR.".to_owned(),
            Self::Exists(_) => "Choose another place, or say --force to replace it.".to_owned(),
            Self::NotOurs { .. } => "Choose another place, or remove it yourself first.".to_owned(),
            Self::NoParent(path) => format!("Create it first: mkdir -p {}", path.display()),
            Self::Format { known, .. } => format!("Formats are {known}."),
            Self::OneFormat(_) => "Say which one, such as --format json; or name a folder with -o DIR.".to_owned(),
            Self::NeedsFolder => "Name a folder with -o DIR, or one document with --format, such as --format json.".to_owned(),
            Self::NoName(_) => "Name a new folder, such as evidence.".to_owned(),
            Self::Catalog(_) | Self::Problems { .. } => "Correct the lines above; nothing was asked of the cluster.".to_owned(),
            Self::Selector(_) => "Correct the selector; nothing was asked of the cluster.".to_owned(),
            Self::Unknown { known, .. } => known.clone(),
            Self::Pointless { why: "no folder is written", .. } => "Leave it out, or name a folder with -o DIR.".to_owned(),
            Self::Pointless { .. } => "Leave it out.".to_owned(),
            Self::Archive(_) => "Name a folder; `kube-hipaa collect -o NAME.zip` writes a snapshot as one file.".to_owned(),
            Self::NotAFile(_) => "Save it to a file first, and name that.".to_owned(),
            Self::TooLarge { .. } => "Check that it is the file that was meant.".to_owned(),
            Self::Lacks { what: "assessment.json", path } => format!(
                "Name an evidence folder that kube-hipaa wrote; of a snapshot, `kube-hipaa assess {} -o DIR` makes one.",
                path.display()
            ),
            Self::Lacks { what: "bundle", .. } => "Name the store into which `scan --store` puts bundles.".to_owned(),
            Self::Lacks { .. } => {
                "`scan -o`, `demo` and `collect` keep the snapshot; `assess` and `render` write documents only. Name the one they were made of."
                    .to_owned()
            }
            Self::Where(_) => "Columns are written row.NAME; `kube-hipaa facts SNAPSHOT` lists them.".to_owned(),
            Self::Question(_) => "For example: kube-hipaa who-can get secrets -n NAMESPACE.".to_owned(),
            Self::WhereUndecided { .. } => "Choose columns that are known for every row.".to_owned(),
            Self::Seal(error) => error.advice(),
            Self::Mark(error) => error.advice(),
            Self::Store(error) => error.advice(),
            Self::WhatIf(error) => error.advice(),
            Self::NotAWorkspace(_) => "Name the folder that `kube-hipaa init -w DIR` wrote.".to_owned(),
            Self::ChangedMeanwhile(_) => "Run it again.".to_owned(),
            Self::TwoScopes(_) => "Leave --scope, --ephi-namespace and --ephi-selector out; or take scope.yaml out of the workspace.".to_owned(),
            Self::NotSaid(_) => "Say them as flags; on a terminal they are asked for.".to_owned(),
            Self::InputEnded => "Say what is missing as flags.".to_owned(),
            Self::WouldNotBeRead(_) => "Correct what was said; nothing was written.".to_owned(),
            Self::Sheet(error) => error.advice(),
            // These texts already end with what to do.
            Self::Snapshot(SnapshotError::NoParent { parent, .. }) => format!("mkdir -p {}", parent.display()),
            Self::Snapshot(
                SnapshotError::Exists { .. }
                | SnapshotError::NotOurs { .. }
                | SnapshotError::Interrupted { .. }
                | SnapshotError::Archive { .. }
                | SnapshotError::NoName { .. },
            ) => String::new(),
            Self::Snapshot(_) => {
                "Collect again, or check that the path names a snapshot folder, a .zip of one, or an evidence folder.".to_owned()
            }
            Self::NotWhole { path, .. } => format!("`kube-hipaa verify {}` says more; take the bundle as it was sealed.", path.display()),
            Self::Since { path, .. } => format!("Take {} as it was written; or render assessment.json alone.", path.display()),
            Self::Assessment { .. } => "Name an assessment.json that this version can read.".to_owned(),
            Self::Hypothetical(_) => "Name the evidence of the cluster as it is.".to_owned(),
            Self::Report(_) => "Report this as a bug of kube-hipaa; assessment.json can be rendered by another version.".to_owned(),
            // These texts already end with what to do.
            Self::Collect(_) => String::new(),
            Self::Connect(error) => error.advice(),
            Self::Runtime(_) | Self::Thread(_) => "Check the limits on threads and open files.".to_owned(),
            Self::Interrupted => "Run it again.".to_owned(),
            Self::CasesFailed { .. } => "Correct the control or the case.".to_owned(),
        }
    }

    /// The exit status.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Collect(error) if !error.is_nothing_collected() => Exit::Usage,
            Self::Collect(_) | Self::Connect(_) | Self::Interrupted => Exit::NothingCollected,
            _ => Exit::Usage,
        }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }
    pub(super) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}
