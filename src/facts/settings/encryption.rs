//! What is known of the encryption of objects in etcd.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::gates::Gates;
use super::seen::{K3S_POINTER, api_server, k3s_server};
use super::servers::ApiServers;
use crate::facts::context::Context;
use crate::facts::metrics::{Metrics, Sample};
use crate::facts::table::read::{MetaOnly, Reader};
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, METRICS, NODES, OPENSHIFT_API_SERVERS, PODS, VERSION};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per kind of object that the API server which answered has encrypted or decrypted since its process started, and one
    /// per further statement about encryption. Live effects (grade A) come from
    /// `apiserver_storage_transformation_operations_total`: each provider of the encryption configuration counts what it wrote to
    /// etcd and read from it. A server without an encryption configuration has no such series, and neither has one that wrote
    /// nothing since its start: what is not there proves nothing, and the cell is unknown. Statements: the flag that names the
    /// configuration (its content is a file that no API shows), `spec.encryption` on OpenShift, the arguments of k3s servers.
    /// `/metrics` speaks for one server; others that the Leases count have a row in which everything is unknown.
    pub struct EncryptionRow as "encryption_at_rest" counting "statements on encryption", always from [METRICS, FLAGZ, PODS, NODES, KUBEADM_CONFIG, LEASES, VERSION, OPENSHIFT_API_SERVERS] {
        /// The kind of object, as in `secrets` or `deployments.apps`; `*` for a statement about all that the configuration covers,
        /// and for servers before 1.32, whose series do not name it.
        resource: String;
        /// Who says so: `metrics`, `setting`, `OpenShift`, `k3s`.
        from: &'static str;
        /// Where: `/metrics`, a mirror pod, `/flagz`, an object.
        instance: String;
        /// Providers that wrote such objects: `aescbc`, `aesgcm`, `secretbox`, `kms v1`, `kms v2`, or `identity`, which does not
        /// encrypt. Sorted.
        writers: Known<Vec<String>>;
        /// Providers that read such objects, sorted.
        readers: Known<Vec<String>>;
        /// Whether what is written is encrypted.
        encrypts: Known<bool>;
        /// Whether objects were read that are stored unencrypted.
        reads_plaintext: Known<bool>;
        /// Whether the retired first version of the KMS interface takes part. Where nothing was counted and the server says that its
        /// feature gate KMSv1 is off, it does not.
        kms_v1: Known<bool>;
        /// Whether this statement disagrees with what the counters show for Secrets.
        contradiction: Known<bool>;
    }
}

const OPERATIONS: &str = "apiserver_storage_transformation_operations_total";
const SECRETS: &str = "secrets";

/// The provider behind a `transformer_prefix` (apiserver pkg/server/options/encryptionconfig: `k8s:enc:<provider>:<version>:`, for KMS
/// with the plugin's name behind it). The identity provider has no prefix: as a writer it shows as the empty text, as a reader as
/// `identity` (pkg/storage/value/transformer.go). AES and secretbox count a second time under the name of the key, which is dropped.
fn provider(prefix: &str) -> Option<&'static str> {
    match prefix {
        "" | "identity" => return Some("identity"),
        _ => {}
    }
    let known = [
        ("k8s:enc:aescbc:", "aescbc"),
        ("k8s:enc:aesgcm:", "aesgcm"),
        ("k8s:enc:secretbox:", "secretbox"),
        ("k8s:enc:kms:v1:", "kms v1"),
        ("k8s:enc:kms:v2:", "kms v2"),
    ];
    known.iter().find(|(start, _)| prefix.starts_with(start)).map(|(_, name)| *name)
}

/// What was written and read of one kind of object.
#[derive(Default)]
struct Used<'a> {
    writers: BTreeMap<&'static str, Vec<&'a Sample>>,
    readers: BTreeMap<&'static str, Vec<&'a Sample>>,
}

