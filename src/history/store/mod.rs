//! Where bundles are kept: a folder or an object store, one folder a cluster, one file a night, nothing ever rewritten.
//!
//! ```text
//! STORE/<uid of kube-system>/<UTC time>-<first 12 digits of the id>.zip
//! ```
//!
//! A store can be hostile: names that are no bundle are left alone and told, a name is never believed more than the bundle, and what is
//! read of a bundle is proven by its id.

mod add;
mod address;
mod bucket;
mod check;
mod error;
mod folder;
mod http;
mod lock;
mod names;
mod order;
mod place;
mod reach;
mod retention;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::bundle::{Members, Ranges};

pub use add::{Added, Following, Same, StoredMarks};
pub use check::{BundleVerdict, ClusterVerdict, Link, LinkKind, StoreVerdict};
pub use error::{Failure, StoreError};
pub use names::{Entry, is_cluster};
pub use retention::{Kept, PARAGRAPH, Retention};

use address::Address;
use bucket::Bucket;
use folder::Folder;
use place::Place;

/// A store that was opened.
#[derive(Debug)]
pub struct Store {
    place: Box<dyn Place>,
}

/// What lies in a cluster's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The bundles, sorted by time.
    pub bundles: Vec<Entry>,
    /// Names of what else is there, sorted; nothing of it is read.
    pub strays: Vec<String>,
}

/// How many bundles are read at the same time: enough to hide the way to a distant store, few enough for any.
const AT_ONCE: usize = 8;
/// A bundle that is read whole into memory.
const MOST_IN_MEMORY: u64 = 1024 * 1024 * 1024;

impl Store {
    /// Opens a folder, `file://`, `s3://`, `gs://` or `az://`. A folder must exist; of a bucket nothing is asked yet.
    pub fn open(text: &str) -> Result<Self, StoreError> {
        let place: Box<dyn Place> = match Address::parse(text)? {
            Address::Folder(path) => Box::new(Folder::open(&path)?),
            Address::Bucket { kind, bucket, prefix } => Box::new(Bucket::open(kind, &bucket, &prefix)?),
        };
        Ok(Self { place })
    }

    /// Whether a text is meant as a store: a URL, or a folder in which a cluster's folder holds a file with the name of a bundle.
    pub fn is_meant(text: &str) -> bool {
        address::is_url(text) || folder::is_store(std::path::Path::new(text))
    }

    /// How people know it; no credential stands in it.
    pub fn shown(&self) -> &str {
        self.place.shown()
    }

    /// Whether it answers, and lets itself be listed.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.place.ready()
    }

    /// The uids of the clusters that have a folder, sorted.
    pub fn clusters(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.top()?.0)
    }

    /// The clusters, and the names of what else lies at the top.
    pub fn top(&self) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let (folders, mut strays) = self.place.top()?;
        let (clusters, others): (Vec<String>, Vec<String>) = folders.into_iter().partition(|name| is_cluster(name));
        strays.extend(others.into_iter().map(|name| format!("{name}/")));
        strays.sort();
        Ok((clusters, strays))
    }

    /// The bundles of a cluster, sorted by time; none when it has no folder. Those of one second, which are rare, are read for what they
    /// follow, and stand in this order; one that cannot be read stands where its name does.
    pub fn bundles(&self, cluster: &str) -> Result<Vec<Entry>, StoreError> {
        let bundles = self.listing(cluster)?.bundles;
        let same: Vec<&Entry> = bundles.chunk_by(|one, other| one.time == other.time).filter(|group| group.len() > 1).flatten().collect();
        if same.is_empty() {
            return Ok(bundles);
        }
        let links = self.each(&same, |entry| self.followed(entry).ok());
        let mut links: BTreeMap<String, (String, Option<String>)> =
            same.into_iter().zip(links).filter_map(|(entry, link)| Some((entry.name.clone(), link?))).collect();
        let linked: Vec<_> = bundles
            .into_iter()
            .map(|entry| {
                let link = links.remove(&entry.name);
                (entry, link)
            })
            .collect();
        let sorted = order::by_chain(linked, |(entry, link)| order::Known {
            time: &entry.time,
            id: link.as_ref().map(|(id, _)| id.as_str()),
            previous: link.as_ref().and_then(|(_, previous)| previous.as_deref()),
        });
        Ok(sorted.into_iter().map(|(entry, _)| entry).collect())
    }

    /// Everything in a cluster's folder.
    pub fn listing(&self, cluster: &str) -> Result<Listing, StoreError> {
        self.listing_after(cluster, None)
    }

    /// The bundle of that name in a cluster's folder; `None` when there is none.
    pub fn entry(&self, cluster: &str, name: &str) -> Result<Option<Entry>, StoreError> {
        // What stands before it need not be listed.
        let before = name.strip_suffix(".zip").unwrap_or(name);
        Ok(self.listing_after(cluster, Some(before))?.bundles.into_iter().find(|entry| entry.name == name))
    }

    fn listing_after(&self, cluster: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        if !is_cluster(cluster) {
            return Ok(listing);
        }
        for file in self.place.list(cluster, after)? {
            match Entry::parse(cluster, &file.name, file.bytes) {
                Some(entry) => listing.bundles.push(entry),
                None => listing.strays.push(file.name),
            }
        }
        listing.bundles.sort();
        Ok(listing)
    }

    /// The whole archive, of at most 1 GiB.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>, StoreError> {
        if entry.bytes > MOST_IN_MEMORY {
            let source = io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than what is read into memory");
            let what = format!("read {}", entry.path());
            return Err(StoreError::Failed { what, place: self.shown().to_owned(), kind: Failure::Other, source });
        }
        let mut bytes = Vec::new();
        self.place.copy(&entry.path(), &mut bytes)?;
        Ok(bytes)
    }

    /// The bundle for reading single files, each proven by its id, which begins as the name says. Two reads are enough for a file.
    pub fn members(&self, entry: &Entry) -> Result<Members<Ranged<'_>>, StoreError> {
        let damaged = |why: String| StoreError::Damaged { name: entry.path(), place: self.shown().to_owned(), why };
        let members = Members::open(Ranged { place: self.place.as_ref(), path: entry.path(), length: entry.bytes });
        let members = members.map_err(|error| match error.downcast::<StoreError>() {
            Ok(error) => error,
            Err(error) => damaged(error.to_string()),
        })?;
        if !members.id().starts_with(&entry.short_id) {
            return Err(damaged("its id is not the one in its name".to_owned()));
        }
        Ok(members)
    }

    /// A file of a bundle; `None` when it has none of this name. At most `most` bytes.
    pub fn member(&self, entry: &Entry, name: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let members = self.members(entry)?;
        if !members.has(name) {
            return Ok(None);
        }
        members.read(name, most).map(Some).map_err(|error| match error.downcast::<StoreError>() {
            Ok(error) => error,
            Err(error) => StoreError::Damaged { name: entry.path(), place: self.shown().to_owned(), why: error.to_string() },
        })
    }

    /// Does the same for many, several at a time; the results stand in the order of `all`.
    pub fn each<I: Sync, T: Send>(&self, all: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(all.len()));
        let run = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = all.get(at) else { break };
                let result = work(one);
                results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..AT_ONCE.min(all.len()) {
                scope.spawn(run);
            }
            run();
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// The bytes of a bundle in a store.
#[derive(Debug)]
pub struct Ranged<'a> {
    place: &'a dyn Place,
    path: String,
    length: u64,
}

impl Ranges for Ranged<'_> {
    fn length(&self) -> u64 {
        self.length
    }
    fn read(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        self.place.range(&self.path, start, length).map_err(io::Error::other)
    }
}
