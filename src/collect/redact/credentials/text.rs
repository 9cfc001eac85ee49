//! Names with values inside of a text: connection strings, JSON, YAML, files of properties, XML, headers, queries, assignments of a shell.
//!
//! All of these write a name, a sign between, and a value. So that the time grows with the length of the text alone, every `=`, `:` and `>`
//! is looked at once, with a bounded number of signs before and behind it.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::formats::of_shape;
use super::names::{MAX_NAME, Says, is_in, says};
use super::values::{counts, head, is_literal, is_user_and_password};
use crate::model::LooksLikeCredential as Kind;

/// How much of a value is looked at.
const VALUE: usize = 512;

/// Whether a text holds a name with a value that together are a credential. In a line of shell `$name` is a reference.
pub(super) fn of_pairs(text: &str, shell: bool) -> Option<Kind> {
    if text.len() < 6 {
        return None;
    }
    let text = without_escapes(text);
    let mut reader = Reader { text: &text, shell, pending: None };
    let signs = text.bytes().enumerate().filter(|(_, b)| matches!(b, b'=' | b':' | b'>'));
    for (at, sign) in signs {
        if let Some(kind) = reader.at(at, sign) {
            return Some(kind);
        }
    }
    of_lines(&text).or_else(|| of_sql(&text))
}

/// Quotes in a text that stands in another one (`\"`), and ends of lines that are written out.
fn without_escapes(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('"' | '\'' | '\\' | '=' | ':' | '$') => {}
            Some('n' | 'r' | 't') => {
                out.push('\n');
                chars.next();
            }
            Some('\n') => {
                out.push(' ');
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out.into()
}

struct Reader<'a> {
    text: &'a str,
    shell: bool,
    /// What the value of the last `name:` or `key:` says about the next `value:`.
    pending: Option<Says>,
}

/// How a value is written.
struct Value<'a> {
    text: &'a str,
    quote: Option<char>,
    /// What follows it.
    next: Option<char>,
}

