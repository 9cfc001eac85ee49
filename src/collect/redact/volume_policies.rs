//! Resource policies of Velero: a YAML document in a ConfigMap of any name (velero `internal/resourcepolicies`). Of it stays what chooses
//! volumes and what is done with them; that there is more stays as `other`, without its name.

use serde_json::{Map, Value, json};

use super::arguments::REDACTED;
use super::secret::looks_secret;

/// The document as JSON, or `[redacted]` where it is none of these policies.
pub(super) fn kept(text: &str) -> String {
    let Ok(Value::Object(document)) = serde_saphyr::from_str::<Value>(text) else { return REDACTED.to_owned() };
    let (Some(version), true) = (document.get("version").and_then(Value::as_str), document.contains_key("volumePolicies")) else {
        // Without a version Velero refuses it; without volumes it says nothing about them.
        return REDACTED.to_owned();
    };
    let mut out = Map::new();
    out.insert("version".to_owned(), word(version));
    for (name, value) in document.iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), value) {
            ("version", _) => {}
            ("volumePolicies", Value::Array(rules)) => {
                out.insert(name.clone(), rules.iter().map(rule).collect());
            }
            _ => other(&mut out),
        }
    }
    Value::Object(out).to_string()
}

fn other(out: &mut Map<String, Value>) {
    out.insert("other".to_owned(), json!(true));
}

fn word(text: &str) -> Value {
    Value::from(if looks_secret(text) { REDACTED } else { text })
}

/// A text, or a list of texts; nothing for anything else.
fn words(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(word(text)),
        Value::Array(all) => all.iter().map(|one| one.as_str().map(word)).collect::<Option<Vec<_>>>().map(Value::from),
        _ => None,
    }
}

/// The names of an object's fields, without their values.
fn names(value: &Value) -> Option<Value> {
    let Value::Object(fields) = value else { return None };
    const KNOWN: &[&str] = &["server", "path", "volumeAttributes", "driver"];
    let mut out = Map::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        match (KNOWN.contains(&name.as_str()), name.as_str(), value) {
            (true, "driver", Value::String(driver)) => drop(out.insert(name.clone(), word(driver))),
            (true, ..) => drop(out.insert(name.clone(), json!(REDACTED))),
            (false, ..) => other(&mut out),
        }
    }
    Some(Value::Object(out))
}

fn labels(value: &Value) -> Option<Value> {
    let Value::Object(all) = value else { return None };
    let label = |(name, value): (&String, &Value)| Some((name.clone(), word(value.as_str()?)));
    all.iter().map(label).collect::<Option<Map<_, _>>>().map(Value::from)
}

fn rule(rule: &Value) -> Value {
    let mut out = Map::new();
    for (name, value) in rule.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), value) {
            ("conditions", Value::Object(all)) => drop(out.insert(name.clone(), conditions(all))),
            ("action", Value::Object(action)) => match action.get("type").and_then(Value::as_str) {
                Some(kind) => drop(out.insert(name.clone(), json!({"type": word(kind)}))),
                None => other(&mut out),
            },
            _ => other(&mut out),
        }
    }
    Value::Object(out)
}

fn conditions(all: &Map<String, Value>) -> Value {
    let mut out = Map::new();
    for (name, value) in all.iter().filter(|(_, value)| !value.is_null()) {
        let kept = match name.as_str() {
            "capacity" | "storageClass" | "volumeTypes" | "pvcPhase" | "pvcVolumeMode" | "pvcAccessModes" => words(value),
            "csi" | "nfs" => names(value),
            "pvcLabels" => labels(value),
            _ => None,
        };
        match kept {
            Some(kept) => drop(out.insert(name.clone(), kept)),
            None => other(&mut out),
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chooses_volumes_stays_and_the_rest_is_only_told_of() {
        let text = "version: v1\nvolumePolicies:\n- conditions:\n    capacity: 0,10Gi\n    storageClass: [scratch]\n    nfs: {server: filer, path: /x}\n    csi: {driver: a.b}\n    pvcLabels: {tier: cache}\n    mark: mark\n  action: {type: skip, parameters: {mark: mark}}\nmark: mark\n";
        let kept: Value = serde_json::from_str(&kept(text)).unwrap();
        assert_eq!(
            kept,
            json!({"version": "v1", "other": true, "volumePolicies": [{
                "conditions": {"capacity": "0,10Gi", "storageClass": ["scratch"], "nfs": {"server": REDACTED, "path": REDACTED},
                    "csi": {"driver": "a.b"}, "pvcLabels": {"tier": "cache"}, "other": true},
                "action": {"type": "skip"}
            }]})
        );
    }

    #[test]
    fn anything_else_is_not_stored() {
        for text in ["", "mark", "[mark]", "version: v1\nmark: mark", "volumePolicies: [{conditions: {storageClass: [mark]}}]", "a: [b"] {
            assert_eq!(kept(text), REDACTED, "{text}");
        }
    }
}
