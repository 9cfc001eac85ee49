use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::coverage::unseen_source;
use crate::facts::{Coverage, FactsError, Known};
use crate::model::{Evidence, Grade, ObjectRef, Reading, SourceId, Unseen, UnseenKind};
use crate::parallel;
use crate::snapshot::{Snapshot, SnapshotError, StoredObject};

/// An object of which only the metadata is needed (or was collected).
#[derive(Debug, Deserialize)]
pub(in crate::facts) struct MetaOnly {
    #[serde(default)]
    pub(in crate::facts) metadata: ObjectMeta,
}

/// An object that a table reads, with its metadata.
pub(in crate::facts) trait Readable: DeserializeOwned + Send {
    /// `metadata` of the object.
    fn meta(&self) -> &ObjectMeta;
}

impl Readable for MetaOnly {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<K> Readable for K
where
    K: k8s_openapi::Metadata<Ty = ObjectMeta> + DeserializeOwned + Send,
{
    fn meta(&self) -> &ObjectMeta {
        self.metadata()
    }
}

/// From how many objects of a source on they are decoded ahead.
const MANY: u64 = 200;

/// An object with its place, or the text that could not be decoded and why.
type Decoded<K> = Result<(K, Evidence), (StoredObject, String)>;

/// Reads a snapshot object by object and remembers what could not be understood.
pub(in crate::facts) struct Reader<'a> {
    snapshot: &'a Snapshot,
    not_understood: RefCell<BTreeMap<SourceId, Vec<Unseen>>>,
}

/// A kind that nobody knows, in a group that is read, may mean anything for what the group's sources claim: each of them is in doubt by its name.
fn unknown_kinds(snapshot: &Snapshot) -> BTreeMap<SourceId, Vec<Unseen>> {
    let index = snapshot.index();
    let mut doubts: BTreeMap<SourceId, Vec<Unseen>> = BTreeMap::new();
    for kind in index.discovery.iter().flat_map(|discovery| &discovery.kinds).filter(|kind| kind.unknown) {
        for record in index.sources.iter().filter(|record| record.source.api_group() == kind.group && !record.source.is_url()) {
            doubts.entry(record.source.clone()).or_default().push(Unseen {
                kind: UnseenKind::NotUnderstood,
                what: format!("{} ({})", SourceId::dynamic(&kind.group, &kind.resource), kind.kind),
                why: "the cluster serves this kind, and this version of kube-hipaa does not know what it means for the others of its group"
                    .to_owned(),
                how_to_see: "Look at its objects by hand; a newer version of kube-hipaa may read them.".to_owned(),
                source: Some(record.source.clone()),
                missing_rule: None,
            });
        }
    }
    doubts
}

