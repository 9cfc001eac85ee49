//! What is judged while values are left out, and what has been kept only since some version: a snapshot that does not say that it was
//! done proves nothing by what it does not hold.

use super::SnapshotIndex;
use super::SourceId;
use super::sources::{
    DESTINATION_RULES, ENGINE_POLICIES, GATEKEEPER_CONFIGS, GRPC_ROUTES, HTTP_ROUTES, INGRESSES, KYVERNO_CEL_EXCEPTIONS,
    KYVERNO_EXCEPTIONS, SECRET_BRINGERS, SECRET_SOURCES, TCP_ROUTES, TLS_ROUTES, UDP_ROUTES,
};

/// One judgement of the collector, or one group of fields whose absence means something. `index.json` names those that a snapshot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judged {
    /// Whether values of variables and words of command lines look like credentials ([`super::LooksLikeCredential`]).
    Credentials,
    /// To which further networks pods are attached: annotations of Multus, GKE and DANM.
    Networks,
    /// What annotations tell the controllers of entrances: redirects, ports with TLS, text that gets into their configuration.
    Entrances,
    /// Where routes of the Gateway API lead.
    Routes,
    /// Under which conditions a policy of an engine is not applied, what exceptions take out, and whether each of its pods enforces it.
    Engines,
    /// When settings that agents read at their start were last changed.
    Changes,
    /// What ReplicaSets of Deployments start, and whether they have pods to make.
    Revisions,
    /// What of a pod's traffic goes past the proxy of its mesh, and every part of a DestinationRule that says how to connect.
    Meshes,
    /// Where stores of secrets are, and when what is brought from them was brought last.
    Secrets,
}

impl Judged {
    /// Everything that the collector of this version does.
    pub const ALL: [Self; 9] = [
        Self::Credentials,
        Self::Networks,
        Self::Entrances,
        Self::Routes,
        Self::Engines,
        Self::Changes,
        Self::Revisions,
        Self::Meshes,
        Self::Secrets,
    ];

    /// As it stands in `index.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Networks => "networks",
            Self::Entrances => "entrances",
            Self::Routes => "routes",
            Self::Engines => "engines",
            Self::Changes => "changes",
            Self::Revisions => "revisions",
            Self::Meshes => "meshes",
            Self::Secrets => "secrets",
        }
    }

    /// What an older snapshot does not tell, for a sentence.
    pub fn what(self) -> &'static str {
        match self {
            Self::Credentials => "whether values that were left out look like credentials",
            Self::Networks => "to which further networks pods are attached",
            Self::Entrances => "what annotations tell the controllers of entrances",
            Self::Routes => "where routes lead",
            Self::Engines => "conditions, exceptions and states of policies",
            Self::Changes => "when settings were last changed",
            Self::Revisions => "what older revisions of Deployments still start",
            Self::Meshes => "what goes past the proxies of a mesh",
            Self::Secrets => "where stores of secrets are, and when secrets were brought from them",
        }
    }

    /// Sources whose objects say less than they seem to where it was not done. None where single columns are unknown instead.
    pub fn sources(self) -> Vec<SourceId> {
        match self {
            Self::Credentials | Self::Networks | Self::Changes | Self::Revisions => Vec::new(),
            Self::Entrances => vec![INGRESSES],
            Self::Meshes => vec![DESTINATION_RULES],
            Self::Secrets => SECRET_BRINGERS.iter().chain(SECRET_SOURCES).cloned().collect(),
            Self::Routes => vec![GRPC_ROUTES, HTTP_ROUTES, TCP_ROUTES, TLS_ROUTES, UDP_ROUTES],
            Self::Engines => {
                ENGINE_POLICIES.iter().cloned().chain([GATEKEEPER_CONFIGS, KYVERNO_CEL_EXCEPTIONS, KYVERNO_EXCEPTIONS]).collect()
            }
        }
    }

    /// Everything, as the collector writes it into the index.
    pub fn all_names() -> Vec<String> {
        let mut names: Vec<String> = Self::ALL.iter().map(|one| one.name().to_owned()).collect();
        names.sort();
        names
    }
}

impl SnapshotIndex {
    /// Whether the collector did that when it took the snapshot.
    pub fn has_judged(&self, what: Judged) -> bool {
        self.judged.iter().flatten().any(|name| name == what.name())
    }
}
