//! What an audit policy that somebody handed over records, and what it leaves out.

mod decide;
mod requests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use decide::{Asker, Decision, Target, decide, levels};
use requests::{Credential, Documented, Place, REQUESTS, has_stage, spans_namespaces};

use super::context::Context;
use super::table::read::Reader;
use super::table::schema::{Row, TableRow, table};
use super::{FactsError, Family, Known};
use crate::model::sources::NAMESPACES;
use crate::model::{AUDIT_POLICIES, AuditLevel, AuditPolicy, AuditRule, Evidence, Grade, ImportedFile, ObjectRef, Reading, Unseen};

table! {
    /// One row per audit policy that was handed over (`--import`, `imports/` of a workspace; grade D), documented request, and namespace
    /// in which it would be made: which rule decides about it, by the rules of the API server (k8s.io/apiserver/pkg/audit/policy). What is
    /// listed and watched is asked over all namespaces, too, which is a request without a namespace. Rows of one kind of request share
    /// their key. Who asks is a person whom no rule names, in the group system:authenticated only; whom
    /// rules leave out by name stands in `left_out`. Whether the API server uses the file, and each of several does, no API shows: the
    /// table `audit` compares it with the counters. Without such a file there is one row, of which nothing is known.
    pub struct AuditPolicyRow as "audit_policy" counting "kinds of requests", always from [NAMESPACES] consulting [AUDIT_POLICIES] {
        /// The file; empty where none was handed over.
        file: String;
        /// What kind of request, as a noun such as `commands in containers`.
        about: &'static str;
        /// The request: verb and resource, such as `create pods/exec`, `patch deployments.apps` or `list secrets over all namespaces`.
        request: String;
        /// Whether it is among those that a policy is to record; the others are there for what their bodies hold.
        wanted: bool;
        /// The number of the rule that decides, from 1; null where none fits, and nothing is recorded.
        rule: Known<Option<i64>>;
        /// `None`, `Metadata`, `Request` or `RequestResponse`.
        level: Known<&'static str>;
        /// Stages of which an event is made, in their order: those that such a request has, by what `omitStages` of the policy and of the
        /// rule leave. `ResponseStarted` is one of watches, proxies, logs and streams only, and the only one of a request that fails
        /// authentication.
        stages: Known<Vec<String>>;
        /// Whether an event is made when the request is received, or when its answer begins or ends.
        records: Known<bool>;
        /// Users and groups for whom another rule decides, and makes no event: `user NAME`, `group NAME`, `user NAME in group NAME`, sorted.
        /// Names are compared letter by letter, so that one with a `*`, and a group of Kubernetes among the users, is nobody's. Without
        /// components of the cluster: kubelets, users whose name begins with `system:kube-`, the API server (`system:apiserver`), accounts
        /// of kube-system, and `system:unsecured`, the user of a port that API servers had before 1.24.
        left_out: Known<Vec<String>>;
        /// Whether the event holds a credential in clear: the body of a Secret, of a token that is issued, or of one that is checked.
        credentials: Known<bool>;
        /// Who asks where it does, with the level and the rule that decides: `anybody whom no rule names`, and users and groups whom another
        /// rule names, as in `left_out`, with components of the cluster.
        credentials_of: Known<Vec<String>>;
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
        credentials: Known::Unknown(unseen.clone()),
        credentials_of: Known::Unknown(unseen),
    };
    Ok(vec![Row::new(String::new(), subject(""), vec![origin], typed)])
}

/// Somebody whom a rule names.
struct Named {
    words: String,
    user: String,
    groups: Vec<String>,
}

impl Named {
    fn asker(&self) -> Asker<'_> {
        Asker { name: &self.user, groups: self.groups.clone() }
    }
}

/// What is put to a policy.
#[derive(Clone, Copy)]
struct Question<'q> {
    verb: &'q str,
    group: &'q str,
    resource: &'q str,
    subresource: &'q str,
    namespace: &'q str,
    name: &'q str,
    /// Whether there is no user.
    nobody: bool,
    credential: Credential,
}

/// What a policy makes of it.
#[derive(Clone)]
struct Answer {
    decision: Decision,
    left_out: Vec<String>,
    /// Who asks where the event holds a credential, with the level and the place of the rule.
    credentials: Vec<(String, AuditLevel, Option<usize>)>,
}

/// One policy, with what does not depend on the request.
struct Judged<'p> {
    of: &'p Policy,
    /// Namespaces that some rule names: all others are one and the same to it.
    named: BTreeSet<&'p str>,
    /// Whom a rule names that makes no event of most requests.
    silent: Vec<Named>,
    /// Whom a rule names that writes bodies.
    telling: Vec<Named>,
    known: BTreeMap<(String, String, bool), Answer>,
}

