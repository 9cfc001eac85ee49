use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::Severity;

const EXIT_HELP: &str = "\
Exit status:
  0  done; the gate, if one was set with --fail-on, is met
  1  done; there is a finding at or above --fail-on
  2  a usage, scope or catalog error, found before anything was asked of the cluster; or a file that cannot be read or written
  3  nothing could be collected: no cluster, no identity, or no right at all
  4  done, but reads failed and verdicts are missing (not with --allow-incomplete); comes before 1

First steps:
  kube-hipaa demo                              the report of a reference cluster; needs no cluster
  kube-hipaa preflight                         what this identity can and cannot read
  kube-hipaa scan                              the summary of your cluster
  kube-hipaa scan -o evidence                  with the report and everything it rests on
  kube-hipaa permissions | kubectl apply -f -  an identity with the least rights";

/// Looks at a live Kubernetes cluster, never changes it, and writes the evidence that an auditor of the HIPAA Security Rule
/// (45 CFR Part 164 Subpart C) asks for.
///
/// It only looks: get and list requests, and reviews of its own rights. It never reads a Secret, and it lists every request that it
/// made. What it could not see is reported as not assessed, never as a pass. It makes no statement about compliance.
#[derive(Debug, Parser)]
#[command(name = "kube-hipaa", version, propagate_version = true, max_term_width = 110, arg_required_else_help = true, after_long_help = EXIT_HELP)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour: auto, always or never
    #[arg(long, value_enum, global = true, default_value_t = Color::Auto, value_name = "WHEN", hide_possible_values = true)]
    pub color: Color,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect from a cluster, assess, and print the summary
    ///
    /// With -o DIR the evidence folder is written too: report.html, report.md, assessment.json, lists as CSV, requests.jsonl and the snapshot.
    #[command(
        after_help = "Examples:\n  kube-hipaa scan --ephi-selector data=ephi\n  kube-hipaa scan --scope scope.yaml -o evidence --fail-on high"
    )]
    Scan(ScanArgs),
    /// Show everything on a cluster that is part of the program; needs no cluster
    ///
    /// Assesses the snapshot of a real cluster (the reference clinic of this project) and writes its report to ./kube-hipaa-demo.
    #[command(after_help = "Examples:\n  kube-hipaa demo\n  kube-hipaa demo -o clinic --force --min-severity critical")]
    Demo(DemoArgs),
    /// Collect from a cluster into a snapshot and stop
    #[command(
        after_help = "Examples:\n  kube-hipaa collect -o cluster.zip\n  kube-hipaa collect -o snapshot --context production --timeout 5m"
    )]
    Collect(CollectArgs),
    /// Assess a saved snapshot, offline
    #[command(after_help = "Examples:\n  kube-hipaa assess cluster.zip\n  kube-hipaa assess evidence -o again --controls our-controls")]
    Assess(AssessArgs),
    /// Print the tables that controls look at
    ///
    /// Without TABLE: the tables with their columns. With it: its rows.
    #[command(
        after_help = "Examples:\n  kube-hipaa facts cluster.zip\n  kube-hipaa facts evidence containers --where 'row.privileged' --format csv"
    )]
    Facts(FactsArgs),
    /// Say who may do something, through which binding and rule
    ///
    /// RESOURCE is written as for kubectl: secrets, deployments.apps, pods/exec, or a URL such as /metrics. Without -n every namespace is
    /// looked at, and each way says where it holds. The answer is that of RBAC; other authorizers of a cluster can allow more.
    #[command(
        after_help = "Examples:\n  kube-hipaa who-can get secrets -n records\n  kube-hipaa who-can create pods/exec --from cluster.zip --format json"
    )]
    WhoCan(WhoCanArgs),
    /// Write documents again from a saved assessment.json
    #[command(
        after_help = "Examples:\n  kube-hipaa render evidence -o again --format markdown,csv\n  kube-hipaa render assessment.json --format html > report.html"
    )]
    Render(RenderArgs),
    /// Print the manifests of the least rights that a scan needs
    #[command(
        after_help = "Examples:\n  kube-hipaa permissions | kubectl apply -f -\n  kube-hipaa permissions --core-only -n audit > rights.yaml"
    )]
    Permissions(PermissionsArgs),
    /// Say what this identity can and cannot read, and what each gap costs
    #[command(
        after_help = "Examples:\n  kube-hipaa preflight\n  kube-hipaa preflight --as system:serviceaccount:kube-hipaa:kube-hipaa -o yaml | kubectl apply -f -"
    )]
    Preflight(PreflightArgs),
    /// Read and check the catalog of controls
    #[command(
        after_help = "Examples:\n  kube-hipaa controls show pod/privileged-container\n  kube-hipaa controls lint --controls our-controls"
    )]
    Controls(ControlsArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  source <(kube-hipaa completions bash)\n  kube-hipaa completions fish > ~/.config/fish/completions/kube-hipaa.fish"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff) of the program, or of one command
    #[command(hide = true)]
    Man {
        /// The command
        command: Option<String>,
    },
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which cluster, as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ConnectArgs {
    /// Path of the kubeconfig file [default: KUBECONFIG, ~/.kube/config, or the identity of the pod it runs in]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// User to impersonate
    #[arg(long = "as", value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long = "as-group", value_name = "GROUP", requires = "impersonate")]
    pub impersonate_groups: Vec<String>,
    /// Name of the cluster in reports [default: the context's name]
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,
}

/// How to collect.
#[derive(Debug, Args)]
#[command(next_help_heading = "Collecting")]
pub struct CollectOptionsArgs {
    /// Time after which whatever is not read yet is reported as not read
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Objects per page of a list
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub page_size: u32,
    /// Lists that are read at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub concurrency: u8,
    /// Do not send the one request without credentials that establishes whether anonymous access is on
    #[arg(long)]
    pub no_anonymous_request: bool,
    /// Do not show progress, even on a terminal
    #[arg(long)]
    pub no_progress: bool,
}

/// What to assess, and against what.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Assessing")]
pub struct AssessOptionsArgs {
    /// File that says which namespaces hold ePHI
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ephi_namespace", "ephi_selector"])]
    pub scope: Option<PathBuf>,
    /// Namespace that holds ePHI; may be repeated [default: all but the system ones]
    #[arg(long, value_name = "NAME", value_parser = super::inputs::namespace)]
    pub ephi_namespace: Vec<String>,
    /// Labels of namespaces that hold ePHI, such as `data=ephi`; may be repeated
    #[arg(long, value_name = "LABELS")]
    pub ephi_selector: Vec<String>,
    /// Folder with controls of your own, laid over the built-in ones; may be repeated
    #[arg(long, value_name = "DIR")]
    pub controls: Vec<PathBuf>,
    /// Framework whose paragraphs are reported
    #[arg(long, value_name = "ID", default_value = "hipaa")]
    pub framework: String,
    /// Exit with 1 when a finding is at least this severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Do not exit with 4 when reads failed
    #[arg(long)]
    pub allow_incomplete: bool,
    #[command(flatten)]
    pub(super) narrow: NarrowArgs,
}

/// What of the findings the terminal shows.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Showing (the judgement, the documents and the exit status stay whole)")]
pub struct NarrowArgs {
    /// Show only findings in this namespace; may be repeated
    #[arg(short, long, value_name = "NAME")]
    pub(super) namespace: Vec<String>,
    /// Show only findings of this control; may be repeated
    #[arg(long, value_name = "ID")]
    pub(super) control: Vec<String>,
    /// Show only findings that are at least this severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(super) min_severity: Option<FailOn>,
}

/// What to write where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Folder for the documents; `-`, or one --format without a folder, writes that to standard output
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Documents to write [default: html,markdown,json]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub format: Vec<String>,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Let everybody on this machine read what is written (0755 and 0644) [default: only you]
    #[arg(long)]
    pub world_readable: bool,
    /// Print nothing but errors, and one line when the gate is not met
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print every source with what became of it
    #[arg(short, long)]
    pub verbose: bool,
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
    #[command(flatten)]
    pub(super) collect: CollectOptionsArgs,
    #[command(flatten)]
    pub(super) assess: AssessOptionsArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub(super) assess: AssessOptionsArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
    #[command(flatten)]
    pub(super) collect: CollectOptionsArgs,
    /// Folder of the snapshot, or a file that ends in .zip
    #[arg(short, long, value_name = "SNAPSHOT")]
    pub(super) output: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub(super) force: bool,
    /// Let everybody on this machine read the snapshot (0755 and 0644) [default: only you]
    #[arg(long)]
    pub(super) world_readable: bool,
    /// Do not exit with 4 when reads failed
    #[arg(long)]
    pub(super) allow_incomplete: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// Arguments of `assess`.
#[derive(Debug, Args)]
pub struct AssessArgs {
    /// Folder or .zip of a snapshot, or an evidence folder
    pub(super) snapshot: PathBuf,
    #[command(flatten)]
    pub(super) assess: AssessOptionsArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Arguments of `facts`.
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// Folder or .zip of a snapshot, or an evidence folder
    pub(super) snapshot: PathBuf,
    /// The table
    pub(super) table: Option<String>,
    /// Only rows for which this expression holds, such as `row.privileged`
    #[arg(long = "where", value_name = "CEL", requires = "table")]
    pub(super) filter: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = FactsFormat::Table)]
    pub(super) format: FactsFormat,
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
    pub(super) verb: String,
    /// The resource, such as secrets, deployments.apps or pods/exec, or a URL such as /metrics
    pub(super) resource: String,
    /// The name of one object
    pub(super) name: Option<String>,
    /// Only in this namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// List what Kubernetes' own bindings (system:...) give, too, and do not only count it
    #[arg(short, long)]
    pub(super) all: bool,
    /// Folder or .zip of a snapshot, or an evidence folder [default: ask the cluster]
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["kubeconfig", "context", "impersonate", "impersonate_groups"])]
    pub(super) from: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = WhoCanFormat::Table)]
    pub(super) format: WhoCanFormat,
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
    #[command(flatten)]
    pub(super) collect: CollectOptionsArgs,
}

