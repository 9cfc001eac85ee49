//! The controls of the sample.

use kube_hipaa::model::*;

use super::{Builder, text};

/// Paragraph, what the cluster shows, what it cannot show, what to ask for.
pub(crate) type Shown = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// Paragraphs about which this cluster says something.
#[rustfmt::skip]
pub(crate) const SHOWS: &[Shown] = &[
    ("164.308(a)(1)(ii)(D)", "Whether the API server writes an audit log, for which requests, and for how long it keeps it.", "Whether anyone reads the log.", &["The procedure for reviewing audit logs", "Two records of a review within the last quarter"]),
    ("164.308(a)(3)(ii)(A)", "Which identities may act in namespaces that hold ePHI.", "Whether each of them was authorized, and by whom.", &["The list of people with access, with the approval of each"]),
    ("164.308(a)(4)(i)", "How access is granted in the cluster: roles, bindings and their subjects.", "The policy behind it.", &["The access policy"]),
    ("164.308(a)(4)(ii)(B)", "Which roles and bindings grant access to workloads and Secrets in namespaces that hold ePHI.", "Who approved them.", &["A sample of access approvals, from request to grant"]),
    ("164.308(a)(5)(ii)(B)", "Whether images are pinned by digest and which privileges a container holds.", "Protection on laptops and in mail.", &["The policy on malicious software"]),
    ("164.308(a)(7)(ii)(A)", "Which volumes are covered by scheduled snapshots in the cluster.", "Backups made outside the cluster, and whether a restore works.", &["The backup plan", "The record of the last restore test"]),
    ("164.312(a)(1)", "Technical access control inside the cluster: authorization mode, anonymous access, privileges of workloads.", "Access control inside applications and databases.", &["The access control design of each application that holds ePHI"]),
    ("164.312(a)(2)(i)", "Whether requests without an identity are refused, and which accounts are shared.", "Whether a named person stands behind each identity.", &["An export of users from the identity provider"]),
    ("164.312(a)(2)(iv)", "Whether Secrets are encrypted at rest in etcd, as far as the API shows it.", "Encryption of volumes and databases below the API.", &["The provider's statement on volume encryption, with key ownership"]),
    ("164.312(b)", "Whether the API server records requests, how much of each, and where.", "Audit records of applications and databases.", &["Where audit logs are shipped, and how long they are kept there"]),
    ("164.312(c)(1)", "Whether containers can change their own file systems.", "Integrity of data inside databases.", &["Integrity checks of the databases that hold ePHI"]),
    ("164.312(d)", "How callers of the API server authenticate.", "How people sign in to the identity provider.", &["The sign-in policy, with its second factor"]),
    ("164.312(e)(1)", "Which namespaces restrict network traffic, and which ingresses use TLS.", "Traffic outside the cluster.", &["A network diagram with the paths of ePHI"]),
    ("164.312(e)(2)(ii)", "Which ingresses terminate TLS.", "Encryption between workloads that the applications do themselves.", &["The TLS configuration of each application that transmits ePHI"]),
];

const PODS: SourceId = SourceId::core("pods");
const POLICIES: SourceId = SourceId::group("networking.k8s.io", "networkpolicies");
const FLAGZ: SourceId = SourceId::url("/flagz");

/// Ids of the controls that need `source`.
pub(crate) fn needs(controls: &[ControlResult], source: &SourceId) -> Vec<String> {
    let word = match source.resource() {
        "pods" | "deployments" | "daemonsets" | "statefulsets" | "cronjobs" => "pod/",
        "networkpolicies" => "network/",
        "clusterroles" | "clusterrolebindings" | "roles" | "rolebindings" | "serviceaccounts" => "rbac/",
        "/flagz" | "/metrics" => "api-server/",
        "configmaps" if source.object().is_some() => "api-server/",
        "namespaces" => "",
        _ => return vec![],
    };
    controls.iter().filter(|control| !control.table.is_empty() && control.id.starts_with(word)).map(|control| control.id.clone()).collect()
}

