//! Reach by way of other identities, against what the API server itself lets somebody do, step by step; and what single verbs show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube_hipaa::facts::{Known, Tables};
use kube_hipaa::model::FactValue;
use kube_hipaa::snapshot::Snapshot;
use serde_json::{Value, json};

use super::support::chance::Chance;
use super::support::control_plane::{ControlPlane, Options};
use super::support::program;

const RBAC: &str = "rbac.authorization.k8s.io";
const NAMESPACES: &[&str] = &["t0", "t1", "t2", "t3", "t4", "t5"];
const ACCOUNTS: &[&str] = &["default", "a0", "a1", "a2"];
const USERS: usize = 40;
/// The place among the rules of what is reached.
const END: usize = 11;

/// Rules of roles: the first ones are steps, the last one is what is reached.
fn rules() -> Vec<Vec<Value>> {
    let rule = |group: &str, resource: &str, verbs: &[&str], names: &[&str]| {
        let mut rule = json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
        if !names.is_empty() {
            rule["resourceNames"] = json!(names);
        }
        rule
    };
    vec![
        vec![rule("", "serviceaccounts/token", &["create"], &[])],
        vec![rule("", "serviceaccounts/token", &["create"], &["a1"])],
        vec![rule("", "serviceaccounts", &["impersonate"], &["a0", "a2"])],
        vec![rule("", "serviceaccounts", &["impersonate"], &[])],
        vec![rule("", "pods", &["create"], &[])],
        vec![rule("apps", "deployments", &["patch"], &["web"])],
        vec![rule("", "secrets", &["create"], &[]), rule("", "secrets", &["get"], &["mine"])],
        vec![rule("", "secrets", &["create", "patch"], &["mine"])],
        vec![rule("", "pods", &["get", "list"], &[])],
        vec![rule("", "secrets", &["create"], &[])],
        vec![rule("", "serviceaccounts/token", &["get"], &[])],
        vec![rule("", "services", &["update"], &[])],
        vec![rule("", "services", &["update"], &[])],
    ]
}

fn objects(chance: &mut Chance) -> Vec<Value> {
    let mut all: Vec<Value> =
        NAMESPACES.iter().map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).collect();
    for namespace in NAMESPACES {
        for account in ACCOUNTS.iter().filter(|name| **name != "default") {
            all.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}}));
        }
    }
    let rules = rules();
    for (index, rules) in rules.iter().enumerate() {
        all.push(
            json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": format!("r{index}")}, "rules": rules}),
        );
    }
    let mut bind = |index: usize, subject: Value, chance: &mut Chance| {
        let namespace = chance.pick(NAMESPACES);
        // A step in the whole cluster leads to the accounts of kube-system, and so everywhere: what is reached stands there, no step.
        let (role, kind, metadata) = match chance.one_in(25) {
            true => (END, "ClusterRoleBinding", json!({"name": format!("b{index}")})),
            false => (chance.below(rules.len()), "RoleBinding", json!({"name": format!("b{index}"), "namespace": namespace})),
        };
        let role = format!("r{role}");
        all.push(json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": metadata, "subjects": [subject],
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}}));
    };
    let mut index = 0;
    for user in 0..USERS {
        for _ in 0..=chance.below(2) {
            bind(index, json!({"apiGroup": RBAC, "kind": "User", "name": format!("u{user}")}), chance);
            index += 1;
        }
    }
    for namespace in NAMESPACES {
        for account in ACCOUNTS {
            for _ in 0..chance.below(3) {
                bind(index, json!({"kind": "ServiceAccount", "name": account, "namespace": namespace}), chance);
                index += 1;
            }
        }
        if chance.one_in(3) {
            bind(index, json!({"apiGroup": RBAC, "kind": "Group", "name": format!("system:serviceaccounts:{namespace}")}), chance);
            index += 1;
        }
    }
    all
}

/// A user's name with the groups that the server puts it into.
type Identity = (String, Vec<String>);

fn account(namespace: &str, name: &str) -> Identity {
    let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}"), "system:authenticated".to_owned()];
    (format!("system:serviceaccount:{namespace}:{name}"), groups.to_vec())
}

struct Server<'p> {
    plane: &'p ControlPlane,
    asked: BTreeMap<String, bool>,
}

