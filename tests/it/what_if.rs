//! What manifests would change in a cluster: laid over its snapshot, told as hypothetical everywhere, and never sealed.

use std::path::Path;

use kube_hipaa::model::{Assessment, SourceId};
use kube_hipaa::snapshot::Snapshot;
use serde_json::{Value, json};

use crate::cli::{assert_error, code, run_in, stderr, stdout};

const CLINIC: &str = "examples/clinic-snapshot.zip";

/// The stored objects of a source of the clinic.
fn objects(source: &str) -> Vec<Value> {
    let snapshot = Snapshot::open(Path::new(CLINIC)).expect("readable");
    let source: SourceId = source.parse().expect("a source");
    snapshot.objects(&source).expect("readable").map(|stored| serde_json::from_str(&stored.expect("whole").json).expect("JSON")).collect()
}

fn text<'o>(object: &'o Value, pointer: &str) -> &'o str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A folder with the clinic's snapshot.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(CLINIC, folder.path().join("clinic.zip")).expect("copied");
    folder
}

fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Assesses the clinic with these manifests into `out`.
fn what_if(here: &Path, manifests: &str) -> Assessment {
    std::fs::write(here.join("manifests.yaml"), manifests).expect("written");
    let output = run_in(
        here,
        &["assess", "clinic.zip", "--with", "manifests.yaml", "-q", "--force", "--format", "html,markdown,json,csv", "-o", "out"],
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&std::fs::read(here.join("out/assessment.json")).expect("written")).expect("an assessment")
}

fn as_it_is(here: &Path) -> Assessment {
    let output = run_in(here, &["assess", "clinic.zip", "-q", "--force", "-o", "is"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&std::fs::read(here.join("is/assessment.json")).expect("written")).expect("an assessment")
}

fn one(source: &str, namespace: &str, name: &str) -> Value {
    let mut all = objects(source).into_iter();
    let found = all.find(|object| text(object, "/metadata/namespace") == namespace && text(object, "/metadata/name") == name);
    found.unwrap_or_else(|| panic!("{source} {namespace}/{name}"))
}

fn names(notes: &[kube_hipaa::model::LaidNote]) -> Vec<String> {
    notes.iter().map(|note| note.object.to_string()).collect()
}

/// An empty value of a label is a value, and an empty selector is no absent one.
#[test]
fn a_policy_that_selects_otherwise_is_another_policy() {
    let folder = place();
    let mut policy = one("networkpolicies.networking.k8s.io", "billing", "default-deny-ingress");
    policy["spec"]["podSelector"] = json!({"matchLabels": {"quarantine": ""}});
    let supposed = what_if(folder.path(), &list(&[policy]));
    assert_eq!(supposed.hypothetical.as_ref().expect("it is one").replaced.len(), 1);
    assert!(prints(&supposed, "network/policy-selects-nothing").contains(&"billing/NetworkPolicy/default-deny-ingress".to_owned()));
}

/// The rules of an aggregated role are those that a controller writes, whoever wrote what: `view` and `clinic-view` of the clinic.
#[test]
fn aggregated_roles_hold_what_they_aggregate() {
    let folder = place();
    let here = folder.path();
    let is = as_it_is(here);
    let view = one("clusterroles.rbac.authorization.k8s.io", "", "clinic-view");
    let labels = view.pointer("/aggregationRule/clusterRoleSelectors/0/matchLabels").expect("it aggregates").clone();
    let mut emptied = view.clone();
    emptied["rules"] = json!([]);
    let supposed = what_if(here, &list(&[emptied]));
    assert_eq!(supposed.controls, is.controls, "the controller writes them again");
    assert_eq!(names(&supposed.hypothetical.as_ref().expect("it is one").kept), ["ClusterRole/clinic-view"]);

    let more = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "one-more", "labels": labels},
        "rules": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}]});
    let supposed = what_if(here, &list(&[more]));
    let holders = |assessment: &Assessment| prints(assessment, "access/pod-exec").len();
    assert!(holders(&supposed) > holders(&is), "{} and {}", holders(&supposed), holders(&is));
    let what = supposed.hypothetical.as_ref().expect("it is one");
    assert_eq!((what.created.len(), what.replaced.len(), names(&what.kept)), (1, 0, vec!["ClusterRole/clinic-view".to_owned()]));
}

