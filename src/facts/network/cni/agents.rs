//! The DaemonSets of network plugins.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::facts::FactsError;
use crate::facts::table::read::Reader;
use crate::model::sources::DAEMON_SETS;
use crate::model::{Evidence, ObjectRef};

/// Name of the engine, names of its DaemonSets, ends of the names of its images (without tag and digest). Either is enough: people
/// rename DaemonSets, and mirror images.
const AGENTS: &[(&str, &[&str], &[&str])] = &[
    ("Canal", &["canal", "rke2-canal"], &[]),
    ("Calico", &["calico-node"], &["calico/node", "hardened-calico"]),
    ("Cilium", &["cilium"], &["cilium/cilium", "cilium/cilium-enterprise"]),
    ("GKE Dataplane V2", &["anetd"], &[]),
    ("Amazon VPC CNI", &["aws-node"], &["amazon-k8s-cni"]),
    ("Azure NPM", &["azure-npm"], &["containernetworking/azure-npm"]),
    ("Flannel", &["kube-flannel-ds", "kube-flannel"], &["flannel/flannel", "coreos/flannel"]),
    ("kindnet", &["kindnet"], &["kindest/kindnetd"]),
    ("kube-network-policies", &["kube-network-policies"], &["networking/kube-network-policies"]),
    ("kube-router", &["kube-router"], &["cloudnativelabs/kube-router"]),
    ("OVN-Kubernetes", &["ovnkube-node"], &[]),
    ("Antrea", &["antrea-agent"], &["antrea/antrea-agent-ubuntu", "antrea/antrea-agent-ubi"]),
    ("Kube-OVN", &["kube-ovn-cni"], &[]),
    ("Weave Net", &["weave-net"], &["weaveworks/weave-kube"]),
];

/// One DaemonSet of a network plugin.
pub(super) struct Agent {
    pub(super) engine: &'static str,
    pub(super) subject: ObjectRef,
    pub(super) origin: Evidence,
    pub(super) spec: PodSpec,
    pub(super) scheduled: Option<i64>,
    pub(super) ready: Option<i64>,
}

impl Agent {
    /// `namespace/name`.
    pub(super) fn display(&self) -> String {
        format!("{}/{}", self.subject.namespace.as_deref().unwrap_or(""), self.subject.name)
    }

    pub(super) fn container(&self, name: &str) -> Option<&Container> {
        self.spec.containers.iter().find(|container| container.name == name)
    }

    /// The value of a flag on the command line of any container; a switch without a value is `true`.
    pub(super) fn flag(&self, name: &str) -> Option<String> {
        let words = self.spec.containers.iter().flat_map(|one| one.command.iter().flatten().chain(one.args.iter().flatten()));
        let found = words.filter_map(|word| word.trim_start_matches('-').strip_prefix(name).filter(|_| word.starts_with('-')));
        // The last one counts (pflag).
        found.filter_map(|rest| if rest.is_empty() { Some("true") } else { rest.strip_prefix('=') }).next_back().map(str::to_owned)
    }

    /// Whether a container has an environment variable of that name.
    pub(super) fn has_env(&self, name: &str) -> bool {
        self.spec.containers.iter().flat_map(|one| one.env.iter().flatten()).any(|variable| variable.name == name)
    }

    /// Tag of the image of that name.
    pub(super) fn tag(&self, end: &str) -> Option<String> {
        let images = self.spec.containers.iter().filter_map(|container| container.image.as_deref());
        let found = images.filter(|image| repository(image).ends_with(end));
        found.filter_map(|image| image.split('@').next()?.strip_prefix(repository(image))?.strip_prefix(':')).next().map(str::to_owned)
    }
}

/// An image without its tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // What stands behind a port is a path.
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

/// The DaemonSets that are network plugins.
pub(super) fn agents(reader: &Reader<'_>) -> Result<Vec<Agent>, FactsError> {
    let mut found = Vec::new();
    reader.each::<DaemonSet>(&DAEMON_SETS, |object, origin| {
        let Some(spec) = object.spec.template.spec else { return };
        let name = object.metadata.name.clone().unwrap_or_default();
        let of_image = |end: &&str| {
            let images = spec.containers.iter().filter_map(|container| container.image.as_deref()).map(repository);
            images.into_iter().any(|image| image == *end || image.ends_with(&format!("/{end}")))
        };
        // Names first: several plugins are made of the images of others.
        let by_name = AGENTS.iter().find(|(_, names, _)| names.contains(&name.as_str()));
        let Some((engine, _, _)) = by_name.or_else(|| AGENTS.iter().find(|(_, _, images)| images.iter().any(of_image))) else {
            return;
        };
        let status = object.status;
        found.push(Agent {
            engine,
            subject: ObjectRef {
                kind: "DaemonSet".to_owned(),
                group: "apps".to_owned(),
                namespace: object.metadata.namespace.clone(),
                name,
                uid: object.metadata.uid.clone(),
            },
            origin,
            scheduled: status.as_ref().map(|status| i64::from(status.desired_number_scheduled)),
            ready: status.as_ref().map(|status| i64::from(status.number_ready)),
            spec,
        });
    })?;
    Ok(found)
}
