//! What the right to bind named roles leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Kind;
use super::rights::{Atom, Rights};

/// What holding a role can lead to, by the role's name: its own rights, those of the roles that it lets somebody bind, and so on.
/// Roles of one name in several namespaces count as one.
pub(super) struct Leads<'p>(BTreeMap<&'p str, BTreeSet<Atom>>);

impl<'p> Leads<'p> {
    pub(super) fn of<'r>(roles: impl Iterator<Item = (&'p str, &'r Rights)>) -> Self {
        let mut leads: BTreeMap<&str, BTreeSet<Atom>> = BTreeMap::new();
        let mut binders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, rights) in roles {
            leads.entry(name).or_default().extend(rights.atoms());
            for bound in rights.bound() {
                binders.entry(bound).or_default().insert(name);
            }
        }
        let mut grown: Vec<&str> = binders.keys().copied().collect();
        while let Some(name) = grown.pop() {
            let Some(atoms) = leads.get(name).cloned() else { continue };
            for &binder in binders.get(name).into_iter().flatten() {
                let known = leads.entry(binder).or_default();
                let before = known.len();
                known.extend(&atoms);
                if known.len() > before {
                    grown.push(binder);
                }
            }
        }
        Self(leads)
    }

    /// Whether the right to bind roles of these names makes up a kind of reach, together with what the role that holds it leads to.
    pub(super) fn worth(&self, role: &str, names: &[String]) -> bool {
        let leads = |name: &str, atom: Atom| self.0.get(name).is_some_and(|atoms| atoms.contains(&atom));
        Kind::any(|atom| leads(role, atom), |atom| names.iter().any(|name| leads(name, atom)))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::PolicyRule;
    use serde_json::json;

    use super::*;

    fn rights(rule: serde_json::Value) -> Rights {
        let rule: PolicyRule = serde_json::from_value(rule).expect("a rule");
        Rights::of(&[rule])
    }

    fn binds(name: &str) -> Rights {
        rights(
            json!({"verbs": ["bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": [name]}),
        )
    }

    #[test]
    fn a_chain_of_bindings_leads_to_its_end_however_long_it_is() {
        let names: Vec<String> = (0..5_000).map(|index| format!("role-{index:04}")).collect();
        let mut roles: Vec<Rights> = names.iter().skip(1).map(|next| binds(next)).collect();
        roles.push(rights(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]})));
        for backwards in [false, true] {
            let mut all: Vec<(&str, &Rights)> = names.iter().map(String::as_str).zip(&roles).collect();
            if backwards {
                all.reverse();
            }
            let leads = Leads::of(all.into_iter());
            assert!(leads.worth("role-0000", &names[1..2]));
            assert!(!leads.worth("role-0000", &["nobody".to_owned()]));
        }
    }
}
