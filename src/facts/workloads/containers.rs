use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvFromSource, EnvVar, EphemeralContainer, PodSecurityContext, PodSpec, Probe, ResourceRequirements,
    SecurityContext, VolumeMount,
};

use super::image::ImageReference;
use super::shapes::{Nodes, Shape};
use crate::facts::Known;
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{NODES, WORKLOADS};

table! {
    /// One row per container of each workload: of its pods, and of the controller's template unless a live pod was seen that was
    /// made from that very template. The template of a Job counts until the Job is finished. Equal containers of several pods are one row. Settings of the pod's security context
    /// count where the container sets none, as the kubelet applies them.
    pub struct ContainerRow as "containers" counting "containers" from [] + WORKLOADS {
        /// `Kind/name` of the controller at the end of the owner chain, or of the pod itself.
        workload: String;
        /// Kind of the workload.
        workload_kind: String;
        /// Name of the workload.
        workload_name: String;
        /// Namespace.
        namespace: String;
        /// Name of the container.
        name: String, at "/name";
        /// `container`, `sidecar` (an init container that restarts always), `init` or `ephemeral`.
        kind: &'static str;
        /// `running` when seen in a pod, `template` when only in the controller's template.
        observed_in: &'static str;
        /// Phase of the pod; empty for a template.
        phase: String;
        /// Number of pods with this very container.
        pods: i64;
        /// The image reference as written.
        image: String, at "/image";
        /// Registry host of the image; `docker.io` where none is written.
        image_registry: String, at "/image";
        /// Repository of the image.
        image_repository: String, at "/image";
        /// Tag, empty when none is written.
        image_tag: String, at "/image";
        /// Digest, empty when none is written or when it is malformed.
        image_digest: String, at "/image";
        /// Whether a well-formed digest fixes the content of the image.
        image_pinned: bool, at "/image";
        /// Whether the moving tag `latest` would be pulled: written out, or because neither tag nor digest is written.
        image_tag_latest: bool, at "/image";
        /// `Always`, `IfNotPresent` or `Never`; empty when not set.
        pull_policy: String, at "/imagePullPolicy";
        /// `securityContext.privileged`; unset is false.
        privileged: bool, at "/securityContext/privileged";
        /// `blocked` when `allowPrivilegeEscalation` is false, `allowed` when it is true, else `unset` (which allows it).
        privilege_escalation: &'static str, at "/securityContext/allowPrivilegeEscalation";
        /// User id that the container is started with, where the container or the pod sets one.
        run_as_user: Option<i64>, at "/securityContext/runAsUser";
        /// `runAsNonRoot` of the container, else of the pod.
        run_as_non_root: Option<bool>, at "/securityContext/runAsNonRoot";
        /// Whether nothing keeps the process from running as user 0: neither runAsNonRoot nor a user id above 0.
        may_run_as_root: bool, at "/securityContext/runAsNonRoot";
        /// Whether user id 0 is asked for.
        run_as_root: bool, at "/securityContext/runAsUser";
        /// Whether the root file system is read-only; unset is false.
        read_only_root_filesystem: bool, at "/securityContext/readOnlyRootFilesystem";
        /// Capabilities added, sorted.
        capabilities_added: Vec<String>, at "/securityContext/capabilities/add";
        /// Capabilities dropped, sorted.
        capabilities_dropped: Vec<String>, at "/securityContext/capabilities/drop";
        /// Whether `ALL` is dropped.
        drops_all_capabilities: bool, at "/securityContext/capabilities/drop";
        /// Seccomp profile type of the container, else of the pod; empty when neither sets one.
        seccomp_profile: String, at "/securityContext/seccompProfile";
        /// AppArmor profile type of the container, else of the pod, else from the older annotation; empty when none is set.
        app_armor_profile: String, at "/securityContext/appArmorProfile";
        /// SELinux type of the container, else of the pod; empty when not set.
        se_linux_type: String, at "/securityContext/seLinuxOptions";
        /// `procMount`; empty when not set, which is `Default`.
        proc_mount: String, at "/securityContext/procMount";
        /// Host ports, sorted.
        host_ports: Vec<String>, at "/ports";
        /// Paths of the node that are mounted into the container, sorted.
        host_path_mounts: Vec<String>, at "/volumeMounts";
        /// Those of them that are mounted writable, sorted.
        writable_host_path_mounts: Vec<String>, at "/volumeMounts";
        /// CPU request; empty when not set.
        cpu_request: String, at "/resources/requests/cpu";
        /// Memory request; empty when not set.
        memory_request: String, at "/resources/requests/memory";
        /// CPU limit; empty when not set.
        cpu_limit: String, at "/resources/limits/cpu";
        /// Memory limit; empty when not set.
        memory_limit: String, at "/resources/limits/memory";
        /// Secrets that reach environment variables, as `name/key` or `name/*`, sorted. The secrets themselves are never read.
        env_secrets: Vec<String>;
        /// Names of environment variables whose value is written in the manifest, sorted. The values are never stored.
        literal_env: Vec<String>, at "/env";
        /// Names of Secrets that are mounted as files, sorted.
        volume_secrets: Vec<String>, at "/volumeMounts";
        /// Whether there is a liveness probe.
        liveness_probe: bool, at "/livenessProbe";
        /// Whether there is a readiness probe.
        readiness_probe: bool, at "/readinessProbe";
        /// Whether standard input or a terminal is kept open.
        interactive: bool, at "/stdin";
        /// Whether the container is a Windows HostProcess container, which runs on the node itself.
        host_process: bool, at "/securityContext/windowsOptions";
        /// Whether the pod is a kubelet's copy of a static pod, owned by a Node that exists.
        mirror: Known<bool>, needs [NODES];
    }
}

