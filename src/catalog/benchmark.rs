use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::framework::Unmapped;
use super::lint::Problems;
use crate::model::Extent;
use crate::model::{Benchmark, BenchmarkItem};

/// Which items of a family of benchmarks the controls speak to: the only place where their numbers are cited.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmarks {
    /// Its id, `cis`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The date of the texts it follows.
    pub as_of: String,
    versions: Vec<Version>,
    items: Vec<Item>,
    #[serde(default)]
    unmapped: Vec<Unmapped>,
}

/// One published version of one benchmark.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    id: Spanned<String>,
    framework: String,
    title: String,
    version: String,
    /// The minor versions of Kubernetes 1.x that it is meant for.
    #[serde(default)]
    minors: Vec<u32>,
    /// The managed platform that it is meant for, as a snapshot names it.
    distribution: Option<String>,
    /// The version whose numbers are shown where this one has none.
    otherwise: Option<String>,
    #[serde(default)]
    note: String,
    /// The last number of each section.
    numbers: BTreeMap<String, u32>,
    #[serde(default)]
    gaps: Vec<String>,
}

impl Version {
    /// Every number that this version has.
    fn valid(&self) -> BTreeSet<String> {
        let mut all: BTreeSet<String> =
            self.numbers.iter().flat_map(|(section, last)| (1..=*last).map(move |number| format!("{section}.{number}"))).collect();
        for gap in &self.gaps {
            all.remove(gap);
        }
        all
    }
}

/// One thing that benchmarks ask, with its number in each version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    about: Spanned<String>,
    level: Option<u8>,
    #[serde(default)]
    level_in: BTreeMap<String, u8>,
    ids: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    controls: Vec<ItemMapping>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemMapping {
    control: Spanned<String>,
    extent: Extent,
    #[serde(default)]
    differs: String,
}

/// The version that fits a server, as reports name it.
#[derive(Debug)]
pub struct Fitting<'a> {
    all: &'a Benchmarks,
    version: &'a Version,
    /// What is shown and why.
    pub described: Benchmark,
}

impl Fitting<'_> {
    /// The items that a control speaks to, in the order of their numbers.
    pub fn items_of(&self, control: &str) -> Vec<BenchmarkItem> {
        let mut items: Vec<BenchmarkItem> = Vec::new();
        for item in &self.all.items {
            for mapping in item.controls.iter().filter(|mapping| mapping.control.value == control) {
                if let Some((version, id)) = self.all.number(item, self.version) {
                    items.push(BenchmarkItem {
                        framework: version.framework.clone(),
                        version: version.version.clone(),
                        id: id.to_owned(),
                        level: item.level_in.get(&version.id.value).copied().or(item.level.filter(|_| version.distribution.is_none())),
                        about: item.about.value.clone(),
                        extent: mapping.extent,
                        differs: mapping.differs.clone(),
                    });
                }
            }
        }
        items.sort_by_cached_key(|item| parts(&item.id));
        items
    }
}

/// `5.1.10` comes after `5.1.9`.
fn parts(id: &str) -> Vec<u32> {
    id.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}

