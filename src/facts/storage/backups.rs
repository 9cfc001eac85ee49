use std::collections::BTreeSet;

use super::kept::Kept;
use super::velero::{self, Done, Held, Schedule, Velero, unclear};
use crate::facts::context::Context;
use crate::facts::table::read::MetaOnly;
use crate::facts::table::schema::{Row, table};
use crate::facts::times::hours_between;
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    BACKUP_LOCATIONS, BACKUP_SCHEDULES, BACKUPS, CUSTOM_RESOURCE_DEFINITIONS, DATA_UPLOADS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES, POD_VOLUME_BACKUPS, PODS, VELERO_CONFIG_MAPS, VOLUME_SNAPSHOT_CLASSES,
};
use crate::model::{Evidence, Unseen};

table! {
    /// One row per claim: how Velero backs it up. Unknown in a cluster without any object of Velero: backups may be made in another
    /// way.
    pub struct BackupRow as "backups" counting "claims" from [PERSISTENT_VOLUME_CLAIMS]
        consulting [CUSTOM_RESOURCE_DEFINITIONS, VELERO_CONFIG_MAPS] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// The PersistentVolume; empty while the claim is not bound.
        volume: String, at "/spec/volumeName";
        /// Schedules that run, have a place to write to and are to copy the claim with its data, as `namespace/name`, sorted. Unknown
        /// when that is certain of none and uncertain of one: its filters are not understood, or settings decide that are not read.
        schedules: Known<Vec<String>>,
            needs [BACKUP_SCHEDULES, BACKUP_LOCATIONS, BACKUPS, POD_VOLUME_BACKUPS, DATA_UPLOADS, VOLUME_SNAPSHOT_CLASSES, PERSISTENT_VOLUMES, PODS, NAMESPACES];
        /// The newest completed backup that holds the claim with its data, and from which it could be brought back; empty when there
        /// is none. Unknown when a newer one may be such a backup.
        last_backup: Known<String>,
            needs [BACKUPS, BACKUP_LOCATIONS, BACKUP_SCHEDULES, POD_VOLUME_BACKUPS, DATA_UPLOADS, VOLUME_SNAPSHOT_CLASSES, PERSISTENT_VOLUMES, PODS, NAMESPACES];
        /// Hours from its end to the end of collection; null when there is none. Unknown like `last_backup`.
        hours_since_backup: Known<Option<i64>>,
            needs [BACKUPS, BACKUP_LOCATIONS, BACKUP_SCHEDULES, POD_VOLUME_BACKUPS, DATA_UPLOADS, VOLUME_SNAPSHOT_CLASSES, PERSISTENT_VOLUMES, PODS, NAMESPACES];
        /// Whether no backup can be expected yet: the claim is less than a day old, no completed backup began since it was made, and the
        /// last one, of this week, would have held it.
        waits_for_first: Known<bool>, at "/metadata/creationTimestamp",
            needs [BACKUPS, BACKUP_LOCATIONS, BACKUP_SCHEDULES, VOLUME_SNAPSHOT_CLASSES, PERSISTENT_VOLUMES, PODS, NAMESPACES];
        /// That no schedule copies it and why, that no backup holds it and why, or how old its last one is, as a sentence about it goes on;
        /// empty where neither is known.
        why: String, needs [BACKUPS, BACKUP_SCHEDULES];
    }
}

/// For how long a claim may wait for the first backup.
const FIRST_BACKUP_HOURS: i64 = 24;
/// How old a backup may be that shows that the next one is to be expected.
const WEEK: i64 = 168;

