//! Rights that a reading identity should not have.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::single::ReviewedRules;

/// One right beyond reading, as the server reports it for the identity that collected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExcessRight {
    /// The verbs, sorted.
    pub verbs: Vec<String>,
    /// `resource.group`, sorted.
    pub resources: Vec<String>,
    /// What it would allow; alone, that the rights could not be listed.
    pub why: Cow<'static, str>,
}

/// That nothing can be said about rights beyond reading, or not everything.
pub(super) fn unknown(reason: &str) -> ExcessRight {
    let why = format!("the server could not list this identity's rights completely ({reason})");
    ExcessRight { verbs: Vec::new(), resources: Vec::new(), why: Cow::Owned(why) }
}

impl fmt::Display for ExcessRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.verbs.is_empty() && self.resources.is_empty() {
            return f.write_str(&self.why);
        }
        let all = |names: &[String], every: &str, one: &str, joint: &str| {
            if names.iter().any(|name| name == one) { every.to_owned() } else { names.join(joint) }
        };
        let verbs = all(&self.verbs, "every verb", "*", ", ");
        let resources = all(&self.resources, "every resource", "*.*", ", ");
        write!(f, "{verbs} on {resources}: {}", self.why)
    }
}

const READS: [&str; 3] = ["get", "list", "watch"];

/// What everyone may do (ClusterRole system:basic-user).
const SELF_REVIEWS: [&str; 3] = ["selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"];

pub(super) fn excess(reviewed: &[ReviewedRules]) -> Vec<ExcessRight> {
    // One line for all namespaces: the reason is the same.
    let mut found: BTreeSet<ExcessRight> =
        reviewed.iter().filter_map(|reviewed| reviewed.incomplete.as_deref()).take(1).map(unknown).collect();
    for rule in reviewed.iter().flat_map(|reviewed| &reviewed.rules) {
        let resources: Vec<&String> = rule.resources.iter().filter(|resource| !SELF_REVIEWS.contains(&resource.as_str())).collect();
        let any = |names: &[&str]| resources.iter().any(|resource| names.contains(&resource.as_str()));
        let verb = |names: &[&str]| rule.verbs.iter().any(|verb| verb == "*" || names.contains(&verb.as_str()));
        // Secrets are in the core group: `*` of another group does not reach them.
        let core = rule.api_groups.iter().any(|group| group.is_empty() || group == "*");
        if resources.is_empty() || rule.verbs.is_empty() {
            continue;
        }
        let why = if rule.verbs.iter().any(|verb| verb.starts_with("impersonate")) {
            "it can act as someone else"
        } else if rule.verbs.iter().any(|verb| !READS.contains(&verb.as_str())) {
            "it can change something"
        } else if core && any(&["*", "secrets"]) && verb(&READS) {
            "it can read Secrets"
        } else if any(&["nodes/proxy", "*/proxy"]) {
            "it can run commands in every pod of a node"
        } else if any(&["pods/exec", "pods/attach", "pods/portforward", "*/exec", "*/attach", "*/portforward"]) {
            "it can connect to pods"
        } else {
            continue;
        };
        let mut verbs = rule.verbs.clone();
        verbs.sort();
        let group = rule.api_groups.first().map_or("", String::as_str);
        let mut names: Vec<String> =
            resources.iter().map(|resource| if group.is_empty() { (*resource).clone() } else { format!("{resource}.{group}") }).collect();
        names.sort();
        found.insert(ExcessRight { verbs, resources: names, why: Cow::Borrowed(why) });
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::single::ReviewedRule;
    use super::*;

    fn found(verbs: &[&str], group: &str, resources: &[&str]) -> Option<Cow<'static, str>> {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let rule = ReviewedRule { verbs: owned(verbs), api_groups: vec![group.into()], resources: owned(resources) };
        excess(&[ReviewedRules { namespace: "default".into(), rules: vec![rule], incomplete: None }])
            .into_iter()
            .next()
            .map(|right| right.why)
    }

    #[test]
    fn the_shipped_rights_are_not_excess() {
        let rules = crate::collect::inventory::access_rules();
        for rule in rules.core.iter().chain(&rules.addons).chain(rules.namespaced.values().flatten()) {
            let strs = |list: &[String]| list.iter().map(String::clone).collect::<Vec<_>>();
            let (verbs, resources) = (strs(&rule.verbs), strs(&rule.resources));
            let verbs: Vec<&str> = verbs.iter().map(String::as_str).collect();
            let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
            let group = rule.api_groups.first().map_or("", String::as_str);
            assert_eq!(found(&verbs, group, &resources), None, "{rule}");
        }
        assert_eq!(found(&["create"], "authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]), None);
    }

    #[test]
    fn dangerous_rights_are_named() {
        assert_eq!(found(&["*"], "*", &["*"]), Some("it can change something".into()));
        assert_eq!(found(&["create"], "", &["pods"]), Some("it can change something".into()));
        assert_eq!(found(&["get", "list"], "", &["pods", "secrets"]), Some("it can read Secrets".into()));
        assert_eq!(found(&["list"], "", &["*"]), Some("it can read Secrets".into()));
        assert_eq!(found(&["get"], "", &["nodes/proxy"]), Some("it can run commands in every pod of a node".into()));
        assert_eq!(found(&["get"], "", &["pods/exec"]), Some("it can connect to pods".into()));
        assert_eq!(found(&["impersonate"], "", &["users"]), Some("it can act as someone else".into()));
    }
}
