//! What a cluster of a given size holds: objects as large and as varied as real ones, the same in every run.

use serde_json::{Value, json};

/// Pods of one Deployment.
pub const REPLICAS: usize = 5;
/// Deployments of one namespace.
pub const DEPLOYMENTS: usize = 10;
/// Pods of Deployments on one node.
const PODS_PER_NODE: usize = 100;
/// DaemonSets, each with a pod on every node.
pub const DAEMON_SETS: [&str; 2] = ["log-shipper", "node-exporter"];

/// Number of namespaces for so many pods of Deployments.
pub fn namespaces(pods: usize) -> usize {
    pods.div_ceil(REPLICAS * DEPLOYMENTS)
}

/// Number of nodes for so many pods of Deployments.
pub fn nodes(pods: usize) -> usize {
    pods.div_ceil(PODS_PER_NODE)
}

pub fn namespace_name(number: usize) -> String {
    format!("team-{number:04}")
}

pub fn node_name(number: usize) -> String {
    format!("worker-{number:04}")
}

/// An object, where it is posted, and the status that its controller would write.
pub struct Object {
    pub path: String,
    pub body: Value,
    pub status: Option<Value>,
}

fn object(path: &str, body: Value) -> Object {
    Object { path: path.to_owned(), body, status: None }
}

/// A number that looks like chance and is not.
fn mixed(number: usize) -> u64 {
    let mut x = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn digest(number: usize) -> String {
    (0..4).map(|part| format!("{:016x}", mixed(number * 4 + part))).collect()
}

/// The node and the pods that run on every node are made of it.
pub fn node(number: usize) -> Object {
    let name = node_name(number);
    let address = format!("10.{}.{}.{}", 20 + number / 62_500, number / 250 % 250, number % 250 + 1);
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "Kubelet", "message": "kubelet has said so", "lastHeartbeatTime": "2026-11-20T08:00:00Z", "lastTransitionTime": "2026-11-20T08:00:00Z"});
    let images: Vec<Value> = (0..30)
        .map(|i| json!({"names": [format!("registry.example/team/service-{i}@sha256:{}", digest(i)), format!("registry.example/team/service-{i}:1.{i}.0")], "sizeBytes": 50_000_000 + i}))
        .collect();
    Object {
        path: "/api/v1/nodes".to_owned(),
        body: json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": format!("zone-{}", number % 3), "node.kubernetes.io/instance-type": "standard-16"}},
            "spec": {"podCIDR": format!("10.244.{}.0/24", number % 250), "providerID": format!("example://{name}")},
        }),
        status: Some(json!({"status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": {"cpu": "16", "memory": "65536Mi", "pods": "250"}, "allocatable": {"cpu": "15", "memory": "60000Mi", "pods": "250"},
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"), condition("PIDPressure", "False"), condition("Ready", "True")],
            "nodeInfo": {"machineID": digest(number), "systemUUID": digest(number + 1), "bootID": digest(number + 2), "kernelVersion": "6.12.0", "osImage": "Example Linux 12", "containerRuntimeVersion": "containerd://2.1.4", "kubeletVersion": "v1.36.3", "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64"},
            "images": images,
        }})),
    }
}

