//! One page of a list: what came, and whether it is what was asked for.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tokio::sync::OwnedSemaphorePermit;

use super::super::inventory::{Amount, Reach};
use super::super::redact::{Broken, Head, json_error};
use super::super::request::Answer;
use super::Task;

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default, rename = "apiVersion")]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    metadata: ListMeta<'a>,
    /// May be null and must be there: without it, this is no list.
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Items<'a>>,
}

/// Where the objects of a page stand in its text. A page is asked for with a limit, and servers that know none give all at once; what is
/// nothing but commas would take far more memory than it has bytes.
struct Items<'a>(Vec<&'a RawValue>);

/// No list that one answer can hold has more.
const MOST_ITEMS: usize = 400_000;

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() >= MOST_ITEMS {
                        return Err(A::Error::custom("too many"));
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Take)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMeta<'a> {
    #[serde(borrow, default, rename = "continue")]
    pub(super) continue_token: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) resource_version: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) remaining_item_count: Option<i64>,
}

/// One page: the text, and where its objects stand in it.
pub(super) struct Page {
    pub(super) request: u64,
    pub(super) received: String,
    /// While it is large, the turn to hold one; given back when it is stored.
    pub(super) _large: Option<OwnedSemaphorePermit>,
    pub(super) text: String,
    /// Bytes of the answer were not UTF-8: an object with the replacement character is not what the server has.
    pub(super) lossy: bool,
    pub(super) items: Vec<Range<usize>>,
    pub(super) next: Option<String>,
    pub(super) resource_version: Option<String>,
    /// Objects that come after these, as the server says.
    pub(super) remaining: Option<u64>,
}

impl Task {
    /// Whether a list of this kind and version is what was asked for, and what that would have been called.
    pub(super) fn is_list(&self, version: &str, kind: &str) -> Result<(), String> {
        let own = (self.api_version(), format!("{}List", self.kind));
        let is_metadata = self.entry.amount == Amount::Metadata && (version, kind) == (META_VERSION, "PartialObjectMetadataList");
        if is_metadata || (version == own.0 && kind == own.1) {
            return Ok(());
        }
        let is_name =
            |text: &str| (1..=120).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"./-".contains(&b));
        let came = match (is_name(kind), is_name(version)) {
            (true, true) => format!("of kind {kind} in version {version}"),
            (true, false) => format!("of kind {kind} in no version"),
            (false, _) => "of no kind that has a name".to_owned(),
        };
        Err(format!("the answer is {came} and not {} in version {}", own.1, own.0))
    }

    /// Whether an object that came with the list can be one of it.
    pub(super) fn is_member(&self, head: &Head<'_>) -> Result<(), Broken> {
        let (version, kind) = &head.says;
        let metadata = self.entry.amount == Amount::Metadata;
        let is = |said: &Option<Cow<'_, str>>, own: &str, of_metadata: &str| {
            said.as_ref().is_none_or(|said| said.is_empty() || said == own || (metadata && said == of_metadata))
        };
        if !is(kind, &self.kind, "PartialObjectMetadata") || !is(version, &self.api_version(), META_VERSION) {
            return Err(Broken::Other("it is of another kind or version than the list"));
        }
        let namespace = head.metadata.namespace.as_deref().unwrap_or("");
        match (self.namespaced, self.entry.reach) {
            (_, Reach::In(place)) if namespace != place => Err(Broken::Other("it lies in another namespace than was asked for")),
            (Some(true), _) if namespace.is_empty() => Err(Broken::Other("it lies in no namespace, and its kind does")),
            (Some(false), _) if !namespace.is_empty() => Err(Broken::Other("it lies in a namespace, and its kind does not")),
            _ => Ok(()),
        }
    }
}

const META_VERSION: &str = "meta.k8s.io/v1";

pub(super) fn read_page(task: &Task, answer: Answer) -> Result<Page, String> {
    let (text, lossy) = match String::from_utf8(answer.body) {
        Ok(text) => (text, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    };
    let page: RawPage<'_> =
        serde_json::from_str(&text).map_err(|error| format!("a page of the list cannot be read: {}", json_error(&error)))?;
    task.is_list(&page.api_version, &page.kind)?;
    let start = text.as_ptr() as usize;
    let items = page.items.iter().flat_map(|items| &items.0).map(|item| {
        let from = item.get().as_ptr() as usize - start;
        from..from + item.get().len()
    });
    let items = items.collect();
    let owned = |text: Option<Cow<'_, str>>| text.filter(|text| !text.is_empty()).map(Cow::into_owned);
    let (next, resource_version) = (owned(page.metadata.continue_token), owned(page.metadata.resource_version));
    let remaining = page.metadata.remaining_item_count.and_then(|remaining| u64::try_from(remaining).ok());
    Ok(Page { request: answer.id, received: answer.received, items, next, resource_version, remaining, lossy, _large: answer.large, text })
}
