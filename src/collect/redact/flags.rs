//! Names whose values may be stored: flags of control plane components and network plugins, settings of storage drivers.
//!
//! Only flags whose value is configuration and never a secret: switches, durations, modes, lists of names, and paths of files on a
//! host. Sources: the command-line references of Kubernetes 1.32 to 1.37 and CIS Kubernetes Benchmark 1.8 to 2.1.0.

use std::borrow::Cow;

/// One name per word, sorted within each group by the component that has it first.
const KNOWN_FLAGS: &str = "
    admission-control admission-control-config-file advertise-address aggregator-reject-forwarding-redirect allow-metric-labels allow-privileged
    anonymous-auth api-audiences apiserver-count audit-log-batch-buffer-size audit-log-batch-max-size audit-log-batch-max-wait
    audit-log-batch-throttle-burst audit-log-batch-throttle-enable audit-log-batch-throttle-qps audit-log-compress audit-log-format
    audit-log-maxage audit-log-maxbackup audit-log-maxsize audit-log-mode audit-log-path audit-log-truncate-enabled
    audit-log-truncate-max-batch-size audit-log-truncate-max-event-size audit-log-version audit-policy-file
    audit-webhook-batch-buffer-size audit-webhook-batch-max-size audit-webhook-batch-max-wait audit-webhook-batch-throttle-burst
    audit-webhook-batch-initial-backoff audit-webhook-batch-throttle-enable audit-webhook-batch-throttle-qps audit-webhook-config-file
    audit-webhook-initial-backoff audit-webhook-truncate-max-batch-size audit-webhook-truncate-max-event-size
    audit-webhook-mode audit-webhook-truncate-enabled audit-webhook-version authentication-config authentication-skip-lookup
    authentication-tolerate-lookup-failure authentication-token-webhook authentication-token-webhook-cache-ttl
    authentication-token-webhook-config-file authentication-token-webhook-version authorization-always-allow-paths
    authorization-config authorization-mode authorization-policy-file authorization-webhook-cache-authorized-ttl
    authorization-webhook-cache-unauthorized-ttl authorization-webhook-config-file authorization-webhook-version basic-auth-file
    bind-address cert-dir client-ca-file cloud-config cloud-provider contention-profiling coordinated-leadership-lease-duration
    coordinated-leadership-renew-deadline coordinated-leadership-retry-period debug-socket-path
    cors-allowed-origins default-not-ready-toleration-seconds default-unreachable-toleration-seconds default-watch-cache-size
    delete-collection-workers disable-admission-plugins disable-http2-serving disabled-metrics egress-selector-config-file
    emulated-version emulation-forward-compatible enable-admission-plugins enable-aggregator-routing enable-bootstrap-token-auth
    enable-garbage-collector enable-logs-handler enable-priority-and-fairness encryption-provider-config
    encryption-provider-config-automatic-reload endpoint-reconciler-type etcd-cafile etcd-certfile etcd-compaction-interval
    etcd-count-metric-poll-period etcd-db-metric-poll-interval etcd-healthcheck-timeout etcd-readycheck-timeout etcd-servers
    etcd-servers-overrides external-hostname
    etcd-keyfile etcd-prefix event-ttl feature-gates goaway-chance http2-max-streams-per-connection insecure-bind-address
    insecure-port kubelet-certificate-authority kubelet-client-certificate kubelet-client-key kubelet-https
    kubelet-port kubelet-preferred-address-types kubelet-read-only-port kubernetes-service-node-port kubelet-timeout lease-reuse-duration-seconds livez-grace-period
    log-file also-stdout redirect-stderr log-flush-frequency log-json-info-buffer-size log-json-split-stream log-text-info-buffer-size log-text-split-stream log-format logging-format max-connection-bytes-per-sec max-mutating-requests-inflight
    max-requests-inflight min-compatibility-version min-request-timeout oidc-ca-file oidc-client-id oidc-groups-claim
    oidc-groups-prefix oidc-issuer-url oidc-required-claim oidc-signing-algs oidc-username-claim oidc-username-prefix
    peer-advertise-ip peer-advertise-port peer-ca-file permit-address-sharing permit-port-sharing profiling proxy-client-cert-file
    proxy-client-key-file repair-malformed-updates request-timeout requestheader-allowed-names requestheader-client-ca-file
    requestheader-extra-headers-prefix requestheader-group-headers requestheader-uid-headers requestheader-username-headers
    runtime-config runtime-config-emulation-forward-compatible secure-port service-account-api-audiences
    service-account-extend-token-expiration service-account-issuer service-account-jwks-uri service-account-key-file
    service-account-lookup service-account-max-token-expiration service-account-signing-endpoint service-account-signing-key-file
    service-cluster-ip-range service-node-port-range show-hidden-metrics-for-version shutdown-delay-duration
    shutdown-send-retry-after shutdown-watch-termination-grace-period storage-backend storage-initialization-timeout
    storage-media-type strict-transport-security-directives target-ram-mb tls-cert-file tls-cipher-suites tls-curve-preferences
    tls-min-version tls-private-key-file tls-sni-cert-key token-auth-file tracing-config-file v vmodule watch-cache watch-cache-sizes

    allocate-node-cidrs attach-detach-reconcile-sync-period authentication-kubeconfig authorization-kubeconfig cidr-allocator-type
    cluster-cidr cluster-name cluster-signing-cert-file cluster-signing-duration cluster-signing-key-file
    cluster-signing-kube-apiserver-client-cert-file cluster-signing-kube-apiserver-client-key-file
    cluster-signing-kubelet-client-cert-file cluster-signing-kubelet-client-key-file cluster-signing-kubelet-serving-cert-file
    cluster-signing-kubelet-serving-key-file cluster-signing-legacy-unknown-cert-file cluster-signing-legacy-unknown-key-file
    configure-cloud-routes controllers enable-hostpath-provisioner kubeconfig leader-elect leader-elect-lease-duration
    leader-elect-renew-deadline leader-elect-resource-lock legacy-service-account-token-clean-up-period
    node-cidr-mask-size node-monitor-grace-period node-monitor-period root-ca-file service-account-private-key-file
    terminated-pod-gc-threshold use-service-account-credentials

    config address port algorithm-provider policy-config-file

    advertise-client-urls auto-tls cert-file cipher-suites client-cert-allowed-hostname client-cert-auth client-crl-file data-dir
    experimental-initial-corrupt-check experimental-watch-progress-notify-interval feature-gates host-whitelist initial-cluster
    initial-cluster-state key-file listen-client-http-urls listen-client-urls listen-metrics-urls listen-peer-urls name
    peer-auto-tls peer-cert-allowed-cn peer-cert-allowed-hostname peer-cert-file peer-client-cert-auth peer-crl-file peer-key-file
    peer-trusted-ca-file self-signed-cert-validity snapshot-count tls-max-version trusted-ca-file wal-dir

    bootstrap-kubeconfig container-runtime-endpoint eviction-hard event-qps hostname-override image-credential-provider-config
    make-iptables-util-chains max-pods node-ip node-labels pod-max-pids pod-manifest-path pod-infra-container-image
    protect-kernel-defaults read-only-port register-with-taints rotate-certificates rotate-server-certificates seccomp-default
    streaming-connection-idle-timeout enable-debugging-handlers system-reserved kube-reserved

    healthz-bind-address metrics-bind-address proxy-mode conntrack-max-per-core

    config-dir enable-policy policy-audit-mode enable-k8s-networkpolicy enable-wireguard
    enable-network-policy enable-np enable-ipv6 enable-cloudwatch-logs metrics-bind-addr health-probe-bind-addr
    iface ip-masq kube-subnet-mgr run-firewall run-router run-service-proxy enable-ipsec enable-lb enable-nat-outgoing
    disable-network-policy secrets-encryption secrets-encryption-provider flannel-backend flannel-ipv6-masq profile selinux
    protect-kernel-defaults disable disable-kube-proxy disable-cloud-controller disable-helm-controller cni etcd-expose-metrics
    embedded-registry write-kubeconfig-mode kube-controller-manager-arg kube-scheduler-arg kube-apiserver-arg kubelet-arg
    kube-proxy-arg etcd-arg tls-san pod-security-admission-config-file audit-policy-file debug rootless

    publish-service election-id controller-class ingress-class configmap validating-webhook validating-webhook-certificate
    validating-webhook-key enable-ssl-passthrough enable-annotation-validation watch-ingress-without-class annotations-prefix
