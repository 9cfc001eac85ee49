//! Nodes, and the API server that answered.

mod os;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus};
use serde::Deserialize;

use super::table::read::Reader;
use super::table::schema::{Row, TableRow, table};
use super::workloads::containers::sorted_owned;
use super::{FactsError, Family, Known};
use crate::model::sources::{NODES, VERSION};
use crate::model::{Evidence, Grade, ObjectRef, Unseen, UnseenKind};

table! {
    /// One row per node: what runs on it below the pods.
    pub struct NodeRow as "nodes" counting "nodes" from [NODES] {
        /// Name.
        name: String, at "/metadata/name";
        /// Whether it has the label of a control-plane node.
        control_plane: bool, at "/metadata/labels/node-role.kubernetes.io~1control-plane";
        /// Version of its kubelet, as the kubelet says.
        kubelet_version: String, at "/status/nodeInfo/kubeletVersion";
        /// Its minor version.
        kubelet_minor: Known<i64>, at "/status/nodeInfo/kubeletVersion";
        /// Minor versions by which the kubelet is older than the API server; negative when it is newer.
        minors_behind: Known<i64>, at "/status/nodeInfo/kubeletVersion", needs [VERSION];
        /// How many it may be, by the version skew policy.
        minors_allowed: Known<i64>, needs [VERSION];
        /// The same in words, such as `3 minor versions newer than the API server, which is never supported`.
        skew: Known<String>, at "/status/nodeInfo/kubeletVersion", needs [VERSION];
        /// Whether it is a virtual node, which reports the version of its provider and runs no kubelet: it has the label or the taint
        /// of Virtual Kubelet, and its version says so, too. Unknown where only one of these says so: anybody can write a label.
        is_virtual: Known<bool>, at "/metadata/labels/type";
        /// Name and version of the operating system.
        os_image: String, at "/status/nodeInfo/osImage";
        /// Last day on which the publisher of the operating system mends that release without a further contract. Unknown for releases
        /// of which this program knows no day, such as those that are replaced as a whole (Bottlerocket, Flatcar, Talos, images of providers).
        os_end_of_service: Known<String>, at "/status/nodeInfo/osImage";
        /// Whether that day had not passed when the cluster was read. Unknown after it where longer support is sold; and before it where only the
        /// newest point release gets fixes, or only some architectures do.
        os_supported: Known<bool>, at "/status/nodeInfo/osImage";
        /// Kernel.
        kernel: String, at "/status/nodeInfo/kernelVersion";
        /// Container runtime.
        runtime: String, at "/status/nodeInfo/containerRuntimeVersion";
        /// Processor architecture.
        architecture: String, at "/status/nodeInfo/architecture";
        /// Taints as `key=value:effect`, sorted.
        taints: Vec<String>, at "/spec/taints";
        /// Whether it says that it is ready.
        ready: bool, at "/status/conditions";
        /// Whether it takes no new pods.
        unschedulable: bool, at "/spec/unschedulable";
        /// Versions of all kubelets of the cluster, sorted.
        kubelet_versions: Vec<String>;
    }
}

table! {
    /// One row for the API server that answered: its version, and until when the Kubernetes project repairs it.
    pub struct ServerRow as "server" counting "API servers", always from [VERSION] {
        /// `gitVersion`.
        version: String, at "/gitVersion";
        /// Minor version.
        minor: i64, at "/minor";
        /// Day by which the project's patches for that minor version end. Unknown for versions that are newer than this program knows.
        end_of_life: Known<String>, at "/gitVersion";
        /// Whether that day had come when the cluster was read. Unknown where a vendor's own build is past it: vendors repair longer.
        supported: Known<bool>, at "/gitVersion";
    }
}

pub(super) const FAMILY: Family = Family {
    schemas: || vec![NodeRow::schema(), ServerRow::schema()],
    rows: |context, _| {
        let server = Server::read(&context.reader)?;
        Ok(vec![nodes(&context.reader, &server)?, server_rows(&context.reader, server)])
    },
};

/// Last day of patches by minor version (kubernetes.io/releases, *End Of Life Date*, and its `data/releases/eol.yaml` for those that have
/// ended; read 2026-11).
#[rustfmt::skip]
const END_OF_LIFE: &[(u32, &str)] = &[
    (8, "2018-07-12"), (9, "2018-09-29"), (10, "2019-02-13"), (11, "2019-05-01"), (12, "2019-07-08"), (13, "2019-10-15"),
    (14, "2019-12-11"), (15, "2020-05-06"), (16, "2020-09-02"), (17, "2021-01-13"), (18, "2021-06-18"), (19, "2021-10-28"), (20, "2022-02-28"), (21, "2022-06-28"),
    (22, "2022-12-08"), (23, "2023-02-28"), (24, "2023-07-28"), (25, "2023-10-28"), (26, "2024-02-28"), (27, "2024-07-16"),
    (28, "2024-10-22"), (29, "2025-02-28"), (30, "2025-07-15"), (31, "2025-11-11"), (32, "2026-02-28"), (33, "2026-06-28"),
    (34, "2026-10-27"), (35, "2027-02-28"), (36, "2027-06-28"), (37, "2027-10-28"),
];

