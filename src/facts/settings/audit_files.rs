//! Where the API servers write their audit logs, for whoever asks what reads them there.

use super::not_visible;
use super::places::{OnHost, Place};
use super::servers::{Seen, Server};
use crate::facts::context::Context;
use crate::facts::{FactsError, Known};
use crate::model::{Evidence, ObjectRef, Unseen};

const LOG: &str = "audit-log-path";
const POLICY: &str = "audit-policy-file";
const WEBHOOK: &str = "audit-webhook-config-file";

/// Where the kubelet keeps what containers write to their output (KubeletConfiguration `podLogsDir`, since 1.32; before, always there).
const POD_LOGS: &str = "/var/log/pods";

/// The audit log of one API server.
pub(in crate::facts) struct AuditFile {
    pub(in crate::facts) instance: String,
    pub(in crate::facts) subject: ObjectRef,
    pub(in crate::facts) node: String,
    /// What it writes onto its node; none where it writes nothing there.
    pub(in crate::facts) written: Known<Option<Written>>,
    /// Whether it sends events to a webhook.
    pub(in crate::facts) sends: Known<bool>,
    pub(in crate::facts) evidence: Vec<Evidence>,
}

/// What is written onto a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::facts) struct Written {
    /// The directory, as a path of the node.
    pub(in crate::facts) directory: String,
    /// The file in it; none for the output of a container, which is in files of the kubelet.
    pub(in crate::facts) file: Option<String>,
}

/// Those of all API servers that were seen on a node.
pub(in crate::facts) struct AuditFiles {
    pub(in crate::facts) files: Vec<AuditFile>,
    /// Why there may be others.
    pub(in crate::facts) others: Option<Unseen>,
}

impl AuditFiles {
    pub(in crate::facts) fn read(context: &Context<'_>) -> Result<Self, FactsError> {
        let servers = Seen::read(context)?;
        let on_nodes = servers.list.iter().filter_map(|server| Some((server, servers.node(server)?)));
        let files: Vec<AuditFile> = on_nodes.map(|(server, node)| file(&servers, server, node)).collect();
        // `/flagz` may speak for one of those that are seen on a node, and names none.
        let others = match files.is_empty() {
            true => Some(servers.unknown(LOG).unwrap_or_else(|| {
                not_visible("kube-apiserver", LOG, "no source shows on which node the API server runs that answered with its flags")
            })),
            false => servers.unknown(LOG),
        };
        Ok(Self { files, others })
    }
}

fn file(servers: &Seen, server: &Server, node: &str) -> AuditFile {
    let given = |flag: &str| servers.value(server, flag, Some("")).map(|(value, _)| value);
    let written = match (given(POLICY), given(LOG).and_then(|path| written(servers, server, &path))) {
        // Without a policy nothing is recorded, whatever the path says (apiserver pkg/server/options/audit.go, ApplyTo).
        (Known::Known(policy), _) if policy.is_empty() => Known::Known(None),
        (_, Known::Known(None)) => Known::Known(None),
        (Known::Unknown(unseen), _) => Known::Unknown(unseen),
        (Known::Known(_), written) => written,
    };
    AuditFile {
        instance: server.name.clone(),
        subject: server.subject.clone(),
        node: node.to_owned(),
        written,
        sends: given(WEBHOOK).map(|file| !file.is_empty()),
        evidence: servers.evidence(server, LOG),
    }
}

fn written(servers: &Seen, server: &Server, path: &str) -> Known<Option<Written>> {
    if path.is_empty() {
        return Known::Known(None);
    }
    let path = match servers.resolved(server, LOG, path) {
        Known::Known(path) => path,
        Known::Unknown(unseen) => return Known::Unknown(unseen),
    };
    servers.place(server, LOG, &path).and_then(|place| match place {
        Place::Output if servers.is_contained(server) => Known::Known(Some(Written { directory: POD_LOGS.to_owned(), file: None })),
        Place::Output => Known::Unknown(not_visible(
            "kube-apiserver",
            LOG,
            "events go to the output of the process, and where the node keeps that is not shown",
        )),
        Place::Kept => match servers.on_host(server, &path) {
            OnHost::Path(file) => {
                let directory = file.rsplit_once('/').map_or("/", |(directory, _)| if directory.is_empty() { "/" } else { directory });
                Known::Known(Some(Written { directory: directory.to_owned(), file: Some(file.clone()) }))
            }
            OnHost::Unnamed => Known::Unknown(not_visible(
                "kube-apiserver",
                LOG,
                "the environment of the server names the part of the directory that is mounted for it (subPathExpr), and is not read",
            )),
            OnHost::Elsewhere => Known::Known(None),
        },
        Place::Container | Place::Device => Known::Known(None),
    })
}
