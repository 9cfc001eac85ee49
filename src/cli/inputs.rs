//! What the user hands over: snapshots, scope, controls.

use std::path::{Path, PathBuf};

use super::args::AssessOptionsArgs;
use super::error::CliError;
use crate::assess::ScopeDeclaration;
use crate::catalog::{Catalog, OverlayFile, OverlayFolder, read_scope_file};
use crate::digest::sha256_hex;
use crate::model::ScopeSource;
use crate::snapshot::Snapshot;

/// A snapshot folder, a zip, or the evidence folder that holds one.
pub(super) fn snapshot(path: &Path) -> Result<Snapshot, CliError> {
    let inside = path.join("snapshot");
    let place = if !path.join("index.json").is_file() && inside.join("index.json").is_file() { inside } else { path.to_owned() };
    Ok(Snapshot::open(&place)?)
}

/// The built-in catalog with the user's folders, and all cases.
pub(super) fn catalog(folders: &[PathBuf]) -> Result<Catalog, CliError> {
    Ok(Catalog::load(&overlays(folders)?)?)
}

/// The same without the cases that are built in.
pub(super) fn catalog_to_assess_with(folders: &[PathBuf]) -> Result<Catalog, CliError> {
    Ok(Catalog::without_built_in_cases(&overlays(folders)?)?)
}

fn overlays(folders: &[PathBuf]) -> Result<Vec<OverlayFolder>, CliError> {
    folders.iter().map(|folder| overlay(folder)).collect()
}

fn overlay(folder: &Path) -> Result<OverlayFolder, CliError> {
    let mut files = Vec::new();
    walk(folder, folder, &mut files)?;
    let name = folder.file_name().map_or_else(|| "controls".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(OverlayFolder { name, shown: folder.display().to_string().trim_end_matches('/').to_owned(), files })
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<OverlayFile>) -> Result<(), CliError> {
    for entry in std::fs::read_dir(folder).map_err(CliError::read(folder))? {
        let path = entry.map_err(CliError::read(folder))?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let text = std::fs::read_to_string(&path).map_err(CliError::read(&path))?;
            let below = path.strip_prefix(root).unwrap_or(&path);
            let below = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            files.push(OverlayFile { path: below, text });
        }
    }
    Ok(())
}

/// Which namespaces hold ePHI.
pub(super) fn scope(args: &AssessOptionsArgs) -> Result<ScopeDeclaration, CliError> {
    if let Some(path) = &args.scope {
        let text = std::fs::read_to_string(path).map_err(CliError::read(path))?;
        let file =
            read_scope_file(&path.display().to_string(), &text).map_err(|problems| CliError::Problems { path: path.clone(), problems })?;
        return Ok(ScopeDeclaration::Declared {
            source: ScopeSource::File,
            namespaces: file.ephi.namespaces,
            selectors: file.ephi.selectors.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
            sha256: Some(sha256_hex(text.as_bytes())),
        });
    }
    if args.ephi_namespace.is_empty() && args.ephi_selector.is_empty() {
        return Ok(ScopeDeclaration::Default);
    }
    Ok(ScopeDeclaration::Declared {
        source: ScopeSource::Flags,
        namespaces: args.ephi_namespace.clone(),
        selectors: args.ephi_selector.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        sha256: None,
    })
}
