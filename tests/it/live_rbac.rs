//! Access as the API server itself decides it (SubjectAccessReview), against `facts::rbac`, for random roles and bindings.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kube_hipaa::facts::rbac::{Action, Asker, Policy, Question, Who, policy};
use kube_hipaa::facts::{Known, Tables};
use kube_hipaa::model::FactValue;
use kube_hipaa::snapshot::Snapshot;
use serde_json::{Value, json};

use crate::support::control_plane::{ControlPlane, Options};
use crate::support::program;

/// Random questions of one identity each.
const QUESTIONS: usize = 12_000;
/// Questions of `who-can`, each put to the server for every subject there is.
const WHO_CAN: usize = 40;
const THREADS: usize = 8;
const RBAC: &str = "rbac.authorization.k8s.io/v1";

const NAMESPACES: &[&str] = &["n0", "n1", "n2", "default"];
const GROUPS_OF_APIS: &[&str] = &["", "apps", "batch", "rbac.authorization.k8s.io", "example.com", "*"];
const RESOURCES: &[&str] = &[
    "pods",
    "pods/exec",
    "pods/log",
    "pods/*",
    "secrets",
    "configmaps",
    "deployments",
    "deployments/scale",
    "nodes",
    "nodes/proxy",
    "namespaces",
    "clusterroles",
    "widgets",
    "widgets/scale",
    "*",
    "*/exec",
    "*/scale",
    "*/*",
];
const VERBS: &[&str] =
    &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "bind", "impersonate", "odd verb", "*"];
const NAMES: &[&str] = &["a", "b", "n0", "n1", "odd name"];
const URLS: &[&str] = &["/metrics", "/healthz", "/healthz/*", "/logs*", "/a/*/b", "/x**", "*"];
const PATHS: &[&str] = &["/metrics", "/healthz", "/healthz/etcd", "/logs", "/logsome", "/a/1/b", "/a/*/b", "/x", "/xy", "/", "*"];
const USERS: &[&str] = &[
    "u0",
    "u1",
    "u2",
    "u3",
    "Ünï cödé",
    "tab\tand\nline",
    "system:serviceaccount:n0:sa1",
    "system:serviceaccount:n2:sa0",
    "system:anonymous",
    "system:serviceaccount:bad",
];
const GROUPS: &[&str] = &[
    "g0",
    "g1",
    "g2",
    "<b>g</b>",
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
    "system:serviceaccounts:n0",
    "system:serviceaccounts:n1",
];
const ACCOUNTS: &[&str] = &["sa0", "sa1", "sa2"];

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 11).expect("64 bits") % limit
    }
    fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
    /// A few different ones; stars are rare, because a rule of stars decides everything.
    fn some(&mut self, from: &[&str], most: usize) -> Vec<String> {
        let number = 1 + self.below(most);
        let mut chosen = BTreeSet::new();
        while chosen.len() < number {
            let one = self.pick(from);
            if one != "*" || self.one_in(12) {
                chosen.insert(one.to_owned());
            }
        }
        chosen.into_iter().collect()
    }
    fn rule(&mut self, cluster: bool) -> Value {
        let verbs = self.some(VERBS, 3);
        if cluster && self.one_in(5) {
            return json!({"verbs": verbs, "nonResourceURLs": self.some(URLS, 2)});
        }
        let mut rule = json!({"verbs": verbs, "apiGroups": self.some(GROUPS_OF_APIS, 2), "resources": self.some(RESOURCES, 3)});
        if self.one_in(3) {
            rule["resourceNames"] = json!(self.some(NAMES, 2));
        }
        rule
    }
    fn rules(&mut self, cluster: bool) -> Vec<Value> {
        (0..self.below(4)).map(|_| self.rule(cluster)).collect()
    }
    fn subject(&mut self, namespaced: bool) -> Value {
        match self.below(3) {
            0 => json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": self.pick(USERS)}),
            1 => json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": self.pick(GROUPS)}),
            _ if namespaced && self.one_in(4) => json!({"kind": "ServiceAccount", "name": self.pick(ACCOUNTS), "namespace": "n0"}),
            _ => json!({"kind": "ServiceAccount", "name": self.pick(ACCOUNTS), "namespace": self.pick(NAMESPACES)}),
        }
    }
    fn subjects(&mut self, namespaced: bool) -> Vec<Value> {
        (0..self.below(3)).map(|_| self.subject(namespaced)).collect()
    }
}

