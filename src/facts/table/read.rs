use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::coverage::{self, About, Doubt, Doubts};
use super::older;
use crate::facts::{Coverage, FactsError, Known};
use crate::model::sources::DECIDE_ONLY_THEIR_NAMESPACE;
use crate::model::{Discovered, Evidence, Grade, Judged, LeftOut, ObjectRef, Reading, SourceId, Unseen};
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
    /// What can be done with it before it is handed over, in another thread where there are many. Called in their order; `last` is what
    /// the one before left there, and decides nothing about the result.
    fn prepare(&mut self, last: &mut String) {
        let _ = last;
    }
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

/// An object that was not understood, for whoever knows how far what it could have decided reaches.
#[derive(Clone, Debug)]
pub(in crate::facts) struct Odd {
    /// None where not even that is known.
    pub(in crate::facts) namespace: Option<String>,
    pub(in crate::facts) name: Option<String>,
    /// Every word in it, values and names of fields, split where names of the API end.
    words: BTreeSet<String>,
    pub(in crate::facts) origin: Evidence,
    pub(in crate::facts) unseen: Unseen,
}

impl Odd {
    /// `Kind namespace/name`.
    pub(in crate::facts) fn text(&self, kind: &str) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        format!("{kind} {}/{}", part(&self.namespace), part(&self.name))
    }

    /// Whether a word stands anywhere in it; anything may, where it has no name.
    pub(in crate::facts) fn names(&self, word: &str) -> bool {
        self.name.is_none() || self.words.contains(word)
    }

    /// Whether it could have been about a namespace: its own, or one that it names.
    pub(in crate::facts) fn may_be_about(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|own| own == namespace) || self.names(namespace)
    }
}

/// The words of an object's texts.
fn words_of(value: &serde_json::Value, words: &mut BTreeSet<String>) {
    let mut add = |text: &str| words.extend(text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').map(str::to_owned));
    match value {
        serde_json::Value::String(text) => add(text),
        serde_json::Value::Array(all) => all.iter().for_each(|one| words_of(one, words)),
        serde_json::Value::Object(fields) => {
            fields.keys().for_each(|key| add(key));
            fields.values().for_each(|one| words_of(one, words));
        }
        _ => {}
    }
}

/// From how many objects of a source on they are decoded ahead.
const MANY: u64 = 200;

/// An object with its place, or the text that could not be decoded and why.
type Decoded<K> = Result<(K, Evidence), (StoredObject, String)>;

/// Reads a snapshot object by object, and remembers what could not be understood and what was asked of it.
pub(in crate::facts) struct Reader<'a> {
    snapshot: &'a Snapshot,
    doubts: RefCell<Doubts>,
    /// Every source that was asked for since [`Reader::asked_by`] began to listen.
    asked: RefCell<BTreeSet<SourceId>>,
}

/// What a snapshot of an older version does not tell although it was read: see [`older::doubts`]. A kind that nobody knows, in a group that is read, may mean anything for what the group's sources claim: each of them is in doubt by its name.
fn unknown_kinds(snapshot: &Snapshot) -> Doubts {
    let index = snapshot.index();
    let mut doubts = older::doubts(index);
    for kind in index.discovery.iter().flat_map(|discovery| &discovery.kinds).filter(|kind| kind.unknown) {
        for record in index.sources.iter().filter(|record| record.source.api_group() == kind.group && !record.source.is_url()) {
            let unseen = Unseen::not_understood(
                format!("{} ({})", SourceId::dynamic(&kind.group, &kind.resource), kind.kind),
                "the cluster serves this kind, and this version of kube-hipaa does not know what it means for the others of its group",
                "Look at its objects by hand; a newer version of kube-hipaa may read them.",
            );
            doubts.entry(record.source.clone()).or_default().push(Doubt {
                namespace: None,
                left_out: false,
                unseen: unseen.of(&record.source),
            });
        }
    }
    doubts
}

/// What an object of a source could have decided about: one of a source in [`DECIDE_ONLY_THEIR_NAMESPACE`] its own namespace, every other one
/// everything.
fn radius(source: &SourceId, namespace: Option<String>) -> Option<String> {
    namespace.filter(|_| DECIDE_ONLY_THEIR_NAMESPACE.contains(source))
}

