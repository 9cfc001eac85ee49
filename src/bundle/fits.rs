//! Whether the files of a bundle fit each other, so that those of two cannot be mixed unseen.

use std::collections::BTreeMap;

use super::content::{AssessmentHead, IndexHead, MOST_INDEX, MOST_SMALL, Previous, Summary};
use super::verify::{ASSESSMENT, Check, ProblemKind};
use super::{BAG_INFO, DATA, info};
use crate::digest::sha256_parts;

impl Check<'_> {
    /// Whether the documents are about this snapshot; what they say, where they can be read.
    pub(super) fn contents(&mut self, prefix: &str) -> Option<Summary> {
        let (assessment, index) = (format!("{prefix}{ASSESSMENT}"), format!("{prefix}snapshot/index.json"));
        if prefix == DATA {
            self.missing(&assessment);
            self.missing(&index);
        }
        self.digest(&assessment)?;
        let head = match self.bag.read(&assessment).and_then(AssessmentHead::read) {
            Ok(head) => head,
            Err(error) => {
                self.problem(&assessment, ProblemKind::Mixed, format!("it cannot be read as an assessment: {error}"));
                return None;
            }
        };
        if let Some(digest) = self.digest(&index) {
            if digest != head.snapshot_sha256 {
                let what = format!("it is not the one that {assessment} was made of: files of two scans were mixed");
                self.problem(&index, ProblemKind::Mixed, what);
            }
            self.snapshot(&index, prefix);
        }
        Some(Summary::of(&head))
    }

    /// The index names every file of the snapshot by its digest.
    fn snapshot(&mut self, index: &str, prefix: &str) {
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
            match serde_json::from_slice::<Option<Previous>>(&bytes) {
                Ok(previous) if previous.as_ref().is_none_or(Previous::is_good) => self.previous = previous,
                _ => self.problem(of_previous, ProblemKind::Chain, "it names no bundle in the way that bundles are named"),
            }
        }
        // Of an assessment that was changed it is said; that others do not fit it follows.
        let assessment = format!("{DATA}{ASSESSMENT}");
        let is_changed = self.problems.iter().any(|problem| problem.file == assessment);
        let Some(expected) = summary.filter(|_| !is_changed) else { return };
        if let Some(bytes) = self.bytes(of_summary, MOST_SMALL)
            && serde_json::from_slice::<Summary>(&bytes).ok().as_ref() != Some(expected)
        {
            self.problem(of_summary, ProblemKind::Mixed, "it does not say what data/assessment.json says");
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