fn used(metrics: &Metrics) -> BTreeMap<String, Used<'_>> {
    let mut all: BTreeMap<String, Used<'_>> = BTreeMap::new();
    for sample in metrics.family(OPERATIONS).iter().filter(|sample| sample.moved() && sample.label("status") == "OK") {
        let Some(provider) = provider(sample.label("transformer_prefix")) else { continue };
        let resource = match sample.label("resource") {
            "" => "*",
            named => named,
        };
        let used = all.entry(resource.to_owned()).or_default();
        let side = match sample.label("transformation_type") {
            "to_storage" => &mut used.writers,
            "from_storage" => &mut used.readers,
            _ => continue,
        };
        side.entry(provider).or_default().push(sample);
    }
    all
}

pub(super) fn rows(context: &Context<'_>, servers: &ApiServers) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let metrics = Metrics::read(reader)?;
    let gates = Gates::of(&metrics);
    // A configuration that names a provider of version 1 is refused without this gate (apiserver encryptionconfig/config.go).
    let no_kms_v1 = gates.enabled("KMSv1") == Known::Known(Some(false));
    let statements = statements(reader, servers)?;
    let used = used(&metrics);
    let settings: Vec<&Statement> = statements.iter().filter(|statement| statement.from == "setting").collect();
    let off = !settings.is_empty() && settings.iter().all(|statement| statement.encrypts == Known::Known(false));
    let silent = |what: &str| {
        metrics.unseen(
            what,
            "no provider of an encryption configuration has counted such an object since the server started",
            "Have any Secret written (kubectl annotate of a Secret does it), then collect again.",
        )
    };
    let mut rows = Vec::new();
    let mut resources: BTreeSet<&str> = used.keys().map(String::as_str).collect();
    if !resources.contains("*") {
        resources.insert(SECRETS);
    }
    let nothing = Used::default();
    let mut secrets: Option<bool> = None;
    for resource in resources {
        let of = used.get(resource).unwrap_or(&nothing);
        let what = |side: &str| format!("which providers {side} {resource} in etcd");
        let names = |side: &BTreeMap<&'static str, Vec<&Sample>>, verb: &str| match side.is_empty() {
            true => Known::Unknown(silent(&what(verb))),
            false => Known::Known(side.keys().map(|name| (*name).to_owned()).collect::<Vec<_>>()),
        };
        let (writers, readers) = (names(&of.writers, "write"), names(&of.readers, "read"));
        let is_off = off && metrics.family(OPERATIONS).is_empty() && metrics.any().is_some();
        let encrypts = match &writers {
            Known::Known(names) => Known::Known(!names.iter().any(|name| name == "identity")),
            // The servers whose settings are seen name no configuration, and the one that answered has transformed nothing.
            Known::Unknown(_) if is_off => Known::Known(false),
            Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
        };
        if matches!(resource, SECRETS | "*") && !of.writers.is_empty() {
            secrets = encrypts.known().copied();
        }
        let typed = EncryptionRow {
            resource: resource.to_owned(),
            from: "metrics",
            instance: "/metrics".to_owned(),
            reads_plaintext: readers.clone().map(|names| names.iter().any(|name| name == "identity")),
            kms_v1: match (&writers, &readers) {
                (Known::Unknown(_), Known::Unknown(_)) if no_kms_v1 => Known::Known(false),
                (Known::Unknown(unseen), Known::Unknown(_)) => Known::Unknown(unseen.clone()),
                (writers, readers) => Known::Known(
                    [writers, readers].iter().any(|names| names.known().is_some_and(|names| names.iter().any(|name| name == "kms v1"))),
                ),
            },
            // What is not known contradicts nothing and agrees with nothing.
            contradiction: encrypts.clone().map(|_| false),
            encrypts,
            writers,
            readers,
        };
        let evidence = |side: &BTreeMap<&'static str, Vec<&Sample>>| -> Vec<Evidence> {
            // What does not encrypt comes first.
            let mut names: Vec<_> = side.iter().collect();
            names.sort_by_key(|(name, _)| (**name != "identity", **name));
            names.into_iter().flat_map(|(_, samples)| samples.iter().map(|sample| sample.origin.clone())).collect()
        };
        let (wrote, read) = (evidence(&of.writers), evidence(&of.readers));
        let gate = gates.evidence("KMSv1").filter(|_| no_kms_v1 && wrote.is_empty() && read.is_empty()).cloned();
        let decided = match wrote.is_empty() {
            true => settings.iter().filter(|_| is_off).flat_map(|statement| statement.origins.clone()).collect(),
            false => wrote.clone(),
        };
        let origins = metrics.any().or(servers.fallback.as_ref()).cloned().into_iter().collect();
        rows.push(
            Row::new(format!("{resource}@/metrics"), api_server("/metrics"), origins, typed)
                .evidenced("encrypts", decided)
                .evidenced("reads_plaintext", read.clone())
                .evidenced("kms_v1", wrote.into_iter().chain(read).chain(gate)),
        );
    }
    if metrics.any().is_some()
        && let Some(why) = servers.others(1)
    {
        rows.push(other_servers(&why, servers));
    }
    rows.extend(statements.into_iter().map(|statement| statement.row(secrets, metrics.family(OPERATIONS).is_empty())));
    Ok(rows)
}

