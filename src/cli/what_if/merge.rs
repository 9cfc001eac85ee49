//! What a server keeps of an object when it is replaced, and whether two objects say the same.

use serde_json::{Map, Value, json};

use super::state::text;
use crate::digest::sha256_parts;

/// Annotations that controllers write.
const OF_CONTROLLERS: &[&str] = &["deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"];

/// Fields of `spec` that a server or a controller fills in, by kind, and keeps where a replacement does not say them.
const ALLOCATED: &[(&str, &[&str])] = &[
    ("PersistentVolume", &["claimRef"]),
    ("PersistentVolumeClaim", &["volumeName", "storageClassName", "volumeMode"]),
    ("Pod", &["nodeName", "serviceAccountName"]),
    ("Service", &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]),
];

/// Gives a stored object the identity and the status of the one that it replaces; a new one an identity of its own. `written` is the
/// manifest, which says what people stated.
pub(super) fn graft(laid: &mut Value, there: Option<&Value>, written: &Value) {
    let kind = text(laid, "/kind").to_owned();
    let identity = ["/kind", "/apiVersion", "/metadata/namespace", "/metadata/name"].map(|pointer| text(laid, pointer).to_owned());
    let Some(fields) = laid.as_object_mut() else { return };
    let Some(there) = there else {
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            let digest = sha256_parts(identity.iter().map(String::as_bytes));
            metadata.insert("uid".to_owned(), json!(format!("what-if-{}", digest.chars().take(16).collect::<String>())));
            metadata.insert("generation".to_owned(), json!(1));
        }
        return;
    };
    // A manifest that was taken from a cluster holds a status, which nobody can write.
    match there.get("status") {
        Some(status) => drop(fields.insert("status".to_owned(), status.clone())),
        None => drop(fields.remove("status")),
    }
    metadata(fields, there);
    // `kubectl apply` takes away only what it once set: nobody's manifest holds the labels that others gave to a namespace or a node.
    if ["Namespace", "Node"].contains(&kind.as_str()) {
        keep_labels(fields, there);
    }
    let own = |name: &str| written.pointer(&format!("/spec/{name}")).is_some();
    let allocated = ALLOCATED.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, names)| *names);
    if let (Some(spec), Some(was)) = (fields.get_mut("spec").and_then(Value::as_object_mut), there.get("spec")) {
        for name in allocated.iter().filter(|name| !own(name)) {
            if let Some(value) = was.get(*name) {
                spec.insert((*name).to_owned(), value.clone());
            }
        }
    }
    // Another spec is another generation: what status says is of the one before.
    let same = match (laid.get("spec"), there.get("spec")) {
        (Some(is), Some(was)) => says_same(was, is),
        (is, was) => is == was,
    };
    if !same
        && let Some(generation) = there.pointer("/metadata/generation").and_then(Value::as_i64)
        && let Some(metadata) = laid.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.insert("generation".to_owned(), json!(generation + 1));
    }
}