";

/// Those of them that are switches: they take a value only after `=`, and the word that follows is not theirs.
const SWITCHES: &str = "
    aggregator-reject-forwarding-redirect allow-privileged also-stdout anonymous-auth audit-log-batch-throttle-enable audit-log-compress
    redirect-stderr audit-log-truncate-enabled audit-webhook-batch-throttle-enable audit-webhook-truncate-enabled authentication-skip-lookup
    authentication-tolerate-lookup-failure authentication-token-webhook contention-profiling disable-http2-serving
    emulation-forward-compatible enable-aggregator-routing enable-bootstrap-token-auth enable-garbage-collector enable-logs-handler
    enable-priority-and-fairness encryption-provider-config-automatic-reload kubelet-https log-json-split-stream log-text-split-stream
    permit-address-sharing permit-port-sharing profiling repair-malformed-updates runtime-config-emulation-forward-compatible
    service-account-extend-token-expiration service-account-lookup shutdown-send-retry-after watch-cache

    allocate-node-cidrs configure-cloud-routes enable-hostpath-provisioner leader-elect use-service-account-credentials

    auto-tls client-cert-auth experimental-initial-corrupt-check peer-auto-tls peer-client-cert-auth

    make-iptables-util-chains protect-kernel-defaults rotate-certificates rotate-server-certificates seccomp-default
    enable-debugging-handlers

    policy-audit-mode enable-k8s-networkpolicy enable-wireguard
    enable-network-policy enable-np enable-ipv6 enable-cloudwatch-logs ip-masq kube-subnet-mgr run-firewall run-router
    run-service-proxy enable-ipsec enable-lb enable-nat-outgoing disable-network-policy secrets-encryption flannel-ipv6-masq selinux
    disable-kube-proxy disable-cloud-controller disable-helm-controller etcd-expose-metrics embedded-registry debug rootless

    enable-ssl-passthrough enable-annotation-validation watch-ingress-without-class
