//! Which namespaces hold ePHI, and who said so.

use std::collections::BTreeMap;

use crate::digest::sha256_parts;
pub use crate::facts::SelectorError;
use crate::facts::{self, ReadNamespaces, SYSTEM_NAMESPACES};
use crate::model::{Declarations, Scope, ScopeRole, ScopeSource, SetParameters, Undeclared, Unseen};

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

/// Namespaces that pass ePHI on, or administer those that keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Others {
    /// Which of the two.
    pub role: ScopeRole,
    /// By name.
    pub namespaces: Vec<String>,
    /// By label.
    pub selectors: Vec<Selector>,
}

/// Who declared a scope, and when, as the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// A role or a name.
    pub by: Option<String>,
    /// A date.
    pub on: Option<String>,
    /// What else the file says.
    pub declarations: Option<Declarations>,
    /// What has to do with ePHI without keeping it.
    pub others: Vec<Others>,
    /// Numbers of controls that were set.
    pub parameters: SetParameters,
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

/// What a namespace has to do with ePHI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is in scope: it keeps ePHI, passes it on, or administers what keeps it.
    In(ScopeRole),
    /// Nothing, as far as was declared.
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
    /// Numbers of controls that count instead of those of the declaration.
    parameters: Option<SetParameters>,
}

impl<'a> ResolvedScope<'a> {
    /// Resolves a declaration with the namespaces that were read.
    pub fn new(declaration: &'a ScopeDeclaration, namespaces: &'a ReadNamespaces) -> Self {
        let (labels, gap) = (&namespaces.labels, namespaces.gap.as_ref());
        let unmatched = if gap.is_none() { unmatched(declaration, labels) } else { Vec::new() };
        Self { declaration, labels, gap, unmatched, parameters: None }
    }

    /// The same with other numbers for controls.
    #[must_use]
    pub fn with_parameters(self, parameters: SetParameters) -> Self {
        Self { parameters: Some(parameters), ..self }
    }

    /// What the declaration names and the cluster does not have. What was meant by it is not known, so a control over the namespaces
    /// with ePHI has not seen everything.
    pub fn gaps(&self) -> impl Iterator<Item = &Unseen> {
        self.unmatched.iter().map(|(_, unseen)| unseen)
    }

    /// What a list of the namespaces in scope may lack: those that were not read, and [`ResolvedScope::gaps`].
    pub fn unseen(&self) -> impl Iterator<Item = &Unseen> {
        self.gap.into_iter().chain(self.gaps())
    }

