//! Whether a store holds what was put into it: every bundle, and the chain of every cluster.

use std::io::{self, Write};

use serde::Serialize;

use super::error::{Failure, StoreError};
use super::names::{Entry, compact, is_uid};
use super::order::{Known, by_chain};
use super::retention::Retention;
use super::{Listing, Store};
use crate::bundle::{Bag, Previous, Problem, ProblemKind, TAG_MANIFEST, Verdict};
use crate::history::links::{Linked, Wrong, links};

/// What came out of a whole store.
#[derive(Debug, Serialize)]
pub struct StoreVerdict {
    /// The store.
    pub store: String,
    /// Whether nothing is wrong, and there is something.
    pub whole: bool,
    /// What is wrong with the store as a whole.
    pub problems: Vec<String>,
    /// How many bundles were verified.
    pub bundles: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What the store says of how long it keeps everything.
    pub retention: Retention,
    /// Every cluster, sorted by uid.
    pub clusters: Vec<ClusterVerdict>,
    /// What lies beside the clusters, and was not read.
    pub strays: Vec<String>,
}

/// What came out of the record of one cluster.
#[derive(Debug, Serialize)]
pub struct ClusterVerdict {
    /// The uid of its namespace `kube-system`.
    pub cluster: String,
    /// Its name, as the newest bundle that is whole says it.
    pub name: Option<String>,
    /// Whether nothing is wrong.
    pub whole: bool,
    /// Every bundle, sorted by time; those of one second as they follow each other. So no other follows the last.
    pub bundles: Vec<BundleVerdict>,
    /// What is wrong with the chain.
    pub chain: Vec<Link>,
    /// What else lies in the folder, and was not read.
    pub strays: Vec<String>,
}

/// What came out of one bundle.
#[derive(Debug, Serialize)]
pub struct BundleVerdict {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Option<String>,
    /// When it was collected, RFC 3339, as its name says.
    pub collected: String,
    /// Size of the archive.
    pub bytes: u64,
    /// Whether nothing is wrong with it.
    pub whole: bool,
    /// The bundle before, as this one says.
    pub previous: Option<Previous>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What the store says of how long it is kept.
    pub retention: Retention,
}

/// What can be wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// It follows a bundle that is not there.
    Gap,
    /// It follows another bundle than the one that is there under this name.
    Broken,
    /// Others follow the same bundle.
    Fork,
    /// It follows none, and is not the first.
    Beginning,
    /// It was collected before the bundle that it follows.
    Order,
    /// It is not what its name or its folder says.
    Name,
    /// A bundle was expected that is not there.
    Missing,
}

impl LinkKind {
    /// One word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Broken => "broken",
            Self::Fork => "fork",
            Self::Beginning => "beginning",
            Self::Order => "order",
            Self::Name => "name",
            Self::Missing => "missing",
        }
    }
}

/// One thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Link {
    /// The bundle.
    pub bundle: String,
    /// What kind of problem.
    pub kind: LinkKind,
    /// What is wrong, in words.
    pub what: String,
}

/// Larger archives are verified in a file.
const MOST_IN_MEMORY: u64 = 64 * 1024 * 1024;

/// A bundle with what its verification said of it.
struct Checked {
    entry: Entry,
    verdict: BundleVerdict,
    cluster: Option<String>,
    name: Option<String>,
    finished: Option<String>,
}

impl Checked {
    fn unread(entry: &Entry, error: &io::Error) -> Self {
        let problem =
            Problem { file: String::new(), kind: ProblemKind::Missing, what: format!("it is listed, and cannot be read: {error}") };
        let verdict = BundleVerdict {
            name: entry.name.clone(),
            id: None,
            collected: entry.rfc3339(),
            bytes: entry.bytes,
            whole: false,
            previous: None,
            problems: vec![problem],
            retention: Retention::not_seen("it cannot be read"),
        };
        Self { entry: entry.clone(), verdict, cluster: None, name: None, finished: None }
    }
}

impl Store {
    /// Verifies everything, or one cluster. `verify` is what says whether one bundle is whole; `id` must be among those that are.
    pub fn check(
        &self,
        only: Option<&str>,
        id: Option<&str>,
        verify: impl Fn(&Bag) -> io::Result<Verdict> + Sync,
    ) -> Result<StoreVerdict, StoreError> {
        let (mut clusters, strays) = self.top()?;
        if let Some(only) = only {
            clusters.retain(|cluster| cluster == only);
        }
        let clusters = clusters.iter().map(|cluster| self.check_cluster(cluster, &verify)).collect::<Result<Vec<_>, _>>()?;
        let all = || clusters.iter().flat_map(|cluster| &cluster.bundles);
        let mut problems = Vec::new();
        let bundles = all().count() as u64;
        if bundles == 0 {
            // What was emptied must not look like what is whole.
            let of = only.map_or_else(String::new, |cluster| format!(" of the cluster {cluster}"));
            problems.push(format!("there is no bundle{of} in it: nothing could be verified"));
        }
        if let Some(id) = id.filter(|id| !all().any(|bundle| bundle.whole && bundle.id.as_deref() == Some(*id))) {
            problems.push(format!("no whole bundle has the id {id}"));
        }
        // Such as a link to another disk, or a file: bundles may lie behind it.
        for name in strays.iter().filter(|name| is_uid(name) && only.is_none_or(|only| only == name.as_str())) {
            problems.push(format!("{name} has the name of a cluster and is no folder: nothing in it was verified"));
        }
        let bytes = all().map(|bundle| bundle.bytes).sum();
        let whole = problems.is_empty() && clusters.iter().all(|cluster| cluster.whole);
        Ok(StoreVerdict {
            store: self.shown().to_owned(),
            whole,
            problems,
            bundles,
            bytes,
            retention: self.place.rules(),
            clusters,
            strays,
        })
    }