impl Reader<'_> {
    fn at(&mut self, at: usize, sign: u8) -> Option<Kind> {
        let bytes = self.text.as_bytes();
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(b' ');
        let before = |at: usize| at.checked_sub(1).map_or(b' ', byte);
        match sign {
            // Comparisons.
            b'=' if matches!(byte(at + 1), b'=' | b'~') || matches!(before(at), b'!' | b'=' | b'<' | b'>' | b'~') => return None,
            b':' if byte(at + 1) == b':' || before(at) == b':' || (byte(at + 1) == b'/' && byte(at + 2) == b'/') => return None,
            _ => {}
        }
        let (from, to) = self.name(at, sign)?;
        let name = self.text.get(from..to)?;
        let front = before(from);
        let begins_word = |at: usize| at == 0 || matches!(before(at), b' ' | b'\n' | b'\t' | b'"' | b'\'');
        if sign == b'>' && front != b'<' {
            return None;
        }
        // `$PASSWORD = x` compares; `${PASSWORD:-x}` has a default.
        if front == b'$' {
            return None;
        }
        if front == b'{' && from >= 2 && before(from - 1) == b'$' {
            return self.default(name, at);
        }
        // `registry/token:1.2`, `//secret:8080` and `arn:…:secret:db` are no pairs; `/password:x` is an option.
        if sign == b':' && (matches!(front, b'@' | b':') || (front == b'/' && !begins_word(from - 1))) {
            return None;
        }
        let bare = name.trim_matches(['-', '.', '_']);
        let is_name = matches!(bare.len(), 3 | 4) && ["name", "key"].iter().any(|known| bare.eq_ignore_ascii_case(known));
        let is_value = bare.len() == 5 && bare.eq_ignore_ascii_case("value");
        if is_name {
            let value = self.value(at, sign)?;
            self.pending = says(value.text);
            return None;
        }
        let said = match says(name) {
            // Several passwords lie in a file that is handed over by its name.
            Some(_) if front == b'=' && self.text.get(..from - 1).is_some_and(ends_with_file) => None,
            None if is_value => self.pending.take(),
            said => said,
        }?;
        let value = self.value(at, sign)?;
        if !self.is_data(name, &value, sign) || (sign == b':' && self.shell && is_prose(said, &value)) {
            return None;
        }
        let shell = self.shell && value.quote != Some('\'');
        let whole = if said == Says::Header { head(self.text.get(at + 1..)?.trim_start(), VALUE).lines().next()? } else { value.text };
        let encoded = said == Says::Auth && decoded(value.text).is_some_and(|plain| is_user_and_password(&plain, false));
        if !encoded && !counts(said, whole.trim_matches(['"', '\'']), shell) {
            return None;
        }
        // `Server=db;Password=x`, `?password=x`.
        Some(if sign == b'=' && matches!(front, b';' | b'&' | b'?') { Kind::Url } else { Kind::Within })
    }

    /// Where the name in front of a sign stands.
    fn name(&self, at: usize, sign: u8) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let byte = |at: usize| bytes.get(at).copied();
        let mut end = at;
        if sign != b'>' {
            for _ in 0..3 {
                match end.checked_sub(1).and_then(byte) {
                    Some(b' ' | b'\t' | b'"' | b'\'' | b']' | b'+') => end -= 1,
                    _ => break,
                }
            }
            // `password := x` and `password ::= x` keep their sign.
            if sign == b'=' && end.checked_sub(1).and_then(byte) == Some(b':') {
                end -= 1;
                if end.checked_sub(1).and_then(byte) == Some(b' ') {
                    end -= 1;
                }
            }
        }
        let mut from = end;
        while end - from < MAX_NAME {
            match from.checked_sub(1).and_then(byte) {
                Some(b) if b.is_ascii_alphanumeric() || b"-_.".contains(&b) => from -= 1,
                _ => break,
            }
        }
        (from < end).then_some((from, end))
    }

    /// `${NAME:-x}` and `${NAME:=x}` of a shell, `${name:x}` of Spring.
    fn default(&self, name: &str, at: usize) -> Option<Kind> {
        let said = says(name)?;
        let rest = head(self.text.get(at + 1..)?, VALUE);
        let default = match rest.chars().next()? {
            '-' | '=' => rest.get(1..)?,
            '?' | '+' | '}' => return None,
            // A part of the value, by numbers.
            c if c.is_ascii_digit() && rest.split('}').next().is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit() || b == b':')) => {
                return None;
            }
            _ => rest,
        };
        counts(said, default.split('}').next()?, true).then_some(Kind::Within)
    }

    fn value(&self, at: usize, sign: u8) -> Option<Value<'_>> {
        let text = head(self.text.get(at + 1..)?, VALUE);
        // `=>` of Ruby and of PHP.
        let text = if sign == b'=' { text.strip_prefix('>').unwrap_or(text) } else { text };
        let mut rest = text.trim_start_matches([' ', '\t']);
        // A block of YAML.
        if sign == b':' {
            for block in ["|-\n", ">-\n", "|\n", ">\n", "|+\n"] {
                if let Some(lines) = rest.strip_prefix(block) {
                    rest = lines.trim_start_matches([' ', '\t']);
                    break;
                }
            }
        }
        // The first of a list.
        if let Some(list) = rest.strip_prefix('[') {
            rest = list.trim_start();
        }
        if sign == b'>' {
            let end = rest.find('<')?;
            return Some(Value { text: rest.get(..end)?, quote: None, next: None });
        }
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let inner = rest.get(1..)?;
            let end = inner.find(quote).unwrap_or(inner.len());
            return Some(Value {
                text: inner.get(..end)?,
                quote: Some(quote),
                next: inner.get(end + 1..).and_then(|rest| rest.chars().next()),
            });
        }
        // A name with nothing behind it in its line.
        if sign == b'=' && rest.len() < text.len() && self.shell && at > 0 && !self.text.get(..at)?.ends_with(' ') {
            return None;
        }
        let end = rest.find(is_end).unwrap_or(rest.len());
        Some(Value { text: rest.get(..end)?, quote: None, next: rest.get(end..).and_then(|rest| rest.chars().next()) })
    }

    /// Whether a value is one, and not an expression of a language, a type, or what follows the words of a question.
    fn is_data(&self, name: &str, value: &Value<'_>, sign: u8) -> bool {
        const TYPES: [&str; 12] =
            ["string", "str", "int", "bool", "boolean", "any", "bytes", "object", "number", "none", "optional", "undefined"];
        let text = value.text;
        if value.quote.is_some() {
            // `read -p "Password: " x`: the quote ends what is asked.
            return !text.starts_with([' ', '\n', ';', ')', ',', '|', '&', '\t']);
        }
        let is_identifier = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'.');
        let calls = matches!(value.next, Some('(' | '[')) && (text.ends_with('$') || is_identifier(text));
        if calls || TYPES.iter().any(|known| sign == b':' && text.eq_ignore_ascii_case(known)) {
            return false;
        }
        // `connect(password=password)`, `password: config.password`.
        let is_code = is_identifier(text) && (matches!(value.next, Some(')')) || text.contains('.')) && !text.ends_with('.');
        !(is_code || (text == name && matches!(value.next, Some(','))))
    }
}

