//! The one form of a document that is read line by line, too: whoever checks a bundle with `awk` and whoever reads JSON see the same.
//!
//! It is JSON (RFC 8259) as it is written here: an object; each member and each element on a line of its own, indented by two spaces a level;
//! `"KEY": VALUE`; what is empty is `{}` or `[]`; a comma ends every line that another member or element follows; the file ends with the last `}` and a line feed, which may be missing.
//! In the three outermost levels no key stands twice.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};

/// A line holds one value. The longest are answers that people wrote.
const MOST_LINE: u64 = 4 * 1024 * 1024;
/// Objects and arrays in one another.
const DEEPEST: usize = 100;
/// Levels in which keys are compared.
const COMPARED: usize = 3;

/// What is open.
struct Level {
    is_object: bool,
    /// Whether a member or an element was read.
    some: bool,
    keys: BTreeSet<Vec<u8>>,
}

/// What was read so far.
#[derive(Default)]
struct Form {
    open: Vec<Level>,
    /// Whether the line before ends with a comma.
    comma: bool,
    ended: bool,
}

/// Whether a document has the form.
///
/// # Errors
/// `InvalidData` says the line that has not; every other error is one of reading.
pub(super) fn check(from: impl Read) -> io::Result<()> {
    let wrong = |number: u64, what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {what}")));
    let mut from = BufReader::with_capacity(128 * 1024, from);
    let (mut form, mut line, mut number) = (Form::default(), Vec::new(), 0);
    loop {
        line.clear();
        if from.by_ref().take(MOST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        // Snapshots that other hands wrote may lack the last line feed; that hides nothing.
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        if content.len() as u64 == MOST_LINE {
            return wrong(number, "it is longer than any line");
        }
        if std::str::from_utf8(content).is_err() {
            return wrong(number, "it is not UTF-8");
        }
        if let Err(what) = form.line(content) {
            return wrong(number, what);
        }
    }
    if form.ended { Ok(()) } else { wrong(number + 1, "it ends before its end") }
}

impl Form {
    fn line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const FORM: &str = "it has not the form in which kube-hipaa writes it";
        if self.ended {
            return Err("something follows behind its end");
        }
        let spaces = line.iter().take_while(|byte| **byte == b' ').count();
        let rest = line.get(spaces..).unwrap_or_default();
        let level = self.open.len();
        if let [first @ (b'}' | b']'), tail @ ..] = rest {
            let Some(closed) = self.open.pop() else { return Err(FORM) };
            let fits = closed.is_object == (*first == b'}') && closed.some && !self.comma && spaces == 2 * (level - 1);
            self.comma = tail == b",";
            self.ended = self.open.is_empty();
            return if fits && (tail.is_empty() || self.comma && !self.ended) { Ok(()) } else { Err(FORM) };
        }
        let Some(inside) = self.open.last_mut() else {
            self.open.push(Level { is_object: true, some: false, keys: BTreeSet::new() });
            return if line == b"{" { Ok(()) } else { Err(FORM) };
        };
        if spaces != 2 * level || inside.some != self.comma {
            return Err(FORM);
        }
        inside.some = true;
        let mut value = rest;
        if inside.is_object {
            let (key, behind) = string(rest).ok_or(FORM)?;
            value = behind.strip_prefix(b": ").ok_or(FORM)?;
            if level <= COMPARED && !inside.keys.insert(key.to_vec()) {
                return Err("a key stands twice");
            }
        }
        if let [begin @ (b'{' | b'[')] = value {
            if level == DEEPEST {
                return Err("it is nested too deeply");
            }
            self.open.push(Level { is_object: *begin == b'{', some: false, keys: BTreeSet::new() });
            self.comma = false;
            return Ok(());
        }
        self.comma = value.ends_with(b",");
        let value = if self.comma { value.get(..value.len() - 1).unwrap_or_default() } else { value };
        if is_scalar(value) { Ok(()) } else { Err(FORM) }
    }
}

/// A string at the beginning, with its quotes, and what follows it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 1;
    (text.first() == Some(&b'"')).then_some(())?;
    loop {
        match text.get(at)? {
            b'"' => return text.split_at_checked(at + 1),
            b'\\' => match text.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' if text.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => at += 6,
                _ => return None,
            },
            0..=0x1f => return None,
            _ => at += 1,
        }
    }
}

/// Something that holds no other values, or an empty object or array.
fn is_scalar(text: &[u8]) -> bool {
    match text {
        b"null" | b"true" | b"false" | b"{}" | b"[]" => true,
        [b'"', ..] => string(text).is_some_and(|(_, behind)| behind.is_empty()),
        _ => is_number(text),
    }
}

/// RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    let mut rest = text.get(whole..).unwrap_or_default();
    let mut good = whole == 1 || whole > 1 && text.first() != Some(&b'0');
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        good &= length > 0;
        rest = fraction.get(length..).unwrap_or_default();
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let length = digits(exponent);
        good &= length > 0;
        rest = exponent.get(length..).unwrap_or_default();
    }
    good && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_here_has_the_form() {
        for value in [
            json!({"a": 1, "b": [], "c": {}, "d": [1, -2, 0.5, 1e300, null, true], "e": [[{}], {"x": {"y": "\u{1f}\u{7f}é\"\\/\n"}}]}),
            json!({"": ""}),
        ] {
            let text = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
            assert!(check(text.as_bytes()).is_ok(), "{text}");
            assert!(check(text.trim_end().as_bytes()).is_ok() && check(format!("{text}\n").as_bytes()).is_err(), "{text}");
            assert!(check(format!("{value}\n").as_bytes()).is_err(), "compact");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for bad in [
            "",
            "\n",
            "[]\n",
            "{}\n",
            "null\n",
            "{\n}\n",
            "{\n  \"a\": 1,\n}\n",
            "{\n  \"a\": 1\n  \"b\": 2\n}\n",
            "{\n   \"a\": 1\n}\n",
            "{\n  \"a\":1\n}\n",
            "{\n  \"a\": 01\n}\n",
            "{\n  \"a\": 1.\n}\n",
            "{\n  \"a\": 1, \"b\": 2\n}\n",
            "{\n  \"a\": \"\u{1}\"\n}\n",
            "{\n  \"a\": \"\\x\"\n}\n",
            "{\n  \"a\": 1,\n  \"a\": 2\n}\n",
            "{\n  \"a\": [\n    1\n  }\n}\n",
            "{\n  \"a\": [\n    1\n  ]\n",
            "{\n  \"a\": 1\n},\n",
            "{\n  \"a\": 1\n}\ngarbage\n",
            "{\n  \"a\": 1\n}garbage\n",
            "{\r\n  \"a\": 1\r\n}\r\n",
            " {\n  \"a\": 1\n}\n",
            "\u{feff}{\n  \"a\": 1\n}\n",
        ] {
            assert_eq!(check(bad.as_bytes()).unwrap_err().kind(), io::ErrorKind::InvalidData, "{bad}");
        }
        assert!(check(&b"{\n  \"a\": \"\xff\"\n}\n"[..]).is_err());
        let deep = (1..=DEEPEST).fold("{\n".to_owned(), |text, level| text + &"  ".repeat(level) + "\"a\": {\n");
        assert!(check(deep.as_bytes()).unwrap_err().to_string().contains("too deeply"));
    }
}
