//! The Markdown report: the same content for diffs and reviews.

use super::{Format, ReportError, templates, view};
use crate::model::Assessment;

/// `report.md`.
pub(super) struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }
    fn file_name(&self) -> &'static str {
        "report.md"
    }
    fn description(&self) -> &'static str {
        "the same content as Markdown, for diffs and reviews"
    }
    fn render(&self, assessment: &Assessment) -> Result<Vec<u8>, ReportError> {
        let failed = |source| ReportError::Template { format: "markdown", source };
        let engine = templates::markdown().map_err(failed)?;
        let context = templates::context(&view::build(assessment), "markdown")?;
        engine.render("report.md", &context).map(String::into_bytes).map_err(failed)
    }
}
