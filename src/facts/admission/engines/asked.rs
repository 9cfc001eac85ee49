//! Whether an engine is asked: without a webhook that takes a namespace and somebody who answers, its policies are words.

use std::collections::BTreeSet;

use super::super::backends::Backends;
use super::super::conditions::{self, Asked};
use super::super::rules::Kind;
use super::super::webhooks::{Placed, unknown_operator};
use super::generated::Generated;
use super::{EnginePolicy, Labels, not_understood};
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::settings::Plugins;
use crate::facts::{FactsError, Known};
use crate::model::sources::{MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS};
use crate::model::{Evidence, Unseen};

/// How an engine is recognised: by the names that its program gives its webhooks, and by words in the names of its images.
struct Recognised {
    engine: &'static str,
    webhook: fn(&str) -> bool,
    images: &'static [&'static str],
}

/// gatekeeper charts/gatekeeper, Kyverno pkg/config/config.go, policy-controller config/500-webhook-configuration.yaml,
/// kubewarden-controller internal/controller.
const ENGINES: &[Recognised] = &[
    Recognised { engine: "Gatekeeper", webhook: |name| name == "validation.gatekeeper.sh", images: &["gatekeeper"] },
    Recognised { engine: "Kyverno", webhook: |name| name.contains(".kyverno.svc"), images: &["kyverno"] },
    Recognised {
        engine: "sigstore",
        webhook: |name| name == "policy.sigstore.dev",
        images: &["policy-controller", "policy-webhook", "cosigned"],
    },
    Recognised { engine: "Kubewarden", webhook: |name| name.ends_with(".kubewarden.admission"), images: &["policy-server", "kubewarden"] },
];

/// Webhooks with what answers for them.
pub(in super::super) struct Engines<'a> {
    webhooks: &'a [Placed],
    backends: &'a Backends,
    /// Whether those are all webhooks.
    complete: Known<()>,
    /// The API server's own policies, some of which engines make.
    generated: Generated,
    /// Whether the API server evaluates these.
    evaluated: Known<bool>,
}

/// Whether it is asked, and why not.
pub(super) struct Answer {
    pub(super) asked: bool,
    /// Empty where it is asked.
    pub(super) why: String,
    /// Where that stands.
    pub(super) origins: Vec<Evidence>,
    /// The webhooks that ask it.
    pub(super) by: Vec<String>,
}

/// How one webhook stands to a kind of objects in a namespace.
enum Standing {
    Asks,
    Unknown(Unseen),
    /// It does not ask; the later the stage, the nearer it came.
    Out(u8, String),
}

