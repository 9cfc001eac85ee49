//! Reading the `.zip` form.
//!
//! Programs that unpack archives are lenient, each in its own way: of two entries of one name one shows the first, another the last; one
//! believes the table of contents, another the header before the data. What is verified here must be what every one of them would unpack.
//! So only archives are taken of which there is one reading: every byte belongs to one entry, both headers say the same, no name
//! comes twice. That is why this does not go through a library, which would hide all of that.

#![expect(clippy::disallowed_methods, reason = "a bundle is files")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::bag::{Found, MOST_FILES};
use super::names::odd;
use super::verify::{Problem, ProblemKind};

/// Where the bytes of the archive are.
#[derive(Debug)]
pub(super) enum Bytes {
    File(PathBuf),
    Memory(Vec<u8>),
}

/// One file of the archive.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

/// An archive whose table of contents was read.
#[derive(Debug)]
pub(super) struct Archive {
    bytes: Bytes,
    /// By name below the bundle's folder.
    entries: BTreeMap<String, Entry>,
    /// What was found, good or not.
    pub(super) found: BTreeMap<String, Found>,
    pub(super) problems: Vec<Problem>,
}

/// The table of contents ends with this many bytes.
pub(super) const END: u64 = 22;
/// The part of a local header before the name.
const LOCAL: u64 = 30;
/// The part of an entry of the table of contents before the name.
const CENTRAL: usize = 46;
/// Folders have entries, too.
const MOST_ENTRIES: usize = 2 * MOST_FILES;
/// The table of contents of so many files with the longest names.
const MOST_CONTENTS: u64 = 40 * 1024 * 1024;
/// Flags that change nothing about what is unpacked: how hard it was packed (1, 2), sizes after the data (3), the name is UTF-8 (11).
const HARMLESS_FLAGS: u16 = 0b1000_0000_1110;
/// The sizes stand behind the data.
const SIZES_AFTER: u16 = 0b1000;
/// Additional fields with times and owners, as usual programs add them. Others can give an entry another name.
const HARMLESS_EXTRAS: [u16; 5] = [0x5455, 0x7875, 0x7855, 0x5855, 0x000a];

impl Archive {
    /// Reads the table of contents. What is no archive is one with a problem.
    pub(super) fn open(bytes: Bytes) -> io::Result<Self> {
        let contents = match &bytes {
            Bytes::File(path) => {
                let file = File::open(path)?;
                let length = file.metadata()?.len();
                Contents::read(&mut BufReader::with_capacity(1024, file), length)
            }
            Bytes::Memory(memory) => Contents::read(&mut Cursor::new(memory), memory.len() as u64),
        };
        let mut archive = Self { bytes, entries: BTreeMap::new(), found: BTreeMap::new(), problems: Vec::new() };
        match contents {
            Ok(contents) => archive.fill(contents),
            Err(Unreadable::Form(why)) => archive.problem("", ProblemKind::Archive, why),
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                archive.problem("", ProblemKind::Archive, "it is cut off");
            }
            Err(Unreadable::Io(error)) => return Err(error),
        }
        Ok(archive)
    }

    fn problem(&mut self, file: &str, kind: ProblemKind, what: &str) {
        self.problems.push(Problem { file: file.to_owned(), kind, what: what.to_owned() });
    }

    fn fill(&mut self, contents: Contents) {
        let base = base(&contents.names);
        let mut folders = Vec::new();
        for (name, (entry, wrong)) in contents.names.into_iter().zip(contents.entries) {
            let Some(below) = name.strip_prefix(base.as_str()) else {
                self.problem(&name, ProblemKind::Added, "it stands outside of the bundle's folder");
                continue;
            };
            if below.is_empty() || name.ends_with('/') {
                let trimmed = below.trim_end_matches('/');
                if let Some(why) = odd(trimmed).filter(|_| !trimmed.is_empty()) {
                    self.problem(&name, ProblemKind::Name, why);
                }
                folders.push(below.to_owned());
                if let Some(why) = wrong.or((entry.size > 0).then_some("it is a folder with content")) {
                    self.problem(&name, ProblemKind::Archive, why);
                }
                continue;
            }
            if self.found.insert(below.to_owned(), Found::File(entry.size)).is_some() {
                self.problem(below, ProblemKind::Archive, "it stands twice in the archive");
            }
            if let Some(why) = wrong {
                self.problem(below, ProblemKind::Archive, why);
                self.found.insert(below.to_owned(), Found::Other);
            }
            self.entries.insert(below.to_owned(), entry);
        }
        folders.sort();
        for pair in folders.windows(2).filter(|pair| pair.first() == pair.last()) {
            self.problem(&pair.concat(), ProblemKind::Archive, "it stands twice in the archive");
        }
        for folder in folders.into_iter().filter(|folder| !folder.is_empty()) {
            let next = self.found.range(folder.clone()..).next();
            if !next.is_some_and(|(name, _)| name.starts_with(&folder)) {
                self.problem(&folder, ProblemKind::Added, "it is an empty folder");
            }
        }
        if let Some(why) = odd(base.trim_end_matches('/')).filter(|_| !base.is_empty()) {
            self.problem(&base, ProblemKind::Name, why);
        }
    }

    /// The unpacked bytes of a file; reading them to the end checks size and checksum.
    pub(super) fn read(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        let entry = self.entries.get(name).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(match &self.bytes {
            Bytes::File(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(entry.start))?;
                unpacked(file, entry)
            }
            Bytes::Memory(memory) => {
                let mut cursor = Cursor::new(memory.as_slice());
                cursor.set_position(entry.start);
                unpacked(cursor, entry)
            }
        })
    }
}

