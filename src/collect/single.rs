//! Sources that are one answer: ConfigMaps by name, URLs, and questions about the asking identity.

use serde::Deserialize;

use super::CollectError;
use super::inventory::{Amount, ConfigKey, Reach};
use super::metrics::Series;
use super::observed::Observed;
use super::pages::{Task, failed, is_text};
use super::redact::{Broken, Head, Keep, json_error, prune, prune_config_map};
use super::request::{Answer, Api, Ask, Failure};
use super::rights::{self, ExcessRight};
use crate::model::{SourceRecord, SourceState};
use crate::snapshot::SnapshotWriter;

/// The namespaces for which the identity's own rights are asked: what holds everywhere shows in any, and kube-system matters most.
pub(super) const RIGHTS_IN: [&str; 2] = ["default", "kube-system"];

/// One answer on its way into the snapshot.
struct Found {
    json: String,
    request: u64,
    received: String,
}

fn write(writer: &SnapshotWriter, task: &Task, found: Vec<Found>) -> Result<SourceRecord, CollectError> {
    let mut file = writer.source(&task.source)?;
    for found in found {
        file.push(&found.json)?;
        file.end_page(found.request, found.received);
    }
    let count = file.items();
    Ok(task.written(SourceState::Read { count, resource_version: None }, file.finish()?))
}

/// One ConfigMap. 404 to an allowed `get` by name says that there is none, and nothing is missing then.
pub(super) async fn config_map(
    api: &Api,
    writer: &SnapshotWriter,
    task: &Task,
    keys: &'static [ConfigKey],
) -> Result<SourceRecord, CollectError> {
    let metadata = Keep::parse(super::inventory::CONFIG_METADATA)?;
    let path = task.entry.path(&task.version);
    let answer = api.ask_for(Ask::get(path, "application/json"), |answer| {
        let text = std::str::from_utf8(&answer.body).map_err(|_| "not UTF-8".to_owned())?;
        let mut json = String::new();
        is_config_map(text, task)?;
        prune_config_map(text, &metadata, keys, &mut json).map_err(|error| format!("not a ConfigMap: {error}"))?;
        Ok(Found { json, request: answer.id, received: answer.received })
    });
    match answer.await {
        Ok(found) => write(writer, task, vec![found]),
        // The answer names what it does not find: another one may speak of the path.
        Err(Failure::Status { code: 404, from_api: true, name: Some(name), .. })
            if task.source.object().is_some_and(|(_, own)| own == name) =>
        {
            Ok(task.record(SourceState::Read { count: 0, resource_version: None }))
        }
        Err(failure) => Ok(task.record(failed(&failure))),
    }
}

/// Whether this is the ConfigMap that was asked for.
fn is_config_map(text: &str, task: &Task) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        kind: String,
        api_version: String,
        metadata: Place,
    }
    #[derive(Deserialize)]
    struct Place {
        name: String,
        namespace: String,
    }
    let named: Named = serde_json::from_str(text).map_err(|error| format!("not a ConfigMap: {}", json_error(&error)))?;
    let is_it = (named.kind.as_str(), named.api_version.as_str()) == ("ConfigMap", "v1")
        && task.source.object() == Some((&named.metadata.namespace, &named.metadata.name));
    if is_it { Ok(()) } else { Err("not the ConfigMap that was asked for".to_owned()) }
}

/// What a URL answered.
enum Page {
    Json(Box<(Found, Answer)>),
    /// The text form that exists to keep programs from reading it.
    TextOnly,
}

/// `/version`, `/flagz`, `/statusz`. 404 and 406 of an API server say that it does not serve it, or not in a form that can be read
/// (up to 1.34 `/flagz` and `/statusz` have only a text form): that is `NotServed`.
pub(super) async fn url(
    api: &Api,
    writer: &SnapshotWriter,
    task: &Task,
    observed: &Observed,
) -> Result<(SourceRecord, Option<Failure>, Option<Answer>), CollectError> {
    let (Reach::Url { accept }, Amount::Fields(fields)) = (task.entry.reach, task.entry.amount) else {
        return Ok((task.record(SourceState::NotServed), None, None));
    };
    let keep = Keep::parse(fields)?;
    let path = task.source.resource();
    let versioned = path != "/version";
    let answer = api.ask_for(Ask::get(path, accept), |answer| {
        if versioned && is_text(&answer) && answer.has_audit_id() {
            return Ok(Page::TextOnly);
        }
        let text = std::str::from_utf8(&answer.body).map_err(|_| "not UTF-8".to_owned())?;
        if let Some(kind) = kind_of(path) {
            says(text, kind)?;
        }
        let mut json = String::new();
        prune(text, &keep, &Head::default().from_server(), None, &mut json).map_err(|error| format!("not the expected object: {error}"))?;
        Ok(Page::Json(Box::new((Found { json, request: answer.id, received: answer.received.clone() }, answer))))
    });
    match answer.await {
        Ok(Page::Json(page)) => {
            let (found, answer) = *page;
            if !versioned {
                observed.version(&answer.body);
            }
            Ok((write(writer, task, vec![found])?, None, Some(answer)))
        }
        Ok(Page::TextOnly) => Ok((task.record(SourceState::NotServed), None, None)),
        Err(Failure::Status { code: 404 | 406, from_api: true, .. }) if versioned => Ok((task.record(SourceState::NotServed), None, None)),
        Err(failure) => Ok((task.record(failed(&failure)), Some(failure), None)),
    }
}

