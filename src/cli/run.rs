//! The commands along the line: collect, assess, write, say what came out.

use std::mem::ManuallyDrop;
use std::path::Path;

use super::args::{AssessArgs, AssessOptionsArgs, DemoArgs, OutputArgs, RenderArgs, WorkspaceArgs};
use super::error::{CliError, Exit};
use super::inputs::MOST_ASSESSMENT;
use super::nearest::there_are;
use super::output::{Destination, print, print_document, requests_jsonl, write_documents};
use super::record::{self, Record};
use super::replace::{REQUESTS, SINCE, SNAPSHOT};
use super::workspace::{self, Found};
use super::{color, imports, inputs, narrow, terminal_width, tool, what_if};
use crate::assess::{Input, ScopeDeclaration, Workspace, assess};
use crate::catalog::{Catalog, Framework};
use crate::facts::{Computation, Tables};
use crate::model::{Assessment, CatalogIdentity, Finding, RequestRecord, Since, SourceId, SourceState, Unseen, UnseenKind};
use crate::report::{Reported, Summary, escape, json, summary};
use crate::snapshot::{Finishing, Snapshot};

/// Everything that is needed to assess, checked before anything is asked of a cluster.
pub(super) struct Plan<'a> {
    args: &'a AssessOptionsArgs,
    strict_waivers: bool,
    catalog: Catalog,
    scope: ScopeDeclaration,
    found: Option<Found>,
    workspace: Option<Workspace>,
    /// Files that were handed over where there is no workspace.
    handed: Option<Found>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(args: &'a AssessOptionsArgs) -> Result<Self, CliError> {
        Self::with(args, &WorkspaceArgs::default())
    }

    /// The same, with what people declared and answered.
    pub(super) fn with(args: &'a AssessOptionsArgs, people: &WorkspaceArgs) -> Result<Self, CliError> {
        let mut found = workspace::named(people)?;
        let handed = match &mut found {
            Some(found) => {
                found.hand_over(&people.imports);
                None
            }
            None if people.imports.is_empty() => None,
            None => Some(Found::only(&people.imports)?),
        };
        let mut controls = args.controls.clone();
        controls.extend(found.as_ref().and_then(|found| found.controls.clone()));
        let catalog = super::people::catalog_with(&controls, found.as_ref(), people.allow_missing_evidence)?;
        let strict_waivers = people.strict_waivers;
        let mut plan = Self { scope: ScopeDeclaration::Default, strict_waivers, catalog, args, found, workspace: None, handed };
        plan.proposed()?;
        if people.explain_imports {
            plan.explain_imports();
        }
        let framework = plan.framework()?;
        let Some(found) = &plan.found else {
            plan.scope = inputs::scope(args, &plan.catalog)?;
            return Ok(plan);
        };
        let declared = found.scope.as_ref().map(|(path, text)| (path, inputs::scope_of(path, text, Some(&plan.catalog))));
        let read = found.read(&plan.catalog, framework, people.allow_missing_evidence);
        // What is wrong with the scope file is said together with what is wrong with the others.
        let (scope, workspace) = match (declared, read) {
            (Some((_, Err(problems))), Err(CliError::Problems { problems: others, path })) => {
                let mut problems = [problems, others].concat();
                problems.sort();
                return Err(CliError::Problems { path, problems });
            }
            (Some((_, Err(problems))), Ok(_)) => return Err(found.with_problems(problems)),
            (_, Err(error)) => return Err(error),
            (Some((path, Ok(_))), Ok(_)) if inputs::says_scope(args) => return Err(CliError::TwoScopes(path.clone())),
            (Some((_, Ok(scope))), Ok(workspace)) => (scope, workspace),
            (None, Ok(workspace)) => (inputs::scope(args, &plan.catalog)?, workspace),
        };
        (plan.scope, plan.workspace) = (scope, Some(workspace));
        Ok(plan)
    }

    /// By which rules it assesses.
    pub(super) fn rules(&self) -> &CatalogIdentity {
        self.catalog.identity()
    }

    /// The workspace as it was found, or the files that were handed over, to be kept beside the evidence.
    pub(super) fn found(&self) -> Option<&Found> {
        self.found.as_ref().or(self.handed.as_ref())
    }

    fn explain_imports(&self) {
        let imports = self.found().map_or(&[][..], |found| &found.imports);
        imports.iter().for_each(|import| super::tell(&import.explained()));
        if imports.is_empty() {
            super::tell("No file was handed over: name one with --import FILE, or put it into imports/ of the workspace.");
        }
    }

    /// What of an assessment goes into a record.
    pub(super) fn keeping<'k>(
        &'k self,
        assessment: &'k Assessment,
        since: Option<&'k Since>,
        snapshot: &'k Snapshot,
    ) -> record::Keeping<'k> {
        record::Keeping { assessment, since, snapshot, controls: &self.args.controls, workspace: self.found() }
    }

    fn framework(&self) -> Result<&Framework, CliError> {
        self.catalog.framework(&self.args.framework).ok_or_else(|| CliError::Unknown {
            what: "framework",
            name: self.args.framework.clone(),
            known: there_are(&self.args.framework, self.catalog.frameworks().iter().map(|framework| framework.id.as_str())),
        })
    }

    /// The proposed rule that was asked for. One that is in force is the framework of the whole report, or of none.
    fn proposed(&self) -> Result<Option<&Framework>, CliError> {
        let Some(id) = &self.args.proposed else { return Ok(None) };
        let proposals = || self.catalog.frameworks().iter().filter(|framework| framework.proposed.is_some());
        match proposals().find(|framework| framework.id == *id) {
            Some(framework) => Ok(Some(framework)),
            None => Err(CliError::Unknown {
                what: "proposed rule",
                name: id.clone(),
                known: there_are(id, proposals().map(|framework| framework.id.as_str())),
            }),
        }
    }

    /// Refuses to narrow what is not shown.
    pub(super) fn check_narrow(&self, destination: &Destination, output: &OutputArgs) -> Result<(), CliError> {
        let why = match destination {
            Destination::Stdout(_) => "the document on standard output is of the whole",
            _ if output.quiet => "--quiet shows no findings",
            _ => return Ok(()),
        };
        self.args.narrow.first().map_or(Ok(()), |flag| Err(CliError::Pointless { flag, why }))
    }

    /// What of the findings is shown, where it was asked for less than all.
    pub(super) fn narrow(&self, assessment: &Assessment) -> Result<Option<narrow::Narrow>, CliError> {
        narrow::Narrow::new(&self.args.narrow, &self.catalog, assessment)
    }

    /// The assessment lives until the process ends: giving a million small pieces of memory back takes as long as a document.
    pub(super) fn assess(&self, snapshot: &Snapshot) -> Result<ManuallyDrop<Assessment>, CliError> {
        self.assess_in(snapshot, &self.scope)
    }

    /// The same with another scope.
    pub(super) fn assess_in(&self, snapshot: &Snapshot, scope: &ScopeDeclaration) -> Result<ManuallyDrop<Assessment>, CliError> {
        let with = imports::beside(self.found().map_or(&[], |found| &found.imports), snapshot);
        let snapshot = with.as_ref();
        let input = Input {
            index: snapshot.index(),
            index_sha256: snapshot.index_sha256(),
            tables: Computation::begin(snapshot),
            catalog: &self.catalog,
            framework: self.framework()?,
            scope,
            workspace: self.workspace.as_ref(),
            tool: tool(),
        };
        let mut assessment = ManuallyDrop::new(assess(input)?);
        if let Some(handed) = &self.handed {
            assessment.workspace = Some(handed.used());
        }
        if let Some(framework) = self.proposed()? {
            let tables = |wanted: &dyn Fn(&str) -> bool| Tables::those(snapshot, wanted);
            let again = crate::assess::asked_again(&self.catalog, framework, tables, scope)?;
            assessment.proposed = Some(crate::assess::proposed(framework, &assessment, again));
        }
        Ok(assessment)
    }

    /// Exit 4 comes before 1: a gate that was not wholly looked at is not met.
    pub(super) fn exit(&self, assessment: &Assessment) -> Exit {
        if !self.args.allow_incomplete && is_incomplete(assessment) {
            return Exit::Incomplete;
        }
        if self.over_the_gate(assessment) > 0 { Exit::Gate } else { Exit::Done }
    }

    /// How many findings are at or above `--fail-on`, without those that have a waiver in force.
    fn over_the_gate(&self, assessment: &Assessment) -> usize {
        self.at_the_gate(assessment).filter(|finding| self.strict_waivers || !finding.is_waived()).count()
    }

    fn at_the_gate<'f>(&self, assessment: &'f Assessment) -> impl Iterator<Item = &'f Finding> {
        let gate = self.args.fail_on.map(super::args::FailOn::severity);
        assessment
            .controls
            .iter()
            .flat_map(|control| control.findings())
            .filter(move |finding| gate.is_some_and(|gate| finding.severity <= gate))
    }

    /// What a quiet run says when it does not end with 0: one line.
    pub(super) fn in_one_line(&self, assessment: &Assessment) -> Option<String> {
        let line = self.ended(assessment)?;
        // Nobody may take a gate over manifests for one over a cluster.
        let hypothetical = assessment.hypothetical.as_ref().map(|hypothetical| format!("{} ", hypothetical.said()));
        Some(format!("{}{line}", hypothetical.unwrap_or_default()))
    }

    fn ended(&self, assessment: &Assessment) -> Option<String> {
        match self.exit(assessment) {
            Exit::Incomplete => {
                Some("incomplete: reads failed and verdicts are missing; the report says which, and `kube-hipaa preflight` whether rights are missing".to_owned())
            }
            Exit::Gate => {
                let gate = self.args.fail_on.map(|gate| gate.severity().word()).unwrap_or_default();
                let number = self.over_the_gate(assessment);
                let waived = self.at_the_gate(assessment).filter(|finding| finding.is_waived()).count();
                let waived = if waived > 0 && !self.strict_waivers { format!(" ({waived} more {} a waiver in force)", if waived == 1 { "has" } else { "have" }) } else { String::new() };
                Some(format!("the gate is not met: {number} finding{} at or above {gate}{waived}", if number == 1 { "" } else { "s" }))
            }
            _ => None,
        }
    }
}

