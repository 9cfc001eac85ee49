//! Workloads: pods, what makes them, and what bounds them.

use super::entries::{Line, list, metadata_only};
use super::{Entry, METADATA};
use crate::model::{SourceId, sources};

const MAKERS: &str = "Controllers of other projects that make pods later: that they are there, and where.";

/// Large or only counted: the server is asked for metadata only.
#[rustfmt::skip]
const METADATA_ONLY: &[Line] = &[
    (sources::GITHUB_RUNNER_SETS, "AutoscalingRunnerSet", &["v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_CRON_JOBS, "AdvancedCronJob", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_BROADCAST_JOBS, "BroadcastJob", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_CLONE_SETS, "CloneSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_DAEMON_SETS, "DaemonSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::KRUISE_STATEFUL_SETS, "StatefulSet", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::ARGO_CRON_WORKFLOWS, "CronWorkflow", &["v1alpha1"], METADATA, MAKERS),
    (sources::ARGO_ROLLOUTS, "Rollout", &["v1alpha1"], METADATA, MAKERS),
    (sources::VOLCANO_CRON_JOBS, "CronJob", &["v1alpha1"], METADATA, MAKERS),
    (sources::KEDA_SCALED_JOBS, "ScaledJob", &["v1alpha1"], METADATA, MAKERS),
    (sources::KUBEVIRT_REPLICA_SETS, "VirtualMachineInstanceReplicaSet", &["v1", "v1alpha3"], METADATA, MAKERS),
    (sources::KUBEVIRT_MACHINES, "VirtualMachine", &["v1", "v1alpha3"], METADATA, MAKERS),
    (sources::KUBEVIRT_POOLS, "VirtualMachinePool", &["v1beta1", "v1alpha1"], METADATA, MAKERS),
    (sources::RAY_CLUSTERS, "RayCluster", &["v1", "v1alpha1"], METADATA, MAKERS),
    (sources::SPARK_SCHEDULES, "ScheduledSparkApplication", &["v1beta2"], METADATA, MAKERS),
];

pub(super) fn entries() -> Vec<Entry> {
    let own = vec![
        list(
            sources::PODS,
            "Pod",
            "metadata{$meta} spec!{$podspec}
             status!{phase podIPs qosClass containerStatuses{$containerstatus} initContainerStatuses{$containerstatus}
             ephemeralContainerStatuses{$containerstatus}}",
            "What really runs: security settings, images, mounted Secrets and hosts, and the control plane's own flags.",
        ),
        list(SourceId::core("resourcequotas"), "ResourceQuota", "metadata{$meta} spec!{hard scopes scopeSelector}", "Limits per namespace."),
        list(SourceId::core("limitranges"), "LimitRange", "metadata{$meta} spec!{limits{type max min default defaultRequest maxLimitRequestRatio}}", "Default limits of containers."),
        list(
            sources::REPLICATION_CONTROLLERS,
            "ReplicationController",
            "metadata{$meta} spec!{replicas selector template{$template}}",
            "Workloads of the oldest kind.",
        ),
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
            "metadata{$meta} spec{replicas template{$template}}",
            "Which Deployment a pod belongs to, what ReplicaSets start that have pods to make, and what earlier revisions keep written out.",
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
    ];
    own.into_iter().chain(metadata_only(METADATA_ONLY)).collect()
}
