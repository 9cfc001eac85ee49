//! Which workload a pod belongs to, and the shapes (pod specs) in which it runs.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::FactsError;
use super::read::{MetaOnly, Reader};
use super::sources::{CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS};
use crate::model::{Evidence, ObjectRef};

/// One pod spec of a workload, as it runs or as the controller would start it.
pub(super) struct Shape<'a> {
    /// The controller at the end of the owner chain, or the pod itself.
    pub(super) workload: &'a ObjectRef,
    /// Labels of the pod or template.
    pub(super) annotations: &'a BTreeMap<String, String>,
    pub(super) spec: &'a PodSpec,
    /// Where the pod spec stands.
    pub(super) origin: &'a Evidence,
    /// `running` or `template`.
    pub(super) observed_in: &'static str,
    /// The pod's phase, empty for a template.
    pub(super) phase: &'a str,
    /// Number of pods: 1, or 0 for a template.
    pub(super) pods: i64,
    /// Whether a kubelet made the pod from a file on its node and the cluster's own data agree on that.
    pub(super) mirror: bool,
}

impl Shape<'_> {
    pub(super) fn namespace(&self) -> String {
        self.workload.namespace.clone().unwrap_or_default()
    }
    /// `Kind/name`.
    pub(super) fn workload_text(&self) -> String {
        format!("{}/{}", self.workload.kind, self.workload.name)
    }
    /// Identity of the workload: its namespace, kind and name.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.namespace(), self.workload_text())
    }
}

/// Every source that shapes rest on.
pub(super) type Owners = BTreeMap<(String, String, String), ObjectRef>;

/// Hands every shape of every workload to `take`: all pods, and the template of each controller that has no pod or whose pods
/// are not all made from it yet.
pub(super) fn each_shape(reader: &Reader<'_>, mut take: impl FnMut(&Shape<'_>)) -> Result<(), FactsError> {
    let owners = owners(reader)?;
    let mut with_pods: BTreeSet<(String, String, String)> = BTreeSet::new();
    let none = BTreeMap::new();
    reader.each::<Pod>(&PODS, |pod, origin| {
        let workload = root(&owners, &pod.metadata, "Pod", "");
        with_pods.insert(identity(&workload));
        let Some(spec) = &pod.spec else { return };
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("");
        let origin = Evidence { pointer: "/spec".to_owned(), ..origin };
        take(&Shape {
            workload: &workload,
            annotations: pod.metadata.annotations.as_ref().unwrap_or(&none),
            spec,
            origin: &origin,
            observed_in: "running",
            phase,
            pods: 1,
            mirror: is_mirror(&pod.metadata, spec),
        });
    })?;
    let mut template = |meta: &ObjectMeta,
                        kind: &str,
                        group: &str,
                        template: Option<&PodTemplateSpec>,
                        pointer: &str,
                        origin: Evidence,
                        rolled_out: bool| {
        let workload = root(&owners, meta, kind, group);
        // A Job of a CronJob is made from the CronJob's template, which is read itself.
        let owned = workload.kind != kind;
        if owned || (rolled_out && with_pods.contains(&identity(&workload))) {
            return;
        }
        let Some(PodTemplateSpec { metadata, spec: Some(spec) }) = template else { return };
        let annotations = metadata.as_ref().and_then(|meta| meta.annotations.as_ref()).unwrap_or(&none);
        let origin = Evidence { pointer: pointer.to_owned(), ..origin };
        take(&Shape {
            workload: &workload,
            annotations,
            spec,
            origin: &origin,
            observed_in: "template",
            phase: "",
            pods: 0,
            mirror: false,
        });
    };
    const SPEC: &str = "/spec/template/spec";
    reader.each::<Deployment>(&DEPLOYMENTS, |object, origin| {
        let rolled_out = rolled_out_deployment(&object);
        template(&object.metadata, "Deployment", "apps", Some(&object.spec.template), SPEC, origin, rolled_out);
    })?;
    reader.each::<StatefulSet>(&STATEFUL_SETS, |object, origin| {
        let rolled_out = object.status.as_ref().is_some_and(|s| {
            s.observed_generation == object.metadata.generation && s.update_revision.is_some() && s.update_revision == s.current_revision
        });
        template(&object.metadata, "StatefulSet", "apps", Some(&object.spec.template), SPEC, origin, rolled_out);
    })?;
    reader.each::<DaemonSet>(&DAEMON_SETS, |object, origin| {
        let rolled_out = object.status.as_ref().is_some_and(|s| {
            s.observed_generation == object.metadata.generation && s.updated_number_scheduled == Some(s.desired_number_scheduled)
        });
        template(&object.metadata, "DaemonSet", "apps", Some(&object.spec.template), SPEC, origin, rolled_out);
    })?;
    reader.each::<CronJob>(&CRON_JOBS, |object, origin| {
        let pod = object.spec.job_template.spec.as_ref().map(|job| &job.template);
        template(&object.metadata, "CronJob", "batch", pod, "/spec/jobTemplate/spec/template/spec", origin, false);
    })?;
    reader.each::<Job>(&JOBS, |object, origin| {
        // A finished Job starts no pod again.
        if object.status.as_ref().is_some_and(|status| status.completion_time.is_some()) {
            return;
        }
        template(&object.metadata, "Job", "batch", object.spec.as_ref().map(|spec| &spec.template), SPEC, origin, true);
    })?;
    reader.each::<ReplicationController>(&REPLICATION_CONTROLLERS, |object, origin| {
        template(
            &object.metadata,
            "ReplicationController",
            "",
            object.spec.as_ref().and_then(|spec| spec.template.as_ref()),
            SPEC,
            origin,
            true,
        );
    })
}

