//! An API server inside the test: discovery, paged lists, and failures on demand. A tower service, so that no port is opened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use kube_hipaa::collect::Clients;
use serde_json::{Value, json};

pub use super::reply::Reply;
use super::reply::{Ending, body_until, rendered, response};

/// What the server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub accept: String,
    pub authorized: bool,
}

#[derive(Default)]
struct State {
    /// Path to answers for the first requests, in order; then the last one stays when it is marked.
    script: BTreeMap<String, (Vec<Reply>, bool)>,
    /// Path to kind and objects.
    lists: BTreeMap<String, (String, Vec<Value>)>,
    /// Path to body.
    pages: BTreeMap<String, Reply>,
    stale: Vec<(&'static str, &'static str)>,
    plain: bool,
    asked: Vec<Asked>,
    /// Requests that are being answered, and the most that there were.
    busy: (usize, usize),
}

/// The server; clones share it.
#[derive(Clone, Default)]
pub struct FakeServer(Arc<Mutex<State>>);

/// Group, version, plurals with their kinds.
type Group = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SERVED: &[Group] = &[
    (
        "",
        "v1",
        &[
            ("namespaces", "Namespace"),
            ("nodes", "Node"),
            ("pods", "Pod"),
            ("serviceaccounts", "ServiceAccount"),
            ("services", "Service"),
            ("configmaps", "ConfigMap"),
            ("persistentvolumes", "PersistentVolume"),
            ("persistentvolumeclaims", "PersistentVolumeClaim"),
            ("resourcequotas", "ResourceQuota"),
            ("limitranges", "LimitRange"),
            ("replicationcontrollers", "ReplicationController"),
        ],
    ),
    (
        "apps",
        "v1",
        &[("deployments", "Deployment"), ("replicasets", "ReplicaSet"), ("statefulsets", "StatefulSet"), ("daemonsets", "DaemonSet")],
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        &[
            ("roles", "Role"),
            ("rolebindings", "RoleBinding"),
            ("clusterroles", "ClusterRole"),
            ("clusterrolebindings", "ClusterRoleBinding"),
        ],
    ),
    ("coordination.k8s.io", "v1", &[("leases", "Lease")]),
    ("batch", "v1", &[("jobs", "Job"), ("cronjobs", "CronJob")]),
    ("policy", "v1", &[("poddisruptionbudgets", "PodDisruptionBudget")]),
    ("scheduling.k8s.io", "v1", &[("priorityclasses", "PriorityClass")]),
    ("node.k8s.io", "v1", &[("runtimeclasses", "RuntimeClass")]),
    ("certificates.k8s.io", "v1", &[("certificatesigningrequests", "CertificateSigningRequest")]),
    ("networking.k8s.io", "v1", &[("networkpolicies", "NetworkPolicy"), ("ingresses", "Ingress"), ("ingressclasses", "IngressClass")]),
    ("storage.k8s.io", "v1", &[("storageclasses", "StorageClass"), ("csidrivers", "CSIDriver")]),
    (
        "admissionregistration.k8s.io",
        "v1",
        &[
            ("validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
            ("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
        ],
    ),
    ("apiextensions.k8s.io", "v1", &[("customresourcedefinitions", "CustomResourceDefinition")]),
    ("apiregistration.k8s.io", "v1", &[("apiservices", "APIService")]),
    ("authentication.k8s.io", "v1", &[("selfsubjectreviews", "SelfSubjectReview")]),
    (
        "authorization.k8s.io",
        "v1",
        &[("selfsubjectaccessreviews", "SelfSubjectAccessReview"), ("selfsubjectrulesreviews", "SelfSubjectRulesReview")],
    ),
    ("constraints.gatekeeper.sh", "v1beta1", &[("requiredlabels", "RequiredLabels"), ("requiredlabels/status", "RequiredLabels")]),
    ("projectcalico.org", "v3", &[("networkpolicies", "NetworkPolicy"), ("tiers", "Tier")]),
];

impl FakeServer {
    pub fn new() -> Self {
        let server = Self::default();
        server.list("/api/v1/namespaces", "Namespace", vec![object("kube-system", None), object("records", None)]);
        server.page(
            "/version",
            Reply::Json(200, json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3", "buildDate": "secret-marker"})),
        );
        let user = json!({"userInfo": {"username": "scanner", "groups": ["system:authenticated", "auditors"]}});
        server.page(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            Reply::Json(
                201,
                json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "status": user}),
            ),
        );
        let rules = json!({"resourceRules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}], "nonResourceRules": [], "incomplete": false});
        server.page(
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            Reply::Json(201, json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {}, "status": rules})),
        );
        server.page("/metrics", Reply::Raw(200, "text/plain; version=0.0.4", b"process_start_time_seconds 1.5\ngo_threads 7\n".to_vec()));
        server
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    /// The objects under a path.
    pub fn list(&self, path: &str, kind: &str, objects: Vec<Value>) {
        self.with(|state| state.lists.insert(path.to_owned(), (kind.to_owned(), objects)));
    }
    /// A fixed answer under a path.
    pub fn page(&self, path: &str, reply: Reply) {
        self.with(|state| state.pages.insert(path.to_owned(), reply));
    }
    /// Answers for the first requests to a path; after them, the server answers normally.
    pub fn first(&self, path: &str, replies: Vec<Reply>) {
        self.with(|state| state.script.insert(path.to_owned(), (replies, false)));
    }
    /// Answers to a path; the last one stays.
    pub fn always(&self, path: &str, replies: Vec<Reply>) {
        self.with(|state| state.script.insert(path.to_owned(), (replies, true)));
    }
    /// An aggregated API whose server is away.
    pub fn stale(&self, group: &'static str, version: &'static str) {
        self.with(|state| state.stale.push((group, version)));
    }
    /// A server from before aggregated discovery.
    pub fn plain_discovery(&self) {
        self.with(|state| state.plain = true);
    }
    /// What it answers to a path when nothing is wrong.
    pub fn answer(&self, path: &str) -> (u16, &'static str, Vec<u8>) {
        let accept = if path.ends_with("/replicasets") || path.ends_with("definitions") { "PartialObjectMetadataList" } else { "" };
        let asked = Asked { method: "GET".to_owned(), path: path.to_owned(), accept: accept.to_owned(), authorized: true };
        let ((code, _), kind, bytes) = rendered(self.with(|state| state.answer(&asked, b"{}")));
        (code, kind, bytes)
    }
    /// What it says under `/apis`.
    pub fn discovery(&self) -> Value {
        self.with(|state| state.aggregated(false))
    }
    pub fn asked(&self) -> Vec<Asked> {
        self.with(|state| state.asked.clone())
    }
    /// The most requests that were answered at the same time.
    pub fn most_at_once(&self) -> usize {
        self.with(|state| state.busy.1)
    }
    /// Requests whose path (without query) is this one.
    pub fn asked_for(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path.split('?').next() == Some(path)).count()
    }

    pub fn clients(&self) -> Clients {
        Clients {
            authenticated: self.client(true),
            anonymous: Some(self.client(false)),
            credentials: None,
            server: "https://fake.invalid:6443".to_owned(),
            ca_sha256: None,
            tls_unverified: false,
        }
    }

    fn client(&self, authorized: bool) -> Client {
        let server = self.clone();
        Client::new(
            tower::service_fn(move |request: Request<Body>| {
                let server = server.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let asked = Asked {
                        method: parts.method.to_string(),
                        path: parts.uri.to_string(),
                        accept: parts.headers.get("accept").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default(),
                        authorized,
                    };
                    let path = asked.path.clone();
                    let (mut reply, normal) = server.with(|state| {
                        let reply = state.next(&asked);
                        let normal = state.answer(&asked, &body);
                        state.asked.push(asked);
                        state.busy.0 += 1;
                        state.busy.1 = state.busy.1.max(state.busy.0);
                        (reply, normal)
                    });
                    let _busy = Busy(server.clone());
                    let mut how = Ending::Whole;
                    match reply.clone() {
                        Reply::Normal => reply = normal,
                        Reply::Slow(time) => {
                            tokio::time::sleep(time).await;
                            reply = normal;
                        }
                        Reply::BreaksOff | Reply::CutOff => {
                            how = if matches!(reply, Reply::BreaksOff) { Ending::Breaks } else { Ending::Early };
                            reply = normal;
                        }
                        Reply::BreaksOffLate => {
                            let ((code, _), kind, bytes) = rendered(normal);
                            let path = path.split('?').next().unwrap_or("").to_owned();
                            let next_page_was_asked = async move {
                                while !server.asked().iter().any(|asked| asked.path.starts_with(&path) && asked.path.contains("continue="))
                                {
                                    tokio::time::sleep(Duration::from_millis(1)).await;
                                }
                            };
                            let answer = http::Response::builder().status(code).header("content-type", kind);
                            return Ok(answer.body(body_until(bytes, next_page_was_asked))?);
                        }
                        Reply::Refused => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()),
                        _ => {}
                    }
                    Ok::<_, tower::BoxError>(response(reply, how, &[("date", "Fri, 20 Nov 2026 12:00:00 GMT")])?)
                }
            }),
            "default",
        )
    }
}

