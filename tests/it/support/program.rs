//! The built program, run as its users run it.

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kube_hipaa::model::Assessment;
use kube_hipaa::snapshot::Snapshot;

use super::control_plane::ControlPlane;

/// Namespace and name of the service account in the shipped manifests.
pub const SERVICE_ACCOUNT: (&str, &str) = ("kube-hipaa", "kube-hipaa");

/// Runs `kube-hipaa` with these arguments, without the caller's own cluster configuration.
pub fn kube_hipaa<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-hipaa"));
    command.args(arguments).env_remove("KUBECONFIG");
    // The plane is on loopback; a proxy of the machine has nothing to do with it.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    command.output().unwrap_or_else(|error| panic!("kube-hipaa cannot be run: {error}"))
}

/// Standard error and output, for a message.
pub fn said(output: &Output) -> String {
    format!("{}\n{}\n{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Applies what `kube-hipaa permissions --for-later -A` prints, the roles of those namespaces that exist as it says, and gives a kubeconfig of
/// the service account in it.
pub fn scanner(plane: &ControlPlane) -> PathBuf {
    let output = kube_hipaa(["permissions", "--for-later", "--all-namespaces"]);
    assert!(output.status.success(), "{}", said(&output));
    let (_, listed) = plane.api("GET", "/api/v1/namespaces", None);
    let names = listed["items"].as_array().into_iter().flatten().filter_map(|one| one["metadata"]["name"].as_str());
    let there: Vec<&str> = names.chain([SERVICE_ACCOUNT.0]).collect();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let of_one_that_exists = |document: &&str| {
        let namespace = document.lines().find_map(|line| line.strip_prefix("  namespace: "));
        namespace.is_none_or(|name| there.contains(&name.trim_matches('"')))
    };
    let documents: Vec<&str> = text.split("\n---\n").filter(of_one_that_exists).collect();
    plane.apply(&documents.join("\n---\n"));
    plane.kubeconfig_for_service_account(SERVICE_ACCOUNT.0, SERVICE_ACCOUNT.1)
}

/// Scans with this kubeconfig into `folder` and gives the exit code and the assessment.
pub fn scan(kubeconfig: &Path, folder: &Path, more: &[&str]) -> (Option<i32>, Assessment) {
    let mut arguments: Vec<&OsStr> =
        vec!["scan".as_ref(), "--quiet".as_ref(), "--kubeconfig".as_ref(), kubeconfig.as_ref(), "-o".as_ref(), folder.as_ref()];
    arguments.extend(more.iter().map(OsStr::new));
    let output = kube_hipaa(arguments);
    let path = folder.join("assessment.json");
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("no assessment.json: {error}\n{}", said(&output)));
    let assessment = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("assessment.json is not an assessment: {error}"));
    (output.status.code(), assessment)
}

/// Collects into a `.zip`, replacing what is there.
pub fn record(kubeconfig: &Path, cluster: &str, path: &Path) -> Result<(), String> {
    let output = kube_hipaa([
        "collect".as_ref(),
        "--force".as_ref(),
        "--cluster-name".as_ref(),
        cluster.as_ref(),
        "--kubeconfig".as_ref(),
        kubeconfig.as_os_str(),
        "-o".as_ref(),
        path.as_os_str(),
    ]);
    if output.status.success() { Ok(()) } else { Err(said(&output)) }
}

/// Every text of a snapshot: its index and all objects.
fn everything_in(snapshot: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let snapshot = Snapshot::open(snapshot)?;
    let mut all = vec![serde_json::to_string(snapshot.index())?];
    for record in &snapshot.index().sources {
        for stored in snapshot.objects(&record.source)? {
            all.push(stored?.json);
        }
    }
    Ok(all)
}

/// An error when a snapshot holds the name of this machine, a folder of it or its user's home.
pub fn nothing_of_this_machine(snapshot: &Path) -> Result<(), Box<dyn Error>> {
    let mut foreign =
        vec![std::env::current_dir()?.display().to_string(), format!("{}/", std::env::temp_dir().display()), "kube-hipaa-plane".to_owned()];
    foreign.extend(std::env::var("HOME"));
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        // As a whole value: a short name is a part of other words.
        foreign.push(format!("\"{}\"", host.trim()));
    }
    for text in everything_in(snapshot)? {
        if let Some(found) = foreign.iter().find(|word| word.len() > 3 && text.contains(word.as_str())) {
            return Err(format!("{found} of this machine stands in {text}").into());
        }
    }
    Ok(())
}
