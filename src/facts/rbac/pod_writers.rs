//! Who may run pods in which namespace, and whether Pod Security keeps these pods from the node: a privileged pod reaches every pod of its node,
//! those of other namespaces too.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Kind;
use super::resolved::Resolved;
use super::standing::Holders;
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known, SYSTEM_NAMESPACES};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, METRICS, NAMESPACES, ROLE_BINDINGS, ROLES, SERVERS_SEEN,
};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per namespace in which a RoleBinding lets somebody run pods who is no administrator of the whole cluster, with whether the label
    /// of the namespace keeps these pods from the node. What Kubernetes and kubeadm ship is left out, and so are the namespaces of Kubernetes
    /// itself.
    pub struct PodWriterRow as "pod_writers" counting "namespaces where somebody may run pods" from [NAMESPACES, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG, METRICS] {
        /// Name of the namespace.
        namespace: String, at "/metadata/name";
        /// Who may run pods there by RoleBindings, in words, sorted. Unknown where that is not known of the only ones who may.
        writers: Known<Vec<String>>;
        /// Why nothing of the Pod Security level baseline or above is enforced by the label of the namespace; see `namespaces`.
        unenforced: Known<String>, at "/metadata/labels/pod-security.kubernetes.io~1enforce", consulting [] + SERVERS_SEEN;
    }
}

/// Who may run pods in one namespace.
#[derive(Default)]
struct Writers {
    who: BTreeSet<String>,
    origins: Vec<Evidence>,
    doubt: Option<Unseen>,
}

pub(super) fn rows(context: &Context<'_>, resolved: &Resolved<'_>, holders: &Holders<'_, '_>) -> Result<Vec<Row>, FactsError> {
    let mut all: BTreeMap<&str, Writers> = BTreeMap::new();
    for grant in &resolved.grants {
        let (Some(namespace), Some(who)) = (grant.binding.namespace.as_deref(), &grant.who) else { continue };
        if SYSTEM_NAMESPACES.contains(&namespace) {
            continue;
        }
        let standing = holders.standing(who);
        let held = resolved.gives(grant, Kind::WriteWorkloads, Some(&standing));
        let administers = || matches!(standing.in_fact(resolved, Kind::Everything, None), Known::Known(Some(_)));
        match held.value {
            Known::Known(true) if !administers() => {
                let writers = all.entry(namespace).or_default();
                writers.who.insert(who.text());
                writers.origins.push((*grant.here).clone());
            }
            Known::Unknown(unseen) => {
                let writers = all.entry(namespace).or_default();
                writers.doubt = writers.doubt.take().or(Some(unseen));
            }
            Known::Known(_) => {}
        }
    }
    let unenforced = context.namespaces()?.unenforced_by_label(&crate::facts::settings::Plugins::read(context)?.runs("PodSecurity"));
    let mut rows = Vec::new();
    for (name, _, uid, origin) in context.namespaces()?.each() {
        let (Some(mut writers), Some(unenforced)) = (all.remove(name.as_str()), unenforced.get(&name)) else { continue };
        writers.origins.sort_by(|a, b| (a.object(), &a.pointer).cmp(&(b.object(), &b.pointer)));
        writers.origins.truncate(4);
        let typed = PodWriterRow {
            namespace: name.clone(),
            writers: match writers.doubt {
                Some(unseen) if writers.who.is_empty() => Known::Unknown(unseen),
                _ => Known::Known(writers.who.into_iter().collect()),
            },
            unenforced: unenforced.clone(),
        };
        let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: name.clone(), uid };
        rows.push(Row::new(name.clone(), subject, vec![origin], typed).in_namespace(Some(name)).evidenced("writers", writers.origins));
    }
    Ok(rows)
}
