//! What an audit policy that somebody handed over records, and what it leaves out.

mod decide;
mod requests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use decide::{Asker, Decision, Target, decide, levels};
use requests::{Credential, Documented, Place, REQUESTS};

use super::context::Context;
use super::table::read::Reader;
use super::table::schema::{Row, TableRow, table};
use super::{FactsError, Family, Known};
use crate::model::sources::NAMESPACES;
use crate::model::{AUDIT_POLICIES, AuditLevel, AuditPolicy, Evidence, Grade, ImportedFile, ObjectRef, Reading, Unseen};

table! {
    /// One row per audit policy that was handed over (`--import`, `imports/` of a workspace; grade D), documented request, and namespace
    /// in which it would be made: which rule decides about it, by the rules of the API server (k8s.io/apiserver/pkg/audit/policy). Rows
    /// of one kind of request share their key. Who asks is a person whom no rule names, in the group system:authenticated only; whom
    /// rules leave out by name stands in `left_out`. Whether the API server uses the file, and each of several does, no API shows: the
    /// table `audit` compares it with the counters. Without such a file there is one row, of which nothing is known.
    pub struct AuditPolicyRow as "audit_policy" counting "kinds of requests", always from [NAMESPACES] consulting [AUDIT_POLICIES] {
        /// The file; empty where none was handed over.
        file: String;
        /// What kind of request, as a noun such as `commands in containers`.
        about: &'static str;
        /// The request: verb and resource, such as `create pods/exec` or `patch deployments.apps`.
        request: String;
        /// Whether it is among those that a policy is to record; the others are there for what their bodies hold.
        wanted: bool;
        /// The number of the rule that decides, from 1; null where none fits, and nothing is recorded.
        rule: Known<Option<i64>>;
        /// `None`, `Metadata`, `Request` or `RequestResponse`.
        level: Known<&'static str>;
        /// Stages of which an event is made, in their order, by what `omitStages` of the policy and of the rule leave.
        stages: Known<Vec<String>>;
        /// Whether an event is made when the request is received, or when its answer begins or ends.
        records: Known<bool>;
        /// Users and groups for whom another rule decides, and makes no event: `user NAME`, `group NAME`, `user NAME in group NAME`, sorted.
        /// Without components of the cluster: kubelets, users whose name begins with `system:kube-`, the API server, and accounts of kube-system.
        left_out: Known<Vec<String>>;
        /// Whether the event holds a credential in clear: the body of a Secret, of a token that is issued, or of one that is checked.
        credentials: Known<bool>;
    }
}

pub(super) const FAMILY: Family =
    Family { schemas: || vec![AuditPolicyRow::schema()], rows: |context, _| rows(context).map(|rows| vec![rows]) };

/// A policy with where it was seen.
pub(in crate::facts) struct Policy {
    pub(in crate::facts) file: String,
    pub(in crate::facts) policy: AuditPolicy,
    /// The whole file; a pointer into it is a pointer into what stands in the file.
    pub(in crate::facts) origin: Evidence,
}

impl Policy {
    /// What a finding about it is about.
    pub(in crate::facts) fn subject(&self) -> ObjectRef {
        subject(&self.file)
    }
}

fn subject(file: &str) -> ObjectRef {
    let name = if file.is_empty() { "audit policy" } else { file };
    ObjectRef { kind: "Policy".to_owned(), group: "audit.k8s.io".to_owned(), namespace: None, name: name.to_owned(), uid: None }
}

