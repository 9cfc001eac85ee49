//! `findings.txt`: one line per finding, for `grep`.

use super::{Document, File, Format, ReportError, Reported, escape};

/// `findings.txt`.
pub(super) struct Lines;

impl Format for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }
    fn files(&self) -> &'static [File] {
        // By the mark, `--force` knows a file of ours.
        &[File { name: "findings.txt", mark: "severity control statement" }]
    }
    fn description(&self) -> &'static str {
        "one line per finding, for grep"
    }
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
        let mut text = String::from("severity control statement\n");
        for control in &reported.assessment.controls {
            for finding in control.findings() {
                let line = format!("{} {} {}", finding.severity.word(), control.id, finding.statement);
                text.push_str(&escape::terminal(&line));
                text.push('\n');
            }
        }
        Ok(vec![Document::whole("findings.txt", text.into_bytes())])
    }
}
