//! Reads a sheet that an office program saved.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;
use zip::ZipArchive;

use super::{Calendar, Filled, MOST_COLUMNS, MOST_ROWS, Rows};
use crate::report::escape;

/// Bytes of one part of an archive, unpacked.
const MOST_PART: u64 = 64 * 1024 * 1024;
/// Parts of an archive.
const MOST_PARTS: usize = 1_000;

/// The first sheet of an XLSX file that is not hidden.
pub(in crate::cli) fn from_xlsx(bytes: &[u8]) -> Result<Filled, String> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("it is no XLSX file: {error}"))?;
    if zip.len() > MOST_PARTS {
        return Err(format!("it has more than {MOST_PARTS} parts"));
    }
    let workbook = part(&mut zip, "xl/workbook.xml")?.ok_or("it is no XLSX file: it has no workbook")?;
    let Workbook { sheet, calendar } = workbook_of(&workbook)?;
    let relations = part(&mut zip, "xl/_rels/workbook.xml.rels")?.unwrap_or_default();
    let target = target(&relations, &sheet)?.unwrap_or_else(|| "worksheets/sheet1.xml".to_owned());
    let path = match target.strip_prefix('/') {
        Some(whole) => whole.to_owned(),
        None => format!("xl/{target}"),
    };
    let shared = part(&mut zip, "xl/sharedStrings.xml")?.map(|bytes| shared_texts(&bytes)).transpose()?.unwrap_or_default();
    let sheet = part(&mut zip, &path)?.ok_or_else(|| format!("it has no part {}", escape::visible(&path)))?;
    let (rows, numbers) = cells(&sheet, &shared)?;
    Ok(Filled { rows, numbers, calendar })
}

/// A part of the archive, unpacked; none where there is none.
fn part(zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<Vec<u8>>, String> {
    let file = match zip.by_name(name) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(format!("its part {name} cannot be read: {error}")),
    };
    let mut bytes = Vec::new();
    file.take(MOST_PART + 1).read_to_end(&mut bytes).map_err(|error| format!("its part {name} cannot be read: {error}"))?;
    if bytes.len() as u64 > MOST_PART {
        return Err(format!("its part {name} is larger than {MOST_PART} bytes"));
    }
    Ok(Some(bytes))
}

/// Calls `each` for every event. A document type could define texts that grow without end, and no office program writes one.
fn walk(bytes: &[u8], mut each: impl FnMut(Event<'_>) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader::from_reader(bytes);
    loop {
        match reader.read_event().map_err(|error| format!("its XML cannot be read: {error}"))? {
            Event::Eof => return Ok(()),
            Event::DocType(_) => return Err("its XML has a document type, which no spreadsheet has".to_owned()),
            event => each(event)?,
        }
    }
}

/// An attribute by its name with prefix, if any. One that cannot be read may be the one that is looked for.
fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Result<Option<String>, String> {
    the_attribute(element, |key| key.as_ref() == name)
}

/// The same, whatever its prefix is.
fn local_attribute(element: &BytesStart<'_>, name: &[u8]) -> Result<Option<String>, String> {
    the_attribute(element, |key| key.local_name().as_ref() == name)
}

fn the_attribute(element: &BytesStart<'_>, is_it: impl Fn(QName<'_>) -> bool) -> Result<Option<String>, String> {
    let odd = |error: &dyn std::fmt::Display| format!("an attribute in its XML cannot be read: {error}");
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| odd(&error))?;
        if is_it(attribute.key) {
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| odd(&error))?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

/// What a workbook says of its sheets.
struct Workbook {
    /// The id of the relation of the first one that is shown.
    sheet: String,
    calendar: Calendar,
}

/// Spreadsheets of a Mac may count days from another one. A sheet that nobody sees is none that somebody filled in.
fn workbook_of(bytes: &[u8]) -> Result<Workbook, String> {
    let (mut first, mut calendar, mut hidden) = (None, Calendar::From1900, false);
    walk(bytes, |event| {
        let (Event::Start(element) | Event::Empty(element)) = event else { return Ok(()) };
        match element.local_name().as_ref() {
            b"workbookPr" if matches!(attribute(&element, b"date1904")?.as_deref(), Some("1" | "true")) => calendar = Calendar::From1904,
            b"sheet" if matches!(attribute(&element, b"state")?.as_deref(), Some("hidden" | "veryHidden")) => hidden = true,
            // The prefix of the namespace is for whoever wrote it to choose.
            b"sheet" if first.is_none() => first = local_attribute(&element, b"id")?,
            _ => {}
        }
        Ok(())
    })?;
    let none = if hidden { "all its sheets are hidden; show the one that was filled in" } else { "it has no sheet" };
    Ok(Workbook { sheet: first.ok_or_else(|| none.to_owned())?, calendar })
}

