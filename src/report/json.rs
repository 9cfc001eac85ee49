//! `assessment.json`: the contract that scripts and auditors' tools rest on.

use std::io::{self, BufWriter, Write};

use serde::Deserialize;

use super::{Document, File, Format, ReportError, Reported};
use crate::model::{ASSESSMENT_SCHEMA, Assessment, v1};

/// `assessment.json`.
pub(super) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }
    fn files(&self) -> &'static [File] {
        &[File { name: "assessment.json", mark: "kube-hipaa/assessment/" }]
    }
    fn description(&self) -> &'static str {
        "the whole assessment for programs, and for writing the other formats again later"
    }
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
        Ok(vec![Document::written("assessment.json", reported.assessment, write)])
    }
}

/// Writes the bytes of `assessment.json`.
///
/// # Errors
/// Where `out` takes nothing more.
pub fn write(assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    // An assessment has no key that is not a string and no value that is not serialisable: what fails is `out`.
    serde_json::to_writer_pretty(&mut out, assessment)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A file is not an assessment that this version can read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON, or not an object with a `schema`.
    #[error("this is not an assessment: it has no `schema`; give the assessment.json of an evidence folder")]
    NotAnAssessment(#[source] serde_json::Error),
    /// It is an assessment of another version of the format, or another file altogether.
    #[error(
        "the file says schema `{found}`, and this version reads `{ASSESSMENT_SCHEMA}`; use the version of kube-hipaa that wrote it, or assess its snapshot again"
    )]
    OtherSchema {
        /// What the file says.
        found: String,
    },
    /// What it says does not agree with what it holds.
    #[error("the assessment says what it does not show: {0}; it was changed, take the original file, or assess its snapshot again")]
    Contradicts(v1::Contradiction),
    /// The schema is right and the content is not.
    #[error("the assessment is damaged or was changed by hand; take the original file, or assess its snapshot again")]
    Damaged(#[source] serde_json::Error),
}

/// Reads a saved `assessment.json`.
pub fn read(bytes: &[u8]) -> Result<Assessment, ReadError> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(ReadError::NotAnAssessment)?;
    if head.schema != ASSESSMENT_SCHEMA {
        return Err(ReadError::OtherSchema { found: super::escape::clip(&super::escape::visible(&head.schema), 80) });
    }
    let assessment = serde_json::from_slice(bytes).map_err(ReadError::Damaged)?;
    v1::agrees(&assessment).map_err(ReadError::Contradicts)?;
    Ok(assessment)
}

/// The JSON Schema (2020-12) of `assessment.json`, generated from the model.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Assessment);
    schema.insert("title".to_owned(), "kube-hipaa assessment".into());
    if let Some(field) = schema.pointer_mut("/properties/schema").and_then(serde_json::Value::as_object_mut) {
        field.insert("const".to_owned(), ASSESSMENT_SCHEMA.into());
    }
    schema.to_value()
}
