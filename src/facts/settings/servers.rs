//! The API servers of a cluster, each as its best source shows it.

use std::collections::BTreeMap;

use super::arguments;
use super::defaults::API_SERVER;
use super::kubeadm::{Declared, kubeadm};
use super::machines::{Machine, machines};
use super::mirrors::mirrors;
use super::places::{OnHost, Place, cleaned, on_node};
use super::seen::{How, Instance, flagz, running, servers};
use super::{contradiction, not_visible};
use crate::facts::context::Context;
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, LEASES, NODES, PODS, VERSION};
use crate::model::{Evidence, Grade, ObjectRef, Unseen};

/// One API server: the source that decides, and what is compared with it.
pub(super) struct Server {
    /// Name of the mirror pod or of the k3s node, or `/flagz`.
    pub(super) name: String,
    pub(super) subject: ObjectRef,
    decides: usize,
    compared: Vec<usize>,
    /// Whether the compared source shows the same process, so that it is evidence too.
    also: bool,
}

/// All API servers that were seen, and what is known of how many there are.
pub(super) struct Seen {
    instances: Vec<Instance>,
    pub(super) list: Vec<Server>,
    /// All nodes by name.
    pub(super) machines: BTreeMap<String, Machine>,
    /// How many the Leases of kube-system count; none counts as not known.
    pub(super) counted: usize,
    /// Why they were not counted, where they were not read.
    uncounted: Option<Unseen>,
    /// Why nothing was seen, where that is so.
    gap: Option<Unseen>,
}

/// The same, with their version and with what is declared for them.
pub(super) struct ApiServers {
    seen: Seen,
    pub(super) declared: Declared,
    /// The oldest and the newest minor version that the servers may have: they are one apart while they are upgraded.
    minors: Option<(u32, u32)>,
    /// Where the server was seen at all.
    pub(super) fallback: Option<Evidence>,
}

impl std::ops::Deref for ApiServers {
    type Target = Seen;
    fn deref(&self) -> &Seen {
        &self.seen
    }
}

