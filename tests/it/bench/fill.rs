//! Fills a server as quickly as it takes objects: no controllers and kubelets, but the objects that they would leave behind.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt};
use http::{Method, Request, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::objects::{self, Object, Workload};

/// Requests at the same time.
const PARALLEL: usize = 24;

/// A filled server grows: what was made for a smaller size stays.
pub struct Filling {
    client: Client,
    pods: usize,
    made: AtomicUsize,
}

impl Filling {
    pub fn new(client: Client) -> Self {
        Self { client, pods: 0, made: AtomicUsize::new(0) }
    }

    /// Objects made so far.
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Grows the cluster to so many pods of Deployments.
    pub async fn grow(&mut self, pods: usize) -> Result<(), String> {
        let this = &*self;
        if self.pods == 0 {
            this.make(system()).await?;
        }
        let new = |count: fn(usize) -> usize| count(this.pods)..count(pods);
        let nodes: Vec<usize> = new(objects::nodes).collect();
        let namespaces: Vec<usize> = new(objects::namespaces).collect();
        this.make(nodes.iter().map(|&number| objects::node(number)).collect()).await?;
        this.make(namespaces.iter().map(|&number| namespace(number)).collect()).await?;
        this.make(namespaces.iter().flat_map(|&number| objects::cluster_wide(number)).collect()).await?;
        this.make(namespaces.iter().flat_map(|&number| objects::furniture(number)).collect()).await?;
        this.daemons(&nodes, pods).await?;
        let workloads = this.pods.div_ceil(objects::REPLICAS)..pods.div_ceil(objects::REPLICAS);
        all(workloads.map(|number| this.workload(number, objects::nodes(pods)))).await?;
        self.pods = pods;
        Ok(())
    }

    async fn make(&self, objects: Vec<Object>) -> Result<(), String> {
        all(objects.into_iter().map(async |object| self.create(object).await.map(|_| ()))).await
    }

    async fn workload(&self, number: usize, nodes: usize) -> Result<(), String> {
        let workload = Workload::new(number);
        for object in workload.before() {
            self.create(object).await?;
        }
        let deployment = self.create(workload.deployment()).await?;
        self.create(workload.replica_set(1, &deployment)).await?;
        let replica_set = self.create(workload.replica_set(2, &deployment)).await?;
        for replica in 0..objects::REPLICAS {
            self.create(workload.pod(replica, &replica_set, nodes)).await?;
        }
        Ok(())
    }

    async fn daemons(&self, nodes: &[usize], pods: usize) -> Result<(), String> {
        for name in objects::DAEMON_SETS {
            let set = objects::daemon_set(name, objects::nodes(pods));
            let uid = if self.pods == 0 {
                self.create(set).await?
            } else {
                let stored = self.send(Method::GET, &format!("{}/{name}", set.path), None).await?;
                uid(&stored)?
            };
            self.make(nodes.iter().map(|&node| objects::daemon_pod(name, &uid, node)).collect()).await?;
        }
        Ok(())
    }

    /// Creates an object with its status and gives its uid.
    async fn create(&self, object: Object) -> Result<String, String> {
        let stored = self.send(Method::POST, &object.path, Some(&object.body)).await?;
        self.made.fetch_add(1, Ordering::Relaxed);
        if let Some(status) = &object.status {
            let name = stored["metadata"]["name"].as_str().unwrap_or_default();
            self.send(Method::PATCH, &format!("{}/{name}/status", object.path), Some(status)).await?;
        }
        uid(&stored)
    }

    #[expect(clippy::disallowed_methods, reason = "this fills a test server; the program's own client could not")]
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let text = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = Request::builder().method(&method).uri(path).header(CONTENT_TYPE, kind).body(Body::from(text));
        let trouble = |error: &dyn std::fmt::Display| format!("{method} {path}: {error}");
        let response = self.client.send(request.map_err(|error| trouble(&error))?).await.map_err(|error| trouble(&error))?;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|error| trouble(&error))?.to_bytes();
        if !status.is_success() {
            return Err(trouble(&String::from_utf8_lossy(&bytes)));
        }
        serde_json::from_slice(&bytes).map_err(|error| trouble(&error))
    }
}

fn uid(stored: &Value) -> Result<String, String> {
    stored["metadata"]["uid"].as_str().map(str::to_owned).ok_or_else(|| format!("no uid in {stored}"))
}

async fn all(work: impl Iterator<Item = impl Future<Output = Result<(), String>>>) -> Result<(), String> {
    let mut running = stream::iter(work).buffer_unordered(PARALLEL);
    while let Some(result) = running.next().await {
        result?;
    }
    Ok(())
}

fn namespace(number: usize) -> Object {
    let name = objects::namespace_name(number);
    let mut labels = json!({"team": name});
    if number.is_multiple_of(4) {
        labels["pod-security.kubernetes.io/warn"] = json!("restricted");
    }
    Object { path: "/api/v1/namespaces".to_owned(), body: json!({"metadata": {"name": name, "labels": labels}}), status: None }
}

/// What the controllers would make in the namespaces that every cluster has, and what everything else refers to.
fn system() -> Vec<Object> {
    let object = |path: &str, body: Value| Object { path: path.to_owned(), body, status: None };
    let account =
        |namespace: &str| object(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), json!({"metadata": {"name": "default"}}));
    let class =
        json!({"metadata": {"name": "encrypted"}, "provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3", "encrypted": "true"}});
    vec![
        account("default"),
        account("kube-system"),
        object("/apis/storage.k8s.io/v1/storageclasses", class),
        object(
            "/apis/networking.k8s.io/v1/ingressclasses",
            json!({"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}),
        ),
    ]
}
