//! What changed, for a terminal.

use anstyle::Style;

use super::Look;
use super::diff::{counted, heading, otherwise, outcomes, severities};
use crate::model::{ControlDiff, Diff, DiffStatus, FindingDiff, OutcomeWord};
use crate::report::escape::{clip, terminal};
use crate::report::terminal::{BOLD, DIM, Page, outcome_style, severity_style};
use crate::report::view::time;

/// Findings of one status that are listed; the other formats have all.
const SHOWN: usize = 25;
/// Columns before the text of a finding.
const INDENT: u16 = 10;

pub(super) fn text(diff: &Diff, look: Look) -> String {
    let page = Page { width: look.width.max(40), color: look.color };
    let mut out = String::new();
    let head =
        format!("{} · {} → {}", clip(&diff.new.cluster.name, 60), time(&diff.old.collected.finished), time(&diff.new.collected.finished));
    page.push(&mut out, "", 0, &head, 3, BOLD);
    page.push(&mut out, "", 0, &format!("Findings: {}", counted(&diff.totals.findings)), 3, Style::new());
    page.push(&mut out, "", 0, &format!("Before    {}", severities(&diff.old.findings)), 2, DIM);
    page.push(&mut out, "", 0, &format!("Now       {}", severities(&diff.new.findings)), 2, DIM);
    page.push(&mut out, "", 0, &diff.method_said, 4, DIM);
    for warning in &diff.warnings {
        page.push(&mut out, &mark(&page), 2, warning, 4, BOLD);
    }
    for status in DiffStatus::ALL.into_iter().filter(|status| *status != DiffStatus::Same) {
        findings(&page, &mut out, diff, status);
    }
    moved(&page, &mut out, diff);
    said(&page, &mut out, diff);
    sources(&page, &mut out, diff);
    beside(&page, &mut out, diff);
    if diff.said.is_empty() && diff.controls.iter().all(|control| control.status == DiffStatus::Same) {
        out.push_str("\nNothing changed.\n");
    }
    out
}

fn mark(page: &Page) -> String {
    format!("{} ", page.paint(outcome_style(OutcomeWord::NotAssessed), OutcomeWord::NotAssessed.shape()))
}

fn title(page: &Page, out: &mut String, text: &str) {
    out.push_str(&format!("\n{}\n", page.paint(BOLD, text)));
}

fn findings(page: &Page, out: &mut String, diff: &Diff, status: DiffStatus) {
    let all = diff.findings(status);
    if all.is_empty() {
        return;
    }
    title(page, out, &format!("{} ({})", heading(status), all.len()));
    for (control, finding) in all.iter().take(SHOWN) {
        let word = format!("{:<9}", finding.severity.word());
        page.push(out, &format!("{} ", page.paint(severity_style(finding.severity), &word)), INDENT, &finding.statement, 4, Style::new());
        let lead = " ".repeat(INDENT.into());
        page.push(out, &lead, INDENT, &about(control, finding), 4, DIM);
        for value in &finding.values {
            let text = format!("{}: {} → {}", value.what.replace('_', " "), clip(&value.old, 120), clip(&value.new, 120));
            page.push(out, &lead, INDENT, &text, 3, DIM);
        }
    }
    if all.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("{:<10}and {} more; --format json has all\n", "", all.len() - SHOWN)));
    }
}

/// Cause, control and fingerprint.
fn about(control: &ControlDiff, finding: &FindingDiff) -> String {
    let concluded = if finding.proven { "" } else { " (concluded)" };
    let cause = finding.cause.map_or_else(String::new, |cause| format!("{}{concluded}: {} · ", cause.word(), finding.because));
    format!("{cause}{} · {}", control.id, finding.fingerprint)
}

fn moved(page: &Page, out: &mut String, diff: &Diff) {
    let all: Vec<&ControlDiff> = diff.moved().collect();
    if all.is_empty() {
        return;
    }
    title(page, out, &format!("Controls that came out otherwise ({})", all.len()));
    for control in all.iter().take(SHOWN) {
        let causes: Vec<&str> = control.causes.iter().map(|cause| cause.word()).collect();
        let because = if control.because.is_empty() { String::new() } else { format!(": {}", control.because) };
        page.push(out, "  ", 2, &format!("{}  {}", control.id, control.outcomes()), 2, Style::new());
        page.push(out, "    ", 4, &format!("{}{because}", causes.join(", ")), 3, DIM);
    }
    if all.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("  and {} more; --format json has all\n", all.len() - SHOWN)));
    }
}

fn said(page: &Page, out: &mut String, diff: &Diff) {
    if diff.said.is_empty() {
        return;
    }
    title(page, out, &format!("What people say otherwise ({})", diff.said.len()));
    for one in diff.said.iter().map(otherwise).take(SHOWN) {
        page.push(out, "  ", 2, &format!("{}: {} → {}", one.id, clip(&one.old, 160), clip(&one.new, 160)), 3, Style::new());
    }
    if diff.said.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("  and {} more; --format json has all\n", diff.said.len() - SHOWN)));
    }
}

fn sources(page: &Page, out: &mut String, diff: &Diff) {
    if diff.sources.is_empty() {
        return;
    }
    title(page, out, &format!("Sources of which more or less was seen ({})", diff.sources.len()));
    let state = |state: &Option<String>| state.as_deref().unwrap_or("not known").replace('_', " ");
    for source in diff.sources.iter().take(SHOWN) {
        let why = source.why.as_deref().map_or_else(String::new, |why| format!(" ({})", clip(why, 160)));
        let text = format!("{}: {} → {}{why}", source.source, state(&source.old), state(&source.new));
        let lead = if source.lost { mark(page) } else { "  ".to_owned() };
        page.push(out, &lead, 2, &text, 3, Style::new());
    }
    if diff.sources.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("  and {} more; --format json has all\n", diff.sources.len() - SHOWN)));
    }
}

fn beside(page: &Page, out: &mut String, diff: &Diff) {
    let mut lines = Vec::new();
    for (what, names) in [("hold ePHI now", &diff.scope.added), ("do not hold ePHI any more, or are gone", &diff.scope.removed)] {
        if !names.is_empty() {
            lines.push(format!("Namespaces that {what}: {}", clip(&names.join(", "), 400)));
        }
    }
    if !diff.versions.is_empty() {
        let version = |version: Option<u32>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let each = diff.versions.iter().map(|one| format!("{} ({} → {})", one.control, version(one.old), version(one.new)));
        lines.push(format!("Controls of another version: {}", clip(&each.collect::<Vec<_>>().join(", "), 600)));
    }
    if !lines.is_empty() {
        title(page, out, "Rules and scope");
    }
    for line in lines {
        page.push(out, "  ", 2, &line, 8, Style::new());
    }
    if diff.old.controls != diff.new.controls {
        out.push('\n');
        for (word, side) in [("Before", &diff.old), ("Now", &diff.new)] {
            page.push(out, "", 0, &terminal(&format!("{word:<7} {}", outcomes(&side.controls))), 2, DIM);
        }
    }
}
