//! Rights on single objects by which what answers for webhooks is stopped or reconfigured.

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::asked::{CHANGE, DELETE};
use super::policy::RBAC;
use super::rules::{has, names, verb_matches};
use super::things::TEMPLATES;
use crate::facts::admission::Guard;
use crate::model::Unseen;

pub(super) const CHANGE_WORKLOADS: &str = "change workloads";
pub(super) const STOP: &str = "scale or delete what it needs";
pub(super) const CONTAINERS: &str = "add containers";
pub(super) const ENTER: &str = "enter pods";
pub(super) const SECRETS: &str = "overwrite Secrets";
pub(super) const TRAFFIC: &str = "redirect traffic";
pub(super) const ISOLATION: &str = "write NetworkPolicies";
pub(super) const CONFIG: &str = "write ConfigMaps";
pub(super) const ACCOUNTS: &str = "become its accounts";

/// Which names count.
#[derive(Clone, Copy)]
enum Of {
    /// Any: what such an object says can be changed so that it is about the guard.
    Any,
    Services,
    Workloads,
    /// Those that begin as a workload does.
    Pods,
    Accounts,
    Configs,
    Secrets,
    /// Nobody sees whose they are; their names may say it.
    Others,
}

type Resource = (&'static str, &'static str, &'static str);

const BY_NAME: &[(&[&str], &[Resource], Of, &str)] = &[
    // A pod of any workload of the namespace may run as the account of the guard, and with its labels.
    (CHANGE, TEMPLATES, Of::Any, CHANGE_WORKLOADS),
    (CHANGE, &[("apps", "deployments", "scale"), ("apps", "statefulsets", "scale"), ("apps", "daemonsets", "status")], Of::Workloads, STOP),
    (DELETE, &[("apps", "deployments", ""), ("apps", "statefulsets", ""), ("apps", "daemonsets", "")], Of::Workloads, STOP),
    (DELETE, &[("apps", "replicasets", ""), ("", "pods", "")], Of::Pods, STOP),
    (CHANGE, &[("apps", "replicasets", "scale")], Of::Pods, STOP),
    (&["create"], &[("", "pods", "eviction")], Of::Pods, STOP),
    (CHANGE, &[("", "resourcequotas", ""), ("", "limitranges", "")], Of::Any, STOP),
    (DELETE, &[("", "services", "")], Of::Services, STOP),
    (CHANGE, &[("", "services", ""), ("", "endpoints", "")], Of::Services, TRAFFIC),
    // A label says to which Service it belongs.
    (CHANGE, &[("discovery.k8s.io", "endpointslices", "")], Of::Any, TRAFFIC),
    (CHANGE, &[("networking.k8s.io", "networkpolicies", "")], Of::Any, ISOLATION),
    (&["update", "patch", "delete"], &[("", "configmaps", "")], Of::Configs, CONFIG),
    (&["update", "patch", "delete"], &[("", "secrets", "")], Of::Secrets, SECRETS),
    (&["create"], &[("", "serviceaccounts", "token")], Of::Accounts, ACCOUNTS),
    (&["impersonate"], &[("", "serviceaccounts", "")], Of::Accounts, ACCOUNTS),
    (DELETE, &[("", "serviceaccounts", "")], Of::Accounts, STOP),
    (DELETE, &[(RBAC, "roles", ""), (RBAC, "rolebindings", "")], Of::Others, STOP),
    (&["create", "get"], &[("", "pods", "exec"), ("", "pods", "attach"), ("", "pods", "portforward")], Of::Pods, ENTER),
    (CHANGE, &[("", "pods", "ephemeralcontainers"), ("", "pods", "")], Of::Pods, CONTAINERS),
];

/// What a rule with names lets somebody do to a guard, and why that may be more.
pub(super) fn by_name(rule: &PolicyRule, guard: &Guard) -> (Vec<&'static str>, Option<Unseen>) {
    let (mut words, mut doubt) = (Vec::new(), None);
    for &(verbs, resources, of, word) in BY_NAME {
        for &(group, resource, subresource) in resources {
            let Some(named) = names(rule, group, resource, subresource).filter(|named| !named.is_empty()) else { continue };
            // A request to delete a collection has no name.
            if !verbs.iter().any(|verb| *verb != "deletecollection" && verb_matches(rule, verb)) {
                continue;
            }
            if named.iter().any(|name| is_its(guard, of, name)) {
                words.push(word);
            } else if named.iter().any(|name| may_be_its(guard, name)) || (guard.unseen.is_some() && !matches!(of, Of::Services)) {
                doubt = guard.unseen.clone().or_else(|| Some(whose(resource, named)));
            }
        }
    }
    (words, doubt)
}

fn is_its(guard: &Guard, of: Of, name: &String) -> bool {
    let called_so = || guard.services.contains(name) || guard.workloads.contains(name) || guard.accounts.contains(name);
    match of {
        Of::Any => true,
        Of::Services => guard.services.contains(name),
        Of::Workloads => guard.workloads.contains(name),
        Of::Pods => guard.workloads.iter().any(|workload| name.strip_prefix(workload).is_some_and(|rest| rest.starts_with('-'))),
        Of::Accounts => guard.accounts.contains(name),
        Of::Configs => guard.configs.contains(name) || called_so(),
        Of::Secrets => guard.secrets.contains(name) || called_so(),
        Of::Others => called_so(),
    }
}

/// Whether a name begins with the same word as that of a Service, workload or account of the guard.
fn may_be_its(guard: &Guard, name: &str) -> bool {
    let word = |name: &str| name.split(['-', '.']).next().unwrap_or(name).to_owned();
    let own = guard.services.iter().chain(&guard.workloads).chain(&guard.accounts);
    own.filter(|own| *own != "default").any(|own| word(own) == word(name))
}

fn whose(resource: &str, named: &[String]) -> Unseen {
    let named = if has(named, "") { "without a name".to_owned() } else { named.join(", ") };
    Unseen::not_understood(
        format!("whether the {resource} {named} belong to what answers for admission webhooks there"),
        "a role names them, they are called as what answers is, and nothing shows that it reads or needs them",
        "Look at what the engine reads through the API, or take the names out of the role.",
    )
}
