//! One rule against one request, as `k8s.io/kubernetes/pkg/apis/rbac/v1/evaluation_helpers.go` and
//! `plugin/pkg/auth/authorizer/rbac/rbac.go` (`RuleAllows`) have it.

use k8s_openapi::api::rbac::v1::PolicyRule;

/// Matches everything in its place.
pub(super) const ALL: &str = "*";

/// Whether a rule allows a verb on a resource. `subresource` and `name` are empty when the request has none; a request without a name
/// never matches a rule with names.
pub(super) fn allows_resource(rule: &PolicyRule, verb: &str, group: &str, resource: &str, subresource: &str, name: &str) -> bool {
    verb_matches(rule, verb) && names(rule, group, resource, subresource).is_some_and(|names| names.is_empty() || has(names, name))
}

/// Whether a rule allows a verb on a URL: `*`, the URL itself, or a beginning that ends with `*`.
pub(super) fn allows_url(rule: &PolicyRule, verb: &str, path: &str) -> bool {
    verb_matches(rule, verb) && list(rule.non_resource_urls.as_ref()).iter().any(|url| url_covers(url, path))
}

/// Whether a rule allows a verb on any URL that begins so.
pub(super) fn reaches_url(rule: &PolicyRule, verb: &str, below: &str) -> bool {
    let some = format!("{below}x");
    verb_matches(rule, verb)
        && list(rule.non_resource_urls.as_ref())
            .iter()
            .any(|url| url.starts_with(below) || url_covers(url, below) || url_covers(url, &some))
}

pub(super) fn verb_matches(rule: &PolicyRule, verb: &str) -> bool {
    has(&rule.verbs, ALL) || has(&rule.verbs, verb)
}

/// The names to which a rule is restricted where it speaks of that resource; empty for all of them, `None` where it does not.
/// `*` matches every subresource too, `*/sub` those of every resource; `res/*` matches nothing.
pub(super) fn names<'r>(rule: &'r PolicyRule, group: &str, resource: &str, subresource: &str) -> Option<&'r [String]> {
    let groups = list(rule.api_groups.as_ref());
    let speaks_of = |written: &String| match written.as_str() {
        ALL => true,
        plain if subresource.is_empty() => plain == resource,
        plain => {
            plain.strip_prefix("*/") == Some(subresource)
                || plain.strip_prefix(resource).and_then(|rest| rest.strip_prefix('/')) == Some(subresource)
        }
    };
    let matches = (has(groups, ALL) || has(groups, group)) && list(rule.resources.as_ref()).iter().any(speaks_of);
    matches.then(|| list(rule.resource_names.as_ref()))
}

/// Whether one URL of a rule covers another, or a path.
fn url_covers(url: &str, path: &str) -> bool {
    url == ALL || url == path || (url.ends_with('*') && path.starts_with(url.trim_end_matches('*')))
}

/// Whether `owner` gives everything that `servant` gives (`k8s.io/component-helpers/auth/rbac/validation`, `Covers`): every single verb,
/// group, resource and name of it is covered by one rule.
pub(super) fn covers(owner: &[PolicyRule], servant: &PolicyRule) -> bool {
    let groups = list(servant.api_groups.as_ref());
    let names = list(servant.resource_names.as_ref());
    let resource_covered = |verb: &String, group: &String, resource: &String, name: Option<&String>| {
        owner.iter().any(|rule| {
            let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            let resources = list(rule.resources.as_ref());
            let own_names = list(rule.resource_names.as_ref());
            (has(&rule.verbs, ALL) || has(&rule.verbs, verb))
                && (has(list(rule.api_groups.as_ref()), ALL) || has(list(rule.api_groups.as_ref()), group))
                && (has(resources, ALL) || has(resources, resource) || sub.is_some_and(|sub| has(resources, &sub)))
                && (own_names.is_empty() || name.is_some_and(|name| has(own_names, name)))
        })
    };
    let resources = list(servant.resources.as_ref()).iter().all(|resource| {
        servant.verbs.iter().all(|verb| {
            groups.iter().all(|group| match names {
                [] => resource_covered(verb, group, resource, None),
                names => names.iter().all(|name| resource_covered(verb, group, resource, Some(name))),
            })
        })
    });
    let url_covered = |verb: &String, url: &String| {
        owner.iter().any(|rule| {
            (has(&rule.verbs, ALL) || has(&rule.verbs, verb))
                && list(rule.non_resource_urls.as_ref()).iter().any(|own| url_covers(own, url))
        })
    };
    resources && list(servant.non_resource_urls.as_ref()).iter().all(|url| servant.verbs.iter().all(|verb| url_covered(verb, url)))
}

