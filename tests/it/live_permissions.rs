//! Every permission of the shipped manifests, taken away one at a time: the scan says what it could not see, and why.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kube_hipaa::catalog::Catalog;
use kube_hipaa::collect::inventory::{Entry, ManifestNames, Part, Reach, access_rules, inventory, manifests};
use kube_hipaa::model::{Assessment, OutcomeWord, SourceId, SourceState};
use serde_json::{Value, json};

use crate::support::control_plane::{ControlPlane, Options, kubectl};
use crate::support::program;

const LIMIT: Duration = Duration::from_secs(30);
/// The kind that a user of Gatekeeper might have defined.
const CONSTRAINT: &str = "k8srequiredlabels";

/// A role of the shipped manifests as it is stored.
struct Role {
    path: String,
    rules: Vec<Value>,
}

/// One value of one rule: a resource, a URL, or the name of a ConfigMap.
struct Permission {
    role: usize,
    rule: usize,
    field: &'static str,
    value: String,
    /// What cannot be read without it.
    source: SourceId,
    /// A request that only this permission allows.
    path: String,
}

#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the number of permissions is for people, with --nocapture")]
fn without_any_one_permission_the_scan_is_incomplete_and_says_why() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    plane.apply(&cluster());
    // Every identity may ask for the version; without that, the rule of the manifests decides.
    for role in ["system:public-info-viewer", "system:discovery"] {
        forbid_version(&plane, role);
    }
    let lanes: Vec<Lane> = LANES.into_iter().map(|name| Lane::new(&plane, name)).collect();
    let scratch = tempfile::tempdir()?;

    // Each identity takes its share of the same permissions; a scan waits for the network most of the time.
    let results: Vec<Result<(usize, Vec<String>), String>> = std::thread::scope(|scope| {
        let running: Vec<_> = lanes
            .iter()
            .enumerate()
            .map(|(number, lane)| {
                let (plane, folder) = (&plane, scratch.path().join(lane.name));
                scope.spawn(move || take_away(plane, lane, number, &folder))
            })
            .collect();
        running.into_iter().map(|lane| lane.join().unwrap_or_else(|_| Err("a thread ended".to_owned()))).collect()
    });
    let (mut tried, mut wrong) = (0, Vec::new());
    for result in results {
        let (permissions, mistakes) = result?;
        tried += permissions;
        wrong.extend(mistakes);
    }
    // Every source that needs a rule was there.
    assert_eq!(tried, inventory().iter().filter(|entry| entry.rule().is_some()).count());
    eprintln!("permissions: {tried} taken away in turn");
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// `preflight -o yaml` prints what is missing and nothing else: the server takes it, and with it nothing is missing any more.
#[test]
#[ignore = "needs the control plane: make test"]
fn the_missing_rules_are_taken_by_the_server_and_are_enough() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    plane.apply(&cluster());
    // Somebody who may read a little, and one odd name that YAML would take for something else.
    let half = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "half"}, "rules": [
            {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["list"]}]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "half"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "half"},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "on: call, #1"}]}]});
    plane.apply(&half.to_string());
    let kubeconfig = plane.kubeconfig_for_user("on: call, #1", &[]);
    let ask =
        || program::kube_hipaa(["preflight".as_ref(), "-o".as_ref(), "yaml".as_ref(), "--kubeconfig".as_ref(), kubeconfig.as_os_str()]);
    let missing = ask();
    assert_eq!(missing.status.code(), Some(4), "{}", program::said(&missing));
    for dry in [true, false] {
        let mut command = kubectl();
        command.args(["apply", "-f", "-", "--kubeconfig"]).arg(plane.kubeconfig_admin());
        if dry {
            command.arg("--dry-run=server");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        std::io::Write::write_all(&mut child.stdin.take().ok_or("a pipe")?, &missing.stdout)?;
        let output = child.wait_with_output()?;
        assert!(output.status.success(), "{}\n{}", program::said(&output), String::from_utf8_lossy(&missing.stdout));
        if dry {
            assert_eq!(ask().status.code(), Some(4), "nothing was granted yet");
        }
    }
    let text = String::from_utf8_lossy(&missing.stdout).into_owned();
    assert!(!text.contains("- pods\n") && !text.contains("deployments"), "what is there already is not asked for again: {text}");
    plane.wait_until("the API server knows the rules", LIMIT, || (ask().status.code() == Some(0)).then_some(()));
    Ok(())
}

