//! The Secrets Store CSI Driver: what it mounts, and what of that it writes into Secrets as well (secrets-store-csi-driver
//! apis/v1/secretproviderclass_types.go).

use serde::Deserialize;
use std::collections::BTreeSet;

use super::bringer::{Bringer, Connection, LOOK, Operator, Refresh, Store, StoreKey, Where, World, named, subject, unknown};
use super::providers::{Scheme, scheme};
use crate::facts::custom::Custom;
use crate::facts::table::read::Reader;
use crate::facts::{FactsError, Known};
use crate::model::Evidence;
use crate::model::sources::SECRET_PROVIDER_CLASSES;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    provider: Option<String>,
    parameters: Option<Parameters>,
    secret_objects: Option<Vec<SecretObject>>,
}

/// What the provider for Vault is told (vault-csi-provider internal/config/config.go); others have no such settings.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    vault_address: Option<String>,
    #[serde(rename = "vaultSkipTLSVerify")]
    vault_skip_tls_verify: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretObject {
    secret_name: Option<String>,
}

pub(super) const CLASS: &str = "SecretProviderClass";

pub(super) fn read(reader: &Reader<'_>, world: &mut World) -> Result<(), FactsError> {
    let (mut found, mut odd) = (Vec::new(), Vec::new());
    reader.each_or_odd::<Custom<Spec>>(&SECRET_PROVIDER_CLASSES, |object, origin| found.push((object, origin)), |one| odd.push(one))?;
    for (object, origin) in found {
        let Some(spec) = &object.spec else {
            let namespace = object.metadata.namespace.clone();
            reader.not_decoded(&SECRET_PROVIDER_CLASSES, namespace, named(CLASS, &object.metadata), "it has no spec");
            continue;
        };
        world.bringers.push(bringer(&object, &spec.known, origin.clone()));
        world.stores.push(store(&object, &spec.known, origin));
    }
    for one in odd {
        world.odd_store(reader, CLASS, &SECRET_PROVIDER_CLASSES, one.clone());
        world.odd_bringer(reader, Operator::Driver, CLASS, &SECRET_PROVIDER_CLASSES, one);
    }
    Ok(())
}

fn bringer(object: &Custom<Spec>, spec: &Spec, origin: Evidence) -> Bringer {
    let metadata = &object.metadata;
    let text = named(CLASS, metadata);
    let doubt = |what: &str, why: &str| unknown(format!("{what} {text}"), why, LOOK);
    let secrets: BTreeSet<String> = spec.secret_objects.iter().flatten().filter_map(|one| one.secret_name.clone()).collect();
    let how_often =
        doubt("how often its driver asks again for", "that is a flag of the driver (--enable-secret-rotation), which is not read");
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let key = StoreKey { kind: CLASS.to_owned(), namespace: Where::In(namespace), name: metadata.name.clone().unwrap_or_default() };
    Bringer {
        operator: Operator::Driver,
        kind: CLASS,
        subject: subject(metadata, CLASS, &SECRET_PROVIDER_CLASSES),
        // It names its provider itself.
        stores: BTreeSet::from([key]),
        generators: BTreeSet::new(),
        // Whatever the Secret is called.
        written_as: if spec.secret_objects.iter().flatten().next().is_some() { "Secret".to_owned() } else { String::new() },
        secrets,
        ready: Known::Unknown(doubt("whether there is what is wanted of", "the driver says so of each pod, and not of the object")),
        state: String::new(),
        refresh: Refresh::without_clock(Known::Unknown(how_often.clone()), "", how_often),
        deletion: String::new(),
        sealed: Known::Known(None),
        sealed_for: "",
        places: &[("secrets", "/spec/secretObjects")],
        origin,
    }
}

fn store(object: &Custom<Spec>, spec: &Spec, origin: Evidence) -> Store {
    let metadata = &object.metadata;
    let text = named(CLASS, metadata);
    let doubt = |what: &str, why: &str| {
        unknown(format!("{what} {text}"), why, "Look at spec.parameters of the object and at what its provider is told.")
    };
    let address = spec.parameters.as_ref().and_then(|all| all.vault_address.clone());
    Store {
        kind: CLASS,
        subject: subject(metadata, CLASS, &SECRET_PROVIDER_CLASSES),
        provider: match spec.provider.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => Known::Known(name.to_owned()),
            None => Known::Unknown(doubt("the provider of", "it names none")),
        },
        connection: connection(spec, address.as_deref(), &|why| doubt("how the store is reached of", why)),
        address,
        // Pods name those of their own namespace only (nodeserver.go).
        everywhere: Known::Known(None),
        ready: Known::Known(None),
        leads_to: None,
        places: vec![
            ("provider", "/spec/provider".to_owned()),
            ("plain_http", "/spec/parameters".to_owned()),
            ("verifies_tls", "/spec/parameters".to_owned()),
        ],
        origin,
    }
}

/// The providers of the clouds reach their services over TLS, and have no switch for it.
fn connection(spec: &Spec, address: Option<&str>, doubt: &dyn Fn(&str) -> crate::model::Unseen) -> Connection {
    let sure = |plain: bool, verified: bool, why: String| Connection {
        plain: Known::Known(Some(plain)),
        verified: Known::Known(Some(verified)),
        why,
    };
    match spec.provider.as_deref() {
        Some("aws" | "azure" | "gcp" | "gke") => return sure(false, true, String::new()),
        Some("vault" | "openbao") => {}
        _ => {
            let unseen = doubt("its provider is not known here");
            return Connection { plain: Known::Unknown(unseen.clone()), verified: Known::Unknown(unseen), why: String::new() };
        }
    }
    let verified = match spec.parameters.as_ref().and_then(|all| all.vault_skip_tls_verify.as_deref()) {
        None | Some("" | "false" | "False" | "FALSE" | "f" | "F" | "0") => Known::Known(Some(true)),
        Some("true" | "True" | "TRUE" | "t" | "T" | "1") => Known::Known(Some(false)),
        Some(_) => Known::Unknown(doubt("vaultSkipTLSVerify is a word that its provider does not read")),
    };
    let unchecked = || match verified {
        Known::Known(Some(false)) => "is told not to check the certificate (vaultSkipTLSVerify)".to_owned(),
        _ => String::new(),
    };
    match address.map(|address| (address, scheme(address))) {
        Some((address, Scheme::Http)) => {
            Connection { plain: Known::Known(Some(true)), verified, why: format!("is reached over plain HTTP ({address})") }
        }
        Some((_, Scheme::Https)) => Connection { plain: Known::Known(Some(false)), why: unchecked(), verified },
        Some((_, Scheme::Unclear)) => {
            let unseen = doubt("vaultAddress is not stored as an address with a scheme that is known here");
            Connection { plain: Known::Unknown(unseen), why: unchecked(), verified }
        }
        None => {
            let unseen = doubt("it names no vaultAddress: its provider has one of its own, in its flags or its environment");
            Connection { plain: Known::Unknown(unseen), why: unchecked(), verified }
        }
    }
}
