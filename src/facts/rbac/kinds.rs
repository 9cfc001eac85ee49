//! Kinds of dangerous reach, each made of one right or of several together.

use super::super::Known;
use super::rights::Atom;
use super::server::{Gate, Server};

/// A kind of dangerous reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Any verb on any resource.
    Everything,
    /// Act as users or groups.
    Impersonate,
    /// Give rights that one does not hold.
    Escalate,
    /// Speak to kubelets.
    ProxyNodes,
    /// Issue client certificates.
    ApproveCertificates,
    /// Stand between the API server and objects.
    ChangeApis,
    /// Mount paths of nodes, and volumes of others.
    CreateVolumes,
    /// Change what is admitted.
    ChangePolicies,
    /// Decide where pods run and where the API server finds kubelets.
    ChangeNodes,
    /// Change settings of the cluster's own parts.
    ChangeSystemConfig,
    /// Read Secrets.
    ReadSecrets,
    /// Act as service accounts.
    BecomeServiceAccounts,
    /// Act as named users.
    ImpersonateNamed,
    /// Run commands in pods or reach their ports.
    Exec,
    /// Add containers to running pods.
    EphemeralContainers,
    /// Run pods.
    WriteWorkloads,
    /// Overwrite or delete Secrets.
    ChangeSecrets,
    /// Decide where traffic goes.
    RedirectTraffic,
    /// Change what is isolated.
    ChangeNetworkPolicies,
    /// Delete stored data and its copies.
    DeleteData,
    /// Delete copies of data.
    DeleteBackups,
    /// Have tools of deployment act with their own rights.
    DeployByTools,
    /// Read logs.
    ReadLogs,
    /// Remove traces.
    DeleteEvidence,
}

/// One way to a kind of reach: all of these rights, where the server's gate leaves it open.
pub(super) struct Way {
    all: &'static [Atom],
    open: Open,
}

/// What the server has to leave open for a way.
#[derive(Clone, Copy)]
enum Open {
    Always,
    By(&'static Gate),
    /// It takes bootstrap tokens, and their groups may have a node's certificate.
    ForBootstrapTokens,
}

const fn one(all: &'static [Atom]) -> Way {
    Way { all, open: Open::Always }
}

impl Way {
    fn is_made_of(&self, held: impl Fn(Atom) -> bool, decisive: impl Fn(Atom) -> bool) -> bool {
        // What decides is asked first: it is one grant, and what is held may be thousands.
        self.all.iter().any(|&atom| decisive(atom)) && self.all.iter().all(|&atom| held(atom))
    }
}

/// KEP-5284.
pub(super) const CONSTRAINED: Gate = Gate { name: "ConstrainedImpersonation", opens: true, exists_from: 35, on_from: 36 };
/// With it, a connection by `get` needs `create` too.
const WEBSOCKETS: Gate = Gate { name: "AuthorizePodWebsocketUpgradeCreatePermission", opens: false, exists_from: 35, on_from: 35 };

const fn constrained(all: &'static [Atom]) -> Way {
    Way { all, open: Open::By(&CONSTRAINED) }
}

const fn by_get(all: &'static [Atom]) -> Way {
    Way { all, open: Open::By(&WEBSOCKETS) }
}

const fn by_bootstrap_token(all: &'static [Atom]) -> Way {
    Way { all, open: Open::ForBootstrapTokens }
}

/// A program of one's own choice in a running pod, which finds the token of the pod's account.
pub(super) const SHELL: &[Way] =
    &[one(&[Atom::ShellCreate]), by_get(&[Atom::ShellGet]), one(&[Atom::EphemeralContainers]), one(&[Atom::ChangePods])];

impl Kind {
    /// All kinds, gravest first.
    pub const ALL: [Self; 24] = [
        Self::Everything,
        Self::Impersonate,
        Self::Escalate,
        Self::ProxyNodes,
        Self::ApproveCertificates,
        Self::ChangeApis,
        Self::CreateVolumes,
        Self::ChangePolicies,
        Self::ChangeNodes,
        Self::ChangeSystemConfig,
        Self::ReadSecrets,
        Self::BecomeServiceAccounts,
        Self::ImpersonateNamed,
        Self::DeployByTools,
        Self::Exec,
        Self::EphemeralContainers,
        Self::WriteWorkloads,
        Self::ChangeSecrets,
        Self::RedirectTraffic,
        Self::ChangeNetworkPolicies,
        Self::DeleteData,
        Self::DeleteBackups,
        Self::ReadLogs,
        Self::DeleteEvidence,
    ];

