use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Known;
use super::grants::COLUMNS;
use super::kinds::Kind;
use super::policy::Who;
use super::resolved::{Grant, Held, Resolved};
use super::rights::{Atom, Rights};
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, VERSION};
use crate::model::{Evidence, Unseen};

table! {
    /// One row per subject and place in which it has dangerous reach: without a namespace for what it holds in the whole cluster, else for
    /// what RoleBindings of that namespace add. Several bindings of one subject count together, with those of the groups that the server
    /// puts it into; membership in other groups is known to the identity provider only. Columns about reach leave out what Kubernetes and
    /// kubeadm ship.
    pub struct ReachRow as "reach" counting "subjects and namespaces" from [CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES] {
        /// Namespace; not set for the whole cluster.
        namespace: Option<String>;
        /// `User`, `Group` or `ServiceAccount`.
        subject_kind: &'static str;
        /// Namespace of a service account.
        subject_namespace: Option<String>;
        /// Name.
        subject: String;
        /// In words, such as `ServiceAccount delivery/deploy-runner`.
        who: String;
        /// Kinds of reach beyond what is shipped, by id, gravest first.
        kinds: Vec<String>;
        /// Kinds of reach that come from shipped bindings alone, by id.
        shipped_kinds: Vec<String>;
        /// The bindings that give the kinds beyond what is shipped, sorted.
        via: Vec<String>;
        /// Any verb on any resource.
        everything: Known<bool>;
        /// Act as other users, groups or nodes: verb `impersonate`, or both halves of constrained impersonation.
        impersonates: Known<bool>, needs [VERSION];
        /// Verbs `escalate` or `bind` on roles.
        escalates: Known<bool>;
        /// nodes/proxy, with any verb.
        proxies_nodes: Known<bool>;
        /// Approve or sign client certificates: the request's approval or status, and the signer.
        approves_certificates: Known<bool>;
        /// Create PersistentVolumes.
        creates_volumes: Known<bool>;
        /// Write admission webhooks or policies, or change Namespaces.
        changes_policies: Known<bool>;
        /// Write ConfigMaps of kube-system.
        changes_system_config: Known<bool>;
        /// get, list or watch on all Secrets.
        reads_secrets: Known<bool>;
        /// Create tokens of service accounts, or impersonate them.
        becomes_service_accounts: Known<bool>, needs [VERSION];
        /// pods/exec, pods/attach or pods/portforward: create, or get on servers before 1.35. Or pods/proxy or services/proxy, with any verb.
        execs: Known<bool>, needs [VERSION];
        /// Add containers to running pods.
        adds_containers: Known<bool>;
        /// Create or change pods and what makes them.
        writes_workloads: Known<bool>;
        /// Write NetworkPolicies or those of a network plugin.
        changes_network_policies: Known<bool>;
        /// Delete Events, Leases or DaemonSets.
        deletes_evidence: Known<bool>;
    }
}

/// Grants by the namespace of their binding; `None` for ClusterRoleBindings.
pub(super) type Places<'g, 'p> = BTreeMap<Option<String>, Vec<&'g Grant<'p>>>;

/// Everything that each subject holds.
pub(super) struct Holders<'g, 'p>(BTreeMap<&'g Who, Places<'g, 'p>>);

/// Everything that one subject holds.
pub(super) struct Standing<'h, 'g, 'p> {
    own: &'h Places<'g, 'p>,
    /// Grants of the groups that it is in by nature.
    implied: Vec<&'h Places<'g, 'p>>,
}

impl<'g, 'p> Holders<'g, 'p> {
    pub(super) fn of(resolved: &'g Resolved<'p>) -> Self {
        let mut holders: BTreeMap<&Who, Places<'_, '_>> = BTreeMap::new();
        for grant in &resolved.grants {
            if let Some(who) = &grant.who {
                holders.entry(who).or_default().entry(grant.binding.namespace.clone()).or_default().push(grant);
            }
        }
        Self(holders)
    }