";

/// Environment of network plugins that decides whether policies are enforced.
const KNOWN_ENV: [&str; 12] = [
    "DATASTORE_TYPE",
    "EXPECT_NPC",
    "FELIX_CHAININSERTMODE",
    "FELIX_INTERFACEPREFIX",
    "NETWORK_POLICY_ENFORCING_MODE",
    "POD_SECURITY_GROUP_ENFORCING_MODE",
    "CALICO_NETWORKING_BACKEND",
    "CILIUM_ENABLE_POLICY",
    "CILIUM_POLICY_AUDIT_MODE",
    "CILIUM_ENABLE_K8S_NETWORKPOLICY",
    "CILIUM_ENABLE_WIREGUARD",
    "CILIUM_ENABLE_IPSEC",
];

/// Programs whose name may stand anywhere in a command line of the control plane (wrappers put it there).
const COMPONENTS: [&str; 13] = [
    "kube-apiserver",
    "kube-controller-manager",
    "cloud-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "etcd",
    "etcd-manager",
    "go-runner",
    "kube-log-runner",
    "hyperkube",
    "kube-router",
    "flanneld",
];

/// Settings of storage drivers that say whether and how a volume is encrypted and on how many nodes it lies, in lower case.
const KNOWN_PARAMETERS: &[&str] = &[
    "csi.storage.k8s.io/fstype",
    "disk-encryption-kms-key",
    "diskencryptionsetid",
    "diskencryptiontype",
    "encrypted",
    "encryptintransit",
    "encryption",
    "encryptionkmsid",
    "encryptiontype",
    "filesystemid",
    "fstype",
    "insecureskiptlsverify",
    "kmskeyid",
    "linodebs.csi.linode.com/luks-encrypted",
    "luksencryption",
    "mounter",
    "numberofreplicas",
    "protocol",
    "provisioningmode",
    "repl",
    "replication-type",
    // Which of its objects a driver mounts (Secrets Store CSI Driver); names of secrets stand in that object, and are not read.
    "secretproviderclass",
    "secure",
    "skuname",
    "storageaccounttype",
    "storagepolicyname",
    "storagetype",
    "type",
];

