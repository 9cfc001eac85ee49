//! Which network plugins there are, whether they enforce NetworkPolicies, and whether they encrypt what goes between nodes.

mod agents;
mod calico;
mod cilium;
mod encryption;
mod engines;
mod settings;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use self::agents::{Place, agents, controller_missing, doubtful};
use self::encryption::Encryption;
use self::engines::{Judged, NODE_ENGINES, of_agent};
use self::settings::Settings;
use super::world::Enforcement;
use crate::facts::agents::{Agent, FoundBy};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{DAEMON_SETS, NETWORK_PLUGIN_SETTINGS, NODES, PODS};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per network plugin that was recognised, by its DaemonSet or by what it writes on nodes, with whether it enforces
    /// NetworkPolicies and whether it encrypts traffic between nodes. Several can work together (one for addresses, another for
    /// policies). Where none is recognised there is one row that says so, and nothing about its network is known.
    pub struct CniRow as "cni" counting "network plugins", always from [DAEMON_SETS, NODES] consulting [] + NETWORK_PLUGIN_SETTINGS {
        /// Its name, or `none recognised`.
        engine: String;
        /// By what it was recognised.
        found_by: String;
        /// `enforcing`, `not on every node`, `not enforcing` or `audit mode` (what policies deny is logged and let through). Unknown where its settings were
        /// not seen, where it does not run on every node, and where what its agents read at their start was changed since.
        enforcement: Known<String>, consulting [PODS];
        /// Whether it enforces.
        enforces: Known<bool>, consulting [PODS];
        /// Why, in one sentence.
        because: String;
        /// What makes it enforce them, in its own words; empty where it does.
        to_enforce: &'static str;
        /// Whether the cluster's enforcement rests on this row: on one that enforces; where there is none, on one of which it is not
        /// known; else on all.
        decides: bool;
        /// How traffic between nodes is encrypted: `wireguard`, `ipsec` or `none`. `none` too where it is not on some node, and where pods have
        /// addresses of IPv4 and IPv6, and only one of the two is encrypted. Unknown where its settings were not seen, where it does not
        /// run on every node, and where what its agents read at their start was changed since.
        encryption: Known<String>, consulting [PODS];
        /// Whether it is.
        encrypts: Known<bool>, consulting [PODS];
        /// Why, in a few words.
        encryption_because: String;
        /// What makes it encrypt, in its own words; empty where it does.
        to_encrypt: &'static str;
        /// The same for encryption.
        encryption_decides: bool;
        /// Nodes that its agent is to run on; null when no DaemonSet runs it.
        scheduled: Option<i64>, at "/status/desiredNumberScheduled";
        /// Its agents that are ready.
        ready: Option<i64>, at "/status/numberReady";
        /// Number of nodes.
        nodes: Known<i64>, needs [NODES];
    }
}

/// What is known of the cluster's network.
pub(super) struct Cni {
    pub(super) rows: Vec<Row>,
    /// Names of the plugins that were recognised.
    pub(super) engines: Vec<String>,
    /// Whether anything enforces NetworkPolicies.
    pub(super) enforcement: Known<Enforcement>,
    /// Why, in one sentence.
    pub(super) because: String,
    /// Every engine of which there is a trace: an agent, or an image with its name.
    traces: BTreeSet<&'static str>,
    /// Where Cilium enforces: since when its agents are there, and whether it was told which labels make an identity.
    pub(super) cilium: Option<CiliumIdentity>,
    /// Whether what enforces applies policies to pods only that something controls.
    pub(super) leaves_bare_pods: bool,
    /// Whether it is known which engines there are: one was recognised, and every DaemonSet was read.
    all_known: bool,
}

/// What Cilium judges pods by.
#[derive(Clone, Debug)]
pub(super) struct CiliumIdentity {
    /// It looks after pods whose network it made, and after none that was there before it (its documentation, *Unmanaged Pods*).
    pub(super) since: Option<Time>,
    /// Whether `labels` of its ConfigMap names the labels that count.
    pub(super) told: bool,
}

