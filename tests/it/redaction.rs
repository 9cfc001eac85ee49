//! What redaction leaves of a pod gives the same Pod Security verdicts as the pod itself: messages, places and all.

use crate::support::pods;
use crate::support::wild_pods;
use k8s_openapi::api::core::v1::Pod;
use kube_hipaa::collect::inventory::{Amount, METADATA, inventory};
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
    redacted_under(source, object, &Head::default())
}

fn redacted_under(source: &SourceId, object: &Value, head: &Head<'_>) -> Result<Value, TestCaseError> {
    let fields = match inventory().iter().find(|entry| &entry.source == source).map(|entry| entry.amount) {
        Some(Amount::Fields(fields)) => fields,
        Some(Amount::Metadata) => METADATA,
        _ => return Err(TestCaseError::fail("no such source")),
    };
    let fail = |error: &dyn std::error::Error| TestCaseError::fail(error.to_string());
    let keep = Keep::parse(fields).map_err(|error| fail(&error))?;
    let text = object.to_string();
    let mut out = String::new();
    prune(&text, &keep, head, None, &mut out).map_err(|error| fail(&error))?;
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

/// A pod of the control plane with these arguments, as it is stored.
fn arguments(words: &[&str]) -> Result<Value, TestCaseError> {
    let pod = json!({"metadata": {"name": "v", "namespace": "kube-system"}, "spec": {"containers": [{"name": "c", "args": words}]}});
    let text = pod.to_string();
    let head = Head::of(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let kept = redacted_under(&SourceId::core("pods"), &pod, &head)?;
    Ok(kept["spec"]["containers"][0]["args"].clone())
}

#[test]
fn the_word_after_a_switch_is_not_its_value() -> Result<(), TestCaseError> {
    prop_assert_eq!(
        arguments(&["--leader-elect", "hunter2", "--debug", "s3cret", "--profiling", "false", "--audit-log-path", "-"])?,
        json!(["--leader-elect", "[redacted]", "--debug", "[redacted]", "--profiling", "[redacted]", "--audit-log-path", "-"])
    );
    prop_assert_eq!(arguments(&["--tls-min-version", "VersionTLS12"])?, json!(["--tls-min-version", "VersionTLS12"]));
    Ok(())
}

#[test]
fn values_of_known_flags_that_could_carry_credentials_go() -> Result<(), TestCaseError> {
    for value in ["https://idp.example/keys?sig=s3cret", "{\"token\":\"hunter2\"}", "user:hunter2@10.0.0.1:2379", "https://u:p@host"] {
        for name in ["service-account-jwks-uri", "config", "etcd-servers", "feature-gates"] {
            // Behind it may stand why the value looked like a credential.
            let begins = |words: &Value, at: usize, text: &str| words[at].as_str().is_some_and(|word| word.starts_with(text));
            let one = arguments(&[&format!("--{name}={value}")])?;
            prop_assert!(begins(&one, 0, &format!("--{name}=[redacted]")) && !one.to_string().contains(value), "{one}");
            let two = arguments(&[&format!("--{name}"), value])?;
            prop_assert!(begins(&two, 1, "[redacted]") && !two.to_string().contains(value), "{two}");
        }
    }
    let plain = "--etcd-servers=https://10.0.0.1:2379,https://10.0.0.2:2379";
    prop_assert_eq!(arguments(&[plain])?, json!([plain]));
    let flagz = json!({"flags": {"etcd-servers": "user:hunter2@10.0.0.1", "tls_min_version": "VersionTLS12"}});
    let kept = redacted_as(&SourceId::url("/flagz"), &flagz)?;
    prop_assert_eq!(&kept["flags"], &json!({"etcd-servers": "[redacted]", "tls_min_version": "VersionTLS12"}));
    Ok(())
}

#[test]
fn redacted_words_of_a_component_stay_recognisable() -> Result<(), TestCaseError> {
    let words =
        ["kube-apiserver", "-v=2", "-v", "$(EXTRA_FLAG)", "--tls_min_version=VersionTLS10", "--audit_log_path", "/a", "--odd_one=x"];
    prop_assert_eq!(
        arguments(&words)?,
        json!([
            "kube-apiserver",
            "-v=[redacted]",
            "-v",
            "[redacted]",
            "--tls-min-version=VersionTLS10",
            "--audit-log-path",
            "/a",
            "--odd_one=[redacted]"
        ])
    );
    Ok(())
}

#[test]
fn nothing_stays_of_a_url_with_a_password_that_has_a_slash() -> Result<(), TestCaseError> {
    let object = json!({"metadata": {"name": "v"}, "spec": {"address": "https://user:top/s3cret@vault.example/"}});
    let kept = redacted_as(&SourceId::group("secrets.hashicorp.com", "vaultconnections"), &object)?;
    prop_assert_eq!(&kept["spec"]["address"], "[redacted]");
    Ok(())
}

/// Where pods, mounts and volumes can hold text of any kind.
#[test]
fn probes_hooks_and_drivers_lose_their_texts() -> Result<(), TestCaseError> {
    let handler = json!({"httpGet": {"path": "/SECRET", "port": 1, "httpHeaders": [{"name": "A", "value": "SECRET"}]}, "exec": {"command": ["SECRET"]}});
    let pod = json!({
        "metadata": {"name": "v", "namespace": "records", "annotations": {"a": "SECRET"}, "managedFields": [{"x": "SECRET"}]},
        "spec": {
            "containers": [{
                "name": "c", "env": [{"name": "E", "value": "SECRET"}], "args": ["--token=SECRET", "SECRET"],
                "livenessProbe": handler, "lifecycle": {"preStop": handler},
            }],
            "volumes": [
                {"name": "a", "iscsi": {"initiatorName": "SECRET"}},
                {"name": "b", "csi": {"driver": "d", "volumeAttributes": {"token": "SECRET"}}},
                {"name": "c", "flexVolume": {"options": {"p": "SECRET"}}},
                {"name": "d", "cephfs": {"user": "SECRET"}},
                {"name": "e", "azureFile": {"secretName": "SECRET"}},
            ],
        },
        "status": {"message": "SECRET", "reason": "SECRET"},
    });
    let volume = json!({"metadata": {"name": "v"}, "spec": {
        "csi": {"driver": "d", "volumeAttributes": {"password": "SECRET"}}, "mountOptions": ["password=SECRET"],
        "flexVolume": {"options": {"a": "SECRET"}}, "iscsi": {"a": "SECRET"}, "glusterfs": {"a": "SECRET"},
    }});
    let provider = json!({"fake": {"data": [{"key": "a", "value": "SECRET"}]}, "vault": {"auth": {"token": "SECRET"}}});
    let store = json!({"metadata": {"name": "v"}, "spec": {"provider": provider}});
    for (source, object) in [
        (SourceId::core("pods"), pod),
        (SourceId::core("persistentvolumes"), volume),
        (SourceId::group("external-secrets.io", "secretstores"), store),
    ] {
        let kept = redacted_as(&source, &object)?.to_string();
        prop_assert!(!kept.contains("SECRET"), "{}", kept);
    }
    Ok(())
}

/// Facts decide with these which objects run, from which template, and under which rules.
#[test]
fn what_facts_decide_with_is_kept() -> Result<(), TestCaseError> {
    let revision = json!({"deployment.kubernetes.io/revision": "3"});
    let objects = [
        (
            SourceId::group("batch", "jobs"),
            json!({
                "metadata": {"name": "a"}, "spec": {"suspend": true}, "status": {"conditions": [{"type": "Failed", "status": "True"}]},
            }),
        ),
        (
            SourceId::core("pods"),
            json!({
                "metadata": {
                    "name": "a", "deletionTimestamp": "2026-11-20T00:00:00Z", "creationTimestamp": "2026-11-20T00:00:00Z",
                    "labels": {"pod-template-hash": "h", "controller-revision-hash": "r", "pod-template-generation": "2"},
                },
                "spec": {
                    "securityContext": {"windowsOptions": {"hostProcess": true}},
                    "containers": [{"name": "c", "securityContext": {"windowsOptions": {"hostProcess": true}}}],
                    "volumes": [{"name": "v", "image": {"reference": "r.example/x:1"}}],
                },
            }),
        ),
        (SourceId::group("apps", "deployments"), json!({"metadata": {"name": "a", "annotations": revision}})),
        (
            SourceId::group("apps", "replicasets"),
            json!({
                "metadata": {
                    "name": "a", "annotations": revision, "labels": {"pod-template-hash": "h"}, "creationTimestamp": "2026-11-20T00:00:00Z",
                    "ownerReferences": [{"kind": "Deployment", "name": "a", "uid": "u", "controller": true}],
                },
            }),
        ),
        (
            SourceId::group("apps", "daemonsets"),
            json!({
                "metadata": {"name": "a", "annotations": {"deprecated.daemonset.template.generation": "2"}},
            }),
        ),
        (
            SourceId::group("apps", "statefulsets"),
            json!({
                "metadata": {"name": "a"},
                "status": {"currentRevision": "a", "updateRevision": "b", "replicas": 3, "currentReplicas": 1, "updatedReplicas": 2},
            }),
        ),
        (
            SourceId::group("coordination.k8s.io", "leases"),
            json!({
                "metadata": {"name": "a", "labels": {"kubernetes.io/hostname": "cp-1", "apiserver.kubernetes.io/identity": "kube-apiserver"}},
                "spec": {"holderIdentity": "a"},
            }),
        ),
        (SourceId::url("/version"), json!({"major": "1", "minor": "37", "emulationMajor": "1", "emulationMinor": "34"})),
    ];
    for (source, object) in objects {
        prop_assert_eq!(redacted_as(&source, &object)?, object, "{}", source);
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
