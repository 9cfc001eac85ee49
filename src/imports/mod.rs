//! Files that people hand over: what no API shows. Each kind has its own strict reader, and is known by what the file says it is, never
//! by its name. Nothing here reads the disk.

mod audit_policy;

use serde::Deserialize;

use crate::model::AuditPolicy;

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImportProblem {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, where it is known.
    pub column: Option<u64>,
    /// What is wrong and what is expected.
    pub message: String,
}

/// What a file was understood to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// `audit.k8s.io/v1`, `Policy`.
    AuditPolicy(AuditPolicy),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: Option<String>,
    kind: Option<String>,
}

/// Reads a file, or says everything that is wrong with it.
pub fn read(text: &str) -> Result<Imported, Vec<ImportProblem>> {
    let head: Head = serde_saphyr::from_str(text).map_err(|error| vec![yaml(&error)])?;
    let (version, kind) = (head.api_version.unwrap_or_default(), head.kind.unwrap_or_default());
    match (version.split_once('/'), kind.as_str()) {
        (Some(("audit.k8s.io", "v1")), "Policy") => audit_policy::read(text).map(Imported::AuditPolicy),
        (Some(("audit.k8s.io", other)), "Policy") => Err(vec![whole(format!(
            "an audit policy of the version {other}: an API server reads audit.k8s.io/v1 and no other (since Kubernetes 1.24)"
        ))]),
        _ if version.is_empty() || kind.is_empty() => {
            Err(vec![whole("it says neither `apiVersion` nor `kind`, or only one of them, so that nobody knows what it is".to_owned())])
        }
        _ => Err(vec![whole(format!("{kind} of {version} is not read by this version; it reads Policy of audit.k8s.io/v1"))]),
    }
}

/// A problem of the whole file.
fn whole(message: String) -> ImportProblem {
    ImportProblem { line: 1, column: Some(1), message }
}

/// What the reader of YAML says.
fn yaml(error: &serde_saphyr::Error) -> ImportProblem {
    let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    // The first line holds the message; the rest is a picture of the file.
    let message = message.lines().next().unwrap_or("not valid YAML");
    let place = error.location().map(|at| format!("line {} column {}: ", at.line(), at.column())).unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = message.strip_prefix(place.as_str()).unwrap_or(message).to_owned();
    let line = error.location().map_or(1, |at| at.line()).max(1);
    ImportProblem { line, column: error.location().map(|at| at.column()), message }
}
