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
        let inner = match shown(mount, volumes, "") {
            Shown::Node(inner) => inner,
            Shown::PartOf(whole) => {
                if below(directory, &whole).is_some() {
                    best = best.min(Sees::Perhaps);
                }
                continue;
            }
            Shown::Elsewhere => continue,
        };
        if file.is_some_and(|file| inner == file) {
            best = best.min(Sees::FileAlone);
        }
        if let Some(rest) = below(directory, &inner) {
            let inside = cleaned(&format!("{}/{rest}", mount.mount_path));
            best = best.min(through(&mounts, mount, &inside, volumes, directory, file));
        }
    }
    best
}

/// What a mount shows below its place in the container.
enum Shown {
    /// That path of the node.
    Node(String),
    /// A part of that path, which the environment names.
    PartOf(String),
    Elsewhere,
}

fn shown(mount: &VolumeMount, volumes: &[Volume], rest: &str) -> Shown {
    let host = volumes.iter().find(|volume| volume.name == mount.name).and_then(|volume| volume.host_path.as_ref());
    match (host, mount.sub_path_expr.as_deref().filter(|path| !path.is_empty())) {
        (None, _) => Shown::Elsewhere,
        (Some(host), Some(_)) => Shown::PartOf(cleaned(&host.path)),
        (Some(host), None) => Shown::Node(cleaned(&format!("{}/{}/{rest}", host.path, mount.sub_path.as_deref().unwrap_or("")))),
    }
}

/// What of `path` stands below `root`, component by component.
fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    if root == "/" {
        return path.strip_prefix('/');
    }
    let rest = path.strip_prefix(root)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// How far the mount `by` shows the directory at `inside`, a path of the container: others may lie over it, as deep or deeper. Of two that are as
/// deep (`/in` and `/in/`, which the API takes for two), the runtime decides which is on top.
fn through(mounts: &[&VolumeMount], by: &VolumeMount, inside: &str, volumes: &[Volume], directory: &str, file: Option<&str>) -> Sees {
    let at = |mount: &VolumeMount| cleaned(&mount.mount_path);
    let depth = at(by).len();
    let others = || mounts.iter().copied().filter(|mount| !std::ptr::eq(*mount, by));
    let mut sees = Sees::Yes;
    for mount in others().filter(|mount| at(mount).len() >= depth) {
        let Some(rest) = below(inside, &at(mount)) else { continue };
        let over = match shown(mount, volumes, rest) {
            Shown::Node(path) if path == directory => Sees::Yes,
            Shown::PartOf(_) => Sees::Perhaps,
            _ if at(mount).len() == depth => Sees::Perhaps,
            Shown::Node(_) | Shown::Elsewhere => Sees::No,
        };
        sees = sees.max(over);
    }
    // Within the directory: over the file, or where the output of containers is over any folder of it, another may lie. One that shows the
    // file itself goes on showing the old one when it is rotated.
    let name = file.and_then(|file| below(file, directory)).map(|name| cleaned(&format!("{inside}/{name}")));
    for mount in others() {
        let at = at(mount);
        let hides = match &name {
            Some(name) => *name == at || (at != inside && below(name, &at).is_some() && below(&at, inside).is_some()),
            None => at != inside && below(&at, inside).is_some(),
        };
        let same = below(&at, inside).is_some_and(|rest| match shown(mount, volumes, "") {
            Shown::Node(path) => name.as_ref() != Some(&at) && path == cleaned(&format!("{directory}/{rest}")),
            _ => false,
        });
        if hides && !same {
            sees = sees.max(Sees::Perhaps);
        }
    }
    sees
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
    fn what_may_lie_over_a_directory_or_its_file_leaves_it_open() {
        let with = |over: serde_json::Value, volume: serde_json::Value| {
            let mounts = json!([{"name": "logs", "mountPath": "/var/log"}, over]);
            look(mounts, json!([{"name": "logs", "hostPath": {"path": "/var/log"}}, volume]))
        };
        let host = |path: &str| json!({"name": "over", "hostPath": {"path": path}});
        let at = |path: &str| json!({"name": "over", "mountPath": path});
        let named = json!({"name": "over", "mountPath": "/var/log/kubernetes", "subPathExpr": "$(PART)"});
        assert_eq!(with(named, host("/srv")), Sees::Perhaps);
        assert_eq!(with(at("/var/log/kubernetes/audit.log"), host("/dev/null")), Sees::Perhaps);
        assert_eq!(with(at("/var/log/kubernetes/audit.log"), json!({"name": "over", "emptyDir": {}})), Sees::Perhaps);
        assert_eq!(with(at("/var/log/"), json!({"name": "over", "emptyDir": {}})), Sees::Perhaps);
        assert_eq!(with(at("/var/log/"), host("/var/log")), Sees::Yes);
        assert_eq!(with(at("/var/log/kubernetes/old"), json!({"name": "over", "emptyDir": {}})), Sees::Yes);
        assert_eq!(with(at("/var/log/kubernetes/"), json!({"name": "over", "emptyDir": {}})), Sees::No);
    }

    #[test]
    fn a_volume_that_is_not_mounted_shows_nothing() {
        assert_eq!(look(json!([]), host("/")), Sees::No);
        assert_eq!(look(json!([{"name": "other", "mountPath": "/in"}]), host("/")), Sees::No);
    }
}