/// What failing things do, where the sample has findings.
const FAILS: &[(&str, &str)] = &[
    ("pod/privileged-container", "running privileged"),
    ("rbac/read-secrets", "able to read every Secret in namespaces that hold ePHI"),
    ("pod/run-as-root", "free to run as root"),
    ("pod/host-network", "using the node's network"),
    ("namespace/pod-security", "enforcing less than the baseline Pod Security level"),
    ("api-server/audit-retention", "keeping audit logs for less than 30 days"),
    ("rbac/unused-token", "mounting a token that is not used"),
    ("ingress/tls", "serving HTTP without TLS"),
];

struct Draft {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    table: &'static str,
    paragraphs: &'static [&'static str],
    because: &'static str,
    fix: &'static str,
    limits: &'static str,
}

fn control(draft: Draft, outcome: Outcome, examined: u64) -> ControlResult {
    ControlResult {
        counts: draft.table.replace('_', " ").replace("api server", "API server"),
        fails: FAILS.iter().find(|(id, _)| *id == draft.id).map_or("not meeting the check", |(_, fails)| fails).to_owned(),
        id: draft.id.into(),
        version: 1,
        title: draft.title.into(),
        severity: draft.severity,
        area: draft.id.split('/').next().unwrap_or_default().into(),
        table: draft.table.into(),
        paragraphs: draft.paragraphs.iter().map(|id| (*id).to_owned()).collect(),
        benchmark: benchmark(draft.id),
        parameters: parameters(draft.id),
        because: draft.because.into(),
        fix: draft.fix.into(),
        limits: draft.limits.into(),
        looked_at: if draft.id.starts_with("api-server") { LookedAt::Cluster } else { LookedAt::Ephi },
        examined,
        failed: 0,
        unknown: 0,
        undecided: None,
        outcome,
        answers: vec![],
    }
}

/// Numbers that can be set: one that was set to ask for less, and one that was not.
fn parameters(id: &str) -> Vec<ParameterValue> {
    let one = |name: &str, value| ParameterValue {
        name: name.into(),
        value,
        default: 30,
        stricter: Stricter::More,
        unit: "days".into(),
        means: "for how long files are kept".into(),
    };
    if id.starts_with("api-server") { vec![one("min_days", 7), one("min_weeks", 30)] } else { Vec::new() }
}

/// Items of two versions, with and without a level.
fn benchmark(id: &str) -> Vec<BenchmarkItem> {
    let item = |version: &str, number: &str, level, differs: &str| BenchmarkItem {
        framework: "cis-kubernetes".into(),
        version: version.into(),
        id: number.into(),
        level,
        about: "What the item asks".into(),
        extent: Extent::Partial,
        differs: differs.into(),
    };
    match id {
        "pod/privileged-container" => vec![item("2.0.1", "5.2.2", Some(1), "Looks at what runs."), item("2.0.1", "5.2.10", None, "")],
        "api-server/audit-retention" => vec![item("2.0.1", "1.2.17", Some(1), ""), item("2.1.0", "5.1.14", Some(2), "")],
        _ => vec![],
    }
}

fn failing(draft: Draft, examined: u64, findings: Vec<Finding>) -> ControlResult {
    let failed = findings.len() as u64;
    let outcome = Outcome::Fail(NonEmpty::new(findings).expect("a fail has findings"), vec![]);
    ControlResult { failed, ..control(draft, outcome, examined) }
}

fn passing(make: &mut Builder, draft: Draft, examined: u64, source: &SourceId, count: u64, samples: &[&str]) -> ControlResult {
    let sample = samples
        .iter()
        .map(|path| {
            let subject = make.object(path);
            let facts = make.facts(&[("name", text("app")), ("privileged", FactValue::Bool(false))]);
            let evidence =
                vec![make.evidence(Grade::EffectiveConfiguration, source, Some(subject.clone()), "/spec/containers/0/securityContext")];
            Sample { subject: subject.into(), facts, evidence }
        })
        .collect();
    let proof = Proof {
        sources: vec![SourceProof { source: source.clone(), state: SourceState::Read { count, resource_version: Some("48219".into()) } }],
        examined,
        rows: examined + 3,
        sample,
    };
    control(draft, if examined == 0 { Outcome::NotApplicable(proof) } else { Outcome::Pass(proof) }, examined)
}

