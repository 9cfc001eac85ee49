//! What the cluster serves, established by discovery and never by a 404 or a 403 (a resource that does not exist answers 403 to an
//! identity without rights on it).
//!
//! Two aggregated requests (KEP-3352), read by ourselves: the client library drops `freshness: Stale`, which is how an aggregated
//! API that is registered and does not answer shows. Servers without aggregation are asked group by group.
//!
//! Discovery that misses what every Kubernetes has was cut short somewhere, and proves nothing about the rest: then nothing is "not served".

mod forms;

use std::collections::BTreeMap;

use super::inventory::{self, Entry, inventory};
use super::request::{Api, Ask, Failure};
use crate::model::{Discovered, DiscoveryGap, ServedKind};
use forms::{Aggregated, Form, Groups, PlainVersion, Resource, Versions};

const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// What became of looking for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// It is there, in this version, with this kind, in namespaces or not.
    Yes { version: String, kind: String, namespaced: Option<bool> },
    /// Discovery is current and does not list it.
    No,
    /// Registered, and did not answer the server's discovery.
    Stale { why: String },
    /// Discovery itself failed: nothing can be said.
    Unknown { why: String },
    /// Discovery does not list it, and left out more than can be true.
    Doubtful { why: String },
}

/// The result of discovery.
#[derive(Debug)]
pub(super) struct Discovery {
    core: Result<BTreeMap<String, Group>, String>,
    named: Result<BTreeMap<String, Group>, String>,
    /// Why what it does not list may be there all the same.
    doubt: Option<String>,
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
    /// By plural.
    resources: BTreeMap<String, Resource>,
}

impl Group {
    /// Why what this group does not list may be there all the same: a server that is away, or a version that lists nothing.
    fn gap(&self, name: &str) -> Option<String> {
        if let Some(why) = self.versions.iter().find_map(|version| version.stale.clone()) {
            return Some(why);
        }
        let of = |version: &Version| if name.is_empty() { version.name.clone() } else { format!("{name}/{}", version.name) };
        match self.versions.iter().find(|version| version.resources.is_empty()) {
            Some(version) => Some(format!("discovery lists {} without any resource", of(version))),
            None if self.versions.is_empty() => Some(format!("discovery lists the group {name} without any version")),
            None => None,
        }
    }
}

impl Discovery {
    /// Asks the server. Never fails: what could not be established is remembered as unknown.
    pub(super) async fn run(api: &Api) -> Self {
        let core = match api.ask_for(Ask::get("/api", ACCEPT), |answer| forms::read::<Versions>(&answer.body)).await {
            Ok(Form::Aggregated(list)) => Ok(aggregated(list)),
            Ok(Form::Plain(list)) => {
                let mut group = Group::default();
                for version in list.versions {
                    group.versions.push(resources(api, format!("/api/{version}"), version.clone(), &version).await);
                }
                Ok(BTreeMap::from([(String::new(), group)]))
            }
            Err(failure) => Err(failed("/api", &failure)),
        };
        let named = match api.ask_for(Ask::get("/apis", ACCEPT), |answer| forms::read::<Groups>(&answer.body)).await {
            Ok(Form::Aggregated(list)) => Ok(aggregated(list)),
            Ok(Form::Plain(list)) => Ok(plain(api, list).await),
            Err(failure) => Err(failed("/apis", &failure)),
        };
        let mut discovery = Self { core, named, doubt: None };
        discovery.doubt = discovery.missing();
        discovery
    }

