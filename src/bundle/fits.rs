//! Whether the files of a bundle fit each other, so that those of two cannot be mixed unseen.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};

use super::content::{AssessmentHead, IndexHead, MOST_INDEX, MOST_SMALL, MOST_SUMMARY, Previous, Summary};
use super::record::{Record, RecordControl};
use super::verify::{ASSESSMENT, Check, ProblemKind};
use super::{BAG_INFO, DATA, form, info};
use crate::digest::sha256_parts;
use crate::signing::at_second;

impl Check<'_> {
    /// Whether the documents are about this snapshot; what they say, where they can be read.
    pub(super) fn contents(&mut self, prefix: &str) -> Option<Summary> {
        let (assessment, index) = (format!("{prefix}{ASSESSMENT}"), format!("{prefix}snapshot/index.json"));
        if prefix == DATA {
            self.missing(&assessment);
            self.missing(&index);
            self.missing("data/requests.jsonl");
        }
        self.digest(&assessment)?;
        let has_form = self.has_form(&assessment);
        let head = match self.bag.read(&assessment).and_then(AssessmentHead::read) {
            Ok(head) => head,
            Err(error) => {
                if has_form {
                    self.problem(&assessment, ProblemKind::Mixed, format!("it cannot be read as an assessment: {error}"));
                }
                return None;
            }
        };
        if let Some(time) = [&head.collected.started, &head.collected.finished].into_iter().find(|time| !is_utc(time)) {
            let what = format!("it was not collected at a time in UTC such as 2026-11-28T16:03:00Z, but at {}", info::one_line(time));
            self.problem(&assessment, ProblemKind::Mixed, what);
        }
        if head.hypothetical {
            self.problem(
                &assessment,
                ProblemKind::Mixed,
                "it is hypothetical: no cluster was seen like this, and nothing of it is evidence",
            );
        }
        if let Some(digest) = self.digest(&index) {
            if digest != head.snapshot_sha256 {
                let what = format!("it is not the one that {assessment} was made of: files of two scans were mixed");
                self.problem(&index, ProblemKind::Mixed, what);
            }
            self.snapshot(&index, prefix);
        }
        self.workspace(&head, prefix, &assessment);
        Some(Summary::of(&head))
    }

    /// Whether a document has the form in which it is written; whoever reads it line by line must see what is there.
    fn has_form(&mut self, name: &str) -> bool {
        match self.bag.read(name).and_then(form::check) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                // Of an archive that does not unpack it is told by its digest.
                if self.digest(name).is_some() {
                    self.problem(name, ProblemKind::Mixed, error.to_string());
                }
                false
            }
            read => read.is_ok(),
        }
    }

    /// The assessment names every file of the workspace by its digest, so that no answer can be replaced.
    fn workspace(&mut self, head: &AssessmentHead, prefix: &str, assessment: &str) {
        let folder = format!("{prefix}workspace/");
        let named: BTreeMap<String, &String> =
            head.workspace.iter().flat_map(|used| &used.files).map(|(path, sha256)| (format!("{folder}{path}"), sha256)).collect();
        for (name, sha256) in &named {
            match self.digest(name) {
                Some(digest) if digest != **sha256 => {
                    self.problem(name, ProblemKind::Mixed, format!("it is not the one that {assessment} names"));
                }
                None if !self.has(name) => self.problem(name, ProblemKind::Missing, format!("{assessment} names it, and it is not there")),
                _ => {}
            }
        }
        let others: Vec<String> =
            self.found.keys().filter(|name| name.starts_with(&folder) && !named.contains_key(*name)).cloned().collect();
        for name in others {
            self.problem(&name, ProblemKind::Mixed, format!("{assessment} does not name it"));
        }
    }

    /// The index names every file of the snapshot by its digest.
    fn snapshot(&mut self, index: &str, prefix: &str) {
        if !self.has_form(index) {
            return;
        }
        let Some(bytes) = self.bytes(index, MOST_INDEX) else { return };
        let Ok(head) = serde_json::from_slice::<IndexHead>(&bytes) else {
            return self.problem(index, ProblemKind::Mixed, "it cannot be read as the index of a snapshot");
        };
        let folder = format!("{prefix}snapshot/");
        let files = head.sources.into_iter().filter_map(|source| Some((format!("{folder}{}", source.file?), source.sha256?)));
        let named: BTreeMap<String, String> = files.collect();
        for (name, sha256) in &named {
            match self.digest(name) {
                Some(digest) if digest != *sha256 => {
                    self.problem(name, ProblemKind::Mixed, format!("it is not the one that {index} names"));
                }
                None if !self.has(name) => self.problem(name, ProblemKind::Missing, format!("{index} names it, and it is not there")),
                _ => {}
            }
        }
        let others: Vec<String> = self.found.keys().filter(|name| name.starts_with(&folder)).cloned().collect();
        for name in others.iter().filter(|name| *name != index && !named.contains_key(*name)) {
            self.problem(name, ProblemKind::Mixed, format!("{index} does not name it"));
        }
    }

    /// What sealing added fits the assessment.
    pub(super) fn beside(&mut self, summary: Option<&Summary>) {
        let (of_summary, of_previous) = ("data/summary.json", "data/previous.json");
        self.missing(of_summary);
        self.missing(of_previous);
        if let Some(bytes) = self.bytes(of_previous, MOST_SMALL) {
            match Previous::read(&bytes) {
                Some(previous) => self.previous = previous,
                None => self.problem(of_previous, ProblemKind::Chain, "it names no bundle in the way that bundles are named"),
            }
        }
        // Of an assessment that was changed it is said; that others do not fit it follows.
        let assessment = format!("{DATA}{ASSESSMENT}");
        let is_changed = self.problems.iter().any(|problem| problem.file == assessment);
        let Some(expected) = summary.filter(|_| !is_changed) else { return };
        if let Some(bytes) = self.bytes(of_summary, MOST_SUMMARY) {
            let said = serde_json::from_slice::<Summary>(&bytes).ok();
            drop(bytes);
            // Bundles of older versions hold no record.
            let has_record = said.as_ref().is_some_and(|said| said.record.is_some());
            let record = if has_record { self.bag.read(&assessment).and_then(Record::read).ok() } else { None };
            if !said.is_some_and(|said| said.says(&Summary { record, ..expected.clone() })) {
                self.problem(of_summary, ProblemKind::Mixed, "it does not say what data/assessment.json says");
            }
        }
        if let Some(info) = self.bytes(BAG_INFO, MOST_SMALL).and_then(|bytes| info::read(&bytes).ok()) {
            let uid = info::one_line(expected.cluster.uid.as_deref().unwrap_or(info::UNKNOWN));
            if info.identifier != uid || info.day != info::one_line(info::day(&expected.collected.finished)) {
                self.problem(BAG_INFO, ProblemKind::Mixed, "it is about another cluster or day than data/assessment.json");
            }
        }
        if let Some(digest) = self.catalog(expected)
            && digest != expected.catalog.sha256
        {
            self.problem("data/catalog/", ProblemKind::Mixed, "it is not the catalog that data/assessment.json names");
        }
    }

    /// The digest of the rules in `data/catalog/`, as an assessment names it.
    fn catalog(&mut self, expected: &Summary) -> Option<String> {
        const BUILT_IN: &str = "data/catalog/built-in/";
        let names: Vec<String> = self.found.keys().filter(|name| name.starts_with("data/catalog/")).cloned().collect();
        let mut digests: Vec<(String, String)> = Vec::new();
        for name in names.iter().filter_map(|name| name.strip_prefix(BUILT_IN)) {
            digests.push((name.to_owned(), self.digest(&format!("{BUILT_IN}{name}"))?));
        }
        let mut of_overlays = 0;
        for (number, overlay) in expected.catalog.overlays.iter().enumerate() {
            let folder = format!("data/catalog/overlay-{}/", number + 1);
            let mut parts: Vec<Vec<u8>> = Vec::new();
            for name in names.iter().filter(|name| name.starts_with(&folder)) {
                of_overlays += 1;
                parts.push(name.as_bytes().get(folder.len()..).unwrap_or_default().to_owned());
                parts.push(self.bytes(name, MOST_SMALL)?);
            }
            digests.push((format!("overlay {}", overlay.name), sha256_parts(parts.iter().map(Vec::as_slice))));
        }
        if digests.len() - expected.catalog.overlays.len() + of_overlays != names.len() {
            self.problem("data/catalog/", ProblemKind::Mixed, "it holds files of no catalog that data/assessment.json names");
        }
        Some(sha256_parts(digests.iter().flat_map(|(name, digest)| [name.as_bytes(), digest.as_bytes()])))
    }
}

