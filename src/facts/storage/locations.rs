//! Where Velero keeps backups, and how they travel there.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::facts::context::Context;
use crate::facts::custom::Custom;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::BACKUP_LOCATIONS;
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per BackupStorageLocation of Velero: whether what is written there and read from there is encrypted on the way, and whether
    /// it is looked at who answers.
    pub struct BackupLocationRow as "backup_locations" counting "backup storage locations" from [BACKUP_LOCATIONS] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// The plug-in that speaks to the store, such as `aws`.
        provider: String, at "/spec/provider";
        /// `ReadWrite` or `ReadOnly`; unset is `ReadWrite`.
        access_mode: String, at "/spec/accessMode";
        /// Whether backups that name no location go there.
        default: bool, at "/spec/default";
        /// Scheme and host of the store as they are written for this plug-in; empty where the cloud's own store is meant.
        endpoint: String, at "/spec/config";
        /// Whether backups travel, or are handed out, over plain HTTP: an address that begins so, in any of the settings that hold one.
        /// Unknown where the provider's settings are not known here, and where an address names no scheme.
        plain: Known<bool>, at "/spec/config";
        /// Whether the store's certificate is looked at: true unless it was switched off. Unknown where the provider's settings are not
        /// known here.
        verified: Known<bool>, at "/spec/config";
        /// What is wrong with it, in a few words; empty where nothing is known to be.
        because: String, at "/spec/config";
        /// What to change, in the words of its plug-in; empty where nothing is known to be wrong.
        to_change: String, at "/spec/config";
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    provider: String,
    access_mode: Option<String>,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    config: BTreeMap<String, String>,
}

/// The settings of a plug-in that decide about the way to the store.
struct Plugin {
    names: &'static [&'static str],
    /// Settings that hold an address, with what travels to it.
    addresses: &'static [(&'static str, &'static str)],
    /// The setting that switches the look at certificates off.
    unverified: Option<&'static str>,
}

/// The plug-ins of Velero's own project, by the names that their `provider` has (velero, pkg/repository/config: the prefix `velero.io/` is
/// left out). Without an address each speaks HTTPS with its cloud (velero-plugin-for-aws, object_store.go and config.go;
/// velero-plugin-for-gcp, object_store.go; velero, pkg/util/azure/storage.go).
const PLUGINS: &[Plugin] = &[
    Plugin {
        names: &["aws"],
        addresses: &[("s3Url", "backups travel"), ("publicUrl", "downloads of backups and their logs are handed out")],
        unverified: Some("insecureSkipTLSVerify"),
    },
    Plugin { names: &["azure"], addresses: &[("storageAccountURI", "backups travel")], unverified: None },
    Plugin { names: &["gcp"], addresses: &[("storeEndpoint", "backups travel")], unverified: None },
];

/// How an address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Plain,
    Tls,
    /// None, or one that is not known.
    Unclear,
}

fn scheme(address: &str) -> Scheme {
    match address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        Some("http") => Scheme::Plain,
        Some("https") => Scheme::Tls,
        _ => Scheme::Unclear,
    }
}

pub(super) fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut rows = Vec::new();
    context.reader.each::<Custom<Spec>>(&BACKUP_LOCATIONS, |location, origin| rows.push(row(&location, origin)))?;
    Ok(rows)
}