/// The names of identities that each hold the shipped rights.
const LANES: [&str; 2] = ["scan-a", "scan-b"];

/// One identity with roles of its own, so that two can be tried at the same time.
struct Lane {
    name: &'static str,
    kubeconfig: PathBuf,
    roles: Vec<Role>,
}

impl Lane {
    fn new(plane: &ControlPlane, name: &'static str) -> Self {
        let names = ManifestNames { name: name.to_owned(), ..ManifestNames::default() };
        let everywhere: Vec<String> = access_rules().namespaced.into_keys().collect();
        plane.apply(&manifests(&names, Some(&everywhere)));
        Self { name, kubeconfig: plane.kubeconfig_for_service_account(&names.namespace, name), roles: roles(plane, name) }
    }
}

/// Takes this lane's share of the permissions away: how many those were, and what went wrong.
fn take_away(plane: &ControlPlane, lane: &Lane, number: usize, folder: &Path) -> Result<(usize, Vec<String>), String> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let scan = |name: &str| {
        let more = ["--no-anonymous-request", "--format", "json", "--ephi-namespace", "records"];
        program::scan(&lane.kubeconfig, &folder.join(name), &more)
    };
    let all = permissions(&lane.roles)?;
    let share = all.len().div_ceil(LANES.len());
    let permissions = all.chunks(share).nth(number).unwrap_or_default();

    let (code, whole) = scan("whole");
    let mut wrong = Vec::new();
    if (code, failed(&whole)) != (Some(0), BTreeSet::new()) {
        wrong.push(format!("with every permission: {code:?} {:?}", failed(&whole)));
    }
    let mut before: Option<&Permission> = None;
    for (number, permission) in permissions.iter().enumerate() {
        let role = &lane.roles[permission.role];
        if let Some(before) = before.filter(|before| before.role != permission.role) {
            set_rules(plane, &lane.roles[before.role], None);
        }
        set_rules(plane, role, Some(permission));
        wait_for(plane, &lane.kubeconfig, before, Some(permission));
        let (code, assessment) = scan(&number.to_string());
        let mistakes = check(permission, code, &assessment);
        wrong.extend(mistakes.into_iter().map(|what| format!("{} without {}: {what}", role.path, permission.value)));
        before = Some(permission);
    }
    Ok((permissions.len(), wrong))
}