fn odd(index: usize) -> &'static str {
    ["", ":x", " with space", "-ünï", "<i>", "\"q\"", "\u{202e}rtl"][index % 7]
}

const CLUSTER_ROLES: usize = 90;
const ROLES: usize = 60;
const BINDINGS: usize = 130;

fn objects(chance: &mut Chance) -> Vec<Value> {
    let mut all: Vec<Value> = NAMESPACES
        .iter()
        .filter(|name| **name != "default")
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
        .collect();
    for index in 0..CLUSTER_ROLES {
        let labels = if index % 3 == 0 { json!({"leaf": format!("l{}", index % 4)}) } else { json!({}) };
        all.push(
            json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": format!("c{index}{}", odd(index)), "labels": labels},
            "rules": chance.rules(true)}),
        );
    }
    // Aggregation, and aggregation of aggregation.
    for index in 0..4 {
        all.push(aggregated(&format!("agg{index}"), "leaf", &format!("l{index}"), &json!({"branch": format!("b{}", index % 2)})));
    }
    for index in 0..2 {
        all.push(aggregated(&format!("top{index}"), "branch", &format!("b{index}"), &json!({})));
    }
    for index in 0..ROLES {
        all.push(json!({"apiVersion": RBAC, "kind": "Role", "rules": chance.rules(false),
            "metadata": {"name": format!("r{index}{}", odd(index)), "namespace": NAMESPACES[index % NAMESPACES.len()]}}));
    }
    for index in 0..BINDINGS {
        let role = match index % 10 {
            0 => format!("agg{}", chance.below(4)),
            1 => format!("top{}", chance.below(2)),
            2 => "is-not-there".to_owned(),
            3 if chance.one_in(3) => chance.pick(&["view", "edit", "admin"]).to_owned(),
            _ => {
                let role = chance.below(CLUSTER_ROLES);
                format!("c{role}{}", odd(role))
            }
        };
        all.push(json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": format!("cb{index}{}", odd(index))},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": chance.subjects(false)}));
    }
    for index in 0..BINDINGS {
        let place = index % NAMESPACES.len();
        let (kind, role) = match index % 5 {
            0 => ("ClusterRole", format!("top{}", chance.below(2))),
            1 => {
                let role = chance.below(CLUSTER_ROLES);
                ("ClusterRole", format!("c{role}{}", odd(role)))
            }
            2 => ("Role", "is-not-there".to_owned()),
            // Of this namespace: the names go round with the namespaces.
            _ => {
                let role = chance.below(ROLES / NAMESPACES.len()) * NAMESPACES.len() + place;
                ("Role", format!("r{role}{}", odd(role)))
            }
        };
        all.push(json!({"apiVersion": RBAC, "kind": "RoleBinding", "subjects": chance.subjects(true),
            "metadata": {"name": format!("rb{index}{}", odd(index)), "namespace": NAMESPACES[place]},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}}));
    }
    all
}

fn aggregated(name: &str, key: &str, value: &str, labels: &Value) -> Value {
    json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name, "labels": labels},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {key: value}}]}})
}

/// One question as the server is asked it.
#[derive(Clone, Debug)]
struct Asked {
    user: String,
    groups: Vec<String>,
    verb: String,
    /// Group, resource, subresource, name, namespace.
    resource: Option<[String; 5]>,
    path: String,
}

