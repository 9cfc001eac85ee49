//! Which namespaces hold ePHI, and who said so.

use std::collections::BTreeMap;

use crate::digest::sha256_parts;
pub use crate::facts::SelectorError;
use crate::facts::{self, ReadNamespaces, SYSTEM_NAMESPACES};
use crate::model::{Scope, ScopeSource, Unseen};

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
        /// Who said so, and when.
        declared: Declared,
    },
}

/// Who declared a scope, and when, as the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// A role or a name.
    pub by: Option<String>,
    /// A date.
    pub on: Option<String>,
}

/// A label selector as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    text: String,
    selector: facts::Selector,
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Ok(Self { text: text.to_owned(), selector: text.parse()? })
    }
}

impl Selector {
    /// Whether it selects something with these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.selector.matches(labels)
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
    gap: Option<&'a Unseen>,
    unmatched: Vec<(String, Unseen)>,
}

impl<'a> ResolvedScope<'a> {
    /// Resolves a declaration with the namespaces that were read.
    pub fn new(declaration: &'a ScopeDeclaration, namespaces: &'a ReadNamespaces) -> Self {
        let (labels, gap) = (&namespaces.labels, namespaces.gap.as_ref());
        let unmatched = if gap.is_none() { unmatched(declaration, labels) } else { Vec::new() };
        Self { declaration, labels, gap, unmatched }
    }

    /// What the declaration names and the cluster does not have. What was meant by it is not known, so a control over the namespaces
    /// with ePHI has not seen everything.
    pub fn gaps(&self) -> impl Iterator<Item = &Unseen> {
        self.unmatched.iter().map(|(_, unseen)| unseen)
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
                    None => Membership::Unknown(self.gap.cloned().unwrap_or_else(|| Unseen::not_understood(format!("the labels of the namespace {namespace}"), "an object names it, and it was not among the namespaces that were read: it was made or removed during collection", "Collect again."))),
                }
            }
        }
    }

    /// The names of the namespaces that hold ePHI, among those that were read.
    pub fn ephi(&self) -> impl Iterator<Item = &'a String> {
        self.labels.keys().filter(|name| self.membership(name) == Membership::In)
    }

    /// The same as a list; none where namespaces may be missing from it.
    pub fn ephi_names(&self) -> Option<Vec<String>> {
        self.gap.is_none().then(|| self.ephi().cloned().collect())
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
        let (source, sha256, declared) = match self.declaration {
            ScopeDeclaration::Default => (ScopeSource::Default, sha256_parts([b"default".as_slice()]), Declared::default()),
            ScopeDeclaration::Declared { source, namespaces, selectors, sha256, declared } => {
                // Named namespaces count even when the list of namespaces could not be read.
                if self.gap.is_some() {
                    ephi.extend(namespaces.iter().filter(|name| !self.labels.contains_key(*name)).cloned());
                }
                let computed = || {
                    let names = namespaces.iter().map(|name| name.as_bytes());
                    sha256_parts(names.chain([b"selectors".as_slice()]).chain(selectors.iter().map(|selector| selector.text.as_bytes())))
                };
                (*source, sha256.clone().unwrap_or_else(computed), declared.clone())
            }
        };
        ephi.sort();
        let mut unmatched: Vec<String> = self.unmatched.iter().map(|(name, _)| name.clone()).collect();
        unmatched.sort();
        unmatched.dedup();
        Scope {
            source,
            declared_by: declared.by,
            declared_on: declared.on,
            ephi_namespaces: ephi,
            other_namespaces: other,
            unmatched,
            complete: self.gap.is_none(),
            sha256,
        }
    }
}

/// Names that no namespace has, and selectors that select none, among all the namespaces of the cluster.
fn unmatched(declaration: &ScopeDeclaration, labels: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<(String, Unseen)> {
    let ScopeDeclaration::Declared { namespaces, selectors, .. } = declaration else { return Vec::new() };
    let unseen = |what: String, why: &str, how: &str| {
        Unseen::not_understood(what, why.to_owned(), format!("Correct the scope: {how}, then assess again."))
    };
    let names = namespaces.iter().filter(|name| !labels.contains_key(*name)).map(|name| {
        let what = format!("the namespace `{name}`");
        let why = "the scope names it and the cluster does not have it";
        (name.clone(), unseen(what, why, "name a namespace that exists, or take this one out"))
    });
    let selects = |selector: &&Selector| labels.values().any(|labels| selector.matches(labels));
    let selectors = selectors.iter().filter(|selector| !selects(selector)).map(|selector| {
        let what = format!("the namespaces with the labels `{}`", selector.text);
        let why = "the scope selects them and the cluster has none";
        (selector.text.clone(), unseen(what, why, "write labels that a namespace has, or take this selector out"))
    });
    names.chain(selectors).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_name_or_selector_without_a_namespace_is_unmatched() {
        let cluster = BTreeMap::from([("records".to_owned(), labels(&[("data", "ephi")]))]);
        let declared = |namespaces: &[&str], selectors: &[&str]| ScopeDeclaration::Declared {
            source: ScopeSource::Flags,
            namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
            selectors: selectors.iter().map(|text| text.parse().unwrap_or_else(|error| panic!("{error}"))).collect(),
            sha256: None,
            declared: Declared::default(),
        };
        assert_eq!(unmatched(&declared(&["records"], &["data=ephi"]), &cluster), Vec::new());
        assert_eq!(unmatched(&ScopeDeclaration::Default, &cluster), Vec::new());
        let found = unmatched(&declared(&["records", "recrods"], &["data=ephi", "data=ehpi"]), &cluster);
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["recrods", "data=ehpi"]);
        assert_eq!(found[0].1.what, "the namespace `recrods`");
        assert_ne!(found[0].1.kind, crate::model::UnseenKind::NotVisible, "the run is incomplete");
    }
}
