//! What is sealed: evidence that is whole and as it was written, with the rules by which it was assessed; or a bundle that is marked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::bundle::Sealing;
use super::error::CliError;
use super::inputs::{self, MOST_ASSESSMENT};
use super::replace::{REQUESTS, SNAPSHOT, WORKSPACE, foreign_in_evidence};
use super::workspace::CONTROLS;
use crate::bundle::{AssessmentHead, Bag, DATA, Expected, MANIFEST, Previous, Record, Verdict, odd, verify};
use crate::catalog::{CATALOG_VERSION, Catalog, OverlayFolder, built_in_files};
use crate::model::CatalogIdentity;
use crate::report::json;
use crate::snapshot::{DESKTOP, Snapshot};

/// Why evidence is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Something that a scan writes is missing, or something else is there.
    #[error("will not seal {}: {why}", .path.display())]
    NotEvidence {
        /// The folder.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Documents that were made of a snapshot that lies elsewhere.
    #[error("will not seal {}: it holds no snapshot", .path.display())]
    NoSnapshot {
        /// The folder.
        path: PathBuf,
    },
    /// It is not as it was written.
    #[error("will not seal {}: it was changed since it was written:\n{}", .path.display(), .problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
    Changed {
        /// The folder.
        path: PathBuf,
        /// Each with its file.
        problems: Vec<String>,
    },
    /// The rules are not at hand by which it was assessed.
    #[error("will not seal {}: {why}", .path.display())]
    OtherCatalog {
        /// The folder.
        path: PathBuf,
        /// How they differ.
        why: String,
        /// What to do.
        advice: String,
    },
    /// The bundle before is not one that this can follow.
    #[error("cannot name {} as the bundle before: {why}", .path.display())]
    Previous {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A bundle would be written into what is sealed, or over the one before.
    #[error("will not write the bundle to {}: {why}", .path.display())]
    Place {
        /// Where.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// A file of own controls has a name that a bundle cannot hold.
    #[error("cannot seal the file {file} of the controls: {why}")]
    Name {
        /// Which.
        file: String,
        /// Why not.
        why: &'static str,
    },
    /// A bundle that is marked is not whole.
    #[error("will not sign or stamp {}: it is not whole ({problem})", .path.display())]
    NotWhole {
        /// The bundle.
        path: PathBuf,
        /// The first thing that is wrong.
        problem: String,
    },
    /// A bundle that is sealed, and nothing to add to it.
    #[error("will not seal {} again: it is a bundle", .path.display())]
    Marked {
        /// The bundle.
        path: PathBuf,
    },
    /// Too much for an archive that every program can read.
    #[error("cannot seal into {}: {bytes} bytes are more than a .zip of this form holds", .path.display())]
    TooLarge {
        /// The archive.
        path: PathBuf,
        /// How many.
        bytes: u64,
    },
}

impl SealError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NotEvidence { .. } => "Name the folder that `kube-hipaa scan -o DIR` wrote, with nothing else in it.".to_owned(),
            Self::NoSnapshot { .. } => {
                "`assess` leaves the snapshot where it was: name it with --snapshot SNAPSHOT; or name the folder that `kube-hipaa scan -o DIR` wrote."
                    .to_owned()
            }
            Self::Changed { .. } => "Take the folder as it was written, or write the documents again from the snapshot.".to_owned(),
            Self::OtherCatalog { advice, .. } => advice.clone(),
            Self::Previous { path, .. } => {
                format!("`kube-hipaa verify {}` says more; or begin a new chain without --previous.", path.display())
            }
            Self::NotWhole { path, .. } => format!("`kube-hipaa verify {}` says more.", path.display()),
            Self::Marked { .. } => "Sign or stamp it with --sign-key, --sign-agent, --timestamp-url or --timestamp-reply; or name an evidence folder.".to_owned(),
            Self::Place { .. } => "Choose another place.".to_owned(),
            Self::Name { .. } => "Rename it with letters, digits, `.`, `_` and `-` of ASCII, and assess again.".to_owned(),
            Self::TooLarge { .. } => "Write a folder: leave out the ending .zip.".to_owned(),
        }
    }
}

/// Where the bytes of a file come from.
pub(super) enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
    /// A file of a snapshot that lies elsewhere.
    Snapshot(Rc<Snapshot>, String),
    /// A file of a bundle.
    Bag(Rc<Bag>, String),
}

impl Source {
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(bytes.as_slice()),
            Self::File(path) => Box::new(BufReader::with_capacity(128 * 1024, File::open(path)?)),
            Self::Snapshot(snapshot, name) => {
                let mut bytes = Vec::new();
                snapshot.copy(name, &mut bytes)?;
                Box::new(Cursor::new(bytes))
            }
            Self::Bag(bag, name) => bag.read(name)?,
        })
    }
}

/// Everything below `data/`, with what it is about; of a bundle, everything.
pub(super) struct Payload {
    pub(super) files: BTreeMap<String, Source>,
    pub(super) head: AssessmentHead,
    /// What a record over time is made of; of a bundle it stands in its summary.
    pub(super) record: Option<Record>,
}