impl Asked {
    fn random(chance: &mut Chance) -> Self {
        let (user, mut groups) = if chance.one_in(3) {
            let (namespace, name) = (chance.pick(NAMESPACES), chance.pick(ACCOUNTS));
            let natural =
                ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}"), "system:authenticated".to_owned()];
            (format!("system:serviceaccount:{namespace}:{name}"), if chance.one_in(4) { Vec::new() } else { natural.to_vec() })
        } else {
            (chance.pick(USERS).to_owned(), Vec::new())
        };
        groups.extend((0..chance.below(3)).map(|_| chance.pick(GROUPS).to_owned()));
        if chance.one_in(400) {
            groups.push("system:masters".to_owned());
        }
        Self { user, groups, ..Self::action(chance) }
    }

    fn action(chance: &mut Chance) -> Self {
        let verb = chance.pick(VERBS).to_owned();
        let nobody = Self { user: String::new(), groups: Vec::new(), verb, resource: None, path: String::new() };
        if chance.one_in(6) {
            return Self { path: chance.pick(PATHS).to_owned(), ..nobody };
        }
        let written = chance.pick(RESOURCES);
        let (resource, sub) = written.split_once('/').unwrap_or((written, ""));
        let name = if chance.one_in(2) { chance.pick(NAMES) } else { "" };
        // Cluster-scoped resources in a namespace and the other way round are asked too: RBAC does not know what has a namespace.
        let namespace = if chance.one_in(4) { "" } else { chance.pick(NAMESPACES) };
        let parts = [chance.pick(GROUPS_OF_APIS), resource, sub, name, namespace].map(str::to_owned);
        Self { resource: Some(parts), ..nobody }
    }

    fn review(&self) -> Value {
        let mut spec = json!({"user": self.user, "groups": self.groups});
        match &self.resource {
            Some([group, resource, subresource, name, namespace]) => {
                spec["resourceAttributes"] = json!({"verb": self.verb, "group": group, "resource": resource, "subresource": subresource,
                    "name": name, "namespace": namespace});
            }
            None => spec["nonResourceAttributes"] = json!({"verb": self.verb, "path": self.path}),
        }
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    }

    fn of_server(&self, plane: &ControlPlane) -> Result<bool, String> {
        let (status, answer) = plane.api("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", Some(&self.review()));
        match (status, answer.pointer("/status/allowed").and_then(Value::as_bool)) {
            (201, Some(allowed)) => Ok(allowed),
            _ => Err(format!("{status} {answer}: {self:?}")),
        }
    }

    fn of_ours(&self, policy: &Policy) -> bool {
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let asker = Asker { user: &self.user, groups: &groups };
        let action = match &self.resource {
            Some([group, resource, subresource, name, namespace]) => {
                Action::Resource { verb: &self.verb, group, resource, subresource, name, namespace }
            }
            None => Action::Url { verb: &self.verb, path: &self.path },
        };
        policy.decide(&asker, &action).is_allowed()
    }
}

fn ask_all(plane: &ControlPlane, questions: &[Asked]) -> Vec<bool> {
    let next = AtomicUsize::new(0);
    let mut answers: Vec<(usize, bool)> = std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(question) = questions.get(index) else { return mine };
                mine.push((index, question.of_server(plane).unwrap_or_else(|error| panic!("{error}"))));
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread that asks")).collect()
    });
    answers.sort_unstable();
    answers.into_iter().map(|(_, allowed)| allowed).collect()
}

fn collect(plane: &ControlPlane, place: &Path) -> Snapshot {
    let output = program::kube_hipaa([
        "collect".as_ref(),
        "--quiet".as_ref(),
        "--kubeconfig".as_ref(),
        plane.kubeconfig_admin().as_os_str(),
        "-o".as_ref(),
        place.as_os_str(),
    ]);
    assert!(output.status.success(), "{}", program::said(&output));
    Snapshot::open(place).expect("a snapshot")
}

/// What a fresh server holds is what `shipped.json` says, word for word.
fn nothing_of_a_fresh_server_is_our_finding(snapshot: &Snapshot) -> String {
    let tables = Tables::compute(snapshot).expect("tables");
    let cell = |table: &kube_hipaa::facts::Table, row: &kube_hipaa::facts::Row, name: &str| {
        let (index, _) = table.schema.column(name).unwrap_or_else(|| panic!("no column {name}"));
        row.cells[index].clone()
    };
    let yes = Known::Known(FactValue::Bool(true));
    let grants = tables.get("grants").expect("grants");
    let foreign: Vec<&str> = grants.rows.iter().filter(|row| cell(grants, row, "shipped") != yes).map(|row| row.key.as_str()).collect();
    assert!(foreign.is_empty(), "not known as shipped: {foreign:?}");
    let beyond: Vec<&str> = grants
        .rows
        .iter()
        .filter(|row| cell(grants, row, "beyond_shipped") != Known::Known(FactValue::Bool(false)))
        .map(|row| row.key.as_str())
        .collect();
    assert!(beyond.is_empty(), "said to be more than shipped: {beyond:?}");
    let roles = tables.get("roles").expect("roles");
    for row in &roles.rows {
        assert_eq!(cell(roles, row, "shipped"), yes, "{}", row.key);
        assert_eq!(cell(roles, row, "extra_rules"), Known::Known(FactValue::List(Vec::new())), "{}", row.key);
    }
    assert!(roles.rows.len() > 60 && grants.rows.len() > 50, "{} roles, {} grants", roles.rows.len(), grants.rows.len());
    format!("{} roles and {} grants of a fresh server are known as shipped", roles.rows.len(), grants.rows.len())
}

