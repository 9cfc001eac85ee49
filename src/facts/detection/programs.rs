//! How runtime sensors and log shippers are known: by the image of a container and the program that it runs. Names of pods and containers are
//! written by whoever makes them, and say nothing.

use k8s_openapi::api::core::v1::{Container, PodSecurityContext, SecurityContext};

use crate::facts::agents::repository;

/// One program that people run on every node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    /// What it is called in rows.
    pub(super) name: &'static str,
    /// Ends of the names of its images, without tag and digest. Mirrors keep the last part, mostly.
    images: &'static [&'static str],
    /// The names that its own manifests give its DaemonSet: with one of these, the last part of the name of its image is enough.
    daemon_sets: &'static [&'static str],
    /// What its manifests write as the program, where they write one.
    programs: &'static [&'static str],
    /// Whether the image starts the program itself, so that words without a dash behind it are its own: `alloy run`.
    takes_words: bool,
    /// A variable of the environment without which it watches nothing.
    only_with: Option<&'static str>,
    /// A variable of the environment that switches it on and off: `true` is on.
    switch: Option<&'static str>,
    /// Whether its manifests share the work among containers of one pod, so that another one with its image may be the one that looks at
    /// the node.
    shared: bool,
    /// The whole names of its publisher's images that run as root where nothing else is said. Whoever builds one of their own under the
    /// same last word may give it another user, as Bitnami does (bitnami/containers `bitnami/fluent-bit`: `USER 1001`).
    as_root: &'static [&'static str],
}

const fn program(
    name: &'static str,
    images: &'static [&'static str],
    daemon_sets: &'static [&'static str],
    programs: &'static [&'static str],
) -> Program {
    Program { name, images, daemon_sets, programs, takes_words: false, only_with: None, switch: None, shared: false, as_root: &[] }
}

/// Programs that watch what runs on a node. Read in the charts and manifests of the projects, 2026-11: falcosecurity/charts
/// `charts/falco/templates/pod-template.tpl` (and what falco-operator writes, `internal/pkg/resources/falco.go`), cilium/tetragon
/// `install/kubernetes/tetragon`, kubearmor/KubeArmor `deployments/`, sysdiglabs/charts `agent` and `shield`, DataDog/helm-charts
/// `_container-security-agent.yaml`. The images of Defender, GuardDuty, Prisma Cloud, CrowdStrike, NeuVector, Tracee and RHACS were seen
/// in manifests of others only, and not in those of their makers.
#[rustfmt::skip]
pub(super) const SENSORS: &[Program] = &[
    program("Falco", &["falcosecurity/falco", "falcosecurity/falco-no-driver"], &["falco"], &["falco"]),
    program("Tetragon", &["cilium/tetragon"], &["tetragon"], &["tetragon"]),
    program("KubeArmor", &["kubearmor/kubearmor", "kubearmor/kubearmor-ubi"], &["kubearmor"], &["kubearmor"]),
    program("Sysdig", &["sysdig/agent", "sysdig/agent-slim", "sysdig/host-shield"], &["sysdig-agent"], &[]),
    program("Microsoft Defender", &["azuredefender/stable/low-level-collector"], &["microsoft-defender-collector-ds"], &[]),
    program("Amazon GuardDuty", &["aws-guardduty-agent"], &["aws-guardduty-agent"], &[]),
    program("Prisma Cloud Defender", &["twistlock/defender"], &["twistlock-defender-ds"], &[]),
    program("CrowdStrike Falcon", &["release/falcon-sensor"], &["falcon-node-sensor"], &[]),
    program("NeuVector", &["neuvector/enforcer"], &["neuvector-enforcer-pod"], &[]),
    program("Tracee", &["aquasec/tracee"], &["tracee"], &["tracee"]),
    program("RHACS Collector", &["advanced-cluster-security/rhacs-collector-rhel8", "advanced-cluster-security/rhacs-collector-rhel9", "advanced-cluster-security/rhacs-collector-slim-rhel8"], &[], &[]),
    Program { only_with: Some("DD_RUNTIME_SECURITY_CONFIG_POLICIES_DIR"), shared: true, ..program("Datadog Workload Protection", DATADOG, &["datadog"], &["security-agent", "system-probe"]) },
];