/// Where a relation leads.
fn target(bytes: &[u8], id: &str) -> Result<Option<String>, String> {
    let mut found = None;
    walk(bytes, |event| {
        if let Event::Start(element) | Event::Empty(element) = event
            && element.local_name().as_ref() == b"Relationship"
            && attribute(&element, b"Id")?.as_deref() == Some(id)
        {
            found = attribute(&element, b"Target")?;
        }
        Ok(())
    })?;
    Ok(found)
}

/// What an event adds to a text.
fn push_text(event: &Event<'_>, text: &mut String) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("its XML cannot be read: {error}");
    match event {
        Event::Text(part) => text.push_str(&part.decode().map_err(|error| wrong(&error))?),
        Event::CData(part) => text.push_str(&part.decode().map_err(|error| wrong(&error))?),
        Event::GeneralRef(name) => match name.resolve_char_ref().map_err(|error| wrong(&error))? {
            Some(c) => text.push(c),
            None => match &*name.decode().map_err(|error| wrong(&error))? {
                "amp" => text.push('&'),
                "lt" => text.push('<'),
                "gt" => text.push('>'),
                "quot" => text.push('"'),
                "apos" => text.push('\''),
                other => return Err(format!("its XML names the entity {}, which no spreadsheet has", escape::visible(other))),
            },
        },
        _ => {}
    }
    Ok(())
}

