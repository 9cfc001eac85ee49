//! Why a request brought no usable answer.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::Deserialize;

use super::{AUDIT_ID, MAX_BODY};

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::collect) enum Failure {
    /// The server answered with an error.
    Status {
        /// The request's number.
        request: u64,
        code: u16,
        message: String,
        /// A Kubernetes API said it and not something in between: the body was a Status object, or what the API server says of a path that it
        /// does not have.
        from_api: bool,
        retry_after: Option<Duration>,
        continue_token: Option<String>,
        /// Of which object it speaks.
        name: Option<String>,
    },
    /// The answer did not come, or not whole.
    Transport(String),
    /// The answer came and is not what was asked for.
    Garbage(String),
    /// It would take more memory than one answer may.
    TooLarge,
    /// The credentials could not be renewed.
    Credentials(String),
    /// This one took too long.
    Timeout(Duration),
    /// The time for everything is over.
    Deadline,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status { code, message, .. } => write!(f, "the server answered {code}: {message}"),
            Self::Transport(why) => write!(f, "no whole answer: {why}"),
            Self::Garbage(why) => write!(f, "not an answer of a Kubernetes API: {why}"),
            Self::TooLarge => write!(f, "the answer is larger than {} MiB", MAX_BODY / 1024 / 1024),
            Self::Credentials(why) => f.write_str(why),
            Self::Timeout(after) => write!(f, "no answer within {} s", after.as_secs_f64()),
            Self::Deadline => f.write_str("deadline: the time for the whole collection was over"),
        }
    }
}

impl Failure {
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status { code, .. } => *code == 429 || *code == 408 || *code >= 500,
            Self::Transport(_) | Self::Garbage(_) | Self::Timeout(_) => true,
            Self::TooLarge | Self::Credentials(_) | Self::Deadline => false,
        }
    }
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    kind: String,
    message: String,
    reason: String,
    metadata: StatusMetadata,
    details: StatusDetails,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusDetails {
    name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusMetadata {
    #[serde(rename = "continue")]
    continue_token: Option<String>,
}

pub(super) fn status_failure(request: u64, code: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
    let status: Status = serde_json::from_slice(body).unwrap_or_default();
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
    let is_status = status.kind == "Status";
    // The last handler of an API server answers in plain text, and so did the first versions of /flagz and /statusz.
    let is_servers_own = headers.contains_key(AUDIT_ID)
        && kind.starts_with("text/plain")
        && match code {
            404 => body.trim_ascii_end() == b"404 page not found",
            code => code == 406,
        };
    let from_api = is_status || is_servers_own;
    let message = match (is_status, status.message.is_empty(), status.reason.is_empty()) {
        (true, false, _) => status.message,
        (true, true, false) => status.reason,
        // A proxy's page, for example: its text is not ours to repeat.
        _ => format!("(no reason given, {kind})"),
    };
    let retry_after =
        headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
    let continue_token = status.metadata.continue_token.filter(|token| !token.is_empty());
    let name = status.details.name.filter(|_| is_status);
    Failure::Status { request, code, message, from_api, retry_after, continue_token, name }
}
