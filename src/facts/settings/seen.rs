//! What the sources say about running components.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::defaults::{API_SERVER, Component};
use super::flags::{Flags, flags_of};
use super::not_visible;
use crate::facts::context::Context;
use crate::facts::table::read::{MetaOnly, Reader};
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, NODES};
use crate::model::{Evidence, Grade, ObjectRef};

/// One running component as one source shows it.
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) subject: ObjectRef,
    pub(super) component: &'static Component,
    pub(super) flags: Flags,
    variables: Variables,
    pub(super) origin: Evidence,
    pub(super) how: How,
}

/// The variables of a container's environment, whose values are not read.
#[derive(Default)]
struct Variables {
    names: BTreeSet<String>,
    /// Whether there may be others: those of a ConfigMap or a Secret.
    others: bool,
}

/// How much a source shows of the flags of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Every flag with its effective value (`/flagz`).
    Effective,
    /// The command line: a flag that is not written has its default (mirror pod).
    CommandLine,
    /// Only what was changed: the distribution has defaults of its own (k3s, `k3s.io/node-args`).
    Changes,
}

impl How {
    /// The name of the source.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Effective => "flagz",
            Self::CommandLine => "mirror pod",
            Self::Changes => "node arguments",
        }
    }
}

impl Instance {
    /// The value of a setting, with whether it is written out.
    pub(super) fn value(&self, setting: &str, default: Option<&str>) -> Known<(String, bool)> {
        let component = self.component;
        let unknown = |why: &str| Known::Unknown(not_visible(component.binary, setting, why));
        if self.flags.opaque {
            return unknown("the command line holds words that the collector does not store, which may be flags");
        }
        let replacing = component.replacing(setting).filter(|file| self.may_be_given(file));
        if let Some(file) = replacing.filter(|_| !self.outranks(setting, default)) {
            return unknown(&format!("the file named by --{file} decides it, and the API does not show that file"));
        }
        let on = |value: &Known<(String, bool)>| value.known().is_some_and(|(value, _)| value == "true");
        let mut value = self.plain(setting, default);
        if let Some(by) = component.implying(setting).filter(|_| !on(&value)) {
            match self.plain(by, Some("")) {
                Known::Known((file, _)) if file.is_empty() => {}
                Known::Known(_) => value = Known::Known(("true".to_owned(), true)),
                Known::Unknown(_) => return unknown(&format!("--{by} switches it on, and whether that is set is not known")),
            }
        }
        if let Some((by, unless)) = component.voiding(setting).filter(|_| on(&value)) {
            match self.voids(by, unless) {
                Known::Known(false) => {}
                Known::Known(true) => value = Known::Known(("false".to_owned(), true)),
                Known::Unknown(_) => return unknown(&format!("--{by} may switch it off, and whether it does is not known")),
            }
        }
        value
    }

    /// What the flag itself says.
    fn plain(&self, setting: &str, default: Option<&str>) -> Known<(String, bool)> {
        let component = self.component;
        let unknown = |why: &str| Known::Unknown(not_visible(component.binary, setting, why));
        match (self.flags.values.get(setting), default) {
            (Some(text), _) => component.written(setting, text, |value| self.how != How::Effective || Some(value) != default),
            (None, _) if self.how == How::Changes => unknown("k3s sets its own default, which its Node object does not show"),
            (None, _) if self.how == How::Effective => unknown("the server's /flagz does not list it: this version does not have the flag"),
            (None, _) if self.in_environment(setting) => {
                unknown("an environment variable of the container stands for it, and its value is not read")
            }
            (None, Some(default)) => Known::Known((default.to_owned(), false)),
            (None, None) => unknown("the flag is not written, and its default depends on the version and on other settings"),
        }
    }

    /// Whether an environment variable may stand for a flag that is not written.
    fn in_environment(&self, setting: &str) -> bool {
        let variable = |prefix: &str| format!("{prefix}{}", setting.replace('-', "_").to_ascii_uppercase());
        self.component.environment.is_some_and(|prefix| self.variables.others || self.variables.names.contains(&variable(prefix)))
    }

    /// Whether a flag may have a value that is not empty.
    fn may_be_given(&self, flag: &str) -> bool {
        self.flags.values.get(flag).is_some_and(|value| !self.component.normalized(flag, value).is_empty()) || self.in_environment(flag)
    }

    /// Whether a setting is certainly written, and decides although a file is named that could. `/flagz` lists every flag: there only
    /// what is not the default was written, and with AlwaysAllow the server itself switches anonymous requests off before it reads
    /// the file (pkg/kubeapiserver/options/authentication.go, ApplyAuthorization).
    fn outranks(&self, setting: &str, default: Option<&str>) -> bool {
        let Some(text) = self.flags.values.get(setting).filter(|_| self.component.is_outranking(setting)) else { return false };
        let allows_all = || self.flags.values.get("authorization-mode").is_some_and(|modes| modes.contains("AlwaysAllow"));
        self.how != How::Effective || (Some(self.component.normalized(setting, text).as_str()) != default && !allows_all())
    }