/// A rule as one line, such as `get, list on secrets, pods/exec.apps named x`.
pub(super) fn describe(rule: &PolicyRule) -> String {
    let verbs = joined(&rule.verbs);
    let urls = list(rule.non_resource_urls.as_ref());
    if !urls.is_empty() {
        return format!("{verbs} on {}", joined(urls));
    }
    let groups: Vec<&str> = list(rule.api_groups.as_ref()).iter().map(|group| if group.is_empty() { "core" } else { group }).collect();
    let groups = match groups.as_slice() {
        ["core"] => String::new(),
        [ALL] => " of any group".to_owned(),
        groups => format!(" of {}", groups.join(", ")),
    };
    let names = list(rule.resource_names.as_ref());
    let names = if names.is_empty() { String::new() } else { format!(" named {}", joined(names)) };
    format!("{verbs} on {}{groups}{names}", joined(list(rule.resources.as_ref())))
}

/// What a list of a rule holds; not set is empty.
pub(super) fn list(values: Option<&Vec<String>>) -> &[String] {
    values.map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn has(values: &[String], wanted: &str) -> bool {
    values.iter().any(|value| value == wanted)
}

fn joined(values: &[String]) -> String {
    values.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(value: serde_json::Value) -> PolicyRule {
        serde_json::from_value(value).expect("a rule")
    }

    #[test]
    fn resources_match_as_in_kubernetes() {
        let of = |resources: &[&str]| rule(json!({"verbs": ["get"], "apiGroups": [""], "resources": resources}));
        for (written, resource, sub, allowed) in [
            ("pods", "pods", "", true),
            ("pods", "pods", "exec", false),
            ("pods/exec", "pods", "exec", true),
            ("pods/exec", "pods", "", false),
            ("pods/*", "pods", "exec", false),
            ("pods/*", "pods", "", false),
            ("*/exec", "pods", "exec", true),
            ("*/exec", "pods", "", false),
            ("*", "pods", "exec", true),
            ("*/*", "pods", "exec", false),
        ] {
            assert_eq!(allows_resource(&of(&[written]), "get", "", resource, sub, ""), allowed, "{written}: {resource}/{sub}");
        }
    }

    #[test]
    fn a_request_without_a_name_matches_no_rule_with_names() {
        let named = rule(json!({"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]}));
        assert!(allows_resource(&named, "get", "", "secrets", "", "a"));
        assert!(!allows_resource(&named, "get", "", "secrets", "", "b"));
        assert!(!allows_resource(&named, "list", "", "secrets", "", ""));
    }

    #[test]
    fn urls_match_by_their_beginning_only_with_a_star_at_the_end() {
        let of = |url: &str| rule(json!({"verbs": ["get"], "nonResourceURLs": [url]}));
        for (written, path, allowed) in [
            ("/healthz", "/healthz", true),
            ("/healthz", "/healthz/etcd", false),
            ("/healthz/*", "/healthz/etcd", true),
            ("/healthz/*", "/healthz", false),
            ("/healthz*", "/healthzz", true),
            ("/a/*/c", "/a/b/c", false),
            ("*", "/anything", true),
            ("/a**", "/ab", true),
        ] {
            assert_eq!(allows_url(&of(written), "get", path), allowed, "{written}: {path}");
        }
    }

    #[test]
    fn rules_cover_one_another_part_by_part() {
        let owner = [
            rule(json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "*/status"]})),
            rule(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]})),
        ];
        let of = |value: serde_json::Value| covers(&owner, &rule(value));
        assert!(of(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "nodes/status"]})));
        assert!(of(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]})));
        assert!(!of(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]})));
        assert!(!of(json!({"verbs": ["watch"], "apiGroups": [""], "resources": ["pods"]})));
        assert!(!of(json!({"verbs": ["get"], "nonResourceURLs": ["/metrics"]})));
    }
}