    /// What every Kubernetes has and this discovery does not list.
    fn missing(&self) -> Option<String> {
        let always = inventory().iter().filter(|entry| entry.always);
        let missing: Vec<String> = always.filter(|entry| self.find(entry) == Served::No).map(|entry| entry.source.to_string()).collect();
        let first = missing.first()?;
        let more = match missing.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("discovery does not list {first}{more}, which every Kubernetes has: what else it leaves out may be there"))
    }

    /// Why discovery failed, where it did.
    pub(super) fn failure(&self) -> Option<&str> {
        self.core.as_ref().err().or(self.named.as_ref().err()).map(String::as_str)
    }

    fn group(&self, name: &str) -> Result<Option<&Group>, String> {
        let part = if name.is_empty() { &self.core } else { &self.named };
        part.as_ref().map(|groups| groups.get(name)).map_err(Clone::clone)
    }

    /// What it means that something is not listed.
    fn absent(&self) -> Served {
        match &self.doubt {
            Some(why) => Served::Doubtful { why: why.clone() },
            None => Served::No,
        }
    }

    /// Whether the cluster has the resource of an entry, and where.
    pub(super) fn find(&self, entry: &Entry) -> Served {
        let (group_name, resource) = (entry.source.api_group(), entry.source.resource());
        let group = match self.group(group_name) {
            Err(why) => return Served::Unknown { why },
            Ok(None) => return self.absent(),
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
        match (found, group.gap(group_name)) {
            (Some((_, version, found)), _) => {
                Served::Yes { version: version.name.clone(), kind: found.kind.clone(), namespaced: found.namespaced }
            }
            (None, Some(why)) => Served::Stale { why },
            (None, None) => self.absent(),
        }
    }

    /// All resources of a group, with version and kind.
    pub(super) fn kinds_of(&self, group: &str) -> Result<Vec<(String, String, Resource)>, Served> {
        let name = group;
        let group = match self.group(group) {
            Err(why) => return Err(Served::Unknown { why }),
            Ok(None) => return Err(self.absent()),
            Ok(Some(group)) => group,
        };
        if let Some(why) = group.gap(name) {
            return Err(Served::Stale { why });
        }
        let mut found = BTreeMap::new();
        for version in &group.versions {
            for (plural, resource) in &version.resources {
                found.entry(plural.clone()).or_insert_with(|| (version.name.clone(), resource.clone()));
            }
        }
        Ok(found.into_iter().map(|(plural, (version, resource))| (plural, version, resource)).collect())
    }

    /// Whether the group is served at all, as far as is known.
    pub(super) fn has_group(&self, name: &str) -> bool {
        matches!(self.group(name), Ok(Some(_)))
    }

    /// What is stored of it.
    pub(super) fn told(&self) -> Discovered {
        let mut told = Discovered::default();
        let gap = |group: &str, why: &str| DiscoveryGap { group: group.to_owned(), why: why.to_owned() };
        if let Err(why) = &self.core {
            told.gaps.push(gap("", why));
        }
        if let Some(why) = self.named.as_ref().err().or(self.doubt.as_ref()) {
            told.gaps.push(gap("*", why));
        }
        for (name, group) in [&self.core, &self.named].into_iter().flatten().flatten() {
            told.gaps.extend(group.gap(name).map(|why| gap(name, &why)));
            let mut kinds: BTreeMap<&str, ServedKind> = BTreeMap::new();
            for version in &group.versions {
                for (plural, resource) in &version.resources {
                    kinds.entry(plural).or_insert_with(|| ServedKind {
                        group: name.clone(),
                        version: version.name.clone(),
                        resource: plural.clone(),
                        kind: resource.kind.clone(),
                        singular: resource.singular.clone(),
                        short_names: resource.short_names.clone(),
                        namespaced: resource.namespaced,
                        verbs: resource.verbs.clone(),
                        subresources: resource.subresources.clone(),
                        unknown: inventory::is_unknown(name, plural),
                    });
                }
            }
            told.kinds.extend(kinds.into_values());
        }
        told.kinds.sort_by(|a, b| (&a.group, &a.resource).cmp(&(&b.group, &b.resource)));
        told.gaps.sort_by(|a, b| a.group.cmp(&b.group));
        told
    }
}

fn failed(path: &str, failure: &Failure) -> String {
    format!("discovery of {path} failed: {failure}")
}

fn aggregated(list: Aggregated) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for group in list.items {
        let name = group.metadata.name;
        let versions = group.versions.into_iter().map(|mut version| Version {
            resources: version.resources(),
            stale: version.freshness.filter(|freshness| freshness != "Current").map(|freshness| {
                let of = if name.is_empty() { version.version.clone() } else { format!("{name}/{}", version.version) };
                let word = if freshness == "Stale" { "Stale" } else { "not Current" };
                format!("discovery says that {of} is registered and did not answer (freshness: {word})")
            }),
            name: version.version,
        });
        groups.entry(name.clone()).or_default().versions.extend(versions);
    }
    groups
}

/// Servers before 1.26, and those that stand behind something that knows the old form only: one request per group and version.
async fn plain(api: &Api, list: Groups) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    for group in list.groups {
        let mut found = Group::default();
        for PlainVersion { version } in group.versions {
            let group_version = format!("{}/{version}", group.name);
            found.versions.push(resources(api, format!("/apis/{group_version}"), version, &group_version).await);
        }
        groups.insert(group.name, found);
    }
    groups
}

/// The group is registered: an answer that does not come means that its server is away.
async fn resources(api: &Api, path: String, version: String, group_version: &str) -> Version {
    let asked = api.ask_for(Ask::get(path.as_str(), "application/json"), |answer| forms::resources(&answer.body, group_version));
    match asked.await {
        Ok(resources) => Version { name: version, stale: None, resources },
        Err(failure) => Version { name: version, stale: Some(failed(&path, &failure)), resources: BTreeMap::new() },
    }
}
