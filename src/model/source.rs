use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One thing that can be read from a cluster, named as kubectl names it: `pods`, `deployments.apps`, `/metrics`,
/// `configmaps/kube-system/kubeadm-config` for a read by name, `anonymous-request.probe` for a request that asks a question
/// without being a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    group: Cow<'static, str>,
    resource: Cow<'static, str>,
    object: Option<(Cow<'static, str>, Cow<'static, str>)>,
}

/// The pseudo group of requests that are questions to the server and not resources.
pub const PROBE: &str = "probe";

impl SourceId {
    /// A resource of the core group, such as `pods`.
    pub const fn core(resource: &'static str) -> Self {
        Self { group: Cow::Borrowed(""), resource: Cow::Borrowed(resource), object: None }
    }
    /// A resource of a named group.
    pub const fn group(group: &'static str, resource: &'static str) -> Self {
        Self { group: Cow::Borrowed(group), resource: Cow::Borrowed(resource), object: None }
    }
    /// A non-resource URL of the API server, such as `/metrics`.
    pub const fn url(path: &'static str) -> Self {
        Self { group: Cow::Borrowed(""), resource: Cow::Borrowed(path), object: None }
    }
    /// A question to the server that is not a resource, such as one request without credentials.
    pub const fn probe(name: &'static str) -> Self {
        Self { group: Cow::Borrowed(PROBE), resource: Cow::Borrowed(name), object: None }
    }
    /// One ConfigMap, read by name.
    pub const fn config_map(namespace: &'static str, name: &'static str) -> Self {
        Self {
            group: Cow::Borrowed(""),
            resource: Cow::Borrowed("configmaps"),
            object: Some((Cow::Borrowed(namespace), Cow::Borrowed(name))),
        }
    }
    /// A resource whose name is known only at run time (kinds that users define, such as Gatekeeper constraints).
    pub fn dynamic(group: &str, resource: &str) -> Self {
        Self { group: Cow::Owned(group.to_owned()), resource: Cow::Owned(resource.to_owned()), object: None }
    }
    /// The API group: empty for the core group and for URLs.
    pub fn api_group(&self) -> &str {
        &self.group
    }
    /// The plural resource name, or the URL path.
    pub fn resource(&self) -> &str {
        &self.resource
    }
    /// Whether it stands for every kind of an API group, because users define them.
    pub fn is_whole_group(&self) -> bool {
        self.resource == "*"
    }
    /// Namespace and name of a source that is read by name.
    pub fn object(&self) -> Option<(&str, &str)> {
        self.object.as_ref().map(|(namespace, name)| (namespace.as_ref(), name.as_ref()))
    }
    /// Whether this is a non-resource URL.
    pub fn is_url(&self) -> bool {
        self.resource.starts_with('/')
    }
    /// The file in a snapshot: `<group>.<resource>.jsonl.gz`, with `core` for the core group and `url` for URLs. Any byte that
    /// is unsafe in a file name is written as `_`; group and resource names that the API serves hold none.
    pub fn file_name(&self) -> String {
        let group = match (self.is_url(), self.group.as_ref()) {
            (true, _) => "url",
            (false, "") => "core",
            (false, group) => group,
        };
        let mut stem = format!("{group}.{}", self.resource.trim_matches('/'));
        if let Some((namespace, name)) = &self.object {
            stem.push_str(&format!(".{namespace}.{name}"));
        }
        let safe: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
        format!("{safe}.jsonl.gz")
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match &self.object {
            Some((namespace, name)) => write!(f, "/{namespace}/{name}"),
            None => Ok(()),
        }
    }
}

/// The text is not the name of a source.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` does not name a source: expected a form such as `pods`, `deployments.apps`, `/metrics` or `configmaps/NAMESPACE/NAME`")]
pub struct NotASource(String);

impl FromStr for SourceId {
    type Err = NotASource;
    fn from_str(text: &str) -> Result<Self, NotASource> {
        if text.len() > 1 && text.starts_with('/') {
            return Ok(Self::dynamic("", text));
        }
        let mut parts = text.splitn(3, '/');
        let head = parts.next().unwrap_or("");
        let object = match (parts.next(), parts.next()) {
            (None, _) => None,
            (Some(namespace), Some(name)) if !namespace.is_empty() && !name.is_empty() => {
                Some((Cow::Owned(namespace.to_owned()), Cow::Owned(name.to_owned())))
            }
            _ => return Err(NotASource(text.to_owned())),
        };
        let (resource, group) = head.split_once('.').unwrap_or((head, ""));
        if resource.is_empty() {
            return Err(NotASource(text.to_owned()));
        }
        Ok(Self { object, ..Self::dynamic(group, resource) })
    }
}

impl Serialize for SourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for SourceId {
    fn schema_name() -> Cow<'static, str> {
        "SourceId".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// What became of reading one source. Only [`SourceState::Read`] and [`SourceState::NotServed`] allow a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SourceState {
    /// Read to the end.
    Read {
        /// Number of objects (or series, for `/metrics`).
        count: u64,
        /// The list's `metadata.resourceVersion`, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_version: Option<String>,
    },
    /// Some of it was read; what is there is real, what is missing is unknown.
    Partial {
        /// Number of objects that were read.
        read: u64,
        /// What happened.
        why: String,
    },
    /// The server refused (401 or 403).
    Forbidden {
        /// The server's own words.
        why: String,
    },
    /// Discovery is current and does not list it: the cluster does not have it.
    NotServed,
    /// The aggregated API that serves it is registered but did not answer the server's discovery.
    Stale {
        /// What discovery said.
        why: String,
    },
    /// Asked, and not answered in a usable way.
    Failed {
        /// What happened.
        why: String,
    },
    /// Not asked, because the user switched it off or because an earlier step made it impossible.
    NotRequested {
        /// The reason.
        why: String,
    },
}

impl SourceState {
    /// Whether everything that this source holds is known, so that absence means absence.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::NotServed)
    }
    /// Whether something was asked for and not (wholly) received; this is what makes a run incomplete (exit 4).
    pub fn is_failed_read(&self) -> bool {
        matches!(self, Self::Partial { .. } | Self::Forbidden { .. } | Self::Stale { .. } | Self::Failed { .. })
    }
    /// The word used in JSON, tables and reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Partial { .. } => "partial",
            Self::Forbidden { .. } => "forbidden",
            Self::NotServed => "not_served",
            Self::Stale { .. } => "stale",
            Self::Failed { .. } => "failed",
            Self::NotRequested { .. } => "not_requested",
        }
    }
    /// The reason, where the state has one.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Read { .. } | Self::NotServed => None,
            Self::Partial { why, .. }
            | Self::Forbidden { why }
            | Self::Stale { why }
            | Self::Failed { why }
            | Self::NotRequested { why } => Some(why),
        }
    }
    /// Number of objects that were read.
    pub fn count(&self) -> u64 {
        match self {
            Self::Read { count, .. } => *count,
            Self::Partial { read, .. } => *read,
            _ => 0,
        }
    }
}
