//! Tables for spreadsheets and back: CSV (RFC 4180) and XLSX (ECMA-376), as far as one sheet of texts goes.
//!
//! What comes back was saved by somebody's office program, or made by somebody else altogether: everything is read within bounds.

mod xlsx;

pub(super) use xlsx::from_xlsx;

use crate::report::escape;
use crate::report::xlsx::{Sheet, workbook};

/// Rows of a sheet.
pub(super) const MOST_ROWS: usize = 50_000;
/// Columns that are looked at.
const MOST_COLUMNS: usize = 64;

/// Rows of cells; the first holds the names of the columns.
pub(super) type Rows = Vec<Vec<String>>;

/// From which day a spreadsheet counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calendar {
    /// Nearly all do.
    From1900,
    /// Those of old for Macs.
    From1904,
}

/// A sheet that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    /// Its rows, without those that were never filled.
    pub(super) rows: Rows,
    /// The number of each, as a spreadsheet shows it.
    pub(super) numbers: Vec<usize>,
    pub(super) calendar: Calendar,
}

/// CSV; cells that a spreadsheet would take for a formula get a quote in front (OWASP, CSV injection).
pub(super) fn to_csv(rows: &Rows) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| format!("\"{}\"", escape::csv_cell(cell).replace('"', "\"\""))).collect();
        out.extend(cells.join(",").into_bytes());
        out.extend(b"\r\n");
    }
    out
}

/// One sheet of texts, on which the row of names stays in sight; in the column `choice` only these words can be chosen.
pub(super) fn to_xlsx(name: &str, rows: &Rows, widths: &[u16], choice: (usize, &[&str])) -> std::io::Result<Vec<u8>> {
    workbook(&[Sheet { name: name.to_owned(), rows: rows.clone(), widths: widths.to_vec(), choice: Some(choice) }])
}

/// Rows of a CSV file, with commas, semicolons or tabs between the cells: spreadsheets write what their language does.
pub(super) fn from_csv(bytes: &[u8]) -> Result<Filled, String> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
        .map_err(|_| "it is not UTF-8; save it as `CSV UTF-8`".to_owned())?;
    let first = text.lines().next().unwrap_or_default();
    let count = |sign: u8| first.bytes().filter(|byte| *byte == sign).count();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|sign| count(*sign)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut rows = Rows::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        if rows.len() > MOST_ROWS {
            return Err(format!("it has more than {MOST_ROWS} rows"));
        }
        rows.push(record.iter().take(MOST_COLUMNS).map(unquoted).collect());
    }
    let numbers = (1..=rows.len()).collect();
    Ok(Filled { rows, numbers, calendar: Calendar::From1900 })
}

/// Without the quote that keeps a spreadsheet from taking it for a formula.
fn unquoted(cell: &str) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if *escape::csv_cell(rest) == *cell => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

/// A date as people and spreadsheets write it: as it is, with a time of day, or the days that a spreadsheet counts. Small numbers are no days
/// of this century and stay as they are, so that a year alone is refused.
pub(super) fn date(text: &str, calendar: Calendar) -> String {
    let text = text.trim();
    let (first, least) = match calendar {
        Calendar::From1900 => (chrono::NaiveDate::from_ymd_opt(1899, 12, 30), 36_526),
        Calendar::From1904 => (chrono::NaiveDate::from_ymd_opt(1904, 1, 1), 35_064),
    };
    let whole = text.split('.').next().unwrap_or_default();
    match whole.parse::<u32>() {
        Ok(days) if (least..=100_000).contains(&days) => first
            .and_then(|start| start.checked_add_days(chrono::Days::new(days.into())))
            .map_or_else(|| text.to_owned(), |day| day.format("%Y-%m-%d").to_string()),
        _ => text.split_once('T').map_or(text, |(day, _)| day).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Rows {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        vec![
            row(&["key", "identity", "decision"]),
            row(&["1", "User <jane> & \"co\"", "keep"]),
            row(&["2", "=HYPERLINK(\"http://x\")", ""]),
            row(&["3", "two\nlines; and, more", "remove"]),
            row(&["4", "'quoted", "-"]),
        ]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let rows = sample();
        let rows_of = |read: Result<Filled, String>| read.map(|filled| filled.rows);
        assert_eq!(rows_of(from_csv(&to_csv(&rows))), Ok(rows.clone()));
        let xlsx = to_xlsx("Access", &rows, &[10, 20, 10], (2, &["keep", "remove"])).expect("written");
        assert_eq!(rows_of(from_xlsx(&xlsx)), Ok(rows.clone()));
        assert_eq!(xlsx, to_xlsx("Access", &rows, &[10, 20, 10], (2, &["keep", "remove"])).expect("written"), "the same bytes");
        let other = String::from_utf8(to_csv(&rows)).expect("text").replace("\",\"", "\";\"");
        assert_eq!(rows_of(from_csv(format!("\u{feff}{other}").as_bytes())), Ok(rows));
    }

    #[test]
    fn dates_of_spreadsheets_are_dates() {
        let usual = |text| date(text, Calendar::From1900);
        assert_eq!(usual("46355"), "2026-11-29");
        assert_eq!(usual("46355.5"), "2026-11-29");
        assert_eq!(usual(" 2026-11-29 "), "2026-11-29");
        assert_eq!(usual("2026-11-29T00:00:00"), "2026-11-29");
        assert_eq!(usual("29.11.2026"), "29.11.2026");
        assert_eq!((usual("2026"), usual("20261129")), ("2026".into(), "20261129".into()), "no day of this century");
        assert_eq!(date("44893", Calendar::From1904), "2026-11-29");
    }
}
