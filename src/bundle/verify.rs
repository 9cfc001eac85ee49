//! Whether a bundle is what it says. Everything that is wrong is named; nothing that is read can make this go on without end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::Serialize;

use super::bag::{Bag, Found, MOST_FILES};
use super::content::{MOST_LIST, MOST_SMALL, Previous, Summary};
use super::lists::{self, Listed};
use super::marks::{SignatureVerdict, TimestampVerdict};
use super::names::odd;
use super::seal::Digested;
use super::{BAG_INFO, BAGIT, DATA, MANIFEST, SIGNATURE, TAG_MANIFEST, TAGS, TIMESTAMP, info};
use crate::signing::{AllowedSigners, Authorities};

/// What kind of problem it is, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// Its content is another one.
    Altered,
    /// It is listed and not there.
    Missing,
    /// It is there and not listed.
    Added,
    /// It has a name that no file of a bundle has.
    Name,
    /// A list is not in its form, or says what is not so.
    List,
    /// The archive can be read in more than one way, or not at all.
    Archive,
    /// Files do not fit each other.
    Mixed,
    /// It is not the bundle that was expected.
    Chain,
    /// It is larger than any bundle.
    Size,
    /// The signature is not good, or not there.
    Signature,
    /// The timestamp is not good, or not there.
    Timestamp,
}

impl ProblemKind {
    /// One word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Name => "name",
            Self::List => "list",
            Self::Archive => "archive",
            Self::Mixed => "mixed",
            Self::Chain => "chain",
            Self::Size => "size",
            Self::Signature => "signature",
            Self::Timestamp => "timestamp",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, as a name inside; empty for the bundle as a whole.
    pub file: String,
    /// What kind of problem.
    pub kind: ProblemKind,
    /// What is wrong, in words.
    pub what: String,
}

/// What is known of a bundle from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// The id that was noted.
    pub id: Option<&'a str>,
    /// The id of the bundle before.
    pub previous: Option<&'a str>,
    /// Who may have signed it.
    pub signers: Option<&'a AllowedSigners>,
    /// Who may have stamped it.
    pub authorities: Option<&'a Authorities>,
    /// Whether a bundle without a signature is none.
    pub signature_required: bool,
    /// Whether a bundle without a timestamp is none.
    pub timestamp_required: bool,
}

/// What came out.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// SHA-256 of `tagmanifest-sha256.txt`; absent where there is none.
    pub id: Option<String>,
    /// Whether nothing is wrong.
    pub whole: bool,
    /// False for documents that have a list of digests and no seal.
    pub sealed: bool,
    /// Files that are listed or there, lists included.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Everything that is wrong, sorted.
    pub problems: Vec<Problem>,
    /// `tagmanifest-sha256.txt.sig`.
    pub signature: SignatureVerdict,
    /// `tagmanifest-sha256.txt.tsr`.
    pub timestamp: TimestampVerdict,
    /// The bundle before, as this one names it.
    pub previous: Option<Previous>,
    /// What the summary of this content is. Of a bundle that is not whole it is what somebody wrote.
    pub summary: Option<Summary>,
}

/// The files of documents that are not sealed: nothing else is listed.
pub(super) const ASSESSMENT: &str = "assessment.json";
/// The folders in `data/`; documents stand beside them.
const FOLDERS: [&str; 3] = ["catalog/", "snapshot/", "workspace/"];
/// The largest file.
const MOST_FILE: u64 = u32::MAX as u64;

/// Verifies a bundle, or documents that are not sealed. An error is one of the system, not of the bundle.
pub fn verify(bag: &Bag, expected: Expected<'_>) -> io::Result<Verdict> {
    let mut problems = Vec::new();
    let found = bag.listing(&mut problems)?;
    let mut check = Check { bag, found, problems, digests: BTreeMap::new(), id: None, previous: None };
    let sealed =
        check.has(BAGIT.0) || !check.has(ASSESSMENT) || !check.has(MANIFEST) || check.found.keys().any(|name| name.starts_with(DATA));
    let bytes = check.sizes();
    let (mut summary, mut marks) = (None, Default::default());
    if check.is_bounded(bytes) {
        check.names();
        if sealed {
            check.tags();
            check.payload();
            check.info();
        } else {
            check.unsealed();
        }
        summary = check.contents(if sealed { DATA } else { "" });
        if sealed {
            check.beside(summary.as_ref());
            check.expected(expected);
            marks = check.marks(expected, summary.as_ref());
        } else {
            check.not_sealed(expected);
        }
    }
    let ((signature, timestamp), files) = (marks, check.found.len() as u64);
    let Check { mut problems, id, previous, .. } = check;
    problems.sort();
    problems.dedup();
    Ok(Verdict { id, whole: problems.is_empty(), sealed, files, bytes, problems, signature, timestamp, previous, summary })
}

