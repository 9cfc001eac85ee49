use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{CollectOptionsArgs, ConnectArgs};

/// The commands about what people declare and answer.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Write a workspace: what people declare and answer, as files under version control
    ///
    /// Writes scope.yaml, in which every namespace stands with what speaks for and against ePHI, one file for each question that only
    /// people can answer, and README.md. What is there is never changed: a second run adds what is new, and says so.
    #[command(after_help = "Examples:\n  kube-hipaa init -w hipaa\n  kube-hipaa init -w hipaa --from cluster.zip")]
    Init(InitArgs),
    /// List what people still have to answer, by paragraph
    ///
    /// With --format markdown ready to be sent to those who know. With --from also what no API shows.
    #[command(
        after_help = "Examples:\n  kube-hipaa questions -w hipaa --from evidence\n  kube-hipaa questions --from evidence --format markdown > questions.md\n  kube-hipaa questions -w hipaa --from evidence --access-review access.xlsx"
    )]
    Questions(QuestionsArgs),
    /// List what an audit asks for, each with the control, part of the report or question that stands for it
    ///
    /// The asks are those of the audit protocol of the Office for Civil Rights, in our own words, and ours where one of its rows is broken
    /// down to what a cluster has (`origin: ours`). Their ids stay.
    #[command(
        after_help = "Examples:\n  kube-hipaa asks\n  kube-hipaa asks --paragraph '164.312(b)' --from evidence\n  kube-hipaa asks --format csv > asks.csv"
    )]
    Asks(AsksArgs),
    /// Write the answer to a question into the workspace
    ///
    /// On a terminal what is missing is asked for. An answer stands beside what was observed and changes no outcome.
    #[command(
        after_help = "Examples:\n  kube-hipaa answer manual/audit-log-review -w hipaa\n  kube-hipaa answer manual/audit-log-review -w hipaa --statement 'Reviewed weekly' --by 'A. Reviewer' --role 'Security operations' --until 2027-11-30\n  kube-hipaa answer -w hipaa --access-review access.xlsx --by 'A. Owner' --role 'Owner of the cluster' --until 2027-11-30"
    )]
    Answer(AnswerArgs),
    /// Write into the workspace that somebody lives with a finding for a time
    ///
    /// A waiver stands beside the finding and changes nothing about it; --fail-on leaves findings out that have one in force.
    #[command(
        after_help = "Examples:\n  kube-hipaa waive pod/privileged-container -w hipaa --object Deployment/imaging/film-scanner --reason 'Driver needs it' --owner 'Imaging' --approved-by 'Security official' --until 2027-02-28\n  kube-hipaa waive 0123456789abcdef -w hipaa --from evidence"
    )]
    Waive(WaiveArgs),
    /// Write into the workspace what was decided about an addressable specification
    ///
    /// 45 CFR 164.306(d)(3): implemented, an equivalent alternative, or not reasonable and appropriate; with the reason.
    #[command(
        after_help = "Examples:\n  kube-hipaa dispose '164.312(a)(2)(iv)' -w hipaa --decision implemented --rationale 'Volumes and etcd are encrypted' --by 'Security official'\n  kube-hipaa dispose '164.312(a)(2)(iii)' -w hipaa"
    )]
    Dispose(DisposeArgs),
}

/// The folder with what people declared and answered.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What people declared and answered")]
pub struct WorkspaceArgs {
    /// Folder with scope.yaml, answers/, waivers/, dispositions/ and controls/ (`kube-hipaa init` writes one)
    #[arg(short, long, value_name = "DIR", env = "KUBE_HIPAA_WORKSPACE")]
    pub(in crate::cli) workspace: Option<PathBuf>,
    /// Count findings with a waiver in force for --fail-on, too
    #[arg(long, requires = "fail_on")]
    pub(in crate::cli) strict_waivers: bool,
    /// Go on when evidence that an answer names is missing or was changed, and count it on the first page [default: exit with 2]
    #[arg(long, requires = "workspace")]
    pub(in crate::cli) allow_missing_evidence: bool,
    /// File that says what the cluster cannot: an audit policy (Policy of audit.k8s.io/v1); may be repeated, beside those in imports/ of
    /// the workspace. It is kept with the evidence as it is
    #[arg(long = "import", value_name = "FILE")]
    pub(in crate::cli) imports: Vec<PathBuf>,
    /// Say what was taken from each file that was handed over
    #[arg(long)]
    pub(in crate::cli) explain_imports: bool,
}

/// The workspace that a command writes into.
#[derive(Clone, Debug, Args)]
pub struct IntoWorkspaceArgs {
    /// Folder of the workspace
    #[arg(short, long, value_name = "DIR", env = "KUBE_HIPAA_WORKSPACE")]
    pub(in crate::cli) workspace: PathBuf,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    #[command(flatten)]
    pub(in crate::cli) into: IntoWorkspaceArgs,
    /// Folder or .zip of a snapshot, or an evidence folder [default: ask the cluster]
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["kubeconfig", "context", "impersonate", "impersonate_groups", "timeout", "concurrency", "page_size", "no_anonymous_request", "no_progress"])]
    pub(in crate::cli) from: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) connect: ConnectArgs,
    #[command(flatten)]
    pub(in crate::cli) collect: CollectOptionsArgs,
}