/// Rows of all claims.
pub(super) fn rows(context: &Context<'_>, kept: &[Kept<'_>], unclaimed: usize) -> Result<Vec<Row>, FactsError> {
    let velero = Velero::read(&context.reader, unclaimed, context.volume_uses()?.global_policies.clone())?;
    let read = [BACKUPS, BACKUP_SCHEDULES, BACKUP_LOCATIONS];
    let gap = context.reader.coverage().complete(&read).err().map(|gaps| gaps.first().clone());
    let seen = match gap {
        _ if velero.any => Known::Known(()),
        Some(gap) => Known::Unknown(gap),
        None => Known::Unknown(no_velero(&others(context)?)),
    };
    let complete = |source| context.reader.known_if_complete(source, || ());
    let surroundings = Surroundings {
        velero: &velero,
        all: kept,
        seen,
        schedules_read: complete(&BACKUP_SCHEDULES),
        backups_read: complete(&BACKUPS),
        collected: context.reader.collected(),
    };
    Ok(kept.iter().map(|one| surroundings.row(one)).collect())
}

struct Surroundings<'a> {
    velero: &'a Velero,
    all: &'a [Kept<'a>],
    /// Whether there is anything of Velero.
    seen: Known<()>,
    schedules_read: Known<()>,
    backups_read: Known<()>,
    collected: &'a str,
}

/// What is known of one side, and why not more, as a sentence goes on.
struct Side<T> {
    known: Known<T>,
    why_not: Option<String>,
}

impl<'a> Surroundings<'a> {
    fn row(&self, kept: &Kept<'_>) -> Row {
        let schedules = self.schedules(kept);
        let last = self.last(kept);
        let waits_for_first = match &self.backups_read {
            Known::Known(()) => self.waits(kept),
            Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
        };
        let newest = last.known.known().copied().flatten();
        let typed = BackupRow {
            namespace: kept.claim.namespace.clone(),
            name: kept.claim.name.clone(),
            volume: kept.claim.volume.clone(),
            why: self.why(&schedules, &last),
            schedules: self
                .seen
                .clone()
                .and_then(|()| schedules.known.clone().map(|all| all.iter().map(|one| velero::name(&one.0.metadata)).collect())),
            last_backup: self.seen.clone().and_then(|()| last.known.clone().map(|last| last.map(Done::name).unwrap_or_default())),
            hours_since_backup: self.seen.clone().and_then(|()| last.known.clone().map(|last| last.map(|done| done.hours))),
            waits_for_first: self.seen.clone().and_then(|()| waits_for_first),
        };
        let covering = schedules.known.known().into_iter().flatten().map(|(_, origin)| origin.at("/spec")).take(3);
        let subject = kept.claim.subject();
        Row::new(format!("{}/{}", kept.claim.namespace, kept.claim.name), subject, vec![kept.claim.origin.clone()], typed)
            .evidenced("schedules", covering)
            .evidenced("hours_since_backup", newest.map(|done| done.origin.at("/status/completionTimestamp")))
    }

