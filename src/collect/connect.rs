//! Which cluster, as whom: kubeconfig files, contexts, impersonation and the identity of a pod, as kubectl understands them.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::credentials::open_regular;

/// What the user said about the cluster.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// A kubeconfig file; absent means KUBECONFIG (several files are merged), then `~/.kube/config`, then the pod's own identity.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it; absent means the current one.
    pub context: Option<String>,
    /// A user to impersonate.
    pub impersonate: Option<String>,
    /// Groups to impersonate.
    pub impersonate_groups: Vec<String>,
}

/// A cluster that can be asked.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its address and the credentials.
    pub config: Config,
    /// What the kubeconfig calls it: the name of the context; `in-cluster` for the pod's own identity.
    pub name: String,
}

/// What is wrong with a kubeconfig.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigProblem {
    /// It is not YAML, or not that of a kubeconfig. The parser's own words quote the lines around, and those hold tokens.
    #[error("it is not a kubeconfig{}", .place.map(|(line, column)| format!(": line {line} column {column}")).unwrap_or_default())]
    Shape {
        /// Line and column.
        place: Option<(u64, u64)>,
    },
    /// It, or a file that it names, cannot be read.
    #[error("{what}{} cannot be read: {why}", .path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    File {
        /// What the file is.
        what: &'static str,
        /// The file, where it is not the kubeconfig itself.
        path: Option<PathBuf>,
        /// Why not.
        why: String,
    },
    /// The context names what the file does not have. Without its user, the cluster would be read as nobody.
    #[error("its context `{context}` names the {what} `{name}`, which is not in it")]
    Dangling {
        /// The context.
        context: String,
        /// `user` or `cluster`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Anything else.
    #[error(transparent)]
    Other(KubeconfigError),
}

impl From<KubeconfigError> for KubeconfigProblem {
    fn from(error: KubeconfigError) -> Self {
        match error {
            KubeconfigError::Parse(error) => Self::Shape { place: error.location().map(|place| (place.line(), place.column())) },
            other => Self::Other(other),
        }
    }
}

/// Why no cluster could be chosen.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig{}", .place.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    Kubeconfig {
        /// The file that was named, if one was.
        place: Option<PathBuf>,
        /// What is wrong with it.
        #[source]
        source: Box<KubeconfigProblem>,
    },
    /// The context does not exist.
    #[error("the kubeconfig has no context `{name}`")]
    Context {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Neither a kubeconfig nor a pod's identity.
    #[error("there is no cluster to ask: no kubeconfig was found, and this is not a pod with a service account")]
    NoCluster {
        /// Why the pod's identity cannot be used.
        #[source]
        source: Box<InClusterError>,
    },
}

impl ConnectError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Kubeconfig { .. } => "Check the file with `kubectl config view`, or name another one with --kubeconfig.".to_owned(),
            Self::Context { known, .. } if known.is_empty() => {
                "The file has no contexts at all; name another one with --kubeconfig.".to_owned()
            }
            Self::Context { known, .. } => format!("Contexts are: {}.", known.join(", ")),
            Self::NoCluster { .. } => {
                "Name a file with --kubeconfig, set KUBECONFIG, or try `kube-hipaa demo`, which needs no cluster.".to_owned()
            }
        }
    }
}

/// Chooses the cluster and reads the credentials; the cluster is not asked yet. An exec credential plugin runs at the first request.
pub async fn connect(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let kubeconfig = match &options.kubeconfig {
        Some(path) => Some(read(path)?),
        None => read_usual()?,
    };
    let (mut config, name) = match kubeconfig {
        Some(kubeconfig) => from_kubeconfig(kubeconfig, options).await?,
        None => match Config::incluster() {
            Ok(config) => (config, "in-cluster".to_owned()),
            Err(source) => return Err(ConnectError::NoCluster { source: Box::new(source) }),
        },
    };
    if options.impersonate.is_some() {
        config.auth_info.impersonate = options.impersonate.clone();
        config.auth_info.impersonate_groups = (!options.impersonate_groups.is_empty()).then(|| options.impersonate_groups.clone());
    }
    Ok(Connection { config, name })
}

