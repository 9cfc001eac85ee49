//! What this identity can and cannot read: one SelfSubjectAccessReview per entry of the inventory. The only objects that are read are the
//! names of namespaces: a Role for a ConfigMap can be granted only where its namespace exists.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use serde::Deserialize;

use super::discovery::Discovery;
use super::inventory::{Entry, Part, Reach, inventory};
use super::observed::Observed;
use super::pages::{METADATA_ACCEPT, query};
use super::redact::{Keep, json_error};
use super::request::{Api, Ask, Failure};
use super::rights::{self, ExcessRight};
use super::single::{self, CollectErrorOr};
use super::{Clients, CollectError, CollectOptions, clock, run};
use crate::model::{AccessRule, Identity, SourceId, SourceState};

/// Whether one source can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Can {
    /// The server says yes.
    Read,
    /// The server says no.
    Refused {
        /// The rule that would allow it.
        missing_rule: AccessRule,
        /// The server's words, where it gave any.
        why: String,
    },
    /// The cluster does not have it: nothing is missing.
    NotServed,
    /// Registered, but its server does not answer.
    Stale {
        /// What discovery said.
        why: String,
    },
    /// The question was not answered.
    Unknown {
        /// What happened.
        why: String,
    },
}

/// One line of `preflight`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The source.
    pub source: SourceId,
    /// Which of the shipped roles holds the right.
    pub part: Part,
    /// Why it is read.
    pub purpose: &'static str,
    /// The answer.
    pub can: Can,
}

/// The whole of `preflight`.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// As whom.
    pub identity: Identity,
    /// The URL that was asked.
    pub server: String,
    /// The server's version, where it said one.
    pub version: Option<String>,
    /// One line per source, sorted.
    pub checks: Vec<Check>,
    /// Rights that reading does not need.
    pub excess_rights: Vec<ExcessRight>,
}

/// Asks what the identity of `config` can read.
pub async fn preflight(config: kube::Config, options: CollectOptions) -> Result<Preflight, CollectError> {
    let started = clock::instant();
    let clients = Clients::new(config, options.timeout).await?;
    // The time for everything has begun with the credentials.
    let timeout = options.timeout.saturating_sub(started.elapsed());
    preflight_with(clients, CollectOptions { timeout, ..options }).await
}

/// [`preflight`] over connections that are there already.
pub async fn preflight_with(clients: Clients, options: CollectOptions) -> Result<Preflight, CollectError> {
    let deadline = clock::instant().checked_add(options.timeout);
    let api = Api::new(clients.authenticated.clone(), &options, deadline).with_credentials(clients.credentials.clone());
    let server = clients.server.clone();
    let observed = Arc::new(Observed::default());
    match api.ask(Ask::get("/version", "application/json")).await {
        Ok(answer) => observed.version(&answer.body),
        Err(Failure::Status { code: 401, message, .. }) => return Err(CollectError::Unauthenticated { server, message }),
        Err(Failure::Status { .. } | Failure::Garbage(_) | Failure::TooLarge) => {}
        Err(Failure::Credentials(why)) => return Err(CollectError::Client { server, why }),
        Err(failure) => return Err(CollectError::Unreachable { server, why: failure.to_string() }),
    }
    let discovery = Discovery::run(&api).await;
    let mut excess_rights = Vec::new();
    for entry in inventory().iter().filter(|entry| entry.reach == Reach::SelfReview) {
        let is_rules = entry.source.resource() == "selfsubjectrulesreviews";
        let task = match run::locate(entry, &discovery) {
            Ok(task) => task,
            Err(state) => {
                if is_rules {
                    excess_rights = vec![rights::unknown(state.why().unwrap_or("it is not served"))];
                }
                continue;
            }
        };
        if is_rules {
            match single::own_rights(&api, &task).await {
                Ok((_, rules)) => excess_rights = rights::excess(&rules),
                Err(CollectErrorOr::Source(failure)) => excess_rights = vec![rights::unknown(&failure.to_string())],
                Err(CollectErrorOr::Collect(error)) => return Err(error),
            }
            continue;
        }
        match single::ask_review(&api, &task, &Keep::Whole, None).await {
            Ok((_, answer)) => observed.review(&answer.body),
            Err(Failure::Status { code: 401, message, .. }) => return Err(CollectError::Unauthenticated { server, message }),
            Err(_) => {}
        }
    }
    let namespaces = namespaces(&api).await;
    let places = namespaces.as_ref();
    let asked = inventory().iter().filter_map(|entry| entry.rule().map(|rule| check(&api, &discovery, places, entry, rule)));
    let mut checks: Vec<Check> = stream::iter(asked).buffer_unordered(options.parallelism.max(1)).collect().await;
    checks.sort_by(|a, b| a.source.cmp(&b.source));
    let facts = observed.facts();
    Ok(Preflight { identity: facts.identity(), server, version: facts.server_version(), checks, excess_rights })
}

