//! What the sources say about API servers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde::Deserialize;

use super::flags::{Flags, flags_of};
use super::not_visible;
use super::settings::{normalized, written};
use crate::facts::read::{MetaOnly, Reader};
use crate::facts::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, NODES, PODS};
use crate::facts::workloads::claims_mirror;
use crate::facts::{FactsError, Known};
use crate::model::{Evidence, Grade, ObjectRef};

/// One API server as one source shows it.
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) subject: ObjectRef,
    pub(super) flags: Flags,
    pub(super) origin: Evidence,
    /// Whether `flags` holds every flag with its effective value.
    pub(super) effective: bool,
}

impl Instance {
    /// The value of a setting, with whether it is written out.
    pub(super) fn value(&self, setting: &str, default: Option<&str>) -> Known<(String, bool)> {
        if self.flags.opaque {
            return Known::Unknown(not_visible(
                setting,
                "the command line holds words that the collector does not store, which may be flags",
            ));
        }
        if let Some(file) = self.replaced_by(setting) {
            let why = format!("the file named by --{file} decides it, and the API does not show that file");
            return Known::Unknown(not_visible(setting, &why));
        }
        match (self.flags.values.get(setting), default) {
            (Some(text), _) => written(setting, text, |value| !self.effective || Some(value) != default),
            (None, _) if self.effective => {
                Known::Unknown(not_visible(setting, "the server's /flagz does not list it: this version does not have the flag"))
            }
            (None, Some(default)) => Known::Known((default.to_owned(), false)),
            (None, None) => Known::Unknown(not_visible(
                setting,
                "the flag is not written, and its default depends on the version and on other settings",
            )),
        }
    }

    /// Whether this source says anything about a setting: a mirror pod that does not write it says its default.
    pub(super) fn speaks(&self, setting: &str, default: Option<&str>) -> bool {
        self.flags.values.contains_key(setting) || (!self.effective && default.is_some())
    }

    /// The flag of the file that decides a setting instead: `--authentication-config` (KEP-3331) takes over anonymous access,
    /// `--authorization-config` (KEP-3221) the modes.
    fn replaced_by(&self, setting: &str) -> Option<&'static str> {
        let file = match setting {
            "anonymous-auth" => "authentication-config",
            "authorization-mode" => "authorization-config",
            _ => return None,
        };
        self.flags.values.get(file).is_some_and(|path| !normalized(file, path).is_empty()).then_some(file)
    }
}

/// The mirror pods of kube-apiserver that can be believed: in kube-system, made from a file, controlled by the Node object they are
/// bound to (same uid), running, with a container that starts kube-apiserver.
pub(super) fn mirrors(reader: &Reader<'_>) -> Result<Vec<Instance>, FactsError> {
    let mut nodes: BTreeMap<String, String> = BTreeMap::new();
    reader.each::<Node>(&NODES, |node, _| {
        if let (Some(name), Some(uid)) = (node.metadata.name, node.metadata.uid) {
            nodes.insert(name, uid);
        }
    })?;
    let mut found = Vec::new();
    reader.each::<Pod>(&PODS, |pod, origin| {
        let Some(spec) = &pod.spec else { return };
        // What a pod that does not run says is not what a server runs with.
        let runs = pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
        if pod.metadata.namespace.as_deref() != Some("kube-system") || !runs {
            return;
        }
        let Some((node, uid)) = claims_mirror(&pod.metadata, spec) else { return };
        if nodes.get(&node) != Some(&uid) {
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
            flags: Flags { values: flags, opaque: false },
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
pub(super) fn kubeadm(reader: &Reader<'_>) -> Result<Flags, FactsError> {
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
    let Some(stored) = reader.single(&KUBEADM_CONFIG)? else { return Ok(Flags::default()) };
    let parsed = serde_json::from_str::<ConfigMap>(&stored.json).map_err(|error| error.to_string()).and_then(|map| {
        match map.data.get("ClusterConfiguration") {
            // The collector stores the allowed part as JSON, which is YAML too.
            Some(text) => serde_json::from_str::<ClusterConfiguration>(text).map(Some).map_err(|error| error.to_string()),
            None => Ok(None),
        }
    });
    match parsed {
        Ok(Some(ClusterConfiguration { api_server: Some(ApiServer { extra_args: Some(args) }) })) => Ok(match args {
            ExtraArgs::Map(map) => gathered(map),
            ExtraArgs::List(list) => gathered(list.into_iter().map(|arg| (arg.name, arg.value))),
        }),
        Ok(_) => Ok(Flags::default()),
        Err(error) => {
            reader.not_understood(&KUBEADM_CONFIG, &stored, &error);
            Ok(Flags::default())
        }
    }
}

fn gathered(args: impl IntoIterator<Item = (String, String)>) -> Flags {
    let mut flags = Flags::default();
    args.into_iter().for_each(|(name, value)| flags.add(&name, &value));
    flags
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
