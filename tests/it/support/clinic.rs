//! The reference clinic of `examples/clinic`, running: control plane, three nodes, all of its manifests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::control_plane::{Audit, ControlPlane, Encryption, Options, StaticApiServer};
use super::program;

/// The label of namespaces that hold ePHI, as `--ephi-selector` takes it.
pub const EPHI: &str = "clinic.example/ephi=true";

const CONTROL_PLANE_NODE: &str = "cp-1";
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];
/// Three nodes and 60 pods take about 30 s on two idle cores.
const LIMIT: Duration = Duration::from_secs(240);

/// A running clinic; dropping it ends everything.
pub struct Clinic {
    plane: ControlPlane,
}

impl std::ops::Deref for Clinic {
    type Target = ControlPlane;
    fn deref(&self) -> &ControlPlane {
        &self.plane
    }
}

impl Clinic {
    /// Starts the clinic and waits until all of its pods run and the controllers have nothing left to do.
    pub fn start() -> Self {
        Self::begin(false)
    }

    /// [`Self::start`] on the ports that kubeadm uses, where they are free: for recordings.
    pub fn start_on_usual_ports() -> Self {
        Self::begin(true)
    }

    fn begin(usual_ports: bool) -> Self {
        let file = |name: &str| read(&folder().join(name));
        let others = ["etcd", "kube-controller-manager", "kube-scheduler"].map(static_pod);
        let mut kubelets = vec![(CONTROL_PLANE_NODE.to_owned(), others.to_vec())];
        kubelets.extend(WORKERS.map(|node| (node.to_owned(), Vec::new())));
        let plane = ControlPlane::start(&Options {
            audit: Audit::Policy(file("audit-policy.yaml")),
            encryption: Encryption::Secretbox,
            with_controller_manager: true,
            // Whatever the clock says, no CronJob starts a Job in the middle of a test.
            controller_manager_flags: vec!["--controllers=-cronjob-controller".to_owned()],
            with_scheduler: true,
            kubelets,
            static_api_server: Some(StaticApiServer {
                manifest: static_pod("kube-apiserver"),
                node: CONTROL_PLANE_NODE.to_owned(),
                usual_ports,
            }),
            ..Options::default()
        });
        let clinic = Self { plane };
        // As kubeadm does it: a kubelet may not say so of itself (admission plugin NodeRestriction).
        clinic.change_node(CONTROL_PLANE_NODE, &json!({"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}}));
        for manifest in manifests() {
            clinic.apply_path(&manifest);
        }
        clinic.wait_until("every pod of the clinic runs", LIMIT, || clinic.settled().then_some(()));
        clinic
    }

    /// The kubeconfig of the service account that the shipped manifests describe, after applying them.
    pub fn scanner(&self) -> PathBuf {
        program::scanner(&self.plane)
    }

    /// Changes a node, once it is there.
    fn change_node(&self, name: &str, patch: &Value) {
        let path = format!("/api/v1/nodes/{name}");
        self.wait_until("a node can be changed", LIMIT, || (self.api("PATCH", &path, Some(patch)).0 == 200).then_some(()));
    }

    /// Gives every node a key, as the agents of Calico do when WireGuard is switched on.
    pub fn give_keys(&self) {
        let patch =
            json!({"metadata": {"annotations": {"projectcalico.org/WireguardPublicKey": "bm90IGEga2V5LCBidXQgb2YgaXRzIGxlbmd0aCAuLi4="}}});
        for node in WORKERS.into_iter().chain([CONTROL_PLANE_NODE]) {
            self.change_node(node, &patch);
        }
    }

    /// Whether every controller has done its work and every pod runs.
    fn settled(&self) -> bool {
        let list = |path: &str| match self.api("GET", path, None) {
            (200, mut list) => match list["items"].take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let number = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let current = |object: &Value| number(object, "/status/observedGeneration") == number(object, "/metadata/generation");
        // The static pods of the control-plane node.
        let mut expected = 4;
        for deployment in list("/apis/apps/v1/deployments") {
            let wanted = number(&deployment, "/spec/replicas");
            expected += wanted;
            if !current(&deployment)
                || ["updatedReplicas", "availableReplicas"].iter().any(|name| number(&deployment["status"], &format!("/{name}")) != wanted)
            {
                return false;
            }
        }
        for set in list("/apis/apps/v1/statefulsets") {
            let wanted = number(&set, "/spec/replicas");
            expected += wanted;
            let same = set["status"]["currentRevision"] == set["status"]["updateRevision"];
            if !current(&set) || !same || number(&set, "/status/availableReplicas") != wanted {
                return false;
            }
        }
        for set in list("/apis/apps/v1/daemonsets") {
            let nodes = 1 + WORKERS.len() as u64;
            expected += nodes;
            if !current(&set) || number(&set, "/status/numberAvailable") != nodes || number(&set, "/status/updatedNumberScheduled") != nodes
            {
                return false;
            }
        }
        for job in list("/apis/batch/v1/jobs") {
            expected += number(&job, "/spec/parallelism");
            if number(&job, "/status/ready") != number(&job, "/spec/parallelism") {
                return false;
            }
        }
        if !list("/api/v1/persistentvolumes").iter().all(|volume| volume["status"]["phase"] == "Bound") {
            return false;
        }
        let pods = list("/api/v1/pods");
        let running = pods.iter().filter(|pod| pod["status"]["phase"] == "Running").count() as u64;
        running == expected && pods.len() as u64 == expected
    }
}

/// `examples/clinic`.
pub fn folder() -> PathBuf {
    PathBuf::from("examples/clinic")
}

/// The manifest of one of the static pods of the control-plane node.
pub fn static_pod(name: &str) -> String {
    read(&folder().join("control-plane").join(format!("{name}.yaml")))
}

/// The numbered files, in order.
pub fn manifests() -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder()) {
        Ok(entries) => entries,
        Err(error) => panic!("examples/clinic cannot be read: {error}"),
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| match entry {
            Ok(entry) => entry.path(),
            Err(error) => panic!("examples/clinic cannot be read: {error}"),
        })
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(|c: char| c.is_ascii_digit()) && name.ends_with(".yaml")
        })
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}
