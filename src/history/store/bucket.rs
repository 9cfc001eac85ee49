//! A store in a bucket, spoken to through object_store.

#![expect(clippy::disallowed_methods, reason = "the environment says how a bucket is reached; what is written to it is a file")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    BackoffConfig, GetOptions, GetRange, ListResult, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
};
use tokio::runtime::Runtime;

use super::address::Kind;
use super::error::{Failure, StoreError};
use super::place::{Created, Listed, Place};
use super::reach::{Own, Reached};
use super::retention::{Kept, Retention};

/// Larger archives are written in parts.
const ONE_PIECE: u64 = 32 * 1024 * 1024;
/// The size of a part. The largest bundle has 256 of them, a bucket takes 10,000.
const PART: usize = 16 * 1024 * 1024;
/// How often the whole of a write is tried, beside what object_store tries by itself.
const TRIES: u32 = 3;

#[derive(Debug)]
pub(super) struct Bucket {
    shown: String,
    prefix: Path,
    reached: Reached,
    runtime: Runtime,
    /// Archives from this size on are written in parts.
    one_piece: u64,
}

/// How long the answers of a store are waited for.
pub(super) fn patience() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(10), base: 2.0 },
        max_retries: 8,
        retry_timeout: Duration::from_secs(60),
    }
}

