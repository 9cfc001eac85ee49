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
use serde_json::{Value, json};

fn verdicts(pod: &Value) -> Result<Vec<Vec<Violation>>, TestCaseError> {
    let pod: Pod = serde_json::from_value(pod.clone()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let annotations = pod.metadata.annotations.unwrap_or_default();
    let spec = pod.spec.ok_or_else(|| TestCaseError::fail("no spec"))?;
    let versions = || (0..=37).map(PolicyVersion::V1).chain([PolicyVersion::Latest]);
    let levels = [Level::Baseline, Level::Restricted];
    Ok(levels.iter().flat_map(|level| versions().map(|version| evaluate(&annotations, &spec, *level, version))).collect())
}

fn redacted_as(source: &SourceId, object: &Value) -> Result<Value, TestCaseError> {
    let entry = inventory().iter().find(|entry| &entry.source == source);
    let Some(Amount::Fields(fields)) = entry.map(|entry| entry.amount) else { return Err(TestCaseError::fail("no such source")) };
    let fail = |error: &dyn std::error::Error| TestCaseError::fail(error.to_string());
    let keep = Keep::parse(fields).map_err(|error| fail(&error))?;
    let text = object.to_string();
    let mut out = String::new();
    prune(&text, &keep, &Head::default(), None, &mut out).map_err(|error| fail(&error))?;
    serde_json::from_str(&out).map_err(|error| fail(&error))
}

fn redacted(pod: &Value) -> Result<Value, TestCaseError> {
    redacted_as(&SourceId::core("pods"), pod)
}

/// Facts take a workload's pods for its template only where the status says that every pod was made from it.
#[test]
fn what_says_that_a_rollout_is_over_is_kept() -> Result<(), TestCaseError> {
    let statuses = [
        ("apps", "deployments", json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3})),
        ("apps", "statefulsets", json!({"observedGeneration": 2, "currentRevision": "a", "updateRevision": "a"})),
        (
            "apps",
            "daemonsets",
            json!({"observedGeneration": 2, "updatedNumberScheduled": 3, "desiredNumberScheduled": 3, "numberReady": 3}),
        ),
        ("batch", "jobs", json!({"completionTime": "2026-11-20T00:00:00Z"})),
    ];
    for (group, resource, status) in statuses {
        let object = json!({"metadata": {"name": "a", "generation": 2}, "status": status});
        let kept = redacted_as(&SourceId::group(group, resource), &object)?;
        prop_assert_eq!(&kept["status"], &status, "{}", resource);
        prop_assert_eq!(&kept["metadata"]["generation"], 2);
    }
    Ok(())
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
