//! The rights that the inventory needs, as RBAC rules.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Part, Reach, inventory};
use crate::model::AccessRule;

/// The least rights: two ClusterRoles, and one Role per namespace for reads by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRules {
    /// ClusterRole for what every cluster has.
    pub core: Vec<AccessRule>,
    /// ClusterRole for what may be installed beside it.
    pub addons: Vec<AccessRule>,
    /// Roles per namespace, each for core and add-ons.
    pub namespaced: BTreeMap<String, Vec<AccessRule>>,
}

/// The rules, merged: one per API group. Only `get` and `list` occur, Secrets never.
pub fn access_rules() -> AccessRules {
    access_rules_of(|_| true)
}

/// The same, of some entries only.
pub(super) fn access_rules_of(wanted: impl Fn(&Entry) -> bool) -> AccessRules {
    let mut rules = AccessRules { core: Vec::new(), addons: Vec::new(), namespaced: BTreeMap::new() };
    // Group and verb to resources; BTreeMap keeps the order fixed.
    let mut lists: BTreeMap<(Part, String), BTreeSet<String>> = BTreeMap::new();
    let mut urls: BTreeMap<Part, BTreeSet<String>> = BTreeMap::new();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in inventory().iter().filter(|entry| wanted(entry)) {
        let Some(rule) = entry.rule() else { continue };
        match (entry.reach, rule.namespace.clone()) {
            (Reach::Url { .. }, _) => urls.entry(entry.part).or_default().extend(rule.non_resource_urls),
            (Reach::ConfigMap, Some(namespace)) => named.entry(namespace).or_default().extend(rule.resource_names),
            (Reach::In(_), Some(namespace)) => rules.namespaced.entry(namespace).or_default().push(rule),
            _ => lists.entry((entry.part, entry.source.api_group().to_owned())).or_default().extend(rule.resources),
        }
    }
    let empty = AccessRule {
        verbs: Vec::new(),
        api_groups: Vec::new(),
        resources: Vec::new(),
        resource_names: Vec::new(),
        non_resource_urls: Vec::new(),
        namespace: None,
    };
    for ((part, group), resources) in lists {
        let rule = AccessRule {
            verbs: vec!["list".to_owned()],
            api_groups: vec![group],
            resources: resources.into_iter().collect(),
            ..empty.clone()
        };
        match part {
            Part::Core => rules.core.push(rule),
            Part::Addons => rules.addons.push(rule),
        }
    }
    for (part, paths) in urls {
        let rule = AccessRule { verbs: vec!["get".to_owned()], non_resource_urls: paths.into_iter().collect(), ..empty.clone() };
        match part {
            Part::Core => rules.core.push(rule),
            Part::Addons => rules.addons.push(rule),
        }
    }
    for (namespace, names) in named {
        let rule = AccessRule {
            verbs: vec!["get".to_owned()],
            api_groups: vec![String::new()],
            resources: vec!["configmaps".to_owned()],
            resource_names: names.into_iter().collect(),
            namespace: Some(namespace.clone()),
            ..empty.clone()
        };
        rules.namespaced.entry(namespace).or_default().insert(0, rule);
    }
    rules
}