/// `/version`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    minor: String,
    git_version: String,
}

/// The version of the program that answers. An emulated version (KEP-4330) is about rules of admission and not about the program.
struct Server {
    known: Known<(u32, String)>,
    origin: Option<Evidence>,
}

impl Server {
    fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let unknown = |kind: UnseenKind, why: &str| {
            Unseen::new(kind, "the server's version", why.to_owned(), "Grant get on the URL /version, then collect again.").of(&VERSION)
        };
        if let Some(gap) = reader.gap(&VERSION) {
            return Ok(Self { known: Known::Unknown(gap), origin: None });
        }
        let doubt =
            |why: &str| reader.doubt(&VERSION, "the server's version".to_owned(), why, "Collect again, and look at /version by hand.");
        let Some(stored) = reader.single(&VERSION)? else {
            doubt("the snapshot does not hold it");
            return Ok(Self { known: Known::Unknown(unknown(UnseenKind::ReadFailed, "the snapshot does not hold it")), origin: None });
        };
        let origin = reader.origin(&VERSION, &Default::default(), &stored, Grade::EffectiveConfiguration);
        let parsed = match serde_json::from_str::<Version>(&stored.json) {
            Ok(version) => match number(&version.minor) {
                Some(minor) => Some((minor, version.git_version)),
                None => {
                    doubt("its minor version is not a number");
                    None
                }
            },
            Err(error) => {
                reader.not_understood(&VERSION, &stored, &error.to_string());
                None
            }
        };
        let known =
            parsed.map_or_else(|| Known::Unknown(unknown(UnseenKind::NotUnderstood, "its minor version is not a number")), Known::Known);
        Ok(Self { known, origin: Some(origin) })
    }

    fn minor(&self) -> Known<u32> {
        self.known.clone().map(|(minor, _)| minor)
    }
}

/// The minor version of the program that answered; an emulated one is not asked for.
pub(super) fn server_minor(reader: &Reader<'_>) -> Result<Known<u32>, FactsError> {
    Ok(Server::read(reader)?.minor())
}

/// Whether a node is one of Virtual Kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Virtual {
    No,
    /// Only its label, its taint or its version says so.
    Perhaps,
    Yes,
}

/// Virtual Kubelet gives its nodes the label `type=virtual-kubelet` and the taint `virtual-kubelet.io/provider`, and reports a version
/// of its own behind that of Kubernetes, such as `v1.25.0-vk-azure-aci-1.6.1` (virtual-kubelet cmd/virtual-kubelet/internal/commands/root).
pub(super) fn is_virtual(node: &Node) -> Virtual {
    let label = node.metadata.labels.as_ref().is_some_and(|labels| labels.get("type").is_some_and(|kind| kind == "virtual-kubelet"));
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let taint = taints.into_iter().flatten().any(|taint| taint.key == "virtual-kubelet.io/provider");
    match (label || taint, reports_virtual(node)) {
        (false, false) => Virtual::No,
        (true, true) => Virtual::Yes,
        // Anybody who may label a node may taint it, too: what its kubelet reports has to say it.
        _ => Virtual::Perhaps,
    }
}

/// Whether the version that a node reports is one of Virtual Kubelet's.
pub(super) fn reports_virtual(node: &Node) -> bool {
    let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    let version = info.map_or("", |info| info.kubelet_version.as_str());
    version.contains("-vk-") || version.contains("virtual-kubelet")
}

/// Digits at the beginning: some providers write `36+`.
fn number(text: &str) -> Option<u32> {
    text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}

/// The minor version of `v1.36.3-eks-abc`.
fn minor_of(version: &str) -> Option<u32> {
    let mut parts = version.strip_prefix('v')?.split('.');
    (parts.next()? == "1").then(|| parts.next().and_then(number)).flatten()
}

fn nodes(reader: &Reader<'_>, server: &Server) -> Result<Vec<Row>, FactsError> {
    let mut objects = Vec::new();
    let mut versions = BTreeSet::new();
    reader.each::<Node>(&NODES, |node, origin| {
        versions.extend(node.status.as_ref().and_then(|status| status.node_info.as_ref()).map(|info| info.kubelet_version.clone()));
        objects.push((node, origin));
    })?;
    let versions: Vec<String> = versions.into_iter().collect();
    let collected = reader.collected();
    Ok(objects.into_iter().map(|(node, origin)| node_row(node, origin, server, &versions, collected)).collect())
}

