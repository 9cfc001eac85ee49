//! Settings with two homes, the container and its pod: which of them holds, and where it stands.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodSecurityContext, ResourceRequirements, SecurityContext, WindowsSecurityContextOptions};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::containers::text;
use super::shapes::Shape;
use crate::facts::table::placed::Placed;

/// A container's security context beside that of its pod.
pub(super) struct Effective<'a> {
    own: Option<&'a SecurityContext>,
    pod: Option<&'a PodSecurityContext>,
    shape: &'a Shape<'a>,
    pub(super) windows: bool,
}

impl<'a> Effective<'a> {
    pub(super) fn new(shape: &'a Shape<'a>, own: Option<&'a SecurityContext>) -> Self {
        let windows = shape.spec.os.as_ref().is_some_and(|os| os.name == "windows");
        Self { own, pod: shape.spec.security_context.as_ref(), shape, windows }
    }

    /// The pointer of a field of the pod spec.
    fn pod_at(&self, field: &str) -> String {
        format!("{}/{field}", self.shape.origin.pointer)
    }

    /// The container's setting, else the pod's, which then stands at `field` of its security context.
    fn first<T>(&self, own: Option<T>, pod: Option<T>, field: &str) -> Placed<Option<T>> {
        match (own, pod) {
            (None, Some(value)) => Placed::at(Some(value), self.pod_at(&format!("securityContext/{field}"))),
            (own, _) => Placed::here(own),
        }
    }

    pub(super) fn run_as_user(&self) -> Placed<Option<i64>> {
        self.first(self.own.and_then(|s| s.run_as_user), self.pod.and_then(|s| s.run_as_user), "runAsUser")
    }

    pub(super) fn run_as_non_root(&self) -> Placed<Option<bool>> {
        self.first(self.own.and_then(|s| s.run_as_non_root), self.pod.and_then(|s| s.run_as_non_root), "runAsNonRoot")
    }

