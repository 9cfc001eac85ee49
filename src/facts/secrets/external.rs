//! The External Secrets Operator: ExternalSecrets, and the stores that they name (external-secrets apis/externalsecrets/v1).

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::bringer::{Bringer, LOOK, Operator, Refresh, Store, StoreKey, Where, World, age, is_new, named, subject, unknown};
use super::providers;
use crate::facts::custom::{Conditions, Custom, Says};
use crate::facts::settings::seconds;
use crate::facts::table::read::Reader;
use crate::facts::times::seconds_between;
use crate::facts::{FactsError, Known};
use crate::model::sources::{CLUSTER_SECRET_STORES, EXTERNAL_SECRETS, SECRET_STORES};
use crate::model::{Evidence, SourceId};

/// externalsecret_types.go, ExternalSecretSpec.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    secret_store_ref: Option<StoreRef>,
    target: Option<Target>,
    refresh_policy: Option<String>,
    refresh_interval: Option<String>,
    sync_windows: Option<IgnoredAny>,
    data: Option<Vec<From>>,
    data_from: Option<Vec<From>>,
}

#[derive(Debug, Deserialize)]
struct StoreRef {
    name: Option<String>,
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    name: Option<String>,
    creation_policy: Option<String>,
    deletion_policy: Option<String>,
    immutable: Option<bool>,
    manifest: Option<Manifest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    api_version: String,
    kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct From {
    source_ref: Option<SourceRef>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceRef {
    store_ref: Option<StoreRef>,
    generator_ref: Option<GeneratorRef>,
}

#[derive(Debug, Deserialize)]
struct GeneratorRef {
    kind: String,
}

/// ExternalSecretStatus.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    refresh_time: Option<String>,
    synced_resource_version: Option<String>,
    #[serde(flatten)]
    conditions: Conditions,
}

impl AsRef<Conditions> for Status {
    fn as_ref(&self) -> &Conditions {
        &self.conditions
    }
}

/// secretstore_types.go, SecretStoreSpec.
#[derive(Debug, Deserialize)]
struct StoreSpec {
    provider: Option<Map<String, Value>>,
    conditions: Option<Vec<StoreCondition>>,
}

/// Who may use a ClusterSecretStore: any of the names, selectors and expressions of any of the conditions lets a namespace in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoreCondition {
    namespace_selector: Option<LabelSelector>,
    namespace_regexes: Option<Vec<String>>,
}

const SECRET: &str = "ExternalSecret";
const STORE: &str = "SecretStore";
const CLUSTER_STORE: &str = "ClusterSecretStore";
/// The default of the CRD (`kubebuilder:default="1h0m0s"`).
const DEFAULT_INTERVAL: i64 = 3600;
/// How much longer than the interval a refresh may take at least: the operator tries again, and its queue may be long.
const LEAST_DELAY: i64 = 600;

pub(super) fn read(reader: &Reader<'_>, world: &mut World) -> Result<(), FactsError> {
    let (mut found, mut odd) = (Vec::new(), Vec::new());
    reader.each_or_odd::<Custom<Spec, Status>>(
        &EXTERNAL_SECRETS,
        |object, origin| match bringer(&object, origin.clone(), reader) {
            Some(bringer) => found.push(bringer),
            None => {
                reader.not_decoded(&EXTERNAL_SECRETS, object.metadata.namespace.clone(), named(SECRET, &object.metadata), "it has no spec")
            }
        },
        |one| odd.push(one),
    )?;
    world.bringers.extend(found);
    odd.into_iter().for_each(|one| world.odd_bringer(reader, Operator::External, SECRET, &EXTERNAL_SECRETS, one));
    for (kind, source) in [(STORE, &SECRET_STORES), (CLUSTER_STORE, &CLUSTER_SECRET_STORES)] {
        read_stores(reader, world, kind, source)?;
    }
    Ok(())
}

impl StoreRef {
    /// The store that is meant; a name that is empty means none, a kind that is empty a SecretStore (pkg/controllers/secretstore/
    /// client_manager.go, getStore).
    fn key(&self, namespace: &str) -> Option<StoreKey> {
        let name = self.name.as_deref().filter(|name| !name.is_empty())?.to_owned();
        let kind = self.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(STORE).to_owned();
        let namespace = if kind == CLUSTER_STORE { Where::Cluster } else { Where::In(namespace.to_owned()) };
        Some(StoreKey { kind, namespace, name })
    }
}

