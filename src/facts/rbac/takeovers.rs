use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Kind;
use super::resolved::{Grant, Resolved};
use super::takeover::{Kinds, Leads, Step, Takeover};
use crate::facts::Known;
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, PODS, ROLE_BINDINGS, ROLES, SERVERS_SEEN, SERVICE_ACCOUNTS, VERSION, WORKLOADS,
};
use crate::model::{Evidence, Unseen};

/// Ways in one row.
const PATHS: usize = 4;

table! {
    /// One row per binding and subject that can act as service accounts or other identities by it, and place into which these reach further
    /// than the subject does itself. Without such a place there is one row in the binding's own, and where it is not known whether there is
    /// one a row about the whole cluster. What Kubernetes and kubeadm ship is left
    /// out as a beginning, not as an end.
    pub struct TakeoverRow as "takeovers" counting "grants that lead to other identities" from [CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] consulting [KUBEADM_CONFIG] + SERVERS_SEEN + WORKLOADS {
        /// Namespace that is reached; not set for the whole cluster.
        namespace: Option<String>;
        /// In words, such as `the namespace records` or `the whole cluster`.
        place: String;
        /// Namespace of the binding; not set for a ClusterRoleBinding.
        from_namespace: Option<String>;
        /// The subject in words, such as `User contractor`.
        who: String;
        /// The derivation in words, such as `RoleBinding delivery/tokens → Role tokens`.
        via: String;
        /// Whether it is a ClusterRoleBinding.
        cluster_wide: bool;
        /// Whether every step that leads there is restricted to named objects.
        named: bool;
        /// What lets the subject act as others, in words, sorted.
        steps: Vec<String>;
        /// Kinds of reach that it comes to in that place by this, by id, gravest first.
        kinds: Known<Vec<String>>, needs [PODS, SERVICE_ACCOUNTS, VERSION];
        /// The ways to the gravest of these, such as `ServiceAccount delivery/runner → ClusterRoleBinding runner → ClusterRole reader`.
        paths: Known<Vec<String>>, needs [PODS, SERVICE_ACCOUNTS, VERSION];
    }
}

pub(super) fn rows(resolved: &Resolved<'_>, takeover: &Takeover<'_, '_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for grant in resolved
        .grants
        .iter()
        .filter(|grant| grant.within.is_none())
        .filter(|grant| resolved.beyond(grant).is_some_and(|rights| rights.leads_on()))
    {
        let (steps, doubt) = takeover.steps(grant);
        if steps.is_empty() && doubt.is_none() {
            continue;
        }
        rows.extend(of_grant(grant, takeover, &steps, doubt.as_ref()));
    }
    rows
}

fn of_grant(grant: &Grant<'_>, takeover: &Takeover<'_, '_>, steps: &[Step], doubt: Option<&Unseen>) -> Vec<Row> {
    let Some(who) = &grant.who else { return Vec::new() };
    let from = grant.binding.namespace.as_deref();
    let gain = |of: &dyn Fn(&&Step) -> bool| takeover.gain(who, steps.iter().filter(of).map(|step| (&step.start, step.maybe.as_ref())));
    let (all, by_name, by_right) = (gain(&|_| true), gain(&|step| step.named), gain(&|step| !step.named));
    let doubt = all.doubt.as_ref().or(doubt);
    let mut rows = Vec::new();
    let mut places = BTreeSet::new();
    for (place, kinds) in &all.kinds {
        // What a right on everything of a namespace leads to inside it is what the right itself is called dangerous for.
        let inside = place.as_deref() == from;
        let counted = if inside { by_name.kinds.get(place) } else { Some(kinds) };
        let Some(counted) = counted.filter(|kinds| !kinds.is_empty()) else { continue };
        let named = !by_right.kinds.contains_key(place) || inside;
        let leading = steps.iter().filter(|step| !named || step.named);
        places.insert(place.as_deref());
        rows.push(row(grant, place.as_deref(), named, leading, Known::Known(counted)));
    }
    // What is sure about a place is said; a doubt is about the others.
    for (place, kinds) in all.perhaps.iter().filter(|(place, _)| !places.contains(&place.as_deref())) {
        let inside = place.as_deref() == from;
        let counted = if inside { by_name.perhaps.get(place) } else { Some(kinds) };
        let Some(unseen) = counted.and_then(|kinds| kinds.values().next()) else { continue };
        let named = !(by_right.kinds.contains_key(place) || by_right.perhaps.contains_key(place)) || inside;
        let leading = steps.iter().filter(|step| !named || step.named);
        rows.push(row(grant, place.as_deref(), named, leading, Known::Unknown(unseen.clone())));
    }
    let sure: Vec<&Step> = steps.iter().filter(|step| step.maybe.is_none()).collect();
    let (nothing, named) = (Kinds::new(), steps.iter().all(|step| step.named));
    match doubt {
        // Where it would lead is not known: it concerns every namespace.
        Some(unseen) if !places.contains(&None) && !all.perhaps.contains_key(&None) => {
            rows.push(row(grant, None, named, steps.iter(), Known::Unknown(unseen.clone())));
        }
        None if rows.is_empty() && !sure.is_empty() => {
            let named = sure.iter().all(|step| step.named);
            rows.push(row(grant, from, named, sure.into_iter(), Known::Known(&nothing)));
        }
        _ => {}
    }
    rows
}

