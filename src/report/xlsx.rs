//! Sheets of texts for spreadsheets (ECMA-376): every cell is a text and never a formula, and the same rows give the same bytes.

use std::io::{self, Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::escape;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const TYPES: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
/// Rows that a spreadsheet takes (ECMA-376 leaves it open; those that are in use take 1,048,576).
const MOST_ROWS: usize = 1_000_000;
/// Characters that a cell takes.
const MOST_CELL: usize = 32_000;

/// One sheet.
pub struct Sheet<'a> {
    /// Its name, at most 31 characters.
    pub name: String,
    /// Its rows; the first holds the names of the columns and stays in sight.
    pub rows: Vec<Vec<String>>,
    /// Widths of the first columns, in characters.
    pub widths: Vec<u16>,
    /// A column in which only these words can be chosen.
    pub choice: Option<(usize, &'a [&'a str])>,
}

/// A file of such sheets; the only errors are those of packing.
pub fn workbook(sheets: &[Sheet<'_>]) -> io::Result<Vec<u8>> {
    let each = |line: fn(usize, &Sheet<'_>) -> String| sheets.iter().enumerate().map(|(i, sheet)| line(i + 1, sheet)).collect::<String>();
    let types = format!(
        "{HEAD}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPES}.sheet.main+xml\"/>{}\
         <Override PartName=\"/xl/styles.xml\" ContentType=\"{TYPES}.styles+xml\"/></Types>",
        each(|number, _| format!("<Override PartName=\"/xl/worksheets/sheet{number}.xml\" ContentType=\"{TYPES}.worksheet+xml\"/>"))
    );
    let relations = format!(
        "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let names = each(|number, sheet| format!("<sheet name=\"{}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>", xml(&sheet.name)));
    let workbook = format!("{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{names}</sheets></workbook>");
    let of_workbook = format!(
        "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\">{}<Relationship Id=\"rId{}\" Type=\"{OFFICE}/styles\" Target=\"styles.xml\"/></Relationships>",
        each(|number, _| format!("<Relationship Id=\"rId{number}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>")),
        sheets.len() + 1
    );
    // Format 49 is text: what looks like a date or a number stays as it was typed. The second is bold, the third wraps.
    let styles = format!(
        "{HEAD}<styleSheet xmlns=\"{MAIN}\"><fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills><borders count=\"1\"><border/></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs><cellXfs count=\"3\"><xf numFmtId=\"49\" applyNumberFormat=\"1\"/><xf numFmtId=\"49\" fontId=\"1\" applyNumberFormat=\"1\" applyFont=\"1\"/>\
         <xf numFmtId=\"49\" applyNumberFormat=\"1\" applyAlignment=\"1\"><alignment vertical=\"top\" wrapText=\"1\"/></xf></cellXfs><cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>"
    );
    let mut parts = vec![
        ("[Content_Types].xml".to_owned(), types),
        ("_rels/.rels".to_owned(), relations),
        ("xl/workbook.xml".to_owned(), workbook),
        ("xl/_rels/workbook.xml.rels".to_owned(), of_workbook),
        ("xl/styles.xml".to_owned(), styles),
    ];
    for (i, sheet) in sheets.iter().enumerate() {
        parts.push((format!("xl/worksheets/sheet{}.xml", i + 1), format!("{HEAD}{}", worksheet(sheet))));
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).last_modified_time(DateTime::default());
    for (name, text) in parts {
        zip.start_file(name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

/// As much of a text as a cell takes, counted as spreadsheets do (UTF-16), with a sign where something was left off.
fn cut(cell: &str) -> String {
    const SIGN: &str = "… (cut: a cell takes no more; the list beside this file has all)";
    // A cell may have several lines.
    let shown = cell.split('\n').map(escape::visible).collect::<Vec<_>>().join("\n");
    let mut units = 0;
    let end = shown.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > MOST_CELL
    });
    match end {
        Some((end, _)) => format!("{}{SIGN}", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}

fn worksheet(sheet: &Sheet<'_>) -> String {
    let mut text = format!(
        "<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><cols>"
    );
    for (index, width) in sheet.widths.iter().enumerate() {
        text.push_str(&format!("<col min=\"{0}\" max=\"{0}\" width=\"{width}\" customWidth=\"1\" style=\"0\"/>", index + 1));
    }
    text.push_str("</cols><sheetData>");
    for (row, cells) in sheet.rows.iter().take(MOST_ROWS).enumerate() {
        text.push_str(&format!("<row r=\"{}\">", row + 1));
        for (column, cell) in cells.iter().enumerate() {
            let style = if row == 0 { 1 } else { 2 };
            let place = format!("{}{}", letters(column), row + 1);
            // As a text within the sheet it is never a formula.
            text.push_str(&format!(
                "<c r=\"{place}\" s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>",
                xml(&cut(cell))
            ));
        }
        text.push_str("</row>");
    }
    let last_column = letters(sheet.rows.first().map_or(0, |row| row.len().saturating_sub(1)));
    let last_row = sheet.rows.len().clamp(1, MOST_ROWS);
    text.push_str(&format!("</sheetData><autoFilter ref=\"A1:{last_column}{last_row}\"/>"));
    if let Some((column, words)) = sheet.choice.filter(|_| sheet.rows.len() > 1) {
        let column = letters(column);
        text.push_str(&format!(
            "<dataValidations count=\"1\"><dataValidation type=\"list\" allowBlank=\"1\" showErrorMessage=\"1\" sqref=\"{column}2:{column}{last_row}\"><formula1>\"{}\"</formula1></dataValidation></dataValidations>",
            xml(&words.join(","))
        ));
    }
    text.push_str("</worksheet>");
    text
}

/// `A`, `B`, … `Z`, `AA`, ….
fn letters(column: usize) -> String {
    let letter = |number: usize| char::from(b'A' + u8::try_from(number % 26).unwrap_or_default());
    match column / 26 {
        0 => letter(column).to_string(),
        more => format!("{}{}", letters(more - 1), letter(column)),
    }
}

/// Text for XML: what no XML can hold is shown as a visible sign.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c => {
                let mut bytes = [0; 4];
                out.push_str(&escape::visible(c.encode_utf8(&mut bytes)));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        assert_eq!((letters(0), letters(25), letters(26), letters(701)), ("A".into(), "Z".into(), "AA".into(), "ZZ".into()));
    }
}