/// The names of all namespaces; `None` when they cannot be listed to the end.
async fn namespaces(api: &Api) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct List {
        metadata: ListMeta,
        items: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct ListMeta {
        #[serde(default, rename = "continue")]
        next: Option<String>,
    }
    #[derive(Deserialize)]
    struct Item {
        metadata: Name,
    }
    #[derive(Deserialize)]
    struct Name {
        name: String,
    }
    let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut token = String::new();
    loop {
        let mut path = "/api/v1/namespaces?limit=500".to_owned();
        if !token.is_empty() {
            path.push_str("&continue=");
            path.push_str(&token);
        }
        let list = api.ask_for(Ask::list(path, METADATA_ACCEPT), |answer| {
            serde_json::from_slice::<List>(&answer.body).map_err(|error| format!("not a list: {}", json_error(&error)))
        });
        let list = list.await.ok()?;
        names.extend(list.items.into_iter().map(|item| item.metadata.name));
        match list.metadata.next.filter(|next| !next.is_empty()).map(|next| query(&next)) {
            Some(next) if seen.insert(next.clone()) => token = next,
            Some(_) => return None,
            None => return Some(names),
        }
    }
}

async fn check(api: &Api, discovery: &Discovery, namespaces: Option<&BTreeSet<String>>, entry: &'static Entry, rule: AccessRule) -> Check {
    let nowhere = matches!(entry.reach, Reach::ConfigMap | Reach::In(_))
        && rule.namespace.as_ref().is_some_and(|namespace| namespaces.is_some_and(|known| !known.contains(namespace)));
    let can = match run::locate(entry, discovery) {
        Err(SourceState::Stale { why }) => Can::Stale { why },
        Err(SourceState::Failed { why }) => Can::Unknown { why },
        Err(_) => Can::NotServed,
        Ok(_) if nowhere => Can::NotServed,
        Ok(_) => allowed(api, entry, rule).await,
    };
    Check { source: entry.source.clone(), part: entry.part, purpose: entry.why, can }
}

async fn allowed(api: &Api, entry: &Entry, rule: AccessRule) -> Can {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
        #[serde(default)]
        reason: String,
    }
    let verb = rule.verbs.first().map_or("", String::as_str);
    let spec = if entry.source.is_url() {
        serde_json::json!({"nonResourceAttributes": {"path": entry.source.resource(), "verb": verb}})
    } else {
        serde_json::json!({"resourceAttributes": {
            "verb": verb,
            "group": entry.source.api_group(),
            "resource": entry.source.resource(),
            "namespace": rule.namespace.as_deref().unwrap_or(""),
            "name": rule.resource_names.first().map_or("", String::as_str),
        }})
    };
    let question = serde_json::json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec});
    let asked = api.ask_for(Ask::review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", question.to_string()), |answer| {
        serde_json::from_slice::<Review>(&answer.body).map_err(|error| format!("not the expected object: {}", json_error(&error)))
    });
    match asked.await {
        Ok(Review { status: Status { allowed: true, .. } }) => Can::Read,
        Ok(Review { status: Status { reason, .. } }) => Can::Refused { missing_rule: rule, why: reason },
        Err(failure) => Can::Unknown { why: failure.to_string() },
    }
}
