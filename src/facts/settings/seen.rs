//! What the sources say about running components.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::defaults::{API_SERVER, Component, hidden};
use super::flags::Flags;
use super::places::Mounts;
use super::{not_visible, plugins};
use crate::facts::table::read::{MetaOnly, Reader};
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, LEASES};
use crate::model::{Evidence, Grade, ObjectRef, Unseen};

/// One running component as one source shows it.
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) subject: ObjectRef,
    pub(super) component: &'static Component,
    pub(super) flags: Flags,
    /// Why nothing is known of its flags, where that is so.
    pub(super) doubt: Option<String>,
    /// The node that it runs on, where that is known.
    pub(super) node: Option<String>,
    /// Its node, where that is not ready: what is reported of the pods there was true once.
    pub(super) dark: Option<String>,
    pub(super) variables: Variables,
    /// What of its file system lasts, where it runs in a container that is seen.
    pub(super) mounts: Option<Mounts>,
    pub(super) origin: Evidence,
    pub(super) how: How,
}

/// The variables of a container's environment, whose values are not read.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) names: BTreeSet<String>,
    /// Whether there may be others: those of a ConfigMap or a Secret.
    pub(super) others: bool,
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
    /// One of which nothing but its place is known yet.
    pub(super) fn new(component: &'static Component, origin: Evidence, how: How) -> Self {
        Self {
            name: String::new(),
            subject: api_server(component.binary),
            component,
            flags: Flags::default(),
            doubt: None,
            node: None,
            dark: None,
            variables: Variables::default(),
            mounts: None,
            origin,
            how,
        }
    }

    /// Why nothing that it says is taken for what runs, where that is so.
    fn doubted(&self) -> Option<String> {
        if let Some(node) = &self.dark {
            return Some(format!("the node {node} is not ready, so that what is reported of its pods may be out of date"));
        }
        let opaque = || "the command line holds words that the collector does not store, which may be flags".to_owned();
        self.doubt.clone().or_else(|| self.flags.opaque.then(opaque))
    }

    /// The value of a setting, with whether it is written out.
    pub(super) fn value(&self, setting: &str, default: Option<&str>) -> Known<(String, bool)> {
        let component = self.component;
        let unknown = |why: &str| Known::Unknown(not_visible(component.binary, setting, why));
        if let Some(why) = self.doubted() {
            return unknown(&why);
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
        // A list of all plugins takes the place of both newer flags, which cannot be written beside it; /flagz shows what came of it.
        let whole = self.flags.values.get(plugins::WHOLE).filter(|_| self.how != How::Effective);
        if let Some((whole, of_whole)) = whole.and_then(|whole| Some((whole, plugins::of_whole(setting, whole)?))) {
            return match hidden(whole) {
                Some(why) => unknown(why),
                None => Known::Known((of_whole, true)),
            };
        }
        match (self.flags.values.get(setting), default) {
            (Some(text), _) => component.written(setting, text, |value| self.how != How::Effective || Some(value) != default),
            (None, _) if self.how == How::Changes => unknown("k3s sets its own default, which its Node object does not show"),
            (None, _) if self.how == How::Effective => unknown("the server's /flagz does not list it: this version does not have the flag"),
            (None, _) if let Some(unseen) = self.environment_decides(setting) => Known::Unknown(unseen),
            (None, _) if self.in_environment(setting) => {
                unknown("an environment variable of the container stands for it, and its value is not read")
            }
            (None, Some(default)) => Known::Known((default.to_owned(), false)),
            (None, None) => unknown("the flag is not written, and its default depends on the version and on other settings"),
        }
    }

    /// Why a variable of the environment may decide where the flag is not written: GODEBUG brings back the suites that Go took out of its
    /// own choice (crypto/tls, tlsrsakex and tls3des).
    pub(super) fn environment_decides(&self, setting: &str) -> Option<Unseen> {
        let why = "the environment of the container changes what Go's own choice is, and its value is not read";
        (setting == "tls-cipher-suites" && self.has_variable("GODEBUG")).then(|| not_visible(self.component.binary, setting, why))
    }

    fn has_variable(&self, name: &str) -> bool {
        self.variables.others || self.variables.names.contains(name)
    }

    /// Whether an environment variable may stand for a flag that is not written.
    fn in_environment(&self, setting: &str) -> bool {
        let variable = |prefix: &str| format!("{prefix}{}", setting.replace('-', "_").to_ascii_uppercase());
        self.component.environment.is_some_and(|prefix| self.has_variable(&variable(prefix)))
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

    /// Whether this source says anything about a setting: a mirror pod that does not write it says its default. What a list of all
    /// plugins leaves out depends on the version, and is not compared.
    pub(super) fn speaks(&self, setting: &str, default: Option<&str>) -> bool {
        let left_out = setting == "disable-admission-plugins" && self.flags.values.contains_key(plugins::WHOLE);
        self.is_written(setting) || (self.how == How::CommandLine && default.is_some() && !left_out)
    }

    /// Whether it is written here, or shown.
    pub(super) fn is_written(&self, setting: &str) -> bool {
        self.flags.values.contains_key(setting)
    }

    /// Whether it shows every flag that there is, and this is none of them.
    pub(super) fn lacks(&self, setting: &str) -> bool {
        self.how == How::Effective && !self.is_written(setting)
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
            flags: Flags { values: flags, ..Flags::default() },
            ..Instance::new(&API_SERVER, reader.origin(&FLAGZ, &Default::default(), &stored, Grade::EffectiveConfiguration), How::Effective)
        })),
        Err(error) => {
            reader.not_understood(&FLAGZ, &stored, &error.to_string());
            Ok(None)
        }
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

/// Those of them that are to be judged: an instance on a node that is not ready is out where as many others were seen as there are.
pub(super) fn running(instances: Vec<Instance>, all: Option<usize>) -> Vec<Instance> {
    let live = instances.iter().filter(|instance| instance.dark.is_none()).count();
    match all {
        Some(all) if live >= all.max(1) => instances.into_iter().filter(|instance| instance.dark.is_none()).collect(),
        _ => instances,
    }
}

/// The server itself, where no object stands for it.
pub(super) fn api_server(name: &str) -> ObjectRef {
    ObjectRef { kind: "APIServer".to_owned(), group: String::new(), namespace: None, name: name.to_owned(), uid: None }
}
