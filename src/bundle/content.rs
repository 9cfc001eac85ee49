//! What the files of a bundle say of each other: so that files of two bundles cannot be mixed unseen.

use std::fmt;
use std::io::{self, BufReader, Read};

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::bag::MOST_FILES;

use super::lists::is_digest;
use crate::model::{CatalogIdentity, ClusterIdentity, Collected, ToolIdentity, Totals};

/// No index, no list comes near this.
pub(super) const MOST_INDEX: u64 = 128 * 1024 * 1024;
/// The smaller files.
pub(super) const MOST_SMALL: u64 = 4 * 1024 * 1024;
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
    /// Which cluster.
    pub cluster: ClusterIdentity,
    /// When and by whom it was read.
    pub collected: Collected,
    /// Counts.
    pub totals: Totals,
}

impl AssessmentHead {
    /// Reads the beginning, which says all of it. What follows may be large, and is a matter of digests.
    pub fn read(from: impl Read) -> io::Result<Self> {
        let mut parts = Parts::default();
        let read = serde_json::Deserializer::from_reader(BufReader::new(from.take(MOST_SMALL))).deserialize_map(Fill(&mut parts));
        match (parts.whole(), read) {
            (Some(head), _) if head.schema.starts_with(SCHEMA_FAMILY) => Ok(head),
            (None, Err(error)) => Err(error.into()),
            _ => Err(io::Error::other("it is not an assessment of kube-hipaa")),
        }
    }
}

/// A head of which some is known.
#[derive(Default)]
struct Parts {
    schema: Option<String>,
    tool: Option<ToolIdentity>,
    catalog: Option<CatalogIdentity>,
    snapshot_sha256: Option<String>,
    cluster: Option<ClusterIdentity>,
    collected: Option<Collected>,
    totals: Option<Totals>,
}

impl Parts {
    fn is_whole(&self) -> bool {
        let texts = self.schema.is_some() && self.snapshot_sha256.is_some();
        texts
            && self.tool.is_some()
            && self.catalog.is_some()
            && self.cluster.is_some()
            && self.collected.is_some()
            && self.totals.is_some()
    }
    fn whole(self) -> Option<AssessmentHead> {
        Some(AssessmentHead {
            schema: self.schema?,
            tool: self.tool?,
            catalog: self.catalog?,
            snapshot_sha256: self.snapshot_sha256?,
            cluster: self.cluster?,
            collected: self.collected?,
            totals: self.totals?,
        })
    }
}

/// Takes the fields of an object until all are there.
struct Fill<'a>(&'a mut Parts);

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an assessment")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "schema" => self.0.schema = Some(map.next_value()?),
                "tool" => self.0.tool = Some(map.next_value()?),
                "catalog" => self.0.catalog = Some(map.next_value()?),
                "snapshot_sha256" => self.0.snapshot_sha256 = Some(map.next_value()?),
                "cluster" => self.0.cluster = Some(map.next_value()?),
                "collected" => self.0.collected = Some(map.next_value()?),
                "totals" => self.0.totals = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            if self.0.is_whole() {
                // The only way to leave the rest unread; nobody sees it.
                return Err(A::Error::custom("enough"));
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
    pub(super) fn is_good(&self) -> bool {
        let good = |c: char| !c.is_control() && c != '/';
        is_digest(&self.id) && !self.name.is_empty() && self.name.chars().count() <= 255 && self.name.chars().all(good)
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
