//! The summary for a terminal: what is known, what is not, what matters most, what to do next.

use anstyle::{AnsiColor, Style};
use chrono::DateTime;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width, presets};

use super::escape::{clip, terminal};
use super::view::{self, Group};
use crate::model::{Assessment, OutcomeWord, ScopeSource, Severity};

/// How the summary looks, and what the caller knows beyond the assessment.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// Columns of the terminal; below 40 it is laid out for 40.
    pub width: u16,
    /// Whether styles are written as escape sequences.
    pub color: bool,
    /// Where the report was written, if it was.
    pub report: Option<&'a str>,
    /// The command to run next, if there is one.
    pub next: Option<&'a str>,
}

/// The summary, ending with a line feed. Without colour it holds no control character but line feeds.
pub fn summary(assessment: &Assessment, look: &Summary<'_>) -> String {
    let page = Page { width: look.width.max(40), color: look.color };
    let mut out = String::new();
    if let Some(hypothetical) = &assessment.hypothetical {
        for (number, line) in view::hypothetical_said(hypothetical).iter().enumerate() {
            page.push(&mut out, &page.mark(OutcomeWord::NotAssessed), 2, line, 4, if number == 0 { BOLD } else { Style::new() });
        }
        out.push('\n');
    }
    page.head(&mut out, assessment);
    page.people(&mut out, assessment);
    page.unseen(&mut out, assessment);
    page.paragraphs(&mut out, assessment);
    page.findings(&mut out, assessment);
    let mut last = Vec::new();
    last.extend(look.report.map(|path| ("Report", path)));
    last.extend(look.next.map(|command| ("Next", command)));
    if !last.is_empty() {
        out.push('\n');
    }
    for (label, text) in last {
        // A path or a command has to be copied whole: it is never wrapped or cut.
        out.push_str(&format!("{} {}\n", page.paint(BOLD, &format!("{label:<6}")), terminal(text)));
    }
    out
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();

pub(super) fn outcome_style(outcome: OutcomeWord) -> Style {
    match outcome {
        OutcomeWord::Fail => AnsiColor::Red.on_default().bold(),
        OutcomeWord::NotAssessed => AnsiColor::Yellow.on_default().bold(),
        OutcomeWord::Manual => AnsiColor::Blue.on_default().bold(),
        OutcomeWord::Pass => AnsiColor::Green.on_default(),
        OutcomeWord::NotApplicable => DIM,
    }
}

pub(super) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => outcome_style(OutcomeWord::Fail),
        Severity::Medium => outcome_style(OutcomeWord::NotAssessed),
        Severity::Low => DIM,
    }
}

/// Lays text out.
pub(super) struct Page {
    pub(super) width: u16,
    pub(super) color: bool,
}