/// How `who-can` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhoCanFormat {
    /// For reading
    Table,
    /// For programs
    Json,
}

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// A saved assessment.json, or the evidence folder that holds it
    pub(super) assessment: PathBuf,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Arguments of `permissions`.
#[derive(Debug, Args)]
pub struct PermissionsArgs {
    /// Namespace of the service account
    #[arg(short, long, default_value = "kube-hipaa", value_parser = super::inputs::namespace)]
    pub(super) namespace: String,
    /// Leave out the rights to read add-ons (service meshes, policy engines, backup systems and so on)
    #[arg(long)]
    pub(super) core_only: bool,
    /// Also print, apart, the rights for what is read and stored and what no control of today's catalog rests on
    #[arg(long, conflicts_with = "core_only")]
    pub(super) for_later: bool,
    /// Also print the Roles for the namespaces of add-ons (such as falco or kyverno); apply those whose namespaces exist
    #[arg(short = 'A', long, conflicts_with = "core_only")]
    pub(super) all_namespaces: bool,
}

/// Arguments of `preflight`.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
    #[command(flatten)]
    pub(super) collect: CollectOptionsArgs,
    /// Print every source, not only those that cannot be read
    #[arg(short, long, conflicts_with = "output")]
    pub(super) verbose: bool,
    /// `yaml` prints the missing rules as manifests for `kubectl apply`, bound to this identity
    #[arg(short, long, value_enum, value_name = "FORM")]
    pub(super) output: Option<PreflightOutput>,
}

