//! How the External Secrets Operator reaches the providers of its stores, as far as a store says it (external-secrets
//! apis/externalsecrets/v1/secretstore_*_types.go and secretsstore_*_types.go).

use serde_json::Value;

use super::bringer::{Connection, unknown};
use crate::facts::Known;
use crate::model::Unseen;

/// What is told of how a store is reached.
pub(super) struct Reached {
    /// Scheme, host and port of the first address that it names.
    pub(super) address: Option<String>,
    pub(super) connection: Connection,
}

/// How one provider is told where it is.
struct Provider {
    name: &'static str,
    /// Fields with an address.
    addresses: &'static [&'static str],
    /// Whether none of them may be set: then it is an address with HTTPS that stands in the program.
    own_address: bool,
}

const fn at(name: &'static str, addresses: &'static [&'static str]) -> Provider {
    Provider { name, addresses, own_address: false }
}

const fn own(name: &'static str, addresses: &'static [&'static str]) -> Provider {
    Provider { name, addresses, own_address: true }
}

/// Each provider whose way is known. Of one that is not here, nothing is.
const PROVIDERS: &[Provider] = &[
    own("akeyless", &["/akeylessGWApiURL"]),
    own("aws", &[]),
    at("azurekv", &["/vaultUrl"]),
    at("barbican", &["/authURL"]),
    at("beyondtrust", &["/server/apiUrl"]),
    at("beyondtrustworkloadcredentials", &["/server/apiUrl"]),
    own("bitwardensecretsmanager", &["/apiURL", "/identityURL", "/bitwardenServerSDKURL"]),
    at("chef", &["/serverUrl"]),
    own("cloudrusm", &[]),
    at("conjur", &["/url"]),
    own("crd", &["/server/url"]),
    own("delinea", &["/urlTemplate"]),
    own("doppler", &[]),
    at("dvls", &["/serverUrl"]),
    own("fortanix", &["/apiUrl"]),
    own("gcpsm", &[]),
    own("github", &["/url", "/uploadURL"]),
    own("gitlab", &["/url"]),
    own("ibm", &["/serviceUrl"]),
    own("infisical", &["/hostAPI"]),
    own("keepersecurity", &[]),
    own("kubernetes", &["/server/url"]),
    own("ngrok", &["/apiUrl"]),
    at("onboardbase", &["/apiHost"]),
    at("onepassword", &["/connectHost"]),
    own("onepasswordSDK", &[]),
    at("openBao", &["/server"]),
    own("oracle", &[]),
    at("ovh", &["/server"]),
    at("passbolt", &["/host"]),
    at("passworddepot", &["/host"]),
    own("previder", &["/baseUri"]),
    own("pulumi", &["/apiUrl"]),
    own("scaleway", &["/apiUrl"]),
    at("secretserver", &["/serverURL"]),
    at("senhasegura", &["/url"]),
    at("vault", &["/server"]),
    own("volcengine", &[]),
    at("webhook", &["/url"]),
    own("yandexcertificatemanager", &[]),
    own("yandexlockbox", &[]),
];

/// Switches by which the certificate is not checked: the field, and the word that does it (secretstore_senhasegura_types.go,
/// secretstore_beyondtrust_types.go). No other provider has one.
const UNCHECKED: &[(&str, &str, bool)] = &[("senhasegura", "/ignoreSslCertificate", true), ("beyondtrust", "/server/verifyCA", false)];

/// A store whose provider is its own object: the values stand in it.
const FAKE: &str = "fake";

/// Nothing is known of it.
pub(super) fn unseen(unseen: &Unseen) -> Reached {
    let (plain, verified) = (Known::Unknown(unseen.clone()), Known::Unknown(unseen.clone()));
    Reached { address: None, connection: Connection { plain, verified, why: String::new() } }
}

/// Scheme of an address as it is stored.
pub(super) enum Scheme {
    Http,
    Https,
    /// Another one, none, or an address that is not stored.
    Unclear,
}

/// The scheme of an address.
pub(super) fn scheme(address: &str) -> Scheme {
    match address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => Scheme::Unclear,
    }
}

/// How the store `what` is reached, whose `provider` has these settings.
pub(super) fn connection(what: &str, provider: &str, settings: &Value) -> Reached {
    const HOW: &str = "Look at spec.provider of the object, and whether the connection uses HTTPS and checks the certificate.";
    let doubt = |why: &str| unseen(&unknown(format!("how {what} is reached"), why, HOW));
    if provider == FAKE {
        return Reached { address: None, connection: Connection::none() };
    }
    let Some(known) = PROVIDERS.iter().find(|known| known.name == provider) else {
        return doubt("its provider is not known here");
    };
    let texts: Vec<&str> = known.addresses.iter().filter_map(|at| settings.pointer(at)?.as_str()).filter(|text| !text.is_empty()).collect();
    let address = texts.first().map(|text| (*text).to_owned());
    let unchecked = UNCHECKED.iter().find_map(|(name, at, word)| {
        let set = settings.pointer(at).and_then(Value::as_bool);
        // A switch that has to be thrown for the check is off where it is not there.
        let off = if *word { set == Some(true) } else { set != Some(true) };
        (*name == provider && off).then(|| at.rsplit('/').next().unwrap_or(at))
    });
    let plain = texts.iter().find(|text| matches!(scheme(text), Scheme::Http));
    let strange = known.addresses.iter().filter_map(|at| settings.pointer(at)).any(|value| !value.is_string() && !value.is_null());
    let unclear = strange || texts.iter().any(|text| matches!(scheme(text), Scheme::Unclear)) || (texts.is_empty() && !known.own_address);
    if let Some(text) = plain {
        let why = format!("is reached over plain HTTP ({text})");
        let verified = Known::Known(Some(unchecked.is_none()));
        return Reached { address, connection: Connection { plain: Known::Known(Some(true)), verified, why } };
    }
    let why = unchecked.map_or_else(String::new, |field| format!("is told not to check the certificate ({field})"));
    let verified = Known::Known(Some(unchecked.is_none()));
    match unclear {
        true => {
            let Reached { connection, .. } = doubt("its address is not stored as one with a scheme that is known here");
            Reached { address, connection: Connection { plain: connection.plain, verified, why } }
        }
        false => Reached { address, connection: Connection { plain: Known::Known(Some(false)), verified, why } },
    }
}
