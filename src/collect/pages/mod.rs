//! Reading one list to its end, page by page, so that no list is ever held whole.
//!
//! | what happens | what becomes of the source |
//! |---|---|
//! | 429, 5xx, a broken connection, a cut-off answer, something that is not JSON | tried again; then `Failed`, or `Partial` after a first page |
//! | 401, 403 | `Forbidden`, or `Partial` after a first page |
//! | 404 | `Failed`: whether it exists is for discovery to say |
//! | 410 in the middle | the list starts again, once; then it goes on with the server's inconsistent token, and is `Partial` |
//! | a list of another kind or version, or without `items` | like something that is not JSON |
//! | objects remain and there is no token to ask for them | `Partial` |
//! | fewer objects than a page announced, pages of different moments | `Partial` |
//! | an object that came before, is of another kind, version or place, or has a field twice | it is left out, and the source is `Partial` and names it |
//! | an answer that is nested deeper than any API server reads | like something that is not JSON |
//! | an answer that is too large to be held | asked for again in smaller pages; then `Failed` or `Partial` |
//! | a continue token that came before | `Partial`: the list would never end |
//! | an object with a name whose fields are not of its kind's shape, or that is too large or has too many values | `Read`; `left_out` names it, and what it could have decided is in doubt |
//! | an object without a name, or that is no text | it is left out, and the source is `Partial` |
//! | the deadline | `Partial` with what was read, or `Failed` |

mod ahead;
mod page;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use serde::Deserialize;

use super::inventory::{Amount, Entry, METADATA};
use super::observed::Observed;
use super::redact::{Broken, Environments, Head, HeadMetadata, Keep, prune};
use super::request::{Answer, Api, Failure};
use super::{CollectError, Progress};
use crate::model::{LeftOut, SourceId, SourceRecord, SourceState};
use crate::snapshot::{SnapshotWriter, SourceFile, SourceWriter, measure};
use ahead::Coming;
use page::Page;

pub(super) const METADATA_ACCEPT: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// A source whose place is known.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) entry: &'static Entry,
    /// Differs from the entry's where users define the kinds.
    pub(super) source: SourceId,
    pub(super) version: String,
    pub(super) kind: String,
    /// Whether its objects lie in namespaces, where discovery says it.
    pub(super) namespaced: Option<bool>,
    /// The one namespace that is read, where the whole cluster was refused.
    pub(super) within: Option<String>,
}

impl Task {
    fn api_version(&self) -> String {
        match self.source.api_group() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }
    fn path(&self) -> String {
        let at = Entry { source: self.source.clone(), ..self.entry.clone() };
        let path = at.path(&self.version);
        match (&self.within, path.rsplit_once('/')) {
            (Some(namespace), Some((group, resource))) => format!("{group}/namespaces/{namespace}/{resource}"),
            _ => path,
        }
    }
    /// A record without objects.
    pub(super) fn record(&self, state: SourceState) -> SourceRecord {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        SourceRecord {
            source: self.source.clone(),
            version: some(&self.version),
            kind: some(&self.kind),
            missing_rule: if matches!(state, SourceState::Forbidden { .. }) { self.rule() } else { None },
            state,
            file: None,
            sha256: None,
            left_out: Vec::new(),
            pages: Vec::new(),
        }
    }
    fn rule(&self) -> Option<crate::model::AccessRule> {
        let mut rule = self.entry.rule()?;
        if rule.non_resource_urls.is_empty() {
            rule.resources = vec![self.source.resource().to_owned()];
        }
        Some(rule)
    }
    /// A record with what was written.
    pub(super) fn written(&self, state: SourceState, file: SourceFile) -> SourceRecord {
        let (name, sha256) = file.file.unzip();
        SourceRecord { file: name, sha256, pages: file.pages, ..self.record(state) }
    }
}

/// What the objects of a page left behind.
struct Stored {
    file: SourceWriter,
    known: Known,
    broken: Few<String>,
    left_out: Few<LeftOut>,
    items: u64,
}

/// The first of many, and how many there are: a list may have a million that are alike.
struct Few<T> {
    first: Vec<T>,
    all: usize,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { first: Vec::new(), all: 0 }
    }
}

impl<T> Few<T> {
    fn push(&mut self, one: impl FnOnce() -> T) {
        self.all += 1;
        if self.first.len() < MOST_LEFT_OUT {
            self.first.push(one());
        }
    }
    fn extend(&mut self, other: Self) {
        self.all += other.all;
        let free = MOST_LEFT_OUT.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(free));
    }
}

/// The objects of a list that came so far, by hashes of their uids and names: no object is twice in one list.
#[derive(Default)]
struct Known(BTreeSet<u64>);

impl Known {
    fn is_new(&mut self, head: &Head<'_>) -> bool {
        let HeadMetadata { name, namespace, uid, .. } = &head.metadata;
        let hash = |what: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            what(&mut hasher);
            hasher.finish()
        };
        let by_uid = uid.as_ref().filter(|uid| !uid.is_empty()).map(|uid| hash(&|hasher| (0_u8, uid).hash(hasher)));
        let by_name = hash(&|hasher| (1_u8, namespace.as_deref().unwrap_or(""), name).hash(hasher));
        let name_is_new = self.0.insert(by_name);
        by_uid.is_none_or(|uid| self.0.insert(uid)) && name_is_new
    }
}