    /// Whether a switch is on and none of the files is named that void it.
    fn voids(&self, switch: &str, unless: [&str; 2]) -> Known<bool> {
        let files = unless.map(|file| self.plain(file, Some("")).map(|(path, _)| !path.is_empty()));
        if files.contains(&Known::Known(true)) {
            return Known::Known(false);
        }
        let [one, other] = files;
        match self.plain(switch, Some("false")).map(|(value, _)| value == "true") {
            Known::Known(true) => one.and_then(|_| other).map(|_| true),
            off_or_unknown => off_or_unknown,
        }
    }

    /// Whether this source says anything about a setting: a mirror pod that does not write it says its default.
    pub(super) fn speaks(&self, setting: &str, default: Option<&str>) -> bool {
        self.flags.values.contains_key(setting) || (self.how == How::CommandLine && default.is_some())
    }

    /// Where a setting stands.
    pub(super) fn pointed(&self, setting: &str) -> Evidence {
        let mut origin = self.origin.clone();
        if self.how == How::Effective {
            origin.pointer = format!("/flags/{setting}").into();
        }
        origin
    }
}

/// The mirror pods of a component that can be believed: in kube-system, made from a file, controlled by the Node object they are
/// bound to (same uid), running, with a container that starts the component.
pub(super) fn mirrors(context: &Context<'_>, component: &'static Component) -> Result<Vec<Instance>, FactsError> {
    let (mut found, nodes) = (Vec::new(), context.nodes()?);
    for pod in context.static_pods()?.iter().filter(|pod| pod.believed(nodes)) {
        for (i, container) in pod.containers.iter().enumerate() {
            if let Some(flags) = flags_of(container, component) {
                found.push(Instance {
                    name: pod.subject.name.clone(),
                    subject: pod.subject.clone(),
                    component,
                    flags,
                    variables: Variables {
                        names: container.env.iter().flatten().map(|variable| variable.name.clone()).collect(),
                        others: container.env_from.iter().flatten().next().is_some(),
                    },
                    origin: pod.origin.at(format!("/spec/containers/{i}")).graded(Grade::ReportedCopy),
                    how: How::CommandLine,
                });
            }
        }
    }
    Ok(found)
}

/// Where k3s publishes the words that a node was started with.
pub(super) const K3S_POINTER: &str = "/metadata/annotations/k3s.io~1node-args";

/// The words that a k3s server was started with; nothing for other nodes.
pub(super) fn k3s_server(reader: &Reader<'_>, node: &MetaOnly) -> Option<Vec<String>> {
    let text = node.metadata.annotations.as_ref()?.get("k3s.io/node-args")?;
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) => (words.first().map(String::as_str) == Some("server")).then_some(words),
        Err(error) => {
            let what = format!("the arguments of the k3s node {}", node.metadata.name.as_deref().unwrap_or(""));
            reader.doubt(&NODES, what, &format!("the annotation is not a list of words: {error}"), "Look at the node by hand.");
            None
        }
    }
}

/// The API servers that k3s nodes run inside their own process: `k3s.io/node-args` of a Node holds the words that its k3s was started
/// with, and `--kube-apiserver-arg` among them what is changed of the API server (k3s documentation, "server").
pub(super) fn k3s(reader: &Reader<'_>) -> Result<Vec<Instance>, FactsError> {
    const CARRIER: &str = "--kube-apiserver-arg";
    let mut found = Vec::new();
    reader.each::<MetaOnly>(&NODES, |node, origin| {
        let Some(words) = k3s_server(reader, &node) else { return };
        let mut flags = Flags::default();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let inner = match word.strip_prefix(CARRIER) {
                Some("") => words.next_if(|next| !next.starts_with("--")).map(String::as_str),
                Some(value) => value.strip_prefix('='),
                None => continue,
            };
            match inner.map(|inner| inner.trim_start_matches('-')) {
                Some(inner) if !inner.is_empty() && !inner.starts_with("[redacted]") => {
                    let (name, value) = inner.split_once('=').unwrap_or((inner, "true"));
                    flags.add(&API_SERVER, name, value);
                }
                _ => flags.opaque = true,
            }
        }
        let name = node.metadata.name.clone().unwrap_or_default();
        found.push(Instance {
            subject: origin.object().cloned().unwrap_or_else(|| api_server(&name)),
            name,
            component: &API_SERVER,
            flags,
            variables: Variables::default(),
            origin: origin.at(K3S_POINTER).graded(Grade::ReportedCopy),
            how: How::Changes,
        });
    })?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

#[derive(Deserialize)]
struct Flagz {
    flags: BTreeMap<String, String>,
}