/// What the counters of one server cannot say about the others.
fn other_servers(why: &str, servers: &ApiServers) -> Row {
    let unseen = Unseen {
        what: "how the other API servers write Secrets".to_owned(),
        how_to_see: "Collect from each API server by its own address.".to_owned(),
        ..super::not_visible("kube-apiserver", "encryption-provider-config", &why.replace("were seen", "answered with its counters"))
    };
    let typed = EncryptionRow {
        resource: SECRETS.to_owned(),
        from: "metrics",
        instance: String::new(),
        writers: Known::Unknown(unseen.clone()),
        readers: Known::Unknown(unseen.clone()),
        encrypts: Known::Unknown(unseen.clone()),
        reads_plaintext: Known::Unknown(unseen.clone()),
        kms_v1: Known::Unknown(unseen.clone()),
        contradiction: Known::Known(false),
    };
    Row::new(format!("{SECRETS}@"), api_server("kube-apiserver"), servers.fallback.iter().cloned().collect(), typed)
}

/// One statement of something else than a counter.
struct Statement {
    from: &'static str,
    instance: String,
    subject: ObjectRef,
    encrypts: Known<bool>,
    kms: bool,
    origins: Vec<Evidence>,
}

impl Statement {
    fn row(self, secrets: Option<bool>, no_series: bool) -> Row {
        let unsaid = |what: &str| Unseen {
            what: what.to_owned(),
            how_to_see: "See the row of /metrics.".to_owned(),
            ..super::not_visible("kube-apiserver", "encryption-provider-config", &format!("{} does not say it", self.instance))
        };
        let contradiction = match (&self.encrypts, secrets) {
            (Known::Known(says), Some(does)) => Known::Known(*says != does),
            // No configuration is named, and the server transforms objects all the same.
            (Known::Known(false), None) if !no_series => Known::Known(true),
            _ => Known::Known(false),
        };
        let typed = EncryptionRow {
            resource: "*".to_owned(),
            from: self.from,
            instance: self.instance.clone(),
            writers: Known::Unknown(unsaid("which provider writes")),
            readers: Known::Unknown(unsaid("which providers read")),
            reads_plaintext: Known::Unknown(unsaid("whether objects are stored unencrypted")),
            kms_v1: if self.kms { Known::Unknown(unsaid("which version of the KMS interface is used")) } else { Known::Known(false) },
            contradiction,
            encrypts: self.encrypts,
        };
        Row::new(format!("{}@{}", self.from, self.instance), self.subject, self.origins, typed).in_namespace(None)
    }
}