    fn check_cluster(&self, cluster: &str, verify: &(impl Fn(&Bag) -> io::Result<Verdict> + Sync)) -> Result<ClusterVerdict, StoreError> {
        let Listing { bundles, strays } = self.listing(cluster)?;
        let checked = self.each(&bundles, |entry| match self.check_one(entry, verify) {
            // Others can still be verified.
            Err(StoreError::Failed { kind, source, .. }) if kind != Failure::Unavailable => Ok(Checked::unread(entry, &source)),
            checked => checked,
        });
        let checked = checked.into_iter().collect::<Result<Vec<_>, _>>()?;
        let checked = by_chain(checked, |one| Known {
            time: &one.entry.time,
            id: one.verdict.id.as_deref(),
            previous: one.verdict.previous.as_ref().map(|previous| previous.id.as_str()),
        });
        let mut chain = chain(&checked);
        chain.sort();
        let name = checked.iter().rev().find(|one| one.verdict.whole).and_then(|one| one.name.clone());
        let bundles: Vec<BundleVerdict> = checked.into_iter().map(|one| one.verdict).collect();
        let whole = chain.is_empty() && bundles.iter().all(|bundle| bundle.whole);
        Ok(ClusterVerdict { cluster: cluster.to_owned(), name, whole, bundles, chain, strays })
    }

    fn check_one(&self, entry: &Entry, verify: &impl Fn(&Bag) -> io::Result<Verdict>) -> Result<Checked, StoreError> {
        let failed = |source: io::Error| StoreError::Failed {
            what: format!("verify {}", entry.path()),
            place: self.shown().to_owned(),
            kind: Failure::Other,
            source,
        };
        let (bag, retention, _kept);
        if let Some(path) = self.place.local(&entry.path()) {
            (bag, retention) = (Bag::open(&path), self.place.rules());
        } else if entry.bytes <= MOST_IN_MEMORY {
            let mut bytes = Limited { bytes: Vec::new(), most: entry.bytes };
            retention = self.place.copy(&entry.path(), &mut bytes)?;
            bag = Bag::from_zip_bytes(bytes.bytes);
        } else {
            let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
            retention = self.place.copy(&entry.path(), &mut file)?;
            file.flush().map_err(failed)?;
            bag = Bag::open(file.path());
            _kept = file;
        }
        let Verdict { id, mut whole, sealed, mut problems, previous, summary, .. } = bag.and_then(|bag| verify(&bag)).map_err(failed)?;
        if !sealed {
            let what = "it is not there: this is evidence that was not sealed, and a record holds sealed bundles only".to_owned();
            problems.push(Problem { file: TAG_MANIFEST.to_owned(), kind: ProblemKind::Missing, what });
            whole = false;
        }
        let (cluster, name, finished) = summary
            .map_or((None, None, None), |summary| (summary.cluster.uid, Some(summary.cluster.name), Some(summary.collected.finished)));
        let (name_in_store, collected, bytes) = (entry.name.clone(), entry.rfc3339(), entry.bytes);
        let verdict = BundleVerdict { name: name_in_store, id, collected, bytes, whole, previous, problems, retention };
        Ok(Checked { entry: entry.clone(), verdict, cluster, name, finished })
    }
}

/// What a store sends beyond the size that it listed is not kept in memory.
struct Limited {
    bytes: Vec<u8>,
    most: u64,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.most {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than the store listed"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is wrong with the names of these bundles and the links between them, which are sorted by time and chain.
fn chain(all: &[Checked]) -> Vec<Link> {
    let mut found = Vec::new();
    let mut problem = |one: &Checked, kind, what: String| found.push(Link { bundle: one.entry.name.clone(), kind, what });
    for one in all {
        let Entry { cluster, time, short_id, .. } = &one.entry;
        if one.verdict.id.as_ref().is_some_and(|id| !id.starts_with(short_id)) {
            problem(one, LinkKind::Name, "its id is not the one in its name".to_owned());
        }
        if let Some(finished) = one.finished.as_deref() {
            if one.cluster.as_ref() != Some(cluster) {
                problem(
                    one,
                    LinkKind::Name,
                    format!("it is of another cluster, {}", one.cluster.as_deref().unwrap_or("which it does not name")),
                );
            }
            if compact(finished).as_ref() != Some(time) {
                problem(one, LinkKind::Name, format!("it was collected at another time than its name says, {finished}"));
            }
        }
    }
    let linked: Vec<Linked<'_>> = all
        .iter()
        .map(|Checked { entry, verdict, .. }| Linked {
            name: &entry.name,
            time: &entry.time,
            id: verdict.id.as_deref(),
            previous: verdict.previous.as_ref(),
            whole: verdict.whole,
        })
        .collect();
    for (number, wrong, what) in links(&linked, true) {
        let kind = match wrong {
            Wrong::Twin => LinkKind::Name,
            Wrong::Gap => LinkKind::Gap,
            Wrong::Broken => LinkKind::Broken,
            Wrong::Fork => LinkKind::Fork,
            Wrong::Beginning => LinkKind::Beginning,
            Wrong::Order => LinkKind::Order,
        };
        if let Some(one) = all.get(number) {
            problem(one, kind, what);
        }
    }
    found
}
