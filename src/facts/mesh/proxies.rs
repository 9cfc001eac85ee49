//! What of a pod matters here, and which proxy it has. A container counts by its name, by which the control plane of a mesh knows it, and by
//! its image: either alone may be anything.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use crate::facts::agents::repository;
use crate::facts::table::read::Readable;
use crate::model::{Evidence, Unseen};

/// What of a pod matters here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pod {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: Spec,
    pub(super) status: Option<Status>,
    /// `Kind/name` of its workload. Reasons name that, so that pods of one workload have one row.
    #[serde(skip)]
    pub(super) workload: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) node_name: Option<String>,
    pub(super) host_network: Option<bool>,
    pub(super) containers: Vec<Container>,
    pub(super) init_containers: Option<Vec<Container>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: Option<String>,
    pub(super) args: Option<Vec<String>>,
    pub(super) ports: Option<Vec<Port>>,
    pub(super) restart_policy: Option<String>,
    pub(super) security_context: Option<Security>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Port {
    pub(super) name: Option<String>,
    pub(super) container_port: i64,
    pub(super) protocol: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Security {
    pub(super) privileged: Option<bool>,
    pub(super) capabilities: Option<Capabilities>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Capabilities {
    pub(super) add: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Option<String>,
    pub(super) container_statuses: Option<Vec<ContainerState>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ContainerState {
    pub(super) name: String,
    pub(super) ready: Option<bool>,
}

impl Readable for Pod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// A proxy in a pod, and the pointer to its container.
#[derive(Clone, Debug)]
pub(super) enum Proxy {
    /// None.
    Absent,
    /// Istio's sidecar.
    Sidecar(String),
    /// Istio's proxy alone: a gateway or a waypoint.
    Gateway(String),
    /// Linkerd's.
    Linkerd(String),
    /// A container with the name of a proxy runs an image that is not known as one.
    Unclear(Unseen),
}

/// Name of Istio's container (istio/istio, injection-template.yaml).
const ISTIO: &str = "istio-proxy";
/// Name of Linkerd's (linkerd/linkerd2, `pkg/k8s/labels.go`, `ProxyContainerName`).
const LINKERD: &str = "linkerd-proxy";

impl Container {
    /// The last part of the name of its image, without tag and digest: mirrors keep it.
    pub(super) fn image_name(&self) -> &str {
        let repository = repository(self.image.as_deref().unwrap_or(""));
        repository.rsplit('/').next().unwrap_or(repository)
    }

    /// The value behind an option of its arguments.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let args: Vec<&str> = self.args.iter().flatten().map(String::as_str).collect();
        let at = args.iter().position(|word| *word == name)?;
        args.get(at + 1).copied()
    }
}

impl Pod {
    pub(super) fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or("")
    }
    pub(super) fn phase(&self) -> &str {
        self.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("")
    }
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.as_ref().and_then(|labels| labels.get(name)).map(String::as_str)
    }
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.as_ref().and_then(|all| all.get(name)).map(String::as_str)
    }
    /// Whether it is on its node's network, where no mesh leads its traffic anywhere (istio/istio, `pkg/kube/inject/inject.go`,
    /// `injectRequired`; linkerd/linkerd2, `pkg/inject/report.go`).
    pub(super) fn on_host_network(&self) -> bool {
        self.spec.host_network == Some(true)
    }

    /// The init container of one of these names, and the pointer to it.
    pub(super) fn init(&self, names: &[&str]) -> Option<(&Container, String)> {
        let all = self.spec.init_containers.iter().flatten().enumerate();
        let found = all.into_iter().find(|(_, container)| names.contains(&container.name.as_str()))?;
        Some((found.1, format!("/spec/initContainers/{}", found.0)))
    }

    /// Every container, init containers that go on running included.
    fn running(&self) -> impl Iterator<Item = (&Container, String)> {
        let own = self.spec.containers.iter().enumerate().map(|(at, one)| (one, format!("/spec/containers/{at}")));
        let init = self.spec.init_containers.iter().flatten().enumerate();
        let native = init.filter(|(_, one)| one.restart_policy.as_deref() == Some("Always"));
        own.chain(native.map(|(at, one)| (one, format!("/spec/initContainers/{at}"))))
    }

    /// Which proxy it has.
    pub(super) fn proxy(&self) -> Proxy {
        for (container, pointer) in self.running() {
            let image = container.image_name();
            let unclear = |mesh: &str| {
                Proxy::Unclear(Unseen::not_visible(
                    format!("whether {} is a proxy of {mesh}", self.display()),
                    format!("its container {} runs {image}, which is not known as one", container.name),
                    format!("Look at what the container {} runs.", container.name),
                ))
            };
            match container.name.as_str() {
                // The node's proxy of the ambient mode has the same name.
                ISTIO if image.contains("ztunnel") => {}
                ISTIO if image.contains("proxyv2") => {
                    let alone = self.spec.containers.iter().all(|one| one.name == ISTIO);
                    return if alone { Proxy::Gateway(pointer) } else { Proxy::Sidecar(pointer) };
                }
                ISTIO => return unclear("Istio"),
                LINKERD if image == "proxy" || image.contains("linkerd") => return Proxy::Linkerd(pointer),
                LINKERD => return unclear("Linkerd"),
                _ => {}
            }
        }
        Proxy::Absent
    }

    /// `Kind/name in namespace`.
    pub(super) fn display(&self) -> String {
        format!("{} in {}", self.workload, self.namespace())
    }

    /// The revision of Istio's control plane that gave it its proxy, where it says one: in what the injector notes
    /// (istio/istio, `pkg/kube/inject/inject.go`, `SidecarInjectionStatus`), or in an annotation of its own.
    pub(super) fn revision(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Noted {
            revision: Option<String>,
        }
        let noted = self.annotation("sidecar.istio.io/status").and_then(|text| serde_json::from_str::<Noted>(text).ok());
        noted.and_then(|noted| noted.revision).or_else(|| self.annotation("istio.io/rev").map(str::to_owned))
    }

    /// The numbers of the TCP ports that its containers name so.
    pub(super) fn ports_named(&self, name: &str) -> Vec<i64> {
        let all = self.spec.containers.iter().chain(self.spec.init_containers.iter().flatten());
        let ports = all.flat_map(|container| container.ports.iter().flatten());
        let tcp = ports.filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol.eq_ignore_ascii_case("TCP")));
        tcp.filter(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port).collect()
    }

    /// Whether a container says that it serves on a port.
    pub(super) fn declares(&self, port: i64) -> bool {
        self.spec.containers.iter().flat_map(|one| one.ports.iter().flatten()).any(|one| one.container_port == port)
    }
}

/// Where an annotation stands.
pub(super) fn annotation_at(origin: &Evidence, name: &str) -> Evidence {
    origin.at(format!("/metadata/annotations/{}", name.replace('/', "~1")))
}
