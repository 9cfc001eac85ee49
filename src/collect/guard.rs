//! The read-only lock: the outermost layer of the client, which refuses every request that could change or reveal what must not be.
//!
//! It looks at nothing but method and path, so it does not depend on anything else here being right. The second lock is
//! `clippy.toml`, which bans the client's write methods.

use http::{Method, Request};
use kube::client::Body;
use tower::BoxError;
use tower::filter::{FilterLayer, Predicate};

/// Why a request was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The method could change something.
    #[error("kube-hipaa only reads: refused to send {0} {1}")]
    Writes(Method, String),
    /// The path leads to contents of Secrets, to logs, or into containers and nodes.
    #[error("kube-hipaa never reads secrets, logs or connections into pods and nodes: refused to send {0} {1}")]
    OffLimits(Method, String),
    /// A stream that never ends, or an upgrade to another protocol.
    #[error("kube-hipaa asks questions that end: refused to send {0} {1}")]
    Stream(Method, String),
    /// A path outside the Kubernetes API: logs of the host, debugging pages, another program behind the same address.
    #[error("kube-hipaa asks the Kubernetes API only: refused to send {0} {1}")]
    Elsewhere(Method, String),
}

/// Questions about the asking identity. They are `create` in the API's terms and store nothing.
const REVIEWS: [(&str, &str); 3] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

/// What is asked beside `/api` and `/apis`.
const PAGES: [&str; 4] = ["/version", "/flagz", "/statusz", "/metrics"];

/// Subresources that connect to pods and nodes or show what they print.
const SUBRESOURCES: [&str; 7] = ["log", "exec", "attach", "portforward", "proxy", "ephemeralcontainers", "token"];

/// Whether this request may leave.
pub fn check<B>(request: &Request<B>) -> Result<(), Refused> {
    let (method, path) = (request.method(), request.uri().path());
    let told = || (method.clone(), path.to_owned());
    let refused = |kind: fn(Method, String) -> Refused| {
        let (method, path) = told();
        Err(kind(method, path))
    };
    // Percent-encoding and dots could hide a word from this check; no path that is asked here needs them.
    if path.contains('%') || path.contains("//") || path.split('/').any(|part| part == "." || part == "..") {
        return refused(Refused::OffLimits);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if method == Method::POST {
        let review = match parts.as_slice() {
            ["apis", group, _version, resource] => REVIEWS.contains(&(*group, *resource)),
            _ => false,
        };
        return if review { Ok(()) } else { refused(Refused::Writes) };
    }
    if method != Method::GET {
        return refused(Refused::Writes);
    }
    if !PAGES.contains(&path) && !matches!(parts.first(), Some(&("api" | "apis"))) {
        return refused(Refused::Elsewhere);
    }
    // What follows the version is [namespaces, NAMESPACE,] RESOURCE [, NAME [, SUBRESOURCE...]].
    let rest = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => &[],
    };
    let object = match rest {
        ["namespaces", _, resource @ ..] if !resource.is_empty() => resource,
        other => other,
    };
    if object.first().is_some_and(|resource| resource.eq_ignore_ascii_case("secrets")) {
        return refused(Refused::OffLimits);
    }
    // `/api/v1/watch/...` and `/api/v1/proxy/...` are old spellings.
    if rest.first().is_some_and(|first| ["watch", "proxy", "redirect"].contains(first)) {
        return refused(Refused::OffLimits);
    }
    if object.get(2).is_some_and(|subresource| SUBRESOURCES.contains(subresource)) {
        return refused(Refused::OffLimits);
    }
    // A name that is percent-encoded could be `watch`; no name that is asked here needs it.
    let streams = request.uri().query().is_some_and(|query| {
        let mut names = query.split(['&', ';']).map(|pair| pair.split('=').next().unwrap_or(""));
        names.any(|name| name.contains('%') || ["watch", "follow"].contains(&name))
    });
    if streams || request.headers().contains_key(http::header::UPGRADE) {
        return refused(Refused::Stream);
    }
    Ok(())
}

/// [`check`] as a predicate of tower's filter.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnly;

impl Predicate<Request<Body>> for ReadOnly {
    type Request = Request<Body>;
    fn check(&mut self, request: Request<Body>) -> Result<Request<Body>, BoxError> {
        check(&request)?;
        Ok(request)
    }
}