impl Server<'_> {
    fn may(&mut self, who: &Identity, namespace: &str, verb: &str, target: (&str, &str, &str), name: &str) -> bool {
        let (group, resource, subresource) = target;
        let attributes =
            json!({"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace, "name": name});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": who.0, "groups": who.1, "resourceAttributes": attributes}});
        let plane = self.plane;
        *self.asked.entry(review.to_string()).or_insert_with(|| {
            let (status, answer) = plane.api("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", Some(&review));
            assert_eq!(status, 201, "{answer}");
            answer["status"]["allowed"] == true
        })
    }

    /// Whether the server lets somebody act as an account, in one of the ways that there are.
    fn becomes(&mut self, who: &Identity, namespace: &str, name: &str) -> bool {
        self.may(who, namespace, "create", ("", "serviceaccounts", "token"), name)
            || self.may(who, namespace, "impersonate", ("", "serviceaccounts", ""), name)
            || self.may(who, namespace, "create", ("", "pods", ""), "")
            || self.may(who, namespace, "patch", ("apps", "deployments", ""), "web")
            || self.fills_a_secret(who, namespace)
    }

    /// A Secret of one's own that is filled with a token: made under any name or by a server-side apply under one, and read by an answer.
    fn fills_a_secret(&mut self, who: &Identity, namespace: &str) -> bool {
        let secrets = ("", "secrets", "");
        let patches = self.may(who, namespace, "patch", secrets, "mine");
        let makes = self.may(who, namespace, "create", secrets, "") || (patches && self.may(who, namespace, "create", secrets, "mine"));
        makes && (patches || self.may(who, namespace, "get", secrets, "mine"))
    }

    /// The namespaces in which somebody may change Services, by itself or as an account that it can become, and so on.
    fn reaches(&mut self, who: &Identity) -> BTreeSet<&'static str> {
        let mut reached = BTreeSet::new();
        let mut seen = BTreeSet::from([who.clone()]);
        let mut queue = vec![who.clone()];
        while let Some(one) = queue.pop() {
            for namespace in NAMESPACES {
                if self.may(&one, namespace, "update", ("", "services", ""), "") {
                    reached.insert(*namespace);
                }
                for name in ACCOUNTS {
                    let next = account(namespace, name);
                    if !seen.contains(&next) && self.becomes(&one, namespace, name) {
                        seen.insert(next.clone());
                        queue.push(next);
                    }
                }
            }
        }
        reached
    }
}

fn collect(plane: &ControlPlane) -> Tables {
    let scratch = tempfile::tempdir().expect("a folder");
    let place = scratch.path().join("snapshot");
    let kubeconfig = plane.kubeconfig_admin();
    let arguments =
        ["collect".as_ref(), "--quiet".as_ref(), "--kubeconfig".as_ref(), kubeconfig.as_os_str(), "-o".as_ref(), place.as_os_str()];
    let output = program::kube_hipaa(arguments);
    assert!(output.status.success(), "{}", program::said(&output));
    Tables::compute(&Snapshot::open(&place).expect("a snapshot")).expect("tables")
}

/// Who reaches what in which place, by itself and by way of others, as the table `reach` has it.
fn ours(tables: &Tables, kind: &str) -> BTreeMap<String, BTreeSet<String>> {
    let table = tables.get("reach").expect("reach");
    let column = |name: &str| table.schema.column(name).unwrap_or_else(|| panic!("no column {name}")).0;
    let (who, kinds, further) = (column("who"), column("kinds"), column("kinds_by_takeover"));
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &table.rows {
        let Known::Known(FactValue::Text(who)) = &row.cells[who] else { panic!("{:?}", row.cells[who]) };
        let has = [kinds, further].iter().any(|index| match &row.cells[*index] {
            Known::Known(FactValue::List(ids)) => ids.iter().any(|id| id == kind),
            other => panic!("{who}: {other:?}"),
        });
        if has {
            let places = row.namespace.clone().map_or_else(|| NAMESPACES.iter().map(|name| (*name).to_owned()).collect(), |one| vec![one]);
            all.entry(who.clone()).or_default().extend(places);
        }
    }
    all
}

/// The ways that the table gives for somebody, to be read where the two differ.
fn ways(tables: &Tables, who: &str) -> Vec<String> {
    let table = tables.get("reach").expect("reach");
    let column = |name: &str| table.schema.column(name).unwrap_or_else(|| panic!("no column {name}")).0;
    let (subject, via, further) = (column("who"), column("via"), column("takeover_via"));
    let rows = table.rows.iter().filter(|row| row.cells[subject] == Known::Known(FactValue::Text(who.to_owned())));
    rows.map(|row| format!("{:?}: {:?} {:?}", row.namespace, row.cells[via], row.cells[further])).collect()
}

