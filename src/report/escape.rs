//! Escaping, one function per format. What a cluster says is shown, never obeyed: every document sends its strings through here.
//!
//! Names in a cluster may hold NUL, ESC, line feeds and marks that turn the reading direction (see the model's `ObjectRef`). All formats
//! but JSON, which escapes them itself, show such characters as visible signs, so that two names that differ look different.

use std::borrow::Cow;
use std::io::{self, Write};

use tera::{Kwargs, State, Value};

/// Makes invisible and directional characters visible: control characters become control pictures (`␀`, `␊`, `␛`), all others
/// of that sort `⟨U+202E⟩`.
pub fn visible(text: &str) -> Cow<'_, str> {
    // Nearly everything in a cluster is printable ASCII.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push_visible(&mut out, c);
    }
    Cow::Owned(out)
}

fn push_visible(out: &mut String, c: char) {
    match c {
        '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
        '\u{7f}' => out.push('\u{2421}'),
        c if is_hidden(c) => out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
        c => out.push(c),
    }
}

/// Control characters, format characters that show nothing or turn the direction, and code points that are no characters.
fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || matches!(code,
            0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e
            | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xfdd0..=0xfdef | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0xe0000..=0xe0fff)
        || code & 0xfffe == 0xfffe
        || matches!(code, 0xe000..=0xf8ff | 0xf0000..=0x10ffff)
}

/// For HTML: text and quoted attribute values.
pub(crate) fn html(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for c in visible(text).chars() {
        match c {
            '&' => out.write_all(b"&amp;")?,
            '<' => out.write_all(b"&lt;")?,
            '>' => out.write_all(b"&gt;")?,
            '"' => out.write_all(b"&quot;")?,
            '\'' => out.write_all(b"&#39;")?,
            c => out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?,
        }
    }
    Ok(())
}

/// For Markdown: text within a line, a heading, an item of a list or a cell of a table. What would begin a block where the text begins a
/// line or an item is escaped there (CommonMark 0.31, 4.1, 4.3, 5.2).
pub(crate) fn markdown(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = visible(text);
    let mut before = '\0';
    let (mut first, mut number) = (true, true);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // The text of an item begins where its first letter stands, and lists below it no deeper than that.
            ' ' if before == '\0' && rest.peek() == Some(&' ') => out.write_all(b"&#32;")?,
            '-' | '+' | '=' if first && rest.peek().is_none_or(|next| !next.is_alphanumeric()) => write!(out, "\\{c}")?,
            '.' | ')' if number && !first && rest.peek().is_none_or(|next| next.is_whitespace()) => write!(out, "\\{c}")?,
            '&' => out.write_all(b"&amp;")?,
            '<' => out.write_all(b"&lt;")?,
            '>' => out.write_all(b"&gt;")?,
            // In a cell of a table a backslash before `|` is read differently by different readers.
            '|' => out.write_all(b"&#124;")?,
            // Readers of GitHub's dialect make links of addresses and names even where the sign is escaped, but not in code.
            '@' => {
                out.write_all(b"`@")?;
                while rest.next_if_eq(&'@').is_some() {
                    out.write_all(b"@")?;
                }
                out.write_all(b"`")?;
            }
            '\\' | '`' | '*' | '[' | ']' | '#' | '~' | '$' | '^' => write!(out, "\\{c}")?,
            '_' if before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric()) => out.write_all(b"_")?,
            '_' => out.write_all(b"\\_")?,
            ':' if rest.peek() == Some(&'/') => out.write_all(b"\\:")?,
            '.' if before.eq_ignore_ascii_case(&'w') => out.write_all(b"\\.")?,
            c => out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?,
        }
        before = c;
        first &= c.is_whitespace();
        number &= c.is_whitespace() || c.is_ascii_digit();
    }
    Ok(())
}

/// The filter `code` of the Markdown templates: a code span where the text holds nothing that a code span or a cell could choke on,
/// escaped text otherwise. Its result is final.
pub(crate) fn markdown_code(value: Value, _: Kwargs, _: &State) -> Value {
    let text = value.to_string();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '`' | '|' | '\\');
    if !text.is_empty() && text.chars().all(|c| plain(c) || c == ' ') && text.starts_with(plain) && text.ends_with(plain) {
        return Value::safe_string(&format!("`{text}`"));
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    // Writing into a vector does not fail.
    let _ = markdown(&text, &mut out);
    Value::safe_string(&String::from_utf8_lossy(&out))
}

