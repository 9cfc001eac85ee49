//! Documents: every format behind one trait.
//!
//! An [`Assessment`] is the only input, so that any document can be written again from a saved `assessment.json`, and the same assessment
//! always gives the same bytes. To add a format, write one file and add one line to [`FORMATS`].

mod csv;
pub mod escape;
mod html;
pub mod json;
mod markdown;
mod templates;
mod terminal;
pub mod view;

use crate::model::Assessment;

pub use terminal::{Summary, summary};

/// A file that a format may write.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its name in the evidence folder.
    pub name: &'static str,
    /// Words near its beginning by which it is known as ours before it is replaced.
    pub mark: &'static str,
}

/// A file with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name in the evidence folder.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// One kind of document: a file, perhaps with others beside it.
pub trait Format: Sync {
    /// The word after `--format`.
    fn name(&self) -> &'static str;
    /// The files that are this format's own; the first is always written, and is what `-o -` prints.
    fn files(&self) -> &'static [File];
    /// What it is for, in a few words.
    fn description(&self) -> &'static str;
    /// The documents, the format's first file first. The same assessment gives the same bytes. A format may attach files of another,
    /// with the bytes that the other would write.
    fn render(&self, assessment: &Assessment) -> Result<Vec<Document>, ReportError>;
}

/// Every format that there is, in the order in which help and documentation list them.
pub static FORMATS: &[&dyn Format] = &[&html::Html, &markdown::Markdown, &json::Json, &csv::Csv];

/// The format of that name.
pub fn format(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// A document could not be written. This is a defect of the program: every assessment can be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A template does not load, or does not fit the view.
    #[error(
        "the {format} report could not be rendered: a template does not fit its data; please report this, with the version of the program"
    )]
    Template {
        /// The name of the format.
        format: &'static str,
        /// What the template engine said.
        #[source]
        source: tera::Error,
    },
    /// The assessment does not serialise.
    #[error("assessment.json could not be written: the assessment does not serialise; please report this, with the version of the program")]
    Json(#[source] serde_json::Error),
}
