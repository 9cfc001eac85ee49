//! Who asks that a pod gets a proxy: labels and annotations of its namespace and its own.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;

use super::proxies::{Pod, annotation_at};
use crate::model::Evidence;

/// Something that asks for a proxy.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// `istio-injection=enabled of the namespace`.
    pub(super) text: String,
    /// Whether for Istio's ambient mode.
    pub(super) ambient: bool,
    pub(super) at: Evidence,
}

const INJECTION: &str = "istio-injection";
const SIDECAR: &str = "sidecar.istio.io/inject";
const REVISION: &str = "istio.io/rev";
const DATAPLANE: &str = "istio.io/dataplane-mode";
const LINKERD: &str = "linkerd.io/inject";

fn label_at(origin: &Evidence, name: &str) -> Evidence {
    origin.at(format!("/metadata/labels/{}", name.replace('/', "~1")))
}

fn asked(text: String, ambient: bool, at: Evidence) -> Asked {
    Asked { text, ambient, at }
}

/// What asks for a pod: its own words first. That it or somebody takes it out again is no answer to its namespace. Istio's webhooks take
/// namespaces with `istio-injection=enabled` or, where that label is not set, with `istio.io/rev` (istio/istio,
/// `manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`); its ambient mode those with `istio.io/dataplane-mode=ambient`
/// (`manifests/charts/istio-cni/values.yaml`); Linkerd's injector reads the annotation `linkerd.io/inject` (linkerd/linkerd2,
/// `pkg/inject/report.go`).
pub(super) fn asks(pod: &Pod, origin: &Evidence, namespace: &Namespace, of_namespace: &Evidence) -> Option<Asked> {
    let none = BTreeMap::new();
    let (labels, annotations) =
        (namespace.metadata.labels.as_ref().unwrap_or(&none), namespace.metadata.annotations.as_ref().unwrap_or(&none));
    let label = |name: &str| labels.get(name).map_or("", String::as_str);
    let own = |name: &str| pod.label(name).unwrap_or("");
    let injects = |value: Option<&str>| value.filter(|value| matches!(*value, "enabled" | "ingress")).map(str::to_owned);
    let written = |name: &str, value: &str| format!("{name}={value}");
    if own(SIDECAR) == "true" {
        return Some(asked(format!("{} of the pod", written(SIDECAR, "true")), false, label_at(origin, SIDECAR)));
    }
    if own(DATAPLANE) == "ambient" {
        return Some(asked(format!("{} of the pod", written(DATAPLANE, "ambient")), true, label_at(origin, DATAPLANE)));
    }
    if let Some(value) = injects(pod.annotation(LINKERD)) {
        return Some(asked(format!("{} of the pod", written(LINKERD, &value)), false, annotation_at(origin, LINKERD)));
    }
    let of = |name: &str, value: &str, ambient: bool, at: Evidence| {
        Some(asked(format!("{} of the namespace", written(name, value)), ambient, at))
    };
    if label(DATAPLANE) == "ambient" {
        return of(DATAPLANE, "ambient", true, label_at(of_namespace, DATAPLANE));
    }
    if label(INJECTION) == "enabled" {
        return of(INJECTION, "enabled", false, label_at(of_namespace, INJECTION));
    }
    if label(INJECTION).is_empty() {
        if !label(REVISION).is_empty() {
            return of(REVISION, label(REVISION), false, label_at(of_namespace, REVISION));
        }
        if !own(REVISION).is_empty() {
            return Some(asked(format!("{} of the pod", written(REVISION, own(REVISION))), false, label_at(origin, REVISION)));
        }
    }
    let value = injects(annotations.get(LINKERD).map(String::as_str))?;
    of(LINKERD, &value, false, annotation_at(of_namespace, LINKERD))
}
