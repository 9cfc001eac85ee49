//! What a server of the tests answers, and how that goes over the wire.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};

/// One answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// What the server has under that path.
    Normal,
    /// A status code and a JSON body.
    Json(u16, Value),
    /// A status code, a content type and any bytes.
    Raw(u16, &'static str, Vec<u8>),
    /// A Status object with a code and a message.
    Status(u16, &'static str),
    /// 429 with Retry-After.
    TooMany(u64),
    /// 410, with a token to go on inconsistently.
    Expired,
    /// The normal answer, after a while.
    Slow(Duration),
    /// The connection breaks in the middle of the normal answer.
    BreaksOff,
    /// The same, but not before the next page of the list was asked for: the half that came says how.
    BreaksOffLate,
    /// The normal answer ends early, without an error on the connection.
    CutOff,
    /// No connection.
    Refused,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Whole,
    /// In the middle, with an error of the connection.
    Breaks,
    /// In the middle, as if that was all.
    Early,
}

/// The answer as the client gets it.
pub fn response(reply: Reply, ending: Ending, headers: &[(&str, &str)]) -> http::Result<Response<Answer>> {
    let (code, kind, bytes) = rendered(reply);
    // What the API server itself says has an id in its audit log.
    let is_own = bytes == b"404 page not found\n" || kind.starts_with("text/plain; charset");
    let mut builder = Response::builder().status(code.0).header("content-type", kind);
    if is_own {
        builder = builder.header("audit-id", "1-2-3");
    }
    if let Some(seconds) = code.1 {
        builder = builder.header("retry-after", seconds);
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body(bytes, ending))
}

/// The body of an answer, perhaps its first half.
pub type Answer = StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

/// A body that ends so.
pub fn body(bytes: Vec<u8>, ending: Ending) -> Answer {
    let length = if ending == Ending::Whole { bytes.len() } else { bytes.len() / 2 };
    let end = (ending == Ending::Breaks).then(broken_off);
    let first = Ok(Frame::data(Bytes::from(bytes).slice(..length)));
    StreamBody::new(stream::iter([first].into_iter().chain(end).collect::<Vec<_>>()).boxed())
}

fn broken_off() -> Result<Frame<Bytes>, std::io::Error> {
    Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
}

/// A body whose first half comes, and which breaks off when something has happened.
pub fn body_until(bytes: Vec<u8>, happened: impl Future<Output = ()> + Send + 'static) -> Answer {
    let length = bytes.len() / 2;
    let first = Ok(Frame::data(Bytes::from(bytes).slice(..length)));
    let end = stream::once(async move {
        happened.await;
        broken_off()
    });
    StreamBody::new(stream::iter([first]).chain(end).boxed())
}

/// As the API server writes it: what a list says about itself stands before its items.
pub fn in_order(value: &Value) -> String {
    const FIRST: [&str; 3] = ["kind", "apiVersion", "metadata"];
    let Some(fields) = value.as_object().filter(|fields| fields.contains_key("items")) else { return value.to_string() };
    let first = FIRST.iter().filter_map(|name| Some((*name, fields.get(*name)?)));
    let rest = fields.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !FIRST.contains(name));
    let all: Vec<String> = first.chain(rest).map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", all.join(","))
}

/// Code with Retry-After, content type, body.
pub fn rendered(reply: Reply) -> ((u16, Option<u64>), &'static str, Vec<u8>) {
    let status = |code: u16, message: &str, token: Option<&str>| json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message, "metadata": {"continue": token}});
    match reply {
        Reply::Json(code, value) => ((code, None), "application/json", in_order(&value).into_bytes()),
        Reply::Raw(code, kind, bytes) => ((code, None), kind, bytes),
        Reply::Status(code, message) => rendered(Reply::Json(code, status(code, message, None))),
        Reply::TooMany(seconds) => {
            let (_, kind, bytes) = rendered(Reply::Status(429, "too many requests"));
            ((429, Some(seconds)), kind, bytes)
        }
        Reply::Expired => rendered(Reply::Json(410, status(410, "the provided continue parameter is too old", Some("inconsistent-500")))),
        other => panic!("not an answer: {other:?}"),
    }
}
