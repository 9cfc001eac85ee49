use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CollectOptionsArgs, ConnectArgs};

/// Arguments of `facts`.
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// Folder or .zip of a snapshot, or an evidence folder
    pub(in crate::cli) snapshot: PathBuf,
    /// The table
    pub(in crate::cli) table: Option<String>,
    /// Only rows for which this expression holds, such as `row.privileged`
    #[arg(long = "where", value_name = "CEL", requires = "table")]
    pub(in crate::cli) filter: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = FactsFormat::Table)]
    pub(in crate::cli) format: FactsFormat,
}

/// How `facts` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FactsFormat {
    /// For reading
    Table,
    /// A list of rows, one object each
    Json,
    /// For spreadsheets
    Csv,
}

/// Arguments of `who-can`.
#[derive(Debug, Args)]
pub struct WhoCanArgs {
    /// The verb, such as get, list, create or impersonate
    pub(in crate::cli) verb: String,
    /// The resource, such as secrets, deployments.apps or pods/exec, or a URL such as /metrics
    pub(in crate::cli) resource: String,
    /// The name of one object
    pub(in crate::cli) name: Option<String>,
    /// Only in this namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(in crate::cli) namespace: Option<String>,
    /// List what Kubernetes' own bindings (system:...) give, too, and do not only count it
    #[arg(short, long)]
    pub(in crate::cli) all: bool,
    /// Folder or .zip of a snapshot, or an evidence folder [default: ask the cluster]
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["kubeconfig", "context", "impersonate", "impersonate_groups", "timeout", "concurrency", "page_size", "no_anonymous_request", "no_progress"])]
    pub(in crate::cli) from: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = WhoCanFormat::Table)]
    pub(in crate::cli) format: WhoCanFormat,
    #[command(flatten)]
    pub(in crate::cli) connect: ConnectArgs,
    #[command(flatten)]
    pub(in crate::cli) collect: CollectOptionsArgs,
}

/// How `who-can` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhoCanFormat {
    /// For reading
    Table,
    /// For programs
    Json,
}
