//! Runs the cases beside controls: each is a small cluster, assessed like any other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::imports::Import;
use crate::assess::{Declared, Evaluated, Others, ResolvedScope, ScopeDeclaration, evaluate_those};
use crate::catalog::{Case, Catalog};
use crate::collect::{NotStored, stored_answer, stored_object};
use crate::facts::{FactsError, SYSTEM_NAMESPACES, Tables, schemas};
use crate::model::{
    AUDIT_POLICIES, ClusterIdentity, Collected, Discovered, DiscoveryGap, Identity, Judged, OutcomeWord, Page, RequestRecord,
    SNAPSHOT_FORMAT, ScopeRole, ScopeSource, SnapshotIndex, SourceId, SourceRecord, SourceState, ToolIdentity, Unseen, sources,
};
use crate::snapshot::Snapshot;

/// The time that cases are collected at; they have no clock.
const TIME: &str = "2026-01-01T00:00:00Z";

/// What became of one case.
#[derive(Debug)]
pub struct CaseResult {
    /// The control.
    pub control: String,
    /// The case's name.
    pub name: String,
    /// `None` when it came out as written, else what was different.
    pub difference: Option<String>,
}

/// Runs one case.
pub fn run(catalog: &Catalog, case: &Case) -> Result<CaseResult, FactsError> {
    let id = case.control_id().to_owned();
    if let Some(problem) = not_stored(case).into_iter().next() {
        return Ok(CaseResult { control: id, name: case.name.clone(), difference: Some(problem) });
    }
    let snapshot = snapshot(case);
    let difference = with_result(catalog, case, &snapshot, &id, |result| {
        let outcome = result.conclusion.outcome();
        if outcome.word() != case.expect {
            let unseen = match outcome.unseen().first() {
                Some(unseen) if outcome.word() == OutcomeWord::NotAssessed => format!(" ({}: {})", unseen.what, unseen.why),
                _ => String::new(),
            };
            return Some(format!("expected {}, got {}{unseen}", case.expect.label(), outcome.word().label()));
        }
        let found = outcome.findings().len();
        case.findings
            .filter(|&expected| outcome.word() == OutcomeWord::Fail && found != expected)
            .map(|expected| format!("expected {expected} finding(s), got {found}"))
    })?;
    let difference = match difference {
        Some(difference) => difference,
        None => Some(format!("there is no control `{id}`")),
    };
    Ok(CaseResult { control: id, name: case.name.clone(), difference })
}

/// The outcome of a case's control on some variant of its cluster; `None` when the control does not exist.
pub fn outcome_on(catalog: &Catalog, case: &Case, snapshot: &Snapshot) -> Result<Option<OutcomeWord>, FactsError> {
    with_result(catalog, case, snapshot, case.control_id(), |result| result.conclusion.outcome().word())
}

/// The same with what was not seen.
pub fn unseen_on(catalog: &Catalog, case: &Case, snapshot: &Snapshot) -> Result<Option<(OutcomeWord, Vec<Unseen>)>, FactsError> {
    with_result(catalog, case, snapshot, case.control_id(), |result| {
        let outcome = result.conclusion.outcome();
        (outcome.word(), outcome.unseen().to_vec())
    })
}

