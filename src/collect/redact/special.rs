//! The treatments of fields that hold free text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::arguments::{REDACTED, of_container};
use super::head::Head;
use super::keep::Special;
use super::prune::{compact, push_text};
use super::{annotations, credentials, flags, preconditions, secret, volume_policies};
use crate::model::LooksLikeCredential;

/// `valueFrom`: the kind of reference, and its fields.
type References<'a> = BTreeMap<Cow<'a, str>, Map<'a>>;
type Map<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Appends what may stay of `raw`; false when nothing does.
pub(super) fn apply(treatment: Special, raw: &RawValue, head: &Head<'_>, out: &mut String) -> Result<bool, serde_json::Error> {
    if raw.get() == "null" {
        out.push_str("null");
        return Ok(true);
    }
    match treatment {
        // That nothing is written says nothing secret, and decides.
        Special::Redacted => match raw.get() {
            empty @ ("[]" | "\"\"") => out.push_str(empty),
            _ => push_text(REDACTED, out),
        },
        Special::MountOptions => {
            let words: Vec<Cow<'_, str>> = serde_json::from_str(raw.get())?;
            list(words, out, |word, out| push_text(if flags::is_known_mount_option(&word) { &word } else { REDACTED }, out));
        }
        Special::Annotations => map(raw, out, annotations::keep)?,
        Special::Command | Special::Arguments => {
            let words: Vec<Cow<'_, str>> = serde_json::from_str(raw.get())?;
            list(of_container(&words, treatment == Special::Command, head), out, |word, out| push_text(&word, out));
        }
        Special::Environment => {
            let system = head.is_system();
            let redact = |out: &mut String| {
                let variables: Vec<Variable<'_>> = serde_json::from_str(raw.get())?;
                list(variables, out, |variable, out| variable.write(system, out));
                Ok(())
            };
            match head.environments {
                Some(known) => known.append(raw.get(), system, out, redact)?,
                None => redact(out)?,
            }
        }
        Special::Parameters => map(raw, out, |name, value, out| {
            push_text(name, out);
            out.push(':');
            let text = serde_json::from_str::<Cow<'_, str>>(value.get());
            if let (true, Ok(address)) = (flags::is_address_parameter(name), &text) {
                push_text(&if address.is_empty() { String::new() } else { origin(address) }, out);
            } else if flags::is_known_parameter(name) && text.is_ok_and(|text| flags::is_value_of_parameter(name, &text)) {
                compact(value.get(), out)
            } else {
                push_text(REDACTED, out)
            }
            true
        })?,
        Special::Names => map(raw, out, |name, _, out| {
            push_text(name, out);
            out.push(':');
            push_text(REDACTED, out);
            true
        })?,
        Special::Flags => {
            let flags: BTreeMap<Cow<'_, str>, Cow<'_, str>> = serde_json::from_str(raw.get())?;
            map(raw, out, |name, _, out| {
                push_text(name, out);
                out.push(':');
                push_text(&flag_value(name, flags.get(name).map_or("", |value| value)), out);
                true
            })?;
        }
        Special::Url => {
            let url: Cow<'_, str> = serde_json::from_str(raw.get())?;
            push_text(&origin(&url), out);
        }
        Special::Path => {
            let path: Cow<'_, str> = serde_json::from_str(raw.get())?;
            push_text(if ["", "/", "/*"].contains(&path.as_ref()) { &path } else { REDACTED }, out);
        }
        Special::Image => {
            let reference: Cow<'_, str> = serde_json::from_str(raw.get())?;
            head.set_program(credentials::of_image(&reference));
            push_text(&secret::image(&reference), out);
        }
        Special::Expression => {
            let expression: Cow<'_, str> = serde_json::from_str(raw.get())?;
            push_text(&secret::expression(&expression), out);
        }
        Special::VolumePolicies => {
            // What is no text is no document.
            let document = serde_json::from_str::<Cow<'_, str>>(raw.get());
            push_text(&document.map_or_else(|_| REDACTED.to_owned(), |document| volume_policies::kept(&document)), out);
        }
        Special::Preconditions => {
            let given: serde_json::Value = serde_json::from_str(raw.get())?;
            out.push_str(&preconditions::keep(&given).to_string());
        }
        Special::Sorted => {
            let mut items: Vec<&RawValue> = serde_json::from_str(raw.get())?;
            items.sort_by_key(|item| item.get());
            list(items, out, |item, out| compact(item.get(), out));
        }
    }
    Ok(true)
}

