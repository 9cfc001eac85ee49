//! What a scope file says of namespaces that do not keep ePHI, of the organization, and of what was left out; and what follows from it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::program::{kube_hipaa, said};
use crate::support::small_clusters;
use kube_hipaa::model::OutcomeWord;

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": format!("{name}-uid")}, "status": {"phase": "Active"}})
}

fn deny(namespace: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}})
}

/// What a control says where `records` keeps ePHI, and `ingress` has this to do with it.
fn outcome(control: &str, objects: Vec<Value>, role: Option<&str>) -> OutcomeWord {
    let enforces = json!({"/flagz": {"kind": "Flagz", "apiVersion": "config.k8s.io/v1alpha1", "flags": {"disable-admission-plugins": ""}}});
    let mut case = small_clusters::case(control, objects, &enforces, "v1.36.3");
    case.ephi = Some(vec!["records".to_owned()]);
    match role {
        Some("transmits") => case.transmits = vec!["ingress".to_owned()],
        Some("administers") => case.administers = vec!["ingress".to_owned()],
        _ => {}
    }
    small_clusters::outcome_on(&case, &kube_hipaa::cli::cases::snapshot(&case))
}

#[test]
fn what_passes_ephi_on_is_looked_at_as_well() {
    let cluster = || vec![namespace("records"), namespace("ingress"), deny("records")];
    let level = |role| outcome("namespace/pod-security-enforced", cluster(), role);
    let labelled = |role| {
        let mut records = namespace("records");
        records["metadata"]["labels"] = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        outcome("namespace/pod-security-enforced", vec![records, namespace("ingress")], role)
    };
    assert_eq!(level(None), OutcomeWord::Fail, "records itself has no label");
    assert_eq!(labelled(None), OutcomeWord::Pass, "of ingress nobody said anything");
    assert_eq!(labelled(Some("transmits")), OutcomeWord::Fail, "ePHI passes through it");
    assert_eq!(labelled(Some("administers")), OutcomeWord::Fail, "it can reach what keeps ePHI");
}

#[test]
fn a_control_may_be_about_what_keeps_ephi_only() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "cache", "namespace": "ingress", "uid": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": "v"}, "status": {"phase": "Bound"}});
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"},
        "spec": {"persistentVolumeReclaimPolicy": "Delete", "claimRef": {"namespace": "ingress", "name": "cache", "uid": "c"}, "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}},
        "status": {"phase": "Bound"}});
    let cluster = || vec![namespace("records"), namespace("ingress"), claim.clone(), volume.clone()];
    assert_eq!(outcome("storage/reclaim-retain", cluster(), Some("transmits")), OutcomeWord::NotApplicable, "a queue need not be kept");
    let mut case = small_clusters::case("storage/reclaim-retain", cluster(), &json!({}), "v1.36.3");
    case.ephi = Some(vec!["ingress".to_owned()]);
    assert_eq!(small_clusters::outcome_on(&case, &kube_hipaa::cli::cases::snapshot(&case)), OutcomeWord::Fail);
}

fn assess(here: &Path, scope: &str) -> Value {
    let evidence = here.join("evidence").display().to_string();
    if !here.join("evidence").is_dir() {
        assert!(kube_hipaa(["demo", "--quiet", "-o", &evidence]).status.success());
    }
    std::fs::write(here.join("scope.yaml"), scope).expect("written");
    let (snapshot, scope, out) =
        (format!("{evidence}/snapshot"), here.join("scope.yaml").display().to_string(), here.join("out").display().to_string());
    let output =
        kube_hipaa(["assess", &snapshot, "--quiet", "--force", "--scope", &scope, "-o", &out, "--format", "json,markdown,risk-analysis"]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&std::fs::read(here.join("out/assessment.json")).expect("written")).expect("JSON")
}

const SCOPE: &str = "ephi: {namespaces: [patient-records, imaging]}\ntransmits: {namespaces: [integration-engine]}\nadministers: {namespaces: [monitoring]}\n\
    excluded:\n- {namespaces: [sandbox], reason: synthetic, because: made by a generator}\ndeclared_by: security official\ndeclared_on: \"2026-11-01\"\n\
    vendors: [User/modality-vendor-remote]\ncomponents: {hospital: [patient-records, imaging], exchange: [integration-engine, monitoring]}\n";

