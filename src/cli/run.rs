//! The commands along the line: collect, assess, write, say what came out.

use std::mem::ManuallyDrop;
use std::path::Path;

use super::args::{AssessArgs, AssessOptionsArgs, DemoArgs, OutputArgs, RenderArgs};
use super::error::{CliError, Exit};
use super::nearest::there_are;
use super::output::{Destination, print, print_document, requests_jsonl, write_documents};
use super::replace::{REQUESTS, SNAPSHOT};
use super::{color, inputs, narrow, terminal_width, tool};
use crate::assess::{Input, ScopeDeclaration, assess};
use crate::catalog::{Catalog, Framework};
use crate::facts::Computation;
use crate::model::{Assessment, RequestRecord, SourceId, SourceState, Unseen, UnseenKind};
use crate::report::{Reported, Summary, json, summary};
use crate::snapshot::{Finishing, Snapshot};

/// Everything that is needed to assess, checked before anything is asked of a cluster.
pub(super) struct Plan<'a> {
    args: &'a AssessOptionsArgs,
    catalog: Catalog,
    scope: ScopeDeclaration,
}

impl<'a> Plan<'a> {
    pub(super) fn new(args: &'a AssessOptionsArgs) -> Result<Self, CliError> {
        let catalog = inputs::catalog_to_assess_with(&args.controls)?;
        let plan = Self { scope: inputs::scope(args)?, catalog, args };
        plan.framework()?;
        Ok(plan)
    }

    fn framework(&self) -> Result<&Framework, CliError> {
        self.catalog.framework(&self.args.framework).ok_or_else(|| CliError::Unknown {
            what: "framework",
            name: self.args.framework.clone(),
            known: there_are(&self.args.framework, self.catalog.frameworks().iter().map(|framework| framework.id.as_str())),
        })
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
        let input = Input {
            index: snapshot.index(),
            index_sha256: snapshot.index_sha256(),
            tables: Computation::begin(snapshot),
            catalog: &self.catalog,
            framework: self.framework()?,
            scope: &self.scope,
            tool: tool(),
        };
        Ok(ManuallyDrop::new(assess(input)?))
    }

    /// Exit 4 comes before 1: a gate that was not wholly looked at is not met.
    pub(super) fn exit(&self, assessment: &Assessment) -> Exit {
        if !self.args.allow_incomplete && is_incomplete(assessment) {
            return Exit::Incomplete;
        }
        if self.over_the_gate(assessment) > 0 { Exit::Gate } else { Exit::Done }
    }

    /// How many findings are at or above `--fail-on`.
    fn over_the_gate(&self, assessment: &Assessment) -> usize {
        let Some(gate) = self.args.fail_on.map(super::args::FailOn::severity) else { return 0 };
        assessment.controls.iter().flat_map(|control| control.findings()).filter(|finding| finding.severity <= gate).count()
    }

    /// What a quiet run says when it does not end with 0: one line.
    pub(super) fn in_one_line(&self, assessment: &Assessment) -> Option<String> {
        match self.exit(assessment) {
            Exit::Incomplete => {
                Some("incomplete: reads failed and verdicts are missing; the report says which, and `kube-hipaa preflight` whether rights are missing".to_owned())
            }
            Exit::Gate => {
                let gate = self.args.fail_on.map(|gate| gate.severity().word()).unwrap_or_default();
                let number = self.over_the_gate(assessment);
                Some(format!("the gate is not met: {number} finding{} at or above {gate}", if number == 1 { "" } else { "s" }))
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
}

/// Writes what was asked for and prints the summary.
pub(super) fn deliver(
    destination: Destination,
    output: &OutputArgs,
    assessment: &Assessment,
    requests: Option<&[RequestRecord]>,
    ending: &Ending<'_>,
) -> Result<(), CliError> {
    let mut report = None;
    match destination {
        Destination::Stdout(format) => {
            ending.quiet.iter().for_each(|line| super::tell(line));
            return format.render(&Reported::new(assessment))?.first().map_or(Ok(()), print_document);
        }
        Destination::Nowhere => {}
        Destination::Folder(folder, formats) => {
            write_documents(&folder, &formats, assessment)?;
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
    if output.verbose {
        text.push_str(&super::sources::listing(assessment));
    }
    print(text.as_bytes())
}

/// `assess`.
pub(super) fn assess_saved(args: &AssessArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let plan = Plan::new(&args.assess)?;
    let destination = Destination::prepare(&args.output, finishing)?;
    plan.check_narrow(&destination, &args.output)?;
    let snapshot = inputs::snapshot(&args.snapshot)?;
    let assessment = plan.assess(&snapshot)?;
    let narrow = plan.narrow(&assessment)?;
    let ending = Ending { next: None, quiet: plan.in_one_line(&assessment), narrow: narrow.as_ref() };
    deliver(destination, &args.output, &assessment, Some(&snapshot.index().requests), &ending)?;
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
    let ending = Ending { next, quiet: plan.in_one_line(&assessment), narrow: narrow.as_ref() };
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
    deliver(destination, &args.output, &assessment, None, &Ending::default())?;
    Ok(Exit::Done)
}
