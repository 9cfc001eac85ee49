//! Repairs of what is not a workload: rights, entrances, storage, policies.

use serde_json::{Value, json};

use super::{Change, Repair, laid_over, list, namespace};

const RBAC: &str = "rbac.authorization.k8s.io";
const RECORDS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/records";

fn role(name: &str, resource: &str, verbs: &[&str]) -> Value {
    let group = if resource == "deployments" { "apps" } else { "" };
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": {"name": name, "namespace": "records"},
        "rules": [{"apiGroups": [group], "resources": [resource], "verbs": verbs}],
    })
}

fn binding(name: &str, role: &str, subject: Value) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": {"name": name, "namespace": "records"},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role},
        "subjects": [subject],
    })
}

fn group(name: &str) -> Value {
    json!({"apiGroup": RBAC, "kind": "Group", "name": name})
}

fn account(name: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": name, "namespace": "records"})
}

fn one(controls: &'static [&'static str], subject: &'static str, path: &'static str, before: Value, change: Change) -> Repair {
    Repair { controls, subject, path, before, then: Vec::new(), first: Vec::new(), change }
}

/// All of them.
pub fn repairs() -> Vec<Repair> {
    let mut all = rights();
    all.extend(services());
    all.extend(ingresses());
    all.extend(storage());
    all.push(policy());
    all
}

/// Not `access/wildcard-rules`: it finds the role of the scanner itself, which lists kinds of add-ons by group.
fn rights() -> Vec<Repair> {
    let rules = |role: &Value| Change::Patch(json!({"rules": role["rules"]}));
    vec![
        one(
            &["access/secrets-readable"],
            "RoleBinding records/reading",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/records/roles/reading",
            list(vec![role("reading", "secrets", &["get", "list"]), binding("reading", "reading", group("clinic.example:support"))]),
            Change::Patch(json!({
                "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["database"], "verbs": ["get"]}],
            })),
        ),
        one(
            &["access/workload-creation"],
            "RoleBinding records/deploying",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/records/roles/deploying",
            list(vec![
                role("deploying", "deployments", &["get", "list", "create", "update", "patch"]),
                binding("deploying", "deploying", group("clinic.example:support")),
            ]),
            rules(&role("deploying", "deployments", &["get", "list"])),
        ),
        one(
            &["access/default-account-rights"],
            "RoleBinding records/settings",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/records/rolebindings/settings",
            list(vec![role("settings", "configmaps", &["get"]), binding("settings", "settings", account("default"))]),
            Change::Patch(json!({"subjects": [account("app")]})),
        ),
        one(
            &["access/every-identity"],
            "RoleBinding records/everybody",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/records/rolebindings/everybody",
            binding("everybody", "settings", group("system:authenticated")),
            Change::Patch(json!({"subjects": [group("clinic.example:support")]})),
        ),
        Repair {
            first: vec![(
                "POST",
                "/apis/rbac.authorization.k8s.io/v1/namespaces/records/roles",
                Some(role("later", "configmaps", &["get"])),
            )],
            ..one(
                &["access/dangling-bindings"],
                "RoleBinding records/waiting",
                RECORDS,
                binding("waiting", "later", group("clinic.example:support")),
                Change::First,
            )
        },
    ]
}

fn services() -> Vec<Repair> {
    let service = |name: &str, fields: Value| {
        let spec = laid_over(json!({"selector": {"app": name}, "ports": [{"port": 443}]}), fields);
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "records"}, "spec": spec})
    };
    vec![
        one(
            &["exposure/external-ips"],
            "Service records/outside",
            "/api/v1/namespaces/records/services/outside",
            service("outside", json!({"externalIPs": ["192.0.2.7"]})),
            Change::Patch(json!({"spec": {"externalIPs": null}})),
        ),
        one(
            &["exposure/node-port"],
            "Service records/on-nodes",
            "/api/v1/namespaces/records/services/on-nodes",
            service("on-nodes", json!({"type": "NodePort"})),
            Change::Patch(json!({"spec": {"type": "ClusterIP"}})),
        ),
        one(
            &["exposure/load-balancer-sources"],
            "Service records/balanced",
            "/api/v1/namespaces/records/services/balanced",
            service("balanced", json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false})),
            Change::Patch(json!({"spec": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}})),
        ),
    ]
}

fn ingresses() -> Vec<Repair> {
    let ingress = |name: &str, annotations: Value, tls: Value| {
        let host = format!("{name}.clinic.example");
        let backend = json!({"service": {"name": name, "port": {"number": 443}}});
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": name, "namespace": "records", "annotations": annotations},
            "spec": {
                "ingressClassName": "public",
                "tls": tls,
                "rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
            },
        })
    };
    let class = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "public"},
        "spec": {"controller": "k8s.io/ingress-nginx"},
    });
    // Without it, paths that are never redirected are not known.
    let controller = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ingress-nginx"}});
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ingress-nginx-controller", "namespace": "ingress-nginx"}, "data": {},
    });
    let tls = |name: &str| json!([{"hosts": [format!("{name}.clinic.example")], "secretName": format!("{name}-tls")}]);
    let redirect = "nginx.ingress.kubernetes.io/ssl-redirect";
    vec![
        one(
            &["transmission/ingress-tls"],
            "Ingress records/portal",
            "/apis/networking.k8s.io/v1/namespaces/records/ingresses/portal",
            list(vec![class, controller, settings, ingress("portal", json!({redirect: "true"}), json!([]))]),
            Change::Patch(json!({"spec": {"tls": tls("portal")}})),
        ),
        one(
            &["transmission/ingress-redirect"],
            "Ingress records/letters",
            "/apis/networking.k8s.io/v1/namespaces/records/ingresses/letters",
            ingress("letters", json!({redirect: "false"}), tls("letters")),
            Change::Patch(json!({"metadata": {"annotations": {redirect: "true"}}})),
        ),
    ]
}

fn storage() -> Vec<Repair> {
    let class = |encrypted: &str| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "disks"}, "provisioner": "ebs.csi.aws.com",
            "parameters": {"encrypted": encrypted}, "reclaimPolicy": "Retain",
        })
    };
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "charts", "namespace": "records"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "disks", "volumeName": "charts",
        },
    });
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "charts"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "storageClassName": "disks",
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {"kind": "PersistentVolumeClaim", "namespace": "records", "name": "charts"},
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-0123"},
        },
    });
    vec![
        one(
            &["storage/class-encrypted"],
            "StorageClass disks",
            "/apis/storage.k8s.io/v1/storageclasses/disks",
            class("false"),
            Change::Restart(class("true")),
        ),
        one(
            &["storage/reclaim-retain"],
            "PersistentVolumeClaim records/charts",
            "/api/v1/persistentvolumes/charts",
            list(vec![volume, claim]),
            Change::Patch(json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}})),
        ),
    ]
}

/// A policy that refuses nothing that is made here.
fn policy() -> Repair {
    let admission = "admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": admission, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "labelled"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["statefulsets"]}]},
            "validations": [{"expression": "'app' in object.metadata.labels"}],
        },
    });
    let binding = json!({
        "apiVersion": admission, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "labelled"},
        "spec": {"policyName": "labelled", "validationActions": ["Warn"]},
    });
    one(
        &["admission/policy-denies"],
        "ValidatingAdmissionPolicyBinding labelled",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/labelled",
        list(vec![namespace("records", json!({"pod-security.kubernetes.io/enforce": "baseline"})), policy, binding]),
        Change::Patch(json!({"spec": {"validationActions": ["Deny"]}})),
    )
}