fn node_row(node: Node, origin: Evidence, server: &Server, versions: &[String], collected: &str) -> Row {
    let name = node.metadata.name.clone().unwrap_or_default();
    let is_virtual = match is_virtual(&node) {
        Virtual::No => Known::Known(false),
        Virtual::Yes => Known::Known(true),
        Virtual::Perhaps => Known::Unknown(
            Unseen::not_understood(
                format!("whether the node {name} is a virtual one"),
                "its label, its taint and its version do not say the same about it",
                "Look at the node by hand: kubectl get node -o wide.",
            )
            .of(&NODES),
        ),
    };
    let spec = node.spec.unwrap_or(NodeSpec { ..NodeSpec::default() });
    let status = node.status.unwrap_or(NodeStatus { ..NodeStatus::default() });
    let info = |pick: fn(&k8s_openapi::api::core::v1::NodeSystemInfo) -> &String| status.node_info.as_ref().map(pick).cloned();
    let kubelet_version = info(|info| &info.kubelet_version).unwrap_or_default();
    let kubelet_minor = match minor_of(&kubelet_version) {
        Some(minor) => Known::Known(i64::from(minor)),
        None => Known::Unknown(
            Unseen::not_understood(
                format!("the version of the kubelet on the node {name}"),
                format!("`{kubelet_version}` is not a version of Kubernetes"),
                "Look at the node by hand: kubectl get node -o wide.",
            )
            .of(&NODES),
        ),
    };
    let os_image = info(|info| &info.os_image).unwrap_or_default();
    let architecture = info(|info| &info.architecture).unwrap_or_default();
    let minors_behind = server.minor().and_then(|server| kubelet_minor.clone().map(|kubelet| i64::from(server) - kubelet));
    let minors_allowed = server.minor().map(minors_allowed);
    let typed = NodeRow {
        skew: minors_behind.clone().and_then(|behind| minors_allowed.clone().map(|allowed| skew(behind, allowed))),
        is_virtual,
        control_plane: node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key("node-role.kubernetes.io/control-plane")),
        minors_behind,
        minors_allowed,
        kubelet_minor,
        os_end_of_service: os::end_of_service(&name, &os_image),
        os_supported: os::supported(&name, &os_image, &architecture, collected),
        os_image,
        kernel: info(|info| &info.kernel_version).unwrap_or_default(),
        runtime: info(|info| &info.container_runtime_version).unwrap_or_default(),
        architecture,
        taints: sorted_owned(spec.taints.iter().flatten().map(|taint| {
            let value = taint.value.as_deref().unwrap_or("");
            format!("{}={value}:{}", taint.key, taint.effect)
        })),
        ready: status.conditions.iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        unschedulable: spec.unschedulable == Some(true),
        kubelet_versions: versions.to_vec(),
        kubelet_version,
        name: name.clone(),
    };
    let subject = ObjectRef { kind: "Node".to_owned(), group: String::new(), namespace: None, name: name.clone(), uid: node.metadata.uid };
    Row::new(name, subject, vec![origin], typed)
}

fn skew(behind: i64, allowed: i64) -> String {
    let versions = |count: i64| if count == 1 { "1 minor version".to_owned() } else { format!("{count} minor versions") };
    match behind {
        0 => "of the API server's minor version".to_owned(),
        ..0 => format!("{} newer than the API server, which is never supported", versions(-behind)),
        _ if behind <= allowed => format!("{} older than the API server, of {allowed} that are supported", versions(behind)),
        _ => format!("{} older than the API server, and only {allowed} are supported", versions(behind)),
    }
}

/// kubernetes.io, *Version Skew Policy*: three minor versions since 1.28, two before.
fn minors_allowed(server: u32) -> i64 {
    if server >= 28 { 3 } else { 2 }
}

fn server_rows(reader: &Reader<'_>, server: Server) -> Vec<Row> {
    let (Known::Known((minor, version)), Some(origin)) = (server.known, server.origin) else { return Vec::new() };
    let end_of_life = end_of_life(minor, &version);
    let typed = ServerRow {
        supported: end_of_life.clone().and_then(|end| supported(reader.collected(), &end, &version)),
        end_of_life,
        minor: i64::from(minor),
        version,
    };
    let subject =
        ObjectRef { kind: "APIServer".to_owned(), group: String::new(), namespace: None, name: "kube-apiserver".to_owned(), uid: None };
    vec![Row::new("kube-apiserver".to_owned(), subject, vec![origin], typed)]
}

