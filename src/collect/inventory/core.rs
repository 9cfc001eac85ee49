//! What every cluster has.

use super::{Amount, Entry, METADATA, Part, Reach};
use crate::model::{SourceId, sources};

const V1: &[&str] = &["v1"];
const CERTIFICATES: &str = "certificates.k8s.io";

fn list(source: SourceId, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    let amount = Amount::Fields(keep);
    Entry { source, kind, versions: V1, reach: Reach::Everywhere, amount, part: Part::Core, always: true, why }
}

/// A list that came with a version of Kubernetes that not every cluster in use has.
fn newer(source: SourceId, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    Entry { always: false, ..list(source, kind, keep, why) }
}

/// A list that servers of some minors in use serve in a version before `v1` only.
fn beta(source: SourceId, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    Entry { versions: &["v1", "v1beta1", "v1alpha1"], ..newer(source, kind, keep, why) }
}

fn url(path: &'static str, accept: &'static str, amount: Amount, why: &'static str) -> Entry {
    Entry {
        source: SourceId::url(path),
        kind: "",
        versions: &[],
        reach: Reach::Url { accept },
        amount,
        part: Part::Core,
        always: false,
        why,
    }
}

fn review(group: &'static str, resource: &'static str, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    let source = SourceId::group(group, resource);
    let amount = Amount::Fields(keep);
    // SelfSubjectReview came with 1.28.
    let always = resource != "selfsubjectreviews";
    Entry { source, kind, versions: V1, reach: Reach::SelfReview, amount, part: Part::Core, always, why }
}

