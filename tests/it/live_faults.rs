//! Between the program and a real API server stands something that spoils one answer: whatever it does, what failed without it does not pass.

pub mod cluster;
mod proxy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kube_hipaa::assess::{Declared, Input, ResolvedScope, ScopeDeclaration, assess, evaluate_those};
use kube_hipaa::catalog::{Catalog, Control};
use kube_hipaa::collect::{CollectOptions, Retries, collect_with, inventory};
use kube_hipaa::facts::{Computation, Tables};
use kube_hipaa::model::{Assessment, OutcomeWord, ScopeSource, SnapshotIndex, SourceId, SourceRecord, SourceState, ToolIdentity};
use kube_hipaa::snapshot::{Snapshot, SnapshotWriter};

use crate::support::control_plane::{ControlPlane, Options};
use crate::support::program;
use proxy::{Between, Position, Spoil};

/// Objects on a page: several lists have more than one.
const PAGE: u32 = 20;
const WORKERS: usize = 3;
/// Combinations of positions and faults that are tried at the least, in this time.
const MANY: usize = 1000;
const LIMIT: Duration = Duration::from_secs(290);

/// What becomes of each control.
type Outcomes = BTreeMap<String, OutcomeWord>;

fn tool() -> ToolIdentity {
    ToolIdentity { name: "kube-hipaa".into(), version: "0".into(), commit: "unknown".into() }
}

fn collect_options() -> CollectOptions {
    let retries = Retries { attempts: 2, first_wait: Duration::from_millis(1), longest_wait: Duration::from_millis(2) };
    CollectOptions { retries, page_size: PAGE, timeout: Duration::from_secs(30), ..CollectOptions::new("faults".into(), tool()) }
}

/// Judges snapshots; what was judged once is not judged again.
struct Judge {
    catalog: Catalog,
    known: Mutex<BTreeMap<String, Outcomes>>,
    /// What was read and judged without a fault.
    clean: OnceLock<(SnapshotIndex, Outcomes)>,
}

/// So many of the snapshots that differ are judged whole, one in so many.
const WHOLE: usize = 12;

impl Judge {
    fn new() -> Self {
        Self { catalog: Catalog::without_built_in_cases(&[]).unwrap(), known: Mutex::default(), clean: OnceLock::new() }
    }

    /// A control is handed the sources that it declares and no others, so that what a fault did not change keeps its verdict. One in so
    /// many is judged whole all the same, and has to come out alike.
    fn outcomes(&self, snapshot: &Snapshot, number: usize) -> Outcomes {
        let whole = || outcomes(&self.assess(snapshot));
        let Some((index, clean)) = self.clean.get() else { return whole() };
        let Some(changed) = changed(index, snapshot.index()) else { return whole() };
        let rests = |control: &Control| control.check().is_some_and(|check| check.rests_on().any(|source| changed.contains(&source)));
        let names: BTreeSet<&str> = self
            .catalog
            .controls()
            .iter()
            .filter(|control| rests(control))
            .filter_map(|control| Some(control.check()?.table.name))
            .collect();
        let tables = Tables::those(snapshot, &|name| names.contains(name)).unwrap();
        let scope = scope();
        let scope = ResolvedScope::new(&scope, tables.namespaces());
        let mut judged = clean.clone();
        for result in evaluate_those(&self.catalog, &tables, &scope, rests) {
            judged.insert(result.control.id.clone(), result.conclusion.outcome().word());
        }
        if number.is_multiple_of(WHOLE) {
            assert_eq!(judged, whole(), "what did not change was judged otherwise: {changed:?}");
        }
        judged
    }

    /// None when nothing could be collected, which is exit 3 and no verdict at all.
    fn collect(&self, runtime: &tokio::runtime::Handle, between: &Arc<Between>) -> Option<Outcomes> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("snapshot");
        let writer = SnapshotWriter::create(&place, false).unwrap().not_kept();
        let _inside = runtime.enter();
        let index = runtime.block_on(collect_with(between.clients(), collect_options(), &(), writer)).ok()?;
        // The leases are written anew all the time, and nothing rests on when.
        let same = |record: &&kube_hipaa::model::SourceRecord| record.source.resource() != "leases";
        let sources: Vec<_> =
            index.sources.iter().filter(same).map(|record| (&record.source, state(&record.state), &record.sha256)).collect();
        let key = format!("{sources:?} {:?}", index.discovery);
        let number = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.get(&key) {
                return Some(known.clone());
            }
            known.len()
        };
        let snapshot = Snapshot::open(&place).unwrap();
        let outcomes = self.outcomes(&snapshot, number);
        if self.clean.get().is_none() {
            between.only_these_series(&snapshot);
            // Nobody else has begun.
            let _first = self.clean.set((snapshot.index().clone(), outcomes.clone()));
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, outcomes.clone());
        Some(outcomes)
    }

    fn assess(&self, snapshot: &Snapshot) -> Assessment {
        let scope = scope();
        assess(Input {
            index: snapshot.index(),
            index_sha256: snapshot.index_sha256(),
            tables: Computation::begin(snapshot),
            catalog: &self.catalog,
            framework: self.catalog.framework("hipaa").unwrap(),
            scope: &scope,
            workspace: None,
            tool: tool(),
        })
        .unwrap()
    }
}

