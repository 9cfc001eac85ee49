//! The single rights that lead to ePHI or to the whole cluster, and which rules give them. The list follows Kubernetes' own *RBAC Good
//! Practices* and the CIS benchmark, section 5.1; the proxies of pods and Services do what pods/portforward does.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::rules::{ALL, has, list, names, verb_matches};

/// One right that a rule gives or does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Atom {
    Everything,
    ImpersonateUsers,
    ImpersonateAccounts,
    UserInfo,
    OnUserInfo,
    ServiceAccountMode,
    OnServiceAccountMode,
    AnyNode,
    OnAnyNode,
    OwnNode,
    OnOwnNode,
    EscalateOrBind,
    NodesProxy,
    ApproveRequests,
    ApproveForSigner,
    SignRequests,
    SignForSigner,
    CreateVolumes,
    AdmissionPolicies,
    ChangeNamespaces,
    SystemConfig,
    ReadSecrets,
    CreateTokens,
    ConnectCreate,
    ConnectGet,
    Proxy,
    EphemeralContainers,
    WriteWorkloads,
    NetworkPolicies,
    DeleteEvidence,
}

/// Where the request is made that the right is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Without a namespace: a RoleBinding never gives it.
    Cluster,
    /// In a namespace, or in all of them.
    Anywhere,
    /// In kube-system, or in all namespaces.
    System,
}

/// What a rule gives that is restricted to names.
#[derive(Clone, Copy)]
enum Names {
    /// Only that object: told apart from the right itself.
    Restricted,
    /// The right itself: one is enough.
    AnyOf(&'static [&'static str]),
    /// The right itself, whatever the names.
    Enough,
    /// The right itself where the roles are worth having.
    Roles,
}

struct Asked {
    atom: Atom,
    verbs: &'static [&'static str],
    /// Group, resource, subresource.
    resources: &'static [(&'static str, &'static str, &'static str)],
    place: Place,
    names: Names,
}

const WRITE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const CHANGE: &[&str] = &["update", "patch"];
const RBAC: &str = super::policy::RBAC;
const ROLES: &[(&str, &str, &str)] = &[(RBAC, "roles", ""), (RBAC, "clusterroles", "")];
const CERTIFICATES: &str = "certificates.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
/// Signers of client certificates, by name or by their domain (`pkg/certauthorization`).
const CLIENT_SIGNERS: &[&str] = &["kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/*"];
const CONNECTS: &[(&str, &str, &str)] = &[("", "pods", "exec"), ("", "pods", "attach"), ("", "pods", "portforward")];

