//! A timestamp authority, asked over HTTP as RFC 3161, section 3.4 has it. No redirect is followed and no proxy asked: only the address
//! that was named is spoken to.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use ring::rand::{SecureRandom, SystemRandom};

use crate::signing::{Request, Timestamp};

/// How long an authority may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer of an authority is longer: a few certificates.
const MOST: usize = 256 * 1024;

/// Why there is no timestamp.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// The system has no randomness.
    #[error("cannot ask for a timestamp: this system gives no random numbers")]
    Chance,
    /// It is no address.
    #[error("cannot ask {url} for a timestamp: it is no address that begins with http:// or https://")]
    Address {
        /// What was named.
        url: String,
    },
    /// It cannot be reached.
    #[error("cannot ask {url} for a timestamp")]
    Unreachable {
        /// Whom.
        url: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It took too long.
    #[error("cannot ask {url} for a timestamp: it did not answer within {} seconds", PATIENCE.as_secs())]
    Slow {
        /// Who.
        url: String,
    },
    /// It answered something else.
    #[error("{url} gave no timestamp: {why}")]
    Answer {
        /// Who.
        url: String,
        /// What came.
        why: String,
    },
}

impl StampError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        const LATER: &str = "or seal without it, and add the timestamp later: kube-hipaa bundle BUNDLE -o STAMPED --timestamp-url URL (or --timestamp-request).";
        match self {
            Self::Chance => "Run it where the system's randomness can be read.".to_owned(),
            Self::Address { .. } => "Name the address of a timestamp authority (RFC 3161) such as http://tsa.example/tsr.".to_owned(),
            Self::Unreachable { .. } | Self::Slow { .. } => format!("Check the address and the network, and try again; {LATER}"),
            Self::Answer { .. } => format!("Check that the address is that of a timestamp authority (RFC 3161); {LATER}"),
        }
    }
}

/// Eight random bytes.
///
/// # Errors
/// Where the system has none.
pub fn nonce() -> Result<[u8; 8], StampError> {
    let mut nonce = [0; 8];
    SystemRandom::new().fill(&mut nonce).map_err(|_| StampError::Chance)?;
    Ok(nonce)
}

/// Asks for a timestamp over a message; the answer as it came. It is over this message, answers this request, and is signed.
///
/// # Errors
/// Where nobody answers, or the answer is no good timestamp.
pub async fn timestamp(url: &str, message: &[u8]) -> Result<Vec<u8>, StampError> {
    let request = Request::new(message, nonce()?);
    let uri: Uri = url.parse().map_err(|_| StampError::Address { url: url.to_owned() })?;
    if uri.host().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(StampError::Address { url: url.to_owned() });
    }
    // What stands before the host is a password, and is not printed.
    let url = shown(&uri);
    let answer = tokio::time::timeout(PATIENCE, send(&uri, request.bytes())).await.map_err(|_| StampError::Slow { url: url.clone() })?;
    let (status, bytes) = answer.map_err(|source| StampError::Unreachable { url: url.clone(), source })?;
    let fail = |why: String| StampError::Answer { url: url.clone(), why };
    if status.is_redirection() {
        return Err(fail(format!("it sends on to another address ({status}), which was not named")));
    }
    if status != StatusCode::OK {
        return Err(fail(format!("it answered {status}")));
    }
    let read = Timestamp::read(&bytes).map_err(fail)?;
    read.answers(&request).and_then(|()| read.check(message, None).map(drop)).map_err(fail)?;
    Ok(bytes)
}

fn shown(uri: &Uri) -> String {
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default(), uri.path())
}

async fn send(uri: &Uri, query: &[u8]) -> Result<(StatusCode, Vec<u8>), Box<dyn Error + Send + Sync>> {
    let (plain, secure) = (Client::builder(TokioExecutor::new()), Client::builder(TokioExecutor::new()));
    // The certificates of this system are only read where they are needed: a small image may have none.
    if uri.scheme_str() == Some("https") {
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http1().build();
        ask(&secure.build(connector), uri, query).await
    } else {
        ask(&plain.build_http(), uri, query).await
    }
}

/// Bytes that can be sent as one piece.
type Body = Full<VecDeque<u8>>;

async fn ask<C>(client: &Client<C, Body>, uri: &Uri, query: &[u8]) -> Result<(StatusCode, Vec<u8>), Box<dyn Error + Send + Sync>>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(CONTENT_TYPE, "application/timestamp-query")
        .header(USER_AGENT, concat!("kube-hipaa/", env!("CARGO_PKG_VERSION")))
        .body(Body::new(VecDeque::from(query.to_vec())))?;
    let response = client.request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MOST).collect().await?;
    Ok((status, body.to_bytes().to_vec()))
}
