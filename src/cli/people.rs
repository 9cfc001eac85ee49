//! The commands about what people declare and answer, and what they share.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::PeopleCommand;
use super::error::{CliError, Exit};
use super::run::assess_for_people;
use super::workspace::{EVIDENCE, Found};
use super::{answer, asks, dispose, init, inputs, questions, waive, yaml};
use crate::assess::Workspace;
use crate::bundle::Digested;
use crate::catalog::{Catalog, Framework, is_date};
use crate::model::Assessment;
use crate::report::json;
use crate::snapshot::{Finishing, private};

/// The framework whose paragraphs people answer for and decide about.
const FRAMEWORK: &str = "hipaa";

pub(super) fn run(command: &PeopleCommand, finishing: &Finishing) -> Result<Exit, CliError> {
    match command {
        PeopleCommand::Init(args) => init::run(args, finishing),
        PeopleCommand::Questions(args) => questions::run(args),
        PeopleCommand::Asks(args) => asks::run(args),
        PeopleCommand::Answer(args) => answer::run(args),
        PeopleCommand::Waive(args) => waive::run(args),
        PeopleCommand::Dispose(args) => dispose::run(args),
    }
}

/// The catalog with the controls of the workspace.
pub(super) fn catalog(found: Option<&Found>) -> Result<Catalog, CliError> {
    let folders: Vec<PathBuf> = found.and_then(|found| found.controls.clone()).into_iter().collect();
    catalog_with(&folders, found, true)
}

/// The catalog with these folders; what is wrong with them is said together with what is wrong with the other files of a workspace.
pub(super) fn catalog_with(folders: &[PathBuf], found: Option<&Found>, allow_missing: bool) -> Result<Catalog, CliError> {
    match (inputs::catalog_to_assess_with(folders), found) {
        (Err(CliError::Catalog(error)), Some(found)) => {
            let built_in = inputs::catalog_to_assess_with(&[])?;
            let mut problems = error.problems;
            problems.extend(found.problems_beside(&built_in, framework(&built_in)?, allow_missing));
            Err(found.with_problems(problems))
        }
        (read, _) => read,
    }
}

/// The framework of the questions.
pub(super) fn framework(catalog: &Catalog) -> Result<&Framework, CliError> {
    catalog.framework(FRAMEWORK).ok_or_else(|| CliError::Unknown { what: "framework", name: FRAMEWORK.to_owned(), known: String::new() })
}

/// What an answer or a decision is judged by: an assessment that was saved, or a snapshot that is assessed now.
pub(super) fn assessment(path: &Path, found: Option<&Found>) -> Result<Assessment, CliError> {
    let is_saved = path.is_file() && !path.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    if is_saved || path.join("assessment.json").is_file() {
        let file = inputs::assessment(path)?;
        let bytes = inputs::read_file(&file, inputs::MOST_ASSESSMENT)?;
        let assessment = json::read(&bytes).map_err(|source| CliError::Assessment { path: file.clone(), source })?;
        // Nobody answers for, accepts or reviews a cluster that was never seen like this.
        return if assessment.hypothetical.is_some() { Err(CliError::Hypothetical(file)) } else { Ok(assessment) };
    }
    assess_for_people(&inputs::snapshot(path)?, found)
}

/// The workspace with everything that it says, whatever evidence is missing: who writes into it is not stopped by that.
pub(super) fn read(found: &Found, catalog: &Catalog) -> Result<Workspace, CliError> {
    found.read(catalog, framework(catalog)?, true)
}

/// Today as a date, UTC.
pub(super) fn today() -> String {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).format("%Y-%m-%d").to_string()
}

/// Whether somebody can have said something on a day: it has come, UTC.
pub(super) fn has_come(day: &str) -> Result<(), String> {
    let today = today();
    match is_date(day) {
        true if day > today.as_str() => Err(format!("{day} is after today, {today} (UTC)")),
        true => Ok(()),
        false => Err(no_date(day)),
    }
}

/// Whether a day is not before another one.
pub(super) fn not_before(day: &str, first: &str) -> Result<(), String> {
    match is_date(day) {
        true if day < first => Err(format!("{day} is before {first}")),
        true => Ok(()),
        false => Err(no_date(day)),
    }
}

