//! The measure that everything is compared with: the same lists, downloaded by a client that keeps nothing.

use futures::stream::{self, StreamExt};
use http::{Request, header::ACCEPT};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use kube_hipaa::collect::inventory::{Amount, inventory};
use kube_hipaa::model::RequestRecord;

/// As many lists at the same time as a scan reads.
const PARALLEL: usize = 8;
/// A list's `metadata`, with the continue token, stands before its objects.
const HEAD: usize = 4096;
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// One list: its first page and the media type that was asked for.
pub struct List {
    path: String,
    accept: &'static str,
}

/// The lists among the requests of a scan.
pub fn lists(requests: &[RequestRecord]) -> Vec<List> {
    let first = |request: &&RequestRecord| request.verb == "list" && request.status == Some(200) && !request.path.contains("&continue=");
    requests.iter().filter(first).map(|request| List { path: request.path.clone(), accept: accept(&request.path) }).collect()
}

fn accept(path: &str) -> &'static str {
    let place = path.split('?').next().unwrap_or_default();
    let entry = inventory().iter().find(|entry| entry.versions.iter().any(|version| entry.path(version) == place));
    if entry.is_some_and(|entry| entry.amount == Amount::Metadata) { METADATA } else { "application/json" }
}

/// Downloads all of them to their ends and gives the number of bytes and requests.
pub async fn discard(client: &Client, lists: &[List]) -> Result<(u64, u64), String> {
    let mut running = stream::iter(lists).map(|list| whole(client, list)).buffer_unordered(PARALLEL);
    let (mut bytes, mut requests) = (0, 0);
    while let Some(result) = running.next().await {
        let (more, pages) = result?;
        bytes += more;
        requests += pages;
    }
    Ok((bytes, requests))
}

async fn whole(client: &Client, list: &List) -> Result<(u64, u64), String> {
    let (mut bytes, mut pages) = (0, 0);
    let mut path = list.path.clone();
    loop {
        let (more, next) = page(client, &path, list.accept).await.map_err(|error| format!("{path}: {error}"))?;
        bytes += more;
        pages += 1;
        match next {
            Some(token) => path = format!("{}&continue={token}", list.path),
            None => return Ok((bytes, pages)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "what the program's own client costs is to be measured, so it is not used")]
async fn page(client: &Client, path: &str, accept: &str) -> Result<(u64, Option<String>), String> {
    let request = Request::builder().uri(path).header(ACCEPT, accept).body(Body::empty()).map_err(|error| error.to_string())?;
    let response = client.send(request).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(response.status().to_string());
    }
    let mut body = response.into_body();
    let (mut bytes, mut head) = (0, Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        let Some(data) = frame.data_ref() else { continue };
        bytes += data.len() as u64;
        if head.len() < HEAD {
            head.extend_from_slice(&data[..data.len().min(HEAD - head.len())]);
        }
    }
    Ok((bytes, token(&String::from_utf8_lossy(&head))))
}

/// Base64 without padding, which needs no encoding in a query.
fn token(head: &str) -> Option<String> {
    let metadata = &head[..head.find("\"items\":").unwrap_or(head.len())];
    let (_, rest) = metadata.split_once("\"continue\":\"")?;
    rest.split('"').next().filter(|token| !token.is_empty()).map(str::to_owned)
}

#[test]
fn the_token_is_that_of_the_list_and_not_of_an_object() {
    let with = r#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"eyJ2","remainingItemCount":3},"items":[]}"#;
    assert_eq!(token(with), Some("eyJ2".to_owned()));
    assert_eq!(token(r#"{"metadata":{"continue":""},"items":[]}"#), None);
    assert_eq!(token(r#"{"metadata":{},"items":[{"metadata":{"continue":"x"}}]}"#), None);
}