/// Every pod was made from the current template (`apps/v1` DeploymentStatus: updatedReplicas counts pods of the current template).
fn rolled_out_deployment(object: &Deployment) -> bool {
    let wanted = object.spec.replicas;
    object.status.as_ref().is_some_and(|status| {
        status.observed_generation == object.metadata.generation && status.updated_replicas == wanted && status.replicas == wanted
    })
}

fn identity(workload: &ObjectRef) -> (String, String, String) {
    (workload.namespace.clone().unwrap_or_default(), workload.kind.clone(), workload.name.clone())
}

/// The controllers of ReplicaSets and Jobs, which stand between a pod and what people call the workload.
fn owners(reader: &Reader<'_>) -> Result<Owners, FactsError> {
    let mut owners = Owners::new();
    let mut add = |kind: &str, meta: &ObjectMeta| {
        if let (Some(name), Some(owner)) = (&meta.name, controller(meta)) {
            let namespace = meta.namespace.clone().unwrap_or_default();
            owners.insert((namespace.clone(), kind.to_owned(), name.clone()), reference(owner, namespace));
        }
    };
    reader.each::<MetaOnly>(&REPLICA_SETS, |object, _| add("ReplicaSet", &object.metadata))?;
    reader.each::<MetaOnly>(&JOBS, |object, _| add("Job", &object.metadata))?;
    Ok(owners)
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

/// The end of the owner chain. A pod that a Node owns (a mirror pod) stands for itself.
fn root(owners: &Owners, meta: &ObjectMeta, kind: &str, group: &str) -> ObjectRef {
    let namespace = meta.namespace.clone().unwrap_or_default();
    let own = ObjectRef {
        kind: kind.to_owned(),
        group: group.to_owned(),
        namespace: Some(namespace.clone()),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone(),
    };
    let mut current = match controller(meta) {
        Some(owner) if owner.kind != "Node" => reference(owner, namespace),
        _ => return own,
    };
    // Chains are two long in practice; the bound keeps a loop of owner references from hanging us.
    for _ in 0..8 {
        match owners.get(&identity(&current)) {
            Some(next) if next.kind != "Node" => current = next.clone(),
            _ => break,
        }
    }
    current
}

/// A kubelet's copy of a static pod: annotations `kubernetes.io/config.mirror` and `kubernetes.io/config.source=file`, controlled
/// by the Node it is bound to. Anyone who may create pods can set these; see `api_server_settings` for what is believed.
pub(super) fn is_mirror(meta: &ObjectMeta, spec: &PodSpec) -> bool {
    let annotation = |name: &str| meta.annotations.as_ref().and_then(|all| all.get(name)).map(String::as_str);
    annotation("kubernetes.io/config.mirror").is_some()
        && annotation("kubernetes.io/config.source") == Some("file")
        && controller(meta).is_some_and(|owner| owner.kind == "Node" && Some(&owner.name) == spec.node_name.as_ref())
}