fn scope() -> ScopeDeclaration {
    ScopeDeclaration::Declared {
        source: ScopeSource::Flags,
        namespaces: vec![cluster::EPHI.to_owned()],
        selectors: Vec::new(),
        sha256: None,
        declared: Declared::default(),
    }
}

/// The sources of which something else was read; none when what concerns every control differs.
fn changed(clean: &SnapshotIndex, now: &SnapshotIndex) -> Option<BTreeSet<SourceId>> {
    let same_cluster = (&clean.cluster, &clean.discovery) == (&now.cluster, &now.discovery);
    let is = |record: &SourceRecord| (state(&record.state), record.sha256.clone(), record.left_out.clone());
    let of = |index: &SnapshotIndex| -> BTreeMap<SourceId, _> {
        index.sources.iter().map(|record| (record.source.clone(), is(record))).collect()
    };
    let (before, after) = (of(clean), of(now));
    let differ = before.keys().chain(after.keys()).filter(|source| before.get(source) != after.get(source)).cloned();
    let differ: BTreeSet<SourceId> = differ.collect();
    // Kinds that users define are known by their group.
    let by_name = differ.iter().all(|source| inventory::entry(source).is_some_and(|entry| entry.source == *source));
    (same_cluster && by_name && !differ.contains(&SourceId::core("namespaces"))).then_some(differ)
}

/// What verdicts depend on of a state: neither the moment of the list nor the words of what went wrong.
fn state(state: &SourceState) -> (&'static str, u64) {
    (state.word(), state.count())
}

fn outcomes(assessment: &Assessment) -> Outcomes {
    assessment.controls.iter().map(|control| (control.id.clone(), control.word())).collect()
}

/// Controls whose failure has become something good.
fn false_passes(clean: &Outcomes, spoilt: &Outcomes) -> Vec<String> {
    let good = |id: &String| matches!(spoilt.get(id), None | Some(OutcomeWord::Pass | OutcomeWord::NotApplicable));
    clean.iter().filter(|(id, outcome)| **outcome == OutcomeWord::Fail && good(id)).map(|(id, _)| id.clone()).collect()
}

/// A control that had a verdict and has none any more makes the run incomplete (exit 4).
fn lost(clean: &Outcomes, spoilt: &Outcomes) -> bool {
    let has = |outcome: &OutcomeWord| !matches!(outcome, OutcomeWord::NotAssessed | OutcomeWord::Manual);
    clean.iter().any(|(id, outcome)| has(outcome) && spoilt.get(id).is_some_and(|spoilt| !has(spoilt)))
}

fn plane() -> ControlPlane {
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    plane.apply(&cluster::manifest());
    plane
}

