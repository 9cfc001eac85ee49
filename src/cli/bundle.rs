//! `bundle`: seals an evidence folder, signs and stamps it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::BundleArgs;
use super::error::{CliError, Exit};
pub use super::evidence::SealError;
use super::evidence::{self, Payload, Source};
use super::marks::Marks;
use super::output::{Staged, print};
use super::verify::size;
use crate::bundle::{
    About, AssessmentHead, Bag, DATA, Digested, MOST_PACKED, MOST_SUMMARY, Packer, Previous, SIGNATURE, Summary, TAG_MANIFEST, TIMESTAMP,
    Verdict, base_name, looks_like_one, tag_files,
};
use crate::report::escape;
use crate::signing::Stamp;
use crate::snapshot::Finishing;

/// What is sealed, by which rules, and where to.
pub(super) struct Sealing<'a> {
    /// The evidence folder; or a bundle, which is signed or stamped.
    pub(super) evidence: &'a Path,
    /// Folders of own controls by which it was assessed.
    pub(super) controls: &'a [PathBuf],
    /// The snapshot, where the evidence holds none.
    pub(super) snapshot: Option<&'a Path>,
    /// The bundle before.
    pub(super) before: Before<'a>,
    /// How it is signed and stamped.
    pub(super) marks: &'a Marks,
    /// The bundle: a folder, or a file that ends in `.zip`.
    pub(super) output: &'a Path,
    /// Whether a bundle that is there is replaced.
    pub(super) force: bool,
    /// Whether everybody may read it.
    pub(super) world_readable: bool,
}

/// The bundle before.
pub(super) enum Before<'a> {
    /// There is none.
    None,
    /// It is verified first.
    Bundle(&'a Path),
    /// It was verified.
    Named(Previous),
}

/// A bundle that was written.
pub(super) struct Done {
    /// Where.
    pub(super) place: PathBuf,
    /// Its id.
    pub(super) id: String,
    /// How many files it has.
    pub(super) files: usize,
    /// Bytes below `data/`.
    pub(super) bytes: u64,
    /// What it is about.
    pub(super) head: AssessmentHead,
    /// Fingerprint of the key that signed it.
    pub(super) key: Option<String>,
    /// Its timestamp.
    pub(super) stamp: Option<Stamp>,
}

/// `bundle`.
pub(super) fn run(args: &BundleArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let Some(output) = args.output.as_deref() else { return super::record::bundle(args, finishing) };
    let marks = Marks::prepare(&args.marks, args.force, finishing)?;
    let sealing = Sealing {
        evidence: &args.evidence,
        controls: &args.controls,
        snapshot: args.snapshot.as_deref(),
        marks: &marks,
        before: args.previous.as_deref().map_or(Before::None, Before::Bundle),
        output,
        force: args.force,
        world_readable: args.world_readable,
    };
    let done = seal_and_sign(&sealing, finishing)?;
    let request = marks.commit()?;
    print(escape::terminal_lines(&said(&done, request.as_deref())).as_bytes())?;
    Ok(Exit::Done)
}

/// What people are told.
fn said(done: &Done, request: Option<&Path>) -> String {
    let place = done.place.display();
    let mut rows = vec![
        ("Sealed", place.to_string()),
        ("Id", done.id.clone()),
        ("Files", format!("{}, {}", done.files, size(done.bytes))),
        ("Cluster", format!("{}, observed {}", done.head.cluster.name, done.head.collected.finished)),
    ];
    rows.extend(done.key.as_ref().map(|key| ("Signed", format!("by {key}"))));
    rows.extend(done.stamp.as_ref().map(|stamp| ("Stamped", format!("{} by {}", stamp.time, stamp.authority))));
    rows.extend(request.map(|request| ("Request", request.display().to_string())));
    let mut text: String = rows.iter().map(|(label, value)| format!("{label:<9}{value}\n")).collect();
    text.push_str(&format!(
        "\nNote the id where the keeper of the bundle cannot change it. Later:\n  kube-hipaa verify {place} --id {}\n",
        done.id
    ));
    if let Some(request) = request {
        text.push_str(&format!(
            "\nSend the request to a timestamp authority, and add what it answers:\n  \
             curl -sS -H 'Content-Type: application/timestamp-query' --data-binary @{} URL -o REPLY\n  \
             kube-hipaa bundle {place} -o STAMPED --timestamp-reply REPLY --timestamp-request {}\n",
            request.display(),
            request.display()
        ));
    }
    text
}

