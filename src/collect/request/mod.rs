//! One request: sent, recorded, read with limits, and tried again where that can help.

mod failure;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::credentials::Credentials;
use super::{CollectOptions, clock, credentials, guard};
use crate::model::RequestRecord;
use crate::snapshot::measure::{Excess, Measure};
pub(super) use failure::Failure;
use failure::status_failure;

/// After unpacking. No page of 500 objects of a cluster in use comes near this; one that does is asked for again in smaller pages.
pub(super) const MAX_BODY: u64 = 160 * 1024 * 1024;
/// One answer at a time may be larger than this: what a few bytes on the wire unpack to is memory.
const LARGE: u64 = 16 * 1024 * 1024;
/// Every answer of an API server has it.
const AUDIT_ID: &str = "audit-id";
/// Errors are a Status object or a proxy's page.
const MAX_ERROR: u64 = 256 * 1024;

/// How often and how long a request is tried again after 429, 5xx, a broken connection or a cut-off answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Attempts in all.
    pub attempts: u32,
    /// Wait before the second attempt; doubles each time.
    pub first_wait: Duration,
    /// No wait is longer, whatever the server's Retry-After says.
    pub longest_wait: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_millis(250), longest_wait: Duration::from_secs(20) }
    }
}

/// What to ask.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    /// `get`, `list` or `create` as the API's authorizer calls it.
    pub(super) verb: &'static str,
    pub(super) path: String,
    pub(super) accept: &'a str,
    /// The body of a self review.
    pub(super) body: Option<String>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: impl Into<String>, accept: &'a str) -> Self {
        Self { verb: "get", path: path.into(), accept, body: None }
    }
    pub(super) fn list(path: impl Into<String>, accept: &'a str) -> Self {
        Self { verb: "list", ..Self::get(path, accept) }
    }
    pub(super) fn review(path: impl Into<String>, body: String) -> Self {
        Self { verb: "create", body: Some(body), ..Self::get(path, "application/json") }
    }
}

/// A usable answer (2xx).
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: u64,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// When it was complete, RFC 3339 UTC.
    pub(super) received: String,
    /// While an answer is large, the turn to hold one.
    pub(super) large: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// Whether an API server of Kubernetes gave it: each of its answers has the id under which it stands in the audit log (KEP-22).
    pub(super) fn has_audit_id(&self) -> bool {
        self.headers.contains_key(AUDIT_ID)
    }
    fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type")
    }
}

/// The list of all requests, in the order of sending.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<RequestRecord>>>);

impl Log {
    fn begin(&self, ask: &Ask<'_>, anonymous: bool) -> u64 {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = records.len() as u64 + 1;
        records.push(RequestRecord {
            id,
            time: clock::now_millis(),
            verb: ask.verb.to_owned(),
            path: ask.path.clone(),
            status: None,
            items: None,
            bytes: 0,
            anonymous,
            error: None,
        });
        id
    }
    fn change(&self, id: u64, change: impl FnOnce(&mut RequestRecord)) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = usize::try_from(id).ok().and_then(|id| records.get_mut(id.checked_sub(1)?)) {
            change(record);
        }
    }
    /// How many objects a page held.
    pub(super) fn items(&self, id: u64, items: u64) {
        self.change(id, |record| record.items = Some(items));
    }
    /// That an answer could not be used after all.
    pub(super) fn unusable(&self, id: u64, why: &str) {
        self.change(id, |record| record.error = Some(why.to_owned()));
    }
    pub(super) fn records(&self) -> Vec<RequestRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A request that is on its way. Whoever asked may stop waiting for it.
struct Unfinished<'a> {
    log: &'a Log,
    id: u64,
    given_up: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.given_up {
            self.log.unusable(self.id, "not waited for: what came before it made it useless");
        }
    }
}

/// A client with its limits.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    anonymous: bool,
    log: Log,
    retries: Retries,
    request_timeout: Duration,
    deadline: Option<Instant>,
    /// One for each request that may be on its way.
    slots: Arc<Semaphore>,
    /// For pages that are asked for before the one before them is there: they are memory, and one list at a time is enough.
    ahead: Arc<Semaphore>,
    /// For an answer that is large.
    large: Arc<Semaphore>,
    credentials: Option<Arc<Credentials>>,
}

/// Takes the bytes of an answer as they come.
pub(super) trait Sink: Send {
    fn begin(&mut self) {}
    fn bytes(&mut self, bytes: &[u8]);
    /// What is too much about what came so far: the rest is not waited for.
    fn excess(&self) -> Option<Excess> {
        None
    }
    fn end(&mut self) {}
}

/// How often something was asked.
struct Attempts {
    made: u32,
    wait: Duration,
}