/// Whether the value of this flag (without dashes) is configuration that may be stored.
pub fn is_known_flag(name: &str) -> bool {
    let name = normalized(name);
    KNOWN_FLAGS.split_ascii_whitespace().any(|known| known == name)
}

/// The name of a flag as components of Kubernetes read it: `_` means `-`.
pub(super) fn normalized(name: &str) -> Cow<'_, str> {
    if name.contains('_') { Cow::Owned(name.replace('_', "-")) } else { Cow::Borrowed(name) }
}

/// Whether a known flag takes the word that follows as its value.
pub(super) fn takes_a_value(name: &str) -> bool {
    !SWITCHES.split_ascii_whitespace().any(|switch| switch == name)
}

/// Whether a value could hold more than configuration: credentials before `@`, a query after `?`, a document in `{`. None of the
/// known flags needs these signs: their values are words, numbers, lists, addresses and paths. (An image by digest and a regular
/// expression of origins can hold them, and nothing is decided by those.)
pub(super) fn may_carry_credentials(value: &str) -> bool {
    value.contains(['@', '?', '{'])
}

/// Whether the value of this environment variable of a network plugin may be stored.
pub fn is_known_env(name: &str) -> bool {
    KNOWN_ENV.contains(&name)
}

/// Variables that switch an agent on or off, in any pod: of these only `true` and `false` stay, which cannot be secret.
const SWITCHING_ENV: [&str; 1] = ["DD_LOGS_ENABLED"];

/// Whether a variable is such a switch, and its value says which way.
pub(super) fn is_switching(name: &str, value: &str) -> bool {
    SWITCHING_ENV.contains(&name) && matches!(value, "true" | "false")
}

/// Flags with one dash by which the manifests of agents start them, in any pod: that it is a flag decides whether the agent is started at all.
/// Exact names only, and never a value: `-pSECRET` is no name. (grafana/loki `clients/cmd/promtail`; kubearmor/KubeArmor
/// `KubeArmor/config/config.go` and `pkg/KubeArmorOperator/common/defaults.go`.)
const ONE_DASH: &[&str] = &[
    "client.external-labels",
    "client.url",
    "cluster",
    "config.expand-env",
    "config.file",
    "criSocket",
    "defaultCapabilitiesPosture",
    "defaultFilePosture",
    "defaultNetworkPosture",
    "enableKubeArmorHostPolicy",
    "enableKubeArmorPolicy",
    "enableKubeArmorVm",
    "gRPC",
    "hostDefaultCapabilitiesPosture",
    "hostDefaultFilePosture",
    "hostDefaultNetworkPosture",
    "hostVisibility",
    "k8s",
    "log.level",
    "logPath",
    "procfsMount",
    "print-config-stderr",
    "server.http-listen-port",
    "tlsCertPath",
    "tlsEnabled",
    "visibility",
];

/// Whether a name is that of a flag that is written with one dash.
pub(super) fn is_one_dash_flag(name: &str) -> bool {
    ONE_DASH.contains(&name)
}

/// Programs that say nothing but what they are: that a line of shell follows, for example.
const PROGRAMS: [&str; 10] = ["sh", "ash", "bash", "dash", "zsh", "busybox", "tini", "dumb-init", "env", "exec"];

/// The programs of agents of network plugins, of runtime sensors and of what carries logs away, and those of which people make a container
/// that only waits: which of the two runs decides whether the agent does anything.
const AGENTS: &[&str] = &[
    "agent",
    "alloy",
    "antrea-agent",
    "azure-npm",
    "calico-node",
    "cat",
    "cilium-agent",
    "elastic-agent",
    "falco",
    "filebeat",
    "flanneld",
    "fluent-bit",
    "fluent-bit-watcher",
    "fluentd",
    "kindnetd",
    "kube-network-policies",
    "kube-router",
    "kubearmor",
    "launch.sh",
    "netpol",
    "otelcol",
    "otelcol-contrib",
    "otelcol-k8s",
    "ovnkube.sh",
    "pause",
    "promtail",
    "security-agent",
    "sleep",
    "start_runit",
    "system-probe",
    "tail",
    "td-agent",
    "tetragon",
    "tracee",
    "vector",
    "weave-npc",
];