/// The texts that cells share: those of one entry together, without the readings of Japanese ones.
fn shared_texts(bytes: &[u8]) -> Result<Vec<String>, String> {
    let (mut all, mut text, mut inside, mut reading) = (Vec::new(), String::new(), false, false);
    walk(bytes, |event| {
        match &event {
            Event::Start(element) => match element.local_name().as_ref() {
                b"si" => text.clear(),
                b"rPh" => reading = true,
                b"t" => inside = !reading,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                b"si" => all.push(std::mem::take(&mut text)),
                b"rPh" => reading = false,
                b"t" => inside = false,
                _ => {}
            },
            Event::Empty(element) if element.local_name().as_ref() == b"si" => all.push(String::new()),
            event if inside => push_text(event, &mut text)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(all)
}

/// The column of a place such as `AB12`, from 0.
fn column_of(place: &str) -> Option<usize> {
    let letters: Vec<u8> = place.bytes().take_while(u8::is_ascii_alphabetic).collect();
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    Some(letters.iter().fold(0, |all, letter| all * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1) - 1)
}

/// Rows with their numbers, as a spreadsheet shows them.
fn cells(bytes: &[u8], shared: &[String]) -> Result<(Rows, Vec<usize>), String> {
    let (mut rows, mut numbers) = (Rows::new(), Vec::new());
    let mut row: BTreeMap<usize, String> = BTreeMap::new();
    let (mut number, mut kind, mut column, mut text) = (0_usize, String::new(), 0_usize, String::new());
    // Readings of Japanese texts stand beside them, and are no part of them.
    let (mut inside, mut reading) = (false, false);
    walk(bytes, |event| {
        match &event {
            Event::Start(element) => match element.local_name().as_ref() {
                b"row" => {
                    row.clear();
                    number = attribute(element, b"r")?.and_then(|number| number.parse().ok()).unwrap_or(number + 1);
                }
                b"c" => {
                    column = attribute(element, b"r")?
                        .and_then(|place| column_of(&place))
                        .unwrap_or_else(|| row.keys().last().map_or(0, |last| last + 1));
                    kind = attribute(element, b"t")?.unwrap_or_default();
                    text.clear();
                }
                b"rPh" => reading = true,
                b"v" | b"t" => inside = !reading,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                b"rPh" => reading = false,
                b"v" | b"t" => inside = false,
                b"c" if column < MOST_COLUMNS => {
                    let value = std::mem::take(&mut text);
                    let value = match kind.as_str() {
                        "s" => value
                            .trim()
                            .parse::<usize>()
                            .ok()
                            .and_then(|index| shared.get(index))
                            .cloned()
                            .ok_or("a cell names a shared text that is not there")?,
                        _ => value,
                    };
                    row.insert(column, value);
                }
                b"row" => {
                    if rows.len() > MOST_ROWS {
                        return Err(format!("it has more than {MOST_ROWS} rows"));
                    }
                    let width = row.keys().last().map_or(0, |last| last + 1);
                    rows.push((0..width).map(|column| row.get(&column).cloned().unwrap_or_default()).collect());
                    numbers.push(number);
                }
                _ => {}
            },
            event if inside => push_text(event, &mut text)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((rows, numbers))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn pack(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in parts {
            zip.start_file(*name, SimpleFileOptions::default()).expect("begun");
            zip.write_all(bytes).expect("written");
        }
        zip.finish().expect("finished").into_inner()
    }

    #[test]
    fn what_office_programs_write_otherwise_is_read() {
        let book = "<workbook xmlns:rel='x'><workbookPr date1904='true'/><sheets><sheet name='a' state='hidden' rel:id='r1'/>\
            <sheet name='b' sheetId='7' rel:id='r2'/></sheets></workbook>";
        let relations = "<Relationships><Relationship Id='r1' Target='worksheets/a.xml'/><Relationship Id='r2' Target='worksheets/b.xml'/></Relationships>";
        let sheet = "<worksheet><sheetData><row r='1'><c r='A1' t='str'><v>decision</v></c></row><row r='10'><c r='A10' t='inlineStr'><is><t>ke</t>\
            <t>ep</t><rPh sb='0' eb='1'><t>kana</t></rPh></is></c></row></sheetData></worksheet>";
        let parts = |book: &str| {
            pack(&[
                ("xl/workbook.xml", book.as_bytes().to_vec()),
                ("xl/_rels/workbook.xml.rels", relations.as_bytes().to_vec()),
                ("xl/worksheets/a.xml", b"<worksheet/>".to_vec()),
                ("xl/worksheets/b.xml", sheet.as_bytes().to_vec()),
            ])
        };
        let filled = from_xlsx(&parts(book)).expect("read");
        assert_eq!(filled.rows, [["decision"], ["keep"]]);
        assert_eq!((filled.numbers, filled.calendar), (vec![1, 10], Calendar::From1904));
        assert_eq!((column_of("A1"), column_of("AB12"), column_of("1"), column_of("ABCD1")), (Some(0), Some(27), None, None));
        let hidden = from_xlsx(&parts(&book.replace("name='b'", "name='b' state='veryHidden'"))).expect_err("hidden");
        assert!(hidden.contains("all its sheets are hidden"), "{hidden}");
    }

    #[test]
    fn hostile_sheets_are_refused_within_bounds() {
        let book = b"<workbook xmlns:r='x'><sheets><sheet name='a' r:id='r'/></sheets></workbook>".to_vec();
        let sheet = |text: &str| pack(&[("xl/workbook.xml", book.clone()), ("xl/worksheets/sheet1.xml", text.as_bytes().to_vec())]);
        for (bytes, why) in [
            (b"PK".to_vec(), "no XLSX file"),
            (pack(&[("x", Vec::new())]), "no workbook"),
            (sheet("<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet/>"), "document type"),
            (sheet("<worksheet><sheetData><row><c t='inlineStr'><is><t>&lol;</t></is></c></row></sheetData></worksheet>"), "entity"),
            (sheet("<worksheet><sheetData><row><c r='A1' r='C1' t='str'><v>x</v></c></row></sheetData></worksheet>"), "attribute"),
            (sheet("<worksheet><sheetData><row><c t='s'><v>99999</v></c></row></sheetData></worksheet>"), "shared text"),
            (pack(&[("xl/workbook.xml", book.clone()), ("xl/worksheets/sheet1.xml", vec![b' '; 65 * 1024 * 1024])]), "larger than"),
        ] {
            let said = from_xlsx(&bytes).expect_err(why);
            assert!(said.contains(why), "{why}: {said}");
        }
        let far = from_xlsx(&sheet("<worksheet><sheetData><row><c r='XFD1' t='str'><v>x</v></c></row></sheetData></worksheet>"));
        assert_eq!(far.map(|filled| filled.rows), Ok(vec![Vec::new()]), "a cell far away takes no space");
    }
}
