use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::volumes::Claim;
use crate::facts::context::Context;
use crate::facts::read::{Readable, Reader};
use crate::facts::schema::{Row, table};
use crate::facts::sources::{BACKUP_LOCATIONS, BACKUP_SCHEDULES, BACKUPS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS};
use crate::facts::times::hours_between;
use crate::facts::{FactsError, Known};
use crate::model::{Evidence, ObjectRef, Unseen, UnseenKind};

table! {
    /// One row per namespace: how Velero backs up its claims. Unknown in a cluster without any object of Velero: backups may be made
    /// in another way.
    pub struct BackupRow as "backups" counting "namespaces" from [NAMESPACES, PERSISTENT_VOLUME_CLAIMS] {
        /// The namespace.
        namespace: String, at "/metadata/name";
        /// Number of claims in it.
        claims: i64, needs [PERSISTENT_VOLUME_CLAIMS];
        /// Schedules that are not paused and back up all of the namespace with its volumes, as `namespace/name`, sorted.
        schedules: Known<Vec<String>>, needs [BACKUP_SCHEDULES, BACKUPS, BACKUP_LOCATIONS];
        /// The newest completed backup of all of the namespace with its volumes; empty when there is none.
        last_backup: Known<String>, needs [BACKUP_SCHEDULES, BACKUPS, BACKUP_LOCATIONS];
        /// Hours from its end to the end of collection; null when there is none.
        hours_since_backup: Known<Option<i64>>, needs [BACKUP_SCHEDULES, BACKUPS, BACKUP_LOCATIONS];
    }
}

/// What a Schedule and a Backup share.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Template {
    included_namespaces: Vec<String>,
    excluded_namespaces: Vec<String>,
    included_resources: Vec<String>,
    excluded_resources: Vec<String>,
    label_selector: Option<Value>,
    or_label_selectors: Vec<Value>,
    snapshot_volumes: Option<bool>,
    default_volumes_to_fs_backup: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Schedule {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: ScheduleSpec,
}

#[derive(Debug, Deserialize)]
struct ScheduleSpec {
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    template: Template,
}

#[derive(Debug, Deserialize)]
struct Backup {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Template,
    #[serde(default)]
    status: BackupStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BackupStatus {
    phase: String,
    completion_timestamp: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Location {
    #[serde(default)]
    metadata: ObjectMeta,
}

macro_rules! readable {
    ($($Type:ty),*) => { $( impl Readable for $Type { fn meta(&self) -> &ObjectMeta { &self.metadata } } )* };
}
readable!(Schedule, Backup, Location);

/// What Velero has.
struct Velero {
    schedules: Vec<(Schedule, Evidence)>,
    /// Completed backups with the hours that have passed since.
    completed: Vec<(Backup, Evidence, i64)>,
    any: bool,
}

impl Velero {
    fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut velero = Self { schedules: Vec::new(), completed: Vec::new(), any: false };
        reader.each::<Location>(&BACKUP_LOCATIONS, |_, _| velero.any = true)?;
        reader.each::<Schedule>(&BACKUP_SCHEDULES, |schedule, origin| velero.schedules.push((schedule, origin)))?;
        reader.each::<Backup>(&BACKUPS, |backup, origin| {
            velero.any = true;
            if backup.status.phase != "Completed" {
                return;
            }
            match backup.status.completion_timestamp.as_deref().and_then(|end| hours_between(end, reader.collected())) {
                Some(hours) => velero.completed.push((backup, origin, hours)),
                None => reader.doubt(
                    &BACKUPS,
                    format!("the end of the backup {}", name(&backup.metadata)),
                    "it is completed, and its completionTimestamp is no time",
                    "Look at the Backup by hand.",
                ),
            }
        })?;
        velero.any |= !velero.schedules.is_empty();
        Ok(velero)
    }
}

fn name(meta: &ObjectMeta) -> String {
    format!("{}/{}", meta.namespace.as_deref().unwrap_or(""), meta.name.as_deref().unwrap_or(""))
}

impl Template {
    /// Whether all claims of the namespace, and what is on their volumes, are in the backup (velero.io, *Resource filtering*;
    /// `snapshotVolumes` unset is yes).
    fn covers(&self, namespace: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|listed| listed == namespace || listed == "*");
        let claims = |list: &[String]| {
            list.iter().any(|listed| matches!(listed.as_str(), "*" | "persistentvolumeclaims" | "persistentvolumeclaim" | "pvc"))
        };
        (self.included_namespaces.is_empty() || named(&self.included_namespaces))
            && !named(&self.excluded_namespaces)
            && (self.included_resources.is_empty() || claims(&self.included_resources))
            && !claims(&self.excluded_resources)
            && self.label_selector.is_none()
            && self.or_label_selectors.is_empty()
            && (self.snapshot_volumes != Some(false) || self.default_volumes_to_fs_backup == Some(true))
    }
}