/// Everything that writing a page needs, shared with the thread that does it.
pub(super) struct Writing {
    pub(super) task: Task,
    pub(super) keep: Keep,
    pub(super) observed: Arc<Observed>,
}

impl Writing {
    fn store(&self, page: Page, mut file: SourceWriter, mut known: Known) -> Result<Stored, CollectError> {
        let version = self.task.api_version();
        let (mut broken, mut left_out) = (Few::default(), Few::default());
        let mut json = String::new();
        let environments = Environments::default();
        for (i, range) in page.items.iter().enumerate() {
            let text = page.text.get(range.clone()).unwrap_or("");
            json.clear();
            let pruned = Head::of(text).map(|head| head.from_server().among(&environments)).and_then(|head| {
                if page.lossy && text.contains(char::REPLACEMENT_CHARACTER) {
                    return Err(Broken::NotText);
                }
                self.task.is_member(&head)?;
                if !known.is_new(&head) {
                    return Err(Broken::Other("it came twice in one list"));
                }
                prune(text, &self.keep, &head, Some((&version, &self.task.kind)), &mut json)?;
                // What is said instead of a value may be longer than the value; its line has to be read again.
                measure::excess(json.as_bytes()).map_or(Ok(()), |excess| Err(excess.into()))
            });
            match pruned {
                Ok(()) => {
                    self.observed.look(&self.task.source, text);
                    file.push(&json)?;
                }
                // The server meant this object; of one that it cannot have meant so, the whole list is in doubt.
                Err(why) if why.is_of_the_object_alone() => match named(text) {
                    Some((namespace, name)) => left_out.push(|| LeftOut { namespace, name, why: why.to_string() }),
                    None => broken.push(|| format!("{} ({why})", name_of(text, i))),
                },
                Err(why) => broken.push(|| format!("{} ({why})", name_of(text, i))),
            }
        }
        file.end_page(page.request, page.received);
        Ok(Stored { file, known, broken, left_out, items: page.items.len() as u64 })
    }
}

/// Namespace and name of an object that says them.
fn named(text: &str) -> Option<(Option<String>, String)> {
    #[derive(Deserialize)]
    struct Loose {
        metadata: LooseName,
    }
    #[derive(Deserialize)]
    struct LooseName {
        #[serde(default)]
        namespace: Option<String>,
        name: String,
    }
    let Loose { metadata: LooseName { namespace, name } } = serde_json::from_str(text).ok()?;
    (!name.is_empty()).then_some((namespace.filter(|namespace| !namespace.is_empty()), name))
}

/// How a broken object is named: as well as can be.
fn name_of(text: &str, index: usize) -> String {
    match named(text) {
        Some((Some(namespace), name)) => format!("{namespace}/{name}"),
        Some((None, name)) => name,
        None => format!("object {} of a page", index + 1),
    }
}

/// More objects than this are not named one by one: then the list was not read.
const MOST_LEFT_OUT: usize = 500;

/// What the pages of a list said together.
#[derive(Default)]
struct Sum {
    /// Digests of the tokens that came.
    tokens: BTreeSet<String>,
    known: Known,
    broken: Few<String>,
    left_out: Few<LeftOut>,
    resource_version: Option<String>,
    /// Not all pages are of the moment of the first.
    moved: bool,
    came: u64,
    /// The most objects that the list has, by what any page said.
    announced: u64,
    /// Objects that the last page left and gave no token for.
    withheld: u64,
}

impl Sum {
    fn add(&mut self, page: &Page, is_last: bool) {
        match (&self.resource_version, &page.resource_version) {
            (None, Some(version)) => self.resource_version = Some(version.clone()),
            (Some(first), Some(version)) => self.moved |= first != version,
            _ => {}
        }
        self.came += page.items.len() as u64;
        let remaining = page.remaining.unwrap_or(0);
        self.announced = self.announced.max(self.came.saturating_add(remaining));
        self.withheld = if is_last { remaining } else { 0 };
    }
    /// Why this is not the whole list, where it is not.
    fn why_not_all(&self) -> Option<String> {
        if self.broken.all > 0 {
            return Some(broken_text(&self.broken));
        }
        if self.left_out.all > MOST_LEFT_OUT {
            return Some(format!("{} objects were left out because they cannot be read", self.left_out.all));
        }
        if self.withheld > 0 {
            return Some(format!("the server has {} more and gave no token to ask for them", self.withheld));
        }
        if self.came < self.announced {
            return Some(format!("the server announced {} and gave {}", self.announced, self.came));
        }
        self.moved.then(|| "the pages of the list are of different moments".to_owned())
    }
}

