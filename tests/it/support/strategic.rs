//! A strategic merge patch on a manifest, as `kubectl patch` makes it of the kinds that repairs are about.

use serde_json::{Map, Value, json};

/// By which field elements of a list are told apart; lists that are not here are replaced.
const KEYS: &[(&str, &str)] =
    &[("containers", "name"), ("env", "name"), ("volumes", "name"), ("volumeMounts", "mountPath"), ("ports", "containerPort")];

/// The object with the patch.
pub fn patched(object: &Value, patch: &Value) -> Value {
    let mut object = object.clone();
    merge(&mut object, patch);
    object
}

fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return *object = patch.clone() };
    if !object.is_object() {
        *object = json!({});
    }
    let Some(fields) = object.as_object_mut() else { return };
    for (name, value) in patch {
        let key = KEYS.iter().find(|(list, _)| list == name).map(|(_, key)| *key);
        match (value, key) {
            (Value::Null, _) => drop(fields.remove(name)),
            (Value::Array(items), Some(key)) if items.iter().all(|item| item.get(key).is_some()) => list(fields, name, items, key),
            _ => merge(fields.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

fn list(fields: &mut Map<String, Value>, name: &str, items: &[Value], key: &str) {
    let Some(all) = fields.entry(name).or_insert_with(|| json!([])).as_array_mut() else { return };
    for item in items {
        let place = all.iter().position(|one| one.get(key) == item.get(key));
        if item.get("$patch").and_then(Value::as_str) == Some("delete") {
            all.retain(|one| one.get(key) != item.get(key));
            continue;
        }
        match place.and_then(|place| all.get_mut(place)) {
            Some(one) => merge(one, item),
            None => {
                let mut one = json!({});
                merge(&mut one, item);
                all.push(one);
            }
        }
    }
}

/// The object of a manifest, or of a list of them, that the API has at this path.
pub fn at_path<'m>(manifest: &'m Value, path: &str) -> Option<&'m Value> {
    let all = match manifest.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().collect(),
        None => vec![manifest],
    };
    let mut parts = path.rsplit('/');
    let (name, resource) = (parts.next()?, parts.next()?);
    all.into_iter().find(|object| {
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let plural = match kind.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None if kind.ends_with('s') => format!("{kind}es"),
            None => format!("{kind}s"),
        };
        plural == resource && object.pointer("/metadata/name").and_then(Value::as_str) == Some(name)
    })
}
