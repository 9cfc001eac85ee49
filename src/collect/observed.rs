//! What is noticed about the cluster as a whole while its objects pass by: identity and distribution.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use crate::model::SourceId;
use crate::model::sources::{API_SERVICES, CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, NODES};

/// Facts about the cluster that `index.json` tells.
#[derive(Debug, Default)]
pub(super) struct Observed(Mutex<Facts>);

#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// uid of kube-system.
    pub(super) uid: Option<String>,
    pub(super) namespaces: BTreeSet<String>,
    /// Names of CustomResourceDefinitions, `plural.group`.
    definitions: BTreeSet<String>,
    /// Names of APIServices, `version.group`.
    api_services: BTreeSet<String>,
    /// Names that nodes give away.
    distributions: BTreeSet<&'static str>,
    version: Option<String>,
    user: Option<String>,
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    uid: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    metadata: NodeMetadata,
    #[serde(default)]
    spec: NodeSpec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeMetadata {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeSpec {
    #[serde(rename = "providerID")]
    provider_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeStatus {
    node_info: NodeInfo,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeInfo {
    os_image: String,
    kubelet_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewStatus {
    user_info: User,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    #[serde(default)]
    groups: Vec<String>,
}

impl Observed {
    fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn facts(&self) -> Facts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notices what matters in one object of a list.
    pub(super) fn look(&self, source: &SourceId, object: &str) {
        if *source == NAMESPACES {
            if let Ok(Named { metadata }) = serde_json::from_str(object) {
                self.change(|facts| {
                    if metadata.name == "kube-system" {
                        facts.uid = metadata.uid;
                    }
                    facts.namespaces.insert(metadata.name);
                });
            }
        } else if *source == CUSTOM_RESOURCE_DEFINITIONS || *source == API_SERVICES {
            if let Ok(Named { metadata }) = serde_json::from_str(object) {
                self.change(|facts| {
                    let names = if *source == CUSTOM_RESOURCE_DEFINITIONS { &mut facts.definitions } else { &mut facts.api_services };
                    names.insert(metadata.name);
                });
            }
        } else if *source == NODES
            && let Ok(node) = serde_json::from_str(object)
            && let Some(name) = distribution_of_node(&node)
        {
            self.change(|facts| {
                facts.distributions.insert(name);
            });
        }
    }

    /// A list that starts again.
    pub(super) fn forget(&self, source: &SourceId) {
        if *source == NAMESPACES {
            self.change(|facts| facts.namespaces.clear());
        }
    }

    pub(super) fn version(&self, answer: &[u8]) {
        if let Ok(Version { git_version }) = serde_json::from_slice(answer) {
            self.change(|facts| facts.version = Some(git_version));
        }
    }

    pub(super) fn review(&self, answer: &[u8]) {
        if let Ok(Review { status: ReviewStatus { user_info: User { username, mut groups } } }) = serde_json::from_slice(answer) {
            groups.sort();
            self.change(|facts| {
                facts.user = Some(username);
                facts.groups = groups;
            });
        }
    }
}

/// By node, in the order of certainty (evidence sources, section 1.1).
fn distribution_of_node(node: &Node) -> Option<&'static str> {
    let info = &node.status.node_info;
    let label = |name: &str| node.metadata.labels.as_ref().is_some_and(|labels| labels.keys().any(|label| label.starts_with(name)));
    let provider = node.spec.provider_id.as_deref().unwrap_or("");
    Some(match () {
        () if info.os_image.starts_with("Talos (") => "Talos",
        () if info.kubelet_version.contains("+rke2") => "RKE2",
        () if info.kubelet_version.contains("+k3s") => "k3s",
        () if info.kubelet_version.contains("+k0s") => "k0s",
        () if info.kubelet_version.contains("-eks-") || label("eks.amazonaws.com/") => "EKS",
        () if info.kubelet_version.contains("-gke.") || label("cloud.google.com/gke-nodepool") => "GKE",
        () if label("kubernetes.azure.com/cluster") => "AKS",
        () if label("microk8s.io/cluster") => "MicroK8s",
        () if provider.starts_with("kind://") => "kind",
        () => return None,
    })
}

impl Facts {
    /// What says that a source is there although discovery does not list it: it came while the cluster was read, or discovery was cut short.
    pub(super) fn contradicts_absence(&self, source: &SourceId, has_group: impl Fn(&str) -> bool) -> Option<String> {
        let group = source.api_group();
        if group.is_empty() || source.object().is_some() || source.is_url() {
            return None;
        }
        let definition = format!("{}.{group}", source.resource());
        if self.definitions.contains(&definition) {
            return Some(format!("discovery does not list it, and there is a CustomResourceDefinition {definition}"));
        }
        let mut services = self.api_services.iter().filter(|name| name.split_once('.').is_some_and(|(_, of)| of == group));
        let service = services.next().filter(|_| !has_group(group))?;
        Some(format!("discovery does not list its group, and there is an APIService {service}"))
    }

    pub(super) fn server_version(&self) -> Option<String> {
        self.version.clone()
    }

    pub(super) fn identity(&self) -> crate::model::Identity {
        crate::model::Identity { user: self.user.clone(), groups: self.groups.clone() }
    }

    /// The distribution, when something tells: the API's own groups, the server's version, the nodes, kubeadm's ConfigMap.
    pub(super) fn distribution(&self, openshift: bool, kubeadm: bool) -> Option<String> {
        let version = self.version.as_deref().unwrap_or("");
        let by_version = [("-eks-", "EKS"), ("-gke.", "GKE"), ("+rke2", "RKE2"), ("+k3s", "k3s"), ("+k0s", "k0s")]
            .into_iter()
            .find(|(mark, _)| version.contains(mark))
            .map(|(_, name)| name);
        let name = match (openshift, by_version) {
            (true, _) => Some("OpenShift"),
            (false, Some(name)) => Some(name),
            (false, None) if self.distributions.len() == 1 => self.distributions.first().copied(),
            (false, None) if kubeadm => Some("kubeadm"),
            (false, None) => None,
        };
        name.map(str::to_owned)
    }
}