pub(super) fn rows(context: &Context<'_>, claims: &[Claim]) -> Result<Vec<Row>, FactsError> {
    let velero = Velero::read(&context.reader)?;
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for claim in claims {
        *counts.entry(&claim.namespace).or_default() += 1;
    }
    let read = [BACKUP_SCHEDULES, BACKUPS, BACKUP_LOCATIONS];
    let seen = match context.reader.coverage().complete(&read) {
        Ok(_) if velero.any => Known::Known(()),
        Ok(_) => Known::Unknown(no_velero()),
        Err(gaps) => Known::Unknown(gaps.first().clone()),
    };
    Ok(context
        .namespaces
        .named()
        .map(|(namespace, uid, origin)| {
            let claims = counts.get(namespace.as_str()).copied().unwrap_or(0);
            row(namespace, uid, origin.clone(), claims, &velero, &seen)
        })
        .collect())
}

fn row(namespace: String, uid: Option<String>, origin: Evidence, claims: i64, velero: &Velero, seen: &Known<()>) -> Row {
    let covering: Vec<&(Schedule, Evidence)> =
        velero.schedules.iter().filter(|(schedule, _)| !schedule.spec.paused && schedule.spec.template.covers(&namespace)).collect();
    let newest = velero
        .completed
        .iter()
        .filter(|(backup, _, _)| backup.spec.covers(&namespace))
        .min_by(|(a, _, hours_a), (b, _, hours_b)| (hours_a, name(&a.metadata)).cmp(&(hours_b, name(&b.metadata))));
    let mut schedules: Vec<String> = covering.iter().map(|(schedule, _)| name(&schedule.metadata)).collect();
    schedules.sort();
    let typed = BackupRow {
        claims,
        schedules: seen.clone().map(|()| schedules),
        last_backup: seen.clone().map(|()| newest.map(|(backup, _, _)| name(&backup.metadata)).unwrap_or_default()),
        hours_since_backup: seen.clone().map(|()| newest.map(|(_, _, hours)| *hours)),
        namespace: namespace.clone(),
    };
    let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: namespace.clone(), uid };
    let at = |origin: &Evidence| origin.at("/spec");
    Row::new(namespace.clone(), subject, vec![origin], typed)
        .in_namespace(Some(namespace))
        .evidenced("schedules", covering.iter().map(|(_, origin)| at(origin)).take(3))
        .evidenced("hours_since_backup", newest.map(|(_, origin, _)| origin.at("/status/completionTimestamp")))
}

fn no_velero() -> Unseen {
    Unseen {
        kind: UnseenKind::NotVisible,
        what: "backups of claims".to_owned(),
        why: "there is no object of Velero, and other ways to make backups are not read".to_owned(),
        how_to_see: "Ask how volumes with ePHI are backed up, when the last backup ended, and when one was restored.".to_owned(),
        source: None,
        missing_rule: None,
    }
}
