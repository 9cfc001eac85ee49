//! The requests to an object store, and what of them is let through.
//!
//! The second lock beside [`super::Store`], which has no method that replaces or removes: whatever a library asks for, no request leaves
//! that could change what is there, and none goes to a host that neither the address of the store nor the variables of the environment
//! named.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use http::header::{HeaderValue, IF_NONE_MATCH};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use md5::{Digest as _, Md5};
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use rustls::ClientConfig;

use super::reach::Heard;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may come or go.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of an error's text is read.
const MOST_ERROR: usize = 64 * 1024;
/// What S3 says of an object's lock.
pub(super) const LOCK_MODE: &str = "x-amz-object-lock-mode";

/// Who may be spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// This one, with or without its port.
    Is(String),
    /// Every one whose name ends so.
    Below(&'static str),
}

impl Host {
    /// The host of a URL or of `host:port`.
    pub(super) fn of(url: &str) -> Option<Self> {
        let host = if url.contains("://") { url.parse::<Uri>().ok()?.host()?.to_owned() } else { url.split([':', '/']).next()?.to_owned() };
        (!host.is_empty()).then(|| Self::Is(host.to_ascii_lowercase()))
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        match self {
            // A bucket can stand before the name of an endpoint.
            Self::Is(name) => host == *name || host.strip_suffix(name.as_str()).is_some_and(|before| before.ends_with('.')),
            Self::Below(end) => host.ends_with(end),
        }
    }
}

/// Makes the clients that object_store asks for.
#[derive(Clone, Debug)]
pub(super) struct Guarded(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    hosts: Vec<Host>,
    tls: Arc<ClientConfig>,
    proxies: Matcher,
    /// By proxy; without one under the empty name.
    clients: Mutex<BTreeMap<String, Sender>>,
}

impl Guarded {
    /// `authorities`: certificates in PEM that are trusted beside those of the system.
    pub(super) fn new(hosts: Vec<Host>, authorities: Option<&[u8]>) -> io::Result<Self> {
        let shared = Shared { hosts, tls: Arc::new(tls(authorities)?), proxies: Matcher::from_env(), clients: Mutex::default() };
        Ok(Self(Arc::new(shared)))
    }

    /// A client outside of object_store, for what it does not ask.
    pub(super) fn client(&self, plain: bool) -> HttpClient {
        HttpClient::new(Service { shared: Arc::clone(&self.0), plain })
    }
}

impl HttpConnector for Guarded {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        Ok(self.client(plain))
    }
}

fn tls(authorities: Option<&[u8]>) -> io::Result<ClientConfig> {
    use rustls_platform_verifier::Verifier;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut more = Vec::new();
    if let Some(authorities) = authorities {
        for block in pem::parse_many(authorities).map_err(io::Error::other)? {
            more.push(block.into_contents().into());
        }
        if more.is_empty() {
            return Err(io::Error::other("there is no certificate in PEM in it"));
        }
    }
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider)).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

type Direct = Client<TimeoutConnector<HttpsConnector<Tcp>>, HttpRequestBody>;
type Proxied = Client<TimeoutConnector<HttpsConnector<Tunnel<HttpsConnector<Tcp>>>>, HttpRequestBody>;

#[derive(Clone, Debug)]
enum Sender {
    Direct(Direct),
    Proxied(Proxied),
}

impl Sender {
    async fn send(&self, request: HttpRequest) -> Result<http::Response<hyper::body::Incoming>, hyper_util::client::legacy::Error> {
        match self {
            Self::Direct(client) => client.request(request).await,
            Self::Proxied(client) => client.request(request).await,
        }
    }
}

fn tcp() -> Tcp {
    let mut tcp = Tcp::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp
}

/// A pool of connections. `None` for connections without a proxy.
fn sender(tls: &Arc<ClientConfig>, proxy: Option<(Uri, Option<HeaderValue>)>) -> Sender {
    fn over<C>(tls: &Arc<ClientConfig>, connector: C) -> HttpsConnector<C> {
        HttpsConnectorBuilder::new().with_tls_config((**tls).clone()).https_or_http().enable_http1().wrap_connector(connector)
    }
    fn timed<C>(connector: C) -> TimeoutConnector<C>
    where
        C: tower::Service<Uri> + Send,
        C::Response: hyper::rt::Read + hyper::rt::Write + Send + Unpin,
        C::Future: Send + 'static,
        C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut timed = TimeoutConnector::new(connector);
        timed.set_connect_timeout(Some(CONNECT));
        timed.set_read_timeout(Some(SILENCE));
        timed.set_write_timeout(Some(SILENCE));
        // A long upload is answered at its end.
        timed.set_reset_reader_on_write(true);
        timed
    }
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(Duration::from_secs(20));
    match proxy {
        None => Sender::Direct(builder.build(timed(over(tls, tcp())))),
        Some((proxy, authorization)) => {
            let mut tunnel = Tunnel::new(proxy, over(tls, tcp()));
            if let Some(value) = authorization {
                tunnel = tunnel.with_auth(value);
            }
            Sender::Proxied(builder.build(timed(over(tls, tunnel))))
        }
    }
}