fn keep_labels(fields: &mut Map<String, Value>, there: &Value) {
    let was = there.pointer("/metadata/labels").and_then(Value::as_object);
    let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    if let (Some(labels), Some(was)) = (labels.as_object_mut(), was) {
        for (name, value) in was {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn metadata(fields: &mut Map<String, Value>, there: &Value) {
    let (Some(metadata), Some(was)) =
        (fields.get_mut("metadata").and_then(Value::as_object_mut), there.get("metadata").and_then(Value::as_object))
    else {
        return;
    };
    metadata.remove("resourceVersion");
    for name in ["uid", "creationTimestamp", "generation", "deletionTimestamp"] {
        match was.get(name) {
            Some(value) => drop(metadata.insert(name.to_owned(), value.clone())),
            None => drop(metadata.remove(name)),
        }
    }
    for name in ["ownerReferences", "finalizers"] {
        if let (false, Some(value)) = (metadata.contains_key(name), was.get(name)) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    let kept = was.get("annotations").and_then(Value::as_object).into_iter().flatten();
    let kept: Map<String, Value> =
        kept.filter(|(name, _)| OF_CONTROLLERS.contains(&name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect();
    if !kept.is_empty() {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            kept.into_iter().for_each(|(name, value)| drop(annotations.insert(name, value)));
        }
    }
}

/// Whether an object as it was and as it is laid are one: then nothing was changed by laying it.
pub(super) fn is_same(was: &Value, is: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
        }
        object
    };
    says_same(&without(was), &without(is))
}

/// Maps whose names people choose: in them every name and every value means something, an empty one, too.
const OF_PEOPLE: &[&str] =
    &["labels", "annotations", "matchLabels", "nodeSelector", "selector", "data", "binaryData", "parameters", "limits", "requests"];

/// Objects that say nothing where they are empty. All others may: a selector that is absent selects nothing or is not asked, and an empty
/// one selects everything.
const EMPTY: &[&str] = &[
    "annotations",
    "binaryData",
    "data",
    "labels",
    "limits",
    "matchLabels",
    "metadata",
    "nodeSelector",
    "parameters",
    "requests",
    "resources",
    "rollingUpdate",
    "securityContext",
    "status",
    "strategy",
    "updateStrategy",
];

/// Whether `is` says what `was` says, but for what a server fills in by itself.
pub(super) fn says_same(was: &Value, is: &Value) -> bool {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            let all_there = is.iter().all(|(name, value)| match was.get(name) {
                Some(before) if OF_PEOPLE.contains(&name.as_str()) && !is_selector(before) && !is_selector(value) => before == value,
                Some(before) => says_same(before, value),
                None => is_default(name, value),
            });
            all_there && was.iter().all(|(name, value)| is.contains_key(name) || is_default(name, value))
        }
        (Value::Array(was), Value::Array(is)) => was.len() == is.len() && was.iter().zip(is).all(|(was, is)| says_same(was, is)),
        (was, is) => was == is,
    }
}

/// `selector` is a map of labels in a Service and an object in a Deployment.
fn is_selector(value: &Value) -> bool {
    value.get("matchLabels").is_some_and(Value::is_object) || value.get("matchExpressions").is_some_and(Value::is_array)
}

/// Whether a field with this value is one that a server writes where nobody said anything.
fn is_default(name: &str, value: &Value) -> bool {
    let is = |values: &[&str]| value.as_str().is_some_and(|text| values.contains(&text));
    let number = |numbers: &[i64]| value.as_i64().is_some_and(|value| numbers.contains(&value));
    match value {
        Value::Null => true,
        // What a list selects, an absent one selects, too: arrays of Kubernetes' own kinds are decoded alike.
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) if OF_PEOPLE.contains(&name) => fields.is_empty(),
        Value::Object(fields) => EMPTY.contains(&name) && fields.iter().all(|(name, value)| is_default(name, value)),
        Value::String(text) if text.is_empty() => ["apiGroup", "hostIP", "nodeName"].contains(&name),
        _ => match name {
            "restartPolicy" => is(&["Always"]),
            "dnsPolicy" => is(&["ClusterFirst"]),
            "schedulerName" => is(&["default-scheduler"]),
            "terminationMessagePath" => is(&["/dev/termination-log"]),
            "terminationMessagePolicy" => is(&["File"]),
            "imagePullPolicy" => is(&["Always", "IfNotPresent"]),
            "protocol" => is(&["TCP"]),
            "sessionAffinity" => is(&["None"]),
            "internalTrafficPolicy" | "externalTrafficPolicy" => is(&["Cluster"]),
            "type" => is(&["ClusterIP", "RollingUpdate"]),
            "podManagementPolicy" => is(&["OrderedReady"]),
            "concurrencyPolicy" => is(&["Allow"]),
            "volumeMode" => is(&["Filesystem"]),
            "apiGroup" => is(&["rbac.authorization.k8s.io"]),
            "failurePolicy" => is(&["Fail"]),
            "matchPolicy" => is(&["Equivalent"]),
            "reinvocationPolicy" => is(&["Never"]),
            "scope" => is(&["*"]),
            "enableServiceLinks" | "allocateLoadBalancerNodePorts" => value == &Value::Bool(true),
            "suspend" | "paused" | "hostNetwork" | "hostPID" | "hostIPC" => value == &Value::Bool(false),
            "terminationGracePeriodSeconds" => number(&[30]),
            "revisionHistoryLimit" => number(&[10]),
            "progressDeadlineSeconds" => number(&[600]),
            "defaultMode" => number(&[420]),
            "replicas" | "parallelism" | "completions" | "successThreshold" | "timeoutSeconds" | "failedJobsHistoryLimit" => number(&[1]),
            "periodSeconds" => number(&[10]),
            "failureThreshold" | "successfulJobsHistoryLimit" => number(&[3]),
            "backoffLimit" => number(&[6]),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_fills_in_is_no_change() {
        let was = json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "b", "terminationMessagePolicy": "File", "resources": {}}], "dnsPolicy": "ClusterFirst"}}}});
        let is = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}});
        assert!(says_same(&was, &is));
        let other = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "c"}]}}}});
        assert!(!says_same(&was, &other));
    }

    /// A selector that is empty selects everything, one that is absent selects nothing or is not asked; a label may have an empty value.
    #[test]
    fn what_selects_is_never_filled_in() {
        for (was, is) in [
            (json!({"from": [{"podSelector": {}}]}), json!({"from": [{"podSelector": {}, "namespaceSelector": {}}]})),
            (json!({"from": [{"namespaceSelector": {}}]}), json!({"from": [{"podSelector": {}}]})),
            (json!({"podSelector": {}}), json!({"podSelector": {"matchLabels": {"quarantine": ""}}})),
            (json!({"metadata": {"labels": {"type": "ClusterIP"}}}), json!({"metadata": {"labels": {}}})),
            (json!({"spec": {"selector": {"app": "a", "scope": "*"}}}), json!({"spec": {"selector": {"app": "a"}}})),
            (json!({"to": [{}]}), json!({"to": []})),
            (json!({"ingressClassName": ""}), json!({})),
        ] {
            assert!(!says_same(&was, &is) && !says_same(&is, &was), "{was} {is}");
        }
        let was = json!({"selector": {"matchLabels": {"app": "a"}, "matchExpressions": []}});
        assert!(says_same(&was, &json!({"selector": {"matchLabels": {"app": "a"}}})));
        assert!(!says_same(&was, &json!({"selector": {"matchLabels": {"app": ""}}})));
    }

    /// A field that is taken away is a change, unless it said what is so anyway.
    #[test]
    fn what_is_taken_away_is_a_change() {
        let was = json!({"securityContext": {"privileged": true}});
        assert!(!says_same(&was, &json!({})));
        assert!(!says_same(&json!({"hostNetwork": true}), &json!({})));
        assert!(says_same(&json!({"hostNetwork": false}), &json!({})));
    }
}
