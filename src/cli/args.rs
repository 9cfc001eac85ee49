mod bundles;
mod cluster;
mod people;
mod tables;
mod time;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::log::LogFormat;
use crate::model::Severity;
pub use bundles::{BundleArgs, MarkArgs, StoreArgs, VerifyArgs, VerifyFormat};
pub use cluster::{CollectOptionsArgs, ConnectArgs, NameArgs, PaceArgs};
pub use people::{
    AnswerArgs, AsksArgs, AsksFormat, DecisionArg, DisposeArgs, InitArgs, PeopleCommand, QuestionsArgs, QuestionsFormat, WaiveArgs,
    WorkspaceArgs,
};
pub use tables::{FactsArgs, FactsFormat, WhoCanArgs, WhoCanFormat};
pub use time::{DiffArgs, DiffFormat, HistoryArgs, HistoryFormat};

const EXIT_HELP: &str = "\
Exit status:
  0  done; the gate, if one was set with --fail-on, is met
  1  done; there is a finding at or above --fail-on
  2  a usage, scope or catalog error, found before anything was asked of the cluster; or a file that cannot be read or written
  3  nothing could be collected: no cluster, no identity, or no right at all
  4  done, but reads failed and verdicts are missing (not with --allow-incomplete); comes before 1
  5  verify: the bundle or the record is not what it claims to be

First steps:
  kube-hipaa demo                              the report of a reference cluster; needs no cluster
  kube-hipaa preflight                         what this identity can and cannot read
  kube-hipaa scan                              the summary of your cluster
  kube-hipaa scan -o evidence                  with the report and everything it rests on
  kube-hipaa permissions | kubectl apply -f -  an identity with the least rights";

/// Looks at a live Kubernetes cluster, never changes it, and writes evidence of the kind that OCR's audit protocol for the HIPAA
/// Security Rule (45 CFR Part 164 Subpart C) asks regulated entities for.
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
    /// File with values for flags that are not given; no such file is read that was not named
    #[arg(long, global = true, value_name = "FILE", env = super::config::VARIABLE, hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// How to write to standard error: text for people, or json, one object a line
    #[arg(long, value_enum, global = true, default_value_t = LogFormat::Text, value_name = "FORM", hide_possible_values = true)]
    pub log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect from a cluster, assess, and print the summary
    ///
    /// With -o DIR the evidence folder is written too: report.html, report.md, assessment.json, lists as CSV, requests.jsonl and the snapshot.
    #[command(
        after_help = "Examples:\n  kube-hipaa scan --ephi-selector data=ephi\n  kube-hipaa scan --scope scope.yaml -o evidence --fail-on high\n  kube-hipaa scan --scope scope.yaml --store s3://audit/record"
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
    ///
    /// With --with the manifests are laid over the snapshot first, as if they had been applied and controllers had done their work; an object with
    /// `$patch: delete` is taken away. Such an assessment says on every page that it is hypothetical, and cannot be sealed.
    #[command(
        after_help = "Examples:\n  kube-hipaa assess cluster.zip\n  kube-hipaa assess evidence -o again --controls our-controls\n  kube-hipaa assess cluster.zip --with manifests -o what-if && kube-hipaa diff cluster.zip what-if"
    )]
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
    /// What people declare and answer
    #[command(flatten)]
    People(PeopleCommand),
    /// Seal an evidence folder, so that a change shows to whoever noted its id
    ///
    /// The bundle is a folder or a .zip with the evidence, the rules by which it was assessed, and lists of digests (BagIt 1.0, RFC 8493).
    /// Its id, which is printed, stands for all of it: note the id where the keeper of the bundle cannot change it, have the bundle signed by
    /// an SSH key, or stamped by a timestamp authority. README.txt in the bundle says how all of it is checked without this program.
    #[command(
        after_help = "Examples:\n  kube-hipaa bundle evidence -o 2026-11-28.zip --sign-key key\n  kube-hipaa bundle evidence --store /var/lib/record --timestamp-url http://tsa.example/tsr"
    )]
    Bundle(BundleArgs),
    /// Check that a bundle is what was sealed, or a store what was put into it
    ///
    /// Names every file that was changed, removed, added or put in from elsewhere, and ends with 5 if there is one. Of a store every bundle is
    /// checked, and the chain of every cluster: gaps, broken links and forks are named. An evidence folder that was not sealed is checked by
    /// its own list of digests.
    #[command(
        after_help = "Examples:\n  kube-hipaa verify 2026-11-28.zip --allowed-signers signers --require-signature --tsa-ca authority.pem\n  kube-hipaa verify s3://audit/record"
    )]
    Verify(VerifyArgs),
    /// Say what changed between two observations, and why
    ///
    /// OLD and NEW are snapshots, assessments, evidence folders or bundles. What is not seen any more is never called gone. Where both hold
    /// their snapshot and the rules or the scope differ, the old one is assessed again by the new ones, so that a cause is shown and not guessed.
    #[command(
        after_help = "Examples:\n  kube-hipaa diff yesterday.zip today.zip\n  kube-hipaa diff evidence-1 evidence-2 --format markdown --fail-on-new high"
    )]
    Diff(DiffArgs),
    /// Show the record of a cluster over time
    ///
    /// Reads the bundles of a store: what each control and paragraph was when, since when each finding stands and how long it took to mend it,
    /// gaps in the schedule, days of the last twelve months without evidence. A record whose newest bundle is older than its schedule says so first.
    #[command(
        after_help = "Examples:\n  kube-hipaa history /var/lib/kube-hipaa\n  kube-hipaa history /var/lib/kube-hipaa --since 2026-01-01 -o record"
    )]
    History(HistoryArgs),
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
    /// Proposed rule to set beside it, in a section of its own and outside of all counts, such as nprm-2025
    #[arg(long, value_name = "ID")]
    pub proposed: Option<String>,
    /// Exit with 1 when a finding is at least this severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Do not exit with 4 when reads failed
    #[arg(long)]
    pub allow_incomplete: bool,
    #[command(flatten)]
    pub(super) narrow: NarrowArgs,
}