/// A body with somebody who looks at it while it comes.
struct Watched<F> {
    body: Vec<u8>,
    length: usize,
    begun: F,
    measure: Measure,
    /// A page of objects, of which each is measured by itself.
    is_page: bool,
}

impl<F: FnMut(&[u8]) + Send> Sink for Watched<F> {
    fn begin(&mut self) {
        self.body.clear();
        self.body.reserve(self.length + self.length / 32);
        self.measure = Measure::default();
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.measure.add(bytes);
        self.body.extend_from_slice(bytes);
        (self.begun)(&self.body);
    }
    fn excess(&self) -> Option<Excess> {
        if self.is_page { self.measure.of_many() } else { self.measure.of_one() }
    }
}

impl Api {
    pub(super) fn new(client: Client, options: &CollectOptions, deadline: Option<Instant>) -> Self {
        Self {
            client,
            anonymous: false,
            log: Log::default(),
            retries: options.retries,
            request_timeout: options.request_timeout,
            deadline,
            slots: Arc::new(Semaphore::new(options.parallelism.max(1))),
            ahead: Arc::new(Semaphore::new(1)),
            large: Arc::new(Semaphore::new(1)),
            credentials: None,
        }
    }
    /// With credentials that are sent with each request.
    pub(super) fn with_credentials(self, credentials: Option<Arc<Credentials>>) -> Self {
        Self { credentials, ..self }
    }
    /// The same limits and the same list of requests, without credentials.
    pub(super) fn without_credentials(&self, client: Client) -> Self {
        Self { client, anonymous: true, credentials: None, ..self.clone() }
    }
    /// The turn to ask for one page ahead; none while another list has it.
    pub(super) fn ahead(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.ahead).try_acquire_owned().ok()
    }
    /// When half of the time that is left is over.
    pub(super) fn half_of_the_time(&self) -> Option<Instant> {
        let now = clock::instant();
        self.deadline.map(|deadline| now + deadline.saturating_duration_since(now) / 2)
    }
    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Asks until there is a usable answer or no hope of one.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        self.ask_for(ask, Ok).await
    }

    /// Like [`Api::ask`]; what `read` cannot read counts as a failed attempt.
    pub(super) async fn ask_for<T>(&self, ask: Ask<'_>, read: impl FnMut(Answer) -> Result<T, String>) -> Result<T, Failure> {
        self.ask_watched(ask, 0, |_| {}, read).await
    }

    /// Like [`Api::ask_for`], for a body of about `length` bytes; `begun` sees what has come of the body each time that there is more.
    pub(super) async fn ask_watched<T>(
        &self,
        ask: Ask<'_>,
        length: usize,
        begun: impl FnMut(&[u8]) + Send,
        mut read: impl FnMut(Answer) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let mut body = Watched { body: Vec::new(), length, begun, measure: Measure::default(), is_page: ask.verb == "list" };
        let mut attempts = self.attempts();
        loop {
            let failure = match self.attempt(&ask, &mut body).await {
                Ok(answer) => {
                    let (id, kind) = (answer.id, answer.content_type().to_owned());
                    match read(Answer { body: std::mem::take(&mut body.body), ..answer }) {
                        Ok(done) => return Ok(done),
                        Err(why) => {
                            let why = format!("{why} ({kind})");
                            self.log.unusable(id, &why);
                            Failure::Garbage(why)
                        }
                    }
                }
                Err(failure) => failure,
            };
            self.before_another(&mut attempts, failure).await?;
        }
    }

    /// Asks, and gives the bytes to `sink` as they come; the answer's body stays empty.
    pub(super) async fn stream(&self, ask: Ask<'_>, sink: &mut dyn Sink) -> Result<Answer, Failure> {
        let mut attempts = self.attempts();
        loop {
            match self.attempt(&ask, sink).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => self.before_another(&mut attempts, failure).await?,
            }
        }
    }

    fn attempts(&self) -> Attempts {
        Attempts { made: 0, wait: self.retries.first_wait }
    }

    /// Waits before another attempt; the failure of the last one when there is none.
    async fn before_another(&self, attempts: &mut Attempts, failure: Failure) -> Result<(), Failure> {
        attempts.made += 1;
        // A token can end before its time; a new one is asked for once.
        if matches!(failure, Failure::Status { code: 401, .. })
            && attempts.made == 1
            && let Some(credentials) = &self.credentials
            && credentials.were_refused().await
        {
            return Ok(());
        }
        if !failure.may_pass() || attempts.made >= self.retries.attempts {
            return Err(failure);
        }
        let pause = failure.retry_after().unwrap_or(attempts.wait).min(self.retries.longest_wait);
        // An attempt that could only begin after the deadline is not made; what was the matter is told instead.
        if self.deadline.is_some_and(|deadline| clock::instant() + pause >= deadline) {
            return Err(Failure::Deadline);
        }
        tokio::time::sleep(pause).await;
        attempts.wait = attempts.wait.saturating_mul(2).min(self.retries.longest_wait);
        Ok(())
    }

    /// One attempt, recorded whatever becomes of it.
    async fn attempt(&self, ask: &Ask<'_>, sink: &mut dyn Sink) -> Result<Answer, Failure> {
        // Never closed; without a slot there would be one request too many, and no harm.
        let _slot = self.slots.acquire().await.ok();
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(clock::instant()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Failure::Deadline);
        }
        let id = self.log.begin(ask, self.anonymous);
        let mut unfinished = Unfinished { log: &self.log, id, given_up: true };
        let limit = left.map_or(self.request_timeout, |left| left.min(self.request_timeout));
        let late = || if left.is_some_and(|left| left <= self.request_timeout) { Failure::Deadline } else { Failure::Timeout(limit) };
        let until = clock::instant() + limit;
        let result = match tokio::time::timeout(limit, self.exchange(id, ask, sink, until)).await {
            Ok(Err(Failure::Timeout(_))) | Err(_) => Err(late()),
            Ok(result) => result,
        };
        unfinished.given_up = false;
        if let Err(failure) = &result {
            self.log.change(id, |record| record.error = Some(failure.to_string()));
        }
        result
    }

    #[expect(clippy::disallowed_methods, reason = "the one place from which requests leave: checked and recorded")]
    async fn exchange(&self, id: u64, ask: &Ask<'_>, sink: &mut dyn Sink, until: Instant) -> Result<Answer, Failure> {
        let mut request = Request::builder().uri(&ask.path).header(ACCEPT, ask.accept);
        if let Some(credentials) = &self.credentials
            && let Some(header) = credentials.header(until).await.map_err(|error| Failure::Credentials(error.to_string()))?
        {
            request = request.header(AUTHORIZATION, header);
        }
        if ask.body.is_some() {
            request = request.method(Method::POST).header(CONTENT_TYPE, "application/json");
        }
        let body = Body::from(ask.body.clone().unwrap_or_default().into_bytes());
        let request = request.body(body).map_err(|error| Failure::Transport(error.to_string()))?;
        // The client's outermost layer says the same; a client that was handed in may not have it.
        guard::check(&request).map_err(|refused| Failure::Transport(refused.to_string()))?;
        let response = self.client.send(request).await.map_err(|error| Failure::Transport(chain(&error)))?;
        let (parts, mut body) = response.into_parts();
        let code = parts.status.as_u16();
        self.log.change(id, |record| record.status = Some(code));

        let good = parts.status.is_success();
        let mut error_body = Vec::new();
        let mut bytes = 0;
        let mut large = None;
        if good {
            sink.begin();
        }
        let whole = loop {
            match body.frame().await {
                None => break Ok(()),
                Some(Err(error)) => break Err(Failure::Transport(format!("the answer broke off ({})", chain(&error)))),
                Some(Ok(frame)) => {
                    let Some(data) = frame.data_ref() else { continue };
                    bytes += data.len() as u64;
                    // What unpacks without end never waits, so that no timer would be looked at.
                    if clock::instant() >= until {
                        break Err(Failure::Timeout(self.request_timeout));
                    }
                    if bytes > MAX_BODY {
                        break Err(Failure::TooLarge);
                    }
                    if bytes > LARGE && large.is_none() {
                        large = Arc::clone(&self.large).acquire_owned().await.ok();
                    }
                    if good {
                        sink.bytes(data);
                        if let Some(excess) = sink.excess() {
                            break Err(Failure::Garbage(excess.to_string()));
                        }
                    } else if bytes <= MAX_ERROR {
                        error_body.extend_from_slice(data);
                    }
                }
            }
        };
        self.log.change(id, |record| record.bytes = bytes);
        if good {
            whole?;
            sink.end();
            return Ok(Answer { id, status: code, headers: parts.headers, body: Vec::new(), received: clock::now_millis(), large });
        }
        Err(status_failure(id, code, &parts.headers, &error_body))
    }
}

/// An error with all its causes: the first one alone often says nothing ("ServiceError: client error (Connect)"). Where credentials
/// are the matter, the errors repeat them: then it is said in words of our own.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(words) = credentials::words(error) {
        return words;
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// Seconds by which the server's clock is ahead, from the `Date` header of an answer that has just been received.
pub(super) fn clock_ahead(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let server = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    let ahead = server.timestamp() - clock::now().timestamp();
    // The header has whole seconds: one second is no difference.
    Some(if ahead.abs() <= 1 { 0 } else { ahead })
}
