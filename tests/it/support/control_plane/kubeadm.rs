//! An API server that runs with the command line of its static pod.
//!
//! The flags name files where kubeadm puts them (`/etc/kubernetes/pki/ca.crt` and so on). So the server gets a root folder
//! of its own in which exactly these files lie, and the command line, `/flagz` and the mirror pod all say the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::certificates::Authority;
use super::options::Options;

/// The server's root folder, within the folder of the plane.
pub(super) const ROOT: &str = "root";

/// A static pod with the addresses and ports in use.
pub(super) struct Rendered {
    /// What the kubelet gets.
    pub(super) manifest: String,
    /// The flags in it.
    pub(super) flags: Vec<String>,
}

/// Puts the ports in use into the manifest, and loopback as the only address that the server listens on.
pub(super) fn render(manifest: &str, etcd: u16, port: u16) -> Result<Rendered, String> {
    let mut lines = Vec::new();
    for line in manifest.lines() {
        let (indent, text) = line.split_at(line.len() - line.trim_start().len());
        let replaced = |flag: &str, value: &str| text.starts_with(&format!("- --{flag}=")).then(|| format!("{indent}- --{flag}={value}"));
        if let Some(line) = replaced("secure-port", &port.to_string()) {
            lines.push(line);
        } else if let Some(line) = replaced("etcd-servers", &format!("https://127.0.0.1:{etcd}")) {
            lines.push(line);
        } else if text == "port: 6443" {
            lines.push(format!("{indent}port: {port}"));
        } else {
            lines.push(line.to_owned());
            if text.starts_with("- --authorization-mode=") {
                lines.push(format!("{indent}- --bind-address=127.0.0.1"));
            }
        }
    }
    let manifest = lines.join("\n") + "\n";
    let pod: Value = serde_saphyr::from_str(&manifest).map_err(|error| format!("the static pod of the API server is not YAML: {error}"))?;
    let words =
        pod.pointer("/spec/containers/0/command").and_then(Value::as_array).ok_or("the static pod of the API server has no command")?;
    let flags: Vec<String> = words.iter().filter_map(Value::as_str).skip(1).map(str::to_owned).collect();
    for wanted in ["secure-port", "etcd-servers", "bind-address"] {
        if value(&flags, wanted).is_none() {
            return Err(format!("the static pod of the API server does not set --{wanted}, --authorization-mode or both"));
        }
    }
    Ok(Rendered { manifest, flags })
}

fn value<'a>(flags: &'a [String], name: &str) -> Option<&'a str> {
    let prefix = format!("--{name}=");
    flags.iter().find_map(|flag| flag.strip_prefix(&prefix))
}

/// The path of the audit log, from outside the root folder.
pub(super) fn audit_log(root: &Path, flags: &[String]) -> Option<PathBuf> {
    value(flags, "audit-log-path").map(|path| inside(root, path))
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// What the plane shares with its API server.
pub(super) struct Keys<'a> {
    pub(super) authority: &'a Authority,
    pub(super) token_key: &'a str,
    pub(super) token_public_key: &'a str,
}

/// Writes every file that the flags name. A flag with a path that is not known here is an error.
pub(super) fn furnish(root: &Path, flags: &[String], options: &Options, keys: &Keys<'_>) -> Result<(), String> {
    let front_proxy = Authority::new()?;
    let etcd = keys.authority.client("kube-apiserver-etcd-client", &[])?;
    let kubelet = keys.authority.client("kube-apiserver-kubelet-client", &["kubeadm:cluster-admins"])?;
    let proxy = front_proxy.client("front-proxy-client", &[])?;
    let server = keys.authority.server()?;
    // The server's temporary folder.
    make(&root.join("tmp"))?;
    for flag in flags {
        let Some((name, path)) = flag.trim_start_matches('-').split_once('=') else {
            continue;
        };
        if !path.starts_with('/') {
            continue;
        }
        let place = inside(root, path);
        let parent = place.parent().unwrap_or(root);
        make(parent)?;
        let needed =
            |what: Option<&str>| what.map(str::to_owned).ok_or_else(|| format!("--{name} is set, and the options give nothing for it"));
        let content = match name {
            "audit-log-path" => continue,
            "client-ca-file" | "etcd-cafile" => keys.authority.pem(),
            "etcd-certfile" => etcd.certificate.clone(),
            "etcd-keyfile" => etcd.key.clone(),
            "kubelet-client-certificate" => kubelet.certificate.clone(),
            "kubelet-client-key" => kubelet.key.clone(),
            "requestheader-client-ca-file" => front_proxy.pem(),
            "proxy-client-cert-file" => proxy.certificate.clone(),
            "proxy-client-key-file" => proxy.key.clone(),
            "service-account-key-file" => keys.token_public_key.to_owned(),
            "service-account-signing-key-file" => keys.token_key.to_owned(),
            "tls-cert-file" => server.certificate.clone(),
            "tls-private-key-file" => server.key.clone(),
            "audit-policy-file" => needed(options.audit.policy())?,
            "encryption-provider-config" => needed(options.encryption.config())?,
            _ => return Err(format!("--{name} names a file that is not known here: {path}")),
        };
        fs::write(&place, content).map_err(|error| format!("{} could not be written: {error}", place.display()))?;
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{} could not be made: {error}", folder.display()))
}
