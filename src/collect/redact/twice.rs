//! Whether a JSON text has a key twice in one object, at any depth. Parsers disagree about which of the two counts, so that what is judged need
//! not be what the server means.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// From how many keys on an object's keys are looked up and no longer compared one by one.
const MANY: usize = 24;

/// One object that has begun.
struct Object<'a> {
    /// Its keys begin here in the list of all open ones.
    from: usize,
    many: Option<BTreeSet<Cow<'a, str>>>,
}

/// Whether `json`, which is valid, has a key twice in one object.
pub(super) fn has_key_twice(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut keys: Vec<Cow<'_, str>> = Vec::new();
    // None for a list.
    let mut open: Vec<Option<Object<'_>>> = Vec::new();
    let mut expects_key = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' => {
                open.push(Some(Object { from: keys.len(), many: None }));
                expects_key = true;
            }
            b'[' => {
                open.push(None);
                expects_key = false;
            }
            b'}' | b']' => {
                if let Some(Some(object)) = open.pop() {
                    keys.truncate(object.from);
                }
                expects_key = false;
            }
            b',' => expects_key = matches!(open.last(), Some(Some(_))),
            b'"' => {
                let from = at;
                let mut escaped = false;
                while let Some(&inside) = bytes.get(at) {
                    at += 1;
                    match inside {
                        b'\\' => {
                            escaped = true;
                            at += 1;
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
                if !std::mem::take(&mut expects_key) {
                    continue;
                }
                let Some(Some(object)) = open.last_mut() else { continue };
                let raw = json.get(from..at - 1).unwrap_or("");
                let key = if escaped { unescaped(json.get(from - 1..at).unwrap_or("\"\"")) } else { Cow::Borrowed(raw) };
                if !object.is_new(&mut keys, key) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

fn unescaped(quoted: &str) -> Cow<'_, str> {
    // Valid JSON has valid strings; as it stands, it is still compared with others that stand so.
    serde_json::from_str(quoted).map_or(Cow::Borrowed(quoted), Cow::Owned)
}

impl<'a> Object<'a> {
    fn is_new(&mut self, keys: &mut Vec<Cow<'a, str>>, key: Cow<'a, str>) -> bool {
        if let Some(many) = &mut self.many {
            return many.insert(key);
        }
        let own = keys.get(self.from..).unwrap_or_default();
        if own.contains(&key) {
            return false;
        }
        if own.len() >= MANY {
            let mut many: BTreeSet<Cow<'a, str>> = keys.drain(self.from..).collect();
            many.insert(key);
            self.many = Some(many);
        } else {
            keys.push(key);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_found_at_any_depth() {
        for twice in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":[{"c":1,"d":{},"c":2}]}}"#,
            r#"[{"x":"{"},{"x":"}","y":[1,2,{"k":"\\"},3],"x":0}]"#,
            r#"{"a\u0062":1,"ab":2}"#,
            r#"{ "a" : "\"" , "a" : [] }"#,
        ] {
            assert!(has_key_twice(twice), "{twice}");
        }
        for once in [
            r#"{"a":{"a":{"a":"a"}},"b":["a","a",{"a":1},{"a":1}],"c":"a"}"#,
            r#"["a","a"]"#,
            r#"{"a":"\",\"a\":","b":"{\"a\""}"#,
            "{}",
            "7",
        ] {
            assert!(!has_key_twice(once), "{once}");
        }
        let many: Vec<String> = (0..200).map(|i| format!("\"k{i}\":{{\"k\":{i}}}")).collect();
        assert!(!has_key_twice(&format!("{{{}}}", many.join(","))));
        assert!(has_key_twice(&format!("{{{},\"k7\":0}}", many.join(","))));
    }
}
