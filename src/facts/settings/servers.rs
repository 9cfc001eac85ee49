//! The API servers of a cluster, each as its best source shows it.

use super::defaults::API_SERVER;
use super::seen::{Declared, How, Instance, flagz, k3s, kubeadm, mirrors, servers};
use super::{contradiction, not_visible};
use crate::facts::context::Context;
use crate::facts::{FactsError, Known};
use crate::model::sources::{FLAGZ, NODES, PODS, VERSION};
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
pub(super) struct ApiServers {
    instances: Vec<Instance>,
    pub(super) list: Vec<Server>,
    pub(super) declared: Declared,
    /// How many the Leases of kube-system count; none counts as not known.
    pub(super) counted: usize,
    /// Why nothing was seen, where that is so.
    gap: Option<Unseen>,
    /// Where the server was seen at all.
    pub(super) fallback: Option<Evidence>,
}

impl ApiServers {
    pub(super) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let mut instances = mirrors(context, &API_SERVER)?;
        if instances.is_empty() {
            instances = k3s(reader)?;
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
        let fallback =
            reader.single(&VERSION)?.map(|stored| reader.origin(&VERSION, &Default::default(), &stored, Grade::EffectiveConfiguration));
        Ok(Self {
            instances,
            list,
            declared: kubeadm(reader)?,
            counted: servers(reader)?,
            gap: reader.gap(&FLAGZ).or_else(|| reader.gap(&PODS)).or_else(|| reader.gap(&NODES)),
            fallback,
        })
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

    /// Why a setting is not known where no server was seen.
    pub(super) fn gap(&self, setting: &str) -> Unseen {
        self.gap.clone().unwrap_or_else(|| {
            let why = "no API server pod is visible and the server offers no /flagz as JSON, as on most managed control planes";
            not_visible(API_SERVER.binary, setting, why)
        })
    }

    fn instance(&self, index: usize) -> Option<&Instance> {
        self.instances.get(index)
    }

    /// The value of a setting, with whether it is written out.
    pub(super) fn value(&self, server: &Server, setting: &str, default: Option<&str>) -> Known<(String, bool)> {
        match self.instance(server.decides) {
            Some(instance) => instance.value(setting, default),
            None => Known::Unknown(self.gap(setting)),
        }
    }

    /// Whether another source disagrees about it.
    pub(super) fn contradiction(&self, server: &Server, setting: &str, default: Option<&str>) -> Known<bool> {
        let speaking = server.compared.iter().filter_map(|index| self.instance(*index)).filter(|other| other.speaks(setting, default));
        let others: Vec<_> = speaking.map(|other| other.value(setting, default)).collect();
        let declared = self.declared.value(&API_SERVER, setting);
        contradiction(&self.value(server, setting, default), &others, declared.as_ref())
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

impl Server {
    fn of(instance: &Instance, decides: usize, compared: Vec<usize>, also: bool) -> Self {
        Self { name: instance.name.clone(), subject: instance.subject.clone(), decides, compared, also }
    }
}