#[derive(Debug)]
struct Service {
    shared: Arc<Shared>,
    /// Whether requests without TLS are allowed.
    plain: bool,
}

fn refused(what: String) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, io::Error::new(io::ErrorKind::PermissionDenied, what))
}

impl Service {
    fn sender(&self, uri: &Uri) -> Sender {
        let intercepted = self.shared.proxies.intercept(uri);
        let name = intercepted.as_ref().map(|proxy| proxy.uri().to_string()).unwrap_or_default();
        let mut clients = self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let proxy = || intercepted.map(|proxy| (proxy.uri().clone(), proxy.basic_auth().cloned()));
        clients.entry(name).or_insert_with(|| sender(&self.shared.tls, proxy())).clone()
    }
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default().to_owned();
        if !self.shared.hosts.iter().any(|allowed| allowed.allows(&host)) {
            return Err(refused(format!("{host} is not spoken to: neither the address of the store nor the environment names it")));
        }
        if uri.scheme_str() != Some("https") && !self.plain {
            return Err(refused(format!(
                "{host} is not spoken to without TLS; for a store on this machine or in a closed network AWS_ALLOW_HTTP=true allows it"
            )));
        }
        let heard = request.extensions().get::<Heard>().cloned();
        only_creates(&mut request).map_err(|what| refused(format!("{what} is not sent: a record is only added to")))?;
        if request.method() == Method::PUT && request.headers().contains_key("x-amz-content-sha256") {
            let body = request.body().clone().collect().await?.to_bytes();
            // Buckets with a lock want it, or another checksum that not every server knows. It proves nothing to us.
            let digest = base64::engine::general_purpose::STANDARD.encode(Md5::digest(&body));
            if let Ok(value) = HeaderValue::from_str(&digest) {
                request.headers_mut().insert("content-md5", value);
            }
        }
        let response = self.sender(&uri).send(request).await.map_err(failed)?;
        let (parts, body) = response.into_parts();
        heard.iter().for_each(|heard| heard.take(&parts.headers));
        if parts.status.is_client_error() || parts.status.is_server_error() {
            let said = http_body_util::Limited::new(body, MOST_ERROR).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            return Ok(HttpResponse::from_parts(parts, told(&said).into()));
        }
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body.map_err(|error| of_body(&error)))))
    }
}

/// Lets through what reads, what creates, and what asks for credentials. The last step of an upload in parts is made to create only.
fn only_creates(request: &mut Request<HttpRequestBody>) -> Result<(), String> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let has = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
    let headers = request.headers();
    let creates = headers.get(IF_NONE_MATCH).is_some_and(|value| value == "*")
        || headers.get("x-goog-if-generation-match").is_some_and(|value| value == "0");
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        Method::PUT if creates || has("partNumber") && has("uploadId") => Ok(()),
        // Blocks of Azure are nothing until a list of them is put; the token of an instance's credentials is asked for by PUT.
        Method::PUT if query.contains("comp=block&") || request.uri().path() == "/latest/api/token" => Ok(()),
        Method::POST if has("uploadId") => {
            request.headers_mut().insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            Ok(())
        }
        // Begins an upload, or asks for credentials: nothing is there by it.
        Method::POST if has("uploads") || !has("delete") && asks_for_credentials(request) => Ok(()),
        // Gives up an upload that was begun.
        Method::DELETE if has("uploadId") => Ok(()),
        _ => Err(format!("{} {}", request.method(), request.uri().path())),
    }
}

/// The answers to these are tokens.
fn asks_for_credentials(request: &Request<HttpRequestBody>) -> bool {
    let content = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let of_sts = request.uri().query().is_some_and(|query| query.contains("Action=AssumeRole"));
    let path = request.uri().path();
    of_sts || content.starts_with("application/x-www-form-urlencoded") && (path.contains("/token") || path.contains("/oauth2/"))
}

/// What an error's text says, without what names or signs.
fn told(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let between = |from: &str, to: &str| text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(inside, _)| inside.trim());
    let words: Vec<&str> = [("<Code>", "</Code>"), ("<Message>", "</Message>")].iter().filter_map(|(a, b)| between(a, b)).collect();
    if words.is_empty() {
        let json = |key: &str| between(&format!("\"{key}\": \""), "\"").or_else(|| between(&format!("\"{key}\":\""), "\""));
        return ["error", "message", "error_description"].iter().filter_map(|key| json(key)).collect::<Vec<_>>().join(": ");
    }
    words.join(": ")
}