    pub(super) fn standing(&self, who: &Who) -> Option<Standing<'_, 'g, 'p>> {
        let group = |name: &String| self.0.get(&Who::named("Group", name));
        Some(Standing { own: self.0.get(who)?, implied: who.implied_groups().iter().filter_map(group).collect() })
    }
}

impl Standing<'_, '_, '_> {
    /// Whether a kind of reach is held anywhere beyond what is shipped.
    pub(super) fn anywhere(&self, resolved: &Resolved<'_>, kind: Kind) -> Held {
        let mut doubt = None;
        for namespace in self.own.keys() {
            let (held, _) = beyond(resolved, kind, namespace.as_deref(), self);
            match held.value {
                Known::Known(true) => return held,
                Known::Known(false) => {}
                Known::Unknown(_) => doubt = Some(held),
            }
        }
        doubt.unwrap_or(Held { value: Known::Known(false), evidence: Vec::new() })
    }
}

pub(super) fn rows(resolved: &Resolved<'_>) -> Vec<Row> {
    let holders = Holders::of(resolved);
    let mut rows = Vec::new();
    for who in holders.0.keys() {
        let Some(standing) = holders.standing(who) else { continue };
        rows.extend(standing.own.keys().filter_map(|namespace| row(resolved, who, namespace.as_deref(), &standing)));
    }
    rows
}

fn row(resolved: &Resolved<'_>, who: &Who, namespace: Option<&str>, standing: &Standing<'_, '_, '_>) -> Option<Row> {
    let mut kinds = Vec::new();
    let mut shipped_kinds = Vec::new();
    let mut via = BTreeSet::new();
    let mut cells = BTreeMap::new();
    let mut evidence = Vec::new();
    for (kind, column) in COLUMNS {
        let (held, bindings) = beyond(resolved, kind, namespace, standing);
        match &held.value {
            Known::Known(true) => {
                kinds.push(kind.id().to_owned());
                via.extend(bindings);
            }
            Known::Known(false) if by_shipped(resolved, kind, namespace, standing) => shipped_kinds.push(kind.id().to_owned()),
            Known::Known(false) | Known::Unknown(_) => {}
        }
        evidence.push((column, held.evidence));
        cells.insert(kind, held.value);
    }
    let unknown = cells.values().any(|cell| matches!(cell, Known::Unknown(_)));
    if kinds.is_empty() && shipped_kinds.is_empty() && !unknown {
        return None;
    }
    let mut take = |kind: Kind| cells.remove(&kind).unwrap_or(Known::Known(false));
    let typed = ReachRow {
        namespace: namespace.map(str::to_owned),
        subject_kind: who.kind,
        subject_namespace: who.namespace.clone(),
        subject: who.name.clone(),
        who: who.text(),
        kinds,
        shipped_kinds,
        via: via.into_iter().collect(),
        everything: take(Kind::Everything),
        impersonates: take(Kind::Impersonate),
        escalates: take(Kind::Escalate),
        proxies_nodes: take(Kind::ProxyNodes),
        approves_certificates: take(Kind::ApproveCertificates),
        creates_volumes: take(Kind::CreateVolumes),
        changes_policies: take(Kind::ChangePolicies),
        changes_system_config: take(Kind::ChangeSystemConfig),
        reads_secrets: take(Kind::ReadSecrets),
        becomes_service_accounts: take(Kind::BecomeServiceAccounts),
        execs: take(Kind::Exec),
        adds_containers: take(Kind::EphemeralContainers),
        writes_workloads: take(Kind::WriteWorkloads),
        changes_network_policies: take(Kind::ChangeNetworkPolicies),
        deletes_evidence: take(Kind::DeleteEvidence),
    };
    let own = standing.own.get(&namespace.map(str::to_owned));
    let mut origins: Vec<Evidence> = own.into_iter().flatten().map(|grant| (*grant.here).clone()).collect();
    origins.sort_by(|a, b| (a.object(), &a.pointer).cmp(&(b.object(), &b.pointer)));
    origins.truncate(2);
    let place = namespace.map_or_else(|| "the whole cluster".to_owned(), str::to_owned);
    let row = Row::new(format!("{} in {place}", who.text()), who.object(), origins, typed).in_namespace(namespace.map(str::to_owned));
    Some(evidence.into_iter().fold(row, |row, (column, evidence)| row.evidenced(column, evidence)))
}

