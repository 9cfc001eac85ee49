//! The reference clinic on a real control plane: the promises of the README, proven on a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube_hipaa::model::{Assessment, ControlResult, Finding, OutcomeWord, RequestRecord, Unseen};
use kube_hipaa::snapshot::INDEX_FILE;
use serde_json::{Value, json};

use crate::support::bundles::by_shell;
use crate::support::clinic::{Clinic, EPHI, folder};
use crate::support::program::{self, SERVICE_ACCOUNT};
use crate::support::signing::{Authority, made};

type Proven = Result<(), Box<dyn Error>>;
/// What was compared, in numbers.
type Numbers = Result<String, Box<dyn Error>>;

/// One clinic for all steps, because it takes half a minute to start. Every step runs, whatever became of those before.
#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the numbers of the proofs are for people, with --nocapture")]
fn what_the_readme_promises_holds_for_the_clinic() -> Proven {
    let begin = std::time::Instant::now();
    let clinic = Clinic::start();
    eprintln!("clinic: every pod runs after {:.1} s", begin.elapsed().as_secs_f32());
    let visit = Visit::new(&clinic)?;
    let steps: [(&str, fn(&Visit<'_>) -> Numbers); 8] = [
        ("only reads, exactly those that it reports", only_reads_and_reports_each),
        ("finds what the README lists, and nothing else", finds_what_the_readme_lists),
        ("templates stand in only for workloads without pods", templates_stand_in_for_missing_pods),
        ("no flag of the API server is a path of this machine", flags_agree),
        ("an unchanged cluster gives the same files", collects_the_same_twice),
        ("what was observed is sealed, signed, stamped and verified by both", is_sealed_and_verified),
        ("what a review of access removes and nobody removed is in the next scan", review_is_followed),
        // The last one: it changes the clinic.
        ("what controls of the network and of Contour say under fix makes them pass", network_fixes_work),
    ];
    let mut failed = Vec::new();
    for (promise, prove) in steps {
        match prove(&visit) {
            Ok(numbers) => eprintln!("clinic: {promise}: {numbers}"),
            Err(error) => failed.push(format!("{promise}:\n{error}")),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n\n").into()) }
}

/// The clinic and one scan of it, as the shipped service account.
struct Visit<'a> {
    clinic: &'a Clinic,
    kubeconfig: PathBuf,
    evidence: PathBuf,
    assessment: Assessment,
    /// Holds the evidence folder.
    scratch: tempfile::TempDir,
}

impl<'a> Visit<'a> {
    fn new(clinic: &'a Clinic) -> Result<Self, Box<dyn Error>> {
        let kubeconfig = clinic.scanner();
        let scratch = tempfile::tempdir()?;
        let evidence = scratch.path().join("evidence");
        let (code, assessment) = program::scan(&kubeconfig, &evidence, &["--cluster-name", "clinic", "--ephi-selector", EPHI]);
        if code != Some(0) {
            return Err(format!("scan ended with {code:?}").into());
        }
        Ok(Self { clinic, kubeconfig, evidence, assessment, scratch })
    }
}

/// From the scan of a live cluster to a bundle that standard tools verify.
fn is_sealed_and_verified(visit: &Visit<'_>) -> Numbers {
    let place = visit.scratch.path().join("clinic.zip");
    let (to, evidence) = (place.display().to_string(), visit.evidence.display().to_string());
    let authority = Authority::honest();
    let (key, signers, root) = (made().path("ed25519"), made().signers("ops", "ed25519"), made().path("root.pem"));
    let begin = std::time::Instant::now();
    let output = program::kube_hipaa(["bundle", &evidence, "-o", &to, "--sign-key", &key, "--timestamp-url", &authority.url]);
    let sealed = begin.elapsed();
    if !output.status.success() || authority.asked() != 1 {
        return Err(format!("bundle: {}", program::said(&output)).into());
    }
    let marks = ["--allowed-signers", &signers, "--require-signature", "--tsa-ca", &root, "--require-timestamp"];
    let begin = std::time::Instant::now();
    let output = program::kube_hipaa([&["verify", to.as_str()], &marks[..]].concat());
    let verified = begin.elapsed();
    let script = by_shell(&place, &marks);
    if !output.status.success() || !script.status.success() {
        return Err(format!("verify: {}\n{}", program::said(&output), program::said(&script)).into());
    }
    Ok(format!("{} bytes sealed in {sealed:?}, verified in {verified:?}", std::fs::metadata(&place)?.len()))
}

/// The API server's own audit log is the witness.
fn only_reads_and_reports_each(visit: &Visit<'_>) -> Numbers {
    let reported: Vec<RequestRecord> =
        std::fs::read_to_string(visit.evidence.join("requests.jsonl"))?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let user = format!("system:serviceaccount:{}:{}", SERVICE_ACCOUNT.0, SERVICE_ACCOUNT.1);
    let text = |event: &Value, pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let witnessed = || -> Vec<Value> {
        let asked_by = |event: &Value| text(event, "/user/username");
        let ours = |event: &Value| asked_by(event) == user || asked_by(event) == "system:anonymous";
        visit.clinic.audit_events().into_iter().filter(ours).collect()
    };
    visit
        .clinic
        .wait_until("every request is in the audit log", Duration::from_secs(30), || (witnessed().len() >= reported.len()).then_some(()));
    // Whatever is too much is there a moment later.
    std::thread::sleep(Duration::from_millis(500));
    let witnessed = witnessed();

    let mut wrong = Vec::new();
    let mut anonymous = 0;
    for event in &witnessed {
        let (verb, resource) = (text(event, "/verb"), text(event, "/objectRef/resource"));
        let self_review = verb == "create" && resource.starts_with("selfsubject") && resource.ends_with("reviews");
        if !(verb == "get" || verb == "list" || self_review) {
            wrong.push(format!("not a read: {event}"));
        }
        if resource == "secrets" || text(event, "/requestURI").contains("secrets") {
            wrong.push(format!("a Secret: {event}"));
        }
        if text(event, "/user/username") == "system:anonymous" {
            anonymous += 1;
        } else if matches!(event.pointer("/responseStatus/code").and_then(Value::as_u64), None | Some(401 | 403)) {
            wrong.push(format!("refused: {event}"));
        }
    }
    if anonymous != 1 {
        wrong.push(format!("{anonymous} requests without credentials, not one"));
    }
    type Request = (String, String, bool, Option<u64>);
    let counted = |requests: Vec<Request>| {
        let mut counts: BTreeMap<Request, u32> = BTreeMap::new();
        for request in requests {
            *counts.entry(request).or_default() += 1;
        }
        counts
    };
    let seen = counted(
        witnessed
            .iter()
            .map(|event| {
                let anonymous = text(event, "/user/username") == "system:anonymous";
                let code = event.pointer("/responseStatus/code").and_then(Value::as_u64);
                (text(event, "/verb"), text(event, "/requestURI"), anonymous, code)
            })
            .collect(),
    );
    let told = counted(
        reported.iter().map(|record| (record.verb.clone(), record.path.clone(), record.anonymous, record.status.map(u64::from))).collect(),
    );
    for (request, count) in seen.iter().filter(|(request, count)| told.get(*request) != Some(count)) {
        wrong.push(format!("in the audit log {count} times, reported {:?} times: {request:?}", told.get(request)));
    }
    for (request, count) in told.iter().filter(|(request, _)| !seen.contains_key(*request)) {
        wrong.push(format!("reported {count} times, not in the audit log: {request:?}"));
    }
    if wrong.is_empty() { Ok(format!("{} requests compared", witnessed.len())) } else { Err(wrong.join("\n").into()) }
}

/// One row of a table in `examples/clinic/README.md`.
#[derive(Debug)]
struct Row {
    id: String,
    place: String,
    /// `None` for what no control shows yet.
    control: Option<String>,
}

/// Rows whose cause newer servers have removed, with the last minor that has it.
const UNTIL: &[(&str, u32)] = &[
    // 1.37 writes YAML patches into its audit log.
    ("G90", 36),
];

/// Whether the server that was visited can show that row.
fn expected(row: &Row, version: Option<&str>) -> bool {
    let minor = version.and_then(|version| version.split('.').nth(1)?.parse::<u32>().ok());
    UNTIL.iter().all(|(id, last)| *id != row.id || minor.is_none_or(|minor| minor <= *last))
}

fn readme_rows() -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for line in std::fs::read_to_string(folder().join("README.md"))?.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, place, _, control] = cells.as_slice() else { continue };
        let numbered = (3..=4).contains(&id.len()) && id.starts_with(['G', 'S', 'A']) && id.ends_with(|c: char| c.is_ascii_digit());
        if numbered {
            let control = (*control != "planned").then(|| control.trim_matches('`').to_owned());
            rows.push(Row { id: (*id).to_owned(), place: place.trim_matches('`').to_owned(), control });
        }
    }
    Ok(rows)
}