fn end_of_life(minor: u32, version: &str) -> Known<String> {
    // Whatever is older than the first ended no later than that one.
    match END_OF_LIFE.iter().find(|(known, _)| *known >= minor) {
        Some((_, day)) => Known::Known((*day).to_owned()),
        None => Known::Unknown(Unseen {
            kind: UnseenKind::NotUnderstood,
            what: format!("how long the Kubernetes project repairs {version}"),
            why: "this program does not know the day".to_owned(),
            how_to_see: "Look at https://kubernetes.io/releases/, or use a newer kube-hipaa.".to_owned(),
            source: None,
            missing_rule: None,
        }),
    }
}

/// Whether the day had not passed when the cluster was read. Days are compared as text: both begin with year, month and day.
fn supported(collected: &str, end: &str, version: &str) -> Known<bool> {
    let day: String = collected.chars().take(end.len()).collect();
    // `-eks-…`, `-gke.…`, `+rke2r1`, `+k3s1`: whoever builds it themselves may repair it longer.
    let of_vendor = version.contains(['-', '+']);
    match (day.as_str() <= end, of_vendor) {
        (true, _) => Known::Known(true),
        (false, false) => Known::Known(false),
        (false, true) => Known::Unknown(Unseen::not_visible(
            format!("whether anyone still repairs {version}"),
            format!("the Kubernetes project stopped on {end}, and the vendor whose build it is may go on"),
            "Ask the vendor until when this version gets security fixes, and whether that support was bought.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_versions_as_providers_write_them() {
        for (version, minor) in [("v1.36.3", 36), ("v1.33.4-eks-99d6cc0", 33), ("v1.31.5+k3s1", 31), ("v1.30+", 30)] {
            assert_eq!(minor_of(version), Some(minor), "{version}");
        }
        for version in ["", "1.36.3", "v2.1.0", "v1", "v1.x.3"] {
            assert_eq!(minor_of(version), None, "{version}");
        }
    }

    #[test]
    fn a_skew_is_said_in_words() {
        assert_eq!(skew(-3, 3), "3 minor versions newer than the API server, which is never supported");
        assert_eq!(skew(-1, 3), "1 minor version newer than the API server, which is never supported");
        assert_eq!(skew(4, 3), "4 minor versions older than the API server, and only 3 are supported");
        assert_eq!(skew(0, 3), "of the API server's minor version");
    }

    #[test]
    fn a_label_alone_makes_no_node_virtual() {
        let node = |value: serde_json::Value| is_virtual(&serde_json::from_value(value).unwrap());
        let info = |version: &str| serde_json::json!({"kubeletVersion": version, "architecture": "", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "", "osImage": "", "systemUUID": ""});
        let labels = serde_json::json!({"labels": {"type": "virtual-kubelet"}});
        let aci = serde_json::json!({"metadata": labels, "status": {"nodeInfo": info("v1.25.0-vk-azure-aci-1.6.1")}});
        assert_eq!(node(aci), Virtual::Yes);
        let tainted = serde_json::json!({"taints": [{"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"}]});
        for spec in [serde_json::json!({}), tainted] {
            assert_eq!(
                node(serde_json::json!({"metadata": labels, "spec": spec, "status": {"nodeInfo": info("v1.30.1")}})),
                Virtual::Perhaps
            );
        }
        assert_eq!(node(serde_json::json!({"metadata": {}, "status": {"nodeInfo": info("v1.36.3")}})), Virtual::No);
    }

    #[test]
    fn the_last_day_is_still_supported() {
        let at = |collected: &str| supported(collected, "2026-10-27", "v1.34.2");
        assert_eq!(at("2026-10-27T23:59:59Z"), Known::Known(true));
        assert_eq!(at("2026-10-28T00:00:00Z"), Known::Known(false));
        let vendor = |collected: &str| supported(collected, "2026-10-27", "v1.34.2-eks-99d6cc0");
        assert!(matches!(vendor("2026-10-28T00:00:00Z"), Known::Unknown(unseen) if unseen.kind == UnseenKind::NotVisible));
        assert_eq!(vendor("2026-10-01T00:00:00Z"), Known::Known(true));
    }

    #[test]
    fn days_are_known_for_old_versions_and_not_for_new_ones() {
        for (minor, day) in
            [(1, "2018-07-12"), (8, "2018-07-12"), (24, "2023-07-28"), (29, "2025-02-28"), (31, "2025-11-11"), (36, "2027-06-28")]
        {
            assert_eq!(end_of_life(minor, "v1.x"), Known::Known(day.to_owned()), "{minor}");
        }
        for minor in [38, 99] {
            assert!(matches!(end_of_life(minor, "v1.x"), Known::Unknown(_)), "{minor}");
        }
    }

    #[test]
    fn no_minor_version_is_left_out_between_the_first_and_the_last() {
        for pair in END_OF_LIFE.windows(2) {
            assert_eq!(pair[0].0 + 1, pair[1].0);
            assert!(pair[0].1 < pair[1].1, "{pair:?}");
        }
    }
}
