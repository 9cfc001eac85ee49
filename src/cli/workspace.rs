//! The workspace on the disk: found, checked, read, and copied beside the evidence that it was used for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::args::WorkspaceArgs;
use super::error::CliError;
use super::imports::Import;
use super::inputs;
use super::nearest::nearest;
use super::output::Staged;
use super::replace::WORKSPACE;
use crate::assess::{SCOPE_FILE, Workspace};
use crate::bundle::{Digested, odd};
use crate::catalog::{AttachedState, Catalog, Framework, PeopleContext, PeopleKind, PeopleText, Problem, named_files, read_people};
use crate::digest::{sha256_hex, sha256_parts};
use crate::model::{IMPORTS, WorkspaceUsed};

/// Controls of a workspace.
pub(super) const CONTROLS: &str = "controls";
/// Evidence that answers name.
pub(super) const EVIDENCE: &str = "evidence";
/// What `init` says to people.
pub(super) const README: &str = "README.md";
/// The beginning of files that say which namespaces came.
pub(super) const NEW_NAMESPACES: &str = "scope-new-namespaces";
/// No file that an answer names is larger.
const MOST_EVIDENCE: u64 = 256 * 1024 * 1024;
/// Files in one folder.
const MOST_FILES: usize = 10_000;

/// What was found in a workspace.
#[derive(Debug)]
pub(super) struct Found {
    root: PathBuf,
    /// `root` without links, below which everything must be.
    real: PathBuf,
    /// The scope file: as the user knows it, and its content.
    pub(super) scope: Option<(PathBuf, String)>,
    /// Answers, waivers, dispositions.
    pub(super) texts: Vec<PeopleText>,
    /// The folder of controls, where there is one.
    pub(super) controls: Option<PathBuf>,
    attached: BTreeMap<String, AttachedState>,
    /// Files that say what the cluster cannot, sorted by their path.
    pub(super) imports: Vec<Import>,
    /// Those of them that lie elsewhere, by the path that they have in a workspace.
    handed: BTreeMap<String, PathBuf>,
    used: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

/// Finds everything in a workspace. Problems are kept, so that they are said together with those of the content.
pub(super) fn find(root: &Path) -> Result<Found, CliError> {
    let real = root.canonicalize().map_err(CliError::read(root))?;
    if !real.is_dir() {
        return Err(CliError::NotAWorkspace(root.to_owned()));
    }
    let mut found = Found::at(root.to_owned(), real);
    found.top()?;
    for kind in PeopleKind::ALL {
        found.folder(kind)?;
    }
    for file in named_files(&found.texts) {
        let state = found.attachment(&file);
        if let AttachedState::There { sha256 } = &state {
            found.uses(&file, sha256.clone());
        }
        found.attached.insert(file, state);
    }
    Ok(found)
}

impl Found {
    fn at(root: PathBuf, real: PathBuf) -> Self {
        Self {
            root,
            real,
            scope: None,
            texts: Vec::new(),
            controls: None,
            attached: BTreeMap::new(),
            imports: Vec::new(),
            handed: BTreeMap::new(),
            used: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Files that were handed over without a workspace, or everything that is wrong with them.
    pub(super) fn only(imports: &[PathBuf]) -> Result<Self, CliError> {
        let mut found = Self::at(PathBuf::new(), PathBuf::new());
        found.hand_over(imports);
        match found.problems.is_empty() {
            true => Ok(found),
            false => Err(CliError::Problems { path: imports.first().cloned().unwrap_or_default(), problems: found.problems }),
        }
    }

    /// Takes files from elsewhere, as if they lay in the folder of imports.
    pub(super) fn hand_over(&mut self, imports: &[PathBuf]) {
        for place in imports {
            let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let path = format!("{IMPORTS}/{name}");
            if self.used.contains_key(&path) {
                let file = place.display().to_string();
                let message = format!("another file that is handed over is called {name}, too; rename one of them");
                self.problems.push(Problem { file, line: 1, column: None, message });
                continue;
            }
            self.handed.insert(path.clone(), place.clone());
            self.import(&path);
        }
        self.problems.sort();
        self.imports.sort_by(|a, b| a.path().cmp(b.path()));
    }

    /// Reads a file that says what the cluster cannot.
    fn import(&mut self, path: &str) {
        let Some(text) = self.text(path) else { return };
        match Import::of(path, &text) {
            Ok(import) => self.imports.push(import),
            Err(problems) => {
                let file = self.shown(path);
                let all = problems.into_iter().map(|one| Problem {
                    file: file.clone(),
                    line: one.line,
                    column: one.column,
                    message: one.message,
                });
                self.problems.extend(all);
            }
        }
    }

    /// Where a file lies.
    fn place(&self, path: &str) -> PathBuf {
        self.handed.get(path).cloned().unwrap_or_else(|| self.root.join(path))
    }

    fn shown(&self, path: &str) -> String {
        self.place(path).display().to_string()
    }

    /// The files that were used, with their digests.
    pub(super) fn used(&self) -> WorkspaceUsed {
        let parts = self.used.iter().flat_map(|(path, sha256)| [path.as_bytes(), sha256.as_bytes()]);
        WorkspaceUsed { sha256: sha256_parts(parts), files: self.used.clone() }
    }

    fn problem(&mut self, path: &str, message: impl Into<String>) {
        let file = self.shown(path);
        self.problems.push(Problem { file, line: 1, column: None, message: message.into() });
    }

    /// Notes that a file was used; its name must be one that a bundle can hold.
    fn uses(&mut self, path: &str, sha256: String) {
        let clash = self.used.keys().any(|known| known != path && known.eq_ignore_ascii_case(path));
        let clash = clash.then_some("another differs from it only by upper and lower case");
        if let Some(why) = odd(&format!("data/{WORKSPACE}/{path}")).or(clash) {
            self.problem(path, format!("{why}; rename it with letters, digits, `.`, `_` and `-` of ASCII, so that it can be sealed"));
        }
        self.used.insert(path.to_owned(), sha256);
    }

    /// The names in a folder, sorted, without those that begin with a dot or end as editors leave them.
    fn names(&mut self, folder: &str) -> Result<Vec<String>, CliError> {
        let place = self.root.join(folder);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&place).map_err(CliError::read(&place))? {
            let name = entry.map_err(CliError::read(&place))?.file_name();
            let Some(name) = name.to_str().map(str::to_owned) else {
                self.problem(folder, format!("the name of a file in it is not UTF-8: {}", name.to_string_lossy()));
                continue;
            };
            if !name.starts_with('.') && !name.ends_with('~') {
                names.push(name);
            }
            if names.len() > MOST_FILES {
                self.problem(folder, format!("it holds more than {MOST_FILES} files"));
                break;
            }
        }
        names.sort();
        Ok(names)
    }

    /// What stands at the top. What is nearly called like something that is read is a problem: it would do nothing.
    fn top(&mut self) -> Result<(), CliError> {
        let folders = PeopleKind::ALL.map(PeopleKind::folder);
        let known: Vec<&str> = folders.into_iter().chain([SCOPE_FILE, README, EVIDENCE, IMPORTS, CONTROLS]).collect();
        for name in self.names("")? {
            if name == SCOPE_FILE {
                self.scope = self.text(SCOPE_FILE).map(|text| (self.root.join(SCOPE_FILE), text));
            } else if name == EVIDENCE {
                // Commands copy files into it.
                if self.inside(EVIDENCE).is_some_and(|real| !real.is_dir()) {
                    self.problem(EVIDENCE, "it is to be a folder");
                }
            } else if name == CONTROLS {
                self.own_controls()?;
            } else if name == IMPORTS {
                self.own_imports()?;
            } else if !known.contains(&name.as_str()) && !name.starts_with(NEW_NAMESPACES) {
                let stem = name.strip_suffix(".yml").unwrap_or(&name);
                let meant = if stem == "scope" { Some(SCOPE_FILE) } else { nearest(&name, known.iter().copied()) };
                if let Some(meant) = meant {
                    self.problem(&name, format!("it is not read; did you mean `{meant}`?"));
                }
            }
        }
        Ok(())
    }

    /// Every file of the folder of imports.
    fn own_imports(&mut self) -> Result<(), CliError> {
        if self.inside(IMPORTS).is_none() {
            return Ok(());
        }
        if !self.root.join(IMPORTS).is_dir() {
            self.problem(IMPORTS, "it is to be a folder");
            return Ok(());
        }
        self.names(IMPORTS)?.into_iter().for_each(|name| self.import(&format!("{IMPORTS}/{name}")));
        Ok(())
    }

    /// Controls are read as every folder of controls is; here it is noted what they are.
    fn own_controls(&mut self) -> Result<(), CliError> {
        let place = self.root.join(CONTROLS);
        if self.inside(CONTROLS).is_none() {
            return Ok(());
        }
        for file in inputs::overlays(std::slice::from_ref(&place))?.into_iter().flat_map(|overlay| overlay.files) {
            let path = format!("{CONTROLS}/{}", file.path);
            if self.inside(&path).is_some() {
                self.uses(&path, sha256_hex(file.text.as_bytes()));
            }
        }
        self.controls = Some(place);
        Ok(())
    }

    /// The real path, where it is inside the workspace. Links are followed only there: a mounted ConfigMap is made of such.
    fn inside(&mut self, path: &str) -> Option<PathBuf> {
        match self.root.join(path).canonicalize() {
            Ok(real) if real.starts_with(&self.real) => Some(real),
            Ok(_) => {
                self.problem(path, "it is a link that leaves the workspace");
                None
            }
            Err(error) => {
                self.problem(path, format!("it cannot be read: {error}"));
                None
            }
        }
    }

    /// The text of a file; a problem where it is none.
    fn text(&mut self, path: &str) -> Option<String> {
        let real = if self.handed.contains_key(path) { self.place(path) } else { self.inside(path)? };
        let read = inputs::read_file(&real, inputs::MOST_YAML).map_err(|error| match error {
            CliError::TooLarge { most, .. } => format!("it is larger than {most} bytes"),
            CliError::NotAFile(_) => "it is not a regular file".to_owned(),
            CliError::Read { source, .. } => format!("it cannot be read: {source}"),
            other => other.to_string(),
        });
        let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
        match text {
            Ok(text) => {
                self.uses(path, sha256_hex(text.as_bytes()));
                Some(text)
            }
            Err(why) => {
                self.problem(path, why);
                None
            }
        }
    }

    fn folder(&mut self, kind: PeopleKind) -> Result<(), CliError> {
        let folder = kind.folder();
        if self.root.join(folder).symlink_metadata().is_err() || self.inside(folder).is_none() {
            return Ok(());
        }
        if !self.root.join(folder).is_dir() {
            self.problem(folder, "it is to be a folder");
            return Ok(());
        }
        for name in self.names(folder)? {
            let path = format!("{folder}/{name}");
            if !(name.ends_with(".yaml") || name.ends_with(".yml")) {
                self.problem(&path, "it is not read: files here end in .yaml; put evidence into evidence/");
                continue;
            }
            if let Some(text) = self.text(&path) {
                let shown = self.shown(&path);
                self.texts.push(PeopleText { kind, path, shown, text });
            }
        }
        Ok(())
    }

    /// What became of a file that an answer names.
    fn attachment(&self, path: &str) -> AttachedState {
        let real = match self.root.join(path).canonicalize() {
            Ok(real) => real,
            Err(error) => return AttachedState::Missing(error.to_string()),
        };
        if !real.starts_with(&self.real) {
            return AttachedState::Refused("it is a link that leaves the workspace".to_owned());
        }
        match std::fs::metadata(&real) {
            Ok(metadata) if !metadata.is_file() => return AttachedState::Refused("it is not a regular file".to_owned()),
            Ok(metadata) if metadata.len() > MOST_EVIDENCE => {
                return AttachedState::Refused(format!("it is larger than {MOST_EVIDENCE} bytes"));
            }
            Ok(_) => {}
            Err(error) => return AttachedState::Missing(error.to_string()),
        }
        match File::open(&real).and_then(|file| Digested::of(BufReader::new(file))) {
            Ok(digested) => AttachedState::There { sha256: digested.sha256 },
            Err(error) => AttachedState::Missing(error.to_string()),
        }
    }

    /// What the files say, or everything that is wrong with any of them.
    pub(super) fn read(&self, catalog: &Catalog, framework: &Framework, allow_missing: bool) -> Result<Workspace, CliError> {
        let context = PeopleContext { catalog, framework, attached: &self.attached, every_id: false, allow_missing };
        let read = read_people(&self.texts, &context);
        let mut problems = self.problems.clone();
        problems.extend(read.as_ref().err().cloned().unwrap_or_default());
        problems.sort();
        match read {
            Ok(files) if problems.is_empty() => Ok(Workspace { used: self.used(), files }),
            _ => Err(CliError::Problems { path: self.root.clone(), problems }),
        }
    }

    /// What is wrong with what the files say, whatever controls of people's own there are: these could not be read.
    pub(super) fn problems_beside(&self, catalog: &Catalog, framework: &Framework, allow_missing: bool) -> Vec<Problem> {
        let context = PeopleContext { catalog, framework, attached: &self.attached, every_id: true, allow_missing };
        let mut problems = read_people(&self.texts, &context).err().unwrap_or_default();
        problems.extend(self.scope.as_ref().and_then(|(path, text)| inputs::scope_of(path, text, None).err()).unwrap_or_default());
        problems
    }

    /// What is wrong with the files themselves, together with what is wrong elsewhere.
    pub(super) fn with_problems(&self, more: Vec<Problem>) -> CliError {
        let mut problems = self.problems.clone();
        problems.extend(more);
        problems.sort();
        CliError::Problems { path: self.root.clone(), problems }
    }

    /// Copies everything that was used, as it was used.
    pub(super) fn copy_into(&self, folder: &Staged) -> Result<(), CliError> {
        for (path, sha256) in &self.used {
            let place = self.place(path);
            let mut file = File::open(&place).map_err(CliError::read(&place))?;
            let written = folder.write_with(&format!("{WORKSPACE}/{path}"), |out| io::copy(&mut file, out).map(drop))?;
            if written.sha256 != *sha256 {
                return Err(CliError::ChangedMeanwhile(place));
            }
        }
        Ok(())
    }

    /// Paths below the workspace of the files that wait for an answer or hold one, by question as they are written.
    pub(super) fn paths(&self) -> BTreeSet<&str> {
        self.texts.iter().map(|one| one.path.as_str()).collect()
    }

    /// The folder as the user knows it.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

/// The workspace that was named for a scan or an assessment.
pub(super) fn named(args: &WorkspaceArgs) -> Result<Option<Found>, CliError> {
    args.workspace.as_deref().map(find).transpose()
}
