//! Kinds of dangerous reach, each made of one right or of several together.

use super::super::Known;
use super::rights::Atom;
use crate::model::Unseen;

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
    /// Mount paths of nodes.
    CreateVolumes,
    /// Change what is admitted.
    ChangePolicies,
    /// Change settings of the cluster's own parts.
    ChangeSystemConfig,
    /// Read Secrets.
    ReadSecrets,
    /// Act as service accounts.
    BecomeServiceAccounts,
    /// Run commands in pods or reach their ports.
    Exec,
    /// Add containers to running pods.
    EphemeralContainers,
    /// Run pods.
    WriteWorkloads,
    /// Change what is isolated.
    ChangeNetworkPolicies,
    /// Remove traces.
    DeleteEvidence,
}

/// One way to a kind of reach: all of these rights, on servers of these versions.
struct Way {
    all: &'static [Atom],
    versions: Versions,
}

#[derive(Clone, Copy)]
enum Versions {
    All,
    Before(u32),
    From(u32),
}

const fn one(all: &'static [Atom]) -> Way {
    Way { all, versions: Versions::All }
}

impl Way {
    fn is_made_of(&self, held: impl Fn(Atom) -> bool, decisive: impl Fn(Atom) -> bool) -> bool {
        self.all.iter().all(|&atom| held(atom)) && self.all.iter().any(|&atom| decisive(atom))
    }
}

/// Constrained impersonation came with 1.35.
const fn constrained(all: &'static [Atom]) -> Way {
    Way { all, versions: Versions::From(35) }
}

impl Kind {
    /// All kinds, gravest first.
    pub const ALL: [Self; 15] = [
        Self::Everything,
        Self::Impersonate,
        Self::Escalate,
        Self::ProxyNodes,
        Self::ApproveCertificates,
        Self::CreateVolumes,
        Self::ChangePolicies,
        Self::ChangeSystemConfig,
        Self::ReadSecrets,
        Self::BecomeServiceAccounts,
        Self::Exec,
        Self::EphemeralContainers,
        Self::WriteWorkloads,
        Self::ChangeNetworkPolicies,
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
            Self::ProxyNodes => {
                ("proxy-nodes", "reach kubelets", "Run commands in every pod of a node through its kubelet, past the audit log.")
            }
            Self::ApproveCertificates => {
                ("approve-certificates", "issue certificates", "Approve or sign client certificates, for any user or node.")
            }
            Self::CreateVolumes => ("create-volumes", "create volumes", "Create PersistentVolumes, which may be paths of a node."),
            Self::ChangePolicies => (
                "change-policies",
                "change policies",
                "Change admission webhooks and policies, or the labels of namespaces that Pod Security and NetworkPolicies go by.",
            ),
            Self::ChangeSystemConfig => (
                "change-system-config",
                "change settings",
                "Write ConfigMaps of kube-system: name service, network agent, mapping of identities.",
            ),
            Self::ReadSecrets => ("read-secrets", "read Secrets", "Read the content of every Secret, by get, list or watch."),
            Self::BecomeServiceAccounts => {
                ("become-service-accounts", "become accounts", "Act as every service account, by a token of it or by impersonation.")
            }
            Self::Exec => (
                "exec",
                "exec",
                "Run commands in pods, attach to them or reach their ports (pods/exec, attach, portforward, proxy; services/proxy).",
            ),
            Self::EphemeralContainers => ("ephemeral-containers", "add containers", "Add a container to a running pod."),
            Self::WriteWorkloads => (
                "write-workloads",
                "run pods",
                "Create or change pods and what makes them: they mount any Secret and run as any service account.",
            ),
            Self::ChangeNetworkPolicies => {
                ("change-network-policies", "change isolation", "Write NetworkPolicies, or those of a network plugin.")
            }
            Self::DeleteEvidence => ("delete-evidence", "remove traces", "Delete Events, Leases or DaemonSets such as log shippers."),
        }
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        self.words().0
    }

    fn ways(self) -> &'static [Way] {
        use Atom::*;
        match self {
            Self::Everything => const { &[one(&[Everything])] },
            Self::Impersonate => {
                const {
                    &[
                        one(&[ImpersonateUsers]),
                        constrained(&[UserInfo, OnUserInfo]),
                        constrained(&[AnyNode, OnAnyNode]),
                        constrained(&[OwnNode, OnOwnNode]),
                    ]
                }
            }
            Self::Escalate => const { &[one(&[EscalateOrBind])] },
            Self::ProxyNodes => const { &[one(&[NodesProxy])] },
            Self::ApproveCertificates => const { &[one(&[ApproveRequests, ApproveForSigner]), one(&[SignRequests, SignForSigner])] },
            Self::CreateVolumes => const { &[one(&[CreateVolumes])] },
            Self::ChangePolicies => const { &[one(&[AdmissionPolicies]), one(&[ChangeNamespaces])] },
            Self::ChangeSystemConfig => const { &[one(&[SystemConfig])] },
            Self::ReadSecrets => const { &[one(&[ReadSecrets])] },
            Self::BecomeServiceAccounts => {
                const { &[one(&[CreateTokens]), one(&[ImpersonateAccounts]), constrained(&[ServiceAccountMode, OnServiceAccountMode])] }
            }
            // AuthorizePodWebsocketUpgradeCreatePermission: since 1.35 a connection by get needs create too.
            Self::Exec => const { &[one(&[ConnectCreate]), Way { all: &[ConnectGet], versions: Versions::Before(35) }, one(&[Proxy])] },
            Self::EphemeralContainers => const { &[one(&[EphemeralContainers])] },
            Self::WriteWorkloads => const { &[one(&[WriteWorkloads])] },
            Self::ChangeNetworkPolicies => const { &[one(&[NetworkPolicies])] },
            Self::DeleteEvidence => const { &[one(&[DeleteEvidence])] },
        }
    }

    /// Whether rights that `held` knows make up any kind, on servers of some version; `decisive` is asked for at least one of them.
    pub(super) fn any(held: impl Fn(Atom) -> bool, decisive: impl Fn(Atom) -> bool) -> bool {
        Self::ALL.iter().flat_map(|kind| kind.ways()).any(|way| way.is_made_of(&held, &decisive))
    }

    /// Whether rights that `held` knows make up this kind; the rights that do. `decisive` is asked for at least one of them.
    pub(super) fn held(
        self,
        minor: &Known<u32>,
        held: impl Fn(Atom) -> bool,
        decisive: impl Fn(Atom) -> bool,
    ) -> Known<Option<&'static [Atom]>> {
        let mut doubt: Option<&Unseen> = None;
        for way in self.ways() {
            if !way.is_made_of(&held, &decisive) {
                continue;
            }
            match (way.versions, minor) {
                (Versions::All, _) => return Known::Known(Some(way.all)),
                (Versions::Before(limit), Known::Known(minor)) if *minor < limit => return Known::Known(Some(way.all)),
                (Versions::From(limit), Known::Known(minor)) if *minor >= limit => return Known::Known(Some(way.all)),
                (_, Known::Known(_)) => {}
                (_, Known::Unknown(unseen)) => doubt = Some(unseen),
            }
        }
        doubt.map_or(Known::Known(None), |unseen| Known::Unknown(unseen.clone()))
    }
}
