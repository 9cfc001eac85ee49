//! Where a file lies that a process writes: on the node, in its container, or nowhere.

use k8s_openapi::api::core::v1::{Volume, VolumeMount};

/// The parts of the file system of a container that do not end with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Mounts {
    mounts: Vec<VolumeMount>,
    volumes: Vec<Volume>,
}

/// Where what is written to a path stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file that is still there when the process has ended.
    Kept,
    /// The output of the process, for whoever collects it.
    Output,
    /// A file that ends with the container or its pod.
    Container,
    /// A device: `/dev/null` and its like keep nothing.
    Device,
}

/// Where on the node a path of a container leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnHost {
    /// To that path.
    Path(String),
    /// To a part of a directory that the environment names (`subPathExpr`), which is not read.
    Unnamed,
    /// Not onto the node.
    Elsewhere,
}

/// What a mount shows.
enum Volumed {
    /// That path of the node.
    Node(String),
    /// A path below this one of the node, with a part that the environment names.
    Below(String),
    /// Something that ends with the pod, or is written anew at its start.
    Passing,
    /// A volume that lasts, elsewhere.
    Other,
}

impl Mounts {
    pub(super) fn new(mounts: &[VolumeMount], volumes: &[Volume]) -> Self {
        Self { mounts: mounts.to_vec(), volumes: volumes.to_vec() }
    }

    /// Where a path of the container leads. What is mounted there decides, whatever the path is usually for. Links within the image are not
    /// seen.
    pub(super) fn place(&self, path: &str) -> Place {
        if path == "-" {
            return Place::Output;
        }
        match self.innermost(path) {
            None => special(path).unwrap_or(Place::Container),
            Some(Volumed::Node(path)) => on_node(&path),
            // Whatever the part is called: it cannot lead out of the directory (core/v1 VolumeMount, no `..`).
            Some(Volumed::Below(whole)) => on_node(&format!("{whole}/part")),
            // Written on every start from the API, or empty at every start of the pod (core/v1 Volume).
            Some(Volumed::Passing) => Place::Container,
            Some(Volumed::Other) => Place::Kept,
        }
    }

    /// The path of the node that a path of the container leads to.
    pub(super) fn on_host(&self, path: &str) -> OnHost {
        match self.innermost(path) {
            Some(Volumed::Node(path)) => OnHost::Path(path),
            Some(Volumed::Below(_)) => OnHost::Unnamed,
            Some(Volumed::Passing | Volumed::Other) | None => OnHost::Elsewhere,
        }
    }

    /// What the innermost mount over a path shows there.
    fn innermost(&self, path: &str) -> Option<Volumed> {
        let clean = cleaned(path);
        let covering = self.mounts.iter().filter_map(|mount| {
            let at = cleaned(&mount.mount_path);
            let rest = if at == "/" { Some(clean.as_str()) } else { clean.strip_prefix(&at) }?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (at.len(), rest.to_owned(), mount))
        });
        let (_, rest, mount) = covering.max_by_key(|(length, ..)| *length)?;
        let volume = self.volumes.iter().find(|volume| volume.name == mount.name)?;
        if let Some(host) = &volume.host_path {
            if mount.sub_path_expr.as_deref().is_some_and(|path| !path.is_empty()) {
                return Some(Volumed::Below(cleaned(&host.path)));
            }
            let inner = mount.sub_path.as_deref().unwrap_or("");
            return Some(Volumed::Node(cleaned(&format!("{}/{inner}{rest}", host.path))));
        }
        let passing = volume.empty_dir.is_some()
            || volume.config_map.is_some()
            || volume.secret.is_some()
            || volume.projected.is_some()
            || volume.downward_api.is_some();
        Some(if passing { Volumed::Passing } else { Volumed::Other })
    }
}

/// Where a path leads for a process without a container of its own, such as k3s, or of which no container is seen.
pub(super) fn on_node(path: &str) -> Place {
    special(path).unwrap_or(Place::Kept)
}

