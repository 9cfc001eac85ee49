//! Clusters of a few objects, and what one control says of them.

use kube_hipaa::catalog::{Case, Catalog};
use kube_hipaa::cli::cases;
use kube_hipaa::model::OutcomeWord;
use kube_hipaa::snapshot::Snapshot;
use serde_json::Value;

/// A cluster of these objects, with the content of these URLs, at this version.
pub fn case(control: &str, objects: Vec<Value>, urls: &Value, server: &str) -> Case {
    Case {
        file: format!("controls/{control}.cases.yaml"),
        name: control.to_owned(),
        expect: OutcomeWord::Fail,
        findings: None,
        ephi: None,
        transmits: Vec::new(),
        administers: Vec::new(),
        parameters: std::collections::BTreeMap::new(),
        objects,
        urls: urls.as_object().expect("a map").iter().map(|(path, content)| (path.clone(), content.clone())).collect(),
        server: server.to_owned(),
        served: None,
    }
}

/// What the control of a case says of a snapshot.
pub fn outcome_on(case: &Case, snapshot: &Snapshot) -> OutcomeWord {
    let catalog = Catalog::built_in().expect("no problems");
    cases::outcome_on(&catalog, case, snapshot).expect("readable").expect("the control exists")
}

/// What it says of the case itself.
pub fn outcome_of(case: &Case) -> OutcomeWord {
    outcome_on(case, &cases::snapshot(case))
}

/// Neither pass nor not applicable.
#[track_caller]
pub fn not_clean(outcome: OutcomeWord) {
    assert!(matches!(outcome, OutcomeWord::Fail | OutcomeWord::NotAssessed), "came out as {}", outcome.label());
}