impl Seen {
    pub(super) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let (machines, counted) = (machines(reader)?, servers(reader)?);
        let all = (counted > 0).then_some(counted);
        let dark = |node: &str| machines.get(node).is_some_and(|machine| machine.dark);
        let mut instances = running(mirrors(context, &API_SERVER, dark)?, all);
        if instances.is_empty() {
            let servers = machines.values().filter(|machine| machine.may_be_k3s_server());
            instances = running(servers.filter_map(|machine| arguments::instance(machine, &API_SERVER)).collect(), all);
        }
        let mirrors = instances.len();
        instances.extend(flagz(reader)?);
        let with_flagz = instances.len() > mirrors;
        let list = match (mirrors, with_flagz) {
            // One server, seen twice: the effective value decides, the reported copy is compared with it.
            (1, true) => instances.iter().take(1).map(|mirror| Server::of(mirror, 1, vec![0], true)).collect(),
            (several, _) => {
                let compared = |i: usize| if i >= several { (0..several).collect() } else { Vec::new() };
                instances.iter().enumerate().map(|(i, instance)| Server::of(instance, i, compared(i), false)).collect()
            }
        };
        let gap = reader.gap(&FLAGZ).or_else(|| reader.gap(&PODS)).or_else(|| reader.gap(&NODES));
        Ok(Self { instances, list, machines, counted, uncounted: reader.gap(&LEASES), gap })
    }

    /// How many were seen: `/flagz` may speak for one of the mirror pods.
    fn seen(&self) -> usize {
        let effective = self.instances.iter().filter(|instance| instance.how == How::Effective).count();
        (self.instances.len() - effective).max(effective)
    }

    /// Why `seen` of them are not all.
    pub(super) fn others(&self, seen: usize) -> Option<String> {
        match (seen, self.counted) {
            (0, _) => None,
            (_, 0) => Some("no Lease in kube-system names an API server, so that it is not known how many there are".to_owned()),
            (seen, counted) => (counted > seen).then(|| format!("{seen} of {counted} API servers were seen; the others may differ")),
        }
    }

    /// Why there may be servers that no source shows.
    pub(super) fn unseen(&self) -> Option<String> {
        self.others(self.seen())
    }

    /// Why a setting is not known of all of them, where `seen` were.
    pub(super) fn unknown_of_others(&self, seen: usize, setting: &str) -> Option<Unseen> {
        let why = self.others(seen)?;
        Some(self.uncounted.clone().unwrap_or_else(|| not_visible(API_SERVER.binary, setting, &why)))
    }

    /// The same of those that were seen.
    pub(super) fn unknown(&self, setting: &str) -> Option<Unseen> {
        self.unknown_of_others(self.seen(), setting).or_else(|| self.list.is_empty().then(|| self.gap(setting)))
    }

    /// Why a setting is not known where no server was seen.
    pub(super) fn gap(&self, setting: &str) -> Unseen {
        self.gap.clone().unwrap_or_else(|| {
            let why = "no API server pod is visible and the server offers no /flagz as JSON, as on most managed control planes";
            not_visible(API_SERVER.binary, setting, why)
        })
    }

    /// The node that a server runs on, where a source shows it.
    pub(super) fn node<'s>(&'s self, server: &'s Server) -> Option<&'s str> {
        self.shown(server).find_map(|instance| instance.node.as_deref())
    }

    /// Where on the node lies what a server writes to a path.
    pub(super) fn on_host(&self, server: &Server, path: &str) -> OnHost {
        let mounts = self.shown(server).find_map(|instance| instance.mounts.as_ref());
        mounts.map_or_else(|| OnHost::Path(cleaned(path)), |mounts| mounts.on_host(path))
    }

    /// The path to which what a server writes to `path` goes in the end: a wrapper may write its output into a file.
    pub(super) fn resolved(&self, server: &Server, setting: &str, path: &str) -> Known<String> {
        let clean = cleaned(path);
        let is_output = path == "-" || matches!(clean.as_str(), "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1");
        let is_errors = matches!(clean.as_str(), "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2");
        let redirected = self.shown(server).find_map(|instance| instance.flags.redirected.as_ref());
        match redirected.filter(|to| is_output || (is_errors && to.with_errors)) {
            None => Known::Known(path.to_owned()),
            Some(to) => to.file.clone().map_or_else(
                || {
                    let why = "what starts the server may write its output into a file, and which is not shown";
                    Known::Unknown(not_visible(API_SERVER.binary, setting, why))
                },
                Known::Known,
            ),
        }
    }

    /// Whether a server runs in a container that is seen.
    pub(super) fn is_contained(&self, server: &Server) -> bool {
        self.shown(server).any(|instance| instance.mounts.is_some())
    }

    /// What shows the process of a server.
    fn shown<'s>(&'s self, server: &'s Server) -> impl Iterator<Item = &'s Instance> {
        let shown = std::iter::once(&server.decides).chain(server.compared.iter().filter(|_| server.also));
        shown.filter_map(|index| self.instance(*index))
    }

    /// Where what a server writes to a path stays: by the mounts of its pod where that is seen.
    pub(super) fn place(&self, server: &Server, setting: &str, path: &str) -> Known<Place> {
        let mounts = self.shown(server).find_map(|instance| instance.mounts.as_ref());
        self.resolved(server, setting, path).map(|path| mounts.map_or_else(|| on_node(&path), |mounts| mounts.place(&path)))
    }

    fn instance(&self, index: usize) -> Option<&Instance> {
        self.instances.get(index)
    }

    /// The value of a setting, with whether it is written out.
    pub(super) fn value(&self, server: &Server, setting: &str, default: Option<&str>) -> Known<(String, bool)> {
        let Some(instance) = self.instance(server.decides) else { return Known::Unknown(self.gap(setting)) };
        // What another source shows of the environment of the same process, /flagz does not.
        let other = server.compared.iter().filter(|_| server.also).filter_map(|index| self.instance(*index));
        let doubt = other.into_iter().find_map(|other| other.environment_decides(setting));
        match doubt {
            Some(unseen) if instance.value(setting, default).known().is_some_and(|(_, set)| !set) => Known::Unknown(unseen),
            _ => instance.value(setting, default),
        }
    }

    /// Whether some server is given a value for a setting that is empty by default. That none is, is known only where all were seen.
    pub(super) fn given(&self, setting: &str) -> Known<bool> {
        let mut doubt = self.unknown(setting);
        for server in &self.list {
            match self.value(server, setting, Some("")) {
                Known::Known((value, _)) if !value.is_empty() => return Known::Known(true),
                Known::Known(_) => {}
                Known::Unknown(unseen) => doubt = Some(unseen),
            }
        }
        doubt.map_or(Known::Known(false), Known::Unknown)
    }

    /// Where a setting stands, the deciding place first.
    pub(super) fn evidence(&self, server: &Server, setting: &str) -> Vec<Evidence> {
        let also = server.compared.iter().filter(|_| server.also);
        std::iter::once(&server.decides).chain(also).filter_map(|index| self.instance(*index)).map(|i| i.pointed(setting)).collect()
    }

    /// `flagz`, `mirror pod` or `node arguments`.
    pub(super) fn from(&self, server: &Server) -> &'static str {
        self.instance(server.decides).map_or("mirror pod", |instance| instance.how.word())
    }
}

impl ApiServers {
    pub(super) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let seen = Seen::read(context)?;
        // The program's own version: an emulated one changes no flag.
        let minors = crate::facts::nodes::server_minor(reader)?.known().copied().map(|minor| match seen.counted {
            1 => (minor, minor),
            _ => (minor.saturating_sub(1), minor + 1),
        });
        let fallback =
            reader.single(&VERSION)?.map(|stored| reader.origin(&VERSION, &Default::default(), &stored, Grade::EffectiveConfiguration));
        Ok(Self { seen, declared: kubeadm(reader)?, minors, fallback })
    }

    /// The default of a setting of the API server, where it is known.
    pub(super) fn default_of(&self, setting: &str) -> Option<&'static str> {
        API_SERVER.default_of(setting, self.minors)
    }

    /// Whether another source disagrees about it; nothing where no other source says anything.
    pub(super) fn contradiction(&self, server: &Server, setting: &str, default: Option<&str>) -> Known<Option<bool>> {
        let others = || server.compared.iter().filter_map(|index| self.instance(*index));
        let declared = self.declared.value(&API_SERVER, setting);
        let nowhere = self.instance(server.decides).is_some_and(|instance| instance.lacks(setting))
            && declared.is_none()
            && !others().any(|other| other.is_written(setting));
        if nowhere {
            // This version has no such flag.
            return Known::Known(None);
        }
        let values: Vec<_> = others().filter(|other| other.speaks(setting, default)).map(|other| other.value(setting, default)).collect();
        let same = |one: &str, other: &str| API_SERVER.same(setting, one, other);
        contradiction(same, &self.value(server, setting, default), &values, declared.as_ref())
    }
}

impl Server {
    fn of(instance: &Instance, decides: usize, compared: Vec<usize>, also: bool) -> Self {
        Self { name: instance.name.clone(), subject: instance.subject.clone(), decides, compared, also }
    }
}
