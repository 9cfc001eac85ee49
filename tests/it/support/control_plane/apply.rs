//! Objects from YAML to the cluster by server-side apply, as `kubectl apply --server-side` does it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::api::{Api, segment};

/// How long an object may be refused for something that is still appearing: a namespace, a service account, a kind.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);
const APPLY: &str = "application/apply-patch+yaml";

/// What discovery says about a kind.
#[derive(Clone)]
struct Resource {
    plural: String,
    namespaced: bool,
    has_status: bool,
}

/// Discovery answers, kept for the life of the plane.
#[derive(Default)]
pub(super) struct Kinds(Mutex<BTreeMap<(String, String), Resource>>);

/// One object: the text that is sent (the server reads YAML by its own rules) and what we need to address it.
struct Document {
    text: String,
    object: Value,
}

enum Refusal {
    Passing(String),
    Final(String),
}

/// Applies every document and gives back the stored objects: namespaces and CRDs first, then in the order given.
pub(super) fn apply(api: &Api, kinds: &Kinds, yaml: &str) -> Result<Vec<Value>, String> {
    let mut documents = documents(yaml)?;
    documents.sort_by_key(|document| match field(&document.object, "/kind") {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        _ => 2,
    });
    documents.iter().map(|document| apply_patiently(api, kinds, document)).collect()
}

fn documents(yaml: &str) -> Result<Vec<Document>, String> {
    let mut found = Vec::new();
    let separated = format!("\n{yaml}").replace("\r\n", "\n");
    for text in separated.split("\n---") {
        let object: Value = match serde_saphyr::from_str::<Option<Value>>(text) {
            Ok(Some(object)) if !object.is_null() => object,
            Ok(_) => continue,
            Err(error) => return Err(format!("this is not YAML: {error}\n{text}")),
        };
        match (field(&object, "/kind"), object.get("items").and_then(Value::as_array)) {
            ("List", Some(items)) => {
                let items = items.iter().map(|item| Document { text: item.to_string(), object: item.clone() });
                found.extend(items);
            }
            _ => found.push(Document { text: text.to_owned(), object }),
        }
    }
    Ok(found)
}

fn apply_patiently(api: &Api, kinds: &Kinds, document: &Document) -> Result<Value, String> {
    let started = Instant::now();
    loop {
        let reason = match apply_once(api, kinds, document) {
            Ok(stored) => return Ok(stored),
            Err(Refusal::Passing(_)) if started.elapsed() < PATIENCE => {
                std::thread::sleep(PAUSE);
                continue;
            }
            Err(Refusal::Passing(reason)) => {
                format!("{reason} (still so after {} s)", PATIENCE.as_secs())
            }
            Err(Refusal::Final(reason)) => reason,
        };
        let (kind, name) = (field(&document.object, "/kind"), field(&document.object, "/metadata/name"));
        return Err(format!("{kind} {name:?} could not be applied: {reason}"));
    }
}

fn apply_once(api: &Api, kinds: &Kinds, document: &Document) -> Result<Value, Refusal> {
    let object = &document.object;
    let (version, kind) = (field(object, "/apiVersion"), field(object, "/kind"));
    let group = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let resource = kinds.find(api, &group, kind)?;
    let namespace = match field(object, "/metadata/namespace") {
        "" => "default",
        named => named,
    };
    let collection = if resource.namespaced {
        format!("{group}/namespaces/{}/{}", segment(namespace), resource.plural)
    } else {
        format!("{group}/{}", resource.plural)
    };
    let text = || document.text.clone().into_bytes();
    let name = field(object, "/metadata/name");
    if name.is_empty() {
        return accept(api.request("POST", &collection, "application/yaml", text()));
    }
    let path = format!("{collection}/{}", segment(name));
    let query = "fieldManager=kube-hipaa-tests&force=true";
    let mut stored = accept(api.request("PATCH", &format!("{path}?{query}"), APPLY, text()))?;
    if resource.has_status && object.get("status").is_some() {
        stored = accept(api.request("PATCH", &format!("{path}/status?{query}"), APPLY, text()))?;
    }
    if kind == "CustomResourceDefinition" {
        stored = accept(api.request("GET", &path, APPLY, Vec::new()))?;
        if !established(&stored) {
            return Err(Refusal::Passing("it is not yet established".to_owned()));
        }
    }
    Ok(stored)
}

impl Kinds {
    fn known(&self) -> MutexGuard<'_, BTreeMap<(String, String), Resource>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, api: &Api, group: &str, kind: &str) -> Result<Resource, Refusal> {
        let key = (group.to_owned(), kind.to_owned());
        if let Some(known) = self.known().get(&key) {
            return Ok(known.clone());
        }
        let list = accept(api.request("GET", group, "application/json", Vec::new()))?;
        let resources = list.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let plain = |resource: &&Value| !field(resource, "/name").contains('/');
        let Some(entry) = resources.iter().filter(plain).find(|resource| field(resource, "/kind") == kind) else {
            return Err(Refusal::Passing(format!("{group} serves no kind {kind:?}")));
        };
        let plural = field(entry, "/name").to_owned();
        let status = format!("{plural}/status");
        let resource = Resource {
            namespaced: entry.get("namespaced") == Some(&Value::Bool(true)),
            has_status: resources.iter().any(|resource| field(resource, "/name") == status),
            plural,
        };
        self.known().insert(key, resource.clone());
        Ok(resource)
    }
}

fn accept(answer: Result<(u16, Value), String>) -> Result<Value, Refusal> {
    let (status, body) = answer.map_err(Refusal::Passing)?;
    let message = || format!("{status} {}", body.get("message").and_then(Value::as_str).unwrap_or("without a message"));
    match status {
        200..=299 => Ok(body),
        // Admission refuses a pod until its service account exists, and bindings to what is still appearing.
        403 if message().contains("not found") || message().contains("service account") => Err(Refusal::Passing(message())),
        400 | 401 | 403 | 405 | 406 | 415 | 422 => Err(Refusal::Final(message())),
        _ => Err(Refusal::Passing(message())),
    }
}

fn established(definition: &Value) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    conditions.is_some_and(|conditions| {
        conditions.iter().any(|condition| field(condition, "/type") == "Established" && field(condition, "/status") == "True")
    })
}

fn field<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