/// Where the values come from: what an entry names for itself goes before what the whole object names (client_manager.go, Get).
fn comes_from(spec: &Spec, namespace: &str) -> (BTreeSet<StoreKey>, BTreeSet<String>) {
    let (mut stores, mut generators) = (BTreeSet::new(), BTreeSet::new());
    let general = || spec.secret_store_ref.as_ref().and_then(|store| store.key(namespace));
    let entries: Vec<&From> = spec.data.iter().flatten().chain(spec.data_from.iter().flatten()).collect();
    for entry in &entries {
        let own = entry.source_ref.as_ref();
        let store = own.and_then(|own| own.store_ref.as_ref()).and_then(|store| store.key(namespace));
        match (store, own.and_then(|own| own.generator_ref.as_ref())) {
            (Some(store), _) => drop(stores.insert(store)),
            (None, Some(generator)) => drop(generators.insert(generator.kind.clone())),
            (None, None) => stores.extend(general()),
        }
    }
    if entries.is_empty() {
        stores.extend(general());
    }
    (stores, generators)
}

/// What is written, and as what. `Merge` changes a Secret that is there, `None` writes nothing (ExternalSecretCreationPolicy).
fn written(target: Option<&Target>, metadata: &ObjectMeta) -> (BTreeSet<String>, String) {
    let name = target.and_then(|target| target.name.clone()).filter(|name| !name.is_empty()).or_else(|| metadata.name.clone());
    let kind = match target.and_then(|target| target.manifest.as_ref()) {
        Some(manifest) => match manifest.api_version.split_once('/') {
            Some((group, _)) => format!("{}.{group}", manifest.kind),
            None => manifest.kind.clone(),
        },
        None => "Secret".to_owned(),
    };
    match target.and_then(|target| target.creation_policy.as_deref()) {
        Some("None") => (BTreeSet::new(), String::new()),
        _ => (name.into_iter().collect(), kind),
    }
}

fn bringer(object: &Custom<Spec, Status>, origin: Evidence, reader: &Reader<'_>) -> Option<Bringer> {
    let metadata = &object.metadata;
    let spec = &object.spec.as_ref()?.known;
    let namespace = metadata.namespace.as_deref().unwrap_or("");
    let target = spec.target.as_ref();
    let (stores, generators) = comes_from(spec, namespace);
    let (secrets, written_as) = written(target, metadata);
    let (ready, state) = ready(object, reader);
    Some(Bringer {
        operator: Operator::External,
        kind: SECRET,
        subject: subject(metadata, SECRET, &EXTERNAL_SECRETS),
        stores,
        generators,
        secrets,
        written_as,
        ready,
        state,
        refresh: refresh(spec, object, reader),
        deletion: target.and_then(|target| target.deletion_policy.clone()).unwrap_or_else(|| "Retain".to_owned()),
        sealed: Known::Known(None),
        sealed_for: "",
        places: &[
            ("ready", "/status/conditions"),
            ("stores", "/spec/secretStoreRef"),
            ("secrets", "/spec/target"),
            ("deletion", "/spec/target/deletionPolicy"),
            ("refreshes", "/spec/refreshInterval"),
            ("interval_seconds", "/spec/refreshInterval"),
            ("last_refresh", "/status/refreshTime"),
            ("overdue", "/status/refreshTime"),
        ],
        origin,
    })
}

/// The generation of the object that was synced last: the operator writes it before a sum of labels and annotations
/// (pkg/controllers/util/util.go, GetResourceVersion).
fn synced_generation(status: &Status) -> Option<i64> {
    status.synced_resource_version.as_deref()?.split('-').next()?.parse().ok()
}

/// Whether it is synced: the condition `Ready`, about the spec of today. The operator gives its conditions no generation, and writes the one
/// that it synced beside them (externalsecret_controller.go, markAsDone and markAsFailed).
fn ready(object: &Custom<Spec, Status>, reader: &Reader<'_>) -> (Known<bool>, String) {
    let metadata = &object.metadata;
    let what = || format!("whether {} is synced", named(SECRET, metadata));
    let status = object.status.as_ref().map(|status| &status.known);
    // Older operators wrote none; one that is there and cannot be read may be an older one.
    let behind = match (status.and_then(|status| status.synced_resource_version.as_ref()), metadata.generation) {
        (Some(_), Some(now)) => status.and_then(synced_generation).is_none_or(|synced| synced < now),
        _ => false,
    };
    match object.says("Ready") {
        Says::False(reason) => {
            let reason = reason.filter(|reason| !reason.is_empty()).map_or(String::new(), |reason| format!(" ({reason})"));
            (Known::Known(false), format!("is not synced, as its controller says{reason}"))
        }
        // Its provider had nothing under that name, and what was written before is gone.
        Says::True
            if status.is_some_and(|status| matches!(status.conditions.reason("Ready"), Some("SecretDeleted" | "ResourceDeleted"))) =>
        {
            (Known::Known(false), "brings nothing: its store holds no value, and the Secret was deleted".to_owned())
        }
        Says::True if behind => (
            Known::Unknown(unknown(
                what(),
                "what its controller says is not known to be about the generation of the object that was read",
                LOOK,
            )),
            String::new(),
        ),
        Says::True => (Known::Known(true), "is synced".to_owned()),
        Says::Outdated | Says::Unclear => (Known::Unknown(unknown(what(), "its controller says neither yes nor no", LOOK)), String::new()),
        Says::Silent if is_new(metadata, reader) => {
            (Known::Unknown(unknown(what(), "it is new, and its controller has said nothing yet", LOOK)), String::new())
        }
        Says::Silent => (Known::Known(false), "was never synced: no controller has said anything of it".to_owned()),
    }
}

