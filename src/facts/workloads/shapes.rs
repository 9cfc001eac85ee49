//! Which workload a pod belongs to, and the shapes (pod specs) in which it runs.

use core::net::IpAddr;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodIP, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};

use super::owners::{annotation, controller, group, workload_text};
use super::pod_text::{Before, WrittenPod};
use super::templates::{Template, Templates, Unread, display};
use crate::facts::table::read::Reader;
use crate::facts::{FactsError, Known};
use crate::model::sources::PODS;
use crate::model::{Evidence, ObjectRef, SourceId};

/// One pod spec of a workload, as it runs or as the controller would start it.
pub(in crate::facts) struct Shape<'a> {
    /// The controller at the end of the owner chain, or the pod itself.
    pub(in crate::facts) workload: &'a ObjectRef,
    /// Labels of the pod or template.
    pub(in crate::facts) labels: &'a BTreeMap<String, String>,
    /// Annotations of the pod or template.
    pub(in crate::facts) annotations: &'a BTreeMap<String, String>,
    pub(in crate::facts) spec: &'a PodSpec,
    /// Where the pod spec stands.
    pub(in crate::facts) origin: &'a Evidence,
    /// `running` or `template`.
    pub(in crate::facts) observed_in: &'static str,
    /// The pod's phase, empty for a template.
    pub(in crate::facts) phase: &'a str,
    /// When the pod was made; none for a template.
    pub(in crate::facts) created: Option<&'a Time>,
    /// Number of pods: 1, or 0 for a template.
    pub(in crate::facts) pods: i64,
    /// The pod's addresses (`status.podIPs`); none for a template, and for a pod that has none yet.
    pub(in crate::facts) addresses: &'a [IpAddr],
    /// Name and uid of the node whose kubelet made the pod from a file, as the pod says; see [`Shape::mirror`].
    pub(in crate::facts) claims_mirror: Option<(String, String)>,
    /// Whether this pod looks like the one that was handed over just before and belongs to the same workload: what is computed
    /// from its labels, annotations, phase and spec is the same again. Which node it is on may differ.
    pub(in crate::facts) repeats: bool,
}

impl Shape<'_> {
    pub(in crate::facts) fn namespace(&self) -> String {
        self.workload.namespace.clone().unwrap_or_default()
    }
    /// `Kind/name`; see [`workload_text`].
    pub(in crate::facts) fn workload_text(&self) -> String {
        workload_text(self.workload)
    }
    /// Identity of the workload: its namespace, kind and name.
    pub(in crate::facts) fn key(&self) -> String {
        format!("{}/{}", self.namespace(), self.workload_text())
    }
}

/// Hands every shape of every workload to `take`: all pods, and the template of each controller unless a live pod that was made
/// from that very template was seen. Controllers whose template cannot be read go to `unread`.
pub(in crate::facts) fn each_shape(
    reader: &Reader<'_>,
    mut take: impl FnMut(&Shape<'_>),
    unread: impl FnMut(Unread),
) -> Result<(), FactsError> {
    let mut templates = Templates::read(reader)?;
    let none = BTreeMap::new();
    let mut before = Before::default();
    reader.each::<WrittenPod>(&PODS, |mut pod, origin| {
        let (spec, repeats) = match before.spec(&mut pod) {
            Ok(Some((spec, repeats))) if !spec.containers.is_empty() => (spec, repeats),
            Ok(_) => return without_containers(reader, &PODS, pod.metadata.namespace.as_deref(), &display(&pod.metadata)),
            Err(error) => return reader.not_decoded(&PODS, pod.metadata.namespace.clone(), display(&pod.metadata), &error.to_string()),
        };
        let workload = templates.owners.root(&pod.metadata, "Pod", "");
        let phase = pod.phase();
        let origin = origin.at("/spec");
        let live = !matches!(phase, "Succeeded" | "Failed") && pod.metadata.deletion_timestamp.is_none();
        // A pod that looks like the last one shows nothing that the last one did not, unless that one was on its way out.
        if live && !(repeats && before.was_live()) {
            templates.saw(&pod.metadata, pod.text(), &origin);
        }
        let addresses = addresses(pod.addresses());
        take(&Shape {
            workload: &workload,
            labels: pod.metadata.labels.as_ref().unwrap_or(&none),
            annotations: pod.metadata.annotations.as_ref().unwrap_or(&none),
            spec: &spec,
            origin: &origin,
            observed_in: "running",
            phase,
            created: pod.metadata.creation_timestamp.as_ref(),
            pods: 1,
            addresses: &addresses,
            claims_mirror: claims_mirror(&pod.metadata, &spec),
            repeats,
        });
        let owner = controller(&pod.metadata).cloned();
        before.was(pod, spec, owner, live);
    })?;
    let (left, without) = templates.unseen();
    left.for_each(|template| hand_over(reader, &template, &mut take));
    without.for_each(unread);
    Ok(())
}

fn hand_over(reader: &Reader<'_>, template: &Template, take: &mut impl FnMut(&Shape<'_>)) {
    let spec = match template.decoded() {
        Ok(Some(spec)) => spec,
        Ok(None) => {
            return without_containers(reader, &template.source, template.workload.namespace.as_deref(), &template.display);
        }
        Err(error) => {
            let namespace = template.workload.namespace.clone();
            return reader.not_decoded(&template.source, namespace, template.display.clone(), &error.to_string());
        }
    };
    take(&Shape {
        workload: &template.workload,
        labels: &template.labels,
        annotations: &template.annotations,
        spec: &spec,
        origin: &template.origin,
        observed_in: "template",
        phase: "",
        created: None,
        pods: 0,
        addresses: &[],
        claims_mirror: None,
        repeats: false,
    });
}

