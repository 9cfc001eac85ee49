//! The checks that the restricted level adds.

use k8s_openapi::api::core::v1::{SecurityContext, Volume};

use super::baseline::{added_capabilities, bad_seccomp_profiles, seccomp_allowed};
use super::containers::{Pod, listed};
use super::describe::{Failures, Found};

/// `policy/check_restrictedVolumes.go`: only volume kinds that hold data of the cluster. A volume with an allowed kind
/// passes even if it names a second one; a volume without any kind fails.
pub(super) fn volumes(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for (index, volume) in listed(pod.spec.volumes.as_deref()) {
        if !allowed_volume(volume) {
            match refused_kind(volume) {
                Some(kind) => failures.value_at(format!("/volumes/{index}/{kind}"), kind),
                None => failures.value_at(format!("/volumes/{index}"), "unknown"),
            }
        }
    }
    failures.told("volumes are of kinds that the restricted level refuses")
}

fn allowed_volume(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.csi.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.ephemeral.is_some()
        || volume.image.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.projected.is_some()
        || volume.secret.is_some()
}

/// The field of the refused kind, in the order in which Kubernetes looks.
fn refused_kind(volume: &Volume) -> Option<&'static str> {
    [
        (volume.host_path.is_some(), "hostPath"),
        (volume.gce_persistent_disk.is_some(), "gcePersistentDisk"),
        (volume.aws_elastic_block_store.is_some(), "awsElasticBlockStore"),
        (volume.git_repo.is_some(), "gitRepo"),
        (volume.nfs.is_some(), "nfs"),
        (volume.iscsi.is_some(), "iscsi"),
        (volume.glusterfs.is_some(), "glusterfs"),
        (volume.rbd.is_some(), "rbd"),
        (volume.flex_volume.is_some(), "flexVolume"),
        (volume.cinder.is_some(), "cinder"),
        (volume.cephfs.is_some(), "cephfs"),
        (volume.flocker.is_some(), "flocker"),
        (volume.fc.is_some(), "fc"),
        (volume.azure_file.is_some(), "azureFile"),
        (volume.vsphere_volume.is_some(), "vsphereVolume"),
        (volume.quobyte.is_some(), "quobyte"),
        (volume.azure_disk.is_some(), "azureDisk"),
        (volume.photon_persistent_disk.is_some(), "photonPersistentDisk"),
        (volume.portworx_volume.is_some(), "portworxVolume"),
        (volume.scale_io.is_some(), "scaleIO"),
        (volume.storageos.is_some(), "storageos"),
    ]
    .into_iter()
    .find_map(|(set, kind)| set.then_some(kind))
}

/// `policy/check_allowPrivilegeEscalation.go` from 1.8: every container says `false`.
pub(super) fn allow_privilege_escalation(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    for container in pod.containers() {
        if container.security_context.and_then(|context| context.allow_privilege_escalation) != Some(false) {
            failures.at(container.at("securityContext/allowPrivilegeEscalation"));
        }
    }
    failures.told("containers do not set allowPrivilegeEscalation to false")
}

/// `policy/check_allowPrivilegeEscalation.go` from 1.25: Windows pods pass.
pub(super) fn allow_privilege_escalation_not_windows(pod: &Pod<'_>) -> Option<Found> {
    if pod.is_windows() { None } else { allow_privilege_escalation(pod) }
}

/// `policy/check_runAsNonRoot.go` from 1.0: the pod or every container says `true`, and none says `false`; a pod-level
/// `false` fails even when every container says `true`.
pub(super) fn run_as_non_root(pod: &Pod<'_>) -> Option<Found> {
    let mut written = Failures::default();
    let mut missing = Failures::default();
    let of_pod = pod.security_context().and_then(|context| context.run_as_non_root);
    if of_pod == Some(false) {
        written.at("/securityContext/runAsNonRoot");
    }
    for container in pod.containers() {
        match (container.security_context.and_then(|context| context.run_as_non_root), of_pod) {
            (Some(true), _) | (None, Some(true)) => {}
            (Some(false), _) => written.at(container.at("securityContext/runAsNonRoot")),
            (None, _) => missing.at(container.at("securityContext/runAsNonRoot")),
        }
    }
    both(written.told("runAsNonRoot is false"), missing.told("neither the pod nor the container sets runAsNonRoot to true"))
}

