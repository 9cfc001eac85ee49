//! What is known of the encryption of objects in etcd.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::gates::Gates;
use super::seen::api_server;
use super::servers::ApiServers;
use crate::facts::context::Context;
use crate::facts::metrics::{Metrics, Sample};
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, METRICS, NODES, OPENSHIFT_API_SERVERS, PODS, VERSION};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per kind of object that the API server which answered has encrypted or decrypted since its process started, and one
    /// per further statement about encryption. Live effects (grade A) come from
    /// `apiserver_storage_transformation_operations_total`: each provider of the encryption configuration counts what it wrote to
    /// etcd and read from it. A server without an encryption configuration has no such series, and neither has one that wrote
    /// nothing since its start: what is not there proves nothing, and the cell is unknown. Before 1.32 the series do not name the kind
    /// of object, and say nothing of any one. After the server has loaded its configuration anew (automatic reload), what it counted
    /// before and after cannot be told apart, and how it writes now is unknown. Statements: the flag that names the
    /// configuration (its content is a file that no API shows), `spec.encryption` on OpenShift, the arguments of k3s servers.
    /// `/metrics` speaks for one server; others that the Leases count have a row in which everything is unknown.
    pub struct EncryptionRow as "encryption_at_rest" counting "statements on encryption", always from [METRICS, FLAGZ, PODS, NODES, KUBEADM_CONFIG, LEASES, VERSION, OPENSHIFT_API_SERVERS] {
        /// The kind of object, as in `secrets` or `deployments.apps`; `*` for a statement about all that the configuration covers.
        resource: String;
        /// Who says so: `metrics`, `setting`, `OpenShift`, `k3s`.
        from: &'static str;
        /// Where: `/metrics`, a mirror pod, `/flagz`, an object.
        instance: String;
        /// Providers that wrote such objects: `aescbc`, `aesgcm`, `secretbox`, `kms v1`, `kms v2`, `identity`, which does not encrypt, or
        /// `unknown`. Sorted.
        writers: Known<Vec<String>>;
        /// Where the key of what was written lies, by provider: `outside the server (KMS)`, `in a file on the host of the API server`, `none:
        /// not encrypted`, or `unknown`; several with commas between them.
        key: Known<String>;
        /// Providers that read such objects, sorted.
        readers: Known<Vec<String>>;
        /// Whether what is written is encrypted.
        encrypts: Known<bool>;
        /// Whether objects were read that are stored unencrypted.
        reads_plaintext: Known<bool>;
        /// Whether the retired first version of the KMS interface takes part. Where nothing was counted and the server says that its
        /// feature gate KMSv1 is off, it does not.
        kms_v1: Known<bool>;
        /// Whether this statement disagrees with what the counters show; unset where there are not two sides, or where both say that
        /// nothing is encrypted.
        contradiction: Known<Option<bool>>;
    }
}

const OPERATIONS: &str = "apiserver_storage_transformation_operations_total";
const SECRETS: &str = "secrets";
/// A provider that this program does not know.
const UNKNOWN: &str = "unknown";
/// Series that appear with the first reload that changed something (apiserver encryptionconfig/metrics; the first load at the start of
/// the process is none).
const RELOADS: [&str; 2] = [
    "apiserver_encryption_config_controller_automatic_reloads_total",
    "apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds",
];

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
    let found = known.iter().find(|(start, _)| prefix.starts_with(start)).map(|(_, name)| *name);
    found.or_else(|| prefix.starts_with("k8s:enc:").then_some(UNKNOWN))
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

/// Whether the server has loaded another configuration since its start.
fn reloaded(metrics: &Metrics) -> Option<&Sample> {
    RELOADS.iter().flat_map(|name| metrics.family(name)).find(|sample| sample.moved() && sample.label("status") == "success")
}

