//! What an API server always writes into an object that does not say it, as far as it is read: the defaults of `pkg/apis/*/v1/defaults.go`.

use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

fn at<'o>(object: &'o mut Fields, name: &str) -> Option<&'o mut Fields> {
    object.get_mut(name).and_then(Value::as_object_mut)
}

fn or(fields: &mut Fields, name: &str, value: Value) {
    let entry = fields.entry(name.to_owned()).or_insert(Value::Null);
    if entry.is_null() {
        *entry = value;
    }
}

fn each<'o>(fields: &'o mut Fields, name: &str) -> impl Iterator<Item = &'o mut Fields> {
    fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Fills in what stands in every object of its kind.
pub(super) fn fill(object: &mut Value) {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(fields) = object.as_object_mut() else { return };
    match kind.as_str() {
        "Namespace" => namespace(fields),
        "Service" => service(fields),
        "NetworkPolicy" => network_policy(fields),
        "Role" | "ClusterRole" => {
            fields.entry("rules").or_insert(Value::Null);
        }
        "RoleBinding" | "ClusterRoleBinding" => binding(fields),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" => workload(&kind, fields),
        "Pod" => {
            if let Some(spec) = at(fields, "spec") {
                pod_spec(spec);
            }
            fields.entry("status").or_insert_with(|| json!({"phase": "Pending"}));
        }
        "CronJob" => {
            let job = at(fields, "spec").and_then(|spec| at(spec, "jobTemplate")).and_then(|template| at(template, "spec"));
            if let Some(spec) = job.and_then(|job| at(job, "template")).and_then(|template| at(template, "spec")) {
                pod_spec(spec);
            }
        }
        "Job" => {
            let template = at(fields, "spec").and_then(|spec| at(spec, "template"));
            if let Some(spec) = template.and_then(|template| at(template, "spec")) {
                pod_spec(spec);
            }
        }
        "PersistentVolumeClaim" => {
            fields.entry("status").or_insert_with(|| json!({"phase": "Pending"}));
        }
        "PersistentVolume" => {
            if let Some(spec) = at(fields, "spec") {
                or(spec, "persistentVolumeReclaimPolicy", json!("Retain"));
            }
        }
        "StorageClass" => {
            or(fields, "reclaimPolicy", json!("Delete"));
            or(fields, "volumeBindingMode", json!("Immediate"));
        }
        "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy" => {
            if let Some(spec) = at(fields, "spec") {
                or(spec, "failurePolicy", json!("Fail"));
            }
        }
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
            for hook in each(fields, "webhooks") {
                or(hook, "failurePolicy", json!("Fail"));
                or(hook, "matchPolicy", json!("Equivalent"));
                or(hook, "namespaceSelector", json!({}));
                or(hook, "objectSelector", json!({}));
                each(hook, "rules").for_each(|rule| or(rule, "scope", json!("*")));
            }
        }
        _ => {}
    }
}

fn namespace(fields: &mut Fields) {
    fields.entry("status").or_insert_with(|| json!({"phase": "Active"}));
    let Some(metadata) = at(fields, "metadata") else { return };
    let name = metadata.get("name").cloned().unwrap_or_default();
    or(metadata, "labels", json!({}));
    // The server sets it itself, and nobody can take it away.
    if let Some(labels) = at(metadata, "labels") {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name);
    }
}

fn service(fields: &mut Fields) {
    let Some(spec) = at(fields, "spec") else { return };
    or(spec, "type", json!("ClusterIP"));
    or(spec, "sessionAffinity", json!("None"));
    each(spec, "ports").for_each(|port| or(port, "protocol", json!("TCP")));
    let outside = matches!(spec.get("type").and_then(Value::as_str), Some("LoadBalancer" | "NodePort"));
    if outside {
        or(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if spec.get("type").and_then(Value::as_str) == Some("LoadBalancer") {
        or(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
    if spec.get("type").and_then(Value::as_str) != Some("ExternalName") {
        or(spec, "internalTrafficPolicy", json!("Cluster"));
    }
}

fn network_policy(fields: &mut Fields) {
    let Some(spec) = at(fields, "spec") else { return };
    or(spec, "podSelector", json!({}));
    // `networking.k8s.io/v1` NetworkPolicySpec.policyTypes: Ingress always, Egress where there is a rule for it.
    let egress = spec.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    or(spec, "policyTypes", types);
    for rules in ["ingress", "egress"] {
        for rule in each(spec, rules) {
            each(rule, "ports").for_each(|port| or(port, "protocol", json!("TCP")));
        }
    }
}

fn binding(fields: &mut Fields) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if let Some(role) = at(fields, "roleRef") {
        or(role, "apiGroup", json!(GROUP));
    }
    for subject in each(fields, "subjects") {
        if matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group")) {
            or(subject, "apiGroup", json!(GROUP));
        }
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`: conversion of core/v1 writes both where one is said.
fn pod_spec(spec: &mut Fields) {
    if let Some(account) = spec.get("serviceAccount").cloned() {
        or(spec, "serviceAccountName", account);
    }
}

fn workload(kind: &str, fields: &mut Fields) {
    let Some(spec) = at(fields, "spec") else { return };
    if let Some(template) = at(spec, "template").and_then(|template| at(template, "spec")) {
        pod_spec(template);
    }
    if kind != "DaemonSet" {
        or(spec, "replicas", json!(1));
    }
    let strategy = match kind {
        "Deployment" => "strategy",
        "StatefulSet" | "DaemonSet" => "updateStrategy",
        _ => return,
    };
    or(spec, strategy, json!({}));
    if let Some(strategy) = at(spec, strategy) {
        or(strategy, "type", json!("RollingUpdate"));
    }
}
