//! `preconditions` of a rule of Kyverno: where they do not hold, the rule is skipped (Kyverno pkg/engine/validation.go).
//!
//! Kept are comparisons of the namespace and of the operation of a request; every other key, and every text that is no such name, is left
//! out while the policy is stored, and may be anything.

use serde_json::Value;

use super::selection::wildcard;

/// Whether they hold when something is made in a namespace; nothing where that cannot be told.
pub(super) fn hold(given: Option<&Value>, namespace: &str) -> Option<bool> {
    match given {
        None | Some(Value::Null) => Some(true),
        // As they were written first: all have to hold.
        Some(Value::Array(all)) => every(all, namespace),
        Some(Value::Object(groups)) => {
            let list = |name: &str| match groups.get(name) {
                None | Some(Value::Null) => Some(None),
                Some(Value::Array(list)) => Some(Some(list)),
                Some(_) => None,
            };
            let (any, all) = (list("any")?, list("all")?);
            // What a snapshot keeps of those that it does not know.
            if any.is_none() && all.is_none() {
                return None;
            }
            let any = any.map_or(Some(true), |any| {
                let held: Vec<Option<bool>> = any.iter().map(|one| holds(one, namespace)).collect();
                match held.contains(&Some(true)) {
                    true => Some(true),
                    // One that is not known could be the one that holds.
                    false => (!held.contains(&None)).then_some(false),
                }
            });
            both(any, all.map_or(Some(true), |all| every(all, namespace)))
        }
        Some(_) => None,
    }
}

fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn every(all: &[Value], namespace: &str) -> Option<bool> {
    all.iter().map(|one| holds(one, namespace)).fold(Some(true), both)
}

/// One comparison (Kyverno pkg/engine/variables/operator): patterns stand on either side of the operators about lists.
fn holds(one: &Value, namespace: &str) -> Option<bool> {
    let actual = match one.get("key")?.as_str()? {
        "request.namespace" => namespace,
        "request.operation" => "CREATE",
        _ => return None,
    };
    let operator = one.get("operator")?.as_str()?.to_ascii_lowercase();
    let wanted: Vec<&str> = match one.get("value")? {
        Value::String(text) => vec![text.as_str()],
        Value::Array(list) if !operator.contains("equal") => list.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let found = || wanted.iter().any(|pattern| wildcard(pattern, actual));
    // A text that was left out may be any.
    let open = wanted.iter().any(|text| text.contains('['));
    let found = match found() {
        true => true,
        false if open => return None,
        false => false,
    };
    match operator.as_str() {
        "equals" | "equal" | "in" | "anyin" | "allin" => Some(found),
        "notequals" | "notequal" | "notin" | "anynotin" | "allnotin" => Some(!found),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_about_the_namespace_decides() {
        let one = |key: &str, operator: &str, value: Value| json!({"key": key, "operator": operator, "value": value});
        let all = |one: Value| hold(Some(&json!({"all": [one]})), "records");
        let of_namespace = |operator: &str, value: Value| all(one("request.namespace", operator, value));
        assert_eq!(of_namespace("NotEquals", json!("records")), Some(false));
        assert_eq!(of_namespace("NotEquals", json!("rec*")), Some(false));
        assert_eq!(of_namespace("Equals", json!("shop")), Some(false));
        assert_eq!(of_namespace("AnyNotIn", json!(["shop", "records"])), Some(false));
        assert_eq!(of_namespace("AnyIn", json!(["shop", "records"])), Some(true));
        assert_eq!(of_namespace("NotEquals", json!("[redacted]")), None);
        assert_eq!(of_namespace("AnyIn", json!(["[redacted]", "records"])), Some(true));
        assert_eq!(of_namespace("GreaterThan", json!("a")), None);
        assert_eq!(all(one("request.operation", "NotEquals", json!("DELETE"))), Some(true));
        assert_eq!(all(one("request.operation", "Equals", json!("UPDATE"))), Some(false));
        assert_eq!(all(one("[redacted]", "Equals", json!("x"))), None);
        let mixed = json!({"any": [one("[redacted]", "Equals", json!("x")), one("request.namespace", "Equals", json!("records"))]});
        assert_eq!(hold(Some(&mixed), "records"), Some(true));
        assert_eq!(hold(Some(&mixed), "shop"), None);
        let both =
            json!({"any": [one("[redacted]", "Equals", json!("x"))], "all": [one("request.namespace", "NotEquals", json!("records"))]});
        assert_eq!(hold(Some(&both), "records"), Some(false), "one that does not hold decides");
        assert_eq!(hold(Some(&json!([one("request.namespace", "NotEquals", json!("records"))])), "records"), Some(false));
        assert_eq!(hold(Some(&json!({})), "records"), None, "what an older snapshot keeps");
        assert_eq!(hold(None, "records"), Some(true));
    }
}
