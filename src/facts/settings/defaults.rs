//! Which settings there are, and what a written or unwritten flag means.

use super::not_visible;
use crate::facts::Known;

/// A program of the control plane and its flags.
pub(super) struct Component {
    /// The name of the program.
    pub(super) binary: &'static str,
    /// The flags that are shown, with their defaults; `None` where the default depends on the version or on another setting.
    pub(super) settings: &'static [(&'static str, Option<&'static str>)],
    /// Flags that hold lists or maps: written twice, they add up (pflag StringSlice and component-base MapStringString).
    lists: &'static [&'static str],
    /// Settings that a file decides where the second flag names one; `*` is every setting.
    replaced: &'static [(&'static str, &'static str)],
    /// Switches that are on where the second flag is set, whatever they say themselves.
    implied: &'static [(&'static str, &'static str)],
    /// What the environment variables begin with that stand for flags that are not written.
    pub(super) environment: Option<&'static str>,
}

/// kube-apiserver (Kubernetes reference, 1.29 to 1.37). `--authentication-config` (KEP-3331) takes over anonymous access,
/// `--authorization-config` (KEP-3221) the modes.
pub(super) static API_SERVER: Component = Component {
    binary: "kube-apiserver",
    settings: &[
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
    ],
    lists: &[
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
    ],
    replaced: &[("anonymous-auth", "authentication-config"), ("authorization-mode", "authorization-config")],
    implied: &[],
    environment: None,
};

/// kube-controller-manager (Kubernetes reference, 1.29 to 1.37).
pub(super) static CONTROLLER_MANAGER: Component = Component {
    binary: "kube-controller-manager",
    settings: &[
        ("allocate-node-cidrs", Some("false")),
        ("bind-address", Some("0.0.0.0")),
        ("cluster-signing-key-file", Some("")),
        ("controllers", Some("*")),
        ("leader-elect", Some("true")),
        ("profiling", Some("true")),
        ("root-ca-file", Some("")),
        ("service-account-private-key-file", Some("")),
        ("tls-min-version", Some("")),
        ("use-service-account-credentials", Some("false")),
    ],
    lists: &["controllers", "feature-gates", "tls-cipher-suites"],
    replaced: &[],
    implied: &[],
    environment: None,
};

/// kube-scheduler (Kubernetes reference, 1.29 to 1.37): it ignores `--profiling` where `--config` names a file
/// (cmd/kube-scheduler/app/options/deprecated.go).
pub(super) static SCHEDULER: Component = Component {
    binary: "kube-scheduler",
    settings: &[
        ("bind-address", Some("0.0.0.0")),
        ("config", Some("")),
        ("leader-elect", Some("true")),
        ("profiling", Some("true")),
        ("tls-min-version", Some("")),
    ],
    lists: &["feature-gates", "tls-cipher-suites"],
    replaced: &[("profiling", "config"), ("leader-elect", "config")],
    implied: &[],
    environment: None,
};

/// etcd (server/etcdmain/config.go of 3.5 and 3.6): `--config-file` makes every other flag void, variables `ETCD_*` stand for flags that
/// are not written, and a trusted CA alone already demands certificates (client/pkg/transport/listener.go, TLSInfo.ServerConfig).
pub(super) static ETCD: Component = Component {
    binary: "etcd",
    settings: &[
        ("auto-tls", Some("false")),
        ("cert-file", Some("")),
        ("client-cert-auth", Some("false")),
        ("key-file", Some("")),
        ("listen-client-urls", Some("http://localhost:2379")),
        ("listen-peer-urls", Some("http://localhost:2380")),
        ("peer-auto-tls", Some("false")),
        ("peer-cert-file", Some("")),
        ("peer-client-cert-auth", Some("false")),
        ("peer-key-file", Some("")),
        ("peer-trusted-ca-file", Some("")),
        ("trusted-ca-file", Some("")),
    ],
    lists: &[],
    replaced: &[("*", "config-file")],
    implied: &[("client-cert-auth", "trusted-ca-file"), ("peer-client-cert-auth", "peer-trusted-ca-file")],
    environment: Some("ETCD_"),
};

/// The other programs of the control plane that run as static pods.
pub(super) static COMPONENTS: [&Component; 3] = [&CONTROLLER_MANAGER, &SCHEDULER, &ETCD];

impl Component {
    /// Whether a flag adds up when it is written twice.
    pub(super) fn is_list(&self, name: &str) -> bool {
        self.lists.contains(&name)
    }

    /// Whether a flag takes no value as a word of its own: `--profiling false` sets it to true and leaves a word over (pflag Bool).
    pub(super) fn is_switch(&self, name: &str) -> bool {
        self.settings.iter().any(|(setting, default)| *setting == name && matches!(default, Some("true" | "false")))
    }

    /// The flag of the file that decides a setting instead.
    pub(super) fn replacing(&self, setting: &str) -> Option<&'static str> {
        self.replaced.iter().find(|(replaced, by)| (*replaced == setting || *replaced == "*") && *by != setting).map(|(_, by)| *by)
    }

    /// The flag that switches a setting on by being set.
    pub(super) fn implying(&self, setting: &str) -> Option<&'static str> {
        self.implied.iter().find(|(implied, _)| *implied == setting).map(|(_, by)| *by)
    }

    /// What a value says: slices print as `[a,b]` on /flagz (component-base zpages/flagz); switches take Go's spellings of true and
    /// false (strconv.ParseBool).
    pub(super) fn normalized(&self, setting: &str, value: &str) -> String {
        let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
        let plain = inner.trim().trim_matches('"');
        match plain {
            "1" | "t" | "T" | "TRUE" | "True" if self.is_switch(setting) => "true".to_owned(),
            "0" | "f" | "F" | "FALSE" | "False" if self.is_switch(setting) => "false".to_owned(),
            _ => plain.to_owned(),
        }
    }

    /// The value of a setting whose text is known, with whether it is written out.
    pub(super) fn written(&self, setting: &str, text: &str, set: impl FnOnce(&str) -> bool) -> Known<(String, bool)> {
        match hidden(text) {
            Some(why) => Known::Unknown(not_visible(self.binary, setting, why)),
            None => {
                let value = self.normalized(setting, text);
                let set = set(&value);
                Known::Known((value, set))
            }
        }
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
