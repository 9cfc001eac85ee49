//! What can be compared: snapshots, assessments, evidence folders and bundles, each told by what it holds.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::CliError;
use super::imports;
use super::inputs::{self, MOST_ASSESSMENT, MOST_YAML};
use super::replace::{SNAPSHOT, WORKSPACE};
use super::run::Plan;
use crate::bundle::{BAGIT, Bag, DATA, Expected, verify};
use crate::history::diff::Side;
use crate::model::{Assessment, DiffKind};
use crate::report::json;
use crate::snapshot::{Snapshot, is_snapshot};

/// A side, read.
pub(super) struct Loaded {
    kind: DiffKind,
    bundle: Option<String>,
    pub(super) assessment: ManuallyDrop<Assessment>,
    /// What it was made of, where that is at hand.
    pub(super) snapshot: Option<Snapshot>,
    /// Where the snapshot of a bundle was unpacked.
    _scratch: Option<TempDir>,
}

impl Loaded {
    pub(super) fn side(&self) -> Side<'_> {
        Side { kind: self.kind, bundle: self.bundle.as_deref(), assessment: &self.assessment }
    }
}

/// Reads a side; `plan` assesses what is a snapshot.
pub(super) fn load(path: &Path, plan: &Plan<'_>) -> Result<Loaded, CliError> {
    if is_bundle(path) {
        return bundle(path);
    }
    let is_zip = path.is_file() && path.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    if is_zip || path.join("index.json").is_file() {
        let snapshot = inputs::snapshot(path)?;
        let assessment = plan.assess(&snapshot)?;
        return Ok(Loaded { kind: DiffKind::Snapshot, bundle: None, assessment, snapshot: Some(snapshot), _scratch: None });
    }
    let file = inputs::assessment(path)?;
    let assessment = read(&file, &inputs::read_file(&file, MOST_ASSESSMENT)?)?;
    let beside = path.join(SNAPSHOT);
    let kind = if path.is_dir() { DiffKind::Evidence } else { DiffKind::Assessment };
    let snapshot = if path.is_dir() && is_snapshot(&beside) { Some(Snapshot::open(&beside)?) } else { None };
    // Of another snapshot nothing can be shown.
    let snapshot = snapshot.filter(|snapshot| snapshot.index_sha256() == assessment.snapshot_sha256);
    let import = |file: &str| inputs::read_file(&path.join(WORKSPACE).join(file), MOST_YAML).map_err(io::Error::other);
    let snapshot = snapshot.map(|snapshot| imports::as_assessed(&assessment, snapshot, import));
    Ok(Loaded { kind, bundle: None, assessment, snapshot, _scratch: None })
}

fn read(file: &Path, bytes: &[u8]) -> Result<ManuallyDrop<Assessment>, CliError> {
    json::read(bytes).map(ManuallyDrop::new).map_err(|source| CliError::Assessment { path: file.to_owned(), source })
}

/// Whether something is sealed, whole or not.
fn is_bundle(path: &Path) -> bool {
    if path.is_dir() {
        return path.join(BAGIT.0).is_file();
    }
    // Not by whether it is a snapshot: one lies in every bundle.
    path.is_file() && Bag::open(path).and_then(|bag| bag.names()).is_ok_and(|names| names.iter().any(|name| name == BAGIT.0))
}

/// The evidence of a bundle that is what was sealed.
fn bundle(path: &Path) -> Result<Loaded, CliError> {
    let bag = Bag::open(path).map_err(CliError::read(path))?;
    let verdict = verify(&bag, Expected::default()).map_err(CliError::read(path))?;
    if let Some(problem) = verdict.problems.first() {
        let problem = if problem.file.is_empty() { problem.what.clone() } else { format!("{}: {}", problem.file, problem.what) };
        return Err(CliError::NotWhole { path: path.to_owned(), problem, all: verdict.problems.len() });
    }
    let scratch = tempfile::tempdir().map_err(CliError::write(&std::env::temp_dir()))?;
    let assessment = format!("{DATA}assessment.json");
    let mut bytes = Vec::new();
    bag.read(&assessment).and_then(|mut from| io::Read::read_to_end(&mut from, &mut bytes)).map_err(CliError::read(path))?;
    let assessment = read(&path.join(&assessment), &bytes)?;
    let place = scratch.path().join(SNAPSHOT);
    std::fs::create_dir(&place).map_err(CliError::write(&place))?;
    let prefix = format!("{DATA}{SNAPSHOT}/");
    let names = bag.names().map_err(CliError::read(path))?;
    for (name, below) in names.iter().filter_map(|name| Some((name, name.strip_prefix(&prefix)?))) {
        let to: PathBuf = place.join(below);
        let copied = File::create(&to).and_then(|mut to| io::copy(&mut bag.read(name)?, &mut to));
        copied.map_err(CliError::read(path))?;
    }
    let import = |file: &str| {
        let mut bytes = Vec::new();
        let from = bag.read(&format!("{DATA}{WORKSPACE}/{file}"))?;
        io::Read::read_to_end(&mut io::Read::take(from, MOST_YAML), &mut bytes).map(|_| bytes)
    };
    let snapshot = Some(imports::as_assessed(&assessment, Snapshot::open(&place)?, import));
    Ok(Loaded { kind: DiffKind::Bundle, bundle: verdict.id, assessment, snapshot, _scratch: Some(scratch) })
}
