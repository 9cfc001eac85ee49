//! What controllers would do after manifests were applied: remove what belongs to what was deleted, and replace pods.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::merge::says_same;
use super::of;
use super::state::{State, text};
use crate::model::sources::{DAEMON_SETS, DEPLOYMENTS, JOBS, NAMESPACES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS};
use crate::model::{LaidNote, ObjectRef, SourceId};
use crate::snapshot::SnapshotError;
use crate::snapshot::laid::Key;

/// Objects that go with what was deleted: those in a namespace, and those whose owners are all gone (the garbage collector).
pub(super) fn deletions(state: &mut State<'_>) -> Result<(), SnapshotError> {
    let gone: Vec<(SourceId, Key)> = state
        .laid
        .iter()
        .flat_map(|(source, objects)| objects.iter().filter(|(_, object)| object.is_none()).map(|(key, _)| (source.clone(), key.clone())))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let namespaces: BTreeSet<String> = gone.iter().filter(|(source, _)| *source == NAMESPACES).map(|(_, key)| key.1.clone()).collect();
    let mut uids: BTreeMap<String, String> = BTreeMap::new();
    for (source, key) in &gone {
        if let Some(was) = state.base(source)?.get(key) {
            uids.insert(text(was, "/metadata/uid").to_owned(), format!("{}/{}", kind(was, source), key.1));
        }
    }
    uids.remove("");
    let sources: Vec<SourceId> = state
        .snapshot
        .index()
        .sources
        .iter()
        .filter(|record| record.file.is_some() || record.state.count() > 0)
        .map(|record| record.source.clone())
        .collect();
    let mut owned: Vec<(SourceId, Key, Value)> = Vec::new();
    for source in sources.into_iter().filter(|source| !source.is_url()) {
        for (key, object) in state.base(&source)?.clone() {
            if key.0.as_ref().is_some_and(|namespace| namespaces.contains(namespace))
                || object.pointer("/metadata/ownerReferences").is_some()
            {
                owned.push((source.clone(), key, object));
            }
        }
    }
    // What an object owns goes after it, and what that owns after that.
    loop {
        let mut more = Vec::new();
        for (source, key, object) in &owned {
            let is_laid = state.laid.get(source).is_some_and(|objects| objects.contains_key(key));
            let why = match key.0.as_ref().filter(|namespace| namespaces.contains(*namespace)) {
                Some(namespace) => Some(format!("its namespace {namespace} is deleted")),
                None if is_laid => None,
                None => owner_gone(object, &uids),
            };
            let already = state.laid.get(source).and_then(|objects| objects.get(key)).is_some_and(Option::is_none);
            if let Some(why) = why.filter(|_| !already) {
                more.push((source.clone(), key.clone(), object.clone(), why));
            }
        }
        if more.is_empty() {
            return Ok(());
        }
        for (source, key, object, why) in more {
            let kind = kind(&object, &source);
            uids.insert(text(&object, "/metadata/uid").to_owned(), format!("{kind}/{}", key.1));
            state.left_out.push(LaidNote { object: reference(&kind, &source, &key, &object), why });
            state.follow(&source, key, None);
        }
    }
}

/// Why an object goes: every owner that it has is gone.
fn owner_gone(object: &Value, gone: &BTreeMap<String, String>) -> Option<String> {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array)?;
    let names: Option<Vec<&String>> = owners.iter().map(|owner| gone.get(text(owner, "/uid"))).collect();
    let names = names.filter(|names| !names.is_empty())?;
    Some(format!("its owner {} is deleted", names.first()?))
}

fn kind(object: &Value, source: &SourceId) -> String {
    match text(object, "/kind") {
        "" => source.resource().to_owned(),
        kind => kind.to_owned(),
    }
}

fn reference(kind: &str, source: &SourceId, key: &Key, object: &Value) -> ObjectRef {
    let uid = Some(text(object, "/metadata/uid").to_owned()).filter(|uid| !uid.is_empty());
    ObjectRef { uid, ..of(kind, source.api_group(), key.0.as_deref(), &key.1) }
}

/// Pods of workloads whose template is another: their controller replaces them, where it does so by itself.
pub(super) fn rollouts(state: &mut State<'_>) -> Result<(), SnapshotError> {
    for source in [DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, REPLICATION_CONTROLLERS, JOBS] {
        let laid: Vec<(Key, Value)> =
            state.laid.get(&source).into_iter().flatten().filter_map(|(key, object)| Some((key.clone(), object.clone()?))).collect();
        for (key, is) in laid {
            let Some(was) = state.base(&source)?.get(&key).cloned() else { continue };
            rollout(state, &source, &key, &was, &is)?;
        }
    }
    Ok(())
}