#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the numbers of the proof are for people, with --nocapture")]
fn the_server_decides_as_we_do() {
    let begin = Instant::now();
    let plane = ControlPlane::start(&Options { with_controller_manager: true, ..Options::default() });
    let scratch = tempfile::tempdir().expect("a folder");
    let rules_of = |name: &str| {
        let (_, role) = plane.api("GET", &format!("/apis/{RBAC}/clusterroles/{name}"), None);
        role["rules"].as_array().map_or(0, Vec::len)
    };
    plane.wait_until("the aggregated roles are filled", Duration::from_secs(30), || (rules_of("admin") > 20).then_some(()));
    eprintln!("rbac: {}", nothing_of_a_fresh_server_is_our_finding(&collect(&plane, &scratch.path().join("fresh"))));

    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let made = objects(&mut chance);
    let random = made.iter().filter(|object| object["apiVersion"] == RBAC).count();
    plane.apply(&json!({"apiVersion": "v1", "kind": "List", "items": made}).to_string());
    // A ServiceAccount in a RoleBinding may be written without its namespace; the last object also says when all others are seen.
    plane.apply(
        &json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "last", "namespace": "n1"},
        "rules": [{"verbs": ["deletecollection"], "apiGroups": [""], "resources": ["podtemplates"]}]})
        .to_string(),
    );
    plane.apply(
        &json!({"apiVersion": RBAC, "kind": "RoleBinding", "metadata": {"name": "last", "namespace": "n1"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "last"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "last"}]})
        .to_string(),
    );
    let last = Asked {
        user: "last".to_owned(),
        groups: Vec::new(),
        verb: "deletecollection".to_owned(),
        resource: Some(["", "podtemplates", "", "", "n1"].map(str::to_owned)),
        path: String::new(),
    };
    plane.wait_until("the last binding is in force", Duration::from_secs(30), || (last.of_server(&plane) == Ok(true)).then_some(()));
    // Aggregated roles are filled one after the other: until nothing moves for two seconds.
    let filled = || ["agg0", "agg1", "agg2", "agg3", "top0", "top1"].map(rules_of);
    let mut before = (filled(), Instant::now());
    plane.wait_until("the aggregated roles stand still", Duration::from_secs(30), || {
        let now = filled();
        if now != before.0 {
            before = (now, Instant::now());
        }
        let top = |index: usize| before.0[4 + index] > before.0[index];
        (before.1.elapsed() > Duration::from_secs(2) && top(0) && top(1)).then_some(())
    });
    let place = scratch.path().join("filled");
    let snapshot = collect(&plane, &place);
    let ours = policy(&snapshot).expect("a policy");
    eprintln!("rbac: {random} random roles and bindings are in force after {:.1} s", begin.elapsed().as_secs_f32());

    let asked = Instant::now();
    let questions: Vec<Asked> = (0..QUESTIONS).map(|_| Asked::random(&mut chance)).collect();
    let answers = ask_all(&plane, &questions);
    let differs = |(question, theirs): &(&Asked, &bool)| question.of_ours(&ours) != **theirs;
    let wrong: Vec<String> = questions
        .iter()
        .zip(&answers)
        .filter(differs)
        .map(|(question, theirs)| format!("the server says {theirs}: {question:?}"))
        .collect();
    assert!(wrong.is_empty(), "{} of {QUESTIONS} differ:\n{}", wrong.len(), wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n"));
    let allowed = answers.iter().filter(|allowed| **allowed).count();
    assert!(allowed > QUESTIONS / 20 && allowed < QUESTIONS - QUESTIONS / 20, "{allowed} of {QUESTIONS} are allowed");
    eprintln!("rbac: {QUESTIONS} of {QUESTIONS} random questions agree ({allowed} allowed) in {:.1} s", asked.elapsed().as_secs_f32());
    eprintln!("rbac: {}", who_can_names_exactly_those(&plane, &snapshot, &mut chance));
    who_can_asks_a_cluster(&plane);
    eprintln!("rbac: {:.1} s in all", begin.elapsed().as_secs_f32());
}