#[test]
fn the_declaration_reaches_every_document() {
    let here = tempfile::tempdir().expect("a folder");
    let assessment = assess(here.path(), SCOPE);
    let scope = &assessment["scope"];
    assert_eq!(scope["ephi_namespaces"], json!(["imaging", "integration-engine", "monitoring", "patient-records"]));
    assert_eq!(scope["roles"], json!({"integration-engine": "transmits", "monitoring": "administers"}));
    let undeclared: Vec<&str> =
        scope["undeclared"].as_array().expect("a list").iter().filter_map(|one| one["namespace"].as_str()).collect();
    assert!(undeclared.contains(&"billing") && !undeclared.contains(&"sandbox") && !undeclared.contains(&"kube-system"), "{undeclared:?}");
    let billing = scope["undeclared"].as_array().expect("a list").iter().find(|one| one["namespace"] == "billing").expect("there");
    assert!(
        billing["speaks_for"]
            .as_array()
            .is_some_and(|signs| signs.iter().any(|sign| sign.as_str().is_some_and(|sign| sign.contains("name")))),
        "{billing}"
    );
    let declarations = &assessment["declarations"];
    assert_eq!(declarations["excluded"][0]["by"], "security official", "who and when are those of the file");
    let observed = declarations["observed"].as_array().expect("a list");
    for key in ["vendors", "excluded", "components"] {
        assert!(observed.iter().any(|one| one["declaration"] == key), "{key}: {observed:?}");
    }
    // Who is in which group stands nowhere in a cluster, so that no name of a user is known to reach nothing.
    assert!(observed.iter().filter(|one| one["declaration"] == "vendors").all(|one| one["agrees"].is_null()), "{observed:?}");
    let report = std::fs::read_to_string(here.path().join("out/report.md")).expect("written");
    for part in [
        "of these only pass it on",
        "neither declared as having to do with ePHI nor left out by declaration",
        "its name speaks of health data",
    ] {
        assert!(report.contains(part), "{part}");
    }
    let systems = std::fs::read_to_string(here.path().join("out/risk-systems.csv")).expect("written");
    for part in [
        "\"integration-engine\",\"transmits\"",
        "\"sandbox\",\"left out: synthetic data (not in the cluster)\"",
        "\"billing\",\"undeclared\"",
        "those of namespaces in scope did not look",
        " checks were not decided",
    ] {
        assert!(systems.contains(part), "{part}\n{systems}");
    }
}

/// 164.308(a)(4)(ii)(A) concerns clearinghouses only: no outcome is shown to anybody else.
#[test]
fn a_paragraph_on_clearinghouses_shows_outcomes_where_one_is_declared() {
    let here = tempfile::tempdir().expect("a folder");
    let paragraph = |entity: &str| -> Value {
        let assessment = assess(here.path(), &format!("ephi: {{namespaces: [imaging]}}\n{entity}"));
        let all = assessment["paragraphs"].as_array().expect("a list").clone();
        all.into_iter().find(|one| one["id"] == "164.308(a)(4)(ii)(A)").expect("there")
    };
    let outcomes = |paragraph: &Value| paragraph["counts"].as_object().expect("counts").values().filter_map(Value::as_u64).sum::<u64>();
    let unsaid = paragraph("");
    assert_eq!((unsaid["applies"].as_str(), outcomes(&unsaid)), (Some("not_declared"), 0));
    let none = paragraph("entity: {kind: covered_entity, clearinghouse: false}\n");
    assert_eq!((none["applies"].as_str(), outcomes(&none)), (Some("no"), 0));
    let one = paragraph("entity: {kind: both, clearinghouse: true}\n");
    assert!(one.get("applies").is_none() && outcomes(&one) > 0, "{one}");
    let report = std::fs::read_to_string(here.path().join("out/report.md")).expect("written");
    assert!(report.contains("it is declared that a health care clearinghouse is part of a larger organization"));
}

#[test]
fn what_is_wrong_with_roles_is_said_all_at_once() {
    let here = tempfile::tempdir().expect("a folder");
    let scope = "ephi: {namespaces: [records]}\ntransmits: {namespaces: [records]}\nadministers: {}\nexcluded:\n- {namespaces: [records], reason: boring, because: x}\n\
        - {namespaces: [b], reason: no_ephi}\nentity: {kind: hospital, clearinghouse: perhaps}\nvendors: [remote]\n";
    std::fs::write(here.path().join("scope.yaml"), scope).expect("written");
    let place = here.path().join("scope.yaml").display().to_string();
    let output = kube_hipaa(["scan", "--scope", &place]);
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    for part in [
        "2:26: `records` stands under `ephi` already",
        "`administers` names neither namespaces nor selectors",
        "`boring` is no reason; there are no_ephi, de_identified, synthetic",
        "`because` is missing",
        "`by` is missing",
        "`hospital` is no kind of entity",
        "`clearinghouse` is to be true or false",
        "`remote` is no identity",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
