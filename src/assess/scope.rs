//! Which namespaces hold ePHI, and who said so.

use std::collections::BTreeMap;

use crate::digest::sha256_parts;
use crate::facts::{SYSTEM_NAMESPACES, Tables};
use crate::model::{Scope, ScopeSource, Unseen, UnseenKind};

/// What the user declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeDeclaration {
    /// Nothing: every namespace but the system ones.
    Default,
    /// Names, and labels of which one set must match.
    Declared {
        /// File or flags.
        source: ScopeSource,
        /// Namespaces by name.
        namespaces: Vec<String>,
        /// Namespaces by label.
        selectors: Vec<Selector>,
        /// SHA-256 of the file, absent for flags.
        sha256: Option<String>,
    },
}

/// A label selector: all requirements must hold (apimachinery `labels.Parse`, its equality-based and existence forms).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    text: String,
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    Equals(String, String),
    Differs(String, String),
    Exists(String),
    Missing(String),
}

/// The text is not a selector.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a label selector: {why}; write it as `key=value`, `key!=value`, `key` or `!key`, joined with commas")]
pub struct SelectorError {
    text: String,
    why: String,
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let fail = |why: &str| SelectorError { text: text.to_owned(), why: why.to_owned() };
        let key = |key: &str| {
            let key = key.trim();
            if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "=!()<>,".contains(c)) {
                Err(fail("a key is empty or has characters that labels cannot have"))
            } else {
                Ok(key.to_owned())
            }
        };
        let value = |value: &str| {
            let value = value.trim();
            if value.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)) {
                Err(fail("a value has characters that labels cannot have"))
            } else {
                Ok(value.to_owned())
            }
        };
        let requirement = |part: &str| {
            if let Some((k, v)) = part.split_once("!=") {
                Ok(Requirement::Differs(key(k)?, value(v)?))
            } else if let Some((k, v)) = part.split_once("==").or_else(|| part.split_once('=')) {
                Ok(Requirement::Equals(key(k)?, value(v)?))
            } else if let Some(k) = part.trim().strip_prefix('!') {
                Ok(Requirement::Missing(key(k)?))
            } else {
                Ok(Requirement::Exists(key(part)?))
            }
        };
        let requirements = text.split(',').map(requirement).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), requirements })
    }
}

impl Selector {
    /// Whether it selects something with these labels. `!=` also selects what lacks the key, as in Kubernetes.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::Equals(key, value) => labels.get(key) == Some(value),
            Requirement::Differs(key, value) => labels.get(key) != Some(value),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Missing(key) => !labels.contains_key(key),
        })
    }
}

/// Whether a namespace holds ePHI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It does.
    In,
    /// It does not, as far as was declared.
    Out,
    /// Its labels were not read.
    Unknown(Unseen),
}

/// The declaration, resolved against one cluster.
#[derive(Debug)]
pub struct ResolvedScope<'a> {
    declaration: &'a ScopeDeclaration,
    labels: &'a BTreeMap<String, BTreeMap<String, String>>,
    gap: Option<Unseen>,
}

impl<'a> ResolvedScope<'a> {
    /// Resolves a declaration with the namespaces that were read.
    pub fn new(declaration: &'a ScopeDeclaration, tables: &'a Tables) -> Self {
        Self { declaration, labels: tables.namespaces(), gap: tables.namespaces_complete().as_ref().err().cloned() }
    }

    /// Whether a namespace holds ePHI.
    pub fn membership(&self, namespace: &str) -> Membership {
        match self.declaration {
            ScopeDeclaration::Default if SYSTEM_NAMESPACES.contains(&namespace) => Membership::Out,
            ScopeDeclaration::Default => Membership::In,
            ScopeDeclaration::Declared { namespaces, selectors, .. } => {
                if namespaces.iter().any(|name| name == namespace) {
                    return Membership::In;
                }
                if selectors.is_empty() {
                    return Membership::Out;
                }
                match self.labels.get(namespace) {
                    Some(labels) if selectors.iter().any(|selector| selector.matches(labels)) => Membership::In,
                    Some(_) => Membership::Out,
                    None => Membership::Unknown(self.gap.clone().unwrap_or_else(|| Unseen {
                        kind: UnseenKind::NotUnderstood,
                        what: format!("the labels of the namespace {namespace}"),
                        why: "an object names it, and it was not among the namespaces that were read: it was made or removed during collection".to_owned(),
                        how_to_see: "Collect again.".to_owned(),
                        source: None,
                        missing_rule: None,
                    })),
                }
            }
        }
    }

    /// As it stands in an assessment.
    pub fn describe(&self) -> Scope {
        let (mut ephi, mut other) = (Vec::new(), Vec::new());
        for name in self.labels.keys() {
            match self.membership(name) {
                Membership::In => ephi.push(name.clone()),
                Membership::Out | Membership::Unknown(_) => other.push(name.clone()),
            }
        }
        let (source, mut unmatched, sha256) = match self.declaration {
            ScopeDeclaration::Default => (ScopeSource::Default, Vec::new(), sha256_parts([b"default".as_slice()])),
            ScopeDeclaration::Declared { source, namespaces, selectors, sha256 } => {
                let unmatched: Vec<String> = namespaces.iter().filter(|name| !self.labels.contains_key(*name)).cloned().collect();
                // Named namespaces count even when the list of namespaces could not be read.
                ephi.extend(unmatched.iter().filter(|_| self.gap.is_some()).cloned());
                let computed = || {
                    let names = namespaces.iter().map(|name| name.as_bytes());
                    sha256_parts(names.chain([b"selectors".as_slice()]).chain(selectors.iter().map(|selector| selector.text.as_bytes())))
                };
                (*source, unmatched, sha256.clone().unwrap_or_else(computed))
            }
        };
        ephi.sort();
        unmatched.sort();
        if self.gap.is_some() {
            unmatched.clear();
        }
        Scope { source, ephi_namespaces: ephi, other_namespaces: other, unmatched, complete: self.gap.is_none(), sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn selectors_follow_kubernetes() {
        let selector = |text: &str| text.parse::<Selector>().unwrap_or_else(|error| panic!("{error}"));
        let ephi = labels(&[("data", "ephi"), ("team", "records")]);
        assert!(selector("data=ephi").matches(&ephi));
        assert!(selector("data == ephi, team").matches(&ephi));
        assert!(selector("tier!=web").matches(&ephi), "!= selects what lacks the key");
        assert!(selector("!tier").matches(&ephi));
        assert!(!selector("data!=ephi").matches(&ephi));
        assert!(!selector("data=ephi,tier").matches(&ephi));
        for wrong in ["", "a b=c", "=x", "a=b c", "a in (b)"] {
            assert!(wrong.parse::<Selector>().is_err(), "{wrong}");
        }
    }
}
