//! What a cluster serves and keeps that decides what a right is worth: one on a kind that it does not serve gives nothing, and one to scale
//! StatefulSets deletes data where these say so.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use crate::facts::table::read::{Readable, Reader};
use crate::facts::{FactsError, Known};
use crate::model::sources::{KUBERNETES_GROUPS, STATEFUL_SETS};

/// Names of StatefulSets by namespace.
type Sets = BTreeMap<String, BTreeSet<String>>;

/// What the rights are about.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// The kinds of groups that are not Kubernetes' own, as discovery lists them; everything where it was not kept.
    kinds: Option<Discovered>,
    /// StatefulSets whose claims are deleted when they are scaled down.
    shrinking: Known<Sets>,
}

impl Default for Served {
    /// Everything, and no StatefulSet.
    fn default() -> Self {
        Self { kinds: None, shrinking: Known::Known(Sets::new()) }
    }
}

#[derive(Clone, Debug)]
struct Discovered {
    /// Resources by group.
    kinds: BTreeMap<String, BTreeSet<String>>,
    /// Groups whose kinds may not be all; `*` for every one.
    gaps: BTreeSet<String>,
}

/// What a StatefulSet says about its claims (KEP-1847); they are kept unless it says otherwise.
#[derive(Deserialize)]
struct StatefulSet {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Option<Spec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    persistent_volume_claim_retention_policy: Option<Retention>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    when_scaled: Option<String>,
}

impl Readable for StatefulSet {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Served {
    pub(super) fn of(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut shrinking = Sets::new();
        reader.each::<StatefulSet>(&STATEFUL_SETS, |set, _| {
            let policy = set.spec.and_then(|spec| spec.persistent_volume_claim_retention_policy);
            if let (Some("Delete"), Some(namespace), Some(name)) =
                (policy.and_then(|policy| policy.when_scaled).as_deref(), set.metadata.namespace, set.metadata.name)
            {
                shrinking.entry(namespace).or_default().insert(name);
            }
        })?;
        let kinds = reader.discovered().map(|discovered| {
            let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for kind in &discovered.kinds {
                kinds.entry(kind.group.clone()).or_default().insert(kind.resource.clone());
            }
            Discovered { kinds, gaps: discovered.gaps.iter().map(|gap| gap.group.clone()).collect() }
        });
        Ok(Self { kinds, shrinking: reader.known_if_complete(&STATEFUL_SETS, || shrinking) })
    }

    /// Whether it is sure that nothing answers to this name. Of Kubernetes' own groups RBAC also speaks of names that are no kinds, and a
    /// server of subresources lists no kinds.
    pub(super) fn lacks(&self, group: &str, resource: &str) -> bool {
        let Some(Discovered { kinds, gaps }) = &self.kinds else { return false };
        !KUBERNETES_GROUPS.contains(&group)
            && !group.starts_with("subresources.")
            && !gaps.contains("*")
            && !gaps.contains(group)
            && !kinds.get(group).is_some_and(|resources| resources.contains(resource))
    }

    /// Namespaces where scaling a StatefulSet down, of these names or of any, deletes claims.
    pub(super) fn shrinks(&self, names: Option<&[String]>) -> Known<Vec<String>> {
        let is_named = |sets: &BTreeSet<String>| names.is_none_or(|names| names.iter().any(|name| sets.contains(name)));
        self.shrinking.as_ref().map(|all| all.iter().filter(|(_, sets)| is_named(sets)).map(|(space, _)| space.clone()).collect())
    }
}