/// One workload that is otherwise.
fn rollout(state: &mut State<'_>, source: &SourceId, key: &Key, was: &Value, is: &Value) -> Result<(), SnapshotError> {
    let template = |object: &Value| object.pointer("/spec/template").cloned().unwrap_or_default();
    let wants_none = |object: &Value| object.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0);
    let none_wanted = wants_none(is) && !wants_none(was);
    let other_template = !says_same(&template(was), &template(is));
    if !other_template && !none_wanted {
        return Ok(());
    }
    let uid = text(was, "/metadata/uid");
    if uid.is_empty() {
        return Ok(());
    }
    let sets = owned_by(state, &REPLICA_SETS, &[uid.to_owned()])?;
    let owners: Vec<String> = sets.iter().map(|(_, set)| text(set, "/metadata/uid").to_owned()).chain([uid.to_owned()]).collect();
    let mut pods = owned_by(state, &PODS, &owners)?;
    let object = reference(&kind(is, source), source, key, was);
    if !none_wanted && let Some(&partition) = state.partitions.get(key).filter(|_| *source == STATEFUL_SETS) {
        let (stay, go): (Vec<_>, Vec<_>) =
            pods.into_iter().partition(|((_, name), _)| ordinal(name).is_none_or(|ordinal| ordinal < partition));
        if !stay.is_empty() {
            let why = format!("{} made from its template before stay: the rolling update begins at ordinal {partition}", many(stay.len()));
            state.kept.push(LaidNote { object: object.clone(), why });
        }
        pods = go;
    }
    // Every controller scales, also one that is paused or replaces nothing.
    if !none_wanted && let Some(why) = stays(source, is) {
        if !pods.is_empty() {
            state.kept.push(LaidNote { object, why: format!("{} made from its template before stay: {why}", many(pods.len())) });
        }
        return Ok(());
    }
    if !pods.is_empty() {
        let by = if none_wanted {
            "no pods are wanted any more"
        } else {
            "its controller replaces them by pods of the new template, which is looked at in their place"
        };
        state.left_out.push(LaidNote { object, why: format!("{} made from its template before: {by}", many(pods.len())) });
    }
    for (pod, _) in pods {
        state.follow(&PODS, pod, None);
    }
    if *source == DEPLOYMENTS {
        revise(state, key, is, &sets, uid, other_template);
    }
    Ok(())
}

/// `updateStrategy.rollingUpdate.partition`: pods of a StatefulSet with a lower ordinal keep the template that they have.
pub(super) fn partition(source: &SourceId, is: &Value) -> Option<i64> {
    let partition = is.pointer("/spec/updateStrategy/rollingUpdate/partition").and_then(Value::as_i64);
    partition.filter(|partition| *partition > 0 && *source == STATEFUL_SETS && text(is, "/spec/updateStrategy/type") != "OnDelete")
}

/// The number at the end of the name of a StatefulSet's pod.
fn ordinal(name: &str) -> Option<i64> {
    name.rsplit_once('-')?.1.parse().ok()
}

/// Whether a pod is a mirror of a file on its node, or has a controller.
pub(super) fn is_made_again(pod: &Value) -> bool {
    let annotations = pod.pointer("/metadata/annotations");
    let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    annotations.is_some_and(|all| all.get("kubernetes.io/config.mirror").is_some())
        || owners.into_iter().flatten().any(|owner| owner.get("controller") == Some(&Value::Bool(true)))
}

fn many(pods: usize) -> String {
    if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") }
}

/// Why the pods of a workload are not replaced by themselves.
fn stays(source: &SourceId, is: &Value) -> Option<&'static str> {
    if *source == DEPLOYMENTS {
        return (is.pointer("/spec/paused") == Some(&Value::Bool(true))).then_some("the Deployment is paused");
    }
    if *source == STATEFUL_SETS || *source == DAEMON_SETS {
        return (text(is, "/spec/updateStrategy/type") == "OnDelete").then_some("its strategy is OnDelete");
    }
    Some("a controller of this kind never replaces pods")
}

/// Objects of a source, as they are now, that one of these controls.
fn owned_by(state: &mut State<'_>, source: &SourceId, uids: &[String]) -> Result<Vec<(Key, Value)>, SnapshotError> {
    let controls = |object: &Value| {
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        owners
            .into_iter()
            .flatten()
            .any(|owner| owner.get("controller") == Some(&Value::Bool(true)) && uids.iter().any(|uid| text(owner, "/uid") == uid))
    };
    let found: Vec<(Key, Value)> =
        state.base(source)?.iter().filter(|(_, object)| controls(object)).map(|(key, object)| (key.clone(), object.clone())).collect();
    let laid = state.laid.get(source);
    Ok(found.into_iter().filter(|(key, _)| laid.is_none_or(|laid| !laid.contains_key(key))).collect())
}

/// The ReplicaSets of a Deployment after its rollout: those that there were keep the old template and no pods; a new one has the new.
fn revise(state: &mut State<'_>, key: &Key, is: &Value, sets: &[(Key, Value)], uid: &str, other_template: bool) {
    const REVISION: &str = "deployment.kubernetes.io/revision";
    if sets.is_empty() {
        // Nothing shows that a controller works here.
        return;
    }
    let mut newest = 0;
    for (set, object) in sets {
        let revision = object.pointer("/metadata/annotations").and_then(|all| all.get(REVISION)).and_then(Value::as_str);
        newest = newest.max(revision.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0));
        let mut object = object.clone();
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("replicas".to_owned(), json!(0));
        }
        state.follow(&REPLICA_SETS, set.clone(), Some(object));
    }
    if !other_template {
        return;
    }
    let name = format!("{}-what-if", key.1);
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": key.0, "uid": format!("what-if-{uid}"), "generation": 1,
            "annotations": {REVISION: (newest + 1).to_string()},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": key.1, "uid": uid, "controller": true}],
        },
        "spec": {"replicas": is.pointer("/spec/replicas").cloned().unwrap_or(json!(1)), "template": is.pointer("/spec/template").cloned().unwrap_or_default()},
    });
    state.kinds.entry(REPLICA_SETS).or_insert_with(|| "ReplicaSet".to_owned());
    state.follow(&REPLICA_SETS, (key.0.clone(), name), Some(set));
}
