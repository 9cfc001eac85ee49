//! What the API server was started with, as far as the API shows it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Node, Pod};
use serde::Deserialize;

use super::read::{MetaOnly, Reader};
use super::schema::{Row, TableRow, table};
use super::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, NODES, PODS, VERSION};
use super::workloads::is_mirror;
use super::{FactsError, Known};
use crate::model::{Evidence, Grade, ObjectRef, Unseen, UnseenKind};

table! {
    /// One row per setting of kube-apiserver and per API server that was seen. `/flagz` (grade B) shows every effective value of
    /// the one server that answered; a mirror pod (grade C) shows the command line that a kubelet reports, where a flag that is
    /// not written has its default. A mirror pod is believed only when its annotations, its owner and the Node object agree;
    /// still, whoever may create pods in kube-system could fake one, which is why the two are compared. Where neither is
    /// visible, as on most managed control planes, every value is unknown; the same holds, in rows of their own, for API servers
    /// that the Leases of kube-system count and that no source shows.
    pub struct ApiServerSettingRow as "api_server_settings" counting "settings" from [PODS, NODES, FLAGZ, KUBEADM_CONFIG, LEASES, VERSION] {
        /// Name of the flag without dashes.
        setting: String;
        /// Name of the mirror pod, or `/flagz`; empty when none was seen.
        instance: String;
        /// The value; empty for an empty list or text.
        value: Known<String>;
        /// The value as a number, where it is one.
        number: Known<Option<i64>>;
        /// The value split at commas.
        items: Known<Vec<String>>;
        /// Whether it is written on the command line (mirror pod) or differs from the default (`/flagz`).
        set: Known<bool>;
        /// The default of a server that is started without the flag.
        default: String;
        /// `flagz` or `mirror pod`.
        from: Known<&'static str>;
        /// Whether two sources disagree about it.
        contradiction: Known<bool>;
    }
}

/// The flags that are shown, with their defaults (Kubernetes reference of kube-apiserver, 1.29 to 1.37; `None` where the default
/// depends on the version or on another setting).
const SETTINGS: &[(&str, Option<&str>)] = &[
    ("admission-control-config-file", Some("")),
    ("allow-privileged", Some("false")),
    ("anonymous-auth", Some("true")),
    ("audit-log-format", Some("json")),
    ("audit-log-maxage", None),
    ("audit-log-maxbackup", None),
    ("audit-log-maxsize", None),
    ("audit-log-mode", Some("blocking")),
    ("audit-log-path", Some("")),
    ("audit-policy-file", Some("")),
    ("audit-webhook-config-file", Some("")),
    ("audit-webhook-mode", Some("batch")),
    ("authentication-config", Some("")),
    ("authentication-token-webhook-config-file", Some("")),
    ("authorization-config", Some("")),
    ("authorization-mode", Some("AlwaysAllow")),
    ("authorization-webhook-config-file", Some("")),
    ("bind-address", Some("0.0.0.0")),
    ("client-ca-file", Some("")),
    ("disable-admission-plugins", Some("")),
    ("egress-selector-config-file", Some("")),
    ("enable-admission-plugins", Some("")),
    ("enable-bootstrap-token-auth", Some("false")),
    ("enable-priority-and-fairness", Some("true")),
    ("encryption-provider-config", Some("")),
    ("encryption-provider-config-automatic-reload", Some("false")),
    ("etcd-cafile", Some("")),
    ("etcd-certfile", Some("")),
    ("etcd-keyfile", Some("")),
    ("etcd-servers", Some("")),
    ("feature-gates", Some("")),
    ("kubelet-certificate-authority", Some("")),
    ("kubelet-client-certificate", Some("")),
    ("kubelet-client-key", Some("")),
    ("oidc-client-id", Some("")),
    ("oidc-groups-claim", Some("")),
    ("oidc-issuer-url", Some("")),
    ("oidc-required-claim", Some("")),
    ("oidc-username-claim", Some("sub")),
    ("profiling", Some("true")),
    ("request-timeout", Some("1m0s")),
    ("requestheader-allowed-names", Some("")),
    ("requestheader-client-ca-file", Some("")),
    ("secure-port", Some("6443")),
    ("service-account-extend-token-expiration", Some("true")),
    ("service-account-issuer", Some("")),
    ("service-account-key-file", Some("")),
    ("service-account-lookup", Some("true")),
    ("service-account-max-token-expiration", Some("0s")),
    ("service-account-signing-key-file", Some("")),
    ("tls-cert-file", Some("")),
    ("tls-cipher-suites", Some("")),
    ("tls-min-version", Some("")),
    ("tls-private-key-file", Some("")),
    ("token-auth-file", Some("")),
];

