//! Controls and frameworks: what is checked, and what it is evidence for.

mod benchmark;
mod cases;
mod config_file;
mod control;
mod framework;
mod guides;
mod limits;
mod lint;
mod parameters;
mod people;
mod predicate;
mod published;
mod reference;
mod row_context;
mod scope_file;

use std::collections::{BTreeMap, BTreeSet};

use include_dir::{Dir, DirEntry, include_dir};

pub use benchmark::{Benchmarks, Fitting, MappedItem};
pub use cases::{Case, read_cases};
pub use config_file::{CONFIG_SCHEMA, Place as ConfigPlace, Setting, read_config_file};
pub use control::{Check, Control, ControlKind, ControlTexts, Lifecycle, LifecycleStatus, Reach, Statement};
pub use framework::{Framework, FrameworkParagraph, Mapping, TextSource, Unmapped};
pub use guides::{ARTICLES, Covered, FACTS, GuideStatement};
pub use limits::Work;
pub use lint::Problem;
pub use parameters::{Parameter, Values};
pub use people::{
    AnswerFile, Answered, Attached, AttachedState, Context as PeopleContext, DispositionFile, PeopleFiles, PeopleKind, PeopleText, Place,
    Placed, ReviewedAccess, WaiverFile, is_date, named_files, read_people,
};
pub use predicate::{ExpressionProblem, Predicate, Undecided};
pub use published::{List, MAPPING_SCHEMA, Published, PublishedMapping, published};
pub use reference::{
    ChangedRelation, Changes, Crosswalk, MappingVersion, Practice, Reference, Relation, ThreatEvent, ThreatKind, Weakness, WrongMapping,
};
pub use row_context::{Environment, RowContext};
pub use scope_file::{SCOPE_SCHEMA, ScopeContext, ScopeFile, read_scope_file};

use crate::digest::{sha256_hex, sha256_parts};
use crate::model::{CatalogIdentity, Overlay, SourceId};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/controls");

/// The file of the benchmarks; all others beside it are frameworks.
const BENCHMARKS: &str = "frameworks/cis.yaml";

/// The folder of what stands beside the mapping.
const REFERENCE: &str = "reference/";

/// The version of the built-in catalog, which moves with the program.
pub const CATALOG_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A file of the user's own controls, read by the caller.
#[derive(Clone, Debug)]
pub struct OverlayFile {
    /// Path below the folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A folder of the user's own controls.
#[derive(Clone, Debug)]
pub struct OverlayFolder {
    /// The folder's name for reports: its last part.
    pub name: String,
    /// How problems name it.
    pub shown: String,
    /// Its YAML files.
    pub files: Vec<OverlayFile>,
}

/// Controls and the frameworks that they are evidence for, all checked.
#[derive(Debug)]
pub struct Catalog {
    controls: Vec<Control>,
    frameworks: Vec<Framework>,
    benchmarks: Option<Benchmarks>,
    reference: Reference,
    cases: Vec<Case>,
    identity: CatalogIdentity,
    /// What each control rests on, in their order.
    rests_on: Vec<BTreeSet<SourceId>>,
}

/// The catalog has problems; nothing of it is used.
#[derive(Debug, thiserror::Error)]
#[error("the catalog has {} problem(s):\n{}", .problems.len(), .problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
pub struct CatalogError {
    /// All of them, sorted by file and line.
    pub problems: Vec<Problem>,
}

impl Catalog {
    /// The catalog that is part of the program.
    pub fn built_in() -> Result<Self, CatalogError> {
        Self::load(&[])
    }

    /// The built-in catalog with the user's folders laid over it. All problems of all files are reported at once.
    pub fn load(overlays: &[OverlayFolder]) -> Result<Self, CatalogError> {
        Self::read(overlays, true)
    }

    /// [`Catalog::load`] for assessing, which takes a third of the time: the built-in cases are not read. They are three quarters of all
    /// text, the same in every build, and read by its tests.
    pub fn without_built_in_cases(overlays: &[OverlayFolder]) -> Result<Self, CatalogError> {
        Self::read(overlays, false)
    }

