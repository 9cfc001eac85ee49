//! What the right to bind named roles leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Kind;
use super::rights::{Atom, Bound, Rights, is_of_system};

/// The namespace of a Role, none for a ClusterRole, and its name.
type Key<'p> = (Option<&'p str>, &'p str);

/// Rights by where they hold.
#[derive(Clone, Debug, Default)]
struct Held {
    anywhere: BTreeSet<Atom>,
    /// A RoleBinding gives none of these.
    cluster: BTreeSet<Atom>,
}

impl Held {
    fn len(&self) -> usize {
        self.anywhere.len() + self.cluster.len()
    }

    /// Adds what is bound in a namespace, or anywhere.
    fn extend(&mut self, other: &Self, in_namespace: bool) {
        self.anywhere.extend(&other.anywhere);
        if !in_namespace {
            self.cluster.extend(&other.cluster);
        }
    }

    fn has(&self, atom: Atom, in_namespace: bool) -> bool {
        self.anywhere.contains(&atom) || (!in_namespace && self.cluster.contains(&atom))
    }
}

/// What holding a role can lead to: its own rights, those of the roles that it lets somebody bind, and so on. A binding refers to Roles of
/// its own namespace: that of the role that gives the right to bind, or any where that is a ClusterRole, which may be bound in any.
pub(super) struct Leads<'p> {
    atoms: BTreeMap<Key<'p>, Held>,
    /// Names of ClusterRoles.
    cluster: BTreeSet<&'p str>,
    /// Namespaces of the Roles of a name.
    spaces: BTreeMap<&'p str, Vec<&'p str>>,
}

impl<'p> Leads<'p> {
    pub(super) fn of<'r>(roles: impl Iterator<Item = (Key<'p>, &'r Rights)>) -> Self
    where
        'r: 'p,
    {
        let roles: Vec<(Key<'p>, &Rights)> = roles.collect();
        let mut this = Self { atoms: BTreeMap::new(), cluster: BTreeSet::new(), spaces: BTreeMap::new() };
        for &((namespace, name), rights) in &roles {
            let held = this.atoms.entry((namespace, name)).or_default();
            held.anywhere.extend(rights.anywhere());
            held.cluster.extend(rights.at_cluster_scope());
            match namespace {
                Some(namespace) => this.spaces.entry(name).or_default().push(namespace),
                None => drop(this.cluster.insert(name)),
            }
        }
        let mut binders: BTreeMap<Key<'p>, BTreeSet<Key<'p>>> = BTreeMap::new();
        for &(binder, rights) in &roles {
            for bound in rights.bound() {
                for target in this.targets(binder.0, bound) {
                    binders.entry(target).or_default().insert(binder);
                }
            }
        }
        let mut grown: Vec<Key<'p>> = binders.keys().copied().collect();
        while let Some(role) = grown.pop() {
            let Some(atoms) = this.atoms.get(&role).cloned() else { continue };
            for &binder in binders.get(&role).into_iter().flatten() {
                let known = this.atoms.entry(binder).or_default();
                let before = known.len();
                known.extend(&atoms, binder.0.is_some());
                if known.len() > before {
                    grown.push(binder);
                }
            }
        }
        this
    }

    /// The roles that may be bound, by a role of that namespace or by a ClusterRole.
    fn targets(&self, namespace: Option<&str>, bound: &Bound) -> Vec<Key<'p>> {
        let mut targets = Vec::new();
        for name in &bound.names {
            let cluster = self.cluster.get(name.as_str()).filter(|_| bound.cluster_roles);
            targets.extend(cluster.map(|name| (None, *name)));
            if let Some((name, spaces)) = self.spaces.get_key_value(name.as_str()).filter(|_| bound.roles) {
                let here = |space: &&&str| namespace.is_none_or(|namespace| namespace == **space);
                targets.extend(spaces.iter().filter(here).map(|space| (Some(*space), *name)));
            }
        }
        targets
    }

