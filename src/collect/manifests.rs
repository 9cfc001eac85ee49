//! Manifests as people hand them to kubectl: several documents in a file, lists of objects, objects that are to be deleted.

use serde_json::Value;

/// One object of a file of manifests.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The object, without `$patch`.
    pub object: Value,
    /// `$patch: delete`: it is to go.
    pub delete: bool,
    /// The number of its document in the file, from 1.
    pub document: usize,
}

/// Why a file of manifests cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is neither YAML nor JSON.
    #[error("it is not YAML: {0}")]
    NotYaml(String),
    /// A document is no object.
    #[error("document {document}: {why}")]
    NotAnObject {
        /// Which document.
        document: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Lists in lists: more is no manifest.
const DEEPEST: usize = 4;

/// The objects of a file, in its order. Lists are taken apart; empty documents are passed over.
pub fn manifests(text: &str) -> Result<Vec<Manifest>, ManifestError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| ManifestError::NotYaml(error.to_string().lines().next().unwrap_or_default().to_owned()))?;
    let mut all = Vec::new();
    for (number, document) in documents.into_iter().enumerate().filter(|(_, document)| !document.is_null()) {
        flat(document, number + 1, DEEPEST, &mut all)?;
    }
    Ok(all)
}

fn flat(object: Value, document: usize, deeper: usize, into: &mut Vec<Manifest>) -> Result<(), ManifestError> {
    let refuse = |why: &str| Err(ManifestError::NotAnObject { document, why: why.to_owned() });
    let Value::Object(mut fields) = object else { return refuse("it is no object: a manifest has apiVersion, kind and metadata") };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(_), Some(kind)) = (text("apiVersion"), text("kind")) else { return refuse("it has no apiVersion and kind") };
    let is_list = kind.ends_with("List") && fields.get("items").is_some_and(Value::is_array);
    if is_list {
        if deeper == 0 {
            return refuse("lists stand in lists");
        }
        let (version, item_kind) = (fields.get("apiVersion").cloned(), kind.strip_suffix("List").unwrap_or_default().to_owned());
        let Some(Value::Array(items)) = fields.remove("items") else { return Ok(()) };
        for mut item in items {
            // Items of a typed list need not say what they are.
            if let (Value::Object(item), false) = (&mut item, item_kind.is_empty()) {
                item.entry("apiVersion").or_insert_with(|| version.clone().unwrap_or_default());
                item.entry("kind").or_insert_with(|| Value::String(item_kind.clone()));
            }
            flat(item, document, deeper - 1, into)?;
        }
        return Ok(());
    }
    let delete = match fields.remove("$patch") {
        None => false,
        Some(Value::String(word)) if word == "delete" => true,
        Some(other) => return refuse(&format!("`$patch: {other}` is not known here: only `$patch: delete` is, and whole objects")),
    };
    let named =
        fields.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if !named {
        return refuse("it has no metadata.name (generateName gives a name that only a server knows)");
    }
    into.push(Manifest { object: Value::Object(fields), delete, document });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let text = "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n- {apiVersion: v1, kind: Pod, metadata: {name: b, namespace: a}}\n---\napiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: c}}]\n---\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"d\"}, \"$patch\": \"delete\"}\n";
        let all = manifests(text).expect("good");
        let said: Vec<String> = all
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}",
                    one.object["kind"].as_str().unwrap_or(""),
                    one.object["metadata"]["name"].as_str().unwrap_or(""),
                    one.delete
                )
            })
            .collect();
        assert_eq!(said, ["Namespace a false", "Pod b false", "Service c false", "Pod d true"]);
        assert!(all.iter().all(|one| one.object.get("$patch").is_none()));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_place() {
        let refused = |text: &str| manifests(text).expect_err("refused").to_string();
        assert!(refused("- 1\n").starts_with("document 1: it is no object"));
        assert!(refused("a: [\n").starts_with("it is not YAML"));
        assert!(
            refused("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n---\nkind: Pod\n").starts_with("document 2: it has no apiVersion")
        );
        assert!(refused("apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n").contains("metadata.name"));
        assert!(refused("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n$patch: merge\n").contains("$patch: delete"));
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            text.push_str(&format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]\n", i - 1));
        }
        assert!(manifests(&text).is_err());
    }
}
