//! The Vault Secrets Operator: what it brings from Vault, as whom, and where it finds Vault (vault-secrets-operator api/v1beta1).

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::bringer::{Bringer, Connection, LOOK, Operator, Refresh, Store, StoreKey, Where, World, is_new, named, subject, unknown};
use super::providers::{Scheme, scheme};
use crate::facts::custom::{Conditions, Custom, Nothing, Says};
use crate::facts::settings::seconds;
use crate::facts::table::read::Reader;
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    CSI_SECRETS, VAULT_AUTH_GLOBALS, VAULT_AUTHS, VAULT_CONNECTIONS, VAULT_DYNAMIC_SECRETS, VAULT_PKI_SECRETS, VAULT_STATIC_SECRETS,
};
use crate::model::{Evidence, SourceId};

/// What the kinds of secrets have in common (vaultstaticsecret_types.go, vaultdynamicsecret_types.go, vaultpkisecret_types.go).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretSpec {
    vault_auth_ref: Option<String>,
    destination: Option<Destination>,
    refresh_after: Option<String>,
    sync_config: Option<SyncConfig>,
    allow_static_creds: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Destination {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SyncConfig {
    instant_updates: Option<bool>,
}

/// csisecrets_types.go: it is mounted, and written nowhere.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CsiSpec {
    vault_auth_ref: Option<CsiAuthRef>,
}

#[derive(Debug, Deserialize)]
struct CsiAuthRef {
    name: String,
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    last_generation: Option<i64>,
    secret_lease: Option<Lease>,
    #[serde(flatten)]
    conditions: Conditions,
}

impl AsRef<Conditions> for Status {
    fn as_ref(&self) -> &Conditions {
        &self.conditions
    }
}

#[derive(Debug, Deserialize)]
struct Lease {
    duration: Option<i64>,
}

/// vaultauth_types.go.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthSpec {
    vault_connection_ref: Option<String>,
    vault_auth_global_ref: Option<GlobalRef>,
    allowed_namespaces: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct GlobalRef {
    name: Option<String>,
    namespace: Option<String>,
}

/// vaultauthglobal_types.go.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GlobalSpec {
    vault_connection_ref: Option<String>,
}

/// vaultconnection_types.go.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionSpec {
    address: String,
    #[serde(rename = "skipTLSVerify")]
    skip_tls_verify: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct ConnectionStatus {
    valid: Option<bool>,
}

const AUTH: &str = "VaultAuth";
const GLOBAL: &str = "VaultAuthGlobal";
pub(super) const CONNECTION: &str = "VaultConnection";
/// What is meant where nothing is named, in the namespace of the operator (common/common.go, ParseResourceRef; consts, NameDefault).
const DEFAULT: &str = "default";

