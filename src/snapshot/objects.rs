//! Reading objects back, one at a time.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::sync::Arc;

use flate2::read::GzDecoder;

use super::SnapshotError;
use super::budget::Budget;
use super::laid::{Key, over};
use super::line::{self, BadLine};
use super::store::Store;
use crate::model::{Page, SnapshotIndex, SourceId};

/// One object as it was stored, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// The redacted object.
    pub json: String,
    /// SHA-256 of `json`, 64 hex digits.
    pub sha256: String,
    /// The number of the request that brought it.
    pub request: Option<u64>,
    /// When the answer was received, RFC 3339 UTC.
    pub collected_at: Arc<str>,
}

/// The objects of one source. Ends after the first error.
pub struct Objects<'a>(Box<dyn Iterator<Item = Result<StoredObject, SnapshotError>> + Send + 'a>);

impl std::fmt::Debug for Objects<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}

impl Iterator for Objects<'_> {
    type Item = Result<StoredObject, SnapshotError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a> Objects<'a> {
    pub(super) fn open(store: &'a Store, unpacked: &Budget, index: &'a SnapshotIndex, source: &SourceId) -> Result<Self, SnapshotError> {
        let record = index.record(source);
        let pages = Pages::new(record.map_or(&[], |record| &record.pages), &index.collected.finished);
        if let Store::Memory(objects) = store {
            let Some(objects) = objects.get(source) else { return Ok(Self(Box::new(std::iter::empty()))) };
            let mut pages = pages;
            return Ok(Self(Box::new(
                objects.iter().map(move |json| Ok(pages.stored(json.clone(), crate::digest::sha256_hex(json.as_bytes())))),
            )));
        }
        let Some(file) = record.and_then(|record| record.file.clone()) else { return Ok(Self(Box::new(std::iter::empty()))) };
        match store.file(&file) {
            Ok(bytes) => Ok(Self(Box::new(Lines {
                place: store.place(),
                from: Some(BufReader::with_capacity(64 * 1024, unpacked.counted(&file, GzDecoder::new(BufReader::new(bytes))))),
                file,
                buffer: Vec::new(),
                pages,
            }))),
            Err(error) => Err(SnapshotError::Damaged { place: store.place(), file, why: format!("cannot be read any more ({error})") }),
        }
    }

    pub(super) fn laid_over(self, laid: &'a BTreeMap<Key, Option<String>>, collected: &'a str) -> Self {
        Self(Box::new(over(self.0, laid, collected)))
    }

    pub(super) fn limited(self, limit: u64) -> Self {
        Self(Box::new(self.0.take(usize::try_from(limit).unwrap_or(usize::MAX))))
    }

    /// Fisher-Yates with SplitMix64: an order, not randomness.
    pub(super) fn shuffled(self, seed: u64) -> Result<Self, SnapshotError> {
        let mut all = self.0.collect::<Result<Vec<_>, _>>()?;
        let mut state = seed;
        for i in (1..all.len()).rev() {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            let j = usize::try_from(mixed % (i as u64 + 1)).unwrap_or(i);
            all.swap(i, j);
        }
        Ok(Self(Box::new(all.into_iter().map(Ok))))
    }
}

/// Which page the next object belongs to.
struct Pages<'a> {
    rest: std::slice::Iter<'a, Page>,
    current: Option<(&'a Page, Arc<str>)>,
    left: u64,
    otherwise: Arc<str>,
}

impl<'a> Pages<'a> {
    fn new(pages: &'a [Page], otherwise: &'a str) -> Self {
        Self { rest: pages.iter(), current: None, left: 0, otherwise: otherwise.into() }
    }
    /// The request that brought the next object, and when.
    fn next(&mut self) -> Option<(u64, &Arc<str>)> {
        while self.left == 0 {
            let page = self.rest.next()?;
            self.left = page.items;
            self.current = Some((page, page.received.as_str().into()));
        }
        self.left -= 1;
        self.current.as_ref().map(|(page, received)| (page.request, received))
    }
    fn stored(&mut self, json: String, sha256: String) -> StoredObject {
        let (request, received) = self.next().map(|(request, received)| (request, Arc::clone(received))).unzip();
        StoredObject { json, sha256, request, collected_at: received.unwrap_or_else(|| Arc::clone(&self.otherwise)) }
    }
}

struct Lines<'a, R> {
    place: String,
    file: String,
    /// Gone after the end or an error.
    from: Option<BufReader<R>>,
    buffer: Vec<u8>,
    pages: Pages<'a>,
}

impl<R: Read> Lines<'_, R> {
    fn damaged(&self, why: String) -> SnapshotError {
        SnapshotError::Damaged { place: self.place.clone(), file: self.file.clone(), why }
    }
}

impl<R: Read> Iterator for Lines<'_, R> {
    type Item = Result<StoredObject, SnapshotError>;
    fn next(&mut self) -> Option<Self::Item> {
        let mut from = self.from.take()?;
        match line::read(&mut from, &mut self.buffer) {
            Ok(Some((json, sha256))) => {
                let stored = self.pages.stored(json, sha256);
                if stored.request.is_none() {
                    return Some(Err(self.damaged("holds more objects than its pages say".to_owned())));
                }
                self.from = Some(from);
                Some(Ok(stored))
            }
            Ok(None) if self.pages.next().is_some() => Some(Err(self.damaged("holds fewer objects than its pages say".to_owned()))),
            Ok(None) => None,
            Err(BadLine::Io(error)) => Some(Err(self.damaged(format!("cannot be unpacked ({error})")))),
            Err(BadLine::Form(why)) => Some(Err(self.damaged(why.to_owned()))),
        }
    }
}
