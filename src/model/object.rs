use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The identity of one Kubernetes object. Names may hold anything that the API accepts, control characters included:
/// every document escapes them for its own format.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRef {
    /// The kind as the API names it, such as `Deployment`.
    pub kind: String,
    /// The API group, empty for the core group.
    pub group: String,
    /// The namespace, absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`, absent where the object was only referred to and not itself read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl ObjectRef {
    /// The namespace that it concerns. A Namespace object is cluster-scoped, and what it says concerns that namespace only.
    pub fn place(&self) -> Option<&String> {
        self.namespace.as_ref().or((self.kind == "Namespace" && self.group.is_empty()).then_some(&self.name))
    }
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}