impl<'a> Engines<'a> {
    pub(in super::super) fn new(
        context: &Context<'_>,
        webhooks: &'a [Placed],
        backends: &'a Backends,
        plugins: &Plugins,
    ) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let complete =
            reader.known_if_complete(&VALIDATING_WEBHOOKS, || ()).and_then(|()| reader.known_if_complete(&MUTATING_WEBHOOKS, || ()));
        let evaluated = plugins.runs("ValidatingAdmissionPolicy");
        Ok(Self { webhooks, backends, complete, generated: Generated::read(reader)?, evaluated })
    }

    /// The engine whose webhook that is, by its name or by the images of whoever answers.
    fn engine_of(&self, placed: &Placed) -> Option<&'static Recognised> {
        let images = self.images(placed);
        let says = |one: &&Recognised| one.images.iter().any(|word| images.iter().any(|image| image.contains(word)));
        ENGINES.iter().find(|one| (one.webhook)(&placed.webhook.name)).or_else(|| ENGINES.iter().find(says))
    }

    fn images(&self, placed: &Placed) -> BTreeSet<String> {
        placed.webhook.service().map(|(namespace, name, port)| self.backends.of(namespace, name, port).images).unwrap_or_default()
    }

    pub(super) fn asked(&self, policy: &EnginePolicy, namespace: &str, labels: &Labels) -> Known<Answer> {
        if let Some(made) = &policy.generated {
            let off = || "the admission plugin ValidatingAdmissionPolicy is switched off at the API server".to_owned();
            let idle = match &self.evaluated {
                Known::Known(false) => Known::Known(Some(off())),
                evaluated => self.generated.idle(made, &demanded(policy), namespace, labels).and_then(|why| match why {
                    None => evaluated.clone().map(|_| None),
                    why => Known::Known(why),
                }),
            };
            return idle.map(|why| Answer {
                asked: why.is_none(),
                why: why.unwrap_or_else(String::new),
                origins: vec![policy.origin.at(made.at)],
                by: Vec::new(),
            });
        }
        let own: Vec<&Placed> = self
            .webhooks
            .iter()
            .filter(|placed| placed.kind == "validating" || policy.also_mutating)
            .filter(|placed| self.engine_of(placed).is_some_and(|known| known.engine == policy.engine))
            .filter(|placed| policy.webhook.as_ref().is_none_or(|name| &placed.webhook.name == name))
            .collect();
        let kinds = demanded(policy);
        let mut outs: Vec<(u8, String, Vec<Evidence>)> = Vec::new();
        let mut by = BTreeSet::new();
        for kind in &kinds {
            match self.about(policy, &own, kind.as_ref(), namespace, labels, &mut by) {
                Ok(()) => {}
                Err(Known::Unknown(unseen)) => return Known::Unknown(unseen),
                Err(Known::Known(out)) => outs.push(out),
            }
        }
        outs.sort_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
        let Some((_, why, origins)) = outs.into_iter().next() else {
            return Known::Known(Answer { asked: true, why: String::new(), origins: Vec::new(), by: by.into_iter().collect() });
        };
        // What was not read, or cannot be told apart, may ask it.
        if let Known::Unknown(unseen) = &self.complete {
            return Known::Unknown(unseen.clone());
        }
        if let Some(unseen) = self.may_be_asked(policy, namespace, labels) {
            return Known::Unknown(unseen);
        }
        Known::Known(Answer { asked: false, why, origins, by: Vec::new() })
    }

    /// Whether one of its webhooks asks it about a kind; else why not.
    fn about(
        &self,
        policy: &EnginePolicy,
        own: &[&Placed],
        kind: Option<&Kind>,
        namespace: &str,
        labels: &Labels,
        by: &mut BTreeSet<String>,
    ) -> Result<(), Known<(u8, String, Vec<Evidence>)>> {
        let mut best = (0, format!("no webhook of {} is registered for it", policy.engine), vec![policy.origin.clone()]);
        let mut unknown = None;
        let mut asks = false;
        for placed in own {
            match (self.standing(policy, placed, kind, namespace, labels), &placed.plugin) {
                // Whether the API server asks webhooks at all.
                (Standing::Asks, Known::Unknown(unseen)) => unknown = unknown.or_else(|| Some(unseen.clone())),
                (Standing::Asks, Known::Known(_)) => {
                    asks = true;
                    by.insert(placed.webhook.name.clone());
                }
                (Standing::Unknown(unseen), _) => unknown = unknown.or(Some(unseen)),
                (Standing::Out(stage, why), _) if stage > best.0 => best = (stage, why, vec![placed.origin.clone()]),
                (Standing::Out(..), _) => {}
            }
        }
        match unknown {
            _ if asks => Ok(()),
            Some(unseen) => Err(Known::Unknown(unseen)),
            None => Err(Known::Known(best)),
        }
    }

    /// How a webhook stands; where labels of the object decide whether it asks, whoever makes it does.
    fn standing(&self, policy: &EnginePolicy, placed: &Placed, kind: Option<&Kind>, namespace: &str, labels: &Labels) -> Standing {
        match self.standing_but_for_labels(policy, placed, kind, namespace, labels) {
            Standing::Asks if placed.webhook.is_by_label() => Standing::Unknown(not_understood(
                format!("whether {} is asked about everything in {namespace}", policy.engine),
                &format!(
                    "the objectSelector of its webhook {} decides by labels of the object itself, which whoever makes it chooses",
                    placed.webhook.name
                ),
                "Take objectSelector out of the webhook, and leave out by namespaceSelector what has to be left out.",
            )),
            standing => standing,
        }
    }

    fn standing_but_for_labels(
        &self,
        policy: &EnginePolicy,
        placed: &Placed,
        kind: Option<&Kind>,
        namespace: &str,
        labels: &Labels,
    ) -> Standing {
        let webhook = &placed.webhook;
        let name = &webhook.name;
        if placed.plugin == Known::Known(false) {
            return Standing::Out(5, format!("the admission plugin of its webhook {name} is switched off at the API server"));
        }
        if !kind.map_or_else(|| webhook.guards_kubernetes(), |kind| webhook.takes(kind)) {
            let about = kind.map_or("objects of Kubernetes' own kinds", |kind| kind.resource.as_str());
            return Standing::Out(1, format!("no webhook of it is asked about {about}"));
        }
        match selector::matches(webhook.namespace_selector.as_ref(), labels) {
            Some(true) => {}
            None => return Standing::Unknown(unknown_operator(name)),
            Some(false) => {
                let by = match selector::excluded_by(webhook.namespace_selector.as_ref(), labels) {
                    Some(label) => format!("by the label {label}"),
                    None => "because it lacks the labels that are asked for".to_owned(),
                };
                return Standing::Out(2, format!("the namespaceSelector of its webhook {name} leaves the namespace out, {by}"));
            }
        }
        let asked = kind.map_or_else(|| webhook.asked().to_vec(), |kind| vec![Asked::made(kind)]);
        match conditions::take_made(&webhook.match_conditions, namespace, &asked) {
            Some(false) => return Standing::Out(3, format!("the matchConditions of its webhook {name} leave the namespace out")),
            None => {
                return Standing::Unknown(not_understood(
                    format!("whether {} is asked about {namespace}", policy.engine),
                    &format!("the matchConditions of its webhook {name} say when it is asked in a way that this program does not evaluate"),
                    "Read the conditions of the webhook by hand.",
                ));
            }
            Some(true) => {}
        }
        let refuses = webhook.failure_policy() == "Fail";
        let Some((service_namespace, service, port)) = webhook.service() else {
            return if refuses {
                Standing::Asks
            } else {
                Standing::Unknown(not_understood(
                    format!("whether {} answers", policy.engine),
                    &format!(
                        "its webhook {name} names a URL, and whether somebody answers there is not visible; requests go on when nobody does"
                    ),
                    "Set failurePolicy: Fail, or run the engine in the cluster.",
                ))
            };
        };
        let backend = self.backends.of(service_namespace, service, port);
        let known = ENGINES.iter().find(|one| one.engine == policy.engine);
        let words = known.map_or(&[][..], |known| known.images);
        if !backend.images.is_empty() && !backend.images.iter().any(|image| words.iter().any(|word| image.contains(word))) {
            let images: Vec<&str> = backend.images.iter().map(String::as_str).collect();
            return Standing::Unknown(not_understood(
                format!("whether {} is asked about {namespace}", policy.engine),
                &format!("its webhook {name} is answered by images that are not known as {}: {}", policy.engine, images.join(", ")),
                "Look at the workload behind the Service of the webhook.",
            ));
        }
        if !refuses && !webhook.has_authority() {
            // The server then trusts public authorities only, which sign no name of a Service.
            return Standing::Out(
                4,
                format!(
                    "its webhook {name} gives no certificate authority (caBundle), so that no call of it succeeds, and failurePolicy: Ignore lets requests past"
                ),
            );
        }
        match backend.ready {
            // Then nothing gets past it either.
            _ if refuses => Standing::Asks,
            Known::Known(true) => Standing::Asks,
            Known::Unknown(unseen) => Standing::Unknown(unseen),
            Known::Known(false) => Standing::Out(
                4,
                format!(
                    "nobody answers at the Service {service_namespace}/{service} of its webhook {name} ({}), and failurePolicy: Ignore lets requests past",
                    backend.why
                ),
            ),
        }
    }

    /// A webhook of which nobody can say whose it is, or a policy that the engine may have made, may do what its own webhook does not.
    fn may_be_asked(&self, policy: &EnginePolicy, namespace: &str, labels: &Labels) -> Option<Unseen> {
        let generated = format!("gatekeeper-{}", policy.name.split('/').next().unwrap_or_default().to_ascii_lowercase());
        if policy.engine == "Gatekeeper" && self.generated.has(&generated) {
            return Some(not_understood(
                format!("whether {} is enforced in {namespace}", policy.name),
                &format!("no webhook of Gatekeeper asks it, and the ValidatingAdmissionPolicy {generated} may evaluate it"),
                "Look at the bindings of that policy.",
            ));
        }
        let stranger = self.webhooks.iter().find(|placed| {
            placed.kind == "validating"
                && placed.webhook.guards_pods()
                && self.engine_of(placed).is_none()
                && selector::matches(placed.webhook.namespace_selector.as_ref(), labels) != Some(false)
                && self.images(placed).is_empty()
        })?;
        Some(not_understood(
            format!("whether {} is asked about {namespace}", policy.engine),
            &format!(
                "no webhook is known as that of {}, and whose {} is cannot be told: no workload is seen behind it",
                policy.engine, stranger.webhook.name
            ),
            "Look at who answers for that webhook.",
        ))
    }
}

/// The kinds about which it has to be asked: of those that it names the ones whose plural is sure, else any of Kubernetes' own.
fn demanded(policy: &EnginePolicy) -> Vec<Option<Kind>> {
    let own: Vec<Option<Kind>> = policy.kinds.iter().flatten().filter(|kind| kind.is_own()).cloned().map(Some).collect();
    if !own.is_empty() {
        return own;
    }
    let pods = policy.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| kind.resource == "*"));
    if pods { vec![Some(Kind::named(Some(""), "Pod"))] } else { vec![None] }
}
