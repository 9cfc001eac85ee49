use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One RBAC rule, as it would stand in a Role or ClusterRole (`rbac.authorization.k8s.io/v1` PolicyRule), together with where it
/// has to be bound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AccessRule {
    /// The verbs: only `get` and `list` ever occur.
    pub verbs: Vec<String>,
    /// API groups; empty for non-resource URLs.
    #[serde(default, rename = "apiGroups", skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// Resource plurals; empty for non-resource URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Object names, for reads by name.
    #[serde(default, rename = "resourceNames", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// URL paths such as `/metrics`.
    #[serde(default, rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
    /// The namespace in which a Role is enough; absent where a ClusterRole is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl std::fmt::Display for AccessRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.verbs.join(","))?;
        if !self.non_resource_urls.is_empty() {
            return write!(f, " {}", self.non_resource_urls.join(","));
        }
        for (i, resource) in self.resources.iter().enumerate() {
            write!(f, "{}{resource}", if i == 0 { " " } else { "," })?;
        }
        match self.api_groups.first() {
            Some(group) if !group.is_empty() => write!(f, ".{group}")?,
            _ => {}
        }
        if !self.resource_names.is_empty() {
            write!(f, " named {}", self.resource_names.join(", "))?;
        }
        if let Some(namespace) = &self.namespace {
            write!(f, " in {namespace}")?;
        }
        Ok(())
    }
}
