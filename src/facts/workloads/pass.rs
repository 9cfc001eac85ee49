//! The one pass over every pod and template: what several tables need of them, and the rows of the tables of pods and containers.

use core::net::IpAddr;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::attachments::{Serves, asks_for_devices, further_networks, serves_routes};
use super::secret_uses::SecretUses;
use super::service_accounts::Usages;
use super::shapes::{Nodes, Shape, each_shape};
use super::volume_uses::VolumeUses;
use super::{containers, owners, pods, token, unread};
use crate::facts::context::Context;
use crate::facts::table::merged::{Merged, keep_first};
use crate::facts::table::schema::TableRow;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{NAMESPACES, PODS, SERVICE_ACCOUNTS};
use crate::model::{Evidence, Judged, ObjectRef};

/// The tables of pods and containers.
pub(in crate::facts) const FAMILY: Family = Family {
    schemas: || vec![containers::ContainerRow::schema(), pods::PodRow::schema()],
    rows: |context, _| {
        let mut rows = Rows {
            containers: Merged::counting(containers::ContainerRow::columns().pods),
            pods: Merged::counting(pods::PodRow::columns().pods),
        };
        let seen = pass(context, Some(&mut rows))?;
        context.keep(seen);
        Ok(vec![rows.containers.into_rows(), rows.pods.into_rows()])
    },
};

/// What the pass gives beside rows.
pub(in crate::facts) struct Seen {
    /// Who uses which service account.
    pub(in crate::facts) usages: Known<Usages>,
    /// Pods and workloads per namespace.
    pub(in crate::facts) counts: Known<Counts>,
    /// Every pod, and the template of every controller of which no live pod was seen; equal ones are one. Complete where
    /// [`containers::ContainerRow`]'s sources are.
    pub(in crate::facts) pods: Vec<PodGroup>,
    /// Workloads by namespace and service account of which only a template was seen, whose pods may come at any moment. Complete where
    /// [`containers::ContainerRow`]'s sources are.
    pub(in crate::facts) template_accounts: TemplateAccounts,
    /// Running pods of kube-system that say that a kubelet made them from a file or a URL, sorted by name; see [`StaticPod::believed`].
    pub(in crate::facts) static_pods: Vec<StaticPod>,
    /// Which workloads mount which volumes. Complete where [`containers::ContainerRow`]'s sources are.
    pub(in crate::facts) volume_uses: VolumeUses,
    /// Which pods ask for secrets that are brought into them. Complete where [`containers::ContainerRow`]'s sources are.
    pub(in crate::facts) secret_uses: SecretUses,
}

/// Workloads by namespace and service account.
pub(in crate::facts) type TemplateAccounts = BTreeMap<(String, String), BTreeSet<String>>;

/// Number of pods and of workloads by namespace.
pub(in crate::facts) type Counts = BTreeMap<String, (i64, i64)>;

/// A pod of kube-system that claims to be a kubelet's copy of a static pod.
#[derive(Clone, Debug)]
pub(in crate::facts) struct StaticPod {
    pub(in crate::facts) subject: ObjectRef,
    /// Name and uid of the node that it says it is owned by.
    node: (String, String),
    pub(in crate::facts) containers: Vec<Container>,
    pub(in crate::facts) volumes: Vec<Volume>,
    /// Its label `component`, by which kubeadm names what it is.
    pub(in crate::facts) component: Option<String>,
    /// Where its spec stands.
    pub(in crate::facts) origin: Evidence,
}

impl StaticPod {
    /// The node that it says it is owned by.
    pub(in crate::facts) fn node_name(&self) -> &str {
        &self.node.0
    }

    /// Whether the Node object that it names as its owner is there with that uid. Whoever may create pods in kube-system could
    /// still fake one (evidence sources, section 1.1).
    pub(in crate::facts) fn believed(&self, nodes: &Nodes) -> bool {
        nodes.known().and_then(|nodes| nodes.get(&self.node.0)).is_some_and(|node| node.uid == self.node.1)
    }
}

