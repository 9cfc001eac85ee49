//! What the cluster serves, established by discovery and never by a 404 or a 403 (a resource that does not exist answers 403 to an
//! identity without rights on it).
//!
//! Two aggregated requests (KEP-3352), read by ourselves: the client library drops `freshness: Stale`, which is how an aggregated
//! API that is registered and does not answer shows. Servers without aggregation are asked group by group.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::inventory::{Entry, inventory};
use super::redact::json_error;
use super::request::{Api, Ask, Failure};

const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// What became of looking for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// It is there, in this version and with this kind.
    Yes { version: String, kind: String },
    /// Discovery is current and does not list it.
    No,
    /// Registered, and did not answer the server's discovery.
    Stale { why: String },
    /// Discovery itself failed: nothing can be said.
    Unknown { why: String },
}

/// The result of discovery.
#[derive(Debug)]
pub(super) struct Discovery {
    core: Result<BTreeMap<String, Group>, String>,
    named: Result<BTreeMap<String, Group>, String>,
}

#[derive(Debug, Default)]
struct Group {
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    name: String,
    /// Why it is not current.
    stale: Option<String>,
    /// Plural to kind.
    resources: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Aggregated {
    items: Vec<AggregatedGroup>,
}

#[derive(Deserialize)]
struct AggregatedGroup {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<AggregatedVersion>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct AggregatedVersion {
    version: String,
    #[serde(default)]
    freshness: Option<String>,
    #[serde(default)]
    resources: Option<Vec<AggregatedResource>>,
}

#[derive(Deserialize)]
struct AggregatedResource {
    resource: String,
    #[serde(default, rename = "responseKind")]
    response_kind: Option<ResponseKind>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

/// The forms of before aggregation: `APIVersions`, `APIGroupList`, `APIResourceList`.
#[derive(Deserialize)]
struct Versions {
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<PlainGroup>,
}

#[derive(Deserialize)]
struct PlainGroup {
    name: String,
    versions: Vec<PlainVersion>,
}

#[derive(Deserialize)]
struct PlainVersion {
    version: String,
}

#[derive(Deserialize)]
struct Resources {
    resources: Vec<PlainResource>,
}

#[derive(Deserialize)]
struct PlainResource {
    name: String,
    kind: String,
}

/// An answer in the new form or the old one.
enum Form<T> {
    Aggregated(Aggregated),
    Plain(T),
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<Form<T>, String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let kind: Kind = serde_json::from_slice(body).map_err(|error| format!("not JSON with a kind: {}", json_error(&error)))?;
    if kind.kind == "APIGroupDiscoveryList" {
        serde_json::from_slice(body).map(Form::Aggregated)
    } else {
        serde_json::from_slice(body).map(Form::Plain)
    }
    .map_err(|error| format!("not an answer of discovery: {}", json_error(&error)))
}

impl Discovery {
    /// Asks the server. Never fails: what could not be established is remembered as unknown.
    pub(super) async fn run(api: &Api) -> Self {
        let core = match api.ask_for(Ask::get("/api", ACCEPT), |answer| read::<Versions>(&answer.body)).await {
            Ok(Form::Aggregated(list)) => Ok(aggregated(list)),
            Ok(Form::Plain(list)) => {
                let mut group = Group::default();
                for version in list.versions {
                    group.versions.push(resources(api, format!("/api/{version}"), version).await);
                }
                Ok(BTreeMap::from([(String::new(), group)]))
            }
            Err(failure) => Err(failed("/api", &failure)),
        };
        let named = match api.ask_for(Ask::get("/apis", ACCEPT), |answer| read::<Groups>(&answer.body)).await {
            Ok(Form::Aggregated(list)) => Ok(aggregated(list)),
            Ok(Form::Plain(list)) => Ok(plain(api, list).await),
            Err(failure) => Err(failed("/apis", &failure)),
        };
        Self { core, named }
    }

    /// Why discovery failed, where it did.
    pub(super) fn failure(&self) -> Option<&str> {
        self.core.as_ref().err().or(self.named.as_ref().err()).map(String::as_str)
    }

    fn group(&self, name: &str) -> Result<Option<&Group>, String> {
        let part = if name.is_empty() { &self.core } else { &self.named };
        part.as_ref().map(|groups| groups.get(name)).map_err(Clone::clone)
    }