impl<'a> Reader<'a> {
    pub(in crate::facts) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, not_understood: RefCell::new(unknown_kinds(snapshot)) }
    }

    /// When collection ended: the time that everything is judged at, so that the same snapshot always gives the same answer.
    pub(in crate::facts) fn collected(&self) -> &str {
        &self.snapshot.index().collected.finished
    }

    /// The coverage of everything read so far.
    pub(in crate::facts) fn coverage(&self) -> Coverage {
        Coverage::new(&self.snapshot.index().sources, &self.not_understood.borrow())
    }

    /// Hands every object of `source` to `take`. An object that cannot be decoded is remembered and never dropped silently.
    pub(in crate::facts) fn each<K: Readable>(&self, source: &SourceId, mut take: impl FnMut(K, Evidence)) -> Result<(), FactsError> {
        let (kind, snapshot) = (self.kind(source), self.snapshot);
        let decoded = move |stored: StoredObject| match serde_json::from_str::<K>(&stored.json) {
            Ok(object) => {
                let origin = origin(kind, source, object.meta(), stored, Grade::EffectiveConfiguration);
                Ok((object, origin))
            }
            Err(error) => Err((stored, error.to_string())),
        };
        let mut take = |decoded: Decoded<K>| match decoded {
            Ok((object, origin)) => take(object, origin),
            Err((stored, error)) => self.not_understood(source, &stored, &error),
        };
        if snapshot.index().record(source).is_none_or(|record| record.state.count() < MANY) {
            return self.each_stored(source, |stored| take(decoded(stored)));
        }
        // Unpacking, verifying and decoding take as long as what is done with the objects.
        let objects = move || Ok(snapshot.objects(source)?.map(move |stored| stored.map(decoded)));
        Ok(parallel::ahead::<_, SnapshotError, _>(objects, take)?)
    }

    /// Hands every stored object to `take` as it is.
    pub(in crate::facts) fn each_stored(&self, source: &SourceId, mut take: impl FnMut(StoredObject)) -> Result<(), FactsError> {
        for stored in self.snapshot.objects(source)? {
            take(stored?);
        }
        Ok(())
    }

    /// Remembers an object that could not be understood.
    pub(in crate::facts) fn not_understood(&self, source: &SourceId, stored: &StoredObject, error: &str) {
        let name = match serde_json::from_str::<MetaOnly>(&stored.json) {
            Ok(MetaOnly { metadata }) => match (metadata.namespace, metadata.name) {
                (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
                (None, Some(name)) => name,
                _ => format!("object with digest {}", stored.sha256),
            },
            Err(_) => format!("object with digest {}", stored.sha256),
        };
        self.not_decoded(source, name, error);
    }

    /// The same, of an object whose name is known.
    pub(in crate::facts) fn not_decoded(&self, source: &SourceId, name: String, error: &str) {
        let mut all = self.not_understood.borrow_mut();
        let of_source = all.entry(source.clone()).or_default();
        of_source.push(Unseen {
            kind: UnseenKind::NotUnderstood,
            what: format!("{name} of {source}"),
            why: format!("the object could not be decoded: {error}"),
            how_to_see: "Look at the object by hand; report it as a bug of kube-hipaa if it is valid.".to_owned(),
            source: Some(source.clone()),
            missing_rule: None,
        });
        of_source.sort();
        of_source.dedup();
    }

    /// Remembers that something about a source is not known although it was read: whoever needs the source cannot pass.
    pub(in crate::facts) fn doubt(&self, source: &SourceId, what: String, why: &str, how_to_see: &str) {
        let mut all = self.not_understood.borrow_mut();
        let of_source = all.entry(source.clone()).or_default();
        of_source.push(Unseen {
            kind: UnseenKind::NotUnderstood,
            what,
            why: why.to_owned(),
            how_to_see: how_to_see.to_owned(),
            source: Some(source.clone()),
            missing_rule: None,
        });
        of_source.sort();
        of_source.dedup();
    }

    /// Where an object was seen.
    pub(in crate::facts) fn origin(&self, source: &SourceId, meta: &ObjectMeta, stored: &StoredObject, grade: Grade) -> Evidence {
        origin(self.kind(source), source, meta, stored.clone(), grade)
    }

    /// What the objects of a source are called.
    fn kind(&self, source: &SourceId) -> Option<&'a str> {
        self.snapshot.index().record(source).and_then(|record| record.kind.as_deref())
    }

    /// `value` when `source` was read completely, else unknown with the reason.
    pub(in crate::facts) fn known_if_complete<T>(&self, source: &SourceId, value: impl FnOnce() -> T) -> Known<T> {
        // Of this source only: all of them would be copied for every question.
        let record = self.snapshot.index().record(source);
        let coverage = Coverage::new(record.map_or(&[], std::slice::from_ref), &self.not_understood.borrow());
        match coverage.complete(std::slice::from_ref(source)) {
            Ok(_) => Known::Known(value()),
            Err(unseen) => Known::Unknown(unseen.first().clone()),
        }
    }

    /// Every source of an API group that the snapshot tells of, sorted: kinds that users define have no name in advance.
    pub(in crate::facts) fn sources_in(&self, group: &str) -> Vec<SourceId> {
        let mut sources: Vec<SourceId> =
            self.snapshot.index().sources.iter().map(|record| record.source.clone()).filter(|source| source.api_group() == group).collect();
        sources.sort();
        sources
    }

    /// The one object of a source that is not a list.
    pub(in crate::facts) fn single(&self, source: &SourceId) -> Result<Option<StoredObject>, FactsError> {
        Ok(self.snapshot.objects(source)?.next().transpose()?)
    }

    /// Why a source is not there, where it was not read completely.
    pub(in crate::facts) fn gap(&self, source: &SourceId) -> Option<Unseen> {
        let record = self.snapshot.index().record(source)?;
        (!record.state.is_complete()).then(|| unseen_source(record))
    }
}

fn origin(kind: Option<&str>, source: &SourceId, meta: &ObjectMeta, stored: StoredObject, grade: Grade) -> Evidence {
    let reading = Reading {
        source: source.clone(),
        object: meta.name.clone().map(|name| {
            Arc::new(ObjectRef {
                kind: kind.unwrap_or(source.resource()).to_owned(),
                group: source.api_group().to_owned(),
                namespace: meta.namespace.clone(),
                name,
                uid: meta.uid.clone(),
            })
        }),
        resource_version: meta.resource_version.clone(),
        sha256: stored.sha256,
        collected_at: stored.collected_at,
        request: stored.request,
    };
    Evidence { grade, reading: Arc::new(reading), pointer: Cow::Borrowed("") }
}