/// Stands where the collector removed a value that is not on its allow-list.
const REDACTED: &str = "[redacted]";

/// One API server as one source shows it.
struct Instance {
    name: String,
    subject: ObjectRef,
    flags: BTreeMap<String, String>,
    origin: Evidence,
    /// Whether `flags` holds every flag with its effective value.
    effective: bool,
}

impl Instance {
    /// The value of a setting, with whether it is written out.
    fn value(&self, setting: &str, default: Option<&str>) -> Known<(String, bool)> {
        match self.flags.get(setting) {
            Some(value) if value == REDACTED => Known::Unknown(not_visible(setting, "its value is not on the collector's allow-list")),
            Some(value) => {
                let value = normalized(value);
                let set = !self.effective || Some(value.as_str()) != default;
                Known::Known((value, set))
            }
            None if self.effective => {
                Known::Unknown(not_visible(setting, "the server's /flagz does not list it: this version does not have the flag"))
            }
            None => match default {
                Some(default) => Known::Known((default.to_owned(), false)),
                None => Known::Unknown(not_visible(
                    setting,
                    "the flag is not written, and its default depends on the version and on other settings",
                )),
            },
        }
        .and_visible(setting, &self.flags)
    }
}

impl Known<(String, bool)> {
    /// A flag that a configuration file replaces says nothing: `--authentication-config` (KEP-3331) takes over anonymous access,
    /// `--authorization-config` (KEP-3221) takes over the modes.
    fn and_visible(self, setting: &str, flags: &BTreeMap<String, String>) -> Self {
        let file = match setting {
            "anonymous-auth" => "authentication-config",
            "authorization-mode" => "authorization-config",
            _ => return self,
        };
        match flags.get(file) {
            Some(path) if !normalized(path).is_empty() => {
                Self::Unknown(not_visible(setting, &format!("the file named by --{file} decides it, and the API does not show that file")))
            }
            _ => self,
        }
    }
}

/// Slices print as `[a,b]` on /flagz (component-base zpages/flagz).
fn normalized(value: &str) -> String {
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    inner.trim().trim_matches('"').to_owned()
}

fn not_visible(setting: &str, why: &str) -> Unseen {
    Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("the setting {setting} of kube-apiserver"),
        why: why.to_owned(),
        how_to_see: format!("Ask whoever operates the control plane for the value of --{setting} and for the file it names, if any."),
        source: None,
        missing_rule: None,
    }
}

/// The rows of the table.
pub(super) fn rows(reader: &Reader<'_>) -> Result<Vec<Row>, FactsError> {
    let mirrors = mirrors(reader)?;
    let flagz = flagz(reader)?;
    let declared = kubeadm(reader)?;
    let fallback =
        reader.single(&VERSION)?.map(|stored| reader.origin(&VERSION, &Default::default(), &stored, Grade::EffectiveConfiguration));
    let servers = servers(reader)?;
    let seen = mirrors.len().max(usize::from(flagz.is_some()));
    let mut rows = Vec::new();
    for &(setting, default) in SETTINGS {
        let contradicts = |value: &Known<(String, bool)>, others: &[&Instance]| -> Known<bool> {
            let Known::Known((value, _)) = value else { return Known::Known(false) };
            let written: Vec<String> = others
                .iter()
                .filter_map(|other| other.flags.get(setting))
                .filter(|text| text.as_str() != REDACTED)
                .map(|text| normalized(text))
                .collect();
            let by_declaration = declared.get(setting).is_some_and(|text| text != REDACTED && normalized(text) != *value);
            Known::Known(by_declaration || (!written.is_empty() && !written.contains(value)))
        };
        if seen > 0 && servers > seen {
            let why = not_visible(setting, &format!("{seen} of {servers} API servers were seen; the settings of the others may differ"));
            rows.push(unseen_row(setting, default, &why, fallback.as_ref()));
        }
        match (mirrors.as_slice(), &flagz) {
            ([], None) => rows.push(unseen_row(setting, default, &flagz_gap(reader, setting), fallback.as_ref())),
            ([], Some(only)) => {
                let value = only.value(setting, default);
                rows.push(seen_row(
                    setting,
                    default,
                    only,
                    value,
                    contradicts(&Known::Known((String::new(), false)), &[]).map(|_| false),
                    &[],
                ));
            }
            ([mirror], Some(live)) => {
                // One server, seen twice: the effective value decides, the reported copy is compared with it.
                let value = live.value(setting, default);
                let contradiction = contradicts(&value, &[mirror]);
                let instance = Instance {
                    name: mirror.name.clone(),
                    subject: mirror.subject.clone(),
                    flags: BTreeMap::new(),
                    origin: pointed(live, setting),
                    effective: true,
                };
                rows.push(seen_row(setting, default, &instance, value, contradiction, &[pointed(mirror, setting)]));
            }
            (several, live) => {
                for mirror in several {
                    let value = mirror.value(setting, default);
                    rows.push(seen_row(setting, default, mirror, value.clone(), contradicts(&value, &[]), &[]));
                }
                if let Some(live) = live {
                    let value = live.value(setting, default);
                    let others: Vec<&Instance> = several.iter().collect();
                    rows.push(seen_row(setting, default, live, value.clone(), contradicts(&value, &others), &[]));
                }
            }
        }
    }
    Ok(rows)
}