/// The fields that the three kinds of containers share.
struct Common<'a> {
    kind: &'static str,
    index_path: String,
    name: &'a str,
    image: Option<&'a str>,
    pull_policy: Option<&'a str>,
    security: Option<&'a SecurityContext>,
    ports: Vec<i32>,
    mounts: &'a [VolumeMount],
    resources: Option<&'a ResourceRequirements>,
    env: &'a [EnvVar],
    env_from: &'a [EnvFromSource],
    liveness: Option<&'a Probe>,
    readiness: Option<&'a Probe>,
    interactive: bool,
}

/// The rows of one shape.
pub(in crate::facts) fn rows(shape: &Shape<'_>, nodes: &Nodes) -> Vec<Row> {
    let mut rows = Vec::new();
    let spec = shape.spec;
    for (i, container) in spec.init_containers.iter().flatten().enumerate() {
        let kind = if container.restart_policy.as_deref() == Some("Always") { "sidecar" } else { "init" };
        rows.push(row(shape, nodes, &ordinary(container, kind, format!("/initContainers/{i}"))));
    }
    for (i, container) in spec.containers.iter().enumerate() {
        rows.push(row(shape, nodes, &ordinary(container, "container", format!("/containers/{i}"))));
    }
    for (i, container) in spec.ephemeral_containers.iter().flatten().enumerate() {
        rows.push(row(shape, nodes, &ephemeral(container, format!("/ephemeralContainers/{i}"))));
    }
    rows
}

fn slice<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or(&[])
}

fn ordinary<'a>(container: &'a Container, kind: &'static str, index_path: String) -> Common<'a> {
    Common {
        kind,
        index_path,
        name: &container.name,
        image: container.image.as_deref(),
        pull_policy: container.image_pull_policy.as_deref(),
        security: container.security_context.as_ref(),
        ports: slice(&container.ports).iter().filter_map(|port| port.host_port).collect(),
        mounts: slice(&container.volume_mounts),
        resources: container.resources.as_ref(),
        env: slice(&container.env),
        env_from: slice(&container.env_from),
        liveness: container.liveness_probe.as_ref(),
        readiness: container.readiness_probe.as_ref(),
        interactive: container.stdin == Some(true) || container.tty == Some(true),
    }
}

fn ephemeral<'a>(container: &'a EphemeralContainer, index_path: String) -> Common<'a> {
    Common {
        kind: "ephemeral",
        index_path,
        name: &container.name,
        image: container.image.as_deref(),
        pull_policy: container.image_pull_policy.as_deref(),
        security: container.security_context.as_ref(),
        ports: slice(&container.ports).iter().filter_map(|port| port.host_port).collect(),
        mounts: slice(&container.volume_mounts),
        resources: container.resources.as_ref(),
        env: slice(&container.env),
        env_from: slice(&container.env_from),
        liveness: container.liveness_probe.as_ref(),
        readiness: container.readiness_probe.as_ref(),
        interactive: container.stdin == Some(true) || container.tty == Some(true),
    }
}