/// Objects that the collector met and could not store.
fn left_out(snapshot: &Snapshot, doubts: &mut Doubts) {
    for record in &snapshot.index().sources {
        for object in &record.left_out {
            let unseen = Unseen::read_failed(
                format!("{object} of {}", record.source),
                format!("the object was left out of the snapshot: {}", object.why),
                "Look at the object by hand; mend or remove it, then collect again.",
            );
            let namespace = radius(&record.source, object.namespace.clone());
            let doubt = Doubt { namespace, left_out: true, unseen: unseen.of(&record.source) };
            doubts.entry(record.source.clone()).or_default().push(doubt);
        }
    }
}

impl<'a> Reader<'a> {
    pub(in crate::facts) fn new(snapshot: &'a Snapshot) -> Self {
        let mut doubts = unknown_kinds(snapshot);
        left_out(snapshot, &mut doubts);
        doubts.values_mut().for_each(|of_source| of_source.sort());
        Self { snapshot, doubts: RefCell::new(doubts), asked: RefCell::default() }
    }

    /// What `work` gives, and every source that it asked for.
    pub(in crate::facts) fn asked_by<T>(&self, work: impl FnOnce() -> T) -> (T, BTreeSet<SourceId>) {
        let before = self.asked.take();
        let done = work();
        let asked = self.asked.replace(before);
        self.asked.borrow_mut().extend(asked.iter().cloned());
        (done, asked)
    }

