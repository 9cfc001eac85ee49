//! How much an archive may unpack to: a small file can hold an endless one.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// All files of a snapshot together. A cluster of five thousand nodes stays below a tenth of it.
pub(super) const MAX_UNPACKED: u64 = 16 * 1024 * 1024 * 1024;

/// What was unpacked so far. A file that is read again counts once.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    most: u64,
    files: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Budget {
    pub(super) fn new(most: u64) -> Self {
        Self { most, files: Arc::default() }
    }

    /// `from`, which ends with an error when all files together exceed the limit.
    pub(super) fn counted<R>(&self, file: &str, from: R) -> Counted<R> {
        Counted { budget: self.clone(), file: file.to_owned(), so_far: 0, from }
    }

    fn allows(&self, file: &str, so_far: u64) -> bool {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let read = files.entry(file.to_owned()).or_default();
        *read = so_far.max(*read);
        files.values().try_fold(0_u64, |sum, read| sum.checked_add(*read)).is_some_and(|sum| sum <= self.most)
    }
}

/// A reader that counts.
pub(super) struct Counted<R> {
    budget: Budget,
    file: String,
    so_far: u64,
    from: R,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.so_far = self.so_far.saturating_add(n as u64);
        if self.budget.allows(&self.file, self.so_far) {
            Ok(n)
        } else {
            Err(io::Error::other(format!("the files of the snapshot unpack to more than {} bytes", self.budget.most)))
        }
    }
}
