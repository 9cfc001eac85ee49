//! `--store`: evidence is sealed and kept in a record that is only added to.

use std::io;
use std::path::Path;

use super::args::{BundleArgs, MarkArgs, OutputArgs, StoreArgs};
use super::bundle::{Before, Done, Sealing, seal_and_sign};
use super::error::{CliError, Exit};
use super::marks::{MarkError, Marks};
use super::output::{Destination, Staged, print, requests_jsonl, write_documents};
use super::replace::{REQUESTS, SNAPSHOT};
use crate::bundle::{AssessmentHead, Counting, Digested, MOST_SUMMARY, Previous};
use crate::history::since::{Before as Earlier, since};
use crate::history::store::{Added, Entry, PARAGRAPH, Retention, Same, Store};
use crate::model::{Assessment, BundleBefore, Since};
use crate::report::{DEFAULTS, Format, escape, json};
use crate::snapshot::{Finishing, Snapshot, private};

/// A store that was named, and can be reached.
pub(super) struct Record {
    store: Store,
    marks: Marks,
}

/// What goes into a record.
pub(super) struct Keeping<'a> {
    /// What was found.
    pub(super) assessment: &'a Assessment,
    /// Since when.
    pub(super) since: Option<&'a Since>,
    /// What it was found in.
    pub(super) snapshot: &'a Snapshot,
    /// By which own controls.
    pub(super) controls: &'a [std::path::PathBuf],
    /// The workspace that is kept beside them.
    pub(super) workspace: Option<&'a super::workspace::Found>,
}

/// A bundle in a record.
pub(super) struct Kept {
    done: Done,
    added: Added,
    previous: Option<Previous>,
    notes: Vec<String>,
}

impl Kept {
    /// What is odd about the record, which is said with `--quiet`, too.
    fn warnings(&self) -> Vec<(&'static str, String)> {
        let fork =
            |other: &String| ("▲ Fork", format!("{other} follows the same bundle: two runs at the same time, or a copy of the record"));
        self.added.beside.iter().map(fork).chain(self.notes.iter().map(|note| ("▲ Damaged", note.clone()))).collect()
    }
}

impl Record {
    /// Opens the store and sees that it answers, before anything is asked of a cluster.
    pub(super) fn open(args: &StoreArgs, marks: &MarkArgs, finishing: &Finishing) -> Result<Option<Self>, CliError> {
        let Some(text) = &args.store else {
            let why = "only what is sealed is signed or stamped; `bundle` and --store STORE seal";
            return marks.first().map_or(Ok(None), |flag| Err(CliError::Pointless { flag, why }));
        };
        if let Some(flag) = marks.by_hand() {
            return Err(CliError::Pointless { flag, why: "a bundle is added to a record at once, and stays as it is" });
        }
        let marks = Marks::prepare(marks, false, finishing)?;
        let store = Store::open(text)?;
        store.ready()?;
        Ok(Some(Self { store, marks }))
    }

    /// Since when the findings of an assessment stand, by the bundle that it follows in the record. The same assessment again follows the
    /// same bundle. None where that bundle cannot be read: why not is said when this one is added.
    pub(super) fn since(&self, assessment: &Assessment) -> Option<Since> {
        let (cluster, time) = self.store.named(assessment.cluster.uid.as_deref(), &assessment.collected.finished).ok()?;
        let following = self.store.following(&cluster, &time).ok()?;
        // Its own previous.json names the same one.
        let again = following.same.iter().find(|same| same.assessment == digest(assessment));
        let previous = again.map_or(following.previous.as_ref(), |same| same.previous.as_ref());
        let Some(previous) = previous else { return Some(since(None, assessment)) };
        let entry = self.store.entry(&cluster, &previous.name).ok()??;
        let summary = super::history::summary(&self.store, &entry).ok()?;
        let carried = self.store.member(&entry, "data/since.json", MOST_SUMMARY).ok()?;
        let bundle = BundleBefore { name: previous.name.clone(), id: previous.id.clone(), finished: summary.collected.finished };
        // What does not carry anything begins anew; what carries something that cannot be read would make old findings young.
        let carried = match carried.map(|bytes| serde_json::from_slice(&bytes)).transpose() {
            Ok(carried) => carried,
            Err(error) => {
                let place = entry.path();
                super::tell(&format!("Since when findings stand is not said: data/since.json of {place} cannot be read ({error})."));
                return None;
            }
        };
        let (catalog, tool) = (summary.catalog.sha256, summary.tool);
        Some(since(Some(&Earlier { bundle, catalog, tool, record: summary.record?, since: carried }), assessment))
    }

