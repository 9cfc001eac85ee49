//! One view over init, regular and ephemeral containers (`policy/visitor.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EphemeralContainer, Lifecycle, PodSecurityContext, PodSpec, Probe, SecurityContext,
};

/// What every check reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pod<'a> {
    pub(super) annotations: &'a BTreeMap<String, String>,
    pub(super) spec: &'a PodSpec,
}

impl<'a> Pod<'a> {
    pub(super) fn security_context(&self) -> Option<&'a PodSecurityContext> {
        self.spec.security_context.as_ref()
    }

    /// `spec.os.name` is `windows`, exactly.
    pub(super) fn is_windows(&self) -> bool {
        self.spec.os.as_ref().is_some_and(|os| os.name == "windows")
    }

    /// `hostUsers: false` is written out (`relaxPolicyForUserNamespacePod` in `policy/helpers.go`).
    pub(super) fn has_user_namespace(&self) -> bool {
        self.spec.host_users == Some(false)
    }

    /// All containers in the order in which Kubernetes visits them.
    pub(super) fn containers(&self) -> impl Iterator<Item = ContainerView<'a>> {
        let init =
            listed(self.spec.init_containers.as_deref()).map(|(index, container)| ContainerView::of("initContainers", index, container));
        let regular =
            listed(Some(self.spec.containers.as_slice())).map(|(index, container)| ContainerView::of("containers", index, container));
        let ephemeral =
            listed(self.spec.ephemeral_containers.as_deref()).map(|(index, container)| ContainerView::of_ephemeral(index, container));
        init.chain(regular).chain(ephemeral)
    }
}

/// The elements of an optional list with their indices; an absent list has none.
pub(super) fn listed<T>(list: Option<&[T]>) -> impl Iterator<Item = (usize, &T)> {
    list.into_iter().flatten().enumerate()
}

/// The parts of a container that checks read.
#[derive(Debug)]
pub(super) struct ContainerView<'a> {
    /// JSON pointer of the container relative to the pod spec.
    path: String,
    pub(super) name: &'a str,
    pub(super) security_context: Option<&'a SecurityContext>,
    pub(super) ports: Option<&'a [ContainerPort]>,
    liveness_probe: Option<&'a Probe>,
    readiness_probe: Option<&'a Probe>,
    startup_probe: Option<&'a Probe>,
    pub(super) lifecycle: Option<&'a Lifecycle>,
}

impl<'a> ContainerView<'a> {
    fn of(list: &str, index: usize, container: &'a Container) -> Self {
        Self {
            path: format!("/{list}/{index}"),
            name: &container.name,
            security_context: container.security_context.as_ref(),
            ports: container.ports.as_deref(),
            liveness_probe: container.liveness_probe.as_ref(),
            readiness_probe: container.readiness_probe.as_ref(),
            startup_probe: container.startup_probe.as_ref(),
            lifecycle: container.lifecycle.as_ref(),
        }
    }

    fn of_ephemeral(index: usize, container: &'a EphemeralContainer) -> Self {
        Self {
            path: format!("/ephemeralContainers/{index}"),
            name: &container.name,
            security_context: container.security_context.as_ref(),
            ports: container.ports.as_deref(),
            liveness_probe: container.liveness_probe.as_ref(),
            readiness_probe: container.readiness_probe.as_ref(),
            startup_probe: container.startup_probe.as_ref(),
            lifecycle: container.lifecycle.as_ref(),
        }
    }

    /// The pointer of a field below this container, such as `securityContext/privileged`.
    pub(super) fn at(&self, field: &str) -> String {
        format!("{}/{field}", self.path)
    }

    /// The probes that are set, with their field names.
    pub(super) fn probes(&self) -> impl Iterator<Item = (&'static str, &'a Probe)> {
        [("livenessProbe", self.liveness_probe), ("readinessProbe", self.readiness_probe), ("startupProbe", self.startup_probe)]
            .into_iter()
            .filter_map(|(field, probe)| probe.map(|probe| (field, probe)))
    }
}
