//! Files that say what a cluster cannot: read, laid beside the snapshot, and named.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use crate::digest::sha256_hex;
use crate::imports::{ImportProblem, Imported, read};
use crate::model::{AUDIT_POLICIES, Assessment, AuditPolicy, IMPORTS, ImportedFile, ImportedName};
use crate::snapshot::Snapshot;

/// A file that was understood.
#[derive(Clone, Debug)]
pub(super) struct Import {
    /// Below the workspace, such as `imports/audit-policy.yaml`.
    path: String,
    sha256: String,
    policy: AuditPolicy,
}

impl Import {
    /// Reads the text of a file.
    pub(super) fn of(path: &str, text: &str) -> Result<Self, Vec<ImportProblem>> {
        let Imported::AuditPolicy(policy) = read(text)?;
        Ok(Self { path: path.to_owned(), sha256: sha256_hex(text.as_bytes()), policy })
    }

    /// Its path below the workspace.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What was taken from it.
    pub(super) fn explained(&self) -> String {
        let rules = self.policy.rules.len();
        format!(
            "{}: an audit policy (Policy of audit.k8s.io/v1) with {rules} rule{}; sha256 {}. Rules, levels and stages go into the tables \
             `audit_policy` and `audit` (grade D); metadata and comments are not taken. It names no cluster: that it is of this one, whoever hands it over says.",
            self.path,
            if rules == 1 { "" } else { "s" },
            self.sha256
        )
    }

    /// As tables read it.
    pub(super) fn json(&self) -> Option<String> {
        let Self { path, sha256, policy } = self.clone();
        serde_json::to_string(&ImportedFile { metadata: ImportedName { name: path }, sha256, policy }).ok()
    }
}

/// The snapshot with these files beside it.
pub(super) fn beside<'s>(imports: &[Import], snapshot: &'s Snapshot) -> Cow<'s, Snapshot> {
    if imports.is_empty() {
        return Cow::Borrowed(snapshot);
    }
    let objects: BTreeMap<String, String> = imports.iter().filter_map(|one| Some((one.path.clone(), one.json()?))).collect();
    Cow::Owned(snapshot.with_handed_over(&AUDIT_POLICIES, ("Policy", "v1"), objects))
}

/// The snapshot of an assessment with the files that were beside it: `open` gives the bytes of one, by its path below the workspace. What
/// is not as the assessment names it is left out.
pub(super) fn as_assessed(assessment: &Assessment, snapshot: Snapshot, open: impl Fn(&str) -> io::Result<Vec<u8>>) -> Snapshot {
    let files = assessment.workspace.iter().flat_map(|used| &used.files);
    let of_imports = files.filter(|(path, _)| path.strip_prefix(IMPORTS).is_some_and(|rest| rest.starts_with('/')));
    let read = |(path, sha256): (&String, &String)| {
        let bytes = open(path).ok().filter(|bytes| sha256_hex(bytes) == *sha256)?;
        Import::of(path, &String::from_utf8(bytes).ok()?).ok()
    };
    let imports: Vec<Import> = of_imports.filter_map(read).collect();
    match beside(&imports, &snapshot) {
        Cow::Owned(with) => with,
        Cow::Borrowed(_) => snapshot,
    }
}