#[test]
#[ignore = "needs the control plane: make test"]
fn what_is_reached_by_way_of_others_is_what_the_server_allows_step_by_step() {
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    let mut chance = Chance::new(0x5DEE_CE66_D1CE_5EED);
    plane.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects(&mut chance)}).to_string());
    plane.wait_until("every namespace has its account", Duration::from_secs(60), || {
        let there = |name: &&str| plane.api("GET", &format!("/api/v1/namespaces/{name}/serviceaccounts/default"), None).0 == 200;
        NAMESPACES.iter().all(there).then_some(())
    });
    let tables = collect(&plane);
    let ours = ours(&tables, "redirect-traffic");
    let mut server = Server { plane: &plane, asked: BTreeMap::new() };
    let mut by_others = 0;
    for user in 0..USERS {
        let who: Identity = (format!("u{user}"), vec!["system:authenticated".to_owned()]);
        let direct: BTreeSet<&str> =
            NAMESPACES.iter().copied().filter(|namespace| server.may(&who, namespace, "update", ("", "services", ""), "")).collect();
        let theirs = server.reaches(&who);
        let mine: BTreeSet<&str> = ours
            .get(&format!("User u{user}"))
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|place| NAMESPACES.contains(place))
            .collect();
        assert_eq!(mine, theirs, "u{user}: {:#?}", ways(&tables, &format!("User u{user}")));
        by_others += theirs.len() - direct.len();
    }
    eprintln!("takeover: {USERS} users, {by_others} namespaces reached by way of others, {} questions to the server", server.asked.len());
    assert!(by_others > 20, "{by_others}");
    becoming_an_account_moves_reach(&plane);
}

/// The neighbour changes, and with it the reach of somebody whose own bindings stay as they are.
fn becoming_an_account_moves_reach(plane: &ControlPlane) {
    let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": {"name": "moved", "namespace": "t0"},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "mover"}],
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "r1"}});
    plane.apply(&binding.to_string());
    let who: Identity = ("mover".to_owned(), vec!["system:authenticated".to_owned()]);
    let compare = || {
        let mut server = Server { plane, asked: BTreeMap::new() };
        let theirs: BTreeSet<String> = server.reaches(&who).into_iter().map(str::to_owned).collect();
        let ours = ours(&collect(plane), "redirect-traffic").remove("User mover").unwrap_or_default();
        assert_eq!(ours, theirs);
        theirs.len()
    };
    let before = compare();
    let given = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": "given"},
        "subjects": [{"kind": "ServiceAccount", "name": "a1", "namespace": "t0"}],
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "r11"}});
    plane.apply(&given.to_string());
    assert_eq!(compare(), NAMESPACES.len(), "the account was given everything");
    plane.api("DELETE", &format!("/apis/{RBAC}/v1/clusterrolebindings/given"), None);
    assert_eq!(compare(), before);
    plane.api("DELETE", "/api/v1/namespaces/t0/serviceaccounts/a1", None);
    let table = ours(&collect(plane), "redirect-traffic");
    assert_eq!(table.get("User mover"), None, "an account that is not there is nobody");
}

/// The base64 of the value that a Secret holds.
const VALUE: &str = "b3Blbi1zZXNhbWU=";

struct Holder<'p> {
    plane: &'p ControlPlane,
}

impl Holder<'_> {
    /// Sends a request as a user who holds that rule in the namespace `shown` (or everywhere) and nothing else.
    fn sends(&self, name: &str, rule: &Value, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let role = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule]});
        let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": name}], "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}});
        self.plane.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]}).to_string());
        let kubeconfig = self.plane.kubeconfig_for_user(name, &[]);
        // Until the authorizer has seen the binding.
        self.plane.wait_until(&format!("{name} may {method} {path}"), Duration::from_secs(20), || {
            let answer = self.plane.api_as(&kubeconfig, method, path, body);
            (answer.0 != 403).then_some(answer)
        })
    }
}

fn secrets(verbs: &[&str]) -> Value {
    json!({"apiGroups": [""], "resources": ["secrets"], "verbs": verbs})
}

