//! Whether a container sees a directory of its node.

use k8s_openapi::api::core::v1::{Container, Volume, VolumeMount};

use crate::facts::settings::cleaned;

/// How far a container sees a directory of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sees {
    /// It, or a directory above it, is mounted, and nothing lies over it.
    Yes,
    /// A part of such a mount is named by the environment (`subPathExpr`).
    Perhaps,
    /// Only the file itself is mounted: rotation gives it another name, and the mount goes on showing the old one.
    FileAlone,
    No,
}

/// Whether `container` sees the directory of `file`, both as paths of the node. What links on the node lead to is not known.
pub(super) fn sees(container: &Container, volumes: &[Volume], directory: &str, file: Option<&str>) -> Sees {
    let mounts: Vec<&VolumeMount> = container.volume_mounts.iter().flatten().collect();
    let mut best = Sees::No;
    for mount in &mounts {
        let Some(root) = volumes.iter().find(|volume| volume.name == mount.name).and_then(|volume| volume.host_path.as_ref()) else {
            continue;
        };
        let whole = cleaned(&root.path);
        let inner = cleaned(&format!("{whole}/{}", mount.sub_path.as_deref().unwrap_or("")));
        if mount.sub_path_expr.as_deref().is_some_and(|path| !path.is_empty()) {
            if below(directory, &whole).is_some() {
                best = best.min(Sees::Perhaps);
            }
            continue;
        }
        if file.is_some_and(|file| inner == file) {
            best = best.min(Sees::FileAlone);
        }
        if let Some(rest) = below(directory, &inner) {
            let inside = cleaned(&format!("{}/{rest}", mount.mount_path));
            if !is_hidden(&mounts, mount, &inside, volumes, directory) {
                best = Sees::Yes;
            }
        }
    }
    best
}

/// What of `path` stands below `root`, component by component.
fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    if root == "/" {
        return path.strip_prefix('/');
    }
    let rest = path.strip_prefix(root)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// Whether another mount lies over a path of the container, deeper than the one that shows it, and shows something else.
fn is_hidden(mounts: &[&VolumeMount], by: &VolumeMount, inside: &str, volumes: &[Volume], directory: &str) -> bool {
    let depth = |mount: &VolumeMount| cleaned(&mount.mount_path).len();
    mounts.iter().filter(|mount| depth(mount) > depth(by)).any(|mount| {
        let Some(rest) = below(inside, &cleaned(&mount.mount_path)) else { return false };
        let host = volumes.iter().find(|volume| volume.name == mount.name).and_then(|volume| volume.host_path.as_ref());
        let shown = host.map(|host| cleaned(&format!("{}/{}/{rest}", host.path, mount.sub_path.as_deref().unwrap_or(""))));
        shown.as_deref() != Some(directory)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn look(mounts: serde_json::Value, volumes: serde_json::Value) -> Sees {
        let container: Container = serde_json::from_value(json!({"name": "f", "volumeMounts": mounts})).unwrap();
        let volumes: Vec<Volume> = serde_json::from_value(volumes).unwrap();
        sees(&container, &volumes, "/var/log/kubernetes", Some("/var/log/kubernetes/audit.log"))
    }

    fn host(path: &str) -> serde_json::Value {
        json!([{"name": "logs", "hostPath": {"path": path}}])
    }

    #[test]
    fn a_directory_is_seen_through_what_is_above_it() {
        let mount = || json!([{"name": "logs", "mountPath": "/in", "readOnly": true}]);
        for (path, expected) in [
            ("/var/log/kubernetes", Sees::Yes),
            ("/var/log/kubernetes/", Sees::Yes),
            ("/var/log", Sees::Yes),
            ("/", Sees::Yes),
            ("/var/log/kube", Sees::No),
            ("/var/log/kubernetes-old", Sees::No),
            ("/var/log/kubernetes/sub", Sees::No),
            ("/var/log/containers", Sees::No),
            ("/var/log/kubernetes/audit.log", Sees::FileAlone),
        ] {
            assert_eq!(look(mount(), host(path)), expected, "{path}");
        }
    }

    #[test]
    fn a_part_of_a_volume_is_that_part() {
        let part = |part: &str| json!([{"name": "logs", "mountPath": "/in", "subPath": part}]);
        assert_eq!(look(part("log/kubernetes"), host("/var")), Sees::Yes);
        assert_eq!(look(part("log/pods"), host("/var")), Sees::No);
        let named = json!([{"name": "logs", "mountPath": "/in", "subPathExpr": "$(PART)"}]);
        assert_eq!(look(named, host("/var/log")), Sees::Perhaps);
    }

    #[test]
    fn what_lies_over_a_directory_hides_it() {
        let mounts = || json!([{"name": "root", "mountPath": "/host"}, {"name": "over", "mountPath": "/host/var/log"}]);
        let over = |volume: serde_json::Value| {
            let mut over = json!({"name": "over"});
            over.as_object_mut().unwrap().extend(volume.as_object().unwrap().clone());
            json!([{"name": "root", "hostPath": {"path": "/"}}, over])
        };
        assert_eq!(look(mounts(), over(json!({"emptyDir": {}}))), Sees::No);
        assert_eq!(look(mounts(), over(json!({"hostPath": {"path": "/var/log"}}))), Sees::Yes);
        assert_eq!(look(mounts(), over(json!({"hostPath": {"path": "/srv"}}))), Sees::No);
    }

    #[test]
    fn a_volume_that_is_not_mounted_shows_nothing() {
        assert_eq!(look(json!([]), host("/")), Sees::No);
        assert_eq!(look(json!([{"name": "other", "mountPath": "/in"}]), host("/")), Sees::No);
    }
}
