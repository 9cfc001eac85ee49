//! Image policies of sigstore's policy controller.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

use super::super::rules::Kind;
use super::{EnginePolicy, Verdict, Within, escapable};
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::read::Readable;
use crate::facts::{FactsError, Known};
use crate::model::sources::SIGSTORE;

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
    /// Which objects of which kinds it is about; every one where none is named.
    #[serde(default)]
    r#match: Vec<Matched>,
}

#[derive(Deserialize)]
struct Matched {
    selector: Option<LabelSelector>,
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

impl Readable for ImagePolicy {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl ImagePolicy {
    /// One authority is enough, and a static one with the action `pass` lets every image through (policy-controller,
    /// ClusterImagePolicy, *Configuring static*).
    fn verdict(&self, name: &str) -> Verdict {
        let mode = self.spec.mode.clone().filter(|mode| !mode.is_empty()).unwrap_or_else(|| "enforce".to_owned());
        let passes = |authority: &Authority| authority.fixed.as_ref().is_some_and(|fixed| fixed.action.as_deref() != Some("fail"));
        if let Some(place) = self.spec.authorities.iter().position(passes) {
            return Verdict::at(mode, false, &format!("/spec/authorities/{place}/static/action"));
        }
        let denies = mode == "enforce";
        let matched = &self.spec.r#match;
        let by_label = !matched.is_empty() && matched.iter().all(|one| selector::narrows(one.selector.as_ref()));
        let verdict = Verdict { conditional: by_label, ..Verdict::at(mode, denies, "/spec/mode") };
        if denies && by_label { Verdict { denies: Known::Unknown(escapable(name, "match")), ..verdict } } else { verdict }
    }
}

pub(super) fn read(context: &Context<'_>, all: &mut Vec<EnginePolicy>) -> Result<(), FactsError> {
    context.reader.each::<ImagePolicy>(&SIGSTORE, |policy, origin| {
        let name = policy.metadata.name.clone().unwrap_or_default();
        let verdict = policy.verdict(&name);
        let stated = verdict.clone();
        all.push(EnginePolicy {
            engine: "sigstore",
            name,
            metadata: policy.metadata,
            origin,
            verdict,
            kinds: Some(vec![Kind::named(Some(""), "Pod")]),
            also_mutating: false,
            webhook: None,
            generated: None,
            // It selects by image and label, never by namespace: the webhook does that.
            within: Box::new(move |_, _| Within { applies: Known::Known(true), verdict: stated.clone(), taken_out_at: None }),
        });
    })
}