/// `echo "Password: not set"`: what a script tells somebody.
fn is_prose(said: Says, value: &Value<'_>) -> bool {
    const TOLD: &str =
        "not is was has set ok done missing required created updated unchanged found valid invalid expired wrong changed empty";
    let word = value.quote.is_none() && value.text.bytes().all(|b| b.is_ascii_lowercase());
    word && (said != Says::Password || value.next == Some(' ') || is_in(TOLD, value.text))
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || ",;&|)}]<>\"'`([".contains(c)
}

fn ends_with_file(front: &str) -> bool {
    let tail = front.len().checked_sub(4).and_then(|at| front.get(at..)).unwrap_or("");
    tail.eq_ignore_ascii_case("file")
}

/// Lines of two words, as `redis.conf` and `.netrc` have them.
fn of_lines(text: &str) -> Option<Kind> {
    const NAMES: [&str; 7] = ["requirepass", "masterauth", "password", "rootpw", "bindpw", "passwd", "secret"];
    let netrc = text.contains("login ") && text.contains("machine ");
    if !netrc && !text.contains('\n') {
        return None;
    }
    let found = text.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        if netrc {
            return words.by_ref().any(|word| word == "password") && words.next().is_some_and(|word| is_literal(word, true));
        }
        let pair = (words.next(), words.next(), words.next());
        matches!(pair, (Some(name), Some(value), None) if NAMES.contains(&name) && counts(Says::Token, value, true))
    });
    found.then_some(Kind::Within)
}

/// `IDENTIFIED BY 'x'`, `WITH PASSWORD 'x'`.
fn of_sql(text: &str) -> Option<Kind> {
    if !text.contains('\'') && !text.contains('"') {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let found = ["identified by ", "with password ", "encrypted password ", "set password "].iter().any(|words| {
        lower.match_indices(words).any(|(at, _)| {
            let rest = head(text.get(at + words.len()..).unwrap_or(""), VALUE);
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
            quote.and_then(|quote| rest.get(1..)?.split(quote).next()).is_some_and(|value| is_literal(value, true))
        })
    });
    found.then_some(Kind::Within)
}

/// How much is decoded.
const ENCODED: usize = 64 * 1024;

/// A text behind base64, where the whole value is one.
fn decoded(value: &str) -> Option<String> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    let value = value.trim();
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b);
    if value.len() < 12 || !value.bytes().all(is_sign) {
        return None;
    }
    // Cut between two groups of signs.
    let value = head(value, ENCODED);
    let engine = if value.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    let text = String::from_utf8(engine.decode(value).ok()?).ok()?;
    text.chars().all(|c| !c.is_control() || c.is_whitespace()).then_some(text)
}

/// What is encoded as a whole: a document, an address, a key; under a name that asks for them, user and password.
pub(super) fn of_encoded(name: &str, value: &str) -> Option<Kind> {
    let plain = decoded(value)?;
    let asks = matches!(says(name), Some(Says::Auth | Says::PasswordOrAuth | Says::Credentials));
    if asks && is_user_and_password(&plain, false) {
        return Some(Kind::Within);
    }
    of_shape(&plain).or_else(|| of_pairs(&plain, false)).map(|_| Kind::Within)
}
