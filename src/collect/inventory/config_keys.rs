//! What of a ConfigMap is stored.

/// One key of a ConfigMap that may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigKey {
    /// The key; a `*` at the end stands for any rest.
    pub name: &'static str,
    /// How much of its text.
    pub text: ConfigText,
}

/// How much of a text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigText {
    /// All of it: one setting, or public certificates.
    Whole,
    /// That it is there.
    Presence,
    /// These fields of the YAML or JSON document in it.
    Fields(&'static str),
}

impl ConfigKey {
    /// Whether this speaks about the key `name`.
    pub fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.name == name,
        }
    }
}