impl Bucket {
    /// Nothing is asked of it yet.
    pub(super) fn open(kind: Kind, bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        let scheme = match kind {
            Kind::S3 => "s3",
            Kind::Gcs => "gs",
            Kind::Azure => "az",
        };
        let shown = [&format!("{scheme}://{bucket}"), prefix]
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| part.to_string())
            .collect::<Vec<_>>()
            .join("/");
        let reached = Reached::new(kind, bucket, &shown)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|source| StoreError::Failed {
            what: "start what speaks to it".to_owned(),
            place: shown.clone(),
            kind: Failure::Other,
            source,
        })?;
        // Only S3 takes the last step of an upload in parts with the condition that nothing is there.
        let one_piece = if kind == Kind::S3 { ONE_PIECE } else { u64::MAX };
        Ok(Self { shown, prefix: Path::from(prefix), reached, runtime, one_piece })
    }

    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.reached.store
    }

    fn path(&self, path: &str) -> Path {
        // Names were looked at before; what comes from a listing is one of them.
        path.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn fail(&self, what: impl Into<String>) -> impl FnOnce(object_store::Error) -> StoreError {
        let (what, place) = (what.into(), self.shown.clone());
        move |error| {
            use object_store::Error as E;
            let kind = match &error {
                E::NotFound { .. } => Failure::Missing,
                E::PermissionDenied { .. } | E::Unauthenticated { .. } => Failure::Refused,
                E::AlreadyExists { .. } | E::Precondition { .. } => Failure::Exists,
                // Of a list the library keeps the status in its words only.
                E::Generic { .. } => of_words(&words(&error)),
                _ => Failure::Other,
            };
            StoreError::Failed { what, place, kind, source: io::Error::other(words(&error)) }
        }
    }

    fn list_all(&self, path: Option<&Path>, after: Option<&Path>) -> Result<Vec<object_store::ObjectMeta>, object_store::Error> {
        self.runtime.block_on(async {
            let mut stream = match after {
                Some(after) => self.store().list_with_offset(path, after),
                None => self.store().list(path),
            };
            let mut all = Vec::new();
            while let Some(one) = stream.next().await {
                all.push(one?);
            }
            Ok(all)
        })
    }

    /// Only the names that begin as bundles do: with a year.
    fn list_years(&self, folder: &Path) -> Result<Vec<object_store::ObjectMeta>, object_store::Error> {
        let Own::S3(s3) = &self.reached.own else { return self.list_all(Some(folder), None) };
        let (prefix, mut all, mut page_token) = (format!("{folder}/2"), Vec::new(), None);
        loop {
            let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
            let page = self.runtime.block_on(s3.list_paginated(Some(&prefix), options))?;
            all.extend(page.result.objects);
            page_token = page.page_token;
            if page_token.is_none() {
                return Ok(all);
            }
        }
    }

    /// One try of writing.
    fn write(&self, path: &Path, from: &FilePath, length: u64) -> Result<(), WriteError> {
        if length <= self.one_piece {
            let bytes = std::fs::read(from).map_err(WriteError::Disk)?;
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            return self
                .runtime
                .block_on(self.store().put_opts(path, PutPayload::from(bytes), options))
                .map(drop)
                .map_err(WriteError::Store);
        }
        let mut file = File::open(from).map_err(WriteError::Disk)?;
        self.runtime.block_on(async {
            let mut upload = self.store().put_multipart(path).await.map_err(WriteError::Store)?;
            let written = async {
                loop {
                    let mut part = Vec::with_capacity(PART);
                    (&mut file).take(PART as u64).read_to_end(&mut part).map_err(WriteError::Disk)?;
                    if part.is_empty() {
                        break;
                    }
                    upload.put_part(part.into()).await.map_err(WriteError::Store)?;
                }
                upload.complete().await.map(drop).map_err(WriteError::Store)
            };
            let written = written.await;
            if written.is_err() {
                // Parts that nobody completes are no file. If this fails, too, the store's own rules remove them.
                let _given_up = upload.abort().await;
            }
            written
        })
    }

    fn is_there(&self, path: &Path) -> Result<bool, object_store::Error> {
        match self.runtime.block_on(self.store().head(path)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

enum WriteError {
    Disk(io::Error),
    Store(object_store::Error),
}

/// What kind of failure an answer was.
fn of_words(words: &str) -> Failure {
    let status = words.split_once("status code: ").map_or("", |(_, status)| status);
    match status.get(..3) {
        Some("401" | "403") => Failure::Refused,
        Some("404") => Failure::Missing,
        Some(status) if status.starts_with('4') && !matches!(status, "408" | "429") => Failure::Other,
        _ => Failure::Unavailable,
    }
}

/// The words of an error and its causes, each once.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let more = source.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = source.source();
    }
    text
}

impl Place for Bucket {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn ready(&self) -> Result<(), StoreError> {
        // A folder that no cluster has: the answer is short.
        self.list_all(Some(&self.path("none")), None).map(drop).map_err(self.fail("list the clusters"))
    }

    fn top(&self) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let listed = self.runtime.block_on(self.store().list_with_delimiter(prefix));
        let ListResult { common_prefixes, objects, .. } = listed.map_err(self.fail("list the clusters"))?;
        let last = |path: &Path| path.filename().unwrap_or_default().to_owned();
        let mut folders: Vec<String> = common_prefixes.iter().map(last).collect();
        let mut files: Vec<String> = objects.iter().map(|object| last(&object.location)).collect();
        folders.sort();
        files.sort();
        Ok((folders, files))
    }

    fn list(&self, cluster: &str, after: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        let folder = self.path(cluster);
        let offset = after.map(|after| folder.clone().join(after));
        let mut odd = None;
        let listed = match self.list_all(Some(&folder), offset.as_ref()) {
            // One odd name must not hide the others.
            Err(object_store::Error::InvalidPath { source }) => {
                odd = Some(format!("a name that cannot be read ({source})"));
                self.list_years(&folder)
            }
            listed => listed,
        };
        let listed = listed.map_err(self.fail(format!("list the bundles of {cluster}")))?;
        let below = format!("{folder}/");
        let name = |path: &Path| path.as_ref().strip_prefix(&below).unwrap_or(path.as_ref()).to_owned();
        let mut listed: Vec<Listed> = listed.iter().map(|object| Listed { name: name(&object.location), bytes: object.size }).collect();
        // A store that does not know offsets says everything.
        listed.retain(|one| after.is_none_or(|after| one.name.as_str() > after));
        listed.extend(odd.map(|name| Listed { name, bytes: 0 }));
        listed.sort();
        Ok(listed)
    }

    fn range(&self, path: &str, start: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let what = || format!("read {path}");
        let place = self.path(path);
        let read = self.store().get_range(&place, start..start.saturating_add(length as u64));
        let bytes = self.runtime.block_on(read).map_err(self.fail(what()))?;
        if bytes.len() == length {
            return Ok(bytes.into());
        }
        let source = io::Error::from(io::ErrorKind::UnexpectedEof);
        Err(StoreError::Failed { what: what(), place: self.shown.clone(), kind: Failure::Other, source })
    }

    fn copy(&self, path: &str, to: &mut dyn Write) -> Result<Retention, StoreError> {
        let what = || format!("read {path}");
        let place = self.path(path);
        let from_disk = |source| StoreError::Failed { what: what(), place: self.shown.clone(), kind: Failure::Other, source };
        let heard = self.reached.listening();
        let options = GetOptions { range: None::<GetRange>, extensions: heard.extensions(), ..GetOptions::default() };
        self.runtime.block_on(async {
            let got = self.store().get_opts(&place, options).await.map_err(self.fail(what()))?;
            let mut stream = got.into_stream();
            while let Some(bytes) = stream.next().await {
                to.write_all(&bytes.map_err(self.fail(what()))?).map_err(from_disk)?;
            }
            Ok::<(), StoreError>(())
        })?;
        Ok(self.runtime.block_on(self.reached.retention(&place, &heard)))
    }

    fn local(&self, _path: &str) -> Option<std::path::PathBuf> {
        None
    }

    fn create(&self, path: &str, from: &FilePath) -> Result<Created, StoreError> {
        let what = || format!("write {path}");
        let from_disk = |source| StoreError::Failed { what: what(), place: self.shown.clone(), kind: Failure::Other, source };
        let length = std::fs::metadata(from).map_err(from_disk)?.len();
        let place = self.path(path);
        // There are stores that do not know the condition, and would replace it.
        if self.is_there(&place).is_ok_and(|there| there) {
            return Ok(Created::Exists);
        }
        let mut wait = Duration::from_millis(200);
        for tries_left in (0..TRIES).rev() {
            let error = match self.write(&place, from, length) {
                Ok(()) => return Ok(Created::New),
                Err(WriteError::Disk(source)) => return Err(from_disk(source)),
                Err(WriteError::Store(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })) => {
                    return Ok(Created::Exists);
                }
                Err(WriteError::Store(error)) => error,
            };
            let is_final = matches!(
                error,
                object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. }
                    | object_store::Error::NotSupported { .. }
                    | object_store::Error::NotImplemented { .. }
            );
            // The answer may have been lost after the write went through: then it is there.
            if !is_final && self.is_there(&place).is_ok_and(|there| there) {
                return Ok(Created::Exists);
            }
            if is_final || tries_left == 0 {
                return Err(self.fail(what())(error));
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        Ok(Created::Exists)
    }

    fn rules(&self) -> Retention {
        let rules = self.runtime.block_on(self.reached.rules());
        debug_assert!(!matches!(rules.kept, Kept::Until { .. }), "a time is said of one bundle only");
        rules
    }
}