fn list<T>(items: impl IntoIterator<Item = T>, out: &mut String, write: impl Fn(T, &mut String)) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

/// `write` appends `"name":value` and says so, or appends nothing. Names come out sorted.
fn map(raw: &RawValue, out: &mut String, write: impl Fn(&str, &RawValue, &mut String) -> bool) -> Result<(), serde_json::Error> {
    let entries: Map<'_> = serde_json::from_str(raw.get())?;
    out.push('{');
    let mut first = true;
    for (name, value) in &entries {
        let before = out.len();
        if !first {
            out.push(',');
        }
        if write(name, value, out) {
            first = false;
        } else {
            out.truncate(before);
        }
    }
    out.push('}');
    Ok(())
}

/// Scheme, host and port of a URL: paths and queries carry tokens. Of a URL with `@` nothing stays: what stands before it are
/// credentials, and where those begin and end is not certain (a password may hold a slash).
pub(super) fn origin(url: &str) -> String {
    let host_and_port = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:[]".contains(c));
    let is_scheme = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c));
    match url.split_once("://") {
        Some((scheme, rest)) if !url.contains('@') && is_scheme(scheme) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
            if host_and_port(authority) { format!("{scheme}://{authority}") } else { REDACTED.to_owned() }
        }
        _ => REDACTED.to_owned(),
    }
}

/// The value of a flag of a component as it may be stored: of a known flag, unless it could carry credentials; of any other, only
/// nothing, `true` and `false`, which cannot be secret.
pub(crate) fn flag_value(name: &str, value: &str) -> String {
    if matches!(value, "" | "true" | "false") {
        return value.to_owned();
    }
    if flags::is_known_flag(name) && !flags::may_carry_credentials(value) && !secret::looks_secret(value) {
        value.to_owned()
    } else {
        REDACTED.to_owned()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    value_from: Option<References<'a>>,
}

impl Variable<'_> {
    fn write(&self, system: bool, out: &mut String) {
        const REFERENCES: [&str; 5] = ["secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef"];
        const FIELDS: [&str; 8] = ["name", "key", "optional", "fieldPath", "resource", "containerName", "path", "volumeName"];
        out.push_str("{\"name\":");
        push_text(&self.name, out);
        if let Some(value) = &self.value {
            out.push_str(",\"value\":");
            let kept = value.is_empty()
                || flags::is_switching(&self.name, value)
                || system && flags::is_known_env(&self.name) && value.len() <= 40 && secret::is_plain_setting(value);
            let instead = || credentials::of_variable(&self.name, value).map_or(REDACTED, LooksLikeCredential::marker);
            push_text(if kept { value } else { instead() }, out);
        }
        if let Some(from) = &self.value_from {
            out.push_str(",\"valueFrom\":{");
            let known = from.iter().filter(|(name, _)| REFERENCES.contains(&name.as_ref()));
            for (i, (reference, fields)) in known.enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_text(reference, out);
                out.push_str(":{");
                for (j, (name, value)) in fields.iter().filter(|(name, _)| FIELDS.contains(&name.as_ref())).enumerate() {
                    if j > 0 {
                        out.push(',');
                    }
                    push_text(name, out);
                    out.push(':');
                    compact(value.get(), out);
                }
                out.push('}');
            }
            out.push('}');
        }
        out.push('}');
    }
}