fn row<'s>(grant: &Grant<'_>, place: Option<&str>, named: bool, steps: impl Iterator<Item = &'s Step>, kinds: Known<&Kinds>) -> Row {
    let binding = grant.binding;
    let who = grant.who.as_ref().map(super::policy::Who::text).unwrap_or_default();
    let words = place.map_or_else(|| "the whole cluster".to_owned(), |namespace| format!("the namespace {namespace}"));
    let paths = |kinds: &Kinds| {
        let mut unique: Vec<String> = Vec::new();
        for path in kinds.values() {
            if !unique.contains(path) {
                unique.push(path.clone());
            }
        }
        unique.truncate(PATHS);
        unique
    };
    let typed = TakeoverRow {
        namespace: place.map(str::to_owned),
        place: words.clone(),
        from_namespace: binding.namespace.clone(),
        who: who.clone(),
        via: binding.via(),
        cluster_wide: binding.namespace.is_none(),
        named,
        steps: steps.map(|step| step.how.to_owned()).collect::<BTreeSet<_>>().into_iter().collect(),
        kinds: kinds.as_ref().map(|kinds| kinds.keys().map(|kind| kind.id().to_owned()).collect()),
        paths: kinds.as_ref().map(|kinds| paths(kinds)),
    };
    let mut origins: Vec<Evidence> = vec![(*grant.here).clone()];
    origins.extend(grant.role.map(|(role, _)| role.origin.at("/rules")));
    // Whoever takes over what runs in kube-system has the cluster.
    let counted = place.filter(|namespace| *namespace != "kube-system").map(str::to_owned);
    let object = binding.object();
    let related: Vec<_> =
        grant.role.map(|(role, _)| role.object()).into_iter().chain(grant.who.iter().map(|who| who.object().into())).collect();
    Row::new(format!("{} for {who} into {words}", binding.text()), object, origins, typed).related_to(related).in_namespace(counted)
}

/// Places of which whoever holds them has the cluster: the whole of it, and kube-system.
const OF_CLUSTER: [Option<&str>; 2] = [None, Some("kube-system")];

/// The kinds with which one takes over the cluster, and the ways to them: those in the whole cluster, and those in kube-system.
pub(super) fn of_cluster(kinds: &super::takeover::ByPlace) -> BTreeMap<Kind, String> {
    let found = OF_CLUSTER.iter().filter_map(|place| kinds.get(&place.map(str::to_owned))).flatten();
    let mut all = BTreeMap::new();
    for (kind, path) in found.filter(|(kind, _)| kind.takes_over()) {
        all.entry(*kind).or_insert_with(|| path.clone());
    }
    all
}

/// Why somebody may take over the cluster who is not seen to.
pub(super) fn doubt_of_cluster(leads: &Leads) -> Option<Unseen> {
    let perhaps = OF_CLUSTER.iter().filter_map(|place| leads.perhaps.get(&place.map(str::to_owned))).flatten();
    let perhaps = perhaps.filter(|(kind, _)| kind.takes_over()).map(|(_, unseen)| unseen.clone()).next();
    let tools = || {
        let (place, kinds) = leads.kinds.iter().find(|(_, kinds)| kinds.contains_key(&Kind::DeployByTools))?;
        Some(by_tools(place.as_deref()?, kinds.get(&Kind::DeployByTools)?))
    };
    leads.doubt.clone().or(perhaps).or_else(tools).or_else(|| leads.apis.as_deref().map(by_apis))
}

fn by_tools(namespace: &str, via: &str) -> Unseen {
    Unseen::not_understood(
        format!("what a deployment tool does for whoever writes to it in the namespace {namespace}"),
        format!("the account may write what a tool carries out with its own rights, often those of the whole cluster ({via})"),
        "Look at what bounds the tool (a project of Argo CD, spec.serviceAccountName in Flux), or take the right from the account.",
    )
}

fn by_apis(via: &str) -> Unseen {
    Unseen::not_understood(
        "what changing an APIService or a CustomResourceDefinition of some name leads to".to_owned(),
        format!(
            "the account may have a program of its own answer for one group or kind, and what acts on its objects is not followed ({via})"
        ),
        "Look at who reads the objects of that group or kind, or take update and patch on it from the account.",
    )
}
