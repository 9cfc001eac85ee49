//! Documents about more than one moment: what changed between two, and what was so over many.

pub mod diff;
mod diff_terminal;
pub mod history;
mod history_csv;
mod history_people;
mod history_practices;
mod history_terminal;
mod plots;

use tera::{Context, Tera};

use super::{ReportError, escape, html, templates};

/// Whether a document is made of styles and fits a width.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns of the terminal; below 40 it is laid out for 40.
    pub width: u16,
    /// Whether styles are written as escape sequences.
    pub color: bool,
}

/// A page in the look of report.html.
fn page(name: &'static str, view: &impl serde::Serialize, footer: &str) -> Result<Vec<u8>, ReportError> {
    let failed = |source| ReportError::Template { format: "html", source };
    let engine = templates::html_over_time().map_err(failed)?;
    let mut context = Context::from_serialize(view).map_err(failed)?;
    context.insert("footer_css", &escape::css_string(footer));
    // The sheet of the report hides what its filters do not name; there are none here.
    context.insert("filters", &serde_json::json!({"namespaces": []}));
    let sheet = |engine: &Tera, name: &str| engine.render(name, &context).map_err(failed);
    let style = html::squeezed(&format!("{}\n{}", sheet(&engine, "report.css")?, sheet(&engine, "time.css")?));
    context.insert("csp", &html::policy(&style));
    let page = engine.render(name, &context).map_err(failed)?;
    Ok(page.replacen(html::STYLE, &style, 1).into_bytes())
}

/// A document for reviews.
fn markdown(name: &'static str, view: &impl serde::Serialize) -> Result<Vec<u8>, ReportError> {
    let failed = |source| ReportError::Template { format: "markdown", source };
    let engine = templates::markdown_over_time().map_err(failed)?;
    let context = Context::from_serialize(view).map_err(failed)?;
    Ok(engine.render(name, &context).map_err(failed)?.into_bytes())
}

/// JSON, indented, with one line feed at its end.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Plain data with keys that are strings: it cannot fail, and nothing would be seen by every reader.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