/// What every namespace has beside its workloads.
pub fn furniture(number: usize) -> Vec<Object> {
    let name = namespace_name(number);
    let core = |resource: &str| format!("/api/v1/namespaces/{name}/{resource}");
    let rbac = |resource: &str| format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/{resource}");
    let policies = format!("/apis/networking.k8s.io/v1/namespaces/{name}/networkpolicies");
    let mut all = vec![object(&core("serviceaccounts"), json!({"metadata": {"name": "default"}}))];
    for role in 0..6 {
        let rules = json!([
            {"apiGroups": [""], "resources": ["pods", "pods/log", "services", "configmaps"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["get", "list", "watch", "update", "patch"]},
            {"apiGroups": [""], "resources": [if role == 0 { "secrets" } else { "events" }], "verbs": ["get", "list"]},
        ]);
        all.push(object(&rbac("roles"), json!({"metadata": {"name": format!("role-{role}"), "labels": {"team": name}}, "rules": rules})));
        for binding in 0..2 {
            let subjects = json!([
                {"kind": "ServiceAccount", "name": format!("service-{}", (role + binding) % DEPLOYMENTS), "namespace": name},
                {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": format!("person-{}@example.org", mixed(number * 12 + role * 2 + binding) % 300)},
                {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": format!("{name}:members")},
            ]);
            let body = json!({
                "metadata": {"name": format!("role-{role}-{binding}")},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": format!("role-{role}")},
                "subjects": subjects,
            });
            all.push(object(&rbac("rolebindings"), body));
        }
    }
    // A default deny in two of three namespaces, and what the services need of one another.
    if !number.is_multiple_of(3) {
        all.push(object(
            &policies,
            json!({"metadata": {"name": "default-deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}),
        ));
    }
    for policy in 0..2 {
        let selected = json!({"matchLabels": {"app.kubernetes.io/name": format!("service-{policy}")}});
        let from = json!([{"podSelector": {"matchLabels": {"app.kubernetes.io/name": format!("service-{}", policy + 1)}}}, {"namespaceSelector": {"matchLabels": {"team": namespace_name(number / 2)}}}]);
        let spec = json!({"podSelector": selected, "policyTypes": ["Ingress"], "ingress": [{"from": from, "ports": [{"port": 8080, "protocol": "TCP"}]}]});
        all.push(object(&policies, json!({"metadata": {"name": format!("to-service-{policy}")}, "spec": spec})));
    }
    all.push(object(
        &core("resourcequotas"),
        json!({"metadata": {"name": "quota"}, "spec": {"hard": {"pods": "500", "requests.cpu": "400"}}}),
    ));
    for volume in 0..2 {
        let claim = format!("data-{volume}");
        let pv = format!("pv-{name}-{volume}");
        all.push(object(&core("persistentvolumeclaims"), json!({"metadata": {"name": claim}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}, "storageClassName": "encrypted", "volumeName": pv}})));
        all.push(object("/api/v1/persistentvolumes", json!({"metadata": {"name": pv}, "spec": {"capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "encrypted", "claimRef": {"kind": "PersistentVolumeClaim", "namespace": name, "name": claim}, "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": format!("vol-{:016x}", mixed(number * 2 + volume)), "fsType": "ext4"}}})));
    }
    for host in 0..2 {
        let rule = json!({"host": format!("{name}-{host}.example.org"), "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": format!("service-{host}"), "port": {"number": 80}}}}]}});
        let tls = json!([{"hosts": [format!("{name}-{host}.example.org")], "secretName": format!("tls-{host}")}]);
        let spec = if host == 0 {
            json!({"ingressClassName": "nginx", "rules": [rule], "tls": tls})
        } else {
            json!({"ingressClassName": "nginx", "rules": [rule]})
        };
        all.push(object(
            &format!("/apis/networking.k8s.io/v1/namespaces/{name}/ingresses"),
            json!({"metadata": {"name": format!("ingress-{host}")}, "spec": spec}),
        ));
    }
    // Neither is read: they are there because a real server holds them.
    for extra in 0..5 {
        all.push(object(
            &core("configmaps"),
            json!({"metadata": {"name": format!("settings-{extra}")}, "data": {"application.yaml": "key: value\n".repeat(50)}}),
        ));
        all.push(object(
            &core("secrets"),
            json!({"metadata": {"name": format!("secret-{extra}")}, "stringData": {"password": digest(extra)}}),
        ));
    }
    let spec = json!({"schedule": "17 3 * * *", "jobTemplate": {"spec": {"template": {"metadata": {}, "spec": pod_spec(&name, 0, number * 31, None)}}}});
    let mut cron = object(&format!("/apis/batch/v1/namespaces/{name}/cronjobs"), json!({"metadata": {"name": "backup"}, "spec": spec}));
    cron.body["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = json!("OnFailure");
    all.push(cron);
    all
}

/// What stands outside of namespaces.
pub fn cluster_wide(namespace: usize) -> Vec<Object> {
    let rbac = |resource: &str| format!("/apis/rbac.authorization.k8s.io/v1/{resource}");
    let name = format!("operator-{namespace:04}");
    let rules = json!([
        {"apiGroups": ["example.org"], "resources": ["widgets", "widgets/status"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["pods", "services", "endpoints", "configmaps"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    ]);
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "service-0", "namespace": namespace_name(namespace)}],
    });
    vec![object(&rbac("clusterroles"), json!({"metadata": {"name": name}, "rules": rules})), object(&rbac("clusterrolebindings"), binding)]
}

/// One in so many workloads is of each kind; the rest sets nothing at all, as most manifests do.
fn character(workload: usize) -> &'static str {
    match workload % 20 {
        0 => "privileged",
        1 => "host paths",
        2..=4 => "restricted",
        5..=9 => "partly hardened",
        _ => "plain",
    }
}

fn container(name: &str, tag: &str, workload: usize) -> Value {
    let image = format!("registry.example/team/{name}:{tag}");
    let mut env: Vec<Value> = (0..14)
        .map(|i| json!({"name": format!("SERVICE_{i}_ADDRESS"), "value": format!("service-{i}.shared.svc.cluster.local:8080")}))
        .collect();
    env.push(json!({"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}));
    env.push(json!({"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "secret-0", "key": "password"}}}));
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "initialDelaySeconds": 5, "periodSeconds": 10, "timeoutSeconds": 3, "successThreshold": 1, "failureThreshold": 3});
    let security = match character(workload) {
        "privileged" => json!({"privileged": true}),
        "restricted" => {
            json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": 1000, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}})
        }
        "partly hardened" => json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["NET_RAW"], "add": ["NET_BIND_SERVICE"]}}),
        _ => json!({}),
    };
    json!({
        "name": name, "image": image, "imagePullPolicy": "IfNotPresent",
        "args": ["--listen=:8080", "--log-level=info", format!("--shard={workload}")],
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "livenessProbe": probe("/healthz"), "readinessProbe": probe("/readyz"),
        "securityContext": security,
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/service", "readOnly": true}, {"name": "cache", "mountPath": "/var/cache/service"}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    })
}

fn pod_spec(namespace: &str, service: usize, workload: usize, node: Option<&str>) -> Value {
    let mut volumes = vec![json!({"name": "settings", "configMap": {"name": "settings-0"}}), json!({"name": "cache", "emptyDir": {}})];
    if character(workload) == "host paths" {
        volumes.push(json!({"name": "host", "hostPath": {"path": "/var/run", "type": ""}}));
    }
    let mut containers = vec![container(&format!("service-{service}"), &format!("1.{}.{}", workload % 40, workload % 7), workload)];
    if workload.is_multiple_of(3) {
        containers.push(json!({
            "name": "proxy", "image": format!("registry.example/mesh/proxy:1.24.0@sha256:{}", digest(7)), "imagePullPolicy": "IfNotPresent",
            "args": ["proxy", "sidecar", "--domain", format!("{namespace}.svc.cluster.local")],
            "resources": {"requests": {"cpu": "10m", "memory": "40Mi"}},
            "securityContext": {"allowPrivilegeEscalation": false, "runAsUser": 1337, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}},
        }));
    }
    let mut spec = json!({
        "containers": containers, "volumes": volumes,
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "serviceAccountName": format!("service-{service}"),
        "securityContext": if character(workload) == "restricted" { json!({"fsGroup": 1000, "runAsNonRoot": true}) } else { json!({}) },
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app.kubernetes.io/name": format!("service-{service}")}}}}]}},
    });
    if let Some(node) = node {
        spec["nodeName"] = json!(node);
    }
    spec
}

fn labels(namespace: &str, service: usize) -> Value {
    json!({
        "app.kubernetes.io/name": format!("service-{service}"), "app.kubernetes.io/instance": format!("service-{service}-{namespace}"),
        "app.kubernetes.io/version": "1.0.0", "app.kubernetes.io/component": "backend", "app.kubernetes.io/managed-by": "Helm", "team": namespace,
    })
}

/// A Deployment with its Service and service account; its ReplicaSets and pods come after it, because they name its uid.
pub struct Workload {
    pub namespace: String,
    pub service: usize,
    number: usize,
}

impl Workload {
    pub fn new(number: usize) -> Self {
        Self { namespace: namespace_name(number / DEPLOYMENTS), service: number % DEPLOYMENTS, number }
    }

    fn name(&self) -> String {
        format!("service-{}", self.service)
    }

    fn hash(&self, revision: usize) -> String {
        format!("{:010x}", mixed(self.number * 2 + revision) >> 24)
    }

    fn template(&self, revision: usize) -> Value {
        let mut labels = labels(&self.namespace, self.service);
        if revision > 0 {
            labels["pod-template-hash"] = json!(self.hash(revision));
        }
        let annotations = json!({"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "checksum/config": digest(self.number), "kubectl.kubernetes.io/restartedAt": "2026-11-20T08:00:00Z"});
        json!({"metadata": {"labels": labels, "annotations": annotations}, "spec": pod_spec(&self.namespace, self.service, self.number, None)})
    }

    pub fn before(&self) -> Vec<Object> {
        let core = |resource: &str| format!("/api/v1/namespaces/{}/{resource}", self.namespace);
        let account = json!({"metadata": {"name": self.name()}, "automountServiceAccountToken": !self.number.is_multiple_of(4)});
        let ports = json!([{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]);
        let kind = if self.number.is_multiple_of(50) { "LoadBalancer" } else { "ClusterIP" };
        let service = json!({"metadata": {"name": self.name(), "labels": labels(&self.namespace, self.service)}, "spec": {"type": kind, "selector": {"app.kubernetes.io/name": self.name()}, "ports": ports}});
        vec![object(&core("serviceaccounts"), account), object(&core("services"), service)]
    }

    pub fn deployment(&self) -> Object {
        Object {
            path: format!("/apis/apps/v1/namespaces/{}/deployments", self.namespace),
            body: json!({
                "metadata": {"name": self.name(), "labels": labels(&self.namespace, self.service), "annotations": {"deployment.kubernetes.io/revision": "2", "meta.helm.sh/release-name": self.name()}},
                "spec": {"replicas": REPLICAS, "selector": {"matchLabels": {"app.kubernetes.io/name": self.name()}}, "template": self.template(0)},
            }),
            status: Some(
                json!({"status": {"observedGeneration": 1, "replicas": REPLICAS, "updatedReplicas": REPLICAS, "readyReplicas": REPLICAS, "availableReplicas": REPLICAS}}),
            ),
        }
    }

    /// The one before (empty) and the current one.
    pub fn replica_set(&self, revision: usize, deployment: &str) -> Object {
        let replicas = if revision == 2 { REPLICAS } else { 0 };
        let mut labels = labels(&self.namespace, self.service);
        labels["pod-template-hash"] = json!(self.hash(revision));
        Object {
            path: format!("/apis/apps/v1/namespaces/{}/replicasets", self.namespace),
            body: json!({
                "metadata": {
                    "name": format!("{}-{}", self.name(), self.hash(revision)), "labels": labels,
                    "annotations": {"deployment.kubernetes.io/revision": revision.to_string(), "deployment.kubernetes.io/desired-replicas": "5", "deployment.kubernetes.io/max-replicas": "7"},
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name(), "uid": deployment, "controller": true, "blockOwnerDeletion": true}],
                },
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app.kubernetes.io/name": self.name(), "pod-template-hash": self.hash(revision)}}, "template": self.template(revision)},
            }),
            status: Some(
                json!({"status": {"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}}),
            ),
        }
    }

    pub fn pod(&self, replica: usize, replica_set: &str, nodes: usize) -> Object {
        let number = self.number * REPLICAS + replica;
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{}-{}", self.name(), self.hash(2)), "uid": replica_set, "controller": true, "blockOwnerDeletion": true});
        let mut template = self.template(2);
        template["metadata"]["name"] = json!(format!("{}-{}-{:05x}", self.name(), self.hash(2), mixed(number) % 0xf_ffff));
        template["metadata"]["ownerReferences"] = json!([owner]);
        template["spec"]["nodeName"] = json!(node_name(number % nodes.max(1)));
        Object {
            path: format!("/api/v1/namespaces/{}/pods", self.namespace),
            status: Some(pod_status(&template["spec"], number)),
            body: template,
        }
    }
}

/// What a kubelet reports of a running pod.
fn pod_status(spec: &Value, number: usize) -> Value {
    let since = "2026-11-20T08:00:00Z";
    let statuses: Vec<Value> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            json!({
                "name": container["name"], "image": container["image"], "imageID": format!("registry.example/team/image@sha256:{}", digest(number / REPLICAS)),
                "containerID": format!("containerd://{}", digest(number)), "ready": true, "started": true, "restartCount": number % 3,
                "state": {"running": {"startedAt": since}}, "lastState": {},
                "resources": container["resources"], "allocatedResources": container["resources"]["requests"],
                "user": {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}},
            })
        })
        .collect();
    let conditions: Vec<Value> = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .map(|kind| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": since, "observedGeneration": 1}))
        .to_vec();
    let address = format!("10.{}.{}.{}", 100 + number / 62_500, number / 250 % 250, number % 250 + 1);
    json!({"status": {
        "phase": "Running", "observedGeneration": 1, "conditions": conditions, "containerStatuses": statuses, "startTime": since, "qosClass": "Burstable",
        "hostIP": "10.20.0.1", "hostIPs": [{"ip": "10.20.0.1"}], "podIP": address, "podIPs": [{"ip": address}],
    }})
}

/// A DaemonSet of `kube-system`, and its pod on one node.
pub fn daemon_set(name: &str, nodes: usize) -> Object {
    let template = json!({"metadata": {"labels": {"app": name}}, "spec": daemon_spec(name, None)});
    Object {
        path: "/apis/apps/v1/namespaces/kube-system/daemonsets".to_owned(),
        body: json!({"metadata": {"name": name, "annotations": {"deprecated.daemonset.template.generation": "1"}}, "spec": {"selector": {"matchLabels": {"app": name}}, "template": template}}),
        status: Some(
            json!({"status": {"observedGeneration": 1, "currentNumberScheduled": nodes, "desiredNumberScheduled": nodes, "numberMisscheduled": 0, "numberReady": nodes, "updatedNumberScheduled": nodes}}),
        ),
    }
}

fn daemon_spec(name: &str, node: Option<&str>) -> Value {
    let mut spec = pod_spec("kube-system", 0, 1, node);
    spec["serviceAccountName"] = json!("default");
    spec["containers"][0]["name"] = json!(name);
    spec["tolerations"] = json!([{"operator": "Exists"}]);
    spec
}

pub fn daemon_pod(name: &str, set: &str, node: usize) -> Object {
    let spec = daemon_spec(name, Some(&node_name(node)));
    let owner =
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": name, "uid": set, "controller": true, "blockOwnerDeletion": true});
    Object {
        path: "/api/v1/namespaces/kube-system/pods".to_owned(),
        status: Some(pod_status(&spec, node)),
        body: json!({"metadata": {"name": format!("{name}-{node:05}"), "labels": {"app": name, "pod-template-generation": "1", "controller-revision-hash": "1"}, "ownerReferences": [owner]}, "spec": spec}),
    }
}
