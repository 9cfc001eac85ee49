//! PeerAuthentications of Istio, by the rules of istio/istio `pilot/pkg/security/authn/policy_applier.go` (`ComposePeerAuthentication`),
//! `pilot/pkg/model/authentication.go` (`addPeerAuthentication`, `getConfigsForWorkload`) and, for the ambient mode,
//! `pilot/pkg/serviceregistry/ambient/authorization.go` (`convertedSelectorPeerAuthentications`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;
use serde_json::Value;

use super::judged::{Exception, Judged};
use super::proxies::Pod;
use crate::facts::custom::{Custom, Watched};
use crate::facts::table::read::{Odd, Reader};
use crate::facts::{FactsError, Known};
use crate::model::sources::{ISTIO_CONFIG, PEER_AUTHENTICATIONS};
use crate::model::{Evidence, Unseen};

/// Where Istio's chart puts the control plane, and with it what holds for the whole mesh, where nothing else is said.
const DEFAULT_ROOT: &str = "istio-system";
/// The name of the revision of an installation that gives none.
const DEFAULT_REVISION: &str = "default";
/// A label by which an object is for the control plane of one revision alone (istio/istio, `pkg/config/model.go`, `LabelsInRevision`).
const REVISION: &str = "istio.io/rev";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    selector: Option<Chosen>,
    mtls: Option<Watched<Mtls>>,
    port_level_mtls: Option<BTreeMap<String, Option<Watched<Mtls>>>>,
}

/// `istio.type.v1beta1.WorkloadSelector`, read strictly: a field that is not known could be one that narrows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Chosen {
    match_labels: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Mtls {
    mode: Option<Value>,
}

/// `istio.security.v1beta1.PeerAuthentication.MutualTLS.Mode`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Unset,
    Disable,
    Permissive,
    Strict,
    /// One that this program does not know.
    Other(String),
}

impl Mode {
    fn of(mtls: Option<&Watched<Mtls>>) -> Self {
        let Some(mtls) = mtls else { return Self::Unset };
        if let Some(field) = mtls.unknown_fields().next() {
            return Self::Other(format!("with the field {field}"));
        }
        match mtls.known.mode.as_ref() {
            None | Some(Value::Null) => Self::Unset,
            Some(Value::String(text)) => match text.as_str() {
                "UNSET" => Self::Unset,
                "DISABLE" => Self::Disable,
                "PERMISSIVE" => Self::Permissive,
                "STRICT" => Self::Strict,
                other => Self::Other(other.to_owned()),
            },
            Some(other) => Self::Other(other.to_string()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Unset => "UNSET",
            Self::Disable => "DISABLE",
            Self::Permissive => "PERMISSIVE",
            Self::Strict => "STRICT",
            Self::Other(text) => text,
        }
    }
}

/// One PeerAuthentication that was understood.
#[derive(Clone, Debug)]
struct Peer {
    namespace: String,
    name: String,
    created: Option<Time>,
    revision: Option<String>,
    /// Empty for the whole namespace, or the whole mesh.
    selector: BTreeMap<String, String>,
    mode: Mode,
    ports: BTreeMap<String, Mode>,
    origin: Evidence,
}

impl Peer {
    fn display(&self) -> String {
        format!("PeerAuthentication {}/{}", self.namespace, self.name)
    }

    /// The oldest wins; of two of one second the sidecars' control plane takes the first by name (istio/istio, `pilot/pkg/model/config.go`,
    /// `configCompareByCreationTime`).
    fn order(&self, other: &Self) -> Ordering {
        let time = |peer: &Self| peer.created.as_ref().map(|time| time.0.to_owned());
        time(self).cmp(&time(other)).then_with(|| (&self.name, &self.namespace).cmp(&(&other.name, &other.namespace)))
    }
}

/// How a PeerAuthentication gets to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Sidecar,
    /// By the proxy of its node.
    Ambient,
}

/// Everything of Istio that decides what pods in its mesh take.
pub(super) struct Istio {
    /// By namespace, the oldest first.
    peers: BTreeMap<String, Vec<Peer>>,
    doubts: Vec<(Option<String>, Unseen)>,
    gap: Option<Unseen>,
    /// The namespace whose PeerAuthentications are for the whole mesh, for the default revision.
    root: Known<String>,
}

