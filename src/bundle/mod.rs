//! Sealed evidence: a bag of BagIt 1.0 (RFC 8493), a folder or a `.zip`.
//!
//! Two lists of digests hold it together: `manifest-sha256.txt` names every file below `data/`, `tagmanifest-sha256.txt` names the others. The
//! SHA-256 of the second is the bundle's id. Both have one form only, so that a bundle with a given content has one id, and nothing
//! about it can be changed without changing the id. `docs/bundle.md` describes the format for other implementations.

mod archive;
mod bag;
mod content;
mod fits;
mod form;
mod info;
mod lists;
mod marks;
mod members;
mod names;
mod pack;
mod readme;
mod record;
mod record_people;
mod seal;
mod verify;

pub use bag::{Bag, MOST_FILES};
pub use content::{AssessmentHead, MOST_SUMMARY, Previous, Summary};
pub use lists::{is_list, list};
pub use marks::{MarkState, SignatureVerdict, TimestampVerdict, is_before};
pub use members::{Members, Ranges};
pub use names::odd;
pub use pack::{MOST_PACKED, Packer};
pub use record::{Record, RecordControl, RecordFinding, RecordScope, RecordSource};
pub use record_people::{RecordDecision, RecordPeople, RecordQuestion};
pub use seal::{About, Counting, Digested, Sealed, base_name, tag_files};
pub use verify::{Expected, Problem, ProblemKind, Verdict, looks_like_one, verify};

/// What says that a folder is a bag; the only bytes that it may hold.
pub const BAGIT: (&str, &str) = ("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
/// What the bag is about.
pub const BAG_INFO: &str = "bag-info.txt";
/// The digests of the files below `data/`; beside documents that are not sealed, of all files.
pub const MANIFEST: &str = "manifest-sha256.txt";
/// The digests of the files beside `data/`. Its own digest is the id.
pub const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// How to check it by hand.
pub const README: &str = "README.txt";
/// A signature over [`TAG_MANIFEST`].
pub const SIGNATURE: &str = "tagmanifest-sha256.txt.sig";
/// A timestamp over [`TAG_MANIFEST`].
pub const TIMESTAMP: &str = "tagmanifest-sha256.txt.tsr";
/// The folder of what was sealed, with its slash.
pub const DATA: &str = "data/";

/// The tag files that [`TAG_MANIFEST`] names, sorted.
const TAGS: [&str; 4] = [README, BAG_INFO, BAGIT.0, MANIFEST];