fn wrong(place: Option<&Path>, source: KubeconfigProblem) -> ConnectError {
    ConnectError::Kubeconfig { place: place.map(Path::to_owned), source: Box::new(source) }
}

/// Reads one file. A pipe or a device is refused: it may never end.
fn read(path: &Path) -> Result<Kubeconfig, ConnectError> {
    open_regular(path).map_err(|why| wrong(Some(path), KubeconfigProblem::File { what: "it", path: None, why }))?;
    let mut kubeconfig = Kubeconfig::read_from(path).map_err(|error| wrong(Some(path), error.into()))?;
    // An empty text is none: of several files, the first that names a context decides.
    kubeconfig.current_context = kubeconfig.current_context.filter(|name| !name.is_empty());
    Ok(kubeconfig)
}

/// The files of KUBECONFIG, else `~/.kube/config`. Files that are not there are left out, as kubectl does; when none is there, this may be a
/// pod. A file that is there and broken is an error that names it.
#[expect(clippy::disallowed_methods, reason = "where the kubeconfig lies is for the environment to say")]
fn read_usual() -> Result<Option<Kubeconfig>, ConnectError> {
    let named = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let paths: Vec<PathBuf> = match &named {
        Some(value) => std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in &paths {
        if std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            continue;
        }
        let next = read(path)?;
        merged = Some(match merged {
            Some(merged) => merged.merge(next).map_err(|error| wrong(Some(path), error.into()))?,
            None => next,
        });
    }
    Ok(merged)
}

/// What the chosen context leads to is there, and its files are files.
fn check(kubeconfig: &Kubeconfig, context: &str, place: Option<&Path>) -> Result<(), ConnectError> {
    let named = kubeconfig.contexts.iter().find(|named| named.name == context);
    let Some(chosen) = named.and_then(|named| named.context.as_ref()) else { return Ok(()) };
    let dangling = |what, name: &str| {
        let problem = KubeconfigProblem::Dangling { context: context.to_owned(), what, name: name.to_owned() };
        Err(wrong(place, problem))
    };
    let Some(cluster) = kubeconfig.clusters.iter().find(|named| named.name == chosen.cluster) else {
        return dangling("cluster", &chosen.cluster);
    };
    let user = chosen.user.as_deref().unwrap_or("");
    let found = kubeconfig.auth_infos.iter().find(|named| named.name == user);
    if found.is_none() && !user.is_empty() {
        return dangling("user", user);
    }
    let auth = found.and_then(|named| named.auth_info.as_ref());
    let authority = cluster.cluster.as_ref().filter(|cluster| cluster.certificate_authority_data.is_none());
    let files = [
        ("its certificate-authority", authority.and_then(|cluster| cluster.certificate_authority.as_ref())),
        (
            "its client-certificate",
            auth.filter(|auth| auth.client_certificate_data.is_none()).and_then(|auth| auth.client_certificate.as_ref()),
        ),
        ("its client-key", auth.filter(|auth| auth.client_key_data.is_none()).and_then(|auth| auth.client_key.as_ref())),
    ];
    for (what, file) in files {
        if let Some(file) = file.filter(|file| !file.is_empty()) {
            let path = PathBuf::from(file);
            open_regular(&path).map_err(|why| wrong(place, KubeconfigProblem::File { what, path: Some(path.clone()), why }))?;
        }
    }
    Ok(())
}

async fn from_kubeconfig(kubeconfig: Kubeconfig, options: &ConnectOptions) -> Result<(Config, String), ConnectError> {
    let known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let name = options.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    if !name.is_empty() && !known.contains(&name) {
        return Err(ConnectError::Context { name, known });
    }
    check(&kubeconfig, &name, options.kubeconfig.as_deref())?;
    let chosen = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &chosen)
        .await
        .map_err(|error| ConnectError::Kubeconfig { place: options.kubeconfig.clone(), source: Box::new(error.into()) })?;
    Ok((config, name))
}
