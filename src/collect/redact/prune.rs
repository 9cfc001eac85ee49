//! Copies one object and leaves out what the allow-list does not name, without building a tree.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::keep::Keep;
use super::special;

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
}

/// What has to be known about an object before it is copied.
#[derive(Debug, Default, Deserialize)]
pub struct Head<'a> {
    /// `metadata`.
    #[serde(borrow, default)]
    pub metadata: HeadMetadata<'a>,
}

/// The part of `metadata` that decides how an object is treated.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadMetadata<'a> {
    /// `metadata.name`.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// `metadata.namespace`.
    #[serde(borrow, default)]
    pub namespace: Option<Cow<'a, str>>,
    /// `metadata.labels`.
    #[serde(borrow, default)]
    pub labels: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    /// `metadata.ownerReferences`, which are looked into only where they decide.
    #[serde(borrow, default)]
    owner_references: Option<&'a RawValue>,
}

/// The part of an owner that says what it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadOwner<'a> {
    #[serde(borrow, default)]
    api_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    controller: Option<bool>,
}

impl From<serde_json::Error> for Broken {
    fn from(error: serde_json::Error) -> Self {
        Self::Shape(json_error(&error))
    }
}

/// What is wrong with a JSON text, without a word of it: the parser's own messages repeat the value that it did not expect.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data => "it does not have the expected shape",
        serde_json::error::Category::Io => "it cannot be read",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

impl<'a> Head<'a> {
    /// Reads the head of an object that must have a name. What follows `metadata`, which servers write first, is not looked at:
    /// [`prune`] does that.
    pub fn of(object: &'a str) -> Result<Self, Broken> {
        let mut metadata = None;
        let read = Beginning(&mut metadata).deserialize(&mut serde_json::Deserializer::from_str(object));
        let head = match (metadata, read) {
            (Some(metadata), _) => Self { metadata },
            (None, Ok(())) => Self::default(),
            (None, Err(error)) => return Err(error.into()),
        };
        match &head.metadata.name {
            Some(name) if !name.is_empty() => Ok(head),
            _ => Err(Broken::NoName),
        }
    }

    /// `namespace/name`, or the name alone.
    pub fn path(&self) -> String {
        let name = self.metadata.name.as_deref().unwrap_or("");
        match &self.metadata.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        }
    }

    /// Whether a Deployment of Kubernetes' own controls the object.
    fn is_of_deployment(&self) -> bool {
        let of = |owner: &HeadOwner<'_>| {
            owner.controller == Some(true)
                && owner.kind.as_deref() == Some("Deployment")
                && owner.api_version.as_deref().is_some_and(|version| version.starts_with("apps/"))
        };
        // Of another shape: nobody's, so that what it would start is kept.
        let owners = self.metadata.owner_references.map(|raw| serde_json::from_str::<Vec<HeadOwner<'_>>>(raw.get()));
        owners.is_some_and(|owners| owners.is_ok_and(|owners| owners.iter().any(of)))
    }

    /// Whether values of known flags may be kept: pods of the system namespaces, and pods that say they are the control plane.
    pub(super) fn is_system(&self) -> bool {
        const LABELS: [(&str, &str); 2] = [("tier", "control-plane"), ("k8s-app", "kube-apiserver")];
        let by_namespace = self.metadata.namespace.as_deref().is_some_and(is_system_namespace);
        by_namespace
            || self
                .metadata
                .labels
                .as_ref()
                .is_some_and(|labels| LABELS.iter().any(|(name, value)| labels.get(*name).is_some_and(|found| found == value)))
    }
}

/// Reads an object up to the end of its `metadata`, and ends with an error there: the rest is not for reading.
struct Beginning<'m, 'a>(&'m mut Option<HeadMetadata<'a>>);

impl<'de> DeserializeSeed<'de> for Beginning<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Beginning<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(is_metadata) = map.next_key_seed(Is("metadata"))? {
            if is_metadata {
                *self.0 = Some(map.next_value()?);
                return Err(A::Error::custom("the rest is not read"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Whether a key is this one.
struct Is(&'static str);

impl<'de> DeserializeSeed<'de> for Is {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

fn is_system_namespace(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "kube-system",
        "kube-flannel",
        "calico-system",
        "tigera-operator",
        "cilium",
        "kube-router",
        "falco",
        "ingress-nginx",
        "openshift-etcd",
        "openshift-ovn-kubernetes",
    ];
    NAMES.contains(&name) || name.starts_with("openshift-kube-")
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
    let done = Prune { keep, head, out, outermost: true }.deserialize(&mut json).and_then(|_| json.end());
    if let Err(error) = done {
        out.truncate(start);
        return Err(error.into());
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
    /// Whether this is the whole object.
    outermost: bool,
}

impl<'de> DeserializeSeed<'de> for Prune<'_, '_, '_> {
    /// Whether anything was written.
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        match self.keep {
            Keep::Whole => {
                compact(<&RawValue>::deserialize(deserializer)?.get(), self.out);
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
                special::apply(*treatment, raw, self.head, self.out).map_err(D::Error::custom)
            }
            Keep::OfNoDeployment(_) if self.head.is_of_deployment() => IgnoredAny::deserialize(deserializer).map(|_| false),
            Keep::OfNoDeployment(keep) => Prune { keep, head: self.head, out: self.out, outermost: false }.deserialize(deserializer),
            Keep::Fields(..) => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Prune<'_, '_, '_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
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
            match list.next_element_seed(Prune { keep: self.keep, head: self.head, out: &mut *self.out, outermost: false })? {
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
        let (mut first, mut headed) = (true, false);
        loop {
            let before = self.out.len();
            if !first {
                self.out.push(',');
            }
            let found = map.next_key_seed(Key { named, others: others.as_deref(), out: &mut *self.out })?;
            // The head was read from the first one: another would tell another name.
            if self.outermost && self.out.ends_with("\"metadata\":") && std::mem::replace(&mut headed, true) {
                return Err(A::Error::custom("it has metadata twice"));
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
                Some(Some(keep)) => map.next_value_seed(Prune { keep, head: self.head, out: &mut *self.out, outermost: false })?,
            };
            if written {
                first = false;
            } else {
                self.out.truncate(before);
            }
        }
        self.out.push('}');
        Ok(true)
    }
}

/// Writes the key when there is a rule for it.
struct Key<'r, 'o> {
    named: &'r BTreeMap<&'static str, Keep>,
    others: Option<&'r Keep>,
    out: &'o mut String,
}

impl<'de, 'r> DeserializeSeed<'de> for Key<'r, '_> {
    type Value = Option<&'r Keep>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'r> Visitor<'_> for Key<'r, '_> {
    type Value = Option<&'r Keep>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let keep = self.named.get(name).or(self.others);
        if keep.is_some() {
            push_text(name, self.out);
            self.out.push(':');
        }
        Ok(keep)
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
