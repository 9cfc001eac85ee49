//! What the collector would store of one object or one answer, by the very code that it runs. The cases beside controls go through it:
//! a case must not show a control more than a cluster ever would.

use serde_json::Value;

use super::inventory::{Amount, CONFIG_METADATA, Entry, METADATA, Reach, entry, inventory};
use super::metrics::Series;
use super::redact::{Broken, Head, Keep, KeepError, prune, prune_config_map};
use super::request::Sink;
use crate::model::SourceId;

/// An object as it would stand in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Under which source.
    pub source: SourceId,
    /// Its kind.
    pub kind: String,
    /// Its JSON.
    pub json: String,
}

/// Why nothing of it would be stored.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// It does not say what it is.
    #[error("it has no apiVersion and kind")]
    Unnamed,
    /// The inventory has no entry for it.
    #[error("nothing reads it: the inventory has no entry for {what}")]
    Unread {
        /// What it is.
        what: String,
    },
    /// Only objects of another namespace are read.
    #[error("nothing reads it: {what} is read in the namespace {only} only")]
    Elsewhere {
        /// What it is.
        what: String,
        /// Where it is read.
        only: &'static str,
    },
    /// It does not have the shape of its kind. The collector leaves it out, and its source is partial.
    #[error("{why}")]
    Broken {
        /// Under which source it would stand.
        id: SourceId,
        /// What is wrong with it.
        why: Broken,
    },
    /// An allow-list of this program is wrong.
    #[error(transparent)]
    AllowList(#[from] KeepError),
    /// A series that is not kept, or never with this value.
    #[error("no snapshot holds the series {series}: {why}")]
    Series {
        /// As it was given.
        series: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The answer to a probe has other fields.
    #[error("a probe is stored as `status` and `from_api`, and nothing else")]
    Probe,
}

/// One object of a list.
pub fn stored_object(object: &Value) -> Result<Stored, NotStored> {
    let (found, source) = found(object)?;
    let (version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    let json = pruned(found, &object.to_string(), Some((version, kind)))?;
    Ok(Stored { source, kind: kind.to_owned(), json })
}

/// Under which source an object would stand, and its kind, whatever else it says.
pub fn source_of(object: &Value) -> Result<(SourceId, String), NotStored> {
    found(object).map(|(_, source)| (source, text(object, "kind").to_owned()))
}

fn text<'o>(object: &'o Value, name: &str) -> &'o str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn found(object: &Value) -> Result<(&'static Entry, SourceId), NotStored> {
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    if api_version.is_empty() || kind.is_empty() {
        return Err(NotStored::Unnamed);
    }
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    let what = || format!("{kind} of {api_version}");
    let metadata = |name: &str| object.pointer(&format!("/metadata/{name}")).and_then(Value::as_str).unwrap_or_default();
    let found = inventory().iter().filter(|entry| entry.source.api_group() == group).find(|entry| match entry.reach {
        Reach::ConfigMap => entry.kind == kind && entry.source.object() == Some((metadata("namespace"), metadata("name"))),
        Reach::KindsOf => true,
        // Most ConfigMaps are read by name.
        Reach::In(only) if kind == "ConfigMap" => entry.kind == kind && metadata("namespace") == only,
        Reach::Everywhere | Reach::In(_) => entry.kind == kind,
        Reach::Url { .. } | Reach::SelfReview | Reach::Anonymous => false,
    });
    let Some(found) = found else {
        let name = if kind == "ConfigMap" { format!(" named {}/{}", metadata("namespace"), metadata("name")) } else { String::new() };
        return Err(NotStored::Unread { what: format!("{}{name}", what()) });
    };
    if let Reach::In(only) = found.reach
        && metadata("namespace") != only
    {
        return Err(NotStored::Elsewhere { what: what(), only });
    }
    // Whoever defines kinds of such a group calls the resource as the kind in lower case (Gatekeeper's constraints).
    let source = if found.reach == Reach::KindsOf { SourceId::dynamic(group, &kind.to_lowercase()) } else { found.source.clone() };
    Ok((found, source))
}

fn pruned(entry: &Entry, text: &str, kind: Option<(&str, &str)>) -> Result<String, NotStored> {
    let mut json = String::new();
    let metadata = Keep::parse(METADATA)?;
    let head = |text| if kind.is_some() { Head::of(text) } else { Ok(Head::default()) };
    let done = match entry.amount {
        Amount::Keys(keys) => prune_config_map(text, &Keep::parse(CONFIG_METADATA)?, keys, &mut json),
        Amount::Fields(fields) => {
            let keep = Keep::parse(fields)?;
            head(text).and_then(|head| prune(text, &keep, &head, kind, &mut json))
        }
        Amount::Metadata => head(text).and_then(|head| prune(text, &metadata, &head, kind, &mut json)),
        // These hold no objects: see `stored_answer`.
        Amount::Series | Amount::Status => return Err(NotStored::Unread { what: entry.source.to_string() }),
    };
    match done {
        Ok(()) => Ok(json),
        Err(why) => Err(NotStored::Broken { id: entry.source.clone(), why }),
    }
}

