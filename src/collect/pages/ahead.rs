//! A page that was asked for, perhaps before the one before it is there.

use std::borrow::Cow;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinHandle;

use super::super::CollectError;
use super::super::request::{Api, Ask, Failure};
use super::page::{ListMeta, Page, read_page};
use super::{Task, query};

/// A page that was asked for.
pub(super) struct Coming {
    pub(super) token: Option<String>,
    /// The token of the next one, which stands before the objects.
    pub(super) next: oneshot::Receiver<String>,
    pub(super) page: JoinHandle<Result<Page, Failure>>,
    /// While it is asked for ahead of its time.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl Coming {
    /// `length` is about how many bytes will come.
    pub(super) fn new(api: &Api, task: &Task, accept: &'static str, page_size: u32, token: Option<&str>, length: usize) -> Self {
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
    pub(super) fn in_turn(mut self, turn: OwnedSemaphorePermit) -> Self {
        self.turn = Some(turn);
        self
    }
    /// The token of the next page, as soon as it is known; none when there is none, or when only the whole answer can tell.
    pub(super) async fn next(&mut self) -> Option<String> {
        (&mut self.next).await.ok()
    }
    pub(super) async fn page(&mut self) -> Result<Result<Page, Failure>, CollectError> {
        Ok((&mut self.page).await?)
    }
}

impl Coming {
    /// Ends a request whose page is not wanted, and says so in the list of requests: nothing of it is in the snapshot.
    pub(super) async fn give_up(mut self, api: &Api) {
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