pub(super) fn rows(context: &Context<'_>, servers: &ApiServers) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let metrics = Metrics::read(reader)?;
    let statements = statements(reader, servers)?;
    let used = used(&metrics);
    let settings: Vec<&Statement> = statements.iter().filter(|statement| statement.from == "setting").collect();
    // All servers are seen, they name no configuration, and the one that answered has transformed nothing.
    let off = servers.unseen().is_none()
        && !settings.is_empty()
        && settings.iter().all(|statement| statement.encrypts == Known::Known(false))
        && metrics.family(OPERATIONS).is_empty()
        && metrics.any().is_some();
    let counted = Counted {
        gates: Gates::of(&metrics),
        reloaded: reloaded(&metrics),
        off: off.then(|| settings.iter().flat_map(|statement| statement.origins.clone()).collect()),
        fallback: servers.fallback.as_ref(),
        metrics: &metrics,
    };
    let nothing = Used::default();
    let mut resources: BTreeSet<&str> = used.keys().map(String::as_str).filter(|resource| *resource != UNNAMED).collect();
    resources.insert(SECRETS);
    let unnamed = used.get(UNNAMED);
    let mut rows: Vec<Row> =
        resources.iter().map(|resource| counted.row(resource, used.get(*resource).unwrap_or(&nothing), unnamed)).collect();
    if metrics.any().is_some()
        && let Some(why) = servers.others(1)
    {
        rows.push(other_servers(&why, servers));
    }
    let effect = Shown {
        secrets: used
            .get(SECRETS)
            .and_then(|of| counted.encrypts(SECRETS, of, unnamed).known().copied().filter(|_| !of.writers.is_empty())),
        transforms: (!metrics.family(OPERATIONS).is_empty()).then_some(true).or(metrics.any().map(|_| false)),
        silent: metrics.unseen("how the API server stores Secrets", "it has counted none since it started", HAVE_ONE_WRITTEN),
        alone: servers.unseen().map(|why| super::not_visible("kube-apiserver", "encryption-provider-config", &why)),
    };
    if statements.is_empty() {
        rows.push(unseen_statement(servers));
    }
    rows.extend(statements.into_iter().map(|statement| statement.row(&effect)));
    Ok(rows)
}

/// How series are kept here that do not name the kind of object.
const UNNAMED: &str = "*";
const HAVE_ONE_WRITTEN: &str = "Have any Secret written (kubectl annotate of a Secret does it), then collect again.";

/// What one server counted, and what bears on it.
struct Counted<'a> {
    metrics: &'a Metrics,
    gates: Gates,
    /// A reload of the configuration since the start.
    reloaded: Option<&'a Sample>,
    /// Where it stands that no configuration is named, where that is so and nothing was transformed.
    off: Option<Vec<Evidence>>,
    fallback: Option<&'a Evidence>,
}