/// Whether a word is the name or path of a program that may be told: any other could be anything.
pub(super) fn is_program(word: &str) -> bool {
    const FOLDERS: [&str; 7] = ["", "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/"];
    is_component(word)
        || is_one_of(AGENTS, word)
        || PROGRAMS.iter().any(|program| word.strip_suffix(program).is_some_and(|folder| FOLDERS.contains(&folder)))
}

/// Whether a word is the name or path of a control plane component.
pub(super) fn is_component(word: &str) -> bool {
    is_one_of(&COMPONENTS, word)
}

fn is_one_of(programs: &[&str], word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    programs.contains(&name) && word.len() <= 100 && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

/// Switches among them: their value is a word for yes or no.
const SWITCH_PARAMETERS: [&str; 7] = [
    "encrypted",
    "encryptintransit",
    "insecureskiptlsverify",
    "linodebs.csi.linode.com/luks-encrypted",
    "luksencryption",
    "secure",
    "encryption",
];

/// Addresses of the stores of backups (Velero's plug-ins for AWS, Azure and Google), in lower case: of these, scheme, host and port stay.
const ADDRESS_PARAMETERS: [&str; 4] = ["publicurl", "s3url", "storageaccounturi", "storeendpoint"];

/// Whether a setting holds the address of a store.
pub(super) fn is_address_parameter(name: &str) -> bool {
    ADDRESS_PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether this value of a setting that is known is one, and not something else that somebody wrote there.
pub(super) fn is_value_of_parameter(name: &str, value: &str) -> bool {
    // `encryption` is a switch for some drivers, and a word for others.
    const WORDS: [&str; 16] = ["", "true", "false", "yes", "no", "on", "off", "0", "1", "t", "f", "y", "n", "none", "enabled", "disabled"];
    const KEYS: [&str; 4] = ["disk-encryption-kms-key", "diskencryptionsetid", "encryptionkmsid", "kmskeyid"];
    let name = name.to_ascii_lowercase();
    if KEYS.contains(&name.as_str()) {
        // That a key is named decides; which one is told where it is written as clouds write it: a path or a UUID.
        let is_path = value.contains(['/', ':']);
        let is_uuid = value.len() == 36 && value.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        return value.is_empty() || ((is_path || is_uuid) && super::secret::is_plain_setting(value));
    }
    if name == "encryption" || !SWITCH_PARAMETERS.contains(&name.as_str()) {
        return super::secret::is_plain_setting(value);
    }
    WORDS.contains(&value.to_ascii_lowercase().as_str())
}

/// Whether the value of this setting of a storage driver may be stored. Names of Secrets are references, not contents.
pub(super) fn is_known_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    KNOWN_PARAMETERS.contains(&name.as_str())
        || (name.starts_with("csi.storage.k8s.io/") && (name.ends_with("-secret-name") || name.ends_with("-secret-namespace")))
}

/// Whether an option of a mount (`nfs(5)`, `mount.efs`) says how data travels, or nothing that could be secret.
pub(super) fn is_known_mount_option(word: &str) -> bool {
    const WORDS: &[&str] = &["tls", "hard", "soft", "ro", "rw", "noatime", "nolock", "noresvport"];
    const VALUES: &[(&str, &[&str])] = &[
        ("sec", &["sys", "none", "krb5", "krb5i", "krb5p"]),
        ("xprtsec", &["none", "tls", "mtls"]),
        ("nfsvers", &["3", "4", "4.0", "4.1", "4.2"]),
        ("vers", &["2.1", "3", "3.0", "3.1.1", "4", "4.0", "4.1", "4.2"]),
        ("proto", &["tcp", "udp", "tcp6", "udp6", "rdma"]),
    ];
    let is_pair = |name: &str, value: &str| VALUES.iter().any(|(known, values)| *known == name && values.contains(&value));
    // One entry may hold several options.
    !word.is_empty()
        && word.split(',').all(|one| match one.split_once('=') {
            Some(("rsize" | "wsize" | "timeo" | "retrans", value)) => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()),
            Some((name, value)) => is_pair(name, value),
            None => WORDS.contains(&one),
        })
}
