//! Custom resources: one way to read them. Their kinds change faster than this program, so that a field that is not known is noticed
//! and what a controller says of an older generation is not taken for now.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::table::read::Readable;

/// An object of a kind that is not Kubernetes' own.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "Spec: serde::de::DeserializeOwned, Status: serde::de::DeserializeOwned"))]
pub(super) struct Custom<Spec, Status = Nothing> {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    /// Absent where the object has none, which CRDs without a schema allow.
    pub(super) spec: Option<Watched<Spec>>,
    pub(super) status: Option<Watched<Status>>,
}

/// A part that is not asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Nothing {}

/// A part of an object, with the names of the fields that its type does not know.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "T: serde::de::DeserializeOwned"))]
pub(super) struct Watched<T> {
    #[serde(flatten)]
    pub(super) known: T,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

impl<T> Watched<T> {
    /// The fields that the type does not know, sorted: where one of them could decide, what is known decides nothing.
    pub(super) fn unknown_fields(&self) -> impl Iterator<Item = &str> {
        self.rest.keys().map(String::as_str)
    }
}

impl<Spec: DeserializeOwned + Send, Status: DeserializeOwned + Send> Readable for Custom<Spec, Status> {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// The conditions of a status (`metav1.Condition`).
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Conditions {
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: Option<String>,
    observed_generation: Option<i64>,
}

/// What a controller says about one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It holds.
    True,
    /// It does not; the reason that is given, where one is.
    False(Option<String>),
    /// It does not know, or says neither.
    Unclear,
    /// It said something about an older generation of the object than the one that was read.
    Outdated,
    /// It says nothing about it.
    Silent,
}

impl Conditions {
    /// What they say about `kind` for this object. A condition that carries no generation is taken as it stands: not every controller
    /// writes one.
    pub(super) fn says(&self, kind: &str, metadata: &ObjectMeta) -> Says {
        let Some(condition) = self.conditions.iter().flatten().find(|condition| condition.kind == kind) else { return Says::Silent };
        match (condition.observed_generation, metadata.generation) {
            (Some(seen), Some(now)) if seen < now => Says::Outdated,
            _ => match condition.status.as_str() {
                "True" => Says::True,
                "False" => Says::False(condition.reason.clone()),
                _ => Says::Unclear,
            },
        }
    }
}

impl Conditions {
    /// The reason that is given for `kind`, of whatever generation.
    pub(super) fn reason(&self, kind: &str) -> Option<&str> {
        let condition = self.conditions.iter().flatten().find(|condition| condition.kind == kind)?;
        condition.reason.as_deref()
    }
}

impl<Spec, Status: AsRef<Conditions>> Custom<Spec, Status> {
    /// What its controller says about one condition; see [`Conditions::says`].
    pub(super) fn says(&self, kind: &str) -> Says {
        self.status.as_ref().map_or(Says::Silent, |status| status.known.as_ref().says(kind, &self.metadata))
    }
}

impl AsRef<Self> for Conditions {
    fn as_ref(&self) -> &Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        default_action: Option<String>,
    }

    fn read(object: serde_json::Value) -> Custom<Spec, Conditions> {
        serde_json::from_value(object).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_field_that_is_not_known_is_noticed() {
        let object = read(json!({"metadata": {"name": "a"}, "spec": {"defaultAction": "Deny", "order": 7, "unless": {}}}));
        let spec = object.spec.unwrap_or_else(|| panic!("a spec"));
        assert_eq!(spec.known.default_action.as_deref(), Some("Deny"));
        assert_eq!(spec.unknown_fields().collect::<Vec<_>>(), ["order", "unless"]);
    }

    #[test]
    fn a_condition_of_an_older_generation_says_nothing_about_now() {
        let object = |generation: i64, observed: serde_json::Value| {
            let condition = json!({"type": "Ready", "status": "True", "reason": "Ready", "observedGeneration": observed});
            read(json!({"metadata": {"generation": generation}, "status": {"conditions": [condition]}}))
        };
        assert_eq!(object(2, json!(2)).says("Ready"), Says::True);
        assert_eq!(object(3, json!(2)).says("Ready"), Says::Outdated);
        assert_eq!(object(3, json!(null)).says("Ready"), Says::True);
        assert_eq!(object(3, json!(3)).says("Issued"), Says::Silent);
        assert_eq!(read(json!({"metadata": {}})).says("Ready"), Says::Silent);
        let failed = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Expired"}]}});
        assert_eq!(read(failed).says("Ready"), Says::False(Some("Expired".to_owned())));
    }
}
