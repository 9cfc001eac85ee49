use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::FailOn;

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Snapshot, assessment.json, evidence folder or bundle, as it was
    pub(in crate::cli) old: PathBuf,
    /// The same as it is
    pub(in crate::cli) new: PathBuf,
    /// How to print [default: by the ending of FILE, else table]
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<DiffFormat>,
    /// File for the document [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output")]
    pub(in crate::cli) force: bool,
    /// Let everybody on this machine read the file (0644) [default: only you]
    #[arg(long, requires = "output")]
    pub(in crate::cli) world_readable: bool,
    /// Exit with 1 when a new finding is at least this severe, and with 4 when something was seen before and is not any more
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(in crate::cli) fail_on_new: Option<FailOn>,
    /// Do not exit with 4 when something is not seen any more
    #[arg(long, requires = "fail_on_new")]
    pub(in crate::cli) allow_incomplete: bool,
    /// File that says which namespaces hold ePHI, for snapshots
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ephi_namespace", "ephi_selector"], help_heading = "Assessing snapshots")]
    pub(in crate::cli) scope: Option<PathBuf>,
    /// Namespace that holds ePHI, for snapshots; may be repeated [default: all but the system ones]
    #[arg(long, value_name = "NAME", value_parser = crate::cli::inputs::namespace, help_heading = "Assessing snapshots")]
    pub(in crate::cli) ephi_namespace: Vec<String>,
    /// Labels of namespaces that hold ePHI, for snapshots; may be repeated
    #[arg(long, value_name = "LABELS", help_heading = "Assessing snapshots")]
    pub(in crate::cli) ephi_selector: Vec<String>,
    /// Folder with controls of your own by which the new side was assessed; may be repeated
    #[arg(long, value_name = "DIR", help_heading = "Assessing snapshots")]
    pub(in crate::cli) controls: Vec<PathBuf>,
    /// Framework whose paragraphs are reported
    #[arg(long, value_name = "ID", default_value = "hipaa", help_heading = "Assessing snapshots")]
    pub(in crate::cli) framework: String,
}

/// How `diff` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For reading
    Table,
    /// For a pull request or a mail
    Markdown,
    /// For a browser
    Html,
    /// For programs
    Json,
}

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Where the bundles are kept, as for `scan --store`
    pub(in crate::cli) store: String,
    /// Uid of the cluster's kube-system namespace [default: the only cluster of the store]
    #[arg(long, value_name = "UID")]
    pub(in crate::cli) cluster: Option<String>,
    /// Leave out bundles from before this time, such as 2026-01-01
    #[arg(long, value_name = "DATE", value_parser = crate::cli::history::time)]
    pub(in crate::cli) since: Option<DateTime<Utc>>,
    /// Look at the record as at this time, such as 2026-11-28T02:00:00Z [default: now]
    #[arg(long, value_name = "DATE", value_parser = crate::cli::history::time)]
    pub(in crate::cli) as_of: Option<DateTime<Utc>>,
    /// Hours between two bundles [default: the usual time between those that there are]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u64).range(1..=8784))]
    pub(in crate::cli) every: Option<u64>,
    /// How to print; with -o what to write [default: table; html, json and csv into a folder]
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<HistoryFormat>,
    /// Folder for the documents [default: standard output]
    #[arg(short, long, value_name = "DIR")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Replace documents that are already there
    #[arg(long, requires = "output")]
    pub(in crate::cli) force: bool,
    /// Let everybody on this machine read what is written (0755 and 0644) [default: only you]
    #[arg(long, requires = "output")]
    pub(in crate::cli) world_readable: bool,
    /// Print nothing but errors
    #[arg(short, long, requires = "output")]
    pub(in crate::cli) quiet: bool,
}

/// How `history` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For reading
    Table,
    /// For a browser, with plots
    Html,
    /// For programs
    Json,
    /// For spreadsheets: findings, bundles, controls
    Csv,
}
