//! What of a kubeconfig is used, and whether kubectl would use it: client-go's `ConfirmUsable` (`tools/clientcmd/validation.go`) and what its
//! transport demands and ignores. What kubectl objects to is an error here, because going on would mean to be somebody else than was meant.

use std::io::Read;
use std::path::{Path, PathBuf};

use http::Uri;
use http::uri::Scheme;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecConfig, ExecInteractiveMode, KubeconfigError};

use super::super::credentials::{UNCOMPRESSED, open_regular, user_of_url, without_userinfo};
use super::files::{CLUSTER, CONTEXT, Files, ODD_MODE, USER};
use super::{ConnectError, KubeconfigProblem, wrong};

/// The configuration of one context. `place` is the file that was named, if one was.
pub(super) fn config(files: &Files, context: &str, place: Option<&Path>) -> Result<Config, ConnectError> {
    let of = |kind: &'static str, name: &str| files.origin(kind, name).or(place).map(Path::to_owned);
    if context.is_empty() {
        return Err(wrong(place, KubeconfigProblem::NoContext));
    }
    let chosen = files.config.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.as_ref());
    let (cluster_name, user_name) = chosen.map_or(("", ""), |chosen| (chosen.cluster.as_str(), chosen.user.as_deref().unwrap_or("")));
    let dangling = |what, name: &str| {
        let problem = KubeconfigProblem::Dangling { context: context.to_owned(), what, name: name.to_owned() };
        wrong(of(CONTEXT, context).as_deref(), problem)
    };
    let cluster = files.config.clusters.iter().find(|named| named.name == cluster_name).ok_or_else(|| dangling(CLUSTER, cluster_name))?;
    let user = files.config.auth_infos.iter().find(|named| named.name == user_name);
    if user.is_none() && !user_name.is_empty() {
        return Err(dangling(USER, user_name));
    }
    let (of_cluster, of_user) = (of(CLUSTER, cluster_name), of(USER, user_name));
    let cluster = cluster.cluster.clone().unwrap_or_default();
    let mut config = server(&cluster).map_err(|problem| wrong(of_cluster.as_deref(), problem))?;
    let user = user.and_then(|user| user.auth_info.clone()).unwrap_or_default();
    config.auth_info = identity(user, user_name, &cluster, &config.cluster_url).map_err(|problem| wrong(of_user.as_deref(), problem))?;
    config.cluster_url = without_userinfo(&config.cluster_url);
    if let Some(namespace) = chosen.and_then(|chosen| chosen.namespace.clone()).filter(|namespace| !namespace.is_empty()) {
        config.default_namespace = namespace;
    }
    Ok(config)
}

/// Where the server is and how it is known again.
fn server(cluster: &Cluster) -> Result<Config, KubeconfigProblem> {
    let url = cluster.server.as_deref().ok_or(KubeconfigProblem::Other(KubeconfigError::MissingClusterUrl))?;
    let mut config = Config::new(url_of(url).ok_or(KubeconfigProblem::Url { what: "server" })?);
    if cluster.certificate_authority.is_some() && cluster.certificate_authority_data.is_some() {
        return Err(KubeconfigProblem::Both { what: "certificate-authority and certificate-authority-data" });
    }
    let insecure = cluster.insecure_skip_tls_verify == Some(true);
    if insecure && (cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some()) {
        return Err(KubeconfigProblem::Both { what: "a certificate authority and insecure-skip-tls-verify" });
    }
    config.accept_invalid_certs = insecure;
    config.disable_compression = cluster.disable_compression == Some(true);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.proxy_url = super::proxy::of(cluster.proxy_url.as_deref(), &config.cluster_url)?;
    // Without TLS there is nothing to know again.
    if config.cluster_url.scheme() == Some(&Scheme::HTTPS) {
        config.root_cert = authority(cluster)?;
    } else if let Some(path) = &cluster.certificate_authority {
        readable("its certificate-authority", path)?;
    }
    Ok(config)
}

/// The certificates (DER) that the server is verified with; none where the system's decide.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, KubeconfigProblem> {
    use base64::Engine;
    let none = || KubeconfigProblem::Certificates;
    let pem = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => base64::engine::general_purpose::STANDARD.decode(data).map_err(|_| none())?,
        (None, Some(path)) => readable("its certificate-authority", path)?,
        (None, None) => return Ok(None),
    };
    let found = pem::parse_many(pem).map_err(|_| none())?;
    let certificates: Vec<Vec<u8>> = found.into_iter().filter(|block| block.tag() == "CERTIFICATE").map(pem::Pem::into_contents).collect();
    if certificates.is_empty() { Err(none()) } else { Ok(Some(certificates)) }
}

/// The content of a file that the kubeconfig names. A pipe or a device is refused: it may never end.
fn readable(what: &'static str, path: &str) -> Result<Vec<u8>, KubeconfigProblem> {
    /// No certificate or key comes near this.
    const LARGEST: u64 = 16 * 1024 * 1024;
    let path = PathBuf::from(path);
    let failed = |why| KubeconfigProblem::File { what, path: Some(path.clone()), why };
    let mut content = Vec::new();
    open_regular(&path).map_err(failed)?.take(LARGEST).read_to_end(&mut content).map_err(|error| KubeconfigProblem::File {
        what,
        path: Some(path.clone()),
        why: error.kind().to_string(),
    })?;
    Ok(content)
}

