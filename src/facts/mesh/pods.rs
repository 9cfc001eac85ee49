use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;

use super::ambient::{Nodes, State};
use super::asked::{Asked, asks};
use super::istio::{Istio, Way};
use super::judged::{Exception, Judged, joined};
use super::left_out;
use super::linkerd::Linkerd;
use super::proxies::{Pod, Proxy};
use crate::facts::context::Context;
use crate::facts::table::merged::Merged;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::owners::{Owners, workload_text};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    ISTIO_CONFIG, LINKERD_AUTHORIZATION_POLICIES, LINKERD_CONFIG, LINKERD_SERVER_AUTHORIZATIONS, LINKERD_SERVERS, NAMESPACES,
    PEER_AUTHENTICATIONS, POD_OWNERS, PODS,
};
use crate::model::{Evidence, Judged as Kept, Unseen};

table! {
    /// One row per pod that has not finished; those of one workload of which the same is true are one. Whether it is in a service mesh, and
    /// whether connections to it are taken by mutual TLS alone, on every port. Known are Istio with sidecars and in its ambient mode, and
    /// Linkerd. A proxy counts when its container is there, by name and image, or, in the ambient mode, when Istio says of the pod that
    /// its traffic is led through the proxy of its node and that one is ready.
    pub struct MeshPodRow as "mesh_pods" counting "workloads" from [NAMESPACES] + POD_OWNERS {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// `Kind/name` of the workload.
        workload: String, at "/metadata/ownerReferences";
        /// Number of pods that this row stands for.
        pods: i64;
        /// `Istio sidecar`, `Istio ambient`, `Linkerd`; `Istio gateway` for a pod of Istio's proxy alone; empty outside of a mesh, which pods on
        /// their node's network are. Unknown where a container is called like a proxy and runs another image, and where the ambient mode is
        /// being set up or the proxy of the node is not ready.
        mesh: Known<&'static str>, at "/spec";
        /// The label or annotation that asks for a proxy, as `istio-injection=enabled of the namespace`; empty where none does. It also counts
        /// where the pod takes itself out again.
        asked_by: Known<String>;
        /// What holds on ports for which nothing else is said: `STRICT`, `PERMISSIVE` or `DISABLE` of Istio, the default policy of Linkerd; empty
        /// outside of a mesh and for gateways.
        mode: Known<String>, consulting [ISTIO_CONFIG, LINKERD_CONFIG, PEER_AUTHENTICATIONS];
        /// Which object sets the mode, or that none does.
        decided_by: String;
        /// Ports on which more is taken: those with a mode or a policy of their own that lets in more, and those that are not led through the
        /// proxy, sorted. Ports of the proxies themselves are left out.
        exceptions: Known<Vec<String>>,
            consulting [ISTIO_CONFIG, LINKERD_AUTHORIZATION_POLICIES, LINKERD_SERVER_AUTHORIZATIONS, LINKERD_SERVERS, PEER_AUTHENTICATIONS];
        /// Whether connections are taken by mutual TLS alone, on every port. False outside of a mesh, and unknown where something that decides
        /// was not read or not understood and nothing that was read lets in more.
        only_mutual_tls: Known<bool>, consulting
            [ISTIO_CONFIG, LINKERD_AUTHORIZATION_POLICIES, LINKERD_CONFIG, LINKERD_SERVER_AUTHORIZATIONS, LINKERD_SERVERS, PEER_AUTHENTICATIONS];
        /// What is taken, and why, as a sentence about the workload goes on.
        why: String;
    }
}

const NOT_LISTED: &str = "pods are in it, and it was not among the namespaces that were read: it was made or removed during collection";