/// Every policy that was handed over, or why none is known.
pub(in crate::facts) fn handed_over(reader: &Reader<'_>) -> Result<Known<Vec<Policy>>, FactsError> {
    let mut all = Vec::new();
    let mut broken = false;
    reader.each_stored(&AUDIT_POLICIES, |stored| match serde_json::from_str::<ImportedFile>(&stored.json) {
        Ok(ImportedFile { metadata, sha256, policy }) => {
            let reading = Reading {
                source: AUDIT_POLICIES,
                object: Some(Arc::new(subject(&metadata.name))),
                resource_version: None,
                sha256,
                collected_at: stored.collected_at.clone(),
                request: None,
            };
            let origin = Evidence { grade: Grade::ImportedFile, reading: Arc::new(reading), pointer: Cow::Borrowed("") };
            all.push(Policy { file: metadata.name, policy, origin });
        }
        Err(error) => {
            broken = true;
            reader.not_understood(&AUDIT_POLICIES, &stored, &error.to_string());
        }
    })?;
    if all.is_empty() && !broken && !reader.is_known(&AUDIT_POLICIES) {
        return Ok(Known::Known(all));
    }
    Ok(reader.known_if_complete(&AUDIT_POLICIES, || all))
}

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let namespaces: Vec<String> = context.namespaces()?.labels().into_keys().collect();
    let unseen = match handed_over(&context.reader)? {
        Known::Known(policies) if !policies.is_empty() => {
            return Ok(policies.iter().flat_map(|policy| Judged::new(policy).rows(&namespaces)).collect());
        }
        Known::Known(_) => Unseen::not_visible(
            "what the audit policy records",
            "it is a file on the host of the API server that no API shows, and none was handed over",
            "Hand over the file of --audit-policy-file: `--import FILE`, or put it into imports/ of the workspace.",
        ),
        Known::Unknown(unseen) => unseen,
    };
    let origin = Evidence {
        grade: Grade::ImportedFile,
        reading: Arc::new(Reading {
            source: AUDIT_POLICIES,
            object: None,
            resource_version: None,
            sha256: String::new(),
            collected_at: context.reader.collected().into(),
            request: None,
        }),
        pointer: Cow::Borrowed(""),
    };
    let typed = AuditPolicyRow {
        file: String::new(),
        about: "",
        request: String::new(),
        wanted: true,
        rule: Known::Unknown(unseen.clone()),
        level: Known::Unknown(unseen.clone()),
        stages: Known::Unknown(unseen.clone()),
        records: Known::Unknown(unseen.clone()),
        left_out: Known::Unknown(unseen.clone()),
        credentials: Known::Unknown(unseen),
    };
    Ok(vec![Row::new(String::new(), subject(""), vec![origin], typed)])
}

/// Somebody whom a rule names.
struct Named {
    words: String,
    user: String,
    groups: Vec<String>,
}

/// Verb, group, resource, namespace, and whether there is no user.
type Question<'q> = (&'q str, &'q str, &'q str, &'q str, bool);

/// One policy, with what does not depend on the request.
struct Judged<'p> {
    of: &'p Policy,
    /// Namespaces that some rule names: all others are one and the same to it.
    named: BTreeSet<&'p str>,
    /// Whom a rule names that makes no event.
    silent: Vec<Named>,
    known: BTreeMap<(String, String, bool), (Decision, Vec<String>)>,
}

impl<'p> Judged<'p> {
    fn new(of: &'p Policy) -> Self {
        let rules = &of.policy.rules;
        let named = rules.iter().flat_map(|rule| &rule.namespaces).map(String::as_str).collect();
        let mut silent: BTreeMap<String, Named> = BTreeMap::new();
        for rule in rules {
            let omits = |stage: &&str| rule.omit_stages.iter().chain(&of.policy.omit_stages).any(|one| one == stage);
            if rule.level != AuditLevel::None && !["RequestReceived", "ResponseStarted", "ResponseComplete"].iter().all(omits) {
                continue;
            }
            let groups: Vec<Option<&String>> =
                if rule.user_groups.is_empty() { vec![None] } else { rule.user_groups.iter().map(Some).collect() };
            for group in groups {
                if rule.users.is_empty() {
                    silent.extend(group.map(|group| named_group(group)));
                }
                silent.extend(rule.users.iter().map(|user| named_user(user, group)));
            }
        }
        silent.retain(|_, one| !is_component(one));
        Self { of, named, silent: silent.into_values().collect(), known: BTreeMap::new() }
    }

    fn rows(mut self, namespaces: &[String]) -> Vec<Row> {
        let mut rows = Vec::new();
        for documented in REQUESTS {
            for resource in documented.resources {
                for verb in documented.verbs {
                    match documented.place {
                        Place::Cluster => rows.push(self.row(documented, verb, resource, None)),
                        Place::Namespaced | Place::OnNamespace => {
                            rows.extend(namespaces.iter().map(|namespace| self.row(documented, verb, resource, Some(namespace))));
                        }
                    }
                }
            }
        }
        rows
    }

