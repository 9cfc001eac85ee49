//! Objects that one control finds each, and the change that its `fix` tells people to make. For a new control, add a row.

#[path = "repairs_cluster.rs"]
mod cluster;

use serde_json::{Value, json};

/// One object and its repair.
pub struct Repair {
    /// The controls that find it, and pass once it is mended.
    pub controls: &'static [&'static str],
    /// `Kind namespace/name`, as findings name it.
    pub subject: &'static str,
    /// Where the API has it.
    pub path: &'static str,
    /// The object, or a list of objects, as it is found.
    pub before: Value,
    /// Patches that are made when all objects are there, and before the first scan.
    pub then: Vec<(&'static str, Value)>,
    /// Requests that the fix needs before its change.
    pub first: Vec<(&'static str, &'static str, Option<Value>)>,
    /// The change.
    pub change: Change,
}

/// What is done to the object.
pub enum Change {
    /// A strategic merge patch.
    Patch(Value),
    /// It is deleted and made again as given, because its fields cannot be changed.
    Restart(Value),
    /// What stands under `first` is the whole fix.
    First,
}

/// One setting of the API server, which takes a restart to mend.
pub struct Setting {
    pub control: &'static str,
    /// Flags with which the control fails; an empty list where the default is enough.
    pub careless: &'static [&'static str],
    /// Flags of the fix, as they are written in it.
    pub fixed: &'static [&'static str],
    /// Flags of the fix that the fixture sets by itself, with a file or a value of its own.
    pub otherwise: &'static [&'static str],
}

/// The settings that are mended by a second server. Not `api-server/authorization-mode`: with AlwaysAllow the server switches anonymous
/// requests off by itself.
pub const SETTINGS: &[Setting] = &[
    Setting { control: "api-server/anonymous-auth", careless: &[], fixed: &[], otherwise: &["--anonymous-auth=false"] },
    Setting { control: "api-server/audit-log", careless: &[], fixed: &[], otherwise: &["--audit-policy-file", "--audit-log-path"] },
    Setting {
        control: "api-server/audit-retention",
        careless: &["--audit-log-maxage=7", "--audit-log-maxbackup=2"],
        fixed: &["--audit-log-maxage=30", "--audit-log-maxbackup=10", "--audit-log-maxsize=100"],
        otherwise: &[],
    },
    Setting { control: "api-server/encryption-at-rest", careless: &[], fixed: &[], otherwise: &["--encryption-provider-config"] },
    Setting { control: "api-server/profiling", careless: &[], fixed: &["--profiling=false"], otherwise: &[] },
    Setting {
        control: "api-server/tls-min-version",
        careless: &["--tls-min-version=VersionTLS10"],
        fixed: &["--tls-min-version=VersionTLS12"],
        otherwise: &[],
    },
];

/// The namespaces that are declared to hold ePHI.
pub const EPHI: [&str; 4] = ["records", "unlabelled", "outdated", "late"];

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn image(tag: &str) -> String {
    format!("registry.clinic.example/app:{tag}@{DIGEST}")
}

/// Lays one object over another: objects are merged, null removes, everything else is replaced.
fn laid_over(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) => {
            for (key, value) in above {
                let under = below.remove(&key).unwrap_or_else(|| json!({}));
                if !value.is_null() {
                    below.insert(key, laid_over(under, value));
                }
            }
            Value::Object(below)
        }
        (_, above) => above,
    }
}

/// A container that no control finds, with these fields set otherwise.
fn container(fields: Value) -> Value {
    laid_over(
        json!({
            "name": "app",
            "image": image("1.4"),
            "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}},
        }),
        fields,
    )
}

/// A pod spec that no control finds but for what is set otherwise.
fn pod(container_fields: Value, fields: Value) -> Value {
    laid_over(
        json!({
            "serviceAccountName": "app",
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container(container_fields)],
        }),
        fields,
    )
}

/// A Deployment in `records`. No controller runs, so its template is what is looked at.
fn deployment(name: &str, pod: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "records"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": pod}},
    })
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn service_account(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
}

fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// A patch of a Deployment's pod template.
fn template(spec: Value) -> Change {
    Change::Patch(json!({"spec": {"template": {"spec": spec}}}))
}

/// A patch of the one container in it.
fn in_container(mut fields: Value) -> Change {
    fields["name"] = json!("app");
    template(json!({"containers": [fields]}))
}

/// A Deployment in `records` that one control finds, and its patch.
macro_rules! deployed {
    ($controls:expr, $name:literal, $pod:expr, $change:expr) => {
        Repair {
            controls: &$controls,
            subject: concat!("Deployment records/", $name),
            path: concat!("/apis/apps/v1/namespaces/records/deployments/", $name),
            before: deployment($name, $pod),
            then: Vec::new(),
            first: Vec::new(),
            change: $change,
        }
    };
}

/// All of them, in the order in which they are made.
pub fn repairs() -> Vec<Repair> {
    let mut all = namespaces();
    all.extend(containers());
    all.extend(pods());
    all.extend(accounts());
    all.extend(cluster::repairs());
    all
}

fn namespaces() -> Vec<Repair> {
    let baseline = || json!({"pod-security.kubernetes.io/enforce": "baseline"});
    let late = |fields: Value| {
        let spec = pod(json!({}), fields);
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "early", "namespace": "late"}, "spec": spec})
    };
    vec![
        Repair {
            controls: &["namespace/pod-security-enforced"],
            subject: "Namespace unlabelled",
            path: "/api/v1/namespaces/unlabelled",
            // The namespace of all other objects comes with the first of them.
            before: list(vec![namespace("unlabelled", json!({})), namespace("records", baseline()), service_account("records", "app")]),
            then: Vec::new(),
            first: Vec::new(),
            change: Change::Patch(json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})),
        },
        Repair {
            controls: &["namespace/pod-security-version"],
            subject: "Namespace outdated",
            path: "/api/v1/namespaces/outdated",
            before: namespace(
                "outdated",
                json!({"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "v1.20"}),
            ),
            then: Vec::new(),
            first: Vec::new(),
            change: Change::Patch(json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce-version": "latest"}}})),
        },
        // A pod from before its namespace was labelled.
        Repair {
            controls: &["pod/meets-enforced-level"],
            subject: "Pod late/early",
            path: "/api/v1/namespaces/late/pods/early",
            before: list(vec![
                namespace("late", baseline()),
                service_account("late", "app"),
                late(json!({"volumes": [{"name": "data", "nfs": {"server": "storage.clinic.example", "path": "/data"}}]})),
            ]),
            then: vec![("/api/v1/namespaces/late", json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))],
            first: Vec::new(),
            change: Change::Restart(late(json!({"volumes": [{"name": "data", "emptyDir": {}}]}))),
        },
    ]
}

