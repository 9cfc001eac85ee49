//! What has to be known about an object before it is copied.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::credentials::Program;
use super::environments::Environments;
use super::prune::Broken;
use crate::snapshot::measure;

/// What has to be known about an object before it is copied.
#[derive(Debug, Default)]
pub struct Head<'a> {
    /// `apiVersion` and `kind`, where they stand before `metadata`.
    pub says: (Option<Cow<'a, str>>, Option<Cow<'a, str>>),
    /// `metadata`.
    pub metadata: HeadMetadata<'a>,
    /// A server wrote it, so that every field is there that servers always write. People leave out what does not matter.
    pub by_server: bool,
    /// What the container calls whose fields are copied just now. A server writes image, command and arguments one behind the other.
    program: Cell<Option<&'static Program>>,
    /// What was redacted of other objects that came with it.
    pub(super) environments: Option<&'a Environments>,
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
    /// `metadata.uid`.
    #[serde(borrow, default)]
    pub uid: Option<Cow<'a, str>>,
    /// `metadata.labels`.
    #[serde(borrow, default)]
    pub labels: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
}

impl<'a> Head<'a> {
    /// The program that the container calls whose fields are copied, where it is known.
    pub(super) fn program(&self) -> Option<&'static Program> {
        self.program.get().filter(|_| self.by_server)
    }

    pub(super) fn set_program(&self, program: Option<&'static Program>) {
        self.program.set(program);
    }

    /// Reads the head of an object that must have a name. What follows `metadata`, which servers write first, is not looked at:
    /// [`super::prune::prune`] does that.
    pub fn of(object: &'a str) -> Result<Self, Broken> {
        if let Some(excess) = measure::excess(object.as_bytes()) {
            return Err(excess.into());
        }
        let mut beginning = (Self::default(), false);
        let read = Beginning(&mut beginning).deserialize(&mut serde_json::Deserializer::from_str(object));
        let head = match (beginning, read) {
            ((head, true), _) | ((head, false), Ok(())) => head,
            ((_, false), Err(error)) => return Err(error.into()),
        };
        match &head.metadata.name {
            Some(name) if !name.is_empty() => Ok(head),
            _ => Err(Broken::NoName),
        }
    }

    /// The same, of an object that a server wrote.
    #[must_use]
    pub fn from_server(self) -> Self {
        Self { by_server: true, ..self }
    }

    /// The same, of one of several objects whose containers may have the same environment.
    #[must_use]
    pub fn among(self, environments: &'a Environments) -> Self {
        Self { environments: Some(environments), ..self }
    }

    /// `namespace/name`, or the name alone.
    pub fn path(&self) -> String {
        let name = self.metadata.name.as_deref().unwrap_or("");
        match &self.metadata.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        }
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
struct Beginning<'m, 'a>(&'m mut (Head<'a>, bool));

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
        while let Some(field) = map.next_key_seed(Which)? {
            match field {
                Field::Metadata => {
                    self.0.0.metadata = map.next_value()?;
                    self.0.1 = true;
                    return Err(A::Error::custom("the rest is not read"));
                }
                Field::Version => self.0.0.says.0 = map.next_value::<Text<'de>>()?.0,
                Field::Kind => self.0.0.says.1 = map.next_value::<Text<'de>>()?.0,
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A text, or nothing.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Option<Cow<'a, str>>);

/// A field that stands before the rest of an object.
enum Field {
    Version,
    Kind,
    Metadata,
    Other,
}

/// Which field a key names.
struct Which;

impl<'de> DeserializeSeed<'de> for Which {
    type Value = Field;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Which {
    type Value = Field;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(match name {
            "apiVersion" => Field::Version,
            "kind" => Field::Kind,
            "metadata" => Field::Metadata,
            _ => Field::Other,
        })
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