    /// Its id, a label of two or three words, and what it lets somebody do.
    pub fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Everything => {
                ("everything", "everything", "Any verb on any resource, now and in future; all other kinds are part of it.")
            }
            Self::Impersonate => ("impersonate", "act as others", "Send requests in the name of other users, groups or nodes."),
            Self::Escalate => {
                ("escalate", "grant rights", "Write roles or bindings that give more than one holds (verbs escalate and bind).")
            }
            Self::ProxyNodes => (
                "proxy-nodes",
                "reach kubelets",
                "Run commands in every pod of a node through its kubelet; requests straight to the kubelet stand in no audit log.",
            ),
            Self::ApproveCertificates => (
                "approve-certificates",
                "issue certificates",
                "Approve or sign client certificates, for nearly any user or group, or for a node, by the signer.",
            ),
            Self::ChangeApis => (
                "change-apis",
                "serve APIs",
                "Change APIServices or CustomResourceDefinitions: a program of one's own then answers for every object of a group.",
            ),
            Self::CreateVolumes => (
                "create-volumes",
                "write volumes",
                "Write PersistentVolumes or contents of snapshots: paths of a node, and volumes that belonged to others.",
            ),
            Self::ChangePolicies => (
                "change-policies",
                "change policies",
                "Change admission webhooks and policies, or the labels of namespaces that Pod Security and NetworkPolicies go by.",
            ),
            Self::ChangeNodes => (
                "change-nodes",
                "steer pods",
                "Change nodes (labels, taints, the address of the kubelet) or bind pods to them: where ePHI is processed.",
            ),
            Self::ChangeSystemConfig => (
                "change-system-config",
                "change settings",
                "Write ConfigMaps of kube-system (name service, network agent, mapping of identities) or ClusterTrustBundles.",
            ),
            Self::ReadSecrets => (
                "read-secrets",
                "read Secrets",
                "Read the content of every Secret: by get, list and watch, and by patch and delete, whose answers hold it.",
            ),
            Self::BecomeServiceAccounts => (
                "become-service-accounts",
                "become accounts",
                "Act as every service account: by a token, by a Secret that is filled with one, by impersonation, or as a node that one registers.",
            ),
            Self::ImpersonateNamed => {
                ("impersonate-named", "act as named users", "Send requests in the name of users that the role names.")
            }
            Self::Exec => (
                "exec",
                "exec",
                "Run commands in pods, attach to them or reach their ports (pods/exec, attach, portforward, proxy; services/proxy).",
            ),
            Self::EphemeralContainers => (
                "ephemeral-containers",
                "add containers",
                "Add a container to a running pod, or put another image into one of its containers.",
            ),
            Self::WriteWorkloads => (
                "write-workloads",
                "run pods",
                "Create pods, or create or change what makes them: they mount any Secret and run as any service account.",
            ),
            Self::ChangeSecrets => {
                ("change-secrets", "overwrite Secrets", "Overwrite or delete any Secret, credentials and keys among them.")
            }
            Self::RedirectTraffic => (
                "redirect-traffic",
                "redirect traffic",
                "Change Services, their endpoints, Ingresses or routes: traffic with ePHI goes where the holder wants.",
            ),
            Self::ChangeNetworkPolicies => {
                ("change-network-policies", "change isolation", "Write NetworkPolicies, or those of a network plugin.")
            }
            Self::DeleteData => (
                "delete-data",
                "delete data",
                "Delete or overwrite claims and volumes, or delete snapshots, backups, StatefulSets or the whole namespace.",
            ),
            Self::DeleteBackups => {
                ("delete-backups", "delete backups", "Delete backups, or change where they are kept and how often they are made.")
            }
            Self::DeployByTools => (
                "deploy-by-tools",
                "deploy by tools",
                "Write what a deployment tool carries out with its own rights, which often are those of the whole cluster.",
            ),
            Self::ReadLogs => ("read-logs", "read logs", "Read what containers wrote to their logs, or log files of nodes."),
            Self::DeleteEvidence => {
                ("delete-evidence", "remove traces", "Delete or overwrite Events, or delete Leases or DaemonSets such as log shippers.")
            }
        }
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        self.words().0
    }

    /// Whether whoever has it in the whole cluster or in kube-system can make itself its administrator.
    pub(super) fn takes_over(self) -> bool {
        match self {
            Self::Everything
            | Self::Impersonate
            | Self::Escalate
            | Self::ProxyNodes
            | Self::ApproveCertificates
            | Self::ChangeApis
            | Self::CreateVolumes
            | Self::ChangePolicies
            | Self::ChangeNodes
            | Self::ChangeSystemConfig
            | Self::ReadSecrets
            | Self::BecomeServiceAccounts
            | Self::Exec
            | Self::EphemeralContainers
            | Self::WriteWorkloads
            | Self::DeployByTools => true,
            Self::ImpersonateNamed
            | Self::ChangeSecrets
            | Self::RedirectTraffic
            | Self::ChangeNetworkPolicies
            | Self::DeleteData
            | Self::DeleteBackups
            | Self::ReadLogs
            | Self::DeleteEvidence => false,
        }
    }

    fn ways(self) -> &'static [Way] {
        use Atom::*;
        match self {
            Self::Everything => const { &[one(&[Everything])] },
            Self::Impersonate => {
                const {
                    &[
                        one(&[ImpersonateUsers]),
                        one(&[ImpersonateMasters, ImpersonateNamed]),
                        one(&[ImpersonateMasters, ImpersonateAnAccount]),
                        one(&[ImpersonateANode, ImpersonateNodes]),
                        constrained(&[UserInfo, OnUserInfo]),
                        constrained(&[AnyNode, OnAnyNode]),
                        constrained(&[OwnNode, OnOwnNode]),
                    ]
                }
            }
            Self::Escalate => const { &[one(&[EscalateOrBind])] },
            Self::ProxyNodes => const { &[one(&[NodesProxy])] },
            Self::ApproveCertificates => {
                const {
                    &[
                        one(&[ApproveRequests, ApproveForSigner]),
                        one(&[SignRequests, SignForSigner]),
                        // The controller manager approves a request for a kubelet's certificate, of any node, by itself where the one who asks
                        // has this right (`pkg/controller/certificates/approver/sarapprove.go`).
                        one(&[CreateRequests, NodeClient]),
                    ]
                }
            }
            Self::ChangeApis => const { &[one(&[WriteApis])] },
            Self::CreateVolumes => const { &[one(&[WriteVolumes])] },
            Self::ChangePolicies => const { &[one(&[AdmissionPolicies]), one(&[ChangeNamespaces])] },
            Self::ChangeNodes => const { &[one(&[SteerPods])] },
            Self::ChangeSystemConfig => const { &[one(&[SystemConfig]), one(&[TrustBundles])] },
            Self::ReadSecrets => const { &[one(&[ReadSecrets])] },
            Self::BecomeServiceAccounts => {
                const {
                    &[
                        one(&[CreateTokens]),
                        one(&[ImpersonateAccounts]),
                        // A Secret of the type kubernetes.io/service-account-token is filled by the controller manager; its maker chooses
                        // the name and so may read it where one name is allowed.
                        one(&[CreateSecrets, ReadASecret]),
                        // A Secret of kube-system that is a bootstrap token makes whoever writes it a member of the groups that it names. Where
                        // these have certificates of nodes, of whichever name, the node has the tokens of all accounts whose pods run on it
                        // (`plugin/pkg/auth/authenticator/token/bootstrap`, `plugin/pkg/auth/authorizer/node`).
                        by_bootstrap_token(&[BootstrapTokens]),
                        constrained(&[ServiceAccountMode, OnServiceAccountMode]),
                    ]
                }
            }
            Self::ImpersonateNamed => const { &[one(&[ImpersonateNamed]), constrained(&[UserInfoNamed, OnUserInfo])] },
            Self::Exec => {
                const { &[one(&[ShellCreate]), one(&[ForwardCreate]), by_get(&[ShellGet]), by_get(&[ForwardGet]), one(&[Proxy])] }
            }
            Self::EphemeralContainers => const { &[one(&[EphemeralContainers]), one(&[ChangePods])] },
            Self::WriteWorkloads => const { &[one(&[WriteWorkloads])] },
            Self::ChangeSecrets => const { &[one(&[ChangeSecrets])] },
            Self::RedirectTraffic => const { &[one(&[RedirectTraffic])] },
            Self::ChangeNetworkPolicies => const { &[one(&[NetworkPolicies])] },
            Self::DeleteData => const { &[one(&[DeleteData])] },
            Self::DeleteBackups => const { &[one(&[DeleteBackups])] },
            Self::DeployByTools => const { &[one(&[DeployByTools])] },
            Self::ReadLogs => const { &[one(&[ReadLogs])] },
            Self::DeleteEvidence => const { &[one(&[DeleteEvidence])] },
        }
    }

    /// Whether rights that `held` knows make up any kind, on servers of some version; `decisive` is asked for at least one of them.
    pub(super) fn any(held: impl Fn(Atom) -> bool, decisive: impl Fn(Atom) -> bool) -> bool {
        // Whoever may bind a role for reading, by its name, grants nothing grave by the logs that readers see.
        let grave = Self::ALL.iter().filter(|kind| **kind != Self::ReadLogs);
        grave.flat_map(|kind| kind.ways()).any(|way| way.is_made_of(&held, &decisive))
    }

    /// Whether rights that `held` knows make up this kind; the rights that do. `decisive` is asked for at least one of them.
    pub(super) fn held(
        self,
        server: &Server,
        held: impl Fn(Atom) -> bool,
        decisive: impl Fn(Atom) -> bool,
    ) -> Known<Option<&'static [Atom]>> {
        first_way(self.ways(), server, held, decisive)
    }
}

/// The first of some ways that is made of rights that `held` knows, one of them `decisive`.
pub(super) fn first_way(
    ways: &'static [Way],
    server: &Server,
    held: impl Fn(Atom) -> bool,
    decisive: impl Fn(Atom) -> bool,
) -> Known<Option<&'static [Atom]>> {
    let mut doubt = None;
    for way in ways.iter().filter(|way| way.is_made_of(&held, &decisive)) {
        let open = match way.open {
            Open::Always => Known::Known(true),
            Open::By(gate) => server.leaves_open(gate),
            Open::ForBootstrapTokens => server.bootstrap.clone(),
        };
        match open {
            Known::Known(true) => return Known::Known(Some(way.all)),
            Known::Known(false) => {}
            Known::Unknown(unseen) => doubt = Some(unseen),
        }
    }
    doubt.map_or(Known::Known(None), Known::Unknown)
}
