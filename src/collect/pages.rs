//! Reading one list to its end, page by page, so that no list is ever held whole.
//!
//! | what happens | what becomes of the source |
//! |---|---|
//! | 429, 5xx, a broken connection, a cut-off answer, something that is not JSON | tried again; then `Failed`, or `Partial` after a first page |
//! | 401, 403 | `Forbidden`, or `Partial` after a first page |
//! | 404 | `Failed`: whether it exists is for discovery to say |
//! | 410 in the middle | the list starts again, once; then it goes on with the server's inconsistent token, and is `Partial` |
//! | a list of another kind, or without `items` | like something that is not JSON |
//! | objects remain and there is no token to ask for them | `Partial` |
//! | a continue token that came before | `Partial`: the list would never end |
//! | an object that cannot be read among good ones | it is left out, and the source is `Partial` and names it |
//! | the deadline | `Partial` with what was read, or `Failed` |

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinHandle;

use super::inventory::{Amount, Entry, METADATA, Part};
use super::observed::Observed;
use super::redact::{Broken, Head, Keep, json_error, prune};
use super::request::{Answer, Api, Ask, Failure};
use super::{CollectError, Progress};
use crate::model::{SourceId, SourceRecord, SourceState};
use crate::snapshot::{SnapshotWriter, SourceFile, SourceWriter};

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

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    metadata: ListMeta<'a>,
    /// May be null and must be there: without it, this is no list.
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ListMeta<'a> {
    #[serde(borrow, default, rename = "continue")]
    continue_token: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resource_version: Option<Cow<'a, str>>,
    #[serde(default)]
    remaining_item_count: Option<i64>,
}

/// One page: the text, and where its objects stand in it.
struct Page {
    request: u64,
    received: String,
    text: String,
    /// Bytes of the answer were not UTF-8: an object with the replacement character is not what the server has.
    lossy: bool,
    items: Vec<Range<usize>>,
    next: Option<String>,
    resource_version: Option<String>,
    /// Objects that the server has and gives no token for.
    withheld: Option<i64>,
}

impl Task {
    /// Whether a list of this kind is what was asked for, and what that would have been called.
    fn is_list(&self, kind: &str) -> Result<(), String> {
        const METADATA_LIST: &str = "PartialObjectMetadataList";
        let metadata = self.entry.amount == Amount::Metadata;
        let own = format!("{}List", self.kind);
        // Whoever defines a kind names its list; those of Kubernetes itself are known.
        let is_own = if self.entry.part == Part::Core { kind == own } else { kind.ends_with("List") && kind != METADATA_LIST };
        if is_own || (metadata && kind == METADATA_LIST) {
            return Ok(());
        }
        let is_name = (1..=80).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let came = if is_name { format!("of kind {kind}") } else { "of no kind that has a name".to_owned() };
        Err(format!("the answer is {came} and not {own}"))
    }
}