impl<'p> Judged<'p> {
    fn new(of: &'p Policy) -> Self {
        let named = of.policy.rules.iter().flat_map(|rule| &rule.namespaces).map(String::as_str).collect();
        // Stages that every request of a user has; one that begins its answer as a stage of its own has these, too.
        let is_silent = |rule: &AuditRule| {
            let omits = |stage: &&str| rule.omit_stages.iter().chain(&of.policy.omit_stages).any(|one| one == stage);
            rule.level == AuditLevel::None || ["RequestReceived", "ResponseComplete"].iter().all(omits)
        };
        let mut silent = people(&of.policy, is_silent);
        silent.retain(|one| !is_component(one));
        let telling = people(&of.policy, |rule| rule.level >= AuditLevel::Request);
        Self { of, named, silent, telling, known: BTreeMap::new() }
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
                            if documented.place == Place::Namespaced && spans_namespaces(verb) {
                                rows.push(self.row(documented, verb, resource, None));
                            }
                        }
                    }
                }
            }
        }
        rows
    }

    fn row(&mut self, documented: &Documented, verb: &str, resource: &str, namespace: Option<&String>) -> Row {
        let within = namespace.map_or("", String::as_str);
        let (object, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let answer = self.answer(Question {
            verb,
            group: documented.group,
            resource: object,
            subresource,
            namespace: within,
            name: if documented.place == Place::OnNamespace { within } else { "" },
            nobody: documented.nobody,
            credential: (documented.credential)(verb),
        });
        let mut text = match (documented.group, subresource) {
            ("", _) => format!("{verb} {resource}"),
            (group, "") => format!("{verb} {resource}.{group}"),
            (group, sub) => format!("{verb} {object}.{group}/{sub}"),
        };
        if documented.place == Place::Namespaced && namespace.is_none() {
            text.push_str(" over all namespaces");
        }
        let Answer { decision, left_out, credentials } = answer;
        let words = |(who, level, rule): &(String, AuditLevel, Option<usize>)| {
            let rule = rule.map_or_else(String::new, |at| format!(", rule {}", at + 1));
            format!("{who} ({}{rule})", level.word())
        };
        let typed = AuditPolicyRow {
            file: self.of.file.clone(),
            about: documented.about,
            request: text,
            wanted: documented.wanted,
            rule: Known::Known(decision.rule.and_then(|at| i64::try_from(at + 1).ok())),
            level: Known::Known(decision.level.word()),
            stages: Known::Known(decision.stages.iter().map(|stage| (*stage).to_owned()).collect()),
            records: Known::Known(records(&decision)),
            left_out: Known::Known(left_out),
            credentials: Known::Known(!credentials.is_empty()),
            credentials_of: Known::Known(credentials.iter().map(words).collect()),
        };
        let origin = |rule: Option<usize>| match rule {
            Some(at) => self.of.origin.at(format!("/rules/{at}")),
            None => self.of.origin.at("/rules"),
        };
        let rules: BTreeSet<Option<usize>> = match credentials.is_empty() {
            true => BTreeSet::from([decision.rule]),
            false => credentials.iter().map(|(.., rule)| *rule).collect(),
        };
        let writing: Vec<Evidence> = rules.into_iter().map(origin).collect();
        Row::new(documented.about.to_owned(), self.of.subject(), vec![origin(decision.rule)], typed)
            .in_namespace(namespace.cloned())
            .evidenced("credentials", writing.clone())
            .evidenced("credentials_of", writing)
    }

    /// The same for every namespace that no rule names.
    fn answer(&mut self, asked: Question<'_>) -> Answer {
        let Question { verb, group, resource, subresource, namespace, name, nobody, credential } = asked;
        let class = if namespace.is_empty() || self.named.contains(namespace) { namespace } else { "*" };
        // A name of its own has what is asked of a namespace, and rules may name it.
        let key = (format!("{verb} {group} {resource}/{subresource} {class}"), name.to_owned(), nobody);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let person = Asker { name: SOMEBODY, groups: vec!["system:authenticated".to_owned()] };
        let decision = self.decided((!nobody).then_some(&person), asked);
        let (mut left_out, mut credentials) = (Vec::new(), Vec::new());
        if records(&decision) && !nobody {
            let unheard = |one: &&Named| !records(&self.decided(Some(&one.asker()), asked));
            left_out.extend(self.silent.iter().filter(unheard).map(|one| one.words.clone()));
        }
        if tells(&decision, credential) {
            credentials.push(("anybody whom no rule names".to_owned(), decision.level, decision.rule));
        }
        if credential != Credential::Nowhere && !nobody {
            for one in &self.telling {
                let theirs = self.decided(Some(&one.asker()), asked);
                if theirs.rule != decision.rule && tells(&theirs, credential) {
                    credentials.push((one.words.clone(), theirs.level, theirs.rule));
                }
            }
        }
        let answer = Answer { decision, left_out, credentials };
        self.known.insert(key, answer.clone());
        answer
    }

    /// With those stages only that such a request has.
    fn decided(&self, asker: Option<&Asker<'_>>, asked: Question<'_>) -> Decision {
        let Question { verb, group, resource, subresource, namespace, name, nobody, .. } = asked;
        let mut decision = decide(&self.of.policy, asker, verb, Target::Resource { group, resource, subresource, namespace, name });
        decision.stages.retain(|stage| has_stage(stage, verb, subresource, nobody));
        decision
    }
}

