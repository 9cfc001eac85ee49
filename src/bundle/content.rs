//! What the files of a bundle say of each other: so that files of two bundles cannot be mixed unseen.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufReader, Read};

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::bag::MOST_FILES;

use super::lists::is_digest;
use super::record::Record;
use crate::model::{CatalogIdentity, ClusterIdentity, Collected, ToolIdentity, Totals, WorkspaceUsed};

/// No index, no list comes near this.
pub(super) const MOST_INDEX: u64 = 128 * 1024 * 1024;
/// The smaller files.
pub(super) const MOST_SMALL: u64 = 4 * 1024 * 1024;
/// A summary holds about five hundred bytes per finding; that of 20,000 has 10 MB.
pub const MOST_SUMMARY: u64 = 32 * 1024 * 1024;
/// A list of as many files as a bundle may have, with the longest names.
pub(super) const MOST_LIST: u64 = 16 * 1024 * 1024;
/// The versions of the format of an assessment that are known here only by these fields.
const SCHEMA_FAMILY: &str = "kube-hipaa/assessment/";

/// What an assessment says about itself; its findings are passed over.
#[derive(Clone, Debug)]
pub struct AssessmentHead {
    /// The name of the format.
    pub schema: String,
    /// Which program assessed.
    pub tool: ToolIdentity,
    /// By which rules.
    pub catalog: CatalogIdentity,
    /// Digest of the snapshot's index.
    pub snapshot_sha256: String,
    /// Whether manifests were laid over the snapshot before it was assessed.
    pub hypothetical: bool,
    /// Which cluster.
    pub cluster: ClusterIdentity,
    /// When and by whom it was read.
    pub collected: Collected,
    /// The workspace whose files were read, where one was named.
    pub workspace: Option<WorkspaceUsed>,
    /// Counts.
    pub totals: Totals,
}

impl AssessmentHead {
    /// Reads all of it, and keeps what it says about itself: so that nothing that stands behind (that it is hypothetical, say) is passed by.
    ///
    /// # Errors
    /// Where it is no JSON to its end, is no assessment, says something twice, or says more about itself than any assessment does.
    pub fn read(from: impl Read) -> io::Result<Self> {
        let is_kept = Cell::new(true);
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(Kept { from, is_kept: &is_kept, left: MOST_SMALL }));
        let mut parts = Parts::default();
        json.deserialize_map(Fill(&mut parts, &is_kept))?;
        json.end()?;
        let head = parts.whole().filter(|head| head.schema.starts_with(SCHEMA_FAMILY));
        head.ok_or_else(|| io::Error::other("it is not an assessment of kube-hipaa"))
    }
}

/// Lets pass any number of bytes that are passed over, and few that are kept.
struct Kept<'a, R> {
    from: R,
    is_kept: &'a Cell<bool>,
    left: u64,
}

impl<R: Read> Read for Kept<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        if self.is_kept.get() {
            let left = self.left.checked_sub(n as u64);
            self.left = left.ok_or_else(|| io::Error::other("it says more about itself than any assessment does"))?;
        }
        Ok(n)
    }
}

/// A head of which some is known.
#[derive(Default)]
struct Parts {
    schema: Option<String>,
    tool: Option<ToolIdentity>,
    catalog: Option<CatalogIdentity>,
    snapshot_sha256: Option<String>,
    hypothetical: bool,
    cluster: Option<ClusterIdentity>,
    collected: Option<Collected>,
    workspace: Option<WorkspaceUsed>,
    totals: Option<Totals>,
}

impl Parts {
    fn whole(self) -> Option<AssessmentHead> {
        Some(AssessmentHead {
            schema: self.schema?,
            tool: self.tool?,
            catalog: self.catalog?,
            snapshot_sha256: self.snapshot_sha256?,
            hypothetical: self.hypothetical,
            cluster: self.cluster?,
            collected: self.collected?,
            workspace: self.workspace,
            totals: self.totals?,
        })
    }
}

