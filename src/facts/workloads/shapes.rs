//! Which workload a pod belongs to, and the shapes (pod specs) in which it runs.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{PodIP, PodSpec, PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::pod_text::{Before, WrittenPod};
use crate::facts::table::read::{MetaOnly, Reader};
use crate::facts::{FactsError, Known};
use crate::model::sources::{CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS};
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
    /// `Kind/name`.
    pub(in crate::facts) fn workload_text(&self) -> String {
        format!("{}/{}", self.workload.kind, self.workload.name)
    }
    /// Identity of the workload: its namespace, kind and name.
    pub(in crate::facts) fn key(&self) -> String {
        format!("{}/{}", self.namespace(), self.workload_text())
    }
}

/// What stands between a pod and its workload.
struct Owner {
    controller: ObjectRef,
    /// `deployment.kubernetes.io/revision` of a ReplicaSet: which template of its Deployment it was made from.
    revision: Option<String>,
}

/// Namespace, kind and name to owner.
type Owners = BTreeMap<(String, String, String), Owner>;

/// Templates of which a live pod was seen: uid of the controller and the mark that it gives its current template.
type Seen = BTreeSet<(String, String)>;

/// Hands every shape of every workload to `take`: all pods, and the template of each controller unless a live pod that was made
/// from that very template was seen.
pub(in crate::facts) fn each_shape(reader: &Reader<'_>, mut take: impl FnMut(&Shape<'_>)) -> Result<(), FactsError> {
    let (owners, without_controller) = owners(reader)?;
    let mut seen = Seen::new();
    let mut with_pods: BTreeSet<String> = BTreeSet::new();
    let none = BTreeMap::new();
    let mut before = Before::default();
    reader.each::<WrittenPod>(&PODS, |pod, origin| {
        let (spec, repeats) = match before.spec(&pod, controller(&pod.metadata)) {
            Ok(Some((spec, repeats))) if !spec.containers.is_empty() => (spec, repeats),
            Ok(_) => return without_containers(reader, &PODS, &pod.metadata),
            Err(error) => return reader.not_decoded(&PODS, pod.metadata.namespace.clone(), display(&pod.metadata), &error.to_string()),
        };
        let workload = root(&owners, &pod.metadata, "Pod", "");
        let phase = pod.phase();
        if !matches!(phase, "Succeeded" | "Failed") && pod.metadata.deletion_timestamp.is_none() {
            with_pods.extend(controller(&pod.metadata).map(|owner| owner.uid.clone()));
            seen.extend(made_from(&owners, &pod.metadata));
        }
        let origin = origin.at("/spec");
        let addresses = addresses(pod.addresses());
        take(&Shape {
            workload: &workload,
            labels: pod.metadata.labels.as_ref().unwrap_or(&none),
            annotations: pod.metadata.annotations.as_ref().unwrap_or(&none),
            spec: &spec,
            origin: &origin,
            observed_in: "running",
            phase,
            pods: 1,
            addresses: &addresses,
            claims_mirror: claims_mirror(&pod.metadata, &spec),
            repeats,
        });
        let owner = controller(&pod.metadata).cloned();
        before.was(pod, spec, owner);
    })?;
    for set in without_controller {
        if set.uid.as_ref().is_none_or(|uid| !with_pods.contains(uid)) {
            reader.doubt(
                &REPLICA_SETS,
                format!("the template of the ReplicaSet {}", display(&set)),
                "of ReplicaSets only metadata is read, and this one has neither a controller nor a pod",
                "Look at it by hand, or remove it.",
            );
        }
    }
    let mut template = |source: &SourceId,
                        meta: &ObjectMeta,
                        workload: &ObjectRef,
                        template: Option<&PodTemplateSpec>,
                        pointer: &str,
                        origin: Evidence| {
        let Some((metadata, spec)) =
            template.and_then(|t| Some((t.metadata.as_ref(), t.spec.as_ref().filter(|spec| !spec.containers.is_empty())?)))
        else {
            return without_containers(reader, source, meta);
        };
        let annotations = metadata.and_then(|meta| meta.annotations.as_ref()).unwrap_or(&none);
        let labels = metadata.and_then(|meta| meta.labels.as_ref()).unwrap_or(&none);
        let origin = origin.at(pointer.to_owned());
        take(&Shape {
            workload,
            labels,
            annotations,
            spec,
            origin: &origin,
            observed_in: "template",
            phase: "",
            pods: 0,
            addresses: &[],
            claims_mirror: None,
            repeats: false,
        });
    };
    const SPEC: &str = "/spec/template/spec";
    reader.each::<Deployment>(&DEPLOYMENTS, |object, origin| {
        let observed = object.status.as_ref().is_some_and(|status| status.observed_generation == object.metadata.generation);
        let mark = observed.then(|| annotation(&object.metadata, "deployment.kubernetes.io/revision")).flatten();
        if !is_seen(&seen, &object.metadata, mark) {
            template(
                &DEPLOYMENTS,
                &object.metadata,
                &own(&object.metadata, "Deployment", "apps"),
                Some(&object.spec.template),
                SPEC,
                origin,
            );
        }
    })?;
    reader.each::<StatefulSet>(&STATEFUL_SETS, |object, origin| {
        let status = object.status.as_ref().filter(|status| status.observed_generation == object.metadata.generation);
        if !is_seen(&seen, &object.metadata, status.and_then(|status| status.update_revision.clone())) {
            template(
                &STATEFUL_SETS,
                &object.metadata,
                &own(&object.metadata, "StatefulSet", "apps"),
                Some(&object.spec.template),
                SPEC,
                origin,
            );
        }
    })?;
    reader.each::<DaemonSet>(&DAEMON_SETS, |object, origin| {
        let observed = object.status.as_ref().is_some_and(|status| status.observed_generation == object.metadata.generation);
        let mark = observed.then(|| annotation(&object.metadata, "deprecated.daemonset.template.generation")).flatten();
        if !is_seen(&seen, &object.metadata, mark) {
            template(
                &DAEMON_SETS,
                &object.metadata,
                &own(&object.metadata, "DaemonSet", "apps"),
                Some(&object.spec.template),
                SPEC,
                origin,
            );
        }
    })?;
    reader.each::<CronJob>(&CRON_JOBS, |object, origin| {
        let pod = object.spec.job_template.spec.as_ref().map(|job| &job.template);
        template(
            &CRON_JOBS,
            &object.metadata,
            &own(&object.metadata, "CronJob", "batch"),
            pod,
            "/spec/jobTemplate/spec/template/spec",
            origin,
        );
    })?;
    reader.each::<Job>(&JOBS, |object, origin| {
        // Its pods come one after the other, so that those that were seen say nothing about the next one.
        if !is_finished(&object) {
            let workload = root(&owners, &object.metadata, "Job", "batch");
            template(&JOBS, &object.metadata, &workload, object.spec.as_ref().map(|spec| &spec.template), SPEC, origin);
        }
    })?;
    reader.each::<ReplicationController>(&REPLICATION_CONTROLLERS, |object, origin| {
        let workload = own(&object.metadata, "ReplicationController", "");
        let pod = object.spec.as_ref().and_then(|spec| spec.template.as_ref());
        template(&REPLICATION_CONTROLLERS, &object.metadata, &workload, pod, SPEC, origin);
    })
}

