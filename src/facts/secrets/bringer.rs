//! What operators say of the secrets that they bring, and of where they get them: one form for all of them.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{carried, classes, external, vault};
use crate::facts::context::Context;
use crate::facts::table::read::{Odd, Reader};
use crate::facts::times::seconds_between;
use crate::facts::{FactsError, Known};
use crate::model::{Evidence, ObjectRef, SourceId, Unseen};

/// What brings secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operator {
    External,
    Vault,
    Driver,
    Sealed,
    Sops,
}

impl Operator {
    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::External => "External Secrets",
            Self::Vault => "Vault Secrets Operator",
            Self::Driver => "Secrets Store CSI Driver",
            Self::Sealed => "Sealed Secrets",
            Self::Sops => "SOPS",
        }
    }
}

/// Where a secret comes from: an object of a namespace, or of none; of any namespace where that is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoreKey {
    pub(super) kind: String,
    pub(super) namespace: Where,
    pub(super) name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Where {
    Cluster,
    In(String),
    /// In the namespace of its operator, which is not known.
    OfOperator,
}

impl StoreKey {
    /// `Kind/name`, with the namespace where it is another one than that of who names it.
    pub(super) fn text(&self, own: &str) -> String {
        match &self.namespace {
            Where::In(namespace) if namespace != own => format!("{}/{namespace}/{}", self.kind, self.name),
            _ => format!("{}/{}", self.kind, self.name),
        }
    }

    /// Whether an object of that kind, namespace and name may be meant.
    pub(super) fn may_be(&self, kind: &str, namespace: Option<&str>, name: &str) -> bool {
        let placed = match &self.namespace {
            Where::Cluster => namespace.is_none(),
            Where::In(own) => namespace == Some(own),
            Where::OfOperator => true,
        };
        self.kind == kind && self.name == name && placed
    }
}

/// One object that brings a secret.
#[derive(Clone, Debug)]
pub(super) struct Bringer {
    pub(super) operator: Operator,
    pub(super) kind: &'static str,
    pub(super) subject: ObjectRef,
    pub(super) origin: Evidence,
    /// Where it gets it from.
    pub(super) stores: BTreeSet<StoreKey>,
    /// What makes new values, by kind.
    pub(super) generators: BTreeSet<String>,
    /// Names of what is written.
    pub(super) secrets: BTreeSet<String>,
    /// Of which kind that is; empty where nothing is written.
    pub(super) written_as: String,
    pub(super) ready: Known<bool>,
    /// What its controller says, as a sentence about it goes on.
    pub(super) state: String,
    pub(super) refresh: Refresh,
    /// Whether an existing object of the cluster goes when the source does; empty where there is no such setting.
    pub(super) deletion: String,
    /// Whether the values in it are encrypted; none where no values stand in it.
    pub(super) sealed: Known<Option<bool>>,
    /// Where the encrypted form may be opened: `name`, `namespace` or `cluster`; empty for other kinds.
    pub(super) sealed_for: &'static str,
    /// Where the values of columns stand.
    pub(super) places: &'static [(&'static str, &'static str)],
}

/// How often it is fetched again.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    /// Whether it is at all.
    pub(super) on: Known<bool>,
    /// The setting, as a sentence goes on.
    pub(super) why: String,
    /// Seconds between two times; none where there is no fixed time.
    pub(super) every: Option<i64>,
    /// When it was fetched last.
    pub(super) last: Option<String>,
    /// Whether that is longer ago than it should be.
    pub(super) overdue: Known<bool>,
}

impl Refresh {
    /// Of what is fetched when it changes, or is not fetched at all: nothing can be overdue.
    pub(super) fn without_clock(on: Known<bool>, why: &str, unseen: Unseen) -> Self {
        Self { on, why: why.to_owned(), every: None, last: None, overdue: Known::Unknown(unseen) }
    }
}

/// An object that could not be understood, with its operator and kind.
#[derive(Clone, Debug)]
pub(super) struct OddBringer {
    pub(super) operator: Operator,
    pub(super) kind: &'static str,
    pub(super) source: SourceId,
    pub(super) odd: Odd,
}

