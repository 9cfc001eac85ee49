//! What kubeadm has on record: the flags that it was told to set.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::defaults::{API_SERVER, CONTROLLER_MANAGER, Component, ETCD, SCHEDULER, hidden};
use super::flags::Flags;
use super::not_visible;
use crate::facts::table::read::Reader;
use crate::facts::{FactsError, Known};
use crate::model::Evidence;
use crate::model::sources::KUBEADM_CONFIG;

/// Flags that kubeadm was told to set, by the program that they are for.
pub(super) struct Declared {
    flags: BTreeMap<&'static str, Flags>,
    origin: Option<Evidence>,
}

impl Declared {
    /// What it says about a setting; nothing when it is silent.
    pub(super) fn value(&self, component: &Component, setting: &str) -> Option<Known<(String, bool)>> {
        let text = self.flags.get(component.binary)?.values.get(setting)?;
        Some(match hidden(text) {
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
        (&CONTROLLER_MANAGER, configuration.controller_manager),
        (&SCHEDULER, configuration.scheduler),
        (&ETCD, configuration.etcd.and_then(|etcd| etcd.local)),
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
