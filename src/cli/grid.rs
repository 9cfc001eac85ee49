//! Plain lists for the terminal: a header, a rule, rows; no frames.

use comfy_table::{ContentArrangement, Table, presets};

use super::terminal_width;
use crate::report::escape;

/// A table of these columns as wide as the terminal; every cell is safe to print.
pub(super) fn grid(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(terminal_width());
    table.set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| escape::terminal(cell).into_owned()));
    }
    let text: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    // The header is one line: column names hold no spaces that could be broken.
    let widest = text.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    match text.split_first() {
        Some((first, rest)) => format!("{first}\n{}\n{}\n", "─".repeat(widest), rest.join("\n")),
        None => String::new(),
    }
}