    /// What `work` gives; what it asks for is not counted, because whoever takes a part of it says what that part rests on.
    pub(in crate::facts) fn unheard<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.asked.borrow().clone();
        let done = work();
        self.asked.replace(before);
        done
    }

    /// Remembers that what was read earlier, for several tables, came from these sources.
    pub(in crate::facts) fn rests_on<'s>(&self, sources: impl IntoIterator<Item = &'s SourceId>) {
        let mut asked = self.asked.borrow_mut();
        for source in sources {
            if !asked.contains(source) {
                asked.insert(source.clone());
            }
        }
    }

    /// When collection ended: the time that everything is judged at, so that the same snapshot always gives the same answer.
    pub(in crate::facts) fn collected(&self) -> &str {
        &self.snapshot.index().collected.finished
    }

    /// The coverage of everything read so far.
    pub(in crate::facts) fn coverage(&self) -> Coverage {
        Coverage::new(&self.snapshot.index().sources, &self.doubts.borrow())
    }

    /// Hands every object of `source` to `take`. An object that cannot be decoded is remembered and never dropped silently.
    pub(in crate::facts) fn each<K: Readable>(&self, source: &SourceId, mut take: impl FnMut(K, Evidence)) -> Result<(), FactsError> {
        self.rests_on([source]);
        let (kind, snapshot) = (self.kind(source), self.snapshot);
        let mut last = String::new();
        let mut decoded = move |stored: StoredObject| match serde_json::from_str::<K>(&stored.json) {
            Ok(mut object) => {
                object.prepare(&mut last);
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
        let objects = move || Ok(snapshot.objects(source)?.map(move |stored| stored.map(&mut decoded)));
        Ok(parallel::ahead::<_, SnapshotError, _>(objects, take)?)
    }

    /// The same, where what was not understood is handed over, and whoever takes it says what that could have decided: nothing else
    /// remembers it.
    pub(in crate::facts) fn each_or_odd<K: Readable>(
        &self,
        source: &SourceId,
        mut take: impl FnMut(K, Evidence),
        mut odd: impl FnMut(Odd),
    ) -> Result<(), FactsError> {
        let kind = self.kind(source);
        self.each_stored(source, |stored| match serde_json::from_str::<K>(&stored.json) {
            Ok(object) => {
                let origin = origin(kind, source, object.meta(), stored, Grade::EffectiveConfiguration);
                take(object, origin);
            }
            Err(error) => odd(self.odd(source, stored, &error.to_string())),
        })
    }

    /// The same, of an object that is handed over: in doubt in its own namespace, or everywhere where that is not known.
    pub(in crate::facts) fn not_decoded_in(&self, source: &SourceId, odd: &Odd) {
        self.add(source, Doubt { namespace: odd.namespace.clone(), left_out: false, unseen: odd.unseen.clone() });
    }

    /// Nobody acts on the objects of a source: what is in doubt about them decides nothing.
    pub(in crate::facts) fn forgive(&self, source: &SourceId) {
        self.doubts.borrow_mut().remove(source);
    }

    /// What was not understood may have been about anything.
    pub(in crate::facts) fn give_up(&self, source: &SourceId, odd: Odd) {
        self.add(source, Doubt { namespace: None, left_out: false, unseen: odd.unseen });
    }

    fn odd(&self, source: &SourceId, stored: StoredObject, error: &str) -> Odd {
        let Named { namespace, name, words } = Named::of(&stored);
        let unseen = not_decoded(source, display(namespace.as_deref(), name.as_deref(), &stored), error);
        let meta = ObjectMeta { namespace: namespace.clone(), name: name.clone(), ..ObjectMeta::default() };
        let origin = origin(self.kind(source), source, &meta, stored, Grade::EffectiveConfiguration);
        Odd { namespace, name, words, origin, unseen }
    }

    /// Hands every stored object to `take` as it is.
    pub(in crate::facts) fn each_stored(&self, source: &SourceId, mut take: impl FnMut(StoredObject)) -> Result<(), FactsError> {
        self.rests_on([source]);
        for stored in self.snapshot.objects(source)? {
            take(stored?);
        }
        Ok(())
    }

    /// Remembers an object that could not be understood. It is in doubt as far as it could have decided: an object of a source in
    /// [`DECIDE_ONLY_THEIR_NAMESPACE`] its own namespace, every other one everything.
    pub(in crate::facts) fn not_understood(&self, source: &SourceId, stored: &StoredObject, error: &str) {
        let Named { namespace, name, .. } = Named::of(stored);
        let display = display(namespace.as_deref(), name.as_deref(), stored);
        self.not_decoded(source, radius(source, namespace), display, error);
    }

    /// The same, of an object whose name is known, and the one namespace that it could have decided about.
    pub(in crate::facts) fn not_decoded(&self, source: &SourceId, namespace: Option<String>, name: String, error: &str) {
        self.add(source, Doubt { namespace, left_out: false, unseen: not_decoded(source, name, error) });
    }

    /// Remembers that something about a source is not known although it was read: whoever needs the source cannot pass.
    pub(in crate::facts) fn doubt(&self, source: &SourceId, what: String, why: &str, how_to_see: &str) {
        self.add(source, Doubt { namespace: None, left_out: false, unseen: Unseen::not_understood(what, why, how_to_see).of(source) });
    }

    /// The same of a gap that another source has: whoever needs this one needs that one too.
    pub(in crate::facts) fn pass_on(&self, source: &SourceId, gap: Unseen) {
        self.add(source, Doubt { namespace: None, left_out: false, unseen: gap });
    }

    /// The same where it could only have decided about one namespace: verdicts on others stand.
    pub(in crate::facts) fn doubt_in(&self, source: &SourceId, namespace: &str, what: String, why: &str, how_to_see: &str) {
        let unseen = Unseen::not_understood(what, why, how_to_see).of(source);
        self.add(source, Doubt { namespace: Some(namespace.to_owned()), left_out: false, unseen });
    }

    fn add(&self, source: &SourceId, doubt: Doubt) {
        let mut all = self.doubts.borrow_mut();
        let of_source = all.entry(source.clone()).or_default();
        if let Err(place) = of_source.binary_search(&doubt) {
            of_source.insert(place, doubt);
        }
    }

    /// Where an object was seen.
    pub(in crate::facts) fn origin(&self, source: &SourceId, meta: &ObjectMeta, stored: &StoredObject, grade: Grade) -> Evidence {
        origin(self.kind(source), source, meta, stored.clone(), grade)
    }

    /// What the objects of a source are called.
    fn kind(&self, source: &SourceId) -> Option<&'a str> {
        self.snapshot.index().record(source).and_then(|record| record.kind.as_deref())
    }

    /// `value` when `source` was read completely and understood, else unknown with the reason.
    pub(in crate::facts) fn known_if_complete<T>(&self, source: &SourceId, value: impl FnOnce() -> T) -> Known<T> {
        match self.lacks(source, About::Everything) {
            None => Known::Known(value()),
            Some(unseen) => Known::Unknown(unseen),
        }
    }

    /// The same where whoever asks looks at [`Reader::doubts_of`] himself.
    pub(in crate::facts) fn known_if_read<T>(&self, source: &SourceId, value: impl FnOnce() -> T) -> Known<T> {
        match self.lacks(source, About::Reading) {
            None => Known::Known(value()),
            Some(unseen) => Known::Unknown(unseen),
        }
    }

    /// What is in doubt of a source, by the namespace that it could have decided about; none where it could have been about any.
    pub(in crate::facts) fn doubts_of(&self, source: &SourceId) -> Vec<(Option<String>, Unseen)> {
        self.rests_on([source]);
        let doubts = self.doubts.borrow();
        doubts.get(source).into_iter().flatten().map(|doubt| (doubt.namespace.clone(), doubt.unseen.clone())).collect()
    }

    /// The same for a value that is only about one namespace.
    pub(in crate::facts) fn known_in<T>(&self, namespace: &str, source: &SourceId, value: impl FnOnce() -> T) -> Known<T> {
        match self.lacks(source, About::Namespace(namespace)) {
            None => Known::Known(value()),
            Some(unseen) => Known::Unknown(unseen),
        }
    }

    /// What discovery listed, where the snapshot holds it.
    pub(in crate::facts) fn discovered(&self) -> Option<&'a Discovered> {
        self.snapshot.index().discovery.as_ref()
    }

    /// Why an absent value says nothing, where the collector that took the snapshot did not judge it.
    pub(in crate::facts) fn unjudged(&self, what: Judged) -> Option<Unseen> {
        (!self.snapshot.index().has_judged(what)).then(|| older::unseen(what))
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
        self.rests_on([source]);
        Ok(self.snapshot.objects(source)?.next().transpose()?)
    }

    /// Whether the snapshot tells of a source at all, such as of one that holds what people handed over.
    pub(in crate::facts) fn is_known(&self, source: &SourceId) -> bool {
        self.rests_on([source]);
        self.snapshot.index().record(source).is_some()
    }

    /// Why a source is not there, where it was not read completely.
    pub(in crate::facts) fn gap(&self, source: &SourceId) -> Option<Unseen> {
        self.lacks(source, About::Existence)
    }

    /// The objects that were left out of a source, where the rest of it was read; else why it was not.
    pub(in crate::facts) fn left_out_of(&self, source: &SourceId) -> Result<&'a [LeftOut], Unseen> {
        match self.lacks(source, About::Reading) {
            Some(unseen) => Err(unseen),
            None => Ok(self.snapshot.index().record(source).map_or(&[], |record| &record.left_out)),
        }
    }

    /// Why `source` does not answer a question, where it does not.
    fn lacks(&self, source: &SourceId, about: About<'_>) -> Option<Unseen> {
        self.rests_on([source]);
        coverage::gap(self.snapshot.index().record(source), source, &self.doubts.borrow(), about)
    }
}

/// What can be told of an object that was not understood.
struct Named {
    namespace: Option<String>,
    name: Option<String>,
    words: BTreeSet<String>,
}

impl Named {
    fn of(stored: &StoredObject) -> Self {
        let mut words = BTreeSet::new();
        let value = serde_json::from_str::<serde_json::Value>(&stored.json);
        let text = |pointer: &str| value.as_ref().ok().and_then(|value| value.pointer(pointer)?.as_str()).map(str::to_owned);
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        if let Ok(value) = &value {
            words_of(value, &mut words);
        }
        // Without a name nothing of it is believed.
        Self { namespace: namespace.filter(|_| name.is_some()), name, words }
    }
}

fn display(namespace: Option<&str>, name: Option<&str>, stored: &StoredObject) -> String {
    match (namespace, name) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (None, Some(name)) => name.to_owned(),
        _ => format!("object with digest {}", stored.sha256),
    }
}

fn not_decoded(source: &SourceId, name: String, error: &str) -> Unseen {
    Unseen::not_understood(
        format!("{name} of {source}"),
        format!("the object could not be decoded: {error}"),
        "Look at the object by hand; report it as a bug of kube-hipaa if it is valid.",
    )
    .of(source)
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
