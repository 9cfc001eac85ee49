//! The few ConfigMaps that are read by name: of each, the keys that are known to be configuration, and of YAML inside a key the
//! fields that are known.
//!
//! YAML comes out as JSON (which is YAML too), so that what is stored has one canonical form.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::arguments::REDACTED;
use super::head::Head;
use super::keep::Keep;
use super::prune::{Broken, prune as prune_object, push_text};
use super::secret::looks_secret;
use super::special::flag_value;
use super::twice::has_key_twice;
use crate::collect::inventory::{ConfigKey, ConfigText};

#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

/// Appends `{"apiVersion":"v1","kind":"ConfigMap","metadata":{...},"data":{...}}` with what `keys` allow of the data.
pub(in crate::collect) fn prune(object: &str, metadata: &Keep, keys: &[ConfigKey], out: &mut String) -> Result<(), Broken> {
    let head = Head::of(object)?;
    if has_key_twice(object) {
        return Err(Broken::Other("it has a field twice"));
    }
    let map: ConfigMap = serde_json::from_str(object)?;
    prune_object(object, metadata, &head, Some(("v1", "ConfigMap")), out)?;
    // Reopen the object that was just written.
    out.truncate(out.len() - 1);
    out.push_str(",\"data\":{");
    let mut first = true;
    for (name, text) in map.data.iter().flatten() {
        let Some(key) = keys.iter().find(|key| key.matches(name)) else { continue };
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        push_text(name, out);
        out.push(':');
        push_text(&kept(&key.text, text), out);
    }
    out.push_str("}}");
    Ok(())
}

fn kept(how: &ConfigText, text: &str) -> String {
    let fields = match how {
        ConfigText::Whole if looks_secret(text) => return REDACTED.to_owned(),
        ConfigText::Whole => return text.to_owned(),
        ConfigText::Presence => return REDACTED.to_owned(),
        ConfigText::Fields(fields) => fields,
    };
    // A text that is not what its name says is not stored; that it is there is.
    let Ok(keep) = Keep::parse(fields) else { return REDACTED.to_owned() };
    let Ok(mut value) = serde_saphyr::from_str::<Value>(text) else { return REDACTED.to_owned() };
    if !(value.is_object() || value.is_array()) {
        return REDACTED.to_owned();
    }
    redact_flags(&mut value);
    let Ok(json) = serde_json::to_string(&value) else { return REDACTED.to_owned() };
    let mut out = String::new();
    match prune_object(&json, &keep, &Head::default(), None, &mut out) {
        Ok(()) => out,
        Err(_) => REDACTED.to_owned(),
    }
}

/// `extraArgs`, wherever they stand: a map up to kubeadm v1beta3, a list of name and value since v1beta4.
fn redact_flags(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if name == "extraArgs" { redact_arguments(value) } else { redact_flags(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_flags),
        _ => {}
    }
}

fn redact_arguments(arguments: &mut Value) {
    match arguments {
        Value::Object(flags) => {
            for (name, value) in flags.iter_mut() {
                *value = Value::String(argument(name, value));
            }
        }
        Value::Array(items) => {
            for item in items {
                let name = item.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
                let value = argument(&name, item.get("value").unwrap_or(&Value::Null));
                *item = serde_json::json!({"name": name, "value": value});
            }
        }
        other => *other = Value::Null,
    }
}

/// Somebody may have written `30` or `false` without quotes. Other numbers than whole ones have several spellings, of which it is
/// not known which was meant.
fn argument(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => flag_value(name, text),
        Value::Bool(_) => flag_value(name, &value.to_string()),
        Value::Number(number) if !number.is_f64() => flag_value(name, &value.to_string()),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => REDACTED.to_owned(),
    }
}