impl Summary {
    /// Whether everything that it says stands in another. Part by part: as values of JSON they take many times their size.
    fn says(&self, expected: &Self) -> bool {
        let head = |of: &Self| {
            let Self { schema, tool, catalog, cluster, collected, totals, snapshot_sha256, record: _ } = of;
            json!([schema, tool, catalog, cluster, collected, totals, snapshot_sha256])
        };
        let rest = |of: &Record| json!([of.scope, of.unread, of.people]);
        let of_record = match (&self.record, &expected.record) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(said), Some(expected)) => {
                let control =
                    |(said, expected): (&RecordControl, &RecordControl)| said == expected || is_part(&json!(said), &json!(expected));
                said.controls.len() == expected.controls.len()
                    && is_part(&rest(said), &rest(expected))
                    && said.controls.iter().zip(&expected.controls).all(control)
            }
        };
        of_record && is_part(&head(self), &head(expected))
    }
}

/// A time as the collector writes it (RFC 3339), in UTC. In another zone it would be another day in `bag-info.txt`.
fn is_utc(text: &str) -> bool {
    const FORM: &[u8; 19] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    let behind = bytes.get(FORM.len()..).and_then(|behind| behind.strip_suffix(b"Z"));
    let fraction = |behind: &[u8]| {
        behind.is_empty()
            || matches!(behind, [b'.', digits @ ..] if (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
    };
    let is_leap = bytes.get(17) == Some(&b'6');
    bytes.iter().zip(FORM).all(fits) && behind.is_some_and(fraction) && !is_leap && at_second(text).is_some()
}

/// Whether everything that is said stands in what is expected. A bundle of an older version says less; it says nothing else.
fn is_part(said: &Value, expected: &Value) -> bool {
    match (said, expected) {
        (Value::Object(said), Value::Object(expected)) => {
            said.iter().all(|(name, value)| expected.get(name).is_some_and(|expected| is_part(value, expected)))
        }
        (Value::Array(said), Value::Array(expected)) => {
            said.len() == expected.len() && said.iter().zip(expected).all(|(said, expected)| is_part(said, expected))
        }
        (said, expected) => said == expected,
    }
}
