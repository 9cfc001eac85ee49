//! Namespaces that a label takes out of a webhook.

use super::conditions::{self, conditions_not_read};
use super::webhooks::{Placed, unknown_operator};
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::ObjectRef;
use crate::model::sources::{MUTATING_WEBHOOKS, NAMESPACES, VALIDATING_WEBHOOKS};

table! {
    /// One row per namespace and per webhook about what Kubernetes itself keeps that leaves namespaces out by a label or by a match condition:
    /// policy engines are switched off for a namespace in this way. Whoever may change the labels of the namespace can do the first. A
    /// webhook that changes objects often stands beside others that do the same for other namespaces: one that another of its configuration
    /// stands in for leaves nothing out.
    pub struct ExemptionRow as "admission_exemptions" counting "namespaces under a webhook" from [NAMESPACES, VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS] {
        /// The namespace.
        namespace: String, at "/metadata/name";
        /// `validating` (may refuse) or `mutating` (may change and refuse).
        kind: &'static str;
        /// Name of the configuration object.
        configuration: String;
        /// Name of the webhook.
        webhook: String;
        /// What leaves the namespace out, in words: the label as `the label key=value`, or `a match condition`; absent when nothing does.
        exempted_by: Known<Option<String>>, at "/metadata/labels";
        /// Whether it is one of Kubernetes' own namespaces, which engines usually leave out so that they cannot lock themselves out.
        system: bool, at "/metadata/name";
        /// Whether the Service of the webhook is in it: engines leave out the namespace that they live in for the same reason.
        own: bool, at "/metadata/name";
    }
}

pub(super) fn rows(context: &Context<'_>, webhooks: &[Placed]) -> Result<Vec<Row>, FactsError> {
    let mut rows = Vec::new();
    let opting_out = webhooks.iter().filter(|placed| {
        placed.webhook.guards_kubernetes()
            && (selector::excludes(placed.webhook.namespace_selector.as_ref())
                || conditions::may_name_namespaces(&placed.webhook.match_conditions)
                || conditions::take(&placed.webhook.match_conditions, "any", placed.webhook.asked()) == Some(false))
    });
    for placed in opting_out {
        let selector = placed.webhook.namespace_selector.as_ref();
        let asked = placed.webhook.asked();
        for (name, labels, uid, origin) in context.namespaces()?.each() {
            let given = &placed.webhook.match_conditions;
            let label = selector::excluded_by(selector, &labels).map(|label| format!("the label {label}"));
            let mut conditioned = None;
            let stands_in = |other: &Placed| {
                placed.kind == "mutating"
                    && other.kind == placed.kind
                    && other.configuration == placed.configuration
                    && other.webhook.name != placed.webhook.name
                    && other.may_take(&name, &labels)
            };
            let exempted_by = match (selector::matches(selector, &labels), conditions::take(given, &name, asked)) {
                _ if webhooks.iter().any(stands_in) => Known::Known(None),
                (Some(_), _) if label.is_some() => Known::Known(label),
                (None, _) => Known::Unknown(unknown_operator(&placed.webhook.name)),
                (_, Some(false)) => {
                    conditioned = Some(placed.origin.at("/matchConditions"));
                    Known::Known(Some("a match condition".to_owned()))
                }
                (_, None) if conditions::may_name_namespaces(given) => Known::Unknown(conditions_not_read(&placed.webhook.name)),
                _ => Known::Known(None),
            };
            let typed = ExemptionRow {
                namespace: name.clone(),
                kind: placed.kind,
                configuration: placed.configuration.name.clone(),
                webhook: placed.webhook.name.clone(),
                exempted_by,
                system: crate::facts::SYSTEM_NAMESPACES.contains(&name.as_str()),
                own: placed.webhook.lives_in(&name),
            };
            let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: name.clone(), uid };
            rows.push(
                Row::new(format!("{name}/{}", placed.key()), subject, vec![origin], typed)
                    .in_namespace(Some(name))
                    .related_to(vec![placed.configuration.clone()])
                    .evidenced("exempted_by", conditioned),
            );
        }
    }
    Ok(rows)
}