/// What a URL, a probe or a read by name answered, as it would be stored: one JSON text per line. Series are given as they stand in a
/// snapshot (`{"name", "labels", "value"}`), because of a counter only `0` or `>0` is kept.
pub fn stored_answer(source: &SourceId, content: &Value) -> Result<Vec<String>, NotStored> {
    let Some(found) = entry(source) else { return Err(NotStored::Unread { what: source.to_string() }) };
    let many = || match content {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    match (found.reach, found.amount) {
        (_, Amount::Series) => many().iter().map(series).collect(),
        (Reach::Anonymous, _) => {
            let fields = content.as_object().ok_or(NotStored::Probe)?;
            let known = fields.keys().all(|name| matches!(name.as_str(), "status" | "from_api"));
            if known { Ok(vec![content.to_string()]) } else { Err(NotStored::Probe) }
        }
        (Reach::Url { .. } | Reach::ConfigMap | Reach::SelfReview, _) => {
            many().iter().map(|answer| pruned(found, &answer.to_string(), None)).collect()
        }
        _ => many().iter().map(|object| stored_object(object).map(|stored| stored.json)).collect(),
    }
}

/// One series, by way of the page that a server would send.
fn series(given: &Value) -> Result<String, NotStored> {
    let fail = |why| NotStored::Series { series: given.to_string(), why };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let value = given.get("value").map(text).unwrap_or_default();
    let name = given.get("name").and_then(Value::as_str).ok_or_else(|| fail("it has no name"))?;
    let labels: Vec<String> = given
        .get("labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}=\"{}\"", text(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")))
        .collect();
    let number = if value == ">0" { "1" } else { value.as_str() };
    let mut page = Series::default();
    page.begin();
    page.bytes(format!("{name}{{{}}} {number}\n", labels.join(",")).as_bytes());
    page.end();
    // Beside the series itself, a page holds what is reckoned from it.
    let of_it = format!("{{\"name\":{},", Value::from(name));
    let kept = page
        .finish()
        .lines
        .into_iter()
        .find(|line| line.starts_with(&of_it))
        .ok_or_else(|| fail("its family is not read, or it is no series"))?;
    match serde_json::from_str::<Value>(&kept).ok().and_then(|kept| kept.get("value").map(text)) {
        Some(stored) if stored == value => Ok(kept),
        _ => Err(fail("of a counter only `0` or `>0` is stored")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata() -> Value {
        json!({"name": "db", "namespace": "records"})
    }

    #[test]
    fn only_what_the_allow_list_names_is_left() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata(), "spec": {"hostname": "a", "future": true}});
        let stored = stored_object(&pod).expect("pods are read");
        assert_eq!(stored.source, SourceId::core("pods"));
        assert_eq!(
            stored.json,
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"db","namespace":"records"},"spec":{"hostname":"a"}}"#
        );
    }

    #[test]
    fn what_nothing_reads_is_named() {
        let refused = |object: Value| stored_object(&object).expect_err("not read").to_string();
        let secret = refused(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata()}));
        assert_eq!(secret, "nothing reads it: the inventory has no entry for Secret of v1");
        let map = refused(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata()}));
        assert_eq!(map, "nothing reads it: the inventory has no entry for ConfigMap of v1 named records/db");
        let lease = refused(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata()}));
        assert!(lease.ends_with("is read in the namespace kube-system only"), "{lease}");
        assert_eq!(refused(json!({"kind": "Pod"})), "it has no apiVersion and kind");
        assert_eq!(refused(json!({"apiVersion": "v1", "kind": "Pod"})), "it has no metadata.name");
    }

    #[test]
    fn kinds_that_users_define_fall_under_their_group() {
        let object = json!({"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "K8sAllowedRepos", "metadata": {"name": "a"},
                            "spec": {"enforcementAction": "deny", "parameters": {"secret": "x"}}});
        let stored = stored_object(&object).expect("constraints are read");
        assert_eq!(stored.source.to_string(), "k8sallowedrepos.constraints.gatekeeper.sh");
        assert!(!stored.json.contains("secret"), "{}", stored.json);
    }

    #[test]
    fn series_are_those_that_a_snapshot_can_hold() {
        let metrics = SourceId::url("/metrics");
        let counter = |value: &str| json!([{"name": "apiserver_audit_level_total", "labels": {"level": "None"}, "value": value}]);
        assert_eq!(stored_answer(&metrics, &counter(">0")).expect("kept").len(), 1);
        assert!(stored_answer(&metrics, &counter("0")).is_ok());
        assert!(stored_answer(&metrics, &counter("12")).is_err(), "of a counter the value is not kept");
        assert!(stored_answer(&metrics, &json!([{"name": "go_goroutines", "labels": {}, "value": "5"}])).is_err());
    }

    #[test]
    fn answers_lose_what_the_collector_does_not_keep() {
        let flags = json!({"flags": {"audit-log-maxage": "30", "etcd-prefix-of-mine": "secret"}, "more": 1});
        let lines = stored_answer(&SourceId::url("/flagz"), &flags).expect("read");
        assert!(!lines[0].contains("secret") && !lines[0].contains("more") && lines[0].contains("\"30\""), "{lines:?}");
        let probe = SourceId::probe("anonymous-request");
        assert!(stored_answer(&probe, &json!({"status": 200, "from_api": true})).is_ok());
        assert!(stored_answer(&probe, &json!({"status": 200, "body": "x"})).is_err());
        assert!(stored_answer(&SourceId::url("/healthz"), &json!({})).is_err());
    }
}
