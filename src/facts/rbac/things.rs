//! Names of objects and kinds that rights are about: what makes pods, and settings of the cluster.

pub(super) const ADMISSION: &str = "admissionregistration.k8s.io";
pub(super) const APIS: &str = "apiregistration.k8s.io";

/// ConfigMaps of kube-system that decide how names resolve, who is who, and what components run with.
pub(super) const SETTINGS: &[&str] = &[
    "amazon-vpc-cni",
    "antrea-config",
    "aws-auth",
    "calico-config",
    "canal-config",
    "cilium-config",
    "coredns",
    "coredns-custom",
    "extension-apiserver-authentication",
    "kube-dns",
    "kube-proxy",
    "kube-router-cfg",
    "kubeadm-config",
    "kubelet-config",
    "node-local-dns",
    "rke2-coredns-rke2-coredns",
];

/// The setting that maps identities of AWS to users and groups of the cluster, its administrators among them.
pub(super) const IDENTITIES: &str = "aws-auth";

/// What runs as it was made: its template, or the account and images of its pods, cannot be changed afterwards, only made
/// (`pkg/apis/batch/validation`, `pkg/apis/core/validation`; the webhooks of the others). Of a pod the image can be changed, see `ChangePods`.
pub(super) const MADE_ONCE: &[(&str, &str, &str)] = &[
    ("", "pods", ""),
    ("batch", "jobs", ""),
    ("build.openshift.io", "builds", ""),
    ("tekton.dev", "taskruns", ""),
    ("tekton.dev", "pipelineruns", ""),
    ("kubevirt.io", "virtualmachineinstances", ""),
    ("batch.volcano.sh", "jobs", ""),
];

/// What makes pods from a template of its own that can be changed. Kinds beyond these two lists that make pods are not followed.
pub(super) const TEMPLATES: &[(&str, &str, &str)] = &[
    ("", "replicationcontrollers", ""),
    ("apps", "deployments", ""),
    ("apps", "daemonsets", ""),
    ("apps", "statefulsets", ""),
    ("apps", "replicasets", ""),
    ("batch", "cronjobs", ""),
    ("apps.openshift.io", "deploymentconfigs", ""),
    ("build.openshift.io", "buildconfigs", ""),
    ("argoproj.io", "rollouts", ""),
    ("argoproj.io", "workflows", ""),
    ("argoproj.io", "cronworkflows", ""),
    ("argoproj.io", "workflowtemplates", ""),
    // Their pods run what the writer says, with the account that it names; a sensor also creates any object.
    ("argoproj.io", "sensors", ""),
    ("argoproj.io", "eventsources", ""),
    ("tekton.dev", "tasks", ""),
    ("tekton.dev", "pipelines", ""),
    ("serving.knative.dev", "services", ""),
    ("serving.knative.dev", "configurations", ""),
    ("kubevirt.io", "virtualmachines", ""),
    ("kubevirt.io", "virtualmachineinstancereplicasets", ""),
    ("pool.kubevirt.io", "virtualmachinepools", ""),
    ("apps.kruise.io", "clonesets", ""),
    ("apps.kruise.io", "statefulsets", ""),
    ("apps.kruise.io", "daemonsets", ""),
    ("apps.kruise.io", "broadcastjobs", ""),
    ("apps.kruise.io", "advancedcronjobs", ""),
    ("apps.kruise.io", "uniteddeployments", ""),
    ("keda.sh", "scaledjobs", ""),
    ("monitoring.coreos.com", "prometheuses", ""),
    ("monitoring.coreos.com", "prometheusagents", ""),
    ("monitoring.coreos.com", "alertmanagers", ""),
    ("monitoring.coreos.com", "thanosrulers", ""),
    ("elasticsearch.k8s.elastic.co", "elasticsearches", ""),
    ("kibana.k8s.elastic.co", "kibanas", ""),
    ("k8up.io", "prebackuppods", ""),
    ("jobset.x-k8s.io", "jobsets", ""),
    ("leaderworkerset.x-k8s.io", "leaderworkersets", ""),
    ("sparkoperator.k8s.io", "sparkapplications", ""),
    ("sparkoperator.k8s.io", "scheduledsparkapplications", ""),
    ("ray.io", "rayclusters", ""),
    ("ray.io", "rayjobs", ""),
    ("ray.io", "rayservices", ""),
];
