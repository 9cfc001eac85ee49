//! `bundle`: seals an evidence folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::args::BundleArgs;
use super::error::{CliError, Exit};
use super::inputs::{self, MOST_ASSESSMENT};
use super::output::{Staged, print};
use super::replace::{REQUESTS, SNAPSHOT, foreign_in_evidence};
use super::verify::size;
use crate::bundle::{
    About, AssessmentHead, Bag, Digested, Expected, MANIFEST, MOST_PACKED, Packer, Previous, Sealed, Summary, base_name, looks_like_one,
    odd, tag_files, verify,
};
use crate::catalog::{CATALOG_VERSION, Catalog, OverlayFolder, built_in_files};
use crate::model::CatalogIdentity;
use crate::report::{escape, json};
use crate::snapshot::{DESKTOP, Finishing, Snapshot};

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
            Self::Changed { .. } => "Take the folder as it was written, or write the documents again from the snapshot.".to_owned(),
            Self::OtherCatalog { advice, .. } => advice.clone(),
            Self::Previous { path, .. } => {
                format!("`kube-hipaa verify {}` says more; or begin a new chain without --previous.", path.display())
            }
            Self::Place { .. } => "Choose another place.".to_owned(),
            Self::Name { .. } => "Rename it with letters, digits, `.`, `_` and `-` of ASCII, and assess again.".to_owned(),
            Self::TooLarge { .. } => "Write a folder: leave out the ending .zip.".to_owned(),
        }
    }
}

/// Where the bytes of a file come from.
enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl Source {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(bytes.as_slice()),
            Self::File(path) => Box::new(BufReader::with_capacity(128 * 1024, File::open(path)?)),
        })
    }
}

/// Everything below `data/`, with what it is about.
struct Payload {
    files: BTreeMap<String, Source>,
    head: AssessmentHead,
}

/// `bundle`.
pub(super) fn run(args: &BundleArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let zipped = args.output.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    let staged = stage(args, zipped, finishing)?;
    let mut payload = evidence(&args.evidence)?;
    catalog(args, &mut payload)?;
    let previous = args.previous.as_deref().map(|path| before(path, &payload.head)).transpose()?;
    small(&mut payload, "data/previous.json", &previous)?;
    let summary = Summary::of(&payload.head);
    small(&mut payload, "data/summary.json", &summary)?;

    let mut digests = BTreeMap::new();
    for (name, source) in &payload.files {
        digests.insert(name.clone(), source.open().and_then(Digested::of).map_err(CliError::read(&args.evidence))?);
    }
    let bytes = digests.values().map(|file| file.size).sum();
    if zipped && bytes >= MOST_PACKED {
        return Err(SealError::TooLarge { path: args.output.clone(), bytes }.into());
    }
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: payload.head.cluster.name.clone(),
        uid: payload.head.cluster.uid.clone(),
        started: payload.head.collected.started.clone(),
        finished: payload.head.collected.finished.clone(),
    };
    let sealed = tag_files(&digests, &about);
    let number = digests.len() + sealed.files.len();
    let id = sealed.id.clone();
    let place = if zipped { pack(staged, &payload, &digests, sealed, args)? } else { unpacked(staged, &payload, &digests, sealed, args)? };
    let text = format!(
        "Sealed   {}\nId       {id}\nFiles    {number}, {}\nCluster  {}, observed {}\n\n\
         Note the id where the keeper of the bundle cannot change it. Later:\n  kube-hipaa verify {} --id {id}\n",
        place.display(),
        size(bytes),
        payload.head.cluster.name,
        payload.head.collected.finished,
        place.display(),
    );
    print(escape::terminal_lines(&text).as_bytes())?;
    Ok(Exit::Done)
}

/// The place, checked before anything is read.
fn stage(args: &BundleArgs, zipped: bool, finishing: &Finishing) -> Result<Staged, CliError> {
    let place = |why| CliError::Seal(SealError::Place { path: args.output.clone(), why });
    let real = |path: &Path| path.canonicalize().ok();
    let parent = args.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let (Some(evidence), Some(parent)) = (real(&args.evidence), real(parent))
        && (parent.starts_with(&evidence) || real(&args.output) == Some(evidence))
    {
        return Err(place("it is in the evidence that is sealed"));
    }
    if args.previous.as_deref().and_then(real).is_some_and(|previous| real(&args.output) == Some(previous)) {
        return Err(place("it is the bundle before"));
    }
    let name = args.output.file_name().ok_or_else(|| CliError::NoName(args.output.clone()))?.to_string_lossy().into_owned();
    let staged = if zipped {
        Staged::beside(&args.output, &name, args.force, finishing, replaceable)
    } else {
        Staged::new_for(&args.output, args.force, finishing, replaceable)
    };
    Ok(staged?.readable(args.world_readable))
}

/// An error unless `target` is not there, holds nothing, or is a bundle.
fn replaceable(target: &Path) -> Result<(), CliError> {
    let Ok(metadata) = target.symlink_metadata() else { return Ok(()) };
    let not_ours = |why: String| Err(CliError::NotOurs { path: target.to_owned(), why });
    if metadata.is_symlink() {
        return not_ours("it is a symbolic link".to_owned());
    }
    let is_empty = if metadata.is_dir() {
        std::fs::read_dir(target).map_err(CliError::read(target))?.next().is_none()
    } else {
        metadata.is_file() && metadata.len() == 0
    };
    if is_empty {
        return Ok(());
    }
    match Bag::open(target).and_then(|bag| looks_like_one(&bag)) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => not_ours(why),
        Err(error) => not_ours(error.to_string()),
    }
}