fn containers() -> Vec<Repair> {
    let secured = |fields: Value| json!({"securityContext": fields});
    vec![
        deployed!(
            // A privileged container cannot block escalation, and runs without a profile, so that all are found and mended together.
            ["pod/privileged-container", "pod/privilege-escalation", "pod/seccomp"],
            "privileged",
            pod(secured(json!({"privileged": true, "allowPrivilegeEscalation": null})), json!({})),
            in_container(secured(json!({"privileged": false, "allowPrivilegeEscalation": false})))
        ),
        deployed!(
            ["pod/added-capabilities"],
            "capable",
            pod(secured(json!({"capabilities": {"add": ["SYS_PTRACE"]}})), json!({})),
            in_container(secured(json!({"capabilities": {"drop": ["ALL"], "add": null}})))
        ),
        deployed!(
            ["pod/privilege-escalation"],
            "escalating",
            pod(secured(json!({"allowPrivilegeEscalation": null})), json!({})),
            in_container(secured(json!({"allowPrivilegeEscalation": false})))
        ),
        deployed!(
            ["pod/writable-root-filesystem"],
            "writable",
            pod(secured(json!({"readOnlyRootFilesystem": null})), json!({})),
            template(json!({
                "containers": [{"name": "app", "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}], "securityContext": {"readOnlyRootFilesystem": true}}],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            }))
        ),
        deployed!(
            ["pod/resource-limits"],
            "unlimited",
            pod(json!({"resources": {"requests": {"cpu": null, "memory": null}, "limits": {"memory": null}}}), json!({})),
            in_container(json!({"resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}}}))
        ),
        deployed!(
            ["pod/host-port"],
            "published",
            pod(json!({"ports": [{"containerPort": 8080, "hostPort": 8080}]}), json!({})),
            in_container(json!({"ports": [{"containerPort": 8080, "hostPort": null}]}))
        ),
        deployed!(
            ["pod/secret-in-env"],
            "env",
            pod(
                json!({
                    "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}}],
                    "envFrom": [{"secretRef": {"name": "database"}}],
                }),
                json!({})
            ),
            template(json!({
                "containers": [{
                    "name": "app",
                    "env": [{"name": "PASSWORD", "$patch": "delete"}],
                    "envFrom": null,
                    "volumeMounts": [{"name": "database", "mountPath": "/etc/database"}],
                }],
                "volumes": [{"name": "database", "secret": {"secretName": "database", "defaultMode": 0o400}}],
            }))
        ),
        deployed!(
            ["image/pinned-by-digest"],
            "tagged",
            pod(json!({"image": "registry.clinic.example/app:1.4"}), json!({})),
            in_container(json!({"image": image("1.4")}))
        ),
        deployed!(
            ["image/latest-tag", "image/pinned-by-digest"],
            "moving",
            pod(json!({"image": "registry.clinic.example/app:latest"}), json!({})),
            in_container(json!({"image": image("1.4")}))
        ),
    ]
}

fn pods() -> Vec<Repair> {
    vec![
        deployed!(
            ["pod/run-as-root"],
            "rooted",
            pod(json!({}), json!({"securityContext": {"runAsNonRoot": null, "runAsUser": null}})),
            template(json!({"securityContext": {"runAsNonRoot": true, "runAsUser": 10001}}))
        ),
        deployed!(
            ["pod/seccomp"],
            "unconfined",
            pod(json!({}), json!({"securityContext": {"seccompProfile": null}})),
            template(json!({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}))
        ),
        deployed!(
            ["pod/host-path"],
            "mounting",
            pod(json!({}), json!({"volumes": [{"name": "data", "hostPath": {"path": "/var/lib/app"}}]})),
            template(json!({"volumes": [{"name": "data", "hostPath": null, "emptyDir": {}}]}))
        ),
        deployed!(
            ["pod/host-namespaces"],
            "sharing",
            pod(json!({}), json!({"hostNetwork": true, "hostPID": true, "hostIPC": true})),
            template(json!({"hostNetwork": false, "hostPID": false, "hostIPC": false}))
        ),
        deployed!(
            ["service-account/token-automounted"],
            "tokened",
            pod(json!({}), json!({"automountServiceAccountToken": null})),
            template(json!({"automountServiceAccountToken": false}))
        ),
        Repair {
            first: vec![("POST", "/api/v1/namespaces/records/serviceaccounts", Some(service_account("records", "worker")))],
            ..deployed!(
                ["service-account/default-in-use"],
                "unnamed",
                pod(json!({}), json!({"serviceAccountName": "default"})),
                template(json!({"serviceAccountName": "worker"}))
            )
        },
    ]
}

fn accounts() -> Vec<Repair> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "old-token", "namespace": "records", "annotations": {"kubernetes.io/service-account.name": "old"}},
    });
    vec![Repair {
        controls: &["service-account/legacy-token"],
        subject: "ServiceAccount records/old",
        path: "/api/v1/namespaces/records/serviceaccounts/old",
        before: list(vec![laid_over(service_account("records", "old"), json!({"secrets": [{"name": "old-token"}]})), secret]),
        then: Vec::new(),
        first: vec![("DELETE", "/api/v1/namespaces/records/secrets/old-token", None)],
        change: Change::Patch(json!({"secrets": null})),
    }]
}
