//! Tables of access over small clusters: spellings, groups, halves, what is not seen, and twenty thousand bindings.

use crate::support::small_clusters;
use std::time::Instant;

use kube_hipaa::cli::cases;
use kube_hipaa::facts::{Known, Row, Table, Tables};
use kube_hipaa::model::{FactValue, SourceId, SourceState};
use kube_hipaa::snapshot::Snapshot;
use kube_hipaa::snapshot::testing::Changed;
use serde_json::{Value, json};
use small_clusters::case;

const RBAC: &str = "rbac.authorization.k8s.io";

fn snapshot(objects: Vec<Value>) -> Snapshot {
    cases::snapshot(&case("access/cluster-admin", objects, &json!({}), "v1.36.3"))
}

fn tables(objects: Vec<Value>) -> Tables {
    Tables::compute(&snapshot(objects)).expect("readable")
}

fn role(name: &str, verbs: &[&str], group: &str, resource: &str) -> Value {
    json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"verbs": verbs, "apiGroups": [group], "resources": [resource]}]})
}

fn binding(name: &str, namespace: Option<&str>, role: &str, subjects: Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let mut object = json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"name": name}, "subjects": subjects,
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}});
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

fn account(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
}

fn table<'t>(tables: &'t Tables, name: &str) -> &'t Table {
    tables.get(name).expect("the table")
}

fn cell(table: &Table, row: &Row, column: &str) -> kube_hipaa::facts::Cell {
    let (index, _) = table.schema.column(column).unwrap_or_else(|| panic!("no column {column}"));
    row.cells[index].clone()
}

fn row<'t>(table: &'t Table, who: &str) -> &'t Row {
    let found = table.rows.iter().find(|row| cell(table, row, "who") == text(who));
    found.unwrap_or_else(|| panic!("{who} is not among {:?}", table.rows.iter().map(|row| &row.key).collect::<Vec<_>>()))
}

fn text(value: &str) -> kube_hipaa::facts::Cell {
    Known::Known(FactValue::Text(value.to_owned()))
}

fn yes(value: bool) -> kube_hipaa::facts::Cell {
    Known::Known(FactValue::Bool(value))
}

fn list(values: &[&str]) -> kube_hipaa::facts::Cell {
    Known::Known(FactValue::List(values.iter().map(|value| (*value).to_owned()).collect()))
}

#[test]
fn a_service_account_is_one_subject_in_all_three_spellings() {
    let tables = tables(vec![
        role("reader", &["get"], "", "secrets"),
        account("records", "api"),
        account("records", "other"),
        binding("one", Some("records"), "reader", json!([{"kind": "ServiceAccount", "name": "api", "namespace": "records"}])),
        binding("two", Some("records"), "reader", json!([{"kind": "User", "name": "system:serviceaccount:records:api"}])),
        // Without a namespace it is that of the binding.
        binding("three", Some("records"), "reader", json!([{"kind": "ServiceAccount", "name": "api"}])),
        binding("four", Some("billing"), "reader", json!([{"kind": "Group", "name": "system:serviceaccounts:records"}])),
    ]);
    let subjects = table(&tables, "subjects");
    let api = row(subjects, "ServiceAccount records/api");
    assert_eq!(cell(subjects, api, "role_bindings"), Known::Known(FactValue::Int(3)));
    assert_eq!(cell(subjects, api, "bindings_by_group"), Known::Known(FactValue::Int(1)));
    assert_eq!(cell(subjects, api, "spelt_as_user"), yes(true));
    assert_eq!(cell(subjects, api, "exists"), yes(true));
    let other = row(subjects, "ServiceAccount records/other");
    assert_eq!(cell(subjects, other, "role_bindings"), Known::Known(FactValue::Int(0)), "reached through its group only");
    assert_eq!(table(&tables, "grants").rows.len(), 4);
    let reach = table(&tables, "reach");
    assert_eq!(cell(reach, row(reach, "ServiceAccount records/api"), "kinds"), list(&["read-secrets"]));
    assert_eq!(reach.rows.len(), 2, "one row for the account in its namespace, one for the group in the other");
}

#[test]
fn a_subject_that_matches_no_identity_holds_nothing() {
    let tables = tables(vec![
        role("reader", &["get"], "", "secrets"),
        // A ClusterRoleBinding has no namespace to lend.
        binding("lost", None, "reader", json!([{"kind": "ServiceAccount", "name": "api"}])),
        binding("none", None, "reader", json!(null)),
    ]);
    let grants = table(&tables, "grants");
    assert!(grants.rows.iter().all(|row| cell(grants, row, "empty") == yes(true) && cell(grants, row, "reads_secrets") == yes(false)));
    assert_eq!((grants.rows.len(), table(&tables, "reach").rows.len(), table(&tables, "subjects").rows.len()), (2, 0, 0));
}

