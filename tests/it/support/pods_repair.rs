//! Makes a generated pod one that API validation accepts, by the rules of `pkg/apis/core/validation` of Kubernetes 1.36.

use serde_json::{Value, json};

const LISTS: [&str; 2] = ["initContainers", "containers"];

/// Expects a pod of [`super::pod`] without wild values and without `null`.
pub(super) fn make_valid(pod: &mut Value) {
    let spec = &mut pod["spec"];
    operating_system(spec);
    host_process(spec);
    user_namespace(spec);
    host_network(spec);
    sysctls(spec);
    for list in LISTS {
        for container in items(spec, list) {
            privilege_escalation(container);
            if list == "initContainers" {
                sidecar(container);
            }
        }
    }
    old_annotations(pod);
}

/// The elements of a list that may be absent. (Indexing would write `null` there.)
fn items<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}

fn remove(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

/// The security contexts that are set, of the pod and of its containers.
fn contexts(spec: &mut Value, mut change: impl FnMut(&mut Value)) {
    if let Some(context) = spec.get_mut("securityContext") {
        change(context);
    }
    container_contexts(spec, change);
}

fn container_contexts(spec: &mut Value, mut change: impl FnMut(&mut Value)) {
    for list in LISTS {
        for container in items(spec, list) {
            if let Some(context) = container.get_mut("securityContext") {
                change(context);
            }
        }
    }
}

/// Windows pods have no Linux fields, and the other way round.
fn operating_system(spec: &mut Value) {
    match spec["os"]["name"].as_str() {
        Some("windows") => {
            for field in ["hostPID", "hostIPC", "hostUsers"] {
                remove(spec, field);
            }
            contexts(spec, |context| {
                for field in [
                    "allowPrivilegeEscalation",
                    "appArmorProfile",
                    "capabilities",
                    "privileged",
                    "procMount",
                    "runAsUser",
                    "seLinuxOptions",
                    "seccompProfile",
                    "sysctls",
                ] {
                    remove(context, field);
                }
            });
        }
        Some(_) => contexts(spec, |context| remove(context, "windowsOptions")),
        None => {}
    }
}

/// Either all containers are processes of the node or none, and then the pod is in the node's network.
fn host_process(spec: &mut Value) {
    let mut wanted = false;
    contexts(spec, |context| wanted |= context["windowsOptions"]["hostProcess"] == json!(true));
    if wanted {
        container_contexts(spec, |context| remove(context, "windowsOptions"));
        spec["securityContext"]["windowsOptions"] = json!({"hostProcess": true});
        spec["hostNetwork"] = json!(true);
        remove(spec, "hostUsers");
    }
}

/// A user namespace excludes the node's other namespaces, and only there may /proc be unmasked.
fn user_namespace(spec: &mut Value) {
    if spec.get("hostUsers") == Some(&json!(false)) {
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            remove(spec, field);
        }
    } else {
        container_contexts(spec, |context| {
            if context["procMount"] == json!("Unmasked") {
                remove(context, "procMount");
            }
        });
    }
}

/// In the node's network every container port is a host port of the same number. It is written out, because the server
/// would add it before the policy is evaluated.
fn host_network(spec: &mut Value) {
    if spec.get("hostNetwork") == Some(&json!(true)) {
        for list in LISTS {
            for container in items(spec, list) {
                for port in items(container, "ports") {
                    port["hostPort"] = port["containerPort"].clone();
                }
            }
        }
    }
}

/// Each sysctl once, and none of a namespace that is the node's.
fn sysctls(spec: &mut Value) {
    let network = spec["hostNetwork"] == json!(true);
    let ipc = spec["hostIPC"] == json!(true);
    let mut seen = Vec::new();
    if let Some(list) = spec.pointer_mut("/securityContext/sysctls").and_then(Value::as_array_mut) {
        list.retain(|sysctl| {
            let name = sysctl["name"].as_str().unwrap_or_default().replace('/', ".");
            let refused = (network && name.starts_with("net.")) || (ipc && name.starts_with("kernel."));
            let first = !seen.contains(&name);
            seen.push(name);
            first && !refused
        });
    }
}

/// `allowPrivilegeEscalation: false` contradicts `privileged` and the capability `CAP_SYS_ADMIN` in just this spelling.
fn privilege_escalation(container: &mut Value) {
    let Some(context) = container.get_mut("securityContext") else {
        return;
    };
    let admin = context["capabilities"]["add"].as_array().is_some_and(|add| add.contains(&json!("CAP_SYS_ADMIN")));
    if context["privileged"] == json!(true) || admin {
        remove(context, "allowPrivilegeEscalation");
    }
}

/// Only init containers that keep running have probes and lifecycle handlers.
fn sidecar(container: &mut Value) {
    let fields = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];
    if fields.iter().any(|field| container.get(field).is_some()) {
        container["restartPolicy"] = json!("Always");
    }
}

/// Annotations name containers that exist and agree with the fields: they stay only where no field is set.
fn old_annotations(pod: &mut Value) {
    let spec = pod["spec"].clone();
    let context_of = |name: &str| {
        let containers = LISTS.iter().flat_map(|list| spec[list].as_array().into_iter().flatten());
        containers.into_iter().find(|container| container["name"] == json!(name)).map(|found| &found["securityContext"])
    };
    let of_pod = &spec["securityContext"];
    if let Some(annotations) = pod.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, value| match key.rsplit_once('/') {
            Some(("container.apparmor.security.beta.kubernetes.io", name)) => {
                let free =
                    of_pod["appArmorProfile"].is_null() && context_of(name).is_some_and(|context| context["appArmorProfile"].is_null());
                free && *value != json!("docker/default")
            }
            Some(("container.seccomp.security.alpha.kubernetes.io", name)) => {
                context_of(name).is_none_or(|context| context["seccompProfile"].is_null()) && *value != json!("")
            }
            _ => of_pod["seccompProfile"].is_null() && *value != json!(""),
        });
    }
}