/// What is wrong with a scan without this permission.
fn check(permission: &Permission, code: Option<i32>, assessment: &Assessment) -> Vec<String> {
    let mut wrong = Vec::new();
    // A read on which no control rests loses no verdict.
    let switched_off = |source: &SourceId| {
        assessment.coverage.iter().any(|row| row.source == *source && matches!(row.state, SourceState::NotRequested { .. }))
    };
    let read_failed = |unseen: &kube_hipaa::model::Unseen| {
        unseen.kind == kube_hipaa::model::UnseenKind::ReadFailed && !unseen.source.as_ref().is_some_and(switched_off)
    };
    let lost = assessment.controls.iter().flat_map(|control| control.unseen()).any(read_failed);
    if code != Some(if lost { 4 } else { 0 }) {
        wrong.push(format!("exit code {code:?}"));
    }
    let failed = failed(assessment);
    if failed != BTreeSet::from([permission.source.to_string()]) {
        wrong.push(format!("not read: {failed:?}"));
    }
    let Some(source) = assessment.coverage.iter().find(|source| source.source == permission.source) else {
        wrong.push("the source is not in the coverage".to_owned());
        return wrong;
    };
    if !matches!(source.state, SourceState::Forbidden { .. }) {
        wrong.push(format!("the state is {}", source.state.word()));
    }
    let names = source.missing_rule.as_ref().is_some_and(|rule| {
        let list = match permission.field {
            "nonResourceURLs" => &rule.non_resource_urls,
            "resourceNames" => &rule.resource_names,
            _ => &rule.resources,
        };
        list.contains(&permission.value) || (permission.value == "*" && list.iter().any(|name| name == CONSTRAINT))
    });
    if !names {
        wrong.push(format!("the missing rule is {:?}", source.missing_rule));
    }
    // What a table only looks at besides may not have been needed for this verdict.
    let needed: Vec<&String> = source.needed_by.iter().filter(|id| is_needed(id, &permission.source)).collect();
    if !needed.is_empty() && !lost {
        wrong.push(format!("{needed:?} need it and nothing is said to be missing"));
    }
    for id in needed {
        let outcome = assessment.controls.iter().find(|control| control.id == *id).map(|control| control.word());
        if matches!(outcome, None | Some(OutcomeWord::Pass | OutcomeWord::NotApplicable)) {
            wrong.push(format!("{id} says {outcome:?}"));
        }
    }
    wrong
}

/// Whether a control cannot pass without a source.
fn is_needed(id: &str, source: &SourceId) -> bool {
    static CATALOG: std::sync::LazyLock<Catalog> = std::sync::LazyLock::new(|| Catalog::built_in().expect("no problems"));
    let is_it = |needed: SourceId| needed == *source || (needed.is_whole_group() && needed.api_group() == source.api_group());
    CATALOG.control(id).and_then(|control| control.check()).is_some_and(|check| check.sources().into_iter().any(is_it))
}

/// The sources that could not be read.
fn failed(assessment: &Assessment) -> BTreeSet<String> {
    assessment.coverage.iter().filter(|source| source.state.is_failed_read()).map(|source| source.source.to_string()).collect()
}

fn permissions(roles: &[Role]) -> Result<Vec<Permission>, String> {
    let mut all = Vec::new();
    for (number, role) in roles.iter().enumerate() {
        for (rule, fields) in role.rules.iter().enumerate() {
            let field = ["resourceNames", "nonResourceURLs", "resources"].into_iter().find(|field| fields[*field].is_array());
            let Some((field, values)) = field.and_then(|field| Some((field, fields[field].as_array()?))) else {
                return Err(format!("a rule of an unknown form: {fields}"));
            };
            for value in values.iter().filter_map(Value::as_str) {
                let entry = inventory().iter().find(|entry| allows(entry, &role.path, fields, value));
                let Some(entry) = entry else { return Err(format!("{value} of {fields} is not needed by anything")) };
                let (source, path) = match entry.reach {
                    Reach::KindsOf => {
                        let group = entry.source.api_group();
                        (SourceId::dynamic(group, CONSTRAINT), format!("/apis/{group}/{}/{CONSTRAINT}", version(entry)))
                    }
                    _ => (entry.source.clone(), entry.path(version(entry))),
                };
                all.push(Permission { role: number, rule, field, value: value.to_owned(), source, path });
            }
        }
    }
    Ok(all)
}

/// Whether this rule with this value is the one that the entry needs.
fn allows(entry: &Entry, role: &str, rule: &Value, value: &str) -> bool {
    let Some(needed) = entry.rule() else { return false };
    let namespace = role.split_once("/namespaces/").and_then(|(_, rest)| rest.split('/').next());
    let group_fits = rule["apiGroups"].as_array().is_none_or(|groups| groups.iter().any(|group| group == entry.source.api_group()));
    let name_fits = match entry.reach {
        Reach::ConfigMap => rule["resourceNames"].is_array() && entry.source.object().is_some_and(|(_, name)| name == value),
        Reach::Url { .. } => rule["nonResourceURLs"].is_array() && entry.source.resource() == value,
        _ => rule["resources"].is_array() && rule["resourceNames"].is_null() && entry.source.resource() == value,
    };
    needed.namespace.as_deref() == namespace && group_fits && name_fits
}