/// The layer; it goes around everything else.
pub fn layer() -> FilterLayer<ReadOnly> {
    FilterLayer::new(ReadOnly)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "sends what must not leave, to a transport that counts")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Response;
    use kube::client::ClientBuilder;

    use super::*;

    fn request(method: &str, path: &str) -> Request<Body> {
        Request::builder().method(method).uri(format!("http://server{path}")).body(Body::empty()).unwrap()
    }

    const ALLOWED: &[(&str, &str)] = &[
        ("GET", "/api/v1/pods?limit=500"),
        ("GET", "/api"),
        ("GET", "/apis"),
        ("GET", "/version"),
        ("GET", "/flagz"),
        ("GET", "/statusz"),
        ("GET", "/api/v1/pods?limit=500&continue=a%2Bb%3D"),
        ("GET", "/metrics"),
        ("GET", "/apis/apps/v1/deployments?limit=500&continue=abc"),
        ("GET", "/api/v1/namespaces"),
        ("GET", "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"),
        ("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"),
    ];

    const REFUSED: &[(&str, &str)] = &[
        ("POST", "/api/v1/namespaces/a/pods"),
        ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        ("POST", "/apis/authorization.k8s.io/v1/namespaces/a/localsubjectaccessreviews"),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews"),
        ("POST", "/apis/evil.example/v1/selfsubjectreviews"),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews/x"),
        ("POST", "/api/v1/namespaces/a/serviceaccounts/default/token"),
        ("PUT", "/api/v1/namespaces/a"),
        ("PATCH", "/api/v1/namespaces/a"),
        ("DELETE", "/api/v1/namespaces/a"),
        ("HEAD", "/api/v1/namespaces/a"),
        ("OPTIONS", "/api"),
        ("CONNECT", "/api"),
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/secrets?limit=1"),
        ("GET", "/api/v1/namespaces/a/secrets"),
        ("GET", "/api/v1/namespaces/a/secrets/b"),
        ("GET", "/api/v1/namespaces/a/pods/b/log"),
        ("GET", "/api/v1/namespaces/a/pods/b/exec?command=id"),
        ("GET", "/api/v1/namespaces/a/pods/b/attach"),
        ("GET", "/api/v1/namespaces/a/pods/b/portforward"),
        ("GET", "/api/v1/namespaces/a/pods/b/proxy/x"),
        ("GET", "/api/v1/namespaces/a/services/b/proxy/"),
        ("GET", "/api/v1/nodes/n/proxy/configz"),
        ("GET", "/api/v1/proxy/nodes/n/configz"),
        ("GET", "/api/v1/watch/pods"),
        ("GET", "/api/v1/watch/secrets"),
        ("GET", "/api/v1/pods?watch=1"),
        ("GET", "/api/v1/pods?limit=1&watch=true"),
        ("GET", "/api/v1/pods?%77atch=1"),
        ("GET", "/api/v1/pods?limit=1&watc%68=1"),
        ("GET", "/api/v1/pods?limit=1;watch=1"),
        ("GET", "/logs/kube-apiserver/audit.log"),
        ("GET", "/k8s/clusters/c/api/v1/secrets"),
        ("GET", "/debug/pprof/heap"),
        ("GET", "/version/x"),
        ("GET", "/openapi/v2"),
        ("GET", "/apisx/v1/secrets"),
        ("GET", "/"),
        ("GET", "/api/v1/namespaces/a/%73ecrets"),
        ("GET", "/api/v1//secrets"),
        ("GET", "/api/v1/pods/../secrets"),
    ];

    #[test]
    fn only_reads_pass() {
        for (method, path) in ALLOWED {
            assert_eq!(check(&request(method, path)), Ok(()), "{method} {path}");
        }
        for (method, path) in REFUSED {
            assert!(check(&request(method, path)).is_err(), "{method} {path}");
        }
    }

    #[test]
    fn an_upgrade_is_refused() {
        let mut upgrade = request("GET", "/api/v1/namespaces/a/pods/b");
        upgrade.headers_mut().insert(http::header::UPGRADE, http::HeaderValue::from_static("websocket"));
        assert!(matches!(check(&upgrade), Err(Refused::Stream(..))));
    }

    /// Everything in the inventory passes, and nothing in it needs an exception.
    #[test]
    fn every_request_of_the_inventory_passes() {
        for entry in crate::collect::inventory::inventory() {
            let method = if entry.reach == crate::collect::inventory::Reach::SelfReview { "POST" } else { "GET" };
            let version = entry.versions.first().copied().unwrap_or("v1");
            assert_eq!(check(&request(method, &entry.path(version))), Ok(()), "{}", entry.source);
        }
    }

    /// The lock holds whatever method of the client is called: nothing reaches the transport.
    #[tokio::test]
    async fn a_refused_request_never_leaves() {
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = sent.clone();
        let transport = tower::service_fn(move |_: Request<Body>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, BoxError>(Response::new(Body::from(b"{}".to_vec()))) }
        });
        let client = ClientBuilder::new(transport, "default").with_layer(&layer()).build::<Body>();
        for (method, path) in REFUSED {
            let error = client.send(request(method, path)).await.unwrap_err();
            assert!(format!("{error}{:?}", std::error::Error::source(&error)).contains("refused to send"), "{error:?}");
        }
        assert_eq!(sent.load(Ordering::SeqCst), 0);
        client.send(request("GET", "/api")).await.unwrap();
        assert_eq!(sent.load(Ordering::SeqCst), 1);
    }
}