    fn read(overlays: &[OverlayFolder], built_in_cases: bool) -> Result<Self, CatalogError> {
        let mut problems = lint::Problems::default();
        let mut controls: BTreeMap<String, Control> = BTreeMap::new();
        let (mut frameworks, mut parts) = (Vec::new(), Vec::new());
        let (mut benchmarks, mut reference) = (None, Reference::default());
        let mut cases = Vec::new();
        let mut overlay_identities = Vec::new();
        let mut digests: Vec<(String, String)> = Vec::new();
        for (path, text) in built_in_files() {
            digests.push((path.clone(), sha256_hex(text.as_bytes())));
            let file = format!("controls/{path}");
            match kind_of(&path) {
                FileKind::Framework if framework::Part::is_one(text) => match serde_saphyr::from_str(text) {
                    Ok(part) => parts.push((file, part)),
                    Err(error) => problems.yaml(&file, &error),
                },
                FileKind::Framework => match serde_saphyr::from_str::<Framework>(text) {
                    Ok(framework) => frameworks.push((file, framework)),
                    Err(error) => problems.yaml(&file, &error),
                },
                FileKind::Benchmarks => match serde_saphyr::from_str::<Benchmarks>(text) {
                    Ok(read) => benchmarks = Some((file, read)),
                    Err(error) => problems.yaml(&file, &error),
                },
                FileKind::Reference => reference.read(&file, text, &mut problems),
                FileKind::Cases if built_in_cases => read_cases_into(&file, text, &mut cases, &mut problems),
                FileKind::Cases => {}
                FileKind::Control => {
                    if let Some((control, _)) = control::read(&file, &path, text, &mut problems) {
                        controls.insert(control.id.clone(), control);
                    }
                }
            }
        }
        framework::join(parts, &mut frameworks, &mut problems);
        let ids: Vec<&str> = controls.keys().map(String::as_str).collect();
        for (file, framework) in &frameworks {
            framework.lint(file, &ids, &mut problems);
            for id in framework.forgotten(&ids) {
                problems.at(file, 1, format!("control `{id}` is mapped to no paragraph and not listed under `unmapped`"));
            }
        }
        for (file, framework) in &frameworks {
            framework.lint_parameters(file, &controls, &mut problems);
        }
        if let Some((file, benchmarks)) = &benchmarks {
            benchmarks.lint(file, &ids, &mut problems);
        }
        let (checks, questions): (Vec<&str>, Vec<&str>) =
            ids.iter().partition(|id| controls.get(**id).is_some_and(|one| one.check().is_some()));
        reference.lint(&checks, &questions, &frameworks, &mut problems);
        for folder in overlays {
            let identity = lay_over(folder, &mut controls, &mut cases, &mut problems);
            digests.push((format!("overlay {}", identity.name), identity.sha256.clone()));
            overlay_identities.push(identity);
        }
        let ids: Vec<&str> = controls.keys().map(String::as_str).collect();
        for folder in overlays {
            own_frameworks(folder, &ids, &mut frameworks, &mut problems);
        }
        let problems = problems.into_sorted();
        if !problems.is_empty() {
            return Err(CatalogError { problems });
        }
        let controls: Vec<Control> = controls.into_values().collect();
        let rests_on = controls.iter().map(|control| control.check().into_iter().flat_map(Check::rests_on).collect()).collect();
        let parts = digests.iter().flat_map(|(path, digest)| [path.as_bytes(), digest.as_bytes()]);
        Ok(Self {
            identity: CatalogIdentity { version: CATALOG_VERSION.to_owned(), sha256: sha256_parts(parts), overlays: overlay_identities },
            controls,
            rests_on,
            frameworks: frameworks.into_iter().map(|(_, framework)| framework).collect(),
            benchmarks: benchmarks.map(|(_, benchmarks)| benchmarks),
            reference,
            cases,
        })
    }

    /// All controls, sorted by id.
    pub fn controls(&self) -> &[Control] {
        &self.controls
    }
    /// The control of that id.
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id == id)
    }
    /// The controls that rest on a source. A kind that users define is one of its group.
    pub fn needed_by(&self, source: &SourceId) -> impl Iterator<Item = &Control> {
        let of_group = move |needed: &SourceId| needed.is_whole_group() && needed.api_group() == source.api_group();
        let is_needed = move |rests_on: &BTreeSet<SourceId>| rests_on.contains(source) || rests_on.iter().any(of_group);
        self.controls.iter().zip(&self.rests_on).filter(move |(_, rests_on)| is_needed(rests_on)).map(|(control, _)| control)
    }
    /// All frameworks.
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }
    /// The framework of that id.
    pub fn framework(&self, id: &str) -> Option<&Framework> {
        self.frameworks.iter().find(|framework| framework.id == id)
    }
    /// The benchmarks whose numbers stand beside controls.
    pub fn benchmarks(&self) -> Option<&Benchmarks> {
        self.benchmarks.as_ref()
    }
    /// What stands beside the mapping: crosswalks, practices, threat events.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }
    /// The cases beside the controls, with the id of their control.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
    /// Version and digests.
    pub fn identity(&self) -> &CatalogIdentity {
        &self.identity
    }
}

enum FileKind {
    Framework,
    Benchmarks,
    Reference,
    Cases,
    Control,
}

fn kind_of(path: &str) -> FileKind {
    if path == BENCHMARKS {
        FileKind::Benchmarks
    } else if path.starts_with(REFERENCE) {
        FileKind::Reference
    } else if path.starts_with("frameworks/") {
        FileKind::Framework
    } else if path.ends_with(".cases.yaml") {
        FileKind::Cases
    } else {
        FileKind::Control
    }
}