/// A request that is being answered.
struct Busy(FakeServer);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.with(|state| state.busy.0 -= 1);
    }
}

impl State {
    fn next(&mut self, asked: &Asked) -> Reply {
        let path = asked.path.split('?').next().unwrap();
        match self.script.get_mut(path) {
            Some((replies, stays)) if replies.len() > 1 || (!*stays && !replies.is_empty()) => replies.remove(0),
            Some((replies, true)) => replies[0].clone(),
            _ => Reply::Normal,
        }
    }

    fn answer(&self, asked: &Asked, body: &[u8]) -> Reply {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        if let Some(reply) = self.pages.get(path) {
            return reply.clone();
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["api"] if self.plain => Reply::Json(200, json!({"kind": "APIVersions", "versions": ["v1"]})),
            ["apis"] if self.plain => Reply::Json(200, self.plain_groups()),
            ["api", version] if self.plain => resources("", version),
            ["apis", group, version] if self.plain => match self.stale.contains(&(*group, *version)) {
                true => Reply::Raw(503, "text/plain", b"service unavailable".to_vec()),
                false => resources(group, version),
            },
            ["api"] => Reply::Json(200, self.aggregated(true)),
            ["apis"] => Reply::Json(200, self.aggregated(false)),
            ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => access_review(body),
            _ => match self.lists.get(path) {
                Some((kind, objects)) => page(&parts, query, kind, objects, asked.accept.contains("PartialObjectMetadataList")),
                None if path.contains("/configmaps/") => {
                    let name = parts.last().unwrap();
                    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound",
                        "message": format!("configmaps \"{name}\" not found"), "details": {"name": name, "kind": "configmaps"}});
                    Reply::Json(404, status)
                }
                None => match served_kind(&parts) {
                    Some(kind) => page(&parts, query, kind, &[], false),
                    None => Reply::Raw(404, "text/plain", b"404 page not found\n".to_vec()),
                },
            },
        }
    }

    fn aggregated(&self, core: bool) -> Value {
        let version = |group: &str, version: &str, resources: &[(&str, &str)]| {
            let stale = self.stale.contains(&(leak(group), leak(version)));
            let resources: Vec<Value> = resources
                .iter()
                .filter(|(name, _)| !stale && !name.contains('/'))
                .map(|(name, kind)| json!({"resource": name, "responseKind": {"group": group, "version": version, "kind": kind}, "scope": if is_namespaced(name) { "Namespaced" } else { "Cluster" }, "singularResource": kind.to_lowercase(), "verbs": ["list"]}))
                .collect();
            json!({"version": version, "freshness": if stale { "Stale" } else { "Current" }, "resources": resources})
        };
        let items: Vec<Value> = SERVED
            .iter()
            .filter(|(group, ..)| group.is_empty() == core)
            .map(|(group, name, resources)| json!({"metadata": {"name": group}, "versions": [version(group, name, resources)]}))
            .collect();
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
    }

    fn plain_groups(&self) -> Value {
        let groups: Vec<Value> = SERVED
            .iter()
            .filter(|(group, ..)| !group.is_empty())
            .map(|(group, version, _)| json!({"name": group, "versions": [{"groupVersion": format!("{group}/{version}"), "version": version}]}))
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }
}

