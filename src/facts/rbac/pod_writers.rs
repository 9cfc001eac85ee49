//! Who may run pods in which namespace, and whether Pod Security keeps these pods from the node: a privileged pod reaches every pod of its node,
//! those of other namespaces too.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Kind;
use super::resolved::{Grant, Resolved};
use super::rights::{Atom, NamedStep};
use super::standing::{Holders, rule_of};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, METRICS, NAMESPACES, ROLE_BINDINGS, ROLES, SERVERS_SEEN,
};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per namespace in which a RoleBinding lets somebody run containers of its own making who is no administrator of the whole cluster,
    /// with whether the label of the namespace keeps these from the node. What Kubernetes and kubeadm ship is left out, and so is kube-system.
    pub struct PodWriterRow as "pod_writers" counting "namespaces where somebody may run pods" from [NAMESPACES, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG, METRICS] {
        /// Name of the namespace.
        namespace: String, at "/metadata/name";
        /// Who may do so there by RoleBindings, in words, sorted: create pods, create or change what makes them (of any name or of one), add
        /// containers to those that run, or grant such a right. Unknown where that is not known of the only ones who may.
        writers: Known<Vec<String>>;
        /// Why nothing of the Pod Security level baseline or above is enforced upon them by the label of the namespace: as in `namespaces`, or
        /// because they may change that label.
        unenforced: Known<String>, at "/metadata/labels/pod-security.kubernetes.io~1enforce", consulting [] + SERVERS_SEEN;
    }
}

/// Who may run pods in one namespace.
#[derive(Default)]
struct Writers {
    who: BTreeSet<String>,
    /// Those of them who may change the labels of the namespace.
    relabel: BTreeSet<String>,
    origins: Vec<Evidence>,
    doubt: Option<Unseen>,
}

/// Whether a grant lets its subject run a container of its own making there: in a pod that it makes, by
/// the template of a workload that it may change by name, in a pod that runs, or by a right to do so that it may grant.
fn runs(resolved: &Resolved<'_>, grant: &Grant<'_>) -> Known<bool> {
    let Some(rights) = resolved.beyond(grant) else {
        return grant.dangling.unseen().map_or(Known::Known(false), |unseen| Known::Unknown(unseen.clone()));
    };
    let by_template = rights.steps.iter().any(|(_, step)| matches!(step, NamedStep::Templates(..)));
    let runs = by_template || RUN_ATOMS.iter().any(|&atom| rule_of(Some(rights), grant, atom).is_some());
    match resolved.doubt(grant).filter(|_| runs) {
        Some(unseen) => Known::Unknown(unseen),
        None => Known::Known(runs),
    }
}

const RUN_ATOMS: &[Atom] = &[Atom::WriteWorkloads, Atom::EphemeralContainers, Atom::GrantPods];

pub(super) fn rows(context: &Context<'_>, resolved: &Resolved<'_>, holders: &Holders<'_, '_>) -> Result<Vec<Row>, FactsError> {
    let mut all: BTreeMap<&str, Writers> = BTreeMap::new();
    for grant in &resolved.grants {
        let (Some(namespace), Some(who)) = (grant.binding.namespace.as_deref(), &grant.who) else { continue };
        if namespace == "kube-system" {
            continue;
        }
        let standing = holders.standing(who);
        let administers = || matches!(standing.in_fact(resolved, Kind::Everything, None), Known::Known(Some(_)));
        match runs(resolved, grant) {
            Known::Known(true) if !administers() => {
                let writers = all.entry(namespace).or_default();
                writers.who.insert(who.text());
                writers.origins.push((*grant.here).clone());
                let mut relabels = standing.counting_in(Some(namespace));
                let gives = |grant: &Grant<'_>| rule_of(resolved.rights(grant), grant, Atom::ChangeNamespaces).is_some();
                if let Some(by) = relabels.find(|grant| gives(grant)) {
                    writers.relabel.insert(who.text());
                    writers.origins.push((*by.here).clone());
                }
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
                _ => Known::Known(writers.who.iter().cloned().collect()),
            },
            unenforced: match unenforced.known().map(String::as_str) {
                Some("") | None if !writers.relabel.is_empty() => Known::Known(taken_off(&writers.relabel)),
                _ => unenforced.clone(),
            },
        };
        let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: name.clone(), uid };
        rows.push(Row::new(name.clone(), subject, vec![origin], typed).in_namespace(Some(name)).evidenced("writers", writers.origins));
    }
    Ok(rows)
}

/// A label binds nobody who may change it.
fn taken_off(relabel: &BTreeSet<String>) -> String {
    let who: Vec<&str> = relabel.iter().map(String::as_str).collect();
    format!("its label pod-security.kubernetes.io/enforce may be changed by {}", who.join(", "))
}
