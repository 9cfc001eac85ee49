//! Copies one object and leaves out what the allow-list does not name, without building a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::head::Head;
use super::keep::{Keep, Null};
use super::special;
use super::twice::has_key_twice;
use crate::snapshot::measure::Excess;

/// Why an object cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It does not have the shape of its kind.
    #[error("{0}")]
    Shape(String),
    /// It holds bytes that are not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// It says no name.
    #[error("it has no metadata.name")]
    NoName,
    /// To read it would take more memory than one object may.
    #[error("{0}")]
    TooMuch(#[from] Excess),
    /// It is not what was asked for.
    #[error("{0}")]
    Other(&'static str),
}

impl Broken {
    /// Whether a server may well have such an object: its fields are not what its kind has, and nobody made sure of that. What no server
    /// writes (a field twice, bytes that are no text, a field that is always there and is not) puts the answer in doubt and not the object.
    pub fn is_of_the_object_alone(&self) -> bool {
        match self {
            Self::Shape(why) => !why.starts_with(TWICE) && !why.starts_with(NULL) && !why.starts_with(LACKS),
            // No server reads so many levels itself.
            Self::TooMuch(excess) => *excess != Excess::Levels,
            Self::NotText | Self::NoName | Self::Other(_) => false,
        }
    }
}

const TWICE: &str = "it has a field twice";
const NULL: &str = "a field that must be there is null";
const LACKS: &str = "it has no ";

impl From<serde_json::Error> for Broken {
    fn from(error: serde_json::Error) -> Self {
        Self::Shape(json_error(&error))
    }
}

/// Begins the messages that are our own words and names of our own lists, and never a word of what was read.
const OWN: &str = "kube-hipaa: ";

/// What is wrong with a JSON text, without a word of it: the parser's own messages repeat the value that it did not expect.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if let Some(own) = text.strip_prefix(OWN) {
        // Behind it stands where: the object is named already.
        return own.split(" at line ").next().unwrap_or(own).to_owned();
    }
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data => "it does not have the expected shape",
        serde_json::error::Category::Io => "it cannot be read",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

/// Appends to `out` what `keep` allows of `object`, with `apiVersion` and `kind` in front when they are given (items of a list do
/// not carry them).
pub fn prune(object: &str, keep: &Keep, head: &Head<'_>, kind: Option<(&str, &str)>, out: &mut String) -> Result<(), Broken> {
    let start = out.len();
    if let Some((version, kind)) = kind {
        out.push_str("{\"apiVersion\":");
        push_text(version, out);
        out.push_str(",\"kind\":");
        push_text(kind, out);
        out.push('}');
    }
    let prefix = out.len();
    let mut json = serde_json::Deserializer::from_str(object);
    let done = Prune { keep, head, out, required: false }.deserialize(&mut json).and_then(|_| json.end());
    if let Err(error) = done {
        out.truncate(start);
        return Err(error.into());
    }
    // A list of objects has a rule as one of them has; a page of a server is one object.
    if head.by_server && !out.get(prefix..).unwrap_or("").starts_with('{') {
        out.truncate(start);
        return Err(Broken::Other("it is not an object"));
    }
    if prefix > start {
        // Join the two objects.
        match out.as_bytes().get(prefix..) {
            Some(b"{}") => out.truncate(prefix),
            Some([b'{', ..]) => out.replace_range(prefix - 1..=prefix, ","),
            _ => {
                out.truncate(start);
                return Err(serde_json::Error::custom("it is not an object").into());
            }
        }
    }
    Ok(())
}

struct Prune<'r, 'h, 'o> {
    keep: &'r Keep,
    head: &'h Head<'h>,
    out: &'o mut String,
    /// Whether this must be there.
    required: bool,
}

impl<'de> DeserializeSeed<'de> for Prune<'_, '_, '_> {
    /// Whether anything was written.
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        match self.keep {
            Keep::Whole => {
                let text = <&RawValue>::deserialize(deserializer)?.get();
                once::<D::Error>(text)?;
                compact(text, self.out);
                Ok(true)
            }
            Keep::Presence => {
                let text = match <&RawValue>::deserialize(deserializer)?.get().as_bytes() {
                    [b'{', ..] => "{}",
                    [b'[', ..] => "[]",
                    _ => return Ok(false),
                };
                self.out.push_str(text);
                Ok(true)
            }
            Keep::Special(treatment) => {
                let raw = <&RawValue>::deserialize(deserializer)?;
                once::<D::Error>(raw.get())?;
                special::apply(*treatment, raw, self.head, self.out).map_err(D::Error::custom)
            }
            Keep::Fields(..) => deserializer.deserialize_any(self),
            // Where it may not be null, nothing but its own shape is read.
            Keep::Required(keep, Null::Refused) => match &**keep {
                Keep::Fields(..) => deserializer.deserialize_any(Prune { keep, required: self.head.by_server, ..self }),
                Keep::Whole => {
                    let text = <&RawValue>::deserialize(deserializer)?.get();
                    if text == "null" && self.head.by_server {
                        return Err(D::Error::custom(format_args!("{OWN}{NULL}")));
                    }
                    once::<D::Error>(text)?;
                    compact(text, self.out);
                    Ok(true)
                }
                _ => Prune { keep, ..self }.deserialize(deserializer),
            },
            Keep::Required(keep, Null::Allowed) => Prune { keep, ..self }.deserialize(deserializer),
        }
    }
}