/// Who asks, in the order in which client-go's transport takes it: user and password of the URL, a password, a token, a certificate, a plugin.
fn identity(mut user: AuthInfo, name: &str, cluster: &Cluster, url: &Uri) -> Result<AuthInfo, KubeconfigProblem> {
    let both = |what| Err(KubeconfigProblem::Both { what });
    let has_token = user.token.is_some() || user.token_file.is_some();
    let has_password = user.username.is_some() || user.password.is_some();
    if user.token.is_some() && has_password {
        return both("a token and a password");
    }
    let has_certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
    if has_certificate {
        if user.client_certificate.is_some() && user.client_certificate_data.is_some() {
            return both("client-certificate and client-certificate-data");
        }
        if user.client_key.is_some() && user.client_key_data.is_some() {
            return both("client-key and client-key-data");
        }
        if user.client_key.is_none() && user.client_key_data.is_none() {
            return Err(KubeconfigProblem::NoKey { user: name.to_owned() });
        }
        for (what, path) in [("its client-certificate", &user.client_certificate), ("its client-key", &user.client_key)] {
            path.as_ref().map(|path| readable(what, path)).transpose()?;
        }
    } else {
        // A key without a certificate is never used.
        (user.client_key, user.client_key_data) = (None, None);
    }
    if let Some(exec) = &mut user.exec {
        plugin(exec, cluster)?;
        if user.auth_provider.is_some() {
            return both("a credential plugin and an auth-provider");
        }
    }
    let (who, impersonated) = (
        user.impersonate.is_some(),
        user.impersonate_uid.is_some()
            || user.impersonate_groups.as_ref().is_some_and(|groups| !groups.is_empty())
            || user.impersonate_user_extra.as_ref().is_some_and(|extra| !extra.is_empty()),
    );
    if impersonated && !who {
        return Err(KubeconfigProblem::Impersonation { user: name.to_owned() });
    }
    let is_tls = url.scheme() == Some(&Scheme::HTTPS);
    let identifies = has_token || user.username.is_some() || has_certificate || user.exec.is_some() || user.auth_provider.is_some();
    // Also where the URL names somebody, kubectl asks for a name here.
    if is_tls && !identifies {
        return Err(KubeconfigProblem::NoCredentials { user: name.to_owned() });
    }
    if !is_tls {
        // client-go sends no credentials in the clear: whoever listens would have them.
        user = AuthInfo {
            impersonate: user.impersonate,
            impersonate_uid: user.impersonate_uid,
            impersonate_groups: user.impersonate_groups,
            impersonate_user_extra: user.impersonate_user_extra,
            ..AuthInfo::default()
        };
    }
    if let Some((username, password)) = user_of_url(url) {
        (user.token, user.token_file, user.exec) = (None, None, None);
        (user.username, user.password) = (Some(username), Some(password.into()));
    } else if user.username.is_some() {
        if user.token_file.is_some() {
            return both("a token and a password");
        }
        user.password.get_or_insert_with(|| String::new().into());
        user.exec = None;
    } else if has_token || has_certificate {
        // A plugin is asked only where nothing else says who it is.
        user.exec = None;
    }
    Ok(user)
}

/// A plugin that client-go would start. The cluster is told to it where it wants to know.
fn plugin(exec: &mut ExecConfig, cluster: &Cluster) -> Result<(), KubeconfigProblem> {
    let wrong = |why| Err(KubeconfigProblem::Plugin { why });
    if exec.command.is_none() {
        return wrong("it has no command");
    }
    match exec.api_version.as_deref() {
        Some("client.authentication.k8s.io/v1") if exec.interactive_mode.is_none() && !exec.other.contains_key(ODD_MODE) => {
            return wrong("it has no interactiveMode, which this version of the API asks for");
        }
        Some("client.authentication.k8s.io/v1") => {}
        Some("client.authentication.k8s.io/v1beta1") => {
            exec.interactive_mode.get_or_insert(ExecInteractiveMode::IfAvailable);
        }
        Some(_) => return wrong("its apiVersion is none that kubectl knows: client.authentication.k8s.io/v1 and v1beta1"),
        None => return wrong("it has no apiVersion"),
    }
    if exec.other.contains_key(ODD_MODE) {
        return wrong("its interactiveMode is none of Never, IfAvailable and Always");
    }
    if exec.env.iter().flatten().any(|pair| pair.get("name").is_none_or(String::is_empty)) {
        return wrong("a variable of its env has no name");
    }
    if exec.provide_cluster_info {
        // What is false is left out, as client-go leaves it out.
        let told = Cluster { insecure_skip_tls_verify: cluster.insecure_skip_tls_verify.filter(|skip| *skip), ..cluster.clone() };
        exec.cluster = Some((&told).try_into().map_err(KubeconfigProblem::Other)?);
        if cluster.disable_compression == Some(true) {
            exec.other.insert(UNCOMPRESSED.to_owned(), true.into());
        }
    }
    Ok(())
}

/// A path as Go's `path.Join` leaves it.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A URL as client-go takes it: without a scheme it is plain HTTP, and a query is not part of it.
fn url_of(text: &str) -> Option<Uri> {
    let bare = text.split(['?', '#']).next().unwrap_or("");
    let url = match bare.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            format!("{}://{host}/{}", scheme.to_ascii_lowercase(), clean(path))
        }
        None if bare.trim_end_matches('/').contains('/') => return None,
        None => format!("http://{bare}"),
    };
    let url: Uri = url.parse().ok()?;
    let is_web = url.scheme() == Some(&Scheme::HTTP) || url.scheme() == Some(&Scheme::HTTPS);
    (is_web && url.host().is_some_and(|host| !host.is_empty())).then_some(url)
}