impl CiliumIdentity {
    /// Whether a label of a pod may leave no trace in the identity by which Cilium judges it (pkg/labelsfilter, the defaults).
    pub(super) fn may_drop(&self, label: &str) -> bool {
        const LEFT_OUT: &[&str] = &[
            "kubernetes.io/",
            "k8s.io/",
            "pod-template-generation",
            "pod-template-hash",
            "controller-revision-hash",
            "controller-uid",
            "etcd_node",
            "statefulset.kubernetes.io/",
            "apps.kubernetes.io/pod-index",
            "batch.kubernetes.io/",
        ];
        self.told || label.contains("beta.kubernetes.io") || LEFT_OUT.iter().any(|start| label.starts_with(start))
    }
}

/// One plugin.
pub(super) struct Engine {
    name: &'static str,
    found_by: String,
    subject: ObjectRef,
    origins: Vec<Evidence>,
    scheduled: Option<i64>,
    ready: Option<i64>,
    judged: Judged,
    encryption: Encryption,
}

impl Cni {
    pub(super) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let reader = &context.reader;
        let (found, mut traces) = agents(reader)?;
        let settings = Settings::read(context, &found)?;
        let nodes = settings.nodes.len();
        let down = settings.nodes.iter().filter(|node| !node.ready).count();
        let mut engines: Vec<Engine> = Vec::new();
        // EKS runs its own network policies on the nodes of Auto Mode without a DaemonSet.
        if settings.nodes.iter().any(|node| node.labels.get("eks.amazonaws.com/compute-type").is_some_and(|kind| kind == "auto")) {
            traces.insert("Amazon VPC CNI");
        }
        let told = settings
            .cilium
            .known()
            .and_then(Option::as_ref)
            .is_some_and(|(data, _)| data.get("labels").is_some_and(|all| !all.trim().is_empty()));
        let of_cilium = found.iter().find(|agent| agent.engine == "Cilium");
        let cilium = of_cilium.map(|agent| CiliumIdentity { since: agent.metadata.creation_timestamp.clone(), told });
        let recognised = found.iter().any(|agent| agent.by == FoundBy::Make);
        let places: Vec<Place> = found.iter().map(|agent| (agent.engine, agent.namespace().to_owned())).collect();
        for agent in found {
            let mut judged = of_agent(&agent, &settings);
            let mut encryption = encryption::of(&agent, &settings);
            let why = match agent.missing(Some((nodes, down))) {
                None if down > 0 && agent.ready < agent.wanted => idle_on_a_ready_node(context, &agent, &settings)?,
                why => Known::Known(why),
            };
            let unless = |what: &str| match &why {
                Known::Known(why) => why.as_ref().map(|why| not_everywhere(&agent, what, why)),
                Known::Unknown(gap) => Some(gap.clone()),
            };
            if let (Some(unseen), true) = (unless("NetworkPolicies are enforced"), judged.enforcement.known().is_some()) {
                judged.because.clone_from(&unseen.why);
                judged.enforcement = Known::Unknown(unseen);
            }
            if let (Some(unseen), true) = (unless("traffic between nodes is encrypted"), encryption.how.known().is_some()) {
                encryption = Encryption::unknown(unseen);
            }
            if let Some(unseen) = doubtful(&agent, &places) {
                if judged.enforcement.known() == Some(&Enforcement::Enforcing) {
                    judged.because.clone_from(&unseen.why);
                    judged.enforcement = Known::Unknown(unseen.clone());
                }
                if encrypts(&encryption.how) == Known::Known(true) {
                    encryption = Encryption::unknown(unseen);
                }
            }
            if judged.enforcement.known() == Some(&Enforcement::Enforcing)
                && let Some(unseen) = controller_missing(reader, &agent)?
            {
                judged.because.clone_from(&unseen.why);
                judged.enforcement = Known::Unknown(unseen);
            }
            engines.push(Engine {
                name: agent.engine,
                found_by: format!("DaemonSet {}", agent.display()),
                subject: agent.subject.clone(),
                origins: vec![agent.origin.clone()],
                scheduled: agent.wanted,
                ready: agent.ready,
                judged,
                encryption,
            });
        }
        engines.extend(NODE_ENGINES.iter().filter_map(|of_nodes| of_nodes(&settings)));
        engines.sort_by(|a, b| (a.name, &a.subject).cmp(&(b.name, &b.subject)));
        let known_nodes = reader.known_if_complete(&NODES, || i64::try_from(nodes).unwrap_or(i64::MAX));
        let all_known = (recognised || engines.iter().any(|engine| engine.found_by_nodes()))
            && reader.gap(&DAEMON_SETS).is_none()
            && reader.gap(&NODES).is_none();
        if engines.is_empty() {
            return nothing(context, known_nodes, traces);
        }
        let (enforcement, because) = together(&engines);
        let mut enforcing = engines.iter().filter(|engine| engine.rank() == 0).peekable();
        let leaves_bare_pods = enforcing.peek().is_some() && enforcing.all(|engine| engine.name == "Amazon VPC CNI");
        let best = (engines.iter().map(Engine::rank).min(), engines.iter().map(Engine::encryption_rank).min());
        let enforces = enforcement.known() == Some(&Enforcement::Enforcing);
        let mut names: Vec<String> = engines.iter().map(|engine| engine.name.to_owned()).collect();
        names.dedup();
        let rows = engines.into_iter().map(|engine| row(engine, best, known_nodes.clone())).collect();
        // Another plugin may stand where the list ends.
        let enforcement = match (enforces, reader.gap(&DAEMON_SETS)) {
            (false, Some(gap)) => Known::Unknown(gap),
            _ => enforcement,
        };
        Ok(Self { rows, engines: names, enforcement, because, traces, cilium, leaves_bare_pods, all_known })
    }
}

