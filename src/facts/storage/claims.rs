//! Claims, and the claims that StatefulSets will make.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::facts::FactsError;
use crate::facts::table::read::Reader;
use crate::facts::workloads::volume_uses::is_left_out;
use crate::model::sources::{PERSISTENT_VOLUME_CLAIMS, STATEFUL_SETS};
use crate::model::{Evidence, ObjectRef};

/// One claim as read.
pub(super) struct Claim {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: Option<String>,
    /// `None` when the field is not set: then the class is still to be chosen.
    pub(super) class: Option<String>,
    pub(super) volume: String,
    /// Whether what it holds comes from a snapshot or another claim: then its class alone did not make the volume.
    pub(super) restored: bool,
    pub(super) phase: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Whether its label leaves it out of backups.
    pub(super) left_out: bool,
    /// When it was made, as the API says it.
    pub(super) created: Option<String>,
    pub(super) origin: Evidence,
}

impl Claim {
    pub(super) fn subject(&self) -> ObjectRef {
        ObjectRef {
            kind: "PersistentVolumeClaim".to_owned(),
            group: String::new(),
            namespace: Some(self.namespace.clone()),
            name: self.name.clone(),
            uid: self.uid.clone(),
        }
    }
}

/// All claims.
pub(super) fn claims(reader: &Reader<'_>) -> Result<Vec<Claim>, FactsError> {
    let mut claims = Vec::new();
    reader.each::<PersistentVolumeClaim>(&PERSISTENT_VOLUME_CLAIMS, |claim, origin| {
        let source = claim.spec.as_ref().map(|spec| (&spec.data_source, &spec.data_source_ref));
        let restored = source.is_some_and(|(source, by_reference)| source.is_some() || by_reference.is_some());
        let (class, volume) = claim.spec.map(|spec| (spec.storage_class_name, spec.volume_name)).unwrap_or((None, None));
        let labels = claim.metadata.labels.unwrap_or_default();
        claims.push(Claim {
            namespace: claim.metadata.namespace.unwrap_or_default(),
            name: claim.metadata.name.unwrap_or_default(),
            uid: claim.metadata.uid,
            class,
            volume: volume.unwrap_or_default(),
            restored,
            phase: claim.status.and_then(|status| status.phase).unwrap_or_default(),
            left_out: is_left_out(&labels),
            labels,
            created: claim.metadata.creation_timestamp.map(|time| time.0.to_string()),
            origin,
        });
    })?;
    Ok(claims)
}

/// A claim that a workload will make.
pub(super) struct Template {
    pub(super) workload: ObjectRef,
    pub(super) name: String,
    pub(super) class: Option<String>,
    /// Where it stands.
    pub(super) origin: Evidence,
}

impl Template {
    pub(super) fn namespace(&self) -> &str {
        self.workload.namespace.as_deref().unwrap_or_default()
    }
    pub(super) fn workload_text(&self) -> String {
        format!("{}/{}", self.workload.kind, self.workload.name)
    }
}

/// What StatefulSets will ask for, where none of the claims is there yet: `TEMPLATE-SET-ORDINAL` (`apps/v1` StatefulSet,
/// volumeClaimTemplates).
pub(super) fn templates(reader: &Reader<'_>, claims: &[Claim]) -> Result<Vec<Template>, FactsError> {
    let mut made: BTreeSet<(&str, &str)> = BTreeSet::new();
    for claim in claims {
        if let Some((of, ordinal)) = claim.name.rsplit_once('-')
            && !ordinal.is_empty()
            && ordinal.bytes().all(|byte| byte.is_ascii_digit())
        {
            made.insert((&claim.namespace, of));
        }
    }
    let mut templates = Vec::new();
    reader.each::<StatefulSet>(&STATEFUL_SETS, |set, origin| {
        let spec = &set.spec;
        let namespace = set.metadata.namespace.clone().unwrap_or_default();
        let owner = set.metadata.name.clone().unwrap_or_default();
        for (number, template) in spec.volume_claim_templates.iter().flatten().enumerate() {
            let name = template.metadata.name.clone().unwrap_or_default();
            if made.contains(&(namespace.as_str(), format!("{name}-{owner}").as_str())) {
                continue;
            }
            templates.push(Template {
                workload: ObjectRef {
                    kind: "StatefulSet".to_owned(),
                    group: "apps".to_owned(),
                    namespace: Some(namespace.clone()),
                    name: owner.clone(),
                    uid: set.metadata.uid.clone(),
                },
                name,
                class: template.spec.as_ref().and_then(|spec| spec.storage_class_name.clone()),
                origin: origin.at(format!("/spec/volumeClaimTemplates/{number}")),
            });
        }
    })?;
    Ok(templates)
}