pub(super) fn entries() -> Vec<Entry> {
    let mut all = vec![
        // The core group.
        list(
            sources::NAMESPACES,
            "Namespace",
            "metadata{$meta} status{phase}",
            "Scope of ePHI, Pod Security labels, and the identity of the cluster (uid of kube-system).",
        ),
        list(
            sources::NODES,
            "Node",
            "metadata{$quietmeta} spec!{podCIDR podCIDRs providerID taints unschedulable}
             status!{nodeInfo{kubeletVersion kubeProxyVersion containerRuntimeVersion osImage kernelVersion operatingSystem architecture}
             addresses conditions{type status reason} runtimeHandlers features}",
            "Versions, runtimes and addresses of nodes; owners of mirror pods; k3s publishes its server's flags here.",
        ),
        list(
            sources::PODS,
            "Pod",
            "metadata{$meta} spec!{$podspec}
             status!{phase podIPs qosClass containerStatuses{$containerstatus} initContainerStatuses{$containerstatus}
             ephemeralContainerStatuses{$containerstatus}}",
            "What really runs: security settings, images, mounted Secrets and hosts, and the control plane's own flags.",
        ),
        list(
            sources::SERVICE_ACCOUNTS,
            "ServiceAccount",
            "metadata{$meta} automountServiceAccountToken imagePullSecrets{name} secrets{name}",
            "Identities of workloads and whether their tokens are mounted.",
        ),
        list(
            sources::SERVICES,
            "Service",
            "metadata{$meta} spec!{type clusterIP clusterIPs externalIPs externalName externalTrafficPolicy internalTrafficPolicy
             ipFamilies loadBalancerClass loadBalancerSourceRanges allocateLoadBalancerNodePorts ports{name protocol port targetPort nodePort appProtocol} selector
             publishNotReadyAddresses} status{loadBalancer{ingress{ip hostname}}}",
            "How workloads can be reached, from inside and from outside.",
        ),
        list(
            sources::PERSISTENT_VOLUMES,
            "PersistentVolume",
            "metadata{$meta} spec!{accessModes capacity claimRef{$ref uid} persistentVolumeReclaimPolicy storageClassName volumeMode
             mountOptions:mountoptions csi{driver fsType readOnly volumeHandle:redacted volumeAttributes:parameters nodeStageSecretRef{$ref}}
             hostPath local nfs{server path readOnly} *{}} status{phase}",
            "Where data lies and whether its volume is encrypted.",
        ),
        list(
            sources::PERSISTENT_VOLUME_CLAIMS,
            "PersistentVolumeClaim",
            "metadata{$meta} spec!{accessModes resources storageClassName volumeMode volumeName dataSource dataSourceRef{apiGroup kind}} status{phase capacity}",
            "Which workloads keep data, and on which class of storage.",
        ),
        list(SourceId::core("resourcequotas"), "ResourceQuota", "metadata{$meta} spec!{hard scopes scopeSelector}", "Limits per namespace."),
        list(SourceId::core("limitranges"), "LimitRange", "metadata{$meta} spec!{limits{type max min default defaultRequest maxLimitRequestRatio}}", "Default limits of containers."),
        list(
            sources::REPLICATION_CONTROLLERS,
            "ReplicationController",
            "metadata{$meta} spec!{replicas selector template{$template}}",
            "Workloads of the oldest kind.",
        ),
        // Workloads.
        list(
            sources::DEPLOYMENTS,
            "Deployment",
            "metadata{$meta} spec!{replicas paused selector! strategy{type} template!{$template}}
             status{observedGeneration replicas updatedReplicas readyReplicas unavailableReplicas}",
            "Workloads: what will run after the next rollout.",
        ),
        list(
            sources::STATEFUL_SETS,
            "StatefulSet",
            "metadata{$meta} spec!{replicas serviceName selector! template!{$template} updateStrategy{type} persistentVolumeClaimRetentionPolicy{whenDeleted whenScaled}
             volumeClaimTemplates{metadata{name labels} spec{accessModes resources storageClassName volumeMode}}}
             status{observedGeneration currentRevision updateRevision replicas currentReplicas updatedReplicas readyReplicas availableReplicas}",
            "Workloads that keep data.",
        ),
        list(
            sources::DAEMON_SETS,
            "DaemonSet",
            "metadata{$meta} spec!{selector! template!{$template} updateStrategy{type}}
             status{observedGeneration desiredNumberScheduled updatedNumberScheduled numberReady}",
            "Network plugins, log shippers and runtime sensors, and on how many nodes they run.",
        ),
        list(
            sources::REPLICA_SETS,
            "ReplicaSet",
            "metadata{$meta} spec~{replicas template{$template}}|{template{spec{containers{$written} initContainers{$written}}}}",
            "Which Deployment a pod belongs to, what earlier revisions keep written out, and what ReplicaSets start that no Deployment controls.",
        ),
        list(
            sources::JOBS,
            "Job",
            "metadata{$meta} spec!{suspend parallelism completions template!{$template}}
             status{completionTime conditions{type status reason}}",
            "Workloads that run once.",
        ),
        list(
            sources::CRON_JOBS,
            "CronJob",
            "metadata{$meta} spec!{schedule! suspend timeZone concurrencyPolicy
             jobTemplate!{metadata{$meta} spec!{parallelism completions template!{$template}}}}",
            "Workloads that run on a schedule, backups among them.",
        ),
        list(
            SourceId::group("policy", "poddisruptionbudgets"),
            "PodDisruptionBudget",
            "metadata{$meta} spec!{minAvailable maxUnavailable selector unhealthyPodEvictionPolicy}",
            "Availability of workloads during maintenance.",
        ),
        list(
            sources::PRIORITY_CLASSES,
            "PriorityClass",
            "metadata{$meta} value! globalDefault preemptionPolicy",
            "Which workloads stay when resources run short.",
        ),
        list(
            sources::RUNTIME_CLASSES,
            "RuntimeClass",
            "metadata{$meta} handler! overhead scheduling",
            "Sandboxed runtimes.",
        ),
        // Who may do what.
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
        // Network.
        list(sources::NETWORK_POLICIES, "NetworkPolicy", "metadata{$meta} spec!{podSelector policyTypes ingress{from{$peer} ports{$peerport}} egress{to{$peer} ports{$peerport}}}", "Who may talk to whom."),
        list(
            sources::INGRESSES,
            "Ingress",
            "metadata{$meta} spec!{ingressClassName defaultBackend{$backend} tls{hosts secretName} rules{host http{paths{path:path pathType backend{$backend}}}}} status{loadBalancer{ingress{ip hostname}}}",
            "What is published, and whether with TLS.",
        ),
        list(sources::INGRESS_CLASSES, "IngressClass", "metadata{$meta} spec{controller parameters{$ref scope}}", "Which controller publishes it."),
        // Storage.
        list(
            sources::STORAGE_CLASSES,
            "StorageClass",
            "metadata{$meta} provisioner! parameters:parameters reclaimPolicy volumeBindingMode allowVolumeExpansion
             mountOptions:mountoptions",
            "Encryption of volumes.",
        ),
        list(sources::CSI_DRIVERS, "CSIDriver", "metadata{$meta} spec!{attachRequired podInfoOnMount volumeLifecycleModes tokenRequests{audience expirationSeconds} fsGroupPolicy requiresRepublish seLinuxMount storageCapacity}", "Storage and secrets drivers."),
        // Admission.
        list(
            sources::VALIDATING_WEBHOOKS,
            "ValidatingWebhookConfiguration",
            "metadata{$meta} $webhooks",
            "Policy engines and the holes in their coverage.",
        ),
        list(
            sources::MUTATING_WEBHOOKS,
            "MutatingWebhookConfiguration",
            "metadata{$meta} $webhooks",
            "Injectors (Vault, meshes) and who may change objects.",
        ),
        newer(
            sources::VALIDATING_POLICIES,
            "ValidatingAdmissionPolicy",
            "metadata{$meta} spec!{failurePolicy matchConditions{$condition} matchConstraints{$matching} paramKind{apiVersion kind}
             validations{expression:expression reason} auditAnnotations{key} variables{name expression:expression}}",
            "Policies that the API server itself enforces.",
        ),
        newer(
            sources::VALIDATING_POLICY_BINDINGS,
            "ValidatingAdmissionPolicyBinding",
            "metadata{$meta} $policybinding",
            "Whether such a policy denies or only warns.",
        ),
        beta(
            sources::MUTATING_POLICIES,
            "MutatingAdmissionPolicy",
            "metadata{$meta} spec!{failurePolicy matchConditions{$condition} matchConstraints{$matching} paramKind{apiVersion kind} reinvocationPolicy
             mutations{patchType}}",
            "Who changes objects on their way in.",
        ),
        beta(
            sources::MUTATING_POLICY_BINDINGS,
            "MutatingAdmissionPolicyBinding",
            "metadata{$meta} $policybinding",
            "Where such a policy applies.",
        ),
        // What else the API serves.
        Entry {
            amount: Amount::Metadata,
            ..list(
                sources::CUSTOM_RESOURCE_DEFINITIONS,
                "CustomResourceDefinition",
                METADATA,
                "Which systems are installed.",
            )
        },
        list(
            sources::API_SERVICES,
            "APIService",
            "metadata{$meta} spec!{group version service insecureSkipTLSVerify groupPriorityMinimum versionPriority}
             status{conditions{type status reason}}",
            "APIs that other programs serve, and whether they answer.",
        ),
        Entry {
            reach: Reach::In("kube-system"),
            ..list(
                sources::LEASES,
                "Lease",
                "metadata{$quietmeta} spec{holderIdentity leaseDurationSeconds}",
                "How many API servers there are, so that \"one of N was asked\" can be said.",
            )
        },
        // Questions about ourselves.
        review(
            "authentication.k8s.io",
            "selfsubjectreviews",
            "SelfSubjectReview",
            "status!{userInfo!{username groups:sorted}}",
            "As whom the cluster was read.",
        ),
        review(
            "authorization.k8s.io",
            "selfsubjectrulesreviews",
            "SelfSubjectRulesReview",
            "spec{namespace} status!{resourceRules:sorted nonResourceRules:sorted incomplete}",
            "Which rights the collecting identity holds, so that an over-privileged one is named.",
        ),
        Entry {
            source: sources::ANONYMOUS_REQUEST,
            kind: "",
            versions: &[],
            reach: Reach::Anonymous,
            amount: Amount::Status,
            part: Part::Core,
            always: false,
            why: "Whether the API answers without credentials: no setting shows it as surely as one request.",
        },
    ];
    // URLs of the API server. The text form of /flagz and /statusz changes its delimiter at random so that nobody parses it
    // (KEP-4828, KEP-4827): only the structured form is asked for.
    all.extend([
        url(
            "/version",
            "application/json",
            Amount::Fields("major minor gitVersion! emulationMajor emulationMinor minCompatibilityMajor minCompatibilityMinor platform"),
            "Version of the API server.",
        ),
        url(
            "/flagz",
            "application/json;as=Flagz;v=v1beta1;g=config.k8s.io, application/json;as=Flagz;v=v1alpha1;g=config.k8s.io",
            Amount::Fields("kind! apiVersion! flags!:flags"),
            "The effective value of every flag of the API server, defaults included (from 1.35; on by default since 1.36).",
        ),
        url(
            "/statusz",
            "application/json;as=Statusz;v=v1beta1;g=config.k8s.io, application/json;as=Statusz;v=v1alpha1;g=config.k8s.io",
            Amount::Fields("kind apiVersion startTime binaryVersion emulationVersion minimumCompatibilityVersion"),
            "Start time and versions of the API server that answered.",
        ),
        url(
            "/metrics",
            "text/plain;version=0.0.4",
            Amount::Series,
            "Live effects of settings in files that no API shows: auditing, encryption, admission, authorization.",
        ),
    ]);
    all
}