impl Benchmarks {
    /// The number of an item in a version, or in the one that stands in for it.
    fn number<'a>(&'a self, item: &'a Item, version: &'a Version) -> Option<(&'a Version, &'a str)> {
        let own = item.ids.get(&version.id.value).map(|id| (version, id.value.as_str()));
        own.or_else(|| {
            let other = self.version(version.otherwise.as_deref()?)?;
            Some((other, item.ids.get(&other.id.value)?.value.as_str()))
        })
    }

    fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id.value == id)
    }

    /// The version for a cluster: that of its managed platform, else the one for its server's version, else the nearest, and says so.
    /// `server` is a `gitVersion` such as `v1.36.3`.
    pub fn fitting(&self, server: Option<&str>, distribution: Option<&str>) -> Option<Fitting<'_>> {
        let managed =
            distribution.and_then(|name| self.versions.iter().rev().find(|version| version.distribution.as_deref() == Some(name)));
        let by_minor = || self.versions.iter().filter(|version| version.distribution.is_none());
        let newest = by_minor().max_by_key(|version| version.minors.iter().max());
        let minor = server.and_then(minor_of);
        let (version, why) = match (managed, minor) {
            (Some(version), _) => {
                let platform = version.distribution.as_deref().unwrap_or("managed");
                (
                    version,
                    format!("The cluster is recognised as {platform}; the numbers are those of {} {}", version.title, version.version),
                )
            }
            (None, Some(minor)) => match by_minor().find(|version| version.minors.contains(&minor)) {
                Some(version) => (version, format!("{} {} is the version for Kubernetes 1.{minor}", version.title, version.version)),
                None => {
                    let version = by_minor().min_by_key(|version| version.minors.iter().map(|known| known.abs_diff(minor)).min())?;
                    let why = format!(
                        "No benchmark for Kubernetes 1.{minor} is known here; {} {} is for the nearest version",
                        version.title, version.version
                    );
                    (version, why)
                }
            },
            (None, None) => {
                let version = newest?;
                let why = format!(
                    "The server's version was not read, so nothing tells which benchmark fits; {} {} is the newest known here",
                    version.title, version.version
                );
                (version, why)
            }
        };
        let note = if version.note.is_empty() { String::new() } else { format!(" {}", version.note) };
        let described = Benchmark {
            framework: version.framework.clone(),
            title: version.title.clone(),
            version: version.version.clone(),
            why: format!("{why}.{note}"),
        };
        Some(Fitting { all: self, version, described })
    }

    /// What a control speaks to in all versions, for its documentation: what the item is about, its numbers as `version: number`, and
    /// the mapping's extent and difference.
    pub fn everything_of(&self, control: &str) -> Vec<MappedItem<'_>> {
        let mut found = Vec::new();
        for item in &self.items {
            for mapping in item.controls.iter().filter(|mapping| mapping.control.value == control) {
                let mut numbers: Vec<(&str, &str, Vec<&str>)> = Vec::new();
                for version in &self.versions {
                    let Some(id) = item.ids.get(&version.id.value) else { continue };
                    match numbers.last_mut() {
                        Some((title, last, versions)) if *title == version.title && *last == id.value => versions.push(&version.version),
                        _ => numbers.push((&version.title, &id.value, vec![&version.version])),
                    }
                }
                found.push(MappedItem { about: &item.about.value, numbers, extent: mapping.extent, differs: &mapping.differs });
            }
        }
        found
    }

    /// Why a control speaks to no item.
    pub fn unmapped(&self, control: &str) -> Option<&str> {
        self.unmapped.iter().find(|unmapped| unmapped.control.value == control).map(|unmapped| unmapped.why.as_str())
    }

    /// Checks both directions: every number exists in its version and stands once, every number of a version stands somewhere, every
    /// control is mapped or says why not.
    pub(super) fn lint(&self, file: &str, controls: &[&str], problems: &mut Problems) {
        self.lint_versions(file, problems);
        let mut mapped = BTreeSet::new();
        for item in &self.items {
            let line = item.about.referenced.line();
            let plain = item.ids.keys().any(|id| self.version(id).is_some_and(|version| version.distribution.is_none()));
            if plain != item.level.is_some()
                || item.level.into_iter().chain(item.level_in.values().copied()).any(|level| !(1..=2).contains(&level))
            {
                problems.at(
                    file,
                    line,
                    format!("`{}`: `level` is 1 or 2, and is written where a plain benchmark has the item", item.about.value),
                );
            }
            if let Some(id) = item.level_in.keys().find(|id| !item.ids.contains_key(*id)) {
                problems.at(file, line, format!("`{}`: `level_in` names {id}, in which the item has no number", item.about.value));
            }
            let mut here = BTreeSet::new();
            for mapping in &item.controls {
                let (id, line) = (mapping.control.value.as_str(), mapping.control.referenced.line());
                mapped.insert(id);
                if !controls.contains(&id) {
                    problems.at(file, line, format!("there is no control `{id}`"));
                }
                if !here.insert(id) {
                    problems.at(file, line, format!("`{id}` stands twice under one item"));
                }
            }
        }
        let mut unmapped = BTreeSet::new();
        for entry in &self.unmapped {
            let (id, line) = (entry.control.value.as_str(), entry.control.referenced.line());
            if !controls.contains(&id) {
                problems.at(file, line, format!("there is no control `{id}`"));
            }
            if mapped.contains(id) {
                problems.at(file, line, format!("`{id}` is mapped and also listed under `unmapped`"));
            }
            if !unmapped.insert(id) || entry.why.trim().is_empty() {
                problems.at(file, line, format!("`{id}`: stands once under `unmapped`, with `why`"));
            }
        }
        for id in controls.iter().filter(|id| !mapped.contains(*id) && !unmapped.contains(*id)) {
            problems.at(file, 1, format!("control `{id}` is mapped to no item and not listed under `unmapped`"));
        }
    }

    fn lint_versions(&self, file: &str, problems: &mut Problems) {
        let mut minors = BTreeSet::new();
        for version in &self.versions {
            let (id, line) = (version.id.value.as_str(), version.id.referenced.line());
            if self.versions.iter().filter(|other| other.id.value == id).count() > 1 {
                problems.at(file, line, format!("version {id} stands twice"));
            }
            if version.minors.is_empty() == version.distribution.is_none() {
                problems.at(file, line, format!("version {id} is for `minors` or for a `distribution`"));
            }
            for minor in version.minors.iter().filter(|minor| !minors.insert(**minor)) {
                problems.at(file, line, format!("two versions are for Kubernetes 1.{minor}"));
            }
            if let Some(other) = &version.otherwise
                && self.version(other).is_none_or(|other| other.otherwise.is_some())
            {
                problems.at(file, line, format!("version {id}: `otherwise` names {other}, which is no version with numbers of its own"));
            }
            let valid = version.valid();
            let mut used = BTreeSet::new();
            for item in &self.items {
                let Some(number) = item.ids.get(id) else { continue };
                let line = number.referenced.line();
                if !valid.contains(&number.value) {
                    problems.at(file, line, format!("{id} has no number {}", number.value));
                }
                if !used.insert(&number.value) {
                    problems.at(file, line, format!("{id}: number {} stands twice", number.value));
                }
            }
            for number in valid.iter().filter(|number| !used.contains(number)) {
                problems.at(file, line, format!("{id}: no item has the number {number}"));
            }
        }
        for item in &self.items {
            for id in item.ids.keys().filter(|id| self.version(id).is_none()) {
                problems.at(file, item.about.referenced.line(), format!("`{}`: there is no version {id}", item.about.value));
            }
        }
    }
}

