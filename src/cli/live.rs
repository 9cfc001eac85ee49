//! The commands that ask a cluster.

use std::future::Future;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{
    CollectArgs, CollectOptionsArgs, ConnectArgs, NameArgs, PaceArgs, PermissionsArgs, PreflightArgs, PreflightOutput, ScanArgs,
};
use super::error::{CliError, Exit};
use super::output::{Destination, print};
use super::record::{self, Record};
use super::run::{Ending, Plan, deliver};
use super::signals::LOOK;
use super::{sources, tell, tool};
use crate::catalog::Catalog;
use crate::collect::inventory::{ManifestNames, manifests};
use crate::collect::{CollectOptions, ConnectOptions, Connection, Progress, collect as collect_cluster, connect, preflight as ask};
use crate::model::{SnapshotIndex, SourceId, SourceState};
use crate::snapshot::{Finishing, Snapshot, SnapshotWriter, private};

/// `scan`.
pub(super) fn scan(args: &ScanArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let plan = Plan::with(&args.assess, &args.people)?;
    let destination = Destination::prepare(&args.output, finishing)?;
    plan.check_narrow(&destination, &args.output)?;
    let (record, to_stdout) = (Record::open(&args.store, &args.marks, finishing)?, record::to_stdout(&destination));
    // Without a folder to keep it in, the snapshot goes away with this variable.
    let scratch = match &destination {
        Destination::Folder(..) => None,
        Destination::Nowhere | Destination::Stdout(_) => Some(scratch(finishing)?),
    };
    let place = match (&destination, &scratch) {
        (Destination::Folder(folder, _), _) => folder.path().join("snapshot"),
        (_, Some(folder)) => folder.path().join("snapshot"),
        (_, None) => return Err(CliError::NeedsFolder),
    };
    let writer = SnapshotWriter::create(&place, false)?;
    let writer = if scratch.is_some() { writer.not_kept() } else { writer };
    let index = run(&args.connect, Some(&args.name), &args.collect, writer, finishing)?;
    if !args.output.quiet {
        warn_of_rights(&index);
    }
    let snapshot = Snapshot::open(&place)?;
    let assessment = plan.assess(&snapshot)?;
    let next = match (&destination, plan.exit(&assessment)) {
        (Destination::Nowhere, _) => Some("kube-hipaa scan -o evidence   (writes the report)"),
        (_, Exit::Incomplete) if index.sources.iter().any(|record| record.state.is_failed_read()) => {
            Some("kube-hipaa preflight   (which rights are missing)")
        }
        _ => None,
    };
    let narrow = plan.narrow(&assessment)?;
    let since = record.as_ref().and_then(|record| record.since(&assessment));
    let (quiet, workspace) = (plan.in_one_line(&assessment), plan.found());
    let ending = Ending { next, quiet, narrow: narrow.as_ref(), since: since.as_ref(), workspace };
    // With a folder the snapshot moves there.
    let moved = match &destination {
        Destination::Folder(..) => args.output.output.as_ref().map(|folder| folder.join("snapshot")),
        _ => None,
    };
    deliver(destination, &args.output, &assessment, Some(&snapshot.index().requests), &ending)?;
    if record.is_some() {
        let snapshot = moved.as_deref().map(Snapshot::open).transpose()?.unwrap_or(snapshot);
        record::add(record.as_ref(), &plan.keeping(&assessment, since.as_ref(), &snapshot), (&args.output, to_stdout), finishing)?;
    }
    Ok(plan.exit(&assessment))
}

/// A folder for a snapshot that nobody keeps.
fn scratch(finishing: &Finishing) -> Result<tempfile::TempDir, CliError> {
    let place = std::env::temp_dir();
    let made = finishing.make(|| private::scratch("kube-hipaa-", "", &place)).ok_or(CliError::Interrupted)?;
    made.map_err(CliError::write(&place))
}

/// The snapshot of a cluster that nobody keeps, with the folder that it goes away with.
pub(super) fn look(
    connect_args: &ConnectArgs,
    collect_args: &CollectOptionsArgs,
    finishing: &Finishing,
) -> Result<(Snapshot, tempfile::TempDir), CliError> {
    let scratch = scratch(finishing)?;
    let place = scratch.path().join("snapshot");
    run(connect_args, None, collect_args, SnapshotWriter::create(&place, false)?.not_kept(), finishing)?;
    Ok((Snapshot::open(&place)?, scratch))
}

/// `collect`.
pub(super) fn collect(args: &CollectArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let writer = SnapshotWriter::create(&args.output, args.force)?.interrupted_by(finishing).world_readable(args.world_readable);
    let catalog = Catalog::without_built_in_cases(&[])?;
    let index = run(&args.connect, Some(&args.name), &args.collect, writer, finishing)?;
    if !args.quiet {
        warn_of_rights(&index);
    }
    let failed: Vec<_> = index.sources.iter().filter(|record| record.state.is_failed_read()).collect();
    let left_out: Vec<String> =
        index.sources.iter().flat_map(|record| record.left_out.iter().map(|object| format!("{object} of {}", record.source))).collect();
    // Where no control rests on it, no verdict will be missing.
    let incomplete = failed.iter().filter(|record| sources::needed_by(&catalog, &record.source) > 0).count();
    if !args.quiet {
        let read = index.sources.iter().filter(|record| matches!(record.state, SourceState::Read { .. })).count();
        let objects: u64 = index.sources.iter().map(|record| record.state.count()).sum();
        let mut text =
            format!("{read} sources read, {objects} objects, {} requests: {}\n", index.collected.requests, args.output.display());
        if incomplete > 0 {
            text.push_str(&format!("▲ {incomplete} sources could not be read completely; `kube-hipaa preflight` says why\n"));
        }
        if failed.len() > incomplete {
            text.push_str(&format!("{} more could not be read, on which no control rests\n", failed.len() - incomplete));
        }
        if let Some(first) = left_out.first() {
            let more = if left_out.len() > 1 { format!(" and {} more", left_out.len() - 1) } else { String::new() };
            text.push_str(&crate::report::escape::terminal(&format!("left out because it cannot be read: {first}{more}")));
            text.push('\n');
        }
        print(text.as_bytes())?;
    } else if incomplete > 0 && !args.allow_incomplete {
        tell(&format!(
            "incomplete: {incomplete} sources could not be read completely; `kube-hipaa preflight` says whether rights are missing"
        ));
    }
    Ok(if incomplete > 0 && !args.allow_incomplete { Exit::Incomplete } else { Exit::Done })
}