pub(super) fn read(reader: &Reader<'_>, world: &mut World) -> Result<(), FactsError> {
    let kinds: [(&'static str, SourceId); 3] =
        [("VaultStaticSecret", VAULT_STATIC_SECRETS), ("VaultDynamicSecret", VAULT_DYNAMIC_SECRETS), ("VaultPKISecret", VAULT_PKI_SECRETS)];
    for (kind, source) in &kinds {
        let (mut found, mut odd) = (Vec::new(), Vec::new());
        reader.each_or_odd::<Custom<SecretSpec, Status>>(
            source,
            |object, origin| match bringer(&object, origin, kind, source, reader) {
                Some(bringer) => found.push(bringer),
                None => reader.not_decoded(source, object.metadata.namespace.clone(), named(kind, &object.metadata), "it has no spec"),
            },
            |one| odd.push(one),
        )?;
        world.bringers.extend(found);
        odd.into_iter().for_each(|one| world.odd_bringer(reader, Operator::Vault, kind, source, one));
    }
    read_csi(reader, world)?;
    read_stores(reader, world)
}

/// An object that a text names: `namespace/name`, or `name` in the namespace of who names it.
fn reference(kind: &str, text: Option<&str>, own: &str) -> StoreKey {
    let (namespace, name) = match text.filter(|text| !text.is_empty()) {
        None => (Where::OfOperator, DEFAULT),
        Some(text) => match text.split_once('/') {
            Some((namespace, name)) => (Where::In(namespace.to_owned()), name),
            None => (Where::In(own.to_owned()), text),
        },
    };
    StoreKey { kind: kind.to_owned(), namespace, name: name.to_owned() }
}

fn bringer(
    object: &Custom<SecretSpec, Status>,
    origin: Evidence,
    kind: &'static str,
    source: &SourceId,
    reader: &Reader<'_>,
) -> Option<Bringer> {
    let metadata = &object.metadata;
    let spec = &object.spec.as_ref()?.known;
    let namespace = metadata.namespace.as_deref().unwrap_or("");
    let status = object.status.as_ref().map(|status| &status.known);
    let (ready, state) =
        ready(metadata, kind, status.map(|status| &status.conditions), status.and_then(|status| status.last_generation), reader);
    Some(Bringer {
        operator: Operator::Vault,
        kind,
        subject: subject(metadata, kind, source),
        stores: BTreeSet::from([reference(AUTH, spec.vault_auth_ref.as_deref(), namespace)]),
        generators: BTreeSet::new(),
        secrets: spec.destination.iter().map(|to| to.name.clone()).collect(),
        written_as: "Secret".to_owned(),
        ready,
        state,
        refresh: refresh(spec, status, kind, metadata),
        deletion: String::new(),
        sealed: Known::Known(None),
        sealed_for: "",
        places: &[
            ("ready", "/status/conditions"),
            ("stores", "/spec/vaultAuthRef"),
            ("secrets", "/spec/destination/name"),
            ("refreshes", "/spec/refreshAfter"),
            ("interval_seconds", "/spec/refreshAfter"),
        ],
        origin,
    })
}

/// Whether it is synced: `SecretSynced`, `Healthy` and `Ready`, each of this generation (controllers/common.go, newConditionNow). Operators
/// before they wrote conditions wrote the generation that they had worked on, and not how that ended.
fn ready(
    metadata: &ObjectMeta,
    kind: &str,
    conditions: Option<&Conditions>,
    last_generation: Option<i64>,
    reader: &Reader<'_>,
) -> (Known<bool>, String) {
    const KINDS: [&str; 3] = ["SecretSynced", "Healthy", "Ready"];
    let what = || format!("whether {} is synced", named(kind, metadata));
    let doubt = |why: &str| (Known::Unknown(unknown(what(), why, LOOK)), String::new());
    let all: Vec<(&str, Says)> =
        KINDS.iter().map(|one| (*one, conditions.map_or(Says::Silent, |conditions| conditions.says(one, metadata)))).collect();
    if let Some((condition, Says::False(reason))) = all.iter().find(|(_, says)| matches!(says, Says::False(_))) {
        let reason = reason.as_deref().filter(|reason| !reason.is_empty()).map_or(String::new(), |reason| format!(", {reason}"));
        return (Known::Known(false), format!("is not synced, as its controller says ({condition} is False{reason})"));
    }
    if all.iter().any(|(_, says)| *says == Says::Outdated) {
        return doubt("what its controller says is about an older generation of the object than the one that was read");
    }
    if all.iter().any(|(_, says)| *says == Says::Unclear) {
        return doubt("its controller says neither yes nor no");
    }
    if all.iter().any(|(_, says)| *says == Says::True) {
        return (Known::Known(true), "is synced".to_owned());
    }
    if last_generation.is_some_and(|generation| generation > 0) {
        return doubt("its controller is of a version that says which generation it has seen, and not how that ended");
    }
    match is_new(metadata, reader) {
        true => doubt("it is new, and its controller has said nothing yet"),
        false => (Known::Known(false), "was never synced: no controller has said anything of it".to_owned()),
    }
}

/// Whether it is fetched again: a static secret after `refreshAfter`, where that is set, or when Vault tells (vaultstaticsecret_controller.go);
/// a dynamic one when its lease ends, or after `refreshAfter` where it has none (vaultdynamicsecret_controller.go, computePostSyncHorizon); a
/// certificate before it ends. When that was last stands nowhere.
fn refresh(spec: &SecretSpec, status: Option<&Status>, kind: &str, metadata: &ObjectMeta) -> Refresh {
    let doubt = |what: &str, why: &str| unknown(format!("{what} {}", named(kind, metadata)), why, LOOK);
    let no_time = doubt("when the last refresh was of", "its status does not say so");
    let every = spec.refresh_after.as_deref().filter(|text| !text.is_empty());
    let by_clock = |text: &str| match seconds(text) {
        Some(every) if every > 0 => {
            Refresh { every: Some(every), ..Refresh::without_clock(Known::Known(true), &format!("every {text}"), no_time.clone()) }
        }
        Some(_) => Refresh::without_clock(Known::Known(false), "its refreshAfter is 0", no_time.clone()),
        None => {
            let unseen = doubt("whether Vault is asked again for", "its refreshAfter is no duration that can be read");
            Refresh::without_clock(Known::Unknown(unseen.clone()), "", unseen)
        }
    };
    match kind {
        "VaultPKISecret" => Refresh::without_clock(Known::Known(true), "before the certificate ends", no_time),
        "VaultStaticSecret" => match (every, spec.sync_config.as_ref().and_then(|config| config.instant_updates)) {
            (Some(text), _) => by_clock(text),
            (None, Some(true)) => Refresh::without_clock(Known::Known(true), "when Vault tells that it changed", no_time),
            (None, _) => Refresh::without_clock(Known::Known(false), "its refreshAfter is not set", no_time),
        },
        _ => match (status.and_then(|status| status.secret_lease.as_ref()?.duration), every) {
            _ if spec.allow_static_creds == Some(true) => Refresh::without_clock(Known::Known(true), "after Vault has changed it", no_time),
            (Some(lease), _) if lease > 0 => Refresh::without_clock(Known::Known(true), "before its lease ends", no_time),
            (_, Some(text)) => by_clock(text),
            (Some(_), None) => {
                Refresh::without_clock(Known::Known(false), "Vault gave it no lease that ends, and its refreshAfter is not set", no_time)
            }
            (None, None) => {
                let unseen = doubt("whether Vault is asked again for", "its status names no lease");
                Refresh::without_clock(Known::Unknown(unseen.clone()), "", unseen)
            }
        },
    }
}

fn read_csi(reader: &Reader<'_>, world: &mut World) -> Result<(), FactsError> {
    const KIND: &str = "CSISecrets";
    let (mut found, mut odd) = (Vec::new(), Vec::new());
    reader.each_or_odd::<Custom<CsiSpec, Conditions>>(&CSI_SECRETS, |object, origin| found.push((object, origin)), |one| odd.push(one))?;
    for (object, origin) in found {
        let metadata = &object.metadata;
        let own = metadata.namespace.as_deref().unwrap_or("");
        let auth = object.spec.as_ref().and_then(|spec| spec.known.vault_auth_ref.as_ref());
        let key = match auth {
            None => reference(AUTH, None, own),
            Some(auth) => {
                let namespace = auth.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own);
                StoreKey { kind: AUTH.to_owned(), namespace: Where::In(namespace.to_owned()), name: auth.name.clone() }
            }
        };
        let unseen = unknown(
            format!("whether {} reaches the pods that mount it", named(KIND, metadata)),
            "the driver says so of each pod, and not of the object",
            LOOK,
        );
        world.bringers.push(Bringer {
            operator: Operator::Vault,
            kind: KIND,
            subject: subject(metadata, KIND, &CSI_SECRETS),
            stores: BTreeSet::from([key]),
            generators: BTreeSet::new(),
            secrets: BTreeSet::new(),
            written_as: String::new(),
            ready: Known::Unknown(unseen.clone()),
            state: String::new(),
            refresh: Refresh::without_clock(Known::Known(true), "when a container starts", unseen),
            deletion: String::new(),
            sealed: Known::Known(None),
            sealed_for: "",
            places: &[("stores", "/spec/vaultAuthRef")],
            origin,
        });
    }
    odd.into_iter().for_each(|one| world.odd_bringer(reader, Operator::Vault, KIND, &CSI_SECRETS, one));
    Ok(())
}

/// Accounts, what they share, and connections. An account leads to a connection, by way of what it shares where it names none.
fn read_stores(reader: &Reader<'_>, world: &mut World) -> Result<(), FactsError> {
    let (mut auths, mut globals, mut connections) = (Vec::new(), Vec::new(), Vec::new());
    let mut odd = Vec::new();
    reader.each_or_odd::<Custom<AuthSpec>>(
        &VAULT_AUTHS,
        |object, origin| auths.push((object, origin)),
        |one| odd.push((AUTH, VAULT_AUTHS, one)),
    )?;
    reader.each_or_odd::<Custom<GlobalSpec>>(
        &VAULT_AUTH_GLOBALS,
        |object, origin| globals.push((object, origin)),
        |one| odd.push((GLOBAL, VAULT_AUTH_GLOBALS, one)),
    )?;
    reader.each_or_odd::<Custom<ConnectionSpec, ConnectionStatus>>(
        &VAULT_CONNECTIONS,
        |object, origin| connections.push((object, origin)),
        |one| odd.push((CONNECTION, VAULT_CONNECTIONS, one)),
    )?;
    odd.into_iter().for_each(|(kind, source, one)| world.odd_store(reader, kind, &source, one));
    world.stores.extend(auths.into_iter().map(|(object, origin)| auth(&object, origin)));
    world.stores.extend(globals.into_iter().map(|(object, origin)| global(&object, origin)));
    for (object, origin) in connections {
        match connection(&object, origin) {
            Some(store) => world.stores.push(store),
            None => {
                reader.not_decoded(&VAULT_CONNECTIONS, None, named(CONNECTION, &object.metadata), "it has no spec");
            }
        }
    }
    Ok(())
}

fn auth(object: &Custom<AuthSpec, Nothing>, origin: Evidence) -> Store {
    let metadata = &object.metadata;
    let own = metadata.namespace.as_deref().unwrap_or("");
    let spec = object.spec.as_ref().map(|spec| &spec.known);
    let named_connection = spec.and_then(|spec| spec.vault_connection_ref.as_deref()).filter(|name| !name.is_empty());
    let shared = spec.and_then(|spec| spec.vault_auth_global_ref.as_ref());
    let leads_to = match (named_connection, shared) {
        (None, Some(shared)) => {
            let name = shared.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(DEFAULT).to_owned();
            // One that is not named is looked for here and in the operator's namespace (common/common.go, FindVaultAuthGlobalDefault).
            let namespace = match shared.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
                Some(namespace) => Where::In(namespace.to_owned()),
                None if shared.name.as_deref().is_some_and(|name| !name.is_empty()) => Where::In(own.to_owned()),
                None => Where::OfOperator,
            };
            StoreKey { kind: GLOBAL.to_owned(), namespace, name }
        }
        (named, _) => reference(CONNECTION, named, own),
    };
    let allowed = spec.and_then(|spec| spec.allowed_namespaces.as_deref()).unwrap_or_default();
    // One entry that is a star lets all in; a star beside names is the name of no namespace (common/common.go, isAllowedNamespace).
    let everywhere = match allowed {
        [one] if one == "*" => Known::Known(Some(true)),
        _ if metadata.name.as_deref() == Some(DEFAULT) => {
            let why = "in the namespace of its operator, which is not known here, one of that name is for every namespace";
            Known::Unknown(unknown(
                format!("which namespaces may use {}", named(AUTH, metadata)),
                why,
                "Look whether the operator runs in its namespace.",
            ))
        }
        _ => Known::Known(Some(false)),
    };
    Store {
        kind: AUTH,
        subject: subject(metadata, AUTH, &VAULT_AUTHS),
        provider: Known::Known("vault".to_owned()),
        address: None,
        connection: Connection::none(),
        everywhere,
        ready: Known::Known(None),
        leads_to: Some(leads_to),
        places: vec![("everywhere", "/spec/allowedNamespaces".to_owned())],
        origin,
    }
}