fn leak(text: &str) -> &'static str {
    SERVED.iter().flat_map(|(group, version, _)| [*group, *version]).find(|known| *known == text).unwrap_or("")
}

fn resources(group: &str, version: &str) -> Reply {
    let found = SERVED.iter().find(|(name, of, _)| *name == group && *of == version).unwrap();
    let list: Vec<Value> =
        found.2.iter().map(|(name, kind)| json!({"name": name, "kind": kind, "singularName": kind.to_lowercase(), "namespaced": is_namespaced(name), "verbs": ["list"]})).collect();
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Reply::Json(200, json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": list}))
}

fn is_namespaced(resource: &str) -> bool {
    const CLUSTER: [&str; 18] = [
        "namespaces",
        "nodes",
        "persistentvolumes",
        "clusterroles",
        "clusterrolebindings",
        "priorityclasses",
        "runtimeclasses",
        "certificatesigningrequests",
        "ingressclasses",
        "storageclasses",
        "csidrivers",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "customresourcedefinitions",
        "apiservices",
        "requiredlabels",
        "tiers",
        "selfsubjectreviews",
    ];
    !CLUSTER.contains(&resource)
}

fn served_kind(parts: &[&str]) -> Option<&'static str> {
    let (group, version, rest) = match parts {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (.., resources) = SERVED.iter().find(|(name, of, _)| *name == group && *of == version)?;
    resources.iter().find(|(name, _)| rest.last() == Some(name)).map(|(_, kind)| *kind)
}

fn page(parts: &[&str], query: &str, kind: &str, objects: &[Value], metadata_only: bool) -> Reply {
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let limit: usize = parameter("limit").map_or(usize::MAX, |text| text.parse().unwrap());
    let from: usize = parameter("continue").map_or(0, |token| token.rsplit('-').next().unwrap().parse().unwrap());
    let to = objects.len().min(from.saturating_add(limit));
    let mut items: Vec<Value> = objects[from..to].to_vec();
    if metadata_only {
        items = items.iter().map(|item| json!({"metadata": item["metadata"]})).collect();
    }
    let next = if to < objects.len() { format!("token-{to}") } else { String::new() };
    let (kind, version) = match (metadata_only, parts) {
        (true, _) => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        (false, ["apis", group, version, ..]) => (format!("{kind}List"), format!("{group}/{version}")),
        (false, _) => (format!("{kind}List"), "v1".to_owned()),
    };
    let mut metadata = json!({"resourceVersion": "4711", "continue": next});
    if to < objects.len() {
        metadata["remainingItemCount"] = json!(objects.len() - to);
    }
    Reply::Json(200, json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items}))
}

