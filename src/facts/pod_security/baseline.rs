//! The checks of the baseline level.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, HTTPGetAction, SELinuxOptions, SeccompProfile, TCPSocketAction, WindowsSecurityContextOptions,
};

use super::containers::{Pod, listed};
use super::describe::{Failures, Found};

/// `policy/check_privileged.go`: no container sets `privileged: true`.
pub(super) fn privileged(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for container in pod.containers() {
        if container.security_context.and_then(|context| context.privileged) == Some(true) {
            failures.at(container.at("securityContext/privileged"));
        }
    }
    failures.told("a container runs privileged, which turns off most isolation from the node")
}

/// `policy/check_hostNamespaces.go`: the network, process and IPC namespaces of the node are not shared.
pub(super) fn host_namespaces(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for (field, value) in [("hostNetwork", pod.spec.host_network), ("hostPID", pod.spec.host_pid), ("hostIPC", pod.spec.host_ipc)] {
        if value == Some(true) {
            failures.value_at(format!("/{field}"), field);
        }
    }
    failures.told("the pod shares namespaces with the node")
}

/// `policy/check_hostPathVolumes.go`: no volume is a path of the node.
pub(super) fn host_path_volumes(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for (index, volume) in listed(pod.spec.volumes.as_deref()) {
        if volume.host_path.is_some() {
            failures.value_at(format!("/volumes/{index}/hostPath"), &volume.name);
        }
    }
    failures.told("volumes are paths of the node")
}

/// `policy/check_hostPorts.go`: every `hostPort` is 0 or absent.
pub(super) fn host_ports(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for container in pod.containers() {
        for (index, port) in listed(container.ports) {
            match port.host_port {
                None | Some(0) => {}
                Some(number) => {
                    failures.value_at(container.at(&format!("ports/{index}/hostPort")), number.to_string());
                }
            }
        }
    }
    failures.told("containers take ports of the node")
}

/// `policy/check_hostProbesAndhostLifecycle.go`: probes and lifecycle handlers name no host, not even `localhost`.
pub(super) fn host_probes_and_lifecycle(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for container in pod.containers() {
        for (field, probe) in container.probes() {
            let at = container.at(field);
            handler_hosts(&at, probe.http_get.as_ref(), probe.tcp_socket.as_ref(), &mut failures);
        }
        let Some(lifecycle) = container.lifecycle else {
            continue;
        };
        for (field, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
            if let Some(handler) = handler {
                let at = container.at(&format!("lifecycle/{field}"));
                handler_hosts(&at, handler.http_get.as_ref(), handler.tcp_socket.as_ref(), &mut failures);
            }
        }
    }
    failures.told("probes or lifecycle handlers name a host, so the kubelet can be made to connect elsewhere")
}

fn handler_hosts(at: &str, http_get: Option<&HTTPGetAction>, tcp_socket: Option<&TCPSocketAction>, failures: &mut Failures) {
    for (field, host) in [
        ("httpGet", http_get.and_then(|action| action.host.as_deref())),
        ("tcpSocket", tcp_socket.and_then(|action| action.host.as_deref())),
    ] {
        match host {
            None | Some("") => {}
            Some(host) => failures.value_at(format!("{at}/{field}/host"), host),
        }
    }
}

const BASELINE_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Whether the baseline level lets a container add this capability.
pub(in crate::facts) fn baseline_allows_capability(name: &str) -> bool {
    BASELINE_CAPABILITIES.contains(&name)
}

/// `policy/check_capabilities_baseline.go`: only capabilities of the default set are added; exact spelling, no `CAP_`.
pub(super) fn capabilities(pod: &Pod<'_>) -> Option<Found> {
    added_capabilities(pod, BASELINE_CAPABILITIES).told("containers add capabilities beyond the default set (names are compared exactly)")
}

/// The places where a capability outside of `allowed` is added.
pub(super) fn added_capabilities(pod: &Pod<'_>, allowed: &[&str]) -> Failures {
    let mut failures = Failures::default();
    for container in pod.containers() {
        let Some(capabilities) = container.security_context.and_then(|context| context.capabilities.as_ref()) else {
            continue;
        };
        for (index, name) in listed(capabilities.add.as_deref()) {
            if !allowed.contains(&name.as_str()) {
                failures.value_at(container.at(&format!("securityContext/capabilities/add/{index}")), name);
            }
        }
    }
    failures
}