impl Istio {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let (mut all, mut odd): (Vec<Peer>, Vec<Odd>) = (Vec::new(), Vec::new());
        reader.each_or_odd::<Custom<Spec>>(&PEER_AUTHENTICATIONS, |object, origin| all.push(peer(object, origin)), |one| odd.push(one))?;
        odd.iter().for_each(|one| reader.not_decoded_in(&PEER_AUTHENTICATIONS, one));
        let gap = match reader.known_if_read(&PEER_AUTHENTICATIONS, || ()) {
            Known::Known(()) => None,
            Known::Unknown(unseen) => Some(unseen),
        };
        all.sort_by(Peer::order);
        let mut peers: BTreeMap<String, Vec<Peer>> = BTreeMap::new();
        for peer in all {
            peers.entry(peer.namespace.clone()).or_default().push(peer);
        }
        Ok(Self { peers, doubts: reader.doubts_of(&PEER_AUTHENTICATIONS), gap, root: root(reader)? })
    }

    /// What holds for a pod that has a proxy, whose control plane is of that revision.
    pub(super) fn judge(&self, pod: &Pod, revision: Option<&str>, way: Way) -> Judged {
        if let Some(gap) = &self.gap {
            return Judged::unknown(gap);
        }
        let own = pod.namespace();
        let (roots, root_gap) = self.roots(revision);
        for (namespace, unseen) in &self.doubts {
            match (namespace, &root_gap) {
                (Some(namespace), Some(gap)) if namespace != own => return Judged::unknown(gap),
                (Some(namespace), None) if namespace != own && !roots.contains(namespace) => {}
                _ => return Judged::unknown(unseen),
            }
        }
        let mut worlds: Vec<Judged> = Vec::new();
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        for root in &roots {
            for revision in self.revisions(revision, own, root) {
                for newest_name in [false, true].into_iter().take(if way == Way::Ambient { 2 } else { 1 }) {
                    let judged = self.composed(root, own, &labels, revision, newest_name);
                    if !worlds.iter().any(|known| same(known, &judged)) {
                        worlds.push(judged);
                    }
                }
            }
        }
        let lets_in = |judged: &Judged| {
            judged.strict == Known::Known(false) || judged.exceptions.known().is_some_and(|exceptions| !exceptions.is_empty())
        };
        let (open, number) = (worlds.iter().filter(|judged| lets_in(judged)).count(), worlds.len());
        let Some(first) = worlds.into_iter().next() else { return Judged::unknown(&ambiguous(pod)) };
        if number == 1 {
            return first;
        }
        let unseen = root_gap.unwrap_or_else(|| ambiguous(pod));
        let mut judged = Judged::unknown(&unseen);
        // Whichever of them holds, something gets in without mutual TLS.
        if open == number {
            judged.strict = Known::Known(false);
            judged.exceptions = Known::Known(Vec::new());
            judged.by = "several objects, of which each lets in what is not encrypted".to_owned();
            judged.at = first.at;
        }
        judged
    }

    /// The namespaces of which one is the root, and why it is not known which.
    fn roots(&self, revision: Option<&str>) -> (BTreeSet<String>, Option<Unseen>) {
        let unseen = match (&self.root, revision) {
            (Known::Known(root), Some("" | DEFAULT_REVISION)) => return (BTreeSet::from([root.clone()]), None),
            (Known::Unknown(unseen), _) => unseen.clone(),
            (Known::Known(_), Some(revision)) => root_unseen(format!("the settings of the revision {revision} are not read")),
            (Known::Known(_), None) => root_unseen("the pod does not say which revision of the control plane its proxy is of"),
        };
        let named = self.peers.keys().cloned();
        // One in which there is none, too.
        (named.chain([DEFAULT_ROOT.to_owned(), String::new()]).collect(), Some(unseen))
    }

    /// The revisions of which the pod's control plane may be: its own, where it says one; else none, and each that a PeerAuthentication that
    /// may decide is for.
    fn revisions<'a>(&'a self, own: Option<&'a str>, namespace: &str, root: &str) -> Vec<Option<&'a str>> {
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            return vec![Some(own)];
        }
        let labelled: BTreeSet<&str> =
            [namespace, root].into_iter().flat_map(|of| self.of(of)).filter_map(|peer| peer.revision.as_deref()).collect();
        [None].into_iter().chain(labelled.into_iter().map(Some)).collect()
    }

    fn of(&self, namespace: &str) -> &[Peer] {
        self.peers.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The narrowest scope decides: the workload, the namespace, the mesh; what it leaves unset comes from the wider one, and in the end is
    /// PERMISSIVE. Of several in one scope the oldest counts and the others do not. One with a selector in the root namespace is not looked at.
    /// A control plane reads what is for no revision and what is for its own.
    fn composed(&self, root: &str, own: &str, labels: &BTreeMap<String, String>, revision: Option<&str>, last_of_one_age: bool) -> Judged {
        let first = |of: &str, fits: &dyn Fn(&Peer) -> bool| -> Option<&Peer> {
            let read = |peer: &&Peer| peer.revision.is_none() || peer.revision.as_deref() == revision;
            let mut all = self.of(of).iter().filter(read).filter(|peer| fits(peer));
            let oldest = all.next()?;
            let of_one_age = all.filter(|peer| peer.created == oldest.created);
            if last_of_one_age { of_one_age.last().or(Some(oldest)) } else { Some(oldest) }
        };
        let in_own = |fits: &dyn Fn(&Peer) -> bool| if own == root { None } else { first(own, fits) };
        let mesh = first(root, &|peer| peer.selector.is_empty());
        let namespace = in_own(&|peer| peer.selector.is_empty());
        let selects = |peer: &Peer| peer.selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let workload = in_own(&|peer| !peer.selector.is_empty() && selects(peer));
        effective(workload, namespace, mesh)
    }
}