fn statements(reader: &Reader<'_>, servers: &ApiServers) -> Result<Vec<Statement>, FactsError> {
    const FLAG: &str = "encryption-provider-config";
    let mut all = Vec::new();
    for server in &servers.list {
        let encrypts = match servers.value(server, FLAG, Some("")) {
            Known::Known((value, _)) if value.is_empty() => Known::Known(false),
            Known::Known(_) => Known::Unknown(super::not_visible(
                "kube-apiserver",
                FLAG,
                "a configuration is named, and which provider comes first in it stands in a file that the API does not show",
            )),
            Known::Unknown(unseen) => Known::Unknown(unseen),
        };
        let origins = servers.evidence(server, FLAG);
        all.push(Statement {
            from: "setting",
            instance: server.name.clone(),
            subject: server.subject.clone(),
            encrypts,
            kms: true,
            origins,
        });
    }
    all.extend(openshift(reader)?);
    all.extend(k3s(reader)?);
    Ok(all)
}

/// `spec.encryption.type` of `apiservers.config.openshift.io/cluster`: empty and `identity` do not encrypt (openshift/api
/// config/v1/types_apiserver.go).
fn openshift(reader: &Reader<'_>) -> Result<Vec<Statement>, FactsError> {
    let mut all = Vec::new();
    for (name, spec, origin) in super::audit::openshift_servers(reader)? {
        let kind = spec.encryption.unwrap_or_default().kind;
        all.push(Statement {
            from: "OpenShift",
            instance: name,
            subject: origin.object().cloned().unwrap_or_else(|| api_server("cluster")),
            kms: kind.eq_ignore_ascii_case("kms"),
            encrypts: Known::Known(!matches!(kind.as_str(), "" | "identity")),
            origins: vec![origin.at("/spec/encryption/type")],
        });
    }
    Ok(all)
}

/// `--secrets-encryption` among the arguments that a k3s server publishes on its Node (AES-CBC unless another provider is named). A
/// server without it says nothing here: the annotation may be incomplete.
fn k3s(reader: &Reader<'_>) -> Result<Vec<Statement>, FactsError> {
    let mut all = Vec::new();
    reader.each::<MetaOnly>(&NODES, |node, origin| {
        let Some(words) = k3s_server(reader, &node) else { return };
        let position = words.iter().position(|word| word.split('=').next() == Some("--secrets-encryption"));
        if let Some(position) = position {
            let inline = words.get(position).and_then(|word| word.split_once('=')).map(|(_, value)| value);
            let next = || words.get(position + 1).map(String::as_str).filter(|word| matches!(*word, "true" | "false"));
            let on = inline.or_else(next) != Some("false");
            all.push(Statement {
                from: "k3s",
                instance: node.metadata.name.clone().unwrap_or_default(),
                subject: origin.object().cloned().unwrap_or_else(|| api_server("k3s")),
                encrypts: Known::Known(on),
                kms: false,
                origins: vec![origin.at(K3S_POINTER).graded(crate::model::Grade::ReportedCopy)],
            });
        }
    })?;
    Ok(all)
}

/// The part of an OpenShift APIServer that says how it stores objects.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct OpenShiftEncryption {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[cfg(test)]
mod tests {
    use super::provider;

    #[test]
    fn prefixes_name_providers_and_keys_do_not() {
        let cases = [
            ("", Some("identity")),
            ("identity", Some("identity")),
            ("k8s:enc:aescbc:v1:", Some("aescbc")),
            ("k8s:enc:secretbox:v1:", Some("secretbox")),
            ("k8s:enc:kms:v1:vault:", Some("kms v1")),
            ("k8s:enc:kms:v2:vault:", Some("kms v2")),
            ("key1:", None),
            ("unknown", None),
        ];
        for (prefix, expected) in cases {
            assert_eq!(provider(prefix), expected, "{prefix:?}");
        }
    }
}
