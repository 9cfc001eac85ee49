//! Between the program and a real API server stands something that spoils one answer: whatever it does, what failed without it does not pass.

pub mod cluster;
mod proxy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube_hipaa::assess::{Declared, Input, ScopeDeclaration, assess};
use kube_hipaa::catalog::Catalog;
use kube_hipaa::collect::{CollectOptions, Retries, collect_with};
use kube_hipaa::facts::Computation;
use kube_hipaa::model::{Assessment, OutcomeWord, ScopeSource, SourceState, ToolIdentity};
use kube_hipaa::snapshot::{Snapshot, SnapshotWriter};

use crate::support::control_plane::{ControlPlane, Options};
use crate::support::program;
use proxy::{Between, Position, Spoil};

/// Objects on a page: several lists have more than one.
const PAGE: u32 = 20;
const WORKERS: usize = 3;
/// Combinations of positions and faults that there are at the least.
const MANY: usize = 1000;
/// How many a slow machine tries in the time at the least; the first ones are of all positions.
const ENOUGH: usize = 250;

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
}

impl Judge {
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
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(known.clone());
        }
        let outcomes = outcomes(&self.assess(&Snapshot::open(&place).unwrap()));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, outcomes.clone());
        Some(outcomes)
    }

    fn assess(&self, snapshot: &Snapshot) -> Assessment {
        let scope = ScopeDeclaration::Declared {
            source: ScopeSource::Flags,
            namespaces: vec![cluster::EPHI.to_owned()],
            selectors: Vec::new(),
            sha256: None,
            declared: Declared::default(),
        };
        assess(Input {
            index: snapshot.index(),
            index_sha256: snapshot.index_sha256(),
            tables: Computation::begin(snapshot),
            catalog: &self.catalog,
            framework: self.catalog.framework("hipaa").unwrap(),
            scope: &scope,
            tool: tool(),
        })
        .unwrap()
    }
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
    let judge = Judge { catalog: Catalog::without_built_in_cases(&[]).unwrap(), known: Mutex::default() };
    let clean_run = Arc::new(Between::new(&server, None));
    let clean = judge.collect(runtime.handle(), &clean_run).expect("a clean run");
    let again = judge.collect(runtime.handle(), &Arc::new(Between::new(&server, None))).expect("a clean run");
    assert_eq!((clean == again, judge.known.lock().unwrap().len()), (true, 1), "two runs without a fault are one");
    let failing = clean.values().filter(|outcome| **outcome == OutcomeWord::Fail).count();
    assert!(failing >= 40, "{failing} controls fail in the clean run");
    let spoils = clean_run.spoils();
    let positions: BTreeSet<&Position> = spoils.iter().map(|spoil| &spoil.position).collect();
    assert!(spoils.len() >= MANY, "{}", spoils.len());
    let begin = Instant::now();
    // Those that come first are of all positions; when the time is over, what is left is said.
    let limit = Duration::from_secs(280);
    let next = Mutex::new(spoils.iter());
    let (tried, wrong) = std::thread::scope(|scope| {
        let work = || {
            let (mut tried, mut wrong) = (0, Vec::new());
            while begin.elapsed() < limit {
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
    assert!(tried >= ENOUGH, "{tried}");
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
    let spoils = clean_run.spoils();
    // Every so many, so that all positions and faults have their turn.
    let some: Vec<&Spoil> = spoils.iter().step_by((spoils.len() / 60).max(1)).collect();
    let mut wrong = Vec::new();
    for (number, spoil) in some.iter().enumerate() {
        let between = Arc::new(Between::new(&server, Some((*spoil).clone())));
        let (output, outcome) = run(&between, number + 1);
        let code = output.status.code();
        let passes = outcome.as_ref().map(|outcome| false_passes(&clean, outcome)).unwrap_or_default();
        if !passes.is_empty() {
            wrong.push(format!("{spoil}: {}", passes.join(", ")));
        }
        let expected = match &outcome {
            None => Some(3),
            Some(outcome) if lost(&clean, outcome) => Some(4),
            Some(_) => code.filter(|code| matches!(code, 0 | 4)),
        };
        if code != expected || code.is_none() {
            wrong.push(format!("{spoil}: exit {code:?}, expected {expected:?}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
    }
    eprintln!("faults on the wire, the built program: {}", some.len());
    assert!(some.len() >= 50);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), some.len(), wrong.join("\n"));
}