fn with_result<T>(
    catalog: &Catalog,
    case: &Case,
    snapshot: &Snapshot,
    id: &str,
    take: impl FnOnce(&Evaluated<'_>) -> T,
) -> Result<Option<T>, FactsError> {
    let table = catalog.control(id).and_then(|control| Some(control.check()?.table.name));
    let tables = Tables::those(snapshot, &|name| Some(name) == table)?;
    let declaration = match &case.ephi {
        None => ScopeDeclaration::Default,
        Some(namespaces) => {
            let others = [(ScopeRole::Transmits, &case.transmits), (ScopeRole::Administers, &case.administers)];
            let others = others.map(|(role, names)| Others { role, namespaces: names.clone(), selectors: Vec::new() });
            let parameters = [(id.to_owned(), case.parameters.clone())].into();
            let (source, declared) = (ScopeSource::Flags, Declared { others: others.to_vec(), parameters, ..Declared::default() });
            ScopeDeclaration::Declared { source, namespaces: namespaces.clone(), selectors: Vec::new(), sha256: None, declared }
        }
    };
    let scope = ResolvedScope::new(&declaration, tables.namespaces());
    Ok(evaluate_those(catalog, &tables, &scope, |control| control.id == id).first().map(take))
}

/// The snapshot of a case: what it names, and everything else read and empty.
pub fn snapshot(case: &Case) -> Snapshot {
    build(case, None)
}

/// The same with one more object, given as text, so that tests can add one that cannot be decoded.
pub fn snapshot_with(case: &Case, source: &SourceId, object: &str) -> Snapshot {
    build(case, Some((source, object)))
}

/// What of a case would not stand in the snapshot of a cluster: objects that nothing reads, answers that are not kept.
pub fn not_stored(case: &Case) -> Vec<String> {
    let mut problems = Vec::new();
    gather(case, &mut problems);
    problems
}

/// The objects of a case by source, as the collector would store them.
#[derive(Default)]
struct Gathered {
    objects: BTreeMap<SourceId, Vec<String>>,
    kinds: BTreeMap<SourceId, String>,
    /// Sources of which the collector could not read an object.
    partial: BTreeMap<SourceId, String>,
}

fn gather(case: &Case, problems: &mut Vec<String>) -> Gathered {
    let mut gathered = Gathered::default();
    let mut namespaces: BTreeSet<String> = SYSTEM_NAMESPACES.iter().map(|name| (*name).to_owned()).collect();
    // A scope that names what does not exist is a mistake, and no case is about that.
    namespaces.extend(case.ephi.iter().flatten().cloned());
    let mut given = BTreeSet::new();
    for (number, object) in case.objects.iter().enumerate() {
        let name = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        namespaces.extend(name("/metadata/namespace"));
        // What somebody hands over is no object of the cluster.
        if name("/apiVersion").is_some_and(|version| version.starts_with("audit.k8s.io/")) {
            match handed_over(number, object) {
                Ok(json) => gathered.objects.entry(AUDIT_POLICIES).or_default().push(json),
                Err(why) => problems.push(format!("object {}: {why}", number + 1)),
            }
            continue;
        }
        match stored_object(&identified(object.clone(), number)) {
            Ok(stored) => {
                if stored.kind == "Namespace" {
                    given.extend(name("/metadata/name"));
                }
                gathered.kinds.insert(stored.source.clone(), stored.kind);
                gathered.objects.entry(stored.source).or_default().push(stored.json);
            }
            Err(NotStored::Broken { id, why }) => {
                gathered.partial.insert(id, why.to_string());
            }
            Err(why) => {
                let text = |pointer: &str| name(pointer).unwrap_or_default();
                problems.push(format!("object {} ({} {}): {why}", number + 1, text("/kind"), text("/metadata/name")));
            }
        }
    }
    for name in namespaces.difference(&given) {
        let label = json!({"kubernetes.io/metadata.name": name});
        let namespace = json!({"metadata": {"name": name, "uid": format!("namespace-{name}"), "resourceVersion": "1", "labels": label}, "status": {"phase": "Active"}});
        gathered.objects.entry(sources::NAMESPACES).or_default().push(namespace.to_string());
    }
    let mut urls = case.urls.clone();
    urls.entry("/version".to_owned()).or_insert_with(|| version(&case.server));
    for (name, content) in &urls {
        // A source that is no URL is written as in the snapshot's index.
        let stored = name.parse::<SourceId>().map_err(|error| error.to_string());
        let stored = stored.and_then(|source| {
            let lines = stored_answer(&source, content).map_err(|why| why.to_string())?;
            Ok((source, lines))
        });
        match stored {
            Ok((source, lines)) => {
                gathered.objects.insert(source, lines);
            }
            Err(why) => problems.push(format!("the answer of {name}: {why}")),
        }
    }
    gathered
}

/// A file that somebody handed over, as tables read it.
fn handed_over(number: usize, object: &Value) -> Result<String, String> {
    let import = Import::of(&format!("imports/{}.yaml", number + 1), &object.to_string());
    let import = import.map_err(|problems| problems.into_iter().map(|one| one.message).collect::<Vec<_>>().join("; "))?;
    import.json().ok_or_else(|| "it cannot be written".to_owned())
}

fn build(case: &Case, extra: Option<(&SourceId, &str)>) -> Snapshot {
    // What would not be stored is not there; `run` says so.
    let Gathered { mut objects, kinds, partial } = gather(case, &mut Vec::new());
    let leases = || (0..api_servers(case)).map(|number| lease(number).to_string()).collect();
    objects.entry(sources::LEASES).or_insert_with(leases);
    if let Some((source, object)) = extra {
        objects.entry(source.clone()).or_default().push(object.to_owned());
    }
    let mut sources: BTreeSet<SourceId> = schemas().iter().flat_map(|schema| schema.declared().cloned()).collect();
    sources.extend(objects.keys().chain(partial.keys()).cloned());
    let records = sources
        .into_iter()
        .map(|source| {
            let count = objects.get(&source).map_or(0, Vec::len) as u64;
            let absent_url = source.is_url() && count == 0;
            SourceRecord {
                state: match partial.get(&source) {
                    Some(why) => SourceState::Partial { read: count, why: why.clone() },
                    None if absent_url => SourceState::NotServed,
                    None => SourceState::Read { count, resource_version: Some("1".to_owned()) },
                },
                version: None,
                kind: kinds.get(&source).cloned(),
                missing_rule: None,
                file: None,
                sha256: None,
                left_out: Vec::new(),
                pages: vec![Page { request: 1, items: count, received: TIME.to_owned() }],
                source,
            }
        })
        .collect();
    Snapshot::in_memory(index(case, records), objects)
}

/// Objects of cases need not spell out what the server always sets.
fn identified(mut object: Value, number: usize) -> Value {
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.entry("uid").or_insert_with(|| json!(format!("uid-{number}")));
        metadata.entry("resourceVersion").or_insert_with(|| json!("1"));
    }
    object
}

