//! Reading single files of a `.zip` without the rest of it, each proven by the bundle's id.
//!
//! Both lists of digests and the table of contents stand at the end of the archive, so that one read of its last bytes is enough to know
//! the id and every digest; a second read brings a file. What is read so is what was sealed under this id. Whether everything else in
//! the archive is, only [`super::verify()`] says.

use std::collections::BTreeMap;
use std::io;

use super::archive::{Central, END, base, centrals, ending};
use super::content::MOST_SMALL;
use super::lists::{self, Listed};
use super::{MANIFEST, SIGNATURE, TAG_MANIFEST, TIMESTAMP};
use crate::digest::sha256_hex;

/// Bytes that can be read from any place on.
pub trait Ranges {
    /// How many there are.
    fn length(&self) -> u64;
    /// Exactly `length` bytes from `start` on; an error where there are fewer.
    fn read(&self, start: u64, length: usize) -> io::Result<Vec<u8>>;
}

/// What is read at once at the end: the lists and the table of contents of a usual bundle.
const TAIL: u64 = 192 * 1024;
/// A list of digests, unpacked.
const MOST_LIST: u64 = super::content::MOST_LIST;

/// A bundle of which single files are read.
#[derive(Debug)]
pub struct Members<R> {
    from: R,
    /// Where the bytes of the last read begin.
    tail_at: u64,
    tail: Vec<u8>,
    /// By name below the bundle's folder.
    entries: BTreeMap<String, Place>,
    /// What the lists say of the files below `data/`.
    digests: BTreeMap<String, String>,
    id: String,
}

/// An entry and where the next one begins.
#[derive(Debug)]
struct Place {
    central: Central,
    end: u64,
}

fn wrong(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl<R: Ranges> Members<R> {
    /// Reads the end of the archive. An error says what is wrong with it, or that it cannot be read.
    pub fn open(from: R) -> io::Result<Self> {
        let length = from.length();
        if length < END || length > u64::from(u32::MAX) {
            return Err(wrong("it is no zip archive of a bundle"));
        }
        let tail_at = length - length.min(TAIL);
        let mut members = Self { from, tail_at, tail: Vec::new(), entries: BTreeMap::new(), digests: BTreeMap::new(), id: String::new() };
        members.tail = members.from.read(tail_at, usize::try_from(length - tail_at).unwrap_or(usize::MAX))?;
        let last = members.tail.last_chunk::<{ END as usize }>().ok_or_else(|| wrong("it is no zip archive of a bundle"))?;
        let end = ending(last, length).map_err(wrong)?;
        let table = members.bytes(end.start, end.size)?;
        let mut centrals = centrals(&table, end.entries).map_err(wrong)?;
        centrals.sort_by_key(|central| central.offset);
        let ends: Vec<u64> = centrals.iter().skip(1).map(|central| central.offset).chain([end.start]).collect();
        let names: Vec<String> = centrals.iter().map(|central| String::from_utf8_lossy(&central.name).into_owned()).collect();
        let base = base(&names);
        for (name, (central, end)) in names.into_iter().zip(centrals.into_iter().zip(ends)) {
            let below = name.strip_prefix(base.as_str()).unwrap_or(&name).to_owned();
            if members.entries.insert(below, Place { central, end }).is_some() {
                return Err(wrong(format!("{name} stands twice in the archive")));
            }
        }
        members.lists()?;
        Ok(members)
    }

    /// The id and the digests.
    fn lists(&mut self) -> io::Result<()> {
        let good = |name: &str, listed: Listed| match listed.problems.first() {
            None => Ok(listed.digests),
            Some(problem) => Err(wrong(format!("{name}: {problem}"))),
        };
        let tags = self.unpacked(TAG_MANIFEST, MOST_LIST)?;
        let named = good(TAG_MANIFEST, lists::read(&tags))?;
        let manifest = self.unpacked(MANIFEST, MOST_LIST)?;
        if named.get(MANIFEST) != Some(&sha256_hex(&manifest)) {
            return Err(wrong(format!("{MANIFEST}: its digest is not the one in {TAG_MANIFEST}")));
        }
        self.digests = good(MANIFEST, lists::read(&manifest))?;
        self.digests.extend(named);
        self.id = sha256_hex(&tags);
        Ok(())
    }

    /// The bundle's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the archive holds such a file.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The files that are sealed, as names inside such as `data/summary.json`, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.digests.keys().map(String::as_str)
    }

    /// The digest of a file as it was sealed.
    pub fn digest(&self, name: &str) -> Option<&str> {
        self.digests.get(name).map(String::as_str)
    }

    /// The content of a file of at most so many bytes; its digest is the one that was sealed. `NotFound` when there is none of this name.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let content = self.unpacked(name, most)?;
        match self.digests.get(name) {
            Some(digest) if *digest == sha256_hex(&content) => Ok(content),
            Some(_) => Err(wrong(format!("{name}: it was changed: its digest is not the one that was sealed"))),
            None => Err(wrong(format!("{name}: it is not among the files that were sealed"))),
        }
    }

    /// The list of digests whose own digest is the id.
    pub fn list(&self) -> io::Result<Vec<u8>> {
        self.unpacked(TAG_MANIFEST, MOST_LIST)
    }

    /// A signature or a timestamp over that list, as it lies there: no list names it, and whoever reads it checks it.
    pub fn mark(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let is_mark = [SIGNATURE, TIMESTAMP].contains(&name) && self.has(name);
        is_mark.then(|| self.unpacked(name, MOST_SMALL)).transpose()
    }

    fn unpacked(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{name}: it is not there"));
        let Place { central, end } = self.entries.get(name).ok_or_else(missing)?;
        if u64::from(central.size) > most {
            return Err(wrong(format!("{name}: it is larger than {most} bytes")));
        }
        let bytes = self.bytes(central.offset, end.saturating_sub(central.offset))?;
        central.unpack(&bytes).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
    }

    /// From the end that was read already, where it reaches so far.
    fn bytes(&self, start: u64, length: u64) -> io::Result<Vec<u8>> {
        let size = usize::try_from(length).map_err(|_| wrong("it is larger than memory"))?;
        let known = start.checked_sub(self.tail_at).and_then(|at| usize::try_from(at).ok());
        if let Some(bytes) = known.and_then(|at| self.tail.get(at..at.checked_add(size)?)) {
            return Ok(bytes.to_vec());
        }
        if start.checked_add(length).is_none_or(|end| end > self.from.length()) {
            return Err(wrong("its table of contents does not fit the archive"));
        }
        self.from.read(start, size)
    }
}