/// The folder in the archive that is the bundle, with its slash: that of `bagit.txt`. Without one, the only folder at the top.
pub(super) fn base(names: &[String]) -> String {
    if names.iter().any(|name| name == super::BAGIT.0) {
        return String::new();
    }
    let of_bag = |name: &String| {
        let folder = name.strip_suffix(super::BAGIT.0)?;
        (folder.ends_with('/') && folder.matches('/').count() == 1).then(|| folder.to_owned())
    };
    let top = |name: &String| name.split_once('/').map(|(top, _)| format!("{top}/"));
    names
        .iter()
        .find_map(of_bag)
        .or_else(|| {
            let first = names.first().and_then(top)?;
            names.iter().all(|name| name.starts_with(&first)).then_some(first)
        })
        .unwrap_or_default()
}

enum Unreadable {
    Io(io::Error),
    Form(&'static str),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[derive(Default)]
struct Contents {
    names: Vec<String>,
    /// Each with what is wrong with it.
    entries: Vec<(Entry, Option<&'static str>)>,
}

/// An entry of the table of contents as it stands there.
#[derive(Clone, Debug)]
pub(super) struct Central {
    pub(super) name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    pub(super) size: u32,
    pub(super) offset: u64,
    wrong: Option<&'static str>,
}

impl Central {
    /// The unpacked content. `bytes` begin with the header before the data and hold all of the data.
    pub(super) fn unpack(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut at_start = Cursor::new(bytes);
        let here = Self { offset: 0, ..self.clone() };
        let (start, differs) = match local(&mut at_start, &here) {
            Ok(read) => read,
            Err(Unreadable::Io(error)) => return Err(error),
            Err(Unreadable::Form(why)) => return Err(wrong(why)),
        };
        if let Some(why) = self.wrong.or(differs) {
            return Err(wrong(why));
        }
        let (packed, size) = (u64::from(self.packed), u64::from(self.size));
        let data = usize::try_from(start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        let mut content = Vec::new();
        unpacked(data, Entry { start, packed, size, crc: self.crc, deflated: self.method == 8 }).read_to_end(&mut content)?;
        Ok(content)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

impl Contents {
    fn read(from: &mut (impl Read + Seek), length: u64) -> Result<Self, Unreadable> {
        if length > u64::from(u32::MAX) {
            return Err(Unreadable::Form("it is larger than any bundle"));
        }
        let mut first = [0; 4];
        if length < END || from.read_exact(&mut first).is_err() || !first.starts_with(b"PK") {
            return Err(Unreadable::Form("it is no zip archive"));
        }
        from.seek(SeekFrom::Start(length - END))?;
        let mut end = [0; END as usize];
        from.read_exact(&mut end)?;
        let End { entries, start, size } = ending(&end, length).map_err(Unreadable::Form)?;
        from.seek(SeekFrom::Start(start))?;
        let mut table = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        from.read_exact(&mut table)?;
        let centrals = centrals(&table, entries).map_err(Unreadable::Form)?;
        Self::placed(from, centrals, start)
    }

    /// Compares every entry with the header before its data. Together they fill the archive.
    fn placed(from: &mut (impl Read + Seek), mut centrals: Vec<Central>, end: u64) -> Result<Self, Unreadable> {
        centrals.sort_by_key(|central| central.offset);
        let mut contents = Self::default();
        let mut at = 0;
        for central in centrals {
            if central.offset != at {
                return Err(Unreadable::Form("its entries overlap, or something lies between them"));
            }
            let (start, differs) = local(from, &central)?;
            at = start + u64::from(central.packed);
            if central.flags & SIZES_AFTER != 0 {
                at += sizes_after(from, &central, at)?;
            }
            if at > end {
                return Err(Unreadable::Form("its entries are longer than the archive"));
            }
            let (name, wrong) = match String::from_utf8(central.name) {
                Ok(name) => (name, central.wrong),
                Err(bytes) => (String::from_utf8_lossy(bytes.as_bytes()).into_owned(), Some("its name is not UTF-8")),
            };
            let (packed, size) = (u64::from(central.packed), u64::from(central.size));
            contents.names.push(name);
            contents.entries.push((Entry { start, packed, size, crc: central.crc, deflated: central.method == 8 }, wrong.or(differs)));
        }
        if at != end {
            return Err(Unreadable::Form("something lies between its entries and its table of contents"));
        }
        Ok(contents)
    }
}

/// What the last bytes of an archive say of its table of contents.
pub(super) struct End {
    pub(super) entries: usize,
    pub(super) start: u64,
    pub(super) size: u64,
}

/// Reads the end of an archive of this length.
pub(super) fn ending(end: &[u8; END as usize], length: u64) -> Result<End, &'static str> {
    if !end.starts_with(b"PK\x05\x06") {
        return Err("it is cut off, or something follows behind its end");
    }
    let entries = usize::from(u16_at(end, 10));
    let (size, start) = (u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
    let one_disk = u32_at(end, 4) == 0 && u16_at(end, 8) == u16_at(end, 10) && u16_at(end, 20) == 0;
    if !one_disk || start + size + END != length {
        return Err("its end does not fit: something was cut out, put in or put before it");
    }
    if entries > MOST_ENTRIES || size > MOST_CONTENTS {
        return Err("it has more files than any bundle");
    }
    Ok(End { entries, start, size })
}

/// Reads a table of contents.
pub(super) fn centrals(table: &[u8], entries: usize) -> Result<Vec<Central>, &'static str> {
    let mut centrals = Vec::new();
    let mut rest = table;
    for _ in 0..entries {
        let (central, behind) = central(rest).ok_or("its table of contents is damaged")?;
        centrals.push(central);
        rest = behind;
    }
    if rest.is_empty() { Ok(centrals) } else { Err("its table of contents has more entries than it says") }
}

/// The first entry, and what follows it.
fn central(from: &[u8]) -> Option<(Central, &[u8])> {
    let (head, rest) = from.split_at_checked(CENTRAL)?;
    let (name, rest) = rest.split_at_checked(usize::from(u16_at(head, 28)))?;
    let (extra, rest) = rest.split_at_checked(usize::from(u16_at(head, 30)))?;
    let comment = u16_at(head, 32);
    let rest = rest.get(usize::from(comment)..)?;
    if !head.starts_with(b"PK\x01\x02") {
        return None;
    }
    let (flags, method, attributes) = (u16_at(head, 8), u16_at(head, 10), u32_at(head, 38));
    let (packed, size) = (u32_at(head, 20), u32_at(head, 24));
    let is_folder = name.ends_with(b"/");
    let is_plain = matches!(attributes >> 28, 0 | 8) || is_folder && attributes >> 28 == 4;
    let wrong = if !is_plain {
        Some("it is a link or a device")
    } else if attributes & 0x10 != 0 && !is_folder {
        Some("it is a folder under the name of a file")
    } else if flags & !HARMLESS_FLAGS != 0 {
        Some("it is encrypted, or packed in a way that no bundle is")
    } else if !matches!(method, 0 | 8) || method == 0 && packed != size {
        Some("it is packed in a way that no bundle is")
    } else if comment != 0 || !harmless(extra) {
        Some("it has additional fields that no bundle has")
    } else {
        None
    };
    let offset = u64::from(u32_at(head, 42));
    Some((Central { name: name.to_owned(), flags, method, crc: u32_at(head, 16), packed, size, offset, wrong }, rest))
}

fn harmless(mut extra: &[u8]) -> bool {
    while !extra.is_empty() {
        let Some(rest) = extra.get(4 + usize::from(u16_at(extra, 2))..) else { return false };
        if !HARMLESS_EXTRAS.contains(&u16_at(extra, 0)) {
            return false;
        }
        extra = rest;
    }
    true
}

/// Where the data begins, and whether the header before it says something else than the table of contents.
fn local(from: &mut (impl Read + Seek), central: &Central) -> Result<(u64, Option<&'static str>), Unreadable> {
    from.seek(SeekFrom::Start(central.offset))?;
    let mut head = [0; LOCAL as usize];
    from.read_exact(&mut head)?;
    let mut name = vec![0; usize::from(u16_at(&head, 26))];
    let mut extra = vec![0; usize::from(u16_at(&head, 28))];
    from.read_exact(&mut name)?;
    from.read_exact(&mut extra)?;
    let start = central.offset + LOCAL + (name.len() + extra.len()) as u64;
    let said = (u32_at(&head, 14), u32_at(&head, 18), u32_at(&head, 22));
    let sizes_fit = said == (central.crc, central.packed, central.size) || central.flags & SIZES_AFTER != 0 && said == (0, 0, 0);
    let same = head.starts_with(b"PK\x03\x04")
        && (u16_at(&head, 6), u16_at(&head, 8)) == (central.flags, central.method)
        && name == central.name
        && sizes_fit
        && harmless(&extra);
    Ok((start, (!same).then_some("the header before its data says something else than the table of contents")))
}

/// How many bytes say the sizes again behind the data.
fn sizes_after(from: &mut (impl Read + Seek), central: &Central, at: u64) -> Result<u64, Unreadable> {
    from.seek(SeekFrom::Start(at))?;
    let mut sizes = [0; 16];
    from.read_exact(&mut sizes)?;
    let said =
        |at: usize| (u32_at(&sizes, at), u32_at(&sizes, at + 4), u32_at(&sizes, at + 8)) == (central.crc, central.packed, central.size);
    match (sizes.starts_with(b"PK\x07\x08") && said(4), said(0)) {
        (true, _) => Ok(16),
        (false, true) => Ok(12),
        _ => Err(Unreadable::Form("the sizes behind the data of an entry do not fit")),
    }
}

/// The bytes of one entry. Its end is an error when they are not those that were announced.
struct Unpacked<R> {
    from: R,
    entry: Entry,
    crc: Crc,
    so_far: u64,
    /// How many packed bytes were used.
    used: fn(&R) -> u64,
}

fn unpacked<'a>(from: impl Read + 'a, entry: Entry) -> Box<dyn Read + 'a> {
    let packed = BufReader::new(from.take(entry.packed));
    let (crc, so_far) = (Crc::new(), 0);
    if entry.deflated {
        Box::new(Unpacked { from: DeflateDecoder::new(packed), entry, crc, so_far, used: |from| from.total_in() })
    } else {
        Box::new(Unpacked { from: packed, entry, crc, so_far, used: |_| 0 })
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let n = self.from.read(buffer)?;
        self.so_far = self.so_far.saturating_add(n as u64);
        // Also what keeps a small archive from unpacking without end.
        if self.so_far > self.entry.size {
            return wrong("it unpacks to more than it says");
        }
        match buffer.get(..n) {
            Some(read) if n > 0 => self.crc.update(read),
            _ if buffer.is_empty() => {}
            _ if self.so_far != self.entry.size => return wrong("it unpacks to less than it says"),
            _ if self.crc.sum() != self.entry.crc => return wrong("its checksum does not fit"),
            _ if self.entry.deflated && (self.used)(&self.from) != self.entry.packed => return wrong("something lies behind its data"),
            _ => {}
        }
        Ok(n)
    }
}