#[test]
#[ignore = "needs the control plane: make test"]
fn verbs_show_and_change_what_is_said_of_them() {
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "scans.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "scans", "kind": "Scan"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    let made = json!([
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shown"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shown"}, "data": {"password": VALUE}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shown"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "shown"},
            "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}},
        crd,
    ]);
    plane.apply(&json!({"apiVersion": "v1", "kind": "List", "items": made}).to_string());
    let holder = Holder { plane: &plane };
    let secret = "/api/v1/namespaces/shown/secrets/db";
    let shows = |answer: &Value| answer.to_string().contains(VALUE);

    let (status, answer) = holder.sends("patcher", &secrets(&["patch"]), "PATCH", &format!("{secret}?dryRun=All"), Some(&json!({})));
    assert!(status == 200 && shows(&answer), "a patch that changes nothing: {status} {answer}");
    let waits = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground", "dryRun": ["All"]});
    let (status, answer) = holder.sends("deleter", &secrets(&["delete"]), "DELETE", secret, Some(&waits));
    assert!(status < 300 && shows(&answer), "a deletion that waits and does not happen: {status} {answer}");
    let all = json!({"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]});
    let (status, answer) =
        holder.sends("collector", &secrets(&["deletecollection"]), "DELETE", "/api/v1/namespaces/shown/secrets", Some(&all));
    assert!(status == 200 && shows(&answer), "the objects of a deleted collection: {status} {answer}");
    let sent = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shown"}, "data": {"other": "eA=="}});
    let (status, answer) = holder.sends("updater", &secrets(&["update"]), "PUT", &format!("{secret}?dryRun=All"), Some(&sent));
    assert!(status == 200 && !shows(&answer), "an update answers with what was sent: {status} {answer}");
    assert_eq!(plane.api("GET", secret, None).1["data"]["password"], VALUE, "nothing of this was done");

    // A server-side apply creates under a name that the rule allows.
    let mut named = secrets(&["create", "patch"]);
    named["resourceNames"] = json!(["mine"]);
    let applied = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "mine", "annotations": {"kubernetes.io/service-account.name": "default"}}});
    let kubeconfig = plane.kubeconfig_for_user("applier", &[]);
    holder.sends("applier", &named, "PATCH", "/api/v1/namespaces/shown/secrets/mine", Some(&json!({})));
    let output = crate::support::control_plane::kubectl()
        .args(["apply", "--server-side", "-f", "-", "-n", "shown", "--kubeconfig"])
        .arg(&kubeconfig)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), applied.to_string().as_bytes())?;
            child.wait_with_output()
        });
    let output = output.expect("kubectl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = "/api/v1/namespaces/shown/secrets/mine";
    let (status, answer) = plane.api_as(&kubeconfig, "PATCH", path, Some(&json!({})));
    assert!(status == 200 && answer["type"] == "kubernetes.io/service-account-token", "made and read by its name: {status} {answer}");

    // Subresources that keep metadata as sent.
    let label = json!({"metadata": {"labels": {"seen": "yes"}, "annotations": {"seen": "yes"}}});
    for (name, group, resource, path) in [
        ("ns-status", "", "namespaces/status", "/api/v1/namespaces/shown/status"),
        ("claim-status", "", "persistentvolumeclaims/status", "/api/v1/namespaces/shown/persistentvolumeclaims/data/status"),
        ("ingress-status", "networking.k8s.io", "ingresses/status", "/apis/networking.k8s.io/v1/namespaces/shown/ingresses/web/status"),
        (
            "crd-status",
            "apiextensions.k8s.io",
            "customresourcedefinitions/status",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scans.example.com/status",
        ),
    ] {
        let rule = json!({"apiGroups": [group], "resources": [resource], "verbs": ["patch"]});
        let (status, answer) = holder.sends(name, &rule, "PATCH", path, Some(&label));
        assert!(status == 200 && answer["metadata"]["annotations"]["seen"] == "yes", "{name}: {status} {answer}");
    }
    // The owner of a claim that does not exist: the garbage collector deletes the claim.
    let owner = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "5b0c7e00-0000-4000-8000-00000000ffff"}]}});
    let claim = "/api/v1/namespaces/shown/persistentvolumeclaims/data";
    let kubeconfig = plane.kubeconfig_for_user("claim-status", &[]);
    let (status, answer) = plane.api_as(&kubeconfig, "PATCH", &format!("{claim}/status"), Some(&owner));
    assert_eq!(status, 200, "{answer}");
    plane.wait_until("the garbage collector takes the claim", Duration::from_secs(60), || {
        let (status, claim) = plane.api("GET", claim, None);
        (status == 404 || claim["metadata"]["deletionTimestamp"].is_string()).then_some(())
    });
}