/// How many API servers there are: each holds a Lease in kube-system with this label (KEP-1965).
fn servers(reader: &Reader<'_>) -> Result<usize, FactsError> {
    let mut servers = 0;
    reader.each::<MetaOnly>(&LEASES, |lease, _| {
        let identity = lease.metadata.labels.as_ref().and_then(|labels| labels.get("apiserver.kubernetes.io/identity"));
        servers += usize::from(identity.is_some_and(|value| value == "kube-apiserver"));
    })?;
    Ok(servers)
}

fn flagz_gap(reader: &Reader<'_>, setting: &str) -> Unseen {
    match reader.gap(&FLAGZ).or_else(|| reader.gap(&PODS)).or_else(|| reader.gap(&NODES)) {
        Some(gap) => gap,
        None => {
            not_visible(setting, "no API server pod is visible and the server offers no /flagz as JSON, as on most managed control planes")
        }
    }
}

fn pointed(instance: &Instance, setting: &str) -> Evidence {
    let mut origin = instance.origin.clone();
    if instance.effective {
        origin.pointer = format!("/flags/{setting}");
    }
    origin
}

fn seen_row(
    setting: &str,
    default: Option<&str>,
    instance: &Instance,
    value: Known<(String, bool)>,
    contradiction: Known<bool>,
    also: &[Evidence],
) -> Row {
    let from = if instance.effective { "flagz" } else { "mirror pod" };
    let typed = ApiServerSettingRow {
        setting: setting.to_owned(),
        instance: instance.name.clone(),
        number: value.clone().map(|(value, _)| value.parse().ok()),
        items: value.clone().map(|(value, _)| split(&value)),
        set: value.clone().map(|(_, set)| set),
        value: value.map(|(value, _)| value),
        default: default.unwrap_or("").to_owned(),
        from: Known::Known(from),
        contradiction,
    };
    let mut origins = vec![pointed(instance, setting)];
    origins.extend_from_slice(also);
    Row {
        key: format!("{setting}@{}", instance.name),
        namespace: instance.subject.namespace.clone(),
        subject: instance.subject.clone(),
        related: Vec::new(),
        origins,
        cells: typed.cells(),
    }
}

