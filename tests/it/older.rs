//! Snapshots of older versions: what their collector did not judge, keep or write down is never a pass.

use kube_hipaa::catalog::{Case, Catalog};
use kube_hipaa::cli::cases;
use kube_hipaa::model::{Judged, OutcomeWord};
use kube_hipaa::snapshot::testing::Changed;

/// Rests on a revision that an older collector did not keep.
const OLD_REVISION: &str = "an earlier ReplicaSet without pods to make starts nothing";

fn outcomes(catalog: &Catalog, control: &str, expect: OutcomeWord) -> Vec<(String, OutcomeWord)> {
    let of_control = |case: &&Case| case.control_id() == control && case.expect == expect;
    catalog
        .cases()
        .iter()
        .filter(of_control)
        .map(|case| {
            let old = cases::snapshot(case).of_an_older_version();
            (case.name.clone(), cases::outcome_on(catalog, case, &old).expect("readable").expect("exists"))
        })
        .collect()
}

/// By control, the cases that pass on a snapshot of today and rest on a judgement of the collector.
#[test]
fn what_an_older_collector_did_not_judge_does_not_pass() {
    let catalog = Catalog::built_in().unwrap_or_else(|error| panic!("{error}"));
    for (control, rests_on_a_judgement) in [
        ("pod/literal-credentials", "paths, switches and numbers"),
        ("network/second-network", "the own network only"),
        ("exposure/ingress-injection", "others pass"),
        ("transmission/workload-in-the-clear", "an Ingress that redirects"),
        ("network/policies-enforced", "agents of Cilium that were started after the last change of their settings"),
        ("mesh/only-mutual-tls", "the whole mesh is STRICT"),
        ("mesh/clients-use-tls", "mutual TLS of Istio"),
        ("pod/privileged-container", OLD_REVISION),
        ("secrets/agent-tls", "nothing is told"),
        ("secrets/store-tls", "Vault by HTTPS"),
    ] {
        let found = outcomes(&catalog, control, OutcomeWord::Pass);
        let outcome = found.iter().find(|(name, _)| name == rests_on_a_judgement).map(|(_, outcome)| *outcome);
        assert_eq!(outcome, Some(OutcomeWord::NotAssessed), "{control}: {found:?}");
    }
}

/// What stands in the snapshot as it always did is judged as it always was, and a finding stays one.
#[test]
fn what_an_older_collector_kept_is_judged() {
    let catalog = Catalog::built_in().unwrap_or_else(|error| panic!("{error}"));
    for control in ["pod/privileged-container", "pod/host-path", "namespace/pod-security-enforced", "image/pinned-by-digest"] {
        for expect in [OutcomeWord::Pass, OutcomeWord::Fail, OutcomeWord::NotApplicable] {
            for (name, outcome) in outcomes(&catalog, control, expect).into_iter().filter(|(name, _)| name != OLD_REVISION) {
                assert_eq!(outcome, expect, "{control}: {name}");
            }
        }
    }
    for (name, outcome) in outcomes(&catalog, "pod/literal-credentials", OutcomeWord::Fail) {
        assert_eq!(outcome, OutcomeWord::Fail, "{name}");
    }
}

/// The names stand in snapshots: none is ever changed.
#[test]
fn what_was_judged_stands_in_the_index() {
    assert_eq!(
        Judged::all_names(),
        ["changes", "credentials", "engines", "entrances", "meshes", "networks", "revisions", "routes", "secrets"]
    );
    let catalog = Catalog::built_in().unwrap_or_else(|error| panic!("{error}"));
    let index = cases::snapshot(catalog.cases().first().expect("there are cases")).index().clone();
    let text = serde_json::to_string(&index).expect("JSON");
    assert!(text.contains(r#""judged":["changes","credentials","#), "{text}");
}
