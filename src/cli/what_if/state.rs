//! What is there while manifests are laid over a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{DEFAULT_NAMESPACE, merge, of, unread};
use crate::model::{Hypothetical, LaidFile, LaidNote, ObjectRef, SourceId, sources};
use crate::snapshot::laid::{Key, LaidOver, key};
use crate::snapshot::{Snapshot, SnapshotError};

/// Kinds that lie in no namespace, for snapshots that do not hold the result of discovery.
const CLUSTER_SCOPED: &[&str] = &[
    "APIService",
    "CSIDriver",
    "CiliumClusterwideNetworkPolicy",
    "ClusterPolicy",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "GatewayClass",
    "GlobalNetworkPolicy",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// Kinds of Kubernetes' own groups in versions that were taken away before 1.30 (the deprecated API migration guide); an empty list means
/// all kinds. Discovery, as it is kept, holds the preferred version of a kind only, so that another one may well be served.
const RETIRED: &[(&str, &[&str])] = &[
    ("extensions/v1beta1", &[]),
    ("apps/v1beta1", &[]),
    ("apps/v1beta2", &[]),
    ("admissionregistration.k8s.io/v1beta1", &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]),
    ("apiextensions.k8s.io/v1beta1", &[]),
    ("apiregistration.k8s.io/v1beta1", &[]),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"]),
    ("rbac.authorization.k8s.io/v1alpha1", &[]),
    ("rbac.authorization.k8s.io/v1beta1", &[]),
    ("scheduling.k8s.io/v1beta1", &[]),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    ("batch/v1beta1", &[]),
    ("discovery.k8s.io/v1beta1", &[]),
    ("policy/v1beta1", &[]),
    ("autoscaling/v2beta1", &[]),
    ("autoscaling/v2beta2", &[]),
    ("node.k8s.io/v1beta1", &[]),
];

/// The API group of an `apiVersion`.
pub(super) fn group(object: &Value) -> &str {
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    version.split_once('/').map_or("", |(group, _)| group)
}

pub(super) fn text<'o>(object: &'o Value, pointer: &str) -> &'o str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The object of a manifest, as findings name it.
pub(super) fn object_ref(object: &Value) -> ObjectRef {
    let namespace = Some(text(object, "/metadata/namespace")).filter(|namespace| !namespace.is_empty());
    of(text(object, "/kind"), group(object), namespace, text(object, "/metadata/name"))
}

/// The snapshot, what was laid, and what there is to say of it.
pub(super) struct State<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// Objects of the sources that were looked into, as they were.
    base: BTreeMap<SourceId, BTreeMap<Key, Value>>,
    pub(super) laid: BTreeMap<SourceId, BTreeMap<Key, Option<Value>>>,
    pub(super) kinds: BTreeMap<SourceId, String>,
    pub(super) left_out: Vec<LaidNote>,
    pub(super) kept: Vec<LaidNote>,
    pub(super) not_looked_at: Vec<LaidNote>,
    /// Ordinals at which rolling updates of StatefulSets begin, as the manifests say: nothing else needs them, so that they are not stored.
    pub(super) partitions: BTreeMap<Key, i64>,
    /// What went or came by itself, and is not counted as laid.
    pub(super) follows: BTreeSet<(SourceId, Key)>,
}

