use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvFromSource, EnvVar, EphemeralContainer, PodSpec, Probe, ResourceRequirements, SecurityContext, VolumeMount,
};

use super::credentials;
use super::effective::{Effective, What};
use super::image::ImageReference;
use super::shapes::{Nodes, Shape};
use crate::facts::Known;
use crate::facts::table::placed::Placed;
use crate::facts::table::schema::{Row, table};
use crate::model::Unseen;
use crate::model::sources::{NODES, POD_MAKERS, WORKLOADS};

table! {
    /// One row per container of each workload: of its pods, and of the controller's template unless a live pod was seen that was
    /// made from that very template. The template of a Job counts until the Job is finished. Equal containers of several pods are one row. Settings of the pod's security context
    /// count where the container sets none, as the kubelet applies them.
    pub struct ContainerRow as "containers" counting "containers" from [] + WORKLOADS + POD_MAKERS {
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
        /// What fixes the version of the image: `digest`, `tag`, `nothing`, `malformed digest` (no runtime pulls such an image), or
        /// `digest of an unknown algorithm`.
        image_fixed_by: &'static str, at "/image";
        /// `Always`, `IfNotPresent` or `Never`; empty when not set.
        pull_policy: String, at "/imagePullPolicy";
        /// `securityContext.privileged`; unset is false.
        privileged: bool, at "/securityContext/privileged";
        /// `blocked` when `allowPrivilegeEscalation` is false, `allowed` when it is true, else `unset` (which allows it).
        privilege_escalation: &'static str, at "/securityContext/allowPrivilegeEscalation";
        /// User id that the container is started with, where the container or the pod sets one.
        run_as_user: Placed<Option<i64>>, at "/securityContext/runAsUser";
        /// `runAsNonRoot` of the container, else of the pod.
        run_as_non_root: Placed<Option<bool>>, at "/securityContext/runAsNonRoot";
        /// Name of the Windows user that the container is started with, where the container or the pod sets one; empty when not set.
        run_as_user_name: Placed<String>, at "/securityContext/windowsOptions/runAsUserName";
        /// Whether nothing keeps the process from running as user 0 (on Windows, as an administrator): neither runAsNonRoot nor another
        /// user.
        may_run_as_root: Placed<bool>, at "/securityContext/runAsNonRoot";
        /// Whether user id 0 (on Windows, an administrator) is asked for.
        run_as_root: Placed<bool>, at "/securityContext/runAsUser";
        /// Whether the root file system is read-only; unset is false.
        read_only_root_filesystem: bool, at "/securityContext/readOnlyRootFilesystem";
        /// Capabilities added, sorted.
        capabilities_added: Vec<String>, at "/securityContext/capabilities/add";
        /// Capabilities dropped, sorted.
        capabilities_dropped: Vec<String>, at "/securityContext/capabilities/drop";
        /// Whether `ALL` is dropped.
        drops_all_capabilities: bool, at "/securityContext/capabilities/drop";
        /// Seccomp profile type of the container, else of the pod; empty when neither sets one.
        seccomp_profile: Placed<String>, at "/securityContext/seccompProfile";
        /// AppArmor profile type of the container, else from its older annotation, else of the pod; empty when none is set.
        app_armor_profile: Placed<String>, at "/securityContext/appArmorProfile";
        /// SELinux type of the container, else of the pod; empty when not set.
        se_linux_type: Placed<String>, at "/securityContext/seLinuxOptions";
        /// `procMount`; empty when not set, which is `Default`.
        proc_mount: String, at "/securityContext/procMount";
        /// Host ports, sorted.
        host_ports: Vec<String>, at "/ports";
        /// Paths of the node that are mounted into the container, sorted.
        host_path_mounts: Vec<String>, at "/volumeMounts";
        /// Those of them that are mounted writable, sorted.
        writable_host_path_mounts: Vec<String>, at "/volumeMounts";
        /// CPU request of the container, else of the pod as a whole; empty when not set.
        cpu_request: Placed<String>, at "/resources/requests/cpu";
        /// Memory request of the container, else of the pod as a whole; empty when not set.
        memory_request: Placed<String>, at "/resources/requests/memory";
        /// CPU limit of the container, else of the pod as a whole; empty when not set.
        cpu_limit: Placed<String>, at "/resources/limits/cpu";
        /// Memory limit of the container, else of the pod as a whole; empty when not set.
        memory_limit: Placed<String>, at "/resources/limits/memory";
        /// Secrets that reach environment variables, as `name/key` or `name/*`, sorted. The secrets themselves are never read.
        env_secrets: Vec<String>;
        /// Names of environment variables whose value is written in the manifest, sorted. The values are never stored.
        literal_env: Vec<String>, at "/env";
        /// Credentials that are written out in the manifest, by where they stand and why they look like one, sorted. The collector judges
        /// the values while it leaves them out; they are never stored. Unknown where values were left out of a snapshot by a version that
        /// judged none.
        literal_credentials: Known<Placed<Vec<String>>>;
        /// Names of Secrets that are mounted as files, sorted.
        volume_secrets: Vec<String>, at "/volumeMounts";
        /// Whether there is a liveness probe.
        liveness_probe: bool, at "/livenessProbe";
        /// Whether there is a readiness probe.
        readiness_probe: bool, at "/readinessProbe";
        /// Whether standard input or a terminal is kept open.
        interactive: bool, at "/stdin";
        /// Whether the container is a Windows HostProcess container, which runs on the node itself.
        host_process: Placed<bool>, at "/securityContext/windowsOptions";
        /// Whether the pod says that it is for Windows (`spec.os.name`): the API then refuses fields that only Linux has.
        windows: Placed<bool>;
        /// Whether the pod is a kubelet's copy of a static pod, owned by a Node that exists.
        mirror: Known<bool>, needs [NODES];
        /// Whether such a copy is a component of the control plane: in kube-system, named as one, on a node of the control plane.
        control_plane: Known<bool>, needs [NODES];
    }
}

