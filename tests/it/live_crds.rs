//! The allow-lists of add-ons against the true schemas of the projects: a field that is kept and does not exist is a field that no
//! cluster ever gives, and whatever rests on it is silently empty.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use kube_hipaa::collect::inventory::{Amount, Entry, Reach, inventory};
use kube_hipaa::collect::redact::Keep;
use serde_json::Value;

use crate::support::control_plane::{ControlPlane, Options};

/// Fields that are kept and that the schemas do not have: resource (or group, or `*`), beginning of the path, reason.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("cilium.io", ".spec.", "one list of fields serves the rules of both directions, and those that deny"),
    ("cilium.io", ".specs.", "the same, in the list of several rules"),
    (
        "clusternetworkpolicies.policy.networking.k8s.io",
        ".spec.egress.",
        "one list of fields serves both directions, and versions before v1beta1 (ports, domainNames)",
    ),
    ("clusternetworkpolicies.policy.networking.k8s.io", ".spec.ingress.", "the same"),
    ("external-secrets.io", ".spec.provider.", "providers that came after the version that is compared: the proxy serves no newer one"),
    ("externalsecrets.external-secrets.io", ".spec.syncWindows", "came after that version, too"),
    ("externalsecrets.external-secrets.io", ".spec.target.manifest", "came after that version, too"),
    ("gateways.gateway.networking.k8s.io", ".spec.listeners.tls.frontendValidation", "moved to spec.tls in 1.5 of the Gateway API"),
    ("tcproutes.gateway.networking.k8s.io", ".spec.hostnames", "one list of fields serves all routes"),
    ("udproutes.gateway.networking.k8s.io", ".spec.hostnames", "one list of fields serves all routes"),
    ("policies.kyverno.io", ".spec.validation", "one list of fields serves all kinds of policies"),
    ("policies.kyverno.io", ".status.generated", "one list of fields serves all kinds of policies"),
    ("velero.io", ".status.", "one list of fields serves backups, schedules and restores"),
];

/// Groups of which a module is compared, and kinds in them that it no longer has.
const GONE: &[&str] = &[
    "adminnetworkpolicies.policy.networking.k8s.io",
    "baselineadminnetworkpolicies.policy.networking.k8s.io",
    "tracingpolicies.cilium.io",
    "tracingpoliciesnamespaced.cilium.io",
];

/// The folder with the CRDs of the projects' own modules.
pub fn crds() -> PathBuf {
    let output = Command::new("sh").arg("tests/crds/build.sh").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Group and plural to the schema of every version.
type Schemas = BTreeMap<(String, String), Vec<Value>>;

#[test]
#[ignore = "needs a real control plane and the Go modules of other projects: run `make live`"]
fn every_field_that_is_kept_exists_in_the_schemas_of_the_projects() {
    let plane = ControlPlane::start(&Options::default());
    plane.apply_path(&crds());
    let (status, list) = plane.api("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", None);
    assert_eq!(status, 200);
    let mut schemas = Schemas::new();
    for crd in list["items"].as_array().unwrap() {
        let accepted = crd["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["type"] == "Established" && one["status"] == "True"));
        assert!(accepted, "{} is not established", crd["metadata"]["name"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let versions = crd["spec"]["versions"].as_array().unwrap();
        let all = versions.iter().map(|version| version["schema"]["openAPIV3Schema"].clone()).collect();
        schemas.insert((text(&crd["spec"]["group"]), text(&crd["spec"]["names"]["plural"])), all);
    }
    assert!(schemas.len() > 100, "{} CRDs", schemas.len());
    let groups: BTreeSet<&str> = schemas.keys().map(|(group, _)| group.as_str()).collect();
    let (mut wrong, mut used, mut compared) = (Vec::new(), BTreeSet::new(), 0);
    for entry in inventory().iter().filter(|entry| entry.reach == Reach::Everywhere && groups.contains(entry.source.api_group())) {
        let name = format!("{}.{}", entry.source.resource(), entry.source.api_group());
        let Some(versions) = schemas.get(&(entry.source.api_group().to_owned(), entry.source.resource().to_owned())) else {
            if !GONE.contains(&name.as_str()) {
                wrong.push(format!("{name}: no such kind"));
            }
            continue;
        };
        compared += 1;
        for path in missing(entry, versions) {
            let expected =
                EXPECTED.iter().position(|(of, start, _)| (*of == name || *of == entry.source.api_group()) && path.starts_with(start));
            match expected {
                Some(number) => {
                    used.insert(number);
                }
                None => wrong.push(format!("{name}: {path}")),
            }
        }
    }
    assert!(wrong.is_empty(), "kept, and in no schema:\n{}", wrong.join("\n"));
    let unused: Vec<&str> = EXPECTED.iter().enumerate().filter(|(i, _)| !used.contains(i)).map(|(_, one)| one.1).collect();
    assert!(unused.is_empty(), "these exceptions are no longer needed: {unused:?}");
    assert!(compared > 30, "{compared} kinds");
}

/// The paths of an entry that no version of the schema has.
fn missing(entry: &Entry, versions: &[Value]) -> Vec<String> {
    let Amount::Fields(text) = entry.amount else { return Vec::new() };
    let mut missing = Vec::new();
    let Ok(Keep::Fields(mut fields, rest)) = Keep::parse(text) else { panic!("{text}") };
    // Of metadata a CRD tells nothing.
    fields.remove("metadata");
    walk(&Keep::Fields(fields, rest), &versions.iter().collect::<Vec<_>>(), "", &mut missing);
    missing
}

fn walk(keep: &Keep, schemas: &[&Value], path: &str, missing: &mut Vec<String>) {
    let Keep::Fields(fields, _) = keep else { return };
    // Lists are looked through, as redaction does.
    let looked: Vec<&Value> = schemas
        .iter()
        .map(|schema| {
            let mut schema = *schema;
            while let Some(items) = schema.get("items") {
                schema = items;
            }
            schema
        })
        .collect();
    for (name, below) in fields {
        let at = format!("{path}.{name}");
        let found: Vec<&Value> =
            looked.iter().filter_map(|schema| schema["properties"].get(*name).or_else(|| schema.get("additionalProperties"))).collect();
        let open = looked.iter().any(|schema| schema["x-kubernetes-preserve-unknown-fields"] == true);
        if found.is_empty() && !open {
            missing.push(at);
        } else if !found.is_empty() && !found.iter().any(|schema| schema["x-kubernetes-preserve-unknown-fields"] == true) {
            walk(below, &found, &at, missing);
        }
    }
}