/// Whether it is fetched again (externalsecret_controller.go, shouldRefresh and getRequeueResult), and whether that is overdue.
fn refresh(spec: &Spec, object: &Custom<Spec, Status>, reader: &Reader<'_>) -> Refresh {
    let metadata = &object.metadata;
    let doubt = |what: &str, why: &str| unknown(format!("{what} {}", named(SECRET, metadata)), why, LOOK);
    let last = object.status.as_ref().and_then(|status| status.known.refresh_time.clone());
    let is_off = |why: &str| Refresh {
        last: last.clone(),
        ..Refresh::without_clock(Known::Known(false), why, doubt("whether a refresh is overdue of", "it is not fetched again"))
    };
    match spec.refresh_policy.as_deref() {
        None | Some("" | "Periodic") => {}
        Some("CreatedOnce") => return is_off("its refreshPolicy is CreatedOnce"),
        Some("OnChange") => {
            return is_off("its refreshPolicy is OnChange: it is fetched again when the object changes, and not when the store does");
        }
        Some(_) => {
            let unseen = doubt("whether the store is asked again for", "its refreshPolicy is a word that is not known here");
            return Refresh { last, ..Refresh::without_clock(Known::Unknown(unseen.clone()), "", unseen) };
        }
    }
    if spec.target.as_ref().and_then(|target| target.immutable) == Some(true) {
        return is_off("its target is immutable");
    }
    let written = spec.refresh_interval.as_deref();
    let every = match written {
        None => DEFAULT_INTERVAL,
        Some(text) => match seconds(text) {
            Some(every) => every,
            None => {
                let unseen = doubt("whether the store is asked again for", "its refreshInterval is no duration that can be read");
                return Refresh { last, ..Refresh::without_clock(Known::Unknown(unseen.clone()), "", unseen) };
            }
        },
    };
    if every <= 0 {
        return is_off("its refreshInterval is 0");
    }
    let since = match &last {
        Some(time) => seconds_between(time, reader.collected()),
        None => age(metadata, reader),
    };
    let overdue = match (since, &spec.sync_windows) {
        (_, Some(_)) => {
            Known::Unknown(doubt("whether a refresh is overdue of", "its syncWindows keep it from being fetched at some times"))
        }
        (None, None) => Known::Unknown(doubt("whether a refresh is overdue of", "it carries no time that can be read")),
        (Some(since), None) => Known::Known(since > every.saturating_add(every.max(LEAST_DELAY))),
    };
    Refresh { on: Known::Known(true), why: format!("every {}", written.unwrap_or("1h0m0s")), every: Some(every), last, overdue }
}

fn read_stores(reader: &Reader<'_>, world: &mut World, kind: &'static str, source: &SourceId) -> Result<(), FactsError> {
    let mut odd = Vec::new();
    let mut found = Vec::new();
    reader.each_or_odd::<Custom<StoreSpec, Conditions>>(
        source,
        |object, origin| match store(&object, origin, kind, source) {
            Some(store) => found.push(store),
            None => reader.not_decoded(source, object.metadata.namespace.clone(), named(kind, &object.metadata), "it has no provider"),
        },
        |one| odd.push(one),
    )?;
    world.stores.extend(found);
    odd.into_iter().for_each(|one| world.odd_store(reader, kind, source, one));
    Ok(())
}