impl Counted<'_> {
    fn unseen(&self, what: &str, unnamed: bool) -> Unseen {
        match unnamed {
            true => self.metrics.unseen(
                what,
                "servers before 1.32 count what they encrypt without saying which kind of object it is",
                "Ask whoever operates the control plane for the file of --encryption-provider-config, or read a Secret in etcd by hand.",
            ),
            false => self.metrics.unseen(
                what,
                "no provider of an encryption configuration has counted such an object since the server started",
                HAVE_ONE_WRITTEN,
            ),
        }
    }

    fn since_reload(&self, what: &str) -> Unseen {
        self.metrics.unseen(
            what,
            "the server has loaded its encryption configuration anew since it started, and what it counted before and after cannot be told apart",
            "Restart the API server, have any Secret written (kubectl annotate of a Secret does it), then collect again.",
        )
    }

    /// Whether what is written of a kind is encrypted.
    fn encrypts(&self, resource: &str, of: &Used<'_>, unnamed: Option<&Used<'_>>) -> Known<bool> {
        let what = format!("whether {resource} are written to etcd encrypted");
        if self.off.is_some() {
            return Known::Known(false);
        }
        if of.writers.is_empty() {
            return Known::Unknown(self.unseen(&what, unnamed.is_some()));
        }
        if self.reloaded.is_some() {
            return Known::Unknown(self.since_reload(&what));
        }
        match (of.writers.contains_key("identity"), of.writers.contains_key(UNKNOWN)) {
            (true, _) => Known::Known(false),
            (false, false) => Known::Known(true),
            (false, true) => {
                Known::Unknown(self.metrics.unseen(&what, "this program does not know the provider that wrote them", HAVE_ONE_WRITTEN))
            }
        }
    }

    /// Whether objects of a kind were read that are stored unencrypted. What was read before a reload may have been rewritten since.
    fn reads_plaintext(&self, resource: &str, of: &Used<'_>, unnamed: Option<&Used<'_>>) -> Known<bool> {
        let what = format!("whether {resource} are stored in etcd unencrypted");
        match (of.readers.is_empty(), of.readers.contains_key("identity"), self.reloaded.is_some()) {
            (true, ..) => Known::Unknown(self.unseen(&what, unnamed.is_some())),
            (false, true, true) => Known::Unknown(self.since_reload(&what)),
            (false, plain, _) => Known::Known(plain),
        }
    }

    fn row(&self, resource: &str, of: &Used<'_>, unnamed: Option<&Used<'_>>) -> Row {
        // A configuration that names a provider of version 1 is refused without this gate (apiserver encryptionconfig/config.go).
        let no_kms_v1 = self.gates.enabled("KMSv1") == Known::Known(Some(false));
        let what = |side: &str| format!("which providers {side} {resource} in etcd");
        let names = |side: &BTreeMap<&'static str, Vec<&Sample>>, verb: &str| match side.is_empty() {
            true => Known::Unknown(self.unseen(&what(verb), unnamed.is_some())),
            false => Known::Known(side.keys().map(|name| (*name).to_owned()).collect::<Vec<_>>()),
        };
        let (writers, readers) = (names(&of.writers, "write"), names(&of.readers, "read"));
        // Version 1 may have transformed any kind where the kind is not named.
        let all = [Some(of), unnamed];
        let sides = || all.iter().flatten().flat_map(|used| [&used.writers, &used.readers]);
        let kms_v1 = match (sides().any(|side| side.contains_key("kms v1")), sides().all(BTreeMap::is_empty)) {
            (true, _) => Known::Known(true),
            (false, _) if no_kms_v1 => Known::Known(false),
            (false, true) => Known::Unknown(self.unseen(&what("read or write"), false)),
            (false, false) => Known::Known(false),
        };
        let typed = EncryptionRow {
            resource: resource.to_owned(),
            from: "metrics",
            instance: "/metrics".to_owned(),
            encrypts: self.encrypts(resource, of, unnamed),
            reads_plaintext: self.reads_plaintext(resource, of, unnamed),
            kms_v1,
            // One side of what is compared in the rows of statements.
            contradiction: Known::Known(None),
            key: super::keys::place(&writers),
            writers,
            readers,
        };
        let (wrote, read) = (evidence(&of.writers), evidence(&of.readers));
        let decided = self.off.clone().unwrap_or_else(|| wrote.clone());
        let transformed: Vec<Evidence> = sides().flat_map(evidence).collect();
        let gate = self.gates.evidence("KMSv1").filter(|_| no_kms_v1 && transformed.is_empty()).cloned();
        let origins = self.metrics.any().or(self.fallback).cloned().into_iter().collect();
        Row::new(format!("{resource}@/metrics"), api_server("/metrics"), origins, typed)
            .evidenced("encrypts", decided)
            .evidenced("key", wrote.clone())
            .evidenced("writers", wrote)
            .evidenced("reads_plaintext", read.clone())
            .evidenced("readers", read)
            .evidenced("kms_v1", transformed.into_iter().chain(gate))
    }
}

