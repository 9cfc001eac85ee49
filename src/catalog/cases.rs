//! The cases beside a control: small manifests and the outcome that they must have.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::lint::{Problem, Problems};
use crate::model::{OutcomeWord, ServedKind};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    cases: Vec<CaseFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    name: String,
    expect: OutcomeWord,
    findings: Option<usize>,
    ephi: Option<Vec<String>>,
    #[serde(default)]
    transmits: Vec<String>,
    #[serde(default)]
    administers: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, i64>,
    #[serde(default)]
    objects: String,
    #[serde(default)]
    urls: BTreeMap<String, serde_json::Value>,
    #[serde(default = "newest_server")]
    server: String,
    served: Option<Vec<ServedKind>>,
}

fn newest_server() -> String {
    "v1.36.3".to_owned()
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file it stands in.
    pub file: String,
    /// What it shows.
    pub name: String,
    /// The outcome that it must have.
    pub expect: OutcomeWord,
    /// The number of findings, where it is fixed.
    pub findings: Option<usize>,
    /// The namespaces that hold ePHI; absent means all but the system ones.
    pub ephi: Option<Vec<String>>,
    /// Namespaces that pass it on.
    pub transmits: Vec<String>,
    /// Namespaces that administer those that hold it.
    pub administers: Vec<String>,
    /// Parameters of the control that are set; they stand beside a declared scope, as in a scope file.
    pub parameters: BTreeMap<String, i64>,
    /// The objects of the cluster.
    pub objects: Vec<serde_json::Value>,
    /// Content of URLs such as `/flagz`, and of other sources that hold no objects, by name; a list is several lines (`/metrics`).
    pub urls: BTreeMap<String, serde_json::Value>,
    /// `gitVersion` of the server.
    pub server: String,
    /// What discovery lists, and nothing else; absent where the case is not about that, and discovery is not known then.
    pub served: Option<Vec<ServedKind>>,
}

/// Reads the cases beside a control.
pub fn read_cases(file: &str, text: &str) -> Result<Vec<Case>, Vec<Problem>> {
    let mut problems = Problems::default();
    let parsed: CasesFile = match serde_saphyr::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            problems.yaml(file, &error);
            return Err(problems.into_sorted());
        }
    };
    let mut cases = Vec::new();
    for case in parsed.cases {
        if case.ephi.is_none() && !case.parameters.is_empty() {
            problems.at(file, 1, format!("case `{}`: `parameters` are set by a scope, so `ephi` is to be there, too", case.name));
        }
        let objects: Result<Vec<serde_json::Value>, _> =
            if case.objects.trim().is_empty() { Ok(Vec::new()) } else { serde_saphyr::from_multiple(&case.objects) };
        match objects {
            Ok(objects) => cases.push(Case {
                file: file.to_owned(),
                name: case.name,
                expect: case.expect,
                findings: case.findings,
                ephi: case.ephi,
                transmits: case.transmits,
                administers: case.administers,
                parameters: case.parameters,
                objects: objects.into_iter().filter(|object| !object.is_null()).collect(),
                urls: case.urls,
                server: case.server,
                served: case.served,
            }),
            Err(error) => problems.at(
                file,
                1,
                format!("case `{}`: its objects are not YAML: {}", case.name, error.to_string().lines().next().unwrap_or("")),
            ),
        }
    }
    let problems = problems.into_sorted();
    if problems.is_empty() { Ok(cases) } else { Err(problems) }
}