const DATADOG: &[&str] = &["datadog/agent", "datadoghq/agent"];

/// Programs that carry logs away from a node. Read in fluent/helm-charts, openshift/cluster-logging-operator (`internal/collector`) and
/// DataDog/helm-charts, 2026-11; the others are from memory: a wrong name leaves a node unseen, never passed. Images that give themselves another user
/// (those of the OpenTelemetry Collector and of Elastic do), or of which that is not known, run as root only where the pod says so. The agent of
/// Datadog carries logs only where it is told to (`logs_enabled`, which is false by default: DataDog/datadog-agent `pkg/config/setup`).
#[rustfmt::skip]
pub(super) const SHIPPERS: &[Program] = &[
    Program { as_root: &["docker.io/fluent/fluent-bit", "cr.fluentbit.io/fluent/fluent-bit", "ghcr.io/fluent/fluent-bit", "docker.io/amazon/aws-for-fluent-bit", "public.ecr.aws/aws-observability/aws-for-fluent-bit"], ..program("Fluent Bit", &["fluent/fluent-bit", "fluent-bit", "aws-for-fluent-bit"], &[], &["fluent-bit", "fluent-bit-watcher"]) },
    Program { as_root: &["docker.io/fluent/fluentd-kubernetes-daemonset"], ..program("Fluentd", &["fluentd-kubernetes-daemonset"], &[], &["fluentd"]) },
    program("Fluentd", &["fluentd", "fluentd-hec"], &[], &["fluentd", "td-agent"]),
    Program { as_root: &["docker.io/timberio/vector"], ..program("Vector", &["timberio/vector"], &["vector"], &["vector"]) },
    program("Vector", &["openshift-logging/vector", "vector-rhel8", "vector-rhel9"], &[], &["vector"]),
    Program { as_root: &["docker.io/grafana/promtail"], ..program("Promtail", &["grafana/promtail"], &["promtail"], &["promtail"]) },
    Program { as_root: &["docker.io/grafana/alloy"], takes_words: true, ..program("Alloy", &["grafana/alloy"], &["alloy"], &["alloy"]) },
    program("OpenTelemetry Collector", &["opentelemetry-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "splunk-otel-collector"], &[], &["otelcol", "otelcol-contrib", "otelcol-k8s"]),
    program("Filebeat", &["beats/filebeat"], &["filebeat"], &["filebeat"]),
    program("Elastic Agent", &["elastic-agent/elastic-agent", "beats/elastic-agent"], &["elastic-agent"], &["elastic-agent"]),
    program("Splunk Universal Forwarder", &["splunk/universalforwarder"], &[], &[]),
    Program { as_root: &["docker.io/datadog/agent", "gcr.io/datadoghq/agent", "eu.gcr.io/datadoghq/agent", "asia.gcr.io/datadoghq/agent", "public.ecr.aws/datadog/agent"], switch: Some("DD_LOGS_ENABLED"), ..program("Datadog Agent", DATADOG, &["datadog", "datadog-agent"], &["agent"]) },
];

/// What a container with the image of a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// The program.
    Itself,
    /// A line of a shell, or a word that is not stored: it may start the program, or anything.
    Unclear,
    /// Something that only waits, or another program of the same image.
    SomethingElse,
}

/// Programs of which people make a container that only waits.
const WAITING: &[&str] = &["sleep", "tail", "cat", "pause"];

impl Program {
    /// Whether an image is one of its own, in a workload of that name.
    pub(super) fn has_image(&self, container: &Container, workload: &str) -> bool {
        let image = repository(container.image.as_deref().unwrap_or(""));
        let is = |end: &str| image == end || image.strip_suffix(end).is_some_and(|before| before.ends_with('/'));
        let last = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
        self.images.iter().any(|end| is(end) || (self.daemon_sets.contains(&workload) && is(last(end))))
    }

    /// Whether an image that is none of its own has a name that ends like one of them, as private mirrors name it: it may be the program.
    pub(super) fn resembles(&self, container: &Container) -> bool {
        // `agent` alone says nothing of whose it is.
        const ANYBODYS: &[&str] = &["agent", "collector", "defender", "enforcer"];
        let last = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
        let image = repository(container.image.as_deref().unwrap_or(""));
        let name = image.rsplit('/').next().unwrap_or(image);
        self.images.iter().any(|end| last(end) == name) && !ANYBODYS.contains(&name)
    }

    /// Whether a container of a pod may look at its node for this program.
    pub(super) fn looks_at_the_node(&self, container: &Container, pod: &[&Container], workload: &str) -> bool {
        let beside = || pod.iter().any(|other| self.has_image(other, workload) && sees_the_node(other));
        sees_the_node(container) || (self.shared && beside())
    }

    /// Whether the image of a container is known to run as root where nothing else is said.
    pub(super) fn is_root(&self, container: &Container) -> bool {
        let image = repository(container.image.as_deref().unwrap_or(""));
        let first = image.split('/').next().unwrap_or("");
        // What names no registry is Docker's (distribution/reference, splitDockerDomain).
        let whole = match image.contains('/') && (first.contains(['.', ':']) || first == "localhost") {
            true => image.to_owned(),
            false => format!("docker.io/{image}"),
        };
        let whole = whole.strip_prefix("index.").unwrap_or(&whole);
        self.as_root.contains(&whole)
    }

    /// What a container with such an image runs. `args` stand for the program where there is no `command` (`CMD` of the image).
    pub(super) fn runs(&self, container: &Container) -> Runs {
        let command = container.command.iter().flatten().next();
        let first = container.args.iter().flatten().next();
        let own = match (command, first) {
            (Some(word), _) => Some(word),
            (None, Some(word)) if !word.starts_with('-') => Some(word),
            (None, _) => None,
        };
        let is_unsaid = |word: &str| command.is_none() && self.takes_words && !WAITING.contains(&word);
        match own.map(|word| word.rsplit('/').next().unwrap_or(word)) {
            // Other programs of the image say themselves by name; without one it is not known which of them it is.
            None if self.only_with.is_some() => Runs::Unclear,
            None => self.switched_on(container),
            Some(word) if self.programs.contains(&word) || is_unsaid(word) => self.switched_on(container),
            Some(word) if WAITING.contains(&word) || KNOWN.contains(&word) => Runs::SomethingElse,
            Some(_) => Runs::Unclear,
        }
    }

    fn switched_on(&self, container: &Container) -> Runs {
        let has = |name: &str| container.env.iter().flatten().any(|variable| variable.name == name);
        match self.only_with {
            Some(name) if !has(name) => Runs::SomethingElse,
            _ => self.switch.map_or(Runs::Itself, |name| switched(container, name)),
        }
    }
}

/// What the last variable of that name says; where none does, or its value is not stored, a file may.
fn switched(container: &Container, name: &str) -> Runs {
    let variable = container.env.iter().flatten().rfind(|variable| variable.name == name);
    match variable.and_then(|variable| variable.value.as_deref()) {
        Some("true") => Runs::Itself,
        Some("false") => Runs::SomethingElse,
        _ => Runs::Unclear,
    }
}

/// Further programs of the images of both lists, which are neither.
const KNOWN: &[&str] = &["agent", "security-agent", "system-probe", "trace-agent", "process-agent"];

/// Whether a container may look at what others do on its node: it is privileged, or has one of the capabilities that loading programs into
/// the kernel or following processes takes (capabilities(7)). No level of Pod Security but `privileged` lets a pod have them, so that nobody
/// who is kept from the nodes can put a container there that is taken for a sensor.
pub(super) fn sees_the_node(container: &Container) -> bool {
    const CAPABILITIES: &[&str] = &["ALL", "BPF", "PERFMON", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE"];
    let Some(context) = &container.security_context else { return false };
    let added = context.capabilities.iter().flat_map(|all| all.add.iter().flatten());
    context.privileged == Some(true) || added.into_iter().any(|name| CAPABILITIES.contains(&name.trim_start_matches("CAP_")))
}

/// Whether a container reads files of root: it is root, because that is written or its image is. Capabilities that are added for another user
/// are in its bounding set only and not in force: runtimes set no ambient ones (KEP-2763 is not implemented; containerd issue 5644), and a file
/// of the image may have them or not (capabilities(7)). The same holds for a privileged container.
pub(super) fn reads_as_root(container: &Container, pod: Option<&PodSecurityContext>, image_is_root: bool) -> bool {
    let own: Option<&SecurityContext> = container.security_context.as_ref();
    let user = own.and_then(|own| own.run_as_user).or_else(|| pod.and_then(|pod| pod.run_as_user));
    let non_root = own.and_then(|own| own.run_as_non_root).or_else(|| pod.and_then(|pod| pod.run_as_non_root));
    match user {
        Some(user) => user == 0,
        None => image_is_root && non_root != Some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(value: serde_json::Value) -> Container {
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}"))
    }

    fn of(list: &[Program], name: &str) -> Program {
        *list.iter().find(|program| program.name == name).unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn an_image_is_known_by_its_end_and_not_by_a_part_of_it() {
        let falco = of(SENSORS, "Falco");
        let has = |image: &str, workload: &str| falco.has_image(&container(json!({"name": "falco", "image": image})), workload);
        assert!(has("docker.io/falcosecurity/falco:0.42.0-debian", "x"));
        assert!(has("registry.example:5000/mirror/falcosecurity/falco@sha256:00", "x"));
        assert!(has("registry.example:5000/security/falco:1", "falco"));
        for (image, workload) in
            [("registry.example/falco:1", "x"), ("falcosecurity/falcoctl:1", "falco"), ("example/notfalcosecurity/falco", "x")]
        {
            assert!(!has(image, workload), "{image} in {workload}");
        }
    }

    #[test]
    fn the_program_is_what_is_started_and_not_what_lies_in_the_image() {
        let runs = |program: Program, value: serde_json::Value| program.runs(&container(value));
        let falco = of(SENSORS, "Falco");
        assert_eq!(runs(falco, json!({"name": "f", "args": ["/usr/bin/falco", "-pk"]})), Runs::Itself);
        assert_eq!(runs(falco, json!({"name": "f", "args": ["--unbuffered"]})), Runs::Itself);
        assert_eq!(runs(falco, json!({"name": "f"})), Runs::Itself);
        assert_eq!(runs(falco, json!({"name": "f", "args": ["sleep", "infinity"]})), Runs::SomethingElse);
        assert_eq!(runs(falco, json!({"name": "f", "command": ["/bin/sleep", "1"]})), Runs::SomethingElse);
        assert_eq!(runs(falco, json!({"name": "f", "command": ["/bin/sh", "-c", "x"]})), Runs::Unclear);
        assert_eq!(runs(falco, json!({"name": "f", "args": ["[redacted]"]})), Runs::Unclear);
        let alloy = of(SHIPPERS, "Alloy");
        assert_eq!(runs(alloy, json!({"name": "a", "args": ["[redacted]", "[redacted]"]})), Runs::Itself);
        assert_eq!(runs(alloy, json!({"name": "a", "args": ["sleep", "[redacted]"]})), Runs::SomethingElse);
        assert_eq!(runs(alloy, json!({"name": "a", "command": ["[redacted]"]})), Runs::Unclear);
    }

    #[test]
    fn datadog_watches_programs_only_where_it_was_told_to() {
        let datadog = of(SENSORS, "Datadog Workload Protection");
        let told = json!([{"name": "DD_RUNTIME_SECURITY_CONFIG_POLICIES_DIR"}]);
        let runs = |value: serde_json::Value| datadog.runs(&container(value));
        assert_eq!(runs(json!({"name": "s", "command": ["security-agent"], "env": told})), Runs::Itself);
        assert_eq!(runs(json!({"name": "s", "command": ["security-agent"]})), Runs::SomethingElse);
        assert_eq!(runs(json!({"name": "s", "command": ["agent"]})), Runs::SomethingElse);
        assert_eq!(runs(json!({"name": "s"})), Runs::Unclear);
    }

    #[test]
    fn only_the_images_of_a_publisher_are_known_to_be_root() {
        let fluent_bit = of(SHIPPERS, "Fluent Bit");
        let root = |image: &str| fluent_bit.is_root(&container(json!({"name": "f", "image": image})));
        for image in [
            "fluent/fluent-bit:4",
            "docker.io/fluent/fluent-bit@sha256:00",
            "index.docker.io/fluent/fluent-bit",
            "cr.fluentbit.io/fluent/fluent-bit:4",
        ] {
            assert!(root(image), "{image}");
        }
        for image in
            ["docker.io/bitnami/fluent-bit:4.0.3", "fluent-bit", "registry.example/fluent/fluent-bit:4", "registry.example:5000/fluent-bit"]
        {
            assert!(!root(image), "{image}");
        }
    }

    #[test]
    fn the_agent_of_datadog_carries_logs_where_it_is_told_to() {
        let datadog = of(SHIPPERS, "Datadog Agent");
        let runs = |env: serde_json::Value| datadog.runs(&container(json!({"name": "agent", "command": ["agent", "run"], "env": env})));
        assert_eq!(runs(json!([{"name": "DD_LOGS_ENABLED", "value": "true"}])), Runs::Itself);
        assert_eq!(runs(json!([{"name": "DD_LOGS_ENABLED", "value": "false"}])), Runs::SomethingElse);
        assert_eq!(runs(json!([{"name": "DD_LOGS_ENABLED", "value": "[redacted]"}])), Runs::Unclear);
        assert_eq!(runs(json!([])), Runs::Unclear);
    }

    #[test]
    fn a_mirror_may_be_the_program_and_any_agent_is_not_datadogs() {
        let like = |name: &str, image: &str| of(SENSORS, name).resembles(&container(json!({"name": "x", "image": image})));
        assert!(like("Falco", "registry.clinic.example/sec/falco:1"));
        assert!(!like("Falco", "registry.clinic.example/sec/falcoctl:1"));
        assert!(!like("Datadog Workload Protection", "registry.clinic.example/agent:1"));
    }

    #[test]
    fn a_file_of_root_is_read_by_root() {
        let reads = |value: serde_json::Value| reads_as_root(&container(value), None, true);
        assert!(reads(json!({"name": "f"})));
        assert!(!reads_as_root(&container(json!({"name": "f"})), None, false));
        assert!(reads_as_root(&container(json!({"name": "f", "securityContext": {"runAsUser": 0}})), None, false));
        assert!(!reads(json!({"name": "f", "securityContext": {"runAsUser": 1000}})));
        assert!(!reads(json!({"name": "f", "securityContext": {"runAsNonRoot": true}})));
        // Capabilities of a user that is not root are not in force.
        assert!(!reads(json!({"name": "f", "securityContext": {"runAsUser": 1000, "capabilities": {"add": ["DAC_READ_SEARCH"]}}})));
        assert!(!reads(json!({"name": "f", "securityContext": {"runAsUser": 1000, "privileged": true}})));
        let pod = serde_json::from_value(json!({"runAsUser": 1000})).unwrap_or_else(|error| panic!("{error}"));
        assert!(!reads_as_root(&container(json!({"name": "f"})), Some(&pod), true));
        assert!(reads_as_root(&container(json!({"name": "f", "securityContext": {"runAsUser": 0}})), Some(&pod), true));
    }
}
