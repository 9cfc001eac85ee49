//! A real Kubernetes control plane for one test: etcd, the API server and, on request, the controllers, the scheduler
//! and kubelets, on free loopback ports, in a temporary folder, with their own certificate authority.
//!
//! The binary comes from `tests/control-plane/build.sh` (or `KUBE_HIPAA_CONTROL_PLANE`), so every test that uses this
//! is marked `#[ignore = "needs the control plane: make test"]`. Methods panic with what failed and the end of the
//! logs: for a test there is nothing else to do. They block, so call them from ordinary `#[test]` functions.

#[path = "control_plane/api.rs"]
mod api;
#[path = "control_plane/apply.rs"]
mod apply;
#[path = "control_plane/certificates.rs"]
mod certificates;
#[path = "control_plane/kubeadm.rs"]
mod kubeadm;
#[path = "control_plane/options.rs"]
mod options;
#[path = "control_plane/process.rs"]
mod process;
#[path = "control_plane/start.rs"]
mod start;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use api::{Api, segment};
pub use options::{Audit, Encryption, Options, StaticApiServer};
use start::Started;

const POLL: Duration = Duration::from_millis(100);
/// How long a service account may take to appear after its namespace.
const SERVICE_ACCOUNT_LIMIT: Duration = Duration::from_secs(30);
/// Two planes that start together may be given the same free port; the loser tries again.
const ATTEMPTS: u32 = 3;

/// A running plane. Dropping it ends its own processes, the API server before etcd, and removes its folder.
pub struct ControlPlane {
    started: Started,
    kinds: apply::Kinds,
    /// Dropped after the processes, which write to it.
    folder: tempfile::TempDir,
}

impl ControlPlane {
    /// Starts a plane and waits for `/readyz`: about 3 s on two idle cores.
    pub fn start(options: &Options) -> Self {
        for attempt in 1..=ATTEMPTS {
            // Not in /tmp: an audit log there is one that is lost, and is judged so.
            let folder = match tempfile::Builder::new().prefix("kube-hipaa-plane-").tempdir_in("/var/tmp") {
                Ok(folder) => folder,
                Err(error) => panic!("no temporary folder for the control plane: {error}"),
            };
            match start::start(folder.path(), options) {
                Ok(started) => {
                    return Self { started, kinds: apply::Kinds::default(), folder };
                }
                Err(error) if attempt < ATTEMPTS && error.contains("address already in use") => {}
                Err(error) => panic!("the control plane did not start: {error}"),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    /// `https://127.0.0.1:PORT` of the API server.
    pub fn url(&self) -> &str {
        &self.started.place.url
    }

    /// The folder of this plane: logs (`NAME.log`), certificates, kubeconfigs, `audit.log`; `root` is the root folder of
    /// a [`StaticApiServer`]. Gone with the plane.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The minor version of the API server: that of the fixture, or of the binary that `KUBE_HIPAA_CONTROL_PLANE` names.
    pub fn minor(&self) -> u32 {
        let (_, version) = self.api("GET", "/version", None);
        match version["minor"].as_str().and_then(|minor| minor.parse().ok()) {
            Some(minor) => minor,
            None => self.fail(&format!("/version names no minor version: {version}")),
        }
    }

    /// What a component says of its own flags (`--help`).
    pub fn help(&self, component: &str) -> String {
        self.sure(process::help(component))
    }

    /// Name and process id of each component, in the order in which they started.
    pub fn processes(&self) -> Vec<(&str, u32)> {
        self.started.components.processes()
    }

    /// The kubeconfig of an administrator (group `system:masters`, which no authorizer refuses).
    pub fn kubeconfig_admin(&self) -> PathBuf {
        self.started.admin.clone()
    }

    /// A kubeconfig with a new client certificate; files are referred to by absolute path.
    pub fn kubeconfig_for_user(&self, name: &str, groups: &[&str]) -> PathBuf {
        self.sure(self.started.place.kubeconfig(name, groups))
    }

    /// A kubeconfig with a token of this service account, good for one hour (TokenRequest). Waits until it exists.
    pub fn kubeconfig_for_service_account(&self, namespace: &str, name: &str) -> PathBuf {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", segment(namespace), segment(name));
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        });
        let what = format!("a token for the service account {namespace}/{name}");
        let token = self.wait_until(&what, SERVICE_ACCOUNT_LIMIT, || {
            let (_, answer) = self.api("POST", &path, Some(&request));
            Some(answer.pointer("/status/token")?.as_str()?.to_owned())
        });
        self.sure(self.started.place.kubeconfig_for_token(&format!("{namespace}-{name}"), &token))
    }

    /// Creates or updates every object of a multi-document YAML text as the administrator, by server-side apply, and
    /// gives them back as stored: namespaces and CRDs first, else in the order given.
    ///
    /// An object is tried for 30 s while its kind, its namespace or its service account appears; a CRD is waited for.
    /// Namespaced objects without a namespace go to `default`, objects without a name are created, and a `status` is
    /// applied too where there is such a subresource.
    pub fn apply(&self, yaml: &str) -> Vec<Value> {
        self.sure(apply::apply(&self.started.api, &self.kinds, yaml))
    }

    /// [`Self::apply`] for a file, or for all `.yaml`, `.yml` and `.json` files of a folder as one text, by name.
    pub fn apply_path(&self, path: &Path) -> Vec<Value> {
        self.apply(&self.sure(read_manifests(path)))
    }

    /// One request as the administrator: status and body. A body which is no JSON comes as a JSON string. Bodies are
    /// sent as JSON, with PATCH as a merge patch. `path` is sent as it stands and may hold a query.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.sure(request(&self.started.api, method, path, body))
    }