fn row(shape: &Shape<'_>, nodes: &Nodes, container: &Common<'_>) -> Row {
    let pod = shape.spec.security_context.as_ref();
    let own = container.security;
    let image_text = container.image.unwrap_or("");
    let image = ImageReference::parse(image_text);
    let run_as_user = own.and_then(|s| s.run_as_user).or_else(|| pod.and_then(|s| s.run_as_user));
    let run_as_non_root = own.and_then(|s| s.run_as_non_root).or_else(|| pod.and_then(|s| s.run_as_non_root));
    let capabilities = own.and_then(|s| s.capabilities.as_ref());
    let dropped = sorted(capabilities.map(|c: &Capabilities| slice(&c.drop)).unwrap_or(&[]));
    let host_paths = host_paths(shape.spec);
    let mounts_of = |writable: bool| {
        sorted_owned(
            container
                .mounts
                .iter()
                .filter(|m| !(writable && m.read_only == Some(true)))
                .filter_map(|m| host_paths.get(m.name.as_str()).cloned()),
        )
    };
    let typed = ContainerRow {
        workload: shape.workload_text(),
        workload_kind: shape.workload.kind.clone(),
        workload_name: shape.workload.name.clone(),
        namespace: shape.namespace(),
        name: container.name.to_owned(),
        kind: container.kind,
        observed_in: shape.observed_in,
        phase: shape.phase.to_owned(),
        pods: shape.pods,
        image: image_text.to_owned(),
        image_pinned: image.is_pinned(),
        image_tag_latest: image.is_latest(),
        image_registry: image.registry,
        image_repository: image.repository,
        image_tag: image.tag,
        image_digest: image.digest,
        pull_policy: text(container.pull_policy),
        privileged: own.and_then(|s| s.privileged) == Some(true),
        privilege_escalation: match own.and_then(|s| s.allow_privilege_escalation) {
            Some(true) => "allowed",
            Some(false) => "blocked",
            None => "unset",
        },
        run_as_user,
        run_as_non_root,
        may_run_as_root: run_as_non_root != Some(true) && run_as_user.is_none_or(|user| user == 0),
        run_as_root: run_as_user == Some(0),
        read_only_root_filesystem: own.and_then(|s| s.read_only_root_filesystem) == Some(true),
        capabilities_added: sorted(capabilities.map(|c| slice(&c.add)).unwrap_or(&[])),
        drops_all_capabilities: dropped.iter().any(|c| c == "ALL"),
        capabilities_dropped: dropped,
        seccomp_profile: text(
            own.and_then(|s| s.seccomp_profile.as_ref()).or_else(|| pod.and_then(|s| s.seccomp_profile.as_ref())).map(|p| p.type_.as_str()),
        ),
        app_armor_profile: app_armor(shape, container.name, own, pod),
        se_linux_type: text(
            own.and_then(|s| s.se_linux_options.as_ref())
                .or_else(|| pod.and_then(|s| s.se_linux_options.as_ref()))
                .and_then(|o| o.type_.as_deref()),
        ),
        proc_mount: text(own.and_then(|s| s.proc_mount.as_deref())),
        host_ports: sorted_owned(container.ports.iter().filter(|&&port| port != 0).map(ToString::to_string)),
        host_path_mounts: mounts_of(false),
        writable_host_path_mounts: mounts_of(true),
        cpu_request: quantity(container.resources.and_then(|r| r.requests.as_ref()), "cpu"),
        memory_request: quantity(container.resources.and_then(|r| r.requests.as_ref()), "memory"),
        cpu_limit: quantity(container.resources.and_then(|r| r.limits.as_ref()), "cpu"),
        memory_limit: quantity(container.resources.and_then(|r| r.limits.as_ref()), "memory"),
        env_secrets: env_secrets(container.env, container.env_from),
        literal_env: sorted_owned(
            container
                .env
                .iter()
                .filter(|v| v.value_from.is_none() && v.value.as_deref().is_some_and(|value| !value.is_empty()))
                .map(|v| v.name.clone()),
        ),
        volume_secrets: volume_secrets(shape.spec, container.mounts),
        liveness_probe: container.liveness.is_some(),
        readiness_probe: container.readiness.is_some(),
        interactive: container.interactive,
        host_process: [own.and_then(|s| s.windows_options.as_ref()), pod.and_then(|s| s.windows_options.as_ref())]
            .into_iter()
            .flatten()
            .find_map(|options| options.host_process)
            == Some(true),
        mirror: shape.mirror(nodes),
    };
    let key = format!("{}/{}/{}", shape.key(), container.kind, container.name);
    let origin = shape.origin.at(format!("{}{}", shape.origin.pointer, container.index_path));
    let mut row = Row::new(key, shape.workload.clone(), vec![origin.clone()], typed);
    for (column, field) in decided_by_pod(own, pod) {
        let pointer = format!("{}/securityContext/{field}", shape.origin.pointer);
        row = row.evidenced(column, [shape.origin.at(pointer)]);
    }
    row
}

