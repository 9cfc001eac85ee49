//! One row per NetworkPolicy.

use super::policy::{Direction, Policy};
use super::world::{OddPolicy, World};
use crate::facts::Known;
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{
    CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, NAMESPACES, NETWORK_POLICIES, NODES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
};
use crate::model::{Evidence, ObjectRef};

table! {
    /// One row per `networking.k8s.io/v1` NetworkPolicy, with what it selects. Pods that have finished are left out; templates of
    /// controllers without pods are not.
    pub struct NetworkPolicyRow as "network_policies" counting "NetworkPolicies" from [NETWORK_POLICIES, NAMESPACES, NODES, PODS, REPLICA_SETS, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS, REPLICATION_CONTROLLERS] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// The directions that it isolates, sorted: its `policyTypes`, or what they are where it has none.
        directions: Vec<String>, at "/spec/policyTypes";
        /// Whether it selects every pod of its namespace, those to come too.
        every_pod: bool, at "/spec/podSelector";
        /// Its `podSelector` in words.
        selector: String, at "/spec/podSelector";
        /// Workloads that it selects, as `Kind/name`, sorted; those on the node's network are left out.
        workloads: Vec<String>, at "/spec/podSelector";
        /// Whether it selects nothing that it could isolate, and does not select every pod either.
        selects_nothing: Known<bool>, at "/spec/podSelector";
        /// What there is instead, in a few words; empty where it selects something.
        because: String, at "/spec/podSelector";
    }
}

/// The rows of all policies that were understood.
pub(super) fn rows(world: &World<'_>) -> Vec<Row> {
    let understood = world.every_policy().map(|(policy, origin)| row(world, policy, origin));
    understood.chain(world.odd_policies().iter().map(odd)).collect()
}

/// Of a policy that was not understood, nothing is known but where it is.
fn odd(policy: &OddPolicy) -> Row {
    let (namespace, name) = (policy.namespace.clone(), policy.name.clone());
    let typed = NetworkPolicyRow {
        namespace: namespace.clone(),
        name: name.clone(),
        directions: Vec::new(),
        every_pod: false,
        selector: "not understood".to_owned(),
        workloads: Vec::new(),
        selects_nothing: Known::Unknown(policy.unseen.clone()),
        because: String::new(),
    };
    Row::new(format!("{namespace}/{name}"), subject(&namespace, &name, &policy.origin), vec![policy.origin.clone()], typed)
}

fn subject(namespace: &str, name: &str, origin: &Evidence) -> ObjectRef {
    ObjectRef {
        kind: "NetworkPolicy".to_owned(),
        group: "networking.k8s.io".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
        uid: origin.object().and_then(|object| object.uid.clone()),
    }
}

fn row(world: &World<'_>, policy: &Policy, origin: &Evidence) -> Row {
    let in_namespace = || world.groups().filter(|group| group.namespace() == policy.namespace);
    let selected = || in_namespace().filter(|group| policy.selector.matches(&group.labels));
    let mut workloads: Vec<String> = selected().filter(|group| !group.host_network).map(|group| group.workload_text()).collect();
    workloads.sort();
    workloads.dedup();
    let selects_nothing = workloads.is_empty() && !policy.selector.is_empty();
    let because = match (selects_nothing, selected().next(), in_namespace().next()) {
        (false, ..) => "",
        (true, Some(_), _) => "what has these labels uses the node's network, which policies do not cover",
        (true, None, Some(_)) => "no workload of its namespace has these labels",
        (true, None, None) => "its namespace has no workload",
    };
    let directions = Direction::BOTH.into_iter().filter(|direction| policy.rules(*direction).is_some());
    let typed = NetworkPolicyRow {
        namespace: policy.namespace.clone(),
        name: policy.name.clone(),
        directions: directions.map(|direction| direction.as_str().to_owned()).collect(),
        every_pod: policy.selector.is_empty(),
        selector: if policy.selector.is_empty() { "every pod".to_owned() } else { policy.selector.to_string() },
        workloads,
        selects_nothing: Known::Known(selects_nothing),
        because: because.to_owned(),
    };
    let subject = subject(&policy.namespace, &policy.name, origin);
    Row::new(format!("{}/{}", policy.namespace, policy.name), subject, vec![origin.clone()], typed)
}