const ASKED: &[Asked] = &[
    Asked {
        atom: Atom::ImpersonateUsers,
        verbs: &["impersonate"],
        resources: &[("", "users", ""), ("", "groups", "")],
        place: Place::Cluster,
        names: Names::Enough,
    },
    Asked {
        atom: Atom::ImpersonateAccounts,
        verbs: &["impersonate"],
        resources: &[("", "serviceaccounts", "")],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::UserInfo,
        verbs: &["impersonate:user-info"],
        resources: &[(AUTHENTICATION, "users", "")],
        place: Place::Cluster,
        names: Names::Enough,
    },
    Asked {
        atom: Atom::ServiceAccountMode,
        verbs: &["impersonate:serviceaccount"],
        resources: &[(AUTHENTICATION, "serviceaccounts", "")],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::AnyNode,
        verbs: &["impersonate:arbitrary-node"],
        resources: &[(AUTHENTICATION, "nodes", "")],
        place: Place::Cluster,
        names: Names::Enough,
    },
    Asked {
        atom: Atom::OwnNode,
        verbs: &["impersonate:associated-node"],
        resources: &[(AUTHENTICATION, "nodes", "")],
        place: Place::Cluster,
        names: Names::AnyOf(&[ALL]),
    },
    // Whoever may write more into a role than it holds itself is not bound by what stands there today (`RoleEscalationAuthorized`).
    Asked { atom: Atom::EscalateOrBind, verbs: &["escalate"], resources: ROLES, place: Place::Anywhere, names: Names::Enough },
    Asked { atom: Atom::EscalateOrBind, verbs: &["bind"], resources: ROLES, place: Place::Anywhere, names: Names::Roles },
    Asked {
        atom: Atom::NodesProxy,
        verbs: &["get", "create", "update", "patch", "delete"],
        resources: &[("", "nodes", "proxy")],
        place: Place::Cluster,
        names: Names::Enough,
    },
    Asked {
        atom: Atom::ApproveRequests,
        verbs: CHANGE,
        resources: &[(CERTIFICATES, "certificatesigningrequests", "approval")],
        place: Place::Cluster,
        names: Names::Enough,
    },
    Asked {
        atom: Atom::ApproveForSigner,
        verbs: &["approve"],
        resources: &[(CERTIFICATES, "signers", "")],
        place: Place::Cluster,
        names: Names::AnyOf(CLIENT_SIGNERS),
    },
    Asked {
        atom: Atom::SignRequests,
        verbs: CHANGE,
        resources: &[(CERTIFICATES, "certificatesigningrequests", "status")],
        place: Place::Cluster,
        names: Names::Enough,
    },
    Asked {
        atom: Atom::SignForSigner,
        verbs: &["sign"],
        resources: &[(CERTIFICATES, "signers", "")],
        place: Place::Cluster,
        names: Names::AnyOf(CLIENT_SIGNERS),
    },
    Asked {
        atom: Atom::CreateVolumes,
        verbs: &["create"],
        resources: &[("", "persistentvolumes", "")],
        place: Place::Cluster,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::AdmissionPolicies,
        verbs: WRITE,
        resources: &[
            (ADMISSION, "validatingwebhookconfigurations", ""),
            (ADMISSION, "mutatingwebhookconfigurations", ""),
            (ADMISSION, "validatingadmissionpolicies", ""),
            (ADMISSION, "validatingadmissionpolicybindings", ""),
            (ADMISSION, "mutatingadmissionpolicies", ""),
            (ADMISSION, "mutatingadmissionpolicybindings", ""),
        ],
        place: Place::Cluster,
        names: Names::Restricted,
    },
    // The Namespace object of that name is a request in that namespace.
    Asked {
        atom: Atom::ChangeNamespaces,
        verbs: CHANGE,
        resources: &[("", "namespaces", "")],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::SystemConfig,
        verbs: WRITE,
        resources: &[("", "configmaps", "")],
        place: Place::System,
        names: Names::AnyOf(&[
            "aws-auth",
            "cilium-config",
            "coredns",
            "extension-apiserver-authentication",
            "kube-proxy",
            "kubeadm-config",
            "kubelet-config",
        ]),
    },
    Asked {
        atom: Atom::ReadSecrets,
        verbs: &["get", "list", "watch"],
        resources: &[("", "secrets", "")],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::CreateTokens,
        verbs: &["create"],
        resources: &[("", "serviceaccounts", "token")],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked { atom: Atom::ConnectCreate, verbs: &["create"], resources: CONNECTS, place: Place::Anywhere, names: Names::Restricted },
    Asked { atom: Atom::ConnectGet, verbs: &["get"], resources: CONNECTS, place: Place::Anywhere, names: Names::Restricted },
    // The API server sends the request on to a port of the pod; each HTTP method is a verb, and each reaches it.
    Asked {
        atom: Atom::Proxy,
        verbs: &["get", "create", "update", "patch", "delete"],
        resources: &[("", "pods", "proxy"), ("", "services", "proxy")],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::EphemeralContainers,
        verbs: CHANGE,
        resources: &[("", "pods", "ephemeralcontainers")],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::WriteWorkloads,
        verbs: &["create", "update", "patch"],
        resources: &[
            ("", "pods", ""),
            ("", "replicationcontrollers", ""),
            ("apps", "deployments", ""),
            ("apps", "daemonsets", ""),
            ("apps", "statefulsets", ""),
            ("apps", "replicasets", ""),
            ("batch", "jobs", ""),
            ("batch", "cronjobs", ""),
        ],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::NetworkPolicies,
        verbs: WRITE,
        resources: &[
            ("networking.k8s.io", "networkpolicies", ""),
            ("crd.projectcalico.org", "networkpolicies", ""),
            ("projectcalico.org", "networkpolicies", ""),
            ("cilium.io", "ciliumnetworkpolicies", ""),
            ("crd.antrea.io", "networkpolicies", ""),
            ("network.openshift.io", "egressnetworkpolicies", ""),
            ("k8s.ovn.org", "egressfirewalls", ""),
            ("networking.k8s.aws", "applicationnetworkpolicies", ""),
        ],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::NetworkPolicies,
        verbs: WRITE,
        resources: &[
            ("crd.projectcalico.org", "globalnetworkpolicies", ""),
            ("projectcalico.org", "globalnetworkpolicies", ""),
            ("cilium.io", "ciliumclusterwidenetworkpolicies", ""),
            ("crd.antrea.io", "clusternetworkpolicies", ""),
            ("policy.networking.k8s.io", "adminnetworkpolicies", ""),
            ("policy.networking.k8s.io", "baselineadminnetworkpolicies", ""),
            ("policy.networking.k8s.io", "clusternetworkpolicies", ""),
            ("networking.k8s.aws", "clusternetworkpolicies", ""),
        ],
        place: Place::Cluster,
        names: Names::Restricted,
    },
    Asked {
        atom: Atom::DeleteEvidence,
        verbs: &["delete", "deletecollection"],
        resources: &[
            ("", "events", ""),
            ("events.k8s.io", "events", ""),
            ("coordination.k8s.io", "leases", ""),
            ("apps", "daemonsets", ""),
        ],
        place: Place::Anywhere,
        names: Names::Restricted,
    },
];

/// The second halves of constrained impersonation (KEP-5284): any request while being somebody else.
const ON: &[(Atom, &str)] = &[
    (Atom::OnUserInfo, "impersonate-on:user-info:"),
    (Atom::OnServiceAccountMode, "impersonate-on:serviceaccount:"),
    (Atom::OnAnyNode, "impersonate-on:arbitrary-node:"),
    (Atom::OnOwnNode, "impersonate-on:associated-node:"),
];

/// What the rules of one role give: each right with the place of the first rule that gives it.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    first: BTreeMap<Atom, usize>,
    /// The same for those that only hold at cluster scope.
    cluster_only: BTreeMap<Atom, usize>,
    /// Rules that let somebody bind named roles, with the names.
    binds: Vec<(usize, Vec<String>)>,
    /// Rights that are restricted to names, in words, sorted.
    pub(super) named: Vec<String>,
}