pub(super) struct Check<'a> {
    pub(super) bag: &'a Bag,
    pub(super) found: BTreeMap<String, Found>,
    pub(super) problems: Vec<Problem>,
    /// Of files that were read.
    digests: BTreeMap<String, Option<String>>,
    id: Option<String>,
    pub(super) previous: Option<Previous>,
}

impl Check<'_> {
    pub(super) fn problem(&mut self, file: &str, kind: ProblemKind, what: impl Into<String>) {
        self.problems.push(Problem { file: file.to_owned(), kind, what: what.into() });
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.found.contains_key(name)
    }

    fn sizes(&self) -> u64 {
        let sizes = self.found.values().map(|found| if let Found::File(size) = found { *size } else { 0 });
        sizes.fold(0, u64::saturating_add)
    }

    /// Whether it is of a size that is read at all.
    fn is_bounded(&mut self, bytes: u64) -> bool {
        let (files, before) = (self.found.len(), self.problems.len());
        if files > MOST_FILES {
            self.problem("", ProblemKind::Size, format!("it has more than {MOST_FILES} files; nothing of it was read"));
        }
        if bytes > self.bag.most_bytes() {
            self.problem(
                "",
                ProblemKind::Size,
                format!("its files have more than {} bytes; nothing of it was read", self.bag.most_bytes()),
            );
        }
        let large: Vec<String> = self
            .found
            .iter()
            .filter(|(_, found)| matches!(found, Found::File(size) if *size > MOST_FILE))
            .map(|(name, _)| name.clone())
            .collect();
        for name in large {
            self.problem(&name, ProblemKind::Size, "it is larger than any file of a bundle; nothing was read");
        }
        self.problems.len() == before
    }

    /// Names that another system would take for one another, or not take at all.
    fn names(&mut self) {
        let mut problems = Vec::new();
        let mut same: BTreeMap<String, &String> = BTreeMap::new();
        for name in self.found.keys() {
            if let Some(why) = odd(name) {
                problems.push((name.clone(), why.to_owned()));
            }
            if let Some(other) = same.insert(name.to_lowercase(), name) {
                problems.push((name.clone(), format!("its name differs from that of {other} only by upper and lower case")));
            }
            let mut above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
            if let Some(file) = above.rfind(|folder| self.found.contains_key(*folder)) {
                problems.push((name.clone(), format!("it stands below {file}, which is a file")));
            }
        }
        problems.into_iter().for_each(|(name, what)| self.problem(&name, ProblemKind::Name, what));
    }

    /// The digest of a file that is there; whoever cannot be read is a problem, once.
    pub(super) fn digest(&mut self, name: &str) -> Option<String> {
        if let Some(known) = self.digests.get(name) {
            return known.clone();
        }
        if !matches!(self.found.get(name), Some(Found::File(_))) {
            return None;
        }
        let read = self.bag.read(name).and_then(|from| Digested::of(from.take(MOST_FILE + 1)));
        let digest = match read {
            Ok(digested) => Some(digested.sha256),
            Err(error) => {
                self.problem(name, ProblemKind::Altered, format!("it cannot be read: {error}"));
                None
            }
        };
        self.digests.insert(name.to_owned(), digest.clone());
        digest
    }

    /// The bytes of a small file.
    pub(super) fn bytes(&mut self, name: &str, most: u64) -> Option<Vec<u8>> {
        let Some(Found::File(size)) = self.found.get(name).copied() else { return None };
        if size > most {
            self.problem(name, ProblemKind::Size, format!("it is larger than {most} bytes"));
            return None;
        }
        let mut bytes = Vec::new();
        let read = self.bag.read(name).and_then(|from| from.take(most).read_to_end(&mut bytes));
        match read {
            Ok(_) => Some(bytes),
            Err(error) => {
                // The same words as those of its digest, so that it is told once.
                self.problem(name, ProblemKind::Altered, format!("it cannot be read: {error}"));
                None
            }
        }
    }

    fn list(&mut self, name: &str) -> Option<Listed> {
        let listed = lists::read(&self.bytes(name, MOST_LIST)?);
        for what in &listed.problems {
            self.problem(name, ProblemKind::List, what.clone());
        }
        Some(listed)
    }

    pub(super) fn missing(&mut self, name: &str) {
        if !self.has(name) {
            self.problem(name, ProblemKind::Missing, "it is not there");
        }
    }

    /// The files beside `data/`.
    fn tags(&mut self) {
        for name in TAGS.into_iter().chain([TAG_MANIFEST]) {
            self.missing(name);
        }
        if let Some(bytes) = self.bytes(BAGIT.0, MOST_SMALL)
            && bytes != BAGIT.1.as_bytes()
        {
            self.problem(BAGIT.0, ProblemKind::Altered, "it does not say what it says in every bundle");
        }
        self.id = self.digest(TAG_MANIFEST);
        let Some(listed) = self.list(TAG_MANIFEST) else { return };
        for name in TAGS {
            match (listed.digests.get(name), self.digest(name)) {
                (None, _) => self.problem(TAG_MANIFEST, ProblemKind::List, format!("it does not name {name}")),
                (Some(listed), Some(digest)) if *listed != digest => {
                    let what = if name == MANIFEST { "it was written again" } else { "it was changed" };
                    self.problem(name, ProblemKind::Altered, format!("{what}: its digest is not the one in {TAG_MANIFEST}"));
                }
                _ => {}
            }
        }
        for name in listed.digests.keys().filter(|name| !TAGS.contains(&name.as_str())) {
            self.problem(TAG_MANIFEST, ProblemKind::List, format!("it names {name}, which it does in no bundle"));
        }
    }

    /// The files in `data/`, and that there are no others.
    fn payload(&mut self) {
        let listed = self.list(MANIFEST).unwrap_or_default();
        for name in listed.digests.keys().filter(|name| !name.starts_with(DATA)) {
            self.problem(MANIFEST, ProblemKind::List, format!("it names {name}, which is not in {DATA}"));
        }
        let beside: Vec<String> = self.found.keys().filter(|name| !name.starts_with(DATA)).cloned().collect();
        for name in beside {
            if !TAGS.contains(&name.as_str()) && ![TAG_MANIFEST, SIGNATURE, TIMESTAMP].contains(&name.as_str()) {
                self.problem(&name, ProblemKind::Added, "it is a file that no bundle has");
            }
        }
        let in_folder = |name: &&String| {
            name.strip_prefix(DATA).is_some_and(|below| below.contains('/') && !FOLDERS.iter().any(|folder| below.starts_with(folder)))
        };
        let elsewhere: Vec<String> = self.found.keys().filter(in_folder).cloned().collect();
        for name in elsewhere {
            self.problem(&name, ProblemKind::Added, "it stands in a folder that no bundle has");
        }
        let there: BTreeSet<String> = self.found.keys().filter(|name| name.starts_with(DATA)).cloned().collect();
        self.compare(&listed.digests, &there, MANIFEST);
    }

    /// Documents that are not sealed: one list of all of them.
    fn unsealed(&mut self) {
        let listed = self.list(MANIFEST).unwrap_or_default();
        let there: BTreeSet<String> = self.found.keys().filter(|name| *name != MANIFEST).cloned().collect();
        self.compare(&listed.digests, &there, MANIFEST);
    }

    /// What is asked of a bundle, these documents are not: whoever requires a signature does not take what nobody could sign.
    fn not_sealed(&mut self, expected: Expected<'_>) {
        let asked = [
            (expected.id.is_some() || expected.previous.is_some(), TAG_MANIFEST, ProblemKind::Chain, "a bundle is expected"),
            (expected.signature_required, SIGNATURE, ProblemKind::Signature, "a signature is required"),
            (expected.timestamp_required, TIMESTAMP, ProblemKind::Timestamp, "a timestamp is required"),
        ];
        for (_, file, kind, what) in asked.into_iter().filter(|(is_asked, ..)| *is_asked) {
            self.problem(file, kind, format!("it is not there, and {what}: this is evidence that was not sealed"));
        }
    }

    fn compare(&mut self, listed: &BTreeMap<String, String>, there: &BTreeSet<String>, list: &str) {
        let gone: BTreeMap<&String, &String> =
            listed.iter().filter(|(name, _)| !there.contains(*name)).map(|(name, digest)| (digest, name)).collect();
        for name in there {
            let digest = self.digest(name);
            match (listed.get(name), digest) {
                (None, digest) => {
                    let from = digest.as_ref().and_then(|digest| gone.get(digest));
                    let what = from.map_or_else(String::new, |from| format!("; it has the content of {from}, which is missing"));
                    self.problem(name, ProblemKind::Added, format!("it is not in {list}{what}"));
                }
                (Some(listed), Some(digest)) if *listed != digest => {
                    self.problem(name, ProblemKind::Altered, format!("it was changed: its digest is not the one in {list}"));
                }
                _ => {}
            }
        }
        for name in listed.keys().filter(|name| !there.contains(*name)) {
            self.problem(name, ProblemKind::Missing, format!("{list} names it, and it is not there"));
        }
    }

    /// `bag-info.txt` counts what is there.
    fn info(&mut self) {
        let Some(bytes) = self.bytes(BAG_INFO, MOST_SMALL) else { return };
        match info::read(&bytes) {
            Err(why) => self.problem(BAG_INFO, ProblemKind::List, why),
            Ok(info) => {
                let sizes = self.found.iter().filter(|(name, _)| name.starts_with(DATA));
                let sizes: Vec<u64> =
                    sizes.filter_map(|(_, found)| if let Found::File(size) = found { Some(*size) } else { None }).collect();
                let oxum = info::oxum(sizes.iter().sum(), sizes.len() as u64);
                if info.oxum != oxum {
                    let what = format!("it counts {} (bytes and files) in {DATA}, and there are {oxum}", super::info::one_line(&info.oxum));
                    self.problem(BAG_INFO, ProblemKind::List, what);
                }
            }
        }
    }

    /// What is known from elsewhere.
    fn expected(&mut self, expected: Expected<'_>) {
        if let Some(id) = expected.id
            && self.id.as_deref() != Some(id)
        {
            self.problem(TAG_MANIFEST, ProblemKind::Chain, format!("its digest, which is the bundle's id, is not {id}"));
        }
        if let Some(id) = expected.previous
            && self.previous.as_ref().map(|previous| previous.id.as_str()) != Some(id)
        {
            self.problem("data/previous.json", ProblemKind::Chain, format!("it does not name the bundle before, whose id is {id}"));
        }
    }
}

/// Why something is no bundle that this program wrote, so that `--force` leaves it alone. Whether it is whole is not asked.
pub fn looks_like_one(bag: &Bag) -> io::Result<Option<String>> {
    let mut problems = Vec::new();
    let found = bag.listing(&mut problems)?;
    let mut check = Check { bag, found, problems, digests: BTreeMap::new(), id: None, previous: None };
    let ours = check.bytes(BAG_INFO, MOST_SMALL).is_some_and(|bytes| bytes.starts_with(b"Bag-Software-Agent: kube-hipaa "));
    if !ours || !check.has(BAGIT.0) {
        return Ok(Some("it is no bundle that kube-hipaa wrote".to_owned()));
    }
    let listed = check.list(MANIFEST).unwrap_or_default().digests;
    let known = |name: &str| TAGS.contains(&name) || [TAG_MANIFEST, SIGNATURE, TIMESTAMP].contains(&name) || listed.contains_key(name);
    let foreign = check.found.iter().find(|(name, found)| **found == Found::Other || !known(name)).map(|(name, _)| name.clone());
    let foreign = foreign.or_else(|| check.problems.first().map(|problem| problem.file.clone()));
    Ok(foreign.map(|name| format!("it holds {name}, which is no part of a bundle")))
}