/// The rows of the table.
pub(super) fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let owners = Owners::read(reader)?;
    let mut pods: Vec<(Pod, Evidence)> = Vec::new();
    reader.each::<Pod>(&PODS, |mut pod, origin| {
        if !matches!(pod.phase(), "Succeeded" | "Failed") {
            pod.workload = workload_text(&owners.root(&pod.metadata, "Pod", ""));
            pods.push((pod, origin));
        }
    })?;
    let mut judge = Judge {
        nodes: Nodes::of(pods.iter()),
        istio: Istio::read(reader)?,
        linkerd: Linkerd::read(reader)?,
        namespaces: BTreeMap::new(),
        pods_read: reader.known_if_complete(&PODS, || ()),
        unjudged: reader.unjudged(Kept::Meshes),
        collected: reader.collected(),
    };
    for (namespace, origin) in context.namespaces()?.objects() {
        judge.namespaces.insert(namespace.metadata.name.as_deref().unwrap_or_default(), (namespace, origin));
    }
    let mut rows = Merged::counting(MeshPodRow::columns().pods);
    for (pod, origin) in &pods {
        if !judge.namespaces.contains_key(pod.namespace()) {
            let what = format!("the namespace {}", pod.namespace());
            reader.doubt_in(&NAMESPACES, pod.namespace(), what, NOT_LISTED, "Collect again.");
        }
        rows.add_one(judge.row(&owners, pod, origin));
    }
    Ok(rows.into_rows())
}

struct Judge<'a> {
    nodes: Nodes,
    istio: Istio,
    linkerd: Linkerd,
    namespaces: BTreeMap<&'a str, (&'a Namespace, &'a Evidence)>,
    pods_read: Known<()>,
    /// Why nothing that is not there says anything, where an older collector did not keep it.
    unjudged: Option<Unseen>,
    collected: &'a str,
}

/// What the mesh of a pod is, and what its policies and its proxy make of it.
struct Meshed {
    mesh: &'static str,
    at: Vec<Evidence>,
    judged: Option<(Judged, Known<Vec<Exception>>)>,
    /// Why it is in none, where something speaks for one.
    outside: String,
}