fn kind_of(path: &str) -> Option<&'static str> {
    match path {
        "/flagz" => Some("Flagz"),
        "/statusz" => Some("Statusz"),
        _ => None,
    }
}

/// Whether a page is the one of its kind (KEP-4828, KEP-4827).
fn says(text: &str, kind: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Says {
        kind: String,
        api_version: String,
    }
    let said: Says = serde_json::from_str(text).map_err(|error| format!("not the expected object: {}", json_error(&error)))?;
    let is_it = said.kind == kind && said.api_version.starts_with("config.k8s.io/");
    if is_it { Ok(()) } else { Err(format!("not the expected object: not of kind {kind}")) }
}

/// `/metrics`, read as it comes.
pub(super) async fn metrics(api: &Api, writer: &SnapshotWriter, task: &Task) -> Result<SourceRecord, CollectError> {
    let Reach::Url { accept } = task.entry.reach else { return Ok(task.record(SourceState::NotServed)) };
    let mut series = Series::default();
    match api.stream(Ask::get(task.source.resource(), accept), &mut series).await {
        Ok(answer) => {
            let found = series.finish();
            if !found.is_page {
                let why = "not a page of metrics";
                api.log().unusable(answer.id, why);
                return Ok(task.record(SourceState::Failed { why: why.to_owned() }));
            }
            api.log().items(answer.id, found.lines.len() as u64);
            let mut file = writer.source(&task.source)?;
            for line in &found.lines {
                file.push(line)?;
            }
            file.end_page(answer.id, answer.received);
            let count = file.items();
            let state = match found.why_not_all {
                Some(why) => SourceState::Partial { read: count, why },
                None => SourceState::Read { count, resource_version: None },
            };
            Ok(task.written(state, file.finish()?))
        }
        Err(Failure::Status { code: 404, from_api: true, .. }) => Ok(task.record(SourceState::NotServed)),
        Err(failure) => Ok(task.record(failed(&failure))),
    }
}

/// One question about the asking identity, and what may be stored of the answer.
pub(super) async fn ask_review(api: &Api, task: &Task, keep: &Keep, spec: Option<&serde_json::Value>) -> Result<(String, Answer), Failure> {
    let version = format!("{}/{}", task.source.api_group(), task.version);
    let mut question = serde_json::json!({"apiVersion": version, "kind": task.entry.kind});
    if let Some(spec) = spec {
        question["spec"] = spec.clone();
    }
    api.ask_for(Ask::review(task.entry.path(&task.version), question.to_string()), |answer| {
        let text = std::str::from_utf8(&answer.body).map_err(|_| "not UTF-8".to_owned())?;
        let mut json = String::new();
        prune(text, keep, &Head::default().from_server(), Some((&version, task.entry.kind)), &mut json)
            .map_err(|error: Broken| format!("not the expected object: {error}"))?;
        Ok((json, answer))
    })
    .await
}

/// As whom the cluster is read (SelfSubjectReview, KEP-3325).
pub(super) async fn identity(
    api: &Api,
    writer: &SnapshotWriter,
    task: &Task,
    observed: &Observed,
) -> Result<(SourceRecord, Option<Failure>), CollectError> {
    let Amount::Fields(fields) = task.entry.amount else { return Ok((task.record(SourceState::NotServed), None)) };
    match ask_review(api, task, &Keep::parse(fields)?, None).await {
        Ok((json, answer)) => {
            observed.review(&answer.body);
            Ok((write(writer, task, vec![Found { json, request: answer.id, received: answer.received }])?, None))
        }
        Err(failure) => Ok((task.record(failed(&failure)), Some(failure))),
    }
}