/// The API refuses such objects; one that comes all the same was not read whole, and its containers are not known.
fn without_containers(reader: &Reader<'_>, source: &SourceId, meta: &ObjectMeta) {
    let what = format!("the containers of {} of {source}", display(meta));
    reader.doubt(source, what, "the object came without any", "Look at the object by hand; it may have been changed on its way here.");
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

fn display(meta: &ObjectMeta) -> String {
    format!("{}/{}", meta.namespace.as_deref().unwrap_or(""), meta.name.as_deref().unwrap_or(""))
}

/// Which template of which controller a pod was made from, by the marks that the controllers themselves leave (`apps/v1`: the
/// revision of the ReplicaSet, `controller-revision-hash`, `pod-template-generation`).
fn made_from(owners: &Owners, meta: &ObjectMeta) -> Vec<(String, String)> {
    let Some(owner) = controller(meta) else { return Vec::new() };
    let label = |name: &str| meta.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
    let mut marks: Vec<(String, String)> = [label("controller-revision-hash"), label("pod-template-generation")]
        .into_iter()
        .flatten()
        .map(|mark| (owner.uid.clone(), mark))
        .collect();
    let key = (meta.namespace.clone().unwrap_or_default(), owner.kind.clone(), owner.name.clone());
    if let Some(Owner { controller, revision: Some(revision) }) = owners.get(&key)
        && let Some(uid) = &controller.uid
    {
        marks.push((uid.clone(), revision.clone()));
    }
    marks
}

fn is_seen(seen: &Seen, meta: &ObjectMeta, mark: Option<String>) -> bool {
    match (meta.uid.clone(), mark) {
        (Some(uid), Some(mark)) => seen.contains(&(uid, mark)),
        _ => false,
    }
}

/// A finished Job starts no pod again (`batch/v1` JobStatus: condition Complete or Failed).
fn is_finished(job: &Job) -> bool {
    let Some(status) = &job.status else { return false };
    let over = |kind: &str| kind == "Complete" || kind == "Failed";
    status.completion_time.is_some() || status.conditions.iter().flatten().any(|c| over(&c.type_) && c.status == "True")
}

fn annotation(meta: &ObjectMeta, name: &str) -> Option<String> {
    meta.annotations.as_ref().and_then(|all| all.get(name)).cloned()
}

fn identity(workload: &ObjectRef) -> (String, String, String) {
    (workload.namespace.clone().unwrap_or_default(), workload.kind.clone(), workload.name.clone())
}

/// The controllers of ReplicaSets and Jobs, which stand between a pod and what people call the workload, and the ReplicaSets that have
/// none.
fn owners(reader: &Reader<'_>) -> Result<(Owners, Vec<ObjectMeta>), FactsError> {
    let mut owners = Owners::new();
    let mut without = Vec::new();
    let mut add = |kind: &str, meta: &ObjectMeta| {
        if let (Some(name), Some(owner)) = (&meta.name, controller(meta)) {
            let namespace = meta.namespace.clone().unwrap_or_default();
            let owner =
                Owner { controller: reference(owner, namespace.clone()), revision: annotation(meta, "deployment.kubernetes.io/revision") };
            owners.insert((namespace, kind.to_owned(), name.clone()), owner);
        }
    };
    reader.each::<MetaOnly>(&REPLICA_SETS, |object, _| {
        add("ReplicaSet", &object.metadata);
        if controller(&object.metadata).is_none() {
            without.push(object.metadata);
        }
    })?;
    reader.each::<MetaOnly>(&JOBS, |object, _| add("Job", &object.metadata))?;
    Ok((owners, without))
}

fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

fn reference(owner: &OwnerReference, namespace: String) -> ObjectRef {
    ObjectRef {
        kind: owner.kind.clone(),
        group: owner.api_version.split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default(),
        namespace: Some(namespace),
        name: owner.name.clone(),
        uid: Some(owner.uid.clone()),
    }
}

fn own(meta: &ObjectMeta, kind: &str, group: &str) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        group: group.to_owned(),
        namespace: Some(meta.namespace.clone().unwrap_or_default()),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone(),
    }
}