    /// Writes the evidence of an assessment, seals it and adds it. Of evidence that cannot be kept it is said where it lies.
    pub(super) fn keep(&self, keeping: &Keeping<'_>, output: &OutputArgs, finishing: &Finishing) -> Result<Kept, CliError> {
        let Keeping { assessment, since, snapshot, controls, workspace } = keeping;
        // Whether it can have a place is known before it is made.
        self.store.named(assessment.cluster.uid.as_deref(), &assessment.collected.finished)?;
        let temporary = std::env::temp_dir();
        let scratch = finishing.make(|| private::scratch("kube-hipaa-", "", &temporary)).ok_or(CliError::Interrupted)?;
        let scratch = scratch.map_err(CliError::write(&temporary))?;
        let evidence = scratch.path().join("evidence");
        let staged = Staged::new(&evidence, false, finishing)?;
        for name in snapshot.files() {
            staged.write_with(&format!("{SNAPSHOT}/{name}"), |out| snapshot.copy(&name, out))?;
        }
        write_documents(&staged, &formats(output)?, assessment, *since)?;
        if let Some(found) = workspace {
            found.copy_into(&staged)?;
        }
        staged.write(REQUESTS, &requests_jsonl(&snapshot.index().requests))?;
        staged.commit_listed()?;
        match self.seal((&evidence, None), controls, scratch.path(), finishing) {
            Ok(kept) => Ok(kept),
            // It is there, and only its marks are not.
            Err(source @ CliError::Mark(MarkError::Stored { .. })) => Err(source),
            Err(source) => {
                // Nothing is lost.
                let place = scratch.keep().join("evidence");
                super::tell(&format!(
                    "The evidence was not stored. It is in {}; `kube-hipaa bundle {} --store STORE` stores it.",
                    place.display(),
                    place.display()
                ));
                Err(source)
            }
        }
    }

    /// Seals an evidence folder (with a snapshot that lies elsewhere) and adds it. The bundle is made in `scratch`.
    pub(super) fn seal(
        &self,
        (evidence, snapshot): (&Path, Option<&Path>),
        controls: &[std::path::PathBuf],
        scratch: &Path,
        finishing: &Finishing,
    ) -> Result<Kept, CliError> {
        let path = evidence.join("assessment.json");
        let head = std::fs::File::open(&path).and_then(AssessmentHead::read).map_err(CliError::read(&path))?;
        let (cluster, time) = self.store.named(head.cluster.uid.as_deref(), &head.collected.finished)?;
        let following = self.store.following(&cluster, &time)?;
        let sealed = |name: &str, previous: &Option<Previous>, marks: &Marks| {
            let output = scratch.join(name);
            let before = previous.clone().map_or(Before::None, Before::Named);
            let sealing = Sealing { evidence, controls, snapshot, before, marks, output: &output, force: false, world_readable: false };
            seal_and_sign(&sealing, finishing)
        };
        // The same evidence again is the same bundle: it must not follow itself.
        let assessed = std::fs::File::open(&path).and_then(Digested::of).map_err(CliError::read(&path))?.sha256;
        for (number, Same { entry, previous, .. }) in
            following.same.iter().filter(|same| same.assessment.as_ref() == Some(&assessed)).enumerate()
        {
            // Only its id is wanted.
            let mut done = sealed(&format!("again-{number}.zip"), previous, &Marks::default())?;
            if self.store.holds(entry, &done.id) {
                (done.key, done.stamp) = self.marks.are_on(&self.store.marks(entry)?, &self.place(entry))?;
                let added = self.store.found(entry, previous.as_ref())?;
                return Ok(Kept { done, added, previous: previous.clone(), notes: following.notes });
            }
        }
        let done = sealed("bundle.zip", &following.previous, &self.marks)?;
        let added = self.store.add(&cluster, &time, &done.id, following.previous.as_ref(), &done.place)?;
        Ok(Kept { done, added, previous: following.previous, notes: following.notes })
    }

    /// Where a bundle of the store lies.
    fn place(&self, entry: &Entry) -> String {
        format!("{}/{}", self.store.shown().trim_end_matches('/'), entry.path())
    }