/// What kind of failure it is decides whether it is tried again.
fn failed(error: hyper_util::client::legacy::Error) -> HttpError {
    let mut kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(error) = source.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::TimedOut if kind != HttpErrorKind::Connect => kind = HttpErrorKind::Timeout,
                // The server's certificate: it will not get better.
                io::ErrorKind::InvalidData => kind = HttpErrorKind::Unknown,
                _ => {}
            }
        }
        let word = source.to_string();
        if !words.contains(&word) {
            words.push(word);
        }
        cause = source.source();
    }
    HttpError::new(kind, io::Error::other(if words.is_empty() { error.to_string() } else { words.join(": ") }))
}

fn of_body(error: &hyper::Error) -> HttpError {
    let kind = if error.is_timeout() { HttpErrorKind::Timeout } else { HttpErrorKind::Interrupted };
    let cause = error.source().map_or_else(|| error.to_string(), |source| source.to_string());
    HttpError::new(kind, io::Error::other(format!("the answer broke off: {cause}")))
}

/// An answer outside of object_store, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Sends a request and reads the answer.
pub(super) async fn ask(client: &HttpClient, request: HttpRequest) -> Result<Answer, HttpError> {
    let (parts, body) = client.execute(request).await?.into_parts();
    let body = http_body_util::Limited::new(body, MOST_ERROR).collect().await;
    let body = body.map_err(|error| HttpError::new(HttpErrorKind::Decode, io::Error::other(error.to_string())))?;
    Ok(Answer { status: parts.status, body: body.to_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Request<HttpRequestBody> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(HttpRequestBody::empty()).expect("a request")
    }

    const NONE: &[(&str, &str)] = &[];

    #[test]
    fn what_would_replace_or_remove_is_not_sent() {
        for (method, url, headers) in [
            ("GET", "https://b/k", NONE),
            ("HEAD", "https://b/k", NONE),
            ("PUT", "https://b/k", &[("if-none-match", "*")][..]),
            ("PUT", "https://b/k", &[("x-goog-if-generation-match", "0")][..]),
            ("PUT", "https://b/k?partNumber=1&uploadId=x", NONE),
            ("POST", "https://b/k?uploads", NONE),
            ("DELETE", "https://b/k?uploadId=x", NONE),
            ("POST", "https://oauth2.googleapis.com/token", &[("content-type", "application/x-www-form-urlencoded")][..]),
            ("POST", "https://sts.amazonaws.com/?Action=AssumeRoleWithWebIdentity", NONE),
        ] {
            assert!(only_creates(&mut request(method, url, headers)).is_ok(), "{method} {url}");
        }
        for (method, url, headers) in [
            ("DELETE", "https://b/k", NONE),
            ("PUT", "https://b/k", NONE),
            ("PUT", "https://b/k", &[("if-none-match", "\"etag\"")][..]),
            ("PUT", "https://b/k", &[("if-match", "*")][..]),
            ("PUT", "https://b/k?retention", NONE),
            ("PUT", "https://b/k?partNumber=1", NONE),
            ("POST", "https://b/?delete", NONE),
            ("POST", "https://b/k", NONE),
            ("PATCH", "https://b/k", NONE),
        ] {
            assert!(only_creates(&mut request(method, url, headers)).is_err(), "{method} {url}");
        }
        let mut last = request("POST", "https://b/k?uploadId=x", NONE);
        assert!(only_creates(&mut last).is_ok() && last.headers()[IF_NONE_MATCH] == "*", "the last step of an upload creates only");
    }

    #[test]
    fn only_named_hosts_are_spoken_to() {
        let host = Host::of("http://Store.example:9000/x").expect("a host");
        assert!(host.allows("store.example") && host.allows("bucket.STORE.example"));
        assert!(!host.allows("evilstore.example") && !host.allows("store.example.evil") && !host.allows("example"));
        let amazon = Host::Below(".amazonaws.com");
        assert!(
            amazon.allows("s3.eu-central-1.amazonaws.com") && !amazon.allows("amazonaws.com.evil") && !amazon.allows("169.254.169.254")
        );
    }

    #[test]
    fn of_an_error_only_its_words_are_told() {
        let body =
            b"<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";
        assert_eq!(told(body), "SignatureDoesNotMatch: It does not match.");
        assert_eq!(told(br#"{"error": "invalid_grant", "access_token": "secret"}"#), "invalid_grant");
        assert_eq!(told(b"\xff page of a proxy"), "");
    }
}