impl<'a> State<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            base: BTreeMap::new(),
            laid: BTreeMap::new(),
            kinds: BTreeMap::new(),
            left_out: Vec::new(),
            kept: Vec::new(),
            not_looked_at: Vec::new(),
            partitions: BTreeMap::new(),
            follows: BTreeSet::new(),
        }
    }

    /// Objects without a namespace get kubectl's usual one, where their kind lies in namespaces; those of other kinds lose theirs.
    pub(super) fn set_namespace(&self, object: &mut Value) {
        let namespaced = self.is_namespaced(object);
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        let has = metadata.get("namespace").and_then(Value::as_str).is_some_and(|namespace| !namespace.is_empty());
        match (namespaced, has) {
            (true, false) => drop(metadata.insert("namespace".to_owned(), DEFAULT_NAMESPACE.into())),
            (false, _) => drop(metadata.remove("namespace")),
            (true, true) => {}
        }
    }

    fn is_namespaced(&self, object: &Value) -> bool {
        let (group, kind) = (group(object), text(object, "/kind"));
        let discovered = self.snapshot.index().discovery.iter().flat_map(|discovery| &discovery.kinds);
        let said = discovered.filter(|served| served.group == group && served.kind == kind).find_map(|served| served.namespaced);
        said.unwrap_or_else(|| !CLUSTER_SCOPED.contains(&kind))
    }

    /// Why nothing can be said of an object of a source.
    pub(super) fn unseen(&self, source: &SourceId, version: &str, object: &ObjectRef) -> Option<String> {
        let index = self.snapshot.index();
        if let Some(discovery) = index.discovery.as_ref().filter(|discovery| discovery.gap(&object.group).is_none())
            && !discovery.kinds.iter().any(|served| served.group == object.group && served.kind == object.kind)
        {
            return Some(format!("the cluster does not serve the kind {}: a server would refuse it", object.kind));
        }
        if RETIRED.iter().any(|(retired, kinds)| *retired == version && (kinds.is_empty() || kinds.contains(&object.kind.as_str()))) {
            return Some(format!("{} is not served in {version} by any supported Kubernetes: a server would refuse it", object.kind));
        }
        unread(source, index.record(source).map(|record| &record.state))
    }

    /// The objects of a source, as they were.
    pub(super) fn base(&mut self, source: &SourceId) -> Result<&BTreeMap<Key, Value>, SnapshotError> {
        if !self.base.contains_key(source) {
            let mut objects = BTreeMap::new();
            for stored in self.snapshot.objects(source)? {
                let stored = stored?;
                // What cannot be read as an object stays as it is, because nothing has its name.
                if let (Some(key), Ok(value)) = (key(&stored.json), serde_json::from_str(&stored.json)) {
                    objects.insert(key, value);
                }
            }
            self.base.insert(source.clone(), objects);
        }
        Ok(self.base.entry(source.clone()).or_default())
    }

    /// What stands under a name now.
    pub(super) fn current(&mut self, source: &SourceId, key: &Key) -> Result<Option<Value>, SnapshotError> {
        if let Some(laid) = self.laid.get(source).and_then(|objects| objects.get(key)) {
            return Ok(laid.clone());
        }
        Ok(self.base(source)?.get(key).cloned())
    }

    pub(super) fn lay(&mut self, source: &SourceId, key: Key, object: Option<Value>) {
        self.laid.entry(source.clone()).or_default().insert(key, object);
    }

    /// Lays something that follows from what people laid.
    pub(super) fn follow(&mut self, source: &SourceId, key: Key, object: Option<Value>) {
        self.follows.insert((source.clone(), key.clone()));
        self.lay(source, key, object);
    }

    /// Objects in namespaces that there are not.
    pub(super) fn homeless(&mut self) -> Result<Vec<String>, SnapshotError> {
        let record = self.snapshot.index().record(&sources::NAMESPACES);
        if !record.is_some_and(crate::model::SourceRecord::is_whole) {
            return Ok(Vec::new());
        }
        let mut there: BTreeSet<String> = self.base(&sources::NAMESPACES)?.keys().map(|(_, name)| name.clone()).collect();
        for ((_, name), object) in self.laid.get(&sources::NAMESPACES).into_iter().flatten() {
            if object.is_some() {
                there.insert(name.clone())
            } else {
                there.remove(name)
            };
        }
        let all = self.laid.values().flatten().filter(|(_, object)| object.is_some());
        let missing: BTreeSet<&String> =
            all.filter_map(|((namespace, _), _)| namespace.as_ref()).filter(|name| !there.contains(*name)).collect();
        Ok(missing.into_iter().map(|name| format!("there is no namespace {name}: a server would refuse what lies in it")).collect())
    }

    /// The snapshot with everything laid over it.
    pub(super) fn finish(mut self, manifests: Vec<LaidFile>) -> (Snapshot, Hypothetical) {
        let (mut created, mut replaced, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        let (mut over, mut counts): (LaidOver, BTreeMap<SourceId, (u64, String)>) = (BTreeMap::new(), BTreeMap::new());
        for (source, objects) in std::mem::take(&mut self.laid) {
            let base = self.base.remove(&source).unwrap_or_default();
            let mut count = self.snapshot.index().record(&source).map_or(0, |record| record.state.count());
            let kind = self.kinds.get(&source).cloned().unwrap_or_default();
            for (key, object) in objects {
                let was = base.get(&key);
                let mut reference = of(&kind, source.api_group(), key.0.as_deref(), &key.1);
                reference.uid = was.map(|was| text(was, "/metadata/uid").to_owned()).filter(|uid| !uid.is_empty());
                let follows = self.follows.contains(&(source.clone(), key.clone()));
                let into = match (was, &object) {
                    (Some(was), Some(is)) if merge::is_same(was, is) => continue,
                    (None, None) => continue,
                    (None, Some(_)) => {
                        count += 1;
                        &mut created
                    }
                    (Some(_), Some(_)) => &mut replaced,
                    (Some(_), None) => {
                        count = count.saturating_sub(1);
                        &mut deleted
                    }
                };
                if !follows {
                    into.push(reference);
                }
                over.entry(source.clone()).or_default().insert(key, object.map(|object| object.to_string()));
            }
            counts.insert(source, (count, kind));
        }
        for list in [&mut created, &mut replaced, &mut deleted] {
            list.sort();
        }
        for list in [&mut self.left_out, &mut self.kept, &mut self.not_looked_at] {
            list.sort();
            list.dedup();
        }
        let snapshot_sha256 = self.snapshot.index_sha256().to_owned();
        let State { left_out, kept, not_looked_at, .. } = self;
        let hypothetical = Hypothetical { snapshot_sha256, manifests, created, replaced, deleted, left_out, kept, not_looked_at };
        (self.snapshot.with_laid(over, &counts), hypothetical)
    }
}