/// Whether a verdict was lost to a read that was denied, failed or ended half way, or to a scope that matches nothing. A failed read on
/// which no verdict rests loses none; what cannot be seen through the API by design, what was read and not understood, and what the
/// user switched off are said in the report and are no failed reads.
fn is_incomplete(assessment: &Assessment) -> bool {
    let state = |source: &SourceId| assessment.coverage.iter().find(|row| row.source == *source).map(|row| &row.state);
    let lost = |unseen: &Unseen| match unseen.source.as_ref().and_then(state) {
        Some(SourceState::NotRequested { .. }) => false,
        Some(state) if state.is_failed_read() => true,
        _ => unseen.kind == UnseenKind::ReadFailed,
    };
    !assessment.scope.unmatched.is_empty() || assessment.controls.iter().flat_map(|control| control.unseen()).any(lost)
}

/// What the last lines of the summary say.
#[derive(Default)]
pub(super) struct Ending<'a> {
    pub(super) next: Option<&'a str>,
    /// What is still said where the summary is not.
    pub(super) quiet: Option<String>,
    /// What of the findings is shown on the terminal.
    pub(super) narrow: Option<&'a narrow::Narrow>,
    /// What is known of the bundles before, where there is a store.
    pub(super) since: Option<&'a Since>,
    /// The workspace that is kept beside the documents.
    pub(super) workspace: Option<&'a Found>,
}