#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the number of faults is for people, with --nocapture")]
fn no_fault_on_the_wire_turns_a_failure_into_a_pass() {
    let plane = plane();
    let kubeconfig = program::scanner(&plane);
    cluster::wait_until_it_rests(&plane);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = Arc::new(runtime.block_on(proxy::Server::connect(&kubeconfig)));
    let judge = Judge::new();
    let clean_run = Arc::new(Between::new(&server, None));
    let clean = judge.collect(runtime.handle(), &clean_run).expect("a clean run");
    let again = judge.collect(runtime.handle(), &Arc::new(Between::new(&server, None))).expect("a clean run");
    // The share of requests that the audit policy leaves out moves in steps, and with it the digest of /metrics.
    assert_eq!(clean, again, "two runs without a fault are one");
    let failing = clean.values().filter(|outcome| **outcome == OutcomeWord::Fail).count();
    assert!(failing >= 40, "{failing} controls fail in the clean run");
    let spoils = clean_run.spoils();
    let positions: BTreeSet<&Position> = spoils.iter().map(|spoil| &spoil.position).collect();
    assert!(spoils.len() >= MANY, "{}", spoils.len());
    let begin = Instant::now();
    // Those that come first are of all positions; when the time is over, what is left is said.
    let next = Mutex::new(spoils.iter());
    let (tried, wrong) = std::thread::scope(|scope| {
        let work = || {
            let (mut tried, mut wrong) = (0, Vec::new());
            while begin.elapsed() < LIMIT {
                let Some(spoil) = next.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
                let between = Arc::new(Between::new(&server, Some(spoil.clone())));
                let outcome = judge.collect(runtime.handle(), &between);
                assert!(between.was_spoilt(), "{spoil:?} met no request");
                tried += 1;
                let passes = outcome.map(|outcome| false_passes(&clean, &outcome)).unwrap_or_default();
                if !passes.is_empty() {
                    let what = format!("{spoil}: {}", passes.join(", "));
                    eprintln!("false pass: {what}");
                    wrong.push(what);
                }
                if tried % 100 == 0 {
                    eprintln!("{tried} of one worker after {:?}", begin.elapsed());
                }
            }
            (tried, wrong)
        };
        let running: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        let mut sum = (0, Vec::new());
        for worker in running {
            let (tried, wrong) = worker.join().unwrap();
            sum.0 += tried;
            sum.1.extend(wrong);
        }
        sum
    });
    let judged = judge.known.lock().unwrap().len();
    eprintln!(
        "faults on the wire: {tried} of {} at {} positions in {:?}; {failing} controls fail without; {judged} different snapshots",
        spoils.len(),
        positions.len(),
        begin.elapsed()
    );
    assert!(tried >= MANY, "{tried} in {LIMIT:?}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The built program, through a port on which the answers are spoilt: its exit code says that a verdict is missing.
#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the number of runs is for people, with --nocapture")]
fn the_exit_code_says_that_a_fault_took_a_verdict() {
    let plane = plane();
    let kubeconfig = program::scanner(&plane);
    cluster::wait_until_it_rests(&plane);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = Arc::new(runtime.block_on(proxy::Server::connect(&kubeconfig)));
    let folder = tempfile::tempdir().unwrap();
    let run = |between: &Arc<Between>, number: usize| {
        let port = proxy::listen(runtime.handle(), between);
        let evidence = folder.path().join(number.to_string());
        let kubeconfig = folder.path().join(format!("{number}.kubeconfig"));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
             clusters: [{{name: a, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
        );
        std::fs::write(&kubeconfig, text).unwrap();
        let arguments = [
            "scan",
            "--quiet",
            "--ephi-namespace",
            cluster::EPHI,
            "--page-size",
            "20",
            "--timeout",
            "20s",
            "--format",
            "json",
            "--kubeconfig",
        ];
        let mut arguments: Vec<&std::ffi::OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        arguments.extend([kubeconfig.as_os_str(), "-o".as_ref(), evidence.as_os_str()]);
        let output = program::kube_hipaa(arguments);
        let assessment =
            std::fs::read(evidence.join("assessment.json")).ok().map(|text| serde_json::from_slice::<Assessment>(&text).unwrap());
        (output, assessment.as_ref().map(outcomes))
    };
    let clean_run = Arc::new(Between::new(&server, None));
    let (output, clean) = run(&clean_run, 0);
    assert_eq!(output.status.code(), Some(0), "{}", program::said(&output));
    let clean = clean.expect("an assessment");
    clean_run.only_these_series(&Snapshot::open(&folder.path().join("0/snapshot")).unwrap());
    let spoils = clean_run.spoils();
    // Every so many, so that all positions and faults have their turn.
    let some: Vec<&Spoil> = spoils.iter().step_by((spoils.len() / 60).max(1)).collect();
    let wrong_of = |number: usize, spoil: &Spoil| {
        let between = Arc::new(Between::new(&server, Some(spoil.clone())));
        let (output, outcome) = run(&between, number + 1);
        let (code, mut wrong) = (output.status.code(), Vec::new());
        let passes = outcome.as_ref().map(|outcome| false_passes(&clean, outcome)).unwrap_or_default();
        if !passes.is_empty() {
            wrong.push(format!("{spoil}: {}", passes.join(", ")));
        }
        let expected = match &outcome {
            None => Some(3),
            // Of the one request without credentials, whatever came is the answer: what was not understood is no failed read.
            Some(outcome) if lost(&clean, outcome) && spoil.position.authorized => Some(4),
            Some(_) => code.filter(|code| matches!(code, 0 | 4)),
        };
        if code != expected || code.is_none() {
            wrong.push(format!("{spoil}: exit {code:?}, expected {expected:?}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let work =
            |worker: usize| some.iter().enumerate().skip(worker).step_by(2).flat_map(|(number, spoil)| wrong_of(number, spoil)).collect();
        let running = [0, 1].map(|worker| scope.spawn(move || -> Vec<String> { work(worker) }));
        running.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    eprintln!("faults on the wire, the built program: {}", some.len());
    assert!(some.len() >= 50);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), some.len(), wrong.join("\n"));
}
