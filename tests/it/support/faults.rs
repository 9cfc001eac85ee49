//! Everything that can be noticed to go wrong with one answer of a server.

use serde_json::{Value, json};

use super::reply::Reply;

/// A text in which `change` was made to the JSON of `body`; none where it does not apply.
fn changed(body: &[u8], change: impl Fn(&mut Value) -> Option<()>) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    change(&mut value)?;
    // In the order of a server: what a list says of itself first.
    Some(value.to_string().into_bytes())
}

fn first_item(value: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    value.get_mut("items")?.as_array_mut()?.first_mut()?.as_object_mut()
}

/// Name and answer of everything that can go wrong with one answer.
pub fn faults(code: u16, kind: &'static str, body: &[u8], other: &[u8]) -> Vec<(&'static str, Reply)> {
    those(code, kind, body, other, &|_| true)
}

/// The answer of one fault, where it applies.
pub fn fault(name: &str, code: u16, kind: &'static str, body: &[u8], other: &[u8]) -> Option<Reply> {
    those(code, kind, body, other, &|known| known == name).into_iter().find(|(known, _)| *known == name).map(|(_, reply)| reply)
}

/// Of the faults that take the answer apart, only the wanted ones are made.
fn those(code: u16, kind: &'static str, body: &[u8], other: &[u8], wanted: &dyn Fn(&str) -> bool) -> Vec<(&'static str, Reply)> {
    let raw = |bytes: Vec<u8>| Reply::Raw(code, kind, bytes);
    let text = |code: u16, kind: &'static str, text: &str| Reply::Raw(code, kind, text.as_bytes().to_vec());
    let mut all = vec![
        ("refused connection", Reply::Refused),
        ("broken off", Reply::BreaksOff),
        ("cut off", Reply::CutOff),
        ("page of a proxy", text(200, "text/html", "<html>log in</html>")),
        ("not found by a proxy", text(404, "text/html", "<html>404 page not found</html>")),
        ("not found in plain text", text(404, "text/plain", "404 page not found")),
        ("not acceptable by a proxy", text(406, "text/html", "no")),
        ("not found without a kind", text(404, "application/json", "{}")),
        ("server error", Reply::Status(500, "boom")),
        ("gateway error", text(502, "text/html", "bad gateway")),
        ("forbidden", Reply::Status(403, "no")),
        ("success without content", text(200, "application/json", r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#)),
        ("nothing", text(200, "application/json", "")),
        ("null", text(200, "application/json", "null")),
        ("an empty object", text(200, "application/json", "{}")),
        ("an empty list", text(200, "application/json", "[]")),
        ("levels without end", text(200, "application/json", &"[".repeat(20_000))),
        ("the answer to another question", Reply::Raw(200, "application/json", other.to_vec())),
    ];
    let json_faults: [(&'static str, &dyn Fn(&mut Value) -> Option<()>); 14] = [
        ("another kind", &|value| value.get_mut("items").map(|_| ()).map(|()| value["kind"] = json!("EventList"))),
        ("no kind", &|value| value.as_object_mut()?.remove("kind").map(drop)),
        ("another version", &|value| value.get_mut("items").map(|_| ()).map(|()| value["apiVersion"] = json!("example.org/v9"))),
        ("no items", &|value| value.as_object_mut()?.remove("items").map(drop)),
        ("items that are no list", &|value| value.get_mut("items").map(|items| *items = json!({}))),
        ("items withheld", &|value| {
            value.get_mut("items")?;
            value["metadata"]["remainingItemCount"] = json!(9);
            value["metadata"]["continue"] = json!("");
            Some(())
        }),
        ("null items, and announced ones", &|value| {
            value["items"].as_array().filter(|items| !items.is_empty())?;
            value["items"] = Value::Null;
            value["metadata"]["remainingItemCount"] = json!(1);
            value["metadata"]["continue"] = json!("");
            Some(())
        }),
        ("an object twice", &|value| {
            let first = value["items"].as_array()?.first()?.clone();
            value["metadata"].get("resourceVersion")?;
            value["items"].as_array_mut()?.push(first);
            Some(())
        }),
        ("an object without name", &|value| first_item(value)?.get_mut("metadata")?.as_object_mut()?.remove("name").map(drop)),
        ("an object of another kind", &|value| {
            first_item(value)?.get("metadata")?.get("uid")?;
            first_item(value)?.insert("kind".to_owned(), json!("Odd"));
            Some(())
        }),
        ("an object of another version", &|value| {
            first_item(value)?.get("metadata")?.get("uid")?;
            first_item(value)?.insert("apiVersion".to_owned(), json!("odd/v1"));
            Some(())
        }),
        ("an object in no place or another", &|value| {
            let metadata = first_item(value)?.get_mut("metadata")?.as_object_mut()?;
            metadata.get("uid")?;
            let place = if metadata.get("namespace").is_some_and(Value::is_string) { Value::Null } else { json!("records") };
            metadata.insert("namespace".to_owned(), place);
            Some(())
        }),
        ("no groups", &|value| (value["kind"] == "APIGroupDiscoveryList").then(|| value["items"] = json!([]))),
        ("half of the groups", &|value| {
            let _many = value["items"].as_array().filter(|groups| groups.len() > 2)?;
            (value["kind"] == "APIGroupDiscoveryList").then_some(())?;
            let half = value["items"].as_array()?.len() / 2;
            value["items"].as_array_mut()?.truncate(half);
            Some(())
        }),
    ];
    for (name, change) in json_faults.into_iter().filter(|(name, _)| wanted(name)) {
        all.extend(changed(body, change).map(|bytes| (name, raw(bytes))));
    }
    if !wanted("a field twice") && !wanted("bytes that are no text") {
        return all;
    }
    let written = String::from_utf8_lossy(body).into_owned();
    if written.contains("\"uid\":") && written.contains("\"items\"") {
        all.push(("a field twice", raw(written.replacen("\"uid\":", "\"uid\":\"x\",\"uid\":", 1).into_bytes())));
        let mut bytes = body.to_vec();
        if let Some(at) = written.find("uid-of-") {
            bytes[at] = 0xff;
            all.push(("bytes that are no text", raw(bytes)));
        }
    }
    all
}
