//! Adding a bundle: what it follows, written once, read back.

#![expect(clippy::disallowed_methods, reason = "the bundle that is added is a file")]

use std::fs::File;
use std::io;
use std::path::Path;

use chrono::{NaiveDateTime, TimeDelta};

use super::error::{Failure, StoreError};
use super::names::{Entry, compact, is_cluster};
use super::order::{Known, by_chain};
use super::place::Created;
use super::retention::Retention;
use super::{AT_ONCE, Ranged, Store};
use crate::bundle::{Counting, Digested, MOST_SUMMARY, Members, Previous, SIGNATURE, Summary, TIMESTAMP};

/// What a new bundle of a cluster comes after.
#[derive(Clone, Debug, Default)]
pub struct Following {
    /// The bundle that no other follows; `None` when the record begins.
    pub previous: Option<Previous>,
    /// Bundles that were collected in the same second, as they follow each other: ours may be one of them.
    pub same: Vec<Same>,
    /// What is odd about the newest bundles.
    pub notes: Vec<String>,
}

/// A bundle that was collected in the same second.
#[derive(Clone, Debug)]
pub struct Same {
    /// The bundle.
    pub entry: Entry,
    /// What it follows.
    pub previous: Option<Previous>,
    /// The digest of its `data/assessment.json`.
    pub assessment: Option<String>,
}

/// A bundle that is in the store.
#[derive(Clone, Debug)]
pub struct Added {
    /// Its name.
    pub entry: Entry,
    /// Whether it was there already, as after an answer that was lost.
    pub was_there: bool,
    /// What the store says of how long it is kept.
    pub retention: Retention,
    /// What the store says of everything in it.
    pub rules: Retention,
    /// Other bundles that follow the same one: the chain forks.
    pub beside: Vec<String>,
}

/// How far back the newest bundle is looked for, in days, before everything is listed. A list of the last week costs the same in the
/// first and in the last year.
const BACK: [i64; 2] = [8, 400];
/// `data/previous.json`.
const MOST_SMALL: u64 = 4 * 1024 * 1024;

/// A bundle that can be followed.
struct Linked {
    same: Same,
    id: String,
}

impl Store {
    /// The folder of a cluster and the time in the name of a bundle, from what its evidence says.
    pub fn named(&self, cluster: Option<&str>, finished: &str) -> Result<(String, String), StoreError> {
        let refuse = |why: String| StoreError::NoCluster { place: self.shown().to_owned(), why };
        let cluster = cluster.ok_or_else(|| refuse("the uid of the namespace kube-system was not read".to_owned()))?;
        if !is_cluster(cluster) {
            return Err(refuse("the uid of the namespace kube-system is none".to_owned()));
        }
        let time = compact(finished).ok_or_else(|| refuse("the time of its collection is none".to_owned()))?;
        Ok((cluster.to_owned(), time))
    }

    /// What a bundle of this cluster that was collected until `time` (as in a name) comes after.
    ///
    /// # Errors
    /// Where the store does not answer; where a bundle was collected later; where there are bundles, and none of them can be read.
    pub fn following(&self, cluster: &str, time: &str) -> Result<Following, StoreError> {
        let mut damaged = Vec::new();
        let newest = by_chain(self.newest(cluster, time, &mut damaged)?, |linked: &Linked| Known {
            time: &linked.same.entry.time,
            id: Some(&linked.id),
            previous: linked.same.previous.as_ref().map(|previous| previous.id.as_str()),
        });
        let place = self.shown().to_owned();
        let Some(tip) = newest.last() else {
            return match damaged.into_iter().next() {
                Some((name, why)) => Err(StoreError::Before { name, place, why }),
                None => Ok(Following::default()),
            };
        };
        if tip.same.entry.time.as_str() > time {
            return Err(StoreError::Later { time: time.to_owned(), place, newest: tip.same.entry.name.clone() });
        }
        Ok(Following {
            previous: Some(Previous::new(&tip.same.entry.name, &tip.id)),
            notes: damaged.into_iter().map(|(name, why)| format!("{name} is not followed: {why}")).collect(),
            same: newest.into_iter().map(|linked| linked.same).filter(|same| same.entry.time == time).collect(),
        })
    }