impl Page {
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(self.width);
        table
    }

    /// `text` in lines that fit, all but the first indented by `indent` columns; the first begins after `indent` columns that the
    /// caller has written.
    fn wrapped(&self, text: &str, indent: u16, most: usize) -> Vec<String> {
        let mut table = self.table();
        table.set_width(self.width.saturating_sub(indent).max(10));
        let mut row = Row::from(vec![Cell::new(terminal(text))]);
        row.max_height(most);
        table.add_row(row);
        if let Some(column) = table.column_mut(0) {
            column.set_padding((0, 0));
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    pub(super) fn push(&self, out: &mut String, first: &str, indent: u16, text: &str, most: usize, style: Style) {
        for (i, line) in self.wrapped(text, indent, most).iter().enumerate() {
            let lead = if i == 0 { first.to_owned() } else { " ".repeat(indent.into()) };
            out.push_str(&format!("{lead}{}\n", self.paint(style, line)));
        }
    }

    fn head(&self, out: &mut String, assessment: &Assessment) {
        let Assessment { cluster, collected, scope, .. } = assessment;
        let unknown =
            |value: &Option<String>, what: &str| value.as_deref().map_or_else(|| format!("{what} not known"), |text| clip(text, 60));
        let nodes = cluster
            .nodes
            .map_or_else(|| "nodes not read".to_owned(), |nodes| if nodes == 1 { "1 node".into() } else { format!("{nodes} nodes") });
        let mut parts = vec![clip(&cluster.name, 60), unknown(&cluster.version, "version")];
        parts.extend(cluster.distribution.as_deref().map(|text| clip(text, 30)));
        parts.push(nodes);
        self.push(out, "", 0, &parts.join(" · "), 3, BOLD);
        let took = seconds(&collected.started, &collected.finished).map_or_else(String::new, |took| format!(" in {took}"));
        let user =
            collected.identity.user.as_deref().map_or_else(|| "an identity that the server did not name".to_owned(), |user| clip(user, 80));
        self.push(out, "", 0, &format!("Read by {user}, {} requests{took}", collected.requests), 3, Style::new());
        let all = scope.ephi_namespaces.len() + scope.other_namespaces.len();
        let count = format!("{} of {all} namespaces", scope.ephi_namespaces.len());
        let said = match scope.source {
            ScopeSource::Default => format!("ePHI: nobody declared where it is, so {count} are treated as holding it (--ephi-namespace)"),
            ScopeSource::File | ScopeSource::Flags => {
                let names: Vec<String> = scope.ephi_namespaces.iter().map(|name| clip(name, 40)).collect();
                let part = |word: &str, value: &Option<String>| {
                    value.as_ref().map(|value| format!(" {word} {}", clip(value, 40))).unwrap_or_default()
                };
                let by = part("by", &scope.declared_by) + &part("on", &scope.declared_on);
                let nobody = scope.source == ScopeSource::File && scope.declared_by.is_none();
                let by = if nobody { format!(" by nobody who is named{by}") } else { by };
                format!("ePHI declared{by} in {count}: {}", names.join(", "))
            }
        };
        self.push(out, "", 0, &said, 2, Style::new());
        if !scope.unmatched.is_empty() {
            let names: Vec<String> = scope.unmatched.iter().map(|name| clip(name, 63)).collect();
            let text = format!("Declared as holding ePHI, and no namespace that was read matches: {}", names.join(", "));
            self.push(out, &self.mark(OutcomeWord::NotAssessed), 2, &text, 3, Style::new());
        }
        if cluster.tls_unverified {
            let text = "The server's certificate was not verified: nothing shows that this was the cluster meant.";
            self.push(out, &self.mark(OutcomeWord::NotAssessed), 2, text, 3, Style::new());
        }
    }

    fn mark(&self, outcome: OutcomeWord) -> String {
        format!("{} ", self.paint(outcome_style(outcome), outcome.shape()))
    }

    fn unseen(&self, out: &mut String, assessment: &Assessment) {
        if view::unread(assessment) == 0 {
            return;
        }
        out.push('\n');
        let mark = self.mark(OutcomeWord::NotAssessed);
        self.push(out, &mark, 2, &view::unseen_line(assessment), 3, BOLD);
        self.push(out, "  ", 2, "kube-hipaa preflight says which, and what to grant.", 2, DIM);
    }

    fn paragraphs(&self, out: &mut String, assessment: &Assessment) {
        let layout = Layout::of(self.width);
        let mut table = self.table();
        let mut header = vec![Cell::new(if layout == Layout::Narrow { "" } else { "Paragraph" }), Cell::new("")];
        for outcome in OutcomeWord::OF_CHECKS {
            let (shape, label) = (outcome.shape(), outcome.cited());
            let text = match layout {
                Layout::Narrow => shape.to_owned(),
                Layout::Middle => format!("{shape} {}", label.replacen(' ', "\n", 1)),
                Layout::Wide => format!("{shape} {label}"),
            };
            header.push(Cell::new(text).set_alignment(CellAlignment::Right));
        }
        table.set_header(header);
        let mut quiet = 0_u64;
        for (id, title, counts) in view::paragraph_counts(assessment) {
            // A person looks at one screen; how many there are stands below.
            if matches!(counts, [0, 0, ..]) {
                quiet += 1;
                continue;
            }
            let title = if layout == Layout::Narrow { String::new() } else { title };
            let mut row = vec![Cell::new(terminal(&id)), Cell::new(terminal(&title))];
            row.extend(counts.map(number));
            let mut row = Row::from(row);
            row.max_height(1);
            table.add_row(row);
        }
        let mut total = vec![Cell::new("All checks"), Cell::new("")];
        total.extend(OutcomeWord::OF_CHECKS.map(|outcome| number(assessment.totals.controls.get(outcome))));
        table.add_row(total);
        let gap = if layout == Layout::Wide { 2 } else { 1 };
        let last = OutcomeWord::OF_CHECKS.len() + 1;
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { gap }));
        }
        // Numbers and ids are never cut; the title gives way.
        for (index, width) in layout.widths() {
            if let Some(column) = table.column_mut(index) {
                let padding = column.padding_width();
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + padding)));
            }
        }
        out.push('\n');
        self.push(out, "", 0, "Checks relevant to each paragraph (one may count in several, and decides none)", 2, BOLD);
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        let rule = "─".repeat(lines.iter().map(|line| line.chars().count()).max().unwrap_or(0));
        let header = lines.len().saturating_sub(table.row_count());
        for (i, line) in lines.iter().enumerate() {
            if i == header || i + 1 == lines.len() {
                out.push_str(&format!("{}\n", self.paint(DIM, &rule)));
            }
            let painted = match i {
                i if i < header => self.shapes(line),
                i if i + 1 == lines.len() => self.paint(BOLD, line),
                _ => line.clone(),
            };
            out.push_str(&format!("{painted}\n"));
        }
        if quiet > 0 {
            let text = format!("{} not listed: none noted in what was examined.", view::many(quiet, "more paragraph", "more paragraphs"));
            self.push(out, "", 0, &text, 2, DIM);
        }
        let counts = &assessment.totals.controls;
        let mut meanings = Vec::new();
        if counts.not_assessed > 0 {
            meanings.push("▲ could not be seen: unknown, never a pass".to_owned());
        }
        if counts.manual > 0 {
            meanings.push(format!("◆ {}", view::many(counts.manual, "question to people", "questions to people")));
        }
        for line in self.wrapped(&meanings.join("   "), 0, 2).into_iter().filter(|line| !line.is_empty()) {
            out.push_str(&format!("{}\n", self.shapes(&line)));
        }
        if layout == Layout::Narrow {
            let legend = OutcomeWord::OF_CHECKS.map(|outcome| format!("{} {}", outcome.shape(), outcome.cited())).join("  ");
            out.push('\n');
            for line in self.wrapped(&legend, 0, 2) {
                out.push_str(&format!("{}\n", self.shapes(&line)));
            }
        }
    }

    /// `line` with the shapes of outcomes in their colours.
    fn shapes(&self, line: &str) -> String {
        OutcomeWord::ALL
            .iter()
            .fold(line.to_owned(), |line, &outcome| line.replace(outcome.shape(), &self.paint(outcome_style(outcome), outcome.shape())))
    }

    /// What people handed in, in one line: the report says the rest.
    fn people(&self, out: &mut String, assessment: &Assessment) {
        let Some(people) = &assessment.people else { return };
        let text = view::people_in_short(people);
        let (mark, indent) = if people.problems.is_empty() { (String::new(), 0) } else { (self.mark(OutcomeWord::NotAssessed), 2) };
        self.push(out, &mark, indent, &text, 2, Style::new());
    }

    fn findings(&self, out: &mut String, assessment: &Assessment) {
        let groups = view::groups(assessment);
        if groups.is_empty() {
            out.push('\n');
            self.push(out, "", 0, "No control found an object that does not meet it.", 2, Style::new());
            return;
        }
        out.push_str(&format!("\n{}\n", self.paint(BOLD, "What matters most")));
        for group in groups.iter().take(5) {
            let severity = group.severity();
            let first = format!("{} ", self.paint(severity_style(severity), &format!("{:<9}", severity.word())));
            self.push(out, &first, 10, &fact(group), 2, Style::new());
        }
        if groups.len() > 5 {
            let rest = groups.len() - 5;
            out.push_str(&format!(
                "{}\n",
                self.paint(
                    DIM,
                    &format!("{:<10}and {rest} more {}", "", if rest == 1 { "group of findings" } else { "groups of findings" })
                )
            ));
        }
    }
}

