//! The HTML report: one file, no script, nothing loaded, a policy that forbids both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Format, ReportError, escape, templates, view};
use crate::digest::sha256;
use crate::model::Assessment;

/// `report.html`.
pub(super) struct Html;

impl Format for Html {
    fn name(&self) -> &'static str {
        "html"
    }
    fn file_name(&self) -> &'static str {
        "report.html"
    }
    fn description(&self) -> &'static str {
        "the report for people: one file, readable in any browser and on paper, without scripts or network"
    }
    fn render(&self, assessment: &Assessment) -> Result<Vec<u8>, ReportError> {
        let failed = |source| ReportError::Template { format: "html", source };
        let view = view::build(assessment);
        let engine = templates::html().map_err(failed)?;
        let mut context = templates::context(&view, "html")?;
        context.insert("footer_css", &escape::css_string(view.footer()));
        let style = engine.render("report.css", &context).map_err(failed)?;
        context.insert("csp", &policy(&style));
        engine.render("report.html", &context).map(String::into_bytes).map_err(failed)
    }
}

/// Allows the one style block whose text is `style`, and nothing else.
fn policy(style: &str) -> String {
    format!("default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'", STANDARD.encode(sha256(style.as_bytes())))
}
