//! `preconditions` of Kyverno's rules: comparisons of texts that somebody wrote. Kept are those of the namespace and of the operation of a
//! request; of every other one stays that it is there.

use serde_json::{Map, Value, json};

use super::arguments::REDACTED;
use super::secret::looks_secret;

/// Conditions as they may be stored, in one spelling.
pub(super) fn keep(given: &Value) -> Value {
    match given {
        Value::Array(all) => json!({"all": list(all)}),
        Value::Object(groups) => {
            let kept = ["all", "any"].into_iter().filter_map(|name| match groups.get(name)? {
                Value::Array(conditions) => Some((name.to_owned(), list(conditions))),
                _ => None,
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        _ => json!({}),
    }
}

fn list(conditions: &[Value]) -> Value {
    conditions.iter().map(one).collect()
}

fn one(condition: &Value) -> Value {
    let text = |name: &str| condition.get(name).and_then(Value::as_str);
    let key = text("key").and_then(key).unwrap_or(REDACTED);
    let operator = text("operator").filter(|operator| operator.len() <= 30 && operator.bytes().all(|b| b.is_ascii_alphabetic()));
    let value = match condition.get("value") {
        Some(Value::Array(list)) if key != REDACTED => list.iter().map(|one| one.as_str().map_or(REDACTED, value)).collect(),
        Some(Value::String(text)) if key != REDACTED => json!(value(text)),
        _ => json!(REDACTED),
    };
    json!({"key": key, "operator": operator.unwrap_or(REDACTED), "value": value})
}

/// What a key asks for: `{{ request.namespace || '' }}`.
fn key(text: &str) -> Option<&'static str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let path = inner.split("||").next().unwrap_or(inner).trim();
    match path {
        "request.namespace" | "request.object.metadata.namespace" => Some("request.namespace"),
        "request.operation" => Some("request.operation"),
        _ => None,
    }
}

/// A name of a namespace or of an operation, or a pattern of one.
fn value(text: &str) -> &str {
    let name = (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?".contains(&b));
    if name && !looks_secret(text) { text } else { REDACTED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_namespaces_and_operations_stay() {
        let one = |key: &str, value: Value| json!({"key": key, "operator": "NotEquals", "value": value, "message": "x"});
        let kept = |key: &str, value: Value| json!({"key": key, "operator": "NotEquals", "value": value});
        assert_eq!(
            keep(
                &json!({"any": [one("{{request.namespace}}", json!("records"))], "all": [one("{{ request.operation || 'X' }}", json!(["DELETE"]))]})
            ),
            json!({"all": [kept("request.operation", json!(["DELETE"]))], "any": [kept("request.namespace", json!("records"))]})
        );
        assert_eq!(
            keep(&json!([one("{{ request.userInfo.username }}", json!("dr-house")), one("{{request.namespace}}", json!("a b"))])),
            json!({"all": [kept("[redacted]", json!("[redacted]")), kept("request.namespace", json!("[redacted]"))]})
        );
        assert_eq!(keep(&json!("x")), json!({}));
        assert_eq!(keep(&json!({"none": [1]})), json!({}));
    }
}