/// The evidence, when it is whole and as it was written.
fn evidence(folder: &Path) -> Result<Payload, CliError> {
    let refuse = |why: String| CliError::Seal(SealError::NotEvidence { path: folder.to_owned(), why });
    let entries: io::Result<Vec<_>> = std::fs::read_dir(folder).and_then(Iterator::collect);
    let names = entries.map_err(CliError::read(folder))?.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !DESKTOP.contains(&name.as_str())).collect();
    names.sort();
    for needed in ["assessment.json", MANIFEST, REQUESTS, SNAPSHOT] {
        if !names.iter().any(|name| name == needed) {
            return Err(refuse(format!("it holds no {needed}")));
        }
    }
    if let Some(name) = foreign_in_evidence(folder, &names) {
        return Err(refuse(format!("it holds {name}, which is no part of the evidence that kube-hipaa writes")));
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
    let snapshot = Snapshot::open(&folder.join(SNAPSHOT))?;
    let path = folder.join("assessment.json");
    let bytes = inputs::read_file(&path, MOST_ASSESSMENT)?;
    // The whole of it, so that nothing is sealed that contradicts itself.
    json::read(&bytes).map_err(|source| CliError::Assessment { path: path.clone(), source })?;
    let head = AssessmentHead::read(bytes.as_slice()).map_err(CliError::read(&path))?;
    if head.snapshot_sha256 != snapshot.index_sha256() {
        return Err(refuse("its assessment.json was not made of the snapshot beside it".to_owned()));
    }
    let documents = names.into_iter().filter(|name| name != SNAPSHOT && name != MANIFEST);
    let files = documents.chain(snapshot.files().into_iter().map(|name| format!("{SNAPSHOT}/{name}")));
    // The list of digests stays behind: that of the bundle names the same files, and two lists could disagree.
    let files = files.map(|name| (format!("data/{name}"), Source::File(folder.join(&name)))).collect();
    Ok(Payload { files, head })
}

/// Adds the rules by which it was assessed.
fn catalog(args: &BundleArgs, payload: &mut Payload) -> Result<(), CliError> {
    let overlays = inputs::overlays(&args.controls)?;
    let at_hand = Catalog::without_built_in_cases(&overlays)?;
    if let Some((why, advice)) = differs(&payload.head.catalog, at_hand.identity()) {
        return Err(SealError::OtherCatalog { path: args.evidence.clone(), why, advice }.into());
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
fn before(path: &Path, head: &AssessmentHead) -> Result<Previous, CliError> {
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

/// Adds a file of JSON.
fn small(payload: &mut Payload, name: &str, value: &impl serde::Serialize) -> Result<(), CliError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| CliError::write(Path::new(name))(error.into()))?;
    payload.files.insert(name.to_owned(), Source::Bytes([bytes.as_slice(), b"\n"].concat()));
    Ok(())
}

/// What was digested and what was written must be the same.
fn same(name: &str, written: &Digested, digests: &BTreeMap<String, Digested>, evidence: &Path) -> Result<(), CliError> {
    if digests.get(name).is_none_or(|digested| digested == written) {
        return Ok(());
    }
    let problems = vec![format!("{name}: it changed while it was sealed")];
    Err(SealError::Changed { path: evidence.to_owned(), problems }.into())
}

fn with_tags(payload: &Payload, sealed: Sealed) -> Vec<(String, Source)> {
    let tags = sealed.files.into_iter().map(|(name, bytes)| (name, Source::Bytes(bytes)));
    let data = payload.files.iter().map(|(name, source)| {
        let source = match source {
            Source::Bytes(bytes) => Source::Bytes(bytes.clone()),
            Source::File(path) => Source::File(path.clone()),
        };
        (name.clone(), source)
    });
    let mut all: Vec<(String, Source)> = tags.chain(data).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn unpacked(
    staged: Staged,
    payload: &Payload,
    digests: &BTreeMap<String, Digested>,
    sealed: Sealed,
    args: &BundleArgs,
) -> Result<PathBuf, CliError> {
    for (name, source) in with_tags(payload, sealed) {
        let mut from = source.open().map_err(CliError::read(&args.evidence))?;
        let written = staged.write_with(&name, |out| io::copy(&mut from, out).map(drop))?;
        same(&name, &written, digests, &args.evidence)?;
    }
    staged.commit()
}

fn pack(
    staged: Staged,
    payload: &Payload,
    digests: &BTreeMap<String, Digested>,
    sealed: Sealed,
    args: &BundleArgs,
) -> Result<PathBuf, CliError> {
    const FILE: &str = "bundle.zip";
    let base = base_name(&payload.head.collected.finished, &sealed.id);
    let mut packer = Packer::new(staged.create(FILE)?);
    for (name, source) in with_tags(payload, sealed) {
        let from = source.open().map_err(CliError::read(&args.evidence))?;
        let written = packer.add(&format!("{base}/{name}"), from).map_err(|error| staged.failed(error))?;
        same(&name, &written, digests, &args.evidence)?;
    }
    packer.finish().map_err(|error| staged.failed(error))?;
    staged.commit_only(Some(FILE))
}