/// Seals evidence, signs and stamps it as it was asked for, and writes the bundle; an error means that none was written.
pub(super) fn seal_and_sign(sealing: &Sealing<'_>, finishing: &Finishing) -> Result<Done, CliError> {
    let zipped = sealing.output.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    let staged = stage(sealing, zipped, finishing)?;
    let marks = sealing.marks;
    let mut whole = match evidence::bundle(sealing.evidence)? {
        Some(bundle) => sealed_before(sealing, marks, bundle)?,
        None => seal(sealing)?,
    };
    let bytes = whole.digests.iter().filter(|(name, _)| name.starts_with(DATA)).map(|(_, file)| file.size).sum();
    if zipped && bytes >= MOST_PACKED {
        return Err(SealError::TooLarge { path: sealing.output.to_owned(), bytes }.into());
    }
    let marked = marks.make(&whole.list, &whole.head.collected.finished, finishing)?;
    whole.files.extend(marked.files.into_iter().map(|(name, bytes)| (name, Source::Bytes(bytes))));
    let write = if zipped { pack } else { unpacked };
    let files = whole.files.len();
    let place = write(staged, &whole, sealing.evidence)?;
    Ok(Done { place, id: whole.id, files, bytes, head: whole.head, key: marked.key, stamp: marked.stamp })
}

/// A bundle that is not written yet.
struct Whole {
    files: BTreeMap<String, Source>,
    /// Of those that a list names.
    digests: BTreeMap<String, Digested>,
    /// The list that is signed.
    list: Vec<u8>,
    id: String,
    head: AssessmentHead,
}

/// Seals evidence.
fn seal(sealing: &Sealing<'_>) -> Result<Whole, CliError> {
    let mut payload = evidence::evidence(sealing.evidence, sealing.snapshot)?;
    evidence::catalog(sealing, &mut payload)?;
    let previous = match &sealing.before {
        Before::None => None,
        Before::Bundle(path) => Some(evidence::before(path, &payload.head)?),
        Before::Named(previous) => Some(previous.clone()),
    };
    let bytes = Previous::file(previous.as_ref()).map_err(CliError::write(Path::new("data/previous.json")))?;
    payload.files.insert("data/previous.json".to_owned(), Source::Bytes(bytes));
    let summary = Summary { record: payload.record.clone(), ..Summary::of(&payload.head) };
    let mut bytes = serde_json::to_vec_pretty(&summary).map_err(|error| CliError::write(Path::new("data/summary.json"))(error.into()))?;
    bytes.push(b'\n');
    if bytes.len() as u64 > MOST_SUMMARY {
        // Nobody could verify it.
        return Err(CliError::TooLarge { path: sealing.evidence.join("assessment.json"), most: MOST_SUMMARY });
    }
    payload.files.insert("data/summary.json".to_owned(), Source::Bytes(bytes));
    let digests = digests(&payload.files, sealing.evidence)?;
    let Payload { mut files, head, .. } = payload;
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: head.cluster.name.clone(),
        uid: head.cluster.uid.clone(),
        started: head.collected.started.clone(),
        finished: head.collected.finished.clone(),
    };
    let sealed = tag_files(&digests, &about);
    let list = sealed.files.get(TAG_MANIFEST).cloned().unwrap_or_default();
    files.extend(sealed.files.into_iter().map(|(name, bytes)| (name, Source::Bytes(bytes))));
    Ok(Whole { files, digests, list, id: sealed.id, head })
}

