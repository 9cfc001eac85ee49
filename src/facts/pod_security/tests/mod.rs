//! One test or more for each check, with no need of anything outside; agreement with Kubernetes' own code is in
//! `tests/it/pod_security_oracle.rs`.

mod baseline;
mod levels;
mod namespace;
mod restricted;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

use super::{Level, PolicyVersion, Violation, evaluate};

type Outcome = Result<(), serde_json::Error>;

fn annotations(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The violations of a spec without annotations.
fn violations(spec: Value, level: Level, minor: u64) -> Result<Vec<Violation>, serde_json::Error> {
    let spec: PodSpec = serde_json::from_value(spec)?;
    Ok(evaluate(&BTreeMap::new(), &spec, level, PolicyVersion::V1(minor)))
}

/// The pointers of one check, `None` if it passes or does not run.
fn pointers(check: &str, level: Level, minor: u64, spec: Value) -> Result<Option<Vec<String>>, serde_json::Error> {
    Ok(violations(spec, level, minor)?.into_iter().find(|found| found.check == check).map(|found| found.pointers))
}

fn baseline(check: &str, minor: u64, spec: Value) -> Result<Option<Vec<String>>, serde_json::Error> {
    pointers(check, Level::Baseline, minor, spec)
}

fn restricted(check: &str, minor: u64, spec: Value) -> Result<Option<Vec<String>>, serde_json::Error> {
    pointers(check, Level::Restricted, minor, spec)
}

fn at(places: &[&str]) -> Option<Vec<String>> {
    Some(places.iter().map(|place| (*place).to_owned()).collect())
}

/// A spec with one container of each list, all with the same security context.
fn everywhere(context: &Value) -> Value {
    json!({
        "initContainers": [{"name": "i", "securityContext": context}],
        "containers": [{"name": "c", "securityContext": context}],
        "ephemeralContainers": [{"name": "e", "securityContext": context}],
    })
}

/// The same field below each of the containers of [`everywhere`].
fn everywhere_at(field: &str) -> Option<Vec<String>> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    Some(lists.iter().map(|list| format!("/{list}/0/securityContext/{field}")).collect())
}

/// A spec that meets restricted at every version.
fn hardened() -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "c",
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        }],
    })
}