/// A place that secrets come from.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) kind: &'static str,
    pub(super) subject: ObjectRef,
    pub(super) origin: Evidence,
    /// What it is: `vault`, `aws`, `fake`; nothing where that is not said there.
    pub(super) provider: Known<String>,
    /// Scheme, host and port; none where it names none.
    pub(super) address: Option<String>,
    pub(super) connection: Connection,
    /// Whether what any namespace names it for is brought; none where nobody is let in by it.
    pub(super) everywhere: Known<Option<bool>>,
    pub(super) ready: Known<Option<bool>>,
    /// What it leads to.
    pub(super) leads_to: Option<StoreKey>,
    /// Where the values of columns stand.
    pub(super) places: Vec<(&'static str, String)>,
}

/// How a store is reached.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// Over plain HTTP; none where nothing is reached.
    pub(super) plain: Known<Option<bool>>,
    /// Whether the certificate is checked; none where there is none.
    pub(super) verified: Known<Option<bool>>,
    /// What is wrong with it, as a sentence about the store goes on.
    pub(super) why: String,
}

impl Connection {
    /// Of what is no store itself, or holds its values in its own object.
    pub(super) fn none() -> Self {
        Self { plain: Known::Known(None), verified: Known::Known(None), why: String::new() }
    }
}

/// A store that could not be understood.
#[derive(Clone, Debug)]
pub(super) struct OddStore {
    pub(super) kind: &'static str,
    pub(super) source: SourceId,
    pub(super) odd: Odd,
}

/// Everything that brings secrets, and everything that they come from.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) bringers: Vec<Bringer>,
    pub(super) odd_bringers: Vec<OddBringer>,
    pub(super) stores: Vec<Store>,
    pub(super) odd_stores: Vec<OddStore>,
}

impl World {
    pub(super) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let (reader, mut world) = (&context.reader, Self::default());
        external::read(reader, &mut world)?;
        vault::read(reader, &mut world)?;
        classes::read(reader, &mut world)?;
        carried::read(reader, &mut world)?;
        Ok(world)
    }

    /// Keeps what was not understood for its own row. Its namespace is in doubt as well: it may have been of another kind than it says to
    /// whoever asks for one kind alone. What has no name is in doubt for all.
    pub(super) fn odd_bringer(&mut self, reader: &Reader<'_>, operator: Operator, kind: &'static str, source: &SourceId, odd: Odd) {
        if odd.name.is_some() {
            reader.not_decoded_in(source, &odd);
        }
        match odd.name.is_some() {
            true => self.odd_bringers.push(OddBringer { operator, kind, source: source.clone(), odd }),
            false => reader.give_up(source, odd),
        }
    }

    /// The same of a store.
    pub(super) fn odd_store(&mut self, reader: &Reader<'_>, kind: &'static str, source: &SourceId, odd: Odd) {
        if odd.name.is_some() {
            reader.not_decoded_in(source, &odd);
        }
        match odd.name.is_some() {
            true => self.odd_stores.push(OddStore { kind, source: source.clone(), odd }),
            false => reader.give_up(source, odd),
        }
    }
}

/// The object itself, for a row.
pub(super) fn subject(metadata: &ObjectMeta, kind: &str, source: &SourceId) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        group: source.api_group().to_owned(),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone(),
    }
}

/// `Kind namespace/name`, for a doubt.
pub(super) fn named(kind: &str, metadata: &ObjectMeta) -> String {
    let name = metadata.name.as_deref().unwrap_or("?");
    metadata.namespace.as_deref().map_or_else(|| format!("{kind} {name}"), |namespace| format!("{kind} {namespace}/{name}"))
}

/// How long an object may be there before its controller has to have said something.
const PATIENCE: i64 = 600;

/// Whether an object was made so short a time before that its controller may not have come to it; unknown times count as short.
pub(super) fn is_new(metadata: &ObjectMeta, reader: &Reader<'_>) -> bool {
    age(metadata, reader).is_none_or(|age| age < PATIENCE)
}

/// Seconds since an object was made.
pub(super) fn age(metadata: &ObjectMeta, reader: &Reader<'_>) -> Option<i64> {
    let made = metadata.creation_timestamp.as_ref()?;
    seconds_between(&made.0.to_string(), reader.collected())
}

/// A doubt about one object.
pub(super) fn unknown(what: String, why: impl Into<String>, how: &str) -> Unseen {
    Unseen::not_visible(what, why, how)
}

/// Why nothing is known of a controller's work where it has said nothing.
pub(super) const LOOK: &str = "Look at the object's status and events (kubectl describe), and whether its controller runs.";