/// A bundle that was sealed before, to be signed or stamped: everything in it stays as it is.
fn sealed_before(sealing: &Sealing<'_>, marks: &Marks, (payload, verdict): (Payload, Verdict)) -> Result<Whole, CliError> {
    let why = "a bundle that is sealed already is only signed and stamped";
    let given = [
        (!matches!(sealing.before, Before::None), "--previous"),
        (!sealing.controls.is_empty(), "--controls"),
        (sealing.snapshot.is_some(), "--snapshot"),
    ];
    if let Some((_, flag)) = given.into_iter().find(|(is_given, _)| *is_given) {
        return Err(CliError::Pointless { flag, why });
    }
    let Payload { files, head, .. } = payload;
    let list = files.get(TAG_MANIFEST).map(Source::open).transpose();
    let (Ok(Some(mut from)), Some(id), false) = (list, verdict.id, marks.is_none()) else {
        return Err(SealError::Marked { path: sealing.evidence.to_owned() }.into());
    };
    let mut list = Vec::new();
    from.read_to_end(&mut list).map_err(CliError::read(sealing.evidence))?;
    drop(from);
    let digests = digests(&files, sealing.evidence)?.into_iter().filter(|(name, _)| name != SIGNATURE && name != TIMESTAMP).collect();
    Ok(Whole { files, digests, list, id, head })
}

fn digests(files: &BTreeMap<String, Source>, evidence: &Path) -> Result<BTreeMap<String, Digested>, CliError> {
    let digested = |(name, source): (&String, &Source)| Ok((name.clone(), source.open().and_then(Digested::of)?));
    files.iter().map(digested).collect::<io::Result<_>>().map_err(CliError::read(evidence))
}

/// The place, checked before anything is read.
fn stage(args: &Sealing<'_>, zipped: bool, finishing: &Finishing) -> Result<Staged, CliError> {
    let place = |why| CliError::Seal(SealError::Place { path: args.output.to_owned(), why });
    let real = |path: &Path| path.canonicalize().ok();
    let parent = args.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let (Some(evidence), Some(parent)) = (real(args.evidence), real(parent))
        && (parent.starts_with(&evidence) || real(args.output) == Some(evidence))
    {
        return Err(place("it is in the evidence that is sealed"));
    }
    if let Before::Bundle(previous) = &args.before
        && real(previous).is_some_and(|previous| real(args.output) == Some(previous))
    {
        return Err(place("it is the bundle before"));
    }
    let name = args.output.file_name().ok_or_else(|| CliError::NoName(args.output.to_owned()))?.to_string_lossy().into_owned();
    let staged = if zipped {
        Staged::beside(args.output, &name, args.force, finishing, replaceable)
    } else {
        Staged::new_for(args.output, args.force, finishing, replaceable)
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

/// What was digested and what was written must be the same.
fn same(name: &str, written: &Digested, digests: &BTreeMap<String, Digested>, evidence: &Path) -> Result<(), CliError> {
    if digests.get(name).is_none_or(|digested| digested == written) {
        return Ok(());
    }
    let problems = vec![format!("{name}: it changed while it was sealed")];
    Err(SealError::Changed { path: evidence.to_owned(), problems }.into())
}

fn unpacked(staged: Staged, whole: &Whole, evidence: &Path) -> Result<PathBuf, CliError> {
    for (name, source) in &whole.files {
        let mut from = source.open().map_err(CliError::read(evidence))?;
        let written = staged.write_with(name, |out| io::copy(&mut from, out).map(drop))?;
        same(name, &written, &whole.digests, evidence)?;
    }
    staged.commit()
}

fn pack(staged: Staged, whole: &Whole, evidence: &Path) -> Result<PathBuf, CliError> {
    const FILE: &str = "bundle.zip";
    let base = base_name(&whole.head.collected.finished, &whole.id);
    let mut packer = Packer::new(staged.create(FILE)?);
    for (name, source) in &whole.files {
        let from = source.open().map_err(CliError::read(evidence))?;
        let written = packer.add(&format!("{base}/{name}"), from).map_err(|error| staged.failed(error))?;
        same(name, &written, &whole.digests, evidence)?;
    }
    packer.finish().map_err(|error| staged.failed(error))?;
    staged.commit_only(Some(FILE))
}
