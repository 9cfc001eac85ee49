//! What objects of Velero say about whose data they copy (velero.io, *Resource filtering* and *File system backup*; velero `pkg/backup`,
//! `pkg/podvolume`, `internal/volumehelper`).

mod cron;
mod filters;
mod held;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

pub(super) use held::{Doubt, Held};
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
    status: Phase,
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

/// What was copied as files: one object per volume of a pod and backup.
#[derive(Debug, Deserialize)]
struct PodVolumeBackup {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    status: Phase,
}

/// A snapshot whose data was moved away: one object per claim and backup.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataUpload {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: DataUploadSpec,
    #[serde(default)]
    status: Phase,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataUploadSpec {
    source_namespace: String,
    #[serde(rename = "sourcePVC")]
    source_pvc: String,
}

macro_rules! readable {
    ($($Type:ty),*) => { $( impl Readable for $Type { fn meta(&self) -> &ObjectMeta { &self.metadata } } )* };
}
readable!(Schedule, Backup, Location, PodVolumeBackup, DataUpload);

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

/// Claims that a backup copied one by one, and whether that was completed: by uid, and by namespace and name.
#[derive(Debug, Default)]
struct Copies {
    by_uid: BTreeMap<String, bool>,
    by_name: BTreeMap<(String, String), bool>,
}

impl Copies {
    /// No such objects of a backup.
    const NONE: Self = Self { by_uid: BTreeMap::new(), by_name: BTreeMap::new() };

    fn of(&self, kept: &Kept<'_>) -> Option<bool> {
        let by_uid = kept.claim.uid.as_ref().and_then(|uid| self.by_uid.get(uid));
        by_uid.or_else(|| self.by_name.get(&(kept.claim.namespace.clone(), kept.claim.name.clone()))).copied()
    }
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
    pub(super) any: bool,
    /// PersistentVolumes of which snapshots may be made and that no claim holds.
    pub(super) unclaimed: usize,
}

const BACKUP_NAME: &str = "velero.io/backup-name";
const SCHEDULE_NAME: &str = "velero.io/schedule-name";
const CLAIM_UID: &str = "velero.io/pvc-uid";

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
    pub(super) fn read(reader: &Reader<'_>, unclaimed: usize) -> Result<Self, FactsError> {
        let mut locations = BTreeMap::new();
        reader.each::<Location>(&BACKUP_LOCATIONS, |location, _| {
            let key = place(&location.metadata, location.metadata.name.as_deref().unwrap_or_default());
            locations.insert(key, location);
        })?;
        let mut schedules = Vec::new();
        reader.each::<Schedule>(&BACKUP_SCHEDULES, |schedule, origin| schedules.push((schedule, origin)))?;
        schedules.sort_by_cached_key(|(schedule, _)| name(&schedule.metadata));
        let mut copies = copies(reader)?;
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
                    let expires = backup.status.expiration.as_deref().and_then(|end| hours_between(end, reader.collected()));
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
            any,
            unclaimed,
        })
    }

    /// Whether backups by the schedule are to hold the claim with what is on its volume.
    pub(super) fn covers(&self, schedule: &Schedule, kept: &Kept<'_>) -> Held {
        let works = match (schedule.spec.paused, schedule.status.phase.as_str()) {
            (true, _) => Held::no("the schedule is paused"),
            (_, "FailedValidation") => Held::no("Velero refuses the schedule"),
            (_, "Enabled") => self.location(&schedule.metadata, &schedule.spec.template, true),
            _ => Held::not_visible("no server of Velero has looked at the schedule yet"),
        };
        let often = match cron::longest_gap(&schedule.spec.schedule) {
            Some(days) if days <= WEEK_DAYS => Held::Yes,
            Some(days) => Held::no(format!("it runs only every {days} days")),
            None => Held::not_understood(format!("how often it runs is not understood ({})", schedule.spec.schedule)),
        };
        let template = &schedule.spec.template;
        let plans = if self.shown(schedule, kept) { Held::Yes } else { template.policy().and_then(|| template.plans(kept)) };
        Held::all([template.takes(kept), works, often, plans])
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
            backup.spec.policy(),
            backup.spec.plans(kept),
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
        if let doubt @ Held::Unclear(_) = spec.policy() {
            return Held::all([spec.takes(kept), doubt]);
        }
        spec.takes(kept).and_then(|| Held::whichever(spec.ways(kept).into_iter().map(by_way), Template::server_decides)).and_then(|| {
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
                && backup.spec.ways(kept).iter().any(|way| matches!(way, Way::Snapshot(Held::Yes)))
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
    let began = backup.status.start_timestamp.as_deref().or(backup.status.completion_timestamp.as_deref());
    match (began, kept.claim.created.as_deref()) {
        (Some(began), Some(created)) => super::kept::is_before(began, created),
        // The API always gives a time.
        _ => false,
    }
}

/// The most days from one run of a schedule to the next: the age at which a backup is old.
const WEEK_DAYS: u32 = 7;

impl Backup {
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

/// What was copied one by one, by namespace and name of the backup.
fn copies(reader: &Reader<'_>) -> Result<BTreeMap<(String, String), Copies>, FactsError> {
    let mut all: BTreeMap<(String, String), Copies> = BTreeMap::new();
    reader.each::<PodVolumeBackup>(&POD_VOLUME_BACKUPS, |one, _| {
        if let Some(backup) = label(&one.metadata, BACKUP_NAME) {
            let of = all.entry(place(&one.metadata, backup)).or_default();
            let completed = one.status.phase == "Completed";
            // Of a volume without a claim it is enough that there is one.
            let uid = label(&one.metadata, CLAIM_UID).cloned().unwrap_or_default();
            *of.by_uid.entry(uid).or_insert(completed) |= completed;
        }
    })?;
    reader.each::<DataUpload>(&DATA_UPLOADS, |one, _| {
        if let Some(backup) = label(&one.metadata, BACKUP_NAME) {
            let of = all.entry(place(&one.metadata, backup)).or_default();
            let completed = one.status.phase == "Completed";
            *of.by_name.entry((one.spec.source_namespace, one.spec.source_pvc)).or_insert(completed) |= completed;
        }
    })?;
    Ok(all)
}

/// A doubt about a claim in an object of Velero, as whoever reads it wants to know.
pub(super) fn unclear(what: &str, object: &str, kept: &Kept<'_>, doubt: Doubt) -> Unseen {
    match doubt {
        Doubt::Gap(unseen) => *unseen,
        Doubt::Open(kind, why) => Unseen {
            kind,
            what: format!("whether the {what} {object} holds the claim {}/{}", kept.claim.namespace, kept.claim.name),
            why,
            how_to_see: "Look with velero backup describe --details which volumes are in its backups, and restore one.".to_owned(),
            source: None,
            missing_rule: None,
        },
    }
}