fn store(object: &Custom<StoreSpec, Conditions>, origin: Evidence, kind: &'static str, source: &SourceId) -> Option<Store> {
    let metadata = &object.metadata;
    let spec = &object.spec.as_ref()?.known;
    let provider = spec.provider.as_ref()?;
    let what = named(kind, metadata);
    let (name, settings) = match provider.iter().collect::<Vec<_>>().as_slice() {
        [(name, settings)] => (Known::Known((*name).clone()), Some(*settings)),
        _ => {
            let why = "its provider is not exactly one";
            (Known::Unknown(unknown(format!("the provider of {what}"), why, "Look at spec.provider of the object.")), None)
        }
    };
    let seen = match (&name, settings) {
        (Known::Known(name), Some(settings)) => providers::connection(&what, name, settings),
        (Known::Unknown(unseen), _) => providers::unseen(unseen),
        (Known::Known(_), None) => providers::unseen(&unknown(format!("the provider of {what}"), "it is not there", LOOK)),
    };
    let place = name.known().map_or_else(|| "/spec/provider".to_owned(), |name| format!("/spec/provider/{name}"));
    let ready = match object.says("Ready") {
        Says::True => Known::Known(Some(true)),
        Says::False(_) => Known::Known(Some(false)),
        Says::Outdated | Says::Unclear | Says::Silent => {
            Known::Unknown(unknown(format!("whether {what} is ready"), "its controller has not said so", LOOK))
        }
    };
    Some(Store {
        kind,
        subject: subject(metadata, kind, source),
        provider: name,
        address: seen.address,
        connection: seen.connection,
        everywhere: if kind == CLUSTER_STORE { everywhere(spec, &what) } else { Known::Known(Some(false)) },
        ready,
        leads_to: None,
        places: vec![
            ("provider", place.clone()),
            ("plain_http", place.clone()),
            ("verifies_tls", place),
            ("everywhere", "/spec/conditions".to_owned()),
            ("ready", "/status/conditions".to_owned()),
        ],
        origin,
    })
}

/// Whether a ClusterSecretStore takes whatever namespace names it (client_manager.go, shouldProcessSecret).
fn everywhere(spec: &StoreSpec, what: &str) -> Known<Option<bool>> {
    let conditions: Vec<&StoreCondition> = spec.conditions.iter().flatten().collect();
    if conditions.is_empty() {
        return Known::Known(Some(true));
    }
    let mut doubt = false;
    for condition in conditions {
        if condition.namespace_selector.as_ref().is_some_and(takes_new_namespaces) {
            return Known::Known(Some(true));
        }
        for expression in condition.namespace_regexes.iter().flatten() {
            match takes_any_name(expression) {
                Some(true) => return Known::Known(Some(true)),
                Some(false) => {}
                None => doubt = true,
            }
        }
    }
    match doubt {
        false => Known::Known(Some(false)),
        true => {
            let why = "which names its regular expressions fit is not computed here";
            Known::Unknown(unknown(format!("which namespaces may use {what}"), why, "Read namespaceRegexes of the object."))
        }
    }
}

/// Whether a selector takes a namespace that nobody has labelled: it asks for no label but the one that each has.
fn takes_new_namespaces(selector: &LabelSelector) -> bool {
    const OF_EACH: &str = "kubernetes.io/metadata.name";
    let labels = selector.match_labels.as_ref().is_none_or(std::collections::BTreeMap::is_empty);
    let expressions = selector.match_expressions.iter().flatten().all(|one| match one.operator.as_str() {
        "NotIn" | "DoesNotExist" => true,
        "Exists" => one.key == OF_EACH,
        _ => false,
    });
    labels && expressions
}

/// Whether a regular expression (Go `regexp`, found anywhere in the name) fits every name; nothing where that takes more than a look.
fn takes_any_name(expression: &str) -> Option<bool> {
    let core = expression.trim_start_matches('^').trim_end_matches('$');
    match core {
        "" | ".*" | ".+" | "(.*)" | "(.+)" | ".*?" | "[a-z0-9-]*" | "[a-z0-9-]+" | "." => Some(true),
        _ if core.starts_with(|c: char| c.is_ascii_alphanumeric()) && !core.contains('|') && !core[1..].starts_with(['*', '?', '{']) => {
            Some(false)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_fits_every_name_some_or_is_left_open() {
        for expression in ["", ".*", "^.*$", ".+", "^", "[a-z0-9-]+"] {
            assert_eq!(takes_any_name(expression), Some(true), "{expression}");
        }
        for expression in ["clinic-.*", "^clinic$", "prod", "c.*"] {
            assert_eq!(takes_any_name(expression), Some(false), "{expression}");
        }
        for expression in ["[a-z].*", "(clinic|shop)", "a|.*", "x*", "x?", "^x{0,1}"] {
            assert_eq!(takes_any_name(expression), None, "{expression}");
        }
    }

    #[test]
    fn the_generation_that_was_synced_stands_before_the_sum() {
        let status = |text: &str| -> Status {
            serde_json::from_value(serde_json::json!({"syncedResourceVersion": text})).unwrap_or_else(|error| panic!("{error}"))
        };
        assert_eq!(synced_generation(&status("12-0a1b2c")), Some(12));
        assert_eq!(synced_generation(&status("")), None);
        assert_eq!(synced_generation(&status("x-1")), None);
    }
}
