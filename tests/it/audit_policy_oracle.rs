//! Reading and applying audit policies against Kubernetes' own code, for random policies and random requests.

use crate::support::oracle;

use kube_hipaa::facts::audit_policy::{Asker, Target, decide};
use kube_hipaa::imports::{Imported, read};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::cell::RefCell;

use oracle::{Failure, Oracle};

/// Requests that are put to one policy.
const REQUESTS: usize = 40;
/// Policies.
const POLICIES: u32 = 3000;

#[derive(Debug, Deserialize)]
struct Answer {
    refused: Option<String>,
    #[serde(default)]
    decisions: Vec<Decided>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Decided {
    level: String,
    stages: Vec<String>,
    omit_managed_fields: bool,
}

const USERS: &[&str] = &["", "alice", "system:serviceaccount:clinical:app", "system:anonymous"];
const GROUPS: &[&str] = &["system:authenticated", "system:masters", "", "ops"];
const VERBS: &[&str] = &["get", "list", "create", "delete", "watch", "*"];
const API_GROUPS: &[&str] = &["", "apps", "*", "rbac.authorization.k8s.io"];
const RESOURCES: &[&str] =
    &["pods", "pods/exec", "pods/*", "*/exec", "*", "secrets", "*/*", "/", "pods/", "/exec", "deployments/scale", "pods/exec/x"];
const NAMES: &[&str] = &["", "db", "app"];
const NAMESPACES: &[&str] = &["", "clinical", "web", "*"];
const PATHS: &[&str] = &["/healthz", "/healthz*", "*", "/api", "/*", "/"];
const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];
const STAGES: &[&str] = &["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];

/// What no API server reads, or not strictly.
const ODD: &[(&str, &str)] = &[
    ("level", "\"Everything\""),
    ("level", "\"\""),
    ("level", "1"),
    ("nonResourceURLs", "[\"healthz\"]"),
    ("nonResourceURLs", "[\"/a*b\"]"),
    ("nonResourceURLs", "[\"/a**\"]"),
    ("nonResourceURLs", "[\"\"]"),
    ("omitStages", "[\"Begin\"]"),
    ("resources", "[{\"group\":\"apps/v1\"}]"),
    ("resources", "[{\"group\":\"Apps\"}]"),
    ("resources", "[{\"group\":\"-a\"}]"),
    ("resources", "[{\"group\":\"a..b\"}]"),
    ("resources", "[{\"group\":\"\",\"resourceNames\":[\"a\"]}]"),
    ("resources", "[{\"group\":\"\",\"resources\":[],\"resourceNames\":[\"a\"]}]"),
    ("resources", "[{\"groups\":\"\"}]"),
    ("resources", "{}"),
    ("users", "\"alice\""),
    ("users", "[1]"),
    ("users", "[true]"),
    ("verbs", "[[\"get\"]]"),
    ("user", "[\"alice\"]"),
    ("Level", "\"None\""),
    ("omitManagedFields", "\"yes\""),
];

/// Strange, and read all the same.
const FINE: &[(&str, &str)] = &[
    ("users", "null"),
    ("resources", "null"),
    ("omitManagedFields", "null"),
    ("resources", "[{}]"),
    ("resources", "[{\"group\":null,\"resources\":null}]"),
    ("verbs", "[]"),
    ("nonResourceURLs", "[]"),
    ("users", "[\"1\"]"),
];

/// Up to three of them.
fn some(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    subsequence(of, 0..=3.min(of.len())).prop_map(|all| json!(all))
}

fn resources() -> impl Strategy<Value = Value> {
    let one = (select(API_GROUPS), some(RESOURCES), some(NAMES)).prop_map(|(group, resources, names)| {
        let mut one = json!({"group": group, "resources": resources});
        if resources.as_array().is_some_and(|all| !all.is_empty()) {
            one["resourceNames"] = names;
        }
        one
    });
    proptest::collection::vec(one, 0..3).prop_map(Value::from)
}

fn rule() -> impl Strategy<Value = Value> {
    let who = (any::<[bool; 6]>(), some(USERS), some(GROUPS), some(VERBS));
    let what = (resources(), some(NAMESPACES), some(PATHS), some(STAGES));
    (select(LEVELS), who, what, any::<Option<bool>>()).prop_map(
        |(level, (has, users, groups, verbs), (resources, namespaces, urls, stages), fields)| {
            let mut rule = Map::from_iter([("level".to_owned(), json!(level))]);
            let paths = has[3] && !has[4];
            let given = [
                (has[0] && has[5], "users", users),
                (has[1] && has[5], "userGroups", groups),
                (has[2], "verbs", verbs),
                (!paths, "resources", resources),
                (has[4], "namespaces", namespaces),
                (paths, "nonResourceURLs", urls),
                (has[5], "omitStages", stages),
            ];
            rule.extend(given.into_iter().filter(|(is_given, ..)| *is_given).map(|(_, name, value)| (name.to_owned(), value)));
            rule.extend(fields.map(|fields| ("omitManagedFields".to_owned(), json!(fields))));
            Value::Object(rule)
        },
    )
}

/// The text of a policy; about one in three has something odd in it.
fn policy() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        4 => Just(None),
        2 => select(ODD).prop_map(Some),
        1 => select(FINE).prop_map(Some),
    ];
    let head = prop_oneof![
        20 => Just(("audit.k8s.io/v1", "Policy")),
        1 => Just(("audit.k8s.io/v1beta1", "Policy")),
        1 => Just(("audit.k8s.io/v1", "Event")),
        1 => Just(("v1", "Policy")),
    ];
    (head, proptest::collection::vec(rule(), 0..5), some(STAGES), any::<bool>(), odd).prop_map(
        |((version, kind), rules, stages, fields, odd)| {
            let mut policy =
                json!({"apiVersion": version, "kind": kind, "rules": rules, "omitStages": stages, "omitManagedFields": fields});
            if let (Some((name, value)), Some(first)) = (odd, policy.pointer_mut("/rules/0").and_then(Value::as_object_mut)) {
                first.insert(name.to_owned(), serde_json::from_str(value).expect("JSON"));
            }
            policy.to_string()
        },
    )
}