    /// All bundles of the newest second of which one can be read, sorted by name. Those that are newer and cannot be read are `damaged`:
    /// however many they are, they do not end the record, for whoever can write names must not be able to.
    fn newest(&self, cluster: &str, time: &str, damaged: &mut Vec<(String, String)>) -> Result<Vec<Linked>, StoreError> {
        let mut newest: Vec<Linked> = Vec::new();
        let mut tried: Option<String> = None;
        for after in BACK.into_iter().filter_map(|days| earlier(time, days)).map(Some).chain([None]) {
            let mut bundles = self.listing_after(cluster, after.as_deref())?.bundles;
            bundles.retain(|entry| tried.as_ref().is_none_or(|tried| entry.name < *tried));
            // Usually it is the first.
            let (mut rest, mut at_once) = (bundles.as_slice(), 1);
            while let Some(last) = rest.last() {
                if newest.first().is_some_and(|newest| newest.same.entry.time != last.time) {
                    return Ok(newest);
                }
                let (left, some) = rest.split_at(rest.len().saturating_sub(at_once));
                (rest, at_once) = (left, AT_ONCE);
                for (entry, linked) in some.iter().zip(self.each(some, |entry| self.link(entry))).rev() {
                    if newest.first().is_some_and(|newest| newest.same.entry.time != entry.time) {
                        break;
                    }
                    match linked {
                        Ok(linked) => newest.insert(0, linked),
                        Err(error @ StoreError::Failed { kind: Failure::Unavailable, .. }) => return Err(error),
                        Err(error) => damaged.push((entry.name.clone(), error.to_string())),
                    }
                }
            }
            if !newest.is_empty() {
                return Ok(newest);
            }
            tried = bundles.into_iter().next().map(|entry| entry.name).or(tried);
        }
        Ok(newest)
    }

    /// What a bundle follows, when it is one of this cluster and time.
    fn link(&self, entry: &Entry) -> Result<Linked, StoreError> {
        let damaged = |why: String| StoreError::Damaged { name: entry.path(), place: self.shown().to_owned(), why };
        let members = self.members(entry)?;
        let summary = members.read("data/summary.json", MOST_SUMMARY).map_err(self.damaged(entry))?;
        let summary: Summary = serde_json::from_slice(&summary).map_err(|error| damaged(format!("data/summary.json: {error}")))?;
        if summary.cluster.uid.as_deref() != Some(&entry.cluster) || compact(&summary.collected.finished).as_ref() != Some(&entry.time) {
            return Err(damaged("it is of another cluster or time than its name says".to_owned()));
        }
        let assessment = members.digest("data/assessment.json").map(str::to_owned);
        let (id, previous) = (members.id().to_owned(), self.previous(&members, entry)?);
        Ok(Linked { same: Same { entry: entry.clone(), previous, assessment }, id })
    }

    /// The id of a bundle, and that of the one that it follows. Two reads at most.
    pub(super) fn followed(&self, entry: &Entry) -> Result<(String, Option<String>), StoreError> {
        let members = self.members(entry)?;
        let previous = self.previous(&members, entry)?;
        Ok((members.id().to_owned(), previous.map(|previous| previous.id)))
    }

    fn previous(&self, members: &Members<Ranged<'_>>, entry: &Entry) -> Result<Option<Previous>, StoreError> {
        let bytes = members.read("data/previous.json", MOST_SMALL).map_err(self.damaged(entry))?;
        serde_json::from_slice(&bytes).map_err(|error| self.damaged(entry)(io::Error::other(format!("data/previous.json: {error}"))))
    }

    /// An error of the store as it is, and every other as one of the bundle.
    fn damaged(&self, entry: &Entry) -> impl Fn(io::Error) -> StoreError {
        let (name, place) = (entry.path(), self.shown().to_owned());
        move |error| match error.downcast::<StoreError>() {
            Ok(error) => error,
            Err(error) => StoreError::Damaged { name: name.clone(), place: place.clone(), why: error.to_string() },
        }
    }

