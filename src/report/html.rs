//! The HTML report: one file, no script, nothing loaded, a policy that forbids both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Document, File, Format, ReportError, Reported, csv, escape, templates};
use crate::digest::sha256;

/// `report.html`.
pub(super) struct Html;

impl Format for Html {
    fn name(&self) -> &'static str {
        "html"
    }
    fn files(&self) -> &'static [File] {
        &[File { name: "report.html", mark: "HIPAA Security Rule" }]
    }
    fn description(&self) -> &'static str {
        "the report for people: one file, readable in any browser and on paper, without scripts or network"
    }
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
        let failed = |source| ReportError::Template { format: "html", source };
        let view = reported.view();
        let engine = templates::html().map_err(failed)?;
        let mut context = templates::context(view, "html")?;
        context.insert("footer_css", &escape::css_string(view.footer()));
        let style = squeezed(&engine.render("report.css", &context).map_err(failed)?);
        context.insert("csp", &policy(&style));
        let page = engine.render("report.html", &context).map_err(failed)?;
        // In the template the sheet is a mark, because no value goes into a page unescaped.
        let bytes = page.replacen(STYLE, &style, 1).into_bytes();
        csv::attach(Document::whole("report.html", bytes), reported)
    }
}

/// What stands in the template where the style sheet comes.
pub(super) const STYLE: &str = "/*style*/";

/// A style sheet without comments, indentation and spaces that say nothing.
pub(super) fn squeezed(style: &str) -> String {
    let mut out = String::with_capacity(style.len());
    let comment = |line: &str| line.starts_with("/*") && line.ends_with("*/");
    for line in style.lines().map(str::trim).filter(|line| !line.is_empty() && !comment(line)) {
        if out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']' | '*')) {
            out.push(' ');
        }
        // What stands in quotes stays as it is; no quote is ever escaped in it.
        for (i, part) in line.split('"').enumerate() {
            if i > 0 {
                out.push('"');
            }
            if i % 2 == 1 {
                out.push_str(part);
            } else {
                let tight = ["{", "}", ";", ","]
                    .iter()
                    .fold(part.replace(": ", ":"), |text, sign| text.replace(&format!("{sign} "), sign).replace(&format!(" {sign}"), sign));
                out.push_str(&tight);
            }
        }
    }
    out
}

/// Allows the one style block whose text is `style`, and nothing else.
pub(super) fn policy(style: &str) -> String {
    format!("default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'", STANDARD.encode(sha256(style.as_bytes())))
}