/// The evidence, when it is whole and as it was written.
pub(super) fn evidence(folder: &Path, elsewhere: Option<&Path>) -> Result<Payload, CliError> {
    let refuse = |why: String| CliError::Seal(SealError::NotEvidence { path: folder.to_owned(), why });
    let entries: io::Result<Vec<_>> = std::fs::read_dir(folder).and_then(Iterator::collect);
    let names = entries.map_err(CliError::read(folder))?.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !DESKTOP.contains(&name.as_str())).collect();
    names.sort();
    let own = names.iter().any(|name| name == SNAPSHOT);
    if own && elsewhere.is_some() {
        return Err(CliError::Pointless { flag: "--snapshot", why: "the evidence holds its snapshot" });
    }
    let needed = ["assessment.json", MANIFEST, REQUESTS, SNAPSHOT];
    for needed in needed.into_iter().filter(|needed| *needed != SNAPSHOT || elsewhere.is_none()) {
        if needed == SNAPSHOT && !own {
            return Err(SealError::NoSnapshot { path: folder.to_owned() }.into());
        }
        if !names.iter().any(|name| name == needed) {
            return Err(refuse(format!("it holds no {needed}")));
        }
    }
    if let Some(name) = foreign_in_evidence(folder, &names) {
        return Err(refuse(format!("it holds {name}, which is no part of the evidence that kube-hipaa writes")));
    }
    let hypothetical = "it is hypothetical: manifests were laid over the snapshot, and no cluster was seen like this";
    // First, because no list of digests makes it evidence. What cannot be read as an assessment is told below.
    if File::open(folder.join("assessment.json")).and_then(AssessmentHead::read).is_ok_and(|head| head.hypothetical) {
        return Err(refuse(hypothetical.to_owned()));
    }
    let verdict = Bag::open(folder).and_then(|bag| verify(&bag, Expected::default())).map_err(CliError::read(folder))?;
    let of_desktop = |file: &str| DESKTOP.contains(&file.rsplit('/').next().unwrap_or(file));
    let problems: Vec<String> = verdict
        .problems
        .iter()
        .filter(|problem| !of_desktop(&problem.file))
        .map(|problem| format!("{}: {}", problem.file, problem.what))
        .collect();
    if !problems.is_empty() {
        return Err(SealError::Changed { path: folder.to_owned(), problems }.into());
    }
    let snapshot = Rc::new(match elsewhere {
        Some(place) => inputs::snapshot(place)?,
        None => Snapshot::open(&folder.join(SNAPSHOT))?,
    });
    let path = folder.join("assessment.json");
    let bytes = inputs::read_file(&path, MOST_ASSESSMENT)?;
    // The whole of it, so that nothing is sealed that contradicts itself.
    let whole = json::read(&bytes).map_err(|source| CliError::Assessment { path: path.clone(), source })?;
    let head = AssessmentHead::read(bytes.as_slice()).map_err(CliError::read(&path))?;
    let record = Some(Record::of(&bytes).map_err(CliError::read(&path))?);
    if head.hypothetical || whole.hypothetical.is_some() {
        return Err(refuse(hypothetical.to_owned()));
    }
    if head.snapshot_sha256 != snapshot.index_sha256() {
        let which = if own { "the snapshot beside it" } else { "the snapshot that --snapshot names" };
        return Err(refuse(format!("its assessment.json was not made of {which}")));
    }
    let documents = names.into_iter().filter(|name| name != SNAPSHOT && name != WORKSPACE && name != MANIFEST);
    // The list of digests stays behind: that of the bundle names the same files, and two lists could disagree.
    let mut files: BTreeMap<String, Source> = documents.map(|name| (format!("{DATA}{name}"), Source::File(folder.join(&name)))).collect();
    for name in snapshot.files() {
        let file = format!("{SNAPSHOT}/{name}");
        let source = if own { Source::File(folder.join(&file)) } else { Source::Snapshot(Rc::clone(&snapshot), name) };
        files.insert(format!("{DATA}{file}"), source);
    }
    // That nothing else lies there was verified above.
    for path in head.workspace.iter().flat_map(|used| used.files.keys()) {
        let file = format!("{WORKSPACE}/{path}");
        files.insert(format!("{DATA}{file}"), Source::File(folder.join(&file)));
    }
    Ok(Payload { files, head, record })
}

