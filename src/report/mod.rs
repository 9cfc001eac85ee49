//! Documents: every format behind one trait.
//!
//! An [`Assessment`] is the only input, so that any document can be written again from a saved `assessment.json`, and the same assessment
//! always gives the same bytes. To add a format, write one file and add one line to [`FORMATS`].

mod csv;
pub mod escape;
#[cfg(test)]
mod example;
mod html;
pub mod json;
mod markdown;
pub mod prometheus;
mod risk;
mod templates;
mod terminal;
pub mod time;
pub mod view;
pub mod xlsx;

use std::io::{self, Write};
use std::sync::OnceLock;

use crate::model::{Assessment, Since};

pub use terminal::{Summary, summary};

/// A file that a format may write.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its name in the evidence folder.
    pub name: &'static str,
    /// Words near its beginning by which it is known as ours before it is replaced.
    pub mark: &'static str,
}

/// A file with its content, which belongs to one assessment.
#[derive(Debug)]
pub struct Document<'a> {
    /// Its name in the evidence folder.
    pub name: &'static str,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    /// Laid out as a whole.
    Whole(Vec<u8>),
    /// Written finding by finding: of a large cluster these files are the largest, and would not have to fit into memory.
    Written(&'a Assessment, Writer),
}

/// Writes one file.
type Writer = fn(&Assessment, &mut dyn Write) -> io::Result<()>;

impl<'a> Document<'a> {
    fn whole(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, content: Content::Whole(bytes) }
    }
    fn written(name: &'static str, assessment: &'a Assessment, writer: Writer) -> Self {
        Self { name, content: Content::Written(assessment, writer) }
    }
    /// Writes the content; the only errors are those of `out`.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.content {
            Content::Whole(bytes) => out.write_all(bytes),
            Content::Written(assessment, write) => write(assessment, out),
        }
    }
    /// The content in memory.
    pub fn bytes(self) -> io::Result<Vec<u8>> {
        match self.content {
            Content::Whole(bytes) => Ok(bytes),
            Content::Written(assessment, write) => {
                let mut bytes = Vec::new();
                write(assessment, &mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// An assessment with what several formats make of it, worked out when the first of them asks.
#[derive(Debug)]
pub struct Reported<'a> {
    assessment: &'a Assessment,
    since: Option<&'a Since>,
    view: OnceLock<view::View>,
}

impl<'a> Reported<'a> {
    /// Nothing is worked out yet.
    pub fn new(assessment: &'a Assessment) -> Self {
        Self { assessment, since: None, view: OnceLock::new() }
    }
    /// The same with what is known of the bundles before.
    #[must_use]
    pub fn with(self, since: Option<&'a Since>) -> Self {
        Self { since, ..self }
    }
    fn view(&self) -> &view::View {
        self.view.get_or_init(|| view::build_since(self.assessment, self.since))
    }
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
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError>;
}

/// Every format that there is, in the order in which help and documentation list them.
pub static FORMATS: &[&dyn Format] =
    &[&html::Html, &markdown::Markdown, &json::Json, &csv::Csv, &risk::RiskAnalysis, &prometheus::Prometheus];

/// Those that are written when nobody chooses. Lists of another one lie beside them where they leave something to it.
pub static DEFAULTS: &[&dyn Format] = &[&html::Html, &markdown::Markdown, &json::Json];

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
    /// Sheets could not be packed.
    #[error("the {format} sheets could not be packed; please report this, with the version of the program")]
    Packing {
        /// The name of the format.
        format: &'static str,
        /// What the library said.
        #[source]
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of CONTRIBUTING.md is a format like any other.
    #[test]
    fn the_example_renders() {
        let format: &dyn Format = &example::Lines;
        assert!(!FORMATS.iter().any(|known| known.name() == format.name()));
        let empty = serde_json::json!({"schema": crate::model::ASSESSMENT_SCHEMA, "tool": {"name": "kube-hipaa", "version": "0", "commit": "0"},
            "catalog": {"version": "0", "sha256": "", "overlays": []}, "snapshot_sha256": "", "cluster": {"name": "", "server": ""},
            "collected": {"started": "", "finished": "", "identity": {"groups": []}, "requests": 0},
            "scope": {"source": "default", "ephi_namespaces": [], "other_namespaces": [], "unmatched": [], "complete": true, "sha256": ""},
            "totals": {"controls": {"fail": 0, "not_assessed": 0, "manual": 0, "pass": 0, "not_applicable": 0},
                       "findings": {"critical": 0, "high": 0, "medium": 0, "low": 0}, "sources": {}},
            "coverage": [], "controls": [], "paragraphs": []});
        let assessment: Assessment = serde_json::from_value(empty).expect("the least that is an assessment");
        let documents = format.render(&Reported::new(&assessment)).expect("renders");
        let names: Vec<&str> = documents.iter().map(|document| document.name).collect();
        assert_eq!(names, [format.files()[0].name]);
        assert!(!format.description().is_empty());
        let text = documents.into_iter().next().expect("one").bytes().expect("in memory");
        assert_eq!(String::from_utf8(text).expect("UTF-8").trim_end(), format.files()[0].mark);
    }
}