impl Cni {
    /// Whether it is known that an engine does not run: nobody acts on its policies.
    pub(super) fn is_absent(&self, engine: &str) -> bool {
        self.all_known && !self.traces.contains(engine)
    }

    /// Whether a block of addresses in a NetworkPolicy is about pods with such addresses too. With Cilium it is about what is outside
    /// the cluster (its documentation, *Network Policy*, limits of `ipBlock`).
    pub(super) fn blocks_hold_pods(&self) -> bool {
        self.engines.is_empty() || self.engines.iter().any(|engine| !matches!(engine.as_str(), "Cilium" | "GKE Dataplane V2"))
    }
}

impl Engine {
    /// Whether it runs inside another program, and is known by what that writes on nodes.
    fn found_by_nodes(&self) -> bool {
        self.scheduled.is_none() && self.subject.kind == "Node"
    }

    /// Of plugins that work together, the one with the lowest rank decides: one that enforces is enough, and what is not known of one
    /// is not known of the cluster.
    fn rank(&self) -> u8 {
        match &self.judged.enforcement {
            Known::Known(Enforcement::Enforcing) => 0,
            Known::Unknown(_) => 1,
            Known::Known(Enforcement::Partly) => 2,
            Known::Known(Enforcement::Audit) => 3,
            Known::Known(Enforcement::NotEnforcing) => 4,
        }
    }

    /// The same for encryption.
    fn encryption_rank(&self) -> u8 {
        match encrypts(&self.encryption.how) {
            Known::Known(true) => 0,
            Known::Unknown(_) => 1,
            Known::Known(false) => 2,
        }
    }
}

