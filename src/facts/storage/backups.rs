use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::velero::{Backup, Doubt, Location, Schedule};
use super::volumes::Claim;
use crate::facts::context::Context;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, table};
use crate::facts::times::hours_between;
use crate::facts::{FactsError, Known};
use crate::model::sources::{BACKUP_LOCATIONS, BACKUP_SCHEDULES, BACKUPS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS};
use crate::model::{Evidence, ObjectRef, Unseen, UnseenKind};

table! {
    /// One row per namespace: how Velero backs up its claims. Unknown in a cluster without any object of Velero: backups may be made
    /// in another way.
    pub struct BackupRow as "backups" counting "namespaces" from [NAMESPACES, PERSISTENT_VOLUME_CLAIMS] {
        /// The namespace.
        namespace: String, at "/metadata/name";
        /// Number of claims in it.
        claims: i64, needs [PERSISTENT_VOLUME_CLAIMS];
        /// Schedules that run and back up all of the namespace with its volumes, as `namespace/name`, sorted. Unknown when that is
        /// certain of none, and uncertain of one: its filters are not understood, or settings decide that are not read.
        schedules: Known<Vec<String>>, needs [BACKUP_SCHEDULES, BACKUPS, BACKUP_LOCATIONS];
        /// The newest completed backup of all of the namespace with data of volumes: copied as files, or in snapshots that Velero
        /// counts (of the whole backup, not by namespace); empty when there is none. Unknown when a newer one may be such a backup.
        last_backup: Known<String>, needs [BACKUP_SCHEDULES, BACKUPS, BACKUP_LOCATIONS];
        /// Hours from its end to the end of collection; null when there is none. Unknown like `last_backup`.
        hours_since_backup: Known<Option<i64>>, needs [BACKUP_SCHEDULES, BACKUPS, BACKUP_LOCATIONS];
    }
}

/// What Velero has.
struct Velero {
    /// By name.
    schedules: Vec<(Schedule, Evidence)>,
    /// Completed backups with the hours that have passed since, the newest first.
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
            let doubt = |why| {
                let what = format!("the end of the backup {}", name(&backup.metadata));
                reader.doubt(&BACKUPS, what, why, "Look at the Backup by hand, and at the clocks of the cluster and of this machine.");
            };
            match backup.status.completion_timestamp.as_deref().and_then(|end| hours_between(end, reader.collected())) {
                Some(hours) if hours >= 0 => velero.completed.push((backup, origin, hours)),
                Some(_) => doubt("it is completed, and its completionTimestamp is later than the end of collection"),
                None => doubt("it is completed, and its completionTimestamp is no time"),
            }
        })?;
        velero.any |= !velero.schedules.is_empty();
        velero.schedules.sort_by_cached_key(|(schedule, _)| name(&schedule.metadata));
        velero.completed.sort_by_cached_key(|(backup, _, hours)| (*hours, name(&backup.metadata)));
        Ok(velero)
    }
}

fn name(meta: &ObjectMeta) -> String {
    format!("{}/{}", meta.namespace.as_deref().unwrap_or(""), meta.name.as_deref().unwrap_or(""))
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
        .namespaces()?
        .named()
        .map(|(namespace, uid, origin)| {
            let claims = counts.get(namespace.as_str()).copied().unwrap_or(0);
            row(namespace, uid, origin.clone(), claims, &velero, &seen)
        })
        .collect())
}

fn row(namespace: String, uid: Option<String>, origin: Evidence, claims: i64, velero: &Velero, seen: &Known<()>) -> Row {
    let mut covering: Vec<&(Schedule, Evidence)> = Vec::new();
    let mut may_cover = None;
    for found in velero.schedules.iter().filter(|(schedule, _)| schedule.active()) {
        match found.0.covers(&namespace) {
            Known::Known(true) => covering.push(found),
            Known::Known(false) => {}
            Known::Unknown(doubt) => may_cover = may_cover.or(Some(unclear("schedule", &found.0.metadata, &namespace, doubt))),
        }
    }
    let schedules = match may_cover {
        Some(unseen) if covering.is_empty() => Known::Unknown(unseen),
        _ => Known::Known(covering.iter().map(|(schedule, _)| name(&schedule.metadata)).collect()),
    };
    let newest = velero.completed.iter().find_map(|found| match found.0.holds(&namespace) {
        Known::Known(true) => Some(Known::Known(found)),
        Known::Known(false) => None,
        Known::Unknown(doubt) => Some(Known::Unknown(unclear("backup", &found.0.metadata, &namespace, doubt))),
    });
    let newest: Known<Option<&(Backup, Evidence, i64)>> = newest.map_or(Known::Known(None), |newest| newest.map(Some));
    let typed = BackupRow {
        claims,
        schedules: seen.clone().and_then(|()| schedules),
        last_backup: seen
            .clone()
            .and_then(|()| newest.clone())
            .map(|newest| newest.map(|found| name(&found.0.metadata)).unwrap_or_default()),
        hours_since_backup: seen.clone().and_then(|()| newest.clone()).map(|newest| newest.map(|found| found.2)),
        namespace: namespace.clone(),
    };
    let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: namespace.clone(), uid };
    let at = |origin: &Evidence| origin.at("/spec");
    let ended = newest.known().copied().flatten().map(|(_, origin, _)| origin.at("/status/completionTimestamp"));
    Row::new(namespace.clone(), subject, vec![origin], typed)
        .in_namespace(Some(namespace))
        .evidenced("schedules", covering.iter().map(|(_, origin)| at(origin)).take(3))
        .evidenced("hours_since_backup", ended)
}

fn unclear(what: &str, meta: &ObjectMeta, namespace: &str, (kind, why): Doubt) -> Unseen {
    let name = name(meta);
    Unseen {
        kind,
        what: format!("what the {what} {name} holds of the volumes of the namespace {namespace}"),
        why: why.to_owned(),
        how_to_see: "Look with velero backup describe --details which volumes are in its backups, and restore one.".to_owned(),
        source: None,
        missing_rule: None,
    }
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