fn unseen(kind: UnseenKind, what: &str, why: &str, how: &str, source: Option<SourceId>) -> Unseen {
    Unseen { kind, what: what.into(), why: why.into(), how_to_see: how.into(), source, missing_rule: None }
}

fn not_assessed(draft: Draft, unseen: Vec<Unseen>) -> ControlResult {
    control(draft, Outcome::NotAssessed(NonEmpty::new(unseen).expect("not assessed has a reason")), 0)
}

fn manual(draft: Draft, ask: &str, evidence: &str, who: &str) -> ControlResult {
    let question = Question {
        ask: ask.into(),
        evidence: evidence.into(),
        who: who.into(),
        role: Some(Role::SecurityOperations),
        period: Some("12 months before the answer".into()),
        applies_when: None,
        how_often: None,
    };
    control(draft, Outcome::Manual(question), 0)
}

fn draft(
    id: &'static str,
    title: &'static str,
    severity: Severity,
    table: &'static str,
    paragraphs: &'static [&'static str],
    because: &'static str,
    fix: &'static str,
) -> Draft {
    Draft {
        id,
        title,
        severity,
        table,
        paragraphs,
        because,
        fix,
        limits: "Reads the desired state of objects; does not inspect running processes.",
    }
}

/// All controls, sorted by id.
#[rustfmt::skip]
pub(crate) fn all(make: &mut Builder) -> Vec<ControlResult> {
    use Severity::{Critical, High, Low, Medium};
    let mut list = Vec::new();

    // Fails.
    let found = [("Deployment.apps records/fhir-gateway", "fhir-gateway", "tls-proxy"), ("Deployment.apps imaging/dicom-router", "dicom-router", "router"), ("DaemonSet.apps integration/file-drop", "file-drop", "mounter")]
        .iter().map(|(path, workload, name)| make.finding(Critical, &PODS, path, &format!("{workload} runs container {name} privileged"), &[("workload", text(workload)), ("name", text(name)), ("kind", text("container")), ("privileged", FactValue::Bool(true)), ("image", text("registry.clinic.example/tools/proxy@sha256:5c1f8f9e"))], "/spec/containers/1/securityContext/privileged", None)).collect();
    let mut privileged = failing(draft("pod/privileged-container", "No container runs privileged", Critical, "containers", &["164.312(a)(1)", "164.308(a)(5)(ii)(B)"], "A privileged container can read and change everything on its node, including other workloads' data.", "Remove securityContext.privileged, or grant the single capability that is needed."), 41, found);
    privileged.unknown = 4;
    let not_seen = vec![unseen(UnseenKind::ReadFailed, "Jobs that CronJobs will start", "the list expired twice (410) after 500 of about 1,200 objects", "Run the scan again, with a smaller page size if the list is long.", Some(SourceId::group("batch", "cronjobs")))];
    privileged.outcome = Outcome::Fail(NonEmpty::new(privileged.findings().to_vec()).expect("it fails"), not_seen);
    list.push(privileged);

    let binding = make.object("ClusterRoleBinding.rbac.authorization.k8s.io ops-legacy-admins");
    let mut found: Vec<Finding> = ["ServiceAccount billing/invoice-worker", "ServiceAccount billing/report-export", "ServiceAccount integration/hl7-listener", "User m.keller@clinic.example"]
        .iter().map(|path| make.finding(Critical, &SourceId::group("rbac.authorization.k8s.io", "clusterrolebindings"), path, &format!("{} can read every Secret in the cluster", path.rsplit('/').next().unwrap_or(path)), &[("verbs", FactValue::List(vec!["get".into(), "list".into(), "watch".into()])), ("resource", text("secrets")), ("scope", text("cluster"))], "/subjects/0", Some(&binding))).collect();
    found.push(make.finding(Critical, &SourceId::group("rbac.authorization.k8s.io", "rolebindings"), "ServiceAccount records/archive-sync", "archive-sync can read every Secret in records", &[("verbs", FactValue::List(vec!["get".into()])), ("resource", text("secrets")), ("scope", text("records"))], "/roleRef", None));
    list.push(failing(draft("rbac/read-secrets", "Only named identities can read Secrets in namespaces that hold ePHI", Critical, "subjects", &["164.312(a)(1)", "164.308(a)(4)(ii)(B)", "164.308(a)(3)(ii)(A)"], "A Secret often holds the password of a database. Whoever reads it can read the data behind it, past the application's own access control.", "Remove the subject from the binding, or replace the role by one that names the Secrets that are needed."), 61, found));

    let found = ["admin-toolbox", "appointment-api", "claims-parser", "consent-service", "eligibility-check", "export-batch", "fhir-gateway", "hl7-listener", "image-cache", "invoice-worker", "lab-results", "notify", "patient-portal", "report-export"]
        .iter().enumerate().map(|(i, name)| { let namespace = ["records", "billing", "imaging", "scheduling"].get(i % 4).unwrap_or(&"records"); make.finding(Medium, &PODS, &format!("Deployment.apps {namespace}/{name}"), &format!("Container app of {name} may run as root"), &[("workload", text(name)), ("run_as_non_root", FactValue::Null), ("run_as_user", FactValue::Null), ("replicas", FactValue::Int(3)), ("node_user", FactValue::Unknown { unknown: "image configuration is not visible through the API".into() })], "/spec/template/spec/containers/0/securityContext", None) }).collect();
    list.push(failing(draft("pod/run-as-root", "Containers do not run as root", Medium, "containers", &["164.312(a)(1)", "164.312(c)(1)"], "A process that runs as root inside a container is root on the node if it breaks out.", "Set runAsNonRoot: true and a runAsUser above 0 in the pod's securityContext."), 41, found));

    let found = ["Deployment.apps website/marketing-site", "Deployment.apps sandbox/jupyter"]
        .iter().map(|path| make.finding(High, &PODS, path, "The pod uses the node's network", &[("host_network", FactValue::Bool(true))], "/spec/template/spec/hostNetwork", None)).collect();
    list.push(failing(draft("pod/host-network", "No workload uses the node's network", High, "pods", &["164.312(e)(1)", "164.312(a)(1)"], "A pod on the node's network bypasses network policies and can reach services that listen on the node only.", "Remove hostNetwork: true."), 128, found));

    let found = ["records", "billing", "imaging"]
        .iter().map(|name| make.finding(High, &SourceId::core("namespaces"), &format!("Namespace {name}"), &format!("Namespace {name} enforces Pod Security level privileged"), &[("enforce", FactValue::Null), ("warn", text("baseline")), ("audit", text("baseline"))], "/metadata/labels", None)).collect();
    list.push(failing(draft("namespace/pod-security", "Namespaces that hold ePHI enforce at least the baseline Pod Security level", High, "namespaces", &["164.312(a)(1)"], "Without enforcement, anyone who may create a pod can create a privileged one.", "Label the namespace pod-security.kubernetes.io/enforce: baseline, after checking with the warn and audit labels."), 5, found));

    let mut audit = make.finding(High, &FLAGZ, "APIServer kube-apiserver", "Audit logs are kept for 7 days on the node", &[("flag", text("--audit-log-maxage")), ("value", FactValue::Int(7))], "/flags/audit-log-maxage", None);
    let mirror = make.object("Pod kube-system/kube-apiserver-cp-1");
    let extra = make.evidence(Grade::ReportedCopy, &PODS, Some(mirror), "/spec/containers/0/command/12");
    audit.evidence.push(extra);
    list.push(failing(draft("api-server/audit-retention", "The API server keeps audit logs for at least 30 days", High, "api_server_settings", &["164.312(b)", "164.308(a)(1)(ii)(D)"], "An audit log that is gone cannot show who reached ePHI.", "Raise --audit-log-maxage, or ship the log to a store that keeps it."), 1, vec![audit]));

    let found = ["default", "hl7-listener", "invoice-worker", "notify", "patient-portal", "report-export", "scheduler-ui"]
        .iter().map(|name| make.finding(Low, &SourceId::core("serviceaccounts"), &format!("ServiceAccount integration/{name}"), &format!("{name} mounts a token that its pods do not use"), &[("automount", FactValue::Null), ("pods", FactValue::Int(2))], "/automountServiceAccountToken", None)).collect();
    list.push(failing(draft("rbac/unused-token", "Tokens are mounted only where they are used", Low, "service_accounts", &["164.308(a)(4)(ii)(B)"], "A token in a pod is a credential for the API server that an attacker finds first.", "Set automountServiceAccountToken: false on the service account."), 61, found));

    let found = ["Ingress.networking.k8s.io ingress/portal", "Ingress.networking.k8s.io ingress/lab-upload"]
        .iter().map(|path| make.finding(High, &SourceId::group("networking.k8s.io", "ingresses"), path, "The ingress serves HTTP without TLS", &[("tls", FactValue::List(vec![])), ("hosts", FactValue::List(vec!["portal.clinic.example".into()]))], "/spec/tls", None)).collect();
    list.push(failing(draft("ingress/tls", "Ingresses serve TLS", High, "ingresses", &["164.312(e)(1)", "164.312(e)(2)(ii)"], "Without TLS, anyone on the path can read and change what is transmitted.", "Add spec.tls with a certificate for each host."), 9, found));

    // Not assessed: a denied read, something that no API shows, something that was not understood.
    list.push(not_assessed(draft("network/default-deny", "Namespaces that hold ePHI deny network traffic by default", High, "namespaces", &["164.312(e)(1)"], "Without a default rule, every pod can reach every other.", "Add a NetworkPolicy that selects all pods and allows nothing."), vec![unseen(UnseenKind::ReadFailed, "Network policies", "the server refused to list networkpolicies.networking.k8s.io (403)", "Grant the rule that stands in chapter 2.", Some(POLICIES))]));
    list.push(not_assessed(draft("network/egress", "Traffic out of namespaces that hold ePHI is restricted", Medium, "namespaces", &["164.312(e)(1)"], "Unrestricted traffic out is the way by which data leaves.", "Add a NetworkPolicy with egress rules."), vec![unseen(UnseenKind::ReadFailed, "Network policies", "the server refused to list networkpolicies.networking.k8s.io (403)", "Grant the rule that stands in chapter 2.", Some(POLICIES))]));
    list.push(not_assessed(draft("api-server/encryption-at-rest", "Secrets are encrypted at rest in etcd", Critical, "api_server_settings", &["164.312(a)(2)(iv)"], "A copy of etcd's disk or backup holds every Secret in clear text otherwise.", "Configure --encryption-provider-config with a KMS provider."), vec![
        unseen(UnseenKind::ReadFailed, "Metrics of the API server", "the server refused /metrics (403)", "Grant the rule that stands in chapter 2.", Some(SourceId::url("/metrics"))),
        unseen(UnseenKind::NotVisible, "The file that --encryption-provider-config names", "it lies on the disk of the control plane node", "Ask the cluster's operators for the file, with the keys removed.", None)]));
    list.push(not_assessed(draft("node/disk-encryption", "Disks of nodes are encrypted", High, "nodes", &["164.312(a)(2)(iv)"], "Volumes and image layers lie on the node's disk.", "Encrypt the node's disks, and record who holds the keys."), vec![unseen(UnseenKind::NotVisible, "Encryption of node disks", "no API of Kubernetes shows it", "Ask the infrastructure team, or the cloud provider, for the disk configuration of each node.", None)]));
    list.push(not_assessed(draft("network/external-secrets", "External stores of Secrets are reached over TLS", Low, "external_secrets", &["164.312(e)(2)(ii)"], "Credentials travel to the cluster on this path.", "Use an https address in the store's configuration."), vec![
        unseen(UnseenKind::ReadFailed, "External Secrets", "the server says that its copy of this API group is stale", "Repair the APIService, then scan again.", Some(SourceId::group("external-secrets.io", "externalsecrets"))),
        unseen(UnseenKind::NotUnderstood, "2 of 31 objects of kind SecretStore", "field spec.provider has a form that this version does not know", "Look at the objects named in the snapshot, and report the form to the project.", None)]));

    // Manual.
    list.push(manual(draft("people/access-review", "Access to ePHI is reviewed", Medium, "", &["164.308(a)(4)(ii)(B)", "164.308(a)(3)(ii)(A)"], "", ""), "When was access to the namespaces that hold ePHI last reviewed, and by whom?", "The record of the review, with the list of identities that was looked at and what was changed.", "The security official"));
    list.push(manual(draft("people/audit-review", "Audit logs are reviewed", Medium, "", &["164.308(a)(1)(ii)(D)"], "", ""), "Who reads the API server's audit log, how often, and what happens with what is found?", "The procedure, and the records of the last two reviews.", "The security official, or the team on call"));
    list.push(manual(draft("people/restore-test", "Backups are restored in a test", High, "", &["164.308(a)(7)(ii)(A)"], "", ""), "When was a backup of a system that holds ePHI last restored in a test?", "The record of the test: what was restored, how long it took, what was wrong.", "The owner of the contingency plan"));

    // Passes and not applicable.
    list.push(passing(make, draft("api-server/anonymous-access", "Requests without an identity are refused", Critical, "api_server_settings", &["164.312(a)(2)(i)", "164.312(d)", "164.312(a)(1)"], "Anonymous access leaves no name in the audit log.", "Set --anonymous-auth=false."), 1, &FLAGZ, 1, &["APIServer kube-apiserver"]));
    list.push(passing(make, draft("api-server/audit-log", "The API server writes an audit log", Critical, "api_server_settings", &["164.312(b)", "164.308(a)(1)(ii)(D)"], "Without it, nobody can say who did what.", "Set --audit-log-path and --audit-policy-file."), 1, &FLAGZ, 1, &["APIServer kube-apiserver"]));
    list.push(passing(make, draft("pod/host-path", "No container mounts the node's file system", High, "containers", &["164.312(a)(1)"], "A host path gives a container the node's files.", "Use a PersistentVolumeClaim."), 41, &PODS, 128, &["Pod billing/invoice-worker-6d9c7b5f4-2xkqv", "Pod imaging/dicom-router-0", "Pod records/fhir-gateway-7c6b9d8f5-p4z8m"]));
    list.push(passing(make, draft("rbac/wildcard-roles", "No role in use allows every verb on every resource", High, "roles", &["164.308(a)(4)(i)", "164.312(a)(1)"], "A wildcard also grants what is added later.", "Name the verbs and resources."), 134, &SourceId::group("rbac.authorization.k8s.io", "clusterroles"), 96, &["ClusterRole.rbac.authorization.k8s.io view", "Role.rbac.authorization.k8s.io billing/invoice-reader"]));
    list.push(passing(make, draft("storage/backup-schedule", "Volumes that hold ePHI are in a backup schedule", High, "volumes", &["164.308(a)(7)(ii)(A)"], "What is not backed up cannot be restored.", "Add a schedule."), 22, &SourceId::core("persistentvolumes"), 22, &["PersistentVolume pvc-2f1c"]));
    list.push(passing(make, draft("gateway/tls", "Gateways serve TLS", High, "gateways", &["164.312(e)(2)(ii)"], "Without TLS, anyone on the path can read what is transmitted.", "Add a listener with TLS."), 0, &SourceId::group("gateway.networking.k8s.io", "gateways"), 0, &[]));
    list.sort_by(|a, b| a.id.cmp(&b.id));
    list
}