/// Pods of one workload that look the same to whoever selects or addresses them: namespace, labels, node network, ports.
#[derive(Clone, Debug)]
pub(in crate::facts) struct PodGroup {
    /// The controller at the end of the owner chain, or the pod itself.
    pub(in crate::facts) workload: ObjectRef,
    pub(in crate::facts) labels: BTreeMap<String, String>,
    pub(in crate::facts) host_network: bool,
    /// Further networks that the pods are attached to, sorted.
    pub(in crate::facts) networks: Vec<String>,
    /// Where a container runs a program that serves Ingresses or routes of others, which say what its ports answer: what it is told beside.
    pub(in crate::facts) serves_routes: Option<Serves>,
    /// Whether they use resource claims or ask for devices, which may be interfaces of a network.
    pub(in crate::facts) claims_devices: bool,
    /// Container ports that are written down, sorted.
    pub(in crate::facts) ports: Vec<PodPort>,
    /// `running` or `template`.
    pub(in crate::facts) observed_in: &'static str,
    /// Phase of the pods; empty for a template. Finished pods (`Succeeded`, `Failed`) are groups too.
    pub(in crate::facts) phase: String,
    /// Number of pods; 0 for a template.
    pub(in crate::facts) pods: i64,
    /// When the oldest of them was made; none for a template.
    pub(in crate::facts) oldest: Option<Time>,
    /// The addresses of each pod that had some.
    pub(in crate::facts) addresses: Vec<Vec<IpAddr>>,
    /// Where they were seen (the first few); the pointer is that of the pod spec.
    pub(in crate::facts) origins: Vec<Evidence>,
}