/// Columns whose value the pod's security context decides, because the container sets none and the pod does, with the name of the field.
fn decided_by_pod(own: Option<&SecurityContext>, pod: Option<&PodSecurityContext>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let pods = |own_says: Option<bool>, pod_says: Option<bool>| own_says != Some(true) && pod_says == Some(true);
    let user = pods(own.map(|s| s.run_as_user.is_some()), pod.map(|s| s.run_as_user.is_some()));
    let non_root = pods(own.map(|s| s.run_as_non_root.is_some()), pod.map(|s| s.run_as_non_root.is_some()));
    [
        ("run_as_user", "runAsUser", user),
        ("run_as_root", "runAsUser", user),
        ("run_as_non_root", "runAsNonRoot", non_root),
        ("may_run_as_root", "runAsUser", user),
        ("may_run_as_root", "runAsNonRoot", non_root),
        ("seccomp_profile", "seccompProfile", pods(own.map(|s| s.seccomp_profile.is_some()), pod.map(|s| s.seccomp_profile.is_some()))),
        ("se_linux_type", "seLinuxOptions", pods(own.map(|s| s.se_linux_options.is_some()), pod.map(|s| s.se_linux_options.is_some()))),
    ]
    .into_iter()
    .filter_map(|(column, field, decides)| decides.then_some((column, field)))
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or("").to_owned()
}

fn sorted(list: &[String]) -> Vec<String> {
    sorted_owned(list.iter().cloned())
}

pub(in crate::facts) fn sorted_owned(list: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut list: Vec<String> = list.into_iter().collect();
    list.sort();
    list.dedup();
    list
}

/// A quantity as written, or `0` for every way of writing nothing, such as `0m` and `0Mi` (apimachinery `resource.Quantity`).
fn quantity(map: Option<&BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>, name: &str) -> String {
    let Some(quantity) = map.and_then(|map| map.get(name)) else { return String::new() };
    let digits = quantity.0.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let nothing = !digits.is_empty() && digits.chars().all(|c| matches!(c, '0' | '.' | '+' | '-'));
    if nothing { "0".to_owned() } else { quantity.0.clone() }
}

/// Volume name to path on the node.
fn host_paths(spec: &PodSpec) -> BTreeMap<&str, String> {
    spec.volumes.iter().flatten().filter_map(|v| v.host_path.as_ref().map(|host| (v.name.as_str(), host.path.clone()))).collect()
}

fn env_secrets(env: &[EnvVar], env_from: &[EnvFromSource]) -> Vec<String> {
    let single = env.iter().filter_map(|v| v.value_from.as_ref()?.secret_key_ref.as_ref()).map(|s| format!("{}/{}", s.name, s.key));
    let whole = env_from.iter().filter_map(|e| e.secret_ref.as_ref()).map(|s| format!("{}/*", s.name));
    sorted_owned(single.chain(whole))
}

fn volume_secrets(spec: &PodSpec, mounts: &[VolumeMount]) -> Vec<String> {
    let mounted = |name: &str| mounts.iter().any(|m| m.name == name);
    sorted_owned(spec.volumes.iter().flatten().filter(|v| mounted(&v.name)).flat_map(|v| {
        let direct = v.secret.as_ref().and_then(|s| s.secret_name.clone());
        let projected =
            v.projected.iter().flat_map(|p| p.sources.iter().flatten()).filter_map(|s| s.secret.as_ref()).map(|s| s.name.clone());
        direct.into_iter().chain(projected).collect::<Vec<_>>()
    }))
}

/// Field first, then the annotation that it replaced in 1.30 (KEP-24).
fn app_armor(shape: &Shape<'_>, name: &str, own: Option<&SecurityContext>, pod: Option<&PodSecurityContext>) -> String {
    let field = own.and_then(|s| s.app_armor_profile.as_ref()).or_else(|| pod.and_then(|s| s.app_armor_profile.as_ref()));
    match field {
        Some(profile) => profile.type_.clone(),
        None => match shape.annotations.get(&format!("container.apparmor.security.beta.kubernetes.io/{name}")).map(String::as_str) {
            None | Some("") => String::new(),
            Some("runtime/default") => "RuntimeDefault".to_owned(),
            Some("unconfined") => "Unconfined".to_owned(),
            Some(other) if other.starts_with("localhost/") => "Localhost".to_owned(),
            Some(other) => other.to_owned(),
        },
    }
}