#[test]
fn halves_of_a_right_count_together_wherever_they_come_from() {
    let certificates = "certificates.k8s.io";
    let cluster = |groups: &str| {
        tables(vec![
            role("approval", &["update"], certificates, "certificatesigningrequests/approval"),
            role("signers", &["approve"], certificates, "signers"),
            binding("a", None, "approval", json!([{"kind": "User", "name": "somebody"}])),
            binding("b", None, "signers", json!([{"kind": "Group", "name": groups}])),
        ])
    };
    let found = cluster("system:authenticated");
    let subjects = table(&found, "subjects");
    let somebody = row(subjects, "User somebody");
    assert_eq!(cell(subjects, somebody, "approves_certificates"), yes(true), "every user is in that group");
    let pointers: Vec<&str> = somebody.cell_evidence["approves_certificates"].iter().map(|one| &*one.pointer).collect();
    assert_eq!(pointers, ["/rules/0", "/subjects/0", "/rules/0", "/subjects/0"]);
    assert_eq!(cell(subjects, row(subjects, "Group system:authenticated"), "approves_certificates"), yes(false));
    let apart = cluster("approvers");
    let subjects = table(&apart, "subjects");
    assert_eq!(cell(subjects, row(subjects, "User somebody"), "approves_certificates"), yes(false), "memberships are not known");
}

#[test]
fn a_role_that_was_not_read_is_not_one_that_gives_nothing() {
    let whole = snapshot(vec![
        role("reader", &["get"], "", "secrets"),
        binding("one", Some("records"), "reader", json!([{"kind": "User", "name": "somebody"}])),
    ]);
    let source = SourceId::group(RBAC, "clusterroles");
    let without = whole.with_state(&source, SourceState::Forbidden { why: "removed".to_owned() });
    let tables = Tables::compute(&without).expect("readable");
    let grants = table(&tables, "grants");
    for column in ["dangling", "reads_secrets", "everything", "execs"] {
        assert!(matches!(cell(grants, &grants.rows[0], column), Known::Unknown(_)), "{column}");
    }
    let reach = table(&tables, "reach");
    assert!(matches!(cell(reach, &reach.rows[0], "reads_secrets"), Known::Unknown(_)));
}

#[test]
fn an_added_rule_of_a_shipped_role_is_not_hidden_by_its_shipped_binding() {
    let rules = json!([{"verbs": ["get"], "nonResourceURLs": ["/api"]}, {"verbs": ["list"], "apiGroups": [""], "resources": ["secrets"]}]);
    let cluster = |server: &str| {
        let objects = vec![
            json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": "system:discovery"}, "rules": rules}),
            binding("system:discovery", None, "system:discovery", json!([{"kind": "Group", "name": "system:authenticated"}])),
        ];
        Tables::compute(&cases::snapshot(&case("access/cluster-admin", objects, &json!({}), server))).expect("readable")
    };
    let same = cluster("v1.36.3");
    let grants = table(&same, "grants");
    assert_eq!(cell(grants, &grants.rows[0], "shipped"), yes(true));
    assert_eq!(cell(grants, &grants.rows[0], "reads_secrets"), yes(true));
    assert_eq!(grants.rows[0].cell_evidence["reads_secrets"][0].pointer, "/rules/1");
    // What each supported version ships is known.
    let other = cluster("v1.34.1");
    let grants = table(&other, "grants");
    assert_eq!(cell(grants, &grants.rows[0], "reads_secrets"), yes(true));
    // What a version beyond them ships is not.
    let other = cluster("v1.99.0");
    let grants = table(&other, "grants");
    assert!(matches!(cell(grants, &grants.rows[0], "reads_secrets"), Known::Unknown(_)));
    assert_eq!(cell(grants, &grants.rows[0], "execs"), yes(false));
}

#[test]
fn twenty_thousand_bindings_are_no_trouble() {
    let mut objects = vec![
        json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": "team"}, "rules": [
            {"verbs": ["*"], "apiGroups": ["", "apps", "batch"], "resources": ["*"]},
            {"verbs": ["get", "list", "watch"], "apiGroups": ["*"], "resources": ["*"]}]}),
        role("nodes", &["get"], "", "nodes/proxy"),
    ];
    for index in 0..20_000 {
        let namespace = format!("team-{}", index % 400);
        let subject = json!([{"kind": "Group", "name": format!("group-{}", index % 2_000)}]);
        objects.push(binding(
            &format!("b{index}"),
            (index % 100 != 0).then_some(namespace.as_str()),
            if index % 100 == 0 { "nodes" } else { "team" },
            subject,
        ));
    }
    let snapshot = snapshot(objects);
    let begin = Instant::now();
    let tables = Tables::compute(&snapshot).expect("readable");
    let seconds = begin.elapsed().as_secs_f32();
    assert_eq!(table(&tables, "grants").rows.len(), 20_000);
    assert_eq!(table(&tables, "subjects").rows.len(), 2_000);
    // A bound for a machine that does much else beside a build without optimisation; a verb or resource too many would multiply it.
    assert!(seconds < 60.0, "{seconds} s");
}