/// How `preflight` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreflightOutput {
    /// The missing rules as manifests
    Yaml,
}

/// Arguments of `controls`.
#[derive(Debug, Args)]
pub struct ControlsArgs {
    #[command(subcommand)]
    pub(super) command: ControlsCommand,
    /// Folder with controls of your own, laid over the built-in ones; may be repeated
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) controls: Vec<PathBuf>,
}

/// What to do with the catalog.
#[derive(Debug, Subcommand)]
pub enum ControlsCommand {
    /// List the controls
    List,
    /// Show one control whole
    Show {
        /// Its id, such as pod/privileged-container
        id: String,
    },
    /// Check all files and report every problem with file and line
    Lint,
    /// Run the cases beside the controls
    Test {
        /// Only the cases of this control
        id: Option<String>,
    },
}

/// A severity for the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Only critical findings
    Critical,
    /// High and critical ones
    High,
    /// Medium and above
    Medium,
    /// Any finding
    Low,
}

impl FailOn {
    /// The least severity that fails the gate.
    pub fn severity(self) -> Severity {
        match self {
            Self::Critical => Severity::Critical,
            Self::High => Severity::High,
            Self::Medium => Severity::Medium,
            Self::Low => Severity::Low,
        }
    }
}

/// Go's duration form, as kubectl's --request-timeout has it: `90s`, `5m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 5m or 1h");
    let mut seconds: u64 = 0;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let value: u64 = number.parse().map_err(|_| wrong())?;
        seconds = value.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        number.clear();
    }
    if !number.is_empty() || seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_written_as_for_kubectl() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "5", "m", "0s", "1d", "-1s", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
