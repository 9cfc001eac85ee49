use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::super::Known;
use super::policy::{Policy, Role};
use super::resolved::{Resolved, RoleInfo};
use super::rules::{ALL, describe, has, list};
use super::shipped::{Origin, Shipped};
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, KUBEADM_CONFIG, ROLE_BINDINGS, ROLES, VERSION};

/// Places of wildcards that one row carries as evidence.
const PLACES: usize = 3;

table! {
    /// One row per Role and ClusterRole, with what stands in it and how it differs from what Kubernetes ships under its name.
    pub struct RoleRow as "roles" counting "roles" from [CLUSTER_ROLES, ROLES] consulting [KUBEADM_CONFIG] {
        /// `Role` or `ClusterRole`.
        kind: &'static str;
        /// Namespace of a Role; not set for a ClusterRole.
        namespace: Option<String>, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// `kubernetes` or `kubeadm` where these ship a role of that name; `provider` where the name is one that cloud providers use, which
        /// proves nothing; else `own`.
        origin: &'static str, at "/metadata/name";
        /// Whether Kubernetes or kubeadm ships a role of that name.
        shipped: bool, at "/metadata/name";
        /// Whether the annotation `rbac.authorization.kubernetes.io/autoupdate` is `false`: the server no longer restores it when it starts.
        autoupdate_off: bool, at "/metadata/annotations/rbac.authorization.kubernetes.io~1autoupdate";
        /// Whether a shipped role gives more than is shipped (by the bootstrap policy of its minor version). Of an aggregated one, which is made to be extended, only what
        /// gives a new kind of dangerous reach counts.
        widened: Known<bool>, at "/rules", needs [VERSION];
        /// Rules that a shipped role holds beyond what is shipped, in words.
        extra_rules: Vec<String>, at "/rules";
        /// Whether it is put together by aggregation; its rules are read as stored.
        aggregated: bool, at "/aggregationRule";
        /// ClusterRoles that its selectors take in and that are not shipped, sorted.
        aggregates: Vec<String>, at "/aggregationRule";
        /// Rules with a wildcard as verb, resource (such as `*/scale`), API group or whole URL, in words. Reading all kinds of one API group that is not Kubernetes' own is
        /// left out: such kinds may be defined by users and cannot be named.
        wildcards: Vec<String>, at "/rules";
        /// All rules in words.
        rules: Vec<String>, at "/rules";
        /// Number of bindings that refer to it.
        bindings: Known<i64>, needs [CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS];
        /// Who holds it, sorted; grants that Kubernetes or kubeadm ships are left out.
        holders: Known<Vec<String>>, needs [CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS];
    }
}

/// Who holds each role, and how many bindings refer to it.
type Uses = BTreeMap<usize, (i64, Vec<String>)>;

pub(super) fn rows(resolved: &Resolved<'_>, bindings_read: &Known<()>) -> Vec<Row> {
    let mut uses: Uses = BTreeMap::new();
    for grant in &resolved.grants {
        let Some((_, index)) = grant.role else { continue };
        let (bindings, holders) = uses.entry(index).or_insert_with(|| (0, Vec::new()));
        *bindings += i64::from(grant.place.is_none_or(|place| place == 0));
        if !grant.is_shipped() {
            holders.extend(grant.who.as_ref().map(|who| who.text()));
        }
    }
    for (_, holders) in uses.values_mut() {
        holders.sort();
        holders.dedup();
    }
    let row = |(index, (role, info))| row(resolved, role, info, uses.get(&index), bindings_read);
    resolved.policy.roles.iter().zip(&resolved.roles).enumerate().map(row).collect()
}

fn row(resolved: &Resolved<'_>, role: &Role, info: &RoleInfo, uses: Option<&(i64, Vec<String>)>, bindings_read: &Known<()>) -> Row {
    let wild = |index: &usize| role.rules.get(*index).is_some_and(is_wild);
    let wildcards: Vec<usize> = (0..role.rules.len()).filter(wild).collect();
    let (bindings, holders) = uses.cloned().unwrap_or((0, Vec::new()));
    let typed = RoleRow {
        kind: role.kind(),
        namespace: role.namespace.clone(),
        name: role.name.clone(),
        origin: info.origin.word(),
        shipped: matches!(info.origin, Origin::Kubernetes | Origin::Kubeadm),
        autoupdate_off: role.manual,
        widened: info.widened.clone(),
        extra_rules: info.extra_text(role),
        aggregated: role.selectors.is_some(),
        aggregates: aggregates(resolved.policy, &resolved.shipped, role),
        wildcards: wildcards.iter().filter_map(|&index| role.rules.get(index)).map(describe).collect(),
        rules: role.rules.iter().map(describe).collect(),
        bindings: bindings_read.clone().map(|()| bindings),
        holders: bindings_read.clone().map(|()| holders),
    };
    let object = role.object();
    let key = object.to_string();
    let place = |index: &usize| role.rule_evidence(*index);
    Row::new(key, object, vec![role.origin.clone()], typed)
        .evidenced("wildcards", wildcards.iter().filter_map(place).take(PLACES))
        .evidenced("widened", info.extra.iter().filter_map(place).take(PLACES))
}

fn is_wild(rule: &PolicyRule) -> bool {
    let groups = list(rule.api_groups.as_ref());
    let resources = list(rule.resources.as_ref());
    // Kubernetes' own groups are the core one, those without a dot, and those of k8s.io.
    let foreign = |group: &String| group.contains('.') && group != "k8s.io" && !group.ends_with(".k8s.io");
    let only_read = rule.verbs.iter().all(|verb| matches!(verb.as_str(), "get" | "list" | "watch"));
    // A subresource of whatever has it; the other way round (`pods/*`) matches nothing.
    let any_resource = resources.iter().any(|resource| resource == ALL || (resource.starts_with("*/") && resource != "*/*"));
    // A beginning such as `/api/*` says what it is for; these are every URL.
    let any_url = list(rule.non_resource_urls.as_ref()).iter().any(|url| url.trim_start_matches('/').starts_with(ALL));
    has(&rule.verbs, ALL) || has(groups, ALL) || any_url || (any_resource && !(only_read && groups.iter().all(foreign)))
}

/// ClusterRoles of somebody's own that the selectors take in.
fn aggregates(policy: &Policy, shipped: &Shipped, role: &Role) -> Vec<String> {
    let Some(selectors) = &role.selectors else { return Vec::new() };
    let mut names: Vec<String> = policy
        .roles
        .iter()
        .filter(|other| other.namespace.is_none() && other.name != role.name)
        .filter(|other| shipped.role(other).is_none())
        .filter(|other| selectors.iter().any(|selector| selects(selector, &other.labels)))
        .map(|other| other.name.clone())
        .collect();
    names.sort();
    names
}

/// apimachinery `LabelSelectorAsSelector`.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let holds = |requirement: &LabelSelectorRequirement| {
        let value = labels.get(&requirement.key);
        let among = value.is_some_and(|value| has(list(requirement.values.as_ref()), value));
        match requirement.operator.as_str() {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    };
    equal && selector.match_expressions.iter().flatten().all(holds)
}