impl AssessOptionsArgs {
    /// As if nothing had been said.
    pub(super) fn plain() -> Self {
        Self {
            scope: None,
            ephi_namespace: Vec::new(),
            ephi_selector: Vec::new(),
            controls: Vec::new(),
            framework: "hipaa".to_owned(),
            proposed: None,
            fail_on: None,
            allow_incomplete: false,
            narrow: NarrowArgs::default(),
        }
    }
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

impl NarrowArgs {
    /// The first flag that was given.
    pub(super) fn first(&self) -> Option<&'static str> {
        let given = [
            (!self.namespace.is_empty(), "--namespace"),
            (!self.control.is_empty(), "--control"),
            (self.min_severity.is_some(), "--min-severity"),
        ];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, flag)| flag)
    }
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
    pub(super) name: NameArgs,
    #[command(flatten)]
    pub(super) collect: CollectOptionsArgs,
    #[command(flatten)]
    pub(super) assess: AssessOptionsArgs,
    #[command(flatten)]
    pub(super) people: WorkspaceArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    #[command(flatten)]
    pub(super) marks: MarkArgs,
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
    pub(super) name: NameArgs,
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
    /// File or folder of manifests that are laid over the snapshot before it is assessed, to say what they would change; may be repeated
    #[arg(long = "with", value_name = "FILE|DIR", conflicts_with = "store")]
    pub(super) manifests: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) assess: AssessOptionsArgs,
    #[command(flatten)]
    pub(super) people: WorkspaceArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    #[command(flatten)]
    pub(super) marks: MarkArgs,
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
    pub(super) pace: PaceArgs,
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
    #[command(after_help = "Examples:\n  kube-hipaa controls list\n  kube-hipaa controls list --controls our-controls")]
    List,
    /// Show one control whole
    #[command(
        after_help = "Examples:\n  kube-hipaa controls show pod/privileged-container\n  kube-hipaa controls show team/labels --controls our-controls"
    )]
    Show {
        /// Its id, such as pod/privileged-container
        id: String,
    },
    /// Check all files and report every problem with file and line
    #[command(after_help = "Examples:\n  kube-hipaa controls lint\n  kube-hipaa controls lint --controls our-controls")]
    Lint,
    /// Write the mapping for others to read: JSON, lists as CSV, and OSCAL (catalogue, mapping collection, component definition)
    #[command(
        after_help = "Examples:\n  kube-hipaa controls export -o mapping\n  kube-hipaa controls export -o mapping --framework nprm-2025"
    )]
    Export {
        /// Folder for the files; written anew, or with --force in place of one that was written by this command
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// The framework to write
        #[arg(long, value_name = "ID", default_value = "hipaa")]
        framework: String,
        /// Replace a folder that this command wrote
        #[arg(long)]
        force: bool,
    },
    /// Run the cases beside the controls
    #[command(
        after_help = "Examples:\n  kube-hipaa controls test --controls our-controls\n  kube-hipaa controls test pod/privileged-container"
    )]
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