/// The end of the owner chain. A pod that a Node owns (a mirror pod) stands for itself.
fn root(owners: &Owners, meta: &ObjectMeta, kind: &str, group: &str) -> ObjectRef {
    let mut current = match controller(meta) {
        Some(owner) if owner.kind != "Node" => reference(owner, meta.namespace.clone().unwrap_or_default()),
        _ => return own(meta, kind, group),
    };
    // Chains are two long in practice; the bound keeps a loop of owner references from hanging us.
    for _ in 0..8 {
        match owners.get(&identity(&current)) {
            Some(next) if next.controller.kind != "Node" => current = next.controller.clone(),
            _ => break,
        }
    }
    current
}

/// Name and uid of every node, where they were read.
pub(in crate::facts) type Nodes = Known<BTreeMap<String, String>>;

impl Shape<'_> {
    /// Whether the pod is a kubelet's copy of a static pod: what it says is believed when the Node object that it names as its
    /// owner is there with that uid. A pod that does not say so needs no belief.
    pub(in crate::facts) fn mirror(&self, nodes: &Nodes) -> Known<bool> {
        match &self.claims_mirror {
            None => Known::Known(false),
            Some((node, uid)) => nodes.as_ref().map(|nodes| nodes.get(node) == Some(uid)),
        }
    }
}

/// A kubelet's copy of a static pod: annotations `kubernetes.io/config.mirror` and `kubernetes.io/config.source`, which is `file` or
/// `http` (pkg/kubelet/types/pod_update.go; Talos serves its manifests), controlled by the Node it is bound to. Anyone who may create pods can set these; see `api_server_settings` for what is believed.
pub(in crate::facts) fn claims_mirror(meta: &ObjectMeta, spec: &PodSpec) -> Option<(String, String)> {
    let says = annotation(meta, "kubernetes.io/config.mirror").is_some()
        && matches!(annotation(meta, "kubernetes.io/config.source").as_deref(), Some("file" | "http"));
    let owner = controller(meta).filter(|owner| owner.kind == "Node" && Some(&owner.name) == spec.node_name.as_ref())?;
    says.then(|| (owner.name.clone(), owner.uid.clone()))
}