/// Everything but nodes and /metrics is allowed.
fn access_review(body: &[u8]) -> Reply {
    let question: Value = serde_json::from_slice(body).unwrap();
    let spec = &question["spec"];
    let allowed = spec["resourceAttributes"]["resource"] != "nodes" && spec["nonResourceAttributes"]["path"] != "/metrics";
    Reply::Json(
        201,
        json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec, "status": {"allowed": allowed, "reason": "because"}}),
    )
}

/// An object with a name and the fields that servers always write.
pub fn object(name: &str, namespace: Option<&str>) -> Value {
    let metadata = json!({"name": name, "namespace": namespace, "uid": format!("uid-of-{name}"), "resourceVersion": "12", "managedFields": [{"manager": "secret-marker"}]});
    json!({"metadata": metadata, "spec": {"selector": {}, "template": {"spec": {}}}, "status": {}})
}

/// So many pods.
pub fn pods(n: usize) -> Vec<Value> {
    (0..n)
        .map(|i| {
            let mut pod = object(&format!("pod-{i:05}"), Some("records"));
            pod["spec"] = json!({"containers": [{"name": "c", "image": "i", "env": [{"name": "PASSWORD", "value": "secret-marker"}]}]});
            pod["status"] = json!({"phase": "Running"});
            pod
        })
        .collect()
}
