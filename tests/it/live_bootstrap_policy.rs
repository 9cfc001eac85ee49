//! The roles and bindings that each minor version ships, against Kubernetes' own modules.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use kube_hipaa::cli::cases;
use kube_hipaa::facts::{Known, Tables};
use kube_hipaa::model::FactValue;
use serde_json::Value;

use super::support::small_clusters::case;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bootstrap-policy");
const FILE: &str = include_str!("../../src/facts/rbac/shipped.json");
const TEST_DATA: &str = "plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata";

const FILES: [&str; 7] = [
    "cluster-roles.yaml",
    // Came with 1.33.
    "cluster-roles-featuregates.yaml",
    "controller-roles.yaml",
    "namespace-roles.yaml",
    "cluster-role-bindings.yaml",
    "controller-role-bindings.yaml",
    "namespace-role-bindings.yaml",
];

fn go(arguments: &[&str]) -> String {
    let output = Command::new("go").args(arguments).current_dir(FOLDER).output().expect("go runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
#[ignore = "needs Go and Kubernetes' modules: make test"]
fn the_shipped_policy_is_what_kubernetes_own_code_makes() {
    let made = go(&["run", ".", "versions.txt", "kubeadm.json"]);
    if std::env::var_os("UPDATE_SHIPPED").is_some() {
        std::fs::write(Path::new(FOLDER).join("../../src/facts/rbac/shipped.json"), &made).expect("written");
    }
    assert!(made == FILE, "src/facts/rbac/shipped.json is not what tests/bootstrap-policy writes; UPDATE_SHIPPED=1 writes it anew");
}

/// What each release keeps as test data of its own policy is in ours, rule for rule.
#[test]
#[ignore = "needs Go and Kubernetes' modules: make test"]
fn every_rule_of_the_releases_own_test_data_is_known() {
    let ours: Value = serde_json::from_str(FILE).expect("JSON");
    let versions = std::fs::read_to_string(Path::new(FOLDER).join("versions.txt")).expect("versions");
    let mut checked = BTreeMap::new();
    for version in versions.split_whitespace() {
        let minor: u64 = version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a minor version");
        let module: Value =
            serde_json::from_str(&go(&["mod", "download", "-json", &format!("k8s.io/kubernetes@v{version}")])).expect("JSON");
        let mut objects = Vec::new();
        let folder = Path::new(module["Dir"].as_str().expect("a folder")).join(TEST_DATA);
        for file in FILES {
            let Ok(text) = std::fs::read_to_string(folder.join(file)) else { continue };
            let list: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file} of {version}: {error}"));
            for role in items(&list) {
                objects.push(role.clone());
                if role["rules"].is_null() {
                    continue;
                }
                let rules = known(&ours, minor, role);
                for rule in role["rules"].as_array().into_iter().flatten() {
                    assert!(rules.contains(&sorted(rule)), "{file} of {version}, {}: {rule}", role["metadata"]["name"]);
                    *checked.entry(minor).or_insert(0) += 1;
                }
            }
        }
        nothing_of_it_is_a_finding(version, objects);
    }
    eprintln!("rules of the test data that are known, by minor version: {checked:?}");
    assert!(checked.len() >= 8 && checked.values().all(|rules| *rules > 250), "{checked:?}");
}

/// A cluster of that version that holds exactly this: no grant gives more than is shipped, and nothing of it is in doubt.
fn nothing_of_it_is_a_finding(version: &str, objects: Vec<Value>) {
    let unique: BTreeMap<String, Value> =
        objects.into_iter().map(|object| (format!("{}{}", object["kind"], object["metadata"]), object)).collect();
    let case = case("access/cluster-admin", unique.into_values().collect(), &serde_json::json!({}), &format!("v{version}"));
    let tables = Tables::compute(&cases::snapshot(&case)).expect("readable");
    let grants = tables.get("grants").expect("grants");
    let (beyond, _) = grants.schema.column("beyond_shipped").expect("the column");
    for row in &grants.rows {
        assert_eq!(row.cells[beyond], Known::Known(FactValue::Bool(false)), "{version}: {}", row.key);
    }
    let roles = tables.get("roles").expect("roles");
    let (widened, _) = roles.schema.column("widened").expect("the column");
    for row in &roles.rows {
        assert_eq!(row.cells[widened], Known::Known(FactValue::Bool(false)), "{version}: {}", row.key);
    }
    assert!(grants.rows.len() > 50 && roles.rows.len() > 60, "{version}: {} grants, {} roles", grants.rows.len(), roles.rows.len());
}

/// The objects of a list, those of lists within it too.
fn items(list: &Value) -> Vec<&Value> {
    list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|item| if item["items"].is_array() { items(item) } else { vec![item] })
        .collect()
}

fn known(ours: &Value, minor: u64, role: &Value) -> Vec<Value> {
    let meta = &role["metadata"];
    let found =
        ours["roles"].as_array().into_iter().flatten().find(|one| one["name"] == meta["name"] && one["namespace"] == meta["namespace"]);
    let found = found.unwrap_or_else(|| panic!("no role {}", meta["name"]));
    let spans = found["rules"].as_array().into_iter().flatten();
    spans.filter(|span| (span[0].as_u64()..=span[1].as_u64()).contains(&Some(minor))).map(|span| sorted(&span[2])).collect()
}

/// A rule whose lists are in order.
fn sorted(rule: &Value) -> Value {
    let mut rule = rule.clone();
    for list in rule.as_object_mut().expect("a rule").values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
    rule
}