impl Judge<'_> {
    fn row(&self, owners: &Owners, pod: &Pod, origin: &Evidence) -> Row {
        let workload = owners.root(&pod.metadata, "Pod", "");
        let asked = self.asked(pod, origin);
        let meshed = self.meshed(pod, origin, asked.known().and_then(Option::as_ref));
        let asked_at: Vec<Evidence> = asked.known().into_iter().flatten().map(|asked| asked.at.clone()).collect();
        let asked_by = asked.map(|asked| asked.map_or_else(String::new, |asked| asked.text));
        let key = format!("{}/{}", pod.namespace(), pod.workload);
        let typed = MeshPodRow {
            namespace: pod.namespace().to_owned(),
            workload: pod.workload.clone(),
            pods: 1,
            mesh: Known::Known(""),
            asked_by,
            mode: Known::Known(String::new()),
            decided_by: String::new(),
            exceptions: Known::Known(Vec::new()),
            only_mutual_tls: Known::Known(false),
            why: String::new(),
        };
        let row = |typed: MeshPodRow| Row::new(key, workload, vec![origin.clone()], typed).evidenced("asked_by", asked_at);
        match meshed {
            Known::Unknown(unseen) => {
                let why = format!("may be in a mesh: {}", unseen.why);
                let unknown = |unseen: &Unseen| Known::Unknown(unseen.clone());
                row(MeshPodRow {
                    mesh: Known::Unknown(unseen.clone()),
                    mode: unknown(&unseen),
                    exceptions: Known::Unknown(unseen.clone()),
                    only_mutual_tls: Known::Unknown(unseen),
                    why,
                    ..typed
                })
            }
            Known::Known(Meshed { mesh, at, judged: None, outside }) => {
                let why = match (mesh, outside.as_str()) {
                    ("", "") => "has no proxy of a mesh".to_owned(),
                    ("", outside) => outside.to_owned(),
                    (mesh, _) => format!("is a gateway of {}", mesh.trim_end_matches(" gateway")),
                };
                row(MeshPodRow { mesh: Known::Known(mesh), why, ..typed }).evidenced("mesh", at)
            }
            Known::Known(Meshed { mesh, at, judged: Some((judged, left_out)), .. }) => {
                let Verdict { only, why, exceptions, evidence } = self.verdict(&judged, left_out);
                let (mode, decided_by) = (judged.mode, judged.by);
                row(MeshPodRow { mesh: Known::Known(mesh), mode, decided_by, exceptions, only_mutual_tls: only, why, ..typed })
                    .evidenced("mesh", at)
                    .evidenced("mode", judged.at.clone())
                    .evidenced("only_mutual_tls", judged.at)
                    .evidenced("only_mutual_tls", evidence.clone())
                    .evidenced("exceptions", evidence)
            }
        }
    }

    fn asked(&self, pod: &Pod, origin: &Evidence) -> Known<Option<Asked>> {
        match self.namespaces.get(pod.namespace()) {
            Some((namespace, at)) => Known::Known(asks(pod, origin, namespace, at)),
            None => Known::Unknown(Unseen::read_failed(format!("the namespace {}", pod.namespace()), NOT_LISTED, "Collect again.")),
        }
    }

    fn meshed(&self, pod: &Pod, origin: &Evidence, asked: Option<&Asked>) -> Known<Meshed> {
        let outside = |outside: String| Known::Known(Meshed { mesh: "", at: Vec::new(), judged: None, outside });
        let revision = pod.revision();
        match pod.proxy() {
            Proxy::Gateway(pointer) => {
                return Known::Known(Meshed { mesh: "Istio gateway", at: vec![origin.at(pointer)], judged: None, outside: String::new() });
            }
            _ if pod.on_host_network() => {
                return outside("is on its node's network, from which no mesh leads anything through a proxy".to_owned());
            }
            Proxy::Unclear(unseen) => return Known::Unknown(unseen),
            Proxy::Sidecar(pointer) => {
                let judged = self.istio.judge(pod, revision.as_deref(), Way::Sidecar);
                let judged = Some((judged, left_out::by_istio(pod, origin)));
                return Known::Known(Meshed { mesh: "Istio sidecar", at: vec![origin.at(pointer)], judged, outside: String::new() });
            }
            Proxy::Linkerd(pointer) => {
                let judged = Some((self.linkerd.judge(pod, origin), left_out::by_linkerd(pod, origin)));
                return Known::Known(Meshed { mesh: "Linkerd", at: vec![origin.at(pointer)], judged, outside: String::new() });
            }
            Proxy::Absent => {}
        }
        let wanted = asked.is_some_and(|asked| asked.ambient);
        match self.nodes.state(pod, origin, wanted, &self.pods_read, self.collected) {
            State::Not(why) => outside(why),
            State::Unclear(unseen) => Known::Unknown(unseen),
            State::Led { revision, at } => {
                let judged = Some((self.istio.judge(pod, Some(&revision), Way::Ambient), left_out::by_ambient(pod, origin)));
                Known::Known(Meshed { mesh: "Istio ambient", at, judged, outside: String::new() })
            }
        }
    }

    /// One thing that lets in more than mutual TLS decides; that nothing does is known only where everything was read.
    fn verdict(&self, judged: &Judged, left_out: Known<Vec<Exception>>) -> Verdict {
        let (mut found, mut gap) = joined(judged.exceptions.clone(), left_out);
        found.sort_by(|a, b| a.text.cmp(&b.text));
        found.dedup_by(|a, b| a.text == b.text);
        gap = gap.or_else(|| self.unjudged.clone());
        let texts: Vec<String> = found.iter().map(|exception| exception.text.clone()).collect();
        let mode = match (&judged.mode, &judged.strict) {
            (_, Known::Known(false)) => match &judged.mode {
                Known::Known(mode) => format!("takes connections without mutual TLS: {mode} ({})", judged.by),
                Known::Unknown(_) => format!("takes connections without mutual TLS, by {}", judged.by),
            },
            (Known::Known(mode), Known::Known(true)) => format!("takes mutual TLS alone: {mode} ({})", judged.by),
            (_, Known::Unknown(unseen)) | (Known::Unknown(unseen), _) => format!("takes what is not known: {}", unseen.why),
        };
        let why = if texts.is_empty() { mode } else { format!("{mode}; except {}", texts.join("; ")) };
        let only = match (&judged.strict, &gap) {
            (Known::Known(false), _) => Known::Known(false),
            _ if !found.is_empty() => Known::Known(false),
            (Known::Unknown(unseen), _) | (Known::Known(true), Some(unseen)) => Known::Unknown(unseen.clone()),
            (Known::Known(true), None) => Known::Known(true),
        };
        let exceptions = match gap {
            Some(unseen) => Known::Unknown(unseen),
            None => Known::Known(texts),
        };
        Verdict { only, why, exceptions, evidence: found.into_iter().map(|exception| exception.at).collect() }
    }
}

/// What comes of a pod in a mesh.
struct Verdict {
    only: Known<bool>,
    why: String,
    exceptions: Known<Vec<String>>,
    evidence: Vec<Evidence>,
}
