//! Parameters of policies: what becomes of a request where they are not there (apiserver pkg/admission/plugin/policy/generic,
//! `CollectParams`). A kind that is not known, and a missing object with `parameterNotFoundAction: Deny`, are failures, which
//! `failurePolicy` decides; any other missing object skips the binding.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;

use super::bindings::{Binding, Policy};
use crate::facts::Known;
use crate::facts::table::read::Reader;
use crate::model::Unseen;

/// `paramKind` of a policy.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParamKind {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
}

/// `paramRef` of a binding.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParamRef {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    selector: Option<LabelSelector>,
    pub(super) parameter_not_found_action: Option<String>,
}

impl ParamKind {
    fn words(&self) -> String {
        format!("{} of {}", self.kind, self.api_version)
    }

    fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// What discovery says of it.
    fn served(&self, reader: &Reader<'_>) -> Served {
        let Some(discovered) = reader.discovered() else { return Served::Unknown };
        match discovered.kinds.iter().find(|kind| kind.group == self.group() && kind.kind == self.kind) {
            Some(kind) => Served::Yes { namespaced: kind.namespaced },
            None if discovered.gap(self.group()).is_some() => Served::Unknown,
            None => Served::No,
        }
    }
}

enum Served {
    Yes { namespaced: Option<bool> },
    No,
    Unknown,
}

/// What the parameters of a policy mean for a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parameters {
    /// They decide nothing: the policy takes none, or a missing one refuses like everything else.
    Decide,
    /// They cannot be had, in words: a failure, which the policy's `failurePolicy` decides for every request.
    Broken(String),
    /// The object is missing for sure, and the binding skipped.
    Missing(String),
    /// They are not read: where they are missing, everything is let past.
    NotRead,
}

impl Parameters {
    /// `listed` says whether a namespace is there, where that is known.
    pub(super) fn of(policy: &Policy, binding: &Binding, reader: &Reader<'_>, listed: impl Fn(&str) -> Option<bool>) -> Self {
        let Some(kind) = &policy.spec.param_kind else { return Self::Decide };
        let closed = policy.failure_policy() == "Fail";
        let Some(named) = &binding.spec.param_ref else {
            // The expressions see `null`; one that reads a field of it fails.
            return if closed { Self::Decide } else { Self::NotRead };
        };
        match kind.served(reader) {
            Served::No => return Self::Broken(format!("the kind of its parameters ({}) is not installed", kind.words())),
            Served::Yes { namespaced: Some(false) } if named.namespace.is_some() => {
                return Self::Broken(format!("its parameters ({}) are in no namespace, and its binding names one", kind.words()));
            }
            Served::Yes { .. } | Served::Unknown => {}
        }
        let refuses = named.parameter_not_found_action.as_deref() == Some("Deny");
        if refuses && closed {
            return Self::Decide;
        }
        match &named.namespace {
            // What a namespace should hold that is not there is missing for sure.
            Some(namespace) if listed(namespace) == Some(false) => {
                Self::Missing(format!("its parameter should be in the namespace {namespace}, which is not there"))
            }
            _ => Self::NotRead,
        }
    }

    /// Whether a request that breaks the policy is refused.
    pub(super) fn refuse(&self, policy: &Policy, binding: &Binding) -> Known<bool> {
        match self {
            Self::Decide => Known::Known(true),
            Self::Broken(_) => Known::Known(policy.failure_policy() == "Fail"),
            Self::Missing(_) => Known::Known(false),
            Self::NotRead => Known::Unknown(not_read(binding)),
        }
    }

    /// Why nothing is ever checked, in words; absent where something may be.
    pub(super) fn idle(&self, policy: &Policy) -> Option<String> {
        match self {
            Self::Broken(why) if policy.failure_policy() == "Ignore" => {
                Some(format!("{why}, and failurePolicy: Ignore lets everything past"))
            }
            Self::Missing(why) => Some(why.clone()),
            _ => None,
        }
    }
}

fn not_read(binding: &Binding) -> Unseen {
    Unseen::not_visible(
        format!("whether {} refuses anything", binding.metadata.name.as_deref().unwrap_or_default()),
        "its policy takes parameters, which are not read: where they are missing, everything is let past",
        "Look whether the objects that spec.paramRef of the binding names are there, or set parameterNotFoundAction: Deny in \
                     the binding and failurePolicy: Fail in the policy.",
    )
}