    /// Writes a bundle once, reads it back and compares. `file` is its archive, `id` its id.
    pub fn add(&self, cluster: &str, time: &str, id: &str, previous: Option<&Previous>, file: &Path) -> Result<Added, StoreError> {
        let place = self.shown().to_owned();
        let from_disk = |source: io::Error| StoreError::Failed {
            what: format!("read {}, to write it", file.display()),
            place: place.clone(),
            kind: Failure::Other,
            source,
        };
        let ours = File::open(file).and_then(Digested::of).map_err(from_disk)?;
        let name = format!("{time}-{}.zip", id.get(..12).unwrap_or(id));
        let no_name = || StoreError::NoCluster { place: place.clone(), why: format!("{name} is no name of a bundle") };
        let entry = Entry::parse(cluster, &name, ours.size).ok_or_else(no_name)?;
        let created = self.place.create(&entry.path(), file)?;
        let mut back = Counting::new(io::sink());
        let retention = self.place.copy(&entry.path(), &mut back)?;
        let back = back.finish();
        if back != ours {
            if created == Created::New {
                let why = format!(
                    "{} bytes with the SHA-256 {} were written, and {} with {} are there",
                    ours.size, ours.sha256, back.size, back.sha256
                );
                return Err(StoreError::NotKept { name: entry.path(), place, why });
            }
            // The same bundle with another timestamp beside it is the same bundle.
            let there = Entry { bytes: back.size, ..entry.clone() };
            if !self.members(&there).is_ok_and(|members| members.id() == id) {
                return Err(StoreError::Other { name: entry.path(), place });
            }
        }
        let beside = self.beside(&entry, previous)?;
        Ok(Added { entry, was_there: created == Created::Exists, retention, rules: self.place.rules(), beside })
    }

    /// Whether a bundle is there with this id.
    pub fn holds(&self, entry: &Entry, id: &str) -> bool {
        self.members(entry).is_ok_and(|members| members.id() == id)
    }

    /// The bundle as it is there, without writing anything.
    pub fn found(&self, entry: &Entry, previous: Option<&Previous>) -> Result<Added, StoreError> {
        let retention = self.place.copy(&entry.path(), &mut io::sink())?;
        let beside = self.beside(entry, previous)?;
        Ok(Added { entry: entry.clone(), was_there: true, retention, rules: self.place.rules(), beside })
    }

    /// What is put beside the list of digests of a bundle that is there, which nothing can be added to: the list, signature and timestamp.
    pub fn marks(&self, entry: &Entry) -> Result<StoredMarks, StoreError> {
        let members = self.members(entry)?;
        let mark = |name: &str| members.mark(name).map_err(self.damaged(entry));
        let list = members.list().map_err(self.damaged(entry))?;
        Ok(StoredMarks { list, signature: mark(SIGNATURE)?, timestamp: mark(TIMESTAMP)? })
    }

    /// Others that follow the same bundle, such as one that was written at the same time by another machine.
    fn beside(&self, entry: &Entry, previous: Option<&Previous>) -> Result<Vec<String>, StoreError> {
        // From its second on: names of one second are in no order.
        let after = previous.and_then(|previous| previous.name.split('-').next());
        let mut others = self.listing_after(&entry.cluster, after)?.bundles;
        others.retain(|other| other.name != entry.name);
        let followed = self.each(&others, |other| self.followed(other));
        let ours = previous.map(|previous| &previous.id);
        let mut beside: Vec<String> = others
            .into_iter()
            .zip(followed)
            .filter(|(_, is)| is.as_ref().is_ok_and(|(_, id)| id.as_ref() == ours))
            .map(|(other, _)| other.name)
            .collect();
        beside.sort();
        Ok(beside)
    }
}

/// What stands beside `data/` in a bundle of a store.
#[derive(Clone, Debug)]
pub struct StoredMarks {
    /// `tagmanifest-sha256.txt`.
    pub list: Vec<u8>,
    /// The signature over it.
    pub signature: Option<Vec<u8>>,
    /// The timestamp over it.
    pub timestamp: Option<Vec<u8>>,
}

/// A name that sorts before every bundle of the last `days` before `time`.
fn earlier(time: &str, days: i64) -> Option<String> {
    const TIME: &str = "%Y%m%dT%H%M%SZ";
    let time = NaiveDateTime::parse_from_str(time, TIME).ok()?;
    Some(time.checked_sub_signed(TimeDelta::days(days))?.format(TIME).to_string())
}
