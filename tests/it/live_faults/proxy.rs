//! What stands between: it passes requests on to the API server and spoils the answer at one place.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use kube_hipaa::collect::Clients;
use kube_hipaa::model::SourceId;
use kube_hipaa::snapshot::{Snapshot, StoredObject};
use serde_json::{Value, json};

use crate::support::faults::{fault, faults};
use crate::support::reply::{Answer, Ending, Reply, body, rendered, response};

/// The API server behind, as the scanner and as nobody.
pub struct Server {
    scanner: Client,
    nobody: Client,
    url: String,
    /// What it answered to what: in a cluster that rests, a thousand runs need not ask it the same thing a thousand times.
    known: Mutex<BTreeMap<(String, String, bool, Vec<u8>), Answered>>,
    /// Names of the series that are kept of `/metrics`. Of twenty thousand lines, these are a few: the others are dropped here and not by each
    /// of a thousand runs.
    series: OnceLock<BTreeSet<String>>,
}

impl Server {
    pub async fn connect(kubeconfig: &Path) -> Self {
        let file = Kubeconfig::read_from(kubeconfig).unwrap();
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        config.proxy_url = None;
        let mut bare = config.clone();
        bare.auth_info = kube::config::AuthInfo::default();
        let url = config.cluster_url.to_string();
        Self {
            scanner: Client::try_from(config).unwrap(),
            nobody: Client::try_from(bare).unwrap(),
            url,
            known: Mutex::default(),
            series: OnceLock::new(),
        }
    }

    /// Its answer, as it was given to the same question before, unless it is asked `anew`.
    async fn answer(&self, asked: &Asked, anew: bool) -> Answered {
        let key = (asked.path.clone(), asked.accept.clone(), asked.authorized, asked.body.clone());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.filter(|_| !anew) {
            return known;
        }
        let mut answered = self.ask(asked).await.unwrap();
        if let (Some(series), "/metrics", false) = (self.series.get(), asked.path.as_str(), anew) {
            let text = String::from_utf8_lossy(&answered.bytes).into_owned();
            let of = |line: &&str| {
                let name = if line.starts_with('#') { line.split(' ').nth(2) } else { line.split(['{', ' ']).next() };
                name.is_some_and(|name| series.iter().any(|kept| kept.starts_with(name) || name.starts_with(kept)))
            };
            answered.bytes = text.split_inclusive('\n').filter(of).collect::<String>().into_bytes();
        }
        // The whole page of metrics is for the run in which it is spoilt.
        if !anew || asked.path != "/metrics" {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answered.clone());
        }
        answered
    }

    async fn ask(&self, asked: &Asked) -> Result<Answered, kube::Error> {
        let request = Request::builder().method(asked.method.clone()).uri(&asked.path).header("accept", &asked.accept);
        let request = if asked.body.is_empty() { request } else { request.header("content-type", "application/json") };
        let request = request.body(Body::from(asked.body.clone())).unwrap();
        let client = if asked.authorized { &self.scanner } else { &self.nobody };
        let (parts, body) = client.send(request).await?.into_parts();
        let bytes = body.collect().await?.to_bytes().to_vec();
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let kind = header("content-type").unwrap_or_default();
        let headers = ["date", "audit-id"].into_iter().filter_map(|name| Some((name, header(name)?))).collect();
        Ok(Answered { code: parts.status.as_u16(), kind, headers, bytes })
    }
}

/// A request of the program.
#[derive(Clone)]
struct Asked {
    method: Method,
    path: String,
    accept: String,
    authorized: bool,
    body: Vec<u8>,
}

/// What the API server said.
#[derive(Clone)]
struct Answered {
    code: u16,
    kind: String,
    headers: Vec<(&'static str, String)>,
    bytes: Vec<u8>,
}

impl Answered {
    /// The token of the next page, which stands before the objects.
    fn token(&self) -> Option<&str> {
        let head = self.bytes.get(..2048).unwrap_or(&self.bytes);
        let head = std::str::from_utf8(head).or_else(|error| std::str::from_utf8(&head[..error.valid_up_to()])).ok()?;
        let (_, rest) = head.split_once("\"continue\":\"")?;
        rest.split_once('"').map(|(token, _)| token)
    }
}

/// One answer of a run: of which path, and the how many-eth page of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    path: String,
    pub authorized: bool,
    page: usize,
}

/// What is done where.
#[derive(Clone, Debug)]
pub struct Spoil {
    pub position: Position,
    fault: &'static str,
}

impl std::fmt::Display for Spoil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let as_nobody = if self.position.authorized { "" } else { " without credentials" };
        write!(f, "{} page {}{as_nobody}: {}", self.position.path, self.position.page + 1, self.fault)
    }
}

/// Faults of a page that come from another page of the same list.
const LATER: [&str; 4] =
    ["the first page again", "the objects of the first page again", "half of the objects, without a word", "nothing more, without a word"];

