//! The Markdown report: the same content for diffs and reviews.

use super::{Document, File, Format, ReportError, csv, templates, view};
use crate::model::Assessment;

/// `report.md`.
pub(super) struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }
    fn files(&self) -> &'static [File] {
        &[File { name: "report.md", mark: "HIPAA Security Rule" }]
    }
    fn description(&self) -> &'static str {
        "the same content as Markdown, for diffs and reviews"
    }
    fn render(&self, assessment: &Assessment) -> Result<Vec<Document>, ReportError> {
        let failed = |source| ReportError::Template { format: "markdown", source };
        let engine = templates::markdown().map_err(failed)?;
        let view = view::build(assessment);
        let context = templates::context(&view, "markdown")?;
        let bytes = engine.render("report.md", &context).map_err(failed)?.into_bytes();
        csv::attach(Document { name: "report.md", bytes }, &view, assessment)
    }
}