/// Adds the rules by which it was assessed.
pub(super) fn catalog(args: &Sealing<'_>, payload: &mut Payload) -> Result<(), CliError> {
    let mut controls = args.controls.to_vec();
    // As an assessment with a workspace does it: its controls come last.
    let of_workspace = args.evidence.join(WORKSPACE).join(CONTROLS);
    controls.extend(of_workspace.is_dir().then_some(of_workspace));
    let overlays = inputs::overlays(&controls)?;
    let at_hand = Catalog::without_built_in_cases(&overlays)?;
    if let Some((why, advice)) = differs(&payload.head.catalog, at_hand.identity()) {
        return Err(SealError::OtherCatalog { path: args.evidence.to_owned(), why, advice }.into());
    }
    for (path, text) in built_in_files() {
        payload.files.insert(format!("data/catalog/built-in/{path}"), Source::Bytes(text.as_bytes().to_vec()));
    }
    for (number, OverlayFolder { files, shown, .. }) in overlays.into_iter().enumerate() {
        for file in files {
            let name = format!("data/catalog/overlay-{}/{}", number + 1, file.path);
            let clash = payload.files.keys().any(|other| other.eq_ignore_ascii_case(&name));
            let clash = clash.then_some("another differs from it only by upper and lower case");
            if let Some(why) = odd(&name).or(clash) {
                return Err(SealError::Name { file: format!("{shown}/{}", file.path), why }.into());
            }
            payload.files.insert(name, Source::Bytes(file.text.into_bytes()));
        }
    }
    Ok(())
}

/// How the rules at hand differ from those of the assessment, and what to do.
fn differs(used: &CatalogIdentity, at_hand: &CatalogIdentity) -> Option<(String, String)> {
    if used == at_hand {
        return None;
    }
    let named = |identity: &CatalogIdentity| match identity.overlays.iter().map(|overlay| overlay.name.as_str()).collect::<Vec<_>>() {
        names if names.is_empty() => "no folder of own controls".to_owned(),
        names => format!("the own controls in {}", names.join(", ")),
    };
    let names = |identity: &CatalogIdentity| identity.overlays.iter().map(|overlay| overlay.name.clone()).collect::<Vec<_>>();
    let with_controls = || "Name the same folders in the same order with --controls DIR; or assess again.".to_owned();
    let (why, advice) = if used.version != CATALOG_VERSION {
        let why = format!("it was assessed with the catalog of version {}, and this program has {CATALOG_VERSION}", used.version);
        (why, format!("Seal it with kube-hipaa {}; or assess its snapshot again with this version.", used.version))
    } else if names(used) != names(at_hand) {
        (format!("it was assessed with {}, and {} was named", named(used), named(at_hand)), with_controls())
    } else if let Some((overlay, _)) = used.overlays.iter().zip(&at_hand.overlays).find(|(used, at_hand)| used != at_hand) {
        (format!("the own controls in {} are not those by which it was assessed", overlay.name), with_controls())
    } else {
        let why = "it was assessed with another built-in catalog than that of this program".to_owned();
        (why, "Seal it with the program that assessed it; or assess its snapshot again with this one.".to_owned())
    };
    Some((why, advice))
}

/// The bundle before, verified.
pub(super) fn before(path: &Path, head: &AssessmentHead) -> Result<Previous, CliError> {
    let refuse = |why: String| CliError::Seal(SealError::Previous { path: path.to_owned(), why });
    let verdict = Bag::open(path).and_then(|bag| verify(&bag, Expected::default())).map_err(CliError::read(path))?;
    if let Some(problem) = verdict.problems.first() {
        let more = verdict.problems.len() - 1;
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        return Err(refuse(format!("it is not whole ({}: {}{more})", problem.file, problem.what)));
    }
    let (Some(id), Some(summary)) = (verdict.id, verdict.summary) else { return Err(refuse("it is not sealed".to_owned())) };
    if summary.cluster.uid != head.cluster.uid {
        return Err(refuse("it is of another cluster".to_owned()));
    }
    // RFC 3339 in UTC, as the collector writes it, sorts by time.
    if summary.collected.finished > head.collected.finished {
        return Err(refuse("it was collected later".to_owned()));
    }
    let name = path.canonicalize().ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    Ok(Previous::new(&name.unwrap_or_else(|| id.clone()), &id))
}

/// A bundle that is whole, with everything in it.
pub(super) fn bundle(path: &Path) -> Result<Option<(Payload, Verdict)>, CliError> {
    let is_folder = path.is_dir();
    if is_folder && !path.join(crate::bundle::BAGIT.0).is_file() {
        return Ok(None);
    }
    let bag = Bag::open(path).map_err(CliError::read(path))?;
    let verdict = verify(&bag, Expected::default()).map_err(CliError::read(path))?;
    if verdict.id.is_none() {
        return Ok(None);
    }
    if let Some(problem) = verdict.problems.first() {
        let problem = format!("{}: {}", problem.file, problem.what);
        return Err(SealError::NotWhole { path: path.to_owned(), problem }.into());
    }
    let assessment = format!("{DATA}assessment.json");
    let head = bag.read(&assessment).and_then(AssessmentHead::read).map_err(CliError::read(path))?;
    let names = bag.names().map_err(CliError::read(path))?;
    let bag = Rc::new(bag);
    let files = names.into_iter().map(|name| (name.clone(), Source::Bag(Rc::clone(&bag), name))).collect();
    Ok(Some((Payload { files, head, record: None }, verdict)))
}
