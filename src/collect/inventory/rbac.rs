//! Who may do what.

use super::entries::{ConfigMapLine, SYSTEM, config_maps, fields, list};
use super::{Entry, Part};
use crate::model::{SourceId, sources};

const CERTIFICATES: &str = "certificates.k8s.io";

const CONFIG_MAPS: &[ConfigMapLine] = &[(
    SYSTEM,
    "aws-auth",
    &[fields("mapRoles", "rolearn username groups"), fields("mapUsers", "userarn username groups"), fields("mapAccounts", "*")],
    Part::Addons,
    "Which cloud identities are which users and groups (EKS).",
)];

pub(super) fn entries() -> Vec<Entry> {
    let own = vec![
        list(
            sources::SERVICE_ACCOUNTS,
            "ServiceAccount",
            "metadata{$meta} automountServiceAccountToken imagePullSecrets{name} secrets{name}",
            "Identities of workloads and whether their tokens are mounted.",
        ),
        list(sources::ROLES, "Role", "metadata{$meta} rules!?{$rule}", "Who may do what inside a namespace."),
        list(
            sources::ROLE_BINDINGS,
            "RoleBinding",
            "metadata{$meta} roleRef!{$ref} subjects{$subject}",
            "Who may do what inside a namespace.",
        ),
        list(
            sources::CLUSTER_ROLES,
            "ClusterRole",
            "metadata{$meta} rules!?{$rule} aggregationRule{clusterRoleSelectors}",
            "Who may do what in the cluster.",
        ),
        list(
            sources::CLUSTER_ROLE_BINDINGS,
            "ClusterRoleBinding",
            "metadata{$meta} roleRef!{$ref} subjects{$subject}",
            "Who may do what in the cluster.",
        ),
        list(
            SourceId::group(CERTIFICATES, "certificatesigningrequests"),
            "CertificateSigningRequest",
            "metadata{$meta} spec!{signerName username groups expirationSeconds usages} status{conditions{type status reason}}",
            "Client certificates that were asked for, and who approved them.",
        ),
    ];
    own.into_iter().chain(config_maps(CONFIG_MAPS)).collect()
}