/// The object of a finding, as the README writes it.
fn place(control: &ControlResult, finding: &Finding) -> String {
    if control.area == "api-server" {
        return "cluster".to_owned();
    }
    let subject = &finding.subject;
    let mut place = format!("{}/{}/{}", subject.namespace.as_deref().unwrap_or("cluster"), subject.kind, subject.name);
    if control.table == "containers"
        && let Some(container) = finding.facts.get("name").and_then(|cell| serde_json::to_value(cell).ok())
    {
        place.push(':');
        place.push_str(container.as_str().unwrap_or("?"));
    }
    place
}

fn found(assessment: &Assessment) -> BTreeSet<(String, String)> {
    assessment
        .controls
        .iter()
        .flat_map(|control| control.findings().iter().map(|finding| (control.id.clone(), place(control, finding))))
        .collect()
}

fn finds_what_the_readme_lists(visit: &Visit<'_>) -> Numbers {
    let mut rows = readme_rows()?;
    rows.retain(|row| expected(row, visit.assessment.cluster.version.as_deref()));
    let found_with_scope = found(&visit.assessment);
    // Without a scope every namespace but the system ones counts as holding ePHI: that is where accepted gaps show.
    let everywhere = visit.scratch.path().join("everywhere");
    let output =
        program::kube_hipaa(["assess".as_ref(), visit.evidence.as_os_str(), "--quiet".as_ref(), "-o".as_ref(), everywhere.as_os_str()]);
    if !output.status.success() {
        return Err(program::said(&output).into());
    }
    let found_everywhere = found(&serde_json::from_slice(&std::fs::read(everywhere.join("assessment.json"))?)?);

    let outcome = |id: &str| visit.assessment.controls.iter().find(|control| control.id == id).map(|control| control.word());
    let (mut wrong, mut listed, mut planned) = (Vec::new(), BTreeSet::new(), 0);
    for row in &rows {
        let Some(control) = &row.control else {
            planned += 1;
            continue;
        };
        let Some(outcome) = outcome(control) else {
            wrong.push(format!("{}: there is no control {control}", row.id));
            continue;
        };
        let key = (control.clone(), row.place.clone());
        match row.id.chars().next() {
            Some('G') if !found_with_scope.contains(&key) => wrong.push(format!("{}: {control} does not find {}", row.id, row.place)),
            Some('A') if !found_everywhere.contains(&key) => {
                wrong.push(format!("{}: {control} does not find {}, whatever the scope", row.id, row.place));
            }
            Some('S') if found_with_scope.contains(&key) => wrong.push(format!("{}: {control} finds {}", row.id, row.place)),
            Some('S') if !matches!(outcome, OutcomeWord::Pass | OutcomeWord::Fail) => {
                wrong.push(format!("{}: {control} says {}", row.id, outcome.label()));
            }
            _ => {}
        }
        if !row.id.starts_with('S') && !listed.insert(key) {
            wrong.push(format!("{}: listed twice", row.id));
        }
    }
    for (control, place) in found_with_scope.difference(&listed) {
        wrong.push(format!("not in the README: {control} finds {place}"));
    }
    if wrong.is_empty() {
        Ok(format!("{} rows held together with {} findings, {planned} more planned", rows.len() - planned, found_with_scope.len()))
    } else {
        Err(wrong.join("\n").into())
    }
}

