//! What the engines' own ways to select namespaces mean.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::Value;

use super::super::askers::Asker;
use super::super::expressions::{and, or};
use super::super::rules::Kind;
use crate::facts::labels as selector;

type Labels = BTreeMap<String, String>;

/// `*` stands for any text, `?` for any one character (github.com/IGLOU-EU/go-wildcard, which Kyverno uses: there `?` is one or none).
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // How much of the text what was read of the pattern can stand for.
    let mut ends = vec![false; text.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for sign in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for (end, _) in ends.iter().enumerate().filter(|(_, reached)| **reached) {
            let (from, to) = match sign {
                '*' => (end, text.len()),
                '?' => (end, end + 1),
                one if text.get(end) == Some(&one) => (end + 1, end + 1),
                _ => continue,
            };
            next.iter_mut().take(to + 1).skip(from).for_each(|reached| *reached = true);
        }
        ends = next;
    }
    ends.last() == Some(&true)
}

/// Gatekeeper's patterns have a `*` at the front or the end only (gatekeeper pkg/wildcard).
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => text.contains(rest.strip_suffix('*').unwrap_or(rest)),
        (Some(suffix), None) => text.ends_with(suffix),
        (None, Some(prefix)) => text.starts_with(prefix),
        (None, None) => pattern == text,
    }
}

/// `match` or `exclude` of a rule or exception of Kyverno (`kyverno.io/v1` MatchResources): any of the filters, or all of them, or, as
/// it was written before 1.5, one filter that stands there itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Match {
    pub(super) any: Vec<Filter>,
    pub(super) all: Vec<Filter>,
    #[serde(flatten)]
    own: Filter,
}

/// A filter: what it names has to hold together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Filter {
    resources: Resources,
    roles: Vec<Value>,
    cluster_roles: Vec<Value>,
    subjects: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Resources {
    kinds: Vec<String>,
    name: String,
    names: Vec<String>,
    namespaces: Vec<String>,
    annotations: BTreeMap<String, Value>,
    selector: Option<LabelSelector>,
    namespace_selector: Option<LabelSelector>,
    operations: Vec<String>,
}

impl Filter {
    /// Whether it says anything.
    fn is_empty(&self) -> bool {
        let resources = &self.resources;
        resources.kinds.is_empty() && resources.namespaces.is_empty() && resources.namespace_selector.is_none() && !self.narrows()
    }

    /// Whether it is about some of the objects of a kind only, or about some of those who make them.
    pub(super) fn narrows(&self) -> bool {
        let resources = &self.resources;
        !resources.name.is_empty()
            || !resources.names.is_empty()
            || !resources.annotations.is_empty()
            || selector::narrows(resources.selector.as_ref())
            || !resources.operations.is_empty()
            || !self.roles.is_empty()
            || !self.cluster_roles.is_empty()
            || !self.subjects.is_empty()
    }

    /// Whether it takes objects of that namespace.
    fn takes(&self, namespace: &str, labels: &Labels) -> Option<bool> {
        let resources = &self.resources;
        let named = resources.namespaces.is_empty() || resources.namespaces.iter().any(|pattern| wildcard(pattern, namespace));
        selector::matches(resources.namespace_selector.as_ref(), labels).map(|selected| named && selected)
    }

    fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.resources.kinds.iter().filter_map(|text| kind(text))
    }

    /// Whether it takes an object of a kind that somebody makes; nothing where that depends on what he writes into it, or on what is not known
    /// of him. `leaves_out` is of a filter in `exclude`. All that it names has to hold (Kyverno pkg/engine/utils/match.go, checkUserInfo).
    fn holds(&self, made: &Made<'_>, leaves_out: bool) -> Option<bool> {
        let resources = &self.resources;
        let place = match made.kind.is_cluster_scoped() {
            true => Some(resources.namespaces.is_empty()),
            false => self.takes(made.namespace, made.labels),
        };
        let about = |one: Kind| one.resource == "*" || one.resource == made.kind.resource;
        let kind = resources.kinds.is_empty() || self.kinds().any(about);
        let creates = resources.operations.is_empty() || resources.operations.iter().any(|one| one.eq_ignore_ascii_case("CREATE"));
        // What takes changes alone may be meant so; what leaves out what is made leaves out whatever somebody makes anew.
        let operation = match (creates, leaves_out) {
            (false, true) => Some(false),
            (true, true) if !resources.operations.is_empty() => None,
            _ => Some(true),
        };
        let any_name = |pattern: &String| pattern.contains('*') && pattern.chars().all(|sign| matches!(sign, '*' | '?'));
        let by_name = resources.names.iter().chain(Some(&resources.name).filter(|name| !name.is_empty())).any(|name| !any_name(name));
        let by_label = selector::narrows(resources.selector.as_ref()) || !resources.annotations.is_empty();
        // An object that is there has its name.
        let own = (!by_label && !(by_name && (creates || leaves_out))).then_some(true);
        [Some(kind), operation, own, self.is_made_by(made.asker)].into_iter().fold(place, and)
    }

    /// Whether it is about somebody. Whom bindings give a role is not looked at: those of any namespace count (Kyverno pkg/userinfo).
    fn is_made_by(&self, asker: Option<Asker>) -> Option<bool> {
        let Some(asker) = asker else { return Some(true) };
        let by_role = !self.roles.is_empty() || !self.cluster_roles.is_empty();
        let by_name = match self.subjects.as_slice() {
            [] => Some(true),
            subjects => subjects.iter().map(|subject| is_subject(subject, asker)).fold(Some(false), or),
        };
        and(by_name, (!by_role).then_some(true))
    }
}

