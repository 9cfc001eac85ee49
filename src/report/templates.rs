//! The template engines, one per escaping rule. Templates are embedded, so that the program is one file.

use include_dir::{Dir, DirEntry, include_dir};
use tera::{Context, Tera};

use super::view::View;
use super::{ReportError, escape};

static HTML: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/html");
static MARKDOWN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/markdown");
static TIME: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/time");

fn load(tera: &mut Tera, folder: &Dir<'static>, wanted: impl Fn(&str) -> bool) -> Result<(), tera::Error> {
    let files = folder.entries().iter().filter_map(DirEntry::as_file);
    let files = files.filter(|file| file.path().to_str().is_some_and(&wanted));
    let named = files.filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?)));
    tera.add_raw_templates(named)
}

/// HTML. Every suffix is escaped, that of the style sheet too: its one value is built so that escaping leaves it as it is.
pub(super) fn html() -> Result<Tera, tera::Error> {
    let mut tera = Tera::new();
    tera.set_escape_fn(escape::html);
    tera.autoescape_on([""]);
    load(&mut tera, &HTML, |_| true)?;
    Ok(tera)
}

/// Markdown.
pub(super) fn markdown() -> Result<Tera, tera::Error> {
    let mut tera = Tera::new();
    tera.set_escape_fn(escape::markdown);
    tera.autoescape_on([""]);
    tera.register_filter("code", escape::markdown_code);
    tera.register_filter("target", escape::markdown_target);
    tera.register_filter("verbatim", escape::markdown_verbatim);
    load(&mut tera, &MARKDOWN, |_| true)?;
    Ok(tera)
}

/// HTML of more than one moment: the sheet and the small pieces are those of the report.
pub(super) fn html_over_time() -> Result<Tera, tera::Error> {
    let mut tera = Tera::new();
    tera.set_escape_fn(escape::html);
    tera.autoescape_on([""]);
    load(&mut tera, &HTML, |name| ["parts.html", "report.css"].contains(&name))?;
    load(&mut tera, &TIME, |name| !name.ends_with(".md"))?;
    Ok(tera)
}

/// Markdown of more than one moment.
pub(super) fn markdown_over_time() -> Result<Tera, tera::Error> {
    let mut tera = Tera::new();
    tera.set_escape_fn(escape::markdown);
    tera.autoescape_on([""]);
    tera.register_filter("code", escape::markdown_code);
    load(&mut tera, &TIME, |name| name.ends_with(".md"))?;
    Ok(tera)
}

/// The view as a context of templates.
pub(super) fn context(view: &View, format: &'static str) -> Result<Context, ReportError> {
    Context::from_serialize(view).map_err(|source| ReportError::Template { format, source })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Assessment;

    /// The least that is an assessment.
    const EMPTY: &str = r#"{"schema": "kube-hipaa/assessment/v1", "tool": {"name": "kube-hipaa", "version": "0", "commit": "0"},
        "catalog": {"version": "0", "sha256": "", "overlays": []}, "snapshot_sha256": "", "cluster": {"name": "", "server": ""},
        "collected": {"started": "", "finished": "", "identity": {"groups": []}, "requests": 0},
        "scope": {"source": "default", "ephi_namespaces": [], "other_namespaces": [], "unmatched": [], "complete": true, "sha256": ""},
        "totals": {"controls": {"fail": 0, "not_assessed": 0, "manual": 0, "pass": 0, "not_applicable": 0},
                   "findings": {"critical": 0, "high": 0, "medium": 0, "low": 0}, "sources": {}},
        "coverage": [], "controls": [], "paragraphs": []}"#;

    /// A variable that is misspelt in an `if` is quietly false, so rendering does not show it.
    #[test]
    fn templates_use_only_variables_that_exist() -> Result<(), Box<dyn std::error::Error>> {
        let empty: Assessment = serde_json::from_str(EMPTY)?;
        let view = serde_json::to_value(super::super::view::build(&empty))?;
        let mut known: BTreeSet<String> = view.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
        known.extend(["csp", "footer_css"].map(str::to_owned));
        for (engine, main) in [(html()?, "report.html"), (markdown()?, "report.md")] {
            let names: Vec<&str> = engine.get_template_names().collect();
            assert!(names.contains(&main), "{names:?}");
            for name in names {
                let used: BTreeSet<String> = engine.get_template_variables(name)?.into_iter().map(str::to_owned).collect();
                let unknown: Vec<_> = used.difference(&known).collect();
                assert!(unknown.is_empty(), "{name} uses {unknown:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn an_empty_assessment_renders() -> Result<(), Box<dyn std::error::Error>> {
        let empty: Assessment = serde_json::from_str(EMPTY)?;
        for format in super::super::FORMATS {
            let documents = format.render(&super::super::Reported::new(&empty))?;
            assert_eq!(documents.first().map(|document| document.name), format.files().first().map(|file| file.name));
            for document in documents {
                assert!(!document.bytes()?.is_empty());
            }
        }
        Ok(())
    }
}