impl Rights {
    /// Those of rules by themselves: a right to bind named roles counts only once these are weighed.
    pub(super) fn of(rules: &[PolicyRule]) -> Self {
        let mut rights = Self::default();
        for (index, rule) in rules.iter().enumerate() {
            if has(&rule.verbs, ALL)
                && has(list(rule.api_groups.as_ref()), ALL)
                && has(list(rule.resources.as_ref()), ALL)
                && list(rule.resource_names.as_ref()).is_empty()
            {
                rights.first.entry(Atom::Everything).or_insert(index);
            }
            let speaks = !list(rule.resources.as_ref()).is_empty() || !list(rule.non_resource_urls.as_ref()).is_empty();
            for &(atom, prefix) in ON {
                if speaks && rule.verbs.iter().any(|verb| verb == ALL || verb.starts_with(prefix)) {
                    rights.first.entry(atom).or_insert(index);
                }
            }
            for asked in ASKED {
                rights.ask(asked, rule, index);
            }
        }
        rights.named.sort();
        rights.named.dedup();
        rights
    }

    fn ask(&mut self, asked: &Asked, rule: &PolicyRule, index: usize) {
        for &(group, resource, subresource) in asked.resources {
            let Some(names) = names(rule, group, resource, subresource) else { continue };
            // A request that creates an object or deletes a collection has no name, except on a subresource of an object that is there.
            let nameless = |verb: &str| subresource.is_empty() && matches!(verb, "create" | "deletecollection");
            let mut verbs = asked.verbs.iter().copied().filter(|verb| verb_matches(rule, verb));
            if !verbs.any(|verb| names.is_empty() || !nameless(verb)) {
                continue;
            }
            let whole = names.is_empty()
                || match asked.names {
                    Names::Restricted | Names::Roles => false,
                    Names::Enough => true,
                    Names::AnyOf(some) => names.iter().any(|name| some.contains(&name.as_str())),
                };
            if whole {
                let map = if asked.place == Place::Cluster { &mut self.cluster_only } else { &mut self.first };
                map.entry(asked.atom).or_insert(index);
            } else if matches!(asked.names, Names::Restricted) {
                let resource = if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
                self.named.push(format!("{resource}: {}", names.join(", ")));
            } else if matches!(asked.names, Names::Roles) && self.binds.last().is_none_or(|(last, _)| *last != index) {
                self.binds.push((index, names.to_vec()));
            }
        }
    }

    /// The same with the right to bind named roles where `worth` says that these lead anywhere.
    #[must_use]
    pub(super) fn weighed(mut self, worth: impl Fn(&[String]) -> bool) -> Self {
        if let Some(&(index, _)) = self.binds.iter().find(|(_, names)| worth(names)) {
            self.first.entry(Atom::EscalateOrBind).and_modify(|first| *first = index.min(*first)).or_insert(index);
        }
        self
    }

    /// All rights among them.
    pub(super) fn atoms(&self) -> impl Iterator<Item = Atom> {
        self.first.keys().chain(self.cluster_only.keys()).copied()
    }

    /// The names of the roles that they let somebody bind by name.
    pub(super) fn bound(&self) -> impl Iterator<Item = &str> {
        self.binds.iter().flat_map(|(_, names)| names).map(String::as_str)
    }

    /// Which rule gives a right to whoever is bound in that namespace; `None` is a ClusterRoleBinding.
    pub(super) fn rule_for(&self, atom: Atom, namespace: Option<&str>) -> Option<usize> {
        let system_only = atom == Atom::SystemConfig && namespace.is_some_and(|namespace| namespace != "kube-system");
        let anywhere = self.first.get(&atom).filter(|_| !system_only);
        let cluster = self.cluster_only.get(&atom).filter(|_| namespace.is_none());
        anywhere.into_iter().chain(cluster).min().copied()
    }

    /// Whether a right is among them, wherever it holds.
    pub(super) fn has(&self, atom: Atom) -> bool {
        self.first.contains_key(&atom) || self.cluster_only.contains_key(&atom)
    }

    /// Takes out what another set of rights holds.
    pub(super) fn remove(&mut self, other: &Self) {
        self.first.retain(|atom, _| !other.first.contains_key(atom));
        self.cluster_only.retain(|atom, _| !other.cluster_only.contains_key(atom));
        self.named.retain(|text| !other.named.contains(text));
    }
}