/// Takes these fields of an object, and passes over the others.
struct Fill<'a>(&'a mut Parts, &'a Cell<bool>);

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an assessment")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "schema" => self.0.schema = Some(map.next_value()?),
                "tool" => self.0.tool = Some(map.next_value()?),
                "catalog" => self.0.catalog = Some(map.next_value()?),
                "snapshot_sha256" => self.0.snapshot_sha256 = Some(map.next_value()?),
                "hypothetical" => {
                    map.next_value::<IgnoredAny>()?;
                    self.0.hypothetical = true;
                }
                "cluster" => self.0.cluster = Some(map.next_value()?),
                "collected" => self.0.collected = Some(map.next_value()?),
                "workspace" => self.0.workspace = Some(map.next_value()?),
                "totals" => self.0.totals = Some(map.next_value()?),
                _ => {
                    self.1.set(false);
                    map.next_value::<IgnoredAny>()?;
                    self.1.set(true);
                }
            }
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format!("{twice} stands twice")));
            }
        }
        Ok(())
    }
}

/// `summary.json`: what is wanted of a bundle before it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The name of the format.
    pub schema: String,
    /// Which program assessed.
    pub tool: ToolIdentity,
    /// By which rules.
    pub catalog: CatalogIdentity,
    /// Which cluster.
    pub cluster: ClusterIdentity,
    /// When and by whom it was read.
    pub collected: Collected,
    /// Counts.
    pub totals: Totals,
    /// Digest of the snapshot's index.
    pub snapshot_sha256: String,
    /// What of the assessment a record over time is made of; absent in bundles of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

impl Summary {
    /// The format of this version.
    const SCHEMA: &str = "kube-hipaa/summary/v1";

    /// Of an assessment.
    pub fn of(head: &AssessmentHead) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            tool: head.tool.clone(),
            catalog: head.catalog.clone(),
            cluster: head.cluster.clone(),
            collected: head.collected.clone(),
            totals: head.totals.clone(),
            snapshot_sha256: head.snapshot_sha256.clone(),
            record: None,
        }
    }
}

/// `previous.json`: the bundle before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// The name that its file or folder had.
    pub name: String,
    /// Its id.
    pub id: String,
}

impl Previous {
    /// A name that can stand in a file: of another, the last part is kept without what cannot be seen.
    pub fn new(name: &str, id: &str) -> Self {
        let name: String = name.rsplit('/').next().unwrap_or(name).chars().filter(|c| !c.is_control()).take(255).collect();
        Self { name, id: id.to_owned() }
    }

    /// Whether it can be one.
    fn is_good(&self) -> bool {
        let good = |c: char| !c.is_control() && c != '/';
        is_digest(&self.id) && !self.name.is_empty() && self.name.chars().count() <= 255 && self.name.chars().all(good)
    }

    /// The bytes of the file. They are the only ones that it may hold, so that no two readers read something else in them.
    pub fn file(previous: Option<&Self>) -> io::Result<Vec<u8>> {
        Ok([serde_json::to_vec_pretty(&previous)?.as_slice(), b"\n"].concat())
    }

    /// Reads the file; `None` where it has not its form.
    pub(super) fn read(bytes: &[u8]) -> Option<Option<Self>> {
        let previous: Option<Self> = serde_json::from_slice(bytes).ok()?;
        let good = previous.as_ref().is_none_or(Self::is_good) && Self::file(previous.as_ref()).is_ok_and(|file| file == bytes);
        good.then_some(previous)
    }
}

/// What an index of a snapshot says of its files.
#[derive(Debug, Deserialize)]
pub(super) struct IndexHead {
    #[serde(deserialize_with = "few")]
    pub(super) sources: Vec<IndexSource>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(super) struct IndexSource {
    #[serde(default)]
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) sha256: Option<String>,
}

/// As many as a bundle has files: of the shortest, a large file would hold more than memory does.
fn few<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IndexSource>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<IndexSource>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the sources of a snapshot")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let mut few = Vec::new();
            while let Some(one) = all.next_element()? {
                if few.len() == MOST_FILES {
                    return Err(A::Error::custom("there are more sources than a snapshot has"));
                }
                few.push(one);
            }
            Ok(few)
        }
    }
    from.deserialize_seq(Few)
}
