//! What stands beside `data/`.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::{BAG_INFO, BAGIT, MANIFEST, README, TAG_MANIFEST, info, lists, readme};
use crate::digest::{Hasher, sha256_hex};

/// What a bundle is about.
#[derive(Clone, Debug)]
pub struct About {
    /// Version of the program that seals.
    pub version: String,
    /// The cluster's name.
    pub cluster: String,
    /// Its identity, where it was read.
    pub uid: Option<String>,
    /// Begin of the collection, RFC 3339 UTC.
    pub started: String,
    /// End of the collection, RFC 3339 UTC.
    pub finished: String,
}

/// Size and SHA-256 of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digested {
    /// Bytes.
    pub size: u64,
    /// 64 hex digits.
    pub sha256: String,
}

/// What passes through is counted and digested.
#[derive(Debug)]
pub struct Counting<W> {
    to: W,
    hash: Hasher,
    size: u64,
}

impl<W: Write> Counting<W> {
    /// Writes on to `to`.
    pub fn new(to: W) -> Self {
        Self { to, hash: Hasher::default(), size: 0 }
    }
    /// What has passed.
    pub fn finish(self) -> Digested {
        Digested { size: self.size, sha256: self.hash.finish() }
    }
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.to.write(bytes)?;
        self.hash.update(bytes.get(..n).unwrap_or(bytes));
        self.size += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Digested {
    /// Of all that can be read.
    pub fn of(mut from: impl Read) -> io::Result<Self> {
        let mut to = Counting::new(io::sink());
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(to.finish()),
                Ok(n) => to.write_all(buffer.get(..n).unwrap_or(&buffer))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The files beside `data/`, and the id that follows.
#[derive(Debug)]
pub struct Sealed {
    /// By name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// SHA-256 of the last list.
    pub id: String,
}

/// Seals a payload: names that begin with `data/`.
pub fn tag_files(payload: &BTreeMap<String, Digested>, about: &About) -> Sealed {
    let bytes = payload.values().map(|file| file.size).sum();
    let oxum = info::oxum(bytes, payload.len() as u64);
    let manifest = lists::list(payload.iter().map(|(name, file)| (name, &file.sha256)));
    let texts =
        [(BAGIT.0, BAGIT.1.to_owned()), (BAG_INFO, info::written(about, &oxum)), (README, readme::written(about)), (MANIFEST, manifest)];
    let mut files: BTreeMap<String, Vec<u8>> = texts.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect();
    let digests: BTreeMap<String, String> = files.iter().map(|(name, bytes)| (name.clone(), sha256_hex(bytes))).collect();
    let tags = lists::list(&digests).into_bytes();
    let id = sha256_hex(&tags);
    files.insert(TAG_MANIFEST.to_owned(), tags);
    Sealed { files, id }
}

/// The folder in an archive, so that two that are unpacked beside each other stay apart: time of the collection and begin of the id.
pub fn base_name(finished: &str, id: &str) -> String {
    // Without fractions of a second.
    let compact: String = finished.chars().filter(char::is_ascii_alphanumeric).take("20261128T160300".len()).collect();
    format!("kube-hipaa-{compact}Z-{}", id.get(..12).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_named_after_time_and_id() {
        let id = sha256_hex(b"abc");
        for time in ["2026-11-28T16:03:00Z", "2026-11-28T16:03:00.993Z"] {
            assert_eq!(base_name(time, &id), "kube-hipaa-20261128T160300Z-ba7816bf8f01");
        }
        assert_eq!(super::super::odd(&base_name("../\n", "")), None, "whatever the time says");
    }
}
