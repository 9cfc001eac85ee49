//! Which settings there are, and what a written or unwritten flag means.

use super::{durations, not_visible, split};
use crate::facts::Known;

/// A program of the control plane and its flags.
pub(super) struct Component {
    /// The name of the program.
    pub(super) binary: &'static str,
    /// The flags that are shown, with their defaults; `None` where the default depends on the version or on another setting.
    pub(super) settings: &'static [(&'static str, Option<&'static str>)],
    /// Defaults that changed: each holds from that minor version on.
    changed: &'static [(&'static str, &'static [(u32, &'static str)])],
    /// Other names of flags: what is written under the first is the second.
    spelled: &'static [(&'static str, &'static str)],
    /// Flags that hold lists or maps: written twice, they add up (pflag StringSlice and component-base MapStringString).
    lists: &'static [&'static str],
    /// Flags whose value has several spellings, of which `/flagz` shows one.
    forms: &'static [(&'static str, Form)],
    /// Settings that a file decides where the second flag names one; `*` is every setting.
    replaced: &'static [(&'static str, &'static str)],
    /// Those of them that decide all the same where they are written: the program does not start where both do.
    outranking: &'static [&'static str],
    /// Switches that are on where the second flag is set, whatever they say themselves.
    implied: &'static [(&'static str, &'static str)],
    /// Switches that are off where the second switch is on and none of the files is named.
    voided: &'static [(&'static str, &'static str, [&'static str; 2])],
    /// What the environment variables begin with that stand for flags that are not written.
    pub(super) environment: Option<&'static str>,
}

/// What the spellings of a value have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A duration of Go.
    Duration,
    /// A list whose order says nothing (a map, which prints sorted).
    Set,
    /// Feature gates: a set whose items may begin with the component, `kube` where it is empty or not written (component-base
    /// compatibility/registry.go, cli/flag/colon_separated_multimap_string_string.go).
    FeatureGates,
}

/// kube-apiserver. The defaults are those of 1.30 to 1.37 (cmd/kube-apiserver/app/options, pkg/controlplane/apiserver/options,
/// pkg/kubeapiserver/options and apiserver pkg/server/options of each of these versions); only those of the rotation of the audit log
/// differ among them. `--admission-control` is the other spelling of the two flags for plugins (`plugins.rs`);
/// `--experimental-encryption-provider-config` was the name of that flag until 1.28. `--authentication-config` (KEP-3331) takes over anonymous access unless
/// `--anonymous-auth` is written (pkg/kubeapiserver/options/authentication.go), `--authorization-config` (KEP-3221) the modes.
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
        ("etcd-servers-overrides", Some("")),
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
    changed: &[
        ("audit-log-maxage", &[(0, "0"), (36, "366")]),
        ("audit-log-maxbackup", &[(0, "0"), (36, "100")]),
        ("audit-log-maxsize", &[(0, "0"), (36, "100")]),
    ],
    spelled: &[("experimental-encryption-provider-config", "encryption-provider-config")],
    lists: &[
        "admission-control",
        "authorization-mode",
        "disable-admission-plugins",
        "enable-admission-plugins",
        "etcd-servers",
        "etcd-servers-overrides",
        "feature-gates",
        "oidc-required-claim",
        "requestheader-allowed-names",
        "service-account-issuer",
        "service-account-key-file",
        "tls-cipher-suites",
    ],
    forms: &[
        ("feature-gates", Form::FeatureGates),
        ("oidc-required-claim", Form::Set),
        ("request-timeout", Form::Duration),
        ("service-account-max-token-expiration", Form::Duration),
    ],
    replaced: &[("anonymous-auth", "authentication-config"), ("authorization-mode", "authorization-config")],
    outranking: &["anonymous-auth"],
    implied: &[],
    voided: &[],
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
    changed: &[],
    spelled: &[],
    lists: &["controllers", "feature-gates", "tls-cipher-suites"],
    forms: &[],
    replaced: &[],
    outranking: &[],
    implied: &[],
    voided: &[],
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
    changed: &[],
    spelled: &[],
    lists: &["feature-gates", "tls-cipher-suites"],
    forms: &[],
    replaced: &[("profiling", "config"), ("leader-elect", "config")],
    outranking: &[],
    implied: &[],
    voided: &[],
    environment: None,
};

