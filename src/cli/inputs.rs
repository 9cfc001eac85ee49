//! What the user hands over: snapshots, scope, controls.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::args::AssessOptionsArgs;
use super::error::CliError;
use crate::assess::{Declared, Others, ScopeDeclaration, Selector};
use crate::catalog::{Catalog, OverlayFile, OverlayFolder, Problem, ScopeContext, read_scope_file};
use crate::digest::sha256_hex;
use crate::facts::rbac::Kind;
use crate::model::ScopeSource;
use crate::snapshot::Snapshot;

/// No file of controls, no scope file comes near this.
pub(super) const MOST_YAML: u64 = 4 * 1024 * 1024;
/// No assessment comes near this: that of 20,000 pods has a tenth of it.
pub(super) const MOST_ASSESSMENT: u64 = 1024 * 1024 * 1024;

/// A name that a namespace can have (RFC 1123, as the API server demands).
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = (1..=63).contains(&text.len()) && text.chars().all(inside) && !text.starts_with('-') && !text.ends_with('-');
    if is_name { Ok(text.to_owned()) } else { Err(format!("`{text}` is no name that a namespace can have")) }
}

/// The bytes of a file that the user named. A pipe may never end, and a device is no file.
pub(super) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, CliError> {
    let metadata = std::fs::metadata(path).map_err(CliError::read(path))?;
    if !metadata.is_file() {
        return Err(CliError::NotAFile(path.to_owned()));
    }
    // A file with holes takes no space until it is read.
    if metadata.len() > most {
        return Err(CliError::TooLarge { path: path.to_owned(), most });
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(CliError::read(path))?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(CliError::read(path))?;
    if bytes.len() as u64 > most {
        return Err(CliError::TooLarge { path: path.to_owned(), most });
    }
    Ok(bytes)
}

fn read_text(path: &Path) -> Result<String, CliError> {
    let not_text = |error| CliError::Read { path: path.to_owned(), source: std::io::Error::other(error) };
    String::from_utf8(read_file(path, MOST_YAML)?).map_err(not_text)
}

/// A snapshot folder, a zip, or the evidence folder that holds one.
pub(super) fn snapshot(path: &Path) -> Result<Snapshot, CliError> {
    let inside = path.join("snapshot");
    let place = if !path.join("index.json").is_file() && inside.join("index.json").is_file() { inside } else { path.to_owned() };
    if place == path && path.is_dir() && path.join("assessment.json").is_file() && !path.join("index.json").is_file() {
        // `assess` and `render` write documents and leave the snapshot where it was.
        return Err(CliError::Lacks { path: path.to_owned(), what: "snapshot" });
    }
    Ok(Snapshot::open(&place)?)
}

/// An assessment.json, or the evidence folder that holds it.
pub(super) fn assessment(path: &Path) -> Result<PathBuf, CliError> {
    let lacks = || CliError::Lacks { path: path.to_owned(), what: "assessment.json" };
    if !path.is_dir() {
        let is_snapshot = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
        return if is_snapshot { Err(lacks()) } else { Ok(path.to_owned()) };
    }
    let inside = path.join("assessment.json");
    if inside.is_file() { Ok(inside) } else { Err(lacks()) }
}

/// The built-in catalog with the user's folders, and all cases.
pub(super) fn catalog(folders: &[PathBuf]) -> Result<Catalog, CliError> {
    Ok(Catalog::load(&overlays(folders)?)?)
}

/// The same without the cases that are built in.
pub(super) fn catalog_to_assess_with(folders: &[PathBuf]) -> Result<Catalog, CliError> {
    Ok(Catalog::without_built_in_cases(&overlays(folders)?)?)
}

pub(super) fn overlays(folders: &[PathBuf]) -> Result<Vec<OverlayFolder>, CliError> {
    folders.iter().map(|folder| overlay(folder)).collect()
}

fn overlay(folder: &Path) -> Result<OverlayFolder, CliError> {
    let mut files = Vec::new();
    walk(folder, folder, &mut BTreeSet::new(), &mut files)?;
    let name = folder.file_name().map_or_else(|| "controls".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(OverlayFolder { name, shown: folder.display().to_string().trim_end_matches('/').to_owned(), files })
}

/// Every folder once, however often links lead to it.
fn walk(root: &Path, folder: &Path, walked: &mut BTreeSet<PathBuf>, files: &mut Vec<OverlayFile>) -> Result<(), CliError> {
    if !walked.insert(folder.canonicalize().map_err(CliError::read(folder))?) {
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(CliError::read(folder))?.collect();
    let mut paths: Vec<PathBuf> = entries.map_err(CliError::read(folder))?.into_iter().map(|entry| entry.path()).collect();
    // In a fixed order, so that of two links to one folder the same is followed everywhere.
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(root, &path, walked, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let text = read_text(&path)?;
            let below = path.strip_prefix(root).unwrap_or(&path);
            let below = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            files.push(OverlayFile { path: below, text });
        }
    }
    Ok(())
}

/// A scope file, or everything that is wrong with it. Where the catalog could not be read, the parameters of its controls are not judged.
pub(super) fn scope_of(path: &Path, text: &str, catalog: Option<&Catalog>) -> Result<ScopeDeclaration, Vec<Problem>> {
    let reaches: Vec<&'static str> = Kind::ALL.into_iter().map(Kind::id).collect();
    let context = ScopeContext { selector: &selector_problem, reaches: &reaches, controls: catalog.map(Catalog::controls) };
    let file = read_scope_file(&path.display().to_string(), text, &context)?;
    Ok(ScopeDeclaration::Declared {
        source: ScopeSource::File,
        namespaces: file.namespaces.into_iter().map(|name| name.value).collect(),
        // What is wrong with one was said above.
        selectors: file.selectors.iter().filter_map(|selector| selector.value.parse().ok()).collect(),
        sha256: Some(sha256_hex(text.as_bytes())),
        declared: Declared {
            by: file.declared_by,
            on: file.declared_on,
            declarations: file.declarations,
            others: file
                .others
                .into_iter()
                .map(|(role, names, selectors)| Others {
                    role,
                    namespaces: names.into_iter().map(|name| name.value).collect(),
                    selectors: selectors.iter().filter_map(|selector| selector.value.parse().ok()).collect(),
                })
                .collect(),
            parameters: file.parameters,
        },
    })
}

/// Whether the command line says where ePHI is.
pub(super) fn says_scope(args: &AssessOptionsArgs) -> bool {
    args.scope.is_some() || !args.ephi_namespace.is_empty() || !args.ephi_selector.is_empty()
}

/// Which namespaces hold ePHI.
pub(super) fn scope(args: &AssessOptionsArgs, catalog: &Catalog) -> Result<ScopeDeclaration, CliError> {
    if let Some(path) = &args.scope {
        let text = read_text(path)?;
        return scope_of(path, &text, Some(catalog)).map_err(|problems| CliError::Problems { path: path.clone(), problems });
    }
    if args.ephi_namespace.is_empty() && args.ephi_selector.is_empty() {
        return Ok(ScopeDeclaration::Default);
    }
    Ok(ScopeDeclaration::Declared {
        source: ScopeSource::Flags,
        namespaces: args.ephi_namespace.clone(),
        selectors: selectors(args.ephi_selector.iter().map(String::as_str))?,
        sha256: None,
        declared: Declared::default(),
    })
}

fn selectors<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Vec<Selector>, CliError> {
    Ok(texts.map(str::parse).collect::<Result<_, _>>()?)
}

fn selector_problem(text: &str) -> Option<String> {
    text.parse::<Selector>().err().map(|error| error.to_string())
}