impl Case {
    /// The id of the control that the case belongs to.
    pub fn control_id(&self) -> &str {
        let path = self.file.trim_end_matches(".cases.yaml");
        match path.rmatch_indices('/').nth(1) {
            Some((start, _)) => path.get(start + 1..).unwrap_or(path),
            None => path,
        }
    }
}

fn read_cases_into(file: &str, text: &str, cases: &mut Vec<Case>, problems: &mut lint::Problems) {
    match read_cases(file, text) {
        Ok(mut read) => cases.append(&mut read),
        Err(found) => found.into_iter().for_each(|problem| problems.push(problem)),
    }
}

/// Path and text of the embedded YAML files, sorted by path: what the digest of the built-in catalog is over.
pub fn built_in_files() -> Vec<(String, &'static str)> {
    fn walk(dir: &'static Dir<'static>, into: &mut Vec<(String, &'static str)>) {
        for entry in dir.entries() {
            match entry {
                DirEntry::Dir(dir) => walk(dir, into),
                DirEntry::File(file) => {
                    let path = file.path().to_string_lossy().replace('\\', "/");
                    if let (true, Some(text)) = (path.ends_with(".yaml"), file.contents_utf8()) {
                        into.push((path, text));
                    }
                }
            }
        }
    }
    let mut files = Vec::new();
    walk(&BUILT_IN, &mut files);
    files.sort();
    files
}

/// Frameworks of the user's own, and mappings of own controls to the paragraphs of one that is there: `frameworks/*.yaml` in a folder.
fn own_frameworks(folder: &OverlayFolder, controls: &[&str], frameworks: &mut Vec<(String, Framework)>, problems: &mut lint::Problems) {
    let mut files: Vec<&OverlayFile> = folder.files.iter().filter(|file| matches!(kind_of(&file.path), FileKind::Framework)).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (mut own, mut parts, mut extensions) = (Vec::new(), Vec::new(), Vec::new());
    for OverlayFile { path, text } in files {
        let file = format!("{}/{path}", folder.shown);
        let read = if framework::Extension::is_one(text) {
            serde_saphyr::from_str(text).map(|extension| extensions.push((file.clone(), extension)))
        } else if framework::Part::is_one(text) {
            serde_saphyr::from_str(text).map(|part| parts.push((file.clone(), part)))
        } else {
            serde_saphyr::from_str(text).map(|framework| own.push((file.clone(), framework)))
        };
        if let Err(error) = read {
            problems.yaml(&file, &error);
        }
    }
    framework::join(parts, &mut own, problems);
    for (file, framework) in own {
        if frameworks.iter().any(|(_, known)| known.id == framework.id) {
            let id = &framework.id;
            problems.at(&file, 1, format!("there is a framework `{id}` already; write `extends: {id}` to add to it"));
            continue;
        }
        framework.lint(&file, controls, problems);
        frameworks.push((file, framework));
    }
    // When all of them are there.
    for (file, extension) in extensions {
        let extension: framework::Extension = extension;
        extension.apply(&file, frameworks, controls, problems);
    }
}

fn lay_over(
    folder: &OverlayFolder,
    controls: &mut BTreeMap<String, Control>,
    cases: &mut Vec<Case>,
    problems: &mut lint::Problems,
) -> Overlay {
    let mut files = folder.files.clone();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (mut adds, mut replaces) = (Vec::new(), Vec::new());
    for OverlayFile { path, text } in &files {
        let file = format!("{}/{path}", folder.shown);
        match kind_of(path) {
            // When all controls are there: see `own_frameworks`.
            FileKind::Framework => {}
            FileKind::Reference => problems.at(&file, 1, "`reference/` belongs to the built-in controls"),
            FileKind::Benchmarks => problems.at(&file, 1, "the numbers of the benchmarks are those of the built-in controls"),
            FileKind::Cases => read_cases_into(&file, text, cases, problems),
            FileKind::Control => {
                let Some((control, says_replaces)) = control::read(&file, path, text, problems) else { continue };
                match (controls.contains_key(&control.id), says_replaces) {
                    (true, false) => problems.at(
                        &file,
                        1,
                        format!("`{}` is a built-in id; write `replaces: true` to replace it, or choose another id", control.id),
                    ),
                    (false, true) => {
                        problems.at(&file, 1, format!("`replaces: true`, but there is no control `{}` to replace", control.id))
                    }
                    (exists, _) => {
                        if exists {
                            replaces.push(control.id.clone())
                        } else {
                            adds.push(control.id.clone())
                        }
                        controls.insert(control.id.clone(), control);
                    }
                }
            }
        }
    }
    let parts = files.iter().flat_map(|file| [file.path.as_bytes(), file.text.as_bytes()]);
    Overlay { name: folder.name.clone(), sha256: sha256_parts(parts), adds, replaces }
}