/// The filter `target` of the Markdown templates: an anchor, which the view builds of letters, digits, `.`, `-` and `_` only. Anything
/// else is left out. Its result is final.
pub(crate) fn markdown_target(value: Value, _: Kwargs, _: &State) -> Value {
    let text: String = value.to_string().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
    Value::safe_string(&text)
}

/// The filter `verbatim` of the Markdown templates: one line of an indented code block, in which nothing is read as markup. Its result
/// is final.
pub(crate) fn markdown_verbatim(value: Value, _: Kwargs, _: &State) -> Value {
    Value::safe_string(&visible(&value.to_string()))
}

/// For terminals: no control character, ESC or mark that turns the direction gets through.
pub(crate) fn terminal(text: &str) -> Cow<'_, str> {
    visible(text)
}

/// The same for text of several lines that the program itself laid out.
pub(crate) fn terminal_lines(text: &str) -> String {
    text.split('\n').map(terminal).collect::<Vec<_>>().join("\n")
}

/// For one cell of a CSV file: what a spreadsheet would take for a formula gets a quote in front (OWASP, CSV injection), also behind
/// spaces and in full-width forms.
pub(crate) fn csv_cell(text: &str) -> Cow<'_, str> {
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}');
    let plain = || text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
    let shown = match text.contains('\n') {
        true if plain() => Cow::Borrowed(text),
        true => Cow::Owned(text.split('\n').map(visible).collect::<Vec<_>>().join("\n")),
        false => visible(text),
    };
    if text.starts_with(starts) || shown.trim_start().starts_with(starts) { Cow::Owned(format!("'{shown}")) } else { shown }
}

/// For the value of a label in the text format of Prometheus, between quotes.
pub(crate) fn prometheus_label(text: &str) -> String {
    // No line feed is left that would have to be written as `\n`.
    visible(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// For the inside of a CSS string: everything but letters, digits and spaces as `\`, hex digits and the space that ends them.
pub(crate) fn css_string(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == ' ' => out.push(c),
            c => out.push_str(&format!("\\{:X} ", u32::from(c))),
        }
    }
    out
}

/// At most `limit` characters of `text`, with a sign where something was cut.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}… ({} characters)", text.get(..end).unwrap_or(text), text.chars().count()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_cells_are_never_formulas() {
        for formula in ["=1+1", "+1", "-1", "@x", "  =1", "\t=1", "＝1", "\r=1"] {
            assert!(csv_cell(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(csv_cell("plain"), "plain");
        assert_eq!(csv_cell("a=1"), "a=1");
    }

    fn written(function: fn(&str, &mut dyn Write) -> io::Result<()>, text: &str) -> io::Result<String> {
        let mut out = Vec::new();
        function(text, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn hidden_characters_become_visible() {
        assert_eq!(visible("a\0b\u{1b}[1m\n\u{7f}\u{202e}x\u{200d}"), "a␀b␛[1m␊␡⟨U+202E⟩x⟨U+200D⟩");
        assert_eq!(visible("plain é 日本"), "plain é 日本");
    }

    #[test]
    fn html_is_inert() -> io::Result<()> {
        assert_eq!(written(html, "<a href=\"x\" o='y'>&")?, "&lt;a href=&quot;x&quot; o=&#39;y&#39;&gt;&amp;");
        Ok(())
    }

    #[test]
    fn markdown_is_inert_and_readable() -> io::Result<()> {
        assert_eq!(written(markdown, "run_as_root is [x](http://y) a|b www.z")?, "run_as_root is \\[x\\](http\\://y) a&#124;b www\\.z");
        assert_eq!(written(markdown, "me@clinic")?, "me`@`clinic");
        for (text, held) in
            [("---", "\\---"), (" - a - b", " \\- a - b"), ("1. one", "1\\. one"), ("2) two", "2\\) two"), ("-5 and 2.0.0", "-5 and 2.0.0")]
        {
            assert_eq!(written(markdown, text)?, held);
        }
        Ok(())
    }

    #[test]
    fn a_css_string_cannot_be_left() {
        assert_eq!(css_string("a\"}</style>"), "a\\22 \\7D \\3C \\2F style\\3E ");
    }

    #[test]
    fn a_label_of_prometheus_cannot_be_left() {
        assert_eq!(prometheus_label("a\"} 1\nb\\"), "a\\\"} 1␊b\\\\");
    }

    #[test]
    fn clipping_says_so() {
        assert_eq!(clip("ééé", 2), "éé… (3 characters)");
        assert_eq!(clip("ab", 2), "ab");
    }
}
