//! Writing YAML that people go on with: every text is quoted, and no character of it can end the quotes or the line.

/// A text in double quotes, for one line of YAML.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Everything that is not shown, or shows something else, is written as its number.
            c if is_hidden(c) => {
                let code = u32::from(c);
                if code > 0xffff { out.push_str(&format!("\\U{code:08X}")) } else { out.push_str(&format!("\\u{code:04X}")) }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn is_hidden(c: char) -> bool {
    let mut bytes = [0; 4];
    let text: &str = c.encode_utf8(&mut bytes);
    crate::report::escape::visible(text) != text
}

/// Lines of a comment, as wide as a screen, below `indent` spaces.
pub(super) fn comment(text: &str, indent: usize) -> String {
    const WIDE: usize = 110;
    let lead = format!("{}#", " ".repeat(indent));
    let mut out = String::new();
    for paragraph in text.lines() {
        let mut line = lead.clone();
        let paragraph = crate::report::escape::visible(paragraph).into_owned();
        for word in paragraph.split_whitespace() {
            if line.chars().count() + word.chars().count() > WIDE && line.trim_end() != lead {
                out.push_str(&line);
                out.push('\n');
                // What a line goes on with is no line of its own: it never looks like an entry.
                line = format!("{lead}  ");
            }
            line.push(' ');
            line.push_str(word);
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// All comments of a text, each on a line of its own.
pub(super) fn comments(text: &str) -> String {
    text.lines().filter_map(comment_in).map(|comment| format!("{comment}\n")).collect()
}

/// The comment of a line, if there is one: a `#` at its beginning or behind a space, outside of quotes.
fn comment_in(line: &str) -> Option<&str> {
    let (mut quote, mut before) = (None, ' ');
    for (place, c) in line.char_indices() {
        match quote {
            Some(sign) if c == sign => quote = None,
            Some(_) => {}
            None if c == '#' && before.is_whitespace() => return line.get(place..),
            None if (c == '"' || c == '\'') && !before.is_alphanumeric() => quote = Some(c),
            None => {}
        }
        before = c;
    }
    None
}

/// A text with other lines in the place of these keys of the top, or at its end. Comments stay, those beside what goes on lines of their own.
pub(super) fn refilled(text: &str, keys: &[&str], lines: &str) -> String {
    let (mut before, mut after) = (String::new(), String::new());
    let (mut going, mut found) = (false, false);
    for line in text.lines() {
        if !line.trim().is_empty() && !line.starts_with([' ', '\t', '-', '#']) {
            going = line.split_once(':').is_some_and(|(key, _)| keys.contains(&key.trim().trim_matches(['"', '\''])));
            found |= going;
        }
        let stays = if going && !line.trim().is_empty() { comment_in(line) } else { Some(line) };
        if let Some(stays) = stays {
            let side = if found { &mut after } else { &mut before };
            side.push_str(stays);
            side.push('\n');
        }
    }
    format!("{before}{lines}{after}")
}

/// A name for a file, of letters, digits and `-`: short, and the same for the same text.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
        if slug.len() == 80 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "file".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_quotes_or_its_comment() {
        assert_eq!(quoted("a \"b\" \\ c\nd\u{1b}\u{85}\u{2028}é\u{1f600}"), r#""a \"b\" \\ c\nd\u001B\u0085\u2028é😀""#);
        let text = comment("one\r\ntwo\u{2028}evil: true", 2);
        assert!(text.lines().all(|line| line.starts_with("  # ")), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(slug("164.312(a)(2)(iv)"), "164-312-a-2-iv");
        assert_eq!(slug("../../日本"), "file");
    }

    #[test]
    fn what_people_wrote_beside_the_keys_stays() {
        let text = "# a\nschema: s\n# DRAFT: weekly\nstatement: \"\" # ask Dana\nby:\n  # who?\n  name: \"\"\nlist:\n- {x: \"# no\"}\n\nother: 'it''s # not'\n# end\n";
        assert_eq!(
            refilled(text, &["statement", "by", "list"], "statement: yes\n"),
            "# a\nschema: s\n# DRAFT: weekly\nstatement: yes\n# ask Dana\n# who?\n\nother: 'it''s # not'\n# end\n"
        );
        assert_eq!(refilled("a: b\n# c\n", &["x"], "x: y\n"), "a: b\n# c\nx: y\n");
        assert_eq!(comments(text), "# a\n# DRAFT: weekly\n# ask Dana\n# who?\n# end\n");
    }
}
