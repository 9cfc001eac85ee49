//! Documents: one file per format behind one trait.
//!
//! An [`Assessment`] is the only input, so that any document can be written again from a saved `assessment.json`, and the same assessment
//! always gives the same bytes. To add a format, write one file and add one line to [`FORMATS`].

pub mod escape;
mod html;
pub mod json;
mod markdown;
mod templates;
mod terminal;
pub mod view;

use crate::model::Assessment;

pub use terminal::{Summary, summary};

/// One kind of document.
pub trait Format: Sync {
    /// The word after `--format`.
    fn name(&self) -> &'static str;
    /// The name of the file in the evidence folder.
    fn file_name(&self) -> &'static str;
    /// What it is for, in a few words.
    fn description(&self) -> &'static str;
    /// The document. The same assessment gives the same bytes.
    fn render(&self, assessment: &Assessment) -> Result<Vec<u8>, ReportError>;
}

/// Every format that there is, in the order in which help and documentation list them.
pub static FORMATS: &[&dyn Format] = &[&html::Html, &markdown::Markdown, &json::Json];

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