fn global(object: &Custom<GlobalSpec, Nothing>, origin: Evidence) -> Store {
    let metadata = &object.metadata;
    let name = object.spec.as_ref().and_then(|spec| spec.known.vault_connection_ref.as_deref());
    Store {
        kind: GLOBAL,
        subject: subject(metadata, GLOBAL, &VAULT_AUTH_GLOBALS),
        provider: Known::Known("vault".to_owned()),
        address: None,
        connection: Connection::none(),
        everywhere: Known::Known(None),
        ready: Known::Known(None),
        leads_to: Some(reference(CONNECTION, name, metadata.namespace.as_deref().unwrap_or(""))),
        places: Vec::new(),
        origin,
    }
}

fn connection(object: &Custom<ConnectionSpec, ConnectionStatus>, origin: Evidence) -> Option<Store> {
    let metadata = &object.metadata;
    let spec = &object.spec.as_ref()?.known;
    let skips = spec.skip_tls_verify == Some(true);
    let address = &spec.address;
    let plain = match scheme(address) {
        Scheme::Http => Known::Known(Some(true)),
        Scheme::Https => Known::Known(Some(false)),
        Scheme::Unclear => {
            let why = "its address is not stored as one with a scheme that is known here";
            Known::Unknown(unknown(format!("how {} is reached", named(CONNECTION, metadata)), why, "Look at spec.address of the object."))
        }
    };
    let why = match (&plain, skips) {
        (Known::Known(Some(true)), _) => format!("is reached over plain HTTP ({address})"),
        (_, true) => "is told not to check the certificate (skipTLSVerify)".to_owned(),
        _ => String::new(),
    };
    Some(Store {
        kind: CONNECTION,
        subject: subject(metadata, CONNECTION, &VAULT_CONNECTIONS),
        provider: Known::Known("vault".to_owned()),
        address: Some(address.clone()),
        connection: Connection { plain, verified: Known::Known(Some(!skips)), why },
        everywhere: Known::Known(None),
        ready: match object.status.as_ref().and_then(|status| status.known.valid) {
            Some(valid) => Known::Known(Some(valid)),
            None => {
                Known::Unknown(unknown(format!("whether {} is ready", named(CONNECTION, metadata)), "its controller has not said so", LOOK))
            }
        },
        leads_to: None,
        places: vec![
            ("plain_http", "/spec/address".to_owned()),
            ("verifies_tls", "/spec/skipTLSVerify".to_owned()),
            ("ready", "/status/valid".to_owned()),
        ],
        origin,
    })
}