impl PodGroup {
    pub(in crate::facts) fn namespace(&self) -> &str {
        self.workload.namespace.as_deref().unwrap_or("")
    }
    /// `Kind/name` of the workload.
    pub(in crate::facts) fn workload_text(&self) -> String {
        owners::workload_text(&self.workload)
    }
    /// Whether it has ended and starts no process again.
    pub(in crate::facts) fn is_finished(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

/// One `ports` entry of a container (`core/v1` ContainerPort).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct PodPort {
    /// Empty when it has none.
    pub(in crate::facts) name: String,
    pub(in crate::facts) number: i32,
    /// `TCP`, `UDP` or `SCTP`; unset is `TCP`.
    pub(in crate::facts) protocol: String,
    /// The port of the node that it takes; 0 for none. A pod on the node's network takes its own (`core/v1` ContainerPort, hostPort).
    pub(in crate::facts) host_port: i32,
}

/// Number of pods, when the oldest was made, their addresses, and where they were seen.
type Members = (i64, Option<Time>, Vec<Vec<IpAddr>>, Vec<Evidence>);
type GroupKey = (ObjectRef, BTreeMap<String, String>, Attached, Vec<PodPort>, &'static str, String);
/// Whether on the node's network, to which further ones, whether devices are claimed, and what serves routes of others.
type Attached = (bool, Vec<String>, bool, Option<Serves>);

/// The rows that the pass makes where they are wanted.
struct Rows {
    containers: Merged,
    pods: Merged,
}

/// Without rows, for tables that only need what stands beside them.
pub(in crate::facts) fn without_rows(context: &Context<'_>) -> Result<Seen, FactsError> {
    pass(context, None)
}

fn pass(context: &Context<'_>, mut rows: Option<&mut Rows>) -> Result<Seen, FactsError> {
    let reader = &context.reader;
    let surroundings = surroundings(context)?;
    let mut groups: BTreeMap<GroupKey, Members> = BTreeMap::new();
    let mut usages = Usages::new();
    let mut template_accounts = TemplateAccounts::new();
    let mut volume_uses = VolumeUses::default();
    let mut secret_uses = SecretUses::default();
    let mut counts: BTreeMap<String, (i64, BTreeSet<String>)> = BTreeMap::new();
    let listed = context.namespaces()?.labels();
    let mut strangers: BTreeSet<String> = BTreeSet::new();
    let mut static_pods: Vec<StaticPod> = Vec::new();
    let mut unread_templates = Vec::new();
    let unjudged = reader.unjudged(Judged::Credentials);
    let take = |shape: &Shape<'_>| {
        if shape.pods > 0 {
            count(shape, &mut usages, &mut counts);
        } else {
            let place = (shape.namespace(), account_of(shape).to_owned());
            template_accounts.entry(place).or_default().insert(shape.workload_text());
        }
        if let Some(namespace) = &shape.workload.namespace
            && !listed.contains_key(namespace)
        {
            strangers.insert(namespace.clone());
        }
        group(shape, &mut groups);
        static_pods.extend(static_pod(shape));
        volume_uses.add(shape);
        secret_uses.add(shape);
        match rows.as_deref_mut() {
            None => {}
            Some(rows) if shape.repeats => {
                rows.pods.again(shape.origin);
                rows.containers.again(shape.origin);
            }
            Some(rows) => {
                rows.pods.add_all(shape.origin, vec![pods::row(shape, &surroundings)]);
                rows.containers.add_all(shape.origin, containers::rows(shape, &surroundings.nodes, unjudged.as_ref()));
            }
        }
    };
    each_shape(reader, take, |unread| unread_templates.push(unread))?;
    if let Some(rows) = rows {
        for template in unread_templates {
            rows.pods.add_one(unread::pod_row(&template));
            rows.containers.add_one(unread::container_row(&template));
        }
    }
    for namespace in strangers {
        reader.doubt_in(
            &NAMESPACES,
            &namespace,
            format!("the namespace {namespace}"),
            "workloads are in it, and it was not among the namespaces that were read: it was made or removed during collection",
            "Collect again.",
        );
    }
    static_pods.sort_by(|a, b| a.subject.cmp(&b.subject));
    Ok(Seen {
        usages: reader.known_if_complete(&PODS, || usages),
        counts: reader.known_if_complete(&PODS, || {
            let number = |workloads: BTreeSet<String>| i64::try_from(workloads.len()).unwrap_or(i64::MAX);
            counts.into_iter().map(|(name, (pods, workloads))| (name, (pods, number(workloads)))).collect()
        }),
        pods: groups.into_iter().map(PodGroup::from).collect(),
        static_pods,
        template_accounts,
        volume_uses,
        secret_uses,
    })
}

fn surroundings(context: &Context<'_>) -> Result<pods::Surroundings, FactsError> {
    let reader = &context.reader;
    let (accounts, namespaces, server_minor) = (context.accounts()?, context.namespaces()?, context.server_minor()?);
    Ok(pods::Surroundings {
        automount: reader.known_if_read(&SERVICE_ACCOUNTS, || accounts.automount()),
        odd_accounts: reader.doubts_of(&SERVICE_ACCOUNTS),
        enforced: match server_minor {
            Known::Known(minor) => reader.known_if_complete(&NAMESPACES, || namespaces.enforced(*minor)),
            Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
        },
        server_minor: server_minor.clone(),
        nodes: context.nodes()?.clone(),
    })
}

impl From<(GroupKey, Members)> for PodGroup {
    fn from((key, (pods, oldest, addresses, origins)): (GroupKey, Members)) -> Self {
        let (workload, labels, (host_network, networks, claims_devices, serves_routes), ports, observed_in, phase) = key;
        Self {
            workload,
            labels,
            host_network,
            networks,
            claims_devices,
            serves_routes,
            ports,
            observed_in,
            phase,
            pods,
            oldest,
            addresses,
            origins,
        }
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
            host_port: match port.host_port {
                Some(port) if port != 0 => port,
                _ if spec.host_network == Some(true) => port.container_port,
                _ => 0,
            },
        })
        .collect();
    ports.sort();
    ports.dedup();
    let claims = spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty());
    let attached =
        (spec.host_network == Some(true), further_networks(shape.annotations), claims || asks_for_devices(spec), serves_routes(spec));
    let key = (shape.workload.clone(), shape.labels.clone(), attached, ports, shape.observed_in, shape.phase.to_owned());
    let own = (!shape.addresses.is_empty()).then(|| shape.addresses.to_vec());
    match groups.entry(key) {
        Entry::Occupied(mut group) => {
            let (pods, oldest, addresses, origins) = group.get_mut();
            *pods += shape.pods;
            if let Some(created) = shape.created.filter(|created| oldest.as_ref().is_none_or(|oldest| created.0 < oldest.0)) {
                *oldest = Some(created.clone());
            }
            addresses.extend(own);
            origins.push(shape.origin.clone());
            keep_first(origins);
        }
        Entry::Vacant(place) => {
            place.insert((shape.pods, shape.created.cloned(), own.into_iter().collect(), vec![shape.origin.clone()]));
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
        volumes: shape.spec.volumes.iter().flatten().cloned().collect(),
        component: shape.labels.get("component").cloned(),
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
    usage.held |= shape.pods > 0 && token::is_held(shape.spec);
    if let Some(place) = token::mounted(shape.spec) {
        usage.mounts(shape.workload_text(), shape.origin.at(format!("{}{place}", shape.origin.pointer)));
    }
}
