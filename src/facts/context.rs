//! What several tables need, read once.

use core::net::IpAddr;
use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Container;
use serde::Deserialize;

use super::namespaces::Namespaces;
use super::network::Network;
use super::storage::VolumeUses;
use super::table::merged::{Merged, keep_first};
use super::table::read::Reader;
use super::table::schema::{Row, TableRow};
use super::workloads::service_accounts::{ServiceAccounts, Usages};
use super::workloads::shapes::{NodeIdentity, Nodes, Shape, each_shape};
use super::workloads::{containers, owners, pods, token, unread};
use super::{FactsError, Family, Known};
use crate::model::{Evidence, ObjectRef, Unseen, UnseenKind, sources};
use crate::snapshot::Snapshot;

/// The tables of pods and containers.
pub(super) const WORKLOADS: Family = Family {
    schemas: || vec![containers::ContainerRow::schema(), pods::PodRow::schema()],
    // Taken, because they are large and nobody else needs them.
    rows: |context| Ok(vec![context.container_rows.take(), context.pod_rows.take()]),
};

/// A snapshot with what several families of tables need.
pub(super) struct Context<'a> {
    pub(super) reader: Reader<'a>,
    /// Minor version of the server's rules.
    pub(super) server_minor: Known<u32>,
    pub(super) namespaces: Namespaces,
    pub(super) accounts: ServiceAccounts,
    /// Every node by name.
    pub(super) nodes: Nodes,
    /// Who uses which service account.
    pub(super) usages: Known<Usages>,
    /// Pods and workloads per namespace.
    pub(super) counts: Known<BTreeMap<String, (i64, i64)>>,
    /// Every pod, and the template of every controller of which no live pod was seen; equal ones are one. Complete where
    /// [`containers::ContainerRow`]'s sources are.
    pub(super) pods: Vec<PodGroup>,
    /// Running pods of kube-system that say that a kubelet made them from a file, sorted by name; see [`StaticPod::believed`].
    pub(super) static_pods: Vec<StaticPod>,
    /// Which workloads mount which volumes. Complete where [`containers::ContainerRow`]'s sources are.
    pub(super) volume_uses: VolumeUses,
    /// What the tables of the network do not hold; filled with them.
    pub(super) network: RefCell<Network>,
    container_rows: RefCell<Vec<Row>>,
    pod_rows: RefCell<Vec<Row>>,
}

/// A pod of kube-system that claims to be a kubelet's copy of a static pod.
#[derive(Clone, Debug)]
pub(super) struct StaticPod {
    pub(super) subject: ObjectRef,
    /// Name and uid of the node that it says it is owned by.
    node: (String, String),
    pub(super) containers: Vec<Container>,
    /// Where its spec stands.
    pub(super) origin: Evidence,
}

impl StaticPod {
    /// Whether the Node object that it names as its owner is there with that uid. Whoever may create pods in kube-system could
    /// still fake one (evidence sources, section 1.1).
    pub(super) fn believed(&self, nodes: &Nodes) -> bool {
        nodes.known().and_then(|nodes| nodes.get(&self.node.0)).is_some_and(|node| node.uid == self.node.1)
    }
}

/// Pods of one workload that look the same to whoever selects or addresses them: namespace, labels, node network, ports.
#[derive(Clone, Debug)]
pub(super) struct PodGroup {
    /// The controller at the end of the owner chain, or the pod itself.
    pub(super) workload: ObjectRef,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) host_network: bool,
    /// Container ports that are written down, sorted.
    pub(super) ports: Vec<PodPort>,
    /// `running` or `template`.
    pub(super) observed_in: &'static str,
    /// Phase of the pods; empty for a template. Finished pods (`Succeeded`, `Failed`) are groups too.
    pub(super) phase: String,
    /// Number of pods; 0 for a template.
    pub(super) pods: i64,
    /// The addresses of each pod that had some.
    pub(super) addresses: Vec<Vec<IpAddr>>,
    /// Where they were seen (the first few); the pointer is that of the pod spec.
    pub(super) origins: Vec<Evidence>,
}