/// A rolled out workload is judged by its pods. When the collector drops a status that says so, templates appear beside them.
fn templates_stand_in_for_missing_pods(visit: &Visit<'_>) -> Numbers {
    let output = program::kube_hipaa(["facts".as_ref(), visit.evidence.as_os_str(), "pods".as_ref(), "--format".as_ref(), "json".as_ref()]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let workload = |row: &Value| format!("{}/{}", row["namespace"], row["workload"]);
    let of = |kind: &str| -> BTreeSet<String> { rows.iter().filter(|row| row["observed_in"] == kind).map(workload).collect() };
    let (running, templates) = (of("running"), of("template"));
    // A Job that is not finished starts its next pod from its template, whatever the pods before it were.
    let jobs: BTreeSet<String> = rows.iter().filter(|row| row["workload_kind"] == "Job").map(workload).collect();
    let both: Vec<&String> = running.intersection(&templates).filter(|workload| !jobs.contains(*workload)).collect();
    if !both.is_empty() || running.is_empty() || templates.is_empty() {
        return Err(format!("{} running, {} templates, both: {both:?}", running.len(), templates.len()).into());
    }
    Ok(format!("{} running, {} templates", running.len(), templates.len()))
}

/// `/flagz` and the mirror pod say the same, word for word.
fn flags_agree(visit: &Visit<'_>) -> Numbers {
    let (_, pod) = visit.clinic.api("GET", "/api/v1/namespaces/kube-system/pods/kube-apiserver-cp-1", None);
    let (_, nodes) = visit.clinic.api("GET", "/api/v1/nodes/cp-1", None);
    if pod["metadata"]["ownerReferences"][0]["uid"] != nodes["metadata"]["uid"] {
        return Err("the mirror pod is not owned by its node".into());
    }
    let output = program::kube_hipaa([
        "facts".as_ref(),
        visit.evidence.as_os_str(),
        "api_server_settings".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let contradicted: Vec<&Value> = rows.iter().filter(|row| row["contradiction"] != false).collect();
    let unseen: Vec<&Value> = rows.iter().filter(|row| row["from"] != "flagz").collect();
    if !contradicted.is_empty() || !unseen.is_empty() {
        return Err(format!("contradicted: {contradicted:?}\nnot from /flagz: {unseen:?}").into());
    }
    program::nothing_of_this_machine(&visit.evidence.join("snapshot"))?;
    Ok(format!("{} settings", rows.len()))
}

/// Sources that change by themselves, with the reason. Everything else is the same byte for byte.
const MOVING: &[(&str, &str)] = &[];

fn collects_the_same_twice(visit: &Visit<'_>) -> Numbers {
    let mut snapshots = Vec::new();
    for name in ["first", "second"] {
        let place = visit.scratch.path().join(name);
        let output = program::kube_hipaa([
            "collect".as_ref(),
            "--quiet".as_ref(),
            "--kubeconfig".as_ref(),
            visit.kubeconfig.as_os_str(),
            "-o".as_ref(),
            place.as_os_str(),
        ]);
        if !output.status.success() {
            return Err(program::said(&output).into());
        }
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(&place)? {
            let entry = entry?;
            files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
        }
        files.remove(INDEX_FILE);
        snapshots.push((place, files));
        // Heartbeats of nodes and leases come every 10 s.
        std::thread::sleep(Duration::from_secs(12));
    }
    let [(one, first), (two, second)] = snapshots.as_slice() else { return Err("two snapshots".into()) };
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let mut wrong = Vec::new();
    for name in &names {
        if first.get(*name) != second.get(*name) && !MOVING.iter().any(|(moving, _)| moving == name) {
            let (a, b) = (lines(&one.join(name)), lines(&two.join(name)));
            let gone = a.difference(&b).map(|line| format!("  - {line}"));
            let new = b.difference(&a).map(|line| format!("  + {line}"));
            wrong.push(format!("{name}:\n{}", gone.chain(new).take(6).collect::<Vec<_>>().join("\n")));
        }
    }
    if wrong.is_empty() { Ok(format!("{} files", names.len())) } else { Err(wrong.join("\n").into()) }
}

/// A policy that selects every pod and allows nothing, as the controls tell people to write it.
fn deny_by_default(namespace: &str, directions: &[&str]) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "deny-by-default", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": directions},
    })
}

