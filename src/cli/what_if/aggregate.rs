//! Rules of aggregated ClusterRoles: a controller writes them from the roles that their selectors take
//! (`pkg/controller/clusterroleaggregation`), whatever a manifest says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::state::State;
use crate::facts::Selector;
use crate::model::sources::CLUSTER_ROLES;
use crate::model::{LaidNote, SourceRecord};
use crate::snapshot::SnapshotError;
use crate::snapshot::laid::Key;

/// Writes the rules of every aggregated role again that comes out otherwise than before, where a ClusterRole was laid.
pub(super) fn aggregate(state: &mut State<'_>) -> Result<(), SnapshotError> {
    if !state.laid.contains_key(&CLUSTER_ROLES) {
        return Ok(());
    }
    let whole = state.snapshot.index().record(&CLUSTER_ROLES).is_some_and(SourceRecord::is_whole);
    let before = state.base(&CLUSTER_ROLES)?.clone();
    let mut after = before.clone();
    for (key, object) in state.laid.get(&CLUSTER_ROLES).into_iter().flatten() {
        match object {
            Some(object) => drop(after.insert(key.clone(), object.clone())),
            None => drop(after.remove(key)),
        }
    }
    let (was, is) = (settled(before), settled(after));
    for (key, role) in &is {
        // Of roles that were not read nobody knows what they would add: what a controller would write is not known.
        if !whole || !is_readable(role) {
            let why = "a controller writes its rules from the roles that it aggregates, not all of which were read: they stay as they were";
            state
                .not_looked_at
                .push(LaidNote { object: super::of("ClusterRole", CLUSTER_ROLES.api_group(), None, &key.1), why: why.to_owned() });
            let was = state.base(&CLUSTER_ROLES)?.get(key).and_then(|was| was.get("rules")).cloned();
            let laid = state.laid.get_mut(&CLUSTER_ROLES).and_then(|objects| objects.get_mut(key)).and_then(Option::as_mut);
            if let (Some(was), Some(fields)) = (was, laid.and_then(Value::as_object_mut)) {
                fields.insert("rules".to_owned(), was);
            }
            continue;
        }
        let laid = state.laid.get(&CLUSTER_ROLES).and_then(|objects| objects.get(key)).and_then(Option::as_ref);
        let said = laid.map(|laid| rules(laid) != rules(role));
        // What stands otherwise than a controller would have it stays so, where nothing was laid that it looks at.
        let moved = match was.get(key) {
            Some(was) => rules(was) != rules(role),
            None => said.is_none(),
        };
        let why = match said {
            Some(true) => "the rules that the manifest says do not count: a controller writes those of the roles that it aggregates",
            None if moved => "a controller writes its rules again, from the roles that it aggregates",
            _ => continue,
        };
        state.kept.push(LaidNote { object: super::of("ClusterRole", CLUSTER_ROLES.api_group(), None, &key.1), why: why.to_owned() });
        if said.is_some() {
            state.lay(&CLUSTER_ROLES, key.clone(), Some(role.clone()));
        } else {
            state.follow(&CLUSTER_ROLES, key.clone(), Some(role.clone()));
        }
    }
    Ok(())
}

fn rules(role: &Value) -> &[Value] {
    role.get("rules").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The aggregated roles with the rules that the controller comes to in the end: one that aggregates others needs theirs first.
fn settled(mut all: BTreeMap<Key, Value>) -> BTreeMap<Key, Value> {
    let is_aggregated = |role: &Value| role.pointer("/aggregationRule").is_some_and(Value::is_object);
    let aggregated: Vec<Key> = all.iter().filter(|(_, role)| is_aggregated(role)).map(|(key, _)| key.clone()).collect();
    for _ in 0..=aggregated.len() {
        let mut moved = false;
        for key in &aggregated {
            let Some(rules_now) = all.get(key).map(|role| rules_of(key, role, &all)) else { continue };
            let Some(role) = all.get_mut(key).filter(|role| rules(role) != rules_now.as_slice()) else { continue };
            if let Some(fields) = role.as_object_mut() {
                fields.insert("rules".to_owned(), json!(rules_now));
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    all.retain(|key, _| aggregated.contains(key));
    all
}

/// Whether every selector of an aggregated role is understood.
fn is_readable(role: &Value) -> bool {
    let selectors = role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
    selectors.into_iter().flatten().all(|selector| Selector::of_json(selector).is_some())
}

/// Rules of all roles that one of the selectors takes, by name, each rule once; never its own.
fn rules_of(own: &Key, role: &Value, all: &BTreeMap<Key, Value>) -> Vec<Value> {
    let selectors = role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors.into_iter().flatten().filter_map(Selector::of_json) {
        for (_, other) in all.iter().filter(|(key, other)| *key != own && selector.matches(&labels(other))) {
            for rule in other.get("rules").and_then(Value::as_array).into_iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    rules
}

fn labels(role: &Value) -> BTreeMap<String, String> {
    let labels = role.pointer("/metadata/labels").and_then(Value::as_object);
    labels.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