/// `/flagz` (KEP-4828), ComponentFlagz in JSON.
pub(super) fn flagz(reader: &Reader<'_>) -> Result<Option<Instance>, FactsError> {
    let Some(stored) = reader.single(&FLAGZ)? else { return Ok(None) };
    match serde_json::from_str::<Flagz>(&stored.json) {
        Ok(Flagz { flags }) => Ok(Some(Instance {
            name: "/flagz".to_owned(),
            subject: api_server("/flagz"),
            component: &API_SERVER,
            variables: Variables::default(),
            flags: Flags { values: flags, opaque: false },
            origin: reader.origin(&FLAGZ, &Default::default(), &stored, Grade::EffectiveConfiguration),
            how: How::Effective,
        })),
        Err(error) => {
            reader.not_understood(&FLAGZ, &stored, &error.to_string());
            Ok(None)
        }
    }
}

/// Flags that kubeadm was told to set, by the program that they are for.
pub(super) struct Declared {
    flags: BTreeMap<&'static str, Flags>,
    origin: Option<Evidence>,
}

impl Declared {
    /// What it says about a setting; nothing when it is silent.
    pub(super) fn value(&self, component: &Component, setting: &str) -> Option<Known<(String, bool)>> {
        let text = self.flags.get(component.binary)?.values.get(setting)?;
        Some(match super::defaults::hidden(text) {
            None => Known::Known((component.normalized(setting, text), true)),
            Some(_) => Known::Unknown(not_visible(component.binary, setting, "kubeadm-config says something about it that cannot be read")),
        })
    }

    /// Where it stands.
    pub(super) fn origin(&self) -> Option<&Evidence> {
        self.origin.as_ref()
    }
}

/// `extraArgs` of kubeadm's ClusterConfiguration: a map up to v1beta3, a list of name and value from v1beta4.
pub(super) fn kubeadm(reader: &Reader<'_>) -> Result<Declared, FactsError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ExtraArgs {
        Map(BTreeMap<String, Value>),
        List(Vec<Arg>),
    }
    #[derive(Deserialize)]
    struct Arg {
        name: String,
        #[serde(default)]
        value: Value,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Program {
        extra_args: Option<ExtraArgs>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Etcd {
        local: Option<Program>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct ClusterConfiguration {
        api_server: Option<Program>,
        controller_manager: Option<Program>,
        scheduler: Option<Program>,
        etcd: Option<Etcd>,
    }
    let nothing = Declared { flags: BTreeMap::new(), origin: None };
    let Some(stored) = reader.single(&KUBEADM_CONFIG)? else { return Ok(nothing) };
    let text = match super::files::key(&stored, "ClusterConfiguration") {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(nothing),
        Err(error) => {
            reader.not_understood(&KUBEADM_CONFIG, &stored, &error);
            return Ok(nothing);
        }
    };
    // The collector stores the allowed part as JSON, which is YAML too.
    let configuration = match serde_json::from_str::<ClusterConfiguration>(&text) {
        Ok(configuration) => configuration,
        Err(error) => {
            reader.not_understood(&KUBEADM_CONFIG, &stored, &error.to_string());
            return Ok(nothing);
        }
    };
    let programs = [
        (&API_SERVER, configuration.api_server),
        (&super::defaults::CONTROLLER_MANAGER, configuration.controller_manager),
        (&super::defaults::SCHEDULER, configuration.scheduler),
        (&super::defaults::ETCD, configuration.etcd.and_then(|etcd| etcd.local)),
    ];
    let mut flags: BTreeMap<&'static str, Flags> = BTreeMap::new();
    for (component, program) in programs {
        let gathered = flags.entry(component.binary).or_default();
        let mut add = |name: &str, value: &Value| gathered.add(component, name, &written(value));
        match program.and_then(|program| program.extra_args) {
            Some(ExtraArgs::Map(map)) => map.iter().for_each(|(name, value)| add(name, value)),
            Some(ExtraArgs::List(list)) => list.iter().for_each(|arg| add(&arg.name, &arg.value)),
            None => {}
        }
    }
    let origin = super::files::origin(reader, &KUBEADM_CONFIG, &stored, "/data/ClusterConfiguration");
    Ok(Declared { flags, origin: Some(origin) })
}

/// What a value says as a flag: somebody may have written `30` or `false` without quotes. A list or an object is no value of a flag.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => "[redacted]".to_owned(),
    }
}

/// How many API servers there are: each holds a Lease in kube-system with this label (KEP-1965).
pub(super) fn servers(reader: &Reader<'_>) -> Result<usize, FactsError> {
    let mut servers = 0;
    reader.each::<MetaOnly>(&LEASES, |lease, _| {
        let identity = lease.metadata.labels.as_ref().and_then(|labels| labels.get("apiserver.kubernetes.io/identity"));
        servers += usize::from(identity.is_some_and(|value| value == "kube-apiserver"));
    })?;
    Ok(servers)
}

/// The server itself, where no object stands for it.
pub(super) fn api_server(name: &str) -> ObjectRef {
    ObjectRef { kind: "APIServer".to_owned(), group: String::new(), namespace: None, name: name.to_owned(), uid: None }
}