    /// Whether the right to bind these roles makes up a kind of reach, together with what the role that holds it leads to.
    pub(super) fn worth(&self, role: Key<'_>, bound: &Bound) -> bool {
        // A Role lets somebody bind in its namespace, where what only holds at cluster scope is not given.
        let counts = |atom: Atom| !atom.is_of_system_only() || is_of_system(role.0);
        let leads = |key: &Key<'_>, atom: Atom| counts(atom) && self.atoms.get(key).is_some_and(|held| held.has(atom, role.0.is_some()));
        let targets = self.targets(role.0, bound);
        Kind::any(|atom| leads(&role, atom), |atom| targets.iter().any(|target| leads(target, atom)))
    }

    /// Whether one of these roles gives one of some rights, of which none is a kind that is grave by itself.
    pub(super) fn gives(&self, namespace: Option<&str>, bound: &Bound, rights: &[Atom]) -> bool {
        let targets = self.targets(namespace, bound);
        let mut held = targets.iter().filter_map(|target| self.atoms.get(target));
        held.any(|held| rights.iter().any(|&atom| held.has(atom, namespace.is_some())))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::PolicyRule;
    use serde_json::json;

    use super::*;

    fn rights(rule: serde_json::Value) -> Rights {
        let rule: PolicyRule = serde_json::from_value(rule).expect("a rule");
        Rights::of(&[rule], &Default::default())
    }

    fn binds(name: &str) -> Rights {
        binds_some("clusterroles", name)
    }

    fn binds_some(resource: &str, name: &str) -> Rights {
        rights(json!({"verbs": ["bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": [resource], "resourceNames": [name]}))
    }

    #[test]
    fn a_chain_of_bindings_leads_to_its_end_however_long_it_is() {
        let names: Vec<String> = (0..5_000).map(|index| format!("role-{index:04}")).collect();
        let mut roles: Vec<Rights> = names.iter().skip(1).map(|next| binds(next)).collect();
        roles.push(rights(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]})));
        for backwards in [false, true] {
            let mut all: Vec<(Key<'_>, &Rights)> = names.iter().map(|name| (None, name.as_str())).zip(&roles).collect();
            if backwards {
                all.reverse();
            }
            let leads = Leads::of(all.into_iter());
            let to = |name: &str| Bound { roles: false, cluster_roles: true, names: vec![name.to_owned()] };
            assert!(leads.worth((None, "role-0000"), &to(&names[1])));
            assert!(!leads.worth((None, "role-0000"), &to("nobody")));
        }
    }

    #[test]
    fn a_role_of_another_namespace_is_another_role() {
        let secrets = rights(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}));
        let maps = rights(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}));
        let binder = binds_some("roles", "reader");
        let all = [
            ((Some("records"), "reader"), &maps),
            ((Some("dev"), "reader"), &secrets),
            ((Some("records"), "binder"), &binder),
            ((Some("dev"), "binder"), &binder),
            ((None, "binder"), &binder),
        ];
        let leads = Leads::of(all.into_iter());
        let bound = |roles: bool| Bound { roles, cluster_roles: !roles, names: vec!["reader".to_owned()] };
        assert!(!leads.worth((Some("records"), "binder"), &bound(true)));
        assert!(leads.worth((Some("dev"), "binder"), &bound(true)));
        assert!(leads.worth((None, "binder"), &bound(true)), "a ClusterRole may be bound in any namespace");
        assert!(!leads.worth((Some("dev"), "binder"), &bound(false)), "there is no ClusterRole of that name");
    }

    #[test]
    fn a_role_in_a_namespace_gives_nothing_that_is_in_none() {
        let volumes = rights(json!({"verbs": ["create"], "apiGroups": [""], "resources": ["persistentvolumes"]}));
        let binder = binds("volumes");
        let all = [((None, "volumes"), &volumes), ((Some("records"), "binder"), &binder), ((None, "binder"), &binder)];
        let leads = Leads::of(all.into_iter());
        let bound = Bound { roles: false, cluster_roles: true, names: vec!["volumes".to_owned()] };
        assert!(!leads.worth((Some("records"), "binder"), &bound));
        assert!(leads.worth((None, "binder"), &bound));
    }
}
