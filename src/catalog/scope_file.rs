use serde::Deserialize;

use super::lint::{Problem, Problems};

/// A scope file: who says which namespaces hold ePHI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeFile {
    /// Which namespaces hold ePHI.
    pub ephi: EphiScope,
    /// Who says so: a role or a name.
    #[serde(default)]
    pub declared_by: Option<String>,
    /// When, as a date.
    #[serde(default)]
    pub declared_on: Option<String>,
}

/// Namespaces by name and by label; one match is enough.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EphiScope {
    /// Names.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Label selectors such as `data=ephi`.
    #[serde(default)]
    pub selectors: Vec<String>,
}

/// Reads a scope file.
pub fn read_scope_file(file: &str, text: &str) -> Result<ScopeFile, Vec<Problem>> {
    let mut problems = Problems::default();
    match serde_saphyr::from_str::<ScopeFile>(text) {
        Ok(scope) if scope.ephi.namespaces.is_empty() && scope.ephi.selectors.is_empty() => {
            problems.at(file, 1, "`ephi` names neither namespaces nor selectors; leave --scope out to treat every namespace but the system ones as holding ePHI");
            Err(problems.into_sorted())
        }
        Ok(scope) => Ok(scope),
        Err(error) => {
            problems.yaml(file, &error);
            Err(problems.into_sorted())
        }
    }
}