    /// Whether the cluster has the resource of an entry, and where.
    pub(super) fn find(&self, entry: &Entry) -> Served {
        let (group_name, resource) = (entry.source.api_group(), entry.source.resource());
        let group = match self.group(group_name) {
            Err(why) => return Served::Unknown { why },
            Ok(None) => return Served::No,
            Ok(Some(group)) => group,
        };
        // The versions that the allow-list was written for come first, then whatever the server prefers.
        let rank = |version: &Version| entry.versions.iter().position(|known| *known == version.name).unwrap_or(entry.versions.len());
        let found = group
            .versions
            .iter()
            .filter(|version| version.stale.is_none())
            .filter_map(|version| Some((rank(version), version, version.resources.get(resource)?)))
            .min_by_key(|(rank, ..)| *rank);
        match (found, group.versions.iter().find_map(|version| version.stale.clone())) {
            (Some((_, version, kind)), _) => Served::Yes { version: version.name.clone(), kind: kind.clone() },
            (None, Some(why)) => Served::Stale { why },
            (None, None) => Served::No,
        }
    }

    /// All resources of a group, with version and kind; subresources left out.
    pub(super) fn kinds_of(&self, group: &str) -> Result<Vec<(String, String, String)>, Served> {
        let group = match self.group(group) {
            Err(why) => return Err(Served::Unknown { why }),
            Ok(None) => return Err(Served::No),
            Ok(Some(group)) => group,
        };
        if let Some(why) = group.versions.iter().find_map(|version| version.stale.clone()) {
            return Err(Served::Stale { why });
        }
        let mut found = BTreeMap::new();
        for version in &group.versions {
            for (resource, kind) in version.resources.iter().filter(|(resource, _)| !resource.contains('/')) {
                found.entry(resource.clone()).or_insert_with(|| (version.name.clone(), kind.clone()));
            }
        }
        Ok(found.into_iter().map(|(resource, (version, kind))| (resource, version, kind)).collect())
    }

    /// Whether the group is served at all, as far as is known.
    pub(super) fn has_group(&self, name: &str) -> bool {
        matches!(self.group(name), Ok(Some(_)))
    }
}

fn failed(path: &str, failure: &Failure) -> String {
    format!("discovery of {path} failed: {failure}")
}

fn aggregated(list: Aggregated) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for group in list.items {
        let name = group.metadata.name;
        let versions = group.versions.into_iter().map(|version| Version {
            stale: version.freshness.filter(|freshness| freshness != "Current").map(|freshness| {
                let of = if name.is_empty() { version.version.clone() } else { format!("{name}/{}", version.version) };
                let word = if freshness == "Stale" { "Stale" } else { "not Current" };
                format!("discovery says that {of} is registered and did not answer (freshness: {word})")
            }),
            resources: version
                .resources
                .into_iter()
                .flatten()
                .map(|resource| (resource.resource, resource.response_kind.map_or_else(String::new, |kind| kind.kind)))
                .collect(),
            name: version.version,
        });
        groups.entry(name.clone()).or_default().versions.extend(versions);
    }
    groups
}

/// Servers before 1.26: one request per group and version, and only for groups that the inventory knows.
async fn plain(api: &Api, list: Groups) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    for group in list.groups {
        let mut found = Group::default();
        if inventory().iter().any(|entry| entry.source.api_group() == group.name) {
            for PlainVersion { version } in group.versions {
                found.versions.push(resources(api, format!("/apis/{}/{version}", group.name), version).await);
            }
        }
        groups.insert(group.name, found);
    }
    groups
}

/// The group is registered: an answer that does not come means that its server is away.
async fn resources(api: &Api, path: String, version: String) -> Version {
    let asked = api.ask_for(Ask::get(path.as_str(), "application/json"), |answer| {
        serde_json::from_slice::<Resources>(&answer.body).map_err(|error| format!("not a list of resources: {}", json_error(&error)))
    });
    match asked.await {
        Ok(list) => Version {
            name: version,
            stale: None,
            resources: list.resources.into_iter().map(|resource| (resource.name, resource.kind)).collect(),
        },
        Err(failure) => Version { name: version, stale: Some(failed(&path, &failure)), resources: BTreeMap::new() },
    }
}
