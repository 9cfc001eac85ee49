//! `facts`: the tables that controls look at.

use super::args::{FactsArgs, FactsFormat};
use super::error::{CliError, Exit};
use super::grid::grid;
use super::inputs;
use super::nearest::there_are;
use super::output::print;
use crate::catalog::{Environment, Predicate, RowContext, Values, Work};
use crate::facts::{Row, Table, TableSchema, Tables, schemas};
use crate::model::FactValue;
use crate::report::escape;

pub(super) fn run(args: &FactsArgs) -> Result<Exit, CliError> {
    let snapshot = inputs::snapshot(&args.snapshot)?;
    let Some(name) = &args.table else {
        let text = match args.format {
            FactsFormat::Json => json_schemas(),
            FactsFormat::Table | FactsFormat::Csv => list_schemas(),
        };
        print(text.as_bytes())?;
        return Ok(Exit::Done);
    };
    let schema = schemas().into_iter().find(|schema| schema.name == name).ok_or_else(|| CliError::Unknown {
        what: "table",
        name: name.clone(),
        known: there_are(name, schemas().iter().map(|schema| schema.name)),
    })?;
    let filter = args.filter.as_deref().map(|source| predicate(source, schema)).transpose()?;
    let tables = Tables::those(&snapshot, &|table| table == schema.name)?;
    let table = tables.get(schema.name).ok_or_else(|| CliError::Unknown { what: "table", name: name.clone(), known: String::new() })?;
    let rows = match &filter {
        Some(predicate) => filtered(table, predicate)?,
        None => table.rows.iter().collect(),
    };
    let text = match args.format {
        FactsFormat::Table => {
            let asked: Vec<&str> = filter.iter().flat_map(|predicate| predicate.columns().iter().copied()).collect();
            listing(table.schema, &rows, &asked)
        }
        FactsFormat::Json => json(table.schema, &rows),
        FactsFormat::Csv => csv(table.schema, &rows),
    };
    print(text.as_bytes())?;
    if let Err(gaps) = table.coverage.complete(&table.schema.sources_for(std::iter::empty())) {
        let gaps: Vec<String> = gaps.as_slice().iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect();
        super::tell(&format!("note: rows may be missing:\n  {}", gaps.join("\n  ")));
    }
    Ok(Exit::Done)
}

fn predicate(source: &str, schema: &'static TableSchema) -> Result<Predicate, CliError> {
    Predicate::compile(source, schema, &[]).map_err(|problems| {
        CliError::Where(problems.into_iter().map(|problem| format!("{} (in `{}`)", problem.message, problem.part)).collect())
    })
}

fn filtered<'t>(table: &'t Table, predicate: &Predicate) -> Result<Vec<&'t Row>, CliError> {
    let environment = Environment::default();
    let (mut rows, mut work) = (Vec::new(), Work::default());
    for row in &table.rows {
        match predicate.holds_within(&RowContext::new(&environment, table.schema, row), Values::none(), &mut work) {
            Ok(true) => rows.push(row),
            Ok(false) => {}
            Err(why) => return Err(CliError::WhereUndecided { row: row.key.clone(), why: why.to_string() }),
        }
    }
    Ok(rows)
}

fn list_schemas() -> String {
    let mut text = String::new();
    for schema in schemas() {
        text.push_str(&format!("{}\n  {}\n", schema.name, schema.doc_text()));
        for column in schema.columns {
            text.push_str(&format!("    {:<28} {:<6} {}\n", column.name, column.type_text(), column.doc_text()));
        }
        text.push('\n');
    }
    text
}

fn json_schemas() -> String {
    let tables: Vec<serde_json::Value> = schemas()
        .iter()
        .map(|schema| {
            let columns: Vec<serde_json::Value> = schema
                .columns
                .iter()
                .map(|column| serde_json::json!({"name": column.name, "type": column.type_text(), "may_be_unknown": column.unknowable, "description": column.doc_text(), "needs": column.needs.iter().collect::<Vec<_>>(), "consults": column.consults.iter().collect::<Vec<_>>()}))
                .collect();
            let sources: Vec<_> = schema.sources.iter().collect();
            let consults: Vec<_> = schema.consults.iter().collect();
            serde_json::json!({"name": schema.name, "description": schema.doc_text(), "sources": sources, "consults": consults, "columns": columns})
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(tables))
}

/// Columns that a cell needs at the least on a terminal.
const NARROWEST: u16 = 18;
/// The longest text that one cell shows there.
const LONGEST: usize = 60;

/// On a terminal only the columns that differ between rows, as many as have room; the other formats hold everything.
fn listing(schema: &TableSchema, rows: &[&Row], asked: &[&str]) -> String {
    let differs = |index: usize| rows.windows(2).any(|pair| matches!(pair, [a, b] if a.cells.get(index) != b.cells.get(index)));
    let room = usize::from(super::terminal_width() / NARROWEST).max(3);
    let mut shown: Vec<usize> = asked.iter().filter_map(|name| schema.column(name)).map(|(index, _)| index).collect();
    let useful = (0..schema.columns.len()).filter(|&index| rows.len() < 2 || differs(index));
    for index in useful {
        if shown.len() < room && !shown.contains(&index) {
            shown.push(index);
        }
    }
    shown.sort_unstable();
    let header: Vec<&str> = shown.iter().filter_map(|&index| schema.columns.get(index)).map(|column| column.name).collect();
    let cells = |row: &&Row| shown.iter().map(|&index| escape::clip(&row.fact(index).to_string(), LONGEST)).collect();
    let hidden = schema.columns.len() - shown.len();
    let more = if hidden > 0 { format!(", {hidden} more columns with --format json or csv") } else { String::new() };
    format!("{}\n{} rows{more}\n", grid(&header, rows.iter().map(cells)), rows.len())
}

fn json(schema: &TableSchema, rows: &[&Row]) -> String {
    let objects: Vec<serde_json::Map<String, serde_json::Value>> = rows
        .iter()
        .map(|row| {
            let cell = |(index, column): (usize, &crate::facts::Column)| (column.name.to_owned(), serde_json::json!(row.fact(index)));
            schema.columns.iter().enumerate().map(cell).collect()
        })
        .collect();
    format!("{:#}\n", serde_json::json!(objects))
}

/// RFC 4180; cells that a spreadsheet would take for a formula get a quote in front (OWASP, CSV injection).
fn csv(schema: &TableSchema, rows: &[&Row]) -> String {
    let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
    let mut write = |cells: Vec<String>| writer.write_record(cells).is_ok();
    let mut complete = write(schema.columns.iter().map(|column| column.name.to_owned()).collect());
    for row in rows {
        let cell = |index: usize| match row.fact(index) {
            FactValue::Null => String::new(),
            FactValue::Text(text) => text,
            FactValue::List(items) => items.join("\n"),
            other => other.to_string(),
        };
        complete &= write((0..schema.columns.len()).map(|index| escape::csv_cell(&cell(index)).into_owned()).collect());
    }
    // Writing to memory cannot fail; if it ever did, no output is better than a short one.
    let bytes = if complete { writer.into_inner().unwrap_or_else(|_| Vec::new()) } else { Vec::new() };
    String::from_utf8_lossy(&bytes).into_owned()
}