/// The API refuses such objects; one that comes all the same was not read whole, and its containers are not known.
fn without_containers(reader: &Reader<'_>, source: &SourceId, namespace: Option<&str>, display: &str) {
    let what = format!("the containers of {display} of {source}");
    let (why, how) = ("the object came without any", "Look at the object by hand; it may have been changed on its way here.");
    match namespace {
        Some(namespace) => reader.doubt_in(source, namespace, what, why, how),
        None => reader.doubt(source, what, why, how),
    }
}

/// An address that is none makes all of the pod's unknown.
fn addresses<'p>(listed: impl Iterator<Item = &'p PodIP>) -> Vec<IpAddr> {
    let mut all = Vec::new();
    for one in listed {
        match one.ip.parse() {
            Ok(address) => all.push(address),
            Err(_) => return Vec::new(),
        }
    }
    all
}

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::facts) struct NodeIdentity {
    pub(in crate::facts) uid: String,
    /// Whether its labels say that the control plane runs on it.
    pub(in crate::facts) control_plane: bool,
}

impl NodeIdentity {
    /// Labels that kubeadm and distributions set on nodes of the control plane (`node-role.kubernetes.io/etcd`: RKE2).
    pub(in crate::facts) fn of(meta: &ObjectMeta) -> Option<(String, Self)> {
        const ROLES: [&str; 3] =
            ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", "node-role.kubernetes.io/etcd"];
        let control_plane = meta.labels.as_ref().is_some_and(|labels| ROLES.iter().any(|role| labels.contains_key(*role)));
        Some((meta.name.clone()?, Self { uid: meta.uid.clone()?, control_plane }))
    }
}

/// Every node by name, where they were read.
pub(in crate::facts) type Nodes = Known<BTreeMap<String, NodeIdentity>>;

/// Programs of the control plane that run as static pods, by the name that kubeadm and distributions give the pod in front of the
/// name of its node.
const COMPONENTS: &[&str] = &[
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "cloud-controller-manager",
    "etcd",
    "etcd-manager-main",
    "etcd-manager-events",
    "konnectivity-server",
    // What kubeadm's guide to high availability puts before several API servers.
    "haproxy",
    "keepalived",
    "kube-vip",
];

impl Shape<'_> {
    /// Whether the pod is a kubelet's copy of a static pod: what it says is believed when the Node object that it names as its
    /// owner is there with that uid. A pod that does not say so needs no belief.
    pub(super) fn mirror(&self, nodes: &Nodes) -> Known<bool> {
        match &self.claims_mirror {
            None => Known::Known(false),
            Some((node, uid)) => nodes.as_ref().map(|nodes| nodes.get(node).is_some_and(|known| known.uid == *uid)),
        }
    }

    /// Whether the pod is a component of the control plane that a kubelet started from a file: a copy of a static pod in
    /// kube-system, on a node of the control plane, with the name that such a copy has.
    pub(super) fn control_plane(&self, nodes: &Nodes) -> Known<bool> {
        let Some((node, uid)) = &self.claims_mirror else { return Known::Known(false) };
        let component = self.workload.name.strip_suffix(node.as_str()).and_then(|name| name.strip_suffix('-'));
        if self.workload.namespace.as_deref() != Some("kube-system") || !component.is_some_and(|name| COMPONENTS.contains(&name)) {
            return Known::Known(false);
        }
        nodes.as_ref().map(|nodes| nodes.get(node).is_some_and(|known| known.uid == *uid && known.control_plane))
    }
}

/// A kubelet's copy of a static pod: annotations `kubernetes.io/config.mirror` and `kubernetes.io/config.source`, which says where
/// the kubelet has it from (`file`, or `http` where a URL is given, as Talos does), controlled by the Node it is bound to. Anyone
/// who may create pods can set these; see `api_server_settings` for what is believed.
pub(in crate::facts) fn claims_mirror(meta: &ObjectMeta, spec: &PodSpec) -> Option<(String, String)> {
    let source = annotation(meta, "kubernetes.io/config.source");
    let says = annotation(meta, "kubernetes.io/config.mirror").is_some() && matches!(source.as_deref(), Some("file" | "http"));
    let is_its_node =
        |owner: &&OwnerReference| owner.kind == "Node" && group(owner).is_empty() && Some(&owner.name) == spec.node_name.as_ref();
    let owner = controller(meta).filter(is_its_node)?;
    says.then(|| (owner.name.clone(), owner.uid.clone()))
}