/// API servers that the case shows: a real one always holds a Lease (KEP-1965). A case about their number gives its own.
fn api_servers(case: &Case) -> usize {
    let server = |object: &&Value| {
        object.get("kind").and_then(Value::as_str) == Some("Pod")
            && object.pointer("/metadata/labels/component").and_then(Value::as_str) == Some("kube-apiserver")
    };
    let pods = case.objects.iter().filter(server).count();
    pods.max(usize::from(["/flagz", "/metrics"].iter().any(|url| case.urls.contains_key(*url))))
}

fn lease(number: usize) -> Value {
    let labels = json!({"apiserver.kubernetes.io/identity": "kube-apiserver"});
    json!({"metadata": {"name": format!("apiserver-{number}"), "namespace": "kube-system", "uid": format!("lease-{number}"), "labels": labels}})
}

fn version(git_version: &str) -> Value {
    let mut parts = git_version.trim_start_matches('v').split('.');
    let mut part = || parts.next().unwrap_or("").to_owned();
    json!({"major": part(), "minor": part(), "gitVersion": git_version})
}

/// What discovery says in a case that is about that; in any other it is not known.
fn discovered(case: &Case) -> Discovered {
    let Some(kinds) = &case.served else {
        let gap = DiscoveryGap { group: "*".to_owned(), why: "the case does not say what is served".to_owned() };
        return Discovered { kinds: Vec::new(), gaps: vec![gap] };
    };
    let mut kinds = kinds.clone();
    kinds.sort_by(|a, b| (&a.group, &a.resource).cmp(&(&b.group, &b.resource)));
    Discovered { kinds, gaps: Vec::new() }
}

fn index(case: &Case, sources: Vec<SourceRecord>) -> SnapshotIndex {
    SnapshotIndex {
        format: SNAPSHOT_FORMAT.to_owned(),
        tool: ToolIdentity { name: "kube-hipaa".to_owned(), version: "0.0.0".to_owned(), commit: "case".to_owned() },
        cluster: ClusterIdentity {
            name: case.name.clone(),
            uid: Some("namespace-kube-system".to_owned()),
            server: "https://case.invalid".to_owned(),
            ca_sha256: None,
            tls_unverified: false,
            version: Some(case.server.clone()),
            distribution: None,
            nodes: None,
        },
        collected: Collected {
            started: TIME.to_owned(),
            finished: TIME.to_owned(),
            identity: Identity { user: Some("case".to_owned()), groups: Vec::new() },
            requests: 1,
            excess_rights: Vec::new(),
            server_clock_ahead_seconds: None,
        },
        discovery: Some(discovered(case)),
        judged: Some(Judged::all_names()),
        sources,
        requests: vec![RequestRecord {
            id: 1,
            time: TIME.to_owned(),
            verb: "list".to_owned(),
            path: "/case".to_owned(),
            status: Some(200),
            items: None,
            bytes: 0,
            anonymous: false,
            error: None,
        }],
    }
}