    fn row(&mut self, documented: &Documented, verb: &str, resource: &str, namespace: Option<&String>) -> Row {
        let within = namespace.map_or("", String::as_str);
        let name = if documented.place == Place::OnNamespace { within } else { "" };
        let asked = (verb, documented.group, resource, within, documented.nobody);
        let (decision, left_out) = self.answer(asked, name);
        let text = match documented.group {
            "" => format!("{verb} {resource}"),
            group => match resource.split_once('/') {
                Some((resource, sub)) => format!("{verb} {resource}.{group}/{sub}"),
                None => format!("{verb} {resource}.{group}"),
            },
        };
        let records = records(&decision);
        let credentials = match (documented.credential)(verb) {
            Credential::Nowhere => false,
            Credential::Sent => decision.level >= AuditLevel::Request && bodies(&decision),
            Credential::Answered => decision.level == AuditLevel::RequestResponse && bodies(&decision),
        };
        let typed = AuditPolicyRow {
            file: self.of.file.clone(),
            about: documented.about,
            request: text,
            wanted: documented.wanted,
            rule: Known::Known(decision.rule.and_then(|at| i64::try_from(at + 1).ok())),
            level: Known::Known(decision.level.word()),
            stages: Known::Known(decision.stages.iter().map(|stage| (*stage).to_owned()).collect()),
            records: Known::Known(records),
            left_out: Known::Known(left_out),
            credentials: Known::Known(credentials),
        };
        let origin = match decision.rule {
            Some(at) => self.of.origin.at(format!("/rules/{at}")),
            None => self.of.origin.at("/rules"),
        };
        Row::new(documented.about.to_owned(), self.of.subject(), vec![origin], typed).in_namespace(namespace.cloned())
    }

    /// The same for every namespace that no rule names.
    fn answer(&mut self, (verb, group, resource, namespace, nobody): Question<'_>, name: &str) -> (Decision, Vec<String>) {
        let class = if namespace.is_empty() || self.named.contains(namespace) { namespace } else { "*" };
        // A name of its own has what is asked of a namespace, and rules may name it.
        let key = (format!("{verb} {group} {resource} {class}"), name.to_owned(), nobody);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let target = Target::Resource { group, resource, subresource, namespace, name };
        let person = Asker { name: "somebody whom no rule names", groups: vec!["system:authenticated".to_owned()] };
        let decision = decide(&self.of.policy, (!nobody).then_some(&person), verb, target);
        let mut left_out = Vec::new();
        if records(&decision) && !nobody {
            for one in &self.silent {
                let asker = Asker { name: &one.user, groups: one.groups.clone() };
                if !records(&decide(&self.of.policy, Some(&asker), verb, target)) {
                    left_out.push(one.words.clone());
                }
            }
        }
        self.known.insert(key, (decision.clone(), left_out.clone()));
        (decision, left_out)
    }
}

/// A panic is the only event of few requests.
fn records(decision: &Decision) -> bool {
    decision.level != AuditLevel::None && decision.stages.iter().any(|stage| *stage != "Panic")
}

/// Bodies stand in the events that are made once the request was read: all but the first (pkg/endpoints/filters/audit.go).
fn bodies(decision: &Decision) -> bool {
    decision.stages.iter().any(|stage| *stage != "RequestReceived")
}

fn named_group(group: &str) -> (String, Named) {
    let words = format!("group {group}");
    let mut groups = vec![group.to_owned()];
    if !matches!(group, "system:authenticated" | "system:unauthenticated") {
        groups.push("system:authenticated".to_owned());
    }
    (words.clone(), Named { words, user: "somebody whom no rule names".to_owned(), groups })
}

/// With the groups that the API server gives such a user by itself.
fn named_user(user: &str, group: Option<&String>) -> (String, Named) {
    let words = group.map_or_else(|| format!("user {user}"), |group| format!("user {user} in group {group}"));
    let mut groups: Vec<String> = group.into_iter().cloned().collect();
    let own = match user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        Some((namespace, _)) => vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")],
        None if user.starts_with("system:node:") => vec!["system:nodes".to_owned()],
        None => Vec::new(),
    };
    groups.extend(own);
    groups.push(if user == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" }.to_owned());
    groups.sort();
    groups.dedup();
    (words.clone(), Named { words, user: user.to_owned(), groups })
}

/// Kubernetes' own components: what they do all day is left out by most policies (the example policy of Kubernetes' cluster/gce does so).
fn is_component(one: &Named) -> bool {
    let user = ["system:kube-", "system:node:", "system:serviceaccount:kube-system:"].iter().any(|prefix| one.user.starts_with(prefix))
        || matches!(one.user.as_str(), "system:apiserver" | "system:unsecured" | "system:volume-scheduler");
    let group = |group: &str| matches!(group, "system:nodes" | "system:serviceaccounts:kube-system");
    user || (one.words.starts_with("group ") && one.groups.iter().any(|name| group(name)))
}
