//! Raw requests, answered as status and JSON, from ordinary blocking tests.

use std::path::Path;

use http::{Method, Request, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// A client with its own small runtime, so that a test is an ordinary function.
pub(super) struct Api {
    runtime: Runtime,
    client: Client,
}

impl Api {
    pub(super) fn connect(kubeconfig: &Path) -> Result<Self, String> {
        let trouble = |error: &dyn std::fmt::Display| format!("no client for {}: {error}", kubeconfig.display());
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|error| trouble(&error))?;
        let file = Kubeconfig::read_from(kubeconfig).map_err(|error| trouble(&error))?;
        let client = runtime.block_on(async {
            let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(|error| trouble(&error))?;
            // By default kube repeats 429, 503 and 504 for minutes; a test wants to see them. No proxy: this is loopback.
            config.default_retry = false;
            config.proxy_url = None;
            Client::try_from(config).map_err(|error| trouble(&error))
        })?;
        Ok(Self { runtime, client })
    }

    /// `path` is sent as it stands: encode what needs it. A body which is no JSON is answered as a JSON string.
    pub(super) fn request(&self, method: &str, path: &str, content_type: &str, body: Vec<u8>) -> Result<(u16, Value), String> {
        let trouble = |error: &dyn std::fmt::Display| format!("{method} {path}: {error}");
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| trouble(&error))?;
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .map_err(|error| trouble(&error))?;
        self.runtime.block_on(async {
            let response = self.client.send(request).await.map_err(|error| trouble(&error))?;
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.map_err(|error| trouble(&error))?.to_bytes();
            let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            Ok((status, value))
        })
    }
}

/// A path segment with everything but unreserved characters encoded; RBAC names may hold nearly anything.
pub(super) fn segment(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