/// Without a snapshot the command asks the cluster itself.
fn who_can_asks_a_cluster(plane: &ControlPlane) {
    let kubeconfig = plane.kubeconfig_admin();
    let asked = ["who-can", "deletecollection", "podtemplates", "-n", "n1", "--format", "json", "--no-progress", "--kubeconfig"];
    let output = program::kube_hipaa(asked.iter().map(std::ffi::OsStr::new).chain([kubeconfig.as_os_str()]));
    assert!(output.status.success(), "{}", program::said(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let subjects = answer["subjects"].as_array().expect("a list");
    let last = subjects.iter().find(|subject| subject["name"] == "last");
    assert_eq!(last.map(|subject| &subject["via"][0]["binding"]), Some(&json!("RoleBinding n1/last")), "{answer}");
}

/// For every subject there is: `who-can` names it exactly when the server allows it.
fn who_can_names_exactly_those(plane: &ControlPlane, snapshot: &Snapshot, chance: &mut Chance) -> String {
    let mut everybody: Vec<(Who, String, Vec<String>)> = Vec::new();
    let who = |kind, namespace: Option<&str>, name: &str| Who { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() };
    for name in USERS.iter().filter(|name| !name.starts_with("system:serviceaccount:n")) {
        everybody.push((who("User", None, name), (*name).to_owned(), Vec::new()));
    }
    for name in GROUPS.iter().chain(&["system:masters"]) {
        everybody.push((who("Group", None, name), "somebody".to_owned(), vec![(*name).to_owned()]));
    }
    for namespace in NAMESPACES {
        for name in ACCOUNTS {
            everybody.push((who("ServiceAccount", Some(namespace), name), format!("system:serviceaccount:{namespace}:{name}"), Vec::new()));
        }
    }
    let mut questions = Vec::new();
    let mut expected = Vec::new();
    let mut asked = 0;
    while asked < WHO_CAN {
        let action = Asked::action(chance);
        let parsed = match &action.resource {
            Some([group, resource, subresource, name, namespace]) => {
                // Only in a namespace: at cluster scope the command also says where RoleBindings give it. Of Namespaces it knows which is meant.
                if namespace.is_empty() || resource == "namespaces" || kube_hipaa::facts::rbac::is_cluster_scoped(group, resource) {
                    continue;
                }
                let slash = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
                // A resource of Kubernetes may be written without its group: here it is always meant literally.
                if group.is_empty() && matches!(resource.as_str(), "deployments" | "clusterroles") {
                    continue;
                }
                let dot = if group.is_empty() { String::new() } else { format!(".{group}") };
                Question::parse(
                    &action.verb,
                    &format!("{resource}{dot}{slash}"),
                    Some(name).filter(|name| !name.is_empty()).map(String::as_str),
                    Some(namespace),
                )
            }
            None if action.path.starts_with('/') => Question::parse(&action.verb, &action.path, None, None),
            None => continue,
        };
        let answer = parsed.unwrap_or_else(|error| panic!("{error}")).ask(snapshot).expect("an answer");
        assert!(answer.gaps.is_empty(), "{:?}", answer.gaps);
        for (who, user, groups) in &everybody {
            let named = answer.subjects.iter().any(|found| {
                (found.kind.as_str(), found.namespace.as_ref(), found.name.as_str())
                    == (who.kind, who.namespace.as_ref(), who.name.as_str())
            });
            questions.push(Asked { user: user.clone(), groups: groups.clone(), ..action.clone() });
            expected.push(named);
        }
        asked += 1;
    }
    let answers = ask_all(plane, &questions);
    let wrong: Vec<String> = questions
        .iter()
        .zip(answers.iter().zip(&expected))
        .filter(|(_, (theirs, ours))| theirs != ours)
        .map(|(question, (theirs, _))| format!("the server says {theirs}: {question:?}"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        questions.len(),
        wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n")
    );
    let named = expected.iter().filter(|named| **named).count();
    format!("who-can: {asked} questions for {} subjects each, {} answers agree ({named} named)", everybody.len(), questions.len())
}