/// Refuses a text in which an object has a key twice.
fn once<E: serde::de::Error>(json: &str) -> Result<(), E> {
    if has_key_twice(json) { Err(twice()) } else { Ok(()) }
}

fn twice<E: serde::de::Error>() -> E {
    E::custom(format_args!("{OWN}{TWICE}"))
}

impl<'de> Visitor<'de> for Prune<'_, '_, '_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        if self.required {
            return Err(E::custom(format_args!("{OWN}{NULL}")));
        }
        self.out.push_str("null");
        Ok(true)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        self.out.push('[');
        let mut first = true;
        loop {
            let before = self.out.len();
            if !first {
                self.out.push(',');
            }
            match list.next_element_seed(Prune { keep: self.keep, head: self.head, out: &mut *self.out, required: false })? {
                Some(true) => first = false,
                // An element that leaves nothing keeps its place, so that indices stay true.
                Some(false) => {
                    self.out.push_str("null");
                    first = false;
                }
                None => {
                    self.out.truncate(before);
                    break;
                }
            }
        }
        self.out.push(']');
        Ok(true)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Keep::Fields(named, others) = self.keep else { return Err(A::Error::custom("an unexpected object")) };
        self.out.push('{');
        let mut first = true;
        // A key that comes twice: of the first the head was read, and of two values one would decide and the other be judged.
        let mut seen: Vec<&str> = Vec::new();
        let mut others_seen: BTreeSet<String> = BTreeSet::new();
        loop {
            let before = self.out.len();
            if !first {
                self.out.push(',');
            }
            let found = map.next_key_seed(Key { named, others: others.as_deref(), out: &mut *self.out })?;
            let new = match &found {
                Some(Some(Rule { name: Some(name), .. })) => {
                    !seen.contains(name) && {
                        seen.push(*name);
                        true
                    }
                }
                Some(Some(Rule { name: None, .. })) => {
                    others_seen.insert(self.out.get(before..).unwrap_or("").trim_start_matches(',').to_owned())
                }
                Some(None) | None => true,
            };
            if !new {
                return Err(twice());
            }
            let written = match found {
                None => {
                    self.out.truncate(before);
                    break;
                }
                Some(None) => {
                    map.next_value::<IgnoredAny>()?;
                    false
                }
                Some(Some(Rule { keep, .. })) => {
                    map.next_value_seed(Prune { keep, head: self.head, out: &mut *self.out, required: false })?
                }
            };
            if written {
                first = false;
            } else {
                self.out.truncate(before);
            }
        }
        if self.head.by_server
            && let Some((missing, _)) = named.iter().find(|(name, keep)| matches!(keep, Keep::Required(..)) && !seen.contains(*name))
        {
            return Err(A::Error::custom(format_args!("{OWN}{LACKS}{missing}")));
        }
        self.out.push('}');
        Ok(true)
    }
}

/// What is kept of a field, and the name under which it stands in the list.
struct Rule<'r> {
    name: Option<&'static str>,
    keep: &'r Keep,
}

/// Writes the key when there is a rule for it.
struct Key<'r, 'o> {
    named: &'r BTreeMap<&'static str, Keep>,
    others: Option<&'r Keep>,
    out: &'o mut String,
}

impl<'de, 'r> DeserializeSeed<'de> for Key<'r, '_> {
    type Value = Option<Rule<'r>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'r> Visitor<'_> for Key<'r, '_> {
    type Value = Option<Rule<'r>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let own = self.named.get_key_value(name).map(|(name, keep)| Rule { name: Some(*name), keep });
        let rule = own.or(self.others.map(|keep| Rule { name: None, keep }));
        if rule.is_some() {
            push_text(name, self.out);
            self.out.push(':');
        }
        Ok(rule)
    }
}

/// Appends a JSON string.
pub(crate) fn push_text(text: &str, out: &mut String) {
    out.push('"');
    // Nearly every text is its own JSON.
    if !text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Copies valid JSON without the white space between its tokens, so that one object stays one line.
pub(crate) fn compact(json: &str, out: &mut String) {
    if !json.bytes().any(|byte| matches!(byte, b'\n' | b'\r' | b'\t')) && !json.contains("\": ") {
        out.push_str(json);
        return;
    }
    let (mut in_text, mut escaped) = (false, false);
    for c in json.chars() {
        if in_text {
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            in_text = c == '"';
        }
        out.push(c);
    }
}
