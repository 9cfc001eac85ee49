//! Policies of engines that are installed beside Kubernetes: whether they refuse or only report.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::kyverno::Kyverno;
use super::policies::PolicyRow;
use crate::facts::context::Context;
use crate::facts::table::read::{MetaOnly, Readable};
use crate::facts::table::schema::Row;
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    GATEKEEPER, KYVERNO_CLUSTER_POLICIES, KYVERNO_IMAGE_VALIDATING_POLICIES, KYVERNO_NAMESPACED_VALIDATING_POLICIES, KYVERNO_POLICIES,
    KYVERNO_VALIDATING_POLICIES, SIGSTORE,
};
use crate::model::{Evidence, ObjectRef, SourceId, Unseen, UnseenKind};

/// What one policy does.
pub(super) struct Verdict {
    pub(super) engine: &'static str,
    pub(super) actions: Known<Vec<String>>,
    pub(super) denies: Known<bool>,
    pub(super) conditional: bool,
    /// Where it stands whether it refuses.
    pub(super) denies_at: Vec<String>,
    /// Where its actions stand.
    pub(super) actions_at: Vec<String>,
}

impl Verdict {
    /// Of a policy whose action stands in one place.
    fn at(engine: &'static str, action: String, denies: bool, pointer: &str) -> Self {
        Self {
            engine,
            actions: Known::Known(vec![action]),
            denies: Known::Known(denies),
            conditional: false,
            denies_at: vec![pointer.to_owned()],
            actions_at: vec![pointer.to_owned()],
        }
    }

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
            actions: self.actions,
            denies: self.denies,
            failure_policy: Known::Known(String::new()),
            skips_without_parameters: false,
            conditional: Known::Known(self.conditional),
        };
        let places = |pointers: Vec<String>| -> Vec<Evidence> { pointers.into_iter().map(|pointer| origin.at(pointer)).collect() };
        let (denies_at, actions_at) = (places(self.denies_at), places(self.actions_at));
        let namespace = metadata.namespace.clone().unwrap_or_default();
        Row::new(format!("{}/{namespace}/{policy}", self.engine), subject, vec![origin], typed)
            .evidenced("denies", denies_at)
            .evidenced("actions", actions_at)
    }
}

/// Kind and name of an object whose kind is not known in advance.
fn kind_and_name(source: &SourceId, metadata: &ObjectMeta, origin: &Evidence) -> String {
    let kind = origin.object().map_or(source.resource(), |object| object.kind.as_str());
    format!("{kind}/{}", metadata.name.as_deref().unwrap_or_default())
}

pub(super) fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let mut rows = Vec::new();
    for source in reader.sources_in(GATEKEEPER.api_group()) {
        reader.each::<Constraint>(&source, |constraint, origin| {
            let metadata = constraint.metadata.clone();
            let policy = kind_and_name(&source, &metadata, &origin);
            rows.push(constraint.verdict().row(policy, &metadata, origin));
        })?;
        // One kind of constraint that was not read or understood leaves the whole list incomplete.
        if let Known::Unknown(gap) = reader.known_if_complete(&source, || ()) {
            reader.doubt(&GATEKEEPER, gap.what, &gap.why, &gap.how_to_see);
        }
    }
    for source in [&KYVERNO_CLUSTER_POLICIES, &KYVERNO_POLICIES] {
        reader.each::<Kyverno>(source, |policy, origin| {
            let metadata = policy.meta();
            rows.extend(policy.verdict().map(|verdict| verdict.row(metadata.name.clone().unwrap_or_default(), metadata, origin)));
        })?;
    }
    for source in [&KYVERNO_VALIDATING_POLICIES, &KYVERNO_NAMESPACED_VALIDATING_POLICIES, &KYVERNO_IMAGE_VALIDATING_POLICIES] {
        reader.each::<MetaOnly>(source, |MetaOnly { metadata }, origin| {
            let policy = kind_and_name(source, &metadata, &origin);
            rows.push(not_read_yet(&policy).row(policy, &metadata, origin));
        })?;
    }
    reader.each::<ImagePolicy>(&SIGSTORE, |policy, origin| {
        let metadata = policy.metadata.clone();
        rows.push(policy.verdict().row(metadata.name.clone().unwrap_or_default(), &metadata, origin));
    })?;
    Ok(rows)
}

/// Of a policy of Kyverno's newer kinds.
fn not_read_yet(policy: &str) -> Verdict {
    let unseen = Unseen {
        kind: UnseenKind::NotUnderstood,
        what: format!("whether Kyverno's {policy} refuses anything"),
        why: "this version of kube-hipaa does not read policies of policies.kyverno.io".to_owned(),
        how_to_see: "Look at spec.validationActions and spec.evaluation of the policy by hand.".to_owned(),
        source: None,
        missing_rule: None,
    };
    Verdict {
        engine: "Kyverno",
        actions: Known::Unknown(unseen.clone()),
        denies: Known::Unknown(unseen),
        conditional: false,
        denies_at: Vec::new(),
        actions_at: Vec::new(),
    }
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
        let pointer = if action == "scoped" { "/spec/scopedEnforcementActions" } else { "/spec/enforcementAction" };
        Verdict::at("Gatekeeper", action, denies, pointer)
    }
}

/// A ClusterImagePolicy: `enforce` unless its mode is `warn` (sigstore policy-controller).
#[derive(Deserialize)]
struct ImagePolicy {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: ImagePolicySpec,
}

#[derive(Deserialize)]
struct ImagePolicySpec {
    mode: Option<String>,
    #[serde(default)]
    authorities: Vec<Authority>,
}

#[derive(Deserialize)]
struct Authority {
    #[serde(rename = "static")]
    fixed: Option<FixedAction>,
}

#[derive(Deserialize)]
struct FixedAction {
    action: Option<String>,
}

impl ImagePolicy {
    /// One authority is enough, and a static one with the action `pass` lets every image through (policy-controller,
    /// ClusterImagePolicy, *Configuring static*).
    fn verdict(self) -> Verdict {
        let mode = self.spec.mode.filter(|mode| !mode.is_empty()).unwrap_or_else(|| "enforce".to_owned());
        let passes = |authority: &Authority| authority.fixed.as_ref().is_some_and(|fixed| fixed.action.as_deref() != Some("fail"));
        if let Some(place) = self.spec.authorities.iter().position(passes) {
            return Verdict::at("sigstore", mode, false, &format!("/spec/authorities/{place}/static/action"));
        }
        let denies = mode == "enforce";
        Verdict::at("sigstore", mode, denies, "/spec/mode")
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
readable!(Constraint, ImagePolicy);
