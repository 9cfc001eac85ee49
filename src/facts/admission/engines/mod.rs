//! Policies of engines that are installed beside Kubernetes: what each says about a namespace, and whether the engine is asked there.

mod asked;
mod exceptions;
mod gatekeeper;
mod generated;
mod kubewarden;
mod kyverno;
mod kyverno_cel;
mod preconditions;
mod selection;
mod sigstore;
mod tables;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(super) use asked::Engines;
pub(super) use exceptions::{ExceptionRow, rows as exception_rows};
pub(super) use tables::{EnginePolicyRow, EngineRow, engine_rows, policy_rows};

use super::policies::PolicyRow;
use super::rules::Kind;
use crate::facts::context::Context;
use crate::facts::table::schema::Row;
use crate::facts::{FactsError, Known};
use crate::model::{Evidence, ObjectRef, SourceId, Unseen};

type Labels = BTreeMap<String, String>;

/// What a policy does, as far as its own words say.
#[derive(Clone)]
pub(super) struct Verdict {
    pub(super) actions: Known<Vec<String>>,
    pub(super) denies: Known<bool>,
    pub(super) conditional: bool,
    /// Whether it refuses in some namespaces and only reports in others.
    pub(super) differs: bool,
    /// Where it stands whether it refuses.
    pub(super) denies_at: Vec<String>,
    /// Where its actions stand.
    pub(super) actions_at: Vec<String>,
}

impl Verdict {
    /// Of a policy whose action stands in one place.
    fn at(action: String, denies: bool, pointer: &str) -> Self {
        Self {
            actions: Known::Known(vec![action]),
            denies: Known::Known(denies),
            conditional: false,
            differs: false,
            denies_at: vec![pointer.to_owned()],
            actions_at: vec![pointer.to_owned()],
        }
    }
}

/// What a policy says about one namespace.
pub(super) struct Within {
    /// Whether it selects anything there; also true of a policy about what is in no namespace, which all namespaces share.
    pub(super) applies: Known<bool>,
    pub(super) verdict: Verdict,
    /// Where it takes that namespace out, which it would select otherwise.
    pub(super) taken_out_at: Option<String>,
}

/// One policy of an engine.
pub(super) struct EnginePolicy {
    /// `Gatekeeper`, `Kyverno`, `Kubewarden` or `sigstore`.
    pub(super) engine: &'static str,
    /// As printed.
    pub(super) name: String,
    pub(super) metadata: ObjectMeta,
    pub(super) origin: Evidence,
    /// What it says on the whole.
    pub(super) verdict: Verdict,
    /// The kinds that it is about; nothing where they are not known.
    pub(super) kinds: Option<Vec<Kind>>,
    /// Whether it also refuses in the webhook that changes objects, as Kyverno's rules about images do.
    pub(super) also_mutating: bool,
    /// How its webhook is called, where every policy has one of its own.
    pub(super) webhook: Option<String>,
    /// Whether the API server evaluates it, by a policy of its own that the engine made: then nobody asks the engine.
    generated: Option<generated::Made>,
    within: Box<dyn Fn(&str, &Labels) -> Within>,
}

impl EnginePolicy {
    fn subject(&self) -> ObjectRef {
        self.origin.object().cloned().unwrap_or_else(|| ObjectRef {
            kind: "Policy".to_owned(),
            group: self.origin.reading.source.api_group().to_owned(),
            namespace: self.metadata.namespace.clone(),
            name: self.metadata.name.clone().unwrap_or_default(),
            uid: self.metadata.uid.clone(),
        })
    }

    fn key(&self) -> String {
        format!("{}/{}/{}", self.engine, self.metadata.namespace.as_deref().unwrap_or_default(), self.name)
    }

    /// What it says about a namespace. A policy that is in one speaks of no other.
    pub(super) fn within(&self, namespace: &str, labels: &Labels) -> Option<Within> {
        (self.metadata.namespace.as_deref().is_none_or(|own| own == namespace)).then(|| (self.within)(namespace, labels))
    }

    /// The row about the policy itself.
    fn row(&self) -> Row {
        let verdict = self.verdict.clone();
        let typed = PolicyRow {
            engine: self.engine,
            kind: "validating",
            policy: self.name.clone(),
            binding: String::new(),
            namespace: self.metadata.namespace.clone().unwrap_or_default(),
            applies: Known::Known(true),
            asked: Known::Known(true),
            reaches: Known::Known(true),
            idle: Known::Known(String::new()),
            resources: Vec::new(),
            guards_kubernetes: true,
            actions: verdict.actions,
            denies: verdict.denies,
            failure_policy: Known::Known(String::new()),
            lets_past: Known::Known(Vec::new()),
            conditional: Known::Known(verdict.conditional),
            escapes: Known::Known(Vec::new()),
        };
        let places = |pointers: Vec<String>| -> Vec<Evidence> { pointers.into_iter().map(|pointer| self.origin.at(pointer)).collect() };
        Row::new(self.key(), self.subject(), vec![self.origin.clone()], typed)
            .evidenced("denies", places(verdict.denies_at))
            .evidenced("actions", places(verdict.actions_at))
    }
}

/// Kind and name of an object whose kind is not known in advance.
fn kind_and_name(source: &SourceId, metadata: &ObjectMeta, origin: &Evidence) -> String {
    let kind = origin.object().map_or(source.resource(), |object| object.kind.as_str());
    format!("{kind}/{}", metadata.name.as_deref().unwrap_or_default())
}

/// Whether something is not known because its words are not.
fn not_understood(what: String, why: &str, how_to_see: &str) -> Unseen {
    Unseen::not_understood(what, why.to_owned(), how_to_see.to_owned())
}

/// Whether a policy refuses whatever it forbids, where it is asked under conditions that nobody could decide.
fn undecided(name: &str, conditions: &str) -> Unseen {
    not_understood(
        format!("whether {name} refuses everything that it forbids"),
        &format!("its {conditions} decide that, and they say more than this program evaluates: where they do not hold, it is skipped"),
        "Read the conditions by hand: who may make an object for which they do not hold, and in which namespaces.",
    )
}

/// Whether a policy refuses whatever it forbids, where it looks at some objects only, by what whoever makes them chooses, or at some of those
/// who make them.
fn escapable(name: &str, field: &str) -> Unseen {
    not_understood(
        format!("whether {name} refuses everything that it forbids"),
        &format!(
            "its {field} decides by the labels, annotations or name of the object itself, which whoever makes it chooses, or by groups, roles or \
             operations: what it leaves out by these is not refused"
        ),
        "Read that field by hand: who may make an object that it leaves out; select by namespace instead, and leave out accounts one by one.",
    )
}

/// Every policy of an engine that judges objects.
pub(super) fn read(context: &Context<'_>) -> Result<Vec<EnginePolicy>, FactsError> {
    let mut all = Vec::new();
    gatekeeper::read(context, &mut all)?;
    kyverno::read(context, &mut all)?;
    kyverno_cel::read(context, &mut all)?;
    kubewarden::read(context, &mut all)?;
    sigstore::read(context, &mut all)?;
    Ok(all)
}

/// Rows of the policies themselves, for the table of all policies; one that differs between namespaces has no answer on the whole.
pub(super) fn rows(policies: &[EnginePolicy]) -> Vec<Row> {
    policies.iter().filter(|policy| !policy.verdict.differs).map(EnginePolicy::row).collect()
}