/// Whom those rules name for which `is_wanted`, sorted.
fn people(policy: &AuditPolicy, is_wanted: impl Fn(&AuditRule) -> bool) -> Vec<Named> {
    let mut found: BTreeMap<String, Named> = BTreeMap::new();
    for rule in policy.rules.iter().filter(|rule| is_wanted(rule)) {
        let groups: Vec<Option<&String>> = match rule.user_groups.is_empty() {
            true => vec![None],
            false => rule.user_groups.iter().filter(|group| !is_no_group(group)).map(Some).collect(),
        };
        for group in groups {
            if rule.users.is_empty() {
                found.extend(group.map(|group| named_group(group)));
            }
            found.extend(rule.users.iter().filter(|user| !is_no_user(user)).map(|user| named_user(user, group)));
        }
    }
    found.into_values().collect()
}

/// Whether no user has such a name: rules are compared letter by letter (checker.go, hasString), and whoever writes a wildcard, or a group
/// among the users, names nobody by it.
fn is_no_user(user: &str) -> bool {
    let is_account =
        |rest: &str| rest.split_once(':').is_some_and(|(namespace, name)| ![namespace, name].contains(&"") && !name.contains(':'));
    let of_kubernetes =
        ["system:authenticated", "system:unauthenticated", "system:masters", "system:nodes", "system:serviceaccounts"].contains(&user);
    user.contains('*')
        || of_kubernetes
        || user.starts_with("system:serviceaccounts:")
        || user.strip_prefix("system:serviceaccount:").is_some_and(|rest| !is_account(rest))
}

/// The same of a group.
fn is_no_group(group: &str) -> bool {
    group.contains('*')
        || group == "system:anonymous"
        || ["system:serviceaccount:", "system:node:"].iter().any(|user| group.starts_with(user))
}

/// A panic is the only event of few requests.
fn records(decision: &Decision) -> bool {
    decision.level != AuditLevel::None && decision.stages.iter().any(|stage| *stage != "Panic")
}

/// Bodies stand in the events that are made once the request was read: all but the first (pkg/endpoints/filters/audit.go).
fn bodies(decision: &Decision) -> bool {
    decision.stages.iter().any(|stage| *stage != "RequestReceived")
}

/// Whether the event holds the credential of such a request.
fn tells(decision: &Decision, credential: Credential) -> bool {
    let from = match credential {
        Credential::Nowhere => return false,
        Credential::Sent => AuditLevel::Request,
        Credential::Answered => AuditLevel::RequestResponse,
    };
    decision.level >= from && bodies(decision)
}

const SOMEBODY: &str = "somebody whom no rule names";

fn named_group(group: &str) -> (String, Named) {
    let words = format!("group {group}");
    let mut groups = vec![group.to_owned()];
    if !matches!(group, "system:authenticated" | "system:unauthenticated") {
        groups.push("system:authenticated".to_owned());
    }
    // Whoever is in the group of the accounts of one namespace is in that of all accounts.
    if group.starts_with("system:serviceaccounts:") {
        groups.push("system:serviceaccounts".to_owned());
    }
    (words.clone(), Named { words, user: SOMEBODY.to_owned(), groups })
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
        || matches!(one.user.as_str(), "system:apiserver" | "system:unsecured");
    let group = |group: &str| matches!(group, "system:nodes" | "system:serviceaccounts:kube-system");
    user || (one.words.starts_with("group ") && one.groups.iter().any(|name| group(name)))
}