/// The fields that the three kinds of containers share.
pub(super) struct Common<'a> {
    kind: &'static str,
    index_path: String,
    name: &'a str,
    image: Option<&'a str>,
    pull_policy: Option<&'a str>,
    security: Option<&'a SecurityContext>,
    ports: Vec<i32>,
    mounts: &'a [VolumeMount],
    resources: Option<&'a ResourceRequirements>,
    pub(super) command: &'a [String],
    pub(super) args: &'a [String],
    pub(super) env: &'a [EnvVar],
    env_from: &'a [EnvFromSource],
    liveness: Option<&'a Probe>,
    readiness: Option<&'a Probe>,
    interactive: bool,
}

/// The rows of one shape.
pub(in crate::facts) fn rows(shape: &Shape<'_>, nodes: &Nodes, unjudged: Option<&Unseen>) -> Vec<Row> {
    let row = |container: &Common<'_>| row(shape, nodes, container, unjudged);
    let mut rows = Vec::new();
    let spec = shape.spec;
    for (i, container) in spec.init_containers.iter().flatten().enumerate() {
        let kind = if container.restart_policy.as_deref() == Some("Always") { "sidecar" } else { "init" };
        rows.push(row(&ordinary(container, kind, format!("/initContainers/{i}"))));
    }
    for (i, container) in spec.containers.iter().enumerate() {
        rows.push(row(&ordinary(container, "container", format!("/containers/{i}"))));
    }
    for (i, container) in spec.ephemeral_containers.iter().flatten().enumerate() {
        rows.push(row(&ephemeral(container, format!("/ephemeralContainers/{i}"))));
    }
    rows
}

fn slice<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or(&[])
}

pub(super) fn ordinary<'a>(container: &'a Container, kind: &'static str, index_path: String) -> Common<'a> {
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
        command: slice(&container.command),
        args: slice(&container.args),
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
        command: slice(&container.command),
        args: slice(&container.args),
        env: slice(&container.env),
        env_from: slice(&container.env_from),
        liveness: container.liveness_probe.as_ref(),
        readiness: container.readiness_probe.as_ref(),
        interactive: container.stdin == Some(true) || container.tty == Some(true),
    }
}

fn row(shape: &Shape<'_>, nodes: &Nodes, container: &Common<'_>, unjudged: Option<&Unseen>) -> Row {
    let own = container.security;
    let effective = Effective::new(shape, own);
    let image_text = container.image.unwrap_or("");
    let image = ImageReference::parse(image_text);
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
    let place = format!("{}{}", shape.origin.pointer, container.index_path);
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
        image_fixed_by: image.fixed_by(),
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
        run_as_user: effective.run_as_user(),
        run_as_non_root: effective.run_as_non_root(),
        run_as_user_name: effective.user_name(),
        may_run_as_root: effective.may_run_as_root(),
        run_as_root: effective.run_as_root(),
        read_only_root_filesystem: own.and_then(|s| s.read_only_root_filesystem) == Some(true),
        capabilities_added: sorted(capabilities.map(|c| slice(&c.add)).unwrap_or(&[])),
        drops_all_capabilities: dropped.iter().any(|c| c == "ALL"),
        capabilities_dropped: dropped,
        seccomp_profile: effective.seccomp(),
        app_armor_profile: effective.app_armor(container.name),
        se_linux_type: effective.se_linux_type(),
        proc_mount: text(own.and_then(|s| s.proc_mount.as_deref())),
        host_ports: sorted_owned(container.ports.iter().filter(|&&port| port != 0).map(ToString::to_string)),
        host_path_mounts: mounts_of(false),
        writable_host_path_mounts: mounts_of(true),
        cpu_request: effective.resource(container.resources, What::Request, "cpu"),
        memory_request: effective.resource(container.resources, What::Request, "memory"),
        cpu_limit: effective.resource(container.resources, What::Limit, "cpu"),
        memory_limit: effective.resource(container.resources, What::Limit, "memory"),
        env_secrets: env_secrets(container.env, container.env_from),
        literal_env: sorted_owned(
            container
                .env
                .iter()
                .filter(|v| v.value_from.is_none() && v.value.as_deref().is_some_and(|value| !value.is_empty()))
                .map(|v| v.name.clone()),
        ),
        literal_credentials: credentials::of(container, &place, unjudged),
        volume_secrets: volume_secrets(shape.spec, container.mounts),
        liveness_probe: container.liveness.is_some(),
        readiness_probe: container.readiness.is_some(),
        interactive: container.interactive,
        host_process: effective.host_process(),
        windows: match effective.windows {
            true => Placed::at(true, format!("{}/os/name", shape.origin.pointer)),
            false => Placed::here(false),
        },
        mirror: shape.mirror(nodes),
        control_plane: shape.control_plane(nodes),
    };
    let key = format!("{}/{}/{}", shape.key(), container.kind, container.name);
    Row::new(key, shape.workload.clone(), vec![shape.origin.at(place)], typed)
}

pub(super) fn text(value: Option<&str>) -> String {
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