fn no_date(text: &str) -> String {
    format!("`{}` is not a date such as 2026-11-28", crate::report::escape::clip(text, 80))
}

/// A year after a date, where the calendar has that day; else the day before.
pub(super) fn in_a_year(date: &str) -> String {
    let (year, rest) = date.split_once('-').unwrap_or((date, "01-01"));
    let next = year.parse::<u32>().map_or_else(|_| year.to_owned(), |year| format!("{:04}", year + 1));
    let rest = if rest == "02-29" { "02-28" } else { rest };
    format!("{next}-{rest}")
}

/// Writes a new file of the workspace: complete or not at all, for its owner, and never over one that is there.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    put(path, bytes, false)
}

/// Puts a file into the place of another one, of which the caller knows that nothing is lost. Who may read it stays as it was.
pub(super) fn write_over(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    // A link stays one: what it leads to is replaced.
    let place = path.canonicalize().map_err(CliError::write(path))?;
    put(&place, bytes, true)
}

fn put(path: &Path, bytes: &[u8], over: bool) -> Result<(), CliError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(CliError::write(parent))?;
    let mut file = tempfile::Builder::new().prefix(".").suffix(".partial").tempfile_in(parent).map_err(CliError::write(path))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(CliError::write(path))?;
    if over {
        let known = std::fs::metadata(path).map_err(CliError::write(path))?.permissions();
        file.as_file().set_permissions(known).map_err(CliError::write(path))?;
    }
    let moved = if over { file.persist(path) } else { file.persist_noclobber(path) };
    moved.map(drop).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::Exists(path.to_owned()),
        _ => CliError::Write { path: path.to_owned(), source: error.error },
    })?;
    private::sync_folder(parent);
    Ok(())
}

/// The first name of this form that is free: `STEM.yaml`, `STEM-2.yaml`, …
pub(super) fn free(folder: &Path, stem: &str, end: &str) -> PathBuf {
    let name = |number: usize| if number == 1 { format!("{stem}{end}") } else { format!("{stem}-{number}{end}") };
    let number = (1..).find(|number| folder.join(name(*number)).symlink_metadata().is_err()).unwrap_or(1);
    folder.join(name(number))
}

/// A file that shows something, with its digest, as a path below the workspace. One that lies elsewhere is copied into `evidence/`.
pub(super) fn attach(root: &Path, file: &Path) -> Result<(String, String), CliError> {
    const MOST: u64 = 256 * 1024 * 1024;
    let bytes = inputs::read_file(file, MOST)?;
    let digested = Digested::of(bytes.as_slice()).map_err(CliError::read(file))?;
    let (real_root, real) = (root.canonicalize().map_err(CliError::read(root))?, file.canonicalize().map_err(CliError::read(file))?);
    if let Ok(below) = real.strip_prefix(&real_root) {
        let path = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        if crate::bundle::odd(&path).is_none() {
            return Ok((path, digested.sha256));
        }
    }
    let folder = root.join(EVIDENCE);
    let stem = file.file_stem().map(|stem| yaml::slug(&stem.to_string_lossy())).unwrap_or_default();
    let end = file.extension().map(|end| format!(".{}", yaml::slug(&end.to_string_lossy()))).unwrap_or_default();
    let is_own = |path: &Path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let same =
        |path: &Path| is_own(path) && std::fs::File::open(path).and_then(Digested::of).is_ok_and(|known| known.sha256 == digested.sha256);
    let plain = folder.join(format!("{stem}{end}"));
    let place = if same(&plain) { plain } else { free(&folder, &stem, &end) };
    if !same(&place) {
        write_new(&place, &bytes)?;
    }
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((format!("{EVIDENCE}/{name}"), digested.sha256))
}

/// The assessment that is asked about, laid beside the workspace.
pub(super) fn asked_about(
    from: Option<&Path>,
    found: Option<&Found>,
    workspace: Option<&Workspace>,
) -> Result<Option<Assessment>, CliError> {
    let Some(path) = from else { return Ok(None) };
    let mut assessment = assessment(path, found)?;
    if let Some(workspace) = workspace {
        crate::assess::lay_beside(workspace, &mut assessment);
    }
    Ok(Some(assessment))
}