    fn schedules(&self, kept: &Kept<'_>) -> Side<Vec<&'a (Schedule, Evidence)>> {
        let (mut covering, mut may_cover, mut why_not) = (Vec::new(), None, None);
        for found in &self.velero.schedules {
            let name = velero::name(&found.0.metadata);
            match self.velero.covers(&found.0, kept) {
                Held::Yes => covering.push(found),
                Held::No(why) => why_not = why_not.or(Some(format!("the schedule {name} does not copy it: {why}"))),
                Held::Unclear(doubt) => may_cover = may_cover.or(Some(unclear("schedule", &name, kept, doubt))),
            }
        }
        let known = match (may_cover, &self.schedules_read) {
            _ if !covering.is_empty() => Known::Known(covering),
            (Some(unseen), _) => Known::Unknown(unseen),
            (None, Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
            (None, Known::Known(())) => Known::Known(covering),
        };
        Side { known, why_not: why_not.or_else(|| self.velero.schedules.is_empty().then(|| "there is no schedule".to_owned())) }
    }

    fn last(&self, kept: &Kept<'_>) -> Side<Option<&'a Done>> {
        if let Known::Unknown(unseen) = &self.backups_read {
            return Side { known: Known::Unknown(unseen.clone()), why_not: None };
        }
        let mut why_not = None;
        for done in &self.velero.done {
            match self.velero.holds(done, kept, self.all) {
                Held::Yes => return Side { known: Known::Known(Some(done)), why_not: None },
                Held::No(why) => {
                    why_not = why_not.or(Some(format!("the backup {} does not hold it: {why}", done.name())));
                }
                Held::Unclear(doubt) => {
                    return Side { known: Known::Unknown(unclear("backup", &done.name(), kept, doubt)), why_not };
                }
            }
        }
        Side { known: Known::Known(None), why_not: why_not.or_else(|| Some("there is no completed backup".to_owned())) }
    }

    /// Whether it is new, every completed backup began before it was made, and one of this week would have held it.
    fn waits(&self, kept: &Kept<'_>) -> Known<bool> {
        let age = kept.claim.created.as_deref().and_then(|made| hours_between(made, self.collected));
        if age.is_none_or(|hours| hours >= FIRST_BACKUP_HOURS) || !self.velero.done.iter().all(|done| done.is_before(kept)) {
            return Known::Known(false);
        }
        let mut may = None;
        for done in self.velero.done.iter().filter(|done| done.hours <= WEEK) {
            match self.velero.would_hold(done, kept) {
                Held::Yes => return Known::Known(true),
                Held::No(_) => {}
                Held::Unclear(doubt) => may = may.or(Some(unclear("next backup like", &done.name(), kept, doubt))),
            }
        }
        may.map_or(Known::Known(false), Known::Unknown)
    }

    fn why(&self, schedules: &Side<Vec<&'a (Schedule, Evidence)>>, last: &Side<Option<&'a Done>>) -> String {
        let unscheduled = schedules.known.known().is_some_and(Vec::is_empty);
        let of_schedule = schedules.why_not.as_ref().filter(|_| unscheduled).map(|why| format!("is on no schedule ({why})"));
        let of_backup = match (&last.known, &last.why_not) {
            (Known::Known(Some(done)), _) => {
                let ago = if done.hours < 2 * 24 { format!("{} hours", done.hours) } else { format!("{} days", done.hours / 24) };
                Some(format!("was last in a backup {ago} ago ({})", done.name()))
            }
            (Known::Known(None), Some(why)) => Some(format!("is in no backup ({why})")),
            _ => None,
        };
        let parts: Vec<String> = of_schedule.into_iter().chain(of_backup).collect();
        parts.join(" and ")
    }
}

/// What else makes backups, by the CustomResourceDefinition with which it plans them.
const OTHERS: &[(&str, &str)] = &[
    ("backupconfigurations.core.kubestash.com", "KubeStash (BackupConfiguration)"),
    ("backupconfigurations.stash.appscode.com", "Stash (BackupConfiguration)"),
    ("backupplans.triliovault.trilio.io", "Trilio (BackupPlan)"),
    ("policies.config.kio.kasten.io", "Kasten (Policy of config.kio.kasten.io)"),
    ("recurringjobs.longhorn.io", "Longhorn (RecurringJob)"),
    ("replicationsources.volsync.backube", "VolSync (ReplicationSource)"),
    ("scheduledbackups.postgresql.cnpg.io", "CloudNativePG (ScheduledBackup of postgresql.cnpg.io)"),
    ("schedules.k8up.io", "K8up (Schedule of k8up.io)"),
    ("snapshotschedules.snapscheduler.backube", "SnapScheduler (SnapshotSchedule)"),
];

/// What else is installed that makes backups.
fn others(context: &Context<'_>) -> Result<Vec<&'static str>, FactsError> {
    let mut found = BTreeSet::new();
    context.reader.each::<MetaOnly>(&CUSTOM_RESOURCE_DEFINITIONS, |definition, _| {
        let name = definition.metadata.name.as_deref();
        found.extend(OTHERS.iter().filter(|(known, _)| name == Some(*known)).map(|(_, tool)| *tool));
    })?;
    Ok(found.into_iter().collect())
}

fn no_velero(others: &[&str]) -> Unseen {
    Unseen::not_visible(
        "backups of claims",
        if others.is_empty() {
            "there is no object of Velero, and other ways to make backups are not read".to_owned()
        } else {
            format!("there is no object of Velero, and what else is installed is not read: {}", others.join(", "))
        },
        "Ask how volumes with ePHI are backed up, when the last backup ended, and when one was restored.",
    )
}
