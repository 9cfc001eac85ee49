//! The commands along the line: collect, assess, write, say what came out.

use std::mem::ManuallyDrop;
use std::path::Path;

use super::args::{AssessArgs, AssessOptionsArgs, DemoArgs, OutputArgs, RenderArgs};
use super::error::{CliError, Exit};
use super::output::{Destination, print, print_document, requests_jsonl, write_documents};
use super::replace::REQUESTS;
use super::{color, inputs, terminal_width, tool};
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
            known: self.catalog.frameworks().iter().map(|framework| framework.id.as_str()).collect::<Vec<_>>().join(", "),
        })
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
        let gate = self.args.fail_on.map(super::args::FailOn::severity);
        let fails = |gate| assessment.controls.iter().flat_map(|control| &control.findings).any(|finding| finding.severity <= gate);
        if gate.is_some_and(fails) { Exit::Gate } else { Exit::Done }
    }
}

/// How `facts` says that an object was read and is none that it can use; a test holds the two together.
const NOT_DECODED: &str = "the object could not be decoded";

/// Whether a read failed, or a verdict misses something that could have been seen: an answer that cannot be used is as good as none,
/// and a scope that names what is not there has to be corrected. What cannot be seen through the API by design does not count, what
/// was read whole and is only not known to this program does not (to read it again gives the same), and neither does what the user
/// switched off.
fn is_incomplete(assessment: &Assessment) -> bool {
    let state = |source: &SourceId| assessment.coverage.iter().find(|row| row.source == *source).map(|row| &row.state);
    let switched_off =
        |unseen: &Unseen| unseen.source.as_ref().is_some_and(|source| matches!(state(source), Some(SourceState::NotRequested { .. })));
    let missing = |unseen: &Unseen| match unseen.kind {
        UnseenKind::ReadFailed => !switched_off(unseen),
        UnseenKind::NotUnderstood => unseen.why.starts_with(NOT_DECODED),
        UnseenKind::NotVisible => false,
    };
    assessment.coverage.iter().any(|source| source.state.is_failed_read())
        || !assessment.scope.unmatched.is_empty()
        || assessment.controls.iter().flat_map(|control| &control.unseen).any(missing)
}

/// What the last lines of the summary say.
pub(super) struct Ending<'a> {
    pub(super) next: Option<&'a str>,
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
            return format.render(&Reported::new(assessment))?.first().map_or(Ok(()), print_document);
        }
        Destination::Nowhere => {}
        Destination::Folder(folder, formats) => {
            write_documents(&folder, &formats, assessment)?;
            if let Some(requests) = requests {
                folder.write(REQUESTS, &requests_jsonl(requests))?;
            }
            let place = folder.commit()?;
            report = Some(match formats.first().and_then(|first| first.files().first()) {
                Some(file) => place.join(file.name).display().to_string(),
                None => place.display().to_string(),
            });
        }
    }
    if output.quiet {
        return Ok(());
    }
    let look = Summary { width: terminal_width(), color: color::stdout(), report: report.as_deref(), next: ending.next };
    let mut text = summary(assessment, &look);
    if output.verbose {
        text.push_str(&super::sources::listing(assessment));
    }
    print(text.as_bytes())
}

/// `assess`.
pub(super) fn assess_saved(args: &AssessArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let plan = Plan::new(&args.assess)?;
    let destination = Destination::prepare(args.output.output.as_deref(), &args.output.format, args.output.force, finishing)?;
    let snapshot = inputs::snapshot(&args.snapshot)?;
    let assessment = plan.assess(&snapshot)?;
    deliver(destination, &args.output, &assessment, Some(&snapshot.index().requests), &Ending { next: None })?;
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
    let folder = args.output.output.as_deref().unwrap_or(Path::new(DEMO_FOLDER));
    let destination = Destination::prepare(Some(folder), &args.output.format, args.output.force, finishing)?;
    let snapshot = Snapshot::from_zip_bytes(DEMO)?;
    let assessment = plan.assess(&snapshot)?;
    let ending = Ending { next: Some("kube-hipaa scan -o evidence   (your own cluster)") };
    deliver(destination, &args.output, &assessment, Some(&snapshot.index().requests), &ending)?;
    Ok(plan.exit(&assessment))
}

/// `render`.
pub(super) fn render(args: &RenderArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let output = args.output.output.as_deref().ok_or(CliError::NeedsFolder)?;
    let destination = Destination::prepare(Some(output), &args.output.format, args.output.force, finishing)?;
    let bytes = std::fs::read(&args.assessment).map_err(CliError::read(&args.assessment))?;
    let assessment = json::read(&bytes).map_err(|source| CliError::Assessment { path: args.assessment.clone(), source })?;
    deliver(destination, &args.output, &assessment, None, &Ending { next: None })?;
    Ok(Exit::Done)
}