fn read_page(task: &Task, answer: Answer) -> Result<Page, String> {
    let (text, lossy) = match String::from_utf8(answer.body) {
        Ok(text) => (text, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    };
    let page: RawPage<'_> =
        serde_json::from_str(&text).map_err(|error| format!("a page of the list cannot be read: {}", json_error(&error)))?;
    task.is_list(&page.kind)?;
    let start = text.as_ptr() as usize;
    let items = page.items.iter().flatten().map(|item| {
        let from = item.get().as_ptr() as usize - start;
        from..from + item.get().len()
    });
    let items = items.collect();
    let owned = |text: Option<Cow<'_, str>>| text.filter(|text| !text.is_empty()).map(Cow::into_owned);
    let (next, resource_version) = (owned(page.metadata.continue_token), owned(page.metadata.resource_version));
    let withheld = page.metadata.remaining_item_count.filter(|remaining| *remaining > 0 && next.is_none());
    Ok(Page { request: answer.id, received: answer.received, items, next, resource_version, withheld, lossy, text })
}

/// What the objects of a page left behind.
struct Stored {
    file: SourceWriter,
    broken: Vec<String>,
    items: u64,
}

/// Everything that writing a page needs, shared with the thread that does it.
pub(super) struct Writing {
    pub(super) task: Task,
    pub(super) keep: Keep,
    pub(super) observed: Arc<Observed>,
}

impl Writing {
    fn store(&self, page: Page, mut file: SourceWriter) -> Result<Stored, CollectError> {
        let version = self.task.api_version();
        let mut broken = Vec::new();
        let mut json = String::new();
        for (i, range) in page.items.iter().enumerate() {
            let text = page.text.get(range.clone()).unwrap_or("");
            json.clear();
            let pruned = Head::of(text).and_then(|head| {
                if page.lossy && text.contains(char::REPLACEMENT_CHARACTER) {
                    return Err(Broken::NotText);
                }
                prune(text, &self.keep, &head, Some((&version, &self.task.kind)), &mut json).map(|()| head.path())
            });
            match pruned {
                Ok(_) => {
                    self.observed.look(&self.task.source, text);
                    file.push(&json)?;
                }
                Err(why) => broken.push(format!("{} ({why})", name_of(text, i))),
            }
        }
        file.end_page(page.request, page.received);
        Ok(Stored { file, broken, items: page.items.len() as u64 })
    }
}

/// How a broken object is named: as well as can be.
fn name_of(text: &str, index: usize) -> String {
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
    match serde_json::from_str::<Loose>(text) {
        Ok(Loose { metadata: LooseName { namespace: Some(namespace), name } }) => format!("{namespace}/{name}"),
        Ok(Loose { metadata: LooseName { namespace: None, name } }) => name,
        Err(_) => format!("object {} of a page", index + 1),
    }
}

/// A page that was asked for.
struct Coming {
    token: Option<String>,
    /// The token of the next one, which stands before the objects.
    next: oneshot::Receiver<String>,
    page: JoinHandle<Result<Page, Failure>>,
    /// While it is asked for ahead of its time.
    turn: Option<OwnedSemaphorePermit>,
}

impl Coming {
    /// `length` is about how many bytes will come.
    fn new(api: &Api, task: &Task, accept: &'static str, page_size: u32, token: Option<&str>, length: usize) -> Self {
        let mut path = format!("{}?limit={page_size}", task.path());
        if let Some(token) = token {
            path.push_str("&continue=");
            path.push_str(&query(token));
        }
        let (sender, next) = oneshot::channel();
        let (api, task, mut sender) = (api.clone(), task.clone(), Some(sender));
        let page = tokio::spawn(async move {
            let begun = |body: &[u8]| {
                if sender.is_some()
                    && let Some(token) = token_ahead(body)
                {
                    // Nobody listens when the page is not wanted any more.
                    let _told = sender.take().zip(token).map(|(sender, token)| sender.send(token));
                }
            };
            api.ask_watched(Ask::list(path, accept), length, begun, |answer| read_page(&task, answer)).await
        });
        Self { token: token.map(str::to_owned), next, page, turn: None }
    }
    fn in_turn(mut self, turn: OwnedSemaphorePermit) -> Self {
        self.turn = Some(turn);
        self
    }
    /// The token of the next page, as soon as it is known; none when there is none, or when only the whole answer can tell.
    async fn next(&mut self) -> Option<String> {
        (&mut self.next).await.ok()
    }
    async fn page(&mut self) -> Result<Result<Page, Failure>, CollectError> {
        Ok((&mut self.page).await?)
    }
}

impl Coming {
    /// Ends a request whose page is not wanted, and says so in the list of requests: nothing of it is in the snapshot.
    async fn give_up(mut self, api: &Api) {
        self.page.abort();
        if let Ok(Ok(page)) = (&mut self.page).await {
            api.log().unusable(page.request, "not used: the page before it did not come to an end");
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.page.abort();
    }
}

/// How much of an answer is searched for the beginning of its objects.
const HEAD: usize = 64 * 1024;

/// What the beginning of an answer says about the next page: nothing yet, that there is none (or that this cannot be told), or its token.
/// The API server writes a list's metadata before its items.
fn token_ahead(body: &[u8]) -> Option<Option<String>> {
    const ITEMS: &[u8] = b",\"items\":[";
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        metadata: ListMeta<'a>,
    }
    let head = body.get(..HEAD).unwrap_or(body);
    let Some(end) = head.windows(ITEMS.len()).position(|window| window == ITEMS) else {
        return (body.len() >= HEAD).then_some(None);
    };
    let head = [head.get(..end).unwrap_or_default(), b"}"].concat();
    let token = serde_json::from_slice::<Head<'_>>(&head).ok().and_then(|head| head.metadata.continue_token);
    Some(token.filter(|token| !token.is_empty()).map(Cow::into_owned))
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
    let mut seen = BTreeSet::new();
    let mut withheld = None;
    let mut broken = Vec::new();
    let mut resource_version = None;
    // Pages of one list are about equally long: memory that has to grow is taken twice.
    let mut length = 0;
    let fetch = |token: Option<&str>, length: usize| Coming::new(api, task, accept, page_size, token, length);
    let mut coming = fetch(None, length);
    let failure = loop {
        // The server works on the next page while this one comes and is written.
        let mut ahead = match coming.next().await {
            Some(token) => api.ahead().map(|turn| fetch(Some(&token), length).in_turn(turn)),
            None => None,
        };
        let step = match coming.page().await? {
            Ok(mut page) => {
                api.log().items(page.request, page.items.len() as u64);
                resource_version = resource_version.or_else(|| page.resource_version.clone());
                withheld = page.withheld;
                length = page.text.len();
                let next = page.next.take();
                // A server that says the same tokens again would never come to an end.
                let repeated = next.as_ref().is_some_and(|next| !seen.insert(crate::digest::sha256_hex(next.as_bytes())));
                let writing = Arc::clone(&writing);
                let stored = tokio::task::spawn_blocking(move || writing.store(page, file)).await??;
                file = stored.file;
                broken.extend(stored.broken);
                progress.items(stored.items);
                match next {
                    Some(_) if repeated => {
                        Err(Some(Failure::Garbage("the list does not advance: the same continue token came twice".to_owned())))
                    }
                    Some(next) => {
                        // The head of an answer that broke off and came again may have said something else.
                        let known = ahead.take_if(|ahead| ahead.token.as_ref() == Some(&next));
                        let following = known.unwrap_or_else(|| fetch(Some(&next), length));
                        token = Some(next);
                        Ok(following)
                    }
                    None => Err(None),
                }
            }
            Err(Failure::Status { code: 410, .. }) if token.is_some() && !restarted => {
                restarted = true;
                token = None;
                seen.clear();
                resource_version = None;
                broken.clear();
                file.restart()?;
                observed.forget(&task.source);
                Ok(fetch(None, length))
            }
            Err(Failure::Status { code: 410, continue_token: Some(next), .. }) if token.is_some() && !inconsistent => {
                inconsistent = true;
                let following = fetch(Some(&next), length);
                token = Some(next);
                Ok(following)
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
    let read = file.items();
    let begun = token.is_some() || read > 0;
    let state = match failure {
        Some(failure) if begun => SourceState::Partial { read, why: failure.to_string() },
        Some(failure) => failed(&failure),
        None if !broken.is_empty() => SourceState::Partial { read, why: broken_text(&broken) },
        None if inconsistent => SourceState::Partial {
            read,
            why: "the list expired twice while it was read; the later pages are from a later moment than the first".to_owned(),
        },
        None => match withheld {
            Some(more) => SourceState::Partial { read, why: format!("the server has {more} more and gave no token to ask for them") },
            None => SourceState::Read { count: read, resource_version },
        },
    };
    let file = tokio::task::spawn_blocking(move || file.finish()).await??;
    Ok(task.written(state, file))
}

/// The state after a request that brought nothing.
pub(super) fn failed(failure: &Failure) -> SourceState {
    match failure {
        Failure::Status { code: 401 | 403, message, .. } => SourceState::Forbidden { why: message.clone() },
        other => SourceState::Failed { why: other.to_string() },
    }
}

fn broken_text(broken: &[String]) -> String {
    const SHOWN: usize = 3;
    let more = broken.len().saturating_sub(SHOWN);
    let shown = broken.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{} left out because it cannot be read: {shown}{rest}", if broken.len() == 1 { "one object was" } else { "objects were" })
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