/// Reads a list to its end.
pub(super) async fn read(
    api: &Api,
    writer: &SnapshotWriter,
    task: &Task,
    page_size: u32,
    observed: &Arc<Observed>,
    progress: &dyn Progress,
) -> Result<SourceRecord, CollectError> {
    let (fields, accept) = match task.entry.amount {
        Amount::Fields(fields) => (fields, "application/json"),
        _ => (METADATA, METADATA_ACCEPT),
    };
    let writing = Arc::new(Writing { task: task.clone(), keep: Keep::parse(fields)?, observed: Arc::clone(observed) });
    let mut file = writer.source(&task.source)?;
    let (mut token, mut restarted, mut inconsistent) = (None::<String>, false, false);
    let mut sum = Sum::default();
    // Pages of one list are about equally long: memory that has to grow is taken twice.
    let (mut length, mut page_size) = (0, page_size);
    let fetch = |token: Option<&str>, length: usize, page_size: u32| Coming::new(api, task, accept, page_size, token, length);
    let mut coming = fetch(None, length, page_size);
    let failure = loop {
        // The server works on the next page while this one comes and is written.
        let mut ahead = match coming.next().await {
            Some(token) => api.ahead().map(|turn| fetch(Some(&token), length, page_size).in_turn(turn)),
            None => None,
        };
        let step = match coming.page().await? {
            Ok(mut page) => {
                api.log().items(page.request, page.items.len() as u64);
                length = page.text.len();
                let next = page.next.take();
                // A server that says the same tokens again would never come to an end.
                let repeated = next.as_ref().is_some_and(|next| !sum.tokens.insert(crate::digest::sha256_hex(next.as_bytes())));
                sum.add(&page, next.is_none());
                let (writing, known) = (Arc::clone(&writing), std::mem::take(&mut sum.known));
                let stored = tokio::task::spawn_blocking(move || writing.store(page, file, known)).await??;
                (file, sum.known) = (stored.file, stored.known);
                sum.broken.extend(stored.broken);
                sum.left_out.extend(stored.left_out);
                progress.items(stored.items);
                match next {
                    Some(_) if repeated => {
                        Err(Some(Failure::Garbage("the list does not advance: the same continue token came twice".to_owned())))
                    }
                    Some(next) => {
                        // The head of an answer that broke off and came again may have said something else.
                        let known = ahead.take_if(|ahead| ahead.token.as_ref() == Some(&next));
                        let following = known.unwrap_or_else(|| fetch(Some(&next), length, page_size));
                        token = Some(next);
                        Ok(following)
                    }
                    None => Err(None),
                }
            }
            Err(Failure::Status { code: 410, .. }) if token.is_some() && !restarted => {
                restarted = true;
                token = None;
                sum = Sum::default();
                file.restart()?;
                observed.forget(&task.source);
                Ok(fetch(None, length, page_size))
            }
            Err(Failure::Status { code: 410, continue_token: Some(next), .. }) if token.is_some() && !inconsistent => {
                inconsistent = true;
                let following = fetch(Some(&next), length, page_size);
                token = Some(next);
                Ok(following)
            }
            // Fewer objects in one answer take less memory; one object alone has to fit.
            Err(Failure::TooLarge) if page_size > 1 => {
                page_size = (page_size / 10).max(1);
                length = 0;
                Ok(fetch(token.as_deref(), length, page_size))
            }
            Err(failure) => Err(Some(failure)),
        };
        if let Some(unused) = ahead {
            unused.give_up(api).await;
        }
        match step {
            Ok(following) => coming = following,
            Err(failure) => break failure,
        }
        coming.turn = None;
    };
    let left_out = std::mem::take(&mut sum.left_out.first);
    let read = file.items();
    let begun = token.is_some() || read > 0;
    let partial = |why: String| SourceState::Partial { read, why };
    let state = match failure {
        Some(failure) if begun => partial(failure.to_string()),
        Some(failure) => failed(&failure),
        None if inconsistent => {
            partial("the list expired twice while it was read; the later pages are from a later moment than the first".to_owned())
        }
        None => match sum.why_not_all() {
            Some(why) => partial(why),
            None => SourceState::Read { count: read, resource_version: sum.resource_version },
        },
    };
    let file = tokio::task::spawn_blocking(move || file.finish()).await??;
    Ok(SourceRecord { left_out, ..task.written(state, file) })
}

/// The state after a request that brought nothing.
pub(super) fn failed(failure: &Failure) -> SourceState {
    match failure {
        Failure::Status { code: 401 | 403, message, .. } => SourceState::Forbidden { why: message.clone() },
        other => SourceState::Failed { why: other.to_string() },
    }
}

fn broken_text(broken: &Few<String>) -> String {
    const SHOWN: usize = 3;
    let more = broken.all.saturating_sub(SHOWN);
    let shown = broken.first.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{} left out because it cannot be read: {shown}{rest}", if broken.all == 1 { "one object was" } else { "objects were" })
        .replace("objects were left out because it", "objects were left out because they")
}

/// A continue token in a query.
pub(super) fn query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Whether an answer is plain text.
pub(super) fn is_text(answer: &Answer) -> bool {
    answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| kind.starts_with("text/plain"))
}