    /// What else was declared about the cluster.
    pub fn declarations(&self) -> Option<&'a Declarations> {
        match self.declaration {
            ScopeDeclaration::Declared { declared, .. } => declared.declarations.as_ref(),
            ScopeDeclaration::Default => None,
        }
    }

    /// Numbers of a control that were set.
    pub fn parameters_of(&self, control: &str) -> Option<&BTreeMap<String, i64>> {
        let declared = match self.declaration {
            ScopeDeclaration::Declared { declared, .. } => Some(&declared.parameters),
            ScopeDeclaration::Default => None,
        };
        self.parameters.as_ref().or(declared)?.get(control)
    }

    /// What a namespace has to do with ePHI: of several declarations the nearest to it.
    pub fn membership(&self, namespace: &str) -> Membership {
        match self.declaration {
            ScopeDeclaration::Default if SYSTEM_NAMESPACES.contains(&namespace) => Membership::Out,
            ScopeDeclaration::Default => Membership::In(ScopeRole::Maintains),
            ScopeDeclaration::Declared { namespaces, selectors, declared, .. } => {
                let all: Vec<(ScopeRole, &[String], &[Selector])> =
                    std::iter::once((ScopeRole::Maintains, namespaces.as_slice(), selectors.as_slice()))
                        .chain(
                            declared.others.iter().map(|others| (others.role, others.namespaces.as_slice(), others.selectors.as_slice())),
                        )
                        .collect();
                if let Some((role, ..)) = all.iter().find(|(_, names, _)| names.iter().any(|name| name == namespace)) {
                    return Membership::In(*role);
                }
                if all.iter().all(|(.., selectors)| selectors.is_empty()) {
                    return Membership::Out;
                }
                match self.labels.get(namespace) {
                    Some(labels) => all
                        .iter()
                        .find(|(.., selectors)| selectors.iter().any(|selector| selector.matches(labels)))
                        .map_or(Membership::Out, |(role, ..)| Membership::In(*role)),
                    None => Membership::Unknown(self.gap.cloned().unwrap_or_else(|| Unseen::not_understood(format!("the labels of the namespace {namespace}"), "an object names it, and it was not among the namespaces that were read: it was made or removed during collection", "Collect again."))),
                }
            }
        }
    }

    /// The names of the namespaces in scope, among those that were read.
    pub fn ephi(&self) -> impl Iterator<Item = &'a String> {
        self.labels.keys().filter(|name| matches!(self.membership(name), Membership::In(_)))
    }

    /// The names of the namespaces that nobody declared anything about, with their labels: neither in scope nor left out, and not
    /// Kubernetes' own. None where nobody declared a scope.
    pub fn undeclared(&self) -> impl Iterator<Item = (&'a String, &'a BTreeMap<String, String>)> {
        let excluded = self.declarations().map(|declared| declared.excluded.as_slice()).unwrap_or_default();
        let declared = *self.declaration != ScopeDeclaration::Default;
        self.labels.iter().filter(move |(name, _)| {
            declared
                && self.membership(name) == Membership::Out
                && !SYSTEM_NAMESPACES.contains(&name.as_str())
                && !excluded.iter().any(|one| one.namespace == **name)
        })
    }

    /// The same as a list; none where namespaces may be missing from it.
    pub fn ephi_names(&self) -> Option<Vec<String>> {
        self.gap.is_none().then(|| self.ephi().cloned().collect())
    }

    /// As it stands in an assessment.
    pub fn describe(&self) -> Scope {
        let (mut ephi, mut other, mut roles) = (Vec::new(), Vec::new(), BTreeMap::new());
        for name in self.labels.keys() {
            match self.membership(name) {
                Membership::In(role) => {
                    ephi.push(name.clone());
                    if role != ScopeRole::Maintains {
                        roles.insert(name.clone(), role);
                    }
                }
                Membership::Out | Membership::Unknown(_) => other.push(name.clone()),
            }
        }
        let (source, sha256, declared) = match self.declaration {
            ScopeDeclaration::Default => (ScopeSource::Default, sha256_parts([b"default".as_slice()]), Declared::default()),
            ScopeDeclaration::Declared { source, namespaces, selectors, sha256, declared } => {
                // Named namespaces count even when the list of namespaces could not be read.
                if self.gap.is_some() {
                    let unread = |name: &&String| !self.labels.contains_key(*name);
                    ephi.extend(namespaces.iter().filter(unread).cloned());
                    for others in &declared.others {
                        for name in others.namespaces.iter().filter(unread) {
                            ephi.push(name.clone());
                            roles.insert(name.clone(), others.role);
                        }
                    }
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
            roles,
            parameters: declared.parameters,
            undeclared: self.undeclared().map(|(name, _)| Undeclared { namespace: name.clone(), speaks_for: Vec::new() }).collect(),
            unmatched,
            complete: self.gap.is_none(),
            sha256,
        }
    }
}

/// Names that no namespace has, and selectors that select none, among all the namespaces of the cluster.
fn unmatched(declaration: &ScopeDeclaration, labels: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<(String, Unseen)> {
    let ScopeDeclaration::Declared { namespaces, selectors, declared, .. } = declaration else { return Vec::new() };
    let namespaces: Vec<&String> = namespaces.iter().chain(declared.others.iter().flat_map(|others| &others.namespaces)).collect();
    let selectors: Vec<&Selector> = selectors.iter().chain(declared.others.iter().flat_map(|others| &others.selectors)).collect();
    let unseen = |what: String, why: &str, how: &str| {
        Unseen::not_understood(what, why.to_owned(), format!("Correct the scope: {how}, then assess again."))
    };
    let names = namespaces.into_iter().filter(|name| !labels.contains_key(*name)).map(|name| {
        let what = format!("the namespace `{name}`");
        let why = "the scope names it and the cluster does not have it";
        (name.clone(), unseen(what, why, "name a namespace that exists, or take this one out"))
    });
    let selects = |selector: &&Selector| labels.values().any(|labels| selector.matches(labels));
    let selectors = selectors.into_iter().filter(|selector| !selects(selector)).map(|selector| {
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
