//! A small cluster in which many controls fail, and several lists have more than one page.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::control_plane::ControlPlane;

/// The namespace with ePHI.
pub const EPHI: &str = "records";

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    match namespace {
        Some(namespace) => json!({"name": name, "namespace": namespace, "labels": {"app": name}}),
        None => json!({"name": name, "labels": {"app": name}}),
    }
}

fn spec(service_account: &str) -> Value {
    json!({
        "serviceAccountName": service_account, "hostNetwork": true, "hostPID": true,
        "containers": [{
            "name": "app", "image": "registry.clinic.example/app:latest",
            "ports": [{"containerPort": 8080, "hostPort": 8080}],
            "env": [{"name": "DB_PASSWORD", "value": "not-a-secret-of-anybody"}],
            "securityContext": {"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}},
            "volumeMounts": [{"name": "host", "mountPath": "/host"}, {"name": "data", "mountPath": "/data"}],
        }],
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}, {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    })
}

fn workload(kind: &str, name: &str) -> Value {
    let template = json!({"metadata": {"labels": {"app": name}}, "spec": spec("worker")});
    let mut spec = json!({"selector": {"matchLabels": {"app": name}}, "template": template});
    match kind {
        "StatefulSet" => {
            spec["serviceName"] = json!(name);
            spec["replicas"] = json!(1);
        }
        "Deployment" => spec["replicas"] = json!(1),
        _ => {}
    }
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata(name, Some(EPHI)), "spec": spec})
}

/// A kind of an add-on, and an object of it.
fn addon(group: &str, version: &str, kind: &str, plural: &str, namespace: Option<&str>, spec: &Value) -> [Value; 2] {
    let scope = if namespace.is_some() { "Namespaced" } else { "Cluster" };
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": scope, "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind},
            "versions": [{"name": version, "served": true, "storage": true, "schema": schema}]},
    });
    let object = json!({"apiVersion": format!("{group}/{version}"), "kind": kind, "metadata": metadata("one", namespace), "spec": spec});
    [definition, object]
}

fn binding(name: &str, role: &str, subject: Value) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata(name, None),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": [subject]})
}

/// The manifest.
pub fn manifest() -> String {
    let group = |name: &str| json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name});
    let mut items = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(EPHI, None)}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata("lab", None)}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata("web", None)}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("worker", Some(EPHI))}),
        binding("everybody", "cluster-admin", group("system:authenticated")),
        binding("workers", "edit", json!({"kind": "ServiceAccount", "name": "worker", "namespace": EPHI})),
        binding("nobody", "view", group("system:unauthenticated")),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata("reader", Some(EPHI)),
            "rules": [{"apiGroups": [""], "resources": ["secrets", "pods/exec"], "verbs": ["*"]}]}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata("reader", Some(EPHI)),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}, "subjects": [group("system:serviceaccounts")]}),
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata("data", None), "spec": {"capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Delete", "nfs": {"server": "nfs.clinic.example", "path": "/"},
            "storageClassName": "plain", "claimRef": {"namespace": EPHI, "name": "data"}}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata("data", Some(EPHI)), "spec": {"accessModes": ["ReadWriteOnce"],
            "storageClassName": "plain", "volumeName": "data", "resources": {"requests": {"storage": "1Gi"}}}}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata("plain", None), "provisioner": "ebs.csi.aws.com",
            "parameters": {"encrypted": "false"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata("db", Some(EPHI)), "spec": {"type": "LoadBalancer",
            "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata("node", Some(EPHI)), "spec": {"type": "NodePort", "externalIPs": ["192.0.2.9"],
            "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata("web", Some(EPHI)), "spec": {"rules": [{"host": "a.clinic.example",
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "db", "port": {"number": 80}}}}]}}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata("open", Some(EPHI)), "spec": {"podSelector": {},
            "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}}),
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": metadata("gone", None), "webhooks": [{
            "name": "gone.clinic.example", "failurePolicy": "Ignore", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
            "clientConfig": {"service": {"namespace": "lab", "name": "gone"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["persistentvolumes"]}]}]}),
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": metadata("loose", None), "spec": {
            "failurePolicy": "Ignore", "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": ["deployments"]}]}, "validations": [{"expression": "true"}]}}),
    ];
    items.extend([workload("Deployment", "web"), workload("StatefulSet", "db"), workload("DaemonSet", "agent")]);
    for number in 0..26 {
        let name = format!("pod-{number}");
        items.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata(&name, Some(EPHI)), "spec": spec("worker")}));
    }
    items.push(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata("nightly", Some(EPHI)), "spec": {"schedule": "0 3 * * *", "suspend": true,
        "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": spec("worker")["containers"].clone(),
        "volumes": spec("worker")["volumes"].clone()}}}}}}));
    items.extend(addon(
        "cilium.io",
        "v2",
        "CiliumNetworkPolicy",
        "ciliumnetworkpolicies",
        Some(EPHI),
        &json!({"endpointSelector": {}, "ingress": [{"fromEntities": ["all"]}]}),
    ));
    items.extend(addon(
        "kyverno.io",
        "v1",
        "ClusterPolicy",
        "clusterpolicies",
        None,
        &json!({"validationFailureAction": "Audit", "rules": []}),
    ));
    items.extend(addon(
        "velero.io",
        "v1",
        "Schedule",
        "schedules",
        Some("lab"),
        &json!({"schedule": "0 3 * * *", "paused": true, "template": {"includedNamespaces": ["web"]}}),
    ));
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Until the controllers have made what they make, so that a run is like the next one.
pub fn wait_until_it_rests(plane: &ControlPlane) {
    let mut before = String::new();
    let mut same = 0;
    plane.wait_until("the controllers rest", Duration::from_secs(90), || {
        let lists = ["pods", "endpoints", "persistentvolumeclaims", "serviceaccounts", "services", "configmaps"];
        let now: String = lists.iter().map(|list| plane.api("GET", &format!("/api/v1/{list}"), None).1["items"].to_string()).collect();
        same = if now == before { same + 1 } else { 0 };
        before = now;
        std::thread::sleep(Duration::from_millis(400));
        (same >= 5).then_some(())
    });
}