/// One run of the program.
pub struct Between {
    server: Arc<Server>,
    spoil: Option<Spoil>,
    spoilt: AtomicBool,
    /// First pages, by their path, and every answer, by its place.
    seen: Mutex<BTreeMap<Position, Answered>>,
}

/// The page of a request: tokens of later pages hold the resource version and the last key.
fn page_of(query: &str, seen: &BTreeMap<Position, Answered>, path: &str, authorized: bool) -> usize {
    if !query.contains("continue=") {
        return 0;
    }
    let known: Vec<(&Position, &Answered)> = seen.iter().filter(|(at, _)| at.path == path && at.authorized == authorized).collect();
    let token = query.split('&').find_map(|pair| pair.strip_prefix("continue=")).unwrap_or("").replace("%3D", "=");
    known.iter().find(|(_, answered)| answered.token() == Some(&token)).map_or(known.len(), |(at, _)| at.page + 1)
}

impl Between {
    pub fn new(server: &Arc<Server>, spoil: Option<Spoil>) -> Self {
        Self { server: Arc::clone(server), spoil, spoilt: AtomicBool::new(false), seen: Mutex::default() }
    }

    /// From now on the server's page of metrics has only what this snapshot kept of it.
    pub fn only_these_series(&self, snapshot: &Snapshot) {
        let name = |stored: StoredObject| Some(serde_json::from_str::<Value>(&stored.json).ok()?.get("name")?.as_str()?.to_owned());
        let names = snapshot.objects(&SourceId::url("/metrics")).unwrap().filter_map(|stored| name(stored.unwrap()));
        // The first snapshot decides.
        let _set = self.server.series.set(names.collect());
        self.server.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|(path, ..), _| path != "/metrics");
    }

    pub fn was_spoilt(&self) -> bool {
        self.spoilt.load(Ordering::SeqCst)
    }

    /// Everything that can be done to the answers of this run: each fault once at each place, the places in turn.
    pub fn spoils(&self) -> Vec<Spoil> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let other = |at: &Position| other(&seen, at);
        let mut by_place: Vec<Vec<Spoil>> = seen
            .iter()
            .map(|(at, answered)| {
                let mut names: Vec<&'static str> =
                    faults(answered.code, kind_of(answered), &answered.bytes, &other(at)).into_iter().map(|(name, _)| name).collect();
                if at.page > 0 {
                    names.extend(LATER);
                }
                // Of the one request without credentials, whatever came is the answer: what the API itself would say is no fault.
                names.retain(|name| at.authorized || *name != "forbidden");
                names.into_iter().map(|fault| Spoil { position: at.clone(), fault }).collect()
            })
            .collect();
        let mut all = Vec::new();
        while by_place.iter().any(|spoils| !spoils.is_empty()) {
            // Not the same fault everywhere first: each place begins with another one.
            for (number, spoils) in by_place.iter_mut().enumerate() {
                if !spoils.is_empty() {
                    all.push(spoils.swap_remove((number * 7 + all.len()) % spoils.len()));
                }
            }
        }
        all
    }

    /// The answer to give: the real one, or what was made of it; none is a refused connection.
    async fn answer(&self, asked: Asked) -> Option<(Answered, Ending)> {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        // What is spoilt comes from the server itself.
        let anew = self.spoil.as_ref().is_some_and(|spoil| spoil.position.path == path && spoil.position.page == 0);
        let answered = self.server.answer(&asked, anew).await;
        let (position, first) = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let at = Position { page: page_of(&query, &seen, &path, asked.authorized), path, authorized: asked.authorized };
            seen.entry(at.clone()).or_insert_with(|| answered.clone());
            let first = Position { page: 0, ..at.clone() };
            (at, first)
        };
        let Some(spoil) = self.spoil.as_ref().filter(|spoil| spoil.position == position) else { return Some((answered, Ending::Whole)) };
        let (first, other) = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            (seen.get(&first).cloned(), other(&seen, &position))
        };
        self.spoilt.store(true, Ordering::SeqCst);
        if LATER.contains(&spoil.fault) {
            return Some((later(spoil.fault, answered, first?), Ending::Whole));
        }
        match fault(spoil.fault, answered.code, kind_of(&answered), &answered.bytes, &other)? {
            Reply::Refused => None,
            Reply::BreaksOff => Some((answered, Ending::Breaks)),
            Reply::CutOff => Some((answered, Ending::Early)),
            reply => {
                let ((code, _), kind, bytes) = rendered(reply);
                // What changes an answer leaves its headers; what answers itself has headers of its own.
                let headers = if code == answered.code && answered.kind.starts_with(kind) { answered.headers } else { Vec::new() };
                Some((Answered { code, kind: kind.to_owned(), headers, bytes }, Ending::Whole))
            }
        }
    }

    /// The connections of a collection in this process.
    pub fn clients(self: &Arc<Self>) -> Clients {
        Clients {
            authenticated: self.client(true),
            anonymous: Some(self.client(false)),
            credentials: None,
            server: self.server.url.clone(),
            ca_sha256: None,
            tls_unverified: false,
        }
    }

    fn client(self: &Arc<Self>, authorized: bool) -> Client {
        let between = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let between = Arc::clone(&between);
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes().to_vec();
                let accept = parts.headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
                let asked = Asked { method: parts.method, path: parts.uri.to_string(), accept, authorized, body };
                match between.answer(asked).await {
                    None => Err::<_, tower::BoxError>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()),
                    Some((answered, ending)) => Ok(over(answered, ending)?),
                }
            }
        });
        Client::new(service, "default")
    }
}