/// What a control speaks to, in every version.
#[derive(Debug)]
pub struct MappedItem<'a> {
    /// What the item is about.
    pub about: &'a str,
    /// Title of a benchmark, number, and the versions that have it.
    pub numbers: Vec<(&'a str, &'a str, Vec<&'a str>)>,
    /// How much of the item the control speaks to.
    pub extent: Extent,
    /// In which way it asks for something else.
    pub differs: &'a str,
}

impl MappedItem<'_> {
    /// One line per benchmark, such as `CIS Kubernetes Benchmark: 1.2.18 (1.8), 1.2.17 (1.9, 1.10)`.
    pub fn numbers_in_words(&self) -> Vec<String> {
        let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
        for (title, number, versions) in &self.numbers {
            let part = format!("{number} ({})", versions.join(", "));
            match lines.last_mut() {
                Some((last, parts)) if last == title => parts.push(part),
                _ => lines.push((title, vec![part])),
            }
        }
        lines.into_iter().map(|(title, parts)| format!("{title}: {}", parts.join(", "))).collect()
    }
}

/// The minor version in a `gitVersion`, such as 36 in `v1.36.3`, `v1.36.0-eks-1` and `v1.36+`.
fn minor_of(server: &str) -> Option<u32> {
    let (major, rest) = server.strip_prefix('v').unwrap_or(server).split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).and_then(|end| rest.get(..end)).unwrap_or(rest);
    if major == "1" { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
