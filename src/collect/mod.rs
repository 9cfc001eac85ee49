//! Reading a cluster: what the [`inventory`] lists, redacted, into a snapshot. It only looks.
//!
//! Two locks hold that promise: [`guard`] is the outermost layer of the client and refuses every request that is not a read, and
//! `clippy.toml` bans the client's write methods. Every request is recorded, every source ends in a documented
//! [`crate::model::SourceState`], and nothing enters the snapshot that the allow-lists of [`redact`] do not name.

mod clock;
mod connect;
mod credentials;
mod discovery;
pub mod guard;
pub mod inventory;
mod manifests;
mod metrics;
mod observed;
mod order;
mod pages;
mod preflight;
pub mod redact;
mod request;
mod rights;
mod run;
mod single;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::client::ClientBuilder;
use kube::config::AuthInfo;

pub use connect::{ConnectError, ConnectOptions, Connection, KubeconfigProblem, connect};
pub use credentials::Credentials;
pub use manifests::{Manifest, ManifestError, manifests};
pub use preflight::{Can, Check, Preflight, preflight, preflight_with};
pub use request::Retries;
pub use rights::ExcessRight;
pub use run::{collect, collect_with};
pub use stored::{NotStored, Stored, source_of, stored_answer, stored_object};

use crate::model::{SourceId, SourceState, ToolIdentity};
use crate::snapshot::SnapshotError;

/// What only tests need.
pub mod testing {
    pub use super::connect::testing::reading_of;
}

/// How to collect.
#[derive(Clone, Debug)]
pub struct CollectOptions {
    /// The name that the operator gives the cluster.
    pub cluster_name: String,
    /// Which program collects.
    pub tool: ToolIdentity,
    /// Objects per page.
    pub page_size: u32,
    /// Sources that are read at the same time.
    pub parallelism: usize,
    /// After this time, whatever is not read yet is recorded as not read.
    pub timeout: Duration,
    /// The longest time for one request.
    pub request_timeout: Duration,
    /// The namespace that is read alone where the identity may read in no other.
    pub namespace: Option<String>,
    /// Whether to send the one request without credentials.
    pub anonymous_request: bool,
    /// How requests are tried again.
    pub retries: Retries,
}

impl CollectOptions {
    /// The usual limits.
    pub fn new(cluster_name: String, tool: ToolIdentity) -> Self {
        Self {
            cluster_name,
            tool,
            page_size: 500,
            parallelism: 8,
            timeout: Duration::from_secs(600),
            request_timeout: Duration::from_secs(60),
            namespace: None,
            anonymous_request: true,
            retries: Retries::default(),
        }
    }
}

/// What is told while collecting.
pub trait Progress: Sync {
    /// How many sources there are; grows when users' own kinds are found.
    fn total(&self, _sources: usize) {}
    /// So many more objects were read.
    fn items(&self, _objects: u64) {}
    /// What became of one source.
    fn source_done(&self, _source: &SourceId, _state: &SourceState) {}
}

/// Nobody listens.
impl Progress for () {}

/// The connections to one cluster.
#[derive(Clone)]
pub struct Clients {
    /// As the identity of the configuration.
    pub authenticated: Client,
    /// The same server without any credentials.
    pub anonymous: Option<Client>,
    /// What is sent with each request of the first, where it is not part of the connection.
    pub credentials: Option<Arc<Credentials>>,
    /// The URL that is asked.
    pub server: String,
    /// SHA-256 of the CA certificate (DER); absent when the system's trust store decides.
    pub ca_sha256: Option<String>,
    /// Whether the configuration switches certificate verification off.
    pub tls_unverified: bool,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clients({})", self.server)
    }
}

impl Clients {
    /// Gets the credentials (a plugin runs now) and prepares the connections; nothing is sent. It takes no longer than `timeout`.
    pub async fn new(mut config: kube::Config, timeout: Duration) -> Result<Self, CollectError> {
        // Our own retry knows the deadline and records every attempt; kube's waits up to 1000 s and does not tell.
        config.default_retry = false;
        config.connect_timeout.get_or_insert(Duration::from_secs(10));
        config.cluster_url = credentials::without_userinfo(&config.cluster_url);
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let ca_sha256 = config.root_cert.as_ref().and_then(|certificates| certificates.first()).map(|der| crate::digest::sha256_hex(der));
        let tls_unverified = config.accept_invalid_certs;
        let mut bare = config.clone();
        // Tokens, client certificates, exec plugins and impersonation are all here; headers could hold an Authorization.
        bare.auth_info = AuthInfo::default();
        bare.headers.clear();
        let client = |why: String| CollectError::Client { server: server.clone(), why };
        let deadline = clock::instant().checked_add(timeout);
        let credentials = Credentials::take(&mut config.auth_info, deadline).await.map_err(|error| client(error.to_string()))?;
        let build = |config| {
            let failed = |error| client(request::chain(&error));
            Ok::<_, CollectError>(ClientBuilder::try_from(config).map_err(failed)?.with_layer(&guard::layer()).build())
        };
        let (authenticated, anonymous) = (build(config)?, Some(build(bare)?));
        Ok(Self { authenticated, anonymous, credentials: credentials.map(Arc::new), server, ca_sha256, tls_unverified })
    }
}

/// Why nothing could be collected. Every text says what failed, on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The configuration does not make a connection.
    #[error(
        "cannot prepare a connection to {server}: {why}; check the cluster and user of the kubeconfig (certificates, tokens, plugins, proxy)"
    )]
    Client {
        /// The URL.
        server: String,
        /// What happened; never what a credential plugin printed.
        why: String,
    },
    /// No answer at all.
    #[error("cannot reach the API server {server}: {why}; check the context, the network and whether the cluster is up")]
    Unreachable {
        /// The URL.
        server: String,
        /// What happened.
        why: String,
    },
    /// The server does not know who asks.
    #[error("the API server {server} does not accept these credentials: {message}; log in again or choose another context")]
    Unauthenticated {
        /// The URL.
        server: String,
        /// The server's words.
        message: String,
    },
    /// Everything was refused, or failed.
    #[error(
        "nothing could be read from {server}: {why}; `kube-hipaa permissions` prints the rights that reading needs, `kube-hipaa preflight` says which are missing"
    )]
    NothingReadable {
        /// The URL.
        server: String,
        /// What became of the first list.
        why: String,
    },
    /// The snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// An allow-list of this program is wrong.
    #[error("an allow-list of this program cannot be read; please report this")]
    AllowList(#[from] redact::KeepError),
    /// A worker thread died.
    #[error("a worker of this program stopped unexpectedly; please report this")]
    Worker(#[from] tokio::task::JoinError),
}

impl CollectError {
    /// Whether this is "nothing could be collected" (exit 3) and not a fault of the disk or of this program.
    pub fn is_nothing_collected(&self) -> bool {
        match self {
            Self::Client { .. } | Self::Unreachable { .. } | Self::Unauthenticated { .. } | Self::NothingReadable { .. } => true,
            Self::Snapshot(_) | Self::AllowList(_) | Self::Worker(_) => false,
        }
    }
}