fn version(entry: &Entry) -> &'static str {
    entry.versions.first().copied().unwrap_or_default()
}

/// The shipped roles: two ClusterRoles, and one Role in every namespace where something is read by name.
fn roles(plane: &ControlPlane, name: &str) -> Vec<Role> {
    const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
    let cluster = ["core", "addons"].map(|part| format!("{RBAC}/clusterroles/{name}-{part}"));
    let namespaced = access_rules().namespaced.into_keys().map(|namespace| format!("{RBAC}/namespaces/{namespace}/roles/{name}-config"));
    cluster
        .into_iter()
        .chain(namespaced)
        .map(|path| {
            let (status, role) = plane.api("GET", &path, None);
            assert_eq!(status, 200, "{path}: {role}");
            Role { rules: role["rules"].as_array().cloned().unwrap_or_default(), path }
        })
        .collect()
}

/// The role's rules, without one permission.
fn set_rules(plane: &ControlPlane, role: &Role, without: Option<&Permission>) {
    let mut rules = role.rules.clone();
    if let Some(permission) = without
        && let Some(values) = rules[permission.rule][permission.field].as_array_mut()
    {
        values.retain(|value| *value != permission.value);
        // A rule without values is refused; one without names would allow all.
        if values.is_empty() {
            rules.remove(permission.rule);
        }
    }
    let (status, answer) = plane.api("PATCH", &role.path, Some(&json!({"rules": rules})));
    assert_eq!(status, 200, "{answer}");
}

/// Until the API server has heard of the change: one permission is back, another one is gone.
fn wait_for(plane: &ControlPlane, scanner: &Path, back: Option<&Permission>, gone: Option<&Permission>) {
    let refused = |permission: &Permission| plane.api_as(scanner, "GET", &permission.path, None).0 == 403;
    plane.wait_until("the API server knows the changed role", LIMIT, || {
        (gone.is_none_or(refused) && !back.is_some_and(refused)).then_some(())
    });
}

fn forbid_version(plane: &ControlPlane, role: &str) {
    let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}");
    let (_, mut stored) = plane.api("GET", &path, None);
    for rule in stored["rules"].as_array_mut().into_iter().flatten() {
        if let Some(urls) = rule["nonResourceURLs"].as_array_mut() {
            urls.retain(|url| !url.as_str().is_some_and(|url| url.starts_with("/version")));
        }
    }
    let (status, answer) = plane.api("PATCH", &path, Some(&json!({"rules": stored["rules"]})));
    assert_eq!(status, 200, "{answer}");
}

/// Every add-on's kinds, every namespace that the manifests name, and one pod beside ePHI.
fn cluster() -> String {
    let mut objects = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "records"}})];
    for namespace in access_rules().namespaced.into_keys() {
        objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    }
    for entry in inventory().iter().filter(|entry| entry.part == Part::Addons) {
        let (plural, kind) = match entry.reach {
            Reach::Everywhere => (entry.source.resource(), entry.kind),
            Reach::KindsOf => (CONSTRAINT, "K8sRequiredLabels"),
            _ => continue,
        };
        let group = entry.source.api_group();
        objects.push(json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.{group}"),
                // Groups under k8s.io need the mark of an approved API.
                "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements"},
            },
            "spec": {
                "group": group,
                "scope": "Cluster",
                "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind},
                "versions": [{
                    "name": version(entry), "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                }],
            },
        }));
    }
    objects.push(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "archive", "namespace": "records"},
        "spec": {"containers": [{"name": "archive", "image": "registry.example/archive:1"}]},
    }));
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}