/// Somebody makes an object of a kind in a namespace.
pub(super) struct Made<'a> {
    pub(super) namespace: &'a str,
    pub(super) labels: &'a Labels,
    pub(super) kind: &'a Kind,
    /// Nothing is whoever it is about.
    pub(super) asker: Option<Asker>,
}

/// Whether somebody is one of the subjects that a filter names, by patterns (Kyverno pkg/utils/match, CheckSubjects).
fn is_subject(subject: &Value, asker: Asker) -> Option<bool> {
    let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default();
    match (text("kind"), text("name")) {
        ("ServiceAccount", name) => is_called(asker, &format!("system:serviceaccount:{}:{name}", text("namespace"))),
        (kind, name) => is_named(asker, kind, name),
    }
}

/// The same of a user or a group.
pub(super) fn is_named(asker: Asker, kind: &str, name: &str) -> Option<bool> {
    match kind {
        "User" => is_called(asker, name),
        // Of a group whose name was not kept nothing is known.
        "Group" if name.contains("[redacted") => asker.is_in(None),
        "Group" if name.contains(['*', '?']) => match asker.groups().iter().any(|group| wildcard(name, group)) {
            true => Some(true),
            false => matches!(asker, Asker::Part(..)).then_some(false),
        },
        "Group" => asker.is_in(Some(name)),
        _ => None,
    }
}

fn is_called(asker: Asker, pattern: &str) -> Option<bool> {
    let Some(start) = pattern.find(['*', '?']) else { return Some(asker.is_called(pattern)) };
    let (prefix, rest) = pattern.split_at(start);
    match asker {
        Asker::Part(name, _) => Some(wildcard(pattern, name)),
        _ if rest == "*" => asker.begins(prefix),
        _ => asker.begins(prefix).filter(|begins| !begins),
    }
}

/// A kind as Kyverno writes it: `Pod`, `v1/Pod`, `apps/v1/Deployment`, `Pod/exec`, `*`; nothing for a subresource.
pub(super) fn kind(text: &str) -> Option<Kind> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_kind = |part: &str| part == "*" || part.starts_with(|c: char| c.is_ascii_uppercase());
    match parts.as_slice() {
        [one] => Some(Kind::named(None, one)),
        ["*", "*"] => Some(Kind::named(None, "*")),
        [kind, _] if kind.starts_with(|c: char| c.is_ascii_uppercase()) => None,
        [version, kind] if is_kind(kind) => Some(Kind::named(version.starts_with('v').then_some(""), kind)),
        [group, _, kind] if is_kind(kind) => Some(Kind::named((*group != "*").then_some(group), kind)),
        _ => None,
    }
}

/// Whether a kind may be served in the version that is named, if any: what workloads are made of is served in v1 and no other.
fn is_served(text: &str) -> bool {
    let version = match text.split('/').collect::<Vec<_>>().as_slice() {
        [version, kind] if !version.starts_with(|c: char| c.is_ascii_uppercase()) && *kind != "*" => *version,
        [_, version, _] => *version,
        _ => "*",
    };
    wildcard(version, "v1") || !kind(text).is_some_and(|kind| kind.is_own())
}

/// How a namespace stands to a list of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    No,
    /// Some of its objects, depending on more than the namespace.
    Some,
    All,
}

impl Match {
    fn filters(&self) -> (Vec<&Filter>, Vec<&Filter>) {
        let own = (!self.own.is_empty()).then_some(&self.own);
        (self.any.iter().chain(own).collect(), self.all.iter().collect())
    }

    /// Whether nothing is named.
    pub(super) fn is_empty(&self) -> bool {
        self.any.is_empty() && self.all.is_empty() && self.own.is_empty()
    }

    /// The kinds that are named; nothing where it may be any.
    pub(super) fn kinds(&self) -> Option<Vec<Kind>> {
        let (any, all) = self.filters();
        let kinds: Vec<Kind> = any.iter().chain(&all).flat_map(|filter| filter.kinds()).collect();
        (!kinds.is_empty()).then_some(kinds)
    }

    /// Whether kinds are named, and no API server serves one of them in a version that is named.
    pub(super) fn is_about_nothing(&self) -> bool {
        let (any, all) = self.filters();
        let mut named = any.iter().chain(&all).flat_map(|filter| &filter.resources.kinds).peekable();
        named.peek().is_some() && named.all(|text| !is_served(text))
    }

