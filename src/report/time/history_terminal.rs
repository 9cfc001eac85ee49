//! The record of one cluster, for a terminal.

use anstyle::{AnsiColor, Style};

use super::Look;
use super::history::{days, findings_said, sentences};
use super::history_people::changes;
use super::plots::day;
use crate::model::OutcomeWord;
use crate::model::history::{FindingHistory, FindingState, History};
use crate::report::escape::clip;
use crate::report::terminal::{BOLD, DIM, Page, outcome_style, severity_style};
use crate::report::view::time;

/// Lines of one list; the other formats have all.
const SHOWN: usize = 15;
/// Columns before the text of a finding.
const INDENT: u16 = 10;

pub(super) fn text(history: &History, look: Look) -> String {
    let page = Page { width: look.width.max(40), color: look.color };
    let mut out = String::new();
    page.push(&mut out, "", 0, &format!("The record of {} ({})", clip(&history.cluster, 60), history.cluster_uid), 2, BOLD);
    page.push(&mut out, "", 0, &format!("as of {}", time(&history.as_of)), 1, DIM);
    if history.schedule.stale {
        banner(&page, &mut out);
    }
    for warning in &history.warnings {
        let mark = format!("{} ", page.paint(outcome_style(OutcomeWord::NotAssessed), OutcomeWord::NotAssessed.shape()));
        page.push(&mut out, &mark, 2, warning, 4, BOLD);
    }
    out.push('\n');
    for sentence in sentences(history) {
        page.push(&mut out, "", 0, &sentence, 3, Style::new());
    }
    if let Some(last) = history.nights.last() {
        page.push(&mut out, "", 0, &format!("Newest bundle: {}; findings {}", last.bundle, findings_said(&last.findings)), 3, Style::new());
    }
    fixes(&page, &mut out, history);
    findings(&page, &mut out, history, FindingState::Open, "Open, the worst first");
    findings(&page, &mut out, history, FindingState::NoLongerSeen, "No longer seen: nothing shows that they are gone");
    findings(&page, &mut out, history, FindingState::Fixed, "Fixed");
    controls(&page, &mut out, history);
    people(&page, &mut out, history);
    gaps(&page, &mut out, history);
    out
}

/// Stale must look stale.
fn banner(page: &Page, out: &mut String) {
    const LETTERS: [&str; 5] = [
        "█████ █████  ███  █     █████",
        "█       █   █   █ █     █    ",
        "█████   █   █████ █     ████ ",
        "    █   █   █   █ █     █    ",
        "█████   █   █   █ █████ █████",
    ];
    out.push('\n');
    for line in LETTERS {
        out.push_str(&page.paint(AnsiColor::Red.on_default().bold(), line));
        out.push('\n');
    }
    out.push('\n');
}

fn title(page: &Page, out: &mut String, text: &str) {
    out.push('\n');
    page.push(out, "", 0, text, 2, BOLD);
}

fn fixes(page: &Page, out: &mut String, history: &History) {
    if history.findings.is_empty() {
        return;
    }
    title(page, out, "How long findings stood");
    for fix in &history.fixes {
        let word = format!("{:<9} ", fix.severity.word());
        let open = fix
            .oldest_open_days
            .map_or_else(|| "none open".to_owned(), |oldest| format!("{} open, the oldest for {}", fix.open, days(oldest)));
        let fixed = match (fix.median_days, fix.longest_days) {
            (Some(median), Some(longest)) => {
                format!("{} fixed, the middle one after {}, the slowest after {}", fix.fixed, days(median), days(longest))
            }
            _ => "none fixed".to_owned(),
        };
        let text = format!("{open}; {fixed}");
        page.push(out, &page.paint(severity_style(fix.severity), &word), INDENT, &text, 3, Style::new());
    }
}

fn findings(page: &Page, out: &mut String, history: &History, state: FindingState, heading: &str) {
    let all: Vec<&FindingHistory> = history.findings.iter().filter(|finding| finding.state == state).collect();
    if all.is_empty() {
        return;
    }
    title(page, out, &format!("{heading} ({})", all.len()));
    for finding in all.iter().take(SHOWN) {
        let word = format!("{:<9} ", finding.severity.word());
        page.push(out, &page.paint(severity_style(finding.severity), &word), INDENT, &finding.statement, 3, Style::new());
        let since = if finding.since_the_beginning { "since before " } else { "since " };
        let over = finding.gone_at.as_deref().map(|gone| format!(", gone {}", day(gone))).unwrap_or_default();
        let last = if state == FindingState::NoLongerSeen { format!(", last seen {}", day(&finding.last_seen)) } else { String::new() };
        let again = if finding.came_again > 0 { format!(", came again {} times", finding.came_again) } else { String::new() };
        let text = format!(
            "{since}{}{over}{last}, {}{again} · {} · {}",
            day(&finding.first_seen),
            days(finding.days_open),
            finding.control,
            finding.fingerprint
        );
        page.push(out, &" ".repeat(INDENT.into()), INDENT, &text, 3, DIM);
    }
    if all.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("{:<10}and {} more; --format csv has all\n", "", all.len() - SHOWN)));
    }
}

fn controls(page: &Page, out: &mut String, history: &History) {
    let mut changed: Vec<_> = history.controls.iter().filter(|control| control.spans.len() > 1).collect();
    if changed.is_empty() {
        return;
    }
    // The latest change first.
    changed.sort_by(|a, b| b.spans.last().map(|span| &span.from).cmp(&a.spans.last().map(|span| &span.from)).then_with(|| a.id.cmp(&b.id)));
    title(page, out, &format!("Controls that changed, the latest first ({})", changed.len()));
    for control in changed.iter().take(SHOWN) {
        let spans = control.spans.iter().rev().take(4).rev();
        let said: Vec<String> = spans.map(|span| format!("{} from {}", span.was.outcome.label(), day(&span.from))).collect();
        page.push(out, "  ", 2, &format!("{}: {}", control.id, said.join(", ")), 3, Style::new());
    }
    if changed.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("  and {} more; --format html has all\n", changed.len() - SHOWN)));
    }
}

fn people(page: &Page, out: &mut String, history: &History) {
    let all = changes(history);
    if all.is_empty() {
        return;
    }
    title(page, out, &format!("What people said otherwise, the latest first ({})", all.len()));
    for (from, what) in all.iter().take(SHOWN) {
        page.push(out, "  ", 2, &format!("from {}: {}", day(from), clip(what, 300)), 3, Style::new());
    }
    if all.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("  and {} more; --format html has all\n", all.len() - SHOWN)));
    }
}

fn gaps(page: &Page, out: &mut String, history: &History) {
    let gaps = &history.schedule.gaps;
    if gaps.is_empty() {
        return;
    }
    title(page, out, &format!("Gaps in the schedule, the latest first ({})", gaps.len()));
    for gap in gaps.iter().rev().take(SHOWN) {
        let text = format!("{} to {}: {} hours, {} missing", time(&gap.from), time(&gap.to), gap.hours, gap.missed);
        page.push(out, "  ", 2, &text, 2, Style::new());
    }
    if gaps.len() > SHOWN {
        out.push_str(&page.paint(DIM, &format!("  and {} more; --format html has all\n", gaps.len() - SHOWN)));
    }
}