const APP_ARMOR_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";

/// `policy/check_appArmorProfile.go`: fields are `RuntimeDefault` or `Localhost`, and every annotation with the old prefix,
/// whatever container it names, is empty, `runtime/default` or `localhost/*`.
pub(super) fn app_armor_profile(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    let bad = |profile: &AppArmorProfile| !matches!(profile.type_.as_str(), "RuntimeDefault" | "Localhost");
    if let Some(profile) = pod.security_context().and_then(|context| context.app_armor_profile.as_ref())
        && bad(profile)
    {
        failures.value_at("/securityContext/appArmorProfile/type", &profile.type_);
    }
    for container in pod.containers() {
        if let Some(profile) = container.security_context.and_then(|context| context.app_armor_profile.as_ref())
            && bad(profile)
        {
            failures.value_at(container.at("securityContext/appArmorProfile/type"), &profile.type_);
        }
    }
    for (key, value) in pod.annotations {
        let allowed = value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
        if key.starts_with(APP_ARMOR_PREFIX) && !allowed {
            failures.annotation(key, value);
        }
    }
    failures.told("the AppArmor profile is neither the default nor one of the node's")
}

const SE_LINUX_TYPES: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t"];
const SE_LINUX_TYPES_31: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// `policy/check_seLinuxOptions.go` from 1.0: only container types, no user, no role.
pub(super) fn se_linux_options(pod: &Pod<'_>) -> Option<Found> {
    se_linux(pod, SE_LINUX_TYPES)
}

/// `policy/check_seLinuxOptions.go` from 1.31: `container_engine_t` joins.
pub(super) fn se_linux_options_31(pod: &Pod<'_>) -> Option<Found> {
    se_linux(pod, SE_LINUX_TYPES_31)
}

fn se_linux(pod: &Pod<'_>, allowed: &[&str]) -> Option<Found> {
    let mut failures = Failures::default();
    let mut look = |at: &dyn Fn(&str) -> String, options: &SELinuxOptions| {
        if let Some(kind) = &options.type_
            && !allowed.contains(&kind.as_str())
        {
            failures.value_at(at("type"), format!("type={kind}"));
        }
        for (field, value) in [("user", options.user.as_deref()), ("role", options.role.as_deref())] {
            match value {
                None | Some("") => {}
                Some(value) => failures.value_at(at(field), format!("{field}={value}")),
            }
        }
    };
    if let Some(options) = pod.security_context().and_then(|context| context.se_linux_options.as_ref()) {
        look(&|field| format!("/securityContext/seLinuxOptions/{field}"), options);
    }
    for container in pod.containers() {
        if let Some(options) = container.security_context.and_then(|context| context.se_linux_options.as_ref()) {
            look(&|field| container.at(&format!("securityContext/seLinuxOptions/{field}")), options);
        }
    }
    failures.told("SELinux options change the type beyond the container types, or the user or the role")
}

/// `validSeccomp` in `policy/check_seccompProfile_baseline.go`.
pub(super) fn seccomp_allowed(profile: &SeccompProfile) -> bool {
    matches!(profile.type_.as_str(), "RuntimeDefault" | "Localhost")
}

/// `policy/check_seccompProfile_baseline.go` from 1.0 to 1.18: the annotation of the pod and those of containers that exist;
/// annotations that name no container are not read, and an empty value is refused.
pub(super) fn seccomp_annotations(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    let mut look = |key: &str| {
        if let Some(value) = pod.annotations.get(key) {
            let allowed = matches!(value.as_str(), "runtime/default" | "docker/default") || value.starts_with("localhost/");
            if !allowed {
                failures.annotation(key, value);
            }
        }
    };
    look("seccomp.security.alpha.kubernetes.io/pod");
    for container in pod.containers() {
        look(&format!("container.seccomp.security.alpha.kubernetes.io/{}", container.name));
    }
    failures.told("seccomp annotations choose neither the default profile nor one of the node's")
}

/// `policy/check_seccompProfile_baseline.go` from 1.19: profiles that are set are `RuntimeDefault` or `Localhost`.
pub(super) fn seccomp_profile(pod: &Pod<'_>) -> Option<Found> {
    bad_seccomp_profiles(pod).told("the seccomp profile is neither the default nor one of the node's")
}