/// Paths that are no files, whatever is mounted: `-` is the standard output (apiserver pkg/server/options/audit.go, getWriter).
fn special(path: &str) -> Option<Place> {
    if path == "-" {
        return Some(Place::Output);
    }
    let clean = cleaned(path);
    match clean.as_str() {
        "/dev/stdout" | "/dev/stderr" | "/dev/fd/1" | "/dev/fd/2" => Some(Place::Output),
        // File systems in memory, or emptied at every start of the machine (FHS 3.0, 3.15 and 3.18).
        path if ["/dev/shm/", "/run/", "/var/run/", "/tmp/"].iter().any(|start| path.starts_with(start)) => Some(Place::Container),
        path if path.starts_with("/dev/") => Some(Place::Device),
        path => {
            let process = path.strip_prefix("/proc/")?;
            let output = process.split_once("/fd/").is_some_and(|(_, number)| matches!(number, "1" | "2"));
            Some(if output { Place::Output } else { Place::Device })
        }
    }
}

/// The path without `//`, `.` and `..` (Go's path.Clean); what is relative begins where the process was started, mostly `/`.
pub(in crate::facts) fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mounts() -> Mounts {
        let mounts: Vec<VolumeMount> = serde_json::from_value(json!([
            {"name": "logs", "mountPath": "/var/log/kubernetes/"},
            {"name": "scratch", "mountPath": "/var/log/kubernetes/scratch"},
            {"name": "void", "mountPath": "/audit/audit.log"},
            {"name": "claim", "mountPath": "/claim"},
            {"name": "part", "mountPath": "/part", "subPath": "null"},
            {"name": "not-there", "mountPath": "/lost"},
            {"name": "logs", "mountPath": "/tmp/audit"},
            {"name": "logs", "mountPath": "/var/run/audit/"},
            {"name": "logs", "mountPath": "/named", "subPathExpr": "$(NODE)"},
        ]))
        .unwrap();
        let volumes: Vec<Volume> = serde_json::from_value(json!([
            {"name": "logs", "hostPath": {"path": "/var/log/kubernetes"}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "void", "hostPath": {"path": "/dev/null"}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "audit"}},
            {"name": "part", "hostPath": {"path": "/dev"}},
        ]))
        .unwrap();
        Mounts::new(&mounts, &volumes)
    }

    #[test]
    fn a_log_is_kept_where_its_directory_is_the_nodes() {
        for (path, place) in [
            ("/var/log/kubernetes/audit.log", Place::Kept),
            ("/var/log//kubernetes/./audit.log", Place::Kept),
            ("/claim/audit.log", Place::Kept),
            ("/var/log/kubernetes/../audit.log", Place::Container),
            ("/var/log/kubernetes-audit.log", Place::Container),
            ("/var/log/kubernetes/scratch/audit.log", Place::Container),
            ("/lost/audit.log", Place::Container),
            ("audit.log", Place::Container),
            ("-", Place::Output),
            ("/dev/stdout", Place::Output),
            ("/proc/self/fd/1", Place::Output),
            ("/proc/1/fd/2", Place::Output),
            ("/dev/null", Place::Device),
            ("//dev/./null", Place::Device),
            ("/dev/shm/audit.log", Place::Container),
            ("/audit/audit.log", Place::Device),
            ("/part", Place::Device),
            ("/tmp/audit/audit.log", Place::Kept),
            ("/var/run/audit/audit.log", Place::Kept),
            ("/tmp/audit.log", Place::Container),
            ("/named/audit.log", Place::Kept),
        ] {
            assert_eq!(mounts().place(path), place, "{path}");
        }
        assert_eq!(mounts().on_host("/tmp/audit/audit.log"), OnHost::Path("/var/log/kubernetes/audit.log".to_owned()));
        assert_eq!(mounts().on_host("/named/audit.log"), OnHost::Unnamed);
        assert_eq!(mounts().on_host("/claim/audit.log"), OnHost::Elsewhere);
        assert_eq!(on_node("/var/log/audit.log"), Place::Kept);
        assert_eq!(on_node("/dev/null"), Place::Device);
    }
}
