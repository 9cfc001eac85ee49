//! Namespaces that a label takes out of a webhook.

use super::webhooks::{Placed, unknown_operator};
use crate::facts::context::Context;
use crate::facts::labels as selector;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::ObjectRef;
use crate::model::sources::{MUTATING_WEBHOOKS, NAMESPACES, VALIDATING_WEBHOOKS};

table! {
    /// One row per namespace and per validating webhook about pods that leaves namespaces out by a label: policy engines are switched
    /// off for a namespace in this way. Whoever may change the labels of the namespace can do so.
    pub struct ExemptionRow as "admission_exemptions" counting "namespaces under a webhook" from [NAMESPACES, VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS] {
        /// The namespace.
        namespace: String, at "/metadata/name";
        /// Name of the configuration object.
        configuration: String;
        /// Name of the webhook.
        webhook: String;
        /// The label by which the namespace is left out, as `key=value`; absent when it is not.
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
        placed.kind == "validating" && placed.webhook.guards_pods() && selector::excludes(placed.webhook.namespace_selector.as_ref())
    });
    for placed in opting_out {
        let selector = placed.webhook.namespace_selector.as_ref();
        for (name, labels, uid, origin) in context.namespaces()?.each() {
            let exempted_by = match selector::matches(selector, &labels) {
                Some(_) => Known::Known(selector::excluded_by(selector, &labels)),
                None => Known::Unknown(unknown_operator(&placed.webhook.name)),
            };
            let typed = ExemptionRow {
                namespace: name.clone(),
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
                    .related_to(vec![placed.configuration.clone()]),
            );
        }
    }
    Ok(rows)
}