/// etcd (server/etcdmain/config.go of 3.5 and 3.6): `--config-file` makes every other flag void, variables `ETCD_*` stand for flags that
/// are not written, and a trusted CA alone already demands certificates (client/pkg/transport/listener.go, TLSInfo.ServerConfig).
/// Certificates that it makes itself take the place of everything that was said about certificates, also of whom to ask for one
/// (server/embed/config.go, ClientSelfCert and PeerSelfCert), unless it was given some.
pub(super) static ETCD: Component = Component {
    binary: "etcd",
    settings: &[
        ("auto-tls", Some("false")),
        ("cert-file", Some("")),
        ("client-cert-auth", Some("false")),
        ("key-file", Some("")),
        ("listen-client-http-urls", Some("")),
        ("listen-client-urls", Some("http://localhost:2379")),
        ("listen-peer-urls", Some("http://localhost:2380")),
        ("peer-auto-tls", Some("false")),
        ("peer-cert-file", Some("")),
        ("peer-client-cert-auth", Some("false")),
        ("peer-key-file", Some("")),
        ("peer-trusted-ca-file", Some("")),
        ("trusted-ca-file", Some("")),
    ],
    changed: &[],
    spelled: &[],
    lists: &[],
    forms: &[],
    replaced: &[("*", "config-file")],
    outranking: &[],
    implied: &[("client-cert-auth", "trusted-ca-file"), ("peer-client-cert-auth", "peer-trusted-ca-file")],
    voided: &[
        ("client-cert-auth", "auto-tls", ["cert-file", "key-file"]),
        ("peer-client-cert-auth", "peer-auto-tls", ["peer-cert-file", "peer-key-file"]),
    ],
    environment: Some("ETCD_"),
};

