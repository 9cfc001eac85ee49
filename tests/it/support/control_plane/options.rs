//! What a test may ask of its control plane.

use std::collections::BTreeMap;

/// What to start. The default is etcd and an API server: RBAC, audit of every request, no encryption.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Added after the fixture's own flags; the last of two equal flags wins.
    pub api_server_flags: Vec<String>,
    /// What the audit log holds.
    pub audit: Audit,
    /// How Secrets lie in etcd.
    pub encryption: Encryption,
    /// `--anonymous-auth`; `None` leaves the flag out, which the server reads as `true`.
    pub anonymous_auth: Option<bool>,
    /// Feature gates of the API server.
    pub feature_gates: Vec<(String, bool)>,
    /// Deployments become pods, namespaces get their default service account, aggregated ClusterRoles are filled.
    pub with_controller_manager: bool,
    /// Added after the fixture's own flags.
    pub controller_manager_flags: Vec<String>,
    /// Pods are bound to nodes.
    pub with_scheduler: bool,
    /// A node name and its static pods (YAML or JSON each). The real kubelet over a fake container runtime: every
    /// image runs. Without any, the controllers that evict pods from silent nodes are off, so nodes may be invented.
    pub kubelets: Vec<(String, Vec<String>)>,
    /// By node name: a KubeletConfiguration (YAML) whose fields replace the kubelet's defaults. `/configz` shows them;
    /// this kubelet itself authenticates nobody and listens on every interface, which only a test may do.
    pub kubelet_configs: BTreeMap<String, String>,
    /// Run the API server with the command line of its static pod instead of the fixture's own flags.
    pub static_api_server: Option<StaticApiServer>,
}

/// An API server whose command line is the one that its mirror pod shows.
///
/// It gets a root folder of its own with every file where a flag names it: certificates and keys, [`Options::audit`] as
/// the policy, [`Options::encryption`] as the configuration. Only ports are replaced, and it listens on loopback.
#[derive(Debug, Clone, Default)]
pub struct StaticApiServer {
    /// The static pod, as kubeadm writes it.
    pub manifest: String,
    /// The node of [`Options::kubelets`] whose kubelet gets the manifest, with the ports in use.
    pub node: String,
    /// Prefer the ports that kubeadm uses, where they are free: for a recording that shall not differ from the last one
    /// by its ports.
    pub usual_ports: bool,
}

/// What the audit log holds.
#[derive(Debug, Clone, Default)]
pub enum Audit {
    /// Level Metadata for every request, one line when it is answered.
    #[default]
    Metadata,
    /// This policy file.
    Policy(String),
    /// No audit log.
    Off,
}

impl Audit {
    pub(super) fn policy(&self) -> Option<&str> {
        match self {
            Self::Metadata => Some(METADATA),
            Self::Policy(policy) => Some(policy),
            Self::Off => None,
        }
    }
}

const METADATA: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// How Secrets lie in etcd.
#[derive(Debug, Clone, Default)]
pub enum Encryption {
    /// No `--encryption-provider-config`.
    #[default]
    None,
    /// Secrets by secretbox; identity reads what is older.
    Secretbox,
    /// This configuration file.
    Config(String),
}

impl Encryption {
    pub(super) fn config(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Secretbox => Some(SECRETBOX),
            Self::Config(config) => Some(config),
        }
    }
}

// The key is 32 zero bytes: it guards nothing but a test.
const SECRETBOX: &str = "\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox:
      keys:
      - name: test
        secret: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
  - identity: {}
";