    /// What a run says of the bundle that it added.
    pub(super) fn told(&self, kept: &Kept) -> String {
        let Kept { done, added, previous, .. } = kept;
        let before =
            previous.as_ref().map_or_else(|| "none: the record of this cluster begins here".to_owned(), |before| before.name.clone());
        let verb = if added.was_there { "it was there already; read and compared" } else { "read back and compared" };
        let mut lines = vec![("Stored", self.place(&added.entry)), ("", verb.to_owned()), ("Id", done.id.clone()), ("Before", before)];
        lines.extend(done.key.as_ref().map(|key| ("Signed", format!("by {key}"))));
        lines.extend(done.stamp.as_ref().map(|stamp| ("Stamped", format!("{} by {}", stamp.time, stamp.authority))));
        lines.extend(kept_lines(&added.retention, &added.rules, &done.head.collected.finished));
        lines.extend(kept.warnings());
        lines.into_iter().map(|(label, text)| format!("{label:<9} {}\n", escape::terminal(&text))).collect()
    }
}

/// `bundle EVIDENCE --store STORE`.
pub(super) fn bundle(args: &BundleArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    for (given, flag) in [(args.force, "--force"), (args.world_readable, "--world-readable")] {
        if given {
            return Err(CliError::Pointless { flag, why: "a record is only added to, and who may read it is a matter of the store" });
        }
    }
    let Some(record) = Record::open(&args.store, &args.marks, finishing)? else { return Err(CliError::NeedsFolder) };
    let temporary = std::env::temp_dir();
    let scratch = finishing.make(|| private::scratch("kube-hipaa-", "", &temporary)).ok_or(CliError::Interrupted)?;
    let scratch = scratch.map_err(CliError::write(&temporary))?;
    let kept = record.seal((&args.evidence, args.snapshot.as_deref()), &args.controls, scratch.path(), finishing)?;
    print(record.told(&kept).as_bytes())?;
    Ok(Exit::Done)
}

/// Adds to the record what was assessed, and says so: on standard output, where no document stands there.
pub(super) fn add(
    record: Option<&Record>,
    keeping: &Keeping<'_>,
    (output, to_stdout): (&OutputArgs, bool),
    finishing: &Finishing,
) -> Result<(), CliError> {
    let Some(record) = record else { return Ok(()) };
    let kept = record.keep(keeping, output, finishing)?;
    let place = record.place(&kept.added.entry);
    super::log::event("stored", [("place", place.into()), ("id", kept.done.id.clone().into())]);
    match (output.quiet, to_stdout) {
        (true, _) => {
            kept.warnings().iter().for_each(|(label, text)| super::tell(&format!("{label}: {text}")));
            Ok(())
        }
        (false, true) => {
            super::tell(&record.told(&kept));
            Ok(())
        }
        (false, false) => print(format!("\n{}", record.told(&kept)).as_bytes()),
    }
}

/// The digest of an assessment as it is written.
fn digest(assessment: &Assessment) -> Option<String> {
    let mut written = Counting::new(io::sink());
    json::write(assessment, &mut written).ok().map(|()| written.finish().sha256)
}

/// Whether a document goes to standard output.
pub(super) fn to_stdout(destination: &Destination) -> bool {
    matches!(destination, Destination::Stdout(_))
}

/// What the store says of how long it keeps a bundle, as evidence.
pub(super) fn kept_lines(of_bundle: &Retention, of_store: &Retention, finished: &str) -> Vec<(&'static str, String)> {
    let mut lines = vec![("Kept", of_bundle.words())];
    if of_store.is_seen() && of_store.kept != of_bundle.kept {
        lines.push(("", format!("by default {}", of_store.words())));
    }
    if of_bundle.is_seen() || of_store.is_seen() {
        let said_by = if of_bundle.is_seen() { &of_bundle.said_by } else { &of_store.said_by };
        let reach = match of_bundle.reaches_six_years(finished) {
            Some(true) => "; it reaches six years beyond the collection",
            Some(false) => "; it ends before six years after the collection",
            None => "",
        };
        lines.push(("", format!("observed: {said_by}{reach}; evidence relevant to {PARAGRAPH}, grade A")));
    } else {
        lines.push(("", format!("nothing is concluded about {PARAGRAPH}")));
    }
    lines
}

/// The documents in sealed evidence: those that were asked for, and those that every bundle has.
fn formats(output: &OutputArgs) -> Result<Vec<&'static dyn Format>, CliError> {
    let mut formats = DEFAULTS.to_vec();
    for name in &output.format {
        let more = super::output::format(name)?;
        if !formats.iter().any(|format| format.name() == more.name()) {
            formats.push(more);
        }
    }
    Ok(formats)
}