/// Which rights the asking identity holds in the namespaces of [`RIGHTS_IN`] (SelfSubjectRulesReview).
pub(super) async fn own_rights(api: &Api, task: &Task) -> Result<(Vec<(String, Answer)>, Vec<ReviewedRules>), CollectErrorOr> {
    let Amount::Fields(fields) = task.entry.amount else { return Ok((Vec::new(), Vec::new())) };
    let keep = Keep::parse(fields).map_err(CollectError::from)?;
    let (mut found, mut rules) = (Vec::new(), Vec::new());
    for namespace in RIGHTS_IN {
        let spec = serde_json::json!({"namespace": namespace});
        let (json, answer) = ask_review(api, task, &keep, Some(&spec)).await?;
        rules.push(ReviewedRules::read(&answer.body, namespace));
        found.push((json, answer));
    }
    Ok((found, rules))
}

/// Either the collection ends, or only this source.
pub(super) enum CollectErrorOr {
    Collect(CollectError),
    Source(Failure),
}

impl From<CollectError> for CollectErrorOr {
    fn from(error: CollectError) -> Self {
        Self::Collect(error)
    }
}

impl From<Failure> for CollectErrorOr {
    fn from(failure: Failure) -> Self {
        Self::Source(failure)
    }
}

/// [`own_rights`] into the snapshot.
pub(super) async fn rights(api: &Api, writer: &SnapshotWriter, task: &Task) -> Result<(SourceRecord, Vec<ExcessRight>), CollectError> {
    match own_rights(api, task).await {
        Ok((found, rules)) => {
            let found = found.into_iter().map(|(json, answer)| Found { json, request: answer.id, received: answer.received });
            Ok((write(writer, task, found.collect())?, rights::excess(&rules)))
        }
        Err(CollectErrorOr::Source(failure)) => Ok((task.record(failed(&failure)), vec![rights::unknown(&failure.to_string())])),
        Err(CollectErrorOr::Collect(error)) => Err(error),
    }
}

/// One request without credentials; stored are the status code, and whether a Kubernetes API said it: a list of namespaces, or a
/// Status. What stands in between (a proxy, a login page) answers for itself.
pub(super) async fn anonymous(api: &Api, writer: &SnapshotWriter, task: &Task) -> Result<SourceRecord, CollectError> {
    let (status, from_api, request, received) = match api.ask(Ask::list(task.entry.path("v1"), "application/json")).await {
        Ok(answer) => (answer.status, is_namespace_list(&answer.body), answer.id, answer.received),
        // A refusal is the answer to this question.
        Err(Failure::Status { code, from_api, request, .. }) if code < 500 && code != 429 => {
            (code, from_api, request, super::clock::now_millis())
        }
        Err(failure) => return Ok(task.record(SourceState::Failed { why: failure.to_string() })),
    };
    let json = serde_json::json!({"status": status, "from_api": from_api}).to_string();
    write(writer, task, vec![Found { json, request, received }])
}

fn is_namespace_list(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    serde_json::from_slice::<Kind>(body).is_ok_and(|body| body.kind == "NamespaceList")
}

/// The rights of the asking identity in one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReviewedRules {
    pub(super) namespace: String,
    pub(super) rules: Vec<ReviewedRule>,
    /// Why these may not be all: some authorizers cannot list rights.
    pub(super) incomplete: Option<String>,
}

/// One rule as the server tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ReviewedRule {
    pub(super) verbs: Vec<String>,
    pub(super) api_groups: Vec<String>,
    pub(super) resources: Vec<String>,
}

impl ReviewedRules {
    fn read(answer: &[u8], namespace: &str) -> Self {
        #[derive(Deserialize)]
        struct Review {
            status: Status,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            #[serde(default)]
            resource_rules: Option<Vec<ReviewedRule>>,
            #[serde(default)]
            incomplete: bool,
            #[serde(default)]
            evaluation_error: String,
        }
        let (rules, incomplete) = match serde_json::from_slice::<Review>(answer) {
            Ok(Review { status }) => {
                let why = if status.evaluation_error.is_empty() { "it gave no reason".to_owned() } else { status.evaluation_error };
                (status.resource_rules.unwrap_or_default(), status.incomplete.then_some(why))
            }
            Err(error) => (Vec::new(), Some(format!("its answer cannot be read: {}", json_error(&error)))),
        };
        Self { namespace: namespace.to_owned(), rules, incomplete }
    }
}
