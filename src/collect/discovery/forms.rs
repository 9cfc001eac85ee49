//! The forms in which servers tell what they serve: the aggregated one (KEP-3352) and the one before it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::redact::json_error;

/// What is told of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::collect) struct Resource {
    pub(in crate::collect) kind: String,
    pub(in crate::collect) singular: String,
    pub(in crate::collect) short_names: Vec<String>,
    pub(in crate::collect) namespaced: Option<bool>,
    pub(in crate::collect) verbs: Vec<String>,
    pub(in crate::collect) subresources: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Aggregated {
    pub(super) items: Vec<AggregatedGroup>,
}

#[derive(Deserialize)]
pub(super) struct AggregatedGroup {
    #[serde(default)]
    pub(super) metadata: Name,
    #[serde(default)]
    pub(super) versions: Vec<AggregatedVersion>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Name {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct AggregatedVersion {
    pub(super) version: String,
    #[serde(default)]
    pub(super) freshness: Option<String>,
    #[serde(default)]
    resources: Option<Vec<AggregatedResource>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    resource: String,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    singular_resource: String,
    #[serde(default)]
    verbs: Option<Vec<String>>,
    #[serde(default)]
    short_names: Option<Vec<String>>,
    #[serde(default)]
    subresources: Option<Vec<Subresource>>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
struct Subresource {
    subresource: String,
}

impl AggregatedVersion {
    /// By plural.
    pub(super) fn resources(&mut self) -> BTreeMap<String, Resource> {
        let told = |resource: AggregatedResource| {
            let mut verbs = resource.verbs.unwrap_or_default();
            verbs.sort();
            let mut subresources: Vec<String> = resource.subresources.into_iter().flatten().map(|sub| sub.subresource).collect();
            subresources.sort();
            let namespaced = match resource.scope.as_deref() {
                Some("Namespaced") => Some(true),
                Some("Cluster") => Some(false),
                _ => None,
            };
            let kind = resource.response_kind.map_or_else(String::new, |kind| kind.kind);
            let short_names = resource.short_names.unwrap_or_default();
            (resource.resource, Resource { kind, singular: resource.singular_resource, short_names, namespaced, verbs, subresources })
        };
        self.resources.take().into_iter().flatten().map(told).collect()
    }
}

/// `APIVersions`, the answer of `/api`.
#[derive(Deserialize)]
pub(super) struct Versions {
    pub(super) versions: Vec<String>,
}

/// `APIGroupList`, the answer of `/apis`.
#[derive(Deserialize)]
pub(super) struct Groups {
    pub(super) groups: Vec<PlainGroup>,
}

#[derive(Deserialize)]
pub(super) struct PlainGroup {
    pub(super) name: String,
    pub(super) versions: Vec<PlainVersion>,
}

#[derive(Deserialize)]
pub(super) struct PlainVersion {
    pub(super) version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    kind: String,
    group_version: String,
    resources: Vec<PlainResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainResource {
    name: String,
    kind: String,
    #[serde(default)]
    singular_name: String,
    #[serde(default)]
    namespaced: Option<bool>,
    #[serde(default)]
    verbs: Option<Vec<String>>,
    #[serde(default)]
    short_names: Option<Vec<String>>,
}

/// `APIResourceList`, the answer of one group and version: it must be about that one.
pub(super) fn resources(body: &[u8], group_version: &str) -> Result<BTreeMap<String, Resource>, String> {
    let list: Resources = serde_json::from_slice(body).map_err(|error| format!("not a list of resources: {}", json_error(&error)))?;
    if list.kind != "APIResourceList" || list.group_version != group_version {
        return Err(format!("not the list of resources of {group_version}"));
    }
    let mut found: BTreeMap<String, Resource> = BTreeMap::new();
    // Subresources stand in the same list, as `pods/log`, before or after their own.
    for resource in &list.resources {
        if !resource.name.contains('/') {
            let mut verbs = resource.verbs.clone().unwrap_or_default();
            verbs.sort();
            let told = Resource {
                kind: resource.kind.clone(),
                singular: resource.singular_name.clone(),
                short_names: resource.short_names.clone().unwrap_or_default(),
                namespaced: resource.namespaced,
                verbs,
                subresources: Vec::new(),
            };
            found.insert(resource.name.clone(), told);
        }
    }
    for resource in &list.resources {
        if let Some((name, sub)) = resource.name.split_once('/')
            && let Some(of) = found.get_mut(name)
        {
            of.subresources.push(sub.to_owned());
        }
    }
    found.values_mut().for_each(|resource| resource.subresources.sort());
    Ok(found)
}

/// An answer in the new form or the old one.
pub(super) enum Form<T> {
    Aggregated(Aggregated),
    Plain(T),
}

/// The old form says which it is.
pub(super) trait Plain: for<'de> Deserialize<'de> {
    const KIND: &'static str;
}

impl Plain for Versions {
    const KIND: &'static str = "APIVersions";
}

impl Plain for Groups {
    const KIND: &'static str = "APIGroupList";
}

pub(super) fn read<T: Plain>(body: &[u8]) -> Result<Form<T>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        kind: String,
        #[serde(default)]
        api_version: String,
    }
    let kind: Kind = serde_json::from_slice(body).map_err(|error| format!("not JSON with a kind: {}", json_error(&error)))?;
    if kind.kind == "APIGroupDiscoveryList" && kind.api_version.starts_with("apidiscovery.k8s.io/") {
        serde_json::from_slice(body).map(Form::Aggregated)
    } else if kind.kind == T::KIND {
        serde_json::from_slice(body).map(Form::Plain)
    } else {
        return Err("not an answer of discovery".to_owned());
    }
    .map_err(|error| format!("not an answer of discovery: {}", json_error(&error)))
}