    /// Field by field, as the kubelet merges them (`pkg/securitycontext` DetermineEffectiveSecurityContext).
    fn windows_option<T>(&self, field: &str, of: impl Fn(&'a WindowsSecurityContextOptions) -> Option<T>) -> Placed<Option<T>> {
        let own = self.own.and_then(|s| s.windows_options.as_ref()).and_then(&of);
        let pod = self.pod.and_then(|s| s.windows_options.as_ref()).and_then(&of);
        self.first(own, pod, &format!("windowsOptions/{field}"))
    }

    pub(super) fn user_name(&self) -> Placed<String> {
        self.windows_option("runAsUserName", |options| options.run_as_user_name.as_deref()).map(text)
    }

    pub(super) fn host_process(&self) -> Placed<bool> {
        self.windows_option("hostProcess", |options| options.host_process).map(|value| value == Some(true))
    }

    /// Whether nothing keeps the process from running as the administrator of its container: neither runAsNonRoot nor a user. On
    /// Windows, users have names, and user ids count for nothing (`core/v1` SecurityContext.runAsUser).
    pub(super) fn may_run_as_root(&self) -> Placed<bool> {
        let non_root = self.run_as_non_root();
        let mut at = non_root.at;
        let unnamed = if self.windows {
            let name = self.user_name();
            at.extend(name.at);
            name.value.is_empty() || is_administrator(&name.value)
        } else {
            let user = self.run_as_user();
            at.extend(user.at);
            user.value.is_none_or(|user| user == 0)
        };
        Placed { value: non_root.value != Some(true) && unnamed, at }
    }

    pub(super) fn run_as_root(&self) -> Placed<bool> {
        if self.windows {
            return self.user_name().map(|name| is_administrator(&name));
        }
        self.run_as_user().map(|user| user == Some(0))
    }

    pub(super) fn seccomp(&self) -> Placed<String> {
        let own = self.own.and_then(|s| s.seccomp_profile.as_ref());
        let pod = self.pod.and_then(|s| s.seccomp_profile.as_ref());
        self.first(own, pod, "seccompProfile").map(|profile| text(profile.map(|profile| profile.type_.as_str())))
    }

    pub(super) fn se_linux_type(&self) -> Placed<String> {
        let own = self.own.and_then(|s| s.se_linux_options.as_ref());
        let pod = self.pod.and_then(|s| s.se_linux_options.as_ref());
        self.first(own, pod, "seLinuxOptions").map(|options| text(options.and_then(|options| options.type_.as_deref())))
    }

    /// The container's field, then its annotation (which 1.30 replaced, KEP-24, and which the server still copies to the container's
    /// field of new pods), then the pod's field.
    pub(super) fn app_armor(&self, name: &str) -> Placed<String> {
        if let Some(profile) = self.own.and_then(|s| s.app_armor_profile.as_ref()) {
            return Placed::here(profile.type_.clone());
        }
        let key = format!("container.apparmor.security.beta.kubernetes.io/{name}");
        if let Some(value) = self.shape.annotations.get(&key).filter(|value| !value.is_empty()) {
            let kind = match value.as_str() {
                "runtime/default" => "RuntimeDefault",
                "unconfined" => "Unconfined",
                other if other.starts_with("localhost/") => "Localhost",
                other => other,
            };
            let metadata = self.shape.origin.pointer.strip_suffix("/spec").unwrap_or("");
            return Placed::at(kind.to_owned(), format!("{metadata}/metadata/annotations/{}", key.replace('/', "~1")));
        }
        match self.pod.and_then(|s| s.app_armor_profile.as_ref()) {
            Some(profile) => Placed::at(profile.type_.clone(), self.pod_at("securityContext/appArmorProfile")),
            None => Placed::here(String::new()),
        }
    }

    /// A request or limit of the container, else of the pod as a whole, which all containers of it share (KEP-2837: on by default
    /// since 1.34; the server drops the field where the gate is off). A limit without a request is a request, too
    /// (`core/v1` defaults), which the server writes into pods and not into templates.
    pub(super) fn resource(&self, own: Option<&ResourceRequirements>, what: What, name: &str) -> Placed<String> {
        let pod = self.shape.spec.resources.as_ref();
        let requests = |of: Option<&ResourceRequirements>| quantity(of.and_then(|r| r.requests.as_ref()), name);
        let limits = |of: Option<&ResourceRequirements>| quantity(of.and_then(|r| r.limits.as_ref()), name);
        let is_some = |quantity: &String| !quantity.is_empty() && quantity != "0";
        let (own_value, pod_value, own_limit, pod_limit) = match what {
            What::Limit => (limits(own), limits(pod), String::new(), String::new()),
            What::Request => {
                let (own_request, pod_request) = (requests(own), requests(pod));
                // A request that is written as nothing is one.
                let own_limit = if own_request.is_empty() { limits(own) } else { String::new() };
                let pod_limit = if pod_request.is_empty() { limits(pod) } else { String::new() };
                (own_request, pod_request, own_limit, pod_limit)
            }
        };
        let field = if what == What::Limit { "limits" } else { "requests" };
        if is_some(&own_value) || is_some(&own_limit) {
            return Placed::here(if is_some(&own_value) { own_value } else { own_limit });
        }
        if is_some(&pod_value) {
            return Placed::at(pod_value, self.pod_at(&format!("resources/{field}/{name}")));
        }
        if is_some(&pod_limit) {
            return Placed::at(pod_limit, self.pod_at(&format!("resources/limits/{name}")));
        }
        Placed::here(own_value)
    }
}

/// Which side of `resources`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Request,
    Limit,
}

/// Users of Windows that may do everything in their container, or on the node.
fn is_administrator(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let bare = name.rsplit('\\').next().unwrap_or(&name);
    matches!(bare, "containeradministrator" | "administrator" | "system" | "localsystem")
}

/// A quantity as written, or `0` for every way of writing nothing, such as `0m` and `0Mi` (apimachinery `resource.Quantity`).
fn quantity(map: Option<&BTreeMap<String, Quantity>>, name: &str) -> String {
    let Some(quantity) = map.and_then(|map| map.get(name)) else { return String::new() };
    let digits = quantity.0.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let nothing = !digits.is_empty() && digits.chars().all(|c| matches!(c, '0' | '.' | '+' | '-'));
    if nothing { "0".to_owned() } else { quantity.0.clone() }
}