#[derive(Clone, Debug)]
struct Request {
    user: Option<(String, Vec<String>)>,
    verb: &'static str,
    path: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    namespace: &'static str,
    name: &'static str,
}

fn request() -> impl Strategy<Value = Request> {
    let user = proptest::option::weighted(0.9, (select(USERS), subsequence(GROUPS, 0..=2)));
    let object = (
        select(&["", "apps", "rbac.authorization.k8s.io"][..]),
        select(&["pods", "secrets", "deployments"][..]),
        select(&["", "", "exec", "scale", "exec/x"][..]),
        select(&["", "clinical", "web"][..]),
        select(NAMES),
    );
    let path = prop_oneof![3 => Just(""), 1 => select(&["/healthz", "/healthz/etcd", "/api", "/"][..])];
    (user, select(VERBS), path, object).prop_map(|(user, verb, path, (group, resource, subresource, namespace, name))| Request {
        user: user.map(|(name, groups)| (name.to_owned(), groups.into_iter().map(str::to_owned).collect())),
        verb,
        path,
        group,
        resource,
        subresource,
        namespace,
        name,
    })
}

fn compare(oracle: &mut Oracle, text: &str, requests: &[Request]) -> Result<(usize, bool), Failure> {
    let asked: Vec<Value> = requests
        .iter()
        .map(|one| {
            json!({"user": one.user.as_ref().map(|(name, _)| name), "groups": one.user.as_ref().map(|(_, groups)| groups), "verb": one.verb, "path": one.path,
                "group": one.group, "resource": one.resource, "subresource": one.subresource, "namespace": one.namespace, "name": one.name})
        })
        .collect();
    let theirs: Answer = oracle.ask(&json!({"op": "audit_policy", "policy": text, "requests": asked}))?;
    let policy = match (read(text), &theirs.refused) {
        (Err(_), Some(_)) => return Ok((0, true)),
        (Ok(Imported::AuditPolicy(policy)), None) => policy,
        (ours, _) => return Err(format!("{text}\n  Kubernetes {:?}\n  we         {ours:?}", theirs.refused).into()),
    };
    for (one, theirs) in requests.iter().zip(&theirs.decisions) {
        let asker = one.user.as_ref().map(|(name, groups)| Asker { name, groups: groups.clone() });
        let target = match one.path {
            "" => Target::Resource {
                group: one.group,
                resource: one.resource,
                subresource: one.subresource,
                namespace: one.namespace,
                name: one.name,
            },
            path => Target::Path(path),
        };
        let decision = decide(&policy, asker.as_ref(), one.verb, target);
        let mut stages: Vec<String> = decision.stages.iter().map(|stage| (*stage).to_owned()).collect();
        stages.sort();
        let ours = Decided { level: decision.level.word().to_owned(), stages, omit_managed_fields: decision.omit_managed_fields };
        if ours != *theirs {
            return Err(format!("{text}\n{one:?}\n  Kubernetes {theirs:?}\n  we         {ours:?}").into());
        }
    }
    match theirs.decisions.len() == requests.len() {
        true => Ok((requests.len(), false)),
        false => Err(format!("{} answers of {}", theirs.decisions.len(), requests.len()).into()),
    }
}

#[test]
#[ignore = "needs the Kubernetes oracle: make test"]
fn audit_policies_decide_as_kubernetes_does() -> Result<(), Failure> {
    let oracle = RefCell::new(Oracle::start()?);
    let (asked, refused) = (RefCell::new(0), RefCell::new(0));
    let mut runner = TestRunner::new(Config { cases: POLICIES, failure_persistence: None, ..Config::default() });
    runner.run(&(policy(), proptest::collection::vec(request(), REQUESTS)), |(text, requests)| {
        let (questions, is_refused) =
            compare(&mut oracle.borrow_mut(), &text, &requests).map_err(|why| TestCaseError::fail(why.to_string()))?;
        *asked.borrow_mut() += questions;
        *refused.borrow_mut() += usize::from(is_refused);
        Ok(())
    })?;
    let (asked, refused) = (asked.into_inner(), refused.into_inner());
    assert!(asked >= 50_000 && refused >= 500, "only {asked} requests and {refused} refusals");
    Ok(())
}