/// The places where a seccomp profile is set to something not allowed.
pub(super) fn bad_seccomp_profiles(pod: &Pod<'_>) -> Failures {
    let mut failures = Failures::default();
    if let Some(profile) = pod.security_context().and_then(|context| context.seccomp_profile.as_ref())
        && !seccomp_allowed(profile)
    {
        failures.value_at("/securityContext/seccompProfile/type", &profile.type_);
    }
    for container in pod.containers() {
        if let Some(profile) = container.security_context.and_then(|context| context.seccomp_profile.as_ref())
            && !seccomp_allowed(profile)
        {
            failures.value_at(container.at("securityContext/seccompProfile/type"), &profile.type_);
        }
    }
    failures
}

/// `policy/check_procMount_baseline.go` from 1.0, and `policy/check_procMount_restricted.go`: `Default` or absent.
pub(super) fn proc_mount(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for container in pod.containers() {
        if let Some(kind) = container.security_context.and_then(|context| context.proc_mount.as_ref())
            && kind != "Default"
        {
            failures.value_at(container.at("securityContext/procMount"), kind);
        }
    }
    failures.told("containers see /proc without the usual masks")
}

/// `policy/check_procMount_baseline.go` from 1.35: anything goes with `hostUsers: false`.
pub(super) fn proc_mount_with_user_namespaces(pod: &Pod<'_>) -> Option<Found> {
    if pod.has_user_namespace() { None } else { proc_mount(pod) }
}

const SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
];
const SYSCTLS_27: &[&str] = &["net.ipv4.ip_local_reserved_ports"];
const SYSCTLS_29: &[&str] =
    &["net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"];
const SYSCTLS_32: &[&str] = &["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];
const SYSCTLS_37: &[&str] = &["net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat"];

/// `policy/check_sysctls.go` from 1.0: only sysctls that are safe for the node; `/` instead of `.` is not recognised.
pub(super) fn sysctls(pod: &Pod<'_>) -> Option<Found> {
    sysctls_outside(pod, &[SYSCTLS])
}

/// `policy/check_sysctls.go` from 1.27.
pub(super) fn sysctls_27(pod: &Pod<'_>) -> Option<Found> {
    sysctls_outside(pod, &[SYSCTLS, SYSCTLS_27])
}

/// `policy/check_sysctls.go` from 1.29.
pub(super) fn sysctls_29(pod: &Pod<'_>) -> Option<Found> {
    sysctls_outside(pod, &[SYSCTLS, SYSCTLS_27, SYSCTLS_29])
}

/// `policy/check_sysctls.go` from 1.32.
pub(super) fn sysctls_32(pod: &Pod<'_>) -> Option<Found> {
    sysctls_outside(pod, &[SYSCTLS, SYSCTLS_27, SYSCTLS_29, SYSCTLS_32])
}

/// `policy/check_sysctls.go` from 1.37, in the release 1.37.
pub(super) fn sysctls_37(pod: &Pod<'_>) -> Option<Found> {
    sysctls_outside(pod, &[SYSCTLS, SYSCTLS_27, SYSCTLS_29, SYSCTLS_32, SYSCTLS_37])
}

fn sysctls_outside(pod: &Pod<'_>, allowed: &[&[&str]]) -> Option<Found> {
    let mut failures = Failures::default();
    let set = pod.security_context().and_then(|context| context.sysctls.as_deref());
    for (index, sysctl) in listed(set) {
        if !allowed.iter().any(|names| names.contains(&sysctl.name.as_str())) {
            failures.value_at(format!("/securityContext/sysctls/{index}/name"), &sysctl.name);
        }
    }
    failures.told("the pod sets sysctls outside of the safe set")
}

/// `policy/check_windowsHostProcess.go`: `windowsOptions.hostProcess` is nowhere true.
pub(super) fn windows_host_process(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    let bad = |options: &WindowsSecurityContextOptions| options.host_process == Some(true);
    if pod.security_context().and_then(|context| context.windows_options.as_ref()).is_some_and(bad) {
        failures.at("/securityContext/windowsOptions/hostProcess");
    }
    for container in pod.containers() {
        if container.security_context.and_then(|context| context.windows_options.as_ref()).is_some_and(bad) {
            failures.at(container.at("securityContext/windowsOptions/hostProcess"));
        }
    }
    failures.told("containers run as processes of the Windows node")
}