/// What programs that read along want to know.
fn counted(assessment: &Assessment) -> [(&'static str, serde_json::Value); 4] {
    let totals = &assessment.totals;
    [
        ("cluster", serde_json::json!({"name": assessment.cluster.name, "uid": assessment.cluster.uid})),
        ("controls", serde_json::json!(totals.controls)),
        ("findings", serde_json::json!(totals.findings)),
        ("sources", serde_json::json!(totals.sources)),
    ]
}

/// Writes what was asked for and prints the summary.
pub(super) fn deliver(
    destination: Destination,
    output: &OutputArgs,
    assessment: &Assessment,
    requests: Option<&[RequestRecord]>,
    ending: &Ending<'_>,
) -> Result<(), CliError> {
    super::log::event("assessed", counted(assessment));
    let mut report = None;
    match destination {
        Destination::Stdout(format) => {
            ending.quiet.iter().for_each(|line| super::tell(line));
            return format.render(&Reported::new(assessment).with(ending.since))?.first().map_or(Ok(()), print_document);
        }
        Destination::Nowhere => {}
        Destination::Folder(folder, formats) => {
            write_documents(&folder, &formats, assessment, ending.since)?;
            if let Some(found) = ending.workspace {
                found.copy_into(&folder)?;
            }
            if let Some(requests) = requests {
                folder.write(REQUESTS, &requests_jsonl(requests))?;
            }
            let place = folder.commit_listed()?;
            report = Some(match formats.first().and_then(|first| first.files().first()) {
                Some(file) => place.join(file.name).display().to_string(),
                None => place.display().to_string(),
            });
        }
    }
    if output.quiet {
        ending.quiet.iter().for_each(|line| super::tell(line));
        return Ok(());
    }
    let look = Summary { width: terminal_width(), color: color::stdout(), report: report.as_deref(), next: ending.next };
    let mut text = match ending.narrow {
        Some(narrow) => narrow.listing(assessment, report.as_deref()),
        None => summary(assessment, &look),
    };
    if let Some(since) = ending.since {
        text.push_str(&moved(since, assessment));
    }
    if output.verbose {
        text.push_str(&super::sources::listing(assessment));
    }
    print(text.as_bytes())
}

/// What moved since the bundle before, with what is new, the worst first.
fn moved(since: &Since, assessment: &Assessment) -> String {
    const SHOWN: usize = 10;
    let mut text = format!("\n{}\n", escape::terminal(&since.sentence()));
    let findings = assessment.controls.iter().flat_map(|control| control.findings());
    let mut new: Vec<&Finding> = findings.filter(|finding| since.new.binary_search(&finding.fingerprint).is_ok()).collect();
    new.sort_by(|a, b| (a.severity, &a.subject, &a.fingerprint).cmp(&(b.severity, &b.subject, &b.fingerprint)));
    for finding in new.iter().take(SHOWN) {
        text.push_str(&format!("  new  {:<9} {}\n", finding.severity.word(), escape::terminal(&escape::clip(&finding.statement, 200))));
    }
    if new.len() > SHOWN {
        text.push_str(&format!("       and {} more; `kube-hipaa diff` and the report name all\n", new.len() - SHOWN));
    }
    text
}

/// The assessment of a snapshot, for those who are asked about it: with the scope and the controls of the workspace.
pub(super) fn assess_for_people(snapshot: &Snapshot, found: Option<&Found>) -> Result<Assessment, CliError> {
    let options = AssessOptionsArgs::plain();
    let people =
        WorkspaceArgs { workspace: found.map(|found| found.root().to_owned()), allow_missing_evidence: true, ..WorkspaceArgs::default() };
    let plan = Plan::with(&options, &people)?;
    plan.assess(snapshot).map(ManuallyDrop::into_inner)
}

/// `assess`.
pub(super) fn assess_saved(args: &AssessArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let plan = Plan::with(&args.assess, &args.people)?;
    let destination = Destination::prepare(&args.output, finishing)?;
    plan.check_narrow(&destination, &args.output)?;
    let record = Record::open(&args.store, &args.marks, finishing)?;
    let mut snapshot = inputs::snapshot(&args.snapshot)?;
    let mut hypothetical = None;
    if !args.manifests.is_empty() {
        let (laid, what) = what_if::lay(&snapshot, &args.manifests)?;
        (snapshot, hypothetical) = (laid, Some(what));
    }
    let mut assessment = plan.assess(&snapshot)?;
    if hypothetical.is_some() {
        // Every page and every row of every format names the cluster.
        assessment.cluster.name.push_str(" (hypothetical)");
        assessment.hypothetical = hypothetical;
    }
    let to_stdout = record::to_stdout(&destination);
    let narrow = plan.narrow(&assessment)?;
    let since = record.as_ref().and_then(|record| record.since(&assessment));
    let (quiet, workspace) = (plan.in_one_line(&assessment), plan.found());
    let ending = Ending { next: None, quiet, narrow: narrow.as_ref(), since: since.as_ref(), workspace };
    deliver(destination, &args.output, &assessment, Some(&snapshot.index().requests), &ending)?;
    record::add(record.as_ref(), &plan.keeping(&assessment, since.as_ref(), &snapshot), (&args.output, to_stdout), finishing)?;
    Ok(plan.exit(&assessment))
}

/// The snapshot of the reference clinic, recorded by `make demo-snapshot` from a real control plane.
static DEMO: &[u8] = include_bytes!("../../examples/clinic-snapshot.zip");

/// What the clinic's own people say about ePHI.
const DEMO_EPHI: &str = "clinic.example/ephi=true";

/// The folder that `demo` writes.
const DEMO_FOLDER: &str = "kube-hipaa-demo";

/// `demo`.
pub(super) fn demo(args: &DemoArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let mut options = args.assess.clone();
    if options.scope.is_none() && options.ephi_namespace.is_empty() && options.ephi_selector.is_empty() {
        options.ephi_selector.push(DEMO_EPHI.to_owned());
    }
    let plan = Plan::new(&options)?;
    let destination = Destination::prepare_in(Some(Path::new(DEMO_FOLDER)), &args.output, finishing)?;
    plan.check_narrow(&destination, &args.output)?;
    let snapshot = Snapshot::from_zip_bytes(DEMO)?;
    if let Destination::Folder(folder, _) = &destination {
        // As a scan keeps it, so that what comes after can be tried, too.
        for name in snapshot.files() {
            folder.write_with(&format!("{SNAPSHOT}/{name}"), |out| snapshot.copy(&name, out))?;
        }
    }
    let assessment = plan.assess(&snapshot)?;
    let narrow = plan.narrow(&assessment)?;
    let next = Some("kube-hipaa scan -o evidence   (your own cluster)");
    let ending = Ending { next, quiet: plan.in_one_line(&assessment), narrow: narrow.as_ref(), since: None, workspace: None };
    deliver(destination, &args.output, &assessment, Some(&snapshot.index().requests), &ending)?;
    Ok(plan.exit(&assessment))
}

/// `render`.
pub(super) fn render(args: &RenderArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    if args.output.output.is_none() && args.output.format.len() != 1 {
        return Err(CliError::NeedsFolder);
    }
    let destination = Destination::prepare(&args.output, finishing)?;
    let path = inputs::assessment(&args.assessment)?;
    let bytes = inputs::read_file(&path, inputs::MOST_ASSESSMENT)?;
    let assessment = json::read(&bytes).map_err(|source| CliError::Assessment { path: path.clone(), source })?;
    // Of a run that was kept in a store.
    let beside = args.assessment.join(SINCE);
    let since = if beside.is_file() { Some(inputs::read_file(&beside, MOST_ASSESSMENT)?) } else { None };
    let since: Option<Since> =
        since.map(|bytes| serde_json::from_slice(&bytes)).transpose().map_err(|source| CliError::Since { path: beside, source })?;
    deliver(destination, &args.output, &assessment, None, &Ending { since: since.as_ref(), ..Ending::default() })?;
    Ok(Exit::Done)
}
