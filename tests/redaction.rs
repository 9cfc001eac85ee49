//! What redaction leaves of a pod gives the same Pod Security verdicts as the pod itself: messages, places and all.

#[path = "support/pods.rs"]
mod pods;
#[path = "support/wild_pods.rs"]
mod wild_pods;

use k8s_openapi::api::core::v1::Pod;
use kube_hipaa::collect::inventory::{Amount, inventory};
use kube_hipaa::collect::redact::{Head, Keep, prune};
use kube_hipaa::facts::pod_security::{Level, PolicyVersion, Violation, evaluate};
use kube_hipaa::model::SourceId;
use proptest::prelude::*;
use serde_json::Value;

fn verdicts(pod: &Value) -> Result<Vec<Vec<Violation>>, TestCaseError> {
    let pod: Pod = serde_json::from_value(pod.clone()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let annotations = pod.metadata.annotations.unwrap_or_default();
    let spec = pod.spec.ok_or_else(|| TestCaseError::fail("no spec"))?;
    let versions = || (0..=37).map(PolicyVersion::V1).chain([PolicyVersion::Latest]);
    let levels = [Level::Baseline, Level::Restricted];
    Ok(levels.iter().flat_map(|level| versions().map(|version| evaluate(&annotations, &spec, *level, version))).collect())
}

fn redacted(pod: &Value) -> Result<Value, TestCaseError> {
    let entry = inventory().iter().find(|entry| entry.source == SourceId::core("pods"));
    let Some(Amount::Fields(fields)) = entry.map(|entry| entry.amount) else { return Err(TestCaseError::fail("no pods")) };
    let fail = |error: &dyn std::error::Error| TestCaseError::fail(error.to_string());
    let keep = Keep::parse(fields).map_err(|error| fail(&error))?;
    let text = pod.to_string();
    let mut out = String::new();
    prune(&text, &keep, &Head::default(), None, &mut out).map_err(|error| fail(&error))?;
    serde_json::from_str(&out).map_err(|error| fail(&error))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn a_redacted_pod_gets_the_verdicts_of_the_pod(pod in wild_pods::any_pod()) {
        prop_assert_eq!(verdicts(&redacted(&pod)?)?, verdicts(&pod)?);
    }

    #[test]
    fn a_redacted_valid_pod_gets_the_verdicts_of_the_pod(pod in pods::valid_pod()) {
        prop_assert_eq!(verdicts(&redacted(&pod)?)?, verdicts(&pod)?);
    }
}