fn split(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn unseen_row(setting: &str, default: Option<&str>, why: &Unseen, origin: Option<&Evidence>) -> Row {
    let typed = ApiServerSettingRow {
        setting: setting.to_owned(),
        instance: String::new(),
        value: Known::Unknown(why.clone()),
        number: Known::Unknown(why.clone()),
        items: Known::Unknown(why.clone()),
        set: Known::Unknown(why.clone()),
        default: default.unwrap_or("").to_owned(),
        from: Known::Unknown(why.clone()),
        contradiction: Known::Unknown(why.clone()),
    };
    Row {
        key: format!("{setting}@"),
        namespace: None,
        subject: api_server("kube-apiserver"),
        related: Vec::new(),
        origins: origin.cloned().into_iter().collect(),
        cells: typed.cells(),
    }
}

fn api_server(name: &str) -> ObjectRef {
    ObjectRef { kind: "APIServer".to_owned(), group: String::new(), namespace: None, name: name.to_owned(), uid: None }
}

/// The mirror pods of kube-apiserver that can be believed: in kube-system, made from a file, controlled by the Node object they are
/// bound to (same uid), with a container that starts kube-apiserver.
fn mirrors(reader: &Reader<'_>) -> Result<Vec<Instance>, FactsError> {
    let mut nodes: BTreeMap<String, String> = BTreeMap::new();
    reader.each::<Node>(&NODES, |node, _| {
        if let (Some(name), Some(uid)) = (node.metadata.name, node.metadata.uid) {
            nodes.insert(name, uid);
        }
    })?;
    let mut found = Vec::new();
    reader.each::<Pod>(&PODS, |pod, origin| {
        let Some(spec) = &pod.spec else { return };
        if pod.metadata.namespace.as_deref() != Some("kube-system") || !is_mirror(&pod.metadata, spec) {
            return;
        }
        let node_uid = spec.node_name.as_ref().and_then(|name| nodes.get(name));
        let owned = pod.metadata.owner_references.iter().flatten().any(|owner| Some(&owner.uid) == node_uid);
        if !owned {
            return;
        }
        for (i, container) in spec.containers.iter().enumerate() {
            if let Some(flags) = flags_of(container, "kube-apiserver") {
                let name = pod.metadata.name.clone().unwrap_or_default();
                found.push(Instance {
                    subject: ObjectRef {
                        kind: "Pod".to_owned(),
                        group: String::new(),
                        namespace: pod.metadata.namespace.clone(),
                        name: name.clone(),
                        uid: pod.metadata.uid.clone(),
                    },
                    name,
                    flags,
                    origin: Evidence { grade: Grade::ReportedCopy, pointer: format!("/spec/containers/{i}"), ..origin.clone() },
                    effective: false,
                });
            }
        }
    })?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The flags with which a container starts `binary`: `--flag=value`, `--flag value` and `--flag` (true), in command or args, also
/// behind wrappers such as `/go-runner` or `sh -c`. The last of repeated flags wins, as Go's flag package has it.
fn flags_of(container: &Container, binary: &str) -> Option<BTreeMap<String, String>> {
    let words: Vec<&str> =
        container.command.iter().flatten().chain(container.args.iter().flatten()).flat_map(|word| word.split_whitespace()).collect();
    let start = words.iter().position(|word| word.rsplit('/').next() == Some(binary)).or_else(|| {
        // Distributions whose image starts the binary by itself write only flags.
        (container.name == binary && words.first().is_some_and(|word| word.starts_with("--"))).then_some(0)
    })?;
    let mut flags = BTreeMap::new();
    let mut rest = words.get(start..)?.iter().peekable();
    while let Some(word) = rest.next() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        match flag.split_once('=') {
            Some((name, value)) => flags.insert(name.to_owned(), value.to_owned()),
            None => {
                let value = rest.next_if(|next| !next.starts_with("--")).map_or("true", |next| *next);
                flags.insert(flag.to_owned(), value.to_owned())
            }
        };
    }
    Some(flags)
}

#[derive(Deserialize)]
struct Flagz {
    flags: BTreeMap<String, String>,
}

/// `/flagz` (KEP-4828), ComponentFlagz in JSON.
fn flagz(reader: &Reader<'_>) -> Result<Option<Instance>, FactsError> {
    let Some(stored) = reader.single(&FLAGZ)? else { return Ok(None) };
    match serde_json::from_str::<Flagz>(&stored.json) {
        Ok(Flagz { flags }) => Ok(Some(Instance {
            name: "/flagz".to_owned(),
            subject: api_server("/flagz"),
            flags,
            origin: reader.origin(&FLAGZ, &Default::default(), &stored, Grade::EffectiveConfiguration),
            effective: true,
        })),
        Err(error) => {
            reader.not_understood(&FLAGZ, &stored, &error.to_string());
            Ok(None)
        }
    }
}

/// `apiServer.extraArgs` of kubeadm's ClusterConfiguration: a map up to v1beta3, a list of name and value from v1beta4.
fn kubeadm(reader: &Reader<'_>) -> Result<BTreeMap<String, String>, FactsError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ExtraArgs {
        Map(BTreeMap<String, String>),
        List(Vec<Arg>),
    }
    #[derive(Deserialize)]
    struct Arg {
        name: String,
        value: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ApiServer {
        extra_args: Option<ExtraArgs>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ClusterConfiguration {
        api_server: Option<ApiServer>,
    }
    #[derive(Deserialize)]
    struct ConfigMap {
        #[serde(default)]
        data: BTreeMap<String, String>,
    }
    let Some(stored) = reader.single(&KUBEADM_CONFIG)? else { return Ok(BTreeMap::new()) };
    let parsed = serde_json::from_str::<ConfigMap>(&stored.json).map_err(|error| error.to_string()).and_then(|map| {
        match map.data.get("ClusterConfiguration") {
            // The collector stores the allowed part as JSON, which is YAML too.
            Some(text) => serde_json::from_str::<ClusterConfiguration>(text).map(Some).map_err(|error| error.to_string()),
            None => Ok(None),
        }
    });
    match parsed {
        Ok(Some(ClusterConfiguration { api_server: Some(ApiServer { extra_args: Some(args) }) })) => Ok(match args {
            ExtraArgs::Map(map) => map,
            ExtraArgs::List(list) => list.into_iter().map(|arg| (arg.name, arg.value)).collect(),
        }),
        Ok(_) => Ok(BTreeMap::new()),
        Err(error) => {
            reader.not_understood(&KUBEADM_CONFIG, &stored, &error);
            Ok(BTreeMap::new())
        }
    }
}
