//! Which rule of an audit policy decides about a request, as k8s.io/apiserver/pkg/audit/policy/checker.go (v0.36.3) has it.

use crate::model::{AUDIT_STAGES, AuditLevel, AuditPolicy, AuditResources, AuditRule};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker<'a> {
    /// The user's name.
    pub name: &'a str,
    /// Groups.
    pub groups: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A resource of the API.
    Resource {
        /// API group; empty for the core group.
        group: &'a str,
        /// Plural name.
        resource: &'a str,
        /// Subresource; empty where there is none.
        subresource: &'a str,
        /// Namespace; empty where there is none.
        namespace: &'a str,
        /// Name of the object; empty for a list and for most of what is created.
        name: &'a str,
    },
    /// Any other path.
    Path(&'a str),
}

/// What a policy makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The place of the rule in the list, from 0; none where no rule fits, which is the level None.
    pub rule: Option<usize>,
    /// How much is recorded.
    pub level: AuditLevel,
    /// Stages that the policy does not leave out, in their order; not every request has each of them.
    pub stages: Vec<&'static str>,
    /// Whether managed fields are left out of bodies.
    pub omit_managed_fields: bool,
}

/// The first rule that fits decides; where none does, nothing is recorded.
pub fn decide(policy: &AuditPolicy, asker: Option<&Asker<'_>>, verb: &str, target: Target<'_>) -> Decision {
    let found = policy.rules.iter().enumerate().find(|(_, rule)| fits(rule, asker, verb, target));
    let omitted = |stage: &str| {
        let of_rule = found.is_some_and(|(_, rule)| rule.omit_stages.iter().any(|one| one == stage));
        of_rule || policy.omit_stages.iter().any(|one| one == stage)
    };
    Decision {
        rule: found.map(|(at, _)| at),
        level: found.map_or(AuditLevel::None, |(_, rule)| rule.level),
        stages: AUDIT_STAGES.into_iter().filter(|stage| !omitted(stage)).collect(),
        omit_managed_fields: found.and_then(|(_, rule)| rule.omit_managed_fields).unwrap_or(policy.omit_managed_fields),
    }
}

/// Every list that is not empty has to fit.
fn fits(rule: &AuditRule, asker: Option<&Asker<'_>>, verb: &str, target: Target<'_>) -> bool {
    let user = rule.users.is_empty() || asker.is_some_and(|asker| holds(&rule.users, asker.name));
    let group = rule.user_groups.is_empty() || asker.is_some_and(|asker| asker.groups.iter().any(|group| holds(&rule.user_groups, group)));
    user && group && (rule.verbs.is_empty() || holds(&rule.verbs, verb)) && fits_target(rule, target)
}

fn fits_target(rule: &AuditRule, target: Target<'_>) -> bool {
    if !rule.namespaces.is_empty() || !rule.resources.is_empty() {
        let Target::Resource { group, resource, subresource, namespace, name } = target else { return false };
        if !rule.namespaces.is_empty() && !holds(&rule.namespaces, namespace) {
            return false;
        }
        return rule.resources.is_empty() || rule.resources.iter().any(|one| fits_resource(one, group, (resource, subresource), name));
    }
    if !rule.non_resource_urls.is_empty() {
        let Target::Path(path) = target else { return false };
        return rule.non_resource_urls.iter().any(|url| fits_path(path, url));
    }
    true
}

fn fits_path(path: &str, url: &str) -> bool {
    url == "*" || url == path || (url.ends_with('*') && path.starts_with(url.trim_end_matches('*')))
}

/// `pods` is not `pods/log`; `*` is both.
fn fits_resource(one: &AuditResources, group: &str, (resource, subresource): (&str, &str), name: &str) -> bool {
    if one.group != group && one.group != "*" {
        return false;
    }
    if one.resources.is_empty() {
        return true;
    }
    if !one.resource_names.is_empty() && !holds(&one.resource_names, name) {
        return false;
    }
    one.resources.iter().any(|written| {
        let whole = match subresource {
            "" => written == resource,
            sub => written.split_once('/') == Some((resource, sub)),
        };
        whole
            || written == "*"
            || (!subresource.is_empty() && written.strip_prefix("*/") == Some(subresource))
            || written.strip_suffix("/*") == Some(resource)
    })
}

fn holds(list: &[String], wanted: &str) -> bool {
    list.iter().any(|one| one == wanted)
}

/// The levels that a policy can come to: those of its rules, and None unless one of them fits every request.
pub fn levels(policy: &AuditPolicy) -> Vec<AuditLevel> {
    let fits_all = |rule: &AuditRule| {
        rule.users.is_empty()
            && rule.user_groups.is_empty()
            && rule.verbs.is_empty()
            && rule.resources.is_empty()
            && rule.namespaces.is_empty()
            && rule.non_resource_urls.is_empty()
    };
    let last = policy.rules.iter().position(fits_all);
    // What stands behind such a rule decides nothing.
    let reached = last.map_or(policy.rules.len(), |last| last + 1);
    let mut levels: Vec<AuditLevel> = policy.rules.iter().take(reached).map(|rule| rule.level).collect();
    if last.is_none() {
        levels.push(AuditLevel::None);
    }
    levels.sort_unstable();
    levels.dedup();
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(level: AuditLevel) -> AuditRule {
        AuditRule { level, ..AuditRule::default() }
    }

    fn policy(rules: Vec<AuditRule>) -> AuditPolicy {
        AuditPolicy { rules, ..AuditPolicy::default() }
    }

    fn on(resources: &[&str]) -> Vec<AuditResources> {
        vec![AuditResources { group: String::new(), resources: owned(resources), resource_names: Vec::new() }]
    }

    fn owned(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    const EXEC: Target<'_> = Target::Resource { group: "", resource: "pods", subresource: "exec", namespace: "a", name: "db" };

    #[test]
    fn the_first_rule_that_fits_decides() {
        let both = policy(vec![
            AuditRule { verbs: owned(&["get"]), resources: on(&["pods/*"]), ..rule(AuditLevel::Metadata) },
            AuditRule { omit_stages: owned(&["RequestReceived"]), ..rule(AuditLevel::Request) },
        ]);
        let got = decide(&both, None, "get", EXEC);
        assert_eq!((got.rule, got.level, got.stages.len()), (Some(0), AuditLevel::Metadata, 4));
        let got = decide(&both, None, "create", EXEC);
        assert_eq!((got.rule, got.level, got.stages.len()), (Some(1), AuditLevel::Request, 3));
    }

    #[test]
    fn without_a_rule_nothing_is_recorded() {
        let got = decide(&policy(vec![AuditRule { resources: on(&["pods"]), ..rule(AuditLevel::Request) }]), None, "create", EXEC);
        assert_eq!((got.rule, got.level), (None, AuditLevel::None));
    }

    #[test]
    fn what_a_policy_can_come_to() {
        let all = policy(vec![
            AuditRule { verbs: owned(&["get"]), ..rule(AuditLevel::Request) },
            rule(AuditLevel::Metadata),
            rule(AuditLevel::None),
        ]);
        assert_eq!(levels(&all), [AuditLevel::Metadata, AuditLevel::Request]);
        assert_eq!(levels(&policy(all.rules[..1].to_vec())), [AuditLevel::None, AuditLevel::Request]);
    }
}