/// What plugins that work together make of it: one that enforces is enough; otherwise what is not known of any one decides.
fn together(engines: &[Engine]) -> (Known<Enforcement>, String) {
    match engines.iter().min_by_key(|engine| engine.rank()) {
        Some(engine) => (engine.judged.enforcement.clone(), format!("{}: {}", engine.name, engine.judged.because)),
        None => (Known::Unknown(unrecognised()), unrecognised().why),
    }
}

fn encrypts(encryption: &Known<&'static str>) -> Known<bool> {
    encryption.clone().map(|how| how != "none")
}

/// What makes a plugin enforce NetworkPolicies.
fn to_enforce(engine: &str) -> &'static str {
    match engine {
        "Cilium" => {
            "set enable-policy: default, policy-audit-mode: \"false\" and enable-k8s-networkpolicy: \"true\" in kube-system/cilium-config, take other values out of CiliumNodeConfigs, and restart its DaemonSet"
        }
        "Amazon VPC CNI" => {
            "set enableNetworkPolicy: \"true\" in the settings of the add-on vpc-cni, which sets the argument of the agent and enable-network-policy-controller: \"true\" in kube-system/amazon-vpc-cni"
        }
        "k3s" => "start every server without --disable-network-policy",
        "kindnet" => "make the cluster anew with kind 0.24 or newer",
        "kube-router" => "run its agent with --run-firewall=true",
        "Weave Net" => "run the container weave-npc in its DaemonSet, without EXPECT_NPC=0",
        "Kube-OVN" => "run its controller with --enable-np=true",
        "Calico" | "Canal" => {
            "set chainInsertMode: Insert and, as interfacePrefix, how the interfaces of pods begin in the FelixConfiguration default, and make its agent ready on every node"
        }
        _ => "install a plugin that enforces policies beside it (kube-network-policies) or in its place (Calico, Cilium)",
    }
}

/// What makes a plugin encrypt what goes between nodes.
fn to_encrypt(engine: &str) -> &'static str {
    match engine {
        "Calico" | "Canal" => {
            "set wireguardEnabled: true in the FelixConfiguration default, and wireguardEnabledV6: true where pods have addresses of IPv6; UDP 51820 between the nodes"
        }
        "Cilium" => {
            "set encryption.enabled=true and encryption.type=wireguard in its Helm values, and restart its DaemonSet; UDP 51871 between the nodes"
        }
        "Flannel" => {
            "set Backend.Type: wireguard in net-conf.json of its ConfigMap, and restart its DaemonSet; UDP 51820 between the nodes"
        }
        "k3s" => "start every server with --flannel-backend=wireguard-native; UDP 51820 between the nodes",
        "Antrea" => {
            "set trafficEncryptionMode: wireGuard in antrea-agent.conf of its ConfigMap, and restart its DaemonSet; UDP 51820 between the nodes"
        }
        "OVN-Kubernetes" => {
            "set spec.defaultNetwork.ovnKubernetesConfig.ipsecConfig.mode: Full in the Network cluster of operator.openshift.io"
        }
        "Weave Net" => "set WEAVE_PASSWORD from a Secret in its DaemonSet",
        _ => {
            "it does not encrypt: use a plugin that does, or encrypt below it (instance types that encrypt, a VPN) or above it (a service mesh), and document that"
        }
    }
}

fn row(engine: Engine, best: (Option<u8>, Option<u8>), nodes: Known<i64>) -> Row {
    let ranks = (Some(engine.rank()), Some(engine.encryption_rank()));
    let enforces = engine.judged.enforcement.clone().map(|enforcement| enforcement == Enforcement::Enforcing);
    let encrypts = encrypts(&engine.encryption.how);
    let typed = CniRow {
        engine: engine.name.to_owned(),
        found_by: engine.found_by,
        to_enforce: if enforces == Known::Known(true) { "" } else { to_enforce(engine.name) },
        to_encrypt: if encrypts == Known::Known(true) { "" } else { to_encrypt(engine.name) },
        enforces,
        enforcement: engine.judged.enforcement.map(|enforcement| enforcement.as_str().to_owned()),
        because: engine.judged.because,
        decides: ranks.0 == best.0,
        encryption_decides: ranks.1 == best.1,
        encrypts,
        encryption_because: engine.encryption.because,
        encryption: engine.encryption.how.map(str::to_owned),
        scheduled: engine.scheduled,
        ready: engine.ready,
        nodes,
    };
    Row::new(engine.name.to_owned(), engine.subject, engine.origins, typed)
        .in_namespace(None)
        .evidenced("enforces", engine.judged.evidence)
        .evidenced("encrypts", engine.encryption.evidence)
}