/// `permissions`.
pub(super) fn permissions(args: &PermissionsArgs) -> Result<Exit, CliError> {
    let catalog = Catalog::without_built_in_cases(&[])?;
    let names = ManifestNames {
        namespace: args.namespace.clone(),
        core_only: args.core_only,
        needed: Some(sources::needed_today(&catalog)),
        for_later: args.for_later,
        ..ManifestNames::default()
    };
    // A Role cannot be applied to a namespace that does not exist; these always do.
    let always = ["kube-public".to_owned(), "kube-system".to_owned()];
    print(manifests(&names, (!args.all_namespaces).then_some(always.as_slice())).as_bytes())?;
    Ok(Exit::Done)
}

/// `preflight`.
pub(super) fn preflight(args: &PreflightArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let catalog = Catalog::without_built_in_cases(&[])?;
    let report = on_runtime(finishing, async {
        let connection = connect(&connect_options(&args.connect)).await?;
        let options = paced(None, &args.pace, &connection);
        Ok(ask(connection.config, options).await?)
    })?;
    let (text, complete) = match args.output {
        Some(PreflightOutput::Yaml) => {
            let (text, complete, notes) = sources::missing(&report, &catalog);
            notes.iter().for_each(|note| tell(note));
            (text, complete)
        }
        None => sources::preflight(&report, &catalog, args.verbose),
    };
    print(text.as_bytes())?;
    Ok(if complete { Exit::Done } else { Exit::Incomplete })
}

/// Collects into `writer`; an interrupt drops everything that was begun.
fn run(
    connect_args: &ConnectArgs,
    name: Option<&NameArgs>,
    collect_args: &CollectOptionsArgs,
    writer: SnapshotWriter,
    finishing: &Finishing,
) -> Result<SnapshotIndex, CliError> {
    on_runtime(finishing, async {
        let connection = connect(&connect_options(connect_args)).await?;
        let options = CollectOptions {
            page_size: collect_args.page_size,
            anonymous_request: !collect_args.no_anonymous_request,
            ..paced(name, &collect_args.pace, &connection)
        };
        let bar = Bar::new(collect_args.no_progress || super::log::is_json());
        let result = collect_cluster(connection.config, options, &bar, writer).await;
        bar.0.finish_and_clear();
        Ok(result?)
    })
}

/// Runs `work` until it is done or interrupted; ends after all that it began has ended.
pub(super) fn on_runtime<T>(finishing: &Finishing, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    runtime.block_on(async {
        tokio::select! {
            result = work => result,
            () = interrupted(finishing) => Err(CliError::Interrupted),
        }
    })
}

async fn interrupted(finishing: &Finishing) {
    while !finishing.is_interrupted() {
        tokio::time::sleep(LOOK).await;
    }
}

fn connect_options(args: &ConnectArgs) -> ConnectOptions {
    ConnectOptions {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
        impersonate: args.impersonate.clone(),
        impersonate_groups: args.impersonate_groups.clone(),
    }
}

fn paced(name: Option<&NameArgs>, args: &PaceArgs, connection: &Connection) -> CollectOptions {
    let name = name.and_then(|name| name.cluster_name.clone()).unwrap_or_else(|| connection.name.clone());
    CollectOptions {
        parallelism: usize::from(args.concurrency),
        timeout: args.timeout,
        namespace: Some(connection.config.default_namespace.clone()),
        ..CollectOptions::new(name, tool())
    }
}

/// A scan needs to read and nothing else; whoever runs it with more should know.
fn warn_of_rights(index: &SnapshotIndex) {
    if index.collected.excess_rights.is_empty() {
        return;
    }
    let rights: Vec<String> = index.collected.excess_rights.iter().take(5).map(|right| format!("  {right}")).collect();
    let more = index.collected.excess_rights.len().saturating_sub(5);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    tell(&format!(
        "note: rights of this identity beyond reading; none of them was used:\n{}{more}\n  `kube-hipaa permissions` prints a role that is enough",
        rights.join("\n")
    ));
}

/// Progress with counts, on a terminal only.
struct Bar(ProgressBar);

impl Bar {
    fn new(hidden: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len} sources, {msg}") {
            bar.set_style(style);
        }
        bar.set_message("0 objects");
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Self(bar)
    }
}

impl Progress for Bar {
    fn total(&self, sources: usize) {
        self.0.set_length(sources as u64);
    }
    fn items(&self, objects: u64) {
        let before: u64 = self.0.message().split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        self.0.set_message(format!("{} objects", before + objects));
    }
    fn source_done(&self, _source: &SourceId, _state: &SourceState) {
        self.0.inc(1);
    }
}