/// Arguments of `questions`.
#[derive(Debug, Args)]
pub struct QuestionsArgs {
    /// Folder of the workspace that holds the answers
    #[arg(short, long, value_name = "DIR", env = "KUBE_HIPAA_WORKSPACE")]
    pub(in crate::cli) workspace: Option<PathBuf>,
    /// Evidence folder, assessment.json or snapshot: adds what was not seen and people can say [default: the questions of the catalog]
    #[arg(long, value_name = "EVIDENCE")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = QuestionsFormat::Table)]
    pub(in crate::cli) format: QuestionsFormat,
    /// Also those that are answered (json and csv hold them always)
    #[arg(long, conflicts_with = "access_review")]
    pub(in crate::cli) all: bool,
    /// Write the sheet of the yearly access review, a .csv or .xlsx: who has what, to be filled in and read back by `answer`
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with = "format")]
    pub(in crate::cli) access_review: Option<PathBuf>,
    /// Replace a sheet that is already there and that nobody has filled in
    #[arg(long, requires = "access_review")]
    pub(in crate::cli) force: bool,
}

/// Arguments of `asks`.
#[derive(Debug, Args)]
pub struct AsksArgs {
    /// Only those of this paragraph, or of all whose citation begins so
    #[arg(long, value_name = "CITATION")]
    pub(in crate::cli) paragraph: Option<String>,
    /// Evidence folder, assessment.json or snapshot: adds what each answer came to
    #[arg(long, value_name = "EVIDENCE")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// Folder of the workspace that holds the answers
    #[arg(short, long, value_name = "DIR", env = "KUBE_HIPAA_WORKSPACE")]
    pub(in crate::cli) workspace: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = AsksFormat::Table)]
    pub(in crate::cli) format: AsksFormat,
}

/// How `asks` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AsksFormat {
    /// For reading
    Table,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
}

/// How `questions` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QuestionsFormat {
    /// For reading
    Table,
    /// To be sent, one part for each role
    Markdown,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
}

/// Arguments of `answer`.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// Id of the question, as `kube-hipaa questions` lists it
    #[arg(required_unless_present = "access_review", conflicts_with = "access_review")]
    pub(in crate::cli) id: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) into: IntoWorkspaceArgs,
    /// The answer
    #[arg(long, value_name = "TEXT", conflicts_with = "access_review")]
    pub(in crate::cli) statement: Option<String>,
    /// Who answers: a name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
    /// As what
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
    /// The last day on which the answer holds
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) until: Option<String>,
    /// The day of the answer [default: today]
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) on: Option<String>,
    /// File that shows it; copied into evidence/ when it lies elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) evidence: Vec<PathBuf>,
    /// What shows it elsewhere: a ticket, a document
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reference: Option<String>,
    /// Evidence folder, assessment.json or snapshot that asks the question; for one that no file of the workspace names
    #[arg(long, value_name = "EVIDENCE", conflicts_with = "access_review")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// A filled-in sheet of `questions --access-review`, read back as the answer to manual/access-review
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) access_review: Option<PathBuf>,
}

/// Arguments of `waive`.
#[derive(Debug, Args)]
pub struct WaiveArgs {
    /// Id of a control, or the fingerprint of one finding
    pub(in crate::cli) what: String,
    #[command(flatten)]
    pub(in crate::cli) into: IntoWorkspaceArgs,
    /// Why the risk is taken
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) owner: Option<String>,
    /// Who approved it; somebody else
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) approved_by: Option<String>,
    /// The last day on which it holds
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) until: Option<String>,
    /// The first day [default: today]
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) starting: Option<String>,
    /// Object that it is about, KIND/NAMESPACE/NAME or KIND/NAME; may be repeated
    #[arg(long, value_name = "OBJECT")]
    pub(in crate::cli) object: Vec<String>,
    /// What is done in its place
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) compensating: Option<String>,
    /// Evidence folder or assessment.json with the finding: refuses what is not there
    #[arg(long, value_name = "EVIDENCE")]
    pub(in crate::cli) from: Option<PathBuf>,
}

/// Arguments of `dispose`.
#[derive(Debug, Args)]
pub struct DisposeArgs {
    /// The addressable specification, such as 164.312(a)(2)(iv)
    pub(in crate::cli) paragraph: String,
    #[command(flatten)]
    pub(in crate::cli) into: IntoWorkspaceArgs,
    /// What was decided (45 CFR 164.306(d)(3))
    #[arg(long, value_enum, value_name = "DECISION")]
    pub(in crate::cli) decision: Option<DecisionArg>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) rationale: Option<String>,
    /// What was weighed: size, infrastructure, cost, probability and criticality of the risk (45 CFR 164.306(b), (d)(3)(i))
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) assessment: Option<String>,
    /// The equivalent measure that takes its place
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) alternative: Option<String>,
    /// Who decided
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
    /// The day of the decision [default: today]
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) on: Option<String>,
    /// The day by which it is looked at again
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) review_by: Option<String>,
    /// File that shows it; copied into evidence/ when it lies elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) document: Vec<PathBuf>,
}

/// What is decided about an addressable specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DecisionArg {
    /// It is implemented
    #[value(name = "implemented")]
    Implemented,
    /// An equivalent measure takes its place
    #[value(name = "alternative")]
    Alternative,
    /// It is not reasonable and appropriate here
    #[value(name = "not_reasonable", alias = "not-reasonable")]
    NotReasonable,
}
