//! Which cluster, as whom: kubeconfig files, contexts, impersonation and the identity of a pod, as kubectl understands them.

mod files;
mod proxy;
mod usable;

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{InClusterError, KubeconfigError};

use files::Files;

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
    /// Nothing says which context is meant.
    #[error("it names no current context, and none was asked for with --context")]
    NoContext,
    /// Its kind or version is another.
    #[error("it is of another kind or version than a kubeconfig (kind Config, apiVersion v1)")]
    Kind,
    /// Two of one name: which one is meant?
    #[error("it has two {what}s with the name `{name}`")]
    Twice {
        /// `context`, `user` or `cluster`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Bytes that are none.
    #[error("a field {what} in it is not base64")]
    Base64 {
        /// The field.
        what: &'static str,
    },
    /// The address of the server or of a proxy.
    #[error("its {what} is no URL that can be used")]
    Url {
        /// Which.
        what: &'static str,
    },
    /// Two things that exclude each other.
    #[error("it says {what}; only one of the two can be meant")]
    Both {
        /// Which.
        what: &'static str,
    },
    /// The certificate authority holds no certificate.
    #[error("its certificate authority holds no certificate in PEM")]
    Certificates,
    /// A certificate without its key.
    #[error("its user `{user}` has a client certificate and no key to it")]
    NoKey {
        /// The user.
        user: String,
    },
    /// Groups of nobody.
    #[error("its user `{user}` impersonates groups, a uid or more, and no user")]
    Impersonation {
        /// The user.
        user: String,
    },
    /// Nothing says who asks. kubectl would ask for a name and a password.
    #[error("its user `{user}` has no credentials: no token, certificate, plugin or password")]
    NoCredentials {
        /// The user.
        user: String,
    },
    /// A plugin that kubectl would not start.
    #[error("its credential plugin cannot be used: {why}")]
    Plugin {
        /// Why not.
        why: &'static str,
    },
    /// Anything else.
    #[error(transparent)]
    Other(KubeconfigError),
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
    let files = match &options.kubeconfig {
        Some(path) => Some(files::read(path)?),
        None => files::read_all(&usual())?,
    };
    let mut connection = match files {
        Some(files) => chosen(&files, options)?,
        None => {
            let mut config = Config::incluster().map_err(|source| ConnectError::NoCluster { source: Box::new(source) })?;
            config.proxy_url = proxy::of(None, &config.cluster_url).map_err(|problem| wrong(None, problem))?;
            Connection { config, name: "in-cluster".to_owned() }
        }
    };
    if options.impersonate.is_some() {
        let auth = &mut connection.config.auth_info;
        auth.impersonate.clone_from(&options.impersonate);
        // As with kubectl, what the flags do not say stays as it is in the kubeconfig.
        if !options.impersonate_groups.is_empty() {
            auth.impersonate_groups = Some(options.impersonate_groups.clone());
        }
    }
    Ok(connection)
}

fn wrong(place: Option<&Path>, source: KubeconfigProblem) -> ConnectError {
    ConnectError::Kubeconfig { place: place.map(Path::to_owned), source: Box::new(source) }
}

/// The files of KUBECONFIG, else `~/.kube/config`.
#[expect(clippy::disallowed_methods, reason = "where the kubeconfig lies is for the environment to say")]
fn usual() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        Some(value) => std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect(),
    }
}

/// What the files say of the context that is asked for.
fn chosen(files: &Files, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let known: Vec<String> = files.config.contexts.iter().map(|context| context.name.clone()).collect();
    let name = options.context.clone().or_else(|| files.config.current_context.clone()).unwrap_or_default();
    if !name.is_empty() && !known.contains(&name) {
        return Err(ConnectError::Context { name, known });
    }
    Ok(Connection { config: usable::config(files, &name, options.kubeconfig.as_deref())?, name })
}

/// What is read of kubeconfigs, for tests that compare it with what kubectl reads.
pub(super) mod testing {
    use super::{ConnectError, ConnectOptions, Connection, PathBuf, chosen, files};

    /// What these files, merged in this order, say of a context; absent when none of them is there.
    pub fn reading_of(paths: &[PathBuf], options: &ConnectOptions) -> Result<Option<Connection>, ConnectError> {
        files::read_all(paths)?.map(|files| chosen(&files, options)).transpose()
    }
}