/// Where providers counted. What does not encrypt comes first.
fn evidence(side: &BTreeMap<&'static str, Vec<&Sample>>) -> Vec<Evidence> {
    let mut names: Vec<_> = side.iter().collect();
    names.sort_by_key(|(name, _)| (**name != "identity", **name));
    names.into_iter().flat_map(|(_, samples)| samples.iter().map(|sample| sample.origin.clone())).collect()
}

/// A row in which everything is unknown.
fn nothing(resource: &str, from: &'static str, unseen: Unseen) -> EncryptionRow {
    EncryptionRow {
        resource: resource.to_owned(),
        from,
        instance: String::new(),
        writers: Known::Unknown(unseen.clone()),
        key: Known::Unknown(unseen.clone()),
        readers: Known::Unknown(unseen.clone()),
        encrypts: Known::Unknown(unseen.clone()),
        reads_plaintext: Known::Unknown(unseen.clone()),
        kms_v1: Known::Unknown(unseen.clone()),
        contradiction: Known::Unknown(unseen),
    }
}

/// Where nothing says anything about encryption but the counters, there is a side that was not seen.
fn unseen_statement(servers: &ApiServers) -> Row {
    let unseen = servers.gap("encryption-provider-config");
    let typed = nothing(UNNAMED, "setting", unseen);
    Row::new("setting@".to_owned(), api_server("kube-apiserver"), servers.fallback.iter().cloned().collect(), typed)
}

/// What the counters of one server cannot say about the others.
fn other_servers(why: &str, servers: &ApiServers) -> Row {
    let unseen = Unseen {
        what: "how the other API servers write Secrets".to_owned(),
        how_to_see: "Collect from each API server by its own address.".to_owned(),
        ..super::not_visible("kube-apiserver", "encryption-provider-config", &why.replace("were seen", "answered with its counters"))
    };
    let typed = nothing(SECRETS, "metrics", unseen);
    Row::new(format!("{SECRETS}@"), api_server("kube-apiserver"), servers.fallback.iter().cloned().collect(), typed)
}

/// What the counters of the server that answered show, to be compared with statements.
struct Shown {
    /// Whether it writes Secrets encrypted.
    secrets: Option<bool>,
    /// Whether it has transformed any object.
    transforms: Option<bool>,
    /// Why nothing is known of it.
    silent: Unseen,
    /// Why it may be another server than the one that a statement is about.
    alone: Option<Unseen>,
}

/// One statement of something else than a counter.
struct Statement {
    from: &'static str,
    instance: String,
    subject: ObjectRef,
    encrypts: Known<bool>,
    /// Whether a configuration is named, whatever comes first in it.
    named: Known<bool>,
    kms: bool,
    origins: Vec<Evidence>,
}

impl Statement {
    /// Whether the counters disagree. Where one of two servers may have answered, they only can where something is wrong.
    fn contradiction(&self, shown: &Shown) -> Known<Option<bool>> {
        let disagrees = match (&self.encrypts, shown.secrets, &self.named, shown.transforms) {
            (Known::Known(false), Some(false), ..) => return Known::Known(None),
            (Known::Known(says), Some(does), ..) => *says != does,
            // No configuration is named, and the server transforms objects all the same, or does not.
            (_, _, Known::Known(false), Some(true)) => true,
            (_, _, Known::Known(false), Some(false)) => return Known::Known(None),
            // A configuration is named: that providers are at work is all that can be compared with that.
            (Known::Unknown(_), _, Known::Known(true), Some(true)) => false,
            (_, _, Known::Unknown(unseen), _) => return Known::Unknown(unseen.clone()),
            _ => return Known::Unknown(shown.silent.clone()),
        };
        match (disagrees, &shown.alone) {
            (false, Some(unseen)) => Known::Unknown(unseen.clone()),
            (disagrees, _) => Known::Known(Some(disagrees)),
        }
    }