/// How much room there is for the table of paragraphs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Shapes only, explained below the table.
    Narrow,
    /// Words under their shapes.
    Middle,
    /// Words beside their shapes.
    Wide,
}

impl Layout {
    fn of(width: u16) -> Self {
        match width {
            0..72 => Self::Narrow,
            72..104 => Self::Middle,
            _ => Self::Wide,
        }
    }
    /// Column and least width.
    fn widths(self) -> [(usize, u16); 5] {
        match self {
            Self::Narrow => [(0, 20), (2, 3), (3, 3), (4, 3), (5, 3)],
            Self::Middle => [(0, 20), (2, 12), (3, 8), (4, 6), (5, 9)],
            Self::Wide => [(0, 20), (2, 18), (3, 14), (4, 12), (5, 18)],
        }
    }
}

/// The fact, and where it is.
fn fact(group: &Group<'_>) -> String {
    let (object, others) = group.objects();
    let place = object.map_or_else(String::new, |object| {
        let namespace = object.namespace.as_deref().map_or_else(String::new, |namespace| format!("{}/", clip(namespace, 40)));
        let more = if others > 0 { format!(" and {others} more · ") } else { ": ".to_owned() };
        format!("{namespace}{}{more}", clip(&object.name, 60))
    });
    let wide = if group.reaches_out() { format!(" ({})", group.exposure()) } else { String::new() };
    format!("{place}{}{wide}", group.title())
}

/// Nothing is a dot, so that the eye finds the numbers.
fn number(count: u64) -> Cell {
    let text = if count == 0 { "·".to_owned() } else { count.to_string() };
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// The time between two RFC 3339 times in words.
fn seconds(started: &str, finished: &str) -> Option<String> {
    let time = |text| DateTime::parse_from_rfc3339(text).ok();
    let took = time(finished)?.timestamp().checked_sub(time(started)?.timestamp()).filter(|took| *took >= 0)?;
    Some(match took {
        0 => "less than a second".to_owned(),
        took @ 1..120 => format!("{took} s"),
        took => format!("{} min {} s", took / 60, took % 60),
    })
}
