//! The HTML report: one file, no script, nothing loaded, a policy that forbids both.

use sha2::{Digest, Sha256};

use super::{Format, ReportError, escape, templates, view};
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
    format!("default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'", base64(&Sha256::digest(style.as_bytes())))
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * i) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_as_in_rfc_4648() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
