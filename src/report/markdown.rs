//! The Markdown report: the same content for diffs and reviews.

use super::{Document, File, Format, ReportError, Reported, csv, templates};

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
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
        let failed = |source| ReportError::Template { format: "markdown", source };
        let engine = templates::markdown().map_err(failed)?;
        let view = reported.view();
        let context = templates::context(view, "markdown")?;
        let bytes = engine.render("report.md", &context).map_err(failed)?.into_bytes();
        csv::attach(Document::whole("report.md", bytes), reported)
    }
}