    fn row(self, shown: &Shown) -> Row {
        let unsaid = |what: &str| Unseen {
            what: what.to_owned(),
            how_to_see: "See the row of /metrics.".to_owned(),
            ..super::not_visible("kube-apiserver", "encryption-provider-config", &format!("{} does not say it", self.instance))
        };
        let typed = EncryptionRow {
            resource: UNNAMED.to_owned(),
            from: self.from,
            instance: self.instance.clone(),
            writers: Known::Unknown(unsaid("which provider writes")),
            key: Known::Unknown(unsaid("where the key lies")),
            readers: Known::Unknown(unsaid("which providers read")),
            reads_plaintext: Known::Unknown(unsaid("whether objects are stored unencrypted")),
            kms_v1: if self.kms { Known::Unknown(unsaid("which version of the KMS interface is used")) } else { Known::Known(false) },
            contradiction: self.contradiction(shown),
            encrypts: self.encrypts,
        };
        Row::new(format!("{}@{}", self.from, self.instance), self.subject, self.origins, typed).in_namespace(None)
    }
}

fn statements(reader: &Reader<'_>, servers: &ApiServers) -> Result<Vec<Statement>, FactsError> {
    const FLAG: &str = "encryption-provider-config";
    let mut all = Vec::new();
    for server in &servers.list {
        let value = servers.value(server, FLAG, Some(""));
        let named = value.clone().map(|(value, _)| !value.is_empty());
        let encrypts = match value {
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
            named,
            kms: true,
            origins,
        });
    }
    all.extend(openshift(reader)?);
    all.extend(k3s(servers));
    Ok(all)
}

/// `spec.encryption.type` of `apiservers.config.openshift.io/cluster`: empty and `identity` do not encrypt (openshift/api
/// config/v1/types_apiserver.go).
fn openshift(reader: &Reader<'_>) -> Result<Vec<Statement>, FactsError> {
    let mut all = Vec::new();
    for (name, spec, origin) in super::openshift::openshift_servers(reader)? {
        let kind = spec.encryption.map_or_else(String::new, |encryption| encryption.kind);
        let encrypts = match kind.to_ascii_lowercase().as_str() {
            "" | "identity" => Known::Known(false),
            "aescbc" | "aesgcm" | "kms" => Known::Known(true),
            _ => Known::Unknown(super::not_visible(
                "kube-apiserver",
                "encryption-provider-config",
                &format!("`{kind}` is not a type of encryption that this program knows"),
            )),
        };
        all.push(Statement {
            from: "OpenShift",
            instance: name,
            subject: origin.object().cloned().unwrap_or_else(|| api_server("cluster")),
            kms: kind.eq_ignore_ascii_case("kms"),
            named: encrypts.clone(),
            encrypts,
            origins: vec![origin.at("/spec/encryption/type")],
        });
    }
    Ok(all)
}

/// `--secrets-encryption` among the arguments that a k3s server publishes on its Node (AES-CBC unless another provider is named). A
/// server without it says nothing here: the annotation may be incomplete.
fn k3s(servers: &ApiServers) -> Vec<Statement> {
    let mut all = Vec::new();
    for machine in servers.machines.values().filter(|machine| machine.may_be_k3s_server() && !machine.dark) {
        let Some((_, Some(words))) = &machine.words else { continue };
        let Some(position) = words.iter().position(|word| word.split('=').next() == Some("--secrets-encryption")) else { continue };
        let inline = words.get(position).and_then(|word| word.split_once('=')).map(|(_, value)| value);
        let next = || words.get(position + 1).map(String::as_str).filter(|word| matches!(*word, "true" | "false"));
        let on = inline.or_else(next) != Some("false");
        all.push(Statement {
            from: "k3s",
            instance: machine.name.clone(),
            subject: machine.subject.clone(),
            encrypts: Known::Known(on),
            named: Known::Known(on),
            kms: false,
            origins: vec![machine.origin.clone()],
        });
    }
    all
}

/// The part of an OpenShift APIServer that says how it stores objects.
#[derive(Deserialize)]
pub(super) struct OpenShiftEncryption {
    /// Empty does not encrypt.
    #[serde(rename = "type", default)]
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