fn over(answered: Answered, ending: Ending) -> http::Result<http::Response<Answer>> {
    if answered.headers.is_empty() {
        let kind: &'static str = if answered.kind.starts_with("application/json") { "application/json" } else { "text/html" };
        return response(Reply::Raw(answered.code, kind, answered.bytes), ending, &[]);
    }
    let mut builder = http::Response::builder().status(answered.code).header("content-type", &answered.kind);
    for (name, value) in &answered.headers {
        builder = builder.header(*name, value);
    }
    builder.body(body(answered.bytes, ending))
}

fn kind_of(answered: &Answered) -> &'static str {
    if answered.kind.starts_with("application/json") { "application/json" } else { "text/plain" }
}

/// The answer to another question.
fn other(seen: &BTreeMap<Position, Answered>, at: &Position) -> Vec<u8> {
    let paths = ["/api/v1/services", "/api/v1/pods"];
    let found = paths.iter().filter(|path| **path != at.path).find_map(|path| seen.iter().find(|(at, _)| at.path == **path));
    found.map(|(_, answered)| answered.bytes.clone()).unwrap_or_default()
}

/// A later page that does not bring what it should. It says nothing of what is missing.
fn later(fault: &str, answered: Answered, first: Answered) -> Answered {
    let mut page: Value = serde_json::from_slice(&answered.bytes).unwrap();
    let whole: Value = serde_json::from_slice(&first.bytes).unwrap();
    match fault {
        "the first page again" => return Answered { bytes: first.bytes, ..answered },
        "the objects of the first page again" => page["items"] = whole["items"].clone(),
        "nothing more, without a word" => {
            page["items"] = Value::Null;
            page["metadata"] = json!({"resourceVersion": page["metadata"]["resourceVersion"]});
        }
        _ => {
            let items = page["items"].as_array_mut().unwrap();
            items.truncate(items.len() / 2);
            page["metadata"] = json!({"resourceVersion": page["metadata"]["resourceVersion"]});
        }
    }
    Answered { bytes: crate::support::reply::in_order(&page).into_bytes(), ..answered }
}

/// Listens on a port of loopback, in the clear, until the test ends. Requests that say that they carry no credentials go on as nobody's: the
/// program has none to send here, so what it sends as somebody is told apart by the one question that it asks as nobody.
pub fn listen(runtime: &tokio::runtime::Handle, between: &Arc<Between>) -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (runtime, between) = (runtime.clone(), Arc::clone(between));
    std::thread::spawn(move || {
        for connection in socket.incoming().flatten() {
            let (runtime, between) = (runtime.clone(), Arc::clone(&between));
            std::thread::spawn(move || {
                // Whoever breaks off has asked nothing.
                let _ended = talk(connection, &runtime, &between);
            });
        }
    });
    port
}

fn talk(connection: TcpStream, runtime: &tokio::runtime::Handle, between: &Between) -> std::io::Result<()> {
    connection.set_read_timeout(Some(std::time::Duration::from_secs(30)))?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length: u64 = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        reader.by_ref().take(length).read_to_end(&mut body)?;
        let authorized = path != "/api/v1/namespaces?limit=1";
        let accept = headers.remove("accept").unwrap_or_default();
        let asked = Asked { method: method.parse().map_err(std::io::Error::other)?, path, accept, authorized, body };
        let Some((answered, ending)) = runtime.block_on(between.answer(asked)) else { return Ok(()) };
        let mut head = format!("HTTP/1.1 {} x\r\ncontent-type: {}\r\n", answered.code, answered.kind);
        for (name, value) in &answered.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let half = answered.bytes.len() / 2;
        match ending {
            Ending::Whole => {
                head.push_str(&format!("content-length: {}\r\n\r\n", answered.bytes.len()));
                writer.write_all(&[head.as_bytes(), &answered.bytes].concat())?;
            }
            // More is announced than comes.
            Ending::Breaks => {
                head.push_str(&format!("content-length: {}\r\n\r\n", answered.bytes.len()));
                return writer.write_all(&[head.as_bytes(), &answered.bytes[..half]].concat());
            }
            Ending::Early => {
                head.push_str(&format!("content-length: {half}\r\n\r\n"));
                writer.write_all(&[head.as_bytes(), &answered.bytes[..half]].concat())?;
            }
        }
    }
}
