//! Policies of engines that are installed beside Kubernetes: whether they refuse or only report.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::policies::PolicyRow;
use crate::facts::context::Context;
use crate::facts::read::Readable;
use crate::facts::schema::Row;
use crate::facts::sources::{GATEKEEPER, KYVERNO_CLUSTER_POLICIES, KYVERNO_POLICIES, SIGSTORE};
use crate::facts::{FactsError, Known};
use crate::model::{Evidence, ObjectRef};

/// What one policy does.
struct Verdict {
    engine: &'static str,
    actions: Vec<String>,
    denies: bool,
    conditional: bool,
    /// Where that stands.
    pointer: &'static str,
}

impl Verdict {
    fn row(self, policy: String, metadata: &ObjectMeta, origin: Evidence) -> Row {
        let subject = origin.object().cloned().unwrap_or_else(|| ObjectRef {
            kind: "Policy".to_owned(),
            group: origin.reading.source.api_group().to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone(),
        });
        let typed = PolicyRow {
            engine: self.engine,
            policy: policy.clone(),
            binding: String::new(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            applies: Known::Known(true),
            actions: Known::Known(self.actions),
            denies: Known::Known(self.denies),
            failure_policy: String::new(),
            skips_without_parameters: false,
            conditional: self.conditional,
        };
        let place = origin.at(self.pointer.to_owned());
        let namespace = metadata.namespace.clone().unwrap_or_default();
        Row::new(format!("{}/{namespace}/{policy}", self.engine), subject, vec![origin], typed)
            .evidenced("denies", [place.clone()])
            .evidenced("actions", [place])
    }
}

pub(super) fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let mut rows = Vec::new();
    for source in reader.sources_in(GATEKEEPER.api_group()) {
        // One kind of constraint that was not read leaves the whole list incomplete.
        if let Some(gap) = reader.gap(&source) {
            reader.doubt(&GATEKEEPER, gap.what.clone(), &gap.why, &gap.how_to_see);
        }
        reader.each::<Constraint>(&source, |constraint, origin| {
            let metadata = constraint.metadata.clone();
            let kind = origin.object().map_or(source.resource(), |object| object.kind.as_str()).to_owned();
            let policy = format!("{kind}/{}", metadata.name.clone().unwrap_or_default());
            rows.push(constraint.verdict().row(policy, &metadata, origin));
        })?;
    }
    for source in [&KYVERNO_CLUSTER_POLICIES, &KYVERNO_POLICIES] {
        reader.each::<Kyverno>(source, |policy, origin| {
            let metadata = policy.metadata.clone();
            rows.extend(policy.verdict().map(|verdict| verdict.row(metadata.name.clone().unwrap_or_default(), &metadata, origin)));
        })?;
    }
    reader.each::<ImagePolicy>(&SIGSTORE, |policy, origin| {
        let metadata = policy.metadata.clone();
        rows.push(policy.verdict().row(metadata.name.clone().unwrap_or_default(), &metadata, origin));
    })?;
    Ok(rows)
}

/// A constraint of Gatekeeper: `deny` unless it says otherwise; with `scoped`, what the admission webhook does stands in
/// `scopedEnforcementActions` (Gatekeeper documentation, "Enforcement Points").
#[derive(Deserialize)]
struct Constraint {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ConstraintSpec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConstraintSpec {
    enforcement_action: Option<String>,
    scoped_enforcement_actions: Vec<Scoped>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scoped {
    action: String,
    #[serde(default)]
    enforcement_points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    name: String,
}

impl Constraint {
    fn verdict(self) -> Verdict {
        let action = self.spec.enforcement_action.filter(|action| !action.is_empty()).unwrap_or_else(|| "deny".to_owned());
        let at_admission = |scoped: &Scoped| {
            scoped.enforcement_points.iter().any(|point| matches!(point.name.as_str(), "*" | "validation.gatekeeper.sh" | "vap.k8s.io"))
        };
        let scoped = self.spec.scoped_enforcement_actions.iter().any(|scoped| scoped.action == "deny" && at_admission(scoped));
        let denies = action == "deny" || (action == "scoped" && scoped);
        Verdict { engine: "Gatekeeper", denies, actions: vec![action], conditional: false, pointer: "/spec/enforcementAction" }
    }
}

/// A policy of Kyverno: `Audit` unless `validationFailureAction` says `Enforce`; since 1.13 each rule may say so itself.
#[derive(Deserialize)]
struct Kyverno {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: KyvernoSpec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct KyvernoSpec {
    validation_failure_action: Option<String>,
    validation_failure_action_overrides: Vec<serde_json::Value>,
    rules: Vec<KyvernoRule>,
}

#[derive(Deserialize)]
struct KyvernoRule {
    validate: Option<KyvernoValidate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KyvernoValidate {
    failure_action: Option<String>,
    #[serde(default)]
    failure_action_overrides: Vec<serde_json::Value>,
}

impl Kyverno {
    /// Nothing for a policy that only changes or makes objects.
    fn verdict(self) -> Option<Verdict> {
        let of_policy = self.spec.validation_failure_action.unwrap_or_else(|| "Audit".to_owned());
        let rules: Vec<KyvernoValidate> = self.spec.rules.into_iter().filter_map(|rule| rule.validate).collect();
        let mut actions: Vec<String> = rules.iter().map(|rule| rule.failure_action.clone().unwrap_or_else(|| of_policy.clone())).collect();
        let denies = actions.iter().all(|action| action.eq_ignore_ascii_case("enforce"));
        actions.sort();
        actions.dedup();
        let conditional =
            !self.spec.validation_failure_action_overrides.is_empty() || rules.iter().any(|rule| !rule.failure_action_overrides.is_empty());
        (!rules.is_empty()).then_some(Verdict { engine: "Kyverno", actions, denies, conditional, pointer: "/spec/validationFailureAction" })
    }
}

/// A ClusterImagePolicy: `enforce` unless its mode is `warn` (sigstore policy-controller).
#[derive(Deserialize)]
struct ImagePolicy {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ImagePolicySpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImagePolicySpec {
    mode: Option<String>,
}

impl ImagePolicy {
    fn verdict(self) -> Verdict {
        let mode = self.spec.mode.filter(|mode| !mode.is_empty()).unwrap_or_else(|| "enforce".to_owned());
        Verdict { engine: "sigstore", denies: mode == "enforce", actions: vec![mode], conditional: false, pointer: "/spec/mode" }
    }
}

macro_rules! readable {
    ($($kind:ty),*) => {$(
        impl Readable for $kind {
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
        }
    )*};
}
readable!(Constraint, Kyverno, ImagePolicy);
