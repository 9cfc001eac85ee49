//! What the server said that it serves: every kind of discovery, kept so that names are resolved as the cluster knows them and so that a
//! kind which this program does not know is a doubt by name and never silence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SnapshotIndex;

/// One kind of an API group, as discovery lists it. Each stands once, in the version that the server prefers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServedKind {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The API version, such as `v1`.
    pub version: String,
    /// The plural, such as `deployments`.
    pub resource: String,
    /// The kind, such as `Deployment`; empty where the server did not say.
    pub kind: String,
    /// The singular, such as `deployment`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub singular: String,
    /// Short names, such as `deploy`, in the server's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_names: Vec<String>,
    /// Whether its objects lie in namespaces; absent where the server did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaced: Option<bool>,
    /// What can be done with it, in the words of RBAC, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
    /// Names of its subresources, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subresources: Vec<String>,
    /// Of a group that is read, and neither read nor known to be without influence: what it means is not known to the program that
    /// collected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// A part of discovery that did not come, or cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiscoveryGap {
    /// The API group; `*` where it concerns all of them.
    pub group: String,
    /// What happened.
    pub why: String,
}

/// The result of discovery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Discovered {
    /// Every kind, sorted by group and plural.
    pub kinds: Vec<ServedKind>,
    /// What of it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<DiscoveryGap>,
}

impl Discovered {
    /// The kind of a group with this plural.
    pub fn find(&self, group: &str, resource: &str) -> Option<&ServedKind> {
        self.kinds.iter().find(|kind| kind.group == group && kind.resource == resource)
    }
    /// Why the kinds of a group may not be all.
    pub fn gap(&self, group: &str) -> Option<&DiscoveryGap> {
        self.gaps.iter().find(|gap| gap.group == "*" || gap.group == group)
    }
    /// Whether nothing is missing, so that a kind that is not listed does not exist.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }
    /// The kinds that a word means, as kubectl resolves it: plural, singular, short name or kind without regard to case, alone or with
    /// `.group` (or `.version.group`) behind it.
    pub fn named(&self, word: &str) -> Vec<&ServedKind> {
        let word = word.to_ascii_lowercase();
        let (name, rest) = word.split_once('.').unwrap_or((&word, ""));
        let in_group = |kind: &ServedKind| {
            let group = kind.group.to_ascii_lowercase();
            rest.is_empty() || rest == group || rest.split_once('.').is_some_and(|(version, rest)| rest == group && version == kind.version)
        };
        let is_named = |kind: &ServedKind| {
            kind.resource == name
                || kind.singular == name
                || kind.kind.to_ascii_lowercase() == name
                || kind.short_names.iter().any(|short| short == name)
        };
        self.kinds.iter().filter(|kind| in_group(kind) && is_named(kind)).collect()
    }
}

impl SnapshotIndex {
    /// The kinds of a group that is read of which nobody knows what they mean; none in snapshots that do not hold the result of discovery.
    pub fn unknown_kinds<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a ServedKind> {
        self.discovery.iter().flat_map(|discovery| &discovery.kinds).filter(move |kind| kind.unknown && kind.group == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_what_kubectl_takes_it_for() {
        let kind = |group: &str, resource: &str, kind: &str, singular: &str, short: &[&str]| ServedKind {
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            singular: singular.to_owned(),
            short_names: short.iter().map(|short| (*short).to_owned()).collect(),
            namespaced: Some(true),
            verbs: Vec::new(),
            subresources: Vec::new(),
            unknown: false,
        };
        let kinds = vec![
            kind("", "pods", "Pod", "pod", &["po"]),
            kind("apps", "deployments", "Deployment", "deployment", &["deploy"]),
            kind("networking.k8s.io", "networkpolicies", "NetworkPolicy", "networkpolicy", &["netpol"]),
            kind("projectcalico.org", "networkpolicies", "NetworkPolicy", "networkpolicy", &[]),
        ];
        let discovered = Discovered { kinds, gaps: Vec::new() };
        let found = |word: &str| discovered.named(word).iter().map(|kind| format!("{}.{}", kind.resource, kind.group)).collect::<Vec<_>>();
        for word in ["po", "pod", "pods", "Pod"] {
            assert_eq!(found(word), ["pods."], "{word}");
        }
        for word in ["deploy", "deployment.apps", "deployments.v1.apps", "Deployment"] {
            assert_eq!(found(word), ["deployments.apps"], "{word}");
        }
        assert_eq!(found("networkpolicy").len(), 2);
        assert_eq!(found("networkpolicies.projectcalico.org"), ["networkpolicies.projectcalico.org"]);
        assert_eq!(found("nosuchthing"), Vec::<String>::new());
    }
}
