//! Which cluster, as whom: kubeconfig files, contexts, impersonation and the identity of a pod, as kubectl understands them.

use std::path::PathBuf;

use kube::Config;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};

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
    let failed = |error: KubeconfigError| ConnectError::Kubeconfig { place: options.kubeconfig.clone(), source: Box::new(error.into()) };
    let kubeconfig = match &options.kubeconfig {
        Some(path) => Some(Kubeconfig::read_from(path).map_err(failed)?),
        None => match Kubeconfig::read() {
            Ok(kubeconfig) => Some(kubeconfig),
            // A file that is there and broken is an error; one that is not there means that we may be in a pod.
            Err(KubeconfigError::FindPath) => None,
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        },
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

async fn from_kubeconfig(kubeconfig: Kubeconfig, options: &ConnectOptions) -> Result<(Config, String), ConnectError> {
    let known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let name = options.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    if !name.is_empty() && !known.contains(&name) {
        return Err(ConnectError::Context { name, known });
    }
    let chosen = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &chosen)
        .await
        .map_err(|error| ConnectError::Kubeconfig { place: options.kubeconfig.clone(), source: Box::new(error.into()) })?;
    Ok((config, name))
}