fn row(location: &Custom<Spec>, origin: Evidence) -> Row {
    let nothing = Spec { provider: String::new(), access_mode: None, default: false, config: BTreeMap::new() };
    let spec = location.spec.as_ref().map_or(&nothing, |spec| &spec.known);
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (part(&location.metadata.namespace), part(&location.metadata.name));
    let what = format!("the way to the backup storage location {namespace}/{name}");
    let provider = spec.provider.strip_prefix("velero.io/").unwrap_or(&spec.provider);
    let judged = match PLUGINS.iter().find(|plugin| plugin.names.contains(&provider)) {
        Some(plugin) => judge(plugin, &spec.config, &what),
        None => Judged::unknown(Unseen::not_visible(
            what,
            format!("the settings of the plug-in {} are not known here", spec.provider),
            "Ask whether it speaks HTTPS with the store and looks at its certificate.",
        )),
    };
    let subject = ObjectRef {
        kind: "BackupStorageLocation".to_owned(),
        group: "velero.io".to_owned(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
        uid: location.metadata.uid.clone(),
    };
    let typed = BackupLocationRow {
        provider: spec.provider.clone(),
        access_mode: spec.access_mode.clone().unwrap_or_else(|| "ReadWrite".to_owned()),
        default: spec.default,
        endpoint: judged.endpoint,
        plain: judged.plain,
        verified: judged.verified,
        because: judged.because.join(", and "),
        to_change: judged.to_change.join("; "),
        namespace: namespace.clone(),
        name: name.clone(),
    };
    let at = |settings: &[&str]| -> Vec<Evidence> { settings.iter().map(|one| origin.at(format!("/spec/config/{one}"))).collect() };
    let (plain, verified) = (at(&judged.plain_by), at(&judged.unverified_by));
    Row::new(format!("{namespace}/{name}"), subject, vec![origin], typed).evidenced("plain", plain).evidenced("verified", verified)
}

struct Judged {
    endpoint: String,
    plain: Known<bool>,
    verified: Known<bool>,
    because: Vec<String>,
    to_change: Vec<String>,
    /// The settings that say so.
    plain_by: Vec<&'static str>,
    unverified_by: Vec<&'static str>,
}

impl Judged {
    fn unknown(unseen: Unseen) -> Self {
        Self {
            endpoint: String::new(),
            plain: Known::Unknown(unseen.clone()),
            verified: Known::Unknown(unseen),
            because: Vec::new(),
            to_change: Vec::new(),
            plain_by: Vec::new(),
            unverified_by: Vec::new(),
        }
    }
}

fn judge(plugin: &Plugin, config: &BTreeMap<String, String>, what: &str) -> Judged {
    let written = |name: &str| config.get(name).filter(|value| !value.is_empty());
    let mut judged =
        Judged { plain: Known::Known(false), verified: Known::Known(true), ..Judged::unknown(Unseen::not_visible(what, "", "")) };
    let mut unclear = None;
    for (setting, sent) in plugin.addresses {
        let Some(address) = written(setting) else { continue };
        if judged.endpoint.is_empty() {
            judged.endpoint.clone_from(address);
        }
        match scheme(address) {
            Scheme::Tls => {}
            Scheme::Plain => {
                judged.plain_by.push(setting);
                judged.because.push(format!("{sent} over plain HTTP ({setting}: {address})"));
                judged.to_change.push(format!("give the store a certificate and write https:// in spec.config.{setting}"));
            }
            Scheme::Unclear => {
                unclear = unclear.or(Some(Unseen::not_understood(
                    what,
                    format!("its setting {setting} names no scheme that is known here, or was not stored"),
                    format!("Look at spec.config.{setting}, and write https:// before the address."),
                )));
            }
        }
    }
    judged.plain = match (judged.plain_by.is_empty(), unclear) {
        (false, _) => Known::Known(true),
        (true, Some(unseen)) => Known::Unknown(unseen),
        (true, None) => Known::Known(false),
    };
    if let Some((setting, value)) = plugin.unverified.and_then(|setting| Some((setting, written(setting)?))) {
        // As Go reads a truth value (strconv.ParseBool); with another word the plug-in does not start.
        judged.verified = match value.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Known::Known(false),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Known::Known(true),
            _ => Known::Unknown(Unseen::not_understood(
                what,
                format!("its setting {setting} has a value that is not known, or was not stored"),
                format!("Look at spec.config.{setting}."),
            )),
        };
        if judged.verified == Known::Known(false) {
            judged.unverified_by.push(setting);
            judged.because.push(format!("nobody looks at the certificate of the store ({setting}: {value})"));
            judged.to_change.push(format!(
                "take spec.config.{setting} out, and put the authority of the store's certificate into spec.objectStorage.caCert"
            ));
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_in_any_letters() {
        for (address, expected) in [
            ("http://store.example:9000", Scheme::Plain),
            ("HTTP://store.example", Scheme::Plain),
            ("https://store.example", Scheme::Tls),
            ("store.example:9000", Scheme::Unclear),
            ("[redacted]", Scheme::Unclear),
        ] {
            assert_eq!(scheme(address), expected, "{address}");
        }
    }
}