/// Grants that count in a place: those of the place itself, and everywhere those of ClusterRoleBindings.
fn in_place<'g, 'p>(places: &'g Places<'g, 'p>, namespace: Option<&str>) -> impl Iterator<Item = &'g Grant<'p>> {
    let here = namespace.and_then(|namespace| places.get(&Some(namespace.to_owned())));
    here.into_iter().chain(places.get(&None)).flatten().copied()
}

fn rule_of(rights: Option<&Rights>, grant: &Grant<'_>, atom: Atom) -> Option<usize> {
    rights?.rule_for(atom, grant.binding.namespace.as_deref())
}

/// Whether the subject has a kind of reach in a place beyond what is shipped: all rights of one way are there, and one that is not
/// shipped comes from a binding of this place.
fn beyond(resolved: &Resolved<'_>, kind: Kind, namespace: Option<&str>, standing: &Standing<'_, '_, '_>) -> (Held, Vec<String>) {
    let all = || in_place(standing.own, namespace).chain(standing.implied.iter().flat_map(|places| in_place(places, namespace)));
    let key = namespace.map(str::to_owned);
    let here = || standing.own.get(&key).into_iter().flatten().copied();
    let gives = |grant: &Grant<'_>, atom: Atom| rule_of(resolved.rights(grant), grant, atom).is_some();
    let adds = |grant: &Grant<'_>, atom: Atom| rule_of(resolved.beyond(grant), grant, atom).is_some();
    let held = kind.held(&resolved.minor, |atom| all().any(|grant| gives(grant, atom)), |atom| here().any(|grant| adds(grant, atom)));
    let none = |value| (Held { value, evidence: Vec::new() }, Vec::new());
    let atoms = match held {
        Known::Unknown(unseen) => return none(Known::Unknown(unseen)),
        Known::Known(None) => {
            let unread: Option<Unseen> = here().find_map(|grant| match &grant.dangling {
                Known::Unknown(unseen) => Some(unseen.clone()),
                Known::Known(_) => None,
            });
            return none(unread.map_or(Known::Known(false), Known::Unknown));
        }
        Known::Known(Some(atoms)) => atoms,
    };
    // What is certain decides; a shipped role with rules of which that is not known leaves a doubt.
    let certain = |grant: &&Grant<'_>| resolved.doubt(grant).is_none();
    let decided = atoms.iter().any(|&atom| here().filter(certain).any(|grant| adds(grant, atom)));
    if !decided
        && let Some(unseen) = here().filter(|grant| atoms.iter().any(|&atom| adds(grant, atom))).find_map(|grant| resolved.doubt(grant))
    {
        return none(Known::Unknown(unseen));
    }
    let mut evidence = Vec::new();
    let mut bindings = Vec::new();
    for &atom in atoms {
        // The grant of this place first, because it is what makes the difference; then any other that gives the right.
        let best = here().find(|grant| adds(grant, atom)).or_else(|| all().find(|grant| gives(grant, atom)));
        if let Some(grant) = best
            && let Some(rule) = rule_of(resolved.rights(grant), grant, atom)
            && let Some((role, _)) = grant.role
        {
            evidence.extend(role.rule_evidence(rule));
            evidence.push(Arc::clone(&grant.here));
        }
        bindings.extend(all().filter(|grant| gives(grant, atom)).map(|grant| grant.binding.via()));
    }
    (Held { value: Known::Known(true), evidence }, bindings)
}

/// Whether shipped bindings of this place alone give it.
fn by_shipped(resolved: &Resolved<'_>, kind: Kind, namespace: Option<&str>, standing: &Standing<'_, '_, '_>) -> bool {
    let key = namespace.map(str::to_owned);
    let here = || standing.own.get(&key).into_iter().flatten().filter(|grant| grant.is_shipped());
    let gives = |atom: Atom| here().any(|grant| rule_of(resolved.rights(grant), grant, atom).is_some());
    matches!(kind.held(&resolved.minor, gives, gives), Known::Known(Some(_)))
}
