//! `controls export`: the mapping for others to read.

use std::path::Path;

use super::error::{CliError, Exit};
use super::nearest::there_are;
use super::output::{Staged, print};
use super::{replace, sheet};
use crate::bundle::MANIFEST;
use crate::catalog::{Catalog, MAPPING_SCHEMA, published};
use crate::snapshot::{DESKTOP, Finishing};

const WHOLE: &str = "mapping.json";
const OSCAL: &str = "oscal";
const OSCAL_FILES: [&str; 3] = ["catalog.json", "component-definition.json", "mapping-collection.json"];
/// Everything that may stand in a folder that this wrote; `oscal/` holds nothing but JSON.
const FILES: [&str; 6] = [WHOLE, MANIFEST, "paragraphs.csv", "relations.csv", "asks.csv", "crosswalks.csv"];

pub(super) fn run(catalog: &Catalog, framework: &str, output: &Path, force: bool, finishing: &Finishing) -> Result<Exit, CliError> {
    let chosen = catalog.framework(framework).ok_or_else(|| CliError::Unknown {
        what: "framework",
        name: framework.to_owned(),
        known: there_are(framework, catalog.frameworks().iter().map(|one| one.id.as_str())),
    })?;
    let folder = Staged::new_for(output, force, finishing, replaceable)?.readable(true);
    let all = published(catalog, chosen);
    // By its first field it is known as ours.
    folder.write_with(WHOLE, |out| {
        serde_json::to_writer_pretty(&mut *out, &all.mapping)?;
        out.write_all(b"\n")
    })?;
    for list in &all.lists {
        folder.write(&format!("{}.csv", list.name), &sheet::to_csv(&list.rows))?;
    }
    for (name, document) in &all.oscal {
        folder.write(&format!("{OSCAL}/{name}.json"), format!("{document:#}\n").as_bytes())?;
    }
    let (relations, asks): (usize, usize) =
        chosen.paragraphs.iter().map(|one| (one.controls.len(), one.asks.len())).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let place = folder.commit_listed()?;
    let line = format!(
        "{} {}: {} paragraphs, {relations} relations, {asks} asks written to {}",
        chosen.id,
        chosen.version,
        chosen.paragraphs.len(),
        place.display()
    );
    print(format!("{}\n", crate::report::escape::terminal(&line)).as_bytes())?;
    Ok(Exit::Done)
}

/// An error unless the folder is not there, holds nothing, or holds nothing but what this wrote.
fn replaceable(target: &Path) -> Result<(), CliError> {
    let Ok(metadata) = target.symlink_metadata() else { return Ok(()) };
    let not_ours = |why: String| Err(CliError::NotOurs { path: target.to_owned(), why });
    if !metadata.is_dir() {
        return not_ours("it is no folder".to_owned());
    }
    let mut names = names(target)?;
    names.retain(|name| !DESKTOP.contains(&name.as_str()));
    if names.is_empty() {
        return Ok(());
    }
    if !replace::begins_with(&target.join(WHOLE), MAPPING_SCHEMA) {
        return not_ours(format!("it holds no {WHOLE} of kube-hipaa"));
    }
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let known = |name: &str| FILES.contains(&name) && is_file(&target.join(name)) || name == OSCAL && target.join(OSCAL).is_dir();
    let foreign = names.iter().find(|name| !known(name)).cloned();
    let below = target.join(OSCAL);
    let mut within = if below.is_dir() { self::names(&below)? } else { Vec::new() };
    within.retain(|name| !(OSCAL_FILES.contains(&name.as_str()) && is_file(&below.join(name))));
    match foreign.or_else(|| within.into_iter().next()) {
        Some(name) => not_ours(format!("it holds {name}, which is no part of a mapping")),
        None => Ok(()),
    }
}

fn names(folder: &Path) -> Result<Vec<String>, CliError> {
    let entries = std::fs::read_dir(folder).map_err(CliError::read(folder))?;
    entries.map(|entry| Ok(entry.map_err(CliError::read(folder))?.file_name().to_string_lossy().into_owned())).collect()
}
