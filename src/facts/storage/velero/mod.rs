//! What objects of Velero say about whose data they copy (velero.io, *Resource filtering* and *File system backup*; velero `pkg/backup`,
//! `pkg/podvolume`, `internal/volumehelper`).

mod copies;
mod cron;
mod filters;
mod held;
mod policy;
mod template;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use copies::Copies;
pub(super) use held::{Doubt, Held};
use policy::{Action, Policies};
use template::{Template, Way};

use super::kept::Kept;
use crate::facts::table::read::{Readable, Reader};
use crate::facts::times::hours_between;
use crate::facts::{FactsError, Known};
use crate::model::sources::{BACKUP_LOCATIONS, BACKUP_SCHEDULES, BACKUPS, DATA_UPLOADS, POD_VOLUME_BACKUPS};
use crate::model::{Evidence, Unseen};

#[derive(Debug, Deserialize)]
pub(super) struct Schedule {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    spec: ScheduleSpec,
    #[serde(default)]
    status: ScheduleStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ScheduleStatus {
    phase: String,
    /// When a backup was last begun by it.
    last_backup: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ScheduleSpec {
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    schedule: String,
    #[serde(default)]
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Phase {
    phase: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Backup {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    spec: Template,
    #[serde(default)]
    status: BackupStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BackupStatus {
    phase: String,
    start_timestamp: Option<String>,
    completion_timestamp: Option<String>,
    expiration: Option<String>,
    warnings: i64,
    errors: i64,
    volume_snapshots_attempted: i64,
    csi_volume_snapshots_attempted: i64,
    volume_snapshots_completed: i64,
    csi_volume_snapshots_completed: i64,
    backup_item_operations_completed: i64,
}

#[derive(Debug, Deserialize)]
struct Location {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: LocationSpec,
    #[serde(default)]
    status: Phase,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LocationSpec {
    access_mode: Option<String>,
    default: bool,
}

macro_rules! readable {
    ($($Type:ty),*) => { $( impl Readable for $Type { fn meta(&self) -> &ObjectMeta { &self.metadata } } )* };
}
readable!(Schedule, Backup, Location);

/// A completed backup.
pub(super) struct Done {
    backup: Backup,
    pub(super) origin: Evidence,
    /// Hours from its end to the end of collection.
    pub(super) hours: i64,
    /// Whether its time has run out: Velero deletes it, and refuses to restore from it.
    expired: bool,
    /// What the objects of single volumes say, where there are such objects of this backup.
    copies: Copies,
}

/// What Velero has.
pub(super) struct Velero {
    /// By name.
    pub(super) schedules: Vec<(Schedule, Evidence)>,
    /// Completed backups, the newest first.
    pub(super) done: Vec<Done>,
    locations: BTreeMap<(String, String), Location>,
    locations_read: Known<()>,
    schedules_read: Known<()>,
    copies_read: Known<()>,
    policies: Policies,
    /// When collection ended.
    collected: String,
    pub(super) any: bool,
    /// PersistentVolumes of which snapshots may be made and that no claim holds.
    pub(super) unclaimed: usize,
}

const SCHEDULE_NAME: &str = "velero.io/schedule-name";

pub(super) fn name(meta: &ObjectMeta) -> String {
    format!("{}/{}", meta.namespace.as_deref().unwrap_or(""), meta.name.as_deref().unwrap_or(""))
}

fn place(meta: &ObjectMeta, name: &str) -> (String, String) {
    (meta.namespace.clone().unwrap_or_default(), name.to_owned())
}

fn label<'m>(meta: &'m ObjectMeta, name: &str) -> Option<&'m String> {
    meta.labels.as_ref().and_then(|labels| labels.get(name)).filter(|value| !value.is_empty())
}

impl Velero {
    pub(super) fn read(reader: &Reader<'_>, unclaimed: usize, global_policies: BTreeSet<String>) -> Result<Self, FactsError> {
        let mut locations = BTreeMap::new();
        reader.each::<Location>(&BACKUP_LOCATIONS, |location, _| {
            let key = place(&location.metadata, location.metadata.name.as_deref().unwrap_or_default());
            locations.insert(key, location);
        })?;
        let mut schedules = Vec::new();
        reader.each::<Schedule>(&BACKUP_SCHEDULES, |schedule, origin| schedules.push((schedule, origin)))?;
        schedules.sort_by_cached_key(|(schedule, _)| name(&schedule.metadata));
        let mut copies = copies::read(reader)?;
        let (mut done, mut any) = (Vec::new(), !locations.is_empty() || !schedules.is_empty());
        reader.each::<Backup>(&BACKUPS, |backup, origin| {
            any = true;
            if backup.status.phase != "Completed" {
                return;
            }
            let doubt = |why| {
                let what = format!("the end of the backup {}", name(&backup.metadata));
                reader.doubt(&BACKUPS, what, why, "Look at the Backup by hand, and at the clocks of the cluster and of this machine.");
            };
            match backup.status.completion_timestamp.as_deref().and_then(|end| hours_between(end, reader.collected())) {
                Some(hours) if hours >= 0 => {
                    let expires = match backup.status.expiration.as_deref().map(|end| hours_between(end, reader.collected())) {
                        Some(None) => return doubt("it is completed, and its expiration is no time"),
                        Some(Some(hours)) => Some(hours),
                        None => None,
                    };
                    let key = place(&backup.metadata, backup.metadata.name.as_deref().unwrap_or_default());
                    let copies = copies.remove(&key).unwrap_or(Copies::NONE);
                    done.push(Done { backup, origin, hours, expired: expires.is_some_and(|since| since >= 0), copies });
                }
                Some(_) => doubt("it is completed, and its completionTimestamp is later than the end of collection"),
                None => doubt("it is completed, and its completionTimestamp is no time"),
            }
        })?;
        done.sort_by_cached_key(|done| (done.hours, name(&done.backup.metadata)));
        Ok(Self {
            schedules,
            done,
            locations,
            locations_read: reader.known_if_complete(&BACKUP_LOCATIONS, || ()),
            schedules_read: reader.known_if_complete(&BACKUP_SCHEDULES, || ()),
            copies_read: reader.known_if_complete(&POD_VOLUME_BACKUPS, || ()).and_then(|()| reader.known_if_complete(&DATA_UPLOADS, || ())),
            policies: Policies::read(reader, global_policies)?,
            collected: reader.collected().to_owned(),
            any,
            unclaimed,
        })
    }

    /// Whether backups by the schedule are to hold the claim with what is on its volume.
    pub(super) fn covers(&self, schedule: &Schedule, kept: &Kept<'_>) -> Held {
        let works = match (schedule.spec.paused, schedule.status.phase.as_str()) {
            _ if schedule.metadata.deletion_timestamp.is_some() => Held::no("the schedule is being deleted"),
            (true, _) => Held::no("the schedule is paused"),
            (_, "FailedValidation") => Held::no("Velero refuses the schedule"),
            (_, "Enabled") => self.location(&schedule.metadata, &schedule.spec.template, true),
            _ => Held::not_visible("no server of Velero has looked at the schedule yet"),
        };
        let often = match cron::longest_gap(&schedule.spec.schedule) {
            Some(days) if days <= WEEK_DAYS => self.runs(schedule, days),
            Some(days) => Held::no(format!("it runs only every {days} days")),
            None => Held::not_understood(format!("how often it runs is not understood ({})", schedule.spec.schedule)),
        };
        let template = &schedule.spec.template;
        let plans = match template.plans(kept, self.said(&schedule.metadata, template, None, kept)) {
            Held::Unclear(_) if self.shown(schedule, kept) => Held::Yes,
            plans => plans,
        };
        Held::all([template.takes(kept), works, often, plans])
    }

    /// Whether it began a backup when it was last due: a day is left to a server that was down. Nobody else says whether one runs at all.
    fn runs(&self, schedule: &Schedule, days: u32) -> Held {
        let made = schedule.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string());
        let last = schedule.status.last_backup.clone();
        let since = last.as_ref().or(made.as_ref()).and_then(|time| hours_between(time, &self.collected));
        match (since, last) {
            (None, Some(last)) => Held::not_understood(format!("when it last ran is no time ({last})")),
            (Some(hours), Some(_)) if hours > i64::from(days + 1) * 24 => {
                Held::no(format!("it has to run every {} and last did so {} days ago", counted(days), hours / 24))
            }
            (Some(hours), None) if hours > i64::from(days + 1) * 24 => {
                Held::no(format!("it was made {} days ago, has to run every {} and never did", hours / 24, counted(days)))
            }
            _ => Held::Yes,
        }
    }

    /// What the resource policy that a template names may say of the claim's volume.
    fn said(&self, meta: &ObjectMeta, template: &Template, began: Option<&str>, kept: &Kept<'_>) -> Result<Vec<Option<Action>>, Held> {
        self.policies.say(meta.namespace.as_deref().unwrap_or_default(), template.resource_policy.as_ref(), began, kept)
    }

    /// Whether the last backup of the schedule that began since the claim was made shows that its data is copied: volume by volume, what a
    /// resource policy says can be seen in no other way.
    fn shown(&self, schedule: &Schedule, kept: &Kept<'_>) -> bool {
        let by_it = |done: &&Done| {
            done.backup.metadata.namespace == schedule.metadata.namespace
                && label(&done.backup.metadata, SCHEDULE_NAME) == schedule.metadata.name.as_ref()
        };
        self.done.iter().find(by_it).is_some_and(|done| !made_after(&done.backup, kept) && done.copies.of(kept) == Some(true))
    }

    /// Whether the backup holds the claim with what is on its volume, in a place from which it can be brought back.
    pub(super) fn holds(&self, done: &Done, kept: &Kept<'_>, all: &[Kept<'_>]) -> Held {
        let Done { backup, expired, .. } = done;
        if made_after(backup, kept) {
            return Held::no("it was made after the backup began");
        }
        let stranger = match label(&backup.metadata, SCHEDULE_NAME) {
            None => Held::Yes,
            Some(by) => Held::of(&self.schedules_read, |()| {
                let known = self.schedules.iter().any(|(schedule, _)| schedule.metadata.name.as_ref() == Some(by));
                if known {
                    Held::Yes
                } else {
                    Held::not_visible(format!("the schedule {by} that made the backup is not here: another cluster may have made it"))
                }
            }),
        };
        Held::all([
            Held::unless(*expired, "the time of the backup has run out"),
            Held::unless(backup.metadata.deletion_timestamp.is_some(), "the backup is being deleted"),
            self.location(&backup.metadata, &backup.spec, false),
            self.copied(done, kept, all),
            stranger,
        ])
    }

    /// Whether the backup would hold a claim that was not there yet.
    pub(super) fn would_hold(&self, done: &Done, kept: &Kept<'_>) -> Held {
        let Done { backup, expired, .. } = done;
        Held::all([
            Held::unless(*expired, "the time of the backup has run out"),
            self.location(&backup.metadata, &backup.spec, false),
            backup.spec.plans(kept, self.said(&backup.metadata, &backup.spec, None, kept)),
        ])
    }

    fn copied(&self, done: &Done, kept: &Kept<'_>, all: &[Kept<'_>]) -> Held {
        let Done { backup, copies, .. } = done;
        if let Some(completed) = copies.of(kept) {
            return Held::unless(!completed, "copying its volume was not completed");
        }
        let spec = &backup.spec;
        let by_way = |way| match way {
            Way::Files(held) => held.and_then(|| self.as_files(done)),
            Way::Snapshot(held) => held.and_then(|| self.in_snapshots(done, all)),
        };
        let by_policy = || match self.said(&backup.metadata, spec, backup.began(), kept) {
            Ok(actions) => Held::whichever(spec.ways(kept, &actions).into_iter().map(by_way), || Template::open(&actions)),
            Err(held) => held,
        };
        spec.takes(kept).and_then(by_policy).and_then(|| {
            if backup.status.warnings > 0 || backup.status.errors > 0 {
                return Held::not_visible("the backup was completed with warnings, and what it left out stands in its log");
            }
            Held::Yes
        })
    }

    /// Velero keeps an object of each volume that it copied as files, as long as the backup, and there is none of this one. Pods of today
    /// say nothing of what mounted it then: where there are snapshots, it may be in one of them.
    fn as_files(&self, done: &Done) -> Held {
        let Done { backup, copies, .. } = done;
        let snapshots = backup.spec.snapshot_volumes != Some(false) && backup.made() > 0;
        Held::of(&self.copies_read, |()| match (snapshots, copies.by_uid.is_empty()) {
            (true, _) => Held::not_visible("the backup has no copy of its files, and which snapshots it counts is not seen"),
            (false, true) => Held::no("Velero has no copy of files from it"),
            (false, false) => Held::no("the backup copied other volumes as files, and not this one"),
        })
    }

    /// Snapshots are counted for the whole backup and not for each claim.
    fn in_snapshots(&self, done: &Done, all: &[Kept<'_>]) -> Held {
        let Done { backup, copies, .. } = done;
        let status = &backup.status;
        if let Known::Unknown(unseen) = &self.copies_read {
            return Held::gap(unseen);
        }
        if !copies.by_name.is_empty() {
            return Held::no("the backup moved the data of other snapshots, and none of this one");
        }
        let made = backup.made();
        if status.volume_snapshots_attempted > status.volume_snapshots_completed
            || status.csi_volume_snapshots_attempted > status.csi_volume_snapshots_completed
        {
            return Held::not_visible("the backup counts fewer snapshots than it tried to make");
        }
        let by_snapshot = |kept: &&Kept<'_>| {
            !made_after(backup, kept)
                && !matches!(backup.spec.takes(kept), Held::No(_))
                && self
                    .said(&backup.metadata, &backup.spec, backup.began(), kept)
                    .is_ok_and(|actions| backup.spec.ways(kept, &actions).iter().any(|way| matches!(way, Way::Snapshot(Held::Yes))))
        };
        let wanted = all.iter().filter(by_snapshot).count() + self.unclaimed;
        match usize::try_from(made) {
            Ok(0) | Err(_) => Held::not_visible("the backup counts no snapshot: Velero leaves out what it cannot snapshot, and completes"),
            Ok(made) if made < wanted => Held::not_visible(format!(
                "the backup counts {made} snapshot{}, and {wanted} volumes would need one: of which they are is not seen",
                if made == 1 { "" } else { "s" }
            )),
            Ok(_) => Held::Yes,
        }
    }

    /// Whether the place is there, and can be read, or also written. Velero refuses to use one that is not (`backup_controller`,
    /// `restore_controller`).
    fn location(&self, meta: &ObjectMeta, template: &Template, write: bool) -> Held {
        let namespace = meta.namespace.clone().unwrap_or_default();
        let wanted = template.storage_location.as_deref().filter(|name| !name.is_empty());
        let found = match wanted {
            Some(name) => self.locations.get(&(namespace, name.to_owned())),
            None => self.locations.iter().find(|((place, _), location)| *place == namespace && location.spec.default).map(|(_, one)| one),
        };
        let Some(location) = found else {
            return Held::of(&self.locations_read, |()| match wanted {
                Some(name) => Held::no(format!("the storage location {name} does not exist")),
                None => Held::not_visible("no storage location is named, and none is the default"),
            });
        };
        let name = location.metadata.name.as_deref().unwrap_or_default();
        match (location.status.phase.as_str(), location.spec.access_mode.as_deref()) {
            ("Unavailable", _) => Held::no(format!("the storage location {name} is unavailable")),
            ("Available", Some("ReadOnly")) if write => Held::no(format!("the storage location {name} is read-only")),
            ("Available", _) => Held::Yes,
            _ => Held::not_visible(format!("Velero has not found out whether the storage location {name} is available")),
        }
    }
}

/// Whether the claim was not there yet when the backup began.
pub(super) fn made_after(backup: &Backup, kept: &Kept<'_>) -> bool {
    match (backup.began(), kept.claim.created.as_deref()) {
        (Some(began), Some(created)) => super::kept::is_before(began, created),
        // The API always gives a time.
        _ => false,
    }
}

/// `day`, or `N days`.
fn counted(days: u32) -> String {
    if days == 1 { "day".to_owned() } else { format!("{days} days") }
}

/// The most days from one run of a schedule to the next: the age at which a backup is old.
const WEEK_DAYS: u32 = 7;

impl Backup {
    fn began(&self) -> Option<&str> {
        self.status.start_timestamp.as_deref().or(self.status.completion_timestamp.as_deref())
    }

    /// The snapshots that it counts. Those whose data is moved are counted as operations.
    fn made(&self) -> i64 {
        let counted = self.status.volume_snapshots_completed + self.status.csi_volume_snapshots_completed;
        let moved = if self.spec.snapshot_move_data == Some(true) { self.status.backup_item_operations_completed } else { 0 };
        counted.max(moved)
    }
}

impl Done {
    pub(super) fn name(&self) -> String {
        name(&self.backup.metadata)
    }
    pub(super) fn is_before(&self, kept: &Kept<'_>) -> bool {
        made_after(&self.backup, kept)
    }
}

/// A doubt about a claim in an object of Velero, as whoever reads it wants to know.
pub(super) fn unclear(what: &str, object: &str, kept: &Kept<'_>, doubt: Doubt) -> Unseen {
    match doubt {
        Doubt::Gap(unseen) => *unseen,
        Doubt::Open(kind, why) => Unseen::new(
            kind,
            format!("whether the {what} {object} holds the claim {}/{}", kept.claim.namespace, kept.claim.name),
            why,
            "Look with velero backup describe --details which volumes are in its backups, and restore one.",
        ),
    }
}