fn review_is_followed(visit: &Visit<'_>) -> Numbers {
    crate::live_people::a_review_is_followed_by_the_next_scan(visit.clinic, &visit.kubeconfig, &visit.evidence, visit.scratch.path())
}

/// The clinic has what the other proofs of fixes lack: a network plugin that enforces policies, and pods.
fn network_fixes_work(visit: &Visit<'_>) -> Numbers {
    const CONTROLS: [&str; 8] = [
        "network/default-deny-egress",
        "network/default-deny-ingress",
        "network/egress-isolated",
        "network/egress-to-anywhere",
        "network/ingress-from-anywhere",
        "network/ingress-isolated",
        "network/node-traffic-encrypted",
        "transmission/entrance-tls",
    ];
    visit.clinic.apply(&deny_by_default("imaging", &["Ingress", "Egress"]).to_string());
    visit.clinic.apply(&deny_by_default("billing", &["Egress"]).to_string());
    let policy = |namespace: &str, name: &str| format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/{name}");
    visit.clinic.patch(
        &policy("billing", "eligibility-callbacks"),
        &json!({"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "10.40.0.0/16"}}], "ports": [{"port": 8443}]}]}}),
    );
    visit.clinic.patch(
        &policy("integration-engine", "hl7-replay"),
        &json!({"spec": {"egress": [{"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "hl7-listener"}}}]}]}}),
    );
    // Kinds that others define take no strategic merge patch.
    let others = [
        ("/apis/crd.projectcalico.org/v1/felixconfigurations/default", json!({"spec": {"wireguardEnabled": true}})),
        (
            "/apis/projectcontour.io/v1/namespaces/billing/httpproxies/remittance",
            json!({"spec": {"routes": [{"services": [{"name": "billing-api", "port": 8080}]}]}}),
        ),
    ];
    for (path, patch) in others {
        let (status, answer) = visit.clinic.api("PATCH", path, Some(&patch));
        if status != 200 {
            return Err(format!("{path} cannot be changed: {status} {answer}").into());
        }
    }
    visit.clinic.give_keys();
    let evidence = visit.scratch.path().join("mended");
    let (_, mended) = program::scan(&visit.kubeconfig, &evidence, &["--cluster-name", "clinic", "--ephi-selector", EPHI]);
    let (mut wrong, mut findings) = (Vec::new(), 0);
    let on_the_node = |unseen: &Unseen| unseen.why.contains("use the node's network");
    for id in CONTROLS {
        let (before, after) = (control_of(&visit.assessment, id)?, control_of(&mended, id)?);
        let (was, found, examined) = (before.word(), before.findings().len(), before.examined);
        let (is, left, examined_now) = (after.word(), after.findings().len(), after.examined);
        findings += found;
        // No NetworkPolicy covers pods on the node's network: of these nothing is known, and nothing is wrong with the others.
        let mended = is == OutcomeWord::Pass
            || is == OutcomeWord::NotAssessed && id.ends_with("-isolated") && after.unseen().iter().all(on_the_node);
        if was != OutcomeWord::Fail || !mended || examined_now < examined {
            wrong.push(format!("{id}: {was:?} with {found} of {examined}, then {is:?} with {left} of {examined_now}"));
        }
    }
    if wrong.is_empty() { Ok(format!("{} controls, {findings} findings", CONTROLS.len())) } else { Err(wrong.join("\n").into()) }
}

fn control_of<'a>(assessment: &'a Assessment, id: &str) -> Result<&'a ControlResult, String> {
    assessment.controls.iter().find(|control| control.id == id).ok_or_else(|| format!("there is no {id}"))
}

fn lines(file: &Path) -> BTreeSet<String> {
    let mut text = String::new();
    if let Ok(bytes) = std::fs::read(file) {
        let read = std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(bytes.as_slice()), &mut text);
        if read.is_err() {
            text.clear();
        }
    }
    text.lines().map(str::to_owned).collect()
}

/// Not a test: records the snapshot that the program embeds. `make demo-snapshot` is
/// `KUBE_HIPAA_RECORD=examples/clinic-snapshot.zip cargo test --test it live_clinic::record_demo_snapshot -- --ignored --exact`.
#[test]
#[ignore = "records examples/clinic-snapshot.zip: make demo-snapshot"]
#[expect(clippy::print_stderr, reason = "who records wants to know what came of it")]
fn record_demo_snapshot() -> Proven {
    let path = std::env::var_os("KUBE_HIPAA_RECORD").map(PathBuf::from).ok_or("set KUBE_HIPAA_RECORD to the file to record")?;
    let clinic = Clinic::start_on_usual_ports();
    program::record(&clinic.scanner(), "clinic", &path)?;
    program::nothing_of_this_machine(&path)?;
    eprintln!("{}: {} bytes", path.display(), std::fs::metadata(&path)?.len());
    Ok(())
}