/// Why an agent does not work on a node that is ready itself, where that is so: nodes that are down excuse their own agents only. Unknown
/// pods excuse nobody.
fn idle_on_a_ready_node(context: &Context<'_>, agent: &Agent, settings: &Settings) -> Result<Known<Option<String>>, FactsError> {
    let mut working = BTreeSet::new();
    context.reader.each::<Pod>(&PODS, |pod, _| {
        let owners = pod.metadata.owner_references.iter().flatten();
        let own = owners.into_iter().any(|owner| Some(&owner.uid) == agent.subject.uid.as_ref());
        let statuses: Vec<_> = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten()).collect();
        let ready = !statuses.is_empty() && statuses.iter().all(|one| one.ready);
        if let Some(node) = pod.spec.and_then(|spec| spec.node_name).filter(|_| own && ready) {
            working.insert(node);
        }
    })?;
    let idle = settings.nodes.iter().find(|node| node.ready && !working.contains(node.name()));
    let why = idle.map(|node| format!("no agent of it is ready on the node {}", node.name()));
    Ok(context.reader.known_in(agent.namespace(), &PODS, || why))
}

/// A verdict that does not hold for the whole cluster.
fn not_everywhere(agent: &Agent, what: &str, why: &str) -> Unseen {
    let how = format!("Look at the DaemonSet {}: it should run on every node.", agent.display());
    Unseen::not_visible(format!("whether {what} by {}", agent.engine), why, how)
}

fn unrecognised() -> Unseen {
    Unseen::not_visible(
        "the network plugin",
        "none was recognised, so that it is not known whether NetworkPolicies are enforced",
        "Ask whoever operates the cluster which network plugin it uses and whether it enforces NetworkPolicies.",
    )
}

fn nothing(context: &Context<'_>, nodes: Known<i64>, traces: BTreeSet<&'static str>) -> Result<Cni, FactsError> {
    let unseen = context.reader.gap(&DAEMON_SETS).or_else(|| context.reader.gap(&NODES)).unwrap_or_else(unrecognised);
    let typed = CniRow {
        engine: "none recognised".to_owned(),
        found_by: String::new(),
        enforcement: Known::Unknown(unseen.clone()),
        enforces: Known::Unknown(unseen.clone()),
        because: unseen.why.clone(),
        to_enforce: "",
        to_encrypt: "",
        decides: true,
        encryption: Known::Unknown(unseen.clone()),
        encrypts: Known::Unknown(unseen.clone()),
        encryption_because: unseen.why.clone(),
        encryption_decides: true,
        scheduled: None,
        ready: None,
        nodes,
    };
    let subject =
        ObjectRef { kind: "Cluster".to_owned(), group: String::new(), namespace: None, name: "network plugin".to_owned(), uid: None };
    let system = context.namespaces()?.objects().iter().find(|(namespace, _)| namespace.metadata.name.as_deref() == Some("kube-system"));
    let origins = system.map(|(_, origin)| origin.clone()).into_iter().collect();
    Ok(Cni {
        rows: vec![Row::new("none recognised".to_owned(), subject, origins, typed)],
        engines: Vec::new(),
        because: unseen.why.clone(),
        enforcement: Known::Unknown(unseen),
        traces,
        cilium: None,
        leaves_bare_pods: false,
        all_known: false,
    })
}
