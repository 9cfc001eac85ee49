//! The matrices of the sample.

use kube_hipaa::model::*;

use super::Builder;

/// Id, label and meaning of each kind of reach, gravest first.
pub(crate) const REACHES: &[(&str, &str, &str)] = &[
    ("control-cluster", "control the cluster", "Can do anything, in every namespace."),
    ("read-secrets", "read Secrets", "Can read passwords and keys, and with them what they protect."),
    ("run-commands", "run commands in pods", "Can act inside a running container, with its data and its credentials."),
    ("write-workloads", "change workloads", "Can start pods, and so read whatever a pod in the namespace may mount."),
    ("create-tokens", "create tokens", "Can take on the identity of a service account."),
    ("impersonate", "act as others", "Can send requests in the name of somebody else."),
    ("grant", "grant rights", "Can give itself or others rights that it does not have."),
    ("change-policies", "change policies", "Can open the network or the admission of pods."),
    ("delete-evidence", "delete evidence", "Can delete events, logs or snapshots."),
];

type Subject<'a> = (&'a str, &'a str, &'a [(usize, &'a [usize])]);

/// An access matrix in which a subject has the reaches `(column, kinds)`; a column past the last means every one.
pub(crate) fn access(make: &mut Builder, namespaces: &[String], subjects: &[Subject<'_>]) -> AccessMatrix {
    let reaches = REACHES
        .iter()
        .map(|(id, label, meaning)| ReachKind { id: (*id).into(), label: (*label).into(), meaning: (*meaning).into() })
        .collect();
    let subjects = subjects
        .iter()
        .map(|(path, binding, reach)| {
            let subject = make.object(path);
            let binding = make.word(binding);
            let cells = (0..namespaces.len())
                .filter_map(|column| {
                    let kinds = reach.iter().find(|(at, _)| *at == column || *at >= namespaces.len()).map_or(&[][..], |(_, kinds)| kinds);
                    let reaches: Vec<String> =
                        kinds.iter().filter_map(|&kind| REACHES.get(kind)).map(|(id, ..)| (*id).to_owned()).collect();
                    let cell =
                        || AccessCell { namespace: namespaces[column].clone(), reaches: reaches.clone(), via: vec![binding.clone()] };
                    (!reaches.is_empty()).then(cell)
                })
                .collect();
            SubjectAccess { subject, cells }
        })
        .collect();
    AccessMatrix {
        unseen: vec![Unseen {
            kind: UnseenKind::NotVisible,
            what: make.word("Members of groups"),
            why: "they are kept by the identity provider".into(),
            how_to_see: "Ask the team that runs it for the members of each group named here.".into(),
            source: None,
            missing_rule: None,
        }],
        namespaces: namespaces.to_vec(),
        reaches,
        subjects,
        shipped: 11,
    }
}

/// An isolation matrix: name, ePHI, pods, default deny of both directions, and how far traffic gets to the namespaces with ePHI.
pub(crate) fn isolation(make: &mut Builder, rows: &[(String, bool, u64, Option<bool>, Option<bool>, Flow)]) -> IsolationMatrix {
    let direction = |deny: Option<bool>, pods: u64| DirectionIsolation {
        default_deny: deny,
        isolated: if deny == Some(true) { pods } else { pods / 3 },
        open: if deny == Some(true) || deny.is_none() { 0 } else { pods - pods / 3 },
        unknown: if deny.is_none() { pods - pods / 3 } else { 0 },
    };
    let namespaces = rows
        .iter()
        .map(|(name, ephi, pods, ingress, egress, flow)| NamespaceIsolation {
            namespace: name.clone(),
            ephi: *ephi,
            pods: *pods,
            host_network: pods % 3,
            ingress: direction(*ingress, *pods),
            egress: direction(*egress, *pods),
            reaches: rows
                .iter()
                .map(|(to, _, others, denied, ..)| {
                    let flow = match (*pods, *others, denied) {
                        (0, ..) | (_, 0, _) => Flow::NoPods,
                        (_, _, None) => Flow::Unknown,
                        _ if to == name => Flow::All,
                        (_, _, Some(true)) if *flow == Flow::All => Flow::None,
                        _ => *flow,
                    };
                    NamespaceFlow { to: to.clone(), flow }
                })
                .collect(),
        })
        .collect();
    IsolationMatrix {
        unseen: vec![Unseen {
            kind: UnseenKind::NotUnderstood,
            what: make.word("1 CiliumNetworkPolicy in imaging"),
            why: "policies of this API are not computed".into(),
            how_to_see: "Read the policy by hand.".into(),
            source: None,
            missing_rule: None,
        }],
        engines: vec![make.word("Calico")],
        enforcement: Enforcement::Enforcing,
        enforcement_because: make.word("Pods of its DaemonSet calico-node are ready on every node."),
        namespaces,
        left_out: 0,
    }
}

/// Those of the clinic.
pub(crate) fn exhibits(make: &mut Builder, scope: &Scope) -> Exhibits {
    const ALL: usize = usize::MAX;
    let subjects: &[Subject<'_>] = &[
        ("Group platform-admins", "ClusterRoleBinding platform-admins → ClusterRole cluster-admin", &[(ALL, &[0, 1, 2, 3, 4, 5, 6, 7, 8])]),
        ("User m.keller@clinic.example", "ClusterRoleBinding ops-legacy-admins → ClusterRole ops-legacy", &[(ALL, &[1, 2])]),
        ("ServiceAccount billing/invoice-worker", "ClusterRoleBinding ops-legacy-admins → ClusterRole ops-legacy", &[(ALL, &[1])]),
        ("ServiceAccount billing/report-export", "ClusterRoleBinding ops-legacy-admins → ClusterRole ops-legacy", &[(ALL, &[1])]),
        ("Group imaging-engineers", "RoleBinding imaging/imaging-engineers-edit → ClusterRole edit", &[(2, &[1, 2, 3, 4])]),
        ("ServiceAccount records/archive-sync", "RoleBinding records/archive-sync → Role records/secret-reader", &[(4, &[1])]),
        ("ServiceAccount integration/deployer", "RoleBinding integration/deployer → ClusterRole edit", &[(3, &[1, 2, 3, 4]), (0, &[3])]),
        ("User on-call@clinic.example", "RoleBinding records/on-call → Role records/debug", &[(4, &[2, 8])]),
    ];
    let access = access(make, &scope.ephi_namespaces, subjects);
    let yes = Some(true);
    let mut rows: Vec<(String, bool, u64, Option<bool>, Option<bool>, Flow)> = Vec::new();
    for (i, name) in scope.ephi_namespaces.iter().enumerate() {
        let deny = [yes, yes, Some(false), None, yes];
        let flow = [Flow::Some, Flow::None, Flow::All, Flow::Some, Flow::None];
        rows.push((name.clone(), true, 9 + i as u64 * 4, deny[i % 5], Some(i == 4), flow[i % 5]));
    }
    for (i, name) in scope.other_namespaces.iter().enumerate() {
        rows.push((
            name.clone(),
            false,
            [3, 4, 0, 0, 21, 12, 6, 5, 2][i % 9],
            Some(false),
            Some(i == 7),
            [Flow::Some, Flow::All, Flow::None][i % 3],
        ));
    }
    let at_rest = AtRestList {
        unseen: vec![],
        volumes: [Some(true), Some(false), None]
            .into_iter()
            .map(|encrypted| AtRest {
                namespace: make.word("records"),
                title: make.word("Claim films"),
                storage: make.word("the driver ebs.csi.aws.com"),
                encrypted,
                unknown: encrypted.is_none().then(|| make.word("the account decides")),
                customer_key: encrypted,
                workloads: vec![make.word("StatefulSet/films")],
            })
            .collect(),
    };
    Exhibits { access: Some(access), isolation: Some(isolation(make, &rows)), accesses: None, at_rest: Some(at_rest) }
}