    /// Whether it takes an object that somebody makes; nothing where that depends on more than is known.
    pub(super) fn holds(&self, made: &Made<'_>, leaves_out: bool) -> Option<bool> {
        let (any, all) = self.filters();
        let every = (!all.is_empty()).then(|| all.iter().map(|filter| filter.holds(made, leaves_out)).fold(Some(true), and));
        any.iter().map(|filter| filter.holds(made, leaves_out)).chain(every).fold(Some(false), or)
    }

    /// Whether it speaks of those who make objects.
    pub(super) fn names_askers(&self) -> bool {
        let (any, all) = self.filters();
        any.iter().chain(&all).any(|one| !(one.roles.is_empty() && one.cluster_roles.is_empty() && one.subjects.is_empty()))
    }

    /// Whether more than namespace and kind decides.
    pub(super) fn narrows(&self) -> bool {
        let (any, all) = self.filters();
        any.iter().chain(&all).any(|filter| filter.narrows())
    }

    /// How it takes the objects of `kinds` in a namespace: nothing for a selector with an operator that is not known.
    pub(super) fn takes(&self, namespace: &str, labels: &Labels, kinds: Option<&[Kind]>) -> Option<Taken> {
        let (any, all) = self.filters();
        let covers = |filter: &Filter| {
            let named: Vec<Kind> = filter.kinds().collect();
            let holds = |kind: &Kind| named.iter().any(|one| one.resource == "*" || one.resource == kind.resource);
            named.is_empty() || kinds.is_some_and(|kinds| kinds.iter().all(holds)) || named.iter().any(|one| one.resource == "*")
        };
        let one = |filter: &&Filter| {
            filter.takes(namespace, labels).map(|taken| match taken {
                false => Taken::No,
                true if filter.narrows() || !covers(filter) => Taken::Some,
                true => Taken::All,
            })
        };
        let any: Vec<Taken> = any.iter().map(one).collect::<Option<_>>()?;
        let all: Vec<Taken> = all.iter().map(one).collect::<Option<_>>()?;
        let every = if all.is_empty() || all.contains(&Taken::No) {
            Taken::No
        } else if all.contains(&Taken::Some) {
            Taken::Some
        } else {
            Taken::All
        };
        Some(if any.contains(&Taken::All) || every == Taken::All {
            Taken::All
        } else if any.contains(&Taken::Some) || every == Taken::Some {
            Taken::Some
        } else {
            Taken::No
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_engines_match_them() {
        for (pattern, text, expected) in [
            ("rec*", "records", true),
            ("*", "x", true),
            ("r?cords", "records", true),
            ("shop", "shops", false),
            ("*cor*", "records", true),
            ("", "a", false),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern}");
        }
        for (pattern, text, expected) in [
            ("rec*", "records", true),
            ("*cords", "records", true),
            ("*cor*", "records", true),
            ("r*s", "records", false),
            ("*", "x", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern}");
        }
    }

    #[test]
    fn kinds_are_read_with_their_group_and_without_subresources() {
        let read = |text: &str| kind(text).map(|kind| (kind.group.unwrap_or_else(|| "any".to_owned()), kind.resource));
        for (text, expected) in [
            ("Pod", Some(("any", "pods"))),
            ("v1/Pod", Some(("", "pods"))),
            ("apps/v1/Deployment", Some(("apps", "deployments"))),
            ("networking.k8s.io/v1/NetworkPolicy", Some(("networking.k8s.io", "networkpolicies"))),
            ("Ingress", Some(("any", "ingresses"))),
            ("Pod/exec", None),
            ("*", Some(("any", "*"))),
            ("*/*", Some(("any", "*"))),
        ] {
            assert_eq!(read(text), expected.map(|(group, name)| (group.to_owned(), name.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_namespace_is_excluded_as_a_whole_only_where_nothing_else_narrows() {
        let takes = |json: &str| {
            let exclude: Match = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"));
            exclude.takes("records", &Labels::new(), Some(&[Kind::named(None, "Pod")]))
        };
        assert_eq!(takes(r#"{"any":[{"resources":{"namespaces":["rec*"]}}]}"#), Some(Taken::All));
        assert_eq!(takes(r#"{"any":[{"resources":{"namespaces":["rec*"],"kinds":["Pod"]}}]}"#), Some(Taken::All));
        assert_eq!(takes(r#"{"any":[{"resources":{"namespaces":["rec*"],"kinds":["Job"]}}]}"#), Some(Taken::Some));
        assert_eq!(takes(r#"{"any":[{"resources":{"namespaces":["rec*"],"names":["a"]}}]}"#), Some(Taken::Some));
        assert_eq!(
            takes(r#"{"all":[{"resources":{"namespaces":["rec*"]}},{"subjects":[{"kind":"User","name":"x"}]}]}"#),
            Some(Taken::Some)
        );
        assert_eq!(takes(r#"{"resources":{"namespaces":["records"]}}"#), Some(Taken::All));
        assert_eq!(takes(r#"{"any":[{"resources":{"namespaces":["shop"]}}]}"#), Some(Taken::No));
        assert_eq!(takes("{}"), Some(Taken::No));
    }
}
