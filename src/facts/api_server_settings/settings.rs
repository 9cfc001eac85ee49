//! Which settings there are, and what a written or unwritten flag means.

use super::not_visible;
use crate::facts::Known;

/// The flags that are shown, with their defaults (Kubernetes reference of kube-apiserver, 1.29 to 1.37; `None` where the default
/// depends on the version or on another setting).
pub(super) const SETTINGS: &[(&str, Option<&str>)] = &[
    ("admission-control-config-file", Some("")),
    ("allow-privileged", Some("false")),
    ("anonymous-auth", Some("true")),
    ("audit-log-format", Some("json")),
    ("audit-log-maxage", None),
    ("audit-log-maxbackup", None),
    ("audit-log-maxsize", None),
    ("audit-log-mode", Some("blocking")),
    ("audit-log-path", Some("")),
    ("audit-policy-file", Some("")),
    ("audit-webhook-config-file", Some("")),
    ("audit-webhook-mode", Some("batch")),
    ("authentication-config", Some("")),
    ("authentication-token-webhook-config-file", Some("")),
    ("authorization-config", Some("")),
    ("authorization-mode", Some("AlwaysAllow")),
    ("authorization-webhook-config-file", Some("")),
    ("bind-address", Some("0.0.0.0")),
    ("client-ca-file", Some("")),
    ("disable-admission-plugins", Some("")),
    ("egress-selector-config-file", Some("")),
    ("enable-admission-plugins", Some("")),
    ("enable-bootstrap-token-auth", Some("false")),
    ("enable-priority-and-fairness", Some("true")),
    ("encryption-provider-config", Some("")),
    ("encryption-provider-config-automatic-reload", Some("false")),
    ("etcd-cafile", Some("")),
    ("etcd-certfile", Some("")),
    ("etcd-keyfile", Some("")),
    ("etcd-servers", Some("")),
    ("feature-gates", Some("")),
    ("kubelet-certificate-authority", Some("")),
    ("kubelet-client-certificate", Some("")),
    ("kubelet-client-key", Some("")),
    ("oidc-client-id", Some("")),
    ("oidc-groups-claim", Some("")),
    ("oidc-issuer-url", Some("")),
    ("oidc-required-claim", Some("")),
    ("oidc-username-claim", Some("sub")),
    ("profiling", Some("true")),
    ("request-timeout", Some("1m0s")),
    ("requestheader-allowed-names", Some("")),
    ("requestheader-client-ca-file", Some("")),
    ("secure-port", Some("6443")),
    ("service-account-extend-token-expiration", Some("true")),
    ("service-account-issuer", Some("")),
    ("service-account-key-file", Some("")),
    ("service-account-lookup", Some("true")),
    ("service-account-max-token-expiration", Some("0s")),
    ("service-account-signing-key-file", Some("")),
    ("tls-cert-file", Some("")),
    ("tls-cipher-suites", Some("")),
    ("tls-min-version", Some("")),
    ("tls-private-key-file", Some("")),
    ("token-auth-file", Some("")),
];

/// Flags that hold lists or maps: written twice, they add up (pflag StringSlice and component-base MapStringString).
const LISTS: &[&str] = &[
    "authorization-mode",
    "disable-admission-plugins",
    "enable-admission-plugins",
    "etcd-servers",
    "feature-gates",
    "oidc-required-claim",
    "requestheader-allowed-names",
    "service-account-issuer",
    "service-account-key-file",
    "tls-cipher-suites",
];

/// Whether a flag adds up when it is written twice.
pub(super) fn is_list(name: &str) -> bool {
    LISTS.contains(&name)
}

/// Whether a flag takes no value as a word of its own: `--profiling false` sets it to true and leaves a word over (pflag Bool).
pub(super) fn is_switch(name: &str) -> bool {
    SETTINGS.iter().any(|(setting, default)| *setting == name && matches!(default, Some("true" | "false")))
}

/// What a value says: slices print as `[a,b]` on /flagz (component-base zpages/flagz); switches take Go's spellings of true and
/// false (strconv.ParseBool).
pub(super) fn normalized(setting: &str, value: &str) -> String {
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    let plain = inner.trim().trim_matches('"');
    match plain {
        "1" | "t" | "T" | "TRUE" | "True" if is_switch(setting) => "true".to_owned(),
        "0" | "f" | "F" | "FALSE" | "False" if is_switch(setting) => "false".to_owned(),
        _ => plain.to_owned(),
    }
}

/// Why a value that is written out cannot be read, where that is so.
pub(super) fn hidden(value: &str) -> Option<&'static str> {
    match value {
        "CLASSIFIED" => Some("the server does not show its value"),
        _ if value.contains("[redacted]") => Some("its value is not on the collector's allow-list"),
        _ if value.contains("$(") => Some("its value comes from an environment variable, which is not read"),
        _ => None,
    }
}

/// The value of a setting whose text is known, with whether it is written out.
pub(super) fn written(setting: &str, text: &str, set: impl FnOnce(&str) -> bool) -> Known<(String, bool)> {
    match hidden(text) {
        Some(why) => Known::Unknown(not_visible(setting, why)),
        None => {
            let value = normalized(setting, text);
            let set = set(&value);
            Known::Known((value, set))
        }
    }
}