    /// A strategic merge patch as the administrator, which is what `kubectl patch` and `kubectl edit` send. Panics unless it is accepted.
    pub fn patch(&self, path: &str, patch: &Value) -> Value {
        let body = patch.to_string().into_bytes();
        match self.sure(self.started.api.request("PATCH", path, "application/strategic-merge-patch+json", body)) {
            (200, stored) => stored,
            (status, answer) => self.fail(&format!("PATCH {path}: {status} {answer}")),
        }
    }

    /// [`Self::api`] as the identity of a kubeconfig.
    pub fn api_as(&self, kubeconfig: &Path, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.sure(Api::connect(kubeconfig).and_then(|api| request(&api, method, path, body)))
    }

    /// The lines of the audit log so far, oldest first. A line is written when its request has been answered, so the
    /// last one may be a moment late: wait for it.
    pub fn audit_events(&self) -> Vec<Value> {
        self.sure(read_audit_log(&self.started.place.audit_log))
    }

    /// Asks every 100 ms until `check` answers something. Panics after `timeout` with the end of the logs.
    pub fn wait_until<T>(&self, what: &str, timeout: Duration, mut check: impl FnMut() -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = check() {
                return found;
            }
            if begin.elapsed() > timeout {
                self.fail(&format!("not within {} s: {what}", timeout.as_secs()));
            }
            std::thread::sleep(POLL);
        }
    }

    fn sure<T>(&self, result: Result<T, String>) -> T {
        result.unwrap_or_else(|error| self.fail(&error))
    }

    fn fail(&self, reason: &str) -> ! {
        panic!("{reason}\n{}", self.started.components.tails())
    }
}

/// The `kubectl` that is built with the control plane.
pub fn kubectl() -> std::process::Command {
    process::kubectl().unwrap_or_else(|error| panic!("no kubectl: {error}"))
}

fn request(api: &Api, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
    let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    api.request(method, path, content_type, body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
}

fn read_manifests(path: &Path) -> Result<String, String> {
    let trouble = |error: std::io::Error| format!("{} could not be read: {error}", path.display());
    if path.is_file() {
        return std::fs::read_to_string(path).map_err(trouble);
    }
    let entries = std::fs::read_dir(path).map_err(trouble)?.collect::<Result<Vec<_>, _>>().map_err(trouble)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "yaml" || kind == "yml" || kind == "json"));
    files.sort();
    let texts: Vec<String> = files.iter().map(std::fs::read_to_string).collect::<Result<_, _>>().map_err(trouble)?;
    Ok(texts.join("\n---\n"))
}

fn read_audit_log(path: &Path) -> Result<Vec<Value>, String> {
    let trouble = |error: &dyn std::fmt::Display| format!("the audit log {}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| trouble(&error))?;
    // What follows the last newline is still being written.
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(|line| serde_json::from_str(line).map_err(|error| trouble(&error))).collect()
}