/// `policy/check_runAsNonRoot.go` from 1.35: pods with `hostUsers: false` pass.
pub(super) fn run_as_non_root_unless_user_namespace(pod: &Pod<'_>) -> Option<Found> {
    if pod.has_user_namespace() { None } else { run_as_non_root(pod) }
}

/// `policy/check_runAsUser.go` from 1.23: nobody sets `runAsUser: 0`; a pod-level 0 fails even when every container
/// overrides it.
pub(super) fn run_as_user(pod: &Pod<'_>) -> Option<Found> {
    let mut failures = Failures::default();
    if pod.security_context().and_then(|context| context.run_as_user) == Some(0) {
        failures.at("/securityContext/runAsUser");
    }
    for container in pod.containers() {
        if container.security_context.and_then(|context| context.run_as_user) == Some(0) {
            failures.at(container.at("securityContext/runAsUser"));
        }
    }
    failures.told("runAsUser is 0, the user root")
}

/// `policy/check_runAsUser.go` from 1.35: pods with `hostUsers: false` pass.
pub(super) fn run_as_user_unless_user_namespace(pod: &Pod<'_>) -> Option<Found> {
    if pod.has_user_namespace() { None } else { run_as_user(pod) }
}

/// `policy/check_seccompProfile_restricted.go` from 1.19: the pod or every container chooses `RuntimeDefault` or
/// `Localhost`, and nobody anything else.
pub(super) fn seccomp_profile(pod: &Pod<'_>) -> Option<Found> {
    let of_pod = pod.security_context().and_then(|context| context.seccomp_profile.as_ref());
    let mut missing = Failures::default();
    if !of_pod.is_some_and(seccomp_allowed) {
        for container in pod.containers() {
            if container.security_context.and_then(|context| context.seccomp_profile.as_ref()).is_none() {
                missing.at(container.at("securityContext/seccompProfile/type"));
            }
        }
    }
    both(
        bad_seccomp_profiles(pod).told("the seccomp profile is neither the default nor one of the node's"),
        missing.told("neither the pod nor the container chooses the seccomp profile RuntimeDefault or Localhost"),
    )
}

/// `policy/check_seccompProfile_restricted.go` from 1.25: Windows pods pass.
pub(super) fn seccomp_profile_not_windows(pod: &Pod<'_>) -> Option<Found> {
    if pod.is_windows() { None } else { seccomp_profile(pod) }
}

/// `policy/check_capabilities_restricted.go` from 1.22: every container drops `ALL`, spelled so, and adds at most
/// `NET_BIND_SERVICE`.
pub(super) fn capabilities(pod: &Pod<'_>) -> Option<Found> {
    let drops_all = |context: &SecurityContext| {
        let dropped = context.capabilities.as_ref().and_then(|capabilities| capabilities.drop.as_deref());
        listed(dropped).any(|(_, name)| name == "ALL")
    };
    let mut kept = Failures::default();
    for container in pod.containers() {
        if !container.security_context.is_some_and(drops_all) {
            kept.at(container.at("securityContext/capabilities/drop"));
        }
    }
    both(
        kept.told("containers do not drop the capability set ALL (spelled exactly so)"),
        added_capabilities(pod, &["NET_BIND_SERVICE"]).told("containers add capabilities other than NET_BIND_SERVICE"),
    )
}

/// `policy/check_capabilities_restricted.go` from 1.25: Windows pods pass.
pub(super) fn capabilities_not_windows(pod: &Pod<'_>) -> Option<Found> {
    if pod.is_windows() { None } else { capabilities(pod) }
}

/// One failure from the two halves of a check.
fn both(first: Option<Found>, second: Option<Found>) -> Option<Found> {
    match first {
        Some(first) => Some(first.and(second)),
        None => second,
    }
}