/// Of roles that were not read nobody knows what they would add: nothing is written from half of them.
#[test]
fn aggregated_roles_stay_as_they_were_where_not_all_roles_were_read() {
    let folder = place();
    let here = folder.path();
    let unpacked = std::process::Command::new("unzip").args(["-q", "clinic.zip", "-d", "half"]).current_dir(here).status();
    assert!(unpacked.expect("unzip starts").success());
    let index = here.join("half/index.json");
    let mut text: Value = serde_json::from_slice(&std::fs::read(&index).expect("readable")).expect("JSON");
    let sources = text["sources"].as_array_mut().expect("sources");
    let roles = sources.iter_mut().find(|source| source["source"] == "clusterroles.rbac.authorization.k8s.io").expect("it was read");
    let count = roles["count"].take();
    roles.as_object_mut().expect("an object").remove("count");
    for (name, value) in [("state", json!("partial")), ("read", count), ("why", json!("it ended half way"))] {
        roles[name] = value;
    }
    std::fs::write(&index, text.to_string()).expect("written");
    let mut view = one("clusterroles.rbac.authorization.k8s.io", "", "clinic-view");
    view["rules"] = json!([]);
    std::fs::write(here.join("manifests.yaml"), list(&[view])).expect("written");
    let assess = |with: &[&str]| -> Assessment {
        let output = run_in(here, &[&["assess", "half", "--allow-incomplete", "--format", "json", "-o", "-"], with].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
    };
    let (is, supposed) = (assess(&[]), assess(&["--with", "manifests.yaml"]));
    let what = supposed.hypothetical.as_ref().expect("it is one");
    assert!(names(&what.not_looked_at).contains(&"ClusterRole/clinic-view".to_owned()) && what.replaced.is_empty(), "{what:?}");
    assert_eq!(supposed.controls, is.controls);
}

/// Nobody's manifest of a namespace holds the labels that others gave to it.
#[test]
fn labels_of_a_namespace_that_are_not_named_stay() {
    let folder = place();
    let here = folder.path();
    let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "imaging", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    std::fs::write(here.join("manifests.yaml"), manifest.to_string()).expect("written");
    let ephi = |with: &[&str]| -> Vec<String> {
        let flags = ["assess", "clinic.zip", "--ephi-selector", "clinic.example/ephi=true", "--format", "json", "-o", "-"];
        let output = run_in(here, &[&flags[..], with].concat());
        let assessment: Assessment = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
        assessment.scope.ephi_namespaces
    };
    assert!(ephi(&[]).contains(&"imaging".to_owned()));
    assert_eq!(ephi(&["--with", "manifests.yaml"]), ephi(&[]));
}

/// A rolling update may end before all pods, a mirror pod comes again, and what no server serves is no part of any cluster.
#[test]
fn what_a_cluster_would_not_do_is_not_supposed() {
    let folder = place();
    let here = folder.path();
    let is = as_it_is(here);
    let mut set = one("statefulsets.apps", "imaging", "dicom-store");
    set["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!("registry.example/other@sha256:0000000000000000000000000000000000000000000000000000000000000000");
    set["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    let what = what_if(here, &list(&[set.clone()])).hypothetical.expect("it is one");
    assert!(what.kept.len() == 1 && what.kept[0].why.starts_with("1 pod ") && what.kept[0].why.contains("ordinal 1"), "{:?}", what.kept);
    assert!(what.left_out.len() == 1 && what.left_out[0].why.starts_with("1 pod "), "{:?}", what.left_out);
    set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = json!(2);
    let what = what_if(here, &list(&[set])).hypothetical.expect("it is one");
    assert!(what.left_out.is_empty() && what.kept[0].why.starts_with("2 pods "), "{what:?}");

    let mirror = objects("pods")
        .into_iter()
        .find(|pod| pod.pointer("/metadata/annotations").is_some_and(|all| all.get("kubernetes.io/config.mirror").is_some()));
    let mirror = mirror.expect("the clinic has mirror pods");
    let delete = json!({"apiVersion": "v1", "kind": "Pod", "metadata": mirror["metadata"], "$patch": "delete"});
    let supposed = what_if(here, &list(&[delete]));
    let what = supposed.hypothetical.as_ref().expect("it is one");
    assert!(what.deleted.is_empty() && what.not_looked_at.len() == 1, "{what:?}");
    assert_eq!(supposed.controls, is.controls);

    let mut old = deployment().0;
    old["apiVersion"] = json!("apps/v1beta1");
    old["spec"]["template"]["spec"]["hostPID"] = json!(true);
    let supposed = what_if(here, &list(&[old]));
    let what = supposed.hypothetical.as_ref().expect("it is one");
    assert!(what.replaced.is_empty() && what.not_looked_at[0].why.contains("apps/v1beta1"), "{what:?}");

    // The old name of the account is one, too.
    let pod = |field: &str| {
        let mut spec = json!({"containers": [{"name": "c", "image": "registry.example/c:1"}]});
        spec[field] = json!("front-desk");
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one-more", "namespace": "billing"}, "spec": spec})
    };
    let [old, new] = ["serviceAccount", "serviceAccountName"].map(|field| what_if(here, &list(&[pod(field)])));
    let all = |assessment: &Assessment| {
        assessment.controls.iter().flat_map(|control| control.findings()).map(|finding| finding.fingerprint.clone()).collect::<Vec<_>>()
    };
    assert_eq!(all(&old), all(&new));
}

/// What a cluster has already is no change, whatever a server filled in.
#[test]
fn what_is_there_already_changes_nothing() {
    let folder = place();
    let sources = [
        "deployments.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "services",
        "networkpolicies.networking.k8s.io",
        "namespaces",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "serviceaccounts",
        "storageclasses.storage.k8s.io",
        "persistentvolumeclaims",
        "cronjobs.batch",
        "ingresses.networking.k8s.io",
    ];
    let mut all: Vec<Value> = sources.iter().flat_map(|source| objects(source)).collect();
    for object in &mut all {
        // As people keep them: without what only a server knows.
        if let Some(metadata) = object["metadata"].as_object_mut() {
            ["uid", "resourceVersion", "creationTimestamp", "generation"].iter().for_each(|name| drop(metadata.remove(*name)));
        }
        object.as_object_mut().map(|fields| fields.remove("status"));
    }
    assert!(all.len() > 200, "{}", all.len());
    let (supposed, is) = (what_if(folder.path(), &list(&all)), as_it_is(folder.path()));
    let what = supposed.hypothetical.expect("it is one");
    assert_eq!((&what.created, &what.replaced, &what.deleted), (&vec![], &vec![], &vec![]));
    assert_eq!((&what.left_out, &what.not_looked_at), (&vec![], &vec![]));
    assert_eq!(supposed.controls, is.controls);
    assert_ne!(supposed.snapshot_sha256, is.snapshot_sha256);
}

/// A Deployment of an application that has pods.
fn deployment() -> (Value, usize) {
    let pods = objects("pods");
    let sets = objects("replicasets.apps");
    let found =
        objects("deployments.apps").into_iter().filter(|object| text(object, "/metadata/namespace") != "kube-system").find_map(|object| {
            let set = sets.iter().find(|set| text(set, "/metadata/ownerReferences/0/uid") == text(&object, "/metadata/uid"))?;
            let of_set = pods.iter().filter(|pod| text(pod, "/metadata/ownerReferences/0/uid") == text(set, "/metadata/uid")).count();
            (of_set > 0).then_some((object, of_set))
        });
    found.expect("one with pods")
}

fn prints(assessment: &Assessment, control: &str) -> Vec<String> {
    let control = assessment.controls.iter().find(|one| one.id == control).expect("it exists");
    control.findings().iter().map(|finding| finding.subject.to_string()).collect()
}

/// A template that is otherwise: its pods are replaced, the new template is judged, and everybody is told.
#[test]
fn a_new_template_is_judged_in_place_of_the_pods_before() {
    let folder = place();
    let here = folder.path();
    let (mut object, pods) = deployment();
    let name = format!("{}/Deployment/{}", text(&object, "/metadata/namespace"), text(&object, "/metadata/name"));
    let is = as_it_is(here);
    assert!(!prints(&is, "pod/host-namespaces").contains(&name), "{name} is found already");
    object["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    object["spec"]["template"]["spec"]["hostPID"] = json!(true);
    let supposed = what_if(here, &list(&[object.clone()]));
    let what = supposed.hypothetical.as_ref().expect("it is one");
    assert_eq!(what.replaced.iter().map(ToString::to_string).collect::<Vec<_>>(), std::slice::from_ref(&name));
    assert!(what.left_out.len() == 1 && what.left_out[0].why.starts_with(&format!("{pods} pod")), "{:?}", what.left_out);
    assert!(prints(&supposed, "pod/host-namespaces").contains(&name));
    // A paused one keeps its pods, and both are judged.
    object["spec"]["paused"] = json!(true);
    let paused = what_if(here, &list(&[object.clone()]));
    let what = paused.hypothetical.as_ref().expect("it is one");
    assert!(what.left_out.is_empty() && what.kept.len() == 1 && what.kept[0].why.contains("paused"), "{what:?}");
    assert!(prints(&paused, "pod/host-namespaces").contains(&name));
    // Every page and every list says what it is.
    for (file, mark) in [
        ("report.html", "Hypothetical: 1 file"),
        ("report.html", "HYPOTHETICAL"),
        ("report.md", "Hypothetical: 1 file"),
        ("findings.csv", " (hypothetical)\",\""),
        ("access.csv", " (hypothetical)\",\""),
        ("isolation.csv", " (hypothetical)\",\""),
    ] {
        let document = std::fs::read_to_string(here.join("out").join(file)).expect("written");
        assert!(document.contains(mark), "{file}");
    }
    let terminal = stdout(&run_in(here, &["assess", "clinic.zip", "--with", "manifests.yaml"]));
    assert!(terminal.starts_with("▲ Hypothetical: 1 file of manifests"), "{terminal:.300}");
    let narrow = stdout(&run_in(here, &["assess", "clinic.zip", "--with", "manifests.yaml", "--min-severity", "critical"]));
    assert!(narrow.contains("▲ Hypothetical: 1 file of manifests"), "{narrow}");
    let quiet = run_in(here, &["assess", "clinic.zip", "--with", "manifests.yaml", "--quiet", "--fail-on", "high"]);
    assert!(code(&quiet) == 1 && stderr(&quiet).contains("Hypothetical: 1 file of manifests"), "{}", stderr(&quiet));
    assert!(terminal.contains("(hypothetical)"), "{terminal:.900}");
    // The difference to what is says what it would bring.
    let diff = run_in(here, &["diff", "clinic.zip", "out", "--fail-on-new", "critical"]);
    assert!([0, 1].contains(&code(&diff)), "{}", stderr(&diff));
    assert!(stdout(&diff).contains("Hypothetical: ") && stdout(&diff).contains("New ("), "{}", stdout(&diff));
    // Nothing of it can be sealed.
    std::fs::create_dir(here.join("out/snapshot")).expect("made");
    let snapshot = Snapshot::open(Path::new(CLINIC)).expect("readable");
    for name in snapshot.files() {
        snapshot.copy(&name, &mut std::fs::File::create(here.join("out/snapshot").join(&name)).expect("made")).expect("copied");
    }
    let mut files = crate::support::bundles::read(&here.join("out"));
    files.remove("manifest-sha256.txt");
    std::fs::write(here.join("out/manifest-sha256.txt"), crate::support::bundles::listed(&files)).expect("written");
    let sealed = run_in(here, &["bundle", "out", "-o", "sealed.zip"]);
    assert_eq!(code(&sealed), 2);
    assert!(stderr(&sealed).contains("hypothetical"), "{}", stderr(&sealed));
    assert!(!here.join("sealed.zip").exists());
}

/// Deleted objects go with what belongs to them.
#[test]
fn what_is_deleted_takes_along_what_belongs_to_it() {
    let folder = place();
    let here = folder.path();
    let (object, pods) = deployment();
    let (namespace, name) = (text(&object, "/metadata/namespace").to_owned(), text(&object, "/metadata/name").to_owned());
    let one = format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n$patch: delete\n");
    let supposed = what_if(here, &one);
    let what = supposed.hypothetical.expect("it is one");
    assert_eq!(what.deleted.len(), 1);
    // Its ReplicaSet, and the pods of that.
    assert_eq!(what.left_out.len(), 1 + pods, "{:?}", what.left_out);
    assert!(what.left_out.iter().all(|note| note.why.contains("is deleted")));
    let all = what_if(here, &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n$patch: delete\n"));
    let found = all.controls.iter().flat_map(|control| control.findings());
    for finding in found {
        assert_ne!(finding.subject.place(), Some(&namespace), "{}", finding.statement);
    }
    assert!(!all.scope.ephi_namespaces.contains(&namespace) && !all.scope.other_namespaces.contains(&namespace));
}

/// What no control looks at, what a cluster does not serve, and what is not there to be deleted is told.
#[test]
fn what_decides_nothing_is_told() {
    let folder = place();
    let manifests = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: nobody.example/v1\nkind: Thing\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: not-there}\n$patch: delete\n---\napiVersion: v1\nkind: Service\nmetadata: {name: new}\nspec: {selector: {app: x}, ports: [{port: 80}]}\n";
    let what = what_if(folder.path(), manifests).hypothetical.expect("it is one");
    // kubectl's usual namespace.
    assert_eq!(what.created.iter().map(ToString::to_string).collect::<Vec<_>>(), ["default/Service/new"]);
    let notes: Vec<String> = what.not_looked_at.iter().map(|note| format!("{}: {}", note.object, note.why)).collect();
    assert_eq!(notes.len(), 3, "{notes:?}");
    for words in [
        "default/Secret/a: nothing reads it",
        "Thing/b: nothing reads it",
        "default/Service/not-there: it is to be deleted, and is not there",
    ] {
        assert!(notes.iter().any(|note| note.contains(words)), "{words}: {notes:?}");
    }
}

#[test]
fn every_problem_of_manifests_is_told_with_its_place() {
    let folder = place();
    let here = folder.path();
    std::fs::create_dir(here.join("all")).expect("made");
    std::fs::write(
        here.join("all/a.yaml"),
        "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: nowhere}\nspec: {ports: [{port: 1}]}\n",
    )
    .expect("written");
    std::fs::write(here.join("all/b.yml"), "a: [\n").expect("written");
    std::fs::write(here.join("all/c.json"), "{\"kind\": \"Pod\"}").expect("written");
    std::fs::write(here.join("all/notes.txt"), "not looked at").expect("written");
    let output = run_in(here, &["assess", "clinic.zip", "--with", "all"]);
    assert_error(&output, 2, "the manifests have 3 problem(s)", "kubectl apply --dry-run=server");
    for words in ["b.yml: it is not YAML", "c.json: document 1: it has no apiVersion", "there is no namespace nowhere"] {
        assert!(stderr(&output).contains(words), "{words}: {}", stderr(&output));
    }
    std::fs::create_dir(here.join("empty")).expect("made");
    let output = run_in(here, &["assess", "clinic.zip", "--with", "empty"]);
    assert_error(&output, 2, "empty holds no manifest", "Name the file or the folder");
}