impl PodGroup {
    pub(super) fn namespace(&self) -> &str {
        self.workload.namespace.as_deref().unwrap_or("")
    }
    /// `Kind/name` of the workload.
    pub(super) fn workload_text(&self) -> String {
        owners::workload_text(&self.workload)
    }
    /// Whether it has ended and starts no process again.
    pub(super) fn is_finished(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

/// One `ports` entry of a container (`core/v1` ContainerPort).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PodPort {
    /// Empty when it has none.
    pub(super) name: String,
    pub(super) number: i32,
    /// `TCP`, `UDP` or `SCTP`; unset is `TCP`.
    pub(super) protocol: String,
}

/// Number of pods, their addresses, and where they were seen.
type Members = (i64, Vec<Vec<IpAddr>>, Vec<Evidence>);
type GroupKey = (ObjectRef, BTreeMap<String, String>, bool, Vec<PodPort>, &'static str, String);

impl<'a> Context<'a> {
    pub(super) fn read(snapshot: &'a Snapshot) -> Result<Self, FactsError> {
        let reader = Reader::new(snapshot);
        let server_minor = server_minor(&reader)?;
        let namespaces = Namespaces::read(&reader)?;
        let accounts = ServiceAccounts::read(&reader)?;
        let nodes = nodes(&reader)?;
        let surroundings = pods::Surroundings {
            automount: reader.known_if_complete(&sources::SERVICE_ACCOUNTS, || accounts.automount()),
            enforced: match &server_minor {
                Known::Known(minor) => reader.known_if_complete(&sources::NAMESPACES, || namespaces.enforced(*minor)),
                Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
            },
            server_minor: server_minor.clone(),
            nodes,
        };
        let mut container_rows = Merged::new(containers::ContainerRow::schema());
        let mut pod_rows = Merged::new(pods::PodRow::schema());
        let mut groups: BTreeMap<GroupKey, Members> = BTreeMap::new();
        let mut usages = Usages::new();
        let mut volume_uses = VolumeUses::default();
        let mut counts: BTreeMap<String, (i64, BTreeSet<String>)> = BTreeMap::new();
        let listed = namespaces.labels();
        let mut strangers: BTreeSet<String> = BTreeSet::new();
        let mut static_pods: Vec<StaticPod> = Vec::new();
        let mut unread_templates = Vec::new();
        let take = |shape: &Shape<'_>| {
            if shape.pods > 0 {
                count(shape, &mut usages, &mut counts);
            }
            if let Some(namespace) = &shape.workload.namespace
                && !listed.contains_key(namespace)
            {
                strangers.insert(namespace.clone());
            }
            group(shape, &mut groups);
            static_pods.extend(static_pod(shape));
            volume_uses.add(shape);
            if shape.repeats {
                pod_rows.again(shape.origin);
                container_rows.again(shape.origin);
            } else {
                pod_rows.add_all(shape.origin, vec![pods::row(shape, &surroundings)]);
                container_rows.add_all(shape.origin, containers::rows(shape, &surroundings.nodes));
            }
        };
        each_shape(&reader, take, |unread| unread_templates.push(unread))?;
        for template in unread_templates {
            pod_rows.add_one(unread::pod_row(&template));
            container_rows.add_one(unread::container_row(&template));
        }
        for namespace in strangers {
            reader.doubt(
                &sources::NAMESPACES,
                format!("the namespace {namespace}"),
                "workloads are in it, and it was not among the namespaces that were read: it was made or removed during collection",
                "Collect again.",
            );
        }
        static_pods.sort_by(|a, b| a.subject.cmp(&b.subject));
        let usages = reader.known_if_complete(&sources::PODS, || usages);
        let counts = reader.known_if_complete(&sources::PODS, || {
            counts.into_iter().map(|(name, (pods, workloads))| (name, (pods, i64::try_from(workloads.len()).unwrap_or(i64::MAX)))).collect()
        });
        Ok(Self {
            reader,
            server_minor,
            namespaces,
            accounts,
            nodes: surroundings.nodes,
            usages,
            counts,
            pods: groups.into_iter().map(PodGroup::from).collect(),
            static_pods,
            volume_uses,
            network: RefCell::default(),
            container_rows: RefCell::new(container_rows.into_rows()),
            pod_rows: RefCell::new(pod_rows.into_rows()),
        })
    }
}

impl From<(GroupKey, Members)> for PodGroup {
    fn from((key, (pods, addresses, origins)): (GroupKey, Members)) -> Self {
        let (workload, labels, host_network, ports, observed_in, phase) = key;
        Self { workload, labels, host_network, ports, observed_in, phase, pods, addresses, origins }
    }
}

fn group(shape: &Shape<'_>, groups: &mut BTreeMap<GroupKey, Members>) {
    let spec = shape.spec;
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let mut ports: Vec<PodPort> = containers
        .flat_map(|container| container.ports.iter().flatten())
        .map(|port| PodPort {
            name: port.name.clone().unwrap_or_default(),
            number: port.container_port,
            protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        })
        .collect();
    ports.sort();
    ports.dedup();
    let key =
        (shape.workload.clone(), shape.labels.clone(), spec.host_network == Some(true), ports, shape.observed_in, shape.phase.to_owned());
    let own = (!shape.addresses.is_empty()).then(|| shape.addresses.to_vec());
    match groups.entry(key) {
        Entry::Occupied(mut group) => {
            let (pods, addresses, origins) = group.get_mut();
            *pods += shape.pods;
            addresses.extend(own);
            origins.push(shape.origin.clone());
            keep_first(origins);
        }
        Entry::Vacant(place) => {
            place.insert((shape.pods, own.into_iter().collect(), vec![shape.origin.clone()]));
        }
    }
}

/// What a pod that does not run says is not what a component runs with.
fn static_pod(shape: &Shape<'_>) -> Option<StaticPod> {
    let node = shape.claims_mirror.clone()?;
    (shape.workload.namespace.as_deref() == Some("kube-system") && shape.phase == "Running").then(|| StaticPod {
        subject: shape.workload.clone(),
        node,
        containers: shape.spec.containers.clone(),
        origin: shape.origin.clone(),
    })
}

/// The service account that a pod runs as: `default` where it names none (`core/v1` PodSpec; admission plugin ServiceAccount).
fn account_of<'s>(shape: &'s Shape<'_>) -> &'s str {
    match shape.spec.service_account_name.as_deref() {
        None | Some("") => "default",
        Some(name) => name,
    }
}

fn count(shape: &Shape<'_>, usages: &mut Usages, counts: &mut BTreeMap<String, (i64, BTreeSet<String>)>) {
    let namespace = shape.namespace();
    let entry = counts.entry(namespace.clone()).or_default();
    entry.0 += shape.pods;
    entry.1.insert(shape.workload_text());
    if matches!(shape.phase, "Succeeded" | "Failed") {
        return;
    }
    let usage = usages.entry((namespace, account_of(shape).to_owned())).or_default();
    usage.pods += shape.pods;
    usage.workloads.insert(shape.workload_text());
    if let Some(place) = token::mounted(shape.spec) {
        usage.mounts(shape.workload_text(), shape.origin.at(format!("{}{place}", shape.origin.pointer)));
    }
}

/// Every node by name.
fn nodes(reader: &Reader<'_>) -> Result<Nodes, FactsError> {
    let mut nodes = BTreeMap::new();
    reader.each::<k8s_openapi::api::core::v1::Node>(&sources::NODES, |node, _| {
        nodes.extend(NodeIdentity::of(&node.metadata));
    })?;
    Ok(reader.known_if_complete(&sources::NODES, || nodes))
}

/// The server's minor version (`/version`): digits of `minor`, which some providers end with `+`.
fn server_minor(reader: &Reader<'_>) -> Result<Known<u32>, FactsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        minor: String,
        /// Set where `--emulated-version` is (KEP-4330): admission applies the rules of that version.
        emulation_minor: Option<String>,
    }
    let unknown = |why: &str| {
        Known::Unknown(Unseen {
            kind: UnseenKind::ReadFailed,
            what: "the server's version".to_owned(),
            why: why.to_owned(),
            how_to_see: "Grant get on the URL /version, then collect again.".to_owned(),
            source: Some(sources::VERSION),
            missing_rule: None,
        })
    };
    if let Some(gap) = reader.gap(&sources::VERSION) {
        return Ok(Known::Unknown(gap));
    }
    let Some(stored) = reader.single(&sources::VERSION)? else { return Ok(unknown("the snapshot does not hold it")) };
    Ok(match serde_json::from_str::<Version>(&stored.json) {
        Ok(Version { minor, emulation_minor }) => {
            let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
            match (number(&minor), emulation_minor.as_deref().filter(|text| !text.is_empty()).map(number)) {
                (Some(minor), None) => Known::Known(minor),
                (Some(minor), Some(Some(emulated))) => Known::Known(minor.min(emulated)),
                _ => unknown("its minor version is not a number"),
            }
        }
        Err(error) => {
            reader.not_understood(&sources::VERSION, &stored, &error.to_string());
            unknown("it could not be decoded")
        }
    })
}