/// kubelet: the flags that stand for the fields of its configuration file that are shown (`components.rs`), which they outrank
/// (cmd/kubelet/app/options/options.go). Their defaults are not those of the fields, and are not needed: only what is written counts.
pub(super) static KUBELET: Component = Component {
    binary: "kubelet",
    settings: &[
        ("anonymous-auth", Some("true")),
        ("authentication-token-webhook", Some("false")),
        ("authorization-mode", None),
        ("client-ca-file", None),
        ("enable-debugging-handlers", Some("true")),
        ("event-qps", None),
        ("make-iptables-util-chains", Some("true")),
        ("protect-kernel-defaults", Some("false")),
        ("read-only-port", None),
        ("rotate-certificates", Some("false")),
        ("rotate-server-certificates", Some("false")),
        ("seccomp-default", Some("false")),
        ("streaming-connection-idle-timeout", None),
        ("tls-min-version", None),
    ],
    changed: &[],
    spelled: &[],
    lists: &["feature-gates", "tls-cipher-suites"],
    forms: &[("streaming-connection-idle-timeout", Form::Duration)],
    replaced: &[],
    outranking: &[],
    implied: &[],
    voided: &[],
    environment: None,
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

    /// Whether a flag takes the next word as its value, whatever that begins with (pflag: everything that is no switch).
    pub(super) fn takes_a_word(&self, name: &str) -> bool {
        !self.is_switch(name) && (self.is_list(name) || self.settings.iter().any(|(setting, _)| *setting == name))
    }

    /// The name under which a flag is known here.
    pub(super) fn name_of<'n>(&self, written: &'n str) -> &'n str {
        self.spelled.iter().find(|(other, _)| *other == written).map_or(written, |(_, name)| *name)
    }

    /// The default of a setting in servers of these minor versions; nothing where it is not known or they differ.
    pub(super) fn default_of(&self, setting: &str, minors: Option<(u32, u32)>) -> Option<&'static str> {
        if let Some((_, default)) = self.settings.iter().find(|(name, default)| *name == setting && default.is_some()) {
            return *default;
        }
        let (_, steps) = self.changed.iter().find(|(name, _)| *name == setting)?;
        let at = |minor: u32| steps.iter().rev().find(|(from, _)| *from <= minor).map(|(_, default)| *default);
        let (oldest, newest) = minors?;
        at(oldest).filter(|default| at(newest) == Some(*default))
    }

    /// Whether two values say the same. Of most lists the order says nothing; of issuers the first one issues.
    pub(super) fn same(&self, setting: &str, one: &str, other: &str) -> bool {
        let sorted = |text: &str| {
            let mut items = split(text);
            items.sort();
            items.dedup();
            items
        };
        one == other || (self.is_list(setting) && setting != "service-account-issuer" && sorted(one) == sorted(other))
    }

    /// The flag of the file that decides a setting instead.
    pub(super) fn replacing(&self, setting: &str) -> Option<&'static str> {
        self.replaced.iter().find(|(replaced, by)| (*replaced == setting || *replaced == "*") && *by != setting).map(|(_, by)| *by)
    }

    /// The flag that switches a setting on by being set.
    pub(super) fn implying(&self, setting: &str) -> Option<&'static str> {
        self.implied.iter().find(|(implied, _)| *implied == setting).map(|(_, by)| *by)
    }

    /// Whether a written flag decides although the file that decides otherwise is named.
    pub(super) fn is_outranking(&self, setting: &str) -> bool {
        self.outranking.contains(&setting)
    }

    /// The switch that takes a setting's effect away, and the files that take the effect of the switch away.
    pub(super) fn voiding(&self, setting: &str) -> Option<(&'static str, [&'static str; 2])> {
        self.voided.iter().find(|(voided, ..)| *voided == setting).map(|(_, by, unless)| (*by, *unless))
    }

    /// What a value says: slices print as `[a,b]` on /flagz (apiserver pkg/server/flagz); switches take Go's spellings of true and
    /// false (strconv.ParseBool).
    pub(super) fn normalized(&self, setting: &str, value: &str) -> String {
        let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
        let plain = inner.trim().trim_matches('"');
        match plain {
            "1" | "t" | "T" | "TRUE" | "True" if self.is_switch(setting) => "true".to_owned(),
            "0" | "f" | "F" | "FALSE" | "False" if self.is_switch(setting) => "false".to_owned(),
            _ => match self.forms.iter().find(|(name, _)| *name == setting) {
                Some((_, form)) => form.one_spelling(plain),
                None => plain.to_owned(),
            },
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

impl Form {
    fn one_spelling(self, text: &str) -> String {
        let of_kube = |item: String| match item.split_once(':') {
            Some(("" | "kube", gate)) => gate.trim().to_owned(),
            _ => item,
        };
        let mut items = match self {
            Self::Duration => return durations::canonical(text).unwrap_or_else(|| text.to_owned()),
            Self::Set => split(text),
            Self::FeatureGates => split(text).into_iter().map(of_kube).collect(),
        };
        items.sort();
        items.dedup();
        items.join(",")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_what_they_say() {
        let same = [
            ("request-timeout", "300s", "5m0s"),
            ("service-account-max-token-expiration", "24h", "24h0m0s"),
            ("feature-gates", "ComponentFlagz=true", ":ComponentFlagz=true"),
            ("feature-gates", "B=true, A=false", ":A=false,:B=true"),
            ("feature-gates", "A=true", "kube:A=true"),
            ("feature-gates", "wardle:C=true,A=true", ":A=true,wardle:C=true"),
            ("oidc-required-claim", "b=1,a=2", "a=2,b=1"),
            ("etcd-servers", "https://a,https://b", "[https://a,https://b]"),
        ];
        for (setting, written, shown) in same {
            assert_eq!(API_SERVER.normalized(setting, written), API_SERVER.normalized(setting, shown), "{setting}");
        }
        let different =
            [("request-timeout", "300s", "5m1s"), ("feature-gates", "A=true", ":A=false"), ("feature-gates", "A=true", "wardle:A=true")];
        for (setting, one, other) in different {
            assert_ne!(API_SERVER.normalized(setting, one), API_SERVER.normalized(setting, other), "{setting}");
        }
    }

    #[test]
    fn lists_are_compared_as_sets_where_their_order_says_nothing() {
        assert!(API_SERVER.same("authorization-mode", "Node,RBAC", "RBAC, Node"));
        assert!(API_SERVER.same("enable-admission-plugins", "NodeRestriction,NodeRestriction", "NodeRestriction"));
        assert!(!API_SERVER.same("authorization-mode", "Node,RBAC", "RBAC"));
        assert!(!API_SERVER.same("service-account-issuer", "https://a,https://b", "https://b,https://a"));
        assert!(!API_SERVER.same("profiling", "true", "false"));
    }

    #[test]
    fn a_default_that_changed_is_known_where_all_servers_have_the_same() {
        let age = |minors| API_SERVER.default_of("audit-log-maxage", minors);
        assert_eq!(age(Some((31, 31))), Some("0"));
        assert_eq!(age(Some((36, 37))), Some("366"));
        assert_eq!(age(Some((35, 36))), None, "one of them may be older");
        assert_eq!(age(None), None, "the version is not known");
        assert_eq!(API_SERVER.default_of("profiling", None), Some("true"));
    }
}
