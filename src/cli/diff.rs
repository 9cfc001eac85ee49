//! `diff`: what changed between two observations.

use std::mem::ManuallyDrop;
use std::path::Path;

use super::args::{AssessOptionsArgs, DiffArgs, DiffFormat, FailOn, NarrowArgs};
use super::error::{CliError, Exit};
use super::output::{print, write_document};
use super::run::Plan;
use super::sides::{Loaded, load};
use super::{color, terminal_width, tool};
use crate::assess::{Declared, Others, ScopeDeclaration};
use crate::history::diff::{Again, diff, same_rules, same_scope};
use crate::model::{Assessment, Diff, DiffStatus, Scope, ScopeRole, ScopeSource};
use crate::report::time::{Look, diff as document};
use crate::snapshot::Finishing;

/// By which a document is known as ours before it is replaced.
const MARKS: [&str; 2] = ["kube-hipaa/diff/", "What changed in cluster"];

/// `diff`.
pub(super) fn run(args: &DiffArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let options = options(args);
    let plan = Plan::new(&options)?;
    let (old, new) = (load(&args.old, &plan)?, load(&args.new, &plan)?);
    let found = compare(&old, &new, &plan)?;
    match &args.output {
        None => print(&rendered(&found, args.format.unwrap_or(DiffFormat::Table))?)?,
        Some(path) => {
            let bytes = rendered(&found, args.format.unwrap_or_else(|| by_ending(path)))?;
            write_document(path, &bytes, args.force, args.world_readable, finishing, |text| {
                MARKS.iter().any(|mark| text.contains(mark)) || text.contains("Findings: ") && text.contains(" no longer seen · ")
            })?;
        }
    }
    Ok(exit(args, &found))
}

fn by_ending(path: &Path) -> DiffFormat {
    match path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).as_deref() {
        Some("md" | "markdown") => DiffFormat::Markdown,
        Some("html" | "htm") => DiffFormat::Html,
        Some("json") => DiffFormat::Json,
        _ => DiffFormat::Table,
    }
}

fn options(args: &DiffArgs) -> AssessOptionsArgs {
    AssessOptionsArgs {
        scope: args.scope.clone(),
        ephi_namespace: args.ephi_namespace.clone(),
        ephi_selector: args.ephi_selector.clone(),
        controls: args.controls.clone(),
        framework: args.framework.clone(),
        proposed: None,
        fail_on: None,
        allow_incomplete: false,
        narrow: NarrowArgs::default(),
    }
}

/// Compares; where rules or scope differ and the old snapshot is at hand, it is assessed again by the new ones.
pub(super) fn compare(old: &Loaded, new: &Loaded, plan: &Plan<'_>) -> Result<Diff, CliError> {
    let (was, is): (&Assessment, &Assessment) = (&old.assessment, &new.assessment);
    let differ = !same_rules(was, is) || !same_scope(&was.scope, &is.scope);
    // The rules of the new side are those of this program.
    let at_hand = *plan.rules() == is.catalog && tool().version == is.tool.version && tool().commit == is.tool.commit;
    let again: Option<[ManuallyDrop<Assessment>; 2]> = match &old.snapshot {
        Some(snapshot) if differ && at_hand => {
            let rules = plan.assess_in(snapshot, &declared(&was.scope, &was.scope))?;
            let scope = plan.assess_in(snapshot, &declared(&is.scope, &was.scope))?;
            Some([rules, scope])
        }
        _ => None,
    };
    let again = again.as_ref().map(|[rules, scope]| Again { rules, scope });
    Ok(diff(old.side(), new.side(), again, tool()))
}

/// What was declared, for the namespaces of the old snapshot: which they are is known by name, whatever selected them.
fn declared(scope: &Scope, old: &Scope) -> ScopeDeclaration {
    if scope.source == ScopeSource::Default {
        return ScopeDeclaration::Default;
    }
    let knows = |name: &String| scope.ephi_namespaces.contains(name) || scope.other_namespaces.contains(name);
    let all = old.ephi_namespaces.iter().chain(&old.other_namespaces);
    // Of one that is not there any more, the new declaration says nothing; the old one said this.
    let holds = |name: &&String| scope.ephi_namespaces.contains(name) || (!knows(name) && old.ephi_namespaces.contains(name));
    let role = |name: &String| {
        let of = if knows(name) { scope } else { old };
        of.roles.get(name).copied().unwrap_or(ScopeRole::Maintains)
    };
    let within: Vec<&String> = all.filter(holds).collect();
    let with = |wanted| within.iter().filter(|name| role(name) == wanted).map(|name| (*name).clone()).collect::<Vec<_>>();
    let others = [ScopeRole::Transmits, ScopeRole::Administers].map(|role| Others { role, namespaces: with(role), selectors: Vec::new() });
    ScopeDeclaration::Declared {
        source: scope.source,
        namespaces: with(ScopeRole::Maintains),
        selectors: Vec::new(),
        sha256: Some(scope.sha256.clone()),
        declared: Declared {
            by: scope.declared_by.clone(),
            on: scope.declared_on.clone(),
            declarations: None,
            others: others.into_iter().filter(|others| !others.namespaces.is_empty()).collect(),
            parameters: scope.parameters.clone(),
        },
    }
}

fn rendered(diff: &Diff, format: DiffFormat) -> Result<Vec<u8>, CliError> {
    Ok(match format {
        DiffFormat::Table => document::terminal(diff, Look { width: terminal_width(), color: color::stdout() }).into_bytes(),
        DiffFormat::Markdown => document::markdown(diff)?,
        DiffFormat::Html => document::html(diff)?,
        DiffFormat::Json => document::json(diff),
    })
}

/// Exit 4 comes before 1: what is not seen any more may be as bad as what is new.
fn exit(args: &DiffArgs, diff: &Diff) -> Exit {
    let Some(gate) = args.fail_on_new.map(FailOn::severity) else { return Exit::Done };
    // Whatever hides it: less was seen, another scope, other rules.
    let lost = diff.controls.iter().any(|control| {
        control.status == DiffStatus::NoLongerSeen || control.findings.iter().any(|finding| finding.status == DiffStatus::NoLongerSeen)
    });
    if lost && !args.allow_incomplete {
        return Exit::Incomplete;
    }
    if diff.findings(DiffStatus::New).iter().any(|(_, finding)| finding.severity <= gate) { Exit::Gate } else { Exit::Done }
}