fn peer(object: Custom<Spec>, origin: Evidence) -> Peer {
    let meta = object.metadata;
    let spec = object.spec.map(|spec| spec.known);
    let ports = spec.as_ref().and_then(|spec| spec.port_level_mtls.as_ref());
    Peer {
        namespace: meta.namespace.unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
        created: meta.creation_timestamp,
        revision: meta.labels.as_ref().and_then(|labels| labels.get(REVISION)).cloned(),
        selector: spec.as_ref().and_then(|spec| spec.selector.as_ref()?.match_labels.clone()).unwrap_or_default(),
        mode: Mode::of(spec.as_ref().and_then(|spec| spec.mtls.as_ref())),
        ports: ports.into_iter().flatten().map(|(port, mtls)| (port.clone(), Mode::of(mtls.as_ref()))).collect(),
        origin,
    }
}

fn same(one: &Judged, other: &Judged) -> bool {
    let texts =
        |judged: &Judged| judged.exceptions.known().map(|all| all.iter().map(|exception| exception.text.clone()).collect::<Vec<_>>());
    (&one.mode, &one.strict) == (&other.mode, &other.strict) && texts(one) == texts(other)
}

fn ambiguous(pod: &Pod) -> Unseen {
    Unseen::not_visible(
        format!("which PeerAuthentication decides about {}", pod.display()),
        "several may, and the objects do not say which: they are for single revisions, or of one age",
        "Look at what istioctl experimental describe pod says, and leave one object for each level.",
    )
}

fn root_unseen(why: impl Into<String>) -> Unseen {
    Unseen::not_visible("the root namespace of Istio's mesh", why, "Look at rootNamespace in the settings of the mesh (meshConfig).")
}

/// What the settings of the mesh call its root namespace (istio/istio, `manifests/charts/istio-control/istio-discovery/templates/configmap.yaml`).
fn root(reader: &Reader<'_>) -> Result<Known<String>, FactsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Mesh {
        root_namespace: Option<String>,
    }
    let mut found = None;
    reader.each::<ConfigMap>(&ISTIO_CONFIG, |map, _| found = Some(map.data.unwrap_or_default()))?;
    let read = reader.known_if_complete(&ISTIO_CONFIG, || ());
    Ok(read.and_then(|()| match found.as_ref().and_then(|data| data.get("mesh")) {
        None => Known::Unknown(root_unseen("there is no ConfigMap istio-system/istio with settings of a mesh")),
        Some(text) => match serde_json::from_str::<Mesh>(text) {
            // Unset, it is where the control plane is (istio/istio, `pkg/config/mesh/mesh.go`, `DefaultMeshConfig`).
            Ok(mesh) => Known::Known(mesh.root_namespace.filter(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT_ROOT.to_owned())),
            Err(_) => Known::Unknown(root_unseen("the settings of the mesh in the ConfigMap istio-system/istio were not understood")),
        },
    }))
}

/// What the PeerAuthentications of the three scopes come to.
fn effective(workload: Option<&Peer>, namespace: Option<&Peer>, mesh: Option<&Peer>) -> Judged {
    let decides = [workload, namespace, mesh].into_iter().flatten().find(|peer| peer.mode != Mode::Unset);
    let permissive = Mode::Permissive;
    let mode = decides.map_or(&permissive, |peer| &peer.mode);
    let (mut exceptions, mut gap) = (Vec::new(), None);
    for (peer, port, own_mode) in workload.iter().flat_map(|peer| peer.ports.iter().map(move |(port, mode)| (peer, port, mode))) {
        let text = format!("port {port}: {} ({})", own_mode.text(), peer.display());
        match own_mode {
            Mode::Unset | Mode::Strict => {}
            Mode::Disable | Mode::Permissive => {
                exceptions.push(Exception { text, at: peer.origin.at(format!("/spec/portLevelMtls/{port}/mode")) });
            }
            Mode::Other(_) => gap = gap.or(Some(mode_unseen(peer, own_mode))),
        }
    }
    let (known_mode, strict) = match (mode, decides) {
        (Mode::Other(_), Some(peer)) => {
            let unseen = mode_unseen(peer, mode);
            (Known::Unknown(unseen.clone()), Known::Unknown(unseen))
        }
        (mode, _) => (Known::Known(mode.text().to_owned()), Known::Known(*mode == Mode::Strict)),
    };
    Judged {
        mode: known_mode,
        strict,
        by: decides.map_or_else(|| "no PeerAuthentication sets a mode".to_owned(), Peer::display),
        at: decides.map(|peer| peer.origin.at("/spec/mtls/mode")).into_iter().collect(),
        exceptions: match gap {
            // One port that is known to let in more is enough.
            Some(unseen) if exceptions.is_empty() => Known::Unknown(unseen),
            _ => Known::Known(exceptions),
        },
    }
}

fn mode_unseen(peer: &Peer, mode: &Mode) -> Unseen {
    Unseen::not_understood(
        format!("the mode of {}", peer.display()),
        format!("{} is no mode that is known", mode.text()),
        "Look at the object by hand; a newer version of kube-hipaa may know the mode.",
    )
    .of(&PEER_AUTHENTICATIONS)
}
