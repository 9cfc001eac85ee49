//! What stands between a pod and its workload. Objects are told apart by uid and API group: a name says nothing once an object was
//! made again, and kinds of other projects share the names of Kubernetes' own.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::facts::FactsError;
use crate::facts::table::read::{MetaOnly, Reader};
use crate::model::ObjectRef;
use crate::model::sources::{JOBS, KUBERNETES_GROUPS, REPLICA_SETS, REPLICATION_CONTROLLERS};

/// The controllers of ReplicaSets, ReplicationControllers and Jobs, by the uid of these.
#[derive(Default)]
pub(in crate::facts) struct Owners(BTreeMap<String, Owner>);

struct Owner {
    controller: ObjectRef,
    /// `deployment.kubernetes.io/revision` of a ReplicaSet: which template of its Deployment it was made from.
    revision: Option<String>,
}

impl Owners {
    /// Those of everything that stands between pods and their workloads, for whoever needs no templates.
    pub(in crate::facts) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut owners = Self::default();
        for source in [REPLICA_SETS, REPLICATION_CONTROLLERS, JOBS] {
            reader.each::<MetaOnly>(&source, |object, _| owners.add(&object.metadata))?;
        }
        Ok(owners)
    }

    /// Remembers who controls an object that itself controls pods.
    pub(super) fn add(&mut self, meta: &ObjectMeta) {
        if let (Some(uid), Some(owner)) = (&meta.uid, controller(meta)) {
            let controller = reference(owner, meta.namespace.clone().unwrap_or_default());
            self.0.insert(uid.clone(), Owner { controller, revision: annotation(meta, "deployment.kubernetes.io/revision") });
        }
    }

    /// Uid of the controller behind the object with that uid, and the revision that the object carries.
    pub(super) fn behind(&self, uid: &str) -> Option<(&str, Option<&str>)> {
        let owner = self.0.get(uid)?;
        Some((owner.controller.uid.as_deref()?, owner.revision.as_deref()))
    }

    /// The end of the owner chain. A pod that a Node owns (a mirror pod) stands for itself.
    pub(in crate::facts) fn root(&self, meta: &ObjectMeta, kind: &str, group: &str) -> ObjectRef {
        let mut current = match controller(meta) {
            Some(owner) if !is_node(owner) => reference(owner, meta.namespace.clone().unwrap_or_default()),
            _ => return own(meta, kind, group),
        };
        // Chains are two long in practice; the bound keeps a loop of owner references from hanging us.
        for _ in 0..8 {
            match current.uid.as_deref().and_then(|uid| self.0.get(uid)) {
                Some(next) if next.controller.kind != "Node" => current = next.controller.clone(),
                _ => break,
            }
        }
        current
    }
}

/// The owner that controls an object; there is at most one (`meta/v1` OwnerReference).
pub(super) fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// The API group of an owner.
pub(super) fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

fn is_node(owner: &OwnerReference) -> bool {
    owner.kind == "Node" && group(owner).is_empty()
}

/// Whether a group is one of Kubernetes' own. Other projects have groups that end in `k8s.io`, too.
pub(super) fn is_own_group(group: &str) -> bool {
    KUBERNETES_GROUPS.contains(&group) || !group.contains('.')
}

/// Whether a controller that is not Kubernetes' own makes pods.
pub(super) fn is_foreign(owner: &OwnerReference) -> bool {
    !is_own_group(group(owner))
}

/// Kinds, by group, that make one pod and none after it: what they would make is what was seen.
const ONE_POD: &[(&str, &str)] =
    &[("actions.github.com", "EphemeralRunner"), ("kubevirt.io", "VirtualMachineInstance"), ("tekton.dev", "TaskRun")];

/// Whether a controller of another project goes on making pods from a template.
pub(super) fn makes_more(owner: &OwnerReference) -> bool {
    is_foreign(owner) && !ONE_POD.contains(&(group(owner), owner.kind.as_str()))
}

pub(super) fn annotation(meta: &ObjectMeta, name: &str) -> Option<String> {
    meta.annotations.as_ref().and_then(|all| all.get(name)).cloned()
}

/// An owner as an object of that namespace.
pub(super) fn reference(owner: &OwnerReference, namespace: String) -> ObjectRef {
    ObjectRef {
        kind: owner.kind.clone(),
        group: group(owner).to_owned(),
        namespace: Some(namespace),
        name: owner.name.clone(),
        uid: Some(owner.uid.clone()),
    }
}

/// An object itself.
pub(super) fn own(meta: &ObjectMeta, kind: &str, group: &str) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        group: group.to_owned(),
        namespace: Some(meta.namespace.clone().unwrap_or_default()),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone(),
    }
}

/// Kinds whose names other projects use, too.
const KINDS: &[&str] =
    &["CronJob", "DaemonSet", "Deployment", "Job", "Node", "Pod", "ReplicaSet", "ReplicationController", "Service", "StatefulSet"];

/// `Kind/name`, and `Kind.group/name` for kinds of other projects that are called as Kubernetes' own.
pub(in crate::facts) fn workload_text(workload: &ObjectRef) -> String {
    let ObjectRef { kind, group, name, .. } = workload;
    if KINDS.contains(&kind.as_str()) && !is_own_group(group) { format!("{kind}.{group}/{name}") } else { format!("{kind}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(uid: &str, owner: Option<(&str, &str, &str, &str)>) -> ObjectMeta {
        let owner = owner.map(|(api_version, kind, name, uid)| OwnerReference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            controller: Some(true),
            ..OwnerReference::default()
        });
        ObjectMeta {
            name: Some("x".to_owned()),
            namespace: Some("records".to_owned()),
            uid: Some(uid.to_owned()),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn a_name_that_was_used_before_owns_nothing() {
        let mut owners = Owners::default();
        owners.add(&meta("set-2", Some(("apps/v1", "Deployment", "web", "deployment-2"))));
        let of = |set: &str| owners.root(&meta("pod", Some(("apps/v1", "ReplicaSet", "web-1", set))), "Pod", "");
        assert_eq!((of("set-2").kind, of("set-1").kind), ("Deployment".to_owned(), "ReplicaSet".to_owned()));
    }

    #[test]
    fn the_group_tells_kinds_of_one_name_apart() {
        let text = |api: &str| workload_text(&Owners::default().root(&meta("pod", Some((api, "StatefulSet", "db", "u"))), "Pod", ""));
        assert_eq!(text("apps/v1"), "StatefulSet/db");
        assert_eq!(text("apps.kruise.io/v1beta1"), "StatefulSet.apps.kruise.io/db");
    }

    #[test]
    fn a_loop_of_owners_ends() {
        let mut owners = Owners::default();
        owners.add(&meta("a", Some(("apps/v1", "ReplicaSet", "b", "b"))));
        owners.add(&meta("b", Some(("apps/v1", "ReplicaSet", "a", "a"))));
        assert_eq!(owners.root(&meta("pod", Some(("apps/v1", "ReplicaSet", "a", "a"))), "Pod", "").kind, "ReplicaSet");
    }
}
