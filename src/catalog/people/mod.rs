//! What people declare and answer, as files of a workspace: `kube-hipaa/answer/v1`, `kube-hipaa/waiver/v1`, `kube-hipaa/disposition/v1`.
//!
//! Nothing here judges. Files are read, everything that is wrong with them is said with line and column, and what they say is handed on.

mod answer;
mod attached;
mod disposition;
mod fields;
mod node;
mod waiver;

use std::collections::{BTreeMap, BTreeSet};

pub use answer::{AnswerFile, Answered, ReviewedAccess};
pub use attached::{Attached, AttachedState};
pub use disposition::DispositionFile;
pub(in crate::catalog) use fields::{Fields, Reading, shown};
pub use fields::{Place, Placed, is_date};
pub(in crate::catalog) use node::Value;
pub use waiver::WaiverFile;

use super::lint::{Problem, Problems};
use super::{Catalog, Framework};

/// Which sort of file it is; the folder says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeopleKind {
    /// `answers/`.
    Answer,
    /// `waivers/`.
    Waiver,
    /// `dispositions/`.
    Disposition,
}

impl PeopleKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Answer, Self::Waiver, Self::Disposition];

    /// The folder in a workspace.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Answer => "answers",
            Self::Waiver => "waivers",
            Self::Disposition => "dispositions",
        }
    }

    /// The name of the format.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Answer => "kube-hipaa/answer/v1",
            Self::Waiver => "kube-hipaa/waiver/v1",
            Self::Disposition => "kube-hipaa/disposition/v1",
        }
    }
}

/// One file as it was found.
#[derive(Clone, Debug)]
pub struct PeopleText {
    /// Which sort.
    pub kind: PeopleKind,
    /// Its path below the workspace, with `/`.
    pub path: String,
    /// Its path as the user knows it, for messages.
    pub shown: String,
    /// Its content.
    pub text: String,
}

/// What the files of a workspace say, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct PeopleFiles {
    /// Answers, and questions that are still to be answered.
    pub answers: Vec<AnswerFile>,
    /// Waivers.
    pub waivers: Vec<WaiverFile>,
    /// Decisions on addressable specifications.
    pub dispositions: Vec<DispositionFile>,
}

/// What is at hand to say whether a file names what exists.
pub struct Context<'c> {
    /// The controls.
    pub catalog: &'c Catalog,
    /// The framework whose paragraphs are decided on.
    pub framework: &'c Framework,
    /// What became of a file that another one names, by its path below the workspace.
    pub attached: &'c BTreeMap<String, AttachedState>,
    /// Whether ids of controls that are not in the catalog pass: people's own could not be read, and that is said elsewhere.
    pub every_id: bool,
    /// Whether evidence that is missing or was changed is reported beside what it was to show, and no error.
    pub allow_missing: bool,
}

/// Reads all files and gives everything that is wrong with any of them.
pub fn read_people(texts: &[PeopleText], context: &Context<'_>) -> Result<PeopleFiles, Vec<Problem>> {
    let (mut files, mut problems) = (PeopleFiles::default(), Problems::default());
    for one in texts {
        let mut reading = Reading { file: &one.shown, problems: &mut problems };
        let Some(mut fields) = reading.document(&one.text) else { continue };
        schema(&mut fields, one.kind.schema(), &mut reading);
        match one.kind {
            PeopleKind::Answer => files.answers.extend(answer::read(&one.path, fields, &mut reading, context)),
            PeopleKind::Waiver => files.waivers.extend(waiver::read(&one.path, fields, &mut reading, context)),
            PeopleKind::Disposition => files.dispositions.extend(disposition::read(&one.path, fields, &mut reading, context)),
        }
    }
    files.answers.sort_by(|a, b| a.path.cmp(&b.path));
    files.waivers.sort_by(|a, b| a.path.cmp(&b.path));
    files.dispositions.sort_by(|a, b| a.path.cmp(&b.path));
    let problems = problems.into_sorted();
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// Which files of the workspace these texts name, as they are written: whoever reads the disk looks for them. What is wrong with a file
/// [`read_people`] says.
pub fn named_files(texts: &[PeopleText]) -> BTreeSet<String> {
    texts.iter().flat_map(|one| attached::named(&one.text)).collect()
}

/// The optional key `schema` says which version a file was written for.
pub(in crate::catalog) fn schema(fields: &mut Fields, expected: &str, reading: &mut Reading<'_>) {
    if let Some(schema) = fields.text("schema", reading).filter(|schema| schema.value != expected) {
        reading.wrong(schema.place, format!("`schema` is `{}`, and this version reads `{expected}` here", shown(&schema.value)));
    }
}
