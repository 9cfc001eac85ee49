//! Rights that count for single questions only, and make up no kind of reach: to stop or reconfigure what guards others, and to change what
//! stands between the API server and all objects where a rule names it.

use super::asked::{Asked, CHANGE, CUSTOM, DELETE, MAKE, Names, WRITE, anywhere, cluster};
use super::rights::Atom;
use super::things::{ADMISSION, APIS};

/// No name is enough: a rule with names is compared with what the guard has (`guarded`).
const NEVER_BY_NAME: Names = Names::AnyOf(&[]);

pub(super) const INTERFERENCE: &[Asked] = &[
    // Whoever stops what guards others, or changes what it is told or how it is found, switches its guard off.
    anywhere(
        Atom::StopWorkloads,
        CHANGE,
        &[("apps", "deployments", "scale"), ("apps", "statefulsets", "scale"), ("apps", "replicasets", "scale")],
    )
    .named(NEVER_BY_NAME),
    anywhere(
        Atom::StopWorkloads,
        DELETE,
        &[
            ("apps", "deployments", ""),
            ("apps", "statefulsets", ""),
            ("apps", "daemonsets", ""),
            ("apps", "replicasets", ""),
            ("", "services", ""),
            ("", "pods", ""),
            // Without its account or its rights it neither starts nor reads anything.
            ("", "serviceaccounts", ""),
            (super::policy::RBAC, "roles", ""),
            (super::policy::RBAC, "rolebindings", ""),
        ],
    )
    .named(NEVER_BY_NAME),
    // A quota lets no pod come back; an autoscaler of KEDA goes down to none.
    anywhere(Atom::StopWorkloads, MAKE, &[("", "resourcequotas", ""), ("", "limitranges", ""), ("keda.sh", "scaledobjects", "")])
        .named(NEVER_BY_NAME),
    anywhere(Atom::StopWorkloads, &["create"], &[("", "pods", "eviction")]).named(NEVER_BY_NAME),
    anywhere(Atom::WriteConfig, WRITE, &[("", "configmaps", "")]).named(NEVER_BY_NAME),
    // What writes into objects of all namespaces, where it may be changed by its name: the server, or an engine, then does what it says.
    cluster(
        Atom::AnInterceptor,
        CHANGE,
        &[
            (ADMISSION, "mutatingwebhookconfigurations", ""),
            (ADMISSION, "validatingwebhookconfigurations", ""),
            (ADMISSION, "mutatingadmissionpolicies", ""),
            ("kyverno.io", "clusterpolicies", ""),
            ("policies.kyverno.io", "mutatingpolicies", ""),
            ("policies.kyverno.io", "generatingpolicies", ""),
            ("mutations.gatekeeper.sh", "assign", ""),
            ("mutations.gatekeeper.sh", "assignimage", ""),
            ("mutations.gatekeeper.sh", "modifyset", ""),
            ("policies.kubewarden.io", "clusteradmissionpolicies", ""),
            ("policies.kubewarden.io", "policyservers", ""),
            ("apps.kruise.io", "sidecarsets", ""),
        ],
    )
    .named(Names::Named),
    // The same of one group or kind: what it is worth depends on which.
    cluster(Atom::AnApi, CHANGE, &[(APIS, "apiservices", ""), (CUSTOM, "customresourcedefinitions", "")]).named(Names::Named),
];
